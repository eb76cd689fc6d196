/* Merging Parquet files by DuckDB: read_parquet -> ORDER BY -> COPY, then one query over the new
 * file for its statistics; and counts by partition.
 *
 * Nothing is taken on trust: rows are counted in the inputs and in what was written, and the
 * statistics are those of the new file itself, so that it does not matter who wrote the inputs. */
#include "lake/rewriter.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "base/io.h"
#include "lake/duckdb.h"
#include "lake/sql_text.h"
#include "lake/stats.h"
#include "lake/table_writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    SQL_BYTES_MAX = 60 << 20,
    COLUMNS_MAX = TIDE_SCHEMA_COLUMNS_MAX + 16,
    VALUES_OF_COLUMN = 3, /* count, least, greatest */
    OWN_THREADS = 1,
    POINTS_MAX = 33 /* one more than a bound has: whether it is cut must be seen */
};

static const uint64_t own_memory_max = UINT64_C(256) << 20;

struct parquet_rewriter {
    struct tide_duckdb *duckdb;
    struct tide_duckdb *own; /* NULL: somebody else's, or not opened yet */
    struct tide_duckdb_connection *connection;
    struct tide_bytes scratch_directory;
};

static enum tide_status run(struct parquet_rewriter *rewriter,
                            struct tide_bytes *sql,
                            enum tide_status (*visit)(void *context,
                                                      const struct tide_duckdb_value *row,
                                                      uint32_t column_count),
                            void *context,
                            struct tide_error *error)
{
    enum tide_status status =
        sql->failed
            ? tide_error_set(error, TIDE_RETRY, "no memory for an SQL text")
            : tide_duckdb_query(rewriter->connection, tide_bytes_view(sql), visit, context, error);
    if (status != TIDE_OK && error != NULL) { /* DuckDB shows the SQL behind the first line */
        error->text[strcspn(error->text, "\n")] = '\0';
    }
    tide_bytes_reset(sql);
    return status == TIDE_OK || status == TIDE_RETRY ? status : TIDE_FATAL;
}

/* What is sorted and does not fit into memory goes to the scratch directory. */
static enum tide_status open_connection(struct parquet_rewriter *rewriter, struct tide_error *error)
{
    struct tide_bytes sql = {0};
    enum tide_status status = TIDE_OK;
    if (rewriter->duckdb == NULL) {
        status = tide_duckdb_open(OWN_THREADS, own_memory_max, &rewriter->own, error);
        rewriter->duckdb = rewriter->own;
    }
    if (status == TIDE_OK) {
        status = tide_duckdb_connect(rewriter->duckdb, &rewriter->connection, error);
    }
    if (status == TIDE_OK) {
        tide_bytes_append_text(&sql, "SET temp_directory = ");
        tide_sql_append_text(&sql, tide_bytes_view(&rewriter->scratch_directory));
        status = run(rewriter, &sql, NULL, NULL, error);
    }
    tide_bytes_release(&sql);
    return status;
}

static enum tide_status query(struct parquet_rewriter *rewriter,
                              struct tide_bytes *sql,
                              enum tide_status (*visit)(void *context,
                                                        const struct tide_duckdb_value *row,
                                                        uint32_t column_count),
                              void *context,
                              struct tide_error *error)
{
    const enum tide_status status =
        rewriter->connection == NULL ? open_connection(rewriter, error) : TIDE_OK;
    return status == TIDE_OK ? run(rewriter, sql, visit, context, error) : status;
}

/* read_parquet([...]), with where a row stands if that is the only order there is. */
static void append_files(const char *const *paths,
                         uint32_t path_count,
                         bool has_places,
                         struct tide_bytes *sql)
{
    tide_bytes_append_text(sql, "read_parquet([");
    for (uint32_t i = 0; i < path_count; i++) {
        tide_bytes_append_text(sql, i == 0 ? "" : ", ");
        tide_sql_append_path(sql, tide_view_of(paths[i]));
    }
    tide_bytes_append_text(sql, "], hive_partitioning = false, union_by_name = true");
    tide_bytes_append_text(sql, has_places ? ", filename = true, file_row_number = true)" : ")");
}

/* ---- merging */

