/* A batch run on its way into the lake's table `metrics`: cells and coverage of each metric, then
 * one commit. Until then nothing of it can be read, and a run that is killed leaves files without
 * meaning.
 *
 * Runs are numbered by the table's txn of "<pipeline>/batch". Two at once have one number: the one
 * that commits first has it, the other is told. One thread; blocking I/O. */
#ifndef TIDE_SERVE_GENERATION_WRITER_H
#define TIDE_SERVE_GENERATION_WRITER_H

#include "lake/delta.h"
#include "lake/table_writer.h"
#include "operator/result.h"
#include "process/identity.h"

struct tide_generation_writer;

/* Everything outlives the writer. */
struct tide_generation_writer_options {
    struct tide_io io;
    struct tide_clock clock;
    struct tide_store store;
    struct tide_table_writer writer;
    struct tide_checkpoint_codec codec; /* zero: no checkpoint is written */
    const char *scratch_directory;      /* on the store's local side */
    struct tide_identity identity;
    const struct tide_definitions *definitions;
    const struct tide_layout *layout; /* of TIDE_TABLE_METRICS */
    struct tide_view engine;          /* name and version, in Delta's commitInfo */
    /* By partition: the last epoch that the run reads, -1: none; one beyond its last event. */
    const int64_t *epochs;
    const uint64_t *reads;
};

struct tide_generation_count { /* what was written of a metric */
    uint64_t windows;          /* with a cell */
    uint64_t cells;
};

/* The run that the table has last, 0: none. Of options only what says where it is. Statuses as
 * open's. */
enum tide_status tide_generation_last_run(const struct tide_generation_writer_options *options,
                                          int64_t *run,
                                          struct tide_error *error);

/* REJECT: the table is not ours; RETRY, FATAL: the store. */
enum tide_status tide_generation_writer_open(const struct tide_generation_writer_options *options,
                                             struct tide_generation_writer **writer,
                                             struct tide_error *error);
void tide_generation_writer_close(struct tide_generation_writer *writer);
/* The number that the run will have; they count from 1. */
int64_t tide_generation_writer_run(const struct tide_generation_writer *writer);

/* What was computed of a metric: all cells whose windows lie in span, which covers every window in
 * it, also those without cells. UNKNOWN: unbounded on that side. A ratio's rows are for readers of
 * the lake. Once for each metric. RETRY: no memory or space; FATAL: the writer. */
enum tide_status tide_generation_writer_add(struct tide_generation_writer *writer,
                                            const struct tide_metric *metric,
                                            const struct tide_result *result,
                                            struct tide_window span,
                                            struct tide_generation_count *count,
                                            struct tide_error *error);
/* REJECT: another run was committed meanwhile; this one is not in the table and never will be.
 * RETRY, FATAL: as tide_delta_commit. */
enum tide_status tide_generation_writer_commit(struct tide_generation_writer *writer,
                                               struct tide_error *error);

#endif
