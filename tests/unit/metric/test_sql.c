/* Goal: the texts of the kinds that aggregate rows, of their top groups and of ratios.
 * Method: whole texts. What they mean is shown by tests/property/test_sql.py and
 * tests/stack/test_spark_sql.py, which run them on both engines against the oracle. */
#include "unit/metric/sql_fixture.h"

#define ASSERT_SQL(cases) assert_sql((cases), sizeof(cases) / sizeof((cases)[0]))

static void test_aggregates(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {count: events, every: 1h}",
         {{0}, {0}},
         "SELECT _start, _end, COUNT(*) AS _value\n"
         "FROM (SELECT " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end"},
        {"  m: {count: events, every: 1h, by: [n, b], where: b and n > 1}",
         {{0}, {0}},
         "SELECT _start, _end, n, b, COUNT(*) AS _value\n"
         "FROM (SELECT b, n, " SQL_HOURLY "\n"
         "WHERE (COALESCE(b, FALSE) AND COALESCE(n >= 2, FALSE))) AS _c\n"
         "GROUP BY _start, _end, n, b"},
        {"  m: {distinct: a, every: 1h, by: [a]}",
         {{0}, {0}},
         "SELECT _start, _end, a, COUNT(DISTINCT a) AS _value\n"
         "FROM (SELECT a, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end, a"},
        {"  m: {approx_distinct: g, every: 1h}",
         {{0}, {0}},
         "SELECT _start, _end, COUNT(DISTINCT g) AS _value\n"
         "FROM (SELECT g, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end"},
        {"  m: {sum: n, every: 1h}",
         {{0}, {0}},
         "SELECT _start, _end, COUNT(n) AS _count, "
         "CAST(SUM(CAST(n AS DECIMAL(38, 0))) AS STRING) AS _sum\n"
         "FROM (SELECT n, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end"},
        {"  m: {mean: x, every: 1h, by: [a], top: 3}", /* whoever divides cuts it */
         {{0}, {0}},
         "SELECT _start, _end, a, COUNT(x) AS _count, "
         "CAST(SUM(CAST(x AS DECIMAL(38, 6))) AS STRING) AS _sum\n"
         "FROM (SELECT a, x, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end, a"},
        {"  m: {min: x, every: 1h}",
         {{0}, {0}},
         "SELECT _start, _end, CAST(MIN(x) AS STRING) AS _value\n"
         "FROM (SELECT x, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end"},
        {"  m: {max: at_, every: 1h}",
         {{0}, {0}},
         "SELECT _start, _end, CAST(MAX(at_) AS STRING) AS _value\n"
         "FROM (SELECT at_, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end"},
    };
    (void)state;
    ASSERT_SQL(cases);
}

static void test_sliding_aggregates(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {count: events, by: [a], every: 1h, over: 2h, where: b}",
         {{0}, {0}},
         "SELECT _start, _end, a, CAST(SUM(_part) AS BIGINT) AS _value\n" SQL_SLIDE
         "SELECT a, _pane, COUNT(*) AS _part\n"
         "FROM (SELECT a, " SQL_PANE "\n"
         "WHERE COALESCE(b, FALSE)) AS _r\n"
         "GROUP BY _pane, a" SQL_SLIDE_END ") AS _c\n"
         "GROUP BY _start, _end, a"},
        {"  m: {distinct: user_id, every: 1h, over: 2h}",
         {{0}, {0}},
         "SELECT _start, _end, COUNT(DISTINCT user_id) AS _value\n" SQL_SLIDE
         "SELECT DISTINCT user_id, " SQL_PANE SQL_SLIDE_END ") AS _c\n"
         "GROUP BY _start, _end"},
        {"  m: {mean: x, every: 1h, over: 2h}",
         {{0}, {0}},
         "SELECT _start, _end, CAST(SUM(_number) AS BIGINT) AS _count, "
         "CAST(SUM(CAST(_part AS DECIMAL(38, 6))) AS STRING) AS _sum\n" SQL_SLIDE
         "SELECT _pane, COUNT(x) AS _number, SUM(CAST(x AS DECIMAL(38, 6))) AS _part\n"
         "FROM (SELECT x, " SQL_PANE ") AS _r\n"
         "GROUP BY _pane" SQL_SLIDE_END ") AS _c\n"
         "GROUP BY _start, _end"},
        {"  m: {max: n, by: [b], every: 1h, over: 2h}",
         {{0}, {0}},
         "SELECT _start, _end, b, CAST(MAX(_part) AS STRING) AS _value\n" SQL_SLIDE
         "SELECT b, _pane, MAX(n) AS _part\n"
         "FROM (SELECT b, n, " SQL_PANE ") AS _r\n"
         "GROUP BY _pane, b" SQL_SLIDE_END ") AS _c\n"
         "GROUP BY _start, _end, b"},
    };
    (void)state;
    ASSERT_SQL(cases);
}

