/* Goal: what was remembered is found with the same key and body alone, and memory is bounded by
 * count, bytes and time. Method: small capacities and a clock that the test moves, against what a
 * plain count predicts. */
#include "collect/receipts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE INT64_C(60000000)

static const struct tide_u128 hash_a = {1, 2};
static const struct tide_u128 hash_b = {1, 3};
static struct tide_clock_simulated clock;

static struct tide_receipts *make(uint32_t receipts_max, size_t bytes_max)
{
    struct tide_receipts *receipts = NULL;
    const struct tide_receipts_options options = {.receipts_max = receipts_max,
                                                  .bytes_max = bytes_max,
                                                  .keep = {10 * MINUTE},
                                                  .clock = tide_clock_simulated(&clock)};
    clock = (struct tide_clock_simulated){0};
    assert_int_equal(tide_receipts_create(&options, &receipts, NULL), TIDE_OK);
    return receipts;
}

static bool knows(struct tide_receipts *receipts,
                  const char *key,
                  struct tide_u128 hash,
                  const char *answer)
{
    struct tide_bytes body = {0};
    unsigned status = 0;
    const bool found = tide_receipts_find(receipts, tide_view_of(key), hash, &status, &body);
    if (found) {
        assert_string_equal(tide_bytes_terminated(&body), answer);
        assert_int_equal(status, 200);
    } else {
        assert_int_equal(body.size, 0);
        assert_int_equal(status, 0);
    }
    tide_bytes_release(&body);
    return found;
}

static void remember(struct tide_receipts *receipts,
                     const char *key,
                     struct tide_u128 hash,
                     const char *answer)
{
    tide_receipts_remember(receipts, tide_view_of(key), hash, 200, tide_view_of(answer));
}

static void test_find(void **state)
{
    (void)state;
    struct tide_receipts *receipts = make(10, 1000);
    assert_false(knows(receipts, "k", hash_a, ""));
    remember(receipts, "k", hash_a, "first");
    remember(receipts, "k", hash_b, "second"); /* another batch */
    remember(receipts, "k", hash_a, "third");  /* known: stays as it was */
    assert_true(knows(receipts, "k", hash_a, "first"));
    assert_true(knows(receipts, "k", hash_b, "second"));
    assert_false(knows(receipts, "kf", hash_a, ""));
    assert_false(knows(receipts, "", hash_a, ""));
    tide_receipts_destroy(receipts);
    tide_receipts_destroy(NULL);
}

static void test_status(void **state)
{
    (void)state;
    struct tide_receipts *receipts = make(10, 1000);
    struct tide_bytes body = {0};
    unsigned status = 0;
    tide_receipts_remember(receipts, TIDE_VIEW("k"), hash_a, 400, TIDE_VIEW("no"));
    assert_true(tide_receipts_find(receipts, TIDE_VIEW("k"), hash_a, &status, &body));
    assert_int_equal(status, 400);
    assert_string_equal(tide_bytes_terminated(&body), "no");
    tide_bytes_release(&body);
    tide_receipts_destroy(receipts);
}

static void test_oldest_make_room(void **state)
{
    (void)state;
    enum {
        CAPACITY = 7,
        ROUNDS = 100
    };
    struct tide_receipts *receipts = make(CAPACITY, 100000);
    char key[16];
    for (int i = 0; i < ROUNDS; i++) {
        (void)snprintf(key, sizeof(key), "key-%d", i);
        remember(receipts, key, hash_a, key);
        for (int j = 0; j <= i; j++) {
            (void)snprintf(key, sizeof(key), "key-%d", j);
            assert_int_equal(knows(receipts, key, hash_a, key), j > i - CAPACITY);
        }
    }
    tide_receipts_destroy(receipts);
}

static void test_bytes(void **state)
{
    (void)state;
    struct tide_receipts *receipts = make(100, 40);
    remember(receipts, "a", hash_a, "1234567890"); /* more than a quarter of the whole */
    assert_false(knows(receipts, "a", hash_a, ""));
    for (char c = 'a'; c < 'a' + 5; c++) {
        const char key[2] = {c, '\0'};
        remember(receipts, key, hash_a, "123456789");
    }
    assert_false(knows(receipts, "a", hash_a, ""));
    assert_true(knows(receipts, "b", hash_a, "123456789"));
    assert_true(knows(receipts, "e", hash_a, "123456789"));
    tide_receipts_destroy(receipts);
}

static void test_time(void **state)
{
    (void)state;
    struct tide_receipts *receipts = make(10, 1000);
    remember(receipts, "a", hash_a, "a");
    tide_clock_simulated_advance(&clock, (struct tide_duration){6 * MINUTE});
    remember(receipts, "b", hash_a, "b");
    tide_clock_simulated_advance(&clock, (struct tide_duration){4 * MINUTE});
    assert_true(knows(receipts, "a", hash_a, "a"));
    remember(receipts, "a", hash_a, "again"); /* known: does not make it younger */
    tide_clock_simulated_advance(&clock, (struct tide_duration){1});
    assert_false(knows(receipts, "a", hash_a, ""));
    assert_true(knows(receipts, "b", hash_a, "b"));
    remember(receipts, "a", hash_a, "anew");
    tide_clock_simulated_advance(&clock, (struct tide_duration){9 * MINUTE});
    assert_false(knows(receipts, "b", hash_a, ""));
    assert_true(knows(receipts, "a", hash_a, "anew"));
    tide_receipts_destroy(receipts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_oldest_make_room),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
