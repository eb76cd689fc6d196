/* A shape is a tree: what holds others has their shapes as children, and each is bound to its own
 * vector of the chunk. Names of a struct's members are copied once; the words of an enum are asked
 * for where they are printed, because a type may have very many. */
#include "lake/duckdb_value.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/decimal.h"
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    DEPTH_MAX = 32,
    CHILDREN_MAX = 4096,
    INLINE_BYTES = 12,
    FLOAT_DIGITS_MIN = 6,
    FLOAT_DIGITS_MAX = 9,
    NS_PER_SECOND = 1000000000,
    MICROSECOND_PLACES = 6
};
static const int64_t days_max = 106751991; /* what 64 bits of microseconds hold */

struct tide_duckdb_shape {
    const struct duckdb_api *api;
    struct duckdb_logical *logical;
    int type;
    int stored; /* a decimal's or an enum's: the type of its integers */
    uint8_t scale;
    bool is_json;
    uint64_t array_size;
    struct tide_duckdb_shape **children; /* a map's are its key and its value */
    char **names;                        /* of a struct's members */
    uint32_t child_count;
    const void *data;
    const uint64_t *validity; /* NULL: all are there */
};

/* ---- types */

void tide_duckdb_shape_destroy(struct tide_duckdb_shape *shape)
{
    if (shape == NULL) {
        return;
    }
    for (uint32_t i = 0; i < shape->child_count; i++) {
        tide_duckdb_shape_destroy(shape->children[i]);
        if (shape->names[i] != NULL) {
            shape->api->free(shape->names[i]);
        }
    }
    free(shape->children);
    free(shape->names);
    shape->api->destroy_logical_type(&shape->logical);
    free(shape);
}

static struct duckdb_logical *child_type(const struct tide_duckdb_shape *shape, uint32_t index)
{
    const struct duckdb_api *api = shape->api;
    switch (shape->type) {
    case DUCKDB_LIST:
        return api->list_type_child_type(shape->logical);
    case DUCKDB_ARRAY:
        return api->array_type_child_type(shape->logical);
    case DUCKDB_MAP:
        return index == 0 ? api->map_type_key_type(shape->logical)
                          : api->map_type_value_type(shape->logical);
    default: /* an int, not an enum */
        return api->struct_type_child_type(shape->logical, index);
    }
}

static uint64_t count_children(const struct tide_duckdb_shape *shape)
{
    switch (shape->type) {
    case DUCKDB_LIST:
    case DUCKDB_ARRAY:
        return 1;
    case DUCKDB_MAP:
        return 2;
    case DUCKDB_STRUCT:
        return shape->api->struct_type_child_count(shape->logical);
    default:
        return 0;
    }
}

static bool is_known(int type)
{
    return (type >= DUCKDB_BOOLEAN && type <= DUCKDB_UUID) || type == DUCKDB_TIMESTAMP_TZ ||
           type == DUCKDB_UHUGEINT || type == DUCKDB_ARRAY || type == DUCKDB_NULL;
}

static void read_details(struct tide_duckdb_shape *shape)
{
    const struct duckdb_api *api = shape->api;
    char *alias = api->logical_type_get_alias(shape->logical);
    shape->is_json = alias != NULL && strcmp(alias, "JSON") == 0;
    if (alias != NULL) {
        api->free(alias);
    }
    switch (shape->type) {
    case DUCKDB_DECIMAL:
        shape->stored = api->decimal_internal_type(shape->logical);
        shape->scale = api->decimal_scale(shape->logical);
        break;
    case DUCKDB_ENUM:
        shape->stored = api->enum_internal_type(shape->logical);
        break;
    case DUCKDB_ARRAY:
        shape->array_size = api->array_type_array_size(shape->logical);
        break;
    default:
        break;
    }
}

static enum tide_status create(const struct duckdb_api *api,
                               struct duckdb_logical *type,
                               unsigned depth,
                               struct tide_duckdb_shape **out,
                               struct tide_error *error);

static enum tide_status create_children(struct tide_duckdb_shape *shape,
                                        unsigned depth,
                                        struct tide_error *error)
{
    const uint64_t count = count_children(shape);
    enum tide_status status = TIDE_OK;
    if (depth == DEPTH_MAX || count > CHILDREN_MAX) {
        return tide_error_set(
            error, TIDE_REJECT, "it is over %d deep or %d wide", DEPTH_MAX, CHILDREN_MAX);
    }
    shape->children = calloc(count + 1, sizeof(*shape->children));
    shape->names = calloc(count + 1, sizeof(*shape->names));
    if (shape->children == NULL || shape->names == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a type");
    }
    while (status == TIDE_OK && shape->child_count < count) {
        const uint32_t i = shape->child_count++;
        if (shape->type == DUCKDB_STRUCT) {
            shape->names[i] = shape->api->struct_type_child_name(shape->logical, i);
        }
        status = create(shape->api, child_type(shape, i), depth + 1, &shape->children[i], error);
    }
    return status;
}

