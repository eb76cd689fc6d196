/* Goal: what was acknowledged is in the topics, as others read it; each append is told once, by the
 * thread that syncs, whatever the brokers answer; nothing of an append is taken that is refused.
 * Method: appends on a mock cluster that is told to fail, to be away, or to refuse; messages are
 * read by another consumer. */
#include "log/kafka_log.h"

#include "base/logline.h"
#include "kafka_fixture.h"
#include "log/kafka_message.h"

#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;

static void begin(uint32_t topic_count, uint32_t partition_count)
{
    world_begin(&world, topic_count, partition_count);
    world_open_log(&world);
}

static size_t pending(void)
{
    return world.log.operations->pending_bytes(world.log.self);
}

static struct tide_error last_error;

static enum tide_status sync_log(void)
{
    last_error = (struct tide_error){0};
    return world.log.operations->sync(world.log.self, &last_error);
}

static void expect_told(const struct world_append *one, enum tide_status status)
{
    assert_int_equal(one->done_count, 1);
    if (one->status != status) {
        fail_msg("%s: %s", tide_status_name(one->status), one->error.text);
    }
}

/* ---- what is promised */

static void an_append_is_done_by_a_sync(void **state)
{
    const struct tide_log_record records[] = {{.text = TIDE_VIEW("a")},
                                              {.text = TIDE_VIEW("b"), .topic = 1},
                                              {.text = TIDE_VIEW("c")},
                                              {.text = TIDE_VIEW("d")}};
    const struct tide_log_batch batches[] = {
        {0, {1}, {2}, TIDE_VIEW("http"), &records[0], 1},
        {1, {1}, {2}, TIDE_VIEW("http"), &records[0], 3},
        {1, {3}, {4}, TIDE_VIEW("http"), &records[3], 1},
    };
    static struct tide_produce_meter meter;
    struct world_append one;
    struct tide_error error = {0};
    (void)state;
    memset(&meter, 0, sizeof(meter));
    world_begin(&world, 2, 2);
    world.options.meter = &meter;
    world.options.clock = tide_clock_os();
    world_open_log(&world);
    assert_int_equal(sync_log(), TIDE_OK); /* nothing to do is fine */
    assert_int_equal(pending(), 0);
    world_check(world_append(&world, &one, batches, 3, &error), &error);
    assert_int_equal(one.done_count, 0);
    assert_true(pending() >= 5);
    assert_int_equal(sync_log(), TIDE_OK);
    expect_told(&one, TIDE_OK);
    assert_int_equal(pending(), 0);
    for (uint32_t b = 0; b < 3; b++) {
        assert_int_equal(one.receipts[b].partition, batches[b].partition);
        assert_int_equal(one.receipts[b].record_count, batches[b].record_count);
    }
    assert_int_equal(one.receipts[0].first_offset, 0);
    assert_int_equal(one.receipts[1].first_offset, 0);
    assert_int_equal(one.receipts[2].first_offset, 2); /* of its topic */
    assert_int_equal(world_log_end(&world, 0), 1);
    assert_int_equal(world_log_end(&world, 1), 4);
    assert_int_equal(meter.topics[0].records, 4);
    assert_int_equal(meter.topics[0].bytes, 4);
    assert_int_equal(meter.topics[1].records, 1);
    assert_int_equal(meter.topics[0].failures + meter.topics[1].failures, 0);
    assert_int_equal(tide_kafka_log_facts(&world.log).produced, 5);
    world_end(&world);
}

static void expect_header(const rd_kafka_message_t *message, const char *name, const char *expected)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;
    bool has = rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
               rd_kafka_header_get_last(headers, name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
    assert_int_equal(has, expected != NULL);
    if (has) {
        mock_kafka_expect(value, size, expected);
    }
}

