/* Encoding, stamping and checking of frames and segment headers; see docs/formats/log.md for every
 * offset used here. What is read is checked in this order: magic, version, sizes, checksum, then
 * the structure of the payload, so that no length is trusted before a checksum vouched for it. */
#include "log/frame.h"

#include "base/assert.h"

#include <inttypes.h>
#include <string.h>

enum {
    FRAME_MAGIC = 0x46646954,   /* "TidF" */
    FRAME_CRC_AT = 84,          /* the header's last four bytes are the checksum of the others */
    RECORD_HEADER_SIZE = 8,     /* reason, zero, pointer size, text size */
    RECORD_JUDGEMENT_SIZE = 32, /* detail size, zero, original size, original hash */
    SEGMENT_CRC_AT = 76,
    SEGMENT_MAGIC_SIZE = 8,
};

static const char segment_magic[SEGMENT_MAGIC_SIZE] = {'T', 'i', 'd', 'e', 'S', 'e', 'g', 'm'};

/* ---- sizes ---- */

static size_t padded(size_t size)
{
    return (size + TIDE_FRAME_ALIGNMENT - 1) / TIDE_FRAME_ALIGNMENT * TIDE_FRAME_ALIGNMENT;
}

size_t tide_frame_size(uint32_t payload_size)
{
    return TIDE_FRAME_HEADER_SIZE + padded(payload_size);
}

/* SIZE_MAX: no frame can hold it. */
static size_t record_size(const struct tide_log_record *record)
{
    tide_assert((unsigned)record->reason < TIDE_REASON_COUNT);
    if (record->text.size > TIDE_LOG_FRAME_BYTES_MAX) {
        return SIZE_MAX;
    }
    size_t size = RECORD_HEADER_SIZE + record->text.size;
    if (record->reason == TIDE_REASON_ACCEPTED) {
        return size;
    }
    if (record->pointer.size > UINT16_MAX || record->detail.size > TIDE_LOG_FRAME_BYTES_MAX) {
        return SIZE_MAX;
    }
    return size + RECORD_JUDGEMENT_SIZE + record->pointer.size + record->detail.size;
}

/* How far the frame that starts with record `start` reaches: it takes records while they fit. */
struct plan {
    uint32_t record_end; /* start: not even one fits */
    size_t payload_size;
};

static struct plan plan_frame(const struct tide_log_batch *batch, uint32_t start)
{
    struct plan plan = {.record_end = start, .payload_size = batch->source.size};
    while (plan.record_end < batch->record_count &&
           plan.record_end - start < TIDE_FRAME_RECORDS_MAX) {
        size_t size = record_size(&batch->records[plan.record_end]);
        if (size > TIDE_LOG_FRAME_BYTES_MAX - plan.payload_size) {
            break;
        }
        plan.payload_size += size;
        plan.record_end++;
    }
    return plan;
}

enum tide_status tide_frame_batch_size(const struct tide_log_batch *batch,
                                       size_t *size,
                                       struct tide_error *error)
{
    tide_assert(batch->record_count > 0);
    tide_assert(batch->source.size <= TIDE_LOG_SOURCE_BYTES_MAX);
    *size = 0;
    for (uint32_t start = 0; start < batch->record_count;) {
        struct plan plan = plan_frame(batch, start);
        if (plan.record_end == start) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "record %" PRIu32 " with %zu bytes does not fit a frame of %d",
                                  start,
                                  batch->records[start].text.size,
                                  TIDE_LOG_FRAME_BYTES_MAX);
        }
        *size += tide_frame_size((uint32_t)plan.payload_size);
        start = plan.record_end;
    }
    return TIDE_OK;
}

/* ---- encoding ---- */

static uint8_t *put_view(uint8_t *to, struct tide_view view)
{
    if (view.size > 0) {
        memcpy(to, view.data, view.size);
    }
    return to + view.size;
}

