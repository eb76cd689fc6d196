/* Journeys: a funnel's runs as records, told once they have ended (completed, or timed out by the
 * closing clock), and again when a late event changes them.
 *
 * What was told is a function of two things: the events so far, and the closing clock of the last
 * telling. So after a restart nothing needs to be remembered but that clock: the log is replayed to
 * where the last telling was, and tide_operator_track says that all which had ended by then is
 * told. One thread, the operator's. */
#ifndef TIDE_OPERATOR_JOURNEY_H
#define TIDE_OPERATOR_JOURNEY_H

#include "operator/operator.h"

enum tide_journey_outcome {
    TIDE_JOURNEY_COMPLETED,
    TIDE_JOURNEY_ABANDONED, /* it reached the first step, and no more came in time */
    TIDE_JOURNEY_UNMATCHED, /* it never reached the first step */
    TIDE_JOURNEY_WITHDRAWN, /* told before; a late event made another run of its events */
};

struct tide_journey {
    uint32_t entity;        /* its dictionary number */
    struct tide_view rest;  /* canonical values of the other columns of `per`, in their order */
    struct tide_view group; /* as of a cell */
    enum tide_journey_outcome outcome;
    uint32_t reached; /* steps; times of as many */
    const int64_t *step_times_us;
    int64_t start_us; /* of the first step; unmatched: of the first event */
    int64_t end_us;   /* of the last event */
    uint32_t
        ordinal; /* among the key's runs with that start; with key and start it is the identity */
};

struct tide_journey_visitor {
    /* An answer other than OK ends the visit. */
    enum tide_status (*visit)(void *context, const struct tide_journey *journey);
    void *context;
};

const char *tide_journey_outcome_name(enum tide_journey_outcome outcome);
/* Everything that has ended by that clock counts as told; from here on changes are noted. Of a
 * funnel; others have no journeys. */
void tide_operator_track(struct tide_operator *operator, struct tide_instant closing);
/* Lowers *closing, so that telling by it has at most limits.journeys_max timeouts and those of the
 * last one's instant; the rest comes next time. All funnels of a partition are told by one clock.
 * FATAL: out of memory. */
enum tide_status tide_operator_bound_telling(struct tide_operator *operator,
                                             struct tide_instant * closing);
/* Visits what has changed and what has ended since the last telling by that clock, timeouts in
 * their order. closing: not before the last one. FATAL: out of memory, or what a visit answered. */
enum tide_status tide_operator_tell(struct tide_operator *operator,
                                    struct tide_instant closing,
                                    struct tide_journey_visitor visitor);

#endif
