/* One producer, one consumer, two counters that only grow; the slot of a counter is its low bits.
 *
 * tail - head is the number of messages. Each side writes its own counter with release order after
 * it has touched the slot, and reads the other's with acquire order before it touches one: what the
 * message points to is seen complete, and a slot is not filled again before it was read. Each side
 * keeps its last look at the other's counter and looks again only when that says full or empty, so
 * the two cache lines rarely travel. */
#include "base/ring.h"

#include "base/assert.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    CAPACITY_MAX = 65536
};

enum tide_status tide_ring_init(struct tide_ring *ring, size_t capacity, struct tide_error *error)
{
    tide_assert(capacity >= 1 && capacity <= CAPACITY_MAX);
    size_t rounded = 1;
    while (rounded < capacity) {
        rounded *= 2;
    }
    *ring = (struct tide_ring){0};
    ring->slots = calloc(rounded, sizeof(*ring->slots));
    if (ring->slots == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a ring of %zu messages", rounded);
    }
    ring->capacity = rounded;
    return TIDE_OK;
}

void tide_ring_release(struct tide_ring *ring)
{
    tide_assert(tide_ring_count(ring) == 0); /* a message left behind would have no owner */
    free(ring->slots);
    *ring = (struct tide_ring){0};
}

bool tide_ring_try_push(struct tide_ring *ring, void *message)
{
    tide_assert(message != NULL);
    tide_assert(ring->slots != NULL);
    const size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail - ring->head_seen == ring->capacity) {
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (tail - ring->head_seen == ring->capacity) {
            return false;
        }
    }
    ring->slots[tail & (ring->capacity - 1)] = message;
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return true;
}

bool tide_ring_try_pop(struct tide_ring *ring, void **message)
{
    tide_assert(ring->slots != NULL);
    const size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == ring->tail_seen) {
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->tail_seen) {
            return false;
        }
    }
    void **slot = &ring->slots[head & (ring->capacity - 1)];
    *message = *slot;
    *slot = NULL;
    tide_assert(*message != NULL);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}

size_t tide_ring_count(const struct tide_ring *ring)
{
    /* head first: tail can only have grown meanwhile, so the difference is never negative. */
    const size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    const size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    const size_t count = tail - head;
    return count < ring->capacity ? count : ring->capacity;
}
