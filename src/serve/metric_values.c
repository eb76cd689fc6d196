#include "serve/metric_values.h"

#include "base/assert.h"
#include "serve/cell_query.h"
#include "serve/metric_series.h"
#include "serve/prometheus.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    AGE_MAX_US = 5000000,
    TEXT_BYTES_MAX = 512 << 10, /* of all series: a scrape is not to be a megabyte */
    /* Of a metric in one partition: some ten milliseconds of its worker. */
    CELLS_LOOKED_AT_MAX = 1 << 20,
    CELLS_COPIED_MAX = 1 << 16
};

struct tide_metric_values {
    struct tide_metric_values_options options;
    pthread_mutex_t mutex;   /* over what is kept */
    pthread_mutex_t reading; /* held by who reads anew */
    struct tide_bytes kept;  /* the families' text */
    bool is_kept;
    struct tide_monotonic read_at;
};

enum tide_status tide_metric_values_create(const struct tide_metric_values_options *options,
                                           struct tide_metric_values **values,
                                           struct tide_error *error)
{
    tide_assert(options->series_max <= TIDE_METRIC_SERIES_MAX && options->partition_count > 0);
    struct tide_metric_values *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the metrics' values");
    }
    made->options = *options;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_mutex_init(&made->reading, NULL);
    *values = made;
    return TIDE_OK;
}

void tide_metric_values_destroy(struct tide_metric_values *values)
{
    if (values != NULL) {
        tide_bytes_release(&values->kept);
        pthread_mutex_destroy(&values->mutex);
        pthread_mutex_destroy(&values->reading);
        free(values);
    }
}

/* ---- looking */

struct part { /* of a metric */
    struct tide_cell_request request;
    struct tide_metric_series series;
    _Atomic bool is_too_large; /* a partition has too many cells */
    bool is_told;
};

struct look {
    const struct tide_metric_values_options *options;
    struct tide_instant closing;
    struct part *parts;
};

struct count {
    struct tide_cell_span span;
    uint64_t left;
};

static enum tide_status count_cell(void *context,
                                   struct tide_window window,
                                   struct tide_view group,
                                   const struct tide_cell_value *value)
{
    struct count *count = context;
    (void)group;
    (void)value;
    if (!tide_cell_span_has(count->span, window)) {
        return TIDE_OK;
    }
    return count->left-- > 0 ? TIDE_OK : TIDE_AGAIN;
}

/* Whether the partition's cells may be copied: those that cannot be told need not be, but which of
 * a top are told is known only when all are there. */
static bool fits(const struct look *look,
                 const struct tide_cell_request *request,
                 const struct tide_partition *partition,
                 uint32_t index)
{
    const struct tide_metric *metric = &look->options->definitions->metrics[index];
    struct tide_operator *state = tide_partition_operator(partition, index);
    const uint64_t panes = metric->pane_count > 1 ? metric->pane_count : 1;
    struct count count = {request->span, CELLS_COPIED_MAX};
    if (metric->top == 0 && look->options->series_max * 2 * panes < CELLS_COPIED_MAX) {
        count.left = look->options->series_max * 2 * panes;
    }
    return tide_operator_facts(state).cell_count <= CELLS_LOOKED_AT_MAX / panes &&
           tide_operator_visit(
               state, (struct tide_cell_visitor){TIDE_INSTANT_UNKNOWN, count_cell, &count}) ==
               TIDE_OK;
}

static void visit(void *context, struct tide_partition *partition)
{
    const struct look *look = context;
    const struct tide_definitions *definitions = look->options->definitions;
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        struct part *part = &look->parts[i];
        for (uint32_t k = 0; part->is_told && k < definitions->metric_count; k++) {
            if (part->request.is_wanted[k] && !atomic_load(&part->is_too_large) &&
                !fits(look, &part->request, partition, k)) {
                atomic_store(&part->is_too_large, true);
            }
        }
        if (part->is_told && !atomic_load(&part->is_too_large)) {
            tide_cell_request_visit(&part->request, partition);
        }
    }
}

static enum tide_status begin_part(const struct look *look, uint32_t index)
{
    const struct tide_metric_values_options *options = look->options;
    const struct tide_metric *metric = &options->definitions->metrics[index];
    struct part *part = &look->parts[index];
    part->is_told = !metric->is_hidden && tide_metric_series_possible(options->definitions, metric);
    if (!part->is_told) {
        return TIDE_OK;
    }
    const struct tide_cell_scope scope = {
        index, tide_metric_windows_span(options->definitions, metric, look->closing)};
    const enum tide_status status = tide_cell_request_init(
        &part->request, options->definitions, options->partition_count, &scope, NULL);
    part->request.span = scope.span; /* of a ratio, too: it has both sides' windows in it */
    return status;
}

static enum tide_status finish_part(const struct look *look, uint32_t index)
{
    const struct tide_definitions *definitions = look->options->definitions;
    const struct tide_metric *metric = &definitions->metrics[index];
    struct part *part = &look->parts[index];
    struct tide_metric_windows windows;
    struct tide_result *result = NULL;
    if (!part->is_told) {
        return TIDE_OK;
    }
    if (atomic_load(&part->is_too_large)) {
        part->series.left_out = look->options->series_max + 1; /* at least */
        return TIDE_OK;
    }
    const enum tide_status status =
        tide_cell_request_result(&part->request, index, NULL, &result, NULL);
    if (status == TIDE_OK) {
        tide_bytes_init(&part->series.text, TEXT_BYTES_MAX);
        tide_metric_windows_at(definitions, metric, look->closing, &windows);
        tide_metric_series_write(definitions, metric, &windows, result, &part->series);
    }
    tide_result_destroy(result);
    return status;
}

