#include "serve/metric_shape.h"

#include "base/json.h"

#include <inttypes.h>

#include "base/banned.h"

enum {
    VALUES_MAX = 8, /* of a kind */
    TITLE_BYTES_MAX = 128,
};

enum unit {
    UNIT_NONE,
    UNIT_EVENTS,
    UNIT_SECONDS,
    UNIT_SESSIONS,
    UNIT_RUNS,
    UNIT_ENTITIES, /* the entity's column */
    UNIT_COLUMN,   /* distinct values of the metric's column */
};

/* The numbers in a cell, in the order in which operator/cell_text.c writes them. */
static const struct {
    const char *name; /* NULL: the end */
    const char *type; /* of JSON */
    enum unit unit;
} values[][VALUES_MAX] = {
    [TIDE_METRIC_COUNT] = {{"value", "integer", UNIT_EVENTS}},
    [TIDE_METRIC_DISTINCT] = {{"value", "integer", UNIT_COLUMN}},
    [TIDE_METRIC_SUM] = {{"value", "number", UNIT_NONE}},
    [TIDE_METRIC_MEAN] = {{"value", "number", UNIT_NONE},
                          {"count", "integer", UNIT_EVENTS},
                          {"sum", "number", UNIT_NONE}},
    [TIDE_METRIC_MIN] = {{"value", "number", UNIT_NONE}},
    [TIDE_METRIC_MAX] = {{"value", "number", UNIT_NONE}},
    [TIDE_METRIC_QUANTILES] = {{"count", "integer", UNIT_EVENTS},
                               {"quantiles", "object", UNIT_NONE}},
    [TIDE_METRIC_APPROX_DISTINCT] = {{"value", "integer", UNIT_COLUMN}},
    [TIDE_METRIC_SESSIONS] = {{"sessions", "integer", UNIT_SESSIONS},
                              {"events", "integer", UNIT_EVENTS},
                              {"bounced", "integer", UNIT_SESSIONS},
                              {"mean_duration", "number", UNIT_SECONDS},
                              {"median_duration", "number", UNIT_SECONDS}},
    [TIDE_METRIC_FUNNEL] = {{"entered", "integer", UNIT_RUNS},
                            {"completed", "integer", UNIT_RUNS},
                            {"open", "integer", UNIT_RUNS},
                            {"unmatched", "integer", UNIT_RUNS},
                            {"steps", "array", UNIT_RUNS},
                            {"mean_time", "number", UNIT_SECONDS},
                            {"median_time", "number", UNIT_SECONDS}},
    [TIDE_METRIC_RETENTION] = {{"size", "integer", UNIT_ENTITIES},
                               {"retained", "array", UNIT_ENTITIES}},
    [TIDE_METRIC_RATIO] = {{"value", "number", UNIT_NONE},
                           {"numerator", "number", UNIT_NONE},
                           {"denominator", "number", UNIT_NONE}},
};

/* daily_active_users: "Daily active users". */
static void write_title(struct tide_view name, struct tide_bytes *json)
{
    char title[TITLE_BYTES_MAX];
    size_t size = 0;
    while (size < name.size && size < sizeof(title)) {
        const char byte = name.data[size];
        title[size++] = byte == '_' ? ' ' : byte;
    }
    if (size > 0 && title[0] >= 'a' && title[0] <= 'z') {
        title[0] = (char)(title[0] - 'a' + 'A');
    }
    tide_json_write_text_member(json, "title", (struct tide_view){title, size});
}

/* Months differ, so they have none: 0. Days of a zone are mostly this long. */
static int64_t seconds_of(struct tide_window_spec spec)
{
    switch (spec.unit) {
    case TIDE_WINDOW_FIXED:
        return spec.size / 1000000;
    case TIDE_WINDOW_DAYS:
        return spec.size * 86400;
    case TIDE_WINDOW_WEEKS:
        return spec.size * 7 * 86400;
    case TIDE_WINDOW_MONTHS:
        break;
    }
    return 0;
}

static void write_seconds(const char *key, int64_t seconds, struct tide_bytes *json)
{
    if (seconds > 0) {
        tide_json_write_i64_member(json, key, seconds);
    } else {
        tide_json_write_key(json, key);
        tide_bytes_append_text(json, "null");
    }
}

