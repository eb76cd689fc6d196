/* GET /api/v1/metrics: what is defined:
 *     {"metrics": [{"name": .., "kind": "sum", "column": .. or null, "by": [..], "every": "1h",
 *                   "top": 20, "where_sql": .., "definition": "<32 hex digits>"}, ..]}
 * over, timezone, top, where_sql and having_sql (conditions as SQL) stand only where there is one;
 * a ratio has "parts" in place of a window. metric_shape.h has more.
 *
 * GET /api/v1/metrics/{name}: its cells now, by window and group; each as replay prints it, with
 *     "definition", "generation": "speed" or "batch" (generation.h says which), "revision" (of
 *     speed: events booked to it; of a cohort, entities in a period; of batch: the run's number),
 *     "stale": true, where events are missing until a batch has repaired it, "exact" (false: with
 *     "error", the relative one of what is estimated),
 *     "complete": whether the closing clocks of all partitions have passed its end, and the timeout
 *     of sessions and funnels, and a cohort's last period; null: unknown. "open_periods" of a
 *     cohort: so many of the last in "retained" are not over; absent while unknown. "folded": true,
 *     where events of groups beyond the budget are in (other); "pending_batch": true, where a key
 *     with too many events is missing, and then no error is known.
 * format=ndjson: a cell on each line. json, the default:
 *     {"metric": .., "definition": .., "closing": "..Z" or null, "cells": [..]} */
#include "base/assert.h"
#include "base/json.h"
#include "base/timezone.h"
#include "process/identity.h"
#include "serve/api_cells.h"
#include "serve/metric_shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 8 << 20,
    WINDOW_TEXT_SIZE = 32,
    SUGGESTION_SIZE = 128,
};

/* ---- the list */

void api_write_definition(struct tide_bytes *json, const struct tide_metric *metric)
{
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(metric->hash, hash);
    tide_json_write_text_member(json, "definition", tide_view_of(hash));
}

static void write_sql(const char *key,
                      const struct tide_expression *expression,
                      struct tide_bytes *json)
{
    struct tide_bytes sql = {0};
    if (expression != NULL) {
        tide_expression_sql(expression, &sql);
        tide_json_write_text_member(json, key, tide_bytes_view(&sql));
        json->failed = json->failed || sql.failed;
        tide_bytes_release(&sql);
    }
}

static void write_windows(const struct tide_metric *metric, struct tide_bytes *json)
{
    char every[WINDOW_TEXT_SIZE];
    if (metric->kind == TIDE_METRIC_RATIO) {
        return;
    }
    (void)tide_window_format(metric->every, every);
    tide_json_write_text_member(json, "every", tide_view_of(every));
    if (metric->pane_count > 1) {
        const struct tide_window_spec over = {
            metric->every.unit, metric->every.size * metric->pane_count, NULL};
        (void)tide_window_format(over, every);
        tide_json_write_text_member(json, "over", tide_view_of(every));
    }
    if (metric->every.zone != NULL) {
        tide_json_write_text_member(json, "timezone", tide_timezone_name(metric->every.zone));
    }
}

static void write_parts(const struct tide_definitions *definitions,
                        const struct tide_metric *metric,
                        struct tide_bytes *json)
{
    if (metric->kind != TIDE_METRIC_RATIO) {
        return;
    }
    tide_json_write_key(json, "parts");
    tide_bytes_append_byte(json, '[');
    tide_json_write_string(json, definitions->metrics[metric->parts[0]].name);
    tide_bytes_append_byte(json, ',');
    tide_json_write_string(json, definitions->metrics[metric->parts[1]].name);
    tide_bytes_append_byte(json, ']');
}

