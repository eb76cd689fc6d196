/* Goal: every record is booked exactly once, by the rules of semantics sections 2, 4 and 7, and its
 * row reaches the lake exactly once, however the input is cut.
 * Method: lines through the real decoder, with the ledger, rows and cells that must come of
 * them. */
#include "process/partition.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "decode/decode.h"
#include "support/counted_allocation.h"
#include "support/process_stack.h"
#include "support/rows_column.h"

enum {
    MINUTE_MS = 60 * 1000
};

/* ---- fixture */

static struct process_stack stack;
static struct tide_decoder *decoder;
static struct tide_batch *batch;

static int setup(void **state)
{
    (void)state;
    process_stack_init(&stack, 1, 1);
    const struct tide_schema *schema = stack.definitions->schema;
    return tide_decoder_create(schema, 7, &decoder, NULL) != TIDE_OK ||
           tide_batch_create(schema, 64, &batch, NULL) != TIDE_OK;
}

static int teardown(void **state)
{
    (void)state;
    tide_decoder_destroy(decoder);
    tide_batch_destroy(batch);
    process_stack_release(&stack);
    return 0;
}

static struct tide_partition *create_at(uint64_t rows_from,
                                        const struct tide_ledger *expected,
                                        struct tide_instant closing)
{
    struct tide_partition_options options = {.definitions = stack.definitions,
                                             .index = 5,
                                             .arrival = TIDE_ARRIVAL_LIVE,
                                             .limits = tide_operator_limits_default(),
                                             .rows_from = rows_from,
                                             .first_epoch = rows_from > 0 ? 4 : 0,
                                             .closing = closing};
    struct tide_partition *partition = NULL;
    memcpy(options.layouts, stack.layouts, sizeof(options.layouts));
    if (expected != NULL) {
        options.expected = *expected;
    }
    assert_int_equal(tide_partition_create(&options, &partition, NULL), TIDE_OK);
    return partition;
}

static struct tide_partition *create(uint64_t rows_from, const struct tide_ledger *expected)
{
    return create_at(rows_from, expected, TIDE_INSTANT_UNKNOWN);
}

/* All lines at once, in pieces of at most `piece` rows. */
static void apply(struct tide_partition *partition, const char *lines, uint32_t piece)
{
    uint32_t rows[64];
    tide_batch_reset(batch);
    tide_decoder_begin(decoder, tide_view_of(lines), TIDE_FRAMING_NDJSON);
    assert_int_equal(tide_decoder_next(decoder, batch), TIDE_OK);
    for (uint32_t at = 0; at < batch->row_count; at += piece) {
        uint32_t count = batch->row_count - at < piece ? batch->row_count - at : piece;
        for (uint32_t i = 0; i < count; i++) {
            rows[i] = at + i;
        }
        struct tide_partition_input input = {.batch = batch,
                                             .rows = rows,
                                             .row_count = count,
                                             .first_offset = tide_partition_next_offset(partition),
                                             .received = PROCESS_START,
                                             .source = TIDE_VIEW("test")};
        assert_int_equal(tide_partition_apply(partition, &input, NULL), TIDE_OK);
    }
}

static uint32_t row_count(const struct tide_epoch *epoch, enum tide_table table)
{
    return epoch->rows[table] == NULL ? 0 : tide_rows_count(epoch->rows[table]);
}

