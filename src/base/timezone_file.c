/* The file is input from outside: everything in it is checked before anything is built, and what
 * the rest of the program relies on (the order of local days) is checked once more on the result.
 *
 *     header  block of 32-bit data  header  block of 64-bit data  \n TZ string \n
 *
 * A block is six arrays, in the order of `struct block`. */
#include "base/timezone_file.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/timezone_rule.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    HEADER_SIZE = 44,
    VERSION_AT = 4,
    COUNTS_AT = 20,
    TYPE_SIZE = 6,
    OFFSET_MIN = -89999, /* RFC 8536, section 3.2: more than -25 and less than 26 hours */
    OFFSET_MAX = 93599,
    SECONDS_PER_DAY = 86400,
    YEAR_BEGIN = 1900, /* rules are written out from here, if nothing was recorded later */
    RULE_CHANGES_MAX = 2 * (TIDE_TIMEZONE_YEAR_END - YEAR_BEGIN + 2)
};

/* Zic begins with the age of the universe at most; nobody records a transition after year 9999. */
static const int64_t time_min = -(INT64_C(1) << 59);
static const int64_t time_max = INT64_C(253402300799);
static const int64_t time_begin = INT64_C(-2208988800); /* 1900-01-01 */

struct header {
    char version;
    uint32_t ut_count;
    uint32_t standard_count;
    uint32_t leap_count;
    uint32_t time_count;
    uint32_t type_count;
    uint32_t name_size;
};

struct block {
    struct tide_view times;         /* 8 bytes each */
    struct tide_view time_types;    /* 1 byte each */
    struct tide_view types;         /* 4 bytes of offset, is daylight, start of name */
    struct tide_view names;         /* terminated strings */
    struct tide_view standard_bits; /* 1 byte each */
    struct tide_view ut_bits;
};

/* An offset that begins to hold. */
struct change {
    int64_t from;
    int32_t offset;
    bool is_start; /* of daylight time */
};

struct changes {
    struct change items[RULE_CHANGES_MAX];
    uint32_t count;
};

static uint32_t load_big_u32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
}

/* Two's complement by conversion, which gcc and clang define so. */
static int64_t time_at(const struct block *block, uint32_t i)
{
    const char *p = block->times.data + (size_t)i * 8;
    return (int64_t)((uint64_t)load_big_u32(p) << 32 | load_big_u32(p + 4));
}

static int32_t offset_of_type(const struct block *block, uint32_t type)
{
    return (int32_t)load_big_u32(block->types.data + (size_t)type * TYPE_SIZE);
}

static int32_t offset_at(const struct block *block, uint32_t i)
{
    return offset_of_type(block, (unsigned char)block->time_types.data[i]);
}

static bool take_bytes(struct tide_view *rest, size_t size, struct tide_view *taken)
{
    if (size > rest->size) {
        return false;
    }
    *taken = tide_view_slice(*rest, 0, size);
    *rest = tide_view_slice(*rest, size, rest->size - size);
    return true;
}

static enum tide_status reject_short(struct tide_error *error, size_t size)
{
    return tide_error_set(error, TIDE_REJECT, "the file is cut short: it has %zu bytes", size);
}

static enum tide_status take_header(struct tide_view bytes,
                                    struct tide_view *rest,
                                    struct header *header,
                                    struct tide_error *error)
{
    struct tide_view taken = {0};
    if (!take_bytes(rest, HEADER_SIZE, &taken)) {
        return reject_short(error, bytes.size);
    }
    if (!tide_view_starts_with(taken, TIDE_VIEW("TZif"))) {
        return tide_error_set(error, TIDE_REJECT, "no TZif header where one must be");
    }
    header->version = taken.data[VERSION_AT];
    if (header->version == '\0') {
        return tide_error_set(error, TIDE_REJECT, "TZif version 1 has no 64-bit data");
    }
    if (header->version < '2' || header->version > '4') {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "TZif version byte 0x%02x is not one of '2'..'4'",
                              (unsigned)(unsigned char)header->version);
    }
    const char *counts = taken.data + COUNTS_AT;
    header->ut_count = load_big_u32(counts);
    header->standard_count = load_big_u32(counts + 4);
    header->leap_count = load_big_u32(counts + 8);
    header->time_count = load_big_u32(counts + 12);
    header->type_count = load_big_u32(counts + 16);
    header->name_size = load_big_u32(counts + 20);
    return TIDE_OK;
}

