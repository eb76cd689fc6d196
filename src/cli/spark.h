/* A run of Spark over the lake, from a snapshot to an engine that can be asked.
 *
 * It works in <data>/spark/<purpose>/<run>/, where <run> is a hash of all that its answers depend
 * on but the lake's state:
 *
 *     snapshot.json   that state; a run that is started again within a day goes on with it
 *     program.py, job.json     what spark-submit is given
 *     results/        an answer for each piece of work; what is there is not asked again
 *     engine          which Spark it was
 *     spark.log       what it said
 *
 * <data>/spark/<purpose>/lock is held meanwhile: one run at a time, and by it the PySpark program
 * knows that we live. Runs that nobody finished go after a week. */
#ifndef TIDE_CLI_SPARK_H
#define TIDE_CLI_SPARK_H

#include "batch/spark_results.h"
#include "cli/config.h"

struct tide_spark_options {
    const struct tide_config *config; /* data, lake.hdfs.spark_url, batch.spark */
    const struct tide_definitions *definitions;
    const char *purpose; /* "batch", "verify" */
    struct tide_store store;
    struct tide_view lake_url;
    struct tide_view pipeline; /* 32 digits */
    uint32_t partition_count;
    const int64_t *epochs; /* NULL: all that is in the lake */
    struct tide_window span;
    /* Of batches in the lake: a later one makes an earlier snapshot useless, since what it says of
     * a window would be taken for the newer. */
    int64_t last_run;
    bool has_reads;
    bool has_audits;
    bool is_kept; /* go on with an earlier run, and leave this one for a later */
};

/* All zero is none. */
struct tide_spark {
    struct tide_batch_engine engine;
    struct tide_snapshot snapshot;
    struct tide_bytes version; /* "spark/4.2.0" */
    /* Private. */
    struct tide_arena arena;
    struct tide_file lock;
    struct tide_bytes root;      /* <data>/spark/<purpose> */
    struct tide_bytes directory; /* .../<run> */
    struct tide_bytes results_directory;
    struct tide_bytes url; /* of the lake, for Spark */
    struct tide_spark_plan plan;
    struct tide_spark_results results;
};

/* Blocks until Spark is done; then the engine answers the questions of the plan. What fails was
 * printed: exits as tide_spark_run, TEMPORARY also: another run has the lock. Everything in options
 * but config lives as long as spark. Close it in any case. */
enum tide_exit tide_spark_open(const struct tide_spark_options *options, struct tide_spark *spark);
/* What the run had is not needed any more. */
void tide_spark_forget(struct tide_spark *spark);
void tide_spark_close(struct tide_spark *spark);

#endif
