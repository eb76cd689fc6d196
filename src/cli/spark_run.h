/* spark-submit as a child process: what it is given, what it tells, and why it failed. */
#ifndef TIDE_CLI_SPARK_RUN_H
#define TIDE_CLI_SPARK_RUN_H

#include "cli/config.h"

struct tide_spark_run {
    const struct tide_spark_config *config;
    const char *application;  /* shown by the cluster */
    const char *directory;    /* absolute; has program.py and job.json, and gets spark.log */
    uint32_t unit_count;      /* of the plan */
    uint32_t done_count;      /* before this run, and counted on */
    struct tide_bytes engine; /* "spark/4.2.0", once it said so; caller releases */
    bool is_snapshot_lost;    /* a file of the lake was not there */
};

/* Runs it to its end, and says on stderr how far it is. SIGINT, SIGTERM and SIGHUP end it, then the
 * exit is TEMPORARY. A failure was printed. */
enum tide_exit tide_spark_run(struct tide_spark_run *run);

#endif
