/* See partition.h. The order of one record's life: verdict, times, identity, lateness, lake row,
 * operators. Every way out is booked in the ledger by exactly one line of this file. */
#include "process/partition.h"

#include "base/assert.h"
#include "base/civil.h"
#include "operator/dedupe.h"
#include "operator/dictionary.h"
#include "process/journeys.h"

#include <stdlib.h>
#include <string.h>

/* Columns of the layouts after the schema's own; the order is that of lake/rows.h. */
enum events_column {
    EVENTS_EVENT_TIME,
    EVENTS_RECEIVED_TIME,
    EVENTS_SENT_TIME,
    EVENTS_UID_HIGH,
    EVENTS_UID_LOW,
    EVENTS_PAYLOAD,
    EVENTS_PARTITION,
    EVENTS_OFFSET,
    EVENTS_INDEX,
    EVENTS_EPOCH,
    EVENTS_OWN_COUNT,
};

enum rejected_column {
    REJECTED_REASON,
    REJECTED_POINTER,
    REJECTED_DETAIL,
    REJECTED_BYTES,
    REJECTED_RECEIVED_TIME,
    REJECTED_SOURCE,
    REJECTED_PARTITION,
    REJECTED_OFFSET,
    REJECTED_INDEX,
    REJECTED_EPOCH,
    REJECTED_COUNT,
};

enum raw_column {
    RAW_BYTES,
    RAW_RECEIVED_TIME,
    RAW_SENT_TIME,
    RAW_SOURCE,
    RAW_PARTITION,
    RAW_OFFSET,
    RAW_INDEX,
    RAW_EPOCH,
    RAW_COUNT,
};

/* For as many rows as a batch has. */
struct scratch {
    uint32_t capacity;
    /* The rows that go on, and of each of them: */
    uint32_t *unique;
    struct tide_u128 *uids;
    bool *is_new;
    struct tide_view *keys; /* of those that are somebody's, */
    uint32_t *key_numbers;  /* and which entity that is */
    /* By row of the batch: */
    struct tide_event_times *times;
    struct tide_instant *event_times;
    uint32_t *entity_numbers;
    uint64_t *offsets;
};

struct tide_partition {
    const struct tide_definitions *definitions;
    const struct tide_schema *schema;
    uint32_t index;
    enum tide_arrival arrival;
    struct tide_operator_limits limits;
    uint64_t next_offset;
    uint64_t rows_from;
    struct tide_ledger expected; /* at rows_from */
    struct tide_instant resumed; /* the closing clock of the manifest */
    struct tide_instant told;    /* the one that journeys were told by */
    uint64_t epoch;              /* the number of the epoch that is open */
    uint64_t epoch_started;      /* the offset at which it was opened */
    struct tide_ledger ledger;
    struct tide_watermark watermark;
    struct tide_quality quality;
    struct tide_dedupe *dedupe;
    struct tide_dictionary *entities;
    struct tide_operator **operators; /* by metric; NULL: a ratio */
    uint64_t *mistyped;               /* by column */
    const struct tide_layout *layouts[TIDE_TABLE_COUNT];
    struct tide_rows *rows[TIDE_TABLE_COUNT]; /* made when the first row comes */
    uint64_t row_total[TIDE_TABLE_COUNT];     /* handed to the lake or below rows_from */
    struct scratch scratch;                   /* of one apply */
};

#define ENTITIES_MAX (UINT32_MAX - 1) /* NONE is the one number that names nobody */

static void end_recovery(struct tide_partition *p);

static enum tide_status create_state(struct tide_partition *p, struct tide_error *error)
{
    enum tide_status status = tide_dedupe_create(&p->dedupe, error);
    if (status == TIDE_OK) {
        status = tide_dictionary_create(ENTITIES_MAX, &p->entities, error);
    }
    for (uint32_t i = 0; status == TIDE_OK && i < p->definitions->metric_count; i++) {
        const struct tide_metric *metric = &p->definitions->metrics[i];
        if (metric->kind != TIDE_METRIC_RATIO) {
            status = tide_operator_create(p->schema, metric, p->limits, &p->operators[i], error);
        }
    }
    return status;
}

