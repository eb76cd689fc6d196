/* Goal: each preset with a story has all that the demo needs, and its definitions are sound.
 * Method: they are loaded as a service would, and asked for what the demo shows. */
#include "cli/demo_plot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "cli/config.h"
#include "support/remove_tree.h"

enum {
    ARENA_BYTES = 64 << 20
};
static const char *const names[] = {"device", "sunbird"};

static void knows_its_presets(void **state)
{
    (void)state;
    assert_null(tide_demo_plot_find("unknown"));
    for (size_t i = 0; i < 2; i++) {
        const struct tide_demo_plot *plot = tide_demo_plot_find(names[i]);
        assert_non_null(plot);
        assert_string_equal(plot->name, names[i]);
        for (unsigned b = 0; b < TIDE_STORY_BEATS; b++) {
            assert_true(strlen(tide_demo_plot_where(plot, (enum tide_story_beat)b)) > 5);
        }
    }
    assert_true(tide_demo_plot_find("device")->preset == TIDE_GENERATOR_DEVICE);
    assert_true(tide_demo_plot_find("sunbird")->preset == TIDE_GENERATOR_SUNBIRD);
}

/* What the places name in front of a word that is no metric. */
static void check_places(const struct tide_demo_plot *plot,
                         const struct tide_definitions *definitions)
{
    for (unsigned b = 0; b < TIDE_STORY_BEATS; b++) {
        const char *where = tide_demo_plot_where(plot, (enum tide_story_beat)b);
        while (*where != '\0') {
            const size_t size = strspn(where, "abcdefghijklmnopqrstuvwxyz_");
            const struct tide_view word = {where, size};
            const bool is_name = size > 0 && memchr(where, '_', size) != NULL;
            const bool is_column =
                tide_view_equal(word, TIDE_VIEW("app_version")) ||
                tide_view_equal(word, TIDE_VIEW("clock_ahead")); /* that is a reason */
            if (is_name && !is_column && tide_definitions_find(definitions, word) == NULL) {
                fail_msg("no metric %.*s", TIDE_VIEW_ARGUMENTS(word));
            }
            where += size > 0 ? size : 1;
        }
    }
}

static void defines_what_it_shows(void **state)
{
    (void)state;
    const struct tide_io io = tide_io_os();
    char folder[] = "/tmp/tidemark-plot-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/demo.yaml", folder);
    for (size_t i = 0; i < 2; i++) {
        const struct tide_demo_plot *plot = tide_demo_plot_find(names[i]);
        const struct tide_invocation invocation = {.command = &tide_command_run};
        struct tide_config config = {0};
        struct tide_diagnostics diagnostics;
        struct tide_arena arena;
        tide_arena_init(&arena, ARENA_BYTES);
        tide_diagnostics_init(&diagnostics, &arena);
        assert_int_equal(tide_io_replace_file(io, path, tide_view_of(plot->definitions), NULL),
                         TIDE_OK);
        assert_int_equal(tide_config_check(&arena, &invocation, path, NULL, &config, &diagnostics),
                         TIDE_EXIT_OK);
        assert_int_equal(diagnostics.error_count, 0);
        const struct tide_metric *rate =
            tide_definitions_find(config.definitions, tide_view_of(plot->rate));
        assert_non_null(rate);
        assert_non_null(tide_definitions_find(config.definitions, tide_view_of(plot->query)));
        check_places(plot, config.definitions);
        tide_arena_release(&arena);
    }
    assert_int_equal(remove_tree(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_presets),
        cmocka_unit_test(defines_what_it_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
