/* tidemark run: the service. Everything is opened in the order of its dependencies, closed in the
 * opposite one; main waits for a signal. */
#include "base/assert.h"
#include "base/logline.h"
#include "cli/config.h"
#include "cli/kafka_setup.h"
#include "cli/lake_stack.h"
#include "cli/lake_tools.h"
#include "cli/service_door.h"
#include "cli/service_log.h"
#include "cli/service_metrics.h"
#include "cli/service_publish.h"
#include "collect/collector.h"
#include "collect/topics.h"
#include "http/server.h"
#include "log/committer.h"
#include "process/engine.h"
#include "process/housekeeper.h"
#include "process/journeys.h"
#include "serve/alerts.h"
#include "serve/api.h"
#include "serve/live.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    PATH_BYTES_MAX = 4096,
    HTTP_THREADS = 2,
    BODIES_AT_ONCE = 16,
    RECEIPTS_MAX = 4096,
    ROUTES_MAX = 32,
};
static const struct tide_duration idle_after = {10 * 1000000};
static const struct tide_duration receipts_keep = {3600 * INT64_C(1000000)};
static const struct tide_duration housekeeping_work = {5 * 1000000};

struct service {
    const struct tide_invocation *invocation;
    struct tide_config config;
    struct tide_lake_stack lake;
    struct tide_file lock;
    struct tide_service_log log;
    struct tide_committer *committer;
    struct tide_handover *handover; /* NULL: not wanted, or others append to the log too */
    struct tide_engine *engine;
    struct tide_lake_tools tools;
    struct tide_housekeeper *keeper;
    struct tide_collector *collector;
    struct tide_service_door door;
    struct tide_topics_collector *topics; /* NULL: no foreign topics */
    struct tide_generations *generations;
    struct tide_alert_engine alert_engine;
    struct tide_alerts *alerts;
    struct tide_daily *daily; /* NULL: not wanted */
    char data_path[PATH_BYTES_MAX];
    char alerts_path[PATH_BYTES_MAX + sizeof("/alerts.json")];
    struct tide_metric_values *values;
    struct tide_api *api;
    struct tide_http_server *server;
    struct tide_http_route routes[ROUTES_MAX];
    struct tide_service_metrics metrics;
    struct tide_service_publish publish;
    pthread_mutex_t notified_mutex; /* guards the next: who notifies holds the engine back */
    struct tide_engine *notified;   /* the engine, while it may be told of new records */
    _Atomic bool failed;
    _Atomic bool ready;
};

/* ---- what other threads tell */

static void fail_service(struct service *service, const char *room, const struct tide_error *error)
{
    if (!atomic_exchange(&service->failed, true)) {
        tide_logline(TIDE_LOGLINE_ERROR, room, "stopping: %s", error->text);
        kill(getpid(), SIGTERM); /* main waits for signals */
    }
}

static void log_readable(void *context)
{
    struct service *service = context;
    pthread_mutex_lock(&service->notified_mutex);
    if (service->notified != NULL) {
        tide_engine_notify(service->notified);
    }
    pthread_mutex_unlock(&service->notified_mutex);
}

static void notify_from_now_on(struct service *service, struct tide_engine *engine)
{
    pthread_mutex_lock(&service->notified_mutex);
    service->notified = engine;
    pthread_mutex_unlock(&service->notified_mutex);
}

static void log_synced(void *context, enum tide_status status, const struct tide_error *error)
{
    if (status == TIDE_FATAL) {
        fail_service(context, "log", error);
    } else {
        log_readable(context);
    }
}

static enum tide_status journeys_coming(void *context,
                                        const struct tide_rows *rows,
                                        struct tide_error *error)
{
    struct service *service = context;
    return tide_service_publish_journeys(&service->publish, rows, error);
}

static void epochs_committed(void *context)
{
    const struct service *service = context;
    tide_service_log_committed(&service->log);
}

static void engine_failed(void *context, const struct tide_error *error)
{
    fail_service(context, "process", error);
}

