/* The same definition as SQL, over a table or subquery `events` with the declared columns (times as
 * BIGINT microseconds), event_time (BIGINT microseconds) and uid_high, uid_low.
 *
 * Result columns: _start, _end (BIGINT microseconds), the group's columns in order, then
 *   count, distinct: _value BIGINT;   sum: _count BIGINT, _sum DECIMAL(38, 0 or 6) as text;
 *   mean: the same as sum;            min, max: _value, as text (BIGINT, or DECIMAL as text).
 * Portable: arithmetic on event_time, no engine's time functions, no division, every ORDER BY says
 * where nulls go, string literals spell difficult characters with CHR. `top` is cut in C. */
#ifndef TIDE_METRIC_SQL_H
#define TIDE_METRIC_SQL_H

#include "metric/definition.h"

/* span: the least and greatest event_time that may occur, for calendar boundaries as VALUES. */
void tide_metric_sql(const struct tide_definitions *definitions,
                     const struct tide_metric *metric,
                     struct tide_window span,
                     struct tide_bytes *sql);
/* A string literal; quotes, backslashes, control characters and $ spelt with CHR. */
void tide_sql_literal(struct tide_view text, struct tide_bytes *sql);

#endif
