/* Goal: what is delivered and what fails is booked to its topic, and a topic is there once.
 * Method: a few deliveries, read back. How the committer meters is in test_committer.c. */
#include "log/produce_meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_topic_is_there_once(void **state)
{
    (void)state;
    static struct tide_produce_meter meter;
    const char again[] = "events";
    assert_int_equal(tide_produce_meter_topic(&meter, "events"), 0);
    assert_int_equal(tide_produce_meter_topic(&meter, "crashes"), 1);
    assert_int_equal(tide_produce_meter_topic(&meter, again), 0);
    assert_int_equal(meter.topic_count, 2);
    assert_string_equal(meter.topics[1].name, "crashes");
}

static void books_to_the_topic(void **state)
{
    (void)state;
    static struct tide_produce_meter meter;
    struct tide_histogram_reading reading = {0};
    (void)tide_produce_meter_topic(&meter, "events");
    const uint32_t crashes = tide_produce_meter_topic(&meter, "crashes");
    tide_produce_meter_add(&meter, crashes, (struct tide_produced){TIDE_OK, 3, 300, {2000}});
    tide_produce_meter_add(&meter, crashes, (struct tide_produced){TIDE_RETRY, 2, 200, {9000}});
    assert_int_equal(meter.topics[crashes].records, 3);
    assert_int_equal(meter.topics[crashes].bytes, 300);
    assert_int_equal(meter.topics[crashes].failures, 2);
    tide_histogram_read(&meter.topics[crashes].elapsed, &reading);
    assert_int_equal(tide_histogram_count(&reading), 3);
    assert_int_equal(reading.sum_us, 6000);
    assert_int_equal(meter.topics[0].records, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_is_there_once),
        cmocka_unit_test(books_to_the_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
