/* A set of entity numbers (of a partition's dictionary): who was seen in a cell. Exact, mergeable.
 *
 * Most cells have few entities, a few have nearly all of them. So: up to INLINE numbers are in the
 * struct; up to SORTED in a sorted array; beyond that the set is a Roaring bitmap (CRoaring, whose
 * only door this is). A bitmap takes at least 130 bytes, and about 90 for every 65,536 numbers of
 * the dictionary that it touches, so with 16 such ranges an array is three times smaller at 128
 * numbers and equal at 1,000.
 *
 * CRoaring does not report that memory ran out while a bitmap grows: the process dies, and recovers
 * from the log. What is allocated here is checked.
 *
 * One thread; struct copies move, the source must then be zeroed. */
#ifndef TIDE_OPERATOR_ENTITY_SET_H
#define TIDE_OPERATOR_ENTITY_SET_H

#include "base/bytes.h"

enum {
    TIDE_ENTITY_SET_INLINE = 4,
    TIDE_ENTITY_SET_SORTED = 128,
};

struct roaring_bitmap_s;

/* All zero is a valid empty set. */
struct tide_entity_set {
    union {
        uint32_t few[TIDE_ENTITY_SET_INLINE];
        uint32_t *sorted;
        struct roaring_bitmap_s *bitmap;
    } numbers;
    uint32_t count;   /* of few or sorted, ascending */
    uint8_t capacity; /* of sorted; 0: few */
    bool is_bitmap;
};

void tide_entity_set_release(struct tide_entity_set *set);
/* is_new: whether it was not there. FATAL: out of memory, nothing was changed. */
enum tide_status tide_entity_set_add(struct tide_entity_set *set, uint32_t entity, bool *is_new);
/* Whether it was there. Memory is kept for numbers to come. */
bool tide_entity_set_remove(struct tide_entity_set *set, uint32_t entity);
bool tide_entity_set_contains(const struct tide_entity_set *set, uint32_t entity);
uint64_t tide_entity_set_count(const struct tide_entity_set *set);
/* Adds all of from, which must not be the same set. FATAL: out of memory; a part may be in into. */
enum tide_status tide_entity_set_merge(struct tide_entity_set *into,
                                       const struct tide_entity_set *from);
/* How many entities are in at least one of the sets (panes of a sliding window, say). Makes one set
 * of that size and drops it. FATAL: out of memory. */
enum tide_status tide_entity_set_count_union(const struct tide_entity_set *const *sets,
                                             size_t set_count,
                                             uint64_t *count);
/* In ascending order; visit must not change the set. */
void tide_entity_set_visit(const struct tide_entity_set *set,
                           void (*visit)(void *context, uint32_t entity),
                           void *context);
/* Of a bitmap about that: CRoaring tells what its numbers take, not what it has allocated. */
size_t tide_entity_set_bytes(const struct tide_entity_set *set);

/* Appends the set in the format of docs/formats/partials.md; equal sets give equal bytes. */
void tide_entity_set_encode(const struct tide_entity_set *set, struct tide_bytes *bytes);
/* Into an empty set. REJECT: encode did not write this; FATAL: out of memory; it stays empty. */
enum tide_status tide_entity_set_decode(struct tide_entity_set *set,
                                        struct tide_view encoded,
                                        struct tide_error *error);

#endif
