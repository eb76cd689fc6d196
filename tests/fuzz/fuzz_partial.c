/* The four partials' decoders on any bytes. What one of them accepts it encodes to the same bytes,
 * answers for, and merges with itself into the same again (a sketch that counts: into twice). */
#include "base/assert.h"
#include "operator/entity_set.h"
#include "operator/quantile_sketch.h"
#include "operator/value_set.h"

#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bytes(struct tide_bytes *bytes, struct tide_view expected)
{
    tide_assert(tide_view_equal(tide_bytes_view(bytes), expected));
    tide_bytes_release(bytes);
}

static void run_quantile_sketch(struct tide_view encoded)
{
    struct tide_quantile_sketch sketch = {0};
    struct tide_quantile_sketch twice = {0};
    struct tide_bytes bytes = {0};
    if (tide_quantile_sketch_decode(&sketch, encoded, NULL) == TIDE_OK) {
        tide_quantile_sketch_encode(&sketch, &bytes);
        check_bytes(&bytes, encoded);
        const uint64_t count = tide_quantile_sketch_count(&sketch);
        double lowest = 0;
        double highest = 0;
        const bool is_there = tide_quantile_sketch_quantile(&sketch, 0, 1, &lowest) &&
                              tide_quantile_sketch_quantile(&sketch, 1, 1, &highest);
        tide_assert(is_there == (count > 0) && lowest <= highest);
        tide_assert(tide_quantile_sketch_merge(&twice, &sketch) == TIDE_OK);
        const bool is_too_much = count > TIDE_QUANTILE_SKETCH_VALUES_MAX - count;
        const enum tide_status status = tide_quantile_sketch_merge(&twice, &sketch);
        tide_assert(status == (is_too_much ? TIDE_REJECT : TIDE_OK));
        tide_assert(tide_quantile_sketch_count(&twice) == (is_too_much ? count : count * 2));
    }
    tide_quantile_sketch_release(&sketch);
    tide_quantile_sketch_release(&twice);
}

static void run_hyperloglog(struct tide_view encoded)
{
    struct tide_hyperloglog sketch = {0};
    struct tide_hyperloglog merged = {0};
    struct tide_bytes bytes = {0};
    if (tide_hyperloglog_decode(&sketch, encoded, NULL) == TIDE_OK) {
        tide_assert(tide_hyperloglog_merge(&merged, &sketch) == TIDE_OK);
        tide_assert(tide_hyperloglog_merge(&merged, &sketch) == TIDE_OK);
        tide_hyperloglog_encode(&merged, &bytes);
        check_bytes(&bytes, encoded);
        tide_assert(tide_hyperloglog_estimate(&merged) == tide_hyperloglog_estimate(&sketch));
    }
    tide_hyperloglog_release(&sketch);
    tide_hyperloglog_release(&merged);
}

static void run_value_set(struct tide_view encoded)
{
    struct tide_value_set set;
    struct tide_value_set merged;
    struct tide_bytes bytes = {0};
    tide_value_set_init(&set, TIDE_VALUE_SET_UNLIMITED);
    tide_value_set_init(&merged, TIDE_VALUE_SET_UNLIMITED);
    if (tide_value_set_decode(&set, encoded, NULL) == TIDE_OK) {
        tide_assert(tide_value_set_merge(&merged, &set) == TIDE_OK);
        tide_assert(tide_value_set_merge(&merged, &set) == TIDE_OK);
        tide_value_set_encode(&merged, &bytes);
        check_bytes(&bytes, encoded);
        tide_assert(tide_value_set_count(&merged) == tide_value_set_count(&set));
    }
    tide_value_set_release(&set);
    tide_value_set_release(&merged);
}

static void run_entity_set(struct tide_view encoded)
{
    struct tide_entity_set set = {0};
    struct tide_entity_set merged = {0};
    struct tide_bytes bytes = {0};
    if (tide_entity_set_decode(&set, encoded, NULL) == TIDE_OK) {
        tide_assert(tide_entity_set_merge(&merged, &set) == TIDE_OK);
        tide_assert(tide_entity_set_merge(&merged, &set) == TIDE_OK);
        tide_entity_set_encode(&merged, &bytes);
        check_bytes(&bytes, encoded);
        const struct tide_entity_set *const sets[] = {&set, &merged};
        uint64_t count = 0;
        tide_assert(tide_entity_set_count_union(sets, 2, &count) == TIDE_OK);
        tide_assert(count == tide_entity_set_count(&set));
    }
    tide_entity_set_release(&set);
    tide_entity_set_release(&merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tide_view encoded = {(const char *)data, size};
    run_quantile_sketch(encoded);
    run_hyperloglog(encoded);
    run_value_set(encoded);
    run_entity_set(encoded);
    return 0;
}