static void messages_as_others_read_them(void **state)
{
    static char long_key[KAFKA_KEY_BYTES_MAX + 1];
    const struct tide_log_record records[] = {
        {.text = TIDE_VIEW("{\"a\":1}"), .key = TIDE_VIEW("anna")},
        {.text = TIDE_VIEW("{"),
         .reason = TIDE_REASON_JSON_INVALID,
         .pointer = TIDE_VIEW("/p"),
         .detail = TIDE_VIEW("cut"),
         .original_size = 7,
         .original_hash = {1, 2}},
        {.text = TIDE_VIEW("x"), .key = {long_key, sizeof(long_key) - 1}},
        {.text = TIDE_VIEW("y"), .key = {long_key, sizeof(long_key)}},
    };
    const struct tide_log_batch batch = {
        0, {77}, TIDE_INSTANT_UNKNOWN, TIDE_VIEW("a b"), records, 4};
    struct world_append one;
    (void)state;
    memset(long_key, 'k', sizeof(long_key));
    begin(1, 1);
    assert_int_equal(world_append(&world, &one, &batch, 1, NULL), TIDE_OK);
    assert_int_equal(sync_log(), TIDE_OK);
    rd_kafka_t *reader = mock_kafka_reader(&world.mock, "events", 0, 0);
    static const struct {
        size_t key_size;
        const char *value;
        const char *verdict;
    } expected[] = {
        {4, "{\"a\":1}", NULL},
        {0, "{", "json_invalid 7 00000000000000010000000000000002 2 /pcut"},
        {KAFKA_KEY_BYTES_MAX, "x", NULL},
        {0, "y", NULL}, /* a key of that size is somebody's joke: the partition is named anyway */
    };
    for (size_t i = 0; i < COUNT(expected); i++) {
        rd_kafka_message_t *message = mock_kafka_next(reader);
        assert_int_equal(message->key_len, expected[i].key_size);
        mock_kafka_expect(message->payload, message->len, expected[i].value);
        expect_header(message, TIDE_KAFKA_HEADER, "77 - a b");
        expect_header(message, TIDE_KAFKA_HEADER_VERDICT, expected[i].verdict);
        rd_kafka_message_destroy(message);
    }
    mock_kafka_end_reader(reader);
    world_end(&world);
}

/* ---- what is refused, with nothing taken */

static void too_much_waits(void **state)
{
    struct world_append one;
    struct world_append two;
    static char text[100000];
    (void)state;
    memset(text, 't', sizeof(text));
    world_begin(&world, 1, 1);
    world.options.pending_bytes_max = 4096;
    world_open_log(&world);
    /* An append of any size is taken when nothing else waits. */
    assert_int_equal(world_append_text(&world, &one, 0, 0, (struct tide_view){text, sizeof(text)}),
                     TIDE_OK);
    size_t before = pending();
    assert_int_equal(world_append_text(&world, &two, 0, 0, TIDE_VIEW("x")), TIDE_AGAIN);
    assert_int_equal(pending(), before);
    assert_int_equal(sync_log(), TIDE_OK);
    expect_told(&one, TIDE_OK);
    assert_int_equal(two.done_count, 0);
    assert_int_equal(world_append_text(&world, &two, 0, 0, TIDE_VIEW("x")), TIDE_OK);
    assert_int_equal(sync_log(), TIDE_OK);
    expect_told(&two, TIDE_OK);
    assert_int_equal(world_log_end(&world, 0), 2); /* what was refused is not there */
    world_end(&world);
}

static void a_record_too_large(void **state)
{
    static char text[3 << 20];
    const struct tide_log_record records[] = {{.text = TIDE_VIEW("small")},
                                              {.text = {text, sizeof(text)}}};
    const struct tide_log_batch batch = {0, {1}, {2}, TIDE_VIEW("http"), records, 2};
    struct world_append one;
    struct tide_error error = {0};
    (void)state;
    memset(text, 't', sizeof(text));
    begin(1, 1);
    assert_int_equal(world_append(&world, &one, &batch, 1, &error), TIDE_REJECT);
    assert_string_equal(error.text, "a record is too large for a message of 2097152 bytes");
    assert_int_equal(pending(), 0);
    assert_int_equal(sync_log(), TIDE_OK);
    assert_int_equal(one.done_count, 0);
    assert_int_equal(world_log_end(&world, 0), 0);
    /* The largest record there may be is taken, with the longest key. */
    struct tide_log_record largest = {.text = {text, TIDE_RECORD_BYTES_MAX},
                                      .key = {text, KAFKA_KEY_BYTES_MAX}};
    const struct tide_log_batch of_it = {0, {1}, {2}, TIDE_VIEW("http"), &largest, 1};
    assert_int_equal(world_append(&world, &one, &of_it, 1, NULL), TIDE_OK);
    assert_int_equal(sync_log(), TIDE_OK);
    expect_told(&one, TIDE_OK);
    world_end(&world);
}

/* ---- what brokers answer */

static const struct {
    rd_kafka_resp_err_t error;
    size_t count;
    enum tide_status told; /* to the append */
} answers[] = {
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 1, TIDE_OK},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 5, TIDE_OK},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 2, TIDE_OK},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, 2, TIDE_OK},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 2, TIDE_OK},
    {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 1, TIDE_OK},
    {RD_KAFKA_RESP_ERR__TRANSPORT, 2, TIDE_OK}, /* the connection breaks */
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1, TIDE_REJECT},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, 1, TIDE_RETRY},
    {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1, TIDE_RETRY},
};

