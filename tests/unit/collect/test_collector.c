/* Goal: a body is answered once, with what it holds, and only when the log says durable; what is in
 * the log gives every verdict again. Method: the collector over the memory log (synced by hand) and
 * over appends that fail as told; the reader's side is played by a decoder over the log's records.
 * */
#include "collect/collector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "decode/decode.h"
#include "log/memory.h"
#include "support/preset_schema.h"

enum {
    PARTITIONS = 4,
    HANDOVER_BYTES = 4 << 20,
    SEED = 77
};
#define NOW_MS "1774000000000"
#define NOW_US INT64_C(1774000000000000)

struct answer {
    int count;
    unsigned status;
    const char *content_type;
    struct tide_bytes body;
    uint32_t retry_after_s;
};

static struct {
    struct preset_schema preset;
    struct tide_clock_simulated clock;
    struct tide_log log;
    struct tide_handover *handover;
    struct tide_collector *collector;
    enum tide_status append_status; /* not OK: append says this */
    enum tide_status done_status;   /* not OK: done is told this instead */
    struct tide_log_append *held;   /* by done_status */
    struct answer answer;
} rig;

static enum tide_status append(void *context,
                               struct tide_log_append *item,
                               struct tide_error *error)
{
    (void)context;
    if (rig.append_status != TIDE_OK) {
        return tide_error_set(error, rig.append_status, "as told");
    }
    if (rig.done_status != TIDE_OK) {
        rig.held = item;
        return TIDE_OK;
    }
    return rig.log.operations->append(rig.log.self, item, error);
}

static int set_up(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    assert_non_null(preset_schema_load(&rig.preset, "sunbird"));
    rig.clock.now.us = NOW_US;
    assert_int_equal(tide_memory_log_create(PARTITIONS, &rig.log, NULL), TIDE_OK);
    const struct tide_handover_options handover = {
        .partition_count = PARTITIONS,
        .image_size = tide_row_image_size(rig.preset.schema),
        .bytes_max = HANDOVER_BYTES,
    };
    assert_int_equal(tide_handover_create(&handover, &rig.handover, NULL), TIDE_OK);
    const struct tide_collector_options options = {
        .schema = rig.preset.schema,
        .seed = SEED,
        .partition_count = PARTITIONS,
        .arrival = TIDE_ARRIVAL_LIVE,
        .clock = tide_clock_simulated(&rig.clock),
        .parallel_max = 2,
        .receipts_max = 100,
        .receipts_keep = {60000000},
        .append = append,
        .handover = rig.handover,
    };
    assert_int_equal(tide_collector_create(&options, &rig.collector, NULL), TIDE_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tide_bytes_release(&rig.answer.body);
    tide_collector_destroy(rig.collector);
    tide_handover_destroy(rig.handover); /* which asserts that no image is on its way */
    rig.log.operations->close(rig.log.self);
    preset_schema_release(&rig.preset);
    return 0;
}

static void on_answered(void *context,
                        unsigned status,
                        const char *content_type,
                        struct tide_bytes *body,
                        uint32_t retry_after_s)
{
    struct answer *answer = context;
    answer->count++;
    answer->status = status;
    answer->content_type = content_type;
    answer->retry_after_s = retry_after_s;
    tide_bytes_release(&answer->body);
    answer->body = *body; /* taken */
    *body = (struct tide_bytes){0};
}

static void sync_log(void)
{
    assert_int_equal(rig.log.operations->sync(rig.log.self, NULL), TIDE_OK);
}

static void submit(enum tide_collect_form form, struct tide_view body, const char *key)
{
    const struct tide_submission submission = {
        .form = form,
        .body = body,
        .source = TIDE_VIEW("http"),
        .idempotency_key = tide_view_of(key),
        .api_id = "api.sunbird.telemetry",
        .answered = on_answered,
        .context = &rig.answer,
    };
    rig.answer.count = 0;
    tide_collector_submit(rig.collector, &submission);
}

/* Submits, checks that nothing is said before the sync, syncs. Returns the answer's text. */
static const char *ask(enum tide_collect_form form, struct tide_view body, const char *key)
{
    submit(form, body, key);
    sync_log();
    assert_int_equal(rig.answer.count, 1);
    return tide_bytes_terminated(&rig.answer.body);
}

static uint64_t log_count(void)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        count += rig.log.operations->end(rig.log.self, i);
    }
    return count;
}

