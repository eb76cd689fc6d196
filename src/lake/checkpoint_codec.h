/* How the actions of a Delta checkpoint become a file, and come back: Parquet by DuckDB in
 * production, something simple in the simulator.
 *
 * Actions are texts, one JSON object each, as they stand in a commit: {"add":{...}}. So whoever
 * folds commits folds checkpoints. All zero is "no codec": checkpoints are then neither written nor
 * read. One thread. */
#ifndef TIDE_LAKE_CHECKPOINT_CODEC_H
#define TIDE_LAKE_CHECKPOINT_CODEC_H

#include "base/bytes.h"

struct tide_duckdb;

struct tide_checkpoint_codec_operations {
    /* Writes the actions, a line each, to a new file at scratch_path (not yet durable: the store
     * sees to that) and tells its size. RETRY: no space; FATAL: the library failed. */
    enum tide_status (*write)(void *self,
                              struct tide_view lines,
                              const char *scratch_path,
                              uint64_t *size,
                              struct tide_error *error);
    /* Visits each action; without_files: add and remove are left out. An answer of visit other than
     * OK ends the reading with it. Any other: it cannot be read. */
    enum tide_status (*read)(void *self,
                             const char *path,
                             bool without_files,
                             enum tide_status (*visit)(void *context, struct tide_view action),
                             void *context,
                             struct tide_error *error);
    void (*close)(void *self);
};

struct tide_checkpoint_codec {
    const struct tide_checkpoint_codec_operations *operations;
    void *self;
};

/* Parquet. duckdb NULL: one of its own, opened when it is first needed, for those who rarely meet a
 * checkpoint. RETRY: no memory. */
enum tide_status tide_checkpoint_parquet_open(struct tide_duckdb *duckdb,
                                              struct tide_checkpoint_codec *codec,
                                              struct tide_error *error);
/* All zero is fine. */
void tide_checkpoint_codec_close(struct tide_checkpoint_codec *codec);

#endif
