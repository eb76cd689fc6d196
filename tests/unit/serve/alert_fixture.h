/* What the tests of alerts share: definitions from a text, and cells that a test writes down, in
 * place of an engine. Time is in minutes since FIXTURE_MINUTE 0, 2026-03-08T10:00:00Z. */
#ifndef TIDE_UNIT_SERVE_ALERT_FIXTURE_H
#define TIDE_UNIT_SERVE_ALERT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "serve/alert_judge.h"
#include "serve/alert_source.h"

enum {
    FIXTURE_CELLS_MAX = 20000
};

#define FIXTURE_START_US INT64_C(1772964000000000)
#define FIXTURE_MINUTE_US (60 * TIDE_US_PER_SECOND)

#define FIXTURE_SCHEMA                                                                             \
    "schema:\n"                                                                                    \
    "  name: t\n"                                                                                  \
    "  entity: user_id\n"                                                                          \
    "  id: id\n"                                                                                   \
    "  type: kind\n"                                                                               \
    "  time: at_\n"                                                                                \
    "  columns:\n"                                                                                 \
    "    id: {path: id}\n"                                                                         \
    "    kind: {path: kind, required: true}\n"                                                     \
    "    at_: {path: at, type: time_ms, required: true}\n"                                         \
    "    user_id: {path: user}\n"                                                                  \
    "    os: {path: os}\n"                                                                         \
    "    amount: {path: amount, type: decimal}\n"                                                  \
    "metrics:\n"                                                                                   \
    "  hits: {count: events, by: [os], every: 1m}\n"                                               \
    "  all: {count: events, every: 1m}\n"                                                          \
    "  slid: {count: events, every: 1m, over: 3m}\n"                                               \
    "  daily: {count: events, every: 1d}\n"                                                        \
    "  spent: {mean: amount, every: 1m}\n"                                                         \
    "  rank: {quantiles: [0.5, 0.95], of: amount, every: 1m}\n"                                    \
    "  visits: {sessions: {per: user_id, timeout: 30m}, every: 1h}\n"                              \
    "  way: {funnel: {per: [user_id], timeout: 10m, steps: [{x: 'kind == \"x\"'}, "                \
    "{y: 'kind == \"y\"'}]}, every: 1m}\n"                                                         \
    "  part: {ratio: [hits, all]}\n"                                                               \
    "  share: {ratio: [all, slid]}\n"                                                              \
    "alerts:\n"

struct fixture_cell {
    uint32_t metric;
    int64_t start_us;
    const char *group; /* of one string column; NULL: not grouped */
    struct tide_cell_value value;
};

struct fixture {
    struct tide_arena arena;
    struct tide_diagnostics diagnostics;
    struct tide_source source;
    struct tide_definitions *definitions;
    struct fixture_cell cells[FIXTURE_CELLS_MAX];
    uint32_t cell_count;
    struct tide_instant closing;
    bool is_broken; /* asking fails */
};

static inline struct tide_instant fixture_minute(int64_t minute)
{
    return (struct tide_instant){FIXTURE_START_US + minute * FIXTURE_MINUTE_US};
}

/* alerts: lines of the section, indented by two. */
static inline struct fixture *fixture_open(const char *alerts)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct tide_bytes text = {0};
    assert_non_null(fixture);
    tide_diagnostics_init(&fixture->diagnostics, &fixture->arena);
    tide_bytes_append_text(&text, FIXTURE_SCHEMA);
    tide_bytes_append_text(&text, alerts);
    fixture->source = (struct tide_source){
        TIDE_VIEW("a.yaml"), tide_arena_copy(&fixture->arena, tide_bytes_view(&text))};
    tide_bytes_release(&text);
    const struct tide_definitions_input input = {.file = &fixture->source};
    fixture->definitions = tide_definitions_load(&fixture->arena, &input, &fixture->diagnostics);
    if (fixture->definitions == NULL) {
        tide_diagnostics_render(&fixture->diagnostics, &text);
        print_error("%s", tide_bytes_terminated(&text));
        tide_bytes_release(&text);
    }
    assert_non_null(fixture->definitions);
    fixture->closing = TIDE_INSTANT_UNKNOWN;
    return fixture;
}

static inline void fixture_close(struct fixture *fixture)
{
    for (uint32_t i = 0; i < fixture->cell_count; i++) {
        tide_cell_value_release(&fixture->cells[i].value);
    }
    tide_arena_release(&fixture->arena);
    free(fixture);
}

static inline uint32_t fixture_metric(const struct fixture *fixture, const char *name)
{
    const struct tide_metric *metric =
        tide_definitions_find(fixture->definitions, tide_view_of(name));
    assert_non_null(metric);
    return (uint32_t)(metric - fixture->definitions->metrics);
}

