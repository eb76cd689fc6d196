/* A text is split into statements by DuckDB itself, and each is prepared only when those before it
 * have run, because it may need what they made. */
#include "lake/duckdb_stream.h"

#include "lake/duckdb_internal.h"
#include "lake/duckdb_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

enum {
    SQL_BYTES_MAX = 64 << 20,
    COLUMNS_MAX = 4096,
    ROW_BYTES_MAX = 256 << 20
};

struct stream {
    struct tide_duckdb_connection *connection;
    const struct tide_duckdb_stream_options *options;
    struct tide_bytes sql; /* terminated */
    struct duckdb_extracted *extracted;
    uint64_t statement_count;
};

/* One statement's answer while it is read. */
struct answer {
    const struct duckdb_api *api;
    struct duckdb_result result;
    uint32_t column_count;
    struct tide_duckdb_shape **shapes;
    struct tide_duckdb_heading *headings;
    struct tide_duckdb_field *fields;
    size_t *ends;           /* of the fields in text */
    struct tide_bytes text; /* of a row */
};

/* ---- refusals */

static enum tide_status refuse(const struct stream *stream,
                               const char *message,
                               struct tide_error *error)
{
    const char *words = message == NULL ? "DuckDB gave no reason" : message;
    const size_t size = strcspn(words, "\n");
    if (strncmp(words, "INTERRUPT", sizeof("INTERRUPT") - 1) == 0) {
        return tide_error_set(error, TIDE_AGAIN, "interrupted");
    }
    if (stream->options->message != NULL) {
        tide_bytes_append_text(stream->options->message, words);
    }
    const bool is_outside = strncmp(words, "IO Error", sizeof("IO Error") - 1) == 0 ||
                            strncmp(words, "Out of Memory", sizeof("Out of Memory") - 1) == 0;
    return tide_error_set(error, is_outside ? TIDE_RETRY : TIDE_REJECT, "%.*s", (int)size, words);
}

static bool has_word(struct tide_view text, const char *word)
{
    const size_t size = strlen(word);
    for (size_t i = 0; i + size <= text.size; i++) {
        if (strncasecmp(text.data + i, word, size) == 0) {
            return true;
        }
    }
    return false;
}

static enum tide_status check_kind(const struct stream *stream, int kind, struct tide_error *error)
{
    const char *const way = "only SELECT, EXPLAIN, CREATE, INSERT and DROP are allowed";
    if (stream->options->is_any_allowed) {
        return TIDE_OK;
    }
    switch (kind) {
    case DUCKDB_STATEMENT_SELECT:
    case DUCKDB_STATEMENT_INSERT:
    case DUCKDB_STATEMENT_CREATE:
    case DUCKDB_STATEMENT_CREATE_FUNCTION:
    case DUCKDB_STATEMENT_DROP:
        return TIDE_OK;
    case DUCKDB_STATEMENT_EXPLAIN:
        return has_word(tide_bytes_view(&stream->sql), "analyze")
                   ? tide_error_set(error, TIDE_REJECT, "EXPLAIN ANALYZE runs what it explains")
                   : TIDE_OK;
    default: /* an int, not an enum */
        return tide_error_set(error, TIDE_REJECT, "%s", way);
    }
}

/* ---- rows */

static void close_answer(struct answer *answer)
{
    for (uint32_t i = 0; answer->shapes != NULL && i < answer->column_count; i++) {
        tide_duckdb_shape_destroy(answer->shapes[i]);
    }
    free(answer->shapes);
    free(answer->headings);
    free(answer->fields);
    free(answer->ends);
    tide_bytes_release(&answer->text);
    answer->api->destroy_result(&answer->result);
}

