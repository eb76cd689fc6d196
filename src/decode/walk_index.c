#include "decode/walk_index.h"

#include "base/assert.h"

#include "base/banned.h"

static inline const char *token(const struct tide_scan *scan, size_t ahead)
{
    return scan->index->text + scan->token[ahead];
}

/* ---- between tokens ---- */

static inline bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Whether white space and exactly the wanted byte (0: none) stand from `from` to `to`, which is not
 * before it: the tokens that end a text are. */
static bool is_gap_slow(struct tide_scan *scan, const char *from, const char *to, char wanted)
{
    bool is_met = wanted == '\0';
    for (; from < to; from++) {
        if (is_space(*from)) {
            scan->space_count++;
        } else if (*from == wanted && !is_met) {
            is_met = true;
        } else {
            return false;
        }
    }
    return is_met && from == to;
}

static inline bool is_empty(struct tide_scan *scan, const char *from, const char *to)
{
    return from == to || is_gap_slow(scan, from, to, '\0');
}

static inline bool is_comma(struct tide_scan *scan, const char *from, const char *to)
{
    return (to - from == 1 && *from == ',') || is_gap_slow(scan, from, to, ',');
}

/* The last byte before `next` that is no separator; above `at`, or NULL. */
static const char *before_separators(const char *at, const char *next)
{
    const char *end = next - 1;
    while (end > at && (is_space(*end) || *end == ',' || *end == ':')) {
        end--;
    }
    return end > at && *end == '"' ? end : NULL;
}

/* Reads a string where its block is marked. */
static inline bool is_string_good(struct tide_scan *scan, const char *at, const char *closing)
{
    const struct tide_index *index = scan->index;
    return !index->has_special ||
           !tide_index_is_special(
               index, (size_t)(at - index->text), (size_t)(closing - index->text)) ||
           tide_scan_string(scan, at + 1) == closing;
}

/* The closing quote of the string of the token that is looked at, which is a value; NULL: it is
 * not good. Then the next token is looked at. */
static inline const char *string_value(struct tide_scan *scan, const char *at)
{
    const char *next = token(scan, 1);
    const char *closing = next - 1;
    closing -= *closing == ',';
    if (*closing != '"' || closing <= at) {
        closing = before_separators(at, next);
        if (closing == NULL) {
            return NULL;
        }
    }
    scan->token++;
    return is_string_good(scan, at, closing) ? closing : NULL;
}

/* The closing quote of a key, whose token is looked at; NULL: it is none, or no colon follows. Then
 * its value's token is looked at. */
static inline const char *key_end(struct tide_scan *scan, const char *at)
{
    if (*at != '"') {
        return NULL;
    }
    const char *value = token(scan, 1);
    const char *closing = value - 2;
    if (closing <= at || *closing != '"' || value[-1] != ':') {
        closing = before_separators(at, value);
        if (closing == NULL || !is_gap_slow(scan, closing + 1, value, ':')) {
            return NULL;
        }
    }
    scan->token++;
    return is_string_good(scan, at, closing) ? closing : NULL;
}

/* ---- what is not declared ---- */

/* A string, number or literal. Returns the place behind it. */
static inline const char *leaf(struct tide_scan *scan, const char *at)
{
    if (*at == '"') {
        const char *closing = string_value(scan, at);
        return closing == NULL ? NULL : closing + 1;
    }
    scan->token++;
    return tide_scan_scalar(scan, at);
}

static inline bool enter(struct tide_scan *scan, const char *at)
{
    if (!tide_scan_enter(scan, at)) {
        return false;
    }
    scan->open[scan->depth] = *at;
    scan->token++;
    return true;
}