enum tide_status tide_partition_create(const struct tide_partition_options *options,
                                       struct tide_partition **partition,
                                       struct tide_error *error)
{
    tide_assert(options->definitions != NULL);
    tide_assert(options->limits.cells_max > 0); /* somebody forgot them: all would be (other) */
    struct tide_partition *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a partition");
    }
    p->definitions = options->definitions;
    p->schema = options->definitions->schema;
    p->index = options->index;
    p->arrival = options->arrival;
    p->limits = options->limits;
    p->rows_from = options->rows_from;
    p->expected = options->expected;
    p->epoch = options->first_epoch;
    p->epoch_started = options->rows_from;
    memcpy(p->layouts, options->layouts, sizeof(p->layouts));
    tide_watermark_init(&p->watermark, p->schema->clock.out_of_orderness);
    p->watermark.closing = options->closing;
    p->resumed = options->closing;
    p->told = options->closing;
    p->operators = calloc(p->definitions->metric_count + 1U, sizeof(struct tide_operator *));
    p->mistyped = calloc(p->schema->column_count, sizeof(*p->mistyped));
    enum tide_status status = p->operators == NULL || p->mistyped == NULL
                                  ? tide_error_set(error, TIDE_RETRY, "no memory for a partition")
                                  : create_state(p, error);
    if (status != TIDE_OK) {
        tide_partition_destroy(p);
        return status;
    }
    if (p->rows_from == 0) {
        end_recovery(p);
    }
    *partition = p;
    return TIDE_OK;
}

static void release_scratch(struct scratch *scratch)
{
    free(scratch->unique);
    free(scratch->uids);
    free(scratch->is_new);
    free(scratch->keys);
    free(scratch->key_numbers);
    free(scratch->times);
    free(scratch->event_times);
    free(scratch->entity_numbers);
    free(scratch->offsets);
    *scratch = (struct scratch){0};
}

static enum tide_status grow_scratch(struct scratch *scratch,
                                     uint32_t capacity,
                                     struct tide_error *error)
{
    if (capacity <= scratch->capacity) {
        return TIDE_OK;
    }
    release_scratch(scratch);
    scratch->unique = calloc(capacity, sizeof(*scratch->unique));
    scratch->uids = calloc(capacity, sizeof(*scratch->uids));
    scratch->is_new = calloc(capacity, sizeof(*scratch->is_new));
    scratch->keys = calloc(capacity, sizeof(*scratch->keys));
    scratch->key_numbers = calloc(capacity, sizeof(*scratch->key_numbers));
    scratch->times = calloc(capacity, sizeof(*scratch->times));
    scratch->event_times = calloc(capacity, sizeof(*scratch->event_times));
    scratch->entity_numbers = calloc(capacity, sizeof(*scratch->entity_numbers));
    scratch->offsets = calloc(capacity, sizeof(*scratch->offsets));
    if (scratch->unique == NULL || scratch->uids == NULL || scratch->is_new == NULL ||
        scratch->keys == NULL || scratch->key_numbers == NULL || scratch->times == NULL ||
        scratch->event_times == NULL || scratch->entity_numbers == NULL ||
        scratch->offsets == NULL) {
        return tide_error_set(error, TIDE_FATAL, "no memory for a batch of %u rows", capacity);
    }
    scratch->capacity = capacity;
    return TIDE_OK;
}

void tide_partition_destroy(struct tide_partition *p)
{
    if (p == NULL) {
        return;
    }
    for (uint32_t i = 0; p->operators != NULL && i < p->definitions->metric_count; i++) {
        tide_operator_destroy(p->operators[i]);
    }
    for (int i = 0; i < TIDE_TABLE_COUNT; i++) {
        tide_rows_destroy(p->rows[i]);
    }
    tide_quality_release(&p->quality);
    tide_dedupe_destroy(p->dedupe);
    tide_dictionary_destroy(p->entities);
    free(p->operators);
    free(p->mistyped);
    release_scratch(&p->scratch);
    free(p);
}

/* The rows of a table's epoch, or NULL in *rows if this record's row is not wanted: there is no
 * lake, or it is in the lake already. */
static enum tide_status rows_for(struct tide_partition *p,
                                 enum tide_table table,
                                 uint64_t offset,
                                 struct tide_rows **rows,
                                 struct tide_error *error)
{
    *rows = NULL;
    p->row_total[table]++;
    if (p->layouts[table] == NULL || offset < p->rows_from) {
        return TIDE_OK;
    }
    if (p->rows[table] == NULL) {
        enum tide_status status = tide_rows_create(p->layouts[table], &p->rows[table], error);
        if (status != TIDE_OK) {
            return TIDE_FATAL;
        }
    }
    *rows = p->rows[table];
    return TIDE_OK;
}