static enum tide_status open_answer(struct answer *answer, struct tide_error *error)
{
    const struct duckdb_api *api = answer->api;
    const uint64_t count = api->column_count(&answer->result);
    enum tide_status status = TIDE_OK;
    if (count > COLUMNS_MAX) {
        return tide_error_set(error, TIDE_REJECT, "an answer has over %d columns", COLUMNS_MAX);
    }
    tide_bytes_init(&answer->text, ROW_BYTES_MAX);
    answer->column_count = (uint32_t)count;
    answer->shapes = calloc(count + 1, sizeof(struct tide_duckdb_shape *));
    answer->headings = calloc(count + 1, sizeof(*answer->headings));
    answer->fields = calloc(count + 1, sizeof(*answer->fields));
    answer->ends = calloc(count + 1, sizeof(*answer->ends));
    if (answer->shapes == NULL || answer->headings == NULL || answer->fields == NULL ||
        answer->ends == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for an answer");
    }
    for (uint32_t i = 0; status == TIDE_OK && i < answer->column_count; i++) {
        const char *name = api->column_name(&answer->result, i);
        status = tide_duckdb_shape_create(
            api, api->column_logical_type(&answer->result, i), &answer->shapes[i], error);
        if (status != TIDE_OK) {
            tide_error_prefix(error, "column '%s'", name);
        } else {
            answer->headings[i] = (struct tide_duckdb_heading){
                tide_view_of(name), tide_duckdb_shape_is_number(answer->shapes[i])};
        }
    }
    return status;
}

static enum tide_status hand_row(const struct tide_duckdb_stream_options *options,
                                 struct answer *answer,
                                 uint64_t row,
                                 struct tide_error *error)
{
    struct tide_bytes *text = &answer->text;
    tide_bytes_reset(text);
    for (uint32_t i = 0; i < answer->column_count; i++) {
        const struct tide_duckdb_shape *shape = answer->shapes[i];
        answer->fields[i].present = !tide_duckdb_shape_is_null(shape, row);
        if (options->is_json) {
            tide_duckdb_shape_write_json(shape, row, text);
        } else if (answer->fields[i].present) {
            tide_duckdb_shape_write_text(shape, row, text);
        }
        answer->ends[i] = text->size;
    }
    if (text->failed) {
        return tide_error_set(
            error, TIDE_RETRY, "no memory for a row, or it is over %d bytes", ROW_BYTES_MAX);
    }
    size_t start = 0;
    for (uint32_t i = 0; i < answer->column_count; i++) {
        answer->fields[i].text =
            tide_view_slice(tide_bytes_view(text), start, answer->ends[i] - start);
        start = answer->ends[i];
    }
    return options->sink.row(options->sink.context, answer->fields, answer->column_count);
}

static enum tide_status hand_chunk(const struct tide_duckdb_stream_options *options,
                                   struct answer *answer,
                                   struct duckdb_chunk *chunk,
                                   struct tide_error *error)
{
    const struct duckdb_api *api = answer->api;
    const uint64_t row_count = api->data_chunk_get_size(chunk);
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; i < answer->column_count; i++) {
        tide_duckdb_shape_bind(answer->shapes[i], api->data_chunk_get_vector(chunk, i));
    }
    for (uint64_t row = 0; status == TIDE_OK && row < row_count; row++) {
        status = hand_row(options, answer, row, error);
    }
    return status;
}

static enum tide_status hand_answer(const struct stream *stream,
                                    struct answer *answer,
                                    struct tide_error *error)
{
    const struct tide_duckdb_stream_options *options = stream->options;
    const struct tide_duckdb_sink *sink = &options->sink;
    const struct duckdb_api *api = answer->api;
    enum tide_status status = open_answer(answer, error);
    if (status == TIDE_OK) {
        status = sink->begin(sink->context, answer->headings, answer->column_count);
    }
    while (status == TIDE_OK) {
        struct duckdb_chunk *chunk = api->fetch_chunk(answer->result);
        if (chunk == NULL) {
            break;
        }
        status = hand_chunk(options, answer, chunk, error);
        api->destroy_data_chunk(&chunk);
    }
    const char *message = status == TIDE_OK ? api->result_error(&answer->result) : NULL;
    if (message != NULL && message[0] != '\0') {
        return refuse(stream, message, error);
    }
    return status == TIDE_OK ? sink->end(sink->context) : status;
}

/* ---- statements */

