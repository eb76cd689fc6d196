#include "batch/hive_ddl.h"

#include "base/assert.h"
#include "batch/lake_files.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

enum {
    DATABASE_BYTES_MAX = 128,
    SQL_BYTES_MAX = 60 << 20,
    PARTITIONS_OF_STATEMENT = 100
};
static const size_t arena_bytes_max = (size_t)512 << 20;

/* Hive takes no null for a partition; this stands for it, and its view puts null back. */
static const char unknown_date[] = "9999-12-31";
static const char unknown_folder[] = "__HIVE_DEFAULT_PARTITION__";

struct writing {
    const struct tide_hive_ddl_options *options;
    struct tide_arena arena;
    struct tide_bytes sql; /* of the statement at hand */
    bool has[TIDE_TABLE_ALL_COUNT];
    bool failed;
};

/* ---- text */

static enum tide_status check_names(const struct tide_hive_ddl_options *options,
                                    struct tide_error *error)
{
    const struct tide_view database = options->database;
    bool is_good = database.size > 0 && database.size <= DATABASE_BYTES_MAX;
    for (size_t i = 0; i < database.size; i++) {
        const unsigned char c = (unsigned char)database.data[i];
        is_good = is_good && (isalnum(c) || c == '_');
    }
    if (!is_good) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the name of a database has only letters, digits and _: '%.*s'",
                              TIDE_VIEW_ARGUMENTS(database));
    }
    for (size_t i = 0; i < options->location.size; i++) {
        if ((unsigned char)options->location.data[i] < 0x20) {
            return tide_error_set(error, TIDE_REJECT, "a location has no control characters");
        }
    }
    return TIDE_OK;
}

/* A literal where no expression may stand. */
static void write_literal(struct writing *writing, struct tide_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        const bool is_special = text.data[i] == '\'' || text.data[i] == '\\';
        tide_bytes_append_text(&writing->sql, is_special ? "\\" : "");
        tide_bytes_append_byte(&writing->sql, text.data[i]);
    }
}

static void write_location(struct writing *writing, const struct tide_layout *layout)
{
    write_literal(writing, writing->options->location);
    tide_bytes_append_format(&writing->sql, "/%s", layout->name);
}

static void write_name(struct writing *writing, struct tide_view name)
{
    tide_dialect_name(writing->options->dialect, name, &writing->sql);
}

static void end_statement(struct writing *writing)
{
    writing->failed = writing->failed || writing->sql.failed;
    if (!writing->sql.failed) {
        writing->options->statement(writing->options->context, tide_bytes_view(&writing->sql));
    }
    tide_bytes_reset(&writing->sql);
}

/* ---- Hive's tables */

static void create_files_table(struct writing *writing, const struct tide_layout *layout)
{
    struct tide_bytes *sql = &writing->sql;
    tide_bytes_append_format(sql, "CREATE EXTERNAL TABLE IF NOT EXISTS `%s_files` (", layout->name);
    for (uint32_t i = 0; i < layout->column_count; i++) {
        tide_bytes_append_text(sql, i == 0 ? "\n    " : ",\n    ");
        write_name(writing, layout->columns[i].name);
        tide_bytes_append_format(
            sql, " %s", tide_dialect_type(TIDE_DIALECT_HIVE, layout->columns[i].type));
    }
    tide_bytes_append_format(
        sql, "\n)\nPARTITIONED BY (`%s` DATE)\nSTORED AS PARQUET\nLOCATION '", layout->date_column);
    write_location(writing, layout);
    tide_bytes_append_byte(sql, '\'');
    end_statement(writing);
}

static void add_partition(struct writing *writing,
                          const struct tide_layout *layout,
                          struct tide_view date)
{
    struct tide_bytes *sql = &writing->sql;
    const bool is_unknown = date.size == 0;
    const struct tide_view value = is_unknown ? tide_view_of(unknown_date) : date;
    const struct tide_view folder = is_unknown ? tide_view_of(unknown_folder) : date;
    tide_bytes_append_format(sql,
                             "\n    PARTITION (`%s` = '%.*s') LOCATION '",
                             layout->date_column,
                             TIDE_VIEW_ARGUMENTS(value));
    write_location(writing, layout);
    tide_bytes_append_format(sql, "/%s=%.*s'", layout->date_column, TIDE_VIEW_ARGUMENTS(folder));
}

