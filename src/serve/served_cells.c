/* Decisions are an array in the order of windows, and are looked up by it. */
#include "serve/served_cells.h"

#include "base/assert.h"

#include <stdlib.h>

#include "base/banned.h"

struct decision {
    struct tide_window window;
    struct tide_generation_choice choice;
    const struct tide_batch_run *run; /* that covers it, or NULL */
};

struct part { /* the metric, or one of a ratio's two */
    const struct tide_metric *metric;
    uint32_t index;
    const struct tide_batch_series *series; /* or NULL */
    struct decision *decisions;
    uint64_t count;
};

struct tide_served_cells {
    const struct tide_cell_request *request;
    struct part parts[2];
    uint32_t part_count;
    struct tide_cell_overlay overlay;
};

/* ---- order */

static int compare_windows(struct tide_window a, struct tide_window b)
{
    if (a.start.us != b.start.us) {
        return a.start.us < b.start.us ? -1 : 1;
    }
    return (a.end.us > b.end.us) - (a.end.us < b.end.us);
}

static int compare_decisions(const void *left, const void *right)
{
    return compare_windows(((const struct decision *)left)->window,
                           ((const struct decision *)right)->window);
}

static struct decision *find(const struct part *part, struct tide_window window)
{
    const struct decision wanted = {.window = window};
    return part->count == 0 ? NULL
                            : bsearch(&wanted,
                                      part->decisions,
                                      part->count,
                                      sizeof(*part->decisions),
                                      compare_decisions);
}

/* ---- which windows there are */

static void add_batch_windows(const struct tide_served_cells *served, struct part *part)
{
    const struct tide_cell_table *table = part->series->table;
    const uint64_t count = table == NULL ? 0 : tide_cell_table_count(table);
    for (uint64_t i = 0; i < count; i++) { /* in order: a window's cells are neighbours */
        const struct tide_window window = tide_cell_table_at(table, i).window;
        const struct decision *last = part->count == 0 ? NULL : &part->decisions[part->count - 1];
        if ((last == NULL || compare_windows(last->window, window) != 0) &&
            tide_cell_span_has(served->request->span, window)) {
            part->decisions[part->count++].window = window;
        }
    }
}

/* Those of the batch and of all partitions, each once. */
static bool list_windows(const struct tide_served_cells *served, struct part *part)
{
    const struct tide_cell_request *request = served->request;
    uint64_t most = part->series->table == NULL ? 0 : tide_cell_table_count(part->series->table);
    for (uint32_t p = 0; p < request->partition_count; p++) {
        most += tide_window_changes_count(request->slots[p].changes[part->index]);
    }
    part->decisions = calloc(most + 1, sizeof(*part->decisions));
    if (part->decisions == NULL) {
        return false;
    }
    add_batch_windows(served, part);
    for (uint32_t p = 0; p < request->partition_count; p++) {
        const struct tide_window_changes *changes = request->slots[p].changes[part->index];
        for (uint32_t i = 0; i < tide_window_changes_count(changes); i++) {
            part->decisions[part->count++].window = tide_window_changes_window(changes, i);
        }
    }
    qsort(part->decisions, part->count, sizeof(*part->decisions), compare_decisions);
    uint64_t kept = 0;
    for (uint64_t i = 0; i < part->count; i++) {
        if (kept == 0 || compare_decisions(&part->decisions[kept - 1], &part->decisions[i]) != 0) {
            part->decisions[kept++] = part->decisions[i];
        }
    }
    part->count = kept;
    return true;
}

/* ---- the decision */

static bool has_open_run(const struct tide_metric *metric, const struct tide_cell_value *value)
{
    for (uint32_t k = 0; value->parts != NULL && k < metric->funnel->step_count; k++) {
        if (value->parts->steps[k].open > 0) {
            return true;
        }
    }
    return false;
}

/* No batch stands for a window in which a run may still go on. */
static enum tide_status open_window(void *context, const struct tide_cell *cell)
{
    struct part *part = context;
    if (has_open_run(part->metric, cell->value)) {
        struct decision *decision = find(part, cell->window);
        tide_assert(decision != NULL); /* a cell's window was touched */
        decision->run = NULL;
    }
    return TIDE_OK;
}

static enum tide_status decide(const struct tide_served_cells *served, struct part *part)
{
    const struct tide_cell_request *request = served->request;
    struct tide_generation_facts *facts = calloc(request->partition_count, sizeof(*facts));
    if (facts == NULL) {
        return TIDE_FATAL;
    }
    for (uint64_t i = 0; i < part->count; i++) {
        part->decisions[i].run = tide_batch_series_run(part->series, part->decisions[i].window);
    }
    for (uint32_t p = 0; part->metric->kind == TIDE_METRIC_FUNNEL && p < request->partition_count;
         p++) {
        (void)tide_cell_table_visit(request->slots[p].tables[part->index], open_window, part);
    }
    for (uint64_t i = 0; i < part->count; i++) {
        struct decision *decision = &part->decisions[i];
        for (uint32_t p = 0; p < request->partition_count; p++) {
            facts[p].changed =
                tide_window_changes_at(request->slots[p].changes[part->index], decision->window);
        }
        decision->choice = tide_generation_choose(
            facts, decision->run == NULL ? NULL : decision->run->reads, request->partition_count);
    }
    free(facts);
    return TIDE_OK;
}

