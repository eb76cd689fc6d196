/* The filters of the reference platform: query parameters that name a value of a column. On the
 * API's threads. */
#ifndef TIDE_SERVE_API_FILTERS_H
#define TIDE_SERVE_API_FILTERS_H

#include "serve/api_internal.h"

enum {
    API_FILTERS_MAX = 5
};

/* Big: not for the stack of a small thread. Lives until released; all zero is none. */
struct api_filters {
    const char *parameters[API_FILTERS_MAX];
    struct tide_view columns[API_FILTERS_MAX];
    uint32_t indices[API_FILTERS_MAX]; /* of columns in the schema; NONE: it has no such column */
    struct tide_view values[API_FILTERS_MAX];
    uint32_t count;
    /* All of them, where the schema has the columns; NULL: none was asked for. */
    const struct tide_expression *condition;
    struct tide_arena arena;
    struct tide_bytes text;
    struct tide_source source;
    struct tide_diagnostics diagnostics;
};

/* false after a problem was replied. Release it in any case. */
bool api_filters_read(const struct tide_schema *schema,
                      struct tide_http_exchange *exchange,
                      struct api_filters *filters);
void api_filters_release(struct api_filters *filters);
/* Whether the metric is grouped by all columns that are filtered. */
bool api_filters_fit(const struct api_filters *filters, const struct tide_metric *metric);
/* 400: nothing in `what` is grouped so; which metrics are. */
void api_filters_reply_unfit(const struct api_filters *filters,
                             const struct tide_definitions *definitions,
                             const char *what,
                             struct tide_http_exchange *exchange);
/* "filters":{"region":"us-east"} */
void api_filters_write(const struct api_filters *filters, struct tide_bytes *json);

#endif
