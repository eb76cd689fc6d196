/* When the service computes yesterday again: a time of the local day, what was missed, what failed.
 * Arithmetic only; cli/daily.h does it.
 *
 * A day is due when the clock shows the time on the day after it. What is due and not done is run
 * once, however long the service was away: from the first day that was missed (at most CATCH_UP
 * days back) to the last that is due. A run that fails is tried again a few times, and after that
 * with the next day's. A service that never ran has missed nothing. */
#ifndef TIDE_CLI_DAILY_SCHEDULE_H
#define TIDE_CLI_DAILY_SCHEDULE_H

#include "base/timezone.h"
#include "metric/window.h"

enum {
    TIDE_DAILY_CATCH_UP_DAYS = 31,
    TIDE_DAILY_ATTEMPTS_MAX = 3,
};

struct tide_daily_schedule {
    int64_t at_us; /* from midnight on, as a clock on the wall shows it */
    const struct tide_timezone *zone;
    uint32_t days; /* at least so many, ending with the one that is due */
};

struct tide_daily_state {
    bool is_known;    /* all zero: it never ran */
    int64_t done_day; /* local days since 1970-01-01; all up to this one are done */
    /* The last attempt at a later one. */
    int64_t tried_day;
    uint32_t attempts;
    struct tide_instant tried;
};

struct tide_daily_turn {
    bool is_due;
    int64_t day;               /* the last one of the span */
    struct tide_window span;   /* whole local days */
    struct tide_instant again; /* when to look again, if nothing is due */
};

/* "02:30", 00:00 .. 23:59. false: not that. */
bool tide_daily_parse_time(struct tide_view text, int64_t *at_us);
/* The last day that is due. */
int64_t tide_daily_due_day(const struct tide_daily_schedule *schedule, struct tide_instant now);
struct tide_daily_turn tide_daily_plan(const struct tide_daily_schedule *schedule,
                                       const struct tide_daily_state *state,
                                       struct tide_instant now);
/* What became of a turn that was due, which began at `began`. */
void tide_daily_note(struct tide_daily_state *state,
                     const struct tide_daily_turn *turn,
                     struct tide_instant began,
                     bool is_done);

#endif
