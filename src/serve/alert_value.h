/* The number of a result's row that an alert looks at. */
#ifndef TIDE_SERVE_ALERT_VALUE_H
#define TIDE_SERVE_ALERT_VALUE_H

#include "metric/alert.h"
#include "operator/result.h"

/* Not known: null. Durations in seconds. */
struct tide_alert_number tide_alert_value_of(const struct tide_definitions *definitions,
                                             const struct tide_alert *alert,
                                             const struct tide_result *result,
                                             const struct tide_result_row *row);
/* Of a window without events: 0 of what counts or adds, not known of a mean, an extreme, a
 * quantile, a duration or a quotient. */
struct tide_alert_number tide_alert_value_of_nothing(const struct tide_definitions *definitions,
                                                     const struct tide_alert *alert);

#endif
