/* A set of pairs of 32-bit numbers: which entities were seen in which cell. Nothing is removed.
 * Private to the room. One thread. */
#ifndef TIDE_OPERATOR_PAIR_SET_H
#define TIDE_OPERATOR_PAIR_SET_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is a valid empty set. */
struct tide_pair_set {
    uint64_t *slots; /* first << 32 | second, plus one; 0: empty */
    uint64_t slot_count;
    uint64_t count;
};

void tide_pair_set_release(struct tide_pair_set *set);
/* first must be less than UINT32_MAX. OK: new. REJECT: was there. FATAL: out of memory. */
enum tide_status tide_pair_set_add(struct tide_pair_set *set, uint32_t first, uint32_t second);
bool tide_pair_set_has(const struct tide_pair_set *set, uint32_t first, uint32_t second);
size_t tide_pair_set_bytes(const struct tide_pair_set *set);

#endif
