/* A bounded memory of recent batches: one that comes again under the same key is answered as before
 * and not appended again. A convenience; correctness rests on dedupe alone. Bounded by count, bytes
 * and time: the oldest make room. Any thread (a mutex inside). */
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

enum tide_receipts_found {
    TIDE_RECEIPTS_NONE,  /* nothing is known of the key */
    TIDE_RECEIPTS_SAME,  /* the same body, and its answer */
    TIDE_RECEIPTS_BUSY,  /* the same body is under way */
    TIDE_RECEIPTS_OTHER, /* the key came with another body */
};

enum tide_status tide_receipts_create(const struct tide_receipts_options *options,
                                      struct tide_receipts **receipts,
                                      struct tide_error *error);
void tide_receipts_destroy(struct tide_receipts *receipts);
/* Of SAME the status is written, and the answer appended to body. */
enum tide_receipts_found tide_receipts_find(struct tide_receipts *receipts,
                                            struct tide_view key,
                                            struct tide_u128 body_hash,
                                            unsigned *status,
                                            struct tide_bytes *body);
/* As find; after NONE the batch is under way, until remember or forget. */
enum tide_receipts_found tide_receipts_begin(struct tide_receipts *receipts,
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
/* The batch that was under way came to nothing: it may be sent again. */
void tide_receipts_forget(struct tide_receipts *receipts,
                          struct tide_view key,
                          struct tide_u128 body_hash);

#endif
