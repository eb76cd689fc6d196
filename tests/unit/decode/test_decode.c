/* Goal: framing, envelopes, limits; and that neither the batch's size nor its filling level changes
 * any row. Method: each block is decoded with batches of 1, 2, 3 and 64 rows, and the rows are
 * written as lines "reason@offset+size sent". */
#include "decode/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "event/uid.h"
#include "support/decoded.h"
#include "support/schema_text.h"

#include "base/banned.h"

static const char schema_yaml[] = "name: t\nentity: who\nid: mid\ntime: at_\npayload: p\n"
                                  "envelope: {events: es.list, sent_time: sent, id: mid}\n"
                                  "columns: {mid: {path: mid}, who: {path: who},\n"
                                  "  at_: {path: at, type: time_ms, required: true}}\n";

struct fixture {
    struct schema_text text;
    struct tide_decoder *decoder;
    struct tide_bytes rows;
};

static void setup(struct fixture *it)
{
    it->rows = (struct tide_bytes){0};
    assert_non_null(schema_text_load(&it->text, schema_yaml));
    assert_int_equal(tide_decoder_create(it->text.schema, 1, &it->decoder, NULL), TIDE_OK);
}

static void teardown(struct fixture *it)
{
    tide_decoder_destroy(it->decoder);
    tide_bytes_release(&it->rows);
    schema_text_release(&it->text);
}

static void write_rows(struct fixture *it, const struct tide_batch *batch, struct tide_view block)
{
    for (uint32_t row = 0; row < batch->row_count; row++) {
        tide_bytes_append_format(&it->rows,
                                 "%s@%zu+%zu",
                                 tide_reason_name(batch->verdicts[row].reason),
                                 (size_t)(batch->texts[row].data - block.data),
                                 batch->texts[row].size);
        if (tide_instant_known(batch->sents[row])) {
            tide_bytes_append_format(&it->rows, " %lld", (long long)batch->sents[row].us);
        }
        tide_bytes_append_byte(&it->rows, '\n');
    }
}

/* The rows as text; valid until the next call. The block ends where its memory ends. */
static const char *decode(struct fixture *it,
                          struct tide_view block,
                          enum tide_framing framing,
                          uint32_t row_capacity)
{
    struct tide_batch *batch = NULL;
    assert_int_equal(tide_batch_create(it->text.schema, row_capacity, &batch, NULL), TIDE_OK);
    tide_bytes_reset(&it->rows);
    tide_decoder_begin(it->decoder, block, framing);
    enum tide_status status = TIDE_AGAIN;
    while (status == TIDE_AGAIN) {
        status = tide_decoder_next(it->decoder, batch);
        write_rows(it, batch, block);
        tide_batch_reset(batch);
    }
    assert_int_equal(status, TIDE_OK);
    assert_int_equal(tide_decoder_next(it->decoder, batch), TIDE_OK);
    assert_int_equal(batch->row_count, 0);
    tide_batch_destroy(batch);
    return tide_bytes_terminated(&it->rows);
}

