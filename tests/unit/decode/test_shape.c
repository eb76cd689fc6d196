/* Goal: a record that is compared with a shape gives what it gives when it is walked by bytes, and
 * one that differs in more than its values is not taken for it. Method: telemetry-like records
 * that repeat and differ a little, each decoded by a decoder of every scanner that has seen all
 * before it, against the portable one; every byte of a known record changed into every byte that
 * matters; more shapes than there is room for. */
#include "decode/shape.h"

#include "support/decoded.h"
#include "support/schema_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const char schema_yaml[] =
    "name: t\nentity: who\nid: mid\ntime: at_\npayload: p\n"
    "envelope: {events: es.list, sent_time: sent, id: mid}\n"
    "columns: {mid: {path: mid}, who: {path: who.id}, iso: {path: iso, type: time_iso},\n"
    "  n: {path: p.n, type: int}, x: {path: p.x, type: decimal}, b: {path: p.b, type: bool},\n"
    "  at_: {path: at, type: time_ms, required: true},\n"
    "  g: {from: mid, map: [{'*[a-c]?': one}, {'[!x]*': two}], default: three}}\n";

struct fixture {
    struct schema_text text;
    struct tide_batch *batch;
    struct tide_decoder *decoders[SCANNER_VARIANTS_MAX];
    const char *names[SCANNER_VARIANTS_MAX];
    size_t count;
    struct tide_bytes expected;
    struct tide_bytes found;
};

static void setup(struct fixture *it)
{
    memset(it, 0, sizeof *it);
    assert_non_null(schema_text_load(&it->text, schema_yaml));
    assert_int_equal(tide_batch_create(it->text.schema, 64, &it->batch, NULL), TIDE_OK);
    it->count = scanner_variants(it->names);
    for (size_t i = 0; i < it->count; i++) {
        it->decoders[i] = decoded_create(it->text.schema, it->names[i]);
    }
}

static void teardown(struct fixture *it)
{
    for (size_t i = 0; i < it->count; i++) {
        tide_decoder_destroy(it->decoders[i]);
    }
    tide_batch_destroy(it->batch);
    tide_bytes_release(&it->expected);
    tide_bytes_release(&it->found);
    schema_text_release(&it->text);
}

/* All decoders say of it what the first one, which walks by bytes, says. In memory that holds it
 * and nothing else: a sanitizer sees who reads before or behind it. */
static void check(struct fixture *it, struct tide_view text, enum tide_framing framing)
{
    char *memory = malloc(text.size + 1);
    assert_non_null(memory);
    memcpy(memory, text.data, text.size);
    char *exact = realloc(memory, text.size == 0 ? 1 : text.size);
    assert_non_null(exact);
    const struct tide_view block = {exact, text.size};
    tide_bytes_reset(&it->expected);
    decoded_append(it->decoders[0], it->batch, block, framing, &it->expected);
    for (size_t i = 1; i < it->count; i++) {
        tide_bytes_reset(&it->found);
        decoded_append(it->decoders[i], it->batch, block, framing, &it->found);
        if (!tide_view_equal(tide_bytes_view(&it->expected), tide_bytes_view(&it->found))) {
            fail_msg("%s, framing %d:\n%.*s\nexpected %s\nfound    %s",
                     it->names[i],
                     (int)framing,
                     TIDE_VIEW_ARGUMENTS(block),
                     tide_bytes_terminated(&it->expected),
                     tide_bytes_terminated(&it->found));
        }
    }
    free(exact);
}