/* ---- reading the log back ---- */

struct seen {
    unsigned accepted; /* by the decoder, before the bounds of time */
    unsigned restored; /* of them: had an image that gives the same identity */
    unsigned reasons[TIDE_REASON_COUNT];
    uint64_t original_size;
    size_t text_size;
    struct tide_instant sent;
};

/* Of a record that was decoded into row 0. */
static bool is_restored(struct tide_decoder *decoder,
                        struct tide_batch *batch,
                        const struct tide_log_frame *frame,
                        uint32_t index)
{
    uint32_t count = 1;
    const struct tide_row_image *image = (const void *)tide_handover_take(
        rig.handover, frame->partition, frame->first_offset + index, &count);
    if (image == NULL || !tide_decoder_restore(decoder, frame->records[index].text, image, batch)) {
        return false;
    }
    assert_int_equal(batch->row_count, 2);
    assert_int_equal(batch->verdicts[0].reason, TIDE_REASON_ACCEPTED);
    assert_true(tide_u128_equal(batch->uids[0], batch->uids[1]));
    return true;
}

static void see_record(struct tide_decoder *decoder,
                       struct tide_batch *batch,
                       const struct tide_log_frame *frame,
                       uint32_t index,
                       struct seen *seen)
{
    const struct tide_log_record *record = &frame->records[index];
    enum tide_reason reason = record->reason;
    if (reason == TIDE_REASON_ACCEPTED) {
        tide_batch_reset(batch);
        tide_decoder_begin(decoder, record->text, TIDE_FRAMING_EVENT);
        assert_int_equal(tide_decoder_next(decoder, batch), TIDE_OK);
        assert_int_equal(batch->row_count, 1);
        reason = batch->verdicts[0].reason;
        seen->restored += is_restored(decoder, batch, frame, index);
    }
    seen->accepted += reason == TIDE_REASON_ACCEPTED;
    seen->reasons[reason]++;
    seen->original_size = record->original_size;
    seen->text_size = record->text.size;
    seen->sent = frame->sent;
    assert_int_equal(frame->received.us, NOW_US);
    assert_true(tide_view_equal(frame->source, TIDE_VIEW("http")));
}

static struct seen read_log(void)
{
    struct seen seen = {0};
    struct tide_decoder *decoder = NULL;
    struct tide_batch *batch = NULL;
    assert_int_equal(tide_decoder_create(rig.preset.schema, SEED, &decoder, NULL), TIDE_OK);
    assert_int_equal(tide_batch_create(rig.preset.schema, 4, &batch, NULL), TIDE_OK);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        struct tide_log_cursor *cursor = NULL;
        struct tide_log_frame frame;
        assert_int_equal(rig.log.operations->cursor_open(rig.log.self, i, 0, &cursor, NULL),
                         TIDE_OK);
        while (rig.log.operations->read(cursor, &frame, NULL) == TIDE_OK) {
            for (uint32_t j = 0; j < frame.record_count; j++) {
                see_record(decoder, batch, &frame, j, &seen);
            }
        }
        rig.log.operations->cursor_close(cursor);
    }
    tide_batch_destroy(batch);
    tide_decoder_destroy(decoder);
    return seen;
}

/* ---- tests ---- */

/* TIDE_VIEW is no constant to a pedantic compiler. */
#define V(literal)                                                                                 \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

#define EVENT(user)                                                                                \
    "{\"eid\":\"LOG\",\"ets\":" NOW_MS ",\"mid\":\"m\",\"actor\":{\"id\":\"" user "\"}}"

