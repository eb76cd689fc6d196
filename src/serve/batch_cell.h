/* A batch's cell as text and back: the column `state` of the lake's table `metrics`. It has the
 * exact integers of which the numbers that people see are made, so that what was written is served
 * to the last digit. Format: docs/formats/lake.md. */
#ifndef TIDE_SERVE_BATCH_CELL_H
#define TIDE_SERVE_BATCH_CELL_H

#include "operator/cell_table.h"

/* Appends the state of a cell that a batch computed; not of a ratio (asserted). */
void tide_batch_cell_write(const struct tide_metric *metric,
                           const struct tide_cell *cell,
                           struct tide_bytes *text);
/* Adds the cell to a table of that metric. scratch is reset. REJECT: not a state of this metric, or
 * the table has the cell already; RETRY: out of memory. */
enum tide_status tide_batch_cell_read(const struct tide_schema *schema,
                                      struct tide_cell_table *table,
                                      struct tide_window window,
                                      struct tide_view text,
                                      struct tide_arena *scratch,
                                      struct tide_error *error);

#endif
