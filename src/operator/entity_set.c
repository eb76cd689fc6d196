/* Four forms. Few and sorted are the same ascending array in two places. Of a range there are two:
 *
 *   a table of 16 to 2,048 slots, open addressing, at most three quarters full; an empty slot is 0,
 *   so whether the number 0 is there is kept beside it;
 *   8,192 bytes of bits, which is what a table of twice 2,048 slots would take.
 *
 * Entities are numbered as they come, so a set's ranges mostly are all from the first to the last,
 * and the place of one is known without a search. */
#include "operator/entity_set.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    INLINE = TIDE_ENTITY_SET_INLINE,
    SORTED = TIDE_ENTITY_SET_SORTED,
    RANGE_NUMBERS = 1 << 16,
    RANGE_BITS_SIZE = RANGE_NUMBERS / 8,
    RANGE_WORDS = RANGE_NUMBERS / 64,
    SLOTS_LOG2_MIN = 4,
    SLOTS_LOG2_MAX = 11,
    MAGIC = 'E',
    VERSION = 1,
    HEADER_SIZE = 2,
    RANGE_HEADER_SIZE = 4,
    RANGE_LISTED_MAX =
        4096, /* where a list of 16-bit numbers and a bit for each number are equal */
};

/* The numbers with the same high half. */
struct tide_entity_range {
    union {
        uint16_t *slots; /* low halves; 0: empty */
        uint64_t *bits;
    } at;
    uint32_t count; /* at least 1 */
    uint16_t high;
    uint8_t slots_log2; /* 0: bits */
    bool has_zero;      /* of a table */
};

static void release_ranges(struct tide_entity_range *ranges, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(ranges[i].at.slots);
    }
    free(ranges);
}

void tide_entity_set_release(struct tide_entity_set *set)
{
    if (set->is_ranged) {
        release_ranges(set->numbers.ranged.ranges, set->numbers.ranged.range_count);
    } else if (set->capacity > 0) {
        free(set->numbers.sorted);
    }
    *set = (struct tide_entity_set){0};
}

/* ------- few and sorted */

static const uint32_t *array_of(const struct tide_entity_set *set)
{
    return set->capacity > 0 ? set->numbers.sorted : set->numbers.few;
}

static uint32_t *writable_array_of(struct tide_entity_set *set)
{
    return set->capacity > 0 ? set->numbers.sorted : set->numbers.few;
}

/* The place of the first number that is not below entity. */
static uint32_t place_of(const struct tide_entity_set *set, uint32_t entity)
{
    const uint32_t *numbers = array_of(set);
    uint32_t first = 0;
    for (uint32_t left = set->count; left > 0;) {
        const uint32_t half = (left + 1) / 2;
        first += numbers[first + half - 1] < entity ? half : 0;
        left -= half;
    }
    return first;
}

static bool is_at(const struct tide_entity_set *set, uint32_t place, uint32_t entity)
{
    return place < set->count && array_of(set)[place] == entity;
}

/* ------- a range */

static uint32_t home_of(uint32_t low, unsigned slots_log2)
{
    return low * UINT32_C(0x9e3779b1) >> (32 - slots_log2);
}

/* The slot of a low half other than 0, or the empty one where it belongs. */
static uint16_t *find_slot(uint16_t *slots, unsigned slots_log2, uint16_t low)
{
    const uint32_t mask = (1U << slots_log2) - 1;
    uint32_t i = home_of(low, slots_log2);
    while (slots[i] != 0 && slots[i] != low) {
        i = (i + 1) & mask;
    }
    return &slots[i];
}

static void set_bit(uint64_t *bits, uint16_t low)
{
    bits[low / 64] |= UINT64_C(1) << low % 64;
}

static bool has_bit(const uint64_t *bits, uint16_t low)
{
    return (bits[low / 64] >> low % 64 & 1) != 0;
}

/* Sets the bits of its numbers. */
static void add_bits(const struct tide_entity_range *range, uint64_t *bits)
{
    if (range->slots_log2 == 0) {
        for (uint32_t i = 0; i < RANGE_WORDS; i++) {
            bits[i] |= range->at.bits[i];
        }
        return;
    }
    bits[0] |= range->has_zero;
    for (uint32_t i = 0; i < 1U << range->slots_log2; i++) {
        if (range->at.slots[i] != 0) {
            set_bit(bits, range->at.slots[i]);
        }
    }
}

static bool range_has(const struct tide_entity_range *range, uint16_t low)
{
    if (range->slots_log2 == 0) {
        return has_bit(range->at.bits, low);
    }
    return low == 0 ? range->has_zero : *find_slot(range->at.slots, range->slots_log2, low) != 0;
}