static const struct decode_case {
    enum tide_framing framing;
    const char *text;
    const char *rows;
    uint64_t record_count;
    bool split_failed, is_envelope;
} cases[] = {
    {TIDE_FRAMING_NDJSON, "", "", 0, false, false},
    {TIDE_FRAMING_NDJSON, "\n \t\r\n\n", "", 0, false, false},
    {TIDE_FRAMING_NDJSON,
     "{\"at\":1}\n\r\n{\"at\":2}\r\n[1]\n{\"at\":3",
     "accepted@0+8\naccepted@11+9\nnot_an_object@21+3\njson_invalid@25+7\n",
     4,
     false,
     false},
    {TIDE_FRAMING_NDJSON,
     "\v\n\xef\xbb\xbf{}\n\xff\n",
     "json_invalid@0+1\njson_invalid@2+5\nutf8_invalid@8+1\n",
     3,
     false,
     false},
    /* envelopes: events, sent times, empty, not a list, broken behind the events, duplicates */
    {TIDE_FRAMING_NDJSON,
     "{\"es\":{\"list\":[{\"at\":1},2, {\"at\":\"\\ud800\"} ]},\"sent\":5}\n{\"at\":9}",
     "accepted@15+8 5000\nnot_an_object@24+1 5000\nutf8_invalid@27+15 5000\naccepted@56+8\n",
     2,
     false,
     false},
    {TIDE_FRAMING_NDJSON,
     "{\"es\":{\"list\":[]}}\n{\"es\":{\"list\":[{\"at\":1}]},\"sent\":1.5}",
     "accepted@34+8\n",
     2,
     false,
     false},
    {TIDE_FRAMING_NDJSON,
     "{\"es\":{\"list\":7},\"at\":1}\n{\"es\":[1],\"at\":1}",
     "accepted@0+24\naccepted@25+17\n",
     2,
     false,
     false},
    {TIDE_FRAMING_NDJSON,
     "{\"es\":{\"list\":[{\"at\":1},{\"at\":2},{\"at\":3}]}\n{\"at\":1}",
     "json_invalid@0+43\naccepted@44+8\n",
     2,
     false,
     false},
    {TIDE_FRAMING_NDJSON,
     "{\"es\":{\"list\":[{\"at\":1},{\"at\":2}]},\"es\":{}}",
     "duplicate_key@0+43\n",
     1,
     false,
     false},
    {TIDE_FRAMING_NDJSON,
     "{\"es\":{\"list\":[{\"at\":1},{\"at\":2}]},\"sent\":1,\"sent\":1}",
     "duplicate_key@0+53\n",
     1,
     false,
     false},
    {TIDE_FRAMING_NDJSON, "{\"sent\":1,\"sent\":1,\"at\":1}", "accepted@0+26\n", 1, false, false},
    /* documents */
    {TIDE_FRAMING_DOCUMENT, "", "json_invalid@0+0\n", 1, true, false},
    {TIDE_FRAMING_DOCUMENT, "\n{\"at\"\n:1}\n", "accepted@0+11\n", 1, false, false},
    {TIDE_FRAMING_DOCUMENT, "[{\"at\":1}]", "not_an_object@0+10\n", 1, false, false},
    {TIDE_FRAMING_DOCUMENT, "{\"at\":1}{", "json_invalid@0+9\n", 1, true, false},
    {TIDE_FRAMING_DOCUMENT,
     "{\"mid\":\"\\u0078\",\"es\":{\"list\":[\n{\"at\":1},{}]}}",
     "accepted@31+8\nmissing@40+2\n",
     1,
     false,
     true},
    /* arrays */
    {TIDE_FRAMING_ARRAY,
     " [{\"at\":1},\n{\"at\":2} , 3,{\"es\":{\"list\":[]}}] ",
     "accepted@2+8\naccepted@12+8\nnot_an_object@23+1\nmissing@25+18\n",
     4,
     false,
     false},
    {TIDE_FRAMING_ARRAY, "[]", "", 0, false, false},
    {TIDE_FRAMING_ARRAY,
     "[{\"at\":1},{\"at\":2},{\"at\":3},]",
     "json_invalid@0+29\n",
     1,
     true,
     false},
    {TIDE_FRAMING_ARRAY, "[{\"at\":1}]x", "json_invalid@0+11\n", 1, true, false},
    {TIDE_FRAMING_ARRAY, "[{\"at\":1},\"\xff\"]", "utf8_invalid@0+14\n", 1, true, false},
    {TIDE_FRAMING_ARRAY, "{\"at\":1}", "accepted@0+8\n", 1, false, false},
    {TIDE_FRAMING_ARRAY,
     "{\"es\":{\"list\":[{\"at\":1}]},\"sent\":2}",
     "accepted@15+8 2000\n",
     1,
     false,
     true},
    /* one event: what looks like an envelope is none */
    {TIDE_FRAMING_EVENT,
     "{\"es\":{\"list\":[{\"at\":1}]},\"at\":2}",
     "accepted@0+33\n",
     1,
     false,
     false},
    {TIDE_FRAMING_EVENT, "{\"at\":2", "json_invalid@0+7\n", 1, true, false},
};

static void test_table(void **state)
{
    (void)state;
    static const uint32_t capacities[] = {64, 3, 2, 1};
    struct fixture it;
    setup(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = strlen(cases[i].text);
        char *block = malloc(size > 0 ? size : 1); /* exact, so that the sanitizer sees the end */
        memcpy(block, cases[i].text, size);
        for (size_t k = 0; k < sizeof capacities / sizeof *capacities; k++) {
            const char *rows =
                decode(&it, (struct tide_view){block, size}, cases[i].framing, capacities[k]);
            struct tide_decoder_facts facts = tide_decoder_facts(it.decoder);
            if (strcmp(rows, cases[i].rows) != 0 || facts.record_count != cases[i].record_count ||
                facts.split_failed != cases[i].split_failed ||
                facts.is_envelope != cases[i].is_envelope) {
                fail_msg("case %zu, capacity %u: %llu records, %d %d\n%s",
                         i,
                         capacities[k],
                         (unsigned long long)facts.record_count,
                         facts.split_failed,
                         facts.is_envelope,
                         rows);
            }
        }
        free(block);
    }
    teardown(&it);
}

