/* The log as Kafka topics: the third implementation of log.h.
 *
 * One topic, or several that are co-partitioned: all have the same number of partitions, and an
 * entity's events are in the same partition of each. A message is a record: value = the event's
 * bytes, key = the entity (so that murmur2, Java's default, names the partition), header `tidemark`
 * = what the collector knew (kafka_message.h). Messages of other producers have no such header; the
 * broker's timestamp is then their received time.
 *
 * Offsets of log.h count records from 0 and are not Kafka's: a partition of the log is the
 * concatenation of its topics' messages in the order in which they were read, and that order is
 * in the note of each epoch (kafka_note.h), so that a replay reads the same. Positions are in
 * manifests alone; the group's offsets are told for lag tools and read by nobody here.
 *
 * Guards: a message is durable when all in-sync replicas have it (acks=all, idempotent). A fetched
 * message below the position is dropped and counted. A topic that has become shorter than the
 * position, whose last record is another one, or whose beginning is gone, is refused.
 *
 * There are no snapshots yet: a restart reads the topics from where the pipeline began, so they
 * must be kept (`tidemark kafka init` makes them so). Protocol and client:
 * https://kafka.apache.org/protocol, librdkafka 2.0 or later. */
#ifndef TIDE_LOG_KAFKA_H
#define TIDE_LOG_KAFKA_H

#include "log/log.h"
#include "log/produce_meter.h"

enum {
    TIDE_KAFKA_TOPICS_MAX = 16,
    TIDE_KAFKA_PROPERTIES_MAX = 64,
};

struct tide_kafka_property { /* terminated */
    const char *name;
    const char *value;
};

/* How a cluster is reached. Properties are librdkafka's, from an allow-list (kafka_config.h). */
struct tide_kafka_cluster {
    const char *brokers; /* "host:port,host:port" */
    const struct tide_kafka_property *properties;
    uint32_t property_count;
};

struct tide_kafka_log_options {
    struct tide_kafka_cluster cluster;
    const char *const *topics; /* outlive the log */
    uint32_t topic_count;
    uint32_t partition_count;
    const char *group;         /* of the offsets that lag tools see; NULL: none */
    size_t pending_bytes_max;  /* appended and not acknowledged */
    size_t prefetch_bytes_max; /* fetched and not read, all partitions together; at least 1 MiB each
                                */
    struct tide_produce_meter *meter; /* is told of each delivery, by topic; or NULL */
    struct tide_clock clock;          /* for it */
    /* There is more to read. Any thread, librdkafka's too; must not block. */
    void (*readable)(void *context);
    void *context;
};
struct tide_kafka_log_options tide_kafka_log_options_default(void);

/* Blocks until the topics are known. A log of one topic needs the newest note of a partition
 * alone (recall in log.h), one of several needs them all. RETRY: no broker answers. REJECT: a
 * topic is missing, or has another number of partitions, or a property is not allowed. */
enum tide_status tide_kafka_log_open(const struct tide_kafka_log_options *options,
                                     struct tide_log *log,
                                     struct tide_error *error);
/* The epochs whose notes were taken last are in the lake now: tells their positions as the group's
 * offsets, and does not wait for it. The thread that closes epochs. */
void tide_kafka_log_committed(const struct tide_log *log);

struct tide_kafka_log_facts {
    uint64_t produced; /* messages acknowledged since the start */
    uint64_t produce_failures;
    uint64_t consumed;
    uint64_t duplicates_dropped; /* fetched again by the client */
    uint64_t offsets_skipped;    /* Kafka's own markers, or what compaction took */
    uint64_t fetch_errors;
};
/* A glimpse; any thread. */
struct tide_kafka_log_facts tide_kafka_log_facts(const struct tide_log *log);
/* "2.0.2": of the library that is loaded. */
const char *tide_kafka_version(void);

#endif
