/* A cell of a batch is copied field by field; ranks and steps are lent to the table, which copies
 * them as it merges. */
#include "serve/batch_result.h"

#include "base/assert.h"

#include "base/banned.h"

enum {
    STEPS_MAX = TIDE_RETENTION_PERIODS_MAX + 1
};

struct gathering {
    struct tide_cell_table *table;
    struct tide_step_count steps[STEPS_MAX]; /* of the cell that is added */
    int64_t ranks[TIDE_QUANTILES_MAX];
};

static enum tide_status add_cell(void *context, const struct tide_batch_cell *cell)
{
    struct gathering *gathering = context;
    struct tide_cell_parts parts = {0};
    struct tide_cell_value value = {
        .events = cell->events > 0 ? cell->events : cell->count,
        .count = cell->count,
        .distinct = cell->distinct,
        .sum = cell->sum,
        .min = cell->extreme,
        .max = cell->extreme,
    };
    tide_assert(cell->step_count <= STEPS_MAX);
    tide_assert(cell->rank_count <= TIDE_QUANTILES_MAX);
    for (uint32_t k = 0; k < cell->step_count; k++) {
        gathering->steps[k] = (struct tide_step_count){
            .reached = cell->steps[k].reached,
            .entities = cell->steps[k].entities,
        };
        parts.steps = gathering->steps;
    }
    for (uint32_t i = 0; i < cell->rank_count; i++) {
        gathering->ranks[i] = cell->ranks[i];
        parts.exact = gathering->ranks;
    }
    if (parts.steps != NULL || parts.exact != NULL) {
        value.parts = &parts;
    }
    const enum tide_status status =
        tide_cell_table_add(gathering->table, cell->window, cell->group, &value);
    return status == TIDE_OK ? TIDE_OK : TIDE_RETRY;
}

/* A table of a metric that is no ratio, not finished; on failure NULL. */
static enum tide_status gather(struct tide_batch_engine engine,
                               const struct tide_definitions *definitions,
                               const struct tide_metric *metric,
                               struct tide_cell_table **table,
                               struct tide_error *error)
{
    struct gathering gathering = {0};
    enum tide_status status =
        tide_cell_table_create(definitions->schema, metric, &gathering.table, error);
    if (status == TIDE_OK) {
        status = tide_batch_compute(engine, definitions, metric, add_cell, &gathering, error);
    }
    if (status != TIDE_OK) {
        tide_cell_table_destroy(gathering.table);
        return status;
    }
    *table = gathering.table;
    return TIDE_OK;
}

enum tide_status tide_batch_result(struct tide_batch_engine engine,
                                   const struct tide_definitions *definitions,
                                   const struct tide_metric *metric,
                                   struct tide_result **result,
                                   struct tide_error *error)
{
    const struct tide_metric *metrics = definitions->metrics;
    const bool is_ratio = metric->kind == TIDE_METRIC_RATIO;
    struct tide_cell_table *above = NULL;
    struct tide_cell_table *below = NULL;
    enum tide_status status =
        gather(engine, definitions, is_ratio ? &metrics[metric->parts[0]] : metric, &above, error);
    if (status == TIDE_OK && is_ratio) {
        status = gather(engine, definitions, &metrics[metric->parts[1]], &below, error);
    }
    if (status != TIDE_OK) {
        tide_cell_table_destroy(above);
        return status;
    }
    status = tide_result_create(definitions, metric, above, below, result);
    return status == TIDE_OK ? TIDE_OK
                             : tide_error_set(error, TIDE_RETRY, "no memory for a result");
}
