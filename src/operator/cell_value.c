#include "operator/cell_value.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    DECIMAL_PLACES = 6
};

uint32_t tide_metric_step_count(const struct tide_metric *metric)
{
    switch (metric->kind) {
    case TIDE_METRIC_FUNNEL:
        return metric->funnel->step_count;
    case TIDE_METRIC_RETENTION:
        return metric->retention.period_count + 1;
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_APPROX_DISTINCT:
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_RATIO:
        break;
    }
    return 0;
}

uint32_t tide_metric_rank_count(const struct tide_metric *metric)
{
    switch (metric->kind) {
    case TIDE_METRIC_QUANTILES:
        return metric->quantile_count;
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
        return 1;
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_APPROX_DISTINCT:
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        break;
    }
    return 0;
}

void tide_cell_value_release(struct tide_cell_value *value)
{
    struct tide_cell_parts *parts = value->parts;
    if (parts != NULL) {
        tide_quantile_sketch_release(&parts->sketch);
        tide_value_set_release(&parts->values);
        free(parts->steps);
        free(parts->exact);
        free(parts);
    }
    *value = (struct tide_cell_value){0};
}

bool tide_cell_value_open(const struct tide_metric *metric, struct tide_cell_value *value)
{
    const uint32_t step_count = tide_metric_step_count(metric);
    if (value->parts != NULL) {
        return true;
    }
    struct tide_cell_parts *parts = calloc(1, sizeof(*parts));
    if (parts == NULL) {
        return false;
    }
    if (step_count > 0) {
        parts->steps = calloc(step_count, sizeof(*parts->steps));
    }
    if (step_count > 0 && parts->steps == NULL) {
        free(parts);
        return false;
    }
    if (metric->kind == TIDE_METRIC_APPROX_DISTINCT) {
        tide_value_set_init(&parts->values, TIDE_VALUE_SET_APPROXIMATE);
    } else if (metric->kind == TIDE_METRIC_DISTINCT) {
        tide_value_set_init(&parts->values, TIDE_VALUE_SET_UNLIMITED);
    }
    value->parts = parts;
    return true;
}

static enum tide_status merge_parts(const struct tide_metric *metric,
                                    struct tide_cell_parts *into,
                                    const struct tide_cell_parts *from)
{
    const uint32_t step_count = tide_metric_step_count(metric);
    for (uint32_t i = 0; i < step_count; i++) {
        into->steps[i].reached += from->steps[i].reached;
        into->steps[i].entities += from->steps[i].entities;
        into->steps[i].open += from->steps[i].open;
    }
    if (from->exact != NULL) {
        const size_t size = tide_metric_rank_count(metric) * sizeof(*from->exact);
        tide_assert(into->exact == NULL); /* ranks do not merge: a batch has each cell once */
        into->exact = malloc(size);
        if (into->exact == NULL) {
            return TIDE_FATAL;
        }
        memcpy(into->exact, from->exact, size);
    }
    const enum tide_status status = tide_quantile_sketch_merge(&into->sketch, &from->sketch);
    return status == TIDE_OK ? tide_value_set_merge(&into->values, &from->values) : TIDE_FATAL;
}

enum tide_status tide_cell_value_merge(const struct tide_metric *metric,
                                       struct tide_cell_value *into,
                                       const struct tide_cell_value *from)
{
    if (from->count > 0) {
        const bool is_first = into->count == 0;
        into->min = is_first || from->min < into->min ? from->min : into->min;
        into->max = is_first || from->max > into->max ? from->max : into->max;
    }
    const bool overflows = __builtin_add_overflow(into->sum, from->sum, &into->sum);
    tide_assert(!overflows);
    into->events += from->events;
    into->count += from->count;
    into->distinct += from->distinct;
    into->is_folded = into->is_folded || from->is_folded;
    into->is_pending = into->is_pending || from->is_pending;
    if (from->parts == NULL) {
        return TIDE_OK;
    }
    return tide_cell_value_open(metric, into) ? merge_parts(metric, into->parts, from->parts)
                                              : TIDE_FATAL;
}

unsigned tide_metric_places(const struct tide_schema *schema, const struct tide_metric *metric)
{
    const bool is_decimal = metric->column != TIDE_COLUMN_NONE &&
                            schema->columns[metric->column].type == TIDE_TYPE_DECIMAL;
    return is_decimal ? DECIMAL_PLACES : 0;
}

static uint64_t distinct_of(const struct tide_cell_value *value)
{
    return value->parts == NULL ? value->distinct : tide_value_set_count(&value->parts->values);
}

struct tide_number tide_cell_number(const struct tide_schema *schema,
                                    const struct tide_metric *metric,
                                    const struct tide_cell_value *value)
{
    struct tide_number number = {.present = true};
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
        number.value = value->count;
        return number;
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_APPROX_DISTINCT:
        number.value = distinct_of(value);
        return number;
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
        number.value = value->sum;
        break;
    case TIDE_METRIC_MIN:
        number.value = value->min;
        break;
    case TIDE_METRIC_MAX:
        number.value = value->max;
        break;
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        tide_assert(false);
    }
    number.present = value->count > 0;
    number.places = tide_metric_places(schema, metric);
    return number;
}

double tide_cell_mean(const struct tide_schema *schema,
                      const struct tide_metric *metric,
                      const struct tide_cell_value *value)
{
    tide_assert(value->count > 0);
    return tide_decimal_to_double(value->sum, tide_metric_places(schema, metric)) /
           (double)value->count;
}

bool tide_cell_is_exact(const struct tide_metric *metric, const struct tide_cell_value *value)
{
    const struct tide_cell_parts *parts = value->parts;
    if (value->is_pending || parts == NULL) {
        return !value->is_pending;
    }
    if (metric->kind == TIDE_METRIC_DISTINCT || metric->kind == TIDE_METRIC_APPROX_DISTINCT) {
        return tide_value_set_is_exact(&parts->values);
    }
    return tide_metric_rank_count(metric) == 0 || parts->exact != NULL ||
           tide_quantile_sketch_count(&parts->sketch) == 0;
}

bool tide_cell_value_rank(const struct tide_metric *metric,
                          const struct tide_cell_value *value,
                          uint32_t index,
                          double *number)
{
    tide_assert(index < tide_metric_rank_count(metric));
    if (value->parts == NULL) {
        return false;
    }
    if (value->parts->exact != NULL) {
        *number = (double)value->parts->exact[index];
        return true;
    }
    const bool is_median = metric->kind != TIDE_METRIC_QUANTILES;
    return tide_quantile_sketch_quantile(&value->parts->sketch,
                                         is_median ? 1 : metric->quantiles[index].numerator,
                                         is_median ? 2 : metric->quantiles[index].denominator,
                                         number);
}
