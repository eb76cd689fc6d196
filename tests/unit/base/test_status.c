/* Goal: error texts are exact, cut at their maximum, safe with NULL and with arguments that are the
 * text itself. Method: tables of calls and the text expected. */
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void test_set_formats_and_returns_the_status(void **state)
{
    (void)state;
    const enum tide_status statuses[] = {TIDE_AGAIN, TIDE_RETRY, TIDE_REJECT, TIDE_FATAL};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct tide_error error = {.text = "left over"};
        assert_int_equal(
            tide_error_set(&error, statuses[i], "port %d is outside 1..%s", 70000, "65535"),
            statuses[i]);
        assert_string_equal(error.text, "port 70000 is outside 1..65535");
        assert_int_equal(tide_error_set(NULL, statuses[i], "nobody reads %d", 1), statuses[i]);
    }
}

static void test_set_may_read_the_text_it_replaces(void **state)
{
    (void)state;
    struct tide_error error = {.text = "disk full"};
    tide_error_set(&error, TIDE_RETRY, "cannot write: %s (%s)", error.text, error.text);
    assert_string_equal(error.text, "cannot write: disk full (disk full)");
}

static void test_pass(void **state)
{
    (void)state;
    const struct tide_error why = {.text = "a part failed"};
    struct tide_error error = {0};
    assert_int_equal(tide_error_pass(&error, TIDE_OK, &why), TIDE_OK);
    assert_string_equal(error.text, ""); /* the whole did not */
    assert_int_equal(tide_error_pass(&error, TIDE_RETRY, &why), TIDE_RETRY);
    assert_string_equal(error.text, "a part failed");
    assert_int_equal(tide_error_pass(NULL, TIDE_FATAL, &why), TIDE_FATAL);
}

static void test_prefix(void **state)
{
    (void)state;
    struct tide_error error = {.text = "no such file"};
    tide_error_prefix(&error, "open %s", "a.yaml");
    assert_string_equal(error.text, "open a.yaml: no such file");
    tide_error_prefix(&error, "%s", error.text);
    assert_string_equal(error.text, "open a.yaml: no such file: open a.yaml: no such file");
    tide_error_prefix(NULL, "nobody reads %d", 1);
}

/* Every length around the maximum, of the prefix and of the text behind it. */
static void test_too_long_is_cut(void **state)
{
    (void)state;
    char filler[2 * TIDE_ERROR_TEXT_MAX];
    memset(filler, 'x', sizeof(filler));
    for (int size = TIDE_ERROR_TEXT_MAX - 8; size < TIDE_ERROR_TEXT_MAX + 8; size++) {
        const size_t fits = TIDE_ERROR_TEXT_MAX - 1;
        struct tide_error error = {0};
        tide_error_set(&error, TIDE_REJECT, "%.*s", size, filler);
        assert_int_equal(strlen(error.text), (size_t)size < fits ? (size_t)size : fits);
        tide_error_prefix(&error, "ab");
        assert_memory_equal(error.text, "ab: x", 5);
        assert_int_equal(strlen(error.text), (size_t)size + 4 < fits ? (size_t)size + 4 : fits);

        struct tide_error behind = {.text = "yyyy"};
        tide_error_prefix(&behind, "%.*s", size, filler);
        char expected[sizeof(filler) + 8];
        snprintf(expected, sizeof(expected), "%.*s: yyyy", size, filler);
        expected[fits] = '\0';
        assert_string_equal(behind.text, expected);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(tide_status_name(TIDE_OK), "ok");
    assert_string_equal(tide_status_name(TIDE_AGAIN), "again");
    assert_string_equal(tide_status_name(TIDE_RETRY), "retry");
    assert_string_equal(tide_status_name(TIDE_REJECT), "reject");
    assert_string_equal(tide_status_name(TIDE_FATAL), "fatal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_formats_and_returns_the_status),
        cmocka_unit_test(test_set_may_read_the_text_it_replaces),
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_too_long_is_cut),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
