/* tidemark validate: everything that is wrong with a definitions file, at once, and what cannot be
 * meant. */
#include "base/json.h"
#include "cli/config.h"
#include "process/identity.h"

#include <stdio.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 64 << 20
};

/* {"file": .., "line": .., "column": .., "size": .., "message": ..}; of no place the message. */
static void write_item(const struct tide_diagnostic *item, struct tide_bytes *json)
{
    const struct tide_position position = item->position;
    tide_bytes_append_byte(json, '{');
    if (position.source != NULL) {
        tide_json_write_text_member(json, "file", position.source->name);
    }
    if (position.source != NULL && position.line > 0) {
        tide_json_write_u64_member(json, "line", position.line);
        tide_json_write_u64_member(json, "column", position.column);
        tide_json_write_u64_member(json, "size", position.size);
    }
    tide_json_write_text_member(json, "message", item->message);
    tide_bytes_append_byte(json, '}');
}

static void write_items(const struct tide_diagnostics *diagnostics,
                        const char *key,
                        bool is_error,
                        struct tide_bytes *json)
{
    const struct tide_diagnostic *sorted[TIDE_DIAGNOSTICS_MAX];
    const uint32_t count = tide_diagnostics_sort(diagnostics, sorted);
    const char *separator = "\n";
    tide_json_write_key(json, key);
    tide_bytes_append_byte(json, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (sorted[i]->is_error == is_error) {
            tide_bytes_append_text(json, separator);
            write_item(sorted[i], json);
            separator = ",\n";
        }
    }
    tide_bytes_append_byte(json, ']');
}

static void write_metrics(const struct tide_definitions *definitions, struct tide_bytes *json)
{
    const char *separator = "\n{";
    tide_json_write_key(json, "metrics");
    tide_bytes_append_byte(json, '[');
    for (uint32_t i = 0; definitions != NULL && i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        char hash[TIDE_IDENTITY_TEXT_SIZE];
        if (metric->is_hidden) {
            continue;
        }
        tide_identity_format(metric->hash, hash);
        tide_bytes_append_text(json, separator);
        tide_json_write_text_member(json, "name", metric->name);
        tide_json_write_text_member(
            json, "kind", tide_view_of(tide_metric_kind_name(metric->kind)));
        tide_json_write_text_member(json, "definition", tide_view_of(hash));
        tide_bytes_append_byte(json, '}');
        separator = ",\n{";
    }
    tide_bytes_append_byte(json, ']');
}

/* What is beyond the maximum of diagnostics is told by the counts. */
static enum tide_exit print_json(const struct tide_diagnostics *diagnostics,
                                 const struct tide_definitions *definitions)
{
    struct tide_bytes json = {0};
    tide_bytes_append_byte(&json, '{');
    tide_json_write_u64_member(&json, "error_count", diagnostics->error_count);
    tide_json_write_u64_member(&json, "warning_count", diagnostics->warning_count);
    write_items(diagnostics, "errors", true, &json);
    write_items(diagnostics, "warnings", false, &json);
    write_metrics(definitions, &json);
    tide_bytes_append_text(&json, "}\n");
    const bool has_memory = !json.failed;
    fwrite(json.data, 1, json.size, stdout);
    tide_bytes_release(&json);
    return has_memory ? TIDE_EXIT_OK : tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
}

static void print_text(const struct tide_diagnostics *diagnostics,
                       const struct tide_definitions *definitions,
                       bool is_denied)
{
    const uint32_t count = diagnostics->warning_count;
    const char *plural = count == 1 ? "" : "s";
    tide_config_print_diagnostics(diagnostics);
    if (is_denied) {
        (void)tide_fail(TIDE_EXIT_CONFIGURATION, "%u warning%s, denied", count, plural);
    } else if (definitions != NULL) {
        printf("ok: schema %.*s, %u metrics, %u alerts",
               TIDE_VIEW_ARGUMENTS(definitions->schema->name),
               definitions->metric_count,
               definitions->alert_count);
        printf(count > 0 ? ", %u warning%s\n" : "\n", count, plural);
    }
}

static enum tide_exit report(const struct tide_invocation *invocation,
                             const struct tide_diagnostics *diagnostics,
                             const struct tide_definitions *definitions)
{
    const char *format = tide_invocation_text(invocation, "--format", "text");
    const bool has_errors = diagnostics->error_count > 0;
    const bool is_denied = !has_errors && diagnostics->warning_count > 0 &&
                           tide_invocation_has(invocation, "--deny-warnings");
    const struct tide_definitions *good = has_errors ? NULL : definitions;
    if (strcmp(format, "text") == 0) {
        print_text(diagnostics, good, is_denied);
    } else {
        const enum tide_exit exit = print_json(diagnostics, good);
        if (exit != TIDE_EXIT_OK) {
            return exit;
        }
    }
    return has_errors || is_denied ? TIDE_EXIT_CONFIGURATION : TIDE_EXIT_OK;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct tide_arena arena;
    struct tide_config config;
    struct tide_diagnostics diagnostics;
    const char *file = invocation->operand_count > 0 ? invocation->operands[0] : NULL;
    const char *format = tide_invocation_text(invocation, "--format", "text");
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0) {
        return tide_fail(TIDE_EXIT_USAGE, "unknown format '%s': text or json", format);
    }
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    enum tide_exit exit = tide_config_check(&arena,
                                            invocation,
                                            file,
                                            tide_invocation_text(invocation, "--preset", NULL),
                                            &config,
                                            &diagnostics);
    if (exit == TIDE_EXIT_OK) {
        exit = report(invocation, &diagnostics, config.definitions);
    }
    tide_arena_release(&arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "a preset instead of a file, or under it"},
    {"--metric", NULL, "NAME", "only this metric (repeatable)"},
    {"--deny-warnings", NULL, NULL, "what cannot be meant is an error: exit 3"},
    {"--format", NULL, "FORMAT", "text (default) or json, on stdout: errors, warnings, metrics"},
    {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},
};

const struct tide_command tide_command_validate = {
    .name = "validate",
    .summary = "check a configuration and its definitions without running it",
    .operands = "[FILE]",
    .examples = "  tidemark validate tidemark.yaml\n"
                "  tidemark validate --preset sunbird\n"
                "  tidemark validate my.yaml --deny-warnings --format json\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1,
    .run = run,
};
