/* The tables that partitions fill have no top: which groups are the largest is known only when all
 * partitions, and the filter, have had their say. */
#include "serve/cell_query.h"

#include "base/assert.h"
#include "event/batch.h"

#include <stdlib.h>

#include "base/banned.h"

enum tide_status tide_cell_request_init(struct tide_cell_request *request,
                                        const struct tide_definitions *definitions,
                                        uint32_t partition_count,
                                        const struct tide_cell_scope *scope,
                                        struct tide_error *error)
{
    tide_assert(partition_count > 0);
    tide_assert(scope->metric_count <= definitions->metric_count &&
                scope->metric_first <= definitions->metric_count - scope->metric_count);
    struct tide_metric *metrics = calloc(scope->metric_count + 1, sizeof(*metrics));
    *request = (struct tide_cell_request){
        .definitions = definitions,
        .metrics = metrics,
        .metric_first = scope->metric_first,
        .metric_count = scope->metric_count,
        .partition_count = partition_count,
        .from = scope->from,
        .to = scope->to,
        .slots = calloc(partition_count, sizeof(*request->slots)),
    };
    if (metrics == NULL || request->slots == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a question");
    }
    for (uint32_t i = 0; i < scope->metric_count; i++) {
        metrics[i] = definitions->metrics[scope->metric_first + i];
        metrics[i].top = 0;
    }
    for (uint32_t p = 0; p < partition_count; p++) {
        request->slots[p].tables =
            calloc(scope->metric_count + 1, sizeof(struct tide_cell_table *));
        if (request->slots[p].tables == NULL) {
            return tide_error_set(error, TIDE_RETRY, "no memory for a question");
        }
    }
    return TIDE_OK;
}

void tide_cell_request_release(struct tide_cell_request *request)
{
    for (uint32_t p = 0; request->slots != NULL && p < request->partition_count; p++) {
        struct tide_cell_slot *slot = &request->slots[p];
        for (uint32_t i = 0; slot->tables != NULL && i < request->metric_count; i++) {
            tide_cell_table_destroy(slot->tables[i]);
        }
        free(slot->tables);
    }
    free(request->slots);
    free(request->metrics);
    *request = (struct tide_cell_request){0};
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
    for (uint32_t i = 0; slot->status == TIDE_OK && i < request->metric_count; i++) {
        slot->status = tide_cell_table_create(
            request->definitions->schema, &request->metrics[i], &slot->tables[i], NULL);
        if (slot->status == TIDE_OK) {
            slot->status = tide_cell_table_add_cells(
                slot->tables[i],
                tide_partition_cells(partition, request->metric_first + i),
                request->from,
                request->to);
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
        for (uint32_t row = 0; row < count; row++) {
            rows[row] = row;
            fill_row(sieve, row, tide_cell_table_at(sieve->from, first + row).group);
        }
        sieve->batch->row_count = count;
        const uint32_t kept = tide_expression_select(sieve->filter, sieve->batch, rows, count);
        for (uint32_t i = 0; status == TIDE_OK && i < kept; i++) {
            const struct tide_cell cell = tide_cell_table_at(sieve->from, first + rows[i]);
            status = tide_cell_table_add(sieve->into, cell.window, cell.group, &cell.value);
        }
    }
    return status;
}

/* ---- merging */

static enum tide_status merge_slots(const struct tide_cell_request *request,
                                    uint32_t index,
                                    struct tide_cell_table *table)
{
    enum tide_status status = TIDE_OK;
    for (uint32_t p = 0; status == TIDE_OK && p < request->partition_count; p++) {
        const struct tide_cell_slot *slot = &request->slots[p];
        const bool is_whole = slot->visited && slot->status == TIDE_OK;
        status = is_whole ? tide_cell_table_merge(table, slot->tables[index]) : TIDE_RETRY;
    }
    return status;
}

static enum tide_status merge_filtered(const struct tide_cell_request *request,
                                       uint32_t index,
                                       const struct tide_expression *filter,
                                       struct tide_cell_table *into)
{
    const struct tide_schema *schema = request->definitions->schema;
    struct sieve sieve = {.metric = &request->metrics[index], .filter = filter, .into = into};
    enum tide_status status = tide_cell_table_create(schema, sieve.metric, &sieve.from, NULL);
    if (status == TIDE_OK) {
        status = merge_slots(request, index, sieve.from);
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

enum tide_status tide_cell_request_merge(const struct tide_cell_request *request,
                                         uint32_t index,
                                         const struct tide_expression *filter,
                                         struct tide_cell_table **table,
                                         struct tide_error *error)
{
    tide_assert(index < request->metric_count);
    const struct tide_definitions *definitions = request->definitions;
    const struct tide_metric *metric = &definitions->metrics[request->metric_first + index];
    struct tide_cell_table *made = NULL;
    enum tide_status status = tide_cell_table_create(definitions->schema, metric, &made, NULL);
    if (status == TIDE_OK) {
        status = filter == NULL ? merge_slots(request, index, made)
                                : merge_filtered(request, index, filter, made);
    }
    if (status != TIDE_OK) {
        tide_cell_table_destroy(made);
        return tide_error_set(error, TIDE_RETRY, "no memory to merge the cells");
    }
    tide_cell_table_finish(made);
    *table = made;
    return TIDE_OK;
}