/* As whoever sends it does. */
static void put_until_taken(const char *text)
{
    struct world_append one;
    do {
        assert_int_equal(world_append_text(&world, &one, 0, 0, tide_view_of(text)), TIDE_OK);
        (void)sync_log();
        assert_int_equal(one.done_count, 1);
    } while (one.status == TIDE_RETRY);
    assert_int_equal(one.status, TIDE_OK);
}

static void brokers_that_refuse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        const struct tide_kafka_property quick[] = {{"retry.backoff.ms", "10"}};
        struct world_append one;
        world_begin(&world, 1, 1);
        world.options.cluster.properties = quick;
        world.options.cluster.property_count = 1;
        world_open_log(&world);
        world_put(&world, 0, 0, "before");
        mock_kafka_fail(&world.mock, MOCK_KAFKA_PRODUCE, answers[i].error, answers[i].count);
        assert_int_equal(world_append_text(&world, &one, 0, 0, TIDE_VIEW("x")), TIDE_OK);
        enum tide_status synced = sync_log();
        assert_int_equal(one.done_count, 1);
        if (one.status != answers[i].told || (synced == TIDE_OK) != (one.status == TIDE_OK)) {
            fail_msg("%s: %s, %s; the sync %s",
                     rd_kafka_err2name(answers[i].error),
                     tide_status_name(one.status),
                     one.error.text,
                     tide_status_name(synced));
        }
        assert_int_equal(pending(), 0);
        bool is_failed = one.status != TIDE_OK;
        assert_int_equal(tide_kafka_log_facts(&world.log).produce_failures, is_failed);
        if (is_failed) {
            assert_non_null(strstr(one.error.text, rd_kafka_err2str(answers[i].error)));
        }
        if (synced != TIDE_FATAL) { /* what comes then is taken, if not at once */
            put_until_taken("after");
            assert_int_equal(world_log_end(&world, 0), is_failed ? 2 : 3);
        }
        world_end(&world);
    }
}

