/* A bounded memory of recent batches: the same key with the same body is answered as before and not
 * appended again; with another body it is another batch. A convenience; correctness rests on dedupe
 * alone. Bounded by count, bytes and time: the oldest make room. Any thread (a mutex inside). */
#ifndef TIDE_COLLECT_RECEIPTS_H
#define TIDE_COLLECT_RECEIPTS_H

#include "base/clock.h"
#include "base/hash.h"

struct tide_receipts;

struct tide_receipts_options {
    uint32_t receipts_max;
    size_t bytes_max; /* of keys and answers */
    struct tide_duration keep;
    struct tide_clock clock;
};

enum tide_status tide_receipts_create(const struct tide_receipts_options *options,
                                      struct tide_receipts **receipts,
                                      struct tide_error *error);
void tide_receipts_destroy(struct tide_receipts *receipts);
/* true: known, its status is written and its answer appended to body. false: neither is touched. */
bool tide_receipts_find(struct tide_receipts *receipts,
                        struct tide_view key,
                        struct tide_u128 body_hash,
                        unsigned *status,
                        struct tide_bytes *body);
/* The batch was answered so, durably. An answer that is known stays as it was. */
void tide_receipts_remember(struct tide_receipts *receipts,
                            struct tide_view key,
                            struct tide_u128 body_hash,
                            unsigned status,
                            struct tide_view body);

#endif
