/* Epochs become true here, exactly once (design section 10):
 *
 *     rows -> data files -> manifest of each partition (the commit) -> one Delta commit per table
 *
 * The order is the whole point. A crash before a manifest leaves files that nothing names; a crash
 * after it is redone from the manifest at the next open, and the txn in the Delta log says whether
 * it had happened. One thread; blocking I/O; no threads of its own, so a simulator can own it. */
#ifndef TIDE_PROCESS_CHECKPOINT_H
#define TIDE_PROCESS_CHECKPOINT_H

#include <stdatomic.h>

#include "lake/delta.h"
#include "lake/table_writer.h"
#include "process/identity.h"
#include "process/partition.h"

struct tide_checkpointer;

struct tide_checkpointer_options {
    struct tide_io io;
    struct tide_clock clock;
    struct tide_store store;
    struct tide_table_writer writer;
    struct tide_checkpoint_codec codec; /* of Delta's checkpoints; zero: none are written */
    uint32_t checkpoint_commits;        /* 0: as delta.h has it */
    const char *scratch_directory;      /* on the store's local side; leftovers are overwritten */
    struct tide_identity identity;
    const struct tide_layout *layouts[TIDE_TABLE_COUNT];
    struct tide_view engine; /* name and version, in Delta's commitInfo */
};

/* What recovery starts from, for one partition. Epoch 0 and offset 0 if there was no manifest. */
struct tide_recovered {
    uint64_t next_epoch;
    uint64_t next_offset; /* rows below it are in the lake */
    struct tide_ledger ledger;
    struct tide_instant watermark;
    struct tide_instant closing;
};

/* Reads the newest manifest of each partition and redoes the Delta commits that they ask for.
 * REJECT: another configuration, or a table of another history; FATAL: damage. */
enum tide_status tide_checkpointer_open(const struct tide_checkpointer_options *options,
                                        struct tide_checkpointer **checkpointer,
                                        struct tide_error *error);
void tide_checkpointer_close(struct tide_checkpointer *checkpointer);
struct tide_recovered tide_checkpointer_recovered(const struct tide_checkpointer *checkpointer,
                                                  uint32_t partition);

/* Visits the notes that the log left in the partition's manifests, in order: of every epoch, or of
 * the newest alone. A visit that does not answer OK ends it with that status. */
enum tide_status tide_checkpointer_notes(struct tide_checkpointer *checkpointer,
                                         uint32_t partition,
                                         bool only_newest,
                                         enum tide_status (*visit)(void *context,
                                                                   uint32_t partition,
                                                                   struct tide_view note,
                                                                   struct tide_error *error),
                                         void *context,
                                         struct tide_error *error);

/* What was committed since open, by table; any thread reads. */
struct tide_lake_meter {
    _Atomic uint64_t files[TIDE_TABLE_COUNT];
    _Atomic uint64_t bytes[TIDE_TABLE_COUNT];
};
const struct tide_lake_meter *tide_checkpointer_meter(const struct tide_checkpointer *checkpointer);

/* Commits epochs of different partitions, each the next of its partition. The caller keeps the
 * epochs until OK. RETRY: call again with the same epochs: what was done is not done twice.
 * REJECT: another process owns a partition now, stop; FATAL: stop. */
enum tide_status tide_checkpointer_commit(struct tide_checkpointer *checkpointer,
                                          const struct tide_epoch *epochs,
                                          uint32_t epoch_count,
                                          struct tide_error *error);

#endif
