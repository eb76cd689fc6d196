/* What the tests of serve share: an engine over a memory log, a lake of real Parquet in a directory
 * of its own, the API behind a server on a free port, and a client. Nothing sleeps: settle() visits
 * the partitions until they have read the log. */
#ifndef TIDE_UNIT_SERVE_FIXTURE_H
#define TIDE_UNIT_SERVE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/json.h"
#include "http/client.h"
#include "lake/duckdb.h"
#include "log/memory.h"
#include "serve/alerts.h"
#include "serve/api.h"
#include "support/remove_tree.h"

enum {
    FIXTURE_LINES_MAX = 1024,
    FIXTURE_PARTITIONS_MAX = 8,
};

#define FIXTURE_SCHEMA                                                                             \
    "schema:\n"                                                                                    \
    "  name: t\n"                                                                                  \
    "  entity: user_id\n"                                                                          \
    "  id: id\n"                                                                                   \
    "  type: kind\n"                                                                               \
    "  time: at_\n"                                                                                \
    "  columns:\n"                                                                                 \
    "    id: {path: id}\n"                                                                         \
    "    kind: {path: kind, required: true}\n"                                                     \
    "    at_: {path: at, type: time_ms, required: true}\n"                                         \
    "    user_id: {path: user}\n"                                                                  \
    "    region: {path: region}\n"                                                                 \
    "    ok: {path: ok, type: bool}\n"                                                             \
    "    amount: {path: amount, type: decimal}\n"                                                  \
    "metrics:\n"

static const char fixture_text[] =
    FIXTURE_SCHEMA "  by_region: {count: events, by: [region], every: 1h}\n"
                   "  users: {distinct: user_id, every: 1d}\n"
                   "  spent: {sum: amount, by: [region, ok], every: 1d}\n"
                   "  best: {count: events, by: [region], every: 1d, top: 1}\n"
                   "  paid: {mean: amount, where: 'kind == \"pay\"', every: 1d}\n";

/* 2026-03-08T10:00:00Z */
#define FIXTURE_START_US INT64_C(1772964000000000)

struct fixture {
    char directory[64];
    char data[96];
    char lake[96];
    char scratch[128];
    struct tide_arena arena;
    struct tide_diagnostics diagnostics;
    struct tide_source source;
    const struct tide_definitions *definitions;
    const struct tide_layout *layouts[TIDE_TABLE_COUNT];
    struct tide_clock_simulated probes; /* by which the API looks for new batch runs */
    struct tide_generations *generations;
    struct tide_store store;
    struct tide_duckdb *duckdb;
    struct tide_table_writer writer;
    struct tide_identity identity;
    struct tide_checkpointer *checkpointer;
    struct tide_log log;
    struct tide_engine *engine;
    struct tide_alert_engine alert_engine;
    struct tide_alerts *alerts; /* where there are some; nobody takes their turns */
    struct tide_metric_values *values;
    struct tide_api *api;
    struct tide_http_route routes[TIDE_API_ROUTES];
    struct tide_http_server *server;
    struct tide_http_client *client;
    uint32_t partition_count;
    _Atomic bool is_ready;
    struct tide_http_response response; /* of the last question */
};

static inline void fixture_check(enum tide_status status, const struct tide_error *error)
{
    if (status != TIDE_OK) {
        print_error("%s: %s\n", tide_status_name(status), error->text);
    }
    assert_int_equal(status, TIDE_OK);
}

static inline void fixture_failed(void *context, const struct tide_error *error)
{
    (void)context;
    print_error("the engine failed: %s\n", error->text);
}

static inline bool fixture_is_ready(void *context)
{
    const struct fixture *fixture = context;
    return atomic_load(&fixture->is_ready);
}

static inline void fixture_exposition(void *context, struct tide_bytes *text)
{
    (void)context;
    tide_bytes_append_text(text,
                           "# HELP other_room_total Of another room.\n"
                           "# TYPE other_room_total counter\n"
                           "other_room_total 7\n");
}

