/* Who answers the questions that batch/compute.h asks about the lake's events: DuckDB over a view
 * of the lake (batch/lake_engine.h), or Spark (batch/spark_results.h). Answers have one form, so
 * what reads them does not know who computed. */
#ifndef TIDE_BATCH_ENGINE_H
#define TIDE_BATCH_ENGINE_H

#include "lake/duckdb.h"
#include "lake/expiry.h"
#include "metric/definition.h"

enum tide_batch_question_kind {
    TIDE_BATCH_CELLS,          /* the rows of a metric's SQL (metric/sql.h) */
    TIDE_BATCH_READS,          /* partition, its greatest offset */
    TIDE_BATCH_EVENTS_AUDIT,   /* partition, rows, different uids, the sums of the uids' halves as
                                  TEXT, the greatest offset */
    TIDE_BATCH_REJECTED_AUDIT, /* partition, reason, rows, the greatest offset */
};

struct tide_batch_question {
    enum tide_batch_question_kind kind;
    const struct tide_definitions *definitions; /* of cells */
    const struct tide_metric *metric;           /* of cells; not a ratio */
};

/* Texts in a row live as long as the visit. A visit that does not answer OK ends the answer. */
struct tide_batch_visitor {
    enum tide_status (*visit)(void *context,
                              const struct tide_duckdb_value *row,
                              uint32_t column_count);
    void *context;
};

struct tide_batch_engine {
    /* Visits the rows of the answer, in no order. Blocks; one thread. RETRY: out of memory, or the
     * engine is away; REJECT: it refused the question, or its answer has no known form; else as
     * the visit. */
    enum tide_status (*ask)(void *self,
                            const struct tide_batch_question *question,
                            struct tide_batch_visitor visitor,
                            struct tide_error *error);
    void *self;
    /* What had left the lake before: it is in no answer. */
    const struct tide_expired *events;
    const struct tide_expired *rejected;
};

#endif