static bool skip_old_block(struct tide_view *rest, const struct header *header)
{
    const uint64_t size = (uint64_t)header->time_count * 5 +
                          (uint64_t)header->type_count * TYPE_SIZE + header->name_size +
                          (uint64_t)header->leap_count * 8 + header->standard_count +
                          header->ut_count;
    struct tide_view skipped = {0};
    return size <= rest->size && take_bytes(rest, (size_t)size, &skipped);
}

static enum tide_status check_counts(const struct header *header, struct tide_error *error)
{
    if (header->leap_count != 0) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "it counts leap seconds (%lu of them), event times do not",
                              (unsigned long)header->leap_count);
    }
    if (header->type_count == 0 || header->type_count > UINT8_MAX + 1) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "%lu local time types are outside 1..256",
                              (unsigned long)header->type_count);
    }
    if (header->name_size == 0) {
        return tide_error_set(error, TIDE_REJECT, "there are no designations");
    }
    if ((header->standard_count != 0 && header->standard_count != header->type_count) ||
        (header->ut_count != 0 && header->ut_count != header->type_count)) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "%lu and %lu indicators for %lu local time types",
                              (unsigned long)header->standard_count,
                              (unsigned long)header->ut_count,
                              (unsigned long)header->type_count);
    }
    return TIDE_OK;
}

static bool take_block(struct tide_view *rest, const struct header *header, struct block *block)
{
    return take_bytes(rest, (size_t)header->time_count * 8, &block->times) &&
           take_bytes(rest, header->time_count, &block->time_types) &&
           take_bytes(rest, (size_t)header->type_count * TYPE_SIZE, &block->types) &&
           take_bytes(rest, header->name_size, &block->names) &&
           take_bytes(rest, header->standard_count, &block->standard_bits) &&
           take_bytes(rest, header->ut_count, &block->ut_bits);
}

/* An array of indicators that is left out is all zero. */
static unsigned char bit_at(struct tide_view bits, size_t i)
{
    return bits.size == 0 ? 0 : (unsigned char)bits.data[i];
}

static enum tide_status check_types(const struct block *block, struct tide_error *error)
{
    const size_t count = block->types.size / TYPE_SIZE;
    tide_assert(count > 0 && block->names.data != NULL && block->names.size > 0);
    for (uint32_t i = 0; i < count; i++) {
        const int32_t offset = offset_of_type(block, i);
        const char *type = block->types.data + (size_t)i * TYPE_SIZE;
        const unsigned name_at = (unsigned char)type[5];
        if (offset < OFFSET_MIN || offset > OFFSET_MAX) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "the offset %ld s is outside %d..%d",
                                  (long)offset,
                                  (int)OFFSET_MIN,
                                  (int)OFFSET_MAX);
        }
        if ((unsigned char)type[4] > 1) {
            return tide_error_set(error, TIDE_REJECT, "the daylight byte of a type is not 0 or 1");
        }
        if (name_at >= block->names.size) {
            return tide_error_set(error, TIDE_REJECT, "a designation begins behind their end");
        }
    }
    if (block->names.data[block->names.size - 1] != '\0') {
        return tide_error_set(error, TIDE_REJECT, "the last designation has no end");
    }
    for (size_t i = 0; i < count; i++) {
        const unsigned char is_standard = bit_at(block->standard_bits, i);
        const unsigned char is_ut = bit_at(block->ut_bits, i);
        if (is_standard > 1 || is_ut > is_standard) {
            return tide_error_set(
                error, TIDE_REJECT, "the indicators of a type are not 0 or 1, or UT without std");
        }
    }
    return TIDE_OK;
}

