/* What the tests of the SQL share: the text of one metric of the fixture's schema. */
#ifndef TIDE_UNIT_METRIC_SQL_FIXTURE_H
#define TIDE_UNIT_METRIC_SQL_FIXTURE_H

#include "metric/sql.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct sql_case {
    const char *metrics; /* YAML; the text of the last one is asked for */
    struct tide_window span;
    const char *sql;
};

/* The caller releases sql. */
static inline void sql_of(const char *metrics, struct tide_window span, struct tide_bytes *sql)
{
    struct fixture fixture;
    struct tide_bytes text = {0};
    fixture_init(&fixture);
    tide_bytes_append_format(&text, FIXTURE_SCHEMA "metrics:\n%s\n", metrics);
    const struct tide_definitions *definitions =
        fixture_load(&fixture, tide_bytes_terminated(&text));
    assert_string_equal(fixture_errors(&fixture), "");
    tide_metric_sql(definitions, &definitions->metrics[definitions->metric_count - 1], span, sql);
    tide_bytes_release(&text);
    fixture_release(&fixture);
}

static inline void assert_sql(const struct sql_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tide_bytes sql = {0};
        sql_of(cases[i].metrics, cases[i].span, &sql);
        if (strcmp(tide_bytes_terminated(&sql), cases[i].sql) != 0) {
            print_error("%s:\n%s\n", cases[i].metrics, tide_bytes_terminated(&sql));
        }
        assert_string_equal(tide_bytes_terminated(&sql), cases[i].sql);
        tide_bytes_release(&sql);
    }
}

/* Of events of an hourly window. */
#define SQL_HOURLY                                                                                 \
    "event_time - event_time % 3600000000 AS _start, "                                             \
    "event_time - event_time % 3600000000 + 3600000000 AS _end FROM events AS _e"
/* Of the panes of two hours, one each. */
#define SQL_PANE "event_time - event_time % 3600000000 AS _pane FROM events AS _e"
#define SQL_SLIDE                                                                                  \
    "FROM (SELECT _p.*, _pane + _shift - 7200000000 AS _start, _pane + _shift AS _end\n"           \
    "FROM ("
#define SQL_SLIDE_END                                                                              \
    ") AS _p\n"                                                                                    \
    "CROSS JOIN (VALUES (3600000000), (7200000000)) AS _v(_shift)"

#endif
