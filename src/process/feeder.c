/* See feeder.h. A slot is a block's copy, its decoded batch and the rows of each partition;
 * slots go round: free -> filled by the caller -> read by all workers at once -> free. Read-only
 * while workers have it, so nothing is locked per row. */
#include "process/feeder.h"

#include "base/assert.h"
#include "base/ring.h"
#include "event/uid.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOT_COUNT = 6,
    RING_SLOTS = 8, /* holds every slot and the end mark */
};

struct slot {
    struct tide_bytes block;
    struct tide_batch *batch;
    uint32_t *rows;   /* grouped by partition */
    uint32_t *starts; /* partition_count + 1 places in rows */
    uint32_t readers; /* workers that still read; under the feeder's mutex */
};

struct worker {
    struct tide_feeder *feeder;
    uint32_t index;
    pthread_t thread;
    bool started;
    struct tide_ring ring;
};

struct tide_feeder {
    struct tide_feeder_options options;
    struct tide_decoder *decoder;
    struct tide_partition **partitions;
    struct worker *workers; /* none if worker_count is 1 */
    struct slot slots[SLOT_COUNT];
    uint32_t next_slot;
    uint32_t *route; /* scratch: partition of each row */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ending;
    enum tide_status failure; /* under mutex; OK until a worker failed */
    struct tide_error error;
};

/* ---- applying a slot */

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

static enum tide_status apply_slot(struct tide_feeder *f,
                                   const struct slot *slot,
                                   uint32_t first,
                                   uint32_t step,
                                   struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    for (uint32_t p = first; status == TIDE_OK && p < f->options.partition_count; p += step) {
        status = apply_partition(f, slot, p, error);
    }
    return status;
}

static void *worker_main(void *context)
{
    struct worker *w = context;
    struct tide_feeder *f = w->feeder;
    for (;;) {
        void *message = NULL;
        pthread_mutex_lock(&f->mutex);
        while (!tide_ring_try_pop(&w->ring, &message) && !f->ending) {
            pthread_cond_wait(&f->changed, &f->mutex);
        }
        bool failed = f->failure != TIDE_OK;
        pthread_mutex_unlock(&f->mutex);
        if (message == NULL) {
            return NULL;
        }
        struct slot *slot = message;
        struct tide_error error = {0};
        enum tide_status status =
            failed ? TIDE_OK : apply_slot(f, slot, w->index, f->options.worker_count, &error);
        pthread_mutex_lock(&f->mutex);
        if (status != TIDE_OK && f->failure == TIDE_OK) {
            f->failure = status;
            f->error = error;
        }
        slot->readers--;
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->mutex);
    }
}

/* ---- filling a slot */

static void wait_free(struct tide_feeder *f, const struct slot *slot)
{
    pthread_mutex_lock(&f->mutex);
    while (slot->readers > 0) {
        pthread_cond_wait(&f->changed, &f->mutex);
    }
    pthread_mutex_unlock(&f->mutex);
}

/* Groups the rows by partition, stable: counting sort. */
static void group_rows(struct tide_feeder *f, struct slot *slot)
{
    uint32_t partitions = f->options.partition_count;
    uint32_t row_count = slot->batch->row_count;
    memset(slot->starts, 0, (partitions + 1U) * sizeof(*slot->starts));
    for (uint32_t row = 0; row < row_count; row++) {
        f->route[row] = partitions == 1 ? 0 : tide_route(slot->batch, row, partitions);
        slot->starts[f->route[row] + 1]++;
    }
    for (uint32_t p = 0; p < partitions; p++) {
        slot->starts[p + 1] += slot->starts[p];
    }
    /* Each start is moved through its group and is then the next group's: shift back. */
    for (uint32_t row = 0; row < row_count; row++) {
        slot->rows[slot->starts[f->route[row]]++] = row;
    }
    memmove(slot->starts + 1, slot->starts, partitions * sizeof(*slot->starts));
    slot->starts[0] = 0;
}

static enum tide_status submit(struct tide_feeder *f, struct slot *slot, struct tide_error *error)
{
    group_rows(f, slot);
    if (f->workers == NULL) {
        return apply_slot(f, slot, 0, 1, error);
    }
    pthread_mutex_lock(&f->mutex);
    slot->readers = f->options.worker_count;
    for (uint32_t i = 0; i < f->options.worker_count; i++) {
        bool pushed = tide_ring_try_push(&f->workers[i].ring, slot);
        tide_assert(pushed);
    }
    enum tide_status status = f->failure;
    if (status != TIDE_OK && error != NULL) {
        *error = f->error;
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->mutex);
    return status;
}

static struct slot *take_slot(struct tide_feeder *f)
{
    struct slot *slot = &f->slots[f->next_slot];
    f->next_slot = (f->next_slot + 1) % SLOT_COUNT;
    wait_free(f, slot);
    tide_batch_reset(slot->batch);
    tide_bytes_reset(&slot->block);
    return slot;
}

