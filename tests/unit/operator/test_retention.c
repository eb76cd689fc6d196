/* Goal: cohorts by the first period of each entity, and in which periods after it was seen, n-day
 * and unbounded, on calendars of zones, in every order: also when an event from before moves an
 * entity to another cohort. Method: random streams against a model that looks through all events
 * for every entity and period; zones and the first instant of time by hand. */
#include "unit/operator/model.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    ROWS = 300,
    COHORTS_MAX = 64
};

static const char *const metrics[] = {
    "{retention: {per: user_id, period: 1d, periods: 4}}",
    "{retention: {per: user_id, period: 1d, periods: 4, mode: unbounded}}",
    "{retention: {per: user_id, period: 1d, periods: 5}, timezone: America/New_York, where: n > 0}",
    "{retention: {per: user_id, period: 2d, periods: 1, mode: unbounded}, timezone: America/Boise}",
    "{retention: {per: user_id, period: 1w, periods: 3}, timezone: Europe/Berlin}",
    "{retention: {per: user_id, period: 2w, periods: 1}}",
};

/* How many periods later `to` begins than `from`. */
static uint32_t periods_between(const struct tide_metric *metric,
                                struct tide_window from,
                                struct tide_window to)
{
    uint32_t count = 0;
    while (from.start.us < to.start.us) {
        from = tide_window_next(metric->every, from);
        count++;
    }
    return count;
}

/* The first period of the entity; false: it has none. */
static bool find_cohort(const struct model *model, uint32_t entity, struct tide_window *cohort)
{
    bool is_known = false;
    for (uint32_t row = 0; row < model->stream->row_count; row++) {
        if (model->stream->entities[row] == entity && model_keeps_positive(model, row)) {
            const struct tide_window window =
                tide_window_of(model->metric->every, model->stream->times[row]);
            *cohort = !is_known || window.start.us < cohort->start.us ? window : *cohort;
            is_known = true;
        }
    }
    return is_known;
}

/* Of one entity into the numbers of its cohort. */
static void add_entity(const struct model *model,
                       uint32_t entity,
                       struct tide_window cohort,
                       uint64_t *retained)
{
    const struct tide_retention_plan *plan = &model->metric->retention;
    bool seen[TIDE_RETENTION_PERIODS_MAX + 1] = {false};
    for (uint32_t row = 0; row < model->stream->row_count; row++) {
        if (model->stream->entities[row] != entity || !model_keeps_positive(model, row)) {
            continue;
        }
        const struct tide_window window =
            tide_window_of(model->metric->every, model->stream->times[row]);
        const uint32_t after = periods_between(model->metric, cohort, window);
        for (uint32_t k = 0; k <= plan->period_count; k++) {
            seen[k] = seen[k] || k == after || (plan->is_unbounded && k <= after);
        }
    }
    for (uint32_t k = 0; k <= plan->period_count; k++) {
        retained[k] += seen[k];
    }
}

static void check_table(const struct model *model, const struct tide_cell_table *table)
{
    uint32_t entities = 0;
    uint64_t sizes = 0;
    struct tide_window cohort = {{0}, {0}};
    for (uint32_t entity = 0; entity < STREAM_ENTITIES; entity++) {
        entities += find_cohort(model, entity, &cohort);
    }
    for (uint64_t i = 0; i < tide_cell_table_count(table); i++) {
        const struct tide_cell cell = tide_cell_table_at(table, i);
        uint64_t retained[TIDE_RETENTION_PERIODS_MAX + 1] = {0};
        for (uint32_t entity = 0; entity < STREAM_ENTITIES; entity++) {
            if (find_cohort(model, entity, &cohort) && cohort.start.us == cell.window.start.us) {
                assert_true(cohort.end.us == cell.window.end.us);
                add_entity(model, entity, cohort, retained);
            }
        }
        for (uint32_t k = 0; k <= model->metric->retention.period_count; k++) {
            assert_int_equal(cell.value->parts->steps[k].reached, retained[k]);
        }
        assert_true(retained[0] > 0);
        sizes += retained[0];
    }
    assert_int_equal(sizes, entities); /* each entity is in one cohort */
}

