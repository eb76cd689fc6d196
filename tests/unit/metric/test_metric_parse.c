/* Goal: every mistake in a metric is told at its place, all at once; what is right becomes the plan
 * that was meant; what is not there yet is told apart from what is wrong.
 * Method: tables of metrics under the fixture's schema, messages compared whole. */
#include "metric/metric_parse.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

/* A definitions file with one metric; the text lives in the fixture's arena. */
static const char *file_with(struct fixture *fixture, const char *name, const char *metric)
{
    struct tide_bytes text = {0};
    tide_bytes_append_format(&text, "%smetrics:\n  %s: %s\n", FIXTURE_SCHEMA, name, metric);
    const struct tide_view kept = tide_arena_copy(&fixture->arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    return kept.data;
}

static struct tide_definitions *load(struct fixture *fixture, const char *name, const char *metric)
{
    return fixture_load(fixture, file_with(fixture, name, metric));
}

static const struct {
    const char *metric;
    const char *message;
} mistakes[] = {
    {"{count: events}",
     "m.yaml:18:3: error: metric 'm' has no window; write 'every: 1h'\n"
     "  m: {count: events}\n"
     "  ^\n"},
    {"{count: events, every: 7}",
     "m.yaml:18:29: error: '7' is not a window; write a unit: 7m\n"
     "  m: {count: events, every: 7}\n"
     "                            ^\n"},
    {"{count: events, every: 0m}",
     "m.yaml:18:29: error: a window must be longer than '0m'\n"
     "  m: {count: events, every: 0m}\n"
     "                            ^~\n"},
    {"{count: events, every: 0}",
     "m.yaml:18:29: error: a window must be longer than '0'\n"
     "  m: {count: events, every: 0}\n"
     "                            ^\n"},
    {"{count: events, every: 2mo}",
     "m.yaml:18:29: error: '2mo' is not a window; a window of months is 1mo\n"
     "  m: {count: events, every: 2mo}\n"
     "                            ^~~\n"},
    {"{count: events, every: 99999999h}",
     "m.yaml:18:29: error: a window of '99999999h' is longer than 100 years\n"
     "  m: {count: events, every: 99999999h}\n"
     "                            ^~~~~~~~~\n"},
    {"{count: events, every: 1x}",
     "m.yaml:18:29: error: '1x' is not a window; write a number and s, m, h, d or w, or 1mo\n"
     "  m: {count: events, every: 1x}\n"
     "                            ^~\n"},
    {"{count: events, every: [1h]}",
     "m.yaml:18:29: error: 'every' must be a window, such as 1h\n"
     "  m: {count: events, every: [1h]}\n"
     "                            ^\n"},
    {"{count: events, every: }",
     "m.yaml:18:29: error: 'every' must be a window, such as 1h\n"
     "  m: {count: events, every: }\n"
     "                            ^\n"},
    {"{count: events, evry: 1h}",
     "m.yaml:18:3: error: metric 'm' has no window; write 'every: 1h'\n"
     "  m: {count: events, evry: 1h}\n"
     "  ^\n"
     "m.yaml:18:22: error: unknown key 'evry' in metric; did you mean 'every'?\n"
     "  m: {count: events, evry: 1h}\n"
     "                     ^~~~\n"},
    {"{count: user_id, every: 1h}",
     "m.yaml:18:14: error: count takes only 'events'\n"
     "  m: {count: user_id, every: 1h}\n"
     "             ^~~~~~~\n"},
    {"{count: [events], every: 1h}",
     "m.yaml:18:14: error: count takes only 'events'\n"
     "  m: {count: [events], every: 1h}\n"
     "             ^\n"},
    {"{every: 1h}",
     "m.yaml:18:3: error: metric 'm' has no kind; write one of count, distinct, sum, mean, "
     "min, max\n"
     "  m: {every: 1h}\n"
     "  ^\n"},
    {"{count: events, sum: n, every: 1h}",
     "m.yaml:18:22: error: metric 'm' has two kinds, count and sum; keep one\n"
     "  m: {count: events, sum: n, every: 1h}\n"
     "                     ^~~\n"},
    {"{count: events, funnel: {}, every: 1h}",
     "m.yaml:18:22: error: metric 'm' has two kinds, count and funnel; keep one\n"
     "  m: {count: events, funnel: {}, every: 1h}\n"
     "                     ^~~~~~\n"},
    {"{sum: kind, every: 1h}",
     "m.yaml:18:12: error: sum needs an int or decimal column, but 'kind' is string\n"
     "  m: {sum: kind, every: 1h}\n"
     "           ^~~~\n"},
    {"{mean: at_, every: 1h}",
     "m.yaml:18:13: error: mean needs an int or decimal column, but 'at_' is time_ms\n"
     "  m: {mean: at_, every: 1h}\n"
     "            ^~~\n"},
    {"{min: b, every: 1h}",
     "m.yaml:18:12: error: min needs an int, decimal or time column, but 'b' is bool\n"
     "  m: {min: b, every: 1h}\n"
     "           ^\n"},
    {"{max: kind, every: 1h}",
     "m.yaml:18:12: error: max needs an int, decimal or time column, but 'kind' is string\n"
     "  m: {max: kind, every: 1h}\n"
     "           ^~~~\n"},
    {"{sum: m, every: 1h}",
     "m.yaml:18:12: error: unknown column 'm'\n"
     "  m: {sum: m, every: 1h}\n"
     "           ^\n"},
    {"{sum: [n], every: 1h}",
     "m.yaml:18:12: error: 'sum' must be the name of a column\n"
     "  m: {sum: [n], every: 1h}\n"
     "           ^\n"},
    {"{distinct: usr, every: 1h}",
     "m.yaml:18:17: error: unknown column 'usr'\n"
     "  m: {distinct: usr, every: 1h}\n"
     "                ^~~\n"},
    {"{count: events, every: 1h, timezone: UTC}",
     "m.yaml:18:33: error: a window in s, m or h takes no timezone; remove it, or write "
     "'every: 1d'\n"
     "  m: {count: events, every: 1h, timezone: UTC}\n"
     "                                ^~~~~~~~\n"},
    {"{count: events, every: 1h, timezone: Europe/Rome}",
     "m.yaml:18:33: error: a window in s, m or h takes no timezone; remove it, or write "
     "'every: 1d'\n"
     "  m: {count: events, every: 1h, timezone: Europe/Rome}\n"
     "                                ^~~~~~~~\n"},
    {"{count: events, every: 1d, timezone: [UTC]}",
     "m.yaml:18:43: error: 'timezone' must be a time zone, such as UTC\n"
     "  m: {count: events, every: 1d, timezone: [UTC]}\n"
     "                                          ^\n"},
    {"{count: events, every: 1h, top: 0}",
     "m.yaml:18:38: error: top '0' is not a number of 1..1000000\n"
     "  m: {count: events, every: 1h, top: 0}\n"
     "                                     ^\n"},
    {"{count: events, every: 1h, top: -1}",
     "m.yaml:18:38: error: top '-1' is not a number of 1..1000000\n"
     "  m: {count: events, every: 1h, top: -1}\n"
     "                                     ^~\n"},
    {"{count: events, every: 1h, top: many}",
     "m.yaml:18:38: error: top 'many' is not a number of 1..1000000\n"
     "  m: {count: events, every: 1h, top: many}\n"
     "                                     ^~~~\n"},
    {"{count: events, every: 1h, top: 1000001}",
     "m.yaml:18:38: error: top '1000001' is not a number of 1..1000000\n"
     "  m: {count: events, every: 1h, top: 1000001}\n"
     "                                     ^~~~~~~\n"},
    {"{count: events, every: 1h, top: 99999999999999999999}",
     "m.yaml:18:38: error: top '99999999999999999999' is not a number of 1..1000000\n"
     "  m: {count: events, every: 1h, top: 99999999999999999999}\n"
     "                                     ^~~~~~~~~~~~~~~~~~~~\n"},
    {"{count: events, every: 1h, top: [1]}",
     "m.yaml:18:38: error: 'top' must be a number\n"
     "  m: {count: events, every: 1h, top: [1]}\n"
     "                                     ^\n"},
    {"{count: events, every: 1h, by: a}",
     "m.yaml:18:37: error: 'by' must be a list of columns, such as [a]\n"
     "  m: {count: events, every: 1h, by: a}\n"
     "                                    ^\n"},
    {"{count: events, every: 1h, by: {a: b}}",
     "m.yaml:18:37: error: 'by' must be a list of columns, such as [os, region]\n"
     "  m: {count: events, every: 1h, by: {a: b}}\n"
     "                                    ^\n"},
    {"{count: events, every: 1h, by: [a, kind, a]}",
     "m.yaml:18:47: error: column 'a' stands in 'by' twice\n"
     "  m: {count: events, every: 1h, by: [a, kind, a]}\n"
     "                                              ^\n"},
    {"{count: events, every: 1h, by: [aa, [b], knd]}",
     "m.yaml:18:38: error: unknown column 'aa'\n"
     "  m: {count: events, every: 1h, by: [aa, [b], knd]}\n"
     "                                     ^~\n"
     "m.yaml:18:42: error: 'by' must be a list of columns, such as [os, region]\n"
     "  m: {count: events, every: 1h, by: [aa, [b], knd]}\n"
     "                                         ^\n"
     "m.yaml:18:47: error: unknown column 'knd'; did you mean 'kind'?\n"
     "  m: {count: events, every: 1h, by: [aa, [b], knd]}\n"
     "                                              ^~~\n"},
    {"{count: events, every: 1h, by: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a]}",
     "m.yaml:18:37: error: 'by' has 17 columns; at most 16 are possible\n"
     "  m: {count: events, every: 1h, by: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a]}\n"
     "                                    ^\n"},
    {"{count: events, every: 1h, where: 'a == \"it''s\" and user == \"x\"'}",
     "m.yaml:18:58: error: unknown column 'user'; did you mean 'user_id'?\n"
     "  m: {count: events, every: 1h, where: 'a == \"it''s\" and user == \"x\"'}\n"
     "                                                         ^~~~\n"},
    {"{count: events, every: 1h, where: n > 1 or m < 2}",
     "m.yaml:18:49: error: unknown column 'm'\n"
     "  m: {count: events, every: 1h, where: n > 1 or m < 2}\n"
     "                                                ^\n"},
    {"{count: events, every: 1h, where: [b]}",
     "m.yaml:18:40: error: 'where' must be a condition in quotes, such as 'os == \"ios\"'\n"
     "  m: {count: events, every: 1h, where: [b]}\n"
     "                                       ^\n"},
    {"{count: events, every: 1h, where: }",
     "m.yaml:18:40: error: 'where' must be a condition in quotes, such as 'os == \"ios\"'\n"
     "  m: {count: events, every: 1h, where: }\n"
     "                                       ^\n"},
    {"{count: events, of: n, every: 1h}",
     "m.yaml:18:22: error: 'of' belongs to quantiles\n"
     "  m: {count: events, of: n, every: 1h}\n"
     "                     ^~\n"},
    {"[count, events]",
     "m.yaml:18:6: error: metric 'm' must be a mapping, such as {count: events, every: 1h}\n"
     "  m: [count, events]\n"
     "     ^\n"},
    {"count",
     "m.yaml:18:6: error: metric 'm' must be a mapping, such as {count: events, every: 1h}\n"
     "  m: count\n"
     "     ^~~~~\n"},
    {"{funnel: 1, evry: 1h, wehre: x}",
     "m.yaml:18:18: error: unknown key 'evry' in metric; did you mean 'every'?\n"
     "  m: {funnel: 1, evry: 1h, wehre: x}\n"
     "                 ^~~~\n"
     "m.yaml:18:28: error: unknown key 'wehre' in metric; did you mean 'where'?\n"
     "  m: {funnel: 1, evry: 1h, wehre: x}\n"
     "                           ^~~~~\n"},
    {"{sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}",
     "m.yaml:18:12: error: sum needs an int or decimal column, but 'kind' is string\n"
     "  m: {sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}\n"
     "           ^~~~\n"
     "m.yaml:18:25: error: '7' is not a window; write a unit: 7m\n"
     "  m: {sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}\n"
     "                        ^\n"
     "m.yaml:18:36: error: column 'a' stands in 'by' twice\n"
     "  m: {sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}\n"
     "                                   ^\n"
     "m.yaml:18:52: error: 'n' is int and cannot be compared with a string\n"
     "  m: {sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}\n"
     "                                                   ^~~\n"
     "m.yaml:18:62: error: top '0' is not a number of 1..1000000\n"
     "  m: {sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}\n"
     "                                                             ^\n"},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_null(load(&fixture, "m", mistakes[i].metric));
        assert_string_equal(fixture_errors(&fixture), mistakes[i].message);
        fixture_release(&fixture);
    }
}

