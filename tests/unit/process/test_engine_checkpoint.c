/* Goal: a round closes an epoch of every partition at one point each and makes it true; a lake that
 * is away delays it and loses nothing; one that is broken ends the engine.
 * Method: barriers against a store with a gate, while records come; then the epoch of each row in
 * the lake is compared with what the barriers' visits saw. */
#include "engine_fixture.h"

#include <pthread.h>

enum {
    BARRIERS = 20,
    FRAMES_PER_BARRIER = 8,
    ASKERS = 4,
    ASKER_BARRIERS = 10
};

static struct world world;

/* Where a barrier's visit met each partition. */
struct point {
    uint32_t visits[WORLD_PARTITIONS_MAX];
    uint64_t next_epoch[WORLD_PARTITIONS_MAX];
    uint64_t next_offset[WORLD_PARTITIONS_MAX];
};

static void see(void *context, struct tide_partition *partition)
{
    struct point *point = context;
    const uint32_t p = tide_partition_index(partition);
    point->visits[p]++;
    point->next_epoch[p] = tide_partition_next_epoch(partition);
    point->next_offset[p] = tide_partition_next_offset(partition);
    tide_assert(tide_partition_ledger(partition)->verdicts == point->next_offset[p]);
}

static void expect_visits(const struct point *point, uint32_t visits)
{
    for (uint32_t p = 0; p < world.stack.partition_count; p++) {
        assert_int_equal(point->visits[p], visits);
    }
}

static void must_pass(struct point *point)
{
    struct tide_error error = {0};
    *point = (struct point){0};
    world_check(tide_engine_barrier(world.engine, see, point, &error), &error);
    expect_visits(point, 1);
}

static void begin(uint32_t partition_count, const struct tide_engine_options *options)
{
    world_open(&world, partition_count);
    world_start(&world, options);
}

static void end(void)
{
    world_must_stop(&world);
    (void)world_expect_lake(&world, NULL);
    world_close(&world);
}

/* ---- barriers */

static void writes_the_epochs_before_it_returns(void **state)
{
    struct point point;
    (void)state;
    begin(3, NULL);
    world_append(&world, 0, 5);
    world_append(&world, 2, 4);
    world_settle(&world);
    (void)world_expect_lake(&world, (const uint64_t[]){0, 0, 0});
    must_pass(&point);
    (void)world_expect_lake(&world, NULL);
    assert_memory_equal(point.next_epoch, ((const uint64_t[]){1, 0, 1}), 3 * sizeof(uint64_t));
    assert_memory_equal(point.next_offset, ((const uint64_t[]){5, 0, 4}), 3 * sizeof(uint64_t));
    assert_int_equal(tide_engine_facts(world.engine).rows_bytes, 0);
    assert_int_equal(tide_engine_facts(world.engine).epochs, 1);
    must_pass(&point); /* nothing came since: a visit, and no epoch */
    assert_memory_equal(point.next_epoch, ((const uint64_t[]){1, 0, 1}), 3 * sizeof(uint64_t));
    assert_int_equal(tide_engine_facts(world.engine).epochs, 1);
    world_append(&world, 0, 1);
    world_append(&world, 1, 2);
    world_settle(&world);
    assert_int_equal(tide_engine_barrier(world.engine, NULL, NULL, NULL), TIDE_OK);
    (void)world_expect_lake(&world, NULL);
    must_pass(&point);
    assert_memory_equal(point.next_epoch, ((const uint64_t[]){2, 1, 1}), 3 * sizeof(uint64_t));
    assert_int_equal(tide_engine_facts(world.engine).epochs, 2);
    assert_int_equal(tide_engine_facts(world.engine).checkpoint_failures, 0);
    end();
}

/* Runs beside the barriers: frames come before, while and after each of them. */
static void *append_frames(void *context)
{
    _Atomic uint32_t *passed = context;
    for (uint32_t i = 0; i < BARRIERS * FRAMES_PER_BARRIER; i++) {
        while (atomic_load(passed) + 2 < i / FRAMES_PER_BARRIER) { /* not too far ahead */
            sched_yield();
        }
        world_append(&world, i % 3, 1 + i % 50);
        tide_engine_notify(world.engine);
    }
    return NULL;
}

