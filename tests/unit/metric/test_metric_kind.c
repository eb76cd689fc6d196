/* Goal: quantiles, sessions, funnels, retention and ratios become the plan that was meant; every
 * mistake in them is told at its place, all at once, and nothing is told that is not wrong.
 * Method: tables of metrics under the fixture's schema; plans compared part by part, messages
 * compared whole. */
#include "metric/metric_parser.h"

#include "base/civil.h"
#include "base/timezone.h"
#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

struct mistake {
    const char *metric;
    const char *message;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check_mistakes(const struct mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_null(fixture_load_metric(&fixture, "m", mistakes[i].metric));
        assert_string_equal(fixture_errors(&fixture), mistakes[i].message);
        fixture_release(&fixture);
    }
}

/* The first metric of those that load without a word. */
static const struct tide_metric *load(struct fixture *fixture, const char *metric)
{
    fixture_init(fixture);
    const struct tide_definitions *definitions = fixture_load_metric(fixture, "m", metric);
    assert_string_equal(fixture_errors(fixture), "");
    assert_non_null(definitions);
    return &definitions->metrics[0];
}

/* ------- quantiles */

static const struct mistake quantile_mistakes[] = {
    {"{quantiles: [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0], of: n, every: 1h}",
     "m.yaml:18:18: error: quantiles must be a list of 1 to 16 numbers, such as [0.5, 0.95]\n"
     "  m: {quantiles: [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0], of: n, every: 1h}\n"
     "                 ^\n"},
    {"{quantiles: [1.1, -0.5, .5, 0., 1e-1, 00.5], of: n, every: 1h}",
     "m.yaml:18:19: error: '1.1' is not a quantile; write a decimal number of 0 to 1 with at "
     "most 9 places\n"
     "  m: {quantiles: [1.1, -0.5, .5, 0., 1e-1, 00.5], of: n, every: 1h}\n"
     "                  ^~~\n"
     "m.yaml:18:24: error: '-0.5' is not a quantile; write a decimal number of 0 to 1 with at "
     "most 9 places\n"
     "  m: {quantiles: [1.1, -0.5, .5, 0., 1e-1, 00.5], of: n, every: 1h}\n"
     "                       ^~~~\n"
     "m.yaml:18:30: error: '.5' is not a quantile; write a decimal number of 0 to 1 with at most "
     "9 places\n"
     "  m: {quantiles: [1.1, -0.5, .5, 0., 1e-1, 00.5], of: n, every: 1h}\n"
     "                             ^~\n"
     "m.yaml:18:34: error: '0.' is not a quantile; write a decimal number of 0 to 1 with at most "
     "9 places\n"
     "  m: {quantiles: [1.1, -0.5, .5, 0., 1e-1, 00.5], of: n, every: 1h}\n"
     "                                 ^~\n"
     "m.yaml:18:38: error: '1e-1' is not a quantile; write a decimal number of 0 to 1 with at "
     "most 9 places\n"
     "  m: {quantiles: [1.1, -0.5, .5, 0., 1e-1, 00.5], of: n, every: 1h}\n"
     "                                     ^~~~\n"
     "m.yaml:18:44: error: '00.5' is not a quantile; write a decimal number of 0 to 1 with at "
     "most 9 places\n"
     "  m: {quantiles: [1.1, -0.5, .5, 0., 1e-1, 00.5], of: n, every: 1h}\n"
     "                                           ^~~~\n"},
    {"{quantiles: ['', ~, [0.5], 0.1234567891, 12345678901], of: n, every: 1h}",
     "m.yaml:18:19: error: '' is not a quantile; write a decimal number of 0 to 1 with at most 9 "
     "places\n"
     "  m: {quantiles: ['', ~, [0.5], 0.1234567891, 12345678901], of: n, every: 1h}\n"
     "                  ^~\n"
     "m.yaml:18:23: error: '~' is not a quantile; write a decimal number of 0 to 1 with at most "
     "9 places\n"
     "  m: {quantiles: ['', ~, [0.5], 0.1234567891, 12345678901], of: n, every: 1h}\n"
     "                      ^\n"
     "m.yaml:18:26: error: a quantile is a number, such as 0.95\n"
     "  m: {quantiles: ['', ~, [0.5], 0.1234567891, 12345678901], of: n, every: 1h}\n"
     "                         ^\n"
     "m.yaml:18:33: error: '0.1234567891' is not a quantile; write a decimal number of 0 to 1 "
     "with at most 9 places\n"
     "  m: {quantiles: ['', ~, [0.5], 0.1234567891, 12345678901], of: n, every: 1h}\n"
     "                                ^~~~~~~~~~~~\n"
     "m.yaml:18:47: error: '12345678901' is not a quantile; write a decimal number of 0 to 1 "
     "with at most 9 places\n"
     "  m: {quantiles: ['', ~, [0.5], 0.1234567891, 12345678901], of: n, every: 1h}\n"
     "                                              ^~~~~~~~~~~\n"},
    {"{quantiles: [0.5, 0.50, 1, 1.0, 0.0, 0], of: n, every: 1h}",
     "m.yaml:18:24: error: quantile 0.50 is in the list already\n"
     "  m: {quantiles: [0.5, 0.50, 1, 1.0, 0.0, 0], of: n, every: 1h}\n"
     "                       ^~~~\n"
     "m.yaml:18:33: error: quantile 1.0 is in the list already\n"
     "  m: {quantiles: [0.5, 0.50, 1, 1.0, 0.0, 0], of: n, every: 1h}\n"
     "                                ^~~\n"
     "m.yaml:18:43: error: quantile 0 is in the list already\n"
     "  m: {quantiles: [0.5, 0.50, 1, 1.0, 0.0, 0], of: n, every: 1h}\n"
     "                                          ^\n"},
    {"{quantiles: [0.5], every: 1h}",
     "m.yaml:18:3: error: metric 'm' has no column; write 'of: duration'\n"
     "  m: {quantiles: [0.5], every: 1h}\n"
     "  ^\n"},
    {"{quantiles: [0.5], of: kind, every: 1h}",
     "m.yaml:18:29: error: quantiles needs an int or decimal column, but 'kind' is string\n"
     "  m: {quantiles: [0.5], of: kind, every: 1h}\n"
     "                            ^~~~\n"},
    {"{quantiles: [0.5], of: at_, every: 1h}",
     "m.yaml:18:29: error: quantiles needs an int or decimal column, but 'at_' is time_ms\n"
     "  m: {quantiles: [0.5], of: at_, every: 1h}\n"
     "                            ^~~\n"},
    {"{quantiles: [0.5], of: g, every: 1h}",
     "m.yaml:18:29: error: quantiles needs an int or decimal column, but 'g' is string\n"
     "  m: {quantiles: [0.5], of: g, every: 1h}\n"
     "                            ^\n"},
    {"{quantiles: [0.5], of: knd, every: 1h}",
     "m.yaml:18:29: error: unknown column 'knd'; did you mean 'kind'?\n"
     "  m: {quantiles: [0.5], of: knd, every: 1h}\n"
     "                            ^~~\n"},
    {"{quantiles: [2], of: kind, every: 7, top: 3}",
     "m.yaml:18:19: error: '2' is not a quantile; write a decimal number of 0 to 1 with at most "
     "9 places\n"
     "  m: {quantiles: [2], of: kind, every: 7, top: 3}\n"
     "                  ^\n"
     "m.yaml:18:27: error: quantiles needs an int or decimal column, but 'kind' is string\n"
     "  m: {quantiles: [2], of: kind, every: 7, top: 3}\n"
     "                          ^~~~\n"
     "m.yaml:18:40: error: '7' is not a window; write a unit: 7m\n"
     "  m: {quantiles: [2], of: kind, every: 7, top: 3}\n"
     "                                       ^\n"
     "m.yaml:18:43: error: 'top' does not go with quantiles; remove it\n"
     "  m: {quantiles: [2], of: kind, every: 7, top: 3}\n"
     "                                          ^~~\n"},
};