/* Files come by path, so those of one date stand together. */
static void add_partitions(struct writing *writing,
                           const struct tide_layout *layout,
                           const struct tide_lake_files *files)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < files->count; i++) {
        if (i > 0 && tide_view_equal(files->files[i].date, files->files[i - 1].date)) {
            continue;
        }
        if (count == PARTITIONS_OF_STATEMENT) {
            end_statement(writing);
            count = 0;
        }
        if (count++ == 0) {
            tide_bytes_append_format(
                &writing->sql, "ALTER TABLE `%s_files` ADD IF NOT EXISTS", layout->name);
        }
        add_partition(writing, layout, files->files[i].date);
    }
    if (count > 0) {
        end_statement(writing);
    }
}

/* The date's folder and the file's name: what is before them depends on who names the store. */
static struct tide_view end_of_path(struct tide_view path)
{
    size_t start = path.size;
    for (int slashes = 0; start > 0; start--) {
        slashes += path.data[start - 1] == '/';
        if (slashes == 2) {
            break;
        }
    }
    return tide_view_slice(path, start, path.size - start);
}

static void create_live_view(struct writing *writing,
                             const struct tide_layout *layout,
                             const struct tide_lake_files *files)
{
    struct tide_bytes *sql = &writing->sql;
    bool has_unknown = false;
    for (uint32_t i = 0; i < files->count; i++) {
        has_unknown = has_unknown || files->files[i].date.size == 0;
    }
    tide_bytes_append_format(sql, "CREATE OR REPLACE VIEW `%s` AS SELECT\n    ", layout->name);
    for (uint32_t i = 0; i < layout->column_count; i++) {
        write_name(writing, layout->columns[i].name);
        tide_bytes_append_text(sql, ", ");
    }
    if (has_unknown) {
        tide_bytes_append_format(sql,
                                 "\n    CASE WHEN `%s` = DATE '%s' THEN NULL ELSE `%s` END AS ",
                                 layout->date_column,
                                 unknown_date,
                                 layout->date_column);
    }
    tide_bytes_append_format(sql, "`%s`\nFROM `%s_files`", layout->date_column, layout->name);
    for (uint32_t i = 0; i < files->count; i++) {
        tide_bytes_append_text(
            sql,
            i == 0 ? "\nWHERE regexp_extract(INPUT__FILE__NAME, '[^/]+/[^/]+$', 0) IN (\n    '"
                   : ",\n    '");
        write_literal(writing, end_of_path(files->files[i].path));
        tide_bytes_append_byte(sql, '\'');
    }
    tide_bytes_append_text(sql, files->count == 0 ? "\nWHERE false" : "\n)");
    end_statement(writing);
}

/* ---- tables */

static enum tide_status write_table(struct writing *writing,
                                    enum tide_table table,
                                    struct tide_error *error)
{
    const struct tide_hive_ddl_options *options = writing->options;
    const struct tide_layout *layout =
        tide_layout_create(&writing->arena, options->definitions->schema, table);
    struct tide_lake_files files = {0};
    if (layout == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a layout");
    }
    const enum tide_status status = tide_lake_files_list(
        options->store, options->clock, layout, &writing->arena, &files, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (!files.is_table) {
        options->missing(options->context, layout->name, "the lake does not have it yet");
    }
    if (options->dialect == TIDE_DIALECT_HIVE) {
        create_files_table(writing, layout);
        add_partitions(writing, layout, &files);
        create_live_view(writing, layout, &files);
    } else if (files.is_table) {
        tide_bytes_append_format(
            &writing->sql, "CREATE TABLE IF NOT EXISTS `%s` USING delta LOCATION '", layout->name);
        write_location(writing, layout);
        tide_bytes_append_byte(&writing->sql, '\'');
        end_statement(writing);
    }
    writing->has[table] = files.is_table || options->dialect == TIDE_DIALECT_HIVE;
    return TIDE_OK;
}

/* ---- views over them */

static void begin_view(struct writing *writing, const char *name)
{
    tide_bytes_append_format(&writing->sql, "CREATE OR REPLACE VIEW `%s` AS ", name);
}

static void write_typed_views(struct writing *writing)
{
    const struct tide_definitions *definitions = writing->options->definitions;
    struct tide_bytes name = {0};
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        if (!metric->is_hidden) {
            tide_bytes_reset(&name);
            tide_typed_view_name(metric, &name);
            begin_view(writing, tide_bytes_terminated(&name));
            tide_typed_view_write(definitions, metric, writing->options->dialect, &writing->sql);
            end_statement(writing);
        }
    }
    writing->failed = writing->failed || name.failed;
    tide_bytes_release(&name);
}

