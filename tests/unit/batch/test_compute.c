/* Goal: cells of every kind, and the audit's sums, are what the rows say; what cannot be is
 * refused.
 * Method: a lake written by hand whose numbers are worked out by hand. That SQL and the engine
 * agree on many events is shown in serve/test_api_barrier.c. */
#include "fixture.h"

#include "batch/compute.h"
#include "batch/lake_engine.h"

static const struct fixture_event events[] = {
    {0, "a", "ann", "1500000", 1, 7, true, -1, 2, 0, 0, 0},
    {60, "a", "bob", "2000000", -1, INT64_MAX, true, 3, -4, 0, 4, 1},
    {3600, "b", "ann", NULL, 0, INT64_MAX, true, 5, 6, 1, 9, 0},
    {7200, "a", NULL, "-999999999999999999", 1, 0, false, INT64_MIN, 8, 1, 10, 2},
};

static struct fixture *fixture;
static struct tide_lake_view *view;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open();
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        fixture_add_event(fixture, &events[i]);
    }
    fixture_add_rejected(fixture, "type", 0, 2, 0);
    fixture_add_rejected(fixture, "type", 0, 3, 1);
    fixture_add_rejected(fixture, "json_invalid", 0, 1, 0);
    fixture_add_rejected(fixture, "too_old", 2, 17, 0);
    fixture_commit(fixture);
    view = fixture_view(fixture, NULL, 0);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    tide_lake_view_close(view);
    fixture_close(fixture);
    return 0;
}

/* "start|group|count distinct events sum extreme|ranks|steps". */
struct lines {
    char lines[16][256];
    uint32_t count;
};