/* A cell of the window that starts at that minute: empty parts, to be filled. */
static inline struct tide_cell_value *fixture_cell(struct fixture *fixture,
                                                   const char *metric,
                                                   int64_t minute,
                                                   const char *group)
{
    assert_true(fixture->cell_count < FIXTURE_CELLS_MAX);
    struct fixture_cell *cell = &fixture->cells[fixture->cell_count++];
    *cell = (struct fixture_cell){
        .metric = fixture_metric(fixture, metric),
        .start_us = fixture_minute(minute).us,
        .group = group,
    };
    return &cell->value;
}

/* So many events in the window. */
static inline void fixture_events(
    struct fixture *fixture, const char *metric, int64_t minute, const char *group, uint64_t count)
{
    struct tide_cell_value *value = fixture_cell(fixture, metric, minute, group);
    value->events = count;
    value->count = count;
}

static inline void fixture_encode(const char *group, struct tide_bytes *bytes)
{
    if (group != NULL) {
        tide_value_encode((struct tide_value){.present = true,
                                              .type = TIDE_TYPE_STRING,
                                              .string = tide_view_of(group)},
                          bytes);
    }
}

static inline struct tide_cell_table *fixture_table(const struct fixture *fixture,
                                                    uint32_t metric_index,
                                                    struct tide_cell_span span,
                                                    const char *group)
{
    struct tide_cell_table *table = NULL;
    const struct tide_metric *metric = &fixture->definitions->metrics[metric_index];
    struct tide_bytes key = {0};
    assert_int_equal(tide_cell_table_create(fixture->definitions->schema, metric, &table, NULL),
                     TIDE_OK);
    for (uint32_t i = 0; i < fixture->cell_count; i++) {
        const struct fixture_cell *cell = &fixture->cells[i];
        const struct tide_instant start = {cell->start_us};
        const bool is_wanted =
            cell->metric == metric_index &&
            !(tide_instant_known(span.from) && start.us < span.from.us) &&
            !(tide_instant_known(span.to) && start.us >= span.to.us) &&
            (group == NULL || (cell->group != NULL && strcmp(group, cell->group) == 0));
        if (is_wanted) {
            struct tide_window window = tide_window_of(metric->every, start);
            assert_int_equal(window.start.us, start.us);
            window =
                tide_window_slide(metric->every, metric->pane_count, start, metric->pane_count - 1);
            tide_bytes_reset(&key);
            fixture_encode(cell->group, &key);
            assert_int_equal(
                tide_cell_table_add(table, window, tide_bytes_view(&key), &cell->value), TIDE_OK);
        }
    }
    tide_bytes_release(&key);
    return table;
}

static inline struct tide_result *fixture_result(const struct fixture *fixture,
                                                 uint32_t metric_index,
                                                 struct tide_cell_span span,
                                                 const char *group)
{
    const struct tide_metric *metric = &fixture->definitions->metrics[metric_index];
    const bool is_ratio = metric->kind == TIDE_METRIC_RATIO;
    struct tide_result *result = NULL;
    if (is_ratio) { /* its windows are not bounded by the span: see cell_query.h */
        span.from = span.to = TIDE_INSTANT_UNKNOWN;
    }
    struct tide_cell_table *table =
        fixture_table(fixture, is_ratio ? metric->parts[0] : metric_index, span, group);
    struct tide_cell_table *below =
        is_ratio ? fixture_table(fixture, metric->parts[1], span, NULL) : NULL;
    assert_int_equal(tide_result_create(fixture->definitions, metric, table, below, &result),
                     TIDE_OK);
    return result;
}

static inline struct tide_instant fixture_closing(void *context)
{
    const struct fixture *fixture = context;
    return fixture->closing;
}

/* A filter is taken for `os == "ios"`. */
static inline enum tide_status fixture_ask(void *context,
                                           uint32_t metric,
                                           struct tide_cell_span span,
                                           const struct tide_expression *filter,
                                           struct tide_result *results[2],
                                           struct tide_error *error)
{
    const struct fixture *fixture = context;
    if (fixture->is_broken) {
        return tide_error_set(error, TIDE_RETRY, "broken");
    }
    results[0] = fixture_result(fixture, metric, span, NULL);
    results[1] = filter == NULL ? results[0] : fixture_result(fixture, metric, span, "ios");
    return TIDE_OK;
}

static inline struct tide_alert_source fixture_source(struct fixture *fixture)
{
    return (struct tide_alert_source){fixture_closing, fixture_ask, fixture};
}

#endif
