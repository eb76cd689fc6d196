/* tidemark backtest: what definitions would have said, by SQL over the events of a lake. Nothing is
 * written, and no service is asked: the lake is read as it is now. */
#include "base/civil.h"
#include "batch/lake_engine.h"
#include "cli/lake_place.h"
#include "cli/print.h"
#include "process/identity.h"
#include "serve/batch_result.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    HASH_MEMBER_SIZE = 64
};

struct backtest {
    const struct tide_invocation *invocation;
    struct tide_arena arena;
    struct tide_config config;
    struct tide_window starts; /* windows that are printed */
    struct tide_view lake;     /* its URL */
    struct tide_lake_place place;
    struct tide_lake_view *view;
    struct tide_printer printer;
};

/* ---- which lake */

static void see_entry(void *context, const struct tide_store_entry *entry)
{
    *(bool *)context |= !entry->is_folder;
}

static enum tide_exit no_lake(const struct backtest *b, const char *why)
{
    return tide_fail(
        TIDE_EXIT_NOT_FOUND, "there is no lake in %.*s: %s", TIDE_VIEW_ARGUMENTS(b->lake), why);
}

static enum tide_exit open_view(struct backtest *b)
{
    struct tide_error error = {0};
    const struct tide_schema *schema = b->config.definitions->schema;
    const struct tide_store store = b->place.store;
    const struct tide_lake_view_options options = {
        .clock = tide_clock_os(), .store = store, .schema = schema};
    bool has_table = false;
    enum tide_status status =
        store.operations->list(store.self, "events/_delta_log/", see_entry, &has_table, &error);
    if (status == TIDE_OK && !has_table) {
        return no_lake(b, "it has no table 'events'");
    }
    if (status == TIDE_OK) {
        status = tide_lake_view_open(&options, &b->view, &error);
    }
    if (status == TIDE_REJECT) {
        return tide_fail(TIDE_EXIT_CONFIGURATION,
                         "the lake in %.*s is not one of schema '%.*s': %s",
                         TIDE_VIEW_ARGUMENTS(b->lake),
                         TIDE_VIEW_ARGUMENTS(schema->name),
                         error.text);
    }
    return status == TIDE_OK ? TIDE_EXIT_OK : tide_fail(tide_exit_of(status), "%s", error.text);
}

/* --lake URL; --data DIR has it in DIR/lake; else the one of the configuration. */
static enum tide_exit open_lake(struct backtest *b)
{
    struct tide_error error = {0};
    const char *lake = tide_invocation_text(b->invocation, "--lake", NULL);
    const enum tide_exit exit = tide_config_flags(
        &b->arena, tide_invocation_text(b->invocation, "--data", NULL), NULL, &b->config);
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    b->lake = lake != NULL ? tide_view_of(lake) : b->config.lake_url;
    const struct tide_lake_place_options options = {
        .config = &b->config, .url = b->lake, .must_exist = true};
    const enum tide_status status = tide_lake_place_open(&options, &b->place, &error);
    if (b->place.is_missing) {
        return no_lake(b, error.text);
    }
    return status == TIDE_OK ? open_view(b) : tide_fail(tide_exit_of(status), "%s", error.text);
}

/* ---- numbers */

/* Which definition it is goes with each number: another one of that name is in service. */
static enum tide_exit print_metric(struct backtest *b, const struct tide_metric *metric)
{
    struct tide_error error = {0};
    struct tide_result *result = NULL;
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    char extra[HASH_MEMBER_SIZE];
    const struct tide_clock clock = tide_clock_os();
    const struct tide_monotonic start = tide_clock_monotonic(clock);
    const enum tide_status status = tide_batch_result(
        tide_lake_engine(b->view), b->config.definitions, metric, &result, &error);
    if (status != TIDE_OK) {
        return tide_fail(
            tide_exit_of(status), "%.*s: %s", TIDE_VIEW_ARGUMENTS(metric->name), error.text);
    }
    const int64_t elapsed = tide_monotonic_since(tide_clock_monotonic(clock), start).us;
    fprintf(stderr,
            "backtest: %.*s, %" PRIu64 " cells in %" PRId64 ".%03" PRId64 " s\n",
            TIDE_VIEW_ARGUMENTS(metric->name),
            tide_result_count(result),
            elapsed / TIDE_US_PER_SECOND,
            elapsed / 1000 % 1000);
    tide_identity_format(metric->hash, hash);
    snprintf(extra, sizeof(extra), "\"definition\": \"%s\"", hash);
    const enum tide_exit exit =
        tide_printer_result(&b->printer, result, b->starts, tide_view_of(extra));
    tide_result_destroy(result);
    return exit;
}