static void test_nothing_before_durable(void **state)
{
    (void)state;
    submit(TIDE_COLLECT_JSON, TIDE_VIEW(EVENT("a")), NULL);
    assert_int_equal(rig.answer.count, 0);
    assert_int_equal(tide_collector_facts(rig.collector).events_accepted, 0);
    sync_log();
    assert_int_equal(rig.answer.count, 1);
    assert_int_equal(rig.answer.status, 200);
    assert_string_equal(rig.answer.content_type, "application/json");
    assert_int_equal(tide_collector_facts(rig.collector).events_accepted, 1);
}

static const struct {
    enum tide_collect_form form;
    struct tide_view body;
    unsigned status;
    unsigned records;   /* in the log afterwards */
    const char *answer; /* a part of it */
} plain_rows[] = {
    {TIDE_COLLECT_JSON,
     V(EVENT("a")),
     200,
     1,
     "{\"accepted\":1,\"rejected\":0,\"errors\":[],\"receipt\":[{\"partition\":"},
    {TIDE_COLLECT_JSON,
     V("[" EVENT("a") "," EVENT("a") "]"),
     200,
     2,
     "\"offset\":0,\"count\":2}]}"},
    {TIDE_COLLECT_JSON,
     V("[]"),
     200,
     0,
     "{\"accepted\":0,\"rejected\":0,\"errors\":[],\"receipt\":[]}"},
    {TIDE_COLLECT_NDJSON, V(""), 200, 0, "\"receipt\":[]"},
    {TIDE_COLLECT_NDJSON, V("\n \r\n"), 200, 0, "\"receipt\":[]"},
    {TIDE_COLLECT_NDJSON,
     V(EVENT("a") "\n\n" EVENT("a") "\n{\n[1]\n" EVENT("a")),
     200,
     5,
     "{\"accepted\":3,\"rejected\":2,\"errors\":[{\"index\":2,\"reason\":\"json_invalid\","},
    {TIDE_COLLECT_NDJSON,
     V("[" EVENT("a") "]"),
     200,
     1,
     "\"reason\":\"not_an_object\",\"pointer\":\"\""},
    {TIDE_COLLECT_NDJSON,
     V("{\"events\":[" EVENT("a") "," EVENT("b") ",7]}\n" EVENT("c")),
     200,
     4,
     "{\"accepted\":3,\"rejected\":1,\"errors\":[{\"index\":2,\"reason\":\"not_an_object\""},
    {TIDE_COLLECT_JSON,
     V("{\"eid\":\"LOG\",\"ets\":" NOW_MS ",\"actor\":{}}"),
     200,
     1,
     "\"index\":0,\"reason\":\"missing\",\"pointer\":\"/actor/id\""},
    {TIDE_COLLECT_JSON,
     V("{\"eid\":\"LOG\",\"ets\":1774000300001,\"actor\":{\"id\":\"a\"}}"),
     200,
     1,
     "\"reason\":\"clock_ahead\",\"pointer\":\"\",\"detail\":\"device time is "
     "2026-03-20T09:51:40.001Z, received at 2026-03-20T09:46:40Z\""},
    {TIDE_COLLECT_JSON,
     V("{\"eid\":\"LOG\",\"ets\":1474000300001,\"actor\":{\"id\":\"a\"}}"),
     200,
     1,
     "\"reason\":\"too_old\""},
    {TIDE_COLLECT_JSON,
     V("{\"eid\":\"LOG\",\"ets\":-1,\"actor\":{\"id\":\"a\"}}"),
     200,
     1,
     "\"reason\":\"time_invalid\""},
    {TIDE_COLLECT_JSON, V(""), 400, 1, "\"reason\":\"json_invalid\",\"pointer\":\"\"}"},
    {TIDE_COLLECT_JSON,
     V("[" EVENT("a") ","),
     400,
     1,
     "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"},
    {TIDE_COLLECT_SUNBIRD, V("{\"events\":[}"), 400, 1, "\"reason\":\"json_invalid\""},
    {TIDE_COLLECT_SUNBIRD,
     V("{\"events\":[],\"events\":[]}"),
     400,
     1,
     "\"reason\":\"duplicate_key\",\"pointer\":\"/events\""},
    {TIDE_COLLECT_SUNBIRD, V("\xff"), 400, 1, "\"reason\":\"utf8_invalid\""},
};

