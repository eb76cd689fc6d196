/* See feeder.h. A block lives in a slot; of the free ones that is taken which was freed last: its
 * memory is the warmest.
 *
 *            who took it decodes,            each worker applies the rows of its partitions,
 *            others take the next            in the order of the blocks, when it comes to them
 *
 *     FREE ------------------> FILLING ------------------> READY
 *      ^                          ^   rows are published     |
 *      |                          |                          | all workers have applied them
 *      |                          +--- the block has more ---+
 *      +------------------------------ these were all -------+
 *
 * A worker applies what it can, before it takes another block: so blocks are applied while they are
 * warm, and slots come back. It takes a block only in a free slot, so at most as many blocks as
 * slots are under way. A block with more rows than a batch holds is published in parts; the worker
 * that decodes it goes on when all have applied a part.
 *
 * Half of what a worker applies was decoded by another, and lies in the other processor's cache. So
 * the places that the operators will look at are asked for first, all at once: one after the other,
 * each costs a wait.
 *
 * Everything in slots and workers that says who may do what is under the mutex; blocks, batches and
 * rows are not: FILLING, they are one worker's; READY, nobody's to change. */
#include "process/feeder.h"

#include "base/assert.h"
#include "base/thread.h"
#include "event/uid.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_PER_WORKER = 8,
    SLOTS_MORE = 16, /* so far may others be ahead of one whose tables grow */
};

enum slot_state {
    SLOT_FREE,
    SLOT_FILLING,
    SLOT_READY,
};

struct slot {
    enum slot_state state;
    uint32_t decoder; /* the worker that took the block */
    uint32_t part;    /* of the block that is READY, from 1 */
    uint32_t readers; /* workers that have not applied it yet */
    bool is_last;     /* the block has no more rows */
    uint64_t records; /* of the block, known at its last part */
    struct tide_bytes block;
    struct tide_batch *batch;
    uint32_t *rows;   /* grouped by partition */
    uint32_t *starts; /* partition_count + 1 places in rows */
};

struct worker {
    struct tide_feeder *feeder;
    uint32_t index;
    pthread_t thread; /* of all but the first one: that is the caller */
    struct tide_decoder *decoder;
    uint32_t *route;     /* scratch: partition of each row */
    uint64_t next_block; /* to apply */
    uint32_t next_part;  /* of it, from 1 */
    struct slot *filling;
};

struct tide_feeder {
    struct tide_feeder_options options;
    struct tide_partition **partitions;
    struct worker *workers;
    uint32_t *looked_at; /* the columns that the partitions look at */
    uint32_t looked_at_count;
    struct slot *slots;
    uint32_t slot_count;
    uint32_t *free_slots; /* the last one was freed last */
    uint32_t free_count;
    uint32_t *slot_of; /* of a block under way, by its number modulo slot_count */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const struct tide_feeder_input *input;
    bool is_reading; /* some worker is at the input */
    bool has_ended;
    uint64_t next_block; /* to take */
    uint64_t records;
    enum tide_status failure; /* OK until a worker failed */
    struct tide_error error;
};

static struct slot *slot_of(const struct tide_feeder *f, uint64_t block)
{
    return &f->slots[f->slot_of[block % f->slot_count]];
}

/* ------- applying */

/* Asks for what will be looked at: first where the values are, then the texts. */
static void prefetch_rows(const struct tide_feeder *f,
                          const struct tide_batch *batch,
                          const uint32_t *rows,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        __builtin_prefetch(&batch->verdicts[rows[i]]);
        __builtin_prefetch(&batch->uids[rows[i]]);
        for (uint32_t c = 0; c < f->looked_at_count; c++) {
            const struct tide_vector *vector = &batch->columns[f->looked_at[c]];
            __builtin_prefetch(vector->strings != NULL ? (const void *)&vector->strings[rows[i]]
                                                       : (const void *)&vector->numbers[rows[i]]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t c = 0; c < f->looked_at_count; c++) {
            const struct tide_vector *vector = &batch->columns[f->looked_at[c]];
            if (vector->strings != NULL) { /* of a row that was rejected any: it does no harm */
                __builtin_prefetch(vector->strings[rows[i]].data);
            }
        }
    }
}

