/* Goal: each mistake in a schema is refused at its place, references lead where they should, and
 * what would not end is bounded. Method: tables of small folders. What a good program decides is
 * test_json_schema_check's. */
#include "decode/json_schema_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "support/schema_files.h"

#include "base/banned.h"

static const struct compile_case {
    const char *schema;  /* a.json; beside it is b.json */
    const char *message; /* NULL: it compiles */
} cases[] = {
    {"{}", NULL},
    {"{\"title\":1,\"description\":2,\"$schema\":3,\"default\":4,\"format\":5,\"id\":\"\"}", NULL},
    {"{\"definitions\":{\"x\":{\"nonsense\":1}}}", NULL}, /* nobody refers to it */
    {"{\"properties\":{\"anyOf\":{},\"$ref\":{},\"id\":{}}}", NULL},
    {"{\"additionalProperties\":true}", NULL},
    {"{\"$ref\":\"#\",\"nonsense\":1}", "a.json#: a $ref leads back to itself"},
    {"{\"$ref\":\"b.json\",\"nonsense\":1}", NULL}, /* beside a $ref nothing counts */
    {"{\"$ref\":\"resource:/schemas/telemetry/3.0/b.json\"}", NULL},
    {"{\"$ref\":\"b.json#/definitions/n~1~0x/0\"}", NULL},
    {"{\"items\":{\"$ref\":\"#\"}}", NULL},
    {"{\"properties\":{\"x\":{\"oneOf\":[{\"$ref\":\"#\"},{\"$ref\":\"b.json#\"}]}}}", NULL},
    {"", "a.json: not JSON: an empty document"},
    {"{", "a.json: not JSON at byte 1"},
    {"{\"a\":1,\"a\":2}", "a.json: not JSON at byte 13: an object with a key twice"},
    {"{\"title\":\"\xff\"}", "a.json: not JSON at byte 10: bytes that are not UTF-8"},
    {"[]", "a.json#: a schema must be an object"},
    {"{\"anyOf\":[{}]}", "a.json#/anyOf: this keyword is not supported"},
    {"{\"properties\":{\"x\":{\"items\":{\"pattern\":\"\"}}}}",
     "a.json#/properties/x/items/pattern: this keyword is not supported"},
    {"{\"allOf\":[{},{\"maximum\":1}]}", "a.json#/allOf/1/maximum: this keyword is not"},
    {"{\"oneOf\":[{},{\"maximum\":1}]}", "a.json#/oneOf/1/maximum: this keyword is not"},
    {"{\"additionalProperties\":{\"not\":{}}}", "a.json#/additionalProperties/not: this keyword"},
    {"{\"id\":{}}", "a.json#/id: an id must be a text"},
    {"{\"type\":\"text\"}", "a.json#/type: unknown type"},
    {"{\"type\":[\"string\",1]}", "a.json#/type/1: unknown type"},
    {"{\"type\":{}}", "a.json#/type: unknown type"},
    {"{\"required\":true}", "a.json#/required: required must be a list of names"},
    {"{\"required\":[\"a\",1]}", "a.json#/required/1: required must be a list of names"},
    {"{\"properties\":[]}", "a.json#/properties: properties must be an object"},
    {"{\"properties\":{\"x\":true}}", "a.json#/properties/x: a schema must be an object"},
    {"{\"additionalProperties\":1}", "a.json#/additionalProperties: a schema must be"},
    {"{\"items\":[{}]}", "a.json#/items: a schema must be an object"},
    {"{\"enum\":1}", "a.json#/enum: enum must be a list"},
    {"{\"minLength\":-1}", "a.json#/minLength: minLength must be a whole number"},
    {"{\"minLength\":1.5}", "a.json#/minLength: minLength must be a whole number"},
    {"{\"minimum\":\"1\"}", "a.json#/minimum: minimum must be a number"},
    {"{\"allOf\":{}}", "a.json#/allOf: a list of schemas is expected"},
    {"{\"oneOf\":[]}", "a.json#/oneOf: a list of schemas is expected"},
    {"{\"$ref\":1}", "a.json#/$ref: a $ref must be a text"},
    {"{\"$ref\":\"c.json\"}", "a.json#/$ref: there is no such schema in the folder"},
    {"{\"$ref\":\"../b.json\"}", "a.json#/$ref: there is no such schema in the folder"},
    {"{\"$ref\":\"#definitions\"}", "a.json#/$ref: there is no such schema in the folder"},
    {"{\"$ref\":\"#/x\"}", "a.json#/$ref: there is no such schema in the folder"},
    {"{\"items\":{\"$ref\":\"b.json#/definitions/wrong\"}}",
     "b.json#/definitions/wrong/type: unkn"},
    {"{\"allOf\":[{\"$ref\":\"#\"}]}", "a.json#: the schema includes itself"},
    {"{\"definitions\":{\"x\":{\"$ref\":\"#/definitions/y\"},\"y\":{\"$ref\":\"#/definitions/x\"}},"
     "\"items\":{\"$ref\":\"#/definitions/x\"}}",
     "leads back to itself"},
    /* Each level twice the one before: without a bound for ever. */
    {"{\"$ref\":\"b.json#/definitions/twice\"}", "the schema includes too much"},
};

