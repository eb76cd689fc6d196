/* The engine that is DuckDB over a view of the lake: each question is an SQL text, asked when it is
 * asked. */
#ifndef TIDE_BATCH_LAKE_ENGINE_H
#define TIDE_BATCH_LAKE_ENGINE_H

#include "batch/engine.h"
#include "batch/lake_view.h"

/* Lent: it goes with the view, on whose thread it is asked. */
struct tide_batch_engine tide_lake_engine(struct tide_lake_view *view);

/* The least and greatest event_time; false: there are no events. */
enum tide_status tide_lake_span(struct tide_lake_view *view,
                                struct tide_window *span,
                                bool *has_events,
                                struct tide_error *error);

#endif
