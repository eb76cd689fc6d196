/* Goal: what is encoded is read back, and what is not a frame is never taken for one.
 * Method: round trips over a table of records and over frame limits; every single bit flip of a
 * frame and of a segment header; a table of frames that have right checksums and wrong contents. */
#include "log/frame.h"

#include "support/log_model.h"

#include <stdlib.h>

static const struct tide_frame_stamp some_stamp = {
    .salt = 0x1122334455667788,
    .position = 4096,
    .base_offset = 17,
    .synced_upto = 4000,
    .previous_crc = 0xdeadbeef,
};

static uint32_t frame_crc(const uint8_t *bytes, size_t size)
{
    return tide_crc32c(0, (struct tide_view){(const char *)bytes, size});
}

/* One batch of all kinds of records, encoded and stamped; the caller frees. */
static uint8_t *encode_example(struct model_batch *content, size_t *size)
{
    struct model model = {.partition_count = 5};
    model_fill(&model, 8, 1, content);
    content->batch.record_count = MODEL_RECORDS;
    for (uint32_t r = 0; r < MODEL_RECORDS; r++) {
        model_fill_record(8, 1, r, content);
    }
    content->records[1].text = (struct tide_view){0};
    content->records[2].reason = TIDE_REASON_TOO_LARGE;
    content->records[2].pointer = TIDE_VIEW("/a/b");
    content->records[2].detail = TIDE_VIEW("1048577 bytes");
    content->records[2].original_size = 1048577;
    content->records[2].original_hash = (struct tide_u128){1, 2};
    assert_int_equal(tide_frame_batch_size(&content->batch, size, NULL), TIDE_OK);
    uint8_t *bytes = malloc(*size);
    assert_non_null(bytes);
    memset(bytes, 0xff, *size); /* nothing may be left as it was */
    tide_frame_batch_encode(&content->batch, bytes);
    tide_frame_stamp(bytes, &some_stamp);
    return bytes;
}

static bool is_valid(const uint8_t *bytes, size_t size, struct tide_frame_header *header)
{
    return tide_frame_header_load(bytes, header) && tide_frame_size(header->payload_size) == size &&
           tide_frame_payload_check(header, bytes + TIDE_FRAME_HEADER_SIZE);
}

static void test_round_trip(void **state)
{
    (void)state;
    static struct model_batch content;
    struct tide_frame_header header;
    struct tide_view source;
    struct tide_log_record records[MODEL_RECORDS];
    size_t size = 0;
    uint8_t *bytes = encode_example(&content, &size);
    assert_int_equal(size % TIDE_FRAME_ALIGNMENT, 0);
    assert_true(is_valid(bytes, size, &header));
    assert_int_equal(header.kind, TIDE_FRAME_RECORDS);
    assert_int_equal(header.salt, some_stamp.salt);
    assert_int_equal(header.position, some_stamp.position);
    assert_int_equal(header.base_offset, some_stamp.base_offset);
    assert_int_equal(header.synced_upto, some_stamp.synced_upto);
    assert_int_equal(header.previous_crc, some_stamp.previous_crc);
    assert_int_equal(header.partition, content.batch.partition);
    assert_int_equal(header.received.us, content.batch.received.us);
    assert_int_equal(header.sent.us, content.batch.sent.us);
    assert_int_equal(header.record_count, MODEL_RECORDS);
    tide_frame_records_decode(&header, bytes + TIDE_FRAME_HEADER_SIZE, &source, records);
    model_expect_view(source, content.batch.source);
    for (uint32_t r = 0; r < MODEL_RECORDS; r++) {
        model_expect_record(&records[r], &content.records[r]);
    }
    free(bytes);
}

static void test_every_bit_matters(void **state)
{
    (void)state;
    static struct model_batch content;
    struct tide_frame_header header;
    size_t size = 0;
    uint8_t *bytes = encode_example(&content, &size);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_false(is_valid(bytes, size, &header));
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    assert_true(is_valid(bytes, size, &header));
    free(bytes);
}

