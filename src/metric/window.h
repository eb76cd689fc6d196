/* Windows: half open [start, end), fixed ones aligned to the epoch by floor division, calendar ones
 * (days, weeks from Monday, months) on the calendar of a time zone (what a local day is stands in
 * base/timezone.h). Semantics section 1.
 *
 * Windows of a spec tile time. In a zone some are empty (Samoa's 2011-12-30 of "1d"): they hold no
 * instant, begin where the one after them begins, and tide_window_of and _next never give them. */
#ifndef TIDE_METRIC_WINDOW_H
#define TIDE_METRIC_WINDOW_H

#include "base/bytes.h"
#include "base/clock.h"

enum tide_window_unit {
    TIDE_WINDOW_FIXED,  /* size is in microseconds */
    TIDE_WINDOW_DAYS,   /* size days, counted from 1970-01-01 */
    TIDE_WINDOW_WEEKS,  /* size weeks, from Monday 1969-12-29 */
    TIDE_WINDOW_MONTHS, /* size is 1 */
};

struct tide_timezone;

struct tide_window_spec {
    enum tide_window_unit unit;
    int64_t size;
    const struct tide_timezone *zone; /* not owned; NULL: UTC. Fixed units have none (asserted). */
};

struct tide_window {
    struct tide_instant start;
    struct tide_instant end;
};

/* "30s" "1m" "1h" "1d" "2d" "1w" "1mo"; at most 100 years. false: not a window. zone is NULL. */
bool tide_window_parse(struct tide_view text, struct tide_window_spec *spec);
/* The window that holds t. Some arithmetic, and in a zone three binary searches. */
struct tide_window tide_window_of(struct tide_window_spec spec, struct tide_instant t);
/* The first window of the spec after this one that holds an instant. */
struct tide_window tide_window_next(struct tide_window_spec spec, struct tide_window window);
/* A sliding window is pane_count neighbouring windows ("panes") of every: `over: 7d, every: 1d` has
 * seven. As many of them contain the pane that starts at pane_start (as tide_window_of gave it);
 * this is the k-th, k = 0 .. pane_count - 1, in the order of their ends; the 0-th ends with it.
 * Empty panes count as others do; so two sliding windows may have their ends, or their starts, in
 * common, and only both together name one. pane_count panes are at most 100 years. */
struct tide_window tide_window_slide(struct tide_window_spec every,
                                     uint32_t pane_count,
                                     struct tide_instant pane_start,
                                     uint32_t k);
/* In the largest unit of its kind that it is a multiple of: "1d", "90s", "1h" for 60m. Returns the
 * length; buffer has 32 bytes and is terminated. */
size_t tide_window_format(struct tide_window_spec spec, char *buffer);

#endif
