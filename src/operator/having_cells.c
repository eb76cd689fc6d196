/* Entities by what they did in a window and group: a record of facts for each (cell, entity), and
 * in each cell the number of those whose facts satisfy the condition now. An event changes the
 * facts of one record for each window that it is in; the number moves when the condition's answer
 * does.
 *
 * Windows that slide are kept whole, not as panes: facts of panes would have to be joined entity by
 * entity whenever somebody asks. TIDE_HAVING_WINDOWS_MAX bounds what that costs an event. */
#include "base/assert.h"
#include "base/table_memory.h"
#include "operator/operator_internal.h"
#include "operator/pair_set.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    RECORDS_MIN = 64,
    RECORD_KEY = 0,   /* cell << 32 | entity */
    RECORD_HOLDS = 1, /* the condition's answer */
    RECORD_FACTS = 2,
};

struct having {
    struct tide_operator base;
    uint64_t *records; /* stride numbers each */
    uint32_t stride;
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots;                /* index of a record plus one; 0: empty; twice capacity */
    struct tide_dictionary *values; /* of the columns of distinct(..) */
    struct tide_pair_set seen[TIDE_FACTS_MAX]; /* (record, value) */
    /* One row of facts, for the condition: */
    struct tide_batch facts;
    struct tide_vector vectors[TIDE_FACTS_MAX];
    int64_t numbers[TIDE_FACTS_MAX];
    uint8_t present;
};

static enum tide_status having_create(struct tide_operator *base)
{
    struct having *having = (struct having *)base;
    const struct tide_having *plan = base->metric->having;
    having->stride = RECORD_FACTS + plan->fact_count;
    having->present = 1;
    for (uint32_t i = 0; i < plan->fact_count; i++) {
        having->vectors[i] =
            (struct tide_vector){.present = &having->present, .numbers = &having->numbers[i]};
    }
    having->facts = (struct tide_batch){
        .schema = plan->facts, .row_count = 1, .row_capacity = 1, .columns = having->vectors};
    return tide_dictionary_create(UINT32_MAX - 1, &having->values, NULL) == TIDE_OK ? TIDE_OK
                                                                                    : TIDE_FATAL;
}

static void having_destroy(struct tide_operator *base)
{
    struct having *having = (struct having *)base;
    tide_dictionary_destroy(having->values);
    for (int i = 0; i < TIDE_FACTS_MAX; i++) {
        tide_pair_set_release(&having->seen[i]);
    }
    free(having->records);
    free(having->slots);
}

/* ------- records */

static uint64_t *record_at(const struct having *having, uint32_t index)
{
    return having->records + (size_t)index * having->stride;
}

static uint32_t *find_slot(const struct having *having, uint64_t key)
{
    const uint64_t mask = (uint64_t)having->capacity * 2 - 1;
    uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);
    for (uint64_t i = (hash ^ (hash >> 32)) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &having->slots[i];
        if (*slot == 0 || record_at(having, *slot - 1)[RECORD_KEY] == key) {
            return slot;
        }
    }
}

static bool grow(struct having *having)
{
    const uint64_t wanted = having->capacity == 0 ? RECORDS_MIN : (uint64_t)having->capacity * 2;
    if (wanted >= UINT32_MAX / 2) {
        return false;
    }
    uint32_t *slots = tide_table_memory(wanted * 2, sizeof(*slots));
    uint64_t *records =
        slots == NULL ? NULL : realloc(having->records, wanted * having->stride * sizeof(*records));
    if (records == NULL) {
        free(slots);
        return false;
    }
    free(having->slots);
    having->slots = slots;
    having->records = records;
    having->capacity = (uint32_t)wanted;
    for (uint32_t i = 0; i < having->count; i++) {
        *find_slot(having, record_at(having, i)[RECORD_KEY]) = i + 1;
    }
    return true;
}

/* NONE: out of memory. */
static uint32_t find_record(struct having *having, uint32_t cell, uint32_t entity)
{
    const uint64_t key = (uint64_t)cell << 32 | entity;
    if (having->capacity > 0) {
        const uint32_t *slot = find_slot(having, key);
        if (*slot != 0) {
            return *slot - 1;
        }
    }
    if (having->count == having->capacity && !grow(having)) {
        return TIDE_CELL_NONE;
    }
    const uint32_t index = having->count++;
    uint64_t *record = record_at(having, index);
    for (uint32_t i = 0; i < having->stride; i++) {
        record[i] = 0;
    }
    record[RECORD_KEY] = key;
    *find_slot(having, key) = index + 1;
    return index;
}

