/* Goal: cells are printed as the oracle prints them, to the last digit and escape. Method: cells
 * made by hand, of every kind, compared as text. */
#include "operator/cell_text.h"

#include "unit/operator/stream.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEAD                                                                                       \
    "{\"metric\": \"m\", \"start\": \"1970-01-01T01:00:00Z\", \"end\": \"1970-01-01T02:00:00Z\", "

static const struct tide_window second_hour = {{INT64_C(3600000000)}, {INT64_C(7200000000)}};

/* Of a cell in the second hour, in the group whose a is that text (NULL: null) if there is `by`. */
static void check(const char *metric,
                  const char *a,
                  const struct tide_cell_value *value,
                  const char *expected)
{
    struct room room;
    struct tide_bytes group = {0};
    struct tide_bytes text = {0};
    room_open(&room, metric);
    if (room.metric->by_count > 0) {
        tide_value_encode((struct tide_value){.present = a != NULL,
                                              .type = TIDE_TYPE_STRING,
                                              .string = tide_view_of(a)},
                          &group);
    }
    const struct tide_cell cell = {second_hour, tide_bytes_view(&group), value};
    tide_cell_write_json(room.definitions->schema, room.metric, &cell, &text);
    assert_string_equal(tide_bytes_terminated(&text), expected);
    tide_bytes_release(&group);
    tide_bytes_release(&text);
    room_close(&room);
}

static void test_groups(void **state)
{
    (void)state;
    static const char metric[] = "{count: events, every: 1h, by: [a]}";
    const struct tide_cell_value one = {.events = 1, .count = 1};
    check(metric, NULL, &one, HEAD "\"group\": {\"a\": null}, \"value\": 1");
    check(metric, "", &one, HEAD "\"group\": {\"a\": \"\"}, \"value\": 1");
    check(metric, "b\"\\\n", &one, HEAD "\"group\": {\"a\": \"b\\\"\\\\\\n\"}, \"value\": 1");
    check("{count: events, every: 1h}", NULL, &one, HEAD "\"group\": {}, \"value\": 1");
}

static void test_groups_of_every_type(void **state)
{
    (void)state;
    struct room room;
    struct tide_bytes group = {0};
    struct tide_bytes text = {0};
    const struct tide_cell_value one = {.events = 1, .count = 1};
    room_open(&room, "{count: events, every: 1h, by: [b, n, x, at_]}");
    const int64_t numbers[] = {1, -5, 1250000, 7000};
    for (uint32_t i = 0; i < 4; i++) {
        const enum tide_type type = room.definitions->schema->columns[room.metric->by[i]].type;
        tide_value_encode((struct tide_value){.present = true, .type = type, .number = numbers[i]},
                          &group);
    }
    struct tide_cell cell = {second_hour, tide_bytes_view(&group), &one};
    tide_cell_write_json(room.definitions->schema, room.metric, &cell, &text);
    assert_string_equal(
        tide_bytes_terminated(&text),
        HEAD "\"group\": {\"b\": true, \"n\": -5, \"x\": 1.25, \"at_\": 7000}, \"value\": 1");
    tide_bytes_reset(&text);
    cell.group = TIDE_GROUP_OTHER;
    tide_cell_write_json(room.definitions->schema, room.metric, &cell, &text);
    assert_string_equal(tide_bytes_terminated(&text),
                        HEAD "\"group\": {\"b\": \"(other)\", \"n\": \"(other)\", \"x\": "
                             "\"(other)\", \"at_\": \"(other)\"}, \"value\": 1");
    tide_bytes_release(&group);
    tide_bytes_release(&text);
    room_close(&room);
}