static const struct {
    bool has_places; /* the order in a file is part of the order */
    const char *order;
} orders[TIDE_TABLE_ALL_COUNT] = {
    [TIDE_TABLE_EVENTS] = {false, "f._partition, f._offset, f._index"},
    [TIDE_TABLE_REJECTED] = {false, "f.\"partition\", f.\"offset\", f.\"index\""},
    [TIDE_TABLE_RAW] = {false, "f.\"partition\", f.\"offset\", f.\"index\""},
    [TIDE_TABLE_JOURNEYS] = {true, "f._partition, f._epoch, f.filename, f.file_row_number"},
    [TIDE_TABLE_METRICS] = {true, "f.run, f.filename, f.file_row_number"},
};

/* By name and as our own files have them, whoever wrote the inputs. */
static void append_columns(const struct tide_layout *layout, struct tide_bytes *sql)
{
    for (uint32_t i = 0; i < layout->column_count; i++) {
        const struct tide_lake_column *column = &layout->columns[i];
        const int size = (int)column->name.size;
        tide_bytes_append_format(sql,
                                 "%sCAST(f.\"%.*s\" AS %s) AS \"%.*s\"",
                                 i == 0 ? "" : ", ",
                                 size,
                                 column->name.data,
                                 tide_duckdb_type(column->type),
                                 size,
                                 column->name.data);
    }
}

/* docs/formats/lake.md says which rows of metrics count; those do not. */
static void append_superseded(const struct tide_merge *merge, struct tide_bytes *sql)
{
    tide_bytes_append_text(sql, " WHERE NOT EXISTS (SELECT 1 FROM ");
    append_files(merge->coverage_paths, merge->coverage_count, false, sql);
    tide_bytes_append_text(
        sql,
        " AS o WHERE o.generation = 'coverage' AND o.metric = f.metric AND "
        "o.definition = f.definition AND o.run > f.run AND "
        "(o.window_start IS NULL OR coalesce(o.window_start <= f.window_start, false)) AND "
        "(o.window_end IS NULL OR coalesce(o.window_end >= f.window_end, false)))");
}

static void append_copy(const struct tide_merge *merge, struct tide_bytes *sql)
{
    const enum tide_table table = merge->layout->table;
    tide_bytes_append_text(sql, "COPY (SELECT ");
    append_columns(merge->layout, sql);
    tide_bytes_append_text(sql, " FROM ");
    append_files(merge->paths, merge->path_count, orders[table].has_places, sql);
    tide_bytes_append_text(sql, " AS f");
    if (merge->coverage_count > 0) {
        append_superseded(merge, sql);
    }
    tide_bytes_append_format(sql, " ORDER BY %s) TO ", orders[table].order);
    tide_sql_append_text(sql, tide_view_of(merge->scratch_path));
    tide_bytes_append_byte(sql, ' ');
    tide_parquet_write_options(merge->layout, sql);
}

static enum tide_status read_number(void *context,
                                    const struct tide_duckdb_value *row,
                                    uint32_t column_count)
{
    tide_assert(column_count == 1 && row[0].present);
    *(uint64_t *)context = (uint64_t)row[0].number;
    return TIDE_OK;
}

/* ---- statistics */

static void append_bounds(const struct tide_lake_column *column, struct tide_bytes *sql)
{
    const int size = (int)column->name.size;
    const char *name = column->name.data;
    tide_bytes_append_format(sql, ", COUNT(\"%.*s\")", size, name);
    switch (column->type) {
    case TIDE_LAKE_STRING:
        for (int i = 0; i < 2; i++) {
            tide_bytes_append_format(
                sql, ", %s(left(\"%.*s\", %d))", i == 0 ? "MIN" : "MAX", size, name, POINTS_MAX);
        }
        return;
    case TIDE_LAKE_TIMESTAMP:
        tide_bytes_append_format(
            sql, ", epoch_us(MIN(\"%.*s\")), epoch_us(MAX(\"%.*s\"))", size, name, size, name);
        return;
    case TIDE_LAKE_LONG:
    case TIDE_LAKE_DECIMAL:
        tide_bytes_append_format(sql, ", MIN(\"%.*s\"), MAX(\"%.*s\")", size, name, size, name);
        return;
    case TIDE_LAKE_BOOLEAN:
    case TIDE_LAKE_BINARY:
    case TIDE_LAKE_DOUBLE: /* would have to go through a text */
        tide_bytes_append_text(sql, ", NULL::BIGINT, NULL::BIGINT");
        return;
    }
}

struct statistics {
    const struct tide_layout *layout;
    struct tide_merged *merged;
    struct tide_bytes *json;
};

