/* Goal: the SQL of a condition is never null and keeps the grouping of the condition.
 * Method: the text of each kind of comparison, compared whole. What it means on DuckDB is what
 * `tidemark verify` checks against the live numbers. */
#include "metric/expression.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_texts(void **state)
{
    static const struct {
        const char *text;
        const char *sql;
    } cases[] = {
        {"b", "COALESCE(b, FALSE)"},
        {"b == true", "COALESCE(b, FALSE)"},
        {"b == false", "COALESCE(b = FALSE, FALSE)"},
        {"b != true", "COALESCE(b = FALSE, FALSE)"},
        {"not b", "(NOT COALESCE(b, FALSE))"},
        {"b in [true, false]", "COALESCE(b IN (FALSE, TRUE), FALSE)"},
        {"a is null", "a IS NULL"},
        {"a is not null", "a IS NOT NULL"},
        {"a == \"it's\"", "COALESCE(a = ('it' || CHR(39) || 's'), FALSE)"},
        {"a != \"x\"", "COALESCE(a <> 'x', FALSE)"},
        {"a < \"x\"", "COALESCE(a < 'x', FALSE)"},
        {"a <= \"x\"", "COALESCE(a <= 'x', FALSE)"},
        {"a > \"x\"", "COALESCE(a > 'x', FALSE)"},
        {"a >= \"x\"", "COALESCE(a >= 'x', FALSE)"},
        {"a in [\"x\", \"\"]", "COALESCE(a IN ('x', ''), FALSE)"},
        {"n == 2.0", "COALESCE(n = 2, FALSE)"},
        {"n != 2", "COALESCE(n <> 2, FALSE)"},
        {"n > 2", "COALESCE(n >= 3, FALSE)"},
        {"n < -0.5", "COALESCE(n <= -1, FALSE)"},
        {"n == 0.5", "FALSE"},
        {"n != 0.5", "n IS NOT NULL"},
        {"n < 1000000000000000000000", "n IS NOT NULL"},
        {"n in [3, 0.5, 1]", "COALESCE(n IN (1, 3), FALSE)"},
        {"n in [0.5]", "FALSE"},
        {"x >= -0.5", "COALESCE(x >= -0.5, FALSE)"},
        {"x > 1", "COALESCE(x >= 1.000001, FALSE)"},
        {"at_ >= 5", "COALESCE(at_ >= 5, FALSE)"},
        {"b and n > 0 and a is null",
         "(COALESCE(b, FALSE) AND COALESCE(n >= 1, FALSE) AND a IS NULL)"},
        {"b and (n > 0 or a is null)",
         "(COALESCE(b, FALSE) AND (COALESCE(n >= 1, FALSE) OR a IS NULL))"},
        {"b and n > 0 or a is null",
         "((COALESCE(b, FALSE) AND COALESCE(n >= 1, FALSE)) OR a IS NULL)"},
        {"not (b or a is null)", "(NOT (COALESCE(b, FALSE) OR a IS NULL))"},
    };
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_schema *schema = fixture_schema(&fixture);
    struct tide_bytes sql = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_position nowhere = {0};
        const struct tide_expression *expression = tide_expression_parse(
            &fixture.arena, schema, tide_view_of(cases[i].text), nowhere, &fixture.diagnostics);
        assert_non_null(expression);
        tide_bytes_reset(&sql);
        tide_expression_sql(expression, &sql);
        assert_string_equal(tide_bytes_terminated(&sql), cases[i].sql);
    }
    tide_bytes_release(&sql);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
