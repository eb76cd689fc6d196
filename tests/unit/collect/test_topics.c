/* Goal: what foreign topics bring is in the log, whatever it is, before the group's offset
 * passes it; a log that takes nothing for a while delays it, and nothing stops the collector but
 * what it cannot mend.
 * Method: a collector on a mock cluster, in front of a log that answers as it is told and remembers
 * what it took. Joining a group takes the mock some seconds, so the tests are few. */
#include "collect/topics.h"

#include "base/assert.h"
#include "base/logline.h"
#include "support/mock_kafka.h"
#include "support/preset_schema.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PARTITIONS = 4,
    HANDOVER_BYTES = 1 << 20,
    ANSWERS_MAX = 8
};
#define T_MS INT64_C(1774000000000)

static const char *const topic = "foreign";

/* The log: told what to answer to the next appends, then OK. */
static struct {
    struct preset_schema preset;
    struct mock_kafka mock;
    struct tide_topics_collector *collector;
    struct tide_handover *handover;
    pthread_mutex_t mutex; /* guards what follows */
    enum tide_status refusals[ANSWERS_MAX];
    uint32_t refusal_count;
    bool is_told_later; /* refusals are told by done */
    bool is_held;       /* done is called by the test */
    struct tide_log_append *held;
    uint32_t append_count;   /* taken */
    struct tide_bytes texts; /* of what is durable, a line each: "reason text" */
    uint32_t record_count;
    size_t largest; /* append, in bytes of records */
    struct tide_instant received;
    uint64_t ends[PARTITIONS];
    _Atomic uint32_t failed_count;
    char failure[TIDE_ERROR_TEXT_MAX];
} rig;

static void keep(const struct tide_log_append *append)
{
    size_t bytes = 0;
    for (uint32_t b = 0; b < append->batch_count; b++) {
        const struct tide_log_batch *batch = &append->batches[b];
        tide_assert(tide_view_equal(batch->source, tide_view_of(topic)));
        rig.received = batch->received;
        for (uint32_t i = 0; i < batch->record_count; i++) {
            struct tide_view text = batch->records[i].text;
            bytes += text.size;
            text.size = text.size < 100 ? text.size : 100;
            tide_bytes_append_format(&rig.texts,
                                     "%s %.*s\n",
                                     tide_reason_name(batch->records[i].reason),
                                     TIDE_VIEW_ARGUMENTS(text));
        }
        rig.record_count += batch->record_count;
        append->receipts[b] = (struct tide_log_receipt){.partition = batch->partition,
                                                        .record_count = batch->record_count,
                                                        .first_offset = rig.ends[batch->partition]};
        rig.ends[batch->partition] += batch->record_count;
    }
    if (append->placed != NULL) {
        append->placed(append->placed_context);
    }
    rig.append_count++;
    rig.largest = bytes > rig.largest ? bytes : rig.largest;
}

static enum tide_status append(void *context,
                               struct tide_log_append *item,
                               struct tide_error *error)
{
    const struct tide_error refused = {"as told"};
    (void)context;
    pthread_mutex_lock(&rig.mutex);
    enum tide_status status = rig.refusal_count > 0 ? rig.refusals[--rig.refusal_count] : TIDE_OK;
    bool is_told_later = rig.is_told_later;
    bool is_held = rig.is_held;
    tide_assert(item->batches != NULL);
    if (status == TIDE_OK) {
        keep(item);
        rig.held = is_held ? item : NULL;
    }
    pthread_mutex_unlock(&rig.mutex);
    if (status != TIDE_OK && !is_told_later) {
        return tide_error_set(error, status, "as told");
    }
    item->batches = NULL; /* as a log does that has copied them */
    if (!is_held || status != TIDE_OK) {
        item->done(item->context, status, &refused);
    }
    return TIDE_OK;
}

static void failed(void *context, const struct tide_error *error)
{
    (void)context;
    (void)snprintf(rig.failure, sizeof(rig.failure), "%s", error->text);
    atomic_fetch_add(&rig.failed_count, 1);
}

static void begin(void)
{
    memset(&rig, 0, sizeof(rig));
    (void)pthread_mutex_init(&rig.mutex, NULL);
    assert_non_null(preset_schema_load(&rig.preset, "sunbird"));
    const struct tide_handover_options handover = {
        .partition_count = PARTITIONS,
        .image_size = tide_row_image_size(rig.preset.schema),
        .bytes_max = HANDOVER_BYTES,
    };
    assert_int_equal(tide_handover_create(&handover, &rig.handover, NULL), TIDE_OK);
    mock_kafka_open(&rig.mock, 1);
    mock_kafka_topic(&rig.mock, topic, 1);
}