static uint32_t range_bytes(const struct tide_entity_range *range)
{
    return (uint32_t)sizeof(*range) + (range->slots_log2 == 0
                                           ? (uint32_t)RANGE_BITS_SIZE
                                           : (uint32_t)sizeof(uint16_t) << range->slots_log2);
}

/* Twice the slots, or bits. */
static bool grow_range(struct tide_entity_range *range)
{
    const unsigned slots_log2 = range->slots_log2 + 1U;
    if (slots_log2 > SLOTS_LOG2_MAX) {
        uint64_t *bits = calloc(RANGE_WORDS, sizeof(*bits));
        if (bits == NULL) {
            return false;
        }
        add_bits(range, bits);
        free(range->at.slots);
        range->at.bits = bits;
        range->slots_log2 = 0;
        return true;
    }
    uint16_t *slots = calloc((size_t)1 << slots_log2, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < 1U << range->slots_log2; i++) {
        const uint16_t low = range->at.slots[i];
        if (low != 0) {
            *find_slot(slots, slots_log2, low) = low;
        }
    }
    free(range->at.slots);
    range->at.slots = slots;
    range->slots_log2 = (uint8_t)slots_log2;
    return true;
}

static bool is_full(const struct tide_entity_range *range)
{
    return range->count - range->has_zero == 3U << range->slots_log2 >> 2;
}

/* false: out of memory. */
static bool range_add(struct tide_entity_range *range, uint16_t low, bool *is_new)
{
    if (range->slots_log2 == 0) {
        *is_new = !has_bit(range->at.bits, low);
        set_bit(range->at.bits, low);
    } else if (low == 0) {
        *is_new = !range->has_zero;
        range->has_zero = true;
    } else {
        uint16_t *slot = find_slot(range->at.slots, range->slots_log2, low);
        *is_new = *slot == 0;
        if (*is_new && is_full(range)) {
            return grow_range(range) && range_add(range, low, is_new);
        }
        *slot = low;
    }
    range->count += *is_new;
    return true;
}

/* ------- ranges */

