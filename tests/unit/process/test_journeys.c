/* Goal: a journey's row says what the journey is, in columns and as a line of JSON: keys and groups
 * of every type and number of columns, (other), each outcome.
 * Method: a few events in an operator, told into rows; the line must parse and say the same. */
#include "process/journeys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "support/rows_column.h"
#include "unit/metric/fixture.h"

#include "base/banned.h"

enum {
    EVENTS_MAX = 16,
    EPOCH = 6
};

/* 2026-03-08T00:00:01Z */
#define SECOND_US INT64_C(1000000)
#define FIRST_US (INT64_C(1772928001) * SECOND_US)

struct event {
    const char *kind;
    const char *user; /* or NULL: nobody */
    const char *a;    /* or NULL */
    int64_t n;
    int64_t at_us;
};

struct scene {
    struct fixture fixture;
    struct tide_definitions *definitions;
    struct tide_operator *funnel;
    struct tide_dictionary *entities;
    const struct tide_layout *layout;
    struct tide_rows *rows;
    struct tide_bytes line;
};

static struct scene scene;

static void begin(const char *text, struct tide_operator_limits limits)
{
    fixture_init(&scene.fixture);
    scene.definitions = fixture_load(&scene.fixture, text);
    if (scene.definitions == NULL) {
        fail_msg("%s", fixture_errors(&scene.fixture));
        return;
    }
    scene.layout =
        tide_layout_create(&scene.fixture.arena, scene.definitions->schema, TIDE_TABLE_JOURNEYS);
    assert_non_null(scene.layout);
    assert_int_equal(
        tide_operator_create(
            scene.definitions->schema, &scene.definitions->metrics[0], limits, &scene.funnel, NULL),
        TIDE_OK);
    assert_int_equal(tide_dictionary_create(100, &scene.entities, NULL), TIDE_OK);
    tide_operator_track(scene.funnel, TIDE_INSTANT_UNKNOWN);
}

static int teardown(void **state)
{
    (void)state;
    tide_rows_destroy(scene.rows);
    tide_bytes_release(&scene.line);
    tide_dictionary_destroy(scene.entities);
    tide_operator_destroy(scene.funnel);
    fixture_release(&scene.fixture);
    memset(&scene, 0, sizeof(scene));
    return 0;
}

/* The entity is the column that the schema names: a text, or n. */
static uint32_t entity_of(const struct tide_batch *batch, uint32_t row)
{
    const struct tide_vector *vector = &batch->columns[batch->schema->entity];
    if (!vector->present[row]) {
        return TIDE_DICTIONARY_NONE;
    }
    if (vector->strings != NULL) {
        return tide_dictionary_intern(scene.entities, vector->strings[row]);
    }
    const struct tide_view bytes = {(const char *)&vector->numbers[row], sizeof(int64_t)};
    return tide_dictionary_intern(scene.entities, bytes);
}

static void feed(const struct event *events, uint32_t count)
{
    struct tide_batch *batch = fixture_batch(scene.definitions->schema, count);
    struct tide_instant times[EVENTS_MAX];
    uint32_t entities[EVENTS_MAX];
    uint32_t rows[EVENTS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = i;
        times[i].us = events[i].at_us;
        fixture_set_text(batch, i, "kind", tide_view_of(events[i].kind));
        fixture_set_number(batch, i, "n", events[i].n);
        fixture_set_number(batch, i, "b", events[i].n % 2 != 0);
        fixture_set_number(batch, i, "x", events[i].n * 500000);
        if (events[i].user != NULL) {
            fixture_set_text(batch, i, "user_id", tide_view_of(events[i].user));
        }
        if (events[i].a != NULL) {
            fixture_set_text(batch, i, "a", tide_view_of(events[i].a));
        }
        entities[i] = entity_of(batch, i);
    }
    const struct tide_operator_input input = {batch, rows, count, times, entities, NULL};
    assert_int_equal(tide_operator_update(scene.funnel, &input, NULL), TIDE_OK);
    tide_batch_destroy(batch);
}

