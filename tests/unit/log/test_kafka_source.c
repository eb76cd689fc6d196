/* Goal: each message of the topics is taken by a member of the group, and again unless it was done;
 * a group's offset never passes what is not done, whoever comes or goes.
 * Method: sources on a mock cluster, two of them in one group on one thread, alternately. */
#include "log/kafka_source.h"

#include "base/logline.h"
#include "support/mock_kafka.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    PARTITIONS = 4,
    MESSAGES = 400
};

static const char *const topics[] = {"a", "b"};
static const struct tide_duration moment = {20 * 1000};

static struct mock_kafka mock;
static struct tide_error error;
static struct tide_kafka_source_message messages[TIDE_KAFKA_SOURCE_BATCH];

static const char *session_ms = "4000";

static enum tide_status open_source(struct tide_kafka_source **source, uint32_t topic_count)
{
    /* The mock waits for a member that has left until its session is over. */
    const struct tide_kafka_property quick[] = {{"heartbeat.interval.ms", "50"},
                                                {"session.timeout.ms", session_ms}};
    struct tide_kafka_source_options options = {.cluster = mock_kafka_cluster(&mock),
                                                .topics = topics,
                                                .topic_count = topic_count,
                                                .group = "collect"};
    options.cluster.properties = quick;
    options.cluster.property_count = COUNT(quick);
    return tide_kafka_source_open(&options, source, &error);
}

static struct tide_kafka_source *must_open(uint32_t topic_count)
{
    struct tide_kafka_source *source = NULL;
    if (open_source(&source, topic_count) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    return source;
}

static uint32_t take(struct tide_kafka_source *source)
{
    uint32_t count = 0;
    assert_int_equal(tide_kafka_source_take(source, moment, messages, &count, &error), TIDE_OK);
    return count;
}

/* The number that is a message's value. */
static uint32_t number_of(const struct tide_kafka_source_message *message)
{
    char text[16] = {0};
    assert_true(message->value.size < sizeof(text));
    memcpy(text, message->value.data, message->value.size);
    return (uint32_t)strtoul(text, NULL, 10);
}

static void put_numbers(const char *topic, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%u", i);
        mock_kafka_send(
            &mock, topic, (int32_t)(i % PARTITIONS), TIDE_VIEW("k"), tide_view_of(text), 1000 + i);
    }
    mock_kafka_flush(&mock);
}

static int64_t committed_of(const char *topic)
{
    int64_t sum = 0;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        int64_t offset = mock_kafka_committed(&mock, "collect", topic, p);
        sum += offset > 0 ? offset : 0;
    }
    return sum;
}

static void begin(void)
{
    mock_kafka_open(&mock, 1);
    mock_kafka_topic(&mock, "a", PARTITIONS);
    mock_kafka_topic(&mock, "b", PARTITIONS);
}

/* ---- */

/* Taken and done; taken and not done; waited for: and what a next member finds after each. */
static void what_is_not_done_comes_again(void **state)
{
    static bool seen[2][MESSAGES];
    uint32_t total = 0;
    (void)state;
    begin();
    put_numbers("a", 0, MESSAGES);
    put_numbers("b", 0, MESSAGES);
    struct tide_kafka_source *source = must_open(2);
    memset(seen, 0, sizeof(seen));
    while (total < 2 * MESSAGES) {
        uint32_t count = take(source);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t number = number_of(&messages[i]);
            bool is_b = strcmp(messages[i].topic, "b") == 0;
            assert_true(is_b || strcmp(messages[i].topic, "a") == 0);
            assert_int_equal(messages[i].time.us, (1000 + (int64_t)number) * 1000);
            assert_false(seen[is_b][number]);
            seen[is_b][number] = true;
        }
        total += count;
        if (count > 0) {
            tide_kafka_source_done(source);
        }
    }
    tide_kafka_source_close(source);
    assert_int_equal(committed_of("a"), MESSAGES);
    assert_int_equal(committed_of("b"), MESSAGES);

    put_numbers("a", MESSAGES, 8);
    source = must_open(2);
    while ((total = take(source)) == 0) {
    }
    assert_true(number_of(&messages[0]) >= MESSAGES); /* only what is new */
    tide_kafka_source_wait(source);                   /* as while the log is full */
    put_numbers("a", MESSAGES + 8, 4);
    tide_kafka_source_wait(source);
    tide_kafka_source_close(source); /* none is done */
    assert_int_equal(committed_of("a"), MESSAGES);
    mock_kafka_close(&mock);
}