static void test_having(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {distinct: user_id, having: 'count() > 2 or distinct(n) == 1', by: [a], every: 1h}",
         {{0}, {0}},
         "SELECT _start, _end, a, COUNT(CASE WHEN _holds THEN user_id END) AS _value\n"
         "FROM (SELECT _start, _end, a, user_id, (COALESCE(COUNT(*) >= 3, FALSE) OR "
         "COALESCE(COUNT(DISTINCT n) = 1, FALSE)) AS _holds\n"
         "FROM (SELECT user_id, a, n, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end, a, user_id) AS _h\n"
         "GROUP BY _start, _end, a"},
        {"  m: {distinct: user_id, having: 'distinct(a) >= 2', by: [user_id], every: 1h, over: 2h}",
         {{0}, {0}},
         "SELECT _start, _end, user_id, COUNT(CASE WHEN _holds THEN user_id END) AS _value\n"
         "FROM (SELECT _start, _end, user_id, COALESCE(COUNT(DISTINCT a) >= 2, FALSE) AS "
         "_holds\n" SQL_SLIDE "SELECT user_id, a, " SQL_PANE SQL_SLIDE_END ") AS _c\n"
         "GROUP BY _start, _end, user_id) AS _h\n"
         "GROUP BY _start, _end, user_id"},
    };
    (void)state;
    ASSERT_SQL(cases);
}

#define PLACES "FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY _start, _end ORDER BY "

static void test_top(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {count: events, by: [a], every: 1h, top: 20}",
         {{0}, {0}},
         "SELECT _start, _end, a, _value\n" PLACES
         "_value DESC NULLS LAST, a ASC NULLS FIRST) AS _place\n"
         "FROM (SELECT _start, _end, a, COUNT(*) AS _value\n"
         "FROM (SELECT a, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end, a) AS _t) AS _u\n"
         "WHERE _place <= 20"},
        {"  m: {sum: x, by: [b, n], every: 1h, top: 3}",
         {{0}, {0}},
         "SELECT _start, _end, b, n, _count, _sum\n" PLACES
         "CAST(_sum AS DECIMAL(38, 6)) DESC NULLS LAST, b ASC NULLS FIRST, "
         "n ASC NULLS FIRST) AS _place\n"
         "FROM (SELECT _start, _end, b, n, COUNT(x) AS _count, "
         "CAST(SUM(CAST(x AS DECIMAL(38, 6))) AS STRING) AS _sum\n"
         "FROM (SELECT b, n, x, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end, b, n) AS _t) AS _u\n"
         "WHERE _place <= 3"},
        {"  m: {max: n, every: 1h, top: 1}",
         {{0}, {0}},
         "SELECT _start, _end, _value\n" PLACES
         "CAST(_value AS DECIMAL(38, 0)) DESC NULLS LAST) AS _place\n"
         "FROM (SELECT _start, _end, CAST(MAX(n) AS STRING) AS _value\n"
         "FROM (SELECT n, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end) AS _t) AS _u\n"
         "WHERE _place <= 1"},
    };
    (void)state;
    ASSERT_SQL(cases);
}

