/* From a cluster's description to librdkafka's configuration: an allow-list, and what is ours.
 *
 * Allowed are addresses, TLS, SASL, timeouts, sizes and compression. Not allowed: what loads code or
 * files that run, what another part of the program depends on (offsets, acknowledgements,
 * assignment), callbacks, debugging to places of its own. */
#ifndef TIDE_LOG_KAFKA_CONFIG_H
#define TIDE_LOG_KAFKA_CONFIG_H

#include <librdkafka/rdkafka.h>

#include "log/kafka.h"

enum tide_kafka_role {
    TIDE_KAFKA_PRODUCER = 1,
    TIDE_KAFKA_CONSUMER = 2,
};

/* REJECT: a property that is not allowed, or that the library refuses; the error names it, never its
 * value. Properties of the other role are skipped. *conf: the caller's, to give to rd_kafka_new. */
enum tide_status tide_kafka_config_create(const struct tide_kafka_cluster *cluster,
                                          enum tide_kafka_role role,
                                          rd_kafka_conf_t **conf,
                                          struct tide_error *error);
/* One of ours, after the user's; asserted to be right. */
void tide_kafka_config_set(rd_kafka_conf_t *conf, const char *name, const char *value);
/* The same unless the user has set it. */
void tide_kafka_config_default(rd_kafka_conf_t *conf,
                               const struct tide_kafka_cluster *cluster,
                               const char *name,
                               const char *value);
/* Creates the handle; conf is taken whatever happens. */
enum tide_status tide_kafka_config_open(enum tide_kafka_role role,
                                        rd_kafka_conf_t *conf,
                                        rd_kafka_t **handle,
                                        struct tide_error *error);
/* Whether the name is allowed at all. */
bool tide_kafka_property_is_allowed(struct tide_view name);
/* Whether the topic is there with that many partitions (0: any). RETRY: no broker answers; REJECT:
 * it is not. */
enum tide_status tide_kafka_check_topic(rd_kafka_t *handle,
                                        const char *topic,
                                        uint32_t partition_count,
                                        struct tide_error *error);

#endif
