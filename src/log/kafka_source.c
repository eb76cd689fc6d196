/* See kafka_source.h. Assignments change only inside take and wait, when nothing is half done; what
 * is done of a partition that is taken away is committed by the library first. */
#include "log/kafka_source.h"

#include "base/assert.h"
#include "base/logline.h"
#include "log/kafka_config.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    SEEK_MS = 5000,
};
static const struct tide_kafka_property defaults[] = {
    {"check.crcs", "true"},
    {"fetch.wait.max.ms", "50"},
};

struct tide_kafka_source {
    rd_kafka_t *handle;
    rd_kafka_queue_t *queue;
    rd_kafka_message_t *messages[TIDE_KAFKA_SOURCE_BATCH];
    uint32_t message_count;
    bool is_paused;
};

static void on_rebalance(rd_kafka_t *handle,
                         rd_kafka_resp_err_t what,
                         rd_kafka_topic_partition_list_t *partitions,
                         void *opaque)
{
    (void)opaque;
    rd_kafka_error_t *error = NULL;
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        error = rd_kafka_incremental_assign(handle, partitions);
    } else {
        error = rd_kafka_incremental_unassign(handle, partitions); /* commits what is done */
    }
    tide_logline(TIDE_LOGLINE_INFO,
                 "collect",
                 "the group %s %d partitions%s%s",
                 what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? "gave us" : "took",
                 partitions->cnt,
                 error == NULL ? "" : ": ",
                 error == NULL ? "" : rd_kafka_error_string(error));
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
}

static enum tide_status open_handle(const struct tide_kafka_source_options *options,
                                    struct tide_kafka_source *source,
                                    struct tide_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum tide_status status = tide_kafka_config_create(&options->cluster,
                                                       TIDE_KAFKA_CONSUMER,
                                                       defaults,
                                                       sizeof(defaults) / sizeof(defaults[0]),
                                                       &conf,
                                                       error);
    if (status != TIDE_OK) {
        return status;
    }
    tide_kafka_config_set(conf, "group.id", options->group);
    tide_kafka_config_set(conf, "enable.auto.commit", "true"); /* of what was stored below */
    tide_kafka_config_set(conf, "auto.commit.interval.ms", "1000");
    tide_kafka_config_set(conf, "enable.auto.offset.store", "false");
    tide_kafka_config_set(conf, "auto.offset.reset", "earliest");
    tide_kafka_config_set(conf, "isolation.level", "read_committed");
    tide_kafka_config_set(conf, "partition.assignment.strategy", "cooperative-sticky");
    tide_kafka_config_set(conf, "queued.max.messages.kbytes", "8192");
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    return tide_kafka_config_open(TIDE_KAFKA_CONSUMER, conf, &source->handle, error);
}

static enum tide_status subscribe(const struct tide_kafka_source_options *options,
                                  struct tide_kafka_source *source,
                                  struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)options->topic_count);
    for (uint32_t t = 0; t < options->topic_count && status == TIDE_OK; t++) {
        status = tide_kafka_check_topic(source->handle, options->topics[t], 0, error);
        rd_kafka_topic_partition_list_add(list, options->topics[t], RD_KAFKA_PARTITION_UA);
    }
    if (status == TIDE_OK) {
        (void)rd_kafka_poll_set_consumer(source->handle);
        source->queue = rd_kafka_queue_get_consumer(source->handle);
        rd_kafka_resp_err_t result = rd_kafka_subscribe(source->handle, list);
        if (result != RD_KAFKA_RESP_ERR_NO_ERROR) {
            status = tide_error_set(error, TIDE_REJECT, "subscribe: %s", rd_kafka_err2str(result));
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

enum tide_status tide_kafka_source_open(const struct tide_kafka_source_options *options,
                                        struct tide_kafka_source **out,
                                        struct tide_error *error)
{
    struct tide_kafka_source *source = calloc(1, sizeof(*source));
    if (source == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a collector of topics");
    }
    enum tide_status status = open_handle(options, source, error);
    if (status == TIDE_OK) {
        status = subscribe(options, source, error);
    }
    if (status != TIDE_OK) {
        tide_kafka_source_close(source);
        return status;
    }
    *out = source;
    return TIDE_OK;
}

/* All partitions that are ours now: pause, or go on. */
static void set_paused(struct tide_kafka_source *source, bool is_paused)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(source->handle, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    if (is_paused) {
        (void)rd_kafka_pause_partitions(source->handle, list);
    } else {
        (void)rd_kafka_resume_partitions(source->handle, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    source->is_paused = is_paused;
}

enum tide_status tide_kafka_source_take(struct tide_kafka_source *source,
                                        struct tide_duration at_most,
                                        struct tide_kafka_source_message *messages,
                                        uint32_t *count,
                                        struct tide_error *error)
{
    tide_assert(source->message_count == 0);
    *count = 0;
    if (source->is_paused) {
        set_paused(source, false);
    }
    ssize_t taken = rd_kafka_consume_batch_queue(
        source->queue, (int)(at_most.us / 1000), source->messages, TIDE_KAFKA_SOURCE_BATCH);
    uint32_t kept = 0;
    for (ssize_t i = 0; i < taken; i++) {
        rd_kafka_message_t *message = source->messages[i];
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            /* The library tries again by itself; what it cannot mend it tells as fatal, below. */
            tide_logline(TIDE_LOGLINE_WARNING, "collect", "%s", rd_kafka_message_errstr(message));
            rd_kafka_message_destroy(message);
            continue;
        }
        messages[kept] = (struct tide_kafka_source_message){rd_kafka_topic_name(message->rkt),
                                                            {message->payload, message->len},
                                                            tide_kafka_message_time(message)};
        source->messages[kept++] = message;
    }
    source->message_count = kept;
    *count = kept;
    char why[256];
    if (kept == 0 &&
        rd_kafka_fatal_error(source->handle, why, sizeof(why)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return tide_error_set(error, TIDE_FATAL, "the consumer has failed: %s", why);
    }
    return TIDE_OK;
}

void tide_kafka_source_wait(struct tide_kafka_source *source)
{
    if (!source->is_paused) {
        set_paused(source, true);
    }
    /* Nothing comes while all is paused, but for a partition that the group gave us just now: that
     * one is read again from here. */
    rd_kafka_message_t *message = rd_kafka_consumer_poll(source->handle, 0);
    if (message != NULL) {
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            (void)rd_kafka_seek(message->rkt, message->partition, message->offset, SEEK_MS);
            set_paused(source, true);
        }
        rd_kafka_message_destroy(message);
    }
}

void tide_kafka_source_done(struct tide_kafka_source *source)
{
    for (uint32_t i = 0; i < source->message_count; i++) {
        rd_kafka_message_t *message = source->messages[i];
        /* Refused if the partition is another member's by now: then it is read again there. */
        (void)rd_kafka_offset_store(message->rkt, message->partition, message->offset);
        rd_kafka_message_destroy(message);
    }
    source->message_count = 0;
}

void tide_kafka_source_close(struct tide_kafka_source *source)
{
    if (source == NULL) {
        return;
    }
    for (uint32_t i = 0; i < source->message_count; i++) {
        rd_kafka_message_destroy(source->messages[i]);
    }
    if (source->queue != NULL) {
        rd_kafka_queue_destroy(source->queue);
    }
    if (source->handle != NULL) {
        tide_kafka_config_close_consumer(source->handle);
    }
    free(source);
}
