/* Columns are set by their place in the layout's order, which lake/rows.h states. */
#include "process/journeys.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum journeys_column {
    JOURNEYS_METRIC,
    JOURNEYS_DEFINITION,
    JOURNEYS_KEY,
    JOURNEYS_GROUP,
    JOURNEYS_OUTCOME,
    JOURNEYS_REACHED,
    JOURNEYS_STEP_COUNT,
    JOURNEYS_START_TIME,
    JOURNEYS_END_TIME,
    JOURNEYS_STEP_TIMES,
    JOURNEYS_CONVERSION_US,
    JOURNEYS_ORDINAL,
    JOURNEYS_REVISION,
    JOURNEYS_PARTITION,
    JOURNEYS_EPOCH,
    JOURNEYS_COLUMN_COUNT,
};

enum {
    HASH_DIGITS = 16
};

/* ---- rows */

struct telling {
    const struct tide_journey_source *source;
    const struct tide_layout *layout;
    struct tide_rows **rows;
    char definition[2 * HASH_DIGITS + 1];
    struct tide_bytes text; /* of the cell at hand */
};

static void begin_member(struct telling *telling, uint32_t index, uint32_t column)
{
    tide_bytes_append_text(&telling->text, index == 0 ? "{" : ", ");
    tide_json_write_string(&telling->text, telling->source->schema->columns[column].name);
    tide_bytes_append_text(&telling->text, ": ");
}

static struct tide_value entity_value(const struct tide_journey_source *source, uint32_t entity)
{
    const enum tide_type type = source->schema->columns[source->schema->entity].type;
    const struct tide_view text = tide_dictionary_text(source->entities, entity);
    struct tide_value value = {.present = true, .type = type, .string = text};
    if (type != TIDE_TYPE_STRING) {
        tide_assert(text.size == sizeof(value.number));
        memcpy(&value.number, text.data, sizeof(value.number));
    }
    return value;
}

static struct tide_view key_text(struct telling *telling, const struct tide_journey *journey)
{
    const struct tide_journey_source *source = telling->source;
    const struct tide_funnel_plan *plan = source->metric->funnel;
    size_t at = 0;
    tide_bytes_reset(&telling->text);
    for (uint32_t i = 0; i < plan->per_count; i++) {
        begin_member(telling, i, plan->per[i]);
        const bool is_entity = plan->per[i] == source->schema->entity;
        tide_value_write_json(is_entity ? entity_value(source, journey->entity)
                                        : tide_value_decode(journey->rest, &at),
                              &telling->text);
    }
    tide_bytes_append_byte(&telling->text, '}');
    return tide_bytes_view(&telling->text);
}

static struct tide_view group_text(struct telling *telling, const struct tide_journey *journey)
{
    const struct tide_metric *metric = telling->source->metric;
    const bool is_other = tide_group_is_other(journey->group);
    size_t at = 0;
    tide_bytes_reset(&telling->text);
    for (uint32_t i = 0; i < metric->by_count; i++) {
        begin_member(telling, i, metric->by[i]);
        if (is_other) {
            tide_bytes_append_text(&telling->text, "\"(other)\"");
        } else {
            tide_value_write_json(tide_value_decode(journey->group, &at), &telling->text);
        }
    }
    tide_bytes_append_text(&telling->text, metric->by_count == 0 ? "{}" : "}");
    return tide_bytes_view(&telling->text);
}

static struct tide_view times_text(struct telling *telling, const struct tide_journey *journey)
{
    char buffer[TIDE_CIVIL_TEXT_MAX];
    tide_bytes_reset(&telling->text);
    tide_bytes_append_byte(&telling->text, '[');
    for (uint32_t k = 0; k < journey->reached; k++) {
        const size_t size =
            tide_civil_format((struct tide_instant){journey->step_times_us[k]}, buffer);
        tide_bytes_append_text(&telling->text, k == 0 ? "\"" : ", \"");
        tide_bytes_append(&telling->text, buffer, size);
        tide_bytes_append_byte(&telling->text, '"');
    }
    tide_bytes_append_byte(&telling->text, ']');
    return tide_bytes_view(&telling->text);
}

static enum tide_status set_texts(struct telling *telling, const struct tide_journey *journey)
{
    struct tide_rows *rows = *telling->rows;
    const struct tide_metric *metric = telling->source->metric;
    enum tide_status status = tide_rows_set_text(rows, JOURNEYS_METRIC, metric->name);
    if (status == TIDE_OK) {
        status = tide_rows_set_text(rows, JOURNEYS_DEFINITION, tide_view_of(telling->definition));
    }
    if (status == TIDE_OK) {
        status = tide_rows_set_text(rows, JOURNEYS_KEY, key_text(telling, journey));
    }
    if (status == TIDE_OK) {
        status = tide_rows_set_text(rows, JOURNEYS_GROUP, group_text(telling, journey));
    }
    if (status == TIDE_OK) {
        status = tide_rows_set_text(rows, JOURNEYS_STEP_TIMES, times_text(telling, journey));
    }
    if (status == TIDE_OK) {
        status = tide_rows_set_text(
            rows, JOURNEYS_OUTCOME, tide_view_of(tide_journey_outcome_name(journey->outcome)));
    }
    return telling->text.failed ? TIDE_FATAL : status;
}

