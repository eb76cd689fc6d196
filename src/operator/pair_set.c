/* Open addressing over 64-bit keys, at most three quarters full. */
#include "operator/pair_set.h"

#include "base/assert.h"
#include "base/table_memory.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    SLOTS_MIN = 64
};

void tide_pair_set_release(struct tide_pair_set *set)
{
    free(set->slots);
    *set = (struct tide_pair_set){0};
}

/* Both halves count up from 0: one multiplication spreads them, and its high bits come down. */
static uint64_t hash_of(uint64_t key)
{
    const uint64_t hash = (key ^ (key >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32) ^ (key >> 32);
}

static uint64_t *find_slot(uint64_t *slots, uint64_t slot_count, uint64_t key)
{
    uint64_t i = hash_of(key) & (slot_count - 1);
    while (slots[i] != 0 && slots[i] != key) {
        i = (i + 1) & (slot_count - 1);
    }
    return &slots[i];
}

static bool grow(struct tide_pair_set *set)
{
    const uint64_t slot_count = set->slot_count == 0 ? SLOTS_MIN : set->slot_count * 2;
    uint64_t *slots = tide_table_memory(slot_count, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i] != 0) {
            *find_slot(slots, slot_count, set->slots[i]) = set->slots[i];
        }
    }
    free(set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    return true;
}

enum tide_status tide_pair_set_add(struct tide_pair_set *set, uint32_t first, uint32_t second)
{
    tide_assert(first < UINT32_MAX); /* so that the sum below is not 0 */
    const uint64_t key = ((uint64_t)first << 32 | second) + 1;
    if (set->count + 1 > set->slot_count / 4 * 3 && !grow(set)) {
        return TIDE_FATAL;
    }
    uint64_t *slot = find_slot(set->slots, set->slot_count, key);
    if (*slot != 0) {
        return TIDE_REJECT;
    }
    *slot = key;
    set->count++;
    return TIDE_OK;
}

bool tide_pair_set_has(const struct tide_pair_set *set, uint32_t first, uint32_t second)
{
    const uint64_t key = ((uint64_t)first << 32 | second) + 1;
    return set->slot_count > 0 && *find_slot(set->slots, set->slot_count, key) != 0;
}

size_t tide_pair_set_bytes(const struct tide_pair_set *set)
{
    return set->slot_count * sizeof(*set->slots);
}
