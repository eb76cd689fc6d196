/* Goal: a document becomes a tree with byte-exact positions, and what is refused says where.
 * Method: one document looked at in every part, a table of refused ones with the rendered text, the
 * presets that ship, every truncation of one, and an arena budget swept upwards. */
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"

static struct tide_diagnostics diagnostics;

static struct tide_yaml *parse(struct tide_arena *arena, struct tide_source *source)
{
    struct tide_yaml *root = NULL;
    tide_diagnostics_init(&diagnostics, arena);
    bool is_ok = tide_yaml_parse(arena, source, &diagnostics, &root);
    assert_int_equal(is_ok, root != NULL);
    assert_int_equal(is_ok, diagnostics.error_count == 0);
    return root;
}

static void check_text(const struct tide_yaml *node, const char *text, bool is_plain)
{
    assert_non_null(node);
    assert_int_equal(node->kind, TIDE_YAML_SCALAR);
    assert_true(tide_view_equal(node->text, tide_view_of(text)));
    assert_int_equal(node->is_plain, is_plain);
}

static void check_position(struct tide_position position,
                           uint32_t line,
                           uint32_t column,
                           uint32_t size)
{
    assert_int_equal(position.line, line);
    assert_int_equal(position.column, column);
    assert_int_equal(position.size, size);
}

static void trees_have_their_parts(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_source source = {
        TIDE_VIEW("f"),
        TIDE_VIEW("# \xc3\xa9\r\n\xc3\xa9t\xc3\xa9: {b: 'q', c: [1, \"t\\n\"]}\r\n"
                  "d:\r\n  - x y\r\n  -\r\ne: |\r\n  long\r\n  text\r\n"),
    };
    struct tide_yaml *root = parse(&arena, &source);
    assert_non_null(root);
    assert_int_equal(root->kind, TIDE_YAML_MAPPING);
    assert_int_equal(root->count, 3);
    check_position(root->position, 2, 1, 1);
    struct tide_yaml *summer = tide_yaml_get(root, "\xc3\xa9t\xc3\xa9");
    assert_non_null(summer);
    check_position(summer->key_position, 2, 1, 5);
    check_position(summer->position, 2, 8, 1);
    assert_ptr_equal(summer->position.source, &source);
    check_text(tide_yaml_get(summer, "b"), "q", false);
    check_position(tide_yaml_get(summer, "b")->position, 2, 12, 3);
    const struct tide_yaml *c = tide_yaml_get(summer, "c");
    assert_int_equal(c->kind, TIDE_YAML_SEQUENCE);
    assert_int_equal(c->count, 2);
    check_text(c->first, "1", true);
    check_text(c->first->next, "t\n", false);
    const struct tide_yaml *d = tide_yaml_get(root, "d");
    check_text(d->first, "x y", true);
    check_position(d->first->position, 4, 5, 3);
    check_text(d->first->next, "", true);
    check_text(tide_yaml_get(root, "e"), "long\ntext\n", false);
    assert_null(tide_yaml_get(root, "b"));
    assert_null(tide_yaml_get(d, "b"));
    assert_null(tide_yaml_get(NULL, "b"));
    tide_arena_release(&arena);
}

static void empty_documents_are_empty_mappings(void **state)
{
    (void)state;
    static const struct tide_view cases[] = {{NULL, 0}, {"", 0}, {" \n", 2}, {"# x\n", 4}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_arena arena = {0};
        struct tide_source source = {TIDE_VIEW("f"), cases[i]};
        const struct tide_yaml *root = parse(&arena, &source);
        assert_non_null(root);
        assert_int_equal(root->kind, TIDE_YAML_MAPPING);
        assert_int_equal(root->count, 0);
        tide_arena_release(&arena);
    }
}

static void refused_documents_say_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said; /* a part of it */
        uint32_t error_count;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "f:3:1: error: key 'a' is there already, in line 1\na: 3\n^\n", 1},
        {"a: 1\na: 2\na: 3\nb: {c: 1, c: 1}", "f:4:11: error: key 'c'", 3},
        {"a: &x 1\nb: *x\nc: !!int 1", "f:1:4: error: anchors are not wanted here: '&x'", 3},
        {"a: &x 1\nb: *x\nc: !!int 1", "f:2:4: error: aliases are not wanted here: '*x'", 3},
        {"a: &x 1\nb: *x\nc: !!int 1", "f:3:4: error: tags are not wanted here", 3},
        {"&x [1]", "f:1:1: error: anchors", 1},
        {"!t {a: 1}", "f:1:1: error: tags", 1},
        {"*x : 1", "f:1:1: error: aliases", 1},
        {"? [a]\n: 1", "f:1:3: error: a key must be a scalar", 1},
        {"a: 1\n---\nb: 2", "error: more than one document", 1},
        {"a: [1", "error: not YAML: ", 1},
        {"a: b: c", "f:1:5: error: not YAML: mapping values are not allowed", 1},
        {"\xc3\xa9: '\n", "error: not YAML: ", 1},
        {"a: \xff", "f:1:4: error: not YAML: ", 1},
        {"a: 1\nb: \x01", "f:2:4: error: not YAML: ", 1},
        {"\tx: 1", "error: not YAML: ", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_arena arena = {0};
        struct tide_bytes text = {0};
        struct tide_source source = {TIDE_VIEW("f"), tide_view_of(cases[i].text)};
        assert_null(parse(&arena, &source));
        tide_diagnostics_render(&diagnostics, &text);
        if (strstr(tide_bytes_terminated(&text), cases[i].said) == NULL) {
            fail_msg("case %zu says: %s", i, text.data);
        }
        assert_int_equal(diagnostics.error_count, cases[i].error_count);
        tide_bytes_release(&text);
        tide_arena_release(&arena);
    }
}

