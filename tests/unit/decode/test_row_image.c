/* Goal: a row that is restored from an image is the row that decoding gives, and an image says so
 * where it cannot be.
 * Method: records are decoded as a collector does it; each image is restored beside a copy of the
 * record's text that lies elsewhere, and the row is compared, as text, with the decoded one. By
 * hand, with every value that JSON may have, and with 3,000 records of devices. */
#include "decode/row_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "support/decoded.h"
#include "support/json_cases.h"
#include "support/preset_schema.h"

#include "base/banned.h"

enum {
    ROWS = 64
};

static const char schema_yaml[] =
    "name: t\nentity: who\nid: mid\ntime: at_\npayload: p\n"
    "envelope: {events: events, sent_time: sent}\n"
    "columns: {mid: {path: mid}, who: {path: who}, v: {path: v}, n: {path: n, type: int},\n"
    "  x: {path: x, type: decimal}, b: {path: b, type: bool}, t: {path: iso, type: time_iso},\n"
    "  at_: {path: at, type: time_ms, required: true},\n"
    "  kind: {from: v, map: [{'a*': first}], default: other}}\n";

static const char *scanner;

struct fixture {
    struct tide_decoder *router;
    struct tide_decoder *reader;
    struct tide_batch *routed;
    struct tide_batch *read; /* of one record, decoded or restored */
    struct tide_row_image *image;
    struct tide_bytes wanted;
    struct tide_bytes found;
    uint64_t restored;
    uint64_t decoded; /* because the image said so */
};

static void setup(struct fixture *it, const struct tide_schema *schema)
{
    *it = (struct fixture){0};
    it->router = decoded_create(schema, scanner);
    it->reader = decoded_create(schema, scanner);
    tide_decoder_route_only(it->router);
    assert_int_equal(tide_batch_create(schema, ROWS, &it->routed, NULL), TIDE_OK);
    assert_int_equal(tide_batch_create(schema, 1, &it->read, NULL), TIDE_OK);
    const size_t size = tide_row_image_size(schema);
    assert_int_equal(size % 16, 0);
    it->image = malloc(size);
    memset(it->image, 0xa5, size);
}

static void teardown(struct fixture *it)
{
    tide_decoder_destroy(it->router);
    tide_decoder_destroy(it->reader);
    tide_batch_destroy(it->routed);
    tide_batch_destroy(it->read);
    free(it->image);
    tide_bytes_release(&it->wanted);
    tide_bytes_release(&it->found);
}

static void check_row(struct fixture *it, uint32_t row)
{
    const struct tide_view text = it->routed->texts[row];
    tide_row_image_take(it->routed, row, it->image);
    char *copy = malloc(text.size + 1); /* the reader's own */
    memcpy(copy, text.data, text.size);
    const struct tide_view mine = {copy, text.size};
    tide_batch_reset(it->read);
    if (!tide_decoder_restore(it->reader, mine, it->image, it->read)) {
        assert_int_equal(it->read->row_count, 0);
        it->decoded++;
        free(copy);
        return;
    }
    assert_int_equal(it->read->row_count, 1);
    tide_bytes_reset(&it->found);
    decoded_append_row(it->read, 0, copy, &it->found);
    assert_false(tide_decoder_restore(it->reader, mine, it->image, it->read)); /* it is full */
    tide_batch_reset(it->read);
    tide_decoder_begin(it->reader, mine, TIDE_FRAMING_EVENT);
    assert_int_equal(tide_decoder_next(it->reader, it->read), TIDE_OK);
    tide_bytes_reset(&it->wanted);
    decoded_append_row(it->read, 0, copy, &it->wanted);
    assert_string_equal(tide_bytes_terminated(&it->found), tide_bytes_terminated(&it->wanted));
    it->restored++;
    free(copy);
}

static void check(struct fixture *it, struct tide_view block, enum tide_framing framing)
{
    enum tide_status status = TIDE_AGAIN;
    tide_decoder_begin(it->router, block, framing);
    while (status == TIDE_AGAIN) {
        tide_batch_reset(it->routed);
        status = tide_decoder_next(it->router, it->routed);
        for (uint32_t row = 0; row < it->routed->row_count; row++) {
            check_row(it, row);
        }
    }
}

