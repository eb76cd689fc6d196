/* tidemark query: numbers of a running service. */
#include "base/json.h"
#include "cli/ask.h"
#include "cli/print.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LIST_ARENA_BYTES = 16 << 20
};

struct query {
    const struct tide_invocation *invocation;
    const char *server;
    struct tide_http_client *client;
    struct tide_printer printer;
};

static enum tide_exit print_line(void *context, struct tide_view line)
{
    return tide_printer_line(context, line);
}

static void append_parameter(const struct query *query,
                             const char *option,
                             const char *name,
                             struct tide_bytes *path)
{
    const char *value = tide_invocation_text(query->invocation, option, NULL);
    if (value != NULL) {
        tide_bytes_append_format(path, "&%s=", name);
        tide_http_encode(tide_view_of(value), path);
    }
}

static const char *filter_option(const struct tide_invocation *invocation)
{
    return tide_invocation_has(invocation, "--filter") ? "--filter" : "--where";
}

/* is_probe: of no window, so that what is wrong with the question is told before anything is
 * printed. */
static enum tide_exit query_metric(struct query *query, struct tide_view name, bool is_probe)
{
    struct tide_bytes path = {0};
    struct tide_bytes body = {0};
    tide_bytes_append_text(&path, "/api/v1/metrics/");
    tide_http_encode(name, &path);
    tide_bytes_append_text(&path, "?format=ndjson");
    if (is_probe) {
        tide_bytes_append_text(&path, "&from=1970-01-01&to=1970-01-01");
    } else {
        append_parameter(query, "--from", "from", &path);
        append_parameter(query, "--to", "to", &path);
    }
    append_parameter(query, filter_option(query->invocation), "filter", &path);
    enum tide_exit exit =
        tide_ask(query->client, query->server, "GET", tide_bytes_view(&path), &body);
    if (exit == TIDE_EXIT_OK && !is_probe) {
        exit = tide_each_line(tide_bytes_view(&body), print_line, &query->printer);
    }
    tide_bytes_release(&path);
    tide_bytes_release(&body);
    return exit;
}

static enum tide_exit query_all(struct query *query)
{
    struct tide_bytes body = {0};
    struct tide_arena arena;
    struct tide_json *json = NULL;
    tide_arena_init(&arena, LIST_ARENA_BYTES);
    enum tide_exit exit =
        tide_ask(query->client, query->server, "GET", TIDE_VIEW("/api/v1/metrics"), &body);
    if (exit == TIDE_EXIT_OK &&
        tide_json_parse(&arena, tide_bytes_view(&body), &json, NULL) != TIDE_OK) {
        exit = tide_fail(TIDE_EXIT_FAILURE, "%s did not answer with JSON", query->server);
    }
    const struct tide_json *metrics = tide_json_get(json, "metrics");
    for (const struct tide_json *item = metrics == NULL ? NULL : metrics->first;
         exit == TIDE_EXIT_OK && item != NULL;
         item = item->next) {
        struct tide_view name;
        if (tide_json_get_text(item, "name", &name)) {
            exit = query_metric(query, name, false);
        }
    }
    tide_arena_release(&arena);
    tide_bytes_release(&body);
    return exit;
}

static enum tide_exit query_named(struct query *query)
{
    const struct tide_invocation *invocation = query->invocation;
    const bool is_probed = invocation->operand_count > 1;
    enum tide_exit exit = TIDE_EXIT_OK;
    for (uint32_t i = 0; is_probed && exit == TIDE_EXIT_OK && i < invocation->operand_count; i++) {
        exit = query_metric(query, tide_view_of(invocation->operands[i]), true);
    }
    for (uint32_t i = 0; exit == TIDE_EXIT_OK && i < invocation->operand_count; i++) {
        exit = query_metric(query, tide_view_of(invocation->operands[i]), false);
    }
    return exit;
}

static enum tide_exit query_ledger(struct query *query)
{
    struct tide_bytes body = {0};
    enum tide_exit exit =
        tide_ask(query->client, query->server, "GET", TIDE_VIEW("/api/v1/ledger"), &body);
    if (exit == TIDE_EXIT_OK) {
        fwrite(body.data, 1, body.size, stdout);
        putchar('\n');
    }
    tide_bytes_release(&body);
    return exit;
}

/* false after saying what is wrong. */
static bool check_filter(const struct tide_invocation *invocation, bool is_of_all)
{
    const uint32_t count = tide_invocation_count(invocation, "--filter") +
                           tide_invocation_count(invocation, "--where");
    if (count > 1) {
        tide_fail(TIDE_EXIT_USAGE, "there is more than one --filter; join them with 'and'");
    } else if (count == 1 && is_of_all) {
        tide_fail(TIDE_EXIT_USAGE,
                  "--filter is about columns that not every metric has: name the metrics");
    }
    return count == 0 || (count == 1 && !is_of_all);
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct query query = {.invocation = invocation};
    struct tide_error error = {0};
    enum tide_format format;
    bool all = tide_invocation_has(invocation, "--all");
    bool ledger = tide_invocation_has(invocation, "--ledger");
    const char *fallback = isatty(STDOUT_FILENO) ? "table" : "ndjson";
    if (!all && !ledger && invocation->operand_count == 0) {
        return tide_fail(TIDE_EXIT_USAGE,
                         "name a metric, or --all; 'curl %s/api/v1/metrics' lists "
                         "them",
                         TIDE_DEFAULT_SERVER);
    }
    if (all && invocation->operand_count > 0) {
        return tide_fail(TIDE_EXIT_USAGE, "--all is every metric: name none");
    }
    if (!tide_format_parse(tide_invocation_text(invocation, "--format", fallback), &format)) {
        return TIDE_EXIT_USAGE;
    }
    if (!check_filter(invocation, all || ledger)) {
        return TIDE_EXIT_USAGE;
    }
    query.server = tide_invocation_text(invocation, "--server", TIDE_DEFAULT_SERVER);
    if (tide_http_client_create(&query.client, &error) != TIDE_OK) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "%s", error.text);
    }
    tide_printer_init(&query.printer, format);
    enum tide_exit exit = TIDE_EXIT_OK;
    if (ledger) {
        exit = query_ledger(&query);
    } else {
        exit = all ? query_all(&query) : query_named(&query);
        if (exit == TIDE_EXIT_OK) {
            exit = tide_printer_finish(&query.printer);
        }
    }
    tide_printer_release(&query.printer);
    tide_http_client_destroy(query.client);
    return exit;
}

static const struct tide_option options[] = {
    {"--from", NULL, "TIME", "windows that start at or after: 2026-03-08 or ISO 8601"},
    {"--to", NULL, "TIME", "windows that start before"},
    {"--filter", NULL, "CONDITION", "over the metric's groups: 'platform == \"prod.app\"'"},
    {"--where", NULL, "CONDITION", "the same as --filter"},
    {"--format", NULL, "FORMAT", "table on a terminal, else ndjson; json, csv"},
    {"--server", NULL, "URL", "the service (" TIDE_DEFAULT_SERVER ")"},
    {"--all", NULL, NULL, "every metric"},
    {"--ledger", NULL, NULL, "the ledger instead"},
};

const struct tide_command tide_command_query = {
    .name = "query",
    .summary = "numbers of a running service",
    .operands = "[METRIC ...]",
    .examples = "  tidemark query daily_active_users\n"
                "  tidemark query active_users --from 2026-03-08 --filter 'platform == \"web\"'\n"
                "  tidemark query --all --format ndjson > cells.ndjson\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1000,
    .run = run,
};
