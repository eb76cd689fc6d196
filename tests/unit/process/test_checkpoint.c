/* Goal: an epoch is in the lake once, whatever happens at any operation of its commit or of the
 * recovery after it; files come before manifests, manifests before tables.
 * Method: the order of writes is recorded; then each operation of a commit meets a full disk, a
 * crash or a failed sync, and the lake is compared with what recovery believes, row by row. */
#include "process/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "log/memory.h"
#include "process/worker.h"
#include "support/process_stack.h"

enum {
    PARTITIONS = 2,
    RECORDS = 5,  /* of a partition in an epoch; one of them rejected, one a duplicate */
    ROWS = 4,     /* of them in the lake */
    JOURNEYS = 3, /* each event is one */
    /* Where all is slow, crashes' seeds take turns: each has every third operation. */
    CRASH_STRIDE = TIDE_TEST_SANITIZED ? 3 : 1,
};

static struct process_stack stack;
static struct sim_lake lake;
static struct tide_log source_log;
static struct tide_feed feeds[PARTITIONS];
static struct tide_epoch epochs[PARTITIONS];

static void append_round(uint32_t round)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        struct tide_bytes lines = {0};
        uint32_t first = 100 * round + 10 * p;
        int64_t day_ms = INT64_C(86400000);
        process_event(&lines, first, "anna", PROCESS_START_MS - 2 * day_ms);
        process_event(&lines, first + 1, "bert", PROCESS_START_MS);
        process_event(&lines, first + 1, "bert", PROCESS_START_MS);
        process_event(&lines, first + 2, "bert", PROCESS_START_MS - day_ms);
        tide_bytes_append_text(&lines, "broken\n");
        process_append(source_log, p, PROCESS_START, tide_bytes_terminated(&lines));
        tide_bytes_release(&lines);
    }
}

static void open_feeds(void)
{
    const struct tide_schema *schema = stack.definitions->schema;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        feeds[p] =
            (struct tide_feed){.partition = process_stack_partition(&stack, p), .log = source_log};
        assert_int_equal(tide_decoder_create(schema, 1, &feeds[p].decoder, NULL), TIDE_OK);
        assert_int_equal(tide_batch_create(schema, 8, &feeds[p].batch, NULL), TIDE_OK);
        assert_int_equal(tide_feed_open(&feeds[p], NULL), TIDE_OK);
    }
}

static void close_feeds(void)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        tide_feed_close(&feeds[p]);
        tide_partition_destroy(feeds[p].partition);
        tide_decoder_destroy(feeds[p].decoder);
        tide_batch_destroy(feeds[p].batch);
        feeds[p] = (struct tide_feed){0};
        tide_epoch_release(&epochs[p]);
    }
}

/* Reads all that is in the log and closes epochs; returns how many. */
static uint32_t take_epochs(void)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        uint32_t row_count = 0;
        assert_int_equal(tide_feed_step(&feeds[p], 1000, &row_count, NULL), TIDE_AGAIN);
        assert_int_equal(tide_partition_tell_journeys(feeds[p].partition, NULL), TIDE_OK);
        count += tide_partition_take_epoch(feeds[p].partition, &epochs[count]);
    }
    return count;
}

static enum tide_status commit(uint32_t count)
{
    struct tide_error error = {0};
    enum tide_status status = tide_checkpointer_commit(stack.checkpointer, epochs, count, &error);
    for (uint32_t i = 0; status == TIDE_OK && i < count; i++) {
        tide_epoch_release(&epochs[i]);
    }
    return status;
}

static void begin(uint64_t seed)
{
    process_stack_init(&stack, seed, PARTITIONS);
    assert_int_equal(tide_memory_log_create(PARTITIONS, &source_log, NULL), TIDE_OK);
}

static void end(void)
{
    close_feeds();
    source_log.operations->close(source_log.self);
    process_stack_release(&stack);
}

static void must_open(void)
{
    struct tide_error error = {0};
    if (process_stack_open(&stack, &error) != TIDE_OK) {
        fail_msg("open: %s", error.text);
    }
    open_feeds();
}

