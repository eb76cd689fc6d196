/* Goal: what bodies hold is booked to the byte and given back, compressed or not; caps are 413, an
 * empty budget is 503, and a refused body is as it was. Method: small budgets; bodies of our own
 * encoder; threads that share one budget. */
#include "http/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "http/compress.h"

enum {
    BUDGET = 1 << 20,
    THREADS = 4,
    ROUNDS = 200
};

static struct tide_body_budget *budget;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(tide_body_budget_create(BUDGET, 2, &budget, NULL), TIDE_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(tide_body_budget_fits(budget, BUDGET)); /* all was given back */
    tide_body_budget_destroy(budget);
    tide_body_budget_destroy(NULL);
    return 0;
}

static void test_take(void **state)
{
    (void)state;
    struct tide_body body = {0};
    const char *why = NULL;
    assert_int_equal(tide_body_take(budget, &body, TIDE_VIEW("abc"), 6, &why), 0);
    assert_int_equal(tide_body_take(budget, &body, TIDE_VIEW("def"), 6, &why), 0);
    assert_int_equal(tide_body_take(budget, &body, TIDE_VIEW("g"), 6, &why), 413);
    assert_string_equal(why, "the body is too large");
    assert_true(tide_view_equal(tide_bytes_view(&body.bytes), TIDE_VIEW("abcdef")));
    assert_int_equal(body.held, 6);
    assert_false(tide_body_budget_fits(budget, BUDGET - 5));
    assert_true(tide_body_budget_fits(budget, BUDGET - 6));
    assert_false(tide_body_budget_fits(budget, UINT64_MAX));
    tide_body_release(budget, &body);
    assert_int_equal(body.held, 0);
    assert_int_equal(body.bytes.size, 0);
}

static void test_budget(void **state)
{
    (void)state;
    struct tide_body bodies[2] = {0};
    const char *why = NULL;
    char *text = calloc(1, BUDGET);
    assert_non_null(text);
    assert_int_equal(
        tide_body_take(budget, &bodies[0], (struct tide_view){text, BUDGET - 1}, BUDGET, &why), 0);
    assert_int_equal(tide_body_take(budget, &bodies[1], TIDE_VIEW("ab"), BUDGET, &why), 503);
    assert_string_equal(why, "too many bodies are under way");
    assert_int_equal(tide_body_take(budget, &bodies[1], TIDE_VIEW("a"), BUDGET, &why), 0);
    tide_body_release(budget, &bodies[0]);
    assert_int_equal(tide_body_take(budget, &bodies[1], TIDE_VIEW("b"), BUDGET, &why), 0);
    tide_body_release(budget, &bodies[1]);
    free(text);
}

static const enum tide_coding codings[] = {TIDE_CODING_GZIP, TIDE_CODING_DEFLATE, TIDE_CODING_ZSTD};

/* Noise, so that no ratio stands in the way. */
static void fill(char *text, size_t size)
{
    uint32_t noise = 3;
    for (size_t i = 0; i < size; i++) {
        noise = noise * 1664525 + 1013904223;
        text[i] = "abcdefgh"[noise >> 29];
    }
}

static void take_packed(struct tide_body *body, enum tide_coding coding, struct tide_view plain)
{
    struct tide_bytes packed = {0};
    const char *why = NULL;
    assert_int_equal(tide_compress(coding, plain, &packed, NULL), TIDE_OK);
    assert_int_equal(tide_body_take(budget, body, tide_bytes_view(&packed), BUDGET, &why), 0);
    tide_bytes_release(&packed);
}

static void test_inflate(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 65536, 300000};
    char *text = malloc(300000);
    assert_non_null(text);
    fill(text, 300000);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t c = 0; c < 3; c++) {
            const struct tide_view plain = {text, sizes[i]};
            struct tide_body body = {0};
            const char *why = NULL;
            take_packed(&body, codings[c], plain);
            assert_int_equal(tide_body_inflate(budget, &body, codings[c], sizes[i], &why), 0);
            assert_true(tide_view_equal(tide_bytes_view(&body.bytes), plain));
            assert_int_equal(body.held, sizes[i]);
            assert_true(body.bytes.capacity <= sizes[i] || sizes[i] < 4096);
            tide_body_release(budget, &body);
        }
    }
    free(text);
}

static void test_inflate_caps(void **state)
{
    (void)state;
    char *text = malloc(300000);
    assert_non_null(text);
    fill(text, 300000);
    for (size_t c = 0; c < 3; c++) {
        struct tide_body body = {0};
        struct tide_body other = {0};
        const char *why = NULL;
        take_packed(&body, codings[c], (struct tide_view){text, 300000});
        const size_t held = body.held;
        assert_int_equal(tide_body_inflate(budget, &body, codings[c], 299999, &why), 413);
        assert_int_equal(body.held, held);
        /* The budget has room for less than the plain text; afterwards all of that is back. */
        char *rest = calloc(1, BUDGET);
        assert_non_null(rest);
        assert_int_equal(
            tide_body_take(
                budget, &other, (struct tide_view){rest, BUDGET - held - 250000}, BUDGET, &why),
            0);
        assert_int_equal(tide_body_inflate(budget, &body, codings[c], BUDGET, &why), 503);
        assert_string_equal(why, "too many bodies are under way");
        assert_int_equal(body.held, held);
        assert_true(tide_body_budget_fits(budget, 250000));
        assert_false(tide_body_budget_fits(budget, 250001));
        tide_body_release(budget, &other);
        assert_int_equal(tide_body_inflate(budget, &body, codings[c], BUDGET, &why), 0);
        tide_body_release(budget, &body);
        free(rest);
    }
    free(text);
}

static void test_inflate_broken(void **state)
{
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct tide_body body = {0};
        const char *why = NULL;
        assert_int_equal(tide_body_inflate(budget, &body, codings[c], 100, &why), 400);
        assert_string_equal(why, "the compressed body is cut off");
        assert_int_equal(tide_body_take(budget, &body, TIDE_VIEW("{\"a\":1}"), 100, &why), 0);
        assert_int_equal(tide_body_inflate(budget, &body, codings[c], 100, &why), 400);
        assert_true(tide_view_equal(tide_bytes_view(&body.bytes), TIDE_VIEW("{\"a\":1}")));
        tide_body_release(budget, &body);
    }
}

static void *run_thread(void *context)
{
    const size_t size = 1000 + 7000 * *(const size_t *)context;
    char *text = malloc(size);
    assert_non_null(text);
    fill(text, size);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct tide_body body = {0};
        const char *why = NULL;
        take_packed(&body, codings[i % 3], (struct tide_view){text, size});
        assert_int_equal(tide_body_inflate(budget, &body, codings[i % 3], size, &why), 0);
        assert_memory_equal(body.bytes.data, text, size);
        tide_body_release(budget, &body);
    }
    free(text);
    return NULL;
}

/* More threads than workspaces that rest. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    size_t numbers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, &numbers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_take, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inflate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inflate_caps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inflate_broken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