static enum tide_status open_stream(struct stream *stream,
                                    struct tide_view sql,
                                    struct tide_error *error)
{
    const struct duckdb_api *api = stream->connection->api;
    tide_bytes_init(&stream->sql, SQL_BYTES_MAX);
    tide_bytes_append_view(&stream->sql, sql);
    const char *text = tide_bytes_terminated(&stream->sql);
    if (stream->sql.failed) {
        return tide_error_set(error, TIDE_REJECT, "an SQL text of %zu bytes is too long", sql.size);
    }
    stream->statement_count =
        api->extract_statements(stream->connection->connection, text, &stream->extracted);
    if (stream->statement_count > 0) {
        return TIDE_OK;
    }
    const char *message = api->extract_statements_error(stream->extracted);
    return message == NULL || message[0] == '\0'
               ? tide_error_set(error, TIDE_REJECT, "there is no statement in the text")
               : refuse(stream, message, error);
}

static void close_stream(struct stream *stream)
{
    const struct duckdb_api *api = stream->connection->api;
    if (stream->extracted != NULL) {
        api->destroy_extracted(&stream->extracted);
    }
    tide_bytes_release(&stream->sql);
}

/* prepared must be destroyed in any case. */
static enum tide_status prepare(const struct stream *stream,
                                uint64_t index,
                                struct duckdb_prepared **prepared,
                                struct tide_error *error)
{
    const struct duckdb_api *api = stream->connection->api;
    if (api->prepare_extracted_statement(
            stream->connection->connection, stream->extracted, index, prepared) != DUCKDB_SUCCESS) {
        return refuse(stream, api->prepare_error(*prepared), error);
    }
    return check_kind(stream, api->prepared_statement_type(*prepared), error);
}

static enum tide_status run(const struct stream *stream,
                            struct duckdb_prepared *prepared,
                            struct tide_error *error)
{
    const struct duckdb_api *api = stream->connection->api;
    struct duckdb_pending *pending = NULL;
    struct answer answer = {.api = api};
    enum tide_status status = TIDE_OK;
    if (api->pending_prepared_streaming(prepared, &pending) != DUCKDB_SUCCESS) {
        status = refuse(stream, api->pending_error(pending), error);
    } else if (api->execute_pending(pending, &answer.result) != DUCKDB_SUCCESS) {
        status = refuse(stream, api->result_error(&answer.result), error);
    } else if (api->result_return_type(answer.result) == DUCKDB_RETURNS_ROWS) {
        status = hand_answer(stream, &answer, error);
    }
    close_answer(&answer);
    api->destroy_pending(&pending);
    return status;
}

enum tide_status tide_duckdb_stream(struct tide_duckdb_connection *connection,
                                    struct tide_view sql,
                                    const struct tide_duckdb_stream_options *options,
                                    struct tide_error *error)
{
    const struct duckdb_api *api = connection->api;
    struct stream stream = {.connection = connection, .options = options};
    enum tide_status status = open_stream(&stream, sql, error);
    for (uint64_t i = 0; status == TIDE_OK && i < stream.statement_count; i++) {
        struct duckdb_prepared *prepared = NULL;
        status = prepare(&stream, i, &prepared, error);
        if (status == TIDE_OK) {
            status = run(&stream, prepared, error);
        }
        api->destroy_prepare(&prepared);
    }
    close_stream(&stream);
    return status;
}

enum tide_status tide_duckdb_check_select(struct tide_duckdb_connection *connection,
                                          struct tide_view sql,
                                          const struct tide_duckdb_stream_options *options,
                                          struct tide_error *error)
{
    const struct duckdb_api *api = connection->api;
    struct stream stream = {.connection = connection, .options = options};
    struct duckdb_prepared *prepared = NULL;
    enum tide_status status = open_stream(&stream, sql, error);
    if (status == TIDE_OK) {
        status = prepare(&stream, 0, &prepared, error);
    }
    if (status == TIDE_OK && (stream.statement_count != 1 ||
                              api->prepared_statement_type(prepared) != DUCKDB_STATEMENT_SELECT)) {
        status = tide_error_set(error, TIDE_REJECT, "it must be one SELECT");
    }
    if (prepared != NULL) {
        api->destroy_prepare(&prepared);
    }
    close_stream(&stream);
    return status;
}

void tide_duckdb_interrupt(struct tide_duckdb_connection *connection)
{
    connection->api->interrupt(connection->connection);
}
