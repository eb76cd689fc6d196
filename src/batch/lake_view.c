/* A view is text: the names of the live files in a read_parquet, and a projection that turns times
 * into microseconds. DuckDB reads the files anew for each query, so a view costs no memory of its
 * own, and a query only the columns that it names. */
#include "batch/lake_view.h"

#include "base/assert.h"
#include "batch/lake_files.h"
#include "lake/delta.h"
#include "lake/sql_text.h"
#include "metric/sql.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 4 << 20,
    SQL_BYTES_MAX = 60 << 20,
    EXPIRED_BYTES_MAX = 256 << 20
};

struct tide_lake_view {
    struct tide_duckdb *duckdb;
    struct tide_duckdb_connection *connection;
    uint64_t file_counts[TIDE_TABLE_ALL_COUNT];
    struct tide_lake_pins pins;
    struct tide_expired expired[TIDE_TABLE_ALL_COUNT];
    struct tide_arena arena; /* of what expired */
};

/* ---- text */

static const char *sql_type(enum tide_lake_type type)
{
    switch (type) {
    case TIDE_LAKE_STRING:
        return "VARCHAR";
    case TIDE_LAKE_LONG:
    case TIDE_LAKE_TIMESTAMP:
        return "BIGINT";
    case TIDE_LAKE_DECIMAL:
        return "DECIMAL(18, 6)";
    case TIDE_LAKE_BOOLEAN:
        return "BOOLEAN";
    case TIDE_LAKE_BINARY:
        return "BLOB";
    case TIDE_LAKE_DOUBLE:
        return "DOUBLE";
    }
    tide_assert(false);
    return "";
}

static void write_columns(const struct tide_layout *layout, bool has_files, struct tide_bytes *sql)
{
    for (uint32_t i = 0; i < layout->column_count; i++) {
        const struct tide_lake_column *column = &layout->columns[i];
        const int size = (int)column->name.size;
        const char *name = column->name.data;
        tide_bytes_append_text(sql, i == 0 ? "" : ", ");
        if (!has_files) {
            tide_bytes_append_format(
                sql, "CAST(NULL AS %s) AS \"%.*s\"", sql_type(column->type), size, name);
        } else if (column->type == TIDE_LAKE_TIMESTAMP) {
            tide_bytes_append_format(
                sql, "epoch_us(_f.\"%.*s\") AS \"%.*s\"", size, name, size, name);
        } else {
            tide_bytes_append_format(sql, "_f.\"%.*s\"", size, name);
        }
    }
}

/* They are not in the files: the schema says what they are of what is. */
static void write_derived(const struct tide_schema *schema, bool has_files, struct tide_bytes *sql)
{
    for (uint32_t i = schema->path_column_count; i < schema->column_count; i++) {
        tide_bytes_append_text(sql, ", ");
        if (has_files) {
            tide_column_sql(schema, i, sql);
        } else {
            tide_bytes_append_text(sql, "CAST(NULL AS VARCHAR)");
        }
        tide_bytes_append_format(sql, " AS \"%.*s\"", TIDE_VIEW_ARGUMENTS(schema->columns[i].name));
    }
}

/* A row without a bound for its partition gets null there, which WHERE does not let through. */
static void write_bound(const struct tide_lake_view_options *options,
                        enum tide_table table,
                        struct tide_bytes *sql)
{
    if (options->epochs == NULL || table == TIDE_TABLE_METRICS) {
        return;
    }
    tide_bytes_append_text(sql, " WHERE _f._epoch <= list_extract(CAST([");
    for (uint32_t p = 0; p < options->partition_count; p++) {
        tide_bytes_append_format(sql, "%s%lld", p == 0 ? "" : ", ", (long long)options->epochs[p]);
    }
    tide_bytes_append_format(
        sql,
        "] AS BIGINT[]), _f.\"%s\" + 1)",
        table == TIDE_TABLE_REJECTED || table == TIDE_TABLE_RAW ? "partition" : "_partition");
}

/* ---- files */

struct listing {
    struct tide_lake_view *view;
    struct tide_bytes *sql; /* the list of names grows here */
    const char *table;
    uint64_t count;
    struct tide_error *error;
};

