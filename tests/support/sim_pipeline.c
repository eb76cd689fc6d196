/* Who draws what happens next, and how the world ends and begins again. */
#include "support/sim_pipeline.h"

#include "base/assert.h"
#include "support/sim_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    STEPS_MIN = 60,
    STEPS_MORE = 240,
    RECOVERIES_MAX = 24, /* in a row; the last ones meet no fault */
    DRAIN_TURNS_MAX = 4000,
    ROWS_PER_TURN = 40,
};
static const uint64_t hour_us = UINT64_C(3600) * 1000 * 1000;
static const struct tide_duration idle_after = {INT64_C(30) * 1000 * 1000};
static const struct tide_instant start = {INT64_C(1772962800) * 1000 * 1000}; /* 2026-03-08 */

void sim_wrong(struct sim_world *world, const char *format, ...)
{
    va_list arguments;
    if (sim_is_wrong(world)) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(world->report->wrong, sizeof(world->report->wrong), format, arguments);
    va_end(arguments);
}

bool sim_is_wrong(const struct sim_world *world)
{
    return world->report->wrong[0] != '\0';
}

void sim_trace(struct sim_world *world, uint64_t what, uint64_t value)
{
    uint64_t both[2] = {what, value};
    struct tide_view view = {(const char *)both, sizeof(both)};
    world->report->trace = tide_hash64(view, world->report->trace);
}

bool sim_chance(struct sim_world *world, uint64_t of_100)
{
    return sim_below(&world->dice, 100) < of_100;
}

struct tide_clock sim_clock(struct sim_world *world)
{
    return tide_clock_simulated(&world->clock);
}

/* ---- faults */

static void arm(struct sim_world *world, enum tide_io_sim_fault fault, uint64_t operations_max)
{
    tide_io_sim_arm(world->sim, fault, 1 + sim_below(&world->dice, operations_max));
    world->armed = fault;
}

static void disarm(struct sim_world *world)
{
    arm(world, TIDE_IO_SIM_FAULT_NONE, 1);
}

static void arm_something(struct sim_world *world)
{
    uint64_t kind = sim_below(&world->dice, 10);
    if (kind < 6) {
        arm(world, TIDE_IO_SIM_FAULT_CRASH, 60);
    } else if (kind < 8) {
        arm(world, TIDE_IO_SIM_FAULT_SYNC_FAILS, 30);
    } else {
        arm(world, TIDE_IO_SIM_FAULT_NO_SPACE, 30);
    }
}

static void fill_or_free_disk(struct sim_world *world)
{
    world->is_full = !world->is_full;
    tide_io_sim_set_capacity(world->sim,
                             world->is_full ? 1 + sim_below(&world->dice, 96 << 10) : 0);
}

/* The process ends: it saw FATAL, or the power goes. What a failed sync leaves visible is not
 * durable and never will be; only the log promises to cope with that without a power cut. */
static void end_process(struct sim_world *world, bool may_kill)
{
    bool is_crashed = tide_io_sim_crashed(world->sim);
    bool is_kill = may_kill && sim_chance(world, 35);
    if (!is_crashed && world->armed == TIDE_IO_SIM_FAULT_SYNC_FAILS) {
        world->report->failed_syncs++;
    }
    sim_life_close(world);
    if (is_kill) {
        tide_io_sim_kill(world->sim);
        world->report->kills++;
    } else {
        tide_io_sim_restart(world->sim);
        world->report->power_cuts++;
    }
    world->armed = TIDE_IO_SIM_FAULT_NONE;
    sim_trace(world, 4, is_kill);
}

