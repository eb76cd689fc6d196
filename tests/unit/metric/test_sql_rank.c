/* Goal: quantiles compare ranks as products, in tumbling and sliding windows.
 * Method: whole texts. */
#include "unit/metric/sql_fixture.h"

static void test_quantiles(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {quantiles: [0.5, 0.999, 1], of: x, by: [a], every: 1h, where: b}",
         {{0}, {0}},
         "WITH _rows AS (SELECT a, x, " SQL_HOURLY "\n"
         "WHERE COALESCE(b, FALSE)),\n"
         "_ranks AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY _start, _end, a "
         "ORDER BY x ASC NULLS LAST) AS _rank,\n"
         "COUNT(x) OVER (PARTITION BY _start, _end, a) AS _ranked FROM _rows AS _c)\n"
         "SELECT _start, _end, a, COUNT(x) AS _count,\n"
         "CAST(MIN(CASE WHEN _rank * 10 >= _ranked * 5 THEN x END) AS STRING) AS _quantile0,\n"
         "CAST(MIN(CASE WHEN _rank * 1000 >= _ranked * 999 THEN x END) AS STRING) AS _quantile1,\n"
         "CAST(MIN(CASE WHEN _rank * 1 >= _ranked * 1 THEN x END) AS STRING) AS _quantile2\n"
         "FROM _ranks AS _r\n"
         "GROUP BY _start, _end, a"},
        {"  m: {quantiles: [0], of: n, every: 1h, over: 2h}",
         {{0}, {0}},
         "WITH _rows AS (SELECT _p.*, _pane + _shift - 7200000000 AS _start, "
         "_pane + _shift AS _end\n"
         "FROM (SELECT n, " SQL_PANE SQL_SLIDE_END "),\n"
         "_ranks AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY _start, _end "
         "ORDER BY n ASC NULLS LAST) AS _rank,\n"
         "COUNT(n) OVER (PARTITION BY _start, _end) AS _ranked FROM _rows AS _c)\n"
         "SELECT _start, _end, COUNT(n) AS _count,\n"
         "CAST(MIN(CASE WHEN _rank * 1 >= _ranked * 0 THEN n END) AS STRING) AS _quantile0\n"
         "FROM _ranks AS _r\n"
         "GROUP BY _start, _end"},
    };
    (void)state;
    assert_sql(cases, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_quantiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