static void publish_journeys(void *context, const struct tide_rows *rows)
{
    const struct service *service = context;
    struct tide_bytes line = {0};
    for (uint32_t row = 0; service->config.publish_console && row < tide_rows_count(rows); row++) {
        tide_bytes_reset(&line);
        tide_journey_write_json(rows, row, &line);
        tide_bytes_append_byte(&line, '\n');
        if (!line.failed) {
            (void)fwrite(line.data, 1, line.size, stdout);
        }
    }
    (void)fflush(stdout);
    tide_bytes_release(&line);
}

static enum tide_status append_to_log(void *context,
                                      struct tide_log_append *append,
                                      struct tide_error *error)
{
    struct service *service = context;
    return tide_committer_append(service->committer, append, error);
}

static bool is_ready(void *context)
{
    struct service *service = context;
    return atomic_load(&service->ready) && !atomic_load(&service->failed);
}

/* ---- opening, room by room */

static enum tide_arrival arrival_of(const struct tide_config *config)
{
    return config->trust_received ? TIDE_ARRIVAL_TRUSTED : TIDE_ARRIVAL_LIVE;
}

static enum tide_status open_lake(struct service *service, struct tide_error *error)
{
    const struct tide_config *config = &service->config;
    char *data = service->data_path;
    char lock[PATH_BYTES_MAX + sizeof("/lock")];
    if (config->data.size >= sizeof(service->data_path)) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the path of data has %zu bytes, limit %zu",
                              config->data.size,
                              sizeof(service->data_path) - 1);
    }
    snprintf(data, sizeof(service->data_path), "%.*s", TIDE_VIEW_ARGUMENTS(config->data));
    snprintf(lock, sizeof(lock), "%s/lock", data);
    struct tide_io io = tide_io_os();
    enum tide_status status = io.operations->make_directory(io.self, data, error);
    if (status == TIDE_OK) {
        status = tide_io_os_lock(lock, &service->lock, error);
    }
    if (status == TIDE_OK) {
        const struct tide_lake_stack_options options = {
            .place = {.config = config, .url = config->lake_url, .is_service = true},
            .data_directory = data,
            .schema = config->definitions->schema,
            .partition_count = tide_config_partitions(config),
            .arrival = arrival_of(config)};
        status = tide_lake_stack_open(&options, &service->lake, error);
    }
    return status;
}

