/* Goal: escapes as RFC 8259 has them. Method: tables. */
#include "decode/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/banned.h"

static void test_resolve(void **state)
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
        size_t size = tide_escape_resolve(tide_view_of(cases[i].raw), out);
        assert_int_equal(size, strlen(cases[i].text));
        assert_memory_equal(out, cases[i].text, size);
    }
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
        assert_int_equal(tide_escape_unpaired_surrogate(tide_view_of(cases[i].text)), cases[i].at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resolve),
                                       cmocka_unit_test(test_unpaired_surrogate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
