/* Slots hold the number of a text and half of its hash. Texts lie behind each other in one slab, in
 * the order of their numbers, so where the next one starts is where one ends.
 *
 * A slot's half of the hash also is its place: so growth needs nothing but the slots, which go from
 * the old ones, front to back, into two streams of new ones. Beyond 2^32 slots it would tell the
 * places apart no more; so many texts do not fit into memory.
 *
 * Whoever looks up many texts misses the cache at a slot, at a start and at the text. Batches go
 * through in waves, each of which asks for the memory that the next one reads.
 *
 * At most three quarters of the slots are used. Nothing is ever removed. */
#include "operator/dictionary.h"

#include "base/assert.h"
#include "base/table_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    SLOTS_MIN = 64,
    ENTRIES_MIN = 32,
    SLAB_MIN = 1024,
    WAVE = 64, /* texts looked up at once: their lines fit into the first cache */
    CACHE_LINE = 64,
};

struct slot {
    uint32_t number_plus_one; /* 0: empty */
    uint32_t hash;            /* the low half */
};

struct tide_dictionary {
    uint32_t entries_max;
    uint32_t count;
    uint32_t capacity; /* of texts */
    uint64_t *starts;  /* of the texts in the slab, and of the next one; capacity + 1 */
    struct slot *slots;
    uint64_t slot_mask; /* their number, a power of two, less 1 */
    char *slab;
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
        made->starts = calloc(ENTRIES_MIN + 1, sizeof(*made->starts));
        made->capacity = ENTRIES_MIN < entries_max ? ENTRIES_MIN : entries_max;
        made->slots = calloc(SLOTS_MIN, sizeof(*made->slots));
        made->slot_mask = SLOTS_MIN - 1;
        made->slab = malloc(SLAB_MIN);
        made->slab_capacity = SLAB_MIN;
    }
    if (made == NULL || made->starts == NULL || made->slots == NULL || made->slab == NULL) {
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
    free(dictionary->starts);
    free(dictionary->slots);
    free(dictionary->slab);
    free(dictionary);
}

struct tide_view tide_dictionary_text(const struct tide_dictionary *dictionary, uint32_t number)
{
    tide_assert(number < dictionary->count);
    const uint64_t start = dictionary->starts[number];
    return (struct tide_view){dictionary->slab + start, dictionary->starts[number + 1] - start};
}

static inline bool is_text(const struct tide_dictionary *dictionary,
                           uint32_t number,
                           struct tide_view text)
{
    const struct tide_view known = tide_dictionary_text(dictionary, number);
    return known.size == text.size && tide_bytes_equal(known.data, text.data, text.size);
}

/* The slot of text, or the empty one where it belongs. */
static struct slot *find_slot(const struct tide_dictionary *dictionary,
                              struct tide_view text,
                              uint32_t hash)
{
    for (uint64_t i = hash & dictionary->slot_mask;; i = (i + 1) & dictionary->slot_mask) {
        struct slot *slot = &dictionary->slots[i];
        if (slot->number_plus_one == 0 ||
            (slot->hash == hash && is_text(dictionary, slot->number_plus_one - 1, text))) {
            return slot;
        }
    }
}

