/* The HTTP collector: bodies in, verdicts and receipts out, nothing acknowledged before it is
 * durable.
 *
 * A body is decoded once, for verdicts and routes; each event becomes a record of its partition in
 * one append; the reply is written when the log-commit thread says durable. The state is shared by
 * the server's threads: decoders and batches come from a bounded pool (empty: 503). */
#ifndef TIDE_COLLECT_COLLECTOR_H
#define TIDE_COLLECT_COLLECTOR_H

#include "collect/admission.h"
#include "collect/intake.h"
#include "event/event_time.h"
#include "http/server.h"
#include "log/handover.h"

struct tide_collector;

enum {
    TIDE_COLLECTOR_RECEIPTS_BYTES_MAX = 64 << 20 /* of remembered answers */
};

struct tide_collector_options {
    const struct tide_schema *schema;
    uint64_t seed; /* of uids */
    uint32_t partition_count;
    enum tide_arrival arrival; /* LIVE or TRUSTED */
    struct tide_clock clock;
    const struct tide_intake_topics *topics; /* see intake.h; or NULL */
    uint32_t parallel_max;                   /* bodies decoded at the same time */
    uint32_t receipts_max;                   /* remembered answers of recent batches */
    struct tide_duration receipts_keep;      /* so long at most */
    /* Where appends go: the committer's append, or the log's own in the simulator. */
    enum tide_status (*append)(void *context,
                               struct tide_log_append *append,
                               struct tide_error *error);
    void *append_context;
    struct tide_handover
        *handover; /* for the log's readers, if they are here; NULL: they are not */
};

enum tide_status tide_collector_create(const struct tide_collector_options *options,
                                       struct tide_collector **collector,
                                       struct tide_error *error);
/* No submission may be under way. */
void tide_collector_destroy(struct tide_collector *collector);
/* From now on bodies are answered 503: the service is stopping. */
void tide_collector_drain(struct tide_collector *collector);

/* The three routes: POST /v1/telemetry, POST /data/v3/telemetry, POST /v1/events. */
enum {
    TIDE_COLLECTOR_ROUTES = 3
};
struct tide_collector_door { /* must outlive the server */
    struct tide_collector *collector;
    struct tide_admission *admission; /* NULL: everybody may, as much as they like */
    const struct tide_cors *cors;     /* NULL: no pages of other origins */
};
void tide_collector_routes(struct tide_collector_door *door,
                           struct tide_http_route routes[TIDE_COLLECTOR_ROUTES]);

/* The core, without HTTP: what routes and the simulator call. */
enum tide_collect_form {
    TIDE_COLLECT_NDJSON,
    TIDE_COLLECT_JSON,    /* array or one event */
    TIDE_COLLECT_SUNBIRD, /* an envelope; the answer is in Sunbird's form */
};

struct tide_submission {
    enum tide_collect_form form;
    struct tide_view body;            /* must stay until answered */
    struct tide_view source;          /* "http" */
    struct tide_view idempotency_key; /* or empty */
    const char *api_id;               /* "api.sunbird.telemetry" in Sunbird's answers */
    /* How many events the body holds, once that is known and if it was decoded at all; by the
     * submitting thread, before answered. May be NULL. */
    void (*counted)(void *context, uint64_t events);
    /* Called exactly once, by the submitting thread or the log-commit thread. The collector owns
     * the body text until the call; the callee may take it (tide_bytes moved out). */
    void (*answered)(void *context,
                     unsigned status,
                     const char *content_type,
                     struct tide_bytes *body,
                     uint32_t retry_after_s);
    void *context;
};
void tide_collector_submit(struct tide_collector *collector,
                           const struct tide_submission *submission);

/* Counters since start, a glimpse; any thread. */
struct tide_collector_facts {
    uint64_t bodies;
    uint64_t bodies_refused;  /* 503 */
    uint64_t bodies_repeated; /* answered from a remembered receipt */
    uint64_t events_accepted;
    uint64_t events_rejected;
};
struct tide_collector_facts tide_collector_facts(const struct tide_collector *collector);

#endif
