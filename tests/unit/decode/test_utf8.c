/* Goal: exactly RFC 3629, and escapes as RFC 8259. Method: every code point encoded by another
 * formula is valid, its neighbours at the borders are not; tables for the rest. */
#include "decode/utf8.h"

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
    for (uint32_t point = 0x80; point < 0x110000; point++) {
        char text[4];
        size_t size = encode(point, text);
        bool is_surrogate = point >= 0xD800 && point < 0xE000;
        assert_int_equal(tide_utf8_sequence(text, text + size), is_surrogate ? 0 : size);
        assert_int_equal(tide_utf8_sequence(text, text + size - 1), 0);
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

static void test_unescape(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *text;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\\n\\t\\r\\b\\f\\/\\\\\\\"", "\n\t\r\b\f/\\\""},
        {"a\\u0062c", "abc"},
        {"\\u00e9\\u00E9", "\xc3\xa9\xc3\xa9"},
        {"\\u20ac", "\xe2\x82\xac"},
        {"\\ud83d\\ude00!", "\xf0\x9f\x98\x80!"},
        {"\\ud800", "\xed\xa0\x80"},
        {"\\ud800\\ud800", "\xed\xa0\x80\xed\xa0\x80"},
        {"\\udc00x", "\xed\xb0\x80x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[64] = {0};
        size_t size = tide_utf8_unescape(tide_view_of(cases[i].raw), out);
        assert_int_equal(size, strlen(cases[i].text));
        assert_memory_equal(out, cases[i].text, size);
    }
}

static void test_hex4(void **state)
{
    (void)state;
    assert_int_equal(tide_utf8_hex4("0aF9"), 0x0AF9);
    assert_int_equal(tide_utf8_hex4("00g0"), -1);
    assert_int_equal(tide_utf8_hex4("\"000"), -1);
}

static void test_unpaired_surrogate(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {
        {"", 0},
        {"\"plain\"", 7},
        {"\"\\ud83d\\ude00\"", 14},
        {"\"\\\\ud800\"", 9},
        {"\"\\ud800\"", 1},
        {"[\"\\n\",\"\\udc00\"]", 7},
        {"\"\\ud83d\\ude00\\ude00\"", 13},
        {"\"\\ud83d\\ud83d\\ude00\"", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(tide_utf8_unpaired_surrogate(tide_view_of(cases[i].text)), cases[i].at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_code_point),
                                       cmocka_unit_test(test_valid_size),
                                       cmocka_unit_test(test_unescape),
                                       cmocka_unit_test(test_hex4),
                                       cmocka_unit_test(test_unpaired_surrogate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
