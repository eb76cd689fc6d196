/* The bytes of the segment log: frames, and the header of a segment file.
 *
 * The format is docs/formats/log.md; this file pair is all of the program that knows it. Values are
 * plain structs, bytes are little-endian and written by hand. Nothing here does I/O, allocates or
 * keeps state: any thread.
 *
 * A frame is built in two steps. encode() writes what is known when records arrive; stamp() fills
 * in, just before the write, what depends on the place in the stream, and seals it with checksums.
 * */
#ifndef TIDE_LOG_FRAME_H
#define TIDE_LOG_FRAME_H

#include "log/log.h"

enum {
    TIDE_FRAME_VERSION = 1,
    TIDE_FRAME_ALIGNMENT = 8,
    TIDE_FRAME_HEADER_SIZE = 88,
    TIDE_FRAME_RECORDS_MAX = 1 << 16,
    TIDE_FRAME_SIZE_MAX = TIDE_FRAME_HEADER_SIZE + TIDE_LOG_FRAME_BYTES_MAX,
    TIDE_SEGMENT_HEADER_SIZE = 80,
    TIDE_SEGMENT_LOG_ID_SIZE = 16,
};

/* Positions in the stream stay below it, so that sums of them never overflow. */
#define TIDE_FRAME_POSITION_MAX (UINT64_C(1) << 62)

enum tide_frame_kind {
    TIDE_FRAME_RECORDS = 1,
    TIDE_FRAME_SEAL = 2, /* the last of a segment that was closed in order; holds nothing */
};

struct tide_frame_header {
    uint8_t kind; /* enum tide_frame_kind */
    uint8_t source_size;
    uint32_t partition;
    uint32_t payload_size; /* without padding */
    uint32_t record_count;
    uint64_t salt;        /* of the segment */
    uint64_t position;    /* of the frame's first byte in the stream */
    uint64_t base_offset; /* of the first record in the partition */
    uint64_t synced_upto; /* the stream before this was synced when the frame was built */
    struct tide_instant received;
    struct tide_instant sent;
    uint32_t previous_crc; /* header_crc of the frame before it in the stream; 0: none */
    uint32_t payload_crc;  /* of the payload with its padding */
    uint32_t header_crc;
};

/* What a frame's place in the stream decides. */
struct tide_frame_stamp {
    uint64_t salt;
    uint64_t position;
    uint64_t base_offset;
    uint64_t synced_upto;
    uint32_t previous_crc;
};

struct tide_segment_header {
    uint32_t partition_count;
    uint8_t log_id[TIDE_SEGMENT_LOG_ID_SIZE]; /* the same in all segments of a log */
    uint64_t salt;                            /* random, of this segment */
    uint64_t number;                          /* also in the file's name */
    uint64_t base_position;                   /* where in the stream this segment takes over */
    uint64_t synced_upto;  /* the stream before this was synced when the file got its name */
    uint32_t previous_crc; /* header_crc of the last frame before base_position; 0: none */
};

/* Bytes of a frame with that payload, padding included. */
size_t tide_frame_size(uint32_t payload_size);

/* Bytes that encode() will write for batch. REJECT: a record does not fit a frame. */
enum tide_status tide_frame_batch_size(const struct tide_log_batch *batch,
                                       size_t *size,
                                       struct tide_error *error);
/* Writes batch as one or more frames (more when it exceeds a frame's limits) that are not stamped
 * yet. to has the bytes that batch_size said. */
void tide_frame_batch_encode(const struct tide_log_batch *batch, uint8_t *to);
/* A seal, not stamped yet; TIDE_FRAME_HEADER_SIZE bytes. */
void tide_frame_seal_encode(uint8_t *to);
/* Completes an encoded or restamps a stamped frame. Returns its header_crc. O(payload). */
uint32_t tide_frame_stamp(uint8_t *frame, const struct tide_frame_stamp *stamp);

/* Reads TIDE_FRAME_HEADER_SIZE bytes that this process wrote: asserted to be plausible. */
struct tide_frame_header tide_frame_header_parse(const uint8_t *bytes);
/* Reads TIDE_FRAME_HEADER_SIZE foreign bytes. false: not a whole frame header of this version;
 * *header is undefined then. After true all sizes are within limits; payload is not checked. */
bool tide_frame_header_load(const uint8_t *bytes, struct tide_frame_header *header);
/* payload: the bytes after the header, padding included. false: the checksum or the structure is
 * wrong. */
bool tide_frame_payload_check(const struct tide_frame_header *header, const uint8_t *payload);
/* payload was checked; records has room for header->record_count. Views point into payload. */
void tide_frame_records_decode(const struct tide_frame_header *header,
                               const uint8_t *payload,
                               struct tide_view *source,
                               struct tide_log_record *records);

/* Writes TIDE_SEGMENT_HEADER_SIZE bytes. */
void tide_segment_header_store(const struct tide_segment_header *header, uint8_t *bytes);
/* REJECT: another format version (made by a newer program); FATAL: damaged. */
enum tide_status tide_segment_header_load(const uint8_t *bytes,
                                          struct tide_segment_header *header,
                                          struct tide_error *error);

#endif
