/* Values where they lie in a text that is known to be valid JSON: their kind, their children, and
 * whether they equal a value of a schema. Equality and order are those of Python's json and
 * jsonschema, whose verdicts a schema's author can check: a number with a point or an exponent is a
 * double, any other is an integer of any size, and the two compare by value. */
#ifndef TIDE_DECODE_JSON_VALUE_H
#define TIDE_DECODE_JSON_VALUE_H

#include "base/json.h"

/* at: the value's first byte. */
static inline enum tide_json_kind tide_json_value_kind(const char *at)
{
    switch (*at) {
    case '"':
        return TIDE_JSON_STRING;
    case '{':
        return TIDE_JSON_OBJECT;
    case '[':
        return TIDE_JSON_ARRAY;
    case 't':
        return TIDE_JSON_TRUE;
    case 'f':
        return TIDE_JSON_FALSE;
    case 'n':
        return TIDE_JSON_NULL;
    default:
        return TIDE_JSON_NUMBER;
    }
}

/* A text that is known to be valid is not validated again: only quotes and brackets count. */
struct tide_json_text {
    const char *end;
};

static inline const char *tide_json_skip_space(const char *at)
{
    while ((unsigned char)*at <= ' ') { /* never at the end: a bracket is still to come */
        at++;
    }
    return at;
}

/* Behind the value. */
const char *tide_json_skip(const struct tide_json_text *text, const char *at);
/* A number or literal as written. */
struct tide_view tide_json_value_scalar(const struct tide_json_text *text, const char *at);
/* A string's content as written, and whether it has escapes. */
struct tide_view tide_json_value_string(const struct tide_json_text *text,
                                        const char *at,
                                        bool *is_escaped);
/* Of a number: neither point nor exponent. */
bool tide_json_number_is_integer(struct tide_view text);
/* <0, 0, >0. scratch: for texts that must be terminated. */
int tide_json_number_compare(struct tide_view a, struct tide_view b, struct tide_bytes *scratch);
/* Whether a string's content as written has at least so many code points. */
bool tide_json_text_reaches(struct tide_view raw, uint64_t count);
/* Whether a string's content as written is that text. */
bool tide_json_text_equal(struct tide_view raw,
                          bool is_escaped,
                          struct tide_view text,
                          struct tide_bytes *scratch);
/* Of keys that stand twice in an object the last one holds. */
bool tide_json_value_equal(const struct tide_json_text *json,
                           const char *at,
                           const struct tide_json *wanted,
                           struct tide_bytes *scratch);

/* One child after the other of an object or array. */
struct tide_children {
    const struct tide_json_text *text;
    const char *at;       /* where the next one is looked for */
    const char *value;    /* of the current one; NULL before the first and behind the last */
    struct tide_view key; /* of a member, as written */
    bool is_escaped;      /* the key is */
    bool is_object;
};

/* at: the bracket. */
struct tide_children tide_children_of(const struct tide_json_text *text, const char *at);
/* false: there is no further child; at is then behind the closing bracket. */
bool tide_children_next(struct tide_children *children);

#endif
