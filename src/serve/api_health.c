/* GET /health: 200 as long as every partition answers; 503: the engine failed or stopped, restart.
 * GET /ready:  200 once the process may be asked and every partition has read its log to the end;
 *     before that its numbers are too small. Collecting works earlier: events may be sent as soon
 *     as /health answers.
 *     {"status": "ready" or "starting", "caught_up": true, "records_behind": 0}
 * GET /metrics: Prometheus text. */
#include "base/json.h"
#include "serve/alerts.h"
#include "serve/api_internal.h"
#include "serve/prometheus.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    NAME_BYTES_MAX = 256
};

static void visit_nothing(void *context, struct tide_partition *partition)
{
    (void)context;
    (void)partition;
}

static void reply_status(struct tide_http_exchange *exchange,
                         unsigned code,
                         struct tide_bytes *json)
{
    if (json->failed) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "no memory");
    } else {
        tide_http_reply(
            exchange, code, "application/json", json, code == 503 ? API_RETRY_AFTER_S : 0);
    }
    tide_bytes_release(json);
}

void api_answer_health(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    struct tide_bytes json = {0};
    const bool is_alive = tide_engine_visit(api->options.engine, visit_nothing, NULL);
    tide_bytes_append_byte(&json, '{');
    tide_json_write_text_member(&json, "status", is_alive ? TIDE_VIEW("ok") : TIDE_VIEW("failed"));
    tide_bytes_append_byte(&json, '}');
    reply_status(exchange, is_alive ? 200 : 503, &json);
}

void api_reply_ready(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    const struct tide_api_options *options = &api->options;
    struct tide_bytes json = {0};
    const struct tide_engine_facts facts = tide_engine_facts(options->engine);
    const bool is_ready =
        facts.caught_up && (options->ready == NULL || options->ready(options->ready_context));
    tide_bytes_append_byte(&json, '{');
    tide_json_write_text_member(
        &json, "status", is_ready ? TIDE_VIEW("ready") : TIDE_VIEW("starting"));
    tide_json_write_bool_member(&json, "caught_up", facts.caught_up);
    tide_json_write_u64_member(&json, "records_behind", facts.records_behind);
    tide_bytes_append_byte(&json, '}');
    reply_status(exchange, is_ready ? 200 : 503, &json);
}

/* ---- /metrics */

struct metric_sums { /* over partitions: workers add theirs */
    _Atomic uint64_t cell_count;
    _Atomic uint64_t folded_events;
    _Atomic uint64_t pending_keys;
};

struct scrape {
    struct tide_cell_request request; /* without cells: facts only */
    struct metric_sums *sums;         /* by metric */
    _Atomic uint64_t mistyped[TIDE_SCHEMA_COLUMNS_MAX];
};

