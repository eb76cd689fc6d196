/* A Kafka cluster within the test's process: librdkafka's mock brokers, on ports of their own, with
 * faults to order. It knows no transactions' markers, no retention and no administration; the tests
 * in tests/stack/ have real brokers for those.
 *
 * Messages of other people's producers and consumers come from here, too. */
#ifndef TIDE_SUPPORT_MOCK_KAFKA_H
#define TIDE_SUPPORT_MOCK_KAFKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <string.h>

#include "log/kafka.h"
#include "support/c11_threads.h"

enum { /* kinds of requests, as the protocol numbers them */
    MOCK_KAFKA_PRODUCE = 0,
    MOCK_KAFKA_FETCH = 1,
    MOCK_KAFKA_LIST_OFFSETS = 2,
    MOCK_KAFKA_METADATA = 3,
    MOCK_KAFKA_OFFSET_COMMIT = 8,
};

struct mock_kafka {
    rd_kafka_t *handle; /* the brokers' own, and a producer */
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers;
};

static inline void mock_kafka_open(struct mock_kafka *mock, int broker_count)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    mock->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    assert_non_null(mock->handle);
    mock->cluster = rd_kafka_mock_cluster_new(mock->handle, broker_count);
    assert_non_null(mock->cluster);
    mock->brokers = rd_kafka_mock_cluster_bootstraps(mock->cluster);
    assert_true(rd_kafka_brokers_add(mock->handle, mock->brokers) > 0);
}

static inline void mock_kafka_close(struct mock_kafka *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->handle);
    *mock = (struct mock_kafka){0};
}

static inline struct tide_kafka_cluster mock_kafka_cluster(const struct mock_kafka *mock)
{
    return (struct tide_kafka_cluster){.brokers = mock->brokers};
}

static inline void mock_kafka_topic(struct mock_kafka *mock, const char *name, int partition_count)
{
    assert_int_equal(rd_kafka_mock_topic_create(mock->cluster, name, partition_count, 1),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* The next requests of a kind fail so. */
static inline void mock_kafka_fail(struct mock_kafka *mock,
                                   int16_t kind,
                                   rd_kafka_resp_err_t error,
                                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rd_kafka_mock_push_request_errors_array(mock->cluster, kind, 1, &error);
    }
}

static inline void mock_kafka_set_up(struct mock_kafka *mock, bool is_up)
{
    rd_kafka_resp_err_t result = is_up ? rd_kafka_mock_broker_set_up(mock->cluster, -1)
                                       : rd_kafka_mock_broker_set_down(mock->cluster, -1);
    assert_int_equal(result, RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* A message of another producer. value.data NULL: a tombstone; key.data NULL: no key; time_ms 0:
 * now. headers: taken, or NULL. */
struct mock_kafka_message {
    const char *topic;
    int32_t partition;
    struct tide_view key;
    struct tide_view value;
    int64_t time_ms;
    rd_kafka_headers_t *headers;
};

static inline void mock_kafka_send_message(struct mock_kafka *mock,
                                           const struct mock_kafka_message *message)
{
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = message->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = message->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY},
        {.vtype = RD_KAFKA_VTYPE_VALUE},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = message->time_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = message->headers},
    };
    memcpy(&parts[3].u.mem.ptr, &message->key.data, sizeof(void *));
    parts[3].u.mem.size = message->key.size;
    memcpy(&parts[4].u.mem.ptr, &message->value.data, sizeof(void *));
    parts[4].u.mem.size = message->value.size;
    assert_null(rd_kafka_produceva(
        mock->handle, parts, sizeof(parts) / sizeof(parts[0]) - (message->headers == NULL)));
}

/* The same without headers. */
static inline void mock_kafka_send(struct mock_kafka *mock,
                                   const char *topic,
                                   int32_t partition,
                                   struct tide_view key,
                                   struct tide_view value,
                                   int64_t time_ms)
{
    const struct mock_kafka_message message = {topic, partition, key, value, time_ms, NULL};
    mock_kafka_send_message(mock, &message);
}

/* All that was sent is in its topic. */
static inline void mock_kafka_flush(struct mock_kafka *mock)
{
    assert_int_equal(rd_kafka_flush(mock->handle, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* ---- another consumer */

static inline rd_kafka_t *mock_kafka_consumer(struct mock_kafka *mock, const char *group)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", mock->brokers, why, sizeof(why)),
                     0);
    assert_int_equal(rd_kafka_conf_set(conf, "group.id", group, why, sizeof(why)), 0);
    assert_int_equal(rd_kafka_conf_set(conf, "enable.auto.commit", "false", why, sizeof(why)), 0);
    assert_int_equal(rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", why, sizeof(why)), 0);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    assert_non_null(consumer);
    (void)rd_kafka_poll_set_consumer(consumer);
    return consumer;
}

/* A group's offset in a partition; RD_KAFKA_OFFSET_INVALID: none. */
static inline int64_t mock_kafka_committed(struct mock_kafka *mock,
                                           const char *group,
                                           const char *topic,
                                           int32_t partition)
{
    rd_kafka_t *consumer = mock_kafka_consumer(mock, group);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(list, topic, partition);
    assert_int_equal(rd_kafka_committed(consumer, list, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return offset;
}

/* Reads a partition from an offset on. */
static inline rd_kafka_t *mock_kafka_reader(struct mock_kafka *mock,
                                            const char *topic,
                                            int32_t partition,
                                            int64_t offset)
{
    rd_kafka_t *reader = mock_kafka_consumer(mock, "somebody");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    assert_int_equal(rd_kafka_assign(reader, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    return reader;
}

/* The next message, when it comes; to be destroyed before the reader is. */
static inline rd_kafka_message_t *mock_kafka_next(rd_kafka_t *reader)
{
    rd_kafka_message_t *message = NULL;
    while (message == NULL || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
        message = rd_kafka_consumer_poll(reader, 1000);
    }
    return message;
}

static inline void mock_kafka_end_reader(rd_kafka_t *reader)
{
    (void)rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
}

static inline void mock_kafka_expect(const void *data, size_t size, const char *expected)
{
    assert_int_equal(size, strlen(expected));
    if (size > 0) {
        assert_memory_equal(data, expected, size);
    }
}

#endif
