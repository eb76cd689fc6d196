/* One function for each part. What they say about state, errors and limits is what the headers of
 * operator/ say. */
#include "cli/plan.h"

#include "base/civil.h"
#include "base/json.h"
#include "base/timezone.h"
#include "metric/alert.h"
#include "operator/operator.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    WINDOW_TEXT_SIZE = 32,
    KEY_WIDTH = 12,
    LINE_WIDTH = 100
};

#define FUNNEL_MEMBERS                                                                             \
    "entered, completed, open, unmatched, steps (reached, entities, abandoned), mean_time, "       \
    "median_time (in seconds)"

/* ---- small texts */

static const struct tide_column *column_of(const struct tide_plan *plan, uint32_t column)
{
    return &plan->definitions->schema->columns[column];
}

static struct tide_view name_of(const struct tide_plan *plan, uint32_t column)
{
    return column_of(plan, column)->name;
}

static struct tide_view entity_of(const struct tide_plan *plan)
{
    return name_of(plan, plan->definitions->schema->entity);
}

static const struct tide_metric *part_of(const struct tide_plan *plan, int i)
{
    return &plan->definitions->metrics[plan->metric->parts[i]];
}

static void append_names(const struct tide_plan *plan,
                         const uint32_t *columns,
                         uint32_t count,
                         struct tide_bytes *text)
{
    for (uint32_t i = 0; i < count; i++) {
        tide_bytes_append_text(text, i == 0 ? "" : ", ");
        tide_bytes_append_view(text, name_of(plan, columns[i]));
    }
}

static void append_duration(struct tide_duration duration, struct tide_bytes *text)
{
    char buffer[WINDOW_TEXT_SIZE];
    if (duration.us % TIDE_US_PER_SECOND != 0) {
        tide_bytes_append_format(text, "%" PRId64 "ms", duration.us / 1000);
        return;
    }
    const struct tide_window_spec spec = {TIDE_WINDOW_FIXED, duration.us, NULL};
    const int64_t days = duration.us / TIDE_US_PER_DAY;
    if (days > 0 && duration.us % TIDE_US_PER_DAY == 0) {
        tide_bytes_append_format(text, "%" PRId64 "d", days);
    } else {
        tide_bytes_append(text, buffer, tide_window_format(spec, buffer));
    }
}

static void append_window(struct tide_window_spec spec, struct tide_bytes *text)
{
    char buffer[WINDOW_TEXT_SIZE];
    tide_bytes_append(text, buffer, tide_window_format(spec, buffer));
}

static void append_time(struct tide_instant t, struct tide_bytes *text)
{
    char buffer[TIDE_CIVIL_TEXT_MAX];
    tide_bytes_append(text, buffer, tide_civil_format(t, buffer));
}

static void append_condition(const struct tide_expression *expression, struct tide_bytes *text)
{
    struct tide_bytes sql = {0};
    tide_expression_sql(expression, &sql);
    tide_bytes_append_view(text, tide_bytes_view(&sql));
    text->failed = text->failed || sql.failed;
    tide_bytes_release(&sql);
}

/* ---- what is counted */

static void write_distinct(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_metric *metric = plan->metric;
    const struct tide_view name = name_of(plan, metric->column);
    if (!tide_metric_is_of_entities(plan->definitions->schema, metric)) {
        tide_bytes_append_format(
            text, "how many different values of %.*s", TIDE_VIEW_ARGUMENTS(name));
    } else if (metric->having == NULL) {
        tide_bytes_append_format(
            text, "how many different %.*s (the entity)", TIDE_VIEW_ARGUMENTS(name));
    } else {
        tide_bytes_append_format(
            text,
            "how many different %.*s (the entity) of whose events in the window "
            "and group this holds: ",
            TIDE_VIEW_ARGUMENTS(name));
        append_condition(metric->having->expression, text);
    }
}

static void write_quantiles(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_metric *metric = plan->metric;
    tide_bytes_append_text(text, "the values of ");
    tide_bytes_append_view(text, name_of(plan, metric->column));
    tide_bytes_append_text(text, " that so great a share of all values do not exceed: ");
    for (uint32_t i = 0; i < metric->quantile_count; i++) {
        tide_bytes_append_text(text, i == 0 ? "" : ", ");
        tide_bytes_append_view(text, metric->quantiles[i].text);
    }
}