static void write_metric(const struct tide_schema *schema,
                         const struct tide_metric *metric,
                         struct tide_bytes *json)
{
    tide_json_write_text_member(json, "name", metric->name);
    tide_json_write_text_member(json, "kind", tide_view_of(tide_metric_kind_name(metric->kind)));
    if (metric->column == TIDE_COLUMN_NONE) {
        tide_json_write_key(json, "column");
        tide_bytes_append_text(json, "null");
    } else {
        tide_json_write_text_member(json, "column", schema->columns[metric->column].name);
    }
    tide_json_write_key(json, "by");
    tide_bytes_append_byte(json, '[');
    for (uint32_t i = 0; i < metric->by_count; i++) {
        tide_bytes_append_text(json, i == 0 ? "" : ",");
        tide_json_write_string(json, schema->columns[metric->by[i]].name);
    }
    tide_bytes_append_byte(json, ']');
    write_windows(metric, json);
    if (metric->top > 0) {
        tide_json_write_u64_member(json, "top", metric->top);
    }
    write_sql("where_sql", metric->where, json);
    write_sql("having_sql", metric->having == NULL ? NULL : metric->having->expression, json);
    api_write_definition(json, metric);
}

void api_answer_metrics(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    const struct tide_definitions *definitions = api->options.definitions;
    struct tide_bytes json = {0};
    tide_bytes_init(&json, TIDE_API_REPLY_BYTES_MAX);
    tide_bytes_append_text(&json, "{\"metrics\":[");
    const char *separator = "{";
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        if (metric->is_hidden) {
            continue;
        }
        tide_bytes_append_text(&json, separator);
        write_metric(definitions->schema, metric, &json);
        write_parts(definitions, metric, &json);
        tide_metric_shape_write(definitions, metric, &json);
        tide_bytes_append_byte(&json, '}');
        separator = ",{";
    }
    tide_bytes_append_text(&json, "]}");
    api_reply(exchange, "application/json", &json);
    tide_bytes_release(&json);
}

/* ---- the question about one metric */

struct question {
    const struct tide_metric *metric;
    uint32_t metric_index;
    struct tide_instant from;
    struct tide_instant to;
    const struct tide_expression *filter; /* in arena; NULL: none */
    bool is_ndjson;
    struct tide_arena arena;
    struct tide_source filter_source;
    struct tide_diagnostics diagnostics;
};

const char *api_suggest_metric(const struct tide_definitions *definitions,
                               struct tide_view name,
                               char *buffer,
                               size_t size)
{
    struct tide_view names[TIDE_METRICS_MAX];
    uint32_t count = 0;
    tide_assert(definitions->metric_count <= TIDE_METRICS_MAX);
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        if (!definitions->metrics[i].is_hidden) {
            names[count++] = definitions->metrics[i].name;
        }
    }
    return api_suggest(name, names, count, buffer, size);
}

static void reply_unknown_metric(const struct tide_definitions *definitions,
                                 struct tide_view name,
                                 struct tide_http_exchange *exchange)
{
    char suggestion[SUGGESTION_SIZE];
    const struct tide_view clipped = api_clip(name);
    tide_http_reply_problem(exchange,
                            404,
                            0,
                            "there is no metric '%.*s'%s",
                            TIDE_VIEW_ARGUMENTS(clipped),
                            api_suggest_metric(definitions, name, suggestion, sizeof(suggestion)));
}

const struct tide_metric *api_find_metric(const struct tide_definitions *definitions,
                                          struct tide_http_exchange *exchange)
{
    const struct tide_view name = tide_http_path_parameter(exchange);
    const struct tide_metric *metric = tide_definitions_find(definitions, name);
    if (metric != NULL && !metric->is_hidden) {
        return metric;
    }
    reply_unknown_metric(definitions, name, exchange);
    return NULL;
}

/* A cell knows its groups only. NONE if the filter reads nothing else. */
static uint32_t column_beyond_groups(const struct tide_schema *schema,
                                     const struct question *question)
{
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    tide_expression_columns(question->filter, used);
    for (uint32_t i = 0; i < question->metric->by_count; i++) {
        used[question->metric->by[i]] = false;
    }
    for (uint32_t column = 0; column < schema->column_count; column++) {
        if (used[column]) {
            return column;
        }
    }
    return TIDE_COLUMN_NONE;
}

