/* Conditions over what one entity did in one window and group: `count() > 2`,
 * `distinct(device_id) >= 2`. The same grammar as other conditions, over facts instead of columns.
 *
 * Facts are the columns of a small schema of their own, so the expression that comes out runs like
 * any other: over a batch of facts. The names of those columns are their SQL. */
#ifndef TIDE_METRIC_HAVING_H
#define TIDE_METRIC_HAVING_H

#include "metric/expression.h"

enum {
    TIDE_FACTS_MAX = 16
};

struct tide_having {
    const struct tide_schema *facts;  /* columns int, never null */
    uint32_t columns[TIDE_FACTS_MAX]; /* of the event, for distinct(column); NONE: count() */
    uint32_t fact_count;
    const struct tide_expression *expression; /* over facts */
};

/* As tide_expression_parse; schema is the event's. Lives in arena. */
const struct tide_having *tide_having_parse(struct tide_arena *arena,
                                            const struct tide_schema *schema,
                                            struct tide_view text,
                                            struct tide_position position,
                                            struct tide_diagnostics *diagnostics);

#endif
