#include "cli/service_metrics.h"

#include "base/io.h"
#include "log/kafka.h"
#include "log/segment.h"
#include "serve/prometheus.h"

#include <inttypes.h>
#include <stdio.h>

void tide_service_metrics_observe(void *context,
                                  size_t route_index,
                                  unsigned status,
                                  struct tide_duration elapsed)
{
    struct tide_service_metrics *m = context;
    size_t route = route_index < m->route_count ? route_index : m->route_count;
    unsigned class = status / 100 < 6 ? status / 100 : 0;
    atomic_fetch_add_explicit(&m->replies[route][class], 1, memory_order_relaxed);
    tide_histogram_add(&m->durations[route], elapsed, 1);
}

static struct tide_view route_path(const struct tide_service_metrics *m, size_t route)
{
    return route < m->route_count ? tide_view_of(m->routes[route].path) : TIDE_VIEW("other");
}

/* The methods of a path are routes of their own, and one series. */
static bool has_path_before(const struct tide_service_metrics *m, size_t route)
{
    for (size_t i = 0; i < route; i++) {
        if (tide_view_equal(route_path(m, i), route_path(m, route))) {
            return true;
        }
    }
    return false;
}

static uint64_t count_replies(const struct tide_service_metrics *m, size_t route, unsigned class)
{
    uint64_t count = 0;
    for (size_t i = route; i <= m->route_count; i++) {
        if (tide_view_equal(route_path(m, i), route_path(m, route))) {
            count += atomic_load(&m->replies[i][class]);
        }
    }
    return count;
}

static struct tide_histogram_reading read_durations(const struct tide_service_metrics *m,
                                                    size_t route)
{
    struct tide_histogram_reading reading = {0};
    for (size_t i = route; i <= m->route_count; i++) {
        if (tide_view_equal(route_path(m, i), route_path(m, route))) {
            tide_histogram_read(&m->durations[i], &reading);
        }
    }
    return reading;
}

static void write_requests(const struct tide_service_metrics *m, struct tide_bytes *text)
{
    tide_prometheus_family(text, TIDE_INSTRUMENT_HTTP_REQUESTS);
    for (size_t route = 0; route <= m->route_count; route++) {
        for (unsigned class = 1; class < 6 && !has_path_before(m, route); class ++) {
            char code[8];
            const uint64_t count = count_replies(m, route, class);
            (void)snprintf(code, sizeof(code), "%uxx", class);
            if (count > 0) {
                tide_prometheus_sample(text,
                                       TIDE_INSTRUMENT_HTTP_REQUESTS,
                                       TIDE_LABELS(route_path(m, route), tide_view_of(code)),
                                       count);
            }
        }
    }
    tide_prometheus_family(text, TIDE_INSTRUMENT_HTTP_REQUEST_DURATION);
    for (size_t route = 0; route <= m->route_count; route++) {
        if (!has_path_before(m, route)) {
            const struct tide_histogram_reading reading = read_durations(m, route);
            tide_prometheus_histogram(text,
                                      TIDE_INSTRUMENT_HTTP_REQUEST_DURATION,
                                      TIDE_LABELS(route_path(m, route)),
                                      &reading);
        }
    }
}

static void write_collector(const struct tide_service_metrics *m, struct tide_bytes *text)
{
    const struct tide_collector_facts facts = tide_collector_facts(m->collector);
    tide_prometheus_single(text, TIDE_INSTRUMENT_COLLECTOR_BODIES, facts.bodies);
    tide_prometheus_single(text, TIDE_INSTRUMENT_COLLECTOR_BODIES_REFUSED, facts.bodies_refused);
    tide_prometheus_single(text, TIDE_INSTRUMENT_COLLECTOR_BODIES_REPEATED, facts.bodies_repeated);
    tide_prometheus_single(text, TIDE_INSTRUMENT_COLLECTOR_EVENTS_ACCEPTED, facts.events_accepted);
    tide_prometheus_single(text, TIDE_INSTRUMENT_COLLECTOR_EVENTS_REJECTED, facts.events_rejected);
}

