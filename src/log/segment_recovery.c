/* Recovery of the segment log.
 *
 *   survey    names made durable; every segment's header read, the chain of headers checked
 *   walk      every live frame checked and indexed, segment by segment; in the newest one up to the
 *             first bad frame
 *   judge     the bad frame is a torn tail, or corruption of what was known to be synced: stop
 *   take over a new segment is written that starts where the known-synced part ends, with a copy of
 *             the tail behind it; it is synced, named, and its name synced
 *   tidy      what the new segment replaces is removed or cut
 *
 * Nothing that exists is touched before the new segment is durable, so a crash in any step leaves
 * what the step before left, and the next open starts over. Everything read is taken for hostile:
 * sizes are checked against limits and the file before they are used. */
#include "log/segment_recovery.h"

#include "base/assert.h"
#include "log/segment_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW_SIZE = 1 << 20
}; /* bytes read and written at once */

/* One segment while it is read. */
struct reader {
    struct tide_io io;
    struct tide_file file;
    struct tide_segment_header header;
    uint64_t end;             /* position behind the file's last byte */
    uint64_t window_position; /* of window's first byte */
    struct tide_bytes window;
};

struct recovery {
    struct tide_segment_stream *stream;
    struct tide_segment_header *headers;
    size_t count;
    struct reader reader;  /* of the newest segment, from its walk to the end */
    struct tide_bytes out; /* frames on their way to the new segment */
    uint64_t synced_upto;  /* the highest that any header or frame told */
    uint64_t position;     /* how far the walk came; the end of the tail */
    bool is_sealed;
};

static enum tide_status corrupt(const struct tide_segment_header *header,
                                uint64_t from,
                                uint64_t to,
                                const char *what,
                                struct tide_error *error)
{
    return tide_error_set(error,
                          TIDE_FATAL,
                          "corrupt log: %s; segment %" PRIu64 ", stream bytes %" PRIu64
                          "..%" PRIu64,
                          what,
                          header->number,
                          from,
                          to);
}

/* ---- reading one segment ---- */

static void reader_close(struct reader *reader)
{
    if (reader->file.handle != 0) {
        reader->io.operations->close(reader->io.self, &reader->file);
    }
    reader->end = 0;
    reader->window_position = 0;
    tide_bytes_reset(&reader->window);
}

static enum tide_status reader_open(struct reader *reader,
                                    const struct tide_segment_stream *stream,
                                    const struct tide_segment_header *header,
                                    struct tide_error *error)
{
    char path[TIDE_SEGMENT_PATH_SIZE];
    uint64_t size = 0;
    reader_close(reader);
    reader->io = stream->io;
    reader->header = *header;
    tide_segment_file_path(stream->directory, header->number, path);
    enum tide_status status =
        reader->io.operations->open(reader->io.self, path, TIDE_IO_READ, &reader->file, error);
    if (status == TIDE_OK) {
        status = reader->io.operations->size(reader->io.self, reader->file, &size, error);
    }
    if (status != TIDE_OK) {
        return status == TIDE_REJECT ? TIDE_FATAL : status; /* it was there a moment ago */
    }
    if (size < TIDE_SEGMENT_HEADER_SIZE || size >= TIDE_FRAME_POSITION_MAX) {
        return corrupt(header, header->base_position, header->base_position, "bad size", error);
    }
    reader->end = header->base_position + (size - TIDE_SEGMENT_HEADER_SIZE);
    reader->window_position = header->base_position;
    return TIDE_OK;
}

/* *bytes: size bytes at position, until the next call. The range is inside the file. */
static enum tide_status reader_view(struct reader *reader,
                                    uint64_t position,
                                    size_t size,
                                    uint8_t **bytes,
                                    struct tide_error *error)
{
    tide_assert(position >= reader->header.base_position);
    tide_assert(size <= reader->end - position);
    uint64_t window_end = reader->window_position + reader->window.size;
    if (position < reader->window_position || position + size > window_end) {
        uint64_t left = reader->end - position;
        size_t wanted = size < WINDOW_SIZE ? WINDOW_SIZE : size;
        wanted = wanted > left ? (size_t)left : wanted;
        uint64_t offset = TIDE_SEGMENT_HEADER_SIZE + (position - reader->header.base_position);
        reader->window_position = position;
        enum tide_status status = tide_segment_file_read(
            reader->io, reader->file, offset, &reader->window, wanted, error);
        if (status != TIDE_OK) {
            return status;
        }
    }
    *bytes = (uint8_t *)reader->window.data + (position - reader->window_position);
    return TIDE_OK;
}

