/* Metric definitions: loaded from YAML, checked against the schema, read-only afterwards. */
#ifndef TIDE_METRIC_DEFINITION_H
#define TIDE_METRIC_DEFINITION_H

#include "metric/having.h"
#include "metric/window.h"

enum {
    TIDE_METRICS_MAX = 1000,
    TIDE_METRIC_BY_MAX = 16,
    TIDE_QUANTILES_MAX = 16,
    TIDE_FUNNEL_STEPS_MAX = 16,
    TIDE_RETENTION_PERIODS_MAX = 366,
    TIDE_PANES_MAX = 10000,       /* over / every */
    TIDE_HAVING_WINDOWS_MAX = 366 /* likewise, with having */
};

enum tide_metric_kind {   /* the values are in definition hashes: they never change */
    TIDE_METRIC_COUNT,    /* events */
    TIDE_METRIC_DISTINCT, /* values of a column; of the entity those that satisfy `having` */
    TIDE_METRIC_SUM,
    TIDE_METRIC_MEAN,
    TIDE_METRIC_MIN,
    TIDE_METRIC_MAX,
    TIDE_METRIC_QUANTILES,
    TIDE_METRIC_APPROX_DISTINCT,
    TIDE_METRIC_SESSIONS,
    TIDE_METRIC_FUNNEL,
    TIDE_METRIC_RETENTION,
    TIDE_METRIC_RATIO, /* of two other metrics, computed when asked */
};

struct tide_quantile {
    struct tide_view text; /* "0.95", as it is printed */
    uint64_t numerator;    /* of a decimal fraction in [0, 1] */
    uint64_t denominator;
};

struct tide_sessions_plan { /* per entity */
    struct tide_duration timeout;
};

struct tide_funnel_plan {
    uint32_t per[TIDE_METRIC_BY_MAX]; /* columns; the entity is one of them */
    uint32_t per_count;
    struct tide_duration timeout;
    struct tide_view step_names[TIDE_FUNNEL_STEPS_MAX];
    const struct tide_expression *steps[TIDE_FUNNEL_STEPS_MAX];
    uint32_t step_count;
};

/* Per entity; the period is the metric's `every`. */
struct tide_retention_plan {
    uint32_t period_count; /* after the cohort's own */
    bool is_unbounded;     /* retained in period k: seen in k or later */
};

struct tide_metric {
    struct tide_view name;
    enum tide_metric_kind kind;
    uint32_t column;                     /* what is aggregated; NONE where nothing is */
    const struct tide_expression *where; /* or NULL */
    const struct tide_having *having;    /* of distinct entities; or NULL */
    uint32_t by[TIDE_METRIC_BY_MAX];
    uint32_t by_count;
    struct tide_window_spec every; /* a ratio has none */
    uint32_t pane_count;           /* windows are so many times `every`: over; 1: tumbling */
    uint32_t top;                  /* 0: all groups */
    struct tide_quantile *quantiles;
    uint32_t quantile_count;
    struct tide_sessions_plan sessions;
    const struct tide_funnel_plan *funnel;
    struct tide_retention_plan retention;
    uint32_t parts[2];     /* of a ratio: indices of the metrics above and below the line */
    bool is_hidden;        /* computed as a part of a ratio, but not selected: it is not shown */
    struct tide_u128 hash; /* of the definition; travels with its numbers */
    struct tide_position position;
};

struct tide_alert; /* metric/alert.h */

struct tide_definitions {
    const struct tide_schema *schema;
    struct tide_metric *metrics; /* in the order of the file */
    uint32_t metric_count;
    struct tide_alert *alerts; /* of selected metrics, likewise */
    uint32_t alert_count;
    const struct tide_source *sources; /* what was read: user's file, preset */
    uint32_t source_count;
};

struct tide_definitions_input {
    const struct tide_source *file; /* user's YAML, or NULL; its other sections are not looked at */
    struct tide_view preset;        /* name, or empty; the file may name one itself */
    const struct tide_view *only;   /* selected metrics; none selected: all */
    uint32_t only_count;
    bool is_judged; /* no event will be judged: tide_schema_load_judged */
};

/* Loads schema, metrics and alerts. A file with `preset: NAME` takes the preset's, and adds or
 * replaces metrics and alerts by name; `NAME: off` takes an alert away. A ratio's parts are there
 * even if they were not selected (is_hidden). NULL when the diagnostics got an error. Warnings are
 * of what was selected. */
struct tide_definitions *tide_definitions_load(struct tide_arena *arena,
                                               const struct tide_definitions_input *input,
                                               struct tide_diagnostics *diagnostics);
const struct tide_metric *tide_definitions_find(const struct tide_definitions *definitions,
                                                struct tide_view name);
const char *tide_metric_kind_name(enum tide_metric_kind kind);
/* When nothing more can come for a window, by the closing clock: its end, the timeout of sessions
 * and funnels, a cohort's last period. */
struct tide_instant tide_metric_settled_at(const struct tide_metric *metric,
                                           struct tide_window window);
/* Of the two parts of a ratio, say: also the same zone and as many panes. */
bool tide_metric_same_windows(const struct tide_metric *a, const struct tide_metric *b);
/* The entity's distinct number: partitions have different entities, so it adds. */
static inline bool tide_metric_is_of_entities(const struct tide_schema *schema,
                                              const struct tide_metric *metric)
{
    return metric->kind == TIDE_METRIC_DISTINCT && metric->column == schema->entity;
}
/* Marks in used[column] what a metric looks at; of a ratio its parts do. */
void tide_metric_mark_columns(const struct tide_metric *metric, bool *used);
/* The preset's text, or NULL. */
const struct tide_source *tide_preset_find(struct tide_view name);
size_t tide_preset_count(void);
const struct tide_source *tide_preset_at(size_t index);

#endif
