/* Goal: the error is what theory says, the registers are a function of the set of hashes,
 * however it was added and merged, and foreign bytes do no harm. Method: 1,000 sets of 10 to
 * 200,000 hashes; bytes compared with those of a plain model; every combination of forms merged;
 * damage; allocations that fail when told (the source is included). */
#include "operator/hyperloglog.h"

#include "base/hash.h"
#include "support/failing_allocation.h"
#include "unit/operator/partial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

static uint64_t last_seed;

#define malloc failing_malloc
#define calloc failing_calloc
#define realloc failing_realloc
#include "operator/hyperloglog.c" /* NOLINT(bugprone-suspicious-include) */
#undef malloc
#undef calloc
#undef realloc

static int print_seed(void **state)
{
    (void)state;
    print_message("# the last seed was %u\n", (unsigned)last_seed);
    return 0;
}

static void add(struct tide_hyperloglog *sketch, uint64_t hash)
{
    assert_int_equal(tide_hyperloglog_add(sketch, hash), TIDE_OK);
}

static uint64_t hash_of(uint64_t value, uint64_t seed)
{
    char bytes[8];
    tide_store_u64(bytes, value);
    return tide_hash64((struct tide_view){bytes, sizeof(bytes)}, seed);
}

static void assert_encodes(const struct tide_hyperloglog *sketch, const struct tide_bytes *expected)
{
    struct tide_bytes bytes = {0};
    tide_hyperloglog_encode(sketch, &bytes);
    assert_int_equal(bytes.size, expected->size);
    assert_memory_equal(bytes.data, expected->data, bytes.size);
    tide_bytes_release(&bytes);
}

/* Of one size after the other, percent: root mean square, mean absolute and mean error. The
 * first has an uncertainty of 0.81 / sqrt(2 * 250) = 0.04, the last one of 0.81 / sqrt(250) =
 * 0.05. */
static void test_error(void **state)
{
    enum {
        SETS = TIDE_TEST_SANITIZED ? 60 : 250
    };
    (void)state;
    static const uint32_t least[] = {10, 100, 2000, 20000};
    double all_absolute = 0;
    for (uint64_t set = 0, range = 0; range < 4; range++) {
        double squares = 0;
        double absolute = 0;
        double sum = 0;
        for (uint64_t end = set + SETS; set < end; set++) {
            uint64_t seed = last_seed = set;
            const uint32_t count = least[range] + partial_below(&seed, least[range] * 9 + 1);
            struct tide_hyperloglog sketch = {0};
            for (uint32_t i = 0; i < count; i++) {
                add(&sketch, hash_of(i, set));
            }
            const double error = 100.0 * (double)tide_hyperloglog_estimate(&sketch) / count - 100;
            squares += error * error / SETS;
            absolute += fabs(error) / SETS;
            sum += error / SETS;
            tide_hyperloglog_release(&sketch);
        }
        print_message("# from %u: root mean square %.3f %%, mean absolute %.3f %%, mean %+.3f %%\n",
                      (unsigned)least[range],
                      sqrt(squares),
                      absolute,
                      sum);
        assert_true(sqrt(squares) < 0.9);
        assert_true(fabs(sum) < 0.2);
        all_absolute += absolute / 4;
    }
    assert_true(all_absolute < 0.9);
    assert_true(all_absolute > 0.2); /* else this measures nothing */
}

/* What docs/formats/partials.md says, with one bit looked at after the other. */
static void model_add(unsigned char *registers, uint64_t hash)
{
    unsigned rank = 1;
    while (rank <= 50 && (hash >> (50 - rank) & 1) == 0) {
        rank++;
    }
    unsigned char *at = &registers[hash >> 50];
    *at = *at < rank ? (unsigned char)rank : *at;
}

static void model_encode(const unsigned char *registers, struct tide_bytes *bytes)
{
    uint16_t used = 0;
    for (uint32_t i = 0; i < 16384; i++) {
        used = (uint16_t)(used + (registers[i] > 0));
    }
    tide_bytes_append_view(bytes, TIDE_VIEW("H\1"));
    if (used > 2048) {
        tide_bytes_append_byte(bytes, 1);
        tide_bytes_append(bytes, registers, 16384);
        return;
    }
    tide_bytes_append_byte(bytes, 0);
    tide_bytes_append_u16(bytes, used);
    for (uint16_t i = 0; i < 16384; i++) {
        if (registers[i] > 0) {
            tide_bytes_append_u16(bytes, i);
            tide_bytes_append_byte(bytes, (char)registers[i]);
        }
    }
}

