/* Goal: every reply says what it must, and no more. Method: exchanges without a connection, their
 * reply written as text. */
#include "http/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct tide_http_exchange *exchange;
static struct tide_bytes text;
static struct tide_cors cors;
static struct tide_gate_header origin = {{"Origin", 6}, {" https://a.example", 18}};

static int set_up(void **state)
{
    (void)state;
    exchange = tide_exchange_create(NULL, TIDE_VIEW("/x"));
    cors = (struct tide_cors){0};
    assert_int_equal(tide_cors_add(&cors, TIDE_VIEW("https://a.example"), NULL), TIDE_OK);
    return exchange == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    tide_exchange_destroy(exchange);
    tide_bytes_release(&text);
    return 0;
}

static const char *write_reply(void)
{
    exchange->reply.must_close = true;
    tide_reply_finish(exchange, false);
    tide_reply_write(exchange, &text);
    return tide_bytes_terminated(&text);
}

static void test_problem(void **state)
{
    (void)state;
    tide_reply_set_problem(exchange, 413, "too \"much\"");
    assert_string_equal(write_reply(),
                        "HTTP/1.1 413 Content Too Large\r\n"
                        "X-Content-Type-Options: nosniff\r\n"
                        "Cache-Control: no-store\r\n"
                        "Content-Type: application/problem+json\r\n"
                        "Connection: close\r\n"
                        "Content-Length: 87\r\n\r\n"
                        "{\"type\":\"about:blank\",\"title\":\"Content Too Large\",\"status\":413,"
                        "\"detail\":\"too \\\"much\\\"\"}");
}

static void test_what_was_set(void **state)
{
    (void)state;
    static const struct tide_http_route route = {.content_security_policy = "default-src 'none'"};
    tide_reply_set_problem(exchange, 415, "x");
    exchange->route = &route;
    exchange->reply.allow = "GET, HEAD";
    exchange->reply.accept_encoding = "gzip";
    exchange->reply.retry_after_s = 17;
    tide_reply_add(exchange, "X-Mine", "1");
    tide_reply_add(exchange, "X-None", NULL);
    const char *written = write_reply();
    assert_non_null(strstr(written, "\r\nAllow: GET, HEAD\r\n"));
    assert_non_null(strstr(written, "\r\nAccept-Encoding: gzip\r\n"));
    assert_non_null(strstr(written, "\r\nRetry-After: 17\r\n"));
    assert_non_null(strstr(written, "\r\nX-Mine: 1\r\n"));
    assert_non_null(strstr(written, "\r\nContent-Security-Policy: default-src 'none'\r\n"));
    assert_null(strstr(written, "X-None"));
    assert_null(strstr(written, "Vary"));
}

static void test_close(void **state)
{
    (void)state;
    tide_reply_set_problem(exchange, 400, "x");
    tide_reply_finish(exchange, true);
    const struct tide_exchange_header *last =
        &exchange->reply.headers[exchange->reply.header_count - 1];
    assert_string_equal(last->name, "Connection");
    exchange->reply.header_count = 0;
    tide_reply_finish(exchange, false);
    last = &exchange->reply.headers[exchange->reply.header_count - 1];
    assert_string_equal(last->name, "Content-Type");
}

static void test_cors(void **state)
{
    (void)state;
    static const struct {
        const char *origin; /* NULL: none */
        bool is_preflight;
        const char *says;
        const char * not ;
    } rows[] = {
        {"https://a.example",
         false,
         "Vary: Origin\r\nAccess-Control-Allow-Origin: https://a.example\r\n"
         "Access-Control-Expose-Headers: " TIDE_CORS_EXPOSED "\r\n",
         "Allow-Methods"},
        {"https://a.example",
         true,
         "Access-Control-Allow-Origin: https://a.example\r\n"
         "Access-Control-Allow-Methods: POST, OPTIONS\r\n"
         "Access-Control-Allow-Headers: " TIDE_CORS_HEADERS "\r\n"
         "Access-Control-Max-Age: 600\r\n",
         "Expose"},
        {"https://b.example", false, "Vary: Origin\r\n", "Access-Control"},
        {"https://b.example", true, "Vary: Origin\r\n", "Access-Control"},
        {NULL, false, "Vary: Origin\r\n", "Access-Control"},
        {"null", true, "Vary: Origin\r\n", "Access-Control"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(tear_down(NULL), 0);
        assert_int_equal(set_up(NULL), 0);
        origin.value = tide_view_of(rows[i].origin);
        exchange->headers = &origin;
        exchange->request.header_count = rows[i].origin == NULL ? 0 : 1;
        exchange->cors = &cors;
        exchange->shared_methods = rows[i].is_preflight ? "POST, OPTIONS" : NULL;
        tide_reply_set_problem(exchange, 400, "x");
        const char *written = write_reply();
        assert_non_null(strstr(written, rows[i].says));
        assert_null(strstr(written, rows[i].not ));
        assert_null(strstr(written, "Credentials"));
    }
}

static void test_many_headers(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        tide_reply_add(exchange, "X", "y");
    }
    assert_int_equal(exchange->reply.header_count, TIDE_EXCHANGE_REPLY_HEADERS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_problem, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_headers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