static uint8_t *put_record(uint8_t *to, const struct tide_log_record *record)
{
    bool is_judged = record->reason != TIDE_REASON_ACCEPTED;
    to[0] = (uint8_t)record->reason;
    to[1] = 0;
    tide_store_u16(to + 2, is_judged ? (uint16_t)record->pointer.size : 0);
    tide_store_u32(to + 4, (uint32_t)record->text.size);
    to += RECORD_HEADER_SIZE;
    if (is_judged) {
        tide_store_u32(to, (uint32_t)record->detail.size);
        tide_store_u32(to + 4, 0);
        tide_store_u64(to + 8, record->original_size);
        tide_store_u64(to + 16, record->original_hash.low);
        tide_store_u64(to + 24, record->original_hash.high);
        to += RECORD_JUDGEMENT_SIZE;
    }
    to = put_view(to, record->text);
    if (is_judged) {
        to = put_view(to, record->pointer);
        to = put_view(to, record->detail);
    }
    return to;
}

/* The place in the stream and the checksums stay zero: stamp() knows them. */
static void put_header(uint8_t *to, const struct tide_frame_header *header)
{
    memset(to, 0, TIDE_FRAME_HEADER_SIZE);
    tide_store_u32(to, FRAME_MAGIC);
    tide_store_u16(to + 4, TIDE_FRAME_VERSION);
    tide_store_u16(to + 6, TIDE_FRAME_HEADER_SIZE);
    tide_store_u32(to + 8, header->payload_size);
    tide_store_u32(to + 12, header->partition);
    tide_store_u32(to + 40, header->record_count);
    to[44] = header->kind;
    to[45] = header->source_size;
    tide_store_u64(to + 48, (uint64_t)header->received.us);
    tide_store_u64(to + 56, (uint64_t)header->sent.us);
}

void tide_frame_batch_encode(const struct tide_log_batch *batch, uint8_t *to)
{
    for (uint32_t start = 0; start < batch->record_count;) {
        struct plan plan = plan_frame(batch, start);
        tide_assert(plan.record_end > start);
        struct tide_frame_header header = {
            .kind = TIDE_FRAME_RECORDS,
            .source_size = (uint8_t)batch->source.size,
            .partition = batch->partition,
            .payload_size = (uint32_t)plan.payload_size,
            .record_count = plan.record_end - start,
            .received = batch->received,
            .sent = batch->sent,
        };
        put_header(to, &header);
        uint8_t *payload = to + TIDE_FRAME_HEADER_SIZE;
        uint8_t *end = put_view(payload, batch->source);
        for (uint32_t i = start; i < plan.record_end; i++) {
            end = put_record(end, &batch->records[i]);
        }
        tide_assert((size_t)(end - payload) == plan.payload_size);
        to += tide_frame_size(header.payload_size);
        memset(end, 0, (size_t)(to - end));
        start = plan.record_end;
    }
}

void tide_frame_seal_encode(uint8_t *to)
{
    struct tide_frame_header header = {.kind = TIDE_FRAME_SEAL};
    put_header(to, &header);
}

static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    return tide_crc32c(0, (struct tide_view){(const char *)bytes, size});
}

uint32_t tide_frame_stamp(uint8_t *frame, const struct tide_frame_stamp *stamp)
{
    uint32_t payload_size = tide_load_u32(frame + 8);
    tide_assert(payload_size <= TIDE_LOG_FRAME_BYTES_MAX);
    tide_assert(stamp->position % TIDE_FRAME_ALIGNMENT == 0);
    tide_assert(stamp->synced_upto <= stamp->position);
    tide_store_u64(frame + 16, stamp->salt);
    tide_store_u64(frame + 24, stamp->position);
    tide_store_u64(frame + 32, stamp->base_offset);
    tide_store_u64(frame + 64, stamp->synced_upto);
    tide_store_u32(frame + 72, stamp->previous_crc);
    tide_store_u32(frame + 76, checksum(frame + TIDE_FRAME_HEADER_SIZE, padded(payload_size)));
    uint32_t crc = checksum(frame, FRAME_CRC_AT);
    tide_store_u32(frame + FRAME_CRC_AT, crc);
    return crc;
}

/* ---- reading ---- */

static struct tide_frame_header get_header(const uint8_t *bytes)
{
    return (struct tide_frame_header){
        .payload_size = tide_load_u32(bytes + 8),
        .partition = tide_load_u32(bytes + 12),
        .salt = tide_load_u64(bytes + 16),
        .position = tide_load_u64(bytes + 24),
        .base_offset = tide_load_u64(bytes + 32),
        .record_count = tide_load_u32(bytes + 40),
        .kind = bytes[44],
        .source_size = bytes[45],
        .received = {(int64_t)tide_load_u64(bytes + 48)},
        .sent = {(int64_t)tide_load_u64(bytes + 56)},
        .synced_upto = tide_load_u64(bytes + 64),
        .previous_crc = tide_load_u32(bytes + 72),
        .payload_crc = tide_load_u32(bytes + 76),
        .header_crc = tide_load_u32(bytes + FRAME_CRC_AT),
    };
}

