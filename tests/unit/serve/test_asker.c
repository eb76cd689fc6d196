/* Goal: each question is answered once, by another thread, also while draining; a full or drained
 * queue takes nothing. Method: answers that wait at a gate, so that the queue's fill is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "serve/asker.h"

enum {
    QUESTIONS = 5000
};

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned inside; /* answers that have begun */
    unsigned done;
    bool is_open;
    pthread_t asking;
};

/* Stands in for an exchange: the asker only carries the pointer. */
struct answered {
    _Atomic unsigned count;
};

static struct tide_http_exchange *exchange_of(struct answered *answered)
{
    return (struct tide_http_exchange *)answered;
}

static void answer_at_gate(void *context, struct tide_http_exchange *exchange)
{
    struct gate *gate = context;
    pthread_mutex_lock(&gate->mutex);
    assert_false(pthread_equal(gate->asking, pthread_self()));
    gate->inside++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    gate->done++;
    pthread_mutex_unlock(&gate->mutex);
    atomic_fetch_add(&((struct answered *)exchange)->count, 1);
}

static void answer_at_once(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    atomic_fetch_add(&((struct answered *)exchange)->count, 1);
}

static struct tide_asker *create(uint32_t thread_count, uint32_t queue_max)
{
    struct tide_asker *asker = NULL;
    const struct tide_asker_options options = {thread_count, queue_max};
    assert_int_equal(tide_asker_create(&options, &asker, NULL), TIDE_OK);
    return asker;
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct gate gate = {
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .asking = pthread_self()};
    struct answered answered[5] = {0};
    struct tide_asker *asker = create(1, 3);
    assert_int_equal(tide_asker_submit(asker, answer_at_gate, &gate, exchange_of(&answered[0])),
                     TIDE_OK);
    pthread_mutex_lock(&gate.mutex);
    while (gate.inside == 0) {
        pthread_cond_wait(&gate.changed, &gate.mutex);
    }
    pthread_mutex_unlock(&gate.mutex);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(tide_asker_submit(asker, answer_at_gate, &gate, exchange_of(&answered[i])),
                         TIDE_OK);
    }
    assert_int_equal(tide_asker_submit(asker, answer_at_gate, &gate, exchange_of(&answered[4])),
                     TIDE_AGAIN);
    assert_int_equal(tide_asker_waiting(asker), 3);
    pthread_mutex_lock(&gate.mutex);
    gate.is_open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
    tide_asker_drain(asker); /* answers what waits */
    assert_int_equal(tide_asker_waiting(asker), 0);
    assert_int_equal(gate.done, 4);
    assert_int_equal(tide_asker_submit(asker, answer_at_gate, &gate, exchange_of(&answered[4])),
                     TIDE_REJECT);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(answered[i].count, i < 4 ? 1 : 0);
    }
    tide_asker_destroy(asker);
}

static void answers_each_once(void **state)
{
    static struct answered answered[QUESTIONS];
    (void)state;
    struct tide_asker *asker = create(4, 7);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        while (tide_asker_submit(asker, answer_at_once, NULL, exchange_of(&answered[i])) ==
               TIDE_AGAIN) {
            continue;
        }
    }
    tide_asker_destroy(asker);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        assert_int_equal(answered[i].count, 1);
    }
}

static void can_be_idle(void **state)
{
    (void)state;
    struct tide_asker *asker = create(TIDE_ASKER_THREADS_MAX, 1);
    tide_asker_drain(asker);
    tide_asker_drain(asker);
    tide_asker_destroy(asker);
    tide_asker_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(answers_each_once),
        cmocka_unit_test(can_be_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
