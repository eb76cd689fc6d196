/* A partition: a deterministic state machine over its log prefix.
 *
 * Its state (uids, entities, operators, ledger, data watermark) is a pure function of the records
 * applied so far, in order; so recovery is replay, and a simulator needs nothing else. It keeps the
 * epoch's rows for the lake until they are taken. One thread owns it; it never blocks, no I/O. */
#ifndef TIDE_PROCESS_PARTITION_H
#define TIDE_PROCESS_PARTITION_H

#include "lake/rows.h"
#include "metric/definition.h"
#include "operator/cell_table.h"
#include "process/ledger.h"
#include "process/quality.h"
#include "process/watermark.h"

struct tide_partition;

struct tide_partition_options {
    const struct tide_definitions *definitions;
    uint32_t index;
    enum tide_arrival arrival;
    struct tide_operator_limits limits;
    const struct tide_layout *layouts[TIDE_TABLE_COUNT]; /* NULL: rows are not kept (replay) */
    uint64_t rows_from;   /* records below this offset are in the lake already */
    uint64_t first_epoch; /* the _epoch of the first rows that will be taken */
    struct tide_ledger
        expected; /* asserted when rows_from is reached: replay must count the same */
    struct tide_instant closing; /* where the closing clock resumes, or unknown */
};

enum tide_status tide_partition_create(const struct tide_partition_options *options,
                                       struct tide_partition **partition,
                                       struct tide_error *error);
void tide_partition_destroy(struct tide_partition *partition);

/* Rows of a batch that are this partition's next records, in log order. Rows whose verdict is a
 * rejection are booked as such; the others are still to be checked for time and identity. */
struct tide_partition_input {
    const struct tide_batch *batch;
    const uint32_t *rows;
    uint32_t row_count;
    uint64_t first_offset;                /* asserted to be next_offset */
    struct tide_instant received;         /* the collector's stamp, or unknown */
    const struct tide_instant *receiveds; /* by row of the batch; NULL: received, of all */
    struct tide_view source;
};
/* FATAL: out of memory; the partition must be thrown away. */
enum tide_status tide_partition_apply(struct tide_partition *partition,
                                      const struct tide_partition_input *input,
                                      struct tide_error *error);

uint32_t tide_partition_index(const struct tide_partition *partition);
uint64_t tide_partition_next_offset(const struct tide_partition *partition);
/* The number of the epoch that is open: those below are closed. */
uint64_t tide_partition_next_epoch(const struct tide_partition *partition);
/* The log is still being replayed below what the lake has: cells and ledger are of the past. */
bool tide_partition_is_recovering(const struct tide_partition *partition);
const struct tide_ledger *tide_partition_ledger(const struct tide_partition *partition);
/* Lateness is of every processed event: how far it is behind the newest before it. Skew is of every
 * event whose received time is known, processed or rejected for its time: the clock of its sender
 * (sent time, or its own time where none is known) minus the received time. */
const struct tide_quality *tide_partition_quality(const struct tide_partition *partition);
/* How many processed events had a value of a wrong type in an optional column (null there). */
uint64_t tide_partition_mistyped(const struct tide_partition *partition, uint32_t column);
struct tide_watermark *tide_partition_watermark(struct tide_partition *partition);
/* NULL: a ratio, which has no state. */
struct tide_operator *tide_partition_operator(const struct tide_partition *partition,
                                              uint32_t metric_index);
/* Memory of rows that wait to be taken, and of state. */
size_t tide_partition_rows_bytes(const struct tide_partition *partition);
size_t tide_partition_state_bytes(const struct tide_partition *partition);

/* What one epoch of one partition hands to the checkpoint. The rows are owned by the holder. */
struct tide_epoch {
    uint32_t partition;
    uint64_t number;
    uint64_t next_offset;
    struct tide_ledger ledger;
    struct tide_instant watermark;            /* data watermark, or unknown */
    struct tide_instant closing;              /* journeys that ended by it are in the rows */
    struct tide_rows *rows[TIDE_TABLE_COUNT]; /* NULL: none */
    struct tide_bytes note;                   /* the log's, see log.h; or empty */
};

/* Makes rows of the journeys that have ended, or changed, by the closing clock; before an epoch is
 * taken. Not while recovering. FATAL: out of memory. */
enum tide_status tide_partition_tell_journeys(struct tide_partition *partition,
                                              struct tide_error *error);
/* Closes the epoch at the present offset; asserts the ledger. false: no record came since the last
 * one and no journey ended, or it is recovering: there is nothing to close. FATAL is asserted away:
 * taking allocates nothing. */
bool tide_partition_take_epoch(struct tide_partition *partition, struct tide_epoch *epoch);
void tide_epoch_release(struct tide_epoch *epoch); /* back to all zero */

#endif
