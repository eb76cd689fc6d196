/* What kafka.c, kafka_writer.c and kafka_cursor.c share; nobody else includes it. */
#ifndef TIDE_LOG_KAFKA_LOG_H
#define TIDE_LOG_KAFKA_LOG_H

#include <pthread.h>
#include <stdatomic.h>

#include "log/kafka_config.h"
#include "log/kafka_note.h"

enum {
    KAFKA_KEY_BYTES_MAX = 64 << 10, /* a longer key is left out: the partition is named anyway */
};

struct kafka_stream { /* one topic of one partition, as the reader sees it */
    rd_kafka_queue_t *queue;
    bool is_started;
    struct tide_kafka_place place; /* of what was handed out; `first` is set before the cursor */
    int64_t fetched;               /* offset after what was taken from the queue, markers too */
    int64_t noted;                 /* where it stood when the last note was written */
    int64_t proof_offset; /* the message that the newest manifest saw last; -1: none or checked */
    uint64_t proof_hash;
    _Atomic int64_t high; /* the offset after the last message that is known */
};

/* The end, as log.h counts: what was handed out, and what is between there and each topic's high.
 * Where offsets have no gaps that does not change as the cursor moves, so the rest of it is kept:
 * end = all highs + skew. A gap is taken from skew when it is seen. */
struct kafka_partition {
    struct kafka_stream *streams;    /* by topic */
    struct tide_kafka_runs recalled; /* the order in which the replay must read */
    _Atomic int64_t skew;
    struct tide_log_cursor *cursor; /* or NULL */
};

struct kafka_facts {
    _Atomic uint64_t produced;
    _Atomic uint64_t produce_failures;
    _Atomic uint64_t consumed;
    _Atomic uint64_t duplicates_dropped;
    _Atomic uint64_t offsets_skipped;
    _Atomic uint64_t fetch_errors;
};

struct kafka_flight; /* kafka_writer.c: an append under way */

struct kafka_log {
    struct tide_kafka_log_options options;
    const char *topics[TIDE_KAFKA_TOPICS_MAX];
    rd_kafka_t *producer;
    rd_kafka_t *consumer;
    rd_kafka_topic_t *written[TIDE_KAFKA_TOPICS_MAX]; /* the producer's */
    rd_kafka_topic_t *read[TIDE_KAFKA_TOPICS_MAX];    /* the consumer's */
    uint32_t metered[TIDE_KAFKA_TOPICS_MAX];          /* the meter's index of each topic */
    struct kafka_partition *partitions;
    size_t note_runs_max; /* TIDE_KAFKA_NOTE_RUNS_MAX, but in tests */
    struct kafka_facts facts;
    /* The writer's: */
    _Atomic size_t pending_bytes;
    _Atomic bool is_closed; /* the producer has failed for good */
    uint64_t message_bytes_max;
    pthread_mutex_t mutex;       /* guards the next three */
    uint32_t generation;         /* 0 or 1: of the appends that come now */
    uint64_t waiting[2];         /* appends by generation that are not done */
    struct kafka_flight *landed; /* the mutex's too: appends that a sync must call done */
    /* The syncing thread's: */
    char failure[TIDE_ERROR_TEXT_MAX]; /* why the last message failed */
    uint64_t failures_told;
    uint64_t failed_appends;
};

/* ---- kafka_writer.c: log.h's append, sync, pending_bytes */
enum tide_status kafka_append(void *self, struct tide_log_append *append, struct tide_error *error);
enum tide_status kafka_sync(void *self, struct tide_error *error);
size_t kafka_pending_bytes(void *self);
/* Waits for what is under way, some seconds, and gives up the rest: each append is done then. The
 * last call. */
void kafka_writer_close(struct kafka_log *log);
/* The producer's delivery report. */
void kafka_on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque);

/* ---- kafka_cursor.c */
enum tide_status kafka_cursor_open(void *self,
                                   uint32_t partition,
                                   uint64_t offset,
                                   struct tide_log_cursor **cursor,
                                   struct tide_error *error);
void kafka_cursor_close(struct tide_log_cursor *cursor);
enum tide_status kafka_read(struct tide_log_cursor *cursor,
                            struct tide_log_frame *frame,
                            struct tide_error *error);
void kafka_note(struct tide_log_cursor *cursor, struct tide_bytes *text);

/* Raises an offset that is known to exist. Any thread. */
void kafka_stream_raise(struct kafka_stream *stream, int64_t high);
/* The partition is read from each topic's `first` on. Before its cursor is opened. */
void kafka_partition_rewind(const struct kafka_log *log, uint32_t partition);

#endif
