/* Small JSON documents of our own making and of servers we ask: manifests, the Delta log, answers.
 * A bounded reader into an arena, and writers. Events never come this way: decode/ reads those. */
#ifndef TIDE_BASE_JSON_H
#define TIDE_BASE_JSON_H

#include "base/arena.h"

enum tide_json_kind {
    TIDE_JSON_NULL,
    TIDE_JSON_FALSE,
    TIDE_JSON_TRUE,
    TIDE_JSON_NUMBER, /* text is as written */
    TIDE_JSON_STRING, /* text is decoded UTF-8 */
    TIDE_JSON_ARRAY,
    TIDE_JSON_OBJECT,
};

struct tide_json {
    enum tide_json_kind kind;
    struct tide_view text;   /* of a number or string */
    struct tide_view source; /* the bytes of this value in the document */
    struct tide_view key;    /* of a member of an object, decoded */
    struct tide_json *first; /* of an array or object */
    struct tide_json *next;  /* sibling */
    uint32_t count;          /* of elements or members */
};

enum {
    TIDE_JSON_DEPTH_MAX = 64
};

/* Everything lives in arena; text must outlive it. REJECT: not JSON (RFC 8259) in UTF-8,
 * too deep, or an object with a key twice. RETRY: arena's budget. */
enum tide_status tide_json_parse(struct tide_arena *arena,
                                 struct tide_view text,
                                 struct tide_json **json,
                                 struct tide_error *error);
/* The member with that key, NULL if absent or not an object. Linear. */
const struct tide_json *tide_json_get(const struct tide_json *json, const char *key);
/* false if absent, of another kind or not a whole number that fits. */
bool tide_json_get_u64(const struct tide_json *json, const char *key, uint64_t *value);
bool tide_json_get_i64(const struct tide_json *json, const char *key, int64_t *value);
bool tide_json_get_text(const struct tide_json *json, const char *key, struct tide_view *value);

/* Appends a JSON string with quotes; control bytes, quotes and backslashes escaped, UTF-8 kept.
 * Bytes that are not UTF-8 become U+FFFD: the output is always valid. */
void tide_json_write_string(struct tide_bytes *bytes, struct tide_view text);
/* Appends "key": with a comma before it unless the last byte is '{' or '['. */
void tide_json_write_key(struct tide_bytes *bytes, const char *key);
/* Members: a comma if needed, the key, the value. */
void tide_json_write_text_member(struct tide_bytes *bytes, const char *key, struct tide_view text);
void tide_json_write_u64_member(struct tide_bytes *bytes, const char *key, uint64_t value);
void tide_json_write_i64_member(struct tide_bytes *bytes, const char *key, int64_t value);
void tide_json_write_bool_member(struct tide_bytes *bytes, const char *key, bool value);

#endif
