/* The cells of one metric as they are now, live and from batches, each with how far it can be
 * trusted: what every endpoint that shows numbers asks for and writes. On the API's threads. */
#ifndef TIDE_SERVE_API_CELLS_H
#define TIDE_SERVE_API_CELLS_H

#include "serve/api_internal.h"
#include "serve/served_cells.h"

struct api_cells_question {
    uint32_t metric_index;
    /* Of window starts; UNKNOWN: unbounded. A ratio's rows are not bounded by it. */
    struct tide_instant from;
    struct tide_instant to;
    const struct tide_expression *filter; /* over the metric's groups; NULL: all */
};

/* All zero is empty. The members behind result are its own. */
struct api_cells {
    const struct tide_definitions *definitions;
    const struct tide_metric *metric;
    struct tide_instant closing; /* cells that end before it are complete; or UNKNOWN */
    struct tide_result *result;
    struct tide_served_cells *served; /* NULL: all is speed */
    struct tide_cell_request request;
    struct tide_generations *generations;
    struct tide_batch_series *series[2]; /* of the metric, or of a ratio's parts */
    bool has_runs;
};

/* Visits all partitions and waits for them. Release it in any case. RETRY: no memory, or the engine
 * has stopped. */
enum tide_status api_cells_ask(const struct tide_api *api,
                               const struct api_cells_question *question,
                               struct api_cells *cells,
                               struct tide_error *error);
/* The same in steps, so that one visit serves several metrics: begin, a visit of
 * tide_cell_request_visit with cells->request (whose span may be changed before), finish. */
enum tide_status api_cells_begin(const struct tide_api *api,
                                 const struct api_cells_question *question,
                                 struct api_cells *cells,
                                 struct tide_error *error);
enum tide_status api_cells_finish(const struct api_cells_question *question,
                                  struct api_cells *cells,
                                  struct tide_error *error);
void api_cells_release(struct api_cells *cells);
/* A row of the result as an object, without '\n': as replay prints it, and "definition",
 * "generation", "revision", "exact", "complete" and more (api_metrics.c has the list). extra is a
 * buffer to be used again for the next row. */
void api_cells_write_row(const struct api_cells *cells,
                         const struct tide_result_row *row,
                         struct tide_bytes *extra,
                         struct tide_bytes *text);

#endif
