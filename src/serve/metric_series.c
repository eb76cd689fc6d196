#include "serve/metric_series.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/decimal.h"
#include "event/batch.h"
#include "serve/prometheus.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    NAME_BYTES_MAX = 32 /* "by_instance", "p99.9", "365" */
};

/* What a column may not be called as a label: ours, and what Prometheus gives itself. */
static const char *const taken_names[] = {
    "metric", "window", "of", "step", "period", "job", "instance", "le", "quantile"};

/* ---- windows */

static struct tide_window window_before(struct tide_window_spec every, struct tide_window window)
{
    return tide_window_of(every, (struct tide_instant){window.start.us - 1});
}

/* The window of all panes that ends with this one. */
static struct tide_window ending_with(const struct tide_metric *metric, struct tide_window pane)
{
    return metric->pane_count > 1
               ? tide_window_slide(metric->every, metric->pane_count, pane.start, 0)
               : pane;
}

static const struct tide_metric *timed(const struct tide_definitions *definitions,
                                       const struct tide_metric *metric)
{
    return metric->kind == TIDE_METRIC_RATIO ? &definitions->metrics[metric->parts[0]] : metric;
}

void tide_metric_windows_at(const struct tide_definitions *definitions,
                            const struct tide_metric *metric,
                            struct tide_instant closing,
                            struct tide_metric_windows *windows)
{
    const struct tide_metric *of = timed(definitions, metric);
    tide_assert(tide_instant_known(closing));
    const struct tide_window current = tide_window_of(of->every, closing);
    struct tide_window complete = window_before(of->every, current);
    windows->current = ending_with(of, current);
    if (of->kind == TIDE_METRIC_RETENTION) {
        struct tide_window cohort = current;
        for (uint32_t k = 0; k <= of->retention.period_count; k++) {
            cohort = window_before(of->every, cohort);
            windows->cohorts[k] = cohort;
        }
    } else if (tide_metric_settled_at(of, complete).us > closing.us) { /* by a timeout */
        const int64_t wait_us = tide_metric_settled_at(of, complete).us - complete.end.us;
        const struct tide_instant earlier = {closing.us - wait_us};
        complete = window_before(of->every, tide_window_of(of->every, earlier));
    }
    windows->complete = ending_with(of, complete);
}

static struct tide_cell_span span_of(const struct tide_definitions *definitions,
                                     const struct tide_metric *metric,
                                     struct tide_instant closing)
{
    struct tide_metric_windows windows;
    tide_metric_windows_at(definitions, metric, closing, &windows);
    const struct tide_window *first = &windows.complete;
    if (metric->kind == TIDE_METRIC_RETENTION) {
        first = &windows.cohorts[metric->retention.period_count];
    }
    return (struct tide_cell_span){.from = first->start,
                                   .to = {windows.current.start.us + 1},
                                   .closing = TIDE_INSTANT_UNKNOWN};
}

struct tide_cell_span tide_metric_windows_span(const struct tide_definitions *definitions,
                                               const struct tide_metric *metric,
                                               struct tide_instant closing)
{
    struct tide_cell_span span = span_of(definitions, timed(definitions, metric), closing);
    if (metric->kind == TIDE_METRIC_RATIO) {
        const struct tide_cell_span below =
            span_of(definitions, &definitions->metrics[metric->parts[1]], closing);
        span.from.us = below.from.us < span.from.us ? below.from.us : span.from.us;
        span.to.us = below.to.us > span.to.us ? below.to.us : span.to.us;
    }
    return span;
}

/* ---- a sample */

struct sample {
    const char *window;
    const char *of;
    const char *extra; /* "step", "period"; NULL: none */
    struct tide_view extra_value;
};

struct writing {
    const struct tide_definitions *definitions;
    const struct tide_metric *metric;
    struct tide_metric_series *series;
    struct tide_bytes groups; /* of the row: `os="ios"` */
    struct tide_bytes scratch;
};

static struct tide_view label_name(struct tide_view column, char *buffer, size_t size)
{
    for (size_t i = 0; i < sizeof(taken_names) / sizeof(taken_names[0]); i++) {
        if (tide_view_equal(column, tide_view_of(taken_names[i]))) {
            (void)snprintf(buffer, size, "by_%.*s", TIDE_VIEW_ARGUMENTS(column));
            return tide_view_of(buffer);
        }
    }
    return column;
}

bool tide_metric_series_possible(const struct tide_definitions *definitions,
                                 const struct tide_metric *metric)
{
    for (uint32_t i = 0; i < metric->by_count; i++) {
        char one[NAME_BYTES_MAX];
        char other[NAME_BYTES_MAX];
        const struct tide_column *columns = definitions->schema->columns;
        const struct tide_view name = label_name(columns[metric->by[i]].name, one, sizeof(one));
        for (uint32_t k = 0; k < i; k++) {
            if (tide_view_equal(name,
                                label_name(columns[metric->by[k]].name, other, sizeof(other)))) {
                return false;
            }
        }
    }
    return true;
}