static enum tide_status check_times(const struct block *block, struct tide_error *error)
{
    const uint32_t count = (uint32_t)block->time_types.size;
    const size_t type_count = block->types.size / TYPE_SIZE;
    for (uint32_t i = 0; i < count; i++) {
        const int64_t time = time_at(block, i);
        if (time < time_min || time > time_max) {
            return tide_error_set(
                error, TIDE_REJECT, "the transition time %lld s is out of range", (long long)time);
        }
        if (i > 0 && time <= time_at(block, i - 1)) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "the transition at %lld s is not after the one before it",
                                  (long long)time);
        }
        if ((unsigned char)block->time_types.data[i] >= type_count) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "the transition at %lld s has a type that is not there",
                                  (long long)time);
        }
    }
    return TIDE_OK;
}

/* The string between two new lines that end the file; empty: nothing is known of later times. */
static enum tide_status read_footer(struct tide_view rest,
                                    struct tide_view *text,
                                    struct tide_error *error)
{
    if (rest.size < 2 || rest.data[0] != '\n' || rest.data[rest.size - 1] != '\n') {
        return tide_error_set(error, TIDE_REJECT, "the file does not end with \\n TZ string \\n");
    }
    *text = tide_view_slice(rest, 1, rest.size - 2);
    return TIDE_OK;
}

static int compare_changes(const void *a, const void *b)
{
    const struct change *x = a;
    const struct change *y = b;
    if (x->from != y->from) {
        return x->from < y->from ? -1 : 1;
    }
    /* A rule for "always" ends daylight time at the instant at which it starts again: the start is
     * the one that holds. */
    return (int)x->is_start - (int)y->is_start;
}

/* Every change by the rule from the year before the last recorded transition until the end of the
 * table, in order. */
static void write_rule_out(const struct tide_timezone_rule *rule,
                           int64_t last_time,
                           struct changes *changes)
{
    changes->count = 0;
    if (!rule->has_daylight) {
        return;
    }
    int32_t year = YEAR_BEGIN;
    if (last_time >= time_begin) {
        year = tide_date_from_days(tide_floor_divide(last_time, SECONDS_PER_DAY)).year - 1;
    }
    const int32_t year_end = year < TIDE_TIMEZONE_YEAR_END - 2 ? TIDE_TIMEZONE_YEAR_END : year + 2;
    for (; year < year_end; year++) {
        tide_assert(changes->count + 2 <= RULE_CHANGES_MAX);
        changes->items[changes->count++] = (struct change){
            .from = tide_timezone_rule_start(rule, year),
            .offset = rule->daylight_offset,
            .is_start = true,
        };
        changes->items[changes->count++] = (struct change){
            .from = tide_timezone_rule_end(rule, year),
            .offset = rule->standard_offset,
        };
    }
    qsort(changes->items, changes->count, sizeof(changes->items[0]), compare_changes);
}

/* What the rule says of an instant in or after the second year that was written out. */
static int32_t offset_by_rule(const struct tide_timezone_rule *rule,
                              const struct changes *changes,
                              int64_t instant)
{
    int32_t offset = rule->standard_offset;
    if (changes->count > 0 && !changes->items[0].is_start) {
        offset = rule->daylight_offset;
    }
    for (uint32_t i = 0; i < changes->count && changes->items[i].from <= instant; i++) {
        offset = changes->items[i].offset;
    }
    return offset;
}

/* The spans of a table that is being built; there is room for all. */
struct builder {
    struct tide_timezone_span *spans;
    uint32_t count;
};

/* A change that changes nothing leaves no span. */
static void append(struct builder *builder, int64_t from, int32_t offset)
{
    const struct tide_timezone_span last = builder->spans[builder->count - 1];
    if (offset != last.offset) {
        builder->spans[builder->count++] = (struct tide_timezone_span){
            .from = from,
            .wall = from + (offset > last.offset ? offset : last.offset),
            .offset = offset,
        };
    }
}

static void build(struct builder *builder,
                  const struct block *block,
                  int32_t offset_first,
                  const struct changes *changes)
{
    const uint32_t time_count = (uint32_t)block->time_types.size;
    int64_t last = INT64_MIN;
    builder->spans[0] = (struct tide_timezone_span){INT64_MIN, INT64_MIN, offset_first};
    builder->count = 1;
    for (uint32_t i = 0; i < time_count; i++) {
        last = time_at(block, i);
        append(builder, last, offset_at(block, i));
    }
    for (uint32_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        const bool is_overruled = i + 1 < changes->count && change[1].from == change->from;
        if (change->from > last && !is_overruled) {
            append(builder, change->from, change->offset);
        }
    }
}