/* Offsets and values that a broken or hostile writer could give right checksums. */
static void test_wrong_contents_with_right_checksums(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } cases[] = {
        {"version", 4, 2},
        {"header size", 6, 96},
        {"payload larger than the maximum", 11, 0x7f},
        {"payload smaller than its records", 9, 0},
        {"no records", 40, 0},
        {"more records than a frame may have", 42, 2},
        {"one record more than there is", 40, MODEL_RECORDS + 1},
        {"one record less than there is", 40, MODEL_RECORDS - 1},
        {"kind", 44, 3},
        {"a seal with records", 44, TIDE_FRAME_SEAL},
        {"source size", 45, 200},
        {"zero after the source size", 46, 1},
        {"position not aligned", 24, 4},
        {"position beyond the maximum", 31, 0x80},
        {"offset beyond the maximum", 39, 0x80},
        {"synced beyond the frame itself", 66, 1},
        {"zero before the checksum", 80, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct model_batch content;
        struct tide_frame_header header;
        size_t size = 0;
        uint8_t *bytes = encode_example(&content, &size);
        assert_int_not_equal(bytes[cases[i].at], cases[i].value);
        bytes[cases[i].at] = cases[i].value;
        tide_store_u32(bytes + 84, frame_crc(bytes, 84));
        if (is_valid(bytes, size, &header)) {
            fail_msg("taken for a frame: %s", cases[i].what);
        }
        free(bytes);
    }
}

static void test_wrong_payloads_with_right_checksums(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at; /* in the payload of one record "{}" of source "x", padded to 16 */
        uint8_t value;
    } cases[] = {
        {"reason", 1, TIDE_REASON_COUNT},
        {"judged without judgement", 1, 1},
        {"zero after the reason", 2, 1},
        {"pointer of an accepted record", 3, 1},
        {"text longer than the frame", 5, 3},
        {"text much longer", 8, 0xff},
        {"text shorter", 5, 1},
        {"padding", 12, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_log_record record = {.text = TIDE_VIEW("{}")};
        struct tide_log_batch batch = {
            .source = TIDE_VIEW("x"), .records = &record, .record_count = 1};
        uint8_t bytes[TIDE_FRAME_HEADER_SIZE + 16] = {0};
        struct tide_frame_header header;
        size_t size = 0;
        assert_int_equal(tide_frame_batch_size(&batch, &size, NULL), TIDE_OK);
        assert_int_equal(size, sizeof(bytes));
        tide_frame_batch_encode(&batch, bytes);
        tide_frame_stamp(bytes, &some_stamp);
        assert_true(is_valid(bytes, size, &header));
        bytes[TIDE_FRAME_HEADER_SIZE + cases[i].at] = cases[i].value;
        tide_frame_stamp(bytes, &some_stamp);
        if (is_valid(bytes, size, &header)) {
            fail_msg("taken for a payload: %s", cases[i].what);
        }
    }
}

static void test_limits(void **state)
{
    (void)state;
    char *text = calloc(1, TIDE_LOG_FRAME_BYTES_MAX + 1);
    assert_non_null(text);
    struct tide_log_record records[3] = {0};
    struct tide_log_batch batch = {.records = records, .record_count = 1};
    size_t size = 0;
    records[0].text = (struct tide_view){text, TIDE_LOG_FRAME_BYTES_MAX - 8};
    assert_int_equal(tide_frame_batch_size(&batch, &size, NULL), TIDE_OK);
    assert_int_equal(size, TIDE_FRAME_SIZE_MAX);
    records[0].text.size++;
    assert_int_equal(tide_frame_batch_size(&batch, &size, NULL), TIDE_REJECT);
    records[0].text.size = TIDE_LOG_FRAME_BYTES_MAX + 1;
    assert_int_equal(tide_frame_batch_size(&batch, &size, NULL), TIDE_REJECT);
    records[0] = (struct tide_log_record){.reason = TIDE_REASON_TYPE};
    records[0].pointer = (struct tide_view){text, UINT16_MAX + 1};
    assert_int_equal(tide_frame_batch_size(&batch, &size, NULL), TIDE_REJECT);
    records[0].pointer.size = UINT16_MAX;
    assert_int_equal(tide_frame_batch_size(&batch, &size, NULL), TIDE_OK);
    /* Three records that fit only two to a frame become two frames. */
    for (size_t i = 0; i < 3; i++) {
        records[i] = (struct tide_log_record){
            .text = {text, TIDE_LOG_FRAME_BYTES_MAX / 2 - 8},
        };
    }
    batch.record_count = 3;
    assert_int_equal(tide_frame_batch_size(&batch, &size, NULL), TIDE_OK);
    assert_int_equal(size,
                     TIDE_FRAME_SIZE_MAX + TIDE_FRAME_HEADER_SIZE + TIDE_LOG_FRAME_BYTES_MAX / 2);
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    tide_frame_batch_encode(&batch, bytes);
    assert_int_equal(tide_frame_header_parse(bytes).record_count, 2);
    assert_int_equal(tide_frame_header_parse(bytes + TIDE_FRAME_SIZE_MAX).record_count, 1);
    free(bytes);
    free(text);
}

