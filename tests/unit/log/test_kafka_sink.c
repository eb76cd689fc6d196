/* Goal: what a flush calls safe is in its topic, in the partition that Java would choose; what is
 * not is told, and a sink goes on after whatever the brokers did.
 * Method: messages to a mock cluster that fails, is away, or fences; read by another consumer. */
#include "log/kafka_sink.h"

#include "base/hash.h"
#include "base/logline.h"
#include "support/mock_kafka.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const topics[] = {"cells", "journeys"};
static const struct tide_duration patience = {10 * INT64_C(1000000)};

static struct mock_kafka mock;
static struct tide_kafka_sink *sink;
static struct tide_error error;

static enum tide_status open_sink(const struct tide_kafka_property *properties,
                                  uint32_t property_count)
{
    struct tide_kafka_sink_options options = {.cluster = mock_kafka_cluster(&mock),
                                              .topics = topics,
                                              .topic_count = 2,
                                              .pending_bytes_max = 4096};
    options.cluster.properties = properties;
    options.cluster.property_count = property_count;
    return tide_kafka_sink_open(&options, &sink, &error);
}

static void begin(const struct tide_kafka_property *properties, uint32_t property_count)
{
    error = (struct tide_error){0};
    mock_kafka_open(&mock, 1);
    mock_kafka_topic(&mock, "cells", 4);
    mock_kafka_topic(&mock, "journeys", 1);
    assert_int_equal(open_sink(properties, property_count), TIDE_OK);
}

static void end(void)
{
    tide_kafka_sink_close(sink);
    sink = NULL;
    mock_kafka_close(&mock);
}

static enum tide_status put(uint32_t topic, const char *key, const char *value)
{
    return tide_kafka_sink_send(sink, topic, tide_view_of(key), tide_view_of(value), &error);
}

static enum tide_status flush_sink(void)
{
    return tide_kafka_sink_flush(sink, patience, &error);
}

static void expect_message(
    const char *topic, int32_t partition, int64_t offset, const char *key, const char *value)
{
    rd_kafka_t *reader = mock_kafka_reader(&mock, topic, partition, offset);
    rd_kafka_message_t *message = mock_kafka_next(reader);
    assert_int_equal(message->offset, offset);
    mock_kafka_expect(message->key, message->key_len, key);
    mock_kafka_expect(message->payload, message->len, value);
    rd_kafka_message_destroy(message);
    mock_kafka_end_reader(reader);
}

/* ---- */

static void messages_go_where_java_would_send_them(void **state)
{
    static const char *const keys[] = {"a", "{\"metric\":\"dau\"}", "zürich", "device-17"};
    int64_t offsets[4] = {0};
    (void)state;
    begin(NULL, 0);
    assert_int_equal(flush_sink(), TIDE_OK); /* of nothing */
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_int_equal(put(0, keys[i], "1"), TIDE_OK);
        assert_int_equal(put(1, keys[i], "2"), TIDE_OK);
    }
    assert_int_equal(flush_sink(), TIDE_OK);
    assert_int_equal(tide_kafka_sink_sent(sink), 2 * COUNT(keys));
    for (size_t i = 0; i < COUNT(keys); i++) {
        uint32_t partition = tide_partition_of(tide_view_of(keys[i]), 4);
        expect_message("cells", (int32_t)partition, offsets[partition]++, keys[i], "1");
        expect_message("journeys", 0, (int64_t)i, keys[i], "2");
    }
    assert_int_equal(put(0, "", "3"), TIDE_OK); /* without a key: anywhere */
    assert_int_equal(flush_sink(), TIDE_OK);
    end();
}

static void how_much_is_under_way_is_bounded(void **state)
{
    static char value[1025];
    uint32_t taken = 0;
    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    begin(NULL, 0);
    enum tide_status status = TIDE_OK;
    while ((status = put(0, "k", value)) == TIDE_OK) {
        taken++;
        assert_true(taken < 100000); /* the library takes them faster than it acknowledges them */
    }
    assert_int_equal(status, TIDE_AGAIN);
    assert_true(taken >= 4);
    assert_int_equal(flush_sink(), TIDE_OK);
    assert_int_equal(tide_kafka_sink_sent(sink), taken);
    assert_int_equal(put(0, "k", value), TIDE_OK);
    tide_kafka_sink_poll(sink);
    assert_int_equal(flush_sink(), TIDE_OK);
    assert_int_equal(tide_kafka_sink_sent(sink), taken + 1);
    end();
}

static void waits_for_room(void **state)
{
    static char value[1025];
    const struct tide_view message = {value, sizeof(value) - 1};
    const struct tide_duration moment = {50 * 1000};
    const struct tide_kafka_property slow = {"linger.ms", "500"}; /* all of it is under way */
    uint32_t taken = 0;
    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    begin(&slow, 1);
    while (put(0, "k", value) == TIDE_OK) {
        taken++;
    }
    assert_int_equal(
        tide_kafka_sink_send_waiting(sink, 0, TIDE_VIEW("k"), message, patience, &error), TIDE_OK);
    assert_int_equal(tide_kafka_sink_sent(sink), taken); /* what was under way, by its flush */
    assert_int_equal(flush_sink(), TIDE_OK);
    assert_int_equal(tide_kafka_sink_sent(sink), taken + 1);
    mock_kafka_set_up(&mock, false);
    while (put(0, "k", value) == TIDE_OK) {
        taken++;
    }
    assert_int_equal(tide_kafka_sink_send_waiting(sink, 0, TIDE_VIEW("k"), message, moment, &error),
                     TIDE_RETRY);
    assert_string_equal(error.text, "the brokers have not acknowledged all");
    end();
}