static enum tide_status apply_partition(struct tide_feeder *f,
                                        const struct slot *slot,
                                        uint32_t p,
                                        struct tide_error *error)
{
    uint32_t count = slot->starts[p + 1] - slot->starts[p];
    if (count == 0) {
        return TIDE_OK;
    }
    struct tide_partition_input input = {.batch = slot->batch,
                                         .rows = slot->rows + slot->starts[p],
                                         .row_count = count,
                                         .first_offset =
                                             tide_partition_next_offset(f->partitions[p]),
                                         .received = TIDE_INSTANT_UNKNOWN,
                                         .source = f->options.source};
    return tide_partition_apply(f->partitions[p], &input, error);
}

/* To the worker's own partitions: every worker_count-th one. */
static enum tide_status apply_slot(const struct worker *w,
                                   const struct slot *slot,
                                   struct tide_error *error)
{
    const struct tide_feeder_options *options = &w->feeder->options;
    enum tide_status status = TIDE_OK;
    for (uint32_t p = w->index; status == TIDE_OK && p < options->partition_count;
         p += options->worker_count) {
        if (slot->decoder != w->index) {
            prefetch_rows(w->feeder,
                          slot->batch,
                          slot->rows + slot->starts[p],
                          slot->starts[p + 1] - slot->starts[p]);
        }
        status = apply_partition(w->feeder, slot, p, error);
    }
    return status;
}

/* ------- filling */

/* Groups the rows by partition, stable: counting sort. */
static void group_rows(const struct worker *w, struct slot *slot)
{
    uint32_t partitions = w->feeder->options.partition_count;
    uint32_t row_count = slot->batch->row_count;
    memset(slot->starts, 0, (partitions + 1U) * sizeof(*slot->starts));
    for (uint32_t row = 0; row < row_count; row++) {
        w->route[row] = partitions == 1 ? 0 : tide_route(slot->batch, row, partitions);
        slot->starts[w->route[row] + 1]++;
    }
    for (uint32_t p = 0; p < partitions; p++) {
        slot->starts[p + 1] += slot->starts[p];
    }
    /* Each start is moved through its group and is then the next group's: shift back. */
    for (uint32_t row = 0; row < row_count; row++) {
        slot->rows[slot->starts[w->route[row]]++] = row;
    }
    memmove(slot->starts + 1, slot->starts, partitions * sizeof(*slot->starts));
    slot->starts[0] = 0;
}

/* Others go on with the input while the slot is used: it needs bytes that stay. */
static enum tide_status keep_block(const struct tide_feeder *f,
                                   struct slot *slot,
                                   struct tide_lines_item *item,
                                   struct tide_error *error)
{
    const bool stays = f->input->blocks_stay && item->kind == TIDE_LINES_BLOCK;
    if (f->options.worker_count == 1 || stays) {
        return TIDE_OK;
    }
    tide_bytes_reset(&slot->block);
    tide_bytes_append_view(&slot->block, item->block);
    if (slot->block.failed) {
        return tide_error_set(
            error, TIDE_FATAL, "no memory for a block of %zu bytes", item->block.size);
    }
    item->block = tide_bytes_view(&slot->block);
    return TIDE_OK;
}

/* One record that was never whole in memory: its verdict is known. */
static void put_too_large(struct slot *slot, const struct tide_lines_item *item)
{
    struct tide_verdict verdict = {.reason = TIDE_REASON_TOO_LARGE,
                                   .detail = TIDE_VIEW("the line is larger than 8 MiB")};
    if (!item->is_utf8) { /* the first check of a record, whatever its size */
        verdict.reason = TIDE_REASON_UTF8_INVALID;
        verdict.detail = TIDE_VIEW("the line is not UTF-8");
    }
    struct tide_batch *batch = slot->batch;
    batch->row_count = 1;
    batch->texts[0] = item->block;
    batch->verdicts[0] = verdict;
    batch->sents[0] = TIDE_INSTANT_UNKNOWN;
}

