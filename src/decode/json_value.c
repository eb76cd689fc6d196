#include "decode/json_value.h"

#include "base/assert.h"
#include "base/digits.h"
#include "base/utf8.h"
#include "decode/escape.h"
#include "decode/word.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    ESCAPE_SIZE = 6,      /* one byte of a text takes at most six: \u0061 */
    WHOLE_TEXT_MAX = 320, /* of a double without fraction */
};

/* ---- skipping ---- */

/* The high bit of each byte that is a quote or a backslash; the lowest mark is exact. */
static inline uint64_t quote_marks(uint64_t word)
{
    const uint64_t quote = word ^ TIDE_WORD_EACH('"');
    const uint64_t backslash = word ^ TIDE_WORD_EACH('\\');
    return (((quote - TIDE_WORD_EACH(1)) & ~quote) |
            ((backslash - TIDE_WORD_EACH(1)) & ~backslash)) &
           TIDE_WORD_EACH(0x80);
}

/* at: behind the opening quote. Returns the closing one. */
static inline const char *skip_string(const struct tide_json_text *text,
                                      const char *at,
                                      bool *is_escaped)
{
    for (;;) {
        while (text->end - at >= TIDE_WORD_SIZE) {
            uint64_t marks = quote_marks(tide_word_load(at));
            at += marks != 0 ? tide_word_first(marks) : TIDE_WORD_SIZE;
            if (marks != 0) {
                break;
            }
        }
        while (*at != '"' && *at != '\\') {
            at++;
        }
        if (*at == '"') {
            return at;
        }
        *is_escaped = true;
        at += 2;
    }
}

/* Most of it are strings with a byte or two between them, so the quote is asked for first. */
static const char *skip_container(const struct tide_json_text *text, const char *at)
{
    uint32_t depth = 0;
    bool is_escaped;
    for (;; at++) {
        const char byte = *at;
        if (byte == '"') {
            at = skip_string(text, at + 1, &is_escaped);
        } else if ((byte & ~0x26) == 0x59) { /* of all bytes outside strings only [ ] { } */
            depth += (byte & 2) != 0 && (byte & 4) == 0 ? 1 : (uint32_t)-1;
            if (depth == 0) {
                return at + 1;
            }
        }
    }
}

static const char *skip_scalar(const struct tide_json_text *text, const char *at)
{
    while (at < text->end && *at != ',' && *at != '}' && *at != ']' && (unsigned char)*at > ' ') {
        at++;
    }
    return at;
}

const char *tide_json_skip(const struct tide_json_text *text, const char *at)
{
    bool is_escaped;
    tide_assert(at < text->end);
    if (*at == '"') {
        return skip_string(text, at + 1, &is_escaped) + 1;
    }
    return *at == '{' || *at == '[' ? skip_container(text, at) : skip_scalar(text, at);
}

struct tide_view tide_json_value_scalar(const struct tide_json_text *text, const char *at)
{
    return (struct tide_view){at, (size_t)(skip_scalar(text, at) - at)};
}

struct tide_view tide_json_value_string(const struct tide_json_text *text,
                                        const char *at,
                                        bool *is_escaped)
{
    *is_escaped = false;
    const char *end = skip_string(text, at + 1, is_escaped);
    return (struct tide_view){at + 1, (size_t)(end - at) - 1};
}

/* ---- numbers ---- */

bool tide_json_number_is_integer(struct tide_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '.' || text.data[i] == 'e' || text.data[i] == 'E') {
            return false;
        }
    }
    return true;
}

static double to_double(struct tide_view text, struct tide_bytes *scratch)
{
    tide_bytes_reset(scratch);
    tide_bytes_append_view(scratch, text);
    tide_assert(!scratch->failed); /* a record's size at most */
    return strtod(tide_bytes_terminated(scratch), NULL);
}

static bool is_negative(struct tide_view integer)
{
    return integer.data[0] == '-' && integer.data[1] != '0';
}

/* JSON writes integers without leading zeros, so the longer one is the larger. */
static int compare_integers(struct tide_view a, struct tide_view b)
{
    const int sign = is_negative(a) ? -1 : 1;
    if (is_negative(a) != is_negative(b)) {
        return sign;
    }
    a = a.data[0] == '-' ? tide_view_slice(a, 1, a.size - 1) : a;
    b = b.data[0] == '-' ? tide_view_slice(b, 1, b.size - 1) : b;
    if (a.size != b.size) {
        return a.size < b.size ? -sign : sign;
    }
    return sign * tide_view_compare(a, b);
}

/* Where rounding the integer hides the difference, the double is large, and so has no fraction. */
static int compare_with_double(struct tide_view integer, double b, struct tide_bytes *scratch)
{
    const double a = to_double(integer, scratch);
    if (a < b || a > b) {
        return a < b ? -1 : 1;
    }
    if (isinf(b)) {
        return b > 0 ? -1 : 1;
    }
    char whole[WHOLE_TEXT_MAX];
    int size = snprintf(whole, sizeof whole, "%.0f", b);
    tide_assert(size > 0 && (size_t)size < sizeof whole);
    return compare_integers(integer, (struct tide_view){whole, (size_t)size});
}

int tide_json_number_compare(struct tide_view a, struct tide_view b, struct tide_bytes *scratch)
{
    if (tide_json_number_is_integer(a)) {
        return tide_json_number_is_integer(b)
                   ? compare_integers(a, b)
                   : compare_with_double(a, to_double(b, scratch), scratch);
    }
    const double left = to_double(a, scratch);
    if (tide_json_number_is_integer(b)) {
        return -compare_with_double(b, left, scratch);
    }
    const double right = to_double(b, scratch);
    return (left > right) - (left < right);
}

