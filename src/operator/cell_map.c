/* Open addressing over 32-bit indices; a probe looks at the record itself, which the caller is
 * about to change anyway. At most three quarters of the slots are used. */
#include "operator/cell_map.h"

#include "base/assert.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    RECORDS_MIN = 16
};

void tide_cell_map_release(struct tide_cell_map *map)
{
    free(map->records);
    free(map->slots);
    *map = (struct tide_cell_map){0};
}

/* Fibonacci hashing, folded: starts are multiples of a large number, so the high bits must come
 * down. */
static uint64_t hash_of(int64_t start_us, uint32_t group)
{
    uint64_t hash = (uint64_t)start_us * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 32)) + group;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

/* The slot of that cell, or the empty one where it belongs. */
static uint32_t *find_slot(const struct tide_cell_map *map, int64_t start_us, uint32_t group)
{
    const uint64_t mask = map->slot_count - 1;
    for (uint64_t i = hash_of(start_us, group) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &map->slots[i];
        if (*slot == 0) {
            return slot;
        }
        const struct tide_cell_record *record = &map->records[*slot - 1];
        if (record->start_us == start_us && record->group == group) {
            return slot;
        }
    }
}

/* Twice the records, and slots for them. */
static bool grow(struct tide_cell_map *map)
{
    const uint64_t wanted = map->capacity == 0 ? RECORDS_MIN : (uint64_t)map->capacity * 2;
    if (wanted >= TIDE_CELL_NONE) {
        return false;
    }
    uint32_t *slots = calloc(wanted * 2, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    struct tide_cell_record *records = realloc(map->records, wanted * sizeof(*records));
    if (records == NULL) {
        free(slots);
        return false;
    }
    free(map->slots);
    map->records = records;
    map->capacity = (uint32_t)wanted;
    map->slots = slots;
    map->slot_count = wanted * 2;
    for (uint32_t i = 0; i < map->count; i++) {
        uint32_t *slot = find_slot(map, records[i].start_us, records[i].group);
        tide_assert(*slot == 0);
        *slot = i + 1;
    }
    return true;
}

uint32_t tide_cell_map_place(struct tide_cell_map *map, int64_t start_us, uint32_t group)
{
    if (map->slot_count > 0) {
        const uint32_t *slot = find_slot(map, start_us, group);
        if (*slot != 0) {
            return *slot - 1;
        }
    }
    if (map->count == map->capacity && !grow(map)) {
        return TIDE_CELL_NONE;
    }
    const uint32_t index = map->count++;
    map->records[index] = (struct tide_cell_record){.start_us = start_us, .group = group};
    uint32_t *slot = find_slot(map, start_us, group);
    tide_assert(*slot == 0);
    *slot = index + 1;
    return index;
}

size_t tide_cell_map_bytes(const struct tide_cell_map *map)
{
    return map->capacity * sizeof(*map->records) + map->slot_count * sizeof(*map->slots);
}

void tide_cell_value_merge(struct tide_cell_value *into, const struct tide_cell_value *from)
{
    if (from->count > 0) {
        const bool is_first = into->count == 0;
        into->min = is_first || from->min < into->min ? from->min : into->min;
        into->max = is_first || from->max > into->max ? from->max : into->max;
    }
    const bool overflows = __builtin_add_overflow(into->sum, from->sum, &into->sum);
    tide_assert(!overflows);
    into->events += from->events;
    into->count += from->count;
    into->distinct += from->distinct;
}
