/* Goal: a turn applies whole frames up to about its bound, every record once and in order, however
 * small the batch and whatever the log says in between.
 * Method: frames in a memory log, read in turns of many sizes through batches of many sizes; the
 * partition's ledger and the rows of its epoch tell what arrived. */
#include "process/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "log/memory.h"
#include "support/process_stack.h"
#include "support/rows_column.h"

enum {
    FRAME_RECORDS = 13,
    LARGE_RECORDS = 24,
    LARGE_ESCAPES = 500 * 1000, /* of two bytes each: a record just below its maximum */
};

static struct process_stack stack;
static struct tide_log source_log;
static struct tide_feed feed;

static void must_create_log(struct tide_log *log)
{
    assert_int_equal(tide_memory_log_create(1, log, NULL), TIDE_OK);
}

static void begin(uint32_t batch_rows)
{
    const struct tide_schema *schema = NULL;
    process_stack_init(&stack, 1, 1);
    assert_int_equal(process_stack_open(&stack, NULL), TIDE_OK);
    must_create_log(&source_log);
    schema = stack.definitions->schema;
    feed = (struct tide_feed){.partition = process_stack_partition(&stack, 0), .log = source_log};
    assert_int_equal(tide_decoder_create(schema, 1, &feed.decoder, NULL), TIDE_OK);
    assert_int_equal(tide_batch_create(schema, batch_rows, &feed.batch, NULL), TIDE_OK);
    assert_int_equal(tide_feed_open(&feed, NULL), TIDE_OK);
}

static void end(void)
{
    tide_feed_close(&feed);
    tide_feed_close(&feed); /* twice is once */
    tide_partition_destroy(feed.partition);
    tide_decoder_destroy(feed.decoder);
    tide_batch_destroy(feed.batch);
    source_log.operations->close(source_log.self);
    process_stack_release(&stack);
}

/* A frame of valid events e<first>, ... */
static void append_events(struct tide_log log, uint32_t first, uint32_t count)
{
    struct tide_bytes lines = {0};
    for (uint32_t i = 0; i < count; i++) {
        process_event(&lines, first + i, i % 2 == 0 ? "anna" : "bert", PROCESS_START_MS);
    }
    process_append(log, 0, PROCESS_START, tide_bytes_terminated(&lines));
    tide_bytes_release(&lines);
}

static void appended(void *context, enum tide_status status, const struct tide_error *error)
{
    (void)context;
    (void)error;
    assert_int_equal(status, TIDE_OK);
}

static void append_records(const struct tide_log_record *records,
                           uint32_t count,
                           struct tide_instant sent)
{
    struct tide_log_receipt receipt;
    const struct tide_log_batch batch = {.received = PROCESS_START,
                                         .sent = sent,
                                         .source = TIDE_VIEW("the source"),
                                         .records = records,
                                         .record_count = count};
    struct tide_log_append append = {
        .batches = &batch, .batch_count = 1, .receipts = &receipt, .done = appended};
    assert_int_equal(source_log.operations->append(source_log.self, &append, NULL), TIDE_OK);
    assert_int_equal(source_log.operations->sync(source_log.self, NULL), TIDE_OK);
}

static void expect_step(uint32_t row_count_max, enum tide_status status, uint32_t row_count)
{
    const uint64_t before = tide_partition_next_offset(feed.partition);
    uint32_t count = UINT32_MAX;
    assert_int_equal(tide_feed_step(&feed, row_count_max, &count, NULL), status);
    assert_int_equal(count, row_count);
    assert_int_equal(tide_partition_next_offset(feed.partition), before + row_count);
}

