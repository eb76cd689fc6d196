/* What tests of the process room stand on: the simulator's definitions, a lake on a simulated disk,
 * a checkpointer over it, and a store that can be told to fail or to remember.
 *
 * The disk belongs to one thread: with an engine running, to its checkpoint thread. */
#ifndef TIDE_SUPPORT_PROCESS_STACK_H
#define TIDE_SUPPORT_PROCESS_STACK_H

#include <stdatomic.h>

#include "base/io_sim.h"
#include "log/log.h"
#include "process/checkpoint.h"
#include "support/sim_events.h"
#include "support/sim_lake.h"

enum {
    PROCESS_WRITES_MAX = 512,
};

/* A store in front of the local one. */
struct process_gate {
    struct tide_store inner;
    _Atomic int status;               /* enum tide_status: what writes answer instead; OK: pass */
    _Atomic uint32_t refused;         /* writes that were not passed */
    char *writes[PROCESS_WRITES_MAX]; /* keys that were written, in order; recorded if wanted */
    uint32_t write_count;
    bool is_recording;
};

struct process_stack {
    struct tide_arena arena;
    const struct tide_definitions *definitions;
    const struct tide_layout *layouts[TIDE_TABLE_COUNT];
    struct tide_io_sim *sim;
    struct tide_io io;
    struct tide_clock_simulated clock;
    struct tide_table_writer writer;
    struct process_gate gate;
    struct tide_store store; /* the gate */
    struct tide_identity identity;
    struct tide_checkpointer *checkpointer;
    uint32_t partition_count;
};

void process_stack_init(struct process_stack *stack, uint64_t seed, uint32_t partition_count);
void process_stack_release(struct process_stack *stack);
/* Store, identity, checkpointer; after a failure all is closed. */
enum tide_status process_stack_open(struct process_stack *stack, struct tide_error *error);
void process_stack_close(struct process_stack *stack);
/* As recovery makes it, from what the checkpointer knows. Asserts success. */
struct tide_partition *process_stack_partition(struct process_stack *stack, uint32_t index);

/* A valid event; who and t_ms as given, id "e<number>". */
void process_event(struct tide_bytes *text, uint32_t number, const char *who, int64_t t_ms);
/* Appends one record per line of text as one batch of a partition, and syncs. Asserts success. */
void process_append(struct tide_log log,
                    uint32_t partition,
                    struct tide_instant received,
                    const char *lines);

#define PROCESS_START_MS INT64_C(1772962800000)
#define PROCESS_START ((struct tide_instant){PROCESS_START_MS * 1000})

#endif
