/* Numbers from the lake alone: metrics by SQL, and what an auditor needs to check the ledger.
 *
 * Nothing here knows how the service counts; that is what makes a comparison with it worth
 * something. Everything blocks and runs on the thread that owns the view. */
#ifndef TIDE_BATCH_COMPUTE_H
#define TIDE_BATCH_COMPUTE_H

#include "base/decimal.h"
#include "batch/lake_view.h"
#include "event/verdict.h"
#include "metric/definition.h"

/* One cell. By kind:
 *   count     count and value: events
 *   distinct  value: entities
 *   sum, mean count: values that are not null; sum: exact, scaled by 10^6 for a decimal column
 *   min, max  present, then min_or_max; count is 1 where present and 0 where not
 * What a kind does not name is 0. */
struct tide_batch_cell {
    struct tide_window window;
    struct tide_view group; /* canonical encoding (tide_value_encode) of the by-columns */
    uint64_t count;
    uint64_t value;
    tide_i128 sum;
    bool present; /* there is a value; always true for count and distinct */
    int64_t min_or_max;
};

/* The least and greatest event_time; false: there are no events. */
enum tide_status tide_batch_span(struct tide_lake_view *view,
                                 struct tide_window *span,
                                 bool *has_events,
                                 struct tide_error *error);

/* Visits each cell of a metric, in no order and not cut to the top; the group is valid during the
 * visit. A visit that does not answer OK ends it with that status. RETRY: out of memory; REJECT:
 * DuckDB refused the SQL, or answered what cannot be. */
enum tide_status tide_batch_compute(struct tide_lake_view *view,
                                    const struct tide_definitions *definitions,
                                    const struct tide_metric *metric,
                                    enum tide_status (*visit)(void *context,
                                                              const struct tide_batch_cell *cell),
                                    void *context,
                                    struct tide_error *error);

/* What the lake has of one partition. */
struct tide_batch_audit {
    uint64_t events;                      /* rows: the ledger's processed */
    uint64_t distinct_uids;               /* equal to events, or something is in the lake twice */
    struct tide_u128 uids;                /* their sum, each half modulo 2^64: the ledger's uids */
    uint64_t rejected[TIDE_REASON_COUNT]; /* rows by reason: the ledger's rejected */
    int64_t last_offset;                  /* greatest of both tables, -1: no rows; < next_offset */
};

/* Fills audits[0..partition_count). REJECT: a row of another partition, or with a reason that is
 * none. */
enum tide_status tide_batch_audit(struct tide_lake_view *view,
                                  struct tide_batch_audit *audits,
                                  uint32_t partition_count,
                                  struct tide_error *error);

#endif
