/* The segment log's own structure, shared by segment.c and segment_cursor.c and nobody else.
 *
 * Threads. Any thread appends: it encodes into `pending` under `mutex`. One thread syncs: it swaps
 * `pending` for `writing`, and stamps, writes and syncs that without the mutex, so that appends go
 * on meanwhile; then it publishes index entries under the mutex and calls the dones without it. Any
 * thread opens a cursor; a cursor belongs to one thread and takes the mutex to look up, not to
 * read. */
#ifndef TIDE_LOG_SEGMENT_LOG_H
#define TIDE_LOG_SEGMENT_LOG_H

#include "log/log.h"
#include "log/segment_stream.h"

#include <pthread.h>

/* Appends in order of arrival. */
struct tide_segment_waiting {
    struct tide_log_append *first;
    struct tide_log_append *last;
};

struct tide_segment_log {
    /* Constant after open. */
    uint64_t segment_bytes;
    size_t pending_bytes_max;

    /* Guarded by mutex. */
    pthread_mutex_t mutex;
    struct tide_bytes pending; /* encoded frames, not stamped */
    struct tide_segment_waiting waiting;
    size_t writing_size; /* of writing, for pending_bytes() */
    bool is_syncing;
    bool is_failed;
    struct tide_error failure; /* why; constant once is_failed is set */
    uint64_t sync_count;

    /* Of the syncing thread; what cursors read of the stream changes under the mutex. */
    struct tide_segment_stream stream;
    struct tide_bytes writing;
    struct tide_segment_waiting written; /* appends whose frames are in writing */
    uint64_t *offsets;                   /* partition_count: next offset while stamping */
    uint32_t *frame_counts;              /* partition_count: frames in writing */
};

enum tide_status tide_segment_cursor_open(void *self,
                                          uint32_t partition,
                                          uint64_t offset,
                                          struct tide_log_cursor **cursor,
                                          struct tide_error *error);
void tide_segment_cursor_close(struct tide_log_cursor *cursor);
enum tide_status tide_segment_cursor_read(struct tide_log_cursor *cursor,
                                          struct tide_log_frame *frame,
                                          struct tide_error *error);

#endif
