/* The collector's three routes: what a request's path, type and headers mean for a submission.
 *
 *     POST /v1/telemetry, /data/v3/telemetry   an envelope or one event; a missing Content-Type is
 *                                              taken for application/json, as Sunbird's SDKs do
 *     POST /v1/events                          by Content-Type: lines, or an array or one document;
 *                                              without one it is not known which: 415 */
#include "collect/collector.h"
#include "http/gate.h"

#include <stdio.h>

#include "base/banned.h"

enum {
    IDEMPOTENCY_KEY_BYTES_MAX = 255
}; /* a longer one is not remembered */

static const struct tide_key *key_of(const struct tide_http_exchange *exchange)
{
    return tide_http_caller(exchange);
}

static struct tide_collector_door *door_of(void *context)
{
    return context;
}

/* ---- who may come in */

static uint32_t seconds(struct tide_duration duration)
{
    const int64_t whole = duration.us / 1000000 + (duration.us % 1000000 > 0);
    return whole > UINT32_MAX ? UINT32_MAX : (uint32_t)whole;
}

/* Retry-After is RFC 9110's. The other two are of draft-ietf-httpapi-ratelimit-headers-10, which
 * may change, so they are told only here, where a person looks for what the limit is. */
static void tell_limit(struct tide_http_exchange *exchange,
                       const struct tide_admission_verdict *verdict)
{
    char text[128];
    const uint64_t window = verdict->limit.burst / verdict->limit.rate;
    (void)snprintf(text, sizeof(text), "%u", seconds(verdict->wait));
    tide_http_add_header(exchange, "Retry-After", text);
    (void)snprintf(text,
                   sizeof(text),
                   "\"%s\";q=%llu;w=%llu;qu=\"events\"",
                   verdict->policy,
                   (unsigned long long)verdict->limit.burst,
                   (unsigned long long)(window > 0 ? window : 1));
    tide_http_add_header(exchange, "RateLimit-Policy", text);
    (void)snprintf(text, sizeof(text), "\"%s\";r=0;t=%u", verdict->policy, seconds(verdict->wait));
    tide_http_add_header(exchange, "RateLimit", text);
}

static unsigned admit(void *context, struct tide_http_exchange *exchange, const char **why)
{
    const struct tide_credentials credentials = {
        .address = tide_http_client_address(exchange),
        .authorization = tide_http_header(exchange, "authorization"),
        .api_key = tide_http_header(exchange, "x-api-key"),
    };
    const struct tide_admission_verdict verdict =
        tide_admission_judge(door_of(context)->admission, &credentials);
    *why = verdict.why;
    if (verdict.status == 401) {
        tide_http_add_header(exchange, "WWW-Authenticate", verdict.challenge);
    } else if (verdict.status == 429) {
        tell_limit(exchange, &verdict);
    }
    tide_http_set_caller(exchange, verdict.key);
    return verdict.status;
}

/* ---- submissions */

static void on_counted(void *context, uint64_t events)
{
    struct tide_http_exchange *exchange = context;
    struct tide_collector_door *door = tide_http_route_context(exchange);
    if (door->admission != NULL) {
        tide_admission_charge(
            door->admission, tide_http_client_address(exchange), key_of(exchange), events);
    }
}

static void on_answered(void *context,
                        unsigned status,
                        const char *content_type,
                        struct tide_bytes *body,
                        uint32_t retry_after_s)
{
    tide_http_reply(context, status, content_type, body, retry_after_s);
}

static void submit(struct tide_collector_door *door,
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
        .counted = on_counted,
        .answered = on_answered,
        .context = exchange,
    };
    tide_collector_submit(door->collector, &submission);
}

static void handle_telemetry(void *context, struct tide_http_exchange *exchange)
{
    submit(door_of(context), exchange, TIDE_COLLECT_SUNBIRD);
}

static void handle_events(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_view type =
        tide_gate_content_type_essence(tide_http_header(exchange, "content-type"));
    const bool is_json = tide_gate_name_equal(type, "application/json");
    submit(door_of(context), exchange, is_json ? TIDE_COLLECT_JSON : TIDE_COLLECT_NDJSON);
}

/* ---- contracts */

#define CODINGS " It may be compressed: Content-Encoding gzip, deflate or zstd."
#define ANSWERED "What became of each event. Accepted ones are durable."

