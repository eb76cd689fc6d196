/* The memory log: the same contract as segment.h with nothing underneath, for tests and replay.
 *
 * A batch is copied into one block (structures and bytes together). Blocks wait in a list until
 * sync moves them to their partition, in order; cursors hand out views into them, which never move.
 * At most MEMORY_BYTES_MAX bytes wait; what is durable is kept until close, bounded by the caller.
 * One mutex; any thread appends, one thread syncs, each cursor has one thread. */
#include "log/memory.h"

#include "base/assert.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    PENDING_BYTES_MAX = 256 << 20,
    FRAMES_MIN = 64,
    FRAMES_MAX = 1 << 26
};

struct block { /* one batch; records, then bytes, behind it */
    struct block *next;
    struct tide_log_receipt *receipt; /* until synced */
    struct tide_log_frame frame;
    struct tide_log_record records[];
};

struct partition {
    struct block **blocks;
    size_t count;
    size_t capacity;
    size_t waiting_count; /* blocks on the way; their slots are reserved */
    uint64_t end;
};

struct memory_log {
    pthread_mutex_t mutex; /* guards all below */
    struct block *first_block;
    struct block *last_block;
    struct tide_log_append *first_append;
    struct tide_log_append *last_append;
    size_t pending_size;
    uint32_t partition_count;
    struct partition partitions[];
};

struct tide_log_cursor {
    struct memory_log *log;
    uint32_t partition;
    uint64_t offset;
    size_t block_index;
};

/* ---- append: any thread ---- */

static size_t record_bytes(const struct tide_log_record *record)
{
    return record->text.size + record->pointer.size + record->detail.size;
}

static size_t block_size(const struct tide_log_batch *batch)
{
    size_t size = sizeof(struct block) + batch->source.size;
    for (uint32_t i = 0; i < batch->record_count; i++) {
        size += sizeof(struct tide_log_record) + record_bytes(&batch->records[i]);
    }
    return size;
}

static struct tide_view copy(char **to, struct tide_view view)
{
    struct tide_view made = {*to, view.size};
    if (view.size > 0) {
        memcpy(*to, view.data, view.size);
    }
    *to += view.size;
    return made;
}

static struct block *block_create(const struct tide_log_batch *batch,
                                  struct tide_log_receipt *receipt)
{
    size_t size = block_size(batch);
    struct block *block = malloc(size);
    if (block == NULL) {
        return NULL;
    }
    char *bytes = (char *)&block->records[batch->record_count];
    *block = (struct block){
        .receipt = receipt,
        .frame =
            {
                .partition = batch->partition,
                .received = batch->received,
                .sent = batch->sent,
                .records = block->records,
                .record_count = batch->record_count,
            },
    };
    block->frame.source = copy(&bytes, batch->source);
    for (uint32_t i = 0; i < batch->record_count; i++) {
        const struct tide_log_record *from = &batch->records[i];
        block->records[i] = (struct tide_log_record){.reason = from->reason};
        block->records[i].text = copy(&bytes, from->text);
        if (from->reason != TIDE_REASON_ACCEPTED) {
            block->records[i].pointer = copy(&bytes, from->pointer);
            block->records[i].detail = copy(&bytes, from->detail);
            block->records[i].original_size = from->original_size;
            block->records[i].original_hash = from->original_hash;
        }
    }
    tide_assert(bytes <= (char *)block + size);
    return block;
}