static enum tide_status open_log(struct service *service, struct tide_error *error)
{
    enum tide_status status = tide_service_log_open(
        &service->config, &service->metrics.produce, log_readable, service, &service->log, error);
    if (status == TIDE_OK) {
        status = tide_service_log_recall(&service->log, service->lake.checkpointer, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    struct tide_committer_options committer = {.log = service->log.log,
                                               .clock = tide_clock_os(),
                                               .commit_delay = service->log.commit_delay,
                                               .synced = log_synced,
                                               .context = service,
                                               .meter = service->log.is_kafka
                                                            ? NULL /* it meters each topic itself */
                                                            : &service->metrics.produce};
    if (!service->log.is_kafka) {
        committer.meter_topic = tide_produce_meter_topic(&service->metrics.produce, "embedded");
    }
    return tide_committer_start(&committer, &service->committer, error);
}

/* Between the collectors and the workers of this process: where the log is Kafka, its readers give
 * the offsets, and nothing is handed over. */
static enum tide_status create_handover(struct service *service, struct tide_error *error)
{
    const struct tide_config *config = &service->config;
    const struct tide_handover_options options = {
        .partition_count = tide_config_partitions(config),
        .image_size = tide_row_image_size(config->definitions->schema),
        .bytes_max = (size_t)config->handover,
    };
    if (config->handover == 0 || service->log.is_kafka) {
        return TIDE_OK;
    }
    enum tide_status status = tide_handover_create(&options, &service->handover, error);
    if (status != TIDE_OK) {
        tide_error_prefix(error, "process.handover");
    }
    return status;
}

static uint32_t worker_count(const struct tide_config *config)
{
    uint64_t count = config->workers;
    if (count == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        count = cores > 0 ? (uint64_t)cores : 1;
    }
    uint32_t partitions = tide_config_partitions(config);
    return count < partitions ? (uint32_t)count : partitions;
}

static enum tide_status open_publish(struct service *service, struct tide_error *error)
{
    return tide_service_publish_open(&service->config, &service->publish, error);
}

static enum tide_status start_publish(struct service *service, struct tide_error *error)
{
    service->metrics.publish = &service->publish;
    return tide_service_publish_start(&service->config, service->api, &service->publish, error);
}

static enum tide_status start_engine(struct service *service, struct tide_error *error)
{
    const struct tide_config *config = &service->config;
    struct tide_operator_limits limits = tide_operator_limits_default();
    limits.cells_max = (uint32_t)config->cells_max;
    struct tide_engine_options options = {.definitions = config->definitions,
                                          .log = service->log.log,
                                          .clock = tide_clock_os(),
                                          .arrival = arrival_of(config),
                                          .limits = limits,
                                          .seed = tide_identity_seed(&service->lake.identity),
                                          .worker_count = worker_count(config),
                                          .handover = service->handover,
                                          .checkpointer = service->lake.checkpointer,
                                          .checkpoint_interval = config->checkpoint,
                                          .idle_after = idle_after,
                                          .rows_bytes_max = config->memory,
                                          .journeys = publish_journeys,
                                          .journeys_coming = journeys_coming,
                                          .committed = epochs_committed,
                                          .failed = engine_failed,
                                          .context = service};
    memcpy(options.layouts, service->lake.layouts, sizeof(options.layouts));
    if (!config->lake_raw) {
        options.layouts[TIDE_TABLE_RAW] = NULL;
    }
    enum tide_status status = tide_engine_start(&options, &service->engine, error);
    if (status == TIDE_OK) {
        notify_from_now_on(service, service->engine);
    }
    return status;
}

static enum tide_status create_collector(struct service *service, struct tide_error *error)
{
    const struct tide_config *config = &service->config;
    struct tide_collector_options options = {.schema = config->definitions->schema,
                                             .seed = tide_identity_seed(&service->lake.identity),
                                             .partition_count = tide_config_partitions(config),
                                             .arrival = arrival_of(config),
                                             .clock = tide_clock_os(),
                                             .topics = service->log.topics,
                                             .parallel_max = BODIES_AT_ONCE,
                                             .receipts_max = RECEIPTS_MAX,
                                             .receipts_keep = receipts_keep,
                                             .append = append_to_log,
                                             .append_context = service,
                                             .handover = service->handover};
    return tide_collector_create(&options, &service->collector, error);
}

static enum tide_status open_door(struct service *service, struct tide_error *error)
{
    return tide_service_door_open(&service->config, &service->door, error);
}

static void topics_failed(void *context, const struct tide_error *error)
{
    fail_service(context, "collect", error);
}

static enum tide_status start_topics(struct service *service, struct tide_error *error)
{
    const struct tide_config *config = &service->config;
    const char *names[TIDE_KAFKA_TOPICS_MAX];
    struct tide_arena *arena = &service->log.arena;
    struct tide_view group = tide_arena_copy(arena, config->kafka.collect_group);
    struct tide_topics_collector_options options = {
        .source = {.topics = names, .group = group.data},
        .intake = {.schema = config->definitions->schema,
                   .seed = tide_identity_seed(&service->lake.identity),
                   .partition_count = tide_config_partitions(config),
                   .arrival = arrival_of(config),
                   .topics = service->log.topics,
                   .handover = service->handover},
        .clock = tide_clock_os(),
        .append = append_to_log,
        .append_context = service,
        .failed = topics_failed,
        .context = service,
    };
    if (config->kafka.collect_brokers.size == 0) {
        return TIDE_OK;
    }
    if (group.data == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory");
    }
    enum tide_status status = tide_kafka_setup_cluster(arena,
                                                       config->kafka.collect_brokers,
                                                       config->kafka.collect_properties,
                                                       &options.source.cluster,
                                                       error);
    if (status == TIDE_OK) {
        status = tide_kafka_setup_topics(
            arena, config->kafka.collect_topics, names, &options.source.topic_count, error);
    }
    return status == TIDE_OK ? tide_topics_collector_start(&options, &service->topics, error)
                             : status;
}

static enum tide_status open_generations(struct service *service, struct tide_error *error)
{
    struct tide_generations_options options = tide_generations_options_default();
    options.clock = tide_clock_os();
    options.store = service->lake.place.store;
    options.definitions = service->config.definitions;
    options.partition_count = tide_config_partitions(&service->config);
    return tide_generations_create(&options, &service->generations, error);
}

/* There is nothing to do, so the disk and a core may do something else. */
static bool is_quiet(void *context)
{
    const struct service *service = context;
    const struct tide_engine_facts facts = tide_engine_facts(service->engine);
    return facts.caught_up && facts.records_behind == 0;
}

static enum tide_status start_keeper(struct service *service, struct tide_error *error)
{
    const struct tide_config *config = &service->config;
    if (config->compact_every.us == 0) {
        return TIDE_OK;
    }
    const char *scratch = tide_bytes_terminated(&service->lake.place.scratch);
    enum tide_status status = tide_lake_tools_open(service->lake.place.store,
                                                   &service->lake.identity,
                                                   config->definitions->schema,
                                                   scratch,
                                                   &service->tools,
                                                   error);
    struct tide_housekeeper_options options = {.rewriter = service->tools.rewriter,
                                               .partition_count = tide_config_partitions(config),
                                               .every = config->compact_every,
                                               .work = housekeeping_work,
                                               .target_bytes = config->compact_target,
                                               .files_min = (uint32_t)config->compact_files,
                                               .keep_log = config->keep_log,
                                               .vacuum_older = config->vacuum_after,
                                               .is_quiet = is_quiet,
                                               .context = service};
    for (int t = 0; status == TIDE_OK && t < TIDE_TABLE_ALL_COUNT; t++) {
        options.tables[t] = tide_lake_tools_table(&service->tools, (enum tide_table)t);
        options.keep[t] = tide_lake_tools_keep(config, (enum tide_table)t);
    }
    if (status == TIDE_OK) {
        status = tide_housekeeper_create(&options, &service->keeper, error);
    }
    return status == TIDE_OK ? tide_housekeeper_start(service->keeper, error) : status;
}

static bool want_webhook(const struct tide_definitions *definitions)
{
    bool is_wanted = false;
    for (uint32_t i = 0; i < definitions->alert_count; i++) {
        is_wanted = is_wanted || (definitions->alerts[i].sinks & TIDE_ALERT_SINK_WEBHOOK) != 0;
    }
    return is_wanted;
}

static enum tide_status start_alerts(struct service *service, struct tide_error *error)
{
    const struct tide_config *config = &service->config;
    (void)snprintf(service->alerts_path,
                   sizeof(service->alerts_path),
                   "%.*s/alerts.json",
                   TIDE_VIEW_ARGUMENTS(config->data));
    service->alert_engine = (struct tide_alert_engine){
        service->engine, config->definitions, tide_config_partitions(config)};
    struct tide_alerts_options options = {.definitions = config->definitions,
                                          .source = tide_alert_source_of(&service->alert_engine),
                                          .io = tide_io_os(),
                                          .path = service->alerts_path,
                                          .pipeline = config->pipeline,
                                          .interval = config->notify_interval,
                                          .webhook = tide_webhook_options_default()};
    if (config->webhook_url.size == 0 && want_webhook(config->definitions)) {
        tide_logline(TIDE_LOGLINE_INFO,
                     "alert",
                     "notify.webhook.url is not set: alerts are told in the log only");
    }
    options.webhook.url = config->webhook_url;
    options.webhook.secret = config->webhook_secret;
    options.webhook.clock = tide_clock_os();
    options.webhook.io = tide_io_os();
    enum tide_status status = tide_alerts_create(&options, &service->alerts, error);
    return status == TIDE_OK ? tide_alerts_start(service->alerts, error) : status;
}

static enum tide_status start_daily(struct service *service, struct tide_error *error)
{
    const struct tide_daily_options options = {.invocation = service->invocation,
                                               .config = &service->config,
                                               .io = tide_io_os(),
                                               .clock = tide_clock_os()};
    return service->config.daily.at.size == 0 ? TIDE_OK
                                              : tide_daily_start(&options, &service->daily, error);
}

static enum tide_status create_api(struct service *service, struct tide_error *error)
{
    const struct tide_config *config = &service->config;
    service->metrics.collector = service->collector;
    service->metrics.admission = service->door.admission;
    service->metrics.topics = service->topics;
    service->metrics.log = service->log.log;
    service->metrics.daily = service->daily;
    service->metrics.log_is_kafka = service->log.is_kafka;
    service->metrics.data = service->data_path;
    struct tide_lake_place *place = &service->lake.place;
    const bool is_remote = tide_store_is_remote(tide_bytes_view(&place->url));
    service->metrics.lake = is_remote ? NULL : tide_bytes_terminated(&place->where);
    service->metrics.started = tide_clock_now(tide_clock_os());
    struct tide_metric_values_options values = {.engine = service->engine,
                                                .definitions = config->definitions,
                                                .clock = tide_clock_os(),
                                                .partition_count = tide_config_partitions(config),
                                                .series_max = (uint32_t)config->series_max};
    enum tide_status status = tide_metric_values_create(&values, &service->values, error);
    if (status != TIDE_OK) {
        return status;
    }
    struct tide_api_options options = {.engine = service->engine,
                                       .definitions = config->definitions,
                                       .clock = tide_clock_os(),
                                       .version = tide_version,
                                       .pipeline = config->pipeline,
                                       .started = service->metrics.started,
                                       .listeners_max = (uint32_t)config->listeners_max,
                                       .lake_url = tide_bytes_view(&service->lake.place.url),
                                       .partition_count = tide_config_partitions(config),
                                       .generations = service->generations,
                                       .alerts = service->alerts,
                                       .values = service->values,
                                       .exposition = tide_service_metrics_write,
                                       .exposition_context = &service->metrics,
                                       .ready = is_ready,
                                       .ready_context = service};
    struct tide_io io = tide_io_os();
    io.operations->random(io.self, &options.instance, sizeof(options.instance));
    return tide_api_create(&options, &service->api, error);
}

static enum tide_status start_server(struct service *service, struct tide_error *error)
{
    size_t count = TIDE_COLLECTOR_ROUTES;
    _Static_assert(TIDE_COLLECTOR_ROUTES + TIDE_API_ROUTES <= ROUTES_MAX, "more routes");
    service->door.collector.collector = service->collector;
    tide_collector_routes(&service->door.collector, service->routes);
    tide_api_routes(service->api, service->routes + count);
    tide_service_door_share(&service->door, service->routes + count, TIDE_API_ROUTES);
    count += TIDE_API_ROUTES;
    tide_api_publish(service->api, service->routes, count);
    service->metrics.routes = service->routes;
    service->metrics.route_count = count;
    struct tide_http_server_options options = tide_http_server_options_default();
    options.address = service->config.listen.address;
    options.port = service->config.listen.port;
    options.thread_count = HTTP_THREADS;
    options.routes = service->routes;
    options.route_count = count;
    options.observe = tide_service_metrics_observe;
    options.observe_context = &service->metrics;
    return tide_http_server_start(&options, &service->server, error);
}

static enum tide_status open_service(struct service *service, struct tide_error *error)
{
    static enum tide_status (*const steps[])(struct service *, struct tide_error *) = {
        open_door, /* first: what is wrong here is a person's mistake, and soon found */
        open_lake,
        open_log,
        open_publish,
        create_handover,
        start_engine,
        start_keeper,
        create_collector,
        start_topics,
        open_generations,
        start_alerts,
        start_daily,
        create_api,
        start_publish,
        start_server,
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        enum tide_status status = steps[i](service, error);
        if (status != TIDE_OK) {
            return status;
        }
    }
    atomic_store(&service->ready, true);
    return TIDE_OK;
}

/* ---- closing */

/* No new bodies; what was accepted becomes durable and is answered; the engine empties the log. */
static enum tide_status close_service(struct service *service, struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    struct tide_io io = tide_io_os();
    atomic_store(&service->ready, false);
    if (service->collector != NULL) {
        tide_collector_drain(service->collector);
    }
    if (service->api != NULL) {
        tide_api_hang_up(service->api);
    }
    if (service->server != NULL) {
        tide_http_server_drain(service->server);
    }
    tide_topics_collector_stop(service->topics);
    if (service->committer != NULL) {
        tide_committer_stop(service->committer);
    }
    tide_service_publish_stop(&service->publish);
    if (service->api != NULL) {
        tide_api_drain(service->api);
    }
    if (service->server != NULL) {
        tide_http_server_stop(service->server);
    }
    tide_service_door_close(&service->door);
    tide_api_destroy(service->api);
    tide_metric_values_destroy(service->values);
    tide_generations_destroy(service->generations);
    tide_daily_stop(service->daily);
    tide_alerts_destroy(service->alerts); /* while there is an engine to ask */
    tide_collector_destroy(service->collector);
    tide_housekeeper_destroy(service->keeper);
    tide_lake_tools_close(&service->tools);
    notify_from_now_on(service, NULL); /* Kafka's threads go on until the log is closed */
    if (service->engine != NULL) {
        status = tide_engine_stop(service->engine, error);
    }
    tide_handover_destroy(service->handover);
    tide_service_publish_close(&service->publish);
    tide_lake_stack_close(&service->lake);
    tide_service_log_close(&service->log);
    io.operations->close(io.self, &service->lock);
    return status;
}

/* ---- the command */

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, signals, NULL); /* threads inherit it: only main hears them */
}

