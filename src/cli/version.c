#include "cli/command.h"
#include "lake/duckdb.h"

#include <stdio.h>

const char tide_version[] = "0.1.0";

static enum tide_exit run(const struct tide_invocation *invocation)
{
    (void)invocation;
    struct tide_duckdb *duckdb = NULL;
    struct tide_error error = {0};
    printf("tidemark %s\n", tide_version);
    if (tide_duckdb_open(1, 0, &duckdb, &error) == TIDE_OK) {
        printf("duckdb %s\n", tide_duckdb_version(duckdb));
        tide_duckdb_close(duckdb);
    } else {
        printf("duckdb not available: %s\n", error.text);
    }
    return TIDE_EXIT_OK;
}

const struct tide_command tide_command_version = {
    .name = "version",
    .summary = "the versions of the program and of DuckDB",
    .operands = "",
    .examples = "  tidemark version\n",
    .run = run,
};