struct found {
    struct tide_frame_header header;
    uint8_t *bytes; /* of the whole frame, until the next read */
    size_t size;
    bool is_valid; /* by itself: checksums, salt, position, structure */
};

/* The frame at position, if there is a valid one that ends by limit. */
static enum tide_status reader_frame(struct reader *reader,
                                     uint64_t position,
                                     uint64_t limit,
                                     struct found *found,
                                     struct tide_error *error)
{
    *found = (struct found){0};
    limit = limit < reader->end ? limit : reader->end;
    if (position > limit || limit - position < TIDE_FRAME_HEADER_SIZE) {
        return TIDE_OK;
    }
    enum tide_status status =
        reader_view(reader, position, TIDE_FRAME_HEADER_SIZE, &found->bytes, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (!tide_frame_header_load(found->bytes, &found->header) ||
        found->header.salt != reader->header.salt || found->header.position != position) {
        return TIDE_OK;
    }
    found->size = tide_frame_size(found->header.payload_size);
    if (found->size > limit - position) {
        return TIDE_OK;
    }
    status = reader_view(reader, position, found->size, &found->bytes, error);
    if (status == TIDE_OK) {
        found->is_valid =
            tide_frame_payload_check(&found->header, found->bytes + TIDE_FRAME_HEADER_SIZE);
    }
    return status;
}

/* ---- survey ---- */

static enum tide_status read_header(struct recovery *recovery,
                                    uint64_t number,
                                    struct tide_segment_header *header,
                                    struct tide_error *error)
{
    const struct tide_segment_stream *stream = recovery->stream;
    struct reader *reader = &recovery->reader;
    struct tide_segment_header named = {.number = number};
    enum tide_status status = reader_open(reader, stream, &named, error);
    if (status == TIDE_OK) {
        status = tide_segment_file_read(
            reader->io, reader->file, 0, &reader->window, TIDE_SEGMENT_HEADER_SIZE, error);
    }
    if (status == TIDE_OK) {
        status = tide_segment_header_load((const uint8_t *)reader->window.data, header, error);
        if (status == TIDE_OK && header->number != number) {
            status = tide_error_set(
                error, TIDE_FATAL, "the header is that of segment %" PRIu64, header->number);
        }
        if (status != TIDE_OK) {
            tide_error_prefix(error, "segment %" PRIu64, number);
        }
    }
    reader_close(reader);
    return status;
}

/* header follows previous (NULL: it is the first). */
static enum tide_status check_header(const struct recovery *recovery,
                                     const struct tide_segment_header *previous,
                                     const struct tide_segment_header *header,
                                     struct tide_error *error)
{
    uint64_t base = header->base_position;
    if (header->partition_count != recovery->stream->partition_count) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the log has %" PRIu32 " partitions, not %" PRIu32,
                              header->partition_count,
                              recovery->stream->partition_count);
    }
    if (previous == NULL) {
        return base == 0 && header->previous_crc == 0
                   ? TIDE_OK
                   : corrupt(header, 0, base, "the first segment is missing", error);
    }
    if (memcmp(previous->log_id, header->log_id, sizeof(header->log_id)) != 0) {
        return corrupt(header, base, base, "a segment of another log", error);
    }
    /* A segment takes over inside the one before it, never before what that knew to be synced,
     * unless both start at the same place and the older one is replaced as a whole. */
    bool is_replaced = previous->base_position == base &&
                       previous->previous_crc == header->previous_crc &&
                       previous->synced_upto == base;
    if (!is_replaced && (base <= previous->base_position || base < previous->synced_upto)) {
        return corrupt(header, base, previous->synced_upto, "segments overlap", error);
    }
    return TIDE_OK;
}

