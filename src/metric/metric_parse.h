/* One entry under `metrics:` in YAML, checked against the schema. Private to the room. */
#ifndef TIDE_METRIC_METRIC_PARSE_H
#define TIDE_METRIC_METRIC_PARSE_H

#include "metric/definition.h"

struct tide_metric_parse {
    struct tide_arena *arena;
    const struct tide_schema *schema;
    struct tide_diagnostics *diagnostics;
};

/* node: a member of the mapping `metrics`. metric lives in the arena; a ratio's parts and hash are
 * still open (tide_metric_join). false: the diagnostics say why. */
bool tide_metric_parse(const struct tide_metric_parse *parse,
                       const struct tide_yaml *node,
                       struct tide_metric *metric);
/* The names of a ratio's parts, as nodes: above and below the line. false: they are not two. */
bool tide_metric_part_nodes(const struct tide_yaml *node, const struct tide_yaml *parts[2]);
/* Checks that a ratio and its parts go together, and gives it its hash. parts: NULL is one that is
 * unknown or broken (reported); the other is checked all the same. nodes: where they are named.
 * false: the diagnostics say why. */
bool tide_metric_join(const struct tide_metric_parse *parse,
                      struct tide_metric *ratio,
                      const struct tide_metric *const parts[2],
                      const struct tide_yaml *const nodes[2]);

/* Warns of what is allowed in a metric that was parsed, and cannot be meant: conditions that are
 * never or always true, steps that are never reached, keys that do nothing. */
void tide_metric_warn(const struct tide_metric_parse *parse,
                      const struct tide_yaml *node,
                      const struct tide_metric *metric);
/* The same of a ratio whose parts have no windows in common; node: where they are named. */
void tide_metric_warn_ratio(const struct tide_metric_parse *parse,
                            const struct tide_yaml *node,
                            const struct tide_metric *const parts[2]);
/* Warns of derived columns that no metric uses. used: as marked; sources of columns are added. */
void tide_metric_warn_columns(const struct tide_metric_parse *parse, bool *used);

#endif