static void write_turned_away(const struct tide_admission *admission, struct tide_bytes *text)
{
    const struct tide_admission_facts facts =
        admission == NULL ? (struct tide_admission_facts){0} : tide_admission_facts(admission);
    const struct {
        const char *why;
        uint64_t count;
    } rows[] = {{"key", facts.unauthorized},
                {"address_limit", facts.limited_by_address},
                {"key_limit", facts.limited_by_key}};
    tide_prometheus_family(text, TIDE_INSTRUMENT_COLLECTOR_TURNED_AWAY);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tide_prometheus_sample(text,
                               TIDE_INSTRUMENT_COLLECTOR_TURNED_AWAY,
                               TIDE_LABELS(tide_view_of(rows[i].why)),
                               rows[i].count);
    }
}

static uint64_t read_records(const struct tide_produce_topic *topic)
{
    return atomic_load(&topic->records);
}

static uint64_t read_bytes(const struct tide_produce_topic *topic)
{
    return atomic_load(&topic->bytes);
}

static uint64_t read_failures(const struct tide_produce_topic *topic)
{
    return atomic_load(&topic->failures);
}

static void write_produce(const struct tide_produce_meter *meter, struct tide_bytes *text)
{
    static const struct {
        enum tide_instrument instrument;
        uint64_t (*read)(const struct tide_produce_topic *topic);
    } counters[] = {
        {TIDE_INSTRUMENT_PRODUCED_RECORDS, read_records},
        {TIDE_INSTRUMENT_PRODUCED_BYTES, read_bytes},
        {TIDE_INSTRUMENT_PRODUCE_FAILURES, read_failures},
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        tide_prometheus_family(text, counters[i].instrument);
        for (uint32_t t = 0; t < meter->topic_count; t++) {
            tide_prometheus_sample(text,
                                   counters[i].instrument,
                                   TIDE_LABELS(tide_view_of(meter->topics[t].name)),
                                   counters[i].read(&meter->topics[t]));
        }
    }
    tide_prometheus_family(text, TIDE_INSTRUMENT_PRODUCE_DURATION);
    for (uint32_t t = 0; t < meter->topic_count; t++) {
        struct tide_histogram_reading reading = {0};
        tide_histogram_read(&meter->topics[t].elapsed, &reading);
        tide_prometheus_histogram(text,
                                  TIDE_INSTRUMENT_PRODUCE_DURATION,
                                  TIDE_LABELS(tide_view_of(meter->topics[t].name)),
                                  &reading);
    }
}

static void write_publish(const struct tide_service_metrics *m, struct tide_bytes *text)
{
    const struct tide_publisher_facts facts = tide_publisher_facts(m->publish->publisher);
    tide_prometheus_single(text, TIDE_INSTRUMENT_PUBLISHED_CELLS, facts.cells);
    tide_prometheus_single(text, TIDE_INSTRUMENT_PUBLISH_FAILURES, facts.failures);
    tide_prometheus_single(text, TIDE_INSTRUMENT_PUBLISH_LEFT_OUT, facts.left_out);
}

static void write_topics(const struct tide_service_metrics *m, struct tide_bytes *text)
{
    const struct tide_topics_collector_facts facts = tide_topics_collector_facts(m->topics);
    tide_prometheus_single(text, TIDE_INSTRUMENT_TOPIC_MESSAGES, facts.messages);
    tide_prometheus_single(text, TIDE_INSTRUMENT_TOPIC_EVENTS_ACCEPTED, facts.events_accepted);
    tide_prometheus_single(text, TIDE_INSTRUMENT_TOPIC_EVENTS_REJECTED, facts.events_rejected);
    tide_prometheus_single(text, TIDE_INSTRUMENT_TOPIC_WAITS, facts.waits);
}

static void write_kafka(const struct tide_service_metrics *m, struct tide_bytes *text)
{
    const struct tide_kafka_log_facts facts = tide_kafka_log_facts(&m->log);
    tide_prometheus_single(text, TIDE_INSTRUMENT_KAFKA_CONSUMED, facts.consumed);
    tide_prometheus_single(text, TIDE_INSTRUMENT_KAFKA_DUPLICATES, facts.duplicates_dropped);
    tide_prometheus_single(text, TIDE_INSTRUMENT_KAFKA_SKIPPED, facts.offsets_skipped);
    tide_prometheus_single(text, TIDE_INSTRUMENT_KAFKA_FETCH_ERRORS, facts.fetch_errors);
}