static enum tide_status add_line(void *context, const struct tide_batch_cell *cell)
{
    struct lines *lines = context;
    struct tide_bytes text = {0};
    char number[TIDE_DECIMAL_TEXT_MAX];
    char start[TIDE_CIVIL_TEXT_MAX];
    (void)tide_civil_format(cell->window.start, start);
    tide_bytes_append_format(&text, "%s|", start);
    for (size_t at = 0; at < cell->group.size;) {
        tide_value_write_json(tide_value_decode(cell->group, &at), &text);
        tide_bytes_append_byte(&text, '|');
    }
    (void)tide_decimal_format(cell->sum, 0, number);
    tide_bytes_append_format(&text,
                             "%llu %llu %llu %s %lld|",
                             (unsigned long long)cell->count,
                             (unsigned long long)cell->distinct,
                             (unsigned long long)cell->events,
                             number,
                             (long long)cell->extreme);
    for (uint32_t i = 0; i < cell->rank_count; i++) {
        tide_bytes_append_format(&text, i == 0 ? "%lld" : " %lld", (long long)cell->ranks[i]);
    }
    tide_bytes_append_byte(&text, '|');
    for (uint32_t k = 0; k < cell->step_count; k++) {
        tide_bytes_append_format(&text,
                                 k == 0 ? "%llu/%llu" : " %llu/%llu",
                                 (unsigned long long)cell->steps[k].reached,
                                 (unsigned long long)cell->steps[k].entities);
    }
    assert_true(lines->count < 16);
    (void)snprintf(lines->lines[lines->count++], 256, "%s", tide_bytes_terminated(&text));
    tide_bytes_release(&text);
    return TIDE_OK;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void computes_every_kind(void **state)
{
    static const struct {
        const char *metric;
        const char *lines[4];
    } cases[] = {
        {"events_",
         {"2026-03-08T10:00:00Z|\"a\"|null|1 0 0 0 0||",
          "2026-03-08T10:00:00Z|\"a\"|true|1 0 0 0 0||",
          "2026-03-08T11:00:00Z|\"b\"|false|1 0 0 0 0||",
          "2026-03-08T12:00:00Z|\"a\"|true|1 0 0 0 0||"}},
        {"people", {"2026-03-01T00:00:00Z|0 2 0 0 0||"}},
        {"total", {"2026-03-08T00:00:00Z|3 0 0 -999999999996499999 0||"}},
        {"ints", {"2026-03-02T00:00:00Z|3 0 0 18446744073709551621 0||"}},
        {"average", {"2026-03-08T00:00:00Z|3 0 0 -999999999996499999 0||"}},
        {"least",
         {"2026-03-08T00:00:00Z|\"a\"|1 0 0 0 -999999999999999999||",
          "2026-03-08T00:00:00Z|\"b\"|0 0 0 0 0||"}},
        {"most", {"2026-03-08T00:00:00Z|1772964000000000|1 0 0 0 9223372036854775807||"}},
        {"sorts",
         {"2026-03-08T00:00:00Z|\"A\"|3 0 0 0 0||", "2026-03-08T00:00:00Z|\"other\"|1 0 0 0 0||"}},
        {"kinds", {"2026-03-08T00:00:00Z|0 2 0 0 0||"}},
        {"loud", {"2026-03-08T00:00:00Z|0 1 0 0 0||"}}, /* ann */
        {"slide",
         {"2026-03-08T09:00:00Z|1 0 0 0 0||",
          "2026-03-08T10:00:00Z|1 0 0 0 0||",
          "2026-03-08T11:00:00Z|1 0 0 0 0||",
          "2026-03-08T12:00:00Z|1 0 0 0 0||"}},
        {"top_kind", {"2026-03-08T00:00:00Z|\"a\"|3 0 0 0 0||"}},
        {"ranks",
         {"2026-03-08T00:00:00Z|\"a\"|3 0 0 0 0|-999999999999999999 1500000 2000000|",
          "2026-03-08T00:00:00Z|\"b\"|0 0 0 0 0||"}},
        {"visits", {"2026-03-08T00:00:00Z|3 3 3 0 0|0|"}},
        {"way", {"2026-03-08T00:00:00Z|2 0 0 3600000000 0|3600000000|2/2 1/1"}},
        {"back", {"2026-03-08T00:00:00Z|0 0 0 0 0||2/0 0/0 0/0"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lines lines = {.count = 0};
        struct tide_error error = {0};
        const struct tide_metric *metric =
            tide_definitions_find(fixture->definitions, tide_view_of(cases[i].metric));
        assert_non_null(metric);
        fixture_check(
            tide_batch_compute(
                tide_lake_engine(view), fixture->definitions, metric, add_line, &lines, &error),
            &error);
        qsort(lines.lines, lines.count, sizeof(lines.lines[0]), compare_lines);
        for (uint32_t line = 0; line < 4; line++) {
            const char *wanted = cases[i].lines[line] == NULL ? "" : cases[i].lines[line];
            assert_string_equal(lines.lines[line], wanted);
        }
    }
}

static void tells_how_far_events_go(void **state)
{
    (void)state;
    struct tide_error error = {0};
    uint64_t reads[3] = {7, 7, 7};
    fixture_check(tide_batch_reads(tide_lake_engine(view), reads, 3, &error), &error);
    assert_int_equal(reads[0], 5); /* beyond the events; rejected records touch no window */
    assert_int_equal(reads[1], 11);
    assert_int_equal(reads[2], 0);
    assert_int_equal(tide_batch_reads(tide_lake_engine(view), reads, 1, &error), TIDE_REJECT);
}

static void audits(void **state)
{
    (void)state;
    struct tide_batch_audit audits[4];
    struct tide_error error = {0};
    fixture_check(tide_batch_audit(tide_lake_engine(view), audits, 4, &error), &error);
    assert_int_equal(audits[0].events, 2);
    assert_int_equal(audits[0].distinct_uids, 2);
    assert_true(audits[0].uids.high == 2);             /* -1 + 3 */
    assert_true(audits[0].uids.low == UINT64_MAX - 1); /* 2 - 4 */
    assert_int_equal(audits[0].rejected[TIDE_REASON_TYPE], 2);
    assert_int_equal(audits[0].rejected[TIDE_REASON_JSON_INVALID], 1);
    assert_int_equal(audits[0].last_offset, 4);
    assert_int_equal(audits[1].events, 2);
    assert_true(audits[1].uids.high == (UINT64_C(1) << 63) + 5);
    assert_int_equal(audits[1].last_offset, 10);
    assert_int_equal(audits[2].events, 0);
    assert_int_equal(audits[2].rejected[TIDE_REASON_TOO_OLD], 1);
    assert_int_equal(audits[2].last_offset, 17);
    assert_int_equal(audits[3].events, 0);
    assert_int_equal(audits[3].last_offset, -1);
    assert_int_equal(tide_batch_audit(tide_lake_engine(view), audits, 2, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "partition 2, outside 0..1"));
}

static void sees_rows_that_are_there_twice(void **state)
{
    (void)state;
    struct tide_batch_audit audit;
    struct tide_error error = {0};
    struct fixture *own = fixture_open();
    fixture_add_event(own, &events[0]);
    fixture_commit(own);
    fixture_add_event(own, &events[0]);
    fixture_commit(own);
    struct tide_lake_view *twice = fixture_view(own, NULL, 0);
    fixture_check(tide_batch_audit(tide_lake_engine(twice), &audit, 1, &error), &error);
    assert_int_equal(audit.events, 2);
    assert_int_equal(audit.distinct_uids, 1);
    tide_lake_view_close(twice);
    fixture_close(own);
}

static void refuses_a_strange_reason(void **state)
{
    (void)state;
    struct tide_batch_audit audit;
    struct tide_error error = {0};
    struct fixture *own = fixture_open();
    fixture_add_rejected(own, "accepted", 0, 0, 0);
    fixture_commit(own);
    struct tide_lake_view *strange = fixture_view(own, NULL, 0);
    assert_int_equal(tide_batch_audit(tide_lake_engine(strange), &audit, 1, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "'accepted'"));
    tide_lake_view_close(strange);
    fixture_close(own);
}

static enum tide_status stop(void *context, const struct tide_batch_cell *cell)
{
    unsigned *count = context;
    (void)cell;
    (*count)++;
    return TIDE_AGAIN;
}

static void ends_when_the_visitor_says_so(void **state)
{
    (void)state;
    unsigned count = 0;
    const struct tide_metric *metric =
        tide_definitions_find(fixture->definitions, TIDE_VIEW("events_"));
    assert_int_equal(tide_batch_compute(
                         tide_lake_engine(view), fixture->definitions, metric, stop, &count, NULL),
                     TIDE_AGAIN);
    assert_int_equal(count, 1);
}

static enum tide_status visit_any(void *context, const struct tide_batch_cell *cell)
{
    (void)context;
    (void)cell;
    return TIDE_OK;
}

/* Instead of the lake a table of our own: values that no lake holds give cells that cannot be. */
static void refuses_what_cannot_be(void **state)
{
    (void)state;
    struct tide_error error = {0};
    struct fixture *own = fixture_open();
    struct tide_lake_view *strange = fixture_view(own, NULL, 0);
    const struct tide_metric *least = tide_definitions_find(own->definitions, TIDE_VIEW("least"));
    fixture_check(
        tide_duckdb_query(
            tide_lake_view_connection(strange),
            TIDE_VIEW("DROP VIEW events; CREATE TABLE events AS SELECT 0::BIGINT AS event_time, "
                      "'a' AS kind, 9e30::DECIMAL(38, 6) AS amount"),
            NULL,
            NULL,
            &error),
        &error);
    assert_int_equal(
        tide_batch_compute(
            tide_lake_engine(strange), own->definitions, least, visit_any, NULL, &error),
        TIDE_REJECT);
    assert_string_equal(error.text, "the SQL of metric least gave a value that cannot be");
    fixture_check(tide_duckdb_query(tide_lake_view_connection(strange),
                                    TIDE_VIEW("CREATE OR REPLACE TABLE events AS SELECT "
                                              "0::BIGINT AS event_time, 1 AS kind, 1 AS amount"),
                                    NULL,
                                    NULL,
                                    &error),
                  &error);
    assert_int_equal(
        tide_batch_compute(
            tide_lake_engine(strange), own->definitions, least, visit_any, NULL, &error),
        TIDE_REJECT);
    assert_string_equal(error.text, "column kind of the result has the wrong type");
    tide_lake_view_close(strange);
    fixture_close(own);
}

static void computes_nothing_from_nothing(void **state)
{
    (void)state;
    struct tide_error error = {0};
    unsigned count = 0;
    struct fixture *own = fixture_open();
    struct tide_lake_view *empty = fixture_view(own, NULL, 0);
    for (uint32_t i = 0; i < own->definitions->metric_count; i++) {
        const struct tide_metric *metric = &own->definitions->metrics[i];
        if (metric->kind != TIDE_METRIC_RATIO) {
            fixture_check(
                tide_batch_compute(
                    tide_lake_engine(empty), own->definitions, metric, stop, &count, &error),
                &error);
        }
    }
    assert_int_equal(count, 0);
    tide_lake_view_close(empty);
    fixture_close(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_every_kind),
        cmocka_unit_test(tells_how_far_events_go),
        cmocka_unit_test(audits),
        cmocka_unit_test(sees_rows_that_are_there_twice),
        cmocka_unit_test(refuses_a_strange_reason),
        cmocka_unit_test(ends_when_the_visitor_says_so),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(computes_nothing_from_nothing),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