static void set_instant(struct tide_rows *rows, uint32_t column, struct tide_instant t)
{
    if (tide_instant_known(t)) {
        tide_rows_set_number(rows, column, t.us);
    }
}

static struct tide_instant received_of(const struct tide_partition_input *input, uint32_t row)
{
    return input->receiveds != NULL ? input->receiveds[row] : input->received;
}

static int32_t received_date(const struct tide_partition_input *input, uint32_t row)
{
    struct tide_instant received = received_of(input, row);
    return tide_instant_known(received) ? (int32_t)tide_days_of(received) : TIDE_DATE_UNKNOWN;
}

static enum tide_status keep_rejected(struct tide_partition *p,
                                      const struct tide_partition_input *input,
                                      uint32_t row,
                                      uint64_t offset,
                                      const struct tide_verdict *verdict,
                                      struct tide_error *error)
{
    struct tide_rows *rows;
    enum tide_status status = rows_for(p, TIDE_TABLE_REJECTED, offset, &rows, error);
    if (status != TIDE_OK || rows == NULL) {
        return status;
    }
    status = tide_rows_begin(rows, received_date(input, row));
    struct {
        uint32_t column;
        struct tide_view text;
    } texts[] = {
        {REJECTED_REASON, tide_view_of(tide_reason_name(verdict->reason))},
        {REJECTED_POINTER, verdict->pointer},
        {REJECTED_DETAIL, verdict->detail},
        {REJECTED_BYTES, input->batch->texts[row]},
        {REJECTED_SOURCE, input->source},
    };
    for (size_t i = 0; status == TIDE_OK && i < sizeof(texts) / sizeof(texts[0]); i++) {
        status = tide_rows_set_text(rows, texts[i].column, texts[i].text);
    }
    if (status != TIDE_OK) {
        return tide_error_set(error, TIDE_FATAL, "no memory for the rows of an epoch");
    }
    set_instant(rows, REJECTED_RECEIVED_TIME, received_of(input, row));
    tide_rows_set_number(rows, REJECTED_PARTITION, p->index);
    tide_rows_set_number(rows, REJECTED_OFFSET, (int64_t)offset);
    tide_rows_set_number(rows, REJECTED_INDEX, 0);
    tide_rows_set_number(rows, REJECTED_EPOCH, (int64_t)p->epoch);
    return TIDE_OK;
}

/* Of every record: what can be decoded again when the schema has learned more. */
static enum tide_status keep_raw(struct tide_partition *p,
                                 const struct tide_partition_input *input,
                                 uint32_t row,
                                 uint64_t offset,
                                 struct tide_error *error)
{
    struct tide_rows *rows;
    enum tide_status status = rows_for(p, TIDE_TABLE_RAW, offset, &rows, error);
    if (status != TIDE_OK || rows == NULL) {
        return status;
    }
    status = tide_rows_begin(rows, received_date(input, row));
    if (status == TIDE_OK) {
        status = tide_rows_set_text(rows, RAW_BYTES, input->batch->texts[row]);
    }
    if (status == TIDE_OK) {
        status = tide_rows_set_text(rows, RAW_SOURCE, input->source);
    }
    if (status != TIDE_OK) {
        return tide_error_set(error, TIDE_FATAL, "no memory for the rows of an epoch");
    }
    set_instant(rows, RAW_RECEIVED_TIME, received_of(input, row));
    set_instant(rows, RAW_SENT_TIME, input->batch->sents[row]);
    tide_rows_set_number(rows, RAW_PARTITION, p->index);
    tide_rows_set_number(rows, RAW_OFFSET, (int64_t)offset);
    tide_rows_set_number(rows, RAW_INDEX, 0);
    tide_rows_set_number(rows, RAW_EPOCH, (int64_t)p->epoch);
    return TIDE_OK;
}

static enum tide_status set_schema_columns(const struct tide_partition *p,
                                           struct tide_rows *rows,
                                           const struct tide_batch *batch,
                                           uint32_t row)
{
    for (uint32_t c = 0; c < p->schema->path_column_count; c++) {
        const struct tide_vector *vector = &batch->columns[c];
        if (!vector->present[row]) {
            continue;
        }
        if (vector->strings == NULL) {
            tide_rows_set_number(rows, c, vector->numbers[row]);
        } else if (tide_rows_set_text(rows, c, vector->strings[row]) != TIDE_OK) {
            return TIDE_FATAL;
        }
    }
    return TIDE_OK;
}

