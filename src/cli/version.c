#include "cli/command.h"
#include "decode/index.h"
#include "lake/duckdb.h"

#include <stdio.h>

const char tide_version[] = "0.1.0";

/* Best first: the one that is used unless TIDEMARK_SCANNER says otherwise. */
static void print_scanners(void)
{
    size_t count;
    const struct tide_index_kernel *kernels = tide_index_kernels(&count);
    printf("scanners");
    for (size_t i = 0; i < count; i++) {
        if (kernels[i].is_supported()) {
            printf(" %s", kernels[i].name);
        }
    }
    printf(" portable\n");
}

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
    print_scanners();
    return TIDE_EXIT_OK;
}

const struct tide_command tide_command_version = {
    .name = "version",
    .summary = "the versions of the program and of DuckDB, and how this machine can read JSON",
    .operands = "",
    .examples = "  tidemark version\n"
                "  TIDEMARK_SCANNER=portable tidemark replay --preset device events.ndjson\n",
    .run = run,
};