/* Rows below what a barrier saw have an epoch below, and all others have not. */
static void cuts_every_partition_at_one_point(void **state)
{
    static struct point points[BARRIERS];
    _Atomic uint32_t passed = 0;
    pthread_t appender;
    (void)state;
    begin(3, NULL);
    assert_int_equal(pthread_create(&appender, NULL, append_frames, &passed), 0);
    for (uint32_t b = 0; b < BARRIERS; b++) {
        must_pass(&points[b]);
        atomic_fetch_add(&passed, 1);
    }
    assert_int_equal(pthread_join(appender, NULL), 0);
    world_must_stop(&world);
    const struct sim_lake *lake = world_expect_lake(&world, NULL);
    for (uint32_t b = 0; b < BARRIERS; b++) {
        for (uint32_t i = 0; i < lake->row_count; i++) {
            const struct sim_lake_row *row = &lake->rows[i];
            assert_true((row->epoch < points[b].next_epoch[row->partition]) ==
                        (row->offset < points[b].next_offset[row->partition]));
        }
    }
    world_close(&world);
}

struct asker {
    pthread_t thread;
    uint32_t passed;
};

static void *ask(void *context)
{
    struct asker *asker = context;
    for (uint32_t i = 0; i < ASKER_BARRIERS; i++) {
        struct point point = {0};
        bool is_good = tide_engine_barrier(world.engine, see, &point, NULL) == TIDE_OK;
        for (uint32_t p = 0; p < world.stack.partition_count; p++) {
            is_good = is_good && point.visits[p] == 1;
        }
        asker->passed += is_good;
    }
    return NULL;
}