static void test_envelope_id(void **state)
{
    (void)state;
    struct fixture it;
    setup(&it);
    decode(&it, TIDE_VIEW("{\"mid\":\"\\u0078y\",\"es\":{\"list\":[]}}"), TIDE_FRAMING_DOCUMENT, 4);
    assert_true(tide_view_equal(tide_decoder_facts(it.decoder).envelope_id, TIDE_VIEW("xy")));
    decode(&it, TIDE_VIEW("{\"mid\":7,\"es\":{\"list\":[]}}"), TIDE_FRAMING_DOCUMENT, 4);
    assert_int_equal(tide_decoder_facts(it.decoder).envelope_id.size, 0);
    teardown(&it);
}

/* prefix, then size - prefix - suffix bytes, then suffix. */
static struct tide_view padded(struct tide_bytes *bytes,
                               const char *prefix,
                               size_t size,
                               const char *suffix)
{
    tide_bytes_reset(bytes);
    tide_bytes_append_text(bytes, prefix);
    size_t fill = size - strlen(prefix) - strlen(suffix);
    assert_true(tide_bytes_reserve(bytes, fill));
    memset(bytes->data + bytes->size, 'a', fill);
    bytes->size += fill;
    tide_bytes_append_text(bytes, suffix);
    assert_int_equal(bytes->size, size);
    return tide_bytes_view(bytes);
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        enum tide_framing framing;
        const char *prefix, *suffix;
        size_t size;
        const char *rows;
    } sizes[] = {
        {TIDE_FRAMING_NDJSON, "{\"at\":1,\"x\":\"", "\"}", 1 << 20, "accepted@0+1048576\n"},
        {TIDE_FRAMING_NDJSON, "{\"at\":1,\"x\":\"", "\"}", (1 << 20) + 1, "too_large@0+1048577\n"},
        {TIDE_FRAMING_NDJSON,
         "{\"at\":1,\"x\":\"",
         "\"",
         (1 << 20) + 1,
         "json_invalid@0+1048577\n"},
        {TIDE_FRAMING_NDJSON,
         "{\"x\":\"",
         "\",\"es\":{\"list\":[{\"at\":1}]}}",
         8 << 20,
         "accepted@8388597+8\n"},
        {TIDE_FRAMING_NDJSON,
         "{\"x\":\"",
         "\",\"es\":{\"list\":[{\"at\":1}]}}",
         (8 << 20) + 1,
         "too_large@0+8388609\n"},
        {TIDE_FRAMING_NDJSON, "{\"x\":\"\xff", "", (8 << 20) + 1, "utf8_invalid@0+8388609\n"},
        {TIDE_FRAMING_NDJSON,
         "{\"es\":{\"list\":[{\"at\":1,\"x\":\"",
         "\"},{\"at\":1}]}}",
         (1 << 20) + 28,
         "too_large@15+1048577\naccepted@1048593+8\n"},
        {TIDE_FRAMING_EVENT, "{\"at\":1,\"x\":\"", "\"}", (1 << 20) + 1, "too_large@0+1048577\n"},
        {TIDE_FRAMING_EVENT, "{", "", (1 << 20) + 1, "too_large@0+1048577\n"},
        {TIDE_FRAMING_ARRAY,
         "[{\"at\":1,\"x\":\"",
         "\"},{\"at\":1}]",
         (1 << 20) + 12,
         "too_large@1+1048577\naccepted@1048579+8\n"},
    };
    struct fixture it;
    struct tide_bytes bytes = {0};
    setup(&it);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct tide_view block = padded(&bytes, sizes[i].prefix, sizes[i].size, sizes[i].suffix);
        assert_string_equal(decode(&it, block, sizes[i].framing, 1), sizes[i].rows);
    }
    tide_bytes_release(&bytes);
    teardown(&it);
}

