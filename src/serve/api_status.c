/* GET /api/v1/status:
 *     {"time", "instance", "pipeline", "preset" or null, "version", "started",
 *      "events_per_second", "received_per_second",
 *      "active": {"metric", "start", "end", "value", "summed"} or null,
 *      "ledger": {"received", "processed", "duplicate", "rejected", "late"},
 *      "freshness": {"watermark", "closing", "newest_event_age_s", "records_behind", "caught_up",
 *                    "lake_age_s"}}
 * Rates are over about the last 5 s, from the readings that whoever asks leaves behind: null when
 * nobody asked within the last minute. active is of the newest window with events of the metric
 * that counts entities in the shortest windows; summed over its groups if it has some, in which an
 * entity that was in two of them counts twice. */
#include "serve/api_status.h"

#include "base/assert.h"
#include "base/json.h"
#include "serve/api_cells.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    ACTIVE_WINDOWS = 10, /* that are looked back for one with events */
};
#define SPACING_US INT64_C(500000)
#define RATE_OVER_US INT64_C(5000000)
#define RATE_OVER_MAX_US INT64_C(60000000)

struct tide_api_status {
    struct tide_event_rate *processed;
    struct tide_event_rate *received;
    uint32_t active; /* the metric; UINT32_MAX: there is none */
};

/* ---- which metric counts who is active */

/* About; months differ. */
static int64_t length_us(const struct tide_metric *metric)
{
    const struct tide_window window =
        tide_window_of(metric->every, (struct tide_instant){INT64_C(1700000000000000)});
    return (window.end.us - window.start.us) * (int64_t)metric->pane_count;
}

static bool is_better(const struct tide_metric *metric, const struct tide_metric *than)
{
    const int64_t length = length_us(metric);
    const int64_t other = length_us(than);
    return length != other ? length < other : metric->by_count < than->by_count;
}

static uint32_t find_active(const struct tide_definitions *definitions)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        const bool counts = tide_metric_is_of_entities(definitions->schema, metric) &&
                            metric->having == NULL && metric->where == NULL && metric->top == 0 &&
                            !metric->is_hidden;
        if (counts && (best == UINT32_MAX || is_better(metric, &definitions->metrics[best]))) {
            best = i;
        }
    }
    return best;
}

struct tide_api_status *api_status_create(const struct tide_api_options *options)
{
    struct tide_api_status *status = calloc(1, sizeof(*status));
    if (status == NULL) {
        return NULL;
    }
    status->processed = tide_event_rate_create((struct tide_duration){SPACING_US});
    status->received = tide_event_rate_create((struct tide_duration){SPACING_US});
    status->active = find_active(options->definitions);
    if (status->processed == NULL || status->received == NULL) {
        api_status_destroy(status);
        return NULL;
    }
    return status;
}

void api_status_destroy(struct tide_api_status *status)
{
    if (status != NULL) {
        tide_event_rate_destroy(status->processed);
        tide_event_rate_destroy(status->received);
        free(status);
    }
}

/* ---- asking */

struct look {
    const struct tide_api *api;
    struct tide_cell_request facts;
    struct api_cells active;
    struct tide_ledger ledger; /* of all partitions */
    struct tide_instant watermark;
};

static enum tide_status ask_facts(struct look *look, struct tide_error *error)
{
    const struct tide_api_options *options = &look->api->options;
    const struct tide_cell_scope facts_only = {TIDE_METRICS_NONE, TIDE_CELL_SPAN_ALL};
    look->watermark = TIDE_INSTANT_UNKNOWN;
    enum tide_status status = tide_cell_request_init(
        &look->facts, options->definitions, options->partition_count, &facts_only, error);
    if (status == TIDE_OK &&
        !tide_engine_visit(options->engine, tide_cell_request_visit, &look->facts)) {
        status = tide_error_set(error, TIDE_RETRY, "the engine has stopped");
    }
    for (uint32_t p = 0; status == TIDE_OK && p < options->partition_count; p++) {
        const struct tide_cell_slot *slot = &look->facts.slots[p];
        tide_ledger_add(&look->ledger, &slot->ledger);
        if (slot->watermark.us > look->watermark.us) { /* UNKNOWN is before all others */
            look->watermark = slot->watermark;
        }
    }
    return status;
}