static void expect_text(const struct tide_rows *rows,
                        const char *name,
                        uint32_t row,
                        const char *expected)
{
    const struct tide_view text = rows_text(rows, name, row);
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

/* ---- turns */

static void bounds_a_turn(void **state)
{
    (void)state;
    begin(64);
    expect_step(100, TIDE_AGAIN, 0); /* nothing came yet */
    for (uint32_t frame = 0; frame < 6; frame++) {
        append_events(source_log, 3 * frame, 3);
    }
    expect_step(0, TIDE_OK, 0);
    expect_step(1, TIDE_OK, 3); /* a frame is not torn */
    expect_step(3, TIDE_OK, 3);
    expect_step(4, TIDE_OK, 6);
    expect_step(100, TIDE_AGAIN, 6); /* the end was reached on the way */
    expect_step(100, TIDE_AGAIN, 0);
    append_events(source_log, 18, 3);
    expect_step(3, TIDE_OK, 3); /* whether there is more was not looked at */
    expect_step(3, TIDE_AGAIN, 0);
    assert_int_equal(tide_partition_ledger(feed.partition)->processed, 21);
    end();
}

/* The stream's clock stands 3 s after the records were received. */
static void meters_how_long_records_take(void **state)
{
    (void)state;
    struct tide_clock_simulated later = {{PROCESS_START.us + 3000000}, {0}};
    struct tide_histogram delays = {0};
    struct tide_histogram_reading reading = {0};
    begin(64);
    append_events(source_log, 0, 2);
    expect_step(2, TIDE_OK, 2); /* nobody asks */
    feed.clock = tide_clock_simulated(&later);
    feed.delays = &delays;
    append_events(source_log, 2, 5);
    expect_step(5, TIDE_OK, 5);
    tide_histogram_read(&delays, &reading);
    assert_int_equal(tide_histogram_count(&reading), 5);
    assert_int_equal(reading.sum_us, 5 * 3000000);
    feed.delays = NULL;
    end();
}

/* The rows of an epoch name records 0, 1, .. of events e0, e1, .. */
static void expect_rows_in_order(uint32_t count)
{
    struct tide_epoch epoch = {0};
    char id[32];
    assert_true(tide_partition_take_epoch(feed.partition, &epoch));
    const struct tide_rows *rows = epoch.rows[TIDE_TABLE_EVENTS];
    assert_null(epoch.rows[TIDE_TABLE_REJECTED]);
    assert_int_equal(tide_rows_count(rows), count);
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(id, sizeof(id), "e%u", i);
        expect_text(rows, "event_id", i, id);
        assert_int_equal(rows_number(rows, "_offset", i), i);
    }
    tide_epoch_release(&epoch);
}

static void results_do_not_depend_on_sizes(void **state)
{
    static const uint32_t batch_rows[] = {1, 2, 7, 64, TIDE_BATCH_ROWS_DEFAULT};
    static const uint32_t turns[] = {1, 10, 1000};
    static const uint32_t frames[] = {1, 20, 7, 64, 100, 1, 2};
    struct tide_ledger first = {0};
    (void)state;
    for (size_t i = 0; i < 15; i++) {
        uint32_t total = 0;
        uint32_t count = 0;
        begin(batch_rows[i / 3]);
        for (size_t f = 0; f < sizeof(frames) / sizeof(frames[0]); f++) {
            append_events(source_log, total, frames[f]);
            total += frames[f];
        }
        while (tide_feed_step(&feed, turns[i % 3], &count, NULL) == TIDE_OK) {
            assert_true(count >= turns[i % 3]);
        }
        const struct tide_ledger *ledger = tide_partition_ledger(feed.partition);
        assert_int_equal(ledger->processed, total);
        first = i == 0 ? *ledger : first;
        assert_true(tide_ledger_equal(ledger, &first)); /* identities too */
        expect_rows_in_order(total);
        end();
    }
}

/* Strings with escapes fill the batch's memory long before its rows: the frame is cut there. */
static void cuts_a_frame_where_the_batch_is_full(void **state)
{
    struct tide_bytes lines = {0};
    struct tide_log_record records[LARGE_RECORDS];
    size_t ends[LARGE_RECORDS];
    (void)state;
    begin(64);
    for (uint32_t i = 0; i < LARGE_RECORDS; i++) {
        tide_bytes_append_format(
            &lines, "{\"id\":\"e%u\",\"t\":%lld,\"kind\":\"", i, (long long)PROCESS_START_MS);
        for (uint32_t k = 0; k < LARGE_ESCAPES; k++) {
            tide_bytes_append(&lines, "\\n", 2);
        }
        tide_bytes_append_text(&lines, "\"}");
        ends[i] = lines.size;
    }
    assert_false(lines.failed);
    for (uint32_t i = 0; i < LARGE_RECORDS; i++) {
        const size_t start = i == 0 ? 0 : ends[i - 1];
        records[i] = (struct tide_log_record){.text = {lines.data + start, ends[i] - start}};
    }
    append_records(records, LARGE_RECORDS, TIDE_INSTANT_UNKNOWN);
    expect_step(1000, TIDE_AGAIN, LARGE_RECORDS);
    assert_in_range(feed.batch->row_count, 1, LARGE_RECORDS - 1); /* the last piece */
    assert_int_equal(tide_partition_ledger(feed.partition)->processed, LARGE_RECORDS);
    expect_rows_in_order(LARGE_RECORDS);
    tide_bytes_release(&lines);
    end();
}

/* ---- what the collector handed over */

struct handed {
    struct tide_handover *handover;
    struct tide_log_receipt receipt;
    const char *images; /* NULL: this frame's were dropped */
};

static void placed(void *context)
{
    const struct handed *handed = context;
    if (handed->images != NULL) {
        tide_handover_give(handed->handover, &handed->receipt, 1, handed->images);
    }
}

