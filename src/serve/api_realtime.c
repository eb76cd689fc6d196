/* GET /metrics/realtime: the live metrics of the device preset, of the last minutes:
 *     {"at": .., "from": .., "minutes": 5, "filters": {..},
 *      "engine": {"caught_up": true, "records_behind": 0, "watermark": .., "closing": ..,
 *                 "processed": 12, "recent": {"since": .., "events": 3} or null},
 *      "active": {"metric": .., "start": .., "end": .., "value": 12, "groups": 4, "complete": ..},
 *      "crashes": {"metric": .., "value": 3, "complete": ..}, "feature_uses": likewise,
 *      "cells": [..]}
 * from and at are about the events' own time. active is of the newest window that has events: the
 * sum over its groups, in which a device that was in two groups counts twice; null: no window has.
 * crashes and feature_uses are of all windows. null: the metric is not defined, or has no such
 * groups. recent is about processing, whatever is filtered: events since the oldest reading of the
 * counter within those minutes, a reading being any call of this, of the ledger or of /metrics;
 * null before the second one. */
#include "base/assert.h"
#include "base/civil.h"
#include "base/json.h"
#include "serve/api_analytics.h"
#include "serve/api_cells.h"
#include "serve/api_filters.h"

#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

static const struct {
    const char *metric;
    const char *key;   /* of the sum; NULL: its cells alone */
    bool is_of_newest; /* of the newest window, not of all */
} live[] = {
    {"active_devices", "active", true},
    {"error_spikes", "crashes", false},
    {"crashed_devices_30s", NULL, false},
    {"feature_usage", "feature_uses", false},
};

enum {
    LIVE_COUNT = sizeof(live) / sizeof(live[0])
};
#define US_PER_MINUTE (60 * TIDE_US_PER_SECOND)

struct question {
    const struct tide_api *api;
    struct tide_instant at;
    struct tide_instant from;
    uint64_t minutes;
    struct api_filters filters;
    const struct tide_metric *metrics[LIVE_COUNT]; /* NULL: it does not answer */
};

/* false after a problem was replied. */
static bool choose_metrics(struct tide_http_exchange *exchange, struct question *question)
{
    const struct tide_definitions *definitions = question->api->options.definitions;
    bool is_defined = false;
    bool is_answered = false;
    for (uint32_t i = 0; i < LIVE_COUNT; i++) {
        const struct tide_metric *metric =
            tide_definitions_find(definitions, tide_view_of(live[i].metric));
        if (metric != NULL && !metric->is_hidden) {
            is_defined = true;
            question->metrics[i] = api_filters_fit(&question->filters, metric) ? metric : NULL;
            is_answered = is_answered || question->metrics[i] != NULL;
        }
    }
    if (!is_defined) {
        tide_http_reply_problem(exchange,
                                404,
                                0,
                                "this pipeline defines none of the metrics of /metrics/realtime, "
                                "which are those of the device preset; its own are at "
                                "/api/v1/metrics");
    } else if (!is_answered) {
        api_filters_reply_unfit(&question->filters, definitions, "/metrics/realtime", exchange);
    }
    return is_answered;
}

static bool read_question(struct tide_http_exchange *exchange, struct question *question)
{
    const struct tide_api_options *options = &question->api->options;
    question->minutes = api_whole(exchange, "minutes", API_REALTIME_MINUTES_DEFAULT);
    question->at = api_time(exchange, "at");
    if (!tide_instant_known(question->at)) {
        question->at = tide_clock_now(options->clock);
    }
    question->from.us = question->at.us - (int64_t)question->minutes * US_PER_MINUTE;
    return api_filters_read(options->definitions->schema, exchange, &question->filters) &&
           choose_metrics(exchange, question);
}

/* ---- the answer */

struct answer {
    struct tide_bytes cells; /* what stands in "cells" */
    struct tide_bytes sums;  /* the members before it */
    struct tide_bytes extra;
};

static void write_complete(struct tide_instant end,
                           struct tide_instant closing,
                           struct tide_bytes *json)
{
    tide_json_write_key(json, "complete");
    tide_bytes_append_text(json,
                           !tide_instant_known(closing) ? "null"
                           : closing.us >= end.us       ? "true"
                                                        : "false");
}

/* Live metrics count: their numbers are whole. */
static uint64_t number_of(const struct tide_result *result, const struct tide_result_row *row)
{
    double number = 0;
    (void)tide_result_number(result, row, &number);
    return (uint64_t)llround(number);
}

static void write_sum(const struct question *question,
                      uint32_t i,
                      const struct api_cells *cells,
                      struct tide_bytes *json)
{
    const uint64_t count = tide_result_count(cells->result);
    uint64_t first = 0;
    uint64_t sum = 0;
    struct tide_window newest = {question->from, question->at};
    if (count > 0) { /* rows are in the order of windows */
        newest = tide_result_at(cells->result, count - 1).window;
    }
    while (live[i].is_of_newest && first < count &&
           tide_result_at(cells->result, first).window.start.us != newest.start.us) {
        first++;
    }
    for (uint64_t k = first; k < count; k++) {
        const struct tide_result_row row = tide_result_at(cells->result, k);
        sum += number_of(cells->result, &row);
    }
    tide_json_write_key(json, live[i].key);
    if (live[i].is_of_newest && count == 0) {
        tide_bytes_append_text(json, "null");
        return;
    }
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "metric", cells->metric->name);
    if (live[i].is_of_newest) {
        api_write_instant(json, "start", newest.start);
        api_write_instant(json, "end", newest.end);
        tide_json_write_u64_member(json, "groups", count - first);
    }
    tide_json_write_u64_member(json, "value", sum);
    write_complete(live[i].is_of_newest ? newest.end : question->at, cells->closing, json);
    tide_bytes_append_byte(json, '}');
}