static void write_funnel(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_funnel_plan *funnel = plan->metric->funnel;
    tide_bytes_append_text(text, "runs of each (");
    append_names(plan, funnel->per, funnel->per_count, text);
    tide_bytes_append_text(text, ") through the steps in their order; a run ends with a pause of ");
    append_duration(funnel->timeout, text);
    tide_bytes_append_text(text, " or with the last step");
}

static void write_retention(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_metric *metric = plan->metric;
    tide_bytes_append_format(text,
                             "of the %.*s whose first event is in a period of ",
                             TIDE_VIEW_ARGUMENTS(entity_of(plan)));
    append_window(metric->every, text);
    tide_bytes_append_format(text,
                             " (the cohort), how many are there in each of the %u after it%s",
                             metric->retention.period_count,
                             metric->retention.is_unbounded ? ", or later" : "");
}

static void write_counted(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_metric *metric = plan->metric;
    const struct tide_view column =
        metric->column == TIDE_COLUMN_NONE ? TIDE_VIEW("") : name_of(plan, metric->column);
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
        tide_bytes_append_text(text, "events");
        break;
    case TIDE_METRIC_DISTINCT:
        write_distinct(plan, text);
        break;
    case TIDE_METRIC_APPROX_DISTINCT:
        tide_bytes_append_format(
            text, "how many different values of %.*s, estimated", TIDE_VIEW_ARGUMENTS(column));
        break;
    case TIDE_METRIC_SUM:
        tide_bytes_append_format(text, "the sum of %.*s", TIDE_VIEW_ARGUMENTS(column));
        break;
    case TIDE_METRIC_MEAN:
        tide_bytes_append_format(
            text, "the sum of %.*s, divided by the number of values", TIDE_VIEW_ARGUMENTS(column));
        break;
    case TIDE_METRIC_MIN:
        tide_bytes_append_format(text, "the least %.*s", TIDE_VIEW_ARGUMENTS(column));
        break;
    case TIDE_METRIC_MAX:
        tide_bytes_append_format(text, "the greatest %.*s", TIDE_VIEW_ARGUMENTS(column));
        break;
    case TIDE_METRIC_QUANTILES:
        write_quantiles(plan, text);
        break;
    case TIDE_METRIC_SESSIONS:
        tide_bytes_append_format(text,
                                 "runs of events of each %.*s, cut where nothing happens for ",
                                 TIDE_VIEW_ARGUMENTS(entity_of(plan)));
        append_duration(metric->sessions.timeout, text);
        break;
    case TIDE_METRIC_FUNNEL:
        write_funnel(plan, text);
        break;
    case TIDE_METRIC_RETENTION:
        write_retention(plan, text);
        break;
    case TIDE_METRIC_RATIO:
        tide_bytes_append_format(text,
                                 "%.*s divided by %.*s, cell by cell",
                                 TIDE_VIEW_ARGUMENTS(part_of(plan, 0)->name),
                                 TIDE_VIEW_ARGUMENTS(part_of(plan, 1)->name));
        break;
    }
}

static void write_kind(const struct tide_plan *plan, struct tide_bytes *text)
{
    tide_bytes_append_format(text, "%s: ", tide_metric_kind_name(plan->metric->kind));
    write_counted(plan, text);
}

static void write_steps(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_funnel_plan *funnel = plan->metric->funnel;
    for (uint32_t i = 0; funnel != NULL && i < funnel->step_count; i++) {
        tide_bytes_append_format(
            text, "%s%.*s: ", i == 0 ? "" : "; ", TIDE_VIEW_ARGUMENTS(funnel->step_names[i]));
        append_condition(funnel->steps[i], text);
    }
}

static void write_events(const struct tide_plan *plan, struct tide_bytes *text)
{
    if (plan->metric->kind == TIDE_METRIC_RATIO) {
        return;
    }
    if (plan->metric->where == NULL) {
        tide_bytes_append_text(text, "all that are valid, each once");
    } else {
        tide_bytes_append_text(text, "those that are valid, each once, where (in SQL) ");
        append_condition(plan->metric->where, text);
    }
}

static void append_column(const struct tide_plan *plan, uint32_t index, struct tide_bytes *text)
{
    const struct tide_schema *schema = plan->definitions->schema;
    const struct tide_column *column = column_of(plan, index);
    tide_bytes_append_view(text, column->name);
    if (column->derived) {
        tide_bytes_append_format(
            text, " (derived from %.*s)", TIDE_VIEW_ARGUMENTS(name_of(plan, column->from)));
        return;
    }
    tide_bytes_append_format(text,
                             " (%s at %.*s%s)",
                             tide_type_name(column->type),
                             TIDE_VIEW_ARGUMENTS(column->pointer),
                             index == schema->entity ? ", the entity"
                             : index == schema->time ? ", the time"
                                                     : "");
}