static void append_sample(struct tide_bytes *lines)
{
    process_event(lines, 1, "anna", PROCESS_START_MS);                 /* 0 on time */
    process_event(lines, 2, "anna", PROCESS_START_MS - 10 * 1000);     /* 1 just on time */
    process_event(lines, 3, "bert", PROCESS_START_MS - 10 * 1000 - 1); /* 2 late */
    process_event(lines, 1, "anna", PROCESS_START_MS);                 /* 3 duplicate */
    tide_bytes_append_text(lines, "not json\n");                       /* 4 json_invalid */
    process_event(lines, 4, "bert", PROCESS_START_MS + 6 * MINUTE_MS); /* 5 clock_ahead */
    process_event(lines, 5, "bert", INT64_C(1));                       /* 6 too_old */
    tide_bytes_append_text(lines, "{\"id\":\"x\",\"t\":1}\n");         /* 7 missing */
    process_event(lines, 6, "cora", PROCESS_START_MS + 4 * MINUTE_MS); /* 8 ahead, within bounds */
    process_event(lines, 7, "", PROCESS_START_MS - 600 * MINUTE_MS);   /* 9 late, nobody */
}

static struct tide_ledger sample_ledger(struct tide_u128 uids)
{
    return (struct tide_ledger){.verdicts = 10,
                                .processed = 5,
                                .duplicate = 1,
                                .rejected = {[TIDE_REASON_JSON_INVALID] = 1,
                                             [TIDE_REASON_CLOCK_AHEAD] = 1,
                                             [TIDE_REASON_TOO_OLD] = 1,
                                             [TIDE_REASON_MISSING] = 1},
                                .on_time = 3,
                                .late_hot = 2,
                                .uids = uids};
}

static enum tide_status sum_events(void *context,
                                   struct tide_window window,
                                   struct tide_view group,
                                   const struct tide_cell_value *value)
{
    (void)window;
    (void)group;
    *(uint64_t *)context += value->events;
    return TIDE_OK;
}

static void test_books_each_record_once(void **state)
{
    (void)state;
    struct tide_ledger first = {0};
    for (uint32_t piece = 1; piece <= 10; piece++) {
        struct tide_bytes lines = {0};
        struct tide_partition *partition = create(0, NULL);
        append_sample(&lines);
        apply(partition, tide_bytes_terminated(&lines), piece);
        const struct tide_ledger *ledger = tide_partition_ledger(partition);
        struct tide_ledger expected = sample_ledger(ledger->uids);
        assert_true(tide_ledger_holds(ledger));
        assert_true(tide_ledger_equal(ledger, &expected));
        first = piece == 1 ? *ledger : first;
        assert_true(tide_ledger_equal(ledger, &first)); /* identities too */
        uint64_t counted = 0;
        const struct tide_cell_visitor visitor = {TIDE_INSTANT_UNKNOWN, sum_events, &counted};
        assert_int_equal(tide_operator_visit(tide_partition_operator(partition, 0), visitor),
                         TIDE_OK);
        assert_int_equal(counted, 5); /* late ones too */
        /* The event ahead moved the watermark only to when it was received. */
        assert_true(tide_watermark_data(tide_partition_watermark(partition)).us ==
                    PROCESS_START.us - 10 * 1000 * 1000);
        assert_int_equal(tide_partition_index(partition), 5);
        assert_int_equal(tide_partition_next_offset(partition), 10);
        assert_true(tide_partition_state_bytes(partition) > 0);
        tide_partition_destroy(partition);
        tide_bytes_release(&lines);
    }
}

