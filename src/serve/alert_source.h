/* Where alerts get cells and the closing clock from: a running engine, or a test. */
#ifndef TIDE_SERVE_ALERT_SOURCE_H
#define TIDE_SERVE_ALERT_SOURCE_H

#include "serve/cell_query.h"

struct tide_alert_source {
    /* The least closing clock; unknown while it is not known. */
    struct tide_instant (*closing)(void *context);
    /* The metric's rows in the span: all of them, and those that the filter passes (the same result
     * without one). The caller destroys both. RETRY: no memory, or the engine has stopped. */
    enum tide_status (*ask)(void *context,
                            uint32_t metric,
                            struct tide_cell_span span,
                            const struct tide_expression *filter,
                            struct tide_result *results[2],
                            struct tide_error *error);
    void *context;
};

struct tide_alert_engine { /* what the engine's source needs */
    struct tide_engine *engine;
    const struct tide_definitions *definitions;
    uint32_t partition_count;
};
/* engine outlives the source. */
struct tide_alert_source tide_alert_source_of(struct tide_alert_engine *engine);
/* Each once. */
void tide_alert_results_destroy(struct tide_result *results[2]);

#endif
