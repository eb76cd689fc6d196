/* Goal: a turn merges what is small and lets leave what is old, stops when somebody else needs the
 * time, and is harmless wherever it is interrupted: rows that are there and rows that left add up,
 * and epochs go on.
 * Method: turns over epochs of a checkpointer on a simulated disk, with a crash at every operation
 * (under a sanitizer at every third);
 * the thread is started and stopped without a turn being due. */
#include "process/housekeeper.h"

#include "unit/process/house_fixture.h"

#include <stdlib.h>

#include "base/logline.h"
#include "lake/expiry.h"
#include "support/remove_tree.h"

enum {
    EPOCHS = 4,
    STRIDE = TIDE_TEST_SANITIZED ? 3 : 1, /* where all is slow; odd: crashes and kills */
};
static const int64_t day_us = INT64_C(86400) * 1000 * 1000;

static struct house house;
static uint32_t questions; /* whether it is quiet */
static uint32_t quiet_for; /* so many of them */

static bool is_quiet(void *context)
{
    (void)context;
    return questions++ < quiet_for;
}

static struct tide_housekeeper_options options_of(void)
{
    struct tide_housekeeper_options options = {
        .rewriter = sim_rewriter(&house.stack.io),
        .partition_count = HOUSE_PARTITIONS,
        .every = {INT64_C(3600) * 1000 * 1000},
        .work = {INT64_C(3600) * 1000 * 1000},
        .target_bytes = 1 << 20,
        .files_min = 4,
        .keep_log = {30 * day_us},
        .vacuum_older = {7 * day_us},
    };
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT; t++) {
        options.tables[t] = house_table(&house, (enum tide_table)t);
    }
    options.keep[TIDE_TABLE_EVENTS].us = 10 * day_us;
    return options;
}

static struct tide_housekeeper *create(const struct tide_housekeeper_options *options)
{
    struct tide_housekeeper *keeper = NULL;
    assert_int_equal(tide_housekeeper_create(options, &keeper, NULL), TIDE_OK);
    return keeper;
}

/* The last epochs' events are two days old, the first's eleven. */
static void fill(void)
{
    for (uint32_t i = 0; i < EPOCHS; i++) {
        house_epoch(&house, i, i == 0 ? 11 : 2);
    }
}

static uint64_t rows_expired(void)
{
    struct tide_arena arena = {0};
    struct tide_expired expired;
    struct tide_delta *delta = NULL;
    const struct tide_delta_options options = house_table(&house, TIDE_TABLE_EVENTS);
    assert_int_equal(tide_delta_open(&options, &delta, NULL), TIDE_OK);
    assert_int_equal(
        tide_expired_read(options.store, options.layout, delta, &arena, &expired, NULL), TIDE_OK);
    uint64_t rows = 0;
    for (uint32_t i = 0; i < expired.partition_count; i++) {
        rows += expired.partitions[i].rows;
    }
    tide_delta_close(delta);
    tide_arena_release(&arena);
    return rows;
}

/* Rows of so many epochs, in the lake or counted as they left it. */
static void expect_rows(uint32_t epochs)
{
    const uint64_t events = (uint64_t)epochs * HOUSE_PARTITIONS * (HOUSE_RECORDS - 1);
    const uint64_t records = (uint64_t)epochs * HOUSE_PARTITIONS * HOUSE_RECORDS;
    house_read(&house);
    assert_int_equal(house.lake.row_count + rows_expired(), records); /* events and rejected */
    assert_int_equal(house.lake.raw_count, records);
    assert_int_equal(house.lake.journey_count, events);
}

