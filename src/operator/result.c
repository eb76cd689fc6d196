/* A ratio is a join of two finished tables on the window's end and the columns of the one below.
 *
 * Where both have the same windows it is a join on the whole window: around a day that a zone left
 * out, two sliding windows may end at one instant, and only the start tells which is which. Where
 * they differ, the one with the latest start stands below. */
#include "operator/result.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "operator/cell_text.h"
#include "operator/dictionary.h"

#include <stdlib.h>

#include "base/banned.h"

#define NONE UINT32_MAX

struct pair { /* indices of cells; NONE: a missing side */
    uint32_t above;
    uint32_t below;
    uint32_t group; /* where above is missing: the group in its order of columns, in groups */
    bool lacks_folded;
};

struct tide_result {
    const struct tide_definitions *definitions;
    const struct tide_metric *metric;
    struct tide_cell_table *table;
    struct tide_cell_table *below; /* of a ratio */
    struct pair *pairs;            /* of a ratio, in order */
    struct tide_dictionary *groups;
    uint64_t count;
};

/* ------- ratio */

struct join {
    struct tide_result *result;
    bool has_same_windows;
    struct tide_dictionary *keys;   /* of the cells below */
    uint32_t *cells;                /* by key: the cell */
    bool *is_matched;               /* by key */
    struct tide_dictionary *others; /* keys of the cells above that are (other) */
    struct tide_bytes key;
};

/* Of a group by the columns of `from` the values of the columns of `to`, in their order. (other)
 * is (other) of any columns, but where there are none all groups are one. */
static void project(const struct tide_metric *from,
                    const struct tide_metric *to,
                    struct tide_view group,
                    struct tide_bytes *bytes)
{
    if (tide_group_is_other(group)) {
        tide_bytes_append_view(bytes, to->by_count == 0 ? (struct tide_view){"", 0} : group);
        return;
    }
    for (uint32_t k = 0; k < to->by_count; k++) {
        size_t at = 0;
        for (uint32_t i = 0; i < from->by_count; i++) {
            const struct tide_value value = tide_value_decode(group, &at);
            if (from->by[i] == to->by[k]) {
                tide_value_encode(value, bytes);
            }
        }
    }
}

/* The window, and the columns that both have. */
static struct tide_view key_of(struct join *join,
                               const struct tide_metric *metric,
                               struct tide_window window,
                               struct tide_view group)
{
    tide_bytes_reset(&join->key);
    tide_bytes_append_u64(&join->key, (uint64_t)window.end.us);
    tide_bytes_append_u64(&join->key, join->has_same_windows ? (uint64_t)window.start.us : 0);
    project(metric, tide_cell_table_metric(join->result->below), group, &join->key);
    return tide_bytes_view(&join->key);
}

static enum tide_status index_below(struct join *join)
{
    const struct tide_cell_table *table = join->result->below;
    const uint64_t count = tide_cell_table_count(table);
    join->is_matched = calloc(count + 1, sizeof(*join->is_matched));
    join->cells = calloc(count + 1, sizeof(*join->cells));
    if (join->is_matched == NULL || join->cells == NULL || count >= NONE) {
        return TIDE_FATAL;
    }
    for (uint64_t i = 0; i < count; i++) {
        const struct tide_cell cell = tide_cell_table_at(table, i);
        const struct tide_view key =
            key_of(join, tide_cell_table_metric(table), cell.window, cell.group);
        const uint32_t number = tide_dictionary_intern(join->keys, key);
        if (join->key.failed || number == TIDE_DICTIONARY_NONE) {
            return TIDE_FATAL;
        }
        tide_assert(number == i || !join->has_same_windows); /* a table has each cell once */
        join->cells[number] = (uint32_t)i;
    }
    return TIDE_OK;
}