static void blocks_free(struct block *block)
{
    while (block != NULL) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

/* A slot in the partition for one more block, on top of those on the way. */
static bool partition_reserve(struct partition *partition)
{
    size_t needed = partition->count + partition->waiting_count + 1;
    if (needed > partition->capacity) {
        size_t capacity = partition->capacity == 0 ? FRAMES_MIN : partition->capacity * 2;
        struct block **blocks = NULL;
        if (capacity <= FRAMES_MAX) {
            blocks = realloc(partition->blocks, capacity * sizeof(struct block *));
        }
        if (blocks == NULL) {
            return false;
        }
        partition->blocks = blocks;
        partition->capacity = capacity;
    }
    partition->waiting_count++;
    return true;
}

/* Copies all batches, in order, into a list. NULL: no memory. */
static struct block *copy_batches(const struct memory_log *log,
                                  const struct tide_log_append *append,
                                  struct block **last,
                                  size_t *size)
{
    struct block *first = NULL;
    *last = NULL;
    *size = 0;
    for (uint32_t i = 0; i < append->batch_count; i++) {
        const struct tide_log_batch *batch = &append->batches[i];
        tide_assert(batch->partition < log->partition_count);
        tide_assert(batch->record_count > 0);
        tide_assert(batch->source.size <= TIDE_LOG_SOURCE_BYTES_MAX);
        struct block *block = block_create(batch, &append->receipts[i]);
        if (block == NULL) {
            blocks_free(first);
            return NULL;
        }
        if (first == NULL) {
            first = block;
        } else {
            (*last)->next = block;
        }
        *last = block;
        *size += block_size(batch);
    }
    return first;
}

/* Slots for all of the list, or for none. */
static bool reserve_all(struct memory_log *log, const struct block *first)
{
    for (const struct block *block = first; block != NULL; block = block->next) {
        if (!partition_reserve(&log->partitions[block->frame.partition])) {
            for (const struct block *b = first; b != block; b = b->next) {
                log->partitions[b->frame.partition].waiting_count--;
            }
            return false;
        }
    }
    return true;
}

static enum tide_status memory_append(void *self,
                                      struct tide_log_append *append,
                                      struct tide_error *error)
{
    struct memory_log *log = self;
    struct block *last = NULL;
    size_t size = 0;
    tide_assert(append->batch_count > 0);
    struct block *first = copy_batches(log, append, &last, &size);
    if (first == NULL) {
        return tide_error_set(error, TIDE_AGAIN, "no memory for an append");
    }
    pthread_mutex_lock(&log->mutex);
    bool is_full = log->pending_size > 0 && size > PENDING_BYTES_MAX - log->pending_size;
    if (is_full || !reserve_all(log, first)) {
        pthread_mutex_unlock(&log->mutex);
        blocks_free(first);
        return tide_error_set(error, TIDE_AGAIN, "the memory log is full until the next sync");
    }
    if (log->last_block == NULL) {
        log->first_block = first;
        log->first_append = append;
    } else {
        log->last_block->next = first;
        log->last_append->next = append;
    }
    log->last_block = last;
    log->last_append = append;
    log->pending_size += size;
    append->next = NULL;
    append->batches = NULL;
    pthread_mutex_unlock(&log->mutex);
    return TIDE_OK;
}

/* ---- sync: one thread ---- */

static enum tide_status memory_sync(void *self, struct tide_error *error)
{
    struct memory_log *log = self;
    (void)error; /* memory cannot fail here: every slot was reserved */
    pthread_mutex_lock(&log->mutex);
    for (struct block *block = log->first_block; block != NULL;) {
        struct block *next = block->next;
        struct partition *partition = &log->partitions[block->frame.partition];
        tide_assert(partition->waiting_count > 0 && partition->count < partition->capacity);
        block->frame.first_offset = partition->end;
        *block->receipt = (struct tide_log_receipt){
            .partition = block->frame.partition,
            .record_count = block->frame.record_count,
            .first_offset = partition->end,
        };
        block->receipt = NULL;
        block->next = NULL;
        partition->blocks[partition->count++] = block;
        partition->waiting_count--;
        partition->end += block->frame.record_count;
        block = next;
    }
    struct tide_log_append *append = log->first_append;
    for (const struct tide_log_append *a = append; a != NULL; a = a->next) {
        if (a->placed != NULL) {
            a->placed(a->placed_context); /* readers wait for the mutex */
        }
    }
    log->first_block = log->last_block = NULL;
    log->first_append = log->last_append = NULL;
    log->pending_size = 0;
    pthread_mutex_unlock(&log->mutex);
    struct tide_error none = {0};
    while (append != NULL) {
        struct tide_log_append *next = append->next;
        append->next = NULL;
        append->done(append->context, TIDE_OK, &none);
        append = next;
    }
    return TIDE_OK;
}

/* ---- looking: any thread ---- */

static size_t memory_pending_bytes(void *self)
{
    struct memory_log *log = self;
    pthread_mutex_lock(&log->mutex);
    size_t size = log->pending_size;
    pthread_mutex_unlock(&log->mutex);
    return size;
}

static uint64_t memory_end(void *self, uint32_t partition)
{
    struct memory_log *log = self;
    tide_assert(partition < log->partition_count);
    pthread_mutex_lock(&log->mutex);
    uint64_t end = log->partitions[partition].end;
    pthread_mutex_unlock(&log->mutex);
    return end;
}

/* The block that holds offset, or count. */
static size_t find_block(const struct partition *partition, uint64_t offset)
{
    size_t low = 0;
    size_t high = partition->count;
    if (offset >= partition->end) {
        return partition->count;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (partition->blocks[middle]->frame.first_offset <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum tide_status memory_cursor_open(void *self,
                                           uint32_t partition,
                                           uint64_t offset,
                                           struct tide_log_cursor **cursor,
                                           struct tide_error *error)
{
    struct memory_log *log = self;
    tide_assert(partition < log->partition_count);
    struct tide_log_cursor *made = calloc(1, sizeof(*made));
    *cursor = NULL;
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a cursor");
    }
    pthread_mutex_lock(&log->mutex);
    uint64_t end = log->partitions[partition].end;
    size_t block_index = find_block(&log->partitions[partition], offset);
    pthread_mutex_unlock(&log->mutex);
    if (offset > end) {
        free(made);
        return tide_error_set(error,
                              TIDE_REJECT,
                              "offset %" PRIu64 " of partition %" PRIu32
                              " is behind its end %" PRIu64,
                              offset,
                              partition,
                              end);
    }
    *made = (struct tide_log_cursor){log, partition, offset, block_index};
    *cursor = made;
    return TIDE_OK;
}

static void memory_cursor_close(struct tide_log_cursor *cursor)
{
    free(cursor);
}

static enum tide_status memory_read(struct tide_log_cursor *cursor,
                                    struct tide_log_frame *frame,
                                    struct tide_error *error)
{
    (void)error;
    struct memory_log *log = cursor->log;
    const struct block *block = NULL;
    pthread_mutex_lock(&log->mutex);
    const struct partition *partition = &log->partitions[cursor->partition];
    if (cursor->block_index < partition->count) {
        block = partition->blocks[cursor->block_index];
    }
    pthread_mutex_unlock(&log->mutex);
    if (block == NULL) {
        return TIDE_AGAIN;
    }
    *frame = block->frame;
    tide_assert(cursor->offset >= frame->first_offset);
    uint32_t skipped = (uint32_t)(cursor->offset - frame->first_offset);
    tide_assert(skipped < frame->record_count);
    frame->first_offset += skipped;
    frame->records += skipped;
    frame->record_count -= skipped;
    cursor->offset = frame->first_offset + frame->record_count;
    cursor->block_index++;
    return TIDE_OK;
}

/* ---- create and close ---- */

/* The last call: no other thread is in the log, all cursors are closed. */
static void memory_close(void *self)
{
    struct memory_log *log = self;
    struct tide_error why = {0};
    (void)tide_error_set(&why, TIDE_FATAL, "the log was closed before a sync");
    struct tide_log_append *append = log->first_append;
    while (append != NULL) {
        struct tide_log_append *next = append->next;
        append->next = NULL;
        append->done(append->context, TIDE_FATAL, &why);
        append = next;
    }
    blocks_free(log->first_block);
    for (uint32_t i = 0; i < log->partition_count; i++) {
        for (size_t k = 0; k < log->partitions[i].count; k++) {
            free(log->partitions[i].blocks[k]);
        }
        free(log->partitions[i].blocks);
    }
    pthread_mutex_destroy(&log->mutex);
    free(log);
}

static const struct tide_log_operations operations = {
    .append = memory_append,
    .sync = memory_sync,
    .pending_bytes = memory_pending_bytes,
    .end = memory_end,
    .cursor_open = memory_cursor_open,
    .cursor_close = memory_cursor_close,
    .read = memory_read,
    .close = memory_close,
};

enum tide_status tide_memory_log_create(uint32_t partition_count,
                                        struct tide_log *log,
                                        struct tide_error *error)
{
    tide_assert(partition_count >= 1 && partition_count <= TIDE_LOG_PARTITIONS_MAX);
    *log = (struct tide_log){0};
    struct memory_log *made = calloc(1, sizeof(*made) + partition_count * sizeof(struct partition));
    if (made == NULL || pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return tide_error_set(error, TIDE_RETRY, "no memory for the log");
    }
    made->partition_count = partition_count;
    *log = (struct tide_log){&operations, made, partition_count};
    return TIDE_OK;
}
