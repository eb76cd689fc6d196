/* Goal: a literal of any length becomes the right integer bound, at the edges of 64 bits too.
 * Method: a table. */
#include "metric/bound.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_bounds(void **state)
{
    static const struct {
        const char *literal;
        unsigned scale;
        enum tide_bound_place place;
        int64_t floor;
        bool exact;
    } cases[] = {
        {"0", 0, TIDE_BOUND_WITHIN, 0, true},
        {"-0", 0, TIDE_BOUND_WITHIN, 0, true},
        {"-0.000", 0, TIDE_BOUND_WITHIN, 0, true},
        {"007", 0, TIDE_BOUND_WITHIN, 7, true},
        {"1.5", 0, TIDE_BOUND_WITHIN, 1, false},
        {"1.0", 0, TIDE_BOUND_WITHIN, 1, true},
        {"-1.5", 0, TIDE_BOUND_WITHIN, -2, false},
        {"-0.0001", 0, TIDE_BOUND_WITHIN, -1, false},
        {"1.5", 6, TIDE_BOUND_WITHIN, 1500000, true},
        {"-0.5", 6, TIDE_BOUND_WITHIN, -500000, true},
        {"0.0000001", 6, TIDE_BOUND_WITHIN, 0, false},
        {"-0.0000001", 6, TIDE_BOUND_WITHIN, -1, false},
        {"0.00000100", 6, TIDE_BOUND_WITHIN, 1, true},
        {"9223372036854775807", 0, TIDE_BOUND_WITHIN, INT64_MAX, true},
        {"9223372036854775807.1", 0, TIDE_BOUND_WITHIN, INT64_MAX, false},
        {"9223372036854775808", 0, TIDE_BOUND_ABOVE, 0, false},
        {"-9223372036854775808", 0, TIDE_BOUND_WITHIN, INT64_MIN, true},
        {"-9223372036854775807.1", 0, TIDE_BOUND_WITHIN, INT64_MIN, false},
        {"-9223372036854775808.1", 0, TIDE_BOUND_BELOW, 0, false},
        {"-9223372036854775809", 0, TIDE_BOUND_BELOW, 0, false},
        {"9223372036854.775807", 6, TIDE_BOUND_WITHIN, INT64_MAX, true},
        {"9223372036854.775808", 6, TIDE_BOUND_ABOVE, 0, false},
        {"123456789012345678901234567890123456789012345678901234567890",
         0,
         TIDE_BOUND_ABOVE,
         0,
         false},
        {"-123456789012345678901234567890123456789012345678901234567890.5",
         6,
         TIDE_BOUND_BELOW,
         0,
         false},
        {"0.00000000000000000000000000000000000000000000000000000000001",
         0,
         TIDE_BOUND_WITHIN,
         0,
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_bound bound =
            tide_bound_of(tide_view_of(cases[i].literal), cases[i].scale);
        if (bound.place != cases[i].place ||
            (bound.place == TIDE_BOUND_WITHIN &&
             (bound.floor != cases[i].floor || bound.exact != cases[i].exact))) {
            fail_msg("%s: place %d, floor %lld, exact %d",
                     cases[i].literal,
                     (int)bound.place,
                     (long long)bound.floor,
                     (int)bound.exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