/* false: no text for a label: too long, with a byte that ends the text for Prometheus, or one of
 * our own words, which would name two groups alike. */
static bool value_text(struct tide_value value, struct tide_bytes *text)
{
    if (!value.present) {
        tide_bytes_append_text(text, "(null)");
        return true;
    }
    if (value.type != TIDE_TYPE_STRING) {
        tide_value_write_json(value, text);
        return true;
    }
    tide_bytes_append_view(text, value.string);
    return value.string.size <= TIDE_METRIC_LABEL_BYTES_MAX &&
           (value.string.size == 0 || memchr(value.string.data, '\0', value.string.size) == NULL) &&
           !tide_view_equal(value.string, TIDE_VIEW("(null)")) &&
           !tide_view_equal(value.string, TIDE_VIEW("(other)"));
}

/* Fills writing->groups; false: the row has no series. */
static bool write_groups(struct writing *writing, struct tide_view group)
{
    const struct tide_metric *metric = writing->metric;
    const bool is_other = tide_group_is_other(group);
    struct tide_bytes *text = &writing->scratch;
    bool is_possible = true;
    size_t at = 0;
    tide_bytes_reset(&writing->groups);
    for (uint32_t i = 0; is_possible && i < metric->by_count; i++) {
        char buffer[NAME_BYTES_MAX];
        const struct tide_view column = writing->definitions->schema->columns[metric->by[i]].name;
        tide_bytes_reset(text);
        if (is_other) {
            tide_bytes_append_text(text, "(other)");
        } else {
            is_possible = value_text(tide_value_decode(group, &at), text);
        }
        tide_prometheus_label(
            &writing->groups, label_name(column, buffer, sizeof(buffer)), tide_bytes_view(text));
    }
    return is_possible;
}

static void add(struct writing *writing, const struct sample *sample, double number)
{
    struct tide_bytes *text = &writing->series->text;
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    const size_t size = tide_double_format(number, buffer);
    tide_bytes_append_text(text, tide_instrument_row(TIDE_INSTRUMENT_METRIC_VALUE)->name);
    tide_bytes_append_byte(text, '{');
    tide_prometheus_label(text, TIDE_VIEW("metric"), writing->metric->name);
    tide_prometheus_label(text, TIDE_VIEW("window"), tide_view_of(sample->window));
    tide_prometheus_label(text, TIDE_VIEW("of"), tide_view_of(sample->of));
    if (sample->extra != NULL) {
        tide_prometheus_label(text, tide_view_of(sample->extra), sample->extra_value);
    }
    if (writing->groups.size > 0) {
        tide_bytes_append_byte(text, ',');
        tide_bytes_append_view(text, tide_bytes_view(&writing->groups));
    }
    tide_bytes_append_text(text, "} ");
    tide_bytes_append(text, buffer, size);
    tide_bytes_append_byte(text, '\n');
    writing->series->count++;
}

/* ---- kinds */

static void add_of(struct writing *writing, const char *window, const char *of, double number)
{
    add(writing, &(struct sample){.window = window, .of = of}, number);
}

static void add_rank(struct writing *writing,
                     const char *window,
                     const char *of,
                     const struct tide_cell_value *value)
{
    double us = 0;
    if (tide_cell_value_rank(writing->metric, value, 0, &us)) {
        add_of(writing, window, of, us / (double)TIDE_US_PER_SECOND);
    }
}

/* 0.95 is p95, 0.999 is p99.9: as alerts name them. */
static void add_quantiles(struct writing *writing,
                          const char *window,
                          const struct tide_cell_value *value)
{
    const struct tide_metric *metric = writing->metric;
    const bool is_decimal = tide_metric_places(writing->definitions->schema, metric) > 0;
    for (uint32_t i = 0; i < metric->quantile_count; i++) {
        const struct tide_quantile *quantile = &metric->quantiles[i];
        char of[NAME_BYTES_MAX];
        double number = 0;
        (void)snprintf(of,
                       sizeof(of),
                       "p%.10g",
                       100 * (double)quantile->numerator / (double)quantile->denominator);
        if (tide_cell_value_rank(metric, value, i, &number)) {
            add_of(writing, window, of, is_decimal ? number / TIDE_DECIMAL_SCALE : number);
        }
    }
}

static void add_durations(struct writing *writing,
                          const char *window,
                          const struct tide_cell_value *value,
                          uint64_t count,
                          const char *const names[2])
{
    if (count > 0) {
        add_of(writing, window, names[0], tide_decimal_to_double(value->sum, 6) / (double)count);
    }
    add_rank(writing, window, names[1], value);
}

static void add_sessions(struct writing *writing,
                         const char *window,
                         const struct tide_cell_value *value)
{
    static const char *const names[2] = {"mean_duration", "median_duration"};
    add_of(writing, window, "sessions", (double)value->count);
    add_of(writing, window, "bounced", (double)value->distinct);
    add_durations(writing, window, value, value->count, names);
}