static enum tide_status check_spans(const struct builder *builder, struct tide_error *error)
{
    for (uint32_t i = 1; i < builder->count; i++) {
        const struct tide_timezone_span *span = &builder->spans[i];
        const int32_t by = span->offset - span[-1].offset;
        if (by > SECONDS_PER_DAY || by < -SECONDS_PER_DAY) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "at %lld s clocks change by %ld s, more than a day",
                                  (long long)span->from,
                                  (long)by);
        }
        if (span->from <= span[-1].from || span->wall <= span[-1].wall) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "at %lld s clocks change again before the change before is over",
                                  (long long)span->from);
        }
    }
    return TIDE_OK;
}

/* The recorded transitions and the rule after them, as spans. */
static enum tide_status make_table(struct tide_arena *arena,
                                   const struct block *block,
                                   const struct tide_timezone_rule *rule,
                                   struct tide_timezone_table *table,
                                   struct tide_error *error)
{
    struct changes changes = {.count = 0};
    const uint32_t time_count = (uint32_t)block->time_types.size;
    int32_t offset_first = offset_of_type(block, 0);
    if (rule != NULL) {
        const int64_t last_time = time_count == 0 ? INT64_MIN : time_at(block, time_count - 1);
        write_rule_out(rule, last_time, &changes);
        const int32_t offset = offset_by_rule(rule, &changes, last_time);
        if (time_count == 0) {
            offset_first = offset; /* section 3.3: nothing recorded, the string holds always */
        } else if (offset != offset_at(block, time_count - 1)) {
            return tide_error_set(
                error, TIDE_REJECT, "the TZ string does not go on where the last transition ends");
        }
    }
    struct builder builder = {0};
    const size_t room = (size_t)time_count + changes.count + 1;
    builder.spans = TIDE_ARENA_ARRAY(arena, struct tide_timezone_span, room);
    if (builder.spans == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for %zu transitions", room);
    }
    build(&builder, block, offset_first, &changes);
    const enum tide_status status = check_spans(&builder, error);
    if (status == TIDE_OK) {
        *table = (struct tide_timezone_table){builder.spans, builder.count};
    }
    return status;
}

enum tide_status tide_timezone_file_read(struct tide_arena *arena,
                                         struct tide_view bytes,
                                         struct tide_timezone_table *table,
                                         struct tide_error *error)
{
    struct header old = {0};
    struct header header = {0};
    struct block block = {0};
    struct tide_view text = {0};
    struct tide_view rest = bytes;
    if (bytes.size > TIDE_TIMEZONE_FILE_SIZE_MAX) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "it has %zu bytes, more than %d",
                              bytes.size,
                              (int)TIDE_TIMEZONE_FILE_SIZE_MAX);
    }
    enum tide_status status = take_header(bytes, &rest, &old, error);
    if (status == TIDE_OK && !skip_old_block(&rest, &old)) {
        status = reject_short(error, bytes.size);
    }
    if (status == TIDE_OK) {
        status = take_header(bytes, &rest, &header, error);
    }
    if (status == TIDE_OK && header.version != old.version) {
        status = tide_error_set(error, TIDE_REJECT, "its two headers differ in the version");
    }
    if (status == TIDE_OK) {
        status = check_counts(&header, error);
    }
    if (status == TIDE_OK && !take_block(&rest, &header, &block)) {
        status = reject_short(error, bytes.size);
    }
    if (status == TIDE_OK) {
        status = check_types(&block, error);
    }
    if (status == TIDE_OK) {
        status = check_times(&block, error);
    }
    if (status == TIDE_OK) {
        status = read_footer(rest, &text, error);
    }
    struct tide_timezone_rule rule = {0};
    if (status == TIDE_OK && text.size > 0 && !tide_timezone_rule_parse(text, &rule)) {
        status = tide_error_set(error, TIDE_REJECT, "its TZ string cannot be read");
    }
    if (status != TIDE_OK) {
        return status;
    }
    return make_table(arena, &block, text.size > 0 ? &rule : NULL, table, error);
}