static void test_plain_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(plain_rows) / sizeof(plain_rows[0]); i++) {
        if (i > 0) {
            assert_int_equal(tear_down(NULL), 0);
            assert_int_equal(set_up(NULL), 0);
        }
        const char *text = ask(plain_rows[i].form, plain_rows[i].body, NULL);
        if (rig.answer.status != plain_rows[i].status ||
            strstr(text, plain_rows[i].answer) == NULL) {
            fail_msg("row %zu: %u %s", i, rig.answer.status, text);
        }
        assert_int_equal(log_count(), plain_rows[i].records);
        struct tide_arena arena = {0};
        struct tide_json *json = NULL;
        assert_int_equal(tide_json_parse(&arena, tide_view_of(text), &json, NULL), TIDE_OK);
        tide_arena_release(&arena);
    }
}

static void test_sunbird_answer(void **state)
{
    (void)state;
    const char *text =
        ask(TIDE_COLLECT_SUNBIRD,
            TIDE_VIEW("{\"id\":\"x\",\"ver\":\"3.0\",\"ets\":1773999900000,\"params\":{\"msgid\":"
                      "\"q\\\"1\"},\"events\":[" EVENT("a") "," EVENT("b") "]}"),
            NULL);
    assert_int_equal(rig.answer.status, 200);
    struct tide_arena arena = {0};
    struct tide_json *json = NULL;
    assert_int_equal(tide_json_parse(&arena, tide_view_of(text), &json, NULL), TIDE_OK);
    struct tide_view value;
    int64_t number;
    assert_true(tide_json_get_text(json, "id", &value));
    assert_true(tide_view_equal(value, TIDE_VIEW("api.sunbird.telemetry")));
    assert_true(tide_json_get_text(json, "responseCode", &value));
    assert_true(tide_view_equal(value, TIDE_VIEW("SUCCESS")));
    assert_true(tide_json_get_i64(json, "ets", &number));
    assert_int_equal(number, NOW_US / 1000);
    const struct tide_json *params = tide_json_get(json, "params");
    assert_true(tide_json_get_text(params, "msgid", &value));
    assert_true(tide_view_equal(value, TIDE_VIEW("q\"1")));
    assert_true(tide_json_get_text(params, "resmsgid", &value));
    assert_int_equal(value.size, 32);
    assert_int_equal(tide_json_get(params, "err")->kind, TIDE_JSON_NULL);
    assert_true(tide_json_get_i64(tide_json_get(json, "result"), "accepted", &number));
    assert_int_equal(number, 2);
    tide_arena_release(&arena);
    /* The envelope's sent time is with the events. */
    assert_int_equal(read_log().sent.us, INT64_C(1773999900000000));
}

/* The events of two envelopes share partitions, but not a frame: sent times differ. */
static void test_sent_times(void **state)
{
    (void)state;
    struct tide_bytes body = {0};
    for (int i = 0; i < 3; i++) {
        tide_bytes_append_format(
            &body,
            "{\"ets\":177399900000%d,\"events\":[" EVENT("a") "," EVENT("a") "]}\n",
            i == 1 ? 5 : 0);
    }
    const char *text = ask(TIDE_COLLECT_NDJSON, tide_bytes_view(&body), NULL);
    /* Three frames in a row are one receipt. */
    assert_non_null(strstr(text, "\"offset\":0,\"count\":6}]}"));
    int64_t sents[6];
    uint32_t count = 0;
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        struct tide_log_cursor *cursor = NULL;
        struct tide_log_frame frame;
        assert_int_equal(rig.log.operations->cursor_open(rig.log.self, i, 0, &cursor, NULL),
                         TIDE_OK);
        while (rig.log.operations->read(cursor, &frame, NULL) == TIDE_OK) {
            assert_int_equal(frame.record_count, 2);
            sents[count++] = frame.sent.us;
        }
        rig.log.operations->cursor_close(cursor);
    }
    assert_int_equal(count, 3);
    assert_int_equal(sents[0], INT64_C(1773999000000000));
    assert_int_equal(sents[1], INT64_C(1773999000005000));
    assert_int_equal(sents[2], sents[0]);
    tide_bytes_release(&body);
}

