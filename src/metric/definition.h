/* Metric definitions: loaded from YAML, checked against the schema, read-only afterwards. */
#ifndef TIDE_METRIC_DEFINITION_H
#define TIDE_METRIC_DEFINITION_H

#include "metric/expression.h"
#include "metric/window.h"

enum {
    TIDE_METRICS_MAX = 1000,
    TIDE_METRIC_BY_MAX = 16
};

enum tide_metric_kind {
    TIDE_METRIC_COUNT,    /* events */
    TIDE_METRIC_DISTINCT, /* entities */
    TIDE_METRIC_SUM,
    TIDE_METRIC_MEAN,
    TIDE_METRIC_MIN,
    TIDE_METRIC_MAX,
};

struct tide_metric {
    struct tide_view name;
    enum tide_metric_kind kind;
    uint32_t column;                     /* what is aggregated; NONE for count */
    const struct tide_expression *where; /* or NULL */
    uint32_t by[TIDE_METRIC_BY_MAX];
    uint32_t by_count;
    struct tide_window_spec every;
    uint32_t top;          /* 0: all groups */
    struct tide_u128 hash; /* of the definition; travels with its numbers */
    struct tide_position position;
};

struct tide_skipped_metric { /* a preset's metric that this version cannot compute */
    struct tide_view name;
    struct tide_view why; /* "funnel is not supported yet" */
};

struct tide_definitions {
    const struct tide_schema *schema;
    struct tide_metric *metrics; /* in the order of the file */
    uint32_t metric_count;
    struct tide_skipped_metric *skipped;
    uint32_t skipped_count;
    const struct tide_source *sources; /* what was read: user's file, preset */
    uint32_t source_count;
};

struct tide_definitions_input {
    const struct tide_source *file; /* user's YAML, or NULL; its other sections are not looked at */
    struct tide_view preset;        /* name, or empty; the file may name one itself */
    const struct tide_view *only;   /* selected metrics; none selected: all */
    uint32_t only_count;
    bool skip_unsupported; /* a preset's metrics are skipped in any case; also those of the file */
    bool is_judged;        /* no event will be judged: tide_schema_load_judged */
};

/* Loads schema and metrics. A file with `preset: NAME` takes the preset's schema and metrics, and
 * adds or replaces metrics by name. Metrics that need what does not exist yet (over, having,
 * timezone other than UTC, derived columns, distinct of another column than the entity, quantiles,
 * ratio, sessions, funnel, retention, approx_distinct) are skipped when they come from a preset,
 * and errors in a user's file, unless `only` leaves them out. NULL when the diagnostics got an
 * error. */
struct tide_definitions *tide_definitions_load(struct tide_arena *arena,
                                               const struct tide_definitions_input *input,
                                               struct tide_diagnostics *diagnostics);
const struct tide_metric *tide_definitions_find(const struct tide_definitions *definitions,
                                                struct tide_view name);
const char *tide_metric_kind_name(enum tide_metric_kind kind);
/* The preset's text, or NULL. */
const struct tide_source *tide_preset_find(struct tide_view name);
size_t tide_preset_count(void);
const struct tide_source *tide_preset_at(size_t index);

#endif
