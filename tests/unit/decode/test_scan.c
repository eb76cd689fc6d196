/* Goal: RFC 8259, no more and no less, at every place of a word. Method: tables of good and bad
 * values, each shifted through eight offsets, in memory that ends with the text (so that a read too
 * far is seen by the sanitizer) and before a line feed. */
#include "decode/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static bool scan(struct tide_scan *scan, char *memory, size_t size, size_t tail)
{
    *scan = (struct tide_scan){.end = memory + size,
                               .readable = memory + size + tail,
                               .depth_max = TIDE_SCAN_DEPTH_MAX,
                               .depth_event = TIDE_RECORD_DEPTH_MAX};
    const char *at = tide_scan_space(scan, memory);
    at = tide_scan_value(scan, at);
    at = at == NULL ? NULL : tide_scan_space(scan, at);
    return at == scan->end;
}

/* With 0..7 spaces before it. */
static bool is_json(struct tide_view text, struct tide_scan *last)
{
    int good_count = 0;
    int count = 0;
    for (size_t shift = 0; shift < 8; shift++) {
        for (size_t tail = 0; tail <= 12; tail += 12, count++) {
            char *memory = malloc(shift + text.size + tail + 1);
            memset(memory, ' ', shift);
            memcpy(memory + shift, text.data, text.size);
            memset(memory + shift + text.size, '\n', tail);
            char *exact = malloc(shift + text.size + tail > 0 ? shift + text.size + tail : 1);
            memcpy(exact, memory, shift + text.size + tail);
            good_count += scan(last, exact, shift + text.size, tail);
            free(memory);
            free(exact);
        }
    }
    assert_true(good_count == 0 || good_count == count);
    return good_count > 0;
}

static const char *const good[] = {
    "0",
    "-0",
    "10",
    "1.5",
    "-1.5e+10",
    "1E-2",
    "1e999999",
    "true",
    "false",
    "null",
    "\"\"",
    "\"abcdefghijklmnop\"",
    "\"\\\"\"",
    "\"\\u0041\\n\\/\"",
    "\"\xc3\xa9\xf0\x9f\x98\x80\"",
    "\"\x7f\"",
    "[]",
    "{}",
    " [ ] ",
    "[1,2]",
    "[ 1 , [ ] , { } ]",
    "{\"a\":1}",
    "{ \"a\" : { \"a\" : [ { } ] } , \"a\" : null }\r",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "{\"\":\"\"}",
    "[[[[[[[[]]]]]]]]",
    "\t1\t",
};

static const char *const bad[] = {
    "",
    " ",
    "-",
    "01",
    "-01",
    "1.",
    ".5",
    "+1",
    "1e",
    "1e+",
    "0x1",
    "1 2",
    "NaN",
    "Infinity",
    "tru",
    "truee",
    "True",
    "nul",
    "\"",
    "\"abc",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u123g\"",
    "\"\x01\"",
    "\"\t\"",
    "\"\n\"",
    "\"\xff\"",
    "\"\xc3\"",
    "\"\xed\xa0\x80\"",
    "\xc3\xa9",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\" 1}",
    "{1:1}",
    "{\"a\":1]",
    "[1}",
    "[}",
    "{]",
    "{\"a\":1 \"b\":2}",
    "{,}",
    "\xef\xbb\xbf{}",
    "\v1",
    "1\v",
    "[1]]",
    "\"a\"b",
    "{\"a\":1}{}",
    "\\u0031",
};

static void test_grammar(void **state)
{
    (void)state;
    struct tide_scan last;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!is_json(tide_view_of(good[i]), &last)) {
            fail_msg("refused: %s", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (is_json(tide_view_of(bad[i]), &last)) {
            fail_msg("let through: %s", bad[i]);
        }
    }
    assert_false(is_json((struct tide_view){"\"\0\"", 3}, &last));
    assert_false(is_json((struct tide_view){"1\0", 2}, &last));
}

/* Each byte in a string, at each place of two words. */
static void test_every_byte_in_strings(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        for (size_t place = 1; place < 18; place++) {
            char text[20];
            struct tide_scan last;
            memset(text, 'a', sizeof text);
            text[0] = text[19] = '"';
            text[place] = (char)byte;
            bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
            assert_int_equal(scan(&last, text, sizeof text, 0), plain);
        }
    }
}

static void test_surrogates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool broken;
    } cases[] = {
        {"\"\\ud83d\\ude00\"", false},
        {"\"\\ud83d\"", true},
        {"\"\\ude00\"", true},
        {"\"\\ud83d\\ud83d\\ude00\"", true},
        {"\"\\ud83dx\\ude00\"", true},
        {"\"\\ud7ff\"", false},
        {"\"\\ue000\"", false},
        {"\"\\ud83d\\u0041\"", true},
        {"[\"\\ud83d\",1]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tide_scan last;
        assert_true(is_json(tide_view_of(cases[i].text), &last));
        assert_int_equal(last.broken_surrogate, cases[i].broken);
    }
}

static void test_depth(void **state)
{
    (void)state;
    for (size_t depth = 60; depth < 70; depth++) {
        char text[2 * 70];
        struct tide_scan last;
        for (size_t i = 0; i < depth; i++) {
            text[i] = '[';
            text[2 * depth - 1 - i] = ']';
        }
        assert_int_equal(scan(&last, text, 2 * depth, 0), depth <= TIDE_SCAN_DEPTH_MAX);
        assert_int_equal(last.too_deep, depth > TIDE_RECORD_DEPTH_MAX);
    }
}

static void test_fault_and_spaces(void **state)
{
    (void)state;
    struct tide_scan last;
    char broken[] = "{\"a\": 1, x}";
    assert_false(scan(&last, broken, sizeof broken - 1, 0));
    assert_int_equal(last.fault - broken, 9);
    static const struct {
        const char *text;
        ptrdiff_t fault;
    } faults[] = {
        {"[trux]", 4},
        {"nul", 3},
        {"-x", 1},
        {"[01]", 2},
        {"[-01]", 3},
        {"[1.]", 3},
        {"1e+", 3},
        {"\"\\x\"", 2},
        {"\"\\", 2},
        {"\"\\u12g4\"", 5},
        {"\"\\u12", 5},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        char text[16];
        const size_t size = strlen(faults[i].text);
        memcpy(text, faults[i].text, size);
        assert_false(scan(&last, text, size, 0));
        if (last.fault != NULL) { /* NULL: a value, and what follows it is wrong */
            assert_int_equal(last.fault - text, faults[i].fault);
        }
    }
    char spaced[] = " [1 ,\t\"a b\"] ";
    assert_true(scan(&last, spaced, sizeof spaced - 1, 0));
    assert_int_equal(last.space_count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_grammar),
                                       cmocka_unit_test(test_every_byte_in_strings),
                                       cmocka_unit_test(test_surrogates),
                                       cmocka_unit_test(test_depth),
                                       cmocka_unit_test(test_fault_and_spaces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