/* Hashes in any order, some twice, into parts of any size, merged in any order: sparse with sparse,
 * sparse with dense, both ways, crossing the bound in the middle. */
static void check_set(uint64_t set)
{
    enum {
        PARTS = 3
    };
    uint64_t seed = last_seed = set;
    static const uint32_t sizes[] = {1, 30, 1500, 2100, 2400, 5000, 30000};
    const uint32_t count = 1 + partial_below(&seed, sizes[set % 7]);
    static unsigned char registers[16384];
    memset(registers, 0, sizeof(registers));
    struct tide_hyperloglog parts[PARTS] = {{0}};
    struct tide_hyperloglog whole = {0};
    const uint32_t favoured = partial_below(&seed, 100);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = partial_random(&seed);
        hash = i % 50 == 0 ? hash >> 14 << 14 >> partial_below(&seed, 60) : hash; /* high ranks */
        model_add(registers, hash);
        add(&whole, hash);
        const uint32_t first =
            partial_below(&seed, 100) < favoured ? 0 : partial_below(&seed, PARTS);
        add(&parts[first], hash);
        if (i % 3 == 0) {
            add(&parts[partial_below(&seed, PARTS)], hash);
            add(&whole, hash);
        }
    }
    struct tide_bytes expected = {0};
    model_encode(registers, &expected);
    assert_encodes(&whole, &expected);

    const uint32_t first = partial_below(&seed, PARTS);
    for (uint32_t i = 1; i < PARTS; i++) {
        struct tide_hyperloglog *other = &parts[(first + i) % PARTS];
        assert_int_equal(tide_hyperloglog_merge(&parts[first], other), TIDE_OK);
    }
    assert_encodes(&parts[first], &expected);
    assert_int_equal(tide_hyperloglog_estimate(&parts[first]), tide_hyperloglog_estimate(&whole));
    assert_int_equal(tide_hyperloglog_merge(&whole, &parts[first]), TIDE_OK); /* once more: same */
    assert_encodes(&whole, &expected);
    for (uint32_t i = 0; i < PARTS; i++) {
        tide_hyperloglog_release(&parts[i]);
    }
    tide_hyperloglog_release(&whole);
    assert_int_equal(tide_hyperloglog_bytes(&whole), 0);
    tide_bytes_release(&expected);
}

static void test_model_and_merge(void **state)
{
    (void)state;
    for (uint64_t set = 0; set < 1000; set++) {
        check_set(set);
    }
}

static bool decode(struct tide_view encoded)
{
    struct tide_hyperloglog sketch = {0};
    struct tide_error error = {{0}};
    const enum tide_status status = tide_hyperloglog_decode(&sketch, encoded, &error);
    const bool is_accepted = status == TIDE_OK;
    if (is_accepted) {
        const struct tide_bytes expected = {.data = (char *)(uintptr_t)encoded.data,
                                            .size = encoded.size};
        assert_encodes(&sketch, &expected);
        (void)tide_hyperloglog_estimate(&sketch);
    } else {
        assert_int_equal(status, TIDE_REJECT);
        assert_true(strlen(error.text) > 0);
        assert_int_equal(tide_hyperloglog_estimate(&sketch), 0);
        assert_int_equal(tide_hyperloglog_decode(&sketch, TIDE_VIEW("H\1\0\0\0"), NULL), TIDE_OK);
    }
    tide_hyperloglog_release(&sketch);
    return is_accepted;
}

