/* Goal: the worse of two states wins with its reason; rows of one part become one; the exit follows
 * from the rows; people read units and programs read numbers. Method: reports made by hand. */
#include "cli/health_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct tide_health_report *report;
static struct tide_health_report *other;

static int open_reports(void **state)
{
    (void)state;
    report = calloc(1, sizeof(*report));
    other = calloc(1, sizeof(*other));
    return report == NULL || other == NULL ? -1 : 0;
}

static int close_reports(void **state)
{
    (void)state;
    free(report);
    free(other);
    return 0;
}

static void add(struct tide_health_report *into, const char *part, enum tide_health_state state)
{
    tide_health_add_row(into, part)->state = state;
}

static void test_exit(void **state)
{
    (void)state;
    assert_int_equal(tide_health_exit(report), TIDE_EXIT_OK);
    add(report, "a", TIDE_HEALTH_IDLE);
    assert_int_equal(tide_health_exit(report), TIDE_EXIT_OK);
    add(report, "b", TIDE_HEALTH_DOWN);
    assert_int_equal(tide_health_exit(report), TIDE_EXIT_CONNECT);
    add(report, "c", TIDE_HEALTH_DEGRADED);
    assert_int_equal(tide_health_exit(report), TIDE_EXIT_CHECK_FAILED);
    report->row_count = 0;
    add(report, "a", TIDE_HEALTH_UP);
    assert_int_equal(tide_health_exit(report), TIDE_EXIT_OK);
    add(report, "b", TIDE_HEALTH_DEGRADED);
    assert_int_equal(tide_health_exit(report), TIDE_EXIT_CHECK_FAILED);
}

static void test_worsen(void **state)
{
    (void)state;
    struct tide_health_row *row = tide_health_add_row(report, "a");
    tide_health_worsen(row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("first"));
    tide_health_worsen(row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("second"));
    assert_true(tide_view_equal(row->why, TIDE_VIEW("first")));
    tide_health_worsen(row, TIDE_HEALTH_DOWN, TIDE_VIEW("third"));
    assert_int_equal(row->state, TIDE_HEALTH_DOWN);
    assert_true(tide_view_equal(row->why, TIDE_VIEW("third")));
    tide_health_worsen(row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("fourth"));
    assert_int_equal(row->state, TIDE_HEALTH_DOWN);
    assert_true(tide_view_equal(row->why, TIDE_VIEW("third")));
}

static void test_merge(void **state)
{
    (void)state;
    add(report, "log", TIDE_HEALTH_UP);
    report->rows[0].where = TIDE_VIEW("Kafka");
    report->rows[0].size_bytes = 10;
    add(report, "lake", TIDE_HEALTH_IDLE);
    report->rows[1].why = TIDE_VIEW("nothing is there");
    struct tide_health_row *row = tide_health_add_row(other, "log");
    row->where = TIDE_VIEW("Kafka a:1");
    row->size_bytes = 99;
    row->lag_unit = "records";
    row->lag = 7;
    tide_health_add_number(row, "brokers", 2);
    tide_health_worsen(row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("one is gone"));
    tide_health_add_row(other, "log")->name = TIDE_VIEW("events");
    add(other, "lake", TIDE_HEALTH_UP);
    tide_health_merge(report, other);
    assert_int_equal(report->row_count, 3);
    assert_int_equal(report->rows[0].state, TIDE_HEALTH_DEGRADED);
    assert_true(tide_view_equal(report->rows[0].where, TIDE_VIEW("Kafka a:1")));
    assert_int_equal(report->rows[0].size_bytes, 10);
    assert_int_equal(report->rows[0].lag, 7);
    assert_int_equal(report->rows[0].fact_count, 1);
    assert_true(tide_view_equal(report->rows[1].name, TIDE_VIEW("events")));
    assert_true(tide_view_equal(report->rows[2].part, TIDE_VIEW("lake")));
    assert_int_equal(report->rows[2].state, TIDE_HEALTH_UP);
    assert_int_equal(report->rows[2].why.size, 0);
}

static void test_limits(void **state)
{
    (void)state;
    for (int i = 0; i < TIDE_HEALTH_ROWS_MAX + 5; i++) {
        add(report, "a", TIDE_HEALTH_UP);
    }
    assert_int_equal(report->row_count, TIDE_HEALTH_ROWS_MAX);
    add(other, "b", TIDE_HEALTH_UP);
    tide_health_merge(report, other);
    assert_int_equal(report->row_count, TIDE_HEALTH_ROWS_MAX);
    for (int i = 0; i < TIDE_HEALTH_FACTS_MAX + 5; i++) {
        tide_health_add_number(&report->rows[0], "n", i);
    }
    assert_int_equal(report->rows[0].fact_count, TIDE_HEALTH_FACTS_MAX);
}

static void test_texts(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    struct tide_health_row *row = tide_health_add_row(report, "service");
    row->where = TIDE_VIEW("http://a");
    row->lag_unit = "records";
    row->lag = 12;
    row->free_bytes = UINT64_C(3) << 29;
    row->size_bytes = UINT64_C(250) << 30;
    tide_health_add_number(row, "uptime_s", 90061);
    tide_health_add_number(row, "checkpoint_age_s", 0);
    tide_health_add_number(row, "wait_s", 3600);
    tide_health_add_number(row, "log_bytes", 512);
    tide_health_add_text(row, "version", TIDE_VIEW("0.1.0"));
    tide_health_add_text(row, "nothing", (struct tide_view){0});
    row = tide_health_add_row(report, "log");
    row->name = TIDE_VIEW("events");
    tide_health_worsen(row, TIDE_HEALTH_DOWN, TIDE_VIEW("it \"fails\""));
    tide_health_add_number(row, "partitions", 6);
    add(report, "batch", TIDE_HEALTH_IDLE);
    tide_health_write_table(report, &text);
    assert_string_equal(
        tide_bytes_terminated(&text),
        "part        state  lag         disk                     where     what it says\n"
        "service     up     12 records  1.5 GiB free of 250 GiB  http://a  uptime 1d 1h, "
        "checkpoint age 0s, wait 1h, log 512 B, version 0.1.0\n"
        "log events  down                                                  it \"fails\", "
        "partitions 6\n"
        "batch       -\n");
    tide_bytes_reset(&text);
    tide_health_write_ndjson(report, &text);
    assert_string_equal(
        tide_bytes_terminated(&text),
        "{\"part\":\"service\",\"state\":\"up\",\"where\":\"http://a\",\"lag\":12,"
        "\"free_bytes\":1610612736,\"size_bytes\":268435456000,\"uptime_s\":90061,"
        "\"checkpoint_age_s\":0,\"wait_s\":3600,\"log_bytes\":512,\"version\":\"0.1.0\"}\n"
        "{\"part\":\"log\",\"name\":\"events\",\"state\":\"down\",\"why\":\"it \\\"fails\\\"\","
        "\"partitions\":6}\n"
        "{\"part\":\"batch\",\"state\":\"idle\"}\n");
    tide_bytes_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_exit, open_reports, close_reports),
        cmocka_unit_test_setup_teardown(test_worsen, open_reports, close_reports),
        cmocka_unit_test_setup_teardown(test_merge, open_reports, close_reports),
        cmocka_unit_test_setup_teardown(test_limits, open_reports, close_reports),
        cmocka_unit_test_setup_teardown(test_texts, open_reports, close_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