static enum tide_exit print_metrics(struct backtest *b)
{
    const struct tide_definitions *definitions = b->config.definitions;
    enum tide_exit exit = TIDE_EXIT_OK;
    for (uint32_t i = 0; exit == TIDE_EXIT_OK && i < definitions->metric_count; i++) {
        if (!definitions->metrics[i].is_hidden) {
            exit = print_metric(b, &definitions->metrics[i]);
        }
    }
    return exit == TIDE_EXIT_OK ? tide_printer_finish(&b->printer) : exit;
}

/* ---- the command */

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct backtest b = {.invocation = invocation};
    enum tide_format format;
    const char *file = invocation->operand_count > 0 ? invocation->operands[0] : NULL;
    const char *preset = tide_invocation_text(invocation, "--preset", NULL);
    if (!tide_format_parse(tide_invocation_text(invocation, "--format", "ndjson"), &format) ||
        !tide_invocation_time(invocation, "--from", TIDE_INSTANT_UNKNOWN, &b.starts.start) ||
        !tide_invocation_time(invocation, "--to", TIDE_INSTANT_UNKNOWN, &b.starts.end)) {
        return TIDE_EXIT_USAGE;
    }
    if (tide_instant_known(b.starts.start) && tide_instant_known(b.starts.end) &&
        b.starts.start.us >= b.starts.end.us) {
        return tide_fail(TIDE_EXIT_USAGE, "--from is not before --to");
    }
    if (tide_invocation_has(invocation, "--lake") && tide_invocation_has(invocation, "--data")) {
        return tide_fail(TIDE_EXIT_USAGE, "--lake and --data both name a lake: keep one");
    }
    tide_printer_init(&b.printer, format);
    tide_arena_init(&b.arena, ARENA_BYTES_MAX);
    enum tide_exit exit = tide_config_load(&b.arena, invocation, file, preset, &b.config);
    if (exit == TIDE_EXIT_OK) {
        exit = open_lake(&b);
    }
    if (exit == TIDE_EXIT_OK) {
        exit = print_metrics(&b);
    }
    tide_lake_view_close(b.view);
    tide_lake_place_close(&b.place);
    tide_printer_release(&b.printer);
    tide_arena_release(&b.arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--lake", NULL, "URL", "the lake; without it that of FILE's configuration"},
    {"--data", NULL, "DIR", "the directory of a service, whose lake is in DIR/lake"},
    {"--preset", NULL, "NAME", "sunbird or device, instead of FILE or under it"},
    {"--metric", NULL, "NAME", "only this metric (repeatable)"},
    {"--from", NULL, "TIME", "windows that start at or after: 2026-03-08 or ISO 8601"},
    {"--to", NULL, "TIME", "windows that start before"},
    {"--format", NULL, "FORMAT", "ndjson (default), json, csv or table"},
    {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},
};

const struct tide_command tide_command_backtest = {
    .name = "backtest",
    .summary = "what definitions would have said, over the events of a lake",
    .operands = "[FILE]",
    .examples = "  tidemark backtest new.yaml --lake ./demo/lake --metric signups --format table\n"
                "  tidemark backtest new.yaml --data ./demo --from 2026-03-01 --to 2026-04-01\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1,
    .run = run,
};
