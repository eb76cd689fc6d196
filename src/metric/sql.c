/* One SELECT with a subquery that places each event in its window.
 *
 * The shape is one that DuckDB and Spark read alike: windows are integer arithmetic or
 * rows of VALUES, every table has an alias, sums are DECIMAL with all 38 digits, and exact numbers
 * come back as text. event_time is never negative (1970..2100), so % is the remainder of the
 * floor. */
#include "metric/sql.h"

#include "base/assert.h"
#include "base/civil.h"

#include <inttypes.h>

#include "base/banned.h"

enum {
    DAYS_FROM_MONDAY = 3,
    DAYS_PER_WEEK = 7
};

/* There are no events before 1970, nor at or after this. */
#define YEAR_2100_US (INT64_C(4102444800) * TIDE_US_PER_SECOND)

/* ------- literals */

static bool is_difficult(char c)
{
    return c == '\'' || c == '\\' || c == '$' || ((unsigned char)c < 0x20);
}

void tide_sql_literal(struct tide_view text, struct tide_bytes *sql)
{
    size_t parts = 0;
    const size_t start = sql->size;
    for (size_t i = 0; i < text.size;) {
        tide_bytes_append_text(sql, parts++ == 0 ? "" : " || ");
        if (is_difficult(text.data[i])) {
            tide_bytes_append_format(sql, "CHR(%u)", (unsigned)(unsigned char)text.data[i++]);
            continue;
        }
        tide_bytes_append_byte(sql, '\'');
        for (; i < text.size && !is_difficult(text.data[i]); i++) {
            tide_bytes_append_byte(sql, text.data[i]);
        }
        tide_bytes_append_byte(sql, '\'');
    }
    if (parts == 0) {
        tide_bytes_append_text(sql, "''");
    } else if (parts > 1 && tide_bytes_reserve(sql, 2)) {
        for (size_t i = sql->size; i > start; i--) { /* the parenthesis before what was written */
            sql->data[i] = sql->data[i - 1];
        }
        sql->data[start] = '(';
        sql->size++;
        tide_bytes_append_byte(sql, ')');
    }
}

/* ------- windows */

static void write_periods(int64_t size_us, int64_t shift_us, struct tide_bytes *sql)
{
    tide_bytes_append_text(sql, "(SELECT *, event_time - ");
    if (shift_us == 0) {
        tide_bytes_append_format(sql, "event_time %% %" PRId64, size_us);
    } else {
        tide_bytes_append_format(sql, "(event_time + %" PRId64 ") %% %" PRId64, shift_us, size_us);
    }
    tide_bytes_append_text(sql, " AS _start FROM events) AS _e");
}

static int64_t clamp(int64_t event_time_us)
{
    if (event_time_us < 0) {
        return 0;
    }
    return event_time_us < YEAR_2100_US ? event_time_us : YEAR_2100_US - 1;
}

static void write_months(struct tide_window_spec spec,
                         struct tide_window span,
                         struct tide_bytes *sql)
{
    const char *comma = "";
    tide_bytes_append_text(sql,
                           "(SELECT _events.*, CAST(_window._start AS BIGINT) AS _start, "
                           "CAST(_window._end AS BIGINT) AS _end\n"
                           "FROM events AS _events JOIN (VALUES ");
    const int64_t first_us = clamp(span.start.us);
    const int64_t last_us = clamp(span.end.us);
    struct tide_window month = tide_window_of(spec, (struct tide_instant){first_us});
    do { /* once at least: VALUES wants a row */
        tide_bytes_append_format(
            sql, "%s(%" PRId64 ", %" PRId64 ")", comma, month.start.us, month.end.us);
        comma = ", ";
        month = tide_window_of(spec, month.end);
    } while (month.start.us <= last_us);
    tide_bytes_append_text(sql,
                           ") AS _window(_start, _end)\n"
                           "ON event_time >= _window._start AND event_time < _window._end) "
                           "AS _e");
}

