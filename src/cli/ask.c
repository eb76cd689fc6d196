#include "cli/ask.h"

#include "base/json.h"

#include <string.h>

enum {
    REPLY_BYTES_MAX = 1 << 30,
    TIMEOUT_S = 120,
    PROBLEM_ARENA_BYTES = 1 << 20
};

/* The detail of a problem document, or the status alone. */
static enum tide_exit refused(const char *server, const struct tide_http_response *response)
{
    struct tide_arena arena;
    struct tide_json *json = NULL;
    struct tide_view detail = {0};
    tide_arena_init(&arena, PROBLEM_ARENA_BYTES);
    enum tide_exit exit = response->status == 404   ? TIDE_EXIT_NOT_FOUND
                          : response->status == 503 ? TIDE_EXIT_TEMPORARY
                                                    : TIDE_EXIT_FAILURE;
    if (tide_json_parse(&arena, tide_bytes_view(&response->body), &json, NULL) == TIDE_OK &&
        tide_json_get_text(json, "detail", &detail)) {
        (void)tide_fail(
            exit, "%s answered %u: %.*s", server, response->status, TIDE_VIEW_ARGUMENTS(detail));
    } else {
        (void)tide_fail(exit, "%s answered %u", server, response->status);
    }
    tide_arena_release(&arena);
    return exit;
}

enum tide_exit tide_ask(struct tide_http_client *client,
                        const char *server,
                        const char *method,
                        struct tide_view path,
                        struct tide_bytes *body)
{
    struct tide_error error = {0};
    struct tide_bytes url = {0};
    struct tide_http_response response = {0};
    size_t server_size = strlen(server);
    while (server_size > 0 && server[server_size - 1] == '/') {
        server_size--;
    }
    tide_bytes_append(&url, server, server_size);
    tide_bytes_append_view(&url, path);
    struct tide_http_request request = {.method = method,
                                        .url = tide_bytes_terminated(&url),
                                        .reply_bytes_max = REPLY_BYTES_MAX,
                                        .timeout = {TIMEOUT_S * INT64_C(1000000)}};
    enum tide_status status = tide_http_client_send(client, &request, &response, &error);
    enum tide_exit exit = TIDE_EXIT_OK;
    if (status != TIDE_OK) {
        exit = tide_fail(
            status == TIDE_RETRY ? TIDE_EXIT_CONNECT : TIDE_EXIT_FAILURE, "%s", error.text);
    } else if (response.status < 200 || response.status > 299) {
        exit = refused(server, &response);
    } else {
        *body = response.body;
        response.body = (struct tide_bytes){0};
    }
    tide_http_response_release(&response);
    tide_bytes_release(&url);
    return exit;
}

enum tide_exit tide_each_line(struct tide_view text,
                              enum tide_exit (*visit)(void *context, struct tide_view line),
                              void *context)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    size_t at = 0;
    while (exit == TIDE_EXIT_OK && at < text.size) {
        const char *end = memchr(text.data + at, '\n', text.size - at);
        size_t size = end == NULL ? text.size - at : (size_t)(end - text.data) - at;
        if (size > 0) {
            exit = visit(context, tide_view_slice(text, at, size));
        }
        at += size + 1;
    }
    return exit;
}
