/* The checkpoint thread: every interval, when a partition's rows fill their share, or when somebody
 * asks for a barrier, one round: visit all partitions to close their epochs, then commit them. A
 * round that meets RETRY is tried again with a growing pause; its epochs stay until then. */
#include "base/assert.h"
#include "base/logline.h"
#include "process/engine_internal.h"

#include <string.h>

static const struct tide_duration retry_first = {100 * 1000};
static const struct tide_duration retry_most = {5 * 1000 * 1000};

void engine_want_checkpoint(struct tide_engine *engine)
{
    pthread_mutex_lock(&engine->checkpoint_mutex);
    engine->checkpoint_wanted = true;
    pthread_cond_signal(&engine->checkpoint_wake);
    pthread_mutex_unlock(&engine->checkpoint_mutex);
}

struct round {
    struct tide_engine *engine;
    struct engine_barrier *barriers;
    struct tide_epoch *taken;    /* by partition: each visit writes its own */
    _Atomic uint32_t recovering; /* partitions that are behind the lake: no barrier holds yet */
};

static void close_epoch(void *context, struct tide_partition *partition)
{
    struct round *round = context;
    struct tide_error error = {0};
    if (tide_partition_tell_journeys(partition, &error) != TIDE_OK) {
        engine_fail(round->engine, &error);
        return;
    }
    /* A partition of which nothing is new leaves its entry empty. */
    uint32_t index = tide_partition_index(partition);
    struct tide_log log = round->engine->options.log;
    if (tide_partition_take_epoch(partition, &round->taken[index]) &&
        log.operations->note != NULL) {
        struct tide_bytes *note = &round->taken[index].note;
        log.operations->note(round->engine->slots[index].feed.cursor, note);
        if (note->failed) {
            (void)tide_error_set(&error, TIDE_FATAL, "no memory for the note of an epoch");
            engine_fail(round->engine, &error);
            return;
        }
    }
    if (tide_partition_is_recovering(partition)) {
        atomic_fetch_add(&round->recovering, 1);
    }
    for (struct engine_barrier *b = round->barriers; b != NULL; b = b->next) {
        if (b->visit != NULL) {
            b->visit(b->context, partition);
        }
    }
}

/* Takes the epochs of all partitions, packed; false: the engine failed. *recovering tells whether
 * some partition has not yet replayed what the lake has. */
static bool close_epochs(struct tide_engine *engine,
                         struct engine_barrier *barriers,
                         bool *recovering)
{
    struct round round = {.engine = engine, .barriers = barriers, .taken = engine->epochs};
    tide_assert(engine->epoch_count == 0);
    memset(engine->epochs, 0, engine->partition_count * sizeof(*engine->epochs));
    bool visited = tide_engine_visit(engine, close_epoch, &round);
    for (uint32_t p = 0; p < engine->partition_count; p++) {
        if (engine->epochs[p].next_offset > 0) {
            struct tide_epoch epoch = engine->epochs[p];
            engine->epochs[p] = (struct tide_epoch){0};
            engine->epochs[engine->epoch_count++] = epoch;
        }
    }
    *recovering = atomic_load(&round.recovering) > 0;
    return visited;
}

static void finish(struct tide_engine *engine,
                   struct engine_barrier **barriers,
                   enum tide_status status,
                   const struct tide_error *error)
{
    pthread_mutex_lock(&engine->checkpoint_mutex);
    while (*barriers != NULL) {
        struct engine_barrier *barrier = *barriers;
        *barriers = barrier->next;
        barrier->status = status;
        barrier->error = *error;
        barrier->finished = true;
    }
    pthread_cond_broadcast(&engine->barrier_done);
    pthread_mutex_unlock(&engine->checkpoint_mutex);
}

/* Once a round, unless it has to be tried again. */
static enum tide_status announce(struct tide_engine *engine, struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    if (engine->options.journeys_coming == NULL || engine->is_announced) {
        return TIDE_OK;
    }
    for (uint32_t i = 0; i < engine->epoch_count && status == TIDE_OK; i++) {
        const struct tide_rows *journeys = engine->epochs[i].rows[TIDE_TABLE_JOURNEYS];
        if (journeys != NULL) {
            status = engine->options.journeys_coming(engine->options.context, journeys, error);
        }
    }
    engine->is_announced = status == TIDE_OK;
    return status;
}

/* Commits the epochs that were taken; on RETRY they stay for the next attempt. */
static enum tide_status commit(struct tide_engine *engine, struct tide_error *error)
{
    struct tide_clock clock = engine->options.clock;
    struct tide_monotonic start = tide_clock_monotonic(clock);
    bool has_rows = engine->epoch_count > 0;
    enum tide_status status = announce(engine, error);
    if (status == TIDE_OK) {
        status = tide_checkpointer_commit(
            engine->options.checkpointer, engine->epochs, engine->epoch_count, error);
    }
    if (status == TIDE_OK) {
        engine->is_announced = false;
        for (uint32_t i = 0; i < engine->epoch_count; i++) {
            const struct tide_rows *journeys = engine->epochs[i].rows[TIDE_TABLE_JOURNEYS];
            if (journeys != NULL && engine->options.journeys != NULL) {
                engine->options.journeys(engine->options.context, journeys);
            }
            tide_epoch_release(&engine->epochs[i]);
        }
        engine->epoch_count = 0;
        if (has_rows && engine->options.committed != NULL) {
            engine->options.committed(engine->options.context);
        }
        pthread_mutex_lock(&engine->checkpoint_mutex);
        engine->rounds += has_rows;
        engine->last_round = tide_monotonic_since(tide_clock_monotonic(clock), start);
        engine->last_commit = tide_clock_now(clock);
        if (has_rows) {
            tide_histogram_add(&engine->meters.rounds, engine->last_round, 1);
        }
        pthread_mutex_unlock(&engine->checkpoint_mutex);
    } else {
        atomic_fetch_add(&engine->checkpoint_failures, 1);
        tide_logline(TIDE_LOGLINE_ERROR, "process", "checkpoint: %s", error->text);
    }
    return status;
}