/* The next rows of the block. */
static void decode_part(const struct worker *w, struct slot *slot)
{
    tide_batch_reset(slot->batch);
    slot->is_last = tide_decoder_next(w->decoder, slot->batch) != TIDE_AGAIN;
    slot->records = tide_decoder_facts(w->decoder).record_count;
    group_rows(w, slot);
}

static void start_block(const struct worker *w,
                        struct slot *slot,
                        const struct tide_lines_item *item)
{
    slot->decoder = w->index;
    slot->part = 0;
    if (item->kind == TIDE_LINES_BLOCK) {
        tide_decoder_begin(w->decoder, item->block, TIDE_FRAMING_NDJSON);
        decode_part(w, slot);
        return;
    }
    tide_batch_reset(slot->batch);
    put_too_large(slot, item);
    slot->is_last = true;
    slot->records = 1;
    group_rows(w, slot);
}

/* ------- a worker; what follows is called, and returns, with the mutex held */

static void fail(struct tide_feeder *f, enum tide_status status, const struct tide_error *error)
{
    if (f->failure == TIDE_OK) {
        f->failure = status;
        f->error = *error;
    }
    pthread_cond_broadcast(&f->changed);
}

static void publish(struct worker *w, struct slot *slot)
{
    slot->state = SLOT_READY;
    slot->part++;
    slot->readers = w->feeder->options.worker_count;
    w->filling = slot->is_last ? NULL : slot;
    w->feeder->records += slot->is_last ? slot->records : 0;
    pthread_cond_broadcast(&w->feeder->changed);
}

static bool can_apply(const struct worker *w)
{
    const struct tide_feeder *f = w->feeder;
    if (w->next_block == f->next_block) {
        return false;
    }
    const struct slot *slot = slot_of(f, w->next_block);
    return slot->state == SLOT_READY && slot->part == w->next_part;
}

static void apply_next(struct worker *w)
{
    struct tide_feeder *f = w->feeder;
    struct slot *slot = slot_of(f, w->next_block);
    struct tide_error error = {0};
    pthread_mutex_unlock(&f->mutex);
    const enum tide_status status = apply_slot(w, slot, &error);
    pthread_mutex_lock(&f->mutex);
    if (status != TIDE_OK) {
        fail(f, status, &error);
        return;
    }
    w->next_block += slot->is_last;
    w->next_part = slot->is_last ? 1 : w->next_part + 1;
    slot->readers--;
    if (slot->readers > 0) {
        return;
    }
    slot->state = slot->is_last ? SLOT_FREE : SLOT_FILLING;
    if (slot->is_last) {
        f->free_slots[f->free_count++] = (uint32_t)(slot - f->slots);
    }
    pthread_cond_broadcast(&f->changed);
}

static void fill_more(struct worker *w)
{
    struct tide_feeder *f = w->feeder;
    pthread_mutex_unlock(&f->mutex);
    decode_part(w, w->filling);
    pthread_mutex_lock(&f->mutex);
    publish(w, w->filling);
}

static bool can_take(const struct worker *w)
{
    const struct tide_feeder *f = w->feeder;
    return w->filling == NULL && !f->is_reading && !f->has_ended && f->free_count > 0;
}

static void take_block(struct worker *w)
{
    struct tide_feeder *f = w->feeder;
    const uint32_t index = f->free_slots[--f->free_count];
    struct slot *slot = &f->slots[index];
    struct tide_lines_item item = {0};
    struct tide_error error = {0};
    f->is_reading = true;
    pthread_mutex_unlock(&f->mutex);
    enum tide_status status = f->input->next(f->input->context, &item, &error);
    if (status == TIDE_OK && item.kind != TIDE_LINES_END) {
        status = keep_block(f, slot, &item, &error);
    }
    pthread_mutex_lock(&f->mutex);
    f->is_reading = false;
    if (status != TIDE_OK) {
        fail(f, status, &error);
        return;
    }
    tide_assert(item.kind != TIDE_LINES_NEED);
    f->has_ended = item.kind == TIDE_LINES_END;
    pthread_cond_broadcast(&f->changed);
    if (f->has_ended) {
        f->free_slots[f->free_count++] = index;
        return;
    }
    slot->state = SLOT_FILLING;
    f->slot_of[f->next_block++ % f->slot_count] = index;
    pthread_mutex_unlock(&f->mutex);
    start_block(w, slot, &item);
    pthread_mutex_lock(&f->mutex);
    publish(w, slot);
}

