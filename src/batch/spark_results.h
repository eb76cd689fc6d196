/* The engine that is a finished run of Spark: its answers are files, one for each unit of the plan.
 *
 * A file has a line of JSON for each row, an array of integers, strings and nulls, and ends with
 * {"rows":N}. It has its name only when it is whole, so that it is there says that its unit is
 * done. */
#ifndef TIDE_BATCH_SPARK_RESULTS_H
#define TIDE_BATCH_SPARK_RESULTS_H

#include "base/io.h"
#include "batch/spark_plan.h"

struct tide_spark_results {
    struct tide_io io;
    const struct tide_spark_plan *plan;
    const char *directory;
};

/* Lent: results, plan and directory outlive it. Asked for what the plan has no unit of, it has no
 * rows: nothing can be in them. Statuses as tide_batch_engine's; REJECT: also an answer that is
 * missing or not whole. */
struct tide_batch_engine tide_spark_engine(struct tide_spark_results *results);

/* Marks the units whose answers are there; as many flags as units. A directory that is not there
 * has none. RETRY, FATAL: it cannot be read. */
enum tide_status tide_spark_results_find(const struct tide_spark_results *results,
                                         bool *is_done,
                                         struct tide_error *error);

#endif
