/* Three forms, of which the first two are the same sorted array in two places. A set that became a
 * bitmap stays one until it is released: what shrank so far was large a moment ago.
 *
 * The bytes are our own: CRoaring's are not safe to read from others, and a stored partial should
 * not depend on a library's version. */
#include "operator/entity_set.h"

#include "base/assert.h"

#include <roaring/roaring.h>

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    INLINE = TIDE_ENTITY_SET_INLINE,
    SORTED = TIDE_ENTITY_SET_SORTED,
    MAGIC = 'E',
    VERSION = 1,
    HEADER_SIZE = 2,
    RANGE_HEADER_SIZE = 4,
    RANGE_NUMBERS = 1 << 16,
    RANGE_LISTED_MAX =
        4096, /* where a list of 16-bit numbers and a bit for each number are equal */
    RANGE_BITS_SIZE = RANGE_NUMBERS / 8,
    PIECE = 1024, /* numbers handed to CRoaring at a time */
};

void tide_entity_set_release(struct tide_entity_set *set)
{
    if (set->is_bitmap) {
        roaring_bitmap_free(set->numbers.bitmap);
    } else if (set->capacity > 0) {
        free(set->numbers.sorted);
    }
    *set = (struct tide_entity_set){0};
}

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

static bool make_bitmap(struct tide_entity_set *set)
{
    roaring_bitmap_t *bitmap = roaring_bitmap_create();
    if (bitmap == NULL) {
        return false;
    }
    roaring_bitmap_add_many(bitmap, set->count, array_of(set));
    tide_entity_set_release(set);
    set->numbers.bitmap = bitmap;
    set->is_bitmap = true;
    return true;
}

/* Twice the room, in an array of its own or as a bitmap. */
static bool grow(struct tide_entity_set *set)
{
    const uint32_t capacity = set->capacity == 0 ? INLINE * 2 : set->capacity * 2U;
    if (capacity > SORTED) {
        return make_bitmap(set);
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
    if (!set->is_bitmap) {
        const uint32_t place = place_of(set, entity);
        *is_new = !is_at(set, place, entity);
        if (!*is_new) {
            return TIDE_OK;
        }
        const uint32_t capacity = set->capacity == 0 ? INLINE : set->capacity;
        if (set->count == capacity && !grow(set)) {
            return TIDE_FATAL;
        }
        if (!set->is_bitmap) {
            uint32_t *to = writable_array_of(set) + place;
            memmove(to + 1, to, (set->count - place) * sizeof(*to));
            *to = entity;
            set->count++;
            return TIDE_OK;
        }
    }
    *is_new = roaring_bitmap_add_checked(set->numbers.bitmap, entity);
    return TIDE_OK;
}

bool tide_entity_set_remove(struct tide_entity_set *set, uint32_t entity)
{
    if (set->is_bitmap) {
        return roaring_bitmap_remove_checked(set->numbers.bitmap, entity);
    }
    const uint32_t place = place_of(set, entity);
    if (!is_at(set, place, entity)) {
        return false;
    }
    uint32_t *to = writable_array_of(set) + place;
    set->count--;
    memmove(to, to + 1, (set->count - place) * sizeof(*to));
    return true;
}

bool tide_entity_set_contains(const struct tide_entity_set *set, uint32_t entity)
{
    return set->is_bitmap ? roaring_bitmap_contains(set->numbers.bitmap, entity)
                          : is_at(set, place_of(set, entity), entity);
}

uint64_t tide_entity_set_count(const struct tide_entity_set *set)
{
    return set->is_bitmap ? roaring_bitmap_get_cardinality(set->numbers.bitmap) : set->count;
}

enum tide_status tide_entity_set_merge(struct tide_entity_set *into,
                                       const struct tide_entity_set *from)
{
    tide_assert(into != from);
    if (from->is_bitmap) {
        if (!into->is_bitmap && !make_bitmap(into)) {
            return TIDE_FATAL;
        }
        roaring_bitmap_or_inplace(into->numbers.bitmap, from->numbers.bitmap);
        return TIDE_OK;
    }
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; i < from->count && status == TIDE_OK; i++) {
        bool is_new = false;
        status = tide_entity_set_add(into, array_of(from)[i], &is_new);
    }
    return status;
}

/* All bitmaps into one. CRoaring's lazy union counts once, at the end; until then the bitmap may
 * not be used for anything else. */
