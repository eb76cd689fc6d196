/* What the PySpark program (spark_program.py, embedded) is told, as a file of JSON:
 *
 *     {"application": "tidemark batch", "lock": path, "results": folder,
 *      "tables": {"lake_events": {"root": url, "schema": Spark's DDL, "where": condition,
 *                                 "files": [[path, date or null, bytes], ..]},
 *                 "lake_rejected": {..}},
 *      "events": SELECT of the relation `events` from lake_events,
 *      "units": [{"result": "00007.ndjson", "name": for people, "sql": text,
 *                 "table": "lake_events", "events": [from, to], "starts": [from, to]}, ..]}
 *
 * A unit reads the files that may have events of `events`, and of those the events within; then
 * keeps rows whose _start lies in `starts`. Bounds are microseconds or null. */
#ifndef TIDE_BATCH_SPARK_JOB_H
#define TIDE_BATCH_SPARK_JOB_H

#include "batch/spark_plan.h"

struct tide_spark_job {
    const struct tide_spark_plan *plan;
    const struct tide_schema *schema;
    struct tide_view application;
    struct tide_view lake_url; /* as Spark names it, without a '/' at the end */
    struct tide_view lock;     /* absolute paths on the driver's machine */
    struct tide_view results;
    const bool *is_done; /* by unit: it is left out; NULL: none is */
};

/* Appends the job's text. RETRY: no memory. */
enum tide_status tide_spark_job_write(const struct tide_spark_job *job,
                                      struct tide_bytes *json,
                                      struct tide_error *error);

/* The program that reads it. */
struct tide_view tide_spark_program(void);

#endif