static enum tide_status create(const struct duckdb_api *api,
                               struct duckdb_logical *type,
                               unsigned depth,
                               struct tide_duckdb_shape **out,
                               struct tide_error *error)
{
    struct tide_duckdb_shape *shape = calloc(1, sizeof(*shape));
    if (shape == NULL) {
        api->destroy_logical_type(&type);
        return tide_error_set(error, TIDE_RETRY, "no memory for a type");
    }
    *shape = (struct tide_duckdb_shape){.api = api, .logical = type};
    shape->type = api->get_type_id(type);
    enum tide_status status = TIDE_OK;
    if (!is_known(shape->type)) {
        status =
            tide_error_set(error, TIDE_REJECT, "its type (%d) must be cast in SQL", shape->type);
    } else {
        read_details(shape);
        status = create_children(shape, depth, error);
    }
    if (status != TIDE_OK) {
        tide_duckdb_shape_destroy(shape);
        return status;
    }
    *out = shape;
    return TIDE_OK;
}

enum tide_status tide_duckdb_shape_create(const struct duckdb_api *api,
                                          struct duckdb_logical *type,
                                          struct tide_duckdb_shape **shape,
                                          struct tide_error *error)
{
    return create(api, type, 0, shape, error);
}

bool tide_duckdb_shape_is_number(const struct tide_duckdb_shape *shape)
{
    return (shape->type >= DUCKDB_TINYINT && shape->type <= DUCKDB_DOUBLE) ||
           shape->type == DUCKDB_HUGEINT || shape->type == DUCKDB_UHUGEINT ||
           shape->type == DUCKDB_DECIMAL;
}

/* ---- vectors */

void tide_duckdb_shape_bind(struct tide_duckdb_shape *shape, struct duckdb_vector *vector)
{
    const struct duckdb_api *api = shape->api;
    shape->data = api->vector_get_data(vector);
    shape->validity = api->vector_get_validity(vector);
    switch (shape->type) {
    case DUCKDB_LIST:
        tide_duckdb_shape_bind(shape->children[0], api->list_vector_get_child(vector));
        break;
    case DUCKDB_ARRAY:
        tide_duckdb_shape_bind(shape->children[0], api->array_vector_get_child(vector));
        break;
    case DUCKDB_MAP: { /* a list of pairs */
        struct duckdb_vector *pairs = api->list_vector_get_child(vector);
        tide_duckdb_shape_bind(shape->children[0], api->struct_vector_get_child(pairs, 0));
        tide_duckdb_shape_bind(shape->children[1], api->struct_vector_get_child(pairs, 1));
        break;
    }
    case DUCKDB_STRUCT:
        for (uint32_t i = 0; i < shape->child_count; i++) {
            tide_duckdb_shape_bind(shape->children[i], api->struct_vector_get_child(vector, i));
        }
        break;
    default:
        break;
    }
}

bool tide_duckdb_shape_is_null(const struct tide_duckdb_shape *shape, uint64_t row)
{
    return shape->type == DUCKDB_NULL ||
           (shape->validity != NULL && (shape->validity[row / 64] >> (row % 64) & 1) == 0);
}

/* ---- numbers */

/* An integer that fits, signed or not. */
static int64_t integer_at(const void *data, int type, uint64_t row)
{
    switch (type) {
    case DUCKDB_TINYINT:
        return ((const int8_t *)data)[row];
    case DUCKDB_SMALLINT:
        return ((const int16_t *)data)[row];
    case DUCKDB_INTEGER:
    case DUCKDB_DATE:
        return ((const int32_t *)data)[row];
    case DUCKDB_BOOLEAN:
    case DUCKDB_UTINYINT:
        return ((const uint8_t *)data)[row];
    case DUCKDB_USMALLINT:
        return ((const uint16_t *)data)[row];
    case DUCKDB_UINTEGER:
        return ((const uint32_t *)data)[row];
    default: /* BIGINT, and times */
        return ((const int64_t *)data)[row];
    }
}

static tide_i128 huge_at(const void *data, uint64_t row)
{
    const struct duckdb_huge *huge = (const struct duckdb_huge *)data + row;
    return (tide_i128)(int64_t)huge->high * ((tide_i128)1 << 64) + huge->low;
}

