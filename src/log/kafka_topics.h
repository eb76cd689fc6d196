/* Topics as they should be: made where they are missing, and checked where they are there.
 *
 * What an existing topic has is never changed here: whose it is decides that. */
#ifndef TIDE_LOG_KAFKA_TOPICS_H
#define TIDE_LOG_KAFKA_TOPICS_H

#include "log/kafka.h"

struct tide_kafka_topic {
    const char *name;
    uint32_t partitions;
    uint32_t replication; /* 0: as many as there are brokers, at most 3 */
    const struct tide_kafka_property *settings;
    uint32_t setting_count;
};

enum tide_kafka_finding_kind {
    TIDE_KAFKA_TOPIC_FINE,
    TIDE_KAFKA_TOPIC_MISSING,
    TIDE_KAFKA_TOPIC_CREATED,
    TIDE_KAFKA_TOPIC_WRONG, /* it works otherwise than meant */
};

struct tide_kafka_finding {
    enum tide_kafka_finding_kind kind;
    const char *topic;
    const char *setting; /* of WRONG: "partitions", "retention.ms", ...; else NULL */
    const char *found;
    const char *wanted;
};

struct tide_kafka_topics_options {
    struct tide_kafka_cluster cluster;
    const struct tide_kafka_topic *topics;
    uint32_t topic_count;
    bool creates;                 /* else it only looks */
    struct tide_duration timeout; /* of each answer; 0: 15 seconds */
    void (*visit)(void *context, const struct tide_kafka_finding *finding);
    void *context;
};

/* Visits at least one finding for each topic. OK: whatever was found. RETRY: no broker answers, or
 * the topic could not be made, or looked at, now; REJECT: the brokers refuse. Blocks, as long as
 * that. */
enum tide_status tide_kafka_topics_run(const struct tide_kafka_topics_options *options,
                                       struct tide_error *error);

#endif