static const char *const records[] = {
    "{\"mid\":\"abc\",\"who\":{\"id\":\"u1\",\"type\":\"User\"},\"at\":1700000000000,\"p\":{\"n\":"
    "1,"
    "\"x\":2.5,\"b\":true}}",
    "{\"at\":1700000000000,\"mid\":\"\",\"who\":{\"id\":\"\"},\"p\":{\"n\":-12,\"x\":1e3,\"b\":"
    "false"
    ",\"list\":[1,2,{\"a\":[]}]}}",
    "{ \"mid\" : \"m\", \"at\": 1700000000000 ,\t\"p\": { \"n\": 1 , \"q\": [ ] }, \"who\": {}, "
    "\"iso\": \"2026-03-01T00:00:00Z\" }",
    "{\"at\":\"no time\",\"mid\":12,\"who\":null,\"p\":{\"n\":\"one\",\"x\":\"two\",\"b\":0},\"z\":"
    "\"......................\"}",
    "{\"p\":{\"x\":1,\"n\":2},\"at\":1700000000000,\"mid\":\"\xc3\xa9\xe2\x82\xac\",\"other\":{"
    "\"deep\":[[[[\"x\"]]]],\"n\":null}}",
    "{\"a\":1,\"b\":2,\"at\":1700000000000,\"mid\":\"m\",\"who\":{\"id\":\"user with a long "
    "name\"},"
    "\"p\":\"text\"}",
    /* the same tokens, but the second one's stand where the first one's text has not begun */
    "{\"a first key that is long\":\"\",\"a second key that is long\":\"\",\"at\":1700000000000,"
    "\"mid\":\"m\"}",
    "{\"a\":\"\",\"b\":\"\",\"at\":1700000000000,\"mid\":\"a value that is long enough for a "
    "shape\"}",
};

static void append_record(struct tide_bytes *bytes, enum tide_framing framing, const char *record)
{
    if (framing == TIDE_FRAMING_ARRAY && bytes->size > 0) {
        tide_bytes_append_byte(bytes, ',');
    }
    tide_bytes_append_text(bytes, record);
    if (framing == TIDE_FRAMING_NDJSON) {
        tide_bytes_append_byte(bytes, '\n');
    }
}

static void test_repeated(void **state)
{
    (void)state;
    struct fixture it;
    setup(&it);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        for (int times = 0; times < 5; times++) {
            check(&it, tide_view_of(records[i]), TIDE_FRAMING_EVENT);
            check(&it, tide_view_of(records[i]), TIDE_FRAMING_DOCUMENT);
            check(&it, tide_view_of(records[i]), TIDE_FRAMING_NDJSON);
        }
    }
    struct tide_bytes lines = {0};
    struct tide_bytes array = {0};
    for (int times = 0; times < 100; times++) { /* more rows than a batch has */
        for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
            append_record(&lines, TIDE_FRAMING_NDJSON, records[i]);
            append_record(&array, TIDE_FRAMING_ARRAY, records[i]);
        }
    }
    check(&it, tide_bytes_view(&lines), TIDE_FRAMING_NDJSON);
    struct tide_bytes whole = {0};
    tide_bytes_append_byte(&whole, '[');
    tide_bytes_append_view(&whole, tide_bytes_view(&array));
    tide_bytes_append_byte(&whole, ']');
    check(&it, tide_bytes_view(&whole), TIDE_FRAMING_ARRAY);
    tide_bytes_reset(&whole);
    tide_bytes_append_text(&whole, "{\"mid\":\"e\",\"es\":{\"list\":[");
    tide_bytes_append_view(&whole, tide_bytes_view(&array));
    tide_bytes_append_text(&whole, "]},\"sent\":1700000000001}");
    check(&it, tide_bytes_view(&whole), TIDE_FRAMING_DOCUMENT);
    tide_bytes_release(&whole);
    tide_bytes_release(&lines);
    tide_bytes_release(&array);
    teardown(&it);
}

/* One byte is another one, is gone, or is there twice, wherever it stands; in the middle of good
 * records, which know their shape. */
