/* Conditions over an event's columns: one parser, two back ends (bytecode and SQL text).
 *
 * or < and < not < comparison; == != < <= > >=, in [..], is null, is not null, a bare bool column.
 * Two-valued: a comparison with null is false, `not` inverts. Types are checked here. Read-only
 * after parsing; evaluation by any thread with a machine of its own. */
#ifndef TIDE_METRIC_EXPRESSION_H
#define TIDE_METRIC_EXPRESSION_H

#include "event/batch.h"

enum {
    TIDE_EXPRESSION_DEPTH_MAX = 32,
    TIDE_EXPRESSION_NODES_MAX = 512
};

struct tide_expression;

/* text: the YAML scalar's value; position: where the scalar stands (errors point into it as well as
 * they can). NULL when the diagnostics got an error. Lives in arena. */
struct tide_expression *tide_expression_parse(struct tide_arena *arena,
                                              const struct tide_schema *schema,
                                              struct tide_view text,
                                              struct tide_position position,
                                              struct tide_diagnostics *diagnostics);
/* Keeps those of rows[0..row_count) for which it holds; returns how many; order stays. */
uint32_t tide_expression_select(const struct tide_expression *expression,
                                const struct tide_batch *batch,
                                uint32_t *rows,
                                uint32_t row_count);
/* SQL of a boolean that is never null, equal on DuckDB and Spark. */
void tide_expression_sql(const struct tide_expression *expression, struct tide_bytes *sql);
/* Marks in used[column] the columns it reads. */
void tide_expression_columns(const struct tide_expression *expression, bool *used);
/* Canonical bytes for the definition's hash. */
void tide_expression_encode(const struct tide_expression *expression, struct tide_bytes *bytes);

#endif
