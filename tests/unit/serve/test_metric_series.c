/* Goal: the windows around the closing clock are the right ones for every kind, each kind's numbers
 * are told under their names, and no text of an event can harm the exposition.
 * Method: a morning of a few people whose cells are worked out by hand, looked at from closing
 * clocks of the test's choice; lines to the letter. */
#include "fixture.h"

#include "serve/alert_source.h"
#include "serve/metric_series.h"

static const char kinds_text[] = FIXTURE_SCHEMA
    "    of: {path: of}\n"
    "    job: {path: job}\n"
    "    by_job: {path: by_job}\n"
    "metrics:\n"
    "  people: {distinct: user_id, every: 1d}\n"
    "  week: {distinct: user_id, every: 1d, over: 7d}\n"
    "  stickiness: {ratio: [people, week]}\n"
    "  hourly: {count: events, every: 1h}\n"
    "  by_region: {count: events, by: [region, ok], every: 1d}\n"
    "  by_taken: {count: events, by: [of, job], where: 'job is not null', every: 1d}\n"
    "  by_twice: {count: events, by: [job, by_job], every: 1d}\n"
    "  spent: {mean: amount, every: 1d}\n"
    "  typical: {quantiles: [0.5, 0.999], of: amount, every: 1d}\n"
    "  visits: {sessions: {per: user_id, timeout: 30m}, every: 1d}\n"
    "  way:\n"
    "    funnel:\n"
    "      per: [user_id]\n"
    "      timeout: 30m\n"
    "      steps: [{look: 'kind == \"look\"'}, {pay: 'kind == \"pay\"'}]\n"
    "    every: 1d\n"
    "  back: {retention: {per: user_id, period: 1d, periods: 2}}\n";

enum {
    MINUTE = 60,
    HOUR = 3600,
    DAY = 86400
};

static struct fixture *fixture;

