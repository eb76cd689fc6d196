/* The part of an update that is the same for every kind: the rows that `where` keeps, and the
 * number of each one's group. Memory grows by doubling only: nothing is allocated for an event.
 *
 * Whether a group is remembered or becomes (other) is decided event by event, from what the
 * dictionary holds, never from a state that a batch reaches in the middle: the result must not
 * depend on where the stream was cut. */
#include "base/assert.h"
#include "operator/funnel.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define GROUPS_MAX (UINT32_MAX - 1)

enum {
    CELLS_MAX_DEFAULT = 1000000,
    KEY_EVENTS_MAX_DEFAULT = 512,
    JOURNEYS_MAX_DEFAULT = 100000
};

struct tide_operator_limits tide_operator_limits_default(void)
{
    return (struct tide_operator_limits){.cells_max = CELLS_MAX_DEFAULT,
                                         .key_events_max = KEY_EVENTS_MAX_DEFAULT,
                                         .journeys_max = JOURNEYS_MAX_DEFAULT};
}

struct tide_operator_limits tide_operator_limits_none(void)
{
    /* Journeys are told in turns all the same: their rows wait in memory for their epoch. */
    return (struct tide_operator_limits){.cells_max = UINT32_MAX,
                                         .key_events_max = UINT32_MAX,
                                         .journeys_max = JOURNEYS_MAX_DEFAULT,
                                         .is_exact = true};
}

size_t tide_operator_cell_bytes(void)
{
    return sizeof(struct tide_cell_record) + 2 * sizeof(uint32_t); /* two slots for a record */
}

size_t tide_operator_event_bytes(void)
{
    return sizeof(struct funnel_event);
}

static const struct operator_kind *kind_of(const struct tide_schema *schema,
                                           const struct tide_metric *metric)
{
    switch (metric->kind) {
    case TIDE_METRIC_DISTINCT:
        if (metric->having != NULL) {
            return &operator_having;
        }
        return metric->column == schema->entity ? &operator_distinct : &operator_cells;
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_APPROX_DISTINCT:
        return &operator_cells;
    case TIDE_METRIC_SESSIONS:
        return &operator_sessions;
    case TIDE_METRIC_FUNNEL:
        return &operator_funnel;
    case TIDE_METRIC_RETENTION:
        return &operator_retention;
    case TIDE_METRIC_RATIO:
        break;
    }
    return NULL;
}

enum tide_status tide_operator_create(const struct tide_schema *schema,
                                      const struct tide_metric *metric,
                                      struct tide_operator_limits limits,
                                      struct tide_operator **out,
                                      struct tide_error *error)
{
    const struct operator_kind *kind = kind_of(schema, metric);
    tide_assert(kind != NULL); /* a ratio has no operator */
    tide_assert(limits.cells_max > 0 && limits.key_events_max > 0);
    struct tide_operator *made = calloc(1, kind->size);
    enum tide_status status = made == NULL ? TIDE_FATAL : TIDE_OK;
    if (made != NULL) {
        made->kind = kind;
        made->schema = schema;
        made->metric = metric;
        made->limits = limits;
        made->groups_max = limits.cells_max < GROUPS_MAX ? limits.cells_max + 1 : GROUPS_MAX;
        status = tide_dictionary_create(made->groups_max, &made->groups, error);
    }
    if (status == TIDE_OK) {
        const uint32_t other = tide_dictionary_intern(made->groups, TIDE_GROUP_OTHER);
        status = other == OPERATOR_GROUP_OTHER ? TIDE_OK : TIDE_FATAL;
    }
    if (status == TIDE_OK && kind->create != NULL) {
        status = kind->create(made);
    }
    if (status != TIDE_OK) {
        tide_operator_destroy(made);
        return tide_error_set(error, TIDE_RETRY, "out of memory for the state of a metric");
    }
    *out = made;
    return TIDE_OK;
}

void tide_operator_destroy(struct tide_operator *operator)
{
    if (operator== NULL) {
        return;
    }
    if (operator->kind->destroy != NULL) {
        operator->kind->destroy(operator);
    }
    tide_dictionary_destroy(operator->groups);
    tide_cell_map_release(&operator->map);
    row_keys_release(&operator->group_keys);
    tide_bytes_release(&operator->key);
    free(operator->rows);
    free(operator->row_groups);
    free(operator);
}

static bool reserve_rows(struct tide_operator *operator, uint32_t count)
{
    if (count <= operator->row_capacity) {
        return true;
    }
    uint32_t *rows = realloc(operator->rows, count * sizeof(*rows));
    if (rows != NULL) {
        operator->rows = rows;
    }
    uint32_t *row_groups = realloc(operator->row_groups, count * sizeof(*row_groups));
    if (row_groups != NULL) {
        operator->row_groups = row_groups;
    }
    if (rows == NULL || row_groups == NULL) {
        return false;
    }
    operator->row_capacity = count;
    return true;
}

/* One beyond the budget of groups is not remembered. */
static bool find_groups(struct tide_operator *operator,
                        const struct tide_batch * batch,
                        uint32_t count)
{
    const struct tide_metric *metric = operator->metric;
    if (metric->by_count == 0) {
        const uint32_t all = tide_dictionary_intern(operator->groups, (struct tide_view){"", 0});
        for (uint32_t i = 0; i < count; i++) {
            operator->row_groups[i] = all;
        }
        return all != TIDE_DICTIONARY_NONE;
    }
    const struct row_keys_source source = {batch, metric->by, metric->by_count};
    if (!row_keys_find(&operator->group_keys,
                       operator->groups,
                       &source,
                       operator->rows,
                       count,
                       operator->row_groups)) {
        return false;
    }
    const bool is_full = tide_dictionary_count(operator->groups) >= operator->groups_max;
    for (uint32_t i = 0; i < count; i++) {
        if (operator->row_groups[i] == TIDE_DICTIONARY_NONE) {
            operator->row_groups[i] = OPERATOR_GROUP_OTHER;
            if (!is_full) {
                return false; /* out of memory */
            }
        }
    }
    return true;
}

