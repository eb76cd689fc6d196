/* GET /metrics/usage, /metrics/crashes, /metrics/adoption, /metrics/performance:
 *     {"endpoint": "usage", "from": .., "to": .., "filters": {..}, "metrics": [those that answer],
 *      "closing": .., "cells": [..], "total": 12, "limit": 1000, "offset": 0, "next_offset": null}
 * cells as GET /api/v1/metrics/{name} writes them, metric after metric. A cell is of the day in
 * which its window's last step begins, so that the 28 days that end with the 8th are of the 8th. */
#include "serve/api_analytics.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/json.h"
#include "serve/api_cells.h"
#include "serve/api_filters.h"

#include <inttypes.h>

#include "base/banned.h"

enum {
    SUGGESTION_SIZE = 128
};

static const struct api_endpoint endpoints[] = {
    {"/metrics/usage",
     "usage",
     {"usage_trends",
      "regional_trends",
      "regional_events",
      "daily_active_devices",
      "monthly_active_devices",
      "stickiness",
      "daily_events",
      "sessions"},
     {"active_devices"}},
    {"/metrics/crashes",
     "crashes",
     {"crashes",
      "fatal_crashes",
      "crashed_devices",
      "crash_rate",
      "repeat_crashers",
      "memory_at_crash"},
     {"error_spikes", "crashed_devices_30s"}},
    {"/metrics/adoption",
     "adoption",
     {"feature_adoption", "feature_devices", "feature_ranking", "feature_time", "weekly_retention"},
     {"feature_usage"}},
    {"/metrics/performance", "performance", {"performance", "launch_time"}, {NULL}},
};

const struct api_endpoint *api_endpoint_find(struct tide_view path)
{
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        if (tide_view_equal(path, tide_view_of(endpoints[i].path))) {
            return &endpoints[i];
        }
    }
    return NULL;
}

/* ---- the question */

struct question {
    const struct tide_api *api;
    const struct api_endpoint *endpoint;
    struct tide_instant from;
    struct tide_instant to;
    uint64_t limit;
    uint64_t offset;
    struct api_filters filters;
    uint32_t metrics[API_ANALYTICS_METRICS_MAX]; /* that answer */
    uint32_t metric_count;
};

static bool read_range(struct tide_http_exchange *exchange, struct question *question)
{
    const struct tide_instant start_date = api_time(exchange, "start_date");
    const struct tide_instant end_date = api_time(exchange, "end_date");
    question->from = api_time(exchange, "from");
    question->to = api_time(exchange, "to");
    if (start_date.us > question->from.us) { /* UNKNOWN is before all others */
        question->from = start_date;
    }
    if (tide_instant_known(end_date) &&
        (!tide_instant_known(question->to) || end_date.us + TIDE_US_PER_DAY < question->to.us)) {
        question->to.us = end_date.us + TIDE_US_PER_DAY;
    }
    const bool is_backward = tide_instant_known(end_date) && end_date.us < start_date.us;
    if (is_backward || (tide_instant_known(question->to) && question->to.us < question->from.us)) {
        tide_http_reply_problem(exchange, 400, 0, "the end is before the start");
        return false;
    }
    return true;
}

/* The list's metrics that are defined, from..; NULL names end it. Returns how many. */
static uint32_t find_metrics(const struct tide_definitions *definitions,
                             const char *const *names,
                             const struct tide_metric **found)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < API_ANALYTICS_METRICS_MAX && names[i] != NULL; i++) {
        const struct tide_metric *metric =
            tide_definitions_find(definitions, tide_view_of(names[i]));
        if (metric != NULL && !metric->is_hidden) {
            found[count++] = metric;
        }
    }
    return count;
}

