/* Goal: equal questions have equal hashes, whatever they are called and whatever stands around
 * them; each part of a definition makes a difference. Hashes travel with stored numbers, so they
 * are the same in every release.
 * Method: lists of metrics with a letter each; hashes are equal where the letters are, and only
 * there. */
#include "metric/metric_parser.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    QUESTIONS_MAX = 100
};

struct question {
    char letters[4]; /* of what is asked */
    const char *text;
};

static struct tide_u128 hash_of_file(const char *text)
{
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_definitions *definitions = fixture_load(&fixture, text);
    assert_string_equal(fixture_errors(&fixture), "");
    const struct tide_metric *metric = tide_definitions_find(definitions, TIDE_VIEW("m"));
    assert_non_null(metric);
    const struct tide_u128 hash = metric->hash;
    fixture_release(&fixture);
    return hash;
}

/* format has a place for the text. */
static void check(const char *format_start,
                  const char *format_end,
                  const struct question *questions,
                  size_t count)
{
    struct tide_u128 hashes[QUESTIONS_MAX];
    assert_true(count <= QUESTIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct tide_bytes text = {0};
        tide_bytes_append_format(&text, "%s%s%s", format_start, questions[i].text, format_end);
        hashes[i] = hash_of_file(tide_bytes_terminated(&text));
        tide_bytes_release(&text);
        for (size_t k = 0; k < i; k++) {
            const bool is_same = strcmp(questions[i].letters, questions[k].letters) == 0;
            if (tide_u128_equal(hashes[i], hashes[k]) != is_same) {
                fail_msg("%s | %s", questions[i].text, questions[k].text);
            }
        }
    }
}

static void test_aggregates(void **state)
{
    static const struct question questions[] = {
        {"a", "{count: events, every: 1h}"},
        {"a", "{every: 60m, count: events}"},
        {"a", "{count: events, every: 3600s, over: 1h, by: []}"},
        {"b", "{count: events, every: 2h}"},
        {"c", "{count: events, every: 24h}"},
        {"d", "{count: events, every: 1d}"},
        {"d", "{count: events, every: 1d, timezone: UTC}"},
        {"e", "{count: events, every: 1d, timezone: Europe/Berlin}"},
        {"f", "{count: events, every: 1d, timezone: Europe/Paris}"},
        {"g", "{count: events, every: 7d}"},
        {"h", "{count: events, every: 1w}"},
        {"i", "{count: events, every: 1mo}"},
        {"j", "{count: events, every: 1d, over: 7d}"},
        {"k", "{count: events, every: 1d, over: 28d}"},
        {"l", "{count: events, every: 1h, over: 24h}"},
        {"l", "{count: events, every: 1h, over: 1d}"},
        {"m", "{count: events, every: 30m, over: 1h}"},
        {"n", "{count: events, every: 1h, by: [a]}"},
        {"o", "{count: events, every: 1h, by: [a, b]}"},
        {"p", "{count: events, every: 1h, by: [b, a]}"},
        {"q", "{count: events, every: 1h, by: [g]}"},
        {"r", "{count: events, every: 1h, top: 3}"},
        {"s", "{count: events, every: 1h, top: 4}"},
        {"t", "{count: events, every: 1h, where: b}"},
        {"t", "{count: events, every: 1h, where: 'b == true'}"},
        {"u", "{count: events, every: 1h, where: not b}"},
        {"v", "{count: events, every: 1h, where: 'n > 1'}"},
        {"v", "{count: events, every: 1h, where: '(n >= 2)'}"},
        {"w", "{count: events, every: 1h, where: 'n > 2'}"},
        {"x", "{count: events, every: 1h, where: 'x > 2'}"},
        {"y", "{count: events, every: 1h, where: 'a in [\"x\", \"y\"]'}"},
        {"z", "{count: events, every: 1h, where: 'a in [\"x\", \"z\"]'}"},
        {"A", "{sum: n, every: 1h}"},
        {"B", "{sum: x, every: 1h}"},
        {"C", "{mean: x, every: 1h}"},
        {"D", "{min: x, every: 1h}"},
        {"E", "{max: x, every: 1h}"},
        {"F", "{distinct: user_id, every: 1h}"},
        {"G", "{distinct: a, every: 1h}"},
        {"H", "{approx_distinct: a, every: 1h}"},
        {"I", "{distinct: user_id, having: 'count() > 2', every: 1h}"},
        {"I", "{distinct: user_id, having: '(count() >= 3)', every: 1h}"},
        {"J", "{distinct: user_id, having: 'count() > 3', every: 1h}"},
        {"K", "{distinct: user_id, having: 'distinct(a) > 3', every: 1h}"},
        {"L", "{distinct: user_id, having: 'distinct(kind) > 3', every: 1h}"},
        {"M", "{distinct: user_id, having: 'distinct(a) > 3 and count() > 2', every: 1h}"},
        {"N", "{distinct: user_id, having: 'count() > 2 and distinct(a) > 3', every: 1h}"},
    };
    (void)state;
    check(FIXTURE_SCHEMA "metrics:\n  m: ", "\n", questions, COUNT(questions));
}