static enum tide_status keep_event(struct tide_partition *p,
                                   const struct tide_partition_input *input,
                                   uint32_t row,
                                   uint64_t offset,
                                   const struct tide_event_times *times,
                                   struct tide_error *error)
{
    struct tide_rows *rows;
    enum tide_status status = rows_for(p, TIDE_TABLE_EVENTS, offset, &rows, error);
    if (status != TIDE_OK || rows == NULL) {
        return status;
    }
    const struct tide_batch *batch = input->batch;
    uint32_t own = p->schema->path_column_count;
    status = tide_rows_begin(rows, (int32_t)tide_days_of(times->event));
    if (status == TIDE_OK) {
        status = set_schema_columns(p, rows, batch, row);
    }
    if (status == TIDE_OK && batch->payloads[row].data != NULL) {
        status = tide_rows_set_text(rows, own + EVENTS_PAYLOAD, batch->payloads[row]);
    }
    if (status != TIDE_OK) {
        return tide_error_set(error, TIDE_FATAL, "no memory for the rows of an epoch");
    }
    set_instant(rows, own + EVENTS_EVENT_TIME, times->event);
    set_instant(rows, own + EVENTS_RECEIVED_TIME, times->received);
    set_instant(rows, own + EVENTS_SENT_TIME, times->sent);
    tide_rows_set_number(rows, own + EVENTS_UID_HIGH, (int64_t)batch->uids[row].high);
    tide_rows_set_number(rows, own + EVENTS_UID_LOW, (int64_t)batch->uids[row].low);
    tide_rows_set_number(rows, own + EVENTS_PARTITION, p->index);
    tide_rows_set_number(rows, own + EVENTS_OFFSET, (int64_t)offset);
    tide_rows_set_number(rows, own + EVENTS_INDEX, 0);
    tide_rows_set_number(rows, own + EVENTS_EPOCH, (int64_t)p->epoch);
    return TIDE_OK;
}

static struct tide_verdict time_verdict(enum tide_reason reason)
{
    struct tide_verdict verdict = {.reason = reason, .pointer = TIDE_VIEW("")};
    if (reason == TIDE_REASON_CLOCK_AHEAD) {
        verdict.detail = TIDE_VIEW("event time is later than received time + clock.max_ahead");
    } else if (reason == TIDE_REASON_TOO_OLD) {
        verdict.detail = TIDE_VIEW("event time is earlier than received time - clock.max_age");
    } else {
        verdict.detail = TIDE_VIEW("event time is outside 1970..2100");
    }
    return verdict;
}

/* Of an event whose times are known, or were found wrong. */
static void note_skew(struct tide_partition *p,
                      const struct tide_batch *batch,
                      uint32_t row,
                      const struct tide_event_times *times)
{
    const int64_t device_us = batch->columns[p->schema->time].numbers[row];
    if (tide_instant_known(times->received)) {
        const int64_t sender_us = tide_instant_known(times->sent) ? times->sent.us : device_us;
        tide_quality_note_skew(&p->quality, (struct tide_duration){sender_us - times->received.us});
    }
}

/* Of a processed event, before the watermark is moved by it. */
static void note_lateness(struct tide_partition *p, struct tide_instant event)
{
    const struct tide_instant highest = p->watermark.highest;
    const int64_t late_us = tide_instant_known(highest) ? highest.us - event.us : 0;
    tide_quality_note_lateness(&p->quality, (struct tide_duration){late_us});
}

static enum tide_status reject(struct tide_partition *p,
                               const struct tide_partition_input *input,
                               uint32_t row,
                               uint64_t offset,
                               const struct tide_verdict *verdict,
                               struct tide_error *error)
{
    p->ledger.rejected[verdict->reason]++;
    const enum tide_status status = tide_quality_keep_sample(
        &p->quality, verdict, input->batch->texts[row], received_of(input, row), offset);
    return status == TIDE_OK
               ? keep_rejected(p, input, row, offset, verdict, error)
               : tide_error_set(error, TIDE_FATAL, "no memory for a sample of what is rejected");
}

