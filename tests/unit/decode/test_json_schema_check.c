/* Goal: each keyword decides as a draft-4 validator does, and the first fault is told with its
 * place. Method: a table of schema, document and fault; the rest of what a program can be made to
 * do is compared with Python's jsonschema in tests/property/test_json_schema.py. */
#include "decode/json_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "support/schema_files.h"

#include "base/banned.h"

struct fixture {
    struct tide_arena arena;
    struct tide_json_checker *checker;
    struct tide_json_fault fault;
};

static void setup(struct fixture *it, const char *schema)
{
    struct schema_files folder;
    struct tide_error error = {0};
    const struct tide_json_schema *program = NULL;
    const char *const texts[] = {".json", "{}", "a.json", schema, "b-\xc3\xa9.json", "{}", NULL};
    *it = (struct fixture){.checker = NULL};
    if (tide_json_schema_compile(&it->arena, schema_files_of(&folder, texts), &program, &error) !=
        TIDE_OK) {
        fail_msg("%s: %s", schema, error.text);
    }
    assert_int_equal(tide_json_checker_create(program, &it->checker, NULL), TIDE_OK);
}

static void teardown(struct fixture *it)
{
    tide_json_checker_destroy(it->checker);
    tide_arena_release(&it->arena);
}

/* In memory that ends where the document does, so that a sanitizer sees who reads on. */
static enum tide_json_outcome check(struct fixture *it, const char *type, struct tide_view text)
{
    char *copy = malloc(text.size);
    assert_non_null(copy);
    memcpy(copy, text.data, text.size);
    enum tide_json_outcome outcome = tide_json_checker_check(
        it->checker, tide_view_of(type), (struct tide_view){copy, text.size}, &it->fault);
    free(copy);
    return outcome;
}

