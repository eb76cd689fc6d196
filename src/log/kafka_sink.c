#include "log/kafka_sink.h"

#include "base/assert.h"
#include "base/logline.h"
#include "log/kafka_config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    POLL_MS = 50,
};
static const struct tide_kafka_property defaults[] = {
    {"compression.codec", "lz4"},
    {"linger.ms", "5"},
    {"message.max.bytes", "2097152"},
};

struct tide_kafka_sink {
    struct tide_kafka_sink_options options;
    rd_kafka_t *producer;
    rd_kafka_topic_t *topics[TIDE_KAFKA_TOPICS_MAX];
    _Atomic uint64_t sent;
    _Atomic uint64_t refused;
    uint64_t failed; /* since the last flush */
    char reason[256];
};

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle;
    struct tide_kafka_sink *sink = opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_fetch_add(&sink->sent, 1);
        return;
    }
    if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) { /* as it would be the next time */
        atomic_fetch_add(&sink->refused, 1);
        tide_logline(TIDE_LOGLINE_WARNING,
                     "publish",
                     "topic %s takes no message of %zu bytes: it is left out",
                     rd_kafka_topic_name(message->rkt),
                     message->len);
        return;
    }
    sink->failed++;
    (void)snprintf(sink->reason,
                   sizeof(sink->reason),
                   "topic %s: %s",
                   rd_kafka_topic_name(message->rkt),
                   rd_kafka_err2str(message->err));
}

static enum tide_status open_handle(struct tide_kafka_sink *sink, struct tide_error *error)
{
    char number[32];
    rd_kafka_conf_t *conf = NULL;
    enum tide_status status = tide_kafka_config_create(&sink->options.cluster,
                                                       TIDE_KAFKA_PRODUCER,
                                                       defaults,
                                                       sizeof(defaults) / sizeof(defaults[0]),
                                                       &conf,
                                                       error);
    if (status != TIDE_OK) {
        return status;
    }
    tide_kafka_config_set(conf, "enable.idempotence", "true");
    tide_kafka_config_set(conf, "acks", "all");
    tide_kafka_config_set(conf, "partitioner", "murmur2_random");
    snprintf(number, sizeof(number), "%zu", sink->options.pending_bytes_max / 1024 + 1);
    tide_kafka_config_set(conf, "queue.buffering.max.kbytes", number);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, sink);
    return tide_kafka_config_open(TIDE_KAFKA_PRODUCER, conf, &sink->producer, error);
}

static enum tide_status open_producer(struct tide_kafka_sink *sink, struct tide_error *error)
{
    enum tide_status status = open_handle(sink, error);
    for (uint32_t t = 0; t < sink->options.topic_count && status == TIDE_OK; t++) {
        const char *name = sink->options.topics[t];
        status = tide_kafka_check_topic(sink->producer, name, 0, error);
        sink->topics[t] = rd_kafka_topic_new(sink->producer, name, NULL);
        if (status == TIDE_OK && sink->topics[t] == NULL) {
            status = tide_error_set(error, TIDE_RETRY, "no memory for topic %s", name);
        }
    }
    return status;
}