/* Beyond what is signed. */
static void write_unsigned_huge(const struct duckdb_huge *huge, struct tide_bytes *text)
{
    char reversed[TIDE_DECIMAL_TEXT_MAX];
    size_t count = 0;
    __extension__ unsigned __int128 left =
        (__extension__(unsigned __int128) huge->high) << 64 | huge->low;
    do {
        reversed[count++] = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left != 0);
    while (count > 0) {
        tide_bytes_append_byte(text, reversed[--count]);
    }
}

static void write_exact(tide_i128 number, unsigned scale, struct tide_bytes *text)
{
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    tide_bytes_append(text, buffer, tide_decimal_format(number, scale, buffer));
}

static void write_float(float number, struct tide_bytes *text)
{
    char buffer[TIDE_DECIMAL_TEXT_MAX] = "";
    for (int digits = FLOAT_DIGITS_MIN; digits <= FLOAT_DIGITS_MAX; digits++) {
        (void)snprintf(buffer, sizeof(buffer), "%.*g", digits, (double)number);
        const float back = strtof(buffer, NULL);
        if (!(back < number) && !(back > number)) {
            break;
        }
    }
    tide_bytes_append_text(text, buffer);
}

static double double_at(const struct tide_duckdb_shape *shape, uint64_t row)
{
    return shape->type == DUCKDB_FLOAT ? (double)((const float *)shape->data)[row]
                                       : ((const double *)shape->data)[row];
}

static void write_double(const struct tide_duckdb_shape *shape,
                         uint64_t row,
                         struct tide_bytes *text)
{
    const double number = double_at(shape, row);
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    if (isnan(number)) {
        tide_bytes_append_text(text, "NaN");
    } else if (isinf(number)) {
        tide_bytes_append_text(text, number < 0 ? "-Infinity" : "Infinity");
    } else if (shape->type == DUCKDB_FLOAT) {
        write_float(((const float *)shape->data)[row], text);
    } else {
        tide_bytes_append(text, buffer, tide_double_format(number, buffer));
    }
}

/* ---- times */

static void write_date(int64_t days, struct tide_bytes *text)
{
    char buffer[TIDE_CIVIL_TEXT_MAX];
    if (days == INT32_MAX || days == -INT32_MAX) {
        tide_bytes_append_text(text, days < 0 ? "-infinity" : "infinity");
    } else if (days > days_max || days < -days_max) {
        tide_bytes_append_format(text, "1970-01-01 %+" PRId64 " days", days);
    } else {
        tide_bytes_append(text, buffer, tide_civil_format_date(days, buffer));
    }
}

/* Seconds, or a time of the day, with what is left of one. */
static void write_fraction(int64_t part, unsigned places, struct tide_bytes *text)
{
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    const size_t size = tide_decimal_format(part, places, buffer);
    if (part != 0) {
        tide_bytes_append(text, buffer + 1, size - 1); /* without the 0 before the point */
    }
}

static void write_time_of_day(int64_t us, struct tide_bytes *text)
{
    const int64_t second = us / TIDE_US_PER_SECOND;
    tide_bytes_append_format(text,
                             "%02" PRId64 ":%02" PRId64 ":%02" PRId64,
                             second / 3600,
                             second / 60 % 60,
                             second % 60);
    write_fraction(us % TIDE_US_PER_SECOND, MICROSECOND_PLACES, text);
}

static void write_timestamp(int type, int64_t number, struct tide_bytes *text)
{
    int64_t per_second = TIDE_US_PER_SECOND;
    unsigned places = MICROSECOND_PLACES;
    if (number == INT64_MAX || number == -INT64_MAX) {
        tide_bytes_append_text(text, number < 0 ? "-infinity" : "infinity");
        return;
    }
    if (type == DUCKDB_TIMESTAMP_S) {
        per_second = 1;
        places = 0;
    } else if (type == DUCKDB_TIMESTAMP_MS) {
        per_second = 1000;
        places = 3;
    } else if (type == DUCKDB_TIMESTAMP_NS) {
        per_second = NS_PER_SECOND;
        places = 9;
    }
    const int64_t second = tide_floor_divide(number, per_second);
    const int64_t day = tide_floor_divide(second, TIDE_US_PER_DAY / TIDE_US_PER_SECOND);
    const int64_t of_day = second - day * (TIDE_US_PER_DAY / TIDE_US_PER_SECOND);
    write_date(day, text);
    tide_bytes_append_byte(text, 'T');
    write_time_of_day(of_day * TIDE_US_PER_SECOND, text);
    write_fraction(number - second * per_second, places, text);
    tide_bytes_append_text(text, type == DUCKDB_TIMESTAMP_TZ ? "Z" : "");
}

