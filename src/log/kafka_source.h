/* Messages of foreign topics, as a member of a consumer group: taken in batches, and committed
 * when whoever took them says that they are safe. At least once: what was taken and not done
 * comes again, here or at another member. One thread. */
#ifndef TIDE_LOG_KAFKA_SOURCE_H
#define TIDE_LOG_KAFKA_SOURCE_H

#include "log/kafka.h"

struct tide_kafka_source;

struct tide_kafka_source_options {
    struct tide_kafka_cluster cluster;
    const char *const *topics; /* needed during open only */
    uint32_t topic_count;
    const char *group;
};

enum {
    TIDE_KAFKA_SOURCE_BATCH = 1000,
};

struct tide_kafka_source_message {
    const char *topic;
    struct tide_view value;
    struct tide_instant time; /* the broker's, or the producer's; or unknown */
};

/* RETRY: no broker answers; REJECT: a topic is missing. */
enum tide_status tide_kafka_source_open(const struct tide_kafka_source_options *options,
                                        struct tide_kafka_source **source,
                                        struct tide_error *error);
/* Waits at most that long for at most TIDE_KAFKA_SOURCE_BATCH messages, valid until done. Only
 * after what was taken before is done. *count 0: none came. FATAL: the group will not have us. */
enum tide_status tide_kafka_source_take(struct tide_kafka_source *source,
                                        struct tide_duration at_most,
                                        struct tide_kafka_source_message *messages,
                                        uint32_t *count,
                                        struct tide_error *error);
/* Stays in the group while what was taken cannot go on: nothing is fetched until the next take. */
void tide_kafka_source_wait(struct tide_kafka_source *source);
/* What was taken is durable elsewhere: its offsets are committed, now and then and at the end. */
void tide_kafka_source_done(struct tide_kafka_source *source);
/* Leaves the group; some seconds at most, also without brokers. NULL is fine. */
void tide_kafka_source_close(struct tide_kafka_source *source);

#endif
