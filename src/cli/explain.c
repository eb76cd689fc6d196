/* tidemark explain: what a metric does, in words; what it is for other engines, as the SQL that
 * batch runs; what it costs a service. */
#include "base/civil.h"
#include "base/json.h"
#include "cli/config.h"
#include "cli/plan.h"
#include "cli/served.h"
#include "metric/sql.h"
#include "process/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    SQL_BYTES_MAX = 64 << 20,
    SQL_SHOWN_MAX = 4096, /* below the words; the boundaries of windows in a time zone are long */
};

struct explain {
    const struct tide_invocation *invocation;
    const char *file; /* or NULL */
    const char **names;
    uint32_t name_count;
    const char *server; /* or NULL */
    struct tide_http_client *client;
    struct tide_arena arena;
    const struct tide_definitions *definitions;
    struct tide_window span;
    struct tide_instant at;
    bool is_json;
};

/* Without options the event times that a service may accept now. */
static bool read_times(struct explain *e)
{
    const struct tide_schema *schema = e->definitions->schema;
    const struct tide_instant now = tide_clock_now(tide_clock_os());
    const struct tide_instant from = {now.us - schema->clock.max_age.us};
    const struct tide_instant to = {now.us + schema->clock.max_ahead.us};
    if (!tide_invocation_time(e->invocation, "--from", from, &e->span.start) ||
        !tide_invocation_time(e->invocation, "--to", to, &e->span.end) ||
        !tide_invocation_time(e->invocation, "--at", now, &e->at)) {
        return false;
    }
    if (e->span.start.us >= e->span.end.us) {
        tide_fail(TIDE_EXIT_USAGE, "--from is not before --to");
        return false;
    }
    e->span.end.us--; /* a span is of times that occur */
    return true;
}

/* ---- SQL */

static enum tide_exit print_text(const char *what, struct tide_view name, struct tide_bytes *sql)
{
    if (sql->failed) {
        return tide_fail(TIDE_EXIT_FAILURE,
                         "the SQL of %.*s is too long for this span",
                         TIDE_VIEW_ARGUMENTS(name));
    }
    printf("-- %.*s\n%s%s;\n\n", TIDE_VIEW_ARGUMENTS(name), what, tide_bytes_terminated(sql));
    return TIDE_EXIT_OK;
}

static enum tide_exit print_events(const struct tide_definitions *definitions,
                                   const char *engine,
                                   const char *table)
{
    struct tide_bytes sql = {0};
    const bool is_spark = tide_view_equal(tide_view_of(engine), TIDE_VIEW("spark"));
    if (!is_spark && !tide_view_equal(tide_view_of(engine), TIDE_VIEW("duckdb"))) {
        return tide_fail(TIDE_EXIT_USAGE, "--events '%s' is neither duckdb nor spark", engine);
    }
    tide_bytes_init(&sql, SQL_BYTES_MAX);
    tide_events_sql(definitions->schema,
                    is_spark ? TIDE_SQL_SPARK : TIDE_SQL_DUCKDB,
                    tide_view_of(table),
                    &sql);
    const enum tide_exit exit =
        print_text("CREATE OR REPLACE TEMPORARY VIEW events AS ", TIDE_VIEW("events"), &sql);
    tide_bytes_release(&sql);
    return exit;
}

static enum tide_exit print_sql(const struct explain *e, const struct tide_metric *metric)
{
    struct tide_bytes sql = {0};
    tide_bytes_init(&sql, SQL_BYTES_MAX);
    tide_metric_sql(e->definitions, metric, e->span, &sql);
    const enum tide_exit exit = print_text("", metric->name, &sql);
    tide_bytes_release(&sql);
    return exit;
}

/* ---- what it costs */

/* The service's answer as it is; empty without a service. */
static enum tide_exit ask_state(const struct explain *e,
                                const struct tide_metric *metric,
                                struct tide_bytes *state)
{
    struct tide_bytes path = {0};
    if (e->server == NULL) {
        return TIDE_EXIT_OK;
    }
    tide_bytes_append_format(
        &path, "/api/v1/metrics/%.*s/state", TIDE_VIEW_ARGUMENTS(metric->name));
    const enum tide_exit exit =
        tide_ask(e->client, e->server, "GET", tide_bytes_view(&path), state);
    tide_bytes_release(&path);
    return exit;
}

