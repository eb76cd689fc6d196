/* Goal: blocks never overlap, keep what is written to them, and are used again; nothing of a slab
 * is lost. Method: random taking and giving of all small classes against a list of what is held,
 * each block filled with its own pattern; large blocks; a malloc that fails when told (the source
 * is included). */
#include "operator/block_pool.h"

#include "support/failing_allocation.h"
#include "unit/operator/partial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define malloc failing_malloc
#define realloc failing_realloc
#include "operator/block_pool.c" /* NOLINT(bugprone-suspicious-include) */
#undef malloc
#undef realloc

enum {
    ITEM_SIZE = 24,
    HELD_MAX = 400
};

struct held {
    uint32_t block;
    uint32_t class;
    uint8_t pattern;
};

static void test_classes(void **state)
{
    (void)state;
    static const uint32_t cases[][2] = {{0, 0},
                                        {1, 0},
                                        {2, 1},
                                        {3, 2},
                                        {4, 2},
                                        {5, 3},
                                        {512, 9},
                                        {513, 10},
                                        {1U << 24, 24},
                                        {(1U << 24) + 1, 25},
                                        {1U << 31, 31}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(tide_block_class_of(cases[i][0]), cases[i][1]);
    }
}

static void fill(const struct tide_block_pool *pool, const struct held *held)
{
    memset(tide_block_pool_at(pool, held->block), held->pattern, (size_t)ITEM_SIZE << held->class);
}

static void check(const struct tide_block_pool *pool, const struct held *held)
{
    const uint8_t *bytes = tide_block_pool_at(pool, held->block);
    for (size_t i = 0; i < (size_t)ITEM_SIZE << held->class; i++) {
        assert_int_equal(bytes[i], held->pattern);
    }
}

static void test_blocks_keep_what_is_theirs(void **state)
{
    (void)state;
    static struct held held[HELD_MAX];
    uint64_t seed = 1;
    uint32_t count = 0;
    struct tide_block_pool pool = {.item_size = ITEM_SIZE};
    for (uint32_t round = 0; round < 20000; round++) {
        const bool is_take = count == 0 || (count < HELD_MAX && partial_below(&seed, 5) < 3);
        if (is_take) {
            struct held *one = &held[count++];
            one->class = partial_below(&seed, partial_below(&seed, 50) == 0 ? 14 : 6);
            one->pattern = (uint8_t)partial_random(&seed);
            one->block = tide_block_pool_take(&pool, one->class);
            assert_int_not_equal(one->block, TIDE_BLOCK_NONE);
            fill(&pool, one);
        } else {
            const uint32_t at = partial_below(&seed, count);
            check(&pool, &held[at]);
            tide_block_pool_give(&pool, held[at].block, held[at].class);
            held[at] = held[--count];
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        check(&pool, &held[i]);
    }
    tide_block_pool_release(&pool);
    assert_int_equal(pool.bytes, 0);
    assert_int_equal(pool.item_size, ITEM_SIZE);
}

/* What a large block leaves of a slab is given out before a new slab is made. */
static void test_rest_of_a_slab_is_used(void **state)
{
    (void)state;
    struct tide_block_pool pool = {.item_size = 4};
    assert_int_equal(tide_block_pool_take(&pool, 0), 0);
    assert_int_not_equal(tide_block_pool_take(&pool, 9), TIDE_BLOCK_NONE);
    assert_int_equal(pool.slab_count, 1);
    assert_int_not_equal(tide_block_pool_take(&pool, 9), TIDE_BLOCK_NONE);
    assert_int_equal(pool.slab_count, 2);
    uint32_t taken = 0;
    for (uint32_t k = 0; k < 9; k++) { /* 2^9 - 1 items are left of the first */
        assert_true(tide_block_pool_take(&pool, k) < SLAB_ITEMS_MIN);
        taken += 1U << k;
    }
    assert_int_equal(taken, SLAB_ITEMS_MIN / 2 - 1);
    assert_int_equal(pool.slab_count, 2);
    assert_int_equal(pool.bytes, (1 + 2) * SLAB_ITEMS_MIN * 4);
    tide_block_pool_release(&pool);
}

/* Slabs double up to the largest, and no further. */
static void test_slabs_double(void **state)
{
    (void)state;
    struct tide_block_pool pool = {.item_size = 4};
    size_t items = 0;
    for (uint32_t slab = 0; slab < 9; slab++) {
        const uint32_t size = slab < 6 ? (uint32_t)SLAB_ITEMS_MIN << slab : SLAB_ITEMS;
        for (uint32_t i = 0; i < size; i++) {
            assert_int_equal(tide_block_pool_take(&pool, 0), slab << SLAB_BITS | i);
        }
        items += size;
        assert_int_equal(pool.bytes, items * 4);
    }
    assert_int_equal(tide_block_pool_take(&pool, 12), 9U << SLAB_BITS);
    tide_block_pool_release(&pool);
    assert_int_equal(tide_block_pool_take(&pool, 12), 0); /* a slab of its size */
    assert_int_equal(pool.bytes, 4096 * 4);
    tide_block_pool_release(&pool);
}

static void test_large_blocks(void **state)
{
    (void)state;
    struct tide_block_pool pool = {.item_size = 8};
    const uint32_t small = tide_block_pool_take(&pool, 3);
    const uint32_t large = tide_block_pool_take(&pool, 17);
    const uint32_t slab = tide_block_pool_take(&pool, 16);
    memset(tide_block_pool_at(&pool, large), 1, (size_t)8 << 17);
    memset(tide_block_pool_at(&pool, slab), 2, (size_t)8 << 16);
    memset(tide_block_pool_at(&pool, small), 3, (size_t)8 << 3);
    assert_int_equal(((uint8_t *)tide_block_pool_at(&pool, large))[((size_t)8 << 17) - 1], 1);
    tide_block_pool_give(&pool, large, 17);
    assert_int_equal(tide_block_pool_take(&pool, 17), large);
    tide_block_pool_release(&pool);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct tide_block_pool pool = {.item_size = 8};
    allocations_left = 0;
    assert_int_equal(tide_block_pool_take(&pool, 0), TIDE_BLOCK_NONE); /* no list of slabs */
    allocations_left = 1;
    assert_int_equal(tide_block_pool_take(&pool, 0), TIDE_BLOCK_NONE); /* no slab */
    allocations_left = 1;
    const uint32_t block = tide_block_pool_take(&pool, 9);
    assert_int_not_equal(block, TIDE_BLOCK_NONE);
    assert_int_not_equal(tide_block_pool_take(&pool, 8), TIDE_BLOCK_NONE);
    assert_int_equal(tide_block_pool_take(&pool, 9), TIDE_BLOCK_NONE);
    assert_int_not_equal(tide_block_pool_take(&pool, 8), TIDE_BLOCK_NONE); /* of the rest */
    assert_int_equal(tide_block_pool_take(&pool, 16), TIDE_BLOCK_NONE);
    allocations_left = -1;
    assert_int_not_equal(tide_block_pool_take(&pool, 15), TIDE_BLOCK_NONE);
    tide_block_pool_release(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_blocks_keep_what_is_theirs),
        cmocka_unit_test(test_rest_of_a_slab_is_used),
        cmocka_unit_test(test_slabs_double),
        cmocka_unit_test(test_large_blocks),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
