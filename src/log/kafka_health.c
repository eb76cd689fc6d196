#include "log/kafka_health.h"

#include "base/assert.h"
#include "log/kafka_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    /* Timestamps that are none, of the protocol's ListOffsets. */
    TIMESTAMP_LATEST = -1,
    TIMESTAMP_EARLIEST = -2,
    UNKNOWN = -1,
};

struct question {
    const struct tide_kafka_health_options *options;
    struct tide_clock clock;
    struct tide_monotonic begin;
    rd_kafka_t *handle;
    rd_kafka_topic_t *topics[TIDE_KAFKA_TOPICS_MAX];
    char reason[256]; /* the library's last; its threads write it under no lock but our polling */
};

/* Called from polling alone, so on our thread. */
static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    struct question *question = opaque;
    (void)handle;
    (void)code;
    (void)snprintf(question->reason, sizeof(question->reason), "%s", reason);
}

static int left_ms(const struct question *question)
{
    const struct tide_duration spent =
        tide_monotonic_since(tide_clock_monotonic(question->clock), question->begin);
    const int64_t left = (question->options->timeout.us - spent.us) / 1000;
    return left < 1 ? 1 : (int)left;
}

static enum tide_status open_handle(struct question *question, struct tide_error *error)
{
    const struct tide_kafka_health_options *options = question->options;
    rd_kafka_conf_t *conf = NULL;
    enum tide_status status =
        tide_kafka_config_create(&options->cluster, TIDE_KAFKA_CONSUMER, NULL, 0, &conf, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (options->group != NULL) {
        tide_kafka_config_set(conf, "group.id", options->group);
    }
    rd_kafka_conf_set_log_cb(conf, NULL); /* the answer says what is wrong */
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, question);
    status = tide_kafka_config_open(TIDE_KAFKA_CONSUMER, conf, &question->handle, error);
    for (uint32_t t = 0; status == TIDE_OK && t < options->topic_count; t++) {
        question->topics[t] = rd_kafka_topic_new(question->handle, options->topics[t], NULL);
        if (question->topics[t] == NULL) {
            status = tide_error_set(error, TIDE_RETRY, "no memory for a topic");
        }
    }
    return status;
}