static void append_count(const struct tide_json *state,
                         const char *key,
                         const char *words,
                         struct tide_bytes *text)
{
    uint64_t count = 0;
    if (tide_json_get_u64(state, key, &count)) {
        tide_bytes_append_format(
            text, "%s%" PRIu64 " %s", text->size > 0 ? ", " : "", count, words);
    }
}

static void append_cost(const struct tide_json *state, struct tide_bytes *text)
{
    const struct tide_json *partitions = tide_json_get(state, "partitions");
    struct tide_bytes own = {0};
    append_count(state, "cells", "cells", &own);
    append_count(state, "keys", "keys", &own);
    append_count(state, "bytes", "bytes", &own);
    append_count(state, "folded_events", "events folded into (other)", &own);
    append_count(state, "pending_keys", "keys left to batch", &own);
    if (partitions != NULL) {
        tide_bytes_append_format(&own, ", in %" PRIu32 " partitions", partitions->count);
    }
    tide_bytes_append_view(text, tide_bytes_view(&own));
    tide_bytes_release(&own);
}

/* A ratio's parts have the state. */
static void append_costs(const struct tide_json *state, struct tide_bytes *text)
{
    const struct tide_json *parts = tide_json_get(state, "parts");
    if (parts == NULL) {
        append_cost(state, text);
        return;
    }
    for (const struct tide_json *part = parts->first; part != NULL; part = part->next) {
        struct tide_view name = {0};
        (void)tide_json_get_text(part, "metric", &name);
        tide_bytes_append_format(
            text, "%s%.*s: ", text->size > 0 ? "; " : "", TIDE_VIEW_ARGUMENTS(name));
        append_cost(part, text);
    }
}

static void append_state(const struct explain *e,
                         struct tide_view hash,
                         struct tide_view state,
                         struct tide_bytes *text)
{
    struct tide_arena arena = {0};
    struct tide_json *json = NULL;
    struct tide_view served = {0};
    struct tide_bytes words = {0};
    if (tide_json_parse(&arena, state, &json, NULL) != TIDE_OK) {
        tide_bytes_append_format(&words, "%s did not answer with JSON", e->server);
    } else {
        append_costs(json, &words);
        if (tide_json_get_text(json, "definition", &served) && !tide_view_equal(served, hash)) {
            tide_bytes_append_format(&words,
                                     "; but the service has another definition of it, %.*s",
                                     TIDE_VIEW_ARGUMENTS(served));
        }
    }
    tide_plan_write_paragraph("cost so far", tide_bytes_view(&words), text);
    tide_bytes_release(&words);
    tide_arena_release(&arena);
}

/* ---- the whole */

static void append_sql(const struct tide_metric *metric,
                       const struct tide_bytes *sql,
                       struct tide_bytes *text)
{
    struct tide_bytes words = {0};
    if (!sql->failed && sql->size <= SQL_SHOWN_MAX) {
        tide_bytes_append_text(text, "\n");
        tide_bytes_append_view(text, tide_bytes_view(sql));
        tide_bytes_append_text(text, ";\n");
        return;
    }
    tide_bytes_append_format(&words,
                             "%zu KiB, most of it the boundaries of windows: tidemark explain "
                             "%.*s --sql; --from and --to make it shorter",
                             sql->size >> 10,
                             TIDE_VIEW_ARGUMENTS(metric->name));
    tide_plan_write_paragraph("sql", tide_bytes_view(&words), text);
    tide_bytes_release(&words);
}

static void write_text(const struct explain *e,
                       const struct tide_plan *plan,
                       struct tide_view state,
                       const struct tide_bytes *sql,
                       struct tide_bytes *text)
{
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(plan->metric->hash, hash);
    tide_bytes_append_view(text, plan->metric->name);
    tide_bytes_append_byte(text, '\n');
    tide_plan_write_text(plan, text);
    tide_plan_write_paragraph("definition", tide_view_of(hash), text);
    if (state.size > 0) {
        append_state(e, tide_view_of(hash), state, text);
    }
    append_sql(plan->metric, sql, text);
}

