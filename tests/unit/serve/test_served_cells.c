/* Goal: each window is served of one generation, the one that the rule says, also of ratios,
 * funnels and windows whose cells have gone.
 * Method: a service and batch runs over its lake; after each thing that happens, the generation and
 * the number of every window as the API tells them. */
#include "generation_fixture.h"

#include "serve/served_cells.h"

static struct fixture *fixture;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open_definitions(KINDS_TEXT, NULL, 3);
    kinds_send(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

/* The cells of a metric, a line each: "10 batch 4 r1", with the window's hour (or its day),
 * generation, number and revision; equal lines of a window once. */
static void list(const char *path, struct tide_bytes *text)
{
    char whole[256];
    (void)snprintf(whole, sizeof(whole), "/api/v1/metrics/%s", path);
    if (fixture_ask(fixture, "GET", whole) != 200) {
        fail_msg("%s: %s", whole, fixture_body(fixture));
    }
    const struct tide_view body = tide_view_of(fixture_body(fixture));
    const struct tide_json *cells = tide_json_get(fixture_json(fixture, body), "cells");
    assert_non_null(cells);
    static const char *const numbers[] = {"value", "count", "sessions", "entered", "size"};
    for (const struct tide_json *cell = cells->first; cell != NULL; cell = cell->next) {
        struct tide_view start = {0};
        struct tide_view generation = {0};
        const struct tide_json *number = NULL;
        uint64_t revision = 0;
        assert_true(tide_json_get_text(cell, "generation", &generation));
        assert_true(tide_json_get_u64(cell, "revision", &revision));
        if (tide_json_get_text(cell, "cohort", &start)) {
            start = tide_view_slice(start, 8, 2);
        } else {
            assert_true(tide_json_get_text(cell, "start", &start));
            start = tide_view_slice(start, 8, 5);
        }
        for (size_t i = 0; number == NULL && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
            number = tide_json_get(cell, numbers[i]);
        }
        assert_non_null(number);
        tide_bytes_append_format(text,
                                 "%.*s %.*s %.*s r%llu; ",
                                 TIDE_VIEW_ARGUMENTS(start),
                                 TIDE_VIEW_ARGUMENTS(generation),
                                 TIDE_VIEW_ARGUMENTS(number->source),
                                 (unsigned long long)revision);
        assert_int_equal(tide_json_get(cell, "exact")->kind == TIDE_JSON_TRUE ||
                             tide_view_equal(generation, TIDE_VIEW("speed")),
                         true);
    }
}

static void expect(const char *path, const char *wanted)
{
    struct tide_bytes text = {0};
    list(path, &text);
    if (strcmp(tide_bytes_terminated(&text), wanted) != 0) {
        fail_msg("%s\n  is %s\n  not %s", path, tide_bytes_terminated(&text), wanted);
    }
    tide_bytes_release(&text);
}

static void is_speed_before_a_batch(void **state)
{
    (void)state;
    expect("hourly", "08T10 speed 4 r4; 08T12 speed 1 r1; 09T12 speed 1 r1; ");
    expect("share?filter=region%20is%20null", "08T12 speed 1 r2; ");
    expect("visits",
           "08T10 speed 1 r1; 08T10 speed 1 r2; 08T10 speed 1 r1; 08T12 speed 1 r1; "
           "09T12 speed 1 r1; ");
}

static void is_batch_after_one(void **state)
{
    (void)state;
    assert_int_equal(batch_commit(fixture, NULL, BATCH_ALL), 1);
    expect("hourly", "08T10 batch 4 r1; 08T12 batch 1 r1; 09T12 batch 1 r1; ");
    expect("people", "08T00 batch 3 r1; 09T00 batch 1 r1; ");
    expect("two_days", "07T00 batch 3 r1; 08T00 batch 4 r1; 09T00 batch 1 r1; ");
    expect("visits",
           "08T10 batch 1 r1; 08T10 batch 1 r1; 08T10 batch 1 r1; 08T12 batch 1 r1; "
           "09T12 batch 1 r1; ");
    expect("back", "08 batch 3 r1; 09 batch 1 r1; ");
    expect("share?filter=region%20is%20null", "08T12 batch 1 r1; ");
    expect("best", "08T00 batch 2 r1; 09T00 batch 1 r1; ");
    /* What a batch cut to the top cannot be narrowed. */
    expect("best?filter=region%20is%20null", "08T00 speed 1 r1; ");
    /* A span that has windows of the batch alone, or none. */
    expect("hourly?from=2026-03-08T11:00:00Z&to=2026-03-08T13:00:00Z", "08T12 batch 1 r1; ");
    expect("hourly?from=2026-03-10", "");
}

static void is_speed_again_where_an_event_came(void **state)
{
    (void)state;
    fixture_event_of_kind(fixture, "look", "eve", 5 * MINUTE, ",\"region\":\"north\"");
    fixture_settle(fixture);
    expect("hourly", "08T10 speed 5 r5; 08T12 batch 1 r1; 09T12 batch 1 r1; ");
    expect("people", "08T00 speed 4 r6; 09T00 batch 1 r1; ");
    expect("two_days", "07T00 speed 4 r6; 08T00 speed 5 r7; 09T00 batch 1 r1; ");
    expect("back", "08 speed 4 r4; 09 batch 1 r1; ");
    /* Both parts, or neither. */
    expect("share?filter=region%20is%20null", "08T12 batch 1 r1; ");
    expect("share?filter=region%20==%20%22%22", "08T10 speed 0.2 r6; ");
    assert_int_equal(fixture_ask(fixture, "POST", "/api/v1/barrier"), 200);
    expect("hourly",
           "08T10 speed 5 r5; 08T12 batch 1 r1; 09T12 batch 1 r1; "); /* a batch decides */
    assert_int_equal(batch_commit(fixture, "hourly", hours_of(0, 1)), 2);
    expect("hourly", "08T10 batch 5 r2; 08T12 batch 1 r1; 09T12 batch 1 r1; ");
    /* Of the ratio's parts only one is of a batch there. */
    expect("share?filter=region%20==%20%22%22", "08T10 speed 0.2 r6; ");
    assert_int_equal(batch_commit(fixture, "events_", hours_of(0, 1)), 3);
    expect("share?filter=region%20==%20%22%22", "08T10 batch 0.2 r2; ");
}

/* A session that begins earlier after all leaves its window without a cell. */
static void is_speed_where_nothing_is_left(void **state)
{
    (void)state;
    expect("visits?from=2026-03-08T11:00:00Z&to=2026-03-08T13:00:00Z", "08T12 batch 1 r1; ");
    fixture_event_of_kind(fixture, "look", "cid", 2 * HOUR - 20 * MINUTE, "");
    fixture_settle(fixture);
    expect("visits?from=2026-03-08T11:00:00Z&to=2026-03-08T13:00:00Z", "08T11 speed 1 r2; ");
    assert_int_equal(fixture_ask(fixture, "POST", "/api/v1/barrier"), 200);
    assert_int_equal(batch_commit(fixture, "visits", BATCH_ALL), 4);
    expect("visits?from=2026-03-08T11:00:00Z&to=2026-03-08T13:00:00Z", "08T11 batch 1 r4; ");
}

/* A batch calls abandoned what has not come yet; the clock may still say that it can. */
static void is_speed_while_a_run_is_open(void **state)
{
    (void)state;
    static const char *const path = "way?from=2026-03-09T13:00:00Z";
    /* The last event of each partition: its clock is at most this far. */
    fixture_event_of_kind(fixture, "look", "ann", 27 * HOUR, "");
    fixture_event_of_kind(fixture, "look", "fay", 28 * HOUR, "");
    for (unsigned i = 0; i < 8; i++) {
        char user[8];
        (void)snprintf(user, sizeof(user), "clock%u", i);
        fixture_event_of_kind(fixture, "other", user, 28 * HOUR, "");
    }
    fixture_settle(fixture);
    assert_int_equal(fixture_ask(fixture, "POST", "/api/v1/barrier"), 200);
    assert_int_equal(batch_commit(fixture, "way", BATCH_ALL), 5);
    expect(path, "09T13 batch 1 r5; 09T14 speed 1 r1; ");
    for (unsigned i = 0; i < 8; i++) {
        char user[8];
        (void)snprintf(user, sizeof(user), "clock%u", i);
        fixture_event_of_kind(fixture, "other", user, 29 * HOUR, "");
    }
    fixture_settle(fixture);
    expect(path, "09T13 batch 1 r5; 09T14 batch 1 r5; ");
}

/* A log that was cut, or begun anew, knows nothing of what the lake has. */
static void has_windows_that_partitions_do_not_know(void **state)
{
    (void)state;
    struct tide_cell_table *table = NULL;
    struct tide_served_cells *served = NULL;
    struct tide_result *result = NULL;
    struct tide_cell_request request = {0};
    struct tide_error error = {0};
    const struct tide_metric *metric =
        tide_definitions_find(fixture->definitions, TIDE_VIEW("hourly"));
    const uint32_t index = (uint32_t)(metric - fixture->definitions->metrics);
    const uint64_t reads[FIXTURE_PARTITIONS_MAX] = {0};
    struct tide_batch_run run = {7, BATCH_ALL, reads};
    const struct tide_cell_value value = {.events = 99, .count = 99};
    fixture_check(tide_cell_table_create(fixture->definitions->schema, metric, &table, &error),
                  &error);
    for (int64_t hour = -5; hour < 1; hour++) {
        fixture_check(
            tide_cell_table_add(table, hours_of(hour, hour + 1), (struct tide_view){"", 0}, &value),
            &error);
    }
    tide_cell_table_finish(table);
    const struct tide_batch_series series = {&run, 1, table};
    const struct tide_batch_series *const both[2] = {&series, NULL};
    const struct tide_cell_scope scope = {
        index, {hours_of(-2, 0).start, TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN}};
    fixture_check(tide_cell_request_init(
                      &request, fixture->definitions, fixture->partition_count, &scope, &error),
                  &error);
    request.wants_changes = true;
    assert_true(tide_engine_visit(fixture->engine, tide_cell_request_visit, &request));
    fixture_check(tide_served_cells_create(&request, index, both, &served, &error), &error);
    request.overlay = tide_served_cells_overlay(served);
    fixture_check(tide_cell_request_result(&request, index, NULL, &result, &error), &error);
    assert_true(tide_result_count(result) > 3);
    for (uint64_t i = 0; i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        const struct tide_served_cells_row found = tide_served_cells_row(served, &row);
        const bool is_before = row.window.start.us < FIXTURE_START_US;
        assert_int_equal(found.choice.generation,
                         is_before ? TIDE_GENERATION_BATCH : TIDE_GENERATION_SPEED);
        assert_int_equal(found.run, is_before ? 7 : 0);
        assert_int_equal(row.value->count == 99, is_before);
        assert_true(row.window.start.us >= hours_of(-2, 0).start.us);
    }
    tide_result_destroy(result);
    tide_served_cells_destroy(served);
    tide_served_cells_destroy(NULL);
    tide_cell_request_release(&request);
    tide_cell_table_destroy(table);
}

static void serves_speed_where_batches_cannot_be_read(void **state)
{
    (void)state;
    struct fixture *own = fixture_open_definitions(KINDS_TEXT, "hourly", 1);
    struct tide_error error = {0};
    fixture_event(own, "ann", 0, "");
    fixture_settle(own);
    fixture_check(own->store.operations->put_if_absent(
                      own->store.self,
                      "metrics/_delta_log/00000000000000000000.json",
                      TIDE_VIEW("{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7}}\n"),
                      &error),
                  &error);
    fixture_expect(own, "/api/v1/metrics/hourly", 200, "\"generation\": \"speed\"");
    fixture_expect(own, "/api/v1/metrics/hourly", 200, "\"value\": 1");
    fixture_close(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_speed_before_a_batch),
        cmocka_unit_test(is_batch_after_one),
        cmocka_unit_test(is_speed_again_where_an_event_came),
        cmocka_unit_test(is_speed_where_nothing_is_left),
        cmocka_unit_test(is_speed_while_a_run_is_open),
        cmocka_unit_test(has_windows_that_partitions_do_not_know),
        cmocka_unit_test(serves_speed_where_batches_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
