/* The 128-bit identity of an event (semantics section 4) and the partition of a record. */
#ifndef TIDE_EVENT_UID_H
#define TIDE_EVENT_UID_H

#include "base/decimal.h"
#include "event/batch.h"

/* XXH3-128 with the pipeline's seed (key) over every column with a path but the received one (type tag,
 * length prefix), then the payload without white space outside strings, if the schema has one;
 * with dedupe_by_id and an id: entity, id and device time alone. payload.data NULL: absent.
 * payload is already compact. scratch is reset and used. */
struct tide_u128 tide_uid_compute(const struct tide_batch *batch,
                                  uint32_t row,
                                  struct tide_view payload,
                                  const struct tide_hash_key *key,
                                  struct tide_bytes *scratch);

enum {
    TIDE_ROUTE_KEY_MAX = TIDE_DECIMAL_TEXT_MAX /* of an entity that is a number */
};
/* The entity of a valid event as text, which is also what a producer in another language takes for
 * its key; data NULL: it has none. Numbers are written into text. */
struct tide_view tide_route_key(const struct tide_batch *batch,
                                uint32_t row,
                                char text[TIDE_ROUTE_KEY_MAX]);

/* Of a valid event: its entity, else its uid (16 bytes, little-endian, low first); of a rejected
 * record: its bytes (row's text). murmur2 as Java's Kafka client. */
uint32_t tide_route(const struct tide_batch *batch, uint32_t row, uint32_t partition_count);

#endif
