#include "batch/lake_engine.h"

#include "base/assert.h"
#include "metric/sql.h"

#include "base/banned.h"

enum {
    SQL_BYTES_MAX = 32 << 20
};

/* ---- the span */

static enum tide_status read_span(void *context,
                                  const struct tide_duckdb_value *row,
                                  uint32_t column_count)
{
    struct tide_window *span = context;
    tide_assert(column_count == 2);
    if (row[0].present && row[1].present) {
        span->start.us = row[0].number;
        span->end.us = row[1].number;
    }
    return TIDE_OK;
}

enum tide_status tide_lake_span(struct tide_lake_view *view,
                                struct tide_window *span,
                                bool *has_events,
                                struct tide_error *error)
{
    struct tide_window read = {TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN};
    enum tide_status status =
        tide_duckdb_query(tide_lake_view_connection(view),
                          TIDE_VIEW("SELECT MIN(event_time), MAX(event_time) FROM events"),
                          read_span,
                          &read,
                          error);
    if (status == TIDE_OK) {
        *has_events = tide_instant_known(read.start);
        *span = *has_events ? read : (struct tide_window){0};
    }
    return status;
}

/* ---- questions */

/* Empty: a lake without events has no cells. */
static enum tide_status write_cells(struct tide_lake_view *view,
                                    const struct tide_batch_question *question,
                                    struct tide_bytes *sql,
                                    struct tide_error *error)
{
    struct tide_window span;
    bool has_events = false;
    const enum tide_status status = tide_lake_span(view, &span, &has_events, error);
    if (status == TIDE_OK && has_events) {
        tide_metric_sql(question->definitions, question->metric, span, sql);
    }
    return status;
}

static enum tide_status write_question(struct tide_lake_view *view,
                                       const struct tide_batch_question *question,
                                       struct tide_bytes *sql,
                                       struct tide_error *error)
{
    switch (question->kind) {
    case TIDE_BATCH_CELLS:
        return write_cells(view, question, sql, error);
    case TIDE_BATCH_READS:
        tide_bytes_append_text(sql,
                               "SELECT _partition, MAX(_offset) FROM events GROUP BY _partition");
        return TIDE_OK;
    case TIDE_BATCH_EVENTS_AUDIT:
        tide_bytes_append_text(
            sql,
            "SELECT _partition, COUNT(*), COUNT(DISTINCT (uid_high, uid_low)), "
            "CAST(SUM(uid_high) AS VARCHAR), CAST(SUM(uid_low) AS VARCHAR), MAX(_offset) "
            "FROM events GROUP BY _partition");
        return TIDE_OK;
    case TIDE_BATCH_REJECTED_AUDIT:
        tide_bytes_append_text(sql,
                               "SELECT \"partition\", reason, COUNT(*), MAX(\"offset\") "
                               "FROM rejected GROUP BY \"partition\", reason");
        return TIDE_OK;
    }
    tide_assert(false);
    return TIDE_FATAL;
}

static enum tide_status ask(void *self,
                            const struct tide_batch_question *question,
                            struct tide_batch_visitor visitor,
                            struct tide_error *error)
{
    struct tide_lake_view *view = self;
    struct tide_bytes sql = {0};
    tide_bytes_init(&sql, SQL_BYTES_MAX);
    enum tide_status status = write_question(view, question, &sql, error);
    if (status == TIDE_OK && sql.failed) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for an SQL text");
    }
    if (status == TIDE_OK && sql.size > 0) {
        status = tide_duckdb_query(tide_lake_view_connection(view),
                                   tide_bytes_view(&sql),
                                   visitor.visit,
                                   visitor.context,
                                   error);
    }
    tide_bytes_release(&sql);
    return status;
}

struct tide_batch_engine tide_lake_engine(struct tide_lake_view *view)
{
    return (struct tide_batch_engine){ask,
                                      view,
                                      tide_lake_view_expired(view, TIDE_TABLE_EVENTS),
                                      tide_lake_view_expired(view, TIDE_TABLE_REJECTED)};
}
