/* Inner header of the simulated pipeline: its state, shared by sim_pipeline.c (who draws what
 * happens), sim_life.c (opening, closing, crashing), sim_sender.c (clients) and sim_check.c. */
#ifndef TIDE_SUPPORT_SIM_WORLD_H
#define TIDE_SUPPORT_SIM_WORLD_H

#include "base/io_sim.h"
#include "collect/collector.h"
#include "lake/compaction.h"
#include "log/segment.h"
#include "process/checkpoint.h"
#include "process/worker.h"
#include "support/sim_events.h"
#include "support/sim_lake.h"
#include "support/sim_model.h"
#include "support/sim_pipeline.h"

enum {
    SIM_SUBMISSIONS_MAX = 32,
    SIM_APPEND_BATCHES_MAX = 16,
    SIM_BODY_EVENTS_MAX = 12,
    SIM_ACKS_MAX = 16384,
    SIM_BODIES_MAX = 2048,
    SIM_KEY_SIZE = 24,
};

/* A body that a sender sends, maybe more than once. */
struct sim_body {
    enum tide_collect_form form;
    struct tide_bytes text;
    char key[SIM_KEY_SIZE]; /* idempotency; empty: none */
    uint32_t event_count;
    bool is_broken;
};

struct sim_submission {
    struct sim_world *world;
    bool is_open;      /* sent and not answered */
    bool was_appended; /* the collector gave it to the log */
    bool is_durable;   /* the log said so */
    struct sim_body body;
    struct tide_log_append inner; /* what the log sees; outer is the collector's */
    struct tide_log_append *outer;
    struct tide_log_receipt receipts[SIM_APPEND_BATCHES_MAX];
    uint32_t events[SIM_APPEND_BATCHES_MAX][SIM_BODY_EVENTS_MAX];
};

struct sim_ack {
    uint32_t partition;
    uint32_t event;
    uint64_t offset;
};

/* What one process holds; all zero: nothing is open. */
struct sim_life {
    struct tide_store store;
    struct tide_identity identity;
    struct tide_checkpointer *checkpointer;
    struct tide_log log;
    struct tide_handover *handover; /* small, so that it is often full */
    struct tide_collector *collector;
    struct tide_decoder *decoder;
    struct tide_batch *batch;
    struct tide_feed feeds[SIM_PARTITIONS_MAX];
    struct tide_epoch epochs[SIM_PARTITIONS_MAX]; /* of the round under way */
    uint32_t epoch_count;
    bool is_running;
};

struct sim_world {
    struct sim_report *report;
    uint64_t dice;
    const struct tide_definitions *definitions;
    struct tide_arena arena;
    const struct tide_layout *layouts[TIDE_TABLE_COUNT];
    struct tide_io_sim *sim;
    struct tide_io io;
    struct tide_clock_simulated clock;
    struct tide_table_writer writer;
    uint32_t partition_count;
    uint64_t segment_bytes;
    uint32_t journeys_max; /* that time out in one epoch */
    bool keeps_raw;
    struct sim_life life;

    struct sim_events events;
    struct sim_submission submissions[SIM_SUBMISSIONS_MAX];
    struct sim_submission *submitting; /* whose append the next one is */
    struct sim_body again;             /* sent before and not answered well: a sender will retry */
    uint32_t key_count;
    struct sim_ack acks[SIM_ACKS_MAX];
    uint32_t ack_count;
    uint64_t durable_bodies[SIM_BODIES_MAX]; /* hashes of their texts */
    uint32_t durable_count;

    enum tide_io_sim_fault armed;
    bool is_full; /* the disk has a capacity now */

    struct sim_model model;
    struct sim_lake lake;
};

/* Only the first violation counts. */
__attribute__((format(printf, 2, 3))) void sim_wrong(struct sim_world *world,
                                                     const char *format,
                                                     ...);
bool sim_is_wrong(const struct sim_world *world);
/* Mixes something that happened into the trace. */
void sim_trace(struct sim_world *world, uint64_t what, uint64_t value);
bool sim_chance(struct sim_world *world, uint64_t of_100);
struct tide_clock sim_clock(struct sim_world *world);

/* sim_life.c: as `tidemark run` opens, in its order. OK, or what stopped it; then nothing is
 * open. */
enum tide_status sim_life_open(struct sim_world *world, struct tide_error *error);
/* Drops what the process held. The log tells those who wait. */
void sim_life_close(struct sim_world *world);

/* sim_sender.c: a sender's move. */
void sim_send(struct sim_world *world);
void sim_senders_forget(struct sim_world *world); /* the process they spoke to is gone */
void sim_senders_release(struct sim_world *world);
/* The collector's append. */
enum tide_status sim_append(void *context,
                            struct tide_log_append *append,
                            struct tide_error *error);

/* sim_check.c: everything that must hold right after recovery, or whenever no round is under way.
 * is_drained: partitions have read all, and all of it is in the lake. */
void sim_check(struct sim_world *world, bool is_drained);

#endif
