/* Where `tidemark generate --to kafka://brokers/topic` goes: each event keyed by its entity, as a
 * producer in another language would key it; what is no event has no key. */
#ifndef TIDE_CLI_GENERATE_KAFKA_H
#define TIDE_CLI_GENERATE_KAFKA_H

#include "event/schema.h"

struct tide_generate_kafka;

/* REJECT: not such a URL, or no such topic; RETRY: no broker answers. schema outlives it. */
enum tide_status tide_generate_kafka_open(const char *url,
                                          const struct tide_schema *schema,
                                          struct tide_generate_kafka **to,
                                          struct tide_error *error);
/* Sends one line; waits while too much is under way. */
enum tide_status tide_generate_kafka_add(struct tide_generate_kafka *to,
                                         struct tide_view line,
                                         struct tide_error *error);
/* Waits until all is acknowledged. */
enum tide_status tide_generate_kafka_flush(struct tide_generate_kafka *to,
                                           struct tide_error *error);
void tide_generate_kafka_close(struct tide_generate_kafka *to); /* NULL is fine */

#endif