static const struct {
    const char *event;
    bool is_restored;
} cases[] = {
    {"{\"at\":1}", true},
    {"{\"at\":1,\"iso\":\"2026-03-20T09:00:00Z\"}", true},
    {"{\"at\":1,\"iso\":\"2026-03-20T09:00:00\\u005a\"}", true}, /* it is a number by then */
    {"{\"at\":1,\"who\":\"\",\"mid\":\"\",\"v\":\"\"}", true},
    {"{\"at\":1700000000000,\"who\":\"u1\",\"mid\":\"m1\",\"v\":\"abc\",\"n\":-5,\"x\":1.25,"
     "\"b\":true,\"p\":{\"a\":[1,2]}}",
     true},
    {" { \"at\" : 1 , \"who\" : \"u1\" , \"p\" : [ 1 , \" a \" ] , \"v\" : null } ", true},
    {"{\"p\":\"a b\",\"at\":1,\"b\":false,\"n\":9223372036854775807,\"x\":0.0000005}", true},
    {"{\"at\":1,\"who\":\"u1\",\"p\":{\"s\":\"\\u0041\"}}", true}, /* no column has the escape */
    {"{\"at\":1,\"v\":\"\\u0041b\"}", false},
    {"{\"at\":1,\"who\":\"u\\n\"}", false},
    {"{\"at\":1,\"v\":5}", false},
    {"{\"at\":1,\"n\":\"5\"}", false},
    {"{\"at\":\"x\"}", false},
    {"{\"at\":1", false},
    {"[1]", false},
};

static void test_by_hand(void **state)
{
    (void)state;
    struct schema_text text;
    struct fixture it;
    if (schema_text_load(&text, schema_yaml) == NULL) {
        fail_msg("%s", tide_bytes_terminated(&text.messages));
    }
    setup(&it, text.schema);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint64_t restored = it.restored;
        const uint64_t decoded = it.decoded;
        check(&it, tide_view_of(cases[i].event), TIDE_FRAMING_EVENT);
        if (it.restored != restored + cases[i].is_restored ||
            it.decoded != decoded + !cases[i].is_restored) {
            fail_msg("%s", cases[i].event);
        }
    }
    teardown(&it);
    schema_text_release(&text);
}

/* A wrong value in a row does not hide its neighbours. */
static void test_neighbours(void **state)
{
    (void)state;
    static const char lines[] = "{\"at\":1,\"n\":1,\"who\":\"a\"}\n"
                                "{\"at\":2,\"n\":\"2\",\"who\":\"b\"}\n"
                                "{\"at\":3,\"n\":3,\"who\":\"c\"}\n";
    struct schema_text text;
    struct fixture it;
    assert_non_null(schema_text_load(&text, schema_yaml));
    setup(&it, text.schema);
    check(&it, TIDE_VIEW(lines), TIDE_FRAMING_NDJSON);
    assert_int_equal(it.restored, 2);
    assert_int_equal(it.decoded, 1);
    teardown(&it);
    schema_text_release(&text);
}

/* Elements of an envelope and of an array. */
static void test_elements(void **state)
{
    (void)state;
    static const char elements[] =
        "[{\"at\":1,\"who\":\"a\"}, {\"at\":2,\"p\":{ \"x\":1 }},{\"at\":3,\"v\":\"\\n\"},7]";
    struct schema_text text;
    struct fixture it;
    struct tide_bytes envelope = {0};
    assert_non_null(schema_text_load(&text, schema_yaml));
    setup(&it, text.schema);
    check(&it, TIDE_VIEW(elements), TIDE_FRAMING_ARRAY);
    assert_int_equal(it.restored, 2);
    assert_int_equal(it.decoded, 2);
    tide_bytes_append_format(&envelope, "{\"sent\":5,\"events\":%s}", elements);
    check(&it, tide_bytes_view(&envelope), TIDE_FRAMING_DOCUMENT);
    assert_int_equal(it.restored, 4);
    assert_int_equal(it.decoded, 4);
    tide_bytes_release(&envelope);
    teardown(&it);
    schema_text_release(&text);
}