static void test_kinds(void **state)
{
    static const struct question questions[] = {
        {"a", "{quantiles: [0.5], of: n, every: 1h}"},
        {"a", "{quantiles: ['0.50'], of: n, every: 1h}"},
        {"b", "{quantiles: [0.95], of: n, every: 1h}"},
        {"c", "{quantiles: [0.5, 0.95], of: n, every: 1h}"},
        {"d", "{quantiles: [0.95, 0.5], of: n, every: 1h}"},
        {"e", "{quantiles: [0.5], of: x, every: 1h}"},
        {"f", "{quantiles: [0.5], of: n, every: 1h, over: 2h}"},
        {"g", "{sessions: {per: user_id, timeout: 30m}, every: 1d}"},
        {"g", "{sessions: {timeout: 1800s, per: user_id}, every: 1d}"},
        {"h", "{sessions: {per: user_id, timeout: 31m}, every: 1d}"},
        {"i", "{sessions: {per: user_id, timeout: 30m}, every: 1d, by: [a]}"},
        {"j", "{sessions: {per: user_id, timeout: 30m}, every: 1w}"},
        {"k", "{sessions: {per: user_id, timeout: 30m}, every: 1d, where: b}"},
        {"l", "{funnel: {per: [user_id], timeout: 1h, steps: [{s: b}, {t: not b}]}, every: 1d}"},
        {"l", "{every: 1d, funnel: {steps: [{s: b}, {t: not b}], timeout: 60m, per: [user_id]}}"},
        {"m", "{funnel: {per: [user_id], timeout: 2h, steps: [{s: b}, {t: not b}]}, every: 1d}"},
        {"n", "{funnel: {per: [user_id, a], timeout: 1h, steps: [{s: b}, {t: not b}]}, every: 1d}"},
        {"o", "{funnel: {per: [a, user_id], timeout: 1h, steps: [{s: b}, {t: not b}]}, every: 1d}"},
        {"p", "{funnel: {per: [user_id], timeout: 1h, steps: [{s: b}, {u: not b}]}, every: 1d}"},
        {"q", "{funnel: {per: [user_id], timeout: 1h, steps: [{t: not b}, {s: b}]}, every: 1d}"},
        {"r", "{funnel: {per: [user_id], timeout: 1h, steps: [{s: b}, {t: b}]}, every: 1d}"},
        {"s", "{funnel: {per: [user_id], timeout: 1h, steps: [{s: b}]}, every: 1d}"},
        {"t", "{retention: {per: user_id, period: 1d, periods: 7}}"},
        {"t", "{retention: {periods: 7, period: 1d, per: user_id}, timezone: UTC}"},
        {"u", "{retention: {per: user_id, period: 1d, periods: 8}}"},
        {"v", "{retention: {per: user_id, period: 1w, periods: 7}}"},
        {"w", "{retention: {per: user_id, period: 7d, periods: 7}}"},
        {"x", "{retention: {per: user_id, period: 1d, periods: 7, mode: unbounded}}"},
        {"y", "{retention: {per: user_id, period: 1d, periods: 7}, where: b}"},
        {"z", "{retention: {per: user_id, period: 1d, periods: 7}, timezone: Asia/Tokyo}"},
    };
    (void)state;
    check(FIXTURE_SCHEMA "metrics:\n  m: ", "\n", questions, COUNT(questions));
}

