/* Goal: a condition over facts becomes an expression over a small schema of its own, and holds for
 * the rows that it should; every mistake is told at its place, in the words of the condition.
 * Method: the facts of a condition as a line; a batch of facts, evaluated; messages whole. */
#include "metric/having.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct tide_having *parse(struct fixture *fixture, const char *text)
{
    fixture_init(fixture);
    const struct tide_schema *schema = fixture_schema(fixture);
    fixture->source = (struct tide_source){TIDE_VIEW("c"), tide_view_of(text)};
    const struct tide_position position = {&fixture->source, 1, 1, (uint32_t)strlen(text)};
    return tide_having_parse(
        &fixture->arena, schema, fixture->source.text, position, &fixture->diagnostics);
}

static const struct {
    const char *text;
    const char *facts; /* SQL of each, in order */
} conditions[] = {
    {"count() > 2", "COUNT(*); "},
    {"distinct(a) >= 2", "COUNT(DISTINCT a); "},
    {"distinct(a) >= 2 and count() in [3, 4] or not distinct(g) < 1",
     "COUNT(DISTINCT a); COUNT(*); COUNT(DISTINCT g); "},
    /* A fact that is named twice is one. */
    {"count() > 2 and count() < 9 and distinct( b ) == 1 and distinct(b) != 7",
     "COUNT(*); COUNT(DISTINCT b); "},
    {"distinct(user_id) == 1 or distinct(at_) > 1 or distinct(n) > 1 or distinct(x) > 1",
     "COUNT(DISTINCT user_id); COUNT(DISTINCT at_); COUNT(DISTINCT n); COUNT(DISTINCT x); "},
};

static void test_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(conditions); i++) {
        struct fixture fixture;
        struct tide_bytes facts = {0};
        const struct tide_having *having = parse(&fixture, conditions[i].text);
        assert_string_equal(fixture_errors(&fixture), "");
        assert_non_null(having);
        assert_int_equal(having->facts->column_count, having->fact_count);
        assert_int_equal(having->facts->path_column_count, having->fact_count);
        const struct tide_schema *schema = fixture_schema(&fixture);
        for (uint32_t k = 0; k < having->fact_count; k++) {
            const struct tide_view name = having->facts->columns[k].name;
            char sql[64];
            assert_int_equal(having->facts->columns[k].type, TIDE_TYPE_INT);
            if (having->columns[k] == TIDE_COLUMN_NONE) {
                (void)snprintf(sql, sizeof(sql), "COUNT(*)");
            } else {
                (void)snprintf(sql,
                               sizeof(sql),
                               "COUNT(DISTINCT %.*s)",
                               TIDE_VIEW_ARGUMENTS(schema->columns[having->columns[k]].name));
            }
            assert_true(tide_view_equal(name, tide_view_of(sql)));
            tide_bytes_append_view(&facts, name);
            tide_bytes_append_text(&facts, "; ");
        }
        assert_string_equal(tide_bytes_terminated(&facts), conditions[i].facts);
        tide_bytes_release(&facts);
        fixture_release(&fixture);
    }
}

