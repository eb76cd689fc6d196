/* What the tests of a log of topics share: a mock cluster with a log on it, appends that remember
 * what they were told, and a reader that waits for what must come.
 *
 * Nothing sleeps: what librdkafka's threads are to do is looked at until it is done, and the time
 * limit of the test ends it otherwise. */
#ifndef TIDE_UNIT_LOG_KAFKA_FIXTURE_H
#define TIDE_UNIT_LOG_KAFKA_FIXTURE_H

#include "support/mock_kafka.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    WORLD_TOPICS_MAX = 3,
    WORLD_BATCHES_MAX = 8,
};

struct world {
    struct mock_kafka mock;
    struct tide_kafka_log_options options;
    struct tide_log log;
    _Atomic uint32_t readable_count;
};

static const char *const world_topics[WORLD_TOPICS_MAX] = {"events", "crashes", "pages"};

static inline void world_readable(void *context)
{
    struct world *world = context;
    atomic_fetch_add(&world->readable_count, 1);
}

static inline void world_check(enum tide_status status, const struct tide_error *error)
{
    if (status != TIDE_OK) {
        fail_msg("%s: %s", tide_status_name(status), error->text);
    }
}

static inline enum tide_status world_try_open_log(struct world *world, struct tide_error *error)
{
    world->options.cluster.brokers = world->mock.brokers;
    return tide_kafka_log_open(&world->options, &world->log, error);
}

static inline void world_open_log(struct world *world)
{
    struct tide_error error = {0};
    world_check(world_try_open_log(world, &error), &error);
}

static inline void world_close_log(struct world *world)
{
    world->log.operations->close(world->log.self);
    world->log = (struct tide_log){0};
}

/* A cluster of one broker with the topics; the log is not open yet. */
static inline void world_begin(struct world *world, uint32_t topic_count, uint32_t partition_count)
{
    *world = (struct world){.options = tide_kafka_log_options_default()};
    mock_kafka_open(&world->mock, 1);
    for (uint32_t t = 0; t < topic_count; t++) {
        mock_kafka_topic(&world->mock, world_topics[t], (int)partition_count);
    }
    world->options.topics = world_topics;
    world->options.topic_count = topic_count;
    world->options.partition_count = partition_count;
    world->options.readable = world_readable;
    world->options.context = world;
}

static inline void world_end(struct world *world)
{
    if (world->log.operations != NULL) {
        world_close_log(world);
    }
    mock_kafka_close(&world->mock);
}

/* ---- appends */

struct world_append {
    struct tide_log_append append;
    struct tide_log_receipt receipts[WORLD_BATCHES_MAX];
    _Atomic uint32_t done_count;
    enum tide_status status;
    struct tide_error error;
};

static inline void world_done(void *context,
                              enum tide_status status,
                              const struct tide_error *error)
{
    struct world_append *one = context;
    one->status = status;
    one->error = *error;
    atomic_fetch_add(&one->done_count, 1);
}

static inline enum tide_status world_append(struct world *world,
                                            struct world_append *one,
                                            const struct tide_log_batch *batches,
                                            uint32_t batch_count,
                                            struct tide_error *error)
{
    assert_true(batch_count <= WORLD_BATCHES_MAX);
    *one = (struct world_append){0};
    one->append = (struct tide_log_append){.batches = batches,
                                           .batch_count = batch_count,
                                           .receipts = one->receipts,
                                           .done = world_done,
                                           .context = one};
    return world->log.operations->append(world->log.self, &one->append, error);
}

/* One record of a topic, appended; not synced. */
static inline enum tide_status world_append_text(struct world *world,
                                                 struct world_append *one,
                                                 uint32_t partition,
                                                 uint32_t topic,
                                                 struct tide_view text)
{
    struct tide_log_record record = {.text = text, .topic = topic};
    struct tide_log_batch batch = {.partition = partition,
                                   .received = {1000},
                                   .sent = TIDE_INSTANT_UNKNOWN,
                                   .source = TIDE_VIEW("http"),
                                   .records = &record,
                                   .record_count = 1};
    struct tide_error error = {0};
    return world_append(world, one, &batch, 1, &error);
}

static inline enum tide_status world_sync(struct world *world)
{
    struct tide_error error = {0};
    return world->log.operations->sync(world->log.self, &error);
}

/* One record of a topic, durable. */
static inline void world_put(struct world *world,
                             uint32_t partition,
                             uint32_t topic,
                             const char *text)
{
    struct world_append one;
    assert_int_equal(world_append_text(world, &one, partition, topic, tide_view_of(text)), TIDE_OK);
    (void)world_sync(world);
    assert_int_equal(one.done_count, 1);
    world_check(one.status, &one.error);
}

/* ---- reading */

static inline struct tide_log_cursor *world_cursor(struct world *world, uint32_t partition)
{
    struct tide_log_cursor *cursor = NULL;
    struct tide_error error = {0};
    world_check(world->log.operations->cursor_open(world->log.self, partition, 0, &cursor, &error),
                &error);
    return cursor;
}

static inline void world_close_cursor(struct world *world, struct tide_log_cursor *cursor)
{
    world->log.operations->cursor_close(cursor);
}

static inline uint64_t world_log_end(struct world *world, uint32_t partition)
{
    return world->log.operations->end(world->log.self, partition);
}

/* The next frame, or what else the cursor says, when it says something. */
static inline enum tide_status world_wait(struct world *world,
                                          struct tide_log_cursor *cursor,
                                          struct tide_log_frame *frame,
                                          struct tide_error *error)
{
    enum tide_status status = TIDE_AGAIN;
    while ((status = world->log.operations->read(cursor, frame, error)) == TIDE_AGAIN) {
        sched_yield();
    }
    return status;
}

/* Reads until the cursor has count records; their texts, a blank behind each, are in *texts. */
static inline void world_read(struct world *world,
                              struct tide_log_cursor *cursor,
                              uint32_t count,
                              struct tide_bytes *texts)
{
    tide_bytes_reset(texts);
    for (uint32_t read = 0; read < count;) {
        struct tide_log_frame frame;
        struct tide_error error = {0};
        world_check(world_wait(world, cursor, &frame, &error), &error);
        for (uint32_t i = 0; i < frame.record_count; i++) {
            tide_bytes_append_view(texts, frame.records[i].text);
            tide_bytes_append_byte(texts, ' ');
        }
        read += frame.record_count;
        assert_true(read <= count);
    }
    struct tide_log_frame none;
    assert_int_equal(world->log.operations->read(cursor, &none, NULL), TIDE_AGAIN);
}

static inline void world_note(struct world *world,
                              struct tide_log_cursor *cursor,
                              struct tide_bytes *note)
{
    tide_bytes_reset(note);
    world->log.operations->note(cursor, note);
    assert_false(note->failed);
}

static inline enum tide_status world_recall(struct world *world,
                                            uint32_t partition,
                                            const char *note,
                                            struct tide_error *error)
{
    return world->log.operations->recall(world->log.self, partition, tide_view_of(note), error);
}

#endif
