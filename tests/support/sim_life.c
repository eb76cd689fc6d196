/* A process of the simulated pipeline: opened as `tidemark run` does it, in the same order. */
#include "support/sim_world.h"

#include "base/assert.h"

#include <string.h>

#include "base/banned.h"

enum {
    BATCH_ROWS = 16,
    BODIES_AT_ONCE = 2,
    RECEIPTS_MAX = 8,
    PENDING_BYTES_MAX = 16 << 10,
    HANDOVER_BYTES = 8 << 10, /* of a partition */
};

static enum tide_status open_lake(struct sim_world *world, struct tide_error *error)
{
    struct sim_life *life = &world->life;
    struct tide_io io = world->io;
    struct tide_identity wanted = {.configuration = {1, 2},
                                   .partition_count = world->partition_count};
    enum tide_status status = io.operations->make_directory(io.self, "data", error);
    if (status == TIDE_OK) {
        status = tide_store_local_open(io, "lake", &life->store, error);
    }
    if (status == TIDE_OK) {
        status = tide_identity_open(io, "data", life->store, &wanted, &life->identity, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    struct tide_checkpointer_options options = {.io = io,
                                                .clock = sim_clock(world),
                                                .store = life->store,
                                                .writer = world->writer,
                                                .codec = sim_checkpoint_codec(&world->io),
                                                .checkpoint_commits = 2,
                                                .scratch_directory = "lake/_tidemark/scratch",
                                                .identity = life->identity,
                                                .engine = TIDE_VIEW("tidemark/sim")};
    memcpy(options.layouts, world->layouts, sizeof(options.layouts));
    return tide_checkpointer_open(&options, &life->checkpointer, error);
}

static enum tide_status open_log(struct sim_world *world, struct tide_error *error)
{
    struct tide_segment_log_options options = tide_segment_log_options_default();
    options.io = world->io;
    options.directory = "data/log";
    options.partition_count = world->partition_count;
    options.segment_bytes = world->segment_bytes;
    options.pending_bytes_max = PENDING_BYTES_MAX;
    return tide_segment_log_open(&options, &world->life.log, error);
}

static enum tide_status open_partition(struct sim_world *world,
                                       uint32_t index,
                                       struct tide_error *error)
{
    struct sim_life *life = &world->life;
    struct tide_feed *feed = &life->feeds[index];
    struct tide_recovered recovered = tide_checkpointer_recovered(life->checkpointer, index);
    struct tide_partition_options options = {.definitions = world->definitions,
                                             .index = index,
                                             .arrival = TIDE_ARRIVAL_LIVE,
                                             .limits = tide_operator_limits_default(),
                                             .rows_from = recovered.next_offset,
                                             .first_epoch = recovered.next_epoch,
                                             .expected = recovered.ledger,
                                             .closing = recovered.closing};
    options.limits.journeys_max = world->journeys_max;
    memcpy(options.layouts, world->layouts, sizeof(options.layouts));
    if (!world->keeps_raw) {
        options.layouts[TIDE_TABLE_RAW] = NULL;
    }
    if (life->log.operations->end(life->log.self, index) < recovered.next_offset) {
        sim_wrong(world, "the log of partition %u ends before its manifest", index);
        return TIDE_REJECT;
    }
    enum tide_status status = tide_partition_create(&options, &feed->partition, error);
    feed->log = life->log;
    feed->handover = life->handover;
    feed->decoder = life->decoder;
    feed->batch = life->batch;
    return status == TIDE_OK ? tide_feed_open(feed, error) : status;
}

static enum tide_status open_engine(struct sim_world *world, struct tide_error *error)
{
    struct sim_life *life = &world->life;
    const struct tide_schema *schema = world->definitions->schema;
    uint64_t seed = tide_identity_seed(&life->identity);
    const struct tide_handover_options handover = {
        .partition_count = world->partition_count,
        .image_size = tide_row_image_size(schema),
        .bytes_max = world->partition_count * (size_t)HANDOVER_BYTES,
    };
    enum tide_status status = tide_decoder_create(schema, seed, &life->decoder, error);
    if (status == TIDE_OK) {
        status = tide_handover_create(&handover, &life->handover, error);
    }
    if (status == TIDE_OK) {
        status = tide_batch_create(schema, BATCH_ROWS, &life->batch, error);
    }
    for (uint32_t p = 0; status == TIDE_OK && p < world->partition_count; p++) {
        status = open_partition(world, p, error);
    }
    return status;
}

static enum tide_status open_collector(struct sim_world *world, struct tide_error *error)
{
    struct tide_collector_options options = {.schema = world->definitions->schema,
                                             .seed = tide_identity_seed(&world->life.identity),
                                             .partition_count = world->partition_count,
                                             .arrival = TIDE_ARRIVAL_LIVE,
                                             .clock = sim_clock(world),
                                             .parallel_max = BODIES_AT_ONCE,
                                             .receipts_max = RECEIPTS_MAX,
                                             .receipts_keep = {3600 * INT64_C(1000000)},
                                             .append = sim_append,
                                             .append_context = world,
                                             .handover = world->life.handover};
    return tide_collector_create(&options, &world->life.collector, error);
}

enum tide_status sim_life_open(struct sim_world *world, struct tide_error *error)
{
    static enum tide_status (*const steps[])(struct sim_world *, struct tide_error *) = {
        open_lake, open_log, open_engine, open_collector};
    enum tide_status status = TIDE_OK;
    tide_assert(!world->life.is_running);
    for (size_t i = 0; status == TIDE_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        status = steps[i](world, error);
    }
    if (status == TIDE_OK) {
        world->life.is_running = true;
    } else {
        sim_life_close(world);
    }
    return status;
}

void sim_life_close(struct sim_world *world)
{
    struct sim_life *life = &world->life;
    for (uint32_t p = 0; p < world->partition_count; p++) {
        tide_feed_close(&life->feeds[p]);
        tide_partition_destroy(life->feeds[p].partition);
        tide_epoch_release(&life->epochs[p]);
    }
    if (life->log.operations != NULL) {
        life->log.operations->close(life->log.self);
    }
    tide_collector_destroy(life->collector);
    if (life->handover != NULL) {
        const struct tide_handover_facts facts = tide_handover_facts(life->handover);
        world->report->handed += facts.taken;
        world->report->dropped += facts.dropped;
    }
    tide_handover_destroy(life->handover);
    tide_batch_destroy(life->batch);
    tide_decoder_destroy(life->decoder);
    tide_checkpointer_close(life->checkpointer);
    if (life->store.operations != NULL) {
        life->store.operations->close(life->store.self);
    }
    *life = (struct sim_life){0};
    sim_senders_forget(world);
}
