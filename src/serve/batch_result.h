/* The result of a metric from the lake alone: batch's cells in the form that everything else reads.
 * What verify compares with what is served, and what a batch run serves itself. */
#ifndef TIDE_SERVE_BATCH_RESULT_H
#define TIDE_SERVE_BATCH_RESULT_H

#include "batch/compute.h"
#include "operator/result.h"

/* All windows of the engine's events, cut to the top, a ratio from its two parts. Everything in it
 * is exact; events (the revision) is 0 but for counts and sessions. The caller destroys the result.
 * Blocks, on the engine's thread. RETRY: out of memory; otherwise as tide_batch_compute. */
enum tide_status tide_batch_result(struct tide_batch_engine engine,
                                   const struct tide_definitions *definitions,
                                   const struct tide_metric *metric,
                                   struct tide_result **result,
                                   struct tide_error *error);

#endif
