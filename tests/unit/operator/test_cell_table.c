/* Goal: a table merged from partitions is the table of the whole, for every kind of metric; order,
 * top with its ties, nulls and spans are those of the semantics. Method: random streams split by
 * entity into partitions, all lines compared; small tables by hand. */
#include "operator/cell_table.h"

#include "unit/operator/stream.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    ROWS = 1500,
    PARTITIONS = 4
};

static uint32_t partition_of(const struct stream *stream, uint32_t row, uint32_t count)
{
    const uint32_t entity = stream->entities[row];
    return (entity == TIDE_DICTIONARY_NONE ? row : entity) % count;
}

/* The stream through count partitions, each with an operator and a table of its own, merged. */
static const char *run(const struct room *room,
                       const struct stream *stream,
                       uint32_t count,
                       uint64_t *seed,
                       struct tide_bytes *text)
{
    static uint32_t rows[ROWS];
    const struct tide_instant closing = stream->times[0];
    struct tide_cell_table *whole = room_empty_table(room, room->metric);
    for (uint32_t partition = 0; partition < count; partition++) {
        uint32_t row_count = 0;
        for (uint32_t row = 0; row < ROWS; row++) {
            if (partition_of(stream, row, count) == partition) {
                rows[row_count++] = row;
            }
        }
        struct tide_operator *operator=
            room_operator(room, room->metric, tide_operator_limits_default());
        stream_feed(stream, rows, row_count, operator, STREAM_PIECE_MAX, seed);
        struct tide_cell_table *part = room_table(room, room->metric, operator, closing);
        tide_operator_destroy(operator); /* tables own what they hold */
        assert_int_equal(tide_cell_table_merge(whole, part), TIDE_OK);
        tide_cell_table_destroy(part);
    }
    return room_print(room, room->metric, whole, text);
}

#define STEPS "steps: [{i: 'kind == \"I\"'}, {s: 'kind == \"S\"'}, {e: 'kind == \"E\"'}]"

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
        "{quantiles: [0.1, 0.5, 0.99], of: x, every: 1h, by: [a]}",
        "{distinct: a, every: 1h, by: [b]}",
        "{approx_distinct: x, every: 1h, by: [a], top: 2}",
        "{count: events, every: 1h, over: 3h, by: [a], top: 2}",
        "{distinct: user_id, every: 1h, over: 3h, by: [a]}",
        "{min: x, every: 30m, over: 2h}",
        "{distinct: user_id, every: 1h, by: [b], having: 'count() > 20'}",
        "{distinct: user_id, every: 1h, over: 2h, having: 'distinct(a) == 3'}",
        "{sessions: {per: user_id, timeout: 1h}, every: 1d, by: [a]}",
        "{funnel: {per: [user_id, a], timeout: 2h, " STEPS "}, every: 1d, by: [b]}",
        "{retention: {per: user_id, period: 1d, periods: 3}}",
    };
    (void)state;
    uint64_t seed = 11;
    for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
        struct room room;
        struct tide_bytes whole = {0};
        struct tide_bytes merged = {0};
        struct stream stream = {0};
        room_open(&room, metrics[i]);
        stream_create(&stream, room.definitions->schema, ROWS, stream_time_hours, &seed);
        assert_true(strlen(run(&room, &stream, 1, &seed, &whole)) > 60);
        for (uint32_t count = 2; count <= PARTITIONS; count++) {
            assert_string_equal(run(&room, &stream, count, &seed, &merged),
                                tide_bytes_terminated(&whole));
        }
        stream_destroy(&stream);
        tide_bytes_release(&whole);
        tide_bytes_release(&merged);
        room_close(&room);
    }
}

/* ------- tables by hand */

struct hand_cell {
    int64_t hour;
    const char *a; /* NULL: null */
    struct tide_cell_value value;
};

