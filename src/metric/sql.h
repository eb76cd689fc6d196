/* The same definition as SQL, one text that DuckDB (1.5) and Spark (4) run alike.
 *
 * It reads a relation `events`: the schema's columns (times as BIGINT microseconds, decimals as
 * DECIMAL(18, 6)), event_time (BIGINT microseconds, 1970..2100) and uid_high, uid_low (BIGINT, the
 * pair unique). batch/lake_view.h makes it; elsewhere tide_events_sql does.
 *
 * A row is a cell: _start and _end (BIGINT microseconds), the group's columns in order, then
 *
 *   count, distinct,    _value BIGINT; distinct values are always counted exactly
 *   approx_distinct
 *   sum, mean           _count BIGINT: values that are not null; _sum TEXT, null without one
 *   min, max            _value TEXT, null without a value
 *   quantiles           _count BIGINT; _quantile0 .. TEXT, the value of that rank, null without one
 *   sessions            _sessions, _events, _bounced BIGINT; of their durations in microseconds
 *                       _sum TEXT and _median BIGINT
 *   funnel              _reached1, _entities1, _reached2 .. BIGINT; _unmatched BIGINT; of the
 *                       conversion times in microseconds _sum TEXT and _median BIGINT, null without
 *                       one. No run is open
 *   retention           no group; _start and _end are the cohort's period; _retained0 .. BIGINT
 *   ratio               _numerator, _denominator TEXT, null where a part is; not divided
 *
 * TEXT is an exact number of up to 38 digits in plain notation. Nothing is divided: of a mean the
 * reader divides; and so a mean is not cut to its `top` groups, while the others are. Rows come in
 * no order. */
#ifndef TIDE_METRIC_SQL_H
#define TIDE_METRIC_SQL_H

#include "metric/definition.h"

/* span: the least and greatest event_time that may occur, for which the boundaries of calendar
 * windows are written out. The text grows with the days of the span where there are any. */
void tide_metric_sql(const struct tide_definitions *definitions,
                     const struct tide_metric *metric,
                     struct tide_window span,
                     struct tide_bytes *sql);

/* A column of `events` from those that the lake stores: the name of one with a path, a CASE for a
 * derived one. Equal on both engines. */
void tide_column_sql(const struct tide_schema *schema, uint32_t column, struct tide_bytes *sql);

enum tide_sql_engine {
    TIDE_SQL_DUCKDB,
    TIDE_SQL_SPARK
};
/* SELECT of `events` from a table in the lake's format (docs/formats/lake.md). Engines differ in
 * how a timestamp becomes a number, and in nothing else. */
void tide_events_sql(const struct tide_schema *schema,
                     enum tide_sql_engine engine,
                     struct tide_view table,
                     struct tide_bytes *sql);

/* A string literal; quotes, backslashes, control characters and $ spelt with CHR. */
void tide_sql_literal(struct tide_view text, struct tide_bytes *sql);

#endif
