/* Goal: an alert looks at the number that its `on` names, null is not known, and a window without
 * events is 0 only where that is true. Method: a cell of each kind, its parts filled by hand. */
#include "alert_fixture.h"

#include "serve/alert_value.h"

static struct tide_alert_number look(struct fixture *fixture, uint32_t alert_index)
{
    const struct tide_alert *alert = &fixture->definitions->alerts[alert_index];
    struct tide_result *result = fixture_result(fixture, alert->metric, TIDE_CELL_SPAN_ALL, NULL);
    assert_int_equal(tide_result_count(result), 1);
    const struct tide_result_row row = tide_result_at(result, 0);
    const struct tide_alert_number number =
        tide_alert_value_of(fixture->definitions, alert, result, &row);
    tide_result_destroy(result);
    return number;
}

static void fill_funnel(struct fixture *fixture, uint64_t entered, uint64_t completed)
{
    struct tide_cell_value *value = fixture_cell(fixture, "way", 0, NULL);
    const struct tide_metric *metric =
        &fixture->definitions->metrics[fixture_metric(fixture, "way")];
    assert_true(tide_cell_value_open(metric, value));
    value->events = 100;
    value->count = entered;
    value->distinct = 7;
    value->parts->steps[0].reached = entered;
    value->parts->steps[1].reached = completed;
    for (uint64_t i = 0; i < completed; i++) {
        value->sum += 4 * TIDE_US_PER_SECOND;
        assert_int_equal(tide_quantile_sketch_add(&value->parts->sketch, 4 * TIDE_US_PER_SECOND),
                         TIDE_OK);
    }
}

static void fill_sessions(struct fixture *fixture)
{
    struct tide_cell_value *value = fixture_cell(fixture, "visits", 0, NULL);
    const struct tide_metric *metric =
        &fixture->definitions->metrics[fixture_metric(fixture, "visits")];
    assert_true(tide_cell_value_open(metric, value));
    value->events = 9;
    value->count = 2;
    value->distinct = 1;
    value->sum = 5 * TIDE_US_PER_SECOND;
    assert_int_equal(tide_quantile_sketch_add(&value->parts->sketch, 0), TIDE_OK);
    assert_int_equal(tide_quantile_sketch_add(&value->parts->sketch, 5 * TIDE_US_PER_SECOND),
                     TIDE_OK);
}

static void check(const char *metric,
                  const char *on,
                  void (*fill)(struct fixture *fixture),
                  double expected,
                  bool nothing_is_zero)
{
    char alert[256];
    (void)snprintf(
        alert, sizeof(alert), "  a: {metric: %s, of: %s, when: 'value > 1'}\n", metric, on);
    struct fixture *fixture = fixture_open(alert);
    fill(fixture);
    const struct tide_alert_number number = look(fixture, 0);
    assert_true(number.known);
    const double error = number.number - expected;
    if (error > 0.01 * expected || error < -0.01 * expected) {
        fail_msg("%s of %s is %g, not %g", on, metric, number.number, expected);
    }
    const struct tide_alert_number nothing =
        tide_alert_value_of_nothing(fixture->definitions, &fixture->definitions->alerts[0]);
    assert_int_equal(nothing.known, nothing_is_zero);
    assert_true(nothing.number >= 0 && nothing.number <= 0);
    fixture_close(fixture);
}

static void fill_way(struct fixture *fixture)
{
    fill_funnel(fixture, 20, 5);
}

static void fill_all(struct fixture *fixture)
{
    fixture_events(fixture, "all", 0, NULL, 12);
}

static void fill_part(struct fixture *fixture)
{
    fixture_events(fixture, "hits", 0, "ios", 3);
    fixture_events(fixture, "all", 0, NULL, 12);
}

static void fill_spent(struct fixture *fixture)
{
    struct tide_cell_value *value = fixture_cell(fixture, "spent", 0, NULL);
    value->events = value->count = 4;
    value->sum = 10 * TIDE_DECIMAL_SCALE;
}

static void fill_rank(struct fixture *fixture)
{
    struct tide_cell_value *value = fixture_cell(fixture, "rank", 0, NULL);
    const struct tide_metric *metric =
        &fixture->definitions->metrics[fixture_metric(fixture, "rank")];
    assert_true(tide_cell_value_open(metric, value));
    for (int i = 1; i <= 100; i++) {
        value->events++;
        value->count++;
        assert_int_equal(
            tide_quantile_sketch_add(&value->parts->sketch, (int64_t)i * TIDE_DECIMAL_SCALE),
            TIDE_OK);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    check("all", "value", fill_all, 12, true);
    check("part", "value", fill_part, 0.25, false);
    check("spent", "value", fill_spent, 2.5, false);
    check("rank", "p50", fill_rank, 50, false);
    check("rank", "p95", fill_rank, 95, false);
    check("visits", "sessions", fill_sessions, 2, true);
    check("visits", "events", fill_sessions, 9, true);
    check("visits", "bounced", fill_sessions, 1, true);
    check("visits", "mean_duration", fill_sessions, 2.5, false);
    check("way", "entered", fill_way, 20, true);
    check("way", "completed", fill_way, 5, true);
    check("way", "unmatched", fill_way, 7, true);
    check("way", "conversion", fill_way, 0.25, false);
    check("way", "mean_time", fill_way, 4, false);
    check("way", "median_time", fill_way, 4, false);
}

/* Nobody entered: no conversion, which is not a bad one. */
static void test_null(void **state)
{
    (void)state;
    struct fixture *fixture =
        fixture_open("  a: {metric: way, of: conversion, when: 'value < 1'}\n"
                     "  b: {metric: way, of: mean_time, when: 'value < 1'}\n"
                     "  c: {metric: way, of: median_time, when: 'value < 1'}\n"
                     "  d: {metric: spent, when: 'value < 1'}\n");
    fill_funnel(fixture, 0, 0);
    fixture_cell(fixture, "spent", 0, NULL)->events = 3; /* none with an amount */
    for (uint32_t i = 0; i < fixture->definitions->alert_count; i++) {
        assert_false(look(fixture, i).known);
    }
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
