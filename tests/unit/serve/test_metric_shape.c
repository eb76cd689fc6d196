/* Goal: what is told of a metric is true of its cells: the same numbers, in the same order. Method:
 * definitions of every kind, texts by hand. That cells have these members is compared over a running
 * service (tests/e2e/test_live.py). */
#include "serve/metric_shape.h"

#include "fixture.h"

static const char text[] =
    FIXTURE_SCHEMA "  events_per_hour: {count: events, every: 1h}\n"
                   "  users: {distinct: user_id, every: 1d}\n"
                   "  week: {distinct: user_id, every: 1d, over: 7d}\n"
                   "  regions: {distinct: region, every: 1mo}\n"
                   "  about: {approx_distinct: region, every: 2w}\n"
                   "  spent: {sum: amount, every: 90s}\n"
                   "  paid: {mean: amount, every: 1d}\n"
                   "  least: {min: amount, every: 1d}\n"
                   "  most: {max: amount, every: 1d}\n"
                   "  spread: {quantiles: [0.5, 0.99], of: amount, every: 1d}\n"
                   "  visits: {sessions: {per: user_id, timeout: 30m}, every: 1d}\n"
                   "  way:\n"
                   "    funnel:\n"
                   "      per: [user_id]\n"
                   "      timeout: 1h\n"
                   "      steps:\n"
                   "        - look: 'kind == \"look\"'\n"
                   "        - pay: 'kind == \"pay\"'\n"
                   "    every: 1d\n"
                   "  back: {retention: {per: user_id, period: 1w, periods: 4}}\n"
                   "  stickiness: {ratio: [users, week]}\n";

#define WINDOW(kind, every, length)                                                                \
    ",\"window\":{\"kind\":\"" kind "\",\"every_s\":" every ",\"length_s\":" length "}"
#define DAY WINDOW("tumbling", "86400", "86400")
#define VALUE(name, type, unit) "{\"name\":\"" name "\",\"type\":\"" type "\",\"unit\":" unit "}"

static const struct {
    const char *name;
    const char *wanted;
} cases[] = {
    {"events_per_hour",
     "\"title\":\"Events per hour\"" WINDOW("tumbling", "3600", "3600") ",\"values\":[" VALUE(
         "value", "integer", "\"events\"") "]"},
    {"users",
     "\"title\":\"Users\"" DAY ",\"values\":[" VALUE("value", "integer", "\"user_id\"") "]"},
    {"week",
     "\"title\":\"Week\"" WINDOW("sliding", "86400", "604800") ",\"values\":[" VALUE(
         "value", "integer", "\"user_id\"") "]"},
    {"regions",
     "\"title\":\"Regions\"" WINDOW("tumbling", "null", "null") ",\"values\":[" VALUE(
         "value", "integer", "\"region\"") "]"},
    {"about",
     "\"title\":\"About\"" WINDOW("tumbling", "1209600", "1209600") ",\"values\":[" VALUE(
         "value", "integer", "\"region\"") "]"},
    {"spent",
     "\"title\":\"Spent\"" WINDOW("tumbling", "90", "90") ",\"values\":[" VALUE(
         "value", "number", "null") "]"},
    {"paid",
     "\"title\":\"Paid\"" DAY ",\"values\":[" VALUE("value", "number", "null") "," VALUE(
         "count", "integer", "\"events\"") "," VALUE("sum", "number", "null") "]"},
    {"least", "\"title\":\"Least\"" DAY ",\"values\":[" VALUE("value", "number", "null") "]"},
    {"most", "\"title\":\"Most\"" DAY ",\"values\":[" VALUE("value", "number", "null") "]"},
    {"spread",
     "\"title\":\"Spread\"" DAY ",\"values\":[" VALUE("count", "integer", "\"events\"") "," VALUE(
         "quantiles", "object", "null") "],\"quantiles\":[\"0.5\",\"0.99\"]"},
    {"visits",
     "\"title\":\"Visits\"" DAY
     ",\"values\":[" VALUE("sessions", "integer", "\"sessions\"") "," VALUE(
         "events",
         "integer",
         "\"events\"") "," VALUE("bounced",
                                 "integer",
                                 "\"sessions\"") "," VALUE("mean_duration",
                                                           "number",
                                                           "\"s\"") "," VALUE("median_duration",
                                                                              "number",
                                                                              "\"s\"") "],"
                                                                                       "\"timeout_"
                                                                                       "s\":1800"},
    {"way",
     "\"title\":\"Way\"" DAY
     ",\"values\":[" VALUE("entered", "integer", "\"runs\"") "," VALUE("completed", "integer", "\"runs\"") "," VALUE(
         "open",
         "integer",
         "\"runs\"") "," VALUE("unmatched",
                               "integer",
                               "\"runs\"") "," VALUE("steps",
                                                     "array",
                                                     "\"runs\"") "," VALUE("mean_time",
                                                                           "number",
                                                                           "\"s\"") "," VALUE("medi"
                                                                                              "an_"
                                                                                              "tim"
                                                                                              "e",
                                                                                              "numb"
                                                                                              "er",
                                                                                              "\"s"
                                                                                              "\"") "],"
                                                                                                    "\"steps\":[\"look\",\"pay\"],\"timeout_s\":3600"},
    {"back",
     "\"title\":\"Back\"" WINDOW("tumbling", "604800", "604800") ",\"values\":[" VALUE(
         "size", "integer", "\"user_id\"") "," VALUE("retained",
                                                     "array",
                                                     "\"user_id\"") "],\"periods\":4"},
    {"stickiness",
     "\"title\":\"Stickiness\"" WINDOW("sliding", "86400", "604800") ",\"values\":[" VALUE(
         "value", "number", "null") "," VALUE("numerator",
                                              "number",
                                              "null") "," VALUE("denominator",
                                                                "number",
                                                                "null") "]"},
};

static void test_shapes(void **state)
{
    (void)state;
    static struct fixture world; /* its definitions alone */
    tide_arena_init(&world.arena, 16 << 20);
    fixture_load(&world, text, NULL);
    assert_int_equal(world.definitions->metric_count, sizeof(cases) / sizeof(cases[0]));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes json = {0};
        const struct tide_metric *metric =
            tide_definitions_find(world.definitions, tide_view_of(cases[i].name));
        assert_non_null(metric);
        tide_bytes_append_byte(&json, '{');
        tide_metric_shape_write(world.definitions, metric, &json);
        assert_string_equal(tide_bytes_terminated(&json) + 1, cases[i].wanted);
        tide_bytes_release(&json);
    }
    tide_arena_release(&world.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