/* The lake holds exactly the rows of so many whole epochs of each partition, each once. */
static void expect_lake(void)
{
    bool seen[PARTITIONS][64] = {{false}};
    uint64_t journeys[PARTITIONS][2] = {{0}};
    uint32_t expected = 0;
    if (!sim_lake_read(&lake, stack.io, "lake")) {
        fail_msg("%s", lake.wrong);
    }
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        struct tide_recovered recovered = tide_checkpointer_recovered(stack.checkpointer, p);
        assert_int_equal(recovered.next_offset, recovered.next_epoch * RECORDS);
        assert_int_equal(recovered.ledger.verdicts, recovered.next_offset);
        expected += (uint32_t)recovered.next_epoch * ROWS;
    }
    assert_int_equal(lake.row_count, expected);
    for (uint32_t i = 0; i < lake.row_count; i++) {
        const struct sim_lake_row *row = &lake.rows[i];
        assert_false(seen[row->partition][row->offset]);
        seen[row->partition][row->offset] = true;
        assert_int_equal(row->epoch, row->offset / RECORDS);
        assert_int_equal(row->table,
                         row->offset % RECORDS == 4 ? TIDE_TABLE_REJECTED : TIDE_TABLE_EVENTS);
    }
    assert_int_equal(lake.raw_count, expected / ROWS * RECORDS);
    for (uint32_t i = 0; i < lake.raw_count; i++) {
        assert_int_equal(lake.raw[i].epoch, lake.raw[i].offset / RECORDS);
    }
    assert_int_equal(lake.journey_count, expected / ROWS * JOURNEYS);
    for (uint32_t i = 0; i < lake.journey_count; i++) {
        assert_int_equal(lake.journeys[i].revision, lake.journeys[i].epoch + 1);
        journeys[lake.journeys[i].partition][lake.journeys[i].epoch]++;
    }
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        const uint64_t count = tide_checkpointer_recovered(stack.checkpointer, p).next_epoch;
        for (uint64_t e = 0; e < count; e++) {
            assert_int_equal(journeys[p][e], JOURNEYS);
        }
    }
}

/* ---- order */

static int class_of(const char *key)
{
    if (strstr(key, "_delta_log/") != NULL) {
        return 2;
    }
    return strstr(key, "_tidemark/manifests/") != NULL ? 1 : 0;
}

static void test_files_then_manifests_then_tables(void **state)
{
    (void)state;
    begin(1);
    append_round(0);
    must_open();
    stack.gate.is_recording = true;
    assert_int_equal(commit(take_epochs()), TIDE_OK);
    int last = 0;
    int counts[3] = {0};
    for (uint32_t i = 0; i < stack.gate.write_count; i++) {
        int class = class_of(stack.gate.writes[i]);
        assert_true(class >= last);
        last = class;
        counts[class]++;
    }
    assert_int_equal(counts[0],
                     PARTITIONS * 8); /* three days of events, journeys; one of rejected, raw */
    assert_int_equal(counts[1], PARTITIONS);
    assert_int_equal(counts[2], TIDE_TABLE_COUNT);
    const struct tide_lake_meter *meter = tide_checkpointer_meter(stack.checkpointer);
    assert_int_equal(meter->files[TIDE_TABLE_EVENTS], PARTITIONS * 3);
    assert_int_equal(meter->files[TIDE_TABLE_JOURNEYS], PARTITIONS * 3);
    assert_int_equal(meter->files[TIDE_TABLE_REJECTED], PARTITIONS);
    assert_true(meter->bytes[TIDE_TABLE_EVENTS] > meter->files[TIDE_TABLE_EVENTS]);
    expect_lake();
    end();
}

static void test_nothing_to_commit(void **state)
{
    (void)state;
    begin(1);
    must_open();
    struct tide_recovered recovered = tide_checkpointer_recovered(stack.checkpointer, 1);
    assert_int_equal(recovered.next_epoch, 0);
    assert_int_equal(recovered.next_offset, 0);
    assert_false(tide_instant_known(recovered.watermark));
    assert_int_equal(take_epochs(), 0);
    assert_int_equal(commit(0), TIDE_OK);
    end();
}

/* ---- notes of the log */

struct visits {
    struct tide_bytes text; /* of each note, a ';' behind it */
    uint32_t partition;
    uint32_t fail_at; /* the visit that does not answer OK; 0: none */
    uint32_t count;
};

static enum tide_status visit_note(void *context,
                                   uint32_t partition,
                                   struct tide_view note,
                                   struct tide_error *error)
{
    struct visits *visits = context;
    assert_int_equal(partition, visits->partition);
    tide_bytes_append_view(&visits->text, note);
    tide_bytes_append_byte(&visits->text, ';');
    return ++visits->count == visits->fail_at ? tide_error_set(error, TIDE_REJECT, "not ours")
                                              : TIDE_OK;
}

