/* A batch goes through in passes over its rows: those that `where` keeps; the number of each one's
 * group; from it and the window, the index of its cell; last the aggregate's own loop over the
 * cells. So each loop is short, and what differs between metrics is decided once for a batch.
 *
 * Memory grows by doubling only: nothing is allocated for an event. */
#include "operator/cells.h"

#include "base/assert.h"
#include "operator/cell_map.h"
#include "operator/dictionary.h"
#include "operator/pair_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define GROUPS_MAX (UINT32_MAX - 1)

struct tide_cells {
    const struct tide_schema *schema;
    const struct tide_metric *metric;
    struct tide_dictionary *groups; /* their canonical bytes */
    struct tide_cell_map map;
    struct tide_pair_set entities; /* distinct: (cell, entity) */
    struct tide_bytes key;         /* of the row at hand */
    uint32_t *rows;                /* of the batch at hand, those that count */
    uint32_t *places;              /* of each of them: its group, then its cell */
    uint32_t row_capacity;
};

enum tide_status tide_cells_create(const struct tide_schema *schema,
                                   const struct tide_metric *metric,
                                   struct tide_cells **cells,
                                   struct tide_error *error)
{
    tide_assert(metric->kind != TIDE_METRIC_DISTINCT || metric->column == schema->entity);
    struct tide_cells *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for the cells of a metric");
    }
    made->schema = schema;
    made->metric = metric;
    const enum tide_status status = tide_dictionary_create(GROUPS_MAX, &made->groups, error);
    if (status == TIDE_OK) {
        *cells = made;
    } else {
        tide_cells_destroy(made);
    }
    return status;
}

void tide_cells_destroy(struct tide_cells *cells)
{
    if (cells == NULL) {
        return;
    }
    tide_dictionary_destroy(cells->groups);
    tide_cell_map_release(&cells->map);
    tide_pair_set_release(&cells->entities);
    tide_bytes_release(&cells->key);
    free(cells->rows);
    free(cells->places);
    free(cells);
}

static bool reserve_rows(struct tide_cells *cells, uint32_t count)
{
    if (count <= cells->row_capacity) {
        return true;
    }
    uint32_t *rows = realloc(cells->rows, count * sizeof(*rows));
    if (rows != NULL) {
        cells->rows = rows;
    }
    uint32_t *places = realloc(cells->places, count * sizeof(*places));
    if (places != NULL) {
        cells->places = places;
    }
    if (rows == NULL || places == NULL) {
        return false;
    }
    cells->row_capacity = count;
    return true;
}

static uint32_t group_of(struct tide_cells *cells, const struct tide_batch *batch, uint32_t row)
{
    const struct tide_metric *metric = cells->metric;
    tide_bytes_reset(&cells->key);
    for (uint32_t i = 0; i < metric->by_count; i++) {
        tide_value_encode(tide_batch_value(batch, metric->by[i], row), &cells->key);
    }
    return cells->key.failed ? TIDE_DICTIONARY_NONE
                             : tide_dictionary_intern(cells->groups, tide_bytes_view(&cells->key));
}

/* The group of each row, in places. */
static bool place_groups(struct tide_cells *cells, const struct tide_batch *batch, uint32_t count)
{
    if (cells->metric->by_count == 0) {
        const uint32_t all = tide_dictionary_intern(cells->groups, (struct tide_view){"", 0});
        memset(cells->places, 0, count * sizeof(*cells->places));
        return all == 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        cells->places[i] = group_of(cells, batch, cells->rows[i]);
        if (cells->places[i] == TIDE_DICTIONARY_NONE) {
            return false;
        }
    }
    return true;
}

/* From groups to cells. Neighbours mostly fall into one window, and without `by` into one cell. */
static bool place_cells(struct tide_cells *cells,
                        const struct tide_instant *event_times,
                        uint32_t count)
{
    struct tide_window window = {{0}, {0}};
    uint32_t group = 0;
    uint32_t cell = TIDE_CELL_NONE;
    for (uint32_t i = 0; i < count; i++) {
        const struct tide_instant t = event_times[cells->rows[i]];
        const bool same_window = t.us >= window.start.us && t.us < window.end.us;
        if (!same_window) {
            window = tide_window_of(cells->metric->every, t);
        }
        if (!same_window || cells->places[i] != group || cell == TIDE_CELL_NONE) {
            group = cells->places[i];
            cell = tide_cell_map_place(&cells->map, window.start.us, group);
        }
        if (cell == TIDE_CELL_NONE) {
            return false;
        }
        cells->places[i] = cell;
    }
    return true;
}

