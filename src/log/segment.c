/* The segment log: group commit behind log.h.
 *
 * A sync takes all that was appended so far as one unit:
 *
 *     take -> (new segment) -> stamp -> write -> sync -> publish -> dones OK
 *                  |            |         |        |
 *                  no space     no memory no space |          any other failure
 *                  +------------+---------+        +----------------------------> failed for ever
 *                               |
 *                               cut the file back, sync that, dones RETRY, as if nothing had come
 *
 * Offsets and positions are given while stamping, on copies, and become true when published, so
 * there is nothing to roll back but the file. A segment ends when a sync finds it full: it may
 * exceed segment_bytes by one unit, and no unit is ever spread over two files. After a failed sync
 * nothing is tried again: the kernel may have dropped the pages and forgotten the error. */
#include "log/segment.h"

#include "base/assert.h"
#include "log/segment_file.h"
#include "log/segment_log.h"
#include "log/segment_recovery.h"

#include <stdlib.h>
#include <string.h>

struct tide_segment_log_options tide_segment_log_options_default(void)
{
    return (struct tide_segment_log_options){
        .directory = "log",
        .partition_count = 8,
        .segment_bytes = UINT64_C(256) << 20,
        .pending_bytes_max = (size_t)64 << 20,
    };
}

/* ---- waiting appends ---- */

static void waiting_push(struct tide_segment_waiting *waiting, struct tide_log_append *append)
{
    append->next = NULL;
    if (waiting->last != NULL) {
        waiting->last->next = append;
    } else {
        waiting->first = append;
    }
    waiting->last = append;
}

static struct tide_segment_waiting waiting_take(struct tide_segment_waiting *waiting)
{
    struct tide_segment_waiting taken = *waiting;
    *waiting = (struct tide_segment_waiting){0};
    return taken;
}

/* Without the mutex: a done may append again. After it the append belongs to its caller. */
static void waiting_finish(struct tide_segment_waiting waiting,
                           enum tide_status status,
                           const struct tide_error *error)
{
    while (waiting.first != NULL) {
        struct tide_log_append *append = waiting.first;
        waiting.first = append->next;
        append->next = NULL;
        append->done(append->context, status, error);
    }
}

/* ---- append: any thread ---- */

static enum tide_status append_size(const struct tide_segment_log *log,
                                    const struct tide_log_append *append,
                                    size_t *size,
                                    struct tide_error *error)
{
    tide_assert(append->batch_count > 0);
    *size = 0;
    for (uint32_t i = 0; i < append->batch_count; i++) {
        const struct tide_log_batch *batch = &append->batches[i];
        size_t batch_size = 0;
        tide_assert(batch->partition < log->stream.partition_count);
        enum tide_status status = tide_frame_batch_size(batch, &batch_size, error);
        if (status != TIDE_OK) {
            return status;
        }
        *size += batch_size;
    }
    return TIDE_OK;
}

static void encode(struct tide_bytes *pending, struct tide_log_append *append)
{
    for (uint32_t i = 0; i < append->batch_count; i++) {
        const struct tide_log_batch *batch = &append->batches[i];
        size_t size = 0;
        enum tide_status status = tide_frame_batch_size(batch, &size, NULL);
        tide_assert(status == TIDE_OK);
        tide_assert(size <= pending->capacity - pending->size);
        tide_frame_batch_encode(batch, (uint8_t *)pending->data + pending->size);
        pending->size += size;
        append->receipts[i] = (struct tide_log_receipt){
            .partition = batch->partition,
            .record_count = batch->record_count,
        };
    }
}

static enum tide_status segment_append(void *self,
                                       struct tide_log_append *append,
                                       struct tide_error *error)
{
    struct tide_segment_log *log = self;
    size_t size = 0;
    enum tide_status status = append_size(log, append, &size, error);
    if (status != TIDE_OK) {
        return status;
    }
    pthread_mutex_lock(&log->mutex);
    /* What is larger than the maximum is taken when it is alone, or it would wait for ever. */
    size_t waiting_size = log->pending.size + log->writing_size;
    bool is_full = waiting_size > 0 && (waiting_size > log->pending_bytes_max ||
                                        size > log->pending_bytes_max - waiting_size);
    if (log->is_failed) {
        status = tide_error_set(error, TIDE_FATAL, "the log is closed: %s", log->failure.text);
    } else if (is_full) {
        status = tide_error_set(error,
                                TIDE_AGAIN,
                                "%zu bytes wait to be synced, the maximum is %zu",
                                waiting_size,
                                log->pending_bytes_max);
    } else if (!tide_bytes_reserve(&log->pending, size)) {
        log->pending.failed = false; /* what is in it is whole; only this append is refused */
        status = tide_error_set(error, TIDE_AGAIN, "no memory for an append of %zu bytes", size);
    } else {
        encode(&log->pending, append);
        append->batches = NULL;
        waiting_push(&log->waiting, append);
    }
    pthread_mutex_unlock(&log->mutex);
    return status;
}

