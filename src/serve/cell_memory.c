#include "serve/cell_memory.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    SLOTS_MIN = 1 << 10,
};

struct tide_cell_memory {
    struct tide_cell_told *slots; /* open addressing, at most three quarters full; key 0: free */
    uint32_t slot_count;
    uint32_t count;
    uint32_t cells_max;
};

struct tide_cell_memory *tide_cell_memory_create(uint32_t cells_max)
{
    tide_assert(cells_max > 0);
    struct tide_cell_memory *memory = calloc(1, sizeof(*memory));
    if (memory == NULL) {
        return NULL;
    }
    memory->cells_max = cells_max;
    memory->slot_count = SLOTS_MIN;
    memory->slots = calloc(memory->slot_count, sizeof(*memory->slots));
    if (memory->slots == NULL) {
        free(memory);
        return NULL;
    }
    return memory;
}

void tide_cell_memory_destroy(struct tide_cell_memory *memory)
{
    if (memory != NULL) {
        free(memory->slots);
        free(memory);
    }
}

static struct tide_cell_told *find(struct tide_cell_told *slots, uint32_t slot_count, uint64_t key)
{
    uint32_t at = (uint32_t)key & (slot_count - 1);
    while (slots[at].key != 0 && slots[at].key != key) {
        at = (at + 1) & (slot_count - 1);
    }
    return &slots[at];
}

static bool grow(struct tide_cell_memory *memory)
{
    const uint32_t count = memory->slot_count * 2;
    struct tide_cell_told *slots = calloc(count, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < memory->slot_count; i++) {
        if (memory->slots[i].key != 0) {
            *find(slots, count, memory->slots[i].key) = memory->slots[i];
        }
    }
    free(memory->slots);
    memory->slots = slots;
    memory->slot_count = count;
    return true;
}

uint64_t tide_cell_memory_key(struct tide_view key)
{
    return tide_hash64(key, 0) | 1;
}

struct tide_cell_told *tide_cell_memory_note(struct tide_cell_memory *memory,
                                             uint64_t key,
                                             bool *is_new)
{
    tide_assert(key != 0);
    struct tide_cell_told *told = find(memory->slots, memory->slot_count, key);
    *is_new = told->key == 0;
    if (!*is_new) {
        return told;
    }
    const bool has_room = memory->count < memory->cells_max &&
                          (memory->count < memory->slot_count / 4 * 3 || grow(memory));
    if (!has_room) {
        return NULL;
    }
    told = find(memory->slots, memory->slot_count, key);
    told->key = key;
    memory->count++;
    return told;
}

uint32_t tide_cell_memory_count(const struct tide_cell_memory *memory)
{
    return memory->count;
}

void tide_cell_memory_forget(struct tide_cell_memory *memory)
{
    memset(memory->slots, 0, memory->slot_count * sizeof(*memory->slots));
    memory->count = 0;
}