/* Who is active, about where the watermark is: a second visit, because the first says where. */
static enum tide_status ask_active(struct look *look, struct tide_error *error)
{
    const struct tide_api *api = look->api;
    const uint32_t index = api->status->active;
    if (index == UINT32_MAX || !tide_instant_known(look->watermark)) {
        return TIDE_OK;
    }
    const struct tide_metric *metric = &api->options.definitions->metrics[index];
    const struct api_cells_question question = {
        .metric_index = index,
        .from = {look->watermark.us - ACTIVE_WINDOWS * length_us(metric)},
        .to = TIDE_INSTANT_UNKNOWN};
    return api_cells_ask(api, &question, &look->active, error);
}

/* ---- writing */

static void write_number(struct tide_bytes *json, const char *key, bool is_known, double number)
{
    tide_json_write_key(json, key);
    if (is_known) {
        tide_bytes_append_format(json, "%.3f", number);
    } else {
        tide_bytes_append_text(json, "null");
    }
}

static void write_rate(struct tide_event_rate *rate,
                       struct tide_instant now,
                       uint64_t count,
                       const char *key,
                       struct tide_bytes *json)
{
    struct tide_instant since = TIDE_INSTANT_UNKNOWN;
    uint64_t before = 0;
    tide_event_rate_note(rate, now, count);
    bool is_known =
        tide_event_rate_since(
            rate, (struct tide_instant){now.us - RATE_OVER_US - SPACING_US}, &since, &before) &&
        now.us - since.us >= SPACING_US;
    if (!is_known) { /* who asks seldom gets the mean since he asked last */
        is_known = tide_event_rate_since(
                       rate, (struct tide_instant){now.us - RATE_OVER_MAX_US}, &since, &before) &&
                   now.us - since.us >= SPACING_US;
    }
    is_known = is_known && before <= count;
    write_number(json,
                 key,
                 is_known,
                 is_known ? (double)(count - before) * 1e6 / (double)(now.us - since.us) : 0);
}

static void write_active(const struct look *look, struct tide_bytes *json)
{
    const struct tide_result *result = look->active.result;
    const uint64_t count = result == NULL ? 0 : tide_result_count(result);
    tide_json_write_key(json, "active");
    if (count == 0) {
        tide_bytes_append_text(json, "null");
        return;
    }
    const struct tide_result_row newest = tide_result_at(result, count - 1);
    double sum = 0;
    for (uint64_t i = count; i > 0; i--) { /* rows are in the order of windows */
        const struct tide_result_row row = tide_result_at(result, i - 1);
        double number = 0;
        if (row.window.start.us != newest.window.start.us) {
            break;
        }
        (void)tide_result_number(result, &row, &number);
        sum += number;
    }
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "metric", look->active.metric->name);
    api_write_instant(json, "start", newest.window.start);
    api_write_instant(json, "end", newest.window.end);
    tide_json_write_u64_member(json, "value", (uint64_t)llround(sum));
    tide_json_write_bool_member(json, "summed", look->active.metric->by_count > 0);
    tide_bytes_append_byte(json, '}');
}

static void write_ledger(const struct tide_ledger *ledger, struct tide_bytes *json)
{
    tide_json_write_key(json, "ledger");
    tide_bytes_append_byte(json, '{');
    tide_json_write_u64_member(json, "received", ledger->verdicts);
    tide_json_write_u64_member(json, "processed", ledger->processed);
    tide_json_write_u64_member(json, "duplicate", ledger->duplicate);
    tide_json_write_u64_member(json, "rejected", tide_ledger_rejected(ledger));
    tide_json_write_u64_member(json, "late", ledger->late_hot + ledger->late_cold);
    tide_bytes_append_byte(json, '}');
}

