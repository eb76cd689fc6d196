/* Goal: what an add costs, and what a set takes, for each mergeable partial and sets of 1 to
 * 100,000. Method: sets are filled one after the other until enough was added; what they say is
 * checked. */
#include "base/assert.h"
#include "operator/entity_set.h"
#include "operator/quantile_sketch.h"
#include "operator/value_set.h"
#include "unit/operator/partial.h"

#include <inttypes.h>
#include <time.h>

#define ADDS_PER_SIZE UINT64_C(2000000)

union set {
    struct tide_quantile_sketch quantiles;
    struct tide_hyperloglog hyperloglog;
    struct tide_value_set values;
    struct tide_entity_set entities;
};

struct partial {
    const char *name;
    void (*init)(union set *set);
    enum tide_status (*add)(union set *set, uint64_t random);
    double (*answer)(const union set *set); /* about how many, as far as it knows */
    size_t (*bytes)(const union set *set);
    void (*encode)(const union set *set, struct tide_bytes *bytes);
    void (*release)(union set *set);
};

static void init_zero(union set *set)
{
    memset(set, 0, sizeof(*set));
}

/* Durations between 0.1 s and 100 s, in microseconds, small ones more often. */
static enum tide_status add_quantile(union set *set, uint64_t random)
{
    const uint64_t most = UINT64_C(100000) << (random >> 32) % 11;
    return tide_quantile_sketch_add(&set->quantiles, (int64_t)(100000 + random % most));
}

static double answer_quantile(const union set *set)
{
    return (double)tide_quantile_sketch_count(&set->quantiles);
}

static size_t bytes_quantile(const union set *set)
{
    return tide_quantile_sketch_bytes(&set->quantiles);
}

static void encode_quantile(const union set *set, struct tide_bytes *bytes)
{
    tide_quantile_sketch_encode(&set->quantiles, bytes);
}

static void release_quantile(union set *set)
{
    tide_quantile_sketch_release(&set->quantiles);
}

static enum tide_status add_hyperloglog(union set *set, uint64_t random)
{
    return tide_hyperloglog_add(&set->hyperloglog, random);
}

static double answer_hyperloglog(const union set *set)
{
    return (double)tide_hyperloglog_estimate(&set->hyperloglog);
}

static size_t bytes_hyperloglog(const union set *set)
{
    return tide_hyperloglog_bytes(&set->hyperloglog);
}

static void encode_hyperloglog(const union set *set, struct tide_bytes *bytes)
{
    tide_hyperloglog_encode(&set->hyperloglog, bytes);
}

static void release_hyperloglog(union set *set)
{
    tide_hyperloglog_release(&set->hyperloglog);
}

static void init_unlimited(union set *set)
{
    tide_value_set_init(&set->values, TIDE_VALUE_SET_UNLIMITED);
}

static enum tide_status add_value(union set *set, uint64_t random)
{
    return tide_value_set_add(&set->values, (struct tide_u128){random, random * 3});
}

static double answer_value(const union set *set)
{
    return (double)tide_value_set_count(&set->values);
}

static size_t bytes_value(const union set *set)
{
    return tide_value_set_bytes(&set->values);
}

static void encode_value(const union set *set, struct tide_bytes *bytes)
{
    tide_value_set_encode(&set->values, bytes);
}

static void release_value(union set *set)
{
    tide_value_set_release(&set->values);
}

/* Of a dictionary of a million. */
static enum tide_status add_entity(union set *set, uint64_t random)
{
    bool is_new = false;
    return tide_entity_set_add(&set->entities, (uint32_t)(random % 1000000), &is_new);
}

static double answer_entity(const union set *set)
{
    return (double)tide_entity_set_count(&set->entities);
}

static size_t bytes_entity(const union set *set)
{
    return tide_entity_set_bytes(&set->entities);
}

static void encode_entity(const union set *set, struct tide_bytes *bytes)
{
    tide_entity_set_encode(&set->entities, bytes);
}

static void release_entity(union set *set)
{
    tide_entity_set_release(&set->entities);
}

static const struct partial partials[] = {
    {"quantile_sketch",
     init_zero,
     add_quantile,
     answer_quantile,
     bytes_quantile,
     encode_quantile,
     release_quantile},
    {"hyperloglog",
     init_zero,
     add_hyperloglog,
     answer_hyperloglog,
     bytes_hyperloglog,
     encode_hyperloglog,
     release_hyperloglog},
    {"value_set", init_zero, add_value, answer_value, bytes_value, encode_value, release_value},
    {"value_set, unlimited",
     init_unlimited,
     add_value,
     answer_value,
     bytes_value,
     encode_value,
     release_value},
    {"entity_set",
     init_zero,
     add_entity,
     answer_entity,
     bytes_entity,
     encode_entity,
     release_entity},
};

static double now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Fills that many sets of one size; how long it took. */
static double fill(const struct partial *partial,
                   union set *sets,
                   uint32_t set_count,
                   uint32_t size,
                   uint64_t *seed)
{
    const double start_ns = now_ns();
    for (uint32_t i = 0; i < set_count; i++) {
        partial->init(&sets[i]);
        for (uint32_t k = 0; k < size; k++) {
            const enum tide_status status = partial->add(&sets[i], partial_random(seed));
            tide_assert(status == TIDE_OK);
        }
    }
    return now_ns() - start_ns;
}

static void measure(const struct partial *partial, uint32_t size)
{
    enum {
        SETS = 1000
    };
    static union set sets[SETS];
    const uint32_t set_count = size < SETS ? SETS : 1;
    const uint64_t rounds = ADDS_PER_SIZE / size / set_count;
    uint64_t seed = size;
    double spent_ns = 0;
    size_t bytes = 0;
    struct tide_bytes encoded = {0};
    for (uint64_t round = 0; round < rounds; round++) {
        spent_ns += fill(partial, sets, set_count, size, &seed);
        const double error = partial->answer(&sets[0]) - size;
        tide_assert(error > -2 - size / 10.0 && error < 2 + size / 10.0);
        bytes = partial->bytes(&sets[0]);
        tide_bytes_reset(&encoded);
        partial->encode(&sets[0], &encoded);
        for (uint32_t i = 0; i < set_count; i++) {
            partial->release(&sets[i]);
        }
    }
    printf("%-22s %8" PRIu32 " %10.1f %10zu %10zu\n",
           partial->name,
           size,
           spent_ns / (double)(rounds * set_count * size),
           bytes,
           encoded.size);
    tide_bytes_release(&encoded);
}

int main(void)
{
    static const uint32_t sizes[] = {1, 10, 1000, 100000};
    printf("%-22s %8s %10s %10s %10s\n", "", "size", "ns/add", "bytes", "encoded");
    for (size_t i = 0; i < sizeof(partials) / sizeof(*partials); i++) {
        for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
            measure(&partials[i], sizes[k]);
        }
    }
    return 0;
}