/* An object or array. Iterative, as tide_scan_container is. */
static const char *container(struct tide_scan *scan, const char *at)
{
    const uint32_t outside = scan->depth;
    bool is_object = false;
    const char *next = at;
    for (;;) {
        if (is_object) {
            if (key_end(scan, next) == NULL) {
                return NULL;
            }
            next = token(scan, 0);
        }
        const char *end;
        if (*next == '{' || *next == '[') {
            if (!enter(scan, next)) {
                return NULL;
            }
            is_object = *next == '{';
            end = next + 1;
            next = token(scan, 0);
            if (*next != (is_object ? '}' : ']')) {
                if (!is_empty(scan, end, next)) {
                    return NULL;
                }
                continue;
            }
        } else {
            end = leaf(scan, next);
            if (end == NULL) {
                return NULL;
            }
            next = token(scan, 0);
        }
        while (*next == (is_object ? '}' : ']')) {
            if (!is_empty(scan, end, next)) {
                return NULL;
            }
            scan->token++;
            end = next + 1;
            if (--scan->depth == outside) {
                return end;
            }
            is_object = scan->open[scan->depth] == '{';
            next = token(scan, 0);
        }
        if (!is_comma(scan, end, next)) {
            return NULL;
        }
    }
}

/* ---- what is ---- */

static const char *object(struct tide_walk *walk,
                          struct tide_scan *scan,
                          uint32_t node,
                          const char *at);

static inline const char *member_value(struct tide_walk *walk,
                                       struct tide_scan *scan,
                                       uint32_t node,
                                       const char *at,
                                       enum tide_json_kind *kind)
{
    switch (*at) {
    case '"': {
        *kind = TIDE_JSON_STRING;
        const char *closing = string_value(scan, at);
        return closing == NULL ? NULL : closing + 1;
    }
    case '{':
        *kind = TIDE_JSON_OBJECT;
        return walk->trie.nodes[node].first_child != 0 ? object(walk, scan, node, at)
                                                       : container(scan, at);
    case '[':
        *kind = TIDE_JSON_ARRAY;
        return node == walk->elements_node && walk->elements != NULL
                   ? walk->elements(walk->context, at)
                   : container(scan, at);
    default:
        *kind = tide_walk_scalar_kind(*at);
        scan->token++;
        return tide_scan_scalar(scan, at);
    }
}

/* As in walk.c: recursive along declared paths alone. */
static const char *object(struct tide_walk *walk,
                          struct tide_scan *scan,
                          uint32_t node,
                          const char *at)
{
    if (!enter(scan, at)) {
        return NULL;
    }
    const char *end = at + 1;
    const char *next = token(scan, 0);
    if (*next != '}' && !is_empty(scan, end, next)) {
        return NULL;
    }
    while (*next != '}') {
        scan->escaped = false;
        const char *closing = key_end(scan, next);
        if (closing == NULL) {
            return NULL;
        }
        const struct tide_view key = {next + 1, (size_t)(closing - next) - 1};
        const uint32_t child = tide_walk_find(walk, scan, node, key);
        const char *value = token(scan, 0);
        if (child != 0) {
            const struct tide_walk_member member = tide_walk_member_begin(walk, scan, child, value);
            enum tide_json_kind kind;
            end = member_value(walk, scan, child, value, &kind);
            if (end == NULL) {
                return NULL;
            }
            tide_walk_member_end(walk, scan, member, end, kind);
            if (scan->token == NULL) {
                return tide_walk_members_rest(walk, scan, node, end);
            }
        } else {
            end = *value == '{' || *value == '[' ? container(scan, value) : leaf(scan, value);
            if (end == NULL) {
                return NULL;
            }
        }
        next = token(scan, 0);
        if (*next == '}') {
            break;
        }
        if (!is_comma(scan, end, next)) {
            return NULL;
        }
        if (*next != '"') {
            return NULL; /* no '}' after a comma */
        }
    }
    if (!is_empty(scan, end, next)) {
        return NULL;
    }
    scan->token++;
    scan->depth--;
    return next + 1;
}

const char *tide_walk_index_event(struct tide_walk *walk, struct tide_scan *scan, const char *at)
{
    tide_assert(*at == '{' && at == token(scan, 0));
    tide_walk_start(walk);
    return object(walk, scan, 0, at);
}
