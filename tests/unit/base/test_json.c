/* Goal: the reader takes RFC 8259 and nothing else, within its bounds; the writers write only what
 * the reader takes. Method: tables of documents, every truncation of one, an arena budget swept
 * upwards, and a round trip of every byte. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void accepts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum tide_json_kind kind;
        const char *value;
    } cases[] = {
        {"null", TIDE_JSON_NULL, ""},
        {" true ", TIDE_JSON_TRUE, ""},
        {"false\n", TIDE_JSON_FALSE, ""},
        {"-0.5e+10", TIDE_JSON_NUMBER, "-0.5e+10"},
        {"0", TIDE_JSON_NUMBER, "0"},
        {"1E-2", TIDE_JSON_NUMBER, "1E-2"},
        {"\"\"", TIDE_JSON_STRING, ""},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", TIDE_JSON_STRING, "a\"\\/\b\f\n\r\tz"},
        {"\"\\u00e9\\u20AC\\ud83d\\ude00\\u0041\"",
         TIDE_JSON_STRING,
         "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
         "A"},
        {"[]", TIDE_JSON_ARRAY, ""},
        {"{ }", TIDE_JSON_OBJECT, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_arena arena = {0};
        struct tide_json *json = NULL;
        assert_int_equal(tide_json_parse(&arena, tide_view_of(cases[i].text), &json, NULL),
                         TIDE_OK);
        assert_int_equal(json->kind, cases[i].kind);
        assert_true(tide_view_equal(json->text, tide_view_of(cases[i].value)));
        tide_arena_release(&arena);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "+1",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "1 2",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\n\"",
        "\"a\xc3\"",
        "{\"\xc0\x80\":1}",
        "[",
        "[1",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "{1:1}",
        "{\"a\":1]",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "'a'",
        "NaN",
        "[1]x",
        "\"a\"\"b\"",
        "/* */1",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "\xef\xbb\xbf[1]",
        "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"c\":2}",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_arena arena = {0};
        struct tide_error error = {0};
        struct tide_json *json = NULL;
        enum tide_status status = tide_json_parse(&arena, tide_view_of(cases[i]), &json, &error);
        if (status != TIDE_REJECT) {
            fail_msg("accepted: %s", cases[i]);
        }
        assert_null(json);
        assert_non_null(strstr(error.text, "not JSON"));
        tide_arena_release(&arena);
    }
}

static enum tide_status parse_deep(size_t depth)
{
    struct tide_arena arena = {0};
    struct tide_bytes text = {0};
    struct tide_json *json = NULL;
    for (size_t i = 0; i < 2 * depth; i++) {
        tide_bytes_append_byte(&text, i < depth ? '[' : ']');
    }
    enum tide_status status = tide_json_parse(&arena, tide_bytes_view(&text), &json, NULL);
    tide_bytes_release(&text);
    tide_arena_release(&arena);
    return status;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(parse_deep(TIDE_JSON_DEPTH_MAX), TIDE_OK);
    assert_int_equal(parse_deep(TIDE_JSON_DEPTH_MAX + 1), TIDE_REJECT);
    assert_int_equal(parse_deep(100000), TIDE_REJECT);
}

static const char document[] =
    "{\"add\": {\"path\":\"a\\/b\", \"size\": 18446744073709551615, \"n\":[1, -2,{\"x\":null}]},"
    " \"t\":true, \"m\":-9223372036854775808, \"e\":1.5e3, \"big\":18446744073709551616}";

static void trees_have_their_parts(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_json *json = NULL;
    assert_int_equal(tide_json_parse(&arena, tide_view_of(document), &json, NULL), TIDE_OK);
    assert_int_equal(json->count, 5);
    assert_true(tide_view_equal(json->source, tide_view_of(document)));
    const struct tide_json *add = tide_json_get(json, "add");
    const struct tide_json *n = tide_json_get(add, "n");
    assert_true(tide_view_equal(n->source, tide_view_of("[1, -2,{\"x\":null}]")));
    assert_int_equal(n->count, 3);
    assert_true(tide_view_equal(n->first->next->text, tide_view_of("-2")));
    assert_int_equal(tide_json_get(n->first->next->next, "x")->kind, TIDE_JSON_NULL);
    assert_null(n->first->next->next->next);
    assert_null(tide_json_get(n, "x"));
    assert_null(tide_json_get(NULL, "x"));
    assert_null(tide_json_get(json, "none"));

    uint64_t u64 = 0;
    int64_t i64 = 0;
    struct tide_view text = {0};
    assert_true(tide_json_get_u64(add, "size", &u64) && u64 == UINT64_MAX);
    assert_false(tide_json_get_i64(add, "size", &i64));
    assert_true(tide_json_get_i64(json, "m", &i64) && i64 == INT64_MIN);
    assert_false(tide_json_get_u64(json, "m", &u64));
    assert_false(tide_json_get_u64(json, "big", &u64));
    assert_true(tide_json_get_u64(json, "e", &u64) && u64 == 1500);
    assert_false(tide_json_get_u64(json, "t", &u64));
    assert_false(tide_json_get_u64(json, "none", &u64));
    assert_true(tide_json_get_text(add, "path", &text));
    assert_true(tide_view_equal(text, tide_view_of("a/b")));
    assert_false(tide_json_get_text(json, "t", &text));
    tide_arena_release(&arena);
}

