/* Goal: rows find their windows: by arithmetic in UTC, by the calendar of the span elsewhere; the
 * calendar has a row for each window and day of UTC in the span, and no more.
 * Method: whole texts around changes of the clocks, and the number of rows of wide spans. */
#include "unit/metric/sql_fixture.h"

#define DAY INT64_C(86400000000)
#define JOIN_END                                                                                   \
    ") AS _w(_day, _from, _to)\n"                                                                  \
    "ON event_time - event_time % 86400000000 = _day AND event_time >= _from AND event_time < _to"

static void test_arithmetic(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {count: events, every: 2d}",
         {{0}, {0}},
         "SELECT _start, _end, COUNT(*) AS _value\n"
         "FROM (SELECT event_time - event_time % 172800000000 AS _start, "
         "event_time - event_time % 172800000000 + 172800000000 AS _end FROM events AS _e) AS _c\n"
         "GROUP BY _start, _end"},
        {"  m: {count: events, every: 1w}",
         {{0}, {0}},
         "SELECT _start, _end, COUNT(*) AS _value\n"
         "FROM (SELECT event_time - (event_time + 259200000000) % 604800000000 AS _start, "
         "event_time - (event_time + 259200000000) % 604800000000 + 604800000000 AS _end "
         "FROM events AS _e) AS _c\n"
         "GROUP BY _start, _end"},
    };
    (void)state;
    assert_sql(cases, 2);
}

/* New York, 2026-03-08 has 23 hours and begins at 05:00 UTC. */
static void test_calendar(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {count: events, by: [a], every: 1d, timezone: America/New_York, where: b}",
         {{1772946000000000},
          {1773014400000000 - 1}}, /* from its start to the end of its UTC day */
         "SELECT _start, _end, a, COUNT(*) AS _value\n"
         "FROM (SELECT a, CAST(_from AS BIGINT) AS _start, CAST(_to AS BIGINT) AS _end "
         "FROM events AS _e\n"
         "JOIN (VALUES (1772928000000000, 1772946000000000, 1773028800000000)" JOIN_END "\n"
         "WHERE COALESCE(b, FALSE)) AS _c\n"
         "GROUP BY _start, _end, a"},
        {"  m: {count: events, every: 1d, timezone: America/New_York}",
         {{1772946000000000 - 1}, {1773028800000000}},
         "SELECT _start, _end, COUNT(*) AS _value\n"
         "FROM (SELECT CAST(_from AS BIGINT) AS _start, CAST(_to AS BIGINT) AS _end "
         "FROM events AS _e\n"
         "JOIN (VALUES (1772928000000000, 1772859600000000, 1772946000000000), "
         "(1772928000000000, 1772946000000000, 1773028800000000), "
         "(1773014400000000, 1772946000000000, 1773028800000000), "
         "(1773014400000000, 1773028800000000, 1773115200000000)" JOIN_END ") AS _c\n"
         "GROUP BY _start, _end"},
    };
    (void)state;
    assert_sql(cases, 2);
}

/* Samoa had no 2011-12-30: the window that ends with it is there all the same. */
static void test_sliding_calendar(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {quantiles: [0.5], of: n, every: 1d, over: 2d, timezone: Pacific/Apia}",
         {{1325152800000000},
          {1325239200000000}}, /* 2011-12-29T10:00Z, its local midnight, + 1 d */
         "WITH _rows AS (SELECT _p.*, CAST(_from AS BIGINT) AS _start, CAST(_to AS BIGINT) AS "
         "_end\n"
         "FROM (SELECT n, _from AS _pane FROM events AS _e\n"
         "JOIN (VALUES (1325116800000000, 1325152800000000, 1325239200000000), "
         "(1325203200000000, 1325152800000000, 1325239200000000), "
         "(1325203200000000, 1325239200000000, 1325325600000000)" JOIN_END ") AS _p\n"
         "JOIN (VALUES (1325066400000000, 1325239200000000), (1325152800000000, 1325239200000000), "
         "(1325239200000000, 1325325600000000), (1325239200000000, 1325412000000000)) "
         "AS _v(_from, _to) ON _pane >= _from AND _pane < _to),\n"
         "_ranks AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY _start, _end ORDER BY n ASC NULLS "
         "LAST) AS _rank,\n"
         "COUNT(n) OVER (PARTITION BY _start, _end) AS _ranked FROM _rows AS _c)\n"
         "SELECT _start, _end, COUNT(n) AS _count,\n"
         "CAST(MIN(CASE WHEN _rank * 10 >= _ranked * 5 THEN n END) AS STRING) AS _quantile0\n"
         "FROM _ranks AS _r\n"
         "GROUP BY _start, _end"},
    };
    (void)state;
    assert_sql(cases, 1);
}

static size_t count_rows(const char *metric, struct tide_window span)
{
    struct tide_bytes sql = {0};
    size_t rows = 1;
    sql_of(metric, span, &sql);
    const char *at = strstr(tide_bytes_terminated(&sql), "(VALUES (");
    assert_non_null(at);
    for (at = strstr(at, "), ("); at != NULL; at = strstr(at + 1, "), (")) {
        rows++;
    }
    tide_bytes_release(&sql);
    return rows;
}

/* However wide the span, the calendar is written for 1970..2100 and once at least. */
static void test_calendars_are_bounded(void **state)
{
    static const struct {
        const char *metric;
        struct tide_window span;
        size_t rows;
    } cases[] = {
        {"  m: {count: events, every: 1mo}", {{INT64_MIN}, {INT64_MAX}}, 47482},
        {"  m: {count: events, every: 1mo}", {{INT64_MAX}, {INT64_MIN}}, 1},
        {"  m: {count: events, every: 1mo}", {{5}, {0}}, 1},
        {"  m: {count: events, every: 1mo}", {{0}, {DAY - 1}}, 1},
        {"  m: {count: events, every: 1mo}", {{0}, {DAY}}, 2},
        {"  m: {count: events, every: 1mo}", {{30 * DAY}, {31 * DAY}}, 2},
        {"  m: {count: events, every: 1mo, timezone: Asia/Tokyo}", {{30 * DAY}, {31 * DAY}}, 3},
        {"  m: {retention: {per: user_id, period: 1w, periods: 1}}", {{0}, {4 * DAY}}, 5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(count_rows(cases[i].metric, cases[i].span), cases[i].rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_sliding_calendar),
        cmocka_unit_test(test_calendars_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
