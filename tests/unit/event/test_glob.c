/* Goal: globs as Python's fnmatchcase has them, and the units that they are made of. Method: a
 * table of patterns against texts; each row says which texts match, in their order, as fnmatchcase
 * answered. Units are written out. */
#include "event/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const texts[] = {
    "",    "a",    "b",  "c",   "-",        "e",    "ab",   "abc", "aXbYc", "prod.app",
    "app", ".app", "d",  "dx",  "]",        "[",    "[a",   "é",   "aé",    "ü",
    "😀",  "😀é",  "^",  "x5z", "x55z",     "x5zz", "a*b",  "axb", "日本",  "!",
    "[]",  "[!]",  "!]", "a[",  "prod.aép", "bbab", "aabbc"};
static const struct glob_case {
    const char *pattern;
    const char *matches;
} cases[] = {
    {"", "1000000000000000000000000000000000000"},
    {"*", "1111111111111111111111111111111111111"},
    {"?", "0111110000001011010110100000010000000"},
    {"a", "0100000000000000000000000000000000000"},
    {"a*", "0100001110100000001000000011000001001"},
    {"*a", "0100000000000000100000000000000000000"},
    {"*.app", "0000000001010000000000000000000000000"},
    {"a*b*c", "0000000110000000000000000000000000001"},
    {"**", "1111111111111111111111111111111111111"},
    {"*?", "0111111111111111111111111111111111111"},
    {"?*", "0111111111111111111111111111111111111"},
    {"[abc]", "0111000000000000000000000000000000000"},
    {"[!abc]", "0000110000001011010110100000010000000"},
    {"[a-c]", "0111000000000000000000000000000000000"},
    {"[!a-c]x", "0000000000000100000000000000000000000"},
    {"[c-a]", "0000000000000000000000000000000000000"},
    {"[!c-a]", "0111110000001011010110100000010000000"},
    {"[]]", "0000000000000010000000000000000000000"},
    {"[!]]", "0111110000001001010110100000010000000"},
    {"[", "0000000000000001000000000000000000000"},
    {"[a", "0000000000000000100000000000000000000"},
    {"[]", "0000000000000000000000000000001000000"},
    {"[!]", "0000000000000000000000000000000100000"},
    {"a[", "0000000000000000000000000000000001000"},
    {"[a-]", "0100100000000000000000000000000000000"},
    {"[-a]", "0100100000000000000000000000000000000"},
    {"[--a]", "0100100000000011000000100000000000000"},
    {"[a-c-e]", "0111110000000000000000000000000000000"},
    {"[^a]", "0100000000000000000000100000000000000"},
    {"é", "0000000000000000010000000000000000000"},
    {"*é", "0000000000000000011001000000000000000"},
    {"?é", "0000000000000000001001000000000000000"},
    {"[é-ü]", "0000000000000000010100000000000000000"},
    {"[!é]", "0111110000001011000110100000010000000"},
    {"*.a?p", "0000000001010000000000000000000000100"},
    {"*a*b", "0000001000000000000000000011000000010"},
    {"x*[0-9]z", "0000000000000000000000011000000000000"},
    {"a[*]b", "0000000000000000000000000010000000000"},
    {"日*", "0000000000000000000000000000100000000"},
};

static void test_as_fnmatchcase(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
            bool matches = tide_glob_match(tide_view_of(cases[i].pattern), tide_view_of(texts[k]));
            if (matches != (cases[i].matches[k] == '1')) {
                fail_msg("glob '%s' on '%s': %d", cases[i].pattern, texts[k], matches);
            }
        }
    }
}

/* Work is bounded by |pattern| x |text|, whatever stars there are. */
static void test_no_explosion(void **state)
{
    (void)state;
    char text[4001];
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] = 'a';
    }
    text[sizeof text - 1] = '\0';
    assert_false(tide_glob_match(TIDE_VIEW("*a*a*a*a*a*a*a*a*a*a*a*a*[b]"), tide_view_of(text)));
    assert_true(tide_glob_match(TIDE_VIEW("*a*a*a*a*a*a*a*a*a*a*a*a*[a]"), tide_view_of(text)));
}

/* "<kind><text>" of each unit; of a set its ranges. */
static void write_units(struct tide_view pattern, struct tide_bytes *text)
{
    static const char kinds[] = {[TIDE_GLOB_POINT] = 'p',
                                 [TIDE_GLOB_STAR] = '*',
                                 [TIDE_GLOB_ANY] = '?',
                                 [TIDE_GLOB_IN] = '+',
                                 [TIDE_GLOB_NOT_IN] = '-'};
    struct tide_glob_unit unit;
    for (size_t at = 0; tide_glob_next(pattern, &at, &unit);) {
        uint32_t low = 0;
        uint32_t high = 0;
        tide_bytes_append_byte(text, kinds[unit.kind]);
        if (unit.kind == TIDE_GLOB_POINT) {
            tide_bytes_append_view(text, unit.text);
        } else if (unit.kind == TIDE_GLOB_IN || unit.kind == TIDE_GLOB_NOT_IN) {
            for (size_t i = 0; tide_glob_range(unit.text, &i, &low, &high);) {
                tide_bytes_append_format(text, "%x:%x,", low, high);
            }
        }
        tide_bytes_append_byte(text, ' ');
    }
}

static void test_units(void **state)
{
    static const struct {
        const char *pattern;
        const char *units;
    } units[] = {
        {"", ""},
        {"a*?", "pa * ? "},
        {"é😀", "pé p😀 "},
        {"[a-cx]", "+61:63,78:78, "},
        {"[!a]*", "-61:61, * "},
        {"[]a]", "+5d:5d,61:61, "},
        {"[!]]", "-5d:5d, "},
        {"[-a-]", "+2d:2d,61:61,2d:2d, "},
        {"[c-a]", "+63:61, "},
        {"[é-😀]", "+e9:1f600, "},
        {"[a", "p[ pa "},
        {"[]", "p[ p] "},
        {"[!]", "p[ p! p] "},
        {"a]", "pa p] "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        struct tide_bytes text = {0};
        write_units(tide_view_of(units[i].pattern), &text);
        assert_string_equal(tide_bytes_terminated(&text), units[i].units);
        tide_bytes_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_fnmatchcase),
                                       cmocka_unit_test(test_no_explosion),
                                       cmocka_unit_test(test_units)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
