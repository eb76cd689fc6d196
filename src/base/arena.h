/* Memory that is given back all at once. Chunks double up to 1 MiB; a budget bounds the whole.
 * One thread at a time. */
#ifndef TIDE_BASE_ARENA_H
#define TIDE_BASE_ARENA_H

#include "base/bytes.h"

struct tide_arena_chunk;

/* All zero is a valid empty arena without a budget (budget 0 = SIZE_MAX). */
struct tide_arena {
    struct tide_arena_chunk *chunk; /* newest first */
    size_t used;                    /* bytes handed out since the last reset, padding included */
    size_t held;                    /* bytes of all chunks */
    size_t budget;                  /* of held */
};

void tide_arena_init(struct tide_arena *arena, size_t budget);
void tide_arena_release(struct tide_arena *arena); /* back to all zero */
/* Forgets everything handed out, keeps the largest chunk. */
void tide_arena_reset(struct tide_arena *arena);
/* Zeroed, aligned to 16; NULL when the budget is spent or memory is out. size 0 is asserted. */
void *tide_arena_allocate(struct tide_arena *arena, size_t size);
/* count * size, checked for overflow. */
void *tide_arena_allocate_array(struct tide_arena *arena, size_t count, size_t size);
/* Not aligned and not zeroed: for text. size 0 gives a pointer that must not be read. */
char *tide_arena_allocate_text(struct tide_arena *arena, size_t size);
/* A copy with a '\0' after it (not counted); data NULL on failure. */
struct tide_view tide_arena_copy(struct tide_arena *arena, struct tide_view view);

#define TIDE_ARENA_NEW(arena, type) ((type *)tide_arena_allocate((arena), sizeof(type)))
#define TIDE_ARENA_ARRAY(arena, type, count)                                                       \
    ((type *)tide_arena_allocate_array((arena), (count), sizeof(type)))

#endif
