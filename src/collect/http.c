/* The collector's three routes: what a request's path, type and headers mean for a submission.
 *
 *     POST /v1/telemetry, /data/v3/telemetry   an envelope or one event; a missing Content-Type is
 *                                              taken for application/json, as Sunbird's SDKs do
 *     POST /v1/events                          by Content-Type: lines, or an array or one document;
 *                                              without one it is not known which: 415 */
#include "collect/collector.h"
#include "http/gate.h"

#include "base/banned.h"

enum {
    IDEMPOTENCY_KEY_BYTES_MAX = 255
}; /* a longer one is not remembered */

static void on_answered(void *context,
                        unsigned status,
                        const char *content_type,
                        struct tide_bytes *body,
                        uint32_t retry_after_s)
{
    tide_http_reply(context, status, content_type, body, retry_after_s);
}

static void submit(struct tide_collector *collector,
                   struct tide_http_exchange *exchange,
                   enum tide_collect_form form)
{
    const struct tide_view key = tide_http_header(exchange, "idempotency-key");
    const struct tide_submission submission = {
        .form = form,
        .body = tide_http_body(exchange),
        .source = TIDE_VIEW("http"),
        .idempotency_key = key.size <= IDEMPOTENCY_KEY_BYTES_MAX ? key : (struct tide_view){0},
        .api_id = "api.sunbird.telemetry",
        .answered = on_answered,
        .context = exchange,
    };
    tide_collector_submit(collector, &submission);
}

static void handle_telemetry(void *context, struct tide_http_exchange *exchange)
{
    submit(context, exchange, TIDE_COLLECT_SUNBIRD);
}

static void handle_events(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_view type =
        tide_gate_content_type_essence(tide_http_header(exchange, "content-type"));
    const bool is_json = tide_gate_name_equal(type, "application/json");
    submit(context, exchange, is_json ? TIDE_COLLECT_JSON : TIDE_COLLECT_NDJSON);
}

void tide_collector_routes(struct tide_collector *collector,
                           struct tide_http_route routes[TIDE_COLLECTOR_ROUTES])
{
    static const struct {
        const char *path;
        void (*handle)(void *context, struct tide_http_exchange *exchange);
        const char *content_types;
    } table[TIDE_COLLECTOR_ROUTES] = {
        {"/v1/telemetry", handle_telemetry, ",application/json"},
        {"/data/v3/telemetry", handle_telemetry, ",application/json"},
        {"/v1/events",
         handle_events,
         "application/x-ndjson,application/ndjson,application/jsonl,application/json"},
    };
    for (size_t i = 0; i < TIDE_COLLECTOR_ROUTES; i++) {
        routes[i] = (struct tide_http_route){
            .method = "POST",
            .path = table[i].path,
            .handle = table[i].handle,
            .context = collector,
            .body_bytes_max = TIDE_ENVELOPE_BYTES_MAX,
            .content_types = table[i].content_types,
        };
    }
}