/* Verdicts that the text alone would not give again are in the log; the others are not needed. */
static void test_prejudged(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        size_t filler; /* of spaces and letters, between head and tail */
        const char *tail;
        enum tide_collect_form form;
        enum tide_reason reason;
        uint64_t original_size;
    } rows[] = {
        /* a line that is no event, and larger than one may be */
        {"{\"a\":\"", 1100000, "\"", TIDE_COLLECT_NDJSON, TIDE_REASON_JSON_INVALID, 0},
        /* an event that is too large keeps its beginning */
        {"{\"a\":\"", 1100000, "\"}", TIDE_COLLECT_NDJSON, TIDE_REASON_TOO_LARGE, 1100008},
        {"{\"events\":[{\"a\":\"",
         1100000,
         "\"}]}",
         TIDE_COLLECT_SUNBIRD,
         TIDE_REASON_TOO_LARGE,
         1100008},
        {"{\"events\":[],", 0, "\"events\":[]}", TIDE_COLLECT_NDJSON, TIDE_REASON_DUPLICATE_KEY, 0},
        {"{\"events\":[", 3000000, "}", TIDE_COLLECT_SUNBIRD, TIDE_REASON_JSON_INVALID, 0},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
         0,
         "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
         TIDE_COLLECT_NDJSON,
         TIDE_REASON_TOO_DEEP,
         0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (i > 0) {
            assert_int_equal(tear_down(NULL), 0);
            assert_int_equal(set_up(NULL), 0);
        }
        struct tide_bytes body = {0};
        tide_bytes_append_text(&body, rows[i].head);
        for (size_t j = 0; j < rows[i].filler; j++) {
            tide_bytes_append_byte(&body, rows[i].reason == TIDE_REASON_TOO_LARGE ? 'x' : ' ');
        }
        tide_bytes_append_text(&body, rows[i].tail);
        const char *text = ask(rows[i].form, tide_bytes_view(&body), NULL);
        const struct seen seen = read_log();
        if (strstr(text, tide_reason_name(rows[i].reason)) == NULL ||
            seen.reasons[rows[i].reason] != 1) {
            fail_msg("row %zu: %s", i, text);
        }
        assert_int_equal(log_count(), 1);
        assert_int_equal(seen.original_size, rows[i].original_size);
        if (rows[i].original_size > 0) {
            assert_int_equal(seen.text_size, TIDE_REJECTED_BYTES_KEPT);
        }
        tide_bytes_release(&body);
    }
}

/* More events than one batch holds, spread over all partitions, each in the body's order. */
static void test_many(void **state)
{
    (void)state;
    enum {
        EVENTS = 5000
    };
    struct tide_bytes body = {0};
    for (int i = 0; i < EVENTS; i++) {
        if (i % 3 == 0) {
            tide_bytes_append_text(&body, "{\"eid\":1}\n");
        } else {
            tide_bytes_append_format(
                &body, "{\"eid\":\"LOG\",\"ets\":%d,\"actor\":{\"id\":\"user-%d\"}}\n", i, i % 50);
        }
    }
    const char *text = ask(TIDE_COLLECT_NDJSON, tide_bytes_view(&body), NULL);
    assert_int_equal(rig.answer.status, 200);
    /* The clock is far beyond 1970: they are all too old. */
    assert_non_null(strstr(text, "{\"accepted\":0,\"rejected\":5000,"));
    assert_non_null(strstr(text, "\"errors_omitted\":4000"));
    assert_non_null(strstr(text, "{\"index\":999,"));
    assert_null(strstr(text, "{\"index\":1000,"));
    assert_int_equal(log_count(), EVENTS);
    const struct seen seen = read_log();
    assert_int_equal(seen.accepted, EVENTS - 1667);
    assert_int_equal(seen.reasons[TIDE_REASON_TYPE], 1667);
    tide_bytes_release(&body);
}

