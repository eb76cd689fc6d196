/* Goal: conditions are cut into the right words, what other languages write gets a hint, and every
 * word is found again in the file, whatever quotes stand around the condition there.
 * Method: tables. */
#include "metric/expression_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_words(void **state)
{
    static const char text[] = "not(a_1.b>=-1.50)and x!=\"q\\\"]\" or n in[1,2]";
    static const struct {
        enum tide_token_kind kind;
        const char *text;
    } words[] = {
        {TIDE_TOKEN_NAME, "not"},      {TIDE_TOKEN_OPEN, "("},
        {TIDE_TOKEN_NAME, "a_1.b"},    {TIDE_TOKEN_COMPARISON, ">="},
        {TIDE_TOKEN_NUMBER, "-1.50"},  {TIDE_TOKEN_CLOSE, ")"},
        {TIDE_TOKEN_NAME, "and"},      {TIDE_TOKEN_NAME, "x"},
        {TIDE_TOKEN_COMPARISON, "!="}, {TIDE_TOKEN_STRING, "\"q\\\"]\""},
        {TIDE_TOKEN_NAME, "or"},       {TIDE_TOKEN_NAME, "n"},
        {TIDE_TOKEN_NAME, "in"},       {TIDE_TOKEN_LIST_OPEN, "["},
        {TIDE_TOKEN_NUMBER, "1"},      {TIDE_TOKEN_COMMA, ","},
        {TIDE_TOKEN_NUMBER, "2"},      {TIDE_TOKEN_LIST_CLOSE, "]"},
        {TIDE_TOKEN_END, ""},          {TIDE_TOKEN_END, ""},
    };
    (void)state;
    size_t at = 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const struct tide_token token = tide_token_next(TIDE_VIEW(text), at);
        assert_int_equal(token.kind, words[i].kind);
        assert_true(tide_view_equal(token.text, tide_view_of(words[i].text)));
        at = token.start + token.text.size;
    }
}

static void test_bad_words(void **state)
{
    static const struct {
        const char *text;
        const char *bad;
        const char *problem;
    } cases[] = {
        {"&& b", "&&", "'&&' is written 'and'"},
        {"|| b", "||", "'||' is written 'or'"},
        {"<> 1", "<>", "'<>' is written '!='"},
        {"= 1", "=", "'=' is written '=='"},
        {"!b", "!", "'!' is written 'not'"},
        {"'x'", "'", "a string is written in double quotes"},
        {"\"x", "\"x", "the string has no closing '\"'"},
        {"\"x\\\"", "\"x\\\"", "the string has no closing '\"'"},
        {"1e6 ", "1e6", "a number is written without exponent"},
        {"1.", "1.", "this is not a number"},
        {"12ab)", "12ab", "this is not a number"},
        {"\xc3\xa9 == 1", "\xc3\xa9", "this character has no meaning in a condition"},
        {"- 1", "-", "this character has no meaning in a condition"},
        {"\"\\", "\"\\", "the string has no closing '\"'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_token token = tide_token_next(tide_view_of(cases[i].text), 0);
        assert_int_equal(token.kind, TIDE_TOKEN_BAD);
        assert_string_equal(token.problem, cases[i].problem);
        assert_true(tide_view_equal(token.text, tide_view_of(cases[i].bad)));
    }
}

static void test_positions(void **state)
{
    /* The value is `a == "it's" or b` everywhere but in the last three. The scalar starts at
     * column 3 of line 2; `b` is asked for. */
    static const struct {
        const char *file;
        const char *value;
        uint32_t line;
        uint32_t column;
        uint32_t size;
    } cases[] = {
        {"x\n  a == \"it's\" or b", "a == \"it's\" or b", 2, 18, 1},
        {"x\n  'a == \"it''s\" or b'", "a == \"it's\" or b", 2, 20, 1},
        {"x\n  a == \"it's\"\n     or b", "a == \"it's\" or b", 3, 9, 1},
        {"x\n  'a == \"it''s\" or\n  b'", "a == \"it's\" or b", 3, 3, 1},
        {"x\n  \"x > 1 or b\"", "x > 1 or b", 2, 13, 1},
        /* These cannot be followed: the scalar itself is underlined. */
        {"x\n  \"a == \\\"i\\\" or b\"", "a == \"i\" or b", 2, 3, 7},
        {"x\n  |\n  x or b", "x or b", 2, 3, 7},
        {"x\n  'a", "a or b", 2, 3, 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_source source = {TIDE_VIEW("f"), tide_view_of(cases[i].file)};
        const struct tide_position scalar = {&source, 2, 3, 7};
        const struct tide_view value = tide_view_of(cases[i].value);
        const struct tide_position position = tide_token_position(scalar, value, value.size - 1, 1);
        assert_int_equal(position.line, cases[i].line);
        assert_int_equal(position.column, cases[i].column);
        assert_int_equal(position.size, cases[i].size);
    }
}

static void test_positions_of_nothing(void **state)
{
    (void)state;
    const struct tide_source source = {TIDE_VIEW("f"), TIDE_VIEW("one line")};
    const struct tide_position cases[] = {
        {NULL, 1, 1, 2}, {&source, 7, 1, 2}, {&source, 1, 99, 2}, {&source, 1, 0, 2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_position position =
            tide_token_position(cases[i], TIDE_VIEW("a or b"), 5, 1);
        assert_memory_equal(&position, &cases[i], sizeof(position));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_bad_words),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_positions_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
