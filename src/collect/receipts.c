/* A ring of the newest batches, oldest first out, with a chained table of indices over it. */
#include "collect/receipts.h"

#include "base/assert.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define NO_ENTRY UINT32_MAX

struct entry {
    struct tide_u128 hash; /* of key and body */
    struct tide_u128 body_hash;
    struct tide_monotonic since;
    char *data; /* the key, then the answer */
    size_t key_size;
    size_t size;
    unsigned status; /* of the answer */
    uint32_t next;   /* of the bucket */
};

struct tide_receipts {
    struct tide_receipts_options options;
    pthread_mutex_t mutex; /* guards all below */
    struct entry *entries; /* a ring */
    uint32_t first;        /* the oldest */
    uint32_t count;
    uint32_t *buckets;
    uint32_t bucket_mask;
    size_t bytes;
};

static struct tide_u128 hash_of(const struct tide_receipts *receipts,
                                struct tide_view key,
                                struct tide_u128 body_hash)
{
    /* Where the table lies is not known outside, so nobody can aim at one bucket. */
    struct tide_u128 hash = tide_hash128(key, (uint64_t)(uintptr_t)receipts->buckets);
    hash.low ^= body_hash.low;
    hash.high ^= body_hash.high;
    return hash;
}

enum tide_status tide_receipts_create(const struct tide_receipts_options *options,
                                      struct tide_receipts **receipts,
                                      struct tide_error *error)
{
    const uint32_t receipts_max = options->receipts_max;
    tide_assert(receipts_max > 0 && receipts_max <= 1U << 24);
    uint32_t bucket_count = 16;
    while (bucket_count < receipts_max) {
        bucket_count *= 2;
    }
    struct tide_receipts *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->entries = calloc(receipts_max, sizeof(*made->entries));
        made->buckets = calloc(bucket_count, sizeof(*made->buckets));
    }
    if (made == NULL || made->entries == NULL || made->buckets == NULL) {
        if (made != NULL) {
            free(made->entries);
            free(made->buckets);
        }
        free(made);
        return tide_error_set(error, TIDE_RETRY, "out of memory for %u receipts", receipts_max);
    }
    for (uint32_t i = 0; i < bucket_count; i++) {
        made->buckets[i] = NO_ENTRY;
    }
    made->options = *options;
    made->bucket_mask = bucket_count - 1;
    (void)pthread_mutex_init(&made->mutex, NULL);
    *receipts = made;
    return TIDE_OK;
}

static uint32_t *bucket_of(struct tide_receipts *receipts, struct tide_u128 hash)
{
    return &receipts->buckets[hash.low & receipts->bucket_mask];
}

static void forget_oldest(struct tide_receipts *receipts)
{
    tide_assert(receipts->count > 0);
    struct entry *entry = &receipts->entries[receipts->first];
    uint32_t *link = bucket_of(receipts, entry->hash);
    while (*link != receipts->first) {
        tide_assert(*link != NO_ENTRY);
        link = &receipts->entries[*link].next;
    }
    *link = entry->next;
    receipts->bytes -= entry->size;
    free(entry->data);
    *entry = (struct entry){0};
    receipts->first = (receipts->first + 1) % receipts->options.receipts_max;
    receipts->count--;
}

void tide_receipts_destroy(struct tide_receipts *receipts)
{
    if (receipts == NULL) {
        return;
    }
    while (receipts->count > 0) {
        forget_oldest(receipts);
    }
    tide_assert(receipts->bytes == 0);
    (void)pthread_mutex_destroy(&receipts->mutex);
    free(receipts->entries);
    free(receipts->buckets);
    free(receipts);
}

static void forget_old(struct tide_receipts *receipts, struct tide_monotonic now)
{
    while (receipts->count > 0) {
        const struct entry *oldest = &receipts->entries[receipts->first];
        if (tide_monotonic_since(now, oldest->since).us <= receipts->options.keep.us) {
            return;
        }
        forget_oldest(receipts);
    }
}

/* NULL: not known, or no longer. */
static const struct entry *find(struct tide_receipts *receipts,
                                struct tide_view key,
                                struct tide_u128 body_hash,
                                struct tide_monotonic now)
{
    forget_old(receipts, now);
    const struct tide_u128 hash = hash_of(receipts, key, body_hash);
    for (uint32_t i = *bucket_of(receipts, hash); i != NO_ENTRY; i = receipts->entries[i].next) {
        const struct entry *entry = &receipts->entries[i];
        const struct tide_view known = {entry->data, entry->key_size};
        if (tide_u128_equal(entry->body_hash, body_hash) && tide_view_equal(known, key)) {
            return entry;
        }
    }
    return NULL;
}

bool tide_receipts_find(struct tide_receipts *receipts,
                        struct tide_view key,
                        struct tide_u128 body_hash,
                        unsigned *status,
                        struct tide_bytes *body)
{
    const struct tide_monotonic now = tide_clock_monotonic(receipts->options.clock);
    (void)pthread_mutex_lock(&receipts->mutex);
    const struct entry *entry = find(receipts, key, body_hash, now);
    const bool is_known = entry != NULL;
    if (is_known) {
        *status = entry->status;
        tide_bytes_append(body, entry->data + entry->key_size, entry->size - entry->key_size);
    }
    (void)pthread_mutex_unlock(&receipts->mutex);
    return is_known;
}

static void add(struct tide_receipts *receipts, struct entry entry)
{
    while (receipts->count == receipts->options.receipts_max ||
           receipts->bytes + entry.size > receipts->options.bytes_max) {
        forget_oldest(receipts);
    }
    const uint32_t index = (receipts->first + receipts->count) % receipts->options.receipts_max;
    uint32_t *bucket = bucket_of(receipts, entry.hash);
    entry.next = *bucket;
    *bucket = index;
    receipts->entries[index] = entry;
    receipts->count++;
    receipts->bytes += entry.size;
}

void tide_receipts_remember(struct tide_receipts *receipts,
                            struct tide_view key,
                            struct tide_u128 body_hash,
                            unsigned status,
                            struct tide_view body)
{
    const size_t size = key.size + body.size;
    if (size > receipts->options.bytes_max / 4 || size == 0) {
        return; /* one answer must not push out all others */
    }
    struct entry entry = {.hash = hash_of(receipts, key, body_hash),
                          .body_hash = body_hash,
                          .since = tide_clock_monotonic(receipts->options.clock),
                          .data = malloc(size),
                          .key_size = key.size,
                          .size = size,
                          .status = status};
    if (entry.data == NULL) {
        return; /* a convenience: then it is not remembered */
    }
    if (key.size > 0) {
        memcpy(entry.data, key.data, key.size);
    }
    if (body.size > 0) {
        memcpy(entry.data + key.size, body.data, body.size);
    }
    (void)pthread_mutex_lock(&receipts->mutex);
    const bool is_known = find(receipts, key, body_hash, entry.since) != NULL;
    if (!is_known) {
        add(receipts, entry);
    }
    (void)pthread_mutex_unlock(&receipts->mutex);
    if (is_known) {
        free(entry.data);
    }
}
