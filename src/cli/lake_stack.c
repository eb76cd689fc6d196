#include "cli/lake_stack.h"

#include "base/hash.h"
#include "cli/command.h"
#include "lake/duckdb.h"

#include <stdio.h>

enum {
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

static enum tide_status open_tables(struct tide_lake_stack *stack, struct tide_error *error)
{
    static char engine[64];
    snprintf(engine, sizeof(engine), "tidemark/%s", tide_version);
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
    struct tide_checkpointer_options options = {.io = tide_io_os(),
                                                .clock = tide_clock_os(),
                                                .store = stack->place.store,
                                                .writer = stack->writer,
                                                .codec = stack->codec,
                                                .scratch_directory =
                                                    tide_bytes_terminated(&stack->place.scratch),
                                                .identity = stack->identity,
                                                .engine = tide_view_of(engine)};
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        options.layouts[t] = stack->layouts[t];
    }
    return tide_checkpointer_open(&options, &stack->checkpointer, error);
}

/* A replay's lake has no log: of its identity, too, both halves are where the lake is, or beside
 * what else is kept of it here, told apart by its URL. */
static void write_replay_directory(struct tide_lake_stack *stack, struct tide_bytes *directory)
{
    const struct tide_lake_place *place = &stack->place;
    tide_bytes_append_view(directory, tide_bytes_view(&place->directory));
    tide_bytes_append_text(directory, "/replay");
    if (tide_store_is_remote(tide_bytes_view(&place->url))) {
        tide_bytes_append_format(directory,
                                 "-%016llx",
                                 (unsigned long long)tide_hash64(tide_bytes_view(&place->url), 0));
    }
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
    enum tide_status status = tide_lake_place_open(&o->place, &stack->place, error);
    struct tide_bytes data = {0};
    if (o->data_directory != NULL) {
        tide_bytes_append_text(&data, o->data_directory);
    } else {
        write_replay_directory(stack, &data);
    }
    const char *directory = tide_bytes_terminated(&data);
    if (status == TIDE_OK && data.failed) {
        status = tide_error_set(error, TIDE_RETRY, "out of memory");
    }
    if (status == TIDE_OK) {
        status = io.operations->make_directory(io.self, directory, error);
    }
    if (status == TIDE_OK) {
        status =
            tide_identity_open(io, directory, stack->place.store, &wanted, &stack->identity, error);
    }
    tide_bytes_release(&data);
    return status == TIDE_OK ? open_tables(stack, error) : status;
}

void tide_lake_stack_close(struct tide_lake_stack *stack)
{
    tide_checkpointer_close(stack->checkpointer);
    if (stack->writer.operations != NULL) {
        stack->writer.operations->close(stack->writer.self);
    }
    tide_checkpoint_codec_close(&stack->codec);
    tide_duckdb_close(stack->duckdb);
    tide_lake_place_close(&stack->place);
    tide_arena_release(&stack->arena);
    *stack = (struct tide_lake_stack){0};
}
