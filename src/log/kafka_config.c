#include "log/kafka_config.h"

#include "base/assert.h"
#include "base/logline.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    BOTH = TIDE_KAFKA_PRODUCER | TIDE_KAFKA_CONSUMER,
    METADATA_TIMEOUT_MS = 10000,
    METADATA_ATTEMPTS = 3,
    CLOSE_MS = 3000,
    POLL_MS = 50,
};
static const struct tide_duration metadata_pause = {200 * 1000};
static const int64_t time_ms_max = INT64_C(1000000000000000); /* as far as records' times go */

static const struct tide_kafka_property always[] = {
    {"client.id", "tidemark"},
    {"log.connection.close", "false"},
    {"reconnect.backoff.ms", "100"},
    {"reconnect.backoff.max.ms", "2000"},
};

static const struct {
    const char *name;
    int roles;
} allowed[] = {
    {"batch.num.messages", TIDE_KAFKA_PRODUCER},
    {"batch.size", TIDE_KAFKA_PRODUCER},
    {"broker.address.family", BOTH},
    {"broker.address.ttl", BOTH},
    {"check.crcs", TIDE_KAFKA_CONSUMER},
    {"client.id", BOTH},
    {"client.rack", BOTH},
    {"compression.codec", TIDE_KAFKA_PRODUCER},
    {"compression.level", TIDE_KAFKA_PRODUCER},
    {"compression.type", TIDE_KAFKA_PRODUCER},
    {"connections.max.idle.ms", BOTH},
    {"delivery.timeout.ms", TIDE_KAFKA_PRODUCER},
    {"enable.ssl.certificate.verification", BOTH},
    {"fetch.error.backoff.ms", TIDE_KAFKA_CONSUMER},
    {"fetch.max.bytes", TIDE_KAFKA_CONSUMER},
    {"fetch.message.max.bytes", TIDE_KAFKA_CONSUMER},
    {"fetch.min.bytes", TIDE_KAFKA_CONSUMER},
    {"fetch.wait.max.ms", TIDE_KAFKA_CONSUMER},
    {"group.instance.id", TIDE_KAFKA_CONSUMER},
    {"heartbeat.interval.ms", TIDE_KAFKA_CONSUMER},
    {"linger.ms", TIDE_KAFKA_PRODUCER},
    {"log.connection.close", BOTH},
    {"max.in.flight.requests.per.connection", TIDE_KAFKA_PRODUCER},
    {"max.partition.fetch.bytes", TIDE_KAFKA_CONSUMER},
    {"max.poll.interval.ms", TIDE_KAFKA_CONSUMER},
    {"message.max.bytes", BOTH},
    {"message.timeout.ms", TIDE_KAFKA_PRODUCER},
    {"metadata.max.age.ms", BOTH},
    {"queue.buffering.max.ms", TIDE_KAFKA_PRODUCER},
    {"queued.min.messages", TIDE_KAFKA_CONSUMER},
    {"receive.message.max.bytes", BOTH},
    {"reconnect.backoff.max.ms", BOTH},
    {"reconnect.backoff.ms", BOTH},
    {"request.timeout.ms", TIDE_KAFKA_PRODUCER},
    {"retry.backoff.ms", TIDE_KAFKA_PRODUCER},
    {"sasl.kerberos.principal", BOTH},
    {"sasl.kerberos.service.name", BOTH},
    {"sasl.mechanism", BOTH},
    {"sasl.mechanisms", BOTH},
    {"sasl.oauthbearer.client.id", BOTH},
    {"sasl.oauthbearer.client.secret", BOTH},
    {"sasl.oauthbearer.extensions", BOTH},
    {"sasl.oauthbearer.method", BOTH},
    {"sasl.oauthbearer.scope", BOTH},
    {"sasl.oauthbearer.token.endpoint.url", BOTH},
    {"sasl.password", BOTH},
    {"sasl.username", BOTH},
    {"security.protocol", BOTH},
    {"session.timeout.ms", TIDE_KAFKA_CONSUMER},
    {"socket.connection.setup.timeout.ms", BOTH},
    {"socket.keepalive.enable", BOTH},
    {"socket.nagle.disable", BOTH},
    {"socket.receive.buffer.bytes", BOTH},
    {"socket.send.buffer.bytes", BOTH},
    {"socket.timeout.ms", BOTH},
    {"ssl.ca.location", BOTH},
    {"ssl.ca.pem", BOTH},
    {"ssl.certificate.location", BOTH},
    {"ssl.certificate.pem", BOTH},
    {"ssl.cipher.suites", BOTH},
    {"ssl.crl.location", BOTH},
    {"ssl.curves.list", BOTH},
    {"ssl.endpoint.identification.algorithm", BOTH},
    {"ssl.key.location", BOTH},
    {"ssl.key.password", BOTH},
    {"ssl.key.pem", BOTH},
    {"ssl.keystore.location", BOTH},
    {"ssl.keystore.password", BOTH},
    {"ssl.sigalgs.list", BOTH},
    {"topic.metadata.refresh.interval.ms", BOTH},
};