static void answers_many_askers(void **state)
{
    struct asker askers[ASKERS] = {0};
    (void)state;
    begin(3, NULL);
    for (uint32_t i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (uint32_t i = 0; i < 12; i++) {
        world_append(&world, i % 3, 10);
        tide_engine_notify(world.engine);
    }
    for (uint32_t i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        assert_int_equal(askers[i].passed, ASKER_BARRIERS);
    }
    end();
}

/* ---- rounds without a barrier */

static void closes_epochs_by_the_clock(void **state)
{
    (void)state;
    world_open(&world, 2);
    struct tide_engine_options options = world_options(&world);
    options.checkpoint_interval = (struct tide_duration){1000};
    world_start(&world, &options);
    for (uint64_t round = 1; round <= 3; round++) {
        world_append(&world, 0, 2);
        world_append(&world, 1, 2);
        world_settle(&world);
        while (tide_engine_facts(world.engine).epochs < round) { /* nobody asks for it */
            sched_yield();
        }
    }
    end();
}

static void closes_epochs_that_fill_their_share(void **state)
{
    (void)state;
    world_open(&world, 1);
    struct tide_engine_options options = world_options(&world);
    options.rows_bytes_max = 2;         /* a share of one byte: a turn fills it */
    for (uint32_t i = 0; i < 40; i++) { /* several turns of a partition */
        world_append(&world, 0, WORLD_FRAME_RECORDS);
    }
    world_start(&world, &options);
    while (tide_engine_facts(world.engine).epochs < 3) { /* nobody asks for it */
        tide_engine_notify(world.engine);
        sched_yield();
    }
    assert_int_equal(tide_engine_facts(world.engine).records_behind, 0);
    end();
}

/* ---- a lake that is away */

static void refused_at_least(uint32_t count)
{
    while (atomic_load(&world.stack.gate.refused) < count) {
        sched_yield();
    }
}

/* An attempt that met the closed gate may still be under way, and be what a barrier is told. */
static void must_pass_at_last(struct point *point)
{
    struct tide_error error = {0};
    enum tide_status status;
    do {
        *point = (struct point){0};
        status = tide_engine_barrier(world.engine, see, point, &error);
    } while (status == TIDE_RETRY);
    world_check(status, &error);
    expect_visits(point, 1);
}

static void tries_again_and_goes_on(void **state)
{
    struct point first = {0};
    struct point later = {0};
    struct tide_error error = {0};
    (void)state;
    begin(2, NULL);
    world_append(&world, 0, 6);
    world_append(&world, 1, 7);
    world_settle(&world);
    atomic_store(&world.stack.gate.status, TIDE_RETRY);
    assert_int_equal(tide_engine_barrier(world.engine, see, &first, &error), TIDE_RETRY);
    assert_string_equal(error.text, "the gate is closed");
    expect_visits(&first, 1);
    /* While its round is tried on, a barrier waits for one attempt and visits nobody. */
    assert_int_equal(tide_engine_barrier(world.engine, see, &later, &error), TIDE_RETRY);
    expect_visits(&later, 0);
    refused_at_least(3); /* tried on without anybody asking */
    world_append(&world, 0, 3);
    world_settle(&world); /* partitions do not wait for the lake */
    assert_int_equal(tide_engine_facts(world.engine).epochs, 0);
    atomic_store(&world.stack.gate.status, TIDE_OK);
    must_pass_at_last(&later);
    assert_int_equal(later.next_epoch[0], 2);
    assert_int_equal(later.next_offset[0], 9);
    assert_int_equal(later.next_epoch[1], 1);
    const struct tide_engine_facts facts = tide_engine_facts(world.engine);
    assert_int_equal(facts.epochs, 2);
    assert_int_equal(facts.checkpoint_failures, atomic_load(&world.stack.gate.refused));
    const struct sim_lake *lake = world_expect_lake(&world, NULL);
    for (uint32_t i = 0; i < lake->row_count; i++) {
        const struct sim_lake_row *row = &lake->rows[i];
        assert_int_equal(row->epoch, row->offset < first.next_offset[row->partition] ? 0 : 1);
    }
    end();
}

static void heals_without_a_barrier(void **state)
{
    (void)state;
    begin(1, NULL);
    world_append(&world, 0, 6);
    world_settle(&world);
    atomic_store(&world.stack.gate.status, TIDE_RETRY);
    assert_int_equal(tide_engine_barrier(world.engine, NULL, NULL, NULL), TIDE_RETRY);
    atomic_store(&world.stack.gate.status, TIDE_OK);
    while (tide_engine_facts(world.engine).epochs == 0) {
        sched_yield();
    }
    end();
}

/* What does not fit into memory stays in the log, for as long as it takes. */
static void stops_reading_when_rows_wait(void **state)
{
    (void)state;
    struct point point = {0};
    world_open(&world, 1);
    struct tide_engine_options options = world_options(&world);
    options.rows_bytes_max = 2; /* a share of one byte: a turn fills it */
    for (uint32_t i = 0; i < 40; i++) {
        world_append(&world, 0, WORLD_FRAME_RECORDS);
    }
    atomic_store(&world.stack.gate.status, TIDE_RETRY);
    world_start(&world, &options);
    refused_at_least(1); /* one epoch is on its way, the next one fills */
    while (tide_engine_facts(world.engine).rows_bytes == 0) {
        tide_engine_notify(world.engine);
        sched_yield();
    }
    assert_true(tide_engine_visit(world.engine, see, &point));
    const uint64_t filled = point.next_offset[0];
    refused_at_least(3);
    tide_engine_notify(world.engine);
    assert_true(tide_engine_visit(world.engine, see, &point));
    assert_int_equal(point.next_offset[0], filled);
    const struct tide_engine_facts facts = tide_engine_facts(world.engine);
    assert_false(facts.caught_up);
    assert_int_equal(facts.records_behind, world_end(&world, 0) - filled);
    assert_true(facts.records_behind > 0);
    assert_false(tide_instant_known(tide_engine_closing(world.engine)));
    atomic_store(&world.stack.gate.status, TIDE_OK);
    world_settle(&world);
    end();
}

static void is_no_state_while_the_log_is_replayed(void **state)
{
    struct point point = {0};
    struct tide_error error = {0};
    (void)state;
    begin(2, NULL);
    world_append(&world, 0, 6);
    world_append(&world, 1, 7);
    world_must_stop(&world);
    world_reopen(&world);
    atomic_store(&world_is_held, true);
    world_start(&world, NULL);
    assert_int_equal(tide_engine_barrier(world.engine, see, &point, &error), TIDE_RETRY);
    assert_string_equal(error.text, "the log is still being replayed");
    atomic_store(&world_is_held, false);
    world_settle(&world);
    must_pass(&point);
    assert_int_equal(point.next_epoch[0], 1);
    assert_int_equal(point.next_offset[1], 7);
    assert_int_equal(tide_engine_facts(world.engine).epochs, 0);
    end();
}

/* ---- journeys */

static _Atomic uint32_t published; /* rows that the engine told of */

static void publish(void *context, const struct tide_rows *rows)
{
    (void)context;
    tide_assert(tide_rows_layout(rows)->table == TIDE_TABLE_JOURNEYS);
    atomic_fetch_add(&published, tide_rows_count(rows));
}

static void start_publishing(void)
{
    struct tide_engine_options options = world_options(&world);
    options.journeys = publish;
    atomic_store(&published, 0);
    world_start(&world, &options);
    world_settle(&world);
}

/* An idle partition's clock goes to where it must at least be. */
static void pass_time(int64_t minutes)
{
    const int64_t us = minutes * 60 * 1000000;
    const int64_t slack_us = INT64_C(70) * 1000000; /* out_of_orderness and idle_after */
    atomic_fetch_add(&world.now_us, us + slack_us);
    while (tide_engine_closing(world.engine).us < atomic_load(&world.now_us) - slack_us) {
        tide_engine_notify(world.engine);
        sched_yield();
    }
}

static uint32_t journeys_in_lake(void)
{
    return world_expect_lake(&world, NULL)->journey_count;
}

/* Once, when the epoch is in the lake, and not again by the next process. */
static void tells_journeys_that_the_clock_ended(void **state)
{
    static const char line[] = "{\"id\":\"s\",\"kind\":\"k0\",\"t\":1772962800000,"
                               "\"who\":{\"name\":\"anna\"}}\n";
    struct point point = {0};
    (void)state;
    world_open(&world, 2);
    process_append(world.log, 1, PROCESS_START, line);
    start_publishing();
    must_pass(&point);
    assert_int_equal(atomic_load(&published), 0);
    assert_int_equal(point.next_epoch[1], 1);
    pass_time(20);
    atomic_store(&world.stack.gate.status, TIDE_RETRY);
    assert_int_equal(tide_engine_barrier(world.engine, NULL, NULL, NULL), TIDE_RETRY);
    assert_int_equal(atomic_load(&published), 0); /* it is not true yet */
    atomic_store(&world.stack.gate.status, TIDE_OK);
    must_pass_at_last(&point);
    assert_int_equal(point.next_epoch[0], 0);
    assert_int_equal(point.next_epoch[1], 2);
    assert_int_equal(point.next_offset[1], 1);
    assert_int_equal(atomic_load(&published), 1);
    assert_int_equal(journeys_in_lake(), 1);
    pass_time(20);
    must_pass(&point);
    assert_int_equal(point.next_epoch[1], 2);
    world_must_stop(&world);
    world_reopen(&world);
    start_publishing();
    pass_time(20);
    must_pass(&point);
    assert_int_equal(atomic_load(&published), 0);
    assert_int_equal(point.next_epoch[1], 2);
    assert_int_equal(journeys_in_lake(), 1);
    end();
}

/* ---- what is told before an epoch is true, and after */

static _Atomic int announced_status; /* enum tide_status: what the listener answers */
static _Atomic uint32_t announced;   /* calls */
static _Atomic uint32_t announced_rows;
static _Atomic uint32_t committed_count;

static enum tide_status announce(void *context,
                                 const struct tide_rows *rows,
                                 struct tide_error *error)
{
    (void)context;
    tide_assert(tide_rows_layout(rows)->table == TIDE_TABLE_JOURNEYS);
    atomic_fetch_add(&announced_rows, tide_rows_count(rows));
    atomic_fetch_add(&announced, 1);
    const enum tide_status status = (enum tide_status)atomic_load(&announced_status);
    return status == TIDE_OK ? TIDE_OK : tide_error_set(error, status, "the topic is away");
}

static void count_commit(void *context)
{
    (void)context;
    atomic_fetch_add(&committed_count, 1);
}

static void start_announcing(void)
{
    struct tide_engine_options options = world_options(&world);
    options.journeys_coming = announce;
    options.committed = count_commit;
    atomic_store(&announced_status, TIDE_OK);
    atomic_store(&announced, 0);
    atomic_store(&announced_rows, 0);
    atomic_store(&committed_count, 0);
    world_start(&world, &options);
    world_settle(&world);
}

static void announced_at_least(uint32_t count)
{
    while (atomic_load(&announced) < count) {
        sched_yield();
    }
}

/* Before anything is in the lake, again while that fails; and not again while the lake does. */
static void announces_journeys_before_they_are_true(void **state)
{
    static const char line[] = "{\"id\":\"s\",\"kind\":\"k0\",\"t\":1772962800000,"
                               "\"who\":{\"name\":\"anna\"}}\n";
    struct point point = {0};
    struct tide_error error = {0};
    (void)state;
    world_open(&world, 2);
    process_append(world.log, 1, PROCESS_START, line);
    start_announcing();
    must_pass(&point);
    assert_int_equal(atomic_load(&committed_count), 1);
    assert_int_equal(atomic_load(&announced), 0);
    must_pass(&point); /* no epoch: nothing is told */
    assert_int_equal(atomic_load(&committed_count), 1);
    pass_time(20);
    atomic_store(&announced_status, TIDE_RETRY);
    assert_int_equal(tide_engine_barrier(world.engine, NULL, NULL, &error), TIDE_RETRY);
    assert_string_equal(error.text, "the topic is away");
    announced_at_least(3); /* tried on without anybody asking */
    assert_int_equal(atomic_load(&world.stack.gate.refused), 0);
    assert_int_equal(atomic_load(&committed_count), 1);
    atomic_store(&world.stack.gate.status, TIDE_RETRY);
    atomic_store(&announced_status, TIDE_OK);
    refused_at_least(2); /* the lake is tried again, and nobody is told again */
    const uint32_t calls = atomic_load(&announced);
    refused_at_least(4);
    assert_int_equal(atomic_load(&announced), calls);
    assert_int_equal(atomic_load(&announced_rows), calls);
    assert_int_equal(atomic_load(&committed_count), 1);
    atomic_store(&world.stack.gate.status, TIDE_OK);
    must_pass_at_last(&point);
    assert_int_equal(atomic_load(&announced), calls);
    assert_int_equal(atomic_load(&committed_count), 2);
    assert_int_equal(journeys_in_lake(), 1);
    end();
}

static void fails_when_journeys_cannot_be_told(void **state)
{
    static const char line[] = "{\"id\":\"s\",\"kind\":\"k0\",\"t\":1772962800000,"
                               "\"who\":{\"name\":\"anna\"}}\n";
    struct tide_error error = {0};
    (void)state;
    world_open(&world, 1);
    process_append(world.log, 0, PROCESS_START, line);
    start_announcing();
    assert_int_equal(tide_engine_barrier(world.engine, NULL, NULL, NULL), TIDE_OK);
    pass_time(20);
    atomic_store(&announced_status, TIDE_FATAL);
    assert_int_equal(tide_engine_barrier(world.engine, NULL, NULL, &error), TIDE_FATAL);
    assert_int_equal(world_stop(&world, &error), TIDE_FATAL);
    assert_string_equal(error.text, "the topic is away");
    assert_int_equal(atomic_load(&world.failure_count), 1);
    world_close(&world);
}

/* ---- notes */

static _Atomic uint32_t notes_taken;

/* What a cursor would say: here, how often it was asked. */
static void take_note(struct tide_log_cursor *cursor, struct tide_bytes *text)
{
    assert_non_null(cursor);
    tide_bytes_append_format(text, "note %u", atomic_fetch_add(&notes_taken, 1));
}

static enum tide_status see_note(void *context,
                                 uint32_t partition,
                                 struct tide_view note,
                                 struct tide_error *error)
{
    (void)partition;
    (void)error;
    tide_bytes_append_view(context, note);
    tide_bytes_append_byte(context, ';');
    return TIDE_OK;
}

/* One for each epoch, none for a round that closes no epoch, none while the log is replayed. */
static void keeps_the_logs_notes(void **state)
{
    struct tide_bytes seen = {0};
    (void)state;
    world_open(&world, 1);
    world.log_operations.note = take_note;
    atomic_store(&notes_taken, 0);
    for (uint32_t life = 0; life < 2; life++) {
        world_start(&world, NULL);
        for (uint32_t i = 0; i < 2; i++) {
            world_append(&world, 0, 3);
            world_settle(&world);
            assert_int_equal(tide_engine_barrier(world.engine, NULL, NULL, NULL), TIDE_OK);
            assert_int_equal(tide_engine_barrier(world.engine, NULL, NULL, NULL), TIDE_OK);
        }
        world_must_stop(&world);
        world_reopen(&world);
    }
    assert_int_equal(
        tide_checkpointer_notes(world.stack.checkpointer, 0, false, see_note, &seen, NULL),
        TIDE_OK);
    assert_string_equal(tide_bytes_terminated(&seen), "note 0;note 1;note 2;note 3;");
    tide_bytes_release(&seen);
    world_close(&world);
}

/* ---- a lake that is broken, or another's */

static void fails_for_good(void **state)
{
    static const enum tide_status statuses[] = {TIDE_FATAL, TIDE_REJECT};
    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct point point = {0};
        begin(2, NULL);
        world_append(&world, 1, 3);
        world_settle(&world);
        atomic_store(&world.stack.gate.status, statuses[i]);
        for (uint32_t barrier = 0; barrier < 2; barrier++) {
            struct tide_error error = {0};
            assert_int_equal(tide_engine_barrier(world.engine, see, &point, &error), TIDE_FATAL);
            assert_string_equal(error.text, "the gate is closed");
            expect_visits(&point, 1); /* by the first */
        }
        assert_false(tide_engine_visit(world.engine, see, &point));
        expect_visits(&point, 1);
        assert_int_equal(atomic_load(&world.stack.gate.refused), 1); /* not tried again */
        struct tide_error error = {0};
        assert_int_equal(world_stop(&world, &error), TIDE_FATAL);
        assert_string_equal(error.text, "the gate is closed");
        assert_int_equal(atomic_load(&world.failure_count), 1);
        assert_string_equal(world.failure.text, "the gate is closed");
        (void)world_expect_lake(&world, (const uint64_t[]){0, 0});
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_epochs_before_it_returns),
        cmocka_unit_test(cuts_every_partition_at_one_point),
        cmocka_unit_test(answers_many_askers),
        cmocka_unit_test(closes_epochs_by_the_clock),
        cmocka_unit_test(closes_epochs_that_fill_their_share),
        cmocka_unit_test(tries_again_and_goes_on),
        cmocka_unit_test(heals_without_a_barrier),
        cmocka_unit_test(stops_reading_when_rows_wait),
        cmocka_unit_test(is_no_state_while_the_log_is_replayed),
        cmocka_unit_test(tells_journeys_that_the_clock_ended),
        cmocka_unit_test(announces_journeys_before_they_are_true),
        cmocka_unit_test(fails_when_journeys_cannot_be_told),
        cmocka_unit_test(keeps_the_logs_notes),
        cmocka_unit_test(fails_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
