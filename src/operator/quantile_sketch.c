/* Occupied buckets in ascending order, found by binary search: first all counts, then all numbers
 * of buckets, in one allocation. A bucket's number has the sign of its values; 0 is zero's.
 *
 * The bucket of a value is looked up: for each power of two, and each 64th part of the range up to
 * the next one, a table holds the bucket in which that part starts. A bucket is at least low * 198
 * / 9901 wide and a part at most low / 64, so at most one bucket starts inside a part, and one
 * comparison decides. */
#include "operator/quantile_sketch.h"

#include "base/assert.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

__extension__ typedef unsigned __int128 u128;

#define MAGNITUDE_MAX (UINT64_C(1) << 63) /* of INT64_MIN */

enum {
    ENTRIES_MIN = 4,
    PART_BITS = 6, /* parts of a power of two: 64 */
    PARTS = 1 << PART_BITS,
    PARTS_OF_ALL = 64 * PARTS,
    BUCKETS = 2036,      /* asserted when the table is built */
    RATIO_ABOVE = 10099, /* high to low of a bucket */
    RATIO_BELOW = 9901,
    MAGIC = 'Q',
    VERSION = 1,
    HEADER_SIZE = 4,
    ENTRY_SIZE = 10,
};

static uint64_t bucket_lows[BUCKETS + 2]; /* by number, from 1; the last one ends the range */
static int16_t part_buckets[PARTS_OF_ALL];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static uint64_t high_of(int bucket)
{
    return bucket_lows[bucket + 1] - 1;
}

/* Which part of the table a magnitude is in: the place of its leading bit and the 6 bits after. */
static unsigned part_of(uint64_t magnitude)
{
    const unsigned exponent = 63 - (unsigned)__builtin_clzll(magnitude);
    const uint64_t mantissa = exponent < PART_BITS ? magnitude << (PART_BITS - exponent)
                                                   : magnitude >> (exponent - PART_BITS);
    return exponent * PARTS + ((unsigned)mantissa & (PARTS - 1));
}

static void build_tables(void)
{
    int bucket = 1;
    uint64_t low = 1;
    while (low <= MAGNITUDE_MAX) {
        tide_assert(bucket <= BUCKETS);
        bucket_lows[bucket++] = low;
        const u128 high = (u128)low * RATIO_ABOVE / RATIO_BELOW;
        low = high < MAGNITUDE_MAX ? (uint64_t)high + 1 : MAGNITUDE_MAX + 1;
    }
    tide_assert(bucket == BUCKETS + 1);
    bucket_lows[bucket] = low;

    bucket = 1;
    for (unsigned part = 0; part < PARTS_OF_ALL; part++) {
        const unsigned exponent = part / PARTS;
        const uint64_t mantissa = PARTS + part % PARTS;
        const uint64_t start = exponent < PART_BITS ? mantissa >> (PART_BITS - exponent)
                                                    : mantissa << (exponent - PART_BITS);
        while (start > high_of(bucket) && bucket < BUCKETS) {
            bucket++;
        }
        part_buckets[part] = (int16_t)bucket;
    }
}

/* The tables exist once any sketch has memory: reserve() saw to it. */
static int16_t bucket_of(int64_t value)
{
    if (value == 0) {
        return 0;
    }
    const uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    int bucket = part_buckets[part_of(magnitude)];
    bucket += magnitude >= bucket_lows[bucket + 1];
    return (int16_t)(value < 0 ? -bucket : bucket);
}

static double estimate_of(int16_t bucket)
{
    if (bucket == 0) {
        return 0;
    }
    const int number = bucket < 0 ? -bucket : bucket;
    const double low = (double)bucket_lows[number];
    const double high = (double)high_of(number);
    const double magnitude = 2 * low * high / (low + high);
    return bucket < 0 ? -magnitude : magnitude;
}

void tide_quantile_sketch_release(struct tide_quantile_sketch *sketch)
{
    free(sketch->counts);
    *sketch = (struct tide_quantile_sketch){0};
}

static int16_t *buckets_of(const struct tide_quantile_sketch *sketch)
{
    return (int16_t *)(sketch->counts + sketch->capacity);
}

/* Room for that many buckets in all. The tables are built before there is anything to look up. */
static bool reserve(struct tide_quantile_sketch *sketch, uint32_t wanted)
{
    if (wanted <= sketch->capacity) {
        return true;
    }
    const int once = pthread_once(&tables_once, build_tables);
    tide_assert(once == 0);
    uint32_t capacity = sketch->capacity == 0 ? ENTRIES_MIN : sketch->capacity;
    while (capacity < wanted) {
        capacity *= 2;
    }
    struct tide_quantile_sketch grown = *sketch;
    grown.capacity = capacity;
    grown.counts = malloc(capacity * (sizeof(uint64_t) + sizeof(int16_t)));
    if (grown.counts == NULL) {
        return false;
    }
    if (sketch->bucket_count > 0) {
        memcpy(grown.counts, sketch->counts, sketch->bucket_count * sizeof(uint64_t));
        memcpy(buckets_of(&grown), buckets_of(sketch), sketch->bucket_count * sizeof(int16_t));
    }
    free(sketch->counts);
    *sketch = grown;
    return true;
}

