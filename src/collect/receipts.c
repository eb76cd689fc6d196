/* A ring of the newest batches, oldest first out, with a chained table of indices over it. An entry
 * whose batch came to nothing, or was answered and so is newer now, leaves the table at once and
 * its place in the ring when it is the oldest. */
#include "collect/receipts.h"

#include "base/assert.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define NO_ENTRY UINT32_MAX

struct entry {
    struct tide_u128 key_hash;
    struct tide_u128 body_hash;
    struct tide_monotonic since;
    char *data; /* the key, then the answer; NULL: it has left the table */
    size_t key_size;
    size_t size;
    unsigned status; /* of the answer; 0: under way */
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

static struct tide_u128 hash_of(const struct tide_receipts *receipts, struct tide_view key)
{
    /* Where the table lies is not known outside, so nobody can aim at one bucket. */
    return tide_hash128(key, (uint64_t)(uintptr_t)receipts->buckets);
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

/* Out of the table; its place in the ring stays. */
static void drop(struct tide_receipts *receipts, struct entry *entry)
{
    uint32_t *link = bucket_of(receipts, entry->key_hash);
    while (&receipts->entries[*link] != entry) {
        link = &receipts->entries[*link].next;
        tide_assert(*link != NO_ENTRY);
    }
    *link = entry->next;
    receipts->bytes -= entry->size;
    free(entry->data);
    *entry = (struct entry){0};
}

static void leave_oldest(struct tide_receipts *receipts)
{
    tide_assert(receipts->count > 0);
    struct entry *entry = &receipts->entries[receipts->first];
    if (entry->data != NULL) {
        drop(receipts, entry);
    }
    receipts->first = (receipts->first + 1) % receipts->options.receipts_max;
    receipts->count--;
}

void tide_receipts_destroy(struct tide_receipts *receipts)
{
    if (receipts == NULL) {
        return;
    }
    while (receipts->count > 0) {
        leave_oldest(receipts);
    }
    tide_assert(receipts->bytes == 0);
    (void)pthread_mutex_destroy(&receipts->mutex);
    free(receipts->entries);
    free(receipts->buckets);
    free(receipts);
}

static bool is_old(const struct tide_receipts *receipts,
                   const struct entry *entry,
                   struct tide_monotonic now)
{
    return tide_monotonic_since(now, entry->since).us > receipts->options.keep.us;
}

/* NULL: nothing is known of the key. What is too old has left before. */
static struct entry *look_up(struct tide_receipts *receipts,
                             struct tide_view key,
                             struct tide_monotonic now)
{
    while (receipts->count > 0) {
        const struct entry *oldest = &receipts->entries[receipts->first];
        if (oldest->data != NULL && !is_old(receipts, oldest, now)) {
            break;
        }
        leave_oldest(receipts);
    }
    const struct tide_u128 hash = hash_of(receipts, key);
    for (uint32_t i = *bucket_of(receipts, hash); i != NO_ENTRY; i = receipts->entries[i].next) {
        struct entry *entry = &receipts->entries[i];
        const struct tide_view known = {entry->data, entry->key_size};
        if (tide_u128_equal(entry->key_hash, hash) && tide_view_equal(known, key)) {
            return entry;
        }
    }
    return NULL;
}

static void add(struct tide_receipts *receipts, struct entry entry)
{
    while (receipts->count == receipts->options.receipts_max ||
           receipts->bytes + entry.size > receipts->options.bytes_max) {
        leave_oldest(receipts);
    }
    const uint32_t index = (receipts->first + receipts->count) % receipts->options.receipts_max;
    uint32_t *bucket = bucket_of(receipts, entry.key_hash);
    entry.next = *bucket;
    *bucket = index;
    receipts->entries[index] = entry;
    receipts->count++;
    receipts->bytes += entry.size;
}

/* Without memory, or room that is worth it, nothing is added. */
static void add_copy(struct tide_receipts *receipts,
                     struct tide_view key,
                     struct tide_view body,
                     struct entry entry)
{
    const size_t size = key.size + body.size;
    if (size > receipts->options.bytes_max / 4 || key.size == 0) {
        return; /* one answer must not push out all others */
    }
    entry.key_hash = hash_of(receipts, key);
    entry.data = malloc(size);
    entry.key_size = key.size;
    entry.size = size;
    if (entry.data == NULL) {
        return;
    }
    memcpy(entry.data, key.data, key.size);
    if (body.size > 0) {
        memcpy(entry.data + key.size, body.data, body.size);
    }
    add(receipts, entry);
}

static enum tide_receipts_found tell(const struct entry *entry,
                                     struct tide_u128 body_hash,
                                     unsigned *status,
                                     struct tide_bytes *body)
{
    if (entry == NULL) {
        return TIDE_RECEIPTS_NONE;
    }
    if (!tide_u128_equal(entry->body_hash, body_hash)) {
        return TIDE_RECEIPTS_OTHER;
    }
    if (entry->status == 0) {
        return TIDE_RECEIPTS_BUSY;
    }
    *status = entry->status;
    tide_bytes_append(body, entry->data + entry->key_size, entry->size - entry->key_size);
    return TIDE_RECEIPTS_SAME;
}

enum tide_receipts_found tide_receipts_find(struct tide_receipts *receipts,
                                            struct tide_view key,
                                            struct tide_u128 body_hash,
                                            unsigned *status,
                                            struct tide_bytes *body)
{
    const struct tide_monotonic now = tide_clock_monotonic(receipts->options.clock);
    (void)pthread_mutex_lock(&receipts->mutex);
    const enum tide_receipts_found found =
        tell(look_up(receipts, key, now), body_hash, status, body);
    (void)pthread_mutex_unlock(&receipts->mutex);
    return found;
}

enum tide_receipts_found tide_receipts_begin(struct tide_receipts *receipts,
                                             struct tide_view key,
                                             struct tide_u128 body_hash,
                                             unsigned *status,
                                             struct tide_bytes *body)
{
    const struct tide_monotonic now = tide_clock_monotonic(receipts->options.clock);
    (void)pthread_mutex_lock(&receipts->mutex);
    const enum tide_receipts_found found =
        tell(look_up(receipts, key, now), body_hash, status, body);
    if (found == TIDE_RECEIPTS_NONE) {
        add_copy(receipts,
                 key,
                 (struct tide_view){0},
                 (struct entry){.body_hash = body_hash, .since = now});
    }
    (void)pthread_mutex_unlock(&receipts->mutex);
    return found;
}

void tide_receipts_remember(struct tide_receipts *receipts,
                            struct tide_view key,
                            struct tide_u128 body_hash,
                            unsigned status,
                            struct tide_view body)
{
    tide_assert(status != 0);
    const struct tide_monotonic now = tide_clock_monotonic(receipts->options.clock);
    (void)pthread_mutex_lock(&receipts->mutex);
    struct entry *entry = look_up(receipts, key, now);
    if (entry != NULL && entry->status == 0) {
        drop(receipts, entry);
        entry = NULL;
    }
    if (entry == NULL) {
        add_copy(receipts,
                 key,
                 body,
                 (struct entry){.body_hash = body_hash, .since = now, .status = status});
    }
    (void)pthread_mutex_unlock(&receipts->mutex);
}

void tide_receipts_forget(struct tide_receipts *receipts,
                          struct tide_view key,
                          struct tide_u128 body_hash)
{
    const struct tide_monotonic now = tide_clock_monotonic(receipts->options.clock);
    (void)pthread_mutex_lock(&receipts->mutex);
    struct entry *entry = look_up(receipts, key, now);
    if (entry != NULL && entry->status == 0 && tide_u128_equal(entry->body_hash, body_hash)) {
        drop(receipts, entry);
    }
    (void)pthread_mutex_unlock(&receipts->mutex);
}
