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

/* As one by one, with the same uid more than once in a call. */
static void test_many(void **state)
{
    (void)state;
    static struct tide_u128 uids[UID_COUNT];
    static bool is_new[UID_COUNT];
    struct tide_dedupe *dedupe = NULL;
    struct tide_dedupe *one_by_one = NULL;
    assert_int_equal(tide_dedupe_create(&dedupe, NULL), TIDE_OK);
    assert_int_equal(tide_dedupe_create(&one_by_one, NULL), TIDE_OK);
    for (uint64_t i = 0; i < UID_COUNT; i++) {
        uids[i] = uid_of(i % 5 == 0 ? i / 10 : i);
    }
    for (uint32_t first = 0, size = 0; first + size <= UID_COUNT; first += size, size++) {
        assert_true(tide_dedupe_add_many(dedupe, uids + first, size, is_new));
        for (uint32_t i = 0; i < size; i++) {
            const enum tide_status status = tide_dedupe_add(one_by_one, uids[first + i]);
            assert_int_equal(status, is_new[i] ? TIDE_OK : TIDE_REJECT);
        }
        assert_int_equal(tide_dedupe_count(dedupe), tide_dedupe_count(one_by_one));
    }
    tide_dedupe_destroy(dedupe);
    tide_dedupe_destroy(one_by_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
