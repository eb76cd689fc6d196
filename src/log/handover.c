/* Each partition's ring holds parcels, images of neighbouring records behind a header. A parcel
 * never wraps around: what is left at the ring's end is covered by a parcel of no records.
 *
 *     head --> [first, count | image image ..] [first, count | ..] --> tail
 *
 * Both ends only grow, as in base/ring.c; the taker gives a parcel's bytes back when it asks for
 * what lies behind it. */
#include "log/handover.h"

#include "base/assert.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    LINE_SIZE = 64,   /* of the cache */
    PARCELS_MIN = 4,  /* of the largest size, in a ring: the next one is filled meanwhile */
    PAUSE_BODIES = 16 /* after a drop */
};

struct parcel {
    uint64_t first_offset;
    uint32_t count; /* of images behind it; 0: a filler */
    uint32_t size;  /* with this header; all sizes are multiples of the header's */
};
static_assert(sizeof(struct parcel) == 16, "what is left at the end of a ring is no less");

struct lane {
    char *bytes;
    alignas(LINE_SIZE) _Atomic size_t head; /* the taker's, like the next two */
    size_t tail_seen;
    _Atomic uint64_t taken;
    alignas(LINE_SIZE) _Atomic size_t tail; /* the giver's, like the next three */
    size_t head_seen;
    uint64_t next_offset;
    _Atomic uint64_t dropped;
};

struct tide_handover {
    struct tide_handover_options options;
    size_t capacity; /* of a lane; a power of two */
    uint32_t parcel_count_max;
    struct lane *lanes;
    alignas(LINE_SIZE) _Atomic size_t held; /* bytes of images on their way */
    _Atomic uint32_t pause;                 /* bodies that need not bring images */
};

/* The largest power of two that is not more; of 0: 1. */
static size_t floor_power(size_t size)
{
    size_t power = 1;
    while (power <= size / 2) {
        power *= 2;
    }
    return power;
}

static size_t ring_bytes(const struct tide_handover *h)
{
    return h->capacity * h->options.partition_count;
}

/* Zeroed, aligned for the lines of the cache. NULL: no memory. */
static void *allocate(size_t count, size_t size)
{
    void *made = aligned_alloc(LINE_SIZE, count * size);
    if (made != NULL) {
        memset(made, 0, count * size);
    }
    return made;
}

enum tide_status tide_handover_create(const struct tide_handover_options *options,
                                      struct tide_handover **handover,
                                      struct tide_error *error)
{
    tide_assert(options->partition_count > 0);
    tide_assert(options->image_size > 0 && options->image_size % sizeof(struct parcel) == 0);
    const size_t least = PARCELS_MIN * (sizeof(struct parcel) + options->image_size);
    const size_t capacity = floor_power(options->bytes_max / 2 / options->partition_count);
    if (capacity < least) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "%zu bytes are too little to hand events over in %u partitions: it "
                              "takes %zu",
                              options->bytes_max,
                              options->partition_count,
                              4 * floor_power(least - 1) * options->partition_count);
    }
    struct tide_handover *made = allocate(1, sizeof(*made));
    if (made != NULL) {
        made->options = *options;
        made->capacity = capacity;
        made->parcel_count_max =
            (uint32_t)((capacity / PARCELS_MIN - sizeof(struct parcel)) / options->image_size);
        made->lanes = allocate(options->partition_count, sizeof(*made->lanes));
    }
    bool is_made = made != NULL && made->lanes != NULL;
    for (uint32_t i = 0; is_made && i < options->partition_count; i++) {
        made->lanes[i].bytes = malloc(capacity);
        is_made = made->lanes[i].bytes != NULL;
    }
    if (!is_made) {
        tide_handover_destroy(made);
        return tide_error_set(error, TIDE_RETRY, "no memory to hand events over");
    }
    *handover = made;
    return TIDE_OK;
}

void tide_handover_destroy(struct tide_handover *handover)
{
    if (handover == NULL) {
        return;
    }
    tide_assert(atomic_load(&handover->held) == 0);
    for (uint32_t i = 0; handover->lanes != NULL && i < handover->options.partition_count; i++) {
        free(handover->lanes[i].bytes);
    }
    free(handover->lanes);
    free(handover);
}

size_t tide_handover_image_size(const struct tide_handover *handover)
{
    return handover->options.image_size;
}

size_t tide_handover_bytes(const struct tide_handover *handover)
{
    return 2 * ring_bytes(handover);
}

/* ---- who makes images ---- */

bool tide_handover_is_wanted(struct tide_handover *h)
{
    /* A body that another thread counts, or a drop, at this very moment is lost: the pause is a
     * little longer or shorter then. */
    const uint32_t pause = atomic_load_explicit(&h->pause, memory_order_relaxed);
    if (pause > 0) {
        atomic_store_explicit(&h->pause, pause - 1, memory_order_relaxed);
        return false;
    }
    return atomic_load_explicit(&h->held, memory_order_relaxed) < ring_bytes(h);
}

bool tide_handover_hold(struct tide_handover *h, uint32_t count)
{
    const size_t bytes = count * h->options.image_size;
    const size_t before = atomic_fetch_add_explicit(&h->held, bytes, memory_order_relaxed);
    if (bytes <= ring_bytes(h) && before <= ring_bytes(h) - bytes) {
        return true;
    }
    atomic_fetch_sub_explicit(&h->held, bytes, memory_order_relaxed);
    return false;
}