static void test_names(void **state)
{
    static const char *const bad[] = {"M", "9a", "a-b", "'a b'", "'\xc3\xa9'", "''"};
    static const char *const good[] = {"m", "_", "a_1", "count", "events"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_null(load(&fixture, bad[i], "{count: events, every: 1h}"));
        assert_non_null(strstr(fixture_errors(&fixture),
                               "m.yaml:18:3: error: the name of a metric has only a-z, 0-9 and _, "
                               "and no digit first\n"));
        fixture_release(&fixture);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_non_null(load(&fixture, good[i], "{count: events, every: 1h}"));
        fixture_release(&fixture);
    }
    for (size_t size = 100; size <= 101; size++) {
        char name[102] = "";
        struct fixture fixture;
        fixture_init(&fixture);
        memset(name, 'x', size);
        assert_int_equal(load(&fixture, name, "{count: events, every: 1h}") != NULL, size == 100);
        fixture_release(&fixture);
    }
}

static const struct {
    const char *metric;
    enum tide_metric_kind kind;
    const char *column;
    const char *by;
    enum tide_window_unit unit;
    int64_t size;
    uint32_t top;
    bool has_where;
} plans[] = {
    {"{count: events, every: 1m}",
     TIDE_METRIC_COUNT,
     "",
     "",
     TIDE_WINDOW_FIXED,
     60000000,
     0,
     false},
    {"{distinct: user_id, by: [b, a], every: 2w, timezone: UTC}",
     TIDE_METRIC_DISTINCT,
     "user_id",
     "b a ",
     TIDE_WINDOW_WEEKS,
     2,
     0,
     false},
    {"{sum: x, by: [], every: 1mo, where: b}",
     TIDE_METRIC_SUM,
     "x",
     "",
     TIDE_WINDOW_MONTHS,
     1,
     0,
     true},
    {"{mean: n, every: 3d, top: 1000000, by: [x]}",
     TIDE_METRIC_MEAN,
     "n",
     "x ",
     TIDE_WINDOW_DAYS,
     3,
     1000000,
     false},
    {"{min: at_, every: 1d}", TIDE_METRIC_MIN, "at_", "", TIDE_WINDOW_DAYS, 1, 0, false},
    {"{max: x, every: 90s, top: 1}",
     TIDE_METRIC_MAX,
     "x",
     "",
     TIDE_WINDOW_FIXED,
     90000000,
     1,
     false},
};

