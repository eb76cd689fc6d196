/* Goal: every aggregate, over windows and groups with nulls, equals what a plain loop over all
 * events finds; nothing depends on how the stream is cut. Method: random streams against a model
 * that looks at every event for every cell. */
#include "operator/cells.h"

#include "unit/operator/stream.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    ROWS = 3000
};

static const char definitions_text[] =
    FIXTURE_SCHEMA "metrics:\n"
                   "  m1: {count: events, every: 1h}\n"
                   "  m2: {count: events, every: 1h, by: [a]}\n"
                   "  m3: {count: events, every: 30m, by: [b, a, n], where: n > 0}\n"
                   "  m4: {distinct: user_id, every: 2h}\n"
                   "  m5: {distinct: user_id, every: 1h, by: [a, b]}\n"
                   "  m6: {sum: n, every: 1h, by: [x]}\n"
                   "  m7: {sum: x, every: 1d, by: [a]}\n"
                   "  m8: {mean: x, every: 1mo, by: [b]}\n"
                   "  m9: {min: x, every: 1h, by: [a], where: n > 0}\n"
                   "  m10: {max: n, every: 1w, by: [b, x]}\n"
                   "  m11: {max: at_, every: 1h, by: [n]}\n"
                   "  m12: {min: n, every: 1h, where: 'n > 99'}\n";

struct check {
    const struct stream *stream;
    const struct tide_metric *metric;
    uint64_t events; /* of all cells visited */
};

static bool is_kept(const struct check *check, uint32_t row)
{
    /* Of the conditions above: none, n > 0, n > 99. */
    const struct tide_vector *n = fixture_column(check->stream->batch, "n");
    if (check->metric->where == NULL) {
        return true;
    }
    const int64_t limit = check->metric->name.size == 3 ? 99 : 0;
    return n->present[row] != 0 && n->numbers[row] > limit;
}

static bool is_of_group(const struct check *check, uint32_t row, struct tide_view group)
{
    size_t at = 0;
    for (uint32_t i = 0; i < check->metric->by_count; i++) {
        const struct tide_value value =
            tide_batch_value(check->stream->batch, check->metric->by[i], row);
        if (tide_value_compare(tide_value_decode(group, &at), value) != 0) {
            return false;
        }
    }
    return at == group.size;
}

static void add_event(const struct check *check,
                      uint32_t row,
                      struct tide_cell_value *value,
                      bool *seen)
{
    const struct tide_metric *metric = check->metric;
    const uint32_t entity = check->stream->entities[row];
    value->events++;
    if (metric->kind == TIDE_METRIC_COUNT) {
        value->count++;
    } else if (metric->kind == TIDE_METRIC_DISTINCT) {
        if (entity != TIDE_DICTIONARY_NONE && !seen[entity]) {
            seen[entity] = true;
            value->distinct++;
        }
    } else {
        const struct tide_value v = tide_batch_value(check->stream->batch, metric->column, row);
        if (v.present) {
            value->min = value->count == 0 || v.number < value->min ? v.number : value->min;
            value->max = value->count == 0 || v.number > value->max ? v.number : value->max;
            value->sum += v.number;
            value->count++;
        }
    }
}

static void check_cell(void *context,
                       struct tide_window window,
                       struct tide_view group,
                       const struct tide_cell_value *value)
{
    struct check *check = context;
    struct tide_cell_value model = {0};
    bool seen[STREAM_ENTITIES] = {false};
    for (uint32_t row = 0; row < ROWS; row++) {
        const int64_t t = check->stream->times[row].us;
        if (t >= window.start.us && t < window.end.us && is_kept(check, row) &&
            is_of_group(check, row, group)) {
            add_event(check, row, &model, seen);
        }
    }
    assert_int_equal(value->events, model.events);
    assert_int_equal(value->distinct, model.distinct);
    assert_int_equal(value->count, model.count);
    assert_true(value->events > 0);
    if (check->metric->kind == TIDE_METRIC_SUM || check->metric->kind == TIDE_METRIC_MEAN) {
        assert_true(value->sum == model.sum);
    }
    if (check->metric->kind == TIDE_METRIC_MIN || check->metric->kind == TIDE_METRIC_MAX) {
        assert_true(value->min == model.min && value->max == model.max);
    }
    check->events += value->events;
}

static void test_against_model(void **state)
{
    (void)state;
    static uint32_t rows[ROWS];
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_definitions *definitions = fixture_load(&fixture, definitions_text);
    assert_string_equal(fixture_errors(&fixture), "");
    for (uint64_t first_seed = 1; first_seed <= 3; first_seed++) {
        uint64_t seed = first_seed;
        struct stream stream = {0};
        stream_create(&stream, definitions->schema, ROWS, &seed);
        for (uint32_t i = 0; i < definitions->metric_count; i++) {
            struct check check = {&stream, &definitions->metrics[i], 0};
            struct tide_cells *cells = NULL;
            uint64_t expected = 0;
            for (uint32_t row = 0; row < ROWS; row++) {
                rows[row] = row;
                expected += is_kept(&check, row);
            }
            assert_int_equal(tide_cells_create(definitions->schema, check.metric, &cells, NULL),
                             TIDE_OK);
            stream_feed(&stream, rows, ROWS, cells, &seed);
            tide_cells_visit(cells, check_cell, &check);
            assert_int_equal(check.events, expected);
            assert_true(tide_cells_bytes(cells) > sizeof(struct tide_cell_value));
            tide_cells_destroy(cells);
        }
        stream_destroy(&stream);
    }
    fixture_release(&fixture);
}

/* Sums go beyond 64 bits. */
static void keep_value(void *context,
                       struct tide_window window,
                       struct tide_view group,
                       const struct tide_cell_value *value)
{
    (void)window;
    (void)group;
    *(struct tide_cell_value *)context = *value;
}

static void test_large_sums(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_definitions *definitions =
        fixture_load(&fixture, FIXTURE_SCHEMA "metrics: {m: {sum: n, every: 1h}}\n");
    struct tide_batch *batch = fixture_batch(definitions->schema, 3);
    const uint32_t rows[] = {0, 1, 2};
    const struct tide_instant times[3] = {{1}, {2}, {3}};
    const uint32_t nobody[] = {TIDE_DICTIONARY_NONE, TIDE_DICTIONARY_NONE, TIDE_DICTIONARY_NONE};
    for (uint32_t row = 0; row < 3; row++) {
        fixture_set_number(batch, row, "n", INT64_MAX);
    }
    struct tide_cells *cells = NULL;
    struct tide_cell_value value = {0};
    const struct tide_cells_input input = {batch, rows, 3, times, nobody};
    assert_int_equal(tide_cells_create(definitions->schema, &definitions->metrics[0], &cells, NULL),
                     TIDE_OK);
    assert_int_equal(tide_cells_update(cells, &input, NULL), TIDE_OK);
    assert_int_equal(tide_cells_count(cells), 1);
    tide_cells_visit(cells, keep_value, &value);
    assert_true(value.sum == (tide_i128)INT64_MAX * 3);
    tide_cells_destroy(cells);
    tide_cells_destroy(NULL);
    tide_batch_destroy(batch);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_large_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
