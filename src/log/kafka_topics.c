#include "log/kafka_topics.h"

#include "base/assert.h"
#include "log/kafka_config.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    TIMEOUT_MS = 15000,
    GRACE_MS = 1000, /* for the library to say itself that nobody answered */
    REPLICATION_MAX = 3,
    NUMBER_BYTES_MAX = 24,
};

struct admin {
    const struct tide_kafka_topics_options *options;
    rd_kafka_t *handle;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *request;
    int timeout_ms;
    uint32_t broker_count;
};

static void tell(const struct admin *admin, struct tide_kafka_finding finding)
{
    admin->options->visit(admin->options->context, &finding);
}

static uint32_t replication_of(const struct admin *admin, const struct tide_kafka_topic *topic)
{
    uint32_t most = admin->broker_count < REPLICATION_MAX ? admin->broker_count : REPLICATION_MAX;
    return topic->replication > 0 ? topic->replication : most;
}

/* With two replicas one may be away: writing goes on, and what only the dead one had is lost. With
 * three, two must have a record before it is acknowledged. */
static void format_in_sync(uint32_t replication, char text[NUMBER_BYTES_MAX])
{
    (void)snprintf(text, NUMBER_BYTES_MAX, "%u", replication > 2 ? replication - 1 : 1);
}

/* ---- making one */

static enum tide_status create_answer(const struct admin *admin,
                                      const struct tide_kafka_topic *topic,
                                      struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, admin->timeout_ms + GRACE_MS);
    if (event == NULL) {
        return tide_error_set(
            error, TIDE_RETRY, "no broker answered about topic '%s'", topic->name);
    }
    size_t count = 0;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics =
        result == NULL ? NULL : rd_kafka_CreateTopics_result_topics(result, &count);
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR || count != 1) {
        status = tide_error_set(
            error, TIDE_RETRY, "topic '%s': %s", topic->name, rd_kafka_event_error_string(event));
    } else if (rd_kafka_topic_result_error(topics[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *why = rd_kafka_topic_result_error_string(topics[0]);
        status = tide_error_set(error,
                                TIDE_REJECT,
                                "topic '%s' cannot be made: %s",
                                topic->name,
                                why == NULL ? "the broker gave no reason" : why);
    }
    rd_kafka_event_destroy(event);
    return status;
}

static enum tide_status create(const struct admin *admin,
                               const struct tide_kafka_topic *topic,
                               struct tide_error *error)
{
    char why[256];
    char in_sync[NUMBER_BYTES_MAX];
    uint32_t replication = replication_of(admin, topic);
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(
        topic->name, (int)topic->partitions, (int)replication, why, sizeof(why));
    if (wanted == NULL) {
        return tide_error_set(error, TIDE_REJECT, "topic '%s': %s", topic->name, why);
    }
    format_in_sync(replication, in_sync);
    (void)rd_kafka_NewTopic_set_config(wanted, "min.insync.replicas", in_sync);
    for (uint32_t i = 0; i < topic->setting_count; i++) {
        (void)rd_kafka_NewTopic_set_config(
            wanted, topic->settings[i].name, topic->settings[i].value);
    }
    rd_kafka_CreateTopics(admin->handle, &wanted, 1, admin->request, admin->queue);
    enum tide_status status = create_answer(admin, topic, error);
    rd_kafka_NewTopic_destroy(wanted);
    if (status == TIDE_OK) {
        tell(admin, (struct tide_kafka_finding){TIDE_KAFKA_TOPIC_CREATED, topic->name, 0, 0, 0});
    }
    return status;
}

/* ---- looking at one */

static bool check(const struct admin *admin,
                  const struct tide_kafka_topic *topic,
                  const char *setting,
                  const char *found,
                  const char *wanted)
{
    if (strcmp(found, wanted) == 0) {
        return true;
    }
    struct tide_kafka_finding finding = {
        TIDE_KAFKA_TOPIC_WRONG, topic->name, setting, found, wanted};
    tell(admin, finding);
    return false;
}

static bool check_number(const struct admin *admin,
                         const struct tide_kafka_topic *topic,
                         const char *setting,
                         int found,
                         uint32_t wanted)
{
    char found_text[NUMBER_BYTES_MAX];
    char wanted_text[NUMBER_BYTES_MAX];
    (void)snprintf(found_text, sizeof(found_text), "%d", found);
    (void)snprintf(wanted_text, sizeof(wanted_text), "%u", wanted);
    return check(admin, topic, setting, found_text, wanted_text);
}

static const char *entry_of(const rd_kafka_ConfigEntry_t **entries, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0) {
            return rd_kafka_ConfigEntry_value(entries[i]);
        }
    }
    return NULL;
}

