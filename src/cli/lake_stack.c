#include "cli/lake_stack.h"

#include "cli/command.h"
#include "lake/duckdb.h"

#include <stdio.h>

enum {
    PATH_BYTES_MAX = 4096,
    ARENA_BYTES_MAX = 16 << 20,
    DUCKDB_THREADS = 1
};
static const uint64_t duckdb_memory_max = UINT64_C(512) << 20;

/* Whatever decides verdict, uid, event time or partition. */
static struct tide_u128 configuration_hash(const struct tide_lake_stack_options *o)
{
    char text[128];
    int size = snprintf(text,
                        sizeof(text),
                        "%016llx%016llx partitions %u arrival %d",
                        (unsigned long long)o->schema->hash.high,
                        (unsigned long long)o->schema->hash.low,
                        o->partition_count,
                        (int)o->arrival);
    return tide_hash128((struct tide_view){text, (size_t)size}, 0);
}

static enum tide_status open_tables(const char *lake_directory,
                                    struct tide_lake_stack *stack,
                                    struct tide_error *error)
{
    static char engine[64];
    char scratch[PATH_BYTES_MAX];
    snprintf(engine, sizeof(engine), "tidemark/%s", tide_version);
    snprintf(scratch, sizeof(scratch), "%s/_tidemark/scratch", lake_directory);
    enum tide_status status =
        tide_duckdb_open(DUCKDB_THREADS, duckdb_memory_max, &stack->duckdb, error);
    if (status == TIDE_OK) {
        status = tide_parquet_writer_open(stack->duckdb, &stack->writer, error);
    }
    if (status == TIDE_OK) {
        status = tide_checkpoint_parquet_open(stack->duckdb, &stack->codec, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    struct tide_view kept = tide_arena_copy(&stack->arena, tide_view_of(scratch));
    if (kept.data == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory");
    }
    struct tide_checkpointer_options options = {.io = tide_io_os(),
                                                .clock = tide_clock_os(),
                                                .store = stack->store,
                                                .writer = stack->writer,
                                                .codec = stack->codec,
                                                .scratch_directory = kept.data,
                                                .identity = stack->identity,
                                                .engine = tide_view_of(engine)};
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        options.layouts[t] = stack->layouts[t];
    }
    return tide_checkpointer_open(&options, &stack->checkpointer, error);
}

enum tide_status tide_lake_stack_open(const struct tide_lake_stack_options *o,
                                      struct tide_lake_stack *stack,
                                      struct tide_error *error)
{
    struct tide_io io = tide_io_os();
    struct tide_identity wanted = {.partition_count = o->partition_count};
    *stack = (struct tide_lake_stack){0};
    tide_arena_init(&stack->arena, ARENA_BYTES_MAX);
    wanted.configuration = configuration_hash(o);
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        stack->layouts[t] = tide_layout_create(&stack->arena, o->schema, (enum tide_table)t);
        if (stack->layouts[t] == NULL) {
            return tide_error_set(error, TIDE_RETRY, "out of memory");
        }
    }
    enum tide_status status = tide_store_local_open(io, o->lake_directory, &stack->store, error);
    if (status == TIDE_OK) {
        status = io.operations->make_directory(io.self, o->data_directory, error);
    }
    if (status == TIDE_OK) {
        status = tide_identity_open(
            io, o->data_directory, stack->store, &wanted, &stack->identity, error);
    }
    return status == TIDE_OK ? open_tables(o->lake_directory, stack, error) : status;
}

void tide_lake_stack_close(struct tide_lake_stack *stack)
{
    tide_checkpointer_close(stack->checkpointer);
    if (stack->writer.operations != NULL) {
        stack->writer.operations->close(stack->writer.self);
    }
    tide_checkpoint_codec_close(&stack->codec);
    tide_duckdb_close(stack->duckdb);
    if (stack->store.operations != NULL) {
        stack->store.operations->close(stack->store.self);
    }
    tide_arena_release(&stack->arena);
    *stack = (struct tide_lake_stack){0};
}