/* ---- texts ---- */

bool tide_json_text_reaches(struct tide_view raw, uint64_t count)
{
    size_t i = 0;
    while (i < raw.size && count > 0) {
        size_t size = 0;
        if (raw.data[i] == '\\' && raw.data[i + 1] == 'u') {
            bool is_high = (tide_digits_escaped(raw.data + i + 2, 4) & 0xFC00) == 0xD800;
            size = is_high ? 2 * ESCAPE_SIZE : ESCAPE_SIZE; /* surrogates come in pairs */
        } else if (raw.data[i] == '\\') {
            size = 2;
        } else {
            size = tide_utf8_sequence(raw.data + i, raw.data + raw.size);
        }
        tide_assert(size > 0 && size <= raw.size - i);
        i += size;
        count--;
    }
    return count == 0;
}

bool tide_json_text_equal(struct tide_view raw,
                          bool is_escaped,
                          struct tide_view text,
                          struct tide_bytes *scratch)
{
    if (!is_escaped) {
        return tide_view_equal(raw, text);
    }
    if (raw.size > text.size * ESCAPE_SIZE) {
        return false;
    }
    tide_bytes_reset(scratch);
    bool reserved = tide_bytes_reserve(scratch, raw.size);
    tide_assert(reserved);
    size_t size = tide_escape_resolve(raw, scratch->data);
    return tide_view_equal((struct tide_view){scratch->data, size}, text);
}

/* ---- children ---- */

struct tide_children tide_children_of(const struct tide_json_text *text, const char *at)
{
    return (struct tide_children){
        .text = text, .at = tide_json_skip_space(at + 1), .is_object = *at == '{'};
}

bool tide_children_next(struct tide_children *children)
{
    const char *at = children->at;
    if (children->value != NULL) {
        at = tide_json_skip_space(tide_json_skip(children->text, children->value));
        at = *at == ',' ? tide_json_skip_space(at + 1) : at;
    }
    if (*at == '}' || *at == ']') {
        children->at = at + 1;
        children->value = NULL;
        return false;
    }
    if (children->is_object) {
        children->key = tide_json_value_string(children->text, at, &children->is_escaped);
        at = tide_json_skip_space(children->key.data + children->key.size + 1);
        at = tide_json_skip_space(at + 1); /* a colon */
    }
    children->value = at;
    return true;
}

/* ---- equality ---- */

/* NULL: no member has that key. */
static const char *last_member(const struct tide_json_text *json,
                               const char *at,
                               struct tide_view key,
                               struct tide_bytes *scratch)
{
    struct tide_children members = tide_children_of(json, at);
    const char *found = NULL;
    while (tide_children_next(&members)) {
        if (tide_json_text_equal(members.key, members.is_escaped, key, scratch)) {
            found = members.value;
        }
    }
    return found;
}

static bool has_only(const struct tide_json_text *json,
                     const char *at,
                     const struct tide_json *wanted,
                     struct tide_bytes *scratch)
{
    struct tide_children members = tide_children_of(json, at);
    while (tide_children_next(&members)) {
        const struct tide_json *member = wanted->first;
        while (member != NULL &&
               !tide_json_text_equal(members.key, members.is_escaped, member->key, scratch)) {
            member = member->next;
        }
        if (member == NULL) {
            return false;
        }
    }
    return true;
}

static bool equal_objects(const struct tide_json_text *json,
                          const char *at,
                          const struct tide_json *wanted,
                          struct tide_bytes *scratch)
{
    if (!has_only(json, at, wanted, scratch)) {
        return false;
    }
    for (const struct tide_json *member = wanted->first; member != NULL; member = member->next) {
        const char *value = last_member(json, at, member->key, scratch);
        if (value == NULL || !tide_json_value_equal(json, value, member, scratch)) {
            return false;
        }
    }
    return true;
}

static bool equal_arrays(const struct tide_json_text *json,
                         const char *at,
                         const struct tide_json *wanted,
                         struct tide_bytes *scratch)
{
    struct tide_children elements = tide_children_of(json, at);
    const struct tide_json *element = wanted->first;
    while (tide_children_next(&elements)) {
        if (element == NULL || !tide_json_value_equal(json, elements.value, element, scratch)) {
            return false;
        }
        element = element->next;
    }
    return element == NULL;
}

bool tide_json_value_equal(const struct tide_json_text *json,
                           const char *at,
                           const struct tide_json *wanted,
                           struct tide_bytes *scratch)
{
    if (tide_json_value_kind(at) != wanted->kind) {
        return false;
    }
    switch (wanted->kind) {
    case TIDE_JSON_NULL:
    case TIDE_JSON_FALSE:
    case TIDE_JSON_TRUE:
        return true;
    case TIDE_JSON_NUMBER:
        return tide_json_number_compare(tide_json_value_scalar(json, at), wanted->text, scratch) ==
               0;
    case TIDE_JSON_STRING: {
        bool is_escaped;
        struct tide_view raw = tide_json_value_string(json, at, &is_escaped);
        return tide_json_text_equal(raw, is_escaped, wanted->text, scratch);
    }
    case TIDE_JSON_ARRAY:
        return equal_arrays(json, at, wanted, scratch);
    case TIDE_JSON_OBJECT:
        return equal_objects(json, at, wanted, scratch);
    }
    tide_assert(false);
    return false;
}
