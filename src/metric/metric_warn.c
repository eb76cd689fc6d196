/* What is allowed in a definition and cannot be meant. */
#include "base/assert.h"
#include "base/civil.h"
#include "base/timezone.h"
#include "metric/expression_truth.h"
#include "metric/metric_parse.h"

#include "base/banned.h"

enum {
    ENDS_TRIED = 4000,
    WINDOW_TEXT_SIZE = 32
};
#define ENDS_FROM_US (INT64_C(19723) * TIDE_US_PER_DAY) /* 2024-01-01 */

#define WARN(parse, position, ...)                                                                 \
    tide_diagnostics_warning((parse)->diagnostics, (position), __VA_ARGS__)

/* ---- conditions */

static void warn_where(const struct tide_metric_parse *parse,
                       const struct tide_yaml *node,
                       const struct tide_metric *metric)
{
    const struct tide_yaml *where = tide_yaml_get(node, "where");
    if (where == NULL || metric->where == NULL) {
        return;
    }
    switch (tide_expression_truth(metric->where)) {
    case TIDE_TRUTH_SOMETIMES:
        break;
    case TIDE_TRUTH_NEVER:
        WARN(parse, where->position, "this can never hold: no event is counted");
        break;
    case TIDE_TRUTH_ALWAYS:
        WARN(parse, where->position, "this holds for every event; remove 'where'");
        break;
    }
}

static void warn_having(const struct tide_metric_parse *parse,
                        const struct tide_yaml *node,
                        const struct tide_metric *metric)
{
    const struct tide_yaml *having = tide_yaml_get(node, "having");
    if (having == NULL || metric->having == NULL) {
        return;
    }
    switch (tide_having_truth(metric->having)) {
    case TIDE_TRUTH_SOMETIMES:
        break;
    case TIDE_TRUTH_NEVER:
        WARN(parse, having->position, "this can never hold: nobody is counted");
        break;
    case TIDE_TRUTH_ALWAYS:
        WARN(parse, having->position, "this holds for everybody; remove 'having'");
        break;
    }
}

/* An event fills the earliest of the steps that it matches. */
static void warn_step(const struct tide_metric_parse *parse,
                      const struct tide_yaml *step,
                      const struct tide_funnel_plan *funnel,
                      uint32_t k)
{
    if (tide_expression_truth(funnel->steps[k]) == TIDE_TRUTH_NEVER) {
        WARN(parse, step->position, "this can never hold: the step is never reached");
        return;
    }
    for (uint32_t i = 0; i < k; i++) {
        if (tide_expression_is_covered(funnel->steps[k], &funnel->steps[i], 1)) {
            WARN(parse,
                 step->position,
                 "step '%.*s' is never reached: '%.*s' comes first and takes every event for which "
                 "this holds",
                 TIDE_VIEW_ARGUMENTS(funnel->step_names[k]),
                 TIDE_VIEW_ARGUMENTS(funnel->step_names[i]));
            return;
        }
    }
    if (k > 1 && tide_expression_is_covered(funnel->steps[k], funnel->steps, k)) {
        WARN(parse,
             step->position,
             "step '%.*s' is never reached: earlier steps take every event for which this holds",
             TIDE_VIEW_ARGUMENTS(funnel->step_names[k]));
    }
}

static void warn_steps(const struct tide_metric_parse *parse,
                       const struct tide_yaml *node,
                       const struct tide_metric *metric)
{
    const struct tide_yaml *steps = tide_yaml_get(tide_yaml_get(node, "funnel"), "steps");
    uint32_t k = 0;
    for (const struct tide_yaml *item = steps == NULL ? NULL : steps->first; item != NULL;
         item = item->next) {
        tide_assert(k < metric->funnel->step_count);
        warn_step(parse, item->first, metric->funnel, k++);
    }
}

void tide_metric_warn(const struct tide_metric_parse *parse,
                      const struct tide_yaml *node,
                      const struct tide_metric *metric)
{
    const struct tide_yaml *top = tide_yaml_get(node, "top");
    const struct tide_yaml *over = tide_yaml_get(node, "over");
    warn_where(parse, node, metric);
    warn_having(parse, node, metric);
    if (metric->kind == TIDE_METRIC_FUNNEL) {
        warn_steps(parse, node, metric);
    }
    if (top != NULL && metric->by_count == 0) {
        WARN(parse, top->key_position, "'top' does nothing without 'by': there is one group");
    }
    if (over != NULL && metric->pane_count == 1) {
        WARN(parse,
             over->key_position,
             "'over' is as long as 'every', so windows do not slide; remove it");
    }
}

