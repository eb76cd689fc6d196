/* Goal: exact up to 4,096 values and the same HyperLogLog for good after that, whatever the order
 * and the forms of what is merged; foreign bytes do no harm.
 * Method: sets around every edge compared with sets and sketches that were filled plainly; every
 * kind merged with every kind; damage; a calloc that fails when told (the source is included). */
#include "operator/value_set.h"

#include "support/failing_allocation.h"
#include "unit/operator/partial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>

static uint64_t last_seed;

#define calloc failing_calloc
#include "operator/value_set.c" /* NOLINT(bugprone-suspicious-include) */
#undef calloc

static int print_seed(void **state)
{
    (void)state;
    print_message("# the last seed was %u\n", (unsigned)last_seed);
    return 0;
}

/* Value 0 has the hash 0. */
static struct tide_u128 hash_of(uint32_t value)
{
    char bytes[4];
    tide_store_u32(bytes, value);
    return value == 0 ? (struct tide_u128){0, 0}
                      : tide_hash128((struct tide_view){bytes, sizeof(bytes)}, 0);
}

static void add(struct tide_value_set *set, uint32_t value)
{
    assert_int_equal(tide_value_set_add(set, hash_of(value)), TIDE_OK);
}

/* The values first, first + 1, ... of a set of that kind. */
static struct tide_value_set filled(enum tide_value_set_kind kind, uint32_t first, uint32_t count)
{
    struct tide_value_set set;
    tide_value_set_init(&set, kind);
    for (uint32_t i = 0; i < count; i++) {
        add(&set, first + i);
    }
    return set;
}

static void assert_same(const struct tide_value_set *a, const struct tide_value_set *b)
{
    struct tide_bytes first = {0};
    struct tide_bytes second = {0};
    tide_value_set_encode(a, &first);
    tide_value_set_encode(b, &second);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    assert_int_equal(tide_value_set_count(a), tide_value_set_count(b));
    assert_int_equal(tide_value_set_is_exact(a), tide_value_set_is_exact(b));
    tide_bytes_release(&first);
    tide_bytes_release(&second);
}

static void test_limit(void **state)
{
    (void)state;
    struct tide_value_set set = {0};
    struct tide_hyperloglog sketch = {0};
    assert_true(tide_value_set_is_exact(&set));
    for (uint32_t value = 0; value < TIDE_VALUE_SET_LIMIT; value++) {
        assert_int_equal(tide_value_set_count(&set), value);
        add(&set, value);
        add(&set, value / 2);
        assert_true(tide_value_set_is_exact(&set));
        assert_int_equal(tide_hyperloglog_add(&sketch, hash_of(value).high), TIDE_OK);
    }
    assert_int_equal(tide_value_set_count(&set), TIDE_VALUE_SET_LIMIT);
    assert_int_equal(tide_value_set_bytes(&set), 128 * 1024);
    for (uint32_t value = TIDE_VALUE_SET_LIMIT; value < 3 * TIDE_VALUE_SET_LIMIT; value++) {
        add(&set, value);
        assert_int_equal(tide_hyperloglog_add(&sketch, hash_of(value).high), TIDE_OK);
        assert_false(tide_value_set_is_exact(&set));
        if (value % 1000 == 0) {
            assert_int_equal(tide_value_set_count(&set), tide_hyperloglog_estimate(&sketch));
        }
    }
    assert_int_equal(tide_value_set_count(&set), tide_hyperloglog_estimate(&sketch));
    assert_int_equal(tide_value_set_bytes(&set), 16 * 1024);
    tide_hyperloglog_release(&sketch);
    tide_value_set_release(&set);
    assert_int_equal(tide_value_set_bytes(&set), 0);
}

static void test_kinds(void **state)
{
    (void)state;
    struct tide_value_set unlimited = filled(TIDE_VALUE_SET_UNLIMITED, 0, 20000);
    assert_true(tide_value_set_is_exact(&unlimited));
    assert_int_equal(tide_value_set_count(&unlimited), 20000);
    struct tide_value_set approximate = filled(TIDE_VALUE_SET_APPROXIMATE, 0, 0);
    assert_false(tide_value_set_is_exact(&approximate));
    assert_int_equal(tide_value_set_count(&approximate), 0);
    add(&approximate, 7);
    add(&approximate, 7);
    assert_int_equal(tide_value_set_count(&approximate), 1);
    assert_true(tide_value_set_bytes(&approximate) < 64);
    tide_value_set_release(&unlimited);
    tide_value_set_release(&approximate);
}

