/* See kafka.h. Here: opening and closing, what is recalled from notes, and where the end is. */
#include "log/kafka.h"

#include "base/assert.h"
#include "base/logline.h"
#include "log/kafka_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    WATERMARK_TIMEOUT_MS = 10000,
    PREFETCH_KIB_MIN = 1024,
    /* The largest record with its headers and the longest key that is sent. */
    MESSAGE_BYTES_LEAST = TIDE_RECORD_BYTES_MAX + KAFKA_KEY_BYTES_MAX + (64 << 10),
};
static const struct tide_kafka_property producer_defaults[] = {
    {"compression.codec", "lz4"},
    {"linger.ms", "5"},
    {"message.timeout.ms", "30000"},
    {"message.max.bytes", "2097152"},
};
static const struct tide_kafka_property consumer_defaults[] = {
    {"check.crcs", "true"},
    {"fetch.wait.max.ms", "50"},
    {"queued.min.messages", "100000"},
    {"fetch.message.max.bytes", "4194304"},
};

struct tide_kafka_log_options tide_kafka_log_options_default(void)
{
    return (struct tide_kafka_log_options){
        .partition_count = 6, .pending_bytes_max = 64 << 20, .prefetch_bytes_max = 64 << 20};
}

const char *tide_kafka_version(void)
{
    return rd_kafka_version_str();
}

/* ---- handles */

static enum tide_status open_producer(struct kafka_log *log, struct tide_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum tide_status status =
        tide_kafka_config_create(&log->options.cluster,
                                 TIDE_KAFKA_PRODUCER,
                                 producer_defaults,
                                 sizeof(producer_defaults) / sizeof(producer_defaults[0]),
                                 &conf,
                                 error);
    if (status != TIDE_OK) {
        return status;
    }
    tide_kafka_config_set(conf, "enable.idempotence", "true");
    tide_kafka_config_set(conf, "acks", "all");
    /* The writer bounds what is pending, and takes an append of any size when nothing else is. */
    tide_kafka_config_set(conf, "queue.buffering.max.messages", "0");
    tide_kafka_config_set(conf, "queue.buffering.max.kbytes", "2147483647");
    log->message_bytes_max = tide_kafka_config_number(conf, "message.max.bytes");
    if (log->message_bytes_max < MESSAGE_BYTES_LEAST) {
        rd_kafka_conf_destroy(conf);
        return tide_error_set(error,
                              TIDE_REJECT,
                              "message.max.bytes is %" PRIu64 ", and a record may need %d",
                              log->message_bytes_max,
                              MESSAGE_BYTES_LEAST);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, kafka_on_delivery);
    rd_kafka_conf_set_opaque(conf, log);
    status = tide_kafka_config_open(TIDE_KAFKA_PRODUCER, conf, &log->producer, error);
    for (uint32_t t = 0; t < log->options.topic_count && status == TIDE_OK; t++) {
        status = tide_kafka_check_topic(
            log->producer, log->topics[t], log->options.partition_count, error);
        log->written[t] = rd_kafka_topic_new(log->producer, log->topics[t], NULL);
        if (status == TIDE_OK && log->written[t] == NULL) {
            status = tide_error_set(error, TIDE_RETRY, "no memory for topic %s", log->topics[t]);
        }
    }
    return status;
}

static enum tide_status open_consumer(struct kafka_log *log, struct tide_error *error)
{
    uint32_t queue_count = log->options.partition_count * log->options.topic_count;
    size_t share = log->options.prefetch_bytes_max / queue_count / 1024;
    char number[32];
    rd_kafka_conf_t *conf = NULL;
    enum tide_status status =
        tide_kafka_config_create(&log->options.cluster,
                                 TIDE_KAFKA_CONSUMER,
                                 consumer_defaults,
                                 sizeof(consumer_defaults) / sizeof(consumer_defaults[0]),
                                 &conf,
                                 error);
    if (status != TIDE_OK) {
        return status;
    }
    tide_kafka_config_set(conf, "enable.auto.commit", "false");
    tide_kafka_config_set(conf, "enable.auto.offset.store", "false");
    tide_kafka_config_set(conf, "auto.offset.reset", "error");
    tide_kafka_config_set(conf, "isolation.level", "read_committed");
    tide_kafka_config_set(conf, "enable.partition.eof", "true");
    snprintf(number, sizeof(number), "%zu", share > PREFETCH_KIB_MIN ? share : PREFETCH_KIB_MIN);
    tide_kafka_config_set(conf, "queued.max.messages.kbytes", number);
    if (log->options.group != NULL) {
        tide_kafka_config_set(conf, "group.id", log->options.group);
    }
    status = tide_kafka_config_open(TIDE_KAFKA_CONSUMER, conf, &log->consumer, error);
    for (uint32_t t = 0; t < log->options.topic_count && status == TIDE_OK; t++) {
        log->read[t] = rd_kafka_topic_new(log->consumer, log->topics[t], NULL);
        if (log->read[t] == NULL) {
            status = tide_error_set(error, TIDE_RETRY, "no memory for topic %s", log->topics[t]);
        }
    }
    return status;
}