/* ---- windows of a ratio */

static int64_t length_of(struct tide_window_spec spec)
{
    const struct tide_window window = tide_window_of(spec, (struct tide_instant){ENDS_FROM_US});
    return window.end.us - window.start.us;
}

static bool ends_at(struct tide_window_spec spec, struct tide_instant end)
{
    return tide_window_of(spec, (struct tide_instant){end.us - 1}).end.us == end.us;
}

/* By trying the ends of the longer one: what does not happen in so many of them does not matter. */
static bool end_together(struct tide_window_spec a, struct tide_window_spec b)
{
    const bool is_a_longer = length_of(a) >= length_of(b);
    const struct tide_window_spec longer = is_a_longer ? a : b;
    const struct tide_window_spec shorter = is_a_longer ? b : a;
    struct tide_window window = tide_window_of(longer, (struct tide_instant){ENDS_FROM_US});
    const int64_t limit = ENDS_FROM_US + INT64_C(36525) * TIDE_US_PER_DAY;
    for (int i = 0; i < ENDS_TRIED && window.end.us < limit; i++) {
        if (ends_at(shorter, window.end)) {
            return true;
        }
        window = tide_window_next(longer, window);
    }
    return false;
}

static void append_window(struct tide_window_spec spec, struct tide_bytes *text)
{
    char size[WINDOW_TEXT_SIZE];
    (void)tide_window_format(spec, size);
    tide_bytes_append_text(text, size);
    if (spec.zone != NULL) {
        tide_bytes_append_format(
            text, " in %.*s", TIDE_VIEW_ARGUMENTS(tide_timezone_name(spec.zone)));
    }
}

void tide_metric_warn_ratio(const struct tide_metric_parse *parse,
                            const struct tide_yaml *node,
                            const struct tide_metric *const parts[2])
{
    struct tide_bytes first = {0};
    struct tide_bytes second = {0};
    if (end_together(parts[0]->every, parts[1]->every)) {
        return;
    }
    append_window(parts[0]->every, &first);
    append_window(parts[1]->every, &second);
    WARN(
        parse,
        node->position,
        "windows of '%.*s' (%s) and of '%.*s' (%s) do not end together: there is nothing to divide",
        TIDE_VIEW_ARGUMENTS(parts[0]->name),
        tide_bytes_terminated(&first),
        TIDE_VIEW_ARGUMENTS(parts[1]->name),
        tide_bytes_terminated(&second));
    tide_bytes_release(&first);
    tide_bytes_release(&second);
}

/* ---- columns */

static void mark_condition(const struct tide_expression *expression, bool *used)
{
    if (expression != NULL) {
        tide_expression_columns(expression, used);
    }
}

static void mark_list(const uint32_t *columns, uint32_t count, bool *used)
{
    for (uint32_t i = 0; i < count; i++) {
        if (columns[i] != TIDE_COLUMN_NONE) {
            used[columns[i]] = true;
        }
    }
}

void tide_metric_mark_columns(const struct tide_metric *metric, bool *used)
{
    mark_list(&metric->column, 1, used);
    mark_list(metric->by, metric->by_count, used);
    mark_condition(metric->where, used);
    if (metric->having != NULL) {
        mark_list(metric->having->columns, metric->having->fact_count, used);
    }
    for (uint32_t i = 0; metric->funnel != NULL && i < metric->funnel->step_count; i++) {
        mark_condition(metric->funnel->steps[i], used);
    }
    if (metric->funnel != NULL) {
        mark_list(metric->funnel->per, metric->funnel->per_count, used);
    }
}

/* A column that stands in events costs nothing; one that is derived was written for a metric. */
void tide_metric_warn_columns(const struct tide_metric_parse *parse, bool *used)
{
    const struct tide_schema *schema = parse->schema;
    for (uint32_t i = schema->column_count; i > schema->path_column_count; i--) {
        const struct tide_column *column = &schema->columns[i - 1];
        if (used[i - 1]) {
            used[column->from] = true; /* it may be derived itself */
        } else {
            WARN(parse,
                 column->position,
                 "no metric uses the derived column '%.*s'",
                 TIDE_VIEW_ARGUMENTS(column->name));
        }
    }
}
