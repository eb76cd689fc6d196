/* Goal: RFC 8259 and nothing else. Each text that is not JSON is rejected with its reason and the
 * byte at fault, wherever it stands; its neighbours are what they are without it; each text that is
 * JSON is accepted with its value. On every scanner.
 *
 * Method: the cases of tests/data/json. A value stands in turn in declared and undeclared places
 * ("places"); the record stands between good ones, which are compared, column by column, with the
 * same records decoded alone. The record's broken byte is moved over every offset of a block of 64
 * bytes, over the borders of larger blocks, and reads end at each of its bytes. Every block is
 * memory of exactly its size, so that a sanitizer sees the first byte too far.
 *
 * A text with a line feed in it is two lines, so it is tried in every framing but NDJSON. */
#include "decode/decode.h"
#include "decode/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/json_cases.h"
#include "support/scanner_variants.h"
#include "support/schema_text.h"

#include "base/banned.h"

static const char schema_yaml[] =
    "name: t\nentity: mid\nid: mid\ntime: at_\npayload: p\n"
    "envelope: {events: es.list, sent_time: sent, id: mid}\n"
    "columns: {mid: {path: mid}, at_: {path: at, type: time_ms, required: true}, txt: {path: "
    "txt},\n"
    "  whole: {path: int, type: int}, exact: {path: dec, type: decimal}, flg: {path: flg, type: "
    "bool},\n"
    "  moment: {path: ms, type: time_ms}, iso: {path: iso, type: time_iso}, nested: {path: "
    "p.in}}\n";

/* Where a value stands: the event around it, and what is around the event. */
struct place {
    const char *record_start, *event_start, *event_end, *record_end;
    const char *column; /* of valid values: a place for that column only; NULL: undeclared */
    uint32_t events_before, events_after; /* of an envelope */
    bool is_envelope, is_beside; /* beside: no event's part, so escapes are not looked at */
};

#define DECLARED(key)                                                                              \
    {                                                                                              \
        "", "{\"at\":1,\"" key "\":", ",\"z\":0}", "", key, 0, 0, false, false                     \
    }

static const struct place places[] = {
    DECLARED("txt"),
    {"", "{\"at\":1,\"unk\":", ",\"z\":0}", "", NULL, 0, 0, false, false},
    DECLARED("int"),
    DECLARED("dec"),
    DECLARED("flg"),
    DECLARED("ms"),
    DECLARED("iso"),
    {"", "{\"at\":1,\"txt\":", "}", "", "txt", 0, 0, false, false},
    {"", "{\"at\":1,\"p\":{\"in\":", "}}", "", "in", 0, 0, false, false},
    {"", "{\"at\":1,\"unk\":", "}", "", NULL, 0, 0, false, false},
    {"", "{\"at\":1,\"unk\":[0,", ",0]}", "", NULL, 0, 0, false, false},
    {"", "{\"at\":1,\"unk\":[[],", "]}", "", NULL, 0, 0, false, false},
    {"", "{\"at\":1,\"unk\":{\"y\":", ",\"z\":[]}}", "", NULL, 0, 0, false, false},
    {"", "{\"at\":1,\"p\":{\"unk\":", "}}", "", NULL, 0, 0, false, false},
    {"{\"es\":{\"list\":[{\"at\":7},",
     "{\"at\":1,\"txt\":",
     "}",
     ",{\"at\":8}]}}",
     "txt",
     1,
     1,
     true,
     false},
    {"{\"es\":{\"list\":[{\"at\":7},",
     "{\"at\":1,\"unk\":",
     "}",
     ",{\"at\":8}]}}",
     NULL,
     1,
     1,
     true,
     false},
    {"{\"es\":{\"list\":[{\"at\":7}]},\"unk\":", "", "", "}", NULL, 1, 0, true, true},
};

