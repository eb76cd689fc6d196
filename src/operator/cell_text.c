#include "operator/cell_text.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/json.h"
#include "base/timezone.h"

#include <inttypes.h>

#include "base/banned.h"

enum {
    MICROSECOND_PLACES = 6
};

static void write_number(struct tide_number number, struct tide_bytes *text)
{
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    if (!number.present) {
        tide_bytes_append_text(text, "null");
        return;
    }
    tide_bytes_append(text, buffer, tide_decimal_format(number.value, number.places, buffer));
}

static void write_double(double number, struct tide_bytes *text)
{
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    tide_bytes_append(text, buffer, tide_double_format(number, buffer));
}

static void write_time(const char *key, struct tide_instant t, struct tide_bytes *text)
{
    char buffer[TIDE_CIVIL_TEXT_MAX];
    const size_t length = tide_civil_format(t, buffer);
    tide_bytes_append_format(text, ", \"%s\": \"%.*s\"", key, (int)length, buffer);
}

static void write_group(const struct tide_schema *schema,
                        const struct tide_metric *metric,
                        struct tide_view group,
                        struct tide_bytes *text)
{
    const bool is_other = tide_group_is_other(group);
    size_t at = is_other ? group.size : 0;
    tide_bytes_append_text(text, ", \"group\": {");
    for (uint32_t i = 0; i < metric->by_count; i++) {
        tide_bytes_append_text(text, i == 0 ? "" : ", ");
        tide_json_write_string(text, schema->columns[metric->by[i]].name);
        tide_bytes_append_text(text, ": ");
        if (is_other) {
            tide_bytes_append_text(text, "\"(other)\"");
        } else {
            tide_value_write_json(tide_value_decode(group, &at), text);
        }
    }
    tide_assert(at == group.size);
    tide_bytes_append_byte(text, '}');
}

static void write_head(const struct tide_schema *schema,
                       const struct tide_metric *metric,
                       struct tide_window window,
                       struct tide_view group,
                       struct tide_bytes *text)
{
    tide_bytes_append_text(text, "{\"metric\": ");
    tide_json_write_string(text, metric->name);
    write_time("start", window.start, text);
    write_time("end", window.end, text);
    write_group(schema, metric, group, text);
}

static void write_count(const char *key, uint64_t count, struct tide_bytes *text)
{
    tide_bytes_append_format(text, ", \"%s\": %" PRIu64, key, count);
}

/* A value of given rank: exactly, where a batch found it. */
static void write_rank(const struct tide_metric *metric,
                       const struct tide_cell_value *value,
                       uint32_t index,
                       unsigned places,
                       struct tide_bytes *text)
{
    const struct tide_cell_parts *parts = value->parts;
    double number = 0;
    if (parts != NULL && parts->exact != NULL) {
        write_number((struct tide_number){true, places, parts->exact[index]}, text);
    } else if (tide_cell_value_rank(metric, value, index, &number)) {
        write_double(places > 0 ? number / TIDE_DECIMAL_SCALE : number, text);
    } else {
        tide_bytes_append_text(text, "null");
    }
}

static void write_quantiles(const struct tide_schema *schema,
                            const struct tide_metric *metric,
                            const struct tide_cell_value *value,
                            struct tide_bytes *text)
{
    write_count("count", value->count, text);
    tide_bytes_append_text(text, ", \"quantiles\": {");
    for (uint32_t i = 0; i < metric->quantile_count; i++) {
        tide_bytes_append_format(text,
                                 "%s\"%.*s\": ",
                                 i == 0 ? "" : ", ",
                                 TIDE_VIEW_ARGUMENTS(metric->quantiles[i].text));
        write_rank(metric, value, i, tide_metric_places(schema, metric), text);
    }
    tide_bytes_append_byte(text, '}');
}

/* The mean and the median of durations, in seconds; null of none. */
static void write_durations(const struct tide_metric *metric,
                            const struct tide_cell_value *value,
                            uint64_t count,
                            const char *const keys[2],
                            struct tide_bytes *text)
{
    tide_bytes_append_format(text, ", \"%s\": ", keys[0]);
    if (count == 0) {
        tide_bytes_append_text(text, "null");
    } else {
        write_double(tide_decimal_to_double(value->sum, MICROSECOND_PLACES) / (double)count, text);
    }
    tide_bytes_append_format(text, ", \"%s\": ", keys[1]);
    write_rank(metric, value, 0, MICROSECOND_PLACES, text);
}

static void write_sessions(const struct tide_metric *metric,
                           const struct tide_cell_value *value,
                           struct tide_bytes *text)
{
    static const char *const keys[2] = {"mean_duration", "median_duration"};
    write_count("sessions", value->count, text);
    write_count("events", value->events, text);
    write_count("bounced", value->distinct, text);
    write_durations(metric, value, value->count, keys, text);
}

