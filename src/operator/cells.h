/* The cells of one metric in one partition: (window, group) -> aggregate, updated by batches.
 *
 * A cell's value merges: counts and sums add, extremes combine, distinct entities add because an
 * entity lives in one partition. Late events revise their cells like any other. One thread. */
#ifndef TIDE_OPERATOR_CELLS_H
#define TIDE_OPERATOR_CELLS_H

#include "base/decimal.h"
#include "metric/definition.h"

/* A mergeable partial. Which fields mean something depends on the kind. */
struct tide_cell_value {
    uint64_t events;   /* booked to the cell: the revision */
    uint64_t count;    /* count: events; sum, mean, min, max: values that are not null */
    uint64_t distinct; /* distinct: entities */
    tide_i128 sum;     /* sum, mean: exact; scaled by 10^6 for a decimal column */
    int64_t min;
    int64_t max;
};

struct tide_cells;

enum tide_status tide_cells_create(const struct tide_schema *schema,
                                   const struct tide_metric *metric,
                                   struct tide_cells **cells,
                                   struct tide_error *error);
void tide_cells_destroy(struct tide_cells *cells);

struct tide_cells_input {
    const struct tide_batch *batch;
    const uint32_t *rows; /* unique, valid events of the batch */
    uint32_t row_count;
    const struct tide_instant *event_times; /* by row of the batch */
    const uint32_t *entities; /* by row of the batch: dictionary numbers; NONE: nobody */
};
/* FATAL: out of memory. */
enum tide_status tide_cells_update(struct tide_cells *cells,
                                   const struct tide_cells_input *input,
                                   struct tide_error *error);
uint64_t tide_cells_count(const struct tide_cells *cells);
size_t tide_cells_bytes(const struct tide_cells *cells);
/* Visits every cell; group is the canonical encoding (tide_value_encode) of the by-columns. */
void tide_cells_visit(const struct tide_cells *cells,
                      void (*visit)(void *context,
                                    struct tide_window window,
                                    struct tide_view group,
                                    const struct tide_cell_value *value),
                      void *context);

#endif
