/* Windows: half open [start, end), fixed ones aligned to the epoch by floor division, calendar ones
 * (days, weeks from Monday, months) in UTC for now. Semantics section 1. */
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

struct tide_window_spec {
    enum tide_window_unit unit;
    int64_t size;
};

struct tide_window {
    struct tide_instant start;
    struct tide_instant end;
};

/* "30s" "1m" "1h" "1d" "2d" "1w" "1mo"; at most 100 years. false: not a window. */
bool tide_window_parse(struct tide_view text, struct tide_window_spec *spec);
struct tide_window tide_window_of(struct tide_window_spec spec, struct tide_instant t);
/* In the largest unit of its kind that it is a multiple of: "1d", "90s", "1h" for 60m. Returns the
 * length; buffer has 32 bytes and is terminated. */
size_t tide_window_format(struct tide_window_spec spec, char *buffer);

#endif
