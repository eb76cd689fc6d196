/* Open addressing over 32-bit indices; a probe looks at the record itself, which the caller is
 * about to change anyway. At most three quarters of the slots are used. */
#include "operator/cell_map.h"

#include "base/assert.h"
#include "base/table_memory.h"
#include "base/civil.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    RECORDS_MIN = 16
};

void tide_cell_map_release(struct tide_cell_map *map)
{
    for (uint32_t i = 0; i < map->count; i++) {
        tide_cell_value_release(&map->records[i].value);
    }
    free(map->records);
    free(map->slots);
    *map = (struct tide_cell_map){0};
}

/* Fibonacci hashing, folded: starts are multiples of a large number, so the high bits must come
 * down. */
static uint64_t hash_of(int64_t start_us, uint32_t length_s, uint32_t group)
{
    uint64_t hash = (uint64_t)(start_us + length_s) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 32)) + group;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

static bool is_record(const struct tide_cell_record *record,
                      int64_t start_us,
                      uint32_t length_s,
                      uint32_t group)
{
    return record->start_us == start_us && record->length_s == length_s && record->group == group;
}

/* The slot of that cell, or the empty one where it belongs. */
static uint32_t *find_slot(const struct tide_cell_map *map,
                           int64_t start_us,
                           uint32_t length_s,
                           uint32_t group)
{
    const uint64_t mask = map->slot_count - 1;
    for (uint64_t i = hash_of(start_us, length_s, group) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &map->slots[i];
        if (*slot == 0) {
            return slot;
        }
        if (is_record(&map->records[*slot - 1], start_us, length_s, group)) {
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
    uint32_t *slots = tide_table_memory(wanted * 2, sizeof(*slots));
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
        uint32_t *slot = find_slot(map, records[i].start_us, records[i].length_s, records[i].group);
        tide_assert(*slot == 0);
        *slot = i + 1;
    }
    return true;
}

static uint32_t length_of(struct tide_window window)
{
    const int64_t length_us = window.end.us - window.start.us;
    tide_assert(length_us > 0 && length_us % TIDE_US_PER_SECOND == 0);
    tide_assert(length_us / TIDE_US_PER_SECOND <= UINT32_MAX);
    return (uint32_t)(length_us / TIDE_US_PER_SECOND);
}

struct tide_window tide_cell_record_window(const struct tide_cell_record *record)
{
    return (struct tide_window){
        {record->start_us},
        {record->start_us + (int64_t)record->length_s * TIDE_US_PER_SECOND},
    };
}

uint32_t tide_cell_map_find(const struct tide_cell_map *map,
                            struct tide_window window,
                            uint32_t group)
{
    if (map->slot_count == 0) {
        return TIDE_CELL_NONE;
    }
    const uint32_t length_s = length_of(window);
    if (map->last < map->count &&
        is_record(&map->records[map->last], window.start.us, length_s, group)) {
        return map->last;
    }
    const uint32_t *slot = find_slot(map, window.start.us, length_s, group);
    return *slot == 0 ? TIDE_CELL_NONE : *slot - 1;
}

uint32_t tide_cell_map_place(struct tide_cell_map *map, struct tide_window window, uint32_t group)
{
    const uint32_t found = tide_cell_map_find(map, window, group);
    if (found != TIDE_CELL_NONE) {
        map->last = found;
        return found;
    }
    if (map->count == map->capacity && !grow(map)) {
        return TIDE_CELL_NONE;
    }
    const uint32_t index = map->count++;
    const uint32_t length_s = length_of(window);
    map->records[index] = (struct tide_cell_record){
        .start_us = window.start.us, .length_s = length_s, .group = group};
    uint32_t *slot = find_slot(map, window.start.us, length_s, group);
    tide_assert(*slot == 0);
    *slot = index + 1;
    map->last = index;
    return index;
}

size_t tide_cell_map_bytes(const struct tide_cell_map *map)
{
    return map->capacity * sizeof(*map->records) + map->slot_count * sizeof(*map->slots);
}