static void write_columns(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_schema *schema = plan->definitions->schema;
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    const char *separator = "";
    tide_metric_mark_columns(plan->metric, used);
    if (plan->metric->kind == TIDE_METRIC_RATIO) {
        tide_metric_mark_columns(part_of(plan, 0), used);
        tide_metric_mark_columns(part_of(plan, 1), used);
    }
    used[schema->time] = true;
    if (plan->metric->kind == TIDE_METRIC_SESSIONS || plan->metric->kind == TIDE_METRIC_RETENTION) {
        used[schema->entity] = true;
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (used[i]) {
            tide_bytes_append_text(text, separator);
            append_column(plan, i, text);
            separator = ", ";
        }
    }
}

static void write_groups(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_metric *metric = plan->metric;
    if (metric->by_count == 0) {
        tide_bytes_append_text(text, "one, of all events");
        return;
    }
    tide_bytes_append_text(text, "by ");
    append_names(plan, metric->by, metric->by_count, text);
    tide_bytes_append_text(text, "; null is a group of its own");
    if (metric->top > 0) {
        tide_bytes_append_format(
            text, "; in each window the %u with the largest value", metric->top);
    }
}

/* ---- windows */

static void append_windows(const struct tide_metric *metric, struct tide_bytes *text)
{
    static const char *const units[] = {
        "aligned to 1970 in UTC", "days", "weeks from Monday", "months"};
    const struct tide_window_spec every = metric->every;
    if (metric->pane_count > 1) {
        append_window((struct tide_window_spec){every.unit, every.size * metric->pane_count, NULL},
                      text);
        tide_bytes_append_text(text, " long, one ending with each ");
    }
    append_window(every, text);
    tide_bytes_append_format(text, ", %s", units[every.unit]);
    if (every.unit != TIDE_WINDOW_FIXED) {
        const struct tide_view zone =
            every.zone == NULL ? TIDE_VIEW("UTC") : tide_timezone_name(every.zone);
        tide_bytes_append_format(text, " in %.*s", TIDE_VIEW_ARGUMENTS(zone));
    }
}

static void write_windows(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_metric *metric = plan->metric;
    if (metric->kind != TIDE_METRIC_RATIO) {
        append_windows(metric, text);
        return;
    }
    for (int i = 0; i < 2; i++) {
        tide_bytes_append_format(text,
                                 "%sof %.*s: ",
                                 i == 0 ? "those that end together, " : "; ",
                                 TIDE_VIEW_ARGUMENTS(part_of(plan, i)->name));
        append_windows(part_of(plan, i), text);
    }
}

/* 2026-03-09T00:00:00+05:30 */
static void append_local(const struct tide_timezone *zone,
                         struct tide_instant t,
                         struct tide_bytes *text)
{
    char buffer[TIDE_CIVIL_TEXT_MAX];
    const int32_t offset = tide_timezone_offset(zone, t);
    const struct tide_instant shown = {t.us + offset * TIDE_US_PER_SECOND};
    const size_t size = tide_civil_format(shown, buffer) - 1; /* its Z */
    const int32_t minutes = (offset < 0 ? -offset : offset) / 60;
    tide_bytes_append_format(text,
                             "%.*s%c%02d:%02d",
                             (int)size,
                             buffer,
                             offset < 0 ? '-' : '+',
                             minutes / 60,
                             minutes % 60);
}

static void write_example(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_metric *metric =
        plan->metric->kind == TIDE_METRIC_RATIO ? part_of(plan, 1) : plan->metric;
    const struct tide_window pane = tide_window_of(metric->every, plan->at);
    const struct tide_window window =
        tide_window_slide(metric->every, metric->pane_count, pane.start, 0);
    append_time(window.start, text);
    tide_bytes_append_text(text, " to ");
    append_time(window.end, text);
    if (metric->every.zone != NULL) {
        tide_bytes_append_text(text, ", there ");
        append_local(metric->every.zone, window.start, text);
        tide_bytes_append_text(text, " to ");
        append_local(metric->every.zone, window.end, text);
    }
    tide_bytes_append_text(text, "; it holds ");
    append_time(plan->at, text);
}

/* ---- how far to trust it */

