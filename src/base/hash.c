/* Three hashes, three purposes: see the header. xxHash is compiled in here and nowhere else, so
 * that its inner loops are inlined and no other file sees its names. */
#include "base/hash.h"

#include "base/assert.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <pthread.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include "base/banned.h"

/* The hash functions want a pointer even where there is nothing to read. */
static const char *data_of(struct tide_view view)
{
    tide_assert(view.data != NULL || view.size == 0);
    return view.data == NULL ? "" : view.data;
}

bool tide_u128_equal(struct tide_u128 a, struct tide_u128 b)
{
    return a.high == b.high && a.low == b.low;
}

struct tide_u128 tide_u128_add(struct tide_u128 a, struct tide_u128 b)
{
    const uint64_t low = a.low + b.low;
    return (struct tide_u128){.high = a.high + b.high + (low < a.low), .low = low};
}

uint64_t tide_hash64(struct tide_view view, uint64_t seed)
{
    return XXH3_64bits_withSeed(data_of(view), view.size, seed);
}

struct tide_u128 tide_hash128(struct tide_view view, uint64_t seed)
{
    const XXH128_hash_t hash = XXH3_128bits_withSeed(data_of(view), view.size, seed);
    return (struct tide_u128){.high = hash.high64, .low = hash.low64};
}

void tide_hash_key_init(struct tide_hash_key *key, uint64_t seed)
{
    _Static_assert(sizeof key->secret == XXH3_SECRET_DEFAULT_SIZE, "XXH3's secret");
    key->seed = seed;
    XXH3_generateSecret_fromSeed(key->secret, seed);
}

struct tide_u128 tide_hash128_keyed(struct tide_view view, const struct tide_hash_key *key)
{
    const XXH128_hash_t hash = XXH3_128bits_withSecretandSeed(
        data_of(view), view.size, key->secret, sizeof key->secret, key->seed);
    return (struct tide_u128){.high = hash.high64, .low = hash.low64};
}

/* Unsigned arithmetic gives the bits that Java's wrapping int gives; its >>> is our >>. */
uint32_t tide_murmur2(struct tide_view view)
{
    const uint32_t seed = 0x9747b28c;
    const uint32_t multiplier = 0x5bd1e995;
    const unsigned shift = 24;
    const char *data = data_of(view);

    tide_assert(view.size <= INT32_MAX); /* Java's arrays end there */
    uint32_t hash = seed ^ (uint32_t)view.size;
    size_t i = 0;
    for (; view.size - i >= 4; i += 4) {
        uint32_t k = tide_load_u32(data + i);
        k *= multiplier;
        k ^= k >> shift;
        k *= multiplier;
        hash *= multiplier;
        hash ^= k;
    }
    if (i < view.size) {
        uint32_t rest = 0;
        for (size_t j = view.size; j-- > i;) {
            rest = rest << 8 | (unsigned char)data[j];
        }
        hash ^= rest;
        hash *= multiplier;
    }
    hash ^= hash >> 13;
    hash *= multiplier;
    hash ^= hash >> 15;
    return hash;
}

uint32_t tide_partition_of(struct tide_view key, uint32_t partition_count)
{
    tide_assert(partition_count > 0);
    return (tide_murmur2(key) & 0x7fffffff) % partition_count;
}

/* crc_tables[0] advances a remainder by one byte; crc_tables[k] does that and then by k bytes of
 * zero, so that eight look-ups without dependence between them advance it by eight bytes. */
enum {
    CRC_SLICES = 8
};
static uint32_t crc_tables[CRC_SLICES][256];
static pthread_once_t crc_tables_once = PTHREAD_ONCE_INIT;

static void build_crc_tables(void)
{
    const uint32_t polynomial = 0x82f63b78; /* Castagnoli's, bits reversed */
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? polynomial : 0);
        }
        crc_tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (unsigned k = 1; k < CRC_SLICES; k++) {
            const uint32_t crc = crc_tables[k - 1][byte];
            crc_tables[k][byte] = crc >> 8 ^ crc_tables[0][crc & 0xff];
        }
    }
}

uint32_t tide_crc32c_portable(uint32_t crc, struct tide_view view)
{
    const int once = pthread_once(&crc_tables_once, build_crc_tables);
    tide_assert(once == 0);
    const char *data = data_of(view);
    size_t size = view.size;
    crc = ~crc;
    for (; size >= CRC_SLICES; size -= CRC_SLICES, data += CRC_SLICES) {
        const uint64_t word = tide_load_u64(data) ^ crc;
        crc = 0;
        for (unsigned k = 0; k < CRC_SLICES; k++) {
            crc ^= crc_tables[CRC_SLICES - 1 - k][word >> (8 * k) & 0xff];
        }
    }
    for (; size > 0; size--, data++) {
        crc = crc >> 8 ^ crc_tables[0][(crc ^ (unsigned char)*data) & 0xff];
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_hardware(uint32_t crc,
                                                                  struct tide_view view)
{
    const char *data = data_of(view);
    size_t size = view.size;
    uint64_t wide = ~crc;
    for (; size >= 8; size -= 8, data += 8) {
        wide = _mm_crc32_u64(wide, tide_load_u64(data));
    }
    crc = (uint32_t)wide;
    for (; size > 0; size--, data++) {
        crc = _mm_crc32_u8(crc, (unsigned char)*data);
    }
    return ~crc;
}
#endif

uint32_t tide_crc32c(uint32_t crc, struct tide_view view)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_hardware(crc, view);
    }
#endif
    return tide_crc32c_portable(crc, view);
}
