/* Which cells were told, and how they were: a hash of each cell's content by a hash of its key. So
 * what changed since is found by comparing, wherever the change came from. Bounded; one thread. */
#ifndef TIDE_SERVE_CELL_MEMORY_H
#define TIDE_SERVE_CELL_MEMORY_H

#include "base/bytes.h"

struct tide_cell_memory;

struct tide_cell_told {
    uint64_t key; /* never 0 */
    uint64_t content;
    uint64_t mark; /* the owner's */
};

/* NULL: no memory. */
struct tide_cell_memory *tide_cell_memory_create(uint32_t cells_max);
void tide_cell_memory_destroy(struct tide_cell_memory *memory); /* NULL is fine */
uint64_t tide_cell_memory_key(struct tide_view key);
/* The cell's, which the owner may change until the next call of note; *is_new: it was not known,
 * content and mark are 0. NULL: it is not known, and there is no room for another. */
struct tide_cell_told *tide_cell_memory_note(struct tide_cell_memory *memory,
                                             uint64_t key,
                                             bool *is_new);
uint32_t tide_cell_memory_count(const struct tide_cell_memory *memory);
void tide_cell_memory_forget(struct tide_cell_memory *memory); /* all */

#endif
