/* One text for each kind of metric. This file has those that aggregate the rows of a cell, and what
 * is made of such: the top groups, and ratios. They use no WITH, since a ratio puts two of them
 * into one of its own.
 *
 * Of sliding windows the rows of a pane are reduced first to what its windows need: an event is in
 * as many windows as they have panes. */
#include "metric/sql_writer.h"

#include "base/assert.h"
#include "base/civil.h"

#include "base/banned.h"

/* There are no events before 1970, nor at or after this. */
#define YEAR_2100_US (INT64_C(4102444800) * TIDE_US_PER_SECOND)

static const struct tide_view part = {"_part", 5};

enum aggregate {
    AGGREGATE_COUNT,
    AGGREGATE_DISTINCT,
    AGGREGATE_SUM,
    AGGREGATE_EXTREME
};

static enum aggregate aggregate_of(const struct tide_metric *metric)
{
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
        return AGGREGATE_COUNT;
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_APPROX_DISTINCT:
        return AGGREGATE_DISTINCT;
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
        return AGGREGATE_SUM;
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
        return AGGREGATE_EXTREME;
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        break;
    }
    tide_assert(false);
    return AGGREGATE_COUNT;
}

static bool is_sliding(const struct sql_writer *writer)
{
    return writer->metric->pane_count > 1;
}

/* The aggregated column, empty for a count. */
static struct tide_view column_of(const struct sql_writer *writer)
{
    const uint32_t column = writer->metric->column;
    return column == TIDE_COLUMN_NONE ? (struct tide_view){0}
                                      : writer->schema->columns[column].name;
}

static const char *extreme_of(const struct sql_writer *writer)
{
    return writer->metric->kind == TIDE_METRIC_MIN ? "MIN" : "MAX";
}

/* ------- the rows of a cell */

/* The columns that a cell is computed from. */
static void use_columns(const struct sql_writer *writer, bool used[TIDE_SCHEMA_COLUMNS_MAX])
{
    const struct tide_metric *metric = writer->metric;
    sql_use_group(writer, used);
    if (metric->column != TIDE_COLUMN_NONE) {
        used[metric->column] = true;
    }
    for (uint32_t i = 0; metric->having != NULL && i < metric->having->fact_count; i++) {
        if (metric->having->columns[i] != TIDE_COLUMN_NONE) {
            used[metric->having->columns[i]] = true;
        }
    }
}

static void write_events(const struct sql_writer *writer)
{
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    use_columns(writer, used);
    sql_write_used(writer, used);
    if (is_sliding(writer)) {
        sql_write_pane(writer);
    } else {
        sql_write_window(writer);
    }
    sql_write_from(writer, "events");
    sql_write_where(writer, NULL, 0);
}

/* The rows of a pane as they are, or the different ones, or what they come to. */
static void write_pane_rows(const struct sql_writer *writer)
{
    const struct tide_metric *metric = writer->metric;
    const struct tide_view column = column_of(writer);
    const enum aggregate aggregate = aggregate_of(metric);
    if (metric->having != NULL || aggregate == AGGREGATE_DISTINCT) {
        SQL(writer, metric->having != NULL ? "SELECT " : "SELECT DISTINCT ");
        write_events(writer);
        return;
    }
    SQL(writer, "SELECT ");
    for (uint32_t i = 0; i < metric->by_count; i++) {
        sql_write_name(writer, metric->by[i]);
        SQL(writer, ", ");
    }
    SQL(writer, "_pane, ");
    if (aggregate == AGGREGATE_COUNT) {
        SQL(writer, "COUNT(*)");
    } else if (aggregate == AGGREGATE_SUM) {
        SQL_FORMAT(writer,
                   "COUNT(%.*s) AS _number, SUM(CAST(%.*s AS DECIMAL(38, %u)))",
                   TIDE_VIEW_ARGUMENTS(column),
                   TIDE_VIEW_ARGUMENTS(column),
                   sql_places(writer, metric->column));
    } else {
        SQL_FORMAT(writer, "%s(%.*s)", extreme_of(writer), TIDE_VIEW_ARGUMENTS(column));
    }
    SQL(writer, " AS _part\nFROM (SELECT ");
    write_events(writer);
    SQL(writer, ") AS _r\nGROUP BY _pane");
    for (uint32_t i = 0; i < metric->by_count; i++) {
        SQL(writer, ", ");
        sql_write_name(writer, metric->by[i]);
    }
}

/* Rows with _start and _end: events, or parts of sliding windows. */
static void write_rows(const struct sql_writer *writer)
{
    if (is_sliding(writer)) {
        sql_begin_slide(writer);
        write_pane_rows(writer);
        sql_end_slide(writer);
    } else {
        SQL(writer, "SELECT ");
        write_events(writer);
    }
}

/* ------- the value of a cell */