static void test_quantile_mistakes(void **state)
{
    (void)state;
    check_mistakes(quantile_mistakes, COUNT(quantile_mistakes));
}

static void test_quantiles(void **state)
{
    static const struct {
        const char *text;
        uint64_t numerator;
        uint64_t denominator;
    } wanted[] = {
        {"0", 0, 1},
        {"0.25", 25, 100},
        {"0.5", 5, 10},
        {"0.123456789", 123456789, 1000000000},
        {"0.000000001", 1, 1000000000},
        {"1.0", 10, 10},
    };
    (void)state;
    struct fixture fixture;
    const struct tide_metric *metric =
        load(&fixture,
             "{quantiles: [0, '0.25', 0.5000000000000, 0.123456789, 0.000000001, 1.0], of: x, "
             "by: [g], every: 10m, over: 1h, where: b}");
    assert_int_equal(metric->kind, TIDE_METRIC_QUANTILES);
    assert_int_equal(metric->column, 7);
    assert_int_equal(metric->pane_count, 6);
    assert_int_equal(metric->by_count, 1);
    assert_non_null(metric->where);
    assert_int_equal(metric->quantile_count, COUNT(wanted));
    for (uint32_t i = 0; i < COUNT(wanted); i++) {
        const struct tide_quantile *quantile = &metric->quantiles[i];
        assert_true(tide_view_equal(quantile->text, tide_view_of(wanted[i].text)));
        assert_int_equal(quantile->numerator, wanted[i].numerator);
        assert_int_equal(quantile->denominator, wanted[i].denominator);
    }
    fixture_release(&fixture);
}

/* ------- sessions */