static void test_a_turn(void **state)
{
    (void)state;
    house_begin(&house, 1);
    fill();
    const struct tide_housekeeper_options options = options_of();
    struct tide_housekeeper *keeper = create(&options);
    house_read(&house);
    assert_int_equal(house.lake.live_counts[TIDE_TABLE_RAW], EPOCHS * HOUSE_PARTITIONS);
    tide_housekeeper_turn(keeper);
    struct tide_housekeeper_facts facts = tide_housekeeper_facts(keeper);
    assert_int_equal(facts.turns, 1);
    assert_int_equal(facts.failures, 0);
    assert_int_equal(facts.compactions, 4);  /* raw, rejected, events and journeys of one day */
    assert_int_equal(facts.rows_expired, 0); /* not in the first minutes of a process */
    house_read(&house);
    assert_int_equal(house.lake.live_counts[TIDE_TABLE_RAW], 1);
    expect_rows(EPOCHS);
    tide_clock_simulated_advance(&house.stack.clock,
                                 (struct tide_duration){INT64_C(600) * 1000 * 1000});
    tide_housekeeper_turn(keeper);
    facts = tide_housekeeper_facts(keeper);
    assert_int_equal(facts.compactions, 4);
    assert_int_equal(facts.rows_expired, HOUSE_PARTITIONS * (HOUSE_RECORDS - 1));
    assert_int_equal(facts.files_expired, HOUSE_PARTITIONS);
    assert_int_equal(facts.files_deleted, 0); /* on a disk without times nothing is old */
    expect_rows(EPOCHS);
    tide_housekeeper_turn(keeper); /* within the hour: nothing */
    house_epoch(&house, EPOCHS, 2);
    expect_rows(EPOCHS + 1);
    tide_housekeeper_destroy(keeper);
    house_end(&house);
}

static void test_it_stops_when_it_is_not_quiet(void **state)
{
    (void)state;
    house_begin(&house, 1);
    fill();
    struct tide_housekeeper_options options = options_of();
    options.is_quiet = is_quiet;
    for (quiet_for = 0; quiet_for < 4; quiet_for++) {
        struct tide_housekeeper *keeper = create(&options);
        questions = 0;
        tide_housekeeper_turn(keeper);
        assert_true(tide_housekeeper_facts(keeper).compactions <= quiet_for);
        assert_true(questions <= quiet_for + TIDE_TABLE_ALL_COUNT);
        tide_housekeeper_destroy(keeper);
    }
    options.is_quiet = NULL;
    options.work.us = 0; /* no time at all */
    struct tide_housekeeper *keeper = create(&options);
    tide_housekeeper_turn(keeper);
    assert_int_equal(tide_housekeeper_facts(keeper).compactions, 0);
    tide_housekeeper_destroy(keeper);
    expect_rows(EPOCHS);
    house_end(&house);
}

static void test_failures_are_counted(void **state)
{
    (void)state;
    house_begin(&house, 1);
    fill();
    const struct tide_housekeeper_options options = options_of();
    struct tide_housekeeper *keeper = create(&options);
    atomic_store(&house.stack.gate.status, TIDE_RETRY); /* the store takes nothing */
    tide_housekeeper_turn(keeper);
    assert_int_equal(tide_housekeeper_facts(keeper).failures, 4);
    atomic_store(&house.stack.gate.status, TIDE_OK);
    tide_housekeeper_turn(keeper);
    assert_int_equal(tide_housekeeper_facts(keeper).failures, 4);
    assert_int_equal(tide_housekeeper_facts(keeper).compactions, 4);
    expect_rows(EPOCHS);
    tide_housekeeper_destroy(keeper);
    house_end(&house);
}

static void test_the_thread(void **state)
{
    (void)state;
    house_begin(&house, 1);
    fill();
    const struct tide_housekeeper_options options = options_of();
    struct tide_housekeeper *keeper = create(&options);
    assert_int_equal(tide_housekeeper_start(keeper, NULL), TIDE_OK);
    tide_housekeeper_destroy(keeper); /* does not wait for the hour */
    expect_rows(EPOCHS);
    tide_housekeeper_destroy(NULL);
    house_end(&house);
}

static void take_hourly_turn(struct tide_housekeeper *keeper, int64_t after_us)
{
    tide_clock_simulated_advance(&house.stack.clock, (struct tide_duration){after_us});
    tide_housekeeper_turn(keeper);
}

/* Files of a day ago go; folders, and what somebody may be writing, stay. A real directory, since
 * the simulated disk has no times. */