static enum tide_status survey(struct recovery *recovery, struct tide_error *error)
{
    struct tide_segment_stream *stream = recovery->stream;
    struct tide_io io = stream->io;
    struct tide_segment_numbers numbers = {0};
    enum tide_status status = io.operations->make_directory(io.self, stream->directory, error);
    if (status == TIDE_OK) {
        /* A name that a killed process made may be seen but not be durable yet; what is built upon
         * it must not outlive it. */
        status = io.operations->sync_directory(io.self, stream->directory, error);
    }
    if (status == TIDE_OK) {
        status = tide_segment_file_list(io, stream->directory, &numbers, error);
    }
    if (status != TIDE_OK) {
        goto done;
    }
    recovery->headers = calloc(numbers.count + 1, sizeof(*recovery->headers));
    if (recovery->headers == NULL) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for %zu segments", numbers.count);
        goto done;
    }
    for (size_t i = 0; status == TIDE_OK && i < numbers.count; i++) {
        struct tide_segment_header *header = &recovery->headers[i];
        status = read_header(recovery, numbers.items[i], header, error);
        if (status == TIDE_OK) {
            status = check_header(recovery, i == 0 ? NULL : header - 1, header, error);
        }
        recovery->count = i + 1;
    }
done:
    tide_segment_numbers_release(&numbers);
    return status;
}

/* ---- walk ---- */

/* Is the frame the next one of the stream, not only valid by itself? */
static bool continues(const struct tide_segment_stream *stream,
                      const struct tide_frame_header *header)
{
    if (header->previous_crc != stream->last_crc) {
        return false;
    }
    return header->kind == TIDE_FRAME_SEAL ||
           (header->partition < stream->partition_count &&
            header->base_offset == stream->partitions[header->partition].end);
}

static enum tide_status index_frame(struct tide_segment_stream *stream,
                                    const struct found *found,
                                    struct tide_error *error)
{
    struct tide_segment_index *index = &stream->partitions[found->header.partition];
    enum tide_status status = tide_segment_index_reserve(index, 1, error);
    if (status == TIDE_OK) {
        struct tide_segment_entry entry = {
            .first_offset = found->header.base_offset,
            .position = found->header.position,
            .size = (uint32_t)found->size,
            .record_count = found->header.record_count,
        };
        tide_segment_index_add(index, entry);
        stream->last_crc = found->header.header_crc;
    }
    return status;
}

/* Walks the reader's segment from recovery->position to limit or the first frame that is none. */
static enum tide_status walk_segment(struct recovery *recovery,
                                     uint64_t limit,
                                     struct tide_error *error)
{
    struct tide_segment_stream *stream = recovery->stream;
    recovery->is_sealed = false;
    while (recovery->position < limit) {
        struct found found;
        enum tide_status status =
            reader_frame(&recovery->reader, recovery->position, limit, &found, error);
        if (status != TIDE_OK) {
            return status;
        }
        if (!found.is_valid || !continues(stream, &found.header)) {
            return TIDE_OK;
        }
        if (found.header.synced_upto > recovery->synced_upto) {
            recovery->synced_upto = found.header.synced_upto;
        }
        if (found.header.kind == TIDE_FRAME_SEAL) {
            recovery->is_sealed = true; /* nothing comes behind it */
            return TIDE_OK;
        }
        status = index_frame(stream, &found, error);
        if (status != TIDE_OK) {
            return status;
        }
        recovery->position += found.size;
    }
    return TIDE_OK;
}

static enum tide_status walk(struct recovery *recovery, struct tide_error *error)
{
    struct tide_segment_stream *stream = recovery->stream;
    for (size_t i = 0; i < recovery->count; i++) {
        const struct tide_segment_header *header = &recovery->headers[i];
        bool is_newest = i + 1 == recovery->count;
        uint64_t limit = is_newest ? TIDE_FRAME_POSITION_MAX : header[1].base_position;
        tide_assert(recovery->position == header->base_position);
        if (header->previous_crc != stream->last_crc) {
            return corrupt(header, 0, header->base_position, "not the frames before it", error);
        }
        if (limit == header->base_position) {
            continue; /* replaced as a whole */
        }
        enum tide_status status = reader_open(&recovery->reader, stream, header, error);
        if (status == TIDE_OK) {
            recovery->synced_upto = header->synced_upto;
            status = walk_segment(recovery, limit, error);
        }
        if (status == TIDE_OK && !is_newest && recovery->position != limit) {
            status = corrupt(header, recovery->position, limit, "a frame is damaged", error);
        }
        if (status == TIDE_OK) {
            status = tide_segment_stream_reserve(stream, error);
        }
        if (status != TIDE_OK) {
            return status;
        }
        tide_segment_stream_add(
            stream, (struct tide_segment){header->number, header->base_position, header->salt});
    }
    return TIDE_OK;
}

