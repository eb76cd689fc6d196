/* The tables that partitions fill have no top: which groups are the largest is known only when all
 * partitions, and the filter, have had their say. */
#include "serve/cell_query.h"

#include "base/assert.h"
#include "event/batch.h"

#include <stdlib.h>

#include "base/banned.h"

static void want(struct tide_cell_request *request, uint32_t metric)
{
    const struct tide_metric *wanted = &request->definitions->metrics[metric];
    if (wanted->kind == TIDE_METRIC_RATIO) {
        request->is_wanted[wanted->parts[0]] = true;
        request->is_wanted[wanted->parts[1]] = true;
        request->span.from = TIDE_INSTANT_UNKNOWN;
        request->span.to = TIDE_INSTANT_UNKNOWN;
    } else {
        request->is_wanted[metric] = true;
    }
}

enum tide_status tide_cell_request_init(struct tide_cell_request *request,
                                        const struct tide_definitions *definitions,
                                        uint32_t partition_count,
                                        const struct tide_cell_scope *scope,
                                        struct tide_error *error)
{
    const uint32_t metric_count = definitions->metric_count;
    tide_assert(partition_count > 0);
    *request = (struct tide_cell_request){
        .definitions = definitions,
        .metrics = calloc(metric_count + 1, sizeof(*request->metrics)),
        .is_wanted = calloc(metric_count + 1, sizeof(*request->is_wanted)),
        .partition_count = partition_count,
        .span = scope->span,
        .slots = calloc(partition_count, sizeof(*request->slots)),
    };
    if (request->metrics == NULL || request->is_wanted == NULL || request->slots == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a question");
    }
    for (uint32_t i = 0; i < metric_count; i++) {
        request->metrics[i] = definitions->metrics[i];
        request->metrics[i].top = 0;
        if (scope->metric == TIDE_METRICS_ALL || scope->metric == i) {
            want(request, i);
        }
    }
    for (uint32_t p = 0; p < partition_count; p++) {
        struct tide_cell_slot *slot = &request->slots[p];
        slot->tables = calloc(metric_count + 1, sizeof(struct tide_cell_table *));
        slot->changes = calloc(metric_count + 1, sizeof(struct tide_window_changes *));
        if (slot->tables == NULL || slot->changes == NULL) {
            return tide_error_set(error, TIDE_RETRY, "no memory for a question");
        }
    }
    return TIDE_OK;
}

void tide_cell_request_release(struct tide_cell_request *request)
{
    for (uint32_t p = 0; request->slots != NULL && p < request->partition_count; p++) {
        struct tide_cell_slot *slot = &request->slots[p];
        for (uint32_t i = 0; slot->tables != NULL && i < request->definitions->metric_count; i++) {
            tide_cell_table_destroy(slot->tables[i]);
        }
        for (uint32_t i = 0; slot->changes != NULL && i < request->definitions->metric_count; i++) {
            tide_window_changes_destroy(slot->changes[i]);
        }
        free(slot->tables);
        free(slot->changes);
    }
    free(request->slots);
    free(request->is_wanted);
    free(request->metrics);
    *request = (struct tide_cell_request){0};
}

/* A partition's own copy of a metric's cells. */
static enum tide_status copy_cells(const struct tide_cell_request *request,
                                   const struct tide_partition *partition,
                                   uint32_t metric,
                                   struct tide_cell_table **table)
{
    enum tide_status status = tide_cell_table_create(
        request->definitions->schema, &request->metrics[metric], table, NULL);
    if (status == TIDE_OK) {
        status = tide_cell_table_add_operator(
            *table, tide_partition_operator(partition, metric), request->span);
    }
    return status;
}

static enum tide_status copy_changes(const struct tide_cell_request *request,
                                     const struct tide_partition *partition,
                                     uint32_t metric,
                                     struct tide_window_changes **changes)
{
    const enum tide_status status = tide_window_changes_create(changes);
    return status == TIDE_OK ? tide_window_changes_read(*changes,
                                                        tide_partition_operator(partition, metric),
                                                        request->span)
                             : status;
}