static uint32_t max(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* from into into: the values that either has, estimated if the kind or a part says so. */
static void check_merge(enum tide_value_set_kind into_kind,
                        uint32_t into_count,
                        enum tide_value_set_kind from_kind,
                        uint32_t from_first,
                        uint32_t from_count)
{
    struct tide_value_set into = filled(into_kind, 0, into_count);
    struct tide_value_set from = filled(from_kind, from_first, from_count);
    const bool is_exact = tide_value_set_is_exact(&from);
    struct tide_value_set expected;
    tide_value_set_init(&expected, is_exact ? into_kind : TIDE_VALUE_SET_APPROXIMATE);
    for (uint32_t value = max(into_count, from_first + from_count); value > 0; value--) {
        if (value - 1 < into_count ||
            (value - 1 >= from_first && value - 1 < from_first + from_count)) {
            add(&expected, value - 1);
        }
    }
    assert_int_equal(tide_value_set_merge(&into, &from), TIDE_OK);
    assert_same(&into, &expected);
    add(&into, into_count / 2); /* usable, and knows what it has */
    add(&expected, into_count / 2);
    assert_same(&into, &expected);
    tide_value_set_release(&into);
    tide_value_set_release(&from);
    tide_value_set_release(&expected);
}

static void test_merge_forms(void **state)
{
    static const uint32_t counts[] = {0, 1, 2048, 4096, 4097, 9000};
    enum {
        COUNTS = sizeof(counts) / sizeof(*counts),
        KINDS = TIDE_VALUE_SET_UNLIMITED + 1
    };
    (void)state;
    for (unsigned i = 0; i < COUNTS * KINDS * COUNTS * KINDS; i++) {
        const enum tide_value_set_kind into_kind = (enum tide_value_set_kind)(i % KINDS);
        const enum tide_value_set_kind from_kind = (enum tide_value_set_kind)(i / KINDS % KINDS);
        const uint32_t into_count = counts[i / KINDS / KINDS % COUNTS];
        const uint32_t from_count = counts[i / KINDS / KINDS / COUNTS];
        check_merge(into_kind, into_count, from_kind, 0, from_count);
        check_merge(into_kind, into_count, from_kind, into_count / 2, from_count);
        check_merge(into_kind, into_count, from_kind, into_count, from_count);
    }
}

/* Random values, often the same ones, into parts in any order, merged in any order. */
static void test_order(void **state)
{
    enum {
        PARTS = 4
    };
    (void)state;
    for (uint64_t set = 0; set < 1000; set++) {
        uint64_t seed = last_seed = set;
        const uint32_t count = partial_size(&seed, 10000);
        const uint32_t different = partial_size(&seed, 10000);
        struct tide_value_set parts[PARTS] = {{0}};
        struct tide_value_set whole = {0};
        struct tide_value_set all = {0};
        static bool is_in[10001];
        memset(is_in, 0, sizeof(is_in));
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t value = partial_below(&seed, different);
            is_in[value] = true;
            add(&parts[partial_below(&seed, PARTS)], value);
        }
        uint32_t counted = 0;
        for (uint32_t value = different; value > 0; value--) {
            if (is_in[value - 1]) {
                add(&whole, value - 1);
                counted++;
            }
        }
        for (uint32_t i = 0, first = partial_below(&seed, PARTS); i < PARTS; i++) {
            struct tide_value_set *part = &parts[(first + i) % PARTS];
            assert_int_equal(tide_value_set_merge(&all, part), TIDE_OK);
            tide_value_set_release(part);
        }
        assert_same(&all, &whole);
        assert_int_equal(tide_value_set_is_exact(&all), counted <= TIDE_VALUE_SET_LIMIT);
        if (counted <= TIDE_VALUE_SET_LIMIT) {
            assert_int_equal(tide_value_set_count(&all), counted);
        }
        tide_value_set_release(&all);
        tide_value_set_release(&whole);
    }
}

static bool decode(struct tide_view encoded)
{
    struct tide_value_set set = {0};
    struct tide_error error = {{0}};
    const enum tide_status status = tide_value_set_decode(&set, encoded, &error);
    if (status == TIDE_OK) {
        struct tide_bytes again = {0};
        tide_value_set_encode(&set, &again);
        assert_true(tide_view_equal(tide_bytes_view(&again), encoded));
        tide_bytes_release(&again);
    } else {
        assert_int_equal(status, TIDE_REJECT);
        assert_true(strlen(error.text) > 0);
        assert_int_equal(tide_value_set_count(&set), 0);
        add(&set, 1);
        assert_int_equal(tide_value_set_count(&set), 1);
    }
    tide_value_set_release(&set);
    return status == TIDE_OK;
}

static void test_bytes(void **state)
{
    (void)state;
    struct tide_value_set set = {0};
    const struct tide_u128 hashes[] = {{0, 1}, {0, 0}, {1, 0}, {0, 1}};
    for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++) {
        assert_int_equal(tide_value_set_add(&set, hashes[i]), TIDE_OK);
    }
    struct tide_bytes bytes = {0};
    tide_value_set_encode(&set, &bytes);