/* ---- judge ---- */

/* Looks behind the first bad frame for proof that it had been synced. */
static enum tide_status judge(struct recovery *recovery, struct tide_error *error)
{
    struct reader *reader = &recovery->reader;
    const struct tide_segment_header *header = &reader->header;
    uint64_t bad = recovery->position;
    if (recovery->synced_upto > bad) {
        return corrupt(header, bad, recovery->synced_upto, "a synced frame is damaged", error);
    }
    for (uint64_t at = bad;
         !recovery->is_sealed && at < reader->end && reader->end - at >= TIDE_FRAME_HEADER_SIZE;
         at += TIDE_FRAME_ALIGNMENT) {
        uint8_t *bytes = NULL;
        struct tide_frame_header later;
        enum tide_status status = reader_view(reader, at, TIDE_FRAME_HEADER_SIZE, &bytes, error);
        if (status != TIDE_OK) {
            return status;
        }
        /* A whole header is proof enough: its writer knew how far the stream was synced. */
        if (tide_frame_header_load(bytes, &later) && later.salt == header->salt &&
            later.position == at && later.synced_upto > bad) {
            return corrupt(header, bad, later.synced_upto, "a synced frame is damaged", error);
        }
    }
    recovery->stream->torn_bytes = reader->end - bad;
    if (recovery->is_sealed) {
        recovery->stream->torn_bytes -= TIDE_FRAME_HEADER_SIZE;
    }
    return TIDE_OK;
}

/* ---- take over ---- */

static enum tide_status flush(struct recovery *recovery, uint64_t *offset, struct tide_error *error)
{
    struct tide_segment_stream *stream = recovery->stream;
    struct tide_bytes *out = &recovery->out;
    if (out->size == 0) {
        return TIDE_OK;
    }
    enum tide_status status = stream->io.operations->write(
        stream->io.self, stream->file, *offset, out->data, out->size, error);
    *offset += out->size;
    tide_bytes_reset(out);
    return status;
}

/* Copies the frames of header->base_position..recovery->position behind the header just written;
 * only what names the segment and the chain changes in them. */
static enum tide_status copy_tail(struct recovery *recovery,
                                  const struct tide_segment_header *header,
                                  uint32_t *last_crc,
                                  struct tide_error *error)
{
    uint64_t offset = TIDE_SEGMENT_HEADER_SIZE;
    for (uint64_t at = header->base_position; at < recovery->position;) {
        struct found found;
        enum tide_status status =
            reader_frame(&recovery->reader, at, recovery->position, &found, error);
        if (status != TIDE_OK) {
            return status;
        }
        if (!found.is_valid) { /* it was, a moment ago */
            return corrupt(&recovery->reader.header, at, recovery->position, "unstable", error);
        }
        struct tide_frame_stamp stamp = {
            .salt = header->salt,
            .position = at,
            .base_offset = found.header.base_offset,
            .synced_upto = header->base_position,
            .previous_crc = *last_crc,
        };
        *last_crc = tide_frame_stamp(found.bytes, &stamp);
        tide_bytes_append(&recovery->out, found.bytes, found.size);
        if (recovery->out.failed) {
            return tide_error_set(error, TIDE_RETRY, "no memory to copy the log's tail");
        }
        at += found.size;
        if (recovery->out.size >= WINDOW_SIZE || at == recovery->position) {
            status = flush(recovery, &offset, error);
            if (status != TIDE_OK) {
                return status;
            }
        }
    }
    return TIDE_OK;
}

/* The chain's value at the position where the new segment takes over. */
static enum tide_status chain_at(struct recovery *recovery,
                                 uint64_t position,
                                 uint32_t *crc,
                                 struct tide_error *error)
{
    if (position == recovery->position) {
        *crc = recovery->stream->last_crc;
        return TIDE_OK;
    }
    struct found found;
    enum tide_status status =
        reader_frame(&recovery->reader, position, recovery->position, &found, error);
    if (status == TIDE_OK && !found.is_valid) {
        status = corrupt(&recovery->reader.header,
                         position,
                         recovery->position,
                         "the synced part does not end with a frame",
                         error);
    }
    *crc = found.header.previous_crc;
    return status;
}

