/* Goal: (start, length, group) finds its own cell through every growth. Method: a grid of starts
 * (also negative), lengths and groups, asked twice. */
#include "operator/cell_map.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    STARTS = 200,
    LENGTHS = 3,
    GROUPS = 20,
    CELLS = STARTS * LENGTHS * GROUPS
};

static struct tide_window window_at(uint32_t i)
{
    const int64_t minute_us = 60000000;
    const int64_t start_us = ((int64_t)(i / GROUPS / LENGTHS) - 100) * minute_us;
    const int64_t length_us = (int64_t)(1 + i / GROUPS % LENGTHS) * minute_us;
    return (struct tide_window){{start_us}, {start_us + length_us}};
}

static void test_places(void **state)
{
    (void)state;
    struct tide_cell_map map = {0};
    assert_int_equal(tide_cell_map_find(&map, window_at(0), 0), TIDE_CELL_NONE);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < CELLS; i++) {
            const struct tide_window window = window_at(i);
            assert_int_equal(tide_cell_map_find(&map, window, i % GROUPS),
                             round == 0 ? TIDE_CELL_NONE : i);
            assert_int_equal(tide_cell_map_place(&map, window, i % GROUPS), i);
            struct tide_cell_record *record = &map.records[i];
            const struct tide_window kept = tide_cell_record_window(record);
            assert_true(kept.start.us == window.start.us && kept.end.us == window.end.us);
            assert_int_equal(record->group, i % GROUPS);
            assert_int_equal(record->value.events, round);
            record->value.events++;
        }
        assert_int_equal(map.count, CELLS);
    }
    assert_int_equal(tide_cell_map_find(&map, window_at(0), GROUPS), TIDE_CELL_NONE);
    assert_true(tide_cell_map_bytes(&map) >= map.count * sizeof(struct tide_cell_record));
    tide_cell_map_release(&map);
    assert_int_equal(map.count, 0);
    assert_int_equal(tide_cell_map_bytes(&map), 0);
}

/* The longest window: 100 years. */
static void test_long_windows(void **state)
{
    (void)state;
    struct tide_cell_map map = {0};
    const int64_t century_us = INT64_C(36525) * 86400 * 1000000;
    const struct tide_window window = {{-century_us / 2}, {century_us / 2}};
    assert_int_equal(tide_cell_map_place(&map, window, 0), 0);
    const struct tide_window kept = tide_cell_record_window(&map.records[0]);
    assert_true(kept.start.us == window.start.us && kept.end.us == window.end.us);
    tide_cell_map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_long_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