static void write_window(const struct tide_metric *metric, struct tide_bytes *json)
{
    const int64_t every = seconds_of(metric->every);
    tide_json_write_key(json, "window");
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(
        json, "kind", metric->pane_count > 1 ? TIDE_VIEW("sliding") : TIDE_VIEW("tumbling"));
    write_seconds("every_s", every, json);
    write_seconds("length_s", every * (int64_t)metric->pane_count, json);
    tide_bytes_append_byte(json, '}');
}

static struct tide_view unit_name(const struct tide_definitions *definitions,
                                  const struct tide_metric *metric,
                                  enum unit unit)
{
    const struct tide_schema *schema = definitions->schema;
    switch (unit) {
    case UNIT_EVENTS:
        return TIDE_VIEW("events");
    case UNIT_SECONDS:
        return TIDE_VIEW("s");
    case UNIT_SESSIONS:
        return TIDE_VIEW("sessions");
    case UNIT_RUNS:
        return TIDE_VIEW("runs");
    case UNIT_ENTITIES:
        return schema->columns[schema->entity].name;
    case UNIT_COLUMN:
        return schema->columns[metric->column].name;
    case UNIT_NONE:
        break;
    }
    return (struct tide_view){0};
}

static void write_values(const struct tide_definitions *definitions,
                         const struct tide_metric *metric,
                         struct tide_bytes *json)
{
    tide_json_write_key(json, "values");
    tide_bytes_append_byte(json, '[');
    for (int i = 0; i < VALUES_MAX && values[metric->kind][i].name != NULL; i++) {
        const struct tide_view unit = unit_name(definitions, metric, values[metric->kind][i].unit);
        tide_bytes_append_text(json, i == 0 ? "{" : ",{");
        tide_json_write_text_member(json, "name", tide_view_of(values[metric->kind][i].name));
        tide_json_write_text_member(json, "type", tide_view_of(values[metric->kind][i].type));
        if (unit.size > 0) {
            tide_json_write_text_member(json, "unit", unit);
        } else {
            tide_json_write_key(json, "unit");
            tide_bytes_append_text(json, "null");
        }
        tide_bytes_append_byte(json, '}');
    }
    tide_bytes_append_byte(json, ']');
}

static void write_list(const char *key,
                       struct tide_view (*at)(const struct tide_metric *metric, uint32_t index),
                       const struct tide_metric *metric,
                       uint32_t count,
                       struct tide_bytes *json)
{
    tide_json_write_key(json, key);
    tide_bytes_append_byte(json, '[');
    for (uint32_t i = 0; i < count; i++) {
        tide_bytes_append_text(json, i == 0 ? "" : ",");
        tide_json_write_string(json, at(metric, i));
    }
    tide_bytes_append_byte(json, ']');
}

static struct tide_view step_at(const struct tide_metric *metric, uint32_t index)
{
    return metric->funnel->step_names[index];
}

static struct tide_view quantile_at(const struct tide_metric *metric, uint32_t index)
{
    return metric->quantiles[index].text;
}

static void write_timeout(struct tide_duration timeout, struct tide_bytes *json)
{
    tide_json_write_i64_member(json, "timeout_s", timeout.us / 1000000);
}

void tide_metric_shape_write(const struct tide_definitions *definitions,
                             const struct tide_metric *metric,
                             struct tide_bytes *json)
{
    const bool is_ratio = metric->kind == TIDE_METRIC_RATIO;
    write_title(metric->name, json);
    write_window(is_ratio ? &definitions->metrics[metric->parts[1]] : metric, json);
    write_values(definitions, metric, json);
    switch (metric->kind) {
    case TIDE_METRIC_QUANTILES:
        write_list("quantiles", quantile_at, metric, metric->quantile_count, json);
        break;
    case TIDE_METRIC_SESSIONS:
        write_timeout(metric->sessions.timeout, json);
        break;
    case TIDE_METRIC_FUNNEL:
        write_list("steps", step_at, metric, metric->funnel->step_count, json);
        write_timeout(metric->funnel->timeout, json);
        break;
    case TIDE_METRIC_RETENTION:
        tide_json_write_u64_member(json, "periods", metric->retention.period_count);
        break;
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
}