static bool check_settings(const struct admin *admin,
                           const struct tide_kafka_topic *topic,
                           int replication,
                           const rd_kafka_event_t *event)
{
    size_t resource_count = 0;
    size_t count = 0;
    char in_sync[NUMBER_BYTES_MAX];
    bool is_fine = true;
    /* The interface wants an event that it does not change. */
    rd_kafka_event_t *same;
    memcpy(&same, &event, sizeof(same));
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(same);
    const rd_kafka_ConfigResource_t **resources =
        result == NULL ? NULL : rd_kafka_DescribeConfigs_result_resources(result, &resource_count);
    if (resource_count != 1) {
        return true; /* not allowed to see them: nothing can be said */
    }
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[0], &count);
    format_in_sync((uint32_t)replication, in_sync);
    const char *found = entry_of(entries, count, "min.insync.replicas");
    is_fine = found == NULL || check(admin, topic, "min.insync.replicas", found, in_sync);
    for (uint32_t i = 0; i < topic->setting_count; i++) {
        found = entry_of(entries, count, topic->settings[i].name);
        is_fine &= found == NULL ||
                   check(admin, topic, topic->settings[i].name, found, topic->settings[i].value);
    }
    return is_fine;
}

static enum tide_status look(const struct admin *admin,
                             const struct tide_kafka_topic *topic,
                             const struct rd_kafka_metadata_topic *found,
                             struct tide_error *error)
{
    int replication = found->partition_cnt > 0 ? found->partitions[0].replica_cnt : 0;
    bool is_fine =
        check_number(admin, topic, "partitions", found->partition_cnt, topic->partitions);
    is_fine &= check_number(admin, topic, "replication", replication, replication_of(admin, topic));
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic->name);
    rd_kafka_DescribeConfigs(admin->handle, &resource, 1, admin->request, admin->queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, admin->timeout_ms + GRACE_MS);
    rd_kafka_ConfigResource_destroy(resource);
    if (event == NULL) {
        return tide_error_set(
            error, TIDE_RETRY, "no broker answered about topic '%s'", topic->name);
    }
    enum tide_status status = TIDE_OK;
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = tide_error_set(
            error, TIDE_RETRY, "topic '%s': %s", topic->name, rd_kafka_event_error_string(event));
    } else {
        is_fine &= check_settings(admin, topic, replication, event);
    }
    rd_kafka_event_destroy(event);
    if (is_fine && status == TIDE_OK) {
        tell(admin, (struct tide_kafka_finding){TIDE_KAFKA_TOPIC_FINE, topic->name, 0, 0, 0});
    }
    return status;
}

/* ---- all of them */

static const struct rd_kafka_metadata_topic *find(const struct rd_kafka_metadata *metadata,
                                                  const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, name) == 0 && metadata->topics[i].err == 0) {
            return &metadata->topics[i];
        }
    }
    return NULL;
}

static enum tide_status run(struct admin *admin, struct tide_error *error)
{
    const struct tide_kafka_topics_options *options = admin->options;
    const struct rd_kafka_metadata *metadata = NULL;
    enum tide_status status = TIDE_OK;
    rd_kafka_resp_err_t result =
        rd_kafka_metadata(admin->handle, 1, NULL, &metadata, admin->timeout_ms);
    if (result != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return tide_error_set(error, TIDE_RETRY, "no broker answers: %s", rd_kafka_err2str(result));
    }
    admin->broker_count = (uint32_t)metadata->broker_cnt;
    for (uint32_t i = 0; i < options->topic_count && status == TIDE_OK; i++) {
        const struct tide_kafka_topic *topic = &options->topics[i];
        const struct rd_kafka_metadata_topic *found = find(metadata, topic->name);
        if (found != NULL) {
            status = look(admin, topic, found, error);
        } else if (options->creates) {
            status = create(admin, topic, error);
        } else {
            tell(admin,
                 (struct tide_kafka_finding){TIDE_KAFKA_TOPIC_MISSING, topic->name, 0, 0, 0});
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return status;
}

enum tide_status tide_kafka_topics_run(const struct tide_kafka_topics_options *options,
                                       struct tide_error *error)
{
    char why[256];
    struct admin admin = {.options = options,
                          .timeout_ms = options->timeout.us > 0 ? (int)(options->timeout.us / 1000)
                                                                : TIMEOUT_MS};
    rd_kafka_conf_t *conf = NULL;
    enum tide_status status =
        tide_kafka_config_create(&options->cluster, TIDE_KAFKA_PRODUCER, NULL, 0, &conf, error);
    if (status == TIDE_OK) {
        status = tide_kafka_config_open(TIDE_KAFKA_PRODUCER, conf, &admin.handle, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    admin.queue = rd_kafka_queue_new(admin.handle);
    admin.request = rd_kafka_AdminOptions_new(admin.handle, RD_KAFKA_ADMIN_OP_ANY);
    (void)rd_kafka_AdminOptions_set_request_timeout(
        admin.request, admin.timeout_ms, why, sizeof(why));
    status = run(&admin, error);
    rd_kafka_AdminOptions_destroy(admin.request);
    rd_kafka_queue_destroy(admin.queue);
    rd_kafka_destroy(admin.handle);
    return status;
}