/* In any pieces, and also where the records are in the lake already. */
static void test_quality(void **state)
{
    (void)state;
    for (uint32_t piece = 1; piece <= 10; piece++) {
        struct tide_bytes lines = {0};
        struct tide_partition *partition = create(0, NULL);
        append_sample(&lines);
        apply(partition, tide_bytes_terminated(&lines), 10);
        const struct tide_ledger expected = *tide_partition_ledger(partition);
        tide_partition_destroy(partition);
        partition = create(10, &expected);
        apply(partition, tide_bytes_terminated(&lines), piece);
        const struct tide_quality *quality = tide_partition_quality(partition);
        struct tide_quality wanted = {0};
        wanted.lateness[0] = 2;  /* 0 and 8 */
        wanted.lateness[3] = 1;  /* 10 s */
        wanted.lateness[4] = 1;  /* and a millisecond more */
        wanted.lateness[10] = 1; /* 10 hours */
        wanted.skew[0] = 1;      /* 6, too old */
        wanted.skew[1] = 1;      /* 10 hours behind */
        wanted.skew[6] = 2;
        wanted.skew[8] = 1;
        wanted.skew[11] = 1;
        wanted.skew[12] = 1; /* 5, rejected: 6 minutes ahead */
        assert_memory_equal(quality->lateness, wanted.lateness, sizeof(wanted.lateness));
        assert_memory_equal(quality->skew, wanted.skew, sizeof(wanted.skew));
        const struct tide_samples *samples = quality->samples[TIDE_REASON_JSON_INVALID];
        assert_int_equal(samples->count, 1);
        assert_int_equal(samples->items[0].offset, 4);
        assert_memory_equal(samples->items[0].bytes, "not json", 8);
        assert_true(samples->items[0].received.us == PROCESS_START.us);
        assert_null(quality->samples[TIDE_REASON_TYPE]);
        tide_partition_destroy(partition);
        tide_bytes_release(&lines);
    }
}

static void test_rows_of_an_epoch(void **state)
{
    (void)state;
    static const int64_t event_offsets[] = {0, 1, 2, 8, 9};
    static const int64_t rejected_offsets[] = {4, 5, 6, 7};
    static const char *const reasons[] = {"json_invalid", "clock_ahead", "too_old", "missing"};
    struct tide_bytes lines = {0};
    struct tide_partition *partition = create(0, NULL);
    struct tide_epoch epoch = {0};
    append_sample(&lines);
    assert_false(tide_partition_take_epoch(partition, &epoch)); /* nothing came yet */
    apply(partition, tide_bytes_terminated(&lines), 3);
    assert_true(tide_partition_rows_bytes(partition) > 0);
    assert_true(tide_partition_take_epoch(partition, &epoch));
    assert_int_equal(tide_partition_rows_bytes(partition), 0);
    assert_int_equal(epoch.partition, 5);
    assert_int_equal(epoch.number, 0);
    assert_int_equal(epoch.next_offset, 10);
    assert_int_equal(row_count(&epoch, TIDE_TABLE_EVENTS), 5);
    assert_int_equal(row_count(&epoch, TIDE_TABLE_REJECTED), 4);
    struct tide_u128 uids = {0};
    for (uint32_t i = 0; i < 5; i++) {
        const struct tide_rows *rows = epoch.rows[TIDE_TABLE_EVENTS];
        assert_int_equal(rows_number(rows, "_offset", i), event_offsets[i]);
        assert_int_equal(rows_number(rows, "_partition", i), 5);
        assert_int_equal(rows_number(rows, "_epoch", i), 0);
        assert_true(rows_number(rows, "received_time", i) == PROCESS_START.us);
        assert_true(tide_rows_is_null(rows, rows_column(rows, "sent_time"), i));
        uids.high += (uint64_t)rows_number(rows, "uid_high", i);
        uids.low += (uint64_t)rows_number(rows, "uid_low", i);
    }
    assert_true(tide_u128_equal(uids, epoch.ledger.uids));
    for (uint32_t i = 0; i < 4; i++) {
        const struct tide_rows *rows = epoch.rows[TIDE_TABLE_REJECTED];
        assert_int_equal(rows_number(rows, "offset", i), rejected_offsets[i]);
        assert_true(tide_view_equal(rows_text(rows, "reason", i), tide_view_of(reasons[i])));
        assert_true(tide_view_equal(rows_text(rows, "source", i), TIDE_VIEW("test")));
    }
    assert_int_equal(row_count(&epoch, TIDE_TABLE_RAW), 10); /* duplicates and broken ones too */
    for (uint32_t i = 0; i < 10; i++) {
        const struct tide_rows *rows = epoch.rows[TIDE_TABLE_RAW];
        assert_int_equal(rows_number(rows, "offset", i), i);
        assert_int_equal(rows_number(rows, "partition", i), 5);
        assert_int_equal(rows_number(rows, "_epoch", i), 0);
        assert_true(rows_number(rows, "received_time", i) == PROCESS_START.us);
        assert_true(tide_view_equal(rows_text(rows, "source", i), TIDE_VIEW("test")));
    }
    assert_true(
        tide_view_equal(rows_text(epoch.rows[TIDE_TABLE_RAW], "bytes", 4), TIDE_VIEW("not json")));
    assert_true(
        tide_view_equal(tide_rows_text(epoch.rows[TIDE_TABLE_REJECTED],
                                       rows_column(epoch.rows[TIDE_TABLE_REJECTED], "bytes"),
                                       0),
                        TIDE_VIEW("not json")));
    tide_epoch_release(&epoch);
    assert_null(epoch.rows[0]);
    assert_false(tide_partition_take_epoch(partition, &epoch)); /* nothing came since */
    /* Only duplicates: an epoch without rows, that moves the offset. */
    apply(partition, tide_bytes_terminated(&lines), 64);
    assert_true(tide_partition_take_epoch(partition, &epoch));
    assert_int_equal(epoch.number, 1);
    assert_int_equal(row_count(&epoch, TIDE_TABLE_EVENTS), 0);
    assert_int_equal(epoch.ledger.duplicate, 7); /* ledgers run on: one in the first, six now */
    tide_epoch_release(&epoch);
    tide_partition_destroy(partition);
    tide_bytes_release(&lines);
}

