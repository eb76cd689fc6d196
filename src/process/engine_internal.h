/* What engine.c and engine_checkpoint.c share; nobody else includes it. */
#ifndef TIDE_PROCESS_ENGINE_INTERNAL_H
#define TIDE_PROCESS_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/ring.h"
#include "process/engine.h"

/* A message in a worker's mailbox: visit all your partitions, then count down. */
struct engine_visit {
    void (*visit)(void *context, struct tide_partition *partition);
    void *context;
    uint32_t waiting; /* workers that have not finished; under engine.visits */
};

struct engine_slot { /* of a partition; fields are the owner's but for the atomics */
    struct tide_feed feed;
    struct tide_monotonic last_progress;
    bool caught_up_once;
    _Atomic bool has_caught_up;   /* the same, for others */
    _Atomic uint64_t next_offset; /* a glimpse for others */
    _Atomic size_t rows_bytes;
    _Atomic size_t state_bytes;
    _Atomic int64_t closing_us;
};

struct engine_worker {
    struct tide_engine *engine;
    uint32_t index;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* only to sleep and wake */
    pthread_cond_t wake;
    bool awake; /* under mutex: something happened since the last look */
    struct tide_ring mailbox;
    struct tide_decoder *decoder;
    struct tide_batch *batch;
};

struct tide_engine {
    struct tide_engine_options options;
    uint32_t partition_count;
    struct engine_slot *slots; /* partition p belongs to worker p % worker_count */
    struct engine_worker *workers;

    pthread_mutex_t visits; /* one visit at a time: the only producer of every mailbox */
    pthread_mutex_t done_mutex;
    pthread_cond_t done;

    pthread_t checkpoint_thread;
    bool checkpoint_started;
    pthread_mutex_t checkpoint_mutex;
    pthread_cond_t checkpoint_wake;
    pthread_cond_t barrier_done;
    bool checkpoint_wanted; /* under checkpoint_mutex, like the next five */
    bool checkpoint_stop;
    struct engine_barrier *barriers; /* waiting for the next round */
    uint64_t rounds;
    struct tide_duration last_round;
    struct tide_instant last_commit;
    _Atomic uint64_t checkpoint_failures;
    struct tide_engine_meters meters;
    struct tide_epoch *epochs; /* of the round under way: the checkpoint thread's */
    uint32_t epoch_count;
    bool is_announced; /* their journeys, to who must not miss any */

    _Atomic bool stopping; /* workers end at their next look */
    _Atomic bool failed;
    pthread_mutex_t failure_mutex;
    struct tide_error failure;
};

struct engine_barrier {
    void (*visit)(void *context, struct tide_partition *partition);
    void *context;
    bool finished;
    enum tide_status status;
    struct tide_error error;
    struct engine_barrier *next;
};

void engine_fail(struct tide_engine *engine, const struct tide_error *error);
/* Why it failed; empty if it did not. Any thread. */
void engine_failure(struct tide_engine *engine, struct tide_error *error);
void engine_want_checkpoint(struct tide_engine *engine);
/* The checkpoint thread's body. */
void *engine_checkpoint_main(void *engine);
/* pthread_cond_timedwait on CLOCK_MONOTONIC for at most this long. */
void engine_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, struct tide_duration at_most);

#endif
