/* Goal: a uid is new exactly once, whatever its bits, through every growth.
 * Method: uids made to collide (equal low or high halves, zero, all ones) and random ones, each
 * added twice, the second time after all of them. */
#include "operator/dedupe.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    UID_COUNT = 8000
};

/* Distinct for each index below UID_COUNT. */
static struct tide_u128 uid_of(uint64_t index)
{
    uint64_t seed = index;
    switch (index % 4) {
    case 0:
        return (struct tide_u128){index, 0};
    case 1:
        return (struct tide_u128){0, index << 40};
    case 2:
        return (struct tide_u128){UINT64_MAX - index, UINT64_MAX};
    default:
        return (struct tide_u128){fixture_random(&seed), fixture_random(&seed)};
    }
}

static void test_each_once(void **state)
{
    (void)state;
    struct tide_dedupe *dedupe = NULL;
    assert_int_equal(tide_dedupe_create(&dedupe, NULL), TIDE_OK);
    for (uint64_t i = 0; i < UID_COUNT; i++) {
        assert_int_equal(tide_dedupe_count(dedupe), i);
        assert_int_equal(tide_dedupe_add(dedupe, uid_of(i)), TIDE_OK);
    }
    for (uint64_t i = 0; i < UID_COUNT; i++) {
        assert_int_equal(tide_dedupe_add(dedupe, uid_of(i)), TIDE_REJECT);
    }
    assert_int_equal(tide_dedupe_count(dedupe), UID_COUNT);
    assert_true(tide_dedupe_bytes(dedupe) >= UID_COUNT * sizeof(struct tide_u128));
    assert_true(tide_dedupe_bytes(dedupe) <= UID_COUNT * sizeof(struct tide_u128) * 4);
    tide_dedupe_destroy(dedupe);
    tide_dedupe_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
