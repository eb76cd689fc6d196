/* What a chart must know of a metric before it has seen a cell: a title, how long its windows are,
 * which numbers its cells have and in what unit, and the words of its kind. */
#ifndef TIDE_SERVE_METRIC_SHAPE_H
#define TIDE_SERVE_METRIC_SHAPE_H

#include "base/bytes.h"
#include "metric/definition.h"

/* Appends members: "title", "window", "values", and of some kinds "steps" and "timeout_s",
 * "timeout_s", "periods", or "quantiles". */
void tide_metric_shape_write(const struct tide_definitions *definitions,
                             const struct tide_metric *metric,
                             struct tide_bytes *json);

#endif