void tide_handover_release(struct tide_handover *h, uint32_t count)
{
    const size_t bytes = count * h->options.image_size;
    const size_t before = atomic_fetch_sub_explicit(&h->held, bytes, memory_order_relaxed);
    tide_assert(before >= bytes);
}

/* ---- the giver ---- */

static struct parcel *parcel_at(const struct tide_handover *h, const struct lane *lane, size_t at)
{
    return (struct parcel *)(void *)(lane->bytes + (at & (h->capacity - 1)));
}

/* A place for so many bytes in one piece, behind a filler where the ring ends before; *tail is what
 * comes behind it. NULL: there is no room. */
static struct parcel *reserve(const struct tide_handover *h,
                              struct lane *lane,
                              size_t size,
                              size_t *tail)
{
    size_t at = atomic_load_explicit(&lane->tail, memory_order_relaxed);
    const size_t to_end = h->capacity - (at & (h->capacity - 1));
    const size_t wanted = size > to_end ? to_end + size : size;
    if (h->capacity - (at - lane->head_seen) < wanted) {
        lane->head_seen = atomic_load_explicit(&lane->head, memory_order_acquire);
        if (h->capacity - (at - lane->head_seen) < wanted) {
            return NULL;
        }
    }
    if (size > to_end) {
        *parcel_at(h, lane, at) = (struct parcel){.size = (uint32_t)to_end};
        at += to_end;
    }
    *tail = at + size;
    return parcel_at(h, lane, at);
}

static void give(struct tide_handover *h,
                 const struct tide_log_receipt *receipt,
                 const char *images)
{
    tide_assert(receipt->partition < h->options.partition_count);
    struct lane *lane = &h->lanes[receipt->partition];
    tide_assert(receipt->first_offset >= lane->next_offset);
    lane->next_offset = receipt->first_offset + receipt->record_count;
    for (uint32_t done = 0; done < receipt->record_count;) {
        const uint32_t left = receipt->record_count - done;
        const uint32_t some = left < h->parcel_count_max ? left : h->parcel_count_max;
        const size_t image_bytes = some * h->options.image_size;
        const size_t size = sizeof(struct parcel) + image_bytes;
        size_t tail = 0;
        struct parcel *parcel = reserve(h, lane, size, &tail);
        if (parcel == NULL) {
            atomic_fetch_add_explicit(&lane->dropped, left, memory_order_relaxed);
            atomic_store_explicit(&h->pause, PAUSE_BODIES, memory_order_relaxed);
            return;
        }
        *parcel = (struct parcel){receipt->first_offset + done, some, (uint32_t)size};
        memcpy(parcel + 1, images + done * h->options.image_size, image_bytes);
        atomic_store_explicit(&lane->tail, tail, memory_order_release);
        done += some;
    }
}

void tide_handover_give(struct tide_handover *h,
                        const struct tide_log_receipt *receipts,
                        uint32_t receipt_count,
                        const char *images)
{
    for (uint32_t i = 0; i < receipt_count; i++) {
        give(h, &receipts[i], images);
        images += receipts[i].record_count * h->options.image_size;
    }
}

/* ---- the taker ---- */

/* The first parcel that is not wholly below offset, or NULL. */
static const struct parcel *find(const struct tide_handover *h, struct lane *lane, uint64_t offset)
{
    size_t head = atomic_load_explicit(&lane->head, memory_order_relaxed);
    const size_t before = head;
    const struct parcel *parcel = NULL;
    for (;;) {
        if (head == lane->tail_seen) {
            lane->tail_seen = atomic_load_explicit(&lane->tail, memory_order_acquire);
        }
        parcel = head == lane->tail_seen ? NULL : parcel_at(h, lane, head);
        if (parcel == NULL ||
            (parcel->count > 0 && parcel->first_offset + parcel->count > offset)) {
            break;
        }
        head += parcel->size;
    }
    if (head != before) {
        atomic_store_explicit(&lane->head, head, memory_order_release);
    }
    return parcel;
}

const char *tide_handover_take(struct tide_handover *h,
                               uint32_t partition,
                               uint64_t offset,
                               uint32_t *count)
{
    tide_assert(partition < h->options.partition_count);
    tide_assert(*count > 0);
    struct lane *lane = &h->lanes[partition];
    const struct parcel *parcel = find(h, lane, offset);
    if (parcel == NULL || parcel->first_offset > offset) {
        return NULL;
    }
    const uint32_t skipped = (uint32_t)(offset - parcel->first_offset);
    const uint32_t here = parcel->count - skipped;
    *count = here < *count ? here : *count;
    atomic_fetch_add_explicit(&lane->taken, *count, memory_order_relaxed);
    return (const char *)(parcel + 1) + skipped * h->options.image_size;
}

struct tide_handover_facts tide_handover_facts(const struct tide_handover *h)
{
    struct tide_handover_facts facts = {0};
    for (uint32_t i = 0; i < h->options.partition_count; i++) {
        facts.taken += atomic_load(&h->lanes[i].taken);
        facts.dropped += atomic_load(&h->lanes[i].dropped);
    }
    return facts;
}