/* Entities: (count, distinct(a)) from (1, 0) on; the rows for which it holds, as a line. */
static void test_evaluation(void **state)
{
    enum {
        ROW_COUNT = 6
    };
    static const int64_t counts[ROW_COUNT] = {1, 2, 3, 3, 4, INT64_MAX};
    static const int64_t distinct[ROW_COUNT] = {0, 1, 1, 3, 2, INT64_MAX};
    static const struct {
        const char *text;
        const char *rows;
    } cases[] = {
        {"count() > 2 and distinct(a) >= 0", "2 3 4 5 "},
        {"count() >= 2.5 or distinct(a) == -1", "2 3 4 5 "},
        {"count() in [1, 3, 3.5] and distinct(a) != 3", "0 2 "},
        {"count() < 2 or distinct(a) > 2", "0 3 5 "},
        {"not (count() == 3) and not distinct(a) == 1", "0 4 5 "},
        {"count() > 99999999999999999999 or distinct(a) > 99", "5 "},
        {"count() < 99999999999999999999 and distinct(a) in [1, 2]", "1 2 4 "},
        {"count() == 1 and distinct(a) == 1", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        char rows[100] = "";
        uint32_t kept[ROW_COUNT] = {0, 1, 2, 3, 4, 5};
        const struct tide_having *having = parse(&fixture, cases[i].text);
        assert_non_null(having);
        struct tide_batch *batch = fixture_batch(having->facts, ROW_COUNT);
        for (uint32_t row = 0; row < ROW_COUNT; row++) {
            fixture_set_number(batch, row, "COUNT(*)", counts[row]);
            fixture_set_number(batch, row, "COUNT(DISTINCT a)", distinct[row]);
        }
        const uint32_t count = tide_expression_select(having->expression, batch, kept, ROW_COUNT);
        for (uint32_t k = 0; k < count; k++) {
            const size_t size = strlen(rows);
            (void)snprintf(rows + size, sizeof(rows) - size, "%u ", kept[k]);
        }
        assert_string_equal(rows, cases[i].rows);
        tide_batch_destroy(batch);
        fixture_release(&fixture);
    }
}

static void test_sql(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tide_bytes sql = {0};
    const struct tide_having *having = parse(&fixture, "count() > 2 and distinct(a) >= 2");
    assert_non_null(having);
    tide_expression_sql(having->expression, &sql);
    assert_non_null(strstr(tide_bytes_terminated(&sql), "COUNT(*) >= 3"));
    assert_non_null(strstr(tide_bytes_terminated(&sql), "COUNT(DISTINCT a) >= 2"));
    tide_bytes_release(&sql);
    fixture_release(&fixture);
}

static const struct {
    const char *text;
    const char *message;
} mistakes[] = {
    {"count",
     "c:1:1: error: 'having' compares count() or distinct(column)\n"
     "count\n"
     "^~~~~\n"},
    {"count()",
     "c:1:1: error: 'count()' is int, not a condition; compare it: count() == 1\n"
     "count()\n"
     "^~~~~\n"},
    {"not distinct(a)",
     "c:1:5: error: 'distinct(a)' is int, not a condition; compare it: distinct(a) == 1\n"
     "not distinct(a)\n"
     "    ^~~~~~~~\n"},
    {"count(n) > 1",
     "c:1:7: error: count() is of events and takes no column; write count(), or distinct(n)\n"
     "count(n) > 1\n"
     "      ^\n"},
    {"count(*) > 1",
     "c:1:7: error: this character has no meaning in a condition\n"
     "count(*) > 1\n"
     "      ^\n"},
    {"distinct() > 1",
     "c:1:1: error: distinct needs a column: distinct(column)\n"
     "distinct() > 1\n"
     "^~~~~~~~\n"},
    {"distinct > 1",
     "c:1:1: error: 'having' compares count() or distinct(column)\n"
     "distinct > 1\n"
     "^~~~~~~~\n"},
    {"sum(n) > 1 and max(n) > 2",
     "c:1:1: error: 'having' knows count() and distinct(column) only\n"
     "sum(n) > 1 and max(n) > 2\n"
     "^~~\n"
     "c:1:16: error: 'having' knows count() and distinct(column) only\n"
     "sum(n) > 1 and max(n) > 2\n"
     "               ^~~\n"},
    {"Count() > 1",
     "c:1:1: error: 'having' knows count() and distinct(column) only\n"
     "Count() > 1\n"
     "^~~~~\n"},
    {"a == \"x\"",
     "c:1:1: error: 'having' compares count() or distinct(column)\n"
     "a == \"x\"\n"
     "^\n"},
    {"count() == \"x\" or distinct( a ) == true",
     "c:1:12: error: 'count()' is int and cannot be compared with a string\n"
     "count() == \"x\" or distinct( a ) == true\n"
     "           ^~~\n"
     "c:1:36: error: 'distinct( a )' is int and cannot be compared with true or false\n"
     "count() == \"x\" or distinct( a ) == true\n"
     "                                   ^~~~\n"},
    {"count() in [1, \"x\", true, 2]",
     "c:1:16: error: 'count()' is int and cannot be compared with a string\n"
     "count() in [1, \"x\", true, 2]\n"
     "               ^~~\n"
     "c:1:21: error: 'count()' is int and cannot be compared with true or false\n"
     "count() in [1, \"x\", true, 2]\n"
     "                    ^~~~\n"},
    {"distinct(knd) > 1 and distinct(user) > 1 or count(",
     "c:1:10: error: unknown column 'knd'; did you mean 'kind'?\n"
     "distinct(knd) > 1 and distinct(user) > 1 or count(\n"
     "         ^~~\n"
     "c:1:32: error: unknown column 'user'; did you mean 'user_id'?\n"
     "distinct(knd) > 1 and distinct(user) > 1 or count(\n"
     "                               ^~~~\n"
     "c:1:51: error: the condition ends where ')' is expected\n"
     "distinct(knd) > 1 and distinct(user) > 1 or count(\n"
     "                                                  ^\n"},
    {"distinct(a, kind) > 1",
     "c:1:11: error: expected ')', not ','\n"
     "distinct(a, kind) > 1\n"
     "          ^\n"},
    {"distinct(\"a\") > 1",
     "c:1:10: error: expected ')', not '\"a\"'\n"
     "distinct(\"a\") > 1\n"
     "         ^~~\n"},
    {"distinct(null) > 1",
     "c:1:10: error: unknown column 'null'\n"
     "distinct(null) > 1\n"
     "         ^~~~\n"},
    {"2 < count()",
     "c:1:1: error: expected count() or distinct(column), not '2'\n"
     "2 < count()\n"
     "^\n"},
    {"count() > distinct(a)",
     "c:1:11: error: expected a number, not 'distinct'\n"
     "count() > distinct(a)\n"
     "          ^~~~~~~~\n"},
    {"count() > null",
     "c:1:11: error: expected a number, not 'null'\n"
     "count() > null\n"
     "          ^~~~\n"},
    {"count() is not null",
     "c:1:9: error: 'count()' is never null\n"
     "count() is not null\n"
     "        ^~\n"},
    {"count() > 1 AND count() < 3",
     "c:1:13: error: 'AND' is written 'and'\n"
     "count() > 1 AND count() < 3\n"
     "            ^~~\n"},
    {"count() >",
     "c:1:10: error: the condition ends where a number is expected\n"
     "count() >\n"
     "         ^\n"},
    {" ",
     "c:1:2: error: the condition ends where count() or distinct(column) is expected\n"
     " \n"
     " ^\n"},
    {"count().x > 2",
     "c:1:8: error: this character has no meaning in a condition\n"
     "count().x > 2\n"
     "       ^\n"},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        struct fixture fixture;
        assert_null(parse(&fixture, mistakes[i].text));
        assert_string_equal(fixture_errors(&fixture), mistakes[i].message);
        fixture_release(&fixture);
    }
}

