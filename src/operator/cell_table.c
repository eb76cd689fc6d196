/* Merging goes through the same map as updating. What sorting needs is reserved while cells come
 * in, so that finishing cannot fail: groups are compared once, among themselves, and cells then by
 * the rank of their group. */
#include "operator/cell_table.h"

#include "base/assert.h"
#include "operator/cell_map.h"
#include "operator/dictionary.h"

#include <stdlib.h>

#include "base/banned.h"

#define GROUPS_MAX (UINT32_MAX - 1)

enum {
    RANKS_MIN = 16,
};

struct tide_cell_table {
    const struct tide_schema *schema;
    const struct tide_metric *metric;
    struct tide_dictionary *groups;
    struct tide_cell_map map;
    uint32_t *sorted; /* group numbers in the order of groups */
    uint32_t *ranks;  /* of a group number: its place there */
    uint32_t rank_capacity;
    bool is_finished;
};

enum tide_status tide_cell_table_create(const struct tide_schema *schema,
                                        const struct tide_metric *metric,
                                        struct tide_cell_table **table,
                                        struct tide_error *error)
{
    struct tide_cell_table *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for a table of cells");
    }
    made->schema = schema;
    made->metric = metric;
    const enum tide_status status = tide_dictionary_create(GROUPS_MAX, &made->groups, error);
    if (status == TIDE_OK) {
        *table = made;
    } else {
        tide_cell_table_destroy(made);
    }
    return status;
}

void tide_cell_table_destroy(struct tide_cell_table *table)
{
    if (table == NULL) {
        return;
    }
    tide_dictionary_destroy(table->groups);
    tide_cell_map_release(&table->map);
    free(table->sorted);
    free(table->ranks);
    free(table);
}

/* ------- merging */

static bool reserve_ranks(struct tide_cell_table *table, uint32_t count)
{
    if (count <= table->rank_capacity) {
        return true;
    }
    const uint64_t wanted =
        table->rank_capacity == 0 ? RANKS_MIN : (uint64_t)table->rank_capacity * 2;
    tide_assert(wanted >= count);
    uint32_t *sorted = realloc(table->sorted, wanted * sizeof(*sorted));
    if (sorted != NULL) {
        table->sorted = sorted;
    }
    uint32_t *ranks = realloc(table->ranks, wanted * sizeof(*ranks));
    if (ranks != NULL) {
        table->ranks = ranks;
    }
    if (sorted == NULL || ranks == NULL) {
        return false;
    }
    table->rank_capacity = wanted > UINT32_MAX ? UINT32_MAX : (uint32_t)wanted;
    return true;
}

enum tide_status tide_cell_table_add(struct tide_cell_table *table,
                                     struct tide_window window,
                                     struct tide_view group,
                                     const struct tide_cell_value *value)
{
    tide_assert(!table->is_finished);
    const uint32_t number = tide_dictionary_intern(table->groups, group);
    if (number == TIDE_DICTIONARY_NONE || !reserve_ranks(table, number + 1)) {
        return TIDE_FATAL;
    }
    const uint32_t index = tide_cell_map_place(&table->map, window, number);
    return index == TIDE_CELL_NONE
               ? TIDE_FATAL
               : tide_cell_value_merge(table->metric, &table->map.records[index].value, value);
}

bool tide_cell_table_has(const struct tide_cell_table *table,
                         struct tide_window window,
                         struct tide_view group)
{
    tide_assert(!table->is_finished);
    const uint32_t number = tide_dictionary_find(table->groups, group);
    return number != TIDE_DICTIONARY_NONE &&
           tide_cell_map_find(&table->map, window, number) != TIDE_CELL_NONE;
}

enum tide_status tide_cell_table_visit(const struct tide_cell_table *table,
                                       enum tide_status (*visit)(void *context,
                                                                 const struct tide_cell *cell),
                                       void *context)
{
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < table->map.count; i++) {
        const struct tide_cell_record *record = &table->map.records[i];
        const struct tide_cell cell = {tide_cell_record_window(record),
                                       tide_dictionary_text(table->groups, record->group),
                                       &record->value};
        status = visit(context, &cell);
    }
    return status;
}

bool tide_cell_span_has(struct tide_cell_span span, struct tide_window window)
{
    return !(tide_instant_known(span.from) && window.start.us < span.from.us) &&
           !(tide_instant_known(span.to) && window.start.us >= span.to.us);
}

struct visit {
    struct tide_cell_table *table;
    struct tide_cell_span span;
};

static enum tide_status add_visited(void *context,
                                    struct tide_window window,
                                    struct tide_view group,
                                    const struct tide_cell_value *value)
{
    const struct visit *visit = context;
    return tide_cell_span_has(visit->span, window)
               ? tide_cell_table_add(visit->table, window, group, value)
               : TIDE_OK;
}

enum tide_status tide_cell_table_add_operator(
    struct tide_cell_table *table, struct tide_operator *operator, struct tide_cell_span span)
{
    struct visit visit = {table, span};
    return tide_operator_visit(
        operator,(struct tide_cell_visitor){span.closing, add_visited, &visit});
}

enum tide_status tide_cell_table_merge(struct tide_cell_table *table,
                                       const struct tide_cell_table *other)
{
    tide_assert(tide_u128_equal(table->metric->hash, other->metric->hash));
    tide_assert(!other->is_finished || other->metric->top == 0); /* groups would be missing */
    for (uint32_t i = 0; i < other->map.count; i++) {
        const struct tide_cell_record *record = &other->map.records[i];
        const enum tide_status status =
            tide_cell_table_add(table,
                                tide_cell_record_window(record),
                                tide_dictionary_text(other->groups, record->group),
                                &record->value);
        if (status != TIDE_OK) {
            return status;
        }
    }
    return TIDE_OK;
}

