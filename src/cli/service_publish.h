/* The service's publishing to Kafka: cells by serve/publisher.h, journeys with each epoch. */
#ifndef TIDE_CLI_SERVICE_PUBLISH_H
#define TIDE_CLI_SERVICE_PUBLISH_H

#include "cli/config.h"
#include "lake/rows.h"
#include "log/kafka_sink.h"
#include "serve/publisher.h"

struct tide_service_publish {
    struct tide_kafka_sink *cells; /* NULL: nothing is published; a sink has one flushing thread */
    struct tide_kafka_sink *journeys;
    struct tide_publisher *publisher;
    const char *topics[2];
    struct tide_arena arena;
};

/* Opens the sinks, before the engine starts. Statuses as tide_kafka_sink_open's. */
enum tide_status tide_service_publish_open(const struct tide_config *config,
                                           struct tide_service_publish *publish,
                                           struct tide_error *error);
/* Starts to tell cells, once there is an API. */
enum tide_status tide_service_publish_start(const struct tide_config *config,
                                            const struct tide_api *api,
                                            struct tide_service_publish *publish,
                                            struct tide_error *error);
/* The journeys of an epoch that is about to be true: sent and acknowledged. RETRY: not all. The
 * checkpoint thread. */
enum tide_status tide_service_publish_journeys(struct tide_service_publish *publish,
                                               const struct tide_rows *rows,
                                               struct tide_error *error);
/* No more cells; before the API drains. */
void tide_service_publish_stop(struct tide_service_publish *publish);
void tide_service_publish_close(struct tide_service_publish *publish); /* after the engine */

#endif
