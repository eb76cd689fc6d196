/* Routes, the way from a server thread to the API's own, and what the handlers share. */
#include "serve/api.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/diagnostic.h"
#include "base/json.h"
#include "serve/api_contract.h"
#include "serve/api_internal.h"
#include "serve/api_status.h"
#include "serve/live.h"

#include <inttypes.h>
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
};
#define READINGS_APART_US INT64_C(5000000)

#define YEAR_1_US (INT64_C(-719162) * TIDE_US_PER_DAY)
#define YEAR_10000_US (INT64_C(2932897) * TIDE_US_PER_DAY)

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

static void handle_analytics(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_analytics, api, exchange);
}

static void handle_status(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_status, api, exchange);
}

static void handle_quality(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_quality, api, exchange);
}

static void handle_realtime(void *context, struct tide_http_exchange *exchange)
{
    struct tide_api *api = context;
    submit(api->questions, api_answer_realtime, api, exchange);
}

/* The reader's page: its own script and style, and questions to this host. */
#define READER_POLICY                                                                              \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "                \
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* The dashboard's: likewise, and its script puts no text into the page as markup. */
#define DASHBOARD_POLICY                                                                           \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "                \
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "                \
    "require-trusted-types-for 'script'"

#define GET(at, handler, promise)                                                                  \
    {                                                                                              \
        .method = "GET", .path = (at), .handle = (handler), .contract = &(promise)                 \
    }

static const struct tide_http_route routes[] = {
    GET("/api/v1/metrics", handle_metrics, api_contract_metrics),
    GET("/api/v1/metrics/{name}", handle_metric, api_contract_metric),
    GET("/api/v1/live", api_reply_live, api_contract_live),
    GET("/api/v1/status", handle_status, api_contract_status),
    GET("/api/v1/quality", handle_quality, api_contract_quality),
    GET("/api/v1/alerts", handle_alerts, api_contract_alerts),
    GET("/api/v1/metrics/{name}/state", handle_state, api_contract_state),
    GET("/api/v1/ledger", handle_ledger, api_contract_ledger),
    GET("/api/v1/definitions", handle_definitions, api_contract_definitions),
    {.method = "POST",
     .path = "/api/v1/barrier",
     .handle = handle_barrier,
     .contract = &api_contract_barrier},
    GET("/metrics/usage", handle_analytics, api_contract_usage),
    GET("/metrics/crashes", handle_analytics, api_contract_crashes),
    GET("/metrics/adoption", handle_analytics, api_contract_adoption),
    GET("/metrics/performance", handle_analytics, api_contract_performance),
    GET("/metrics/realtime", handle_realtime, api_contract_realtime),
    GET("/health", handle_health, api_contract_health),
    GET("/ready", api_reply_ready, api_contract_ready),
    GET("/metrics", handle_exposition, api_contract_exposition),
    GET("/openapi.json", api_reply_openapi, api_contract_openapi),
    {.method = "GET",
     .path = "/docs",
     .handle = api_reply_docs,
     .contract = &api_contract_docs,
     .content_security_policy = READER_POLICY},
    GET("/docs/reader.js", api_reply_docs_script, api_contract_docs_script),
    GET("/docs/reader.css", api_reply_docs_style, api_contract_docs_style),
    {.method = "GET",
     .path = "/",
     .handle = api_reply_dashboard,
     .contract = &api_contract_dashboard,
     .content_security_policy = DASHBOARD_POLICY},
    GET("/app.js", api_reply_dashboard, api_contract_dashboard_script),
    GET("/app.css", api_reply_dashboard, api_contract_dashboard_style),
    GET("/icon.svg", api_reply_dashboard, api_contract_dashboard_icon),
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
    made->rate = tide_event_rate_create((struct tide_duration){READINGS_APART_US});
    made->status = api_status_create(options);
    enum tide_status status = TIDE_OK;
    if (made->rate == NULL || made->status == NULL) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for the API");
    }
    if (status == TIDE_OK) {
        status = tide_asker_create(
            &(struct tide_asker_options){QUESTION_THREADS, QUESTIONS_MAX}, &made->questions, error);
    }
    if (status == TIDE_OK) {
        status = tide_asker_create(
            &(struct tide_asker_options){BARRIER_THREADS, BARRIERS_MAX}, &made->barriers, error);
    }
    if (status == TIDE_OK) {
        status = tide_live_start(made, &made->live, error);
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

void tide_api_hang_up(struct tide_api *api)
{
    tide_live_hang_up(api->live);
}

void tide_api_drain(struct tide_api *api)
{
    tide_api_hang_up(api);
    tide_asker_drain(api->questions);
    tide_asker_drain(api->barriers);
}

void tide_api_destroy(struct tide_api *api)
{
    if (api == NULL) {
        return;
    }
    tide_live_destroy(api->live);
    tide_asker_destroy(api->questions);
    tide_asker_destroy(api->barriers);
    tide_event_rate_destroy(api->rate);
    api_status_destroy(api->status);
    tide_bytes_release(&api->openapi);
    free(api);
}

/* ---- what handlers share */

void api_format_instance(uint64_t instance, char *buffer)
{
    (void)snprintf(buffer, API_INSTANCE_SIZE, "%016" PRIx64, instance);
}

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

struct tide_instant api_time(const struct tide_http_exchange *exchange, const char *name)
{
    bool present = false;
    struct tide_instant instant = TIDE_INSTANT_UNKNOWN;
    const struct tide_view text = tide_http_query(exchange, name, &present);
    const bool is_time = tide_http_parse_time(text, &instant);
    tide_assert(!present || is_time);
    return instant;
}

uint64_t api_whole(const struct tide_http_exchange *exchange,
                   const char *name,
                   const char *fallback)
{
    bool present = false;
    uint64_t number = 0;
    const struct tide_view text = tide_http_query(exchange, name, &present);
    const bool is_whole = tide_http_parse_whole(present ? text : tide_view_of(fallback), &number);
    tide_assert(is_whole);
    return number;
}

uint64_t api_note_processed(const struct tide_api *api, const struct tide_cell_request *request)
{
    uint64_t processed = 0;
    for (uint32_t p = 0; p < request->partition_count; p++) {
        processed += request->slots[p].ledger.processed;
    }
    tide_event_rate_note(api->rate, tide_clock_now(api->options.clock), processed);
    return processed;
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
    if (instant.us >= YEAR_1_US && instant.us < YEAR_10000_US) {
        const size_t size = tide_civil_format(instant, text);
        tide_json_write_text_member(json, key, (struct tide_view){text, size});
    } else {
        tide_json_write_key(json, key);
        tide_bytes_append_text(json, "null");
    }
}
