/* GET /metrics: the text of every instrument. Each partition adds what it knows on its own thread;
 * the rest are glimpses.
 *
 * What is counted from the log goes through its past again when the log is replayed at a start, and
 * Prometheus would take that for new events. So it is not told until all has been read: what is
 * told then is not below what was told before. */
#include "serve/alerts.h"
#include "serve/api_internal.h"
#include "serve/prometheus.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

struct metric_sums { /* over partitions: workers add theirs */
    _Atomic uint64_t cell_count;
    _Atomic uint64_t folded_events;
    _Atomic uint64_t pending_keys;
};

struct scrape {
    struct tide_cell_request request; /* without cells: facts only */
    struct metric_sums *sums;         /* by metric */
    bool was_caught_up;               /* before the partitions were visited */
    _Atomic uint64_t mistyped[TIDE_SCHEMA_COLUMNS_MAX];
};

static void visit_scrape(void *context, struct tide_partition *partition)
{
    struct scrape *scrape = context;
    tide_cell_request_visit(&scrape->request, partition);
    for (uint32_t i = 0; i < scrape->request.definitions->metric_count; i++) {
        const struct tide_operator *state = tide_partition_operator(partition, i);
        if (state != NULL) {
            const struct tide_operator_facts facts = tide_operator_facts(state);
            atomic_fetch_add(&scrape->sums[i].cell_count, facts.cell_count);
            atomic_fetch_add(&scrape->sums[i].folded_events, facts.folded_events);
            atomic_fetch_add(&scrape->sums[i].pending_keys, facts.pending_keys);
        }
    }
    for (uint32_t c = 0; c < scrape->request.definitions->schema->path_column_count; c++) {
        atomic_fetch_add(&scrape->mistyped[c], tide_partition_mistyped(partition, c));
    }
}

static void write_ledger(const struct tide_ledger *ledger, struct tide_bytes *text)
{
    const struct {
        enum tide_instrument instrument;
        struct tide_view label;
        uint64_t value;
    } samples[] = {
        {TIDE_INSTRUMENT_VERDICTS, TIDE_VIEW("processed"), ledger->processed},
        {TIDE_INSTRUMENT_VERDICTS, TIDE_VIEW("duplicate"), ledger->duplicate},
        {TIDE_INSTRUMENT_VERDICTS, TIDE_VIEW("rejected"), tide_ledger_rejected(ledger)},
        {TIDE_INSTRUMENT_PROCESSED, TIDE_VIEW("on_time"), ledger->on_time},
        {TIDE_INSTRUMENT_PROCESSED, TIDE_VIEW("late_hot"), ledger->late_hot},
        {TIDE_INSTRUMENT_PROCESSED, TIDE_VIEW("late_cold"), ledger->late_cold},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        if (i == 0 || samples[i].instrument != samples[i - 1].instrument) {
            tide_prometheus_family(text, samples[i].instrument);
        }
        tide_prometheus_sample(
            text, samples[i].instrument, TIDE_LABELS(samples[i].label), samples[i].value);
    }
    tide_prometheus_family(text, TIDE_INSTRUMENT_REJECTED);
    for (int i = TIDE_REASON_ACCEPTED + 1; i < TIDE_REASON_COUNT; i++) {
        const char *reason = tide_reason_name((enum tide_reason)i);
        tide_prometheus_sample(
            text, TIDE_INSTRUMENT_REJECTED, TIDE_LABELS(tide_view_of(reason)), ledger->rejected[i]);
    }
}

static struct tide_view partition_label(uint32_t partition, char buffer[16])
{
    (void)snprintf(buffer, 16, "%" PRIu32, partition);
    return tide_view_of(buffer);
}

/* One family of instants; partitions whose instant is unknown have no sample. */
static void write_instants(const struct tide_cell_request *request,
                           enum tide_instrument instrument,
                           struct tide_instant (*read)(const struct tide_cell_slot *slot),
                           struct tide_bytes *text)
{
    char label[16];
    tide_prometheus_family(text, instrument);
    for (uint32_t p = 0; p < request->partition_count; p++) {
        const struct tide_instant instant = read(&request->slots[p]);
        if (tide_instant_known(instant)) {
            tide_prometheus_seconds(
                text, instrument, TIDE_LABELS(partition_label(p, label)), instant.us);
        }
    }
}

static struct tide_instant read_watermark(const struct tide_cell_slot *slot)
{
    return slot->watermark;
}

static struct tide_instant read_closing(const struct tide_cell_slot *slot)
{
    return slot->closing;
}

