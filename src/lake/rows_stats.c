/* Delta's statistics of a data file: counts, nulls, and bounds by which readers skip files.
 *
 * A bound may be wide but never wrong, and one that cannot be stated safely is left out:
 *   text        the first 32 code points; the maximum of a longer one is rounded up by raising its
 *               last code point, in the order of UTF-8's bytes
 *   timestamps  milliseconds, as all readers expect: minimum down, maximum up; years 1..9999 only
 *   decimals    at most 15 digits, since some readers take a JSON number through a double
 *   doubles     in the shortest text that reads back as the same number
 *   booleans, bytes: none */
#include "lake/stats.h"
#include "base/assert.h"
#include "base/civil.h"
#include "base/decimal.h"
#include "base/json.h"

#include <string.h>

enum {
    TEXT_POINTS_MAX = 32,
    DECIMAL_DIGITS = 6,
    COLUMNS_MAX = TIDE_SCHEMA_COLUMNS_MAX + 16 /* the lake's own are fewer than that */
};
static const int64_t decimal_exact = INT64_C(1000000000000000);   /* 10^15 */
static const int64_t timestamp_min = INT64_C(-62135596800000000); /* 0001-01-01 */
static const int64_t timestamp_max = INT64_C(253402300799999000); /* 9999-12-31 23:59:59.999 */

struct subject { /* the rows that go into the file */
    const struct tide_rows *rows;
    const uint32_t *indices;
    uint32_t count;
    struct tide_column_bounds bounds[COLUMNS_MAX];
};

/* The first bytes as a number in the same order: where those of two texts differ, so do they. */
static uint64_t head_of(struct tide_view text)
{
    unsigned char head[8] = {0};
    if (text.size >= sizeof(head)) {
        return __builtin_bswap64(tide_load_u64(text.data)); /* little-endian on every machine */
    }
    for (size_t i = 0; i < text.size; i++) {
        head[i] = (unsigned char)text.data[i];
    }
    return __builtin_bswap64(tide_load_u64(head));
}

static void widen_text(struct tide_column_bounds *bounds, struct tide_view text)
{
    if (!bounds->has_value) {
        bounds->first = bounds->last = text;
        return;
    }
    const int order = tide_view_compare(text, bounds->first);
    if (order < 0) {
        bounds->first = text;
    } else if (order > 0 && tide_view_compare(text, bounds->last) > 0) {
        bounds->last = text;
    }
}

static void widen_number(struct tide_column_bounds *bounds, int64_t number)
{
    bounds->low = !bounds->has_value || number < bounds->low ? number : bounds->low;
    bounds->high = !bounds->has_value || number > bounds->high ? number : bounds->high;
}

static void widen_double(struct tide_column_bounds *bounds, double number)
{
    bounds->least = !bounds->has_value || number < bounds->least ? number : bounds->least;
    bounds->greatest = !bounds->has_value || number > bounds->greatest ? number : bounds->greatest;
}

static struct tide_column_bounds bounds_of(const struct subject *subject, uint32_t column)
{
    struct tide_column_bounds bounds = {0};
    uint64_t first_head = 0;
    uint64_t last_head = 0;
    enum tide_lake_type type = tide_rows_layout(subject->rows)->columns[column].type;
    const struct tide_rows_column cells = tide_rows_column(subject->rows, column);
    for (uint32_t i = 0; i < subject->count; i++) {
        uint32_t row = subject->indices[i];
        if (cells.presence[row] == 0) {
            bounds.null_count++;
            continue;
        }
        if (type == TIDE_LAKE_STRING) {
            const uint32_t size = cells.sizes[row];
            struct tide_view text = {size == 0 ? "" : cells.texts + cells.values[row], size};
            uint64_t head = head_of(text);
            if (!bounds.has_value || head <= first_head || head >= last_head) {
                widen_text(&bounds, text);
                first_head = head < first_head || !bounds.has_value ? head : first_head;
                last_head = head > last_head ? head : last_head;
            }
        } else if (type == TIDE_LAKE_DOUBLE) {
            widen_double(&bounds, tide_rows_double(subject->rows, column, row));
        } else if (type != TIDE_LAKE_BINARY) {
            widen_number(&bounds, cells.values[row]);
        }
        bounds.has_value = true;
    }
    return bounds;
}

/* The size of the first TEXT_POINTS_MAX code points. */
static size_t prefix_size(struct tide_view text)
{
    size_t points = 0;
    for (size_t i = 0; i < text.size; i++) {
        bool is_start = ((unsigned char)text.data[i] & 0xc0) != 0x80;
        if (is_start && points++ == TEXT_POINTS_MAX) {
            return i;
        }
    }
    return text.size;
}

static uint32_t decode_point(const unsigned char *p, size_t size)
{
    if (size == 1) {
        return p[0];
    }
    uint32_t point = p[0] & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        point = point << 6 | (p[i] & 0x3fU);
    }
    return point;
}

