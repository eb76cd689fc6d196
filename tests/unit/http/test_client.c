/* Goal: the client tells apart a response, a broken connection and what is wrong for ever, within
 * its limits. Method: our own server on a free port; a listener that never answers. */
#include "http/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"

static void handle_echo(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    const struct tide_view method = tide_http_method(exchange);
    const struct tide_view type = tide_http_header(exchange, "content-type");
    tide_bytes_append_format(&body,
                             "%.*s %.*s %zu",
                             TIDE_VIEW_ARGUMENTS(method),
                             TIDE_VIEW_ARGUMENTS(type),
                             tide_http_body(exchange).size);
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

/* The bytes that were sent. */
static void handle_body(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    tide_bytes_append_view(&body, tide_http_body(exchange));
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

static void handle_headers(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    const struct tide_view one = tide_http_header(exchange, "x-one");
    const struct tide_view two = tide_http_header(exchange, "x-two");
    tide_bytes_append_format(
        &body, "%.*s|%.*s", TIDE_VIEW_ARGUMENTS(one), TIDE_VIEW_ARGUMENTS(two));
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

static void handle_query(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    tide_bytes_append_view(&body, tide_http_query(exchange, "q", NULL));
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

static void handle_busy(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    tide_http_reply_problem(exchange, 503, 17, "busy");
}

static void handle_large(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    for (int i = 0; i < 5000; i++) {
        tide_bytes_append_byte(&body, 'x');
    }
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

static const struct tide_http_route routes[] = {
    {.method = "GET", .path = "/echo", .handle = handle_echo},
    {.method = "POST", .path = "/echo", .handle = handle_echo, .body_bytes_max = 3 << 20},
    {.method = "PUT", .path = "/body", .handle = handle_body, .body_bytes_max = 3 << 20},
    {.method = "GET", .path = "/headers", .handle = handle_headers},
    {.method = "GET", .path = "/query", .handle = handle_query},
    {.method = "GET", .path = "/busy", .handle = handle_busy},
    {.method = "GET", .path = "/large", .handle = handle_large},
};

static struct {
    struct tide_http_server *server;
    struct tide_http_client *client;
    struct tide_http_response response;
    struct tide_bytes url;
} rig;

static int set_up(void **state)
{
    (void)state;
    struct tide_http_server_options options = tide_http_server_options_default();
    options.port = 0;
    options.routes = routes;
    options.route_count = sizeof(routes) / sizeof(routes[0]);
    assert_int_equal(tide_http_server_start(&options, &rig.server, NULL), TIDE_OK);
    assert_int_equal(tide_http_client_create(&rig.client, NULL), TIDE_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tide_http_client_destroy(rig.client);
    tide_http_server_stop(rig.server);
    tide_http_response_release(&rig.response);
    tide_bytes_release(&rig.url);
    return 0;
}

static enum tide_status ask(
    const char *method, uint16_t port, const char *path, struct tide_view body, size_t reply_max)
{
    tide_bytes_reset(&rig.url);
    tide_bytes_append_format(&rig.url, "http://127.0.0.1:%u%s", port, path);
    struct tide_http_request request = {.method = method,
                                        .url = tide_bytes_terminated(&rig.url),
                                        .content_type =
                                            strcmp(method, "POST") == 0 ? "text/plain" : NULL,
                                        .body = body,
                                        .reply_bytes_max = reply_max,
                                        .timeout = {20000000}};
    struct tide_error error = {0};
    const enum tide_status status =
        tide_http_client_send(rig.client, &request, &rig.response, &error);
    assert_int_equal(status == TIDE_OK, error.text[0] == '\0');
    return status;
}

static const char *body_text(void)
{
    return tide_bytes_terminated(&rig.response.body);
}

static void test_exchange(void **state)
{
    (void)state;
    const uint16_t port = tide_http_server_port(rig.server);
    const struct tide_view none = {0};
    assert_int_equal(ask("GET", port, "/echo", none, 100), TIDE_OK);
    assert_int_equal(rig.response.status, 200);
    assert_string_equal(body_text(), "GET  0");
    assert_int_equal(ask("POST", port, "/echo", TIDE_VIEW("abc"), 100), TIDE_OK);
    assert_string_equal(body_text(), "POST text/plain 3");
    assert_int_equal(ask("POST", port, "/echo", none, 100), TIDE_OK);
    assert_string_equal(body_text(), "POST text/plain 0");
    assert_int_equal(ask("HEAD", port, "/echo", none, 100), TIDE_OK);
    assert_int_equal(rig.response.status, 200);
    assert_string_equal(body_text(), "");
    struct tide_bytes large = {0};
    assert_true(tide_bytes_reserve(&large, 3 << 20));
    memset(large.data, 'x', 3 << 20);
    large.size = 3 << 20;
    assert_int_equal(ask("POST", port, "/echo", tide_bytes_view(&large), 100), TIDE_OK);
    assert_string_equal(body_text(), "POST text/plain 3145728");
    tide_bytes_release(&large);
    assert_int_equal(ask("GET", port, "/busy", none, 1000), TIDE_OK);
    assert_int_equal(rig.response.status, 503);
    assert_int_equal(rig.response.retry_after_s, 17);
    assert_int_equal(ask("GET", port, "/nothing", none, 1000), TIDE_OK);
    assert_int_equal(rig.response.status, 404);
    assert_int_equal(rig.response.retry_after_s, 0);
}

/* Headers of the request's own, and none left over for the next one. */
static void test_headers(void **state)
{
    (void)state;
    static const char *const headers[] = {"X-One: a b", "X-Two: \"c\""};
    const uint16_t port = tide_http_server_port(rig.server);
    tide_bytes_reset(&rig.url);
    tide_bytes_append_format(&rig.url, "http://127.0.0.1:%u/headers", port);
    struct tide_http_request request = {.method = "GET",
                                        .url = tide_bytes_terminated(&rig.url),
                                        .headers = headers,
                                        .header_count = 2,
                                        .reply_bytes_max = 100,
                                        .timeout = {20000000}};
    assert_int_equal(tide_http_client_send(rig.client, &request, &rig.response, NULL), TIDE_OK);
    assert_string_equal(body_text(), "a b|\"c\"");
    request.header_count = 0;
    assert_int_equal(tide_http_client_send(rig.client, &request, &rig.response, NULL), TIDE_OK);
    assert_string_equal(body_text(), "|");
}

static void test_limits(void **state)
{
    (void)state;
    const uint16_t port = tide_http_server_port(rig.server);
    const struct tide_view none = {0};
    assert_int_equal(ask("GET", port, "/large", none, 5000), TIDE_OK);
    assert_int_equal(rig.response.body.size, 5000);
    assert_int_equal(ask("GET", port, "/large", none, 4999), TIDE_REJECT);
    assert_int_equal(ask("GET", port, "/large", none, 5000), TIDE_OK); /* it can go on */
}

/* Redirects are not followed, other protocols not spoken. */
static void test_bad_urls(void **state)
{
    (void)state;
    static const char *const urls[] = {"file:///etc/hostname", "gopher://a/", "http://a:b/", ""};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        const struct tide_http_request request = {
            .method = "GET", .url = urls[i], .reply_bytes_max = 10, .timeout = {1000000}};
        struct tide_error error = {0};
        assert_int_equal(tide_http_client_send(rig.client, &request, &rig.response, &error),
                         TIDE_REJECT);
    }
}

static enum tide_status reach(void)
{
    struct tide_error error = {0};
    const enum tide_status status = tide_http_client_reach(
        rig.client, tide_bytes_terminated(&rig.url), (struct tide_duration){20000000}, &error);
    assert_int_equal(status == TIDE_OK, error.text[0] == '\0');
    return status;
}

static void test_no_connection(void **state)
{
    (void)state;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    const struct tide_view none = {0};
    /* Bound, but nobody listens: refused. */
    assert_int_equal(ask("GET", ntohs(address.sin_port), "/", none, 10), TIDE_RETRY);
    assert_int_equal(reach(), TIDE_RETRY);
    /* Somebody listens and never answers: the time runs out. */
    assert_int_equal(listen(fd, 1), 0);
    const struct tide_http_request request = {.method = "GET",
                                              .url = tide_bytes_terminated(&rig.url),
                                              .reply_bytes_max = 10,
                                              .timeout = {30000}};
    assert_int_equal(tide_http_client_send(rig.client, &request, &rig.response, NULL), TIDE_RETRY);
    assert_int_equal(reach(), TIDE_OK); /* which says nothing, so it does not wait */
    (void)close(fd);
    tide_bytes_reset(&rig.url);
    tide_bytes_append_text(&rig.url, "ftp://127.0.0.1");
    assert_int_equal(reach(), TIDE_REJECT);
    /* The client speaks http again after that. */
    assert_int_equal(ask("GET", tide_http_server_port(rig.server), "/echo", none, 100), TIDE_OK);
}

/* ---- bodies that are not held in memory */

enum {
    LONG_SIZE = 2 << 20
};

struct ends { /* of a body that is sent and comes back */
    uint64_t sent;
    uint64_t received;
    uint64_t received_max; /* the sink fails beyond */
    uint64_t source_max;   /* the source ends there */
    bool is_different;
};

static char byte_at(uint64_t offset)
{
    return (char)(offset * 31 + (offset >> 8));
}

static enum tide_status read_source(void *context,
                                    uint64_t offset,
                                    void *buffer,
                                    size_t size,
                                    size_t *read_size,
                                    struct tide_error *error)
{
    struct ends *ends = context;
    (void)error;
    char *bytes = buffer;
    *read_size = offset >= ends->source_max ? 0 : size;
    for (size_t i = 0; i < *read_size; i++) {
        bytes[i] = byte_at(offset + i);
    }
    ends->sent += *read_size;
    return TIDE_OK;
}

static enum tide_status write_sink(void *context,
                                   const void *data,
                                   size_t size,
                                   struct tide_error *error)
{
    struct ends *ends = context;
    const char *bytes = data;
    if (ends->received + size > ends->received_max) {
        return tide_error_set(error, TIDE_FATAL, "the sink is full");
    }
    for (size_t i = 0; i < size; i++) {
        ends->is_different |= bytes[i] != byte_at(ends->received + i);
    }
    ends->received += size;
    return TIDE_OK;
}

static enum tide_status send_long(struct ends *ends, const char *path, struct tide_error *error)
{
    const struct tide_http_source source = {read_source, ends, LONG_SIZE};
    const struct tide_http_sink sink = {write_sink, ends};
    tide_bytes_reset(&rig.url);
    tide_bytes_append_format(
        &rig.url, "http://127.0.0.1:%u%s", tide_http_server_port(rig.server), path);
    const struct tide_http_request request = {.method = "PUT",
                                              .url = tide_bytes_terminated(&rig.url),
                                              .content_type = "application/octet-stream",
                                              .source = &source,
                                              .sink = &sink,
                                              .reply_bytes_max = 1000,
                                              .stall_timeout = {20000000},
                                              .connect_timeout = {5000000}};
    return tide_http_client_send(rig.client, &request, &rig.response, error);
}

static void test_long_bodies(void **state)
{
    (void)state;
    struct tide_error error = {0};
    struct ends ends = {.received_max = LONG_SIZE, .source_max = LONG_SIZE};
    assert_int_equal(send_long(&ends, "/body", &error), TIDE_OK);
    assert_int_equal(rig.response.status, 200);
    assert_int_equal(rig.response.content_length, LONG_SIZE);
    assert_int_equal(rig.response.body.size, 0);
    assert_true(ends.sent >= LONG_SIZE && ends.received == LONG_SIZE && !ends.is_different);
    /* What is no success goes into memory. */
    ends = (struct ends){.received_max = LONG_SIZE, .source_max = LONG_SIZE};
    assert_int_equal(send_long(&ends, "/nothing", NULL), TIDE_OK);
    assert_int_equal(rig.response.status, 404);
    assert_true(ends.received == 0 && rig.response.body.size > 0);
    ends = (struct ends){.received_max = 1000, .source_max = LONG_SIZE};
    assert_int_equal(send_long(&ends, "/body", &error), TIDE_FATAL);
    assert_non_null(strstr(error.text, "the sink is full"));
    ends = (struct ends){.received_max = LONG_SIZE, .source_max = 4096};
    assert_int_equal(send_long(&ends, "/body", &error), TIDE_RETRY);
    assert_non_null(strstr(error.text, "what is sent ends at"));
    ends = (struct ends){.received_max = LONG_SIZE, .source_max = LONG_SIZE}; /* it can go on */
    assert_int_equal(send_long(&ends, "/body", &error), TIDE_OK);
}

/* ---- a server of a few fixed bytes */

struct canned {
    int listener;
    uint16_t port;
    const char *text;
};

static void *answer_once(void *argument)
{
    const struct canned *canned = argument;
    char request[4096];
    const int fd = accept(canned->listener, NULL, NULL);
    const ssize_t got = recv(fd, request, sizeof(request), 0);
    const ssize_t sent = send(fd, canned->text, strlen(canned->text), MSG_NOSIGNAL);
    (void)close(fd);
    return got > 0 && sent > 0 ? argument : NULL;
}

static enum tide_status ask_canned(const char *text)
{
    pthread_t thread;
    void *answered = NULL;
    struct canned canned = {.text = text};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    canned.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(canned.listener, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(canned.listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(canned.listener, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, answer_once, &canned), 0);
    const struct tide_view none = {0};
    const enum tide_status status = ask("GET", ntohs(address.sin_port), "/", none, 100);
    assert_int_equal(pthread_join(thread, &answered), 0);
    assert_non_null(answered);
    (void)close(canned.listener);
    return status;
}

/* A redirect is told, not followed; a body that ends before its length is a broken connection. */
static void test_replies(void **state)
{
    (void)state;
    assert_int_equal(ask_canned("HTTP/1.1 307 X\r\nlocation: \t http://a:1/b?c=d \r\n"
                                "Content-Length: 0\r\n\r\n"),
                     TIDE_OK);
    assert_int_equal(rig.response.status, 307);
    assert_string_equal(tide_bytes_terminated(&rig.response.location), "http://a:1/b?c=d");
    assert_int_equal(rig.response.content_length, 0);
    assert_int_equal(ask_canned("HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nabc"), TIDE_RETRY);
    assert_int_equal(rig.response.status, 200); /* so much is known */
    assert_int_equal(rig.response.content_length, 5);
    assert_int_equal(ask_canned("HTTP/1.1 200 X\r\n\r\nabc"), TIDE_OK);
    assert_int_equal(rig.response.content_length, -1);
    assert_int_equal(rig.response.location.size, 0);
    assert_int_equal(ask_canned("nonsense"), TIDE_REJECT);
}

static void test_encode(void **state)
{
    (void)state;
    const uint16_t port = tide_http_server_port(rig.server);
    static const struct {
        const char *text;
        const char *encoded;
    } rows[] = {
        {"", ""},
        {"aZ09-._~", "aZ09-._~"},
        {"a b+c&d=e/f?g", "a%20b%2Bc%26d%3De%2Ff%3Fg"},
        {"\xc3\xa9\n%", "%C3%A9%0A%25"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_bytes path = {0};
        tide_bytes_append_text(&path, "/query?q=");
        tide_http_encode(tide_view_of(rows[i].text), &path);
        assert_string_equal(tide_bytes_terminated(&path) + strlen("/query?q="), rows[i].encoded);
        assert_int_equal(ask("GET", port, tide_bytes_terminated(&path), (struct tide_view){0}, 100),
                         TIDE_OK);
        assert_string_equal(body_text(), rows[i].text);
        tide_bytes_release(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_bad_urls),
        cmocka_unit_test(test_no_connection),
        cmocka_unit_test(test_long_bodies),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_encode),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
