/* Goal: the walk by the index captures what the walk by bytes captures, and refuses what that
 * refuses. Method: documents with white space in every gap or none, good and broken, at the start
 * of a text and behind others; what is asked afterwards is what both have found. */
#include "decode/walk_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const char *const documents[] = {
    "{}",
    "{\"p\":{\"a\":1},\"q\":{\"r\":[2]}}",
    "{\"p\" : 5 , \"q\" : { \"r\" : \"x\" , \"s\" : 1 } }",
    "{\"\\u0070\":{\"\\u0061\":true}}",
    "{\"a\":1,\"r\":2,\"x\":{\"p\":3}}",
    "{\"p\":{\"a\":1},\"p\":2}",
    "{\"p\":{\"a\":1,\"a\":2}}",
    "{\"q\":{\"r\":1},\"q\":{}}",
    "{\"p\":null,\"\\ud800\":1}",
    "{\"p\":\"\",\"q\":{\"r\":{}}}",
    "{\"p\":\"a\\\\\",\"q\":\"\\\"\"}",
    "{\"p\":[[],{},[{}]],\"x\":[1,[2,[3]],{\"y\":{\"z\":[]}}]}",
    "{\"p\":\"\xc3\xa9\",\"q\":{\"r\":\"\xf0\x9f\x98\x80\"}}",
    "{\"p\":\"a:b,c\",\"q\":{\"r\":\"}\"}}",
    "{\"p\":-1.5e+7,\"x\":0}",
    /* broken */
    "{\"p\":1,}",
    "{\"p\"}",
    "{\"p\":}",
    "{,}",
    "{\"p\":1]}",
    "{p:1}",
    "{\"p\":[}}",
    "{\"p\":[1,]}",
    "{\"p\":[1 2]}",
    "{\"p\":1 \"q\":2}",
    "{\"p\"::1}",
    "{\"p\":1,,\"q\":2}",
    "{\"p\":\"a\"b}",
    "{\"p\":\"a\"\"b\"}",
    "{\"p\":01}",
    "{\"p\":tru}",
    "{\"p\":\"\\x\"}",
    "{\"p\":\"\x01\"}",
    "{\"p\":\"\xff\"}",
    "{\"p\":\xc3\xa9}",
    "{\"p\" 1}",
    "{\"p\":{\"a\":1}",
    "{\"p\":[{\"a\":1]}}",
    "{\"x\":[:1]}",
    "{\"x\":{\"a\",\"b\"}}",
    "{\"p\":1}}",
};

struct fixture {
    struct tide_arena arena;
    struct tide_walk walk;
    uint32_t ends[3];
    struct tide_index index;
};

static void setup(struct fixture *it)
{
    static const struct tide_path paths[] = {
        {.keys = {{"p", 1}}, .depth = 1},
        {.keys = {{"p", 1}, {"a", 1}}, .depth = 2},
        {.keys = {{"q", 1}, {"r", 1}}, .depth = 2},
    };
    const struct tide_path *list[] = {&paths[0], &paths[1], &paths[2]};
    memset(it, 0, sizeof *it);
    assert_int_equal(tide_walk_init(&it->walk, &it->arena, list, 3, it->ends), TIDE_OK);
    assert_int_equal(tide_index_init(&it->index, NULL), TIDE_OK);
}

static void compare(struct fixture *it,
                    const struct tide_index_kernel *kernel,
                    const char *document)
{
    const size_t size = strlen(document);
    char *text = malloc(size);
    assert_non_null(text);
    memcpy(text, document, size);
    struct tide_scan scan = {
        .end = text + size, .readable = text + size, .depth_max = 8, .depth_event = 8};
    const char *expected = tide_walk_event(&it->walk, &scan, text);
    struct tide_capture captures[3];
    bool is_there[3];
    bool is_twice[3];
    for (size_t k = 0; k < 3; k++) {
        const struct tide_capture *capture = tide_walk_capture(&it->walk, it->ends[k]);
        is_there[k] = capture != NULL;
        is_twice[k] = tide_walk_is_twice(&it->walk, it->ends[k]);
        captures[k] = capture != NULL ? *capture : (struct tide_capture){0};
    }

    kernel->run(&it->index, text, size, false);
    assert_true(it->index.count > 0);
    const uint32_t last = it->index.tokens[it->index.count - 1];
    const char *end = NULL;
    if (!it->index.ends_in_string && (text[last] == '}' || text[last] == ']')) {
        it->index.tokens[it->index.count] = last;
        it->index.tokens[it->index.count + 1] = last;
        scan = (struct tide_scan){.end = text + size,
                                  .readable = text + size,
                                  .depth_max = 8,
                                  .depth_event = 8,
                                  .index = &it->index,
                                  .token = it->index.tokens};
        end = tide_walk_index_event(&it->walk, &scan, text);
    }
    if (end != expected) {
        fail_msg("%s: %s: ends elsewhere", kernel->name, document);
    }
    for (size_t k = 0; end != NULL && k < 3; k++) {
        const struct tide_capture *capture = tide_walk_capture(&it->walk, it->ends[k]);
        const bool is_same =
            (capture != NULL) == is_there[k] &&
            tide_walk_is_twice(&it->walk, it->ends[k]) == is_twice[k] &&
            (capture == NULL ||
             (capture->start == captures[k].start && capture->end == captures[k].end &&
              capture->kind == captures[k].kind && capture->escaped == captures[k].escaped &&
              capture->spaced == captures[k].spaced));
        if (!is_same) {
            fail_msg("%s: %s: path %zu", kernel->name, document, k);
        }
    }
    free(text);
}

static void test_like_by_bytes(void **state)
{
    (void)state;
    struct fixture it;
    size_t count;
    const struct tide_index_kernel *kernels = tide_index_kernels(&count);
    setup(&it);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; kernels[i].is_supported() && k < sizeof documents / sizeof *documents;
             k++) {
            compare(&it, &kernels[i], documents[k]);
        }
    }
    tide_index_release(&it.index);
    tide_arena_release(&it.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_like_by_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
