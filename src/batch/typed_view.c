/* Numbers are taken out of the text of `result` by patterns, not as JSON: engines read a number of
 * JSON as a double, which keeps 15 digits of the 38 there may be. That is safe because the text is
 * our own: a name and a colon behind an unescaped quote stand nowhere else. */
#include "batch/typed_view.h"

#include "base/assert.h"
#include "metric/sql.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    NAME_BYTES_MAX = 128,
    PERCENT = 100
};

static const char number_pattern[] = "(-?[0-9][0-9.eE+-]*)";
static const char *const taken_names[] = {
    "events",
    "rejected",
    "raw",
    "journeys",
    "metrics",
    "metrics_now",
    "journeys_now",
    "events_derived",
    "events_files",
    "rejected_files",
    "raw_files",
    "journeys_files",
    "metrics_files",
    "live_files",
};

struct writing {
    const struct tide_definitions *definitions;
    const struct tide_metric *metric;
    enum tide_dialect dialect;
    struct tide_bytes *sql;
    struct tide_bytes *names; /* of the columns so far: ",a,b," */
};

/* ---- dialects */

const char *tide_dialect_type(enum tide_dialect dialect, enum tide_lake_type type)
{
    switch (type) {
    case TIDE_LAKE_STRING:
        return dialect == TIDE_DIALECT_DUCKDB ? "VARCHAR" : "STRING";
    case TIDE_LAKE_LONG:
        return "BIGINT";
    case TIDE_LAKE_DECIMAL:
        return "DECIMAL(18, 6)";
    case TIDE_LAKE_BOOLEAN:
        return "BOOLEAN";
    case TIDE_LAKE_TIMESTAMP:
        return dialect == TIDE_DIALECT_DUCKDB ? "TIMESTAMPTZ" : "TIMESTAMP";
    case TIDE_LAKE_BINARY:
        return dialect == TIDE_DIALECT_DUCKDB ? "BLOB" : "BINARY";
    case TIDE_LAKE_DOUBLE:
        return "DOUBLE";
    }
    tide_assert(false);
    return "";
}

void tide_dialect_name(enum tide_dialect dialect, struct tide_view name, struct tide_bytes *sql)
{
    const char quote = dialect == TIDE_DIALECT_DUCKDB ? '"' : '`';
    tide_assert(memchr(name.data, quote, name.size) == NULL);
    tide_bytes_append_byte(sql, quote);
    tide_bytes_append_view(sql, name);
    tide_bytes_append_byte(sql, quote);
}

/* A number of a JSON object in a column. */
static void write_number(const struct writing *writing,
                         const char *column,
                         struct tide_view key,
                         const char *type)
{
    struct tide_bytes *sql = writing->sql;
    tide_bytes_append_format(sql, "CAST(NULLIF(regexp_extract(%s, '\"", column);
    for (size_t i = 0; i < key.size; i++) { /* names and quantiles: no other syntax than a point */
        tide_bytes_append_format(sql, key.data[i] == '.' ? "[%c]" : "%c", key.data[i]);
    }
    tide_bytes_append_format(sql, "\": %s', 1), '') AS %s)", number_pattern, type);
}

/* A value of a JSON object in a column, as text; null where it is null. */
static void write_json_text(const struct writing *writing, const char *column, const char *path)
{
    const bool is_duckdb = writing->dialect == TIDE_DIALECT_DUCKDB;
    tide_bytes_append_format(writing->sql,
                             "%s(%s, '$.%s')",
                             is_duckdb ? "json_extract_string" : "get_json_object",
                             column,
                             path);
}

static void write_json_value(const struct writing *writing,
                             const char *column,
                             const char *path,
                             const char *type)
{
    tide_bytes_append_text(writing->sql, "CAST(");
    write_json_text(writing, column, path);
    tide_bytes_append_format(writing->sql, " AS %s)", type);
}

/* ---- columns */

static bool is_written(const struct writing *writing, struct tide_view name)
{
    char wanted[NAME_BYTES_MAX * 2];
    const int size = snprintf(wanted, sizeof(wanted), ",%.*s,", TIDE_VIEW_ARGUMENTS(name));
    tide_assert(size > 0 && (size_t)size < sizeof(wanted));
    return strstr(tide_bytes_terminated(writing->names), wanted) != NULL;
}

static void end_column(const struct writing *writing, struct tide_view name)
{
    tide_bytes_append_text(writing->sql, " AS ");
    tide_dialect_name(writing->dialect, name, writing->sql);
    tide_bytes_append_text(writing->sql, ",\n    ");
    tide_bytes_append_view(writing->names, name);
    tide_bytes_append_byte(writing->names, ',');
}

static void number_column(const struct writing *writing, const char *name, const char *type)
{
    write_number(writing, "result", tide_view_of(name), type);
    end_column(writing, tide_view_of(name));
}

