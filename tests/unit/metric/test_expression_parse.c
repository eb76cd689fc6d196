/* Goal: every mistake in a condition is told at its place, as people see it; what is too deep or
 * too long is refused; what is right is taken. Method: a table of conditions with the whole
 * rendered message; limits by building conditions. */
#include "metric/expression.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct tide_expression *parse(struct fixture *fixture, const char *text)
{
    const struct tide_schema *schema = fixture_schema(fixture);
    fixture->source = (struct tide_source){TIDE_VIEW("c"), tide_view_of(text)};
    const struct tide_position position = {&fixture->source, 1, 1, (uint32_t)strlen(text)};
    return tide_expression_parse(
        &fixture->arena, schema, fixture->source.text, position, &fixture->diagnostics);
}

static const struct {
    const char *text;
    const char *message;
} mistakes[] = {
    {"user == \"x\"",
     "c:1:1: error: unknown column 'user'; did you mean 'user_id'?\n"
     "user == \"x\"\n"
     "^~~~\n"},
    {"n == \"x\"",
     "c:1:6: error: 'n' is int and cannot be compared with a string\n"
     "n == \"x\"\n"
     "     ^~~\n"},
    {"kind == 1",
     "c:1:9: error: 'kind' is string and cannot be compared with a number\n"
     "kind == 1\n"
     "        ^\n"},
    {"kind == true",
     "c:1:9: error: 'kind' is string and cannot be compared with true or false\n"
     "kind == true\n"
     "        ^~~~\n"},
    {"b == 1",
     "c:1:6: error: 'b' is bool and cannot be compared with a number\n"
     "b == 1\n"
     "     ^\n"},
    {"b == \"true\"",
     "c:1:6: error: 'b' is bool and cannot be compared with a string\n"
     "b == \"true\"\n"
     "     ^~~~~~\n"},
    {"b < true",
     "c:1:3: error: true and false have no order; compare with == or !=\n"
     "b < true\n"
     "  ^\n"},
    {"x > \"1\"",
     "c:1:5: error: 'x' is decimal and cannot be compared with a string\n"
     "x > \"1\"\n"
     "    ^~~\n"},
    {"at_ > \"2026-01-01\"",
     "c:1:7: error: 'at_' is time_ms and cannot be compared with a string; a time is a number "
     "of microseconds since 1970\n"
     "at_ > \"2026-01-01\"\n"
     "      ^~~~~~~~~~~~\n"},
    {"n in [1, \"x\", true]",
     "c:1:10: error: 'n' is int and cannot be compared with a string\n"
     "n in [1, \"x\", true]\n"
     "         ^~~\n"
     "c:1:15: error: 'n' is int and cannot be compared with true or false\n"
     "n in [1, \"x\", true]\n"
     "              ^~~~\n"},
    {"kind in [1]",
     "c:1:10: error: 'kind' is string and cannot be compared with a number\n"
     "kind in [1]\n"
     "         ^\n"},
    {"n",
     "c:1:1: error: 'n' is int, not a condition; compare it: n == 1\n"
     "n\n"
     "^\n"},
    {"kind and b",
     "c:1:1: error: 'kind' is string, not a condition; compare it: kind == \"...\"\n"
     "kind and b\n"
     "^~~~\n"},
    {"a == null",
     "c:1:6: error: a comparison with null is always false; write 'is null' or 'is not null'\n"
     "a == null\n"
     "     ^~~~\n"},
    {"a is",
     "c:1:5: error: the condition ends where 'null' or 'not null' is expected\n"
     "a is\n"
     "    ^\n"},
    {"a is not",
     "c:1:9: error: the condition ends where 'null' is expected\n"
     "a is not\n"
     "        ^\n"},
    {"a is not 1",
     "c:1:10: error: expected 'null', not '1'\n"
     "a is not 1\n"
     "         ^\n"},
    {"a ==",
     "c:1:5: error: the condition ends where a string in double quotes, a number, true or "
     "false is expected\n"
     "a ==\n"
     "    ^\n"},
    {"a == b",
     "c:1:6: error: expected a string in double quotes, a number, true or false, not 'b'\n"
     "a == b\n"
     "     ^\n"},
    {"a == ]",
     "c:1:6: error: expected a string in double quotes, a number, true or false, not ']'\n"
     "a == ]\n"
     "     ^\n"},
    {"a = \"x\"",
     "c:1:3: error: '=' is written '=='\n"
     "a = \"x\"\n"
     "  ^\n"},
    {"a == 'x'",
     "c:1:6: error: a string is written in double quotes\n"
     "a == 'x'\n"
     "     ^\n"},
    {"a == \"x\" && b",
     "c:1:10: error: '&&' is written 'and'\n"
     "a == \"x\" && b\n"
     "         ^~\n"},
    {"b || b",
     "c:1:3: error: '||' is written 'or'\n"
     "b || b\n"
     "  ^~\n"},
    {"!b",
     "c:1:1: error: '!' is written 'not'\n"
     "!b\n"
     "^\n"},
    {"n <> 1",
     "c:1:3: error: '<>' is written '!='\n"
     "n <> 1\n"
     "  ^~\n"},
    {"n > 1e6",
     "c:1:5: error: a number is written without exponent\n"
     "n > 1e6\n"
     "    ^~~\n"},
    {"b AND b",
     "c:1:3: error: 'AND' is written 'and'\n"
     "b AND b\n"
     "  ^~~\n"},
    {"b Or b",
     "c:1:3: error: 'Or' is written 'or'\n"
     "b Or b\n"
     "  ^~\n"},
    {"b b",
     "c:1:3: error: expected 'and', 'or' or the end, not 'b'\n"
     "b b\n"
     "  ^\n"},
    {"(b",
     "c:1:3: error: the condition ends where 'and', 'or' or ')' is expected\n"
     "(b\n"
     "  ^\n"},
    {"b)",
     "c:1:2: error: expected 'and', 'or' or the end, not ')'\n"
     "b)\n"
     " ^\n"},
    {"()",
     "c:1:2: error: expected a column, not ')'\n"
     "()\n"
     " ^\n"},
    {"", "c:1:1: error: the condition ends where a column is expected\n"},
    {"and",
     "c:1:1: error: expected a column, not 'and'\n"
     "and\n"
     "^~~\n"},
    {"b and",
     "c:1:6: error: the condition ends where a column is expected\n"
     "b and\n"
     "     ^\n"},
    {"not",
     "c:1:4: error: the condition ends where a column is expected\n"
     "not\n"
     "   ^\n"},
    {"count() > 2",
     "c:1:1: error: there are no functions in a condition\n"
     "count() > 2\n"
     "^~~~~\n"},
    {"distinct(a) == 1",
     "c:1:1: error: there are no functions in a condition\n"
     "distinct(a) == 1\n"
     "^~~~~~~~\n"},
    {"a in",
     "c:1:5: error: the condition ends where '[' is expected\n"
     "a in\n"
     "    ^\n"},
    {"a in x",
     "c:1:6: error: expected '[', not 'x'\n"
     "a in x\n"
     "     ^\n"},
    {"a in []",
     "c:1:7: error: expected a string in double quotes, a number, true or false, not ']'\n"
     "a in []\n"
     "      ^\n"},
    {"a in [\"x\"",
     "c:1:10: error: the condition ends where ',' or ']' is expected\n"
     "a in [\"x\"\n"
     "         ^\n"},
    {"a in [\"x\" \"y\"]",
     "c:1:11: error: expected ',' or ']', not '\"y\"'\n"
     "a in [\"x\" \"y\"]\n"
     "          ^~~\n"},
    {"b and \"x\" == a",
     "c:1:7: error: expected a column, not '\"x\"'\n"
     "b and \"x\" == a\n"
     "      ^~~\n"},
    {"1 < n",
     "c:1:1: error: expected a column, not '1'\n"
     "1 < n\n"
     "^\n"},
    {"a == \"x",
     "c:1:6: error: the string has no closing '\"'\n"
     "a == \"x\n"
     "     ^~\n"},
    {"a == \"\\x\"",
     "c:1:6: error: this is not a string as JSON writes it\n"
     "a == \"\\x\"\n"
     "     ^~~~\n"},
    {"a == \"\\ud800\"",
     "c:1:6: error: this is not a string as JSON writes it\n"
     "a == \"\\ud800\"\n"
     "     ^~~~~~~~\n"},
    {"n == 1.",
     "c:1:6: error: this is not a number\n"
     "n == 1.\n"
     "     ^~\n"},
    {"n == 12ab",
     "c:1:6: error: this is not a number\n"
     "n == 12ab\n"
     "     ^~~~\n"},
    {"é",
     "c:1:1: error: this character has no meaning in a condition\n"
     "é\n"
     "^\n"},
    {"n %",
     "c:1:3: error: this character has no meaning in a condition\n"
     "n %\n"
     "  ^\n"},
    {"usr_id == 1 and knd == 2 and zzzzzz",
     "c:1:1: error: unknown column 'usr_id'; did you mean 'user_id'?\n"
     "usr_id == 1 and knd == 2 and zzzzzz\n"
     "^~~~~~\n"
     "c:1:17: error: unknown column 'knd'; did you mean 'kind'?\n"
     "usr_id == 1 and knd == 2 and zzzzzz\n"
     "                ^~~\n"
     "c:1:30: error: unknown column 'zzzzzz'\n"
     "usr_id == 1 and knd == 2 and zzzzzz\n"
     "                             ^~~~~~\n"},
    {"n == \"x\" or kind == 1 or b == 1 or nn == 1",
     "c:1:6: error: 'n' is int and cannot be compared with a string\n"
     "n == \"x\" or kind == 1 or b == 1 or nn == 1\n"
     "     ^~~\n"
     "c:1:21: error: 'kind' is string and cannot be compared with a number\n"
     "n == \"x\" or kind == 1 or b == 1 or nn == 1\n"
     "                    ^\n"
     "c:1:31: error: 'b' is bool and cannot be compared with a number\n"
     "n == \"x\" or kind == 1 or b == 1 or nn == 1\n"
     "                              ^\n"
     "c:1:36: error: unknown column 'nn'\n"
     "n == \"x\" or kind == 1 or b == 1 or nn == 1\n"
     "                                   ^~\n"},
    {"null",
     "c:1:1: error: expected a column, not 'null'\n"
     "null\n"
     "^~~~\n"},
    {"a.b == 1",
     "c:1:1: error: unknown column 'a.b'\n"
     "a.b == 1\n"
     "^~~\n"},
    {"is null",
     "c:1:1: error: expected a column, not 'is'\n"
     "is null\n"
     "^~\n"},
    {"a == \"é\" and user == \"x\"",
     "c:1:15: error: unknown column 'user'; did you mean 'user_id'?\n"
     "a == \"é\" and user == \"x\"\n"
     "             ^~~~\n"},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_null(parse(&fixture, mistakes[i].text));
        assert_string_equal(fixture_errors(&fixture), mistakes[i].message);
        fixture_release(&fixture);
    }
}

