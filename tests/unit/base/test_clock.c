/* Goal: the machine's clocks have the units they say; the simulated one moves only when told.
 * Method: readings against the C library's; the simulated clock step by step. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

static void test_os_clock(void **state)
{
    (void)state;
    const struct tide_clock clock = tide_clock_os();
    const int64_t before = (int64_t)time(NULL);
    const struct tide_instant now = tide_clock_now(clock);
    const int64_t after = (int64_t)time(NULL);
    /* time() may read a coarser clock, a tick behind. */
    assert_true(now.us / 1000000 >= before && now.us / 1000000 <= after + 1);

    const struct tide_monotonic first = tide_clock_monotonic(clock);
    tide_clock_sleep(clock, (struct tide_duration){0});
    tide_clock_sleep(clock, (struct tide_duration){INT64_MIN});
    tide_clock_sleep(clock, (struct tide_duration){50});
    const struct tide_monotonic second = tide_clock_monotonic(clock);
    assert_true(second.ns - first.ns >= 50 * 1000);
    assert_true(tide_monotonic_since(second, first).us >= 50);
    assert_true(tide_monotonic_since(first, second).us <= -50);
}

static void test_simulated_clock(void **state)
{
    (void)state;
    struct tide_clock_simulated simulated = {.now = {INT64_C(1764000000000000)}};
    const struct tide_clock clock = tide_clock_simulated(&simulated);
    assert_int_equal(tide_clock_now(clock).us, INT64_C(1764000000000000));
    assert_int_equal(tide_clock_now(clock).us, INT64_C(1764000000000000));
    assert_int_equal(tide_clock_monotonic(clock).ns, 0);

    tide_clock_simulated_advance(&simulated, (struct tide_duration){5});
    assert_int_equal(tide_clock_now(clock).us, INT64_C(1764000000000005));
    assert_int_equal(tide_clock_monotonic(clock).ns, 5000);

    tide_clock_sleep(clock, (struct tide_duration){7});
    assert_int_equal(tide_clock_now(clock).us, INT64_C(1764000000000012));
    assert_int_equal(tide_clock_monotonic(clock).ns, 12000);
    tide_clock_sleep(clock, (struct tide_duration){-3});
    assert_int_equal(tide_clock_monotonic(clock).ns, 12000);

    simulated.now.us -= 1000000; /* the wall clock is set back; the other does not notice */
    assert_int_equal(tide_clock_now(clock).us, INT64_C(1763999999000012));
    assert_int_equal(tide_clock_monotonic(clock).ns, 12000);
}

static void test_unknown(void **state)
{
    (void)state;
    assert_false(tide_instant_known(TIDE_INSTANT_UNKNOWN));
    assert_true(tide_instant_known((struct tide_instant){0}));
    assert_true(tide_instant_known((struct tide_instant){INT64_MIN + 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_os_clock),
        cmocka_unit_test(test_simulated_clock),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
