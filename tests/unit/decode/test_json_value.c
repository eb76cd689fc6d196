/* Goal: raw values are skipped, told apart, compared and equalled as Python does. Method: tables of
 * texts; what Python says stands in them. */
#include "decode/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Each value stands at the very end of its memory, with a bracket behind it as in an event. */
static void test_skip(void **state)
{
    (void)state;
    static const char *const values[] = {
        "0",
        "-1.5e+300",
        "true",
        "null",
        "\"\"",
        "\"a\"",
        "\"\\\\\"",
        "\"\\\"\\\\\\\"\"",
        "\"abcdefgh\"",
        "\"abcdefg\\\"\"",
        "\"1234567\\\\12345678\\\"\"",
        "\"\xf0\x9f\x98\x80\xc3\xa9\x22",
        "{}",
        "[]",
        "[ ]",
        "[1,[2,{\"}]\":\"]\\\"}\"}],\"[\"]",
        "{\"a\":{\"b\":[]},\"c\":\"{\"}",
        "{\"Y_y\\u007f\":\"Y_y\"}",
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const size_t size = strlen(values[i]);
        char *bytes = malloc(size + 1);
        assert_non_null(bytes);
        memcpy(bytes, values[i], size);
        bytes[size] = ']';
        const struct tide_json_text text = {.end = bytes + size + 1};
        if (tide_json_skip(&text, bytes) != bytes + size) {
            fail_msg("%s", values[i]);
        }
        free(bytes);
    }
}

static void test_strings_and_scalars(void **state)
{
    (void)state;
    static const char source[] = "[\"plain text\",\"\\n\", 12.5 ,false]";
    const struct tide_json_text text = {.end = source + sizeof source - 1};
    struct tide_children children = tide_children_of(&text, source);
    bool is_escaped = true;
    assert_true(tide_children_next(&children));
    assert_int_equal(tide_json_value_kind(children.value), TIDE_JSON_STRING);
    assert_true(tide_view_equal(tide_json_value_string(&text, children.value, &is_escaped),
                                TIDE_VIEW("plain text")));
    assert_false(is_escaped);
    assert_true(tide_children_next(&children));
    assert_true(tide_view_equal(tide_json_value_string(&text, children.value, &is_escaped),
                                TIDE_VIEW("\\n")));
    assert_true(is_escaped);
    assert_true(tide_children_next(&children));
    assert_true(tide_view_equal(tide_json_value_scalar(&text, children.value), TIDE_VIEW("12.5")));
    assert_true(tide_children_next(&children));
    assert_int_equal(tide_json_value_kind(children.value), TIDE_JSON_FALSE);
    assert_false(tide_children_next(&children));
    assert_ptr_equal(children.at, text.end);
}

static void test_members(void **state)
{
    (void)state;
    static const char source[] = "{ \"a\" : [1,2] ,\"\\u0062\":{\"c\":3} , \"\":null }";
    static const char *const keys[] = {"a", "\\u0062", ""};
    static const char firsts[] = "[{n";
    const struct tide_json_text text = {.end = source + sizeof source - 1};
    struct tide_children children = tide_children_of(&text, source);
    for (size_t i = 0; i < 3; i++) {
        assert_true(tide_children_next(&children));
        assert_true(tide_view_equal(children.key, tide_view_of(keys[i])));
        assert_int_equal(children.is_escaped, i == 1);
        assert_int_equal(*children.value, firsts[i]);
    }
    assert_false(tide_children_next(&children));
    assert_ptr_equal(children.at, text.end);
}

static const struct number_case {
    const char *less, *more; /* or equal, if the first starts with '=' */
} number_cases[] = {
    {"-1", "0"},
    {"=-0", "0"},
    {"=-0.0", "0"},
    {"=1", "1.0"},
    {"=100", "1e2"},
    {"=0.1", "1e-1"},
    {"9", "10"},
    {"-10", "-9"},
    {"-10", "9"},
    {"99999999999999999999", "100000000000000000000"},
    {"-100000000000000000000", "-99999999999999999999"},
    {"0.9999999999999999", "1"},
    {"=0.99999999999999999999", "1"},           /* a double is 1.0 */
    {"9007199254740992.0", "9007199254740993"}, /* 2^53, exactly */
    {"=9007199254740993.0", "9007199254740992"},
    {"-9007199254740993", "-9007199254740992.0"},
    {"1e308", "1e309"},
    {"1e309", "=1e400"}, /* both are infinite: see below */
    {"-1e400", "-1"},
    {"2", "1e400"},
};

