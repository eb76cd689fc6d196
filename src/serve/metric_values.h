/* The newest numbers of the metrics of the definitions, for Prometheus: metric_series.h says what a
 * sample is, this how many there are.
 *
 * At most series_max, whatever groups the events bring. A metric is told whole or not at all, since
 * some of its groups would add up to a wrong number: the metrics with the fewest series come first,
 * so that one with many groups takes nothing from the others, and of one that has no room is told
 * how many series that left out. The values are the live ones; a batch's are the same where they
 * are exact.
 *
 * Reading visits the partitions once for all metrics; what was read is kept for some seconds, so
 * that it costs the same however many ask. What a partition is asked for is bounded too: a metric
 * with too many cells to look through is left out unlooked at. Any thread. */
#ifndef TIDE_SERVE_METRIC_VALUES_H
#define TIDE_SERVE_METRIC_VALUES_H

#include "base/bytes.h"
#include "process/engine.h"

enum {
    TIDE_METRIC_SERIES_DEFAULT = 2000,
    TIDE_METRIC_SERIES_MAX = 20000
};

struct tide_metric_values;

struct tide_metric_values_options { /* outlives them */
    struct tide_engine *engine;
    const struct tide_definitions *definitions;
    struct tide_clock clock; /* of the age of what is kept */
    uint32_t partition_count;
    uint32_t series_max; /* 0: none is told */
};

/* RETRY: no memory. */
enum tide_status tide_metric_values_create(const struct tide_metric_values_options *options,
                                           struct tide_metric_values **values,
                                           struct tide_error *error);
void tide_metric_values_destroy(struct tide_metric_values *values); /* NULL is fine */
/* Appends the families. Waits for the partitions, unless what is kept is young or another thread is
 * reading. Without samples until every partition has caught up, and when the engine has stopped. */
void tide_metric_values_write(struct tide_metric_values *values, struct tide_bytes *text);

#endif