static void write_value(const struct sql_writer *writer)
{
    const struct tide_view column = column_of(writer);
    const struct tide_view of = is_sliding(writer) ? part : column;
    switch (aggregate_of(writer->metric)) {
    case AGGREGATE_COUNT:
        SQL(writer, is_sliding(writer) ? "CAST(SUM(_part) AS BIGINT)" : "COUNT(*)");
        SQL(writer, " AS _value");
        return;
    case AGGREGATE_DISTINCT:
        SQL_FORMAT(writer, "COUNT(DISTINCT %.*s) AS _value", TIDE_VIEW_ARGUMENTS(column));
        return;
    case AGGREGATE_SUM:
        if (is_sliding(writer)) {
            SQL(writer, "CAST(SUM(_number) AS BIGINT)");
        } else {
            SQL_FORMAT(writer, "COUNT(%.*s)", TIDE_VIEW_ARGUMENTS(column));
        }
        SQL(writer, " AS _count, ");
        sql_write_sum(writer, of, sql_places(writer, writer->metric->column));
        SQL(writer, " AS _sum");
        return;
    case AGGREGATE_EXTREME:
        SQL_FORMAT(writer,
                   "CAST(%s(%.*s) AS STRING) AS _value",
                   extreme_of(writer),
                   TIDE_VIEW_ARGUMENTS(of));
        return;
    }
}

static void write_aggregate(const struct sql_writer *writer)
{
    SQL(writer, "SELECT ");
    sql_write_cell(writer);
    SQL(writer, ", ");
    write_value(writer);
    SQL(writer, "\nFROM (");
    write_rows(writer);
    SQL(writer, ") AS _c\nGROUP BY ");
    sql_write_cell(writer);
}

/* The cell and the entity: of an entity in a cell it is asked whether the condition holds. */
static void write_cell_and_entity(const struct sql_writer *writer)
{
    const struct tide_metric *metric = writer->metric;
    sql_write_cell(writer);
    for (uint32_t i = 0; i < metric->by_count; i++) {
        if (metric->by[i] == metric->column) {
            return;
        }
    }
    SQL(writer, ", ");
    sql_write_name(writer, metric->column);
}

static void write_having(const struct sql_writer *writer)
{
    SQL(writer, "SELECT ");
    sql_write_cell(writer);
    SQL_FORMAT(writer,
               ", COUNT(CASE WHEN _holds THEN %.*s END) AS _value\nFROM (SELECT ",
               TIDE_VIEW_ARGUMENTS(column_of(writer)));
    write_cell_and_entity(writer);
    SQL(writer, ", ");
    tide_expression_sql(writer->metric->having->expression, writer->sql);
    SQL(writer, " AS _holds\nFROM (");
    write_rows(writer);
    SQL(writer, ") AS _c\nGROUP BY ");
    write_cell_and_entity(writer);
    SQL(writer, ") AS _h\nGROUP BY ");
    sql_write_cell(writer);
}

/* ------- the top groups */

/* The value as a number, to sort by. */
static void write_sort_value(const struct sql_writer *writer)
{
    const enum aggregate aggregate = aggregate_of(writer->metric);
    if (aggregate == AGGREGATE_COUNT || aggregate == AGGREGATE_DISTINCT) {
        SQL(writer, "_value");
    } else {
        SQL_FORMAT(writer,
                   "CAST(%s AS DECIMAL(38, %u))",
                   aggregate == AGGREGATE_SUM ? "_sum" : "_value",
                   sql_places(writer, writer->metric->column));
    }
}

static void write_cells(const struct sql_writer *writer)
{
    if (writer->metric->having != NULL) {
        write_having(writer);
    } else {
        write_aggregate(writer);
    }
}

static void write_top(const struct sql_writer *writer)
{
    const struct tide_metric *metric = writer->metric;
    SQL(writer, "SELECT ");
    sql_write_cell(writer);
    SQL(writer, aggregate_of(metric) == AGGREGATE_SUM ? ", _count, _sum" : ", _value");
    SQL(writer, "\nFROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY _start, _end ORDER BY ");
    write_sort_value(writer);
    SQL(writer, " DESC NULLS LAST");
    for (uint32_t i = 0; i < metric->by_count; i++) {
        SQL(writer, ", ");
        sql_write_name(writer, metric->by[i]);
        SQL(writer, " ASC NULLS FIRST");
    }
    SQL(writer, ") AS _place\nFROM (");
    write_cells(writer);
    SQL_FORMAT(writer, ") AS _t) AS _u\nWHERE _place <= %u", metric->top);
}

/* ------- ratio */

static void write_metric(const struct sql_writer *writer);

static const struct tide_metric *part_of(const struct sql_writer *writer, int index)
{
    return &writer->definitions->metrics[writer->metric->parts[index]];
}

static void write_part(const struct sql_writer *writer, int index)
{
    struct sql_writer inner = *writer;
    inner.metric = part_of(writer, index);
    write_metric(&inner);
}

static bool is_by(const struct tide_metric *metric, uint32_t column)
{
    for (uint32_t i = 0; i < metric->by_count; i++) {
        if (metric->by[i] == column) {
            return true;
        }
    }
    return false;
}