enum tide_status tide_feeder_lines(struct tide_feeder *f,
                                   struct tide_view block,
                                   uint64_t *records,
                                   struct tide_error *error)
{
    struct slot *slot = take_slot(f);
    if (f->workers != NULL) { /* others read it after we return: it needs bytes of its own */
        tide_bytes_append_view(&slot->block, block);
        if (slot->block.failed) {
            return tide_error_set(
                error, TIDE_FATAL, "no memory for a block of %zu bytes", block.size);
        }
        block = tide_bytes_view(&slot->block);
    }
    tide_decoder_begin(f->decoder, block, TIDE_FRAMING_NDJSON);
    enum tide_status status = TIDE_OK;
    while (tide_decoder_next(f->decoder, slot->batch) == TIDE_AGAIN && status == TIDE_OK) {
        status = submit(f, slot, error);
        wait_free(f, slot); /* the rest of this block goes into the same batch */
        tide_batch_reset(slot->batch);
    }
    *records = tide_decoder_facts(f->decoder).record_count;
    return status == TIDE_OK ? submit(f, slot, error) : status;
}

enum tide_status tide_feeder_judged(struct tide_feeder *f,
                                    struct tide_view text,
                                    const struct tide_verdict *verdict,
                                    struct tide_error *error)
{
    struct slot *slot = take_slot(f);
    struct tide_batch *batch = slot->batch;
    tide_bytes_append_view(&slot->block, text);
    if (slot->block.failed) {
        return tide_error_set(error, TIDE_FATAL, "no memory for a line of %zu bytes", text.size);
    }
    batch->row_count = 1;
    batch->texts[0] = tide_bytes_view(&slot->block);
    batch->verdicts[0] = *verdict;
    batch->sents[0] = TIDE_INSTANT_UNKNOWN;
    return submit(f, slot, error);
}

enum tide_status tide_feeder_settle(struct tide_feeder *f, struct tide_error *error)
{
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        wait_free(f, &f->slots[i]);
    }
    pthread_mutex_lock(&f->mutex);
    enum tide_status status = f->failure;
    if (status != TIDE_OK && error != NULL) {
        *error = f->error;
    }
    pthread_mutex_unlock(&f->mutex);
    return status;
}

struct tide_partition *tide_feeder_partition(struct tide_feeder *f, uint32_t index)
{
    tide_assert(index < f->options.partition_count);
    return f->partitions[index];
}

/* ---- create and destroy */

static enum tide_status create_slots(struct tide_feeder *f, struct tide_error *error)
{
    uint32_t partitions = f->options.partition_count;
    f->route = calloc(TIDE_BATCH_ROWS_DEFAULT, sizeof(*f->route));
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        struct slot *slot = &f->slots[i];
        slot->rows = calloc(TIDE_BATCH_ROWS_DEFAULT, sizeof(*slot->rows));
        slot->starts = calloc(partitions + 2U, sizeof(*slot->starts));
        if (slot->rows == NULL || slot->starts == NULL || f->route == NULL) {
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
    uint32_t count = f->options.worker_count;
    if (count == 1) {
        return TIDE_OK;
    }
    f->workers = aligned_alloc(TIDE_RING_LINE, count * sizeof(*f->workers));
    if (f->workers == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for workers");
    }
    memset(f->workers, 0, count * sizeof(*f->workers));
    for (uint32_t i = 0; i < count; i++) {
        struct worker *w = &f->workers[i];
        w->feeder = f;
        w->index = i;
        enum tide_status status = tide_ring_init(&w->ring, RING_SLOTS, error);
        if (status != TIDE_OK) {
            return status;
        }
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            return tide_error_set(error, TIDE_RETRY, "cannot start a worker thread");
        }
        w->started = true;
    }
    return TIDE_OK;
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
    enum tide_status status =
        tide_decoder_create(options->definitions->schema, options->seed, &f->decoder, error);
    if (status == TIDE_OK) {
        status = create_slots(f, error);
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

static void destroy_workers(struct tide_feeder *f)
{
    pthread_mutex_lock(&f->mutex);
    f->ending = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->mutex);
    for (uint32_t i = 0; f->workers != NULL && i < f->options.worker_count; i++) {
        if (f->workers[i].started) {
            pthread_join(f->workers[i].thread, NULL);
        }
        tide_ring_release(&f->workers[i].ring);
    }
    free(f->workers);
}

void tide_feeder_destroy(struct tide_feeder *f)
{
    if (f == NULL) {
        return;
    }
    destroy_workers(f);
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        tide_bytes_release(&f->slots[i].block);
        tide_batch_destroy(f->slots[i].batch);
        free(f->slots[i].rows);
        free(f->slots[i].starts);
    }
    for (uint32_t p = 0; f->partitions != NULL && p < f->options.partition_count; p++) {
        tide_partition_destroy(f->partitions[p]);
    }
    tide_decoder_destroy(f->decoder);
    pthread_mutex_destroy(&f->mutex);
    pthread_cond_destroy(&f->changed);
    free(f->partitions);
    free(f->route);
    free(f);
}
