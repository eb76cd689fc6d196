#include "decode/walk.h"

#include "base/assert.h"

#include "base/banned.h"

enum tide_status tide_walk_init(struct tide_walk *walk,
                                struct tide_arena *arena,
                                const struct tide_path *const *paths,
                                uint32_t path_count,
                                uint32_t *ends)
{
    *walk = (struct tide_walk){0};
    if (tide_trie_build(&walk->trie, arena, paths, path_count, ends) != TIDE_OK) {
        return TIDE_RETRY;
    }
    walk->captures = TIDE_ARENA_ARRAY(arena, struct tide_capture, walk->trie.node_count);
    walk->key = TIDE_ARENA_ARRAY(arena, char, tide_trie_key_room(&walk->trie));
    return walk->captures != NULL && walk->key != NULL ? TIDE_OK : TIDE_RETRY;
}

/* What was captured below an object that a later equal key replaces. */
static void forget_below(struct tide_walk *walk, uint32_t node)
{
    for (uint32_t child = walk->trie.nodes[node].first_child; child != 0;
         child = walk->trie.nodes[child].next_sibling) {
        walk->captures[child].seen = 0;
        forget_below(walk, child);
    }
}

void tide_walk_forget(struct tide_walk *walk, uint32_t node)
{
    walk->captures[node].twice = walk->stamp;
    walk->any_twice = true;
    forget_below(walk, node);
}

static const char *walk_object(struct tide_walk *walk,
                               struct tide_scan *scan,
                               uint32_t node,
                               const char *at);

static inline const char *walk_value(struct tide_walk *walk,
                                     struct tide_scan *scan,
                                     uint32_t node,
                                     const char *at,
                                     enum tide_json_kind *kind)
{
    char first = tide_scan_peek(scan, at);
    if (first == '"') {
        *kind = TIDE_JSON_STRING;
        at = tide_scan_string(scan, at + 1);
        return at == NULL ? NULL : at + 1;
    }
    if (first == '{') {
        *kind = TIDE_JSON_OBJECT;
        return walk->trie.nodes[node].first_child != 0 ? walk_object(walk, scan, node, at)
                                                       : tide_scan_container(scan, at);
    }
    if (first == '[') {
        *kind = TIDE_JSON_ARRAY;
        return node == walk->elements_node && walk->elements != NULL
                   ? walk->elements(walk->context, at)
                   : tide_scan_container(scan, at);
    }
    *kind = tide_walk_scalar_kind(first);
    return tide_scan_scalar(scan, at);
}

/* A key, its colon and its value; at: what should be the opening quote. */
static const char *walk_member(struct tide_walk *walk,
                               struct tide_scan *scan,
                               uint32_t node,
                               const char *at)
{
    if (tide_scan_peek(scan, at) != '"') {
        return tide_scan_fault(scan, at);
    }
    const char *key = at + 1;
    scan->escaped = false;
    at = tide_scan_string(scan, key);
    if (at == NULL) {
        return NULL;
    }
    uint32_t child = tide_walk_find(walk, scan, node, (struct tide_view){key, (size_t)(at - key)});
    at = tide_scan_colon(scan, at + 1);
    if (at == NULL || child == 0) {
        return at == NULL ? NULL : tide_scan_value(scan, at);
    }
    const struct tide_walk_member member = tide_walk_member_begin(walk, scan, child, at);
    enum tide_json_kind kind;
    at = walk_value(walk, scan, child, at, &kind);
    if (at != NULL) {
        tide_walk_member_end(walk, scan, member, at, kind);
    }
    return at;
}

const char *tide_walk_members_rest(struct tide_walk *walk,
                                   struct tide_scan *scan,
                                   uint32_t node,
                                   const char *at)
{
    while (at != NULL) {
        at = tide_scan_space(scan, at);
        char next = tide_scan_peek(scan, at);
        if (next == '}') {
            scan->depth--;
            return at + 1;
        }
        if (next != ',') {
            return tide_scan_fault(scan, at);
        }
        at = walk_member(walk, scan, node, tide_scan_space(scan, at + 1));
    }
    return NULL;
}

/* Recursive, but only along declared paths: at most TIDE_SCHEMA_PATH_DEPTH_MAX deep. */
static const char *walk_object(struct tide_walk *walk,
                               struct tide_scan *scan,
                               uint32_t node,
                               const char *at)
{
    if (!tide_scan_enter(scan, at)) {
        return NULL;
    }
    scan->open[scan->depth] = '{';
    at = tide_scan_space(scan, at + 1);
    if (tide_scan_peek(scan, at) == '}') {
        scan->depth--;
        return at + 1;
    }
    return tide_walk_members_rest(walk, scan, node, walk_member(walk, scan, node, at));
}

const char *tide_walk_event(struct tide_walk *walk, struct tide_scan *scan, const char *at)
{
    tide_walk_start(walk);
    return tide_scan_peek(scan, at) == '{' ? walk_object(walk, scan, 0, at)
                                           : tide_scan_value(scan, at);
}

bool tide_walk_is_twice(const struct tide_walk *walk, uint32_t node)
{
    if (!walk->any_twice) {
        return false;
    }
    for (; node != 0; node = walk->trie.nodes[node].parent) {
        if (walk->captures[node].twice == walk->stamp) {
            return true;
        }
    }
    return false;
}