static int open_world(void **state)
{
    static const struct fixture_event events[] = {
        {"look", "ann", 0, ",\"region\":\"north\",\"ok\":true,\"amount\":1"},
        {"pay", "ann", 10 * MINUTE, ",\"region\":\"north\",\"ok\":true,\"amount\":2"},
        {"look", "bob", MINUTE, ",\"region\":\"a\\\"b\\\\c\",\"ok\":false,\"amount\":4.5"},
        {"look", "cid", 2 * HOUR, ",\"of\":\"x\",\"job\":\"y\",\"by_job\":\"z\""},
        {"look", "ann", DAY, ",\"region\":\"north\",\"ok\":true"},
    };
    (void)state;
    char text[sizeof(kinds_text)];
    /* The columns that are more come before the first `metrics:`. */
    const char *const first = strstr(kinds_text, "metrics:\n");
    const size_t head = (size_t)(first - kinds_text);
    memcpy(text, kinds_text, head);
    memcpy(text + head, first + 9, sizeof(kinds_text) - head - 9);
    fixture = fixture_open_definitions(text, NULL, 1);
    fixture_send(fixture, events, sizeof(events) / sizeof(events[0]));
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

static const struct tide_metric *metric_of(const char *name)
{
    const struct tide_metric *metric =
        tide_definitions_find(fixture->definitions, tide_view_of(name));
    assert_non_null(metric);
    return metric;
}

static struct tide_instant at(int64_t seconds)
{
    return (struct tide_instant){FIXTURE_START_US + seconds * TIDE_US_PER_SECOND};
}

/* The series at a closing clock; released by the caller. */
static struct tide_metric_series look(const char *name, struct tide_instant closing)
{
    struct tide_alert_engine engine = {
        fixture->engine, fixture->definitions, fixture->partition_count};
    const struct tide_alert_source source = tide_alert_source_of(&engine);
    const struct tide_metric *metric = metric_of(name);
    struct tide_metric_windows windows;
    struct tide_metric_series series = {0};
    struct tide_result *results[2];
    struct tide_error error = {0};
    const struct tide_cell_span span =
        tide_metric_windows_span(fixture->definitions, metric, closing);
    const uint32_t index = (uint32_t)(metric - fixture->definitions->metrics);
    fixture_check(source.ask(source.context, index, span, NULL, results, &error), &error);
    tide_metric_windows_at(fixture->definitions, metric, closing, &windows);
    tide_metric_series_write(fixture->definitions, metric, &windows, results[0], &series);
    tide_alert_results_destroy(results);
    return series;
}

static void expect(const char *name, struct tide_instant closing, const char *wanted)
{
    struct tide_metric_series series = look(name, closing);
    uint32_t lines = 0;
    for (const char *p = wanted; *p != '\0'; p++) {
        lines += *p == '\n';
    }
    assert_string_equal(tide_bytes_terminated(&series.text), wanted);
    assert_int_equal(series.count, lines);
    assert_int_equal(series.left_out, 0);
    tide_bytes_release(&series.text);
}

/* In days after the fixture's: 2026-03-08T00:00. */
static struct tide_window days(int64_t first, int64_t last)
{
    const int64_t midnight_us = FIXTURE_START_US - 10 * HOUR * TIDE_US_PER_SECOND;
    return (struct tide_window){{midnight_us + first * TIDE_US_PER_DAY},
                                {midnight_us + last * TIDE_US_PER_DAY}};
}

static void assert_window(struct tide_window window, struct tide_window wanted)
{
    assert_int_equal(window.start.us, wanted.start.us);
    assert_int_equal(window.end.us, wanted.end.us);
}

static void finds_windows(void **state)
{
    static const struct {
        const char *name;
        int64_t closing; /* seconds after 10:00 */
        int complete[2];
        int current[2];
    } cases[] = {
        {"people", 0, {-1, 0}, {0, 1}},
        {"people", 14 * HOUR, {0, 1}, {1, 2}}, /* midnight is over */
        {"people", 14 * HOUR - 1, {-1, 0}, {0, 1}},
        {"week", 0, {-7, 0}, {-6, 1}},
        {"stickiness", DAY, {0, 1}, {1, 2}},
        {"visits", 14 * HOUR + 29 * MINUTE, {-1, 0}, {1, 2}}, /* sessions may still go on */
        {"visits", 14 * HOUR + 30 * MINUTE, {0, 1}, {1, 2}},
        {"way", 14 * HOUR, {-1, 0}, {1, 2}},
    };
    struct tide_metric_windows windows;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tide_metric_windows_at(
            fixture->definitions, metric_of(cases[i].name), at(cases[i].closing), &windows);
        assert_window(windows.complete, days(cases[i].complete[0], cases[i].complete[1]));
        assert_window(windows.current, days(cases[i].current[0], cases[i].current[1]));
    }
    tide_metric_windows_at(fixture->definitions, metric_of("back"), at(0), &windows);
    for (int k = 0; k < 3; k++) {
        assert_window(windows.cohorts[k], days(-k - 1, -k));
    }
    const struct tide_cell_span span =
        tide_metric_windows_span(fixture->definitions, metric_of("stickiness"), at(0));
    assert_int_equal(span.from.us, days(-7, 0).start.us); /* the week's */
    assert_int_equal(span.to.us, days(0, 1).start.us + 1);
}

#define VALUE(metric, window, of, labels, value)                                                   \
    "tidemark_metric_value{metric=\"" metric "\",window=\"" window "\",of=\"" of "\"" labels       \
    "} " value "\n"

static void tells_values(void **state)
{
    (void)state;
    expect("people",
           at(DAY),
           VALUE("people", "complete", "value", "", "3")
               VALUE("people", "current", "value", "", "1"));
    expect("people",
           at(2 * DAY),
           VALUE("people", "complete", "value", "", "1")
               VALUE("people", "current", "value", "", "0"));
    expect("week",
           at(DAY),
           VALUE("week", "complete", "value", "", "3") VALUE("week", "current", "value", "", "3"));
    expect("stickiness",
           at(DAY),
           VALUE("stickiness", "complete", "value", "", "1")
               VALUE("stickiness", "current", "value", "", "0.3333333333333333"));
    expect("hourly",
           at(3 * HOUR), /* between 12:00 and 13:00 there is one, after it none */
           VALUE("hourly", "complete", "value", "", "1")
               VALUE("hourly", "current", "value", "", "0"));
    expect("spent", at(DAY), VALUE("spent", "complete", "value", "", "2.5"));
    expect("typical",
           at(DAY),
           VALUE("typical", "complete", "p50", "", "2.009620021564152")
               VALUE("typical", "complete", "p99.9", "", "4.525731392211746"));
}

