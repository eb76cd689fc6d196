/* Goal: each day is computed once, after its time, whatever the clock, the zone and failures do.
 * Method: a simulated clock walks over days in steps of minutes, with downtimes and failures, and
 * every turn is written down; some turns are worked out by hand. */
#include "cli/daily_schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/civil.h"

static struct tide_arena arena;

static int close_world(void **state)
{
    (void)state;
    tide_arena_release(&arena);
    return 0;
}

static struct tide_instant at(const char *text)
{
    struct tide_instant t;
    assert_true(tide_civil_parse(tide_view_of(text), &t));
    return t;
}

static struct tide_daily_schedule schedule_of(const char *time, const char *zone, uint32_t days)
{
    struct tide_daily_schedule schedule = {.days = days};
    struct tide_error error = {0};
    assert_true(tide_daily_parse_time(tide_view_of(time), &schedule.at_us));
    assert_int_equal(tide_timezone_open(&arena, tide_view_of(zone), &schedule.zone, &error),
                     TIDE_OK);
    return schedule;
}

static int64_t day_of(const char *date)
{
    struct tide_bytes text = {0};
    tide_bytes_append_format(&text, "%sT00:00:00Z", date);
    const int64_t day = tide_days_of(at(tide_bytes_terminated(&text)));
    tide_bytes_release(&text);
    return day;
}

static struct tide_daily_state done(const char *date)
{
    return (struct tide_daily_state){.is_known = true, .done_day = day_of(date)};
}

static void check_span(const struct tide_daily_turn *turn, const char *from, const char *to)
{
    assert_true(turn->is_due);
    assert_int_equal(turn->span.start.us, at(from).us);
    assert_int_equal(turn->span.end.us, at(to).us);
}

static void reads_times(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "2:30", "02:3", "24:00", "02:60", "02-30", "02:30 ", "ab:cd", "-1:00", "02:30:00"};
    int64_t us = 0;
    assert_true(tide_daily_parse_time(TIDE_VIEW("02:30"), &us));
    assert_int_equal(us, (2 * 60 + 30) * 60 * TIDE_US_PER_SECOND);
    assert_true(tide_daily_parse_time(TIDE_VIEW("23:59"), &us));
    assert_true(tide_daily_parse_time(TIDE_VIEW("00:00"), &us));
    assert_int_equal(us, 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(tide_daily_parse_time(tide_view_of(wrong[i]), &us));
    }
}

static void yesterday_is_due_at_its_time(void **state)
{
    (void)state;
    const struct tide_daily_schedule utc = schedule_of("02:30", "UTC", 1);
    const struct tide_daily_state before = done("2026-03-06");
    struct tide_daily_turn turn = tide_daily_plan(&utc, &before, at("2026-03-08T02:29:59Z"));
    assert_false(turn.is_due);
    assert_int_equal(turn.again.us, at("2026-03-08T02:30:00Z").us);
    turn = tide_daily_plan(&utc, &before, at("2026-03-08T02:30:00Z"));
    check_span(&turn, "2026-03-07T00:00:00Z", "2026-03-08T00:00:00Z");
    assert_int_equal(turn.day, day_of("2026-03-07"));
    const struct tide_daily_state after = done("2026-03-07");
    turn = tide_daily_plan(&utc, &after, at("2026-03-08T02:30:00Z"));
    assert_false(turn.is_due);
    assert_int_equal(turn.again.us, at("2026-03-09T02:30:00Z").us);
}

