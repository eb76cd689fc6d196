/* tidemark validate: everything that is wrong with a definitions file, at once. */
#include "cli/config.h"

#include <stdio.h>

enum {
    ARENA_BYTES_MAX = 64 << 20
};

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct tide_arena arena;
    struct tide_config config;
    const char *file = invocation->operand_count > 0 ? invocation->operands[0] : NULL;
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    enum tide_exit exit = tide_config_load(
        &arena, invocation, file, tide_invocation_text(invocation, "--preset", NULL), &config);
    if (exit == TIDE_EXIT_OK) {
        printf("ok: schema %.*s, %u metrics, %u alerts\n",
               TIDE_VIEW_ARGUMENTS(config.definitions->schema->name),
               config.definitions->metric_count,
               config.definitions->alert_count);
    }
    tide_arena_release(&arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "a preset instead of a file, or under it"},
    {"--metric", NULL, "NAME", "only this metric (repeatable)"},
    {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},
};

const struct tide_command tide_command_validate = {
    .name = "validate",
    .summary = "check a configuration and its definitions without running it",
    .operands = "[FILE]",
    .examples = "  tidemark validate tidemark.yaml\n"
                "  tidemark validate --preset sunbird\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1,
    .run = run,
};