static void test_against_model(void **state)
{
    static uint32_t rows[ROWS];
    (void)state;
    for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
        for (uint64_t first_seed = 1; first_seed <= 6; first_seed++) {
            uint64_t seed = first_seed;
            struct room room;
            struct stream stream = {0};
            room_open(&room, metrics[i]);
            /* Few events, or every entity is seen every day. */
            const uint32_t row_count = 10 + fixture_below(&seed, ROWS / (uint32_t)first_seed / 2);
            stream_create(&stream, room.definitions->schema, row_count, stream_time_days, &seed);
            for (uint32_t row = 0; row < row_count; row++) { /* over weeks */
                stream.times[row].us += fixture_below(&seed, 5) * INT64_C(604800000000);
            }
            const struct model model = {&stream, room.metric, model_keeps_positive, NULL};
            for (uint32_t order = 0; order < 3; order++) {
                struct tide_operator *operator=
                    room_operator(&room, room.metric, tide_operator_limits_default());
                stream_order(rows, row_count, order == 0, &seed);
                stream_feed(&stream, rows, row_count, operator, order == 0 ? ROWS : 4, &seed);
                const struct tide_instant unknown = TIDE_INSTANT_UNKNOWN;
                struct tide_cell_table *table = room_table(&room, room.metric, operator, unknown);
                tide_cell_table_finish(table);
                check_table(&model, table);
                tide_cell_table_destroy(table);
                tide_operator_destroy(operator);
            }
            stream_destroy(&stream);
            room_close(&room);
        }
    }
}

/* Events of one entity, at these times; all lines. */
static const char *lines_of(const char *metric,
                            const int64_t *times_us,
                            uint32_t count,
                            struct tide_bytes *text)
{
    uint64_t seed = 1;
    struct room room;
    struct stream stream = {0};
    room_open(&room, metric);
    stream_create(&stream, room.definitions->schema, 1, stream_time_days, &seed);
    stream.entities[0] = 5;
    struct tide_operator *operator=
        room_operator(&room, room.metric, tide_operator_limits_default());
    for (uint32_t i = 0; i < count; i++) {
        stream.times[0].us = times_us[i];
        stream_feed(&stream, (const uint32_t[]){0}, 1, operator, 1, &seed);
    }
    assert_true(tide_operator_facts(operator).bytes > 0);
    const char *lines = room_lines(&room, operator, text);
    tide_operator_destroy(operator);
    stream_destroy(&stream);
    room_close(&room);
    return lines;
}

static const int64_t day_us = INT64_C(86400000000);

static void test_an_event_from_before_moves_the_cohort(void **state)
{
    static const char metric[] = "{retention: {per: user_id, period: 1d, periods: 3}}";
    (void)state;
    struct tide_bytes text = {0};
    const int64_t times[] = {11 * day_us, 12 * day_us, 10 * day_us};
    assert_string_equal(lines_of(metric, times, 2, &text),
                        "{\"metric\": \"m\", \"cohort\": \"1970-01-12\", \"size\": 1, "
                        "\"retained\": [1, 1, 0, 0]}\n");
    assert_string_equal(lines_of(metric, times, 3, &text),
                        "{\"metric\": \"m\", \"cohort\": \"1970-01-11\", \"size\": 1, "
                        "\"retained\": [1, 1, 1, 0]}\n");
    tide_bytes_release(&text);
}

/* 2026-03-08 has 23 hours in New York, and a day begins at 05:00Z before it, at 04:00Z after. */
static void test_days_of_a_zone(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    const int64_t march_8_us = INT64_C(1772946000000000); /* 05:00Z */
    const int64_t times[] = {march_8_us, march_8_us + 23 * (day_us / 24), march_8_us - 1};
    assert_string_equal(
        lines_of("{retention: {per: user_id, period: 1d, periods: 2}, timezone: America/New_York}",
                 times,
                 3,
                 &text),
        "{\"metric\": \"m\", \"cohort\": \"2026-03-07\", \"size\": 1, \"retained\": [1, 1, 1]}\n");
    tide_bytes_release(&text);
}

/* The first valid instant is in 1969 in New York, and in a week that began in 1969 everywhere. */
static void test_the_first_instant(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    const int64_t times[] = {0, day_us};
    assert_string_equal(
        lines_of("{retention: {per: user_id, period: 1d, periods: 1}, timezone: America/New_York}",
                 times,
                 2,
                 &text),
        "{\"metric\": \"m\", \"cohort\": \"1969-12-31\", \"size\": 1, \"retained\": [1, 1]}\n");
    assert_string_equal(
        lines_of("{retention: {per: user_id, period: 3d, periods: 1}, timezone: America/New_York}",
                 times,
                 2,
                 &text),
        "{\"metric\": \"m\", \"cohort\": \"1969-12-29\", \"size\": 1, \"retained\": [1, 1]}\n");
    assert_string_equal(
        lines_of("{retention: {per: user_id, period: 1w, periods: 1}}", times, 2, &text),
        "{\"metric\": \"m\", \"cohort\": \"1969-12-29\", \"size\": 1, \"retained\": [1, 0]}\n");
    tide_bytes_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_an_event_from_before_moves_the_cohort),
        cmocka_unit_test(test_days_of_a_zone),
        cmocka_unit_test(test_the_first_instant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