static bool is_plausible(const struct tide_frame_header *header)
{
    if (header->kind == TIDE_FRAME_SEAL) {
        return header->payload_size == 0 && header->record_count == 0 && header->partition == 0 &&
               header->source_size == 0;
    }
    return header->kind == TIDE_FRAME_RECORDS && header->record_count > 0 &&
           header->record_count <= TIDE_FRAME_RECORDS_MAX &&
           header->payload_size <= TIDE_LOG_FRAME_BYTES_MAX &&
           header->payload_size >=
               header->source_size + header->record_count * (uint32_t)RECORD_HEADER_SIZE;
}

struct tide_frame_header tide_frame_header_parse(const uint8_t *bytes)
{
    struct tide_frame_header header = get_header(bytes);
    tide_assert(tide_load_u32(bytes) == FRAME_MAGIC);
    tide_assert(is_plausible(&header));
    return header;
}

bool tide_frame_header_load(const uint8_t *bytes, struct tide_frame_header *header)
{
    /* The magic first: recovery asks this at every eighth byte behind a damaged frame. */
    if (tide_load_u32(bytes) != FRAME_MAGIC || tide_load_u16(bytes + 4) != TIDE_FRAME_VERSION ||
        tide_load_u16(bytes + 6) != TIDE_FRAME_HEADER_SIZE) {
        return false;
    }
    *header = get_header(bytes);
    return header->header_crc == checksum(bytes, FRAME_CRC_AT) && tide_load_u16(bytes + 46) == 0 &&
           tide_load_u32(bytes + 80) == 0 && is_plausible(header) &&
           header->position % TIDE_FRAME_ALIGNMENT == 0 &&
           header->position < TIDE_FRAME_POSITION_MAX && header->synced_upto <= header->position &&
           header->base_offset < TIDE_FRAME_POSITION_MAX;
}

/* Reads the record at *at, which moves behind it. false: it does not fit or is not well-formed. */
static bool get_record(struct tide_view payload, size_t *at, struct tide_log_record *record)
{
    const char *data = payload.data + *at;
    size_t left = payload.size - *at;
    if (left < RECORD_HEADER_SIZE) {
        return false;
    }
    uint8_t reason = (uint8_t)data[0];
    size_t pointer_size = tide_load_u16(data + 2);
    size_t text_size = tide_load_u32(data + 4);
    size_t detail_size = 0;
    size_t header_size = RECORD_HEADER_SIZE;
    if (reason >= TIDE_REASON_COUNT || data[1] != 0) {
        return false;
    }
    *record = (struct tide_log_record){.reason = (enum tide_reason)reason};
    if (reason != TIDE_REASON_ACCEPTED) {
        header_size += RECORD_JUDGEMENT_SIZE;
        if (left < header_size || tide_load_u32(data + RECORD_HEADER_SIZE + 4) != 0) {
            return false;
        }
        detail_size = tide_load_u32(data + RECORD_HEADER_SIZE);
        record->original_size = tide_load_u64(data + RECORD_HEADER_SIZE + 8);
        record->original_hash.low = tide_load_u64(data + RECORD_HEADER_SIZE + 16);
        record->original_hash.high = tide_load_u64(data + RECORD_HEADER_SIZE + 24);
    } else if (pointer_size != 0) {
        return false;
    }
    left -= header_size;
    if (text_size > left || pointer_size > left - text_size ||
        detail_size > left - text_size - pointer_size) {
        return false;
    }
    record->text = (struct tide_view){data + header_size, text_size};
    record->pointer = (struct tide_view){record->text.data + text_size, pointer_size};
    record->detail = (struct tide_view){record->pointer.data + pointer_size, detail_size};
    *at += header_size + text_size + pointer_size + detail_size;
    return true;
}

