/* Views of the lake for people, one text for each: what counts now of the tables that keep
 * revisions, and each metric with columns of its own. Engines differ in how a name is quoted, in
 * how JSON is read and in the type of a time.
 *
 *     metrics_now      cells of the newest run that covers their window (docs/formats/lake.md)
 *     journeys_now     each journey's newest revision, without those that were withdrawn
 *     events_derived   events, and the schema's derived columns behind
 *     NAME             a metric, of the definition that is given:
 *
 *   window_start, window_end, the columns of `by` in order, then by kind
 *     count, distinct,          value BIGINT
 *     approx_distinct
 *     sum                       value: of an int DECIMAL(38, 0), of a decimal DECIMAL(38, 6)
 *     min, max                  value: the column's type
 *     mean                      value DOUBLE, count BIGINT, sum as a sum's value
 *     quantiles                 count BIGINT, p50, p95, p99_9 ..: the column's type
 *     sessions                  sessions, events, bounced BIGINT; mean_duration, median_duration
 *                               DOUBLE, in seconds
 *     funnel                    entered, completed, open, unmatched BIGINT; conversion DOUBLE; for
 *                               each step STEP_reached, STEP_entities, STEP_abandoned BIGINT;
 *                               mean_time, median_time DOUBLE, in seconds
 *     retention                 cohort DATE, size, retained_0, retained_1, .. BIGINT
 *     ratio                     value DOUBLE; numerator, denominator: as its parts' values
 *   and last run BIGINT, computed_time.
 *
 * A column of `by` that is called like one of the others is group_NAME. */
#ifndef TIDE_BATCH_TYPED_VIEW_H
#define TIDE_BATCH_TYPED_VIEW_H

#include "lake/rows.h"
#include "metric/definition.h"

enum tide_dialect {
    TIDE_DIALECT_DUCKDB,
    TIDE_DIALECT_SPARK, /* 3.4 and later */
    TIDE_DIALECT_HIVE,  /* 2.3 and later */
};

/* A column's type in a table of the lake. */
const char *tide_dialect_type(enum tide_dialect dialect, enum tide_lake_type type);
/* A name, quoted. */
void tide_dialect_name(enum tide_dialect dialect, struct tide_view name, struct tide_bytes *sql);

/* NAME, or metric_NAME where a table or another view is called so. */
void tide_typed_view_name(const struct tide_metric *metric, struct tide_bytes *name);
/* A SELECT from metrics_now. */
void tide_typed_view_write(const struct tide_definitions *definitions,
                           const struct tide_metric *metric,
                           enum tide_dialect dialect,
                           struct tide_bytes *sql);
/* A SELECT from metrics; layout is that of metrics. */
void tide_metrics_now_write(const struct tide_layout *layout,
                            enum tide_dialect dialect,
                            struct tide_bytes *sql);
/* A SELECT from journeys; layout is that of journeys. */
void tide_journeys_now_write(const struct tide_layout *layout,
                             enum tide_dialect dialect,
                             struct tide_bytes *sql);
bool tide_schema_has_derived(const struct tide_schema *schema);
/* A SELECT from events. */
void tide_events_derived_write(const struct tide_schema *schema,
                               enum tide_dialect dialect,
                               struct tide_bytes *sql);

#endif