/* The place of the range with that high half, or where it belongs. */
static uint32_t range_place(const struct tide_entity_set *set, uint16_t high)
{
    const struct tide_entity_range *ranges = set->numbers.ranged.ranges;
    const uint32_t guess = (uint32_t)high - ranges[0].high;
    uint32_t first = 0;
    uint32_t end = set->numbers.ranged.range_count;
    if (guess < end && ranges[guess].high == high) {
        return guess;
    }
    while (first < end) {
        const uint32_t middle = first + (end - first) / 2;
        if (ranges[middle].high < high) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

/* The range with that high half. NULL: it has none. */
static struct tide_entity_range *find_range(const struct tide_entity_set *set, uint16_t high)
{
    const uint32_t place = range_place(set, high);
    struct tide_entity_range *range = &set->numbers.ranged.ranges[place];
    return place < set->numbers.ranged.range_count && range->high == high ? range : NULL;
}

/* A range, so far empty, at its place. NULL: out of memory. */
static struct tide_entity_range *insert_range(struct tide_entity_set *set, uint16_t high)
{
    const uint32_t count = set->numbers.ranged.range_count;
    const uint32_t place = count == 0 ? 0 : range_place(set, high);
    uint16_t *slots = calloc((size_t)1 << SLOTS_LOG2_MIN, sizeof(*slots));
    struct tide_entity_range *ranges =
        slots == NULL ? NULL : realloc(set->numbers.ranged.ranges, (count + 1) * sizeof(*ranges));
    if (ranges == NULL) {
        free(slots);
        return NULL;
    }
    memmove(ranges + place + 1, ranges + place, (count - place) * sizeof(*ranges));
    ranges[place] =
        (struct tide_entity_range){.at.slots = slots, .high = high, .slots_log2 = SLOTS_LOG2_MIN};
    set->numbers.ranged.ranges = ranges;
    set->numbers.ranged.range_count = count + 1;
    set->numbers.ranged.bytes += range_bytes(&ranges[place]);
    return &ranges[place];
}

static enum tide_status add_ranged(struct tide_entity_set *set, uint32_t entity, bool *is_new)
{
    const uint16_t high = (uint16_t)(entity >> 16);
    struct tide_entity_range *range =
        set->numbers.ranged.range_count == 0 ? NULL : find_range(set, high);
    if (range == NULL) {
        range = insert_range(set, high);
    }
    if (range == NULL) {
        return TIDE_FATAL;
    }
    const uint32_t before = range_bytes(range);
    if (!range_add(range, (uint16_t)entity, is_new)) {
        return TIDE_FATAL;
    }
    set->numbers.ranged.bytes += range_bytes(range) - before;
    set->count += *is_new;
    return TIDE_OK;
}

/* ------- the set */

static bool make_ranges(struct tide_entity_set *set)
{
    struct tide_entity_set made = {.is_ranged = true};
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < set->count; i++) {
        bool is_new = false;
        status = add_ranged(&made, array_of(set)[i], &is_new);
    }
    if (status != TIDE_OK) {
        tide_entity_set_release(&made);
        return false;
    }
    tide_entity_set_release(set);
    *set = made;
    return true;
}

/* Twice the room, in an array of its own or by ranges. */
static bool grow(struct tide_entity_set *set)
{
    const uint32_t capacity = set->capacity == 0 ? INLINE * 2 : set->capacity * 2U;
    if (capacity > SORTED) {
        return make_ranges(set);
    }
    uint32_t *sorted = malloc(capacity * sizeof(*sorted));
    if (sorted == NULL) {
        return false;
    }
    memcpy(sorted, array_of(set), set->count * sizeof(*sorted));
    if (set->capacity > 0) {
        free(set->numbers.sorted);
    }
    set->numbers.sorted = sorted;
    set->capacity = (uint8_t)capacity;
    return true;
}

enum tide_status tide_entity_set_add(struct tide_entity_set *set, uint32_t entity, bool *is_new)
{
    if (set->is_ranged) {
        return add_ranged(set, entity, is_new);
    }
    const uint32_t place = place_of(set, entity);
    *is_new = !is_at(set, place, entity);
    if (!*is_new) {
        return TIDE_OK;
    }
    const uint32_t capacity = set->capacity == 0 ? INLINE : set->capacity;
    if (set->count == capacity && !grow(set)) {
        return TIDE_FATAL;
    }
    if (set->is_ranged) {
        return add_ranged(set, entity, is_new);
    }
    uint32_t *to = writable_array_of(set) + place;
    memmove(to + 1, to, (set->count - place) * sizeof(*to));
    *to = entity;
    set->count++;
    return TIDE_OK;
}

void tide_entity_set_prefetch(const struct tide_entity_set *set, uint32_t entity)
{
    if (!set->is_ranged) {
        __builtin_prefetch(array_of(set));
        return;
    }
    const struct tide_entity_range *range = find_range(set, (uint16_t)(entity >> 16));
    if (range != NULL) {
        const uint32_t low = entity & (RANGE_NUMBERS - 1);
        __builtin_prefetch(range->slots_log2 == 0
                               ? (const void *)&range->at.bits[low / 64]
                               : (const void *)&range->at.slots[home_of(low, range->slots_log2)],
                           1);
    }
}

bool tide_entity_set_contains(const struct tide_entity_set *set, uint32_t entity)
{
    if (!set->is_ranged) {
        return is_at(set, place_of(set, entity), entity);
    }
    const struct tide_entity_range *range = find_range(set, (uint16_t)(entity >> 16));
    return range != NULL && range_has(range, (uint16_t)entity);
}

uint64_t tide_entity_set_count(const struct tide_entity_set *set)
{
    return set->count;
}

size_t tide_entity_set_bytes(const struct tide_entity_set *set)
{
    return set->is_ranged ? set->numbers.ranged.bytes : set->capacity * sizeof(uint32_t);
}

/* ------- all numbers of a range, in order */

/* Those of the set with that high half, as bits. */
static void add_bits_of(const struct tide_entity_set *set, uint32_t high, uint64_t *bits)
{
    if (set->is_ranged) {
        const struct tide_entity_range *range = find_range(set, (uint16_t)high);
        if (range != NULL) {
            add_bits(range, bits);
        }
        return;
    }
    const uint32_t *numbers = array_of(set);
    for (uint32_t i = place_of(set, high << 16); i < set->count && numbers[i] >> 16 == high; i++) {
        set_bit(bits, (uint16_t)numbers[i]);
    }
}

/* The lowest high half of its numbers that is at least `from`; RANGE_NUMBERS: none is. */
static uint32_t next_high(const struct tide_entity_set *set, uint32_t from)
{
    if (set->is_ranged) {
        const uint32_t place = range_place(set, (uint16_t)from);
        return place < set->numbers.ranged.range_count ? set->numbers.ranged.ranges[place].high
                                                       : RANGE_NUMBERS;
    }
    const uint32_t place = place_of(set, from << 16);
    return place < set->count ? array_of(set)[place] >> 16 : RANGE_NUMBERS;
}

/* Of all the sets. */
static uint32_t next_high_of(const struct tide_entity_set *const *sets,
                             size_t set_count,
                             uint32_t from)
{
    uint32_t high = RANGE_NUMBERS;
    for (size_t i = 0; from < RANGE_NUMBERS && i < set_count; i++) {
        const uint32_t next = next_high(sets[i], from);
        high = next < high ? next : high;
    }
    return high;
}

static uint64_t count_bits(const struct tide_entity_set *const *sets, size_t set_count)
{
    uint64_t count = 0;
    for (uint32_t high = next_high_of(sets, set_count, 0); high < RANGE_NUMBERS;
         high = next_high_of(sets, set_count, high + 1)) {
        uint64_t bits[RANGE_WORDS] = {0};
        for (size_t i = 0; i < set_count; i++) {
            add_bits_of(sets[i], high, bits);
        }
        for (uint32_t i = 0; i < RANGE_WORDS; i++) {
            count += (uint64_t)__builtin_popcountll(bits[i]);
        }
    }
    return count;
}

static void visit_bits(const uint64_t *bits,
                       uint32_t high,
                       void (*visit)(void *context, uint32_t entity),
                       void *context)
{
    for (uint32_t i = 0; i < RANGE_WORDS; i++) {
        for (uint64_t word = bits[i]; word != 0; word &= word - 1) {
            visit(context, high << 16 | (i * 64 + (uint32_t)__builtin_ctzll(word)));
        }
    }
}

void tide_entity_set_visit(const struct tide_entity_set *set,
                           void (*visit)(void *context, uint32_t entity),
                           void *context)
{
    for (uint32_t i = 0; !set->is_ranged && i < set->count; i++) {
        visit(context, array_of(set)[i]);
    }
    for (uint32_t i = 0; set->is_ranged && i < set->numbers.ranged.range_count; i++) {
        uint64_t bits[RANGE_WORDS] = {0};
        add_bits(&set->numbers.ranged.ranges[i], bits);
        visit_bits(bits, set->numbers.ranged.ranges[i].high, visit, context);
    }
}

struct merging {
    struct tide_entity_set *into;
    enum tide_status status;
};

static void merge_one(void *context, uint32_t entity)
{
    struct merging *merging = context;
    bool is_new = false;
    if (merging->status == TIDE_OK) {
        merging->status = tide_entity_set_add(merging->into, entity, &is_new);
    }
}

enum tide_status tide_entity_set_merge(struct tide_entity_set *into,
                                       const struct tide_entity_set *from)
{
    tide_assert(into != from);
    struct merging merging = {into, TIDE_OK};
    tide_entity_set_visit(from, merge_one, &merging);
    return merging.status;
}

/* Small sets are put into one; where a large one takes part, its ranges' bits are. */
enum tide_status tide_entity_set_count_union(const struct tide_entity_set *const *sets,
                                             size_t set_count,
                                             uint64_t *count)
{
    bool has_ranged = false;
    for (size_t i = 0; i < set_count; i++) {
        has_ranged = has_ranged || sets[i]->is_ranged;
    }
    if (set_count == 1) {
        *count = sets[0]->count;
        return TIDE_OK;
    }
    if (has_ranged) {
        *count = count_bits(sets, set_count);
        return TIDE_OK;
    }
    struct tide_entity_set all = {0};
    enum tide_status status = TIDE_OK;
    for (size_t i = 0; i < set_count && status == TIDE_OK; i++) {
        status = tide_entity_set_merge(&all, sets[i]);
    }
    *count = all.count;
    tide_entity_set_release(&all);
    return status;
}

/* ------- as bytes */

/* A range is written as a list first; when its end is known, its header is set, and what is longer
 * as a list than as bits is rewritten. */
struct writer {
    struct tide_bytes *bytes;
    size_t range_start;
    uint32_t range;
    uint32_t count; /* of the range; 0: none was begun */
};

static void end_range(struct writer *writer)
{
    struct tide_bytes *bytes = writer->bytes;
    if (writer->count == 0 || bytes->failed) {
        return;
    }
    char *header = bytes->data + writer->range_start;
    tide_store_u16(header, (uint16_t)writer->range);
    tide_store_u16(header + 2, (uint16_t)(writer->count - 1));
    if (writer->count <= RANGE_LISTED_MAX) {
        return;
    }
    unsigned char bits[RANGE_BITS_SIZE] = {0};
    char *body = header + RANGE_HEADER_SIZE;
    for (size_t i = 0; i < writer->count; i++) {
        const unsigned number = tide_load_u16(body + i * 2);
        bits[number / 8] |= (unsigned char)(1U << number % 8);
    }
    memcpy(body, bits, sizeof(bits));
    bytes->size = writer->range_start + RANGE_HEADER_SIZE + sizeof(bits);
}

static void write_number(void *context, uint32_t entity)
{
    struct writer *writer = context;
    if (writer->count == 0 || writer->range != entity >> 16) {
        end_range(writer);
        writer->range_start = writer->bytes->size;
        writer->range = entity >> 16;
        writer->count = 0;
        tide_bytes_append_u32(writer->bytes, 0);
    }
    tide_bytes_append_u16(writer->bytes, (uint16_t)(entity & 0xffff));
    writer->count++;
}

void tide_entity_set_encode(const struct tide_entity_set *set, struct tide_bytes *bytes)
{
    tide_bytes_append_byte(bytes, MAGIC);
    tide_bytes_append_byte(bytes, VERSION);
    struct writer writer = {.bytes = bytes};
    tide_entity_set_visit(set, write_number, &writer);
    end_range(&writer);
}

/* One range of the encoding, and where it is. */
struct range {
    const char *body;
    size_t size;
    uint32_t base;
    uint32_t count;
};

static bool is_range_valid(const struct range *range)
{
    if (range->count > RANGE_LISTED_MAX) {
        uint32_t count = 0;
        for (size_t i = 0; i < RANGE_BITS_SIZE; i += sizeof(uint64_t)) {
            count += (uint32_t)__builtin_popcountll(tide_load_u64(range->body + i));
        }
        return count == range->count;
    }
    for (size_t i = 1; i < range->count; i++) {
        if (tide_load_u16(range->body + i * 2 - 2) >= tide_load_u16(range->body + i * 2)) {
            return false;
        }
    }
    return true;
}

/* The range that starts there; false if it is not whole, or not what encode writes. */
static bool read_range(struct tide_view rest, struct range *range)
{
    if (rest.size < RANGE_HEADER_SIZE) {
        return false;
    }
    range->body = rest.data + RANGE_HEADER_SIZE;
    range->base = (uint32_t)tide_load_u16(rest.data) << 16;
    range->count = tide_load_u16(rest.data + 2) + 1U;
    range->size = range->count > RANGE_LISTED_MAX ? RANGE_BITS_SIZE : (size_t)range->count * 2;
    return rest.size - RANGE_HEADER_SIZE >= range->size && is_range_valid(range);
}

static bool is_in_range(const struct range *range, uint32_t number)
{
    return ((unsigned char)range->body[number / 8] >> number % 8 & 1) != 0;
}

static enum tide_status decode_range(struct tide_entity_set *set, const struct range *range)
{
    const bool is_listed = range->count <= RANGE_LISTED_MAX;
    const uint32_t end = is_listed ? range->count : RANGE_NUMBERS;
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; i < end && status == TIDE_OK; i++) {
        const uint32_t low = is_listed ? tide_load_u16(range->body + (size_t)i * 2) : i;
        bool is_new = false;
        if (is_listed || is_in_range(range, low)) {
            status = tide_entity_set_add(set, range->base + low, &is_new);
        }
    }
    return status;
}

