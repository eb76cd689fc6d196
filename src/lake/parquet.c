/* Rows to a Parquet file, by DuckDB: COPY from the table function that reads the rows.
 *
 * The types are those of the table, not guessed from values, so a column of uuid-looking texts
 * stays a column of texts. The date by which the lake is partitioned is in the folder's name and
 * not in the file, as Delta and Hive want it. DuckDB writes on the machine's own file system, so
 * this writer belongs to stores over tide_io_os; simulations bring another one. */
#include "lake/table_writer.h"
#include "base/assert.h"
#include "base/io.h"
#include "lake/duckdb.h"
#include "lake/sql_text.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROW_GROUP = 122880,
    ROW_GROUP_WIDE = 20480
};

/* Measured on 200,000 events of each table (docs/benchmarks.md): level 1 takes the time of lz4_raw
 * and half its space; level 3 takes half as much time again and saves nothing. Whole records are
 * buffered a row group at a time, so tables of those have smaller groups. */
void tide_parquet_write_options(const struct tide_layout *layout, struct tide_bytes *sql)
{
    const bool is_wide = layout->table == TIDE_TABLE_RAW || layout->table == TIDE_TABLE_REJECTED;
    tide_bytes_append_format(sql,
                             "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
                             "ROW_GROUP_SIZE %d, USE_TMP_FILE false)",
                             is_wide ? ROW_GROUP_WIDE : ROW_GROUP);
}

static enum tide_status copy_to(struct tide_duckdb_connection *connection,
                                const char *function,
                                const struct tide_layout *layout,
                                const char *path,
                                struct tide_error *error)
{
    struct tide_bytes sql = {0};
    tide_bytes_append_format(&sql, "COPY (SELECT * FROM %s()) TO ", function);
    tide_sql_append_text(&sql, tide_view_of(path));
    tide_bytes_append_byte(&sql, ' ');
    tide_parquet_write_options(layout, &sql);
    enum tide_status status =
        sql.failed ? tide_error_set(error, TIDE_RETRY, "no memory for an SQL text")
                   : tide_duckdb_query(connection, tide_bytes_view(&sql), NULL, NULL, error);
    tide_bytes_release(&sql);
    return status;
}

static enum tide_status measure(const char *path, uint64_t *size, struct tide_error *error)
{
    struct tide_io io = tide_io_os();
    struct tide_file file = {0};
    enum tide_status status = io.operations->open(io.self, path, TIDE_IO_READ, &file, error);
    if (status == TIDE_OK) {
        status = io.operations->size(io.self, file, size, error);
    }
    io.operations->close(io.self, &file);
    return status;
}

static enum tide_status parquet_write(void *self,
                                      const struct tide_rows *rows,
                                      const uint32_t *row_indices,
                                      uint32_t row_count,
                                      const char *scratch_path,
                                      uint64_t *size,
                                      struct tide_error *error)
{
    struct tide_duckdb_connection *connection = self;
    tide_assert(row_count > 0);
    const char *function = NULL;
    enum tide_status status =
        tide_duckdb_give_rows(connection, rows, row_indices, row_count, &function, error);
    if (status == TIDE_OK) {
        status = copy_to(connection, function, tide_rows_layout(rows), scratch_path, error);
    }
    if (status == TIDE_OK) {
        status = measure(scratch_path, size, error);
    }
    if (status != TIDE_OK) {
        (void)tide_io_os().operations->remove(NULL, scratch_path, NULL);
        tide_error_prefix(error, "cannot write %s", scratch_path);
        return status == TIDE_RETRY ? TIDE_RETRY : TIDE_FATAL;
    }
    tide_assert(*size > 0);
    return TIDE_OK;
}

static void parquet_close(void *self)
{
    tide_duckdb_disconnect(self);
}

static const struct tide_table_writer_operations parquet_operations = {
    .write = parquet_write,
    .close = parquet_close,
};

enum tide_status tide_parquet_writer_open(struct tide_duckdb *duckdb,
                                          struct tide_table_writer *writer,
                                          struct tide_error *error)
{
    struct tide_duckdb_connection *connection = NULL;
    enum tide_status status = tide_duckdb_connect(duckdb, &connection, error);
    if (status == TIDE_OK) {
        *writer = (struct tide_table_writer){&parquet_operations, connection, "parquet"};
    }
    return status;
}