static void add(struct tide_cell_table *table, const struct hand_cell *cell)
{
    struct tide_bytes group = {0};
    tide_value_encode((struct tide_value){.present = cell->a != NULL,
                                          .type = TIDE_TYPE_STRING,
                                          .string = tide_view_of(cell->a)},
                      &group);
    const int64_t hour_us = INT64_C(3600000000);
    const struct tide_window window = {{cell->hour * hour_us}, {(cell->hour + 1) * hour_us}};
    assert_int_equal(tide_cell_table_add(table, window, tide_bytes_view(&group), &cell->value),
                     TIDE_OK);
    tide_bytes_release(&group);
}

/* The cells up to the first one without events, and what comes out: "0/a 0/b 1/-" are hours and
 * groups in order, - is null. */
static void check_order(const char *metric, const struct hand_cell *cells, const char *expected)
{
    struct room room;
    struct tide_bytes text = {0};
    room_open(&room, metric);
    struct tide_cell_table *table = room_empty_table(&room, room.metric);
    assert_true(tide_cell_table_metric(table) == room.metric);
    for (; cells->value.events > 0; cells++) {
        add(table, cells);
    }
    tide_cell_table_finish(table);
    for (uint64_t i = 0; i < tide_cell_table_count(table); i++) {
        const struct tide_cell cell = tide_cell_table_at(table, i);
        size_t at = 0;
        const struct tide_value a = tide_value_decode(cell.group, &at);
        tide_bytes_append_format(&text,
                                 "%s%d/%.*s",
                                 i == 0 ? "" : " ",
                                 (int)(cell.window.start.us / INT64_C(3600000000)),
                                 a.present ? (int)a.string.size : 1,
                                 a.present ? a.string.data : "-");
    }
    assert_string_equal(tide_bytes_terminated(&text), expected);
    tide_cell_table_destroy(table);
    tide_bytes_release(&text);
    room_close(&room);
}

static void test_order(void **state)
{
    (void)state;
    const struct hand_cell cells[] = {
        {1, "b", {.events = 1, .count = 1}},
        {0, "ba", {.events = 1, .count = 1}},
        {0, "\xc3\xa9", {.events = 1, .count = 1}},
        {0, NULL, {.events = 1, .count = 1}},
        {0, "b", {.events = 1, .count = 1}},
        {1, "b", {.events = 1, .count = 1}},
        {0, "", {.events = 1, .count = 1}},
        {0, NULL, {0}},
    };
    check_order("{count: events, every: 1h, by: [a]}", cells, "0/- 0/ 0/b 0/ba 0/\xc3\xa9 1/b");
}

static void test_top(void **state)
{
    (void)state;
    const struct hand_cell counts[] = {
        {0, "c", {.events = 2, .count = 2}},
        {0, "b", {.events = 2, .count = 2}},
        {0, NULL, {.events = 2, .count = 2}},
        {0, "a", {.events = 1, .count = 1}},
        {0, "d", {.events = 9, .count = 9}},
        {1, "z", {.events = 1, .count = 1}},
        {0, NULL, {0}},
    };
    /* The greatest, then of equals null and the least; cells come in the order of groups. */
    check_order("{count: events, every: 1h, by: [a], top: 3}", counts, "0/- 0/b 0/d 1/z");
    check_order("{distinct: user_id, every: 1h, by: [a], top: 1}", counts, "0/- 1/z");
    /* Null values last, also behind negative ones. */
    const struct hand_cell sums[] = {
        {0, "a", {.events = 1}},
        {0, "b", {.events = 1, .count = 1, .sum = -5, .min = -5, .max = -5}},
        {0, "c", {.events = 1, .count = 1, .sum = -4, .min = -4, .max = -4}},
        {0, NULL, {.events = 1}},
        {0, NULL, {0}},
    };
    check_order("{sum: n, every: 1h, by: [a], top: 3}", sums, "0/- 0/b 0/c");
    check_order("{max: n, every: 1h, by: [a], top: 1}", sums, "0/c");
    check_order("{min: n, every: 1h, by: [a], top: 2}", sums, "0/b 0/c");
    /* 3 / 2 and 6 / 4 are equal means. */
    const struct hand_cell means[] = {
        {0, "b", {.events = 2, .count = 2, .sum = 3}},
        {0, "a", {.events = 4, .count = 4, .sum = 6}},
        {0, "c", {.events = 1, .count = 1, .sum = 1}},
        {0, NULL, {0}},
    };
    check_order("{mean: n, every: 1h, by: [a], top: 1}", means, "0/a");
}

