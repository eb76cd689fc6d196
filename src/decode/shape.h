/* Shapes: records that look alike are decoded by comparing them with one that was walked.
 *
 * Telemetry repeats itself: most records differ from an earlier one in nothing but their values. A
 * shape is what is left of a record without its strings, numbers and literals:
 *
 *     {"eid":"START","actor":{"id":"u7"},"ets":12}
 *            ^^^^^^^              ^^^^       ^^       values; the rest: four texts in between
 *
 * A record with the same tokens and the same texts in between has the same grammar and the same
 * members, whatever its values are; so it is valid if its numbers and literals are, and each
 * declared value lies at a known distance from a token. Comparing takes a few instructions for each
 * eight bytes, and no branch until the end. What strings may not contain, stage one has seen
 * (index.h): records in marked blocks are not compared.
 *
 * A record that is like no shape is walked (walk_index.h). Its shape is learned when its tokens are
 * seen for the second time in a row of their set; in a full set another one has to go, but only
 * after many records that fit none. So a stream without any likeness costs a hash and a look more
 * than the walk, and nothing is allocated for a record that is known. One for each plan; one
 * thread. */
#ifndef TIDE_DECODE_SHAPE_H
#define TIDE_DECODE_SHAPE_H

#include "decode/walk.h"

enum {
    TIDE_SHAPE_SETS = 64,
    TIDE_SHAPE_WAYS = 4,         /* of a set: as many shapes at most are compared with a record */
    TIDE_SHAPE_TOKENS_MAX = 512, /* a record with more is walked */
};

/* A declared value of a record: from the place of a token to a distance from another's. */
struct tide_shape_value {
    uint32_t start;
    uint32_t end;
    int32_t end_offset;
    uint32_t node;            /* of the walk's trie */
    enum tide_json_kind kind; /* a number's or literal's own is told by its first byte */
    bool is_scalar;
    bool spaced;
};

/* A column that wants what stands at a node. */
struct tide_shape_column {
    uint32_t node; /* of the walk's trie */
    enum tide_type type;
    bool is_required;
    bool is_key; /* the id or the entity: an empty one is none */
};

/* A column of strings, and between which bytes its string lies, quotes left out. */
struct tide_shape_string {
    uint32_t column;
    uint32_t start; /* token: its quote */
    uint32_t end;   /* token */
    int32_t end_offset;
};

/* A column, and which value it wants. */
struct tide_shape_fill {
    uint32_t column;
    uint32_t value;
};

struct tide_shape {
    uint64_t hash;
    uint32_t token_count;
    uint32_t first;      /* the token of the first value, or of the end */
    uint32_t first_size; /* bytes before it */
    uint32_t depth;      /* the deepest, the record's own is 1 */
    size_t space_count;  /* in all texts between values, as far as they are outside strings */
    const char *kinds;
    const struct tide_shape_check *checks; /* of texts between values */
    const struct tide_shape_full *full;    /* likewise, where all bytes count */
    const struct tide_shape_early *early;  /* likewise, of those close to the record's start */
    const struct tide_shape_guard *guards; /* so that none of them reads before the text */
    const struct tide_shape_scalar *scalars;
    const struct tide_shape_value *values;
    /* Columns of records with this shape: of strings that get one, likewise if it is not empty,
     * those that get anything else, and those that get nothing. */
    const struct tide_shape_string *strings;
    const struct tide_shape_string *keys;
    const struct tide_shape_fill *others;
    const uint32_t *nulls;
    uint32_t string_count;
    uint32_t key_count;
    uint32_t other_count;
    uint32_t null_count;
    bool lacks_required;     /* a column that must not be null is */
    const uint16_t *by_node; /* of the walk's trie: 1 + which value; 0: it has none */
    uint32_t check_count;
    uint32_t full_count;
    uint32_t early_count;
    uint32_t guard_count;
    uint32_t scalar_count;
    uint32_t value_count;
};

struct tide_shape_set {
    struct tide_shape *ways[TIDE_SHAPE_WAYS];
    uint32_t seen;   /* some bits of the hash that was last seen without being learned */
    uint16_t missed; /* records that fit none of a full set */
    uint16_t next;   /* the way that is taken next */
};

struct tide_shapes {
    struct tide_shape_set *sets;
    const struct tide_shape_column *columns;
    uint32_t column_count;
};

/* columns must outlive it. RETRY: out of memory. */
enum tide_status tide_shapes_init(struct tide_shapes *shapes,
                                  const struct tide_shape_column *columns,
                                  uint32_t column_count);
void tide_shapes_release(struct tide_shapes *shapes);

/* What of a record is looked up. */
struct tide_shape_key {
    const uint32_t *tokens; /* its first */
    uint32_t token_count;   /* 0: it is not for shapes */
    uint64_t hash;
    size_t space_count; /* scan's, before it */
};

/* The token that is looked at is the '{' of a record, which has token_count tokens if that is known
 * (else 0). If it has a known shape, the token behind the record is looked at; or NULL is returned,
 * and nothing has happened. *key: for learn. */
const struct tide_shape *tide_shapes_match(const struct tide_shapes *shapes,
                                           struct tide_scan *scan,
                                           uint32_t token_count,
                                           struct tide_shape_key *key);
/* Its value at a node; NULL: it has none. */
static inline const struct tide_shape_value *tide_shape_find(const struct tide_shape *shape,
                                                             uint32_t node)
{
    const uint32_t number = shape->by_node[node];
    return number == 0 ? NULL : &shape->values[number - 1];
}
/* As it stands in the record that matched, whose first token tokens is. */
static inline struct tide_view tide_shape_text(const struct tide_shape_value *value,
                                               const char *text,
                                               const uint32_t *tokens)
{
    const char *start = text + tokens[value->start];
    const char *end = text + ((int64_t)tokens[value->end] + value->end_offset);
    return (struct tide_view){start, (size_t)(end - start)};
}
/* Likewise, what is between its quotes. */
static inline struct tide_view tide_shape_string_text(const struct tide_shape_string *string,
                                                      const char *text,
                                                      const uint32_t *tokens)
{
    const int64_t start = (int64_t)tokens[string->start] + 1;
    const int64_t end = (int64_t)tokens[string->end] + string->end_offset;
    return (struct tide_view){text + start, (size_t)(end - start)};
}
/* A record that match did not know was then walked by the index, and its captures are in walk.
 * Does nothing if memory is short, or the record is better walked. */
void tide_shapes_learn(struct tide_shapes *shapes,
                       const struct tide_walk *walk,
                       struct tide_scan *scan,
                       struct tide_shape_key key);

#endif
