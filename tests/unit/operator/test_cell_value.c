/* Goal: merging cells is exact for every kind, in any grouping; what a cell says, and whether it is
 * exact, is what cell_value.h states. Method: tables of merges and answers; parts built by hand. */
#include "operator/cell_value.h"

#include "unit/operator/stream.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char definitions_text[] =
    "  count: {count: events, every: 1h}\n"
    "  who: {distinct: user_id, every: 1h}\n"
    "  texts: {distinct: a, every: 1h}\n"
    "  about: {approx_distinct: a, every: 1h}\n"
    "  sum_n: {sum: n, every: 1h}\n"
    "  sum_x: {sum: x, every: 1h}\n"
    "  mean_x: {mean: x, every: 1h}\n"
    "  min_x: {min: x, every: 1h}\n"
    "  max_n: {max: n, every: 1h}\n"
    "  ranks: {quantiles: [0.5, 1], of: x, every: 1h}\n"
    "  visits: {sessions: {per: user_id, timeout: 1m}, every: 1h}\n"
    "  path: {funnel: {per: [user_id], timeout: 1m, steps: [{i: b}, {s: 'n > 0'}]}, every: 1h}\n"
    "  back: {retention: {per: user_id, period: 1d, periods: 3}}\n"
    "  share: {ratio: [who, count]}\n";

static struct room room;

static int open_room(void **state)
{
    (void)state;
    room_open(&room, definitions_text);
    return 0;
}

static int close_room(void **state)
{
    (void)state;
    room_close(&room);
    return 0;
}

static const struct tide_metric *metric_of(const char *name)
{
    const struct tide_metric *metric = tide_definitions_find(room.definitions, tide_view_of(name));
    assert_non_null(metric);
    return metric;
}

