/* Goal: what a compressed body becomes is held to the server's budget; who may come in, and what
 * pages of other origins are told, does not depend on how a request ends. Method: a real server;
 * raw requests from tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/compress.h"
#include "http/server.h"
#include "unit/http/raw_client.h"

static const char somebody[] = "somebody";

/* As a keeper of keys would. */
static unsigned admit(void *context, struct tide_http_exchange *exchange, const char **why)
{
    (void)context;
    const struct tide_view key = tide_http_header(exchange, "x-api-key");
    if (tide_view_equal(key, TIDE_VIEW("good"))) {
        tide_http_set_caller(exchange, somebody);
        return 0;
    }
    char value[] = "Bearer"; /* is copied */
    tide_http_add_header(exchange, "WWW-Authenticate", value);
    value[0] = 'x';
    *why = "no key";
    return 401;
}

static void handle_caller(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    const struct tide_http_address address = tide_http_client_address(exchange);
    tide_bytes_append_text(&body, tide_http_caller(exchange));
    for (size_t i = 10; i < 16; i++) {
        tide_bytes_append_format(&body, " %u", address.bytes[i]);
    }
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

static void handle_upload(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    tide_bytes_append_format(&body, "got %zu", tide_http_body(exchange).size);
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

static struct tide_cors cors; /* filled by main */

static const struct tide_http_route routes[] = {
    {.method = "POST",
     .path = "/packed",
     .handle = handle_upload,
     .body_bytes_max = 3000000,
     .takes_codings = true},
    {.method = "POST",
     .path = "/guarded",
     .handle = handle_caller,
     .admit = admit,
     .body_bytes_max = 100,
     .cors = &cors},
    {.method = "GET", .path = "/guarded", .handle = handle_upload},
    {.method = "GET", .path = "/hello", .handle = handle_upload},
};

static struct tide_http_server *start(struct tide_http_server_options options)
{
    options.port = 0;
    options.routes = routes;
    options.route_count = sizeof(routes) / sizeof(routes[0]);
    struct tide_http_server *server = NULL;
    assert_int_equal(tide_http_server_start(&options, &server, NULL), TIDE_OK);
    return server;
}

/* What a body becomes counts as much as what was sent; afterwards all of it is back. */
static void test_inflated_bodies_held(void **state)
{
    (void)state;
    static struct reply reply;
    struct tide_http_server_options options = tide_http_server_options_default();
    options.body_bytes_held_max = 300000;
    struct tide_http_server *server = start(options);
    static const struct {
        size_t plain;
        unsigned status;
        const char *says;
    } rows[] = {
        {200000, 200, "got 200000"},
        {400000, 503, "too many bodies are under way"},
        {200000, 200, "got 200000"},
    };
    char *text = calloc(1, 3000001);
    assert_non_null(text);
    const int fd = dial(server);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_bytes raw = {0};
        struct tide_bytes packed = {0};
        const struct tide_view plain = {text, rows[i].plain};
        assert_int_equal(tide_compress(TIDE_CODING_ZSTD, plain, &packed, NULL), TIDE_OK);
        tide_bytes_append_format(&raw,
                                 "POST /packed HTTP/1.1\r\nHost: a\r\nContent-Encoding: zstd\r\n"
                                 "Content-Length: %zu\r\n\r\n",
                                 packed.size);
        tide_bytes_append_view(&raw, tide_bytes_view(&packed));
        send_all(fd, tide_bytes_view(&raw));
        read_reply(fd, &reply, false);
        assert_int_equal(reply.status, rows[i].status);
        assert_non_null(strstr(reply.text, rows[i].says));
        assert_int_equal(reply.status == 503, strstr(reply.text, "Retry-After: 1\r\n") != NULL);
        tide_bytes_release(&packed);
        tide_bytes_release(&raw);
    }
    (void)close(fd);
    free(text);
    tide_http_server_stop(server);
}

#define GUARDED "POST /guarded HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
#define PREFLIGHT "OPTIONS /guarded HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Method: POST\r\n"

/* Who may come in, and what pages of other origins are told. */
static void test_admission(void **state)
{
    (void)state;
    static struct reply reply;
    struct tide_http_server *server = start(tide_http_server_options_default());
    static const struct {
        const char *raw;
        unsigned status;
        const char *says;
        const char * not ;
    } rows[] = {
        {GUARDED "X-Api-Key: good\r\n\r\nx", 200, "somebody 255 255 127 0 0 1", "Access-Control"},
        {GUARDED "\r\nx", 401, "WWW-Authenticate: Bearer\r\n", "Access-Control"},
        {GUARDED "Origin: https://a.example\r\n\r\nx",
         401,
         "Access-Control-Allow-Origin: https://a.example\r\n",
         "Allow-Methods"},
        {GUARDED "X-Api-Key: good\r\nOrigin: https://a.example\r\n\r\nx",
         200,
         "Access-Control-Allow-Origin: https://a.example\r\n",
         "Allow-Methods"},
        {GUARDED "X-Api-Key: good\r\nOrigin: https://b.example\r\n\r\nx",
         200,
         "Vary: Origin\r\n",
         "Access-Control"},
        {PREFLIGHT "Origin: https://a.example\r\n\r\n",
         204,
         "Access-Control-Allow-Methods: POST, OPTIONS\r\n",
         "GET, OPTIONS"},
        {PREFLIGHT "Origin: https://b.example\r\n\r\n", 204, "Vary: Origin\r\n", "Access-Control"},
        {PREFLIGHT "\r\n", 204, "Allow: POST, GET, HEAD, OPTIONS\r\n", "Access-Control"},
        {"OPTIONS /hello HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Method: GET\r\n"
         "Origin: https://a.example\r\n\r\n",
         204,
         "Allow: GET, HEAD, OPTIONS\r\n",
         "Access-Control"},
        {"PUT /guarded HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\nContent-Length: "
         "0\r\n\r\n",
         405,
         "Access-Control-Allow-Origin: https://a.example\r\n",
         "Allow-Methods"},
        {GUARDED "X-Api-Key: good\r\nOrigin: https://a.example\r\nTransfer-Encoding: x\r\n\r\nx",
         400,
         "nosniff",
         "Access-Control"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int fd = dial(server);
        send_all(fd, tide_view_of(rows[i].raw));
        read_reply(fd, &reply, false);
        if (reply.status != rows[i].status || strstr(reply.text, rows[i].says) == NULL ||
            strstr(reply.text, rows[i].not ) != NULL ||
            strstr(reply.text, "X-Content-Type-Options: nosniff\r\n") == NULL) {
            fail_msg("row %zu: %s", i, reply.text);
        }
        (void)close(fd);
    }
    tide_http_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inflated_bodies_held),
        cmocka_unit_test(test_admission),
    };
    if (tide_cors_add(&cors, TIDE_VIEW("https://a.example"), NULL) != TIDE_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