/* One message of three is refused for ever, another for now: the append as a whole is told so. */
static void the_worst_is_told(void **state)
{
    const struct tide_log_record records[] = {{.text = TIDE_VIEW("a")}, {.text = TIDE_VIEW("b")}};
    const struct tide_log_batch batches[] = {
        {0, {1}, {2}, TIDE_VIEW("http"), records, 2},
        {1, {1}, {2}, TIDE_VIEW("http"), records, 2},
    };
    struct world_append one;
    (void)state;
    begin(1, 2);
    mock_kafka_fail(&world.mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    mock_kafka_fail(&world.mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_POLICY_VIOLATION, 1);
    assert_int_equal(world_append(&world, &one, batches, 2, NULL), TIDE_OK);
    assert_int_equal(sync_log(), TIDE_RETRY);
    expect_told(&one, TIDE_REJECT);
    world_end(&world);
}

static void the_brokers_are_away(void **state)
{
    const struct tide_kafka_property impatient[] = {{"message.timeout.ms", "300"},
                                                    {"reconnect.backoff.max.ms", "20"},
                                                    {"reconnect.backoff.ms", "10"}};
    struct world_append one;
    (void)state;
    world_begin(&world, 1, 1);
    world.options.cluster.properties = impatient;
    world.options.cluster.property_count = COUNT(impatient);
    world_open_log(&world);
    put_until_taken("before");
    mock_kafka_set_up(&world.mock, false);
    assert_int_equal(world_append_text(&world, &one, 0, 0, TIDE_VIEW("lost")), TIDE_OK);
    assert_int_equal(sync_log(), TIDE_RETRY);
    assert_string_equal(last_error.text, "the brokers did not take all that was appended");
    expect_told(&one, TIDE_RETRY);
    assert_string_equal(one.error.text,
                        "the brokers did not take all of it: Local: Message timed out");
    mock_kafka_set_up(&world.mock, true);
    put_until_taken("again");
    assert_int_equal(pending(), 0);
    world_end(&world);
}

/* ---- a producer that has failed for good */

static rd_kafka_t *producer(void)
{
    return ((struct kafka_log *)world.log.self)->producer;
}

static void a_failure_is_noticed_when_nothing_waits(void **state)
{
    struct world_append one;
    (void)state;
    begin(1, 1);
    (void)rd_kafka_test_fatal_error(producer(), RD_KAFKA_RESP_ERR__FENCED, "for a test");
    assert_int_equal(sync_log(), TIDE_FATAL);
    assert_non_null(strstr(last_error.text, "for a test"));
    assert_int_equal(world_append_text(&world, &one, 0, 0, TIDE_VIEW("x")), TIDE_FATAL);
    assert_int_equal(one.done_count, 0);
    assert_int_equal(sync_log(), TIDE_FATAL);
    assert_non_null(strstr(last_error.text, "for a test"));
    world_end(&world);
}

/* The library takes none of its messages: the append is told so, but by the sync. */
static void done_is_called_by_a_sync_alone(void **state)
{
    struct world_append one;
    (void)state;
    begin(1, 1);
    (void)rd_kafka_test_fatal_error(producer(), RD_KAFKA_RESP_ERR__FENCED, "for a test");
    assert_int_equal(world_append_text(&world, &one, 0, 0, TIDE_VIEW("x")), TIDE_OK);
    assert_int_equal(one.done_count, 0);
    assert_true(pending() > 0);
    assert_int_equal(sync_log(), TIDE_FATAL);
    expect_told(&one, TIDE_RETRY);
    assert_int_equal(pending(), 0);
    world_end(&world);
}

static void close_tells_what_was_not_synced(void **state)
{
    static const struct {
        bool is_up;
        bool is_failed;
        enum tide_status told;
    } rows[] = {{true, false, TIDE_OK}, {false, false, TIDE_RETRY}, {true, true, TIDE_RETRY}};
    const struct tide_kafka_property impatient[] = {{"message.timeout.ms", "200"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world_append one;
        world_begin(&world, 1, 1);
        world.options.cluster.properties = impatient;
        world.options.cluster.property_count = rows[i].is_up ? 0 : 1;
        world_open_log(&world);
        mock_kafka_set_up(&world.mock, rows[i].is_up);
        if (rows[i].is_failed) {
            (void)rd_kafka_test_fatal_error(producer(), RD_KAFKA_RESP_ERR__FENCED, "for a test");
        }
        assert_int_equal(world_append_text(&world, &one, 0, 0, TIDE_VIEW("x")), TIDE_OK);
        world_close_log(&world);
        expect_told(&one, rows[i].told);
        world_end(&world);
    }
}

/* ---- many threads */

enum {
    THREADS = 4,
    APPENDS = 200
};

static _Atomic bool is_over;

static void *append_many(void *context)
{
    uint32_t partition = *(uint32_t *)context;
    for (uint32_t i = 0; i < APPENDS; i++) {
        struct world_append one;
        while (world_append_text(&world, &one, partition, i % 2, TIDE_VIEW("event")) ==
               TIDE_AGAIN) {
            sched_yield();
        }
        while (atomic_load(&one.done_count) == 0) {
            sched_yield();
        }
        assert_int_equal(one.status, TIDE_OK);
    }
    return NULL;
}

static void *sync_until_over(void *context)
{
    (void)context;
    while (!atomic_load(&is_over)) {
        assert_int_equal(world_sync(&world), TIDE_OK);
        sched_yield();
    }
    return NULL;
}

static void many_threads_append(void **state)
{
    pthread_t threads[THREADS];
    pthread_t syncer;
    uint32_t partitions[THREADS];
    (void)state;
    world_begin(&world, 2, 2);
    world.options.pending_bytes_max = 1600; /* not all at the same time */
    world_open_log(&world);
    atomic_store(&is_over, false);
    assert_int_equal(pthread_create(&syncer, NULL, sync_until_over, NULL), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        partitions[i] = i % 2;
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, &partitions[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    atomic_store(&is_over, true);
    assert_int_equal(pthread_join(syncer, NULL), 0);
    assert_int_equal(world_log_end(&world, 0) + world_log_end(&world, 1), THREADS * APPENDS);
    assert_int_equal(tide_kafka_log_facts(&world.log).produced, THREADS * APPENDS);
    assert_int_equal(pending(), 0);
    world_end(&world);
}

int main(void)
{
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_append_is_done_by_a_sync),
        cmocka_unit_test(messages_as_others_read_them),
        cmocka_unit_test(too_much_waits),
        cmocka_unit_test(a_record_too_large),
        cmocka_unit_test(brokers_that_refuse),
        cmocka_unit_test(the_worst_is_told),
        cmocka_unit_test(the_brokers_are_away),
        cmocka_unit_test(a_failure_is_noticed_when_nothing_waits),
        cmocka_unit_test(done_is_called_by_a_sync_alone),
        cmocka_unit_test(close_tells_what_was_not_synced),
        cmocka_unit_test(many_threads_append),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
