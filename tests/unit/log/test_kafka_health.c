/* Goal: topics, replicas, leaders and lag are told as the brokers have them, whatever cannot be
 * known is told as unknown, and nobody waits longer than asked. Method: librdkafka's own mock of a
 * cluster of two brokers, to which messages are produced and at which offsets are committed. */
#include "log/kafka_health.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/c11_threads.h"

enum {
    PARTITIONS = 3,
    MESSAGES = 5,
    TIMEOUT_MS = 30000, /* of what must succeed */
};

static struct {
    rd_kafka_t *producer;
    rd_kafka_mock_cluster_t *cluster;
} world;

static const char *const topics[] = {"events", "nothing"};
static struct tide_kafka_health health;
static struct tide_error error;

static int open_world(void **state)
{
    (void)state;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    world.producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    assert_non_null(world.producer);
    world.cluster = rd_kafka_mock_cluster_new(world.producer, 2);
    assert_non_null(world.cluster);
    assert_int_equal(rd_kafka_mock_topic_create(world.cluster, "events", PARTITIONS, 2), 0);
    /* The mock makes a topic of whatever is asked for, unless that fails. */
    rd_kafka_mock_topic_set_error(
        world.cluster, "nothing", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    rd_kafka_mock_cluster_destroy(world.cluster);
    rd_kafka_destroy(world.producer);
    return 0;
}

static rd_kafka_t *open_client(rd_kafka_type_t type)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *brokers = rd_kafka_mock_cluster_bootstraps(world.cluster);
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0), 0);
    if (type == RD_KAFKA_CONSUMER) {
        assert_int_equal(rd_kafka_conf_set(conf, "group.id", "readers", NULL, 0), 0);
    }
    rd_kafka_t *handle = rd_kafka_new(type, conf, NULL, 0);
    assert_non_null(handle);
    return handle;
}

static void produce(int32_t partition, int count)
{
    char value[] = "x";
    rd_kafka_t *producer = open_client(RD_KAFKA_PRODUCER);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, "events", NULL);
    for (int i = 0; i < count; i++) {
        assert_int_equal(
            rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, value, 1, NULL, 0, NULL), 0);
    }
    assert_int_equal(rd_kafka_flush(producer, TIMEOUT_MS), 0);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
}

static void commit(int32_t partition, int64_t offset)
{
    rd_kafka_t *consumer = open_client(RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "events", partition)->offset = offset;
    assert_int_equal(rd_kafka_commit(consumer, list, 0), 0);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(consumer);
}

static enum tide_status ask(const char *brokers, const char *group, int64_t timeout_ms)
{
    const struct tide_kafka_health_options options = {.cluster = {.brokers = brokers},
                                                      .topics = topics,
                                                      .topic_count = 2,
                                                      .group = group,
                                                      .timeout = {timeout_ms * 1000}};
    error = (struct tide_error){0};
    return tide_kafka_health_ask(&options, &health, &error);
}

static const char *brokers(void)
{
    return rd_kafka_mock_cluster_bootstraps(world.cluster);
}

static void test_topics(void **state)
{
    (void)state;
    assert_int_equal(ask(brokers(), NULL, TIMEOUT_MS), TIDE_OK);
    assert_int_equal(health.broker_count, 2);
    assert_int_equal(health.missing_count, 0);
    assert_true(health.topics[0].is_there);
    assert_int_equal(health.topics[0].partition_count, PARTITIONS);
    assert_int_equal(health.topics[0].replica_count, PARTITIONS * 2);
    assert_int_equal(health.topics[0].in_sync_count, PARTITIONS * 2);
    assert_int_equal(health.topics[0].under_replicated_count, 0);
    assert_int_equal(health.topics[0].leaderless_count, 0);
    assert_int_equal(health.topics[0].lag, -1); /* of no group */
    assert_false(health.topics[1].is_there);
    assert_int_equal(health.topics[1].lag, -1);
}

static void test_lag(void **state)
{
    (void)state;
    produce(0, MESSAGES);
    produce(2, MESSAGES);
    /* The group has said nothing: everything is before it. */
    assert_int_equal(ask(brokers(), "readers", TIMEOUT_MS), TIDE_OK);
    assert_int_equal(health.topics[0].lag, 2 * MESSAGES);
    commit(0, MESSAGES - 1);
    assert_int_equal(ask(brokers(), "readers", TIMEOUT_MS), TIDE_OK);
    assert_int_equal(health.topics[0].lag, 1 + MESSAGES);
    commit(2, MESSAGES);
    commit(0, MESSAGES);
    assert_int_equal(ask(brokers(), "readers", TIMEOUT_MS), TIDE_OK);
    assert_int_equal(health.topics[0].lag, 0);
    assert_int_equal(health.topics[1].lag, -1);
}

static void test_leaderless(void **state)
{
    (void)state;
    assert_int_equal(rd_kafka_mock_partition_set_leader(world.cluster, "events", 1, -1), 0);
    /* Of that partition nobody tells the end, so its lag is unknown, in time. */
    assert_int_equal(ask(brokers(), "readers", 2000), TIDE_OK);
    assert_int_equal(health.topics[0].leaderless_count, 1);
    assert_int_equal(health.topics[0].lag, -1);
}

static void test_nobody_answers(void **state)
{
    (void)state;
    const struct tide_clock clock = tide_clock_os();
    const struct tide_monotonic begin = tide_clock_monotonic(clock);
    assert_int_equal(ask("127.0.0.1:1", "readers", 500), TIDE_RETRY);
    assert_true(tide_monotonic_since(tide_clock_monotonic(clock), begin).us < 30000000);
    assert_memory_equal(error.text, "no broker answers: ", 19);
}

static void test_bad_property(void **state)
{
    (void)state;
    static const struct tide_kafka_property property = {"group.id", "x"};
    const struct tide_kafka_health_options options = {
        .cluster = {.brokers = "127.0.0.1:1", .properties = &property, .property_count = 1},
        .timeout = {500000}};
    assert_int_equal(tide_kafka_health_ask(&options, &health, &error), TIDE_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics),
        cmocka_unit_test(test_lag),
        cmocka_unit_test(test_leaderless),
        cmocka_unit_test(test_nobody_answers),
        cmocka_unit_test(test_bad_property),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
