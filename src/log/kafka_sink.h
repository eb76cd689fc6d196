/* Keyed messages to topics that others read: metrics and journeys as they change, and generated
 * events. At least once: acks=all, idempotent, in order by key.
 *
 * Sending takes a copy and does not wait unless it is asked to; how much may be under way is
 * bounded. A message that can never be taken is left out and counted. A producer that has failed
 * for good is made anew by the flush that tells so. One thread. */
#ifndef TIDE_LOG_KAFKA_SINK_H
#define TIDE_LOG_KAFKA_SINK_H

#include "log/kafka.h"

struct tide_kafka_sink;

struct tide_kafka_sink_options {
    struct tide_kafka_cluster cluster; /* what it points to outlives the sink */
    const char *const *topics;         /* likewise; must exist */
    uint32_t topic_count;
    size_t pending_bytes_max;
};

/* RETRY: no broker answers; REJECT: a topic is missing, or a property is not allowed. */
enum tide_status tide_kafka_sink_open(const struct tide_kafka_sink_options *options,
                                      struct tide_kafka_sink **sink,
                                      struct tide_error *error);
/* The partition is murmur2 of the key, as Java's default; without a key any. AGAIN: too much is
 * under way: flush, or later. REJECT: the message is too large, now and ever. RETRY: it cannot be
 * sent now; a flush may mend that. */
enum tide_status tide_kafka_sink_send(struct tide_kafka_sink *sink,
                                      uint32_t topic,
                                      struct tide_view key,
                                      struct tide_view value,
                                      struct tide_error *error);
/* The same, but where too much is under way it flushes, for at most that long, and sends again.
 * RETRY: also if that flush failed. AGAIN: there was too much all the same. */
enum tide_status tide_kafka_sink_send_waiting(struct tide_kafka_sink *sink,
                                              uint32_t topic,
                                              struct tide_view key,
                                              struct tide_view value,
                                              struct tide_duration at_most,
                                              struct tide_error *error);
/* Serves answers until nothing is under way, or for that long. OK: all that was sent since the
 * flush before is acknowledged, or was too large for its topic. RETRY: not all (the error has the
 * last reason): send it again. */
enum tide_status tide_kafka_sink_flush(struct tide_kafka_sink *sink,
                                       struct tide_duration at_most,
                                       struct tide_error *error);
/* Serves answers that have come, without waiting. */
void tide_kafka_sink_poll(struct tide_kafka_sink *sink);
uint64_t tide_kafka_sink_sent(const struct tide_kafka_sink *sink); /* acknowledged since open */
/* Taken by send, and too large for the brokers; since open. Any thread, as the one above. */
uint64_t tide_kafka_sink_refused(const struct tide_kafka_sink *sink);
void tide_kafka_sink_close(struct tide_kafka_sink *sink); /* NULL is fine; does not flush */

#endif
