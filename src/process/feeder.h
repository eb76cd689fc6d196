/* Bounded input straight to partitions, without a log: replay.
 *
 * Workers are alike: each takes the next block of the input in its turn, decodes it, and applies
 * every block, in the order of the input, to the partitions that it owns. So the order within a
 * partition is that of the input, and the number of workers changes no result. */
#ifndef TIDE_PROCESS_FEEDER_H
#define TIDE_PROCESS_FEEDER_H

#include "decode/decode.h"
#include "decode/lines.h"
#include "process/partition.h"

struct tide_feeder;

struct tide_feeder_options {
    const struct tide_definitions *definitions;
    uint64_t seed;
    uint32_t partition_count;
    uint32_t worker_count; /* at most the partitions; the caller is one of them */
    struct tide_operator_limits limits;
    const struct tide_layout *layouts[TIDE_TABLE_COUNT]; /* NULL: no lake */
    struct tide_view source;                             /* of the rejected table */
};

enum tide_status tide_feeder_create(const struct tide_feeder_options *options,
                                    struct tide_feeder **feeder,
                                    struct tide_error *error);
void tide_feeder_destroy(struct tide_feeder *feeder);

/* Gives the next item in the order of the input: BLOCK, TOO_LARGE or END. Its bytes stay until the
 * next call; a BLOCK's, if the input says so, until the run has ended. Called by one worker at a
 * time, by any of them; it may block. An answer other than OK ends the run. */
struct tide_feeder_input {
    enum tide_status (*next)(void *context, struct tide_lines_item *item, struct tide_error *error);
    void *context;
    bool blocks_stay;
};

/* Applies everything up to END; may be called again with more. Then the partitions may be looked
 * at, until the next run. *records grows by the lines that were not blank. FATAL: out of memory;
 * else what the input answered. After either the feeder can only be destroyed. */
enum tide_status tide_feeder_run(struct tide_feeder *feeder,
                                 const struct tide_feeder_input *input,
                                 uint64_t *records,
                                 struct tide_error *error);
struct tide_partition *tide_feeder_partition(struct tide_feeder *feeder, uint32_t index);

#endif