static void add_funnel(struct writing *writing,
                       const char *window,
                       const struct tide_cell_value *value)
{
    static const char *const names[2] = {"mean_time", "median_time"};
    const struct tide_funnel_plan *plan = writing->metric->funnel;
    const struct tide_step_count *steps = value->parts->steps;
    const uint64_t completed = steps[plan->step_count - 1].reached;
    for (uint32_t k = 0; k < plan->step_count; k++) {
        struct tide_bytes *step = &writing->scratch;
        tide_bytes_reset(step);
        tide_bytes_append_format(
            step, "%" PRIu32 " %.*s", k + 1, TIDE_VIEW_ARGUMENTS(plan->step_names[k]));
        add(writing,
            &(struct sample){window, "reached", "step", tide_bytes_view(step)},
            (double)steps[k].reached);
    }
    add_of(writing, window, "entered", (double)value->count);
    add_of(writing, window, "completed", (double)completed);
    if (value->count > 0) {
        add_of(writing, window, "conversion", (double)completed / (double)value->count);
    }
    add_durations(writing, window, value, completed, names);
}

static void add_cohort(struct writing *writing,
                       const struct tide_metric_windows *windows,
                       const struct tide_result_row *row)
{
    const struct tide_step_count *steps = row->value->parts->steps;
    for (uint32_t k = 0; k <= writing->metric->retention.period_count; k++) {
        char period[NAME_BYTES_MAX];
        if (windows->cohorts[k].start.us != row->window.start.us || steps[0].reached == 0) {
            continue;
        }
        (void)snprintf(period, sizeof(period), "%" PRIu32, k);
        if (k == 0) {
            add_of(writing, "complete", "size", (double)steps[0].reached);
        }
        add(writing,
            &(struct sample){"complete", "retained", "period", tide_view_of(period)},
            (double)steps[k].reached / (double)steps[0].reached);
    }
}

static void add_row(struct writing *writing,
                    const char *window,
                    const struct tide_result *result,
                    const struct tide_result_row *row)
{
    double number = 0;
    switch (writing->metric->kind) {
    case TIDE_METRIC_QUANTILES:
        add_quantiles(writing, window, row->value);
        return;
    case TIDE_METRIC_SESSIONS:
        add_sessions(writing, window, row->value);
        return;
    case TIDE_METRIC_FUNNEL:
        add_funnel(writing, window, row->value);
        return;
    case TIDE_METRIC_RETENTION:
        tide_assert(false); /* cohorts */
        return;
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_APPROX_DISTINCT:
    case TIDE_METRIC_RATIO:
        break;
    }
    if (tide_result_number(result, row, &number)) {
        add_of(writing, window, "value", number);
    }
}

/* Of a ratio the window is that of one of its sides: they have the end in common. */
static bool is_of(const struct tide_metric *metric,
                  struct tide_window window,
                  struct tide_window wanted)
{
    return window.end.us == wanted.end.us &&
           (metric->kind == TIDE_METRIC_RATIO || window.start.us == wanted.start.us);
}

static bool is_zero_of_nothing(const struct tide_metric *metric)
{
    return metric->by_count == 0 &&
           (metric->kind == TIDE_METRIC_COUNT || metric->kind == TIDE_METRIC_DISTINCT ||
            metric->kind == TIDE_METRIC_APPROX_DISTINCT || metric->kind == TIDE_METRIC_SUM);
}

static void add_window(struct writing *writing,
                       const char *name,
                       struct tide_window window,
                       const struct tide_result *result)
{
    bool is_empty = true;
    for (uint64_t i = 0; i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        if (is_of(writing->metric, row.window, window)) {
            is_empty = false;
            if (write_groups(writing, row.group)) {
                add_row(writing, name, result, &row);
            } else {
                writing->series->left_out++;
            }
        }
    }
    if (is_empty && is_zero_of_nothing(writing->metric)) {
        tide_bytes_reset(&writing->groups);
        add_of(writing, name, "value", 0);
    }
}

void tide_metric_series_write(const struct tide_definitions *definitions,
                              const struct tide_metric *metric,
                              const struct tide_metric_windows *windows,
                              const struct tide_result *result,
                              struct tide_metric_series *series)
{
    struct writing writing = {.definitions = definitions, .metric = metric, .series = series};
    if (metric->kind == TIDE_METRIC_RETENTION) {
        for (uint64_t i = 0; i < tide_result_count(result); i++) {
            const struct tide_result_row row = tide_result_at(result, i);
            if (write_groups(&writing, row.group)) {
                add_cohort(&writing, windows, &row);
            }
        }
    } else {
        add_window(&writing, "complete", windows->complete, result);
        add_window(&writing, "current", windows->current, result);
    }
    tide_bytes_release(&writing.groups);
    tide_bytes_release(&writing.scratch);
}