static void expect_notes(uint32_t partition,
                         bool only_newest,
                         uint32_t fail_at,
                         const char *expected)
{
    struct tide_error error = {0};
    struct visits visits = {.partition = partition, .fail_at = fail_at};
    enum tide_status status = tide_checkpointer_notes(
        stack.checkpointer, partition, only_newest, visit_note, &visits, &error);
    assert_int_equal(status, fail_at > 0 ? TIDE_REJECT : TIDE_OK);
    assert_string_equal(tide_bytes_terminated(&visits.text), expected);
    tide_bytes_release(&visits.text);
}

/* Partition 0 has a note at each epoch, 1 at the first alone, as before there were any. */
static void test_notes(void **state)
{
    (void)state;
    begin(1);
    must_open();
    expect_notes(0, false, 0, "");
    expect_notes(0, true, 0, "");
    for (uint32_t round = 0; round < 3; round++) {
        append_round(round);
        uint32_t count = take_epochs();
        assert_int_equal(count, PARTITIONS);
        tide_bytes_append_format(&epochs[0].note, "zero %u", round);
        if (round == 0) {
            tide_bytes_append_text(&epochs[1].note, "one");
        }
        assert_int_equal(commit(count), TIDE_OK);
    }
    for (int life = 0; life < 2; life++) {
        expect_notes(0, false, 0, "zero 0;zero 1;zero 2;");
        expect_notes(0, true, 0, "zero 2;");
        expect_notes(0, false, 2, "zero 0;zero 1;");
        expect_notes(1, false, 0, "one;");
        expect_notes(1, true, 0, "");
        close_feeds();
        process_stack_close(&stack);
        must_open();
    }
    end();
}

/* ---- faults */

/* Two rounds; the second meets the fault at operation n. false: n is beyond its last operation. */
static bool fault_at(uint64_t n, uint64_t seed, enum tide_io_sim_fault fault)
{
    begin(seed);
    append_round(0);
    must_open();
    assert_int_equal(commit(take_epochs()), TIDE_OK);
    append_round(1);
    uint32_t count = take_epochs();
    uint64_t before = tide_io_sim_operation_count(stack.sim);
    tide_io_sim_arm(stack.sim, fault, n);
    enum tide_status status = commit(count);
    bool is_within = tide_io_sim_operation_count(stack.sim) - before >= n;
    if (status == TIDE_RETRY) { /* the same process tries again, and nothing is done twice */
        assert_int_equal(fault, TIDE_IO_SIM_FAULT_NO_SPACE);
        status = commit(count);
        assert_int_equal(status, TIDE_OK);
    }
    tide_io_sim_arm(stack.sim, TIDE_IO_SIM_FAULT_NONE, 1);
    if (status == TIDE_OK && !tide_io_sim_crashed(stack.sim)) {
        expect_lake();
    } else {
        assert_int_not_equal(fault, TIDE_IO_SIM_FAULT_NO_SPACE);
    }
    close_feeds();
    process_stack_close(&stack);
    bool is_kill = fault == TIDE_IO_SIM_FAULT_CRASH && seed % 2 == 0;
    if (is_kill) {
        tide_io_sim_kill(stack.sim);
    } else {
        tide_io_sim_restart(stack.sim);
    }
    must_open(); /* redoes what the manifests promise */
    expect_lake();
    assert_true(tide_checkpointer_recovered(stack.checkpointer, 0).next_epoch >= 1);
    uint32_t rest = take_epochs();
    assert_int_equal(commit(rest), TIDE_OK);
    expect_lake();
    assert_int_equal(lake.row_count, 2 * PARTITIONS * ROWS);
    end();
    return is_within;
}

static void test_every_operation_fails(void **state)
{
    (void)state;
    static const enum tide_io_sim_fault faults[] = {
        TIDE_IO_SIM_FAULT_NO_SPACE, TIDE_IO_SIM_FAULT_SYNC_FAILS, TIDE_IO_SIM_FAULT_CRASH};
    for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
        const bool is_crash = faults[f] == TIDE_IO_SIM_FAULT_CRASH;
        uint64_t stride = 1;
        if (is_crash) {
            stride = CRASH_STRIDE;
        }
        for (uint64_t seed = 1; seed <= (is_crash ? 4U : 1U); seed++) {
            uint64_t n = 1 + seed % stride;
            while (fault_at(n, seed, faults[f])) {
                n += stride;
            }
            assert_true(n > 50);
        }
    }
}

/* After a crash with all manifests published and no table committed, recovery itself crashes at
 * every operation; the one after it finishes the work. */