static struct tide_result_row row_of_pair(const struct tide_result *result, struct pair pair)
{
    struct tide_result_row row = {.lacks_folded = pair.lacks_folded};
    if (pair.above != NONE) {
        const struct tide_cell cell = tide_cell_table_at(result->table, pair.above);
        row.window = cell.window;
        row.group = cell.group;
        row.value = cell.value;
    } else {
        row.group = tide_dictionary_text(result->groups, pair.group);
    }
    if (pair.below != NONE) {
        const struct tide_cell cell = tide_cell_table_at(result->below, pair.below);
        row.window = cell.window;
        row.below = cell.value;
    }
    return row;
}

static int compare_pairs(const void *left, const void *right, void *context)
{
    const struct tide_result *result = context;
    const struct pair *const one = left;
    const struct pair *const other = right;
    const struct tide_result_row a = row_of_pair(result, *one);
    const struct tide_result_row b = row_of_pair(result, *other);
    if (a.window.start.us != b.window.start.us) {
        return a.window.start.us < b.window.start.us ? -1 : 1;
    }
    if (a.window.end.us != b.window.end.us) {
        return a.window.end.us < b.window.end.us ? -1 : 1;
    }
    const int order = tide_group_compare(result->metric, a.group, b.group);
    return order != 0 ? order : (int)(one->above > other->above) - (int)(one->above < other->above);
}

/* A cell above, with the one below, if there is one. */
static bool add_above(struct join *join, uint32_t index)
{
    struct tide_result *result = join->result;
    const struct tide_metric *metric = tide_cell_table_metric(result->table);
    const struct tide_cell cell = tide_cell_table_at(result->table, index);
    struct pair pair = {index, NONE, NONE, false};
    const uint32_t found =
        tide_dictionary_find(join->keys, key_of(join, metric, cell.window, cell.group));
    if (tide_group_is_other(cell.group) &&
        tide_dictionary_intern(join->others, tide_bytes_view(&join->key)) == TIDE_DICTIONARY_NONE) {
        return false;
    }
    if (found != TIDE_DICTIONARY_NONE) {
        pair.below = join->cells[found];
        join->is_matched[found] = true;
    } else {
        const struct tide_view other = key_of(join, metric, cell.window, TIDE_GROUP_OTHER);
        pair.lacks_folded = tide_dictionary_find(join->keys, other) != TIDE_DICTIONARY_NONE;
    }
    result->pairs[result->count++] = pair;
    return !join->key.failed;
}

/* A cell below, if it has none above. All above were added. */
static bool add_unmatched(struct join *join, uint32_t index)
{
    struct tide_result *result = join->result;
    const struct tide_metric *metric = tide_cell_table_metric(result->below);
    const struct tide_cell cell = tide_cell_table_at(result->below, index);
    const uint32_t number =
        tide_dictionary_find(join->keys, key_of(join, metric, cell.window, cell.group));
    if (join->key.failed || number == TIDE_DICTIONARY_NONE) {
        return false; /* it was found before, so there is no memory */
    }
    if (join->is_matched[number]) {
        return true;
    }
    const struct tide_view other = key_of(join, metric, cell.window, TIDE_GROUP_OTHER);
    const bool is_folded = tide_dictionary_find(join->others, other) != TIDE_DICTIONARY_NONE;
    tide_bytes_reset(&join->key);
    project(metric, result->metric, cell.group, &join->key);
    const uint32_t group = tide_dictionary_intern(result->groups, tide_bytes_view(&join->key));
    result->pairs[result->count++] = (struct pair){NONE, index, group, is_folded};
    return !join->key.failed && group != TIDE_DICTIONARY_NONE;
}

