/* What the files of the API share; nobody else includes it. */
#ifndef TIDE_SERVE_API_INTERNAL_H
#define TIDE_SERVE_API_INTERNAL_H

#include "serve/api.h"
#include "serve/asker.h"
#include "serve/cell_query.h"
#include "serve/event_rate.h"

enum {
    API_RETRY_AFTER_S = 1,
    API_HASH_TEXT_SIZE = 33, /* 32 hex digits and '\0' */
    API_INSTANCE_SIZE = 17,  /* 16 */
};

struct tide_api {
    struct tide_api_options options;
    struct tide_asker *questions;
    struct tide_asker *barriers; /* they wait for the lake: on a thread of their own */
    struct tide_event_rate *rate;
    struct tide_api_status *status;
    struct tide_live *live;
    struct tide_bytes openapi; /* written once, before the server starts */
};

/* Handlers, on the API's threads; context is the API. Each replies once. */
void api_answer_metrics(void *context, struct tide_http_exchange *exchange);
void api_answer_metric(void *context, struct tide_http_exchange *exchange);
void api_answer_state(void *context, struct tide_http_exchange *exchange);
void api_answer_ledger(void *context, struct tide_http_exchange *exchange);
void api_answer_definitions(void *context, struct tide_http_exchange *exchange);
void api_answer_alerts(void *context, struct tide_http_exchange *exchange);
void api_answer_barrier(void *context, struct tide_http_exchange *exchange);
void api_answer_health(void *context, struct tide_http_exchange *exchange);
void api_answer_exposition(void *context, struct tide_http_exchange *exchange);
void api_answer_analytics(void *context, struct tide_http_exchange *exchange);
void api_answer_realtime(void *context, struct tide_http_exchange *exchange);
void api_answer_quality(void *context, struct tide_http_exchange *exchange);
void api_answer_status(void *context, struct tide_http_exchange *exchange);
/* On a server thread: they wait for nothing. */
void api_reply_openapi(void *context, struct tide_http_exchange *exchange);
void api_reply_dashboard(void *context, struct tide_http_exchange *exchange);
void api_reply_docs(void *context, struct tide_http_exchange *exchange);
void api_reply_docs_script(void *context, struct tide_http_exchange *exchange);
void api_reply_docs_style(void *context, struct tide_http_exchange *exchange);
void api_reply_ready(void *context, struct tide_http_exchange *exchange);
void api_reply_live(void *context, struct tide_http_exchange *exchange);

/* Parameters whose type the contract has checked; UNKNOWN: it is absent. */
struct tide_instant api_time(const struct tide_http_exchange *exchange, const char *name);
/* fallback stands in for an absent one. */
uint64_t api_whole(const struct tide_http_exchange *exchange,
                   const char *name,
                   const char *fallback);
/* Events processed by all partitions, which the request has visited; leaves a reading behind. */
uint64_t api_note_processed(const struct tide_api *api, const struct tide_cell_request *request);
/* Replies 200 with body, or the problem that it grew beyond the maximum. */
void api_reply(struct tide_http_exchange *exchange,
               const char *content_type,
               struct tide_bytes *body);
/* API_INSTANCE_SIZE bytes, terminated. */
void api_format_instance(uint64_t instance, char *buffer);
/* What a person sent, short enough for a message. */
struct tide_view api_clip(struct tide_view text);
/* "; did you mean 'x'?" in buffer of size bytes, or "". */
const char *api_suggest(struct tide_view word,
                        const struct tide_view *candidates,
                        size_t candidate_count,
                        char *buffer,
                        size_t size);
/* The same of the metrics that are shown. */
const char *api_suggest_metric(const struct tide_definitions *definitions,
                               struct tide_view name,
                               char *buffer,
                               size_t size);
/* The metric that the path names, if it is shown; NULL, after 404 was replied with a suggestion. */
const struct tide_metric *api_find_metric(const struct tide_definitions *definitions,
                                          struct tide_http_exchange *exchange);
/* "definition":"<32 hex digits>" */
void api_write_definition(struct tide_bytes *json, const struct tide_metric *metric);
/* "key":"2026-03-08T00:00:00Z", or null where unknown or outside of the years 1 to 9999. */
void api_write_instant(struct tide_bytes *json, const char *key, struct tide_instant instant);

#endif
