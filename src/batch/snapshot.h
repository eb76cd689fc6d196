/* A state of the lake that another process can read later: which files hold it, and up to which
 * epoch their rows are in it. Written down, it is what a run that was interrupted goes on with.
 *
 * The text is JSON: {"pipeline": 32 digits, "taken": microseconds, "epochs": [..],
 * "kept_from": first day of events that is whole, or null, "events": [[path, date or null, bytes],
 * ..], "rejected": [..]}; paths are relative to the table's folder. */
#ifndef TIDE_BATCH_SNAPSHOT_H
#define TIDE_BATCH_SNAPSHOT_H

#include "base/clock.h"
#include "lake/expiry.h"

enum {
    TIDE_SNAPSHOT_FILES_MAX = 1 << 18, /* of one table */
    TIDE_SNAPSHOT_PARTITIONS_MAX = 1024,
};

struct tide_snapshot_file {
    struct tide_view path; /* "event_date=2026-03-08/1-0-7.parquet" */
    uint64_t size;
    int32_t date_days; /* of its rows; TIDE_DATE_UNKNOWN: any */
};

struct tide_snapshot_table {
    struct tide_snapshot_file *files; /* by path */
    uint32_t file_count;
    struct tide_expired expired; /* of its totals, the text says only since when */
};

struct tide_snapshot { /* lives in an arena */
    struct tide_view pipeline;
    struct tide_instant taken;
    int64_t *epochs; /* by partition, the last one that is in it; -1: none */
    uint32_t partition_count;
    struct tide_snapshot_table events;
    struct tide_snapshot_table rejected;
};

struct tide_snapshot_options {
    struct tide_store store;
    struct tide_clock clock;
    const struct tide_schema *schema;
    struct tide_view pipeline;
    uint32_t partition_count;
    const int64_t *epochs; /* NULL: all that is in the lake */
    bool has_rejected;     /* else that table is not looked at */
};

/* RETRY: the store, or no memory; REJECT: a table is not ours, or has more than FILES_MAX files;
 * FATAL: damage. Blocks. */
enum tide_status tide_snapshot_take(const struct tide_snapshot_options *options,
                                    struct tide_arena *arena,
                                    struct tide_snapshot *snapshot,
                                    struct tide_error *error);
void tide_snapshot_write(const struct tide_snapshot *snapshot, struct tide_bytes *json);
/* json must outlive the snapshot. REJECT: not one; RETRY: no memory. */
enum tide_status tide_snapshot_read(struct tide_view json,
                                    struct tide_arena *arena,
                                    struct tide_snapshot *snapshot,
                                    struct tide_error *error);

#endif
