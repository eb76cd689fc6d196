/* Both ends of a lake without Parquet: a table writer that puts identities into plain files, and a
 * reader of Delta logs and such files that shares nothing with lake/delta.h.
 *
 * A data file has one line per row: partition, offset, epoch, uid's halves, reason ("-" for
 * events). One thread; memory failure is asserted. */
#ifndef TIDE_SUPPORT_SIM_LAKE_H
#define TIDE_SUPPORT_SIM_LAKE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/io.h"
#include "event/verdict.h"
#include "lake/table_writer.h"

enum {
    SIM_LAKE_ROWS_MAX = 16384,
    SIM_LAKE_APPS_MAX = 16,
    SIM_LAKE_ERROR_SIZE = 256,
};

/* io must outlive the writer; nothing to close. */
struct tide_table_writer sim_table_writer(struct tide_io *io);

struct sim_lake_row {
    enum tide_table table;
    uint32_t partition;
    uint64_t offset;
    uint64_t epoch;
    struct tide_u128 uid; /* of events */
    enum tide_reason reason;
};

struct sim_lake {
    struct sim_lake_row rows[SIM_LAKE_ROWS_MAX];
    uint32_t row_count;
    uint32_t commit_counts[TIDE_TABLE_COUNT];
    char wrong[SIM_LAKE_ERROR_SIZE];
};

/* Reads every live row of both tables. false: `wrong` says what a reader would stumble over. */
bool sim_lake_read(struct sim_lake *lake, struct tide_io io, const char *directory);

#endif
