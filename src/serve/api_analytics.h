/* The reference platform's questions: which metrics of the device preset answer each of its
 * endpoints. */
#ifndef TIDE_SERVE_API_ANALYTICS_H
#define TIDE_SERVE_API_ANALYTICS_H

#include "base/bytes.h"

enum {
    API_ANALYTICS_LIMIT_MAX = 10000,
    API_ANALYTICS_OFFSET_MAX = 1000000000,
    API_ANALYTICS_METRICS_MAX = 12, /* of an endpoint */
    API_REALTIME_MINUTES_MAX = 60,
};
#define API_ANALYTICS_LIMIT_DEFAULT "1000"
#define API_REALTIME_MINUTES_DEFAULT "5"

struct api_endpoint {
    const char *path;
    const char *name;
    const char *metrics[API_ANALYTICS_METRICS_MAX]; /* ends with NULL */
    /* Finer ones, which answer where none of metrics has the columns that are filtered by. */
    const char *spares[API_ANALYTICS_METRICS_MAX];
};
/* NULL if there is none. */
const struct api_endpoint *api_endpoint_find(struct tide_view path);

#endif