static void *work(void *context)
{
    struct worker *w = context;
    struct tide_feeder *f = w->feeder;
    pthread_mutex_lock(&f->mutex);
    while (f->failure == TIDE_OK && !(f->has_ended && w->next_block == f->next_block)) {
        if (can_apply(w)) {
            apply_next(w);
        } else if (w->filling != NULL && w->filling->state == SLOT_FILLING) {
            fill_more(w);
        } else if (can_take(w)) {
            take_block(w);
        } else {
            pthread_cond_wait(&f->changed, &f->mutex);
        }
    }
    pthread_mutex_unlock(&f->mutex);
    return NULL;
}

enum tide_status tide_feeder_run(struct tide_feeder *f,
                                 const struct tide_feeder_input *input,
                                 uint64_t *records,
                                 struct tide_error *error)
{
    uint32_t started = 1;
    tide_assert(f->failure == TIDE_OK);
    f->input = input;
    f->has_ended = false;
    f->records = 0;
    while (started < f->options.worker_count &&
           tide_thread_start(&f->workers[started].thread, "worker", work, &f->workers[started])) {
        started++;
    }
    if (started < f->options.worker_count) { /* nobody would apply to its partitions */
        struct tide_error why = {0};
        (void)tide_error_set(&why, TIDE_FATAL, "cannot start a worker thread");
        pthread_mutex_lock(&f->mutex);
        fail(f, TIDE_FATAL, &why);
        pthread_mutex_unlock(&f->mutex);
    }
    (void)work(&f->workers[0]);
    for (uint32_t i = 1; i < started; i++) {
        pthread_join(f->workers[i].thread, NULL);
    }
    *records += f->records;
    return tide_error_pass(error, f->failure, &f->error);
}

struct tide_partition *tide_feeder_partition(struct tide_feeder *f, uint32_t index)
{
    tide_assert(index < f->options.partition_count);
    return f->partitions[index];
}

/* ------- create and destroy */

static enum tide_status create_slots(struct tide_feeder *f, struct tide_error *error)
{
    const uint32_t workers = f->options.worker_count;
    f->slot_count = workers == 1 ? 1 : workers * SLOTS_PER_WORKER + SLOTS_MORE;
    f->slots = calloc(f->slot_count, sizeof(*f->slots));
    f->free_slots = calloc(f->slot_count, sizeof(*f->free_slots));
    f->slot_of = calloc(f->slot_count, sizeof(*f->slot_of));
    if (f->slots == NULL || f->free_slots == NULL || f->slot_of == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for batches");
    }
    for (uint32_t i = 0; i < f->slot_count; i++) {
        struct slot *slot = &f->slots[i];
        f->free_slots[f->free_count++] = i;
        slot->rows = calloc(TIDE_BATCH_ROWS_DEFAULT, sizeof(*slot->rows));
        slot->starts = calloc(f->options.partition_count + 2U, sizeof(*slot->starts));
        if (slot->rows == NULL || slot->starts == NULL) {
            return tide_error_set(error, TIDE_RETRY, "no memory for batches");
        }
        enum tide_status status = tide_batch_create(
            f->options.definitions->schema, TIDE_BATCH_ROWS_DEFAULT, &slot->batch, error);
        if (status != TIDE_OK) {
            return status;
        }
    }
    return TIDE_OK;
}

