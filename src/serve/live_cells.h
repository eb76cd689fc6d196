/* What changed, of the newest windows and largest groups of each metric, since a look before.
 *
 * Each look is a number. One visit tells which windows were touched since the metric was looked at
 * last: by the log offset of the last event, and by the clock that makes windows complete. A second
 * one brings the cells of those alone, of all metrics together, and each cell that is other than it
 * was remembered (cell_memory.h) gets the look's number. So whoever had everything up to look n
 * needs the cells with a higher number, however long ago that was.
 *
 * A metric that is expensive to look at is looked at less often: its looks take at most a tenth of
 * the time. One thread. */
#ifndef TIDE_SERVE_LIVE_CELLS_H
#define TIDE_SERVE_LIVE_CELLS_H

#include "serve/api_internal.h"

enum {
    LIVE_GROUPS_MAX = 200, /* of a window */
    LIVE_WINDOWS_MAX = 500,
    LIVE_CELLS_MAX = 20000, /* windows times groups */
};

struct live_cells;

/* What somebody wants of a metric. */
struct live_want {
    uint32_t windows; /* the newest; 0: nothing */
    uint32_t groups;  /* the largest of each */
    bool all;         /* not only what was touched: somebody is behind */
};

struct live_row {
    uint32_t window;       /* 0 is the newest */
    uint32_t rank;         /* in the window, by its value; 0 is the largest */
    uint64_t look;         /* in which it was found to be other than before, or new */
    struct tide_view text; /* the cell, as the API writes it */
};

struct live_look {
    const struct live_want *wants; /* by metric */
    /* How many groups a follower may have at most: a cell that comes to be among those is new to
     * him. */
    const uint32_t *groups;
    uint32_t groups_count;
    /* Called for each metric that was looked at, also if no row is to be shown: those that were
     * touched, or all. Rows are gone afterwards. */
    void (*see)(void *context,
                uint32_t metric_index,
                const struct live_row *rows,
                uint32_t row_count);
    void *context;
};

/* cells_max: remembered. RETRY: no memory. */
enum tide_status live_cells_create(const struct tide_api *api,
                                   uint32_t cells_max,
                                   struct live_cells **cells,
                                   struct tide_error *error);
void live_cells_destroy(struct live_cells *cells); /* NULL is fine */
/* RETRY: no memory, or the engine has stopped; metrics that were not seen are in the next look. */
enum tide_status live_cells_look(struct live_cells *cells,
                                 const struct live_look *look,
                                 struct tide_error *error);
/* Touches what changes by time alone: windows that became complete since the last call, and those
 * that a batch may have changed. */
void live_cells_beat(struct live_cells *cells);
/* Whether a look would find something: events were processed, or windows are touched. Cheap. */
bool live_cells_is_behind(const struct live_cells *cells, const struct live_want *wants);
uint64_t live_cells_number(
    const struct live_cells *cells); /* of the last look; 0: there was none */
/* The last in which the metric was looked at. */
uint64_t live_cells_looked(const struct live_cells *cells, uint32_t metric_index);

#endif