static struct tide_bytes other; /* b.json */

static int make_other(void **state)
{
    (void)state;
    tide_bytes_append_text(&other,
                           "{\"definitions\":{\"n/~x\":[{}],\"wrong\":{\"type\":\"x\"},\"twice\":{"
                           "\"allOf\":[{\"$ref\":\"#/definitions/t0\"}]}");
    for (int i = 0; i < 30; i++) {
        tide_bytes_append_format(&other,
                                 ",\"t%d\":{\"allOf\":[{\"$ref\":\"#/definitions/t%d\"},"
                                 "{\"$ref\":\"#/definitions/t%d\"}]}",
                                 i,
                                 i + 1,
                                 i + 1);
    }
    tide_bytes_append_text(&other, ",\"t30\":{}}}");
    return tide_bytes_terminated(&other)[0] != '{';
}

static int release_other(void **state)
{
    (void)state;
    tide_bytes_release(&other);
    return 0;
}

static enum tide_status compile(struct tide_arena *arena,
                                const char *schema,
                                const struct tide_json_schema **program,
                                struct tide_error *error)
{
    struct schema_files folder;
    const char *const texts[] = {"a.json", schema, "b.json", other.data, NULL};
    return tide_json_schema_compile(arena, schema_files_of(&folder, texts), program, error);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tide_arena arena = {0};
        struct tide_error error = {0};
        const struct tide_json_schema *program = NULL;
        enum tide_status status = compile(&arena, cases[i].schema, &program, &error);
        const bool is_expected =
            cases[i].message == NULL
                ? status == TIDE_OK && program != NULL
                : status == TIDE_REJECT && strstr(error.text, cases[i].message) != NULL;
        if (!is_expected) {
            fail_msg("%s: %s", cases[i].schema, error.text);
        }
        tide_arena_release(&arena);
    }
}

/* What several places refer to is one frame, and the members of a frame have a slot each. */
static void test_sharing(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    const struct tide_json_schema *program = NULL;
    assert_int_equal(compile(&arena,
                             "{\"allOf\":[{\"required\":[\"x\",\"y\"]},{\"properties\":{"
                             "\"x\":{\"$ref\":\"b.json\"},\"z\":{\"$ref\":\"b.json\"},"
                             "\"self\":{\"$ref\":\"#\"}}}]}",
                             &program,
                             NULL),
                     TIDE_OK);
    const struct tide_frame *frame = program->frames[0];
    const struct tide_check *required = frame->checks;
    assert_int_equal(required->kind, TIDE_CHECK_REQUIRED);
    const struct tide_check *properties = required->next;
    assert_int_equal(properties->kind, TIDE_CHECK_PROPERTIES);
    assert_null(properties->next);
    assert_int_equal(frame->slot_count, 4);
    assert_int_equal(properties->slots[0], required->slots[0]);
    assert_ptr_equal(properties->frames[0], properties->frames[1]);
    assert_ptr_equal(properties->frames[0], program->frames[1]);
    assert_ptr_equal(properties->frames[2], frame);
    assert_int_equal(program->slot_max, 4);
    assert_int_equal(program->type_size_max, 1);
    tide_arena_release(&arena);
}

static void test_too_many_names(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct tide_arena arena = {0};
        struct tide_bytes text = {0};
        struct tide_error error = {0};
        const struct tide_json_schema *program = NULL;
        tide_bytes_append_text(&text, "{\"required\":[\"0\"");
        for (int i = 1; i < TIDE_JSON_SCHEMA_NAMES_MAX + more; i++) {
            tide_bytes_append_format(&text, ",\"%d\"", i);
        }
        tide_bytes_append_text(&text, "]}");
        assert_int_equal(compile(&arena, tide_bytes_terminated(&text), &program, &error),
                         more ? TIDE_REJECT : TIDE_OK);
        assert_true(!more || strstr(error.text, "too many members") != NULL);
        tide_bytes_release(&text);
        tide_arena_release(&arena);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    enum tide_status status = TIDE_RETRY;
    for (size_t budget = 256; status != TIDE_OK; budget += 512) {
        struct tide_arena arena;
        const struct tide_json_schema *program = NULL;
        tide_arena_init(&arena, budget);
        status = compile(&arena,
                         "{\"type\":\"object\",\"required\":[\"x\"],\"enum\":[1],\"minimum\":1,"
                         "\"minLength\":1,\"properties\":{\"x\":{\"items\":{}}},"
                         "\"additionalProperties\":{\"oneOf\":[{},{}]}}",
                         &program,
                         NULL);
        assert_true(status == TIDE_RETRY || status == TIDE_OK);
        assert_true(budget < 1 << 20);
        tide_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_too_many_names),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, make_other, release_other);
}
