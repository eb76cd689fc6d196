/* What a log must hold, kept beside it: a generator of appends whose every byte follows from their
 * number, and a check of a whole log against what each append was told.
 *
 * A batch is WAITING until its done is called. Told OK it is KEPT: there, for ever, at its
 * receipt's offset. Told RETRY or not taken it is GONE: never there. Told FATAL, or never told
 * because the world ended, it is UNKNOWN until the next life looks: seen, it is KEPT from then on
 * (a reader may have acted upon it); not seen, it is GONE, and must not come back from a stale
 * byte. */
#ifndef TIDE_SUPPORT_LOG_MODEL_H
#define TIDE_SUPPORT_LOG_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "log/log.h"

enum {
    MODEL_APPENDS_MAX = 256,
    MODEL_BATCHES = 3, /* most in one append */
    MODEL_RECORDS = 4, /* most in one batch */
    MODEL_TEXT_MAX = 300,
};

enum model_state {
    MODEL_WAITING,
    MODEL_KEPT,
    MODEL_GONE,
    MODEL_UNKNOWN
};

struct model_append {
    struct tide_log_append append;
    struct tide_log_receipt receipts[MODEL_BATCHES];
    enum model_state states[MODEL_BATCHES];
    bool is_seen[MODEL_BATCHES];
    enum tide_status status; /* that done was told */
    uint32_t done_count;
    uint32_t placed_count; /* told before done, of appends that are durable alone */
    uint64_t placed_at[MODEL_BATCHES];
};

struct model {
    uint32_t partition_count;
    uint32_t count;
    struct model_append appends[MODEL_APPENDS_MAX];
};

/* One batch's content; big, so callers keep it static or on a test's stack. */
struct model_batch {
    struct tide_log_batch batch;
    struct tide_log_record records[MODEL_RECORDS];
    char texts[MODEL_RECORDS][MODEL_TEXT_MAX];
};