/* Which columns all metrics and the way to them look at. */
static enum tide_status list_columns(struct tide_feeder *f, struct tide_error *error)
{
    const struct tide_definitions *definitions = f->options.definitions;
    const struct tide_schema *schema = definitions->schema;
    bool *used = calloc(schema->column_count, sizeof(*used));
    f->looked_at = calloc(schema->column_count, sizeof(*f->looked_at));
    if (used == NULL || f->looked_at == NULL) {
        free(used);
        return tide_error_set(error, TIDE_RETRY, "no memory for a list of columns");
    }
    used[schema->entity] = true;
    used[schema->time] = true;
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        tide_metric_mark_columns(&definitions->metrics[i], used);
    }
    for (uint32_t column = 0; column < schema->column_count; column++) {
        if (used[column]) {
            f->looked_at[f->looked_at_count++] = column;
        }
    }
    free(used);
    return TIDE_OK;
}

static enum tide_status create_partitions(struct tide_feeder *f, struct tide_error *error)
{
    f->partitions = calloc(f->options.partition_count, sizeof(struct tide_partition *));
    if (f->partitions == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for partitions");
    }
    enum tide_status status = TIDE_OK;
    for (uint32_t p = 0; status == TIDE_OK && p < f->options.partition_count; p++) {
        struct tide_partition_options options = {.definitions = f->options.definitions,
                                                 .index = p,
                                                 .arrival = TIDE_ARRIVAL_FILE,
                                                 .limits = f->options.limits,
                                                 .closing = TIDE_INSTANT_UNKNOWN};
        memcpy(options.layouts, f->options.layouts, sizeof(options.layouts));
        status = tide_partition_create(&options, &f->partitions[p], error);
    }
    return status;
}

static enum tide_status create_workers(struct tide_feeder *f, struct tide_error *error)
{
    f->workers = calloc(f->options.worker_count, sizeof(*f->workers));
    if (f->workers == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for workers");
    }
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < f->options.worker_count; i++) {
        struct worker *w = &f->workers[i];
        w->feeder = f;
        w->index = i;
        w->next_part = 1;
        w->route = calloc(TIDE_BATCH_ROWS_DEFAULT, sizeof(*w->route));
        status = w->route == NULL
                     ? tide_error_set(error, TIDE_RETRY, "no memory for workers")
                     : tide_decoder_create(
                           f->options.definitions->schema, f->options.seed, &w->decoder, error);
    }
    return status;
}

enum tide_status tide_feeder_create(const struct tide_feeder_options *options,
                                    struct tide_feeder **feeder,
                                    struct tide_error *error)
{
    tide_assert(options->partition_count > 0 && options->worker_count > 0);
    struct tide_feeder *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for replay");
    }
    f->options = *options;
    if (f->options.worker_count > options->partition_count) {
        f->options.worker_count = options->partition_count;
    }
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->changed, NULL);
    enum tide_status status = create_slots(f, error);
    if (status == TIDE_OK) {
        status = list_columns(f, error);
    }
    if (status == TIDE_OK) {
        status = create_partitions(f, error);
    }
    if (status == TIDE_OK) {
        status = create_workers(f, error);
    }
    if (status != TIDE_OK) {
        tide_feeder_destroy(f);
        return status;
    }
    *feeder = f;
    return TIDE_OK;
}

void tide_feeder_destroy(struct tide_feeder *f)
{
    if (f == NULL) {
        return;
    }
    for (uint32_t i = 0; f->workers != NULL && i < f->options.worker_count; i++) {
        tide_decoder_destroy(f->workers[i].decoder);
        free(f->workers[i].route);
    }
    for (uint32_t i = 0; f->slots != NULL && i < f->slot_count; i++) {
        tide_bytes_release(&f->slots[i].block);
        tide_batch_destroy(f->slots[i].batch);
        free(f->slots[i].rows);
        free(f->slots[i].starts);
    }
    for (uint32_t p = 0; f->partitions != NULL && p < f->options.partition_count; p++) {
        tide_partition_destroy(f->partitions[p]);
    }
    pthread_mutex_destroy(&f->mutex);
    pthread_cond_destroy(&f->changed);
    free(f->partitions);
    free(f->workers);
    free(f->looked_at);
    free(f->free_slots);
    free(f->slot_of);
    free(f->slots);
    free(f);
}
