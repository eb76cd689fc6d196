/* A bounded ring of pointers between one producer thread and one consumer thread. Never blocks.
 * A message carries the ownership of what it points to. */
#ifndef TIDE_BASE_RING_H
#define TIDE_BASE_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum {
    TIDE_RING_LINE = 64
};

struct tide_ring {
    void **slots;
    size_t capacity;                             /* a power of two */
    alignas(TIDE_RING_LINE) _Atomic size_t head; /* next to pop; written by the consumer */
    size_t tail_seen;                            /* the consumer's last look at tail */
    alignas(TIDE_RING_LINE) _Atomic size_t tail; /* next to push; written by the producer */
    size_t head_seen;                            /* the producer's last look at head */
};

/* capacity is rounded up to a power of two, 1..65536 asserted. RETRY: out of memory. */
enum tide_status tide_ring_init(struct tide_ring *ring, size_t capacity, struct tide_error *error);
void tide_ring_release(struct tide_ring *ring);                 /* asserted empty */
bool tide_ring_try_push(struct tide_ring *ring, void *message); /* producer; false: full */
bool tide_ring_try_pop(struct tide_ring *ring, void **message); /* consumer; false: empty */
size_t tide_ring_count(const struct tide_ring *ring);           /* a glimpse, any thread */

#endif
