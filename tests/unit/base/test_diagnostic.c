/* Goal: all of what is wrong is shown, in order, with the caret under the right character, and
 * nothing in the text can hurt the reader's terminal. Method: rendered text compared as a whole. */
#include "base/diagnostic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SOURCE(label, content)                                                                     \
    {                                                                                              \
        .name = {(label), sizeof(label) - 1}, .text = {(content), sizeof(content) - 1 }            \
    }

struct scene {
    struct tide_arena arena;
    struct tide_diagnostics diagnostics;
    struct tide_bytes text;
};

static void open_scene(struct scene *scene)
{
    *scene = (struct scene){0};
    tide_diagnostics_init(&scene->diagnostics, &scene->arena);
}

static void expect(struct scene *scene, const char *wanted)
{
    tide_diagnostics_render(&scene->diagnostics, &scene->text);
    assert_string_equal(tide_bytes_terminated(&scene->text), wanted);
    tide_bytes_release(&scene->text);
    tide_arena_release(&scene->arena);
}

static void renders_like_a_compiler(void **state)
{
    (void)state;
    static const struct tide_source source =
        SOURCE("metrics.yaml", "metrics:\r\n  daily: {distinct: user, every: 1d}\r\n\tx: y");
    struct scene scene;
    open_scene(&scene);
    tide_diagnostics_warning(&scene.diagnostics, (struct tide_position){&source, 3, 5, 9}, "odd");
    tide_diagnostics_error(&scene.diagnostics,
                           (struct tide_position){&source, 2, 21, 4},
                           "unknown column '%s'",
                           "user");
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){0}, "nothing\nhere\x1b[2J");
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){&source, 0, 0, 0}, "empty");
    assert_int_equal(scene.diagnostics.error_count, 3);
    assert_int_equal(scene.diagnostics.warning_count, 1);
    expect(&scene,
           "error: nothing\\x0ahere\\x1b[2J\n"
           "metrics.yaml: error: empty\n"
           "metrics.yaml:2:21: error: unknown column 'user'\n"
           "  daily: {distinct: user, every: 1d}\n"
           "                    ^~~~\n"
           "metrics.yaml:3:5: warning: odd\n"
           "\tx: y\n"
           "\t   ^\n");
}

static void carets_count_characters(void **state)
{
    (void)state;
    static const struct tide_source source = SOURCE("f", "\xc3\xa9\xe2\x82\xac: \xc3\xa9\x1b! x");
    struct scene scene;
    open_scene(&scene);
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){&source, 1, 8, 4}, "m");
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){&source, 9, 1, 1}, "no line");
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){&source, 1, 99, 1}, "far");
    expect(&scene,
           "f:1:8: error: m\n"
           "\xc3\xa9\xe2\x82\xac: \xc3\xa9 ! x\n"
           "    ^~~\n"
           "f:1:99: error: far\n"
           "f:9:1: error: no line\n");
}

static void sorts_by_file_and_place(void **state)
{
    (void)state;
    static const struct tide_source a = SOURCE("a", "");
    static const struct tide_source b = SOURCE("b", "");
    struct scene scene;
    open_scene(&scene);
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){&b, 1, 1, 1}, "4");
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){&a, 10, 1, 1}, "3");
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){&a, 9, 7, 1}, "1");
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){&a, 9, 7, 1}, "2");
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){&a, 9, 2, 1}, "0");
    const struct tide_diagnostic *sorted[TIDE_DIAGNOSTICS_MAX];
    const uint32_t count = tide_diagnostics_sort(&scene.diagnostics, sorted);
    assert_int_equal(count, scene.diagnostics.count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(sorted[i]->message.data[0], '0' + (int)i);
    }
    expect(&scene,
           "a:9:2: error: 0\na:9:7: error: 1\na:9:7: error: 2\na:10:1: error: 3\n"
           "b:1:1: error: 4\n");
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    char line[5000];
    memset(line, 'x', sizeof(line));
    line[4000] = '!';
    struct tide_source source = {{"f", 1}, {line, sizeof(line)}};
    struct scene scene;
    open_scene(&scene);
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){&source, 1, 4001, 1}, "m");
    tide_diagnostics_render(&scene.diagnostics, &scene.text);
    const char *text = tide_bytes_terminated(&scene.text);
    const char *excerpt = strchr(text, '\n') + 1;
    const char *under = strchr(excerpt, '\n') + 1;
    assert_true(under - excerpt < 200);
    assert_int_equal(strchr(excerpt, '!') - excerpt, strchr(under, '^') - under);
    tide_bytes_release(&scene.text);
    tide_arena_release(&scene.arena);
}

static void errors_displace_warnings_when_full(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene);
    for (int i = 0; i < TIDE_DIAGNOSTICS_MAX + 5; i++) {
        tide_diagnostics_warning(&scene.diagnostics, (struct tide_position){0}, "w%d", i);
    }
    tide_diagnostics_error(&scene.diagnostics, (struct tide_position){0}, "important");
    assert_int_equal(scene.diagnostics.count, TIDE_DIAGNOSTICS_MAX);
    assert_int_equal(scene.diagnostics.warning_count, TIDE_DIAGNOSTICS_MAX + 5);
    tide_diagnostics_render(&scene.diagnostics, &scene.text);
    const char *text = tide_bytes_terminated(&scene.text);
    assert_non_null(strstr(text, "error: important\n"));
    assert_non_null(strstr(text, "... and 6 more\n"));
    tide_bytes_release(&scene.text);
    tide_arena_release(&scene.arena);
}

static void messages_without_memory_still_count(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    static struct tide_diagnostics diagnostics;
    tide_arena_init(&arena, 1);
    tide_diagnostics_init(&diagnostics, &arena);
    tide_diagnostics_error(&diagnostics, (struct tide_position){0}, "message");
    assert_int_equal(diagnostics.error_count, 1);
    assert_true(tide_view_starts_with(diagnostics.items[0].message, TIDE_VIEW("out of memory")));
    tide_arena_release(&arena);
}

static void suggests_the_nearest(void **state)
{
    (void)state;
    static const struct tide_view known[] = {
        {"user_id", 7},
        {"user_identity", 13},
        {"event_type", 10},
        {"page", 4},
        {"ab", 2},
    };
    static const struct {
        const char *word;
        const char *nearest;
    } cases[] = {
        {"user_id", "user_id"},
        {"usr_id", "user_id"},
        {"user_di", "user_id"},
        {"evnet_tpye", "event_type"},
        {"pgae", "page"},
        {"user", "user_id"},
        {"pag", "page"},
        {"zebra", ""},
        {"p", ""},
        {"", ""},
        {"a", ""},
        {"xy", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_view nearest = tide_nearest(tide_view_of(cases[i].word), known, 5);
        assert_true(tide_view_equal(nearest, tide_view_of(cases[i].nearest)));
    }
    char word[1000];
    memset(word, 'a', sizeof(word));
    assert_int_equal(tide_nearest((struct tide_view){word, sizeof(word)}, known, 5).size, 0);
    assert_int_equal(tide_nearest(TIDE_VIEW("page"), NULL, 0).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_like_a_compiler),
        cmocka_unit_test(carets_count_characters),
        cmocka_unit_test(sorts_by_file_and_place),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(errors_displace_warnings_when_full),
        cmocka_unit_test(messages_without_memory_still_count),
        cmocka_unit_test(suggests_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
