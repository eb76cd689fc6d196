/* Goal: a TZif file becomes the table it describes, and nothing else does: a file with any fault is
 * refused with its name. Method: small files written here, whole, then with one byte changed, cut
 * at every length, and with every byte set to every value. */
#include "base/timezone_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/tzif.h"

enum {
    HOUR = 3600,
    /* where things are in plain_file() */
    TIMES_AT = TZIF_BLOCK_AT,
    TIME_TYPES_AT = TIMES_AT + 16,
    TYPES_AT = TIME_TYPES_AT + 2,
    NAMES_AT = TYPES_AT + 12,
    STANDARD_AT = NAMES_AT + 4,
    UT_AT = STANDARD_AT + 2,
    FOOTER_AT = UT_AT + 2,
    PLAIN_SIZE = FOOTER_AT + 7
};

static const int64_t plain_times[] = {1000000000, 1010000000};
static const uint8_t plain_time_types[] = {1, 0};
static const int32_t plain_offsets[] = {HOUR, 2 * HOUR};

static struct tide_bytes plain_file(void)
{
    struct tide_bytes bytes = tzif_write((struct tzif){
        .times = plain_times,
        .time_types = plain_time_types,
        .time_count = 2,
        .offsets = plain_offsets,
        .type_count = 2,
        .footer = "AAA-1",
    });
    assert_int_equal(bytes.size, PLAIN_SIZE);
    return bytes;
}

/* Every table that is given keeps what the header promises. */
static void check_table(struct tide_timezone_table table)
{
    assert_true(table.count >= 1);
    assert_true(table.spans[0].from == INT64_MIN && table.spans[0].wall == INT64_MIN);
    for (uint32_t i = 1; i < table.count; i++) {
        const struct tide_timezone_span *before = &table.spans[i - 1];
        const struct tide_timezone_span *span = &table.spans[i];
        const int32_t larger = span->offset > before->offset ? span->offset : before->offset;
        assert_true(span->from > before->from && span->wall > before->wall);
        assert_true(span->wall == span->from + larger);
        assert_int_not_equal(span->offset, before->offset);
        assert_true(abs(span->offset - before->offset) <= 86400);
    }
}

/* From an exact copy, so that the sanitizer sees the end. */
static enum tide_status read_exactly(struct tide_arena *arena,
                                     struct tide_view bytes,
                                     struct tide_timezone_table *table,
                                     struct tide_error *error)
{
    char *copy = malloc(bytes.size + 1);
    assert_non_null(copy);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    char *exact = realloc(copy, bytes.size == 0 ? 1 : bytes.size);
    assert_non_null(exact);
    const enum tide_status status =
        tide_timezone_file_read(arena, (struct tide_view){exact, bytes.size}, table, error);
    free(exact);
    if (status == TIDE_OK) {
        check_table(*table);
    }
    return status;
}

