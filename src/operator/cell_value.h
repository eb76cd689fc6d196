/* What a cell holds: the mergeable partial of one (window, group), of any kind of metric.
 *
 * Numbers add, extremes combine, sketches and sets unite; distinct entities add too, since an
 * entity lives in one partition. What a field means depends on the kind; others are zero:
 *
 *              count             distinct            sum          sketch      values   steps
 *   count      events
 *   distinct                     entities (or those                           hashes
 *                                that satisfy having)                         of another column
 *   approx_distinct                                                           hashes, always HLL
 *   sum, mean  values not null                       their sum
 *   min, max   values not null (the extreme is in min, max)
 *   quantiles  values not null                                    values
 *   sessions   sessions          bounced ones        durations    durations
 *   funnel     runs that entered unmatched runs      conversion   conversion           per step
 *                                                    times        times
 *   retention                                                                          per period
 *
 * What a batch computed exactly has `exact` in place of a sketch. Durations are in microseconds; a
 * decimal column's values are scaled by 10^6. */
#ifndef TIDE_OPERATOR_CELL_VALUE_H
#define TIDE_OPERATOR_CELL_VALUE_H

#include "base/decimal.h"
#include "metric/definition.h"
#include "operator/quantile_sketch.h"
#include "operator/value_set.h"

/* Of a funnel's step: runs that reached it, their different entities, and how many runs stand there
 * and may still go on. Of a period: entities in `reached`. */
struct tide_step_count {
    uint64_t reached;
    uint64_t entities;
    uint64_t open;
};

/* What only some kinds need, so that a cell of a count is small. All zero is empty. */
struct tide_cell_parts {
    struct tide_quantile_sketch sketch;
    struct tide_value_set values;
    struct tide_step_count *steps; /* as many as tide_metric_step_count says */
    int64_t *exact;                /* as many as tide_metric_rank_count says; of a batch */
};

struct tide_cell_value {
    uint64_t events; /* booked to the cell: the revision */
    uint64_t count;
    uint64_t distinct;
    bool is_folded;  /* it took in events of groups beyond the budget of cells */
    bool is_pending; /* a key with too many events was left to batch */
    tide_i128 sum;
    int64_t min;
    int64_t max;
    struct tide_cell_parts *parts; /* or NULL */
    /* In a partition: one beyond the log offset of the last event that touched the cell, 0: none.
     * Of a cell that was merged it says nothing. */
    uint64_t changed;
};

/* Frees its parts; back to all zero. */
void tide_cell_value_release(struct tide_cell_value *value);
/* Makes the parts, empty, if there are none. false: out of memory. */
bool tide_cell_value_open(const struct tide_metric *metric, struct tide_cell_value *value);
/* Adds what two partitions, or two panes, have for one cell; from stays as it is. FATAL: out of
 * memory. */
enum tide_status tide_cell_value_merge(const struct tide_metric *metric,
                                       struct tide_cell_value *into,
                                       const struct tide_cell_value *from);
/* Steps of a funnel, 1 + periods of a retention, else 0. */
uint32_t tide_metric_step_count(const struct tide_metric *metric);
/* Values of given rank: the quantiles; the median of sessions and funnels; else 0. */
uint32_t tide_metric_rank_count(const struct tide_metric *metric);
/* The one value of count, distinct, approx_distinct, sum, min and max, exact in units of
 * 10^-places; of a mean its sum. Other kinds have none (asserted). */
struct tide_number {
    bool present; /* not null */
    unsigned places;
    tide_i128 value;
};
struct tide_number tide_cell_number(const struct tide_schema *schema,
                                    const struct tide_metric *metric,
                                    const struct tide_cell_value *value);
/* Of a cell with values. */
double tide_cell_mean(const struct tide_schema *schema,
                      const struct tide_metric *metric,
                      const struct tide_cell_value *value);
/* false: an estimate, within the error that the kind states. */
bool tide_cell_is_exact(const struct tide_metric *metric, const struct tide_cell_value *value);
/* Digits after the point of the metric's column: 6 or 0. */
unsigned tide_metric_places(const struct tide_schema *schema, const struct tide_metric *metric);
/* The value of that rank, in the column's scale or microseconds. false: there is none. */
bool tide_cell_value_rank(const struct tide_metric *metric,
                          const struct tide_cell_value *value,
                          uint32_t index,
                          double *number);

#endif
