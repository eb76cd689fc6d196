/* What a piece of work cost the thread that did it: CPU time, and instructions and cycles where the
 * machine lets us count them (a virtual machine mostly does not). */
#ifndef TIDE_BENCH_METER_H
#define TIDE_BENCH_METER_H

#include "base/assert.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum meter_count {
    METER_INSTRUCTIONS,
    METER_CYCLES,
    METER_COUNTS
};

struct meter {
    int files[METER_COUNTS]; /* -1: not to be counted here */
};

struct meter_cost {
    double seconds;
    double counts[METER_COUNTS]; /* 0: not counted */
};

static inline void meter_open(struct meter *meter)
{
    static const uint64_t events[METER_COUNTS] = {PERF_COUNT_HW_INSTRUCTIONS,
                                                  PERF_COUNT_HW_CPU_CYCLES};
    for (int i = 0; i < METER_COUNTS; i++) {
        struct perf_event_attr attributes = {.type = PERF_TYPE_HARDWARE,
                                             .size = sizeof attributes,
                                             .config = events[i],
                                             .exclude_kernel = 1,
                                             .exclude_hv = 1};
        meter->files[i] = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0UL);
    }
}

static inline void meter_close(struct meter *meter)
{
    for (int i = 0; i < METER_COUNTS; i++) {
        if (meter->files[i] >= 0) {
            close(meter->files[i]);
        }
    }
}

/* Since some moment in the past: for differences. */
static inline struct meter_cost meter_read(const struct meter *meter)
{
    struct meter_cost cost = {0};
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    cost.seconds = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    for (int i = 0; i < METER_COUNTS; i++) {
        uint64_t count = 0;
        if (meter->files[i] >= 0 && read(meter->files[i], &count, sizeof count) == sizeof count) {
            cost.counts[i] = (double)count;
        }
    }
    return cost;
}

static inline struct meter_cost meter_since(const struct meter *meter, struct meter_cost start)
{
    struct meter_cost cost = meter_read(meter);
    cost.seconds -= start.seconds;
    for (int i = 0; i < METER_COUNTS; i++) {
        cost.counts[i] -= start.counts[i];
    }
    return cost;
}

/* a + sign * b */
static inline struct meter_cost meter_sum(struct meter_cost a, struct meter_cost b, int sign)
{
    a.seconds += sign * b.seconds;
    for (int i = 0; i < METER_COUNTS; i++) {
        a.counts[i] += sign * b.counts[i];
    }
    return a;
}

static inline int meter_compare(const void *a, const void *b)
{
    const double x = ((const struct meter_cost *)a)->seconds;
    const double y = ((const struct meter_cost *)b)->seconds;
    return (x > y) - (x < y);
}

/* The one with the least time: what disturbs only adds. Sorts the costs. */
static inline struct meter_cost meter_least(struct meter_cost *costs, size_t count)
{
    tide_assert(count > 0);
    qsort(costs, count, sizeof *costs, meter_compare);
    return costs[0];
}

/* The one with the median time. Sorts the costs. */
static inline struct meter_cost meter_median(struct meter_cost *costs, size_t count)
{
    tide_assert(count > 0);
    qsort(costs, count, sizeof *costs, meter_compare);
    return costs[count / 2];
}

#endif