/* By the numbers of many sets. What comes out still has its set, and nothing else. */
static void test_top_of_sets(void **state)
{
    enum {
        GROUPS = 2000
    };
    (void)state;
    struct room room;
    room_open(&room, "{approx_distinct: n, every: 1h, by: [x], top: 3}");
    struct tide_cell_table *table = room_empty_table(&room, room.metric);
    struct tide_cell_value value = {.events = 1};
    assert_true(tide_cell_value_open(room.metric, &value));
    for (uint32_t i = 0; i < GROUPS; i++) {
        struct tide_bytes group = {0};
        tide_value_encode((struct tide_value){.present = true,
                                              .type = TIDE_TYPE_DECIMAL,
                                              .number = (int64_t)i * 7919 % GROUPS},
                          &group);
        const struct tide_u128 hash = tide_hash128(tide_bytes_view(&group), 0);
        if (i % (GROUPS / 10) == 0) { /* ten steps, each of as many groups */
            assert_int_equal(tide_value_set_add(&value.parts->values, hash), TIDE_OK);
        }
        assert_int_equal(
            tide_cell_table_add(
                table, (struct tide_window){{0}, {3600000000}}, tide_bytes_view(&group), &value),
            TIDE_OK);
        tide_bytes_release(&group);
    }
    tide_cell_value_release(&value);
    tide_cell_table_finish(table);
    assert_int_equal(tide_cell_table_count(table), 3);
    for (uint64_t i = 0; i < 3; i++) {
        const struct tide_cell cell = tide_cell_table_at(table, i);
        assert_int_equal(cell.value->distinct, 0);
        assert_true(tide_cell_number(room.definitions->schema, room.metric, cell.value).value ==
                    10);
    }
    tide_cell_table_destroy(table);
    room_close(&room);
}

static void test_spans(void **state)
{
    static const struct {
        int64_t from;
        int64_t to;
        uint64_t count;
    } cases[] = {
        {INT64_MIN, INT64_MIN, 3},
        {0, INT64_MIN, 3},
        {1, INT64_MIN, 2},
        {3600000000, 7200000000, 1},
        {INT64_MIN, 7200000001, 3},
        {INT64_MIN, 0, 0},
    };
    (void)state;
    static const uint32_t rows[] = {0, 1, 2};
    uint64_t seed = 1;
    struct room room;
    struct stream stream = {0};
    room_open(&room, "{count: events, every: 1h}");
    stream_create(&stream, room.definitions->schema, 3, stream_time_hours, &seed);
    for (uint32_t row = 0; row < 3; row++) {
        stream.times[row].us = row * INT64_C(3600000000);
    }
    struct tide_operator *operator=
        room_operator(&room, room.metric, tide_operator_limits_default());
    stream_feed(&stream, rows, 3, operator, 3, &seed);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct tide_cell_table *table = room_empty_table(&room, room.metric);
        const struct tide_cell_span span = {{cases[i].from}, {cases[i].to}, TIDE_INSTANT_UNKNOWN};
        assert_int_equal(tide_cell_table_add_operator(table, operator, span), TIDE_OK);
        tide_cell_table_finish(table);
        assert_int_equal(tide_cell_table_count(table), cases[i].count);
        tide_cell_table_destroy(table);
    }
    tide_cell_table_destroy(NULL);
    tide_operator_destroy(operator);
    stream_destroy(&stream);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge_is_whole),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_top_of_sets),
        cmocka_unit_test(test_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
