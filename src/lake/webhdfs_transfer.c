/* Contents of files: to and from the DataNode that the NameNode names, and to another one when that
 * fails. A write is whole or is thrown away, each try under a new name, so that what a try left can
 * do no harm, however late it arrives. A read goes on where it was. */
#include "lake/webhdfs.h"

#include "base/assert.h"
#include "base/json.h"
#include "lake/webhdfs_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    TRIES_MAX = 64, /* patience ends before */
    REPLY_BYTES_MAX = 1 << 20,
    ARENA_BYTES_MAX = 1 << 20
};

/* What a try says: go on (with what status if it was the last), or stop. */
struct outcome {
    bool is_final;
    enum tide_status status;
};

static struct outcome over(enum tide_status status)
{
    return (struct outcome){true, status};
}

static struct outcome again(void)
{
    return (struct outcome){false, TIDE_RETRY};
}

/* The NameNode's answer to where it is to be written or read. */
static struct outcome find_node(struct tide_webhdfs *w,
                                struct webhdfs_patience *patience,
                                struct tide_webhdfs_question *question,
                                struct tide_webhdfs_answer *answer,
                                struct tide_webhdfs_url *node,
                                struct tide_error *error)
{
    struct tide_bytes parameters = {0};
    const struct tide_view given = question->parameters;
    tide_bytes_append_view(&parameters, given);
    (void)pthread_mutex_lock(&w->mutex);
    tide_webhdfs_nodes_write_excluded(
        &w->nodes, tide_clock_monotonic(w->options.clock), &parameters);
    (void)pthread_mutex_unlock(&w->mutex);
    question->parameters = tide_bytes_view(&parameters);
    enum tide_status status = parameters.failed
                                  ? tide_error_set(error, TIDE_RETRY, "no memory for a question")
                                  : webhdfs_ask(w, patience, question, answer, error);
    if (status == TIDE_OK) {
        status = webhdfs_check_redirect(w, tide_bytes_view(&answer->location), node, error);
    }
    question->parameters = given;
    tide_bytes_release(&parameters);
    return answer->has_no_node ? again() : over(status);
}

/* After an exchange with a DataNode that brought no success. */
static struct outcome blame(struct tide_webhdfs *w,
                            const struct tide_webhdfs_url *node,
                            enum tide_status status,
                            const struct tide_http_response *response,
                            struct tide_error *error)
{
    if (status == TIDE_FATAL) { /* our own source's */
        return over(status);
    }
    if (status == TIDE_OK) {
        char where[TIDE_WEBHDFS_ADDRESS_MAX + 16];
        (void)snprintf(where, sizeof(where), "DataNode %.*s", TIDE_VIEW_ARGUMENTS(node->address));
        switch (webhdfs_explain(response, where, error)) {
        case WEBHDFS_MISSING:
            return over(TIDE_REJECT);
        case WEBHDFS_REFUSED:
            return over(TIDE_RETRY);
        case WEBHDFS_PASSING:
        case WEBHDFS_NO_NODE:
        case WEBHDFS_OTHER:
        case WEBHDFS_FINE:
            break;
        }
    }
    webhdfs_exclude(w, node);
    return again();
}

static bool is_success(const struct tide_http_response *response)
{
    return response->status >= 200 && response->status < 300;
}

/* ---- facts */

static enum tide_status look(struct tide_webhdfs *w,
                             struct webhdfs_patience *patience,
                             struct tide_view path,
                             struct tide_webhdfs_facts *facts,
                             struct tide_error *error)
{
    const struct tide_webhdfs_question question = {
        .method = "GET", .operation = "GETFILESTATUS", .path = path};
    struct tide_webhdfs_answer answer = {0};
    struct tide_json *json = NULL;
    struct tide_arena arena;
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    enum tide_status status = webhdfs_ask(w, patience, &question, &answer, error);
    if (status == TIDE_OK) {
        struct tide_view type = {0};
        int64_t modified_ms = 0;
        const bool is_json =
            tide_json_parse(&arena, tide_bytes_view(&answer.body), &json, NULL) == TIDE_OK;
        const struct tide_json *found = is_json ? tide_json_get(json, "FileStatus") : NULL;
        if (found == NULL || !tide_json_get_text(found, "type", &type) ||
            !tide_json_get_u64(found, "length", &facts->size) ||
            !tide_json_get_i64(found, "modificationTime", &modified_ms)) {
            status = tide_error_set(error,
                                    TIDE_RETRY,
                                    "the NameNode's answer about %.*s is none",
                                    TIDE_VIEW_ARGUMENTS(path));
        }
        facts->is_folder = tide_view_equal(type, TIDE_VIEW("DIRECTORY"));
        facts->modified.us = modified_ms < INT64_MAX / 1000 ? modified_ms * 1000 : INT64_MAX;
    }
    tide_arena_release(&arena);
    tide_webhdfs_answer_release(&answer);
    return status;
}