/* Places for what is not JSON only: what is JSON there would be no event. */
static const struct place bare_places[] = {
    {"", "", "", "", NULL, 0, 0, false, false},
    {"{\"es\":{\"list\":[{\"at\":7},", "", "", ",{\"at\":8}]}}", NULL, 1, 1, true, false},
};

enum {
    PLACES = sizeof places / sizeof *places,
    BARE_PLACES = sizeof bare_places / sizeof *bare_places,
    BLOCK = 64,
    KEY_SIZE = 3,
    ROWS_MAX = 512,
    LINE_FIRST = 40, /* bytes of a line among many */
    LINE_LAST_MIN = 32,
};

static const uint32_t no_column = UINT32_MAX;

/* Good records, and what they are on their own. The events of envelopes are among them. */
static const char *const good[] = {
    "{\"at\":7}",
    "{\"at\":8}",
    "{\"at\":1}",
    "{\"mid\":\"a\\u0062\\n\",\"at\":1566242911079,\"txt\":\"\xc3\xa9\\\"[\",\"p\":{\"in\":\"\"}}",
    " { \"dec\" : 1.25e2 , \"flg\" : true , \"at\" : 5 , \"p\" : [ 1 , { } ] , \"u\" : \"]}\" } ",
    "{\"int\":-12,\"iso\":\"2020-01-01T00:00:00Z\",\"at\":6,\"txt\":\"\\ud83d\\ude00\"}",
};

enum {
    GOOD = sizeof good / sizeof *good,
    GOOD_7 = 0,
    GOOD_8,
    GOOD_1,
    GOOD_FIRST,
    GOOD_SECOND,
    GOOD_THIRD,
};

/* One row that must come. */
struct wanted {
    uint32_t reference;            /* a good record it equals, ... */
    enum tide_reason reason;       /* ... or, unless ACCEPTED, why it is rejected */
    ptrdiff_t fault;               /* in the row's text */
    const struct json_case *holds; /* NULL, or a case whose value its column holds */
};

struct stream {
    struct tide_bytes bytes;
    struct wanted rows[ROWS_MAX];
    uint32_t row_count;
};

static struct {
    struct schema_text text;
    struct tide_decoder *decoder;
    struct tide_batch *batches[4]; /* of 1, 2, 3 and 64 rows */
    struct tide_batch *reference;
    struct json_cases values, records, valid;
    struct tide_bytes reference_bytes;
    uint64_t decoded, rejected, accepted; /* blocks, cases and cases so far */
    struct tide_view name;                /* of the case at hand */
} it;

/* ---- comparing ---- */

static void write_detail(char *detail,
                         size_t size,
                         const struct wanted *wanted,
                         struct tide_view text)
{
    const size_t fault = (size_t)wanted->fault;
    if (wanted->reason == TIDE_REASON_TOO_DEEP) {
        (void)snprintf(detail, size, "levels of nesting");
    } else if (wanted->reason == TIDE_REASON_JSON_INVALID && fault == text.size) {
        (void)snprintf(detail, size, "not JSON: ends too early, after %zu bytes", fault);
    } else if (wanted->reason == TIDE_REASON_JSON_INVALID) {
        (void)snprintf(detail, size, "not JSON at byte %zu", fault);
    } else if (fault < text.size && text.data[fault] == '\\') {
        (void)snprintf(detail, size, "an unpaired surrogate escape at byte %zu", fault);
    } else {
        (void)snprintf(detail, size, "not UTF-8 at byte %zu", fault);
    }
}

static void fail_row(struct tide_view block, uint32_t row, const struct tide_verdict *verdict)
{
    fail_msg("%.*s: row %u is %s \"%.*s\", in\n%.*s",
             TIDE_VIEW_ARGUMENTS(it.name),
             row,
             tide_reason_name(verdict->reason),
             TIDE_VIEW_ARGUMENTS(verdict->detail),
             (int)(block.size < 2000 ? block.size : 0),
             block.data);
}

