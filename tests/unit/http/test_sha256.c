/* Goal: digests as the standard has them; equality sees every bit. Method: vectors of FIPS 180-4's
 * examples; each bit changed. */
#include "http/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *digest;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char digest[TIDE_SHA256_SIZE];
        char text[2 * TIDE_SHA256_SIZE + 1];
        assert_true(tide_sha256(tide_view_of(rows[i].message), digest));
        for (size_t k = 0; k < TIDE_SHA256_SIZE; k++) {
            (void)snprintf(text + 2 * k, 3, "%02x", digest[k]);
        }
        assert_string_equal(text, rows[i].digest);
    }
}

static void test_equal(void **state)
{
    (void)state;
    unsigned char a[TIDE_SHA256_SIZE];
    unsigned char b[TIDE_SHA256_SIZE];
    assert_true(tide_sha256((struct tide_view){0}, a));
    assert_true(tide_sha256(TIDE_VIEW(""), b));
    assert_true(tide_sha256_equal(a, b));
    for (size_t bit = 0; bit < 8 * TIDE_SHA256_SIZE; bit++) {
        b[bit / 8] ^= (unsigned char)(1U << (bit % 8));
        assert_false(tide_sha256_equal(a, b));
        b[bit / 8] ^= (unsigned char)(1U << (bit % 8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
