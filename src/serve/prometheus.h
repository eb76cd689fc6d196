/* Prometheus text format 0.0.4 of the instruments, so written that `promtool check metrics` has
 * nothing to say.
 *
 * A family is its head and then its samples, without another family's in between. Names, types and
 * label names come from instrument.h; label values are given in its order, and escaped here.
 *
 *     tide_prometheus_family(text, TIDE_INSTRUMENT_VERDICTS);
 *     tide_prometheus_sample(
 *         text, TIDE_INSTRUMENT_VERDICTS, TIDE_LABELS(TIDE_VIEW("processed")), 12);
 */
#ifndef TIDE_SERVE_PROMETHEUS_H
#define TIDE_SERVE_PROMETHEUS_H

#include "base/bytes.h"
#include "base/histogram.h"
#include "serve/instrument.h"

#define TIDE_PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* As many values as the instrument has labels; NULL where it has none. */
#define TIDE_LABELS(...) ((const struct tide_view[]){__VA_ARGS__})

void tide_prometheus_family(struct tide_bytes *text, enum tide_instrument instrument);
/* labels: NULL for none. */
void tide_prometheus_sample(struct tide_bytes *text,
                            enum tide_instrument instrument,
                            const struct tide_view *labels,
                            uint64_t value);
/* The same for seconds with six decimals: of a duration, or of an instant as seconds since 1970. */
void tide_prometheus_seconds(struct tide_bytes *text,
                             enum tide_instrument instrument,
                             const struct tide_view *labels,
                             int64_t us);
/* All buckets, sum and count. */
void tide_prometheus_histogram(struct tide_bytes *text,
                               enum tide_instrument instrument,
                               const struct tide_view *labels,
                               const struct tide_histogram_reading *reading);
/* Family and its only sample, without labels. */
void tide_prometheus_single(struct tide_bytes *text,
                            enum tide_instrument instrument,
                            uint64_t value);
void tide_prometheus_single_seconds(struct tide_bytes *text,
                                    enum tide_instrument instrument,
                                    int64_t us);

/* For a sample whose labels are not all of the table: `name="value"`, escaped, after a comma unless
 * the last byte is '{'. */
void tide_prometheus_label(struct tide_bytes *text, struct tide_view name, struct tide_view value);

#endif
