/* Names of columns in definitions. */
#ifndef TIDE_METRIC_COLUMN_H
#define TIDE_METRIC_COLUMN_H

#include "event/schema.h"

/* The column of that name. NONE: there is none, and it was reported at position with the nearest
 * name that exists. */
uint32_t tide_column_find(const struct tide_schema *schema,
                          struct tide_view name,
                          struct tide_position position,
                          struct tide_diagnostics *diagnostics);

#endif
