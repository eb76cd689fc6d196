/* What the files metric_*.c share while one metric is parsed. Private to the room. */
#ifndef TIDE_METRIC_METRIC_PARSER_H
#define TIDE_METRIC_METRIC_PARSER_H

#include "metric/metric_parse.h"

struct metric_parser {
    struct tide_arena *arena;
    const struct tide_schema *schema;
    struct tide_diagnostics *diagnostics;
    const struct tide_yaml *node;
    struct tide_metric *metric;
    const struct tide_yaml *kind_node; /* the member that names the kind */
};

#define METRIC_REPORT(parser, position, ...)                                                       \
    tide_diagnostics_error((parser)->diagnostics, (position), __VA_ARGS__)

/* A scalar with a text; else it is reported as "'key' must be <expected>". */
bool metric_is_scalar(struct metric_parser *parser,
                      const struct tide_yaml *node,
                      const char *expected);
/* Digits of at most 9 places; false: not that. */
bool metric_parse_number(struct tide_view text, uint32_t *number);
/* The column that a scalar names; NONE: reported. */
uint32_t metric_parse_column(struct metric_parser *parser, const struct tide_yaml *node);
/* A list of different columns; what: "'by'". */
void metric_parse_columns(struct metric_parser *parser,
                          const struct tide_yaml *node,
                          const char *what,
                          uint32_t *columns,
                          uint32_t *count);
/* A condition; NULL: reported. */
const struct tide_expression *metric_parse_condition(struct metric_parser *parser,
                                                     const struct tide_yaml *node);

/* The member that names the kind, of the kinds that are more than a column. */
void metric_parse_quantiles(struct metric_parser *parser);
void metric_parse_sessions(struct metric_parser *parser);
void metric_parse_funnel(struct metric_parser *parser);
void metric_parse_retention(struct metric_parser *parser);
void metric_parse_ratio(struct metric_parser *parser);

/* Everything but the name: the same question has the same hash. A ratio has none before its parts
 * are known. false: out of memory. */
bool metric_compute_hash(const struct tide_schema *schema, struct tide_metric *metric);
/* Makes a ratio's hash also that of its parts. false: out of memory. */
bool metric_join_hashes(struct tide_metric *ratio, const struct tide_metric *const parts[2]);

#endif