static void tells_groups(void **state)
{
    (void)state;
    expect("by_region",
           at(DAY),
           VALUE("by_region", "complete", "value", ",region=\"(null)\",ok=\"(null)\"", "1") VALUE(
               "by_region", "complete", "value", ",region=\"a\\\"b\\\\c\",ok=\"false\"", "1")
               VALUE("by_region", "complete", "value", ",region=\"north\",ok=\"true\"", "2")
                   VALUE("by_region", "current", "value", ",region=\"north\",ok=\"true\"", "1"));
    expect("by_taken",
           at(DAY),
           VALUE("by_taken", "complete", "value", ",by_of=\"x\",by_job=\"y\"", "1"));
    assert_true(tide_metric_series_possible(fixture->definitions, metric_of("by_taken")));
    assert_false(tide_metric_series_possible(fixture->definitions, metric_of("by_twice")));
}

static void tells_journeys(void **state)
{
    (void)state;
    expect("visits",
           at(DAY),
           VALUE("visits", "complete", "sessions", "", "3")
               VALUE("visits", "complete", "bounced", "", "2")
                   VALUE("visits", "complete", "mean_duration", "", "200")
                       VALUE("visits", "complete", "median_duration", "", "0")
                           VALUE("visits", "current", "sessions", "", "1")
                               VALUE("visits", "current", "bounced", "", "1")
                                   VALUE("visits", "current", "mean_duration", "", "0")
                                       VALUE("visits", "current", "median_duration", "", "0"));
    expect("way",
           at(DAY),
           VALUE("way", "complete", "reached", ",step=\"1 look\"", "3")
               VALUE("way", "complete", "reached", ",step=\"2 pay\"", "1")
                   VALUE("way", "complete", "entered", "", "3")
                       VALUE("way", "complete", "completed", "", "1")
                           VALUE("way", "complete", "conversion", "", "0.3333333333333333")
                               VALUE("way", "complete", "mean_time", "", "600") VALUE(
                                   "way", "complete", "median_time", "", "602.1727657666869")
                                   VALUE("way", "current", "reached", ",step=\"1 look\"", "1")
                                       VALUE("way", "current", "reached", ",step=\"2 pay\"", "0")
                                           VALUE("way", "current", "entered", "", "1")
                                               VALUE("way", "current", "completed", "", "0")
                                                   VALUE("way", "current", "conversion", "", "0"));
    /* On the 10th the cohort of the 8th has been through period 1, that of the 9th through 0. */
    expect("back",
           at(DAY),
           VALUE("back", "complete", "size", "", "3")
               VALUE("back", "complete", "retained", ",period=\"0\"", "1"));
    expect("back",
           at(2 * DAY),
           VALUE("back", "complete", "retained", ",period=\"1\"", "0.3333333333333333"));
}

static void leaves_out_what_is_no_label(void **state)
{
    static const char *const strange[] = {
        ",\"region\":\"(other)\"", ",\"region\":\"(null)\"", ",\"region\":\"a\\u0000b\""};
    char rest[512] = ",\"region\":\"";
    (void)state;
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        fixture_event(fixture, "dan", 6 * DAY, strange[i]);
    }
    const size_t head = strlen(rest);
    memset(rest + head, 'x', TIDE_METRIC_LABEL_BYTES_MAX + 1);
    memcpy(rest + head + TIDE_METRIC_LABEL_BYTES_MAX + 1, "\"", 2);
    fixture_event(fixture, "dan", 6 * DAY, rest);
    memcpy(rest + head + TIDE_METRIC_LABEL_BYTES_MAX, "\"", 2); /* as long as it may be */
    fixture_event(fixture, "dan", 6 * DAY, rest);
    fixture_settle(fixture);
    struct tide_metric_series series = look("by_region", at(7 * DAY));
    assert_int_equal(series.count, 1);
    assert_int_equal(series.left_out, 4);
    assert_non_null(strstr(tide_bytes_terminated(&series.text), "region=\"xxx"));
    tide_bytes_release(&series.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_windows),
        cmocka_unit_test(tells_values),
        cmocka_unit_test(tells_groups),
        cmocka_unit_test(tells_journeys),
        cmocka_unit_test(leaves_out_what_is_no_label),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
