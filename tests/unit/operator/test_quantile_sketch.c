/* Goal: no quantile is ever off by more than 1 %; merging is union, removing undoes adding, both
 * to the byte; foreign bytes do no harm. Method: every bucket's ends; 1,000 random sets in eight
 * distributions against sorted arrays; bytes that were computed elsewhere; damage; a malloc that
 * fails when told (the source is included). */
#include "operator/quantile_sketch.h"

#include "support/failing_allocation.h"
#include "unit/operator/partial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t last_seed;

#define malloc failing_malloc
#include "operator/quantile_sketch.c" /* NOLINT(bugprone-suspicious-include) */
#undef malloc

enum {
    VALUES_MAX = 3000
};

static int print_seed(void **state)
{
    (void)state;
    print_message("# the last seed was %u\n", (unsigned)last_seed);
    return 0;
}

static void add(struct tide_quantile_sketch *sketch, int64_t value)
{
    assert_int_equal(tide_quantile_sketch_add(sketch, value), TIDE_OK);
}

static void assert_same(const struct tide_quantile_sketch *a, const struct tide_quantile_sketch *b)
{
    struct tide_bytes first = {0};
    struct tide_bytes second = {0};
    tide_quantile_sketch_encode(a, &first);
    tide_quantile_sketch_encode(b, &second);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    assert_int_equal(tide_quantile_sketch_count(a), tide_quantile_sketch_count(b));
    tide_bytes_release(&first);
    tide_bytes_release(&second);
}

/* The promise of the header, in more bits than a double has: strictly within 1 %. */
static void assert_near(double estimate, int64_t value)
{
    const long double exact = (long double)value;
    const long double error = (long double)estimate > exact ? (long double)estimate - exact
                                                            : exact - (long double)estimate;
    const long double size = exact < 0 ? -exact : exact;
    if (error * 100 >= size && error > 0) {
        fail_msg("%lld was estimated as %.17g", (long long)value, estimate);
    }
}

static void check_single(struct tide_quantile_sketch *sketch, int64_t value)
{
    double estimate = -1;
    add(sketch, value);
    assert_true(tide_quantile_sketch_quantile(sketch, 1, 2, &estimate));
    assert_near(estimate, value);
    if (value >= -50 && value <= 50) {
        assert_true(estimate == (double)value);
    }
    tide_quantile_sketch_remove(sketch, value);
    assert_false(tide_quantile_sketch_quantile(sketch, 1, 2, &estimate));
}

static void test_every_bucket(void **state)
{
    (void)state;
    struct tide_quantile_sketch sketch = {0};
    for (int64_t value = -100000; value <= 100000; value++) {
        check_single(&sketch, value);
    }
    uint32_t bucket_count = 0;
    for (uint64_t low = 1; low <= UINT64_C(1) << 63; bucket_count++) {
        const u128 high = (u128)low * 10099 / 9901;
        const uint64_t last = high < (UINT64_C(1) << 63) ? (uint64_t)high : UINT64_C(1) << 63;
        for (int64_t beside = -1; beside <= 1; beside++) {
            check_single(&sketch, (int64_t)(0 - low - (uint64_t)beside));
            check_single(&sketch, (int64_t)(0 - last - (uint64_t)beside));
            check_single(&sketch, (int64_t)(low + (uint64_t)beside));
            check_single(&sketch, (int64_t)(last + (uint64_t)beside));
        }
        /* Both ends are in one bucket, and the ends of its neighbours in others. */
        assert_int_equal(bucket_of(-(int64_t)(low - 1) - 1), -(int)bucket_count - 1);
        assert_int_equal(bucket_of(-(int64_t)(last - 1) - 1), -(int)bucket_count - 1);
        if (last <= INT64_MAX) {
            assert_int_equal(bucket_of((int64_t)low), bucket_count + 1);
            assert_int_equal(bucket_of((int64_t)last), bucket_count + 1);
        }
        low = last + 1;
    }
    assert_int_equal(bucket_count, BUCKETS);
    for (int bit = 0; bit < 64; bit++) {
        for (uint64_t beside = 0; beside < 3; beside++) {
            check_single(&sketch, (int64_t)((UINT64_C(1) << bit) - 1 + beside));
        }
    }
    tide_quantile_sketch_release(&sketch);
    assert_int_equal(tide_quantile_sketch_bytes(&sketch), 0);
}