static void test_plans(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        struct fixture fixture;
        char by[100] = "";
        fixture_init(&fixture);
        const struct tide_definitions *definitions = load(&fixture, "m", plans[i].metric);
        assert_non_null(definitions);
        assert_int_equal(definitions->metric_count, 1);
        const struct tide_metric *metric = &definitions->metrics[0];
        const struct tide_column *columns = definitions->schema->columns;
        assert_int_equal(metric->kind, plans[i].kind);
        const struct tide_view column =
            metric->column == TIDE_COLUMN_NONE ? TIDE_VIEW("") : columns[metric->column].name;
        assert_true(tide_view_equal(column, tide_view_of(plans[i].column)));
        for (uint32_t k = 0; k < metric->by_count; k++) {
            const size_t size = strlen(by);
            (void)snprintf(by + size,
                           sizeof(by) - size,
                           "%.*s ",
                           TIDE_VIEW_ARGUMENTS(columns[metric->by[k]].name));
        }
        assert_string_equal(by, plans[i].by);
        assert_int_equal(metric->every.unit, plans[i].unit);
        assert_int_equal(metric->every.size, plans[i].size);
        assert_int_equal(metric->top, plans[i].top);
        assert_int_equal(metric->where != NULL, plans[i].has_where);
        assert_int_equal(metric->position.line, 18);
        assert_int_equal(metric->position.column, 3);
        fixture_release(&fixture);
    }
}