#define ZERO "\0\0\0\0\0\0\0\0"
#define ONE "\1\0\0\0\0\0\0\0"
    const struct tide_view expected = TIDE_VIEW("V\1\0" ZERO ZERO ONE ZERO ZERO ONE);
    assert_true(tide_view_equal(tide_bytes_view(&bytes), expected));
    assert_true(decode(expected));
    assert_true(decode(TIDE_VIEW("V\1\0")));
    assert_true(decode(TIDE_VIEW("V\1\1H\1\0\1\0\0\0\1")));
    const struct tide_view wrong[] = {
        TIDE_VIEW(""),
        TIDE_VIEW("V\1"),
        TIDE_VIEW("V\2\0"),
        TIDE_VIEW("H\1\0\0\0"),
        TIDE_VIEW("V\1\2"),
        TIDE_VIEW("V\1\1"),
        TIDE_VIEW("V\1\1V\1\0"),
        TIDE_VIEW("V\1\0" ZERO),
        TIDE_VIEW("V\1\0" ZERO ZERO ZERO ZERO), /* twice */
        TIDE_VIEW("V\1\0" ZERO ONE ONE ZERO),   /* out of order */
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_false(decode(wrong[i]));
    }
    struct tide_error error = {{0}};
    struct tide_value_set other = {0};
    assert_int_equal(tide_value_set_decode(&other, TIDE_VIEW("V\1\1H\2"), &error), TIDE_REJECT);
    assert_string_equal(error.text, "value set: these bytes are not a hyperloglog");
    tide_bytes_release(&bytes);
    tide_value_set_release(&set);
}

/* Whoever decodes says how exact it shall be. */
static void test_decode_kinds(void **state)
{
    static const uint32_t counts[] = {0, 3, 4096, 5000};
    (void)state;
    for (unsigned i = 0; i < 4 * 3 * 3; i++) {
        const enum tide_value_set_kind kind = (enum tide_value_set_kind)(i % 3);
        struct tide_value_set set = filled((enum tide_value_set_kind)(i / 3 % 3), 0, counts[i / 9]);
        struct tide_value_set merged = filled(kind, 0, 0);
        struct tide_value_set decoded = filled(kind, 0, 0);
        struct tide_bytes bytes = {0};
        tide_value_set_encode(&set, &bytes);
        assert_int_equal(tide_value_set_decode(&decoded, tide_bytes_view(&bytes), NULL), TIDE_OK);
        assert_int_equal(tide_value_set_merge(&merged, &set), TIDE_OK);
        assert_same(&decoded, &merged);
        assert_int_equal(decoded.kind, kind);
        tide_bytes_release(&bytes);
        tide_value_set_release(&set);
        tide_value_set_release(&merged);
        tide_value_set_release(&decoded);
    }
}

static void test_damage(void **state)
{
    static const uint32_t counts[] = {1, 2, 40, 1000, 4096, 5000};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct tide_value_set set = filled(TIDE_VALUE_SET_LIMITED, i % 2, counts[i]);
        struct tide_bytes bytes = {0};
        tide_value_set_encode(&set, &bytes);
        assert_true(partial_damage(tide_bytes_view(&bytes), decode, i) > 0);
        tide_bytes_release(&bytes);
        tide_value_set_release(&set);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct tide_value_set set = {0};
    uint32_t failed = 0;
    for (uint32_t value = 1; value <= TIDE_VALUE_SET_LIMIT; value++) {
        allocations_left = 0;
        const enum tide_status status = tide_value_set_add(&set, hash_of(value));
        allocations_left = -1;
        if (status != TIDE_OK) {
            assert_int_equal(status, TIDE_FATAL);
            assert_int_equal(tide_value_set_count(&set), value - 1);
            add(&set, value);
            failed++;
        }
    }
    assert_int_equal(failed, 12); /* 4, 8, ..., 8192 slots */
    struct tide_bytes bytes = {0};
    tide_value_set_encode(&set, &bytes);
    struct tide_value_set other = {0};
    struct tide_error error = {{0}};
    for (int left = 0; left < 12; left++) {
        allocations_left = left;
        assert_int_equal(tide_value_set_decode(&other, tide_bytes_view(&bytes), &error),
                         TIDE_FATAL);
        assert_string_equal(error.text, "out of memory for a value set");
        assert_int_equal(tide_value_set_count(&other), 0);
    }
    allocations_left = 3;
    assert_int_equal(tide_value_set_merge(&other, &set), TIDE_FATAL);
    allocations_left = -1;
    assert_int_equal(tide_value_set_merge(&other, &set), TIDE_OK);
    assert_same(&other, &set);
    tide_bytes_release(&bytes);
    tide_value_set_release(&set);
    tide_value_set_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_merge_forms),
        cmocka_unit_test_teardown(test_order, print_seed),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_decode_kinds),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
