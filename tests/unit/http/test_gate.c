/* Goal: each rule of the gate refuses what it is for and nothing else. Method: a table of single
 * headers beside a good Host; the server's corpus covers what arrives on a socket. */
#include "http/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static unsigned check(const char *name, const char *value, struct tide_gate_facts *facts)
{
    const struct tide_gate_header headers[] = {
        {TIDE_VIEW("Host"), TIDE_VIEW("a")},
        {tide_view_of(name), tide_view_of(value)},
    };
    const struct tide_gate_request request = {
        TIDE_VIEW("POST"), TIDE_VIEW("/x?y"), TIDE_VIEW("HTTP/1.1"), headers, name == NULL ? 1 : 2};
    const char *why = NULL;
    const unsigned status = tide_gate_check(&request, facts, &why);
    assert_true(status == 0 || why != NULL);
    return status;
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        unsigned status;
    } rows[] = {
        {NULL, NULL, 0},
        {"content-length", "0", 0},
        {"CONTENT-LENGTH", " 18 ", 0},
        {"Content-Length", "999999999999999999", 0},
        {"Content-Length", "1000000000000000000", 400},
        {"Content-Length", "1 2", 400},
        {"Content-Length", "1.0", 400},
        {"Content-Length", "", 400},
        {"Transfer-Encoding", "chunked", 0},
        {"Transfer-Encoding", "\tchunked ", 0},
        {"Transfer-Encoding", "chunked;q=1", 400},
        {"Transfer-Encoding", "CHUNKED", 400},
        {"Transfer-Encoding", "", 400},
        {"Expect", "100-Continue", 0},
        {"Expect", "", 417},
        {"Host", "b", 400},
        {"X_Y.z~!#$%&'*+-^`|0", "a", 0},
        {"X:", "a", 400},
        {"X(", "a", 400},
        {"", "a", 400},
        {"X", "a\rb", 400},
        {"X", "a\nb", 400},
        {"X", "\x1f", 400},
        {"X", "\x80\xff", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_gate_facts facts;
        const unsigned status = check(rows[i].name, rows[i].value, &facts);
        if (status != rows[i].status) {
            fail_msg("row %zu: %u", i, status);
        }
    }
}

static void test_facts(void **state)
{
    (void)state;
    struct tide_gate_facts facts;
    assert_int_equal(check("Content-Length", "123456789012345678", &facts), 0);
    assert_true(facts.has_length && !facts.is_chunked);
    assert_int_equal(facts.length, UINT64_C(123456789012345678));
    assert_int_equal(check("Transfer-Encoding", "chunked", &facts), 0);
    assert_true(facts.is_chunked && !facts.has_length);
    assert_int_equal(check("Content-Encoding", "Identity", &facts), 0);
    assert_int_equal(facts.coding, TIDE_CODING_IDENTITY);
    assert_int_equal(check("Content-Encoding", "zstd", &facts), 0);
    assert_int_equal(facts.coding, TIDE_CODING_ZSTD);
    assert_int_equal(check("Content-Type", " text/plain ", &facts), 0);
    assert_true(tide_view_equal(facts.content_type, TIDE_VIEW("text/plain")));
}

static void test_host(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        unsigned status;
    } rows[] = {
        {"a", 0},
        {"a.example:8080", 0},
        {"[::1]:1", 0},
        {"127.0.0.1", 0},
        {"", 400},
        {"a b", 400},
        {"a,b", 400},
        {"a/b", 400},
        {"u@a", 400},
        {"a?b", 400},
        {"a\xc3\xa9", 400},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tide_gate_header header = {TIDE_VIEW("host"), tide_view_of(rows[i].value)};
        const struct tide_gate_request request = {
            TIDE_VIEW("GET"), TIDE_VIEW("/"), TIDE_VIEW("HTTP/1.1"), &header, 1};
        struct tide_gate_facts facts;
        const char *why = NULL;
        assert_int_equal(tide_gate_check(&request, &facts, &why), rows[i].status);
    }
}