static void count_rows(struct tide_cells *cells, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct tide_cell_value *value = &cells->map.records[cells->places[i]].value;
        value->events++;
        value->count++;
    }
}

static bool count_entities(struct tide_cells *cells, const uint32_t *entities, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t cell = cells->places[i];
        const uint32_t entity = entities[cells->rows[i]];
        struct tide_cell_value *value = &cells->map.records[cell].value;
        value->events++;
        if (entity == TIDE_DICTIONARY_NONE) {
            continue;
        }
        const enum tide_status status = tide_pair_set_add(&cells->entities, cell, entity);
        if (status == TIDE_FATAL) {
            return false;
        }
        value->distinct += status == TIDE_OK;
    }
    return true;
}

static void sum_values(struct tide_cells *cells, const struct tide_vector *column, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = cells->rows[i];
        struct tide_cell_value *value = &cells->map.records[cells->places[i]].value;
        value->events++;
        if (column->present[row]) {
            const bool overflows =
                __builtin_add_overflow(value->sum, column->numbers[row], &value->sum);
            tide_assert(!overflows); /* 2^64 values of 64 bits fit */
            value->count++;
        }
    }
}

static void extreme_values(struct tide_cells *cells,
                           const struct tide_vector *column,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = cells->rows[i];
        struct tide_cell_value *value = &cells->map.records[cells->places[i]].value;
        value->events++;
        if (column->present[row]) {
            const int64_t number = column->numbers[row];
            const bool is_first = value->count == 0;
            value->min = is_first || number < value->min ? number : value->min;
            value->max = is_first || number > value->max ? number : value->max;
            value->count++;
        }
    }
}

static bool update_cells(struct tide_cells *cells,
                         const struct tide_cells_input *input,
                         uint32_t count)
{
    const struct tide_metric *metric = cells->metric;
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
        count_rows(cells, count);
        break;
    case TIDE_METRIC_DISTINCT:
        return count_entities(cells, input->entities, count);
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
        sum_values(cells, &input->batch->columns[metric->column], count);
        break;
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
        extreme_values(cells, &input->batch->columns[metric->column], count);
        break;
    }
    return true;
}

enum tide_status tide_cells_update(struct tide_cells *cells,
                                   const struct tide_cells_input *input,
                                   struct tide_error *error)
{
    tide_assert(input->batch->schema == cells->schema);
    tide_assert(input->row_count <= input->batch->row_count);
    if (input->row_count == 0) {
        return TIDE_OK;
    }
    bool has_memory = reserve_rows(cells, input->row_count);
    if (has_memory) {
        uint32_t count = input->row_count;
        memcpy(cells->rows, input->rows, count * sizeof(*cells->rows));
        if (cells->metric->where != NULL) {
            count = tide_expression_select(cells->metric->where, input->batch, cells->rows, count);
        }
        has_memory = count == 0 || (place_groups(cells, input->batch, count) &&
                                    place_cells(cells, input->event_times, count) &&
                                    update_cells(cells, input, count));
    }
    if (!has_memory) {
        return tide_error_set(error,
                              TIDE_FATAL,
                              "out of memory for the cells of metric '%.*s'",
                              TIDE_VIEW_ARGUMENTS(cells->metric->name));
    }
    return TIDE_OK;
}

uint64_t tide_cells_count(const struct tide_cells *cells)
{
    return cells->map.count;
}

size_t tide_cells_bytes(const struct tide_cells *cells)
{
    return sizeof(*cells) + tide_dictionary_bytes(cells->groups) +
           tide_cell_map_bytes(&cells->map) + tide_pair_set_bytes(&cells->entities) +
           cells->key.capacity + (size_t)cells->row_capacity * 2 * sizeof(*cells->rows);
}

void tide_cells_visit(const struct tide_cells *cells,
                      void (*visit)(void *context,
                                    struct tide_window window,
                                    struct tide_view group,
                                    const struct tide_cell_value *value),
                      void *context)
{
    for (uint32_t i = 0; i < cells->map.count; i++) {
        const struct tide_cell_record *record = &cells->map.records[i];
        const struct tide_instant start = {record->start_us};
        const struct tide_window window = tide_window_of(cells->metric->every, start);
        tide_assert(window.start.us == record->start_us);
        visit(context, window, tide_dictionary_text(cells->groups, record->group), &record->value);
    }
}
