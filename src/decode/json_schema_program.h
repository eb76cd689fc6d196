/* A compiled JSON Schema: between its compiler and its checker.
 *
 * A frame is all that is said about one value. What $ref and allOf add on the spot is written out
 * in it, so its checks are one list, in the order in which a validator would run them; oneOf holds
 * lists of its own. The members that any check of a frame speaks of have a slot each: an object is
 * read once, whatever the number of checks.
 *
 *     file -> frame -> checks -> frames of members and elements -> ... (may come round) */
#ifndef TIDE_DECODE_JSON_SCHEMA_PROGRAM_H
#define TIDE_DECODE_JSON_SCHEMA_PROGRAM_H

#include "base/json.h"
#include "decode/json_schema.h"
#include "decode/trie.h"

enum tide_check_kind {
    TIDE_CHECK_TYPE,
    TIDE_CHECK_REQUIRED,
    TIDE_CHECK_PROPERTIES,
    TIDE_CHECK_CLOSED,     /* additionalProperties: false */
    TIDE_CHECK_ADDITIONAL, /* additionalProperties: schema */
    TIDE_CHECK_ITEMS,
    TIDE_CHECK_ENUM,
    TIDE_CHECK_MIN_LENGTH,
    TIDE_CHECK_MINIMUM,
    TIDE_CHECK_ONE_OF,
};

/* Bits of a type check. A number that is an integer has both bits. */
enum tide_type_bit {
    TIDE_TYPE_BIT_NULL = 1,
    TIDE_TYPE_BIT_BOOLEAN = 2,
    TIDE_TYPE_BIT_NUMBER = 4,
    TIDE_TYPE_BIT_INTEGER = 8,
    TIDE_TYPE_BIT_STRING = 16,
    TIDE_TYPE_BIT_ARRAY = 32,
    TIDE_TYPE_BIT_OBJECT = 64,
};

struct tide_frame;

struct tide_check {
    enum tide_check_kind kind;
    uint32_t count; /* of slots, frames or lists; of words of own */
    const struct tide_check *next;
    uint64_t bound;                   /* TYPE: bits; MIN_LENGTH: code points */
    const uint32_t *slots;            /* REQUIRED, PROPERTIES */
    const struct tide_frame **frames; /* PROPERTIES: one for each slot; ADDITIONAL, ITEMS: one */
    const uint64_t *own;              /* CLOSED, ADDITIONAL: bits of the slots that are not extra */
    const struct tide_check **lists;  /* ONE_OF */
    const struct tide_json *value;    /* ENUM: the array; MINIMUM: the number */
};

struct tide_frame {
    const struct tide_check *checks;
    struct tide_trie names; /* node n is slot n - 1 */
    uint32_t slot_count;
    bool sees_members; /* some check does */
};

struct tide_json_schema {
    struct tide_trie files; /* by name without ".json"; node n is frame n - 1 */
    const struct tide_frame **frames;
    uint32_t slot_max;    /* of any frame */
    size_t key_room;      /* for tide_trie_find_escaped, of any frame */
    size_t type_size_max; /* of a file's name */
};

static inline bool tide_check_is_own(const struct tide_check *check, uint32_t slot)
{
    return slot / 64 < check->count && (check->own[slot / 64] >> (slot % 64) & 1) != 0;
}

static inline struct tide_view tide_frame_name(const struct tide_frame *frame, uint32_t slot)
{
    return frame->names.nodes[slot + 1].key;
}

#endif
