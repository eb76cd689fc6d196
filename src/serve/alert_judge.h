/* Judges the windows of one alert that became complete, in order, each once.
 *
 * A window is looked at when the closing clock has passed it (and the timeout of sessions and
 * funnels); what comes for it later revises the number, and no judgement. So a window that was told
 * is never told again. A new alert begins with the newest complete window: the past is no news.
 *
 * A group is judged in a window if it has events there, or is an instance still; a window without
 * its events then counts as one with none of them. An instance whose group was silent for too long
 * is forgotten. The baseline is the mean of the windows that end before this one begins, those
 * without events counted as 0; it is known once the metric has been seen for the whole span
 * (semantics, section 6).
 *
 * Knows no engine: whoever calls asks for the cells. One thread. */
#ifndef TIDE_SERVE_ALERT_JUDGE_H
#define TIDE_SERVE_ALERT_JUDGE_H

#include "metric/alert.h"
#include "operator/result.h"
#include "serve/alert_book.h"

enum {
    TIDE_ALERT_TURN_WINDOWS = 100,    /* that one turn judges; the rest has its turn after it */
    TIDE_ALERT_BEHIND_WINDOWS = 1000, /* that are judged after a gap; older ones are left out */
};

struct tide_alert_watch {
    const struct tide_definitions *definitions;
    const struct tide_alert *alert;
    const struct tide_metric *metric;
    const struct tide_metric *timed;  /* whose windows it follows */
    struct tide_alert_book *book;     /* owned */
    struct tide_instant judged_until; /* the end of the last window that was judged; or unknown.
                                         * Of an absence the start of the window that it is in. */
    struct tide_instant seen_since;   /* the start of the metric's first `every`; or unknown */
    bool is_primed;                   /* cells were looked at since the start of the process */
    uint64_t windows_skipped;         /* complete, but too many to judge */
    uint64_t groups_beyond;           /* judgements that had no place in the book */
};

/* false: out of memory. Release it in any case. */
bool tide_alert_watch_init(struct tide_alert_watch *watch,
                           const struct tide_definitions *definitions,
                           const struct tide_alert *alert);
void tide_alert_watch_release(struct tide_alert_watch *watch);

/* Which cells a turn needs. */
struct tide_alert_turn {
    struct tide_cell_span span;
    struct tide_window first; /* of when: panes of `every`, from first to last */
    struct tide_window last;
    uint64_t skipped;
    bool is_whole; /* there is no more behind it */
};

/* false: nothing is complete that was not judged. closing: known. */
bool tide_alert_plan(const struct tide_alert_watch *watch,
                     struct tide_instant closing,
                     struct tide_alert_turn *turn);

/* Called for each step of an instance, those that are not told too. */
struct tide_alert_teller {
    void (*tell)(void *context,
                 const struct tide_alert_watch *watch,
                 const struct tide_alert_instance *instance,
                 const struct tide_alert_step *step);
    void *context;
};

/* all: what the metric has in the turn's span; the alert's own rows are `rows`, which is all again
 * if it has no `where`. RETRY: out of memory, nothing was judged. */
enum tide_status tide_alert_judge(struct tide_alert_watch *watch,
                                  const struct tide_alert_turn *turn,
                                  const struct tide_result *all,
                                  const struct tide_result *rows,
                                  struct tide_alert_teller teller);
/* Time passes up to the closing clock: pending instances may fire. */
void tide_alert_pass(struct tide_alert_watch *watch,
                     struct tide_instant closing,
                     struct tide_alert_teller teller);

#endif
