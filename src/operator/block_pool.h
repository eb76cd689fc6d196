/* Blocks of 1, 2, 4, .. items of one size, from slabs that never move: what each key keeps (its
 * sessions, its steps) in as much memory as it needs. A freed block is used again for its class.
 * Private to the room. One thread. */
#ifndef TIDE_OPERATOR_BLOCK_POOL_H
#define TIDE_OPERATOR_BLOCK_POOL_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TIDE_BLOCK_CLASSES = 32, /* the largest block has 2^31 items */
};
#define TIDE_BLOCK_NONE UINT32_MAX

/* All zero but item_size is a valid empty pool. */
struct tide_block_pool {
    size_t item_size; /* at least 4 */
    char **slabs;
    uint32_t slab_count;
    uint32_t slab_capacity;
    uint32_t shared;       /* the first block of the slab that small blocks are cut from */
    uint32_t shared_items; /* of it; 0: there is none yet */
    uint32_t used;         /* items of it */
    uint32_t free[TIDE_BLOCK_CLASSES]; /* the first free block of a class plus one */
    size_t bytes;
};

void tide_block_pool_release(struct tide_block_pool *pool);
/* A block of 2^class items, not zeroed. NONE: out of memory. */
uint32_t tide_block_pool_take(struct tide_block_pool *pool, uint32_t class);
void tide_block_pool_give(struct tide_block_pool *pool, uint32_t block, uint32_t class);
void *tide_block_pool_at(const struct tide_block_pool *pool, uint32_t block);
/* The class of a block that holds count items. */
uint32_t tide_block_class_of(uint32_t count);

#endif
