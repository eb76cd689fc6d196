/* Goal: each topic is looked at and told, and what brokers refuse or do not answer is an error with
 * the topic's name.
 * Method: a mock cluster, which has metadata and no administration; making topics and reading their
 * settings is tested on a real broker in tests/stack/test_kafka.py. */
#include "log/kafka_topics.h"

#include "base/logline.h"
#include "support/mock_kafka.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct mock_kafka mock;
static struct tide_error error;

struct findings {
    struct tide_bytes text; /* a line of each */
};

static void visit(void *context, const struct tide_kafka_finding *finding)
{
    static const char *const kinds[] = {[TIDE_KAFKA_TOPIC_FINE] = "fine",
                                        [TIDE_KAFKA_TOPIC_MISSING] = "missing",
                                        [TIDE_KAFKA_TOPIC_CREATED] = "created",
                                        [TIDE_KAFKA_TOPIC_WRONG] = "wrong"};
    struct findings *findings = context;
    tide_bytes_append_format(&findings->text, "%s %s", finding->topic, kinds[finding->kind]);
    if (finding->setting != NULL) {
        tide_bytes_append_format(
            &findings->text, " %s %s %s", finding->setting, finding->found, finding->wanted);
    }
    tide_bytes_append_byte(&findings->text, '\n');
}

static enum tide_status run(const struct tide_kafka_topic *topics,
                            uint32_t count,
                            bool creates,
                            const char *expected)
{
    struct findings findings = {.text = {0}};
    struct tide_kafka_topics_options options = {.cluster = mock_kafka_cluster(&mock),
                                                .topics = topics,
                                                .topic_count = count,
                                                .creates = creates,
                                                .timeout = {200 * 1000},
                                                .visit = visit,
                                                .context = &findings};
    enum tide_status status = tide_kafka_topics_run(&options, &error);
    assert_string_equal(tide_bytes_terminated(&findings.text), expected);
    tide_bytes_release(&findings.text);
    return status;
}

static void topics_are_told(void **state)
{
    const struct tide_kafka_topic topics[] = {
        {.name = "new", .partitions = 6},
        {.name = "newer", .partitions = 6, .replication = 1},
    };
    (void)state;
    mock_kafka_open(&mock, 2);
    assert_int_equal(run(topics, 0, false, ""), TIDE_OK);
    assert_int_equal(run(topics, 2, false, "new missing\nnewer missing\n"), TIDE_OK);
    mock_kafka_close(&mock);
}

/* The number of partitions and replicas is in the metadata; what settings there are nobody says
 * here, and then a topic is not called fine. */
static void what_is_wrong_is_told(void **state)
{
    const struct tide_kafka_property setting = {"retention.ms", "-1"};
    const struct tide_kafka_topic topics[] = {
        {.name = "old", .partitions = 6, .settings = &setting, .setting_count = 1},
        {.name = "new", .partitions = 6},
    };
    (void)state;
    mock_kafka_open(&mock, 2);
    mock_kafka_topic(&mock, "old", 4);
    assert_int_equal(run(topics, 2, true, "old wrong partitions 4 6\n"), TIDE_RETRY);
    assert_non_null(strstr(error.text, "topic 'old'"));
    mock_kafka_close(&mock);
}

static void a_topic_that_cannot_be_made(void **state)
{
    static const struct {
        struct tide_kafka_topic topic;
        enum tide_status status;
    } rows[] = {
        {{.name = "new", .partitions = 6}, TIDE_RETRY}, /* the mock does not know how */
        {{.name = "new", .partitions = 2000000}, TIDE_REJECT},
    };
    (void)state;
    mock_kafka_open(&mock, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(run(&rows[i].topic, 1, true, ""), rows[i].status);
        assert_non_null(strstr(error.text, "topic '"));
    }
    mock_kafka_close(&mock);
}

static void a_property_that_is_not_allowed(void **state)
{
    const struct tide_kafka_property forbidden = {"debug", "all"};
    struct tide_kafka_topics_options options = {.visit = visit};
    (void)state;
    mock_kafka_open(&mock, 1);
    options.cluster = mock_kafka_cluster(&mock);
    options.cluster.properties = &forbidden;
    options.cluster.property_count = 1;
    assert_int_equal(tide_kafka_topics_run(&options, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "'debug' is not on the allow-list"));
    mock_kafka_close(&mock);
}

int main(void)
{
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_told),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(a_topic_that_cannot_be_made),
        cmocka_unit_test(a_property_that_is_not_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
