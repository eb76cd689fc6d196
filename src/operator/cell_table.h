/* Cells of one metric merged from several partitions, or from a batch run, ready to be served:
 * merge, filter, sort, cut to the top, print. Owns its memory. One thread. */
#ifndef TIDE_OPERATOR_CELL_TABLE_H
#define TIDE_OPERATOR_CELL_TABLE_H

#include "operator/operator.h"

struct tide_cell_table;

struct tide_cell {
    struct tide_window window;
    struct tide_view group; /* canonical encoding of the by-columns, or TIDE_GROUP_OTHER */
    const struct tide_cell_value *value;
};

enum tide_status tide_cell_table_create(const struct tide_schema *schema,
                                        const struct tide_metric *metric,
                                        struct tide_cell_table **table,
                                        struct tide_error *error);
void tide_cell_table_destroy(struct tide_cell_table *table);
/* Merges into the cell of that window and group. FATAL: out of memory. */
enum tide_status tide_cell_table_add(struct tide_cell_table *table,
                                     struct tide_window window,
                                     struct tide_view group,
                                     const struct tide_cell_value *value);
bool tide_cell_table_has(const struct tide_cell_table *table,
                         struct tide_window window,
                         struct tide_view group);
/* Visits each cell as it is, in no order unless the table is finished. An answer other than OK ends
 * the visit. */
enum tide_status tide_cell_table_visit(const struct tide_cell_table *table,
                                       enum tide_status (*visit)(void *context,
                                                                 const struct tide_cell *cell),
                                       void *context);
struct tide_cell_span { /* of window starts: [from, to); UNKNOWN: unbounded on that side */
    struct tide_instant from;
    struct tide_instant to;
    struct tide_instant closing; /* as in tide_cell_visitor */
};
#define TIDE_CELL_SPAN_ALL                                                                         \
    ((struct tide_cell_span){TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN})
bool tide_cell_span_has(struct tide_cell_span span, struct tide_window window);
/* Merges the cells of a partition. FATAL: out of memory. */
enum tide_status tide_cell_table_add_operator(
    struct tide_cell_table *table, struct tide_operator *operator, struct tide_cell_span span);
/* Both of one metric; other was not finished, or has no top. */
enum tide_status tide_cell_table_merge(struct tide_cell_table *table,
                                       const struct tide_cell_table *other);
/* Sorts by (window start, group) after keeping, in each window, the metric's top N if it has one
 * (largest value; ties by group ascending, null first; null values last). Then cells can be
 * read. */
void tide_cell_table_finish(struct tide_cell_table *table);
const struct tide_metric *tide_cell_table_metric(const struct tide_cell_table *table);
uint64_t tide_cell_table_count(const struct tide_cell_table *table);
struct tide_cell tide_cell_table_at(const struct tide_cell_table *table, uint64_t index);

#endif
