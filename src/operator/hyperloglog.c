/* The sparse list is searched by halves and shifted for a new register; at most 2,048 times, so
 * that is cheaper than a table. Ranks are between 1 and 51, and 0 where nothing was seen. */
#include "operator/hyperloglog.h"

#include "base/assert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    REGISTERS = TIDE_HYPERLOGLOG_REGISTERS,
    SPARSE_MAX = TIDE_HYPERLOGLOG_SPARSE_MAX,
    RANK_BITS = 64 - TIDE_HYPERLOGLOG_PRECISION,
    RANK_MAX = RANK_BITS + 1,
    SPARSE_MIN = 4,
    MAGIC = 'H',
    VERSION = 1,
    FORM_SPARSE = 0,
    FORM_DENSE = 1,
    HEADER_SIZE = 3,
    COUNT_SIZE = 2,
    ENTRY_SIZE = 3,
};

void tide_hyperloglog_release(struct tide_hyperloglog *sketch)
{
    free(sketch->sparse);
    free(sketch->registers);
    *sketch = (struct tide_hyperloglog){0};
}

static uint32_t register_of(uint32_t entry)
{
    return entry >> 8;
}

static uint8_t rank_of(uint32_t entry)
{
    return entry & 0xff;
}

static uint32_t entry_of(uint64_t hash)
{
    const uint64_t rest = hash << TIDE_HYPERLOGLOG_PRECISION;
    const unsigned rank = rest == 0 ? RANK_MAX : (unsigned)__builtin_clzll(rest) + 1;
    return (uint32_t)(hash >> RANK_BITS) << 8 | rank;
}

static void raise_register(uint8_t *registers, uint32_t entry)
{
    uint8_t *rank = &registers[register_of(entry)];
    *rank = *rank < rank_of(entry) ? rank_of(entry) : *rank;
}

static bool make_dense(struct tide_hyperloglog *sketch)
{
    uint8_t *registers = calloc(REGISTERS, 1);
    if (registers == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < sketch->sparse_count; i++) {
        raise_register(registers, sketch->sparse[i]);
    }
    tide_hyperloglog_release(sketch);
    sketch->registers = registers;
    return true;
}

static bool reserve_sparse(struct tide_hyperloglog *sketch, uint32_t wanted)
{
    if (wanted <= sketch->sparse_capacity) {
        return true;
    }
    uint32_t capacity = sketch->sparse_capacity == 0 ? SPARSE_MIN : sketch->sparse_capacity;
    while (capacity < wanted) {
        capacity *= 2;
    }
    uint32_t *sparse = realloc(sketch->sparse, capacity * sizeof(*sparse));
    if (sparse == NULL) {
        return false;
    }
    sketch->sparse = sparse;
    sketch->sparse_capacity = capacity;
    return true;
}

/* The place of the first entry whose register is not below that of entry. */
static uint32_t place_of(const struct tide_hyperloglog *sketch, uint32_t entry)
{
    const uint32_t least = register_of(entry) << 8;
    uint32_t first = 0;
    for (uint32_t left = sketch->sparse_count; left > 0;) {
        const uint32_t half = (left + 1) / 2;
        first += sketch->sparse[first + half - 1] < least ? half : 0;
        left -= half;
    }
    return first;
}

static bool is_at(const struct tide_hyperloglog *sketch, uint32_t place, uint32_t entry)
{
    return place < sketch->sparse_count && register_of(sketch->sparse[place]) == register_of(entry);
}

static enum tide_status add_sparse(struct tide_hyperloglog *sketch, uint32_t entry)
{
    const uint32_t place = place_of(sketch, entry);
    if (is_at(sketch, place, entry)) {
        uint32_t *there = &sketch->sparse[place];
        *there = *there < entry ? entry : *there;
        return TIDE_OK;
    }
    if (sketch->sparse_count == SPARSE_MAX) {
        if (!make_dense(sketch)) {
            return TIDE_FATAL;
        }
        raise_register(sketch->registers, entry);
        return TIDE_OK;
    }
    if (!reserve_sparse(sketch, sketch->sparse_count + 1)) {
        return TIDE_FATAL;
    }
    uint32_t *to = &sketch->sparse[place];
    memmove(to + 1, to, (sketch->sparse_count - place) * sizeof(*to));
    *to = entry;
    sketch->sparse_count++;
    return TIDE_OK;
}

enum tide_status tide_hyperloglog_add(struct tide_hyperloglog *sketch, uint64_t hash)
{
    const uint32_t entry = entry_of(hash);
    if (sketch->registers == NULL) {
        return add_sparse(sketch, entry);
    }
    raise_register(sketch->registers, entry);
    return TIDE_OK;
}