/* What a move answered. true: go on with this process. */
static bool survives(struct sim_world *world,
                     const char *what,
                     enum tide_status status,
                     const struct tide_error *error)
{
    bool is_crashed = tide_io_sim_crashed(world->sim);
    bool is_sync = strcmp(what, "sync") == 0;
    bool is_excused = false;
    sim_trace(world, 5, (uint64_t)status);
    switch (status) {
    case TIDE_OK:
    case TIDE_AGAIN:
        if (is_crashed) { /* the fault hit an operation whose outcome does not matter */
            end_process(world, true);
            return false;
        }
        return true;
    case TIDE_RETRY:
        is_excused = world->is_full || world->armed == TIDE_IO_SIM_FAULT_NO_SPACE;
        break;
    case TIDE_FATAL:
        /* The log stops when even cutting its file back finds no space. */
        is_excused = is_crashed || world->armed == TIDE_IO_SIM_FAULT_SYNC_FAILS ||
                     (world->armed == TIDE_IO_SIM_FAULT_NO_SPACE && is_sync);
        break;
    case TIDE_REJECT:
        break;
    }
    if (!is_excused) {
        sim_wrong(world, "%s: %s: %s", what, tide_status_name(status), error->text);
        return false;
    }
    if (status == TIDE_RETRY && !is_crashed) {
        return true;
    }
    end_process(world, is_crashed || is_sync);
    return false;
}

/* ---- moves */

static bool sync_log(struct sim_world *world)
{
    struct tide_error error = {0};
    struct tide_log log = world->life.log;
    enum tide_status status = log.operations->sync(log.self, &error);
    return survives(world, "sync", status, &error);
}

static bool step_partition(struct sim_world *world, uint32_t index)
{
    struct tide_error error = {0};
    uint32_t row_count = 0;
    uint32_t row_count_max = 1 + (uint32_t)sim_below(&world->dice, ROWS_PER_TURN);
    enum tide_status status =
        tide_feed_step(&world->life.feeds[index], row_count_max, &row_count, &error);
    sim_trace(world, 6, row_count);
    return survives(world, "step", status, &error);
}

/* As the engine closes an epoch. The closing clock also runs while a partition that has read all is
 * idle; how long it was is drawn. Into the next free place, which is not counted until all were
 * asked. */
static void close_epoch(struct sim_world *world, uint32_t index)
{
    struct sim_life *life = &world->life;
    struct tide_partition *partition = life->feeds[index].partition;
    const struct tide_recovered recovered = tide_checkpointer_recovered(life->checkpointer, index);
    const uint64_t next_offset = tide_partition_next_offset(partition);
    const bool is_idle =
        next_offset == life->log.operations->end(life->log.self, index) && sim_chance(world, 50);
    uint32_t place = 0;
    while (life->epochs[place].next_offset > 0) {
        place++;
    }
    (void)tide_watermark_closing(
        tide_partition_watermark(partition), is_idle, world->clock.now, idle_after);
    const enum tide_status status = tide_partition_tell_journeys(partition, NULL);
    tide_assert(status == TIDE_OK);
    if (tide_partition_take_epoch(partition, &life->epochs[place])) {
        world->report->quiet_epochs += next_offset == recovered.next_offset;
    }
}

/* Begins a round unless one is under way, and tries to bring it to its end. */
static bool commit(struct sim_world *world, bool is_whole)
{
    struct sim_life *life = &world->life;
    struct tide_error error = {0};
    for (uint32_t p = 0; life->epoch_count == 0 && p < world->partition_count; p++) {
        if (is_whole || sim_chance(world, 75)) {
            close_epoch(world, p);
        }
    }
    while (life->epoch_count < world->partition_count &&
           life->epochs[life->epoch_count].next_offset > 0) {
        life->epoch_count++;
    }
    if (life->epoch_count == 0) {
        return true;
    }
    enum tide_status status =
        tide_checkpointer_commit(life->checkpointer, life->epochs, life->epoch_count, &error);
    if (status == TIDE_OK) {
        for (uint32_t i = 0; i < life->epoch_count; i++) {
            tide_epoch_release(&life->epochs[i]);
        }
        life->epoch_count = 0;
        world->report->epochs++;
    }
    world->report->retried_commits += status == TIDE_RETRY;
    return survives(world, "commit", status, &error);
}

/* One step of compaction of some table, as the service does it when it is quiet, and as a command
 * beside it. */