/* The part of one metric that stands in the file after `m`. */
static void test_ratios(void **state)
{
    static const struct question questions[] = {
        {"a", "[p, q]}\n  p: {count: events, every: 1d}\n  q: {sum: n, every: 1d}"},
        {"a", "[r, s]}\n  s: {sum: n, every: 1d}\n  r: {count: events, every: 1d}"},
        {"a",
         "[r, s]}\n  p: {max: n, every: 1w}\n  s: {sum: n, every: 1d}\n  r: {count: events, "
         "every: 1d}"},
        {"b", "[q, p]}\n  p: {count: events, every: 1d}\n  q: {sum: n, every: 1d}"},
        {"c", "[p, q]}\n  p: {count: events, every: 1d, over: 2d}\n  q: {sum: n, every: 1d}"},
        {"d", "[p, q]}\n  p: {count: events, every: 1d}\n  q: {sum: n, every: 1d, where: b}"},
        {"e", "[p, q]}\n  p: {count: events, every: 1d, by: [a]}\n  q: {sum: n, every: 1d}"},
        {"f", "[p, p]}\n  p: {count: events, every: 1d}"},
        {"g", "[p, p]}\n  p: {sum: n, every: 1d}"},
    };
    (void)state;
    check(FIXTURE_SCHEMA "metrics:\n  m: {ratio: ", "\n", questions, COUNT(questions));
}

#define SCHEMA                                                                                     \
    "schema: {name: t, entity: user_id, id: id, time: at_, columns: {id: {path: id}, at_: {path: " \
    "at, type: time_ms, required: true}, "

/* What a metric's columns are is part of it, and nothing else of the schema. */
static void test_columns(void **state)
{
    static const struct question questions[] = {
        {"a", "user_id: {path: u}, c: {path: p.c}, s: {path: s}"},
        {"a", "s: {path: s}, c: {path: p.c}, other: {path: o, type: int}, user_id: {path: u}"},
        {"a", "user_id: {path: v}, c: {path: p.c}, s: {path: s}"}, /* only counted with */
        {"b", "user_id: {path: u}, c: {path: q.c}, s: {path: s}"},
        {"c", "user_id: {path: u}, c: {path: p.c}, s: {path: t}"},
        {"d", "user_id: {path: u}, c: {path: p.c, type: int}, s: {path: s}"},
        {"e", "user_id: {path: u}, s: {path: s}, c: {from: s, map: [{'x*': X}], default: Z}"},
        {"f", "user_id: {path: u}, s: {path: s}, c: {from: s, map: [{'y*': X}], default: Z}"},
        {"g", "user_id: {path: u}, s: {path: s}, c: {from: s, map: [{'x*': Y}], default: Z}"},
        {"h", "user_id: {path: u}, s: {path: s}, c: {from: s, map: [{'x*': X}], default: Y}"},
        {"i", "user_id: {path: u}, s: {path: s}, c: {from: s, map: [{'x*': X}]}"},
        {"j", "user_id: {path: u}, s: {path: s}, c: {from: s, map: [{'x*': X}, {'y*': Y}]}"},
        {"k", "user_id: {path: u}, s: {path: s}, c: {from: s, map: [{'y*': Y}, {'x*': X}]}"},
        {"l", "user_id: {path: u}, s: {path: s}, t: {path: t}, c: {from: t, map: [{'x*': X}]}"},
    };
    static const char *const metrics[] = {
        "{count: events, by: [c], where: 's == \"x\"', every: 1d}",
        "{count: events, by: [s], where: 'c is null', every: 1d}",
        "{distinct: c, by: [s], every: 1d}",
        "{approx_distinct: s, by: [c], every: 1d}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(metrics); i++) {
        char end[200];
        (void)snprintf(end, sizeof(end), "}}\nmetrics:\n  m: %s\n", metrics[i]);
        check(SCHEMA, end, questions, COUNT(questions));
    }
}

