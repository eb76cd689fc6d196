#include "batch/spark_plan.h"

#include "base/assert.h"
#include "base/civil.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

/* There are no events before 1970, nor at or after 2100 (metric/sql.h). */
#define YEAR_2100_US (INT64_C(4102444800) * TIDE_US_PER_SECOND)

struct planner {
    const struct tide_spark_plan_options *options;
    struct tide_arena *arena;
    struct tide_spark_plan *plan;
    uint32_t capacity;
    struct tide_window lake; /* of all events of the snapshot, [start, end) */
    struct tide_error *error;
};

static const struct tide_window everything = {{INT64_MIN}, {INT64_MIN}};

/* ---- times */

/* By the folders' dates; a file without one may have anything. Empty: there are no files. */
static struct tide_window span_of_lake(const struct tide_snapshot *snapshot)
{
    struct tide_window span = {{YEAR_2100_US}, {0}};
    for (uint32_t i = 0; i < snapshot->events.file_count; i++) {
        const int32_t day = snapshot->events.files[i].date_days;
        const int64_t from_us = day == TIDE_DATE_UNKNOWN ? 0 : day * TIDE_US_PER_DAY;
        const int64_t to_us =
            day == TIDE_DATE_UNKNOWN ? YEAR_2100_US : (day + INT64_C(1)) * TIDE_US_PER_DAY;
        span.start.us = from_us < span.start.us ? from_us : span.start.us;
        span.end.us = to_us > span.end.us ? to_us : span.end.us;
    }
    return span;
}

static int64_t later(int64_t a_us, int64_t b_us)
{
    return a_us > b_us ? a_us : b_us;
}

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* ---- units */

static bool is_divisible(const struct tide_metric *metric)
{
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_APPROX_DISTINCT:
        return true;
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        break;
    }
    return false;
}

/* Whose windows are joined by their ends to others of a ratio. */
static bool is_uneven_part(const struct tide_definitions *definitions,
                           const struct tide_metric *metric)
{
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *ratio = &definitions->metrics[i];
        if (ratio->kind != TIDE_METRIC_RATIO) {
            continue;
        }
        const struct tide_metric *above = &definitions->metrics[ratio->parts[0]];
        const struct tide_metric *below = &definitions->metrics[ratio->parts[1]];
        if ((metric == above || metric == below) && !tide_metric_same_windows(above, below)) {
            return true;
        }
    }
    return false;
}

/* Unless it reads nothing. */
static enum tide_status add_unit(struct planner *planner, struct tide_spark_unit unit)
{
    struct tide_spark_plan *plan = planner->plan;
    unit.span = planner->lake;
    if (tide_instant_known(unit.events.start)) {
        unit.span.start.us = later(unit.span.start.us, unit.events.start.us);
    }
    if (tide_instant_known(unit.events.end)) {
        unit.span.end.us = earlier(unit.span.end.us, unit.events.end.us);
    }
    const bool is_audit = unit.question.kind == TIDE_BATCH_REJECTED_AUDIT;
    if (is_audit ? planner->options->snapshot->rejected.file_count == 0
                 : unit.span.start.us >= unit.span.end.us) {
        return TIDE_OK;
    }
    if (plan->unit_count == TIDE_SPARK_UNITS_MAX) {
        return tide_error_set(
            planner->error, TIDE_REJECT, "more than %d pieces of work", TIDE_SPARK_UNITS_MAX);
    }
    if (plan->unit_count == planner->capacity) {
        const uint32_t capacity = planner->capacity == 0 ? 64 : planner->capacity * 2;
        struct tide_spark_unit *units =
            TIDE_ARENA_ARRAY(planner->arena, struct tide_spark_unit, capacity);
        if (units == NULL) {
            return tide_error_set(planner->error, TIDE_RETRY, "no memory for a plan");
        }
        for (uint32_t i = 0; i < plan->unit_count; i++) {
            units[i] = plan->units[i];
        }
        plan->units = units;
        planner->capacity = capacity;
    }
    unit.span.end.us--;
    plan->units[plan->unit_count++] = unit;
    return TIDE_OK;
}

/* The window that starts with a pane. */
static struct tide_window window_from(const struct tide_metric *metric, struct tide_window pane)
{
    return metric->pane_count > 1
               ? tide_window_slide(
                     metric->every, metric->pane_count, pane.start, metric->pane_count - 1)
               : pane;
}

/* The windows that start in [from, to) and end within the span. */
static enum tide_status add_days(struct planner *planner,
                                 const struct tide_metric *metric,
                                 int64_t from_us,
                                 int64_t to_us)
{
    const struct tide_window span = planner->options->span;
    struct tide_window first = tide_window_of(metric->every, (struct tide_instant){from_us});
    if (first.start.us < from_us) {
        first = tide_window_next(metric->every, first);
    }
    if (first.start.us >= to_us || window_from(metric, first).end.us > span.end.us) {
        return TIDE_OK;
    }
    const struct tide_window last =
        window_from(metric, tide_window_of(metric->every, (struct tide_instant){to_us - 1}));
    return add_unit(planner,
                    (struct tide_spark_unit){
                        .question = {TIDE_BATCH_CELLS, planner->options->definitions, metric},
                        .starts = {{from_us}, {to_us}},
                        .events = {first.start, {earlier(last.end.us, span.end.us)}},
                        .day = tide_days_of((struct tide_instant){from_us}),
                    });
}

