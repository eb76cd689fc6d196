/* Goal: ages are distances in local days, and compare with the period in days.
 * Method: whole texts of both modes. */
#include "unit/metric/sql_fixture.h"

#define SEEN                                                                                       \
    "WITH _seen AS (SELECT DISTINCT user_id, CAST(_from AS BIGINT) AS _start, "                    \
    "CAST(_to AS BIGINT) AS _end, _number FROM events AS _e\n"                                     \
    "JOIN (VALUES "
#define SEEN_END                                                                                   \
    ") AS _w(_day, _from, _to, _number)\n"                                                         \
    "ON event_time - event_time % 86400000000 = _day AND event_time >= _from AND event_time < "    \
    "_to\n"                                                                                        \
    "WHERE user_id IS NOT NULL"

static void test_retention(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {retention: {per: user_id, period: 1w, periods: 2}, where: b}",
         {{0}, {0}}, /* of the week from Monday, 1969-12-29 */
         SEEN "(0, -259200000000, 345600000000, -3)" SEEN_END " AND COALESCE(b, FALSE)),\n"
              "_ages AS (SELECT MIN(_start) OVER (PARTITION BY user_id) AS _born, "
              "MIN(_end) OVER (PARTITION BY user_id) AS _grown, "
              "_number - MIN(_number) OVER (PARTITION BY user_id) AS _age FROM _seen AS _s)\n"
              "SELECT _born AS _start, _grown AS _end,\n"
              "COUNT(CASE WHEN _age = 0 THEN 1 END) AS _retained0,\n"
              "COUNT(CASE WHEN _age = 7 THEN 1 END) AS _retained1,\n"
              "COUNT(CASE WHEN _age = 14 THEN 1 END) AS _retained2\n"
              "FROM _ages AS _a\n"
              "GROUP BY _born, _grown"},
        {"  m: {retention: {per: user_id, period: 2d, periods: 1, mode: unbounded}, "
         "timezone: America/New_York}",
         {{18000000000}, {18000000000}},
         SEEN "(0, 18000000000, 190800000000, 0)" SEEN_END "),\n"
              "_ages AS (SELECT MIN(_start) AS _born, MIN(_end) AS _grown, "
              "MAX(_number) - MIN(_number) AS _age FROM _seen AS _s GROUP BY user_id)\n"
              "SELECT _born AS _start, _grown AS _end,\n"
              "COUNT(CASE WHEN _age >= 0 THEN 1 END) AS _retained0,\n"
              "COUNT(CASE WHEN _age >= 2 THEN 1 END) AS _retained1\n"
              "FROM _ages AS _a\n"
              "GROUP BY _born, _grown"},
    };
    (void)state;
    assert_sql(cases, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_retention)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
