/* Open addressing in doubling tables, as the room's other sets; then a sketch. */
#include "operator/value_set.h"

#include "base/assert.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    SLOTS_MIN = 4,
    MAGIC = 'V',
    VERSION = 1,
    FORM_EXACT = 0,
    FORM_ESTIMATED = 1,
    HEADER_SIZE = 3,
    VALUE_SIZE = 16,
};

void tide_value_set_init(struct tide_value_set *set, enum tide_value_set_kind kind)
{
    *set =
        (struct tide_value_set){.kind = kind, .is_estimated = kind == TIDE_VALUE_SET_APPROXIMATE};
}

void tide_value_set_release(struct tide_value_set *set)
{
    free(set->slots);
    tide_hyperloglog_release(&set->sketch);
    *set = (struct tide_value_set){0};
}

static bool is_zero(struct tide_u128 hash)
{
    return (hash.high | hash.low) == 0;
}

static struct tide_u128 *find_slot(struct tide_u128 *slots,
                                   uint64_t slot_count,
                                   struct tide_u128 hash)
{
    uint64_t i = hash.low & (slot_count - 1);
    while (!is_zero(slots[i]) && !tide_u128_equal(slots[i], hash)) {
        i = (i + 1) & (slot_count - 1);
    }
    return &slots[i];
}

static bool grow(struct tide_value_set *set)
{
    const uint64_t slot_count = set->slot_count == 0 ? SLOTS_MIN : set->slot_count * 2;
    struct tide_u128 *slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < set->slot_count; i++) {
        if (!is_zero(set->slots[i])) {
            *find_slot(slots, slot_count, set->slots[i]) = set->slots[i];
        }
    }
    free(set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    return true;
}

/* Which half the sketch takes does not matter, if it is the same for ever: partials are stored. */
static enum tide_status add_estimated(struct tide_hyperloglog *sketch, struct tide_u128 hash)
{
    return tide_hyperloglog_add(sketch, hash.high);
}

/* All values of an exact set. */
static enum tide_status sketch_values(const struct tide_value_set *set,
                                      struct tide_hyperloglog *sketch)
{
    enum tide_status status = TIDE_OK;
    if (set->has_zero) {
        status = add_estimated(sketch, (struct tide_u128){0, 0});
    }
    for (uint64_t i = 0; i < set->slot_count && status == TIDE_OK; i++) {
        if (!is_zero(set->slots[i])) {
            status = add_estimated(sketch, set->slots[i]);
        }
    }
    return status;
}

/* From exact to estimated, or nothing is changed. */
static enum tide_status make_estimated(struct tide_value_set *set)
{
    struct tide_hyperloglog sketch = {0};
    const enum tide_status status = sketch_values(set, &sketch);
    if (status != TIDE_OK) {
        tide_hyperloglog_release(&sketch);
        return status;
    }
    const enum tide_value_set_kind kind = set->kind;
    tide_value_set_release(set);
    *set = (struct tide_value_set){.kind = kind, .is_estimated = true, .sketch = sketch};
    return TIDE_OK;
}

static bool holds(const struct tide_value_set *set, struct tide_u128 hash)
{
    if (is_zero(hash)) {
        return set->has_zero;
    }
    return set->slot_count > 0 && !is_zero(*find_slot(set->slots, set->slot_count, hash));
}

/* A value that is new to an exact set with room for it. */
static enum tide_status add_exact(struct tide_value_set *set, struct tide_u128 hash)
{
    if (is_zero(hash)) {
        set->has_zero = true;
    } else {
        if (set->value_count + 1 > set->slot_count / 4 * 3 && !grow(set)) {
            return TIDE_FATAL;
        }
        *find_slot(set->slots, set->slot_count, hash) = hash;
    }
    set->value_count++;
    return TIDE_OK;
}

enum tide_status tide_value_set_add(struct tide_value_set *set, struct tide_u128 hash)
{
    if (!set->is_estimated) {
        if (holds(set, hash)) {
            return TIDE_OK;
        }
        if (set->kind != TIDE_VALUE_SET_LIMITED || set->value_count < TIDE_VALUE_SET_LIMIT) {
            return add_exact(set, hash);
        }
        const enum tide_status status = make_estimated(set);
        if (status != TIDE_OK) {
            return status;
        }
    }
    return add_estimated(&set->sketch, hash);
}

enum tide_status tide_value_set_merge(struct tide_value_set *into,
                                      const struct tide_value_set *from)
{
    tide_assert(into != from);
    enum tide_status status = TIDE_OK;
    if (from->is_estimated) {
        if (!into->is_estimated) {
            status = make_estimated(into);
        }
        return status == TIDE_OK ? tide_hyperloglog_merge(&into->sketch, &from->sketch) : status;
    }
    if (from->has_zero) {
        status = tide_value_set_add(into, (struct tide_u128){0, 0});
    }
    for (uint64_t i = 0; i < from->slot_count && status == TIDE_OK; i++) {
        if (!is_zero(from->slots[i])) {
            status = tide_value_set_add(into, from->slots[i]);
        }
    }
    return status;
}

