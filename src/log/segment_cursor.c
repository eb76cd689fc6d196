/* Reading the segment log: look an entry up under the mutex, read and check the frame without it.
 *
 * A cursor keeps its own file handle (of the segment that it is in) and its own buffers, so readers
 * share nothing but the index. Every frame is checked again when it is read: the disk had time to
 * change its mind since recovery. */
#include "log/segment_log.h"

#include "base/assert.h"
#include "log/segment_file.h"

#include <inttypes.h>
#include <stdlib.h>

struct tide_log_cursor {
    struct tide_segment_log *log;
    uint32_t partition;
    uint64_t offset;             /* of the next record */
    size_t entry_index;          /* of the entry that holds offset, or where it will come */
    struct tide_segment segment; /* that file belongs to */
    struct tide_file file;
    struct tide_bytes bytes; /* the frame */
    struct tide_log_record *records;
    size_t record_capacity;
};

enum tide_status tide_segment_cursor_open(void *self,
                                          uint32_t partition,
                                          uint64_t offset,
                                          struct tide_log_cursor **cursor,
                                          struct tide_error *error)
{
    struct tide_segment_log *log = self;
    tide_assert(partition < log->stream.partition_count);
    struct tide_log_cursor *made = calloc(1, sizeof(*made));
    *cursor = NULL;
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a cursor");
    }
    pthread_mutex_lock(&log->mutex);
    const struct tide_segment_index *index = &log->stream.partitions[partition];
    uint64_t end = index->end;
    made->entry_index = tide_segment_index_find(index, offset);
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
    made->log = log;
    made->partition = partition;
    made->offset = offset;
    *cursor = made;
    return TIDE_OK;
}

static void close_file(struct tide_log_cursor *cursor)
{
    struct tide_io io = cursor->log->stream.io;
    if (cursor->file.handle != 0) {
        io.operations->close(io.self, &cursor->file);
    }
}

void tide_segment_cursor_close(struct tide_log_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    close_file(cursor);
    tide_bytes_release(&cursor->bytes);
    free(cursor->records);
    free(cursor);
}

/* Opens the file of segment unless it is open already. */
static enum tide_status use_segment(struct tide_log_cursor *cursor,
                                    struct tide_segment segment,
                                    struct tide_error *error)
{
    char path[TIDE_SEGMENT_PATH_SIZE];
    struct tide_io io = cursor->log->stream.io;
    if (cursor->file.handle != 0 && cursor->segment.number == segment.number) {
        return TIDE_OK;
    }
    close_file(cursor);
    cursor->segment = segment;
    tide_segment_file_path(cursor->log->stream.directory, segment.number, path);
    enum tide_status status =
        io.operations->open(io.self, path, TIDE_IO_READ, &cursor->file, error);
    return status == TIDE_REJECT ? TIDE_FATAL : status; /* nobody may take a live segment away */
}

static enum tide_status ensure_records(struct tide_log_cursor *cursor,
                                       size_t count,
                                       struct tide_error *error)
{
    tide_assert(count <= TIDE_FRAME_RECORDS_MAX);
    if (count <= cursor->record_capacity) {
        return TIDE_OK;
    }
    size_t capacity = 64;
    while (capacity < count) {
        capacity *= 2;
    }
    struct tide_log_record *records = realloc(cursor->records, capacity * sizeof(*cursor->records));
    if (records == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for %zu records", capacity);
    }
    cursor->records = records;
    cursor->record_capacity = capacity;
    return TIDE_OK;
}

/* Reads the frame of entry into cursor->bytes and checks that it is the one that was written. */
static enum tide_status load(struct tide_log_cursor *cursor,
                             const struct tide_segment_entry *entry,
                             struct tide_frame_header *header,
                             struct tide_error *error)
{
    uint64_t offset = tide_segment_file_offset(&cursor->segment, entry->position);
    enum tide_status status = tide_segment_file_read(
        cursor->log->stream.io, cursor->file, offset, &cursor->bytes, entry->size, error);
    const uint8_t *bytes = (const uint8_t *)cursor->bytes.data;
    if (status == TIDE_OK) {
        bool is_it = tide_frame_header_load(bytes, header) &&
                     header->salt == cursor->segment.salt && header->position == entry->position &&
                     header->partition == cursor->partition &&
                     header->base_offset == entry->first_offset &&
                     header->record_count == entry->record_count &&
                     tide_frame_size(header->payload_size) == entry->size &&
                     tide_frame_payload_check(header, bytes + TIDE_FRAME_HEADER_SIZE);
        if (!is_it) {
            status = tide_error_set(error, TIDE_FATAL, "a synced frame is damaged");
        }
    }
    if (status == TIDE_FATAL) {
        tide_error_prefix(error,
                          "partition %" PRIu32 ", offsets %" PRIu64 "..%" PRIu64
                          ", segment %" PRIu64 ", bytes %" PRIu64 "..%" PRIu64,
                          cursor->partition,
                          entry->first_offset,
                          entry->first_offset + entry->record_count,
                          cursor->segment.number,
                          offset,
                          offset + entry->size);
    }
    return status;
}

enum tide_status tide_segment_cursor_read(struct tide_log_cursor *cursor,
                                          struct tide_log_frame *frame,
                                          struct tide_error *error)
{
    struct tide_segment_log *log = cursor->log;
    struct tide_segment_entry entry = {0};
    struct tide_segment segment = {0};
    pthread_mutex_lock(&log->mutex);
    const struct tide_segment_index *index = &log->stream.partitions[cursor->partition];
    bool is_at_end = cursor->entry_index >= index->count;
    if (!is_at_end) {
        entry = index->entries[cursor->entry_index];
        segment = tide_segment_stream_find(&log->stream, entry.position);
    }
    pthread_mutex_unlock(&log->mutex);
    if (is_at_end) {
        return TIDE_AGAIN;
    }
    tide_assert(cursor->offset >= entry.first_offset);
    tide_assert(cursor->offset - entry.first_offset < entry.record_count);
    struct tide_frame_header header;
    enum tide_status status = use_segment(cursor, segment, error);
    if (status == TIDE_OK) {
        status = ensure_records(cursor, entry.record_count, error);
    }
    if (status == TIDE_OK) {
        status = load(cursor, &entry, &header, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    uint32_t skipped = (uint32_t)(cursor->offset - entry.first_offset);
    *frame = (struct tide_log_frame){
        .partition = cursor->partition,
        .first_offset = cursor->offset,
        .received = header.received,
        .sent = header.sent,
        .records = cursor->records + skipped,
        .record_count = entry.record_count - skipped,
    };
    tide_frame_records_decode(&header,
                              (const uint8_t *)cursor->bytes.data + TIDE_FRAME_HEADER_SIZE,
                              &frame->source,
                              cursor->records);
    cursor->offset = entry.first_offset + entry.record_count;
    cursor->entry_index++;
    return TIDE_OK;
}