static enum tide_status take_over(struct recovery *recovery, struct tide_error *error)
{
    struct tide_segment_stream *stream = recovery->stream;
    uint64_t number = 1;
    if (recovery->count > 0) {
        number = recovery->headers[recovery->count - 1].number + 1;
    } else {
        stream->io.operations->random(stream->io.self, stream->log_id, sizeof(stream->log_id));
    }
    struct tide_segment_header header =
        tide_segment_stream_next(stream, number, recovery->synced_upto);
    header.synced_upto = recovery->position;
    enum tide_status status = chain_at(recovery, header.base_position, &header.previous_crc, error);
    if (status == TIDE_OK) {
        status = tide_segment_stream_reserve(stream, error);
    }
    if (status == TIDE_OK) {
        status =
            tide_segment_file_begin(stream->io, stream->directory, &header, &stream->file, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    uint32_t last_crc = header.previous_crc;
    status = copy_tail(recovery, &header, &last_crc, error);
    if (status != TIDE_OK) {
        tide_segment_file_abandon(stream->io, stream->directory, &stream->file);
        return status;
    }
    status = tide_segment_file_commit(
        stream->io, stream->directory, header.number, &stream->file, error);
    if (status != TIDE_OK) {
        return status;
    }
    size_t count = stream->segment_count;
    if (count > 0 && stream->segments[count - 1].base_position == header.base_position) {
        stream->segment_count--; /* replaced as a whole */
    }
    tide_segment_stream_add(
        stream, (struct tide_segment){header.number, header.base_position, header.salt});
    stream->end_position = recovery->position;
    stream->last_crc = last_crc;
    return TIDE_OK;
}

/* ---- tidy ---- */

/* Cuts the segment that was the newest to its live part, so that a tail is not kept twice. */
static void cut(const struct recovery *recovery, const struct tide_segment_header *header)
{
    const struct tide_segment_stream *stream = recovery->stream;
    uint64_t end = stream->segments[stream->segment_count - 1].base_position;
    char path[TIDE_SEGMENT_PATH_SIZE];
    struct tide_file file = {0};
    if (recovery->reader.end == end) {
        return;
    }
    tide_segment_file_path(stream->directory, header->number, path);
    struct tide_io io = stream->io;
    if (io.operations->open(io.self, path, TIDE_IO_WRITE, &file, NULL) == TIDE_OK) {
        uint64_t size = TIDE_SEGMENT_HEADER_SIZE + (end - header->base_position);
        (void)io.operations->truncate(io.self, file, size, NULL);
        io.operations->close(io.self, &file);
    }
}

/* Gives back space. Failures do not matter: what stays is dead, and is seen as dead, for ever. */
static void tidy(const struct recovery *recovery)
{
    const struct tide_segment_stream *stream = recovery->stream;
    uint64_t next_base = stream->segments[stream->segment_count - 1].base_position;
    for (size_t i = recovery->count; i > 0; i--) {
        const struct tide_segment_header *header = &recovery->headers[i - 1];
        if (header->base_position == next_base) {
            char path[TIDE_SEGMENT_PATH_SIZE];
            tide_segment_file_path(stream->directory, header->number, path);
            (void)stream->io.operations->remove(stream->io.self, path, NULL);
        } else if (i == recovery->count) {
            cut(recovery, header);
        }
        next_base = header->base_position;
    }
}

enum tide_status tide_segment_recover(struct tide_segment_stream *stream, struct tide_error *error)
{
    struct recovery recovery = {.stream = stream};
    tide_assert(stream->segment_count == 0 && stream->end_position == 0);
    enum tide_status status = survey(&recovery, error);
    if (status == TIDE_OK && recovery.count > 0) {
        memcpy(stream->log_id, recovery.headers[0].log_id, sizeof(stream->log_id));
        status = walk(&recovery, error);
        if (status == TIDE_OK) {
            status = judge(&recovery, error);
        }
    }
    if (status == TIDE_OK) {
        status = take_over(&recovery, error);
    }
    if (status == TIDE_OK) {
        tidy(&recovery);
    }
    reader_close(&recovery.reader);
    tide_bytes_release(&recovery.reader.window);
    tide_bytes_release(&recovery.out);
    free(recovery.headers);
    return status;
}
