/* Goal: different entities of each window and group are those of the events in it; of a sliding
 * window the union of its panes, never their sum. Method: random streams in several orders and cuts
 * against a model that looks at every event for every cell; partitions of entities that add. */
#include "unit/operator/model.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    ROWS = 1500
};

static const char definitions_text[] =
    "  d1: {distinct: user_id, every: 2h}\n"
    "  d2: {distinct: user_id, every: 1h, by: [a, b]}\n"
    "  d3: {distinct: user_id, every: 30m, by: [n], where: n > 0}\n"
    "  d4: {distinct: user_id, every: 1h, over: 2h}\n"
    "  d5: {distinct: user_id, every: 1h, over: 4h, by: [a]}\n"
    "  d6: {distinct: user_id, every: 30m, over: 24h, by: [b, x], where: n > 0}\n";

static const char calendar_text[] =
    "  c1: {distinct: user_id, every: 1d, by: [a], timezone: America/New_York}\n"
    "  c2: {distinct: user_id, every: 1d, over: 3d, by: [n], timezone: America/New_York}\n"
    "  c3: {distinct: user_id, every: 1d, over: 28d}\n";

static void check_cell(const struct model *model,
                       const uint32_t *rows,
                       uint32_t row_count,
                       const struct tide_cell_value *value)
{
    bool seen[STREAM_ENTITIES] = {false};
    uint64_t distinct = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        const uint32_t entity = model->stream->entities[rows[i]];
        if (entity != TIDE_DICTIONARY_NONE && !seen[entity]) {
            seen[entity] = true;
            distinct++;
        }
    }
    assert_int_equal(value->distinct, distinct);
    assert_true(tide_cell_is_exact(model->metric, value));
}

static void run_all(const char *text, int64_t (*time)(uint64_t *seed), uint64_t seed)
{
    struct room room;
    struct stream stream = {0};
    room_open(&room, text);
    stream_create(&stream, room.definitions->schema, ROWS, time, &seed);
    for (uint32_t i = 0; i < room.definitions->metric_count; i++) {
        const struct tide_metric *metric = &room.definitions->metrics[i];
        const struct model model = {&stream, metric, model_keeps_positive, check_cell};
        model_run(&room, metric, &model, tide_operator_limits_default(), &seed);
    }
    stream_destroy(&stream);
    room_close(&room);
}

static void test_against_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        run_all(definitions_text, stream_time_hours, seed);
        run_all(calendar_text, stream_time_days, seed);
    }
}

/* One entity in each of three panes, another one in the last: the window over them has two. */
static void test_trap_24_distincts_are_not_summed(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct room room;
    struct stream stream = {0};
    struct tide_bytes text = {0};
    const uint32_t rows[] = {0, 1, 2, 3};
    room_open(&room, "{distinct: user_id, every: 1h, over: 3h}");
    stream_create(&stream, room.definitions->schema, 4, stream_time_hours, &seed);
    for (uint32_t row = 0; row < 4; row++) {
        stream.times[row].us = (row < 3 ? row : 2) * INT64_C(3600000000);
        stream.entities[row] = row == 3;
    }
    struct tide_operator *operator=
        room_operator(&room, room.metric, tide_operator_limits_default());
    stream_feed(&stream, rows, 4, operator, 4, &seed);
    const char *lines = room_lines(&room, operator, & text);
    assert_non_null(strstr(lines,
                           "{\"metric\": \"m\", \"start\": \"1970-01-01T00:00:00Z\", \"end\": "
                           "\"1970-01-01T03:00:00Z\", \"group\": {}, \"value\": 2}\n"));
    assert_null(strstr(lines, "\"value\": 3"));
    assert_null(strstr(lines, "\"value\": 4"));
    tide_operator_destroy(operator);
    stream_destroy(&stream);
    tide_bytes_release(&text);
    room_close(&room);
}

/* So many that the set is a bitmap, and every one of them twice. */
static void test_many_entities(void **state)
{
    enum {
        ENTITIES = 3000
    };
    (void)state;
    static uint32_t rows[ENTITIES];
    uint64_t seed = 1;
    struct room room;
    struct stream stream = {0};
    struct tide_bytes text = {0};
    room_open(&room, "{distinct: user_id, every: 1d, over: 2d}");
    stream_create(&stream, room.definitions->schema, ENTITIES, stream_time_hours, &seed);
    struct tide_operator *operator=
        room_operator(&room, room.metric, tide_operator_limits_default());
    for (uint32_t day = 0; day < 2; day++) {
        for (uint32_t row = 0; row < ENTITIES; row++) {
            stream.times[row].us = day * INT64_C(86400000000);
            stream.entities[row] = row * 100 + day * 50000;
        }
        stream_order(rows, ENTITIES, false, &seed);
        stream_feed(&stream, rows, ENTITIES, operator, ENTITIES, &seed);
        stream_feed(&stream, rows, ENTITIES, operator, 10, &seed);
    }
    const char *lines = room_lines(&room, operator, & text);
    const char *first = strstr(lines, "\"value\": 3000}\n"); /* the window that ends with day 0 */
    assert_non_null(first);
    assert_non_null(strstr(first, "\"value\": 3500}\n")); /* both days */
    assert_non_null(strstr(strstr(first, "3500"), "\"value\": 3000}\n"));
    assert_true(tide_operator_facts(operator).bytes > 4 * ENTITIES / 8);
    tide_operator_destroy(operator);
    stream_destroy(&stream);
    tide_bytes_release(&text);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_trap_24_distincts_are_not_summed),
        cmocka_unit_test(test_many_entities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
