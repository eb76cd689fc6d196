/* One entry under `metrics:` in YAML, checked against the schema. Private to the room. */
#ifndef TIDE_METRIC_METRIC_PARSE_H
#define TIDE_METRIC_METRIC_PARSE_H

#include "metric/definition.h"

enum tide_metric_outcome {
    TIDE_METRIC_USABLE,
    TIDE_METRIC_UNSUPPORTED, /* what it asks for does not exist yet; only `why` is set */
    TIDE_METRIC_WRONG,       /* the diagnostics say why */
};

struct tide_metric_parse {
    struct tide_arena *arena;
    const struct tide_schema *schema;
    struct tide_diagnostics *diagnostics;
};

/* node: a member of the mapping `metrics`. metric and why live in the arena. */
enum tide_metric_outcome tide_metric_parse(const struct tide_metric_parse *parse,
                                           const struct tide_yaml *node,
                                           struct tide_metric *metric,
                                           struct tide_view *why);

#endif
