/* Prometheus families of the rooms that serve/ does not know: HTTP, collector, log, and of the
 * process itself. */
#ifndef TIDE_CLI_SERVICE_METRICS_H
#define TIDE_CLI_SERVICE_METRICS_H

#include <stdatomic.h>

#include "base/histogram.h"
#include "cli/daily.h"
#include "cli/service_publish.h"
#include "collect/collector.h"
#include "collect/topics.h"
#include "http/server.h"
#include "log/log.h"
#include "log/produce_meter.h"

enum {
    TIDE_SERVICE_ROUTES_MAX = 65
};

struct tide_service_metrics {
    const struct tide_collector *collector;
    const struct tide_admission *admission;     /* or NULL */
    const struct tide_topics_collector *topics; /* or NULL */
    const struct tide_service_publish *publish; /* or NULL */
    const struct tide_daily *daily;             /* or NULL */
    struct tide_log log;
    bool log_is_kafka;
    struct tide_produce_meter produce;
    const struct tide_http_route *routes;
    size_t route_count;
    const char *data;            /* directories whose space is told */
    const char *lake;            /* NULL: it is not on a disk of ours */
    struct tide_instant started; /* of the process, about */
    /* By route, the last one for requests that match none; written by server threads. */
    _Atomic uint64_t replies[TIDE_SERVICE_ROUTES_MAX][6]; /* by status / 100 */
    struct tide_histogram durations[TIDE_SERVICE_ROUTES_MAX];
};

/* observe of http/server.h; context is the struct. */
void tide_service_metrics_observe(void *context,
                                  size_t route_index,
                                  unsigned status,
                                  struct tide_duration elapsed);
/* Appends the families' text; context is the struct. */
void tide_service_metrics_write(void *context, struct tide_bytes *text);

#endif