static const struct mistake session_mistakes[] = {
    {"{sessions: {}, every: 1d}",
     "m.yaml:18:7: error: 'sessions' lacks 'per'\n"
     "  m: {sessions: {}, every: 1d}\n"
     "      ^~~~~~~~\n"
     "m.yaml:18:7: error: 'sessions' lacks 'timeout'\n"
     "  m: {sessions: {}, every: 1d}\n"
     "      ^~~~~~~~\n"},
    {"{sessions: {per: user_id, timeout: 30m}}",
     "m.yaml:18:3: error: metric 'm' has no window; write 'every: 1h'\n"
     "  m: {sessions: {per: user_id, timeout: 30m}}\n"
     "  ^\n"},
    {"{sessions: {per: id, timeout: 30m}, every: 1d}",
     "m.yaml:18:23: error: sessions: 'per' must be the entity; write 'per: user_id'\n"
     "  m: {sessions: {per: id, timeout: 30m}, every: 1d}\n"
     "                      ^~\n"},
    {"{sessions: {per: user, timeout: 30m}, every: 1d}",
     "m.yaml:18:23: error: unknown column 'user'; did you mean 'user_id'?\n"
     "  m: {sessions: {per: user, timeout: 30m}, every: 1d}\n"
     "                      ^~~~\n"},
    {"{sessions: {per: user_id, timeout: 30}, every: 1d}",
     "m.yaml:18:41: error: '30' is not a time; write a unit: 30m\n"
     "  m: {sessions: {per: user_id, timeout: 30}, every: 1d}\n"
     "                                        ^~\n"},
    {"{sessions: {per: user_id, timeout: 0ms}, every: 1d}",
     "m.yaml:18:41: error: a timeout must be longer than '0ms'\n"
     "  m: {sessions: {per: user_id, timeout: 0ms}, every: 1d}\n"
     "                                        ^~~\n"},
    {"{sessions: {per: user_id, timeout: -1m}, every: 1d}",
     "m.yaml:18:41: error: '-1m' is not a time; write a number and ms, s, m, h, d or w\n"
     "  m: {sessions: {per: user_id, timeout: -1m}, every: 1d}\n"
     "                                        ^~~\n"},
    {"{sessions: {per: user_id, timeout: 36526d}, every: 1d}",
     "m.yaml:18:41: error: a timeout of '36526d' is longer than 100 years\n"
     "  m: {sessions: {per: user_id, timeout: 36526d}, every: 1d}\n"
     "                                        ^~~~~~\n"},
    {"{sessions: {per: user_id, timeout: 99999999999999999999s}, every: 1d}",
     "m.yaml:18:41: error: a timeout of '99999999999999999999s' is longer than 100 years\n"
     "  m: {sessions: {per: user_id, timeout: 99999999999999999999s}, every: 1d}\n"
     "                                        ^~~~~~~~~~~~~~~~~~~~~\n"},
    {"{sessions: {per: user_id, timeout: 99999999999999999999}, every: 1d}",
     "m.yaml:18:41: error: '99999999999999999999' is not a time; write a unit: "
     "99999999999999999999m\n"
     "  m: {sessions: {per: user_id, timeout: 99999999999999999999}, every: 1d}\n"
     "                                        ^~~~~~~~~~~~~~~~~~~~\n"},
    {"{sessions: {per: user_id, timout: 30m, steps: []}, over: 7d, every: 1d}",
     "m.yaml:18:7: error: 'sessions' lacks 'timeout'\n"
     "  m: {sessions: {per: user_id, timout: 30m, steps: []}, over: 7d, every: 1d}\n"
     "      ^~~~~~~~\n"
     "m.yaml:18:32: error: unknown key 'timout' in sessions; did you mean 'timeout'?\n"
     "  m: {sessions: {per: user_id, timout: 30m, steps: []}, over: 7d, every: 1d}\n"
     "                               ^~~~~~\n"
     "m.yaml:18:45: error: unknown key 'steps' in sessions\n"
     "  m: {sessions: {per: user_id, timout: 30m, steps: []}, over: 7d, every: 1d}\n"
     "                                            ^~~~~\n"
     "m.yaml:18:57: error: 'over' does not go with sessions; remove it\n"
     "  m: {sessions: {per: user_id, timout: 30m, steps: []}, over: 7d, every: 1d}\n"
     "                                                        ^~~~\n"},
};

static void test_session_mistakes(void **state)
{
    (void)state;
    check_mistakes(session_mistakes, COUNT(session_mistakes));
}

static void test_sessions(void **state)
{
    static const struct {
        const char *timeout;
        int64_t us;
    } cases[] = {
        {"1ms", 1000},
        {"30m", 30 * 60 * TIDE_US_PER_SECOND},
        {"2w", 14 * TIDE_US_PER_DAY},
        {"36525d", 36525 * TIDE_US_PER_DAY},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        char text[200];
        (void)snprintf(text,
                       sizeof(text),
                       "{sessions: {timeout: %s, per: user_id}, by: [a, g], every: 1d, "
                       "timezone: Asia/Tokyo}",
                       cases[i].timeout);
        const struct tide_metric *metric = load(&fixture, text);
        assert_int_equal(metric->kind, TIDE_METRIC_SESSIONS);
        assert_int_equal(metric->column, TIDE_COLUMN_NONE);
        assert_int_equal(metric->sessions.timeout.us, cases[i].us);
        assert_int_equal(metric->by_count, 2);
        assert_true(
            tide_view_equal(tide_timezone_name(metric->every.zone), TIDE_VIEW("Asia/Tokyo")));
        fixture_release(&fixture);
    }
}

/* ------- funnel */

