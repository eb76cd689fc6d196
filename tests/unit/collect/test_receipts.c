/* Goal: what was remembered is found with the same key and body alone, another body and a batch
 * under way are told, and memory is bounded by count, bytes and time. Method: small capacities and
 * a clock that the test moves, against what a plain count predicts. */
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

static enum tide_receipts_found find(struct tide_receipts *receipts,
                                     const char *key,
                                     struct tide_u128 hash,
                                     const char *answer)
{
    struct tide_bytes body = {0};
    unsigned status = 0;
    const enum tide_receipts_found found =
        tide_receipts_find(receipts, tide_view_of(key), hash, &status, &body);
    if (found == TIDE_RECEIPTS_SAME) {
        assert_string_equal(tide_bytes_terminated(&body), answer);
        assert_int_equal(status, 200);
    } else {
        assert_int_equal(body.size, 0);
        assert_int_equal(status, 0);
    }
    tide_bytes_release(&body);
    return found;
}

static bool knows(struct tide_receipts *receipts, const char *key, const char *answer)
{
    return find(receipts, key, hash_a, answer) == TIDE_RECEIPTS_SAME;
}

static enum tide_receipts_found begin(struct tide_receipts *receipts,
                                      const char *key,
                                      struct tide_u128 hash)
{
    struct tide_bytes body = {0};
    unsigned status = 0;
    const enum tide_receipts_found found =
        tide_receipts_begin(receipts, tide_view_of(key), hash, &status, &body);
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
    assert_int_equal(find(receipts, "k", hash_a, ""), TIDE_RECEIPTS_NONE);
    remember(receipts, "k", hash_a, "first");
    remember(receipts, "k", hash_b, "second"); /* known: stays as it was */
    remember(receipts, "k", hash_a, "third");
    assert_int_equal(find(receipts, "k", hash_a, "first"), TIDE_RECEIPTS_SAME);
    assert_int_equal(find(receipts, "k", hash_b, ""), TIDE_RECEIPTS_OTHER);
    assert_int_equal(find(receipts, "kf", hash_a, ""), TIDE_RECEIPTS_NONE);
    assert_int_equal(find(receipts, "", hash_a, ""), TIDE_RECEIPTS_NONE);
    remember(receipts, "", hash_a, "no key, no memory");
    assert_int_equal(find(receipts, "", hash_a, ""), TIDE_RECEIPTS_NONE);
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
    assert_int_equal(tide_receipts_find(receipts, TIDE_VIEW("k"), hash_a, &status, &body),
                     TIDE_RECEIPTS_SAME);
    assert_int_equal(status, 400);
    tide_bytes_release(&body);
    tide_receipts_destroy(receipts);
}

static void test_under_way(void **state)
{
    (void)state;
    struct tide_receipts *receipts = make(10, 1000);
    assert_int_equal(begin(receipts, "k", hash_a), TIDE_RECEIPTS_NONE);
    assert_int_equal(begin(receipts, "k", hash_a), TIDE_RECEIPTS_BUSY);
    assert_int_equal(begin(receipts, "k", hash_b), TIDE_RECEIPTS_OTHER);
    assert_int_equal(begin(receipts, "l", hash_a), TIDE_RECEIPTS_NONE);
    tide_receipts_forget(receipts, TIDE_VIEW("k"), hash_b); /* not that one */
    assert_int_equal(begin(receipts, "k", hash_a), TIDE_RECEIPTS_BUSY);
    tide_receipts_forget(receipts, TIDE_VIEW("k"), hash_a);
    assert_int_equal(begin(receipts, "k", hash_b), TIDE_RECEIPTS_NONE);
    remember(receipts, "k", hash_b, "done");
    assert_int_equal(find(receipts, "k", hash_b, "done"), TIDE_RECEIPTS_SAME);
    tide_receipts_forget(receipts, TIDE_VIEW("k"), hash_b); /* it is no longer under way */
    assert_int_equal(begin(receipts, "k", hash_b), TIDE_RECEIPTS_SAME);
    assert_int_equal(begin(receipts, "l", hash_a), TIDE_RECEIPTS_BUSY);
    tide_receipts_destroy(receipts); /* with one under way */
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
            assert_int_equal(knows(receipts, key, key), j > i - CAPACITY);
        }
    }
    tide_receipts_destroy(receipts);
}

