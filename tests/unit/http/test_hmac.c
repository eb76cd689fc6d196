/* Goal: HMAC-SHA256 as everybody else computes it. Method: the vectors of RFC 4231, and empty
 * inputs. */
#include "http/hmac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void check(struct tide_view key, struct tide_view message, const char *expected)
{
    unsigned char digest[TIDE_HMAC_SHA256_SIZE];
    char text[2 * TIDE_HMAC_SHA256_SIZE + 1];
    assert_true(tide_hmac_sha256(key, message, digest));
    for (size_t i = 0; i < sizeof(digest); i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", (unsigned)digest[i]);
    }
    assert_string_equal(text, expected);
}

static void test_vectors(void **state)
{
    (void)state;
    char key[131];
    memset(key, 0x0b, 20);
    check((struct tide_view){key, 20},
          TIDE_VIEW("Hi There"),
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check(TIDE_VIEW("Jefe"),
          TIDE_VIEW("what do ya want for nothing?"),
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 131);
    check((struct tide_view){key, 131},
          TIDE_VIEW("Test Using Larger Than Block-Size Key - Hash Key First"),
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_empty(void **state)
{
    (void)state;
    static const char empty[] = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
    check((struct tide_view){0}, (struct tide_view){0}, empty);
    check(TIDE_VIEW("Jefe"),
          TIDE_VIEW("what do ya want for nothing?"),
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    check(TIDE_VIEW(""), TIDE_VIEW(""), empty); /* not the key of the call before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
