/* Goal: what is told of a metric is true of its cells: the same numbers, in the same order. Method:
 * definitions of every kind, texts by hand. That cells have these members is compared over a
 * running service (tests/e2e/test_live.py). */
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

/* Values as "name type unit", with commas between them. */
static const struct {
    const char *name;
    const char *head;
    const char *values;
    const char *rest;
} cases[] = {
    {"events_per_hour",
     "\"title\":\"Events per hour\"" WINDOW("tumbling", "3600", "3600"),
     "value integer events",
     ""},
    {"users", "\"title\":\"Users\"" DAY, "value integer user_id", ""},
    {"week",
     "\"title\":\"Week\"" WINDOW("sliding", "86400", "604800"),
     "value integer user_id",
     ""},
    {"regions",
     "\"title\":\"Regions\"" WINDOW("tumbling", "null", "null"),
     "value integer region",
     ""},
    {"about",
     "\"title\":\"About\"" WINDOW("tumbling", "1209600", "1209600"),
     "value integer region",
     ""},
    {"spent", "\"title\":\"Spent\"" WINDOW("tumbling", "90", "90"), "value number null", ""},
    {"paid",
     "\"title\":\"Paid\"" DAY,
     "value number null,count integer events,sum number null",
     ""},
    {"least", "\"title\":\"Least\"" DAY, "value number null", ""},
    {"most", "\"title\":\"Most\"" DAY, "value number null", ""},
    {"spread",
     "\"title\":\"Spread\"" DAY,
     "count integer events,quantiles object null",
     ",\"quantiles\":[\"0.5\",\"0.99\"]"},
    {"visits",
     "\"title\":\"Visits\"" DAY,
     "sessions integer sessions,events integer events,bounced integer sessions,"
     "mean_duration number s,median_duration number s",
     ",\"timeout_s\":1800"},
    {"way",
     "\"title\":\"Way\"" DAY,
     "entered integer runs,completed integer runs,open integer runs,unmatched integer runs,"
     "steps array runs,mean_time number s,median_time number s",
     ",\"steps\":[\"look\",\"pay\"],\"timeout_s\":3600"},
    {"back",
     "\"title\":\"Back\"" WINDOW("tumbling", "604800", "604800"),
     "size integer user_id,retained array user_id",
     ",\"periods\":4"},
    {"stickiness",
     "\"title\":\"Stickiness\"" WINDOW("sliding", "86400", "604800"),
     "value number null,numerator number null,denominator number null",
     ""},
};

/* The word at *at, which ends with the byte stop, or the text; *at is behind it. */
static struct tide_view take_word(const char **at, char stop)
{
    const char *end = strchr(*at, stop);
    const struct tide_view word = {*at, end == NULL ? strlen(*at) : (size_t)(end - *at)};
    *at += word.size + (end != NULL);
    return word;
}

static void append_values(struct tide_bytes *wanted, const char *values)
{
    tide_bytes_append_text(wanted, ",\"values\":[");
    for (const char *at = values; *at != '\0';) {
        tide_bytes_append_text(wanted, at == values ? "{" : ",{");
        tide_json_write_text_member(wanted, "name", take_word(&at, ' '));
        tide_json_write_text_member(wanted, "type", take_word(&at, ' '));
        const struct tide_view unit = take_word(&at, ',');
        tide_json_write_key(wanted, "unit");
        if (tide_view_equal(unit, TIDE_VIEW("null"))) {
            tide_bytes_append_view(wanted, unit);
        } else {
            tide_json_write_string(wanted, unit);
        }
        tide_bytes_append_byte(wanted, '}');
    }
    tide_bytes_append_byte(wanted, ']');
}

static void test_shapes(void **state)
{
    (void)state;
    static struct fixture world; /* its definitions alone */
    tide_arena_init(&world.arena, 16 << 20);
    fixture_load(&world, text, NULL);
    assert_int_equal(world.definitions->metric_count, sizeof(cases) / sizeof(cases[0]));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes json = {0};
        struct tide_bytes wanted = {0};
        tide_bytes_append_text(&wanted, cases[i].head);
        append_values(&wanted, cases[i].values);
        tide_bytes_append_text(&wanted, cases[i].rest);
        const struct tide_metric *metric =
            tide_definitions_find(world.definitions, tide_view_of(cases[i].name));
        assert_non_null(metric);
        tide_bytes_append_byte(&json, '{');
        tide_metric_shape_write(world.definitions, metric, &json);
        assert_string_equal(tide_bytes_terminated(&json) + 1, tide_bytes_terminated(&wanted));
        tide_bytes_release(&json);
        tide_bytes_release(&wanted);
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
