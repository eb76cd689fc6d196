/* What the tests of mergeable partials share: a seeded generator, and damage to encoded bytes. */
#ifndef TIDE_UNIT_OPERATOR_PARTIAL_H
#define TIDE_UNIT_OPERATOR_PARTIAL_H

#include "base/assert.h"
#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t partial_random(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mix = *seed;
    mix = (mix ^ mix >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mix = (mix ^ mix >> 27) * UINT64_C(0x94d049bb133111eb);
    return mix ^ mix >> 31;
}

static inline uint32_t partial_below(uint64_t *seed, uint32_t limit)
{
    return (uint32_t)(partial_random(seed) % limit);
}

/* From 1 to max, every order of magnitude as often as every other. */
static inline uint32_t partial_size(uint64_t *seed, uint32_t max)
{
    uint32_t limit = 10;
    while (limit < max && partial_below(seed, 4) != 0) {
        limit *= 10;
    }
    return 1 + partial_below(seed, limit < max ? limit : max);
}

/* Decodes; false if REJECT. What is accepted must encode to the same bytes again. */
typedef bool (*partial_decode)(struct tide_view encoded);

/* In memory of exactly that size, so that a sanitizer sees a byte too far. */
static inline bool partial_decode_exactly(struct tide_view encoded, partial_decode decode)
{
    char *copy = malloc(encoded.size == 0 ? 1 : encoded.size);
    tide_assert(copy != NULL);
    if (encoded.size > 0) {
        memcpy(copy, encoded.data, encoded.size);
    }
    const bool is_accepted = decode((struct tide_view){copy, encoded.size});
    free(copy);
    return is_accepted;
}

/* The bytes must be accepted; every shorter piece (of long ones, many), one byte more, and random
 * changes must be rejected or be another value's bytes. Returns how many changes were rejected. */
static inline uint32_t partial_damage(struct tide_view encoded,
                                      partial_decode decode,
                                      uint64_t seed)
{
    enum {
        ROUNDS = 400
    };
    tide_assert(partial_decode_exactly(encoded, decode));
    const size_t step = 1 + encoded.size / 2000;
    for (size_t size = 0; size < encoded.size; size += step) {
        (void)partial_decode_exactly(tide_view_slice(encoded, 0, size), decode);
    }
    struct tide_bytes changed = {0};
    uint32_t rejected = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        tide_bytes_reset(&changed);
        tide_bytes_append_view(&changed, encoded);
        if (round % 8 == 0) {
            tide_bytes_append_byte(&changed, (char)partial_random(&seed));
        }
        for (uint32_t flips = 1 + partial_below(&seed, 4); flips > 0; flips--) {
            const uint32_t size = (uint32_t)changed.size;
            const uint32_t at = partial_below(&seed, round % 2 == 0 && size > 16 ? 16 : size);
            changed.data[at] = (char)(changed.data[at] ^ 1 << partial_below(&seed, 8));
        }
        rejected += !partial_decode_exactly(tide_bytes_view(&changed), decode);
    }
    tide_bytes_release(&changed);
    return rejected;
}

#endif
