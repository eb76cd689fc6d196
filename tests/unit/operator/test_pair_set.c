/* Goal: a pair is new exactly once, at the ends of the ranges too.
 * Method: a grid of pairs, each added twice; every other pair must still be new. */
#include "operator/pair_set.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_each_once(void **state)
{
    enum {
        SIDE = 150
    };
    (void)state;
    struct tide_pair_set set = {0};
    assert_int_equal(tide_pair_set_bytes(&set), 0);
    assert_false(tide_pair_set_has(&set, 0, 0));
    for (int round = 0; round < 2; round++) {
        const enum tide_status expected = round == 0 ? TIDE_OK : TIDE_REJECT;
        for (uint32_t i = 0; i < SIDE; i++) {
            for (uint32_t k = 0; k < SIDE; k++) {
                /* Small numbers, as cells and entities are, and the largest. */
                const uint32_t first = i % 2 == 0 ? i : UINT32_MAX - i;
                const uint32_t second = k % 2 == 0 ? k : UINT32_MAX - k + 1;
                assert_true(tide_pair_set_has(&set, first, second) == (round > 0));
                assert_int_equal(tide_pair_set_add(&set, first, second), expected);
            }
        }
        assert_int_equal(set.count, SIDE * SIDE);
    }
    assert_int_equal(tide_pair_set_bytes(&set), set.slot_count * sizeof(uint64_t));
    assert_true(set.count <= set.slot_count / 4 * 3);
    tide_pair_set_release(&set);
    assert_int_equal(set.count, 0);
    assert_false(tide_pair_set_has(&set, 0, 0));
    assert_int_equal(tide_pair_set_add(&set, 0, 0), TIDE_OK);
    tide_pair_set_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