static void write_funnel(const struct tide_metric *metric,
                         const struct tide_cell_value *value,
                         struct tide_bytes *text)
{
    static const char *const keys[2] = {"mean_time", "median_time"};
    const struct tide_funnel_plan *plan = metric->funnel;
    const struct tide_step_count *steps = value->parts->steps;
    const uint64_t completed = steps[plan->step_count - 1].reached;
    uint64_t open = 0;
    for (uint32_t k = 0; k < plan->step_count; k++) {
        open += steps[k].open;
    }
    write_count("entered", value->count, text);
    write_count("completed", completed, text);
    write_count("open", open, text);
    write_count("unmatched", value->distinct, text);
    tide_bytes_append_text(text, ", \"steps\": [");
    for (uint32_t k = 0; k < plan->step_count; k++) {
        const uint64_t left =
            k + 1 == plan->step_count ? 0 : steps[k].reached - steps[k + 1].reached - steps[k].open;
        tide_assert(left <= steps[k].reached);
        tide_bytes_append_text(text, k == 0 ? "{\"name\": " : ", {\"name\": ");
        tide_json_write_string(text, plan->step_names[k]);
        write_count("reached", steps[k].reached, text);
        write_count("entities", steps[k].entities, text);
        write_count("abandoned", left, text);
        tide_bytes_append_byte(text, '}');
    }
    tide_bytes_append_byte(text, ']');
    write_durations(metric, value, completed, keys, text);
}

static void write_cohort(const struct tide_metric *metric,
                         struct tide_window window,
                         struct tide_bytes *text)
{
    char buffer[TIDE_CIVIL_TEXT_MAX];
    const struct tide_timezone *zone = metric->every.zone;
    const int64_t day =
        zone == NULL ? tide_days_of(window.start) : tide_timezone_day_of(zone, window.start);
    const size_t length = tide_civil_format_date(day, buffer);
    tide_bytes_append_text(text, "{\"metric\": ");
    tide_json_write_string(text, metric->name);
    tide_bytes_append_format(text, ", \"cohort\": \"%.*s\"", (int)length, buffer);
}

void tide_cell_write_key(const struct tide_schema *schema,
                         const struct tide_metric *metric,
                         struct tide_window window,
                         struct tide_view group,
                         struct tide_bytes *text)
{
    if (metric->kind == TIDE_METRIC_RETENTION) {
        write_cohort(metric, window, text);
    } else {
        write_head(schema, metric, window, group, text);
    }
}

static void write_retention(const struct tide_metric *metric,
                            const struct tide_cell *cell,
                            struct tide_bytes *text)
{
    const struct tide_step_count *steps = cell->value->parts->steps;
    write_cohort(metric, cell->window, text);
    write_count("size", steps[0].reached, text);
    tide_bytes_append_text(text, ", \"retained\": [");
    for (uint32_t k = 0; k <= metric->retention.period_count; k++) {
        tide_bytes_append_format(text, k == 0 ? "%" PRIu64 : ", %" PRIu64, steps[k].reached);
    }
    tide_bytes_append_byte(text, ']');
}

static void write_value(const struct tide_schema *schema,
                        const struct tide_metric *metric,
                        const struct tide_cell_value *value,
                        struct tide_bytes *text)
{
    const struct tide_number number = tide_cell_number(schema, metric, value);
    tide_bytes_append_text(text, ", \"value\": ");
    if (metric->kind != TIDE_METRIC_MEAN || !number.present) {
        write_number(number, text);
    } else {
        write_double(tide_cell_mean(schema, metric, value), text);
    }
    if (metric->kind == TIDE_METRIC_MEAN) {
        write_count("count", value->count, text);
        tide_bytes_append_text(text, ", \"sum\": ");
        write_number((struct tide_number){true, number.places, number.value}, text);
    }
}

void tide_cell_write_json(const struct tide_schema *schema,
                          const struct tide_metric *metric,
                          const struct tide_cell *cell,
                          struct tide_bytes *text)
{
    if (metric->kind == TIDE_METRIC_RETENTION) {
        write_retention(metric, cell, text);
        return;
    }
    write_head(schema, metric, cell->window, cell->group, text);
    switch (metric->kind) {
    case TIDE_METRIC_QUANTILES:
        write_quantiles(schema, metric, cell->value, text);
        return;
    case TIDE_METRIC_SESSIONS:
        write_sessions(metric, cell->value, text);
        return;
    case TIDE_METRIC_FUNNEL:
        write_funnel(metric, cell->value, text);
        return;
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        tide_assert(false);
        return;
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_APPROX_DISTINCT:
        break;
    }
    write_value(schema, metric, cell->value, text);
}

void tide_ratio_write_json(const struct tide_schema *schema,
                           const struct tide_metric *metric,
                           struct tide_window window,
                           struct tide_view group,
                           const struct tide_ratio_text *ratio,
                           struct tide_bytes *text)
{
    write_head(schema, metric, window, group, text);
    tide_bytes_append_text(text, ", \"value\": ");
    if (ratio->present) {
        write_double(ratio->value, text);
    } else {
        tide_bytes_append_text(text, "null");
    }
    tide_bytes_append_text(text, ", \"numerator\": ");
    write_number(ratio->above, text);
    tide_bytes_append_text(text, ", \"denominator\": ");
    write_number(ratio->below, text);
}
