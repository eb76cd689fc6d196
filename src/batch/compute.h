/* Numbers from the lake alone: metrics by SQL, and what an auditor needs to check the ledger.
 *
 * Nothing here knows how the service counts; that is what makes a comparison with it worth
 * something. Everything blocks and runs on the thread of the engine. */
#ifndef TIDE_BATCH_COMPUTE_H
#define TIDE_BATCH_COMPUTE_H

#include "base/decimal.h"
#include "batch/engine.h"
#include "event/verdict.h"

/* Of a funnel's step: runs that reached it and their different entities. Of a retention's period:
 * entities seen in it, in `reached`. */
struct tide_batch_step {
    uint64_t reached;
    uint64_t entities;
};

/* One cell. What a kind does not name is 0:
 *
 *                    count                   distinct            also
 *   count            events
 *   distinct,                                different values,
 *   approx_distinct                          counted exactly
 *   sum, mean        values not null                             sum
 *   min, max         1, or 0: no value                           extreme
 *   quantiles        values not null                             ranks: the quantiles
 *   sessions         sessions                bounced ones        events; sum, ranks: of durations
 *   funnel           runs that entered       unmatched runs      steps; sum, ranks: of conversion
 *                                                                times
 *   retention                                                    steps: periods
 *
 * Values are scaled by 10^6 where the column is decimal; durations are in microseconds, and of them
 * there is one rank, the median. */
struct tide_batch_cell {
    struct tide_window window; /* of a retention the cohort's period */
    struct tide_view group;    /* canonical encoding (tide_value_encode) of the by-columns */
    uint64_t events;
    uint64_t count;
    uint64_t distinct;
    tide_i128 sum;
    int64_t extreme;
    const int64_t *ranks;
    uint32_t rank_count; /* 0: there is no value */
    const struct tide_batch_step *steps;
    uint32_t step_count;
};

/* Columns of an answer: what an engine must see to, if it does not run the SQL itself. */
uint32_t tide_batch_column_count(const struct tide_batch_question *question);

/* How far the engine's events go: of each partition one beyond the offset of the last of them, 0:
 * it has none. REJECT: a row of another partition. */
enum tide_status tide_batch_reads(struct tide_batch_engine engine,
                                  uint64_t *reads,
                                  uint32_t partition_count,
                                  struct tide_error *error);

/* Visits each cell of a metric, in no order; not of a ratio (asserted), only of its parts. A mean
 * is not cut to its top, see metric/sql.h. What the cell points to is valid during the visit. A
 * visit that does not answer OK ends it with that status. RETRY, REJECT: as the engine; REJECT
 * also: it answered what cannot be. */
enum tide_status tide_batch_compute(struct tide_batch_engine engine,
                                    const struct tide_definitions *definitions,
                                    const struct tide_metric *metric,
                                    enum tide_status (*visit)(void *context,
                                                              const struct tide_batch_cell *cell),
                                    void *context,
                                    struct tide_error *error);

/* From when on a metric can be computed from the lake, of which old days may have left (lake/
 * expiry.h): windows that start before *from lack events. UNKNOWN: nothing has left. Sessions and
 * funnels may have begun before the first day that is whole; a week later none has (none that lasts
 * so long without a pause of its timeout, and that is no session any more). false: never again, as
 * of a retention, which asks for the first time that somebody was seen. */
bool tide_batch_kept_from(struct tide_batch_engine engine,
                          const struct tide_definitions *definitions,
                          const struct tide_metric *metric,
                          struct tide_instant *from);

/* What the lake has, or had before it expired, of one partition. */
struct tide_batch_audit {
    uint64_t events;                      /* rows: the ledger's processed */
    uint64_t distinct_uids;               /* equal to events, or something is in the lake twice */
    struct tide_u128 uids;                /* their sum, each half modulo 2^64: the ledger's uids */
    uint64_t rejected[TIDE_REASON_COUNT]; /* rows by reason: the ledger's rejected */
    int64_t last_offset;                  /* greatest of both tables, -1: no rows; < next_offset */
};

/* Fills audits[0..partition_count). REJECT: a row of another partition, or with a reason that is
 * none. */
enum tide_status tide_batch_audit(struct tide_batch_engine engine,
                                  struct tide_batch_audit *audits,
                                  uint32_t partition_count,
                                  struct tide_error *error);

#endif
