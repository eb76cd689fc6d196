/* Goal: every windowed aggregate, over tumbling, sliding and calendar windows and groups with
 * nulls, equals what a plain loop over all events finds; nothing depends on the order of the stream
 * or on how it is cut. Method: random streams against a model that looks at every event for every
 * cell; limits by hand. */
#include "operator/cells.h"

#include "unit/operator/model.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    ROWS = 1200
};

static const char definitions_text[] =
    "  m1: {count: events, every: 1h}\n"
    "  m2: {count: events, every: 1h, by: [a]}\n"
    "  m3: {count: events, every: 30m, by: [b, a, n], where: n > 0}\n"
    "  m4: {sum: n, every: 1h, by: [x]}\n"
    "  m5: {sum: x, every: 1d, by: [a]}\n"
    "  m6: {mean: x, every: 1mo, by: [b]}\n"
    "  m7: {min: x, every: 1h, by: [a], where: n > 0}\n"
    "  m8: {max: n, every: 1w, by: [b, x]}\n"
    "  m9: {max: at_, every: 1h, by: [n]}\n"
    "  m10: {quantiles: [0, 0.25, 0.5, 0.99, 1], of: x, every: 1h}\n"
    "  m11: {quantiles: [0.5], of: n, every: 1d, by: [a, b]}\n"
    "  m12: {distinct: a, every: 1h, by: [b]}\n"
    "  m13: {distinct: x, every: 2h, where: n > 0}\n"
    "  m14: {approx_distinct: x, every: 1h, by: [a]}\n"
    "  m15: {approx_distinct: user_id, every: 1d}\n"
    "  s1: {count: events, every: 1h, over: 3h, by: [a]}\n"
    "  s2: {sum: x, every: 30m, over: 2h, by: [b]}\n"
    "  s3: {mean: n, every: 1h, over: 2h, where: n > 0}\n"
    "  s4: {min: x, every: 1h, over: 3h, by: [a]}\n"
    "  s5: {max: n, every: 1h, over: 2h, by: [b, a]}\n"
    "  s6: {quantiles: [0.5, 0.9], of: x, every: 1h, over: 4h}\n"
    "  s7: {distinct: a, every: 1h, over: 3h, by: [b]}\n"
    "  s8: {approx_distinct: x, every: 1h, over: 3h}\n";

static const char calendar_text[] =
    "  c1: {count: events, every: 1d, by: [a], timezone: America/New_York}\n"
    "  c2: {sum: n, every: 2d, timezone: America/New_York}\n"
    "  c3: {max: x, every: 1w, by: [b], timezone: America/New_York}\n"
    "  c4: {distinct: a, every: 1d, over: 3d, by: [b], timezone: America/New_York}\n"
    "  c5: {min: n, every: 1d, over: 2d, timezone: America/New_York}\n";

static int compare_numbers(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Rank by rank: strictly within 1 %. */
static void check_quantiles(const struct tide_metric *metric,
                            const struct tide_cell_value *value,
                            int64_t *numbers,
                            uint64_t count)
{
    qsort(numbers, count, sizeof(*numbers), compare_numbers);
    for (uint32_t i = 0; i < metric->quantile_count; i++) {
        const struct tide_quantile *q = &metric->quantiles[i];
        const uint64_t rank = (q->numerator * count + q->denominator - 1) / q->denominator;
        double estimate = 0;
        assert_int_equal(tide_cell_value_rank(metric, value, i, &estimate), count > 0);
        if (count > 0) {
            const double exact = (double)numbers[rank == 0 ? 0 : rank - 1];
            const double error = estimate > exact ? estimate - exact : exact - estimate;
            assert_true(error == 0 || error < (exact < 0 ? -exact : exact) / 100);
        }
    }
    assert_int_equal(tide_cell_is_exact(metric, value), count == 0);
}

/* How many of the rows have a value that none before them has. */
static uint64_t count_different(const struct model *model, const uint32_t *rows, uint32_t row_count)
{
    uint64_t different = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        const struct tide_value value =
            tide_batch_value(model->stream->batch, model->metric->column, rows[i]);
        bool is_new = value.present;
        for (uint32_t k = 0; k < i && is_new; k++) {
            is_new = tide_value_compare(
                         tide_batch_value(model->stream->batch, model->metric->column, rows[k]),
                         value) != 0;
        }
        different += is_new;
    }
    return different;
}

