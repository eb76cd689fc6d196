/* Retention: the periods in which each entity was seen, as pairs. Cohorts are computed when asked:
 * an entity's is its first period, and an event from before it moves the entity to another. The map
 * has a record for each cohort, which only says when it changed.
 *
 * Periods are numbered like days and weeks, so "the k-th after" is a subtraction. Number 1 begins
 * with 1970-01-01 or the Monday before it: west of Greenwich the first events are in number 0. */
#include "base/assert.h"
#include "base/civil.h"
#include "base/timezone.h"
#include "operator/operator_internal.h"
#include "operator/pair_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    DAYS_PER_WEEK = 7,
    MONDAY_BEFORE_EPOCH = -3,
    ENTITIES_MIN = 64
};

struct retention {
    struct tide_operator base;
    struct tide_pair_set seen; /* (entity, period) */
    uint32_t *first_periods;   /* by entity, plus one; 0: never seen */
    uint32_t entity_capacity;
};

/* ------- periods */

static int64_t days_of(const struct tide_metric *metric)
{
    return metric->every.size * (metric->every.unit == TIDE_WINDOW_WEEKS ? DAYS_PER_WEEK : 1);
}

static int64_t origin_of(const struct tide_metric *metric)
{
    return metric->every.unit == TIDE_WINDOW_WEEKS ? MONDAY_BEFORE_EPOCH : 0;
}

static uint32_t period_of(const struct tide_metric *metric, struct tide_instant start)
{
    const struct tide_timezone *zone = metric->every.zone;
    const int64_t day = zone == NULL ? tide_days_of(start) : tide_timezone_day_of(zone, start);
    const int64_t period = tide_floor_divide(day - origin_of(metric), days_of(metric)) + 1;
    tide_assert(period >= 0 && period < UINT32_MAX);
    return (uint32_t)period;
}

static struct tide_window window_of(const struct tide_metric *metric, uint32_t period)
{
    const struct tide_timezone *zone = metric->every.zone;
    const int64_t day = origin_of(metric) + ((int64_t)period - 1) * days_of(metric);
    const struct tide_instant start = zone == NULL ? (struct tide_instant){day * TIDE_US_PER_DAY}
                                                   : tide_timezone_midnight(zone, day);
    return tide_window_of(metric->every, start);
}

static bool reserve_entity(struct retention *retention, uint32_t entity)
{
    uint64_t wanted = retention->entity_capacity == 0 ? ENTITIES_MIN : retention->entity_capacity;
    while (wanted <= entity) {
        wanted *= 2;
    }
    if (wanted == retention->entity_capacity) {
        return true;
    }
    uint32_t *periods =
        wanted > UINT32_MAX ? NULL : realloc(retention->first_periods, wanted * sizeof(*periods));
    if (periods == NULL) {
        return false;
    }
    memset(periods + retention->entity_capacity,
           0,
           (wanted - retention->entity_capacity) * sizeof(*periods));
    retention->first_periods = periods;
    retention->entity_capacity = (uint32_t)wanted;
    return true;
}

static bool mark_cohort(struct retention *retention, uint32_t period, uint64_t changed)
{
    struct tide_cell_map *map = &retention->base.map;
    const uint32_t cohort =
        tide_cell_map_place(map, window_of(retention->base.metric, period), OPERATOR_GROUP_OTHER);
    if (cohort != TIDE_CELL_NONE) {
        map->records[cohort].value.changed = changed;
    }
    return cohort != TIDE_CELL_NONE;
}

/* The entity is seen in a period for the first time: its cohort changes, and the one that it leaves
 * for an earlier one. */
static bool mark_changes(struct retention *retention,
                         uint32_t entity,
                         uint32_t period,
                         uint64_t changed)
{
    if (!reserve_entity(retention, entity)) {
        return false;
    }
    uint32_t *first = &retention->first_periods[entity];
    const uint32_t before = *first;
    if (before == 0 || period + 1 < before) {
        *first = period + 1;
    }
    return mark_cohort(retention, *first - 1, changed) &&
           (before == 0 || before == *first || mark_cohort(retention, before - 1, changed));
}

static enum tide_status retention_select(struct tide_operator *base,
                                         const struct tide_operator_input *input,
                                         uint32_t *count)
{
    operator_drop_nobody(base, input, count);
    return TIDE_OK;
}

