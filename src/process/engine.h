/* The engine: worker threads that own partitions, and one thread that makes epochs true.
 *
 * Nothing mutable is shared. Whoever wants something from a partition visits it: the visit runs on
 * the owner's thread, between two batches, through that worker's mailbox. The checkpoint thread
 * closes epochs by such a visit and writes them to the lake; while the lake is unreachable it tries
 * again, and partitions whose rows fill their share stop reading: the log holds the rest. */
#ifndef TIDE_PROCESS_ENGINE_H
#define TIDE_PROCESS_ENGINE_H

#include "process/checkpoint.h"
#include "process/worker.h"

struct tide_engine;

struct tide_engine_options {
    const struct tide_definitions *definitions;
    struct tide_log log;
    struct tide_clock clock;
    enum tide_arrival arrival;
    struct tide_operator_limits limits;
    uint64_t seed;
    uint32_t worker_count;
    struct tide_handover *handover; /* of the collectors in this process; or NULL */
    struct tide_checkpointer
        *checkpointer; /* used by the checkpoint thread alone from start to stop */
    const struct tide_layout *layouts[TIDE_TABLE_COUNT];
    struct tide_duration checkpoint_interval;
    struct tide_duration idle_after; /* of the closing clock */
    size_t rows_bytes_max;           /* of all partitions together; a share of it closes an epoch */
    /* Called by the checkpoint thread with the journeys of an epoch that is true now; or NULL. What
     * a crash comes before is not told again: the table has it. */
    void (*journeys)(void *context, const struct tide_rows *rows);
    /* Called by the checkpoint thread with the journeys of an epoch that is about to become
     * true, at least once, for who must not miss any; or NULL. RETRY: the round is tried again
     * later. */
    enum tide_status (*journeys_coming)(void *context,
                                        const struct tide_rows *rows,
                                        struct tide_error *error);
    /* Called by the checkpoint thread when a round with epochs is true; or NULL. */
    void (*committed)(void *context);
    /* Called once, by any of the engine's threads, when it cannot go on. */
    void (*failed)(void *context, const struct tide_error *error);
    void *context;
};

/* Creates the partitions from what the checkpointer recovered and starts to replay the log. */
enum tide_status tide_engine_start(const struct tide_engine_options *options,
                                   struct tide_engine **engine,
                                   struct tide_error *error);
/* There is more in the log. Any thread; does not block. */
void tide_engine_notify(struct tide_engine *engine);

/* Runs visit for each partition on its owner's thread and waits until all are done. Visits of
 * different workers run at the same time: what context points to must be separate per partition, or
 * guarded. visit must not block. false: the engine has stopped or failed, some were not visited. */
bool tide_engine_visit(struct tide_engine *engine,
                       void (*visit)(void *context, struct tide_partition *partition),
                       void *context);

/* A barrier: closes an epoch of every partition now, visits each partition at exactly that point,
 * and returns when the epochs are in the lake. visit may be NULL. RETRY: the lake could not be
 * written just now (the round is tried on in the background), or the log is still being replayed.
 * FATAL: the engine failed. */
enum tide_status tide_engine_barrier(struct tide_engine *engine,
                                     void (*visit)(void *context, struct tide_partition *partition),
                                     void *context,
                                     struct tide_error *error);

struct tide_engine_meters {
    struct tide_histogram rounds; /* commits of epochs to the lake that were done */
    /* Of records that came after their partition had caught up: from received to answerable. */
    struct tide_histogram delays;
    struct tide_feed_counts rows;
};
/* Lives as long as the engine. Any thread. */
const struct tide_engine_meters *tide_engine_meters(const struct tide_engine *engine);

/* The checkpointer's. */
const struct tide_lake_meter *tide_engine_lake_meter(const struct tide_engine *engine);

struct tide_engine_facts {
    bool caught_up;          /* every partition has reached the log's end once since start */
    uint64_t records_read;   /* by all partitions, of their logs' beginnings; a glimpse */
    uint64_t records_behind; /* a glimpse */
    uint64_t epochs;         /* rounds committed since start */
    uint64_t checkpoint_failures;
    struct tide_duration last_round; /* how long the last one took */
    /* When all that had been read was last known to be in the lake, also if that was nothing new;
     * unknown: not yet since start. */
    struct tide_instant last_commit;
    size_t state_bytes; /* memory of all partitions' state, a glimpse */
    size_t rows_bytes;
};
struct tide_engine_facts tide_engine_facts(struct tide_engine *engine);
/* The least closing clock of all partitions, or unknown while one has not caught up. */
struct tide_instant tide_engine_closing(struct tide_engine *engine);

/* Processes the log to its end, closes a last epoch, ends the threads, frees. OK: all of it is in
 * the lake; otherwise the log holds what is not. RETRY: the lake, or the log, was away for longer
 * than some seconds. */
enum tide_status tide_engine_stop(struct tide_engine *engine, struct tide_error *error);

#endif