static void announce(const struct service *service)
{
    const char *address = service->config.listen.address;
    uint16_t port = tide_http_server_port(service->server);
    const struct tide_definitions *definitions = service->config.definitions;
    tide_logline(TIDE_LOGLINE_INFO,
                 "run",
                 "tidemark %s: schema %.*s, %u metrics, %u alerts, %u partitions, log %.*s, "
                 "lake %.*s",
                 tide_version,
                 TIDE_VIEW_ARGUMENTS(definitions->schema->name),
                 definitions->metric_count,
                 definitions->alert_count,
                 tide_config_partitions(&service->config),
                 TIDE_VIEW_ARGUMENTS(tide_service_log_name(&service->config)),
                 TIDE_VIEW_ARGUMENTS(service->config.lake_url));
    tide_logline(TIDE_LOGLINE_INFO, "run", "listening on http://%s:%u", address, port);
}

/* What the service takes at most, where something could grow: an operator adds it up. */
static void announce_budgets(const struct service *service)
{
    const struct tide_handover *handover = service->handover;
    const double mib = 1 << 20;
    const struct tide_config *config = &service->config;
    const struct tide_http_server_options http = tide_http_server_options_default();
    const struct tide_operator_limits limits = tide_operator_limits_default();
    tide_logline(TIDE_LOGLINE_INFO,
                 "run",
                 "budgets: bodies %.0f MiB on %u connections, %d of them decoded at once in %.0f "
                 "MiB each; waiting for the log %.0f MiB; remembered answers %.0f MiB; events "
                 "handed to workers %.1f MiB",
                 (double)http.body_bytes_held_max / mib,
                 http.connections_max,
                 BODIES_AT_ONCE,
                 TIDE_INTAKE_ARENA_MAX / mib,
                 TIDE_SERVICE_LOG_PENDING_BYTES_MAX / mib,
                 TIDE_COLLECTOR_RECEIPTS_BYTES_MAX / mib,
                 handover == NULL ? 0 : (double)tide_handover_bytes(handover) / mib);
    tide_logline(TIDE_LOGLINE_INFO,
                 "run",
                 "budgets: rows for the lake %.0f MiB; copies of lake files %.0f MiB (on disk); "
                 "replies of the API %.0f MiB; live feed %.0f MiB",
                 (double)config->memory / mib,
                 (double)config->cache_bytes / mib,
                 TIDE_API_REPLY_BYTES_MAX / mib,
                 (TIDE_LIVE_WAITING_BYTES_MAX + TIDE_LIVE_MESSAGE_BYTES_MAX) / mib);
    tide_logline(TIDE_LOGLINE_INFO,
                 "run",
                 "budgets: of a metric in a partition %" PRIu64 " cells (%.0f MiB); events of a "
                 "funnel's key %u (%.0f KiB); without one: identities, entities, sessions, keys of "
                 "funnels",
                 config->cells_max,
                 (double)config->cells_max * (double)tide_operator_cell_bytes() / mib,
                 limits.key_events_max,
                 limits.key_events_max * (double)tide_operator_event_bytes() / 1024);
}

