/* A set of entity numbers (of a partition's dictionary): who was seen in a cell. Exact, mergeable.
 *
 * Most cells have few entities, a few have nearly all of them. So: up to INLINE numbers are in the
 * struct; up to SORTED in a sorted array; beyond that they are parted into ranges of 65,536
 * numbers, each a hash table of its numbers' low halves, and when that would be as large, a bit for
 * each number. Adding is one look at one place, whatever the size. In a range a number takes 2.7 to
 * 5.4 bytes, as bits less and less, and a range takes 48 however few it has.
 *
 * One thread; struct copies move, the source must then be zeroed. */
#ifndef TIDE_OPERATOR_ENTITY_SET_H
#define TIDE_OPERATOR_ENTITY_SET_H

#include "base/bytes.h"

enum {
    TIDE_ENTITY_SET_INLINE = 4,
    TIDE_ENTITY_SET_SORTED = 128,
};

struct tide_entity_range;

/* All zero is a valid empty set. */
struct tide_entity_set {
    union {
        uint32_t few[TIDE_ENTITY_SET_INLINE];
        uint32_t *sorted;
        struct {
            struct tide_entity_range *ranges; /* ascending, none is empty */
            uint32_t range_count;
            uint32_t bytes; /* of all that */
        } ranged;
    } numbers;
    uint32_t count;   /* in every form; few and sorted are ascending */
    uint8_t capacity; /* of sorted; 0: few, or ranged */
    bool is_ranged;
};

void tide_entity_set_release(struct tide_entity_set *set);
/* is_new: whether it was not there. FATAL: out of memory, nothing was changed. */
enum tide_status tide_entity_set_add(struct tide_entity_set *set, uint32_t entity, bool *is_new);
/* Asks for the memory that adding that number will look at. */
void tide_entity_set_prefetch(const struct tide_entity_set *set, uint32_t entity);
bool tide_entity_set_contains(const struct tide_entity_set *set, uint32_t entity);
uint64_t tide_entity_set_count(const struct tide_entity_set *set);
/* Adds all of from, which must not be the same set. FATAL: out of memory; a part may be in into. */
enum tide_status tide_entity_set_merge(struct tide_entity_set *into,
                                       const struct tide_entity_set *from);
/* How many entities are in at least one of the sets (panes of a sliding window, say). FATAL: out of
 * memory. */
enum tide_status tide_entity_set_count_union(const struct tide_entity_set *const *sets,
                                             size_t set_count,
                                             uint64_t *count);
/* In ascending order; visit must not change the set. */
void tide_entity_set_visit(const struct tide_entity_set *set,
                           void (*visit)(void *context, uint32_t entity),
                           void *context);
size_t tide_entity_set_bytes(const struct tide_entity_set *set); /* memory held beside the struct */

/* Appends the set in the format of docs/formats/partials.md; equal sets give equal bytes. */
void tide_entity_set_encode(const struct tide_entity_set *set, struct tide_bytes *bytes);
/* Into an empty set. REJECT: encode did not write this; FATAL: out of memory; it stays empty. */
enum tide_status tide_entity_set_decode(struct tide_entity_set *set,
                                        struct tide_view encoded,
                                        struct tide_error *error);

#endif
