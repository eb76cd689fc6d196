/* Routes, the way from a server thread to the API's own, and what the handlers share. */
#include "serve/api.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/diagnostic.h"
#include "base/json.h"
#include "serve/api_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    QUESTION_THREADS = 2,
    QUESTIONS_MAX = 64, /* that wait; beyond it 503 */
    BARRIER_THREADS = 1,
    BARRIERS_MAX = 8,
    CLIP_BYTES = 100,
    PARAMETERS_MAX = 16, /* of one handler */
};

/* ---- from the server's threads to ours */

static void submit(struct tide_asker *asker,
                   void (*answer)(void *context, struct tide_http_exchange *exchange),
                   struct tide_api *api,
                   struct tide_http_exchange *exchange)
{
    switch (tide_asker_submit(asker, answer, api, exchange)) {
    case TIDE_OK:
        break;
    case TIDE_AGAIN:
        tide_http_reply_problem(
            exchange, 503, API_RETRY_AFTER_S, "too many questions are waiting for an answer");
        break;
    case TIDE_RETRY:
    case TIDE_REJECT:
    case TIDE_FATAL:
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "the service is stopping");
        break;
    }
}

static void handle_metrics(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_metrics, api, exchange);
}

static void handle_metric(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_metric, api, exchange);
}

static void handle_alerts(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_alerts, api, exchange);
}

static void handle_state(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_state, api, exchange);
}

static void handle_ledger(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_ledger, api, exchange);
}

static void handle_definitions(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_definitions, api, exchange);
}

static void handle_barrier(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->barriers, api_answer_barrier, api, exchange);
}

static void handle_health(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_health, api, exchange);
}

static void handle_exposition(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_exposition, api, exchange);
}

static const struct tide_http_route routes[] = {
    {.method = "GET", .path = "/api/v1/metrics", .handle = handle_metrics},
    {.method = "GET", .path = "/api/v1/metrics/{name}", .handle = handle_metric},
    {.method = "GET", .path = "/api/v1/alerts", .handle = handle_alerts},
    {.method = "GET", .path = "/api/v1/metrics/{name}/state", .handle = handle_state},
    {.method = "GET", .path = "/api/v1/ledger", .handle = handle_ledger},
    {.method = "GET", .path = "/api/v1/definitions", .handle = handle_definitions},
    {.method = "POST", .path = "/api/v1/barrier", .handle = handle_barrier},
    {.method = "GET", .path = "/health", .handle = handle_health},
    {.method = "GET", .path = "/ready", .handle = api_reply_ready},
    {.method = "GET", .path = "/metrics", .handle = handle_exposition},
};
_Static_assert(sizeof(routes) / sizeof(routes[0]) == TIDE_API_ROUTES, "as the header says");

/* ---- life */

enum tide_status tide_api_create(const struct tide_api_options *options,
                                 struct tide_api **api,
                                 struct tide_error *error)
{
    tide_assert(options->engine != NULL && options->definitions != NULL);
    tide_assert(options->partition_count > 0 && options->version != NULL);
    struct tide_api *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the API");
    }
    made->options = *options;
    enum tide_status status = tide_asker_create(
        &(struct tide_asker_options){QUESTION_THREADS, QUESTIONS_MAX}, &made->questions, error);
    if (status == TIDE_OK) {
        status = tide_asker_create(
            &(struct tide_asker_options){BARRIER_THREADS, BARRIERS_MAX}, &made->barriers, error);
    }
    if (status != TIDE_OK) {
        tide_api_destroy(made);
        return status;
    }
    *api = made;
    return TIDE_OK;
}

void tide_api_routes(struct tide_api *api, struct tide_http_route *into)
{
    for (size_t i = 0; i < TIDE_API_ROUTES; i++) {
        into[i] = routes[i];
        into[i].context = api;
    }
}

void tide_api_drain(struct tide_api *api)
{
    tide_asker_drain(api->questions);
    tide_asker_drain(api->barriers);
}

void tide_api_destroy(struct tide_api *api)
{
    if (api == NULL) {
        return;
    }
    tide_asker_destroy(api->questions);
    tide_asker_destroy(api->barriers);
    free(api);
}

/* ---- what handlers share */

struct tide_view api_clip(struct tide_view text)
{
    return tide_view_slice(text, 0, text.size < CLIP_BYTES ? text.size : CLIP_BYTES);
}

const char *api_suggest(struct tide_view word,
                        const struct tide_view *candidates,
                        size_t candidate_count,
                        char *buffer,
                        size_t size)
{
    const struct tide_view nearest = tide_nearest(word, candidates, candidate_count);
    buffer[0] = '\0';
    if (nearest.size > 0) {
        (void)snprintf(buffer, size, "; did you mean '%.*s'?", TIDE_VIEW_ARGUMENTS(nearest));
    }
    return buffer;
}

struct parameters {
    const struct tide_view *names;
    size_t name_count;
    bool seen[PARAMETERS_MAX];
    bool is_bad;
    struct tide_view bad; /* the first that is */
    bool is_repeated;
};

static void check_parameter(void *context, struct tide_view name, struct tide_view value)
{
    struct parameters *parameters = context;
    size_t i = 0;
    (void)value;
    while (i < parameters->name_count && !tide_view_equal(parameters->names[i], name)) {
        i++;
    }
    const bool is_known = i < parameters->name_count;
    if (parameters->is_bad) {
        return;
    }
    if (!is_known || parameters->seen[i]) {
        parameters->is_bad = true;
        parameters->is_repeated = is_known;
        parameters->bad = name;
    } else {
        parameters->seen[i] = true;
    }
}

bool api_check_parameters(struct tide_http_exchange *exchange,
                          const struct tide_view *names,
                          size_t name_count)
{
    struct parameters parameters = {.names = names, .name_count = name_count};
    char suggestion[64];
    tide_assert(name_count <= PARAMETERS_MAX);
    tide_http_query_visit(exchange, check_parameter, &parameters);
    if (!parameters.is_bad) {
        return true;
    }
    const struct tide_view bad = api_clip(parameters.bad);
    if (parameters.is_repeated) {
        tide_http_reply_problem(
            exchange, 400, 0, "parameter '%.*s' stands twice", TIDE_VIEW_ARGUMENTS(bad));
    } else {
        tide_http_reply_problem(
            exchange,
            400,
            0,
            "unknown parameter '%.*s'%s",
            TIDE_VIEW_ARGUMENTS(bad),
            api_suggest(parameters.bad, names, name_count, suggestion, sizeof(suggestion)));
    }
    return false;
}

void api_reply(struct tide_http_exchange *exchange,
               const char *content_type,
               struct tide_bytes *body)
{
    if (!body->failed) {
        tide_http_reply(exchange, 200, content_type, body, 0);
        return;
    }
    tide_http_reply_problem(exchange,
                            400,
                            0,
                            "the answer is larger than %d MiB, or than memory: narrow it with "
                            "from, to and filter",
                            TIDE_API_REPLY_BYTES_MAX >> 20);
    tide_bytes_release(body);
}

void api_write_instant(struct tide_bytes *json, const char *key, struct tide_instant instant)
{
    char text[TIDE_CIVIL_TEXT_MAX];
    if (tide_instant_known(instant)) {
        const size_t size = tide_civil_format(instant, text);
        tide_json_write_text_member(json, key, (struct tide_view){text, size});
    } else {
        tide_json_write_key(json, key);
        tide_bytes_append_text(json, "null");
    }
}