/* Recovery at every offset: the same state, and only the rows that are not in the lake yet. */
static void test_replay_writes_no_row_twice(void **state)
{
    (void)state;
    struct tide_bytes lines = {0};
    append_sample(&lines);
    const char *text = tide_bytes_terminated(&lines);
    for (uint64_t from = 1; from <= 10; from++) {
        struct tide_partition *first = create(0, NULL);
        struct tide_ledger expected = {0};
        const char *at = text;
        for (uint64_t i = 0; i < from; i++) {
            at = strchr(at, '\n') + 1;
        }
        char prefix[4096];
        snprintf(prefix, sizeof(prefix), "%.*s", (int)(at - text), text);
        apply(first, prefix, 64);
        expected = *tide_partition_ledger(first);
        tide_partition_destroy(first);

        struct tide_partition *again = create(from, &expected);
        struct tide_epoch epoch = {0};
        apply(again, prefix, 64);
        assert_false(tide_partition_take_epoch(again, &epoch)); /* all of it is in the lake */
        assert_int_equal(tide_partition_rows_bytes(again), 0);
        apply(again, at, 64);
        assert_true(tide_partition_take_epoch(again, &epoch) == (from < 10));
        for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
            const char *column = t == TIDE_TABLE_EVENTS ? "_offset" : "offset";
            for (uint32_t i = 0; i < row_count(&epoch, (enum tide_table)t); i++) {
                assert_true(rows_number(epoch.rows[t], column, i) >= (int64_t)from);
                assert_int_equal(rows_number(epoch.rows[t], "_epoch", i), 4);
            }
        }
        uint64_t rows =
            row_count(&epoch, TIDE_TABLE_EVENTS) + row_count(&epoch, TIDE_TABLE_REJECTED);
        assert_int_equal(rows, 9 - expected.processed - tide_ledger_rejected(&expected));
        assert_int_equal(row_count(&epoch, TIDE_TABLE_RAW), 10 - from);
        assert_int_equal(tide_partition_next_epoch(again), from < 10 ? 5 : 4);
        tide_epoch_release(&epoch);
        tide_partition_destroy(again);
    }
    tide_bytes_release(&lines);
}

/* ---- journeys */

