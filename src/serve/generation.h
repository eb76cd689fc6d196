/* Which generation of a number is served: what the partitions hold (speed), or what a batch has
 * computed from the lake. The rule, and nothing else; see docs/adr/0012.
 *
 * Places in a partition's log are "one beyond the offset of the last event that ..", 0: there is
 * none. So what a batch has read and what touched a window are compared without knowing epochs. */
#ifndef TIDE_SERVE_GENERATION_H
#define TIDE_SERVE_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

enum tide_generation {
    TIDE_GENERATION_SPEED,
    TIDE_GENERATION_BATCH,
};

/* Of one window in one partition. */
struct tide_generation_facts {
    uint64_t changed; /* .. touched it */
    uint64_t cold;    /* .. touched it after its cells had left the partition's memory */
    uint64_t held;    /* .. the partials that were written when they left have in them */
    bool is_open;     /* a run in it may still go on: what a batch calls abandoned is not, yet */
};

struct tide_generation_choice {
    enum tide_generation generation;
    bool is_stale; /* events are missing in it, until a batch repairs it */
};

/* reads, by partition: .. a batch has read; NULL: no batch has computed the window.
 *   1. batch, if it has read all that touched the window, and nothing in it is open
 *   2. else speed, if no partition misses an event
 *   3. else batch, stale; or, without one, speed, stale */
struct tide_generation_choice tide_generation_choose(const struct tide_generation_facts *facts,
                                                     const uint64_t *reads,
                                                     uint32_t partition_count);

#endif
