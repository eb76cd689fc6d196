/* Goal: a folder goes with all in it, and no other; what is not there is no failure. Method: a tree
 * in a temporary directory. */
#include "cli/work_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/remove_tree.h"

static char place[64];

static void make(const char *folder, const char *file)
{
    const struct tide_io io = tide_io_os();
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", place, folder);
    assert_int_equal(io.operations->make_directory(io.self, path, NULL), TIDE_OK);
    (void)snprintf(path, sizeof(path), "%s/%s/%s", place, folder, file);
    assert_int_equal(tide_io_replace_file(io, path, TIDE_VIEW("x"), NULL), TIDE_OK);
}

static bool is_there(const char *name)
{
    const struct tide_io io = tide_io_os();
    struct tide_bytes text = {0};
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", place, name);
    const bool is_read = tide_io_read_file(io, path, &text, 16, NULL) == TIDE_OK;
    tide_bytes_release(&text);
    return is_read;
}

static bool has_b(void *context, const char *folder_path)
{
    unsigned *count = context;
    (*count)++;
    return folder_path[strlen(folder_path) - 1] == 'b';
}

static void removes_what_it_should(void **state)
{
    (void)state;
    const struct tide_io io = tide_io_os();
    char path[128];
    unsigned count = 0;
    (void)snprintf(place, sizeof(place), "/tmp/tidemark-folder-XXXXXX");
    assert_non_null(mkdtemp(place));
    make("a/inner/deep", "1");
    make("a", "2");
    make("b", "3");
    make("c", "4");
    make(".", "xb");
    assert_int_equal(tide_work_folder_sweep(io, place, has_b, &count, NULL), TIDE_OK);
    assert_int_equal(count, 3);
    assert_false(is_there("b/3"));
    assert_true(is_there("a/inner/deep/1") && is_there("c/4") && is_there("xb"));
    (void)snprintf(path, sizeof(path), "%s/a", place);
    assert_int_equal(tide_work_folder_remove(io, path, NULL), TIDE_OK);
    assert_false(is_there("a/2"));
    assert_true(is_there("c/4"));
    assert_int_equal(tide_work_folder_remove(io, path, NULL), TIDE_OK);
    assert_int_equal(tide_work_folder_sweep(io, path, has_b, &count, NULL), TIDE_OK);
    make("d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w", "5");
    assert_int_equal(tide_work_folder_remove(io, place, NULL), TIDE_REJECT);
    assert_int_equal(remove_tree(place), 0);
}

static void makes_one_of_its_own(void **state)
{
    (void)state;
    const struct tide_io io = tide_io_os();
    struct tide_bytes paths[2] = {{0}, {0}};
    char parent[sizeof(place) + sizeof("/x/y")];
    (void)snprintf(place, sizeof(place), "/tmp/tidemark-folder-XXXXXX");
    assert_non_null(mkdtemp(place));
    (void)snprintf(parent, sizeof(parent), "%s/x/y", place);
    for (size_t i = 0; i < 2; i++) {
        struct tide_io_facts facts = {0};
        assert_int_equal(tide_work_folder_create(io, parent, "demo", &paths[i], NULL), TIDE_OK);
        const char *path = tide_bytes_terminated(&paths[i]);
        assert_int_equal(io.operations->stat(io.self, path, &facts, NULL), TIDE_OK);
        assert_true(facts.is_directory && path[0] == '/');
        assert_non_null(strstr(path, "/x/y/demo-"));
    }
    assert_string_not_equal(paths[0].data, paths[1].data);
    assert_int_equal(remove_tree(place), 0);
    tide_bytes_release(&paths[0]);
    tide_bytes_release(&paths[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removes_what_it_should),
        cmocka_unit_test(makes_one_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