static bool is_rejected(const struct tide_batch *batch, uint32_t row, const struct wanted *wanted)
{
    char detail[100];
    const struct tide_verdict *verdict = &batch->verdicts[row];
    write_detail(detail, sizeof detail, wanted, batch->texts[row]);
    const struct tide_view want = tide_view_of(detail);
    const bool tells =
        wanted->reason == TIDE_REASON_TOO_DEEP
            ? memmem(verdict->detail.data, verdict->detail.size, want.data, want.size) != NULL
            : tide_view_equal(verdict->detail, want);
    return verdict->reason == wanted->reason && verdict->pointer.size == 0 && tells;
}

static bool has_same_column(const struct tide_batch *a,
                            uint32_t row_a,
                            const struct tide_batch *b,
                            uint32_t row_b,
                            uint32_t column)
{
    const struct tide_vector *left = &a->columns[column];
    const struct tide_vector *right = &b->columns[column];
    if (left->present[row_a] != right->present[row_b] ||
        left->mistyped[row_a] != right->mistyped[row_b]) {
        return false;
    }
    return !left->present[row_a] ||
           (left->strings != NULL ? tide_view_equal(left->strings[row_a], right->strings[row_b])
                                  : left->numbers[row_a] == right->numbers[row_b]);
}

/* But for one column, or no column. */
static bool is_good(const struct tide_batch *batch, uint32_t row, uint32_t reference, uint32_t but)
{
    bool same = batch->verdicts[row].reason == TIDE_REASON_ACCEPTED;
    for (uint32_t i = 0; same && i < it.text.schema->column_count; i++) {
        same = i == but || has_same_column(batch, row, it.reference, reference, i);
    }
    /* The payload may hold the case's value, and then the identity does too. */
    return same && (but != no_column ||
                    (tide_u128_equal(batch->uids[row], it.reference->uids[reference]) &&
                     tide_view_equal(batch->payloads[row], it.reference->payloads[reference])));
}

/* The column whose path is that one key. */
static uint32_t column_of(struct tide_view key)
{
    uint32_t i = 0;
    while (i < it.text.schema->column_count &&
           !(it.text.schema->columns[i].path.depth == 1 &&
             tide_view_equal(it.text.schema->columns[i].path.keys[0], key))) {
        i++;
    }
    assert_true(i < it.text.schema->column_count);
    return i;
}

static bool holds(const struct tide_batch *batch, uint32_t row, const struct json_case *wanted)
{
    const struct tide_vector *vector = &batch->columns[column_of(wanted->column)];
    char number[24];
    if (wanted->is_null || !vector->present[row]) {
        return wanted->is_null && !vector->present[row];
    }
    if (vector->strings != NULL) {
        return tide_view_equal(vector->strings[row], wanted->expected);
    }
    (void)snprintf(number, sizeof number, "%lld", (long long)vector->numbers[row]);
    return tide_view_equal(tide_view_of(number), wanted->expected);
}

static void check_row(const struct tide_batch *batch,
                      uint32_t row,
                      const struct wanted *wanted,
                      struct tide_view block)
{
    bool right;
    if (wanted->reason != TIDE_REASON_ACCEPTED) {
        right = is_rejected(batch, row, wanted);
    } else if (wanted->holds != NULL) {
        right = is_good(batch, row, wanted->reference, column_of(wanted->holds->column)) &&
                holds(batch, row, wanted->holds);
    } else {
        right = is_good(batch, row, wanted->reference, no_column);
    }
    if (!right) {
        fail_row(block, row, &batch->verdicts[row]);
    }
}