uint64_t tide_value_set_count(const struct tide_value_set *set)
{
    return set->is_estimated ? tide_hyperloglog_estimate(&set->sketch) : set->value_count;
}

bool tide_value_set_is_exact(const struct tide_value_set *set)
{
    return !set->is_estimated;
}

size_t tide_value_set_bytes(const struct tide_value_set *set)
{
    return set->slot_count * sizeof(*set->slots) + tide_hyperloglog_bytes(&set->sketch);
}

static struct tide_u128 load_value(const char *bytes)
{
    return (struct tide_u128){.high = tide_load_u64(bytes + 8), .low = tide_load_u64(bytes)};
}

static int compare_values(const void *a, const void *b)
{
    const struct tide_u128 first = load_value(a);
    const struct tide_u128 second = load_value(b);
    if (first.high != second.high) {
        return first.high < second.high ? -1 : 1;
    }
    return first.low < second.low ? -1 : first.low > second.low;
}

static void append_value(struct tide_bytes *bytes, struct tide_u128 hash)
{
    tide_bytes_append_u64(bytes, hash.low);
    tide_bytes_append_u64(bytes, hash.high);
}

void tide_value_set_encode(const struct tide_value_set *set, struct tide_bytes *bytes)
{
    tide_bytes_append_byte(bytes, MAGIC);
    tide_bytes_append_byte(bytes, VERSION);
    tide_bytes_append_byte(bytes, set->is_estimated ? FORM_ESTIMATED : FORM_EXACT);
    if (set->is_estimated) {
        tide_hyperloglog_encode(&set->sketch, bytes);
        return;
    }
    const size_t start = bytes->size;
    if (set->has_zero) {
        append_value(bytes, (struct tide_u128){0, 0});
    }
    for (uint64_t i = 0; i < set->slot_count; i++) {
        if (!is_zero(set->slots[i])) {
            append_value(bytes, set->slots[i]);
        }
    }
    if (!bytes->failed && set->value_count > 0) {
        qsort(bytes->data + start, set->value_count, VALUE_SIZE, compare_values);
    }
}

static enum tide_status decode_exact(struct tide_value_set *set,
                                     struct tide_view values,
                                     struct tide_error *error)
{
    if (values.size % VALUE_SIZE != 0) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "value set: %zu bytes are not a multiple of %d",
                              values.size,
                              VALUE_SIZE);
    }
    for (size_t at = VALUE_SIZE; at < values.size; at += VALUE_SIZE) {
        if (compare_values(values.data + at - VALUE_SIZE, values.data + at) >= 0) {
            return tide_error_set(error, TIDE_REJECT, "value set: values are out of order");
        }
    }
    for (size_t at = 0; at < values.size; at += VALUE_SIZE) {
        if (tide_value_set_add(set, load_value(values.data + at)) != TIDE_OK) {
            return tide_error_set(error, TIDE_FATAL, "out of memory for a value set");
        }
    }
    return TIDE_OK;
}

static enum tide_status decode_estimated(struct tide_value_set *set,
                                         struct tide_view sketch,
                                         struct tide_error *error)
{
    const enum tide_status status = tide_hyperloglog_decode(&set->sketch, sketch, error);
    if (status != TIDE_OK) {
        tide_error_prefix(error, "value set");
        return status;
    }
    set->is_estimated = true;
    return TIDE_OK;
}

enum tide_status tide_value_set_decode(struct tide_value_set *set,
                                       struct tide_view encoded,
                                       struct tide_error *error)
{
    tide_assert(tide_value_set_count(set) == 0);
    const enum tide_value_set_kind kind = set->kind;
    if (encoded.size < HEADER_SIZE || encoded.data[0] != MAGIC || encoded.data[1] != VERSION) {
        return tide_error_set(error, TIDE_REJECT, "these bytes are not a value set");
    }
    const struct tide_view body = tide_view_slice(encoded, HEADER_SIZE, encoded.size - HEADER_SIZE);
    enum tide_status status = TIDE_REJECT;
    switch (encoded.data[2]) {
    case FORM_EXACT:
        status = decode_exact(set, body, error);
        break;
    case FORM_ESTIMATED:
        status = decode_estimated(set, body, error);
        break;
    default:
        return tide_error_set(
            error, TIDE_REJECT, "value set: there is no form %d", encoded.data[2]);
    }
    if (status != TIDE_OK) {
        tide_value_set_release(set);
        tide_value_set_init(set, kind);
    }
    return status;
}
