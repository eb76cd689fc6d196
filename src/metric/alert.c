/* One entry of `alerts:`. Every part is looked at by itself, so that all mistakes come at once. */
#include "metric/alert.h"

#include "base/assert.h"
#include "base/civil.h"
#include "metric/column.h"
#include "metric/metric_parser.h"

#include <string.h>

#include "base/banned.h"

enum {
    MEMORY_WINDOWS = 10,
    HASH_VERSION = 1,
};

#define HOLD_MAX_US (INT64_C(30) * TIDE_US_PER_DAY)
#define MEMORY_MIN_US TIDE_US_PER_DAY

#define WORD(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

struct parser {
    const struct tide_alert_parse *parse;
    const struct tide_yaml *node;
    struct tide_alert *alert;
    const struct tide_metric *metric; /* NULL: unknown, or it has mistakes itself */
    const struct tide_metric *timed;  /* whose windows it follows; likewise */
};

#define REPORT(parser, position, ...)                                                              \
    tide_diagnostics_error((parser)->parse->diagnostics, (position), __VA_ARGS__)

/* A member's scalar with a text; NULL: absent, or reported. */
static const struct tide_yaml *scalar(struct parser *parser, const char *key, const char *expected)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, key);
    if (node != NULL && (node->kind != TIDE_YAML_SCALAR || node->text.size == 0)) {
        REPORT(parser, node->position, "'%s' must be %s", key, expected);
        return NULL;
    }
    return node;
}

/* false: absent, or reported. */
static bool parse_duration(struct parser *parser, const char *key, struct tide_duration *duration)
{
    const struct tide_yaml *node = scalar(parser, key, "a time, such as 10m");
    if (node == NULL) {
        return false;
    }
    if (!tide_duration_parse(node->text, duration) || duration->us < 0) {
        REPORT(parser,
               node->position,
               "'%.*s' is not a time; write a number and ms, s, m, h, d or w",
               TIDE_VIEW_ARGUMENTS(node->text));
        return false;
    }
    return true;
}

/* ------- metric */

static void report_unknown_metric(struct parser *parser, const struct tide_yaml *node)
{
    const struct tide_alert_parse *parse = parser->parse;
    const struct tide_view near = tide_nearest(node->text, parse->names, parse->metric_count);
    REPORT(parser,
           node->position,
           "unknown metric '%.*s'%s%.*s%s",
           TIDE_VIEW_ARGUMENTS(node->text),
           near.size > 0 ? "; did you mean '" : "",
           TIDE_VIEW_ARGUMENTS(near),
           near.size > 0 ? "'?" : "");
}

static void parse_metric(struct parser *parser)
{
    const struct tide_alert_parse *parse = parser->parse;
    const struct tide_yaml *node = scalar(parser, "metric", "the name of a metric");
    uint32_t i = 0;
    if (node == NULL) {
        if (tide_yaml_get(parser->node, "metric") == NULL) {
            REPORT(parser,
                   parser->alert->position,
                   "alert '%.*s' has no metric; write 'metric: crashes'",
                   TIDE_VIEW_ARGUMENTS(parser->alert->name));
        }
        return;
    }
    while (i < parse->metric_count && !tide_view_equal(parse->names[i], node->text)) {
        i++;
    }
    if (i == parse->metric_count) {
        report_unknown_metric(parser, node);
        return;
    }
    parser->alert->metric = i;
    parser->metric = parse->metrics[i];
    parser->timed = parser->metric;
    if (parser->metric == NULL) {
        return;
    }
    if (parser->metric->kind == TIDE_METRIC_RETENTION) {
        REPORT(
            parser, node->position, "an alert cannot look at a retention, which is open for weeks");
        parser->metric = parser->timed = NULL;
    } else if (parser->metric->kind == TIDE_METRIC_RATIO) {
        parser->timed = parse->metrics[parser->metric->parts[0]];
    }
}

/* ------- on */

