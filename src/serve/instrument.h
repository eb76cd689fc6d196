/* Every metric that the program has about itself: the one table from which come the HELP and TYPE
 * lines of GET /metrics, docs/reference/metrics.md (`tidemark help metrics`) and the dashboards.
 *
 * Names follow Prometheus' conventions: base units, _total for counters. Labels are fixed here and
 * take their values from fixed sets: partitions, reasons, routes, topics, names of definitions;
 * never from an event. One is different, tidemark_metric_value: metric_values.h bounds it. */
#ifndef TIDE_SERVE_INSTRUMENT_H
#define TIDE_SERVE_INSTRUMENT_H

#include <stdint.h>

enum tide_instrument {
    TIDE_INSTRUMENT_BUILD_INFO,
    TIDE_INSTRUMENT_VERDICTS,
    TIDE_INSTRUMENT_PROCESSED,
    TIDE_INSTRUMENT_REJECTED,
    TIDE_INSTRUMENT_MISTYPED_VALUES,
    TIDE_INSTRUMENT_PARTITION_RECORDS,
    TIDE_INSTRUMENT_PARTITION_WATERMARK,
    TIDE_INSTRUMENT_PARTITION_CLOSING,
    TIDE_INSTRUMENT_CAUGHT_UP,
    TIDE_INSTRUMENT_RECORDS_BEHIND,
    TIDE_INSTRUMENT_VISIBLE_DELAY,
    TIDE_INSTRUMENT_STATE_BYTES,
    TIDE_INSTRUMENT_ROWS_BYTES,
    TIDE_INSTRUMENT_CELLS,
    TIDE_INSTRUMENT_FOLDED_EVENTS,
    TIDE_INSTRUMENT_PENDING_KEYS,
    TIDE_INSTRUMENT_CHECKPOINTS,
    TIDE_INSTRUMENT_CHECKPOINT_FAILURES,
    TIDE_INSTRUMENT_CHECKPOINT_LAST_DURATION,
    TIDE_INSTRUMENT_CHECKPOINT_DURATION,
    TIDE_INSTRUMENT_CHECKPOINT_LAST_SUCCESS,
    TIDE_INSTRUMENT_LAKE_WRITTEN_FILES,
    TIDE_INSTRUMENT_LAKE_WRITTEN_BYTES,
    TIDE_INSTRUMENT_BATCH_LAST_RUN,
    TIDE_INSTRUMENT_ALERTS,
    TIDE_INSTRUMENT_ALERT_TRANSITIONS,
    TIDE_INSTRUMENT_ALERT_WINDOWS_SKIPPED,
    TIDE_INSTRUMENT_ALERT_GROUPS_BEYOND,
    TIDE_INSTRUMENT_ALERT_DELIVERIES,
    TIDE_INSTRUMENT_ALERT_GIVEN_UP,
    TIDE_INSTRUMENT_ALERT_DROPPED,
    TIDE_INSTRUMENT_ALERT_UNTOLD,
    TIDE_INSTRUMENT_METRIC_VALUE,
    TIDE_INSTRUMENT_METRIC_WINDOW_END,
    TIDE_INSTRUMENT_METRIC_SERIES_LEFT_OUT,
    TIDE_INSTRUMENT_METRIC_LOOK_DURATION,
    TIDE_INSTRUMENT_QUESTIONS_WAITING,
    TIDE_INSTRUMENT_COLLECTOR_BODIES,
    TIDE_INSTRUMENT_COLLECTOR_BODIES_REFUSED,
    TIDE_INSTRUMENT_COLLECTOR_BODIES_REPEATED,
    TIDE_INSTRUMENT_COLLECTOR_EVENTS_ACCEPTED,
    TIDE_INSTRUMENT_COLLECTOR_EVENTS_REJECTED,
    TIDE_INSTRUMENT_PRODUCED_RECORDS,
    TIDE_INSTRUMENT_PRODUCED_BYTES,
    TIDE_INSTRUMENT_PRODUCE_FAILURES,
    TIDE_INSTRUMENT_PRODUCE_DURATION,
    TIDE_INSTRUMENT_LOG_SYNCS,
    TIDE_INSTRUMENT_LOG_SYNC_DURATION,
    TIDE_INSTRUMENT_LOG_BYTES,
    TIDE_INSTRUMENT_LOG_PENDING_BYTES,
    TIDE_INSTRUMENT_HTTP_REQUESTS,
    TIDE_INSTRUMENT_HTTP_REQUEST_DURATION,
    TIDE_INSTRUMENT_DISK_FREE_BYTES,
    TIDE_INSTRUMENT_DISK_SIZE_BYTES,
    TIDE_INSTRUMENT_PROCESS_CPU,
    TIDE_INSTRUMENT_PROCESS_RESIDENT,
    TIDE_INSTRUMENT_PROCESS_START,
    TIDE_INSTRUMENT_COUNT
};

enum tide_instrument_type {
    TIDE_INSTRUMENT_COUNTER,
    TIDE_INSTRUMENT_GAUGE,
    TIDE_INSTRUMENT_HISTOGRAM, /* base/histogram.h */
};

enum {
    TIDE_INSTRUMENT_LABELS_MAX = 3
};

struct tide_instrument_row {
    const char *name;
    enum tide_instrument_type type;
    const char *unit; /* "records", "bytes", "seconds"; "1": a state, or it depends */
    const char *labels[TIDE_INSTRUMENT_LABELS_MAX]; /* NULL: no more */
    const char *room;                               /* where it is counted */
    const char *help;                               /* one sentence */
};

const struct tide_instrument_row *tide_instrument_row(enum tide_instrument instrument);
/* "counter", "gauge", "histogram" */
const char *tide_instrument_type_name(enum tide_instrument_type type);
uint32_t tide_instrument_label_count(enum tide_instrument instrument);

#endif
