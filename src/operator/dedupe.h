/* The uids that were seen, exactly. Unlimited for now, in memory; 128 bits each. One thread. */
#ifndef TIDE_OPERATOR_DEDUPE_H
#define TIDE_OPERATOR_DEDUPE_H

#include "base/hash.h"

struct tide_dedupe;

enum tide_status tide_dedupe_create(struct tide_dedupe **dedupe, struct tide_error *error);
void tide_dedupe_destroy(struct tide_dedupe *dedupe);
/* TIDE_OK: new, now remembered. TIDE_REJECT: seen before. TIDE_FATAL: out of memory. */
enum tide_status tide_dedupe_add(struct tide_dedupe *dedupe, struct tide_u128 uid);
/* The same for count uids in turn, faster: is_new says of each whether it was. false: out of
 * memory. */
bool tide_dedupe_add_many(struct tide_dedupe *dedupe,
                          const struct tide_u128 *uids,
                          uint32_t count,
                          bool *is_new);
uint64_t tide_dedupe_count(const struct tide_dedupe *dedupe);
size_t tide_dedupe_bytes(const struct tide_dedupe *dedupe);

#endif
