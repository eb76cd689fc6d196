/* What a person asks of DuckDB: statements one after the other, rows of any types as text, handed
 * on as DuckDB makes them, so that a large answer is never held. */
#ifndef TIDE_LAKE_DUCKDB_STREAM_H
#define TIDE_LAKE_DUCKDB_STREAM_H

#include "lake/duckdb.h"

struct tide_duckdb_heading { /* a column of an answer */
    struct tide_view name;
    bool is_number;
};

struct tide_duckdb_field {
    bool present;
    struct tide_view text; /* "null" where it is JSON and not present */
};

/* Begin, rows and end of each statement that answers with rows. A status other than OK ends
 * everything, and is what the stream answers. What they get is valid during the call. */
struct tide_duckdb_sink {
    enum tide_status (*begin)(void *context,
                              const struct tide_duckdb_heading *headings,
                              uint32_t column_count);
    enum tide_status (*row)(void *context,
                            const struct tide_duckdb_field *fields,
                            uint32_t column_count);
    enum tide_status (*end)(void *context);
    void *context;
};

struct tide_duckdb_stream_options {
    struct tide_duckdb_sink sink;
    bool is_json; /* fields are JSON (lake/duckdb_value.h) */
    /* false: only SELECT (with SHOW, DESCRIBE, ..), EXPLAIN that does not run what it explains, and
     * CREATE, INSERT and DROP, which in a database in memory change nothing outside. */
    bool is_any_allowed;
    struct tide_bytes *message; /* what DuckDB says where it refuses: lines, with a caret */
};

/* REJECT: DuckDB refuses (message has its words, error the first of them), or a statement is not
 * allowed, or a column has a type that must be cast. RETRY: no memory, a file cannot be read.
 * After tide_duckdb_interrupt: AGAIN. */
enum tide_status tide_duckdb_stream(struct tide_duckdb_connection *connection,
                                    struct tide_view sql,
                                    const struct tide_duckdb_stream_options *options,
                                    struct tide_error *error);
/* OK if the text is one SELECT, which is not run; statuses as the stream's. */
enum tide_status tide_duckdb_check_select(struct tide_duckdb_connection *connection,
                                          struct tide_view sql,
                                          const struct tide_duckdb_stream_options *options,
                                          struct tide_error *error);
/* Ends what the connection does now; from any thread, and from a signal's handler. */
void tide_duckdb_interrupt(struct tide_duckdb_connection *connection);

#endif