enum tide_status tide_entity_set_decode(struct tide_entity_set *set,
                                        struct tide_view encoded,
                                        struct tide_error *error)
{
    tide_assert(tide_entity_set_count(set) == 0);
    if (encoded.size < HEADER_SIZE || encoded.data[0] != MAGIC || encoded.data[1] != VERSION) {
        return tide_error_set(error, TIDE_REJECT, "these bytes are not an entity set");
    }
    int64_t base_before = -1;
    uint64_t count = 0;
    enum tide_status status = TIDE_OK;
    for (size_t at = HEADER_SIZE; at < encoded.size && status == TIDE_OK;) {
        struct range range = {0};
        const struct tide_view rest = tide_view_slice(encoded, at, encoded.size - at);
        const bool is_whole = read_range(rest, &range);
        count += range.count;
        if (!is_whole || range.base <= base_before || count > UINT32_MAX) {
            status = tide_error_set(error, TIDE_REJECT, "entity set: wrong range at byte %zu", at);
            break;
        }
        base_before = range.base;
        at += RANGE_HEADER_SIZE + range.size;
        status = decode_range(set, &range);
        if (status != TIDE_OK) {
            tide_error_set(error, status, "out of memory for an entity set");
        }
    }
    if (status != TIDE_OK) {
        tide_entity_set_release(set);
    }
    return status;
}