void tide_cell_request_visit(void *context, struct tide_partition *partition)
{
    const struct tide_cell_request *request = context;
    const uint32_t index = tide_partition_index(partition);
    tide_assert(index < request->partition_count);
    struct tide_cell_slot *slot = &request->slots[index];
    const struct tide_watermark *watermark = tide_partition_watermark(partition);
    tide_assert(!slot->visited);
    slot->visited = true;
    slot->next_epoch = tide_partition_next_epoch(partition);
    slot->next_offset = tide_partition_next_offset(partition);
    slot->ledger = *tide_partition_ledger(partition);
    slot->watermark = tide_watermark_data(watermark);
    slot->closing = watermark->closing;
    for (uint32_t i = 0; slot->status == TIDE_OK && i < request->definitions->metric_count; i++) {
        if (request->is_wanted[i] && !request->leaves_cells) {
            slot->status = copy_cells(request, partition, i, &slot->tables[i]);
        }
        if (slot->status == TIDE_OK && request->is_wanted[i] && request->wants_changes) {
            slot->status = copy_changes(request, partition, i, &slot->changes[i]);
        }
    }
}

/* ---- the filter */

/* The groups of cells as rows of a batch, of which a condition keeps some. */
struct sieve {
    const struct tide_metric *metric;
    const struct tide_expression *filter;
    struct tide_cell_table *from; /* finished */
    struct tide_cell_table *into;
    struct tide_batch *batch;
};

static void fill_row(const struct sieve *sieve, uint32_t row, struct tide_view group)
{
    size_t at = 0;
    for (uint32_t i = 0; i < sieve->metric->by_count; i++) {
        const struct tide_vector *vector = &sieve->batch->columns[sieve->metric->by[i]];
        const struct tide_value value = tide_value_decode(group, &at);
        vector->present[row] = value.present;
        if (vector->strings != NULL) {
            vector->strings[row] = value.string;
        } else {
            vector->numbers[row] = value.number;
        }
    }
    tide_assert(at == group.size);
}

static enum tide_status sieve_cells(const struct sieve *sieve)
{
    uint32_t rows[TIDE_BATCH_ROWS_DEFAULT];
    const uint64_t cell_count = tide_cell_table_count(sieve->from);
    enum tide_status status = TIDE_OK;
    for (uint64_t first = 0; status == TIDE_OK && first < cell_count;
         first += TIDE_BATCH_ROWS_DEFAULT) {
        const uint64_t left = cell_count - first;
        const uint32_t count =
            left < TIDE_BATCH_ROWS_DEFAULT ? (uint32_t)left : TIDE_BATCH_ROWS_DEFAULT;
        uint32_t known = 0;
        for (uint32_t row = 0; row < count; row++) {
            const struct tide_view group = tide_cell_table_at(sieve->from, first + row).group;
            if (!tide_group_is_other(group)) {
                fill_row(sieve, row, group);
                rows[known++] = row;
            }
        }
        sieve->batch->row_count = count;
        const uint32_t kept = tide_expression_select(sieve->filter, sieve->batch, rows, known);
        for (uint32_t i = 0; status == TIDE_OK && i < kept; i++) {
            const struct tide_cell cell = tide_cell_table_at(sieve->from, first + rows[i]);
            status = tide_cell_table_add(sieve->into, cell.window, cell.group, cell.value);
        }
    }
    return status;
}

/* ---- merging */

struct selection { /* of cells whose windows nothing replaces */
    const struct tide_cell_overlay *overlay;
    struct tide_cell_table *into;
};

static enum tide_status add_selected(void *context, const struct tide_cell *cell)
{
    const struct selection *selection = context;
    const struct tide_cell_overlay *overlay = selection->overlay;
    const struct tide_metric *metric = tide_cell_table_metric(selection->into);
    return overlay->replaces(overlay->context, metric, cell->window)
               ? TIDE_OK
               : tide_cell_table_add(selection->into, cell->window, cell->group, cell->value);
}

static enum tide_status merge_slot(const struct tide_cell_request *request,
                                   const struct tide_cell_table *from,
                                   struct tide_cell_table *table)
{
    struct selection selection = {request->overlay, table};
    return request->overlay == NULL ? tide_cell_table_merge(table, from)
                                    : tide_cell_table_visit(from, add_selected, &selection);
}

