/* A bounded JSON reader into an arena, and writers that cannot produce anything but JSON.
 *
 * The reader keeps its open containers on a stack of its own, so depth is a number and not a risk.
 * Text without escapes is a view into the document; only text with escapes is copied. Members keep
 * their order. What a caller relies on: every byte was looked at, so what is accepted is JSON. */
#include "base/json.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "base/digits.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    FEW_MEMBERS = 8
};

struct frame {
    struct tide_json *node;
    struct tide_json *last; /* of its children */
};

struct reader {
    const char *start;
    const char *at;
    const char *end;
    struct tide_arena *arena;
    struct tide_error *error;
    struct tide_json *root;
    struct tide_view key; /* of the value to come */
    struct frame frames[TIDE_JSON_DEPTH_MAX];
    uint32_t depth;
};

static enum tide_status refuse(const struct reader *reader, const char *what)
{
    return tide_error_set(reader->error,
                          TIDE_REJECT,
                          "not JSON at byte %zu: %s",
                          (size_t)(reader->at - reader->start),
                          what);
}

static enum tide_status no_memory(const struct reader *reader)
{
    return tide_error_set(reader->error,
                          TIDE_RETRY,
                          "no memory for a JSON document of %zu bytes",
                          (size_t)(reader->end - reader->start));
}

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r')) {
        reader->at++;
    }
}

static bool is_next(const struct reader *reader, char wanted)
{
    return reader->at < reader->end && *reader->at == wanted;
}

static bool take(struct reader *reader, char wanted)
{
    bool is_taken = is_next(reader, wanted);
    reader->at += is_taken ? 1 : 0;
    return is_taken;
}

/* Four hex digits at p, which has them or ends first. */
static bool read_hex4(const char *p, const char *end, uint32_t *value)
{
    const int32_t read = end - p < 4 ? -1 : tide_digits_escaped(p, 4);
    *value = read < 0 ? *value : (uint32_t)read;
    return read >= 0;
}

/* at is behind "\u". A surrogate without its partner has no UTF-8 and is refused. */
static bool read_escaped_point(struct reader *reader, uint32_t *point)
{
    if (!read_hex4(reader->at, reader->end, point)) {
        return false;
    }
    reader->at += 4;
    if (*point < 0xd800 || *point > 0xdfff) {
        return true;
    }
    uint32_t low = 0;
    if (*point > 0xdbff || reader->end - reader->at < 6 || reader->at[0] != '\\' ||
        reader->at[1] != 'u' || !read_hex4(reader->at + 2, reader->end, &low) || low < 0xdc00 ||
        low > 0xdfff) {
        return false;
    }
    reader->at += 6;
    *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

/* at is behind the backslash. */
static enum tide_status read_escape(struct reader *reader, char *out, size_t *size)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    char name = reader->at < reader->end ? *reader->at : '\0';
    const char *found = name == '\0' ? NULL : strchr(names, name);
    if (found != NULL) {
        reader->at++;
        out[(*size)++] = values[found - names];
        return TIDE_OK;
    }
    if (name != 'u') {
        return refuse(reader, "an unknown escape");
    }
    uint32_t point = 0;
    reader->at++;
    if (!read_escaped_point(reader, &point)) {
        return refuse(reader, "a bad \\u escape");
    }
    *size += tide_utf8_encode(point, out + *size);
    return TIDE_OK;
}

/* Where the string that starts at `at` ends (its quote), and whether it has escapes. */
static enum tide_status find_quote(struct reader *reader, const char **quote, bool *has_escapes)
{
    const char *p = reader->at;
    *has_escapes = false;
    while (p < reader->end && *p != '"') {
        if ((unsigned char)*p < 0x20) {
            reader->at = p;
            return refuse(reader, "a control byte in a string");
        }
        if (*p == '\\') {
            *has_escapes = true;
            p += 2;
            continue;
        }
        const size_t size = tide_utf8_sequence(p, reader->end);
        if (size == 0) {
            reader->at = p;
            return refuse(reader, "bytes that are not UTF-8");
        }
        p += size;
    }
    if (p >= reader->end) {
        reader->at = reader->end;
        return refuse(reader, "a string without end");
    }
    *quote = p;
    return TIDE_OK;
}

