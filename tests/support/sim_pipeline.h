/* The whole service on a simulated disk and clock, on one thread, driven by one seed.
 *
 * What runs is the product: collector, segment log, partitions fed as workers feed them,
 * checkpointer, local store, Delta. Simulated are the disk (base/io_sim.h), the clock, the Parquet
 * writer (sim_lake.h), and the threads: a random scheduler draws what happens next. Power cuts,
 * kills, failed syncs and full disks strike at random operations, in recovery too. After each
 * recovery and at the end the log, the lake and the partitions are compared with what senders were
 * told and with a plain model of the log's contents.
 *
 * A violation of safety or liveness ends the run: `wrong` says what. */
#ifndef TIDE_SUPPORT_SIM_PIPELINE_H
#define TIDE_SUPPORT_SIM_PIPELINE_H

#include "metric/definition.h"

enum {
    SIM_WRONG_SIZE = 1024
};

/* What a run saw, so that a test can demand that runs saw enough. */
struct sim_report {
    uint64_t trace; /* hash of everything that happened */
    uint64_t records;
    uint64_t acknowledged;
    uint64_t refused; /* submissions that were answered 503 */
    uint64_t power_cuts;
    uint64_t kills;
    uint64_t failed_syncs;
    uint64_t crashes_in_recovery;
    uint64_t retried_commits;
    uint64_t compactions;  /* steps that exchanged files */
    uint64_t epochs;       /* rounds */
    uint64_t quiet_epochs; /* of a partition, without a record: journeys timed out */
    uint64_t journeys;     /* rows of the table, at the end */
    uint64_t revised;      /* of them: of a journey that was told before */
    uint64_t withdrawn;
    uint64_t segments;
    uint64_t late;
    uint64_t duplicates;
    uint64_t rejected;
    uint64_t handed;            /* events whose columns the collector handed over */
    uint64_t dropped;           /* for which there was no room */
    char wrong[SIM_WRONG_SIZE]; /* empty: all is well */
};

/* Runs one seed to its end. */
void sim_pipeline_run(uint64_t seed,
                      const struct tide_definitions *definitions,
                      struct sim_report *report);

#endif