static enum tide_status merge_slots(const struct tide_cell_request *request,
                                    uint32_t metric,
                                    struct tide_cell_table *table)
{
    enum tide_status status = TIDE_OK;
    tide_assert(request->is_wanted[metric]);
    for (uint32_t p = 0; status == TIDE_OK && p < request->partition_count; p++) {
        const struct tide_cell_slot *slot = &request->slots[p];
        const bool is_whole = slot->visited && slot->status == TIDE_OK;
        status = is_whole ? merge_slot(request, slot->tables[metric], table) : TIDE_RETRY;
    }
    if (status == TIDE_OK && request->overlay != NULL) {
        status =
            request->overlay->add(request->overlay->context, tide_cell_table_metric(table), table);
    }
    return status;
}

static enum tide_status merge_filtered(const struct tide_cell_request *request,
                                       uint32_t metric,
                                       const struct tide_expression *filter,
                                       struct tide_cell_table *into)
{
    const struct tide_schema *schema = request->definitions->schema;
    struct sieve sieve = {.metric = &request->metrics[metric], .filter = filter, .into = into};
    enum tide_status status = tide_cell_table_create(schema, sieve.metric, &sieve.from, NULL);
    if (status == TIDE_OK) {
        status = merge_slots(request, metric, sieve.from);
    }
    if (status == TIDE_OK) {
        status = tide_batch_create(schema, TIDE_BATCH_ROWS_DEFAULT, &sieve.batch, NULL);
    }
    if (status == TIDE_OK) {
        tide_cell_table_finish(sieve.from);
        status = sieve_cells(&sieve);
    }
    tide_batch_destroy(sieve.batch);
    tide_cell_table_destroy(sieve.from);
    return status;
}

/* All that the filter looks at is in the metric's groups. */
static bool can_filter(const struct tide_metric *metric, const struct tide_expression *filter)
{
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    tide_expression_columns(filter, used);
    for (uint32_t i = 0; i < metric->by_count; i++) {
        used[metric->by[i]] = false;
    }
    for (uint32_t column = 0; column < TIDE_SCHEMA_COLUMNS_MAX; column++) {
        if (used[column]) {
            return false;
        }
    }
    return true;
}

/* The cells of one metric that is no ratio, not finished. */
static enum tide_status merge(const struct tide_cell_request *request,
                              uint32_t metric,
                              const struct tide_expression *filter,
                              struct tide_cell_table **table)
{
    const struct tide_definitions *definitions = request->definitions;
    enum tide_status status =
        tide_cell_table_create(definitions->schema, &definitions->metrics[metric], table, NULL);
    if (status == TIDE_OK) {
        const bool is_filtered =
            filter != NULL && can_filter(&definitions->metrics[metric], filter);
        status = is_filtered ? merge_filtered(request, metric, filter, *table)
                             : merge_slots(request, metric, *table);
    }
    return status;
}

enum tide_status tide_cell_request_result(const struct tide_cell_request *request,
                                          uint32_t metric_index,
                                          const struct tide_expression *filter,
                                          struct tide_result **result,
                                          struct tide_error *error)
{
    const struct tide_definitions *definitions = request->definitions;
    tide_assert(metric_index < definitions->metric_count);
    const struct tide_metric *metric = &definitions->metrics[metric_index];
    const bool is_ratio = metric->kind == TIDE_METRIC_RATIO;
    struct tide_cell_table *tables[2] = {NULL, NULL};
    enum tide_status status =
        merge(request, is_ratio ? metric->parts[0] : metric_index, filter, &tables[0]);
    if (status == TIDE_OK && is_ratio) {
        status = merge(request, metric->parts[1], filter, &tables[1]);
    }
    if (status == TIDE_OK) {
        status = tide_result_create(definitions, metric, tables[0], tables[1], result);
    } else {
        tide_cell_table_destroy(tables[0]);
        tide_cell_table_destroy(tables[1]);
    }
    return status == TIDE_OK ? TIDE_OK
                             : tide_error_set(error, TIDE_RETRY, "no memory to merge the cells");
}
