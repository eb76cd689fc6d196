/* Goal: the SQL of each kind and window, and literals that both engines read alike.
 * Method: whole texts. What they mean on DuckDB is what `tidemark verify` checks against the live
 * numbers. */
#include "metric/sql.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_literals(void **state)
{
    static const struct {
        struct tide_view text;
        const char *sql;
    } cases[] = {
        {{"", 0}, "''"},
        {{"abc", 3}, "'abc'"},
        {{"'", 1}, "CHR(39)"},
        {{"it's", 4}, "('it' || CHR(39) || 's')"},
        {{"\\n", 2}, "(CHR(92) || 'n')"},
        {{"${x}", 4}, "(CHR(36) || '{x}')"},
        {{"\n\t", 2}, "(CHR(10) || CHR(9))"},
        {{"a\0b", 3}, "('a' || CHR(0) || 'b')"},
        {{"\"\xc3\xa9\x7f", 4}, "'\"\xc3\xa9\x7f'"},
    };
    (void)state;
    struct tide_bytes sql = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tide_bytes_reset(&sql);
        tide_bytes_append_text(&sql, "x = ");
        tide_sql_literal(cases[i].text, &sql);
        assert_memory_equal(sql.data, "x = ", 4);
        assert_string_equal(tide_bytes_terminated(&sql) + 4, cases[i].sql);
    }
    tide_bytes_release(&sql);
}

#define HOURLY "FROM (SELECT *, event_time - event_time % 3600000000 AS _start FROM events) AS _e\n"

static void test_metrics(void **state)
{
    static const struct {
        const char *metric;
        const char *sql;
    } cases[] = {
        {"{count: events, every: 1h}",
         "SELECT _start, _start + 3600000000 AS _end, COUNT(*) AS _value\n" HOURLY
         "GROUP BY _start"},
        {"{count: events, every: 1h, by: [b, n], where: b and n > 1, top: 3}",
         "SELECT _start, _start + 3600000000 AS _end, b, n, COUNT(*) AS _value\n" HOURLY
         "WHERE (COALESCE(b, FALSE) AND COALESCE(n >= 2, FALSE))\n"
         "GROUP BY _start, b, n"},
        {"{distinct: user_id, every: 1h}",
         "SELECT _start, _start + 3600000000 AS _end, COUNT(DISTINCT user_id) AS _value\n" HOURLY
         "GROUP BY _start"},
        {"{sum: n, every: 1h}",
         "SELECT _start, _start + 3600000000 AS _end, COUNT(n) AS _count, "
         "CAST(SUM(CAST(n AS DECIMAL(38, 0))) AS STRING) AS _sum\n" HOURLY "GROUP BY _start"},
        {"{mean: x, every: 1h}",
         "SELECT _start, _start + 3600000000 AS _end, COUNT(x) AS _count, "
         "CAST(SUM(CAST(x AS DECIMAL(38, 6))) AS STRING) AS _sum\n" HOURLY "GROUP BY _start"},
        {"{min: x, every: 1h, by: [a]}",
         "SELECT _start, _start + 3600000000 AS _end, a, CAST(MIN(x) AS STRING) AS _value\n" HOURLY
         "GROUP BY _start, a"},
        {"{max: at_, every: 1h}",
         "SELECT _start, _start + 3600000000 AS _end, CAST(MAX(at_) AS STRING) AS _value\n" HOURLY
         "GROUP BY _start"},
        {"{count: events, every: 2d}",
         "SELECT _start, _start + 172800000000 AS _end, COUNT(*) AS _value\n"
         "FROM (SELECT *, event_time - event_time % 172800000000 AS _start FROM events) AS _e\n"
         "GROUP BY _start"},
        {"{count: events, every: 1w}",
         "SELECT _start, _start + 604800000000 AS _end, COUNT(*) AS _value\n"
         "FROM (SELECT *, event_time - (event_time + 259200000000) % 604800000000 AS _start "
         "FROM events) AS _e\n"
         "GROUP BY _start"},
        {"{count: events, every: 1mo, by: [a]}",
         "SELECT _start, _end, a, COUNT(*) AS _value\n"
         "FROM (SELECT _events.*, CAST(_window._start AS BIGINT) AS _start, "
         "CAST(_window._end AS BIGINT) AS _end\n"
         "FROM events AS _events JOIN (VALUES (0, 2678400000000), "
         "(2678400000000, 5097600000000)) AS _window(_start, _end)\n"
         "ON event_time >= _window._start AND event_time < _window._end) AS _e\n"
         "GROUP BY _start, _end, a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        struct tide_bytes text = {0};
        struct tide_bytes sql = {0};
        fixture_init(&fixture);
        tide_bytes_append_format(&text, FIXTURE_SCHEMA "metrics: {m: %s}\n", cases[i].metric);
        const struct tide_definitions *definitions =
            fixture_load(&fixture, tide_bytes_terminated(&text));
        assert_string_equal(fixture_errors(&fixture), "");
        const struct tide_window span = {{5}, {2678400000000}};
        tide_metric_sql(definitions, &definitions->metrics[0], span, &sql);
        assert_string_equal(tide_bytes_terminated(&sql), cases[i].sql);
        tide_bytes_release(&sql);
        tide_bytes_release(&text);
        fixture_release(&fixture);
    }
}

/* However wide the span, months are written for 1970..2100 and at least once. */
static void test_months_are_bounded(void **state)
{
    static const struct {
        struct tide_window span;
        size_t months;
    } cases[] = {
        {{{INT64_MIN}, {INT64_MAX}}, 130 * 12},
        {{{INT64_MAX}, {INT64_MIN}}, 1},
        {{{0}, {0}}, 1},
        {{{0}, {2678399999999}}, 1},
        {{{0}, {2678400000000}}, 2},
    };
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_definitions *definitions =
        fixture_load(&fixture, FIXTURE_SCHEMA "metrics: {m: {count: events, every: 1mo}}\n");
    assert_non_null(definitions);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes sql = {0};
        tide_metric_sql(definitions, &definitions->metrics[0], cases[i].span, &sql);
        const char *at = strstr(tide_bytes_terminated(&sql), "(VALUES (");
        assert_non_null(at);
        size_t months = 1;
        for (at = strstr(at, "), ("); at != NULL; at = strstr(at + 1, "), (")) {
            months++;
        }
        assert_int_equal(months, cases[i].months);
        tide_bytes_release(&sql);
    }
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_months_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
