/* What housekeeping does with the rows of data files: merges files, counts what is in them. Parquet
 * by DuckDB in production, something simple in the simulator. One thread. */
#ifndef TIDE_LAKE_REWRITER_H
#define TIDE_LAKE_REWRITER_H

#include "event/verdict.h"
#include "lake/rows.h"

struct tide_merge {
    const struct tide_layout *layout;
    const char *const *paths; /* on this machine, in the order of the commits */
    uint32_t path_count;
    /* Of metrics: the files with rows of coverage. What a newer run covers is left out. */
    const char *const *coverage_paths;
    uint32_t coverage_count;
    const char *scratch_path; /* of the new file */
};

struct tide_merged {
    uint64_t input_rows;
    uint64_t row_count; /* 0: there is no file */
    uint64_t size;
};

/* Rows of one partition that are in some files. */
struct tide_tally {
    uint32_t partition;
    uint64_t rows;
    struct tide_u128 uids;                /* of events: their sum, each half modulo 2^64 */
    uint64_t rejected[TIDE_REASON_COUNT]; /* of rejected, by reason */
};

struct tide_rewriter_operations {
    /* All rows in one new file (not yet durable: the store sees to that): those of a partition
     * together, in the order of the log; runs of metrics one after the other. Appends Delta's
     * statistics to stats. RETRY: no space, no memory; FATAL: a file cannot be read. */
    enum tide_status (*merge)(void *self,
                              const struct tide_merge *merge,
                              struct tide_merged *merged,
                              struct tide_bytes *stats,
                              struct tide_error *error);
    /* Visits each partition that has rows in the files. Of metrics all is of partition 0. Statuses
     * as above. */
    enum tide_status (*tally)(void *self,
                              const struct tide_merge *merge,
                              void (*visit)(void *context, const struct tide_tally *tally),
                              void *context,
                              struct tide_error *error);
    void (*close)(void *self);
};

struct tide_rewriter {
    const struct tide_rewriter_operations *operations;
    void *self;
    const char *extension; /* "parquet" */
};

struct tide_duckdb;

/* The connection is its own; what does not fit into memory while it is sorted goes below
 * scratch_directory. duckdb NULL: one of its own, opened when it is first needed. RETRY: no memory.
 */
enum tide_status tide_rewriter_parquet_open(struct tide_duckdb *duckdb,
                                            const char *scratch_directory,
                                            struct tide_rewriter *rewriter,
                                            struct tide_error *error);
/* All zero is fine. */
void tide_rewriter_close(struct tide_rewriter *rewriter);

#endif
