/* How many different values there were, within a standard error of 0.81 %: HyperLogLog (Flajolet,
 * Fusy, Gandouet, Meunier 2007) with 2^14 registers over 64-bit hashes. Of each hash, 14 bits
 * choose a register, and the register keeps the greatest rank seen: the place of the first set bit
 * in the other 50, 51 if none is.
 *
 * The estimate is the improved raw estimator of Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (arXiv:1702.01284, 2017), algorithm 6. It is right over the whole range,
 * from 0 on, without tables of measured bias.
 *
 * Up to SPARSE_MAX registers that are not 0, they are a sorted list; beyond, one byte for each
 * register. Which of the two it is follows from the registers alone, and the registers from the set
 * of hashes: any order of adding and merging gives the same bytes.
 *
 * One thread; struct copies move, the source must then be zeroed. */
#ifndef TIDE_OPERATOR_HYPERLOGLOG_H
#define TIDE_OPERATOR_HYPERLOGLOG_H

#include "base/bytes.h"

enum {
    TIDE_HYPERLOGLOG_PRECISION = 14,
    TIDE_HYPERLOGLOG_REGISTERS = 1 << TIDE_HYPERLOGLOG_PRECISION,
    TIDE_HYPERLOGLOG_SPARSE_MAX = 2048, /* 8 KiB; all registers take 16 KiB */
};

/* All zero is a valid empty sketch. */
struct tide_hyperloglog {
    uint32_t *sparse; /* register << 8 | rank, ascending */
    uint32_t sparse_count;
    uint32_t sparse_capacity;
    uint8_t *registers; /* NULL: sparse */
};

void tide_hyperloglog_release(struct tide_hyperloglog *sketch);
/* All 64 bits of hash must be equally random (tide_hash64, half of a tide_hash128).
 * FATAL: out of memory, nothing was changed. */
enum tide_status tide_hyperloglog_add(struct tide_hyperloglog *sketch, uint64_t hash);
/* The union of both; they must not be the same sketch. FATAL: out of memory; into is what it
 * was. */
enum tide_status tide_hyperloglog_merge(struct tide_hyperloglog *into,
                                        const struct tide_hyperloglog *from);
/* Rounded to the nearest integer; the same on every machine. Reads all registers. */
uint64_t tide_hyperloglog_estimate(const struct tide_hyperloglog *sketch);
size_t tide_hyperloglog_bytes(const struct tide_hyperloglog *sketch);

/* Appends the sketch in the format of docs/formats/partials.md; equal sets give equal bytes. */
void tide_hyperloglog_encode(const struct tide_hyperloglog *sketch, struct tide_bytes *bytes);
/* Into an empty sketch. REJECT: encode did not write this; FATAL: out of memory; it stays empty. */
enum tide_status tide_hyperloglog_decode(struct tide_hyperloglog *sketch,
                                         struct tide_view encoded,
                                         struct tide_error *error);

#endif
