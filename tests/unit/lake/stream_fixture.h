/* A DuckDB, and what a stream hands on written down: "a|b;" for each row, "[a b*]" for the columns
 * of each answer (numbers with a star) and "." for its end. */
#ifndef TIDE_UNIT_LAKE_STREAM_FIXTURE_H
#define TIDE_UNIT_LAKE_STREAM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lake/duckdb_stream.h"

static struct tide_duckdb *stream_duckdb;
static struct tide_duckdb_connection *stream_connection;

static inline int stream_fixture_open(void **state)
{
    struct tide_error error = {0};
    (void)state;
    if (tide_duckdb_open(2, (uint64_t)1 << 30, &stream_duckdb, &error) != TIDE_OK) {
        print_error("%s\n", error.text);
        return -1;
    }
    return tide_duckdb_connect(stream_duckdb, &stream_connection, &error) == TIDE_OK ? 0 : -1;
}

static inline int stream_fixture_close(void **state)
{
    (void)state;
    tide_duckdb_disconnect(stream_connection);
    tide_duckdb_close(stream_duckdb);
    return 0;
}

struct seen {
    enum tide_status status;
    struct tide_error error;
    struct tide_bytes row_bytes;
    struct tide_bytes head_bytes;
    struct tide_bytes message_bytes;
    const char *rows;
    const char *heads;
    const char *message;
    uint64_t row_count;
    uint64_t stop_after; /* 0: never */
    bool is_interrupted; /* by the first row */
    enum tide_status status_of_stop;
};

static inline enum tide_status seen_begin(void *context,
                                          const struct tide_duckdb_heading *headings,
                                          uint32_t column_count)
{
    struct seen *seen = context;
    for (uint32_t i = 0; i < column_count; i++) {
        tide_bytes_append_text(&seen->head_bytes, i == 0 ? "[" : " ");
        tide_bytes_append_view(&seen->head_bytes, headings[i].name);
        tide_bytes_append_text(&seen->head_bytes, headings[i].is_number ? "*" : "");
    }
    tide_bytes_append_text(&seen->head_bytes, "]");
    return TIDE_OK;
}

static inline enum tide_status seen_row(void *context,
                                        const struct tide_duckdb_field *fields,
                                        uint32_t column_count)
{
    struct seen *seen = context;
    for (uint32_t i = 0; i < column_count; i++) {
        tide_bytes_append_text(&seen->row_bytes, i == 0 ? "" : "|");
        if (fields[i].present || fields[i].text.size > 0) {
            tide_bytes_append_view(&seen->row_bytes, fields[i].text);
        } else {
            tide_bytes_append_text(&seen->row_bytes, "NULL");
        }
    }
    tide_bytes_append_text(&seen->row_bytes, ";");
    seen->row_count++;
    if (seen->is_interrupted) {
        tide_duckdb_interrupt(stream_connection);
        tide_bytes_reset(&seen->row_bytes);
    }
    return seen->row_count == seen->stop_after ? seen->status_of_stop : TIDE_OK;
}

static inline enum tide_status seen_end(void *context)
{
    struct seen *seen = context;
    tide_bytes_append_text(&seen->head_bytes, ".");
    return TIDE_OK;
}

static inline void stream_fixture_ask(const char *sql, bool is_json, bool is_any, struct seen *seen)
{
    const struct tide_duckdb_stream_options options = {
        .sink = {seen_begin, seen_row, seen_end, seen},
        .is_json = is_json,
        .is_any_allowed = is_any,
        .message = &seen->message_bytes,
    };
    seen->status = tide_duckdb_stream(stream_connection, tide_view_of(sql), &options, &seen->error);
    seen->rows = tide_bytes_terminated(&seen->row_bytes);
    seen->heads = tide_bytes_terminated(&seen->head_bytes);
    seen->message = tide_bytes_terminated(&seen->message_bytes);
}

static inline struct seen stream_fixture_run(const char *sql, bool is_json, bool is_any)
{
    struct seen seen = {0};
    stream_fixture_ask(sql, is_json, is_any, &seen);
    return seen;
}

static inline void seen_release(struct seen *seen)
{
    tide_bytes_release(&seen->row_bytes);
    tide_bytes_release(&seen->head_bytes);
    tide_bytes_release(&seen->message_bytes);
}

#endif
