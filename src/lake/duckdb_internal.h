/* What the files of the door share: a connection as they see it. */
#ifndef TIDE_LAKE_DUCKDB_INTERNAL_H
#define TIDE_LAKE_DUCKDB_INTERNAL_H

#include "lake/duckdb.h"
#include "lake/duckdb_api.h"

struct part { /* rows that are given to the library, all or a chunk of them */
    const struct tide_rows *rows;
    const uint32_t *indices;
    uint32_t count;
};

struct tide_duckdb_connection {
    const struct duckdb_api *api;
    struct duckdb_connection *connection;
    struct part given; /* what the connection's table function reads: rows NULL: nothing */
    uint32_t given_at;
    char function_name[32]; /* empty: it has none yet */
};

#endif
