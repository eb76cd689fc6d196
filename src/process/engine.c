/* See engine.h. Threads: each worker touches only its slots; the checkpoint thread only its epochs;
 * everybody else comes through tide_engine_visit. What crosses without a visit is a glimpse in an
 * atomic, good for gauges and for nothing that must be exact. */
#include "base/assert.h"
#include "base/logline.h"
#include "base/thread.h"
#include "process/engine_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROWS_PER_TURN =
        4096, /* of one partition, before its neighbours and the mailbox have their turn */
    MAILBOX_SLOTS = 4,
};
static const struct tide_duration idle_wait = {200 * 1000};
static const struct tide_duration drain_pause = {10 * 1000};
static const struct tide_duration drain_patience = {10 * 1000 * 1000};

void engine_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, struct tide_duration at_most)
{
    /* The only use of the monotonic clock outside base/clock.c: the thread library wants a date. */
    struct tide_monotonic now = tide_clock_monotonic(tide_clock_os());
    int64_t until = now.ns + at_most.us * 1000;
    struct timespec date = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    pthread_cond_timedwait(condition, mutex, &date);
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void engine_fail(struct tide_engine *engine, const struct tide_error *error)
{
    bool first = false;
    pthread_mutex_lock(&engine->failure_mutex);
    if (!atomic_load(&engine->failed)) {
        engine->failure = *error;
        atomic_store(&engine->failed, true);
        first = true;
    }
    pthread_mutex_unlock(&engine->failure_mutex);
    if (first) {
        engine->options.failed(engine->options.context, error);
    }
}

void engine_failure(struct tide_engine *engine, struct tide_error *error)
{
    pthread_mutex_lock(&engine->failure_mutex);
    *error = engine->failure;
    pthread_mutex_unlock(&engine->failure_mutex);
}

static void wake(struct engine_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    worker->awake = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->mutex);
}

void tide_engine_notify(struct tide_engine *engine)
{
    for (uint32_t i = 0; i < engine->options.worker_count; i++) {
        wake(&engine->workers[i]);
    }
}

/* ---- the worker thread */

static void visit_slots(struct engine_worker *worker, struct engine_visit *message)
{
    struct tide_engine *engine = worker->engine;
    for (uint32_t p = worker->index; p < engine->partition_count;
         p += engine->options.worker_count) {
        message->visit(message->context, engine->slots[p].feed.partition);
        atomic_store(&engine->slots[p].rows_bytes,
                     tide_partition_rows_bytes(engine->slots[p].feed.partition));
    }
    pthread_mutex_lock(&engine->done_mutex);
    message->waiting--;
    pthread_cond_broadcast(&engine->done);
    pthread_mutex_unlock(&engine->done_mutex);
}

static size_t rows_share(const struct tide_engine *engine)
{
    /* Half: while one epoch is written, the next one fills. */
    return engine->options.rows_bytes_max / engine->partition_count / 2;
}

static void publish_glimpses(struct tide_engine *engine, struct engine_slot *slot, bool at_end)
{
    struct tide_clock clock = engine->options.clock;
    struct tide_partition *partition = slot->feed.partition;
    bool idle = at_end && slot->caught_up_once &&
                tide_monotonic_since(tide_clock_monotonic(clock), slot->last_progress).us >=
                    engine->options.idle_after.us;
    struct tide_instant closing = tide_watermark_closing(tide_partition_watermark(partition),
                                                         idle,
                                                         tide_clock_now(clock),
                                                         engine->options.idle_after);
    atomic_store(&slot->closing_us, slot->caught_up_once ? closing.us : INT64_MIN);
    atomic_store(&slot->next_offset, tide_partition_next_offset(partition));
    atomic_store(&slot->rows_bytes, tide_partition_rows_bytes(partition));
    atomic_store(&slot->state_bytes, tide_partition_state_bytes(partition));
}

/* One turn over one partition; true if it moved. */
static bool step_slot(struct tide_engine *engine, struct engine_slot *slot)
{
    struct tide_error error = {0};
    uint32_t row_count = 0;
    if (tide_partition_rows_bytes(slot->feed.partition) >= rows_share(engine)) {
        engine_want_checkpoint(engine);
        return false;
    }
    enum tide_status status = tide_feed_step(&slot->feed, ROWS_PER_TURN, &row_count, &error);
    if (status != TIDE_OK && status != TIDE_AGAIN) {
        engine_fail(engine, &error);
        return false;
    }
    if (row_count > 0) {
        slot->last_progress = tide_clock_monotonic(engine->options.clock);
    }
    struct tide_log log = engine->options.log;
    bool at_end = status == TIDE_AGAIN &&
                  tide_partition_next_offset(slot->feed.partition) >=
                      log.operations->end(log.self, tide_partition_index(slot->feed.partition));
    if (at_end) {
        slot->caught_up_once = true;
        atomic_store(&slot->has_caught_up, true);
        slot->feed.delays = &engine->meters.delays; /* what is replayed came long ago */
    }
    publish_glimpses(engine, slot, at_end);
    return row_count > 0;
}