/* count() and the 15 first columns are the 16 facts that are possible. */
static void test_limit(void **state)
{
    (void)state;
    for (int column_count = 15; column_count <= 17; column_count++) {
        struct fixture fixture;
        struct tide_bytes text = {0};
        fixture_init(&fixture);
        tide_bytes_append_text(&text, FIXTURE_SCHEMA);
        for (int i = 0; i < column_count; i++) {
            tide_bytes_append_format(&text, "    c%d: {path: c%d}\n", i, i);
        }
        tide_bytes_append_text(
            &text, "metrics:\n  m: {every: 1h, distinct: user_id, having: 'count() > 1");
        for (int i = 0; i < column_count; i++) {
            tide_bytes_append_format(&text, " and distinct(c%d) > 1 and count() > %d", i, i);
        }
        tide_bytes_append_text(&text, "'}\n");
        const struct tide_definitions *definitions =
            fixture_load(&fixture, tide_bytes_terminated(&text));
        assert_int_equal(definitions != NULL, column_count == 15);
        assert_int_equal(fixture.diagnostics.error_count, column_count - 15);
        assert_int_equal(strstr(fixture_errors(&fixture),
                                "error: 'having' looks at more than 16 facts\n") != NULL,
                         column_count > 15);
        tide_bytes_release(&text);
        fixture_release(&fixture);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_schema *schema = fixture_schema(&fixture);
    const struct tide_position nowhere = {0};
    bool is_parsed = false;
    for (size_t budget = 64; !is_parsed; budget += 256) {
        struct tide_arena arena;
        tide_arena_init(&arena, budget);
        tide_diagnostics_init(&fixture.diagnostics, &fixture.arena);
        is_parsed = tide_having_parse(&arena,
                                      schema,
                                      TIDE_VIEW("count() > 1 and distinct(a) in [1, 2]"),
                                      nowhere,
                                      &fixture.diagnostics) != NULL;
        assert_int_equal(fixture.diagnostics.error_count > 0, !is_parsed);
        assert_true(budget < 1 << 16);
        tide_arena_release(&arena);
    }
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_sql),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
