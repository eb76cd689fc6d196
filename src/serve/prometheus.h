/* Prometheus text format 0.0.4, so written that `promtool check metrics` has nothing to say.
 *
 * A family is its head and then its samples, without another family's in between. Labels come from
 * fixed sets only: partitions, reasons, outcomes, routes; never from an event. All names and label
 * names are static; label values are escaped here.
 *
 *     tide_prometheus_family(text, "tidemark_verdicts_total", "counter", "Records by outcome.");
 *     tide_prometheus_sample(text, "tidemark_verdicts_total", "outcome", "processed", 12);
 */
#ifndef TIDE_SERVE_PROMETHEUS_H
#define TIDE_SERVE_PROMETHEUS_H

#include "base/bytes.h"
#include "base/clock.h"

#define TIDE_PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* type: "counter" (name ends in _total), "gauge", "histogram". help: one sentence. */
void tide_prometheus_family(struct tide_bytes *text,
                            const char *name,
                            const char *type,
                            const char *help);
/* One sample with one label, or none: label NULL. */
void tide_prometheus_sample(struct tide_bytes *text,
                            const char *name,
                            const char *label,
                            const char *label_value,
                            uint64_t value);
/* The same for seconds with six decimals: of a duration, or of an instant as seconds since 1970. */
void tide_prometheus_seconds(struct tide_bytes *text,
                             const char *name,
                             const char *label,
                             const char *label_value,
                             int64_t us);
/* Family and single sample at once. */
void tide_prometheus_counter(struct tide_bytes *text,
                             const char *name,
                             const char *help,
                             uint64_t value);
void tide_prometheus_gauge(struct tide_bytes *text,
                           const char *name,
                           const char *help,
                           uint64_t value);

#endif
