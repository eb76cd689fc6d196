/* Goal: a table merged from partitions is the table of the whole; order, top with its ties, nulls
 * and the printed lines are those of the oracle. Method: random streams split by entity into
 * partitions, all lines compared; small tables by hand. */
#include "operator/cell_table.h"

#include "unit/operator/stream.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    ROWS = 2500,
    PARTITIONS = 4
};

static const struct tide_instant unbounded = {INT64_MIN}; /* TIDE_INSTANT_UNKNOWN */

static struct tide_cell_table *create(const struct tide_definitions *definitions)
{
    struct tide_cell_table *table = NULL;
    assert_int_equal(
        tide_cell_table_create(definitions->schema, &definitions->metrics[0], &table, NULL),
        TIDE_OK);
    return table;
}

/* All lines of a finished table. */
static void print(const struct tide_definitions *definitions,
                  const struct tide_cell_table *table,
                  struct tide_bytes *text)
{
    tide_bytes_reset(text);
    for (uint64_t i = 0; i < tide_cell_table_count(table); i++) {
        const struct tide_cell cell = tide_cell_table_at(table, i);
        const struct tide_view nothing = {0};
        tide_cell_write_json(definitions->schema, &definitions->metrics[0], &cell, nothing, text);
        tide_bytes_append_byte(text, '\n');
    }
}

static uint32_t partition_of(const struct stream *stream, uint32_t row, uint32_t count)
{
    const uint32_t entity = stream->entities[row];
    return (entity == TIDE_DICTIONARY_NONE ? row : entity) % count;
}

/* The stream through count partitions, each with cells and a table of its own, merged. */
static void run(const struct tide_definitions *definitions,
                const struct stream *stream,
                uint32_t count,
                uint64_t *seed,
                struct tide_bytes *text)
{
    static uint32_t rows[ROWS];
    struct tide_cell_table *whole = create(definitions);
    for (uint32_t partition = 0; partition < count; partition++) {
        struct tide_cells *cells = NULL;
        struct tide_cell_table *part = create(definitions);
        uint32_t row_count = 0;
        for (uint32_t row = 0; row < ROWS; row++) {
            rows[row_count] = row;
            row_count += partition_of(stream, row, count) == partition;
        }
        assert_int_equal(
            tide_cells_create(definitions->schema, &definitions->metrics[0], &cells, NULL),
            TIDE_OK);
        stream_feed(stream, rows, row_count, cells, seed);
        assert_int_equal(tide_cell_table_add_cells(part, cells, unbounded, unbounded), TIDE_OK);
        assert_int_equal(tide_cell_table_merge(whole, part), TIDE_OK);
        tide_cell_table_destroy(part);
        tide_cells_destroy(cells);
    }
    tide_cell_table_finish(whole);
    print(definitions, whole, text);
    tide_cell_table_destroy(whole);
}

static void test_merge_is_whole(void **state)
{
    static const char *const metrics[] = {
        "{count: events, every: 1h, by: [a, b]}",
        "{distinct: user_id, every: 1h, by: [a]}",
        "{sum: x, every: 30m, by: [b, n]}",
        "{mean: x, every: 1h, by: [a], where: n > 0}",
        "{min: n, every: 1h, by: [x]}",
        "{max: x, every: 1d, by: [a, n]}",
        "{count: events, every: 1h, by: [a, n], top: 3}",
        "{mean: n, every: 1h, by: [x], top: 2}",
        "{distinct: user_id, every: 1h, by: [a, b, n], top: 5}",
    };
    (void)state;
    uint64_t seed = 11;
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        struct fixture fixture;
        struct tide_bytes file = {0};
        struct tide_bytes whole = {0};
        struct tide_bytes merged = {0};
        struct stream stream = {0};
        fixture_init(&fixture);
        tide_bytes_append_format(&file, FIXTURE_SCHEMA "metrics: {m: %s}\n", metrics[i]);
        const struct tide_definitions *definitions =
            fixture_load(&fixture, tide_bytes_terminated(&file));
        assert_non_null(definitions);
        stream_create(&stream, definitions->schema, ROWS, &seed);
        run(definitions, &stream, 1, &seed, &whole);
        assert_true(whole.size > 100);
        for (uint32_t count = 2; count <= PARTITIONS; count++) {
            run(definitions, &stream, count, &seed, &merged);
            assert_string_equal(tide_bytes_terminated(&merged), tide_bytes_terminated(&whole));
        }
        stream_destroy(&stream);
        tide_bytes_release(&file);
        tide_bytes_release(&whole);
        tide_bytes_release(&merged);
        fixture_release(&fixture);
    }
}

