/* Open addressing. A slot holds the number of a key, and in the bits that numbers do not need a
 * part of the key's hash: so hardly another key is looked at on the way to one, or for one that is
 * new. There are three slots for two keys: a number that is no power of two, so a hash is scaled to
 * it, and the low bits, which decide the place least, are those that slots keep. */
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

static uint32_t hash_of(struct funnel_key_name name)
{
    uint64_t hash = ((uint64_t)name.entity << 32 | name.rest) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(hash >> 32);
}

static uint32_t place_of(const struct funnel *funnel, uint32_t hash)
{
    return (uint32_t)((uint64_t)hash * funnel->slot_count >> 32);
}

static uint32_t next_place(const struct funnel *funnel, uint32_t place)
{
    return place + 1 < funnel->slot_count ? place + 1 : 0;
}

/* The key of a slot that is not empty. */
static struct funnel_key *key_at(const struct funnel *funnel, uint32_t place)
{
    const uint32_t mask = (1U << funnel->number_bits) - 1;
    return &funnel->keys[(funnel->slots[place] & mask) - 1];
}

/* The slot of a key that may have that hash, from `place` on, or an empty one. */
static uint32_t find_hash(const struct funnel *funnel, uint32_t place, uint32_t hash)
{
    while (funnel->slots[place] != 0 &&
           (funnel->slots[place] ^ hash << funnel->number_bits) >> funnel->number_bits != 0) {
        place = next_place(funnel, place);
    }
    return place;
}

/* The slot of that key, or the empty one where it belongs. */
static uint32_t find_slot(const struct funnel *funnel, struct funnel_key_name name, uint32_t hash)
{
    uint32_t place = find_hash(funnel, place_of(funnel, hash), hash);
    while (funnel->slots[place] != 0) {
        const struct funnel_key *key = key_at(funnel, place);
        if (key->entity == name.entity && key->rest == name.rest) {
            break;
        }
        place = find_hash(funnel, next_place(funnel, place), hash);
    }
    return place;
}

static void put_key(struct funnel *funnel, uint32_t key, uint32_t hash)
{
    uint32_t place = place_of(funnel, hash);
    while (funnel->slots[place] != 0) {
        place = next_place(funnel, place);
    }
    funnel->slots[place] = hash << funnel->number_bits | (key + 1);
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
    funnel->number_bits = 64 - (uint32_t)__builtin_clzll(wanted); /* numbers from 1 to wanted */
    for (uint32_t i = 0; i < funnel->key_count; i++) {
        if (funnel->key_count - i > AHEAD) {
            const uint32_t hash = hash_of(name_of(&keys[i + AHEAD]));
            __builtin_prefetch(&slots[place_of(funnel, hash)], 1);
        }
        put_key(funnel, i, hash_of(name_of(&keys[i])));
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
    const uint32_t hash = hash_of(name);
    if (funnel->key_capacity > 0) {
        const uint32_t place = find_slot(funnel, name, hash);
        if (funnel->slots[place] != 0) {
            return key_at(funnel, place);
        }
    }
    if (funnel->key_count == funnel->key_capacity && !grow_keys(funnel)) {
        return NULL;
    }
    struct funnel_key *key = &funnel->keys[funnel->key_count];
    *key = (struct funnel_key){name.entity, name.rest, TIDE_BLOCK_NONE, 0};
    put_key(funnel, funnel->key_count++, hash);
    return key;
}

void funnel_prefetch_keys(const struct funnel *funnel,
                          const struct funnel_key_name *names,
                          uint32_t count)
{
    uint32_t hashes[PREFETCH_MAX];
    const struct funnel_key *keys[PREFETCH_MAX]; /* not always the right one, but most often */
    uint32_t key_count = 0;
    tide_assert(count <= PREFETCH_MAX);
    if (funnel->key_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = hash_of(names[i]);
        __builtin_prefetch(&funnel->slots[place_of(funnel, hashes[i])], 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t place = find_hash(funnel, place_of(funnel, hashes[i]), hashes[i]);
        if (funnel->slots[place] != 0) {
            keys[key_count] = key_at(funnel, place);
            __builtin_prefetch(keys[key_count++], 1);
        }
    }
    for (uint32_t i = 0; i < key_count; i++) {
        if (keys[i]->count != FUNNEL_KEY_OVERFULL) {
            __builtin_prefetch(funnel_key_events(funnel, keys[i]), 1);
        }
    }
}
