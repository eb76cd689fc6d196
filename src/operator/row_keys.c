/* `recent` has one number for each hash, the last one found: it is a cache, wrong or right changes
 * no result. It grows with the dictionary up to a size that stays in the processor's caches. */
#include "operator/row_keys.h"

#include "base/assert.h"
#include "event/value_code.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    WAVE = 64,
    RECENT_MIN = 64,
    RECENT_MAX = 1 << 14,
};

#define NOTHING ((struct tide_view){NULL, 0}) /* no key's bytes */

void row_keys_release(struct row_keys *keys)
{
    free(keys->recent);
    tide_bytes_release(&keys->bytes);
    *keys = (struct row_keys){0};
}

size_t row_keys_bytes(const struct row_keys *keys)
{
    return keys->recent_count * sizeof(*keys->recent) + keys->bytes.capacity;
}

/* Two places for each key of the dictionary. What was known is forgotten. */
static bool grow_recent(struct row_keys *keys, uint32_t key_count)
{
    uint32_t wanted = keys->recent_count == 0 ? RECENT_MIN : keys->recent_count;
    while (wanted < RECENT_MAX && wanted / 2 < key_count) {
        wanted *= 2;
    }
    if (wanted == keys->recent_count) {
        return true;
    }
    uint32_t *recent = calloc(wanted, sizeof(*recent));
    if (recent == NULL) {
        return false;
    }
    free(keys->recent);
    keys->recent = recent;
    keys->recent_count = wanted;
    return true;
}

/* ------- a cheap hash: of a text its size and its ends, where names that share a prefix differ */

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static inline uint64_t mix_text(uint64_t hash, struct tide_view text)
{
    const size_t size = text.size;
    uint64_t word = size;
    if (size >= sizeof(uint64_t)) {
        hash = mix(hash, tide_load_u64(text.data));
        word += tide_load_u64(text.data + size - sizeof(uint64_t));
    } else if (size >= sizeof(uint32_t)) {
        hash = mix(hash, tide_load_u32(text.data));
        word += (uint64_t)tide_load_u32(text.data + size - sizeof(uint32_t)) << 8;
    } else if (size > 0) {
        hash = mix(hash, (unsigned char)text.data[0]);
        word += (uint64_t)tide_load_u16(text.data + size - 1 - (size > 1)) << 8;
    }
    return mix(hash, word);
}

/* Column by column, so that each loop knows what it hashes. */
static void hash_rows(const struct row_keys_source *source,
                      const uint32_t *rows,
                      uint32_t count,
                      uint64_t *hashes)
{
    memset(hashes, 0, count * sizeof(*hashes));
    for (uint32_t c = 0; c < source->column_count; c++) {
        const struct tide_vector *vector = &source->batch->columns[source->columns[c]];
        const uint8_t *present = vector->present;
        if (vector->strings != NULL) {
            for (uint32_t i = 0; i < count; i++) {
                hashes[i] = present[rows[i]] ? mix_text(hashes[i], vector->strings[rows[i]])
                                             : mix(hashes[i], 1);
            }
        } else {
            for (uint32_t i = 0; i < count; i++) {
                hashes[i] =
                    mix(hashes[i], present[rows[i]] ? (uint64_t)vector->numbers[rows[i]] : 1);
            }
        }
    }
}

/* ------- a key in its canonical bytes */

static size_t size_bound(const struct row_keys_source *source, uint32_t row)
{
    size_t size = 0;
    for (uint32_t i = 0; i < source->column_count; i++) {
        const struct tide_vector *vector = &source->batch->columns[source->columns[i]];
        size += TIDE_VALUE_NUMBER_SIZE;
        size += vector->strings != NULL && vector->present[row] ? vector->strings[row].size : 0;
    }
    return size;
}

/* The place behind it. */
static char *put_key(const struct row_keys_source *source, uint32_t row, char *to)
{
    for (uint32_t i = 0; i < source->column_count; i++) {
        const uint32_t column = source->columns[i];
        const struct tide_vector *vector = &source->batch->columns[column];
        if (!vector->present[row]) {
            *to++ = TIDE_VALUE_TAG_NULL;
        } else if (vector->strings != NULL) {
            to = tide_value_put_string(to, vector->strings[row]);
        } else {
            to = tide_value_put_number(
                to, source->batch->schema->columns[column].type, vector->numbers[row]);
        }
    }
    return to;
}

/* The size of that text's code, if the code at `at` is that; else 0. */
static inline size_t text_at(const char *at, size_t left, struct tide_view text)
{
    const bool is_equal = left >= TIDE_VALUE_STRING_HEAD + text.size &&
                          *at == TIDE_VALUE_TAG_FIRST_TYPE + (int)TIDE_TYPE_STRING &&
                          tide_load_u32(at + 1) == text.size &&
                          tide_bytes_equal(at + TIDE_VALUE_STRING_HEAD, text.data, text.size);
    return is_equal ? TIDE_VALUE_STRING_HEAD + text.size : 0;
}