/* The events with _start (months: and _end). */
static void write_source(struct tide_window_spec spec,
                         struct tide_window span,
                         struct tide_bytes *sql)
{
    switch (spec.unit) {
    case TIDE_WINDOW_FIXED:
        write_periods(spec.size, 0, sql);
        break;
    case TIDE_WINDOW_DAYS:
        write_periods(spec.size * TIDE_US_PER_DAY, 0, sql);
        break;
    case TIDE_WINDOW_WEEKS:
        write_periods(
            spec.size * DAYS_PER_WEEK * TIDE_US_PER_DAY, DAYS_FROM_MONDAY * TIDE_US_PER_DAY, sql);
        break;
    case TIDE_WINDOW_MONTHS:
        write_months(spec, span, sql);
        break;
    }
}

static void write_end(struct tide_window_spec spec, struct tide_bytes *sql)
{
    int64_t size_us = spec.size;
    switch (spec.unit) {
    case TIDE_WINDOW_FIXED:
        break;
    case TIDE_WINDOW_DAYS:
        size_us = spec.size * TIDE_US_PER_DAY;
        break;
    case TIDE_WINDOW_WEEKS:
        size_us = spec.size * DAYS_PER_WEEK * TIDE_US_PER_DAY;
        break;
    case TIDE_WINDOW_MONTHS:
        tide_bytes_append_text(sql, "_end");
        return;
    }
    tide_bytes_append_format(sql, "_start + %" PRId64 " AS _end", size_us);
}

/* ------- values */

static void write_values(const struct tide_schema *schema,
                         const struct tide_metric *metric,
                         struct tide_bytes *sql)
{
    if (metric->kind == TIDE_METRIC_COUNT) {
        tide_bytes_append_text(sql, "COUNT(*) AS _value");
        return;
    }
    const struct tide_column *column = &schema->columns[metric->column];
    const int size = (int)column->name.size;
    const char *name = column->name.data;
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
        break;
    case TIDE_METRIC_DISTINCT:
        tide_bytes_append_format(sql, "COUNT(DISTINCT %.*s) AS _value", size, name);
        break;
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
        tide_bytes_append_format(sql,
                                 "COUNT(%.*s) AS _count, "
                                 "CAST(SUM(CAST(%.*s AS DECIMAL(38, %d))) AS STRING) AS _sum",
                                 size,
                                 name,
                                 size,
                                 name,
                                 column->type == TIDE_TYPE_DECIMAL ? 6 : 0);
        break;
    case TIDE_METRIC_MIN:
        tide_bytes_append_format(sql, "CAST(MIN(%.*s) AS STRING) AS _value", size, name);
        break;
    case TIDE_METRIC_MAX:
        tide_bytes_append_format(sql, "CAST(MAX(%.*s) AS STRING) AS _value", size, name);
        break;
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_APPROX_DISTINCT:
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        break;
    }
}

static void write_group(const struct tide_schema *schema,
                        const struct tide_metric *metric,
                        struct tide_bytes *sql)
{
    for (uint32_t i = 0; i < metric->by_count; i++) {
        tide_bytes_append_text(sql, ", ");
        tide_bytes_append_view(sql, schema->columns[metric->by[i]].name);
    }
}

void tide_metric_sql(const struct tide_definitions *definitions,
                     const struct tide_metric *metric,
                     struct tide_window span,
                     struct tide_bytes *sql)
{
    const struct tide_schema *schema = definitions->schema;
    tide_bytes_append_text(sql, "SELECT _start, ");
    write_end(metric->every, sql);
    write_group(schema, metric, sql);
    tide_bytes_append_text(sql, ", ");
    write_values(schema, metric, sql);
    tide_bytes_append_text(sql, "\nFROM ");
    write_source(metric->every, span, sql);
    if (metric->where != NULL) {
        tide_bytes_append_text(sql, "\nWHERE ");
        tide_expression_sql(metric->where, sql);
    }
    tide_bytes_append_text(sql, "\nGROUP BY _start");
    if (metric->every.unit == TIDE_WINDOW_MONTHS) {
        tide_bytes_append_text(sql, ", _end");
    }
    write_group(schema, metric, sql);
}
