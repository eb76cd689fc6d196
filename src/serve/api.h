/* The HTTP API over a running engine.
 *
 *     GET  /api/v1/metrics            what is defined
 *     GET  /api/v1/metrics/{name}     its cells now: from, to, filter, format=json|ndjson
 *     GET  /api/v1/live               what changes, as it changes: server-sent events
 *     GET  /api/v1/status             how the service does
 *     GET  /api/v1/quality            what was rejected, with samples; lateness, skew
 *     GET  /api/v1/alerts             their states, instance by instance
 *     GET  /api/v1/metrics/{name}/state   what it costs: cells, keys, bytes, by partition
 *     GET  /api/v1/ledger             the conservation law, whole and by partition
 *     GET  /api/v1/definitions        the texts that the metrics were read from
 *     POST /api/v1/barrier            an epoch of every partition, then all cells at that point
 *     GET  /metrics/usage  /metrics/crashes  /metrics/adoption  /metrics/performance
 *     GET  /metrics/realtime
 *     GET  /health  /ready  /metrics
 *     GET  /openapi.json  /docs
 *
 * Whatever has to wait for partitions runs on the API's own threads (serve/asker.h), never on the
 * server's. Parameters and outcomes: api_contract.c; schemas of bodies: assets/schemas.json. */
#ifndef TIDE_SERVE_API_H
#define TIDE_SERVE_API_H

#include "http/server.h"
#include "process/engine.h"
#include "serve/generations.h"
#include "serve/metric_values.h"

enum {
    TIDE_API_ROUTES = 26,
    /* A larger answer is refused with 400 and the advice to narrow the question. */
    TIDE_API_REPLY_BYTES_MAX = 512 << 20,
};

struct tide_alerts;
struct tide_api;

/* Everything outlives the API. */
struct tide_api_options {
    struct tide_engine *engine;
    const struct tide_definitions *definitions;
    struct tide_clock clock;
    const char *version;       /* "0.1.0" */
    struct tide_view pipeline; /* a name for people */
    uint64_t instance;         /* of this process: another one after each start */
    struct tide_instant started;
    uint32_t listeners_max;    /* of the live feed; beyond it 503 */
    struct tide_view lake_url; /* as configured; told at a barrier */
    uint32_t partition_count;
    struct tide_generations *generations; /* what batches wrote, or NULL: speed only */
    struct tide_alerts *alerts;           /* NULL: there are none */
    struct tide_metric_values *values;    /* of the metrics, in the exposition; NULL: none */
    /* Appends Prometheus families of rooms that this one does not know; NULL: none. Any thread. */
    void (*exposition)(void *context, struct tide_bytes *text);
    void *exposition_context;
    /* Whether the process as a whole may be sent traffic; NULL: yes. Any thread. */
    bool (*ready)(void *context);
    void *ready_context;
};

/* Starts the API's threads. RETRY: no memory or threads. */
enum tide_status tide_api_create(const struct tide_api_options *options,
                                 struct tide_api **api,
                                 struct tide_error *error);
/* Fills TIDE_API_ROUTES routes. */
void tide_api_routes(struct tide_api *api, struct tide_http_route *routes);
/* Writes /openapi.json from the whole table, the API's and others' routes, of which nothing
 * is kept. Before the server starts. */
void tide_api_publish(struct tide_api *api,
                      const struct tide_http_route *routes,
                      size_t route_count);
/* Says goodbye to who listens to the live feed, and ends its thread. Before the server drains;
 * drain does it if need be. */
void tide_api_hang_up(struct tide_api *api);
/* Answers what waits, then 503 to whatever still comes; blocks. Before the engine stops. */
void tide_api_drain(struct tide_api *api);
/* Drains if need be. After the server has stopped. NULL is fine. */
void tide_api_destroy(struct tide_api *api);

#endif
