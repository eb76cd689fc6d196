/* Goal: the oldest reading within the time asked for is found, readings are bounded and spaced, and
 * what goes back starts anew. Method: readings at instants of the test's own. */
#include "serve/event_rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S INT64_C(1000000)

static struct tide_instant at(int64_t seconds)
{
    return (struct tide_instant){seconds * S};
}

static void check(struct tide_event_rate *rate, int64_t from, int64_t since, uint64_t events)
{
    struct tide_instant found = {0};
    uint64_t count = 0;
    assert_true(tide_event_rate_since(rate, at(from), &found, &count));
    assert_int_equal(found.us, since * S);
    assert_int_equal(count, events);
}

static void finds_the_oldest_within(void **state)
{
    struct tide_instant since;
    uint64_t events;
    (void)state;
    struct tide_event_rate *rate = tide_event_rate_create((struct tide_duration){5000000});
    assert_non_null(rate);
    assert_false(tide_event_rate_since(rate, at(0), &since, &events));
    tide_event_rate_note(rate, at(100), 5);
    tide_event_rate_note(rate, at(104), 6); /* too soon */
    tide_event_rate_note(rate, at(105), 7);
    tide_event_rate_note(rate, at(200), 7);
    check(rate, 0, 100, 5);
    check(rate, 100, 100, 5);
    check(rate, 101, 105, 7);
    check(rate, 106, 200, 7);
    assert_false(tide_event_rate_since(rate, at(201), &since, &events));
    tide_event_rate_destroy(rate);
}

static void starts_anew(void **state)
{
    (void)state;
    struct tide_event_rate *rate = tide_event_rate_create((struct tide_duration){5000000});
    assert_non_null(rate);
    tide_event_rate_note(rate, at(100), 50);
    tide_event_rate_note(rate, at(200), 40);
    check(rate, 0, 200, 40);
    tide_event_rate_note(rate, at(150), 60);
    check(rate, 0, 150, 60);
    tide_event_rate_destroy(rate);
}

static void forgets_the_oldest(void **state)
{
    (void)state;
    struct tide_event_rate *rate = tide_event_rate_create((struct tide_duration){5000000});
    assert_non_null(rate);
    for (int i = 0; i < TIDE_EVENT_RATE_READINGS + 3; i++) {
        tide_event_rate_note(rate, at(10 * i), (uint64_t)i);
    }
    check(rate, 0, 30, 3);
    check(rate,
          10 * (TIDE_EVENT_RATE_READINGS + 2),
          10 * (TIDE_EVENT_RATE_READINGS + 2),
          TIDE_EVENT_RATE_READINGS + 2);
    tide_event_rate_destroy(rate);
    tide_event_rate_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_oldest_within),
        cmocka_unit_test(starts_anew),
        cmocka_unit_test(forgets_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