/* A missing side is 0. */
static void write_side(const struct sql_writer *writer, int index, const char *table)
{
    const bool is_sum = aggregate_of(part_of(writer, index)) == AGGREGATE_SUM;
    SQL_FORMAT(writer,
               "CASE WHEN %s._end IS NULL THEN '0' ELSE CAST(%s.%s AS STRING) END",
               table,
               table,
               is_sum ? "_sum" : "_value");
}

/* The part below. Of sliding windows two may end together, around a day that a zone left out;
 * unless the part above has the same ones, the one that starts last stands for both. */
static void write_below(const struct sql_writer *writer)
{
    const struct tide_metric *below = part_of(writer, 1);
    const bool is_ambiguous = below->every.zone != NULL && below->pane_count > 1 &&
                              !tide_metric_same_windows(part_of(writer, 0), below);
    if (!is_ambiguous) {
        write_part(writer, 1);
        return;
    }
    SQL(writer, "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY _end");
    for (uint32_t i = 0; i < below->by_count; i++) {
        SQL(writer, ", ");
        sql_write_name(writer, below->by[i]);
    }
    SQL(writer, " ORDER BY _start DESC NULLS LAST) AS _last\nFROM (");
    write_part(writer, 1);
    SQL(writer, ") AS _x) AS _y\nWHERE _last = 1");
}

/* By columns of the one above, of which the one below may have fewer; where both have the same, a
 * cell of either side is a cell. Start is that of the one below, if there is one. */
static void write_ratio(const struct sql_writer *writer)
{
    const struct tide_metric *above = part_of(writer, 0);
    const struct tide_metric *below = part_of(writer, 1);
    SQL(writer, "WITH _a AS (");
    write_part(writer, 0);
    SQL(writer, "),\n_b AS (");
    write_below(writer);
    SQL(writer,
        ")\nSELECT COALESCE(_b._start, _a._start) AS _start, "
        "COALESCE(_a._end, _b._end) AS _end");
    for (uint32_t i = 0; i < above->by_count; i++) {
        const struct tide_view name = writer->schema->columns[above->by[i]].name;
        if (is_by(below, above->by[i])) {
            SQL_FORMAT(writer,
                       ", COALESCE(_a.%.*s, _b.%.*s) AS %.*s",
                       TIDE_VIEW_ARGUMENTS(name),
                       TIDE_VIEW_ARGUMENTS(name),
                       TIDE_VIEW_ARGUMENTS(name));
        } else {
            SQL_FORMAT(writer, ", _a.%.*s", TIDE_VIEW_ARGUMENTS(name));
        }
    }
    SQL(writer, ",\n");
    write_side(writer, 0, "_a");
    SQL(writer, " AS _numerator,\n");
    write_side(writer, 1, "_b");
    SQL(writer, " AS _denominator\nFROM _a ");
    SQL(writer, above->by_count == below->by_count ? "FULL" : "LEFT");
    SQL(writer, " JOIN _b ON _a._end = _b._end");
    SQL(writer, tide_metric_same_windows(above, below) ? " AND _a._start = _b._start" : "");
    for (uint32_t i = 0; i < below->by_count; i++) {
        const struct tide_view name = writer->schema->columns[below->by[i]].name;
        SQL_FORMAT(writer,
                   " AND _a.%.*s IS NOT DISTINCT FROM _b.%.*s",
                   TIDE_VIEW_ARGUMENTS(name),
                   TIDE_VIEW_ARGUMENTS(name));
    }
}

/* ------- all kinds */

static void write_metric(const struct sql_writer *writer)
{
    switch (writer->metric->kind) {
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_APPROX_DISTINCT:
        if (writer->metric->top > 0) {
            write_top(writer);
        } else {
            write_cells(writer);
        }
        return;
    case TIDE_METRIC_MEAN:
        write_cells(writer);
        return;
    case TIDE_METRIC_QUANTILES:
        sql_write_quantiles(writer);
        return;
    case TIDE_METRIC_SESSIONS:
        sql_write_sessions(writer);
        return;
    case TIDE_METRIC_FUNNEL:
        sql_write_funnel(writer);
        return;
    case TIDE_METRIC_RETENTION:
        sql_write_retention(writer);
        return;
    case TIDE_METRIC_RATIO:
        write_ratio(writer);
        return;
    }
}

/* At least one instant, within what there can be. */
static struct tide_window clamp(struct tide_window span)
{
    const int64_t last_us = YEAR_2100_US - 1;
    const int64_t from_us = span.start.us < 0         ? 0
                            : span.start.us > last_us ? last_us
                                                      : span.start.us;
    const int64_t to_us = span.end.us < from_us   ? from_us
                          : span.end.us > last_us ? last_us
                                                  : span.end.us;
    return (struct tide_window){{from_us}, {to_us}};
}

void tide_metric_sql(const struct tide_definitions *definitions,
                     const struct tide_metric *metric,
                     struct tide_window span,
                     struct tide_bytes *sql)
{
    const struct sql_writer writer = {
        .definitions = definitions,
        .schema = definitions->schema,
        .metric = metric,
        .span = clamp(span),
        .sql = sql,
    };
    write_metric(&writer);
}
