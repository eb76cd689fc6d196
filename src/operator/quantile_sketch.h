/* Quantiles of 64-bit integers within 1 %, mergeable: DDSketch (Masson, Rim, Lee, "DDSketch: A Fast
 * and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", VLDB 2019) over a fixed
 * range. No bucket is ever collapsed into another, so a value that was added can be removed, and
 * what is left equals, byte for byte, a sketch to which it was never added.
 *
 * Buckets are ranges of integers [low, high]: the first is [1, 1]; then high = floor(low * 10099 /
 * 9901), and the next one starts at high + 1, until 2^63 is reached. The same ranges with a minus
 * hold the negative values, and one bucket holds zero. The estimate of a bucket is the harmonic
 * mean of its ends, 2 * low * high / (low + high): it is exact up to 50, where buckets hold one
 * integer, and above that off by at most (high - low) / (high + low) <= 99/10000 of any value of
 * the bucket. That leaves room for the roundings of doubles, here and where somebody divides by a
 * scale: what comes out is within 1 %, strictly. All bucket arithmetic is in integers: every
 * machine agrees.
 *
 * A decimal column's values come scaled by 10^6, and so do the estimates: the caller divides.
 * Memory: 10 bytes for each occupied bucket, of which there are at most 4,073; 117 hold a decade.
 *
 * One thread; struct copies move, the source must then be zeroed. */
#ifndef TIDE_OPERATOR_QUANTILE_SKETCH_H
#define TIDE_OPERATOR_QUANTILE_SKETCH_H

#include "base/bytes.h"

/* The most values that one sketch counts. */
#define TIDE_QUANTILE_SKETCH_VALUES_MAX INT64_MAX

/* All zero is a valid empty sketch. */
struct tide_quantile_sketch {
    uint64_t *counts; /* none is 0; the buckets' numbers follow the last of capacity counts */
    uint32_t bucket_count;
    uint32_t capacity;
    uint64_t value_count; /* the sum of counts */
};

void tide_quantile_sketch_release(struct tide_quantile_sketch *sketch);
/* FATAL: out of memory, nothing was changed. O(log b + b) for a new bucket, else O(log b). */
enum tide_status tide_quantile_sketch_add(struct tide_quantile_sketch *sketch, int64_t value);
/* value must have been added, and not removed since. */
void tide_quantile_sketch_remove(struct tide_quantile_sketch *sketch, int64_t value);
/* Adds all that from holds; they must not be the same sketch. FATAL: out of memory. REJECT:
 * together more than VALUES_MAX. Nothing was changed then. */
enum tide_status tide_quantile_sketch_merge(struct tide_quantile_sketch *into,
                                            const struct tide_quantile_sketch *from);
uint64_t tide_quantile_sketch_count(const struct tide_quantile_sketch *sketch);
/* The estimate of the value with rank max(1, ceil(numerator / denominator * count)) in ascending
 * order; numerator <= denominator, denominator > 0. False if there are no values. O(b). */
bool tide_quantile_sketch_quantile(const struct tide_quantile_sketch *sketch,
                                   uint64_t numerator,
                                   uint64_t denominator,
                                   double *estimate);
size_t tide_quantile_sketch_bytes(const struct tide_quantile_sketch *sketch);

/* Appends the sketch in the format of docs/formats/partials.md; equal values give equal bytes. */
void tide_quantile_sketch_encode(const struct tide_quantile_sketch *sketch,
                                 struct tide_bytes *bytes);
/* Into an empty sketch. REJECT: encode did not write this; FATAL: out of memory; it stays empty. */
enum tide_status tide_quantile_sketch_decode(struct tide_quantile_sketch *sketch,
                                             struct tide_view encoded,
                                             struct tide_error *error);

#endif
