/* Merging goes through the same map as updating. What sorting needs is reserved while cells come
 * in, so that finishing cannot fail: groups are compared once, among themselves, and cells then by
 * the rank of their group. */
#include "operator/cell_table.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/json.h"
#include "operator/cell_map.h"
#include "operator/dictionary.h"

#include <stdlib.h>

#include "base/banned.h"

#define GROUPS_MAX (UINT32_MAX - 1)

enum {
    RANKS_MIN = 16,
    DECIMAL_PLACES = 6
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
    tide_assert(tide_window_of(table->metric->every, window.start).start.us == window.start.us);
    const uint32_t number = tide_dictionary_intern(table->groups, group);
    if (number == TIDE_DICTIONARY_NONE || !reserve_ranks(table, number + 1)) {
        return TIDE_FATAL;
    }
    const uint32_t index = tide_cell_map_place(&table->map, window.start.us, number);
    if (index == TIDE_CELL_NONE) {
        return TIDE_FATAL;
    }
    tide_cell_value_merge(&table->map.records[index].value, value);
    return TIDE_OK;
}

struct visit {
    struct tide_cell_table *table;
    struct tide_instant from;
    struct tide_instant to;
    enum tide_status status;
};

static void add_visited(void *context,
                        struct tide_window window,
                        struct tide_view group,
                        const struct tide_cell_value *value)
{
    struct visit *visit = context;
    const bool is_early = tide_instant_known(visit->from) && window.start.us < visit->from.us;
    const bool is_late = tide_instant_known(visit->to) && window.start.us >= visit->to.us;
    if (visit->status == TIDE_OK && !is_early && !is_late) {
        visit->status = tide_cell_table_add(visit->table, window, group, value);
    }
}

enum tide_status tide_cell_table_add_cells(struct tide_cell_table *table,
                                           const struct tide_cells *cells,
                                           struct tide_instant from,
                                           struct tide_instant to)
{
    struct visit visit = {table, from, to, TIDE_OK};
    tide_cells_visit(cells, add_visited, &visit);
    return visit.status;
}

