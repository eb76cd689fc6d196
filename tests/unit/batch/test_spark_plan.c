/* Goal: every window within a span is in one unit, which reads all events that can be in it.
 * Method: walk over every window of every metric around spans of many shapes, and look for it in
 * the plan; the number of pieces is checked for some. */
#include "spark_plan_text.h"

#define HOUR (3600 * TIDE_US_PER_SECOND)

static struct plan_world world;

static int open_world(void **state)
{
    (void)state;
    plan_world_open(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    tide_arena_release(&world.arena);
    return 0;
}

static int64_t day_us(int64_t day)
{
    return (PLAN_FIRST_DAY + day) * TIDE_US_PER_DAY;
}

static bool holds(struct tide_window bounds, int64_t from_us, int64_t to_us)
{
    return (!tide_instant_known(bounds.start) || bounds.start.us <= from_us) &&
           (!tide_instant_known(bounds.end) || bounds.end.us >= to_us);
}

/* Units that tell of a window, each of which must be able to. */
static unsigned count_units(const struct tide_spark_plan *plan,
                            const struct tide_metric *metric,
                            struct tide_window window)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < plan->unit_count; i++) {
        const struct tide_spark_unit *unit = &plan->units[i];
        if (unit->question.metric != metric ||
            !holds(unit->starts, window.start.us, window.start.us + 1)) {
            continue;
        }
        count++;
        const int64_t lake_end = day_us(PLAN_DAYS);
        const int64_t from = window.start.us > day_us(0) ? window.start.us : day_us(0);
        const int64_t to = window.end.us < lake_end ? window.end.us : lake_end;
        assert_true(holds(unit->events, window.start.us, window.end.us));
        assert_true(unit->span.start.us <= from && unit->span.end.us >= to - 1);
        for (uint32_t f = 0; f < PLAN_DAYS; f++) {
            const int64_t file_us = world.files[f].date_days * TIDE_US_PER_DAY;
            if (file_us < to && file_us + TIDE_US_PER_DAY > from) {
                assert_true(tide_spark_unit_reads(unit, &world.files[f]));
            }
        }
        assert_true(tide_spark_unit_reads(unit, &world.files[PLAN_DAYS]));
    }
    return count;
}

/* All windows that hold an event of the lake and lie within the span. */
static uint32_t check_metric(const struct tide_spark_plan *plan,
                             const struct tide_metric *metric,
                             struct tide_window span)
{
    uint32_t count = 0;
    struct tide_window pane = tide_window_of(metric->every, (struct tide_instant){day_us(0)});
    for (; pane.start.us < day_us(PLAN_DAYS); pane = tide_window_next(metric->every, pane)) {
        for (uint32_t k = 0; k < metric->pane_count; k++) {
            const struct tide_window window =
                tide_window_slide(metric->every, metric->pane_count, pane.start, k);
            if (holds(span, window.start.us, window.end.us)) {
                assert_int_equal(count_units(plan, metric, window), 1);
                count++;
            }
        }
    }
    return count;
}

static void every_window_is_in_one_unit(void **state)
{
    (void)state;
    const struct tide_window spans[] = {
        {TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN},
        {{day_us(3)}, {day_us(4)}},
        {{day_us(3)}, {day_us(10)}},
        {{day_us(2) + 5 * HOUR}, {day_us(7) + 11 * HOUR}},
        {{day_us(2) - HOUR * 11 / 2}, {day_us(3) - HOUR * 11 / 2}}, /* a day in Kolkata */
        {{day_us(0) - 40 * TIDE_US_PER_DAY}, {day_us(60)}},
        {{day_us(-4000)}, {day_us(4000)}},
        {{day_us(5)}, TIDE_INSTANT_UNKNOWN},
        {TIDE_INSTANT_UNKNOWN, {day_us(5) + 1}},
    };
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        const struct tide_spark_plan plan = plan_of(&world, spans[i], false);
        uint32_t count = 0;
        for (uint32_t m = 0; m < world.definitions->metric_count; m++) {
            const struct tide_metric *metric = &world.definitions->metrics[m];
            if (metric->kind != TIDE_METRIC_RATIO) {
                count += check_metric(&plan, metric, spans[i]);
            }
        }
        assert_true(count > 0);
    }
}

static uint32_t count_of(const struct tide_spark_plan *plan, const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->unit_count; i++) {
        const struct tide_metric *metric = plan->units[i].question.metric;
        count += metric != NULL && tide_view_equal(metric->name, tide_view_of(name));
    }
    return count;
}