static int64_t random_value(uint64_t *seed, uint32_t distribution)
{
    const uint64_t bits = partial_random(seed);
    const int64_t any = (int64_t)(bits >> partial_below(seed, 64)); /* magnitudes alike */
    switch (distribution) {
    case 0:
        return (int64_t)(bits % 100) - 50;
    case 1:
        return (int64_t)(bits % 1000000) * 1000000; /* a decimal column */
    case 2:
        return partial_below(seed, 2) == 0 ? any : -any;
    case 3:
        return 1234567;
    case 4:
        return bits % 4 == 0 ? INT64_MIN : bits % 4 == 1 ? INT64_MAX : bits % 4 == 2 ? 0 : -1;
    case 5:
        return (int64_t)bits; /* huge, both signs */
    case 6:
        return bits % 10 == 0 ? any : 0; /* mostly zero */
    default:
        return -(int64_t)(bits % 3000) * (int64_t)(bits % 3000);
    }
}

static int compare(const void *a, const void *b)
{
    const int64_t first = *(const int64_t *)a;
    const int64_t second = *(const int64_t *)b;
    return first < second ? -1 : first > second;
}

static void check_quantiles(const struct tide_quantile_sketch *sketch,
                            const int64_t *values,
                            uint32_t count)
{
    static const uint64_t thousandths[] = {0, 1, 250, 500, 900, 950, 990, 999, 1000};
    static int64_t sorted[VALUES_MAX];
    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), compare);
    for (size_t i = 0; i < sizeof(thousandths) / sizeof(*thousandths); i++) {
        const uint64_t ceiling = (thousandths[i] * count + 999) / 1000;
        double estimate = 0;
        assert_true(tide_quantile_sketch_quantile(sketch, thousandths[i], 1000, &estimate));
        assert_near(estimate, sorted[ceiling == 0 ? 0 : ceiling - 1]);
    }
}

/* The values in a random order, some of them from sketches of their own. */
static void check_merges(const struct tide_quantile_sketch *whole,
                         const int64_t *values,
                         uint32_t count,
                         uint64_t *seed)
{
    enum {
        SKETCHES = 4
    };
    struct tide_quantile_sketch parts[SKETCHES] = {{0}};
    for (uint32_t i = count; i > 0; i--) {
        add(&parts[partial_below(seed, 2) == 0 ? 0 : partial_below(seed, SKETCHES)], values[i - 1]);
    }
    struct tide_quantile_sketch all = {0};
    for (uint32_t i = 0, first = partial_below(seed, SKETCHES); i < SKETCHES; i++) {
        assert_int_equal(tide_quantile_sketch_merge(&all, &parts[(first + i) % SKETCHES]), TIDE_OK);
    }
    assert_same(&all, whole);
    for (uint32_t i = 0; i < SKETCHES; i++) {
        tide_quantile_sketch_release(&parts[i]);
    }
    tide_quantile_sketch_release(&all);
}

/* With other values added between, and removed in another order. */
static void check_removal(const struct tide_quantile_sketch *whole,
                          const int64_t *values,
                          uint32_t count,
                          uint64_t *seed)
{
    enum {
        OTHERS = 500
    };
    static int64_t others[OTHERS];
    struct tide_quantile_sketch sketch = {0};
    for (uint32_t i = 0; i < OTHERS; i++) {
        others[i] = random_value(seed, partial_below(seed, 8));
        add(&sketch, others[i]);
        if (i == OTHERS / 2) {
            for (uint32_t k = 0; k < count; k++) {
                add(&sketch, values[k]);
            }
        }
    }
    assert_int_equal(tide_quantile_sketch_count(&sketch), OTHERS + count);
    for (uint32_t i = 0; i < OTHERS; i++) {
        tide_quantile_sketch_remove(&sketch, others[(i * 7 + 3) % OTHERS]);
    }
    assert_same(&sketch, whole);
    for (uint32_t i = 0; i < count; i++) {
        tide_quantile_sketch_remove(&sketch, values[i]);
    }
    assert_same(&sketch, &(struct tide_quantile_sketch){0});
    tide_quantile_sketch_release(&sketch);
}

