/* The note that an epoch's manifest keeps of a log of topics: where each topic stands, and in which
 * order they were read since the note before.
 *
 *     app_events 0 1234 9f86d081884c7d65; crashes 5 17 60303ae22b998861 | 0:512 1:12 0:710
 *
 * For each topic, in the log's order: its name, the first offset of this pipeline, the next
 * offset, and the XXH3-64 of the last message's value (zeros: none yet). Behind the bar are runs
 * of records (topic's index : count); a log of one topic has no bar and no runs, for it needs
 * none. Numbers are decimal, the hash 16 hex digits. A note is at most TIDE_KAFKA_NOTE_BYTES_MAX
 * long. */
#ifndef TIDE_LOG_KAFKA_NOTE_H
#define TIDE_LOG_KAFKA_NOTE_H

#include "log/kafka.h"

enum {
    TIDE_KAFKA_NOTE_BYTES_MAX = 4 << 20,
    TIDE_KAFKA_NOTE_RUNS_MAX = 1 << 17, /* which fit, whatever they are */
};

struct tide_kafka_place { /* of one topic in one partition */
    int64_t first;        /* offset of the pipeline's first message; -1: not known yet */
    int64_t next;         /* offset after the last message that was read */
    uint64_t last_hash;   /* of that message's value; 0: none was read */
};

struct tide_kafka_run {
    uint32_t topic;
    uint64_t count;
};

/* A growing list of runs; neighbours of the same topic are one. All zero is empty. */
struct tide_kafka_runs {
    struct tide_kafka_run *items;
    size_t count;
    size_t capacity;
};
/* false: no memory. */
bool tide_kafka_runs_add(struct tide_kafka_runs *runs, uint32_t topic, uint64_t count);
void tide_kafka_runs_release(struct tide_kafka_runs *runs);

/* runs: at most TIDE_KAFKA_NOTE_RUNS_MAX. */
void tide_kafka_note_write(const char *const *topics,
                           const struct tide_kafka_place *places,
                           uint32_t topic_count,
                           const struct tide_kafka_runs *runs,
                           struct tide_bytes *text);
/* Fills places (of topic_count) and adds to runs. REJECT: of other topics; FATAL: not a note;
 * RETRY: no memory. */
enum tide_status tide_kafka_note_read(struct tide_view text,
                                      const char *const *topics,
                                      uint32_t topic_count,
                                      struct tide_kafka_place *places,
                                      struct tide_kafka_runs *runs,
                                      struct tide_error *error);

#endif
