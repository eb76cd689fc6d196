/* What a question about one metric is answered with: finished cells, as people see them. A ratio is
 * divided here, from the cells of its two parts. Owns what it is made of. One thread. */
#ifndef TIDE_OPERATOR_RESULT_H
#define TIDE_OPERATOR_RESULT_H

#include "operator/cell_table.h"

struct tide_result;

/* Takes the tables over, also on failure: the metric's own, or a ratio's two parts, above and below
 * the line (else NULL). They are finished here. FATAL: out of memory. */
enum tide_status tide_result_create(const struct tide_definitions *definitions,
                                    const struct tide_metric *metric,
                                    struct tide_cell_table *table,
                                    struct tide_cell_table *below,
                                    struct tide_result **result);
void tide_result_destroy(struct tide_result *result);
uint64_t tide_result_count(const struct tide_result *result);

/* value is the cell's, or the one above the line, or NULL there; below likewise. Both are NULL for
 * none but a ratio. */
struct tide_result_row {
    struct tide_window window;
    struct tide_view group;
    const struct tide_cell_value *value;
    const struct tide_cell_value *below;
    bool lacks_folded; /* a side that is missing may be in (other) of its window */
};
/* By window start, then end, then group. */
struct tide_result_row tide_result_at(const struct tide_result *result, uint64_t index);
/* Events booked to the row's cells. */
uint64_t tide_result_revision(const struct tide_result_row *row);
bool tide_result_is_exact(const struct tide_result *result, const struct tide_result_row *row);
/* See tide_cell_value; of a ratio of either side, there or missing. */
bool tide_result_is_folded(const struct tide_result_row *row);
bool tide_result_is_pending(const struct tide_result_row *row); /* likewise */
/* One number that stands for the row: the value; of quantiles the first; sessions: their number;
 * funnel: completed; retention: the cohort's size. false: null. */
bool tide_result_number(const struct tide_result *result,
                        const struct tide_result_row *row,
                        double *number);

/* Which cell the row is: {"metric": "m", "start": "..Z", "end": "..Z", "group": {..}}, or of a
 * retention {"metric": "m", "cohort": ".."}: as in the row's line, so equal for all revisions. */
void tide_result_write_key(const struct tide_result *result,
                           const struct tide_result_row *row,
                           struct tide_bytes *text);
/* One line without '\n', as oracle.py prints it:
 *   {"metric": "m", "start": "..Z", "end": "..Z", "group": {"a": "x"}, "value": 3}
 * Deterministic text: equal rows give equal lines. extra: members to append after a comma, e.g.
 * "\"revision\": 3", or empty. */
void tide_result_write_json(const struct tide_result *result,
                            const struct tide_result_row *row,
                            struct tide_view extra,
                            struct tide_bytes *text);

#endif
