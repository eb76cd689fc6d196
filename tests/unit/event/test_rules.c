/* Goal: the notation says what its description promises, and nothing else is accepted. Method: a
 * table of rules and the schemas they stand for; the embedded rules are all translated. That they
 * decide as the official files do is shown by tests/property/test_json_schema.py. */
#include "event/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json.h"

#include "base/banned.h"

static const struct rules_case {
    const char *rules;
    const char *files; /* names and texts; NULL: refused */
    const char *message;
} cases[] = {
    {"", "", NULL},
    {"# nothing\n", "", NULL},
    {"a = string", "a.json {\"type\":\"string\"}\n", NULL},
    {"a = string(12) # text", "a.json {\"type\":\"string\",\"minLength\":12}\n", NULL},
    {"a = number(-1)", "a.json {\"type\":\"number\",\"minimum\":-1}\n", NULL},
    {"b = number\na = object",
     "a.json {\"type\":\"object\"}\nb.json {\"type\":\"number\"}\n",
     NULL},
    {"a = enum(\"x\" \"y=\")", "a.json {\"enum\":[\"x\",\"y=\"]}\n", NULL},
    {"a = [@b]\nb = string",
     "a.json {\"type\":\"array\",\"items\":{\"$ref\":\"b.json\"}}\nb.json {\"type\":\"string\"}\n",
     NULL},
    {"a = oneof(string @a)",
     "a.json {\"oneOf\":[{\"type\":\"string\"},{\"$ref\":\"a.json\"}]}\n",
     NULL},
    {"a = string & @a & number",
     "a.json {\"allOf\":[{\"type\":\"string\"},{\"$ref\":\"a.json\"},{\"type\":\"number\"}]}\n",
     NULL},
    {"a = {}",
     "a.json {\"type\":\"object\",\"additionalProperties\":false,\"required\":[],"
     "\"properties\":{}}\n",
     NULL},
    {"a = {x!: string, y, z!,}",
     "a.json {\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"x\",\"z\"],"
     "\"properties\":{\"x\":{\"type\":\"string\"},\"y\":{},\"z\":{}}}\n",
     NULL},
    {"a = {x: {y!, ...}, ...}",
     "a.json {\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"object\",\"properties\":{\"y\":"
     "{}},\"required\":[\"y\"]}},\"required\":[]}\n",
     NULL},
    {"a = @_b & @_b\n_b = [string]",
     "a.json {\"allOf\":[{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
     "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}\n",
     NULL},
    {"a", NULL, "line 1: '=' expected"},
    {"= string", NULL, "line 1: a name expected"},
    {"\na = text", NULL, "line 2: string, number, object, enum or oneof expected"},
    {"a = ", NULL, "line 1: a name expected"},
    {"a = string\na = string", NULL, "line 2: another name expected"},
    {"a = string string", NULL, "a rule expected"},
    {"a = @b", NULL, "a rule of that name expected"},
    {"a = [string", NULL, "']' expected"},
    {"a = {x: string", NULL, "',' expected"},
    {"a = {x: string y}", NULL, "',' expected"},
    {"a = {..}", NULL, "'.' expected"},
    {"a = {..., x}", NULL, "'}' expected"},
    {"a = string(", NULL, "a name expected"},
    {"a = enum()", NULL, "'\"' expected"},
    {"a = enum(\"x)", NULL, "'\"' expected"},
    {"a = oneof(string", NULL, "a name expected"},
    {"a = @_a\n_a = @_a", NULL, "less nesting expected"},
};

static const char *write_files(const struct tide_schema_files *files, struct tide_bytes *text)
{
    tide_bytes_reset(text);
    for (uint32_t i = 0; i < files->count; i++) {
        tide_bytes_append_view(text, files->items[i].name);
        tide_bytes_append_byte(text, ' ');
        tide_bytes_append_view(text, files->items[i].text);
        tide_bytes_append_byte(text, '\n');
    }
    return tide_bytes_terminated(text);
}

static void test_table(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tide_arena arena = {0};
        struct tide_schema_files files;
        struct tide_error error = {0};
        enum tide_status status =
            tide_rules_translate(&arena, tide_view_of(cases[i].rules), &files, &error);
        if (cases[i].files == NULL) {
            if (status != TIDE_REJECT || strstr(error.text, cases[i].message) == NULL) {
                fail_msg("%s: %s", cases[i].rules, error.text);
            }
        } else if (status != TIDE_OK || strcmp(write_files(&files, &text), cases[i].files) != 0) {
            fail_msg("%s: %s\n%s", cases[i].rules, error.text, write_files(&files, &text));
        }
        tide_arena_release(&arena);
    }
    tide_bytes_release(&text);
}

/* Sunbird's are 34, and all are JSON. */
static void test_embedded(void **state)
{
    (void)state;
    for (const struct tide_embedded_file *file = tide_rule_texts; file->name != NULL; file++) {
        struct tide_arena arena = {0};
        struct tide_schema_files files;
        assert_int_equal(
            tide_rules_translate(&arena, (struct tide_view){file->text, file->size}, &files, NULL),
            TIDE_OK);
        assert_true(strcmp(file->name, "sunbird-3.0") != 0 || files.count == 34);
        for (uint32_t i = 0; i < files.count; i++) {
            struct tide_json *json = NULL;
            assert_int_equal(tide_json_parse(&arena, files.items[i].text, &json, NULL), TIDE_OK);
            assert_true(i == 0 ||
                        tide_view_compare(files.items[i - 1].name, files.items[i].name) < 0);
        }
        tide_arena_release(&arena);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    enum tide_status status = TIDE_RETRY;
    for (size_t budget = 4096; status != TIDE_OK; budget += 1024) {
        struct tide_arena arena;
        struct tide_schema_files files;
        tide_arena_init(&arena, budget);
        status = tide_rules_translate(&arena, TIDE_VIEW("a = string"), &files, NULL);
        assert_true(status == TIDE_OK || status == TIDE_RETRY);
        assert_true(budget < 1 << 20);
        tide_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_embedded),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