static void write_json(const struct tide_plan *plan,
                       struct tide_view state,
                       const struct tide_bytes *sql,
                       struct tide_bytes *text)
{
    const struct tide_metric *metric = plan->metric;
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(metric->hash, hash);
    tide_bytes_append_byte(text, '{');
    tide_json_write_text_member(text, "metric", metric->name);
    tide_json_write_text_member(text, "kind", tide_view_of(tide_metric_kind_name(metric->kind)));
    tide_json_write_text_member(text, "definition", tide_view_of(hash));
    tide_json_write_key(text, "plan");
    tide_plan_write_json(plan, text);
    if (state.size > 0) {
        tide_json_write_key(text, "state");
        tide_bytes_append_view(text, state);
    }
    tide_json_write_text_member(text, "sql", tide_bytes_view(sql));
    text->failed = text->failed || sql->failed;
    tide_bytes_append_text(text, "}\n");
}

static enum tide_exit print_plan(const struct explain *e,
                                 const struct tide_metric *metric,
                                 bool is_first)
{
    const struct tide_plan plan = {e->definitions, metric, e->at};
    struct tide_bytes text = {0};
    struct tide_bytes sql = {0};
    struct tide_bytes state = {0};
    tide_bytes_init(&sql, SQL_BYTES_MAX);
    tide_metric_sql(e->definitions, metric, e->span, &sql);
    enum tide_exit exit = ask_state(e, metric, &state);
    if (exit == TIDE_EXIT_OK && e->is_json) {
        write_json(&plan, tide_bytes_view(&state), &sql, &text);
    } else if (exit == TIDE_EXIT_OK) {
        tide_bytes_append_text(&text, is_first ? "" : "\n");
        write_text(e, &plan, tide_bytes_view(&state), &sql, &text);
    }
    if (text.failed) {
        exit = tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    } else {
        fwrite(text.data, 1, text.size, stdout);
    }
    tide_bytes_release(&state);
    tide_bytes_release(&text);
    tide_bytes_release(&sql);
    return exit;
}

static enum tide_exit print_metric(const struct explain *e,
                                   const struct tide_metric *metric,
                                   bool is_first)
{
    return tide_invocation_has(e->invocation, "--sql") && !e->is_json
               ? print_sql(e, metric)
               : print_plan(e, metric, is_first);
}

/* ---- which metrics */

static enum tide_exit unknown_metric(const struct explain *e, const char *name)
{
    struct tide_view names[TIDE_METRICS_MAX];
    for (uint32_t i = 0; i < e->definitions->metric_count; i++) {
        names[i] = e->definitions->metrics[i].name;
    }
    const struct tide_view nearest =
        tide_nearest(tide_view_of(name), names, e->definitions->metric_count);
    return nearest.size == 0 ? tide_fail(TIDE_EXIT_NOT_FOUND, "there is no metric '%s'", name)
                             : tide_fail(TIDE_EXIT_NOT_FOUND,
                                         "there is no metric '%s'; did you mean '%.*s'?",
                                         name,
                                         TIDE_VIEW_ARGUMENTS(nearest));
}

/* All names are looked up before anything is printed. */
static enum tide_exit print_named(const struct explain *e)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    for (uint32_t i = 0; i < e->name_count; i++) {
        if (tide_definitions_find(e->definitions, tide_view_of(e->names[i])) == NULL) {
            return unknown_metric(e, e->names[i]);
        }
    }
    for (uint32_t i = 0; exit == TIDE_EXIT_OK && i < e->name_count; i++) {
        exit = print_metric(
            e, tide_definitions_find(e->definitions, tide_view_of(e->names[i])), i == 0);
    }
    return exit;
}

static enum tide_exit print_all(const struct explain *e)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    for (uint32_t i = 0; exit == TIDE_EXIT_OK && i < e->definitions->metric_count; i++) {
        if (!e->definitions->metrics[i].is_hidden) {
            exit = print_metric(e, &e->definitions->metrics[i], i == 0);
        }
    }
    return exit;
}

/* ---- the command */