static enum tide_status add_file(void *context, const struct tide_delta_entry *entry)
{
    struct listing *listing = context;
    struct tide_lake_pins *pins = &listing->view->pins;
    if (++listing->count > TIDE_LAKE_VIEW_FILES_MAX) {
        return TIDE_OK; /* which is refused when all were counted */
    }
    enum tide_status status =
        tide_lake_pins_fetch(pins, listing->table, entry->path, listing->error);
    if (status == TIDE_OK) {
        tide_bytes_append_text(listing->sql, listing->count == 1 ? "" : ", ");
        tide_sql_append_path(listing->sql, tide_bytes_view(&pins->path));
    }
    return status;
}

static enum tide_status open_delta(struct tide_store store,
                                   struct tide_clock clock,
                                   struct tide_checkpoint_codec codec,
                                   const struct tide_layout *layout,
                                   struct tide_delta **delta,
                                   struct tide_error *error)
{
    struct tide_delta_options options = tide_lake_files_reading(store, clock, layout, codec);
    options.keeps_files = true;
    return tide_delta_open(&options, delta, error);
}

static enum tide_status list_files(const struct tide_lake_view_options *options,
                                   const struct tide_layout *layout,
                                   struct listing *listing,
                                   struct tide_lake_view *view,
                                   struct tide_error *error)
{
    struct tide_delta *delta = NULL;
    struct tide_checkpoint_codec codec = {0}; /* opens a DuckDB only if there is a checkpoint */
    enum tide_status status = tide_checkpoint_parquet_open(NULL, &codec, error);
    if (status == TIDE_OK) {
        status = open_delta(options->store, options->clock, codec, layout, &delta, error);
    }
    if (status == TIDE_OK && tide_delta_version(delta) >= 0) {
        status = tide_delta_entries(delta, (struct tide_delta_visitor){add_file, listing}, error);
    }
    const bool is_told = layout->table == TIDE_TABLE_EVENTS || layout->table == TIDE_TABLE_REJECTED;
    if (status == TIDE_OK && is_told) {
        status = tide_expired_read(
            options->store, layout, delta, &view->arena, &view->expired[layout->table], error);
    }
    tide_delta_close(delta);
    tide_checkpoint_codec_close(&codec);
    if (status == TIDE_OK && listing->count > TIDE_LAKE_VIEW_FILES_MAX) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "table %s has %llu files, more than %d",
                              layout->name,
                              (unsigned long long)listing->count,
                              TIDE_LAKE_VIEW_FILES_MAX);
    }
    return status;
}

static enum tide_status make_view(struct tide_lake_view *view,
                                  const struct tide_lake_view_options *options,
                                  const struct tide_layout *layout,
                                  struct tide_error *error)
{
    struct tide_bytes names = {0};
    struct tide_bytes sql = {0};
    struct listing listing = {.view = view, .sql = &names, .table = layout->name, .error = error};
    tide_bytes_init(&names, SQL_BYTES_MAX);
    tide_bytes_init(&sql, SQL_BYTES_MAX);
    enum tide_status status = list_files(options, layout, &listing, view, error);
    if (status != TIDE_OK) {
        goto done;
    }
    tide_bytes_append_format(&sql, "CREATE VIEW %s AS SELECT ", layout->name);
    write_columns(layout, listing.count > 0, &sql);
    if (layout->table == TIDE_TABLE_EVENTS) {
        write_derived(options->schema, listing.count > 0, &sql);
    }
    if (listing.count == 0) {
        tide_bytes_append_text(&sql, " WHERE false");
    } else {
        tide_bytes_append_text(&sql, " FROM read_parquet([");
        tide_bytes_append_view(&sql, tide_bytes_view(&names));
        tide_bytes_append_text(&sql, "], hive_partitioning = false) AS _f");
        write_bound(options, layout->table, &sql);
    }
    if (names.failed || sql.failed) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for the view of %s", layout->name);
        goto done;
    }
    view->file_counts[layout->table] = listing.count;
    status = tide_duckdb_query(view->connection, tide_bytes_view(&sql), NULL, NULL, error);
    if (status != TIDE_OK) {
        tide_error_prefix(error, "cannot read table %s", layout->name);
    }
done:
    tide_bytes_release(&names);
    tide_bytes_release(&sql);
    return status;
}

