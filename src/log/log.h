/* The log is the truth: everything that was received, valid or not, is in it before it is
 * acknowledged. Partitioned; a record's offset counts records within its partition, from 0.
 *
 * Three implementations: segment.h (files, group commit), kafka.h (topics) and memory.h (tests,
 * simulation). An append is asynchronous: it is durable, and `done` is called, after a later
 * `sync`, by the thread that calls sync. */
#ifndef TIDE_LOG_LOG_H
#define TIDE_LOG_LOG_H

#include "base/clock.h"
#include "base/hash.h"
#include "event/verdict.h"

enum {
    TIDE_LOG_PARTITIONS_MAX = 1024,
    TIDE_LOG_SOURCE_BYTES_MAX = 255,
    TIDE_LOG_FRAME_BYTES_MAX = 16 << 20, /* of one frame's payload */
};

/* One record. reason ACCEPTED: the reader decides by decoding text. Another reason: it was decided
 * when it was received (a body that could not be split, a record too large to keep whole), and
 * pointer and detail say more; text is what is kept of it. */
struct tide_log_record {
    struct tide_view text;
    enum tide_reason reason;
    struct tide_view pointer;
    struct tide_view detail;
    uint64_t original_size; /* of a too_large record; else 0 */
    struct tide_u128 original_hash;
    /* For logs that others read too (Kafka); elsewhere, and in frames, empty: */
    struct tide_view key; /* the entity as text; empty: none */
    uint32_t topic;       /* which of the log's topics */
};

struct tide_committer;

/* Records of one partition that came together. */
struct tide_log_batch {
    uint32_t partition;
    struct tide_instant received;
    struct tide_instant sent; /* or unknown */
    struct tide_view source;  /* "http", a topic, a path */
    const struct tide_log_record *records;
    uint32_t record_count; /* at least 1 */
};

struct tide_log_receipt {
    uint32_t partition;
    uint32_t record_count;
    uint64_t first_offset;
};

/* One append: all its batches become durable together or none is acknowledged. Owned by the
 * caller and left alone by it until done was called; the batches' bytes are copied by append. */
struct tide_log_append {
    const struct tide_log_batch *batches; /* needed only during the call of append */
    uint32_t batch_count;
    struct tide_log_receipt *receipts; /* caller's array of batch_count, filled before done */
    /* status OK: durable. RETRY: no space; nothing is kept. FATAL: the log failed and is closed. */
    void (*done)(void *context, enum tide_status status, const struct tide_error *error);
    void *context;
    /* NULL, or told once before a reader can see any of the records, when they are durable and the
     * receipts are filled: by the thread that syncs, and must neither block nor call the log. A log
     * whose readers give the offsets (kafka.h) does not tell. */
    void (*placed)(void *context);
    void *placed_context;
    struct tide_log_append *next; /* the log's */
    struct {                      /* the committer's, while it meters */
        struct tide_committer *committer;
        void (*done)(void *context, enum tide_status status, const struct tide_error *error);
        void *context;
        struct tide_monotonic since;
        uint64_t record_count;
        uint64_t byte_count;
    } metered;
};

/* A frame as read back: valid until the next read with the same cursor. */
struct tide_log_frame {
    uint32_t partition;
    uint64_t first_offset;
    struct tide_instant received;
    struct tide_instant sent;
    const struct tide_instant *receiveds; /* of each record; NULL: received, of all */
    const struct tide_instant *sents;     /* likewise */
    struct tide_view source;
    const struct tide_log_record *records;
    uint32_t record_count;
};

struct tide_log_cursor; /* a reader's place and buffers in one partition; one thread */

struct tide_log_operations {
    /* Any thread. AGAIN: too much is waiting to be synced, or no memory; nothing was taken (answer
     * 503). An append of any size is taken when nothing else waits. REJECT: a record does not fit
     * a frame; nothing was taken. FATAL: the log is closed. */
    enum tide_status (*append)(void *self,
                               struct tide_log_append *append,
                               struct tide_error *error);
    /* Writes and syncs what was appended so far and calls each done. One thread at a time.
     * Blocks. OK also if there was nothing. RETRY: no space (the dones were told); FATAL. */
    enum tide_status (*sync)(void *self, struct tide_error *error);
    /* Bytes that wait for sync. Any thread. */
    size_t (*pending_bytes)(void *self);
    /* The offset after the last durable record, as far as it is known here. Any thread. */
    uint64_t (*end)(void *self, uint32_t partition);
    /* Opens a cursor at offset (0..end). REJECT: offset is behind the end: the log has lost
     * something or is another one. RETRY: no memory. */
    enum tide_status (*cursor_open)(void *self,
                                    uint32_t partition,
                                    uint64_t offset,
                                    struct tide_log_cursor **cursor,
                                    struct tide_error *error);
    void (*cursor_close)(struct tide_log_cursor *cursor);
    /* The next frame at or behind the cursor's offset; if the offset is inside a frame, the rest of
     * it. AGAIN: nothing more is here now; the end is reached if the offset is `end`. RETRY: no
     * memory or no file handle. FATAL: a durable frame cannot be read (the error names the range).
     * A failed read leaves the cursor where it was. */
    enum tide_status (*read)(struct tide_log_cursor *cursor,
                             struct tide_log_frame *frame,
                             struct tide_error *error);
    /* NULL where offsets alone say which records come before: the embedded logs. Otherwise appends
     * the note that an epoch's manifest keeps: what was read since the note before. The cursor's
     * thread. */
    void (*note)(struct tide_log_cursor *cursor, struct tide_bytes *text);
    /* NULL likewise. Before its cursor is opened a partition is told the notes of its epochs, in
     * order. REJECT: these notes are not of this log, or it has lost records; FATAL: not a note. */
    enum tide_status (*recall)(void *self,
                               uint32_t partition,
                               struct tide_view note,
                               struct tide_error *error);
    void (*close)(void *self);
};

struct tide_log {
    const struct tide_log_operations *operations;
    void *self;
    uint32_t partition_count;
};

#endif
