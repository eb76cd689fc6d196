/* What must hold: acknowledged is in the log where the receipt says, the log's contents give the
 * ledger, the ledger's rows are in the lake once, and so are the journeys that its events give. */
#include "support/sim_world.h"

#include "base/assert.h"
#include "support/sim_journeys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static void check_acks(struct sim_world *world)
{
    const struct sim_model *model = &world->model;
    for (uint32_t i = 0; i < world->ack_count; i++) {
        const struct sim_ack *ack = &world->acks[i];
        if (ack->offset >= model->record_counts[ack->partition]) {
            sim_wrong(world,
                      "record %" PRIu64 " of partition %u was acknowledged and is not in the log, "
                      "which ends at %u",
                      ack->offset,
                      ack->partition,
                      model->record_counts[ack->partition]);
        } else if (model->records[ack->partition][ack->offset].event != ack->event) {
            sim_wrong(world,
                      "record %" PRIu64 " of partition %u is not the one that was acknowledged",
                      ack->offset,
                      ack->partition);
        }
    }
}

static void compare(struct sim_world *world,
                    const char *whose,
                    uint32_t partition,
                    uint64_t next_offset,
                    const struct tide_ledger *ledger)
{
    if (next_offset > world->model.record_counts[partition]) {
        sim_wrong(world, "%s of partition %u is ahead of the log", whose, partition);
        return;
    }
    struct tide_ledger expected = sim_model_ledger(&world->model, partition, next_offset);
    expected.uids = ledger->uids; /* the model has no hashes; the lake's rows are compared */
    if (!tide_ledger_equal(ledger, &expected)) {
        struct tide_bytes text = {0};
        tide_ledger_write_json(ledger, &text);
        tide_bytes_append_text(&text, "; the log says ");
        tide_ledger_write_json(&expected, &text);
        sim_wrong(world,
                  "%s of partition %u at %" PRIu64 ": %s",
                  whose,
                  partition,
                  next_offset,
                  tide_bytes_terminated(&text));
        tide_bytes_release(&text);
    }
}

/* ---- the lake */

struct tally { /* of one partition's rows */
    struct tide_recovered recovered;
    uint64_t row_count;
    struct tide_u128 uids;
    bool *seen; /* by offset */
};

static void check_row(struct sim_world *world, struct tally *tally, const struct sim_lake_row *row)
{
    if (row->offset >= tally->recovered.next_offset) {
        sim_wrong(world,
                  "the lake holds record %" PRIu64 " of partition %u, its epochs end at %" PRIu64,
                  row->offset,
                  row->partition,
                  tally->recovered.next_offset);
        return;
    }
    const struct sim_record *record = &world->model.records[row->partition][row->offset];
    bool is_event = record->fate == SIM_FATE_ON_TIME || record->fate == SIM_FATE_LATE;
    bool belongs = row->table == TIDE_TABLE_EVENTS
                       ? is_event
                       : record->fate == SIM_FATE_REJECTED && record->reason == row->reason;
    if (!belongs || row->epoch >= tally->recovered.next_epoch) {
        sim_wrong(world,
                  "record %" PRIu64 " of partition %u does not belong where the lake has it",
                  row->offset,
                  row->partition);
    }
    if (tally->seen[row->offset]) {
        sim_wrong(world,
                  "record %" PRIu64 " of partition %u is in the lake twice",
                  row->offset,
                  row->partition);
    }
    tally->seen[row->offset] = true;
    tally->row_count++;
    tally->uids.high += row->uid.high;
    tally->uids.low += row->uid.low;
}

static void check_lake(struct sim_world *world)
{
    struct tally tallies[SIM_PARTITIONS_MAX] = {0};
    for (uint32_t p = 0; p < world->partition_count; p++) {
        tallies[p].recovered = tide_checkpointer_recovered(world->life.checkpointer, p);
        tallies[p].seen = calloc(SIM_RECORDS_MAX, sizeof(bool));
        tide_assert(tallies[p].seen != NULL);
    }
    for (uint32_t i = 0; i < world->lake.row_count; i++) {
        const struct sim_lake_row *row = &world->lake.rows[i];
        tide_assert(row->partition < world->partition_count);
        check_row(world, &tallies[row->partition], row);
    }
    for (uint32_t p = 0; p < world->partition_count; p++) {
        const struct tide_ledger *ledger = &tallies[p].recovered.ledger;
        uint64_t expected = ledger->processed + tide_ledger_rejected(ledger);
        if (tallies[p].row_count != expected) {
            sim_wrong(world,
                      "the lake has %" PRIu64 " rows of partition %u, the ledger says %" PRIu64,
                      tallies[p].row_count,
                      p,
                      expected);
        } else if (!tide_u128_equal(tallies[p].uids, ledger->uids)) {
            sim_wrong(world, "the lake's identities of partition %u are not the ledger's", p);
        }
        free(tallies[p].seen);
    }
}

