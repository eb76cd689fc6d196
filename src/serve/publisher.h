/* Numbers told to others as they change: each cell that is new or other than it was told last, as
 * the API shows it, under a key that is the same for all its revisions.
 *
 * A thread looks at all metrics every interval, once all partitions have caught up. What was
 * told is remembered as a hash of each cell (cell_memory.h), up to a maximum; when the process
 * starts, or a flush fails, all is told again: at least once, and a store that keeps the last of
 * each key has the present. */
#ifndef TIDE_SERVE_PUBLISHER_H
#define TIDE_SERVE_PUBLISHER_H

#include "serve/api.h"

struct tide_publisher;

struct tide_publisher_options {
    const struct tide_api *api; /* outlives the publisher; asked until its drain */
    struct tide_clock clock;
    struct tide_duration interval;
    uint32_t cells_max; /* remembered; a cell beyond is not told, and counted */
    /* Takes copies; may wait for room. REJECT: it can never be sent. By the publisher's thread. */
    enum tide_status (*send)(void *context,
                             struct tide_view key,
                             struct tide_view value,
                             struct tide_error *error);
    /* Waits until what was sent is safe; also after a send that failed. */
    enum tide_status (*flush)(void *context, struct tide_error *error);
    void *context;
};

/* RETRY: no memory or thread. */
enum tide_status tide_publisher_start(const struct tide_publisher_options *options,
                                      struct tide_publisher **publisher,
                                      struct tide_error *error);
/* Looks a last time, and ends the thread. Before the API drains. NULL is fine. */
void tide_publisher_stop(struct tide_publisher *publisher);

struct tide_publisher_facts {
    uint64_t rounds;
    uint64_t cells;    /* told since the start, revisions too */
    uint64_t failures; /* rounds after which all is told again */
    uint64_t left_out; /* times that a cell was not told: the memory is full, or it is too large */
};
struct tide_publisher_facts tide_publisher_facts(const struct tide_publisher *publisher);

#endif