static const char *sum_type(const struct writing *writing, const struct tide_metric *metric)
{
    const struct tide_schema *schema = writing->definitions->schema;
    return schema->columns[metric->column].type == TIDE_TYPE_DECIMAL ? "DECIMAL(38, 6)"
                                                                     : "DECIMAL(38, 0)";
}

/* Of what has the type of the column that the metric looks at. */
static const char *rank_type(const struct writing *writing, const struct tide_metric *metric)
{
    const struct tide_schema *schema = writing->definitions->schema;
    return schema->columns[metric->column].type == TIDE_TYPE_DECIMAL ? "DECIMAL(18, 6)" : "BIGINT";
}

static const char *value_type(const struct writing *writing, const struct tide_metric *metric)
{
    switch (metric->kind) {
    case TIDE_METRIC_SUM:
        return sum_type(writing, metric);
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
        return rank_type(writing, metric);
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_RATIO:
        return "DOUBLE";
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_APPROX_DISTINCT:
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
    case TIDE_METRIC_RETENTION:
        return "BIGINT";
    }
    tide_assert(false);
    return "";
}

/* 0.5 is p50, 0.999 is p99_9, as alerts name them. */
static void quantile_name(const struct tide_quantile *quantile, char name[NAME_BYTES_MAX])
{
    const uint64_t scaled = quantile->numerator * PERCENT;
    const uint64_t whole = scaled / quantile->denominator;
    uint64_t rest = scaled % quantile->denominator;
    int size = snprintf(name, NAME_BYTES_MAX, "p%llu", (unsigned long long)whole);
    if (rest != 0) {
        name[size++] = '_';
    }
    for (; rest != 0 && size + 1 < NAME_BYTES_MAX; rest %= quantile->denominator) {
        rest *= 10;
        name[size++] = (char)('0' + rest / quantile->denominator);
    }
    name[size] = '\0';
}

static void quantile_columns(const struct writing *writing)
{
    const struct tide_metric *metric = writing->metric;
    char name[NAME_BYTES_MAX];
    number_column(writing, "count", "BIGINT");
    for (uint32_t i = 0; i < metric->quantile_count; i++) {
        write_number(writing, "result", metric->quantiles[i].text, rank_type(writing, metric));
        quantile_name(&metric->quantiles[i], name);
        end_column(writing, tide_view_of(name));
    }
}

/* A step may be called anything. */
static void step_name(const struct writing *writing, uint32_t step, struct tide_bytes *name)
{
    const struct tide_view given = writing->metric->funnel->step_names[step];
    tide_bytes_reset(name);
    for (size_t i = 0; i < given.size; i++) {
        const char c = given.data[i];
        const bool is_upper = c >= 'A' && c <= 'Z';
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        tide_bytes_append_byte(name, is_upper ? (char)(c - 'A' + 'a') : is_plain ? c : '_');
    }
    const size_t size = name->size;
    tide_bytes_append_text(name, "_reached");
    if (is_written(writing, tide_bytes_view(name))) {
        tide_bytes_reset(name);
        tide_bytes_append_format(name, "step%u", step + 1);
    } else {
        name->size = size;
    }
}

static void step_columns(const struct writing *writing)
{
    static const char *const members[] = {"reached", "entities", "abandoned"};
    const struct tide_funnel_plan *funnel = writing->metric->funnel;
    char path[NAME_BYTES_MAX];
    struct tide_bytes step = {0};
    struct tide_bytes name = {0};
    for (uint32_t k = 0; k < funnel->step_count; k++) {
        step_name(writing, k, &step);
        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
            (void)snprintf(path, sizeof(path), "steps[%u].%s", k, members[i]);
            write_json_value(writing, "result", path, "BIGINT");
            tide_bytes_reset(&name);
            tide_bytes_append_view(&name, tide_bytes_view(&step));
            tide_bytes_append_format(&name, "_%s", members[i]);
            end_column(writing, tide_bytes_view(&name));
        }
    }
    writing->sql->failed = writing->sql->failed || name.failed || step.failed;
    tide_bytes_release(&name);
    tide_bytes_release(&step);
}

static void funnel_columns(const struct writing *writing)
{
    static const char *const counts[] = {"entered", "completed", "open", "unmatched"};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        number_column(writing, counts[i], "BIGINT");
    }
    write_number(writing, "result", TIDE_VIEW("completed"), "DOUBLE");
    tide_bytes_append_text(writing->sql, " / NULLIF(");
    write_number(writing, "result", TIDE_VIEW("entered"), "DOUBLE");
    tide_bytes_append_text(writing->sql, ", 0)");
    end_column(writing, TIDE_VIEW("conversion"));
    step_columns(writing);
    number_column(writing, "mean_time", "DOUBLE");
    number_column(writing, "median_time", "DOUBLE");
}