/* ISO 8601, in the three parts that do not follow from each other. */
static void write_interval(const struct duckdb_interval *interval, struct tide_bytes *text)
{
    tide_bytes_append_byte(text, 'P');
    if (interval->months != 0) {
        tide_bytes_append_format(text, "%" PRId32 "M", interval->months);
    }
    if (interval->days != 0) {
        tide_bytes_append_format(text, "%" PRId32 "D", interval->days);
    }
    if (interval->us != 0 || (interval->months == 0 && interval->days == 0)) {
        tide_bytes_append_byte(text, 'T');
        write_exact(interval->us, MICROSECOND_PLACES, text);
        tide_bytes_append_byte(text, 'S');
    }
}

/* ---- texts */

static struct tide_view text_at(const struct tide_duckdb_shape *shape, uint64_t row)
{
    const union duckdb_text *text = (const union duckdb_text *)shape->data + row;
    const uint32_t size = text->inlined.size;
    return (struct tide_view){size <= INLINE_BYTES ? text->inlined.bytes : text->pointer.bytes,
                              size};
}

static void write_bytes(struct tide_view bytes, struct tide_bytes *text)
{
    for (size_t i = 0; i < bytes.size; i++) {
        const unsigned char byte = (unsigned char)bytes.data[i];
        if (byte >= 0x20 && byte < 0x7F && byte != '\\') {
            tide_bytes_append_byte(text, (char)byte);
        } else {
            tide_bytes_append_format(text, "\\x%02X", byte);
        }
    }
}

static void write_uuid(const struct duckdb_huge *huge, struct tide_bytes *text)
{
    const uint64_t high = huge->high ^ UINT64_C(1) << 63; /* so that they sort as signed numbers */
    tide_bytes_append_format(text,
                             "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                             high >> 32,
                             high >> 16 & 0xFFFF,
                             high & 0xFFFF,
                             huge->low >> 48,
                             huge->low & UINT64_C(0xFFFFFFFFFFFF));
}

static void write_enum(const struct tide_duckdb_shape *shape, uint64_t row, struct tide_bytes *text)
{
    const int64_t index = integer_at(shape->data, shape->stored, row);
    char *word = shape->api->enum_dictionary_value(shape->logical, (uint64_t)index);
    if (word != NULL) {
        tide_bytes_append_text(text, word);
        shape->api->free(word);
    }
}

/* ---- values */

static void write_elements(const struct tide_duckdb_shape *shape,
                           struct duckdb_list list,
                           struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '[');
    for (uint64_t i = 0; i < list.size; i++) {
        tide_bytes_append_text(json, i == 0 ? "" : ", ");
        tide_duckdb_shape_write_json(shape->children[0], list.offset + i, json);
    }
    tide_bytes_append_byte(json, ']');
}

static void write_members(const struct tide_duckdb_shape *shape,
                          uint64_t row,
                          struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    for (uint32_t i = 0; i < shape->child_count; i++) {
        tide_bytes_append_text(json, i == 0 ? "" : ", ");
        tide_json_write_string(json, tide_view_of(shape->names[i]));
        tide_bytes_append_text(json, ": ");
        tide_duckdb_shape_write_json(shape->children[i], row, json);
    }
    tide_bytes_append_byte(json, '}');
}

/* A key is a text in JSON, whatever it is. */
static void write_pairs(const struct tide_duckdb_shape *shape,
                        struct duckdb_list list,
                        struct tide_bytes *json)
{
    struct tide_bytes key = {0};
    tide_bytes_append_byte(json, '{');
    for (uint64_t i = 0; i < list.size; i++) {
        tide_bytes_reset(&key);
        tide_duckdb_shape_write_text(shape->children[0], list.offset + i, &key);
        json->failed = json->failed || key.failed;
        tide_bytes_append_text(json, i == 0 ? "" : ", ");
        tide_json_write_string(json, tide_bytes_view(&key));
        tide_bytes_append_text(json, ": ");
        tide_duckdb_shape_write_json(shape->children[1], list.offset + i, json);
    }
    tide_bytes_append_byte(json, '}');
    tide_bytes_release(&key);
}

static void write_decimal(const struct tide_duckdb_shape *shape,
                          uint64_t row,
                          struct tide_bytes *text)
{
    const tide_i128 number = shape->stored == DUCKDB_HUGEINT
                                 ? huge_at(shape->data, row)
                                 : integer_at(shape->data, shape->stored, row);
    write_exact(number, shape->scale, text);
}

