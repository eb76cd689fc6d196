/* Keyed messages to topics that others read: metrics and journeys as they change, and generated
 * events. At least once: acks=all, idempotent, in order by key.
 *
 * Sending takes a copy and does not wait; how much may be under way is bounded. Any thread may send;
 * one at a time flushes. */
#ifndef TIDE_LOG_KAFKA_SINK_H
#define TIDE_LOG_KAFKA_SINK_H

#include "log/kafka.h"

struct tide_kafka_sink;

struct tide_kafka_sink_options {
    struct tide_kafka_cluster cluster;
    const char *const *topics; /* outlive the sink; must exist */
    uint32_t topic_count;
    size_t pending_bytes_max;
};

/* RETRY: no broker answers; REJECT: a topic is missing. */
enum tide_status tide_kafka_sink_open(const struct tide_kafka_sink_options *options,
                                      struct tide_kafka_sink **sink,
                                      struct tide_error *error);
/* The partition is murmur2 of the key, as Java's default; without a key any. AGAIN: too much is
 * under way: flush, or later. FATAL: the producer has failed for good. */
enum tide_status tide_kafka_sink_send(struct tide_kafka_sink *sink,
                                      uint32_t topic,
                                      struct tide_view key,
                                      struct tide_view value,
                                      struct tide_error *error);
/* Serves answers until nothing is under way, or for that long. OK: all that was sent since the flush
 * before is acknowledged. RETRY: not all (the error has the last reason): send it again. */
enum tide_status tide_kafka_sink_flush(struct tide_kafka_sink *sink,
                                       struct tide_duration at_most,
                                       struct tide_error *error);
/* Serves answers that have come, without waiting. */
void tide_kafka_sink_poll(struct tide_kafka_sink *sink);
uint64_t tide_kafka_sink_sent(const struct tide_kafka_sink *sink); /* acknowledged since open */
void tide_kafka_sink_close(struct tide_kafka_sink *sink); /* NULL is fine; does not flush */

#endif