static void retention_columns(const struct writing *writing)
{
    char path[NAME_BYTES_MAX];
    char name[NAME_BYTES_MAX];
    write_json_value(writing, "result", "cohort", "DATE");
    end_column(writing, TIDE_VIEW("cohort"));
    number_column(writing, "size", "BIGINT");
    for (uint32_t k = 0; k <= writing->metric->retention.period_count; k++) {
        (void)snprintf(path, sizeof(path), "retained[%u]", k);
        (void)snprintf(name, sizeof(name), "retained_%u", k);
        write_json_value(writing, "result", path, "BIGINT");
        end_column(writing, tide_view_of(name));
    }
}

static void value_columns(const struct writing *writing)
{
    const struct tide_definitions *definitions = writing->definitions;
    const struct tide_metric *metric = writing->metric;
    switch (metric->kind) {
    case TIDE_METRIC_QUANTILES:
        quantile_columns(writing);
        return;
    case TIDE_METRIC_SESSIONS:
        number_column(writing, "sessions", "BIGINT");
        number_column(writing, "events", "BIGINT");
        number_column(writing, "bounced", "BIGINT");
        number_column(writing, "mean_duration", "DOUBLE");
        number_column(writing, "median_duration", "DOUBLE");
        return;
    case TIDE_METRIC_FUNNEL:
        funnel_columns(writing);
        return;
    case TIDE_METRIC_RETENTION:
        retention_columns(writing);
        return;
    case TIDE_METRIC_RATIO:
        number_column(writing, "value", "DOUBLE");
        number_column(
            writing, "numerator", value_type(writing, &definitions->metrics[metric->parts[0]]));
        number_column(
            writing, "denominator", value_type(writing, &definitions->metrics[metric->parts[1]]));
        return;
    case TIDE_METRIC_MEAN:
        number_column(writing, "value", "DOUBLE");
        number_column(writing, "count", "BIGINT");
        number_column(writing, "sum", sum_type(writing, metric));
        return;
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_APPROX_DISTINCT:
        break;
    }
    number_column(writing, "value", value_type(writing, metric));
}

/* Times are written as 2026-03-08T10:00:00Z, which Hive does not read. */
static void write_time(const struct writing *writing, const char *path)
{
    const bool is_hive = writing->dialect == TIDE_DIALECT_HIVE;
    const char *type = tide_dialect_type(writing->dialect, TIDE_LAKE_TIMESTAMP);
    tide_bytes_append_text(writing->sql, is_hive ? "CAST(translate(" : "CAST(");
    write_json_text(writing, "dimensions", path);
    tide_bytes_append_format(writing->sql, "%s AS %s)", is_hive ? ", 'TZ', ' ')" : "", type);
}

