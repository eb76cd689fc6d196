/* Bounded input straight to partitions, without a log: replay.
 *
 * The caller decodes blocks in order; the feeder routes each row to its partition and applies it,
 * on the caller's thread (worker_count 1) or on worker threads that own whole partitions. The order
 * within a partition is that of submission, so the number of workers changes no result. */
#ifndef TIDE_PROCESS_FEEDER_H
#define TIDE_PROCESS_FEEDER_H

#include "decode/decode.h"
#include "process/partition.h"

struct tide_feeder;

struct tide_feeder_options {
    const struct tide_definitions *definitions;
    uint64_t seed;
    uint32_t partition_count;
    uint32_t worker_count; /* at most the partitions */
    struct tide_operator_limits limits;
    const struct tide_layout *layouts[TIDE_TABLE_COUNT]; /* NULL: no lake */
    struct tide_view source;                             /* of the rejected table */
};

enum tide_status tide_feeder_create(const struct tide_feeder_options *options,
                                    struct tide_feeder **feeder,
                                    struct tide_error *error);
void tide_feeder_destroy(struct tide_feeder *feeder);

/* Decodes and applies a block of whole lines; the block may go when it returns. *records: lines
 * that were not blank. FATAL: out of memory. */
enum tide_status tide_feeder_lines(struct tide_feeder *feeder,
                                   struct tide_view block,
                                   uint64_t *records,
                                   struct tide_error *error);
/* One record that is already judged (a line too large to keep). */
enum tide_status tide_feeder_judged(struct tide_feeder *feeder,
                                    struct tide_view text,
                                    const struct tide_verdict *verdict,
                                    struct tide_error *error);
/* Waits until all that was submitted is applied; the partitions may then be looked at until the
 * next submission. */
enum tide_status tide_feeder_settle(struct tide_feeder *feeder, struct tide_error *error);
struct tide_partition *tide_feeder_partition(struct tide_feeder *feeder, uint32_t index);

#endif