static void test_numbers(void **state)
{
    (void)state;
    struct tide_bytes scratch = {0};
    for (size_t i = 0; i < sizeof number_cases / sizeof *number_cases; i++) {
        const char *less = number_cases[i].less;
        const char *more = number_cases[i].more;
        const bool is_equal = *less == '=' || *more == '=';
        struct tide_view a = tide_view_of(*less == '=' ? less + 1 : less);
        struct tide_view b = tide_view_of(*more == '=' ? more + 1 : more);
        const int forth = tide_json_number_compare(a, b, &scratch);
        const int back = tide_json_number_compare(b, a, &scratch);
        if ((is_equal && (forth != 0 || back != 0)) || (!is_equal && (forth >= 0 || back <= 0))) {
            fail_msg("%s and %s: %d, %d", less, more, forth, back);
        }
    }
    /* An integer of any size is finite. */
    struct tide_bytes large = {0};
    for (int i = 0; i < 400; i++) {
        tide_bytes_append_byte(&large, '9');
    }
    const struct tide_view huge = tide_bytes_view(&large);
    assert_true(tide_json_number_compare(huge, TIDE_VIEW("1e400"), &scratch) < 0);
    assert_true(tide_json_number_compare(TIDE_VIEW("1e308"), huge, &scratch) < 0);
    tide_bytes_release(&large);
    tide_bytes_release(&scratch);
    assert_true(tide_json_number_is_integer(TIDE_VIEW("-12")));
    assert_false(tide_json_number_is_integer(TIDE_VIEW("1.0")));
    assert_false(tide_json_number_is_integer(TIDE_VIEW("1E2")));
    assert_false(tide_json_number_is_integer(TIDE_VIEW("1e2")));
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        uint64_t length;
    } cases[] = {
        {"", 0},
        {"a", 1},
        {"\xc3\xa9", 1},
        {"\xf0\x9f\x98\x80", 1},
        {"\\ud83d\\ude00", 1},
        {"\\u00e9\\n", 2},
        {"\\\\u00e9", 6},
        {"\xe2\x82\xac\\/x", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tide_view raw = tide_view_of(cases[i].raw);
        assert_true(tide_json_text_reaches(raw, 0));
        assert_true(tide_json_text_reaches(raw, cases[i].length));
        if (tide_json_text_reaches(raw, cases[i].length + 1)) {
            fail_msg("%s has more than %llu", cases[i].raw, (unsigned long long)cases[i].length);
        }
    }
}

static const struct equal_case {
    const char *raw, *wanted;
    bool is_equal;
} equal_cases[] = {
    {"1", "1.0", true},
    {"true", "true", true},
    {"true", "1", false},
    {"false", "0", false},
    {"null", "null", true},
    {"null", "false", false},
    {"\"1\"", "1", false},
    {"\"\\u0061b\"", "\"ab\"", true},
    {"\"ab\"", "\"\\u0061b\"", true},
    {"\"\\u0061b\"", "\"abc\"", false},
    {"\"\\u0061\\u0062\\u0063\"", "\"ab\"", false},
    {"[]", "[]", true},
    {"[1, 2]", "[1,2.0]", true},
    {"[1]", "[1,2]", false},
    {"[1,2]", "[1]", false},
    {"[2,1]", "[1,2]", false},
    {"[]", "{}", false},
    {"{\"a\":1,\"b\":[{}]}", "{\"b\":[{}],\"a\":1}", true},
    {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
    {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
    {"{\"a\":2,\"\\u0061\":1}", "{\"a\":1}", true}, /* the last one holds */
    {"{\"a\":1,\"a\":2}", "{\"a\":1}", false},
    {"{\"a\":true}", "{\"a\":1}", false},
};

static void test_equality(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_bytes scratch = {0};
    for (size_t i = 0; i < sizeof equal_cases / sizeof *equal_cases; i++) {
        const struct equal_case *it = &equal_cases[i];
        struct tide_json *wanted = NULL;
        assert_int_equal(tide_json_parse(&arena, tide_view_of(it->wanted), &wanted, NULL), TIDE_OK);
        const struct tide_json_text text = {.end = it->raw + strlen(it->raw)};
        if (tide_json_value_equal(&text, it->raw, wanted, &scratch) != it->is_equal) {
            fail_msg("%s and %s", it->raw, it->wanted);
        }
    }
    tide_bytes_release(&scratch);
    tide_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_strings_and_scalars),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_equality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
