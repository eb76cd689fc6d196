/* GET /api/v1/metrics/{name}/state: what a metric costs now, of all partitions and of each:
 *     {"metric": .., "definition": .., "cells": 12, "keys": 0, "bytes": 4711, "folded_events": 0,
 *      "pending_keys": 0, "partitions": [{"partition": 0, "cells": 12, ..}, ..]}
 * cells are those of partitions: a window and group that has events in two of them is two. keys are
 * a session's entities, a funnel's keys, and of `having` the entities of each cell. bytes is about
 * what is held in memory. folded_events went into the group (other), pending_keys of a funnel are
 * left to batch.
 *
 * A ratio has no state: {"metric": .., "definition": .., "parts": [{"metric": .., ..}, ..]}, each
 * part as above. */
#include "base/assert.h"
#include "base/json.h"
#include "serve/api_internal.h"

#include <stdlib.h>

#include "base/banned.h"

/* Each visit writes its partition's slots, so no lock is needed. */
struct question {
    const struct tide_definitions *definitions;
    uint32_t metrics[2]; /* indices: the metric, or the parts of a ratio */
    uint32_t metric_count;
    uint32_t partition_count;
    struct tide_operator_facts *facts[2]; /* by partition */
};

static void visit(void *context, struct tide_partition *partition)
{
    const struct question *question = context;
    const uint32_t index = tide_partition_index(partition);
    tide_assert(index < question->partition_count);
    for (uint32_t i = 0; i < question->metric_count; i++) {
        question->facts[i][index] =
            tide_operator_facts(tide_partition_operator(partition, question->metrics[i]));
    }
}

static void add(struct tide_operator_facts *into, const struct tide_operator_facts *facts)
{
    into->cell_count += facts->cell_count;
    into->key_count += facts->key_count;
    into->bytes += facts->bytes;
    into->folded_events += facts->folded_events;
    into->pending_keys += facts->pending_keys;
}

static void write_facts(const struct tide_operator_facts *facts, struct tide_bytes *json)
{
    tide_json_write_u64_member(json, "cells", facts->cell_count);
    tide_json_write_u64_member(json, "keys", facts->key_count);
    tide_json_write_u64_member(json, "bytes", facts->bytes);
    tide_json_write_u64_member(json, "folded_events", facts->folded_events);
    tide_json_write_u64_member(json, "pending_keys", facts->pending_keys);
}

static void write_head(const struct tide_metric *metric, struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "metric", metric->name);
    api_write_definition(json, metric);
}

static void write_state(const struct question *question, uint32_t i, struct tide_bytes *json)
{
    struct tide_operator_facts sum = {0};
    for (uint32_t p = 0; p < question->partition_count; p++) {
        add(&sum, &question->facts[i][p]);
    }
    write_head(&question->definitions->metrics[question->metrics[i]], json);
    write_facts(&sum, json);
    tide_json_write_key(json, "partitions");
    tide_bytes_append_byte(json, '[');
    for (uint32_t p = 0; p < question->partition_count; p++) {
        tide_bytes_append_text(json, p == 0 ? "{" : ",{");
        tide_json_write_u64_member(json, "partition", p);
        write_facts(&question->facts[i][p], json);
        tide_bytes_append_byte(json, '}');
    }
    tide_bytes_append_text(json, "]}");
}

static void write_answer(const struct question *question,
                         const struct tide_metric *metric,
                         struct tide_bytes *json)
{
    if (metric->kind != TIDE_METRIC_RATIO) {
        write_state(question, 0, json);
        return;
    }
    write_head(metric, json);
    tide_json_write_key(json, "parts");
    tide_bytes_append_byte(json, '[');
    write_state(question, 0, json);
    tide_bytes_append_byte(json, ',');
    write_state(question, 1, json);
    tide_bytes_append_text(json, "]}");
}

static struct question question_about(const struct tide_api_options *options,
                                      const struct tide_metric *metric)
{
    const struct tide_definitions *definitions = options->definitions;
    struct question question = {.definitions = definitions,
                                .metrics = {(uint32_t)(metric - definitions->metrics)},
                                .metric_count = 1,
                                .partition_count = options->partition_count};
    if (metric->kind == TIDE_METRIC_RATIO) {
        question.metrics[0] = metric->parts[0];
        question.metrics[1] = metric->parts[1];
        question.metric_count = 2;
    }
    for (uint32_t i = 0; i < question.metric_count; i++) {
        question.facts[i] = calloc(options->partition_count, sizeof(*question.facts[i]));
    }
    return question;
}

void api_answer_state(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    const struct tide_api_options *options = &api->options;
    const struct tide_metric *metric = api_find_metric(options->definitions, exchange);
    struct tide_bytes json = {0};
    if (metric == NULL) {
        return;
    }
    struct question question = question_about(options, metric);
    tide_bytes_init(&json, TIDE_API_REPLY_BYTES_MAX);
    if (question.facts[0] == NULL || (question.metric_count > 1 && question.facts[1] == NULL)) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "no memory for a question");
    } else if (!tide_engine_visit(options->engine, visit, &question)) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "the engine has stopped");
    } else {
        write_answer(&question, metric, &json);
        api_reply(exchange, "application/json", &json);
    }
    free(question.facts[0]);
    free(question.facts[1]);
    tide_bytes_release(&json);
}
