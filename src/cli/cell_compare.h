/* The cells of one metric as two sides tell them, line by line: the service's and the lake's. What
 * must be equal is compared as text; what a kind estimates, by its numbers. */
#ifndef TIDE_CLI_CELL_COMPARE_H
#define TIDE_CLI_CELL_COMPARE_H

#include "metric/definition.h"

/* What the service says of a cell in members of the line that the lake's has not: "exact": false,
 * "folded": true, "pending_batch": true (serve/api_barrier.c). */
struct tide_cell_comparison {
    const struct tide_definitions *definitions;
    const struct tide_metric *metric;
    struct tide_view live;    /* NDJSON; lines of other metrics are passed over */
    struct tide_view lake;    /* likewise */
    struct tide_instant from; /* cells of windows before it are left out; UNKNOWN, 0: none */
    /* Called for each line that differs, in order; what: "live", "lake", "live only" or "lake
     * only". */
    void (*differ)(void *context, const char *what, struct tide_view line);
    void *context;
    /* Filled: */
    uint64_t cell_count; /* of the service */
    uint64_t differences;
    uint64_t left_count; /* cells that the service left to batch, or folded, and differ for that */
    double within;       /* the greatest relative error that had to be allowed; 0: none */
};

/* The comparison's last fields must be 0. RETRY: out of memory. REJECT: a line is no cell. */
enum tide_status tide_cells_compare(struct tide_cell_comparison *comparison,
                                    struct tide_error *error);

#endif
