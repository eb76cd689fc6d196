/* Goal: over any time a sender gets its burst and its rate, not more; senders do not touch each
 * other; the table forgets the fullest and never grows. Method: a clock that the test moves,
 * against counts by hand and a plain model. */
#include "collect/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static struct tide_monotonic at_us(int64_t us)
{
    return (struct tide_monotonic){us * 1000};
}

static struct tide_limiter *make(uint64_t rate, uint64_t burst, uint32_t senders_max)
{
    struct tide_limiter *limiter = NULL;
    const struct tide_limit limit = {rate, burst};
    assert_int_equal(tide_limiter_create(limit, senders_max, 99, &limiter, NULL), TIDE_OK);
    return limiter;
}

static void test_burst_and_rate(void **state)
{
    (void)state;
    struct tide_limiter *limiter = make(10, 3, 64);
    const struct tide_view a = TIDE_VIEW("a");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tide_limiter_take(limiter, a, at_us(0)).us, 0);
    }
    const int64_t wait = tide_limiter_take(limiter, a, at_us(0)).us;
    assert_true(wait >= 100000 && wait <= 100001);
    assert_true(tide_limiter_take(limiter, a, at_us(99999)).us > 0);
    assert_int_equal(tide_limiter_take(limiter, a, at_us(wait)).us, 0);
    assert_true(tide_limiter_take(limiter, a, at_us(wait)).us > 0);
    assert_int_equal(tide_limiter_take(limiter, TIDE_VIEW("b"), at_us(wait)).us, 0);
    /* After a long rest there is the burst again, and no more. */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tide_limiter_take(limiter, a, at_us(10000000)).us, 0);
    }
    assert_true(tide_limiter_take(limiter, a, at_us(10000000)).us > 0);
    tide_limiter_destroy(limiter);
    tide_limiter_destroy(NULL);
}

static void test_debt(void **state)
{
    (void)state;
    struct tide_limiter *limiter = make(100, 100, 64);
    const struct tide_view a = TIDE_VIEW("a");
    assert_int_equal(tide_limiter_take(limiter, a, at_us(0)).us, 0);
    tide_limiter_charge(limiter, a, 999, at_us(0)); /* 900 more than there were */
    const int64_t wait = tide_limiter_take(limiter, a, at_us(0)).us;
    assert_true(wait >= 9010000 && wait <= 9010001);
    assert_true(tide_limiter_take(limiter, a, at_us(wait - 2)).us > 0);
    assert_int_equal(tide_limiter_take(limiter, a, at_us(wait)).us, 0);
    /* No debt is longer than a day. */
    tide_limiter_charge(limiter, a, UINT64_MAX, at_us(wait));
    tide_limiter_charge(limiter, a, UINT64_MAX, at_us(wait));
    const int64_t day = tide_limiter_take(limiter, a, at_us(wait)).us;
    assert_true(day > INT64_C(86400) * 1000000 && day < INT64_C(86401) * 1000000);
    tide_limiter_destroy(limiter);
}

/* What was let through in any stretch of time, against burst + rate * stretch. */
static void test_long_run(void **state)
{
    (void)state;
    static const struct {
        uint64_t rate;
        uint64_t burst;
        int64_t step_us;
    } rows[] = {{7, 1, 1000}, {1000, 50, 130}, {3, 20, 70000}, {1000000000, 5, 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_limiter *limiter = make(rows[i].rate, rows[i].burst, 64);
        uint64_t taken = 0;
        int64_t now = 0;
        for (int k = 0; k < 20000; k++) {
            taken += tide_limiter_take(limiter, TIDE_VIEW("a"), at_us(now)).us == 0;
            now += rows[i].step_us;
        }
        const double allowed =
            (double)rows[i].burst + (double)rows[i].rate * (double)now / 1000000.0;
        const double offered = 20000;
        assert_true((double)taken <= allowed);
        assert_true((double)taken >= (allowed < offered ? allowed : offered) * 0.99 - 1);
        tide_limiter_destroy(limiter);
    }
}

static void test_many_senders(void **state)
{
    (void)state;
    struct tide_limiter *limiter = make(1, 1, 64);
    char name[16];
    const struct tide_view heavy = TIDE_VIEW("heavy");
    assert_int_equal(tide_limiter_take(limiter, heavy, at_us(0)).us, 0);
    tide_limiter_charge(limiter, heavy, 100, at_us(0));
    /* A thousand others come by: they push out each other, not the one in debt. */
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(tide_limiter_take(limiter, tide_view_of(name), at_us(i)).us, 0);
    }
    assert_true(tide_limiter_take(limiter, heavy, at_us(1000)).us > 0);
    /* The last ones are known. */
    assert_true(tide_limiter_take(limiter, tide_view_of(name), at_us(1000)).us > 0);
    tide_limiter_destroy(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_and_rate),
        cmocka_unit_test(test_debt),
        cmocka_unit_test(test_long_run),
        cmocka_unit_test(test_many_senders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
