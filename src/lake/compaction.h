/* Many small files of a day become one, in one Delta commit that changes no data.
 *
 * Works a step at a time, so that whoever has other things to do can stop between two. A step is
 * exactly-once without being part of an epoch: the new file has no meaning until the commit names
 * it, and the commit is made only while every file that it replaces is live. So it may run beside
 * epochs, other compactions, and other writers of the table.
 *
 * Of metrics also what a newer run covers is left out; that commit says that it changes data.
 * One thread; blocking I/O. */
#ifndef TIDE_LAKE_COMPACTION_H
#define TIDE_LAKE_COMPACTION_H

#include "lake/delta.h"
#include "lake/rewriter.h"

struct tide_compactor;

struct tide_compaction_options {
    struct tide_delta_options table; /* with io and scratch_directory */
    struct tide_rewriter rewriter;   /* outlives the compactor */
    uint64_t target_bytes;           /* files from half this size on are left alone */
    uint32_t files_min;              /* so many small files of a day are worth a step */
    uint32_t files_max;              /* of one step */
};
/* 128 MiB, 8 files, 1,000 files; 2 files of metrics. */
void tide_compaction_options_default(struct tide_compaction_options *options,
                                     enum tide_table table);

struct tide_compaction_step {
    bool is_idle; /* there was nothing to do */
    bool is_lost; /* another writer changed the files meanwhile: nothing was committed */
    int32_t date_days;
    uint32_t files_before;
    uint32_t files_after;
    uint64_t bytes_before;
    uint64_t bytes_after;
    uint64_t rows_before;
    uint64_t rows_after;
};

/* Statuses as tide_delta_open's. */
enum tide_status tide_compactor_open(const struct tide_compaction_options *options,
                                     struct tide_compactor **compactor,
                                     struct tide_error *error);
void tide_compactor_close(struct tide_compactor *compactor);
/* The day with the most small files. RETRY: the store, space or memory; FATAL: a file cannot be
 * read, or was not written whole: nothing was committed. REJECT: the table is not ours any more. */
enum tide_status tide_compactor_step(struct tide_compactor *compactor,
                                     struct tide_compaction_step *step,
                                     struct tide_error *error);

#endif
