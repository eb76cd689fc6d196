/* What the ledger of each partition must be, from the contents of the log alone.
 *
 * A plain reading of semantics sections 1, 2, 4 and 7 over events that are known beforehand: no
 * decoder, no hash tables, no batches. It also remembers each record's fate, so that the lake can
 * be compared with it row by row, and each offset up to which somebody read. One thread. */
#ifndef TIDE_SUPPORT_SIM_MODEL_H
#define TIDE_SUPPORT_SIM_MODEL_H

#include "event/verdict.h"
#include "log/log.h"
#include "process/ledger.h"
#include "support/sim_events.h"

enum {
    SIM_PARTITIONS_MAX = 4,
    SIM_RECORDS_MAX = 4096, /* of one partition */
};

enum sim_fate {
    SIM_FATE_ON_TIME,
    SIM_FATE_LATE,
    SIM_FATE_DUPLICATE,
    SIM_FATE_REJECTED,
};

struct sim_record {
    uint32_t event; /* its text */
    enum sim_fate fate;
    enum tide_reason reason; /* of REJECTED */
    int64_t time_us;         /* that counts, of ON_TIME and LATE */
    struct tide_u128 bytes;  /* hash of the record as the log has it */
};

struct sim_model {
    uint32_t partition_count;
    uint32_t record_counts[SIM_PARTITIONS_MAX];
    struct sim_record records[SIM_PARTITIONS_MAX][SIM_RECORDS_MAX];
    uint8_t partition_of[SIM_EVENTS_MAX]; /* of an identity that counted, plus one; 0: not yet */
};

/* Reads the whole log. NULL, or what is wrong with it (static text). */
const char *sim_model_read(struct sim_model *model,
                           const struct sim_events *events,
                           struct tide_log log);
/* The ledger after the first record_count records of a partition, without uids. */
struct tide_ledger sim_model_ledger(const struct sim_model *model,
                                    uint32_t partition,
                                    uint64_t record_count);

#endif