static void days_are_those_of_the_zone(void **state)
{
    (void)state;
    const struct tide_daily_schedule india = schedule_of("02:30", "Asia/Kolkata", 1);
    const struct tide_daily_state before = done("2026-03-06");
    struct tide_daily_turn turn = tide_daily_plan(&india, &before, at("2026-03-07T20:59:59Z"));
    assert_false(turn.is_due);
    turn = tide_daily_plan(&india, &before, at("2026-03-07T21:00:00Z"));
    check_span(&turn, "2026-03-06T18:30:00Z", "2026-03-07T18:30:00Z");

    /* 02:30 is left out on the 29th of March: it comes when clocks show 03:30. */
    const struct tide_daily_schedule berlin = schedule_of("02:30", "Europe/Berlin", 1);
    assert_int_equal(tide_daily_due_day(&berlin, at("2026-03-29T00:29:59Z")), day_of("2026-03-27"));
    assert_int_equal(tide_daily_due_day(&berlin, at("2026-03-29T01:30:00Z")), day_of("2026-03-28"));
    const struct tide_daily_state spring = done("2026-03-28");
    turn = tide_daily_plan(&berlin, &spring, at("2026-03-30T01:00:00Z"));
    check_span(&turn, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"); /* 23 hours */
}

static void what_was_missed_is_run_once(void **state)
{
    (void)state;
    const struct tide_daily_schedule one = schedule_of("02:30", "UTC", 1);
    const struct tide_daily_schedule three = schedule_of("02:30", "UTC", 3);
    struct tide_daily_state before = done("2026-03-02");
    struct tide_daily_turn turn = tide_daily_plan(&one, &before, at("2026-03-08T12:00:00Z"));
    check_span(&turn, "2026-03-03T00:00:00Z", "2026-03-08T00:00:00Z");
    tide_daily_note(&before, &turn, at("2026-03-08T12:00:00Z"), true);
    assert_false(tide_daily_plan(&one, &before, at("2026-03-08T12:00:01Z")).is_due);

    before = done("2026-03-06");
    turn = tide_daily_plan(&three, &before, at("2026-03-08T02:30:00Z"));
    check_span(&turn, "2026-03-05T00:00:00Z", "2026-03-08T00:00:00Z");
    before = done("2020-01-01"); /* years: the last month of them */
    turn = tide_daily_plan(&one, &before, at("2026-03-08T02:30:00Z"));
    check_span(&turn, "2026-02-05T00:00:00Z", "2026-03-08T00:00:00Z");
}

static void failures_are_tried_again_and_then_with_the_next_day(void **state)
{
    (void)state;
    const struct tide_daily_schedule utc = schedule_of("02:30", "UTC", 1);
    struct tide_daily_state it = done("2026-03-06");
    struct tide_instant now = at("2026-03-08T02:30:00Z");
    unsigned attempts = 0;
    struct tide_daily_turn turn = tide_daily_plan(&utc, &it, now);
    while (turn.is_due) {
        attempts++;
        tide_daily_note(&it, &turn, now, false);
        turn = tide_daily_plan(&utc, &it, now);
        assert_false(turn.is_due);
        now = turn.again;
        turn = tide_daily_plan(&utc, &it, now);
        if (turn.day != day_of("2026-03-07")) {
            break;
        }
    }
    assert_int_equal(attempts, TIDE_DAILY_ATTEMPTS_MAX);
    assert_int_equal(now.us, at("2026-03-09T02:30:00Z").us);
    check_span(&turn, "2026-03-07T00:00:00Z", "2026-03-09T00:00:00Z");
    tide_daily_note(&it, &turn, now, true);
    assert_int_equal(it.done_day, day_of("2026-03-08"));
    assert_int_equal(it.attempts, 0);
}

static void a_clock_that_goes_back_runs_nothing_again(void **state)
{
    (void)state;
    const struct tide_daily_schedule utc = schedule_of("02:30", "UTC", 1);
    struct tide_daily_state it = done("2026-03-07");
    assert_false(tide_daily_plan(&utc, &it, at("2026-03-07T12:00:00Z")).is_due);
    assert_false(tide_daily_plan(&utc, &it, at("2026-03-01T12:00:00Z")).is_due);
    /* Nor does a failure in the future keep one from trying now. */
    it = done("2026-03-06");
    struct tide_daily_turn turn = tide_daily_plan(&utc, &it, at("2026-03-08T12:00:00Z"));
    tide_daily_note(&it, &turn, at("2026-03-08T12:00:00Z"), false);
    assert_true(tide_daily_plan(&utc, &it, at("2026-03-08T11:00:00Z")).is_due);
}

/* A year of a service that is away now and then, whose runs fail now and then. */
static void no_day_is_left_out(void **state)
{
    (void)state;
    const struct tide_daily_schedule schedule = schedule_of("02:30", "Europe/Berlin", 1);
    struct tide_clock_simulated simulated = {.now = at("2026-01-01T12:00:00Z")};
    const struct tide_clock clock = tide_clock_simulated(&simulated);
    struct tide_daily_state it = {.is_known = true};
    it.done_day = tide_daily_due_day(&schedule, tide_clock_now(clock));
    struct tide_instant covered = tide_timezone_midnight(schedule.zone, it.done_day + 1);
    uint64_t seed = 7;
    unsigned runs = 0;
    while (tide_clock_now(clock).us < at("2027-01-01T12:00:00Z").us) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        const uint64_t dice = seed >> 40;
        const struct tide_daily_turn turn = tide_daily_plan(&schedule, &it, tide_clock_now(clock));
        if (turn.is_due) {
            assert_true(turn.span.start.us <= covered.us);
            assert_true(turn.span.end.us > covered.us);
            assert_true(turn.span.end.us <= tide_clock_now(clock).us);
            const bool is_done = dice % 4 != 0;
            tide_daily_note(&it, &turn, tide_clock_now(clock), is_done);
            covered = is_done ? turn.span.end : covered;
            runs += is_done;
        } else if (dice % 40 == 0) {
            const int64_t days = (int64_t)(dice / 64 % 9); /* it is away */
            tide_clock_sleep(clock, (struct tide_duration){days * TIDE_US_PER_DAY});
        } else {
            assert_true(turn.again.us > tide_clock_now(clock).us);
            tide_clock_sleep(clock,
                             (struct tide_duration){turn.again.us - tide_clock_now(clock).us});
        }
    }
    assert_true(covered.us >= at("2026-12-20T00:00:00Z").us);
    assert_true(runs > 200 && runs < 366);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_times),
        cmocka_unit_test(yesterday_is_due_at_its_time),
        cmocka_unit_test(days_are_those_of_the_zone),
        cmocka_unit_test(what_was_missed_is_run_once),
        cmocka_unit_test(failures_are_tried_again_and_then_with_the_next_day),
        cmocka_unit_test(a_clock_that_goes_back_runs_nothing_again),
        cmocka_unit_test(no_day_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, close_world);
}