static void write_answer(const struct tide_plan *plan, struct tide_bytes *text)
{
    static const char *const members[] = {
        [TIDE_METRIC_COUNT] = "value",
        [TIDE_METRIC_DISTINCT] = "value",
        [TIDE_METRIC_SUM] = "value",
        [TIDE_METRIC_MEAN] = "value, count, sum",
        [TIDE_METRIC_MIN] = "value",
        [TIDE_METRIC_MAX] = "value",
        [TIDE_METRIC_QUANTILES] = "count, quantiles",
        [TIDE_METRIC_APPROX_DISTINCT] = "value",
        [TIDE_METRIC_SESSIONS] =
            "sessions, events, bounced, mean_duration, median_duration (in seconds)",
        [TIDE_METRIC_FUNNEL] = FUNNEL_MEMBERS,
        [TIDE_METRIC_RETENTION] = "cohort, size, retained",
        [TIDE_METRIC_RATIO] = "value, numerator, denominator",
    };
    tide_bytes_append_text(text, members[plan->metric->kind]);
}

static void append_exactness(const struct tide_schema *schema,
                             const struct tide_metric *metric,
                             struct tide_bytes *text)
{
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_RETENTION:
        tide_bytes_append_text(text, "exact");
        break;
    case TIDE_METRIC_MEAN:
        tide_bytes_append_text(text, "sum and count are exact; they are divided when asked");
        break;
    case TIDE_METRIC_DISTINCT:
        tide_bytes_append_format(
            text,
            "exact%s",
            tide_metric_is_of_entities(schema, metric)
                ? ": partitions have different entities, so their numbers add"
                : " up to 4096 values in a cell of a partition, beyond that an estimate with a "
                  "standard error of 0.81 %; exact in replay and batch");
        break;
    case TIDE_METRIC_APPROX_DISTINCT:
        tide_bytes_append_text(
            text,
            "an estimate with a standard error of 0.81 %, much less for few values; exact in "
            "batch");
        break;
    case TIDE_METRIC_QUANTILES:
        tide_bytes_append_text(text,
                               "at most 1 % away from the value at that rank; exact in batch");
        break;
    case TIDE_METRIC_SESSIONS:
        tide_bytes_append_text(text, "exact; median_duration within 1 %, and exact in batch");
        break;
    case TIDE_METRIC_FUNNEL:
        tide_bytes_append_text(text, "exact; median_time within 1 %, and exact in batch");
        break;
    case TIDE_METRIC_RATIO:
        break;
    }
}

static void write_exactness(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_schema *schema = plan->definitions->schema;
    if (plan->metric->kind != TIDE_METRIC_RATIO) {
        append_exactness(schema, plan->metric, text);
        return;
    }
    for (int i = 0; i < 2; i++) {
        tide_bytes_append_format(
            text, "%s%.*s: ", i == 0 ? "" : "; ", TIDE_VIEW_ARGUMENTS(part_of(plan, i)->name));
        append_exactness(schema, part_of(plan, i), text);
    }
}

static void write_lateness(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_schema_clock *clock = &plan->definitions->schema->clock;
    tide_bytes_append_text(text, "an event more than ");
    append_duration(clock->out_of_orderness, text);
    tide_bytes_append_text(text,
                           " older than the newest of its partition is late; it is never dropped "
                           "for that, and revises at once ");
    switch (plan->metric->kind) {
    case TIDE_METRIC_SESSIONS:
        tide_bytes_append_text(text, "the session that it lengthens, joins or starts");
        break;
    case TIDE_METRIC_FUNNEL:
        tide_bytes_append_text(text, "the runs of its key, as if it had come in order");
        break;
    case TIDE_METRIC_RETENTION:
        tide_bytes_append_text(text, "the cohort of its entity, which may become an earlier one");
        break;
    case TIDE_METRIC_RATIO:
        tide_bytes_append_text(text, "the parts, which are divided when asked");
        break;
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_APPROX_DISTINCT:
        tide_bytes_append_text(text, "the windows of its own time");
        break;
    }
    tide_bytes_append_text(text, ". One that seems more than ");
    append_duration(clock->max_ahead, text);
    tide_bytes_append_text(text, " ahead of when it was received, or ");
    append_duration(clock->max_age, text);
    tide_bytes_append_text(text, " behind, is refused");
}