static void start(void)
{
    struct tide_error error = {0};
    struct tide_topics_collector_options options = {
        .source = {.cluster = mock_kafka_cluster(&rig.mock),
                   .topics = &topic,
                   .topic_count = 1,
                   .group = "collect"},
        .intake = {.schema = rig.preset.schema,
                   .seed = 1,
                   .partition_count = PARTITIONS,
                   .arrival = TIDE_ARRIVAL_LIVE,
                   .handover = rig.handover},
        .clock = tide_clock_os(),
        .append = append,
        .failed = failed,
    };
    if (tide_topics_collector_start(&options, &rig.collector, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
}

static void stop(void)
{
    tide_topics_collector_stop(rig.collector);
    rig.collector = NULL;
}

static void end(void)
{
    mock_kafka_close(&rig.mock);
    tide_handover_destroy(rig.handover);
    preset_schema_release(&rig.preset);
    tide_bytes_release(&rig.texts);
    (void)pthread_mutex_destroy(&rig.mutex);
}

static void put(struct tide_view value)
{
    mock_kafka_send(&rig.mock, topic, 0, TIDE_VIEW("any"), value, T_MS);
}

#define EVENT "{\"eid\":\"LOG\",\"ets\":1774000000000,\"actor\":{\"id\":\"a\"},\"mid\":\"%u\"}"
#define ENVELOPE "{\"id\":\"api.sunbird.telemetry\",\"ver\":\"3.0\",\"params\":{},\"events\":["

static void put_event(uint32_t number)
{
    char text[256];
    (void)snprintf(text, sizeof(text), EVENT, number);
    put(tide_view_of(text));
}

/* Of so many events. */
static void put_envelope(uint32_t first_number, uint32_t count)
{
    struct tide_bytes text = {0};
    tide_bytes_append_text(&text, ENVELOPE);
    for (uint32_t i = 0; i < count; i++) {
        tide_bytes_append_text(&text, i == 0 ? "" : ",");
        tide_bytes_append_format(&text, EVENT, first_number + i);
    }
    tide_bytes_append_text(&text, "]}");
    put(tide_bytes_view(&text));
    tide_bytes_release(&text);
}

static void wait_for_messages(uint64_t count)
{
    mock_kafka_flush(&rig.mock);
    while (tide_topics_collector_facts(rig.collector).messages < count) {
        sched_yield();
    }
}

static int64_t committed(void)
{
    return mock_kafka_committed(&rig.mock, "collect", topic, 0);
}

static bool has(const char *text)
{
    return strstr(tide_bytes_terminated(&rig.texts), text) != NULL;
}

/* ---- */

/* One for each record that is durable. */
static void expect_images(uint32_t expected)
{
    uint32_t found = 0;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        for (uint64_t offset = 0; offset < rig.ends[p]; offset++) {
            uint32_t count = 1;
            found += tide_handover_take(rig.handover, p, offset, &count) != NULL;
        }
    }
    assert_int_equal(found, expected);
}

/* All kinds of messages, then a log that refuses in every way that passes; then one that holds what
 * it took, while offsets must not move. */
static void everything_is_kept_before_it_is_passed(void **state)
{
    static const enum tide_status refusals[] = {TIDE_AGAIN, TIDE_RETRY, TIDE_REJECT};
    struct tide_view none = {NULL, 0};
    (void)state;
    begin();
    start();
    put_event(1);
    put_envelope(70, 3);
    put(TIDE_VIEW("nonsense"));
    put(TIDE_VIEW(""));
    put(none);
    put(TIDE_VIEW("\x00\xff"));
    put_event(2);
    wait_for_messages(7);
    static const char *const mids[] = {"\"1\"", "\"2\"", "\"70\"", "\"71\"", "\"72\""};
    for (size_t i = 0; i < sizeof(mids) / sizeof(mids[0]); i++) {
        assert_true(has(mids[i]));
    }
    assert_true(has("json_invalid nonsense\n"));
    struct tide_topics_collector_facts facts = tide_topics_collector_facts(rig.collector);
    assert_int_equal(facts.events_accepted, 5);
    assert_int_equal(facts.events_rejected, 4);
    assert_int_equal(rig.record_count, 9);
    assert_int_equal(rig.received.us, T_MS * 1000);
    assert_int_equal(facts.waits, 0);
    expect_images(9);

    for (int later = 0; later < 2; later++) {
        pthread_mutex_lock(&rig.mutex);
        rig.record_count = 0;
        rig.is_told_later = later == 1;
        memcpy(rig.refusals, refusals, sizeof(refusals));
        rig.refusal_count = 3;
        pthread_mutex_unlock(&rig.mutex);
        put_event(3);
        wait_for_messages(8 + (uint64_t)later);
        assert_int_equal(rig.refusal_count, 0);
        assert_int_equal(rig.record_count, 1); /* once, though it was appended four times */
        facts = tide_topics_collector_facts(rig.collector);
        assert_int_equal(facts.waits, 3 * (1 + later));
    }
    while (committed() != 9) {
        sched_yield();
    }
    pthread_mutex_lock(&rig.mutex);
    rig.is_held = true;
    pthread_mutex_unlock(&rig.mutex);
    put_event(4);
    struct tide_log_append *held = NULL;
    while (held == NULL) {
        pthread_mutex_lock(&rig.mutex);
        held = rig.held;
        pthread_mutex_unlock(&rig.mutex);
    }
    assert_int_equal(committed(), 9);
    assert_int_equal(tide_topics_collector_facts(rig.collector).messages, 9);
    held->done(held->context, TIDE_OK, &(struct tide_error){0});
    wait_for_messages(10);
    stop();
    assert_int_equal(committed(), 10);
    assert_int_equal(rig.failed_count, 0);
    end();
}

/* A message with more events than an append may have is one record that says so; its neighbours are
 * what they are. Large messages fill several appends. */
static void messages_that_are_too_much(void **state)
{
    enum {
        LARGE = 900 << 10
    };
    struct tide_bytes many = {0};
    char *large = calloc(1, LARGE);
    (void)state;
    assert_non_null(large);
    memset(large, 'x', LARGE);
    tide_bytes_append_text(&many, ENVELOPE);
    for (uint32_t i = 0; i <= TIDE_INTAKE_EVENTS_MAX; i++) {
        tide_bytes_append_text(&many, i == 0 ? "1" : ",1");
    }
    tide_bytes_append_text(&many, "]}");
    begin();
    put_event(1);
    put(tide_bytes_view(&many));
    put_event(2);
    put(tide_bytes_view(&many));
    put(tide_bytes_view(&many));
    mock_kafka_flush(&rig.mock);
    start();
    wait_for_messages(5);
    for (uint32_t i = 0; i < 10; i++) { /* the mock keeps 5 MiB of a partition */
        put((struct tide_view){large, LARGE});
        if (i % 5 == 4) {
            wait_for_messages(6 + i);
        }
    }
    stop();
    assert_int_equal(committed(), 15);
    assert_int_equal(rig.record_count, 15);
    assert_true(has("\"mid\":\"1\""));
    assert_true(has("\"mid\":\"2\""));
    assert_true(has("too_large " ENVELOPE "1,1,1"));
    assert_true(rig.append_count >= 4);
    assert_true(rig.largest <= (size_t)(5 << 20));
    free(large);
    tide_bytes_release(&many);
    end();
}

static void a_log_that_has_failed(void **state)
{
    (void)state;
    begin();
    rig.refusals[0] = TIDE_FATAL;
    rig.refusal_count = 1;
    rig.is_told_later = true;
    put_event(1);
    mock_kafka_flush(&rig.mock);
    start();
    while (atomic_load(&rig.failed_count) == 0) {
        sched_yield();
    }
    assert_string_equal(rig.failure, "as told");
    stop();
    assert_int_equal(rig.failed_count, 1);
    assert_int_equal(committed(), RD_KAFKA_OFFSET_INVALID);
    end();
}

/* While the log takes nothing, the collector stops, and what it took comes again. */
static void stopped_while_it_waits(void **state)
{
    (void)state;
    begin();
    for (uint32_t i = 0; i < ANSWERS_MAX; i++) {
        rig.refusals[i] = TIDE_AGAIN;
    }
    rig.refusal_count = ANSWERS_MAX;
    put_event(1);
    mock_kafka_flush(&rig.mock);
    start();
    while (tide_topics_collector_facts(rig.collector).waits == 0) {
        sched_yield();
    }
    stop();
    assert_int_equal(committed(), RD_KAFKA_OFFSET_INVALID);
    assert_int_equal(rig.record_count, 0);
    tide_topics_collector_stop(NULL);
    assert_int_equal(tide_topics_collector_facts(NULL).messages, 0);
    end();
}

int main(void)
{
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_kept_before_it_is_passed),
        cmocka_unit_test(messages_that_are_too_much),
        cmocka_unit_test(a_log_that_has_failed),
        cmocka_unit_test(stopped_while_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
