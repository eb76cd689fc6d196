/* Goal: declared values are captured where they lie, the last of equal keys wins, and a key that
 * stands twice is known. Method: documents and what is at p, p.a and q.r afterwards. */
#include "decode/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/banned.h"

static const struct walk_case {
    const char *text;
    const char *captured[3]; /* p, p.a, q.r; NULL: absent */
    bool twice[3];
} cases[] = {
    {"{}", {NULL, NULL, NULL}, {0}},
    {"[1]", {NULL, NULL, NULL}, {0}},
    {"{\"p\":{\"a\":1},\"q\":{\"r\":[2]}}", {"{\"a\":1}", "1", "[2]"}, {0}},
    {"{\"p\" : 5 , \"q\" : { \"r\" : \"x\" , \"s\" : 1 } }", {"5", NULL, "\"x\""}, {0}},
    {"{\"\\u0070\":{\"\\u0061\":true}}", {"{\"\\u0061\":true}", "true", NULL}, {0}},
    {"{\"a\":1,\"r\":2,\"x\":{\"p\":3}}", {NULL, NULL, NULL}, {0}},
    {"{\"p\":{\"a\":1},\"p\":2}", {"2", NULL, NULL}, {true, true, false}},
    {"{\"p\":{\"a\":1,\"a\":2}}", {"{\"a\":1,\"a\":2}", "2", NULL}, {false, true, false}},
    {"{\"q\":{\"r\":1},\"q\":{}}", {NULL, NULL, NULL}, {false, false, true}},
    {"{\"z\":{\"p\":1,\"p\":2},\"z\":1}", {NULL, NULL, NULL}, {0}},
    {"{\"p\":null,\"\\ud800\":1}", {"null", NULL, NULL}, {0}},
};

static void test_captures(void **state)
{
    (void)state;
    static const struct tide_path paths[] = {
        {.keys = {{"p", 1}}, .depth = 1},
        {.keys = {{"p", 1}, {"a", 1}}, .depth = 2},
        {.keys = {{"q", 1}, {"r", 1}}, .depth = 2},
    };
    const struct tide_path *list[] = {&paths[0], &paths[1], &paths[2]};
    uint32_t ends[3];
    struct tide_arena arena = {0};
    struct tide_walk walk;
    assert_int_equal(tide_walk_init(&walk, &arena, list, 3, ends), TIDE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        const char *end = text + strlen(text);
        struct tide_scan scan = {.end = end, .readable = end, .depth_max = 8, .depth_event = 8};
        assert_ptr_equal(tide_walk_event(&walk, &scan, text), end);
        for (size_t k = 0; k < 3; k++) {
            const struct tide_capture *capture = tide_walk_capture(&walk, ends[k]);
            const char *expected = cases[i].captured[k];
            bool same = capture == NULL
                            ? expected == NULL
                            : expected != NULL &&
                                  (size_t)(capture->end - capture->start) == strlen(expected) &&
                                  memcmp(capture->start, expected, strlen(expected)) == 0;
            if (!same || tide_walk_is_twice(&walk, ends[k]) != cases[i].twice[k]) {
                fail_msg("%s: path %zu", text, k);
            }
        }
    }
    tide_arena_release(&arena);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct tide_path path = {.keys = {{"p", 1}}, .depth = 1};
    static const char *const bad[] = {"{\"p\":1,}",
                                      "{\"p\"}",
                                      "{\"p\":}",
                                      "{\"p\":1",
                                      "{,}",
                                      "{\"p\":1]",
                                      "{p:1}",
                                      "{\"p\":[}",
                                      "{\"p\":{\"a\":[[[[[[[[]]]]]]]]}}"};
    const struct tide_path *list[] = {&path};
    uint32_t end_node;
    struct tide_arena arena = {0};
    struct tide_walk walk;
    assert_int_equal(tide_walk_init(&walk, &arena, list, 1, &end_node), TIDE_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *end = bad[i] + strlen(bad[i]);
        struct tide_scan scan = {.end = end, .readable = end, .depth_max = 8, .depth_event = 8};
        assert_null(tide_walk_event(&walk, &scan, bad[i]));
        assert_true(scan.fault >= bad[i] && scan.fault <= end);
    }
    tide_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_captures),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
