/* Goal: an event's verdict is that of its first wrong column, values are converted by type, derived
 * columns follow, the identity ignores white space. Method: one schema with a column of each type,
 * a table of events. Rejections that concern a whole text are test_decode's. */
#include "decode/extract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "support/schema_text.h"

#include "base/banned.h"

static const char schema_yaml[] =
    "name: t\nentity: who\nid: mid\ntime: at_\npayload: p\n"
    "columns: {mid: {path: mid, required: true}, who: {path: who},\n"
    "  at_: {path: at, type: time_ms, required: true}, iso: {path: iso, type: time_iso},\n"
    "  text: {path: p.text}, whole: {path: p.whole, type: int}, x: {path: p.x, type: decimal},\n"
    "  flag: {path: p.flag, type: bool}, again: {path: p.text},\n"
    "  group_: {from: text, map: [{'x*': X}, {'?': One}]},\n"
    "  other: {from: text, map: [{'x*': X}], default: Rest}}\n";

struct fixture {
    struct schema_text text;
    struct tide_arena arena;
    struct tide_plan plan;
    struct tide_extractor extractor;
    struct tide_batch *batch;
};

static void setup(struct fixture *it, bool strict)
{
    char yaml[1024];
    memcpy(yaml, schema_yaml, sizeof schema_yaml);
    if (strict) {
        memcpy(yaml + sizeof schema_yaml - 1, "strict: true", sizeof "strict: true");
    }
    it->arena = (struct tide_arena){0};
    assert_non_null(schema_text_load(&it->text, yaml));
    assert_int_equal(tide_plan_init(&it->plan, it->text.schema, false, &it->arena), TIDE_OK);
    it->extractor = (struct tide_extractor){.schema = it->text.schema};
    tide_hash_key_init(&it->extractor.key, 7);
    assert_int_equal(tide_deriver_init(&it->extractor.deriver, it->text.schema), TIDE_OK);
    assert_int_equal(tide_batch_create(it->text.schema, 64, &it->batch, NULL), TIDE_OK);
}

static void teardown(struct fixture *it)
{
    tide_batch_destroy(it->batch);
    tide_shapes_release(&it->plan.shapes);
    tide_deriver_release(&it->extractor.deriver);
    tide_bytes_release(&it->extractor.compact);
    tide_bytes_release(&it->extractor.canonical);
    tide_arena_release(&it->arena);
    schema_text_release(&it->text);
}

/* The row. */
static uint32_t extract(struct fixture *it, const char *text)
{
    const char *end = text + strlen(text);
    struct tide_scan scan = {.end = end, .readable = end, .depth_max = 64, .depth_event = 64};
    assert_ptr_equal(tide_walk_event(&it->plan.walk, &scan, text), end);
    struct tide_found found = {.text = tide_view_of(text), .is_object = *text == '{'};
    tide_extract_event(&it->extractor, &it->plan, found, it->batch);
    return it->batch->row_count - 1;
}

static const struct extract_case {
    const char *text;
    enum tide_reason reason;
    const char *pointer; /* of a rejected one */
    const char *columns; /* of an accepted one */
} cases[] = {
    {"[]", TIDE_REASON_NOT_AN_OBJECT, "", NULL},
    {"{}", TIDE_REASON_MISSING, "/mid", NULL},
    {"{\"mid\":null,\"at\":1}", TIDE_REASON_MISSING, "/mid", NULL},
    {"{\"mid\":1,\"at\":1}", TIDE_REASON_TYPE, "/mid", NULL},
    {"{\"mid\":\"m\"}", TIDE_REASON_MISSING, "/at", NULL},
    {"{\"mid\":\"m\",\"at\":\"1\"}", TIDE_REASON_TYPE, "/at", NULL},
    {"{\"mid\":\"m\",\"at\":1.5}", TIDE_REASON_TIME_INVALID, "/at", NULL},
    {"{\"at\":1.5,\"mid\":7}", TIDE_REASON_TYPE, "/mid", NULL},
    {"{\"mid\":\"m\",\"mid\":\"m\",\"at\":1}", TIDE_REASON_DUPLICATE_KEY, "/mid", NULL},
    {"{\"mid\":\"m\",\"at\":1,\"p\":1,\"p\":{}}", TIDE_REASON_DUPLICATE_KEY, "/p/text", NULL},
    {"{\"p\":1,\"p\":{},\"at\":1}", TIDE_REASON_MISSING, "/mid", NULL},
    {"{\"mid\":\"\",\"who\":\"\",\"at\":1}",
     TIDE_REASON_ACCEPTED,
     NULL,
     "null,null,1000,null,null,null,null,null,null,null,null"},
    {"{\"mid\":\"m\",\"who\":\"\\u0077\",\"at\":1.5E3,\"iso\":\"1970-01-01T00:00:01Z\","
     "\"p\":{\"text\":\"xy\",\"whole\":2e2,\"x\":-0.5,\"flag\":true}}",
     TIDE_REASON_ACCEPTED,
     NULL,
     "\"m\",\"w\",1500000,1000000,\"xy\",200,-0.5,true,\"xy\",\"X\",\"X\""},
    {"{\"mid\":\"m\",\"at\":1,\"iso\":\"soon\",\"who\":5,\"p\":{\"text\":\"\",\"whole\":1.5,"
     "\"x\":1e12,\"flag\":0}}",
     TIDE_REASON_ACCEPTED,
     NULL,
     "\"m\",null,1000,null,\"\",null,null,null,\"\",null,\"Rest\""},
    {"{\"mid\":\"m\",\"at\":1,\"p\":{\"text\":\"\\ud83d\\ude00\",\"flag\":\"true\"}}",
     TIDE_REASON_ACCEPTED,
     NULL,
     "\"m\",null,1000,null,\"\xf0\x9f\x98\x80\",null,null,null,\"\xf0\x9f\x98\x80\",\"One\","
     "\"Rest\""},
};

