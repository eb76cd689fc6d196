/* A metric's cells as they are served: of each window those of one generation, by the rule of
 * generation.h. Between a request to the partitions and its result. One thread. */
#ifndef TIDE_SERVE_SERVED_CELLS_H
#define TIDE_SERVE_SERVED_CELLS_H

#include "serve/cell_query.h"
#include "serve/generation.h"
#include "serve/generations.h"

struct tide_served_cells;

/* Decides for each window. The request has visited all partitions, with changes; series: of the
 * metric, or of a ratio's two parts, NULL: there is none. A ratio's part is of a batch only if the
 * other, at the same end, is too: never a mix. Everything outlives what is made. RETRY: out of
 * memory. */
enum tide_status tide_served_cells_create(const struct tide_cell_request *request,
                                          uint32_t metric_index,
                                          const struct tide_batch_series *const series[2],
                                          struct tide_served_cells **served,
                                          struct tide_error *error);
void tide_served_cells_destroy(struct tide_served_cells *served);
/* For the request, before its result. Goes with served. */
const struct tide_cell_overlay *tide_served_cells_overlay(const struct tide_served_cells *served);

struct tide_served_cells_row {
    struct tide_generation_choice choice;
    int64_t run; /* of a batch */
};
/* Which generation a row of the result is. */
struct tide_served_cells_row tide_served_cells_row(const struct tide_served_cells *served,
                                                   const struct tide_result_row *row);

#endif
