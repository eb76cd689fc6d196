/* Alerts: a metric, and when somebody wants to be told. One entry under `alerts:` in YAML, checked
 * against the metrics; read-only afterwards. serve/alerts.h watches them.
 *
 *     crash_spike: {metric: crashes, when: 'value >= 10 and value > 3 * baseline', baseline: 1h,
 *                   for: 2m, at_least: 50, where: 'os == "ios"', notify: [log, webhook]}
 *     silence:     {metric: active_users, absent: 10m}
 *     slow:        {metric: launch_time, of: p95, when: 'value > 2000'}
 *
 * `when` looks at each group of the metric, once for each window that is complete; `absent` at the
 * metric as a whole, which is one instance. */
#ifndef TIDE_METRIC_ALERT_H
#define TIDE_METRIC_ALERT_H

#include "metric/alert_condition.h"
#include "metric/definition.h"

enum {
    TIDE_ALERTS_MAX = 200,
    TIDE_BASELINE_WINDOWS_MAX = 10000,
};

enum tide_alert_on { /* which number of a kind; the values are in hashes: they never change */
    TIDE_ALERT_ON_VALUE = 0,
    TIDE_ALERT_ON_QUANTILE = 1,
    TIDE_ALERT_ON_SESSIONS = 2,
    TIDE_ALERT_ON_EVENTS = 3,
    TIDE_ALERT_ON_BOUNCED = 4,
    TIDE_ALERT_ON_MEAN_DURATION = 5, /* seconds, as all durations */
    TIDE_ALERT_ON_MEDIAN_DURATION = 6,
    TIDE_ALERT_ON_COMPLETED = 7,
    TIDE_ALERT_ON_ENTERED = 8,
    TIDE_ALERT_ON_UNMATCHED = 9,
    TIDE_ALERT_ON_CONVERSION = 10, /* completed / entered */
    TIDE_ALERT_ON_MEAN_TIME = 11,
    TIDE_ALERT_ON_MEDIAN_TIME = 12,
};

enum tide_alert_sink { /* bits */
    TIDE_ALERT_SINK_LOG = 1,
    TIDE_ALERT_SINK_WEBHOOK = 2,
};

struct tide_alert {
    struct tide_view name;
    uint32_t metric; /* its index in the definitions */
    enum tide_alert_on on;
    struct tide_view on_text;            /* "value", "p95" */
    uint32_t quantile;                   /* of ON_QUANTILE: its index in the metric */
    const struct tide_expression *where; /* over the metric's groups; or NULL */
    struct tide_view where_text;
    const struct tide_alert_condition *when; /* NULL: absent */
    struct tide_view when_text;
    struct tide_duration absent; /* 0: when */
    uint32_t baseline_windows;   /* that end before the one that is looked at begins; 0: none */
    struct tide_view baseline_text;
    struct tide_duration hold_for; /* before pending becomes firing */
    uint64_t events_min;           /* in the window; fewer, and it does not hold */
    struct tide_duration memory;   /* a group that is silent for longer is forgotten */
    unsigned sinks;                /* of enum tide_alert_sink */
    struct tide_u128 hash;         /* of all that decides when it holds; not of the sinks */
    struct tide_position position;
};

struct tide_alert_parse {
    struct tide_arena *arena;
    const struct tide_schema *schema;
    struct tide_diagnostics *diagnostics;
    const struct tide_view *names;            /* of all metrics */
    const struct tide_metric *const *metrics; /* with those names; NULL: it has mistakes itself */
    uint32_t metric_count;
};

/* node: a member of the mapping `alerts`; not one that says `off`. alert->metric is the index among
 * those of parse. false: the diagnostics say why, or its metric's own do. */
bool tide_alert_parse(const struct tide_alert_parse *parse,
                      const struct tide_yaml *node,
                      struct tide_alert *alert);
/* `NAME: off` takes an alert of the preset away. */
bool tide_alert_is_off(const struct tide_yaml *node);

/* The metric whose windows it follows: its own, or of a ratio the one above the line. */
const struct tide_metric *tide_alert_timed(const struct tide_definitions *definitions,
                                           const struct tide_alert *alert);

#endif