/* A record's verdict with the judgement of its times; those of an accepted one are kept. */
static struct tide_verdict judge_times(struct tide_partition *p,
                                       const struct tide_partition_input *input,
                                       uint32_t row)
{
    struct tide_verdict verdict = input->batch->verdicts[row];
    if (verdict.reason == TIDE_REASON_ACCEPTED) {
        const enum tide_reason reason = tide_batch_event_times(
            input->batch, row, p->arrival, received_of(input, row), &p->scratch.times[row]);
        if (reason != TIDE_REASON_ACCEPTED) {
            verdict = time_verdict(reason);
            note_skew(p, input->batch, row, &p->scratch.times[row]);
        }
    }
    return verdict;
}

/* Every record: its raw row, its offset, and what speaks against it. Valid events go on, as
 * p->scratch.unique[0..*count). */
static enum tide_status judge(struct tide_partition *p,
                              const struct tide_partition_input *input,
                              uint32_t *count,
                              struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    *count = 0;
    for (uint32_t i = 0; status == TIDE_OK && i < input->row_count; i++) {
        const uint32_t row = input->rows[i];
        const uint64_t offset = p->next_offset++;
        status = keep_raw(p, input, row, offset, error);
        const struct tide_verdict verdict = judge_times(p, input, row);
        if (verdict.reason == TIDE_REASON_ACCEPTED) {
            p->scratch.offsets[row] = offset;
            p->scratch.uids[*count] = input->batch->uids[row];
            p->scratch.unique[(*count)++] = row;
        } else if (status == TIDE_OK) {
            status = reject(p, input, row, offset, &verdict, error);
        }
    }
    p->ledger.verdicts += input->row_count;
    return status;
}

/* Those that were never seen go on. */
static enum tide_status drop_duplicates(struct tide_partition *p,
                                        uint32_t *count,
                                        struct tide_error *error)
{
    uint32_t kept = 0;
    if (!tide_dedupe_add_many(p->dedupe, p->scratch.uids, *count, p->scratch.is_new)) {
        return tide_error_set(
            error, TIDE_FATAL, "no memory for the uids of partition %u", p->index);
    }
    for (uint32_t i = 0; i < *count; i++) {
        p->scratch.unique[kept] = p->scratch.unique[i];
        p->scratch.uids[kept] = p->scratch.uids[i];
        kept += p->scratch.is_new[i];
    }
    p->ledger.duplicate += *count - kept;
    *count = kept;
    return TIDE_OK;
}

/* Events that count: on time or late, and their rows. */
static enum tide_status book(struct tide_partition *p,
                             const struct tide_partition_input *input,
                             uint32_t count,
                             struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    uint64_t on_time = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = p->scratch.unique[i];
        const struct tide_event_times *times = &p->scratch.times[row];
        note_skew(p, input->batch, row, times);
        note_lateness(p, times->event);
        on_time += tide_watermark_observe(&p->watermark, times) == TIDE_LATENESS_ON_TIME;
        p->scratch.event_times[row] = times->event;
        p->ledger.uids.high += p->scratch.uids[i].high;
        p->ledger.uids.low += p->scratch.uids[i].low;
    }
    p->ledger.processed += count;
    p->ledger.on_time += on_time;
    p->ledger.late_hot += count - on_time;
    for (uint32_t i = 0; status == TIDE_OK && i < count; i++) {
        const uint32_t row = p->scratch.unique[i];
        status = keep_event(p, input, row, p->scratch.offsets[row], &p->scratch.times[row], error);
    }
    return status;
}

/* The text by which an entity is known to the dictionary; numbers by their eight bytes. */
static struct tide_view entity_key(const struct tide_vector *vector, uint32_t row)
{
    if (vector->strings != NULL) {
        return vector->strings[row];
    }
    return (struct tide_view){(const char *)&vector->numbers[row], sizeof(vector->numbers[0])};
}

static void count_mistyped(struct tide_partition *p,
                           const struct tide_batch *batch,
                           uint32_t unique_count)
{
    for (uint32_t c = 0; batch->has_mistyped && c < p->schema->path_column_count; c++) {
        for (uint32_t i = 0; i < unique_count; i++) {
            p->mistyped[c] += batch->columns[c].mistyped[p->scratch.unique[i]];
        }
    }
}