static void test_depths(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *suffix;
        int depth; /* of brackets between them */
        const char *reason;
    } depths[] = {
        {"{\"at\":1,\"x\":", "}", 63, "accepted"},
        {"{\"at\":1,\"x\":", "}", 64, "too_deep"}, /* the event's limit */
        {"{\"at\":1,\"x\":", "}", 65, "too_deep"},
        {"{\"at\":1,\"x\":", "", 65, "json_invalid"}, /* the line's limit is 66 */
        {"{\"at\":1,\"x\":", "", 66, "too_deep"},
        {"{\"es\":{\"list\":[{\"at\":1,\"x\":", "}]}}", 62, "accepted"}, /* three brackets around */
        {"{\"es\":{\"list\":[{\"at\":1,\"x\":", "}]}}", 63, "too_deep"},
    };
    struct fixture it;
    struct tide_bytes bytes = {0};
    setup(&it);
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        tide_bytes_reset(&bytes);
        tide_bytes_append_text(&bytes, depths[i].prefix);
        for (int k = 0; k < 2 * depths[i].depth; k++) {
            tide_bytes_append_byte(&bytes, k < depths[i].depth ? '[' : ']');
        }
        tide_bytes_append_text(&bytes, depths[i].suffix);
        const char *rows = decode(&it, tide_bytes_view(&bytes), TIDE_FRAMING_NDJSON, 4);
        if (strncmp(rows, depths[i].reason, strlen(depths[i].reason)) != 0) {
            fail_msg("depth case %zu: %s", i, rows);
        }
    }
    tide_bytes_release(&bytes);
    teardown(&it);
}

/* Strings with escapes fill the arena long before the batch has no rows left. */
static void test_arena_stays_in_budget(void **state)
{
    (void)state;
    struct fixture it;
    struct tide_bytes bytes = {0};
    setup(&it);
    for (int line = 0; line < 40; line++) {
        tide_bytes_append_text(&bytes, "{\"at\":1,\"who\":\"");
        for (int i = 0; i < 500000; i++) {
            tide_bytes_append_text(&bytes, "\\n");
        }
        tide_bytes_append_text(&bytes, "\"}\n");
    }
    const char *rows = decode(&it, tide_bytes_view(&bytes), TIDE_FRAMING_NDJSON, 64);
    size_t count = 0;
    for (; (rows = strstr(rows, "accepted")) != NULL; rows++) {
        count++;
    }
    assert_int_equal(count, 40);
    tide_bytes_release(&bytes);
    teardown(&it);
}

static const struct judged_case {
    const char *event, *reason, *pointer;
} judged_cases[] = {
    {"{\"kind\":\"parent\",\"at\":1}", "accepted", NULL},
    {"{\"kind\":\"Parent\",\"id\":\"\",\"at\":1}", "accepted", NULL},
    {"{\"kind\":\"parent\",\"id\":5,\"at\":1}", "schema", "/id"},
    {"{\"kind\":\"parent\",\"id\":5}", "schema", "/id"}, /* before the columns */
    {"{\"kind\":\"parent\",\"id\":5,\"at\":1,\"at\":2}", "schema", "/id"},
    {"{\"kind\":\"parent\"}", "missing", "/at"},
    {"{\"kind\":\"actor\",\"type\":\"t\",\"at\":1}", "schema", ""},
    {"{\"kind\":\"nobody\"}", "schema_unknown", "/kind"},
    {"{\"kind\":\"\\u0070arent\",\"at\":1}", "accepted", NULL},
    {"{\"kind\":\"nobody\",\"kind\":\"parent\",\"at\":1}", "accepted", NULL},
    {"{\"kind\":7}", "missing", "/kind"},
    {"{}", "missing", "/kind"},
    {"7", "not_an_object", ""},
    {"{\"kind\":\"\\ud800\"}", "utf8_invalid", ""},
};

/* Events judged by a JSON Schema: alone, as lines, and in an envelope. */
static void test_json_schema(void **state)
{
    (void)state;
    static const char yaml[] = "name: t\nentity: who\nid: mid\ntime: at_\n"
                               "validate: {json_schema: sunbird-3.0, by: kind}\n"
                               "envelope: {events: es}\n"
                               "columns: {mid: {path: mid}, who: {path: who},\n"
                               "  at_: {path: at, type: time_ms, required: true}}\n";
    struct fixture it = {.rows = {0}};
    struct tide_batch *batch = NULL;
    struct tide_bytes envelope = {0};
    assert_non_null(schema_text_load(&it.text, yaml));
    assert_int_equal(tide_decoder_create(it.text.schema, 1, &it.decoder, NULL), TIDE_OK);
    assert_int_equal(tide_batch_create(it.text.schema, 64, &batch, NULL), TIDE_OK);
    tide_bytes_append_text(&envelope, "{\"es\":[");
    for (size_t i = 0; i < sizeof judged_cases / sizeof *judged_cases; i++) {
        tide_bytes_append_text(&envelope, i > 0 ? " , " : "");
        tide_bytes_append_text(&envelope, judged_cases[i].event);
        tide_decoder_begin(it.decoder, tide_view_of(judged_cases[i].event), TIDE_FRAMING_EVENT);
        assert_int_equal(tide_decoder_next(it.decoder, batch), TIDE_OK);
    }
    tide_bytes_append_text(&envelope, "]}");
    tide_decoder_begin(it.decoder, tide_bytes_view(&envelope), TIDE_FRAMING_NDJSON);
    assert_int_equal(tide_decoder_next(it.decoder, batch), TIDE_OK);
    const uint32_t count = sizeof judged_cases / sizeof *judged_cases;
    assert_int_equal(batch->row_count, 2 * count);
    for (uint32_t row = 0; row < batch->row_count; row++) {
        const struct tide_verdict *verdict = &batch->verdicts[row];
        const char *pointer = judged_cases[row % count].pointer;
        assert_string_equal(tide_reason_name(verdict->reason), judged_cases[row % count].reason);
        assert_true(pointer == NULL || tide_view_equal(verdict->pointer, tide_view_of(pointer)));
        assert_true(pointer == NULL || verdict->detail.size > 0);
    }
    tide_bytes_release(&envelope);
    tide_batch_destroy(batch);
    teardown(&it);
}