static void tell(int64_t closing_us)
{
    const struct tide_journey_source source = {.schema = scene.definitions->schema,
                                               .metric = &scene.definitions->metrics[0],
                                               .entities = scene.entities,
                                               .partition = 3,
                                               .epoch = EPOCH};
    tide_rows_destroy(scene.rows);
    scene.rows = NULL;
    assert_int_equal(
        tide_journey_rows(
            &source, scene.funnel, (struct tide_instant){closing_us}, scene.layout, &scene.rows),
        TIDE_OK);
}

static uint32_t row_count(void)
{
    return scene.rows == NULL ? 0 : tide_rows_count(scene.rows);
}

static void expect_text(uint32_t row, const char *name, const char *text)
{
    const struct tide_view found = rows_text(scene.rows, name, row);
    if (!tide_view_equal(found, tide_view_of(text))) {
        fail_msg("%s is %.*s, not %s", name, TIDE_VIEW_ARGUMENTS(found), text);
    }
}

static void expect_number(uint32_t row, const char *name, int64_t number)
{
    assert_false(tide_rows_is_null(scene.rows, layout_column(scene.layout, name), row));
    assert_true(rows_number(scene.rows, name, row) == number);
}

static const char *line_of(uint32_t row)
{
    tide_bytes_reset(&scene.line);
    tide_journey_write_json(scene.rows, row, &scene.line);
    struct tide_json *json = NULL;
    const struct tide_view line = tide_bytes_view(&scene.line);
    assert_int_equal(tide_json_parse(&scene.fixture.arena, line, &json, NULL), TIDE_OK);
    assert_non_null(tide_json_get(tide_json_get(json, "journey"), "key"));
    return tide_bytes_terminated(&scene.line);
}

static void expect_line(uint32_t row, const char *expected)
{
    char text[2048];
    const struct tide_u128 hash = scene.definitions->metrics[0].hash;
    snprintf(text,
             sizeof(text),
             "%s, \"revision\": %d, \"definition\": \"%016llx%016llx\"}}",
             expected,
             EPOCH + 1,
             (unsigned long long)hash.high,
             (unsigned long long)hash.low);
    assert_string_equal(line_of(row), text);
}

/* ---- */

static const char way[] =
    FIXTURE_SCHEMA "metrics:\n"
                   "  way:\n"
                   "    funnel:\n"
                   "      per: [a, user_id, x]\n"
                   "      timeout: 10s\n"
                   "      steps: [{one: kind == \"s\"}, {two: kind == \"e\"}]\n"
                   "    by: [b, n]\n"
                   "    every: 1d\n";

static void test_nothing_makes_no_rows(void **state)
{
    (void)state;
    begin(way, tide_operator_limits_default());
    const struct event events[] = {{"s", "u", "k", 1, FIRST_US}, {"other", "u", "k", 1, FIRST_US}};
    tell(INT64_MIN);
    assert_null(scene.rows);
    feed(events, 2);
    tell(FIRST_US); /* it is open */
    assert_null(scene.rows);
}