/* at is at the opening quote. */
static enum tide_status read_string(struct reader *reader, struct tide_view *text)
{
    const char *quote = NULL;
    bool has_escapes = false;
    if (!take(reader, '"')) {
        return refuse(reader, "a string is missing");
    }
    enum tide_status status = find_quote(reader, &quote, &has_escapes);
    if (status != TIDE_OK) {
        return status;
    }
    size_t raw_size = (size_t)(quote - reader->at);
    if (!has_escapes) {
        *text = (struct tide_view){reader->at, raw_size};
        reader->at = quote + 1;
        return TIDE_OK;
    }
    char *decoded = tide_arena_allocate_text(reader->arena, raw_size); /* decoding only shrinks */
    if (decoded == NULL) {
        return no_memory(reader);
    }
    size_t size = 0;
    while (reader->at < quote) {
        if (*reader->at != '\\') {
            decoded[size++] = *reader->at++;
            continue;
        }
        reader->at++;
        status = read_escape(reader, decoded, &size);
        if (status != TIDE_OK) {
            return status;
        }
    }
    tide_assert(reader->at == quote && size <= raw_size);
    reader->at = quote + 1;
    *text = (struct tide_view){decoded, size};
    return TIDE_OK;
}

static size_t take_digits(struct reader *reader)
{
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        reader->at++;
    }
    return (size_t)(reader->at - start);
}

static enum tide_status read_number(struct reader *reader, struct tide_view *text)
{
    const char *start = reader->at;
    (void)take(reader, '-');
    if (!take(reader, '0') && take_digits(reader) == 0) {
        return refuse(reader, "a value is missing");
    }
    if (take(reader, '.') && take_digits(reader) == 0) {
        return refuse(reader, "a digit is missing after the point");
    }
    if (take(reader, 'e') || take(reader, 'E')) {
        if (!take(reader, '+')) {
            (void)take(reader, '-');
        }
        if (take_digits(reader) == 0) {
            return refuse(reader, "a digit is missing in the exponent");
        }
    }
    *text = (struct tide_view){start, (size_t)(reader->at - start)};
    return TIDE_OK;
}

static bool take_word(struct reader *reader, struct tide_view word)
{
    struct tide_view rest = {reader->at, (size_t)(reader->end - reader->at)};
    bool is_taken = tide_view_starts_with(rest, word);
    reader->at += is_taken ? word.size : 0;
    return is_taken;
}

static struct tide_json *add_node(struct reader *reader, enum tide_json_kind kind)
{
    struct tide_json *node = TIDE_ARENA_NEW(reader->arena, struct tide_json);
    if (node == NULL) {
        return NULL;
    }
    node->kind = kind;
    node->key = reader->key;
    reader->key = (struct tide_view){0};
    if (reader->depth == 0) {
        tide_assert(reader->root == NULL);
        reader->root = node;
        return node;
    }
    struct frame *frame = &reader->frames[reader->depth - 1];
    if (frame->last != NULL) {
        frame->last->next = node;
    } else {
        frame->node->first = node;
    }
    frame->last = node;
    frame->node->count++;
    return node;
}

static int compare_keys(const void *a, const void *b)
{
    const struct tide_view *left = a;
    const struct tide_view *right = b;
    return tide_view_compare(*left, *right);
}

/* Few members: each with each. Many: sorted, so that a hostile document costs n log n at most. */
static enum tide_status check_keys(const struct reader *reader, const struct tide_json *object)
{
    if (object->count <= FEW_MEMBERS) {
        for (const struct tide_json *a = object->first; a != NULL; a = a->next) {
            for (const struct tide_json *b = a->next; b != NULL; b = b->next) {
                if (tide_view_equal(a->key, b->key)) {
                    return refuse(reader, "an object with a key twice");
                }
            }
        }
        return TIDE_OK;
    }
    struct tide_view *keys = TIDE_ARENA_ARRAY(reader->arena, struct tide_view, object->count);
    if (keys == NULL) {
        return no_memory(reader);
    }
    size_t count = 0;
    for (const struct tide_json *member = object->first; member != NULL; member = member->next) {
        keys[count++] = member->key;
    }
    tide_assert(count == object->count);
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (tide_view_equal(keys[i - 1], keys[i])) {
            return refuse(reader, "an object with a key twice");
        }
    }
    return TIDE_OK;
}