/* Where things are per entity, it matters what the entity is; so do columns of steps and facts. */
static void test_columns_of_entities(void **state)
{
    static const struct question questions[] = {
        {"a", "user_id: {path: u}, c: {path: p.c, type: bool}"},
        {"a", "c: {path: p.c, type: bool}, d: {path: d}, user_id: {path: u}"},
        {"b", "user_id: {path: v}, c: {path: p.c, type: bool}"},
        {"c", "user_id: {path: u}, c: {path: p.d, type: bool}"},
    };
    static const char *const metrics[] = {
        "{distinct: user_id, having: 'distinct(c) > 1', every: 1d}",
        "{sessions: {per: user_id, timeout: 1h}, where: c, every: 1d}",
        "{sessions: {per: user_id, timeout: 1h}, by: [c], every: 1d}",
        "{funnel: {per: [user_id], timeout: 1h, steps: [{s: c}]}, every: 1d}",
        "{funnel: {per: [user_id, c], timeout: 1h, steps: [{s: at_ > 1}]}, every: 1d}",
        "{retention: {per: user_id, period: 1d, periods: 3}, where: c}",
        "{ratio: [p, p]}\n  p: {distinct: user_id, where: c, every: 1d}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(metrics); i++) {
        char end[200];
        (void)snprintf(end, sizeof(end), "}}\nmetrics:\n  m: %s\n", metrics[i]);
        check(SCHEMA, end, questions, COUNT(questions));
    }
}

/* Whoever changes the encoding changes its version, and these. */
static void test_hashes_for_ever(void **state)
{
    static const struct {
        const char *metric;
        struct tide_u128 hash;
    } cases[] = {
        {"{count: events, by: [a, g], where: 'b and n > 1', every: 1h, over: 2h, top: 3}",
         {UINT64_C(0x1c428f488a064749), UINT64_C(0x116c435211349909)}},
        {"{distinct: user_id, having: 'count() > 2', every: 1d, timezone: Europe/Berlin}",
         {UINT64_C(0xa5b9ca00cc6d2a9a), UINT64_C(0x8e917b7d2f7ff1f9)}},
        {"{quantiles: [0.5, 0.95], of: x, every: 1w}",
         {UINT64_C(0xce55fec2a59ee458), UINT64_C(0x754111011c0d7eba)}},
        {"{sessions: {per: user_id, timeout: 30m}, every: 1d}",
         {UINT64_C(0x2c4205fd40d32d01), UINT64_C(0x1e133eec6ca35eef)}},
        {"{every: 1d, funnel: {per: [user_id, a], timeout: 1h, steps: [{s: b}, {t: not b}]}}",
         {UINT64_C(0x0ae0c474099b17c7), UINT64_C(0x71e2ca6c444f440a)}},
        {"{retention: {per: user_id, period: 1w, periods: 8, mode: unbounded}}",
         {UINT64_C(0x93afa8ace0e0e54e), UINT64_C(0xe72a2db4c7be0636)}},
        {"{ratio: [p, q]}\n  p: {sum: n, every: 1mo}\n  q: {count: events, every: 1mo}",
         {UINT64_C(0x5cf7c4a084a5452e), UINT64_C(0xe64387b04fd99a2f)}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tide_bytes text = {0};
        tide_bytes_append_format(&text, "%smetrics:\n  m: %s\n", FIXTURE_SCHEMA, cases[i].metric);
        const struct tide_u128 hash = hash_of_file(tide_bytes_terminated(&text));
        assert_int_equal(hash.high, cases[i].hash.high);
        assert_int_equal(hash.low, cases[i].hash.low);
        tide_bytes_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aggregates),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_ratios),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_columns_of_entities),
        cmocka_unit_test(test_hashes_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