static void close_producer(struct tide_kafka_sink *sink)
{
    for (uint32_t t = 0; t < sink->options.topic_count; t++) {
        if (sink->topics[t] != NULL) {
            rd_kafka_topic_destroy(sink->topics[t]);
            sink->topics[t] = NULL;
        }
    }
    if (sink->producer != NULL) {
        (void)rd_kafka_purge(sink->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(sink->producer);
        sink->producer = NULL;
    }
}

enum tide_status tide_kafka_sink_open(const struct tide_kafka_sink_options *options,
                                      struct tide_kafka_sink **out,
                                      struct tide_error *error)
{
    tide_assert(options->topic_count > 0 && options->topic_count <= TIDE_KAFKA_TOPICS_MAX);
    struct tide_kafka_sink *sink = calloc(1, sizeof(*sink));
    if (sink == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a sink");
    }
    sink->options = *options;
    enum tide_status status = open_producer(sink, error);
    if (status != TIDE_OK) {
        tide_kafka_sink_close(sink);
        return status;
    }
    *out = sink;
    return TIDE_OK;
}

enum tide_status tide_kafka_sink_send(struct tide_kafka_sink *sink,
                                      uint32_t topic,
                                      struct tide_view key,
                                      struct tide_view value,
                                      struct tide_error *error)
{
    tide_assert(topic < sink->options.topic_count);
    void *bytes;
    if (sink->producer == NULL) {
        return tide_error_set(error, TIDE_RETRY, "there is no producer just now");
    }
    memcpy(&bytes, &value.data, sizeof(bytes)); /* which the library only copies */
    if (rd_kafka_produce(sink->topics[topic],
                         RD_KAFKA_PARTITION_UA,
                         RD_KAFKA_MSG_F_COPY,
                         bytes,
                         value.size,
                         key.data,
                         key.size,
                         NULL) == 0) {
        return TIDE_OK;
    }
    rd_kafka_resp_err_t result = rd_kafka_last_error();
    if (result == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return tide_error_set(error, TIDE_AGAIN, "too much waits for the brokers");
    }
    return tide_error_set(error,
                          result == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? TIDE_REJECT : TIDE_RETRY,
                          "topic %s: %s",
                          sink->options.topics[topic],
                          rd_kafka_err2str(result));
}

void tide_kafka_sink_poll(struct tide_kafka_sink *sink)
{
    if (sink->producer != NULL) {
        (void)rd_kafka_poll(sink->producer, 0);
    }
}

/* What was sent to a producer that has failed is sent again by whoever sent it, so a new one may
 * take its place; if that does not succeed now, at the next flush. */
static enum tide_status renew(struct tide_kafka_sink *sink,
                              const char *why,
                              struct tide_error *error)
{
    close_producer(sink);
    sink->failed = 0;
    if (open_producer(sink, error) != TIDE_OK) {
        close_producer(sink);
        return TIDE_RETRY;
    }
    return tide_error_set(error, TIDE_RETRY, "the producer was made anew: %s", why);
}

enum tide_status tide_kafka_sink_flush(struct tide_kafka_sink *sink,
                                       struct tide_duration at_most,
                                       struct tide_error *error)
{
    char why[256] = "it was closed";
    int left_ms = (int)(at_most.us / 1000);
    if (sink->producer == NULL ||
        rd_kafka_fatal_error(sink->producer, why, sizeof(why)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return renew(sink, why, error);
    }
    while (rd_kafka_outq_len(sink->producer) > 0 && left_ms > 0) {
        (void)rd_kafka_flush(sink->producer, POLL_MS);
        left_ms -= POLL_MS;
    }
    uint64_t failed = sink->failed;
    sink->failed = 0;
    if (rd_kafka_fatal_error(sink->producer, why, sizeof(why)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return renew(sink, why, error);
    }
    if (failed > 0) {
        return tide_error_set(error, TIDE_RETRY, "%s", sink->reason);
    }
    return rd_kafka_outq_len(sink->producer) == 0
               ? TIDE_OK
               : tide_error_set(error, TIDE_RETRY, "the brokers have not acknowledged all");
}

enum tide_status tide_kafka_sink_send_waiting(struct tide_kafka_sink *sink,
                                              uint32_t topic,
                                              struct tide_view key,
                                              struct tide_view value,
                                              struct tide_duration at_most,
                                              struct tide_error *error)
{
    enum tide_status status = tide_kafka_sink_send(sink, topic, key, value, error);
    if (status == TIDE_AGAIN) {
        status = tide_kafka_sink_flush(sink, at_most, error);
        status = status == TIDE_OK ? tide_kafka_sink_send(sink, topic, key, value, error) : status;
    }
    return status;
}

uint64_t tide_kafka_sink_sent(const struct tide_kafka_sink *sink)
{
    return atomic_load(&sink->sent);
}

uint64_t tide_kafka_sink_refused(const struct tide_kafka_sink *sink)
{
    return atomic_load(&sink->refused);
}

void tide_kafka_sink_close(struct tide_kafka_sink *sink)
{
    if (sink != NULL) {
        close_producer(sink);
        free(sink);
    }
}