/* An event of no amount: of the two funnels only `trip` has it for a step, its first. */
static void append_step(struct tide_bytes *lines, uint32_t number, int64_t t_ms)
{
    tide_bytes_append_format(lines,
                             "{\"id\":\"s%u\",\"kind\":\"k0\",\"t\":%" PRId64
                             ",\"who\":{\"name\":\"w%u\"}}\n",
                             number,
                             t_ms,
                             number);
}

/* What the engine does at the end of an epoch, by that clock. */
static bool close_epoch(struct tide_partition *partition,
                        int64_t closing_us,
                        struct tide_epoch *epoch)
{
    tide_partition_watermark(partition)->closing.us = closing_us;
    assert_int_equal(tide_partition_tell_journeys(partition, NULL), TIDE_OK);
    return tide_partition_take_epoch(partition, epoch);
}

/* Without another record; nothing twice, and nothing more after a restart by that epoch's clock. */
static void test_a_timeout_makes_an_epoch(void **state)
{
    (void)state;
    const int64_t ends_us = PROCESS_START.us + INT64_C(20) * MINUTE_MS * 1000;
    struct tide_bytes lines = {0};
    struct tide_epoch epoch = {0};
    append_step(&lines, 1, PROCESS_START_MS);
    const char *text = tide_bytes_terminated(&lines);
    struct tide_partition *partition = create(0, NULL);
    apply(partition, text, 1);
    assert_true(close_epoch(partition, PROCESS_START.us, &epoch));
    assert_int_equal(row_count(&epoch, TIDE_TABLE_JOURNEYS), 0);
    tide_epoch_release(&epoch);
    assert_false(close_epoch(partition, ends_us - 1, &epoch));
    assert_true(close_epoch(partition, ends_us, &epoch));
    assert_int_equal(epoch.number, 1);
    assert_int_equal(epoch.next_offset, 1);
    assert_true(epoch.closing.us == ends_us);
    assert_int_equal(row_count(&epoch, TIDE_TABLE_EVENTS), 0);
    assert_int_equal(row_count(&epoch, TIDE_TABLE_JOURNEYS), 1);
    assert_int_equal(rows_number(epoch.rows[TIDE_TABLE_JOURNEYS], "revision", 0), 2);
    assert_int_equal(rows_number(epoch.rows[TIDE_TABLE_JOURNEYS], "_epoch", 0), 1);
    assert_int_equal(rows_number(epoch.rows[TIDE_TABLE_JOURNEYS], "_partition", 0), 5);
    const struct tide_ledger ledger = epoch.ledger;
    tide_epoch_release(&epoch);
    assert_false(close_epoch(partition, ends_us * 2, &epoch));
    tide_partition_destroy(partition);

    partition = create_at(1, &ledger, (struct tide_instant){ends_us});
    assert_false(close_epoch(partition, ends_us, &epoch)); /* it is recovering */
    apply(partition, text, 1);
    assert_false(close_epoch(partition, ends_us * 2, &epoch));
    tide_partition_destroy(partition);
    /* Had that epoch not become true, it would come again. */
    partition = create_at(1, &ledger, PROCESS_START);
    apply(partition, text, 1);
    assert_true(close_epoch(partition, ends_us, &epoch));
    assert_int_equal(row_count(&epoch, TIDE_TABLE_JOURNEYS), 1);
    tide_epoch_release(&epoch);
    tide_partition_destroy(partition);
    tide_bytes_release(&lines);
}