static void test_table(void **state)
{
    (void)state;
    struct fixture it;
    setup(&it, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t row = extract(&it, cases[i].text);
        const struct tide_verdict *verdict = &it.batch->verdicts[row];
        assert_string_equal(tide_reason_name(verdict->reason), tide_reason_name(cases[i].reason));
        if (verdict->reason != TIDE_REASON_ACCEPTED) {
            assert_true(tide_view_equal(verdict->pointer, tide_view_of(cases[i].pointer)));
            assert_true(verdict->detail.size > 0);
            continue;
        }
        struct tide_bytes text = {0};
        for (uint32_t column = 0; column < it.text.schema->column_count; column++) {
            tide_bytes_append_text(&text, column > 0 ? "," : "");
            tide_value_write_json(tide_batch_value(it.batch, column, row), &text);
        }
        assert_string_equal(tide_bytes_terminated(&text), cases[i].columns);
        tide_bytes_release(&text);
    }
    teardown(&it);
}

static void test_strict(void **state)
{
    (void)state;
    struct fixture it;
    setup(&it, true);
    uint32_t row = extract(&it, "{\"mid\":\"m\",\"at\":1,\"iso\":\"soon\",\"who\":\"\"}");
    assert_int_equal(it.batch->verdicts[row].reason, TIDE_REASON_TIME_INVALID);
    row = extract(&it, "{\"mid\":\"m\",\"at\":1,\"p\":{\"flag\":0}}");
    assert_int_equal(it.batch->verdicts[row].reason, TIDE_REASON_TYPE);
    row = extract(&it, "{\"mid\":\"m\",\"at\":1,\"p\":{\"flag\":null}}");
    assert_int_equal(it.batch->verdicts[row].reason, TIDE_REASON_ACCEPTED);
    teardown(&it);
}

/* The first one's identity again, or not. */
static void test_identity(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool same;
    } events[] = {
        {"{\"mid\":\"m\",\"at\":1,\"p\":{\"text\":\"a \\\" b\",\"z\":[1,2]}}", true},
        {"{\"p\" : { \"text\":\t\"a \\\" b\" , \"z\":[ 1 , 2 ]},\"at\":1.0 , \"mid\":\"\\u006d\"}",
         true},
        {"{\"mid\":\"m\",\"at\":1,\"p\":{\"text\":\"a  \\\" b\",\"z\":[1,2]}}", false},
        {"{\"mid\":\"m\",\"at\":1,\"p\":{\"z\":[1,2],\"text\":\"a \\\" b\"}}", false},
        {"{\"mid\":\"m\",\"at\":1,\"p\":{\"text\":\"a \\u0022 b\",\"z\":[1,2]}}", false},
        {"{\"mid\":\"m\",\"at\":2,\"p\":{\"text\":\"a \\\" b\",\"z\":[1,2]}}", false},
        {"{\"mid\":\"m\",\"at\":1,\"other\":1,\"p\":{\"text\":\"a \\\" b\",\"z\":[1,2]}}", true},
    };
    struct fixture it;
    setup(&it, false);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        uint32_t row = extract(&it, events[i].text);
        assert_int_equal(it.batch->verdicts[row].reason, TIDE_REASON_ACCEPTED);
        if (tide_u128_equal(it.batch->uids[0], it.batch->uids[row]) != events[i].same) {
            fail_msg("identity of %s", events[i].text);
        }
    }
    assert_true(tide_view_equal(it.batch->payloads[1],
                                TIDE_VIEW("{ \"text\":\t\"a \\\" b\" , \"z\":[ 1 , 2 ]}")));
    teardown(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_strict),
                                       cmocka_unit_test(test_identity)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