static const struct mistake funnel_mistakes[] = {
    {"{funnel: {}, every: 1d}",
     "m.yaml:18:7: error: 'funnel' lacks 'per'\n"
     "  m: {funnel: {}, every: 1d}\n"
     "      ^~~~~~\n"
     "m.yaml:18:7: error: 'funnel' lacks 'timeout'\n"
     "  m: {funnel: {}, every: 1d}\n"
     "      ^~~~~~\n"
     "m.yaml:18:7: error: 'funnel' lacks 'steps'\n"
     "  m: {funnel: {}, every: 1d}\n"
     "      ^~~~~~\n"},
    {"{funnel: {per: user_id, timeout: 1h, steps: [{s: b}]}, every: 1d}",
     "m.yaml:18:21: error: 'per' must be a list of columns, such as [user_id]\n"
     "  m: {funnel: {per: user_id, timeout: 1h, steps: [{s: b}]}, every: 1d}\n"
     "                    ^~~~~~~\n"},
    {"{funnel: {per: [], timeout: 1h, steps: [{s: b}]}, every: 1d}",
     "m.yaml:18:21: error: a funnel is per entity, and more if wanted; 'user_id' is missing\n"
     "  m: {funnel: {per: [], timeout: 1h, steps: [{s: b}]}, every: 1d}\n"
     "                    ^\n"},
    {"{funnel: {per: [a, b], timeout: 1h, steps: [{s: b}]}, every: 1d}",
     "m.yaml:18:21: error: a funnel is per entity, and more if wanted; 'user_id' is missing\n"
     "  m: {funnel: {per: [a, b], timeout: 1h, steps: [{s: b}]}, every: 1d}\n"
     "                    ^\n"},
    {"{funnel: {per: [user_ids, a], timeout: 1h, steps: [{s: b}]}, every: 1d}",
     "m.yaml:18:22: error: unknown column 'user_ids'; did you mean 'user_id'?\n"
     "  m: {funnel: {per: [user_ids, a], timeout: 1h, steps: [{s: b}]}, every: 1d}\n"
     "                     ^~~~~~~~\n"},
    {"{funnel: {per: [user_id, a, user_id], timeout: 1h, steps: [{s: b}]}, every: 1d}",
     "m.yaml:18:34: error: column 'user_id' stands in 'per' twice\n"
     "  m: {funnel: {per: [user_id, a, user_id], timeout: 1h, steps: [{s: b}]}, every: 1d}\n"
     "                                 ^~~~~~~\n"},
    {"{funnel: {per: [user_id, [a], ''], timeout: 1h, steps: [{s: b}]}, every: 1d}",
     "m.yaml:18:31: error: 'per' must be a list of columns, such as [os, region]\n"
     "  m: {funnel: {per: [user_id, [a], ''], timeout: 1h, steps: [{s: b}]}, every: 1d}\n"
     "                              ^\n"
     "m.yaml:18:36: error: unknown column ''\n"
     "  m: {funnel: {per: [user_id, [a], ''], timeout: 1h, steps: [{s: b}]}, every: 1d}\n"
     "                                   ^~\n"},
    {"{funnel: {per: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a], timeout: 1h, steps: [{s: b}]}, every: "
     "1d}",
     "m.yaml:18:21: error: 'per' has 17 columns; at most 16 are possible\n"
     "  m: {funnel: {per: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a], timeout: 1h, steps: [{s: b}]}, "
     "every: 1d}\n"
     "                    ^\n"},
    {"{funnel: {per: [user_id], timeout: soon, steps: }, every: 1d}",
     "m.yaml:18:41: error: 'soon' is not a time; write a number and ms, s, m, h, d or w\n"
     "  m: {funnel: {per: [user_id], timeout: soon, steps: }, every: 1d}\n"
     "                                        ^~~~\n"
     "m.yaml:18:54: error: 'steps' must be a list of 1 to 16 steps, such as [{open: '..'}, {buy: "
     "'..'}]\n"
     "  m: {funnel: {per: [user_id], timeout: soon, steps: }, every: 1d}\n"
     "                                                     ^\n"},
    {"{funnel: {per: [user_id], timeout: 1h, steps: "
     "[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}}",
     "m.yaml:18:3: error: metric 'm' has no window; write 'every: 1h'\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: "
     "[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}}\n"
     "  ^\n"
     "m.yaml:18:52: error: 'steps' must be a list of 1 to 16 steps, such as [{open: '..'}, {buy: "
     "'..'}]\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: "
     "[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}}\n"
     "                                                   ^\n"},
    {"{funnel: {per: [user_id], timeout: 1h, steps: [s, {}, {t: b, u: b}, [v], {'': b}]}, every: "
     "1d}",
     "m.yaml:18:53: error: a step is a name and its condition: {start: 'kind == \"START\"'}\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [s, {}, {t: b, u: b}, [v], {'': b}]}, "
     "every: 1d}\n"
     "                                                    ^\n"
     "m.yaml:18:56: error: a step is a name and its condition: {start: 'kind == \"START\"'}\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [s, {}, {t: b, u: b}, [v], {'': b}]}, "
     "every: 1d}\n"
     "                                                       ^\n"
     "m.yaml:18:60: error: a step is a name and its condition: {start: 'kind == \"START\"'}\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [s, {}, {t: b, u: b}, [v], {'': b}]}, "
     "every: 1d}\n"
     "                                                           ^\n"
     "m.yaml:18:74: error: a step is a name and its condition: {start: 'kind == \"START\"'}\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [s, {}, {t: b, u: b}, [v], {'': b}]}, "
     "every: 1d}\n"
     "                                                                         ^\n"
     "m.yaml:18:80: error: the name of a step has 1 to 100 bytes\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [s, {}, {t: b, u: b}, [v], {'': b}]}, "
     "every: 1d}\n"
     "                                                                               ^~\n"},
    {"{funnel: {per: [user_id], timeout: 1h, steps: [{s: b}, {t: }, {u: [b]}, {s: b}]}, every: "
     "1d}",
     "m.yaml:18:65: error: 't' must be a condition in quotes, such as 'os == \"ios\"'\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [{s: b}, {t: }, {u: [b]}, {s: b}]}, "
     "every: 1d}\n"
     "                                                                ^\n"
     "m.yaml:18:72: error: 'u' must be a condition in quotes, such as 'os == \"ios\"'\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [{s: b}, {t: }, {u: [b]}, {s: b}]}, "
     "every: 1d}\n"
     "                                                                       ^\n"
     "m.yaml:18:79: error: there are two steps 's'\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [{s: b}, {t: }, {u: [b]}, {s: b}]}, "
     "every: 1d}\n"
     "                                                                              ^\n"},
    {"{funnel: {per: [user_id], timeout: 1h, steps: [{s: bb}, {t: n > \"x\"}, {u: b adn b}]}, "
     "every: 1d}",
     "m.yaml:18:57: error: unknown column 'bb'\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [{s: bb}, {t: n > \"x\"}, {u: b adn "
     "b}]}, every: 1d}\n"
     "                                                        ^~\n"
     "m.yaml:18:70: error: 'n' is int and cannot be compared with a string\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [{s: bb}, {t: n > \"x\"}, {u: b adn "
     "b}]}, every: 1d}\n"
     "                                                                     ^~~\n"
     "m.yaml:18:82: error: expected 'and', 'or' or the end, not 'adn'\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [{s: bb}, {t: n > \"x\"}, {u: b adn "
     "b}]}, every: 1d}\n"
     "                                                                                 ^~~\n"},
    {"{funnel: {per: [user_id], timeout: 1h, steps: [{s: b}], step: 1}, top: 3}",
     "m.yaml:18:3: error: metric 'm' has no window; write 'every: 1h'\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [{s: b}], step: 1}, top: 3}\n"
     "  ^\n"
     "m.yaml:18:62: error: unknown key 'step' in funnel; did you mean 'steps'?\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [{s: b}], step: 1}, top: 3}\n"
     "                                                             ^~~~\n"
     "m.yaml:18:72: error: 'top' does not go with funnel; remove it\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [{s: b}], step: 1}, top: 3}\n"
     "                                                                       ^~~\n"},
};

