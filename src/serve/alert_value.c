#include "serve/alert_value.h"

#include "base/assert.h"
#include "base/civil.h"

#include "base/banned.h"

static struct tide_alert_number whole(uint64_t number)
{
    return (struct tide_alert_number){true, (double)number};
}

static struct tide_alert_number quotient(double above, uint64_t below)
{
    return below == 0 ? (struct tide_alert_number){0}
                      : (struct tide_alert_number){true, above / (double)below};
}

static struct tide_alert_number rank(const struct tide_metric *metric,
                                     const struct tide_cell_value *value,
                                     uint32_t index,
                                     double scale)
{
    struct tide_alert_number number = {0};
    number.known = tide_cell_value_rank(metric, value, index, &number.number);
    number.number /= scale;
    return number;
}

static uint64_t completed_of(const struct tide_metric *metric, const struct tide_cell_value *value)
{
    return value->parts->steps[metric->funnel->step_count - 1].reached;
}

/* The sum of durations in seconds. */
static double seconds_of(const struct tide_cell_value *value)
{
    return tide_decimal_to_double(value->sum, 6);
}

struct tide_alert_number tide_alert_value_of(const struct tide_definitions *definitions,
                                             const struct tide_alert *alert,
                                             const struct tide_result *result,
                                             const struct tide_result_row *row)
{
    const struct tide_metric *metric = &definitions->metrics[alert->metric];
    const struct tide_cell_value *value = row->value;
    struct tide_alert_number number = {0};
    switch (alert->on) {
    case TIDE_ALERT_ON_VALUE:
        number.known = tide_result_number(result, row, &number.number);
        return number;
    case TIDE_ALERT_ON_QUANTILE:
        return rank(metric,
                    value,
                    alert->quantile,
                    tide_metric_places(definitions->schema, metric) > 0 ? TIDE_DECIMAL_SCALE : 1);
    case TIDE_ALERT_ON_SESSIONS:
    case TIDE_ALERT_ON_ENTERED:
        return whole(value->count);
    case TIDE_ALERT_ON_EVENTS:
        return whole(value->events);
    case TIDE_ALERT_ON_BOUNCED:
    case TIDE_ALERT_ON_UNMATCHED:
        return whole(value->distinct);
    case TIDE_ALERT_ON_MEAN_DURATION:
        return quotient(seconds_of(value), value->count);
    case TIDE_ALERT_ON_COMPLETED:
        return whole(completed_of(metric, value));
    case TIDE_ALERT_ON_CONVERSION:
        return quotient((double)completed_of(metric, value), value->count);
    case TIDE_ALERT_ON_MEAN_TIME:
        return quotient(seconds_of(value), completed_of(metric, value));
    case TIDE_ALERT_ON_MEDIAN_DURATION:
    case TIDE_ALERT_ON_MEDIAN_TIME:
        return rank(metric, value, 0, (double)TIDE_US_PER_SECOND);
    }
    tide_assert(false);
    return number;
}

static bool adds(enum tide_metric_kind kind)
{
    return kind == TIDE_METRIC_COUNT || kind == TIDE_METRIC_DISTINCT ||
           kind == TIDE_METRIC_APPROX_DISTINCT || kind == TIDE_METRIC_SUM;
}

struct tide_alert_number tide_alert_value_of_nothing(const struct tide_definitions *definitions,
                                                     const struct tide_alert *alert)
{
    bool counts = false;
    switch (alert->on) {
    case TIDE_ALERT_ON_VALUE:
        counts = adds(definitions->metrics[alert->metric].kind);
        break;
    case TIDE_ALERT_ON_SESSIONS:
    case TIDE_ALERT_ON_EVENTS:
    case TIDE_ALERT_ON_BOUNCED:
    case TIDE_ALERT_ON_COMPLETED:
    case TIDE_ALERT_ON_ENTERED:
    case TIDE_ALERT_ON_UNMATCHED:
        counts = true;
        break;
    case TIDE_ALERT_ON_QUANTILE:
    case TIDE_ALERT_ON_MEAN_DURATION:
    case TIDE_ALERT_ON_MEDIAN_DURATION:
    case TIDE_ALERT_ON_CONVERSION:
    case TIDE_ALERT_ON_MEAN_TIME:
    case TIDE_ALERT_ON_MEDIAN_TIME:
        break;
    }
    return (struct tide_alert_number){.known = counts};
}
