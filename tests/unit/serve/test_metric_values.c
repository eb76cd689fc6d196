/* Goal: never more series than the maximum, metrics whole or not at all, the small ones first; what
 * was read is kept for a while; a metric that is too large is not looked through.
 * Method: the fixture's engine with metrics of known numbers of groups, several maxima, a clock
 * that moves when told. */
#include "fixture.h"

static const char text_of_sizes[] =
    FIXTURE_SCHEMA "  one: {count: events, every: 1d}\n"
                   "  many: {count: events, by: [user_id], every: 1d}\n"
                   "  some: {count: events, by: [region], every: 1d}\n"
                   "  best: {count: events, by: [user_id], every: 1d, top: 2}\n"
                   "  share: {ratio: [some, one]}\n";

enum {
    USERS = 40,
    DAY = 86400
};

static struct fixture *fixture;
static struct tide_clock_simulated clock_state;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open_definitions(text_of_sizes, NULL, 1);
    for (int i = 0; i < USERS; i++) {
        char user[16];
        (void)snprintf(user, sizeof(user), "u%d", i);
        fixture_event(fixture, user, i, i % 2 == 0 ? ",\"region\":\"a\"" : ",\"region\":\"b\"");
    }
    fixture_event(fixture, "u0", DAY, ",\"region\":\"a\""); /* the day before is complete */
    fixture_settle(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

static struct tide_metric_values *create(uint32_t series_max)
{
    struct tide_metric_values *values = NULL;
    struct tide_error error = {0};
    const struct tide_metric_values_options options = {.engine = fixture->engine,
                                                       .definitions = fixture->definitions,
                                                       .clock = tide_clock_simulated(&clock_state),
                                                       .partition_count = 1,
                                                       .series_max = series_max};
    fixture_check(tide_metric_values_create(&options, &values, &error), &error);
    return values;
}

static uint32_t count_of(const char *text, const char *part)
{
    uint32_t count = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p += strlen(part)) {
        count++;
    }
    return count;
}

/* one: 2 series, best: 3, some and share: 3 each, many: 41 */
static void small_metrics_come_first(void **state)
{
    static const struct {
        uint32_t series_max;
        uint32_t one, best, some, share, many;
    } cases[] = {
        {1, 0, 0, 0, 0, 0},
        {2, 2, 0, 0, 0, 0},
        {5, 2, 0, 3, 0, 0}, /* of equals the first in the file */
        {11, 2, 3, 3, 3, 0},
        {51, 2, 3, 3, 3, 0},
        {52, 2, 3, 3, 3, 41},
        {2000, 2, 3, 3, 3, 41},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_metric_values *values = create(cases[i].series_max);
        struct tide_bytes text = {0};
        char line[128];
        tide_metric_values_write(values, &text);
        const char *const all = tide_bytes_terminated(&text);
        assert_int_equal(count_of(all, "value{metric=\"one\""), cases[i].one);
        assert_int_equal(count_of(all, "value{metric=\"best\""), cases[i].best);
        assert_int_equal(count_of(all, "value{metric=\"some\""), cases[i].some);
        assert_int_equal(count_of(all, "value{metric=\"share\""), cases[i].share);
        assert_int_equal(count_of(all, "value{metric=\"many\""), cases[i].many);
        assert_true(count_of(all, "tidemark_metric_value{") <= cases[i].series_max);
        /* Of a metric that is not even counted through there are "more than the maximum". */
        (void)snprintf(line,
                       sizeof(line),
                       "left_out{metric=\"many\"} %u\n",
                       cases[i].many > 0           ? 0
                       : cases[i].series_max >= 21 ? 41
                                                   : cases[i].series_max + 1);
        assert_non_null(strstr(all, line));
        (void)snprintf(
            line, sizeof(line), "left_out{metric=\"one\"} %u\n", cases[i].one > 0 ? 0U : 2U);
        assert_non_null(strstr(all, line));
        tide_bytes_release(&text);
        tide_metric_values_destroy(values);
    }
}

static void tells_when_windows_end(void **state)
{
    struct tide_metric_values *values = create(10);
    struct tide_bytes text = {0};
    (void)state;
    tide_metric_values_write(values, &text);
    const char *const all = tide_bytes_terminated(&text);
    assert_non_null(strstr(all, /* 2026-03-09T00:00Z */
                           "tidemark_metric_window_end_timestamp_seconds{metric=\"one\",window="
                           "\"complete\"} 1773014400.000000\n"));
    assert_non_null(strstr(all, "{metric=\"one\",window=\"current\"} 1773100800.000000\n"));
    assert_null(strstr(all, "seconds{metric=\"many\"")); /* it is not told */
    assert_non_null(strstr(all, "tidemark_metric_look_duration_seconds 0.000000\n"));
    tide_bytes_release(&text);
    tide_metric_values_destroy(values);
}

static void keeps_what_was_read(void **state)
{
    static const char before[] = "{metric=\"one\",window=\"current\",of=\"value\"} 1\n";
    static const char after[] = "{metric=\"one\",window=\"current\",of=\"value\"} 2\n";
    struct tide_metric_values *values = create(100);
    struct tide_bytes text = {0};
    (void)state;
    tide_metric_values_write(values, &text);
    assert_non_null(strstr(tide_bytes_terminated(&text), before));
    fixture_event(fixture, "u1", DAY + 1, "");
    fixture_settle(fixture);
    tide_clock_simulated_advance(&clock_state, (struct tide_duration){4999999});
    tide_bytes_reset(&text);
    tide_metric_values_write(values, &text);
    assert_non_null(strstr(tide_bytes_terminated(&text), before));
    tide_clock_simulated_advance(&clock_state, (struct tide_duration){1});
    tide_bytes_reset(&text);
    tide_metric_values_write(values, &text);
    assert_non_null(strstr(tide_bytes_terminated(&text), after));
    tide_bytes_release(&text);
    tide_metric_values_destroy(values);
}

static void none_is_wanted(void **state)
{
    struct tide_metric_values *values = create(0);
    struct tide_bytes text = {0};
    (void)state;
    tide_metric_values_write(values, &text);
    assert_int_equal(text.size, 0);
    tide_metric_values_destroy(values);
    tide_metric_values_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_metrics_come_first),
        cmocka_unit_test(tells_when_windows_end),
        cmocka_unit_test(keeps_what_was_read),
        cmocka_unit_test(none_is_wanted),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