static void test_funnel_mistakes(void **state)
{
    (void)state;
    check_mistakes(funnel_mistakes, COUNT(funnel_mistakes));
}

static void test_funnel(void **state)
{
    static const uint32_t per[] = {0, 1, 2, 4, 5, 6, 7, 3, 8}; /* a column of every type */
    (void)state;
    struct fixture fixture;
    const struct tide_metric *metric =
        load(&fixture,
             "{every: 1w, by: [n], where: not b, funnel: {per: [id, kind, at_, a, b, n, x, "
             "user_id, g], timeout: 90s, steps: [{'Add to cart': b}, {buy: 'n > 1'}]}}");
    const struct tide_funnel_plan *funnel = metric->funnel;
    assert_int_equal(metric->kind, TIDE_METRIC_FUNNEL);
    assert_int_equal(metric->column, TIDE_COLUMN_NONE);
    assert_non_null(funnel);
    assert_int_equal(funnel->per_count, COUNT(per));
    assert_memory_equal(funnel->per, per, sizeof(per));
    assert_int_equal(funnel->timeout.us, 90 * TIDE_US_PER_SECOND);
    assert_int_equal(funnel->step_count, 2);
    assert_true(tide_view_equal(funnel->step_names[0], TIDE_VIEW("Add to cart")));
    assert_true(tide_view_equal(funnel->step_names[1], TIDE_VIEW("buy")));
    for (uint32_t i = 0; i < 2; i++) {
        bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
        tide_expression_columns(funnel->steps[i], used);
        assert_true(used[i == 0 ? 5 : 6] && !used[i == 0 ? 6 : 5]);
    }
    fixture_release(&fixture);
}

/* Sixteen steps, and names of up to 100 bytes. */
static void test_funnel_limits(void **state)
{
    (void)state;
    for (int size = 99; size <= 101; size++) {
        struct fixture fixture;
        struct tide_bytes text = {0};
        fixture_init(&fixture);
        tide_bytes_append_text(&text, "{every: 1d, funnel: {per: [user_id], timeout: 1h, steps: [");
        for (int i = 0; i < TIDE_FUNNEL_STEPS_MAX; i++) {
            tide_bytes_append_format(&text, "{%0*d: b}, ", size, i);
        }
        tide_bytes_append_text(&text, "]}}");
        const struct tide_definitions *definitions =
            fixture_load_metric(&fixture, "m", tide_bytes_terminated(&text));
        assert_int_equal(definitions != NULL, size <= 100);
        if (definitions != NULL) {
            assert_int_equal(definitions->metrics[0].funnel->step_count, TIDE_FUNNEL_STEPS_MAX);
        } else {
            assert_int_equal(fixture.diagnostics.error_count, TIDE_FUNNEL_STEPS_MAX);
        }
        tide_bytes_release(&text);
        fixture_release(&fixture);
    }
}

/* ------- retention */

