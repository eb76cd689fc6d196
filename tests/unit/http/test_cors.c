/* Goal: an origin is allowed if it stands in the list byte by byte, and nothing that browsers do
 * not send can get into the list. Method: tables. */
#include "http/cors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void test_origins(void **state)
{
    (void)state;
    static const struct {
        const char *origin;
        bool is_one;
    } rows[] = {
        {"https://example.org", true},
        {"http://example.org:8080", true},
        {"https://a-b.example.org:1", true},
        {"https://example.org:65535", true},
        {"http://127.0.0.1:3000", true},
        {"http://[::1]:3000", true},
        {"http://localhost", true},
        {"capacitor://localhost", true},
        {"chrome-extension://abcdef", true},
        {"http://example.org:443", true},
        {"*", true},
        {"", false},
        {"null", false},
        {"example.org", false},
        {"//example.org", false},
        {"https://", false},
        {"https:///", false},
        {"https://example.org/", false},
        {"https://example.org/path", false},
        {"https://example.org?", false},
        {"https://user@example.org", false},
        {"https://Example.org", false},
        {"HTTPS://example.org", false},
        {"https://*.example.org", false},
        {"https://example.org:", false},
        {"https://example.org:0", false},
        {"https://example.org:08080", false},
        {"https://example.org:65536", false},
        {"https://example.org:443", false},
        {"http://example.org:80", false},
        {"https://example.org:8080x", false},
        {"https://exa mple.org", false},
        {"https://[::1", false},
        {"https://[]", false},
        {"1https://example.org", false},
        {"https://example.org,https://b", false},
        {"* ", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_cors cors = {0};
        struct tide_error error = {0};
        const enum tide_status status = tide_cors_add(&cors, tide_view_of(rows[i].origin), &error);
        if (status != (rows[i].is_one ? TIDE_OK : TIDE_REJECT)) {
            fail_msg("'%s'", rows[i].origin);
        }
        assert_int_equal(cors.origin_count + cors.allows_any, rows[i].is_one);
        assert_true(rows[i].is_one || strstr(error.text, "is no origin") != NULL);
    }
}

static void test_answers(void **state)
{
    (void)state;
    struct tide_cors cors = {0};
    static const struct {
        const char *origin;
        const char *answer;
    } rows[] = {
        {"https://a.example", "https://a.example"},
        {"http://b.example:81", "http://b.example:81"},
        {"http://a.example", ""},
        {"https://a.example:444", ""},
        {"https://a.example.org", ""},
        {"https://x.a.example", ""},
        {"https://a.example/", ""},
        {"HTTPS://a.example", ""},
        {"null", ""},
        {"*", ""},
        {"", ""},
    };
    assert_int_equal(tide_cors_answer(&cors, TIDE_VIEW("https://a.example")).size, 0);
    assert_int_equal(tide_cors_add(&cors, TIDE_VIEW("https://a.example"), NULL), TIDE_OK);
    assert_int_equal(tide_cors_add(&cors, TIDE_VIEW("http://b.example:81"), NULL), TIDE_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tide_view answer = tide_cors_answer(&cors, tide_view_of(rows[i].origin));
        assert_true(tide_view_equal(answer, tide_view_of(rows[i].answer)));
    }
    assert_int_equal(tide_cors_add(&cors, TIDE_VIEW("*"), NULL), TIDE_OK);
    const struct tide_view any = tide_cors_answer(&cors, TIDE_VIEW("https://c.example"));
    assert_true(tide_view_equal(any, TIDE_VIEW("*")));
    assert_int_equal(tide_cors_answer(&cors, TIDE_VIEW("")).size, 0);
}

static void test_maximum(void **state)
{
    (void)state;
    struct tide_cors cors = {0};
    struct tide_error error = {0};
    for (int i = 0; i < TIDE_CORS_ORIGINS_MAX; i++) {
        assert_int_equal(tide_cors_add(&cors, TIDE_VIEW("https://a.example"), NULL), TIDE_OK);
    }
    assert_int_equal(tide_cors_add(&cors, TIDE_VIEW("https://a.example"), &error), TIDE_REJECT);
    assert_string_equal(error.text, "more than 64 origins are listed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
