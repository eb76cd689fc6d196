#include "event/batch.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "base/json.h"
#include "event/value_code.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    LINE_SIZE = 64, /* of the cache */
    LINES_BETWEEN = 7,
};

/* Zeros. A row touches the same place of every array: if they began at equal distances of a power
 * of two, all those places would compete for the same few lines of the cache. */
static void *create_array(struct tide_batch *batch, size_t size)
{
    if (tide_arena_allocate(&batch->storage, LINES_BETWEEN * LINE_SIZE) == NULL) {
        return NULL;
    }
    return tide_arena_allocate_array(&batch->storage, batch->row_capacity, size);
}

static bool create_vector(struct tide_batch *batch, uint32_t column)
{
    struct tide_vector *vector = &batch->columns[column];
    vector->present = create_array(batch, sizeof *vector->present);
    vector->mistyped = create_array(batch, sizeof *vector->mistyped);
    if (batch->schema->columns[column].type == TIDE_TYPE_STRING) {
        vector->strings = create_array(batch, sizeof *vector->strings);
    } else {
        vector->numbers = create_array(batch, sizeof *vector->numbers);
    }
    return vector->present != NULL && vector->mistyped != NULL &&
           (vector->strings != NULL || vector->numbers != NULL);
}

enum tide_status tide_batch_create(const struct tide_schema *schema,
                                   uint32_t row_capacity,
                                   struct tide_batch **batch,
                                   struct tide_error *error)
{
    tide_assert(row_capacity > 0);
    tide_assert(schema->column_count <= TIDE_SCHEMA_COLUMNS_MAX);
    struct tide_batch *made = calloc(1, sizeof *made);
    bool complete = made != NULL;
    if (made != NULL) {
        made->schema = schema;
        made->row_capacity = row_capacity;
        made->columns = calloc(schema->column_count, sizeof *made->columns);
        made->texts = create_array(made, sizeof *made->texts);
        made->payloads = create_array(made, sizeof *made->payloads);
        made->payload_is_spaced = create_array(made, sizeof *made->payload_is_spaced);
        made->verdicts = create_array(made, sizeof *made->verdicts);
        made->uids = create_array(made, sizeof *made->uids);
        made->sents = create_array(made, sizeof *made->sents);
        tide_arena_init(&made->arena, TIDE_BATCH_ARENA_MAX);
        complete = made->columns && made->texts && made->payloads && made->payload_is_spaced &&
                   made->verdicts && made->uids && made->sents;
    }
    for (uint32_t i = 0; complete && i < schema->column_count; i++) {
        complete = create_vector(made, i);
    }
    if (!complete) {
        tide_batch_destroy(made);
        return tide_error_set(
            error, TIDE_RETRY, "out of memory for a batch of %u rows", row_capacity);
    }
    *batch = made;
    return TIDE_OK;
}

void tide_batch_destroy(struct tide_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    free(batch->columns);
    tide_arena_release(&batch->storage);
    tide_arena_release(&batch->arena);
    free(batch);
}

void tide_batch_reset(struct tide_batch *batch)
{
    for (uint32_t i = 0; batch->has_mistyped && i < batch->schema->column_count; i++) {
        memset(batch->columns[i].mistyped, 0, batch->row_capacity);
    }
    batch->row_count = 0;
    batch->has_mistyped = false;
    tide_arena_reset(&batch->arena);
}

struct tide_value tide_batch_value(const struct tide_batch *batch, uint32_t column, uint32_t row)
{
    tide_assert(column < batch->schema->column_count);
    tide_assert(row < batch->row_capacity);
    const struct tide_vector *vector = &batch->columns[column];
    struct tide_value value = {.type = batch->schema->columns[column].type};
    if (!vector->present[row]) {
        return value;
    }
    value.present = true;
    if (vector->strings != NULL) {
        value.string = vector->strings[row];
    } else {
        value.number = vector->numbers[row];
    }
    return value;
}

