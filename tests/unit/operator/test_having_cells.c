/* Goal: entities that satisfy a condition on what they did in a window and group are counted, at
 * every moment, whatever the order: also when more events make the condition false again. Method:
 * random streams in several orders and cuts against a model that gathers each entity's facts. */
#include "unit/operator/model.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    ROWS = 900
};

struct facts {
    uint64_t count;
    uint64_t distinct_a;
    uint64_t distinct_n;
};

static bool more_than_two(const struct facts *facts)
{
    return facts->count > 2;
}

static bool two_or_three(const struct facts *facts)
{
    return facts->count == 2 || facts->count == 3;
}

static bool two_texts(const struct facts *facts)
{
    return facts->distinct_a >= 2;
}

static bool no_number(const struct facts *facts)
{
    return facts->distinct_n == 0;
}

static bool more_than_once(const struct facts *facts)
{
    return facts->count > facts->distinct_a && facts->distinct_n != 1 && facts->distinct_a < 3;
}

#define HAVING(rest, condition) "{distinct: user_id, " rest ", having: '" condition "'}"

static const struct {
    const char *metric;
    bool (*holds)(const struct facts *facts);
} cases[] = {
    {HAVING("every: 1h", "count() > 2"), more_than_two},
    {HAVING("every: 1h, by: [a, b]", "count() > 2"), more_than_two},
    {HAVING("every: 1h, by: [a]", "count() in [2, 3]"), two_or_three},
    {HAVING("every: 2h, where: n > 0", "distinct(a) >= 2"), two_texts},
    {HAVING("every: 1h, by: [b]", "distinct(n) == 0"), no_number},
    {HAVING("every: 1h, over: 3h", "count() in [2, 3]"), two_or_three},
    {HAVING("every: 1h, over: 2h, by: [b]", "distinct(a) >= 2"), two_texts},
};

static bool (*condition)(const struct facts *facts);

/* Whether rows[i]'s value is one that none before it of the same entity had. */
static bool is_new_value(const struct model *model,
                         const char *column,
                         const uint32_t *rows,
                         uint32_t i)
{
    const struct stream *stream = model->stream;
    const uint32_t number = tide_schema_find(stream->batch->schema, tide_view_of(column));
    const struct tide_value value = tide_batch_value(stream->batch, number, rows[i]);
    for (uint32_t k = 0; k < i; k++) {
        if (stream->entities[rows[k]] == stream->entities[rows[i]] &&
            tide_value_compare(tide_batch_value(stream->batch, number, rows[k]), value) == 0) {
            return false;
        }
    }
    return value.present;
}

static void check_cell(const struct model *model,
                       const uint32_t *rows,
                       uint32_t row_count,
                       const struct tide_cell_value *value)
{
    struct facts facts[STREAM_ENTITIES] = {{0}};
    uint64_t satisfied = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        const uint32_t entity = model->stream->entities[rows[i]];
        if (entity != TIDE_DICTIONARY_NONE) {
            facts[entity].count++;
            facts[entity].distinct_a += is_new_value(model, "a", rows, i);
            facts[entity].distinct_n += is_new_value(model, "n", rows, i);
        }
    }
    for (uint32_t i = 0; i < STREAM_ENTITIES; i++) {
        satisfied += facts[i].count > 0 && condition(&facts[i]);
    }
    assert_int_equal(value->distinct, satisfied);
    assert_true(tide_cell_is_exact(model->metric, value));
}

static void run(const char *text,
                bool (*holds)(const struct facts *facts),
                int64_t (*time)(uint64_t *seed),
                uint64_t seed)
{
    struct room room;
    struct stream stream = {0};
    room_open(&room, text);
    condition = holds;
    stream_create(&stream, room.definitions->schema, ROWS, time, &seed);
    const struct model model = {&stream, room.metric, model_keeps_positive, check_cell};
    model_run(&room, room.metric, &model, tide_operator_limits_default(), &seed);
    stream_destroy(&stream);
    room_close(&room);
}

static void test_against_model(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        run(cases[i].metric, cases[i].holds, stream_time_hours, i + 1);
        run(cases[i].metric, cases[i].holds, stream_time_days, i + 100);
    }
    run(HAVING("every: 1d, over: 3d, by: [a], timezone: America/New_York", "count() > 2"),
        more_than_two,
        stream_time_days,
        7);
}

/* Several facts in one condition. */
static void test_conditions_of_several_facts(void **state)
{
    (void)state;
    run(HAVING("every: 2h",
               "(count() >= 2 and distinct(a) == 1 or count() >= 3 and distinct(a) == 2 or "
               "distinct(a) == 0) and distinct(n) != 1"),
        more_than_once,
        stream_time_hours,
        3);
}

/* With `count() > 2` three events qualify, and two do not. */
static void test_three_events_qualify(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct room room;
    struct stream stream = {0};
    struct tide_bytes text = {0};
    const uint32_t rows[] = {0, 1, 2};
    room_open(&room, HAVING("every: 1h", "count() > 2"));
    stream_create(&stream, room.definitions->schema, 3, stream_time_hours, &seed);
    for (uint32_t row = 0; row < 3; row++) {
        stream.times[row].us = 7;
        stream.entities[row] = 4;
    }
    struct tide_operator *operator=
        room_operator(&room, room.metric, tide_operator_limits_default());
    stream_feed(&stream, rows, 2, operator, 1, &seed);
    assert_non_null(strstr(room_lines(&room, operator, & text), "\"value\": 0}"));
    stream_feed(&stream, rows + 2, 1, operator, 1, &seed);
    assert_non_null(strstr(room_lines(&room, operator, & text), "\"value\": 1}"));
    assert_int_equal(tide_operator_facts(operator).key_count, 1);
    tide_operator_destroy(operator);
    stream_destroy(&stream);
    tide_bytes_release(&text);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_conditions_of_several_facts),
        cmocka_unit_test(test_three_events_qualify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