static enum tide_status make_views(struct tide_lake_view *view,
                                   const struct tide_lake_view_options *options,
                                   struct tide_error *error)
{
    struct tide_arena arena;
    enum tide_status status = TIDE_OK;
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    const int first = options->is_of_metrics ? (int)TIDE_TABLE_METRICS : 0;
    const int end = options->is_of_metrics ? (int)TIDE_TABLE_METRICS + 1 : (int)TIDE_TABLE_COUNT;
    for (int table = first; status == TIDE_OK && table < end; table++) {
        const struct tide_layout *layout =
            tide_layout_create(&arena, options->schema, (enum tide_table)table);
        status = layout == NULL ? tide_error_set(error, TIDE_RETRY, "no memory for a layout")
                                : make_view(view, options, layout, error);
    }
    tide_arena_release(&arena);
    return status;
}

/* ---- public */

static enum tide_status read_epochs(struct tide_delta *delta,
                                    const char *pipeline,
                                    uint32_t partition_count,
                                    int64_t *epochs,
                                    struct tide_error *error)
{
    struct tide_bytes app_id = {0};
    for (uint32_t p = 0; p < partition_count; p++) {
        tide_bytes_reset(&app_id);
        tide_bytes_append_format(&app_id, "%s/%u", pipeline, p);
        epochs[p] = tide_delta_transaction_version(delta, tide_bytes_view(&app_id));
    }
    const bool is_whole = !app_id.failed;
    tide_bytes_release(&app_id);
    return is_whole ? TIDE_OK
                    : tide_error_set(error, TIDE_RETRY, "no memory for a partition's name");
}

enum tide_status tide_lake_epochs(const struct tide_lake_view_options *options,
                                  const char *pipeline,
                                  int64_t *epochs,
                                  struct tide_error *error)
{
    struct tide_delta *delta = NULL;
    struct tide_checkpoint_codec codec = {0};
    struct tide_arena arena;
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    const struct tide_layout *layout =
        tide_layout_create(&arena, options->schema, TIDE_TABLE_EVENTS);
    enum tide_status status = layout == NULL
                                  ? tide_error_set(error, TIDE_RETRY, "no memory for a layout")
                                  : tide_checkpoint_parquet_open(NULL, &codec, error);
    if (status == TIDE_OK) {
        status = open_delta(options->store, options->clock, codec, layout, &delta, error);
    }
    if (status == TIDE_OK) {
        status = read_epochs(delta, pipeline, options->partition_count, epochs, error);
    }
    tide_delta_close(delta);
    tide_checkpoint_codec_close(&codec);
    tide_arena_release(&arena);
    return status;
}

enum tide_status tide_lake_view_open(const struct tide_lake_view_options *options,
                                     struct tide_lake_view **view,
                                     struct tide_error *error)
{
    tide_assert(options->store.operations != NULL && options->schema != NULL);
    tide_assert(options->epochs == NULL || options->partition_count > 0);
    struct tide_lake_view *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a view of the lake");
    }
    made->pins.store = options->store;
    tide_arena_init(&made->arena, EXPIRED_BYTES_MAX);
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT; t++) {
        made->expired[t].before_days = TIDE_DATE_UNKNOWN;
    }
    enum tide_status status =
        tide_duckdb_open(options->thread_count, options->memory_max, &made->duckdb, error);
    if (status == TIDE_OK) {
        status = tide_duckdb_connect(made->duckdb, &made->connection, error);
    }
    if (status == TIDE_OK) {
        status = make_views(made, options, error);
    }
    if (status != TIDE_OK) {
        tide_lake_view_close(made);
        return status;
    }
    *view = made;
    return TIDE_OK;
}

void tide_lake_view_close(struct tide_lake_view *view)
{
    if (view == NULL) {
        return;
    }
    tide_duckdb_disconnect(view->connection);
    tide_duckdb_close(view->duckdb);
    tide_lake_pins_release(&view->pins);
    tide_arena_release(&view->arena);
    free(view);
}

struct tide_duckdb_connection *tide_lake_view_connection(struct tide_lake_view *view)
{
    return view->connection;
}

uint64_t tide_lake_view_file_count(const struct tide_lake_view *view, enum tide_table table)
{
    tide_assert(table < TIDE_TABLE_ALL_COUNT);
    return view->file_counts[table];
}

const struct tide_expired *tide_lake_view_expired(const struct tide_lake_view *view,
                                                  enum tide_table table)
{
    tide_assert(table == TIDE_TABLE_EVENTS || table == TIDE_TABLE_REJECTED);
    return &view->expired[table];
}
