/* Open addressing over the uids themselves: they are hashes already, so their low bits are the
 * place. Zero marks an empty slot; whether the uid zero was seen is kept beside the table. At most
 * three quarters of the slots are used.
 *
 * Nearly every uid is new and misses the cache once; so the slots of a wave of uids are asked for
 * before the first of them is looked at. Growth reads the old table front to back, and writes two
 * streams: a uid of place i goes to i, or to i and the old size. */
#include "operator/dedupe.h"

#include "base/assert.h"
#include "base/table_memory.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    SLOTS_MIN = 1024,
    WAVE = 32
};

struct tide_dedupe {
    struct tide_u128 *slots;
    uint64_t slot_mask; /* their number, a power of two, less 1 */
    uint64_t count;
    bool has_zero;
};

enum tide_status tide_dedupe_create(struct tide_dedupe **dedupe, struct tide_error *error)
{
    struct tide_dedupe *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->slots = calloc(SLOTS_MIN, sizeof(*made->slots));
        made->slot_mask = SLOTS_MIN - 1;
    }
    if (made == NULL || made->slots == NULL) {
        tide_dedupe_destroy(made);
        return tide_error_set(error, TIDE_RETRY, "out of memory for the seen uids");
    }
    *dedupe = made;
    return TIDE_OK;
}

void tide_dedupe_destroy(struct tide_dedupe *dedupe)
{
    if (dedupe == NULL) {
        return;
    }
    free(dedupe->slots);
    free(dedupe);
}

static bool is_zero(struct tide_u128 uid)
{
    return (uid.high | uid.low) == 0;
}

/* Where uid is, or the empty slot where it belongs. */
static struct tide_u128 *find_slot(struct tide_u128 *slots, uint64_t mask, struct tide_u128 uid)
{
    uint64_t i = uid.low & mask;
    while (!is_zero(slots[i]) && (slots[i].low != uid.low || slots[i].high != uid.high)) {
        i = (i + 1) & mask;
    }
    return &slots[i];
}

static bool grow(struct tide_dedupe *dedupe)
{
    const uint64_t count = (dedupe->slot_mask + 1) * 2;
    struct tide_u128 *slots = tide_table_memory(count, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    for (uint64_t i = 0; i <= dedupe->slot_mask; i++) {
        if (!is_zero(dedupe->slots[i])) {
            *find_slot(slots, count - 1, dedupe->slots[i]) = dedupe->slots[i];
        }
    }
    free(dedupe->slots);
    dedupe->slots = slots;
    dedupe->slot_mask = count - 1;
    return true;
}

enum tide_status tide_dedupe_add(struct tide_dedupe *dedupe, struct tide_u128 uid)
{
    if (is_zero(uid)) {
        const bool was_seen = dedupe->has_zero;
        dedupe->has_zero = true;
        dedupe->count += !was_seen;
        return was_seen ? TIDE_REJECT : TIDE_OK;
    }
    struct tide_u128 *slot = find_slot(dedupe->slots, dedupe->slot_mask, uid);
    if (!is_zero(*slot)) {
        return TIDE_REJECT;
    }
    if (dedupe->count + 1 > (dedupe->slot_mask + 1) / 4 * 3) {
        if (!grow(dedupe)) {
            return TIDE_FATAL;
        }
        slot = find_slot(dedupe->slots, dedupe->slot_mask, uid);
        tide_assert(is_zero(*slot));
    }
    *slot = uid;
    dedupe->count++;
    return TIDE_OK;
}

bool tide_dedupe_add_many(struct tide_dedupe *dedupe,
                          const struct tide_u128 *uids,
                          uint32_t count,
                          bool *is_new)
{
    for (uint32_t first = 0; first < count; first += WAVE) {
        const uint32_t end = count - first < WAVE ? count : first + WAVE;
        for (uint32_t i = first; i < end; i++) {
            __builtin_prefetch(&dedupe->slots[uids[i].low & dedupe->slot_mask], 1);
        }
        for (uint32_t i = first; i < end; i++) {
            const enum tide_status status = tide_dedupe_add(dedupe, uids[i]);
            if (status == TIDE_FATAL) {
                return false;
            }
            is_new[i] = status == TIDE_OK;
        }
    }
    return true;
}

uint64_t tide_dedupe_count(const struct tide_dedupe *dedupe)
{
    return dedupe->count;
}

size_t tide_dedupe_bytes(const struct tide_dedupe *dedupe)
{
    return sizeof(*dedupe) + (dedupe->slot_mask + 1) * sizeof(*dedupe->slots);
}
