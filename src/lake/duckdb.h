/* The one door to DuckDB: the C library, loaded at run time, so that a command that needs no SQL
 * starts without it.
 *
 * Where it is looked for: $TIDEMARK_DUCKDB, beside the executable (libduckdb.so, ../lib), then
 * the loader's own search. Its version must be 1.5.x; extensions are never fetched. */
#ifndef TIDE_LAKE_DUCKDB_H
#define TIDE_LAKE_DUCKDB_H

#include "base/bytes.h"
#include "lake/rows.h"

struct tide_duckdb;            /* an in-memory database; threads may share it */
struct tide_duckdb_connection; /* one thread at a time */

/* thread_count 0: DuckDB's default. memory_max in bytes, 0: its default. RETRY: not found, or not
 * the version (the error says where it was looked for). */
enum tide_status tide_duckdb_open(uint32_t thread_count,
                                  uint64_t memory_max,
                                  struct tide_duckdb **duckdb,
                                  struct tide_error *error);
void tide_duckdb_close(struct tide_duckdb *duckdb);
const char *tide_duckdb_version(const struct tide_duckdb *duckdb);
enum tide_status tide_duckdb_connect(struct tide_duckdb *duckdb,
                                     struct tide_duckdb_connection **connection,
                                     struct tide_error *error);
void tide_duckdb_disconnect(struct tide_duckdb_connection *connection);

/* A value of a result. Times and dates: cast to BIGINT or VARCHAR in SQL. */
struct tide_duckdb_value {
    bool present;
    bool is_text;
    int64_t number;        /* integers, booleans; DECIMAL(18,6) scaled */
    struct tide_view text; /* VARCHAR, BLOB; valid during the visit */
};

/* Runs statements and visits each row of the last one; visit NULL: only run. A visit that does not
 * answer OK ends the query with its status. REJECT: DuckDB refused the SQL (its text in error);
 * result types other than BOOLEAN, integers up to 64 bits, DECIMAL(18,x), VARCHAR, BLOB: REJECT. */
enum tide_status tide_duckdb_query(struct tide_duckdb_connection *connection,
                                   struct tide_view sql,
                                   enum tide_status (*visit)(void *context,
                                                             const struct tide_duckdb_value *row,
                                                             uint32_t column_count),
                                   void *context,
                                   struct tide_error *error);
/* "VARCHAR", "TIMESTAMP WITH TIME ZONE": what a column of the lake is in a file. */
const char *tide_duckdb_type(enum tide_lake_type type);
/* The rows that a table function of this connection reads from now on, in that order and where they
 * are: `SELECT * FROM <name>()`, of the layout's columns, once. They stay until the query is over.
 * FATAL: the library refused the function. */
enum tide_status tide_duckdb_give_rows(struct tide_duckdb_connection *connection,
                                       const struct tide_rows *rows,
                                       const uint32_t *row_indices,
                                       uint32_t row_count,
                                       const char **name,
                                       struct tide_error *error);

#endif