static void write_embedded(const struct tide_service_metrics *m, struct tide_bytes *text)
{
    const struct tide_segment_log_facts facts = tide_segment_log_facts(&m->log);
    struct tide_histogram_reading syncs = {0};
    tide_histogram_read(&m->produce.syncs, &syncs);
    tide_prometheus_single(text, TIDE_INSTRUMENT_LOG_SYNCS, facts.sync_count);
    tide_prometheus_family(text, TIDE_INSTRUMENT_LOG_SYNC_DURATION);
    tide_prometheus_histogram(text, TIDE_INSTRUMENT_LOG_SYNC_DURATION, NULL, &syncs);
    tide_prometheus_single(text, TIDE_INSTRUMENT_LOG_BYTES, facts.stream_bytes);
}

static void write_log(const struct tide_service_metrics *m, struct tide_bytes *text)
{
    if (m->publish != NULL && m->publish->publisher != NULL) {
        write_publish(m, text);
    }
    if (m->topics != NULL) {
        write_topics(m, text);
    }
    if (m->log_is_kafka) {
        write_kafka(m, text);
    } else {
        write_embedded(m, text);
    }
    tide_prometheus_single(
        text, TIDE_INSTRUMENT_LOG_PENDING_BYTES, m->log.operations->pending_bytes(m->log.self));
}

static void write_daily(const struct tide_daily *daily, struct tide_bytes *text)
{
    const struct tide_daily_facts facts = tide_daily_facts(daily);
    const int64_t success_us = tide_instant_known(facts.last_success) ? facts.last_success.us : 0;
    tide_prometheus_family(text, TIDE_INSTRUMENT_BATCH_RUNS);
    tide_prometheus_sample(
        text, TIDE_INSTRUMENT_BATCH_RUNS, TIDE_LABELS(TIDE_VIEW("success")), facts.successes);
    tide_prometheus_sample(
        text, TIDE_INSTRUMENT_BATCH_RUNS, TIDE_LABELS(TIDE_VIEW("failure")), facts.failures);
    tide_prometheus_single(text, TIDE_INSTRUMENT_BATCH_RUNNING, facts.is_running);
    tide_prometheus_single_seconds(text, TIDE_INSTRUMENT_BATCH_LAST_SUCCESS, success_us);
    tide_prometheus_single_seconds(
        text, TIDE_INSTRUMENT_BATCH_LAST_DURATION, facts.last_duration.us);
}

static void write_process(const struct tide_service_metrics *m, struct tide_bytes *text)
{
    const struct tide_view places[] = {TIDE_VIEW("data"), TIDE_VIEW("lake")};
    const char *const paths[] = {m->data, m->lake};
    struct tide_io_space spaces[2] = {0};
    bool is_known[2];
    const struct tide_io_usage usage = tide_io_os_usage();
    for (int i = 0; i < 2; i++) {
        is_known[i] = paths[i] != NULL && tide_io_os_space(paths[i], &spaces[i], NULL) == TIDE_OK;
    }
    tide_prometheus_family(text, TIDE_INSTRUMENT_DISK_FREE_BYTES);
    for (int i = 0; i < 2; i++) {
        if (is_known[i]) {
            tide_prometheus_sample(text,
                                   TIDE_INSTRUMENT_DISK_FREE_BYTES,
                                   TIDE_LABELS(places[i]),
                                   spaces[i].free_bytes);
        }
    }
    tide_prometheus_family(text, TIDE_INSTRUMENT_DISK_SIZE_BYTES);
    for (int i = 0; i < 2; i++) {
        if (is_known[i]) {
            tide_prometheus_sample(text,
                                   TIDE_INSTRUMENT_DISK_SIZE_BYTES,
                                   TIDE_LABELS(places[i]),
                                   spaces[i].size_bytes);
        }
    }
    tide_prometheus_single_seconds(text, TIDE_INSTRUMENT_PROCESS_CPU, (int64_t)usage.processor_us);
    tide_prometheus_single(text, TIDE_INSTRUMENT_PROCESS_RESIDENT, usage.resident_bytes);
    tide_prometheus_single_seconds(text, TIDE_INSTRUMENT_PROCESS_START, m->started.us);
}

void tide_service_metrics_write(void *context, struct tide_bytes *text)
{
    const struct tide_service_metrics *m = context;
    write_collector(m, text);
    write_turned_away(m->admission, text);
    write_produce(&m->produce, text);
    write_log(m, text);
    if (m->daily != NULL) {
        write_daily(m->daily, text);
    }
    write_requests(m, text);
    write_process(m, text);
}
