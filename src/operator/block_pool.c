/* A block's number is its slab and its place there. Small blocks share slabs, which double up to
 * SLAB_ITEMS, so that little state takes little memory; a block as large as that has one of its
 * own. */
#include "operator/block_pool.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    SLAB_BITS = 16,
    SLAB_ITEMS = 1 << SLAB_BITS,
    SLAB_ITEMS_MIN = 1024,
    SLABS_MIN = 16,
    SLABS_MAX = (1 << (32 - SLAB_BITS)) - 1, /* the last item of one more would be NONE */
};

void tide_block_pool_release(struct tide_block_pool *pool)
{
    for (uint32_t i = 0; i < pool->slab_count; i++) {
        free(pool->slabs[i]);
    }
    free(pool->slabs);
    *pool = (struct tide_block_pool){.item_size = pool->item_size};
}

/* The number of a new slab's first item; NONE: out of memory. */
static uint32_t add_slab(struct tide_block_pool *pool, size_t item_count)
{
    if (pool->slab_count == pool->slab_capacity) {
        const uint32_t doubled = pool->slab_capacity == 0 ? SLABS_MIN : pool->slab_capacity * 2;
        const uint32_t wanted = doubled < SLABS_MAX ? doubled : SLABS_MAX;
        char **slabs =
            pool->slab_count == SLABS_MAX ? NULL : realloc(pool->slabs, wanted * sizeof(*slabs));
        if (slabs == NULL) {
            return TIDE_BLOCK_NONE;
        }
        pool->slabs = slabs;
        pool->slab_capacity = wanted;
    }
    char *slab = malloc(item_count * pool->item_size);
    if (slab == NULL) {
        return TIDE_BLOCK_NONE;
    }
    pool->bytes += item_count * pool->item_size;
    pool->slabs[pool->slab_count] = slab;
    return pool->slab_count++ << SLAB_BITS;
}

void *tide_block_pool_at(const struct tide_block_pool *pool, uint32_t block)
{
    const uint32_t slab = block >> SLAB_BITS;
    tide_assert(slab < pool->slab_count);
    return pool->slabs[slab] + (size_t)(block & (SLAB_ITEMS - 1)) * pool->item_size;
}

uint32_t tide_block_class_of(uint32_t count)
{
    uint32_t class = 0;
    while (class < TIDE_BLOCK_CLASSES && (UINT32_C(1) << class) < count) {
        class ++;
    }
    tide_assert(class < TIDE_BLOCK_CLASSES);
    return class;
}

void tide_block_pool_give(struct tide_block_pool *pool, uint32_t block, uint32_t class)
{
    tide_assert(class < TIDE_BLOCK_CLASSES && block != TIDE_BLOCK_NONE);
    memcpy(tide_block_pool_at(pool, block), &pool->free[class], sizeof(pool->free[class]));
    pool->free[class] = block + 1;
}

/* The last slab's rest becomes free blocks, so nothing of it is lost. */
static void give_rest(struct tide_block_pool *pool)
{
    while (pool->used < pool->shared_items) {
        uint32_t class = 0;
        while (class + 1 < SLAB_BITS && pool->used + (UINT32_C(2) << class) <= pool->shared_items &&
               pool->used % (UINT32_C(2) << class) == 0) {
            class ++;
        }
        const uint32_t block = pool->shared + pool->used;
        pool->used += UINT32_C(1) << class;
        tide_block_pool_give(pool, block, class);
    }
}

/* Of the next shared slab, which is for a block of that size. */
static uint32_t next_items(const struct tide_block_pool *pool, uint32_t size)
{
    uint32_t items = pool->shared_items == 0 ? SLAB_ITEMS_MIN : pool->shared_items * 2;
    while (items < size) {
        items *= 2;
    }
    return items < SLAB_ITEMS ? items : SLAB_ITEMS;
}

uint32_t tide_block_pool_take(struct tide_block_pool *pool, uint32_t class)
{
    tide_assert(class < TIDE_BLOCK_CLASSES && pool->item_size >= sizeof(uint32_t));
    const uint32_t size = UINT32_C(1) << class;
    if (pool->free[class] != 0) {
        const uint32_t block = pool->free[class] - 1;
        memcpy(&pool->free[class], tide_block_pool_at(pool, block), sizeof(pool->free[class]));
        return block;
    }
    if (class >= SLAB_BITS) {
        return add_slab(pool, size);
    }
    if (pool->used + size > pool->shared_items) {
        const uint32_t items = next_items(pool, size);
        give_rest(pool);
        const uint32_t slab = add_slab(pool, items);
        if (slab == TIDE_BLOCK_NONE) {
            return TIDE_BLOCK_NONE;
        }
        pool->shared = slab;
        pool->shared_items = items;
        pool->used = 0;
    }
    const uint32_t block = pool->shared + pool->used;
    pool->used += size;
    return block;
}