static void compact(struct sim_world *world)
{
    struct sim_life *life = &world->life;
    struct tide_error error = {0};
    struct tide_compactor *compactor = NULL;
    struct tide_compaction_step step = {0};
    const struct tide_compaction_options options = {
        .table = {.store = life->store,
                  .clock = sim_clock(world),
                  .layout = world->layouts[sim_below(&world->dice, TIDE_TABLE_COUNT)],
                  .table_id = TIDE_VIEW("0123456789abcdef"),
                  .engine = TIDE_VIEW("tidemark/sim"),
                  .codec = sim_checkpoint_codec(&world->io),
                  .scratch_directory = "lake/_tidemark/scratch",
                  .io = world->io,
                  .checkpoint_commits = 2},
        .rewriter = sim_rewriter(&world->io),
        .target_bytes = 1 << 20,
        .files_min = 2,
        .files_max = 2 + (uint32_t)sim_below(&world->dice, 6),
    };
    enum tide_status status = tide_compactor_open(&options, &compactor, &error);
    if (status == TIDE_OK) {
        status = tide_compactor_step(compactor, &step, &error);
    }
    tide_compactor_close(compactor);
    world->report->compactions += status == TIDE_OK && !step.is_idle && !step.is_lost;
    sim_trace(world, 10, step.files_before);
    (void)survives(world, "compaction", status, &error);
}

static void pass_time(struct sim_world *world, uint64_t limit_us)
{
    tide_clock_simulated_advance(
        &world->clock, (struct tide_duration){(int64_t)sim_below(&world->dice, limit_us)});
}

/* Rounds between which only time goes by: journeys time out without another event. */
static bool stay_quiet(struct sim_world *world)
{
    bool is_going = true;
    for (uint64_t rounds = 1 + sim_below(&world->dice, 2); is_going && rounds > 0; rounds--) {
        pass_time(world, hour_us);
        is_going = commit(world, true);
    }
    return is_going;
}

static void move(struct sim_world *world)
{
    uint64_t kind = sim_below(&world->dice, 100);
    pass_time(world, 3000000);
    if (world->armed == TIDE_IO_SIM_FAULT_NONE && sim_chance(world, 6)) {
        arm_something(world);
    } else if (world->armed == TIDE_IO_SIM_FAULT_NO_SPACE && sim_chance(world, 20)) {
        disarm(world);
    }
    if (kind < 38) {
        sim_send(world);
        if (tide_io_sim_crashed(world->sim)) {
            end_process(world, true);
        }
    } else if (kind < 60) {
        (void)sync_log(world);
    } else if (kind < 84) {
        (void)step_partition(world, (uint32_t)sim_below(&world->dice, world->partition_count));
    } else if (kind < 91) {
        (void)commit(world, sim_chance(world, 50));
    } else if (kind < 93) {
        compact(world);
    } else if (kind < 97) {
        fill_or_free_disk(world);
    } else if (kind < 99) {
        pass_time(world, hour_us);
    } else {
        (void)stay_quiet(world);
    }
}

/* ---- recovery and the end */

static void recover(struct sim_world *world, bool may_fail)
{
    struct tide_error error = {0};
    for (int attempt = 0; attempt < RECOVERIES_MAX && !sim_is_wrong(world); attempt++) {
        bool is_calm = !may_fail || attempt > RECOVERIES_MAX / 2;
        if (is_calm && world->is_full) {
            fill_or_free_disk(world);
        }
        if (!is_calm && sim_chance(world, 40)) {
            arm(world, TIDE_IO_SIM_FAULT_CRASH, 120);
        }
        enum tide_status status = sim_life_open(world, &error);
        if (status != TIDE_OK && tide_io_sim_crashed(world->sim)) {
            world->report->crashes_in_recovery++;
        }
        if (survives(world, "recovery", status, &error) && status == TIDE_OK) {
            disarm(world);
            sim_check(world, false);
            return;
        }
    }
    sim_wrong(world, "recovery does not end");
}

/* As many rounds as it takes: only so many journeys time out in one. */
static bool commit_all(struct sim_world *world)
{
    uint64_t before = 0;
    bool is_going = true;
    do {
        before = world->report->epochs;
        is_going = commit(world, true);
    } while (is_going && world->report->epochs > before);
    return is_going;
}

