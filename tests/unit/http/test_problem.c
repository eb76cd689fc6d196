/* Goal: a problem document is the JSON that RFC 9457 describes. Method: whole texts. */
#include "http/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void test_titles(void **state)
{
    (void)state;
    assert_string_equal(tide_http_status_title(404), "Not Found");
    assert_string_equal(tide_http_status_title(413), "Content Too Large");
    assert_string_equal(tide_http_status_title(299), "Unknown");
}

static void test_write(void **state)
{
    (void)state;
    struct tide_bytes json = {0};
    tide_http_problem_write(415, TIDE_VIEW("a \"b\"\n\xff"), &json);
    assert_string_equal(tide_bytes_terminated(&json),
                        "{\"type\":\"about:blank\",\"title\":\"Unsupported Media Type\","
                        "\"status\":415,\"detail\":\"a \\\"b\\\"\\n\xef\xbf\xbd\"}");
    tide_bytes_release(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_titles),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
