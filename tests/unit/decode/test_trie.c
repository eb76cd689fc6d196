/* Goal: every declared path is found, nothing else is. Method: paths that share keys, lead through
 * one another, and differ only behind the eighth byte. */
#include "decode/trie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint32_t find(const struct tide_trie *trie, uint32_t node, const char *text)
{
    struct tide_view key = tide_view_of(text);
    char first[TIDE_WORD_SIZE] = {0};
    memcpy(first, key.data, key.size < sizeof first ? key.size : sizeof first);
    return tide_trie_find(trie, node, tide_word_load(first), key);
}

static void test_paths(void **state)
{
    (void)state;
    static const struct tide_path paths[] = {
        {.keys = {{"p", 1}}, .depth = 1},
        {.keys = {{"p", 1}, {"abcdefgh", 8}}, .depth = 2},
        {.keys = {{"p", 1}, {"abcdefghi", 9}}, .depth = 2},
        {.keys = {{"p", 1}, {"abcdefghj", 9}}, .depth = 2},
        {.depth = 0},
        {.keys = {{"p", 1}, {"abcdefgh", 8}}, .depth = 2},
        {.keys = {{"q", 1}, {"p", 1}, {"p", 1}}, .depth = 3},
    };
    enum {
        COUNT = sizeof paths / sizeof *paths
    };
    const struct tide_path *list[COUNT];
    uint32_t ends[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        list[i] = &paths[i];
    }
    struct tide_arena arena = {0};
    struct tide_trie trie;
    assert_int_equal(tide_trie_build(&trie, &arena, list, COUNT, ends), TIDE_OK);
    assert_int_equal(ends[4], 0);
    assert_int_equal(ends[1], ends[5]);
    assert_int_equal(trie.node_count, 8); /* with the root */
    for (size_t i = 0; i < COUNT; i++) {
        uint32_t node = 0;
        for (uint32_t k = 0; k < paths[i].depth; k++) {
            node = find(&trie, node, paths[i].keys[k].data);
        }
        assert_int_equal(node, ends[i]);
    }
    static const char *const absent[] = {"", "abcdefg", "abcdefghk", "abcdefghij", "p", "P"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        assert_int_equal(find(&trie, ends[0], absent[i]), 0);
        assert_int_equal(find(&trie, ends[1], absent[i]), 0); /* a leaf */
    }
    tide_arena_release(&arena);
}

/* A node with as many children as a schema may have columns. */
static void test_many_children(void **state)
{
    (void)state;
    static struct tide_path paths[TIDE_SCHEMA_COLUMNS_MAX];
    static const struct tide_path *list[TIDE_SCHEMA_COLUMNS_MAX];
    static char keys[TIDE_SCHEMA_COLUMNS_MAX][4];
    uint32_t ends[TIDE_SCHEMA_COLUMNS_MAX];
    for (uint32_t i = 0; i < TIDE_SCHEMA_COLUMNS_MAX; i++) {
        keys[i][0] = (char)('a' + i % 26);
        keys[i][1] = (char)('a' + i / 26);
        paths[i] = (struct tide_path){.keys = {{keys[i], 2}}, .depth = 1};
        list[i] = &paths[i];
    }
    struct tide_arena arena = {0};
    struct tide_trie trie;
    assert_int_equal(tide_trie_build(&trie, &arena, list, TIDE_SCHEMA_COLUMNS_MAX, ends), TIDE_OK);
    for (uint32_t i = 0; i < TIDE_SCHEMA_COLUMNS_MAX; i++) {
        assert_int_equal(find(&trie, 0, keys[i]), ends[i]);
    }
    tide_arena_release(&arena);
    tide_arena_init(&arena, 64); /* a budget that cannot do */
    assert_int_equal(tide_trie_build(&trie, &arena, list, TIDE_SCHEMA_COLUMNS_MAX, ends),
                     TIDE_RETRY);
    tide_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_paths),
                                       cmocka_unit_test(test_many_children)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