static enum tide_status read_statistics(void *context,
                                        const struct tide_duckdb_value *row,
                                        uint32_t column_count)
{
    const struct statistics *statistics = context;
    const struct tide_layout *layout = statistics->layout;
    struct tide_column_bounds bounds[COLUMNS_MAX];
    tide_assert(layout->column_count <= COLUMNS_MAX);
    tide_assert(column_count == 1 + VALUES_OF_COLUMN * layout->column_count);
    statistics->merged->row_count = (uint64_t)row[0].number;
    for (uint32_t i = 0; i < layout->column_count; i++) {
        const struct tide_duckdb_value *values = row + 1 + VALUES_OF_COLUMN * (size_t)i;
        bounds[i] = (struct tide_column_bounds){
            .null_count = (uint64_t)(row[0].number - values[0].number),
            .has_value = values[1].present && values[2].present,
            .low = values[1].number,
            .high = values[2].number,
            .first = values[1].text,
            .last = values[2].text,
        };
    }
    tide_stats_write(layout, bounds, statistics->merged->row_count, statistics->json);
    return TIDE_OK;
}

static enum tide_status measure(struct parquet_rewriter *rewriter,
                                const struct tide_merge *merge,
                                struct tide_merged *merged,
                                struct tide_bytes *stats,
                                struct tide_error *error)
{
    const struct tide_io io = tide_io_os();
    struct statistics statistics = {merge->layout, merged, stats};
    struct tide_io_facts facts = {0};
    struct tide_bytes sql = {0};
    tide_bytes_append_text(&sql, "SELECT COUNT(*)");
    for (uint32_t i = 0; i < merge->layout->column_count; i++) {
        append_bounds(&merge->layout->columns[i], &sql);
    }
    tide_bytes_append_text(&sql, " FROM ");
    append_files(&merge->scratch_path, 1, false, &sql);
    enum tide_status status = query(rewriter, &sql, read_statistics, &statistics, error);
    tide_bytes_release(&sql);
    if (status == TIDE_OK) {
        status = io.operations->stat(io.self, merge->scratch_path, &facts, error);
        merged->size = facts.size;
    }
    return status;
}

static enum tide_status merge_files(void *self,
                                    const struct tide_merge *merge,
                                    struct tide_merged *merged,
                                    struct tide_bytes *stats,
                                    struct tide_error *error)
{
    struct parquet_rewriter *rewriter = self;
    const struct tide_io io = tide_io_os();
    struct tide_bytes sql = {0};
    tide_assert(merge->path_count > 0);
    *merged = (struct tide_merged){0};
    tide_bytes_init(&sql, SQL_BYTES_MAX);
    (void)io.operations->remove(io.self, merge->scratch_path, NULL);
    tide_bytes_append_text(&sql, "SELECT COUNT(*) FROM ");
    append_files(merge->paths, merge->path_count, false, &sql);
    enum tide_status status = query(rewriter, &sql, read_number, &merged->input_rows, error);
    if (status == TIDE_OK) {
        append_copy(merge, &sql);
        status = query(rewriter, &sql, NULL, NULL, error);
    }
    tide_bytes_release(&sql);
    if (status == TIDE_OK) {
        status = measure(rewriter, merge, merged, stats, error);
    }
    if (status != TIDE_OK || merged->row_count == 0) {
        (void)io.operations->remove(io.self, merge->scratch_path, NULL);
    }
    return status;
}

/* ---- counting */

struct tallying {
    enum tide_table table;
    void (*visit)(void *context, const struct tide_tally *tally);
    void *context;
    struct tide_tally tally; /* of the partition whose rows are read: they come together */
    bool is_open;
    struct tide_error *error;
};

static const char *const tally_queries[TIDE_TABLE_ALL_COUNT] = {
    [TIDE_TABLE_EVENTS] =
        "SELECT _partition AS p, COUNT(*), SUM(uid_high)::VARCHAR, SUM(uid_low)::VARCHAR FROM ",
    [TIDE_TABLE_REJECTED] = "SELECT \"partition\" AS p, COUNT(*), reason, '' FROM ",
    [TIDE_TABLE_RAW] = "SELECT \"partition\" AS p, COUNT(*), '', '' FROM ",
    [TIDE_TABLE_JOURNEYS] = "SELECT _partition AS p, COUNT(*), '', '' FROM ",
    [TIDE_TABLE_METRICS] = "SELECT 0::BIGINT AS p, COUNT(*), '', '' FROM ",
};