static void test_line(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *target;
        const char *version;
        unsigned status;
    } rows[] = {
        {"GET", "/", "HTTP/1.1", 0},
        {"GET", "/", "HTTP/1.0", 0},
        {"GET", "/", "HTTP/1.2", 400},
        {"GET", "/", "", 400},
        {"", "/", "HTTP/1.1", 400},
        {"G T", "/", "HTTP/1.1", 400},
        {"GET", "", "HTTP/1.1", 400},
        {"GET", "*", "HTTP/1.1", 400},
        {"GET", "a", "HTTP/1.1", 400},
        {"GET", "//a", "HTTP/1.1", 0},
        {"GET", "/a%20b?c=d&e='f'", "HTTP/1.1", 0},
        {"GET", "/a\\b", "HTTP/1.1", 400},
        {"GET", "/a\x7f", "HTTP/1.1", 400},
        {"GET", "/a#b", "HTTP/1.1", 400},
    };
    const struct tide_gate_header host = {TIDE_VIEW("Host"), TIDE_VIEW("a")};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tide_gate_request request = {tide_view_of(rows[i].method),
                                                  tide_view_of(rows[i].target),
                                                  tide_view_of(rows[i].version),
                                                  &host,
                                                  1};
        struct tide_gate_facts facts;
        const char *why = NULL;
        if (tide_gate_check(&request, &facts, &why) != rows[i].status) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_body(void **state)
{
    (void)state;
    static const char types[] = ",application/json, text/plain";
    static const struct {
        const char *method;
        struct tide_gate_facts facts;
        struct tide_gate_body wanted;
        unsigned status;
    } rows[] = {
        {"POST", {0}, {10, NULL, false}, 411},
        {"PUT", {0}, {10, NULL, false}, 411},
        {"PATCH", {0}, {10, NULL, false}, 0},
        {"POST", {0}, {0, NULL, false}, 0},
        {"POST", {.is_chunked = true}, {10, NULL, false}, 0},
        {"POST", {.is_chunked = true}, {0, NULL, false}, 413},
        {"POST", {.has_length = true, .length = 10}, {10, NULL, false}, 0},
        {"POST", {.has_length = true, .length = 11}, {10, NULL, false}, 413},
        {"POST", {.has_length = true, .coding = TIDE_CODING_GZIP}, {10, NULL, false}, 415},
        {"POST", {.has_length = true, .coding = TIDE_CODING_GZIP}, {10, NULL, true}, 0},
        {"POST", {.has_length = true, .coding = TIDE_CODING_ZSTD}, {10, NULL, true}, 0},
        {"POST", {.has_length = true, .coding = TIDE_CODING_OTHER}, {10, NULL, true}, 415},
        {"POST", {.has_length = true}, {10, types, false}, 0},
        {"POST", {.has_length = true}, {10, types + 1, false}, 415},
        {"GET", {.has_length = true, .length = 1}, {0, NULL, false}, 413},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tide_gate_request request = {.method = tide_view_of(rows[i].method)};
        const char *why = NULL;
        if (tide_gate_check_body(&request, &rows[i].facts, rows[i].wanted, &why) !=
            rows[i].status) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_content_types(void **state)
{
    (void)state;
    static const struct {
        const char *accepted;
        const char *type;
        bool is_accepted;
    } rows[] = {
        {"a/b", "a/b", true},
        {"a/b", "A/B ; charset=\"x\"", true},
        {"a/b", "a/bc", false},
        {"a/b", "a/", false},
        {"a/b", "", false},
        {"a/b,c/d", "c/d", true},
        {"a/b, c/d", "c/d;", true},
        {",a/b", "", true},
        {"a/b,", "", true},
        {"a/b", "a/b,c/d", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            tide_gate_content_type_accepted(rows[i].accepted, tide_view_of(rows[i].type)),
            rows[i].is_accepted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
