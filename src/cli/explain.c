/* tidemark explain: what a metric is for other engines, as the SQL that batch runs. */
#include "cli/config.h"
#include "metric/sql.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    SQL_BYTES_MAX = 64 << 20
};

/* Without options the event times that a service may accept now. */
static bool read_span(const struct tide_invocation *invocation,
                      const struct tide_schema *schema,
                      struct tide_window *span)
{
    const struct tide_instant now = tide_clock_now(tide_clock_os());
    const struct tide_instant from = {now.us - schema->clock.max_age.us};
    const struct tide_instant to = {now.us + schema->clock.max_ahead.us};
    if (!tide_invocation_time(invocation, "--from", from, &span->start) ||
        !tide_invocation_time(invocation, "--to", to, &span->end)) {
        return false;
    }
    if (span->start.us >= span->end.us) {
        tide_fail(TIDE_EXIT_USAGE, "--from is not before --to");
        return false;
    }
    span->end.us--; /* a span is of times that occur */
    return true;
}

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

static enum tide_exit print_metric(const struct tide_definitions *definitions,
                                   const struct tide_metric *metric,
                                   struct tide_window span)
{
    struct tide_bytes sql = {0};
    tide_bytes_init(&sql, SQL_BYTES_MAX);
    tide_metric_sql(definitions, metric, span, &sql);
    const enum tide_exit exit = print_text("", metric->name, &sql);
    tide_bytes_release(&sql);
    return exit;
}

static enum tide_exit print_named(const struct tide_invocation *invocation,
                                  const struct tide_definitions *definitions,
                                  struct tide_window span)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    for (uint32_t i = 0; exit == TIDE_EXIT_OK && i < invocation->operand_count; i++) {
        const char *name = invocation->operands[i];
        const struct tide_metric *metric = tide_definitions_find(definitions, tide_view_of(name));
        exit = metric == NULL ? tide_fail(TIDE_EXIT_NOT_FOUND, "there is no metric '%s'", name)
                              : print_metric(definitions, metric, span);
    }
    return exit;
}

static enum tide_exit explain(const struct tide_invocation *invocation,
                              const struct tide_definitions *definitions)
{
    struct tide_window span;
    const char *engine = tide_invocation_text(invocation, "--events", NULL);
    if (!read_span(invocation, definitions->schema, &span)) {
        return TIDE_EXIT_USAGE;
    }
    enum tide_exit exit = TIDE_EXIT_OK;
    if (engine != NULL) {
        exit = print_events(
            definitions, engine, tide_invocation_text(invocation, "--table", "lake_events"));
    }
    if (exit == TIDE_EXIT_OK && invocation->operand_count > 0) {
        return print_named(invocation, definitions, span);
    }
    for (uint32_t i = 0; exit == TIDE_EXIT_OK && i < definitions->metric_count; i++) {
        exit = print_metric(definitions, &definitions->metrics[i], span);
    }
    return exit;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct tide_arena arena;
    const struct tide_definitions *definitions = NULL;
    if (!tide_invocation_has(invocation, "--sql")) {
        return tide_fail(TIDE_EXIT_USAGE, "say what to explain: --sql");
    }
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    enum tide_exit exit =
        tide_config_definitions(&arena,
                                invocation,
                                tide_invocation_text(invocation, "-c", NULL),
                                tide_invocation_text(invocation, "--preset", NULL),
                                &definitions);
    if (exit == TIDE_EXIT_OK) {
        exit = explain(invocation, definitions);
    }
    tide_arena_release(&arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "sunbird or device: schema and metrics"},
    {"--config", "-c", "FILE", "definitions of your own"},
    {"--sql", NULL, NULL, "the SQL, which DuckDB and Spark run alike"},
    {"--from", NULL, "TIME", "of events from then on: 2026-03-08 or ISO 8601 (400 days ago)"},
    {"--to", NULL, "TIME", "of events before (now); both bound calendar windows only"},
    {"--events", NULL, "ENGINE", "first the view 'events' of a lake: duckdb or spark"},
    {"--table", NULL, "NAME", "the lake's table that it reads (lake_events)"},
};

const struct tide_command tide_command_explain = {
    .name = "explain",
    .summary = "how a metric is computed: its SQL",
    .operands = "[METRIC ...]",
    .examples = "  tidemark explain --preset sunbird daily_active_users --sql\n"
                "  tidemark explain -c my.yaml --sql --from 2026-03-01 --to 2026-04-01\n"
                "  tidemark explain --preset device --sql --events spark > device.sql\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1000,
    .run = run,
};
