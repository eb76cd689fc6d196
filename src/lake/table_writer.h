/* Who turns rows into a data file. DuckDB's Parquet in production, something simple in the
 * simulator. */
#ifndef TIDE_LAKE_TABLE_WRITER_H
#define TIDE_LAKE_TABLE_WRITER_H

#include "lake/rows.h"

struct tide_table_writer_operations {
    /* Writes the named rows to a new file at scratch_path (not yet durable: the store sees to that)
     * and tells its size. RETRY: no space; FATAL: the library failed. */
    enum tide_status (*write)(void *self,
                              const struct tide_rows *rows,
                              const uint32_t *row_indices,
                              uint32_t row_count,
                              const char *scratch_path,
                              uint64_t *size,
                              struct tide_error *error);
    void (*close)(void *self);
};

struct tide_table_writer {
    const struct tide_table_writer_operations *operations;
    void *self;
    const char *extension; /* "parquet" */
};

struct tide_duckdb;

/* "(FORMAT parquet, ...)": how a file of the table is written by COPY. */
void tide_parquet_write_options(const struct tide_layout *layout, struct tide_bytes *sql);

/* Parquet with zstd through DuckDB; the connection is the writer's own. Strings as strings, times
 * as TIMESTAMPTZ microseconds UTC, decimals as DECIMAL(18, 6). One thread. */
enum tide_status tide_parquet_writer_open(struct tide_duckdb *duckdb,
                                          struct tide_table_writer *writer,
                                          struct tide_error *error);

#endif