/* How many occupied buckets are below that one: its place, if it is occupied. Numbers ascend, so no
 * more can be below than there are numbers from the first one on, and no more above than there are
 * up to the last one. Neighbours mostly are all occupied, and then nothing is left to search. No
 * branch in the search depends on values, which are hard to foretell. */
static uint32_t place_of(const struct tide_quantile_sketch *sketch, int16_t bucket)
{
    const int16_t *buckets = buckets_of(sketch);
    const int count = (int)sketch->bucket_count;
    if (count == 0 || bucket <= buckets[0]) {
        return 0;
    }
    if (bucket > buckets[count - 1]) {
        return (uint32_t)count;
    }
    const int least = count - 1 - (buckets[count - 1] - bucket);
    const int most = bucket - buckets[0];
    int first = least > 0 ? least : 0;
    for (int left = (most < count ? most : count - 1) - first; left > 0;) {
        const int half = (left + 1) / 2;
        first += buckets[first + half - 1] < bucket ? half : 0;
        left -= half;
    }
    return (uint32_t)first;
}

static bool is_at(const struct tide_quantile_sketch *sketch, uint32_t place, int16_t bucket)
{
    return place < sketch->bucket_count && buckets_of(sketch)[place] == bucket;
}

/* Moves what is at `from` and after it to `to`. */
static void shift(struct tide_quantile_sketch *sketch, uint32_t to, uint32_t from)
{
    const size_t moved = sketch->bucket_count - from;
    int16_t *buckets = buckets_of(sketch);
    memmove(&sketch->counts[to], &sketch->counts[from], moved * sizeof(*sketch->counts));
    memmove(&buckets[to], &buckets[from], moved * sizeof(*buckets));
}

enum tide_status tide_quantile_sketch_add(struct tide_quantile_sketch *sketch, int64_t value)
{
    tide_assert(sketch->value_count < TIDE_QUANTILE_SKETCH_VALUES_MAX);
    if (!reserve(sketch, 1)) {
        return TIDE_FATAL;
    }
    const int16_t bucket = bucket_of(value);
    const uint32_t place = place_of(sketch, bucket);
    if (!is_at(sketch, place, bucket)) {
        if (!reserve(sketch, sketch->bucket_count + 1)) {
            return TIDE_FATAL;
        }
        shift(sketch, place + 1, place);
        sketch->bucket_count++;
        sketch->counts[place] = 0;
        buckets_of(sketch)[place] = bucket;
    }
    sketch->counts[place]++;
    sketch->value_count++;
    return TIDE_OK;
}

void tide_quantile_sketch_remove(struct tide_quantile_sketch *sketch, int64_t value)
{
    tide_assert(sketch->value_count > 0);
    const int16_t bucket = bucket_of(value);
    const uint32_t place = place_of(sketch, bucket);
    tide_assert(is_at(sketch, place, bucket));
    sketch->value_count--;
    sketch->counts[place]--;
    if (sketch->counts[place] == 0) {
        shift(sketch, place, place + 1);
        sketch->bucket_count--;
    }
}

/* How many buckets are occupied in one or the other. */
static uint32_t count_union(const struct tide_quantile_sketch *a,
                            const struct tide_quantile_sketch *b)
{
    uint32_t i = 0;
    uint32_t common = 0;
    for (uint32_t k = 0; k < b->bucket_count; k++) {
        const int16_t bucket = buckets_of(b)[k];
        while (i < a->bucket_count && buckets_of(a)[i] < bucket) {
            i++;
        }
        common += is_at(a, i, bucket);
    }
    return a->bucket_count + b->bucket_count - common;
}

/* Back to front, so that nothing is overwritten before it is read. */
static void merge_buckets(struct tide_quantile_sketch *into,
                          const struct tide_quantile_sketch *from,
                          uint32_t union_count)
{
    const int16_t *others = buckets_of(from);
    int16_t *buckets = buckets_of(into);
    uint32_t mine = into->bucket_count;
    uint32_t other = from->bucket_count;
    for (uint32_t to = union_count; other > 0;) {
        to--;
        const bool is_mine = mine > 0 && buckets[mine - 1] >= others[other - 1];
        const bool is_other = mine == 0 || buckets[mine - 1] <= others[other - 1];
        const int16_t *bucket = is_mine ? &buckets[mine - 1] : &others[other - 1];
        const uint64_t my_count = is_mine ? into->counts[mine - 1] : 0;
        buckets[to] = *bucket;
        into->counts[to] = my_count + (is_other ? from->counts[other - 1] : 0);
        mine -= is_mine;
        other -= is_other;
    }
    into->bucket_count = union_count;
}