static enum tide_status retention_update(struct tide_operator *base,
                                         const struct tide_operator_input *input,
                                         uint32_t count)
{
    struct retention *retention = (struct retention *)base;
    struct tide_window window = {{0}, {0}};
    uint32_t period = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = base->rows[i];
        const struct tide_instant t = input->event_times[row];
        if (t.us < window.start.us || t.us >= window.end.us) {
            window = tide_window_of(base->metric->every, t);
            period = period_of(base->metric, window.start);
        }
        const uint32_t entity = input->entities[row];
        const enum tide_status status = tide_pair_set_add(&retention->seen, entity, period);
        if (status == TIDE_FATAL ||
            (status == TIDE_OK &&
             !mark_changes(retention, entity, period, operator_change(input, row)))) {
            return TIDE_FATAL;
        }
    }
    return TIDE_OK;
}

/* ------- cohorts */

static int compare_pairs(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The cohort's numbers; NULL: out of memory. */
static struct tide_step_count *steps_of(struct tide_operator *cohorts,
                                        struct tide_window window,
                                        uint32_t seen_count)
{
    const uint32_t index = tide_cell_map_place(&cohorts->map, window, 0);
    if (index == TIDE_CELL_NONE) {
        return NULL;
    }
    struct tide_cell_value *value = &cohorts->map.records[index].value;
    value->events += seen_count;
    return tide_cell_value_open(cohorts->metric, value) ? value->parts->steps : NULL;
}

/* One entity's periods, ascending. */
static bool add_entity(struct tide_operator *cohorts, const uint64_t *pairs, uint64_t count)
{
    const struct tide_retention_plan *plan = &cohorts->metric->retention;
    const uint32_t born = (uint32_t)pairs[0];
    struct tide_step_count *steps =
        steps_of(cohorts, window_of(cohorts->metric, born), (uint32_t)count);
    if (steps == NULL) {
        return false;
    }
    uint32_t last = 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint32_t after = (uint32_t)pairs[i] - born;
        if (after <= plan->period_count && !plan->is_unbounded) {
            steps[after].reached++;
        }
        last = after;
    }
    for (uint32_t k = 0; plan->is_unbounded && k <= plan->period_count && k <= last; k++) {
        steps[k].reached++;
    }
    return true;
}

static bool compute_cohorts(struct tide_operator *cohorts, const uint64_t *pairs, uint64_t count)
{
    for (uint64_t first = 0; first < count;) {
        uint64_t end = first + 1;
        while (end < count && pairs[end] >> 32 == pairs[first] >> 32) {
            end++;
        }
        if (!add_entity(cohorts, pairs + first, end - first)) {
            return false;
        }
        first = end;
    }
    return true;
}

static enum tide_status retention_visit(struct tide_operator *base,
                                        struct tide_cell_visitor visitor)
{
    const struct retention *retention = (const struct retention *)base;
    struct tide_operator cohorts = {.metric = base->metric};
    uint64_t count = 0;
    uint64_t *pairs = calloc(retention->seen.count + 1, sizeof(*pairs));
    for (uint64_t i = 0; pairs != NULL && i < retention->seen.slot_count; i++) {
        if (retention->seen.slots[i] != 0) {
            pairs[count++] = retention->seen.slots[i] - 1;
        }
    }
    bool has_memory = pairs != NULL;
    if (has_memory && count > 0) {
        qsort(pairs, count, sizeof(*pairs), compare_pairs);
        has_memory = compute_cohorts(&cohorts, pairs, count);
    }
    enum tide_status status = has_memory ? TIDE_OK : TIDE_FATAL;
    for (uint32_t i = 0; status == TIDE_OK && i < cohorts.map.count; i++) {
        const struct tide_cell_record *record = &cohorts.map.records[i];
        status = visitor.visit(visitor.context,
                               tide_cell_record_window(record),
                               (struct tide_view){"", 0},
                               &record->value);
    }
    tide_cell_map_release(&cohorts.map);
    free(pairs);
    return status;
}

static void retention_destroy(struct tide_operator *base)
{
    struct retention *retention = (struct retention *)base;
    tide_pair_set_release(&retention->seen);
    free(retention->first_periods);
}

static void retention_facts(const struct tide_operator *base, struct tide_operator_facts *facts)
{
    const struct retention *retention = (const struct retention *)base;
    facts->bytes += tide_pair_set_bytes(&retention->seen) +
                    retention->entity_capacity * sizeof(*retention->first_periods);
}

const struct operator_kind operator_retention = {
    .size = sizeof(struct retention),
    .destroy = retention_destroy,
    .select = retention_select,
    .update = retention_update,
    .visit = retention_visit,
    .facts = retention_facts,
};
