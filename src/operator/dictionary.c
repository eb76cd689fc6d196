/* Slots hold the number of an entry and some bits of its hash, so that a probe touches the entry
 * only where it most likely is the one. Entries are in the order of their numbers; texts lie
 * behind each other in one slab.
 *
 * At most three quarters of the slots are used. Nothing is ever removed. */
#include "operator/dictionary.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    SLOTS_MIN = 64,
    ENTRIES_MIN = 32,
    SLAB_MIN = 1024
};

struct slot {
    uint32_t number_plus_one; /* 0: empty */
    uint32_t tag;             /* the high half of the hash */
};

struct entry {
    uint64_t hash;
    uint64_t start; /* in the slab */
    uint32_t size;
};

struct tide_dictionary {
    uint32_t entries_max;
    uint32_t count;
    uint32_t capacity; /* of entries */
    struct entry *entries;
    struct slot *slots;
    uint64_t slot_mask; /* their number, a power of two, less 1 */
    char *slab;
    size_t slab_size;
    size_t slab_capacity;
};

enum tide_status tide_dictionary_create(uint32_t entries_max,
                                        struct tide_dictionary **dictionary,
                                        struct tide_error *error)
{
    tide_assert(entries_max > 0 && entries_max < TIDE_DICTIONARY_NONE);
    struct tide_dictionary *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->entries_max = entries_max;
        made->slots = calloc(SLOTS_MIN, sizeof(*made->slots));
        made->slot_mask = SLOTS_MIN - 1;
        made->slab = malloc(SLAB_MIN);
        made->slab_capacity = SLAB_MIN;
    }
    if (made == NULL || made->slots == NULL || made->slab == NULL) {
        tide_dictionary_destroy(made);
        return tide_error_set(error, TIDE_RETRY, "out of memory for a dictionary");
    }
    *dictionary = made;
    return TIDE_OK;
}

void tide_dictionary_destroy(struct tide_dictionary *dictionary)
{
    if (dictionary == NULL) {
        return;
    }
    free(dictionary->entries);
    free(dictionary->slots);
    free(dictionary->slab);
    free(dictionary);
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

struct tide_view tide_dictionary_text(const struct tide_dictionary *dictionary, uint32_t number)
{
    tide_assert(number < dictionary->count);
    const struct entry *entry = &dictionary->entries[number];
    return (struct tide_view){dictionary->slab + entry->start, entry->size};
}

/* The slot of text, or the empty one where it belongs. */
static struct slot *find_slot(const struct tide_dictionary *dictionary,
                              struct tide_view text,
                              uint64_t hash)
{
    for (uint64_t i = hash & dictionary->slot_mask;; i = (i + 1) & dictionary->slot_mask) {
        struct slot *slot = &dictionary->slots[i];
        if (slot->number_plus_one == 0) {
            return slot;
        }
        if (slot->tag == tag_of(hash) &&
            tide_view_equal(tide_dictionary_text(dictionary, slot->number_plus_one - 1), text)) {
            return slot;
        }
    }
}

static bool grow_slots(struct tide_dictionary *dictionary)
{
    const uint64_t count = (dictionary->slot_mask + 1) * 2;
    struct slot *slots = calloc(count, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    for (uint32_t number = 0; number < dictionary->count; number++) {
        const uint64_t hash = dictionary->entries[number].hash;
        uint64_t i = hash & (count - 1);
        while (slots[i].number_plus_one != 0) {
            i = (i + 1) & (count - 1);
        }
        slots[i] = (struct slot){number + 1, tag_of(hash)};
    }
    free(dictionary->slots);
    dictionary->slots = slots;
    dictionary->slot_mask = count - 1;
    return true;
}

static bool grow_entries(struct tide_dictionary *dictionary)
{
    const uint64_t wanted =
        dictionary->capacity == 0 ? ENTRIES_MIN : (uint64_t)dictionary->capacity * 2;
    const uint32_t max = dictionary->entries_max;
    const uint32_t capacity = wanted > max ? max : (uint32_t)wanted;
    struct entry *entries = realloc(dictionary->entries, capacity * sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    dictionary->entries = entries;
    dictionary->capacity = capacity;
    return true;
}

static bool grow_slab(struct tide_dictionary *dictionary, size_t size)
{
    size_t capacity = dictionary->slab_capacity;
    while (capacity - dictionary->slab_size < size) {
        if (__builtin_mul_overflow(capacity, 2, &capacity)) {
            return false;
        }
    }
    char *slab = realloc(dictionary->slab, capacity);
    if (slab == NULL) {
        return false;
    }
    dictionary->slab = slab;
    dictionary->slab_capacity = capacity;
    return true;
}

/* Room for one more entry of that size. */
static bool make_room(struct tide_dictionary *dictionary, size_t size)
{
    if (dictionary->count == dictionary->entries_max || size > UINT32_MAX) {
        return false;
    }
    if (dictionary->count == dictionary->capacity && !grow_entries(dictionary)) {
        return false;
    }
    if (dictionary->slab_capacity - dictionary->slab_size < size && !grow_slab(dictionary, size)) {
        return false;
    }
    const uint64_t slot_count = dictionary->slot_mask + 1;
    return (uint64_t)dictionary->count + 1 <= slot_count / 4 * 3 || grow_slots(dictionary);
}

uint32_t tide_dictionary_intern(struct tide_dictionary *dictionary, struct tide_view text)
{
    const uint64_t hash = tide_hash64(text, 0);
    struct slot *slot = find_slot(dictionary, text, hash);
    if (slot->number_plus_one != 0) {
        return slot->number_plus_one - 1;
    }
    if (!make_room(dictionary, text.size)) {
        return TIDE_DICTIONARY_NONE;
    }
    slot = find_slot(dictionary, text, hash); /* the slots may have moved */
    tide_assert(slot->number_plus_one == 0);
    const uint32_t number = dictionary->count++;
    dictionary->entries[number] = (struct entry){
        .hash = hash,
        .start = dictionary->slab_size,
        .size = (uint32_t)text.size,
    };
    if (text.size > 0) {
        memcpy(dictionary->slab + dictionary->slab_size, text.data, text.size);
    }
    dictionary->slab_size += text.size;
    *slot = (struct slot){number + 1, tag_of(hash)};
    return number;
}

uint32_t tide_dictionary_find(const struct tide_dictionary *dictionary, struct tide_view text)
{
    const struct slot *slot = find_slot(dictionary, text, tide_hash64(text, 0));
    return slot->number_plus_one == 0 ? TIDE_DICTIONARY_NONE : slot->number_plus_one - 1;
}

uint32_t tide_dictionary_count(const struct tide_dictionary *dictionary)
{
    return dictionary->count;
}

size_t tide_dictionary_bytes(const struct tide_dictionary *dictionary)
{
    return sizeof(*dictionary) + dictionary->capacity * sizeof(*dictionary->entries) +
           (dictionary->slot_mask + 1) * sizeof(*dictionary->slots) + dictionary->slab_capacity;
}
