/* A list of chunks, the newest first; allocation moves a mark in the newest one.
 *
 * What does not fit opens a new chunk, twice as large as the last, at most CHUNK_MAX unless one
 * request alone is larger. The rest of the chunk before is left unused: requests are small against
 * chunks. After a reset the largest chunk stays, so a batch of steady size soon needs no malloc. */
#include "base/arena.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    ALIGNMENT = 16,
    CHUNK_MIN = 4096,
    CHUNK_MAX = 1 << 20
};

struct tide_arena_chunk {
    struct tide_arena_chunk *older;
    size_t size; /* of data */
    size_t used; /* of data */
    size_t unused_padding;
    char data[];
};

_Static_assert(sizeof(struct tide_arena_chunk) % ALIGNMENT == 0, "data starts aligned");

void tide_arena_init(struct tide_arena *arena, size_t budget)
{
    *arena = (struct tide_arena){.budget = budget};
}

static void free_chunks(struct tide_arena_chunk *chunk, const struct tide_arena_chunk *except)
{
    while (chunk != NULL) {
        struct tide_arena_chunk *older = chunk->older;
        if (chunk != except) {
            free(chunk);
        }
        chunk = older;
    }
}

void tide_arena_release(struct tide_arena *arena)
{
    free_chunks(arena->chunk, NULL);
    *arena = (struct tide_arena){0};
}

void tide_arena_reset(struct tide_arena *arena)
{
    struct tide_arena_chunk *largest = arena->chunk;
    for (struct tide_arena_chunk *c = arena->chunk; c != NULL; c = c->older) {
        if (c->size > largest->size) {
            largest = c;
        }
    }
    free_chunks(arena->chunk, largest);
    arena->chunk = largest;
    arena->used = 0;
    arena->held = 0;
    if (largest != NULL) {
        largest->older = NULL;
        largest->used = 0;
        arena->held = sizeof(*largest) + largest->size;
    }
}

/* A new newest chunk with room for size; false: budget or memory. */
static bool open_chunk(struct tide_arena *arena, size_t size)
{
    const size_t budget = arena->budget == 0 ? SIZE_MAX : arena->budget;
    tide_assert(arena->held <= budget);
    const size_t left = budget - arena->held;
    if (left <= sizeof(struct tide_arena_chunk) || size > left - sizeof(struct tide_arena_chunk)) {
        return false;
    }
    size_t total = CHUNK_MIN;
    if (arena->chunk != NULL) {
        const size_t last = arena->chunk->size + sizeof(struct tide_arena_chunk);
        total = last > CHUNK_MAX / 2 ? CHUNK_MAX : last * 2;
    }
    if (total > left) {
        total = left;
    }
    if (total - sizeof(struct tide_arena_chunk) < size) {
        total = size + sizeof(struct tide_arena_chunk);
    }
    struct tide_arena_chunk *chunk = malloc(total);
    if (chunk == NULL) {
        return false;
    }
    *chunk = (struct tide_arena_chunk){
        .older = arena->chunk,
        .size = total - sizeof(struct tide_arena_chunk),
    };
    arena->chunk = chunk;
    arena->held += total;
    tide_assert(arena->held <= budget);
    return true;
}

static void *take(struct tide_arena *arena, size_t size, size_t alignment)
{
    const struct tide_arena_chunk *newest = arena->chunk;
    size_t padding = newest == NULL ? 0 : (alignment - newest->used % alignment) % alignment;
    if (newest == NULL || padding > newest->size - newest->used ||
        size > newest->size - newest->used - padding) {
        if (!open_chunk(arena, size)) {
            return NULL;
        }
        padding = 0;
    }
    struct tide_arena_chunk *chunk = arena->chunk;
    char *data = chunk->data + chunk->used + padding;
    chunk->used += padding + size;
    arena->used += padding + size;
    tide_assert(chunk->used <= chunk->size);
    return data;
}

void *tide_arena_allocate(struct tide_arena *arena, size_t size)
{
    tide_assert(size > 0);
    void *data = take(arena, size, ALIGNMENT);
    if (data != NULL) {
        tide_assert((uintptr_t)data % ALIGNMENT == 0);
        memset(data, 0, size);
    }
    return data;
}

void *tide_arena_allocate_array(struct tide_arena *arena, size_t count, size_t size)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    return tide_arena_allocate(arena, total);
}

char *tide_arena_allocate_text(struct tide_arena *arena, size_t size)
{
    return take(arena, size, 1);
}

struct tide_view tide_arena_copy(struct tide_arena *arena, struct tide_view view)
{
    tide_assert(view.data != NULL || view.size == 0);
    if (view.size == SIZE_MAX) {
        return (struct tide_view){0};
    }
    char *data = tide_arena_allocate_text(arena, view.size + 1);
    if (data == NULL) {
        return (struct tide_view){0};
    }
    if (view.size > 0) {
        memcpy(data, view.data, view.size);
    }
    data[view.size] = '\0';
    return (struct tide_view){data, view.size};
}