/* How many bytes of the code at `at` are that value's; 0: they are another's. */
static inline size_t value_at(const char *at,
                              size_t left,
                              const struct tide_vector *vector,
                              uint32_t row)
{
    if (!vector->present[row]) {
        return left > 0 && *at == TIDE_VALUE_TAG_NULL;
    }
    if (vector->strings != NULL) {
        return text_at(at, left, vector->strings[row]);
    }
    /* A column has one type: the tag needs no look. */
    const bool is_equal = left >= TIDE_VALUE_NUMBER_SIZE && *at != TIDE_VALUE_TAG_NULL &&
                          (int64_t)tide_load_u64(at + 1) == vector->numbers[row];
    return is_equal ? TIDE_VALUE_NUMBER_SIZE : 0;
}

/* What is left of each known code when the values of its row are taken from its front; `data` NULL:
 * it is another's. */
static void take_values(const struct row_keys_source *source,
                        const uint32_t *rows,
                        uint32_t count,
                        struct tide_view *codes)
{
    for (uint32_t c = 0; c < source->column_count; c++) {
        const struct tide_vector *vector = &source->batch->columns[source->columns[c]];
        for (uint32_t i = 0; i < count; i++) {
            const size_t size =
                codes[i].data == NULL ? 0 : value_at(codes[i].data, codes[i].size, vector, rows[i]);
            codes[i] = size == 0 ? NOTHING
                                 : (struct tide_view){codes[i].data + size, codes[i].size - size};
        }
    }
}

/* ------- a wave */

/* Of those that are not in `recent`; into `numbers` where `missed` says. */
static bool find_missed(struct row_keys *keys,
                        struct tide_dictionary *dictionary,
                        const struct row_keys_source *source,
                        const uint32_t *missed_rows,
                        uint32_t count,
                        uint32_t *numbers)
{
    struct tide_view texts[WAVE];
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        size += size_bound(source, missed_rows[i]);
    }
    tide_bytes_reset(&keys->bytes);
    if (!tide_bytes_reserve(&keys->bytes, size)) {
        return false;
    }
    char *to = keys->bytes.data;
    for (uint32_t i = 0; i < count; i++) {
        char *end = put_key(source, missed_rows[i], to);
        texts[i] = (struct tide_view){to, (size_t)(end - to)};
        to = end;
    }
    tide_assert((size_t)(to - keys->bytes.data) <= size);
    tide_dictionary_intern_many(dictionary, texts, count, numbers);
    return true;
}

static bool find_wave(struct row_keys *keys,
                      struct tide_dictionary *dictionary,
                      const struct row_keys_source *source,
                      const uint32_t *rows,
                      uint32_t count,
                      uint32_t *numbers)
{
    uint64_t hashes[WAVE];
    uint32_t known[WAVE]; /* number plus one */
    struct tide_view codes[WAVE];
    uint32_t missed[WAVE]; /* which of the rows */
    uint32_t missed_rows[WAVE];
    uint32_t missed_numbers[WAVE];
    uint32_t missed_count = 0;
    /* Loop by loop, so that a row does not wait for the memory of the one before. */
    hash_rows(source, rows, count, hashes);
    for (uint32_t i = 0; i < count; i++) {
        known[i] = keys->recent[hashes[i] & (keys->recent_count - 1)];
    }
    for (uint32_t i = 0; i < count; i++) {
        codes[i] = known[i] == 0 ? NOTHING : tide_dictionary_text(dictionary, known[i] - 1);
        __builtin_prefetch(codes[i].data);
    }
    take_values(source, rows, count, codes);
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = known[i] - 1;
        if (codes[i].data == NULL || codes[i].size != 0) {
            missed_rows[missed_count] = rows[i];
            missed[missed_count++] = i;
        }
    }
    if (missed_count == 0) {
        return true;
    }
    if (!find_missed(keys, dictionary, source, missed_rows, missed_count, missed_numbers)) {
        return false;
    }
    for (uint32_t k = 0; k < missed_count; k++) {
        const uint32_t i = missed[k];
        numbers[i] = missed_numbers[k];
        if (numbers[i] != TIDE_DICTIONARY_NONE) {
            keys->recent[hashes[i] & (keys->recent_count - 1)] = numbers[i] + 1;
        }
    }
    return true;
}

bool row_keys_find(struct row_keys *keys,
                   struct tide_dictionary *dictionary,
                   const struct row_keys_source *source,
                   const uint32_t *rows,
                   uint32_t count,
                   uint32_t *numbers)
{
    tide_assert(source->column_count > 0);
    for (uint32_t first = 0; first < count; first += WAVE) {
        const uint32_t size = count - first < WAVE ? count - first : WAVE;
        if (!grow_recent(keys, tide_dictionary_count(dictionary)) ||
            !find_wave(keys, dictionary, source, rows + first, size, numbers + first)) {
            return false;
        }
    }
    return true;
}
