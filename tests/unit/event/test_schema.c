/* Goal: lookups on a loaded schema. Method: names that are there, not there, and nearly. */
#include "event/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_find(void **state)
{
    (void)state;
    struct tide_column columns[] = {{.name = TIDE_VIEW("a")}, {.name = TIDE_VIEW("ab")}};
    const struct tide_schema schema = {.columns = columns, .column_count = 2};
    assert_int_equal(tide_schema_find(&schema, TIDE_VIEW("a")), 0);
    assert_int_equal(tide_schema_find(&schema, TIDE_VIEW("ab")), 1);
    assert_int_equal(tide_schema_find(&schema, TIDE_VIEW("abc")), TIDE_COLUMN_NONE);
    assert_int_equal(tide_schema_find(&schema, TIDE_VIEW("")), TIDE_COLUMN_NONE);
}

static void test_type_names(void **state)
{
    (void)state;
    assert_string_equal(tide_type_name(TIDE_TYPE_STRING), "string");
    assert_string_equal(tide_type_name(TIDE_TYPE_DECIMAL), "decimal");
    assert_string_equal(tide_type_name(TIDE_TYPE_TIME_ISO), "time_iso");
    assert_true(tide_type_is_time(TIDE_TYPE_TIME_MS));
    assert_false(tide_type_is_time(TIDE_TYPE_INT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find),
                                       cmocka_unit_test(test_type_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