static void *worker_main(void *context)
{
    struct engine_worker *worker = context;
    struct tide_engine *engine = worker->engine;
    while (!atomic_load(&engine->stopping)) {
        void *message;
        bool moved = false;
        while (tide_ring_try_pop(&worker->mailbox, &message)) {
            visit_slots(worker, message);
        }
        for (uint32_t p = worker->index;
             p < engine->partition_count && !atomic_load(&engine->failed);
             p += engine->options.worker_count) {
            moved |= step_slot(engine, &engine->slots[p]);
        }
        if (!moved) {
            pthread_mutex_lock(&worker->mutex);
            if (!worker->awake) {
                engine_wait(&worker->wake, &worker->mutex, idle_wait);
            }
            worker->awake = false;
            pthread_mutex_unlock(&worker->mutex);
        }
    }
    return NULL;
}

/* ---- start and stop */

static enum tide_status create_slot(struct tide_engine *engine,
                                    uint32_t index,
                                    struct tide_error *error)
{
    const struct tide_engine_options *o = &engine->options;
    struct engine_slot *slot = &engine->slots[index];
    struct engine_worker *worker = &engine->workers[index % o->worker_count];
    struct tide_recovered recovered = tide_checkpointer_recovered(o->checkpointer, index);
    struct tide_partition_options options = {.definitions = o->definitions,
                                             .index = index,
                                             .arrival = o->arrival,
                                             .limits = o->limits,
                                             .rows_from = recovered.next_offset,
                                             .first_epoch = recovered.next_epoch,
                                             .expected = recovered.ledger,
                                             .closing = recovered.closing};
    memcpy(options.layouts, o->layouts, sizeof(options.layouts));
    if (o->log.operations->end(o->log.self, index) < recovered.next_offset) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the log of partition %" PRIu32 " ends at %" PRIu64
                              " but its manifest covers %" PRIu64 " records: the log is older than "
                              "the lake",
                              index,
                              o->log.operations->end(o->log.self, index),
                              recovered.next_offset);
    }
    atomic_store(&slot->closing_us, INT64_MIN);
    slot->last_progress = tide_clock_monotonic(o->clock);
    enum tide_status status = tide_partition_create(&options, &slot->feed.partition, error);
    if (status != TIDE_OK) {
        return status;
    }
    slot->feed.log = o->log;
    slot->feed.clock = o->clock;
    slot->feed.handover = o->handover;
    slot->feed.counts = &engine->meters.rows;
    slot->feed.decoder = worker->decoder;
    slot->feed.batch = worker->batch;
    return tide_feed_open(&slot->feed, error);
}

static enum tide_status create_worker(struct tide_engine *engine,
                                      uint32_t index,
                                      struct tide_error *error)
{
    struct engine_worker *worker = &engine->workers[index];
    const struct tide_schema *schema = engine->options.definitions->schema;
    worker->engine = engine;
    worker->index = index;
    pthread_mutex_init(&worker->mutex, NULL);
    init_condition(&worker->wake);
    enum tide_status status = tide_ring_init(&worker->mailbox, MAILBOX_SLOTS, error);
    if (status == TIDE_OK) {
        status = tide_decoder_create(schema, engine->options.seed, &worker->decoder, error);
    }
    if (status == TIDE_OK) {
        status = tide_batch_create(schema, TIDE_BATCH_ROWS_DEFAULT, &worker->batch, error);
    }
    return status;
}

static enum tide_status start_threads(struct tide_engine *engine, struct tide_error *error)
{
    for (uint32_t i = 0; i < engine->options.worker_count; i++) {
        struct engine_worker *worker = &engine->workers[i];
        char name[32];
        (void)snprintf(name, sizeof(name), "worker-%u", i);
        if (!tide_thread_start(&worker->thread, name, worker_main, worker)) {
            return tide_error_set(error, TIDE_RETRY, "cannot start a worker thread");
        }
        worker->started = true;
    }
    if (!tide_thread_start(
            &engine->checkpoint_thread, "checkpoint", engine_checkpoint_main, engine)) {
        return tide_error_set(error, TIDE_RETRY, "cannot start the checkpoint thread");
    }
    engine->checkpoint_started = true;
    return TIDE_OK;
}