static void too_large(void **state)
{
    static char value[(2 << 20) + 1];
    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    begin(NULL, 0);
    assert_int_equal(put(0, "k", value), TIDE_REJECT);
    assert_non_null(strstr(error.text, "topic cells: Broker: Message size too large"));
    /* The topic's own limit is smaller: it cannot be sent again, so it does not hold up the
     * rest. */
    mock_kafka_fail(&mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    assert_int_equal(put(1, "k", "x"), TIDE_OK);
    assert_int_equal(flush_sink(), TIDE_OK);
    assert_int_equal(tide_kafka_sink_refused(sink), 1);
    assert_int_equal(tide_kafka_sink_sent(sink), 0);
    assert_int_equal(put(1, "k", "y"), TIDE_OK);
    assert_int_equal(flush_sink(), TIDE_OK);
    expect_message("journeys", 0, 0, "k", "y");
    end();
}

/* Each is retried until it is there: in order, and once. */
static void brokers_that_refuse_for_a_while(void **state)
{
    static const rd_kafka_resp_err_t errors[] = {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                                 RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                                 RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                                                 RD_KAFKA_RESP_ERR__TRANSPORT};
    const struct tide_kafka_property quick = {"retry.backoff.ms", "10"};
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        begin(&quick, 1);
        mock_kafka_fail(&mock, MOCK_KAFKA_PRODUCE, errors[i], 2);
        assert_int_equal(put(1, "k", "1"), TIDE_OK);
        assert_int_equal(put(1, "k", "2"), TIDE_OK);
        assert_int_equal(flush_sink(), TIDE_OK);
        expect_message("journeys", 0, 0, "k", "1");
        expect_message("journeys", 0, 1, "k", "2");
        end();
    }
}

static void what_is_not_acknowledged_is_told(void **state)
{
    const struct tide_kafka_property impatient[] = {{"message.timeout.ms", "2000"},
                                                    {"reconnect.backoff.max.ms", "20"},
                                                    {"reconnect.backoff.ms", "10"}};
    (void)state;
    begin(impatient, COUNT(impatient));
    mock_kafka_set_up(&mock, false);
    assert_int_equal(put(1, "k", "1"), TIDE_OK);
    assert_int_equal(tide_kafka_sink_flush(sink, (struct tide_duration){50 * 1000}, &error),
                     TIDE_RETRY);
    assert_string_equal(error.text, "the brokers have not acknowledged all");
    assert_int_equal(flush_sink(), TIDE_RETRY);
    assert_string_equal(error.text, "topic journeys: Local: Message timed out");
    assert_int_equal(flush_sink(), TIDE_OK); /* told once: nothing is under way */
    mock_kafka_set_up(&mock, true);
    do {
        assert_int_equal(put(1, "k", "1"), TIDE_OK);
    } while (flush_sink() == TIDE_RETRY);
    expect_message("journeys", 0, 0, "k", "1");
    end();
}

/* Sequences are lost: nothing more can be sent with that producer, and the flush makes another. */
static void a_producer_that_failed_is_made_anew(void **state)
{
    (void)state;
    begin(NULL, 0);
    assert_int_equal(put(1, "k", "1"), TIDE_OK);
    assert_int_equal(flush_sink(), TIDE_OK);
    mock_kafka_fail(&mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1);
    assert_int_equal(put(1, "k", "2"), TIDE_OK);
    assert_int_equal(flush_sink(), TIDE_RETRY);
    assert_non_null(strstr(error.text, "the producer was made anew: "));
    assert_int_equal(put(1, "k", "2"), TIDE_OK);
    assert_int_equal(flush_sink(), TIDE_OK);
    assert_int_equal(tide_kafka_sink_sent(sink), 2);
    expect_message("journeys", 0, 1, "k", "2");
    end();
}

/* ---- opening */

static void what_is_not_opened(void **state)
{
    const struct tide_kafka_property forbidden = {"plugin.library.paths", "x.so"};
    (void)state;
    mock_kafka_open(&mock, 1);
    mock_kafka_topic(&mock, "cells", 4);
    rd_kafka_mock_topic_set_error(
        mock.cluster, "journeys", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(open_sink(NULL, 0), TIDE_REJECT);
    assert_non_null(strstr(error.text, "topic 'journeys'"));
    assert_int_equal(open_sink(&forbidden, 1), TIDE_REJECT);
    assert_non_null(strstr(error.text, "allow-list"));
    assert_null(sink);
    tide_kafka_sink_close(NULL);
    mock_kafka_close(&mock);
}

/* Closed with messages under way: they are given up. */
static void closed_without_a_flush(void **state)
{
    (void)state;
    begin(NULL, 0);
    mock_kafka_set_up(&mock, false);
    assert_int_equal(put(0, "k", "1"), TIDE_OK);
    end();
}

int main(void)
{
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_where_java_would_send_them),
        cmocka_unit_test(how_much_is_under_way_is_bounded),
        cmocka_unit_test(waits_for_room),
        cmocka_unit_test(too_large),
        cmocka_unit_test(brokers_that_refuse_for_a_while),
        cmocka_unit_test(what_is_not_acknowledged_is_told),
        cmocka_unit_test(a_producer_that_failed_is_made_anew),
        cmocka_unit_test(what_is_not_opened),
        cmocka_unit_test(closed_without_a_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
