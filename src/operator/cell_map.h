/* (window start, group number) to a cell, for ever: cells in the order of their making, and an
 * index over them. Private to the room; cells.c and cell_table.c stand on it. One thread. */
#ifndef TIDE_OPERATOR_CELL_MAP_H
#define TIDE_OPERATOR_CELL_MAP_H

#include "operator/cell_value.h"

#define TIDE_CELL_NONE UINT32_MAX

struct tide_cell_record {
    int64_t start_us;
    uint32_t length_s; /* windows are whole seconds, and at most 100 years */
    uint32_t group;    /* the owner's number for it */
    struct tide_cell_value value;
};

/* All zero is a valid empty map. */
struct tide_cell_map {
    struct tide_cell_record *records;
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; /* index of a record plus one; 0: empty */
    uint64_t slot_count;
    uint32_t last; /* the record that was placed last: likely to be the next one, too */
};

void tide_cell_map_release(struct tide_cell_map *map);
/* The index of that cell, made empty if it was not there; records may move. NONE: out of memory. */
uint32_t tide_cell_map_place(struct tide_cell_map *map, struct tide_window window, uint32_t group);
/* The same, but NONE if it is not there. */
uint32_t tide_cell_map_find(const struct tide_cell_map *map,
                            struct tide_window window,
                            uint32_t group);
struct tide_window tide_cell_record_window(const struct tide_cell_record *record);
size_t tide_cell_map_bytes(const struct tide_cell_map *map);

#endif
