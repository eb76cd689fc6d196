/* What Spark is asked, piece by piece: the units of a run, each a query whose answer is a file.
 *
 * Without a span there is one unit for each metric. Within a span [from, to) a metric whose cells
 * are made of the events in their windows is divided by the days on which windows start, so that a
 * day that was finished stays finished; a unit reads the events from its first window's start to
 * its last window's end, however long windows are. At most DAYS_MAX pieces: beyond, a piece has
 * several days. A part of a ratio whose other part has other windows is one unit from the first
 * window that ends in the span, since which rows of the ratio are in the span depends on both.
 * Sessions are one unit that reads from `from` less their timeout on, since one may go on after the
 * span; funnels, whose run may have begun before it, and retention, whose cohorts are made of first
 * events, read everything. Units that can have no cell are not asked.
 *
 * The plan is a function of definitions, snapshot, span and questions alone. */
#ifndef TIDE_BATCH_SPARK_PLAN_H
#define TIDE_BATCH_SPARK_PLAN_H

#include "batch/engine.h"
#include "batch/snapshot.h"

enum {
    TIDE_SPARK_DAYS_MAX = 32,
    TIDE_SPARK_UNITS_MAX = 1 << 16
};

struct tide_spark_unit {
    struct tide_batch_question question;
    struct tide_window starts; /* of the windows that it is about; UNKNOWN: no bound */
    struct tide_window events; /* that it reads, by event_time, [start, end); likewise */
    struct tide_window span;   /* event times that may occur in it, both included */
    int64_t day;               /* of its first window, where the metric is divided; else -1 */
};

struct tide_spark_plan { /* lives in an arena */
    const struct tide_definitions *definitions;
    const struct tide_snapshot *snapshot;
    struct tide_spark_unit *units;
    uint32_t unit_count;
};

struct tide_spark_plan_options {
    const struct tide_definitions *definitions;
    const struct tide_snapshot *snapshot;
    struct tide_window span; /* UNKNOWN: no bound on that side; only both bounds divide */
    bool has_reads;          /* also ask how far the events go */
    bool has_audits;         /* also ask the auditor's questions */
};

/* definitions and snapshot outlive the plan. RETRY: no memory; REJECT: over UNITS_MAX units. */
enum tide_status tide_spark_plan_make(const struct tide_spark_plan_options *options,
                                      struct tide_arena *arena,
                                      struct tide_spark_plan *plan,
                                      struct tide_error *error);

/* A file may have rows that the unit reads. */
bool tide_spark_unit_reads(const struct tide_spark_unit *unit,
                           const struct tide_snapshot_file *file);
/* For people: "daily_active_users 2026-03-08". */
void tide_spark_unit_name(const struct tide_spark_unit *unit, struct tide_bytes *text);
/* The file of its answer: "00007.ndjson". */
enum {
    TIDE_SPARK_RESULT_SIZE = 16
};
void tide_spark_result_name(uint32_t unit_index, char name[TIDE_SPARK_RESULT_SIZE]);

#endif