/* Files that were no schemas: whoever loads definitions tells it earlier, and better. */
static void test_json_schema_that_is_none(void **state)
{
    (void)state;
    struct schema_text text;
    struct tide_decoder *decoder = NULL;
    struct tide_error error = {0};
    assert_non_null(schema_text_load(&text, schema_yaml));
    struct tide_schema_file file = {TIDE_VIEW("x.json"), TIDE_VIEW("{\"anyOf\":[]}")};
    struct tide_schema schema = *text.schema;
    schema.validation.by = TIDE_VIEW("kind");
    schema.validation.files = (struct tide_schema_files){.items = &file, .count = 1};
    assert_int_equal(tide_decoder_create(&schema, 1, &decoder, &error), TIDE_REJECT);
    assert_string_equal(error.text, "x.json#/anyOf: this keyword is not supported");
    assert_null(decoder);
    schema_text_release(&text);
}

/* Who only routes has all but the identity of events that are routed by their entity. */
static void test_route_only(void **state)
{
    (void)state;
    static const char text[] = "{\"at\":1700000000000,\"who\":\"u1\",\"n\":1,\"p\":{\"x\":1}}\n"
                               "{\"at\":1700000000000,\"n\":2,\"p\":{\"x\":2}}\n"
                               "{\"at\":1700000000000,\"who\":\"\",\"n\":3}\n"
                               "{\"at\":0.5}\n";
    enum {
        PARTITIONS = 1000,
        ROWS = 4
    };
    struct fixture it;
    struct tide_decoder *router = NULL;
    struct tide_batch *batches[2];
    setup(&it);
    assert_int_equal(tide_decoder_create(it.text.schema, 1, &router, NULL), TIDE_OK);
    tide_decoder_route_only(router);
    struct tide_decoder *decoders[2] = {it.decoder, router};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tide_batch_create(it.text.schema, ROWS, &batches[i], NULL), TIDE_OK);
        tide_decoder_begin(decoders[i], TIDE_VIEW(text), TIDE_FRAMING_NDJSON);
        assert_int_equal(tide_decoder_next(decoders[i], batches[i]), TIDE_OK);
        assert_int_equal(batches[i]->row_count, ROWS);
    }
    for (uint32_t row = 0; row < ROWS; row++) {
        const bool has_entity = row == 0;
        const struct tide_u128 uid = batches[0]->uids[row];
        assert_int_equal(batches[0]->verdicts[row].reason, batches[1]->verdicts[row].reason);
        assert_int_equal(tide_route(batches[0], row, PARTITIONS),
                         tide_route(batches[1], row, PARTITIONS));
        assert_true(
            tide_u128_equal(batches[1]->uids[row], has_entity ? (struct tide_u128){0, 0} : uid));
        assert_true(row == ROWS - 1 || !tide_u128_equal(uid, (struct tide_u128){0, 0}));
    }
    for (int i = 0; i < 2; i++) {
        tide_batch_destroy(batches[i]);
    }
    tide_decoder_destroy(router);
    teardown(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_envelope_id),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_depths),
        cmocka_unit_test(test_arena_stays_in_budget),
        cmocka_unit_test(test_json_schema),
        cmocka_unit_test(test_json_schema_that_is_none),
        cmocka_unit_test(test_route_only),
    };
    const char *scanners[SCANNER_VARIANTS_MAX];
    const size_t count = scanner_variants(scanners);
    int failed = 0;
    for (size_t i = 0; i < count; i++) { /* all of it with each */
        (void)setenv(SCANNER_VARIABLE, scanners[i], 1);
        failed += cmocka_run_group_tests_name(scanners[i], tests, NULL, NULL);
    }
    return failed;
}