/* ---- of a ratio */

static int compare_ends(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Both parts of an end, or neither: the ends at which one of them is of speed. */
static bool agree(struct tide_served_cells *served)
{
    uint64_t count = 0;
    int64_t *ends = calloc(served->parts[0].count + served->parts[1].count + 1, sizeof(*ends));
    for (uint32_t k = 0; ends != NULL && k < served->part_count; k++) {
        const struct part *part = &served->parts[k];
        for (uint64_t i = 0; i < part->count; i++) {
            if (part->decisions[i].choice.generation == TIDE_GENERATION_SPEED) {
                ends[count++] = part->decisions[i].window.end.us;
            }
        }
    }
    if (ends == NULL) {
        return false;
    }
    qsort(ends, count, sizeof(*ends), compare_ends);
    for (uint32_t k = 0; count > 0 && k < served->part_count; k++) {
        const struct part *part = &served->parts[k];
        for (uint64_t i = 0; i < part->count; i++) {
            struct decision *decision = &part->decisions[i];
            if (bsearch(&decision->window.end.us, ends, count, sizeof(*ends), compare_ends) !=
                NULL) {
                decision->choice.generation = TIDE_GENERATION_SPEED;
            }
        }
    }
    free(ends);
    return true;
}

/* ---- the overlay */

static const struct part *part_of(const struct tide_served_cells *served,
                                  const struct tide_metric *metric)
{
    for (uint32_t k = 0; k < served->part_count; k++) {
        if (tide_u128_equal(served->parts[k].metric->hash, metric->hash) &&
            tide_view_equal(served->parts[k].metric->name, metric->name)) {
            return &served->parts[k];
        }
    }
    tide_assert(false);
    return NULL;
}

static bool is_of_batch(const struct part *part, struct tide_window window)
{
    const struct decision *decision = find(part, window);
    return decision != NULL && decision->choice.generation == TIDE_GENERATION_BATCH;
}

static bool replaces(void *context, const struct tide_metric *metric, struct tide_window window)
{
    return is_of_batch(part_of(context, metric), window);
}

static enum tide_status add(void *context,
                            const struct tide_metric *metric,
                            struct tide_cell_table *table)
{
    const struct part *part = part_of(context, metric);
    const struct tide_cell_table *from = part->series == NULL ? NULL : part->series->table;
    const uint64_t count = from == NULL ? 0 : tide_cell_table_count(from);
    enum tide_status status = TIDE_OK;
    for (uint64_t i = 0; status == TIDE_OK && i < count; i++) {
        const struct tide_cell cell = tide_cell_table_at(from, i);
        if (is_of_batch(part, cell.window)) {
            status = tide_cell_table_add(table, cell.window, cell.group, cell.value);
        }
    }
    return status;
}

/* ---- public */

enum tide_status tide_served_cells_create(const struct tide_cell_request *request,
                                          uint32_t metric_index,
                                          const struct tide_batch_series *const series[2],
                                          struct tide_served_cells **out,
                                          struct tide_error *error)
{
    static const struct tide_batch_series none = {0};
    const struct tide_metric *metrics = request->definitions->metrics;
    const struct tide_metric *metric = &metrics[metric_index];
    struct tide_served_cells *served = calloc(1, sizeof(*served));
    enum tide_status status = served == NULL ? TIDE_FATAL : TIDE_OK;
    const bool is_ratio = metric->kind == TIDE_METRIC_RATIO;
    tide_assert(request->wants_changes);
    if (served != NULL) {
        served->request = request;
        served->part_count = is_ratio ? 2 : 1;
        served->overlay = (struct tide_cell_overlay){replaces, add, served};
    }
    for (uint32_t k = 0; status == TIDE_OK && k < served->part_count; k++) {
        struct part *part = &served->parts[k];
        part->index = is_ratio ? metric->parts[k] : metric_index;
        part->metric = &metrics[part->index];
        part->series = series[k] == NULL ? &none : series[k];
        status = list_windows(served, part) ? decide(served, part) : TIDE_FATAL;
    }
    if (status == TIDE_OK && is_ratio && !agree(served)) {
        status = TIDE_FATAL;
    }
    if (status != TIDE_OK) {
        tide_served_cells_destroy(served);
        return tide_error_set(error, TIDE_RETRY, "no memory to choose the generations");
    }
    *out = served;
    return TIDE_OK;
}

void tide_served_cells_destroy(struct tide_served_cells *served)
{
    if (served != NULL) {
        free(served->parts[0].decisions);
        free(served->parts[1].decisions);
        free(served);
    }
}

const struct tide_cell_overlay *tide_served_cells_overlay(const struct tide_served_cells *served)
{
    return &served->overlay;
}

struct tide_served_cells_row tide_served_cells_row(const struct tide_served_cells *served,
                                                   const struct tide_result_row *row)
{
    const struct part *part = &served->parts[row->below == NULL ? 0 : 1];
    const struct decision *decision = find(part, row->window);
    tide_assert(decision != NULL);
    return (struct tide_served_cells_row){
        .choice = decision->choice,
        .run = decision->choice.generation == TIDE_GENERATION_BATCH ? decision->run->number : 0};
}