static bool grow_slots(struct tide_dictionary *dictionary)
{
    const uint64_t count = (dictionary->slot_mask + 1) * 2;
    struct slot *slots = tide_table_memory(count, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    for (uint64_t from = 0; from <= dictionary->slot_mask; from++) {
        if (dictionary->slots[from].number_plus_one == 0) {
            continue;
        }
        uint64_t i = dictionary->slots[from].hash & (count - 1);
        while (slots[i].number_plus_one != 0) {
            i = (i + 1) & (count - 1);
        }
        slots[i] = dictionary->slots[from];
    }
    free(dictionary->slots);
    dictionary->slots = slots;
    dictionary->slot_mask = count - 1;
    return true;
}

static bool grow_starts(struct tide_dictionary *dictionary)
{
    const uint64_t wanted = (uint64_t)dictionary->capacity * 2;
    const uint32_t max = dictionary->entries_max;
    const uint32_t capacity = wanted > max ? max : (uint32_t)wanted;
    uint64_t *starts = realloc(dictionary->starts, ((size_t)capacity + 1) * sizeof(*starts));
    if (starts == NULL) {
        return false;
    }
    dictionary->starts = starts;
    dictionary->capacity = capacity;
    return true;
}

static bool grow_slab(struct tide_dictionary *dictionary, size_t size)
{
    size_t capacity = dictionary->slab_capacity;
    while (capacity - dictionary->starts[dictionary->count] < size) {
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

/* Room for one more text of that size. */
static bool make_room(struct tide_dictionary *dictionary, size_t size)
{
    if (dictionary->count == dictionary->entries_max || size > UINT32_MAX) {
        return false;
    }
    if (dictionary->count == dictionary->capacity && !grow_starts(dictionary)) {
        return false;
    }
    if (dictionary->slab_capacity - dictionary->starts[dictionary->count] < size &&
        !grow_slab(dictionary, size)) {
        return false;
    }
    const uint64_t slot_count = dictionary->slot_mask + 1;
    return (uint64_t)dictionary->count + 1 <= slot_count / 4 * 3 || grow_slots(dictionary);
}

static uint32_t add_text(struct tide_dictionary *dictionary, struct tide_view text, uint32_t hash)
{
    if (!make_room(dictionary, text.size)) {
        return TIDE_DICTIONARY_NONE;
    }
    struct slot *slot = find_slot(dictionary, text, hash); /* the slots may have moved */
    tide_assert(slot->number_plus_one == 0);
    const uint32_t number = dictionary->count++;
    const uint64_t start = dictionary->starts[number];
    if (text.size > 0) {
        memcpy(dictionary->slab + start, text.data, text.size);
    }
    dictionary->starts[number + 1] = start + text.size;
    *slot = (struct slot){number + 1, hash};
    return number;
}

static uint32_t intern(struct tide_dictionary *dictionary, struct tide_view text, uint32_t hash)
{
    const struct slot *slot = find_slot(dictionary, text, hash);
    return slot->number_plus_one != 0 ? slot->number_plus_one - 1
                                      : add_text(dictionary, text, hash);
}

uint32_t tide_dictionary_intern(struct tide_dictionary *dictionary, struct tide_view text)
{
    return intern(dictionary, text, (uint32_t)tide_hash64(text, 0));
}

/* The number of a text of that hash, of which most likely there is one; NONE: there is none. */
static uint32_t find_hash(const struct tide_dictionary *dictionary, uint32_t hash)
{
    uint64_t i = hash & dictionary->slot_mask;
    while (dictionary->slots[i].number_plus_one != 0 && dictionary->slots[i].hash != hash) {
        i = (i + 1) & dictionary->slot_mask;
    }
    return dictionary->slots[i].number_plus_one - 1;
}

static void prefetch_text(const struct tide_dictionary *dictionary, uint32_t number, size_t size)
{
    const char *text = dictionary->slab + dictionary->starts[number];
    __builtin_prefetch(text);
    __builtin_prefetch(text + (size < CACHE_LINE ? size : CACHE_LINE));
}

static void intern_wave(struct tide_dictionary *dictionary,
                        const struct tide_view *texts,
                        uint32_t count,
                        uint32_t *numbers)
{
    uint32_t hashes[WAVE];
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = (uint32_t)tide_hash64(texts[i], 0);
        __builtin_prefetch(&dictionary->slots[hashes[i] & dictionary->slot_mask]);
    }
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = find_hash(dictionary, hashes[i]);
        if (numbers[i] != TIDE_DICTIONARY_NONE) {
            __builtin_prefetch(&dictionary->starts[numbers[i]]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (numbers[i] != TIDE_DICTIONARY_NONE) {
            prefetch_text(dictionary, numbers[i], texts[i].size);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (numbers[i] == TIDE_DICTIONARY_NONE || !is_text(dictionary, numbers[i], texts[i])) {
            numbers[i] = intern(dictionary, texts[i], hashes[i]);
        }
    }
}

void tide_dictionary_intern_many(struct tide_dictionary *dictionary,
                                 const struct tide_view *texts,
                                 uint32_t count,
                                 uint32_t *numbers)
{
    for (uint32_t first = 0; first < count; first += WAVE) {
        const uint32_t left = count - first;
        intern_wave(dictionary, texts + first, left < WAVE ? left : WAVE, numbers + first);
    }
}

uint32_t tide_dictionary_find(const struct tide_dictionary *dictionary, struct tide_view text)
{
    const struct slot *slot = find_slot(dictionary, text, (uint32_t)tide_hash64(text, 0));
    return slot->number_plus_one == 0 ? TIDE_DICTIONARY_NONE : slot->number_plus_one - 1;
}

uint32_t tide_dictionary_count(const struct tide_dictionary *dictionary)
{
    return dictionary->count;
}

size_t tide_dictionary_bytes(const struct tide_dictionary *dictionary)
{
    return sizeof(*dictionary) + ((size_t)dictionary->capacity + 1) * sizeof(*dictionary->starts) +
           (dictionary->slot_mask + 1) * sizeof(*dictionary->slots) + dictionary->slab_capacity;
}