/* only: the one metric that is selected, or NULL. */
static inline void fixture_load(struct fixture *fixture, const char *text, const char *only)
{
    const struct tide_view selected = only == NULL ? (struct tide_view){0} : tide_view_of(only);
    fixture->source = (struct tide_source){TIDE_VIEW("test.yaml"), tide_view_of(text)};
    const struct tide_definitions_input input = {
        .file = &fixture->source, .only = &selected, .only_count = only != NULL};
    tide_diagnostics_init(&fixture->diagnostics, &fixture->arena);
    fixture->definitions = tide_definitions_load(&fixture->arena, &input, &fixture->diagnostics);
    assert_non_null(fixture->definitions);
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        fixture->layouts[t] =
            tide_layout_create(&fixture->arena, fixture->definitions->schema, (enum tide_table)t);
        assert_non_null(fixture->layouts[t]);
    }
}

static inline void fixture_open_lake(struct fixture *fixture)
{
    struct tide_error error = {0};
    struct tide_io io = tide_io_os();
    const struct tide_identity wanted = {.configuration = {1, 2},
                                         .partition_count = fixture->partition_count};
    (void)snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/tidemark-it's-[a]-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(fixture->data, sizeof(fixture->data), "%s/data", fixture->directory);
    (void)snprintf(fixture->lake, sizeof(fixture->lake), "%s/lake", fixture->directory);
    fixture_check(io.operations->make_directory(io.self, fixture->data, &error), &error);
    fixture_check(tide_store_local_open(io, fixture->lake, &fixture->store, &error), &error);
    fixture_check(
        tide_identity_open(io, fixture->data, fixture->store, &wanted, &fixture->identity, &error),
        &error);
    fixture_check(tide_duckdb_open(1, 0, &fixture->duckdb, &error), &error);
    fixture_check(tide_parquet_writer_open(fixture->duckdb, &fixture->writer, &error), &error);
    struct tide_checkpointer_options options = {.io = io,
                                                .clock = tide_clock_os(),
                                                .store = fixture->store,
                                                .writer = fixture->writer,
                                                .identity = fixture->identity,
                                                .engine = TIDE_VIEW("tidemark/test")};
    (void)snprintf(
        fixture->scratch, sizeof(fixture->scratch), "%s/_tidemark/scratch", fixture->lake);
    options.scratch_directory = fixture->scratch;
    memcpy(options.layouts, fixture->layouts, sizeof(options.layouts));
    fixture_check(tide_checkpointer_open(&options, &fixture->checkpointer, &error), &error);
}

static inline void fixture_start_engine(struct fixture *fixture)
{
    struct tide_error error = {0};
    fixture_check(tide_memory_log_create(fixture->partition_count, &fixture->log, &error), &error);
    struct tide_engine_options options = {.definitions = fixture->definitions,
                                          .log = fixture->log,
                                          .clock = tide_clock_os(),
                                          .arrival = TIDE_ARRIVAL_LIVE,
                                          .limits = tide_operator_limits_default(),
                                          .seed = tide_identity_seed(&fixture->identity),
                                          .worker_count = fixture->partition_count > 1 ? 2 : 1,
                                          .checkpointer = fixture->checkpointer,
                                          .checkpoint_interval = {INT64_C(3600) * 1000000},
                                          .idle_after = {INT64_C(3600) * 1000000},
                                          .rows_bytes_max = 64 << 20,
                                          .failed = fixture_failed};
    memcpy(options.layouts, fixture->layouts, sizeof(options.layouts));
    fixture_check(tide_engine_start(&options, &fixture->engine, &error), &error);
}

static inline void fixture_open_alerts(struct fixture *fixture)
{
    struct tide_error error = {0};
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/alerts.json", fixture->data);
    fixture->alert_engine =
        (struct tide_alert_engine){fixture->engine, fixture->definitions, fixture->partition_count};
    const struct tide_alerts_options options = {.definitions = fixture->definitions,
                                                .source =
                                                    tide_alert_source_of(&fixture->alert_engine),
                                                .io = tide_io_os(),
                                                .path = path,
                                                .interval = {INT64_C(3600) * 1000000}};
    if (fixture->definitions->alert_count > 0) {
        fixture_check(tide_alerts_create(&options, &fixture->alerts, &error), &error);
    }
}

