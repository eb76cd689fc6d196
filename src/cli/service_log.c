#include "cli/service_log.h"

#include "base/assert.h"
#include "base/logline.h"
#include "cli/kafka_setup.h"
#include "log/segment.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 1 << 20,
    PATH_BYTES_MAX = 4096,
};

struct tide_view tide_service_log_name(const struct tide_config *config)
{
    return config->kafka.log_brokers.size > 0 ? TIDE_VIEW("kafka") : TIDE_VIEW("embedded");
}

static enum tide_status open_embedded(const struct tide_config *config,
                                      struct tide_service_log *log,
                                      struct tide_error *error)
{
    char directory[PATH_BYTES_MAX + sizeof("/log")];
    snprintf(directory, sizeof(directory), "%.*s/log", TIDE_VIEW_ARGUMENTS(config->data));
    struct tide_segment_log_options options = tide_segment_log_options_default();
    options.io = tide_io_os();
    options.directory = directory;
    options.partition_count = tide_config_partitions(config);
    options.segment_bytes = config->segment_bytes;
    options.pending_bytes_max = TIDE_SERVICE_LOG_PENDING_BYTES_MAX;
    log->commit_delay = config->commit;
    enum tide_status status = tide_segment_log_open(&options, &log->log, error);
    if (status != TIDE_OK) {
        return status;
    }
    struct tide_segment_log_facts facts = tide_segment_log_facts(&log->log);
    if (facts.torn_bytes > 0) {
        tide_logline(TIDE_LOGLINE_WARNING,
                     "log",
                     "dropped %" PRIu64 " bytes of a torn tail that was never acknowledged",
                     facts.torn_bytes);
    }
    return TIDE_OK;
}

static enum tide_status open_kafka(const struct tide_config *config,
                                   struct tide_produce_meter *meter,
                                   void (*readable)(void *context),
                                   void *context,
                                   struct tide_service_log *log,
                                   struct tide_error *error)
{
    struct tide_kafka_log_options options = tide_kafka_log_options_default();
    const char *topics[TIDE_KAFKA_TOPICS_MAX];
    struct tide_view group = config->kafka.log_group;
    options.topics = topics;
    options.partition_count = tide_config_partitions(config);
    options.pending_bytes_max = TIDE_SERVICE_LOG_PENDING_BYTES_MAX;
    options.meter = meter;
    options.clock = tide_clock_os();
    options.readable = readable;
    options.context = context;
    if (group.size > 0) {
        struct tide_view kept = tide_arena_copy(&log->arena, group);
        if (kept.data == NULL) {
            return tide_error_set(error, TIDE_RETRY, "out of memory");
        }
        options.group = kept.data;
    }
    enum tide_status status = tide_kafka_setup_cluster(&log->arena,
                                                       config->kafka.log_brokers,
                                                       config->kafka.log_properties,
                                                       &options.cluster,
                                                       error);
    if (status == TIDE_OK) {
        status = tide_kafka_setup_topics(
            &log->arena, config->kafka.log_topics, topics, &options.topic_count, error);
    }
    if (status == TIDE_OK) {
        status = tide_kafka_setup_route(
            &log->arena, config, topics, options.topic_count, &log->route, error);
    }
    if (status == TIDE_OK) {
        status = tide_kafka_log_open(&options, &log->log, error);
    }
    log->topics = &log->route;
    log->has_one_topic = options.topic_count == 1;
    return status;
}

enum tide_status tide_service_log_open(const struct tide_config *config,
                                       struct tide_produce_meter *meter,
                                       void (*readable)(void *context),
                                       void *context,
                                       struct tide_service_log *log,
                                       struct tide_error *error)
{
    *log = (struct tide_service_log){.is_kafka = config->kafka.log_brokers.size > 0};
    tide_arena_init(&log->arena, ARENA_BYTES_MAX);
    return log->is_kafka ? open_kafka(config, meter, readable, context, log, error)
                         : open_embedded(config, log, error);
}

static enum tide_status recall(void *context,
                               uint32_t partition,
                               struct tide_view note,
                               struct tide_error *error)
{
    const struct tide_log *log = context;
    return log->operations->recall(log->self, partition, note, error);
}

enum tide_status tide_service_log_recall(struct tide_service_log *log,
                                         struct tide_checkpointer *checkpointer,
                                         struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    if (log->log.operations->recall == NULL) {
        return TIDE_OK;
    }
    for (uint32_t p = 0; p < log->log.partition_count && status == TIDE_OK; p++) {
        status =
            tide_checkpointer_notes(checkpointer, p, log->has_one_topic, recall, &log->log, error);
    }
    return status;
}

void tide_service_log_committed(const struct tide_service_log *log)
{
    if (log->is_kafka) {
        tide_kafka_log_committed(&log->log);
    }
}

void tide_service_log_close(struct tide_service_log *log)
{
    if (log->log.operations != NULL) {
        log->log.operations->close(log->log.self);
    }
    tide_arena_release(&log->arena);
    *log = (struct tide_service_log){0};
}