static void test_random_sets(void **state)
{
    (void)state;
    static int64_t values[VALUES_MAX];
    for (uint64_t set = 0; set < 1000; set++) {
        uint64_t seed = last_seed = set;
        const uint32_t count = partial_size(&seed, VALUES_MAX);
        const uint32_t distribution = (uint32_t)set % 9; /* 8: all of them mixed */
        struct tide_quantile_sketch sketch = {0};
        for (uint32_t i = 0; i < count; i++) {
            values[i] =
                random_value(&seed, distribution < 8 ? distribution : partial_below(&seed, 8));
            add(&sketch, values[i]);
        }
        assert_int_equal(tide_quantile_sketch_count(&sketch), count);
        check_quantiles(&sketch, values, count);
        check_merges(&sketch, values, count, &seed);
        check_removal(&sketch, values, count, &seed);
        tide_quantile_sketch_release(&sketch);
    }
}

static bool decode(struct tide_view encoded)
{
    struct tide_quantile_sketch sketch = {0};
    struct tide_error error = {{0}};
    const enum tide_status status = tide_quantile_sketch_decode(&sketch, encoded, &error);
    if (status != TIDE_OK) {
        assert_int_equal(status, TIDE_REJECT);
        assert_true(strlen(error.text) > 0);
        assert_int_equal(tide_quantile_sketch_count(&sketch), 0);
        assert_int_equal(tide_quantile_sketch_decode(&sketch, TIDE_VIEW("Q\1\0\0"), NULL), TIDE_OK);
        tide_quantile_sketch_release(&sketch);
        return false;
    }
    struct tide_bytes again = {0};
    tide_quantile_sketch_encode(&sketch, &again);
    assert_true(tide_view_equal(tide_bytes_view(&again), encoded));
    double estimate = 0;
    const bool is_there = tide_quantile_sketch_quantile(&sketch, 9, 10, &estimate);
    assert_int_equal(is_there, tide_quantile_sketch_count(&sketch) > 0);
    tide_bytes_release(&again);
    tide_quantile_sketch_release(&sketch);
    return true;
}

/* Buckets were computed with Python's integers. */
static void test_bytes(void **state)
{
    (void)state;
    static const int64_t values[] = {INT64_MAX, 0, -50, 50, 51, 52, 53, 1000000, INT64_MIN, 52};
    static const char expected[] = "Q\1\x8\0"
                                   "\x0c\xf8\1\0\0\0\0\0\0\0" /* -2036 */
                                   "\xce\xff\1\0\0\0\0\0\0\0" /* -50 */
                                   "\0\0\1\0\0\0\0\0\0\0"
                                   "\x32\0\1\0\0\0\0\0\0\0" /* 50 */
                                   "\x33\0\3\0\0\0\0\0\0\0" /* 51: 51 and 52 */
                                   "\x34\0\1\0\0\0\0\0\0\0" /* 52: 53 and 54 */
                                   "\x11\2\1\0\0\0\0\0\0\0" /* 529: 10^6 */
                                   "\xf4\7\1\0\0\0\0\0\0";  /* 2036; the last 0 ends the text */
    struct tide_quantile_sketch sketch = {0};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        add(&sketch, values[i]);
    }
    struct tide_bytes bytes = {0};
    tide_quantile_sketch_encode(&sketch, &bytes);
    assert_true(
        tide_view_equal(tide_bytes_view(&bytes), (struct tide_view){expected, sizeof(expected)}));
    assert_true(decode(tide_bytes_view(&bytes)));
    tide_bytes_release(&bytes);
    tide_quantile_sketch_release(&sketch);
}

static void test_rejected(void **state)
{
    (void)state;
    const struct tide_view wrong[] = {
        TIDE_VIEW(""),
        TIDE_VIEW("Q\1\0"),
        TIDE_VIEW("Q\2\0\0"),
        TIDE_VIEW("H\1\0\0"),
        TIDE_VIEW("Q\1\0\0\0"),
        TIDE_VIEW("Q\1\1\0"),
        TIDE_VIEW("Q\1\1\0\0\0\0\0\0\0\0\0\0\0"),                     /* counts nothing */
        TIDE_VIEW("Q\1\1\0\0\0\0\0\0\0\0\0\0\x80"),                   /* counts too much */
        TIDE_VIEW("Q\1\1\0\xf5\7\1\0\0\0\0\0\0\0"),                   /* bucket 2037 */
        TIDE_VIEW("Q\1\1\0\x0b\xf8\1\0\0\0\0\0\0\0"),                 /* bucket -2037 */
        TIDE_VIEW("Q\1\2\0\1\0\1\0\0\0\0\0\0\0\1\0\1\0\0\0\0\0\0\0"), /* twice */
        TIDE_VIEW("Q\1\2\0\1\0\1\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"), /* out of order */
        TIDE_VIEW("Q\1\2\0\1\0\1\0\0\0\0\0\0\0\2\0\xff\xff\xff\xff\xff\xff\xff\x7f"), /* together */
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_false(decode(wrong[i]));
    }
    assert_true(decode(TIDE_VIEW("Q\1\1\0\xf4\7\xff\xff\xff\xff\xff\xff\xff\x7f")));
}