static void visit_scrape(void *context, struct tide_partition *partition)
{
    struct scrape *scrape = context;
    tide_cell_request_visit(&scrape->request, partition);
    for (uint32_t i = 0; i < scrape->request.definitions->metric_count; i++) {
        const struct tide_operator *operator= tide_partition_operator(partition, i);
        if (operator!= NULL) {
            const struct tide_operator_facts facts = tide_operator_facts(operator);
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
    static const char verdicts[] = "tidemark_verdicts_total";
    static const char rejected[] = "tidemark_rejected_total";
    static const char processed[] = "tidemark_processed_total";
    tide_prometheus_family(text, verdicts, "counter", "Records by what became of them.");
    tide_prometheus_sample(text, verdicts, "outcome", "processed", ledger->processed);
    tide_prometheus_sample(text, verdicts, "outcome", "duplicate", ledger->duplicate);
    tide_prometheus_sample(text, verdicts, "outcome", "rejected", tide_ledger_rejected(ledger));
    tide_prometheus_family(text, processed, "counter", "Events counted, by how late they came.");
    tide_prometheus_sample(text, processed, "lateness", "on_time", ledger->on_time);
    tide_prometheus_sample(text, processed, "lateness", "late_hot", ledger->late_hot);
    tide_prometheus_sample(text, processed, "lateness", "late_cold", ledger->late_cold);
    tide_prometheus_family(text, rejected, "counter", "Rejected records by reason.");
    for (int i = TIDE_REASON_ACCEPTED + 1; i < TIDE_REASON_COUNT; i++) {
        tide_prometheus_sample(
            text, rejected, "reason", tide_reason_name((enum tide_reason)i), ledger->rejected[i]);
    }
}

/* One family of instants; partitions whose instant is unknown have no sample. */
static void write_instants(const struct tide_cell_request *request,
                           const char *name,
                           const char *help,
                           struct tide_instant (*read)(const struct tide_cell_slot *slot),
                           struct tide_bytes *text)
{
    char partition[16];
    tide_prometheus_family(text, name, "gauge", help);
    for (uint32_t p = 0; p < request->partition_count; p++) {
        const struct tide_instant instant = read(&request->slots[p]);
        if (tide_instant_known(instant)) {
            (void)snprintf(partition, sizeof(partition), "%" PRIu32, p);
            tide_prometheus_seconds(text, name, "partition", partition, instant.us);
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
    static const char offsets[] = "tidemark_partition_records_total";
    char partition[16];
    tide_prometheus_family(text, offsets, "counter", "Records of the log that were processed.");
    for (uint32_t p = 0; p < request->partition_count; p++) {
        (void)snprintf(partition, sizeof(partition), "%" PRIu32, p);
        tide_prometheus_sample(
            text, offsets, "partition", partition, request->slots[p].next_offset);
    }
    write_instants(request,
                   "tidemark_partition_watermark_timestamp_seconds",
                   "Data watermark: older events are late.",
                   read_watermark,
                   text);
    write_instants(request,
                   "tidemark_partition_closing_timestamp_seconds",
                   "Closing clock: windows that end before it are complete.",
                   read_closing,
                   text);
}

static void write_facts(const struct tide_engine_facts *facts, struct tide_bytes *text)
{
    static const char duration[] = "tidemark_checkpoint_last_duration_seconds";
    tide_prometheus_gauge(text,
                          "tidemark_caught_up",
                          "1 when every partition has read its log to the end since the start.",
                          facts->caught_up);
    tide_prometheus_gauge(text,
                          "tidemark_records_behind",
                          "Records in the log that wait to be processed.",
                          facts->records_behind);
    tide_prometheus_counter(text,
                            "tidemark_checkpoints_total",
                            "Checkpoints that brought rows into the lake since the start.",
                            facts->epochs);
    tide_prometheus_counter(text,
                            "tidemark_checkpoint_failures_total",
                            "Attempts to write the lake that failed.",
                            facts->checkpoint_failures);
    tide_prometheus_family(text, duration, "gauge", "How long the last checkpoint took.");
    tide_prometheus_seconds(text, duration, NULL, NULL, facts->last_round.us);
    tide_prometheus_gauge(
        text, "tidemark_state_bytes", "Memory of uids, entities and cells.", facts->state_bytes);
    tide_prometheus_gauge(
        text, "tidemark_rows_bytes", "Memory of rows that wait for the lake.", facts->rows_bytes);
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
        const char *name;
        const char *type;
        const char *help;
        uint64_t (*read)(const struct metric_sums *sums);
    } families[] = {
        {"tidemark_cells", "gauge", "Cells by metric, over all partitions.", read_cell_count},
        {"tidemark_folded_events_total",
         "counter",
         "Events counted in the group (other), since the metric's cells have reached their budget.",
         read_folded_events},
        {"tidemark_pending_keys",
         "gauge",
         "Keys of a funnel that have too many events and are left to batch.",
         read_pending_keys},
    };
    char name[NAME_BYTES_MAX];
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        tide_prometheus_family(text, families[f].name, families[f].type, families[f].help);
        for (uint32_t i = 0; i < definitions->metric_count; i++) {
            const struct tide_metric *metric = &definitions->metrics[i];
            if (metric->kind != TIDE_METRIC_RATIO) {
                (void)snprintf(name, sizeof(name), "%.*s", TIDE_VIEW_ARGUMENTS(metric->name));
                tide_prometheus_sample(
                    text, families[f].name, "metric", name, families[f].read(&sums[i]));
            }
        }
    }
}

/* Of the columns whose values come with the events. */
static void write_mistyped(const struct tide_schema *schema,
                           const struct scrape *scrape,
                           struct tide_bytes *text)
{
    static const char mistyped[] = "tidemark_mistyped_values_total";
    char name[NAME_BYTES_MAX];
    tide_prometheus_family(
        text, mistyped, "counter", "Values of a wrong type in an optional column: null there.");
    for (uint32_t c = 0; c < schema->path_column_count; c++) {
        (void)snprintf(name, sizeof(name), "%.*s", TIDE_VIEW_ARGUMENTS(schema->columns[c].name));
        tide_prometheus_sample(text, mistyped, "column", name, atomic_load(&scrape->mistyped[c]));
    }
}

static void write_exposition(const struct tide_api_options *options,
                             const struct scrape *scrape,
                             struct tide_bytes *text)
{
    struct tide_ledger sum = {0};
    const struct tide_engine_facts facts = tide_engine_facts(options->engine);
    for (uint32_t p = 0; p < options->partition_count; p++) {
        tide_ledger_add(&sum, &scrape->request.slots[p].ledger);
    }
    tide_prometheus_family(text, "tidemark_build_info", "gauge", "The program, always 1.");
    tide_prometheus_sample(text, "tidemark_build_info", "version", options->version, 1);
    write_ledger(&sum, text);
    write_mistyped(options->definitions->schema, scrape, text);
    write_partitions(&scrape->request, text);
    write_facts(&facts, text);
    write_metrics(options->definitions, scrape->sums, text);
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
        write_exposition(options, &scrape, &text);
        api_reply(exchange, TIDE_PROMETHEUS_CONTENT_TYPE, &text);
    } else {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "%s", error.text);
    }
    tide_cell_request_release(&scrape.request);
    tide_bytes_release(&text);
    free(scrape.sums);
}
