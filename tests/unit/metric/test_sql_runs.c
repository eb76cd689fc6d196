/* Goal: sessions and funnels are cut by gaps in one total order, and counted by their head's window
 * and group. Method: whole texts, with every part that a definition may leave out once with it and
 * once without. */
#include "unit/metric/sql_fixture.h"

/* From the runs, a row each, to their windows; and from the ranks of their durations to cells. */
#define CELLS                                                                                      \
    "_cells AS (SELECT *, event_time - event_time % 86400000000 AS _start, "                       \
    "event_time - event_time % 86400000000 + 86400000000 AS _end FROM _runs AS _e),\n"             \
    "_ranks AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY "
#define RANKED                                                                                     \
    " ORDER BY _time ASC NULLS LAST) AS _rank,\n"                                                  \
    "COUNT(_time) OVER (PARTITION BY "
#define DURATIONS                                                                                  \
    ",\nCAST(SUM(CAST(_time AS DECIMAL(38, 0))) AS STRING) AS _sum, "                              \
    "MIN(CASE WHEN _rank * 2 >= _ranked * 1 THEN _time END) AS _median\n"                          \
    "FROM _ranks AS _r\n"                                                                          \
    "GROUP BY "

static void test_sessions(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {sessions: {per: user_id, timeout: 30m}, by: [a], every: 1d, where: b}",
         {{0}, {0}},
         "WITH _input AS (SELECT user_id, a, event_time, uid_high, uid_low FROM events AS _e\n"
         "WHERE user_id IS NOT NULL AND COALESCE(b, FALSE)),\n"
         "_cuts AS (SELECT *, CASE WHEN event_time - (LAG(event_time) OVER _o) < 1800000000 "
         "THEN 0 ELSE 1 END AS _cut FROM _input AS _e\n"
         "WINDOW _o AS (PARTITION BY user_id ORDER BY event_time, a ASC NULLS FIRST, uid_high, "
         "uid_low)),\n"
         "_parts AS (SELECT *, SUM(_cut) OVER (PARTITION BY user_id ORDER BY event_time, "
         "a ASC NULLS FIRST, uid_high, uid_low ROWS UNBOUNDED PRECEDING) AS _run "
         "FROM _cuts AS _e),\n"
         "_facts AS (SELECT *, COUNT(*) OVER _s AS _size, "
         "(MAX(event_time) OVER _s) - event_time AS _time FROM _parts AS _e\n"
         "WINDOW _s AS (PARTITION BY user_id, _run)),\n"
         "_runs AS (SELECT * FROM _facts AS _f WHERE _cut = 1),\n" CELLS "_start, _end, a" RANKED
         "_start, _end, a) AS _ranked FROM _cells AS _c)\n"
         "SELECT _start, _end, a, COUNT(*) AS _sessions, CAST(SUM(_size) AS BIGINT) AS _events, "
         "COUNT(CASE WHEN _size = 1 THEN 1 END) AS _bounced" DURATIONS "_start, _end, a"},
    };
    (void)state;
    assert_sql(cases, 1);
}

