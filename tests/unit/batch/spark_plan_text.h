/* What the tests of Spark's plan and job share: definitions of every kind and a lake of some days,
 * of which only the names of files exist. */
#ifndef TIDE_UNIT_BATCH_SPARK_PLAN_TEXT_H
#define TIDE_UNIT_BATCH_SPARK_PLAN_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/civil.h"
#include "batch/spark_plan.h"

static const char plan_definitions[] =
    "schema:\n"
    "  name: t\n"
    "  entity: who\n"
    "  id: id\n"
    "  time: device_time\n"
    "  columns:\n"
    "    id: {path: id}\n"
    "    device_time: {path: t, type: time_ms, required: true}\n"
    "    who: {path: who}\n"
    "    n: {path: n, type: int}\n"
    "    kind: {path: kind}\n"
    "metrics:\n"
    "  hourly: {count: events, every: 1h}\n"
    "  odd: {count: events, every: 7h}\n"
    "  daily: {distinct: who, every: 1d, timezone: Asia/Kolkata}\n"
    "  weekly: {sum: n, every: 1w}\n"
    "  monthly: {max: n, every: 1mo, timezone: America/New_York}\n"
    "  slide: {mean: n, every: 1h, over: 30h}\n"
    "  three: {quantiles: [0.5], of: n, every: 1d, over: 3d, timezone: Europe/Berlin}\n"
    "  even: {ratio: [hourly, hourly_people]}\n"
    "  hourly_people: {distinct: who, every: 1h}\n"
    "  uneven: {ratio: [users, users_of_five]}\n"
    "  users: {distinct: who, every: 1d}\n"
    "  users_of_five: {distinct: who, every: 1d, over: 5d}\n"
    "  visits: {sessions: {per: who, timeout: 30m}, every: 1d}\n"
    "  way: {funnel: {per: [who], timeout: 2h, steps: [{a: 'n == 1'}, {b: 'n == 2'}]}, every: 1d}\n"
    "  back: {retention: {per: who, period: 1d, periods: 2}}\n";

enum {
    PLAN_FIRST_DAY = 20512, /* 2026-02-28 */
    PLAN_DAYS = 12
};

struct plan_world {
    struct tide_arena arena;
    struct tide_source source;
    const struct tide_definitions *definitions;
    struct tide_snapshot_file files[PLAN_DAYS + 1];
    int64_t epochs[2];
    struct tide_snapshot snapshot;
};

static inline void plan_world_open(struct plan_world *world)
{
    struct tide_diagnostics diagnostics;
    *world = (struct plan_world){
        .source = {TIDE_VIEW("t.yaml"), {plan_definitions, sizeof(plan_definitions) - 1}},
        .epochs = {4, -1},
    };
    const struct tide_definitions_input input = {.file = &world->source};
    tide_diagnostics_init(&diagnostics, &world->arena);
    world->definitions = tide_definitions_load(&world->arena, &input, &diagnostics);
    assert_non_null(world->definitions);
    for (int32_t i = 0; i < PLAN_DAYS; i++) {
        char date[TIDE_CIVIL_TEXT_MAX];
        char path[64];
        tide_civil_format_date(PLAN_FIRST_DAY + i, date);
        const int size = snprintf(path, sizeof(path), "event_date=%s/a'b.parquet", date);
        world->files[i] = (struct tide_snapshot_file){
            tide_arena_copy(&world->arena, (struct tide_view){path, (size_t)size}),
            100,
            PLAN_FIRST_DAY + i};
    }
    world->files[PLAN_DAYS] =
        (struct tide_snapshot_file){TIDE_VIEW("other/c.parquet"), 7, TIDE_DATE_UNKNOWN};
    world->snapshot =
        (struct tide_snapshot){.pipeline = TIDE_VIEW("p"),
                               .epochs = world->epochs,
                               .partition_count = 2,
                               .events = {.files = world->files, .file_count = PLAN_DAYS}};
}

static inline struct tide_spark_plan plan_of(struct plan_world *world,
                                             struct tide_window span,
                                             bool has_more)
{
    struct tide_spark_plan plan;
    struct tide_error error = {0};
    const struct tide_spark_plan_options options = {.definitions = world->definitions,
                                                    .snapshot = &world->snapshot,
                                                    .span = span,
                                                    .has_reads = has_more,
                                                    .has_audits = has_more};
    assert_int_equal(tide_spark_plan_make(&options, &world->arena, &plan, &error), TIDE_OK);
    return plan;
}

#endif
