#include "serve/api_cells.h"

#include "base/assert.h"
#include "process/identity.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

#define HYPERLOGLOG_ERROR 0.0081 /* the standard error: 1.04 / sqrt(2^14) */
#define QUANTILE_ERROR 0.01

/* ---- what a row says of itself */

/* The relative error that a kind states for its estimates; of what is exact 0. */
static double error_of_value(const struct tide_metric *metric, const struct tide_cell_value *value)
{
    const bool is_counted =
        metric->kind == TIDE_METRIC_DISTINCT || metric->kind == TIDE_METRIC_APPROX_DISTINCT;
    if (value == NULL || tide_cell_is_exact(metric, value)) {
        return 0;
    }
    return is_counted ? HYPERLOGLOG_ERROR : QUANTILE_ERROR;
}

/* Those of a ratio's parts add. */
static double error_of(const struct tide_definitions *definitions,
                       const struct tide_metric *metric,
                       const struct tide_result_row *row)
{
    return metric->kind != TIDE_METRIC_RATIO
               ? error_of_value(metric, row->value)
               : error_of_value(&definitions->metrics[metric->parts[0]], row->value) +
                     error_of_value(&definitions->metrics[metric->parts[1]], row->below);
}

static void write_generation(const struct api_cells *cells,
                             const struct tide_result_row *row,
                             struct tide_bytes *extra)
{
    struct tide_served_cells_row served = {{TIDE_GENERATION_SPEED, false}, 0};
    if (cells->served != NULL) {
        served = tide_served_cells_row(cells->served, row);
    }
    const bool is_batch = served.choice.generation == TIDE_GENERATION_BATCH;
    tide_bytes_append_format(extra,
                             ", \"revision\": %" PRIu64 ", \"generation\": \"%s\"%s",
                             is_batch ? (uint64_t)served.run : tide_result_revision(row),
                             is_batch ? "batch" : "speed",
                             served.choice.is_stale ? ", \"stale\": true" : "");
}

/* The last so many of a cohort's periods, its own the first, are not over. */
static uint32_t open_periods_of(const struct api_cells *cells, struct tide_window cohort)
{
    const uint32_t count = cells->metric->retention.period_count + 1;
    struct tide_window period = cohort;
    uint32_t over = 0;
    while (over < count && period.end.us <= cells->closing.us) {
        period = tide_window_next(cells->metric->every, period);
        over++;
    }
    return count - over;
}

static void write_extra(const struct api_cells *cells,
                        const struct tide_result_row *row,
                        struct tide_bytes *extra)
{
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    const double error = error_of(cells->definitions, cells->metric, row);
    const char *complete = "null";
    if (tide_instant_known(cells->closing)) {
        const struct tide_instant settled = tide_metric_settled_at(cells->metric, row->window);
        complete = cells->closing.us >= settled.us ? "true" : "false";
    }
    tide_identity_format(cells->metric->hash, hash);
    tide_bytes_reset(extra);
    tide_bytes_append_format(extra, "\"definition\": \"%s\"", hash);
    write_generation(cells, row, extra);
    tide_bytes_append_format(
        extra, ", \"exact\": %s", tide_result_is_exact(cells->result, row) ? "true" : "false");
    if (error > 0 && !tide_result_is_pending(row)) { /* what is missing has no bound */
        tide_bytes_append_format(extra, ", \"error\": %g", error);
    }
    tide_bytes_append_format(extra, ", \"complete\": %s", complete);
    if (cells->metric->kind == TIDE_METRIC_RETENTION && tide_instant_known(cells->closing)) {
        tide_bytes_append_format(
            extra, ", \"open_periods\": %u", open_periods_of(cells, row->window));
    }
    if (tide_result_is_folded(row)) {
        tide_bytes_append_text(extra, ", \"folded\": true");
    }
    if (tide_result_is_pending(row)) {
        tide_bytes_append_text(extra, ", \"pending_batch\": true");
    }
}