static bool read_filter(const struct tide_schema *schema,
                        struct tide_http_exchange *exchange,
                        struct question *question)
{
    bool present = false;
    const struct tide_view text = tide_http_query(exchange, "filter", &present);
    if (!present) {
        return true;
    }
    question->filter_source = (struct tide_source){TIDE_VIEW("filter"), text};
    const struct tide_position position = {&question->filter_source, 1, 1, 1};
    tide_diagnostics_init(&question->diagnostics, &question->arena);
    question->filter =
        tide_expression_parse(&question->arena, schema, text, position, &question->diagnostics);
    if (question->filter == NULL) {
        tide_assert(question->diagnostics.count > 0);
        const struct tide_diagnostic *first = &question->diagnostics.items[0];
        tide_http_reply_problem(exchange,
                                400,
                                0,
                                "filter:%" PRIu32 ": %.*s",
                                first->position.column,
                                TIDE_VIEW_ARGUMENTS(first->message));
        return false;
    }
    const uint32_t beyond = column_beyond_groups(schema, question);
    if (beyond != TIDE_COLUMN_NONE) {
        tide_http_reply_problem(exchange,
                                400,
                                0,
                                "filter: '%.*s' is not a group of metric '%.*s'",
                                TIDE_VIEW_ARGUMENTS(schema->columns[beyond].name),
                                TIDE_VIEW_ARGUMENTS(question->metric->name));
        return false;
    }
    return true;
}

/* false after a problem was replied. */
static bool read_question(const struct tide_definitions *definitions,
                          struct tide_http_exchange *exchange,
                          struct question *question)
{
    question->metric = api_find_metric(definitions, exchange);
    if (question->metric == NULL) {
        return false;
    }
    question->metric_index = (uint32_t)(question->metric - definitions->metrics);
    tide_assert(question->metric_index < definitions->metric_count);
    question->from = api_time(exchange, "from");
    question->to = api_time(exchange, "to");
    question->is_ndjson =
        tide_view_equal(tide_http_query(exchange, "format", NULL), TIDE_VIEW("ndjson"));
    if (!read_filter(definitions->schema, exchange, question)) {
        return false;
    }
    if (tide_instant_known(question->from) && tide_instant_known(question->to) &&
        question->to.us < question->from.us) {
        tide_http_reply_problem(exchange, 400, 0, "to is before from");
        return false;
    }
    return true;
}

/* ---- the answer */

static bool is_asked(const struct question *question, struct tide_window window)
{
    return !(tide_instant_known(question->from) && window.start.us < question->from.us) &&
           !(tide_instant_known(question->to) && window.start.us >= question->to.us);
}

static void write_cells(const struct question *question,
                        const struct api_cells *cells,
                        struct tide_bytes *text)
{
    struct tide_bytes extra = {0};
    const uint64_t count = tide_result_count(cells->result);
    const char *separator = question->is_ndjson ? "" : "\n";
    if (!question->is_ndjson) {
        tide_bytes_append_byte(text, '{');
        tide_json_write_text_member(text, "metric", question->metric->name);
        api_write_definition(text, question->metric);
        api_write_instant(text, "closing", cells->closing);
        tide_json_write_key(text, "cells");
        tide_bytes_append_byte(text, '[');
    }
    for (uint64_t i = 0; i < count && !text->failed; i++) {
        const struct tide_result_row row = tide_result_at(cells->result, i);
        if (!is_asked(question, row.window)) {
            continue; /* of a ratio */
        }
        tide_bytes_append_text(text, separator);
        api_cells_write_row(cells, &row, &extra, text);
        separator = question->is_ndjson ? "\n" : ",\n";
    }
    tide_bytes_append_text(text, question->is_ndjson ? separator : "]}\n");
    tide_bytes_release(&extra);
}

static void answer_question(const struct tide_api *api,
                            const struct question *question,
                            struct tide_http_exchange *exchange)
{
    const struct api_cells_question asked = {
        question->metric_index, question->from, question->to, question->filter};
    struct api_cells cells = {0};
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    tide_bytes_init(&text, TIDE_API_REPLY_BYTES_MAX);
    if (api_cells_ask(api, &asked, &cells, &error) == TIDE_OK) {
        write_cells(question, &cells, &text);
        api_reply(
            exchange, question->is_ndjson ? "application/x-ndjson" : "application/json", &text);
    } else {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "%s", error.text);
    }
    api_cells_release(&cells);
    tide_bytes_release(&text);
}

void api_answer_metric(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    struct question question = {0};
    tide_arena_init(&question.arena, ARENA_BYTES_MAX);
    if (read_question(api->options.definitions, exchange, &question)) {
        answer_question(api, &question, exchange);
    }
    tide_arena_release(&question.arena);
}