static const struct mistake retention_mistakes[] = {
    {"{retention: {}}",
     "m.yaml:18:7: error: 'retention' lacks 'per'\n"
     "  m: {retention: {}}\n"
     "      ^~~~~~~~~\n"
     "m.yaml:18:7: error: 'retention' lacks 'period'\n"
     "  m: {retention: {}}\n"
     "      ^~~~~~~~~\n"
     "m.yaml:18:7: error: 'retention' lacks 'periods'\n"
     "  m: {retention: {}}\n"
     "      ^~~~~~~~~\n"},
    {"{retention: {per: a, period: 1h, periods: 0}}",
     "m.yaml:18:24: error: retention: 'per' must be the entity; write 'per: user_id'\n"
     "  m: {retention: {per: a, period: 1h, periods: 0}}\n"
     "                       ^\n"
     "m.yaml:18:35: error: '1h' is not a period of retention; write days or weeks, such as 1d or "
     "4w, of at most 100 years\n"
     "  m: {retention: {per: a, period: 1h, periods: 0}}\n"
     "                                  ^~\n"
     "m.yaml:18:48: error: periods '0' is not a number of 1..366\n"
     "  m: {retention: {per: a, period: 1h, periods: 0}}\n"
     "                                               ^\n"},
    {"{retention: {per: user_id, period: 1mo, periods: 367}, timezone: Europe/Berlin}",
     "m.yaml:18:41: error: '1mo' is not a period of retention; write days or weeks, such as 1d "
     "or 4w, of at most 100 years\n"
     "  m: {retention: {per: user_id, period: 1mo, periods: 367}, timezone: Europe/Berlin}\n"
     "                                        ^~~\n"
     "m.yaml:18:55: error: periods '367' is not a number of 1..366\n"
     "  m: {retention: {per: user_id, period: 1mo, periods: 367}, timezone: Europe/Berlin}\n"
     "                                                      ^~~\n"},
    {"{retention: {per: user_id, period: 30, periods: many}, timezone: UTC}",
     "m.yaml:18:41: error: '30' is not a period of retention; write days or weeks, such as 1d or "
     "4w, of at most 100 years\n"
     "  m: {retention: {per: user_id, period: 30, periods: many}, timezone: UTC}\n"
     "                                        ^~\n"
     "m.yaml:18:54: error: periods 'many' is not a number of 1..366\n"
     "  m: {retention: {per: user_id, period: 30, periods: many}, timezone: UTC}\n"
     "                                                     ^~~~\n"},
    {"{retention: {per: user_id, period: 40000d, periods: 99999999999}}",
     "m.yaml:18:41: error: '40000d' is not a period of retention; write days or weeks, such as "
     "1d or 4w, of at most 100 years\n"
     "  m: {retention: {per: user_id, period: 40000d, periods: 99999999999}}\n"
     "                                        ^~~~~~\n"
     "m.yaml:18:58: error: periods '99999999999' is not a number of 1..366\n"
     "  m: {retention: {per: user_id, period: 40000d, periods: 99999999999}}\n"
     "                                                         ^~~~~~~~~~~\n"},
    {"{retention: {per: user_id, period: 0w, periods: 1.5, mode: exact}}",
     "m.yaml:18:41: error: '0w' is not a period of retention; write days or weeks, such as 1d or "
     "4w, of at most 100 years\n"
     "  m: {retention: {per: user_id, period: 0w, periods: 1.5, mode: exact}}\n"
     "                                        ^~\n"
     "m.yaml:18:54: error: periods '1.5' is not a number of 1..366\n"
     "  m: {retention: {per: user_id, period: 0w, periods: 1.5, mode: exact}}\n"
     "                                                     ^~~\n"
     "m.yaml:18:65: error: unknown mode 'exact'; the only one is 'unbounded', else leave it out\n"
     "  m: {retention: {per: user_id, period: 0w, periods: 1.5, mode: exact}}\n"
     "                                                                ^~~~~\n"},
    {"{retention: {per: user_id, period: 1w, periods: -1, mode: [unbounded]}}",
     "m.yaml:18:54: error: periods '-1' is not a number of 1..366\n"
     "  m: {retention: {per: user_id, period: 1w, periods: -1, mode: [unbounded]}}\n"
     "                                                     ^~\n"
     "m.yaml:18:64: error: 'mode' must be 'unbounded'\n"
     "  m: {retention: {per: user_id, period: 1w, periods: -1, mode: [unbounded]}}\n"
     "                                                               ^\n"},
    {"{retention: {per: user_id, periods: 8, modus: x}, by: [a], every: 1d}",
     "m.yaml:18:7: error: 'retention' lacks 'period'\n"
     "  m: {retention: {per: user_id, periods: 8, modus: x}, by: [a], every: 1d}\n"
     "      ^~~~~~~~~\n"
     "m.yaml:18:45: error: unknown key 'modus' in retention\n"
     "  m: {retention: {per: user_id, periods: 8, modus: x}, by: [a], every: 1d}\n"
     "                                            ^~~~~\n"
     "m.yaml:18:56: error: 'by' does not go with retention; remove it\n"
     "  m: {retention: {per: user_id, periods: 8, modus: x}, by: [a], every: 1d}\n"
     "                                                       ^~\n"
     "m.yaml:18:65: error: 'every' does not go with retention; remove it\n"
     "  m: {retention: {per: user_id, periods: 8, modus: x}, by: [a], every: 1d}\n"
     "                                                                ^~~~~\n"},
};

