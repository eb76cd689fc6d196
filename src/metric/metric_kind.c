/* The kinds of metrics that are more than one column: what stands behind their name. */
#include "base/assert.h"
#include "base/civil.h"
#include "metric/metric_parser.h"

#include <string.h>

#include "base/banned.h"

enum {
    FRACTION_DIGITS_MAX = 9,
    STEP_NAME_MAX_BYTES = 100
};
#define TIMEOUT_MAX_US (INT64_C(36525) * TIDE_US_PER_DAY) /* 100 years */

#define WORD(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

/* ------- quantiles */

/* digits [ "." digits ], at most 1. The text is what is printed: without needless zeros. */
static bool parse_quantile(struct tide_view text, struct tide_quantile *quantile)
{
    size_t point = 0;
    size_t size = text.size;
    while (point < text.size && text.data[point] != '.') {
        point++;
    }
    while (size > point + 2 && text.data[size - 1] == '0') {
        size--;
    }
    if (point != 1 || size == point + 1 || size > point + 1 + FRACTION_DIGITS_MAX) {
        return false;
    }
    *quantile = (struct tide_quantile){tide_view_slice(text, 0, size), 0, 1};
    for (size_t i = 0; i < size; i++) {
        const char c = text.data[i];
        if (i != point && (c < '0' || c > '9')) {
            return false;
        }
        if (i != point) {
            quantile->numerator = quantile->numerator * 10 + (uint64_t)(c - '0');
            quantile->denominator *= i > point ? 10 : 1;
        }
    }
    return quantile->numerator <= quantile->denominator;
}

/* Two of them would have one name in what is printed. */
static bool is_quantile_known(const struct tide_metric *metric, struct tide_quantile quantile)
{
    for (uint32_t i = 0; i < metric->quantile_count; i++) {
        const struct tide_quantile *known = &metric->quantiles[i];
        if (known->numerator * quantile.denominator == quantile.numerator * known->denominator) {
            return true;
        }
    }
    return false;
}

static void parse_listed_quantile(struct metric_parser *parser, const struct tide_yaml *item)
{
    struct tide_metric *metric = parser->metric;
    struct tide_quantile quantile;
    if (item->kind != TIDE_YAML_SCALAR) {
        METRIC_REPORT(parser, item->position, "a quantile is a number, such as 0.95");
    } else if (!parse_quantile(item->text, &quantile)) {
        METRIC_REPORT(parser,
                      item->position,
                      "'%.*s' is not a quantile; write a decimal number of 0 to 1 with at most %d "
                      "places",
                      TIDE_VIEW_ARGUMENTS(item->text),
                      FRACTION_DIGITS_MAX);
    } else if (is_quantile_known(metric, quantile)) {
        METRIC_REPORT(parser,
                      item->position,
                      "quantile %.*s is in the list already",
                      TIDE_VIEW_ARGUMENTS(item->text));
    } else {
        metric->quantiles[metric->quantile_count++] = quantile;
    }
}

void metric_parse_quantiles(struct metric_parser *parser)
{
    const struct tide_yaml *node = parser->kind_node;
    struct tide_metric *metric = parser->metric;
    if (node->kind != TIDE_YAML_SEQUENCE || node->count == 0 || node->count > TIDE_QUANTILES_MAX) {
        METRIC_REPORT(parser,
                      node->position,
                      "quantiles must be a list of 1 to %d numbers, such as [0.5, 0.95]",
                      TIDE_QUANTILES_MAX);
        return;
    }
    metric->quantiles = TIDE_ARENA_ARRAY(parser->arena, struct tide_quantile, node->count);
    if (metric->quantiles == NULL) {
        METRIC_REPORT(parser, node->position, "out of memory");
        return;
    }
    for (const struct tide_yaml *item = node->first; item != NULL; item = item->next) {
        parse_listed_quantile(parser, item);
    }
}

/* ------- sessions, funnels, retention: what they share */

/* The mapping behind the kind; NULL: reported. */
static const struct tide_yaml *plan_of(struct metric_parser *parser,
                                       const struct tide_view *known,
                                       size_t known_count,
                                       const char *example)
{
    const struct tide_yaml *node = parser->kind_node;
    if (node->kind != TIDE_YAML_MAPPING) {
        METRIC_REPORT(parser,
                      node->position,
                      "'%.*s' must be a mapping, such as %s",
                      TIDE_VIEW_ARGUMENTS(node->key),
                      example);
        return NULL;
    }
    tide_yaml_check_keys(
        node, known, known_count, tide_metric_kind_name(parser->metric->kind), parser->diagnostics);
    return node;
}