static const struct on {
    struct tide_view name;
    enum tide_metric_kind kind; /* VALUE: of all that are not listed */
    enum tide_alert_on on;
} ons[] = {
    /* the first of a kind is its default */
    {WORD("sessions"), TIDE_METRIC_SESSIONS, TIDE_ALERT_ON_SESSIONS},
    {WORD("events"), TIDE_METRIC_SESSIONS, TIDE_ALERT_ON_EVENTS},
    {WORD("bounced"), TIDE_METRIC_SESSIONS, TIDE_ALERT_ON_BOUNCED},
    {WORD("mean_duration"), TIDE_METRIC_SESSIONS, TIDE_ALERT_ON_MEAN_DURATION},
    {WORD("median_duration"), TIDE_METRIC_SESSIONS, TIDE_ALERT_ON_MEDIAN_DURATION},
    {WORD("completed"), TIDE_METRIC_FUNNEL, TIDE_ALERT_ON_COMPLETED},
    {WORD("entered"), TIDE_METRIC_FUNNEL, TIDE_ALERT_ON_ENTERED},
    {WORD("unmatched"), TIDE_METRIC_FUNNEL, TIDE_ALERT_ON_UNMATCHED},
    {WORD("conversion"), TIDE_METRIC_FUNNEL, TIDE_ALERT_ON_CONVERSION},
    {WORD("mean_time"), TIDE_METRIC_FUNNEL, TIDE_ALERT_ON_MEAN_TIME},
    {WORD("median_time"), TIDE_METRIC_FUNNEL, TIDE_ALERT_ON_MEDIAN_TIME},
};

enum {
    ON_COUNT = sizeof(ons) / sizeof(ons[0]),
    ON_NAMES_MAX = TIDE_QUANTILES_MAX + ON_COUNT,
};

/* 0.95 is p95, 0.999 is p99.9, 0.005 is p0.5. NULL data: out of memory. */
static struct tide_view quantile_name(struct parser *parser, const struct tide_quantile *quantile)
{
    char text[64];
    char digits[40] = {0};
    size_t size = 0;
    uint64_t rest = quantile->numerator;
    const uint64_t whole = rest * 100 / quantile->denominator;
    rest = rest * 100 % quantile->denominator;
    while (rest > 0 && size + 1 < sizeof(digits)) {
        rest *= 10;
        digits[size++] = (char)('0' + rest / quantile->denominator);
        rest %= quantile->denominator;
    }
    struct tide_bytes bytes = {0};
    tide_bytes_append_format(&bytes, "p%u%s%s", (unsigned)whole, size > 0 ? "." : "", digits);
    const struct tide_view name = tide_bytes_view(&bytes);
    const size_t kept = name.size < sizeof(text) ? name.size : 0;
    memcpy(text, name.data == NULL ? "" : name.data, kept);
    tide_bytes_release(&bytes);
    return tide_arena_copy(parser->parse->arena, (struct tide_view){text, kept});
}

/* Names of what the metric's kind has, its default first. */
static uint32_t names_of(struct parser *parser, struct tide_view *names, enum tide_alert_on *which)
{
    const struct tide_metric *metric = parser->metric;
    uint32_t count = 0;
    for (uint32_t i = 0; metric->kind == TIDE_METRIC_QUANTILES && i < metric->quantile_count; i++) {
        which[count] = TIDE_ALERT_ON_QUANTILE;
        names[count++] = quantile_name(parser, &metric->quantiles[i]);
    }
    for (size_t i = 0; i < ON_COUNT; i++) {
        if (ons[i].kind == metric->kind) {
            which[count] = ons[i].on;
            names[count++] = ons[i].name;
        }
    }
    if (count == 0) {
        which[count] = TIDE_ALERT_ON_VALUE;
        names[count++] = TIDE_VIEW("value");
    }
    return count;
}

static void report_on(struct parser *parser,
                      const struct tide_yaml *node,
                      const struct tide_view *names,
                      uint32_t count)
{
    struct tide_bytes list = {0};
    const struct tide_view near = tide_nearest(node->text, names, count);
    for (uint32_t i = 0; i < count; i++) {
        tide_bytes_append_format(
            &list, "%s%.*s", i == 0 ? "" : ", ", TIDE_VIEW_ARGUMENTS(names[i]));
    }
    REPORT(parser,
           node->position,
           "%s has no '%.*s', but %s%s%.*s%s",
           tide_metric_kind_name(parser->metric->kind),
           TIDE_VIEW_ARGUMENTS(node->text),
           tide_bytes_terminated(&list),
           near.size > 0 ? "; did you mean '" : "",
           TIDE_VIEW_ARGUMENTS(near),
           near.size > 0 ? "'?" : "");
    tide_bytes_release(&list);
}