static void write_age(struct tide_bytes *json,
                      const char *key,
                      struct tide_instant now,
                      struct tide_instant then)
{
    const bool is_known = tide_instant_known(then);
    write_number(json, key, is_known, is_known ? (double)(now.us - then.us) / 1e6 : 0);
}

static void write_freshness(const struct look *look,
                            const struct tide_engine_facts *facts,
                            struct tide_instant now,
                            struct tide_bytes *json)
{
    const struct tide_api_options *options = &look->api->options;
    const struct tide_duration slack = options->definitions->schema->clock.out_of_orderness;
    struct tide_instant newest = look->watermark;
    if (tide_instant_known(newest)) {
        newest.us += slack.us;
    }
    tide_json_write_key(json, "freshness");
    tide_bytes_append_byte(json, '{');
    api_write_instant(json, "watermark", look->watermark);
    api_write_instant(json, "closing", tide_engine_closing(options->engine));
    write_age(json, "newest_event_age_s", now, newest);
    tide_json_write_u64_member(json, "records_behind", facts->records_behind);
    tide_json_write_bool_member(json, "caught_up", facts->caught_up);
    write_age(json, "lake_age_s", now, facts->last_commit);
    tide_bytes_append_byte(json, '}');
}

/* The one among what was read; NULL: there was none. */
static const struct tide_source *find_preset(const struct tide_definitions *definitions)
{
    for (uint32_t i = 0; i < definitions->source_count; i++) {
        const struct tide_source *preset = tide_preset_find(definitions->sources[i].name);
        if (preset != NULL && preset->text.data == definitions->sources[i].text.data) {
            return preset;
        }
    }
    return NULL;
}

void api_status_write_identity(const struct tide_api *api, struct tide_bytes *json)
{
    const struct tide_api_options *options = &api->options;
    char instance[API_INSTANCE_SIZE];
    api_format_instance(options->instance, instance);
    tide_json_write_text_member(json, "instance", tide_view_of(instance));
    tide_json_write_text_member(json, "pipeline", options->pipeline);
    const struct tide_source *preset = find_preset(options->definitions);
    if (preset != NULL) {
        tide_json_write_text_member(json, "preset", preset->name);
    } else {
        tide_json_write_key(json, "preset");
        tide_bytes_append_text(json, "null");
    }
    tide_json_write_text_member(json, "version", tide_view_of(options->version));
}

static void write_document(const struct look *look, struct tide_bytes *json)
{
    const struct tide_api *api = look->api;
    const struct tide_engine_facts facts = tide_engine_facts(api->options.engine);
    const struct tide_instant now = tide_clock_now(api->options.clock);
    tide_bytes_append_byte(json, '{');
    api_write_instant(json, "time", now);
    api_status_write_identity(api, json);
    api_write_instant(json, "started", api->options.started);
    write_rate(api->status->processed, now, look->ledger.processed, "events_per_second", json);
    write_rate(api->status->received,
               now,
               facts.records_read + facts.records_behind,
               "received_per_second",
               json);
    write_active(look, json);
    write_ledger(&look->ledger, json);
    write_freshness(look, &facts, now, json);
    tide_bytes_append_byte(json, '}');
}

enum tide_status api_status_write(const struct tide_api *api,
                                  struct tide_bytes *json,
                                  struct tide_error *error)
{
    struct look look = {.api = api};
    enum tide_status status = ask_facts(&look, error);
    if (status == TIDE_OK) {
        status = ask_active(&look, error);
    }
    if (status == TIDE_OK) {
        write_document(&look, json);
    }
    tide_cell_request_release(&look.facts);
    api_cells_release(&look.active);
    return status;
}

void api_answer_status(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    struct tide_bytes json = {0};
    struct tide_error error = {0};
    tide_bytes_init(&json, TIDE_API_REPLY_BYTES_MAX);
    if (api_status_write(api, &json, &error) == TIDE_OK) {
        api_reply(exchange, "application/json", &json);
    } else {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "%s", error.text);
    }
    tide_bytes_release(&json);
}
