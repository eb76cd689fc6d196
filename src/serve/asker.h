/* A bounded queue of exchanges and a few threads that answer them, so that a question that has to
 * wait for partitions or the lake never holds up a server thread. */
#ifndef TIDE_SERVE_ASKER_H
#define TIDE_SERVE_ASKER_H

#include <stdint.h>

#include "base/status.h"

struct tide_asker;
struct tide_http_exchange;

enum {
    TIDE_ASKER_THREADS_MAX = 16
};

struct tide_asker_options {
    uint32_t thread_count; /* 1..THREADS_MAX */
    uint32_t queue_max;    /* exchanges that wait, at least 1 */
};

/* RETRY: no memory or threads. */
enum tide_status tide_asker_create(const struct tide_asker_options *options,
                                   struct tide_asker **asker,
                                   struct tide_error *error);
/* Drains if need be; NULL is fine. */
void tide_asker_destroy(struct tide_asker *asker);

/* Hands the exchange over: answer is called once by one of the threads, and replies. AGAIN: the
 * queue is full; REJECT: drained; then nothing was taken, the caller still has the exchange. Any
 * thread; never blocks for long. */
enum tide_status tide_asker_submit(struct tide_asker *asker,
                                   void (*answer)(void *context,
                                                  struct tide_http_exchange *exchange),
                                   void *context,
                                   struct tide_http_exchange *exchange);
/* Exchanges that wait for a thread. Any thread. */
uint32_t tide_asker_waiting(struct tide_asker *asker);
/* Takes no more, answers what waits, ends the threads. Blocks. One thread. */
void tide_asker_drain(struct tide_asker *asker);

#endif
