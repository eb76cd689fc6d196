/* Goal: lateness is decided by the log prefix alone, completeness also by the wall clock.
 * Method: a table of arrivals with the lateness and watermark each must give; then the closing
 * clock's rules one by one. */
#include "process/watermark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct tide_duration ten = {10};
static const int64_t unknown = INT64_MIN;

static void test_arrivals(void **state)
{
    (void)state;
    static const struct {
        int64_t event;
        int64_t received;
        enum tide_lateness lateness;
        int64_t data; /* afterwards */
    } arrivals[] = {
        {100, 200, TIDE_LATENESS_ON_TIME, 90},  /* the first is never late */
        {90, 200, TIDE_LATENESS_ON_TIME, 90},   /* exactly the watermark is on time */
        {89, 200, TIDE_LATENESS_HOT, 90},       /* one before it is late, and moves nothing */
        {150, 120, TIDE_LATENESS_ON_TIME, 110}, /* an event ahead counts as when it was received */
        {109, 120, TIDE_LATENESS_HOT, 110},
        {300, INT64_MIN, TIDE_LATENESS_ON_TIME, 290}, /* received unknown: its own time */
        {-500, 301, TIDE_LATENESS_HOT, 290},
        {290, 301, TIDE_LATENESS_ON_TIME, 290},
    };
    struct tide_watermark watermark;
    tide_watermark_init(&watermark, ten);
    assert_false(tide_instant_known(tide_watermark_data(&watermark)));
    for (size_t i = 0; i < sizeof(arrivals) / sizeof(arrivals[0]); i++) {
        struct tide_event_times times = {.event = {arrivals[i].event},
                                         .received = {arrivals[i].received},
                                         .sent = TIDE_INSTANT_UNKNOWN};
        assert_int_equal(tide_watermark_observe(&watermark, &times), arrivals[i].lateness);
        assert_true(tide_watermark_data(&watermark).us == arrivals[i].data);
    }
}

static int64_t closing(struct tide_watermark *watermark, bool idle, int64_t now)
{
    return tide_watermark_closing(
               watermark, idle, (struct tide_instant){now}, (struct tide_duration){50})
        .us;
}

static void test_closing_clock(void **state)
{
    (void)state;
    struct tide_watermark watermark;
    struct tide_event_times times = {{1000}, {1000}, {unknown}};
    tide_watermark_init(&watermark, ten);
    assert_true(closing(&watermark, false, 5000) == unknown); /* nothing is known at all */
    assert_true(closing(&watermark, true, 500) == 440); /* idle: now - out_of_orderness - idle */
    assert_true(closing(&watermark, true, 400) == 440); /* the wall clock jumped back */
    (void)tide_watermark_observe(&watermark, &times);
    assert_true(closing(&watermark, false, 500) == 990); /* the data is ahead of the idle rule */
    assert_true(closing(&watermark, true, 2000) == 1940);
    assert_true(closing(&watermark, false, 9000) == 1940); /* busy: it stays, and never goes back */
    assert_true(tide_watermark_data(&watermark).us == 990); /* the clock decides no lateness */
    times.event.us = 991;
    assert_int_equal(tide_watermark_observe(&watermark, &times), TIDE_LATENESS_ON_TIME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrivals),
        cmocka_unit_test(test_closing_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
