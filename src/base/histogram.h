/* How long something takes: counts in fixed buckets, so that what several threads, topics or
 * processes measured can be added up, and a quantile be read from the sum.
 *
 * Any thread adds, any thread reads; nobody waits. A reading is a glimpse: what is added meanwhile
 * may be in it in part. All zero is empty. The buckets are the same everywhere and reach from 100
 * us (an answer from memory) to a minute (a lake that is down for a while). */
#ifndef TIDE_BASE_HISTOGRAM_H
#define TIDE_BASE_HISTOGRAM_H

#include <stdatomic.h>

#include "base/clock.h"

enum {
    TIDE_HISTOGRAM_BOUNDS = 18
};

struct tide_histogram_bound {
    int64_t us;          /* a bucket holds what took at most this, and more than the one before */
    const char *seconds; /* the same as text: "0.0025" */
};
extern const struct tide_histogram_bound tide_histogram_bounds[TIDE_HISTOGRAM_BOUNDS];

struct tide_histogram {
    _Atomic uint64_t counts[TIDE_HISTOGRAM_BOUNDS + 1]; /* the last: longer than every bound */
    _Atomic uint64_t sum_us;
};

/* count things that took elapsed each; a negative time, of a wall clock that was set, is 0. */
void tide_histogram_add(struct tide_histogram *histogram,
                        struct tide_duration elapsed,
                        uint64_t count);

struct tide_histogram_reading {
    uint64_t counts[TIDE_HISTOGRAM_BOUNDS + 1];
    uint64_t sum_us;
};

/* Adds to the reading, which starts as all zero: several histograms merge. */
void tide_histogram_read(const struct tide_histogram *histogram,
                         struct tide_histogram_reading *reading);
/* How many there are in all buckets. */
uint64_t tide_histogram_count(const struct tide_histogram_reading *reading);

#endif