static inline void fixture_start_server(struct fixture *fixture)
{
    struct tide_error error = {0};
    struct tide_generations_options generations = tide_generations_options_default();
    generations.clock = tide_clock_simulated(&fixture->probes);
    generations.store = fixture->store;
    generations.definitions = fixture->definitions;
    generations.partition_count = fixture->partition_count;
    fixture_check(tide_generations_create(&generations, &fixture->generations, &error), &error);
    const struct tide_metric_values_options values = {.engine = fixture->engine,
                                                      .definitions = fixture->definitions,
                                                      .clock = generations.clock,
                                                      .partition_count = fixture->partition_count,
                                                      .series_max = TIDE_METRIC_SERIES_DEFAULT};
    fixture_check(tide_metric_values_create(&values, &fixture->values, &error), &error);
    const struct tide_api_options options = {.engine = fixture->engine,
                                             .definitions = fixture->definitions,
                                             .clock = tide_clock_os(),
                                             .version = "1.2.3",
                                             .pipeline = TIDE_VIEW("a \"pipeline\""),
                                             .instance = UINT64_C(0xfedcba9876543210),
                                             .started = {FIXTURE_START_US},
                                             .listeners_max = 4,
                                             .lake_url = TIDE_VIEW("file:./the \"lake\""),
                                             .partition_count = fixture->partition_count,
                                             .generations = fixture->generations,
                                             .alerts = fixture->alerts,
                                             .values = fixture->values,
                                             .exposition = fixture_exposition,
                                             .ready = fixture_is_ready,
                                             .ready_context = fixture};
    atomic_store(&fixture->is_ready, true);
    fixture_check(tide_api_create(&options, &fixture->api, &error), &error);
    tide_api_routes(fixture->api, fixture->routes);
    tide_api_publish(fixture->api, fixture->routes, TIDE_API_ROUTES);
    struct tide_http_server_options server = tide_http_server_options_default();
    server.port = 0;
    server.thread_count = 1;
    server.routes = fixture->routes;
    server.route_count = TIDE_API_ROUTES;
    fixture_check(tide_http_server_start(&server, &fixture->server, &error), &error);
    fixture_check(tide_http_client_create(&fixture->client, &error), &error);
}

static inline struct fixture *fixture_open_definitions(const char *text,
                                                       const char *only,
                                                       uint32_t partition_count)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    assert_true(partition_count <= FIXTURE_PARTITIONS_MAX);
    fixture->partition_count = partition_count;
    fixture_load(fixture, text, only);
    fixture_open_lake(fixture);
    fixture_start_engine(fixture);
    fixture_open_alerts(fixture);
    fixture_start_server(fixture);
    return fixture;
}

static inline struct fixture *fixture_open(uint32_t partition_count)
{
    return fixture_open_definitions(fixture_text, NULL, partition_count);
}

static inline void fixture_close(struct fixture *fixture)
{
    struct tide_error error = {0};
    tide_http_client_destroy(fixture->client);
    tide_api_hang_up(fixture->api);
    tide_http_server_drain(fixture->server);
    tide_api_drain(fixture->api);
    tide_http_server_stop(fixture->server);
    tide_api_destroy(fixture->api);
    tide_metric_values_destroy(fixture->values);
    tide_generations_destroy(fixture->generations);
    tide_alerts_destroy(fixture->alerts);
    fixture_check(tide_engine_stop(fixture->engine, &error), &error);
    tide_checkpointer_close(fixture->checkpointer);
    fixture->writer.operations->close(fixture->writer.self);
    tide_duckdb_close(fixture->duckdb);
    fixture->store.operations->close(fixture->store.self);
    fixture->log.operations->close(fixture->log.self);
    tide_bytes_release(&fixture->response.body);
    tide_arena_release(&fixture->arena);
    assert_int_equal(remove_tree(fixture->directory), 0);
    free(fixture);
}

/* ---- events */

static inline void fixture_appended(void *context,
                                    enum tide_status status,
                                    const struct tide_error *error)
{
    (void)context;
    fixture_check(status, error);
}

/* A record for each line, as one batch of a partition. */
static inline void fixture_append(struct fixture *fixture,
                                  uint32_t partition,
                                  struct tide_instant received,
                                  struct tide_view lines)
{
    static struct tide_log_record records[FIXTURE_LINES_MAX];
    struct tide_error error = {0};
    struct tide_log_receipt receipt;
    uint32_t count = 0;
    for (size_t at = 0; at < lines.size;) {
        const char *end = memchr(lines.data + at, '\n', lines.size - at);
        assert_non_null(end);
        const size_t size = (size_t)(end - lines.data) - at;
        assert_true(count < FIXTURE_LINES_MAX);
        records[count++] = (struct tide_log_record){.text = {lines.data + at, size}};
        at += size + 1;
    }
    const struct tide_log_batch batch = {.partition = partition,
                                         .received = received,
                                         .sent = TIDE_INSTANT_UNKNOWN,
                                         .source = TIDE_VIEW("test"),
                                         .records = records,
                                         .record_count = count};
    struct tide_log_append append = {
        .batches = &batch, .batch_count = 1, .receipts = &receipt, .done = fixture_appended};
    fixture_check(fixture->log.operations->append(fixture->log.self, &append, &error), &error);
    fixture_check(fixture->log.operations->sync(fixture->log.self, &error), &error);
}