/* ---- partitions */

/* The library's callback when a queue is not empty any more. */
static void on_readable(rd_kafka_t *handle, void *opaque)
{
    (void)handle;
    const struct kafka_log *log = opaque;
    log->options.readable(log->options.context);
}

static enum tide_status open_stream(struct kafka_log *log,
                                    uint32_t partition,
                                    uint32_t topic,
                                    struct tide_error *error)
{
    struct kafka_stream *stream = &log->partitions[partition].streams[topic];
    int64_t low = 0;
    int64_t high = 0;
    rd_kafka_resp_err_t result = rd_kafka_query_watermark_offsets(
        log->consumer, log->topics[topic], (int32_t)partition, &low, &high, WATERMARK_TIMEOUT_MS);
    if (result != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return tide_error_set(error,
                              TIDE_RETRY,
                              "topic %s, partition %u: %s",
                              log->topics[topic],
                              partition,
                              rd_kafka_err2str(result));
    }
    stream->place.first = low;
    stream->proof_offset = -1;
    atomic_store(&stream->high, high);
    stream->queue = rd_kafka_queue_new(log->consumer);
    if (stream->queue == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a queue");
    }
    if (log->options.readable != NULL) {
        rd_kafka_queue_cb_event_enable(stream->queue, on_readable, log);
    }
    return TIDE_OK;
}

static enum tide_status open_partitions(struct kafka_log *log, struct tide_error *error)
{
    log->partitions = calloc(log->options.partition_count, sizeof(*log->partitions));
    if (log->partitions == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for partitions");
    }
    for (uint32_t p = 0; p < log->options.partition_count; p++) {
        log->partitions[p].streams =
            calloc(log->options.topic_count, sizeof(*log->partitions[p].streams));
        if (log->partitions[p].streams == NULL) {
            return tide_error_set(error, TIDE_RETRY, "no memory for partitions");
        }
        for (uint32_t t = 0; t < log->options.topic_count; t++) {
            enum tide_status status = open_stream(log, p, t, error);
            if (status != TIDE_OK) {
                return status;
            }
        }
        kafka_partition_rewind(log, p);
    }
    return TIDE_OK;
}

static uint64_t kafka_end(void *self, uint32_t partition)
{
    struct kafka_log *log = self;
    int64_t end = atomic_load(&log->partitions[partition].skew);
    for (uint32_t t = 0; t < log->options.topic_count; t++) {
        end += atomic_load(&log->partitions[partition].streams[t].high);
    }
    tide_assert(end >= 0);
    return (uint64_t)end;
}

/* ---- notes */

static enum tide_status check_place(struct kafka_log *log,
                                    uint32_t partition,
                                    uint32_t topic,
                                    const struct tide_kafka_place *place,
                                    struct tide_error *error)
{
    struct kafka_stream *stream = &log->partitions[partition].streams[topic];
    int64_t low = stream->place.first; /* of the topic now, or what an earlier note said */
    int64_t high = atomic_load(&stream->high);
    if (place->next > high) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "topic %s, partition %u ends at offset %" PRId64
                              " but the lake has it up to %" PRId64
                              ": it was made anew, or has lost messages",
                              log->topics[topic],
                              partition,
                              high,
                              place->next);
    }
    if (place->first < low) {
        return tide_error_set(
            error,
            TIDE_REJECT,
            "topic %s, partition %u begins at offset %" PRId64
            " now, and the pipeline began at %" PRId64
            ": without its beginning the state cannot be computed again; keep the "
            "topic (retention.ms=-1), or start a new pipeline",
            log->topics[topic],
            partition,
            low,
            place->first);
    }
    return TIDE_OK;
}

static enum tide_status kafka_recall(void *self,
                                     uint32_t partition,
                                     struct tide_view note,
                                     struct tide_error *error)
{
    struct kafka_log *log = self;
    struct tide_kafka_place places[TIDE_KAFKA_TOPICS_MAX];
    struct kafka_partition *into = &log->partitions[partition];
    enum tide_status status = tide_kafka_note_read(
        note, log->topics, log->options.topic_count, places, &into->recalled, error);
    for (uint32_t t = 0; t < log->options.topic_count && status == TIDE_OK; t++) {
        struct kafka_stream *stream = &into->streams[t];
        status = check_place(log, partition, t, &places[t], error);
        if (status == TIDE_OK) {
            stream->place.first = places[t].first;
            stream->proof_offset = places[t].next > places[t].first ? places[t].next - 1 : -1;
            stream->proof_hash = places[t].last_hash;
        }
    }
    kafka_partition_rewind(log, partition);
    return status;
}