/* As many columns as there may be, on both sides of every word of bits; some are absent. */
static void test_many_columns(void **state)
{
    (void)state;
    static const uint32_t counts[] = {63, 64, 65, 128, 129, TIDE_SCHEMA_COLUMNS_MAX};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct schema_text text;
        struct fixture it;
        struct tide_bytes yaml = {0};
        struct tide_bytes event = {0};
        tide_bytes_append_text(&yaml,
                               "name: t\nentity: who\nid: mid\ntime: at_\ncolumns:\n"
                               "  mid: {path: mid}\n  who: {path: who}\n"
                               "  at_: {path: at, type: time_ms, required: true}\n");
        tide_bytes_append_text(&event, "{\"at\":1,\"who\":\"w\"");
        for (uint32_t c = 3; c < counts[i]; c++) {
            tide_bytes_append_format(
                &yaml, "  c%u: {path: p%u, type: %s}\n", c, c, c % 2 == 0 ? "int" : "string");
            if (c % 3 != 0) {
                tide_bytes_append_format(
                    &event, c % 2 == 0 ? ",\"p%u\":%u" : ",\"p%u\":\"v%u\"", c, c * 7);
            }
        }
        tide_bytes_append_byte(&event, '}');
        if (schema_text_load(&text, tide_bytes_terminated(&yaml)) == NULL) {
            fail_msg("%s", tide_bytes_terminated(&text.messages));
        }
        assert_int_equal(text.schema->path_column_count, counts[i]);
        setup(&it, text.schema);
        check(&it, tide_bytes_view(&event), TIDE_FRAMING_EVENT);
        assert_int_equal(it.restored, 1);
        teardown(&it);
        schema_text_release(&text);
        tide_bytes_release(&event);
        tide_bytes_release(&yaml);
    }
}

/* Every value of the cases, in every column. */
static void test_values(void **state)
{
    (void)state;
    static const char *const members[] = {"mid", "who", "v", "n", "x", "b", "p", "iso", "at"};
    struct schema_text text;
    struct json_cases values;
    struct fixture it;
    struct tide_bytes event = {0};
    assert_non_null(schema_text_load(&text, schema_yaml));
    setup(&it, text.schema);
    json_cases_load(&values, "valid_values.txt", true);
    for (size_t i = 0; i < values.count; i++) {
        for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++) {
            tide_bytes_reset(&event);
            tide_bytes_append_format(&event, "{\"%s\":", members[m]);
            tide_bytes_append_view(&event, values.items[i].bytes);
            tide_bytes_append_text(&event,
                                   strcmp(members[m], "at") == 0 ? "}" : ",\"q\":{},\"at\":1}");
            check(&it, tide_bytes_view(&event), TIDE_FRAMING_EVENT);
        }
    }
    assert_true(it.restored > values.count);
    assert_true(it.decoded > values.count);
    tide_bytes_release(&event);
    json_cases_release(&values);
    teardown(&it);
    schema_text_release(&text);
}

static void test_devices(void **state)
{
    (void)state;
    struct preset_schema preset;
    struct tide_bytes lines = {0};
    struct fixture it;
    assert_non_null(preset_schema_load(&preset, "device"));
    setup(&it, preset.schema);
    assert_int_equal(tide_io_read_file(tide_io_os(),
                                       TIDE_TEST_SOURCE_ROOT "/tests/data/device-3000.ndjson",
                                       &lines,
                                       16 << 20,
                                       NULL),
                     TIDE_OK);
    check(&it, tide_bytes_view(&lines), TIDE_FRAMING_NDJSON);
    assert_true(it.restored > 2000);
    assert_true(it.restored + it.decoded >= 3000);
    tide_bytes_release(&lines);
    teardown(&it);
    preset_schema_release(&preset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_many_columns),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_devices),
    };
    const char *scanners[SCANNER_VARIANTS_MAX];
    const size_t count = scanner_variants(scanners);
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        scanner = scanners[i];
        failed += cmocka_run_group_tests_name(scanner, tests, NULL, NULL);
    }
    return failed;
}