static void test_too_many(void **state)
{
    (void)state;
    struct tide_bytes body = {0};
    for (int i = 0; i < (1 << 18) + 1; i++) {
        tide_bytes_append_text(&body, "1\n");
    }
    const char *text = ask(TIDE_COLLECT_NDJSON, tide_bytes_view(&body), NULL);
    assert_int_equal(rig.answer.status, 413);
    assert_non_null(strstr(text, "262144"));
    assert_int_equal(log_count(), 0);
    body.size -= 2;
    (void)ask(TIDE_COLLECT_NDJSON, tide_bytes_view(&body), NULL);
    assert_int_equal(rig.answer.status, 200);
    assert_int_equal(log_count(), 1 << 18);
    tide_bytes_release(&body);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        enum tide_status append;
        enum tide_status done;
        unsigned status;
    } rows[] = {
        {TIDE_AGAIN, TIDE_OK, 503},
        {TIDE_RETRY, TIDE_OK, 503},
        {TIDE_FATAL, TIDE_OK, 503},
        {TIDE_REJECT, TIDE_OK, 413},
        {TIDE_OK, TIDE_RETRY, 503},
        {TIDE_OK, TIDE_FATAL, 503},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig.append_status = rows[i].append;
        rig.done_status = rows[i].done;
        submit(TIDE_COLLECT_JSON, TIDE_VIEW(EVENT("a")), "key");
        if (rows[i].done != TIDE_OK) {
            assert_int_equal(rig.answer.count, 0);
            const struct tide_error error = {"as told"};
            rig.held->done(rig.held->context, rows[i].done, &error);
        }
        assert_int_equal(rig.answer.count, 1);
        assert_int_equal(rig.answer.status, rows[i].status);
        assert_int_equal(rig.answer.retry_after_s > 0, rows[i].status == 503);
        assert_string_equal(rig.answer.content_type, "application/problem+json");
    }
    assert_int_equal(log_count(), 0);
    assert_int_equal(tide_collector_facts(rig.collector).bodies_refused, 5);
    assert_int_equal(tide_collector_facts(rig.collector).events_accepted, 0);
    /* None of them was remembered: the same key is appended now. */
    rig.append_status = TIDE_OK;
    rig.done_status = TIDE_OK;
    (void)ask(TIDE_COLLECT_JSON, TIDE_VIEW(EVENT("a")), "key");
    assert_int_equal(rig.answer.status, 200);
    assert_int_equal(log_count(), 1);
}

