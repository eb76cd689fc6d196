/* What the tests of housekeeping in the process room share: epochs of some partitions on a
 * simulated disk, as the checkpointer commits them. */
#ifndef TIDE_UNIT_PROCESS_HOUSE_FIXTURE_H
#define TIDE_UNIT_PROCESS_HOUSE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "log/memory.h"
#include "process/worker.h"
#include "support/process_stack.h"

enum {
    HOUSE_PARTITIONS = 2,
    HOUSE_RECORDS = 4, /* of a partition in an epoch; one of them rejected */
};

struct house {
    struct process_stack stack;
    struct tide_log log;
    struct tide_feed feeds[HOUSE_PARTITIONS];
    struct sim_lake lake; /* large; written by house_read */
};

static inline void house_open_feeds(struct house *house)
{
    const struct tide_schema *schema = house->stack.definitions->schema;
    for (uint32_t p = 0; p < HOUSE_PARTITIONS; p++) {
        struct tide_feed *feed = &house->feeds[p];
        *feed = (struct tide_feed){.partition = process_stack_partition(&house->stack, p),
                                   .log = house->log};
        assert_int_equal(tide_decoder_create(schema, 1, &feed->decoder, NULL), TIDE_OK);
        assert_int_equal(tide_batch_create(schema, 8, &feed->batch, NULL), TIDE_OK);
        assert_int_equal(tide_feed_open(feed, NULL), TIDE_OK);
    }
}

static inline void house_close_feeds(struct house *house)
{
    for (uint32_t p = 0; p < HOUSE_PARTITIONS; p++) {
        struct tide_feed *feed = &house->feeds[p];
        tide_feed_close(feed);
        tide_partition_destroy(feed->partition);
        tide_decoder_destroy(feed->decoder);
        tide_batch_destroy(feed->batch);
        *feed = (struct tide_feed){0};
    }
}

static inline void house_begin(struct house *house, uint64_t seed)
{
    struct tide_error error = {0};
    memset(house, 0, offsetof(struct house, lake));
    process_stack_init(&house->stack, seed, HOUSE_PARTITIONS);
    assert_int_equal(tide_memory_log_create(HOUSE_PARTITIONS, &house->log, NULL), TIDE_OK);
    if (process_stack_open(&house->stack, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    house_open_feeds(house);
}

static inline void house_end(struct house *house)
{
    house_close_feeds(house);
    house->log.operations->close(house->log.self);
    process_stack_release(&house->stack);
}

/* An epoch of every partition, with events of that many days ago. */
static inline void house_epoch(struct house *house, uint32_t number, int64_t days_ago)
{
    struct tide_epoch epochs[HOUSE_PARTITIONS] = {{0}};
    struct tide_error error = {0};
    uint32_t count = 0;
    for (uint32_t p = 0; p < HOUSE_PARTITIONS; p++) {
        struct tide_bytes lines = {0};
        uint32_t row_count = 0;
        for (uint32_t i = 0; i + 1 < HOUSE_RECORDS; i++) {
            process_event(&lines,
                          1000 * number + 10 * p + i,
                          "anna",
                          PROCESS_START_MS - days_ago * INT64_C(86400000) + i);
        }
        tide_bytes_append_text(&lines, "broken\n");
        process_append(house->log, p, PROCESS_START, tide_bytes_terminated(&lines));
        tide_bytes_release(&lines);
        assert_int_equal(tide_feed_step(&house->feeds[p], 1000, &row_count, NULL), TIDE_AGAIN);
        assert_int_equal(tide_partition_tell_journeys(house->feeds[p].partition, NULL), TIDE_OK);
        count += tide_partition_take_epoch(house->feeds[p].partition, &epochs[count]);
    }
    if (tide_checkpointer_commit(house->stack.checkpointer, epochs, count, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    for (uint32_t i = 0; i < count; i++) {
        tide_epoch_release(&epochs[i]);
    }
}

static inline struct tide_delta_options house_table(struct house *house, enum tide_table table)
{
    return (struct tide_delta_options){
        .store = house->stack.store,
        .clock = tide_clock_simulated(&house->stack.clock),
        .layout =
            table == TIDE_TABLE_METRICS
                ? tide_layout_create(&house->stack.arena, house->stack.definitions->schema, table)
                : house->stack.layouts[table],
        .table_id = TIDE_VIEW("0123456789abcdef0123456789abcdef"),
        .engine = TIDE_VIEW("tidemark/test"),
        .codec = sim_checkpoint_codec(&house->stack.io),
        .scratch_directory = "lake/_tidemark/scratch/keeper",
        .io = house->stack.io,
    };
}

/* Everything that is live can be read. */
static inline void house_read(struct house *house)
{
    if (!sim_lake_read(&house->lake, house->stack.io, "lake")) {
        fail_msg("%s", house->lake.wrong);
    }
}

#endif
