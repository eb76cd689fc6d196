/* Goal: the fixed words of reasons, in their order. Method: all of them, there and back. */
#include "event/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_words(void **state)
{
    (void)state;
    static const char *const words[] = {"accepted",
                                        "json_invalid",
                                        "utf8_invalid",
                                        "too_deep",
                                        "too_large",
                                        "duplicate_key",
                                        "not_an_object",
                                        "missing",
                                        "type",
                                        "time_invalid",
                                        "clock_ahead",
                                        "too_old",
                                        "schema",
                                        "schema_unknown"};
    assert_int_equal(sizeof words / sizeof *words, TIDE_REASON_COUNT);
    for (int i = 0; i < TIDE_REASON_COUNT; i++) {
        assert_string_equal(tide_reason_name((enum tide_reason)i), words[i]);
        assert_int_equal(tide_reason_parse(tide_view_of(words[i])), i);
    }
    assert_int_equal(tide_reason_parse(TIDE_VIEW("Missing")), TIDE_REASON_COUNT);
    assert_int_equal(tide_reason_parse(TIDE_VIEW("")), TIDE_REASON_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