/* The one that is asked for, of those that are defined; NULL after a problem was replied. */
static const struct tide_metric *find_named(const struct tide_metric *const *metrics,
                                            uint32_t count,
                                            struct tide_view name,
                                            const struct question *question,
                                            struct tide_http_exchange *exchange)
{
    struct tide_view names[2 * API_ANALYTICS_METRICS_MAX];
    char suggestion[SUGGESTION_SIZE];
    const struct tide_view clipped = api_clip(name);
    for (uint32_t i = 0; i < count; i++) {
        names[i] = metrics[i]->name;
        if (tide_view_equal(name, names[i])) {
            return metrics[i];
        }
    }
    tide_http_reply_problem(exchange,
                            400,
                            0,
                            "'%.*s' is no metric of %s%s",
                            TIDE_VIEW_ARGUMENTS(clipped),
                            question->endpoint->path,
                            api_suggest(name, names, count, suggestion, sizeof(suggestion)));
    return NULL;
}

static void take_fitting(const struct tide_metric *const *metrics,
                         uint32_t count,
                         struct question *question)
{
    const struct tide_metric *all = question->api->options.definitions->metrics;
    for (uint32_t i = 0; i < count; i++) {
        if (api_filters_fit(&question->filters, metrics[i])) {
            question->metrics[question->metric_count++] = (uint32_t)(metrics[i] - all);
        }
    }
}

/* Which metrics answer. false after a problem was replied. */
static bool choose_metrics(struct tide_http_exchange *exchange, struct question *question)
{
    const struct tide_definitions *definitions = question->api->options.definitions;
    const struct tide_metric *found[2 * API_ANALYTICS_METRICS_MAX];
    bool is_named = false;
    const struct tide_view name = tide_http_query(exchange, "metric", &is_named);
    const uint32_t count = find_metrics(definitions, question->endpoint->metrics, found);
    const uint32_t spare_count =
        find_metrics(definitions, question->endpoint->spares, found + count);
    if (count + spare_count == 0) {
        tide_http_reply_problem(exchange,
                                404,
                                0,
                                "this pipeline defines none of the metrics of %s, which are those "
                                "of the device preset; its own are at /api/v1/metrics",
                                question->endpoint->path);
        return false;
    }
    if (is_named) {
        const struct tide_metric *named =
            find_named(found, count + spare_count, name, question, exchange);
        if (named == NULL) {
            return false;
        }
        take_fitting(&named, 1, question);
    } else {
        take_fitting(found, count, question);
        if (question->metric_count == 0) {
            take_fitting(found + count, spare_count, question);
        }
    }
    if (question->metric_count == 0) {
        api_filters_reply_unfit(
            &question->filters, definitions, question->endpoint->path, exchange);
    }
    return question->metric_count > 0;
}

static bool read_question(struct tide_http_exchange *exchange, struct question *question)
{
    question->limit = api_whole(exchange, "limit", API_ANALYTICS_LIMIT_DEFAULT);
    question->offset = api_whole(exchange, "offset", "0");
    return read_range(exchange, question) &&
           api_filters_read(
               question->api->options.definitions->schema, exchange, &question->filters) &&
           choose_metrics(exchange, question);
}

/* ---- the answer */

/* Its last step, which is the whole window unless it slides. */
static struct tide_instant step_of(const struct question *question,
                                   const struct tide_metric *metric,
                                   struct tide_window window)
{
    const struct tide_metric *metrics = question->api->options.definitions->metrics;
    const struct tide_metric *timed =
        metric->kind == TIDE_METRIC_RATIO ? &metrics[metric->parts[0]] : metric;
    const struct tide_instant last = {window.end.us - 1};
    return tide_window_of(timed->every, last).start;
}

static bool is_asked(const struct question *question, struct tide_instant step)
{
    return !(tide_instant_known(question->from) && step.us < question->from.us) &&
           !(tide_instant_known(question->to) && step.us >= question->to.us);
}

struct page {
    struct tide_bytes json;
    struct tide_bytes extra;
    uint64_t total; /* cells so far, on this page or not */
    const char *separator;
};

