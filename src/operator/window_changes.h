/* When the windows of a metric were last touched, in one partition: which of its numbers a batch
 * that read the log up to an offset has seen whole.
 *
 * A window is touched by an event that changes any of its cells, or takes what was in one to
 * another window. Owns its memory. One thread. */
#ifndef TIDE_OPERATOR_WINDOW_CHANGES_H
#define TIDE_OPERATOR_WINDOW_CHANGES_H

#include "operator/cell_table.h"

struct tide_window_changes;

/* FATAL: out of memory. */
enum tide_status tide_window_changes_create(struct tide_window_changes **changes);
void tide_window_changes_destroy(struct tide_window_changes *changes);
/* Adds the windows of an operator that the span lets through. FATAL: out of memory. */
enum tide_status tide_window_changes_read(struct tide_window_changes *changes,
                                          const struct tide_operator *
                                          operator,
                                          struct tide_cell_span span);
uint32_t tide_window_changes_count(const struct tide_window_changes *changes);
/* Those that are there, in no order. */
struct tide_window tide_window_changes_window(const struct tide_window_changes *changes,
                                              uint32_t index);
/* One beyond the log offset of the last event that touched the window; 0: none did. */
uint64_t tide_window_changes_at(const struct tide_window_changes *changes,
                                struct tide_window window);

#endif