static size_t encode_point(uint32_t point, char *out)
{
    size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (size == 1) {
        out[0] = (char)point;
        return 1;
    }
    for (size_t i = size; i-- > 1;) {
        out[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (char)((0xf00U >> size & 0xff) | point);
    return size;
}

/* The least text of no more code points that is above all texts with this prefix; false: none. */
static bool round_up(char *prefix, size_t *size)
{
    while (*size > 0) {
        size_t start = *size - 1;
        while (start > 0 && ((unsigned char)prefix[start] & 0xc0) == 0x80) {
            start--;
        }
        uint32_t point = decode_point((const unsigned char *)prefix + start, *size - start);
        if (point < 0x10ffff) {
            point = point == 0xd7ff ? 0xe000 : point + 1;
            *size = start + encode_point(point, prefix + start);
            return true;
        }
        *size = start;
    }
    return false;
}

static bool write_text_bound(struct tide_bytes *json, struct tide_view text, bool is_maximum)
{
    char prefix[TEXT_POINTS_MAX * 4 + 4];
    size_t size = prefix_size(text);
    tide_assert(size <= TEXT_POINTS_MAX * 4);
    bool is_cut = size < text.size;
    if (size > 0) {
        memcpy(prefix, text.data, size);
    }
    if (is_cut && is_maximum && !round_up(prefix, &size)) {
        return false;
    }
    tide_json_write_string(json, (struct tide_view){prefix, size});
    return true;
}

static bool write_time_bound(struct tide_bytes *json, int64_t us, bool is_maximum)
{
    char seconds[TIDE_CIVIL_TEXT_MAX];
    if (us < timestamp_min || us > timestamp_max) {
        return false;
    }
    int64_t ms = tide_floor_divide(us + (is_maximum ? 999 : 0), 1000);
    int64_t second = tide_floor_divide(ms, 1000);
    size_t size = tide_civil_format((struct tide_instant){second * TIDE_US_PER_SECOND}, seconds);
    tide_assert(size > 1 && seconds[size - 1] == 'Z');
    tide_bytes_append_format(
        json, "\"%.*s.%03dZ\"", (int)size - 1, seconds, (int)(ms - second * 1000));
    return true;
}

static bool write_decimal_bound(struct tide_bytes *json, int64_t scaled)
{
    char text[TIDE_DECIMAL_TEXT_MAX];
    if (scaled <= -decimal_exact || scaled >= decimal_exact) {
        return false;
    }
    size_t size = tide_decimal_format(scaled, DECIMAL_DIGITS, text);
    tide_bytes_append(json, text, size);
    return true;
}

static void write_double_bound(struct tide_bytes *json, double number)
{
    char text[TIDE_DECIMAL_TEXT_MAX];
    tide_bytes_append(json, text, tide_double_format(number, text));
}

/* false: nothing was written, there is no bound. */
static bool write_bound(struct tide_bytes *json,
                        enum tide_lake_type type,
                        const struct tide_column_bounds *bounds,
                        bool is_maximum)
{
    int64_t number = is_maximum ? bounds->high : bounds->low;
    switch (type) {
    case TIDE_LAKE_STRING:
        return write_text_bound(json, is_maximum ? bounds->last : bounds->first, is_maximum);
    case TIDE_LAKE_LONG:
        tide_bytes_append_format(json, "%lld", (long long)number);
        return true;
    case TIDE_LAKE_DECIMAL:
        return write_decimal_bound(json, number);
    case TIDE_LAKE_TIMESTAMP:
        return write_time_bound(json, number, is_maximum);
    case TIDE_LAKE_DOUBLE:
        write_double_bound(json, is_maximum ? bounds->greatest : bounds->least);
        return true;
    case TIDE_LAKE_BOOLEAN:
    case TIDE_LAKE_BINARY:
        return false;
    }
    return false;
}

static void write_key(struct tide_bytes *json, struct tide_view name)
{
    if (json->size > 0 && json->data[json->size - 1] != '{') {
        tide_bytes_append_byte(json, ',');
    }
    tide_json_write_string(json, name);
    tide_bytes_append_byte(json, ':');
}

static void write_bounds(const struct tide_layout *layout,
                         const struct tide_column_bounds *all,
                         bool is_maximum,
                         struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    for (uint32_t i = 0; i < layout->column_count; i++) {
        const struct tide_column_bounds *bounds = &all[i];
        size_t before = json->size;
        if (!bounds->has_value) {
            continue;
        }
        write_key(json, layout->columns[i].name);
        if (!write_bound(json, layout->columns[i].type, bounds, is_maximum)) {
            json->size = before;
        }
    }
    tide_bytes_append_byte(json, '}');
}

void tide_stats_write(const struct tide_layout *layout,
                      const struct tide_column_bounds *bounds,
                      uint64_t row_count,
                      struct tide_bytes *json)
{
    tide_bytes_append_format(
        json, "{\"numRecords\":%llu,\"minValues\":", (unsigned long long)row_count);
    write_bounds(layout, bounds, false, json);
    tide_bytes_append_text(json, ",\"maxValues\":");
    write_bounds(layout, bounds, true, json);
    tide_bytes_append_text(json, ",\"nullCount\":{");
    for (uint32_t i = 0; i < layout->column_count; i++) {
        write_key(json, layout->columns[i].name);
        tide_bytes_append_format(json, "%llu", (unsigned long long)bounds[i].null_count);
    }
    tide_bytes_append_text(json, "}}");
}

void tide_rows_stats(const struct tide_rows *rows,
                     const uint32_t *row_indices,
                     uint32_t row_count,
                     struct tide_bytes *json)
{
    const struct tide_layout *layout = tide_rows_layout(rows);
    struct subject subject = {.rows = rows, .indices = row_indices, .count = row_count};
    tide_assert(layout->column_count <= COLUMNS_MAX);
    for (uint32_t i = 0; i < layout->column_count; i++) {
        subject.bounds[i] = bounds_of(&subject, i);
    }
    tide_stats_write(layout, subject.bounds, row_count, json);
}
