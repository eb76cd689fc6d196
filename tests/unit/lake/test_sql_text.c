/* Goal: a literal says exactly the text, and a path names exactly the file.
 * Method: a table of texts. */
#include "lake/sql_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *text;
    const char *literal;
    const char *path;
} cases[] = {
    {"", "''", "''"},
    {"/lake/a.parquet", "'/lake/a.parquet'", "'/lake/a.parquet'"},
    {"it's", "'it''s'", "'it''s'"},
    {"[a]*?", "'[a]*?'", "'[[]a][*][?]'"},
};

static void test_literals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes sql = {0};
        tide_sql_append_text(&sql, tide_view_of(cases[i].text));
        assert_string_equal(tide_bytes_terminated(&sql), cases[i].literal);
        tide_bytes_reset(&sql);
        tide_sql_append_path(&sql, tide_view_of(cases[i].text));
        assert_string_equal(tide_bytes_terminated(&sql), cases[i].path);
        tide_bytes_release(&sql);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_literals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
