/* Windowed aggregates: count, sum, mean, min, max, quantiles, and distinct values of a column that
 * is not the entity.
 *
 * A batch goes through in passes over its rows: from group and window to the index of each row's
 * cell, then the aggregate's own loop over the cells. So each loop is short, and what differs
 * between metrics is decided once for a batch. A sliding window is kept as panes of `every`; each
 * pane is handed out once for every window that it is part of. */
#include "operator/cells.h"

#include "base/assert.h"

#include "base/banned.h"

struct cells {
    struct tide_operator base;
    size_t parts_bytes; /* of sketches and sets */
};

/* Neighbours mostly fall into one window, and without `by` into one cell. */
bool operator_place_rows(struct tide_operator *operator,
                         const struct tide_operator_input * input,
                         uint32_t count)
{
    struct tide_window window = {{0}, {0}};
    uint32_t group = 0;
    uint32_t cell = TIDE_CELL_NONE;
    for (uint32_t i = 0; i < count; i++) {
        const struct tide_instant t = input->event_times[operator->rows[i]];
        const bool same_window = t.us >= window.start.us && t.us < window.end.us;
        if (!same_window) {
            window = tide_window_of(operator->metric->every, t);
        }
        if (!same_window || operator->row_groups[i] != group || cell == TIDE_CELL_NONE) {
            group = operator->row_groups[i];
            cell = operator_place(operator, window, group);
        }
        if (cell == TIDE_CELL_NONE) {
            return false;
        }
        operator->row_groups[i] = cell;
        operator->map.records[cell].value.changed = operator_change(input, operator->rows[i]);
    }
    return true;
}

static struct tide_cell_value *value_at(struct tide_operator *operator, uint32_t i)
{
    return &operator->map.records[operator->row_groups[i]].value;
}

static void count_rows(struct tide_operator *operator, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct tide_cell_value *value = value_at(operator, i);
        value->events++;
        value->count++;
    }
}

static void sum_values(struct tide_operator *operator,
                       const struct tide_vector * column,
                       uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = operator->rows[i];
        struct tide_cell_value *value = value_at(operator, i);
        value->events++;
        if (column->present[row]) {
            const bool overflows =
                __builtin_add_overflow(value->sum, column->numbers[row], &value->sum);
            tide_assert(!overflows); /* 2^64 values of 64 bits fit */
            value->count++;
        }
    }
}

static void extreme_values(struct tide_operator *operator,
                           const struct tide_vector * column,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = operator->rows[i];
        struct tide_cell_value *value = value_at(operator, i);
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

static bool open_parts(struct cells *cells, struct tide_cell_value *value)
{
    if (value->parts != NULL) {
        return true;
    }
    if (!tide_cell_value_open(cells->base.metric, value)) {
        return false;
    }
    if (cells->base.metric->kind == TIDE_METRIC_DISTINCT && !cells->base.limits.is_exact) {
        tide_value_set_init(&value->parts->values, TIDE_VALUE_SET_LIMITED);
    }
    cells->parts_bytes += sizeof(*value->parts);
    return true;
}

static bool sketch_values(struct cells *cells, const struct tide_vector *column, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = cells->base.rows[i];
        struct tide_cell_value *value = value_at(&cells->base, i);
        value->events++;
        if (!column->present[row]) {
            continue;
        }
        if (!open_parts(cells, value)) {
            return false;
        }
        struct tide_quantile_sketch *sketch = &value->parts->sketch;
        const size_t before = tide_quantile_sketch_bytes(sketch);
        if (tide_quantile_sketch_add(sketch, column->numbers[row]) != TIDE_OK) {
            return false;
        }
        cells->parts_bytes += tide_quantile_sketch_bytes(sketch) - before;
        value->count++;
    }
    return true;
}

static bool collect_values(struct cells *cells, const struct tide_batch *batch, uint32_t count)
{
    struct tide_operator *base = &cells->base;
    const uint32_t column = base->metric->column;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = base->rows[i];
        struct tide_cell_value *value = value_at(base, i);
        value->events++;
        if (!batch->columns[column].present[row]) {
            continue;
        }
        tide_bytes_reset(&base->key);
        tide_value_encode(tide_batch_value(batch, column, row), &base->key);
        if (base->key.failed || !open_parts(cells, value)) {
            return false;
        }
        struct tide_value_set *values = &value->parts->values;
        const size_t before = tide_value_set_bytes(values);
        if (tide_value_set_add(values, tide_hash128(tide_bytes_view(&base->key), 0)) != TIDE_OK) {
            return false;
        }
        cells->parts_bytes += tide_value_set_bytes(values) - before; /* may shrink: modulo */
    }
    return true;
}

static enum tide_status cells_update(struct tide_operator *base,
                                     const struct tide_operator_input *input,
                                     uint32_t count)
{
    struct cells *cells = (struct cells *)base;
    const struct tide_metric *metric = base->metric;
    const struct tide_vector *column =
        metric->column == TIDE_COLUMN_NONE ? NULL : &input->batch->columns[metric->column];
    if (!operator_place_rows(base, input, count)) {
        return TIDE_FATAL;
    }
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
        count_rows(base, count);
        return TIDE_OK;
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
        sum_values(base, column, count);
        return TIDE_OK;
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
        extreme_values(base, column, count);
        return TIDE_OK;
    case TIDE_METRIC_QUANTILES:
        return sketch_values(cells, column, count) ? TIDE_OK : TIDE_FATAL;
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_APPROX_DISTINCT:
        return collect_values(cells, input->batch, count) ? TIDE_OK : TIDE_FATAL;
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        break;
    }
    tide_assert(false);
    return TIDE_FATAL;
}

static enum tide_status cells_visit(struct tide_operator *base, struct tide_cell_visitor visitor)
{
    const struct tide_metric *metric = base->metric;
    enum tide_status status = TIDE_OK;
    if (metric->pane_count == 1) {
        return operator_visit_map(base, visitor);
    }
    for (uint32_t i = 0; i < base->map.count; i++) {
        const struct tide_cell_record *record = &base->map.records[i];
        const struct tide_view group = tide_dictionary_text(base->groups, record->group);
        for (uint32_t k = 0; status == TIDE_OK && k < metric->pane_count; k++) {
            const struct tide_window window = tide_window_slide(
                metric->every, metric->pane_count, (struct tide_instant){record->start_us}, k);
            status = visitor.visit(visitor.context, window, group, &record->value);
        }
    }
    return status;
}

static void cells_facts(const struct tide_operator *base, struct tide_operator_facts *facts)
{
    facts->bytes += ((const struct cells *)base)->parts_bytes;
}

const struct operator_kind operator_cells = {
    .size = sizeof(struct cells),
    .keeps_panes = true,
    .update = cells_update,
    .visit = cells_visit,
    .facts = cells_facts,
};