static void test_recovery_crashes(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        begin(n);
        append_round(0);
        must_open();
        assert_int_equal(commit(take_epochs()), TIDE_OK);
        close_feeds();
        process_stack_close(&stack);
        tide_io_sim_restart(stack.sim);
        struct tide_error error = {0};
        /* Take the table commits away: as if the crash had come just before them. */
        const char *const commits[] = {"lake/events/_delta_log/00000000000000000000.json",
                                       "lake/rejected/_delta_log/00000000000000000000.json",
                                       "lake/journeys/_delta_log/00000000000000000000.json",
                                       "lake/raw/_delta_log/00000000000000000000.json"};
        for (size_t i = 0; i < TIDE_TABLE_COUNT; i++) {
            assert_int_equal(stack.io.operations->remove(stack.io.self, commits[i], &error),
                             TIDE_OK);
        }
        tide_io_sim_arm(stack.sim, TIDE_IO_SIM_FAULT_CRASH, n);
        bool is_open = process_stack_open(&stack, &error) == TIDE_OK;
        bool is_crashed = tide_io_sim_crashed(stack.sim);
        assert_true(is_open || is_crashed);
        process_stack_close(&stack);
        tide_io_sim_kill(stack.sim);
        must_open();
        expect_lake();
        assert_int_equal(lake.row_count, PARTITIONS * ROWS);
        end();
        if (!is_crashed) {
            assert_true(n > 20);
            return;
        }
    }
}

/* ---- refusals */

static void test_another_process_took_over(void **state)
{
    (void)state;
    begin(1);
    append_round(0);
    must_open();
    struct tide_checkpointer *zombie = stack.checkpointer;
    uint32_t count = take_epochs();
    struct process_stack second = stack; /* shares the disk */
    second.checkpointer = NULL;
    struct tide_error error = {0};
    struct tide_checkpointer_options options = {.io = stack.io,
                                                .clock = tide_clock_simulated(&stack.clock),
                                                .store = stack.store,
                                                .writer = stack.writer,
                                                .scratch_directory = "lake/_tidemark/scratch2",
                                                .identity = stack.identity,
                                                .engine = TIDE_VIEW("tidemark/test")};
    memcpy(options.layouts, stack.layouts, sizeof(options.layouts));
    assert_int_equal(tide_checkpointer_open(&options, &second.checkpointer, &error), TIDE_OK);
    assert_int_equal(tide_checkpointer_commit(second.checkpointer, epochs, count, &error), TIDE_OK);
    assert_int_equal(tide_checkpointer_commit(zombie, epochs, count, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "another process"));
    tide_checkpointer_close(stack.checkpointer);
    stack.checkpointer = second.checkpointer;
    expect_lake();
    end();
}

static void remove_all(const char *directory, const char *const *names, size_t name_count)
{
    char path[256];
    for (size_t i = 0; i < name_count; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        assert_int_equal(stack.io.operations->remove(stack.io.self, path, NULL), TIDE_OK);
    }
}

static void test_manifests_are_gone(void **state)
{
    (void)state;
    static const char *const names[] = {"0/00000000000000000000.json"};
    struct tide_error error = {0};
    begin(1);
    append_round(0);
    must_open();
    assert_int_equal(commit(take_epochs()), TIDE_OK);
    close_feeds();
    process_stack_close(&stack);
    remove_all("lake/_tidemark/manifests", names, 1);
    assert_int_equal(process_stack_open(&stack, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "manifests are gone"));
    end();
}

static void test_another_configuration(void **state)
{
    (void)state;
    begin(1);
    append_round(0);
    must_open();
    assert_int_equal(commit(take_epochs()), TIDE_OK);
    struct tide_error error = {0};
    struct tide_checkpointer *refused = NULL;
    struct tide_checkpointer_options options = {.io = stack.io,
                                                .clock = tide_clock_simulated(&stack.clock),
                                                .store = stack.store,
                                                .writer = stack.writer,
                                                .scratch_directory = "lake/_tidemark/scratch",
                                                .identity = stack.identity,
                                                .engine = TIDE_VIEW("tidemark/test")};
    memcpy(options.layouts, stack.layouts, sizeof(options.layouts));
    options.identity.configuration.low++;
    assert_int_equal(tide_checkpointer_open(&options, &refused, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "configuration"));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_then_manifests_then_tables),
        cmocka_unit_test(test_nothing_to_commit),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_every_operation_fails),
        cmocka_unit_test(test_recovery_crashes),
        cmocka_unit_test(test_another_process_took_over),
        cmocka_unit_test(test_manifests_are_gone),
        cmocka_unit_test(test_another_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
