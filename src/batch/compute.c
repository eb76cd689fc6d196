/* Rows of an engine's answers to cells and counts. What SQL answers is checked like anything else
 * that comes from outside: a row that cannot be is REJECT, not an assertion. */
#include "batch/compute.h"

#include "base/assert.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    GROUP_BYTES_MAX = 64 << 20,
    DECIMAL_PLACES = 6,
    LOOK_BACK_DAYS = 7,
    STEPS_MAX = TIDE_RETENTION_PERIODS_MAX + 1
};
_Static_assert((int)TIDE_FUNNEL_STEPS_MAX <= (int)STEPS_MAX, "steps of a funnel");

/* ---- the form of answers */

static uint32_t value_count(const struct tide_metric *metric)
{
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_APPROX_DISTINCT:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
        return 1;
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
        return 2;
    case TIDE_METRIC_QUANTILES:
        return 1 + metric->quantile_count;
    case TIDE_METRIC_SESSIONS:
        return 5;
    case TIDE_METRIC_FUNNEL:
        return 2 * metric->funnel->step_count + 3;
    case TIDE_METRIC_RETENTION:
        return metric->retention.period_count + 1;
    case TIDE_METRIC_RATIO:
        break;
    }
    tide_assert(false);
    return 0;
}

uint32_t tide_batch_column_count(const struct tide_batch_question *question)
{
    switch (question->kind) {
    case TIDE_BATCH_CELLS:
        return 2 + question->metric->by_count + value_count(question->metric);
    case TIDE_BATCH_READS:
        return 2;
    case TIDE_BATCH_EVENTS_AUDIT:
        return 6;
    case TIDE_BATCH_REJECTED_AUDIT:
        return 4;
    }
    tide_assert(false);
    return 0;
}

/* ---- how far events go */

struct reads {
    uint64_t *reads;
    uint32_t partition_count;
    struct tide_error *error;
};

static enum tide_status read_end(void *context,
                                 const struct tide_duckdb_value *row,
                                 uint32_t column_count)
{
    const struct reads *reads = context;
    tide_assert(column_count == 2);
    if (!row[0].present || row[0].number < 0 || row[0].number >= (int64_t)reads->partition_count ||
        !row[1].present || row[1].number < 0) {
        return tide_error_set(reads->error, TIDE_REJECT, "the lake has an event without its place");
    }
    reads->reads[row[0].number] = (uint64_t)row[1].number + 1;
    return TIDE_OK;
}

enum tide_status tide_batch_reads(struct tide_batch_engine engine,
                                  uint64_t *reads,
                                  uint32_t partition_count,
                                  struct tide_error *error)
{
    struct reads context = {reads, partition_count, error};
    for (uint32_t p = 0; p < partition_count; p++) {
        reads[p] = 0;
    }
    const struct tide_batch_question question = {.kind = TIDE_BATCH_READS};
    return engine.ask(
        engine.self, &question, (struct tide_batch_visitor){read_end, &context}, error);
}

/* ---- metrics */

struct computation {
    const struct tide_schema *schema;
    const struct tide_metric *metric;
    enum tide_status (*visit)(void *context, const struct tide_batch_cell *cell);
    void *context;
    struct tide_bytes group; /* of the row that is visited, as are ranks and steps */
    int64_t ranks[TIDE_QUANTILES_MAX];
    struct tide_batch_step steps[STEPS_MAX];
    struct tide_error *error;
};

/* The values of a row, read one after the other; a mistake is noted and the rest is 0. */
struct reader {
    const struct tide_duckdb_value *values;
    uint32_t next;
    uint32_t count;
    unsigned places;
    bool is_bad;
};

