/* Goal: exactly RFC 3629. Method: every code point encoded by another formula is the sequence that
 * is read and written, its neighbours at the borders are not; tables for the rest. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/banned.h"

static size_t encode(uint32_t point, char *to)
{
    static const uint32_t limits[] = {0x80, 0x800, 0x10000, 0x110000};
    static const unsigned char leads[] = {0x00, 0xC0, 0xE0, 0xF0};
    size_t more = 0;
    while (point >= limits[more]) {
        more++;
    }
    for (size_t i = more; i > 0; i--) {
        to[i] = (char)(0x80 + point % 64);
        point /= 64;
    }
    to[0] = (char)(leads[more] + point);
    return more + 1;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x110000; point++) {
        char text[TIDE_UTF8_SIZE_MAX];
        char written[TIDE_UTF8_SIZE_MAX];
        const size_t size = encode(point, text);
        const bool is_surrogate = point >= 0xD800 && point < 0xE000;
        assert_int_equal(tide_utf8_sequence(text, text + size), is_surrogate ? 0 : size);
        if (size > 1) {
            assert_int_equal(tide_utf8_sequence(text, text + size - 1), 0);
        }
        assert_int_equal(tide_utf8_encode(point, written), size);
        assert_memory_equal(written, text, size);
    }
}

static void test_sequence_is_the_first(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"ab", 1},
        {"\x7f\xc3", 1},
        {"\x80", 0},
        {"\xc1\xbf", 0},
        {"\xc2\x80\x80", 2},
        {"\xe0\x9f\xbf", 0},
        {"\xe2\x82\xac\xe2", 3},
        {"\xe2\x82x", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf0\x9f\x98\x80!", 4},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const end = cases[i].text + strlen(cases[i].text);
        assert_int_equal(tide_utf8_sequence(cases[i].text, end), cases[i].size);
    }
}

static void test_valid_size(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t valid;
    } cases[] = {
        {"", 0},
        {"abcdefghijk", 11},
        {"abcdefghijk\xff", 11},
        {"\xc3\xa9\xf0\x9f\x98\x80x", 7},
        {"\xc0\x80", 0},
        {"a\xed\xa0\x80", 1},
        {"a\xf4\x90\x80\x80", 1},
        {"a\xe0\x9f\xbf", 1},
        {"a\xf0\x8f\xbf\xbf", 1},
        {"a\x80", 1},
        {"abcdefg\xe2\x28\xa1", 7},
        {"abcdefgh\xf5", 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(tide_utf8_valid_size(tide_view_of(cases[i].text)), cases[i].valid);
    }
}

static void test_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"\xc3\xa9|\xe2\x82\xac|\xf0\x9f\x98\x80", 5},
        {"\x80\xbf\xc0", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(tide_utf8_character_count(tide_view_of(cases[i].text)), cases[i].count);
    }
    for (int byte = 0; byte < 256; byte++) {
        const bool is_expected = byte >= 0x80 && byte < 0xC0;
        assert_int_equal(tide_utf8_is_continuation((char)byte), is_expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_sequence_is_the_first),
        cmocka_unit_test(test_valid_size),
        cmocka_unit_test(test_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