static void write_cells(const struct api_cells *cells, struct answer *answer)
{
    const uint64_t count = tide_result_count(cells->result);
    for (uint64_t i = 0; i < count; i++) {
        const struct tide_result_row row = tide_result_at(cells->result, i);
        tide_bytes_append_text(&answer->cells, answer->cells.size == 0 ? "\n" : ",\n");
        api_cells_write_row(cells, &row, &answer->extra, &answer->cells);
    }
}

static enum tide_status ask(const struct question *question,
                            uint32_t i,
                            struct answer *answer,
                            struct tide_error *error)
{
    const struct tide_metric *metrics = question->api->options.definitions->metrics;
    if (question->metrics[i] == NULL) {
        if (live[i].key != NULL) {
            tide_json_write_key(&answer->sums, live[i].key);
            tide_bytes_append_text(&answer->sums, "null");
        }
        return TIDE_OK;
    }
    const struct api_cells_question asked = {(uint32_t)(question->metrics[i] - metrics),
                                             question->from,
                                             {question->at.us + 1},
                                             question->filters.condition};
    struct api_cells cells = {0};
    const enum tide_status status = api_cells_ask(question->api, &asked, &cells, error);
    if (status == TIDE_OK) {
        if (live[i].key != NULL) {
            write_sum(question, i, &cells, &answer->sums);
        }
        write_cells(&cells, answer);
    }
    api_cells_release(&cells);
    return status;
}

static void write_engine(const struct question *question,
                         const struct tide_cell_request *request,
                         struct tide_bytes *json)
{
    const struct tide_api *api = question->api;
    const struct tide_engine_facts facts = tide_engine_facts(api->options.engine);
    const struct tide_instant now = tide_clock_now(api->options.clock);
    const uint64_t processed = api_note_processed(api, request);
    struct tide_instant watermark = TIDE_INSTANT_UNKNOWN;
    struct tide_instant since = TIDE_INSTANT_UNKNOWN;
    uint64_t before = 0;
    for (uint32_t p = 0; p < request->partition_count; p++) {
        const struct tide_instant own = request->slots[p].watermark;
        watermark = own.us > watermark.us ? own : watermark; /* UNKNOWN is before all others */
    }
    tide_json_write_key(json, "engine");
    tide_bytes_append_byte(json, '{');
    tide_json_write_bool_member(json, "caught_up", facts.caught_up);
    tide_json_write_u64_member(json, "records_behind", facts.records_behind);
    api_write_instant(json, "watermark", watermark);
    api_write_instant(json, "closing", tide_engine_closing(api->options.engine));
    tide_json_write_u64_member(json, "processed", processed);
    tide_json_write_key(json, "recent");
    const struct tide_instant from = {now.us - (int64_t)question->minutes * US_PER_MINUTE};
    if (tide_event_rate_since(api->rate, from, &since, &before) && since.us < now.us &&
        before <= processed) {
        tide_bytes_append_byte(json, '{');
        api_write_instant(json, "since", since);
        tide_json_write_u64_member(json, "events", processed - before);
        tide_bytes_append_byte(json, '}');
    } else {
        tide_bytes_append_text(json, "null");
    }
    tide_bytes_append_byte(json, '}');
}

static void write_answer(const struct question *question,
                         const struct tide_cell_request *request,
                         const struct answer *answer,
                         struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    api_write_instant(json, "at", question->at);
    api_write_instant(json, "from", question->from);
    tide_json_write_u64_member(json, "minutes", question->minutes);
    api_filters_write(&question->filters, json);
    write_engine(question, request, json);
    tide_bytes_append_byte(json, ',');
    tide_bytes_append_view(json, tide_bytes_view(&answer->sums));
    tide_json_write_key(json, "cells");
    tide_bytes_append_byte(json, '[');
    tide_bytes_append_view(json, tide_bytes_view(&answer->cells));
    tide_bytes_append_text(json, "]}\n");
    json->failed = json->failed || answer->sums.failed || answer->cells.failed;
}

static void answer_question(const struct question *question, struct tide_http_exchange *exchange)
{
    const struct tide_api_options *options = &question->api->options;
    const struct tide_cell_scope facts_only = {TIDE_METRICS_NONE, TIDE_CELL_SPAN_ALL};
    struct tide_cell_request request = {0};
    struct answer answer = {0};
    struct tide_bytes json = {0};
    struct tide_error error = {0};
    tide_bytes_init(&json, TIDE_API_REPLY_BYTES_MAX);
    tide_bytes_init(&answer.cells, TIDE_API_REPLY_BYTES_MAX);
    enum tide_status status = tide_cell_request_init(
        &request, options->definitions, options->partition_count, &facts_only, &error);
    if (status == TIDE_OK &&
        !tide_engine_visit(options->engine, tide_cell_request_visit, &request)) {
        status = tide_error_set(&error, TIDE_RETRY, "the engine has stopped");
    }
    for (uint32_t i = 0; status == TIDE_OK && i < LIVE_COUNT; i++) {
        status = ask(question, i, &answer, &error);
    }
    if (status == TIDE_OK) {
        write_answer(question, &request, &answer, &json);
        api_reply(exchange, "application/json", &json);
    } else {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "%s", error.text);
    }
    tide_cell_request_release(&request);
    tide_bytes_release(&answer.cells);
    tide_bytes_release(&answer.sums);
    tide_bytes_release(&answer.extra);
    tide_bytes_release(&json);
}

void api_answer_realtime(void *context, struct tide_http_exchange *exchange)
{
    struct question question = {.api = context};
    if (read_question(exchange, &question)) {
        answer_question(&question, exchange);
    }
    api_filters_release(&question.filters);
}
