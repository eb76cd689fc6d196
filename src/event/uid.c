#include "event/uid.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "event/value_code.h"

#include "base/banned.h"

/* An event's identity by id has three values, and so may a schema have three columns: a tag tells
 * them apart. */
enum {
    SHORT_RECORD = 2048
};

enum {
    TAG_BY_ID = 'i',
    TAG_FULL = 'f'
};

/* Enough for these columns of a row, whatever they hold: no value is longer than the record, and
 * most records are short. */
static size_t size_bound(const struct tide_batch *batch, uint32_t row, struct tide_view payload)
{
    const struct tide_schema *schema = batch->schema;
    if (batch->texts[row].size <= SHORT_RECORD) {
        return (schema->path_column_count + 2) * (TIDE_VALUE_NUMBER_SIZE + (size_t)SHORT_RECORD);
    }
    size_t size = 1 + TIDE_VALUE_NUMBER_SIZE + payload.size;
    for (uint32_t column = 0; column < schema->path_column_count; column++) {
        const struct tide_vector *vector = &batch->columns[column];
        size += TIDE_VALUE_NUMBER_SIZE;
        if (vector->strings != NULL && vector->present[row]) {
            size += vector->strings[row].size;
        }
    }
    return size;
}

static inline char *put_cell(const struct tide_batch *batch,
                             uint32_t column,
                             uint32_t row,
                             char *to)
{
    const struct tide_vector *vector = &batch->columns[column];
    if (!vector->present[row]) {
        *to = TIDE_VALUE_TAG_NULL;
        return to + 1;
    }
    if (vector->strings != NULL) {
        return tide_value_put_string(to, vector->strings[row]);
    }
    return tide_value_put_number(to, batch->schema->columns[column].type, vector->numbers[row]);
}

/* The payload counts as one more string: absent and the text "null" are different. */
static char *put_full(const struct tide_batch *batch,
                      uint32_t row,
                      struct tide_view payload,
                      char *to)
{
    const struct tide_schema *schema = batch->schema;
    *to++ = TAG_FULL;
    for (uint32_t column = 0; column < schema->path_column_count; column++) {
        if (column != schema->received) {
            to = put_cell(batch, column, row, to);
        }
    }
    if (schema->payload.depth > 0 && payload.data == NULL) {
        *to++ = TIDE_VALUE_TAG_NULL;
    } else if (schema->payload.depth > 0) {
        to = tide_value_put_string(to, payload);
    }
    return to;
}

struct tide_u128 tide_uid_compute(const struct tide_batch *batch,
                                  uint32_t row,
                                  struct tide_view payload,
                                  const struct tide_hash_key *key,
                                  struct tide_bytes *scratch)
{
    const struct tide_schema *schema = batch->schema;
    tide_assert(row < batch->row_count);
    tide_assert(batch->verdicts[row].reason == TIDE_REASON_ACCEPTED);

    const size_t bound = size_bound(batch, row, payload);
    tide_bytes_reset(scratch);
    bool reserved = tide_bytes_reserve(scratch, bound);
    tide_assert(reserved);
    char *to = scratch->data;
    if (schema->dedupe_by_id && batch->columns[schema->id].present[row]) {
        *to++ = TAG_BY_ID;
        to = put_cell(batch, schema->entity, row, to);
        to = put_cell(batch, schema->id, row, to);
        to = put_cell(batch, schema->time, row, to);
    } else {
        to = put_full(batch, row, payload, to);
    }
    scratch->size = (size_t)(to - scratch->data);
    tide_assert(scratch->size <= bound);
    return tide_hash128_keyed(tide_bytes_view(scratch), key);
}

struct tide_view tide_route_key(const struct tide_batch *batch,
                                uint32_t row,
                                char text[TIDE_ROUTE_KEY_MAX])
{
    struct tide_value entity = tide_batch_value(batch, batch->schema->entity, row);
    if (!entity.present) {
        return (struct tide_view){0};
    }
    if (entity.type == TIDE_TYPE_STRING) {
        return entity.string;
    }
    unsigned scale = entity.type == TIDE_TYPE_DECIMAL ? 6 : 0;
    return (struct tide_view){text, tide_decimal_format(entity.number, scale, text)};
}

uint32_t tide_route(const struct tide_batch *batch, uint32_t row, uint32_t partition_count)
{
    tide_assert(row < batch->row_count);
    tide_assert(partition_count > 0);
    if (batch->verdicts[row].reason != TIDE_REASON_ACCEPTED) {
        return tide_partition_of(batch->texts[row], partition_count);
    }

    char text[TIDE_ROUTE_KEY_MAX];
    struct tide_view key = tide_route_key(batch, row, text);
    if (key.data != NULL) {
        return tide_partition_of(key, partition_count);
    }

    char uid[16];
    tide_store_u64(uid, batch->uids[row].low);
    tide_store_u64(uid + 8, batch->uids[row].high);
    return tide_partition_of((struct tide_view){uid, sizeof uid}, partition_count);
}
