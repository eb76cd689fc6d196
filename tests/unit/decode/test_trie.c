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

/* A key as it stands in a text: up to the end of memory, with and without escapes. */
static void test_raw_keys(void **state)
{
    (void)state;
    static const struct tide_path paths[] = {{.keys = {{"abc", 3}}, .depth = 1},
                                             {.keys = {{"abcdefghi", 9}}, .depth = 1}};
    static const struct tide_path *const list[] = {&paths[0], &paths[1]};
    static const char text[] = "abc\"defgh abcdefghi";
    uint32_t ends[2];
    struct tide_arena arena = {0};
    struct tide_trie trie;
    assert_int_equal(tide_trie_build(&trie, &arena, list, 2, ends), TIDE_OK);
    const struct tide_view key = {text, 3};
    assert_int_equal(tide_trie_find_raw(&trie, 0, key, text + sizeof text - 1), ends[0]);
    assert_int_equal(tide_trie_find_raw(&trie, 0, key, text + 3), ends[0]);
    const struct tide_view last = {text + 10, 9};
    assert_int_equal(tide_trie_find_raw(&trie, 0, last, text + 19), ends[1]);
    assert_int_equal(tide_trie_find_raw(&trie, ends[0], last, text + 19), 0);

    static const struct {
        const char *raw;
        uint32_t end; /* plus one; 0: none */
    } escaped[] = {
        {"\\u0061bc", 1},
        {"\\u0061\\u0062\\u0063", 1},
        {"abcdefgh\\u0069", 2},
        {"\\u0061\\u0062\\u0063\\u0064\\u0065\\u0066\\u0067\\u0068\\u0069", 2},
        {"abc\\n", 0},
        {"\\u0041bc", 0},
        {"this key is longer than any that could be written with ten escapes\\n", 0},
    };
    char buffer[128];
    assert_true(tide_trie_key_room(&trie) <= sizeof buffer);
    for (size_t i = 0; i < sizeof escaped / sizeof *escaped; i++) {
        struct tide_view raw = tide_view_of(escaped[i].raw);
        uint32_t wanted = escaped[i].end == 0 ? 0 : ends[escaped[i].end - 1];
        assert_int_equal(tide_trie_find_escaped(&trie, 0, raw, buffer), wanted);
    }
    tide_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_paths),
                                       cmocka_unit_test(test_many_children),
                                       cmocka_unit_test(test_raw_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
