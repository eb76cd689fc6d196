/* A plain model of windowed metrics: of each cell, all events that lie in its window and group are
 * gathered and looked at. Each event must be in as many cells as it has windows. */
#ifndef TIDE_UNIT_OPERATOR_MODEL_H
#define TIDE_UNIT_OPERATOR_MODEL_H

#include "unit/operator/stream.h"

struct model {
    const struct stream *stream;
    const struct tide_metric *metric;
    bool (*is_kept)(const struct model *model, uint32_t row); /* by `where` */
    /* Of one cell; rows in the order of the stream. */
    void (*check)(const struct model *model,
                  const uint32_t *rows,
                  uint32_t row_count,
                  const struct tide_cell_value *value);
};

static inline bool model_keeps_all(const struct model *model, uint32_t row)
{
    (void)model;
    (void)row;
    return true;
}

/* For metrics that have `where: n > 0`, or none. */
static inline bool model_keeps_positive(const struct model *model, uint32_t row)
{
    const struct tide_vector *n = fixture_column(model->stream->batch, "n");
    return model->metric->where == NULL || (n->present[row] != 0 && n->numbers[row] > 0);
}

/* By the by-columns of a metric, null first. */
static inline int model_compare_groups(const struct stream *stream,
                                       const struct tide_metric *metric,
                                       uint32_t a,
                                       uint32_t b)
{
    for (uint32_t i = 0; i < metric->by_count; i++) {
        const int order = tide_value_compare(tide_batch_value(stream->batch, metric->by[i], a),
                                             tide_batch_value(stream->batch, metric->by[i], b));
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static inline bool model_is_of_group(const struct stream *stream,
                                     const struct tide_metric *metric,
                                     uint32_t row,
                                     struct tide_view group)
{
    size_t at = 0;
    for (uint32_t i = 0; i < metric->by_count; i++) {
        const struct tide_value value = tide_batch_value(stream->batch, metric->by[i], row);
        if (tide_value_compare(tide_value_decode(group, &at), value) != 0) {
            return false;
        }
    }
    return at == group.size;
}

/* Made of pane_count neighbouring windows of every. */
static inline void model_check_window(const struct tide_metric *metric, struct tide_window window)
{
    struct tide_window pane = tide_window_of(metric->every, window.start);
    tide_assert(pane.start.us == window.start.us);
    for (uint32_t i = 1; i < metric->pane_count; i++) {
        pane = tide_window_next(metric->every, pane);
    }
    tide_assert(pane.end.us == window.end.us);
}

/* The table is finished. */
static inline void model_check(const struct model *model, const struct tide_cell_table *table)
{
    static uint32_t rows[STREAM_ROWS_MAX];
    const struct stream *stream = model->stream;
    uint64_t expected = 0;
    uint64_t booked = 0;
    for (uint32_t row = 0; row < stream->row_count; row++) {
        expected += model->is_kept(model, row) ? model->metric->pane_count : 0;
    }
    for (uint64_t i = 0; i < tide_cell_table_count(table); i++) {
        const struct tide_cell cell = tide_cell_table_at(table, i);
        uint32_t row_count = 0;
        model_check_window(model->metric, cell.window);
        for (uint32_t row = 0; row < stream->row_count; row++) {
            const int64_t t = stream->times[row].us;
            if (t >= cell.window.start.us && t < cell.window.end.us && model->is_kept(model, row) &&
                model_is_of_group(stream, model->metric, row, cell.group)) {
                rows[row_count++] = row;
            }
        }
        tide_assert(row_count > 0 && cell.value->events == row_count);
        tide_assert(!cell.value->is_folded && !cell.value->is_pending);
        model->check(model, rows, row_count, cell.value);
        booked += row_count;
    }
    tide_assert(booked == expected);
}

/* Every order and cut gives the cells of the model. */
static inline void model_run(const struct room *room,
                             const struct tide_metric *metric,
                             const struct model *model,
                             struct tide_operator_limits limits,
                             uint64_t *seed)
{
    enum {
        ORDERS = 4
    };
    static uint32_t rows[STREAM_ROWS_MAX];
    const uint32_t row_count = model->stream->row_count;
    for (uint32_t order = 0; order < ORDERS; order++) {
        const uint32_t piece_max = order % 2 == 0 ? STREAM_PIECE_MAX : 3;
        struct tide_operator *operator= room_operator(room, metric, limits);
        stream_order(rows, row_count, order == 0, seed);
        stream_feed(model->stream, rows, row_count, operator, piece_max, seed);
        const struct tide_instant unknown = TIDE_INSTANT_UNKNOWN;
        struct tide_cell_table *table = room_table(room, metric, operator, unknown);
        tide_cell_table_finish(table);
        model_check(model, table);
        tide_assert(tide_operator_facts(operator).folded_events == 0);
        tide_cell_table_destroy(table);
        tide_operator_destroy(operator);
    }
}

#endif