void api_cells_write_row(const struct api_cells *cells,
                         const struct tide_result_row *row,
                         struct tide_bytes *extra,
                         struct tide_bytes *text)
{
    write_extra(cells, row, extra);
    tide_result_write_json(cells->result, row, tide_bytes_view(extra), text);
    text->failed = text->failed || extra->failed;
}

/* ---- asking */

/* Where batches cannot be read the partitions' cells are served: they miss nothing yet. A filter is
 * asked before the cut to the top, and a batch's cells are cut already. */
static void take_history(const struct tide_api *api,
                         const struct api_cells_question *question,
                         struct api_cells *cells)
{
    const struct tide_metric *metrics = api->options.definitions->metrics;
    const bool is_ratio = cells->metric->kind == TIDE_METRIC_RATIO;
    const struct tide_cell_span all = TIDE_CELL_SPAN_ALL;
    const struct tide_cell_span span = {question->from, question->to, cells->closing};
    struct tide_error error = {0};
    cells->generations = api->options.generations;
    for (uint32_t k = 0; cells->generations != NULL && k < (is_ratio ? 2 : 1); k++) {
        const uint32_t index = is_ratio ? cells->metric->parts[k] : question->metric_index;
        if (question->filter != NULL && metrics[index].top > 0) {
            continue;
        }
        if (tide_generations_take(
                cells->generations, index, is_ratio ? all : span, &cells->series[k], &error) ==
            TIDE_OK) {
            cells->has_runs = cells->has_runs || cells->series[k]->run_count > 0;
        }
    }
}

enum tide_status api_cells_begin(const struct tide_api *api,
                                 const struct api_cells_question *question,
                                 struct api_cells *cells,
                                 struct tide_error *error)
{
    const struct tide_api_options *options = &api->options;
    tide_assert(question->metric_index < options->definitions->metric_count);
    *cells = (struct api_cells){.definitions = options->definitions,
                                .metric = &options->definitions->metrics[question->metric_index]};
    /* Before the visit: a cell that is complete by this clock was not visited too early. */
    cells->closing = tide_engine_closing(options->engine);
    take_history(api, question, cells);
    const struct tide_cell_scope scope = {question->metric_index,
                                          {question->from, question->to, cells->closing}};
    const enum tide_status status = tide_cell_request_init(
        &cells->request, options->definitions, options->partition_count, &scope, error);
    cells->request.wants_changes = cells->has_runs;
    return status;
}

enum tide_status api_cells_finish(const struct api_cells_question *question,
                                  struct api_cells *cells,
                                  struct tide_error *error)
{
    const struct tide_batch_series *const series[2] = {cells->series[0], cells->series[1]};
    enum tide_status status = TIDE_OK;
    if (cells->has_runs) {
        status = tide_served_cells_create(
            &cells->request, question->metric_index, series, &cells->served, error);
        cells->request.overlay =
            status == TIDE_OK ? tide_served_cells_overlay(cells->served) : NULL;
    }
    return status == TIDE_OK ? tide_cell_request_result(&cells->request,
                                                        question->metric_index,
                                                        question->filter,
                                                        &cells->result,
                                                        error)
                             : status;
}

enum tide_status api_cells_ask(const struct tide_api *api,
                               const struct api_cells_question *question,
                               struct api_cells *cells,
                               struct tide_error *error)
{
    enum tide_status status = api_cells_begin(api, question, cells, error);
    if (status == TIDE_OK &&
        !tide_engine_visit(api->options.engine, tide_cell_request_visit, &cells->request)) {
        status = tide_error_set(error, TIDE_RETRY, "the engine has stopped");
    }
    return status == TIDE_OK ? api_cells_finish(question, cells, error) : status;
}

void api_cells_release(struct api_cells *cells)
{
    tide_result_destroy(cells->result);
    tide_served_cells_destroy(cells->served);
    tide_cell_request_release(&cells->request);
    for (int k = 0; k < 2; k++) {
        tide_generations_give(cells->generations, cells->series[k]);
    }
    *cells = (struct api_cells){0};
}