static void test_accepts(void **state)
{
    static const char *const cases[] = {
        "b",
        "  b\n",
        "((b))",
        "not not not b",
        "g == \"X\"",
        "n==1 and(b)",
        "n == 007",
        "a in[\"x\"]or b",
        "a == \"\\\\ \\\" \\/ \\ud83d\\ude00 \\u0000\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        if (parse(&fixture, cases[i]) == NULL) {
            fail_msg("%s: %s", cases[i], fixture_errors(&fixture));
        }
        fixture_release(&fixture);
    }
}

/* count times `before`, then "b", then count times `after`. */
static bool parses_repeated(const char *before,
                            const char *after,
                            uint32_t count,
                            const char *message)
{
    struct fixture fixture;
    struct tide_bytes text = {0};
    fixture_init(&fixture);
    for (uint32_t i = 0; i < count; i++) {
        tide_bytes_append_text(&text, before);
    }
    tide_bytes_append_text(&text, "b");
    for (uint32_t i = 0; i < count; i++) {
        tide_bytes_append_text(&text, after);
    }
    const bool is_parsed = parse(&fixture, tide_bytes_terminated(&text)) != NULL;
    assert_int_equal(fixture.diagnostics.error_count, !is_parsed);
    if (!is_parsed) {
        assert_non_null(strstr(fixture_errors(&fixture), message));
    }
    tide_bytes_release(&text);
    fixture_release(&fixture);
    return is_parsed;
}

