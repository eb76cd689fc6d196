/* Names in definitions: those of columns, and those that metrics and alerts are given. */
#ifndef TIDE_METRIC_COLUMN_H
#define TIDE_METRIC_COLUMN_H

#include "event/schema.h"

/* The column of that name. NONE: there is none, and it was reported at position with the nearest
 * name that exists. */
uint32_t tide_column_find(const struct tide_schema *schema,
                          struct tide_view name,
                          struct tide_position position,
                          struct tide_diagnostics *diagnostics);
/* The name that a member is given: [a-z_][a-z0-9_]*, at most 100 bytes; else it is reported. what:
 * "a metric". */
void tide_name_check(const struct tide_yaml *node,
                     const char *what,
                     struct tide_diagnostics *diagnostics);

#endif
