/* Prometheus families of the rooms that serve/ does not know: HTTP, collector, log. */
#ifndef TIDE_CLI_SERVICE_METRICS_H
#define TIDE_CLI_SERVICE_METRICS_H

#include <stdatomic.h>

#include "cli/daily.h"
#include "collect/collector.h"
#include "http/server.h"
#include "log/log.h"

enum {
    TIDE_SERVICE_ROUTES_MAX = 33,
    TIDE_SERVICE_BUCKETS = 12
};

struct tide_service_metrics {
    const struct tide_collector *collector;
    struct tide_log log;
    const struct tide_daily *daily; /* NULL: there is none */
    const struct tide_http_route *routes;
    size_t route_count;
    /* By route, the last one for requests that match none; written by server threads. */
    _Atomic uint64_t replies[TIDE_SERVICE_ROUTES_MAX][6]; /* by status / 100 */
    _Atomic uint64_t buckets[TIDE_SERVICE_ROUTES_MAX][TIDE_SERVICE_BUCKETS + 1];
    _Atomic uint64_t elapsed_us[TIDE_SERVICE_ROUTES_MAX];
};

/* observe of http/server.h; context is the struct. */
void tide_service_metrics_observe(void *context,
                                  size_t route_index,
                                  unsigned status,
                                  struct tide_duration elapsed);
/* Appends the families' text; context is the struct. */
void tide_service_metrics_write(void *context, struct tide_bytes *text);

#endif
