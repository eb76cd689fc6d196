/* Rows are placed in windows by arithmetic where windows are equally long (fixed ones; days and
 * weeks in UTC), else by a join with the calendar of the span, written out as VALUES.
 *
 * A range join is slow on both engines, so the calendar is cut at the days of UTC: a row finds the
 * one to three windows of its day by an equality, and the right one of these by comparing. */
#include "metric/sql_writer.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/timezone.h"

#include <inttypes.h>

#include "base/banned.h"

enum {
    DAYS_FROM_MONDAY = 3,
    DAYS_PER_WEEK = 7
};

/* Of windows that are equally long: start = event_time - (event_time + shift) % size. */
struct period {
    int64_t size_us;
    int64_t shift_us;
};

/* A retention counts periods, so it always has a calendar. */
static bool has_calendar(const struct sql_writer *writer)
{
    const struct tide_metric *metric = writer->metric;
    return metric->every.zone != NULL || metric->every.unit == TIDE_WINDOW_MONTHS ||
           metric->kind == TIDE_METRIC_RETENTION;
}

static struct period period_of(struct tide_window_spec spec)
{
    switch (spec.unit) {
    case TIDE_WINDOW_FIXED:
        return (struct period){spec.size, 0};
    case TIDE_WINDOW_DAYS:
        return (struct period){spec.size * TIDE_US_PER_DAY, 0};
    case TIDE_WINDOW_WEEKS:
        return (struct period){spec.size * DAYS_PER_WEEK * TIDE_US_PER_DAY,
                               DAYS_FROM_MONDAY * TIDE_US_PER_DAY};
    case TIDE_WINDOW_MONTHS:
        break;
    }
    tide_assert(false);
    return (struct period){0, 0};
}

/* event_time is never negative, so % is the remainder of the floor. */
static void write_start(const struct sql_writer *writer, struct period period)
{
    if (period.shift_us == 0) {
        SQL_FORMAT(writer, "event_time - event_time %% %" PRId64, period.size_us);
    } else {
        SQL_FORMAT(writer,
                   "event_time - (event_time + %" PRId64 ") %% %" PRId64,
                   period.shift_us,
                   period.size_us);
    }
}

void sql_write_pane(const struct sql_writer *writer)
{
    if (has_calendar(writer)) {
        SQL(writer, "_from");
    } else {
        write_start(writer, period_of(writer->metric->every));
    }
    SQL(writer, " AS _pane");
}

void sql_write_window(const struct sql_writer *writer)
{
    if (has_calendar(writer)) {
        SQL(writer, "CAST(_from AS BIGINT) AS _start, CAST(_to AS BIGINT) AS _end");
        return;
    }
    const struct period period = period_of(writer->metric->every);
    write_start(writer, period);
    SQL(writer, " AS _start, ");
    write_start(writer, period);
    SQL_FORMAT(writer, " + %" PRId64 " AS _end", period.size_us);
}

/* ------- the calendar */

static int64_t local_day(const struct sql_writer *writer, struct tide_instant t)
{
    const struct tide_timezone *zone = writer->metric->every.zone;
    return zone == NULL ? tide_days_of(t) : tide_timezone_day_of(zone, t);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A window as rows, one for each day of UTC that it shares with the span. */
static void write_window_rows(const struct sql_writer *writer,
                              struct tide_window window,
                              const char **comma)
{
    const int64_t first =
        tide_days_of(window.start.us > writer->span.start.us ? window.start : writer->span.start);
    const int64_t last =
        tide_days_of((struct tide_instant){least(window.end.us - 1, writer->span.end.us)});
    for (int64_t day = first; day <= last; day++) {
        SQL_FORMAT(writer,
                   "%s(%" PRId64 ", %" PRId64 ", %" PRId64,
                   *comma,
                   day * TIDE_US_PER_DAY,
                   window.start.us,
                   window.end.us);
        if (writer->metric->kind == TIDE_METRIC_RETENTION) {
            SQL_FORMAT(writer, ", %" PRId64, local_day(writer, window.start));
        }
        SQL(writer, ")");
        *comma = ", ";
    }
}

static void write_calendar(const struct sql_writer *writer)
{
    const char *comma = "";
    struct tide_window window = tide_window_of(writer->metric->every, writer->span.start);
    SQL(writer, "\nJOIN (VALUES ");
    do { /* once at least: VALUES wants a row */
        write_window_rows(writer, window, &comma);
        window = tide_window_next(writer->metric->every, window);
    } while (window.start.us <= writer->span.end.us);
    SQL(writer, ") AS _w(_day, _from, _to");
    SQL(writer, writer->metric->kind == TIDE_METRIC_RETENTION ? ", _number)" : ")");
    SQL_FORMAT(writer,
               "\nON event_time - event_time %% %" PRId64
               " = _day AND event_time >= _from AND event_time < _to",
               TIDE_US_PER_DAY);
}

void sql_write_from(const struct sql_writer *writer, const char *table)
{
    SQL_FORMAT(writer, " FROM %s AS _e", table);
    if (has_calendar(writer)) {
        write_calendar(writer);
    }
}

/* ------- sliding windows */

void sql_begin_slide(const struct sql_writer *writer)
{
    const struct tide_metric *metric = writer->metric;
    if (has_calendar(writer)) {
        SQL(writer, "SELECT _p.*, CAST(_from AS BIGINT) AS _start, CAST(_to AS BIGINT) AS _end");
    } else {
        SQL_FORMAT(writer,
                   "SELECT _p.*, _pane + _shift - %" PRId64 " AS _start, _pane + _shift AS _end",
                   period_of(metric->every).size_us * metric->pane_count);
    }
    SQL(writer, "\nFROM (");
}

static bool is_after(struct tide_window a, struct tide_window b)
{
    return a.end.us != b.end.us ? a.end.us > b.end.us : a.start.us > b.start.us;
}

/* Of each pane the windows that none before it had; a pane that holds no instant is passed over,
 * the windows that end with it are not. */
static void write_sliding_calendar(const struct sql_writer *writer)
{
    const struct tide_window_spec every = writer->metric->every;
    const uint32_t count = writer->metric->pane_count;
    const char *comma = "";
    struct tide_window last = {{INT64_MIN}, {INT64_MIN}};
    struct tide_window pane = tide_window_of(every, writer->span.start);
    SQL(writer, "JOIN (VALUES ");
    do {
        uint32_t k = count;
        while (k > 0 && is_after(tide_window_slide(every, count, pane.start, k - 1), last)) {
            k--;
        }
        for (; k < count; k++) {
            last = tide_window_slide(every, count, pane.start, k);
            SQL_FORMAT(writer, "%s(%" PRId64 ", %" PRId64 ")", comma, last.start.us, last.end.us);
            comma = ", ";
        }
        pane = tide_window_next(every, pane);
    } while (pane.start.us <= writer->span.end.us);
    SQL(writer, ") AS _v(_from, _to) ON _pane >= _from AND _pane < _to");
}

void sql_end_slide(const struct sql_writer *writer)
{
    SQL(writer, ") AS _p\n");
    if (has_calendar(writer)) {
        write_sliding_calendar(writer);
        return;
    }
    const int64_t size_us = period_of(writer->metric->every).size_us;
    SQL(writer, "CROSS JOIN (VALUES ");
    for (uint32_t k = 1; k <= writer->metric->pane_count; k++) {
        SQL_FORMAT(writer, "%s(%" PRId64 ")", k == 1 ? "" : ", ", size_us * k);
    }
    SQL(writer, ") AS _v(_shift)");
}
