/* How many different values a column had: exactly while they are few, then estimated for good.
 *
 * Values are known by their 128-bit hash (tide_hash128, seed 0, of their canonical bytes), which is
 * taken for the value: 10^9 of them have two alike with a probability below 10^-20. Up to LIMIT
 * values the set holds the hashes; with one more it becomes a HyperLogLog over their high halves,
 * 0.81 % standard error, and never goes back. Whether it has, and what it holds, is a function of
 * the set of values, not of the order of adding and merging.
 *
 * Memory: at most 128 KiB while exact below the limit (16 bytes for a slot, a power of two of them,
 * at most three quarters full), 16 KiB after.
 *
 * One thread; struct copies move, the source must then be zeroed. */
#ifndef TIDE_OPERATOR_VALUE_SET_H
#define TIDE_OPERATOR_VALUE_SET_H

#include "base/hash.h"
#include "operator/hyperloglog.h"

enum {
    TIDE_VALUE_SET_LIMIT = 4096
};

enum tide_value_set_kind {
    TIDE_VALUE_SET_LIMITED,     /* exact up to LIMIT values */
    TIDE_VALUE_SET_APPROXIMATE, /* a HyperLogLog from the first value on */
    TIDE_VALUE_SET_UNLIMITED,   /* exact for ever, in as much memory as that takes */
};

/* All zero is a valid empty set, LIMITED. */
struct tide_value_set {
    enum tide_value_set_kind kind;
    bool is_estimated;       /* sketch holds the values, slots none */
    bool has_zero;           /* the hash 0, which marks an empty slot */
    struct tide_u128 *slots; /* open addressing by the low half */
    uint64_t slot_count;
    uint64_t value_count;
    struct tide_hyperloglog sketch;
};

void tide_value_set_init(struct tide_value_set *set, enum tide_value_set_kind kind);
void tide_value_set_release(struct tide_value_set *set); /* empty and LIMITED */
/* FATAL: out of memory, nothing was changed. */
enum tide_status tide_value_set_add(struct tide_value_set *set, struct tide_u128 hash);
/* Adds the values of from, whatever its kind; they must not be the same set. If from is not exact,
 * into no longer is, even if UNLIMITED. FATAL: out of memory; a part of from may be in into. */
enum tide_status tide_value_set_merge(struct tide_value_set *into,
                                      const struct tide_value_set *from);
uint64_t tide_value_set_count(const struct tide_value_set *set);
bool tide_value_set_is_exact(const struct tide_value_set *set);
size_t tide_value_set_bytes(const struct tide_value_set *set);

/* Appends the set in the format of docs/formats/partials.md, without its kind; equal sets give
 * equal bytes. */
void tide_value_set_encode(const struct tide_value_set *set, struct tide_bytes *bytes);
/* As a merge of what was encoded, into an empty set whose kind stays. REJECT: encode did not write
 * this; FATAL: out of memory; the set stays empty. */
enum tide_status tide_value_set_decode(struct tide_value_set *set,
                                       struct tide_view encoded,
                                       struct tide_error *error);

#endif