static void test_scratch_files(void **state)
{
    (void)state;
    char directory[] = "/tmp/tidemark-scratch-XXXXXX";
    char path[64];
    struct tide_io_facts facts;
    const struct tide_io io = tide_io_os();
    assert_non_null(mkdtemp(directory));
    house_begin(&house, 1);
    house.stack.clock.now = tide_clock_now(tide_clock_os());
    struct tide_housekeeper_options options = options_of();
    options.tables[0].io = io;
    options.tables[0].scratch_directory = directory;
    (void)snprintf(path, sizeof(path), "%s/folder", directory);
    assert_int_equal(io.operations->make_directory(io.self, path, NULL), TIDE_OK);
    (void)snprintf(path, sizeof(path), "%s/raw-compact-1.parquet", directory);
    assert_int_equal(tide_io_create_file(io, path, TIDE_VIEW("x"), NULL), TIDE_OK);
    struct tide_housekeeper *keeper = create(&options);
    take_hourly_turn(keeper, INT64_C(600) * 1000 * 1000);
    assert_int_equal(tide_housekeeper_facts(keeper).files_deleted, 0);
    take_hourly_turn(keeper, 2 * day_us);
    assert_int_equal(tide_housekeeper_facts(keeper).files_deleted, 1);
    assert_int_equal(io.operations->stat(io.self, path, &facts, NULL), TIDE_REJECT);
    tide_housekeeper_destroy(keeper);
    house_end(&house);
    assert_int_equal(remove_tree(directory), 0);
}

/* Both kinds of work, interrupted at operation `at`; then a new life, an epoch, another turn. */
static bool crash_at(uint64_t at)
{
    struct tide_error error = {0};
    house_begin(&house, at);
    fill();
    struct tide_housekeeper_options options = options_of();
    struct tide_housekeeper *keeper = create(&options);
    tide_clock_simulated_advance(&house.stack.clock,
                                 (struct tide_duration){INT64_C(600) * 1000 * 1000});
    const uint64_t before = tide_io_sim_operation_count(house.stack.sim);
    tide_io_sim_arm(house.stack.sim, TIDE_IO_SIM_FAULT_CRASH, at);
    tide_housekeeper_turn(keeper);
    const bool is_hit = tide_io_sim_operation_count(house.stack.sim) - before >= at;
    tide_housekeeper_destroy(keeper);
    house_close_feeds(&house);
    process_stack_close(&house.stack);
    if (at % 2 == 0) {
        tide_io_sim_kill(house.stack.sim);
    } else {
        tide_io_sim_restart(house.stack.sim);
    }
    if (process_stack_open(&house.stack, &error) != TIDE_OK) {
        fail_msg("operation %llu: %s", (unsigned long long)at, error.text);
    }
    house_open_feeds(&house);
    expect_rows(EPOCHS);
    house_epoch(&house, EPOCHS, 2);
    expect_rows(EPOCHS + 1);
    options = options_of(); /* of the store that is open now */
    keeper = create(&options);
    tide_clock_simulated_advance(&house.stack.clock,
                                 (struct tide_duration){INT64_C(600) * 1000 * 1000});
    tide_housekeeper_turn(keeper);
    assert_int_equal(tide_housekeeper_facts(keeper).failures, 0);
    assert_int_equal(rows_expired(), HOUSE_PARTITIONS * (HOUSE_RECORDS - 1));
    expect_rows(EPOCHS + 1);
    tide_housekeeper_destroy(keeper);
    house_end(&house);
    return is_hit;
}

static void test_crashes_at_every_operation(void **state)
{
    (void)state;
    uint64_t at = 1;
    while (crash_at(at)) {
        at += STRIDE;
    }
    assert_true(at > 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_turn),
        cmocka_unit_test(test_it_stops_when_it_is_not_quiet),
        cmocka_unit_test(test_failures_are_counted),
        cmocka_unit_test(test_the_thread),
        cmocka_unit_test(test_scratch_files),
        cmocka_unit_test(test_crashes_at_every_operation),
    };
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
