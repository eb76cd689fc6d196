#include "batch/lake_tables.h"

#include "base/assert.h"
#include "batch/lake_files.h"
#include "batch/typed_view.h"
#include "lake/sql_text.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    SQL_BYTES_MAX = 60 << 20
};
static const size_t arena_bytes_max = (size_t)512 << 20;

struct tide_lake_tables {
    struct tide_duckdb *duckdb;
    struct tide_duckdb_connection *connection;
    struct tide_lake_pins pins;
};

struct making { /* of the views */
    const struct tide_lake_tables_options *options;
    struct tide_lake_tables *tables;
    struct tide_arena arena;
    struct tide_bytes sql;     /* of the statement at hand */
    struct tide_bytes names;   /* of a table's files, as a list */
    struct tide_bytes allowed; /* all files, likewise */
};

static enum tide_status run(struct making *making, const char *what, struct tide_error *error)
{
    enum tide_status status =
        making->sql.failed
            ? tide_error_set(error, TIDE_RETRY, "no memory for an SQL text")
            : tide_duckdb_query(
                  making->tables->connection, tide_bytes_view(&making->sql), NULL, NULL, error);
    if (status != TIDE_OK) {
        tide_error_prefix(error, "%s", what);
    }
    tide_bytes_reset(&making->sql);
    return status;
}

/* ---- files */

static bool ends_with(struct tide_view text, struct tide_view end)
{
    return text.size >= end.size &&
           tide_view_equal(tide_view_slice(text, text.size - end.size, end.size), end);
}

/* DuckDB looks at the pattern before it reads, and at the name when it does. */
static void allow(struct making *making, struct tide_view path)
{
    struct tide_bytes *allowed = &making->allowed;
    tide_bytes_append_text(allowed, allowed->size == 0 ? "" : ", ");
    tide_sql_append_text(allowed, path);
    tide_bytes_append_text(allowed, ", ");
    tide_sql_append_path(allowed, path);
}

/* *is_in_folder becomes false where a file is a copy without the folder of its date. */
static enum tide_status fetch_file(struct making *making,
                                   const struct tide_layout *layout,
                                   const struct tide_lake_file *file,
                                   bool *is_in_folder,
                                   struct tide_error *error)
{
    struct tide_lake_pins *pins = &making->tables->pins;
    const enum tide_status status = tide_lake_pins_fetch(pins, layout->name, file->path, error);
    if (status != TIDE_OK) {
        return status;
    }
    const struct tide_view path = tide_bytes_view(&pins->path);
    tide_bytes_append_text(&making->names, making->names.size == 0 ? "" : ", ");
    tide_sql_append_path(&making->names, path);
    allow(making, path);
    *is_in_folder = *is_in_folder && ends_with(path, tide_bytes_view(&pins->key));
    return TIDE_OK;
}

/* ---- tables */

/* Without files there is nothing that tells the types. */
static void write_no_rows(const struct tide_layout *layout, struct tide_bytes *sql)
{
    for (uint32_t i = 0; i < layout->column_count; i++) {
        tide_bytes_append_format(sql,
                                 "CAST(NULL AS %s) AS ",
                                 tide_dialect_type(TIDE_DIALECT_DUCKDB, layout->columns[i].type));
        tide_dialect_name(TIDE_DIALECT_DUCKDB, layout->columns[i].name, sql);
        tide_bytes_append_text(sql, ", ");
    }
    tide_bytes_append_format(sql, "CAST(NULL AS DATE) AS \"%s\" WHERE false", layout->date_column);
}

/* What the date of a row is made of (docs/formats/lake.md). */
static const char *date_sql(enum tide_table table)
{
    switch (table) {
    case TIDE_TABLE_EVENTS:
        return "CAST(event_time AS DATE)";
    case TIDE_TABLE_REJECTED:
    case TIDE_TABLE_RAW:
        return "CAST(received_time AS DATE)";
    case TIDE_TABLE_JOURNEYS:
        return "CAST(start_time AS DATE)";
    case TIDE_TABLE_METRICS:
        return "CASE WHEN generation = 'batch' THEN CAST(window_start AS DATE) END";
    case TIDE_TABLE_ALL_COUNT:
        break;
    }
    tide_assert(false);
    return "";
}

/* By folders DuckDB leaves out files of other dates; but the names of columns are spelt out, as a
 * folder above the lake may be called like a date's. */
static void write_rows(const struct making *making,
                       const struct tide_layout *layout,
                       bool is_in_folder,
                       struct tide_bytes *sql)
{
    for (uint32_t i = 0; i < layout->column_count; i++) {
        tide_dialect_name(TIDE_DIALECT_DUCKDB, layout->columns[i].name, sql);
        tide_bytes_append_text(sql, ", ");
    }
    if (!is_in_folder) {
        tide_bytes_append_format(sql, "%s AS ", date_sql(layout->table));
    }
    tide_bytes_append_format(sql, "\"%s\" FROM read_parquet([", layout->date_column);
    tide_bytes_append_view(sql, tide_bytes_view(&making->names));
    tide_bytes_append_text(sql, "], ");
    if (is_in_folder) {
        tide_bytes_append_format(
            sql, "hive_partitioning = true, hive_types = {'%s': DATE})", layout->date_column);
    } else {
        tide_bytes_append_text(sql, "hive_partitioning = false)");
    }
}