/* The name of a metric has neither a point nor a slash; that of a file has. */
static enum tide_exit read_operands(struct explain *e)
{
    const struct tide_invocation *invocation = e->invocation;
    e->file = tide_invocation_text(invocation, "-c", NULL);
    e->names = calloc(invocation->operand_count + 1, sizeof(*e->names));
    if (e->names == NULL) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    for (uint32_t i = 0; i < invocation->operand_count; i++) {
        const char *operand = invocation->operands[i];
        if (strpbrk(operand, "./") == NULL) {
            e->names[e->name_count++] = operand;
        } else if (e->file == NULL) {
            e->file = operand;
        } else {
            return tide_fail(TIDE_EXIT_USAGE, "two files, %s and %s: name one", e->file, operand);
        }
    }
    return TIDE_EXIT_OK;
}

static enum tide_exit load(struct explain *e)
{
    struct tide_error error = {0};
    const char *preset = tide_invocation_text(e->invocation, "--preset", NULL);
    e->server = tide_invocation_text(e->invocation, "--server", NULL);
    if (e->server == NULL && e->file == NULL && preset == NULL) {
        return tide_fail(TIDE_EXIT_USAGE,
                         "say where the metrics are: a file, --preset NAME or --server URL");
    }
    if (e->server != NULL && tide_http_client_create(&e->client, &error) != TIDE_OK) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "%s", error.text);
    }
    return e->file == NULL && preset == NULL
               ? tide_served_definitions(&e->arena, e->client, e->server, &e->definitions)
               : tide_config_definitions(
                     &e->arena, e->invocation, e->file, preset, &e->definitions);
}

static enum tide_exit explain(struct explain *e)
{
    const char *engine = tide_invocation_text(e->invocation, "--events", NULL);
    enum tide_exit exit = TIDE_EXIT_OK;
    if (!read_times(e)) {
        return TIDE_EXIT_USAGE;
    }
    if (engine != NULL) {
        const char *table = tide_invocation_text(e->invocation, "--table", "lake_events");
        exit = print_events(e->definitions, engine, table);
    }
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    return e->name_count > 0 ? print_named(e) : print_all(e);
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct explain e = {.invocation = invocation};
    const char *format = tide_invocation_text(invocation, "--format", "text");
    e.is_json = strcmp(format, "json") == 0;
    if (!e.is_json && strcmp(format, "text") != 0) {
        return tide_fail(TIDE_EXIT_USAGE, "unknown format '%s': text or json", format);
    }
    if (tide_invocation_has(invocation, "--events") &&
        (e.is_json || !tide_invocation_has(invocation, "--sql"))) {
        return tide_fail(TIDE_EXIT_USAGE, "--events goes with --sql");
    }
    tide_arena_init(&e.arena, ARENA_BYTES_MAX);
    enum tide_exit exit = read_operands(&e);
    if (exit == TIDE_EXIT_OK) {
        exit = load(&e);
    }
    if (exit == TIDE_EXIT_OK) {
        exit = explain(&e);
    }
    if (e.client != NULL) {
        tide_http_client_destroy(e.client);
    }
    free(e.names);
    tide_arena_release(&e.arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "sunbird or device: schema and metrics"},
    {"--config", "-c", "FILE", "definitions of your own; FILE may also stand alone"},
    {"--server", NULL, "URL", "what it costs that service; without a file, the service's metrics"},
    {"--at", NULL, "TIME", "the example is the window of then (now)"},
    {"--format", NULL, "FORMAT", "text (default), or json: a line for each metric"},
    {"--sql", NULL, NULL, "only the SQL, which DuckDB and Spark run alike"},
    {"--from", NULL, "TIME", "of events from then on: 2026-03-08 or ISO 8601 (400 days ago)"},
    {"--to", NULL, "TIME", "of events before (now); both bound calendar windows only"},
    {"--events", NULL, "ENGINE", "first the view 'events' of a lake: duckdb or spark"},
    {"--table", NULL, "NAME", "the lake's table that it reads (lake_events)"},
};

const struct tide_command tide_command_explain = {
    .name = "explain",
    .summary = "how a metric is computed: plan, exactness, lateness, state, cost, SQL",
    .operands = "[METRIC ...] [FILE]",
    .examples = "  tidemark explain --preset sunbird daily_active_users\n"
                "  tidemark explain daily_active_users --server http://127.0.0.1:8080\n"
                "  tidemark explain my.yaml --sql --from 2026-03-01 --to 2026-04-01\n"
                "  tidemark explain --preset device --sql --events spark > device.sql\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1000,
    .run = run,
};
