#include "cli/lake_tools.h"

#include "base/io.h"
#include "cli/command.h"

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 16 << 20
};

enum tide_status tide_lake_tools_open(struct tide_store store,
                                      const struct tide_identity *identity,
                                      const struct tide_schema *schema,
                                      const char *scratch_directory,
                                      struct tide_lake_tools *tools,
                                      struct tide_error *error)
{
    struct tide_bytes text = {0};
    *tools = (struct tide_lake_tools){.store = store, .identity = *identity};
    tide_arena_init(&tools->arena, ARENA_BYTES_MAX);
    tide_bytes_append_format(&text, "tidemark/%s", tide_version);
    tools->engine = tide_arena_copy(&tools->arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    const struct tide_view scratch =
        tide_arena_copy(&tools->arena, tide_view_of(scratch_directory));
    tools->scratch_directory = scratch.data;
    bool is_whole = tools->engine.data != NULL && scratch.data != NULL;
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT; t++) {
        tools->layouts[t] = tide_layout_create(&tools->arena, schema, (enum tide_table)t);
        is_whole = is_whole && tools->layouts[t] != NULL;
        if (is_whole) {
            struct tide_u128 id = identity->pipeline;
            id.low += tools->layouts[t]->number;
            tide_identity_format(id, tools->table_ids[t]);
        }
    }
    if (!is_whole) {
        return tide_error_set(error, TIDE_RETRY, "out of memory");
    }
    enum tide_status status = tide_checkpoint_parquet_open(NULL, &tools->codec, error);
    if (status == TIDE_OK) {
        status =
            tide_rewriter_parquet_open(NULL, tools->scratch_directory, &tools->rewriter, error);
    }
    return status;
}

void tide_lake_tools_close(struct tide_lake_tools *tools)
{
    tide_rewriter_close(&tools->rewriter);
    tide_checkpoint_codec_close(&tools->codec);
    tide_arena_release(&tools->arena);
    *tools = (struct tide_lake_tools){0};
}

struct tide_delta_options tide_lake_tools_table(const struct tide_lake_tools *tools,
                                                enum tide_table table)
{
    return (struct tide_delta_options){.store = tools->store,
                                       .clock = tide_clock_os(),
                                       .layout = tools->layouts[table],
                                       .table_id = tide_view_of(tools->table_ids[table]),
                                       .engine = tools->engine,
                                       .codec = tools->codec,
                                       .scratch_directory = tools->scratch_directory,
                                       .io = tide_io_os()};
}

struct tide_duration tide_lake_tools_keep(const struct tide_config *config, enum tide_table table)
{
    switch (table) {
    case TIDE_TABLE_EVENTS:
        return config->keep_events;
    case TIDE_TABLE_REJECTED:
        return config->keep_rejected;
    case TIDE_TABLE_JOURNEYS:
        return config->keep_journeys;
    case TIDE_TABLE_RAW:
        return config->keep_raw;
    case TIDE_TABLE_METRICS:
    case TIDE_TABLE_ALL_COUNT:
        return (struct tide_duration){0};
    }
    return (struct tide_duration){0};
}
