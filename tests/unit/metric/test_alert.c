/* Goal: every mistake in an alert is told at its place, all at once; what is right becomes the plan
 * that was meant; files, presets and selections combine as for metrics. Method: tables of alerts
 * under a schema with a metric of each kind; positions and messages compared whole. */
#include "metric/alert.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/civil.h"

#define METRICS                                                                                    \
    FIXTURE_SCHEMA                                                                                 \
    "metrics:\n"                                                                                   \
    "  hits: {count: events, by: [a, b], every: 1m}\n"                                             \
    "  used: {count: events, by: [g], every: 1d}\n"                                                \
    "  all: {count: events, every: 1m}\n"                                                          \
    "  daily: {distinct: user_id, every: 1d}\n"                                                    \
    "  weekly: {count: events, every: 1w}\n"                                                       \
    "  monthly: {count: events, every: 1mo}\n"                                                     \
    "  slid: {count: events, every: 1m, over: 5m}\n"                                               \
    "  rank: {quantiles: [0.5, 0.95, 0.999], of: n, every: 1h}\n"                                  \
    "  visits: {sessions: {per: user_id, timeout: 30m}, every: 1h}\n"                              \
    "  way: {funnel: {per: [user_id], timeout: 30m, steps: [{x: 'n > 1'}, {y: b}]}, every: 1h}\n"  \
    "  part: {ratio: [hits, all]}\n"                                                               \
    "  keep: {retention: {per: user_id, period: 1d, periods: 3}}\n"                                \
    "alerts:\n"