/* Waits for a reason to start a round; takes the barriers. false: stop. */
static bool wait_for_round(struct tide_engine *engine,
                           struct tide_duration at_most,
                           struct engine_barrier **barriers)
{
    pthread_mutex_lock(&engine->checkpoint_mutex);
    if (!engine->checkpoint_wanted && !engine->checkpoint_stop && engine->barriers == NULL) {
        engine_wait(&engine->checkpoint_wake, &engine->checkpoint_mutex, at_most);
    }
    engine->checkpoint_wanted = false;
    *barriers = engine->barriers;
    engine->barriers = NULL;
    bool go_on = !engine->checkpoint_stop;
    pthread_mutex_unlock(&engine->checkpoint_mutex);
    return go_on;
}

/* A pause that a new barrier and stop cut short; the barrier waits for the attempt that follows. */
static bool pause_for(struct tide_engine *engine, struct tide_duration pause)
{
    pthread_mutex_lock(&engine->checkpoint_mutex);
    if (!engine->checkpoint_stop && engine->barriers == NULL) {
        engine_wait(&engine->checkpoint_wake, &engine->checkpoint_mutex, pause);
    }
    bool go_on = !engine->checkpoint_stop;
    pthread_mutex_unlock(&engine->checkpoint_mutex);
    return go_on;
}

/* Until the epochs that were taken are in the lake. A failed attempt is told to this round's
 * barriers, which were visited, and to later ones, which were not: both may ask again. */
static enum tide_status commit_all(struct tide_engine *engine,
                                   struct engine_barrier **barriers,
                                   struct tide_error *error)
{
    struct tide_duration pause = retry_first;
    enum tide_status status = commit(engine, error);
    while (status == TIDE_RETRY) {
        finish(engine, barriers, TIDE_RETRY, error);
        if (!pause_for(engine, pause)) {
            return TIDE_RETRY;
        }
        pause.us = pause.us * 2 < retry_most.us ? pause.us * 2 : retry_most.us;
        status = commit(engine, error);
        if (status == TIDE_RETRY) {
            pthread_mutex_lock(&engine->checkpoint_mutex);
            *barriers = engine->barriers;
            engine->barriers = NULL;
            pthread_mutex_unlock(&engine->checkpoint_mutex);
        }
    }
    return status;
}

void *engine_checkpoint_main(void *context)
{
    struct tide_engine *engine = context;
    struct engine_barrier *barriers = NULL;
    struct tide_error error = {0};
    while (wait_for_round(engine, engine->options.checkpoint_interval, &barriers)) {
        enum tide_status status = TIDE_FATAL;
        bool recovering = false;
        if (!atomic_load(&engine->failed) && close_epochs(engine, barriers, &recovering)) {
            if (recovering) { /* half a replay is no state to compare with the lake */
                (void)tide_error_set(&error, TIDE_RETRY, "the log is still being replayed");
                finish(engine, &barriers, TIDE_RETRY, &error);
            }
            status = commit_all(engine, &barriers, &error);
            if (status != TIDE_OK && status != TIDE_RETRY) { /* REJECT too: the lake is another's */
                engine_fail(engine, &error);
                status = TIDE_FATAL;
            }
            tide_engine_notify(engine); /* partitions that waited for room */
        }
        if (status == TIDE_FATAL) {
            engine_failure(engine, &error);
        }
        finish(engine, &barriers, status, &error);
    }
    (void)tide_error_set(&error, TIDE_FATAL, "the engine has stopped");
    finish(engine, &barriers, TIDE_FATAL, &error);
    return NULL;
}

enum tide_status tide_engine_barrier(struct tide_engine *engine,
                                     void (*visit)(void *context, struct tide_partition *partition),
                                     void *context,
                                     struct tide_error *error)
{
    struct engine_barrier barrier = {.visit = visit, .context = context, .status = TIDE_FATAL};
    pthread_mutex_lock(&engine->checkpoint_mutex);
    if (engine->checkpoint_stop) {
        pthread_mutex_unlock(&engine->checkpoint_mutex);
        return tide_error_set(error, TIDE_FATAL, "the engine has stopped");
    }
    barrier.next = engine->barriers;
    engine->barriers = &barrier;
    pthread_cond_signal(&engine->checkpoint_wake);
    while (!barrier.finished) {
        pthread_cond_wait(&engine->barrier_done, &engine->checkpoint_mutex);
    }
    pthread_mutex_unlock(&engine->checkpoint_mutex);
    if (barrier.status != TIDE_OK && error != NULL) {
        *error = barrier.error;
    }
    return barrier.status;
}