/* A member that must be there; NULL: reported. */
static const struct tide_yaml *need(struct metric_parser *parser,
                                    const struct tide_yaml *plan,
                                    const char *key)
{
    const struct tide_yaml *node = tide_yaml_get(plan, key);
    if (node == NULL) {
        METRIC_REPORT(
            parser, plan->key_position, "'%.*s' lacks '%s'", TIDE_VIEW_ARGUMENTS(plan->key), key);
    }
    return node;
}

static void parse_per_entity(struct metric_parser *parser, const struct tide_yaml *plan)
{
    const struct tide_yaml *node = need(parser, plan, "per");
    const uint32_t entity = parser->schema->entity;
    const uint32_t column = node == NULL ? TIDE_COLUMN_NONE : metric_parse_column(parser, node);
    if (column != TIDE_COLUMN_NONE && column != entity) {
        METRIC_REPORT(parser,
                      node->position,
                      "%.*s: 'per' must be the entity; write 'per: %.*s'",
                      TIDE_VIEW_ARGUMENTS(plan->key),
                      TIDE_VIEW_ARGUMENTS(parser->schema->columns[entity].name));
    }
}

/* What is wrong with a text that is no timeout. */
static void report_timeout(struct metric_parser *parser, const struct tide_yaml *node)
{
    static const struct tide_view units[] = {
        WORD("ms"), WORD("s"), WORD("m"), WORD("h"), WORD("d"), WORD("w")};
    const struct tide_view text = node->text;
    struct tide_duration timeout = {0};
    size_t digits = 0;
    bool has_unit = false;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9') {
        digits++;
    }
    const struct tide_view unit = tide_view_slice(text, digits, text.size - digits);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        has_unit = has_unit || tide_view_equal(unit, units[i]);
    }
    if (tide_duration_parse(text, &timeout) && timeout.us == 0) {
        METRIC_REPORT(parser,
                      node->position,
                      "a timeout must be longer than '%.*s'",
                      TIDE_VIEW_ARGUMENTS(text));
    } else if (digits > 0 && has_unit) {
        METRIC_REPORT(parser,
                      node->position,
                      "a timeout of '%.*s' is longer than 100 years",
                      TIDE_VIEW_ARGUMENTS(text));
    } else if (digits > 0 && unit.size == 0) {
        METRIC_REPORT(parser,
                      node->position,
                      "'%.*s' is not a time; write a unit: %.*sm",
                      TIDE_VIEW_ARGUMENTS(text),
                      TIDE_VIEW_ARGUMENTS(text));
    } else {
        METRIC_REPORT(parser,
                      node->position,
                      "'%.*s' is not a time; write a number and ms, s, m, h, d or w",
                      TIDE_VIEW_ARGUMENTS(text));
    }
}

static struct tide_duration parse_timeout(struct metric_parser *parser,
                                          const struct tide_yaml *plan)
{
    const struct tide_yaml *node = need(parser, plan, "timeout");
    struct tide_duration timeout = {0};
    if (node != NULL && metric_is_scalar(parser, node, "a time, such as 30m") &&
        (!tide_duration_parse(node->text, &timeout) || timeout.us <= 0 ||
         timeout.us > TIMEOUT_MAX_US)) {
        report_timeout(parser, node);
    }
    return timeout;
}

void metric_parse_sessions(struct metric_parser *parser)
{
    static const struct tide_view known[] = {WORD("per"), WORD("timeout")};
    const struct tide_yaml *plan =
        plan_of(parser, known, sizeof(known) / sizeof(known[0]), "{per: user_id, timeout: 30m}");
    if (plan != NULL) {
        parse_per_entity(parser, plan);
        parser->metric->sessions.timeout = parse_timeout(parser, plan);
    }
}

/* ------- funnel */

static void parse_per(struct metric_parser *parser,
                      const struct tide_yaml *plan,
                      struct tide_funnel_plan *funnel)
{
    const struct tide_yaml *node = need(parser, plan, "per");
    const uint32_t entity = parser->schema->entity;
    const uint32_t errors_before = parser->diagnostics->error_count;
    if (node == NULL) {
        return;
    }
    metric_parse_columns(parser, node, "'per'", funnel->per, &funnel->per_count);
    for (uint32_t i = 0; i < funnel->per_count; i++) {
        if (funnel->per[i] == entity) {
            return;
        }
    }
    if (parser->diagnostics->error_count == errors_before) { /* else it may be what was meant */
        METRIC_REPORT(parser,
                      node->position,
                      "a funnel is per entity, and more if wanted; '%.*s' is missing",
                      TIDE_VIEW_ARGUMENTS(parser->schema->columns[entity].name));
    }
}