enum tide_status tide_webhdfs_look(struct tide_webhdfs *w,
                                   struct tide_view path,
                                   struct tide_webhdfs_facts *facts,
                                   struct tide_error *error)
{
    struct webhdfs_patience patience = webhdfs_patience_start(w);
    return look(w, &patience, path, facts, error);
}

/* ---- writing */

static bool name_temporary(const struct tide_webhdfs *w,
                           struct tide_view path,
                           struct tide_bytes *temporary)
{
    const struct tide_io io = w->options.io;
    uint64_t random = 0;
    size_t slash = path.size;
    while (slash > 0 && path.data[slash - 1] != '/') {
        slash--;
    }
    io.operations->random(io.self, &random, sizeof(random));
    tide_bytes_reset(temporary);
    tide_bytes_append_view(temporary, tide_view_slice(path, 0, slash));
    tide_bytes_append_byte(temporary, '.');
    tide_bytes_append_view(temporary, tide_view_slice(path, slash, path.size - slash));
    tide_bytes_append_format(temporary, ".tmp-%016" PRIx64, random);
    return !temporary->failed;
}

static void drop(struct tide_webhdfs *w, struct tide_view path)
{
    const struct tide_webhdfs_question question = {
        .method = "DELETE", .operation = "DELETE", .path = path, .is_impatient = true};
    struct webhdfs_patience patience = webhdfs_patience_start(w);
    struct tide_webhdfs_answer answer = {0};
    (void)webhdfs_ask(w, &patience, &question, &answer, NULL);
    tide_webhdfs_answer_release(&answer);
}

/* A DataNode that dies may leave the file as long as it came. */
static struct outcome check_length(struct tide_webhdfs *w,
                                   struct webhdfs_patience *patience,
                                   struct tide_view path,
                                   uint64_t size,
                                   struct tide_error *error)
{
    struct tide_webhdfs_facts facts = {0};
    const enum tide_status status = look(w, patience, path, &facts, error);
    if (status == TIDE_OK && facts.size == size) {
        return over(TIDE_OK);
    }
    if (status == TIDE_RETRY) {
        return over(status);
    }
    (void)tide_error_set(error,
                         TIDE_RETRY,
                         "%.*s has %" PRIu64 " of %" PRIu64 " bytes",
                         TIDE_VIEW_ARGUMENTS(path),
                         facts.size,
                         size);
    return again();
}

static struct outcome try_write(struct tide_webhdfs *w,
                                struct webhdfs_patience *patience,
                                struct tide_view path,
                                const struct tide_http_source *source,
                                struct tide_error *error)
{
    struct tide_webhdfs_question question = {.method = "PUT",
                                             .operation = "CREATE",
                                             .path = path,
                                             .parameters = TIDE_VIEW("&overwrite=true")};
    struct tide_webhdfs_answer answer = {0};
    struct tide_webhdfs_url node = {0};
    struct outcome outcome = find_node(w, patience, &question, &answer, &node, error);
    if (outcome.status == TIDE_OK) {
        struct tide_http_response response = {0};
        struct tide_http_request request = {.method = "PUT",
                                            .url = tide_bytes_terminated(&answer.location),
                                            .content_type = "application/octet-stream",
                                            .source = source,
                                            .reply_bytes_max = REPLY_BYTES_MAX,
                                            .stall_timeout = w->options.stall_timeout};
        const enum tide_status status = webhdfs_send(w, &request, &response, error);
        outcome = status == TIDE_OK && is_success(&response)
                      ? check_length(w, patience, path, source->size, error)
                      : blame(w, &node, status, &response, error);
        tide_http_response_release(&response);
        if (outcome.status != TIDE_OK) {
            drop(w, path);
        }
    }
    tide_webhdfs_answer_release(&answer);
    return outcome;
}

enum tide_status tide_webhdfs_write(struct tide_webhdfs *w,
                                    struct tide_view path,
                                    const struct tide_http_source *source,
                                    struct tide_bytes *temporary,
                                    struct tide_error *error)
{
    struct webhdfs_patience patience = webhdfs_patience_start(w);
    struct tide_error why = {0};
    struct outcome outcome = again();
    for (uint32_t i = 0; i < TRIES_MAX && !outcome.is_final; i++) {
        if (i > 0 && !webhdfs_pause(w, &patience)) {
            break;
        }
        if (!name_temporary(w, path, temporary)) {
            return tide_error_set(error, TIDE_RETRY, "no memory for a name");
        }
        outcome = try_write(w, &patience, tide_bytes_view(temporary), source, &why);
    }
    /* The missing of something new: a folder went away under it. */
    return tide_error_pass(
        error, outcome.status == TIDE_REJECT ? TIDE_RETRY : outcome.status, &why);
}

