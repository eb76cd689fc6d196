/* Opens a segment log whose only file is the input: whatever it holds, open must answer, and what
 * it accepts must be readable to the end, now and after the next open.
 *
 * Checksums keep arbitrary bytes out, so the first byte says how much the target helps: 1 seals the
 * segment header, 2 stamps frames as far as their sizes lead, 4 puts a second segment behind the
 * first that takes over where the input says. The rest is the file. */
#include "base/assert.h"
#include "base/io_sim.h"
#include "log/frame.h"
#include "log/segment.h"

#include <stdlib.h>
#include <string.h>

enum {
    SEAL_HEADER = 1,
    STAMP_FRAMES = 2,
    SECOND_SEGMENT = 4,
    PARTITIONS = 2,
    SIZE_MAX_INPUT = 1 << 16,
    SALT = 7,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_file(struct tide_io io, const char *path, const uint8_t *bytes, size_t size)
{
    struct tide_file file = {0};
    enum tide_status status = io.operations->open(io.self, path, TIDE_IO_CREATE, &file, NULL);
    tide_assert(status == TIDE_OK);
    status = io.operations->write(io.self, file, 0, bytes, size, NULL);
    tide_assert(status == TIDE_OK);
    io.operations->close(io.self, &file);
}

static void seal_header(uint8_t *bytes, size_t size)
{
    struct tide_segment_header header = {
        .partition_count = PARTITIONS,
        .salt = SALT,
        .number = 1,
    };
    if (size >= TIDE_SEGMENT_HEADER_SIZE) {
        header.synced_upto = bytes[0] % 32 * 8U; /* the input's choice */
        tide_segment_header_store(&header, bytes);
    }
}

/* Gives each header that is large enough the fields that only a writer could know. The rest of it
 * stays the input's: sizes, counts, kind, partition. Returns the chain's value at the end. */
static uint32_t stamp_frames(uint8_t *bytes, size_t size)
{
    uint8_t model[TIDE_FRAME_HEADER_SIZE];
    uint64_t offsets[PARTITIONS] = {0};
    uint32_t crc = 0;
    tide_frame_seal_encode(model);
    for (size_t at = TIDE_SEGMENT_HEADER_SIZE; at < size && size - at >= TIDE_FRAME_HEADER_SIZE;) {
        uint8_t *frame = bytes + at;
        memcpy(frame, model, 8); /* magic, version, header size */
        uint32_t payload_size = tide_load_u32(frame + 8) & 0xfff;
        if (tide_frame_size(payload_size) > size - at) {
            break;
        }
        tide_store_u32(frame + 8, payload_size);
        memset(frame + 46, 0, 2);
        memset(frame + 80, 0, 4);
        uint32_t partition = tide_load_u32(frame + 12) % PARTITIONS;
        struct tide_frame_stamp stamp = {
            .salt = SALT,
            .position = at - TIDE_SEGMENT_HEADER_SIZE,
            .base_offset = offsets[partition],
            .synced_upto = tide_load_u64(frame + 64) % (at - TIDE_SEGMENT_HEADER_SIZE + 1),
            .previous_crc = crc,
        };
        crc = tide_frame_stamp(frame, &stamp);
        offsets[partition] += tide_load_u32(frame + 40);
        at += tide_frame_size(payload_size);
    }
    return crc;
}

static void put_second_segment(struct tide_io io, uint64_t base_position, uint32_t crc)
{
    uint8_t bytes[TIDE_SEGMENT_HEADER_SIZE];
    struct tide_segment_header header = {
        .partition_count = PARTITIONS,
        .salt = SALT + 1,
        .number = 2,
        .base_position = base_position,
        .synced_upto = base_position,
        .previous_crc = base_position == 0 ? 0 : crc,
    };
    tide_segment_header_store(&header, bytes);
    put_file(io, "log/00000000000000000002.segment", bytes, sizeof(bytes));
}

/* Counts all records; every byte of them is touched, so that a sanitizer sees a bad view. */
static uint64_t read_all(struct tide_log log)
{
    uint64_t count = 0;
    for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
        struct tide_log_cursor *cursor = NULL;
        struct tide_log_frame frame;
        enum tide_status status =
            log.operations->cursor_open(log.self, partition, 0, &cursor, NULL);
        tide_assert(status == TIDE_OK);
        uint64_t sum = 0;
        while ((status = log.operations->read(cursor, &frame, NULL)) == TIDE_OK) {
            for (uint32_t r = 0; r < frame.record_count; r++) {
                sum += tide_hash64(frame.records[r].text, sum);
                sum += tide_hash64(frame.records[r].pointer, sum);
                sum += tide_hash64(frame.records[r].detail, sum);
            }
            sum += tide_hash64(frame.source, sum);
            count += frame.record_count;
        }
        tide_assert(status == TIDE_AGAIN);
        log.operations->cursor_close(cursor);
    }
    return count;
}

static void open_and_read(struct tide_io io)
{
    struct tide_segment_log_options options = tide_segment_log_options_default();
    struct tide_log log = {0};
    uint64_t counts[2] = {0};
    options.io = io;
    options.directory = "log";
    options.partition_count = PARTITIONS;
    for (size_t i = 0; i < 2; i++) {
        enum tide_status status = tide_segment_log_open(&options, &log, NULL);
        tide_assert(status == TIDE_OK || (i == 0 && status != TIDE_AGAIN));
        if (status != TIDE_OK) {
            return;
        }
        counts[i] = read_all(log);
        log.operations->close(log.self);
    }
    tide_assert(counts[0] == counts[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > SIZE_MAX_INPUT) {
        return 0;
    }
    uint8_t help = data[0];
    size_t file_size = size - 1;
    uint8_t *bytes = malloc(file_size + 1);
    struct tide_io_sim *sim = tide_io_sim_create(1);
    tide_assert(bytes != NULL && sim != NULL);
    memcpy(bytes, data + 1, file_size);
    uint64_t base_position = file_size > 1 ? bytes[1] * 8U : 0;
    struct tide_io io = tide_io_sim_io(sim);
    uint32_t crc = 0;
    enum tide_status status = io.operations->make_directory(io.self, "log", NULL);
    tide_assert(status == TIDE_OK);
    if (help & SEAL_HEADER) {
        seal_header(bytes, file_size);
    }
    if (help & STAMP_FRAMES) {
        crc = stamp_frames(bytes, file_size);
    }
    put_file(io, "log/00000000000000000001.segment", bytes, file_size);
    if (help & SECOND_SEGMENT) {
        put_second_segment(io, base_position, crc);
    }
    open_and_read(io);
    tide_io_sim_destroy(sim);
    free(bytes);
    return 0;
}
