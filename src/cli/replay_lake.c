#include "cli/replay_lake.h"

#include "cli/lake_stack.h"

#include <stdlib.h>

enum {
    ROWS_BYTES_MAX = 128 << 20
};

struct tide_replay_lake {
    struct tide_lake_stack stack;
    uint32_t partition_count;
    struct tide_epoch *epochs;
};

enum tide_status tide_replay_lake_open(const struct tide_lake_place_options *place,
                                       const struct tide_schema *schema,
                                       uint32_t partition_count,
                                       struct tide_feeder_options *options,
                                       struct tide_replay_lake **lake,
                                       struct tide_error *error)
{
    struct tide_replay_lake *new = calloc(1, sizeof(*new));
    if (new == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory");
    }
    new->partition_count = partition_count;
    new->epochs = calloc(partition_count, sizeof(*new->epochs));
    const struct tide_lake_stack_options stack = {.place = *place,
                                                  .schema = schema,
                                                  .partition_count = partition_count,
                                                  .arrival = TIDE_ARRIVAL_FILE};
    enum tide_status status = new->epochs == NULL
                                  ? tide_error_set(error, TIDE_RETRY, "out of memory")
                                  : tide_lake_stack_open(&stack, &new->stack, error);
    for (uint32_t p = 0; status == TIDE_OK && p < partition_count; p++) {
        if (tide_checkpointer_recovered(new->stack.checkpointer, p).next_epoch > 0) {
            status = tide_error_set(error,
                                    TIDE_REJECT,
                                    "%.*s holds a lake already; replay wants a place of its own",
                                    TIDE_VIEW_ARGUMENTS(place->url));
        }
    }
    if (status != TIDE_OK) {
        tide_replay_lake_close(new);
        return status;
    }
    options->seed = tide_identity_seed(&new->stack.identity);
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        options->layouts[t] = new->stack.layouts[t];
    }
    options->layouts[TIDE_TABLE_RAW] = NULL; /* the files that are replayed are that */
    *lake = new;
    return TIDE_OK;
}

void tide_replay_lake_close(struct tide_replay_lake *lake)
{
    if (lake != NULL) {
        tide_lake_stack_close(&lake->stack);
        free(lake->epochs);
        free(lake);
    }
}

/* Commits what there is, and journeys that have ended by that clock: as many as one telling has.
 * *epoch_count: how many partitions had something. */
static enum tide_status commit(struct tide_replay_lake *lake,
                               struct tide_feeder *feeder,
                               struct tide_instant closing,
                               uint32_t *epoch_count,
                               struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    *epoch_count = 0;
    for (uint32_t p = 0; status == TIDE_OK && p < lake->partition_count; p++) {
        struct tide_partition *partition = tide_feeder_partition(feeder, p);
        tide_partition_watermark(partition)->closing = closing;
        status = tide_partition_tell_journeys(partition, error);
        if (status == TIDE_OK) {
            *epoch_count += tide_partition_take_epoch(partition, &lake->epochs[*epoch_count]);
        }
    }
    if (status == TIDE_OK) {
        status =
            tide_checkpointer_commit(lake->stack.checkpointer, lake->epochs, *epoch_count, error);
    }
    for (uint32_t i = 0; i < *epoch_count; i++) {
        tide_epoch_release(&lake->epochs[i]);
    }
    return status;
}

enum tide_status tide_replay_lake_finish(struct tide_replay_lake *lake,
                                         struct tide_feeder *feeder,
                                         struct tide_error *error)
{
    /* Nothing is open at the end of a replay, and nothing is left for a later turn. */
    const struct tide_instant end = {INT64_MAX / 2};
    uint32_t epoch_count = 0;
    enum tide_status status = TIDE_OK;
    do {
        status = commit(lake, feeder, end, &epoch_count, error);
    } while (status == TIDE_OK && epoch_count > 0);
    return status;
}

enum tide_status tide_replay_lake_relieve(struct tide_replay_lake *lake,
                                          struct tide_feeder *feeder,
                                          struct tide_error *error)
{
    uint32_t epoch_count = 0;
    size_t bytes = 0;
    for (uint32_t p = 0; p < lake->partition_count; p++) {
        bytes += tide_partition_rows_bytes(tide_feeder_partition(feeder, p));
    }
    return bytes > ROWS_BYTES_MAX ? commit(lake, feeder, TIDE_INSTANT_UNKNOWN, &epoch_count, error)
                                  : TIDE_OK;
}