static void test_bytes(void **state)
{
    (void)state;
    struct tide_hyperloglog sketch = {0};
    assert_int_equal(tide_hyperloglog_estimate(&sketch), 0);
    add(&sketch, UINT64_MAX);
    add(&sketch, 0);
    add(&sketch, UINT64_C(1) << 48);
    struct tide_bytes bytes = {0};
    tide_hyperloglog_encode(&sketch, &bytes);
    const struct tide_view expected = TIDE_VIEW("H\1\0\2\0\0\0\x33\xff\x3f\1");
    assert_true(tide_view_equal(tide_bytes_view(&bytes), expected));
    assert_true(decode(expected));
    tide_bytes_release(&bytes);
    tide_hyperloglog_release(&sketch);
    const struct tide_view wrong[] = {
        TIDE_VIEW(""),
        TIDE_VIEW("H\1"),
        TIDE_VIEW("H\2\0\0\0"),
        TIDE_VIEW("Q\1\0\0\0"),
        TIDE_VIEW("H\1\2\0\0"),
        TIDE_VIEW("H\1\0\0"),
        TIDE_VIEW("H\1\0\1\0\0\0"),
        TIDE_VIEW("H\1\0\1\0\0\0\0"),       /* rank 0 */
        TIDE_VIEW("H\1\0\1\0\0\0\x34"),     /* rank 52 */
        TIDE_VIEW("H\1\0\1\0\0\x40\1"),     /* register 16,384 */
        TIDE_VIEW("H\1\0\2\0\1\0\1\1\0\2"), /* twice */
        TIDE_VIEW("H\1\0\2\0\1\0\1\0\0\1"), /* out of order */
        TIDE_VIEW("H\1\0\0\0\0"),
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_false(decode(wrong[i]));
    }
}

/* Registers that no set of values would give must not break the estimate. */
static void test_extremes(void **state)
{
    (void)state;
    static char dense[3 + 16384] = "H\1\1";
    assert_false(decode((struct tide_view){dense, sizeof(dense)}));
    memset(dense + 3, 1, 2048);
    assert_false(decode((struct tide_view){dense, sizeof(dense)})); /* would be sparse */
    dense[3 + 2048] = 1;
    assert_true(decode((struct tide_view){dense, sizeof(dense)}));
    assert_false(decode((struct tide_view){dense, sizeof(dense) - 1}));
    memset(dense + 3, 51, 16384);
    struct tide_hyperloglog sketch = {0};
    const struct tide_view encoded = {dense, sizeof(dense)};
    assert_int_equal(tide_hyperloglog_decode(&sketch, encoded, NULL), TIDE_OK);
    assert_true(tide_hyperloglog_estimate(&sketch) == UINT64_MAX);
    tide_hyperloglog_release(&sketch);
    dense[7] = 50;
    assert_int_equal(tide_hyperloglog_decode(&sketch, encoded, NULL), TIDE_OK);
    assert_true(tide_hyperloglog_estimate(&sketch) > UINT64_C(1) << 62);
    tide_hyperloglog_release(&sketch);
    dense[7] = 52;
    assert_false(decode(encoded));
}