/* Every cell above; and those below that have none, where the columns are the same. */
static enum tide_status match(struct join *join)
{
    struct tide_result *result = join->result;
    const struct tide_metric *above = tide_cell_table_metric(result->table);
    const struct tide_metric *below = tide_cell_table_metric(result->below);
    const uint64_t above_count = tide_cell_table_count(result->table);
    const uint64_t below_count = tide_cell_table_count(result->below);
    if (above_count >= NONE) {
        return TIDE_FATAL;
    }
    result->pairs = calloc(above_count + below_count + 1, sizeof(*result->pairs));
    if (result->pairs == NULL) {
        return TIDE_FATAL;
    }
    for (uint64_t i = 0; i < above_count; i++) {
        if (!add_above(join, (uint32_t)i)) {
            return TIDE_FATAL;
        }
    }
    for (uint64_t i = 0; above->by_count == below->by_count && i < below_count; i++) {
        if (!add_unmatched(join, (uint32_t)i)) {
            return TIDE_FATAL;
        }
    }
    return TIDE_OK;
}

static enum tide_status divide(struct tide_result *result)
{
    struct join join = {
        .result = result,
        .has_same_windows = tide_metric_same_windows(tide_cell_table_metric(result->table),
                                                     tide_cell_table_metric(result->below)),
    };
    enum tide_status status = tide_dictionary_create(NONE - 1, &join.keys, NULL);
    if (status == TIDE_OK) {
        status = tide_dictionary_create(NONE - 1, &join.others, NULL);
    }
    if (status == TIDE_OK) {
        status = tide_dictionary_create(NONE - 1, &result->groups, NULL);
    }
    if (status == TIDE_OK) {
        status = index_below(&join);
    }
    if (status == TIDE_OK) {
        status = match(&join);
    }
    if (status == TIDE_OK && result->count > 1) {
        qsort_r(result->pairs, result->count, sizeof(*result->pairs), compare_pairs, result);
    }
    tide_dictionary_destroy(join.keys);
    tide_dictionary_destroy(join.others);
    tide_bytes_release(&join.key);
    free(join.is_matched);
    free(join.cells);
    return status == TIDE_OK ? TIDE_OK : TIDE_FATAL;
}

/* ------- */

enum tide_status tide_result_create(const struct tide_definitions *definitions,
                                    const struct tide_metric *metric,
                                    struct tide_cell_table *table,
                                    struct tide_cell_table *below,
                                    struct tide_result **out)
{
    tide_assert((metric->kind == TIDE_METRIC_RATIO) == (below != NULL));
    struct tide_result *result = calloc(1, sizeof(*result));
    if (result == NULL) {
        tide_cell_table_destroy(table);
        tide_cell_table_destroy(below);
        return TIDE_FATAL;
    }
    *result = (struct tide_result){
        .definitions = definitions, .metric = metric, .table = table, .below = below};
    tide_cell_table_finish(table);
    result->count = tide_cell_table_count(table);
    if (below != NULL) {
        tide_cell_table_finish(below);
        result->count = 0;
        if (divide(result) != TIDE_OK) {
            tide_result_destroy(result);
            return TIDE_FATAL;
        }
    }
    *out = result;
    return TIDE_OK;
}

void tide_result_destroy(struct tide_result *result)
{
    if (result != NULL) {
        tide_cell_table_destroy(result->table);
        tide_cell_table_destroy(result->below);
        tide_dictionary_destroy(result->groups);
        free(result->pairs);
        free(result);
    }
}

uint64_t tide_result_count(const struct tide_result *result)
{
    return result->count;
}

struct tide_result_row tide_result_at(const struct tide_result *result, uint64_t index)
{
    tide_assert(index < result->count);
    if (result->below != NULL) {
        return row_of_pair(result, result->pairs[index]);
    }
    const struct tide_cell cell = tide_cell_table_at(result->table, index);
    return (struct tide_result_row){
        .window = cell.window, .group = cell.group, .value = cell.value};
}

uint64_t tide_result_revision(const struct tide_result_row *row)
{
    return (row->value == NULL ? 0 : row->value->events) +
           (row->below == NULL ? 0 : row->below->events);
}

bool tide_result_is_folded(const struct tide_result_row *row)
{
    return (row->value != NULL && row->value->is_folded) ||
           (row->below != NULL && row->below->is_folded) || row->lacks_folded;
}