/* Day by day, so that what is finished is finished for all of them. */
static enum tide_status divide(struct planner *planner)
{
    const struct tide_definitions *definitions = planner->options->definitions;
    const struct tide_window span = planner->options->span;
    const int64_t first = tide_days_of(span.start);
    const int64_t end = tide_days_of((struct tide_instant){span.end.us - 1}) + 1;
    const int64_t step = (end - first + TIDE_SPARK_DAYS_MAX - 1) / TIDE_SPARK_DAYS_MAX;
    enum tide_status status = TIDE_OK;
    for (int64_t day = first; status == TIDE_OK && day < end; day += step) {
        const int64_t from_us = later(span.start.us, day * TIDE_US_PER_DAY);
        const int64_t to_us = earlier(span.end.us, (day + step) * TIDE_US_PER_DAY);
        for (uint32_t i = 0; status == TIDE_OK && i < definitions->metric_count; i++) {
            const struct tide_metric *metric = &definitions->metrics[i];
            if (is_divisible(metric) && !is_uneven_part(definitions, metric)) {
                status = add_days(planner, metric, from_us, to_us);
            }
        }
    }
    return status;
}

static enum tide_status add_whole(struct planner *planner, const struct tide_metric *metric)
{
    const struct tide_window span = planner->options->span;
    struct tide_spark_unit unit = {
        .question = {TIDE_BATCH_CELLS, planner->options->definitions, metric},
        .starts = span,
        .events = everything,
        .day = -1,
    };
    if (is_divisible(metric)) {
        if (tide_instant_known(span.start) &&
            is_uneven_part(planner->options->definitions, metric)) {
            const struct tide_window pane = tide_window_of(metric->every, span.start);
            unit.starts.start =
                tide_window_slide(metric->every, metric->pane_count, pane.start, 0).start;
        }
        unit.events = (struct tide_window){unit.starts.start, span.end};
    } else if (metric->kind == TIDE_METRIC_SESSIONS && tide_instant_known(span.start)) {
        unit.events.start.us = span.start.us - metric->sessions.timeout.us;
    }
    return add_unit(planner, unit);
}

static enum tide_status add_metrics(struct planner *planner)
{
    const struct tide_definitions *definitions = planner->options->definitions;
    const struct tide_window span = planner->options->span;
    const bool is_divided = tide_instant_known(span.start) && tide_instant_known(span.end);
    enum tide_status status = is_divided ? divide(planner) : TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        const bool is_ratio = metric->kind == TIDE_METRIC_RATIO; /* its parts are units */
        const bool is_done =
            is_divided && is_divisible(metric) && !is_uneven_part(definitions, metric);
        if (!is_ratio && !is_done) {
            status = add_whole(planner, metric);
        }
    }
    return status;
}

static enum tide_status add_question(struct planner *planner, enum tide_batch_question_kind kind)
{
    return add_unit(
        planner,
        (struct tide_spark_unit){
            .question = {.kind = kind}, .starts = everything, .events = everything, .day = -1});
}

/* ---- public */

enum tide_status tide_spark_plan_make(const struct tide_spark_plan_options *options,
                                      struct tide_arena *arena,
                                      struct tide_spark_plan *plan,
                                      struct tide_error *error)
{
    struct planner planner = {.options = options,
                              .arena = arena,
                              .plan = plan,
                              .lake = span_of_lake(options->snapshot),
                              .error = error};
    enum tide_status status = TIDE_OK;
    *plan = (struct tide_spark_plan){.definitions = options->definitions,
                                     .snapshot = options->snapshot};
    if (options->has_reads) {
        status = add_question(&planner, TIDE_BATCH_READS);
    }
    if (status == TIDE_OK) {
        status = add_metrics(&planner);
    }
    if (status == TIDE_OK && options->has_audits) {
        status = add_question(&planner, TIDE_BATCH_EVENTS_AUDIT);
    }
    if (status == TIDE_OK && options->has_audits) {
        status = add_question(&planner, TIDE_BATCH_REJECTED_AUDIT);
    }
    return status;
}

bool tide_spark_unit_reads(const struct tide_spark_unit *unit,
                           const struct tide_snapshot_file *file)
{
    if (file->date_days == TIDE_DATE_UNKNOWN) {
        return true;
    }
    return (!tide_instant_known(unit->events.start) ||
            file->date_days >= tide_days_of(unit->events.start)) &&
           (!tide_instant_known(unit->events.end) ||
            file->date_days * TIDE_US_PER_DAY < unit->events.end.us);
}

void tide_spark_unit_name(const struct tide_spark_unit *unit, struct tide_bytes *text)
{
    char date[TIDE_CIVIL_TEXT_MAX];
    switch (unit->question.kind) {
    case TIDE_BATCH_CELLS:
        tide_bytes_append_view(text, unit->question.metric->name);
        break;
    case TIDE_BATCH_READS:
        tide_bytes_append_text(text, "how far events go");
        break;
    case TIDE_BATCH_EVENTS_AUDIT:
        tide_bytes_append_text(text, "audit of events");
        break;
    case TIDE_BATCH_REJECTED_AUDIT:
        tide_bytes_append_text(text, "audit of rejected");
        break;
    }
    if (unit->day >= 0) {
        tide_civil_format_date(unit->day, date);
        tide_bytes_append_format(text, " %s", date);
    }
}

void tide_spark_result_name(uint32_t unit_index, char name[TIDE_SPARK_RESULT_SIZE])
{
    tide_assert(unit_index < TIDE_SPARK_UNITS_MAX);
    (void)snprintf(name, TIDE_SPARK_RESULT_SIZE, "%05" PRIu32 ".ndjson", unit_index);
}