static struct tide_yaml *parse_deep(struct tide_arena *arena, char *text, size_t depth)
{
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    struct tide_source source = {TIDE_VIEW("f"), {text, 2 * depth}};
    return parse(arena, &source);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    char text[2000];
    assert_non_null(parse_deep(&arena, text, 64));
    assert_null(parse_deep(&arena, text, 65));
    assert_null(parse_deep(&arena, text, 1000));
    tide_arena_release(&arena);
}

static void presets_parse(void **state)
{
    (void)state;
    static const char *const paths[] = {
        TIDE_TEST_SOURCE_ROOT "/presets/sunbird.yaml",
        TIDE_TEST_SOURCE_ROOT "/presets/device.yaml",
    };
    for (size_t i = 0; i < 2; i++) {
        struct tide_arena arena = {0};
        struct tide_bytes bytes = {0};
        assert_int_equal(tide_io_read_file(tide_io_os(), paths[i], &bytes, 1 << 20, NULL), TIDE_OK);
        struct tide_source source = {tide_view_of(paths[i]), tide_bytes_view(&bytes)};
        struct tide_yaml *root = parse(&arena, &source);
        assert_non_null(tide_yaml_get(tide_yaml_get(root, "schema"), "columns"));
        for (size_t size = 0; size < bytes.size; size += 37) { /* no crash, no lie */
            struct tide_arena small = {0};
            source.text.size = size;
            (void)parse(&small, &source);
            tide_arena_release(&small);
        }
        tide_arena_release(&arena);
        tide_bytes_release(&bytes);
    }
}

static void budgets_are_kept(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    for (unsigned i = 0; i < 300; i++) {
        tide_bytes_append_format(&text, "key%u: value\n", i);
    }
    struct tide_source source = {TIDE_VIEW("f"), tide_bytes_view(&text)};
    bool has_failed = false;
    bool has_succeeded = false;
    for (size_t budget = 1024; !has_succeeded; budget += 8192) {
        struct tide_arena arena = {0};
        assert_true(budget < 1 << 20);
        tide_arena_init(&arena, budget);
        has_succeeded = parse(&arena, &source) != NULL;
        has_failed = has_failed || !has_succeeded;
        tide_arena_release(&arena);
    }
    assert_true(has_failed);
    tide_bytes_release(&text);
}

static void keys_and_bools_are_checked(void **state)
{
    (void)state;
    static const struct tide_view known[] = {{"distinct", 8}, {"every", 5}};
    struct tide_arena arena = {0};
    struct tide_bytes text = {0};
    struct tide_source source = {
        TIDE_VIEW("f"),
        TIDE_VIEW("distnict: true\nevery: 'true'\nzz: false\nq: [1]\n"),
    };
    const struct tide_yaml *root = parse(&arena, &source);
    tide_yaml_check_keys(root, known, 2, "a metric", &diagnostics);
    tide_yaml_check_keys(root->first, known, 2, "a metric", &diagnostics); /* no mapping */
    bool value = false;
    assert_true(tide_yaml_bool(tide_yaml_get(root, "distnict"), &value, &diagnostics) && value);
    assert_true(tide_yaml_bool(tide_yaml_get(root, "zz"), &value, &diagnostics) && !value);
    assert_false(tide_yaml_bool(tide_yaml_get(root, "every"), &value, &diagnostics));
    assert_false(tide_yaml_bool(tide_yaml_get(root, "q"), &value, &diagnostics));
    tide_diagnostics_render(&diagnostics, &text);
    assert_string_equal(
        tide_bytes_terminated(&text),
        "f:1:1: error: unknown key 'distnict' in a metric; did you mean 'distinct'?\n"
        "distnict: true\n^~~~~~~~\n"
        "f:2:8: error: this must be true or false\nevery: 'true'\n       ^~~~~~\n"
        "f:3:1: error: unknown key 'zz' in a metric\nzz: false\n^~\n"
        "f:4:1: error: unknown key 'q' in a metric\nq: [1]\n^\n"
        "f:4:4: error: this must be true or false\nq: [1]\n   ^\n");
    tide_bytes_release(&text);
    tide_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_have_their_parts),
        cmocka_unit_test(empty_documents_are_empty_mappings),
        cmocka_unit_test(refused_documents_say_where),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(presets_parse),
        cmocka_unit_test(budgets_are_kept),
        cmocka_unit_test(keys_and_bools_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