static enum tide_status unite_bitmaps(const struct tide_entity_set *const *sets,
                                      size_t set_count,
                                      struct tide_entity_set *all)
{
    for (size_t i = 0; i < set_count; i++) {
        if (!sets[i]->is_bitmap) {
            continue;
        }
        if (!all->is_bitmap && !make_bitmap(all)) {
            return TIDE_FATAL;
        }
        roaring_bitmap_lazy_or_inplace(all->numbers.bitmap, sets[i]->numbers.bitmap, true);
    }
    if (all->is_bitmap) {
        roaring_bitmap_repair_after_lazy(all->numbers.bitmap);
    }
    return TIDE_OK;
}

enum tide_status tide_entity_set_count_union(const struct tide_entity_set *const *sets,
                                             size_t set_count,
                                             uint64_t *count)
{
    struct tide_entity_set all = {0};
    enum tide_status status = unite_bitmaps(sets, set_count, &all);
    for (size_t i = 0; i < set_count && status == TIDE_OK; i++) {
        if (!sets[i]->is_bitmap) {
            status = tide_entity_set_merge(&all, sets[i]);
        }
    }
    if (status == TIDE_OK) {
        *count = tide_entity_set_count(&all);
    }
    tide_entity_set_release(&all);
    return status;
}

struct visitor {
    void (*visit)(void *context, uint32_t entity);
    void *context;
};

static bool visit_one(uint32_t entity, void *context)
{
    const struct visitor *visitor = context;
    visitor->visit(visitor->context, entity);
    return true;
}

void tide_entity_set_visit(const struct tide_entity_set *set,
                           void (*visit)(void *context, uint32_t entity),
                           void *context)
{
    if (set->is_bitmap) {
        struct visitor visitor = {visit, context};
        (void)roaring_iterate(set->numbers.bitmap, visit_one, &visitor);
        return;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        visit(context, array_of(set)[i]);
    }
}

size_t tide_entity_set_bytes(const struct tide_entity_set *set)
{
    if (!set->is_bitmap) {
        return set->capacity * sizeof(uint32_t);
    }
    roaring_statistics_t statistics = {0};
    roaring_bitmap_statistics(set->numbers.bitmap, &statistics);
    const size_t per_container = 40; /* its struct, its key, its place, the allocator's two words */
    return sizeof(roaring_bitmap_t) + statistics.n_containers * per_container +
           statistics.n_bytes_array_containers + statistics.n_bytes_bitset_containers +
           statistics.n_bytes_run_containers;
}

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

static enum tide_status add_numbers(struct tide_entity_set *set,
                                    const uint32_t *numbers,
                                    size_t count)
{
    if (set->is_bitmap) {
        roaring_bitmap_add_many(set->numbers.bitmap, count, numbers);
        return TIDE_OK;
    }
    enum tide_status status = TIDE_OK;
    for (size_t i = 0; i < count && status == TIDE_OK; i++) {
        bool is_new = false;
        status = tide_entity_set_add(set, numbers[i], &is_new);
    }
    return status;
}

static bool is_in_range(const struct range *range, uint32_t number)
{
    return ((unsigned char)range->body[number / 8] >> number % 8 & 1) != 0;
}

static enum tide_status add_range(struct tide_entity_set *set, const struct range *range)
{
    uint32_t numbers[PIECE];
    size_t count = 0;
    const bool is_listed = range->count <= RANGE_LISTED_MAX;
    const uint32_t end = is_listed ? range->count : RANGE_NUMBERS;
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; i < end && status == TIDE_OK; i++) {
        if (is_listed) {
            numbers[count++] = range->base + tide_load_u16(range->body + (size_t)i * 2);
        } else if (is_in_range(range, i)) {
            numbers[count++] = range->base + i;
        }
        if (count == PIECE) {
            status = add_numbers(set, numbers, count);
            count = 0;
        }
    }
    return status == TIDE_OK ? add_numbers(set, numbers, count) : status;
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
    enum tide_status status = TIDE_OK;
    for (size_t at = HEADER_SIZE; at < encoded.size && status == TIDE_OK;) {
        struct range range = {0};
        const struct tide_view rest = tide_view_slice(encoded, at, encoded.size - at);
        if (!read_range(rest, &range) || range.base <= base_before) {
            status = tide_error_set(error, TIDE_REJECT, "entity set: wrong range at byte %zu", at);
            break;
        }
        base_before = range.base;
        at += RANGE_HEADER_SIZE + range.size;
        status = add_range(set, &range);
        if (status != TIDE_OK) {
            tide_error_set(error, status, "out of memory for an entity set");
        }
    }
    if (status != TIDE_OK) {
        tide_entity_set_release(set);
    }
    return status;
}