void tide_duckdb_shape_write_text(const struct tide_duckdb_shape *shape,
                                  uint64_t row,
                                  struct tide_bytes *text)
{
    const void *data = shape->data;
    tide_assert(!tide_duckdb_shape_is_null(shape, row));
    switch (shape->type) {
    case DUCKDB_BOOLEAN:
        tide_bytes_append_text(text, ((const uint8_t *)data)[row] != 0 ? "true" : "false");
        break;
    case DUCKDB_UBIGINT:
        tide_bytes_append_format(text, "%" PRIu64, ((const uint64_t *)data)[row]);
        break;
    case DUCKDB_FLOAT:
    case DUCKDB_DOUBLE:
        write_double(shape, row, text);
        break;
    case DUCKDB_HUGEINT:
        write_exact(huge_at(data, row), 0, text);
        break;
    case DUCKDB_UHUGEINT:
        write_unsigned_huge((const struct duckdb_huge *)data + row, text);
        break;
    case DUCKDB_DECIMAL:
        write_decimal(shape, row, text);
        break;
    case DUCKDB_DATE:
        write_date(integer_at(data, DUCKDB_DATE, row), text);
        break;
    case DUCKDB_TIME:
        write_time_of_day(integer_at(data, DUCKDB_TIME, row), text);
        break;
    case DUCKDB_TIMESTAMP:
    case DUCKDB_TIMESTAMP_S:
    case DUCKDB_TIMESTAMP_MS:
    case DUCKDB_TIMESTAMP_NS:
    case DUCKDB_TIMESTAMP_TZ:
        write_timestamp(shape->type, integer_at(data, shape->type, row), text);
        break;
    case DUCKDB_INTERVAL:
        write_interval((const struct duckdb_interval *)data + row, text);
        break;
    case DUCKDB_VARCHAR:
        tide_bytes_append_view(text, text_at(shape, row));
        break;
    case DUCKDB_BLOB:
        write_bytes(text_at(shape, row), text);
        break;
    case DUCKDB_UUID:
        write_uuid((const struct duckdb_huge *)data + row, text);
        break;
    case DUCKDB_ENUM:
        write_enum(shape, row, text);
        break;
    case DUCKDB_LIST:
    case DUCKDB_ARRAY:
    case DUCKDB_STRUCT:
    case DUCKDB_MAP:
        tide_duckdb_shape_write_json(shape, row, text);
        break;
    default:
        tide_bytes_append_format(text, "%" PRId64, integer_at(data, shape->type, row));
        break;
    }
}

/* JSON allows line breaks between its words, and only there; a line of output does not. */
static void write_raw_json(struct tide_view raw, struct tide_bytes *json)
{
    for (size_t i = 0; i < raw.size; i++) {
        const char c = raw.data[i];
        tide_bytes_append_byte(json, c == '\n' || c == '\r' ? ' ' : c);
    }
}

static bool is_bare(const struct tide_duckdb_shape *shape, uint64_t row)
{
    const bool is_floating = shape->type == DUCKDB_FLOAT || shape->type == DUCKDB_DOUBLE;
    return shape->type == DUCKDB_BOOLEAN ||
           (tide_duckdb_shape_is_number(shape) &&
            (!is_floating || (bool)isfinite(double_at(shape, row))));
}

void tide_duckdb_shape_write_json(const struct tide_duckdb_shape *shape,
                                  uint64_t row,
                                  struct tide_bytes *json)
{
    const struct duckdb_list array = {row * shape->array_size, shape->array_size};
    struct tide_bytes text = {0};
    if (tide_duckdb_shape_is_null(shape, row)) {
        tide_bytes_append_text(json, "null");
        return;
    }
    switch (shape->type) {
    case DUCKDB_LIST:
        write_elements(shape, ((const struct duckdb_list *)shape->data)[row], json);
        return;
    case DUCKDB_ARRAY:
        write_elements(shape, array, json);
        return;
    case DUCKDB_STRUCT:
        write_members(shape, row, json);
        return;
    case DUCKDB_MAP:
        write_pairs(shape, ((const struct duckdb_list *)shape->data)[row], json);
        return;
    case DUCKDB_VARCHAR:
        if (shape->is_json) {
            write_raw_json(text_at(shape, row), json);
        } else {
            tide_json_write_string(json, text_at(shape, row));
        }
        return;
    default:
        break;
    }
    if (is_bare(shape, row)) {
        tide_duckdb_shape_write_text(shape, row, json);
        return;
    }
    tide_duckdb_shape_write_text(shape, row, &text);
    json->failed = json->failed || text.failed;
    tide_json_write_string(json, tide_bytes_view(&text));
    tide_bytes_release(&text);
}