/* ------- tables by hand */

struct hand_cell {
    int64_t hour;
    const char *a; /* NULL: null */
    struct tide_cell_value value;
};

static void add(struct tide_cell_table *table, const struct hand_cell *cell, uint32_t by_count)
{
    struct tide_bytes group = {0};
    if (by_count > 0) {
        tide_value_encode((struct tide_value){.present = cell->a != NULL,
                                              .type = TIDE_TYPE_STRING,
                                              .string = tide_view_of(cell->a)},
                          &group);
    }
    const int64_t hour_us = INT64_C(3600000000);
    const struct tide_window window = {{cell->hour * hour_us}, {(cell->hour + 1) * hour_us}};
    assert_int_equal(tide_cell_table_add(table, window, tide_bytes_view(&group), &cell->value),
                     TIDE_OK);
    tide_bytes_release(&group);
}

/* Adds the cells up to the first one without events, and compares all lines. */
static void check_lines(const char *metric, const struct hand_cell *cells, const char *lines)
{
    struct fixture fixture;
    struct tide_bytes file = {0};
    struct tide_bytes text = {0};
    fixture_init(&fixture);
    tide_bytes_append_format(&file, FIXTURE_SCHEMA "metrics: {m: %s}\n", metric);
    const struct tide_definitions *definitions =
        fixture_load(&fixture, tide_bytes_terminated(&file));
    assert_string_equal(fixture_errors(&fixture), "");
    struct tide_cell_table *table = create(definitions);
    for (; cells->value.events > 0; cells++) {
        add(table, cells, definitions->metrics[0].by_count);
    }
    tide_cell_table_finish(table);
    print(definitions, table, &text);
    assert_string_equal(tide_bytes_terminated(&text), lines);
    tide_cell_table_destroy(table);
    tide_bytes_release(&file);
    tide_bytes_release(&text);
    fixture_release(&fixture);
}

#define HOUR(a, b)                                                                                 \
    "{\"metric\": \"m\", \"start\": \"1970-01-01T" a ":00:00Z\", \"end\": \"1970-01-01T" b         \
    ":00:00Z\", "

static void test_lines(void **state)
{
    (void)state;
    const struct hand_cell counts[] = {
        {1, "b", {2, 2, 0, 0, 0, 0}},
        {0, "b\"\\\n", {3, 3, 0, 0, 0, 0}},
        {0, NULL, {1, 1, 0, 0, 0, 0}},
        {1, "b", {5, 5, 0, 0, 0, 0}},
        {0, "", {4, 4, 0, 0, 0, 0}},
        {0, NULL, {0}},
    };
    check_lines(
        "{count: events, every: 1h, by: [a]}",
        counts,
        HOUR("00", "01") "\"group\": {\"a\": null}, \"value\": 1}\n" HOUR(
            "00",
            "01") "\"group\": {\"a\": \"\"}, \"value\": 4}\n" HOUR("00",
                                                                   "01") "\"group\": {\"a\": "
                                                                         "\"b\\\"\\\\\\n\"}, "
                                                                         "\"value\": "
                                                                         "3}\n" HOUR(
                                                                             "01",
                                                                             "02") "\"group\": "
                                                                                   "{\"a\": "
                                                                                   "\"b\"}, "
                                                                                   "\"value\": "
                                                                                   "7}\n");
}

