/* Rows of DuckDB's results to cells and counts. What SQL answers is checked like anything else that
 * comes from outside: a row that cannot be is REJECT, not an assertion. */
#include "batch/compute.h"

#include "base/assert.h"
#include "metric/sql.h"

#include "base/banned.h"

enum {
    SQL_BYTES_MAX = 8 << 20,
    GROUP_BYTES_MAX = 64 << 20,
    DECIMAL_PLACES = 6
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

enum tide_status tide_batch_span(struct tide_lake_view *view,
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

/* ---- metrics */

struct computation {
    const struct tide_schema *schema;
    const struct tide_metric *metric;
    enum tide_status (*visit)(void *context, const struct tide_batch_cell *cell);
    void *context;
    struct tide_bytes group; /* of the row that is visited */
    struct tide_error *error;
};

static unsigned places_of(const struct computation *computation)
{
    const uint32_t column = computation->metric->column;
    return computation->schema->columns[column].type == TIDE_TYPE_DECIMAL ? DECIMAL_PLACES : 0;
}

static enum tide_status encode_group(struct computation *computation,
                                     const struct tide_duckdb_value *row)
{
    const struct tide_metric *metric = computation->metric;
    tide_bytes_reset(&computation->group);
    for (uint32_t i = 0; i < metric->by_count; i++) {
        const struct tide_column *column = &computation->schema->columns[metric->by[i]];
        const struct tide_value value = {
            .present = row[i].present,
            .type = column->type,
            .number = row[i].number,
            .string = row[i].text,
        };
        if (value.present && row[i].is_text != (column->type == TIDE_TYPE_STRING)) {
            return tide_error_set(computation->error,
                                  TIDE_REJECT,
                                  "column %.*s of the result has the wrong type",
                                  TIDE_VIEW_ARGUMENTS(column->name));
        }
        tide_value_encode(value, &computation->group);
    }
    return computation->group.failed
               ? tide_error_set(computation->error, TIDE_RETRY, "no memory for a group")
               : TIDE_OK;
}

static enum tide_status bad_value(const struct computation *computation)
{
    return tide_error_set(computation->error,
                          TIDE_REJECT,
                          "the SQL of metric %.*s gave a value that cannot be",
                          TIDE_VIEW_ARGUMENTS(computation->metric->name));
}

static enum tide_status read_number(const struct computation *computation,
                                    const struct tide_duckdb_value *value,
                                    uint64_t *number)
{
    if (!value->present || value->is_text || value->number < 0) {
        return bad_value(computation);
    }
    *number = (uint64_t)value->number;
    return TIDE_OK;
}

/* Exact numbers come as text; null is none. */
static enum tide_status read_exact(const struct computation *computation,
                                   const struct tide_duckdb_value *value,
                                   tide_i128 *number)
{
    *number = 0;
    if (!value->present) {
        return TIDE_OK;
    }
    if (!value->is_text ||
        tide_decimal_parse_i128(value->text, places_of(computation), number) != TIDE_OK) {
        return bad_value(computation);
    }
    return TIDE_OK;
}

static enum tide_status read_values(const struct computation *computation,
                                    const struct tide_duckdb_value *row,
                                    struct tide_batch_cell *cell)
{
    tide_i128 exact = 0;
    enum tide_status status = TIDE_OK;
    switch (computation->metric->kind) {
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
        status = read_number(computation, &row[0], &cell->value);
        cell->count = computation->metric->kind == TIDE_METRIC_COUNT ? cell->value : 0;
        cell->present = true;
        return status;
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
        status = read_number(computation, &row[0], &cell->count);
        cell->present = cell->count > 0;
        return status == TIDE_OK ? read_exact(computation, &row[1], &cell->sum) : status;
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
        status = read_exact(computation, &row[0], &exact);
        cell->present = row[0].present;
        cell->count = cell->present ? 1 : 0;
        cell->min_or_max = (int64_t)exact;
        return status == TIDE_OK && exact != cell->min_or_max ? bad_value(computation) : status;
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_APPROX_DISTINCT:
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        break;
    }
    return TIDE_OK;
}

static uint32_t value_count_of(const struct tide_metric *metric)
{
    return metric->kind == TIDE_METRIC_SUM || metric->kind == TIDE_METRIC_MEAN ? 2 : 1;
}

static enum tide_status read_cell(void *context,
                                  const struct tide_duckdb_value *row,
                                  uint32_t column_count)
{
    struct computation *computation = context;
    const struct tide_metric *metric = computation->metric;
    struct tide_batch_cell cell = {0};
    tide_assert(column_count == 2 + metric->by_count + value_count_of(metric));
    enum tide_status status = encode_group(computation, row + 2);
    if (status == TIDE_OK) {
        status = read_values(computation, row + 2 + metric->by_count, &cell);
    }
    if (status == TIDE_OK) {
        cell.window = tide_window_of(metric->every, (struct tide_instant){row[0].number});
        cell.group = tide_bytes_view(&computation->group);
        const bool is_window = row[0].present && cell.window.start.us == row[0].number &&
                               row[1].present && cell.window.end.us == row[1].number;
        status =
            is_window ? computation->visit(computation->context, &cell) : bad_value(computation);
    }
    return status;
}

enum tide_status tide_batch_compute(struct tide_lake_view *view,
                                    const struct tide_definitions *definitions,
                                    const struct tide_metric *metric,
                                    enum tide_status (*visit)(void *context,
                                                              const struct tide_batch_cell *cell),
                                    void *context,
                                    struct tide_error *error)
{
    struct computation computation = {.schema = definitions->schema,
                                      .metric = metric,
                                      .visit = visit,
                                      .context = context,
                                      .error = error};
    struct tide_window span;
    bool has_events = false;
    struct tide_bytes sql = {0};
    tide_bytes_init(&sql, SQL_BYTES_MAX);
    tide_bytes_init(&computation.group, GROUP_BYTES_MAX);
    enum tide_status status = tide_batch_span(view, &span, &has_events, error);
    if (status == TIDE_OK && has_events) {
        tide_metric_sql(definitions, metric, span, &sql);
        status = sql.failed ? tide_error_set(error, TIDE_RETRY, "no memory for an SQL text")
                            : tide_duckdb_query(tide_lake_view_connection(view),
                                                tide_bytes_view(&sql),
                                                read_cell,
                                                &computation,
                                                error);
    }
    tide_bytes_release(&computation.group);
    tide_bytes_release(&sql);
    return status;
}

/* ---- the audit */

struct audit {
    struct tide_batch_audit *audits;
    uint32_t partition_count;
    struct tide_error *error;
};

/* NULL: no such partition. */
static struct tide_batch_audit *audit_of(const struct audit *audit,
                                         const struct tide_duckdb_value *partition)
{
    if (!partition->present || partition->number < 0 ||
        partition->number >= (int64_t)audit->partition_count) {
        (void)tide_error_set(audit->error,
                             TIDE_REJECT,
                             "the lake has rows of partition %lld, outside 0..%u",
                             (long long)(partition->present ? partition->number : -1),
                             audit->partition_count - 1);
        return NULL;
    }
    return &audit->audits[partition->number];
}

static void see_offset(struct tide_batch_audit *entry, const struct tide_duckdb_value *offset)
{
    if (offset->present && offset->number > entry->last_offset) {
        entry->last_offset = offset->number;
    }
}

static enum tide_status read_events(void *context,
                                    const struct tide_duckdb_value *row,
                                    uint32_t column_count)
{
    const struct audit *audit = context;
    struct tide_batch_audit *entry = audit_of(audit, &row[0]);
    tide_i128 high = 0;
    tide_i128 low = 0;
    tide_assert(column_count == 6);
    if (entry == NULL) {
        return TIDE_REJECT;
    }
    if (tide_decimal_parse_i128(row[3].text, 0, &high) != TIDE_OK ||
        tide_decimal_parse_i128(row[4].text, 0, &low) != TIDE_OK) {
        return tide_error_set(audit->error, TIDE_REJECT, "the lake has an event without uid");
    }
    entry->events = (uint64_t)row[1].number;
    entry->distinct_uids = (uint64_t)row[2].number;
    entry->uids = (struct tide_u128){(uint64_t)high, (uint64_t)low}; /* modulo 2^64 */
    see_offset(entry, &row[5]);
    return TIDE_OK;
}

static enum tide_status read_rejected(void *context,
                                      const struct tide_duckdb_value *row,
                                      uint32_t column_count)
{
    const struct audit *audit = context;
    struct tide_batch_audit *entry = audit_of(audit, &row[0]);
    tide_assert(column_count == 4);
    if (entry == NULL) {
        return TIDE_REJECT;
    }
    const enum tide_reason reason = tide_reason_parse(row[1].text);
    if (reason == TIDE_REASON_ACCEPTED || reason == TIDE_REASON_COUNT) {
        return tide_error_set(audit->error,
                              TIDE_REJECT,
                              "the lake has rejected rows with the reason '%.*s'",
                              TIDE_VIEW_ARGUMENTS(row[1].text));
    }
    entry->rejected[reason] = (uint64_t)row[2].number;
    see_offset(entry, &row[3]);
    return TIDE_OK;
}

enum tide_status tide_batch_audit(struct tide_lake_view *view,
                                  struct tide_batch_audit *audits,
                                  uint32_t partition_count,
                                  struct tide_error *error)
{
    struct audit audit = {audits, partition_count, error};
    tide_assert(partition_count > 0);
    for (uint32_t p = 0; p < partition_count; p++) {
        audits[p] = (struct tide_batch_audit){.last_offset = -1};
    }
    enum tide_status status = tide_duckdb_query(
        tide_lake_view_connection(view),
        TIDE_VIEW("SELECT _partition, COUNT(*), COUNT(DISTINCT (uid_high, uid_low)), "
                  "CAST(SUM(uid_high) AS VARCHAR), CAST(SUM(uid_low) AS VARCHAR), MAX(_offset) "
                  "FROM events GROUP BY _partition"),
        read_events,
        &audit,
        error);
    if (status != TIDE_OK) {
        return status;
    }
    return tide_duckdb_query(tide_lake_view_connection(view),
                             TIDE_VIEW("SELECT \"partition\", reason, COUNT(*), MAX(\"offset\") "
                                       "FROM rejected GROUP BY \"partition\", reason"),
                             read_rejected,
                             &audit,
                             error);
}