/* ------- order */

static int compare_groups(const void *left, const void *right, void *context)
{
    const struct tide_cell_table *table = context;
    return tide_group_compare(table->metric,
                              tide_dictionary_text(table->groups, *(const uint32_t *)left),
                              tide_dictionary_text(table->groups, *(const uint32_t *)right));
}

static void rank_groups(struct tide_cell_table *table)
{
    const uint32_t count = tide_dictionary_count(table->groups);
    tide_assert(count <= table->rank_capacity);
    for (uint32_t i = 0; i < count; i++) {
        table->sorted[i] = i;
    }
    if (count > 0) {
        qsort_r(table->sorted, count, sizeof(*table->sorted), compare_groups, table);
    }
    for (uint32_t i = 0; i < count; i++) {
        table->ranks[table->sorted[i]] = i;
    }
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static bool is_of_sets(const struct tide_metric *metric)
{
    return metric->kind == TIDE_METRIC_DISTINCT || metric->kind == TIDE_METRIC_APPROX_DISTINCT;
}

/* Counting what a set holds may take 16,384 steps: once for a cell, not once for a comparison.
 * While the cells are cut, `distinct` holds the number. */
static void count_sets(struct tide_cell_table *table)
{
    for (uint32_t i = 0; i < table->map.count && is_of_sets(table->metric); i++) {
        struct tide_cell_value *value = &table->map.records[i].value;
        if (value->parts != NULL) {
            value->distinct = tide_value_set_count(&value->parts->values);
        }
    }
}

static void forget_counts(struct tide_cell_table *table)
{
    for (uint32_t i = 0; i < table->map.count && is_of_sets(table->metric); i++) {
        struct tide_cell_value *value = &table->map.records[i].value;
        value->distinct = value->parts != NULL ? 0 : value->distinct;
    }
}

/* The order of values, null first. */
static int compare_values(const struct tide_cell_table *table,
                          const struct tide_cell_value *a,
                          const struct tide_cell_value *b)
{
    if (is_of_sets(table->metric)) {
        return ORDER(a->distinct, b->distinct);
    }
    const struct tide_number left = tide_cell_number(table->schema, table->metric, a);
    const struct tide_number right = tide_cell_number(table->schema, table->metric, b);
    if (!left.present || !right.present) {
        return (int)left.present - (int)right.present;
    }
    if (table->metric->kind == TIDE_METRIC_MEAN) {
        const double left_mean = tide_cell_mean(table->schema, table->metric, a);
        const double right_mean = tide_cell_mean(table->schema, table->metric, b);
        return ORDER(left_mean, right_mean);
    }
    return ORDER(left.value, right.value);
}

static int compare_windows(const struct tide_cell_record *a, const struct tide_cell_record *b)
{
    const int order = ORDER(a->start_us, b->start_us);
    return order != 0 ? order : ORDER(a->length_s, b->length_s);
}

static int compare_cells(const void *left, const void *right, void *context)
{
    const struct tide_cell_table *table = context;
    const struct tide_cell_record *a = left;
    const struct tide_cell_record *b = right;
    const int order = compare_windows(a, b);
    return order != 0 ? order : ORDER(table->ranks[a->group], table->ranks[b->group]);
}

static int compare_for_top(const void *left, const void *right, void *context)
{
    const struct tide_cell_table *table = context;
    const struct tide_cell_record *a = left;
    const struct tide_cell_record *b = right;
    int order = compare_windows(a, b);
    if (order == 0) {
        order = compare_values(table, &b->value, &a->value); /* the largest first */
    }
    return order != 0 ? order : ORDER(table->ranks[a->group], table->ranks[b->group]);
}

/* Keeps the first `top` cells of each window. */
static void cut(struct tide_cell_table *table)
{
    struct tide_cell_record *records = table->map.records;
    const uint32_t count = table->map.count;
    qsort_r(records, count, sizeof(*records), compare_for_top, table);
    uint32_t kept = 0;
    uint32_t place = 0;
    int64_t start_us = 0;
    uint32_t length_s = 0;
    for (uint32_t i = 0; i < count; i++) {
        const bool is_same = records[i].start_us == start_us && records[i].length_s == length_s;
        place = is_same ? place + 1 : 0;
        start_us = records[i].start_us;
        length_s = records[i].length_s;
        if (place < table->metric->top) {
            records[kept++] = records[i];
        } else {
            tide_cell_value_release(&records[i].value);
        }
    }
    table->map.count = kept;
}

void tide_cell_table_finish(struct tide_cell_table *table)
{
    tide_assert(!table->is_finished);
    table->is_finished = true; /* sorting breaks the map's index, so nothing may be added */
    if (table->map.count == 0) {
        return;
    }
    rank_groups(table);
    if (table->metric->top > 0) {
        count_sets(table);
        cut(table);
        forget_counts(table);
    }
    qsort_r(
        table->map.records, table->map.count, sizeof(*table->map.records), compare_cells, table);
}

const struct tide_metric *tide_cell_table_metric(const struct tide_cell_table *table)
{
    return table->metric;
}

uint64_t tide_cell_table_count(const struct tide_cell_table *table)
{
    return table->map.count;
}

struct tide_cell tide_cell_table_at(const struct tide_cell_table *table, uint64_t index)
{
    tide_assert(table->is_finished);
    tide_assert(index < table->map.count);
    const struct tide_cell_record *record = &table->map.records[index];
    return (struct tide_cell){
        .window = tide_cell_record_window(record),
        .group = tide_dictionary_text(table->groups, record->group),
        .value = &record->value,
    };
}
