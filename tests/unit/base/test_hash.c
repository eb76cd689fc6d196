/* Goal: every hash is the one its name promises, for ever: partitions and stored identities
 * depend on it. Method: published vectors; for CRC-32C also the definition, bit by bit, against
 * both ways. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void test_murmur2_as_kafka(void **state)
{
    (void)state;
    static const struct {
        struct tide_view key;
        int32_t hash; /* of Kafka's own unit test */
    } rows[] = {
        {{"21", 2}, -973932308},
        {{"foobar", 6}, -790332482},
        {{"a-little-bit-long-string", 24}, -985981536},
        {{"a-little-bit-longer-string", 26}, -1486304829},
        {{"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 48}, -58897971},
        {{"abc", 3}, 479470107},
        {{NULL, 0}, 275646681},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint32_t hash = (uint32_t)rows[i].hash;
        assert_int_equal(tide_murmur2(rows[i].key), hash);
        assert_int_equal(tide_partition_of(rows[i].key, 12), (hash & 0x7fffffff) % 12);
        assert_int_equal(tide_partition_of(rows[i].key, 1), 0);
    }
}

static void test_xxh3(void **state)
{
    (void)state;
    assert_int_equal(tide_hash64((struct tide_view){0}, 0), UINT64_C(0x2d06800538d394c2));
    assert_int_equal(tide_hash64(TIDE_VIEW("a"), 0), UINT64_C(0xe6c632b61e964e1f));
    const struct tide_u128 empty = tide_hash128((struct tide_view){0}, 0);
    assert_int_equal(empty.high, UINT64_C(0x99aa06d3014798d8));
    assert_int_equal(empty.low, UINT64_C(0x6001c324468d497f));
    const struct tide_u128 abc = tide_hash128(TIDE_VIEW("abc"), 0);
    assert_int_equal(abc.high, UINT64_C(0x06b05ab6733a6185));
    assert_int_equal(abc.low, UINT64_C(0x78af5f94892f3950));
    char text[1024]; /* XXH3 goes another way for short, middling and long ones */
    memset(text, 'x', sizeof text);
    struct tide_hash_key key;
    tide_hash_key_init(&key, 12345);
    for (size_t size = 0; size <= sizeof text; size += 5) {
        const struct tide_view view = {text, size};
        assert_true(tide_u128_equal(tide_hash128_keyed(view, &key), tide_hash128(view, 12345)));
    }
    assert_false(tide_u128_equal(abc, tide_hash128(TIDE_VIEW("abc"), 1)));
    assert_int_not_equal(tide_hash64(TIDE_VIEW("abc"), 0), tide_hash64(TIDE_VIEW("abc"), 1));
}

static void test_u128(void **state)
{
    (void)state;
    static const struct {
        struct tide_u128 a;
        struct tide_u128 b;
        struct tide_u128 sum;
    } rows[] = {
        {{0, 1}, {0, 2}, {0, 3}},
        {{0, UINT64_MAX}, {0, 1}, {1, 0}},
        {{5, UINT64_MAX}, {7, UINT64_MAX}, {13, UINT64_MAX - 1}},
        {{UINT64_MAX, UINT64_MAX}, {0, 1}, {0, 0}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(tide_u128_equal(tide_u128_add(rows[i].a, rows[i].b), rows[i].sum));
        assert_true(tide_u128_equal(tide_u128_add(rows[i].b, rows[i].a), rows[i].sum));
        assert_false(tide_u128_equal(rows[i].a, rows[i].sum));
    }
}

static uint32_t crc32c_by_definition(uint32_t crc, struct tide_view view)
{
    crc = ~crc;
    for (size_t i = 0; i < view.size; i++) {
        crc ^= (unsigned char)view.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
        }
    }
    return ~crc;
}

static void test_crc32c_vectors(void **state)
{
    (void)state;
    char bytes[4][32]; /* RFC 3720, appendix B.4 */
    memset(bytes[0], 0, sizeof(bytes[0]));
    memset(bytes[1], 0xff, sizeof(bytes[1]));
    for (int i = 0; i < 32; i++) {
        bytes[2][i] = (char)i;
        bytes[3][i] = (char)(31 - i);
    }
    const struct {
        struct tide_view view;
        uint32_t crc;
    } rows[] = {
        {{bytes[0], 32}, 0x8a9136aa},
        {{bytes[1], 32}, 0x62a8ab43},
        {{bytes[2], 32}, 0x46dd794e},
        {{bytes[3], 32}, 0x113fdb5c},
        {{"123456789", 9}, 0xe3069283},
        {{NULL, 0}, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(tide_crc32c(0, rows[i].view), rows[i].crc);
        assert_int_equal(tide_crc32c_portable(0, rows[i].view), rows[i].crc);
    }
}

/* Every size and alignment over the steps of both ways, and continued from any cut. */
static void test_crc32c_ways_agree(void **state)
{
    (void)state;
    char bytes[96];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (char)(seed >> 24);
    }
    for (size_t start = 0; start < 9; start++) {
        for (size_t size = 0; start + size <= sizeof(bytes); size++) {
            const struct tide_view view = {bytes + start, size};
            const uint32_t expected = crc32c_by_definition(0, view);
            assert_int_equal(tide_crc32c(0, view), expected);
            assert_int_equal(tide_crc32c_portable(0, view), expected);
            const struct tide_view first = tide_view_slice(view, 0, size / 3);
            const struct tide_view rest = tide_view_slice(view, size / 3, size - size / 3);
            assert_int_equal(tide_crc32c(tide_crc32c(0, first), rest), expected);
            assert_int_equal(tide_crc32c_portable(tide_crc32c(0, first), rest), expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_murmur2_as_kafka),
        cmocka_unit_test(test_xxh3),
        cmocka_unit_test(test_u128),
        cmocka_unit_test(test_crc32c_vectors),
        cmocka_unit_test(test_crc32c_ways_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