static void test_not_yet(void **state)
{
    static const struct {
        const char *metric;
        const char *why;
    } cases[] = {
        {"{quantiles: [0.5], of: x, every: 1h}", "quantiles is not supported yet"},
        {"{ratio: [p, q]}", "ratio is not supported yet"},
        {"{sessions: {per: user_id, timeout: 30m}, every: 1d}", "sessions is not supported yet"},
        {"{funnel: {per: [user_id]}, every: 1d}", "funnel is not supported yet"},
        {"{retention: {per: user_id, period: 1w}}", "retention is not supported yet"},
        {"{approx_distinct: a, every: 1h}", "approx_distinct is not supported yet"},
        {"{count: events, every: 1h, over: 2h}", "over is not supported yet"},
        {"{distinct: user_id, every: 1h, having: 'count() > 2'}", "having is not supported yet"},
        {"{distinct: a, every: 1h}",
         "distinct of 'a', which is not the entity, is not supported yet"},
        {"{count: events, every: 1d, timezone: Europe/Rome}",
         "timezone Europe/Rome is not supported yet; only UTC is"},
        {"{count: events, by: [g], every: 1h}", "derived column 'g' is not supported yet"},
        {"{count: events, where: 'b or g is null', every: 1h}",
         "derived column 'g' is not supported yet"},
        /* What else is wrong with it does not matter yet. */
        {"{sum: nothing, by: kind, every: 1h, over: 2h}", "over is not supported yet"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        fixture.source = (struct tide_source){
            TIDE_VIEW("m.yaml"), tide_view_of(file_with(&fixture, "m", cases[i].metric))};
        const struct tide_definitions_input input = {
            .file = &fixture.source,
            .skip_unsupported = true,
        };
        const struct tide_definitions *definitions =
            tide_definitions_load(&fixture.arena, &input, &fixture.diagnostics);
        assert_string_equal(fixture_errors(&fixture), "");
        assert_non_null(definitions);
        assert_int_equal(definitions->metric_count, 0);
        assert_int_equal(definitions->skipped_count, 1);
        assert_true(tide_view_equal(definitions->skipped[0].name, TIDE_VIEW("m")));
        assert_true(tide_view_equal(definitions->skipped[0].why, tide_view_of(cases[i].why)));
        fixture_release(&fixture);
    }
}

/* Equal questions have equal hashes, whatever they are called; each part makes a difference. */
static void test_hashes(void **state)
{
    static const char *const metrics[] = {
        "{count: events, every: 1h}",
        "{every: 60m, count: events}",
        "{count: events, every: 2h}",
        "{count: events, every: 24h}",
        "{count: events, every: 1d}",
        "{count: events, every: 1d, timezone: UTC}",
        "{count: events, every: 1h, by: [a]}",
        "{count: events, every: 1h, by: [a, b]}",
        "{count: events, every: 1h, by: [b, a]}",
        "{count: events, every: 1h, top: 3}",
        "{count: events, every: 1h, where: b}",
        "{count: events, every: 1h, where: 'b == true'}",
        "{count: events, every: 1h, where: not b}",
        "{sum: n, every: 1h}",
        "{sum: x, every: 1h}",
        "{mean: x, every: 1h}",
    };
    static const int same[] = {0, 0, 2, 3, 4, 4, 6, 7, 8, 9, 10, 10, 12, 13, 14, 15};
    enum {
        COUNT = sizeof(metrics) / sizeof(metrics[0])
    };
    (void)state;
    struct tide_u128 hashes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        const struct tide_definitions *definitions =
            load(&fixture, i % 2 == 0 ? "m" : "other", metrics[i]);
        assert_non_null(definitions);
        hashes[i] = definitions->metrics[0].hash;
        for (size_t k = 0; k <= i; k++) {
            assert_int_equal(tide_u128_equal(hashes[i], hashes[k]), same[i] == same[k]);
        }
        fixture_release(&fixture);
    }
}

static void test_kind_names(void **state)
{
    (void)state;
    assert_string_equal(tide_metric_kind_name(TIDE_METRIC_COUNT), "count");
    assert_string_equal(tide_metric_kind_name(TIDE_METRIC_DISTINCT), "distinct");
    assert_string_equal(tide_metric_kind_name(TIDE_METRIC_SUM), "sum");
    assert_string_equal(tide_metric_kind_name(TIDE_METRIC_MEAN), "mean");
    assert_string_equal(tide_metric_kind_name(TIDE_METRIC_MIN), "min");
    assert_string_equal(tide_metric_kind_name(TIDE_METRIC_MAX), "max");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_not_yet),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_kind_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
