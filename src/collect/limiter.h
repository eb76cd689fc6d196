/* Token buckets of many senders, in a table that never grows.
 *
 * A bucket holds burst tokens and gets rate of them a second. It is kept as the moment at which it
 * is full again (the virtual scheduling form of the generic cell rate algorithm, ITU-T I.371), so a
 * full bucket is no bucket: only senders that have just taken something need an entry. When there
 * is no free one among the eight that a sender's hash leads to, the fullest bucket is forgotten;
 * its sender starts anew. Any thread (a mutex inside); a call is a look at eight entries. */
#ifndef TIDE_COLLECT_LIMITER_H
#define TIDE_COLLECT_LIMITER_H

#include "base/bytes.h"
#include "base/clock.h"

enum {
    TIDE_LIMITER_RATE_MAX = 1000000000,
};

struct tide_limiter;

struct tide_limit {
    uint64_t rate;  /* tokens a second, 1 to RATE_MAX */
    uint64_t burst; /* tokens, 1 to RATE_MAX */
};

/* senders_max is rounded up to a power of two. seed: secret, so that nobody can aim at another's
 * entry. RETRY: out of memory. */
enum tide_status tide_limiter_create(struct tide_limit limit,
                                     uint32_t senders_max,
                                     uint64_t seed,
                                     struct tide_limiter **limiter,
                                     struct tide_error *error);
void tide_limiter_destroy(struct tide_limiter *limiter);
/* Takes a token. 0: it was there. Else none was taken, and so long it takes until one is. */
struct tide_duration tide_limiter_take(struct tide_limiter *limiter,
                                       struct tide_view sender,
                                       struct tide_monotonic now);
/* Takes what turned out to be needed, whether it is there or not: the sender then waits until the
 * debt is paid, a day at most. */
void tide_limiter_charge(struct tide_limiter *limiter,
                         struct tide_view sender,
                         uint64_t tokens,
                         struct tide_monotonic now);

#endif