static void test_columns(void **state)
{
    (void)state;
    const struct event events[] = {{"s", "\"\xc3\xa9\"", "k", 3, FIRST_US},
                                   {"e", "\"\xc3\xa9\"", "k", 3, FIRST_US + 2500000}};
    begin(way, tide_operator_limits_default());
    feed(events, 2);
    tell(INT64_MIN);
    assert_int_equal(row_count(), 1);
    expect_text(0, "metric", "way");
    expect_text(0, "journey_key", "{\"a\": \"k\", \"user_id\": \"\\\"\xc3\xa9\\\"\", \"x\": 1.5}");
    expect_text(0, "journey_group", "{\"b\": true, \"n\": 3}");
    expect_text(0, "outcome", "completed");
    expect_text(0, "step_times", "[\"2026-03-08T00:00:01Z\", \"2026-03-08T00:00:03.5Z\"]");
    expect_number(0, "reached", 2);
    expect_number(0, "step_count", 2);
    expect_number(0, "start_time", FIRST_US);
    expect_number(0, "end_time", FIRST_US + 2500000);
    expect_number(0, "conversion_us", 2500000);
    expect_number(0, "ordinal", 0);
    expect_number(0, "revision", EPOCH + 1);
    expect_number(0, "_partition", 3);
    expect_number(0, "_epoch", EPOCH);
    assert_int_equal(tide_rows_date(scene.rows, 0), 20520); /* 2026-03-08 */
    expect_line(0,
                "{\"journey\": {\"metric\": \"way\", \"key\": {\"a\": \"k\", \"user_id\": "
                "\"\\\"\xc3\xa9\\\"\", \"x\": 1.5}, \"group\": {\"b\": true, \"n\": 3}, "
                "\"outcome\": \"completed\", \"reached\": 2, \"step_count\": 2, "
                "\"start\": \"2026-03-08T00:00:01Z\", \"end\": \"2026-03-08T00:00:03.5Z\", "
                "\"step_times\": [\"2026-03-08T00:00:01Z\", \"2026-03-08T00:00:03.5Z\"], "
                "\"conversion_us\": 2500000, \"ordinal\": 0");
}

static void test_outcomes(void **state)
{
    (void)state;
    const struct event first[] = {{"s", "u", "k", 1, FIRST_US}, {"e", "v", "k", 1, FIRST_US}};
    const struct event late = {"s", "u", "k", 1, FIRST_US - 2 * SECOND_US};
    begin(way, tide_operator_limits_default());
    feed(first, 2);
    tell(FIRST_US + 10 * SECOND_US);
    assert_int_equal(row_count(), 2);
    expect_text(0, "outcome", "abandoned");
    assert_true(tide_rows_is_null(scene.rows, layout_column(scene.layout, "conversion_us"), 0));
    assert_null(strstr(line_of(0), "conversion_us"));
    expect_text(1, "outcome", "unmatched");
    expect_text(1, "step_times", "[]");
    expect_number(1, "reached", 0);
    expect_number(1, "start_time", FIRST_US);
    feed(&late, 1); /* the day before */
    tell(FIRST_US + 10 * SECOND_US);
    assert_int_equal(row_count(), 2);
    expect_text(0, "outcome", "abandoned");
    expect_text(0, "step_times", "[\"2026-03-07T23:59:59Z\"]");
    assert_int_equal(tide_rows_date(scene.rows, 0), 20519);
    expect_text(1, "outcome", "withdrawn");
    expect_number(1, "start_time", FIRST_US);
    assert_int_equal(tide_rows_date(scene.rows, 1), 20520);
}

/* Without `by` the group is empty; a key of the entity alone has no other columns. */
static void test_no_group(void **state)
{
    (void)state;
    const struct event event = {"s", "u", NULL, 1, FIRST_US};
    begin(FIXTURE_SCHEMA
          "metrics:\n"
          "  one: {funnel: {per: [user_id], timeout: 10s, steps: [{s: kind == \"s\"}]},\n"
          "        every: 1d}\n",
          tide_operator_limits_default());
    feed(&event, 1);
    tell(INT64_MIN);
    assert_int_equal(row_count(), 1);
    expect_text(0, "journey_key", "{\"user_id\": \"u\"}");
    expect_text(0, "journey_group", "{}");
    expect_number(0, "conversion_us", 0);
}

/* A null in a column of the key is no key; in one of the group it is a group. */
static void test_nulls(void **state)
{
    (void)state;
    const struct event events[] = {{"s", "u", NULL, 1, FIRST_US}, {"s", NULL, "k", 1, FIRST_US}};
    begin(FIXTURE_SCHEMA
          "metrics:\n"
          "  one: {funnel: {per: [user_id], timeout: 10s, steps: [{s: kind == \"s\"}]},\n"
          "        by: [a], every: 1d}\n",
          tide_operator_limits_default());
    feed(events, 2);
    tell(INT64_MIN);
    assert_int_equal(row_count(), 1);
    expect_text(0, "journey_group", "{\"a\": null}");
}