static void test_counts_of_parts(void **state)
{
    static const struct {
        const char *metric;
        uint32_t steps;
        uint32_t ranks;
        unsigned places;
    } cases[] = {
        {"count", 0, 0, 0},
        {"who", 0, 0, 0},
        {"texts", 0, 0, 0},
        {"about", 0, 0, 0},
        {"sum_n", 0, 0, 0},
        {"sum_x", 0, 0, 6},
        {"mean_x", 0, 0, 6},
        {"min_x", 0, 0, 6},
        {"max_n", 0, 0, 0},
        {"ranks", 0, 2, 6},
        {"visits", 0, 1, 0},
        {"path", 2, 1, 0},
        {"back", 4, 0, 0},
        {"share", 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct tide_metric *metric = metric_of(cases[i].metric);
        assert_int_equal(tide_metric_step_count(metric), cases[i].steps);
        assert_int_equal(tide_metric_rank_count(metric), cases[i].ranks);
        assert_int_equal(tide_metric_places(room.definitions->schema, metric), cases[i].places);
    }
}

static void test_merges_of_numbers(void **state)
{
    static const struct {
        struct tide_cell_value a;
        struct tide_cell_value b;
        struct tide_cell_value both;
    } cases[] = {
        {{.events = 0},
         {.events = 3, .count = 2, .distinct = 1, .sum = -5, .min = -4, .max = -1},
         {.events = 3, .count = 2, .distinct = 1, .sum = -5, .min = -4, .max = -1}},
        {{.events = 3, .count = 2, .distinct = 1, .sum = 5, .min = 1, .max = 4},
         {.events = 0},
         {.events = 3, .count = 2, .distinct = 1, .sum = 5, .min = 1, .max = 4}},
        /* Nulls alone have no extremes. */
        {{.events = 3, .count = 2, .sum = 5, .min = 1, .max = 4},
         {.events = 2},
         {.events = 5, .count = 2, .sum = 5, .min = 1, .max = 4}},
        {{.events = 2, .is_folded = true},
         {.events = 3, .count = 2, .sum = 5, .min = 1, .max = 4, .is_pending = true},
         {.events = 5,
          .count = 2,
          .sum = 5,
          .min = 1,
          .max = 4,
          .is_folded = true,
          .is_pending = true}},
        {{.events = 2, .count = 2, .distinct = 7, .sum = 3, .min = 1, .max = 2},
         {.events = 3, .count = 3, .distinct = 8, .sum = 3, .min = -1, .max = 9},
         {.events = 5, .count = 5, .distinct = 15, .sum = 6, .min = -1, .max = 9}},
        {{.events = 1, .count = 1, .sum = INT64_MAX, .min = INT64_MAX, .max = INT64_MAX},
         {.events = 1, .count = 1, .sum = INT64_MAX, .min = INT64_MIN, .max = INT64_MIN},
         {.events = 2,
          .count = 2,
          .sum = (tide_i128)INT64_MAX * 2,
          .min = INT64_MIN,
          .max = INT64_MAX}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct tide_cell_value value = cases[i].a;
        const struct tide_cell_value *both = &cases[i].both;
        assert_int_equal(tide_cell_value_merge(metric_of("sum_n"), &value, &cases[i].b), TIDE_OK);
        assert_int_equal(value.events, both->events);
        assert_int_equal(value.count, both->count);
        assert_int_equal(value.distinct, both->distinct);
        assert_true(value.sum == both->sum && value.min == both->min && value.max == both->max);
        assert_int_equal(value.is_folded, both->is_folded);
        assert_int_equal(value.is_pending, both->is_pending);
        assert_null(value.parts);
    }
}

/* A value with parts of everything that its metric has, from a number. */
static struct tide_cell_value value_of(const struct tide_metric *metric, int64_t number)
{
    struct tide_cell_value value = {.events = 2, .count = 1, .sum = number};
    assert_true(tide_cell_value_open(metric, &value));
    assert_true(tide_cell_value_open(metric, &value)); /* a second time changes nothing */
    if (tide_metric_rank_count(metric) > 0) {
        assert_int_equal(tide_quantile_sketch_add(&value.parts->sketch, number), TIDE_OK);
    }
    if (metric->kind == TIDE_METRIC_DISTINCT || metric->kind == TIDE_METRIC_APPROX_DISTINCT) {
        const struct tide_u128 hash =
            tide_hash128((struct tide_view){(const char *)&number, sizeof(number)}, 0);
        assert_int_equal(tide_value_set_add(&value.parts->values, hash), TIDE_OK);
    }
    for (uint32_t k = 0; k < tide_metric_step_count(metric); k++) {
        value.parts->steps[k] = (struct tide_step_count){9 - k, 5 - k, k == 1};
    }
    return value;
}

static void test_merges_of_parts(void **state)
{
    static const char *const names[] = {"texts", "about", "ranks", "visits", "path", "back"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct tide_metric *metric = metric_of(names[i]);
        struct tide_cell_value all = {0};
        for (int64_t number = 1; number <= 4; number++) {
            struct tide_cell_value one = value_of(metric, number % 3);
            assert_int_equal(tide_cell_value_merge(metric, &all, &one), TIDE_OK);
            assert_int_equal(one.events, 2);
            tide_cell_value_release(&one);
            assert_null(one.parts);
        }
        assert_int_equal(all.events, 8);
        if (metric->kind == TIDE_METRIC_DISTINCT || metric->kind == TIDE_METRIC_APPROX_DISTINCT) {
            const struct tide_number number =
                tide_cell_number(room.definitions->schema, metric, &all);
            assert_true(number.present && number.value == 3); /* 1, 2, 0, and 1 again */
            assert_int_equal(tide_cell_is_exact(metric, &all),
                             metric->kind == TIDE_METRIC_DISTINCT);
        }
        if (tide_metric_rank_count(metric) > 0) {
            double median = -1;
            assert_int_equal(tide_quantile_sketch_count(&all.parts->sketch), 4);
            assert_true(tide_cell_value_rank(metric, &all, 0, &median));
            assert_true(median == 1);
            assert_false(tide_cell_is_exact(metric, &all));
        }
        for (uint32_t k = 0; k < tide_metric_step_count(metric); k++) {
            assert_int_equal(all.parts->steps[k].reached, 4 * (9 - k));
            assert_int_equal(all.parts->steps[k].entities, 4 * (5 - k));
            assert_int_equal(all.parts->steps[k].open, k == 1 ? 4 : 0);
        }
        tide_cell_value_release(&all);
    }
}

static void test_numbers(void **state)
{
    static const struct {
        const char *metric;
        bool present;
        unsigned places;
        int64_t value;
    } cases[] = {
        {"count", true, 0, 3},
        {"who", true, 0, 2},
        {"texts", true, 0, 2},
        {"about", true, 0, 2},
        {"sum_n", true, 0, -50},
        {"sum_x", true, 6, -50},
        {"mean_x", true, 6, -50},
        {"min_x", true, 6, -40},
        {"max_n", true, 0, -10},
    };
    (void)state;
    const struct tide_cell_value some = {
        .events = 4, .count = 3, .distinct = 2, .sum = -50, .min = -40, .max = -10};
    const struct tide_cell_value nulls = {.events = 4};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct tide_metric *metric = metric_of(cases[i].metric);
        struct tide_number number = tide_cell_number(room.definitions->schema, metric, &some);
        assert_true(number.present);
        assert_int_equal(number.places, cases[i].places);
        assert_true(number.value == cases[i].value);
        number = tide_cell_number(room.definitions->schema, metric, &nulls);
        assert_int_equal(number.present,
                         metric->kind == TIDE_METRIC_COUNT ||
                             metric->kind == TIDE_METRIC_DISTINCT ||
                             metric->kind == TIDE_METRIC_APPROX_DISTINCT);
        assert_true(tide_cell_is_exact(metric, &some));
    }
    const struct tide_cell_value third = {.events = 3, .count = 3, .sum = 1000000};
    assert_true(tide_cell_mean(room.definitions->schema, metric_of("mean_x"), &third) == 1.0 / 3);
}

/* What a batch found has its place, and is exact. */
static void test_exact_ranks(void **state)
{
    (void)state;
    const struct tide_metric *metric = metric_of("ranks");
    struct tide_cell_value batch = {.events = 2, .count = 2};
    struct tide_cell_value copy = {0};
    double number = 0;
    assert_false(tide_cell_value_rank(metric, &batch, 0, &number));
    assert_true(tide_cell_is_exact(metric, &batch));
    assert_true(tide_cell_value_open(metric, &batch));
    assert_false(tide_cell_value_rank(metric, &batch, 0, &number)); /* nothing in the sketch */
    assert_true(tide_cell_is_exact(metric, &batch));
    batch.parts->exact = malloc(2 * sizeof(*batch.parts->exact));
    assert_non_null(batch.parts->exact);
    batch.parts->exact[0] = 123456789;
    batch.parts->exact[1] = -7;
    assert_int_equal(tide_cell_value_merge(metric, &copy, &batch), TIDE_OK);
    tide_cell_value_release(&batch);
    assert_true(tide_cell_value_rank(metric, &copy, 0, &number) && number == 123456789);
    assert_true(tide_cell_value_rank(metric, &copy, 1, &number) && number == -7);
    assert_true(tide_cell_is_exact(metric, &copy));
    copy.is_pending = true;
    assert_false(tide_cell_is_exact(metric, &copy));
    tide_cell_value_release(&copy);
}

/* A set that became an estimate makes every merge one, in either order. */
static void test_estimates_spread(void **state)
{
    (void)state;
    const struct tide_metric *metric = metric_of("texts");
    for (int order = 0; order < 2; order++) {
        struct tide_cell_value many = {.events = 5000};
        struct tide_cell_value few = value_of(metric, 3);
        struct tide_cell_value all = {0};
        assert_true(tide_cell_value_open(metric, &many));
        tide_value_set_init(&many.parts->values, TIDE_VALUE_SET_LIMITED);
        for (uint64_t i = 1; i <= 5000; i++) {
            const struct tide_u128 hash =
                tide_hash128((struct tide_view){(const char *)&i, sizeof(i)}, 0);
            assert_int_equal(tide_value_set_add(&many.parts->values, hash), TIDE_OK);
        }
        assert_true(tide_cell_is_exact(metric, &few));
        assert_false(tide_cell_is_exact(metric, &many));
        assert_int_equal(tide_cell_value_merge(metric, &all, order == 0 ? &few : &many), TIDE_OK);
        assert_int_equal(tide_cell_is_exact(metric, &all), order == 0);
        assert_int_equal(tide_cell_value_merge(metric, &all, order == 0 ? &many : &few), TIDE_OK);
        assert_false(tide_cell_is_exact(metric, &all));
        tide_cell_value_release(&many);
        tide_cell_value_release(&few);
        tide_cell_value_release(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_of_parts),
        cmocka_unit_test(test_merges_of_numbers),
        cmocka_unit_test(test_merges_of_parts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_exact_ranks),
        cmocka_unit_test(test_estimates_spread),
    };
    return cmocka_run_group_tests(tests, open_room, close_room);
}