/* A batch goes over the end of what is in the lake: what had ended there is told. */
static void test_recovery_ends_within_a_batch(void **state)
{
    (void)state;
    for (uint64_t from = 1; from <= 4; from++) {
        struct tide_bytes lines = {0};
        struct tide_epoch epoch = {0};
        struct tide_partition *first = create(0, NULL);
        for (uint32_t i = 0; i < from; i++) {
            process_event(&lines, i, i % 2 == 0 ? "anna" : "bert", PROCESS_START_MS + i);
        }
        apply(first, tide_bytes_terminated(&lines), 64);
        const struct tide_ledger expected = *tide_partition_ledger(first);
        tide_partition_destroy(first);
        for (uint32_t i = (uint32_t)from; i < 4; i++) {
            process_event(&lines, i, i % 2 == 0 ? "anna" : "bert", PROCESS_START_MS + i);
        }
        struct tide_partition *again = create(from, &expected);
        apply(again, tide_bytes_terminated(&lines), 64);
        assert_true(close_epoch(again, INT64_MIN, &epoch) == (from < 4));
        assert_int_equal(row_count(&epoch, TIDE_TABLE_JOURNEYS), 4 - from);
        for (uint32_t i = 0; i < 4 - from; i++) { /* each event is one of `way` */
            assert_int_equal(rows_number(epoch.rows[TIDE_TABLE_EVENTS], "_offset", i), from + i);
            assert_true(rows_number(epoch.rows[TIDE_TABLE_JOURNEYS], "start_time", i) >=
                        PROCESS_START.us + (int64_t)from * 1000);
        }
        tide_epoch_release(&epoch);
        tide_partition_destroy(again);
        tide_bytes_release(&lines);
    }
}

/* More than the limit time out at once: the manifest's clock is that of the last one told. */
static void test_timeouts_in_several_epochs(void **state)
{
    (void)state;
    struct tide_bytes lines = {0};
    struct tide_epoch epoch = {0};
    struct tide_partition_options options = {.definitions = stack.definitions,
                                             .arrival = TIDE_ARRIVAL_LIVE,
                                             .limits = tide_operator_limits_default(),
                                             .closing = TIDE_INSTANT_UNKNOWN};
    struct tide_partition *partition = NULL;
    const int64_t timeout_us = INT64_C(20) * MINUTE_MS * 1000;
    options.limits.journeys_max = 2;
    memcpy(options.layouts, stack.layouts, sizeof(options.layouts));
    assert_int_equal(tide_partition_create(&options, &partition, NULL), TIDE_OK);
    for (uint32_t i = 0; i < 5; i++) {
        append_step(&lines, i, PROCESS_START_MS + i);
    }
    apply(partition, tide_bytes_terminated(&lines), 64);
    assert_true(close_epoch(partition, PROCESS_START.us, &epoch));
    tide_epoch_release(&epoch);
    for (uint32_t turn = 0; turn < 3; turn++) {
        static const int64_t last_ms[] = {1, 3, 100};
        const int64_t clock_us = PROCESS_START.us + timeout_us + 100 * 1000;
        assert_true(close_epoch(partition, clock_us, &epoch));
        assert_int_equal(row_count(&epoch, TIDE_TABLE_JOURNEYS), turn < 2 ? 2 : 1);
        assert_true(epoch.closing.us == PROCESS_START.us + timeout_us + last_ms[turn] * 1000);
        tide_epoch_release(&epoch);
    }
    assert_false(close_epoch(partition, INT64_MAX / 2, &epoch));
    tide_partition_destroy(partition);
    tide_bytes_release(&lines);
}

/* Without layouts nothing is kept, and all is counted. */
static void test_without_lake(void **state)
{
    (void)state;
    struct tide_bytes lines = {0};
    struct tide_partition_options options = {.definitions = stack.definitions,
                                             .arrival = TIDE_ARRIVAL_LIVE,
                                             .limits = tide_operator_limits_default(),
                                             .closing = TIDE_INSTANT_UNKNOWN};
    struct tide_partition *partition = NULL;
    struct tide_epoch epoch = {0};
    append_sample(&lines);
    assert_int_equal(tide_partition_create(&options, &partition, NULL), TIDE_OK);
    apply(partition, tide_bytes_terminated(&lines), 4);
    assert_int_equal(tide_partition_ledger(partition)->processed, 5);
    assert_int_equal(tide_partition_rows_bytes(partition), 0);
    assert_true(tide_partition_take_epoch(partition, &epoch));
    assert_null(epoch.rows[TIDE_TABLE_EVENTS]);
    assert_null(epoch.rows[TIDE_TABLE_REJECTED]);
    tide_epoch_release(&epoch);
    tide_partition_destroy(partition);
    tide_bytes_release(&lines);
}