static const struct check_case {
    const char *schema, *document;
    const char *detail;  /* NULL: valid */
    const char *pointer; /* NULL: "" */
} cases[] = {
    {"{}", "{\"a\":1}", NULL, NULL},

    {"{\"type\":\"object\"}", "{}", NULL, NULL},
    {"{\"type\":\"array\"}", "{}", "type: expected array, not object", NULL},
    {"{\"type\":\"string\"}", "\"\"", NULL, NULL},
    {"{\"type\":\"string\"}", "null", "type: expected string, not null", NULL},
    {"{\"type\":\"null\"}", "null", NULL, NULL},
    {"{\"type\":\"boolean\"}", "false", NULL, NULL},
    {"{\"type\":\"boolean\"}", "0", "type: expected boolean, not integer", NULL},
    {"{\"type\":\"number\"}", "true", "type: expected number, not boolean", NULL},
    {"{\"type\":\"number\"}", "1", NULL, NULL},
    {"{\"type\":\"integer\"}", "-12", NULL, NULL},
    {"{\"type\":\"integer\"}", "1.0", "type: expected integer, not number", NULL},
    {"{\"type\":\"integer\"}", "1e2", "type: expected integer, not number", NULL},
    {"{\"type\":[\"null\",\"boolean\",\"number\",\"integer\",\"string\",\"array\"]}",
     "{}",
     "type: expected null or boolean or number or integer or string or array, not object",
     NULL},

    {"{\"required\":[\"a\",\"b\"]}", "{\"b\":1,\"a\":null}", NULL, NULL},
    {"{\"required\":[\"a\",\"b\"]}", "{\"a\":{\"b\":1}}", "required: \"b\" is missing", NULL},
    {"{\"required\":[\"a\"]}", "[]", NULL, NULL},
    {"{\"required\":[\"a\"]}", "{\"\\u0061\":1}", NULL, NULL},
    {"{\"required\":[\"\"]}", "{\"\":1}", NULL, NULL},

    {"{\"properties\":{\"a\":{\"type\":\"null\"}}}", "{}", NULL, NULL},
    {"{\"properties\":{\"a\":{\"type\":\"null\"}}}", "\"a\"", NULL, NULL},
    {"{\"properties\":{\"a\":{\"type\":\"null\"}}}",
     " { \"b\" : [ {} ] , \"a\" : 1 } ",
     "type: expected null, not integer",
     "/a"},
    {"{\"properties\":{\"a\":{\"type\":\"null\"}}}", "{\"a\":1,\"a\":null}", NULL, NULL},
    {"{\"properties\":{\"a\":{\"type\":\"null\"}}}",
     "{\"a\":null,\"\\u0061\":1}",
     "type: expected null, not integer",
     "/a"},
    {"{\"properties\":{\"a\":{\"required\":[\"x\"]}}}",
     "{\"a\":{\"x\":1},\"a\":{}}",
     "required: \"x\" is missing",
     "/a"},
    {"{\"properties\":{\"a/b\":{\"properties\":{\"~\":{\"type\":\"null\"}}}}}",
     "{\"a/b\":{\"~\":0}}",
     "type: expected null, not integer",
     "/a~1b/~0"},

    {"{\"additionalProperties\":false}", "{}", NULL, NULL},
    {"{\"additionalProperties\":false}",
     "{\"x\":1}",
     "additionalProperties: \"x\" is not allowed",
     NULL},
    {"{\"additionalProperties\":false,\"properties\":{\"a\":{}}}", "{\"a\":1}", NULL, NULL},
    {"{\"additionalProperties\":false,\"properties\":{\"a\":{}},\"required\":[\"b\"]}",
     "{\"a\":1,\"b\":1}",
     "additionalProperties: \"b\" is not allowed",
     NULL},
    {"{\"allOf\":[{\"properties\":{\"b\":{}}},{\"additionalProperties\":false}]}",
     "{\"b\":1}",
     "additionalProperties: \"b\" is not allowed",
     NULL},
    {"{\"additionalProperties\":{\"type\":\"null\"},\"properties\":{\"a\":{}}}",
     "{\"a\":1,\"b\":null,\"c\":null}",
     NULL,
     NULL},
    {"{\"additionalProperties\":{\"type\":\"null\"},\"required\":[\"c\"]}",
     "{\"b\":null,\"c\":2}",
     "type: expected null, not integer",
     "/c"},
    {"{\"additionalProperties\":{\"type\":\"null\"}}",
     "{\"\\u0062/\":1}",
     "type: expected null, not integer",
     "/b~1"},
    {"{\"additionalProperties\":{\"type\":\"null\"}}", "{\"b\":1,\"\\u0062\":null}", NULL, NULL},
    {"{\"additionalProperties\":{\"type\":\"null\"}}",
     "{\"b\":1,\"\\u0062\":null,\"b\":2}",
     "type: expected null, not integer",
     "/b"},

    {"{\"items\":{\"type\":\"null\"}}", "[]", NULL, NULL},
    {"{\"items\":{\"type\":\"null\"}}", "{\"0\":1}", NULL, NULL},
    {"{\"items\":{\"type\":\"null\"}}", "[null,1]", "type: expected null, not integer", "/1"},
    {"{\"items\":{\"items\":{\"required\":[\"x\"]}}}",
     "[[],[{\"x\":1}, {} ]]",
     "required: \"x\" is missing",
     "/1/1"},

    {"{\"enum\":[\"a\",1,null,[true]]}", "1.0", NULL, NULL},
    {"{\"enum\":[\"a\",1,null,[true]]}", "[true]", NULL, NULL},
    {"{\"enum\":[\"a\",1,null,[true]]}", "\"\\u0061\"", NULL, NULL},
    {"{\"enum\":[\"a\",1]}", "true", "enum: not one of [\"a\",1]", NULL},

    {"{\"minLength\":2}", "\"\xc3\xa9\xc3\xa9\"", NULL, NULL},
    {"{\"minLength\":2}", "\"\xf0\x9f\x98\x80\"", "minLength: shorter than 2", NULL},
    {"{\"minLength\":2}", "[]", NULL, NULL},
    {"{\"minimum\":-1}", "-1", NULL, NULL},
    {"{\"minimum\":-1}", "-1.0000000001", "minimum: less than -1", NULL},
    {"{\"minimum\":1}", "false", NULL, NULL},

    {"{\"allOf\":[{\"type\":\"integer\"},{\"minimum\":3}]}", "3", NULL, NULL},
    {"{\"allOf\":[{\"type\":\"integer\"},{\"minimum\":3}]}", "2", "minimum: less than 3", NULL},
    {"{\"minimum\":9,\"allOf\":[{\"type\":\"null\"}]}", "2", "minimum: less than 9", NULL},
    {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":3}]}", "2", NULL, NULL},
    {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":3}]}", "3", "oneOf: several of 2 hold", NULL},
    {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":3}]}", "1.5", "oneOf: none of 2 hold", NULL},
    {"{\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}", "{\"b\":1}", NULL, NULL},
    {"{\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}],\"type\":\"null\"}",
     "{\"b\":1}",
     "type: expected null, not object",
     NULL},
    {"{\"properties\":{\"x\":{\"oneOf\":[{\"items\":{\"type\":\"null\"}},{\"type\":\"null\"}]}}}",
     "{\"x\":[1]}",
     "oneOf: none of 2 hold",
     "/x"},

    {"{\"properties\":{\"in\":{\"$ref\":\"#\"}},\"required\":[\"x\"]}",
     "{\"x\":1,\"in\":{\"x\":2,\"in\":{\"x\":3}}}",
     NULL,
     NULL},
    {"{\"properties\":{\"in\":{\"$ref\":\"#\"}},\"required\":[\"x\"]}",
     "{\"x\":1,\"in\":{\"x\":2,\"in\":{\"in\":{}}}}",
     "required: \"x\" is missing",
     "/in/in/in"},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct check_case *it = &cases[i];
        struct fixture fixture;
        setup(&fixture, it->schema);
        const char *pointer = it->pointer == NULL ? "" : it->pointer;
        const char *detail = it->detail == NULL ? "" : it->detail;
        enum tide_json_outcome outcome = check(&fixture, "a", tide_view_of(it->document));
        if ((outcome == TIDE_JSON_VALID) != (it->detail == NULL) ||
            !tide_view_equal(fixture.fault.detail, tide_view_of(detail)) ||
            !tide_view_equal(fixture.fault.pointer, tide_view_of(pointer))) {
            fail_msg("%s of %s: '%.*s' at '%.*s'",
                     it->document,
                     it->schema,
                     TIDE_VIEW_ARGUMENTS(fixture.fault.detail),
                     TIDE_VIEW_ARGUMENTS(fixture.fault.pointer));
        }
        teardown(&fixture);
    }
}

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum tide_json_outcome outcome;
    } types[] = {
        {"a", TIDE_JSON_FAULTY},
        {"A", TIDE_JSON_FAULTY},
        {"", TIDE_JSON_VALID},
        {"b-\xc3\xa9", TIDE_JSON_VALID},
        {"B-\xc3\xa9", TIDE_JSON_VALID},
        {"B-\xc3\x89", TIDE_JSON_UNKNOWN}, /* only A..Z have small letters */
        {"a.json", TIDE_JSON_UNKNOWN},
        {"c", TIDE_JSON_UNKNOWN},
        {"a word that is longer than the name of any file", TIDE_JSON_UNKNOWN},
    };
    struct fixture it;
    setup(&it, "{\"required\":[\"x\"]}");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (check(&it, types[i].type, TIDE_VIEW("{}")) != types[i].outcome) {
            fail_msg("%s", types[i].type);
        }
    }
    teardown(&it);
}