/* Hive's LIKE knows no ESCAPE. */
static void write_derived(struct writing *writing)
{
    const struct tide_hive_ddl_options *options = writing->options;
    begin_view(writing, "events_derived");
    tide_events_derived_write(options->definitions->schema, options->dialect, &writing->sql);
    if (options->dialect == TIDE_DIALECT_HIVE &&
        strstr(tide_bytes_terminated(&writing->sql), " ESCAPE '!'") != NULL) {
        options->missing(options->context,
                         "events_derived",
                         "Hive has no pattern for a glob with _, %, ! or \\");
        tide_bytes_reset(&writing->sql);
        return;
    }
    end_statement(writing);
}

static enum tide_status write_views(struct writing *writing, struct tide_error *error)
{
    const enum tide_dialect dialect = writing->options->dialect;
    const struct tide_schema *schema = writing->options->definitions->schema;
    const struct tide_layout *metrics =
        tide_layout_create(&writing->arena, schema, TIDE_TABLE_METRICS);
    const struct tide_layout *journeys =
        tide_layout_create(&writing->arena, schema, TIDE_TABLE_JOURNEYS);
    if (metrics == NULL || journeys == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a layout");
    }
    if (writing->has[TIDE_TABLE_EVENTS] && tide_schema_has_derived(schema)) {
        write_derived(writing);
    }
    if (writing->has[TIDE_TABLE_JOURNEYS]) {
        begin_view(writing, "journeys_now");
        tide_journeys_now_write(journeys, dialect, &writing->sql);
        end_statement(writing);
    }
    if (writing->has[TIDE_TABLE_METRICS]) {
        begin_view(writing, "metrics_now");
        tide_metrics_now_write(metrics, dialect, &writing->sql);
        end_statement(writing);
        write_typed_views(writing);
    }
    return TIDE_OK;
}

enum tide_status tide_hive_ddl_write(const struct tide_hive_ddl_options *options,
                                     struct tide_error *error)
{
    struct writing writing = {.options = options};
    tide_assert(options->dialect != TIDE_DIALECT_DUCKDB);
    enum tide_status status = check_names(options, error);
    if (status != TIDE_OK) {
        return status;
    }
    tide_arena_init(&writing.arena, arena_bytes_max);
    tide_bytes_init(&writing.sql, SQL_BYTES_MAX);
    tide_bytes_append_text(&writing.sql, "CREATE DATABASE IF NOT EXISTS ");
    write_name(&writing, options->database);
    end_statement(&writing);
    tide_bytes_append_text(&writing.sql, "USE ");
    write_name(&writing, options->database);
    end_statement(&writing);
    for (int table = 0; status == TIDE_OK && table < TIDE_TABLE_ALL_COUNT; table++) {
        status = write_table(&writing, (enum tide_table)table, error);
    }
    if (status == TIDE_OK) {
        status = write_views(&writing, error);
    }
    if (status == TIDE_OK && writing.failed) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for a statement");
    }
    tide_bytes_release(&writing.sql);
    tide_arena_release(&writing.arena);
    return status;
}