static int roles_of(struct tide_view name)
{
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (tide_view_equal(tide_view_of(allowed[i].name), name)) {
            return allowed[i].roles;
        }
    }
    return 0;
}

bool tide_kafka_property_is_allowed(struct tide_view name)
{
    return roles_of(name) != 0;
}

/* The library's own lines, on its threads: syslog levels, 3 is an error. */
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle;
    (void)facility;
    tide_logline(level <= 4   ? TIDE_LOGLINE_WARNING
                 : level <= 6 ? TIDE_LOGLINE_INFO
                              : TIDE_LOGLINE_DEBUG,
                 "kafka",
                 "%s",
                 text);
}

static enum tide_status set_properties(const struct tide_kafka_cluster *cluster,
                                       enum tide_kafka_role role,
                                       rd_kafka_conf_t *conf,
                                       struct tide_error *error)
{
    char why[256];
    for (uint32_t i = 0; i < cluster->property_count; i++) {
        const struct tide_kafka_property *property = &cluster->properties[i];
        int roles = roles_of(tide_view_of(property->name));
        if (roles == 0) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "the librdkafka property '%s' is not on the allow-list",
                                  property->name);
        }
        if ((roles & (int)role) != 0 &&
            rd_kafka_conf_set(conf, property->name, property->value, why, sizeof(why)) !=
                RD_KAFKA_CONF_OK) {
            /* The library's text has the value in it, which may be a secret. */
            return tide_error_set(
                error, TIDE_REJECT, "librdkafka refuses the value of '%s'", property->name);
        }
    }
    return TIDE_OK;
}

static void set_all(rd_kafka_conf_t *conf, const struct tide_kafka_property *properties, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tide_kafka_config_set(conf, properties[i].name, properties[i].value);
    }
}

enum tide_status tide_kafka_config_create(const struct tide_kafka_cluster *cluster,
                                          enum tide_kafka_role role,
                                          const struct tide_kafka_property *defaults,
                                          uint32_t default_count,
                                          rd_kafka_conf_t **conf,
                                          struct tide_error *error)
{
    char why[256];
    rd_kafka_conf_t *made = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(made, on_log);
    set_all(made, always, sizeof(always) / sizeof(always[0]));
    set_all(made, defaults, default_count);
    /* The shell's "do nothing": the usual command has the principal in it, unquoted. A library that
     * was built without Kerberos does not know it, which is just as well. */
    (void)rd_kafka_conf_set(made, "sasl.kerberos.kinit.cmd", ":", why, sizeof(why));
    enum tide_status status = set_properties(cluster, role, made, error);
    if (status == TIDE_OK &&
        rd_kafka_conf_set(made, "bootstrap.servers", cluster->brokers, why, sizeof(why)) !=
            RD_KAFKA_CONF_OK) {
        status = tide_error_set(error, TIDE_REJECT, "brokers '%s': %s", cluster->brokers, why);
    }
    if (status != TIDE_OK) {
        rd_kafka_conf_destroy(made);
        return status;
    }
    *conf = made;
    return TIDE_OK;
}

void tide_kafka_config_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, why, sizeof(why));
    tide_assert(result == RD_KAFKA_CONF_OK);
}

uint64_t tide_kafka_config_number(const rd_kafka_conf_t *conf, const char *name)
{
    char text[32];
    size_t size = sizeof(text);
    rd_kafka_conf_res_t result = rd_kafka_conf_get(conf, name, text, &size);
    tide_assert(result == RD_KAFKA_CONF_OK);
    return strtoull(text, NULL, 10);
}