/* ---- sync: one thread ---- */

/* Swaps the buffers. FATAL: the log has failed. */
static enum tide_status take(struct tide_segment_log *log, struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    pthread_mutex_lock(&log->mutex);
    tide_assert(!log->is_syncing);
    tide_assert(log->writing.size == 0 && log->written.first == NULL);
    if (log->is_failed) {
        status = tide_error_set(error, TIDE_FATAL, "the log is closed: %s", log->failure.text);
    } else {
        struct tide_bytes empty = log->writing;
        log->writing = log->pending;
        log->pending = empty;
        log->written = waiting_take(&log->waiting);
        log->writing_size = log->writing.size;
        log->is_syncing = true;
    }
    pthread_mutex_unlock(&log->mutex);
    return status;
}

/* Begins a new segment if the newest is full. The stream is wholly durable here. */
static enum tide_status roll(struct tide_segment_log *log, struct tide_error *error)
{
    struct tide_segment_stream *stream = &log->stream;
    const struct tide_segment *newest = &stream->segments[stream->segment_count - 1];
    if (stream->end_position == newest->base_position ||
        tide_segment_file_offset(newest, stream->end_position) < log->segment_bytes) {
        return TIDE_OK;
    }
    struct tide_segment_header header =
        tide_segment_stream_next(stream, newest->number + 1, stream->end_position);
    struct tide_file file = {0};
    pthread_mutex_lock(&log->mutex);
    enum tide_status status = tide_segment_stream_reserve(stream, error);
    pthread_mutex_unlock(&log->mutex);
    if (status == TIDE_OK) {
        status = tide_segment_file_begin(stream->io, stream->directory, &header, &file, error);
    }
    if (status == TIDE_OK) {
        status =
            tide_segment_file_commit(stream->io, stream->directory, header.number, &file, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    stream->io.operations->close(stream->io.self, &stream->file);
    stream->file = file;
    pthread_mutex_lock(&log->mutex);
    tide_segment_stream_add(
        stream, (struct tide_segment){header.number, header.base_position, header.salt});
    pthread_mutex_unlock(&log->mutex);
    return TIDE_OK;
}

/* Completes the frames in writing; *last_crc becomes that of the last one. */
static void stamp(struct tide_segment_log *log, uint32_t *last_crc)
{
    const struct tide_segment_stream *stream = &log->stream;
    uint64_t salt = stream->segments[stream->segment_count - 1].salt;
    for (uint32_t i = 0; i < stream->partition_count; i++) {
        log->offsets[i] = stream->partitions[i].end;
        log->frame_counts[i] = 0;
    }
    *last_crc = stream->last_crc;
    for (size_t at = 0; at < log->writing.size;) {
        uint8_t *frame = (uint8_t *)log->writing.data + at;
        struct tide_frame_header header = tide_frame_header_parse(frame);
        struct tide_frame_stamp place = {
            .salt = salt,
            .position = stream->end_position + at,
            .base_offset = log->offsets[header.partition],
            .synced_upto = stream->end_position,
            .previous_crc = *last_crc,
        };
        *last_crc = tide_frame_stamp(frame, &place);
        log->offsets[header.partition] += header.record_count;
        log->frame_counts[header.partition]++;
        at += tide_frame_size(header.payload_size);
    }
}

/* Room in the index for all of writing, so that publish() cannot fail. */
static enum tide_status reserve(struct tide_segment_log *log, struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    pthread_mutex_lock(&log->mutex);
    for (uint32_t i = 0; status == TIDE_OK && i < log->stream.partition_count; i++) {
        status =
            tide_segment_index_reserve(&log->stream.partitions[i], log->frame_counts[i], error);
    }
    pthread_mutex_unlock(&log->mutex);
    return status;
}

/* After a write for which there was no space: the file ends again where the stream does. Synced,
 * because its caller will hear that nothing was kept. */
static enum tide_status cut_back(struct tide_segment_stream *stream, struct tide_error *error)
{
    const struct tide_segment *newest = &stream->segments[stream->segment_count - 1];
    uint64_t size = tide_segment_file_offset(newest, stream->end_position);
    struct tide_io io = stream->io;
    enum tide_status status = io.operations->truncate(io.self, stream->file, size, error);
    if (status == TIDE_OK) {
        status = io.operations->sync(io.self, stream->file, error);
    }
    return status == TIDE_OK ? TIDE_RETRY : TIDE_FATAL;
}

/* One write, one sync. */
static enum tide_status make_durable(struct tide_segment_log *log, struct tide_error *error)
{
    struct tide_segment_stream *stream = &log->stream;
    const struct tide_segment *newest = &stream->segments[stream->segment_count - 1];
    uint64_t offset = tide_segment_file_offset(newest, stream->end_position);
    struct tide_io io = stream->io;
    if (log->writing.size > TIDE_FRAME_POSITION_MAX - stream->end_position) {
        return tide_error_set(error, TIDE_FATAL, "the stream has reached its maximum");
    }
    enum tide_status status = io.operations->write(
        io.self, stream->file, offset, log->writing.data, log->writing.size, error);
    if (status == TIDE_RETRY) {
        return cut_back(stream, error);
    }
    if (status == TIDE_OK) {
        status = io.operations->sync(io.self, stream->file, error);
    }
    return status == TIDE_OK ? TIDE_OK : TIDE_FATAL;
}

/* Fills the receipts, tells who wants to know before readers do, and makes what is durable visible
 * to them. */
static void publish(struct tide_segment_log *log, uint32_t last_crc)
{
    struct tide_segment_stream *stream = &log->stream;
    for (struct tide_log_append *a = log->written.first; a != NULL; a = a->next) {
        for (uint32_t i = 0; i < a->batch_count; i++) {
            struct tide_log_receipt *receipt = &a->receipts[i];
            receipt->first_offset = log->offsets[receipt->partition];
            log->offsets[receipt->partition] += receipt->record_count;
        }
        if (a->placed != NULL) {
            a->placed(a->placed_context);
        }
    }
    pthread_mutex_lock(&log->mutex);
    for (size_t at = 0; at < log->writing.size;) {
        struct tide_frame_header header =
            tide_frame_header_parse((const uint8_t *)log->writing.data + at);
        size_t size = tide_frame_size(header.payload_size);
        struct tide_segment_entry entry = {
            .first_offset = header.base_offset,
            .position = header.position,
            .size = (uint32_t)size,
            .record_count = header.record_count,
        };
        tide_segment_index_add(&stream->partitions[header.partition], entry);
        at += size;
    }
    for (uint32_t i = 0; i < stream->partition_count; i++) {
        tide_assert(log->offsets[i] == stream->partitions[i].end);
    }
    stream->end_position += log->writing.size;
    stream->last_crc = last_crc;
    log->sync_count++;
    pthread_mutex_unlock(&log->mutex);
}

/* Everything between take and the dones. */
static enum tide_status commit(struct tide_segment_log *log, struct tide_error *error)
{
    uint32_t last_crc = 0;
    enum tide_status status = roll(log, error);
    if (status != TIDE_OK) {
        return status;
    }
    stamp(log, &last_crc);
    status = reserve(log, error);
    if (status == TIDE_OK) {
        status = make_durable(log, error);
    }
    if (status == TIDE_OK) {
        for (uint32_t i = 0; i < log->stream.partition_count; i++) {
            log->offsets[i] = log->stream.partitions[i].end; /* publish counts again */
        }
        publish(log, last_crc);
    }
    return status;
}

static enum tide_status segment_sync(void *self, struct tide_error *error)
{
    struct tide_segment_log *log = self;
    struct tide_error why = {0};
    enum tide_status status = take(log, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (log->writing.size > 0) {
        status = commit(log, &why);
        tide_assert(status == TIDE_OK || status == TIDE_RETRY || status == TIDE_FATAL);
    }
    struct tide_segment_waiting written = waiting_take(&log->written);
    struct tide_segment_waiting later = {0}; /* came meanwhile; nobody will sync them */
    tide_bytes_reset(&log->writing);
    pthread_mutex_lock(&log->mutex);
    log->is_syncing = false;
    log->writing_size = 0;
    if (status == TIDE_FATAL) {
        log->is_failed = true;
        log->failure = why;
        later = waiting_take(&log->waiting);
        tide_bytes_reset(&log->pending);
    }
    pthread_mutex_unlock(&log->mutex);
    waiting_finish(written, status, &why);
    waiting_finish(later, status, &why);
    return status == TIDE_OK ? TIDE_OK : tide_error_set(error, status, "%s", why.text);
}

/* ---- looking: any thread ---- */

static size_t segment_pending_bytes(void *self)
{
    struct tide_segment_log *log = self;
    pthread_mutex_lock(&log->mutex);
    size_t size = log->pending.size + log->writing_size;
    pthread_mutex_unlock(&log->mutex);
    return size;
}

static uint64_t segment_end(void *self, uint32_t partition)
{
    struct tide_segment_log *log = self;
    tide_assert(partition < log->stream.partition_count);
    pthread_mutex_lock(&log->mutex);
    uint64_t end = log->stream.partitions[partition].end;
    pthread_mutex_unlock(&log->mutex);
    return end;
}

/* ---- open and close ---- */

static void destroy(struct tide_segment_log *log)
{
    tide_segment_stream_release(&log->stream);
    tide_bytes_release(&log->pending);
    tide_bytes_release(&log->writing);
    free(log->offsets);
    free(log->frame_counts);
    pthread_mutex_destroy(&log->mutex);
    free(log);
}

/* The last frame of a segment that is closed in order says that everything before it was synced;
 * without it the last unit could not be told from a torn tail. It only adds safety, so where it
 * cannot be written it is left out. */
static void seal(struct tide_segment_log *log)
{
    struct tide_segment_stream *stream = &log->stream;
    const struct tide_segment *newest = &stream->segments[stream->segment_count - 1];
    if (log->is_failed || log->sync_count == 0) {
        return;
    }
    uint8_t frame[TIDE_FRAME_HEADER_SIZE];
    struct tide_frame_stamp place = {
        .salt = newest->salt,
        .position = stream->end_position,
        .synced_upto = stream->end_position,
        .previous_crc = stream->last_crc,
    };
    tide_frame_seal_encode(frame);
    (void)tide_frame_stamp(frame, &place);
    struct tide_io io = stream->io;
    uint64_t offset = tide_segment_file_offset(newest, stream->end_position);
    if (io.operations->write(io.self, stream->file, offset, frame, sizeof(frame), NULL) ==
        TIDE_OK) {
        (void)io.operations->sync(io.self, stream->file, NULL);
    }
}

/* The last call: no other thread is in the log, all cursors are closed. */
static void segment_close(void *self)
{
    struct tide_segment_log *log = self;
    struct tide_error why = {0};
    struct tide_segment_waiting waiting = waiting_take(&log->waiting);
    tide_assert(!log->is_syncing);
    (void)tide_error_set(&why, TIDE_FATAL, "the log was closed before a sync");
    waiting_finish(waiting, TIDE_FATAL, &why);
    seal(log);
    destroy(log);
}

static const struct tide_log_operations operations = {
    .append = segment_append,
    .sync = segment_sync,
    .pending_bytes = segment_pending_bytes,
    .end = segment_end,
    .cursor_open = tide_segment_cursor_open,
    .cursor_close = tide_segment_cursor_close,
    .read = tide_segment_cursor_read,
    .close = segment_close,
};

enum tide_status tide_segment_log_open(const struct tide_segment_log_options *options,
                                       struct tide_log *log,
                                       struct tide_error *error)
{
    tide_assert(options->segment_bytes > 0 && options->pending_bytes_max > 0);
    struct tide_segment_log *made = calloc(1, sizeof(*made));
    *log = (struct tide_log){0};
    if (made == NULL || pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return tide_error_set(error, TIDE_RETRY, "no memory to open the log");
    }
    made->segment_bytes = options->segment_bytes;
    made->pending_bytes_max = options->pending_bytes_max;
    enum tide_status status = tide_segment_stream_init(
        &made->stream, options->io, options->directory, options->partition_count, error);
    if (status == TIDE_OK) {
        made->offsets = calloc(options->partition_count, sizeof(*made->offsets));
        made->frame_counts = calloc(options->partition_count, sizeof(*made->frame_counts));
        if (made->offsets == NULL || made->frame_counts == NULL) {
            status = tide_error_set(error, TIDE_RETRY, "no memory to open the log");
        }
    }
    if (status == TIDE_OK) {
        status = tide_segment_recover(&made->stream, error);
    }
    if (status != TIDE_OK) {
        destroy(made);
        return status;
    }
    *log = (struct tide_log){&operations, made, options->partition_count};
    return TIDE_OK;
}

struct tide_segment_log_facts tide_segment_log_facts(const struct tide_log *log)
{
    tide_assert(log->operations == &operations);
    struct tide_segment_log *self = log->self;
    pthread_mutex_lock(&self->mutex);
    struct tide_segment_log_facts facts = {
        .segment_count = self->stream.segment_count,
        .stream_bytes = self->stream.end_position,
        .torn_bytes = self->stream.torn_bytes,
        .sync_count = self->sync_count,
    };
    pthread_mutex_unlock(&self->mutex);
    return facts;
}