/* How many registers are not 0 in one or the other. */
static uint32_t count_union(const struct tide_hyperloglog *a, const struct tide_hyperloglog *b)
{
    uint32_t i = 0;
    uint32_t common = 0;
    for (uint32_t k = 0; k < b->sparse_count; k++) {
        const uint32_t number = register_of(b->sparse[k]);
        while (i < a->sparse_count && register_of(a->sparse[i]) < number) {
            i++;
        }
        common += is_at(a, i, b->sparse[k]);
    }
    return a->sparse_count + b->sparse_count - common;
}

/* Back to front, so that nothing is overwritten before it is read. */
static void merge_sparse(struct tide_hyperloglog *into,
                         const struct tide_hyperloglog *from,
                         uint32_t union_count)
{
    uint32_t mine = into->sparse_count;
    uint32_t other = from->sparse_count;
    for (uint32_t to = union_count; other > 0;) {
        const uint32_t theirs = from->sparse[other - 1];
        const uint32_t ours = mine > 0 ? into->sparse[mine - 1] : 0;
        const bool is_ours = mine > 0 && register_of(ours) >= register_of(theirs);
        const bool is_theirs = mine == 0 || register_of(ours) <= register_of(theirs);
        into->sparse[--to] = ours > theirs ? ours : theirs; /* of one register: the higher rank */
        mine -= is_ours;
        other -= is_theirs;
    }
    into->sparse_count = union_count;
}

enum tide_status tide_hyperloglog_merge(struct tide_hyperloglog *into,
                                        const struct tide_hyperloglog *from)
{
    tide_assert(into != from);
    if (into->registers == NULL && from->registers == NULL) {
        const uint32_t union_count = count_union(into, from);
        if (union_count <= SPARSE_MAX) {
            if (!reserve_sparse(into, union_count)) {
                return TIDE_FATAL;
            }
            merge_sparse(into, from, union_count);
            return TIDE_OK;
        }
    }
    if (into->registers == NULL && !make_dense(into)) {
        return TIDE_FATAL;
    }
    if (from->registers == NULL) {
        for (uint32_t i = 0; i < from->sparse_count; i++) {
            raise_register(into->registers, from->sparse[i]);
        }
        return TIDE_OK;
    }
    for (uint32_t i = 0; i < REGISTERS; i++) {
        const uint8_t rank = from->registers[i];
        into->registers[i] = into->registers[i] < rank ? rank : into->registers[i];
    }
    return TIDE_OK;
}

/* Ertl's sigma: x + sum over k >= 1 of x^(2^k) * 2^(k - 1), for 0 <= x < 1. In this and the next
 * one, factors are powers of two where a product is added, so a fused multiply-add changes
 * nothing. */
static double sigma(double x)
{
    double power = x;
    double factor = 1;
    double sum = x;
    double before = -1;
    while (sum != before) {
        before = sum;
        power *= power;
        sum += power * factor;
        factor *= 2;
    }
    return sum;
}

/* Ertl's tau: (1 - x - sum over k >= 1 of (1 - x^(2^-k))^2 * 2^-k) / 3, for 0 <= x <= 1. */
static double tau(double x)
{
    if (x == 0 || x == 1) {
        return 0;
    }
    double root = x;
    double factor = 1;
    double sum = 1 - x;
    double before = -1;
    while (sum != before) {
        before = sum;
        root = sqrt(root);
        factor /= 2;
        const double square = (1 - root) * (1 - root);
        sum -= square * factor;
    }
    return sum / 3;
}

uint64_t tide_hyperloglog_estimate(const struct tide_hyperloglog *sketch)
{
    uint32_t counts[RANK_MAX + 1] = {0}; /* registers by rank */
    if (sketch->registers == NULL) {
        counts[0] = REGISTERS - sketch->sparse_count;
        for (uint32_t i = 0; i < sketch->sparse_count; i++) {
            counts[rank_of(sketch->sparse[i])]++;
        }
    } else {
        for (uint32_t i = 0; i < REGISTERS; i++) {
            counts[sketch->registers[i]]++;
        }
    }
    if (counts[0] == REGISTERS) {
        return 0;
    }
    const double alpha = 0.72134752044448170368; /* 1 / (2 ln 2) */
    const double registers = REGISTERS;
    double sum = registers * tau(1 - counts[RANK_MAX] / registers);
    for (unsigned rank = RANK_BITS; rank >= 1; rank--) {
        sum = (sum + counts[rank]) / 2;
    }
    sum += registers * sigma(counts[0] / registers);
    const double highest = 18446744073709549568.0; /* the double before 2^64 */
    const double rounded = sum > 0 ? floor(alpha * registers * registers / sum + 0.5) : highest;
    return rounded < highest ? (uint64_t)rounded : UINT64_MAX;
}

