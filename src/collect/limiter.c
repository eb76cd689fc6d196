#include "collect/limiter.h"

#include "base/assert.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    WAYS = 8,
};
#define NS_PER_SECOND UINT64_C(1000000000)
#define DEBT_NS_MAX (INT64_C(86400) * 1000000000)

struct bucket {
    uint64_t sender;    /* its hash */
    int64_t full_at_ns; /* monotonic; in the past or 0: it is full, and the entry free */
};

struct tide_limiter {
    struct tide_limit limit;
    int64_t window_ns; /* from empty to full */
    uint64_t seed;
    pthread_mutex_t mutex; /* guards the buckets */
    struct bucket *buckets;
    uint32_t set_mask;
};

/* Rounded up: never more than the rate. */
static int64_t cost_ns(const struct tide_limiter *limiter, uint64_t tokens)
{
    const uint64_t most = UINT64_MAX / NS_PER_SECOND;
    const uint64_t counted = tokens < most ? tokens : most;
    const uint64_t rate = limiter->limit.rate;
    const uint64_t ns = counted * NS_PER_SECOND / rate + (counted * NS_PER_SECOND % rate != 0);
    return ns < (uint64_t)DEBT_NS_MAX ? (int64_t)ns : DEBT_NS_MAX;
}

enum tide_status tide_limiter_create(struct tide_limit limit,
                                     uint32_t senders_max,
                                     uint64_t seed,
                                     struct tide_limiter **limiter,
                                     struct tide_error *error)
{
    tide_assert(limit.rate >= 1 && limit.rate <= TIDE_LIMITER_RATE_MAX);
    tide_assert(limit.burst >= 1 && limit.burst <= TIDE_LIMITER_RATE_MAX);
    tide_assert(senders_max > 0 && senders_max <= 1U << 24);
    uint32_t set_count = 1;
    while (set_count * WAYS < senders_max) {
        set_count *= 2;
    }
    struct tide_limiter *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->buckets = calloc((size_t)set_count * WAYS, sizeof(*made->buckets));
    }
    if (made == NULL || made->buckets == NULL) {
        free(made);
        return tide_error_set(error, TIDE_RETRY, "out of memory for %u senders", senders_max);
    }
    made->limit = limit;
    made->window_ns = cost_ns(made, limit.burst);
    made->seed = seed;
    made->set_mask = set_count - 1;
    (void)pthread_mutex_init(&made->mutex, NULL);
    *limiter = made;
    return TIDE_OK;
}

void tide_limiter_destroy(struct tide_limiter *limiter)
{
    if (limiter != NULL) {
        (void)pthread_mutex_destroy(&limiter->mutex);
        free(limiter->buckets);
        free(limiter);
    }
}

/* The sender's own bucket, or the one that makes room for it, full. */
static struct bucket *find(struct tide_limiter *limiter, struct tide_view sender, int64_t now_ns)
{
    const uint64_t hash = tide_hash64(sender, limiter->seed);
    struct bucket *set = &limiter->buckets[(hash & limiter->set_mask) * WAYS];
    struct bucket *fullest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].sender == hash && set[i].full_at_ns > now_ns) {
            return &set[i];
        }
        fullest = set[i].full_at_ns < fullest->full_at_ns ? &set[i] : fullest;
    }
    *fullest = (struct bucket){.sender = hash, .full_at_ns = now_ns};
    return fullest;
}

struct tide_duration tide_limiter_take(struct tide_limiter *limiter,
                                       struct tide_view sender,
                                       struct tide_monotonic now)
{
    (void)pthread_mutex_lock(&limiter->mutex);
    struct bucket *bucket = find(limiter, sender, now.ns);
    const int64_t full_at_ns = bucket->full_at_ns + cost_ns(limiter, 1);
    const int64_t wait_ns = full_at_ns - now.ns - limiter->window_ns;
    if (wait_ns <= 0) {
        bucket->full_at_ns = full_at_ns;
    }
    (void)pthread_mutex_unlock(&limiter->mutex);
    return (struct tide_duration){wait_ns <= 0 ? 0 : wait_ns / 1000 + 1};
}

void tide_limiter_charge(struct tide_limiter *limiter,
                         struct tide_view sender,
                         uint64_t tokens,
                         struct tide_monotonic now)
{
    (void)pthread_mutex_lock(&limiter->mutex);
    struct bucket *bucket = find(limiter, sender, now.ns);
    const int64_t latest_ns = now.ns + limiter->window_ns + DEBT_NS_MAX;
    const int64_t full_at_ns = bucket->full_at_ns + cost_ns(limiter, tokens);
    bucket->full_at_ns = full_at_ns < latest_ns ? full_at_ns : latest_ns;
    (void)pthread_mutex_unlock(&limiter->mutex);
}
