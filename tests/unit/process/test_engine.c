/* Goal: partitions move on their owners' threads, visits see each of them once, and stop leaves
 * nothing in the log that is not in the lake, or says so.
 * Method: real threads over a memory log and a simulated lake that are held back or broken when the
 * test wants it; what has become of each record is read from ledgers and from the lake. */
#include "engine_fixture.h"

#include <pthread.h>

static struct world world;

/* What visits found; each partition writes its own. */
struct sight {
    uint32_t visits;
    pthread_t thread;
    uint64_t next_offset;
    struct tide_ledger ledger;
};

static void see(void *context, struct tide_partition *partition)
{
    struct sight *sight = (struct sight *)context + tide_partition_index(partition);
    sight->visits++;
    sight->thread = pthread_self();
    sight->next_offset = tide_partition_next_offset(partition);
    sight->ledger = *tide_partition_ledger(partition);
}

static void visits_each_partition_on_its_owners_thread(void **state)
{
    static const struct {
        uint32_t workers;
        uint32_t partitions;
    } cases[] = {{1, 1}, {1, 4}, {2, 4}, {3, 5}, {4, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sight first[WORLD_PARTITIONS_MAX] = {0};
        struct sight second[WORLD_PARTITIONS_MAX] = {0};
        world_open(&world, cases[i].partitions);
        struct tide_engine_options options = world_options(&world);
        options.worker_count = cases[i].workers;
        world_start(&world, &options);
        assert_true(tide_engine_visit(world.engine, see, first));
        assert_true(tide_engine_visit(world.engine, see, second));
        for (uint32_t p = 0; p < WORLD_PARTITIONS_MAX; p++) {
            assert_int_equal(first[p].visits, p < cases[i].partitions ? 1 : 0);
            assert_int_equal(second[p].visits, first[p].visits);
        }
        for (uint32_t p = 0; p < cases[i].partitions; p++) {
            assert_false(pthread_equal(first[p].thread, pthread_self()));
            assert_true(pthread_equal(first[p].thread, second[p].thread));
            for (uint32_t q = 0; q < p; q++) {
                assert_true((pthread_equal(first[p].thread, first[q].thread) != 0) ==
                            (p % cases[i].workers == q % cases[i].workers));
            }
        }
        world_must_stop(&world);
        world_close(&world);
    }
}

static void expect_applied(const uint32_t *counts)
{
    struct sight sights[WORLD_PARTITIONS_MAX] = {0};
    world_settle(&world);
    assert_true(tide_engine_visit(world.engine, see, sights));
    for (uint32_t p = 0; p < world.stack.partition_count; p++) {
        assert_int_equal(sights[p].next_offset, counts[p]);
        assert_int_equal(sights[p].ledger.verdicts, counts[p]);
        assert_int_equal(sights[p].ledger.processed, counts[p]);
    }
}

static void applies_what_comes_to_every_partition(void **state)
{
    (void)state;
    world_open(&world, 3);
    world_append(&world, 0, 5);
    world_append(&world, 2, 200);
    world_start(&world, NULL);
    expect_applied((const uint32_t[]){5, 0, 200});
    for (uint32_t round = 0; round < 10; round++) {
        world_append(&world, round % 3, round + 1);
    }
    expect_applied((const uint32_t[]){5 + 1 + 4 + 7 + 10, 2 + 5 + 8, 200 + 3 + 6 + 9});
    const struct tide_engine_facts facts = tide_engine_facts(world.engine);
    assert_true(facts.caught_up);
    assert_int_equal(facts.records_behind, 0);
    assert_int_equal(facts.epochs, 0);
    assert_int_equal(facts.checkpoint_failures, 0);
    assert_true(facts.rows_bytes > 0);
    assert_true(facts.state_bytes > 0);
    world_must_stop(&world);
    world_close(&world);
}

static uint64_t count_of(const struct tide_histogram *histogram)
{
    struct tide_histogram_reading reading = {0};
    tide_histogram_read(histogram, &reading);
    return tide_histogram_count(&reading);
}

static void meters_what_comes_after_the_replay(void **state)
{
    (void)state;
    world_open(&world, 2);
    world_start(&world, NULL);
    world_settle(&world);
    const struct tide_engine_meters *meters = tide_engine_meters(world.engine);
    assert_false(tide_instant_known(tide_engine_facts(world.engine).last_commit));
    world_append(&world, 0, 3);
    world_append(&world, 1, 4);
    expect_applied((const uint32_t[]){3, 4});
    assert_int_equal(count_of(&meters->delays), 7);
    assert_int_equal(count_of(&meters->rounds), 0);
    assert_int_equal(tide_engine_barrier(world.engine, NULL, NULL, NULL), TIDE_OK);
    assert_int_equal(tide_engine_barrier(world.engine, NULL, NULL, NULL), TIDE_OK);
    assert_int_equal(count_of(&meters->rounds), 1); /* the second had nothing to write */
    assert_true(tide_instant_known(tide_engine_facts(world.engine).last_commit));
    world_must_stop(&world);
    world_reopen(&world);
    world_start(&world, NULL);
    expect_applied((const uint32_t[]){3, 4});
    assert_int_equal(count_of(&tide_engine_meters(world.engine)->delays), 0);
    world_must_stop(&world);
    world_close(&world);
}

static void sees_what_is_behind(void **state)
{
    (void)state;
    world_open(&world, 2);
    world_start(&world, NULL);
    world_settle(&world);
    atomic_store(&world_is_held, true);
    assert_true(tide_engine_visit(world.engine, world_look, NULL)); /* turns before it are over */
    world_append(&world, 0, 3);
    world_append(&world, 1, 4);
    tide_engine_notify(world.engine);
    assert_true(tide_engine_visit(world.engine, world_look, NULL));
    assert_int_equal(tide_engine_facts(world.engine).records_behind, 7);
    assert_true(tide_engine_facts(world.engine).caught_up); /* it was, once */
    atomic_store(&world_is_held, false);
    expect_applied((const uint32_t[]){3, 4});
    world_must_stop(&world);
    world_close(&world);
}

/* ---- the end */

static void expect_recovered(void)
{
    for (uint32_t p = 0; p < world.stack.partition_count; p++) {
        const struct tide_recovered recovered =
            tide_checkpointer_recovered(world.stack.checkpointer, p);
        assert_int_equal(recovered.next_offset, world_end(&world, p));
        assert_int_equal(recovered.ledger.processed, world_end(&world, p));
    }
}

static void stop_leaves_nothing_behind(void **state)
{
    (void)state;
    world_open(&world, 3);
    for (uint32_t start = 0; start < 4; start++) { /* each goes on where the one before ended */
        world_start(&world, NULL);
        for (uint32_t frame = 0; frame < 30; frame++) {
            world_append(&world, frame % 3, 20 + frame); /* nobody is notified */
        }
        world_must_stop(&world);
        world_reopen(&world);
        expect_recovered();
        const struct sim_lake *lake = world_expect_lake(&world, NULL);
        for (uint32_t i = 0; i < lake->row_count; i++) {
            assert_true(lake->rows[i].epoch <= start);
        }
    }
    world_start(&world, NULL);
    expect_applied((const uint32_t[]){
        (uint32_t)world_end(&world, 0),
        (uint32_t)world_end(&world, 1),
        (uint32_t)world_end(&world, 2),
    });
    world_must_stop(&world);
    (void)world_expect_lake(&world, NULL);
    world_close(&world);
}

/* More than a partition's share of memory is left: stop writes it in several epochs. */
static void stop_drains_more_than_fits(void **state)
{
    (void)state;
    world_open(&world, 1);
    struct tide_engine_options options = world_options(&world);
    options.rows_bytes_max = 2; /* a share of one byte: a turn fills it */
    atomic_store(&world_is_held, true);
    world_start(&world, &options);
    for (uint32_t frame = 0; frame < 60; frame++) { /* several turns */
        world_append(&world, 0, WORLD_FRAME_RECORDS);
    }
    atomic_store(&world_is_held, false);
    world_must_stop(&world);
    expect_recovered();
    assert_true(tide_checkpointer_recovered(world.stack.checkpointer, 0).next_epoch > 1);
    (void)world_expect_lake(&world, NULL);
    world_close(&world);
}

static void stop_tells_that_the_lake_lacks_records(void **state)
{
    (void)state;
    struct tide_error error = {0};
    world_open(&world, 2);
    world_start(&world, NULL);
    world_append(&world, 0, 9);
    world_append(&world, 1, 8);
    atomic_store(&world.stack.gate.status, TIDE_RETRY);
    assert_int_equal(world_stop(&world, &error), TIDE_RETRY);
    assert_string_equal(error.text, "the gate is closed");
    assert_int_equal(atomic_load(&world.failure_count), 0);
    atomic_store(&world.stack.gate.status, TIDE_OK);
    world_reopen(&world);
    (void)world_expect_lake(&world, (const uint64_t[]){0, 0});
    world_start(&world, NULL); /* the log holds them */
    world_must_stop(&world);
    (void)world_expect_lake(&world, NULL);
    world_close(&world);
}

/* ---- failure */

/* It fetches from brokers that are away, say: the rest is for the next start. */
static void stop_gives_up_on_a_log_that_gives_nothing(void **state)
{
    struct tide_error error = {0};
    (void)state;
    world_open(&world, 2);
    world_append(&world, 0, 5);
    world_start(&world, NULL);
    world_settle(&world);
    atomic_store(&world_is_held, true);
    world_append(&world, 0, 3);
    world_append(&world, 1, 4);
    const int64_t before_us = atomic_load(&world.now_us);
    assert_int_equal(world_stop(&world, &error), TIDE_RETRY);
    assert_string_equal(error.text, "the log does not give what it has");
    assert_in_range(atomic_load(&world.now_us) - before_us, 5000000, 20000000);
    (void)world_expect_lake(&world, (const uint64_t[]){5, 0});
    atomic_store(&world_is_held, false);
    world_reopen(&world);
    world_start(&world, NULL);
    world_must_stop(&world);
    (void)world_expect_lake(&world, NULL);
    world_close(&world);
}

static void fails_with_a_broken_log(void **state)
{
    (void)state;
    struct tide_error error = {0};
    struct sight sights[WORLD_PARTITIONS_MAX] = {0};
    world_open(&world, 4);
    world_start(&world, NULL);
    world_append(&world, 0, 1);
    world_settle(&world);
    atomic_store(&world_failing_together, 2); /* both workers */
    atomic_store(&world_read_failure, TIDE_FATAL);
    while (atomic_load(&world.failure_count) == 0) {
        tide_engine_notify(world.engine);
        sched_yield();
    }
    assert_false(tide_engine_visit(world.engine, see, sights));
    for (uint32_t p = 0; p < 4; p++) {
        assert_int_equal(sights[p].visits, 0);
    }
    assert_int_equal(tide_engine_barrier(world.engine, see, sights, &error), TIDE_FATAL);
    assert_string_equal(error.text, "the log is broken");
    error = (struct tide_error){0};
    assert_int_equal(world_stop(&world, &error), TIDE_FATAL);
    assert_string_equal(error.text, "the log is broken");
    assert_int_equal(atomic_load(&world.failure_count), 1); /* told once, by whoever was first */
    assert_string_equal(world.failure.text, "the log is broken");
    assert_int_equal(sights[0].visits, 0);
    (void)world_expect_lake(&world, (const uint64_t[]){0, 0, 0, 0});
    world_close(&world);
}

/* Partition 0 is not done until the engine has failed; the others break the log. */
static void see_it_fail(void *context, struct tide_partition *partition)
{
    see(context, partition);
    if (tide_partition_index(partition) != 0) {
        atomic_store(&world_read_failure, TIDE_FATAL);
        return;
    }
    while (atomic_load(&world.failure_count) == 0) {
        sched_yield();
    }
}

static void a_visit_tells_that_the_engine_failed_meanwhile(void **state)
{
    (void)state;
    struct tide_error error = {0};
    struct sight sights[WORLD_PARTITIONS_MAX] = {0};
    world_open(&world, 2);
    world_start(&world, NULL);
    world_settle(&world);
    assert_false(tide_engine_visit(world.engine, see_it_fail, sights));
    assert_int_equal(sights[0].visits, 1);
    assert_int_equal(sights[1].visits, 1);
    assert_int_equal(world_stop(&world, &error), TIDE_FATAL);
    assert_string_equal(error.text, "the log is broken");
    world_close(&world);
}

static void refuses_a_log_older_than_the_lake(void **state)
{
    (void)state;
    struct tide_error error = {0};
    world_open(&world, 2);
    world_start(&world, NULL);
    world_append(&world, 1, 3);
    world_must_stop(&world);
    world_reopen(&world);
    world.log.operations->close(world.log.self);
    world_create_log(&world);
    world_append(&world, 1, 2);
    const struct tide_engine_options options = world_options(&world);
    assert_int_equal(tide_engine_start(&options, &world.engine, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "the log of partition 1 ends at 2"));
    assert_null(world.engine);
    world_close(&world);
}

/* ---- the closing clock */

static void expect_closing(int64_t us)
{
    struct tide_instant closing;
    do { /* a worker publishes it after its visit */
        tide_engine_notify(world.engine);
        assert_true(tide_engine_visit(world.engine, world_look, NULL));
        closing = tide_engine_closing(world.engine);
        assert_true(closing.us <= us);
    } while (closing.us != us);
}

static void closes_windows_of_an_idle_log(void **state)
{
    (void)state;
    static const int64_t second_us = 1000000;
    const int64_t start_us = PROCESS_START.us;
    world_open(&world, 2);
    world_append(&world, 0, 1);
    world_start(&world, NULL);
    world_settle(&world);
    assert_false(tide_instant_known(tide_engine_closing(world.engine))); /* 1 knows of nothing */
    world_append(&world, 1, 1);
    world_settle(&world);
    expect_closing(start_us - 10 * second_us); /* the watermark: out_of_orderness is 10 s */
    atomic_store(&world.now_us, start_us + 59 * second_us);
    expect_closing(start_us - 10 * second_us);
    atomic_store(&world.now_us, start_us + 61 * second_us); /* idle_after is a minute */
    expect_closing(start_us + (61 - 60 - 10) * second_us);
    atomic_store(&world.now_us, start_us + 100 * second_us);
    expect_closing(start_us + (100 - 60 - 10) * second_us);
    world_must_stop(&world);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visits_each_partition_on_its_owners_thread),
        cmocka_unit_test(applies_what_comes_to_every_partition),
        cmocka_unit_test(meters_what_comes_after_the_replay),
        cmocka_unit_test(sees_what_is_behind),
        cmocka_unit_test(stop_leaves_nothing_behind),
        cmocka_unit_test(stop_drains_more_than_fits),
        cmocka_unit_test(stop_tells_that_the_lake_lacks_records),
        cmocka_unit_test(stop_gives_up_on_a_log_that_gives_nothing),
        cmocka_unit_test(fails_with_a_broken_log),
        cmocka_unit_test(a_visit_tells_that_the_engine_failed_meanwhile),
        cmocka_unit_test(refuses_a_log_older_than_the_lake),
        cmocka_unit_test(closes_windows_of_an_idle_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
