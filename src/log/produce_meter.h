/* What producing into the log costs, by topic: records, bytes, failures, and the time from the
 * append until it is durable (of the embedded log the sync, of Kafka the delivery report).
 *
 * The log's threads write, whoever exposes reads; nobody waits. Topics are named before there are
 * threads, and never afterwards, so that the number of series is fixed. The embedded log is one
 * topic, which the committer meters; a log of several meters each delivery itself:
 *
 *     uint32_t crashes = tide_produce_meter_topic(&meter, "crashes");
 *     tide_produce_meter_add(&meter, crashes, (struct tide_produced){TIDE_OK, 1, size, elapsed});
 */
#ifndef TIDE_LOG_PRODUCE_METER_H
#define TIDE_LOG_PRODUCE_METER_H

#include "base/histogram.h"
#include "base/status.h"

enum {
    TIDE_PRODUCE_TOPICS_MAX = 16
};

struct tide_produce_topic {
    const char *name; /* outlives the meter */
    _Atomic uint64_t records;
    _Atomic uint64_t bytes;
    _Atomic uint64_t failures; /* records that were taken and did not become durable */
    struct tide_histogram elapsed;
};

struct tide_produce_meter { /* all zero has no topic */
    struct tide_produce_topic topics[TIDE_PRODUCE_TOPICS_MAX];
    uint32_t topic_count;
    struct tide_histogram syncs; /* of the embedded log */
};

/* The topic's index; a new one if none has that name (asserted: not more than the maximum). Before
 * the threads start. */
uint32_t tide_produce_meter_topic(struct tide_produce_meter *meter, const char *name);

/* Records that were delivered, or failed, together. */
struct tide_produced {
    enum tide_status status; /* not OK: they are failures, and elapsed counts for nothing */
    uint64_t records;
    uint64_t bytes;
    struct tide_duration elapsed;
};
/* Any thread. The histogram counts each of the records. */
void tide_produce_meter_add(struct tide_produce_meter *meter,
                            uint32_t topic,
                            struct tide_produced produced);

#endif