static void test_every_byte(void **state)
{
    (void)state;
    static const char bytes[] = "\"\\{}[],: \n\tx0-.e\x01\xc3\xff";
    struct fixture it;
    setup(&it);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        const size_t size = strlen(records[i]);
        for (size_t place = 0; place < size; place++) {
            for (size_t k = 0; k < sizeof bytes + 1; k++) {
                struct tide_bytes text = {0};
                append_record(&text, TIDE_FRAMING_NDJSON, records[i]);
                append_record(&text, TIDE_FRAMING_NDJSON, records[i]);
                const size_t start = text.size;
                append_record(&text, TIDE_FRAMING_NDJSON, records[i]);
                if (k < sizeof bytes - 1) {
                    text.data[start + place] = bytes[k];
                } else if (k == sizeof bytes - 1) {
                    memmove(text.data + start + place, text.data + start + place + 1, size - place);
                    text.size--;
                }
                append_record(&text,
                              TIDE_FRAMING_NDJSON,
                              records[(i + 1) % (sizeof records / sizeof *records)]);
                check(&it, tide_bytes_view(&text), TIDE_FRAMING_NDJSON);
                const size_t end = start + size - (k == sizeof bytes - 1);
                const struct tide_view one = {text.data + start, end - start};
                check(&it, one, TIDE_FRAMING_EVENT);
                tide_bytes_release(&text);
            }
        }
    }
    teardown(&it);
}

/* The same tokens with other keys: they crowd into the sets, and each is still itself. */
static void test_many_shapes(void **state)
{
    (void)state;
    struct fixture it;
    setup(&it);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1500; i++) {
            struct tide_bytes text = {0};
            for (int times = 0; times < 3; times++) {
                tide_bytes_append_format(&text,
                                         "{\"key-%d\":\"a value that is long enough to count\","
                                         "\"at\":17000000000%02d,\"mid\":\"m%d\"%s}\n",
                                         i / 2,
                                         times,
                                         i,
                                         i % 2 == 0 ? "" : ",\"p\":{\"n\":5}");
            }
            check(&it, tide_bytes_view(&text), TIDE_FRAMING_NDJSON);
            tide_bytes_release(&text);
        }
    }
    teardown(&it);
}

/* Numbers of every length, and of all kinds of bytes that are near to digits. */
static void test_numbers(void **state)
{
    (void)state;
    static const char *const odd[] = {"", ".5", "e2", "/", ":", "x", "-", "E", " "};
    struct fixture it;
    setup(&it);
    for (size_t length = 1; length <= 20; length++) {
        for (size_t k = 0; k < sizeof odd / sizeof odd[0]; k++) {
            struct tide_bytes text = {0};
            for (size_t at = 0; at <= length; at++) { /* where the odd one stands */
                const char digits[] = "19876543210123456789";
                tide_bytes_append_format(&text,
                                         "{\"at\":17000000000%02zu,\"p\":{\"n\":%.*s%s%.*s},"
                                         "\"mid\":\"a record that is long enough\"}\n",
                                         at,
                                         (int)at,
                                         digits,
                                         odd[k],
                                         (int)(length - at),
                                         digits + at);
            }
            check(&it, tide_bytes_view(&text), TIDE_FRAMING_NDJSON);
            tide_bytes_release(&text);
        }
    }
    teardown(&it);
}

/* Lines that do not fit into what is indexed at a time, among others that do. */
static void test_long_lines(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 16300, 16400, 20, 70000, 9000, 300000, 1, 1, 140000};
    struct fixture it;
    setup(&it);
    for (int is_ended = 0; is_ended < 2; is_ended++) {
        struct tide_bytes text = {0};
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            tide_bytes_append_format(
                &text,
                "%s{\"at\":1700000000000,\"mid\":\"m%zu\",\"p\":{\"n\":1},\"z\":\"%*s\"}",
                i == 0 ? "" : "\n",
                i,
                (int)sizes[i],
                "z");
        }
        tide_bytes_append_text(&text, is_ended ? "\n" : "");
        check(&it, tide_bytes_view(&text), TIDE_FRAMING_NDJSON);
        text.data[50000] = '\n'; /* broken inside a string */
        check(&it, tide_bytes_view(&text), TIDE_FRAMING_NDJSON);
        tide_bytes_release(&text);
    }
    teardown(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers),
                                       cmocka_unit_test(test_long_lines),
                                       cmocka_unit_test(test_repeated),
                                       cmocka_unit_test(test_every_byte),
                                       cmocka_unit_test(test_many_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