enum tide_status tide_cell_table_merge(struct tide_cell_table *table,
                                       const struct tide_cell_table *other)
{
    tide_assert(tide_u128_equal(table->metric->hash, other->metric->hash));
    tide_assert(!other->is_finished || other->metric->top == 0); /* groups would be missing */
    for (uint32_t i = 0; i < other->map.count; i++) {
        const struct tide_cell_record *record = &other->map.records[i];
        const struct tide_window window =
            tide_window_of(other->metric->every, (struct tide_instant){record->start_us});
        const enum tide_status status = tide_cell_table_add(
            table, window, tide_dictionary_text(other->groups, record->group), &record->value);
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
    const struct tide_view a = tide_dictionary_text(table->groups, *(const uint32_t *)left);
    const struct tide_view b = tide_dictionary_text(table->groups, *(const uint32_t *)right);
    size_t a_at = 0;
    size_t b_at = 0;
    for (uint32_t i = 0; i < table->metric->by_count; i++) {
        const int order =
            tide_value_compare(tide_value_decode(a, &a_at), tide_value_decode(b, &b_at));
        if (order != 0) {
            return order;
        }
    }
    return 0;
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

static unsigned places_of(const struct tide_schema *schema, const struct tide_metric *metric)
{
    tide_assert(metric->column < schema->column_count);
    return schema->columns[metric->column].type == TIDE_TYPE_DECIMAL ? DECIMAL_PLACES : 0;
}

static double mean_of(const struct tide_schema *schema,
                      const struct tide_metric *metric,
                      const struct tide_cell_value *value)
{
    tide_assert(value->count > 0);
    return tide_decimal_to_double(value->sum, places_of(schema, metric)) / (double)value->count;
}

static bool is_null(enum tide_metric_kind kind, const struct tide_cell_value *value)
{
    return kind != TIDE_METRIC_COUNT && kind != TIDE_METRIC_DISTINCT && value->count == 0;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* The order of values, null first. */
static int compare_values(const struct tide_cell_table *table,
                          const struct tide_cell_value *a,
                          const struct tide_cell_value *b)
{
    const enum tide_metric_kind kind = table->metric->kind;
    if (is_null(kind, a) || is_null(kind, b)) {
        return (int)is_null(kind, b) - (int)is_null(kind, a);
    }
    switch (kind) {
    case TIDE_METRIC_COUNT:
        return ORDER(a->count, b->count);
    case TIDE_METRIC_DISTINCT:
        return ORDER(a->distinct, b->distinct);
    case TIDE_METRIC_SUM:
        return ORDER(a->sum, b->sum);
    case TIDE_METRIC_MEAN: {
        const double left = mean_of(table->schema, table->metric, a);
        const double right = mean_of(table->schema, table->metric, b);
        return ORDER(left, right);
    }
    case TIDE_METRIC_MIN:
        return ORDER(a->min, b->min);
    case TIDE_METRIC_MAX:
        return ORDER(a->max, b->max);
    }
    return 0;
}

static int compare_cells(const void *left, const void *right, void *context)
{
    const struct tide_cell_table *table = context;
    const struct tide_cell_record *a = left;
    const struct tide_cell_record *b = right;
    const int order = ORDER(a->start_us, b->start_us);
    return order != 0 ? order : ORDER(table->ranks[a->group], table->ranks[b->group]);
}

static int compare_for_top(const void *left, const void *right, void *context)
{
    const struct tide_cell_table *table = context;
    const struct tide_cell_record *a = left;
    const struct tide_cell_record *b = right;
    int order = ORDER(a->start_us, b->start_us);
    if (order == 0) {
        order = compare_values(table, &b->value, &a->value); /* the largest first */
    }
    return order != 0 ? order : ORDER(table->ranks[a->group], table->ranks[b->group]);
}

/* Keeps the first `top` cells of each window. */
static void cut(struct tide_cell_table *table)
{
    struct tide_cell_record *records = table->map.records;
    qsort_r(records, table->map.count, sizeof(*records), compare_for_top, table);
    uint32_t kept = 0;
    uint32_t place = 0;
    int64_t start_us = 0;
    for (uint32_t i = 0; i < table->map.count; i++) {
        place = i > 0 && records[i].start_us == start_us ? place + 1 : 0;
        start_us = records[i].start_us;
        if (place < table->metric->top) {
            records[kept++] = records[i];
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
        cut(table);
    }
    qsort_r(
        table->map.records, table->map.count, sizeof(*table->map.records), compare_cells, table);
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
        .window = tide_window_of(table->metric->every, (struct tide_instant){record->start_us}),
        .group = tide_dictionary_text(table->groups, record->group),
        .value = record->value,
    };
}

/* ------- text */

static void write_number(tide_i128 number, unsigned places, struct tide_bytes *text)
{
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    tide_bytes_append(text, buffer, tide_decimal_format(number, places, buffer));
}

void tide_cell_write_value(const struct tide_schema *schema,
                           const struct tide_metric *metric,
                           const struct tide_cell_value *value,
                           struct tide_bytes *text)
{
    if (is_null(metric->kind, value)) {
        tide_bytes_append_text(text, "null");
        return;
    }
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
        write_number(value->count, 0, text);
        break;
    case TIDE_METRIC_DISTINCT:
        write_number(value->distinct, 0, text);
        break;
    case TIDE_METRIC_SUM:
        write_number(value->sum, places_of(schema, metric), text);
        break;
    case TIDE_METRIC_MEAN:
        tide_bytes_append(text, buffer, tide_double_format(mean_of(schema, metric, value), buffer));
        break;
    case TIDE_METRIC_MIN:
        write_number(value->min, places_of(schema, metric), text);
        break;
    case TIDE_METRIC_MAX:
        write_number(value->max, places_of(schema, metric), text);
        break;
    }
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
    size_t at = 0;
    tide_bytes_append_text(text, ", \"group\": {");
    for (uint32_t i = 0; i < metric->by_count; i++) {
        tide_bytes_append_text(text, i == 0 ? "" : ", ");
        tide_json_write_string(text, schema->columns[metric->by[i]].name);
        tide_bytes_append_text(text, ": ");
        tide_value_write_json(tide_value_decode(group, &at), text);
    }
    tide_assert(at == group.size);
    tide_bytes_append_byte(text, '}');
}

void tide_cell_write_json(const struct tide_schema *schema,
                          const struct tide_metric *metric,
                          const struct tide_cell *cell,
                          struct tide_view extra,
                          struct tide_bytes *text)
{
    tide_bytes_append_text(text, "{\"metric\": ");
    tide_json_write_string(text, metric->name);
    write_time("start", cell->window.start, text);
    write_time("end", cell->window.end, text);
    write_group(schema, metric, cell->group, text);
    tide_bytes_append_text(text, ", \"value\": ");
    tide_cell_write_value(schema, metric, &cell->value, text);
    if (metric->kind == TIDE_METRIC_MEAN) {
        tide_bytes_append_text(text, ", \"count\": ");
        write_number(cell->value.count, 0, text);
        tide_bytes_append_text(text, ", \"sum\": ");
        write_number(cell->value.sum, places_of(schema, metric), text);
    }
    if (extra.size > 0) {
        tide_bytes_append_text(text, ", ");
        tide_bytes_append_view(text, extra);
    }
    tide_bytes_append_byte(text, '}');
}