static void write_cells(const struct question *question,
                        const struct api_cells *cells,
                        struct page *page)
{
    const uint64_t count = tide_result_count(cells->result);
    for (uint64_t i = 0; i < count; i++) {
        const struct tide_result_row row = tide_result_at(cells->result, i);
        if (!is_asked(question, step_of(question, cells->metric, row.window))) {
            continue;
        }
        const uint64_t index = page->total++;
        if (index >= question->offset && index - question->offset < question->limit) {
            tide_bytes_append_text(&page->json, page->separator);
            api_cells_write_row(cells, &row, &page->extra, &page->json);
            page->separator = ",\n";
        }
    }
}

static void write_head(const struct question *question,
                       struct tide_instant closing,
                       struct tide_bytes *json)
{
    const struct tide_metric *metrics = question->api->options.definitions->metrics;
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "endpoint", tide_view_of(question->endpoint->name));
    api_write_instant(json, "from", question->from);
    api_write_instant(json, "to", question->to);
    api_filters_write(&question->filters, json);
    tide_json_write_key(json, "metrics");
    tide_bytes_append_byte(json, '[');
    for (uint32_t i = 0; i < question->metric_count; i++) {
        tide_bytes_append_text(json, i == 0 ? "" : ",");
        tide_json_write_string(json, metrics[question->metrics[i]].name);
    }
    tide_bytes_append_byte(json, ']');
    api_write_instant(json, "closing", closing);
    tide_json_write_key(json, "cells");
    tide_bytes_append_byte(json, '[');
}

static void write_tail(const struct question *question, struct page *page)
{
    const uint64_t end = question->offset + question->limit;
    tide_bytes_append_byte(&page->json, ']');
    tide_json_write_u64_member(&page->json, "total", page->total);
    tide_json_write_u64_member(&page->json, "limit", question->limit);
    tide_json_write_u64_member(&page->json, "offset", question->offset);
    if (page->total > end) {
        tide_json_write_u64_member(&page->json, "next_offset", end);
    } else {
        tide_json_write_key(&page->json, "next_offset");
        tide_bytes_append_text(&page->json, "null");
    }
    tide_bytes_append_text(&page->json, "}\n");
}

/* A sliding window starts before the step that it is of; a ratio's rows are not bounded. */
static struct api_cells_question ask_of(const struct question *question, uint32_t index)
{
    const struct tide_metric *metric = &question->api->options.definitions->metrics[index];
    struct api_cells_question asked = {
        index, question->from, question->to, question->filters.condition};
    if (metric->pane_count > 1) {
        asked.from = TIDE_INSTANT_UNKNOWN;
    }
    return asked;
}

static void answer_question(const struct question *question, struct tide_http_exchange *exchange)
{
    struct page page = {.separator = "\n"};
    struct tide_error error = {0};
    enum tide_status status = TIDE_OK;
    tide_bytes_init(&page.json, TIDE_API_REPLY_BYTES_MAX);
    for (uint32_t i = 0; status == TIDE_OK && i < question->metric_count; i++) {
        const struct api_cells_question asked = ask_of(question, question->metrics[i]);
        struct api_cells cells = {0};
        status = api_cells_ask(question->api, &asked, &cells, &error);
        if (status == TIDE_OK && i == 0) { /* the earliest: cells before it are complete */
            write_head(question, cells.closing, &page.json);
        }
        if (status == TIDE_OK) {
            write_cells(question, &cells, &page);
        }
        api_cells_release(&cells);
    }
    if (status == TIDE_OK) {
        write_tail(question, &page);
        api_reply(exchange, "application/json", &page.json);
    } else {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "%s", error.text);
    }
    tide_bytes_release(&page.json);
    tide_bytes_release(&page.extra);
}

void api_answer_analytics(void *context, struct tide_http_exchange *exchange)
{
    struct question question = {
        .api = context,
        .endpoint = api_endpoint_find(tide_http_path(exchange)),
    };
    tide_assert(question.endpoint != NULL);
    if (read_question(exchange, &question)) {
        answer_question(&question, exchange);
    }
    api_filters_release(&question.filters);
}
