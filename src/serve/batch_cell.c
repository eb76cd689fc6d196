/* The text comes from a file that anybody may have written: what it says is checked before a cell
 * is made of it, also what its printing will take for granted. */
#include "serve/batch_cell.h"

#include "base/assert.h"
#include "base/json.h"

#include "base/banned.h"

enum {
    STEPS_MAX = TIDE_RETENTION_PERIODS_MAX + 1,
    GROUP_BYTES_MAX = 64 << 20
};
_Static_assert((int)TIDE_FUNNEL_STEPS_MAX <= (int)STEPS_MAX, "steps of a funnel");

/* ---- writing */

static void write_exact(const char *key, tide_i128 number, struct tide_bytes *text)
{
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    if (number != 0) {
        const size_t size = tide_decimal_format(number, 0, buffer);
        tide_json_write_text_member(text, key, (struct tide_view){buffer, size});
    }
}

static void write_count(const char *key, uint64_t count, struct tide_bytes *text)
{
    if (count != 0) {
        tide_json_write_u64_member(text, key, count);
    }
}

/* Texts as texts, every other value as its number. */
static void write_group(const struct tide_metric *metric,
                        struct tide_view group,
                        struct tide_bytes *text)
{
    size_t at = 0;
    tide_json_write_key(text, "group");
    tide_bytes_append_byte(text, '[');
    for (uint32_t i = 0; i < metric->by_count; i++) {
        const struct tide_value value = tide_value_decode(group, &at);
        tide_bytes_append_text(text, i == 0 ? "" : ",");
        if (!value.present) {
            tide_bytes_append_text(text, "null");
        } else if (value.type == TIDE_TYPE_STRING) {
            tide_json_write_string(text, value.string);
        } else {
            tide_bytes_append_format(text, "%lld", (long long)value.number);
        }
    }
    tide_assert(at == group.size);
    tide_bytes_append_byte(text, ']');
}

static void write_parts(const struct tide_metric *metric,
                        const struct tide_cell_parts *parts,
                        struct tide_bytes *text)
{
    const uint32_t step_count = tide_metric_step_count(metric);
    const uint32_t rank_count = parts->exact == NULL ? 0 : tide_metric_rank_count(metric);
    for (uint32_t k = 0; k < step_count; k++) {
        tide_bytes_append_format(text,
                                 "%s[%llu,%llu]",
                                 k == 0 ? ",\"steps\":[" : ",",
                                 (unsigned long long)parts->steps[k].reached,
                                 (unsigned long long)parts->steps[k].entities);
    }
    tide_bytes_append_text(text, step_count > 0 ? "]" : "");
    for (uint32_t i = 0; i < rank_count; i++) {
        tide_bytes_append_format(
            text, "%s%lld", i == 0 ? ",\"ranks\":[" : ",", (long long)parts->exact[i]);
    }
    tide_bytes_append_text(text, rank_count > 0 ? "]" : "");
}

void tide_batch_cell_write(const struct tide_metric *metric,
                           const struct tide_cell *cell,
                           struct tide_bytes *text)
{
    const struct tide_cell_value *value = cell->value;
    tide_assert(metric->kind != TIDE_METRIC_RATIO);
    tide_assert(!tide_group_is_other(cell->group) && tide_cell_is_exact(metric, value));
    tide_bytes_append_byte(text, '{');
    write_group(metric, cell->group, text);
    write_count("events", value->events, text);
    write_count("count", value->count, text);
    write_count("distinct", value->distinct, text);
    write_exact("sum", value->sum, text);
    write_exact("extreme", value->min, text);
    tide_assert(value->min == value->max);
    if (value->parts != NULL) {
        write_parts(metric, value->parts, text);
    }
    tide_bytes_append_byte(text, '}');
}

/* ---- reading */

struct reading {
    const struct tide_schema *schema;
    const struct tide_metric *metric;
    const struct tide_json *json;
    struct tide_bytes group;
    struct tide_cell_value value;
    struct tide_cell_parts parts;
    struct tide_step_count steps[STEPS_MAX];
    int64_t ranks[TIDE_QUANTILES_MAX];
};

/* A number of an array; false: it is none that fits. */
static bool read_number(const struct tide_json *json, int64_t *number)
{
    tide_i128 exact = 0;
    const bool is_whole =
        json->kind == TIDE_JSON_NUMBER && tide_decimal_parse_i128(json->text, 0, &exact) == TIDE_OK;
    *number = (int64_t)exact;
    return is_whole && *number == exact;
}

static bool read_group(struct reading *reading)
{
    const struct tide_metric *metric = reading->metric;
    const struct tide_json *array = tide_json_get(reading->json, "group");
    if (array == NULL || array->kind != TIDE_JSON_ARRAY || array->count != metric->by_count) {
        return false;
    }
    const struct tide_json *item = array->first;
    for (uint32_t i = 0; i < metric->by_count; i++, item = item->next) {
        struct tide_value value = {.type = reading->schema->columns[metric->by[i]].type};
        value.present = item->kind != TIDE_JSON_NULL;
        const bool is_text = value.type == TIDE_TYPE_STRING;
        if (value.present && is_text) {
            value.string = item->text;
        }
        if (value.present &&
            (is_text ? item->kind != TIDE_JSON_STRING : !read_number(item, &value.number))) {
            return false;
        }
        tide_value_encode(value, &reading->group);
    }
    return true;
}