static enum tide_status keep_journey(void *context, const struct tide_journey *journey)
{
    struct telling *telling = context;
    const struct tide_journey_source *source = telling->source;
    const uint32_t step_count = source->metric->funnel->step_count;
    if (*telling->rows == NULL &&
        tide_rows_create(telling->layout, telling->rows, NULL) != TIDE_OK) {
        return TIDE_FATAL;
    }
    struct tide_rows *rows = *telling->rows;
    const int64_t day = tide_days_of((struct tide_instant){journey->start_us});
    if (tide_rows_begin(rows, (int32_t)day) != TIDE_OK || set_texts(telling, journey) != TIDE_OK) {
        return TIDE_FATAL;
    }
    tide_rows_set_number(rows, JOURNEYS_REACHED, journey->reached);
    tide_rows_set_number(rows, JOURNEYS_STEP_COUNT, step_count);
    tide_rows_set_number(rows, JOURNEYS_START_TIME, journey->start_us);
    tide_rows_set_number(rows, JOURNEYS_END_TIME, journey->end_us);
    if (journey->reached == step_count) {
        tide_rows_set_number(rows,
                             JOURNEYS_CONVERSION_US,
                             journey->step_times_us[step_count - 1] - journey->step_times_us[0]);
    }
    tide_rows_set_number(rows, JOURNEYS_ORDINAL, journey->ordinal);
    tide_rows_set_number(rows, JOURNEYS_REVISION, (int64_t)source->epoch + 1);
    tide_rows_set_number(rows, JOURNEYS_PARTITION, source->partition);
    tide_rows_set_number(rows, JOURNEYS_EPOCH, (int64_t)source->epoch);
    return TIDE_OK;
}

enum tide_status tide_journey_rows(const struct tide_journey_source *source,
                                   struct tide_operator *
                                   operator,
                                   struct tide_instant closing,
                                   const struct tide_layout *layout,
                                   struct tide_rows **rows)
{
    tide_assert(layout->table == TIDE_TABLE_JOURNEYS);
    tide_assert(layout->column_count == JOURNEYS_COLUMN_COUNT);
    struct telling telling = {.source = source, .layout = layout, .rows = rows};
    const struct tide_u128 hash = source->metric->hash;
    snprintf(telling.definition,
             sizeof(telling.definition),
             "%016" PRIx64 "%016" PRIx64,
             hash.high,
             hash.low);
    const enum tide_status status =
        tide_operator_tell(operator,
                           closing,
                           (struct tide_journey_visitor){keep_journey, &telling});
    tide_bytes_release(&telling.text);
    return status;
}

/* ---- published */

static void write_text(const struct tide_rows *rows,
                       uint32_t row,
                       const char *key,
                       enum journeys_column column,
                       struct tide_bytes *text)
{
    tide_bytes_append_format(text, ", \"%s\": ", key);
    tide_json_write_string(text, tide_rows_text(rows, column, row));
}

/* A column that holds JSON. */
static void write_json(const struct tide_rows *rows,
                       uint32_t row,
                       const char *key,
                       enum journeys_column column,
                       struct tide_bytes *text)
{
    tide_bytes_append_format(text, ", \"%s\": ", key);
    tide_bytes_append_view(text, tide_rows_text(rows, column, row));
}

static void write_number(const struct tide_rows *rows,
                         uint32_t row,
                         const char *key,
                         enum journeys_column column,
                         struct tide_bytes *text)
{
    if (!tide_rows_is_null(rows, column, row)) {
        tide_bytes_append_format(
            text, ", \"%s\": %" PRId64, key, tide_rows_number(rows, column, row));
    }
}

static void write_time(const struct tide_rows *rows,
                       uint32_t row,
                       const char *key,
                       enum journeys_column column,
                       struct tide_bytes *text)
{
    char buffer[TIDE_CIVIL_TEXT_MAX];
    const struct tide_instant t = {tide_rows_number(rows, column, row)};
    const size_t size = tide_civil_format(t, buffer);
    tide_bytes_append_format(text, ", \"%s\": \"%.*s\"", key, (int)size, buffer);
}

void tide_journey_write_json(const struct tide_rows *rows, uint32_t row, struct tide_bytes *text)
{
    tide_assert(tide_rows_layout(rows)->table == TIDE_TABLE_JOURNEYS);
    tide_bytes_append_text(text, "{\"journey\": {\"metric\": ");
    tide_json_write_string(text, tide_rows_text(rows, JOURNEYS_METRIC, row));
    write_json(rows, row, "key", JOURNEYS_KEY, text);
    write_json(rows, row, "group", JOURNEYS_GROUP, text);
    write_text(rows, row, "outcome", JOURNEYS_OUTCOME, text);
    write_number(rows, row, "reached", JOURNEYS_REACHED, text);
    write_number(rows, row, "step_count", JOURNEYS_STEP_COUNT, text);
    write_time(rows, row, "start", JOURNEYS_START_TIME, text);
    write_time(rows, row, "end", JOURNEYS_END_TIME, text);
    write_json(rows, row, "step_times", JOURNEYS_STEP_TIMES, text);
    write_number(rows, row, "conversion_us", JOURNEYS_CONVERSION_US, text);
    write_number(rows, row, "ordinal", JOURNEYS_ORDINAL, text);
    write_number(rows, row, "revision", JOURNEYS_REVISION, text);
    write_text(rows, row, "definition", JOURNEYS_DEFINITION, text);
    tide_bytes_append_text(text, "}}");
}

void tide_journey_write_key(const struct tide_rows *rows, uint32_t row, struct tide_bytes *text)
{
    tide_bytes_append_text(text, "{\"metric\": ");
    tide_json_write_string(text, tide_rows_text(rows, JOURNEYS_METRIC, row));
    write_json(rows, row, "key", JOURNEYS_KEY, text);
    write_number(rows, row, "ordinal", JOURNEYS_ORDINAL, text);
    tide_bytes_append_byte(text, '}');
}