static void write_complete(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_metric *metric = plan->metric;
    tide_bytes_append_text(text, "when time has passed ");
    if (metric->kind == TIDE_METRIC_RETENTION) {
        tide_bytes_append_text(text, "the end of the last period");
    } else {
        tide_bytes_append_text(text, "the end of the window");
    }
    if (metric->kind == TIDE_METRIC_SESSIONS || metric->kind == TIDE_METRIC_FUNNEL) {
        tide_bytes_append_text(text, " and ");
        append_duration(metric->kind == TIDE_METRIC_SESSIONS ? metric->sessions.timeout
                                                             : metric->funnel->timeout,
                        text);
    }
    tide_bytes_append_text(text, ", in every partition");
}

/* ---- what it costs */

static void append_cells(const struct tide_metric *metric, struct tide_bytes *text)
{
    tide_bytes_append_text(text, "in each partition, for each ");
    if (metric->pane_count > 1 && metric->having == NULL) {
        tide_bytes_append_text(text, "pane of ");
        append_window(metric->every, text);
        tide_bytes_append_text(text, " (sliding windows are put together when asked)");
    } else {
        tide_bytes_append_text(text, "window");
    }
    tide_bytes_append_text(text, " and group a cell of about 100 bytes");
}

static void write_state(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_metric *metric = plan->metric;
    switch (metric->kind) {
    case TIDE_METRIC_RATIO:
        tide_bytes_append_text(text, "none: divided when asked, from the cells of its parts");
        return;
    case TIDE_METRIC_RETENTION:
        tide_bytes_append_text(text,
                               "in each partition the periods in which each entity was seen, about "
                               "16 bytes for each of them; cohorts are found when asked");
        return;
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_APPROX_DISTINCT:
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
        break;
    }
    append_cells(metric, text);
    if (metric->kind == TIDE_METRIC_SESSIONS) {
        tide_bytes_append_text(text, "; for each entity its sessions, 24 bytes each");
    } else if (metric->kind == TIDE_METRIC_FUNNEL) {
        tide_bytes_append_text(text,
                               "; for each key its step events: a key with one event takes about "
                               "40 bytes, each other one 16; and for each step of a cell a set of "
                               "its entities");
    } else if (metric->kind == TIDE_METRIC_QUANTILES) {
        tide_bytes_append_text(text, ", and 10 bytes for each bucket of its sketch, at most 4073");
    } else if (metric->kind == TIDE_METRIC_APPROX_DISTINCT) {
        tide_bytes_append_text(text, ", and a sketch of at most 16 KiB");
    } else if (metric->having != NULL) {
        tide_bytes_append_format(text,
                                 ", and for each entity in it a record of %zu bytes",
                                 (2 + (size_t)metric->having->fact_count) * sizeof(uint64_t));
    } else if (tide_metric_is_of_entities(plan->definitions->schema, metric)) {
        tide_bytes_append_text(text,
                               ", and the set of its entities: 4 bytes each up to 128 of them, "
                               "then 3 to 5 and less, and 48 for each range of 65,536");
    } else if (metric->kind == TIDE_METRIC_DISTINCT) {
        tide_bytes_append_text(
            text, ", and 16 bytes or more for each value, at most 128 KiB; a sketch has 16 KiB");
    }
}

static void write_limits(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_operator_limits limits = tide_operator_limits_default();
    const struct tide_metric *metric = plan->metric;
    if (metric->kind == TIDE_METRIC_RATIO) {
        return;
    }
    if (metric->kind != TIDE_METRIC_RETENTION && metric->by_count > 0) {
        tide_bytes_append_format(text,
                                 "%u cells in a partition (process.cells_max); the events of "
                                 "further groups go into the group (other), and it says \"folded\"",
                                 limits.cells_max);
    }
    if (metric->kind == TIDE_METRIC_FUNNEL) {
        tide_bytes_append_format(text,
                                 "%s%u step events of a key; a key with more is left to batch, and "
                                 "its cells say \"pending_batch\"",
                                 text->size > 0 ? "; " : "",
                                 limits.key_events_max);
    }
    if (metric->pane_count > 1) {
        tide_bytes_append_format(text,
                                 "%sa window is %u times 'every', at most %d",
                                 text->size > 0 ? "; " : "",
                                 metric->pane_count,
                                 metric->having == NULL ? TIDE_PANES_MAX : TIDE_HAVING_WINDOWS_MAX);
    }
}

