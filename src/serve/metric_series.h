/* One metric's newest numbers as samples of tidemark_metric_value.
 *
 *     tidemark_metric_value{metric="crashes",window="complete",of="value",os="ios"} 12
 *
 * window: "complete", the newest window to which nothing more can come by the closing clock, and
 * "current", the one that the closing clock is in. of: which number of a kind:
 *
 *     value                                                   most kinds
 *     p50, p95, ..                                            quantiles
 *     sessions, bounced, mean_duration, median_duration       sessions; seconds
 *     entered, completed, conversion, mean_time, median_time,
 *     reached (of each step: step="1 impression")             funnels; seconds
 *     size, retained (of each period: period="1", a share)    retention, complete only: of each
 *                                                             period the newest cohort that has
 *                                                             been through it
 *
 * Groups are labels by their columns' names; a column that is called like a label of ours or of
 * Prometheus' own gets "by_" before it. Null is (null), the group of folded events (other). A
 * number that is not known has no sample; nor has a group whose text is too long for a label. */
#ifndef TIDE_SERVE_METRIC_SERIES_H
#define TIDE_SERVE_METRIC_SERIES_H

#include "base/bytes.h"
#include "operator/result.h"

enum {
    TIDE_METRIC_LABEL_BYTES_MAX = 128
};

struct tide_metric_windows {
    struct tide_window complete;
    struct tide_window current;
    /* Of a retention: by period the cohort's window. */
    struct tide_window cohorts[TIDE_RETENTION_PERIODS_MAX + 1];
};

/* At that closing clock, which is known. Of a ratio: of the part above the line. */
void tide_metric_windows_at(const struct tide_definitions *definitions,
                            const struct tide_metric *metric,
                            struct tide_instant closing,
                            struct tide_metric_windows *windows);
/* Where all those windows start; of a ratio with those of the part below. */
struct tide_cell_span tide_metric_windows_span(const struct tide_definitions *definitions,
                                               const struct tide_metric *metric,
                                               struct tide_instant closing);

struct tide_metric_series {
    struct tide_bytes text; /* lines */
    uint32_t count;         /* of lines */
    uint32_t left_out;      /* not written: a label is too long or not to be had */
};

/* false: two of the metric's labels have the same name, so it has no series. */
bool tide_metric_series_possible(const struct tide_definitions *definitions,
                                 const struct tide_metric *metric);
/* Appends the lines of a result that has the windows in it. Where a window has no cell, a metric
 * without groups that counts or adds is 0 there. */
void tide_metric_series_write(const struct tide_definitions *definitions,
                              const struct tide_metric *metric,
                              const struct tide_metric_windows *windows,
                              const struct tide_result *result,
                              struct tide_metric_series *series);

#endif
