/* What the tests of batch generations share: a morning of a few people with a metric of every kind,
 * and a batch run over the lake as `tidemark batch` makes it. */
#ifndef TIDE_UNIT_SERVE_GENERATION_FIXTURE_H
#define TIDE_UNIT_SERVE_GENERATION_FIXTURE_H

#include "fixture.h"

#include "batch/lake_engine.h"
#include "serve/batch_result.h"
#include "serve/generation_writer.h"

#define KINDS_TEXT                                                                                 \
    FIXTURE_SCHEMA "  events_: {count: events, by: [region], every: 1h}\n"                         \
                   "  best: {count: events, by: [region], every: 1d, top: 1}\n"                    \
                   "  people: {distinct: user_id, every: 1d}\n"                                    \
                   "  two_days: {distinct: user_id, every: 1d, over: 2d}\n"                        \
                   "  spent: {sum: amount, by: [region, ok], every: 1h}\n"                         \
                   "  paid: {mean: amount, by: [region], every: 1d, top: 1}\n"                     \
                   "  most: {max: amount, every: 1d}\n"                                            \
                   "  latest: {max: at_, by: [at_], every: 1d}\n"                                  \
                   "  about: {approx_distinct: region, every: 1d}\n"                               \
                   "  regulars: {distinct: user_id, having: 'count() > 1', every: 1d}\n"           \
                   "  typical: {quantiles: [0.5, 1], of: amount, by: [region], every: 1h}\n"       \
                   "  visits: {sessions: {per: user_id, timeout: 30m}, by: [region], every: 1h}\n" \
                   "  way: {funnel: {per: [user_id], timeout: 30m, steps: [{look: 'kind == "       \
                   "\"look\"'}, {pay: 'kind == \"pay\"'}]}, by: [region], every: 1h}\n"            \
                   "  back: {retention: {per: user_id, period: 1d, periods: 1}}\n"                 \
                   "  share: {ratio: [events_, hourly]}\n"                                         \
                   "  hourly: {count: events, every: 1h}\n"

enum {
    KINDS_COUNT = 16,
    MINUTE = 60,
    HOUR = 3600
};

static inline void kinds_send(struct fixture *fixture)
{
    static const struct fixture_event events[] = {
        {"look", "ann", 0, ",\"region\":\"north\",\"amount\":0.1"},
        {"pay", "ann", 10 * MINUTE, ",\"region\":\"north\",\"amount\":2.5,\"ok\":true"},
        {"look", "bob", MINUTE, ",\"region\":\"\",\"amount\":123456789012.000001"},
        {"pay", "bob", 31 * MINUTE, ",\"region\":\"south \\\"x\\\"\",\"amount\":-8"},
        {"look", "cid", 2 * HOUR, ""},
        {"other", "dan", 26 * HOUR, ",\"region\":\"north\""},
    };
    fixture_send(fixture, events, sizeof(events) / sizeof(events[0]));
    assert_int_equal(fixture_ask(fixture, "POST", "/api/v1/barrier"), 200);
}

/* ---- a batch run */

struct batch_run {
    struct fixture *fixture;
    struct tide_arena arena;
    struct tide_lake_view *view;
    const struct tide_layout *layout;
    int64_t epochs[FIXTURE_PARTITIONS_MAX];
    uint64_t reads[FIXTURE_PARTITIONS_MAX];
    struct tide_generation_writer *writer;
};

static inline void batch_open(struct batch_run *run, struct fixture *fixture)
{
    struct tide_error error = {0};
    char pipeline[TIDE_IDENTITY_TEXT_SIZE];
    const struct tide_schema *schema = fixture->definitions->schema;
    *run = (struct batch_run){.fixture = fixture};
    tide_identity_format(fixture->identity.pipeline, pipeline);
    run->layout = tide_layout_create(&run->arena, schema, TIDE_TABLE_METRICS);
    assert_non_null(run->layout);
    struct tide_lake_view_options view = {.clock = tide_clock_os(),
                                          .store = fixture->store,
                                          .schema = schema,
                                          .thread_count = 1,
                                          .partition_count = fixture->partition_count};
    fixture_check(tide_lake_epochs(&view, pipeline, run->epochs, &error), &error);
    view.epochs = run->epochs;
    fixture_check(tide_lake_view_open(&view, &run->view, &error), &error);
    fixture_check(
        tide_batch_reads(tide_lake_engine(run->view), run->reads, fixture->partition_count, &error),
        &error);
    const struct tide_generation_writer_options options = {.io = tide_io_os(),
                                                           .clock = tide_clock_os(),
                                                           .store = fixture->store,
                                                           .writer = fixture->writer,
                                                           .scratch_directory = fixture->scratch,
                                                           .identity = fixture->identity,
                                                           .definitions = fixture->definitions,
                                                           .layout = run->layout,
                                                           .engine = TIDE_VIEW("tidemark/test"),
                                                           .epochs = run->epochs,
                                                           .reads = run->reads};
    int64_t last_run = -1;
    fixture_check(tide_generation_last_run(&options, &last_run, &error), &error);
    fixture_check(tide_generation_writer_open(&options, &run->writer, &error), &error);
    assert_int_equal(tide_generation_writer_run(run->writer), last_run + 1);
}

/* The metric of that name. */
static inline struct tide_generation_count batch_add(const struct batch_run *run,
                                                     const char *name,
                                                     struct tide_window span)
{
    struct tide_error error = {0};
    struct tide_result *result = NULL;
    struct tide_generation_count count;
    const struct tide_definitions *definitions = run->fixture->definitions;
    const struct tide_metric *metric = tide_definitions_find(definitions, tide_view_of(name));
    assert_non_null(metric);
    fixture_check(
        tide_batch_result(tide_lake_engine(run->view), definitions, metric, &result, &error),
        &error);
    fixture_check(tide_generation_writer_add(run->writer, metric, result, span, &count, &error),
                  &error);
    tide_result_destroy(result);
    return count;
}

static inline void batch_close(struct batch_run *run)
{
    tide_generation_writer_close(run->writer);
    tide_lake_view_close(run->view);
    tide_arena_release(&run->arena);
}

#define BATCH_ALL ((struct tide_window){TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN})

/* A run of that metric, or of all; its number. The API will see it. */
static inline int64_t batch_commit(struct fixture *fixture,
                                   const char *name,
                                   struct tide_window span)
{
    struct batch_run run;
    struct tide_error error = {0};
    batch_open(&run, fixture);
    for (uint32_t i = 0; i < fixture->definitions->metric_count; i++) {
        char own[64];
        (void)snprintf(
            own, sizeof(own), "%.*s", TIDE_VIEW_ARGUMENTS(fixture->definitions->metrics[i].name));
        if (name == NULL || strcmp(name, own) == 0) {
            (void)batch_add(&run, own, span);
        }
    }
    fixture_check(tide_generation_writer_commit(run.writer, &error), &error);
    const int64_t number = tide_generation_writer_run(run.writer);
    batch_close(&run);
    tide_clock_simulated_advance(&fixture->probes, (struct tide_duration){1000000});
    return number;
}

/* The windows of a day, or an hour, of the fixture's start. */
static inline struct tide_window hours_of(int64_t from, int64_t to)
{
    return (struct tide_window){{FIXTURE_START_US + from * HOUR * TIDE_US_PER_SECOND},
                                {FIXTURE_START_US + to * HOUR * TIDE_US_PER_SECOND}};
}

#endif