/* Decodes a block and compares rows `from` and following; gives the next one's index. */
static uint32_t check_block(const struct stream *stream,
                            struct tide_view block,
                            enum tide_framing framing,
                            uint32_t from)
{
    struct tide_batch *batch = it.batches[it.decoded++ % 4];
    enum tide_status status = TIDE_AGAIN;
    uint32_t count = from;
    tide_decoder_begin(it.decoder, block, framing);
    while (status == TIDE_AGAIN) {
        tide_batch_reset(batch);
        status = tide_decoder_next(it.decoder, batch);
        for (uint32_t row = 0; row < batch->row_count; row++, count++) {
            if (count >= stream->row_count) {
                fail_row(block, count, &batch->verdicts[row]);
            }
            check_row(batch, row, &stream->rows[count], block);
        }
    }
    assert_int_equal(status, TIDE_OK);
    return count;
}

static void check(const struct stream *stream, enum tide_framing framing)
{
    assert_false(stream->bytes.failed);
    char *exact = malloc(stream->bytes.size + 1);
    assert_non_null(exact);
    memcpy(exact + 1, stream->bytes.data, stream->bytes.size); /* and not aligned */
    const struct tide_view block = {exact + 1, stream->bytes.size};
    const uint32_t count = check_block(stream, block, framing, 0);
    if (count != stream->row_count) {
        fail_msg("%.*s: %u rows, not %u", TIDE_VIEW_ARGUMENTS(it.name), count, stream->row_count);
    }
    free(exact);
}

/* ---- building ---- */

static void want(struct stream *stream, struct wanted wanted)
{
    assert_true(stream->row_count < ROWS_MAX);
    stream->rows[stream->row_count++] = wanted;
}

static void add_good(struct stream *stream, uint32_t index, const char *after)
{
    tide_bytes_append_text(&stream->bytes, good[index]);
    tide_bytes_append_text(&stream->bytes, after);
    want(stream, (struct wanted){.reference = index});
}

/* A good record of exactly that size, which equals GOOD_1. */
static void add_padding(struct stream *stream, size_t size)
{
    static const char head[] = "{\"at\":1,\"pad\":\"";
    static const char tail[] = "\"}\n";
    assert_true(size >= sizeof head + sizeof tail - 2);
    tide_bytes_append_text(&stream->bytes, head);
    for (size_t left = size - (sizeof head + sizeof tail - 2); left > 0; left--) {
        tide_bytes_append_byte(&stream->bytes, 'p');
    }
    tide_bytes_append_text(&stream->bytes, tail);
    want(stream, (struct wanted){.reference = GOOD_1});
}

/* Good records of usual sizes, so many bytes together. */
static void add_lines(struct stream *stream, size_t size)
{
    size_t left = size;
    for (size_t next = LINE_FIRST; left > next + LINE_LAST_MIN;
         next = LINE_FIRST + next * 7 % 300) {
        add_padding(stream, next);
        left -= next;
    }
    add_padding(stream, left);
}

/* What a record with a broken value gives: the events of an envelope live on if only an escape of
 * one of them is wrong. record_at: where the record starts. */
static void want_broken(struct stream *stream,
                        const struct place *place,
                        const struct json_case *broken,
                        bool is_surrogate)
{
    const size_t event_at = strlen(place->event_start);
    struct wanted wanted = {.reason = broken->reason, .fault = broken->fault};
    if (broken->fault >= 0) {
        wanted.fault += (ptrdiff_t)event_at;
    }
    if (!is_surrogate || !place->is_envelope) {
        wanted.fault += broken->fault >= 0 ? (ptrdiff_t)strlen(place->record_start) : 0;
        want(stream, wanted);
        return;
    }
    for (uint32_t i = 0; i < place->events_before; i++) {
        want(stream, (struct wanted){.reference = GOOD_7});
    }
    if (!place->is_beside) {
        want(stream, wanted);
    }
    for (uint32_t i = 0; i < place->events_after; i++) {
        want(stream, (struct wanted){.reference = GOOD_8});
    }
}

static bool is_surrogate(const struct json_case *broken)
{
    return broken->reason == TIDE_REASON_UTF8_INVALID &&
           (size_t)broken->fault < broken->bytes.size && broken->bytes.data[broken->fault] == '\\';
}