static void write_used_by(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_definitions *definitions = plan->definitions;
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *ratio = &definitions->metrics[i];
        if (ratio->kind == TIDE_METRIC_RATIO &&
            (&definitions->metrics[ratio->parts[0]] == plan->metric ||
             &definitions->metrics[ratio->parts[1]] == plan->metric)) {
            tide_bytes_append_text(text, text->size == 0 ? "" : ", ");
            tide_bytes_append_view(text, ratio->name);
        }
    }
}

static void write_alerts(const struct tide_plan *plan, struct tide_bytes *text)
{
    const struct tide_definitions *definitions = plan->definitions;
    for (uint32_t i = 0; i < definitions->alert_count; i++) {
        const struct tide_alert *alert = &definitions->alerts[i];
        if (&definitions->metrics[alert->metric] != plan->metric) {
            continue;
        }
        tide_bytes_append_text(text, text->size == 0 ? "" : "; ");
        tide_bytes_append_format(text, "%.*s: ", TIDE_VIEW_ARGUMENTS(alert->name));
        if (alert->when == NULL) {
            tide_bytes_append_text(text, "absent for ");
            append_duration(alert->absent, text);
        } else {
            tide_bytes_append_format(text, "when %.*s", TIDE_VIEW_ARGUMENTS(alert->when_text));
            if (alert->on != TIDE_ALERT_ON_VALUE) {
                tide_bytes_append_format(
                    text, ", of its %.*s", TIDE_VIEW_ARGUMENTS(alert->on_text));
            }
        }
    }
}

/* ---- the whole */

/* One that writes nothing is left out. */
static const struct {
    const char *key;
    void (*write)(const struct tide_plan *plan, struct tide_bytes *text);
} parts[] = {
    {"kind", write_kind},
    {"steps", write_steps},
    {"events", write_events},
    {"columns", write_columns},
    {"groups", write_groups},
    {"windows", write_windows},
    {"example", write_example},
    {"answer", write_answer},
    {"exactness", write_exactness},
    {"lateness", write_lateness},
    {"complete", write_complete},
    {"state", write_state},
    {"limits", write_limits},
    {"used_by", write_used_by},
    {"alerts", write_alerts},
};
enum {
    PART_COUNT = sizeof(parts) / sizeof(parts[0])
};

/* The bytes up to which a line of words goes; a word that is longer sticks out. */
static size_t line_end(struct tide_view words)
{
    const size_t width = LINE_WIDTH - KEY_WIDTH - 3;
    size_t end = words.size;
    if (end > width) {
        end = width;
        while (end > 0 && words.data[end] != ' ') {
            end--;
        }
        for (size_t i = width; end == 0 && i < words.size && words.data[i] != ' '; i++) {
            end = words.data[i + 1 < words.size ? i + 1 : i] == ' ' ? i + 1 : 0;
        }
    }
    return end == 0 ? words.size : end;
}

void tide_plan_write_paragraph(const char *key, struct tide_view words, struct tide_bytes *text)
{
    char name[KEY_WIDTH + 1];
    const char *left = name;
    snprintf(name, sizeof(name), "%s", key);
    for (char *c = name; *c != '\0'; c++) {
        *c = (char)(*c == '_' ? ' ' : *c); /* of a member of JSON */
    }
    do {
        const size_t end = line_end(words);
        tide_bytes_append_format(text, "  %-*s %.*s\n", KEY_WIDTH, left, (int)end, words.data);
        const size_t next = end < words.size ? end + 1 : words.size; /* over the space */
        words = tide_view_slice(words, next, words.size - next);
        left = "";
    } while (words.size > 0);
}

void tide_plan_write_text(const struct tide_plan *plan, struct tide_bytes *text)
{
    struct tide_bytes words = {0};
    for (int i = 0; i < PART_COUNT; i++) {
        tide_bytes_reset(&words);
        parts[i].write(plan, &words);
        if (words.size > 0) {
            tide_plan_write_paragraph(parts[i].key, tide_bytes_view(&words), text);
        }
        text->failed = text->failed || words.failed;
    }
    tide_bytes_release(&words);
}

void tide_plan_write_json(const struct tide_plan *plan, struct tide_bytes *json)
{
    struct tide_bytes words = {0};
    tide_bytes_append_byte(json, '{');
    for (int i = 0; i < PART_COUNT; i++) {
        tide_bytes_reset(&words);
        parts[i].write(plan, &words);
        if (words.size > 0) {
            tide_json_write_text_member(json, parts[i].key, tide_bytes_view(&words));
        }
        json->failed = json->failed || words.failed;
    }
    tide_bytes_append_byte(json, '}');
    tide_bytes_release(&words);
}
