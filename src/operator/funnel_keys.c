/* Open addressing; a slot is the index of a key. There are three slots for two keys: a number that
 * is no power of two, so a hash is scaled to it. */
#include "operator/funnel_keys.h"

#include "base/assert.h"
#include "base/table_memory.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    KEYS_MIN = 64,
    AHEAD = 16, /* keys for which memory is asked before they are put into new slots */
    PREFETCH_MAX = 64,
};

static uint32_t place_of(const struct funnel *funnel, struct funnel_key_name name)
{
    uint64_t hash = ((uint64_t)name.entity << 32 | name.rest) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)((hash >> 32) * funnel->slot_count >> 32);
}

static uint32_t *find_slot(const struct funnel *funnel, struct funnel_key_name name)
{
    for (uint64_t i = place_of(funnel, name);; i++) {
        uint32_t *slot = &funnel->slots[i < funnel->slot_count ? i : i - funnel->slot_count];
        if (*slot == 0 || (funnel->keys[*slot - 1].entity == name.entity &&
                           funnel->keys[*slot - 1].rest == name.rest)) {
            return slot;
        }
    }
}

static struct funnel_key_name name_of(const struct funnel_key *key)
{
    return (struct funnel_key_name){key->entity, key->rest};
}

static bool grow_keys(struct funnel *funnel)
{
    const uint64_t wanted =
        funnel->key_capacity == 0 ? KEYS_MIN : (uint64_t)funnel->key_capacity * 2;
    if (wanted >= UINT32_MAX / 2) {
        return false;
    }
    const uint64_t slot_count = wanted + wanted / 2;
    uint32_t *slots = tide_table_memory(slot_count, sizeof(*slots));
    struct funnel_key *keys = slots == NULL ? NULL : realloc(funnel->keys, wanted * sizeof(*keys));
    if (keys == NULL) {
        free(slots);
        return false;
    }
    free(funnel->slots);
    funnel->slots = slots;
    funnel->slot_count = (uint32_t)slot_count;
    funnel->keys = keys;
    funnel->key_capacity = (uint32_t)wanted;
    for (uint32_t i = 0; i < funnel->key_count; i++) {
        if (funnel->key_count - i > AHEAD) {
            __builtin_prefetch(&slots[place_of(funnel, name_of(&keys[i + AHEAD]))], 1);
        }
        *find_slot(funnel, name_of(&keys[i])) = i + 1;
    }
    return true;
}

bool funnel_find_rests(struct funnel *funnel, const struct tide_batch *batch, uint32_t count)
{
    if (funnel->rest_column_count == 0) {
        const uint32_t none = tide_dictionary_intern(funnel->rests, TIDE_VIEW(""));
        for (uint32_t i = 0; i < count; i++) {
            funnel->row_rests[i] = none;
        }
        return none != TIDE_DICTIONARY_NONE;
    }
    const struct row_keys_source source = {batch, funnel->rest_columns, funnel->rest_column_count};
    if (!row_keys_find(&funnel->rest_keys,
                       funnel->rests,
                       &source,
                       funnel->base.rows,
                       count,
                       funnel->row_rests)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (funnel->row_rests[i] == TIDE_DICTIONARY_NONE) {
            return false;
        }
    }
    return true;
}

struct funnel_key *funnel_find_key(struct funnel *funnel, struct funnel_key_name name)
{
    if (funnel->key_capacity > 0) {
        const uint32_t *slot = find_slot(funnel, name);
        if (*slot != 0) {
            return &funnel->keys[*slot - 1];
        }
    }
    if (funnel->key_count == funnel->key_capacity && !grow_keys(funnel)) {
        return NULL;
    }
    uint32_t *slot = find_slot(funnel, name);
    struct funnel_key *key = &funnel->keys[funnel->key_count++];
    *key = (struct funnel_key){name.entity, name.rest, TIDE_BLOCK_NONE, 0};
    *slot = funnel->key_count;
    return key;
}

void funnel_prefetch_keys(const struct funnel *funnel,
                          const struct funnel_key_name *names,
                          uint32_t count)
{
    uint32_t places[PREFETCH_MAX];
    tide_assert(count <= PREFETCH_MAX);
    if (funnel->key_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        places[i] = place_of(funnel, names[i]);
        __builtin_prefetch(&funnel->slots[places[i]], 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t slot = funnel->slots[places[i]];
        __builtin_prefetch(&funnel->keys[slot == 0 ? 0 : slot - 1], 1);
    }
    for (uint32_t i = 0; i < count; i++) { /* not always the right key, but most often */
        const uint32_t slot = funnel->slots[places[i]];
        const struct funnel_key *key = &funnel->keys[slot == 0 ? 0 : slot - 1];
        if (key->count != FUNNEL_KEY_OVERFULL) {
            __builtin_prefetch(funnel_key_events(funnel, key), 1);
        }
    }
}
