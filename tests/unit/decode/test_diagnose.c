/* Goal: of several faults the one that comes first in the fixed order is told. Method: a table of
 * texts with one or more faults. */
#include "decode/diagnose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/banned.h"

static void test_order(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum tide_reason reason;
        const char *detail;
    } cases[] = {
        {"{", TIDE_REASON_JSON_INVALID, "ends too early"},
        {"[[[[", TIDE_REASON_TOO_DEEP, "4 levels of nesting, limit 3"},
        {"x[[]][[[", TIDE_REASON_JSON_INVALID, ""},
        {"x]]]][[[[[[[", TIDE_REASON_JSON_INVALID, ""},
        {"x]]]][[[[[[[[", TIDE_REASON_TOO_DEEP, ""},
        {"\"[[[[[\"", TIDE_REASON_JSON_INVALID, ""},
        {"\"\\\"[[[[[", TIDE_REASON_JSON_INVALID, ""},
        {"\"\\\n[[[[[", TIDE_REASON_TOO_DEEP, ""},
        {"[[[[ 0123456789 0123456789", TIDE_REASON_TOO_LARGE, "record is 26 bytes, limit 20"},
        {"[[[[ 0123456789 0123456789\xff", TIDE_REASON_UTF8_INVALID, "not UTF-8 at byte 26"},
        {"[[[[\xff", TIDE_REASON_UTF8_INVALID, "not UTF-8 at byte 4"},
    };
    struct tide_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tide_view text = tide_view_of(cases[i].text);
        struct tide_verdict verdict =
            tide_diagnose(text,
                          (struct tide_diagnose_limits){.size_max = 20, .depth_max = 3},
                          text.data + text.size,
                          &arena);
        if (verdict.reason != cases[i].reason ||
            strstr(verdict.detail.data, cases[i].detail) == NULL) {
            fail_msg("case %zu: %s, %s", i, tide_reason_name(verdict.reason), verdict.detail.data);
        }
    }
    tide_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