static const struct tide_http_parameter idempotency_key = {
    .name = "idempotency-key",
    .place = TIDE_HTTP_HEADER,
    .about = "A batch that comes again with this key within an hour is answered as it was and not "
             "taken twice; another body with it is another batch. At most 255 bytes; a longer one "
             "is not remembered.",
};
static const struct tide_http_parameter api_key = {
    .name = "x-api-key",
    .place = TIDE_HTTP_HEADER,
    .about = "Where the service asks for keys: the sender's; or `Authorization: Bearer KEY`.",
};
static const struct tide_http_parameter *const parameters[] = {&idempotency_key, &api_key, NULL};

static const struct tide_http_body_form telemetry_bodies[] = {{"application/json", "AnyJson"}, {0}};
static const struct tide_http_body_form event_bodies[] = {{"application/x-ndjson", "Ndjson"},
                                                          {"application/ndjson", "Ndjson"},
                                                          {"application/jsonl", "Ndjson"},
                                                          {"application/json", "AnyJson"},
                                                          {0}};

/* Of all three routes. */
#define REFUSALS                                                                                   \
    {401, NULL, NULL, NULL, "The service asks for API keys, and none of them came."},              \
        {429, NULL, NULL, NULL, "Too many events from this address, or with this API key."},       \
    {                                                                                              \
        503, NULL, NULL, NULL, "Not just now: send it again after Retry-After seconds."            \
    }

static const struct tide_http_outcome telemetry_outcomes[] = {
    {200, "application/json", "SunbirdAnswer", NULL, ANSWERED},
    {400,
     NULL,
     NULL,
     NULL,
     "The body is no JSON or no envelope, and is kept as one rejected record; or it is not "
     "compressed as it says, and is not kept."},
    REFUSALS,
    {0}};
static const struct tide_http_outcome event_outcomes[] = {
    {200, "application/json", "Answer", NULL, ANSWERED},
    {400,
     NULL,
     NULL,
     NULL,
     "The body cannot be split, and is kept as one rejected record; or it is not compressed as it "
     "says, and is not kept."},
    REFUSALS,
    {0}};

/* A query says nothing to the collector, and is no reason to refuse events. */
static const struct tide_http_contract telemetry_contract = {
    .id = "postTelemetry",
    .tag = "collect",
    .summary = "A Sunbird envelope, or one event",
    .parameters = parameters,
    .bodies = telemetry_bodies,
    .body_about = "An envelope of the schema, with its events, or one event by itself." CODINGS,
    .outcomes = telemetry_outcomes,
    .ignores_queries = true,
};
static const struct tide_http_contract old_telemetry_contract = {
    .id = "postTelemetryV3",
    .tag = "collect",
    .summary = "The same, where Sunbird's SDKs send it",
    .parameters = parameters,
    .bodies = telemetry_bodies,
    .body_about = "An envelope of the schema, with its events, or one event by itself." CODINGS,
    .outcomes = telemetry_outcomes,
    .ignores_queries = true,
};
static const struct tide_http_contract events_contract = {
    .id = "postEvents",
    .tag = "collect",
    .summary = "Events, by the line or as an array",
    .about = "Each event is judged by itself: those that the schema does not take are told in the "
             "answer and kept in the table of rejected ones.",
    .parameters = parameters,
    .bodies = event_bodies,
    .body_about = "Lines, or one JSON array of events, or one event." CODINGS,
    .outcomes = event_outcomes,
    .ignores_queries = true,
};

void tide_collector_routes(struct tide_collector_door *door,
                           struct tide_http_route routes[TIDE_COLLECTOR_ROUTES])
{
    static const struct {
        const char *path;
        void (*handle)(void *context, struct tide_http_exchange *exchange);
        const char *content_types;
        const struct tide_http_contract *contract;
    } table[TIDE_COLLECTOR_ROUTES] = {
        {"/v1/telemetry", handle_telemetry, ",application/json", &telemetry_contract},
        {"/data/v3/telemetry", handle_telemetry, ",application/json", &old_telemetry_contract},
        {"/v1/events",
         handle_events,
         "application/x-ndjson,application/ndjson,application/jsonl,application/json",
         &events_contract},
    };
    for (size_t i = 0; i < TIDE_COLLECTOR_ROUTES; i++) {
        routes[i] = (struct tide_http_route){
            .method = "POST",
            .path = table[i].path,
            .handle = table[i].handle,
            .context = door,
            .admit = door->admission == NULL ? NULL : admit,
            .body_bytes_max = TIDE_ENVELOPE_BYTES_MAX,
            .takes_codings = true,
            .content_types = table[i].content_types,
            .contract = table[i].contract,
            .cors = door->cors,
        };
    }
}