/* Numbers of registers by rank, and the estimate by decimals of 60 digits, computed elsewhere. */
static void test_estimator(void **state)
{
    static const struct {
        struct {
            uint32_t count;
            uint8_t rank;
        } registers[5];
        double estimate;
    } rows[] = {
        {{{1, 0}, {16383, 1}}, 23636},
        {{{8000, 0}, {8384, 1}}, 10655},
        {{{5000, 0}, {5000, 1}, {3000, 2}, {2000, 3}, {1384, 30}}, 18772},
        {{{100, 3}, {16000, 12}, {284, 51}}, 11802530},
        {{{14384, 50}, {2000, 51}}, 14497323660331907433.0}, /* nearly full */
        {{{10000, 48}, {3384, 50}, {3000, 51}}, 4915212061843890651.0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        static char dense[3 + 16384] = "H\1\1";
        size_t at = 3;
        for (size_t k = 0; k < 5; k++) {
            memset(dense + at, rows[i].registers[k].rank, rows[i].registers[k].count);
            at += rows[i].registers[k].count;
        }
        assert_int_equal(at, sizeof(dense));
        struct tide_hyperloglog sketch = {0};
        const struct tide_view encoded = {dense, sizeof(dense)};
        assert_int_equal(tide_hyperloglog_decode(&sketch, encoded, NULL), TIDE_OK);
        const double estimate = (double)tide_hyperloglog_estimate(&sketch);
        assert_true(fabs(estimate / rows[i].estimate - 1) < 1e-12);
        tide_hyperloglog_release(&sketch);
    }
}

/* Sparse with sparse, together just below the bound, at it, and just above. */
static void test_bound(void **state)
{
    (void)state;
    for (uint32_t count = 2047; count <= 2049; count++) {
        struct tide_hyperloglog parts[2] = {{0}};
        struct tide_hyperloglog whole = {0};
        for (uint64_t i = 0; i < count; i++) {
            add(&parts[i % 2], i << 50);
            add(&whole, i << 50);
        }
        assert_int_equal(tide_hyperloglog_merge(&parts[0], &parts[1]), TIDE_OK);
        assert_int_equal(whole.registers != NULL, count > TIDE_HYPERLOGLOG_SPARSE_MAX);
        struct tide_bytes bytes = {0};
        tide_hyperloglog_encode(&whole, &bytes);
        assert_encodes(&parts[0], &bytes);
        assert_true(decode(tide_bytes_view(&bytes)));
        tide_bytes_release(&bytes);
        tide_hyperloglog_release(&parts[0]);
        tide_hyperloglog_release(&parts[1]);
        tide_hyperloglog_release(&whole);
    }
}

static void test_damage(void **state)
{
    static const uint32_t counts[] = {1, 40, 1000, 2000, 20000};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct tide_hyperloglog sketch = {0};
        struct tide_bytes bytes = {0};
        for (uint32_t k = 0; k < counts[i]; k++) {
            add(&sketch, hash_of(k, i));
        }
        tide_hyperloglog_encode(&sketch, &bytes);
        assert_true(partial_damage(tide_bytes_view(&bytes), decode, i) > 0);
        tide_bytes_release(&bytes);
        tide_hyperloglog_release(&sketch);
    }
}

/* Whatever fails, what was there stays, and it goes on when there is memory again. */
static void test_out_of_memory(void **state)
{
    (void)state;
    struct tide_hyperloglog sketch = {0};
    struct tide_hyperloglog whole = {0};
    struct tide_hyperloglog other = {0};
    uint32_t failed = 0;
    for (uint32_t i = 0; i < 3000; i++) {
        add(&whole, hash_of(i, 0));
        allocations_left = 0;
        const enum tide_status status = tide_hyperloglog_add(&sketch, hash_of(i, 0));
        allocations_left = -1;
        if (status != TIDE_OK) {
            assert_int_equal(status, TIDE_FATAL);
            add(&sketch, hash_of(i, 0));
            failed++;
        }
        if (i >= 1500) {
            add(&other, hash_of(i, 1));
        }
    }
    assert_int_equal(failed, 11); /* 4, 8, ..., 2048, dense */
    struct tide_bytes bytes = {0};
    tide_hyperloglog_encode(&whole, &bytes);
    assert_encodes(&sketch, &bytes);

    allocations_left = 0;
    struct tide_hyperloglog empty = {0};
    struct tide_error error = {{0}};
    assert_int_equal(tide_hyperloglog_merge(&empty, &other), TIDE_FATAL);
    assert_int_equal(tide_hyperloglog_merge(&empty, &whole), TIDE_FATAL);
    assert_int_equal(tide_hyperloglog_merge(&other, &whole), TIDE_FATAL);
    assert_int_equal(tide_hyperloglog_decode(&empty, tide_bytes_view(&bytes), &error), TIDE_FATAL);
    assert_string_equal(error.text, "out of memory for a hyperloglog");
    tide_bytes_reset(&bytes);
    allocations_left = -1;
    tide_hyperloglog_encode(&other, &bytes);
    allocations_left = 0;
    assert_int_equal(tide_hyperloglog_decode(&empty, tide_bytes_view(&bytes), NULL), TIDE_FATAL);
    assert_int_equal(tide_hyperloglog_estimate(&empty), 0);
    allocations_left = -1;
    assert_int_equal(tide_hyperloglog_merge(&empty, &other), TIDE_OK);
    assert_encodes(&empty, &bytes);
    tide_bytes_release(&bytes);
    tide_hyperloglog_release(&empty);
    tide_hyperloglog_release(&sketch);
    tide_hyperloglog_release(&whole);
    tide_hyperloglog_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_error, print_seed),
        cmocka_unit_test_teardown(test_model_and_merge, print_seed),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_estimator),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