static void test_entity_is_a_number(void **state)
{
    (void)state;
    static const char text[] =
        "schema:\n"
        "  name: t\n"
        "  entity: n\n"
        "  id: id\n"
        "  type: kind\n"
        "  time: at_\n"
        "  columns:\n"
        "    id: {path: id}\n"
        "    kind: {path: kind, required: true}\n"
        "    at_: {path: at, type: time_ms, required: true}\n"
        "    user_id: {path: user}\n"
        "    a: {path: p.a}\n"
        "    b: {path: p.b, type: bool}\n"
        "    n: {path: p.n, type: int}\n"
        "    x: {path: p.x, type: decimal}\n"
        "metrics:\n"
        "  one: {funnel: {per: [b, n], timeout: 10s, steps: [{s: kind == \"s\"}]}, every: 1d}\n";
    const struct event events[] = {{"s", "u", NULL, -7, FIRST_US}, {"s", "u", NULL, 8, FIRST_US}};
    begin(text, tide_operator_limits_default());
    feed(events, 2);
    tell(INT64_MIN);
    assert_int_equal(row_count(), 2);
    expect_text(0, "journey_key", "{\"b\": true, \"n\": -7}");
    expect_text(1, "journey_key", "{\"b\": false, \"n\": 8}");
}

static void test_other(void **state)
{
    (void)state;
    const struct event events[] = {{"s", "u", "x", 1, FIRST_US},
                                   {"s", "u", "y", 1, FIRST_US + SECOND_US},
                                   {"s", "v", "z", 1, FIRST_US + SECOND_US}};
    struct tide_operator_limits limits = tide_operator_limits_default();
    limits.cells_max = 1;
    begin(FIXTURE_SCHEMA
          "metrics:\n"
          "  one: {funnel: {per: [user_id], timeout: 10s, steps: [{s: kind == \"s\"}]},\n"
          "        by: [a, b], every: 1d}\n",
          limits);
    for (uint32_t i = 0; i < 3; i++) {
        feed(&events[i], 1);
    }
    tell(INT64_MIN);
    assert_int_equal(row_count(), 3);
    expect_text(0, "journey_group", "{\"a\": \"x\", \"b\": true}");
    expect_text(1, "journey_group", "{\"a\": \"(other)\", \"b\": \"(other)\"}");
    expect_text(2, "journey_group", "{\"a\": \"(other)\", \"b\": \"(other)\"}");
}

/* Several metrics of a partition tell into the same rows. */
static void test_rows_go_on(void **state)
{
    (void)state;
    const struct event events[] = {{"e", "u", "k", 1, FIRST_US}, {"e", "v", "k", 1, FIRST_US}};
    begin(way, tide_operator_limits_default());
    const struct tide_journey_source source = {
        scene.definitions->schema, &scene.definitions->metrics[0], scene.entities, 0, 0};
    for (uint32_t i = 0; i < 2; i++) {
        feed(&events[i], 1);
        assert_int_equal(
            tide_journey_rows(
                &source, scene.funnel, TIDE_INSTANT_UNKNOWN, scene.layout, &scene.rows),
            TIDE_OK);
        assert_int_equal(row_count(), i + 1);
    }
    expect_text(0, "journey_key", "{\"a\": \"k\", \"user_id\": \"u\", \"x\": 0.5}");
    expect_text(1, "journey_key", "{\"a\": \"k\", \"user_id\": \"v\", \"x\": 0.5}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nothing_makes_no_rows, teardown),
        cmocka_unit_test_teardown(test_columns, teardown),
        cmocka_unit_test_teardown(test_outcomes, teardown),
        cmocka_unit_test_teardown(test_no_group, teardown),
        cmocka_unit_test_teardown(test_nulls, teardown),
        cmocka_unit_test_teardown(test_entity_is_a_number, teardown),
        cmocka_unit_test_teardown(test_other, teardown),
        cmocka_unit_test_teardown(test_rows_go_on, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