void tide_value_encode(struct tide_value value, struct tide_bytes *bytes)
{
    if (!value.present) {
        tide_bytes_append_byte(bytes, TIDE_VALUE_TAG_NULL);
        return;
    }
    bool is_string = value.type == TIDE_TYPE_STRING;
    tide_assert(!is_string || value.string.size <= UINT32_MAX);
    size_t size = is_string ? TIDE_VALUE_STRING_HEAD + value.string.size : TIDE_VALUE_NUMBER_SIZE;
    if (!tide_bytes_reserve(bytes, size)) {
        return;
    }
    char *to = bytes->data + bytes->size;
    if (is_string) {
        tide_value_put_string(to, value.string);
    } else {
        tide_value_put_number(to, value.type, value.number);
    }
    bytes->size += size;
}

struct tide_value tide_value_decode(struct tide_view bytes, size_t *at)
{
    tide_assert(*at < bytes.size);
    unsigned char tag = (unsigned char)bytes.data[(*at)++];
    tide_assert(tag <= TIDE_VALUE_TAG_FIRST_TYPE + (int)TIDE_TYPE_TIME_ISO);
    if (tag == TIDE_VALUE_TAG_NULL) {
        return (struct tide_value){.type = TIDE_TYPE_STRING};
    }
    struct tide_value value = {.present = true,
                               .type = (enum tide_type)(tag - TIDE_VALUE_TAG_FIRST_TYPE)};
    if (value.type == TIDE_TYPE_STRING) {
        tide_assert(bytes.size - *at >= TIDE_VALUE_STRING_HEAD - 1);
        size_t size = tide_load_u32(bytes.data + *at);
        *at += TIDE_VALUE_STRING_HEAD - 1;
        value.string = tide_view_slice(bytes, *at, size);
        *at += size;
    } else {
        tide_assert(bytes.size - *at >= TIDE_VALUE_NUMBER_SIZE - 1);
        value.number = (int64_t)tide_load_u64(bytes.data + *at);
        *at += TIDE_VALUE_NUMBER_SIZE - 1;
    }
    return value;
}

int tide_value_compare(struct tide_value a, struct tide_value b)
{
    if (!a.present || !b.present) {
        return (int)a.present - (int)b.present;
    }
    tide_assert((a.type == TIDE_TYPE_STRING) == (b.type == TIDE_TYPE_STRING));
    if (a.type == TIDE_TYPE_STRING) {
        return tide_view_compare(a.string, b.string);
    }
    return (a.number > b.number) - (a.number < b.number);
}

void tide_value_write_json(struct tide_value value, struct tide_bytes *bytes)
{
    if (!value.present) {
        tide_bytes_append_text(bytes, "null");
        return;
    }
    char text[TIDE_DECIMAL_TEXT_MAX];
    switch (value.type) {
    case TIDE_TYPE_STRING:
        tide_json_write_string(bytes, value.string);
        break;
    case TIDE_TYPE_BOOL:
        tide_bytes_append_text(bytes, value.number != 0 ? "true" : "false");
        break;
    case TIDE_TYPE_DECIMAL:
        tide_bytes_append(bytes, text, tide_decimal_format(value.number, 6, text));
        break;
    case TIDE_TYPE_INT:
    case TIDE_TYPE_TIME_MS:
    case TIDE_TYPE_TIME_ISO:
        tide_bytes_append(bytes, text, tide_decimal_format(value.number, 0, text));
        break;
    }
}

static struct tide_instant column_instant(const struct tide_batch *batch,
                                          uint32_t column,
                                          uint32_t row)
{
    if (column == TIDE_COLUMN_NONE || !batch->columns[column].present[row]) {
        return TIDE_INSTANT_UNKNOWN;
    }
    return (struct tide_instant){batch->columns[column].numbers[row]};
}

enum tide_reason tide_batch_event_times(const struct tide_batch *batch,
                                        uint32_t row,
                                        enum tide_arrival arrival,
                                        struct tide_instant stamp,
                                        struct tide_event_times *times)
{
    tide_assert(row < batch->row_count);
    struct tide_event_clocks clocks = {.device = column_instant(batch, batch->schema->time, row),
                                       .column =
                                           column_instant(batch, batch->schema->received, row),
                                       .stamp = stamp,
                                       .sent = batch->sents[row]};
    return tide_event_times_resolve(&batch->schema->clock, arrival, &clocks, times);
}
