/* All declared paths as one trie of keys: where the scanner must look, and nothing else.
 *
 * A node may be the end of a path and have children at once ("edata" is the payload, "edata.type" a
 * column). Node 0 is the root, and so also the answer "not declared". Built once, then read only.
 *
 * A key is looked up by its size and its first eight bytes, which a scanner holds in a register:
 * one multiplication, most often one comparison. Longer keys then compare the rest. */
#ifndef TIDE_DECODE_TRIE_H
#define TIDE_DECODE_TRIE_H

#include <string.h>

#include "decode/word.h"
#include "event/schema.h"

struct tide_trie_node {
    struct tide_view key;
    uint32_t parent;
    uint32_t first_child; /* 0: a leaf */
    uint32_t next_sibling;
    uint32_t slots;     /* index of its first slot */
    uint32_t slot_mask; /* a power of two less one */
};

struct tide_trie_slot {
    uint64_t word; /* of the key: its first bytes, then 0 */
    uint32_t size; /* of the key */
    uint32_t node; /* 0: free */
};

struct tide_trie {
    struct tide_trie_node *nodes;
    struct tide_trie_slot *slots;
    uint32_t node_count;
    uint32_t slot_count;
    size_t key_size_max;
};

/* ends[i] becomes the node of paths[i]; 0 where the path has depth 0. Paths may be equal or lead
 * through one another. Lives in arena; keys must outlive it. RETRY: out of memory. */
enum tide_status tide_trie_build(struct tide_trie *trie,
                                 struct tide_arena *arena,
                                 const struct tide_path *const *paths,
                                 uint32_t path_count,
                                 uint32_t *ends);

static inline uint32_t tide_trie_place(uint64_t word, size_t size)
{
    return (uint32_t)(((word ^ (uint64_t)size) * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
}

/* word: the key's first bytes, then 0. The child of node with that key; 0: none. */
static inline uint32_t tide_trie_find(const struct tide_trie *trie,
                                      uint32_t node,
                                      uint64_t word,
                                      struct tide_view key)
{
    const struct tide_trie_node *parent = &trie->nodes[node];
    const struct tide_trie_slot *slots = trie->slots + parent->slots;
    for (uint32_t place = tide_trie_place(word, key.size);; place++) {
        const struct tide_trie_slot *slot = &slots[place & parent->slot_mask];
        if (slot->node == 0) {
            return 0;
        }
        if (slot->word == word && slot->size == key.size &&
            (key.size <= TIDE_WORD_SIZE ||
             memcmp(trie->nodes[slot->node].key.data, key.data, key.size) == 0)) {
            return slot->node;
        }
    }
}

/* raw: a key as it stands in the text, without escapes; up to readable there is memory. */
static inline uint32_t tide_trie_find_raw(const struct tide_trie *trie,
                                          uint32_t node,
                                          struct tide_view raw,
                                          const char *readable)
{
    uint64_t word;
    if (readable - raw.data >= TIDE_WORD_SIZE) {
        word = tide_word_load(raw.data);
    } else {
        char first[TIDE_WORD_SIZE] = {0};
        memcpy(first, raw.data, raw.size < sizeof first ? raw.size : sizeof first);
        word = tide_word_load(first);
    }
    return tide_trie_find(trie, node, tide_word_keep(word, raw.size), raw);
}

/* Likewise with escapes, which are resolved in buffer. A key that is longer than any declared one
 * can be written (tide_trie_key_room) equals none of them. */
uint32_t tide_trie_find_escaped(const struct tide_trie *trie,
                                uint32_t node,
                                struct tide_view raw,
                                char *buffer);
/* The bytes of that buffer. */
size_t tide_trie_key_room(const struct tide_trie *trie);

#endif