/* A file with one alert `m`; the text lives in the fixture's arena. */
static const char *file_with(struct fixture *fixture, const char *name, const char *alert)
{
    struct tide_bytes text = {0};
    tide_bytes_append_format(&text, "%s  %s: %s\n", METRICS, name, alert);
    const struct tide_view kept = tide_arena_copy(&fixture->arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    return kept.data;
}

/* "3: message" of all errors, by column of their line. */
static const char *messages(struct fixture *fixture)
{
    tide_bytes_reset(&fixture->rendered);
    for (uint32_t i = 0; i < fixture->diagnostics.count; i++) {
        const struct tide_diagnostic *item = &fixture->diagnostics.items[i];
        if (item->is_error) {
            tide_bytes_append_format(&fixture->rendered,
                                     "%u: %.*s\n",
                                     item->position.column,
                                     TIDE_VIEW_ARGUMENTS(item->message));
        }
    }
    return tide_bytes_terminated(&fixture->rendered);
}

static const struct {
    const char *alert;
    const char *messages;
} mistakes[] = {
    {"7",
     "6: alert 'm' must be a mapping, such as {metric: crashes, when: 'value > 10'}, or off\n"},
    {"{}",
     "3: alert 'm' has no metric; write 'metric: crashes'\n"
     "3: alert 'm' has no condition; write 'when: ..' or 'absent: 10m'\n"},
    {"{metric: hit, when: 'value > 1'}", "15: unknown metric 'hit'; did you mean 'hits'?\n"},
    {"{metric: zzzz, when: 'value > 1'}", "15: unknown metric 'zzzz'\n"},
    {"{metric: [hits], when: 'value > 1'}", "15: 'metric' must be the name of a metric\n"},
    {"{metric: keep, absent: 2d}",
     "15: an alert cannot look at a retention, which is open for weeks\n"},
    {"{metrc: hits, when: 'value > 1'}",
     "7: unknown key 'metrc' in alert; did you mean 'metric'?\n"
     "3: alert 'm' has no metric; write 'metric: crashes'\n"},
    {"{metric: hits, when: 'value > 1', absent: 5m}",
     "40: an alert has 'when' or 'absent', not both\n"},
    {"{metric: hits, absent: 5m, of: value, baseline: 1h, at_least: 3}",
     "33: 'absent' takes no 'of'\n44: 'absent' takes no 'baseline'\n"
     "58: 'absent' takes no 'at_least'\n"},
    {"{metric: hits, absent: 30s}",
     "29: 'absent' is shorter than the metric's 1m, in which an event may be anywhere\n"},
    {"{metric: part, absent: 5m}", "21: a ratio is not absent; name one of its parts\n"},
    {"{metric: hits, absent: soon}",
     "29: 'soon' is not a time; write a number and ms, s, m, h, d or w\n"},
    {"{metric: hits, when: 'value >'}",
     "35: the condition ends where value, baseline or a number is expected\n"},
    {"{metric: hits, when: [1]}",
     "27: 'when' must be a condition in quotes, such as 'value > 10'\n"},
    {"{metric: hits, when: 'value > 2 * baseline'}",
     "40: 'baseline' is over a span of time; add 'baseline: 1h'\n"},
    {"{metric: hits, when: 'value > 2', baseline: 1h}",
     "40: 'when' does not look at the baseline; remove it\n"},
    {"{metric: hits, when: 'value > baseline', baseline: 90s}",
     "57: 'baseline' must be a multiple of the metric's 1m\n"},
    {"{metric: daily, when: 'value > baseline', baseline: 24h}",
     "58: 'baseline' must be a multiple of the metric's 1d\n"},
    {"{metric: weekly, when: 'value > baseline', baseline: 10d}",
     "59: 'baseline' must be a multiple of the metric's 1w\n"},
    {"{metric: monthly, when: 'value > baseline', baseline: 31d}",
     "60: 'baseline' must be a multiple of the metric's 1mo\n"},
    {"{metric: slid, when: 'value > baseline', baseline: 4m}",
     "57: 'baseline' is shorter than a window of the metric\n"},
    {"{metric: hits, when: 'value > baseline', baseline: 10001m}",
     "57: 'baseline' is 10001 times 1m; at most 10000 are possible\n"},
    {"{metric: hits, when: 'value > baseline', baseline: soon}",
     "57: 'soon' is not a span; write a number and s, m, h, d or w, or 1mo\n"},
    {"{metric: hits, of: p95, when: 'value > 1'}", "25: count has no 'p95', but value\n"},
    {"{metric: rank, of: p9, when: 'value > 1'}",
     "25: quantiles has no 'p9', but p50, p95, p99.9\n"},
    {"{metric: way, of: conversions, when: 'value > 1'}",
     "24: funnel has no 'conversions', but completed, entered, unmatched, conversion, mean_time, "
     "median_time; did you mean 'conversion'?\n"},
    {"{metric: visits, of: value, when: 'value > 1'}",
     "27: sessions has no 'value', but sessions, events, bounced, mean_duration, "
     "median_duration\n"},
    {"{metric: hits, where: 'n > 1 and a == \"x\"', when: 'value > 1'}",
     "28: metric 'hits' is not by 'n'\n"},
    {"{metric: hits, where: 'q == 1', when: 'value > 1'}", "29: unknown column 'q'\n"},
    {"{metric: hits, when: 'value > 1', for: 31d}", "45: 'for' is longer than 30d\n"},
    {"{metric: hits, when: 'value > 1', for: -3s}",
     "45: '-3s' is not a time; write a number and ms, s, m, h, d or w\n"},
    {"{metric: hits, when: 'value > 1', at_least: 0}",
     "50: at_least '0' is not a number of 1..999999999\n"},
    {"{metric: hits, when: 'value > 1', at_least: few}",
     "50: at_least 'few' is not a number of 1..999999999\n"},
    {"{metric: hits, when: 'value > 1', notify: log}",
     "48: 'notify' must be a list, such as [log, webhook]\n"},
    {"{metric: hits, when: 'value > 1', notify: [log, mail]}",
     "54: alerts are told to 'log' and 'webhook'\n"},
    {"{metric: hit, when: 'valu > 1', for: x, notify: []}",
     "15: unknown metric 'hit'; did you mean 'hits'?\n"
     "27: an alert knows 'value' and 'baseline', not 'valu'; did you mean 'value'?\n"
     "43: 'x' is not a time; write a number and ms, s, m, h, d or w\n"
     "54: 'notify' must be a list, such as [log, webhook]\n"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        const struct tide_definitions *loaded =
            fixture_load(&fixture, file_with(&fixture, "m", mistakes[i].alert));
        if (loaded != NULL) {
            print_error("%s is accepted\n", mistakes[i].alert);
        }
        assert_null(loaded);
        assert_string_equal(messages(&fixture), mistakes[i].messages);
        fixture_release(&fixture);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"Big", "1st", "a-b", "\"a b\""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_null(
            fixture_load(&fixture, file_with(&fixture, names[i], "{metric: all, absent: 5m}")));
        assert_string_equal(
            messages(&fixture),
            "3: the name of an alert has only a-z, 0-9 and _, and no digit first\n");
        fixture_release(&fixture);
    }
}

/* What comes out of a right one, as text. */
static void print_alert(const struct tide_definitions *definitions, struct tide_bytes *text)
{
    assert_int_equal(definitions->alert_count, 1);
    const struct tide_alert *alert = &definitions->alerts[0];
    tide_bytes_append_format(text,
                             "%.*s/%.*s on %.*s(%d,%u) windows %u for %d absent %d least %d "
                             "memory %dm sinks %u%s",
                             TIDE_VIEW_ARGUMENTS(definitions->metrics[alert->metric].name),
                             TIDE_VIEW_ARGUMENTS(tide_alert_timed(definitions, alert)->name),
                             TIDE_VIEW_ARGUMENTS(alert->on_text),
                             (int)alert->on,
                             alert->quantile,
                             alert->baseline_windows,
                             (int)(alert->hold_for.us / TIDE_US_PER_SECOND),
                             (int)(alert->absent.us / TIDE_US_PER_SECOND),
                             (int)alert->events_min,
                             (int)(alert->memory.us / TIDE_US_PER_SECOND / 60),
                             alert->sinks,
                             alert->where != NULL ? " where" : "");
}

static void test_plans(void **state)
{
    (void)state;
    static const struct {
        const char *alert;
        const char *plan;
    } cases[] = {
        {"{metric: hits, when: 'value > 1'}",
         "hits/hits on value(0,0) windows 0 for 0 absent 0 least 0 memory 1440m sinks 1"},
        {"{metric: hits, when: 'value > 2 * baseline', baseline: 2d, for: 2m, at_least: 7, "
         "notify: [log, webhook], where: 'a == \"x\" and b'}",
         "hits/hits on value(0,0) windows 2880 for 120 absent 0 least 7 memory 2891m sinks 3 "
         "where"},
        {"{metric: all, absent: 2d, notify: [webhook]}",
         "all/all on value(0,0) windows 0 for 0 absent 172800 least 0 memory 2891m sinks 2"},
        {"{metric: part, when: 'value > baseline', baseline: 1h}",
         "part/hits on value(0,0) windows 60 for 0 absent 0 least 0 memory 1440m sinks 1"},
        {"{metric: slid, when: 'value > baseline', baseline: 1h}",
         "slid/slid on value(0,0) windows 56 for 0 absent 0 least 0 memory 1440m sinks 1"},
        {"{metric: daily, when: 'value > baseline', baseline: 2w}",
         "daily/daily on value(0,0) windows 14 for 0 absent 0 least 0 memory 36000m sinks 1"},
        {"{metric: weekly, when: 'value > baseline', baseline: 28d}",
         "weekly/weekly on value(0,0) windows 4 for 0 absent 0 least 0 memory 151200m sinks 1"},
        {"{metric: monthly, when: 'value > baseline', baseline: 1mo}",
         "monthly/monthly on value(0,0) windows 1 for 0 absent 0 least 0 memory 535680m sinks 1"},
        {"{metric: rank, when: 'value > 1'}",
         "rank/rank on p50(1,0) windows 0 for 0 absent 0 least 0 memory 1440m sinks 1"},
        {"{metric: rank, of: p99.9, when: 'value > 1'}",
         "rank/rank on p99.9(1,2) windows 0 for 0 absent 0 least 0 memory 1440m sinks 1"},
        {"{metric: visits, when: 'value > 1'}",
         "visits/visits on sessions(2,0) windows 0 for 0 absent 0 least 0 memory 1440m sinks 1"},
        {"{metric: way, when: 'value > 1'}",
         "way/way on completed(7,0) windows 0 for 0 absent 0 least 0 memory 1440m sinks 1"},
        {"{metric: way, of: conversion, when: 'value > 1'}",
         "way/way on conversion(10,0) windows 0 for 0 absent 0 least 0 memory 1440m sinks 1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        struct tide_bytes text = {0};
        fixture_init(&fixture);
        const struct tide_definitions *definitions =
            fixture_load(&fixture, file_with(&fixture, "m", cases[i].alert));
        assert_string_equal(messages(&fixture), "");
        print_alert(definitions, &text);
        assert_string_equal(tide_bytes_terminated(&text), cases[i].plan);
        tide_bytes_release(&text);
        fixture_release(&fixture);
    }
}

static struct tide_u128 hash_of(const char *alert)
{
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_definitions *definitions =
        fixture_load(&fixture, file_with(&fixture, "m", alert));
    assert_string_equal(messages(&fixture), "");
    const struct tide_u128 hash = definitions->alerts[0].hash;
    fixture_release(&fixture);
    return hash;
}

/* All that decides when it holds is in the hash, and nothing else. */
static void test_hash(void **state)
{
    (void)state;
    static const char *const others[] = {
        "{metric: all, when: 'value > baseline', baseline: 1h}",
        "{metric: hits, when: 'value >= baseline', baseline: 1h}",
        "{metric: hits, when: 'value > baseline', baseline: 2h}",
        "{metric: hits, when: 'value > baseline', baseline: 1h, for: 1s}",
        "{metric: hits, when: 'value > baseline', baseline: 1h, at_least: 1}",
        "{metric: hits, when: 'value > baseline', baseline: 1h, where: b}",
        "{metric: hits, absent: 5m}",
        "{metric: hits, absent: 6m}",
    };
    enum {
        COUNT = sizeof(others) / sizeof(others[0])
    };
    struct tide_u128 hashes[COUNT + 1];
    hashes[COUNT] = hash_of("{metric: hits, when: 'value > baseline', baseline: 1h}");
    assert_true(tide_u128_equal(hashes[COUNT],
                                hash_of("{metric: hits, when: 'value  >(baseline)', baseline: 60m, "
                                        "notify: [webhook]}")));
    for (size_t i = 0; i < COUNT; i++) {
        hashes[i] = hash_of(others[i]);
        assert_false(tide_u128_equal(hashes[i], hashes[COUNT]));
        for (size_t k = 0; k < i; k++) {
            assert_false(tide_u128_equal(hashes[i], hashes[k]));
        }
    }
}

/* preset, file and selection: the alerts that are there, by name and metric. */
static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *only;
        const char *alerts;
    } cases[] = {
        {"preset: device\n",
         NULL,
         "crash_spike:error_spikes usage_drop:feature_usage slow_launch:launch_time "
         "silence:active_devices "},
        {"preset: device\n", "launch_time", "slow_launch:launch_time "},
        {"preset: device\nalerts:\n", "feature_usage", "usage_drop:feature_usage "},
        {"preset: device\nalerts: {usage_drop: off, slow_launch: off}\n",
         NULL,
         "crash_spike:error_spikes silence:active_devices "},
        {"preset: device\nalerts:\n  silence: {metric: daily_events, absent: 2d}\n"
         "  mine: {metric: crash_rate, when: 'value > 0.01'}\n",
         NULL,
         "crash_spike:error_spikes usage_drop:feature_usage slow_launch:launch_time "
         "silence:daily_events mine:crash_rate "},
        /* The part of a selected ratio is computed, but was not selected itself. */
        {"preset: device\nalerts: {part: {metric: crashed_devices, when: 'value > 1'}}\n",
         "crash_rate",
         ""},
        {"preset: sunbird\n",
         NULL,
         "error_spike:events_per_type funnel_drop:learning_funnel silence:active_users "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        const struct tide_view only = tide_view_of(cases[i].only);
        fixture_init(&fixture);
        fixture.source = (struct tide_source){TIDE_VIEW("m.yaml"), tide_view_of(cases[i].file)};
        const struct tide_definitions_input input = {
            .file = &fixture.source, .only = &only, .only_count = cases[i].only != NULL};
        const struct tide_definitions *definitions =
            tide_definitions_load(&fixture.arena, &input, &fixture.diagnostics);
        assert_string_equal(messages(&fixture), "");
        for (uint32_t k = 0; k < definitions->alert_count; k++) {
            const struct tide_alert *alert = &definitions->alerts[k];
            tide_bytes_append_format(&fixture.rendered,
                                     "%.*s:%.*s ",
                                     TIDE_VIEW_ARGUMENTS(alert->name),
                                     TIDE_VIEW_ARGUMENTS(definitions->metrics[alert->metric].name));
        }
        assert_string_equal(tide_bytes_terminated(&fixture.rendered), cases[i].alerts);
        fixture_release(&fixture);
    }
}

/* A metric with mistakes of its own makes no second one here. */
static void test_broken_metrics(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    assert_null(fixture_load(&fixture,
                             FIXTURE_SCHEMA
                             "metrics: {x: {count: events}, r: {ratio: [x, y]}}\n"
                             "alerts: {a: {metric: x, when: 'value > 1'}, b: {metric: r, for: q, "
                             "when: 'value > 1'}}\n"));
    assert_string_equal(messages(&fixture),
                        "11: metric 'x' has no window; write 'every: 1h'\n"
                        "46: unknown metric 'y'\n"
                        "65: 'q' is not a time; write a number and ms, s, m, h, d or w\n");
    fixture_release(&fixture);
    fixture_init(&fixture);
    assert_null(fixture_load(&fixture, FIXTURE_SCHEMA "alerts: [a]\n"));
    assert_string_equal(messages(&fixture), "9: 'alerts' must be a mapping of names to alerts\n");
    fixture_release(&fixture);
}

static void test_too_many(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tide_bytes text = {0};
    fixture_init(&fixture);
    tide_bytes_append_text(&text, METRICS);
    for (int i = 0; i <= TIDE_ALERTS_MAX; i++) {
        tide_bytes_append_format(&text, "  a%d: {metric: all, absent: 5m}\n", i);
    }
    assert_null(fixture_load(&fixture, tide_bytes_terminated(&text)));
    assert_string_equal(messages(&fixture), "3: there are more than 200 alerts\n");
    fixture_release(&fixture);
    tide_bytes_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_broken_metrics),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