static void test_repeats(void **state)
{
    (void)state;
#define ENVELOPE(id, user) "{\"params\":{\"msgid\":\"" id "\"},\"events\":[" EVENT(user) "]}"
    static const struct {
        enum tide_collect_form form;
        struct tide_view body;
        const char *key;
        unsigned records; /* in the log afterwards */
        unsigned status;
        bool is_repeated; /* the answer is that of the row before */
    } rows[] = {
        {TIDE_COLLECT_JSON, V(EVENT("a")), "k", 1, 200, false},
        {TIDE_COLLECT_JSON, V(EVENT("a")), "k", 1, 200, true},
        {TIDE_COLLECT_JSON, V(EVENT("b")), "k", 2, 200, false}, /* another body */
        {TIDE_COLLECT_JSON, V(EVENT("b")), "k", 2, 200, true},
        {TIDE_COLLECT_JSON, V(EVENT("a")), "l", 3, 200, false},  /* another key */
        {TIDE_COLLECT_JSON, V(EVENT("a")), NULL, 4, 200, false}, /* none */
        {TIDE_COLLECT_JSON, V(EVENT("a")), NULL, 5, 200, false},
        {TIDE_COLLECT_NDJSON, V(EVENT("a")), "k", 6, 200, false}, /* another form */
        {TIDE_COLLECT_JSON, V("{"), "broken", 7, 400, false},
        {TIDE_COLLECT_JSON, V("{"), "broken", 7, 400, true}, /* kept once */
        {TIDE_COLLECT_SUNBIRD, V(ENVELOPE("m", "a")), NULL, 8, 200, false},
        {TIDE_COLLECT_SUNBIRD, V(ENVELOPE("m", "a")), NULL, 8, 200, true},
        {TIDE_COLLECT_SUNBIRD, V(ENVELOPE("m", "b")), NULL, 9, 200, false},
        {TIDE_COLLECT_SUNBIRD, V(ENVELOPE("m", "b")), NULL, 9, 200, true},
        {TIDE_COLLECT_SUNBIRD, V(ENVELOPE("n", "a")), NULL, 10, 200, false},
    };
    struct tide_bytes first = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *text = ask(rows[i].form, rows[i].body, rows[i].key);
        assert_int_equal(rig.answer.status, rows[i].status);
        assert_int_equal(log_count(), rows[i].records);
        assert_string_equal(rig.answer.content_type,
                            rows[i].status == 200 ? "application/json"
                                                  : "application/problem+json");
        if (rows[i].is_repeated) {
            assert_string_equal(text, tide_bytes_terminated(&first));
        }
        tide_bytes_reset(&first);
        tide_bytes_append_text(&first, text);
    }
    assert_int_equal(tide_collector_facts(rig.collector).bodies_repeated, 5);
    tide_bytes_release(&first);
}

/* What comes again before it was answered waits for nobody: dedupe tells its events apart. The
 * first answer is the one that is remembered. */
static void test_under_way(void **state)
{
    (void)state;
    static const struct {
        enum tide_collect_form form;
        struct tide_view body;
        const char *key;
    } rows[] = {
        {TIDE_COLLECT_JSON, V(EVENT("a")), "k"},
        {TIDE_COLLECT_SUNBIRD, V(ENVELOPE("m", "a")), NULL},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct answer first = {0};
        const struct tide_submission submission = {.form = rows[i].form,
                                                   .body = rows[i].body,
                                                   .source = TIDE_VIEW("http"),
                                                   .idempotency_key = tide_view_of(rows[i].key),
                                                   .api_id = "api",
                                                   .answered = on_answered,
                                                   .context = &first};
        tide_collector_submit(rig.collector, &submission);
        submit(rows[i].form, rows[i].body, rows[i].key);
        assert_int_equal(first.count, 0);
        assert_int_equal(rig.answer.count, 0);
        sync_log();
        assert_int_equal(first.count, 1);
        assert_int_equal(first.status, 200);
        assert_int_equal(rig.answer.count, 1);
        assert_int_equal(rig.answer.status, 200);
        assert_int_equal(log_count(), 2 * (i + 1));
        const char *text = ask(rows[i].form, rows[i].body, rows[i].key);
        assert_string_equal(text, tide_bytes_terminated(&first.body));
        assert_int_equal(log_count(), 2 * (i + 1));
        assert_int_equal(tide_collector_facts(rig.collector).bodies_repeated, i + 1);
        tide_bytes_release(&first.body);
    }
}

static void count_events(void *context, uint64_t events)
{
    struct answer *answer = context;
    assert_int_equal(answer->count, 0); /* before it is answered */
    answer->retry_after_s += (uint32_t)events;
}

