/* A bounded memory of recent batches: the same key with the same body is answered as before and not
 * appended again. A convenience; correctness rests on dedupe alone. Any thread (a mutex inside). */
#ifndef TIDE_COLLECT_RECEIPTS_H
#define TIDE_COLLECT_RECEIPTS_H

#include "base/hash.h"

struct tide_receipts;

enum tide_status tide_receipts_create(uint32_t receipts_max,
                                      size_t bytes_max,
                                      struct tide_receipts **receipts,
                                      struct tide_error *error);
void tide_receipts_destroy(struct tide_receipts *receipts);
/* Copies the remembered answer into body. false: not known. */
bool tide_receipts_find(struct tide_receipts *receipts,
                        struct tide_view key,
                        struct tide_u128 body_hash,
                        struct tide_bytes *body);
/* Only durable, successful answers are remembered; the oldest make room. */
void tide_receipts_remember(struct tide_receipts *receipts,
                            struct tide_view key,
                            struct tide_u128 body_hash,
                            struct tide_view body);

#endif