static void test_values(void **state)
{
    (void)state;
    const struct hand_cell values[] = {
        {0, NULL, {2, 0, 0, 0, 0, 0}},
        {1, NULL, {3, 2, 7, (tide_i128)1250001, -5, 1000000}},
        {2, NULL, {3, 3, 0, (tide_i128)INT64_MAX * 4, INT64_MIN, INT64_MAX}},
        {0, NULL, {0}},
    };
    check_lines(
        "{sum: x, every: 1h}",
        values,
        HOUR("00", "01") "\"group\": {}, \"value\": null}\n" HOUR(
            "01",
            "02") "\"group\": {}, \"value\": 1.250001}\n" HOUR("02",
                                                               "03") "\"group\": {}, \"value\": "
                                                                     "36893488147419.103228}\n");
    check_lines(
        "{sum: n, every: 1h}",
        values,
        HOUR("00", "01") "\"group\": {}, \"value\": null}\n" HOUR(
            "01",
            "02") "\"group\": {}, \"value\": 1250001}\n" HOUR("02",
                                                              "03") "\"group\": {}, \"value\": "
                                                                    "36893488147419103228}\n");
    check_lines("{mean: n, every: 1h}",
                values,
                HOUR("00", "01") "\"group\": {}, \"value\": null, \"count\": 0, \"sum\": 0}\n" HOUR(
                    "01", "02") "\"group\": {}, \"value\": 625000.5, \"count\": 2, "
                                "\"sum\": 1250001}\n" HOUR(
                                    "02", "03") "\"group\": {}, \"value\": 1.2297829382473034e+19, "
                                                "\"count\": 3, \"sum\": 36893488147419103228}\n");
    check_lines(
        "{min: x, every: 1h}",
        values,
        HOUR("00", "01") "\"group\": {}, \"value\": null}\n" HOUR(
            "01",
            "02") "\"group\": {}, \"value\": -0.000005}\n" HOUR("02",
                                                                "03") "\"group\": {}, \"value\": "
                                                                      "-9223372036854.775808}\n");
    check_lines(
        "{max: at_, every: 1h}",
        values,
        HOUR("00", "01") "\"group\": {}, \"value\": null}\n" HOUR(
            "01",
            "02") "\"group\": {}, \"value\": 1000000}\n" HOUR("02",
                                                              "03") "\"group\": {}, \"value\": "
                                                                    "9223372036854775807}\n");
    check_lines(
        "{distinct: user_id, every: 1h}",
        values,
        HOUR("00", "01") "\"group\": {}, \"value\": 0}\n" HOUR(
            "01",
            "02") "\"group\": {}, \"value\": 7}\n" HOUR("02",
                                                        "03") "\"group\": {}, \"value\": 0}\n");
}

static void test_top(void **state)
{
    (void)state;
    const struct hand_cell counts[] = {
        {0, "c", {2, 2, 0, 0, 0, 0}},
        {0, "b", {2, 2, 0, 0, 0, 0}},
        {0, NULL, {2, 2, 0, 0, 0, 0}},
        {0, "a", {1, 1, 0, 0, 0, 0}},
        {0, "d", {9, 9, 0, 0, 0, 0}},
        {1, "z", {1, 1, 0, 0, 0, 0}},
        {0, NULL, {0}},
    };
    /* The greatest, then of equals null and the least; lines come in the order of groups. */
    check_lines(
        "{count: events, every: 1h, by: [a], top: 3}",
        counts,
        HOUR("00", "01") "\"group\": {\"a\": null}, \"value\": 2}\n" HOUR(
            "00",
            "01") "\"group\": {\"a\": \"b\"}, \"value\": 2}\n" HOUR("00",
                                                                    "01") "\"group\": {\"a\": "
                                                                          "\"d\"}, \"value\": "
                                                                          "9}\n" HOUR("01",
                                                                                      "02") "\"grou"
                                                                                            "p\": "
                                                                                            "{\"a\""
                                                                                            ": "
                                                                                            "\"z\"}"
                                                                                            ", "
                                                                                            "\"valu"
                                                                                            "e\": "
                                                                                            "1}\n");
    /* Null values last, also behind negative ones. */
    const struct hand_cell sums[] = {
        {0, "a", {1, 0, 0, 0, 0, 0}},
        {0, "b", {1, 1, 0, -5, -5, -5}},
        {0, "c", {1, 1, 0, -4, -4, -4}},
        {0, NULL, {1, 0, 0, 0, 0, 0}},
        {0, NULL, {0}},
    };
    check_lines(
        "{sum: n, every: 1h, by: [a], top: 3}",
        sums,
        HOUR("00", "01") "\"group\": {\"a\": null}, \"value\": null}\n" HOUR(
            "00",
            "01") "\"group\": {\"a\": \"b\"}, \"value\": -5}\n" HOUR("00",
                                                                     "01") "\"group\": {\"a\": "
                                                                           "\"c\"}, \"value\": "
                                                                           "-4}\n");
    check_lines("{max: n, every: 1h, by: [a], top: 1}",
                sums,
                HOUR("00", "01") "\"group\": {\"a\": \"c\"}, \"value\": -4}\n");
    check_lines("{min: n, every: 1h, by: [a], top: 2}",
                sums,
                HOUR("00", "01") "\"group\": {\"a\": \"b\"}, \"value\": -5}\n" HOUR(
                    "00", "01") "\"group\": {\"a\": \"c\"}, \"value\": -4}\n");
    check_lines("{distinct: user_id, every: 1h, by: [a], top: 1}",
                counts,
                HOUR("00", "01") "\"group\": {\"a\": null}, \"value\": 0}\n" HOUR(
                    "01", "02") "\"group\": {\"a\": \"z\"}, \"value\": 0}\n");
}

