/* Goal: nothing that runs code, or that the program itself decides, gets through to librdkafka; a
 * refused value is never shown; what the user says wins over our defaults under any of its names.
 * Method: tables of properties for both roles; topics looked at on a mock cluster. */
#include "log/kafka_config.h"

#include "support/mock_kafka.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum tide_status create(const struct tide_kafka_property *properties,
                               uint32_t count,
                               enum tide_kafka_role role,
                               rd_kafka_conf_t **conf,
                               struct tide_error *error)
{
    const struct tide_kafka_property defaults[] = {
        {"linger.ms", "5"}, {"compression.codec", "lz4"}, {"message.timeout.ms", "30000"}};
    struct tide_kafka_cluster cluster = {"127.0.0.1:1", properties, count};
    bool is_producer = role == TIDE_KAFKA_PRODUCER;
    return tide_kafka_config_create(
        &cluster, role, is_producer ? defaults : NULL, is_producer ? 3 : 0, conf, error);
}

/* ---- the allow-list */

static const char *const forbidden[] = {
    /* code, and commands */
    "plugin.library.paths",
    "interceptors",
    "sasl.kerberos.kinit.cmd",
    "sasl.oauthbearer.config",
    "enable.sasl.oauthbearer.unsecure.jwt",
    "ssl.engine.location",
    "ssl.engine.id",
    "ssl_engine_callback_data",
    "ssl.providers",
    /* what the program decides */
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "transactional.id",
    "transaction.timeout.ms",
    "retries",
    "message.send.max.retries",
    "max.in.flight",
    "partitioner",
    "queue.buffering.max.messages",
    "queue.buffering.max.kbytes",
    "queued.max.messages.kbytes",
    "bootstrap.servers",
    "metadata.broker.list",
    "allow.auto.create.topics",
    "group.id",
    "enable.auto.commit",
    "auto.commit.enable",
    "auto.commit.interval.ms",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "isolation.level",
    "enable.partition.eof",
    "offset.store.method",
    "offset.store.path",
    "partition.assignment.strategy",
    "consume.callback.max.messages",
    /* callbacks, and texts to elsewhere */
    "dr_cb",
    "dr_msg_cb",
    "error_cb",
    "log_cb",
    "log_level",
    "log.queue",
    "log.thread.name",
    "stats_cb",
    "statistics.interval.ms",
    "rebalance_cb",
    "opaque",
    "socket_cb",
    "open_cb",
    "background_event_cb",
    "default_topic_conf",
    "enabled_events",
    "internal.termination.signal",
    "debug",
    /* a test's brokers instead of the real ones */
    "test.mock.num.brokers",
    /* what is no property, or not quite */
    "",
    "nonsense",
    "SASL.PASSWORD",
    "sasl.password ",
    "sasl.passwor",
};

static void what_is_forbidden(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forbidden); i++) {
        struct tide_kafka_property property = {forbidden[i], "hunter2"};
        for (int role = TIDE_KAFKA_PRODUCER; role <= TIDE_KAFKA_CONSUMER; role++) {
            rd_kafka_conf_t *conf = NULL;
            struct tide_error error = {0};
            char expected[256];
            (void)snprintf(expected,
                           sizeof(expected),
                           "the librdkafka property '%s' is not on the allow-list",
                           forbidden[i]);
            assert_false(tide_kafka_property_is_allowed(tide_view_of(forbidden[i])));
            assert_int_equal(create(&property, 1, (enum tide_kafka_role)role, &conf, &error),
                             TIDE_REJECT);
            assert_string_equal(error.text, expected);
            assert_null(conf);
        }
    }
}

/* What the library itself knows is the measure: of all its properties no other is allowed. */
static void what_is_allowed(void **state)
{
    uint32_t allowed = 0;
    size_t count = 0;
    (void)state;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char **dump = rd_kafka_conf_dump(conf, &count);
    for (size_t i = 0; i < count; i += 2) {
        allowed += tide_kafka_property_is_allowed(tide_view_of(dump[i]));
    }
    rd_kafka_conf_dump_free(dump, count);
    rd_kafka_conf_destroy(conf);
    assert_in_range(allowed, 40, 60);
    assert_true(count / 2 > allowed + 30);
}