/* A second member comes while the first has taken messages, and goes again. */
static void members_come_and_go(void **state)
{
    static uint32_t seen[3 * MESSAGES];
    struct tide_kafka_source *members[2] = {NULL, NULL};
    uint32_t by[2] = {0, 0};
    uint32_t distinct = 0;
    (void)state;
    memset(seen, 0, sizeof(seen));
    begin();
    put_numbers("a", 0, MESSAGES);
    members[0] = must_open(1);
    while (take(members[0]) == 0) {
    }
    members[1] = must_open(1);
    for (int i = 0; i < 5; i++) {
        tide_kafka_source_wait(members[0]); /* a rebalance may happen in here */
    }
    tide_kafka_source_done(members[0]);
    for (uint32_t round = 0; by[0] == 0 || by[1] == 0; round++) {
        assert_true(round < 2000); /* then somebody got nothing for long */
        if (round % 20 == 0 && round / 20 < 20) {
            put_numbers("a", MESSAGES + round / 20 * 20, 20);
        }
        for (int m = 0; m < 2; m++) {
            uint32_t count = take(members[m]);
            by[m] += count;
            for (uint32_t i = 0; i < count; i++) {
                seen[number_of(&messages[i])]++;
            }
            if (count > 0) {
                tide_kafka_source_done(members[m]);
            }
        }
    }
    tide_kafka_source_close(members[1]);
    put_numbers("a", 2 * MESSAGES, MESSAGES);
    for (uint32_t total = 0; total < MESSAGES;) { /* the first has all partitions again */
        uint32_t count = take(members[0]);
        for (uint32_t i = 0; i < count; i++) {
            distinct += seen[number_of(&messages[i])]++ == 0;
            total += number_of(&messages[i]) >= 2 * MESSAGES;
        }
        if (count > 0) {
            tide_kafka_source_done(members[0]);
        }
    }
    assert_true(distinct >= MESSAGES);
    tide_kafka_source_close(members[0]);
    /* Nothing was skipped: the offsets are the topic's ends, and all below was done by somebody. */
    int64_t end = 0;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        int64_t low = 0;
        int64_t high = 0;
        assert_int_equal(rd_kafka_query_watermark_offsets(mock.handle, "a", p, &low, &high, 10000),
                         0);
        end += high;
    }
    assert_int_equal(committed_of("a"), end);
    mock_kafka_close(&mock);
}

static void what_is_not_opened(void **state)
{
    struct tide_kafka_source *source = NULL;
    (void)state;
    mock_kafka_open(&mock, 1);
    mock_kafka_topic(&mock, "a", 1);
    rd_kafka_mock_topic_set_error(mock.cluster, "b", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(open_source(&source, 2), TIDE_REJECT);
    assert_non_null(strstr(error.text, "topic 'b'"));
    assert_null(source);
    tide_kafka_source_close(NULL);
    mock_kafka_close(&mock);
}

/* A broker that is away does not hold up who stops. */
static void closed_while_the_brokers_are_away(void **state)
{
    (void)state;
    session_ms = "45000";
    begin();
    put_numbers("a", 0, MESSAGES);
    struct tide_kafka_source *source = must_open(1);
    while (take(source) == 0) {
    }
    mock_kafka_set_up(&mock, false);
    tide_kafka_source_done(source);
    assert_in_range(take(source), 0, MESSAGES);
    struct tide_monotonic start = tide_clock_monotonic(tide_clock_os());
    tide_kafka_source_close(source);
    struct tide_duration took = tide_monotonic_since(tide_clock_monotonic(tide_clock_os()), start);
    assert_true(took.us < INT64_C(30) * 1000000);
    mock_kafka_close(&mock);
}

int main(void)
{
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_done_comes_again),
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(what_is_not_opened),
        cmocka_unit_test(closed_while_the_brokers_are_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