static void test_retention_mistakes(void **state)
{
    (void)state;
    check_mistakes(retention_mistakes, COUNT(retention_mistakes));
}

static void test_retention(void **state)
{
    static const struct {
        const char *metric;
        enum tide_window_unit unit;
        int64_t size;
        uint32_t period_count;
        bool is_unbounded;
        bool has_zone;
    } cases[] = {
        {"{retention: {per: user_id, period: 1d, periods: 1}}",
         TIDE_WINDOW_DAYS,
         1,
         1,
         false,
         false},
        {"{retention: {periods: 366, period: 3w, mode: unbounded, per: user_id}, where: b, "
         "timezone: America/New_York}",
         TIDE_WINDOW_WEEKS,
         3,
         366,
         true,
         true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        const struct tide_metric *metric = load(&fixture, cases[i].metric);
        assert_int_equal(metric->kind, TIDE_METRIC_RETENTION);
        assert_int_equal(metric->every.unit, cases[i].unit);
        assert_int_equal(metric->every.size, cases[i].size);
        assert_int_equal(metric->every.zone != NULL, cases[i].has_zone);
        assert_int_equal(metric->retention.period_count, cases[i].period_count);
        assert_int_equal(metric->retention.is_unbounded, cases[i].is_unbounded);
        fixture_release(&fixture);
    }
}

/* ------- ratio */

static const struct mistake ratio_mistakes[] = {
    {"{ratio: [a, b, c]}",
     "m.yaml:18:14: error: a ratio is of two metrics: [crashed_devices, all_devices]\n"
     "  m: {ratio: [a, b, c]}\n"
     "             ^\n"},
    {"{ratio: [a, '']}",
     "m.yaml:18:14: error: a ratio is of two metrics: [crashed_devices, all_devices]\n"
     "  m: {ratio: [a, '']}\n"
     "             ^\n"},
    {"{ratio: [m, m]}",
     "m.yaml:18:15: error: 'm' is ratio, and a ratio is of count, distinct, sum, min, max or "
     "approx_distinct\n"
     "  m: {ratio: [m, m]}\n"
     "              ^\n"
     "m.yaml:18:18: error: 'm' is ratio, and a ratio is of count, distinct, sum, min, max or "
     "approx_distinct\n"
     "  m: {ratio: [m, m]}\n"
     "                 ^\n"},
    {"{ratio: [mm], every: 1h, by: [a], where: zz, timezone: UTC, top: 3}",
     "m.yaml:18:14: error: a ratio is of two metrics: [crashed_devices, all_devices]\n"
     "  m: {ratio: [mm], every: 1h, by: [a], where: zz, timezone: UTC, top: 3}\n"
     "             ^\n"
     "m.yaml:18:20: error: 'every' does not go with ratio; remove it\n"
     "  m: {ratio: [mm], every: 1h, by: [a], where: zz, timezone: UTC, top: 3}\n"
     "                   ^~~~~\n"
     "m.yaml:18:31: error: 'by' does not go with ratio; remove it\n"
     "  m: {ratio: [mm], every: 1h, by: [a], where: zz, timezone: UTC, top: 3}\n"
     "                              ^~\n"
     "m.yaml:18:40: error: 'where' does not go with ratio; remove it\n"
     "  m: {ratio: [mm], every: 1h, by: [a], where: zz, timezone: UTC, top: 3}\n"
     "                                       ^~~~~\n"
     "m.yaml:18:51: error: 'timezone' does not go with ratio; remove it\n"
     "  m: {ratio: [mm], every: 1h, by: [a], where: zz, timezone: UTC, top: 3}\n"
     "                                                  ^~~~~~~~\n"
     "m.yaml:18:66: error: 'top' does not go with ratio; remove it\n"
     "  m: {ratio: [mm], every: 1h, by: [a], where: zz, timezone: UTC, top: 3}\n"
     "                                                                 ^~~\n"},
};

static void test_ratio_mistakes(void **state)
{
    (void)state;
    check_mistakes(ratio_mistakes, COUNT(ratio_mistakes));
}

static void test_ratio(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct tide_metric *metric = load(&fixture,
                                            "{ratio: [q, p]}\n"
                                            "  p: {sum: n, by: [a], every: 1d}\n"
                                            "  q: {count: events, by: [g, a], every: 1d}");
    assert_int_equal(metric->kind, TIDE_METRIC_RATIO);
    assert_int_equal(metric->parts[0], 2);
    assert_int_equal(metric->parts[1], 1);
    assert_int_equal(metric->by_count, 2); /* those of the one above the line */
    assert_int_equal(metric->by[0], 8);
    assert_int_equal(metric->by[1], 4);
    assert_false(tide_u128_equal(metric->hash, (struct tide_u128){0, 0}));
    fixture_release(&fixture);
}

static void test_ratio_of_every_kind_with_one_value(void **state)
{
    static const char *const parts[] = {"count: events",
                                        "distinct: user_id",
                                        "distinct: user_id, having: 'count() > 1'",
                                        "distinct: a",
                                        "sum: x",
                                        "min: n",
                                        "max: at_",
                                        "approx_distinct: a",
                                        "count: events, top: 3"};
    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct fixture fixture;
        char text[200];
        (void)snprintf(text, sizeof(text), "{ratio: [p, p]}\n  p: {%s, every: 1h}", parts[i]);
        (void)load(&fixture, text);
        fixture_release(&fixture);
    }
}