static struct tide_timezone_table read_ok(struct tide_arena *arena, struct tzif file)
{
    struct tide_bytes bytes = tzif_write(file);
    struct tide_timezone_table table = {0};
    struct tide_error error = {{0}};
    if (read_exactly(arena, tide_bytes_view(&bytes), &table, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    tide_bytes_release(&bytes);
    return table;
}

static int32_t offset_at(struct tide_timezone_table table, int64_t instant)
{
    int32_t offset = 0;
    for (uint32_t i = 0; i < table.count && table.spans[i].from <= instant; i++) {
        offset = table.spans[i].offset;
    }
    return offset;
}

static void test_recorded_transitions(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_bytes bytes = plain_file();
    struct tide_timezone_table table = {0};
    assert_int_equal(read_exactly(&arena, tide_bytes_view(&bytes), &table, NULL), TIDE_OK);
    assert_int_equal(table.count, 3);
    assert_int_equal(table.spans[0].offset, HOUR);
    assert_int_equal(table.spans[1].from, 1000000000);
    assert_int_equal(table.spans[1].wall, 1000000000 + 2 * HOUR);
    assert_int_equal(table.spans[1].offset, 2 * HOUR);
    assert_int_equal(table.spans[2].from, 1010000000);
    assert_int_equal(table.spans[2].wall, 1010000000 + 2 * HOUR);
    assert_int_equal(table.spans[2].offset, HOUR);
    tide_bytes_release(&bytes);
    tide_arena_release(&arena);
}

static void test_old_block_is_stepped_over(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_bytes plain = plain_file();
    struct tide_bytes bytes = {0};
    static const char old[5 * 3 + 6 * 2 + 4 + 2 + 2]; /* not valid, and nobody looks */
    tzif_append_header(&bytes, 2, 3, 2, 4);
    tide_bytes_append(&bytes, old, sizeof(old));
    tide_bytes_append_view(&bytes, tide_view_slice(tide_bytes_view(&plain), 44, plain.size - 44));
    struct tide_timezone_table table = {0};
    assert_int_equal(read_exactly(&arena, tide_bytes_view(&bytes), &table, NULL), TIDE_OK);
    assert_int_equal(table.count, 3);
    tide_bytes_release(&bytes);
    tide_bytes_release(&plain);
    tide_arena_release(&arena);
}

static void test_nothing_recorded(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tzif file = {.offsets = plain_offsets, .type_count = 2, .footer = ""};
    struct tide_timezone_table table = read_ok(&arena, file);
    assert_int_equal(table.count, 1);
    assert_int_equal(table.spans[0].offset, HOUR); /* the first type */
    file.footer = "BBB-5:30";
    table = read_ok(&arena, file);
    assert_int_equal(table.count, 1);
    assert_int_equal(table.spans[0].offset, 19800); /* the string holds always */
    file.footer = "CET-1CEST,M3.5.0,M10.5.0/3";
    table = read_ok(&arena, file);
    assert_int_equal(table.count, 1 + 2 * (TIDE_TIMEZONE_YEAR_END - 1900));
    assert_int_equal(offset_at(table, INT64_MIN), HOUR);
    assert_int_equal(offset_at(table, 1774746000 - 1), HOUR); /* 2026-03-29T01:00Z */
    assert_int_equal(offset_at(table, 1774746000), 2 * HOUR);
    file.footer = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"; /* the year begins in summer */
    table = read_ok(&arena, file);
    assert_int_equal(offset_at(table, INT64_MIN), 11 * HOUR);
    tide_arena_release(&arena);
}

static void test_rule_goes_on(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tzif file = {
        .times = plain_times, /* 2001-09-09 and 2002-01-02 */
        .time_types = plain_time_types,
        .time_count = 2,
        .offsets = plain_offsets,
        .type_count = 2,
        .footer = "CET-1CEST,M3.5.0,M10.5.0/3",
    };
    const struct tide_timezone_table table = read_ok(&arena, file);
    /* 2002 has both changes after the last that was recorded. */
    assert_int_equal(table.count, 3 + 2 * (TIDE_TIMEZONE_YEAR_END - 2002));
    assert_int_equal(table.spans[3].from, 1017536400);               /* 2002-03-31T01:00Z */
    assert_int_equal(table.spans[table.count - 1].from, 7315318800); /* 2201-10-25T01:00Z */
    file.time_count = 1; /* the last one recorded is in summer: the next is that year's autumn */
    const struct tide_timezone_table summer = read_ok(&arena, file);
    assert_int_equal(summer.spans[2].from, 1004230800); /* 2001-10-28T01:00Z */
    tide_arena_release(&arena);
}

/* RFC 8536, section 3.3.1: a rule that begins again where it ends is daylight time for ever. */
static void test_daylight_time_all_year(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    const struct tide_timezone_table table = read_ok(&arena,
                                                     (struct tzif){
                                                         .offsets = plain_offsets,
                                                         .type_count = 1,
                                                         .footer = "XXX3EDT4,0/0,J365/23",
                                                     });
    assert_int_equal(table.count, 3); /* before and after what was written out, and all between */
    assert_int_equal(table.spans[1].offset, -4 * HOUR);
    assert_true(table.spans[1].from < 0 && table.spans[2].from > 7258118400);
    tide_arena_release(&arena);
}

static void test_changes_of_nothing_leave_no_span(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 100, 200};
    static const uint8_t time_types[] = {2, 1, 3};
    static const int32_t offsets[] = {HOUR, 2 * HOUR, HOUR, 2 * HOUR};
    struct tide_arena arena = {0};
    const struct tide_timezone_table table =
        read_ok(&arena, (struct tzif){times, time_types, 3, offsets, 4, "AAA-2"});
    assert_int_equal(table.count, 2);
    assert_int_equal(table.spans[1].from, 100);
    tide_arena_release(&arena);
}

/* Years far from now neither assert nor run for ever. */
static void test_extreme_times(void **state)
{
    (void)state;
    static const int64_t times[] = {
        -(INT64_C(1) << 59), -2208988801, 7290000000, 7385000000, 253402300799};
    static const uint8_t time_types[] = {0, 0, 0, 0, 0};
    struct tide_arena arena = {0};
    for (uint32_t i = 0; i < 5; i++) {
        (void)read_ok(&arena,
                      (struct tzif){&times[i],
                                    time_types,
                                    1,
                                    plain_offsets,
                                    1,
                                    "AAA-1BBB,M3.5.0,"
                                    "M10.5.0/3"});
    }
    tide_arena_release(&arena);
}

static void expect_refused(struct tide_view bytes, const char *text)
{
    struct tide_arena arena = {0};
    struct tide_timezone_table table = {0};
    struct tide_error error = {{0}};
    const enum tide_status status = read_exactly(&arena, bytes, &table, &error);
    if (status != TIDE_REJECT || strstr(error.text, text) == NULL) {
        fail_msg("%s '%s', not '%s'", tide_status_name(status), error.text, text);
    }
    assert_null(table.spans);
    tide_arena_release(&arena);
}

static void test_refuses_one_wrong_byte(void **state)
{
    static const struct {
        size_t at;
        int byte;
        const char *text;
    } cases[] = {
        {0, 'X', "no TZif header"},
        {4, 0, "version 1 has no 64-bit data"},
        {4, '1', "version byte 0x31"},
        {4, '5', "version byte 0x35"},
        {4, '3', "two headers differ"},
        {20, 1, "cut short"}, /* counts of the old block */
        {32, 0xff, "cut short"},
        {36, 0xff, "cut short"},
        {40, 0xff, "cut short"},
        {44, 'X', "no TZif header"},
        {48, 0, "version 1 has no 64-bit data"},
        {48, '4', "two headers differ"},
        {67, 1, "indicators for 2"}, /* UT */
        {67, 3, "indicators for 2"},
        {71, 1, "indicators for 2"}, /* standard */
        {75, 27, "it counts leap seconds (27 of them)"},
        {76, 0xff, "cut short"}, /* transitions */
        {79, 60, "cut short"},
        {80, 0xff, "4278190082 local time types are outside 1..256"},
        {82, 1, "258 local time types are outside 1..256"},
        {83, 0, "0 local time types are outside 1..256"},
        {84, 0xff, "cut short"}, /* designations */
        {87, 0, "no designations"},
        {TIMES_AT, 0x80, "is out of range"},
        {TIMES_AT, 0x7f, "is out of range"},
        {TIMES_AT + 4, 0x7f, "the transition at 1010000000 s is not after the one before"},
        {TIME_TYPES_AT, 2, "the transition at 1000000000 s has a type that is not there"},
        {TIME_TYPES_AT + 1, 255, "the transition at 1010000000 s has a type"},
        {TYPES_AT, 0x7f, "is outside -89999..93599"},
        {TYPES_AT + 6, 0x80, "is outside -89999..93599"},
        {TYPES_AT + 4, 2, "the daylight byte"},
        {TYPES_AT + 4, 0xff, "the daylight byte"},
        {TYPES_AT + 5, 4, "a designation begins behind their end"},
        {NAMES_AT + 3, 'A', "the last designation has no end"},
        {STANDARD_AT + 1, 2, "the indicators of a type"},
        {STANDARD_AT, 0xff, "the indicators of a type"},
        {UT_AT, 1, "UT without std"},
        {FOOTER_AT, ' ', "does not end with"},
        {PLAIN_SIZE - 1, ' ', "does not end with"},
        {FOOTER_AT + 1, '1', "its TZ string cannot be read"},
        {FOOTER_AT + 3, '\n', "its TZ string cannot be read"},
        {FOOTER_AT + 5, '2', "the TZ string does not go on"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes bytes = plain_file();
        bytes.data[cases[i].at] = (char)cases[i].byte;
        expect_refused(tide_bytes_view(&bytes), cases[i].text);
        tide_bytes_release(&bytes);
    }
}

static void test_refuses_what_is_cut_or_longer(void **state)
{
    (void)state;
    struct tide_bytes bytes = plain_file();
    for (size_t size = 0; size < PLAIN_SIZE; size++) {
        const struct tide_view cut = tide_view_slice(tide_bytes_view(&bytes), 0, size);
        expect_refused(cut, size < FOOTER_AT ? "cut short" : "");
    }
    tide_bytes_append_text(&bytes, "x");
    expect_refused(tide_bytes_view(&bytes), "does not end with");
    while (bytes.size <= TIDE_TIMEZONE_FILE_SIZE_MAX) {
        tide_bytes_append_text(&bytes, "\n");
    }
    expect_refused(tide_bytes_view(&bytes), "it has 65537 bytes, more than 65536");
    tide_bytes_release(&bytes);
}

static void expect_file_refused(struct tzif file, const char *text)
{
    struct tide_bytes bytes = tzif_write(file);
    expect_refused(tide_bytes_view(&bytes), text);
    tide_bytes_release(&bytes);
}

/* Local days would not be in order. */
static void test_refuses_wild_clocks(void **state)
{
    static const int64_t times[] = {1000, 2000};
    static const uint8_t time_types[] = {1, 2};
    static const int32_t far[] = {-43200, 43201};
    static const int32_t back_twice[] = {3 * HOUR, 2 * HOUR, HOUR};
    struct tide_arena arena = {0};
    (void)state;
    expect_file_refused((struct tzif){times, time_types, 1, far, 2, ""},
                        "at 1000 s clocks change by 86401 s, more than a day");
    expect_file_refused((struct tzif){times, time_types, 2, back_twice, 3, ""},
                        "at 2000 s clocks change again");
    static const int64_t spaced[] = {1000, 1000 + HOUR + 1};
    (void)read_ok(&arena, (struct tzif){spaced, time_types, 2, back_twice, 3, ""});
    tide_arena_release(&arena);
}

static void test_any_byte_is_taken_or_refused(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    for (size_t at = 0; at < PLAIN_SIZE; at++) {
        for (int byte = 0; byte < 256; byte++) {
            struct tide_bytes bytes = plain_file();
            struct tide_timezone_table table = {0};
            bytes.data[at] = (char)byte;
            const enum tide_status status =
                read_exactly(&arena, tide_bytes_view(&bytes), &table, NULL);
            assert_true(status == TIDE_OK || status == TIDE_REJECT);
            tide_bytes_release(&bytes);
            tide_arena_reset(&arena);
        }
    }
    tide_arena_release(&arena);
}

static void test_full_arena(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_bytes bytes = plain_file();
    struct tide_timezone_table table = {0};
    struct tide_error error = {{0}};
    tide_arena_init(&arena, 16);
    assert_int_equal(read_exactly(&arena, tide_bytes_view(&bytes), &table, &error), TIDE_RETRY);
    assert_string_equal(error.text, "no memory for 3 transitions");
    tide_bytes_release(&bytes);
    tide_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_transitions),
        cmocka_unit_test(test_old_block_is_stepped_over),
        cmocka_unit_test(test_nothing_recorded),
        cmocka_unit_test(test_rule_goes_on),
        cmocka_unit_test(test_daylight_time_all_year),
        cmocka_unit_test(test_changes_of_nothing_leave_no_span),
        cmocka_unit_test(test_extreme_times),
        cmocka_unit_test(test_refuses_one_wrong_byte),
        cmocka_unit_test(test_refuses_what_is_cut_or_longer),
        cmocka_unit_test(test_refuses_wild_clocks),
        cmocka_unit_test(test_any_byte_is_taken_or_refused),
        cmocka_unit_test(test_full_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