static void parse_on(struct parser *parser)
{
    struct tide_view names[ON_NAMES_MAX];
    enum tide_alert_on which[ON_NAMES_MAX];
    const struct tide_yaml *node = scalar(parser, "of", "a number of the metric, such as p95");
    if (parser->metric == NULL) {
        return;
    }
    const uint32_t count = names_of(parser, names, which);
    uint32_t i = 0;
    while (node != NULL && i < count && !tide_view_equal(names[i], node->text)) {
        i++;
    }
    if (i == count) {
        report_on(parser, node, names, count);
        return;
    }
    parser->alert->on = which[i];
    parser->alert->on_text = names[i];
    parser->alert->quantile = which[i] == TIDE_ALERT_ON_QUANTILE ? i : 0;
    if (names[i].data == NULL) {
        REPORT(parser, parser->alert->position, "out of memory");
    }
}

/* ------- windows */

/* As many windows of every as the span is long, by the calendar; 0: it is no multiple. */
static uint64_t windows_in(struct tide_window_spec every, struct tide_window_spec span)
{
    const bool is_same = every.unit == span.unit;
    uint64_t size = (uint64_t)span.size;
    if (every.unit == TIDE_WINDOW_MONTHS || span.unit == TIDE_WINDOW_MONTHS) {
        return is_same ? size : 0;
    }
    if (!is_same && every.unit == TIDE_WINDOW_FIXED) {
        size *= (uint64_t)TIDE_US_PER_DAY * (span.unit == TIDE_WINDOW_WEEKS ? 7 : 1);
    } else if (every.unit == TIDE_WINDOW_WEEKS) { /* of days */
        size = is_same ? size : (span.unit == TIDE_WINDOW_DAYS && size % 7 == 0 ? size / 7 : 0);
    } else if (!is_same) { /* days, of weeks or hours */
        size = span.unit == TIDE_WINDOW_WEEKS ? size * 7 : 0;
    }
    return size % (uint64_t)every.size == 0 ? size / (uint64_t)every.size : 0;
}

/* About; a month has 31 days here. */
static int64_t length_of(const struct tide_metric *timed)
{
    static const int64_t days[] = {
        [TIDE_WINDOW_FIXED] = 0,
        [TIDE_WINDOW_DAYS] = 1,
        [TIDE_WINDOW_WEEKS] = 7,
        [TIDE_WINDOW_MONTHS] = 31,
    };
    const struct tide_window_spec every = timed->every;
    return every.unit == TIDE_WINDOW_FIXED ? every.size
                                           : every.size * days[every.unit] * TIDE_US_PER_DAY;
}

static void parse_baseline(struct parser *parser)
{
    const struct tide_yaml *node = scalar(parser, "baseline", "a span of time, such as 1h");
    struct tide_window_spec span = {0};
    struct tide_alert *alert = parser->alert;
    if (node == NULL) {
        return;
    }
    alert->baseline_text = node->text;
    if (!tide_window_parse(node->text, &span)) {
        REPORT(parser,
               node->position,
               "'%.*s' is not a span; write a number and s, m, h, d or w, or 1mo",
               TIDE_VIEW_ARGUMENTS(node->text));
        return;
    }
    if (parser->timed == NULL) {
        alert->baseline_windows = 1;
        return;
    }
    char every[32];
    const uint64_t panes = windows_in(parser->timed->every, span);
    (void)tide_window_format(parser->timed->every, every);
    if (panes == 0) {
        REPORT(parser, node->position, "'baseline' must be a multiple of the metric's %s", every);
    } else if (panes < parser->timed->pane_count) {
        REPORT(parser, node->position, "'baseline' is shorter than a window of the metric");
    } else if (panes > TIDE_BASELINE_WINDOWS_MAX) {
        REPORT(parser,
               node->position,
               "'baseline' is %llu times %s; at most %d are possible",
               (unsigned long long)panes,
               every,
               TIDE_BASELINE_WINDOWS_MAX);
    } else {
        alert->baseline_windows = (uint32_t)panes - parser->timed->pane_count + 1;
    }
}

static void parse_absent(struct parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "absent");
    if (!parse_duration(parser, "absent", &parser->alert->absent)) {
        return;
    }
    if (parser->metric != NULL && parser->metric->kind == TIDE_METRIC_RATIO) {
        REPORT(parser, node->key_position, "a ratio is not absent; name one of its parts");
    } else if (parser->timed != NULL && parser->alert->absent.us < length_of(parser->timed)) {
        char every[32];
        (void)tide_window_format(parser->timed->every, every);
        REPORT(parser,
               node->position,
               "'absent' is shorter than the metric's %s, in which an event may be anywhere",
               every);
    }
}

/* ------- when, where, and the rest */

