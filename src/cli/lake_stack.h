/* What a process needs to write a lake: store, identity, layouts, DuckDB, checkpointer; opened and
 * closed as one. Shared by run and replay --lake. */
#ifndef TIDE_CLI_LAKE_STACK_H
#define TIDE_CLI_LAKE_STACK_H

#include "cli/lake_place.h"
#include "process/checkpoint.h"

struct tide_lake_stack {
    struct tide_arena arena;
    struct tide_lake_place place;
    struct tide_identity identity;
    const struct tide_layout *layouts[TIDE_TABLE_COUNT];
    struct tide_duckdb *duckdb;
    struct tide_table_writer writer;
    struct tide_checkpoint_codec codec;
    struct tide_checkpointer *checkpointer;
};

struct tide_lake_stack_options {
    struct tide_lake_place_options place;
    const char *data_directory; /* where the identity's other half lives; NULL: replay's own */
    const struct tide_schema *schema;
    uint32_t partition_count;
    enum tide_arrival arrival;
};

/* A stack that failed to open must be closed too; all zero is valid to close. */
enum tide_status tide_lake_stack_open(const struct tide_lake_stack_options *options,
                                      struct tide_lake_stack *stack,
                                      struct tide_error *error);
void tide_lake_stack_close(struct tide_lake_stack *stack);

#endif