static void test_counted(void **state)
{
    (void)state;
    static const struct {
        struct tide_view body;
        const char *key;
        uint32_t events;
    } rows[] = {
        {V(EVENT("a") "\n" EVENT("b") "\n{}"), "k", 3},
        {V(EVENT("a") "\n" EVENT("b") "\n{}"), "k", 0}, /* is not decoded again */
        {V(""), NULL, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct answer answer = {0};
        const struct tide_submission submission = {.form = TIDE_COLLECT_NDJSON,
                                                   .body = rows[i].body,
                                                   .source = TIDE_VIEW("http"),
                                                   .idempotency_key = tide_view_of(rows[i].key),
                                                   .counted = count_events,
                                                   .answered = on_answered,
                                                   .context = &answer};
        tide_collector_submit(rig.collector, &submission);
        const uint32_t events = answer.count == 0 ? answer.retry_after_s : 0;
        sync_log();
        assert_int_equal(answer.count, 1);
        assert_int_equal(events, rows[i].events);
        tide_bytes_release(&answer.body);
    }
}

static void test_drain(void **state)
{
    (void)state;
    submit(TIDE_COLLECT_JSON, TIDE_VIEW(EVENT("a")), NULL);
    tide_collector_drain(rig.collector);
    sync_log(); /* what was taken is finished */
    assert_int_equal(rig.answer.status, 200);
    submit(TIDE_COLLECT_JSON, TIDE_VIEW(EVENT("a")), NULL);
    assert_int_equal(rig.answer.status, 503);
    assert_true(rig.answer.retry_after_s > 0);
    assert_int_equal(log_count(), 1);
}

/* Everybody waits for the disk: the pool of tickets ends, and comes back. */
static void test_pool(void **state)
{
    (void)state;
    unsigned refused = 0;
    struct answer answers[1100] = {0};
    for (size_t i = 0; i < 1100; i++) {
        const struct tide_submission submission = {.form = TIDE_COLLECT_JSON,
                                                   .body = TIDE_VIEW(EVENT("a")),
                                                   .source = TIDE_VIEW("http"),
                                                   .answered = on_answered,
                                                   .context = &answers[i]};
        tide_collector_submit(rig.collector, &submission);
        refused += answers[i].count == 1 && answers[i].status == 503;
    }
    assert_int_equal(refused, 1100 - 1024);
    sync_log();
    for (size_t i = 0; i < 1100; i++) {
        assert_int_equal(answers[i].count, 1);
        tide_bytes_release(&answers[i].body);
    }
    (void)ask(TIDE_COLLECT_JSON, TIDE_VIEW(EVENT("a")), NULL);
    assert_int_equal(rig.answer.status, 200);
    assert_int_equal(tide_collector_facts(rig.collector).events_accepted, 1025);
}

/* Images reach the reader of what was appended, in whatever order; of nothing that was refused. */
static void test_handed_over(void **state)
{
    (void)state;
    enum {
        EVENTS = 500
    };
    struct tide_bytes body = {0};
    for (int i = 0; i < EVENTS; i++) {
        tide_bytes_append_format(&body,
                                 "{\"eid\":\"LOG\",\"ets\":1774000000000,\"mid\":\"%d\","
                                 "\"actor\":{\"id\":\"a%d\"}}\n%s",
                                 i,
                                 i % 50,
                                 i % 10 == 0 ? "{\"eid\":1}\n" : "");
    }
    rig.append_status = TIDE_RETRY;
    (void)ask(TIDE_COLLECT_NDJSON, tide_bytes_view(&body), "");
    assert_int_equal(rig.answer.status, 503);
    rig.append_status = TIDE_OK;
    (void)ask(TIDE_COLLECT_NDJSON, tide_bytes_view(&body), "");
    assert_int_equal(rig.answer.status, 200);
    const struct seen seen = read_log();
    assert_int_equal(seen.accepted, EVENTS);
    assert_int_equal(seen.restored, EVENTS);
    assert_int_equal(tide_handover_facts(rig.handover).dropped, 0);
    tide_bytes_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_before_durable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_plain_forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sunbird_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sent_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_prejudged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repeats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pool, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_handed_over, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