static void check_column(const struct model *model,
                         const uint32_t *rows,
                         uint32_t row_count,
                         const struct tide_cell_value *value)
{
    static int64_t numbers[ROWS];
    const enum tide_metric_kind kind = model->metric->kind;
    uint64_t count = 0;
    tide_i128 sum = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        const struct tide_value v =
            tide_batch_value(model->stream->batch, model->metric->column, rows[i]);
        if (v.present) {
            numbers[count++] = v.number;
            sum += v.number;
        }
    }
    assert_int_equal(value->count, count);
    if (kind == TIDE_METRIC_SUM || kind == TIDE_METRIC_MEAN) {
        assert_true(value->sum == sum);
    } else if (kind == TIDE_METRIC_QUANTILES) {
        check_quantiles(model->metric, value, numbers, count);
    } else if (count > 0) {
        qsort(numbers, count, sizeof(*numbers), compare_numbers);
        assert_true(value->min == numbers[0] && value->max == numbers[count - 1]);
    }
}

static void check_cell(const struct model *model,
                       const uint32_t *rows,
                       uint32_t row_count,
                       const struct tide_cell_value *value)
{
    const enum tide_metric_kind kind = model->metric->kind;
    if (kind == TIDE_METRIC_COUNT) {
        assert_int_equal(value->count, row_count);
    } else if (kind == TIDE_METRIC_DISTINCT || kind == TIDE_METRIC_APPROX_DISTINCT) {
        const struct tide_number number =
            tide_cell_number(model->stream->batch->schema, model->metric, value);
        const uint64_t different = count_different(model, rows, row_count);
        assert_true(number.value == different); /* HLL has no error with so few */
        assert_int_equal(tide_cell_is_exact(model->metric, value),
                         kind == TIDE_METRIC_DISTINCT || different == 0);
    } else {
        check_column(model, rows, row_count, value);
    }
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
        model_run(&room, metric, &model, tide_operator_limits_none(), &seed);
    }
    stream_destroy(&stream);
    room_close(&room);
}

/* Sliding windows among them: trap 9, extremes that have left the window stay there, and trap 24,
 * distinct numbers of panes are not summed. */
static void test_against_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        run_all(definitions_text, stream_time_hours, seed);
        run_all(calendar_text, stream_time_days, seed);
    }
}

/* One event a row, at these hours, with these values of n. */
static void feed_numbers(const struct room *room,
                         struct tide_operator *
                         operator,
                         const int64_t * hours,
                         const int64_t *numbers,
                         uint32_t count)
{
    uint64_t seed = 1;
    uint32_t rows[16];
    struct stream stream = {0};
    tide_assert(count <= sizeof(rows) / sizeof(*rows));
    stream_create(&stream, room->definitions->schema, count, stream_time_hours, &seed);
    for (uint32_t row = 0; row < count; row++) {
        stream.times[row].us = hours[row] * INT64_C(3600000000);
        fixture_set_number(stream.batch, row, "n", numbers[row]);
    }
    stream_order(rows, count, true, &seed);
    stream_feed(&stream, rows, count, operator, count, &seed);
    stream_destroy(&stream);
}

static void test_trap_9_expired_extremes(void **state)
{
    (void)state;
    struct room room;
    struct tide_bytes text = {0};
    room_open(&room, "{max: n, every: 1h, over: 2h}");
    struct tide_operator *operator=
        room_operator(&room, room.metric, tide_operator_limits_default());
    const int64_t hours[] = {0, 1, 2, 3};
    const int64_t numbers[] = {9, 1, 5, 2};
    feed_numbers(&room, operator, hours, numbers, 4);
    assert_string_equal(room_lines(&room, operator, & text),
                        "{\"metric\": \"m\", \"start\": \"1969-12-31T23:00:00Z\", \"end\": "
                        "\"1970-01-01T01:00:00Z\", "
                        "\"group\": {}, \"value\": 9}\n"
                        "{\"metric\": \"m\", \"start\": \"1970-01-01T00:00:00Z\", \"end\": "
                        "\"1970-01-01T02:00:00Z\", "
                        "\"group\": {}, \"value\": 9}\n"
                        "{\"metric\": \"m\", \"start\": \"1970-01-01T01:00:00Z\", \"end\": "
                        "\"1970-01-01T03:00:00Z\", "
                        "\"group\": {}, \"value\": 5}\n"
                        "{\"metric\": \"m\", \"start\": \"1970-01-01T02:00:00Z\", \"end\": "
                        "\"1970-01-01T04:00:00Z\", "
                        "\"group\": {}, \"value\": 5}\n"
                        "{\"metric\": \"m\", \"start\": \"1970-01-01T03:00:00Z\", \"end\": "
                        "\"1970-01-01T05:00:00Z\", "
                        "\"group\": {}, \"value\": 2}\n");
    tide_operator_destroy(operator);
    tide_bytes_release(&text);
    room_close(&room);
}

