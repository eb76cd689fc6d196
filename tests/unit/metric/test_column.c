/* Goal: a column is found by its name, and a wrong name is told with the nearest right one.
 * Method: the fixture's schema, the message compared whole. */
#include "metric/column.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_find(void **state)
{
    static const struct {
        const char *name;
        const char *message;
    } cases[] = {
        {"kind", ""},
        {"user", "error: unknown column 'user'; did you mean 'user_id'?\n"},
        {"knid", "error: unknown column 'knid'; did you mean 'kind'?\n"},
        {"something", "error: unknown column 'something'\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        const struct tide_schema *schema = fixture_schema(&fixture);
        const struct tide_position nowhere = {0};
        const uint32_t column =
            tide_column_find(schema, tide_view_of(cases[i].name), nowhere, &fixture.diagnostics);
        assert_string_equal(fixture_errors(&fixture), cases[i].message);
        assert_int_equal(column == TIDE_COLUMN_NONE, cases[i].message[0] != '\0');
        fixture_release(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