enum tide_status tide_kafka_config_open(enum tide_kafka_role role,
                                        rd_kafka_conf_t *conf,
                                        rd_kafka_t **handle,
                                        struct tide_error *error)
{
    char why[512];
    rd_kafka_type_t type = role == TIDE_KAFKA_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
    *handle = rd_kafka_new(type, conf, why, sizeof(why));
    if (*handle == NULL) {
        rd_kafka_conf_destroy(conf);
        return tide_error_set(error, TIDE_REJECT, "librdkafka: %s", why);
    }
    return TIDE_OK;
}

void tide_kafka_config_close_consumer(rd_kafka_t *handle)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_error_t *groupless = rd_kafka_consumer_close_queue(handle, queue);
    bool is_closed = groupless != NULL;
    for (int left_ms = CLOSE_MS; !is_closed && left_ms > 0; left_ms -= POLL_MS) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, POLL_MS);
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) { /* the last: all go */
            rd_kafka_error_t *refused =
                rd_kafka_incremental_unassign(handle, rd_kafka_event_topic_partition_list(event));
            if (refused != NULL) {
                rd_kafka_error_destroy(refused);
            }
        }
        rd_kafka_event_destroy(event);
        is_closed = rd_kafka_consumer_closed(handle);
    }
    if (groupless != NULL) {
        rd_kafka_error_destroy(groupless);
    }
    rd_kafka_queue_destroy(queue);
    if (is_closed) {
        rd_kafka_destroy(handle);
    }
}

/* Asks until the topic has leaders: right after it was made, or after a broker died, it has
 * none. */
static const struct rd_kafka_metadata *ask(rd_kafka_t *handle,
                                           rd_kafka_topic_t *topic,
                                           rd_kafka_resp_err_t *result)
{
    for (int attempt = 0; attempt < METADATA_ATTEMPTS; attempt++) {
        const struct rd_kafka_metadata *metadata = NULL;
        if (attempt > 0) {
            tide_clock_sleep(tide_clock_os(), metadata_pause);
        }
        *result = rd_kafka_metadata(handle, 0, topic, &metadata, METADATA_TIMEOUT_MS);
        if (*result != RD_KAFKA_RESP_ERR_NO_ERROR) {
            continue;
        }
        if (metadata->topic_cnt == 1 &&
            metadata->topics[0].err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
            return metadata;
        }
        rd_kafka_metadata_destroy(metadata);
        *result = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    }
    return NULL;
}

enum tide_status tide_kafka_check_topic(rd_kafka_t *handle,
                                        const char *name,
                                        uint32_t partition_count,
                                        struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
    if (topic == NULL) { /* memory, or a name that none can have */
        return tide_error_set(
            error, TIDE_REJECT, "topic '%s': %s", name, rd_kafka_err2str(rd_kafka_last_error()));
    }
    const struct rd_kafka_metadata *metadata = ask(handle, topic, &result);
    if (metadata == NULL) {
        status =
            tide_error_set(error, TIDE_RETRY, "no broker answers: %s", rd_kafka_err2str(result));
    } else if (metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = tide_error_set(error,
                                TIDE_REJECT,
                                "topic '%s': %s; `tidemark kafka init` creates what is missing",
                                name,
                                rd_kafka_err2str(metadata->topics[0].err));
    } else if (partition_count > 0 &&
               (uint32_t)metadata->topics[0].partition_cnt != partition_count) {
        status = tide_error_set(error,
                                TIDE_REJECT,
                                "topic '%s' has %d partitions where log.kafka.partitions says %u: "
                                "an entity must stay in its partition for the life of a pipeline",
                                name,
                                metadata->topics[0].partition_cnt,
                                partition_count);
    }
    if (metadata != NULL) {
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
    return status;
}

struct tide_instant tide_kafka_message_time(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    int64_t time_ms = rd_kafka_message_timestamp(message, &type);
    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || time_ms < 0 || time_ms > time_ms_max
               ? TIDE_INSTANT_UNKNOWN
               : (struct tide_instant){time_ms * 1000};
}
