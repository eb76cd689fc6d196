/* One mutex, one condition, a circle of waiting questions. Questions are rare beside events, and
 * each costs far more than the lock. */
#include "serve/asker.h"

#include "base/assert.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/banned.h"

struct question {
    void (*answer)(void *context, struct tide_http_exchange *exchange);
    void *context;
    struct tide_http_exchange *exchange;
};

struct tide_asker {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct question *waiting; /* under mutex, like what follows; a circle of queue_max */
    uint32_t queue_max;
    uint32_t first;
    uint32_t count;
    bool is_drained;
    pthread_t threads[TIDE_ASKER_THREADS_MAX]; /* the creator's */
    uint32_t thread_count;
};

/* false: drained, and nothing waits. */
static bool take(struct tide_asker *asker, struct question *question)
{
    pthread_mutex_lock(&asker->mutex);
    while (asker->count == 0 && !asker->is_drained) {
        pthread_cond_wait(&asker->wake, &asker->mutex);
    }
    const bool has_taken = asker->count > 0;
    if (has_taken) {
        *question = asker->waiting[asker->first];
        asker->first = (asker->first + 1) % asker->queue_max;
        asker->count--;
    }
    pthread_mutex_unlock(&asker->mutex);
    return has_taken;
}

static void *answer_questions(void *context)
{
    struct question question;
    while (take(context, &question)) {
        question.answer(question.context, question.exchange);
    }
    return NULL;
}

enum tide_status tide_asker_create(const struct tide_asker_options *options,
                                   struct tide_asker **asker,
                                   struct tide_error *error)
{
    tide_assert(options->thread_count > 0 && options->thread_count <= TIDE_ASKER_THREADS_MAX);
    tide_assert(options->queue_max > 0);
    struct tide_asker *made = calloc(1, sizeof(*made));
    struct question *waiting = calloc(options->queue_max, sizeof(*waiting));
    if (made == NULL || waiting == NULL) {
        free(made);
        free(waiting);
        return tide_error_set(error, TIDE_RETRY, "no memory for a queue of questions");
    }
    made->waiting = waiting;
    made->queue_max = options->queue_max;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->wake, NULL);
    while (made->thread_count < options->thread_count) {
        pthread_t *thread = &made->threads[made->thread_count];
        if (!tide_thread_start(thread, "api", answer_questions, made)) {
            tide_asker_destroy(made);
            return tide_error_set(error, TIDE_RETRY, "cannot start a thread for questions");
        }
        made->thread_count++;
    }
    *asker = made;
    return TIDE_OK;
}

void tide_asker_destroy(struct tide_asker *asker)
{
    if (asker == NULL) {
        return;
    }
    tide_asker_drain(asker);
    tide_assert(asker->count == 0);
    pthread_cond_destroy(&asker->wake);
    pthread_mutex_destroy(&asker->mutex);
    free(asker->waiting);
    free(asker);
}

enum tide_status tide_asker_submit(struct tide_asker *asker,
                                   void (*answer)(void *context,
                                                  struct tide_http_exchange *exchange),
                                   void *context,
                                   struct tide_http_exchange *exchange)
{
    enum tide_status status = TIDE_OK;
    pthread_mutex_lock(&asker->mutex);
    if (asker->is_drained) {
        status = TIDE_REJECT;
    } else if (asker->count == asker->queue_max) {
        status = TIDE_AGAIN;
    } else {
        const uint32_t place = (asker->first + asker->count) % asker->queue_max;
        asker->waiting[place] = (struct question){answer, context, exchange};
        asker->count++;
        pthread_cond_signal(&asker->wake);
    }
    pthread_mutex_unlock(&asker->mutex);
    return status;
}

uint32_t tide_asker_waiting(struct tide_asker *asker)
{
    pthread_mutex_lock(&asker->mutex);
    const uint32_t count = asker->count;
    pthread_mutex_unlock(&asker->mutex);
    return count;
}

void tide_asker_drain(struct tide_asker *asker)
{
    pthread_mutex_lock(&asker->mutex);
    asker->is_drained = true;
    pthread_cond_broadcast(&asker->wake);
    pthread_mutex_unlock(&asker->mutex);
    for (uint32_t i = 0; i < asker->thread_count; i++) {
        pthread_join(asker->threads[i], NULL);
    }
    asker->thread_count = 0;
}