static inline uint64_t model_mix(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t z = (a * 1000003 + b) * 1000003 + c + 1;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint32_t model_batch_count(uint32_t a)
{
    return 1 + (uint32_t)(model_mix(a, 0, 7) % MODEL_BATCHES);
}

static inline struct tide_view model_source(uint32_t a, uint32_t b)
{
    static const char *const sources[] = {"http", "", "/var/log/app.ndjson"};
    return tide_view_of(sources[model_mix(a, b, 11) % 3]);
}

static inline void model_fill_record(uint32_t a, uint32_t b, uint32_t r, struct model_batch *to)
{
    uint64_t mix = model_mix(a, b, 100 + r);
    struct tide_log_record *record = &to->records[r];
    char *text = to->texts[r];
    size_t size = (size_t)snprintf(text, MODEL_TEXT_MAX, "%u/%u/%u:", a, b, r);
    for (size_t padding = mix % 200; padding > 0; padding--) {
        text[size++] = (char)(model_mix(mix, padding, 0) & 0xff);
    }
    *record = (struct tide_log_record){.text = {text, size}};
    if (mix % 5 == 0) {
        record->reason = (enum tide_reason)(1 + mix % (TIDE_REASON_COUNT - 1));
        record->pointer = TIDE_VIEW("/events/3");
        record->detail = tide_view_of(mix % 2 == 0 ? "line 1, byte 7" : "");
        record->original_size = mix >> 20;
        record->original_hash = (struct tide_u128){mix, ~mix};
    }
}

/* Batch b of append a, as it was, or will be, appended. */
static inline void model_fill(const struct model *model,
                              uint32_t a,
                              uint32_t b,
                              struct model_batch *to)
{
    uint64_t mix = model_mix(a, b, 1);
    to->batch = (struct tide_log_batch){
        .partition = (uint32_t)(mix % model->partition_count),
        .received = {INT64_C(1700000000000000) + (int64_t)a * 1000 + (int64_t)b},
        .sent = mix % 3 == 0 ? TIDE_INSTANT_UNKNOWN : (struct tide_instant){(int64_t)(mix >> 20)},
        .source = model_source(a, b),
        .records = to->records,
        .record_count = 1 + (uint32_t)((mix >> 10) % MODEL_RECORDS),
    };
    for (uint32_t r = 0; r < to->batch.record_count; r++) {
        model_fill_record(a, b, r, to);
    }
}

static inline void model_done(void *context,
                              enum tide_status status,
                              const struct tide_error *error)
{
    struct model_append *one = context;
    assert_non_null(error);
    assert_int_equal(one->done_count, 0);
    assert_int_equal(one->placed_count, status == TIDE_OK);
    one->done_count++;
    one->status = status;
    for (uint32_t b = 0; b < one->append.batch_count; b++) {
        assert_int_equal(one->states[b], MODEL_WAITING);
        assert_true(status != TIDE_OK || one->placed_at[b] == one->receipts[b].first_offset);
        one->states[b] = status == TIDE_OK      ? MODEL_KEPT
                         : status == TIDE_RETRY ? MODEL_GONE
                                                : MODEL_UNKNOWN;
    }
}

static inline void model_placed(void *context)
{
    struct model_append *one = context;
    assert_int_equal(one->done_count, 0);
    one->placed_count++;
    for (uint32_t b = 0; b < one->append.batch_count; b++) {
        one->placed_at[b] = one->receipts[b].first_offset;
    }
}

/* Appends the next one. */
static inline enum tide_status model_append(struct model *model, struct tide_log log)
{
    static struct model_batch contents[MODEL_BATCHES];
    struct tide_log_batch batches[MODEL_BATCHES];
    assert_true(model->count < MODEL_APPENDS_MAX);
    uint32_t a = model->count++;
    struct model_append *one = &model->appends[a];
    *one = (struct model_append){0};
    one->append = (struct tide_log_append){
        .batches = batches,
        .batch_count = model_batch_count(a),
        .receipts = one->receipts,
        .done = model_done,
        .context = one,
        .placed = model_placed,
        .placed_context = one,
    };
    for (uint32_t b = 0; b < one->append.batch_count; b++) {
        model_fill(model, a, b, &contents[b]);
        batches[b] = contents[b].batch;
    }
    enum tide_status status = log.operations->append(log.self, &one->append, NULL);
    for (uint32_t b = 0; status != TIDE_OK && b < one->append.batch_count; b++) {
        one->states[b] = MODEL_GONE;
    }
    /* The log copied it: nothing may depend on the caller's bytes any more. */
    memset(contents, 0xee, sizeof(contents));
    memset(batches, 0xee, sizeof(batches));
    return status;
}

static inline void model_expect_view(struct tide_view is, struct tide_view expected)
{
    assert_int_equal(is.size, expected.size);
    if (is.size > 0) {
        assert_memory_equal(is.data, expected.data, is.size);
    }
}

static inline void model_expect_record(const struct tide_log_record *is,
                                       const struct tide_log_record *expected)
{
    model_expect_view(is->text, expected->text);
    model_expect_view(is->pointer, expected->pointer);
    model_expect_view(is->detail, expected->detail);
    assert_int_equal(is->reason, expected->reason);
    assert_int_equal(is->original_size, expected->original_size);
    assert_true(tide_u128_equal(is->original_hash, expected->original_hash));
}

/* Reads count numbers, each followed by '/' or ':', from the start of text. */
static inline void model_parse(struct tide_view text, uint32_t *numbers, size_t count)
{
    char head[40] = {0};
    memcpy(head, text.data, text.size < sizeof(head) ? text.size : sizeof(head) - 1);
    char *at = head;
    for (size_t i = 0; i < count; i++) {
        char *end = at;
        numbers[i] = (uint32_t)strtoul(at, &end, 10);
        assert_true(end > at && (*end == '/' || *end == ':'));
        at = end + 1;
    }
}

/* Which append and batch a whole frame is, checked byte by byte. */
static inline void model_expect_frame(struct model *model,
                                      const struct tide_log_frame *frame,
                                      uint64_t *order)
{
    static struct model_batch expected;
    uint32_t numbers[3];
    model_parse(frame->records[0].text, numbers, 3);
    uint32_t a = numbers[0];
    uint32_t b = numbers[1];
    assert_int_equal(numbers[2], 0);
    assert_true(a < model->count && b < model_batch_count(a));
    model_fill(model, a, b, &expected);
    assert_int_equal(frame->partition, expected.batch.partition);
    assert_int_equal(frame->record_count, expected.batch.record_count);
    assert_int_equal(frame->received.us, expected.batch.received.us);
    assert_int_equal(frame->sent.us, expected.batch.sent.us);
    model_expect_view(frame->source, expected.batch.source);
    for (uint32_t r = 0; r < frame->record_count; r++) {
        model_expect_record(&frame->records[r], &expected.records[r]);
    }
    /* Strictly ascending: in order and at most once. */
    uint64_t place = (uint64_t)a * MODEL_BATCHES + b + 1;
    assert_true(place > *order);
    *order = place;
    struct model_append *one = &model->appends[a];
    assert_int_not_equal(one->states[b], MODEL_GONE);
    assert_int_not_equal(one->states[b], MODEL_WAITING);
    if (one->states[b] == MODEL_KEPT) {
        assert_int_equal(one->receipts[b].first_offset, frame->first_offset);
        assert_int_equal(one->receipts[b].record_count, frame->record_count);
        assert_int_equal(one->receipts[b].partition, frame->partition);
    }
    one->receipts[b].first_offset = frame->first_offset;
    one->receipts[b].record_count = frame->record_count;
    one->receipts[b].partition = frame->partition;
    one->is_seen[b] = true;
}

static inline void model_read_partition(struct model *model,
                                        struct tide_log log,
                                        uint32_t partition)
{
    struct tide_log_cursor *cursor = NULL;
    struct tide_log_frame frame;
    struct tide_error error = {0};
    uint64_t offset = 0;
    uint64_t order = 0;
    enum tide_status status = log.operations->cursor_open(log.self, partition, 0, &cursor, &error);
    assert_int_equal(status, TIDE_OK);
    while ((status = log.operations->read(cursor, &frame, &error)) == TIDE_OK) {
        assert_int_equal(frame.first_offset, offset);
        model_expect_frame(model, &frame, &order);
        offset += frame.record_count;
    }
    if (status != TIDE_AGAIN) {
        print_error("read: %s\n", error.text);
    }
    assert_int_equal(status, TIDE_AGAIN);
    assert_int_equal(offset, log.operations->end(log.self, partition));
    log.operations->cursor_close(cursor);
}

/* The world ended: who waited was not told. */
static inline void model_end_life(struct model *model)
{
    for (uint32_t a = 0; a < model->count; a++) {
        for (uint32_t b = 0; b < model_batch_count(a); b++) {
            if (model->appends[a].states[b] == MODEL_WAITING) {
                model->appends[a].states[b] = MODEL_UNKNOWN;
            }
        }
    }
}

/* Reads all of log, compares, and settles what was unknown. lost_allowed_from: appends from this
 * one on may be missing though they were acknowledged (a damaged tail); UINT32_MAX: none. Returns
 * how many batches were missing that way. */
static inline uint32_t model_check(struct model *model,
                                   struct tide_log log,
                                   uint32_t lost_allowed_from)
{
    uint32_t lost = 0;
    for (uint32_t a = 0; a < model->count; a++) {
        memset(model->appends[a].is_seen, 0, sizeof(model->appends[a].is_seen));
    }
    for (uint32_t partition = 0; partition < log.partition_count; partition++) {
        model_read_partition(model, log, partition);
    }
    for (uint32_t a = 0; a < model->count; a++) {
        struct model_append *one = &model->appends[a];
        for (uint32_t b = 0; b < model_batch_count(a); b++) {
            if (one->states[b] == MODEL_UNKNOWN) {
                one->states[b] = one->is_seen[b] ? MODEL_KEPT : MODEL_GONE;
            }
            if (one->states[b] == MODEL_KEPT && !one->is_seen[b]) {
                if (a < lost_allowed_from) {
                    fail_msg("append %u, batch %u was acknowledged and is not there", a, b);
                }
                one->states[b] = MODEL_GONE;
                lost++;
            }
        }
    }
    return lost;
}

/* The contract of log.h that every log keeps; log is empty, with at least 2 partitions. */
static inline void model_contract(struct model *model, struct tide_log log)
{
    struct tide_log_cursor *cursor = NULL;
    struct tide_log_frame frame;
    uint64_t before = 0;
    assert_int_equal(log.operations->sync(log.self, NULL), TIDE_OK); /* nothing to do is fine */
    assert_int_equal(log.operations->pending_bytes(log.self), 0);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(model_append(model, log), TIDE_OK);
    }
    assert_true(log.operations->pending_bytes(log.self) > 0);
    assert_int_equal(log.operations->end(log.self, 0), 0); /* not durable yet */
    assert_int_equal(log.operations->cursor_open(log.self, 0, 0, &cursor, NULL), TIDE_OK);
    assert_int_equal(log.operations->read(cursor, &frame, NULL), TIDE_AGAIN);
    assert_int_equal(model->appends[0].done_count, 0);
    assert_int_equal(log.operations->sync(log.self, NULL), TIDE_OK);
    assert_int_equal(log.operations->pending_bytes(log.self), 0);
    for (uint32_t a = 0; a < model->count; a++) {
        assert_int_equal(model->appends[a].done_count, 1);
        assert_int_equal(model->appends[a].status, TIDE_OK);
    }
    assert_int_equal(log.operations->read(cursor, &frame, NULL), TIDE_OK); /* same cursor goes on */
    log.operations->cursor_close(cursor);
    model_check(model, log, UINT32_MAX);
    /* From every offset: the rest of the frame that it is in, and no further than the end. */
    uint64_t end = log.operations->end(log.self, 0);
    assert_true(end > 2);
    for (uint64_t offset = 0; offset <= end; offset++) {
        assert_int_equal(log.operations->cursor_open(log.self, 0, offset, &cursor, NULL), TIDE_OK);
        enum tide_status status = log.operations->read(cursor, &frame, NULL);
        assert_int_equal(status, offset < end ? TIDE_OK : TIDE_AGAIN);
        if (offset < end) {
            static struct model_batch expected;
            uint32_t numbers[3];
            assert_int_equal(frame.first_offset, offset);
            model_parse(frame.records[0].text, numbers, 3);
            uint32_t r = numbers[2];
            model_fill(model, numbers[0], numbers[1], &expected);
            assert_int_equal(frame.record_count, expected.batch.record_count - r);
            model_expect_record(&frame.records[0], &expected.records[r]);
            assert_true(r == 0 || before == offset - 1);
            before = offset;
        }
        log.operations->cursor_close(cursor);
    }
    assert_int_equal(log.operations->cursor_open(log.self, 0, end + 1, &cursor, NULL), TIDE_REJECT);
    assert_null(cursor);
}

#endif