/* ---- who is told */

static int compare_parts(const void *left, const void *right, void *context)
{
    const struct part *parts = context;
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    const uint32_t one = parts[a].series.count;
    const uint32_t other = parts[b].series.count;
    return one != other ? (one < other ? -1 : 1) : (a < b ? -1 : a > b);
}

/* Takes back what has no room. false: no memory. */
static bool share_room(const struct look *look)
{
    const uint32_t count = look->options->definitions->metric_count;
    uint32_t *order = calloc(count + 1U, sizeof(*order));
    uint32_t series = look->options->series_max;
    size_t bytes = TEXT_BYTES_MAX;
    if (order == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    qsort_r(order, count, sizeof(*order), compare_parts, look->parts);
    for (uint32_t i = 0; i < count; i++) {
        struct tide_metric_series *of = &look->parts[order[i]].series;
        if (of->count <= series && of->text.size <= bytes && !of->text.failed) {
            series -= of->count;
            bytes -= of->text.size;
        } else {
            of->left_out += of->count;
            of->count = 0;
            tide_bytes_reset(&of->text);
        }
    }
    free(order);
    return true;
}

static void write_values(const struct look *look, struct tide_bytes *text)
{
    const struct tide_definitions *definitions = look->options->definitions;
    tide_prometheus_family(text, TIDE_INSTRUMENT_METRIC_VALUE);
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        tide_bytes_append_view(text, tide_bytes_view(&look->parts[i].series.text));
    }
    tide_prometheus_family(text, TIDE_INSTRUMENT_METRIC_SERIES_LEFT_OUT);
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        if (!definitions->metrics[i].is_hidden) {
            tide_prometheus_sample(text,
                                   TIDE_INSTRUMENT_METRIC_SERIES_LEFT_OUT,
                                   TIDE_LABELS(definitions->metrics[i].name),
                                   look->parts[i].series.left_out);
        }
    }
}

static void write_windows(const struct look *look, struct tide_bytes *text)
{
    const struct tide_definitions *definitions = look->options->definitions;
    tide_prometheus_family(text, TIDE_INSTRUMENT_METRIC_WINDOW_END);
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        struct tide_metric_windows windows;
        if (look->parts[i].series.count == 0 || metric->kind == TIDE_METRIC_RETENTION) {
            continue;
        }
        tide_metric_windows_at(definitions, metric, look->closing, &windows);
        tide_prometheus_seconds(text,
                                TIDE_INSTRUMENT_METRIC_WINDOW_END,
                                TIDE_LABELS(metric->name, TIDE_VIEW("complete")),
                                windows.complete.end.us);
        tide_prometheus_seconds(text,
                                TIDE_INSTRUMENT_METRIC_WINDOW_END,
                                TIDE_LABELS(metric->name, TIDE_VIEW("current")),
                                windows.current.end.us);
    }
}

/* false: no memory, or the engine has stopped. */
static bool look_at_all(struct look *look)
{
    const uint32_t count = look->options->definitions->metric_count;
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < count; i++) {
        status = begin_part(look, i);
    }
    if (status == TIDE_OK && !tide_engine_visit(look->options->engine, visit, look)) {
        status = TIDE_RETRY;
    }
    for (uint32_t i = 0; status == TIDE_OK && i < count; i++) {
        status = finish_part(look, i);
    }
    return status == TIDE_OK && share_room(look);
}

static void read_anew(const struct tide_metric_values *values, struct tide_bytes *text)
{
    const struct tide_metric_values_options *options = &values->options;
    const uint32_t count = options->definitions->metric_count;
    const struct tide_monotonic start = tide_clock_monotonic(options->clock);
    struct look look = {.options = options,
                        .closing = tide_engine_closing(options->engine),
                        .parts = calloc(count + 1U, sizeof(*look.parts))};
    if (tide_instant_known(look.closing) && look.parts != NULL && look_at_all(&look)) {
        write_values(&look, text);
        write_windows(&look, text);
        tide_prometheus_single_seconds(
            text,
            TIDE_INSTRUMENT_METRIC_LOOK_DURATION,
            tide_monotonic_since(tide_clock_monotonic(options->clock), start).us);
    }
    for (uint32_t i = 0; look.parts != NULL && i < count; i++) {
        tide_cell_request_release(&look.parts[i].request);
        tide_bytes_release(&look.parts[i].series.text);
    }
    free(look.parts);
}

static bool is_young(const struct tide_metric_values *values)
{
    const struct tide_monotonic now = tide_clock_monotonic(values->options.clock);
    return values->is_kept && tide_monotonic_since(now, values->read_at).us < AGE_MAX_US;
}

void tide_metric_values_write(struct tide_metric_values *values, struct tide_bytes *text)
{
    if (values->options.series_max == 0) {
        return;
    }
    pthread_mutex_lock(&values->mutex);
    const bool is_fresh = is_young(values);
    pthread_mutex_unlock(&values->mutex);
    if (!is_fresh && pthread_mutex_trylock(&values->reading) == 0) {
        struct tide_bytes read = {0};
        read_anew(values, &read);
        pthread_mutex_lock(&values->mutex);
        tide_bytes_release(&values->kept);
        values->kept = read;
        values->is_kept = true;
        values->read_at = tide_clock_monotonic(values->options.clock);
        pthread_mutex_unlock(&values->mutex);
        pthread_mutex_unlock(&values->reading);
    }
    pthread_mutex_lock(&values->mutex);
    if (!values->kept.failed) {
        tide_bytes_append_view(text, tide_bytes_view(&values->kept));
    }
    pthread_mutex_unlock(&values->mutex);
}