static void test_top_of_means(void **state)
{
    (void)state;
    /* 3 / 2 and 6 / 4 are equal means. */
    const struct hand_cell means[] = {
        {0, "b", {2, 2, 0, 3, 1, 2}},
        {0, "a", {4, 4, 0, 6, 1, 2}},
        {0, "c", {1, 1, 0, 1, 1, 1}},
        {0, NULL, {0}},
    };
    check_lines("{mean: n, every: 1h, by: [a], top: 1}",
                means,
                HOUR("00", "01") "\"group\": {\"a\": \"a\"}, \"value\": 1.5, \"count\": 4, "
                                 "\"sum\": 6}\n");
}

static void test_bounds_and_extra(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_definitions *definitions =
        fixture_load(&fixture, FIXTURE_SCHEMA "metrics: {m: {count: events, every: 1h}}\n");
    const struct tide_metric *metric = &definitions->metrics[0];
    struct tide_batch *batch = fixture_batch(definitions->schema, 3);
    const uint32_t rows[] = {0, 1, 2};
    const uint32_t nobody[] = {TIDE_DICTIONARY_NONE, TIDE_DICTIONARY_NONE, TIDE_DICTIONARY_NONE};
    const struct tide_instant times[] = {{0}, {3600000000}, {7200000000}};
    const struct tide_cells_input input = {batch, rows, 3, times, nobody};
    struct tide_cells *cells = NULL;
    assert_int_equal(tide_cells_create(definitions->schema, metric, &cells, NULL), TIDE_OK);
    assert_int_equal(tide_cells_update(cells, &input, NULL), TIDE_OK);
    static const struct {
        struct tide_instant from;
        struct tide_instant to;
        uint64_t count;
    } cases[] = {
        {{INT64_MIN}, {INT64_MIN}, 3},
        {{0}, {INT64_MIN}, 3},
        {{1}, {INT64_MIN}, 2},
        {{3600000000}, {7200000000}, 1},
        {{INT64_MIN}, {7200000001}, 3},
        {{INT64_MIN}, {0}, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_cell_table *table = create(definitions);
        assert_int_equal(tide_cell_table_add_cells(table, cells, cases[i].from, cases[i].to),
                         TIDE_OK);
        tide_cell_table_finish(table);
        assert_int_equal(tide_cell_table_count(table), cases[i].count);
        tide_cell_table_destroy(table);
    }
    struct tide_bytes text = {0};
    const struct tide_cell cell = {
        .window = {{0}, {3600000000}},
        .group = {"", 0},
        .value = {.events = 1, .count = 1},
    };
    tide_cell_write_json(definitions->schema, metric, &cell, TIDE_VIEW("\"revision\": 1"), &text);
    assert_string_equal(tide_bytes_terminated(&text),
                        HOUR("00", "01") "\"group\": {}, \"value\": 1, \"revision\": 1}");
    tide_bytes_release(&text);
    tide_cells_destroy(cells);
    tide_cell_table_destroy(NULL);
    tide_batch_destroy(batch);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge_is_whole),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_top_of_means),
        cmocka_unit_test(test_bounds_and_extra),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
