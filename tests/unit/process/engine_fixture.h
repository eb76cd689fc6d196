/* What the tests of the engine share: a memory log whose reads can be held back or broken, a lake
 * on a simulated disk, a clock that the test moves. Nothing sleeps: what another thread is to do is
 * looked at until it is done, and the time limit of the test ends it otherwise.
 *
 * The disk is the checkpoint thread's. With an interval of an hour it does nothing between
 * barriers, so the lake may be read when a barrier has answered. */
#ifndef TIDE_UNIT_PROCESS_ENGINE_FIXTURE_H
#define TIDE_UNIT_PROCESS_ENGINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "log/memory.h"
#include "process/engine.h"
#include "support/process_stack.h"

enum {
    WORLD_PARTITIONS_MAX = 8,
    WORLD_RECORDS_MAX = 16384, /* of a partition */
    WORLD_FRAME_RECORDS = 256, /* at most, of process_append */
};

struct world {
    struct process_stack stack;
    struct tide_log log;
    struct tide_log_operations log_operations; /* the memory log's, with a read of ours */
    struct tide_engine *engine;
    _Atomic int64_t now_us;
    _Atomic uint32_t failure_count; /* calls of `failed` */
    struct tide_error failure;
    uint32_t event_count; /* numbers of events that were appended */
};

/* A cursor does not tell whose it is: what stands before the reads is one for the program. */
static const struct tide_log_operations *world_inner_log;
static _Atomic bool world_is_held;              /* reads find nothing new */
static _Atomic int world_read_failure;          /* enum tide_status; OK: none */
static _Atomic uint32_t world_failing_together; /* so many reads fail at the same time */
static _Atomic uint32_t world_failing;          /* reads that are about to */

static inline enum tide_status world_read(struct tide_log_cursor *cursor,
                                          struct tide_log_frame *frame,
                                          struct tide_error *error)
{
    const enum tide_status failure = (enum tide_status)atomic_load(&world_read_failure);
    if (failure != TIDE_OK) {
        atomic_fetch_add(&world_failing, 1);
        while (atomic_load(&world_failing) < atomic_load(&world_failing_together)) {
            sched_yield();
        }
        return tide_error_set(error, failure, "the log is broken");
    }
    return atomic_load(&world_is_held) ? TIDE_AGAIN : world_inner_log->read(cursor, frame, error);
}

static inline struct tide_instant world_now(void *self)
{
    return (struct tide_instant){atomic_load(&((struct world *)self)->now_us)};
}

static inline struct tide_monotonic world_monotonic(void *self)
{
    return (struct tide_monotonic){atomic_load(&((struct world *)self)->now_us) * 1000};
}

/* Nobody waits: time passes at once. */
static inline void world_sleep(void *self, struct tide_duration duration)
{
    atomic_fetch_add(&((struct world *)self)->now_us, duration.us);
}

static inline struct tide_clock world_clock(struct world *world)
{
    static const struct tide_clock_operations operations = {
        .now = world_now, .monotonic = world_monotonic, .sleep = world_sleep};
    return (struct tide_clock){&operations, world};
}

static inline void world_check(enum tide_status status, const struct tide_error *error)
{
    if (status != TIDE_OK) {
        fail_msg("%s: %s", tide_status_name(status), error->text);
    }
}

static inline void world_create_log(struct world *world)
{
    struct tide_error error = {0};
    world_check(tide_memory_log_create(world->stack.partition_count, &world->log, &error), &error);
    world_inner_log = world->log.operations;
    world->log_operations = *world_inner_log;
    world->log_operations.read = world_read;
    world->log.operations = &world->log_operations;
}

static inline void world_open(struct world *world, uint32_t partition_count)
{
    struct tide_error error = {0};
    assert_true(partition_count <= WORLD_PARTITIONS_MAX);
    *world = (struct world){0};
    atomic_store(&world_is_held, false);
    atomic_store(&world_read_failure, TIDE_OK);
    atomic_store(&world_failing_together, 0);
    atomic_store(&world_failing, 0);
    atomic_store(&world->now_us, PROCESS_START.us);
    process_stack_init(&world->stack, 1, partition_count);
    world_check(process_stack_open(&world->stack, &error), &error);
    world_create_log(world);
}

static inline void world_close(struct world *world)
{
    assert_null(world->engine);
    world->log.operations->close(world->log.self);
    process_stack_release(&world->stack);
}

