#include "decode/trie.h"

#include "base/assert.h"
#include "decode/escape.h"

#include "base/banned.h"

enum {
    ESCAPE_SIZE = 6 /* one byte of a key takes at most six: \u0061 */
};

static uint64_t key_word(struct tide_view key)
{
    char bytes[TIDE_WORD_SIZE] = {0};
    memcpy(bytes, key.data, key.size < sizeof bytes ? key.size : sizeof bytes);
    return tide_word_load(bytes);
}

/* The child with that key, made if need be. Linear: this runs when a schema is loaded. */
static uint32_t add_child(struct tide_trie *trie, uint32_t parent, struct tide_view key)
{
    for (uint32_t child = trie->nodes[parent].first_child; child != 0;
         child = trie->nodes[child].next_sibling) {
        if (tide_view_equal(trie->nodes[child].key, key)) {
            return child;
        }
    }
    uint32_t child = trie->node_count++;
    trie->nodes[child] = (struct tide_trie_node){
        .key = key, .parent = parent, .next_sibling = trie->nodes[parent].first_child};
    trie->nodes[parent].first_child = child;
    if (key.size > trie->key_size_max) {
        trie->key_size_max = key.size;
    }
    return child;
}

static uint32_t child_count(const struct tide_trie *trie, uint32_t node)
{
    uint32_t count = 0;
    for (uint32_t child = trie->nodes[node].first_child; child != 0;
         child = trie->nodes[child].next_sibling) {
        count++;
    }
    return count;
}

/* At least four slots for each child, so that an undeclared key nearly always meets a free one.
 * A leaf gets one free slot: lookups need no special case. */
static uint32_t table_size(uint32_t count)
{
    uint32_t size = 1;
    while (size < 4 * count) {
        size *= 2;
    }
    return size;
}

static void fill_table(struct tide_trie *trie, uint32_t node)
{
    struct tide_trie_node *parent = &trie->nodes[node];
    struct tide_trie_slot *slots = trie->slots + parent->slots;
    for (uint32_t child = parent->first_child; child != 0;
         child = trie->nodes[child].next_sibling) {
        struct tide_view key = trie->nodes[child].key;
        uint64_t word = key_word(key);
        uint32_t place = tide_trie_place(word, key.size);
        while (slots[place & parent->slot_mask].node != 0) {
            place++;
        }
        slots[place & parent->slot_mask] =
            (struct tide_trie_slot){.word = word, .size = (uint32_t)key.size, .node = child};
    }
}

enum tide_status tide_trie_build(struct tide_trie *trie,
                                 struct tide_arena *arena,
                                 const struct tide_path *const *paths,
                                 uint32_t path_count,
                                 uint32_t *ends)
{
    size_t node_max = 1;
    for (uint32_t i = 0; i < path_count; i++) {
        tide_assert(paths[i]->depth <= TIDE_SCHEMA_PATH_DEPTH_MAX);
        node_max += paths[i]->depth;
    }
    *trie = (struct tide_trie){.node_count = 1};
    trie->nodes = TIDE_ARENA_ARRAY(arena, struct tide_trie_node, node_max);
    if (trie->nodes == NULL) {
        return TIDE_RETRY;
    }
    for (uint32_t i = 0; i < path_count; i++) {
        uint32_t node = 0;
        for (uint32_t k = 0; k < paths[i]->depth; k++) {
            node = add_child(trie, node, paths[i]->keys[k]);
        }
        ends[i] = node;
    }
    for (uint32_t node = 0; node < trie->node_count; node++) {
        uint32_t size = table_size(child_count(trie, node));
        trie->nodes[node].slots = trie->slot_count;
        trie->nodes[node].slot_mask = size - 1;
        trie->slot_count += size;
    }
    trie->slots = TIDE_ARENA_ARRAY(arena, struct tide_trie_slot, trie->slot_count);
    if (trie->slots == NULL) {
        return TIDE_RETRY;
    }
    for (uint32_t node = 0; node < trie->node_count; node++) {
        fill_table(trie, node);
    }
    return TIDE_OK;
}

size_t tide_trie_key_room(const struct tide_trie *trie)
{
    return (trie->key_size_max + 1) * ESCAPE_SIZE;
}

uint32_t tide_trie_find_escaped(const struct tide_trie *trie,
                                uint32_t node,
                                struct tide_view raw,
                                char *buffer)
{
    if (raw.size > tide_trie_key_room(trie)) {
        return 0;
    }
    struct tide_view key = {buffer, tide_escape_resolve(raw, buffer)};
    return tide_trie_find(trie, node, key_word(key), key);
}
