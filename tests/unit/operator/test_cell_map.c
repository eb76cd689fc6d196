/* Goal: (start, group) finds its own cell through every growth; merging values is exact.
 * Method: a grid of starts (also negative) and groups, asked twice; a table of merges. */
#include "operator/cell_map.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_places(void **state)
{
    enum {
        STARTS = 200,
        GROUPS = 50
    };
    (void)state;
    struct tide_cell_map map = {0};
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < STARTS * GROUPS; i++) {
            const int64_t start_us = ((int64_t)(i / GROUPS) - 100) * 60000000;
            const uint32_t index = tide_cell_map_place(&map, start_us, i % GROUPS);
            assert_int_equal(index, i);
            assert_true(map.records[index].start_us == start_us);
            assert_int_equal(map.records[index].group, i % GROUPS);
            assert_int_equal(map.records[index].value.events, round);
            map.records[index].value.events++;
        }
        assert_int_equal(map.count, STARTS * GROUPS);
    }
    assert_true(tide_cell_map_bytes(&map) >= map.count * sizeof(struct tide_cell_record));
    tide_cell_map_release(&map);
    assert_int_equal(map.count, 0);
}

static void test_merges(void **state)
{
    static const struct {
        struct tide_cell_value a;
        struct tide_cell_value b;
        struct tide_cell_value both;
    } cases[] = {
        /* events, count, distinct, sum, min, max */
        {{0, 0, 0, 0, 0, 0}, {3, 2, 1, -5, -4, -1}, {3, 2, 1, -5, -4, -1}},
        {{3, 2, 1, 5, 1, 4}, {0, 0, 0, 0, 0, 0}, {3, 2, 1, 5, 1, 4}},
        /* Nulls alone have no extremes. */
        {{3, 2, 0, 5, 1, 4}, {2, 0, 0, 0, 0, 0}, {5, 2, 0, 5, 1, 4}},
        {{2, 0, 0, 0, 0, 0}, {3, 2, 0, 5, 1, 4}, {5, 2, 0, 5, 1, 4}},
        {{2, 2, 7, 3, 1, 2}, {3, 3, 8, 3, -1, 9}, {5, 5, 15, 6, -1, 9}},
        {{1, 1, 0, INT64_MAX, INT64_MAX, INT64_MAX},
         {1, 1, 0, INT64_MAX, INT64_MIN, INT64_MIN},
         {2, 2, 0, (tide_i128)INT64_MAX * 2, INT64_MIN, INT64_MAX}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_cell_value value = cases[i].a;
        const struct tide_cell_value *both = &cases[i].both;
        tide_cell_value_merge(&value, &cases[i].b);
        assert_int_equal(value.events, both->events);
        assert_int_equal(value.count, both->count);
        assert_int_equal(value.distinct, both->distinct);
        assert_true(value.sum == both->sum && value.min == both->min && value.max == both->max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_merges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