static void write_partitions(const struct tide_cell_request *request, struct tide_bytes *text)
{
    char label[16];
    tide_prometheus_family(text, TIDE_INSTRUMENT_PARTITION_RECORDS);
    for (uint32_t p = 0; p < request->partition_count; p++) {
        tide_prometheus_sample(text,
                               TIDE_INSTRUMENT_PARTITION_RECORDS,
                               TIDE_LABELS(partition_label(p, label)),
                               request->slots[p].next_offset);
    }
    write_instants(request, TIDE_INSTRUMENT_PARTITION_WATERMARK, read_watermark, text);
    write_instants(request, TIDE_INSTRUMENT_PARTITION_CLOSING, read_closing, text);
}

static void write_histogram(enum tide_instrument instrument,
                            const struct tide_histogram *histogram,
                            struct tide_bytes *text)
{
    struct tide_histogram_reading reading = {0};
    tide_histogram_read(histogram, &reading);
    tide_prometheus_family(text, instrument);
    tide_prometheus_histogram(text, instrument, NULL, &reading);
}

static void write_instant(enum tide_instrument instrument,
                          struct tide_instant instant,
                          struct tide_bytes *text)
{
    tide_prometheus_family(text, instrument);
    if (tide_instant_known(instant)) {
        tide_prometheus_seconds(text, instrument, NULL, instant.us);
    }
}

static void write_rows(const struct tide_feed_counts *counts, struct tide_bytes *text)
{
    const struct {
        const char *way;
        uint64_t count;
    } rows[] = {{"restored", atomic_load(&counts->restored)},
                {"decoded", atomic_load(&counts->decoded)}};
    tide_prometheus_family(text, TIDE_INSTRUMENT_ROWS);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tide_prometheus_sample(
            text, TIDE_INSTRUMENT_ROWS, TIDE_LABELS(tide_view_of(rows[i].way)), rows[i].count);
    }
}

static void write_engine(const struct tide_engine *engine,
                         const struct tide_engine_facts *facts,
                         struct tide_bytes *text)
{
    const struct tide_engine_meters *meters = tide_engine_meters(engine);
    tide_prometheus_single(text, TIDE_INSTRUMENT_CAUGHT_UP, facts->caught_up);
    tide_prometheus_single(text, TIDE_INSTRUMENT_RECORDS_BEHIND, facts->records_behind);
    write_rows(&meters->rows, text);
    write_histogram(TIDE_INSTRUMENT_VISIBLE_DELAY, &meters->delays, text);
    tide_prometheus_single(text, TIDE_INSTRUMENT_STATE_BYTES, facts->state_bytes);
    tide_prometheus_single(text, TIDE_INSTRUMENT_ROWS_BYTES, facts->rows_bytes);
    tide_prometheus_single(text, TIDE_INSTRUMENT_CHECKPOINTS, facts->epochs);
    tide_prometheus_single(text, TIDE_INSTRUMENT_CHECKPOINT_FAILURES, facts->checkpoint_failures);
    tide_prometheus_single_seconds(
        text, TIDE_INSTRUMENT_CHECKPOINT_LAST_DURATION, facts->last_round.us);
    write_histogram(TIDE_INSTRUMENT_CHECKPOINT_DURATION, &meters->rounds, text);
    write_instant(TIDE_INSTRUMENT_CHECKPOINT_LAST_SUCCESS, facts->last_commit, text);
}

static void write_tables(enum tide_instrument instrument,
                         const _Atomic uint64_t counts[TIDE_TABLE_COUNT],
                         struct tide_bytes *text)
{
    static const struct tide_view names[TIDE_TABLE_COUNT] = {
        [TIDE_TABLE_EVENTS] = {"events", 6},
        [TIDE_TABLE_REJECTED] = {"rejected", 8},
        [TIDE_TABLE_JOURNEYS] = {"journeys", 8},
    };
    tide_prometheus_family(text, instrument);
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        tide_prometheus_sample(text, instrument, TIDE_LABELS(names[t]), atomic_load(&counts[t]));
    }
}

static uint64_t read_cell_count(const struct metric_sums *sums)
{
    return atomic_load(&sums->cell_count);
}

static uint64_t read_folded_events(const struct metric_sums *sums)
{
    return atomic_load(&sums->folded_events);
}

static uint64_t read_pending_keys(const struct metric_sums *sums)
{
    return atomic_load(&sums->pending_keys);
}

/* Families with a sample for each metric that has a state. */
static void write_metrics(const struct tide_definitions *definitions,
                          const struct metric_sums *sums,
                          struct tide_bytes *text)
{
    static const struct {
        enum tide_instrument instrument;
        uint64_t (*read)(const struct metric_sums *sums);
    } families[] = {
        {TIDE_INSTRUMENT_CELLS, read_cell_count},
        {TIDE_INSTRUMENT_FOLDED_EVENTS, read_folded_events},
        {TIDE_INSTRUMENT_PENDING_KEYS, read_pending_keys},
    };
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        tide_prometheus_family(text, families[f].instrument);
        for (uint32_t i = 0; i < definitions->metric_count; i++) {
            const struct tide_metric *metric = &definitions->metrics[i];
            if (metric->kind != TIDE_METRIC_RATIO) {
                tide_prometheus_sample(text,
                                       families[f].instrument,
                                       TIDE_LABELS(metric->name),
                                       families[f].read(&sums[i]));
            }
        }
    }
}