static enum tide_status number_entities(struct tide_partition *p,
                                        const struct tide_batch *batch,
                                        uint32_t unique_count,
                                        struct tide_error *error)
{
    const struct tide_vector *vector = &batch->columns[p->schema->entity];
    uint32_t count = 0;
    for (uint32_t i = 0; i < unique_count; i++) {
        const uint32_t row = p->scratch.unique[i];
        if (vector->present[row]) {
            p->scratch.keys[count++] = entity_key(vector, row);
        }
    }
    tide_dictionary_intern_many(p->entities, p->scratch.keys, count, p->scratch.key_numbers);
    for (uint32_t i = 0, k = 0; i < unique_count; i++) {
        const uint32_t row = p->scratch.unique[i];
        p->scratch.entity_numbers[row] =
            vector->present[row] ? p->scratch.key_numbers[k++] : TIDE_DICTIONARY_NONE;
        if (vector->present[row] && p->scratch.entity_numbers[row] == TIDE_DICTIONARY_NONE) {
            return tide_error_set(
                error, TIDE_FATAL, "no memory for the entities of partition %u", p->index);
        }
    }
    return TIDE_OK;
}

static enum tide_status update_metrics(struct tide_partition *p,
                                       const struct tide_batch *batch,
                                       uint32_t unique_count,
                                       struct tide_error *error)
{
    struct tide_operator_input input = {.batch = batch,
                                        .rows = p->scratch.unique,
                                        .row_count = unique_count,
                                        .event_times = p->scratch.event_times,
                                        .entities = p->scratch.entity_numbers,
                                        .offsets = p->scratch.offsets};
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < p->definitions->metric_count; i++) {
        if (p->operators[i] != NULL) {
            status = tide_operator_update(p->operators[i], &input, error);
        }
    }
    return status;
}

/* Records that are all below rows_from, or all not. */
static enum tide_status apply(struct tide_partition *p,
                              const struct tide_partition_input *input,
                              struct tide_error *error)
{
    uint32_t unique_count = 0;
    enum tide_status status = judge(p, input, &unique_count, error);
    if (status == TIDE_OK) {
        status = drop_duplicates(p, &unique_count, error);
    }
    if (status == TIDE_OK) {
        status = book(p, input, unique_count, error);
    }
    if (status == TIDE_OK && unique_count > 0) {
        count_mistyped(p, input->batch, unique_count);
        status = number_entities(p, input->batch, unique_count, error);
        if (status == TIDE_OK) {
            status = update_metrics(p, input->batch, unique_count, error);
        }
    }
    return status;
}

/* The state is that of the last manifest: it must count the same, and what had ended is told. */
static void end_recovery(struct tide_partition *p)
{
    tide_assert(tide_ledger_equal(&p->ledger, &p->expected));
    for (uint32_t i = 0; i < p->definitions->metric_count; i++) {
        if (p->operators[i] != NULL && p->layouts[TIDE_TABLE_JOURNEYS] != NULL) {
            tide_operator_track(p->operators[i], p->resumed);
        }
    }
}

enum tide_status tide_partition_apply(struct tide_partition *p,
                                      const struct tide_partition_input *input,
                                      struct tide_error *error)
{
    tide_assert(input->first_offset == p->next_offset);
    struct tide_partition_input part = *input;
    enum tide_status status = grow_scratch(&p->scratch, input->batch->row_capacity, error);
    if (p->next_offset < p->rows_from) {
        const uint64_t left = p->rows_from - p->next_offset;
        part.row_count = left < input->row_count ? (uint32_t)left : input->row_count;
        status = status == TIDE_OK ? apply(p, &part, error) : status;
        if (status == TIDE_OK && p->next_offset == p->rows_from) {
            end_recovery(p);
        }
        part.rows += part.row_count;
        part.first_offset += part.row_count;
        part.row_count = input->row_count - part.row_count;
    }
    return status == TIDE_OK && part.row_count > 0 ? apply(p, &part, error) : status;
}

uint32_t tide_partition_index(const struct tide_partition *p)
{
    return p->index;
}

uint64_t tide_partition_next_offset(const struct tide_partition *p)
{
    return p->next_offset;
}

uint64_t tide_partition_next_epoch(const struct tide_partition *p)
{
    return p->epoch;
}

bool tide_partition_is_recovering(const struct tide_partition *p)
{
    return p->next_offset < p->rows_from;
}