enum tide_status tide_operator_update(struct tide_operator *operator,
                                      const struct tide_operator_input * input,
                                      struct tide_error *error)
{
    const struct tide_metric *metric = operator->metric;
    uint32_t count = input->row_count;
    tide_assert(input->batch->schema == operator->schema);
    tide_assert(count <= input->batch->row_count);
    if (count == 0) {
        return TIDE_OK;
    }
    enum tide_status status = reserve_rows(operator, count) ? TIDE_OK : TIDE_FATAL;
    if (status == TIDE_OK) {
        memcpy(operator->rows, input->rows, count * sizeof(*operator->rows));
        if (metric->where != NULL) {
            count = tide_expression_select(metric->where, input->batch, operator->rows, count);
        }
        if (operator->kind->select != NULL) {
            status = operator->kind->select(operator, input, &count);
        }
    }
    if (status == TIDE_OK && !find_groups(operator, input->batch, count)) {
        status = TIDE_FATAL;
    }
    if (status == TIDE_OK && count > 0) {
        status = operator->kind->update(operator, input, count);
    }
    return status == TIDE_OK ? TIDE_OK
                             : tide_error_set(error,
                                              TIDE_FATAL,
                                              "out of memory for the state of metric '%.*s'",
                                              TIDE_VIEW_ARGUMENTS(metric->name));
}

enum tide_status tide_operator_visit(struct tide_operator *operator,
                                     struct tide_cell_visitor visitor)
{
    return operator->kind->visit(operator, visitor);
}

struct tide_operator_facts tide_operator_facts(const struct tide_operator *operator)
{
    struct tide_operator_facts facts = {
        .cell_count = operator->map.count,
        .bytes = operator->kind->size + tide_dictionary_bytes(operator->groups) +
                 tide_cell_map_bytes(&operator->map) +
                 row_keys_bytes(&operator->group_keys) +
                 operator->key.capacity +(size_t) operator->row_capacity * 2 *
                 sizeof(*operator->rows),
    };
    for (uint32_t i = 0; operator->has_folded && i<operator->map.count; i++) {
        const struct tide_cell_record *record = &operator->map.records[i];
        facts.folded_events += record->value.is_folded ? record->value.events : 0;
    }
    if (operator->kind->facts != NULL) {
        operator->kind->facts(operator, & facts);
    }
    return facts;
}

int tide_group_compare(const struct tide_metric *metric, struct tide_view a, struct tide_view b)
{
    size_t a_at = 0;
    size_t b_at = 0;
    if (tide_group_is_other(a) || tide_group_is_other(b)) {
        return (int)tide_group_is_other(a) - (int)tide_group_is_other(b);
    }
    for (uint32_t i = 0; i < metric->by_count; i++) {
        const int order =
            tide_value_compare(tide_value_decode(a, &a_at), tide_value_decode(b, &b_at));
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

/* ------- for the kinds */

void operator_drop_nobody(struct tide_operator *operator,
                          const struct tide_operator_input * input,
                          uint32_t *count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        const uint32_t row = operator->rows[i];
        operator->rows[kept] = row;
        kept += input->entities[row] != TIDE_DICTIONARY_NONE;
    }
    *count = kept;
}

uint32_t operator_place(struct tide_operator *operator, struct tide_window window, uint32_t group)
{
    const bool is_full = operator->map.count >= operator->limits.cells_max;
    if (operator->metric->by_count == 0 ||(!is_full && group != OPERATOR_GROUP_OTHER)) {
        return tide_cell_map_place(&operator->map, window, group);
    }
    if (group != OPERATOR_GROUP_OTHER) {
        const uint32_t known = tide_cell_map_find(&operator->map, window, group);
        if (known != TIDE_CELL_NONE) {
            return known;
        }
    }
    const uint32_t other = tide_cell_map_place(&operator->map, window, OPERATOR_GROUP_OTHER);
    if (other != TIDE_CELL_NONE) {
        operator->map.records[other].value.is_folded = true;
        operator->has_folded = true;
    }
    return other;
}

uint32_t operator_find(const struct tide_operator *operator,
                       struct tide_window window,
                       uint32_t group)
{
    const uint32_t known = tide_cell_map_find(&operator->map, window, group);
    const uint32_t found = known == TIDE_CELL_NONE
                               ? tide_cell_map_find(&operator->map, window, OPERATOR_GROUP_OTHER)
                               : known;
    tide_assert(found != TIDE_CELL_NONE);
    return found;
}

int operator_compare_groups(const struct tide_operator *operator, uint32_t a, uint32_t b)
{
    return a == b ? 0
                  : tide_group_compare(operator->metric,
                                       tide_dictionary_text(operator->groups, a),
                                       tide_dictionary_text(operator->groups, b));
}

enum tide_status operator_visit_map(struct tide_operator *operator,
                                    struct tide_cell_visitor visitor)
{
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < operator->map.count; i++) {
        const struct tide_cell_record *record = &operator->map.records[i];
        if (record->value.events == 0 && !record->value.is_pending) {
            continue; /* what was in it has moved to another cell */
        }
        status = visitor.visit(visitor.context,
                               tide_cell_record_window(record),
                               tide_dictionary_text(operator->groups, record->group),
                               &record->value);
    }
    return status;
}