static void test_damage(void **state)
{
    (void)state;
    for (uint64_t set = 0; set < 30; set++) {
        uint64_t seed = set;
        struct tide_quantile_sketch sketch = {0};
        for (uint32_t i = partial_size(&seed, VALUES_MAX); i > 1; i--) {
            add(&sketch, random_value(&seed, (uint32_t)set % 8));
        }
        struct tide_bytes bytes = {0};
        tide_quantile_sketch_encode(&sketch, &bytes);
        assert_true(partial_damage(tide_bytes_view(&bytes), decode, set) > 0);
        tide_bytes_release(&bytes);
        tide_quantile_sketch_release(&sketch);
    }
}

static void test_full(void **state)
{
    (void)state;
    struct tide_quantile_sketch full = {0};
    const struct tide_view encoded = TIDE_VIEW("Q\1\1\0\1\0\xfe\xff\xff\xff\xff\xff\xff\x7f");
    assert_int_equal(tide_quantile_sketch_decode(&full, encoded, NULL), TIDE_OK);
    struct tide_quantile_sketch one = {0};
    add(&one, 2);
    assert_int_equal(tide_quantile_sketch_merge(&full, &one), TIDE_OK);
    assert_int_equal(tide_quantile_sketch_count(&full), INT64_MAX);
    assert_int_equal(tide_quantile_sketch_merge(&full, &one), TIDE_REJECT);
    assert_int_equal(tide_quantile_sketch_merge(&one, &full), TIDE_REJECT);
    assert_int_equal(tide_quantile_sketch_count(&full), INT64_MAX);
    assert_int_equal(tide_quantile_sketch_count(&one), 1);
    double estimate = 0;
    assert_true(tide_quantile_sketch_quantile(&full, UINT64_MAX, UINT64_MAX, &estimate));
    assert_true(estimate == 2);
    assert_true(tide_quantile_sketch_quantile(&full, INT64_MAX - 1, INT64_MAX, &estimate));
    assert_true(estimate == 1);
    tide_quantile_sketch_release(&full);
    tide_quantile_sketch_release(&one);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct tide_quantile_sketch sketch = {0};
    struct tide_quantile_sketch other = {0};
    struct tide_error error = {{0}};
    add(&other, 9);
    allocations_left = 0;
    assert_int_equal(tide_quantile_sketch_add(&sketch, 1), TIDE_FATAL);
    assert_int_equal(tide_quantile_sketch_merge(&sketch, &other), TIDE_FATAL);
    const struct tide_view encoded = TIDE_VIEW("Q\1\1\0\1\0\1\0\0\0\0\0\0\0");
    assert_int_equal(tide_quantile_sketch_decode(&sketch, encoded, &error), TIDE_FATAL);
    assert_string_equal(error.text, "out of memory for a quantile sketch");
    assert_int_equal(tide_quantile_sketch_count(&sketch), 0);
    allocations_left = 1;
    for (int64_t value = 1; value <= 4; value++) {
        add(&sketch, value);
    }
    assert_int_equal(tide_quantile_sketch_add(&sketch, 5), TIDE_FATAL);
    assert_int_equal(tide_quantile_sketch_merge(&sketch, &other), TIDE_FATAL);
    add(&sketch, 4);
    allocations_left = -1;
    assert_int_equal(tide_quantile_sketch_count(&sketch), 5);
    assert_int_equal(tide_quantile_sketch_merge(&sketch, &other), TIDE_OK);
    assert_int_equal(tide_quantile_sketch_count(&sketch), 6);
    tide_quantile_sketch_release(&sketch);
    tide_quantile_sketch_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bucket),
        cmocka_unit_test_teardown(test_random_sets, print_seed),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