/* at is behind the closing bracket of the innermost container. */
static enum tide_status close_container(struct reader *reader)
{
    tide_assert(reader->depth > 0);
    struct tide_json *node = reader->frames[--reader->depth].node;
    node->source.size = (size_t)(reader->at - node->source.data);
    return node->kind == TIDE_JSON_OBJECT ? check_keys(reader, node) : TIDE_OK;
}

static enum tide_status read_key(struct reader *reader)
{
    skip_space(reader);
    enum tide_status status = read_string(reader, &reader->key);
    if (status != TIDE_OK) {
        return status;
    }
    skip_space(reader);
    return take(reader, ':') ? TIDE_OK : refuse(reader, "':' is missing");
}

static enum tide_status open_container(struct reader *reader, bool *wants_value)
{
    if (reader->depth == TIDE_JSON_DEPTH_MAX) {
        return refuse(reader, "more than 64 levels");
    }
    bool is_object = *reader->at == '{';
    struct tide_json *node = add_node(reader, is_object ? TIDE_JSON_OBJECT : TIDE_JSON_ARRAY);
    if (node == NULL) {
        return no_memory(reader);
    }
    node->source.data = reader->at++;
    reader->frames[reader->depth++] = (struct frame){.node = node};
    skip_space(reader);
    if (take(reader, is_object ? '}' : ']')) {
        *wants_value = false;
        return close_container(reader);
    }
    return is_object ? read_key(reader) : TIDE_OK;
}

static enum tide_status read_value(struct reader *reader, bool *wants_value)
{
    skip_space(reader);
    if (is_next(reader, '{') || is_next(reader, '[')) {
        return open_container(reader, wants_value);
    }
    const char *start = reader->at;
    struct tide_view text = {0};
    enum tide_json_kind kind = TIDE_JSON_NUMBER;
    enum tide_status status = TIDE_OK;
    if (is_next(reader, '"')) {
        kind = TIDE_JSON_STRING;
        status = read_string(reader, &text);
    } else if (take_word(reader, TIDE_VIEW("true"))) {
        kind = TIDE_JSON_TRUE;
    } else if (take_word(reader, TIDE_VIEW("false"))) {
        kind = TIDE_JSON_FALSE;
    } else if (take_word(reader, TIDE_VIEW("null"))) {
        kind = TIDE_JSON_NULL;
    } else {
        status = read_number(reader, &text);
    }
    if (status != TIDE_OK) {
        return status;
    }
    struct tide_json *node = add_node(reader, kind);
    if (node == NULL) {
        return no_memory(reader);
    }
    node->text = text;
    node->source = (struct tide_view){start, (size_t)(reader->at - start)};
    *wants_value = false;
    return TIDE_OK;
}

/* After a value inside a container. */
static enum tide_status read_separator(struct reader *reader, bool *wants_value)
{
    bool is_object = reader->frames[reader->depth - 1].node->kind == TIDE_JSON_OBJECT;
    skip_space(reader);
    if (take(reader, is_object ? '}' : ']')) {
        return close_container(reader);
    }
    if (!take(reader, ',')) {
        return refuse(reader, is_object ? "',' or '}' is missing" : "',' or ']' is missing");
    }
    *wants_value = true;
    return is_object ? read_key(reader) : TIDE_OK;
}

enum tide_status tide_json_parse(struct tide_arena *arena,
                                 struct tide_view text,
                                 struct tide_json **json,
                                 struct tide_error *error)
{
    tide_assert(arena != NULL && json != NULL);
    *json = NULL;
    if (text.size == 0) {
        return tide_error_set(error, TIDE_REJECT, "not JSON: an empty document");
    }
    struct reader reader = {
        .start = text.data,
        .at = text.data,
        .end = text.data + text.size,
        .arena = arena,
        .error = error,
    };
    enum tide_status status = TIDE_OK;
    bool wants_value = true;
    do {
        status =
            wants_value ? read_value(&reader, &wants_value) : read_separator(&reader, &wants_value);
    } while (status == TIDE_OK && (wants_value || reader.depth > 0));
    if (status != TIDE_OK) {
        return status;
    }
    skip_space(&reader);
    if (reader.at < reader.end) {
        return refuse(&reader, "more after the end");
    }
    *json = reader.root;
    return TIDE_OK;
}

