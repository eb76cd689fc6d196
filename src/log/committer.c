/* The log-commit thread. The log itself queues what is appended; all that is kept here is the word
 * that there is something, so the thread sleeps when there is not.
 *
 *     append (any thread):  log append, then is_due = true and wake
 *     commit thread:        wait for is_due or stop; clear it; delay; sync; tell readers
 *
 * is_due is set after the append and cleared before the sync, so no append is left behind: at worst
 * one wake-up finds nothing to do. */
#include "log/committer.h"

#include "base/assert.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdlib.h>

struct tide_committer {
    struct tide_committer_options options; /* constant */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the two below */
    pthread_cond_t wake;
    bool is_due;
    bool is_stopping;
};

/* Blocks until there may be something to sync. false: stop, after one last sync. */
static bool wait_for_work(struct tide_committer *committer)
{
    pthread_mutex_lock(&committer->mutex);
    while (!committer->is_due && !committer->is_stopping) {
        pthread_cond_wait(&committer->wake, &committer->mutex);
    }
    committer->is_due = false;
    bool is_stopping = committer->is_stopping;
    pthread_mutex_unlock(&committer->mutex);
    return !is_stopping;
}

static struct tide_monotonic now(const struct tide_committer *committer)
{
    return committer->options.meter == NULL ? (struct tide_monotonic){0}
                                            : tide_clock_monotonic(committer->options.clock);
}

/* Returns false when the log has failed. */
static bool sync_once(struct tide_committer *committer)
{
    const struct tide_committer_options *options = &committer->options;
    struct tide_log log = options->log;
    if (log.operations->pending_bytes(log.self) == 0) {
        return true;
    }
    struct tide_error error = {0};
    const struct tide_monotonic start = now(committer);
    enum tide_status status = log.operations->sync(log.self, &error);
    if (options->meter != NULL && status == TIDE_OK) {
        tide_histogram_add(&options->meter->syncs, tide_monotonic_since(now(committer), start), 1);
    }
    switch (status) {
    case TIDE_OK:
        options->synced(options->context, TIDE_OK, &error);
        return true;
    case TIDE_AGAIN:
    case TIDE_RETRY:
        return true; /* the dones were told; the next append tries again */
    case TIDE_REJECT:
    case TIDE_FATAL:
        break;
    }
    options->synced(options->context, TIDE_FATAL, &error);
    return false;
}

/* The commit thread's body. */
static void *run(void *argument)
{
    struct tide_committer *committer = argument;
    const struct tide_committer_options *options = &committer->options;
    bool is_running = true;
    bool is_healthy = true;
    while (is_running) {
        is_running = wait_for_work(committer);
        if (is_running && is_healthy && options->commit_delay.us > 0) {
            tide_clock_sleep(options->clock, options->commit_delay);
        }
        is_healthy = is_healthy && sync_once(committer);
    }
    return NULL;
}

enum tide_status tide_committer_start(const struct tide_committer_options *options,
                                      struct tide_committer **committer,
                                      struct tide_error *error)
{
    tide_assert(options->log.operations != NULL && options->synced != NULL);
    tide_assert((options->commit_delay.us == 0 && options->meter == NULL) ||
                options->clock.operations != NULL);
    *committer = NULL;
    struct tide_committer *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the commit thread");
    }
    made->options = *options;
    bool has_mutex = pthread_mutex_init(&made->mutex, NULL) == 0;
    bool has_wake = has_mutex && pthread_cond_init(&made->wake, NULL) == 0;
    if (has_wake && tide_thread_start(&made->thread, "log-commit", run, made)) {
        *committer = made;
        return TIDE_OK;
    }
    if (has_wake) {
        pthread_cond_destroy(&made->wake);
    }
    if (has_mutex) {
        pthread_mutex_destroy(&made->mutex);
    }
    free(made);
    return tide_error_set(error, TIDE_RETRY, "cannot start the commit thread");
}

/* Stands in place of the append's own done, and calls it. */
static void metered_done(void *context, enum tide_status status, const struct tide_error *error)
{
    struct tide_log_append *append = context;
    const struct tide_committer *committer = append->metered.committer;
    const struct tide_produced produced = {
        .status = status,
        .records = append->metered.record_count,
        .bytes = append->metered.byte_count,
        .elapsed = tide_monotonic_since(now(committer), append->metered.since)};
    tide_produce_meter_add(committer->options.meter, committer->options.meter_topic, produced);
    append->done = append->metered.done;
    append->context = append->metered.context;
    append->done(append->context, status, error); /* the append may be gone now */
}

static void begin_metering(struct tide_committer *committer, struct tide_log_append *append)
{
    append->metered.committer = committer;
    append->metered.done = append->done;
    append->metered.context = append->context;
    append->metered.since = now(committer);
    append->metered.record_count = 0;
    append->metered.byte_count = 0;
    for (uint32_t i = 0; i < append->batch_count; i++) {
        const struct tide_log_batch *batch = &append->batches[i];
        append->metered.record_count += batch->record_count;
        for (uint32_t r = 0; r < batch->record_count; r++) {
            append->metered.byte_count += batch->records[r].text.size;
        }
    }
    append->done = metered_done;
    append->context = append;
}

enum tide_status tide_committer_append(struct tide_committer *committer,
                                       struct tide_log_append *append,
                                       struct tide_error *error)
{
    struct tide_log log = committer->options.log;
    const bool is_metered = committer->options.meter != NULL;
    if (is_metered) {
        begin_metering(committer, append);
    }
    enum tide_status status = log.operations->append(log.self, append, error);
    if (status != TIDE_OK && is_metered) { /* not taken: the caller may append it again */
        append->done = append->metered.done;
        append->context = append->metered.context;
    }
    if (status == TIDE_OK) {
        pthread_mutex_lock(&committer->mutex);
        tide_assert(!committer->is_stopping);
        committer->is_due = true;
        pthread_cond_signal(&committer->wake);
        pthread_mutex_unlock(&committer->mutex);
    }
    return status;
}

void tide_committer_stop(struct tide_committer *committer)
{
    if (committer == NULL) {
        return;
    }
    pthread_mutex_lock(&committer->mutex);
    committer->is_stopping = true;
    pthread_cond_signal(&committer->wake);
    pthread_mutex_unlock(&committer->mutex);
    int joined = pthread_join(committer->thread, NULL);
    tide_assert(joined == 0);
    pthread_cond_destroy(&committer->wake);
    pthread_mutex_destroy(&committer->mutex);
    free(committer);
}