static void parse_when(struct parser *parser)
{
    const struct tide_yaml *node =
        scalar(parser, "when", "a condition in quotes, such as 'value > 10'");
    struct tide_alert *alert = parser->alert;
    struct tide_position used;
    if (node == NULL) {
        return;
    }
    alert->when_text = node->text;
    alert->when = tide_alert_condition_parse(
        parser->parse->arena, node->text, node->position, parser->parse->diagnostics);
    if (alert->when == NULL) {
        return;
    }
    const struct tide_yaml *baseline = tide_yaml_get(parser->node, "baseline");
    const bool is_used = tide_alert_condition_baseline(alert->when, &used);
    if (is_used && baseline == NULL) {
        REPORT(parser, used, "'baseline' is over a span of time; add 'baseline: 1h'");
    } else if (!is_used && baseline != NULL) {
        REPORT(parser, baseline->key_position, "'when' does not look at the baseline; remove it");
    }
}

/* It sees groups only. */
static void check_where(struct parser *parser, struct tide_position position)
{
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    const struct tide_schema *schema = parser->parse->schema;
    const struct tide_metric *metric = parser->metric;
    tide_expression_columns(parser->alert->where, used);
    for (uint32_t i = 0; i < metric->by_count; i++) {
        used[metric->by[i]] = false;
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (used[i]) {
            REPORT(parser,
                   position,
                   "metric '%.*s' is not by '%.*s'",
                   TIDE_VIEW_ARGUMENTS(metric->name),
                   TIDE_VIEW_ARGUMENTS(schema->columns[i].name));
        }
    }
}

static void parse_where(struct parser *parser)
{
    const struct tide_yaml *node =
        scalar(parser, "where", "a condition in quotes, such as 'os == \"ios\"'");
    if (node == NULL) {
        return;
    }
    parser->alert->where_text = node->text;
    parser->alert->where = tide_expression_parse(parser->parse->arena,
                                                 parser->parse->schema,
                                                 node->text,
                                                 node->position,
                                                 parser->parse->diagnostics);
    if (parser->alert->where != NULL && parser->metric != NULL) {
        check_where(parser, node->position);
    }
}

static void parse_hold(struct parser *parser)
{
    if (parse_duration(parser, "for", &parser->alert->hold_for) &&
        parser->alert->hold_for.us > HOLD_MAX_US) {
        REPORT(parser, tide_yaml_get(parser->node, "for")->position, "'for' is longer than 30d");
    }
}

static void parse_at_least(struct parser *parser)
{
    const struct tide_yaml *node = scalar(parser, "at_least", "a number of events");
    uint32_t number = 0;
    if (node != NULL && (!metric_parse_number(node->text, &number) || number == 0)) {
        REPORT(parser,
               node->position,
               "at_least '%.*s' is not a number of 1..999999999",
               TIDE_VIEW_ARGUMENTS(node->text));
    }
    parser->alert->events_min = number;
}

static void parse_sink(struct parser *parser, const struct tide_yaml *item)
{
    if (item->kind == TIDE_YAML_SCALAR && tide_view_equal(item->text, TIDE_VIEW("log"))) {
        parser->alert->sinks |= TIDE_ALERT_SINK_LOG;
    } else if (item->kind == TIDE_YAML_SCALAR &&
               tide_view_equal(item->text, TIDE_VIEW("webhook"))) {
        parser->alert->sinks |= TIDE_ALERT_SINK_WEBHOOK;
    } else {
        REPORT(parser, item->position, "alerts are told to 'log' and 'webhook'");
    }
}

static void parse_notify(struct parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "notify");
    if (node == NULL) {
        parser->alert->sinks = TIDE_ALERT_SINK_LOG;
        return;
    }
    if (node->kind != TIDE_YAML_SEQUENCE || node->count == 0) {
        REPORT(parser, node->position, "'notify' must be a list, such as [log, webhook]");
        return;
    }
    for (const struct tide_yaml *item = node->first; item != NULL; item = item->next) {
        parse_sink(parser, item);
    }
}

/* ------- the whole */