static enum tide_status make_table(struct making *making,
                                   const struct tide_layout *layout,
                                   struct tide_error *error)
{
    struct tide_lake_files files = {0};
    bool is_in_folder = true;
    enum tide_status status = tide_lake_files_list(
        making->options->store, making->options->clock, layout, &making->arena, &files, error);
    tide_bytes_reset(&making->names);
    for (uint32_t i = 0; status == TIDE_OK && i < files.count; i++) {
        status = fetch_file(making, layout, &files.files[i], &is_in_folder, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    tide_bytes_append_format(&making->sql, "CREATE VIEW %s AS SELECT ", layout->name);
    if (files.count == 0) {
        write_no_rows(layout, &making->sql);
    } else {
        write_rows(making, layout, is_in_folder, &making->sql);
    }
    making->sql.failed = making->sql.failed || making->names.failed;
    return run(making, layout->name, error);
}

/* ---- views over them */

static enum tide_status make_views(struct making *making, struct tide_error *error)
{
    const struct tide_definitions *definitions = making->options->definitions;
    const struct tide_schema *schema = definitions->schema;
    struct tide_bytes *sql = &making->sql;
    const struct tide_layout *metrics =
        tide_layout_create(&making->arena, schema, TIDE_TABLE_METRICS);
    const struct tide_layout *journeys =
        tide_layout_create(&making->arena, schema, TIDE_TABLE_JOURNEYS);
    if (metrics == NULL || journeys == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a layout");
    }
    tide_bytes_append_text(sql, "CREATE VIEW metrics_now AS ");
    tide_metrics_now_write(metrics, TIDE_DIALECT_DUCKDB, sql);
    tide_bytes_append_text(sql, "; CREATE VIEW journeys_now AS ");
    tide_journeys_now_write(journeys, TIDE_DIALECT_DUCKDB, sql);
    if (tide_schema_has_derived(schema)) {
        tide_bytes_append_text(sql, "; CREATE VIEW events_derived AS ");
        tide_events_derived_write(schema, TIDE_DIALECT_DUCKDB, sql);
    }
    enum tide_status status = run(making, "the views", error);
    for (uint32_t i = 0; status == TIDE_OK && i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        if (!metric->is_hidden) {
            tide_bytes_append_text(sql, "CREATE VIEW \"");
            tide_typed_view_name(metric, sql);
            tide_bytes_append_text(sql, "\" AS ");
            tide_typed_view_write(definitions, metric, TIDE_DIALECT_DUCKDB, sql);
            status = run(making, "the view of a metric", error);
        }
    }
    return status;
}

/* ---- the lock */

static enum tide_status lock(struct making *making, struct tide_error *error)
{
    const struct tide_lake_tables_options *options = making->options;
    struct tide_bytes *sql = &making->sql;
    if (options->is_unlocked) {
        return TIDE_OK;
    }
    tide_bytes_append_text(sql, "SET temp_directory = ''; SET allowed_paths = [");
    tide_bytes_append_view(sql, tide_bytes_view(&making->allowed));
    if (options->output_path != NULL) {
        tide_bytes_append_text(sql, making->allowed.size == 0 ? "" : ", ");
        tide_sql_append_text(sql, tide_view_of(options->output_path));
    }
    tide_bytes_append_text(sql, "]; ");
    sql->failed = sql->failed || making->allowed.failed;
    tide_bytes_append_text(sql,
                           "SET enable_external_access = false; SET lock_configuration = true");
    return run(making, "DuckDB does not let itself be locked", error);
}

/* ---- public */

static enum tide_status make_all(struct making *making, struct tide_error *error)
{
    const struct tide_schema *schema = making->options->definitions->schema;
    enum tide_status status = TIDE_OK;
    for (int table = 0; status == TIDE_OK && table < TIDE_TABLE_ALL_COUNT; table++) {
        const struct tide_layout *layout =
            tide_layout_create(&making->arena, schema, (enum tide_table)table);
        status = layout == NULL ? tide_error_set(error, TIDE_RETRY, "no memory for a layout")
                                : make_table(making, layout, error);
    }
    if (status == TIDE_OK) {
        status = make_views(making, error);
    }
    return status == TIDE_OK ? lock(making, error) : status;
}

static void release(struct making *making)
{
    tide_bytes_release(&making->sql);
    tide_bytes_release(&making->names);
    tide_bytes_release(&making->allowed);
    tide_arena_release(&making->arena);
}

enum tide_status tide_lake_tables_open(const struct tide_lake_tables_options *options,
                                       struct tide_lake_tables **out,
                                       struct tide_error *error)
{
    struct tide_lake_tables *tables = calloc(1, sizeof(*tables));
    if (tables == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the lake's tables");
    }
    tables->pins.store = options->store;
    struct making making = {.options = options, .tables = tables};
    tide_arena_init(&making.arena, arena_bytes_max);
    tide_bytes_init(&making.sql, SQL_BYTES_MAX);
    enum tide_status status = tide_duckdb_open(0, options->memory_max, &tables->duckdb, error);
    if (status == TIDE_OK) {
        status = tide_duckdb_connect(tables->duckdb, &tables->connection, error);
    }
    if (status == TIDE_OK) {
        status = make_all(&making, error);
    }
    release(&making);
    if (status != TIDE_OK) {
        tide_lake_tables_close(tables);
        return status;
    }
    *out = tables;
    return TIDE_OK;
}

void tide_lake_tables_close(struct tide_lake_tables *tables)
{
    if (tables == NULL) {
        return;
    }
    tide_duckdb_disconnect(tables->connection);
    tide_duckdb_close(tables->duckdb);
    tide_lake_pins_release(&tables->pins);
    free(tables);
}

struct tide_duckdb_connection *tide_lake_tables_connection(struct tide_lake_tables *tables)
{
    return tables->connection;
}