/* A process that ends and another that begins: what the lake has is read again. */
static inline void world_reopen(struct world *world)
{
    struct tide_error error = {0};
    process_stack_close(&world->stack);
    world_check(process_stack_open(&world->stack, &error), &error);
}

static inline void world_failed(void *context, const struct tide_error *error)
{
    struct world *world = context;
    if (atomic_load(&world->failure_count) == 0) {
        world->failure = *error;
    }
    atomic_fetch_add(&world->failure_count, 1);
}

static inline struct tide_engine_options world_options(struct world *world)
{
    struct tide_engine_options options = {.definitions = world->stack.definitions,
                                          .log = world->log,
                                          .clock = world_clock(world),
                                          .arrival = TIDE_ARRIVAL_LIVE,
                                          .limits = tide_operator_limits_default(),
                                          .seed = 7,
                                          .worker_count = 2,
                                          .checkpointer = world->stack.checkpointer,
                                          .checkpoint_interval = {INT64_C(3600) * 1000000},
                                          .idle_after = {INT64_C(60) * 1000000},
                                          .rows_bytes_max = 64 << 20,
                                          .failed = world_failed,
                                          .context = world};
    memcpy(options.layouts, world->stack.layouts, sizeof(options.layouts));
    return options;
}

/* With options of the test, or NULL. */
static inline void world_start(struct world *world, const struct tide_engine_options *options)
{
    struct tide_error error = {0};
    const struct tide_engine_options usual = world_options(world);
    world_check(tide_engine_start(options == NULL ? &usual : options, &world->engine, &error),
                &error);
}

static inline enum tide_status world_stop(struct world *world, struct tide_error *error)
{
    const enum tide_status status = tide_engine_stop(world->engine, error);
    world->engine = NULL;
    return status;
}

static inline void world_must_stop(struct world *world)
{
    struct tide_error error = {0};
    world_check(world_stop(world, &error), &error);
    assert_int_equal(atomic_load(&world->failure_count), 0);
}

/* A frame of valid events, all different. */
static inline void world_append(struct world *world, uint32_t partition, uint32_t count)
{
    struct tide_bytes lines = {0};
    assert_true(count <= WORLD_FRAME_RECORDS);
    for (uint32_t i = 0; i < count; i++) {
        process_event(&lines, world->event_count++, i % 2 == 0 ? "anna" : "bert", PROCESS_START_MS);
    }
    process_append(world->log, partition, PROCESS_START, tide_bytes_terminated(&lines));
    tide_bytes_release(&lines);
}

static inline void world_look(void *context, struct tide_partition *partition)
{
    (void)context;
    (void)partition;
}

/* Until every partition has read its log. */
static inline void world_settle(struct world *world)
{
    struct tide_engine_facts facts;
    do {
        tide_engine_notify(world->engine);
        assert_true(tide_engine_visit(world->engine, world_look, NULL));
        facts = tide_engine_facts(world->engine);
    } while (!facts.caught_up || facts.records_behind > 0);
}

static inline uint64_t world_end(struct world *world, uint32_t partition)
{
    return world->log.operations->end(world->log.self, partition);
}

/* The lake has each record of each partition below ends[partition] (NULL: all of the log) once, and
 * no other; none of them was rejected. What it holds stays to be looked at. */
static inline const struct sim_lake *world_expect_lake(struct world *world, const uint64_t *ends)
{
    static struct sim_lake lake;
    static bool seen[WORLD_PARTITIONS_MAX][WORLD_RECORDS_MAX];
    uint64_t expected = 0;
    memset(seen, 0, sizeof(seen));
    if (!sim_lake_read(&lake, world->stack.io, "lake")) {
        fail_msg("%s", lake.wrong);
    }
    for (uint32_t p = 0; p < world->stack.partition_count; p++) {
        expected += ends == NULL ? world_end(world, p) : ends[p];
    }
    assert_int_equal(lake.row_count, expected);
    for (uint32_t i = 0; i < lake.row_count; i++) {
        const struct sim_lake_row *row = &lake.rows[i];
        assert_int_equal(row->table, TIDE_TABLE_EVENTS);
        assert_true(row->offset <
                    (ends == NULL ? world_end(world, row->partition) : ends[row->partition]));
        assert_true(row->offset < WORLD_RECORDS_MAX);
        assert_false(seen[row->partition][row->offset]);
        seen[row->partition][row->offset] = true;
    }
    return &lake;
}

#endif