static unsigned places_of(const struct computation *computation)
{
    const uint32_t column = computation->metric->column;
    const bool is_decimal = column != TIDE_COLUMN_NONE &&
                            computation->schema->columns[column].type == TIDE_TYPE_DECIMAL;
    return is_decimal ? DECIMAL_PLACES : 0;
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

static const struct tide_duckdb_value *next_value(struct reader *reader)
{
    tide_assert(reader->next < reader->count);
    return &reader->values[reader->next++];
}

/* BIGINT, never null nor negative. */
static uint64_t read_count(struct reader *reader)
{
    const struct tide_duckdb_value *value = next_value(reader);
    if (!value->present || value->is_text || value->number < 0) {
        reader->is_bad = true;
        return 0;
    }
    return (uint64_t)value->number;
}

/* TEXT of an exact number; false: null. */
static bool read_exact(struct reader *reader, unsigned places, tide_i128 *number)
{
    const struct tide_duckdb_value *value = next_value(reader);
    *number = 0;
    if (!value->present) {
        return false;
    }
    if (!value->is_text || tide_decimal_parse_i128(value->text, places, number) != TIDE_OK) {
        reader->is_bad = true;
    }
    return true;
}

/* The same of a number of 64 bits. */
static bool read_exact64(struct reader *reader, int64_t *number)
{
    tide_i128 exact;
    const bool is_present = read_exact(reader, reader->places, &exact);
    *number = (int64_t)exact;
    reader->is_bad = reader->is_bad || *number != exact;
    return is_present;
}

/* The sum and the median of durations. */
static void read_durations(struct reader *reader, int64_t *median, struct tide_batch_cell *cell)
{
    const bool has_sum = read_exact(reader, 0, &cell->sum);
    const struct tide_duckdb_value *value = next_value(reader);
    reader->is_bad = reader->is_bad || value->present != has_sum ||
                     (has_sum && (value->is_text || value->number < 0));
    *median = value->present ? value->number : 0;
    cell->ranks = median;
    cell->rank_count = has_sum ? 1 : 0;
}

static void read_quantiles(struct computation *computation,
                           struct reader *reader,
                           struct tide_batch_cell *cell)
{
    cell->count = read_count(reader);
    for (uint32_t i = 0; i < computation->metric->quantile_count; i++) {
        const bool is_present = read_exact64(reader, &computation->ranks[i]);
        reader->is_bad = reader->is_bad || is_present != (cell->count > 0);
    }
    cell->ranks = computation->ranks;
    cell->rank_count = cell->count > 0 ? computation->metric->quantile_count : 0;
}

static void read_funnel(struct computation *computation,
                        struct reader *reader,
                        struct tide_batch_cell *cell)
{
    struct tide_batch_step *steps = computation->steps;
    cell->step_count = computation->metric->funnel->step_count;
    cell->steps = steps;
    for (uint32_t k = 0; k < cell->step_count; k++) {
        steps[k].reached = read_count(reader);
        steps[k].entities = read_count(reader);
        reader->is_bad = reader->is_bad || steps[k].entities > steps[k].reached ||
                         (k > 0 && steps[k].reached > steps[k - 1].reached);
    }
    cell->count = steps[0].reached;
    cell->distinct = read_count(reader);
    read_durations(reader, computation->ranks, cell);
    reader->is_bad =
        reader->is_bad || (cell->rank_count > 0) != (steps[cell->step_count - 1].reached > 0);
}

static void read_retention(struct computation *computation,
                           struct reader *reader,
                           struct tide_batch_cell *cell)
{
    cell->step_count = computation->metric->retention.period_count + 1;
    cell->steps = computation->steps;
    for (uint32_t k = 0; k < cell->step_count; k++) {
        computation->steps[k] = (struct tide_batch_step){.reached = read_count(reader)};
        reader->is_bad =
            reader->is_bad || computation->steps[k].reached > computation->steps[0].reached;
    }
}

static void read_values(struct computation *computation,
                        struct reader *reader,
                        struct tide_batch_cell *cell)
{
    switch (computation->metric->kind) {
    case TIDE_METRIC_COUNT:
        cell->count = read_count(reader);
        return;
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_APPROX_DISTINCT:
        cell->distinct = read_count(reader);
        return;
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN: {
        cell->count = read_count(reader);
        const bool is_present = read_exact(reader, reader->places, &cell->sum);
        reader->is_bad = reader->is_bad || is_present != (cell->count > 0);
        return;
    }
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
        cell->count = read_exact64(reader, &cell->extreme) ? 1 : 0;
        return;
    case TIDE_METRIC_QUANTILES:
        read_quantiles(computation, reader, cell);
        return;
    case TIDE_METRIC_SESSIONS:
        cell->count = read_count(reader);
        cell->events = read_count(reader);
        cell->distinct = read_count(reader);
        read_durations(reader, computation->ranks, cell);
        reader->is_bad = reader->is_bad || cell->rank_count == 0;
        return;
    case TIDE_METRIC_FUNNEL:
        read_funnel(computation, reader, cell);
        return;
    case TIDE_METRIC_RETENTION:
        read_retention(computation, reader, cell);
        return;
    case TIDE_METRIC_RATIO:
        break;
    }
    tide_assert(false);
}

/* The window of a row; false: it is none of the metric's. Of a sliding one only that it is a window
 * is checked. */
static bool read_window(const struct tide_metric *metric,
                        const struct tide_duckdb_value *row,
                        struct tide_window *window)
{
    *window = (struct tide_window){{row[0].number}, {row[1].number}};
    if (!row[0].present || row[0].is_text || !row[1].present || row[1].is_text ||
        window->start.us >= window->end.us) {
        return false;
    }
    if (metric->pane_count > 1) {
        return true;
    }
    const struct tide_window real = tide_window_of(metric->every, window->start);
    return real.start.us == window->start.us && real.end.us == window->end.us;
}

static enum tide_status read_cell(void *context,
                                  const struct tide_duckdb_value *row,
                                  uint32_t column_count)
{
    struct computation *computation = context;
    const struct tide_metric *metric = computation->metric;
    struct tide_batch_cell cell = {0};
    tide_assert(column_count > 2 + metric->by_count);
    const enum tide_status status = encode_group(computation, row + 2);
    if (status != TIDE_OK) {
        return status;
    }
    struct reader reader = {.values = row,
                            .next = 2 + metric->by_count,
                            .count = column_count,
                            .places = places_of(computation)};
    read_values(computation, &reader, &cell);
    tide_assert(reader.next == column_count);
    cell.group = tide_bytes_view(&computation->group);
    if (reader.is_bad || !read_window(metric, row, &cell.window)) {
        return tide_error_set(computation->error,
                              TIDE_REJECT,
                              "the SQL of metric %.*s gave a value that cannot be",
                              TIDE_VIEW_ARGUMENTS(metric->name));
    }
    return computation->visit(computation->context, &cell);
}

enum tide_status tide_batch_compute(struct tide_batch_engine engine,
                                    const struct tide_definitions *definitions,
                                    const struct tide_metric *metric,
                                    enum tide_status (*visit)(void *context,
                                                              const struct tide_batch_cell *cell),
                                    void *context,
                                    struct tide_error *error)
{
    tide_assert(metric->kind != TIDE_METRIC_RATIO);
    struct computation *computation = calloc(1, sizeof(*computation));
    if (computation == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a computation");
    }
    computation->schema = definitions->schema;
    computation->metric = metric;
    computation->visit = visit;
    computation->context = context;
    computation->error = error;
    tide_bytes_init(&computation->group, GROUP_BYTES_MAX);
    const struct tide_batch_question question = {TIDE_BATCH_CELLS, definitions, metric};
    const enum tide_status status = engine.ask(
        engine.self, &question, (struct tide_batch_visitor){read_cell, computation}, error);
    tide_bytes_release(&computation->group);
    free(computation);
    return status;
}

/* ---- what is there no more */

bool tide_batch_kept_from(struct tide_batch_engine engine,
                          const struct tide_definitions *definitions,
                          const struct tide_metric *metric,
                          struct tide_instant *from)
{
    const int64_t day_us = INT64_C(86400) * 1000 * 1000;
    const struct tide_expired *expired = engine.events;
    *from = TIDE_INSTANT_UNKNOWN;
    if (expired->before_days == TIDE_DATE_UNKNOWN) {
        return true;
    }
    if (metric->kind == TIDE_METRIC_RATIO) {
        struct tide_instant below = TIDE_INSTANT_UNKNOWN;
        const bool is_kept =
            tide_batch_kept_from(
                engine, definitions, &definitions->metrics[metric->parts[0]], from) &&
            tide_batch_kept_from(
                engine, definitions, &definitions->metrics[metric->parts[1]], &below);
        *from = below.us > from->us ? below : *from;
        return is_kept;
    }
    const bool looks_back =
        metric->kind == TIDE_METRIC_SESSIONS || metric->kind == TIDE_METRIC_FUNNEL;
    from->us = (expired->before_days + (looks_back ? LOOK_BACK_DAYS : 0)) * day_us;
    return metric->kind != TIDE_METRIC_RETENTION;
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

/* What left was counted when it left. */
static void add_expired(struct tide_batch_engine engine,
                        struct tide_batch_audit *audits,
                        uint32_t partition_count)
{
    for (uint32_t p = 0; p < partition_count; p++) {
        const struct tide_tally events = tide_expired_of(engine.events, p);
        const struct tide_tally rejected = tide_expired_of(engine.rejected, p);
        audits[p].events += events.rows;
        audits[p].distinct_uids += events.rows;
        audits[p].uids.high += events.uids.high;
        audits[p].uids.low += events.uids.low;
        for (int reason = 0; reason < TIDE_REASON_COUNT; reason++) {
            audits[p].rejected[reason] += rejected.rejected[reason];
        }
    }
}

enum tide_status tide_batch_audit(struct tide_batch_engine engine,
                                  struct tide_batch_audit *audits,
                                  uint32_t partition_count,
                                  struct tide_error *error)
{
    struct audit audit = {audits, partition_count, error};
    tide_assert(partition_count > 0);
    for (uint32_t p = 0; p < partition_count; p++) {
        audits[p] = (struct tide_batch_audit){.last_offset = -1};
    }
    struct tide_batch_question question = {.kind = TIDE_BATCH_EVENTS_AUDIT};
    struct tide_batch_visitor visitor = {read_events, &audit};
    enum tide_status status = engine.ask(engine.self, &question, visitor, error);
    if (status != TIDE_OK) {
        return status;
    }
    question.kind = TIDE_BATCH_REJECTED_AUDIT;
    visitor.visit = read_rejected;
    status = engine.ask(engine.self, &question, visitor, error);
    if (status == TIDE_OK) {
        add_expired(engine, audits, partition_count);
    }
    return status;
}
