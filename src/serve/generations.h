/* What batches have written of the metrics that a service serves, read from the lake's table
 * `metrics` when somebody asks, and kept while the table stays as it is.
 *
 * A series is a metric of one definition: rows of another hash are another series, and not looked
 * at. Of a window the newest run that covers it counts, also where it has no cell of it. Any
 * thread; reading blocks, and holds up others that ask. */
#ifndef TIDE_SERVE_GENERATIONS_H
#define TIDE_SERVE_GENERATIONS_H

#include "base/clock.h"
#include "lake/store.h"
#include "operator/cell_table.h"

struct tide_generations;

struct tide_generations_options { /* outlives them */
    struct tide_clock clock;
    struct tide_store store; /* outlives them */
    const struct tide_definitions *definitions;
    uint32_t partition_count;
    uint64_t cells_max;      /* of one answer; beyond it the question must be narrowed */
    uint64_t kept_cells_max; /* of all series that are kept; not less */
};

/* The limits alone. */
struct tide_generations_options tide_generations_options_default(void);

/* RETRY: no memory. Nothing is read yet. */
enum tide_status tide_generations_create(const struct tide_generations_options *options,
                                         struct tide_generations **generations,
                                         struct tide_error *error);
void tide_generations_destroy(struct tide_generations *generations);

/* When the newest run began, of whatever metrics; unknown: there is none, or the lake cannot be
 * read now. Reads only when the table has changed. */
struct tide_instant tide_generations_newest(struct tide_generations *generations);

struct tide_batch_run {
    int64_t number;
    struct tide_window span; /* the windows that lie in it are covered; UNKNOWN: unbounded there */
    const uint64_t *reads;   /* by partition: one beyond the last event that it read */
};

struct tide_batch_series {
    struct tide_batch_run *runs;   /* the newest first */
    uint32_t run_count;            /* 0: there is no batch of the metric */
    struct tide_cell_table *table; /* finished; NULL without a run */
};

/* The newest run that covers the window, or NULL. */
const struct tide_batch_run *tide_batch_series_run(const struct tide_batch_series *series,
                                                   struct tide_window window);

/* The series of a metric that is no ratio (asserted), with at least the cells in span. It is lent,
 * to be read only, until given back. RETRY: the lake cannot be read now; REJECT: the table is not
 * ours, or there are too many cells in that span; FATAL: damage. A failure is logged when it is
 * news. */
enum tide_status tide_generations_take(struct tide_generations *generations,
                                       uint32_t metric_index,
                                       struct tide_cell_span span,
                                       struct tide_batch_series **series,
                                       struct tide_error *error);
void tide_generations_give(struct tide_generations *generations,
                           struct tide_batch_series *series); /* NULL is fine */

#endif
