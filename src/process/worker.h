/* A worker's turn over one partition: frames of the log in, the state machine forward.
 *
 * Without threads and without waiting, so that the engine's threads and the simulator run the same
 * code. */
#ifndef TIDE_PROCESS_WORKER_H
#define TIDE_PROCESS_WORKER_H

#include "base/histogram.h"
#include "decode/decode.h"
#include "log/handover.h"
#include "process/partition.h"

/* How rows were made of records; judged ones are neither. */
struct tide_feed_counts {
    _Atomic uint64_t restored; /* from the collector's image */
    _Atomic uint64_t decoded;
};

/* Reads one partition's log into its state. */
struct tide_feed {
    struct tide_partition *partition;
    struct tide_log log;
    struct tide_log_cursor *cursor;
    struct tide_decoder *decoder; /* shared by the feeds of one worker */
    struct tide_batch *batch;     /* likewise */
    /* What the collectors in this process found out about the records; NULL: nothing. */
    struct tide_handover *handover;
    struct tide_feed_counts *counts; /* shared by any; NULL: nobody asks */
    /* From when a record was received until it is in the state and so in every answer; NULL: nobody
     * asks. It wants the clock. */
    struct tide_histogram *delays;
    struct tide_clock clock;
};

/* Opens a cursor at the partition's next offset. */
enum tide_status tide_feed_open(struct tide_feed *feed, struct tide_error *error);
void tide_feed_close(struct tide_feed *feed);
/* Applies frames until about row_count_max records were applied. AGAIN: the log's end was reached
 * (some may have been applied: *row_count tells). OK: there is more. FATAL: stop. */
enum tide_status tide_feed_step(struct tide_feed *feed,
                                uint32_t row_count_max,
                                uint32_t *row_count,
                                struct tide_error *error);

#endif