bool tide_result_is_pending(const struct tide_result_row *row)
{
    return (row->value != NULL && row->value->is_pending) ||
           (row->below != NULL && row->below->is_pending);
}

static const struct tide_metric *part(const struct tide_result *result, int index)
{
    return result->below == NULL ? result->metric
                                 : &result->definitions->metrics[result->metric->parts[index]];
}

bool tide_result_is_exact(const struct tide_result *result, const struct tide_result_row *row)
{
    return (row->value == NULL || tide_cell_is_exact(part(result, 0), row->value)) &&
           (row->below == NULL || tide_cell_is_exact(part(result, 1), row->below));
}

/* A side of a ratio; a missing one is 0. */
static struct tide_number side(const struct tide_result *result,
                               int index,
                               const struct tide_cell_value *value)
{
    return value == NULL
               ? (struct tide_number){.present = true}
               : tide_cell_number(result->definitions->schema, part(result, index), value);
}

/* false: null. */
static bool quotient(struct tide_number above, struct tide_number below, double *number)
{
    if (!above.present || !below.present || below.value == 0) {
        return false;
    }
    *number = tide_decimal_to_double(above.value, above.places) /
              tide_decimal_to_double(below.value, below.places);
    return true;
}

static bool number_of(const struct tide_result *result,
                      const struct tide_cell_value *value,
                      double *number)
{
    const struct tide_schema *schema = result->definitions->schema;
    const struct tide_number exact = tide_cell_number(schema, result->metric, value);
    if (exact.present) {
        *number = result->metric->kind == TIDE_METRIC_MEAN
                      ? tide_cell_mean(schema, result->metric, value)
                      : tide_decimal_to_double(exact.value, exact.places);
    }
    return exact.present;
}

bool tide_result_number(const struct tide_result *result,
                        const struct tide_result_row *row,
                        double *number)
{
    const struct tide_metric *metric = result->metric;
    const struct tide_cell_value *value = row->value;
    switch (metric->kind) {
    case TIDE_METRIC_RATIO:
        return quotient(side(result, 0, value), side(result, 1, row->below), number);
    case TIDE_METRIC_QUANTILES:
        if (!tide_cell_value_rank(metric, value, 0, number)) {
            return false;
        }
        *number /=
            tide_metric_places(result->definitions->schema, metric) > 0 ? TIDE_DECIMAL_SCALE : 1;
        return true;
    case TIDE_METRIC_SESSIONS:
        *number = (double)value->count;
        return true;
    case TIDE_METRIC_FUNNEL:
        *number = (double)value->parts->steps[metric->funnel->step_count - 1].reached;
        return true;
    case TIDE_METRIC_RETENTION:
        *number = (double)value->parts->steps[0].reached;
        return true;
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_APPROX_DISTINCT:
        break;
    }
    return number_of(result, value, number);
}

/* ------- text */

void tide_result_write_key(const struct tide_result *result,
                           const struct tide_result_row *row,
                           struct tide_bytes *text)
{
    tide_cell_write_key(result->definitions->schema, result->metric, row->window, row->group, text);
    tide_bytes_append_byte(text, '}');
}

void tide_result_write_json(const struct tide_result *result,
                            const struct tide_result_row *row,
                            struct tide_view extra,
                            struct tide_bytes *text)
{
    const struct tide_schema *schema = result->definitions->schema;
    if (result->below != NULL) {
        const struct tide_number above = side(result, 0, row->value);
        const struct tide_number below = side(result, 1, row->below);
        struct tide_ratio_text ratio = {.above = above, .below = below};
        ratio.present = quotient(above, below, &ratio.value);
        tide_ratio_write_json(schema, result->metric, row->window, row->group, &ratio, text);
    } else {
        const struct tide_cell cell = {row->window, row->group, row->value};
        tide_cell_write_json(schema, result->metric, &cell, text);
    }
    if (extra.size > 0) {
        tide_bytes_append_text(text, ", ");
        tide_bytes_append_view(text, extra);
    }
    tide_bytes_append_byte(text, '}');
}