/* Each prefix, in a block of exactly its size so that the sanitizer sees one byte too many. */
static void truncations_are_refused(void **state)
{
    (void)state;
    for (size_t size = 1; size < sizeof(document) - 1; size++) {
        struct tide_arena arena = {0};
        struct tide_json *json = NULL;
        char *copy = malloc(size);
        assert_non_null(copy);
        memcpy(copy, document, size);
        assert_int_equal(tide_json_parse(&arena, (struct tide_view){copy, size}, &json, NULL),
                         TIDE_REJECT);
        free(copy);
        tide_arena_release(&arena);
    }
}

static void budgets_are_kept(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    tide_bytes_append_byte(&text, '{');
    for (unsigned i = 0; i < 300; i++) {
        tide_bytes_append_format(&text, "%s\"k%u\":\"\\n\"", i == 0 ? "" : ",", i);
    }
    tide_bytes_append_byte(&text, '}');
    bool has_failed = false;
    enum tide_status status = TIDE_RETRY;
    for (size_t budget = 1024; status != TIDE_OK; budget += 4096) {
        struct tide_arena arena = {0};
        struct tide_json *json = NULL;
        assert_true(budget < 1 << 20);
        tide_arena_init(&arena, budget);
        status = tide_json_parse(&arena, tide_bytes_view(&text), &json, NULL);
        assert_true(status == TIDE_OK || (status == TIDE_RETRY && json == NULL));
        has_failed = has_failed || status == TIDE_RETRY;
        tide_arena_release(&arena);
    }
    assert_true(has_failed);
    tide_bytes_release(&text);
}

static void strings_are_written_safely(void **state)
{
    (void)state;
    static const struct {
        struct tide_view text;
        const char *json;
    } cases[] = {
        {{"", 0}, "\"\""},
        {{"a\"\\/\b\f\n\r\t\x01\x1f\x7f", 12}, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
        {{"\0z", 2}, "\"\\u0000z\""},
        {{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {{"\xc3", 1}, "\"\xef\xbf\xbd\""},
        {{"\xc0\xaf", 2}, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xe0\x9f\xbf", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xf4\x90\x80\x80", 4}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xf0\x9f\x98", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xff|", 2}, "\"\xef\xbf\xbd|\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes bytes = {0};
        tide_json_write_string(&bytes, cases[i].text);
        assert_string_equal(tide_bytes_terminated(&bytes), cases[i].json);
        tide_bytes_release(&bytes);
    }
}

static void ascii_round_trips(void **state)
{
    (void)state;
    char all[128];
    for (size_t i = 0; i < sizeof(all); i++) {
        all[i] = (char)i;
    }
    struct tide_view text = {all, sizeof(all)};
    struct tide_arena arena = {0};
    struct tide_bytes bytes = {0};
    struct tide_json *json = NULL;
    tide_json_write_string(&bytes, text);
    assert_int_equal(tide_json_parse(&arena, tide_bytes_view(&bytes), &json, NULL), TIDE_OK);
    assert_true(tide_view_equal(json->text, text));
    tide_bytes_release(&bytes);
    tide_arena_release(&arena);
}

static void members_have_their_commas(void **state)
{
    (void)state;
    struct tide_bytes bytes = {0};
    tide_bytes_append_byte(&bytes, '{');
    tide_json_write_text_member(&bytes, "a", TIDE_VIEW("x"));
    tide_json_write_u64_member(&bytes, "b", UINT64_MAX);
    tide_json_write_i64_member(&bytes, "c", INT64_MIN);
    tide_json_write_key(&bytes, "d");
    tide_bytes_append_byte(&bytes, '{');
    tide_json_write_bool_member(&bytes, "e", true);
    tide_bytes_append_byte(&bytes, '}');
    tide_json_write_bool_member(&bytes, "f\"", false);
    tide_bytes_append_byte(&bytes, '}');
    assert_string_equal(tide_bytes_terminated(&bytes),
                        "{\"a\":\"x\",\"b\":18446744073709551615,\"c\":-9223372036854775808,"
                        "\"d\":{\"e\":true},\"f\\\"\":false}");
    tide_bytes_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(trees_have_their_parts),
        cmocka_unit_test(truncations_are_refused),
        cmocka_unit_test(budgets_are_kept),
        cmocka_unit_test(strings_are_written_safely),
        cmocka_unit_test(ascii_round_trips),
        cmocka_unit_test(members_have_their_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