static void close_handle(struct question *question)
{
    for (uint32_t t = 0; t < question->options->topic_count; t++) {
        if (question->topics[t] != NULL) {
            rd_kafka_topic_destroy(question->topics[t]);
        }
    }
    if (question->handle != NULL) {
        rd_kafka_destroy_flags(question->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
}

static bool is_alive(const struct rd_kafka_metadata *metadata, int32_t id)
{
    for (int b = 0; b < metadata->broker_cnt; b++) {
        if (metadata->brokers[b].id == id) {
            return true;
        }
    }
    return false;
}

struct missing {
    int32_t ids[TIDE_KAFKA_HEALTH_BROKERS_MAX];
    uint32_t count;
};

static void miss(struct missing *missing, int32_t id)
{
    for (uint32_t i = 0; i < missing->count; i++) {
        if (missing->ids[i] == id) {
            return;
        }
    }
    if (missing->count < TIDE_KAFKA_HEALTH_BROKERS_MAX) {
        missing->ids[missing->count++] = id;
    }
}

static void read_partition(const struct rd_kafka_metadata *metadata,
                           const struct rd_kafka_metadata_partition *partition,
                           struct missing *missing,
                           struct tide_kafka_topic_health *topic)
{
    topic->partition_count++;
    topic->replica_count += (uint32_t)partition->replica_cnt;
    topic->in_sync_count += (uint32_t)partition->isr_cnt;
    topic->under_replicated_count += partition->isr_cnt < partition->replica_cnt;
    topic->leaderless_count += partition->leader < 0;
    for (int r = 0; r < partition->replica_cnt; r++) {
        if (!is_alive(metadata, partition->replicas[r])) {
            miss(missing, partition->replicas[r]);
        }
    }
}

static void read_metadata(const struct question *question,
                          const struct rd_kafka_metadata *metadata,
                          struct tide_kafka_health *health)
{
    const struct tide_kafka_health_options *options = question->options;
    struct missing missing = {.count = 0};
    health->broker_count = (uint32_t)metadata->broker_cnt;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *found = &metadata->topics[i];
        uint32_t t = 0;
        while (t < options->topic_count && strcmp(options->topics[t], found->topic) != 0) {
            t++;
        }
        if (t == options->topic_count || found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            continue;
        }
        health->topics[t].is_there = found->partition_cnt > 0;
        for (int p = 0; p < found->partition_cnt; p++) {
            read_partition(metadata, &found->partitions[p], &missing, &health->topics[t]);
        }
    }
    health->missing_count = missing.count;
}

static rd_kafka_topic_partition_list_t *list_partitions(const struct question *question,
                                                        const struct tide_kafka_health *health,
                                                        int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(0);
    for (uint32_t t = 0; t < question->options->topic_count; t++) {
        for (uint32_t p = 0; p < health->topics[t].partition_count; p++) {
            rd_kafka_topic_partition_list_add(list, question->options->topics[t], (int32_t)p)
                ->offset = offset;
        }
    }
    return list;
}

/* The lists have the same partitions in the same order; the library keeps it. */
static void add_lags(const struct question *question,
                     const rd_kafka_topic_partition_list_t *const lists[3],
                     struct tide_kafka_health *health)
{
    int at = 0;
    for (uint32_t t = 0; t < question->options->topic_count; t++) {
        struct tide_kafka_topic_health *topic = &health->topics[t];
        topic->lag = topic->is_there ? 0 : UNKNOWN;
        for (uint32_t p = 0; p < topic->partition_count; p++, at++) {
            const rd_kafka_topic_partition_t *first = &lists[0]->elems[at];
            const rd_kafka_topic_partition_t *end = &lists[1]->elems[at];
            const rd_kafka_topic_partition_t *taken = &lists[2]->elems[at];
            const bool is_known = first->err == 0 && end->err == 0 && taken->err == 0 &&
                                  first->offset >= 0 && end->offset >= 0;
            const int64_t from = taken->offset > first->offset ? taken->offset : first->offset;
            tide_assert(taken->partition == (int32_t)p && end->partition == (int32_t)p);
            if (!is_known || topic->lag == UNKNOWN) {
                topic->lag = UNKNOWN;
            } else if (end->offset > from) {
                topic->lag += end->offset - from;
            }
        }
    }
}

static void ask_lags(const struct question *question, struct tide_kafka_health *health)
{
    rd_kafka_topic_partition_list_t *lists[3] = {
        list_partitions(question, health, TIMESTAMP_EARLIEST),
        list_partitions(question, health, TIMESTAMP_LATEST),
        list_partitions(question, health, RD_KAFKA_OFFSET_INVALID),
    };
    rd_kafka_t *handle = question->handle;
    if (lists[0]->cnt > 0 && question->options->group != NULL &&
        rd_kafka_offsets_for_times(handle, lists[0], left_ms(question)) == 0 &&
        rd_kafka_offsets_for_times(handle, lists[1], left_ms(question)) == 0 &&
        rd_kafka_committed(handle, lists[2], left_ms(question)) == 0) {
        add_lags(question, (const rd_kafka_topic_partition_list_t *const *)lists, health);
    }
    for (int i = 0; i < 3; i++) {
        rd_kafka_topic_partition_list_destroy(lists[i]);
    }
}

enum tide_status tide_kafka_health_ask(const struct tide_kafka_health_options *options,
                                       struct tide_kafka_health *health,
                                       struct tide_error *error)
{
    struct question question = {.options = options, .clock = tide_clock_os()};
    const struct rd_kafka_metadata *metadata = NULL;
    tide_assert(options->topic_count <= TIDE_KAFKA_TOPICS_MAX);
    question.begin = tide_clock_monotonic(question.clock);
    *health = (struct tide_kafka_health){0};
    for (uint32_t t = 0; t < options->topic_count; t++) {
        health->topics[t].lag = UNKNOWN;
    }
    enum tide_status status = open_handle(&question, error);
    if (status == TIDE_OK) {
        const rd_kafka_resp_err_t result =
            rd_kafka_metadata(question.handle, 0, NULL, &metadata, left_ms(&question));
        if (result == RD_KAFKA_RESP_ERR_NO_ERROR) {
            read_metadata(&question, metadata, health);
            rd_kafka_metadata_destroy(metadata);
            ask_lags(&question, health);
        } else {
            (void)rd_kafka_poll(question.handle, 0); /* for the reason */
            status = tide_error_set(error,
                                    TIDE_RETRY,
                                    "no broker answers: %s",
                                    question.reason[0] != '\0' ? question.reason
                                                               : rd_kafka_err2str(result));
        }
    }
    close_handle(&question);
    return status;
}
