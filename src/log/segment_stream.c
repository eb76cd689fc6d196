/* Memory and lookups of the durable stream; no policy. */
#include "log/segment_stream.h"

#include "base/assert.h"
#include "log/segment_file.h"

#include <stdlib.h>
#include <string.h>

enum tide_status tide_segment_stream_init(struct tide_segment_stream *stream,
                                          struct tide_io io,
                                          const char *directory,
                                          uint32_t partition_count,
                                          struct tide_error *error)
{
    *stream = (struct tide_segment_stream){.io = io, .partition_count = partition_count};
    size_t size = strlen(directory);
    if (size == 0 || size > TIDE_SEGMENT_DIRECTORY_SIZE_MAX) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the log's directory has %zu bytes, not 1..%d",
                              size,
                              TIDE_SEGMENT_DIRECTORY_SIZE_MAX);
    }
    if (partition_count == 0 || partition_count > TIDE_LOG_PARTITIONS_MAX) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "%u partitions are outside 1..%d",
                              (unsigned)partition_count,
                              TIDE_LOG_PARTITIONS_MAX);
    }
    stream->directory = malloc(size + 1);
    stream->partitions = calloc(partition_count, sizeof(*stream->partitions));
    if (stream->directory == NULL || stream->partitions == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory to open the log");
    }
    memcpy(stream->directory, directory, size + 1);
    return TIDE_OK;
}

void tide_segment_stream_release(struct tide_segment_stream *stream)
{
    if (stream->file.handle != 0) {
        stream->io.operations->close(stream->io.self, &stream->file);
    }
    for (uint32_t i = 0; stream->partitions != NULL && i < stream->partition_count; i++) {
        tide_segment_index_release(&stream->partitions[i]);
    }
    free(stream->partitions);
    free(stream->segments);
    free(stream->directory);
    *stream = (struct tide_segment_stream){0};
}

enum tide_status tide_segment_stream_reserve(struct tide_segment_stream *stream,
                                             struct tide_error *error)
{
    if (stream->segment_count < stream->segment_capacity) {
        return TIDE_OK;
    }
    size_t capacity = stream->segment_capacity == 0 ? 16 : stream->segment_capacity * 2;
    struct tide_segment *segments = NULL;
    if (capacity <= TIDE_SEGMENTS_MAX) {
        segments = realloc(stream->segments, capacity * sizeof(*segments));
    }
    if (segments == NULL) {
        return tide_error_set(error,
                              TIDE_RETRY,
                              "no memory for %zu segments, or more than %d",
                              capacity,
                              TIDE_SEGMENTS_MAX);
    }
    stream->segments = segments;
    stream->segment_capacity = capacity;
    return TIDE_OK;
}

void tide_segment_stream_add(struct tide_segment_stream *stream, struct tide_segment segment)
{
    tide_assert(stream->segment_count < stream->segment_capacity);
    if (stream->segment_count > 0) {
        const struct tide_segment *last = &stream->segments[stream->segment_count - 1];
        tide_assert(last->number < segment.number);
        tide_assert(last->base_position < segment.base_position);
    }
    stream->segments[stream->segment_count++] = segment;
}

struct tide_segment tide_segment_stream_find(const struct tide_segment_stream *stream,
                                             uint64_t position)
{
    tide_assert(stream->segment_count > 0);
    tide_assert(stream->segments[0].base_position <= position);
    size_t low = 0;
    size_t high = stream->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (stream->segments[middle].base_position <= position) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return stream->segments[low];
}

uint64_t tide_segment_file_offset(const struct tide_segment *segment, uint64_t position)
{
    tide_assert(position >= segment->base_position);
    return TIDE_SEGMENT_HEADER_SIZE + (position - segment->base_position);
}

struct tide_segment_header tide_segment_stream_next(const struct tide_segment_stream *stream,
                                                    uint64_t number,
                                                    uint64_t base_position)
{
    struct tide_segment_header header = {
        .partition_count = stream->partition_count,
        .number = number,
        .base_position = base_position,
        .synced_upto = base_position,
        .previous_crc = stream->last_crc,
    };
    memcpy(header.log_id, stream->log_id, sizeof(header.log_id));
    uint8_t salt[8];
    stream->io.operations->random(stream->io.self, salt, sizeof(salt));
    header.salt = tide_load_u64(salt);
    return header;
}