/* ------- nodes of the wrong kind */

static const struct {
    const char *metric; /* with a place for the node */
    const char *nodes;  /* that it must not be: n(othing), t(ext), l(ist), m(apping) */
    const char *message;
} wrong_kinds[] = {
    {"{quantiles: %s, of: n, every: 1h}",
     "ntlm",
     "18:18: error: quantiles must be a list of 1 to 16 numbers, such as [0.5, 0.95]"},
    {"{quantiles: [1], of: %s, every: 1h}",
     "nlm",
     "18:27: error: 'of' must be the name of a column"},
    {"{sessions: %s, every: 1d}",
     "ntl",
     "18:17: error: 'sessions' must be a mapping, such as {per: user_id, timeout: 30m}"},
    {"{sessions: {per: %s, timeout: 1h}, every: 1d}",
     "nlm",
     "18:23: error: 'per' must be the name of a column"},
    {"{sessions: {per: user_id, timeout: %s}, every: 1d}",
     "nlm",
     "18:41: error: 'timeout' must be a time, such as 30m"},
    {"{funnel: %s, every: 1d}",
     "ntl",
     "18:15: error: 'funnel' must be a mapping, such as {per: [user_id], timeout: 30m, steps: "
     "[{open: '..'}, {buy: '..'}]}"},
    {"{funnel: {per: %s, timeout: 1h, steps: [{s: b}]}, every: 1d}",
     "nm",
     "18:21: error: 'per' must be a list of columns, such as [os, region]"},
    {"{funnel: {per: [user_id], timeout: %s, steps: [{s: b}]}, every: 1d}",
     "nlm",
     "18:41: error: 'timeout' must be a time, such as 30m"},
    {"{funnel: {per: [user_id], timeout: 1h, steps: %s}, every: 1d}",
     "ntlm",
     "18:52: error: 'steps' must be a list of 1 to 16 steps, such as [{open: '..'}, {buy: '..'}]"},
    {"{funnel: {per: [user_id], timeout: 1h, steps: [{s: %s}]}, every: 1d}",
     "nlm",
     "18:57: error: 's' must be a condition in quotes, such as 'os == \"ios\"'"},
    {"{retention: %s}",
     "ntl",
     "18:18: error: 'retention' must be a mapping, such as {per: user_id, period: 1w, periods: 8}"},
    {"{retention: {per: %s, period: 1d, periods: 8}}",
     "nlm",
     "18:24: error: 'per' must be the name of a column"},
    {"{retention: {per: user_id, period: %s, periods: 8}}",
     "nlm",
     "18:41: error: 'period' must be in days or weeks, such as 1w"},
    {"{retention: {per: user_id, period: 1w, periods: %s}}",
     "nlm",
     "18:54: error: 'periods' must be a number"},
    {"{retention: {per: user_id, period: 1w, periods: 8, mode: %s}}",
     "nlm",
     "18:63: error: 'mode' must be 'unbounded'"},
    {"{ratio: %s}",
     "ntlm",
     "18:14: error: a ratio is of two metrics: [crashed_devices, all_devices]"},
    {"{ratio: [a, %s]}",
     "lm",
     "18:14: error: a ratio is of two metrics: [crashed_devices, all_devices]"},
};

/* One message each, and nothing that follows from it. */
static void test_wrong_kinds(void **state)
{
    static const struct {
        char letter;
        const char *text;
    } nodes[] = {{'n', ""}, {'n', "''"}, {'t', "text"}, {'l', "[]"}, {'m', "{}"}};
    (void)state;
    for (size_t i = 0; i < COUNT(wrong_kinds) * COUNT(nodes); i++) {
        const size_t k = i / COUNT(nodes);
        const size_t node = i % COUNT(nodes);
        struct fixture fixture;
        char text[200];
        if (strchr(wrong_kinds[k].nodes, nodes[node].letter) == NULL) {
            continue;
        }
        fixture_init(&fixture);
        const char *place = strstr(wrong_kinds[k].metric, "%s");
        (void)snprintf(text,
                       sizeof(text),
                       "%.*s%s%s",
                       (int)(place - wrong_kinds[k].metric),
                       wrong_kinds[k].metric,
                       nodes[node].text,
                       place + 2);
        assert_null(fixture_load_metric(&fixture, "m", text));
        const char *errors = fixture_errors(&fixture);
        assert_int_equal(strncmp(errors, "m.yaml:", 7), 0);
        assert_int_equal(
            strncmp(errors + 7, wrong_kinds[k].message, strlen(wrong_kinds[k].message)), 0);
        assert_int_equal(errors[7 + strlen(wrong_kinds[k].message)], '\n');
        assert_int_equal(fixture.diagnostics.error_count, 1);
        fixture_release(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantile_mistakes),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_session_mistakes),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_funnel_mistakes),
        cmocka_unit_test(test_funnel),
        cmocka_unit_test(test_funnel_limits),
        cmocka_unit_test(test_retention_mistakes),
        cmocka_unit_test(test_retention),
        cmocka_unit_test(test_ratio_mistakes),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_ratio_of_every_kind_with_one_value),
        cmocka_unit_test(test_wrong_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