/* What goes with `when` only. */
static void check_kind(struct parser *parser)
{
    static const char *const keys[] = {"of", "baseline", "at_least"};
    const struct tide_yaml *when = tide_yaml_get(parser->node, "when");
    const struct tide_yaml *absent = tide_yaml_get(parser->node, "absent");
    if (when == NULL && absent == NULL) {
        REPORT(parser,
               parser->alert->position,
               "alert '%.*s' has no condition; write 'when: ..' or 'absent: 10m'",
               TIDE_VIEW_ARGUMENTS(parser->alert->name));
    } else if (when != NULL && absent != NULL) {
        REPORT(parser, absent->key_position, "an alert has 'when' or 'absent', not both");
    }
    for (size_t i = 0; when == NULL && absent != NULL && i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct tide_yaml *node = tide_yaml_get(parser->node, keys[i]);
        if (node != NULL) {
            REPORT(parser, node->key_position, "'absent' takes no '%s'", keys[i]);
        }
    }
}

static bool compute_hash(const struct tide_metric *metric, struct tide_alert *alert)
{
    struct tide_bytes bytes = {0};
    tide_bytes_append_byte(&bytes, HASH_VERSION);
    tide_bytes_append_u64(&bytes, metric->hash.high);
    tide_bytes_append_u64(&bytes, metric->hash.low);
    tide_bytes_append_byte(&bytes, (char)alert->on);
    tide_bytes_append_u32(&bytes, alert->quantile);
    tide_bytes_append_u64(&bytes, (uint64_t)alert->absent.us);
    tide_bytes_append_u32(&bytes, alert->baseline_windows);
    tide_bytes_append_u64(&bytes, (uint64_t)alert->hold_for.us);
    tide_bytes_append_u64(&bytes, alert->events_min);
    if (alert->when != NULL) {
        tide_alert_condition_encode(alert->when, &bytes);
    }
    if (alert->where != NULL) {
        tide_expression_encode(alert->where, &bytes);
    }
    const bool is_whole = !bytes.failed;
    alert->hash = tide_hash128(tide_bytes_view(&bytes), 0);
    tide_bytes_release(&bytes);
    return is_whole;
}

static void set_memory(struct parser *parser)
{
    struct tide_alert *alert = parser->alert;
    const int64_t windows =
        (int64_t)alert->baseline_windows + parser->timed->pane_count + MEMORY_WINDOWS;
    const int64_t memory = windows * length_of(parser->timed) + alert->absent.us;
    alert->memory.us = memory > MEMORY_MIN_US ? memory : MEMORY_MIN_US;
}

bool tide_alert_is_off(const struct tide_yaml *node)
{
    return node->kind == TIDE_YAML_SCALAR && tide_view_equal(node->text, TIDE_VIEW("off"));
}

bool tide_alert_parse(const struct tide_alert_parse *parse,
                      const struct tide_yaml *node,
                      struct tide_alert *alert)
{
    static const struct tide_view known[] = {
        WORD("metric"),
        WORD("of"),
        WORD("where"),
        WORD("when"),
        WORD("absent"),
        WORD("baseline"),
        WORD("for"),
        WORD("at_least"),
        WORD("notify"),
    };
    const uint32_t errors_before = parse->diagnostics->error_count;
    struct parser parser = {.parse = parse, .node = node, .alert = alert};
    *alert = (struct tide_alert){.name = node->key, .position = node->key_position};
    tide_name_check(node, "an alert", parse->diagnostics);
    if (node->kind != TIDE_YAML_MAPPING) {
        REPORT(&parser,
               node->position,
               "alert '%.*s' must be a mapping, such as {metric: crashes, when: 'value > 10'}, "
               "or off",
               TIDE_VIEW_ARGUMENTS(node->key));
        return false;
    }
    tide_yaml_check_keys(
        node, known, sizeof(known) / sizeof(known[0]), "alert", parse->diagnostics);
    parse_metric(&parser);
    check_kind(&parser);
    parse_on(&parser);
    parse_where(&parser);
    parse_when(&parser);
    parse_absent(&parser);
    parse_baseline(&parser);
    parse_hold(&parser);
    parse_at_least(&parser);
    parse_notify(&parser);
    if (parse->diagnostics->error_count != errors_before || parser.timed == NULL) {
        return false;
    }
    set_memory(&parser);
    if (!compute_hash(parser.metric, alert)) {
        REPORT(&parser, alert->position, "out of memory");
        return false;
    }
    return true;
}

const struct tide_metric *tide_alert_timed(const struct tide_definitions *definitions,
                                           const struct tide_alert *alert)
{
    tide_assert(alert->metric < definitions->metric_count);
    const struct tide_metric *metric = &definitions->metrics[alert->metric];
    return metric->kind == TIDE_METRIC_RATIO ? &definitions->metrics[metric->parts[0]] : metric;
}