static enum tide_status keep_value(void *context,
                                   struct tide_window window,
                                   struct tide_view group,
                                   const struct tide_cell_value *value)
{
    (void)window;
    (void)group;
    *(struct tide_cell_value *)context = *value;
    return TIDE_OK;
}

static void test_large_sums(void **state)
{
    (void)state;
    struct room room;
    room_open(&room, "{sum: n, every: 1h}");
    struct tide_operator *operator=
        room_operator(&room, room.metric, tide_operator_limits_default());
    struct tide_cell_value value = {0};
    const int64_t hours[] = {0, 0, 0};
    const int64_t numbers[] = {INT64_MAX, INT64_MAX, INT64_MAX};
    feed_numbers(&room, operator, hours, numbers, 3);
    assert_int_equal(tide_operator_facts(operator).cell_count, 1);
    assert_int_equal(
        tide_operator_visit(operator,(struct tide_cell_visitor){{0}, keep_value, &value}), TIDE_OK);
    assert_true(value.sum == (tide_i128)INT64_MAX * 3);
    tide_operator_destroy(operator);
    room_close(&room);
}

/* Feeds values 0 .. count - 1 of n into one cell, and gives what it says. */
static struct tide_number count_values(const char *metric,
                                       struct tide_operator_limits limits,
                                       uint32_t count,
                                       bool *is_exact)
{
    static uint32_t rows[STREAM_ROWS_MAX];
    uint64_t seed = 1;
    struct room room;
    struct tide_cell_value value = {0};
    room_open(&room, metric);
    struct tide_operator *operator= room_operator(&room, room.metric, limits);
    for (uint32_t done = 0; done < count;) {
        const uint32_t piece = count - done < 1000 ? count - done : 1000;
        struct stream stream = {0};
        stream_create(&stream, room.definitions->schema, piece, stream_time_hours, &seed);
        for (uint32_t row = 0; row < piece; row++) {
            stream.times[row].us = 5;
            fixture_set_number(stream.batch, row, "n", done + row);
        }
        stream_order(rows, piece, false, &seed);
        stream_feed(&stream, rows, piece, operator, piece, &seed);
        stream_feed(&stream, rows, piece, operator, piece, &seed);
        stream_destroy(&stream);
        done += piece;
    }
    assert_int_equal(
        tide_operator_visit(operator,(struct tide_cell_visitor){{0}, keep_value, &value}), TIDE_OK);
    const struct tide_number number =
        tide_cell_number(room.definitions->schema, room.metric, &value);
    *is_exact = tide_cell_is_exact(room.metric, &value);
    assert_true(tide_operator_facts(operator).bytes > 16384);
    tide_operator_destroy(operator);
    room_close(&room);
    return number;
}

static void test_distinct_of_a_column_is_exact_to_4096(void **state)
{
    static const char metric[] = "{distinct: n, every: 1h}";
    (void)state;
    bool is_exact = false;
    const struct tide_operator_limits live = tide_operator_limits_default();
    const struct tide_operator_limits none = tide_operator_limits_none();
    assert_true(count_values(metric, live, 4096, &is_exact).value == 4096 && is_exact);
    tide_i128 estimate = count_values(metric, live, 4097, &is_exact).value;
    assert_true(estimate > 4097 - 200 && estimate < 4097 + 200 && !is_exact);
    estimate = count_values(metric, live, 20000, &is_exact).value;
    assert_true(estimate > 20000 - 1000 && estimate < 20000 + 1000 && !is_exact);
    assert_true(count_values(metric, none, 20000, &is_exact).value == 20000 && is_exact);
    estimate = count_values("{approx_distinct: n, every: 1h}", none, 20000, &is_exact).value;
    assert_true(estimate > 20000 - 1000 && estimate < 20000 + 1000 && !is_exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_trap_9_expired_extremes),
        cmocka_unit_test(test_large_sums),
        cmocka_unit_test(test_distinct_of_a_column_is_exact_to_4096),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