/* A frame of events e<first>, .. as the collector appends it; every third has an escape, so that
 * its image says to decode it. */
static void append_handed(struct handed *handed, uint32_t first, uint32_t count)
{
    struct tide_log_record records[FRAME_RECORDS];
    struct tide_bytes lines = {0};
    struct tide_batch *batch = NULL;
    const size_t size = tide_row_image_size(stack.definitions->schema);
    char *images = calloc(count, size);
    for (uint32_t i = first; i < first + count; i++) {
        process_event(&lines, i, i % 3 == 0 ? "an\\u006ea" : "bert", PROCESS_START_MS);
    }
    assert_int_equal(tide_batch_create(stack.definitions->schema, count, &batch, NULL), TIDE_OK);
    tide_decoder_begin(feed.decoder, tide_bytes_view(&lines), TIDE_FRAMING_NDJSON);
    assert_int_equal(tide_decoder_next(feed.decoder, batch), TIDE_OK);
    for (uint32_t i = 0; i < count; i++) {
        tide_row_image_take(batch, i, (void *)(images + i * size));
        records[i] = (struct tide_log_record){.text = batch->texts[i]};
    }
    handed->images = handed->handover != NULL && first % 5 != 0 ? images : NULL;
    const struct tide_log_batch frame = {.received = PROCESS_START,
                                         .sent = TIDE_INSTANT_UNKNOWN,
                                         .source = TIDE_VIEW("test"),
                                         .records = records,
                                         .record_count = count};
    struct tide_log_append append = {.batches = &frame,
                                     .batch_count = 1,
                                     .receipts = &handed->receipt,
                                     .done = appended,
                                     .placed = placed,
                                     .placed_context = handed};
    assert_int_equal(source_log.operations->append(source_log.self, &append, NULL), TIDE_OK);
    assert_int_equal(source_log.operations->sync(source_log.self, NULL), TIDE_OK);
    tide_batch_destroy(batch);
    tide_bytes_release(&lines);
    free(images);
}

/* The same state, whatever was handed over and whatever was dropped of it. */
static void restores_what_was_handed_over(void **state)
{
    static const uint32_t batch_rows[] = {1, 5, TIDE_BATCH_ROWS_DEFAULT};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct tide_ledger decoded = {0};
        for (int is_handed = 0; is_handed < 2; is_handed++) {
            struct handed handed = {0};
            uint32_t total = 0;
            uint32_t dropped = 0;
            uint32_t restored = 0;
            struct tide_feed_counts counts = {0};
            begin(batch_rows[i]);
            feed.counts = &counts;
            if (is_handed) {
                const struct tide_handover_options options = {
                    .partition_count = 1,
                    .image_size = tide_row_image_size(stack.definitions->schema),
                    .bytes_max = 1 << 20};
                assert_int_equal(tide_handover_create(&options, &handed.handover, NULL), TIDE_OK);
                feed.handover = handed.handover;
            }
            for (uint32_t f = 0; f < 40; f++) {
                const uint32_t count = 1 + f * 7 % FRAME_RECORDS;
                dropped += total % 5 == 0 ? count : 0;
                append_handed(&handed, total, count);
                for (uint32_t e = total; handed.images != NULL && e < total + count; e++) {
                    restored += e % 3 != 0;
                }
                total += count;
                if (f % 3 == 0) {
                    uint32_t read = 0;
                    assert_int_equal(tide_feed_step(&feed, UINT32_MAX, &read, NULL), TIDE_AGAIN);
                }
            }
            uint32_t read = 0;
            assert_int_equal(tide_feed_step(&feed, UINT32_MAX, &read, NULL), TIDE_AGAIN);
            const struct tide_ledger *ledger = tide_partition_ledger(feed.partition);
            assert_int_equal(ledger->processed, total);
            assert_int_equal(counts.restored + counts.decoded, total);
            if (is_handed) {
                assert_true(tide_ledger_equal(ledger, &decoded)); /* identities too */
                assert_int_equal(counts.restored, restored);
                assert_int_equal(tide_handover_facts(handed.handover).taken, total - dropped);
            }
            decoded = *ledger;
            expect_rows_in_order(total);
            end();
            tide_handover_destroy(handed.handover);
        }
    }
}

/* ---- what a frame carries */

