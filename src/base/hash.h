/* Hashes and checksums, each with its source.
 *
 * XXH3 (xxHash): identity and tables. murmur2: the partition of a key, as in Kafka's Java client
 * (org.apache.kafka.common.utils.Utils.murmur2). CRC-32C (RFC 3720): frames on disk. */
#ifndef TIDE_BASE_HASH_H
#define TIDE_BASE_HASH_H

#include "base/bytes.h"

struct tide_u128 {
    uint64_t high;
    uint64_t low;
};

bool tide_u128_equal(struct tide_u128 a, struct tide_u128 b);
struct tide_u128 tide_u128_add(struct tide_u128 a, struct tide_u128 b); /* modulo 2^128 */

uint64_t tide_hash64(struct tide_view view, uint64_t seed);
struct tide_u128 tide_hash128(struct tide_view view, uint64_t seed);

/* A seed for many hashes: what XXH3 derives from it for long texts, derived once. */
struct tide_hash_key {
    uint64_t seed;
    unsigned char secret[192];
};
void tide_hash_key_init(struct tide_hash_key *key, uint64_t seed);
/* Equal to tide_hash128 with that seed. */
struct tide_u128 tide_hash128_keyed(struct tide_view view, const struct tide_hash_key *key);
uint32_t tide_murmur2(struct tide_view view);
/* (murmur2 & 0x7fffffff) % partition_count, as Java's default partitioner. */
uint32_t tide_partition_of(struct tide_view key, uint32_t partition_count);
/* Continues from crc (0 to start). Hardware where the machine has it, the same value without. */
uint32_t tide_crc32c(uint32_t crc, struct tide_view view);
/* The same by tables alone: what machines without the instruction run. Any thread. */
uint32_t tide_crc32c_portable(uint32_t crc, struct tide_view view);

#endif
