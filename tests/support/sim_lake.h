/* Both ends of a lake without Parquet: a table writer that puts identities into plain files, and a
 * reader of Delta logs and such files that shares nothing with lake/delta.h.
 *
 * A data file has one line per row: partition, offset, epoch, uid's halves (of raw: those of the
 * hash of its bytes), reason ("-" but for rejected). A line of journeys: partition, epoch,
 * revision, start, end, ordinal, reached, number of steps, conversion (-1: none); then, each behind
 * a tab, outcome, metric, key, group, times of the steps. One thread; memory failure is asserted.
 */
#ifndef TIDE_SUPPORT_SIM_LAKE_H
#define TIDE_SUPPORT_SIM_LAKE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/io.h"
#include "event/verdict.h"
#include "lake/checkpoint_codec.h"
#include "lake/rewriter.h"
#include "lake/table_writer.h"

enum {
    SIM_LAKE_ROWS_MAX = 16384,
    SIM_LAKE_JOURNEYS_MAX = 16384,
    SIM_LAKE_TEXT_SIZE = 128,
    SIM_LAKE_APPS_MAX = 16,
    SIM_LAKE_FILES_MAX = 8192, /* of a table, in all commits */
    SIM_LAKE_ERROR_SIZE = 256,
};

/* io must outlive them; nothing to close. A checkpoint is a file of its actions, a line each. */
struct tide_table_writer sim_table_writer(struct tide_io *io);
struct tide_checkpoint_codec sim_checkpoint_codec(struct tide_io *io);
struct tide_rewriter sim_rewriter(struct tide_io *io);

struct sim_lake_row {
    enum tide_table table;
    uint32_t partition;
    uint64_t offset;
    uint64_t epoch;
    struct tide_u128 uid; /* of events; of raw: hash of its bytes */
    enum tide_reason reason;
};

struct sim_lake_journey { /* a row of its table; of a partition in the order of its epochs */
    uint32_t partition;
    uint64_t epoch;
    uint64_t revision;
    int64_t start_us;
    int64_t end_us;
    uint64_t ordinal;
    uint64_t reached;
    uint64_t step_count;
    int64_t conversion_us; /* -1: none */
    char outcome[SIM_LAKE_TEXT_SIZE];
    char metric[SIM_LAKE_TEXT_SIZE];
    char key[SIM_LAKE_TEXT_SIZE];
    char group[SIM_LAKE_TEXT_SIZE];
    char step_times[SIM_LAKE_TEXT_SIZE];
};

struct sim_lake {
    struct sim_lake_row rows[SIM_LAKE_ROWS_MAX]; /* of events and rejected */
    uint32_t row_count;
    struct sim_lake_row raw[SIM_LAKE_ROWS_MAX];
    uint32_t raw_count;
    struct sim_lake_journey journeys[SIM_LAKE_JOURNEYS_MAX];
    uint32_t journey_count;
    uint32_t commit_counts[TIDE_TABLE_COUNT];
    uint32_t live_counts[TIDE_TABLE_COUNT]; /* files */
    char wrong[SIM_LAKE_ERROR_SIZE];
};

/* Reads every live row of all tables. false: `wrong` says what a reader would stumble over. */
bool sim_lake_read(struct sim_lake *lake, struct tide_io io, const char *directory);

#endif
