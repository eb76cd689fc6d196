/* What a cluster says of itself: brokers, replicas of some topics, what a group has not yet taken.
 * Nothing is created, consumed or committed.
 *
 * A broker that died is in no answer. It is missed by the replicas it holds: while they are not
 * placed anew, partitions name it. */
#ifndef TIDE_LOG_KAFKA_HEALTH_H
#define TIDE_LOG_KAFKA_HEALTH_H

#include "log/kafka.h"

enum {
    TIDE_KAFKA_HEALTH_BROKERS_MAX = 1024 /* more are not told apart */
};

struct tide_kafka_health_options {
    struct tide_kafka_cluster cluster;
    const char *const *topics;
    uint32_t topic_count;         /* at most TIDE_KAFKA_TOPICS_MAX */
    const char *group;            /* whose lag; NULL: of none */
    struct tide_duration timeout; /* of all questions together */
};

struct tide_kafka_topic_health {
    bool is_there;
    uint32_t partition_count;
    uint32_t replica_count; /* of all partitions together */
    uint32_t in_sync_count;
    uint32_t under_replicated_count; /* partitions with fewer in sync than replicas */
    uint32_t leaderless_count;       /* partitions that take nothing now */
    /* Records behind the group's offsets, or -1: no group, or somebody did not tell in time.
     * A partition for which the group has none counts whole. */
    int64_t lag;
};

struct tide_kafka_health {
    uint32_t broker_count;  /* alive */
    uint32_t missing_count; /* that hold replicas of these topics, and are not alive */
    struct tide_kafka_topic_health topics[TIDE_KAFKA_TOPICS_MAX]; /* as in the options */
};

/* Blocks for at most the timeout, and somewhat more to close connections. REJECT: a property is not
 * allowed. RETRY: no broker answers; the error has the library's last reason. */
enum tide_status tide_kafka_health_ask(const struct tide_kafka_health_options *options,
                                       struct tide_kafka_health *health,
                                       struct tide_error *error);

#endif