static void a_property_goes_to_its_role(void **state)
{
    static const struct {
        struct tide_kafka_property property;
        bool is_of[3];
    } rows[] = {
        {{"linger.ms", "77"}, {[TIDE_KAFKA_PRODUCER] = true}},
        {{"fetch.min.bytes", "77"}, {[TIDE_KAFKA_CONSUMER] = true}},
        {{"socket.timeout.ms", "7777"},
         {[TIDE_KAFKA_PRODUCER] = true, [TIDE_KAFKA_CONSUMER] = true}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int role = TIDE_KAFKA_PRODUCER; role <= TIDE_KAFKA_CONSUMER; role++) {
            rd_kafka_conf_t *conf = NULL;
            char value[32];
            size_t size = sizeof(value);
            assert_int_equal(create(&rows[i].property, 1, (enum tide_kafka_role)role, &conf, NULL),
                             TIDE_OK);
            assert_int_equal(rd_kafka_conf_get(conf, rows[i].property.name, value, &size), 0);
            assert_int_equal(strcmp(value, rows[i].property.value) == 0, rows[i].is_of[role]);
            rd_kafka_conf_destroy(conf);
        }
    }
}

/* ---- values */

static void a_refused_value_is_not_shown(void **state)
{
    static const struct tide_kafka_property properties[] = {
        {"security.protocol", "hunter2"},
        {"compression.codec", "hunter2"},
        {"linger.ms", "hunter2"},
        {"message.max.bytes", "-1"},
        {"enable.ssl.certificate.verification", "hunter2"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(properties); i++) {
        rd_kafka_conf_t *conf = NULL;
        struct tide_error error = {0};
        assert_int_equal(create(&properties[i], 1, TIDE_KAFKA_PRODUCER, &conf, &error),
                         TIDE_REJECT);
        assert_non_null(strstr(error.text, properties[i].name));
        assert_null(strstr(error.text, properties[i].value));
    }
}

/* Properties that are wrong together are noticed when the client is made. */
static void a_refused_combination(void **state)
{
    const struct tide_kafka_property too_many = {"max.in.flight.requests.per.connection", "99"};
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *handle = NULL;
    struct tide_error error = {0};
    (void)state;
    assert_int_equal(create(&too_many, 1, TIDE_KAFKA_PRODUCER, &conf, &error), TIDE_OK);
    tide_kafka_config_set(conf, "enable.idempotence", "true");
    assert_int_equal(tide_kafka_config_open(TIDE_KAFKA_PRODUCER, conf, &handle, &error),
                     TIDE_REJECT);
    assert_non_null(strstr(error.text, "max.in.flight"));
    assert_null(handle);
}

static void the_user_wins_over_defaults(void **state)
{
    static const struct {
        const char *name; /* as the user writes it */
        const char *value;
        const char *ours; /* as we do */
    } rows[] = {
        {"compression.codec", "zstd", "compression.codec"},
        {"compression.type", "zstd", "compression.codec"},
        {"linger.ms", "50", "linger.ms"},
        {"queue.buffering.max.ms", "50", "linger.ms"},
        {"message.timeout.ms", "5000", "message.timeout.ms"},
        {"delivery.timeout.ms", "5000", "message.timeout.ms"},
        {"client.id", "reports", "client.id"},
        {"reconnect.backoff.ms", "7", "reconnect.backoff.ms"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tide_kafka_property property = {rows[i].name, rows[i].value};
        rd_kafka_conf_t *conf = NULL;
        char value[32];
        size_t size = sizeof(value);
        assert_int_equal(create(&property, 1, TIDE_KAFKA_PRODUCER, &conf, NULL), TIDE_OK);
        assert_int_equal(rd_kafka_conf_get(conf, rows[i].ours, value, &size), 0);
        if (strcmp(value, rows[i].value) != 0) {
            fail_msg("%s=%s gave %s", rows[i].name, rows[i].value, value);
        }
        rd_kafka_conf_destroy(conf);
    }
}

static void numbers_and_what_is_never_run(void **state)
{
    const struct tide_kafka_property properties[] = {
        {"message.max.bytes", "1500000"}, {"sasl.kerberos.principal", "x; touch /tmp/ran"}};
    rd_kafka_conf_t *conf = NULL;
    char value[64] = "unset";
    size_t size = sizeof(value);
    (void)state;
    assert_int_equal(create(properties, 2, TIDE_KAFKA_PRODUCER, &conf, NULL), TIDE_OK);
    assert_int_equal(tide_kafka_config_number(conf, "message.max.bytes"), 1500000);
    assert_int_equal(tide_kafka_config_number(conf, "linger.ms"), 5);
    (void)rd_kafka_conf_get(conf, "sasl.kerberos.kinit.cmd", value, &size);
    assert_string_equal(value, ":"); /* no shell renders the principal */
    rd_kafka_conf_destroy(conf);
}

/* ---- topics */

static enum tide_status look(struct mock_kafka *mock,
                             const char *topic,
                             uint32_t partition_count,
                             struct tide_error *error)
{
    struct tide_kafka_cluster cluster = mock_kafka_cluster(mock);
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *handle = NULL;
    assert_int_equal(tide_kafka_config_create(&cluster, TIDE_KAFKA_PRODUCER, NULL, 0, &conf, error),
                     TIDE_OK);
    assert_int_equal(tide_kafka_config_open(TIDE_KAFKA_PRODUCER, conf, &handle, error), TIDE_OK);
    enum tide_status status = tide_kafka_check_topic(handle, topic, partition_count, error);
    rd_kafka_destroy(handle);
    return status;
}

static void topics_are_looked_at(void **state)
{
    struct mock_kafka mock;
    struct tide_error error = {0};
    (void)state;
    mock_kafka_open(&mock, 1);
    mock_kafka_topic(&mock, "events", 6);
    assert_int_equal(look(&mock, "events", 6, &error), TIDE_OK);
    assert_int_equal(look(&mock, "events", 0, &error), TIDE_OK);
    assert_int_equal(look(&mock, "events", 5, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "'events' has 6 partitions"));
    assert_non_null(strstr(error.text, "says 5"));
    rd_kafka_mock_topic_set_error(mock.cluster, "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(look(&mock, "gone", 0, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "`tidemark kafka init` creates what is missing"));
    /* Right after it was made a topic has no leader; it is asked about again. */
    rd_kafka_mock_topic_set_error(mock.cluster, "young", RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    assert_int_equal(look(&mock, "young", 0, &error), TIDE_RETRY);
    mock_kafka_close(&mock);
}

static void no_broker_answers(void **state)
{
    struct mock_kafka mock;
    struct tide_error error = {0};
    (void)state;
    mock_kafka_open(&mock, 1);
    mock_kafka_topic(&mock, "events", 1);
    mock_kafka_fail(&mock, MOCK_KAFKA_METADATA, RD_KAFKA_RESP_ERR__TRANSPORT, 1);
    assert_int_equal(look(&mock, "events", 1, &error), TIDE_OK); /* once is nothing */
    mock_kafka_close(&mock);
}

/* ---- a message's time */

static void times_that_no_clock_shows(void **state)
{
    static const struct {
        int64_t time_ms;
        struct tide_instant expected;
    } rows[] = {
        {1, {1000}},
        {1772962800123, {1772962800123000}},
        {1000000000000000, {1000000000000000000}},
        {1000000000000001, {INT64_MIN}},
        {INT64_MAX, {INT64_MIN}},
        {-2, {INT64_MIN}},
        {INT64_MIN, {INT64_MIN}},
    };
    struct mock_kafka mock;
    (void)state;
    mock_kafka_open(&mock, 1);
    mock_kafka_topic(&mock, "events", 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        mock_kafka_send(&mock, "events", 0, TIDE_VIEW(""), TIDE_VIEW("x"), rows[i].time_ms);
    }
    mock_kafka_flush(&mock);
    rd_kafka_t *reader = mock_kafka_reader(&mock, "events", 0, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        rd_kafka_message_t *message = mock_kafka_next(reader);
        if (tide_kafka_message_time(message).us != rows[i].expected.us) {
            fail_msg("%lld ms are %lld us",
                     (long long)rows[i].time_ms,
                     (long long)tide_kafka_message_time(message).us);
        }
        rd_kafka_message_destroy(message);
    }
    mock_kafka_end_reader(reader);
    mock_kafka_close(&mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_forbidden),
        cmocka_unit_test(what_is_allowed),
        cmocka_unit_test(a_property_goes_to_its_role),
        cmocka_unit_test(a_refused_value_is_not_shown),
        cmocka_unit_test(a_refused_combination),
        cmocka_unit_test(the_user_wins_over_defaults),
        cmocka_unit_test(numbers_and_what_is_never_run),
        cmocka_unit_test(topics_are_looked_at),
        cmocka_unit_test(no_broker_answers),
        cmocka_unit_test(times_that_no_clock_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