static void test_limits(void **state)
{
    static const char deep[] = "the condition is nested deeper than 32 levels";
    static const char wide[] = "the condition has more than 512 parts";
    (void)state;
    assert_true(parses_repeated("(", ")", TIDE_EXPRESSION_DEPTH_MAX - 1, deep));
    assert_false(parses_repeated("(", ")", TIDE_EXPRESSION_DEPTH_MAX, deep));
    assert_true(parses_repeated("not ", "", TIDE_EXPRESSION_DEPTH_MAX - 1, deep));
    assert_false(parses_repeated("not ", "", 100000, deep));
    assert_true(parses_repeated("b and ", "", 255, wide)); /* 256 columns and 255 `and` */
    assert_false(parses_repeated("b and ", "", 256, wide));
    assert_false(parses_repeated("b or ", "", 100000, wide));
    assert_true(parses_repeated("b or n == 1 and (", ")", TIDE_EXPRESSION_DEPTH_MAX - 1, deep));
}

static void test_list_limit(void **state)
{
    (void)state;
    for (int count = 1000; count <= 1001; count++) {
        struct fixture fixture;
        struct tide_bytes text = {0};
        fixture_init(&fixture);
        tide_bytes_append_text(&text, "n in [0");
        for (int i = 1; i < count; i++) {
            tide_bytes_append_format(&text, ", %d", i);
        }
        tide_bytes_append_text(&text, "]");
        assert_int_equal(parse(&fixture, tide_bytes_terminated(&text)) != NULL, count == 1000);
        assert_int_equal(strstr(fixture_errors(&fixture), "more than 1000 values") != NULL,
                         count == 1001);
        tide_bytes_release(&text);
        fixture_release(&fixture);
    }
}

/* An arena that runs out gives an error, not a crash: at every allocation. */
static void test_out_of_memory(void **state)
{
    (void)state;
    bool is_parsed = false;
    for (size_t budget = 4096; !is_parsed; budget += 4096) {
        struct fixture fixture;
        struct tide_arena arena;
        const struct tide_position nowhere = {0};
        fixture_init(&fixture);
        tide_arena_init(&arena, budget);
        const struct tide_schema *schema = fixture_schema(&fixture);
        is_parsed = tide_expression_parse(&arena,
                                          schema,
                                          TIDE_VIEW("a in [\"x\"] and n in [1, 2] or a == \"y\""),
                                          nowhere,
                                          &fixture.diagnostics) != NULL;
        assert_int_equal(fixture.diagnostics.error_count > 0, !is_parsed);
        assert_true(budget < 1 << 24);
        tide_arena_release(&arena);
        fixture_release(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_list_limit),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