/* {name: 'condition'} */
static void parse_step(struct metric_parser *parser,
                       const struct tide_yaml *item,
                       struct tide_funnel_plan *funnel)
{
    if (item->kind != TIDE_YAML_MAPPING || item->count != 1) {
        METRIC_REPORT(parser,
                      item->position,
                      "a step is a name and its condition: {start: 'kind == \"START\"'}");
        return;
    }
    const struct tide_yaml *step = item->first;
    if (step->key.size == 0 || step->key.size > STEP_NAME_MAX_BYTES) {
        METRIC_REPORT(parser,
                      step->key_position,
                      "the name of a step has 1 to %d bytes",
                      STEP_NAME_MAX_BYTES);
    }
    for (uint32_t i = 0; i < funnel->step_count; i++) {
        if (tide_view_equal(funnel->step_names[i], step->key)) {
            METRIC_REPORT(parser,
                          step->key_position,
                          "there are two steps '%.*s'",
                          TIDE_VIEW_ARGUMENTS(step->key));
        }
    }
    funnel->step_names[funnel->step_count] = step->key;
    funnel->steps[funnel->step_count++] = metric_parse_condition(parser, step);
}

static void parse_steps(struct metric_parser *parser,
                        const struct tide_yaml *plan,
                        struct tide_funnel_plan *funnel)
{
    const struct tide_yaml *node = need(parser, plan, "steps");
    if (node == NULL) {
        return;
    }
    if (node->kind != TIDE_YAML_SEQUENCE || node->count == 0 ||
        node->count > TIDE_FUNNEL_STEPS_MAX) {
        METRIC_REPORT(parser,
                      node->position,
                      "'steps' must be a list of 1 to %d steps, such as [{open: '..'}, {buy: "
                      "'..'}]",
                      TIDE_FUNNEL_STEPS_MAX);
        return;
    }
    for (const struct tide_yaml *item = node->first; item != NULL; item = item->next) {
        parse_step(parser, item, funnel);
    }
}

void metric_parse_funnel(struct metric_parser *parser)
{
    static const struct tide_view known[] = {WORD("per"), WORD("timeout"), WORD("steps")};
    struct tide_funnel_plan *funnel = TIDE_ARENA_NEW(parser->arena, struct tide_funnel_plan);
    const struct tide_yaml *plan =
        plan_of(parser,
                known,
                sizeof(known) / sizeof(known[0]),
                "{per: [user_id], timeout: 30m, steps: [{open: '..'}, {buy: '..'}]}");
    if (funnel == NULL) {
        METRIC_REPORT(parser, parser->kind_node->position, "out of memory");
        return;
    }
    if (plan != NULL) {
        parse_per(parser, plan, funnel);
        funnel->timeout = parse_timeout(parser, plan);
        parse_steps(parser, plan, funnel);
    }
    parser->metric->funnel = funnel;
}

/* ------- retention */

static void parse_period(struct metric_parser *parser, const struct tide_yaml *plan)
{
    const struct tide_yaml *node = need(parser, plan, "period");
    struct tide_window_spec *period = &parser->metric->every;
    if (node == NULL || !metric_is_scalar(parser, node, "in days or weeks, such as 1w")) {
        return;
    }
    if (!tide_window_parse(node->text, period) ||
        (period->unit != TIDE_WINDOW_DAYS && period->unit != TIDE_WINDOW_WEEKS)) {
        METRIC_REPORT(parser,
                      node->position,
                      "'%.*s' is not a period of retention; write days or weeks, such as 1d or "
                      "4w, of at most 100 years",
                      TIDE_VIEW_ARGUMENTS(node->text));
    }
}

static void parse_periods(struct metric_parser *parser, const struct tide_yaml *plan)
{
    const struct tide_yaml *node = need(parser, plan, "periods");
    uint32_t count = 0;
    if (node == NULL || !metric_is_scalar(parser, node, "a number")) {
        return;
    }
    if (!metric_parse_number(node->text, &count) || count < 1 ||
        count > TIDE_RETENTION_PERIODS_MAX) {
        METRIC_REPORT(parser,
                      node->position,
                      "periods '%.*s' is not a number of 1..%d",
                      TIDE_VIEW_ARGUMENTS(node->text),
                      TIDE_RETENTION_PERIODS_MAX);
    }
    parser->metric->retention.period_count = count;
}