static void drain(struct sim_world *world)
{
    disarm(world);
    if (world->is_full) {
        fill_or_free_disk(world);
    }
    if (!world->life.is_running) {
        recover(world, false);
    }
    bool is_going = !sim_is_wrong(world) && sync_log(world);
    if (is_going && world->life.epoch_count > 0) {
        is_going = commit(world, true);
    }
    for (uint32_t p = 0; is_going && p < world->partition_count; p++) {
        struct tide_log log = world->life.log;
        struct tide_partition *partition = world->life.feeds[p].partition;
        uint64_t end = log.operations->end(log.self, p);
        for (int turn = 0; is_going && tide_partition_next_offset(partition) < end; turn++) {
            is_going = turn < DRAIN_TURNS_MAX && step_partition(world, p);
        }
    }
    is_going = is_going && stay_quiet(world) && commit_all(world);
    if (!is_going || world->life.epoch_count > 0) {
        sim_wrong(world, "it does not drain");
        return;
    }
    for (uint32_t i = 0; i < SIM_SUBMISSIONS_MAX; i++) {
        if (world->submissions[i].is_open) {
            sim_wrong(world, "a sender was never answered");
        }
    }
    sim_check(world, true);
}

static void count_journeys(struct sim_world *world)
{
    const struct sim_lake *lake = &world->lake;
    world->report->journeys = lake->journey_count;
    for (uint32_t i = 0; i < lake->journey_count; i++) {
        const struct sim_lake_journey *row = &lake->journeys[i];
        bool is_first = true;
        world->report->withdrawn += strcmp(row->outcome, "withdrawn") == 0;
        for (uint32_t k = 0; is_first && k < i; k++) {
            const struct sim_lake_journey *before = &lake->journeys[k];
            is_first = before->start_us != row->start_us || before->ordinal != row->ordinal ||
                       strcmp(before->metric, row->metric) != 0 ||
                       strcmp(before->key, row->key) != 0;
        }
        world->report->revised += !is_first;
        sim_trace(world, 9, row->revision);
    }
}

static void note_totals(struct sim_world *world)
{
    struct sim_report *report = world->report;
    count_journeys(world);
    report->segments = tide_segment_log_facts(&world->life.log).segment_count;
    for (uint32_t p = 0; p < world->partition_count; p++) {
        const struct tide_ledger *ledger = tide_partition_ledger(world->life.feeds[p].partition);
        report->records += ledger->verdicts;
        report->late += ledger->late_hot;
        report->duplicates += ledger->duplicate;
        report->rejected += tide_ledger_rejected(ledger);
        sim_trace(world, 7, ledger->uids.low);
    }
    sim_trace(world, 8, tide_io_sim_operation_count(world->sim));
}

static void play(struct sim_world *world)
{
    uint64_t steps = STEPS_MIN + sim_below(&world->dice, STEPS_MORE);
    for (uint64_t step = 0; step < steps && !sim_is_wrong(world); step++) {
        if (world->life.is_running) {
            move(world);
        } else {
            recover(world, true);
        }
    }
    if (!sim_is_wrong(world)) {
        drain(world);
    }
    if (!sim_is_wrong(world)) {
        note_totals(world);
        end_process(world, false);
        drain(world); /* a whole replay: the same again, and nothing more in the lake */
    }
}

void sim_pipeline_run(uint64_t seed,
                      const struct tide_definitions *definitions,
                      struct sim_report *report)
{
    struct sim_world *world = calloc(1, sizeof(*world));
    tide_assert(world != NULL);
    *report = (struct sim_report){0};
    world->report = report;
    world->dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    world->definitions = definitions;
    world->sim = tide_io_sim_create(seed);
    tide_assert(world->sim != NULL);
    world->io = tide_io_sim_io(world->sim);
    world->writer = sim_table_writer(&world->io);
    world->clock.now = start;
    world->partition_count = 1 + (uint32_t)sim_below(&world->dice, SIM_PARTITIONS_MAX);
    world->segment_bytes = 512 + sim_below(&world->dice, 8 << 10);
    world->journeys_max = sim_chance(world, 50) ? 1 + (uint32_t)sim_below(&world->dice, 3) : 100000;
    world->keeps_raw = seed % 4 != 0;
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        world->layouts[t] =
            tide_layout_create(&world->arena, definitions->schema, (enum tide_table)t);
        tide_assert(world->layouts[t] != NULL);
    }
    play(world);
    sim_life_close(world);
    sim_senders_release(world);
    sim_events_release(&world->events);
    tide_io_sim_destroy(world->sim);
    tide_arena_release(&world->arena);
    free(world);
}