/* ------- facts */

/* false: out of memory. */
static bool add_fact(struct having *having, uint32_t index, uint32_t fact, struct tide_value value)
{
    struct tide_bytes *key = &having->base.key;
    if (!value.present) {
        return true;
    }
    tide_bytes_reset(key);
    tide_value_encode(value, key);
    const uint32_t number = key->failed
                                ? TIDE_DICTIONARY_NONE
                                : tide_dictionary_intern(having->values, tide_bytes_view(key));
    if (number == TIDE_DICTIONARY_NONE) {
        return false;
    }
    const enum tide_status status = tide_pair_set_add(&having->seen[fact], index, number);
    record_at(having, index)[RECORD_FACTS + fact] += status == TIDE_OK;
    return status != TIDE_FATAL;
}

static bool holds(struct having *having, const uint64_t *record)
{
    const struct tide_having *plan = having->base.metric->having;
    uint32_t row = 0;
    for (uint32_t i = 0; i < plan->fact_count; i++) {
        having->numbers[i] = (int64_t)record[RECORD_FACTS + i];
    }
    return tide_expression_select(plan->expression, &having->facts, &row, 1) == 1;
}

static bool add_event(struct having *having,
                      const struct tide_batch *batch,
                      uint32_t row,
                      uint32_t cell,
                      uint32_t entity)
{
    const struct tide_having *plan = having->base.metric->having;
    const uint32_t index = find_record(having, cell, entity);
    if (index == TIDE_CELL_NONE) {
        return false;
    }
    for (uint32_t i = 0; i < plan->fact_count; i++) {
        if (plan->columns[i] == TIDE_COLUMN_NONE) {
            record_at(having, index)[RECORD_FACTS + i]++;
        } else if (!add_fact(having, index, i, tide_batch_value(batch, plan->columns[i], row))) {
            return false;
        }
    }
    uint64_t *record = record_at(having, index);
    const bool held = record[RECORD_HOLDS] != 0;
    const bool holds_now = holds(having, record);
    struct tide_cell_value *value = &having->base.map.records[cell].value;
    record[RECORD_HOLDS] = holds_now;
    value->distinct += (uint64_t)holds_now - (uint64_t)held;
    return true;
}

static enum tide_status having_update(struct tide_operator *base,
                                      const struct tide_operator_input *input,
                                      uint32_t count)
{
    struct having *having = (struct having *)base;
    const struct tide_metric *metric = base->metric;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = base->rows[i];
        const uint32_t entity = input->entities[row];
        const struct tide_window pane = operator_window(base, input->event_times[row]);
        for (uint32_t k = 0; k < metric->pane_count; k++) {
            const struct tide_window window =
                metric->pane_count == 1
                    ? pane
                    : tide_window_slide(metric->every, metric->pane_count, pane.start, k);
            const uint32_t cell = operator_place(base, window, base->row_groups[i]);
            if (cell == TIDE_CELL_NONE) {
                return TIDE_FATAL;
            }
            base->map.records[cell].value.events++;
            base->map.records[cell].value.changed = operator_change(input, row);
            if (entity != TIDE_DICTIONARY_NONE &&
                !add_event(having, input->batch, row, cell, entity)) {
                return TIDE_FATAL;
            }
        }
    }
    return TIDE_OK;
}

static void having_facts(const struct tide_operator *base, struct tide_operator_facts *facts)
{
    const struct having *having = (const struct having *)base;
    facts->key_count = having->count;
    facts->bytes += (size_t)having->capacity * having->stride * sizeof(*having->records) +
                    (size_t)having->capacity * 2 * sizeof(*having->slots) +
                    tide_dictionary_bytes(having->values);
    for (uint32_t i = 0; i < base->metric->having->fact_count; i++) {
        facts->bytes += tide_pair_set_bytes(&having->seen[i]);
    }
}

const struct operator_kind operator_having = {
    .size = sizeof(struct having),
    .create = having_create,
    .destroy = having_destroy,
    .update = having_update,
    .visit = operator_visit_map,
    .facts = having_facts,
};