static void test_funnels(void **state)
{
    static const struct sql_case cases[] = {
        {"  m: {funnel: {per: [user_id, a], timeout: 10m, steps: [{one: 'kind == \"A\"'}, "
         "{two: b}]}, by: [n], every: 1d, where: n > 0}",
         {{0}, {0}},
         "WITH _steps AS (SELECT user_id, a, n, event_time, uid_high, uid_low, "
         "CASE WHEN COALESCE(kind = 'A', FALSE) THEN 1 WHEN COALESCE(b, FALSE) THEN 2 END AS _step "
         "FROM events AS _e\n"
         "WHERE user_id IS NOT NULL AND a IS NOT NULL AND COALESCE(n >= 1, FALSE)),\n"
         "_input AS (SELECT * FROM _steps AS _s WHERE _step IS NOT NULL),\n"
         "_cuts AS (SELECT *, CASE WHEN event_time - (LAG(event_time) OVER _o) < 600000000 "
         "AND (LAG(_step) OVER _o) < 2 THEN 0 ELSE 1 END AS _cut FROM _input AS _e\n"
         "WINDOW _o AS (PARTITION BY user_id, a ORDER BY event_time, _step, n ASC NULLS FIRST, "
         "uid_high, uid_low)),\n"
         "_parts AS (SELECT *, SUM(_cut) OVER (PARTITION BY user_id, a ORDER BY event_time, _step, "
         "n ASC NULLS FIRST, uid_high, uid_low ROWS UNBOUNDED PRECEDING) AS _run "
         "FROM _cuts AS _e),\n"
         "_matched1 AS (SELECT *, MIN(CASE WHEN _step = 1 THEN event_time END) "
         "OVER (PARTITION BY user_id, a, _run) AS _t1,\n"
         "ROW_NUMBER() OVER (PARTITION BY user_id, a, _run ORDER BY "
         "CASE WHEN _step = 1 THEN 0 ELSE 1 END, event_time, _step, n ASC NULLS FIRST, uid_high, "
         "uid_low) AS _place FROM _parts AS _e),\n"
         "_matched2 AS (SELECT *, MIN(CASE WHEN _step = 2 AND event_time >= _t1 "
         "THEN event_time END) OVER (PARTITION BY user_id, a, _run) AS _t2 "
         "FROM _matched1 AS _e),\n"
         "_runs AS (SELECT *, _t2 - _t1 AS _time FROM _matched2 AS _e WHERE _place = 1),\n" CELLS
         "_start, _end, n" RANKED "_start, _end, n) AS _ranked FROM _cells AS _c)\n"
         "SELECT _start, _end, n,\n"
         "COUNT(_t1) AS _reached1, "
         "COUNT(DISTINCT CASE WHEN _t1 IS NOT NULL THEN user_id END) AS _entities1,\n"
         "COUNT(_t2) AS _reached2, "
         "COUNT(DISTINCT CASE WHEN _t2 IS NOT NULL THEN user_id END) AS _entities2,\n"
         "COUNT(*) - COUNT(_t1) AS _unmatched" DURATIONS "_start, _end, n"},
        {"  m: {funnel: {per: [user_id], timeout: 1s, steps: [{one: b}]}, every: 1d}",
         {{0}, {0}},
         "WITH _steps AS (SELECT user_id, event_time, uid_high, uid_low, "
         "CASE WHEN COALESCE(b, FALSE) THEN 1 END AS _step FROM events AS _e\n"
         "WHERE user_id IS NOT NULL),\n"
         "_input AS (SELECT * FROM _steps AS _s WHERE _step IS NOT NULL),\n"
         "_cuts AS (SELECT *, CASE WHEN event_time - (LAG(event_time) OVER _o) < 1000000 "
         "AND (LAG(_step) OVER _o) < 1 THEN 0 ELSE 1 END AS _cut FROM _input AS _e\n"
         "WINDOW _o AS (PARTITION BY user_id ORDER BY event_time, _step, uid_high, uid_low)),\n"
         "_parts AS (SELECT *, SUM(_cut) OVER (PARTITION BY user_id ORDER BY event_time, _step, "
         "uid_high, uid_low ROWS UNBOUNDED PRECEDING) AS _run FROM _cuts AS _e),\n"
         "_matched1 AS (SELECT *, MIN(CASE WHEN _step = 1 THEN event_time END) "
         "OVER (PARTITION BY user_id, _run) AS _t1,\n"
         "ROW_NUMBER() OVER (PARTITION BY user_id, _run ORDER BY "
         "CASE WHEN _step = 1 THEN 0 ELSE 1 END, event_time, _step, uid_high, uid_low) AS _place "
         "FROM _parts AS _e),\n"
         "_runs AS (SELECT *, _t1 - _t1 AS _time FROM _matched1 AS _e WHERE _place = 1),\n" CELLS
         "_start, _end" RANKED "_start, _end) AS _ranked FROM _cells AS _c)\n"
         "SELECT _start, _end,\n"
         "COUNT(_t1) AS _reached1, "
         "COUNT(DISTINCT CASE WHEN _t1 IS NOT NULL THEN user_id END) AS _entities1,\n"
         "COUNT(*) - COUNT(_t1) AS _unmatched" DURATIONS "_start, _end"},
    };
    (void)state;
    assert_sql(cases, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_funnels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