void tide_kafka_log_committed(const struct tide_log *log)
{
    struct kafka_log *kafka = log->self;
    if (kafka->options.group == NULL) {
        return;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(
        (int)(kafka->options.partition_count * kafka->options.topic_count));
    for (uint32_t p = 0; p < kafka->options.partition_count; p++) {
        for (uint32_t t = 0; t < kafka->options.topic_count; t++) {
            const struct kafka_stream *stream = &kafka->partitions[p].streams[t];
            if (stream->noted > 0) {
                rd_kafka_topic_partition_list_add(list, kafka->topics[t], (int32_t)p)->offset =
                    stream->noted;
            }
        }
    }
    if (list->cnt > 0) {
        (void)rd_kafka_commit(kafka->consumer, list, 1); /* for displays: a lost one is no harm */
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- open and close */

static void kafka_close(void *self)
{
    struct kafka_log *log = self;
    if (log->producer != NULL) {
        kafka_writer_close(log);
    }
    for (uint32_t p = 0; log->partitions != NULL && p < log->options.partition_count; p++) {
        struct kafka_partition *partition = &log->partitions[p];
        tide_assert(partition->cursor == NULL);
        for (uint32_t t = 0; partition->streams != NULL && t < log->options.topic_count; t++) {
            if (partition->streams[t].queue != NULL) {
                rd_kafka_queue_cb_event_enable(partition->streams[t].queue, NULL, NULL);
                rd_kafka_queue_destroy(partition->streams[t].queue);
            }
        }
        tide_kafka_runs_release(&partition->recalled);
        free(partition->streams);
    }
    for (uint32_t t = 0; t < log->options.topic_count; t++) {
        if (log->written[t] != NULL) {
            rd_kafka_topic_destroy(log->written[t]);
        }
        if (log->read[t] != NULL) {
            rd_kafka_topic_destroy(log->read[t]);
        }
    }
    if (log->producer != NULL) {
        rd_kafka_destroy(log->producer);
    }
    if (log->consumer != NULL) {
        tide_kafka_config_close_consumer(log->consumer);
    }
    pthread_mutex_destroy(&log->mutex);
    free(log->partitions);
    free(log);
}

static const struct tide_log_operations kafka_operations = {
    .append = kafka_append,
    .sync = kafka_sync,
    .pending_bytes = kafka_pending_bytes,
    .end = kafka_end,
    .cursor_open = kafka_cursor_open,
    .cursor_close = kafka_cursor_close,
    .read = kafka_read,
    .note = kafka_note,
    .recall = kafka_recall,
    .close = kafka_close,
};

enum tide_status tide_kafka_log_open(const struct tide_kafka_log_options *options,
                                     struct tide_log *log,
                                     struct tide_error *error)
{
    tide_assert(options->topic_count > 0 && options->topic_count <= TIDE_KAFKA_TOPICS_MAX);
    tide_assert(options->partition_count > 0 &&
                options->partition_count <= TIDE_LOG_PARTITIONS_MAX);
    struct kafka_log *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a log");
    }
    made->options = *options;
    made->note_runs_max = TIDE_KAFKA_NOTE_RUNS_MAX;
    memcpy(made->topics, options->topics, options->topic_count * sizeof(made->topics[0]));
    for (uint32_t t = 0; options->meter != NULL && t < options->topic_count; t++) {
        made->metered[t] = tide_produce_meter_topic(options->meter, options->topics[t]);
    }
    (void)pthread_mutex_init(&made->mutex, NULL);
    enum tide_status status = open_producer(made, error);
    if (status == TIDE_OK) {
        status = open_consumer(made, error);
    }
    if (status == TIDE_OK) {
        status = open_partitions(made, error);
    }
    if (status != TIDE_OK) {
        kafka_close(made);
        return status;
    }
    *log = (struct tide_log){
        .operations = &kafka_operations, .self = made, .partition_count = options->partition_count};
    return TIDE_OK;
}

struct tide_kafka_log_facts tide_kafka_log_facts(const struct tide_log *log)
{
    struct kafka_log *kafka = log->self;
    const struct kafka_facts *facts = &kafka->facts;
    return (struct tide_kafka_log_facts){
        .produced = atomic_load(&facts->produced),
        .produce_failures = atomic_load(&facts->produce_failures),
        .consumed = atomic_load(&facts->consumed),
        .duplicates_dropped = atomic_load(&facts->duplicates_dropped),
        .offsets_skipped = atomic_load(&facts->offsets_skipped),
        .fetch_errors = atomic_load(&facts->fetch_errors),
    };
}