/* ---- reading */

struct reading {
    const struct tide_http_sink *sink;
    uint64_t size_max;
    uint64_t offset; /* what the sink has */
    int64_t total;   /* -1: not known yet */
    enum tide_status sink_status;
};

static enum tide_status write_on(void *context,
                                 const void *data,
                                 size_t size,
                                 struct tide_error *error)
{
    struct reading *reading = context;
    const enum tide_status status =
        size > reading->size_max - reading->offset
            ? tide_error_set(error, TIDE_REJECT, "larger than %" PRIu64 " bytes", reading->size_max)
            : reading->sink->write(reading->sink->context, data, size, error);
    reading->offset += status == TIDE_OK ? size : 0;
    reading->sink_status = status;
    return status;
}

/* Whether the length that was announced agrees with what is known. */
static bool agrees(struct reading *reading, uint64_t start, int64_t announced)
{
    if (announced < 0 || start > (uint64_t)(INT64_MAX - announced)) {
        return false;
    }
    const int64_t total = (int64_t)start + announced;
    if (reading->total < 0) {
        reading->total = total;
    }
    return reading->total == total;
}

static struct outcome fetch_from(struct tide_webhdfs *w,
                                 const struct tide_webhdfs_url *node,
                                 const char *url,
                                 struct reading *reading,
                                 struct tide_error *error)
{
    const struct tide_http_sink sink = {write_on, reading};
    const uint64_t start = reading->offset;
    struct tide_http_response response = {0};
    struct tide_http_request request = {.method = "GET",
                                        .url = url,
                                        .sink = &sink,
                                        .reply_bytes_max = REPLY_BYTES_MAX,
                                        .stall_timeout = w->options.stall_timeout};
    const enum tide_status status = webhdfs_send(w, &request, &response, error);
    struct outcome outcome = again();
    const bool is_known = is_success(&response) && agrees(reading, start, response.content_length);
    if (is_success(&response) && !is_known) {
        (void)tide_error_set(error,
                             TIDE_RETRY,
                             "DataNode %.*s announces a length that cannot be",
                             TIDE_VIEW_ARGUMENTS(node->address));
        outcome = over(TIDE_RETRY);
    } else if (is_known && (uint64_t)reading->total == reading->offset) {
        outcome = over(TIDE_OK);
    } else if (reading->sink_status != TIDE_OK) {
        outcome = over(reading->sink_status);
    } else {
        outcome = blame(w, node, status, &response, error);
    }
    tide_http_response_release(&response);
    return outcome;
}

static struct outcome try_read(struct tide_webhdfs *w,
                               struct webhdfs_patience *patience,
                               struct tide_view path,
                               struct reading *reading,
                               struct tide_error *error)
{
    char parameters[48];
    (void)snprintf(parameters, sizeof(parameters), "&offset=%" PRIu64, reading->offset);
    struct tide_webhdfs_question question = {
        .method = "GET", .operation = "OPEN", .path = path, .parameters = tide_view_of(parameters)};
    struct tide_webhdfs_answer answer = {0};
    struct tide_webhdfs_url node = {0};
    struct outcome outcome = find_node(w, patience, &question, &answer, &node, error);
    if (outcome.status == TIDE_OK) {
        const char *url = tide_bytes_terminated(&answer.location);
        outcome = fetch_from(w, &node, url, reading, error);
    }
    tide_webhdfs_answer_release(&answer);
    return outcome;
}

enum tide_status tide_webhdfs_read(struct tide_webhdfs *w,
                                   struct tide_view path,
                                   const struct tide_http_sink *sink,
                                   uint64_t size_max,
                                   struct tide_error *error)
{
    struct webhdfs_patience patience = webhdfs_patience_start(w);
    struct reading reading = {.sink = sink, .size_max = size_max, .total = -1};
    struct tide_error why = {0};
    struct outcome outcome = again();
    for (uint32_t i = 0; i < TRIES_MAX && !outcome.is_final; i++) {
        if (i > 0 && !webhdfs_pause(w, &patience)) {
            break;
        }
        outcome = try_read(w, &patience, path, &reading, &why);
    }
    return tide_error_pass(error, outcome.status, &why);
}
