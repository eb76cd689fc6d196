#include "cli/service_metrics.h"

#include "log/segment.h"

#include <inttypes.h>

/* Upper bounds in microseconds; the text is what Prometheus shows. */
static const struct {
    int64_t us;
    const char *le;
} bounds[TIDE_SERVICE_BUCKETS] = {
    {500, "0.0005"},
    {1000, "0.001"},
    {2500, "0.0025"},
    {5000, "0.005"},
    {10000, "0.01"},
    {25000, "0.025"},
    {50000, "0.05"},
    {100000, "0.1"},
    {250000, "0.25"},
    {500000, "0.5"},
    {1000000, "1"},
    {5000000, "5"},
};

void tide_service_metrics_observe(void *context,
                                  size_t route_index,
                                  unsigned status,
                                  struct tide_duration elapsed)
{
    struct tide_service_metrics *m = context;
    size_t route = route_index < m->route_count ? route_index : m->route_count;
    unsigned class = status / 100 < 6 ? status / 100 : 0;
    size_t bucket = 0;
    while (bucket < TIDE_SERVICE_BUCKETS && elapsed.us > bounds[bucket].us) {
        bucket++;
    }
    atomic_fetch_add_explicit(&m->replies[route][class], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->buckets[route][bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->elapsed_us[route], (uint64_t)elapsed.us, memory_order_relaxed);
}

static void family(struct tide_bytes *text, const char *name, const char *type, const char *help)
{
    tide_bytes_append_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter(struct tide_bytes *text, const char *name, const char *help, uint64_t value)
{
    family(text, name, "counter", help);
    tide_bytes_append_format(text, "%s %" PRIu64 "\n", name, value);
}

static const char *route_path(const struct tide_service_metrics *m, size_t route)
{
    return route < m->route_count ? m->routes[route].path : "other";
}

static void write_replies(struct tide_service_metrics *m, struct tide_bytes *text)
{
    family(text, "tidemark_http_requests_total", "counter", "Requests by route and status class.");
    for (size_t route = 0; route <= m->route_count; route++) {
        for (unsigned class = 1; class < 6; class ++) {
            uint64_t count = atomic_load(&m->replies[route][class]);
            if (count > 0) {
                tide_bytes_append_format(
                    text,
                    "tidemark_http_requests_total{path=\"%s\",code=\"%uxx\"} %" PRIu64 "\n",
                    route_path(m, route),
                    class,
                    count);
            }
        }
    }
}

static void write_latencies(struct tide_service_metrics *m, struct tide_bytes *text)
{
    static const char name[] = "tidemark_http_request_duration_seconds";
    family(text, name, "histogram", "From the complete request to the reply.");
    for (size_t route = 0; route <= m->route_count; route++) {
        const char *path = route_path(m, route);
        uint64_t sum = 0;
        for (size_t i = 0; i < TIDE_SERVICE_BUCKETS; i++) {
            sum += atomic_load(&m->buckets[route][i]);
            tide_bytes_append_format(text,
                                     "%s_bucket{path=\"%s\",le=\"%s\"} %" PRIu64 "\n",
                                     name,
                                     path,
                                     bounds[i].le,
                                     sum);
        }
        sum += atomic_load(&m->buckets[route][TIDE_SERVICE_BUCKETS]);
        uint64_t us = atomic_load(&m->elapsed_us[route]);
        tide_bytes_append_format(
            text, "%s_bucket{path=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, path, sum);
        tide_bytes_append_format(text,
                                 "%s_sum{path=\"%s\"} %" PRIu64 ".%06" PRIu64 "\n",
                                 name,
                                 path,
                                 us / 1000000,
                                 us % 1000000);
        tide_bytes_append_format(text, "%s_count{path=\"%s\"} %" PRIu64 "\n", name, path, sum);
    }
}

static void write_seconds(struct tide_bytes *text, const char *name, const char *help, int64_t us)
{
    family(text, name, "gauge", help);
    tide_bytes_append_format(
        text, "%s %" PRId64 ".%06" PRId64 "\n", name, us / 1000000, us % 1000000);
}

static void write_daily(const struct tide_daily *daily, struct tide_bytes *text)
{
    static const char runs[] = "tidemark_batch_runs_total";
    static const char running[] = "tidemark_batch_running";
    const struct tide_daily_facts facts = tide_daily_facts(daily);
    const int64_t success_us = tide_instant_known(facts.last_success) ? facts.last_success.us : 0;
    family(text, runs, "counter", "Daily batches by outcome.");
    tide_bytes_append_format(text,
                             "%s{outcome=\"success\"} %" PRIu64 "\n%s{outcome=\"failure\"} %" PRIu64
                             "\n",
                             runs,
                             facts.successes,
                             runs,
                             facts.failures);
    family(text, running, "gauge", "Whether a daily batch runs now.");
    tide_bytes_append_format(text, "%s %d\n", running, facts.is_running);
    write_seconds(text,
                  "tidemark_batch_last_success_timestamp_seconds",
                  "When a daily batch ended well; 0: not since the start.",
                  success_us);
    write_seconds(text,
                  "tidemark_batch_last_duration_seconds",
                  "How long the last daily batch took.",
                  facts.last_duration.us);
}

void tide_service_metrics_write(void *context, struct tide_bytes *text)
{
    struct tide_service_metrics *m = context;
    struct tide_collector_facts collector = tide_collector_facts(m->collector);
    struct tide_segment_log_facts log = tide_segment_log_facts(&m->log);
    counter(
        text, "tidemark_collector_bodies_total", "Bodies that were answered.", collector.bodies);
    counter(text,
            "tidemark_collector_bodies_refused_total",
            "Bodies that were answered 503 and not kept.",
            collector.bodies_refused);
    counter(text,
            "tidemark_collector_bodies_repeated_total",
            "Bodies that were answered from a remembered receipt.",
            collector.bodies_repeated);
    counter(text,
            "tidemark_collector_events_accepted_total",
            "Events accepted and durable.",
            collector.events_accepted);
    counter(text,
            "tidemark_collector_events_rejected_total",
            "Events rejected, kept and durable.",
            collector.events_rejected);
    counter(text, "tidemark_log_syncs_total", "Syncs of the log.", log.sync_count);
    family(text, "tidemark_log_bytes", "gauge", "Bytes of the log.");
    tide_bytes_append_format(text, "tidemark_log_bytes %" PRIu64 "\n", log.stream_bytes);
    if (m->daily != NULL) {
        write_daily(m->daily, text);
    }
    write_replies(m, text);
    write_latencies(m, text);
}