/* The deepest record that there is, objects and arrays all the way, valid and with a fault inside;
 * the pointer stops where it would be too long. */
static void test_depth_and_long_pointers(void **state)
{
    (void)state;
    for (int is_faulty = 0; is_faulty < 2; is_faulty++) {
        struct fixture it;
        struct tide_bytes text = {0};
        setup(&it,
              "{\"properties\":{\"a name of some 40 bytes, so that 64 are too\":{\"$ref\":\"#\"}},"
              "\"minimum\":1}");
        for (int i = 0; i < 64; i++) {
            tide_bytes_append_text(&text, "{\"a name of some 40 bytes, so that 64 are too\":");
        }
        tide_bytes_append_text(&text, is_faulty ? "0" : "1");
        for (int i = 0; i < 64; i++) {
            tide_bytes_append_byte(&text, '}');
        }
        enum tide_json_outcome outcome = check(&it, "a", tide_bytes_view(&text));
        assert_int_equal(outcome, is_faulty ? TIDE_JSON_FAULTY : TIDE_JSON_VALID);
        if (is_faulty) {
            const size_t step = sizeof "/a name of some 40 bytes, so that 64 are too" - 1;
            assert_int_equal(it.fault.pointer.size, TIDE_JSON_POINTER_MAX / step * step);
        }
        tide_bytes_release(&text);
        teardown(&it);
    }
}

/* Long names are cut between characters. */
static void test_long_names(void **state)
{
    (void)state;
    struct fixture it;
    setup(&it, "{\"additionalProperties\":false}");
    struct tide_bytes text = {0};
    tide_bytes_append_text(&text, "{\"x");
    for (int i = 0; i < 1000; i++) {
        tide_bytes_append_text(&text, "\xc3\xa9");
    }
    tide_bytes_append_text(&text, "\":1}");
    assert_int_equal(check(&it, "a", tide_bytes_view(&text)), TIDE_JSON_FAULTY);
    assert_true(tide_view_starts_with(it.fault.detail, TIDE_VIEW("additionalProperties: \"x\xc3")));
    const char *quote = memchr(it.fault.detail.data + 23, '"', it.fault.detail.size - 23);
    assert_non_null(quote);
    assert_int_equal(quote[-1], '\xa9');
    tide_bytes_release(&text);
    teardown(&it);
}

/* Two alternatives that both lead inside: 2^60 ways, if nobody counted. */
static void test_work_is_bounded(void **state)
{
    (void)state;
    struct fixture it;
    struct tide_bytes text = {0};
    setup(&it,
          "{\"oneOf\":[{\"properties\":{\"x\":{\"$ref\":\"#\"}},\"required\":[\"y\"]},"
          "{\"properties\":{\"x\":{\"$ref\":\"#\"}}}]}");
    for (int i = 0; i < 60; i++) {
        tide_bytes_append_text(&text, "{\"y\":1,\"x\":");
    }
    tide_bytes_append_text(&text, "{\"y\":1}");
    for (int i = 0; i < 60; i++) {
        tide_bytes_append_byte(&text, '}');
    }
    assert_int_equal(check(&it, "a", tide_bytes_view(&text)), TIDE_JSON_FAULTY);
    assert_true(tide_view_starts_with(it.fault.detail, TIDE_VIEW("too much to check")));
    assert_int_equal(it.fault.pointer.size, 0);
    assert_int_equal(check(&it, "a", TIDE_VIEW("{\"x\":{}}")), TIDE_JSON_VALID);
    tide_bytes_release(&text);
    teardown(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_depth_and_long_pointers),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_work_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
