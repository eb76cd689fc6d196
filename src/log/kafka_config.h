/* From a cluster's description to librdkafka's configuration: an allow-list, and what is ours.
 *
 * Allowed are addresses, TLS, SASL, timeouts, sizes and compression. Not allowed: what loads code
 * or runs commands, what another part of the program depends on (offsets, acknowledgements,
 * assignment), callbacks, debugging to places of its own. For Kerberos the library would run
 * `kinit` in a shell; it is told not to, and whoever runs us keeps the ticket fresh. */
#ifndef TIDE_LOG_KAFKA_CONFIG_H
#define TIDE_LOG_KAFKA_CONFIG_H

#include <librdkafka/rdkafka.h>

#include "log/kafka.h"

enum tide_kafka_role {
    TIDE_KAFKA_PRODUCER = 1,
    TIDE_KAFKA_CONSUMER = 2,
};

/* REJECT: a property that is not allowed, or that the library refuses; the error names it, never
 * its value. Properties of the other role are skipped. Defaults are ours where the user says
 * nothing, under any of a property's names. *conf: the caller's, to give to tide_kafka_config_open.
 */
enum tide_status tide_kafka_config_create(const struct tide_kafka_cluster *cluster,
                                          enum tide_kafka_role role,
                                          const struct tide_kafka_property *defaults,
                                          uint32_t default_count,
                                          rd_kafka_conf_t **conf,
                                          struct tide_error *error);
/* One of ours, which the user does not decide; asserted to be right. */
void tide_kafka_config_set(rd_kafka_conf_t *conf, const char *name, const char *value);
/* What a property of type integer is now. */
uint64_t tide_kafka_config_number(const rd_kafka_conf_t *conf, const char *name);
/* Creates the handle; conf is taken whatever happens. */
enum tide_status tide_kafka_config_open(enum tide_kafka_role role,
                                        rd_kafka_conf_t *conf,
                                        rd_kafka_t **handle,
                                        struct tide_error *error);
/* Commits what is to be committed, leaves the group if there is one, and destroys the handle; some
 * seconds at most. Without brokers the library would wait for the session's end: such a handle is
 * left to the end of the process, and what was not committed comes again. */
void tide_kafka_config_close_consumer(rd_kafka_t *handle);
/* Whether the name is allowed at all. */
bool tide_kafka_property_is_allowed(struct tide_view name);
/* Whether the topic is there with that many partitions (0: any). Blocks, half a minute at most.
 * RETRY: no broker answers; REJECT: it is not. */
enum tide_status tide_kafka_check_topic(rd_kafka_t *handle,
                                        const char *topic,
                                        uint32_t partition_count,
                                        struct tide_error *error);
/* When a message was made, or came to the broker; unknown: it does not say, or says what no clock
 * shows. */
struct tide_instant tide_kafka_message_time(const rd_kafka_message_t *message);

#endif