#define NUMERATOR                                                                                  \
    "CASE WHEN _a._end IS NULL THEN '0' ELSE CAST(_a._value AS STRING) END AS _numerator,\n"

static void test_ratio(void **state)
{
    static const struct sql_case cases[] = {
        {"  above: {count: events, every: 1h, by: [a, b]}\n"
         "  below: {sum: n, every: 1h, by: [b]}\n"
         "  m: {ratio: [above, below]}",
         {{0}, {0}},
         "WITH _a AS (SELECT _start, _end, a, b, COUNT(*) AS _value\n"
         "FROM (SELECT a, b, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end, a, b),\n"
         "_b AS (SELECT _start, _end, b, COUNT(n) AS _count, "
         "CAST(SUM(CAST(n AS DECIMAL(38, 0))) AS STRING) AS _sum\n"
         "FROM (SELECT b, n, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end, b)\n"
         "SELECT COALESCE(_b._start, _a._start) AS _start, COALESCE(_a._end, _b._end) AS _end, "
         "_a.a, COALESCE(_a.b, _b.b) AS b,\n" NUMERATOR
         "CASE WHEN _b._end IS NULL THEN '0' ELSE CAST(_b._sum AS STRING) END AS _denominator\n"
         "FROM _a LEFT JOIN _b ON _a._end = _b._end AND _a.b IS NOT DISTINCT FROM _b.b"},
        {"  above: {count: events, every: 1h, by: [a], top: 1}\n"
         "  below: {max: n, every: 1h, by: [a]}\n"
         "  m: {ratio: [above, below]}",
         {{0}, {0}},
         "WITH _a AS (SELECT _start, _end, a, _value\n" PLACES
         "_value DESC NULLS LAST, a ASC NULLS FIRST) AS _place\n"
         "FROM (SELECT _start, _end, a, COUNT(*) AS _value\n"
         "FROM (SELECT a, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end, a) AS _t) AS _u\n"
         "WHERE _place <= 1),\n"
         "_b AS (SELECT _start, _end, a, CAST(MAX(n) AS STRING) AS _value\n"
         "FROM (SELECT a, n, " SQL_HOURLY ") AS _c\n"
         "GROUP BY _start, _end, a)\n"
         "SELECT COALESCE(_b._start, _a._start) AS _start, COALESCE(_a._end, _b._end) AS _end, "
         "COALESCE(_a.a, _b.a) AS a,\n" NUMERATOR
         "CASE WHEN _b._end IS NULL THEN '0' ELSE CAST(_b._value AS STRING) END AS _denominator\n"
         "FROM _a FULL JOIN _b ON _a._end = _b._end AND _a.a IS NOT DISTINCT FROM _b.a"},
    };
    (void)state;
    ASSERT_SQL(cases);
}

/* The other kinds have files of their own; that each is written at all is shown here. */
static void test_every_kind_begins(void **state)
{
    static const struct {
        const char *metrics;
        const char *begin;
    } cases[] = {
        {"  m: {quantiles: [0.5], of: x, every: 1h}", "WITH _rows AS ("},
        {"  m: {sessions: {per: user_id, timeout: 30m}, every: 1d}", "WITH _input AS ("},
        {"  m: {funnel: {per: [user_id], timeout: 1m, steps: [{s: b}]}, every: 1d}",
         "WITH _steps AS ("},
        {"  m: {retention: {per: user_id, period: 1d, periods: 1}}", "WITH _seen AS ("},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes sql = {0};
        sql_of(cases[i].metrics, (struct tide_window){{0}, {0}}, &sql);
        assert_true(tide_view_starts_with(tide_bytes_view(&sql), tide_view_of(cases[i].begin)));
        tide_bytes_release(&sql);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aggregates),
        cmocka_unit_test(test_sliding_aggregates),
        cmocka_unit_test(test_having),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_every_kind_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
