/* Goal: a number is the sum of the samples that are meant and of no others; what is no number is
 * none. Method: one text, a table of questions. */
#include "cli/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char text[] = "# HELP one_total The first.\n"
                           "# TYPE one_total counter\n"
                           "one_total 3\n"
                           "one_total_more 100\n"
                           "two{state=\"firing\",alert=\"a\"} 1.5\n"
                           "two{state=\"pending\",alert=\"state=\\\"firing\\\" } 9\"} 4\n"
                           "two{alert=\"b\",state=\"firing\"} 2\n"
                           "two{mystate=\"firing\"} 8\n"
                           "wrong 1e9\n"
                           "many 9223372036854\n"
                           "many 9223372036854\n"
                           "cut{a=\"b\n"
                           "bare\n"
                           "last -2.000001";

static void test_sum(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *label;
        bool is_there;
        int64_t millionths;
    } rows[] = {
        {"one_total", NULL, true, 3000000},
        {"one_total", "state=\"firing\"", false, 0},
        {"one", NULL, false, 0},
        {"one_total_more", NULL, true, 100000000},
        {"two", "state=\"firing\"", true, 3500000},
        {"two", "state=\"pending\"", true, 4000000},
        {"two", NULL, true, 15500000},
        {"wrong", NULL, false, 0},
        {"many", NULL, false, 0}, /* the sum does not fit */
        {"cut", NULL, false, 0},
        {"bare", NULL, false, 0},
        {"last", NULL, true, -2000001},
        {"", NULL, false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t millionths = 0;
        const bool is_there =
            tide_exposition_sum(tide_view_of(text), rows[i].name, rows[i].label, &millionths);
        assert_int_equal(is_there, rows[i].is_there);
        if (is_there) {
            assert_int_equal(millionths, rows[i].millionths);
        }
    }
    int64_t unused;
    assert_false(tide_exposition_sum((struct tide_view){0}, "one_total", NULL, &unused));
}

static void test_label(void **state)
{
    (void)state;
    struct tide_view value;
    assert_true(tide_exposition_label(tide_view_of(text), "two", "alert", &value));
    assert_true(tide_view_equal(value, TIDE_VIEW("a")));
    assert_true(tide_exposition_label(tide_view_of(text), "two", "state", &value));
    assert_true(tide_view_equal(value, TIDE_VIEW("firing")));
    assert_false(tide_exposition_label(tide_view_of(text), "two", "tate", &value));
    assert_false(tide_exposition_label(tide_view_of(text), "one_total", "a", &value));
    assert_false(tide_exposition_label(tide_view_of(text), "nothing", "a", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
