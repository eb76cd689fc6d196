/* Goal: a key is known if its hash stands in the file, and a file that is not as it should be is
 * refused without a word of its text. Method: files on the simulated disk. */
#include "collect/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/io_sim.h"

/* sha256 of "correct horse battery" and of "0123456789abcdef". */
#define HORSE "9028ea0d15decaa35b2da21c0290af3b1a5ba0a30a591906f89b5074e209ea72"
#define DIGITS "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f"

static enum tide_status load(const char *text, struct tide_keys **keys, struct tide_error *error)
{
    struct tide_io_sim *sim = tide_io_sim_create(1);
    struct tide_io io = tide_io_sim_io(sim);
    struct tide_file file = {0};
    assert_int_equal(io.operations->open(io.self, "keys.yaml", TIDE_IO_CREATE, &file, NULL),
                     TIDE_OK);
    assert_int_equal(io.operations->write(io.self, file, 0, text, strlen(text), NULL), TIDE_OK);
    io.operations->close(io.self, &file);
    const enum tide_status status = tide_keys_load(io, "keys.yaml", keys, error);
    tide_io_sim_destroy(sim);
    return status;
}

static void test_find(void **state)
{
    (void)state;
    struct tide_keys *keys = NULL;
    assert_int_equal(
        load("# who may send\nhorse: " HORSE "\n\ndigits-2.x_Y: \"" DIGITS "\"\n", &keys, NULL),
        TIDE_OK);
    assert_int_equal(tide_keys_count(keys), 2);
    const struct tide_key *key = tide_keys_find(keys, TIDE_VIEW("correct horse battery"));
    assert_non_null(key);
    assert_true(tide_view_equal(key->name, TIDE_VIEW("horse")));
    key = tide_keys_find(keys, TIDE_VIEW("0123456789abcdef"));
    assert_non_null(key);
    assert_true(tide_view_equal(key->name, TIDE_VIEW("digits-2.x_Y")));
    static const char *const others[] = {
        "", "correct horse batterY", "correct horse battery ", "0123456789abcde", HORSE, "horse"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_null(tide_keys_find(keys, tide_view_of(others[i])));
    }
    char large[TIDE_KEY_BYTES_MAX + 1];
    memset(large, 'x', sizeof(large));
    assert_null(tide_keys_find(keys, (struct tide_view){large, sizeof(large)}));
    tide_keys_destroy(keys);
    tide_keys_destroy(NULL);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"", "keys.yaml: there is no key in it"},
        {"a: secret-key-in-clear", "keys.yaml:1: behind a name stands a SHA-256"},
        {"a: " HORSE "\nb: " HORSE "0", "keys.yaml:2: behind a name stands a SHA-256"},
        {"a: 9028EA0d15decaa35b2da21c0290af3b1a5ba0a30a591906f89b5074e209ea72", "a SHA-256"},
        {"a: g028ea0d15decaa35b2da21c0290af3b1a5ba0a30a591906f89b5074e209ea72", "a SHA-256"},
        {"a: [" HORSE "]", "a SHA-256"},
        {"a: " HORSE "\nb: " HORSE, "keys.yaml:2: this hash stands twice"},
        {"\"a b\": " HORSE, "a name has 1 to 64"},
        {"\"\": " HORSE, "a name has 1 to 64"},
        {"\"a\\0\": " HORSE, "a name has 1 to 64"},
        {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg: " HORSE, "1 to 64"},
        {"- " HORSE, "write name: SHA-256"},
        {"a: {", "this is not YAML"},
        {"a: " HORSE "\na: " DIGITS, "this is not YAML"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_keys *keys = NULL;
        struct tide_error error = {0};
        assert_int_equal(load(rows[i].text, &keys, &error), TIDE_REJECT);
        if (strstr(error.text, rows[i].error) == NULL) {
            fail_msg("row %zu: %s", i, error.text);
        }
        assert_null(strstr(error.text, "clear"));
        assert_null(strstr(error.text, "9028"));
        assert_null(keys);
    }
}

static void test_missing(void **state)
{
    (void)state;
    struct tide_io_sim *sim = tide_io_sim_create(1);
    struct tide_keys *keys = NULL;
    struct tide_error error = {0};
    assert_int_equal(tide_keys_load(tide_io_sim_io(sim), "none.yaml", &keys, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "none.yaml"));
    tide_io_sim_destroy(sim);
}

static void test_maximum(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    struct tide_keys *keys = NULL;
    struct tide_error error = {0};
    for (int i = 0; i < TIDE_KEYS_MAX; i++) {
        tide_bytes_append_format(&text, "k%d: %064x\n", i, (unsigned)i);
    }
    assert_int_equal(load(tide_bytes_terminated(&text), &keys, &error), TIDE_OK);
    assert_int_equal(tide_keys_count(keys), TIDE_KEYS_MAX);
    tide_keys_destroy(keys);
    tide_bytes_append_text(&text, "more: " HORSE "\n");
    assert_int_equal(load(tide_bytes_terminated(&text), &keys, &error), TIDE_REJECT);
    assert_string_equal(error.text, "keys.yaml:1001: there are more than 1000 keys");
    tide_bytes_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