static void test_values(void **state)
{
    (void)state;
    const struct tide_cell_value nulls = {.events = 2};
    const struct tide_cell_value some = {
        .events = 3, .count = 2, .distinct = 7, .sum = 1250001, .min = -5, .max = 1000000};
    const struct tide_cell_value large = {.events = 3,
                                          .count = 3,
                                          .sum = (tide_i128)INT64_MAX * 4,
                                          .min = INT64_MIN,
                                          .max = INT64_MAX};
    static const struct {
        const char *metric;
        const char *nulls;
        const char *some;
        const char *large;
    } cases[] = {
        {"{sum: x, every: 1h}", "null", "1.250001", "36893488147419.103228"},
        {"{sum: n, every: 1h}", "null", "1250001", "36893488147419103228"},
        {"{mean: n, every: 1h}",
         "null, \"count\": 0, \"sum\": 0",
         "625000.5, \"count\": 2, \"sum\": 1250001",
         "1.2297829382473034e+19, \"count\": 3, \"sum\": 36893488147419103228"},
        {"{mean: x, every: 1h}",
         "null, \"count\": 0, \"sum\": 0",
         "0.6250005, \"count\": 2, \"sum\": 1.250001",
         "12297829382473.033, \"count\": 3, \"sum\": 36893488147419.103228"},
        {"{min: x, every: 1h}", "null", "-0.000005", "-9223372036854.775808"},
        {"{max: x, every: 1h}", "null", "1", "9223372036854.775807"},
        {"{max: at_, every: 1h}", "null", "1000000", "9223372036854775807"},
        {"{distinct: user_id, every: 1h}", "0", "7", "0"},
        {"{distinct: user_id, every: 1h, having: 'count() > 2'}", "0", "7", "0"},
        {"{count: events, every: 1h}", "0", "2", "3"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct tide_bytes expected = {0};
        tide_bytes_append_format(&expected, HEAD "\"group\": {}, \"value\": %s", cases[i].nulls);
        check(cases[i].metric, NULL, &nulls, tide_bytes_terminated(&expected));
        tide_bytes_reset(&expected);
        tide_bytes_append_format(&expected, HEAD "\"group\": {}, \"value\": %s", cases[i].some);
        check(cases[i].metric, NULL, &some, tide_bytes_terminated(&expected));
        tide_bytes_reset(&expected);
        tide_bytes_append_format(&expected, HEAD "\"group\": {}, \"value\": %s", cases[i].large);
        check(cases[i].metric, NULL, &large, tide_bytes_terminated(&expected));
        tide_bytes_release(&expected);
    }
}

static void test_quantiles(void **state)
{
    (void)state;
    static const char metric[] = "{quantiles: [0.5, 0.990, 1], of: x, every: 1h}";
    int64_t exact[] = {1250001, -1, INT64_MAX};
    struct tide_cell_parts parts = {.exact = exact};
    const struct tide_cell_value nulls = {.events = 3};
    struct tide_cell_value value = {.events = 9, .count = 8, .parts = &parts};
    check(metric,
          NULL,
          &nulls,
          HEAD "\"group\": {}, \"count\": 0, \"quantiles\": {\"0.5\": null, \"0.99\": null, "
               "\"1\": null}");
    check(metric,
          NULL,
          &value,
          HEAD "\"group\": {}, \"count\": 8, \"quantiles\": {\"0.5\": 1.250001, \"0.99\": "
               "-0.000001, \"1\": 9223372036854.775807}");
    parts.exact = NULL; /* the sketch */
    for (int64_t i = 1; i <= 50; i++) {
        assert_int_equal(tide_quantile_sketch_add(&parts.sketch, i), TIDE_OK);
    }
    check("{quantiles: [0.5, 1], of: n, every: 1h}",
          NULL,
          &value,
          HEAD "\"group\": {}, \"count\": 8, \"quantiles\": {\"0.5\": 25, \"1\": 50}");
    check("{quantiles: [0.5, 1], of: x, every: 1h}",
          NULL,
          &value,
          HEAD "\"group\": {}, \"count\": 8, \"quantiles\": {\"0.5\": 2.5e-05, \"1\": 5e-05}");
    tide_quantile_sketch_release(&parts.sketch);
}

static void test_sessions(void **state)
{
    (void)state;
    int64_t exact[] = {1500000};
    struct tide_cell_parts parts = {.exact = exact};
    const struct tide_cell_value value = {
        .events = 9, .count = 4, .distinct = 2, .sum = 7000000, .parts = &parts};
    check("{sessions: {per: user_id, timeout: 1m}, every: 1h}",
          NULL,
          &value,
          HEAD "\"group\": {}, \"sessions\": 4, \"events\": 9, \"bounced\": 2, "
               "\"mean_duration\": 1.75, \"median_duration\": 1.5");
}

static void test_funnels(void **state)
{
    (void)state;
    static const char metric[] =
        "{funnel: {per: [user_id], timeout: 1m, steps: [{i: b}, {'s\"': 'n > 0'}, {e: 'n < 0'}]}, "
        "every: 1h}";
    int64_t exact[] = {2000000};
    struct tide_step_count steps[] = {{7, 5, 1}, {4, 3, 2}, {1, 1, 0}};
    struct tide_cell_parts parts = {.steps = steps, .exact = exact};
    struct tide_cell_value value = {
        .events = 20, .count = 7, .distinct = 3, .sum = 2000000, .parts = &parts};
    check(metric,
          NULL,
          &value,
          HEAD "\"group\": {}, \"entered\": 7, \"completed\": 1, \"open\": 3, \"unmatched\": 3, "
               "\"steps\": [{\"name\": \"i\", \"reached\": 7, \"entities\": 5, \"abandoned\": 2}, "
               "{\"name\": \"s\\\"\", \"reached\": 4, \"entities\": 3, \"abandoned\": 1}, "
               "{\"name\": \"e\", \"reached\": 1, \"entities\": 1, \"abandoned\": 0}], "
               "\"mean_time\": 2, \"median_time\": 2");
    steps[2] = (struct tide_step_count){0, 0, 0};
    value.sum = 0;
    parts.exact = NULL;
    check(metric,
          NULL,
          &value,
          HEAD "\"group\": {}, \"entered\": 7, \"completed\": 0, \"open\": 3, \"unmatched\": 3, "
               "\"steps\": [{\"name\": \"i\", \"reached\": 7, \"entities\": 5, \"abandoned\": 2}, "
               "{\"name\": \"s\\\"\", \"reached\": 4, \"entities\": 3, \"abandoned\": 2}, "
               "{\"name\": \"e\", \"reached\": 0, \"entities\": 0, \"abandoned\": 0}], "
               "\"mean_time\": null, \"median_time\": null");
}

/* The cohort is the date on the zone's calendar. */
static void test_retention(void **state)
{
    (void)state;
    struct tide_step_count steps[] = {{5, 0, 0}, {2, 0, 0}, {3, 0, 0}};
    struct tide_cell_parts parts = {.steps = steps};
    const struct tide_cell_value value = {.events = 9, .parts = &parts};
    check("{retention: {per: user_id, period: 1d, periods: 2}}",
          NULL,
          &value,
          "{\"metric\": \"m\", \"cohort\": \"1970-01-01\", \"size\": 5, \"retained\": [5, 2, 3]");
    check("{retention: {per: user_id, period: 1d, periods: 2}, timezone: America/New_York}",
          NULL,
          &value,
          "{\"metric\": \"m\", \"cohort\": \"1969-12-31\", \"size\": 5, \"retained\": [5, 2, 3]");
}

static void test_ratios(void **state)
{
    (void)state;
    struct room room;
    struct tide_bytes text = {0};
    room_open(&room, "  one: {sum: x, every: 1h}\n  m: {ratio: [one, one]}\n");
    struct tide_ratio_text ratio = {
        .above = {true, 6, 1500000}, .below = {true, 6, 3000000}, .present = true, .value = 0.5};
    tide_ratio_write_json(room.definitions->schema,
                          room.metric,
                          second_hour,
                          (struct tide_view){"", 0},
                          &ratio,
                          &text);
    assert_string_equal(tide_bytes_terminated(&text),
                        HEAD
                        "\"group\": {}, \"value\": 0.5, \"numerator\": 1.5, \"denominator\": 3");
    ratio = (struct tide_ratio_text){.above = {true, 0, 4}};
    tide_bytes_reset(&text);
    tide_ratio_write_json(room.definitions->schema,
                          room.metric,
                          second_hour,
                          (struct tide_view){"", 0},
                          &ratio,
                          &text);
    assert_string_equal(tide_bytes_terminated(&text),
                        HEAD
                        "\"group\": {}, \"value\": null, \"numerator\": 4, \"denominator\": null");
    tide_bytes_release(&text);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_groups_of_every_type),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_funnels),
        cmocka_unit_test(test_retention),
        cmocka_unit_test(test_ratios),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
