/* Goal: a built-in name and a folder load, whatever is wrong is told at its place, and what decides
 * verdicts is encoded. Method: a folder in a temporary directory, beside the "file" with the
 * definitions. */
#include "event/validation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

#include "base/banned.h"

struct fixture {
    struct tide_arena arena;
    struct tide_source source;
    struct tide_diagnostics diagnostics;
    struct tide_bytes messages;
    struct tide_validation validation;
};

static char directory[] = "/tmp/tide-validation-XXXXXX";

static const char *path_of(const char *name, struct tide_bytes *path)
{
    tide_bytes_reset(path);
    tide_bytes_append_format(path, "%s/%s", directory, name);
    return tide_bytes_terminated(path);
}

static void write_file(const char *name, struct tide_view content)
{
    struct tide_bytes path = {0};
    assert_int_equal(tide_io_create_file(tide_io_os(), path_of(name, &path), content, NULL),
                     TIDE_OK);
    tide_bytes_release(&path);
}

static int make_folder(void **state)
{
    (void)state;
    const struct tide_io io = tide_io_os();
    struct tide_bytes path = {0};
    if (mkdtemp(directory) == NULL) {
        return 1;
    }
    (void)io.operations->make_directory(io.self, path_of("empty", &path), NULL);
    (void)io.operations->make_directory(io.self, path_of("full", &path), NULL);
    (void)io.operations->make_directory(io.self, path_of("large", &path), NULL);
    (void)io.operations->make_directory(io.self, path_of("full/c.json", &path), NULL);
    write_file("full/b.json", TIDE_VIEW("{\"b\":1}"));
    write_file("full/a.json", TIDE_VIEW("{}"));
    write_file("full/README", TIDE_VIEW("no schema"));
    char *text = calloc(1, TIDE_SCHEMA_FILE_BYTES_MAX + 1);
    write_file("large/a.json", (struct tide_view){text, TIDE_SCHEMA_FILE_BYTES_MAX + 1});
    free(text);
    tide_bytes_release(&path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const all[] = {"full/a.json",
                                      "full/b.json",
                                      "full/README",
                                      "full/c.json",
                                      "large/a.json",
                                      "full",
                                      "large",
                                      "empty",
                                      ""};
    const struct tide_io io = tide_io_os();
    struct tide_bytes path = {0};
    int failed = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        failed |= io.operations->remove(io.self, path_of(all[i], &path), NULL) != TIDE_OK;
    }
    tide_bytes_release(&path);
    return failed;
}

/* The messages; empty if all is well. budget 0: none. */
static const char *load(struct fixture *it, const char *yaml, size_t budget)
{
    struct tide_yaml *root = NULL;
    struct tide_bytes name = {0};
    *it = (struct fixture){.validation = {.by = {NULL, 0}}};
    (void)path_of("definitions.yaml", &name);
    it->source = (struct tide_source){tide_arena_copy(&it->arena, tide_bytes_view(&name)),
                                      tide_view_of(yaml)};
    tide_bytes_release(&name);
    tide_diagnostics_init(&it->diagnostics, &it->arena);
    assert_true(tide_yaml_parse(&it->arena, &it->source, &it->diagnostics, &root));
    struct tide_arena small;
    tide_arena_init(&small, budget);
    tide_validation_load(
        budget == 0 ? &it->arena : &small, root, &it->diagnostics, &it->validation);
    tide_arena_release(&small);
    tide_diagnostics_render(&it->diagnostics, &it->messages);
    return tide_bytes_terminated(&it->messages);
}

static void release(struct fixture *it)
{
    tide_bytes_release(&it->messages);
    tide_arena_release(&it->arena);
}

static void test_folder(void **state)
{
    (void)state;
    struct fixture it;
    assert_string_equal(load(&it, "{json_schema: full, by: kind}", 0), "");
    assert_true(tide_view_equal(it.validation.by, TIDE_VIEW("kind")));
    assert_true(tide_view_equal(it.validation.by_pointer, TIDE_VIEW("/kind")));
    assert_int_equal(it.validation.position.column, 15);
    assert_int_equal(it.validation.files.count, 2);
    assert_true(tide_view_equal(it.validation.files.items[0].name, TIDE_VIEW("a.json")));
    assert_true(tide_view_equal(it.validation.files.items[1].name, TIDE_VIEW("b.json")));
    assert_true(tide_view_equal(it.validation.files.items[1].text, TIDE_VIEW("{\"b\":1}")));
    release(&it);
    struct tide_bytes absolute = {0};
    tide_bytes_append_format(&absolute, "{json_schema: %s/full/, by: k}", directory);
    assert_string_equal(load(&it, tide_bytes_terminated(&absolute), 0), "");
    assert_int_equal(it.validation.files.count, 2);
    release(&it);
    tide_bytes_release(&absolute);
}

static void test_built_in(void **state)
{
    (void)state;
    struct fixture it;
    assert_string_equal(load(&it, "{json_schema: sunbird-3.0, by: eid}", 0), "");
    assert_int_equal(it.validation.files.count, 34);
    release(&it);
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {"[]", "1:1: error: validate must be a mapping"},
        {"{json_schema: full}", "1:1: error: validate needs 'by'"},
        {"{by: kind}", "1:1: error: validate needs 'json_schema'"},
        {"{json_schema: full, by: []}", "1:25: error: by must be a text"},
        {"{json_schema: '', by: k}", "1:15: error: json_schema must be a text"},
        {"{json_schema: full, by: k, bye: k}", "1:28: error: unknown key 'bye'"},
        {"{json_schema: sunbrid-3.0, by: k}",
         "1:15: error: no schemas: 'sunbrid-3.0' is not built in (sunbird-3.0 is), and as a "
         "folder:"},
        {"{json_schema: empty, by: k}", "has no *.json files"},
        {"{json_schema: full/a.json, by: k}", "and as a folder:"},
        {"{json_schema: large, by: k}", "large/a.json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture it;
        const char *messages = load(&it, cases[i].yaml, 0);
        if (strstr(messages, cases[i].message) == NULL) {
            fail_msg("'%s' is not in: %s", cases[i].message, messages);
        }
        release(&it);
    }
}

static void test_encoding(void **state)
{
    (void)state;
    static const char *const yamls[] = {"{json_schema: full, by: kind}",
                                        "{json_schema: full/, by: kind}",
                                        "{json_schema: full, by: kin}",
                                        "{json_schema: sunbird-3.0, by: kind}"};
    struct tide_bytes texts[4] = {0};
    for (size_t i = 0; i < 4; i++) {
        struct fixture it;
        assert_string_equal(load(&it, yamls[i], 0), "");
        tide_validation_encode(&it.validation, &texts[i]);
        release(&it);
    }
    assert_true(tide_view_equal(tide_bytes_view(&texts[0]), tide_bytes_view(&texts[1])));
    assert_false(tide_view_equal(tide_bytes_view(&texts[0]), tide_bytes_view(&texts[2])));
    assert_false(tide_view_equal(tide_bytes_view(&texts[0]), tide_bytes_view(&texts[3])));
    for (size_t i = 0; i < 4; i++) {
        tide_bytes_release(&texts[i]);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char *const yamls[] = {"{json_schema: full, by: kind}",
                                        "{json_schema: sunbird-3.0, by: kind}"};
    for (size_t i = 0; i < sizeof yamls / sizeof *yamls; i++) {
        bool is_loaded = false;
        for (size_t budget = 16; !is_loaded; budget += 1024) {
            struct fixture it;
            is_loaded = load(&it, yamls[i], budget)[0] == '\0';
            assert_true(budget < 1 << 20);
            release(&it);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