static enum tide_exit serve_until_signal(struct service *service, const sigset_t *signals)
{
    struct tide_error error = {0};
    int signal_number;
    enum tide_status status = open_service(service, &error);
    if (status != TIDE_OK) {
        struct tide_error ignored = {0};
        enum tide_exit exit = tide_fail(tide_exit_of(status), "%s", error.text);
        atomic_store(&service->failed, true);
        (void)close_service(service, &ignored);
        return exit;
    }
    announce_budgets(service);
    announce(service);
    sigwait(signals, &signal_number);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* a second signal ends the process at once */
    if (!atomic_load(&service->failed)) {
        tide_logline(TIDE_LOGLINE_INFO, "run", "draining");
    }
    status = close_service(service, &error);
    if (atomic_load(&service->failed)) {
        return TIDE_EXIT_TEMPORARY; /* start again: the log knows everything that was accepted */
    }
    if (status != TIDE_OK) {
        return tide_fail(
            TIDE_EXIT_TEMPORARY, "not all is in the lake yet, the log keeps it: %s", error.text);
    }
    tide_logline(TIDE_LOGLINE_INFO, "run", "stopped");
    return TIDE_EXIT_OK;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    static struct service service; /* large, and there is one */
    struct tide_arena arena;
    sigset_t signals;
    const char *file = invocation->operand_count > 0 ? invocation->operands[0] : NULL;
    const char *data = tide_invocation_text(invocation, "--data", NULL);
    const char *listen = tide_invocation_text(invocation, "--listen", NULL);
    service.invocation = invocation;
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    (void)pthread_mutex_init(&service.notified_mutex, NULL);
    enum tide_exit exit = tide_config_load(&arena,
                                           invocation,
                                           file,
                                           tide_invocation_text(invocation, "--preset", NULL),
                                           &service.config);
    if (exit == TIDE_EXIT_OK) {
        exit = tide_config_flags(&arena, data, listen, &service.config);
    }
    if (exit == TIDE_EXIT_OK) {
        block_signals(&signals);
        exit = serve_until_signal(&service, &signals);
    }
    tide_arena_release(&arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "sunbird or device; needs no file"},
    {"--data", NULL, "DIR", "log and lake below this directory"},
    {"--listen", NULL, "ADDRESS", "address:port (127.0.0.1:8080); port 0: any free one"},
    {"--metric", NULL, "NAME", "only this metric (repeatable)"},
    {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},
};

const struct tide_command tide_command_run = {
    .name = "run",
    .summary = "the service: collects events, keeps the lake, answers queries",
    .operands = "[FILE]",
    .examples = "  tidemark run --preset sunbird\n"
                "  tidemark run tidemark.yaml --set log.embedded.partitions=4\n"
                "  curl -s http://127.0.0.1:8080/api/v1/metrics/daily_active_users\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1,
    .run = run,
};