static void append_record(struct tide_bytes *bytes,
                          const struct place *place,
                          struct tide_view value)
{
    tide_bytes_append_text(bytes, place->record_start);
    tide_bytes_append_text(bytes, place->event_start);
    tide_bytes_append_view(bytes, value);
    tide_bytes_append_text(bytes, place->event_end);
    tide_bytes_append_text(bytes, place->record_end);
}

static void add_broken(struct stream *stream,
                       const struct place *place,
                       const struct json_case *broken,
                       const char *after)
{
    append_record(&stream->bytes, place, broken->bytes);
    tide_bytes_append_text(&stream->bytes, after);
    want_broken(stream, place, broken, is_surrogate(broken));
}

static void clear(struct stream *stream)
{
    tide_bytes_reset(&stream->bytes);
    stream->row_count = 0;
}

/* ---- every case in every place ---- */

static bool is_one_line(const struct json_case *broken)
{
    return memchr(broken->bytes.data, '\n', broken->bytes.size) == NULL;
}

/* Between good lines; alone, as a document and as an event; and in an array, which it spoils. */
static void check_framings(struct stream *stream,
                           const struct place *place,
                           const struct json_case *broken)
{
    if (is_one_line(broken)) {
        clear(stream);
        add_good(stream, GOOD_FIRST, "\n");
        add_good(stream, GOOD_SECOND, "\r\n");
        add_broken(stream, place, broken, "\n");
        add_good(stream, GOOD_THIRD, "\n");
        add_good(stream, GOOD_1, "");
        check(stream, TIDE_FRAMING_NDJSON);
        clear(stream);
        add_good(stream, GOOD_FIRST, "\n");
        add_broken(stream, place, broken, "");
        check(stream, TIDE_FRAMING_NDJSON);
    }
    clear(stream);
    add_broken(stream, place, broken, "");
    check(stream, TIDE_FRAMING_DOCUMENT);
    if (!place->is_envelope) {
        check(stream, TIDE_FRAMING_EVENT);
    }
}

/* The array is one document: what is not JSON in one element is told of the whole. */
static void check_array(struct stream *stream,
                        const struct place *place,
                        const struct json_case *broken)
{
    static const char before[] = "[{\"at\":7},";
    const bool lives_on = is_surrogate(broken);
    if (place->is_envelope ||
        (broken->fault == (ptrdiff_t)broken->bytes.size && strlen(place->event_end) == 0)) {
        return; /* an array's next byte need not be the fault that the text's end is */
    }
    clear(stream);
    const struct place element = {
        before, place->event_start, place->event_end, ",{\"at\":8}]", NULL, 1, 1, lives_on, false};
    add_broken(stream, &element, broken, "");
    check(stream, TIDE_FRAMING_ARRAY);
}

static void check_values(const struct place *some, size_t count)
{
    struct stream stream = {0};
    for (size_t i = 0; i < it.values.count; i++) {
        const struct json_case *broken = &it.values.items[i];
        it.name = broken->name;
        for (size_t p = 0; p < count; p++) {
            check_framings(&stream, &some[p], broken);
            check_array(&stream, &some[p], broken);
            it.rejected++;
        }
    }
    tide_bytes_release(&stream.bytes);
}

static void test_values_in_every_place(void **state)
{
    (void)state;
    check_values(places, PLACES);
    check_values(bare_places, BARE_PLACES);
}

/* A case of invalid_records.txt with its key; in memory of `bytes`. */
static struct json_case with_key(const struct json_case *record,
                                 const char *key,
                                 struct tide_bytes *bytes)
{
    struct json_case made = *record;
    tide_bytes_reset(bytes);
    tide_bytes_append_view(bytes, record->bytes);
    char *at = bytes->data;
    char *const end = bytes->data + bytes->size;
    while ((at = memmem(at, (size_t)(end - at), "KEY", KEY_SIZE)) != NULL) {
        memcpy(at, key, KEY_SIZE);
        at += KEY_SIZE;
    }
    made.bytes = tide_bytes_view(bytes);
    return made;
}