static void days_are_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *metric;
        uint32_t day, week, year; /* pieces of a span of one, seven, 366 days */
    } rows[] = {
        {"hourly", 1, 7, 2}, /* a piece of the year has twelve days */
        {"daily", 0, 6, 2},  /* no day of Kolkata lies in a day of UTC */
        {"weekly", 0, 1, 3},
        {"monthly", 0, 0, 2},
        {"slide", 0, 6, 2},
        {"users", 1, 1, 1}, /* of an uneven ratio */
        {"users_of_five", 1, 1, 1},
        {"visits", 1, 1, 1},
        {"way", 1, 1, 1},
        {"back", 1, 1, 1},
        {"uneven", 0, 0, 0},
    };
    const struct tide_spark_plan day =
        plan_of(&world, (struct tide_window){{day_us(3)}, {day_us(4)}}, true);
    const struct tide_spark_plan week =
        plan_of(&world, (struct tide_window){{day_us(2)}, {day_us(9)}}, true);
    const struct tide_spark_plan year =
        plan_of(&world, (struct tide_window){{day_us(-183)}, {day_us(183)}}, true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(count_of(&day, rows[i].metric), rows[i].day);
        assert_int_equal(count_of(&week, rows[i].metric), rows[i].week);
        assert_int_equal(count_of(&year, rows[i].metric), rows[i].year);
    }
    assert_int_equal(week.units[0].question.kind, TIDE_BATCH_READS);
    assert_int_equal(week.units[week.unit_count - 1].question.kind, TIDE_BATCH_EVENTS_AUDIT);
}

static void sessions_are_read_from_their_timeout_on(void **state)
{
    (void)state;
    const struct tide_spark_plan plan =
        plan_of(&world, (struct tide_window){{day_us(3)}, {day_us(4)}}, false);
    for (uint32_t i = 0; i < plan.unit_count; i++) {
        const struct tide_spark_unit *unit = &plan.units[i];
        if (unit->question.metric->kind == TIDE_METRIC_SESSIONS) {
            assert_int_equal(unit->events.start.us, day_us(3) - HOUR / 2);
            assert_false(tide_instant_known(unit->events.end));
        } else if (unit->question.metric->kind == TIDE_METRIC_FUNNEL) {
            assert_false(tide_instant_known(unit->events.start));
        }
    }
}

static void nothing_is_asked_of_nothing(void **state)
{
    (void)state;
    const struct tide_window always = {TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN};
    const struct tide_window before = {{day_us(-9)}, {day_us(-8)}};
    const struct tide_snapshot whole = world.snapshot;
    world.snapshot.events.file_count = 0;
    assert_int_equal(plan_of(&world, always, true).unit_count, 0);
    world.snapshot.rejected = whole.events;
    assert_int_equal(plan_of(&world, always, true).unit_count, 1);
    world.snapshot = whole;
    const struct tide_spark_plan plan = plan_of(&world, before, false);
    for (uint32_t i = 0; i < plan.unit_count; i++) {
        assert_true(plan.units[i].day < 0); /* what is whole may read later events */
    }
}

static void a_file_without_a_date_may_have_anything(void **state)
{
    (void)state;
    const struct tide_window always = {TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN};
    world.snapshot.events.file_count = PLAN_DAYS + 1;
    const struct tide_spark_plan plan = plan_of(&world, always, false);
    world.snapshot.events.file_count = PLAN_DAYS;
    assert_int_equal(plan.units[0].span.start.us, 0);
    assert_int_equal(plan.units[0].span.end.us, INT64_C(4102444800) * TIDE_US_PER_SECOND - 1);
}

static void names_are_for_people_and_files(void **state)
{
    (void)state;
    char name[TIDE_SPARK_RESULT_SIZE];
    struct tide_bytes text = {0};
    const struct tide_spark_plan plan =
        plan_of(&world, (struct tide_window){{day_us(3)}, {day_us(4)}}, true);
    for (uint32_t i = 0; i < 2; i++) {
        tide_spark_unit_name(&plan.units[i], &text);
        tide_bytes_append_byte(&text, '\n');
    }
    tide_spark_unit_name(&plan.units[plan.unit_count - 1], &text);
    assert_string_equal(tide_bytes_terminated(&text),
                        "how far events go\nhourly 2026-03-03\naudit of events");
    tide_spark_result_name(TIDE_SPARK_UNITS_MAX - 1, name);
    assert_string_equal(name, "65535.ndjson");
    tide_spark_result_name(7, name);
    assert_string_equal(name, "00007.ndjson");
    tide_bytes_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_window_is_in_one_unit),
        cmocka_unit_test(days_are_pieces),
        cmocka_unit_test(sessions_are_read_from_their_timeout_on),
        cmocka_unit_test(nothing_is_asked_of_nothing),
        cmocka_unit_test(a_file_without_a_date_may_have_anything),
        cmocka_unit_test(names_are_for_people_and_files),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
