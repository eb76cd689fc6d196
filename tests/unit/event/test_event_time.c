/* Goal: which received time holds, the repair of clocks, the bounds. Method: a table around each
 * bound, one microsecond to either side. */
#include "event/event_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)
#define NOW (INT64_C(1770933600) * SECOND)
#define UNKNOWN INT64_MIN
#define YEAR_2100 (INT64_C(4102444800) * SECOND)

static const struct tide_schema_clock device_clock = {
    .tolerance = {60 * SECOND}, .max_ahead = {300 * SECOND}, .max_age = {400 * DAY}};

struct time_case {
    enum tide_arrival arrival;
    int64_t device, column, stamp, sent;
    enum tide_reason reason;
    int64_t event, received, used_sent; /* of accepted ones */
};

static const struct time_case cases[] = {
    /* nothing known */
    {TIDE_ARRIVAL_FILE,
     NOW,
     UNKNOWN,
     UNKNOWN,
     UNKNOWN,
     TIDE_REASON_ACCEPTED,
     NOW,
     UNKNOWN,
     UNKNOWN},
    {TIDE_ARRIVAL_FILE, 0, UNKNOWN, UNKNOWN, UNKNOWN, TIDE_REASON_ACCEPTED, 0, UNKNOWN, UNKNOWN},
    {TIDE_ARRIVAL_FILE, -1, UNKNOWN, UNKNOWN, UNKNOWN, TIDE_REASON_TIME_INVALID, 0, 0, 0},
    {TIDE_ARRIVAL_FILE,
     YEAR_2100 - 1,
     UNKNOWN,
     UNKNOWN,
     UNKNOWN,
     TIDE_REASON_ACCEPTED,
     YEAR_2100 - 1,
     UNKNOWN,
     UNKNOWN},
    {TIDE_ARRIVAL_FILE, YEAR_2100, UNKNOWN, UNKNOWN, UNKNOWN, TIDE_REASON_TIME_INVALID, 0, 0, 0},
    /* the repair: only beyond the tolerance, in both directions */
    {TIDE_ARRIVAL_FILE,
     NOW,
     NOW,
     UNKNOWN,
     NOW - 60 * SECOND,
     TIDE_REASON_ACCEPTED,
     NOW,
     NOW,
     NOW - 60 * SECOND},
    {TIDE_ARRIVAL_FILE,
     NOW - 61 * SECOND,
     NOW,
     UNKNOWN,
     NOW - 60 * SECOND - 1,
     TIDE_REASON_ACCEPTED,
     NOW - SECOND + 1,
     NOW,
     NOW - 60 * SECOND - 1},
    {TIDE_ARRIVAL_FILE,
     NOW + DAY,
     NOW,
     UNKNOWN,
     NOW + DAY,
     TIDE_REASON_ACCEPTED,
     NOW,
     NOW,
     NOW + DAY},
    {TIDE_ARRIVAL_FILE,
     NOW,
     INT64_C(1000000000000000000),
     UNKNOWN,
     -INT64_C(1000000000000000000),
     TIDE_REASON_TIME_INVALID,
     0,
     0,
     0},
    /* the bounds against received */
    {TIDE_ARRIVAL_FILE,
     NOW + 300 * SECOND,
     NOW,
     UNKNOWN,
     UNKNOWN,
     TIDE_REASON_ACCEPTED,
     NOW + 300 * SECOND,
     NOW,
     UNKNOWN},
    {TIDE_ARRIVAL_FILE,
     NOW + 300 * SECOND + 1,
     NOW,
     UNKNOWN,
     UNKNOWN,
     TIDE_REASON_CLOCK_AHEAD,
     0,
     0,
     0},
    {TIDE_ARRIVAL_FILE,
     NOW - 400 * DAY,
     NOW,
     UNKNOWN,
     UNKNOWN,
     TIDE_REASON_ACCEPTED,
     NOW - 400 * DAY,
     NOW,
     UNKNOWN},
    {TIDE_ARRIVAL_FILE, NOW - 400 * DAY - 1, NOW, UNKNOWN, UNKNOWN, TIDE_REASON_TOO_OLD, 0, 0, 0},
    /* which received time: a file's column, live the stamp, trusted the column before the stamp */
    {TIDE_ARRIVAL_FILE,
     NOW,
     UNKNOWN,
     NOW - DAY,
     UNKNOWN,
     TIDE_REASON_ACCEPTED,
     NOW,
     UNKNOWN,
     UNKNOWN},
    {TIDE_ARRIVAL_LIVE, NOW, NOW - DAY, NOW + 7, NOW, TIDE_REASON_ACCEPTED, NOW, NOW + 7, NOW},
    {TIDE_ARRIVAL_TRUSTED,
     NOW,
     NOW + 5,
     NOW + 7,
     NOW - DAY,
     TIDE_REASON_ACCEPTED,
     NOW,
     NOW + 5,
     UNKNOWN},
    {TIDE_ARRIVAL_TRUSTED,
     NOW,
     UNKNOWN,
     NOW + DAY,
     NOW,
     TIDE_REASON_ACCEPTED,
     NOW + DAY,
     NOW + DAY,
     NOW},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct time_case *c = &cases[i];
        struct tide_event_times times;
        struct tide_event_clocks clocks = {{c->device}, {c->column}, {c->stamp}, {c->sent}};
        enum tide_reason reason =
            tide_event_times_resolve(&device_clock, c->arrival, &clocks, &times);
        if (reason != c->reason) {
            fail_msg("case %zu: %s", i, tide_reason_name(reason));
        }
        if (reason == TIDE_REASON_ACCEPTED) {
            assert_true(times.event.us == c->event);
            assert_true(times.received.us == c->received);
            assert_true(times.sent.us == c->used_sent);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