bool tide_frame_payload_check(const struct tide_frame_header *header, const uint8_t *payload)
{
    size_t size = padded(header->payload_size);
    if (checksum(payload, size) != header->payload_crc) {
        return false;
    }
    for (size_t i = header->payload_size; i < size; i++) {
        if (payload[i] != 0) {
            return false;
        }
    }
    struct tide_view view = {(const char *)payload, header->payload_size};
    size_t at = header->source_size;
    for (uint32_t i = 0; i < header->record_count; i++) {
        struct tide_log_record record;
        if (!get_record(view, &at, &record)) {
            return false;
        }
    }
    return at == header->payload_size;
}

void tide_frame_records_decode(const struct tide_frame_header *header,
                               const uint8_t *payload,
                               struct tide_view *source,
                               struct tide_log_record *records)
{
    struct tide_view view = {(const char *)payload, header->payload_size};
    *source = (struct tide_view){view.data, header->source_size};
    size_t at = header->source_size;
    for (uint32_t i = 0; i < header->record_count; i++) {
        bool is_valid = get_record(view, &at, &records[i]);
        tide_assert(is_valid);
    }
    tide_assert(at == header->payload_size);
}

/* ---- segment headers ---- */

void tide_segment_header_store(const struct tide_segment_header *header, uint8_t *bytes)
{
    tide_assert(header->partition_count >= 1);
    tide_assert(header->partition_count <= TIDE_LOG_PARTITIONS_MAX);
    tide_assert(header->synced_upto >= header->base_position);
    memset(bytes, 0, TIDE_SEGMENT_HEADER_SIZE);
    memcpy(bytes, segment_magic, SEGMENT_MAGIC_SIZE);
    tide_store_u16(bytes + 8, TIDE_FRAME_VERSION);
    tide_store_u16(bytes + 10, TIDE_SEGMENT_HEADER_SIZE);
    tide_store_u32(bytes + 12, header->partition_count);
    memcpy(bytes + 16, header->log_id, TIDE_SEGMENT_LOG_ID_SIZE);
    tide_store_u64(bytes + 32, header->salt);
    tide_store_u64(bytes + 40, header->number);
    tide_store_u64(bytes + 48, header->base_position);
    tide_store_u64(bytes + 56, header->synced_upto);
    tide_store_u32(bytes + 64, header->previous_crc);
    tide_store_u32(bytes + SEGMENT_CRC_AT, checksum(bytes, SEGMENT_CRC_AT));
}

enum tide_status tide_segment_header_load(const uint8_t *bytes,
                                          struct tide_segment_header *header,
                                          struct tide_error *error)
{
    if (memcmp(bytes, segment_magic, SEGMENT_MAGIC_SIZE) != 0) {
        return tide_error_set(error, TIDE_FATAL, "not a segment: the first bytes are wrong");
    }
    if (tide_load_u32(bytes + SEGMENT_CRC_AT) != checksum(bytes, SEGMENT_CRC_AT)) {
        return tide_error_set(error, TIDE_FATAL, "the header's checksum is wrong");
    }
    uint16_t version = tide_load_u16(bytes + 8);
    if (version != TIDE_FRAME_VERSION) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "format version %u is not %d",
                              (unsigned)version,
                              TIDE_FRAME_VERSION);
    }
    *header = (struct tide_segment_header){
        .partition_count = tide_load_u32(bytes + 12),
        .salt = tide_load_u64(bytes + 32),
        .number = tide_load_u64(bytes + 40),
        .base_position = tide_load_u64(bytes + 48),
        .synced_upto = tide_load_u64(bytes + 56),
        .previous_crc = tide_load_u32(bytes + 64),
    };
    memcpy(header->log_id, bytes + 16, TIDE_SEGMENT_LOG_ID_SIZE);
    bool is_plausible_header =
        tide_load_u16(bytes + 10) == TIDE_SEGMENT_HEADER_SIZE && header->partition_count >= 1 &&
        header->partition_count <= TIDE_LOG_PARTITIONS_MAX &&
        header->base_position % TIDE_FRAME_ALIGNMENT == 0 &&
        header->synced_upto % TIDE_FRAME_ALIGNMENT == 0 &&
        header->synced_upto >= header->base_position &&
        header->synced_upto < TIDE_FRAME_POSITION_MAX && tide_load_u64(bytes + 68) == 0;
    if (!is_plausible_header) {
        return tide_error_set(error, TIDE_FATAL, "the header contradicts itself");
    }
    return TIDE_OK;
}