static void keeps_the_verdict_of_the_door(void **state)
{
    static const char valid[] = "{\"id\":\"e1\",\"kind\":\"k\",\"t\":1772962800000}";
    struct tide_epoch epoch = {0};
    const struct tide_log_record records[] = {
        {.text = TIDE_VIEW(valid)},
        {.text = TIDE_VIEW(valid), /* as cut as it is, it would be accepted */
         .reason = TIDE_REASON_TOO_LARGE,
         .pointer = TIDE_VIEW("/events/3"),
         .detail = TIDE_VIEW("larger than allowed"),
         .original_size = 9},
        {.text = TIDE_VIEW("{\"id\":\"e2\",\"t\":1}")},
    };
    (void)state;
    begin(64);
    append_records(records, 3, (struct tide_instant){PROCESS_START.us - 1000});
    expect_step(100, TIDE_AGAIN, 3);
    assert_int_equal(tide_partition_ledger(feed.partition)->processed, 1);
    assert_true(tide_partition_take_epoch(feed.partition, &epoch));
    const struct tide_rows *rejected = epoch.rows[TIDE_TABLE_REJECTED];
    assert_int_equal(tide_rows_count(rejected), 2);
    expect_text(rejected, "reason", 0, "too_large");
    expect_text(rejected, "pointer", 0, "/events/3");
    expect_text(rejected, "detail", 0, "larger than allowed");
    expect_text(rejected, "bytes", 0, valid);
    expect_text(rejected, "source", 0, "the source");
    assert_int_equal(rows_number(rejected, "offset", 0), 1);
    expect_text(rejected, "reason", 1, "missing");
    assert_int_equal(rows_number(rejected, "offset", 1), 2);
    const struct tide_rows *events = epoch.rows[TIDE_TABLE_EVENTS];
    assert_int_equal(rows_number(events, "received_time", 0), PROCESS_START.us);
    assert_int_equal(rows_number(events, "sent_time", 0), PROCESS_START.us - 1000);
    tide_epoch_release(&epoch);
    end();
}

/* ---- the log */

static void opens_where_the_partition_is(void **state)
{
    struct tide_log longer;
    (void)state;
    begin(64);
    append_events(source_log, 0, 2);
    expect_step(100, TIDE_AGAIN, 2);
    tide_feed_close(&feed);
    must_create_log(&longer);
    append_events(longer, 0, 5); /* the partition's place is inside this frame */
    feed.log = longer;
    assert_int_equal(tide_feed_open(&feed, NULL), TIDE_OK);
    expect_step(100, TIDE_AGAIN, 3);
    expect_rows_in_order(5);
    tide_feed_close(&feed);
    longer.operations->close(longer.self);
    end();
}

static void refuses_a_log_that_ends_before(void **state)
{
    struct tide_log shorter;
    struct tide_error error = {0};
    (void)state;
    begin(64);
    append_events(source_log, 0, 2);
    expect_step(100, TIDE_AGAIN, 2);
    tide_feed_close(&feed);
    must_create_log(&shorter);
    append_events(shorter, 0, 1);
    feed.log = shorter;
    assert_int_equal(tide_feed_open(&feed, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "behind its end"));
    assert_null(feed.cursor);
    tide_feed_close(&feed);
    shorter.operations->close(shorter.self);
    end();
}

static uint32_t reads_until_failure;
static enum tide_status read_failure;
static const struct tide_log_operations *inner_log;

static enum tide_status failing_read(struct tide_log_cursor *cursor,
                                     struct tide_log_frame *frame,
                                     struct tide_error *error)
{
    if (reads_until_failure == 0) {
        return tide_error_set(error, read_failure, "no frame for you");
    }
    reads_until_failure--;
    return inner_log->read(cursor, frame, error);
}

static void passes_on_that_a_read_failed(void **state)
{
    static const enum tide_status statuses[] = {TIDE_RETRY, TIDE_FATAL};
    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct tide_error error = {0};
        uint32_t count = 0;
        begin(64);
        struct tide_log_operations operations = *source_log.operations;
        inner_log = source_log.operations;
        operations.read = failing_read;
        reads_until_failure = 2;
        read_failure = statuses[i];
        feed.log.operations = &operations;
        for (uint32_t frame = 0; frame < 4; frame++) {
            append_events(source_log, 3 * frame, 3);
        }
        assert_int_equal(tide_feed_step(&feed, 100, &count, &error), statuses[i]);
        assert_string_equal(error.text, "no frame for you");
        assert_int_equal(count, 6); /* what was read before is applied */
        assert_int_equal(tide_partition_next_offset(feed.partition), 6);
        reads_until_failure = 100;
        expect_step(100, TIDE_AGAIN, 6);
        expect_rows_in_order(12);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_a_turn),
        cmocka_unit_test(meters_how_long_records_take),
        cmocka_unit_test(results_do_not_depend_on_sizes),
        cmocka_unit_test(restores_what_was_handed_over),
        cmocka_unit_test(cuts_a_frame_where_the_batch_is_full),
        cmocka_unit_test(keeps_the_verdict_of_the_door),
        cmocka_unit_test(opens_where_the_partition_is),
        cmocka_unit_test(refuses_a_log_that_ends_before),
        cmocka_unit_test(passes_on_that_a_read_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
