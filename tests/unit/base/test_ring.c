/* Goal: messages come out once, in order, and a full or empty ring says so. Method: one thread
 * against the contract at every capacity; two threads with many messages through a small ring
 * (meant for the thread sanitizer, too); a calloc that fails, for which the source is included. */
#include "base/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

static bool calloc_fails;

static void *failing_calloc(size_t count, size_t size)
{
    return calloc_fails ? NULL : calloc(count, size);
}

#define calloc failing_calloc
#include "base/ring.c" /* NOLINT(bugprone-suspicious-include) */
#undef calloc

enum {
    MESSAGE_COUNT = 20000
};
static int messages[MESSAGE_COUNT];

static void test_capacity_and_order(void **state)
{
    (void)state;
    static const struct {
        size_t asked;
        size_t capacity;
    } rows[] = {{1, 1}, {2, 2}, {3, 4}, {5, 8}, {64, 64}, {1000, 1024}, {65536, 65536}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_ring ring;
        assert_int_equal(tide_ring_init(&ring, rows[i].asked, NULL), TIDE_OK);
        assert_int_equal(ring.capacity, rows[i].capacity);
        void *message = NULL;
        assert_false(tide_ring_try_pop(&ring, &message));
        for (int round = 0; round < 3; round++) { /* the slots are used again */
            for (size_t n = 0; n < rows[i].capacity; n++) {
                assert_true(tide_ring_try_push(&ring, &messages[n % MESSAGE_COUNT]));
                assert_int_equal(tide_ring_count(&ring), n + 1);
            }
            assert_false(tide_ring_try_push(&ring, &messages[0]));
            assert_int_equal(tide_ring_count(&ring), rows[i].capacity);
            for (size_t n = 0; n < rows[i].capacity; n++) {
                assert_true(tide_ring_try_pop(&ring, &message));
                assert_ptr_equal(message, &messages[n % MESSAGE_COUNT]);
            }
            assert_false(tide_ring_try_pop(&ring, &message));
            assert_int_equal(tide_ring_count(&ring), 0);
        }
        tide_ring_release(&ring);
        assert_null(ring.slots);
    }
}

/* The counters only grow, so one day they wrap. */
static void test_counters_wrap(void **state)
{
    (void)state;
    struct tide_ring ring;
    assert_int_equal(tide_ring_init(&ring, 4, NULL), TIDE_OK);
    const size_t start = SIZE_MAX - 1;
    atomic_store(&ring.head, start);
    atomic_store(&ring.tail, start);
    ring.head_seen = start;
    ring.tail_seen = start;
    for (int n = 0; n < 4; n++) {
        assert_true(tide_ring_try_push(&ring, &messages[n]));
    }
    assert_false(tide_ring_try_push(&ring, &messages[4]));
    assert_int_equal(tide_ring_count(&ring), 4);
    for (int n = 0; n < 4; n++) {
        void *message = NULL;
        assert_true(tide_ring_try_pop(&ring, &message));
        assert_ptr_equal(message, &messages[n]);
    }
    tide_ring_release(&ring);
}

static void *produce(void *context)
{
    struct tide_ring *ring = context;
    for (int n = 0; n < MESSAGE_COUNT; n++) {
        messages[n] = n * 3; /* must be seen by whoever pops it */
        while (!tide_ring_try_push(ring, &messages[n])) {
            sched_yield();
        }
    }
    return NULL;
}

static void test_two_threads(void **state)
{
    (void)state;
    struct tide_ring ring;
    assert_int_equal(tide_ring_init(&ring, 16, NULL), TIDE_OK);
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, &ring), 0);
    int wrong_count = 0;
    for (int n = 0; n < MESSAGE_COUNT; n++) {
        void *message = NULL;
        while (!tide_ring_try_pop(&ring, &message)) {
            sched_yield();
        }
        wrong_count += message != &messages[n] || *(int *)message != n * 3;
        wrong_count += tide_ring_count(&ring) > 16;
    }
    assert_int_equal(pthread_join(producer, NULL), 0);
    assert_int_equal(wrong_count, 0);
    tide_ring_release(&ring);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct tide_ring ring;
    struct tide_error error = {0};
    calloc_fails = true;
    assert_int_equal(tide_ring_init(&ring, 100, &error), TIDE_RETRY);
    calloc_fails = false;
    assert_string_equal(error.text, "no memory for a ring of 128 messages");
    tide_ring_release(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity_and_order),
        cmocka_unit_test(test_counters_wrap),
        cmocka_unit_test(test_two_threads),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