enum tide_status tide_quantile_sketch_merge(struct tide_quantile_sketch *into,
                                            const struct tide_quantile_sketch *from)
{
    tide_assert(into != from);
    if (from->value_count > TIDE_QUANTILE_SKETCH_VALUES_MAX - into->value_count) {
        return TIDE_REJECT;
    }
    if (from->value_count == 0) {
        return TIDE_OK;
    }
    const uint32_t union_count = count_union(into, from);
    if (!reserve(into, union_count)) {
        return TIDE_FATAL;
    }
    merge_buckets(into, from, union_count);
    into->value_count += from->value_count;
    return TIDE_OK;
}

uint64_t tide_quantile_sketch_count(const struct tide_quantile_sketch *sketch)
{
    return sketch->value_count;
}

bool tide_quantile_sketch_quantile(const struct tide_quantile_sketch *sketch,
                                   uint64_t numerator,
                                   uint64_t denominator,
                                   double *estimate)
{
    tide_assert(denominator > 0 && numerator <= denominator);
    if (sketch->value_count == 0) {
        return false;
    }
    const u128 product = (u128)numerator * sketch->value_count;
    const uint64_t rank = (uint64_t)((product + denominator - 1) / denominator);
    uint32_t place = 0; /* where rank 0 ends as well as rank 1 */
    for (uint64_t below = sketch->counts[0]; below < rank;) {
        place++;
        tide_assert(place < sketch->bucket_count);
        below += sketch->counts[place];
    }
    *estimate = estimate_of(buckets_of(sketch)[place]);
    return true;
}

size_t tide_quantile_sketch_bytes(const struct tide_quantile_sketch *sketch)
{
    return sketch->capacity * (sizeof(uint64_t) + sizeof(int16_t));
}

void tide_quantile_sketch_encode(const struct tide_quantile_sketch *sketch,
                                 struct tide_bytes *bytes)
{
    tide_bytes_append_byte(bytes, MAGIC);
    tide_bytes_append_byte(bytes, VERSION);
    tide_bytes_append_u16(bytes, (uint16_t)sketch->bucket_count);
    for (uint32_t i = 0; i < sketch->bucket_count; i++) {
        tide_bytes_append_u16(bytes, (uint16_t)buckets_of(sketch)[i]);
        tide_bytes_append_u64(bytes, sketch->counts[i]);
    }
}

/* What encode wrote: buckets ascend, none is empty, and the counts add up to what is allowed. */
static const char *read_entries(struct tide_quantile_sketch *sketch, const char *entries)
{
    int before = -BUCKETS - 1;
    for (uint32_t i = 0; i < sketch->bucket_count; i++) {
        const int bucket = (int16_t)tide_load_u16(entries + (size_t)i * ENTRY_SIZE);
        const uint64_t count = tide_load_u64(entries + (size_t)i * ENTRY_SIZE + 2);
        if (bucket <= before || bucket > BUCKETS) {
            return "a bucket is out of order or out of range";
        }
        if (count == 0 || count > TIDE_QUANTILE_SKETCH_VALUES_MAX - sketch->value_count) {
            return "a count is 0 or too large";
        }
        before = bucket;
        buckets_of(sketch)[i] = (int16_t)bucket;
        sketch->counts[i] = count;
        sketch->value_count += count;
    }
    return NULL;
}

enum tide_status tide_quantile_sketch_decode(struct tide_quantile_sketch *sketch,
                                             struct tide_view encoded,
                                             struct tide_error *error)
{
    tide_assert(sketch->value_count == 0);
    if (encoded.size < HEADER_SIZE || encoded.data[0] != MAGIC || encoded.data[1] != VERSION) {
        return tide_error_set(error, TIDE_REJECT, "these bytes are not a quantile sketch");
    }
    const uint16_t bucket_count = tide_load_u16(encoded.data + 2);
    if (encoded.size != HEADER_SIZE + (size_t)bucket_count * ENTRY_SIZE) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "quantile sketch: %u buckets do not take %zu bytes",
                              (unsigned)bucket_count,
                              encoded.size);
    }
    if (!reserve(sketch, bucket_count)) {
        return tide_error_set(error, TIDE_FATAL, "out of memory for a quantile sketch");
    }
    sketch->bucket_count = bucket_count;
    const char *wrong = read_entries(sketch, encoded.data + HEADER_SIZE);
    if (wrong != NULL) {
        tide_quantile_sketch_release(sketch);
        return tide_error_set(error, TIDE_REJECT, "quantile sketch: %s", wrong);
    }
    return TIDE_OK;
}
