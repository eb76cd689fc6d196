/* Cells as text: one line of JSON, as oracle.py prints it, without its last brace. Private to the
 * room; result.h is what others use. */
#ifndef TIDE_OPERATOR_CELL_TEXT_H
#define TIDE_OPERATOR_CELL_TEXT_H

#include "operator/cell_table.h"

/* {"metric": "m", "start": "..Z", "end": "..Z", "group": {"a": "x"}, "value": 3
 * By kind, after the group:
 *   quantiles  "count": n, "quantiles": {"0.5": v, ..}
 *   mean       "value": v, "count": n, "sum": s
 *   sessions   "sessions": n, "events": n, "bounced": n, "mean_duration": s, "median_duration": s
 * funnel     "entered", "completed", "open", "unmatched", "steps": [{"name", "reached", "entities",
 *              "abandoned"}, ..], "mean_time", "median_time" (seconds, or null)
 *   retention  {"metric": "m", "cohort": "2026-03-02", "size": n, "retained": [n, ..] */
void tide_cell_write_json(const struct tide_schema *schema,
                          const struct tide_metric *metric,
                          const struct tide_cell *cell,
                          struct tide_bytes *text);

/* The members that say which cell it is, as they stand at the start of its line, without the last
 * brace. */
void tide_cell_write_key(const struct tide_schema *schema,
                         const struct tide_metric *metric,
                         struct tide_window window,
                         struct tide_view group,
                         struct tide_bytes *text);

struct tide_ratio_text {
    struct tide_number above;
    struct tide_number below;
    bool present;
    double value;
};
void tide_ratio_write_json(const struct tide_schema *schema,
                           const struct tide_metric *metric,
                           struct tide_window window,
                           struct tide_view group,
                           const struct tide_ratio_text *ratio,
                           struct tide_bytes *text);

#endif