static void destroy(struct tide_engine *engine)
{
    for (uint32_t p = 0; engine->slots != NULL && p < engine->partition_count; p++) {
        tide_feed_close(&engine->slots[p].feed);
        tide_partition_destroy(engine->slots[p].feed.partition);
    }
    for (uint32_t i = 0; engine->workers != NULL && i < engine->options.worker_count; i++) {
        struct engine_worker *worker = &engine->workers[i];
        if (worker->engine != NULL) {
            tide_decoder_destroy(worker->decoder);
            tide_batch_destroy(worker->batch);
            tide_ring_release(&worker->mailbox);
            pthread_cond_destroy(&worker->wake);
            pthread_mutex_destroy(&worker->mutex);
        }
    }
    for (uint32_t i = 0; engine->epochs != NULL && i < engine->epoch_count; i++) {
        tide_epoch_release(&engine->epochs[i]);
    }
    pthread_cond_destroy(&engine->done);
    pthread_cond_destroy(&engine->checkpoint_wake);
    pthread_cond_destroy(&engine->barrier_done);
    pthread_mutex_destroy(&engine->visits);
    pthread_mutex_destroy(&engine->done_mutex);
    pthread_mutex_destroy(&engine->checkpoint_mutex);
    pthread_mutex_destroy(&engine->failure_mutex);
    free(engine->epochs);
    free(engine->slots);
    free(engine->workers);
    free(engine);
}

static void join(struct tide_engine *engine)
{
    if (engine->checkpoint_started) {
        pthread_mutex_lock(&engine->checkpoint_mutex);
        engine->checkpoint_stop = true;
        pthread_cond_signal(&engine->checkpoint_wake);
        pthread_mutex_unlock(&engine->checkpoint_mutex);
        pthread_join(engine->checkpoint_thread, NULL);
        engine->checkpoint_started = false;
    }
    atomic_store(&engine->stopping, true);
    for (uint32_t i = 0; i < engine->options.worker_count; i++) {
        if (engine->workers[i].started) {
            wake(&engine->workers[i]);
            pthread_join(engine->workers[i].thread, NULL);
            engine->workers[i].started = false;
        }
    }
}

enum tide_status tide_engine_start(const struct tide_engine_options *options,
                                   struct tide_engine **out,
                                   struct tide_error *error)
{
    tide_assert(options->worker_count > 0 && options->checkpointer != NULL);
    struct tide_engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the engine");
    }
    engine->options = *options;
    engine->partition_count = options->log.partition_count;
    engine->last_commit = TIDE_INSTANT_UNKNOWN;
    pthread_mutex_init(&engine->visits, NULL);
    pthread_mutex_init(&engine->done_mutex, NULL);
    pthread_mutex_init(&engine->checkpoint_mutex, NULL);
    pthread_mutex_init(&engine->failure_mutex, NULL);
    init_condition(&engine->done);
    init_condition(&engine->checkpoint_wake);
    init_condition(&engine->barrier_done);
    engine->slots = calloc(engine->partition_count, sizeof(*engine->slots));
    engine->workers =
        aligned_alloc(TIDE_RING_LINE, options->worker_count * sizeof(*engine->workers));
    engine->epochs = calloc(engine->partition_count, sizeof(*engine->epochs));
    enum tide_status status = TIDE_OK;
    if (engine->slots == NULL || engine->workers == NULL || engine->epochs == NULL) {
        status = tide_error_set(
            error, TIDE_RETRY, "no memory for %" PRIu32 " partitions", engine->partition_count);
    } else {
        memset(engine->workers, 0, options->worker_count * sizeof(*engine->workers));
    }
    for (uint32_t i = 0; status == TIDE_OK && i < options->worker_count; i++) {
        status = create_worker(engine, i, error);
    }
    for (uint32_t p = 0; status == TIDE_OK && p < engine->partition_count; p++) {
        status = create_slot(engine, p, error);
    }
    if (status == TIDE_OK) {
        status = start_threads(engine, error);
    }
    if (status != TIDE_OK) {
        if (engine->workers != NULL) {
            join(engine);
        }
        destroy(engine);
        return status;
    }
    *out = engine;
    return TIDE_OK;
}

/* ---- visits */