static const char *const keys[] = {"int", "unk", "mid", "dec", "iso"};

static void test_records(void **state)
{
    (void)state;
    struct stream stream = {0};
    struct tide_bytes bytes = {0};
    for (size_t i = 0; i < it.records.count; i++) {
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            const struct json_case broken = with_key(&it.records.items[i], keys[k], &bytes);
            it.name = broken.name;
            check_framings(&stream, &bare_places[0], &broken);
            it.rejected++;
        }
    }
    tide_bytes_release(&bytes);
    tide_bytes_release(&stream.bytes);
}

/* A record with everything in it, cut short at each byte. Inside a character it is not UTF-8. */
static void test_cut_at_each_byte(void **state)
{
    (void)state;
    static const char rich[] = "{\"mid\":\"a\\u00e9\\\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\","
                               "\"at\":1566242911079,\"int\":-12,\"dec\":"
                               "-0.5e-1,\"flg\":false,\"u\":[true,null,{\"a\":[],\"b\":{}},"
                               "\"\\ud83d\\ude00\"],\"p\":{\"in\":\"x\","
                               "\"y\":[1.25E+2]},\"txt\":\"\",\"iso\":null}";
    struct stream stream = {0};
    it.name = TIDE_VIEW("cut at each byte");
    for (size_t size = 1; size < sizeof rich - 1; size++) {
        struct json_case cut = {
            .reason = TIDE_REASON_JSON_INVALID, .bytes = {rich, size}, .fault = (ptrdiff_t)size};
        if (((unsigned char)rich[size] & 0xC0) == 0x80) {
            cut.reason = TIDE_REASON_UTF8_INVALID;
            while (((unsigned char)rich[cut.fault] & 0xC0) == 0x80) {
                cut.fault--;
            }
        }
        check_framings(&stream, &bare_places[0], &cut);
        it.rejected++;
    }
    tide_bytes_release(&stream.bytes);
}

/* ---- borders ---- */

static size_t fault_in_record(const struct place *place, const struct json_case *broken)
{
    return strlen(place->record_start) + strlen(place->event_start) +
           (broken->fault >= 0 ? (size_t)broken->fault : 0);
}

/* The broken byte at `at` of the block, a good record on either side. */
static void check_fault_at(struct stream *stream,
                           size_t at,
                           void (*pad)(struct stream *stream, size_t size),
                           const struct place *place,
                           const struct json_case *broken)
{
    clear(stream);
    pad(stream, at - fault_in_record(place, broken));
    add_broken(stream, place, broken, "\n");
    add_good(stream, GOOD_FIRST, "\n");
    add_good(stream, GOOD_THIRD, "");
    check(stream, TIDE_FRAMING_NDJSON);
}

/* The smallest multiple of BLOCK that leaves room for the record's start and the padding. */
static size_t first_border(const struct place *place, const struct json_case *broken)
{
    return (fault_in_record(place, broken) / BLOCK + 2) * BLOCK;
}

static void test_every_offset_of_a_block(void **state)
{
    (void)state;
    struct stream stream = {0};
    struct tide_bytes bytes = {0};
    for (size_t i = 0; i < it.values.count + it.records.count; i++) {
        const bool is_value = i < it.values.count;
        for (size_t k = 0; k < 2; k++) { /* declared and not: of the places, and of the keys */
            const struct json_case broken =
                is_value ? it.values.items[i]
                         : with_key(&it.records.items[i - it.values.count], keys[k], &bytes);
            const struct place *place = is_value ? &places[k] : &bare_places[0];
            it.name = broken.name;
            for (size_t shift = 0; is_one_line(&broken) && shift < BLOCK; shift++) {
                check_fault_at(
                    &stream, first_border(place, &broken) + shift, add_padding, place, &broken);
            }
        }
    }
    tide_bytes_release(&bytes);
    tide_bytes_release(&stream.bytes);
}

