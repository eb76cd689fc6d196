/* One pass over an object, with the trie in hand: declared values are captured where they lie, all
 * else is validated and left behind.
 *
 * Captures are told apart from those of earlier events by a stamp, so starting an event costs
 * nothing. A key that stands twice in its object marks its node; the last one's captures hold. */
#ifndef TIDE_DECODE_WALK_H
#define TIDE_DECODE_WALK_H

#include "base/json.h"
#include "decode/scan.h"
#include "decode/trie.h"

struct tide_capture {
    uint64_t seen;  /* stamp of the event that it was seen in */
    uint64_t twice; /* likewise, where it was seen twice */
    const char *start;
    const char *end;
    enum tide_json_kind kind;
    bool escaped; /* a string with escapes; decoded holds it once somebody asked */
    bool spaced;  /* white space in it, outside strings */
    struct tide_view decoded;
};

struct tide_walk {
    struct tide_trie trie;
    struct tide_capture *captures; /* one for each node */
    char *key;                     /* where keys with escapes are decoded */
    uint64_t stamp;
    bool any_twice;
    uint32_t elements_node; /* an array there goes to the function below; 0: none */
    /* at: the '['. Returns the place behind the ']', or NULL. */
    const char *(*elements)(void *context, const char *at);
    void *context;
};

/* RETRY: out of memory. */
enum tide_status tide_walk_init(struct tide_walk *walk,
                                struct tide_arena *arena,
                                const struct tide_path *const *paths,
                                uint32_t path_count,
                                uint32_t *ends);
/* Forgets the event before and walks one value; at: its first byte. Returns the place behind it,
 * or NULL. Not an object: only validated. */
const char *tide_walk_event(struct tide_walk *walk, struct tide_scan *scan, const char *at);

/* ---- for the two ways to walk: by bytes (walk.c) and by an index (walk_index.c) ---- */

/* Forgets the event before. */
static inline void tide_walk_start(struct tide_walk *walk)
{
    walk->stamp++;
    walk->any_twice = false;
}

/* key: as it stands in the text; scan->escaped tells whether with escapes. */
static inline uint32_t tide_walk_find(struct tide_walk *walk,
                                      const struct tide_scan *scan,
                                      uint32_t node,
                                      struct tide_view key)
{
    return scan->escaped ? tide_trie_find_escaped(&walk->trie, node, key, walk->key)
                         : tide_trie_find_raw(&walk->trie, node, key, scan->readable);
}

/* A declared member whose value is about to be read. */
struct tide_walk_member {
    uint32_t node;
    const char *start;
    size_t spaces_before;
};

/* What was captured before under an equal key of the same object. */
void tide_walk_forget(struct tide_walk *walk, uint32_t node);

static inline struct tide_walk_member tide_walk_member_begin(struct tide_walk *walk,
                                                             struct tide_scan *scan,
                                                             uint32_t node,
                                                             const char *start)
{
    if (walk->captures[node].seen == walk->stamp) {
        tide_walk_forget(walk, node);
    }
    scan->escaped = false;
    return (struct tide_walk_member){node, start, scan->space_count};
}

static inline void tide_walk_member_end(struct tide_walk *walk,
                                        const struct tide_scan *scan,
                                        struct tide_walk_member member,
                                        const char *end,
                                        enum tide_json_kind kind)
{
    struct tide_capture *capture = &walk->captures[member.node];
    capture->seen = walk->stamp;
    capture->start = member.start;
    capture->end = end;
    capture->kind = kind;
    capture->escaped = scan->escaped;
    capture->spaced = scan->space_count != member.spaces_before;
    capture->decoded = (struct tide_view){NULL, 0};
}

static inline enum tide_json_kind tide_walk_scalar_kind(char first)
{
    return first == 't'   ? TIDE_JSON_TRUE
           : first == 'f' ? TIDE_JSON_FALSE
           : first == 'n' ? TIDE_JSON_NULL
                          : TIDE_JSON_NUMBER;
}

/* By bytes, from behind a member's value to behind its object. */
const char *tide_walk_members_rest(struct tide_walk *walk,
                                   struct tide_scan *scan,
                                   uint32_t node,
                                   const char *at);

/* ---- what was found ---- */

/* NULL: absent, or no path ends there (node 0). */
static inline struct tide_capture *tide_walk_capture(const struct tide_walk *walk, uint32_t node)
{
    struct tide_capture *capture = &walk->captures[node];
    return capture->seen == walk->stamp ? capture : NULL;
}
/* A key on the way to node, or node itself, stood twice in its object. */
bool tide_walk_is_twice(const struct tide_walk *walk, uint32_t node);

#endif
