/* Goal: the schema that we write is the one that we accept, and every change that our rows would
 * not fit is refused with its name. Method: the exact JSON; then metaData with one thing changed
 * each. */
#include "unit/lake/fixture.h"

#include "lake/delta_internal.h"

/* Replaces the first `from` of text by `to`. */
static void replace(struct tide_bytes *text, const char *from, const char *to)
{
    const char *found = strstr(tide_bytes_terminated(text), from);
    assert_non_null(found);
    struct tide_bytes result = {0};
    tide_bytes_append(&result, text->data, (size_t)(found - text->data));
    tide_bytes_append_text(&result, to);
    tide_bytes_append_text(&result, found + strlen(from));
    tide_bytes_release(text);
    *text = result;
}

static void test_exact(void **state)
{
    (void)state;
    struct tide_bytes json = {0};
    tide_delta_schema_write(&fixture_layout, &json);
    assert_string_equal(
        tide_bytes_terminated(&json),
        "{\"type\":\"struct\",\"fields\":["
        "{\"name\":\"text\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"long\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"decimal\",\"type\":\"decimal(18,6)\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"boolean\",\"type\":\"boolean\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"time\",\"type\":\"timestamp\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"bytes\",\"type\":\"binary\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"received_time\",\"type\":\"timestamp\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"event_date\",\"type\":\"date\",\"nullable\":true,\"metadata\":{}}]}");
    tide_bytes_release(&json);
}

static void test_double(void **state)
{
    (void)state;
    struct tide_bytes json = {0};
    tide_delta_schema_write(&fixture_double_layout, &json);
    assert_string_equal(
        tide_bytes_terminated(&json),
        "{\"type\":\"struct\",\"fields\":["
        "{\"name\":\"double\",\"type\":\"double\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"window_date\",\"type\":\"date\",\"nullable\":true,\"metadata\":{}}]}");
    tide_bytes_release(&json);
}

static const struct {
    const char *from; /* of the schema, "" for none */
    const char *to;
    const char *metadata; /* what stands beside the schemaString */
    const char *wanted;   /* a part of the error; NULL: accepted */
} cases[] = {
    {"", "", "\"partitionColumns\":[\"event_date\"]", NULL},
    {"", "", "\"partitionColumns\":[\"event_date\"],\"description\":\"mine\"", NULL},
    {"\"metadata\":{}",
     "\"metadata\":{\"comment\":\"who\"}",
     "\"partitionColumns\":[\"event_date\"],\"configuration\":{\"delta.appendOnly\":\"true\"}",
     NULL},
    {"\"long\"", "\"lang\"", "\"partitionColumns\":[\"event_date\"]", "'lang' where 'long'"},
    {"\"type\":\"long\"",
     "\"type\":\"integer\"",
     "\"partitionColumns\":[\"event_date\"]",
     "'long' of the table has type integer, not long"},
    {"decimal(18,6)", "decimal(18,7)", "\"partitionColumns\":[\"event_date\"]", "decimal(18,7)"},
    {"\"nullable\":true",
     "\"nullable\":false",
     "\"partitionColumns\":[\"event_date\"]",
     "'text' of the table has a rule"},
    {"\"metadata\":{}",
     "\"metadata\":{\"delta.invariants\":\"x\"}",
     "\"partitionColumns\":[\"event_date\"]",
     "'text' of the table has a rule"},
    {"]}",
     ",{\"name\":\"more\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}",
     "\"partitionColumns\":[\"event_date\"]",
     "has 9 columns, we know 8"},
    {",{\"name\":\"event_date\",\"type\":\"date\",\"nullable\":true,\"metadata\":{}}",
     "",
     "\"partitionColumns\":[\"event_date\"]",
     "no column 'event_date'"},
    {"\"fields\"", "\"felds\"", "\"partitionColumns\":[\"event_date\"]", "no fields"},
    {"", "", "\"partitionColumns\":[]", "not partitioned by event_date"},
    {"", "", "\"partitionColumns\":[\"text\"]", "not partitioned by event_date"},
    {"", "", "\"partitionColumns\":[\"event_date\",\"text\"]", "not partitioned by event_date"},
    {"", "", "\"name\":\"x\"", "not partitioned by event_date"},
    {"",
     "",
     "\"partitionColumns\":[\"event_date\"],"
     "\"configuration\":{\"delta.setTransactionRetentionDuration\":\"interval 1 day\"}",
     "delta.setTransactionRetentionDuration"},
};

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_arena arena = {0};
        struct tide_bytes schema = {0};
        struct tide_bytes text = {0};
        struct tide_json *json = NULL;
        struct tide_error error = {0};
        tide_delta_schema_write(&fixture_layout, &schema);
        if (cases[i].from[0] != '\0') {
            replace(&schema, cases[i].from, cases[i].to);
        }
        tide_bytes_append_format(&text, "{%s", cases[i].metadata);
        tide_json_write_text_member(&text, "schemaString", tide_bytes_view(&schema));
        tide_bytes_append_text(&text, "}");
        assert_int_equal(tide_json_parse(&arena, tide_bytes_view(&text), &json, NULL), TIDE_OK);
        enum tide_status status = tide_delta_schema_check(&fixture_layout, json, &arena, &error);
        assert_int_equal(status, cases[i].wanted == NULL ? TIDE_OK : TIDE_REJECT);
        if (cases[i].wanted != NULL && strstr(error.text, cases[i].wanted) == NULL) {
            fail_msg("%s: %s", cases[i].wanted, error.text);
        }
        tide_bytes_release(&schema);
        tide_bytes_release(&text);
        tide_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_double),
        cmocka_unit_test(test_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