/* Around the ends of blocks that a scanner may work in: behind one long line at one of them, and
 * behind many short ones at each place around two windows of lines (16 KiB, decode.c). */
static void test_borders_of_large_blocks(void **state)
{
    (void)state;
    static const size_t sizes[] = {4096, 65536, 131072, 262144, 524288, 1048576};
    struct stream stream = {0};
    for (size_t i = 0; i < it.values.count; i++) {
        const struct json_case *broken = &it.values.items[i];
        const size_t size = sizes[i % (sizeof sizes / sizeof *sizes)];
        it.name = broken->name;
        if (!is_one_line(broken)) {
            continue;
        }
        check_fault_at(&stream, size - 2 + i % 5, add_padding, &places[i % 2], broken);
        for (size_t k = 0; k < 20; k++) {
            const size_t at = (1 + k / 10) * (16 << 10) - 2 + k % 10 / 2;
            check_fault_at(&stream, at, add_lines, &places[k % 2], broken);
        }
    }
    tide_bytes_release(&stream.bytes);
}

/* Feeds bytes to the reader and decodes the blocks that come. */
static uint32_t check_read(struct tide_lines *lines,
                           const struct stream *stream,
                           struct tide_view bytes,
                           uint32_t row)
{
    char *space = NULL;
    size_t size = 0;
    tide_lines_space(lines, &space, &size);
    assert_true(size >= bytes.size);
    memcpy(space, bytes.data, bytes.size);
    tide_lines_filled(lines, bytes.size);
    for (;;) {
        const struct tide_lines_item item = tide_lines_next(lines);
        if (item.kind == TIDE_LINES_NEED) {
            return row;
        }
        assert_int_equal(item.kind, TIDE_LINES_BLOCK);
        row = check_block(stream, item.block, TIDE_FRAMING_NDJSON, row);
    }
}

/* Two reads, of which the first ends at each byte of the record in turn, and at each before it. */
static void test_borders_of_reads(void **state)
{
    (void)state;
    struct stream stream = {0};
    struct tide_lines *lines = NULL;
    assert_int_equal(tide_lines_create(BLOCK, &lines, NULL), TIDE_OK);
    for (size_t i = 0; i < it.values.count; i++) {
        const struct json_case *broken = &it.values.items[i];
        clear(&stream);
        add_good(&stream, GOOD_1, "\n");
        add_broken(&stream, &places[i % 2], broken, "\n");
        add_good(&stream, GOOD_FIRST, "\n");
        it.name = broken->name;
        const struct tide_view all = tide_bytes_view(&stream.bytes);
        const size_t end = fault_in_record(&places[i % 2], broken) + 16;
        for (size_t cut = 0; is_one_line(broken) && cut < end && cut < all.size; cut++) {
            uint32_t row = check_read(lines, &stream, tide_view_slice(all, 0, cut), 0);
            row = check_read(lines, &stream, tide_view_slice(all, cut, all.size - cut), row);
            assert_int_equal(row, stream.row_count);
        }
    }
    tide_lines_destroy(lines);
    tide_bytes_release(&stream.bytes);
}

/* ---- what is JSON ---- */

/* The event is GOOD_1 but for what the value's column holds. */
static void check_valid(struct stream *stream,
                        const struct place *place,
                        const struct json_case *valid)
{
    const bool is_declared = place->column != NULL;
    clear(stream);
    add_good(stream, GOOD_FIRST, "\n");
    append_record(&stream->bytes, place, valid->bytes);
    tide_bytes_append_text(&stream->bytes, "\n");
    for (uint32_t i = 0; i < place->events_before; i++) {
        want(stream, (struct wanted){.reference = GOOD_7});
    }
    if (!place->is_beside) {
        want(stream, (struct wanted){.reference = GOOD_1, .holds = is_declared ? valid : NULL});
    }
    for (uint32_t i = 0; i < place->events_after; i++) {
        want(stream, (struct wanted){.reference = GOOD_8});
    }
    add_good(stream, GOOD_THIRD, "");
    check(stream, TIDE_FRAMING_NDJSON);
}

