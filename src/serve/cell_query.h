/* Cells out of a running engine: each partition copies its own on its own thread, then they are
 * merged, filtered, sorted and cut on the asker's. */
#ifndef TIDE_SERVE_CELL_QUERY_H
#define TIDE_SERVE_CELL_QUERY_H

#include "operator/result.h"
#include "operator/window_changes.h"
#include "process/engine.h"

/* What one partition contributed: its own slot, so that no lock is needed. */
struct tide_cell_slot {
    struct tide_cell_table **tables;      /* by metric; NULL: not asked for */
    struct tide_window_changes **changes; /* likewise */
    enum tide_status status;
    bool visited;
    uint64_t next_epoch;
    uint64_t next_offset;
    struct tide_ledger ledger;
    struct tide_instant watermark;
    struct tide_instant closing;
};

/* What stands in place of the partitions' cells, window by window: a batch's. */
struct tide_cell_overlay {
    bool (*replaces)(void *context, const struct tide_metric *metric, struct tide_window window);
    /* Adds the cells of the windows that it replaces. FATAL: out of memory. */
    enum tide_status (*add)(void *context,
                            const struct tide_metric *metric,
                            struct tide_cell_table *table);
    void *context;
};

#define TIDE_METRICS_ALL UINT32_MAX
#define TIDE_METRICS_NONE (UINT32_MAX - 1) /* facts only */

/* A request to all partitions. After init only the visits write, each its partition's slot; an
 * overlay is set when they are done. */
struct tide_cell_request {
    const struct tide_definitions *definitions;
    struct tide_metric *metrics; /* definitions' own, without their top: see result */
    bool *is_wanted;             /* by metric; of a ratio its parts */
    uint32_t partition_count;
    struct tide_cell_span span;
    bool wants_changes; /* when the windows were last touched, too; set before the visits */
    bool leaves_cells;  /* no cells: there is no result; likewise */
    struct tide_cell_slot *slots;
    const struct tide_cell_overlay *overlay; /* of results; NULL: partitions' cells only */
};

struct tide_cell_scope { /* which metrics, which windows */
    uint32_t metric;     /* its index, ALL or NONE */
    struct tide_cell_span span;
};

/* RETRY: out of memory. Release it in any case (all zero is empty). */
enum tide_status tide_cell_request_init(struct tide_cell_request *request,
                                        const struct tide_definitions *definitions,
                                        uint32_t partition_count,
                                        const struct tide_cell_scope *scope,
                                        struct tide_error *error);
void tide_cell_request_release(struct tide_cell_request *request);
/* For tide_engine_visit and tide_engine_barrier; context is the request. */
void tide_cell_request_visit(void *request, struct tide_partition *partition);
/* One metric of the request, of all partitions. filter (NULL: all) is over the metric's by-columns
 * and comes before the cut to the top; the group (other) passes none. A ratio's part without a
 * column of the filter is not narrowed. The windows of a ratio are not bounded by the span: its
 * parts may have others. The caller destroys the result. RETRY: out of memory, here or in a visit,
 * or a partition was not visited. */
enum tide_status tide_cell_request_result(const struct tide_cell_request *request,
                                          uint32_t metric_index,
                                          const struct tide_expression *filter,
                                          struct tide_result **result,
                                          struct tide_error *error);

#endif
