/* From the configuration's texts to what the log room takes: clusters, topics, routes. */
#ifndef TIDE_CLI_KAFKA_SETUP_H
#define TIDE_CLI_KAFKA_SETUP_H

#include "cli/config.h"
#include "collect/intake.h"
#include "log/kafka.h"

/* Everything lives in arena. RETRY: no memory; REJECT: more properties than the maximum. */
enum tide_status tide_kafka_setup_cluster(struct tide_arena *arena,
                                          struct tide_view brokers,
                                          struct tide_view properties,
                                          struct tide_kafka_cluster *cluster,
                                          struct tide_error *error);
/* REJECT: none, more than the maximum, or a name twice. */
enum tide_status tide_kafka_setup_topics(struct tide_arena *arena,
                                         struct tide_view list,
                                         const char **topics,
                                         uint32_t *topic_count,
                                         struct tide_error *error);
/* Which topic a record goes to. REJECT: no such column, not a string, or a topic that is not in the
 * list. */
enum tide_status tide_kafka_setup_route(struct tide_arena *arena,
                                        const struct tide_config *config,
                                        const char *const *topics,
                                        uint32_t topic_count,
                                        struct tide_intake_topics *route,
                                        struct tide_error *error);

#endif
