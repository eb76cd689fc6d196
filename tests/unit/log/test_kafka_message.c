/* Goal: what a header says is what was written, and garbage of any kind is no header.
 * Method: round trips over what a record may hold; a table of texts that differ in one thing from a
 * right one; every prefix of a right one. */
#include "log/kafka_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void expect_view(struct tide_view is, struct tide_view expected)
{
    assert_int_equal(is.size, expected.size);
    if (is.size > 0) {
        assert_memory_equal(is.data, expected.data, is.size);
    }
}

/* ---- stamps */

static void stamps_come_back(void **state)
{
    static char longest[TIDE_LOG_SOURCE_BYTES_MAX];
    memset(longest, 's', sizeof(longest));
    const struct tide_kafka_stamp stamps[] = {
        {{0}, {0}, TIDE_VIEW("http")},
        {{INT64_C(1772962800123456)}, TIDE_INSTANT_UNKNOWN, TIDE_VIEW("topic with blanks")},
        {{-1}, {-999999999999999999}, TIDE_VIEW("")},
        {{999999999999999999}, {1}, {longest, sizeof(longest)}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
        struct tide_bytes text = {0};
        struct tide_kafka_stamp read = {0};
        tide_kafka_stamp_write(&stamps[i], &text);
        assert_true(tide_kafka_stamp_read(tide_bytes_view(&text), &read));
        assert_int_equal(read.received.us, stamps[i].received.us);
        assert_int_equal(read.sent.us, stamps[i].sent.us);
        expect_view(read.source, stamps[i].source);
        tide_bytes_release(&text);
    }
}

static void what_is_no_stamp(void **state)
{
    static char too_long[TIDE_LOG_SOURCE_BYTES_MAX + 5];
    memset(too_long, 's', sizeof(too_long));
    memcpy(too_long, "1 2 ", 4);
    const struct tide_view texts[] = {
        TIDE_VIEW(""),
        TIDE_VIEW(" "),
        TIDE_VIEW("1"),
        TIDE_VIEW("1 2"), /* no blank behind it: no source follows */
        TIDE_VIEW("- - http"),
        TIDE_VIEW(" 1 2 http"),
        TIDE_VIEW("1  2 http"),
        TIDE_VIEW("1 x http"),
        TIDE_VIEW("x 2 http"),
        TIDE_VIEW("1.5 2 http"),
        TIDE_VIEW("+1 2 http"),
        TIDE_VIEW("--1 2 http"),
        TIDE_VIEW("1\0 2 http"),
        TIDE_VIEW("1000000000000000000 2 http"), /* 19 digits */
        TIDE_VIEW("1 -1000000000000000000 http"),
        {too_long, sizeof(too_long)},
        {NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tide_kafka_stamp stamp;
        if (tide_kafka_stamp_read(texts[i], &stamp)) {
            fail_msg("'%.*s' is no stamp", TIDE_VIEW_ARGUMENTS(texts[i]));
        }
    }
}

/* ---- verdicts */

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct tide_log_record judged[] = {
    {.reason = TIDE_REASON_JSON_INVALID, .detail = TEXT("expected a value")},
    {.reason = TIDE_REASON_TOO_LARGE,
     .original_size = UINT64_C(999999999999999999),
     .original_hash = {UINT64_MAX, 1}},
    {.reason = TIDE_REASON_SCHEMA_UNKNOWN,
     .pointer = TEXT("/a b/~0/\n"),
     .detail = TEXT("bytes: \x00\xff")},
    {.reason = TIDE_REASON_MISSING, .pointer = TEXT("/x")},
};

static void verdicts_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
        const struct tide_log_record *record = &judged[i];
        struct tide_bytes text = {0};
        struct tide_log_record read = {.text = TIDE_VIEW("kept"), .topic = 3};
        tide_kafka_verdict_write(record, &text);
        assert_true(tide_kafka_verdict_read(tide_bytes_view(&text), &read));
        assert_int_equal(read.reason, record->reason);
        expect_view(read.pointer, record->pointer);
        expect_view(read.detail, record->detail);
        assert_int_equal(read.original_size, record->original_size);
        assert_true(tide_u128_equal(read.original_hash, record->original_hash));
        expect_view(read.text, TIDE_VIEW("kept")); /* what is not the verdict's stays */
        assert_int_equal(read.topic, 3);
        tide_bytes_release(&text);
    }
}

#define HASH "0123456789abcdef0123456789abcdef"

static void what_is_no_verdict(void **state)
{
    const struct tide_view texts[] = {
        TIDE_VIEW(""),
        TIDE_VIEW("json_invalid"),
        TIDE_VIEW("accepted 0 " HASH " 0 "), /* was not judged */
        TIDE_VIEW("nonsense 0 " HASH " 0 "),
        TIDE_VIEW("JSON_INVALID 0 " HASH " 0 "),
        TIDE_VIEW(" json_invalid 0 " HASH " 0 "),
        TIDE_VIEW("json_invalid -1 " HASH " 0 "),
        TIDE_VIEW("json_invalid x " HASH " 0 "),
        TIDE_VIEW("json_invalid 1000000000000000000 " HASH " 0 "),
        TIDE_VIEW("json_invalid 0 " HASH "0 0 "), /* 33 digits */
        TIDE_VIEW("json_invalid 0 0123 0 "),
        TIDE_VIEW("json_invalid 0 0123456789ABCDEF0123456789abcdef 0 "),
        TIDE_VIEW("json_invalid 0 0123456789abcdef\0"
                  "123456789abcdef 0 "),
        TIDE_VIEW("json_invalid 0 " HASH " 0"),     /* no blank: cut off */
        TIDE_VIEW("json_invalid 0 " HASH " 4 /ab"), /* a pointer longer than what there is */
        TIDE_VIEW("json_invalid 0 " HASH " -1 /ab"),
        TIDE_VIEW("json_invalid 0 " HASH " 999999999999999999 /ab"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tide_log_record record = {0};
        if (tide_kafka_verdict_read(texts[i], &record)) {
            fail_msg("'%.*s' is no verdict", TIDE_VIEW_ARGUMENTS(texts[i]));
        }
    }
}

/* Cut anywhere before its last number ends, neither header is one; behind it only texts are
 * shorter. */
static void heads_that_are_cut(void **state)
{
    struct tide_bytes stamp = {0};
    struct tide_bytes verdict = {0};
    (void)state;
    tide_kafka_stamp_write(&(struct tide_kafka_stamp){{12345}, {678}, TIDE_VIEW("")}, &stamp);
    tide_kafka_verdict_write(&judged[1], &verdict);
    for (size_t size = 0; size < stamp.size; size++) {
        struct tide_kafka_stamp read;
        assert_false(tide_kafka_stamp_read((struct tide_view){stamp.data, size}, &read));
    }
    for (size_t size = 0; size < verdict.size; size++) {
        struct tide_log_record read = {0};
        assert_false(tide_kafka_verdict_read((struct tide_view){verdict.data, size}, &read));
    }
    tide_bytes_release(&stamp);
    tide_bytes_release(&verdict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_come_back),
        cmocka_unit_test(what_is_no_stamp),
        cmocka_unit_test(verdicts_come_back),
        cmocka_unit_test(what_is_no_verdict),
        cmocka_unit_test(heads_that_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
