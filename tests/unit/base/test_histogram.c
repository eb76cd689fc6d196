/* Goal: each time falls into the bucket of the least bound that is not below it, sums are exact,
 * readings add up, and nothing is lost between threads.
 * Method: times at, below and above every bound; threads that add what is known. */
#include "base/histogram.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void bounds_ascend_and_say_what_they_are(void **state)
{
    (void)state;
    for (int i = 0; i < TIDE_HISTOGRAM_BOUNDS; i++) {
        const struct tide_histogram_bound *bound = &tide_histogram_bounds[i];
        const double seconds = strtod(bound->seconds, NULL);
        assert_true(i == 0 || bound->us > tide_histogram_bounds[i - 1].us);
        assert_true((int64_t)(seconds * 1e6 + 0.5) == bound->us);
    }
}

static void counts_up_to_the_bound(void **state)
{
    (void)state;
    for (int i = 0; i < TIDE_HISTOGRAM_BOUNDS; i++) {
        struct tide_histogram histogram = {0};
        struct tide_histogram_reading reading = {0};
        const int64_t us = tide_histogram_bounds[i].us;
        tide_histogram_add(&histogram, (struct tide_duration){us}, 1);
        tide_histogram_add(&histogram, (struct tide_duration){us + 1}, 2);
        tide_histogram_read(&histogram, &reading);
        assert_int_equal(reading.counts[i], 1);
        assert_int_equal(reading.counts[i + 1], 2);
        assert_int_equal(tide_histogram_count(&reading), 3);
        assert_int_equal(reading.sum_us, (uint64_t)(3 * us + 2));
    }
}

static void a_clock_that_was_set_back_counts_as_nothing(void **state)
{
    (void)state;
    struct tide_histogram histogram = {0};
    struct tide_histogram_reading reading = {0};
    tide_histogram_add(&histogram, (struct tide_duration){-5}, 1);
    tide_histogram_add(&histogram, (struct tide_duration){INT64_MIN}, 1);
    tide_histogram_read(&histogram, &reading);
    assert_int_equal(reading.counts[0], 2);
    assert_int_equal(reading.sum_us, 0);
}

enum {
    THREADS = 4,
    ROUNDS = 10000
};

static void *add_many(void *context)
{
    for (int i = 0; i < ROUNDS; i++) {
        tide_histogram_add(context, (struct tide_duration){1000 * (i % 3)}, 1);
    }
    return NULL;
}

static void threads_lose_nothing_and_readings_add_up(void **state)
{
    (void)state;
    static struct tide_histogram histograms[2];
    pthread_t threads[THREADS];
    struct tide_histogram_reading reading = {0};
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &histograms[i % 2]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    tide_histogram_read(&histograms[0], &reading);
    assert_int_equal(tide_histogram_count(&reading), THREADS / 2 * ROUNDS);
    tide_histogram_read(&histograms[1], &reading);
    assert_int_equal(tide_histogram_count(&reading), THREADS * ROUNDS);
    assert_int_equal(reading.counts[0], THREADS * 3334); /* of 0, 1, 2 ms: 3334, 3333, 3333 */
    assert_int_equal(reading.sum_us, THREADS * (3333U * 1000 + 3333U * 2000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_ascend_and_say_what_they_are),
        cmocka_unit_test(counts_up_to_the_bound),
        cmocka_unit_test(a_clock_that_was_set_back_counts_as_nothing),
        cmocka_unit_test(threads_lose_nothing_and_readings_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
