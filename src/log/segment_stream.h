/* The durable stream: the live segments, the index of every partition, the file that is written.
 *
 * Recovery builds it, the sync thread extends it, cursors look things up in it. It is the part of
 * the log that is a function of what is on the disk; what waits in memory for the next sync is in
 * segment.c. segments, segment_count, partitions and end_position are read by cursors on other
 * threads and change only under the log's mutex; the rest belongs to the thread that syncs. */
#ifndef TIDE_LOG_SEGMENT_STREAM_H
#define TIDE_LOG_SEGMENT_STREAM_H

#include "base/io.h"
#include "log/frame.h"
#include "log/segment_index.h"

struct tide_segment {
    uint64_t number;
    uint64_t base_position; /* live from here to the next segment's base_position */
    uint64_t salt;
};

struct tide_segment_stream {
    struct tide_io io;
    char *directory; /* own copy */
    uint32_t partition_count;
    uint8_t log_id[TIDE_SEGMENT_LOG_ID_SIZE];
    struct tide_segment *segments; /* ascending in number and, strictly, in base_position */
    size_t segment_count;
    size_t segment_capacity;
    struct tide_segment_index *partitions; /* partition_count of them */
    uint64_t end_position;                 /* durable up to here */
    uint32_t last_crc;                     /* header_crc of the last frame; 0: none */
    struct tide_file file;                 /* the newest segment */
    uint64_t torn_bytes;
};

/* Allocates; the caller releases, also after a failure. REJECT: the path is too long. */
enum tide_status tide_segment_stream_init(struct tide_segment_stream *stream,
                                          struct tide_io io,
                                          const char *directory,
                                          uint32_t partition_count,
                                          struct tide_error *error);
void tide_segment_stream_release(struct tide_segment_stream *stream); /* closes the file */

/* Room for one more segment. RETRY: memory or TIDE_SEGMENTS_MAX. */
enum tide_status tide_segment_stream_reserve(struct tide_segment_stream *stream,
                                             struct tide_error *error);
/* Room was reserved. */
void tide_segment_stream_add(struct tide_segment_stream *stream, struct tide_segment segment);
/* The live segment that position is in. O(log count). */
struct tide_segment tide_segment_stream_find(const struct tide_segment_stream *stream,
                                             uint64_t position);
/* Where a stream position is in its segment's file. */
uint64_t tide_segment_file_offset(const struct tide_segment *segment, uint64_t position);
/* The header of the segment that would follow the newest at base_position, with a fresh salt. */
struct tide_segment_header tide_segment_stream_next(const struct tide_segment_stream *stream,
                                                    uint64_t number,
                                                    uint64_t base_position);

#endif