static void group_column(const struct writing *writing, const struct tide_column *column)
{
    const enum tide_lake_type type = tide_lake_type_of(column->type);
    char path[NAME_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%.*s", TIDE_VIEW_ARGUMENTS(column->name));
    switch (type) {
    case TIDE_LAKE_STRING:
        write_json_text(writing, "dimensions", path);
        return;
    case TIDE_LAKE_TIMESTAMP:
        write_time(writing, path);
        return;
    case TIDE_LAKE_BOOLEAN: /* Hive takes any text for true */
        write_json_text(writing, "dimensions", path);
        tide_bytes_append_text(writing->sql, " = 'true'");
        return;
    case TIDE_LAKE_LONG:
    case TIDE_LAKE_DECIMAL:
    case TIDE_LAKE_BINARY:
    case TIDE_LAKE_DOUBLE:
        write_number(
            writing, "dimensions", column->name, tide_dialect_type(writing->dialect, type));
        return;
    }
}

/* The names of values are the same for all metrics of a kind, so a group gives way. */
static void group_columns(const struct writing *writing)
{
    const struct tide_schema *schema = writing->definitions->schema;
    const struct tide_metric *metric = writing->metric;
    struct tide_bytes names = {0};
    struct tide_bytes unused = {0};
    struct tide_bytes name = {0};
    tide_bytes_append_text(&names, ",window_start,window_end,run,computed_time,");
    const struct writing values = {writing->definitions, metric, writing->dialect, &unused, &names};
    value_columns(&values);
    for (uint32_t i = 0; i < metric->by_count; i++) {
        const struct tide_column *column = &schema->columns[metric->by[i]];
        group_column(writing, column);
        tide_bytes_reset(&name);
        tide_bytes_append_text(&name, is_written(&values, column->name) ? "group_" : "");
        tide_bytes_append_view(&name, column->name);
        end_column(writing, tide_bytes_view(&name));
    }
    writing->sql->failed = writing->sql->failed || names.failed || unused.failed || name.failed;
    tide_bytes_release(&names);
    tide_bytes_release(&unused);
    tide_bytes_release(&name);
}

/* ---- views */

void tide_typed_view_name(const struct tide_metric *metric, struct tide_bytes *name)
{
    bool is_taken = false;
    for (size_t i = 0; i < sizeof(taken_names) / sizeof(taken_names[0]); i++) {
        is_taken = is_taken || tide_view_equal(metric->name, tide_view_of(taken_names[i]));
    }
    tide_bytes_append_text(name, is_taken ? "metric_" : "");
    tide_bytes_append_view(name, metric->name);
}

void tide_typed_view_write(const struct tide_definitions *definitions,
                           const struct tide_metric *metric,
                           enum tide_dialect dialect,
                           struct tide_bytes *sql)
{
    struct tide_bytes names = {0};
    const struct writing writing = {definitions, metric, dialect, sql, &names};
    tide_bytes_append_text(sql, "SELECT window_start, window_end,\n    ");
    group_columns(&writing);
    value_columns(&writing);
    tide_bytes_append_text(sql, "run, computed_time\nFROM metrics_now\nWHERE metric = ");
    tide_sql_literal(metric->name, sql);
    tide_bytes_append_format(sql,
                             " AND definition = '%016llx%016llx'",
                             (unsigned long long)metric->hash.high,
                             (unsigned long long)metric->hash.low);
    sql->failed = sql->failed || names.failed;
    tide_bytes_release(&names);
}

static void write_columns(const struct tide_layout *layout,
                          enum tide_dialect dialect,
                          const char *prefix,
                          struct tide_bytes *sql)
{
    for (uint32_t i = 0; i < layout->column_count; i++) {
        tide_bytes_append_text(sql, prefix);
        tide_dialect_name(dialect, layout->columns[i].name, sql);
        tide_bytes_append_text(sql, ", ");
    }
    tide_bytes_append_text(sql, prefix);
    tide_dialect_name(dialect, tide_view_of(layout->date_column), sql);
}

/* A run of coverage without a bound covers all windows on that side. Only equalities join, because
 * Hive knows no others. */
void tide_metrics_now_write(const struct tide_layout *layout,
                            enum tide_dialect dialect,
                            struct tide_bytes *sql)
{
    tide_assert(layout->table == TIDE_TABLE_METRICS);
    tide_bytes_append_text(sql, "SELECT ");
    write_columns(layout, dialect, "c.", sql);
    tide_bytes_append_text(
        sql,
        "\nFROM metrics c\n"
        "JOIN (\n"
        "    SELECT w.metric, w.definition, w.window_start, w.window_end, MAX(o.run) AS run\n"
        "    FROM (SELECT DISTINCT metric, definition, window_start, window_end\n"
        "          FROM metrics WHERE generation = 'batch') w\n"
        "    JOIN metrics o ON o.metric = w.metric AND o.definition = w.definition\n"
        "    WHERE o.generation = 'coverage'\n"
        "        AND (o.window_start IS NULL OR o.window_start <= w.window_start)\n"
        "        AND (o.window_end IS NULL OR o.window_end >= w.window_end)\n"
        "    GROUP BY w.metric, w.definition, w.window_start, w.window_end\n"
        ") n ON n.metric = c.metric AND n.definition = c.definition\n"
        "    AND n.window_start = c.window_start AND n.window_end = c.window_end\n"
        "    AND n.run = c.run\n"
        "WHERE c.generation = 'batch'");
}

void tide_journeys_now_write(const struct tide_layout *layout,
                             enum tide_dialect dialect,
                             struct tide_bytes *sql)
{
    tide_assert(layout->table == TIDE_TABLE_JOURNEYS);
    tide_bytes_append_text(sql, "SELECT ");
    write_columns(layout, dialect, "j.", sql);
    tide_bytes_append_text(
        sql,
        "\nFROM (\n"
        "    SELECT r.*, ROW_NUMBER() OVER (\n"
        "        PARTITION BY metric, journey_key, start_time, ordinal ORDER BY revision DESC\n"
        "    ) AS place\n"
        "    FROM journeys r\n"
        ") j\n"
        "WHERE j.place = 1 AND j.outcome <> 'withdrawn'");
}

bool tide_schema_has_derived(const struct tide_schema *schema)
{
    return schema->column_count > schema->path_column_count;
}

void tide_events_derived_write(const struct tide_schema *schema,
                               enum tide_dialect dialect,
                               struct tide_bytes *sql)
{
    tide_bytes_append_text(sql, "SELECT e.*");
    for (uint32_t i = schema->path_column_count; i < schema->column_count; i++) {
        tide_bytes_append_text(sql, ",\n    ");
        tide_column_sql(schema, i, sql);
        tide_bytes_append_text(sql, " AS ");
        tide_dialect_name(dialect, schema->columns[i].name, sql);
    }
    tide_bytes_append_text(sql, "\nFROM events e");
}