bool tide_engine_visit(struct tide_engine *engine,
                       void (*visit)(void *context, struct tide_partition *partition),
                       void *context)
{
    struct engine_visit message = {visit, context, engine->options.worker_count};
    pthread_mutex_lock(&engine->visits);
    if (atomic_load(&engine->failed) || atomic_load(&engine->stopping)) {
        pthread_mutex_unlock(&engine->visits);
        return false;
    }
    for (uint32_t i = 0; i < engine->options.worker_count; i++) {
        bool pushed = tide_ring_try_push(&engine->workers[i].mailbox, &message);
        tide_assert(pushed); /* one visit at a time, and each waits for its end */
        wake(&engine->workers[i]);
    }
    pthread_mutex_lock(&engine->done_mutex);
    while (message.waiting > 0) {
        pthread_cond_wait(&engine->done, &engine->done_mutex);
    }
    pthread_mutex_unlock(&engine->done_mutex);
    pthread_mutex_unlock(&engine->visits);
    return !atomic_load(&engine->failed);
}

struct drain {
    struct tide_engine *engine;
    _Atomic bool more;
    _Atomic bool moved;
};

static void drain_slot(void *context, struct tide_partition *partition)
{
    struct drain *drain = context;
    struct tide_engine *engine = drain->engine;
    struct engine_slot *slot = &engine->slots[tide_partition_index(partition)];
    while (!atomic_load(&engine->failed) && step_slot(engine, slot)) {
        atomic_store(&drain->moved, true);
    }
    uint64_t end = engine->options.log.operations->end(engine->options.log.self,
                                                       tide_partition_index(partition));
    if (tide_partition_next_offset(partition) < end) {
        atomic_store(&drain->more, true);
    }
}

/* The log says that there is more and gives nothing: it fetches from elsewhere, or that is away. A
 * pause, until that was long enough. */
static bool wait_for_more(struct tide_engine *engine, struct tide_monotonic *since, bool has_moved)
{
    struct tide_clock clock = engine->options.clock;
    if (has_moved) {
        *since = tide_clock_monotonic(clock);
        return true;
    }
    tide_clock_sleep(clock, drain_pause);
    return tide_monotonic_since(tide_clock_monotonic(clock), *since).us < drain_patience.us;
}

enum tide_status tide_engine_stop(struct tide_engine *engine, struct tide_error *error)
{
    struct drain drain = {.engine = engine};
    struct tide_monotonic since = tide_clock_monotonic(engine->options.clock);
    enum tide_status status = TIDE_OK;
    do {
        atomic_store(&drain.more, false);
        atomic_store(&drain.moved, false);
        if (!tide_engine_visit(engine, drain_slot, &drain)) {
            status = TIDE_FATAL;
        } else {
            status = tide_engine_barrier(engine, NULL, NULL, error);
        }
        if (status == TIDE_OK && atomic_load(&drain.more) &&
            !wait_for_more(engine, &since, atomic_load(&drain.moved))) {
            status = tide_error_set(error, TIDE_RETRY, "the log does not give what it has");
        }
    } while (status == TIDE_OK && atomic_load(&drain.more));
    if (status == TIDE_FATAL && error != NULL) {
        engine_failure(engine, error);
    }
    join(engine);
    destroy(engine);
    return status;
}

/* ---- glimpses */

struct tide_engine_facts tide_engine_facts(struct tide_engine *engine)
{
    struct tide_engine_facts facts = {.caught_up = true};
    for (uint32_t p = 0; p < engine->partition_count; p++) {
        struct engine_slot *slot = &engine->slots[p];
        uint64_t end = engine->options.log.operations->end(engine->options.log.self, p);
        uint64_t next = atomic_load(&slot->next_offset);
        facts.records_read += next;
        facts.records_behind += end > next ? end - next : 0;
        facts.caught_up &= atomic_load(&slot->has_caught_up);
        facts.rows_bytes += atomic_load(&slot->rows_bytes);
        facts.state_bytes += atomic_load(&slot->state_bytes);
    }
    pthread_mutex_lock(&engine->checkpoint_mutex);
    facts.epochs = engine->rounds;
    facts.last_round = engine->last_round;
    facts.last_commit = engine->last_commit;
    pthread_mutex_unlock(&engine->checkpoint_mutex);
    facts.checkpoint_failures = atomic_load(&engine->checkpoint_failures);
    return facts;
}

const struct tide_engine_meters *tide_engine_meters(const struct tide_engine *engine)
{
    return &engine->meters;
}

const struct tide_lake_meter *tide_engine_lake_meter(const struct tide_engine *engine)
{
    return tide_checkpointer_meter(engine->options.checkpointer);
}

struct tide_instant tide_engine_closing(struct tide_engine *engine)
{
    struct tide_instant least = {INT64_MAX};
    for (uint32_t p = 0; p < engine->partition_count; p++) {
        int64_t closing = atomic_load(&engine->slots[p].closing_us);
        least.us = closing < least.us ? closing : least.us;
    }
    return least;
}