size_t tide_hyperloglog_bytes(const struct tide_hyperloglog *sketch)
{
    return sketch->sparse_capacity * sizeof(*sketch->sparse) +
           (sketch->registers == NULL ? 0 : REGISTERS);
}

void tide_hyperloglog_encode(const struct tide_hyperloglog *sketch, struct tide_bytes *bytes)
{
    tide_bytes_append_byte(bytes, MAGIC);
    tide_bytes_append_byte(bytes, VERSION);
    if (sketch->registers != NULL) {
        tide_bytes_append_byte(bytes, FORM_DENSE);
        tide_bytes_append(bytes, sketch->registers, REGISTERS);
        return;
    }
    tide_bytes_append_byte(bytes, FORM_SPARSE);
    tide_bytes_append_u16(bytes, (uint16_t)sketch->sparse_count);
    for (uint32_t i = 0; i < sketch->sparse_count; i++) {
        tide_bytes_append_u16(bytes, (uint16_t)register_of(sketch->sparse[i]));
        tide_bytes_append_byte(bytes, (char)rank_of(sketch->sparse[i]));
    }
}

/* One byte for each register, no rank beyond the maximum, and too many to be sparse. */
static enum tide_status decode_dense(struct tide_hyperloglog *sketch,
                                     struct tide_view body,
                                     struct tide_error *error)
{
    if (body.size != REGISTERS) {
        return tide_error_set(
            error, TIDE_REJECT, "hyperloglog: %zu registers, not %d", body.size, REGISTERS);
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < REGISTERS; i++) {
        const unsigned char rank = (unsigned char)body.data[i];
        if (rank > RANK_MAX) {
            return tide_error_set(
                error, TIDE_REJECT, "hyperloglog: rank %u is above %d", (unsigned)rank, RANK_MAX);
        }
        used += rank > 0;
    }
    if (used <= SPARSE_MAX) {
        return tide_error_set(
            error, TIDE_REJECT, "hyperloglog: dense with only %u registers in use", used);
    }
    uint8_t *registers = malloc(REGISTERS);
    if (registers == NULL) {
        return tide_error_set(error, TIDE_FATAL, "out of memory for a hyperloglog");
    }
    memcpy(registers, body.data, REGISTERS);
    tide_hyperloglog_release(sketch);
    sketch->registers = registers;
    return TIDE_OK;
}

static bool read_sparse(struct tide_hyperloglog *sketch, const char *entries, uint32_t count)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *entry = entries + (size_t)i * ENTRY_SIZE;
        const uint32_t number = tide_load_u16(entry);
        const unsigned char rank = (unsigned char)entry[2];
        if (number < next || number >= REGISTERS || rank == 0 || rank > RANK_MAX) {
            return false;
        }
        next = number + 1;
        sketch->sparse[i] = number << 8 | rank;
    }
    return true;
}

static enum tide_status decode_sparse(struct tide_hyperloglog *sketch,
                                      struct tide_view body,
                                      struct tide_error *error)
{
    const uint16_t count = body.size < COUNT_SIZE ? 0 : tide_load_u16(body.data);
    if (count > SPARSE_MAX || body.size != COUNT_SIZE + (size_t)count * ENTRY_SIZE) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "hyperloglog: %u registers in %zu bytes",
                              (unsigned)count,
                              body.size);
    }
    if (!reserve_sparse(sketch, count)) {
        return tide_error_set(error, TIDE_FATAL, "out of memory for a hyperloglog");
    }
    if (!read_sparse(sketch, body.data + COUNT_SIZE, count)) {
        return tide_error_set(
            error, TIDE_REJECT, "hyperloglog: registers out of order, or one out of range");
    }
    sketch->sparse_count = count;
    return TIDE_OK;
}

enum tide_status tide_hyperloglog_decode(struct tide_hyperloglog *sketch,
                                         struct tide_view encoded,
                                         struct tide_error *error)
{
    tide_assert(sketch->sparse_count == 0 && sketch->registers == NULL);
    if (encoded.size < HEADER_SIZE || encoded.data[0] != MAGIC || encoded.data[1] != VERSION) {
        return tide_error_set(error, TIDE_REJECT, "these bytes are not a hyperloglog");
    }
    const struct tide_view body = tide_view_slice(encoded, HEADER_SIZE, encoded.size - HEADER_SIZE);
    switch (encoded.data[2]) {
    case FORM_SPARSE:
        return decode_sparse(sketch, body, error);
    case FORM_DENSE:
        return decode_dense(sketch, body, error);
    default:
        return tide_error_set(
            error, TIDE_REJECT, "hyperloglog: there is no form %d", encoded.data[2]);
    }
}
