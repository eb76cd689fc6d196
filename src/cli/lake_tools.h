/* What whoever keeps a lake in order needs besides its store: the tables, a way to rewrite files,
 * a place for scratch files. Shared by the service's housekeeper and the lake's commands. */
#ifndef TIDE_CLI_LAKE_TOOLS_H
#define TIDE_CLI_LAKE_TOOLS_H

#include "cli/config.h"
#include "lake/delta.h"
#include "lake/rewriter.h"
#include "process/identity.h"

/* All zero is valid to close. */
struct tide_lake_tools {
    struct tide_arena arena;
    struct tide_store store; /* not owned */
    struct tide_identity identity;
    const struct tide_layout *layouts[TIDE_TABLE_ALL_COUNT];
    char table_ids[TIDE_TABLE_ALL_COUNT][TIDE_IDENTITY_TEXT_SIZE];
    struct tide_checkpoint_codec codec;
    struct tide_rewriter rewriter;
    const char *scratch_directory;
    struct tide_view engine;
};

/* Everything outlives the tools. RETRY: no memory. */
enum tide_status tide_lake_tools_open(struct tide_store store,
                                      const struct tide_identity *identity,
                                      const struct tide_schema *schema,
                                      const char *scratch_directory,
                                      struct tide_lake_tools *tools,
                                      struct tide_error *error);
void tide_lake_tools_close(struct tide_lake_tools *tools);
struct tide_delta_options tide_lake_tools_table(const struct tide_lake_tools *tools,
                                                enum tide_table table);
/* How long a table is kept; 0: for ever. */
struct tide_duration tide_lake_tools_keep(const struct tide_config *config, enum tide_table table);

#endif