/* Absent: 0. */
static bool read_count(const struct tide_json *json, const char *key, uint64_t *count)
{
    *count = 0;
    return tide_json_get(json, key) == NULL || tide_json_get_u64(json, key, count);
}

static bool read_exact(const struct tide_json *json, const char *key, tide_i128 *number)
{
    struct tide_view text = {0};
    *number = 0;
    return tide_json_get(json, key) == NULL ||
           (tide_json_get_text(json, key, &text) &&
            tide_decimal_parse_i128(text, 0, number) == TIDE_OK);
}

static bool read_numbers(struct reading *reading)
{
    struct tide_cell_value *value = &reading->value;
    tide_i128 extreme = 0;
    const bool is_read = read_count(reading->json, "events", &value->events) &&
                         read_count(reading->json, "count", &value->count) &&
                         read_count(reading->json, "distinct", &value->distinct) &&
                         read_exact(reading->json, "sum", &value->sum) &&
                         read_exact(reading->json, "extreme", &extreme);
    value->min = (int64_t)extreme;
    value->max = (int64_t)extreme;
    return is_read && value->min == extreme;
}

static bool read_step(const struct tide_json *pair, struct tide_step_count *step)
{
    int64_t reached = 0;
    int64_t entities = 0;
    if (pair->kind != TIDE_JSON_ARRAY || pair->count != 2 || !read_number(pair->first, &reached) ||
        !read_number(pair->first->next, &entities) || entities < 0 || reached < entities) {
        return false;
    }
    *step = (struct tide_step_count){.reached = (uint64_t)reached, .entities = (uint64_t)entities};
    return true;
}

/* Each as many as the one before at most: of a funnel that is what its printing subtracts. */
static bool read_steps(struct reading *reading)
{
    const uint32_t step_count = tide_metric_step_count(reading->metric);
    const struct tide_json *array = tide_json_get(reading->json, "steps");
    const uint32_t count = array == NULL || array->kind != TIDE_JSON_ARRAY ? 0 : array->count;
    if (count != step_count) {
        return false;
    }
    const struct tide_json *item = count == 0 ? NULL : array->first;
    const bool descends = reading->metric->kind == TIDE_METRIC_FUNNEL;
    for (uint32_t k = 0; k < count; k++, item = item->next) {
        if (!read_step(item, &reading->steps[k]) ||
            (descends && k > 0 && reading->steps[k].reached > reading->steps[k - 1].reached)) {
            return false;
        }
        reading->parts.steps = reading->steps;
    }
    return true;
}

/* Of how many values the ranks are: there are ranks exactly if there is one. */
static uint64_t ranked_count(const struct reading *reading)
{
    const struct tide_metric *metric = reading->metric;
    return metric->kind == TIDE_METRIC_FUNNEL
               ? reading->steps[metric->funnel->step_count - 1].reached
               : reading->value.count;
}

static bool read_ranks(struct reading *reading)
{
    const uint32_t rank_count = tide_metric_rank_count(reading->metric);
    const struct tide_json *array = tide_json_get(reading->json, "ranks");
    const uint32_t count = array == NULL || array->kind != TIDE_JSON_ARRAY ? 0 : array->count;
    if (count != (rank_count > 0 && ranked_count(reading) > 0 ? rank_count : 0)) {
        return false;
    }
    const struct tide_json *item = count == 0 ? NULL : array->first;
    for (uint32_t i = 0; i < count; i++, item = item->next) {
        if (!read_number(item, &reading->ranks[i])) {
            return false;
        }
        reading->parts.exact = reading->ranks;
    }
    return true;
}

static enum tide_status add_cell(struct reading *reading,
                                 struct tide_cell_table *table,
                                 struct tide_window window)
{
    if (reading->parts.steps != NULL || reading->parts.exact != NULL) {
        reading->value.parts = &reading->parts;
    }
    if (!reading->group.failed &&
        tide_cell_table_has(table, window, tide_bytes_view(&reading->group))) {
        return TIDE_REJECT; /* ranks do not merge, and nothing else should */
    }
    const enum tide_status status =
        reading->group.failed
            ? TIDE_FATAL
            : tide_cell_table_add(table, window, tide_bytes_view(&reading->group), &reading->value);
    return status == TIDE_OK ? TIDE_OK : TIDE_RETRY;
}

enum tide_status tide_batch_cell_read(const struct tide_schema *schema,
                                      struct tide_cell_table *table,
                                      struct tide_window window,
                                      struct tide_view text,
                                      struct tide_arena *scratch,
                                      struct tide_error *error)
{
    const struct tide_metric *metric = tide_cell_table_metric(table);
    struct tide_json *json = NULL;
    struct reading reading = {.schema = schema, .metric = metric};
    tide_arena_reset(scratch);
    tide_bytes_init(&reading.group, GROUP_BYTES_MAX);
    enum tide_status status = tide_json_parse(scratch, text, &json, NULL);
    reading.json = json;
    if (status == TIDE_OK && !(read_group(&reading) && read_numbers(&reading) &&
                               read_steps(&reading) && read_ranks(&reading))) {
        status = TIDE_REJECT;
    }
    if (status == TIDE_OK) {
        status = add_cell(&reading, table, window);
    }
    tide_bytes_release(&reading.group);
    return status == TIDE_OK
               ? TIDE_OK
               : tide_error_set(error,
                                status,
                                status == TIDE_REJECT
                                    ? "table metrics has a state that is none of metric '%.*s'"
                                    : "no memory for the batch's cells of metric '%.*s'",
                                TIDE_VIEW_ARGUMENTS(metric->name));
}