static void test_seal(void **state)
{
    (void)state;
    uint8_t bytes[TIDE_FRAME_HEADER_SIZE];
    struct tide_frame_header header;
    memset(bytes, 0xff, sizeof(bytes));
    tide_frame_seal_encode(bytes);
    tide_frame_stamp(bytes, &some_stamp);
    assert_true(is_valid(bytes, sizeof(bytes), &header));
    assert_int_equal(header.kind, TIDE_FRAME_SEAL);
}

static struct tide_segment_header example_segment(void)
{
    struct tide_segment_header header = {
        .partition_count = 8,
        .salt = 77,
        .number = 3,
        .base_position = 8000,
        .synced_upto = 9000,
        .previous_crc = 5,
    };
    memset(header.log_id, 0xab, sizeof(header.log_id));
    return header;
}

static void test_segment_header(void **state)
{
    (void)state;
    uint8_t bytes[TIDE_SEGMENT_HEADER_SIZE];
    struct tide_segment_header header = example_segment();
    struct tide_segment_header is = {0};
    tide_segment_header_store(&header, bytes);
    assert_int_equal(tide_segment_header_load(bytes, &is, NULL), TIDE_OK);
    assert_int_equal(is.partition_count, header.partition_count);
    assert_memory_equal(is.log_id, header.log_id, sizeof(is.log_id));
    assert_int_equal(is.salt, header.salt);
    assert_int_equal(is.number, header.number);
    assert_int_equal(is.base_position, header.base_position);
    assert_int_equal(is.synced_upto, header.synced_upto);
    assert_int_equal(is.previous_crc, header.previous_crc);
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(tide_segment_header_load(bytes, &is, NULL), TIDE_FATAL);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

static void test_segment_header_contradictions(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        enum tide_status status;
    } cases[] = {
        {8, 2, TIDE_REJECT}, /* made by a newer program */
        {10, 96, TIDE_FATAL},
        {12, 0, TIDE_FATAL},
        {14, 1, TIDE_FATAL},
        {48, 1, TIDE_FATAL},
        {56, 1, TIDE_FATAL},
        {57, 0, TIDE_FATAL},
        {63, 0x80, TIDE_FATAL},
        {70, 1, TIDE_FATAL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[TIDE_SEGMENT_HEADER_SIZE];
        struct tide_segment_header header = example_segment();
        struct tide_error error = {0};
        tide_segment_header_store(&header, bytes);
        bytes[cases[i].at] = cases[i].value;
        tide_store_u32(bytes + 76, frame_crc(bytes, 76));
        assert_int_equal(tide_segment_header_load(bytes, &header, &error), cases[i].status);
        assert_true(strlen(error.text) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_bit_matters),
        cmocka_unit_test(test_wrong_contents_with_right_checksums),
        cmocka_unit_test(test_wrong_payloads_with_right_checksums),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_seal),
        cmocka_unit_test(test_segment_header),
        cmocka_unit_test(test_segment_header_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
