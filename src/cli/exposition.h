/* Single numbers of Prometheus text, as our own service writes it (serve/prometheus.h).
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
#ifndef TIDE_CLI_EXPOSITION_H
#define TIDE_CLI_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* The sum of the samples of that name, in millionths, whose labels have `label` as text, such as
 * `state="firing"` (NULL: all). false: there is none, or one that is no plain decimal number. */
bool tide_exposition_sum(struct tide_view text,
                         const char *name,
                         const char *label,
                         int64_t *millionths);
/* The value of a label of the first sample of that name, as it is written. false: there is none. */
bool tide_exposition_label(struct tide_view text,
                           const char *name,
                           const char *label,
                           struct tide_view *value);

#endif