static void parse_mode(struct metric_parser *parser, const struct tide_yaml *plan)
{
    const struct tide_yaml *node = tide_yaml_get(plan, "mode");
    if (node == NULL || !metric_is_scalar(parser, node, "'unbounded'")) {
        return;
    }
    if (!tide_view_equal(node->text, TIDE_VIEW("unbounded"))) {
        METRIC_REPORT(parser,
                      node->position,
                      "unknown mode '%.*s'; the only one is 'unbounded', else leave it out",
                      TIDE_VIEW_ARGUMENTS(node->text));
    }
    parser->metric->retention.is_unbounded = true;
}

void metric_parse_retention(struct metric_parser *parser)
{
    static const struct tide_view known[] = {
        WORD("per"), WORD("period"), WORD("periods"), WORD("mode")};
    const struct tide_yaml *plan = plan_of(
        parser, known, sizeof(known) / sizeof(known[0]), "{per: user_id, period: 1w, periods: 8}");
    if (plan != NULL) {
        parse_per_entity(parser, plan);
        parse_period(parser, plan);
        parse_periods(parser, plan);
        parse_mode(parser, plan);
    }
}

/* ------- ratio */

static bool is_pair(const struct tide_yaml *node)
{
    bool is_pair = node->kind == TIDE_YAML_SEQUENCE && node->count == 2;
    for (const struct tide_yaml *item = node->first; is_pair && item != NULL; item = item->next) {
        is_pair = item->kind == TIDE_YAML_SCALAR && item->text.size > 0;
    }
    return is_pair;
}

void metric_parse_ratio(struct metric_parser *parser)
{
    const struct tide_yaml *node = parser->kind_node;
    if (!is_pair(node)) {
        METRIC_REPORT(
            parser, node->position, "a ratio is of two metrics: [crashed_devices, all_devices]");
    }
}

bool tide_metric_part_nodes(const struct tide_yaml *node, const struct tide_yaml *parts[2])
{
    const struct tide_yaml *ratio = tide_yaml_get(node, "ratio");
    if (ratio == NULL || !is_pair(ratio)) {
        return false;
    }
    parts[0] = ratio->first;
    parts[1] = ratio->first->next;
    return true;
}

static bool has_one_exact_value(enum tide_metric_kind kind)
{
    switch (kind) {
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_APPROX_DISTINCT:
        return true;
    case TIDE_METRIC_MEAN: /* divided already */
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        break;
    }
    return false;
}

static bool is_by(const struct tide_metric *metric, uint32_t column)
{
    for (uint32_t i = 0; i < metric->by_count; i++) {
        if (metric->by[i] == column) {
            return true;
        }
    }
    return false;
}

bool tide_metric_join(const struct tide_metric_parse *parse,
                      struct tide_metric *ratio,
                      const struct tide_metric *const parts[2],
                      const struct tide_yaml *const nodes[2])
{
    const uint32_t errors_before = parse->diagnostics->error_count;
    for (int i = 0; i < 2; i++) {
        if (parts[i] != NULL && !has_one_exact_value(parts[i]->kind)) {
            tide_diagnostics_error(parse->diagnostics,
                                   nodes[i]->position,
                                   "'%.*s' is %s, and a ratio is of count, distinct, sum, min, max "
                                   "or approx_distinct",
                                   TIDE_VIEW_ARGUMENTS(parts[i]->name),
                                   tide_metric_kind_name(parts[i]->kind));
        }
    }
    if (parts[0] == NULL || parts[1] == NULL || parse->diagnostics->error_count != errors_before) {
        return false;
    }
    for (uint32_t i = 0; i < parts[1]->by_count; i++) {
        const uint32_t column = parts[1]->by[i];
        if (!is_by(parts[0], column)) {
            tide_diagnostics_error(parse->diagnostics,
                                   nodes[1]->position,
                                   "'%.*s' is by '%.*s', but '%.*s' is not",
                                   TIDE_VIEW_ARGUMENTS(parts[1]->name),
                                   TIDE_VIEW_ARGUMENTS(parse->schema->columns[column].name),
                                   TIDE_VIEW_ARGUMENTS(parts[0]->name));
        }
    }
    if (parse->diagnostics->error_count != errors_before) {
        return false;
    }
    memcpy(ratio->by, parts[0]->by, sizeof(ratio->by));
    ratio->by_count = parts[0]->by_count;
    if (!metric_join_hashes(ratio, parts)) {
        tide_diagnostics_error(parse->diagnostics, ratio->position, "out of memory");
        return false;
    }
    return true;
}