/* ---- memory */

enum {
    EVENTS_PER_ROUND = 50,
    PEOPLE = 7,
};

/* Decodes and applies events [first, ..) of a few people; how often memory was asked for. */
static uint64_t allocations_of(struct tide_partition *partition, uint32_t first)
{
    char who[16];
    struct tide_bytes lines = {0};
    for (uint32_t i = first; i < first + EVENTS_PER_ROUND; i++) {
        (void)snprintf(who, sizeof(who), "p%u", i % PEOPLE);
        process_event(&lines, i, who, PROCESS_START_MS + i % (10 * MINUTE_MS));
    }
    const char *text = tide_bytes_terminated(&lines);
    const uint64_t before = allocation_count;
    apply(partition, text, EVENTS_PER_ROUND);
    const uint64_t count = allocation_count - before;
    tide_bytes_release(&lines);
    return count;
}

/* Events that are not new need no memory; those that are only let tables double: as many events
 * again take a handful of allocations, not one for each. */
static void test_allocates_for_no_event(void **state)
{
    (void)state;
    enum {
        ROUNDS = 256
    };
    struct tide_partition_options options = {.definitions = stack.definitions,
                                             .arrival = TIDE_ARRIVAL_FILE,
                                             .limits = tide_operator_limits_none(),
                                             .closing = TIDE_INSTANT_UNKNOWN};
    struct tide_partition *partition = NULL;
    uint64_t first_half = 0;
    uint64_t second_half = 0;
    assert_int_equal(tide_partition_create(&options, &partition, NULL), TIDE_OK);
    assert_in_range(allocations_of(partition, 0), 1, 10000);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        assert_int_equal(allocations_of(partition, 0), 0);
    }
    for (uint32_t round = 1; round < 2 * ROUNDS; round++) {
        const uint64_t count = allocations_of(partition, round * EVENTS_PER_ROUND);
        *(round < ROUNDS ? &first_half : &second_half) += count;
    }
    assert_int_equal(tide_partition_ledger(partition)->processed, 2 * ROUNDS * EVENTS_PER_ROUND);
    assert_in_range(first_half, 1, ROUNDS);
    assert_in_range(second_half, 0, 32);
    tide_partition_destroy(partition);
}

/* Rows for the lake are kept in arrays that double, too. */
static void test_allocates_for_no_row(void **state)
{
    (void)state;
    enum {
        ROUNDS = 512,
        EVENTS = ROUNDS * EVENTS_PER_ROUND
    };
    struct tide_partition_options options = {.definitions = stack.definitions,
                                             .arrival = TIDE_ARRIVAL_FILE,
                                             .limits = tide_operator_limits_none(),
                                             .closing = TIDE_INSTANT_UNKNOWN};
    struct tide_partition *partition = NULL;
    struct tide_epoch epoch = {0};
    uint64_t count = 0;
    memcpy(options.layouts, stack.layouts, sizeof(options.layouts));
    assert_int_equal(tide_partition_create(&options, &partition, NULL), TIDE_OK);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        count += allocations_of(partition, round * EVENTS_PER_ROUND);
    }
    assert_true(tide_partition_take_epoch(partition, &epoch));
    assert_int_equal(tide_rows_count(epoch.rows[TIDE_TABLE_EVENTS]), EVENTS);
    assert_in_range(count, 1, EVENTS / 50);
    tide_epoch_release(&epoch);
    tide_partition_destroy(partition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_books_each_record_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quality, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_of_an_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replay_writes_no_row_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_timeout_makes_an_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_recovery_ends_within_a_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timeouts_in_several_epochs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_lake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_allocates_for_no_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_allocates_for_no_row, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