/* Each record that epochs have, as the log has it; or none, where they are not kept. */
static void check_raw(struct sim_world *world)
{
    static bool seen[SIM_PARTITIONS_MAX][SIM_RECORDS_MAX];
    uint64_t expected = 0;
    memset(seen, 0, sizeof(seen));
    for (uint32_t p = 0; world->keeps_raw && p < world->partition_count; p++) {
        expected += tide_checkpointer_recovered(world->life.checkpointer, p).next_offset;
    }
    for (uint32_t i = 0; i < world->lake.raw_count; i++) {
        const struct sim_lake_row *row = &world->lake.raw[i];
        const struct tide_recovered recovered =
            tide_checkpointer_recovered(world->life.checkpointer, row->partition);
        if (row->offset >= recovered.next_offset || row->epoch >= recovered.next_epoch ||
            seen[row->partition][row->offset] ||
            !tide_u128_equal(row->uid, world->model.records[row->partition][row->offset].bytes)) {
            sim_wrong(world,
                      "raw record %" PRIu64 " of partition %u is twice, ahead or another",
                      row->offset,
                      row->partition);
            return;
        }
        seen[row->partition][row->offset] = true;
    }
    if (world->lake.raw_count != expected) {
        sim_wrong(world,
                  "the lake has %u raw records, the manifests say %" PRIu64,
                  world->lake.raw_count,
                  expected);
    }
}

/* What had ended by the manifest's clock is told; when all is drained, by the partition's. */
static void check_journeys(struct sim_world *world, uint32_t index, bool is_drained)
{
    const struct tide_recovered recovered =
        tide_checkpointer_recovered(world->life.checkpointer, index);
    struct tide_partition *partition = world->life.feeds[index].partition;
    const struct tide_instant closing =
        is_drained ? tide_partition_watermark(partition)->closing : recovered.closing;
    const char *wrong = sim_journeys_check(
        &world->lake, &world->model, &world->events, index, recovered.next_offset, closing);
    if (wrong != NULL) {
        sim_wrong(world, "%s", wrong);
    }
}

/* ---- partitions */

static enum tide_status add_events(void *context,
                                   struct tide_window window,
                                   struct tide_view group,
                                   const struct tide_cell_value *value)
{
    (void)window;
    (void)group;
    *(uint64_t *)context += value->events;
    return TIDE_OK;
}

static void check_partition(struct sim_world *world, uint32_t index, bool is_drained)
{
    const struct tide_partition *partition = world->life.feeds[index].partition;
    const struct tide_ledger *ledger = tide_partition_ledger(partition);
    uint64_t next_offset = tide_partition_next_offset(partition);
    compare(world, "the ledger", index, next_offset, ledger);
    uint64_t counted = 0; /* metric 0 counts every event */
    const struct tide_cell_visitor visitor = {TIDE_INSTANT_UNKNOWN, add_events, &counted};
    const enum tide_status status =
        tide_operator_visit(tide_partition_operator(partition, 0), visitor);
    tide_assert(status == TIDE_OK);
    if (counted != ledger->processed) {
        sim_wrong(world,
                  "partition %u counted %" PRIu64 " events and processed %" PRIu64,
                  index,
                  counted,
                  ledger->processed);
    }
    struct tide_recovered recovered = tide_checkpointer_recovered(world->life.checkpointer, index);
    if (is_drained &&
        (next_offset != world->model.record_counts[index] || recovered.next_offset != next_offset ||
         !tide_ledger_equal(&recovered.ledger, ledger))) {
        sim_wrong(world, "partition %u is not drained", index);
    }
}

void sim_check(struct sim_world *world, bool is_drained)
{
    tide_assert(world->life.is_running && world->life.epoch_count == 0);
    const char *wrong = sim_model_read(&world->model, &world->events, world->life.log);
    if (wrong != NULL) {
        sim_wrong(world, "%s", wrong);
        return;
    }
    check_acks(world);
    for (uint32_t p = 0; p < world->partition_count; p++) {
        struct tide_recovered recovered = tide_checkpointer_recovered(world->life.checkpointer, p);
        compare(world, "the manifest", p, recovered.next_offset, &recovered.ledger);
    }
    if (sim_is_wrong(world)) {
        return; /* offsets cannot be trusted */
    }
    if (!sim_lake_read(&world->lake, world->io, "lake")) {
        sim_wrong(world, "%s", world->lake.wrong);
        return;
    }
    check_lake(world);
    check_raw(world);
    for (uint32_t p = 0; p < world->partition_count; p++) {
        check_partition(world, p, is_drained);
        check_journeys(world, p, is_drained);
    }
}