const struct tide_ledger *tide_partition_ledger(const struct tide_partition *p)
{
    return &p->ledger;
}

const struct tide_quality *tide_partition_quality(const struct tide_partition *p)
{
    return &p->quality;
}

uint64_t tide_partition_mistyped(const struct tide_partition *p, uint32_t column)
{
    tide_assert(column < p->schema->column_count);
    return p->mistyped[column];
}

struct tide_watermark *tide_partition_watermark(struct tide_partition *p)
{
    return &p->watermark;
}

struct tide_operator *tide_partition_operator(const struct tide_partition *p, uint32_t metric_index)
{
    tide_assert(metric_index < p->definitions->metric_count);
    return p->operators[metric_index];
}

size_t tide_partition_rows_bytes(const struct tide_partition *p)
{
    size_t bytes = 0;
    for (int i = 0; i < TIDE_TABLE_COUNT; i++) {
        bytes += p->rows[i] == NULL ? 0 : tide_rows_bytes(p->rows[i]);
    }
    return bytes;
}

size_t tide_partition_state_bytes(const struct tide_partition *p)
{
    size_t bytes = tide_dedupe_bytes(p->dedupe) + tide_dictionary_bytes(p->entities);
    for (uint32_t i = 0; i < p->definitions->metric_count; i++) {
        bytes += p->operators[i] == NULL ? 0 : tide_operator_facts(p->operators[i]).bytes;
    }
    return bytes;
}

enum tide_status tide_partition_tell_journeys(struct tide_partition *p, struct tide_error *error)
{
    struct tide_instant closing = p->watermark.closing;
    enum tide_status status = TIDE_OK;
    p->told = closing;
    if (p->layouts[TIDE_TABLE_JOURNEYS] == NULL || p->next_offset < p->rows_from) {
        return TIDE_OK;
    }
    for (uint32_t i = 0; status == TIDE_OK && i < p->definitions->metric_count; i++) {
        if (p->operators[i] != NULL) {
            status = tide_operator_bound_telling(p->operators[i], &closing);
        }
    }
    for (uint32_t i = 0; status == TIDE_OK && i < p->definitions->metric_count; i++) {
        if (p->operators[i] != NULL) {
            struct tide_journey_source source = {
                p->schema, &p->definitions->metrics[i], p->entities, p->index, p->epoch};
            status = tide_journey_rows(&source,
                                       p->operators[i],
                                       closing,
                                       p->layouts[TIDE_TABLE_JOURNEYS],
                                       &p->rows[TIDE_TABLE_JOURNEYS]);
        }
    }
    p->told = closing;
    return status == TIDE_OK
               ? TIDE_OK
               : tide_error_set(
                     error, TIDE_FATAL, "no memory for the journeys of partition %u", p->index);
}

bool tide_partition_take_epoch(struct tide_partition *p, struct tide_epoch *epoch)
{
    tide_assert(tide_ledger_holds(&p->ledger));
    tide_assert(p->ledger.verdicts == p->next_offset);
    tide_assert(p->ledger.processed == p->row_total[TIDE_TABLE_EVENTS]);
    tide_assert(tide_ledger_rejected(&p->ledger) == p->row_total[TIDE_TABLE_REJECTED]);
    tide_assert(p->ledger.verdicts == p->row_total[TIDE_TABLE_RAW]);
    if (p->next_offset < p->rows_from ||
        (p->next_offset <= p->epoch_started && p->rows[TIDE_TABLE_JOURNEYS] == NULL)) {
        return false;
    }
    *epoch = (struct tide_epoch){.partition = p->index,
                                 .number = p->epoch,
                                 .next_offset = p->next_offset,
                                 .ledger = p->ledger,
                                 .watermark = tide_watermark_data(&p->watermark),
                                 .closing = p->told};
    for (int i = 0; i < TIDE_TABLE_COUNT; i++) {
        epoch->rows[i] = p->rows[i];
        p->rows[i] = NULL;
    }
    p->epoch++;
    p->epoch_started = p->next_offset;
    return true;
}

void tide_epoch_release(struct tide_epoch *epoch)
{
    for (int i = 0; i < TIDE_TABLE_COUNT; i++) {
        tide_rows_destroy(epoch->rows[i]);
    }
    tide_bytes_release(&epoch->note);
    *epoch = (struct tide_epoch){0};
}
