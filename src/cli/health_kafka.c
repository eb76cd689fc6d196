/* Topics of the log, of foreign collection and of what is published. */
#include "cli/health_probe.h"
#include "cli/kafka_setup.h"
#include "log/kafka_health.h"

#include <string.h>

#include "base/banned.h"

struct ask {
    struct tide_kafka_cluster cluster;
    const char *topics[TIDE_KAFKA_TOPICS_MAX];
    uint32_t topic_count;
    const char *group;
};

static const char *terminated(struct tide_health_probe *probe, struct tide_view text)
{
    return text.size == 0 ? NULL : tide_health_text(probe, "%.*s", TIDE_VIEW_ARGUMENTS(text)).data;
}

static enum tide_status prepare(struct tide_health_probe *probe,
                                struct ask *ask,
                                struct tide_error *error)
{
    const struct tide_kafka_config *kafka = &probe->config->kafka;
    struct tide_view brokers = kafka->log_brokers;
    struct tide_view properties = kafka->log_properties;
    struct tide_view topics = kafka->log_topics;
    struct tide_view group = kafka->log_group;
    if (strcmp(probe->part, "collect") == 0) {
        brokers = kafka->collect_brokers;
        properties = kafka->collect_properties;
        topics = kafka->collect_topics;
        group = kafka->collect_group;
    } else if (strcmp(probe->part, "publish") == 0) {
        brokers = kafka->publish_brokers;
        properties = kafka->publish_properties;
        topics = tide_health_text(probe,
                                  "%.*s,%.*s",
                                  TIDE_VIEW_ARGUMENTS(kafka->publish_topic),
                                  TIDE_VIEW_ARGUMENTS(kafka->publish_journeys));
        group = (struct tide_view){0};
    }
    ask->group = terminated(probe, group);
    const enum tide_status status =
        tide_kafka_setup_cluster(&probe->arena, brokers, properties, &ask->cluster, error);
    return status == TIDE_OK ? tide_kafka_setup_topics(
                                   &probe->arena, topics, ask->topics, &ask->topic_count, error)
                             : status;
}

static void judge_topic(struct tide_health_probe *probe,
                        struct tide_health_row *row,
                        const struct tide_kafka_topic_health *topic)
{
    if (!topic->is_there) {
        tide_health_worsen(row,
                           TIDE_HEALTH_DOWN,
                           TIDE_VIEW("there is no such topic; `tidemark kafka init` makes it"));
        return;
    }
    if (topic->leaderless_count > 0) {
        tide_health_worsen(
            row,
            TIDE_HEALTH_DOWN,
            tide_health_text(probe, "%u partitions have no leader", topic->leaderless_count));
    } else if (topic->under_replicated_count > 0) {
        tide_health_worsen(row,
                           TIDE_HEALTH_DEGRADED,
                           tide_health_text(probe,
                                            "%u partitions are under-replicated",
                                            topic->under_replicated_count));
    }
    tide_health_add_number(row, "partitions", topic->partition_count);
    tide_health_add_number(row, "replicas", topic->replica_count);
    tide_health_add_number(row, "in_sync", topic->in_sync_count);
    if (topic->lag >= 0) {
        row->lag = topic->lag;
        row->lag_unit = "records";
    }
}

static void add_rows(struct tide_health_probe *probe,
                     const struct ask *ask,
                     const struct tide_kafka_health *health)
{
    struct tide_health_row *main_row = &probe->report.rows[0];
    tide_health_add_number(main_row, "brokers", health->broker_count);
    if (health->missing_count > 0) {
        tide_health_worsen(main_row,
                           TIDE_HEALTH_DEGRADED,
                           tide_health_text(probe,
                                            "%u of %u brokers are gone",
                                            health->missing_count,
                                            health->missing_count + health->broker_count));
    }
    for (uint32_t t = 0; t < ask->topic_count; t++) {
        struct tide_health_row *row = tide_health_add_row(&probe->report, probe->part);
        row->name = tide_view_of(ask->topics[t]);
        judge_topic(probe, row, &health->topics[t]);
    }
}

void tide_health_ask_kafka(struct tide_health_probe *probe)
{
    struct tide_health_row *row = tide_health_add_row(&probe->report, probe->part);
    struct ask ask = {.topic_count = 0};
    struct tide_kafka_health health;
    struct tide_error error = {0};
    enum tide_status status = prepare(probe, &ask, &error);
    if (status == TIDE_OK) {
        const struct tide_kafka_health_options options = {.cluster = ask.cluster,
                                                          .topics = ask.topics,
                                                          .topic_count = ask.topic_count,
                                                          .group = ask.group,
                                                          .timeout = probe->timeout};
        row->where = tide_health_text(probe, "Kafka %s", ask.cluster.brokers);
        status = tide_kafka_health_ask(&options, &health, &error);
    }
    if (status == TIDE_OK) {
        add_rows(probe, &ask, &health);
    } else {
        tide_health_worsen(row, TIDE_HEALTH_DOWN, tide_health_text(probe, "%s", error.text));
    }
}