const struct tide_json *tide_json_get(const struct tide_json *json, const char *key)
{
    if (json == NULL || json->kind != TIDE_JSON_OBJECT) {
        return NULL;
    }
    struct tide_view wanted = tide_view_of(key);
    for (const struct tide_json *member = json->first; member != NULL; member = member->next) {
        if (tide_view_equal(member->key, wanted)) {
            return member;
        }
    }
    return NULL;
}

/* Plain digits up to 2^64 - 1; any other spelling goes the exact way, which ends at 2^63 - 1. */
static bool parse_u64(struct tide_view text, uint64_t *value)
{
    int64_t whole = 0;
    if (tide_digits_parse(text, value)) {
        return true;
    }
    if (!tide_decimal_parse_int(text, &whole) || whole < 0) {
        return false;
    }
    *value = (uint64_t)whole;
    return true;
}

bool tide_json_get_u64(const struct tide_json *json, const char *key, uint64_t *value)
{
    const struct tide_json *member = tide_json_get(json, key);
    return member != NULL && member->kind == TIDE_JSON_NUMBER && parse_u64(member->text, value);
}

bool tide_json_get_i64(const struct tide_json *json, const char *key, int64_t *value)
{
    const struct tide_json *member = tide_json_get(json, key);
    return member != NULL && member->kind == TIDE_JSON_NUMBER &&
           tide_decimal_parse_int(member->text, value);
}

bool tide_json_get_text(const struct tide_json *json, const char *key, struct tide_view *value)
{
    const struct tide_json *member = tide_json_get(json, key);
    if (member == NULL || member->kind != TIDE_JSON_STRING) {
        return false;
    }
    *value = member->text;
    return true;
}

static void write_escaped(struct tide_bytes *bytes, char c)
{
    static const char values[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *found = c == '\0' ? NULL : strchr(values, c);
    if (found != NULL) {
        tide_bytes_append_byte(bytes, '\\');
        tide_bytes_append_byte(bytes, names[found - values]);
    } else {
        tide_bytes_append_format(bytes, "\\u%04x", (unsigned)(unsigned char)c);
    }
}

/* Where the first character is that cannot stand as it is, from `at`; or the end. */
static size_t plain_end(struct tide_view text, size_t at)
{
    while (at < text.size) {
        const unsigned char c = (unsigned char)text.data[at];
        const bool is_plain = c >= 0x20 && c != '"' && c != '\\';
        const size_t size =
            is_plain ? tide_utf8_sequence(text.data + at, text.data + text.size) : 0;
        if (size == 0) {
            break;
        }
        at += size;
    }
    return at;
}

void tide_json_write_string(struct tide_bytes *bytes, struct tide_view text)
{
    tide_bytes_append_byte(bytes, '"');
    size_t i = 0;
    while (i < text.size) {
        const size_t end = plain_end(text, i);
        tide_bytes_append(bytes, text.data + i, end - i);
        if (end < text.size && (unsigned char)text.data[end] < 0x80) {
            write_escaped(bytes, text.data[end]);
        } else if (end < text.size) {
            tide_bytes_append_text(bytes, "\xef\xbf\xbd");
        }
        i = end + 1;
    }
    tide_bytes_append_byte(bytes, '"');
}

void tide_json_write_key(struct tide_bytes *bytes, const char *key)
{
    char last = bytes->size == 0 ? '{' : bytes->data[bytes->size - 1];
    if (last != '{' && last != '[') {
        tide_bytes_append_byte(bytes, ',');
    }
    tide_json_write_string(bytes, tide_view_of(key));
    tide_bytes_append_byte(bytes, ':');
}

void tide_json_write_text_member(struct tide_bytes *bytes, const char *key, struct tide_view text)
{
    tide_json_write_key(bytes, key);
    tide_json_write_string(bytes, text);
}

void tide_json_write_u64_member(struct tide_bytes *bytes, const char *key, uint64_t value)
{
    tide_json_write_key(bytes, key);
    tide_bytes_append_format(bytes, "%llu", (unsigned long long)value);
}

void tide_json_write_i64_member(struct tide_bytes *bytes, const char *key, int64_t value)
{
    tide_json_write_key(bytes, key);
    tide_bytes_append_format(bytes, "%lld", (long long)value);
}

void tide_json_write_bool_member(struct tide_bytes *bytes, const char *key, bool value)
{
    tide_json_write_key(bytes, key);
    tide_bytes_append_text(bytes, value ? "true" : "false");
}