static bool fits(const struct place *place, const struct json_case *valid)
{
    const bool is_in_payload = strstr(place->event_start, "\"p\"") != NULL;
    return !is_in_payload &&
           (place->column == NULL || tide_view_equal(tide_view_of(place->column), valid->column));
}

static void test_valid(void **state)
{
    (void)state;
    struct stream stream = {0};
    for (size_t i = 0; i < it.valid.count; i++) {
        const struct json_case *valid = &it.valid.items[i];
        it.name = valid->name;
        for (size_t p = 0; p < PLACES; p++) {
            if (fits(&places[p], valid)) {
                check_valid(&stream, &places[p], valid);
                it.accepted++;
            }
        }
    }
    tide_bytes_release(&stream.bytes);
}

/* ---- running ---- */

static int group_setup(void **state)
{
    (void)state;
    static const uint32_t capacities[] = {1, 2, 3, 64};
    if (schema_text_load(&it.text, schema_yaml) == NULL) {
        fail_msg("%s", tide_bytes_terminated(&it.text.messages));
    }
    assert_int_equal(tide_decoder_create(it.text.schema, 1, &it.decoder, NULL), TIDE_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(tide_batch_create(it.text.schema, capacities[i], &it.batches[i], NULL),
                         TIDE_OK);
    }
    assert_int_equal(tide_batch_create(it.text.schema, GOOD, &it.reference, NULL), TIDE_OK);
    for (size_t i = 0; i < GOOD; i++) {
        tide_bytes_append_text(&it.reference_bytes, good[i]);
        tide_bytes_append_byte(&it.reference_bytes, '\n');
    }
    tide_decoder_begin(it.decoder, tide_bytes_view(&it.reference_bytes), TIDE_FRAMING_NDJSON);
    assert_int_equal(tide_decoder_next(it.decoder, it.reference), TIDE_OK);
    assert_int_equal(it.reference->row_count, GOOD);
    json_cases_load(&it.values, "invalid_values.txt", false);
    json_cases_load(&it.records, "invalid_records.txt", false);
    json_cases_load(&it.valid, "valid_values.txt", true);
    assert_true(it.values.count + it.records.count >= 900 && it.valid.count >= 100);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    printf(
        "# %zu texts that are not JSON, %zu that are; %llu and %llu records of them, %llu blocks\n",
        it.values.count + it.records.count,
        it.valid.count,
        (unsigned long long)it.rejected,
        (unsigned long long)it.accepted,
        (unsigned long long)it.decoded);
    json_cases_release(&it.values);
    json_cases_release(&it.records);
    json_cases_release(&it.valid);
    tide_bytes_release(&it.reference_bytes);
    tide_batch_destroy(it.reference);
    for (size_t i = 0; i < 4; i++) {
        tide_batch_destroy(it.batches[i]);
    }
    tide_decoder_destroy(it.decoder);
    schema_text_release(&it.text);
    memset(&it, 0, sizeof it);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_in_every_place),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_cut_at_each_byte),
        cmocka_unit_test(test_every_offset_of_a_block),
        cmocka_unit_test(test_borders_of_large_blocks),
        cmocka_unit_test(test_borders_of_reads),
        cmocka_unit_test(test_valid),
    };
    int failed = 0;
    const char *scanners[SCANNER_VARIANTS_MAX];
    const size_t count = scanner_variants_wanted(scanners);
    for (size_t i = 0; i < count; i++) {
        setenv(SCANNER_VARIABLE, scanners[i], 1);
        printf("# scanner %s\n", scanners[i]);
        failed += cmocka_run_group_tests(tests, group_setup, group_teardown);
    }
    return failed;
}