/* Of the columns whose values come with the events. */
static void write_mistyped(const struct tide_schema *schema,
                           const struct scrape *scrape,
                           struct tide_bytes *text)
{
    tide_prometheus_family(text, TIDE_INSTRUMENT_MISTYPED_VALUES);
    for (uint32_t c = 0; c < schema->path_column_count; c++) {
        tide_prometheus_sample(text,
                               TIDE_INSTRUMENT_MISTYPED_VALUES,
                               TIDE_LABELS(schema->columns[c].name),
                               atomic_load(&scrape->mistyped[c]));
    }
}

static void write_queues(const struct tide_api *api, struct tide_bytes *text)
{
    tide_prometheus_family(text, TIDE_INSTRUMENT_QUESTIONS_WAITING);
    tide_prometheus_sample(text,
                           TIDE_INSTRUMENT_QUESTIONS_WAITING,
                           TIDE_LABELS(TIDE_VIEW("questions")),
                           tide_asker_waiting(api->questions));
    tide_prometheus_sample(text,
                           TIDE_INSTRUMENT_QUESTIONS_WAITING,
                           TIDE_LABELS(TIDE_VIEW("barriers")),
                           tide_asker_waiting(api->barriers));
}

static void write_exposition(const struct tide_api *api,
                             const struct scrape *scrape,
                             struct tide_bytes *text)
{
    const struct tide_api_options *options = &api->options;
    const struct tide_lake_meter *lake = tide_engine_lake_meter(options->engine);
    const struct tide_engine_facts facts = tide_engine_facts(options->engine);
    struct tide_ledger sum = {0};
    for (uint32_t p = 0; p < options->partition_count; p++) {
        tide_ledger_add(&sum, &scrape->request.slots[p].ledger);
    }
    tide_prometheus_family(text, TIDE_INSTRUMENT_BUILD_INFO);
    tide_prometheus_sample(
        text, TIDE_INSTRUMENT_BUILD_INFO, TIDE_LABELS(tide_view_of(options->version)), 1);
    if (scrape->was_caught_up) {
        write_ledger(&sum, text);
        write_mistyped(options->definitions->schema, scrape, text);
        write_partitions(&scrape->request, text);
        write_metrics(options->definitions, scrape->sums, text);
    }
    write_engine(options->engine, &facts, text);
    write_tables(TIDE_INSTRUMENT_LAKE_WRITTEN_FILES, lake->files, text);
    write_tables(TIDE_INSTRUMENT_LAKE_WRITTEN_BYTES, lake->bytes, text);
    write_queues(api, text);
    if (options->generations != NULL) {
        write_instant(
            TIDE_INSTRUMENT_BATCH_LAST_RUN, tide_generations_newest(options->generations), text);
    }
    if (options->values != NULL) {
        tide_metric_values_write(options->values, text);
    }
    if (options->alerts != NULL) {
        tide_alerts_exposition(options->alerts, text);
    }
    if (options->exposition != NULL) {
        options->exposition(options->exposition_context, text);
    }
}

void api_answer_exposition(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    const struct tide_api_options *options = &api->options;
    const struct tide_cell_scope facts_only = {TIDE_METRICS_NONE, TIDE_CELL_SPAN_ALL};
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    struct scrape scrape = {0};
    tide_bytes_init(&text, TIDE_API_REPLY_BYTES_MAX);
    scrape.was_caught_up = tide_engine_facts(options->engine).caught_up;
    scrape.sums = calloc(options->definitions->metric_count + 1, sizeof(*scrape.sums));
    enum tide_status status = tide_cell_request_init(
        &scrape.request, options->definitions, options->partition_count, &facts_only, &error);
    if (scrape.sums == NULL) {
        status = tide_error_set(&error, TIDE_RETRY, "no memory for a scrape");
    }
    if (status == TIDE_OK && !tide_engine_visit(options->engine, visit_scrape, &scrape)) {
        status = tide_error_set(&error, TIDE_RETRY, "the engine has stopped");
    }
    if (status == TIDE_OK) {
        (void)api_note_processed(api, &scrape.request);
        write_exposition(api, &scrape, &text);
        api_reply(exchange, TIDE_PROMETHEUS_CONTENT_TYPE, &text);
    } else {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "%s", error.text);
    }
    tide_cell_request_release(&scrape.request);
    tide_bytes_release(&text);
    free(scrape.sums);
}