/* One that was pushed out while it was under way is remembered when it is answered. */
static void test_pushed_out(void **state)
{
    (void)state;
    struct tide_receipts *receipts = make(3, 1000);
    assert_int_equal(begin(receipts, "a", hash_a), TIDE_RECEIPTS_NONE);
    for (char c = 'b'; c < 'b' + 3; c++) {
        const char key[2] = {c, '\0'};
        remember(receipts, key, hash_a, key);
    }
    assert_int_equal(find(receipts, "a", hash_a, ""), TIDE_RECEIPTS_NONE);
    remember(receipts, "a", hash_a, "answer");
    assert_true(knows(receipts, "a", "answer"));
    assert_false(knows(receipts, "b", ""));
    /* Places of those that were forgotten come back. */
    for (int i = 0; i < 100; i++) {
        assert_int_equal(begin(receipts, "x", hash_a), TIDE_RECEIPTS_NONE);
        tide_receipts_forget(receipts, TIDE_VIEW("x"), hash_a);
    }
    remember(receipts, "y", hash_a, "y");
    assert_true(knows(receipts, "y", "y"));
    tide_receipts_destroy(receipts);
}

static void test_bytes(void **state)
{
    (void)state;
    struct tide_receipts *receipts = make(100, 40);
    remember(receipts, "a", hash_a, "1234567890"); /* more than a quarter of the whole */
    assert_false(knows(receipts, "a", ""));
    for (char c = 'a'; c < 'a' + 5; c++) {
        const char key[2] = {c, '\0'};
        remember(receipts, key, hash_a, "123456789");
    }
    assert_false(knows(receipts, "a", ""));
    assert_true(knows(receipts, "b", "123456789"));
    assert_true(knows(receipts, "e", "123456789"));
    /* An answer too large for the memory ends its batch all the same. */
    assert_int_equal(begin(receipts, "f", hash_a), TIDE_RECEIPTS_NONE);
    remember(receipts, "f", hash_a, "1234567890");
    assert_int_equal(begin(receipts, "f", hash_a), TIDE_RECEIPTS_NONE);
    tide_receipts_destroy(receipts);
}

static void test_time(void **state)
{
    (void)state;
    struct tide_receipts *receipts = make(10, 1000);
    remember(receipts, "a", hash_a, "a");
    assert_int_equal(begin(receipts, "w", hash_a), TIDE_RECEIPTS_NONE);
    tide_clock_simulated_advance(&clock, (struct tide_duration){6 * MINUTE});
    remember(receipts, "b", hash_a, "b");
    tide_clock_simulated_advance(&clock, (struct tide_duration){4 * MINUTE});
    assert_true(knows(receipts, "a", "a"));
    tide_clock_simulated_advance(&clock, (struct tide_duration){1});
    assert_false(knows(receipts, "a", ""));
    assert_int_equal(begin(receipts, "w", hash_b), TIDE_RECEIPTS_NONE); /* whatever became of it */
    assert_true(knows(receipts, "b", "b"));
    /* What is answered counts from its answer. */
    remember(receipts, "w", hash_b, "w");
    tide_clock_simulated_advance(&clock, (struct tide_duration){9 * MINUTE});
    assert_false(knows(receipts, "b", ""));
    assert_int_equal(find(receipts, "w", hash_b, "w"), TIDE_RECEIPTS_SAME);
    tide_receipts_destroy(receipts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_under_way),
        cmocka_unit_test(test_oldest_make_room),
        cmocka_unit_test(test_pushed_out),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