static void end_tally(struct tallying *tallying)
{
    if (tallying->is_open) {
        tallying->visit(tallying->context, &tallying->tally);
    }
    tallying->is_open = false;
}

static enum tide_status read_tally(void *context,
                                   const struct tide_duckdb_value *row,
                                   uint32_t column_count)
{
    struct tallying *tallying = context;
    struct tide_tally *tally = &tallying->tally;
    tide_assert(column_count == 4);
    if (!row[0].present || row[0].number < 0 || row[0].number > UINT32_MAX) {
        return tide_error_set(tallying->error, TIDE_FATAL, "a row is of no partition");
    }
    if (!tallying->is_open || tally->partition != (uint32_t)row[0].number) {
        end_tally(tallying);
        *tally = (struct tide_tally){.partition = (uint32_t)row[0].number};
        tallying->is_open = true;
    }
    tally->rows += (uint64_t)row[1].number;
    if (tallying->table == TIDE_TABLE_EVENTS) {
        tide_i128 high = 0;
        tide_i128 low = 0;
        if (tide_decimal_parse_i128(row[2].text, 0, &high) != TIDE_OK ||
            tide_decimal_parse_i128(row[3].text, 0, &low) != TIDE_OK) {
            return tide_error_set(tallying->error, TIDE_FATAL, "an event has no uid");
        }
        tally->uids = (struct tide_u128){(uint64_t)high, (uint64_t)low}; /* modulo 2^64 */
    } else if (tallying->table == TIDE_TABLE_REJECTED) {
        const enum tide_reason reason = tide_reason_parse(row[2].text);
        if (reason == TIDE_REASON_COUNT) {
            return tide_error_set(tallying->error, TIDE_FATAL, "a rejected row has no reason");
        }
        tally->rejected[reason] += (uint64_t)row[1].number;
    }
    return TIDE_OK;
}

static enum tide_status tally_files(void *self,
                                    const struct tide_merge *merge,
                                    void (*visit)(void *context, const struct tide_tally *tally),
                                    void *context,
                                    struct tide_error *error)
{
    const enum tide_table table = merge->layout->table;
    struct tallying tallying = {.table = table, .visit = visit, .context = context, .error = error};
    struct tide_bytes sql = {0};
    tide_bytes_init(&sql, SQL_BYTES_MAX);
    tide_bytes_append_text(&sql, tally_queries[table]);
    append_files(merge->paths, merge->path_count, false, &sql);
    if (table == TIDE_TABLE_METRICS) {
        tide_bytes_append_text(&sql, " HAVING COUNT(*) > 0");
    } else {
        tide_bytes_append_text(&sql,
                               table == TIDE_TABLE_REJECTED ? " GROUP BY p, reason ORDER BY p"
                                                            : " GROUP BY p ORDER BY p");
    }
    const enum tide_status status = query(self, &sql, read_tally, &tallying, error);
    tide_bytes_release(&sql);
    if (status == TIDE_OK) {
        end_tally(&tallying);
    }
    return status;
}

/* ---- life */

static void rewriter_close(void *self)
{
    struct parquet_rewriter *rewriter = self;
    tide_duckdb_disconnect(rewriter->connection);
    tide_duckdb_close(rewriter->own);
    tide_bytes_release(&rewriter->scratch_directory);
    free(rewriter);
}

static const struct tide_rewriter_operations parquet_operations = {
    .merge = merge_files,
    .tally = tally_files,
    .close = rewriter_close,
};

enum tide_status tide_rewriter_parquet_open(struct tide_duckdb *duckdb,
                                            const char *scratch_directory,
                                            struct tide_rewriter *rewriter,
                                            struct tide_error *error)
{
    struct parquet_rewriter *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a rewriter");
    }
    made->duckdb = duckdb;
    tide_bytes_append_text(&made->scratch_directory, scratch_directory);
    if (made->scratch_directory.failed) {
        rewriter_close(made);
        return tide_error_set(error, TIDE_RETRY, "no memory for a rewriter");
    }
    *rewriter = (struct tide_rewriter){&parquet_operations, made, "parquet"};
    return TIDE_OK;
}

void tide_rewriter_close(struct tide_rewriter *rewriter)
{
    if (rewriter->operations != NULL) {
        rewriter->operations->close(rewriter->self);
    }
    *rewriter = (struct tide_rewriter){0};
}