/* An event of FIXTURE_SCHEMA, to its user's partition. rest: more members, or "". */
static inline void fixture_event_of_kind(
    struct fixture *fixture, const char *kind, const char *user, int64_t seconds, const char *rest)
{
    static unsigned number;
    struct tide_bytes line = {0};
    tide_bytes_append_format(&line,
                             "{\"id\":\"e%u\",\"kind\":\"%s\",\"at\":%" PRId64
                             ",\"user\":\"%s\"%s}\n",
                             number++,
                             kind,
                             FIXTURE_START_US / 1000 + seconds * 1000,
                             user,
                             rest);
    fixture_append(fixture,
                   tide_partition_of(tide_view_of(user), fixture->partition_count),
                   (struct tide_instant){FIXTURE_START_US + INT64_C(7) * TIDE_US_PER_DAY},
                   tide_bytes_view(&line));
    tide_bytes_release(&line);
}

static inline void fixture_event(struct fixture *fixture,
                                 const char *user,
                                 int64_t seconds,
                                 const char *rest)
{
    fixture_event_of_kind(fixture, "pay", user, seconds, rest);
}

static inline void fixture_visit(void *context, struct tide_partition *partition)
{
    (void)context;
    (void)partition;
}

/* Until every partition has read its log. */
static inline void fixture_settle(struct fixture *fixture)
{
    struct tide_engine_facts facts;
    tide_engine_notify(fixture->engine);
    do {
        assert_true(tide_engine_visit(fixture->engine, fixture_visit, NULL));
        facts = tide_engine_facts(fixture->engine);
    } while (!facts.caught_up || facts.records_behind > 0);
}

struct fixture_event {
    const char *kind;
    const char *user;
    int64_t seconds;
    const char *rest;
};

/* Settled when it returns. */
static inline void fixture_send(struct fixture *fixture,
                                const struct fixture_event *events,
                                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fixture_event_of_kind(
            fixture, events[i].kind, events[i].user, events[i].seconds, events[i].rest);
    }
    fixture_settle(fixture);
}

/* ---- questions */

/* The status; the body is in fixture->response, terminated. */
static inline unsigned fixture_ask(struct fixture *fixture, const char *method, const char *path)
{
    struct tide_error error = {0};
    char url[1024];
    (void)snprintf(
        url, sizeof(url), "http://127.0.0.1:%u%s", tide_http_server_port(fixture->server), path);
    const struct tide_http_request request = {.method = method,
                                              .url = url,
                                              .content_type =
                                                  strcmp(method, "POST") == 0 ? "text/plain" : NULL,
                                              .reply_bytes_max = 64 << 20,
                                              .timeout = {INT64_C(60) * 1000000}};
    tide_bytes_release(&fixture->response.body);
    fixture->response = (struct tide_http_response){0};
    fixture_check(tide_http_client_send(fixture->client, &request, &fixture->response, &error),
                  &error);
    (void)tide_bytes_terminated(&fixture->response.body);
    return fixture->response.status;
}

static inline const char *fixture_body(struct fixture *fixture)
{
    return tide_bytes_terminated(&fixture->response.body);
}

static inline void fixture_expect(struct fixture *fixture,
                                  const char *path,
                                  unsigned status,
                                  const char *part)
{
    const unsigned answered = fixture_ask(fixture, "GET", path);
    if (answered != status || strstr(fixture_body(fixture), part) == NULL) {
        fail_msg(
            "%s: %u %s\nwanted %u and %s", path, answered, fixture_body(fixture), status, part);
    }
}

/* The body as JSON, in arena. */
static inline const struct tide_json *fixture_json(struct fixture *fixture, struct tide_view text)
{
    struct tide_json *json = NULL;
    struct tide_error error = {0};
    fixture_check(tide_json_parse(&fixture->arena, text, &json, &error), &error);
    return json;
}

#endif
