/* Goal: nothing that could be read in two ways reaches a handler; a reply from any thread arrives
 * exactly once; deadlines end what does not end by itself. Method: a real server on a free port of
 * the loopback; raw bytes from a table, with the status and the state of the connection they must
 * lead to, each refusal followed on the same connection by a request that must never be served;
 * replies from another thread while many clients work; short deadlines. */
#include "http/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/http/raw_client.h"
#include "unit/http/server_corpus.h"

enum {
    PARKED_MAX = 256,
    CLIENTS = 8,
    REQUESTS = 400
};

static atomic_uint smuggled_count;
static atomic_uint observed_count;
static atomic_uint observed_errors;

/* ---- handlers ---- */

static void reply_text(struct tide_http_exchange *exchange, const char *text)
{
    struct tide_bytes body = {0};
    tide_bytes_append_text(&body, text);
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

static void append_parameter(void *context, struct tide_view name, struct tide_view value)
{
    struct tide_bytes *bytes = context;
    tide_bytes_append_format(
        bytes, "[%.*s=%.*s]", TIDE_VIEW_ARGUMENTS(name), TIDE_VIEW_ARGUMENTS(value));
}

static void handle_hello(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    tide_bytes_append_text(&body, "hello");
    tide_http_query_visit(exchange, append_parameter, &body);
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

static void handle_item(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    bool present = false;
    const struct tide_view mode = tide_http_query(exchange, "mode", &present);
    struct tide_bytes body = {0};
    tide_bytes_append_format(&body,
                             "item %.*s mode %.*s %d agent %.*s",
                             TIDE_VIEW_ARGUMENTS(tide_http_path_parameter(exchange)),
                             TIDE_VIEW_ARGUMENTS(mode),
                             present,
                             TIDE_VIEW_ARGUMENTS(tide_http_header(exchange, "user-agent")));
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

static void handle_upload(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    tide_bytes_append_format(&body, "got %zu", tide_http_body(exchange).size);
    tide_http_reply(exchange, 200, "text/plain", &body, 0);
}

static void handle_smuggled(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    (void)atomic_fetch_add(&smuggled_count, 1);
    reply_text(exchange, "smuggled");
}

static void handle_empty(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    tide_http_reply(exchange, 503, NULL, &body, 7);
}

static void handle_problem(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    tide_http_reply_problem(exchange, 400, 0, "value %d is \"bad\"", 7);
}

/* Exchanges that wait for the replier thread. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct tide_http_exchange *waiting[PARKED_MAX];
    size_t count;
    bool is_stopping;
} parking = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void handle_later(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    (void)pthread_mutex_lock(&parking.mutex);
    assert_true(parking.count < PARKED_MAX);
    parking.waiting[parking.count++] = exchange;
    (void)pthread_cond_signal(&parking.changed);
    (void)pthread_mutex_unlock(&parking.mutex);
}

static void reply_echo(struct tide_http_exchange *exchange)
{
    struct tide_bytes body = {0};
    tide_bytes_append_view(&body, tide_http_body(exchange));
    tide_http_reply(exchange, 200, "application/octet-stream", &body, 0);
}

static void *run_replier(void *context)
{
    (void)context;
    for (;;) {
        (void)pthread_mutex_lock(&parking.mutex);
        while (parking.count == 0 && !parking.is_stopping) {
            (void)pthread_cond_wait(&parking.changed, &parking.mutex);
        }
        if (parking.count == 0) {
            (void)pthread_mutex_unlock(&parking.mutex);
            return NULL;
        }
        struct tide_http_exchange *exchange = parking.waiting[--parking.count];
        (void)pthread_mutex_unlock(&parking.mutex);
        reply_echo(exchange);
    }
}

static void observe(void *context,
                    size_t route_index,
                    unsigned status,
                    struct tide_duration elapsed)
{
    (void)context;
    (void)route_index;
    assert_true(elapsed.us >= 0);
    (void)atomic_fetch_add(&observed_count, 1);
    (void)atomic_fetch_add(&observed_errors, status >= 400);
}

static const struct tide_http_parameter count_parameter = {
    .name = "count", .type = TIDE_HTTP_WHOLE, .min = 1, .max = 20};
static const struct tide_http_parameter *const strict_parameters[] = {&count_parameter, NULL};
static const struct tide_http_contract strict_contract = {.parameters = strict_parameters};

static const struct tide_http_route routes[] = {
    {.method = "GET",
     .path = "/strict",
     .handle = handle_hello,
     .contract = &strict_contract,
     .content_security_policy = "default-src 'none'"},
    {.method = "GET", .path = "/hello", .handle = handle_hello},
    {.method = "GET", .path = "/items/{name}", .handle = handle_item},
    {.method = "POST",
     .path = "/upload",
     .handle = handle_upload,
     .body_bytes_max = 1000,
     .content_types = "application/json,text/plain"},
    {.method = "POST",
     .path = "/loose",
     .handle = handle_upload,
     .body_bytes_max = 64,
     .content_types = ",application/json"},
    {.method = "GET", .path = "/upload", .handle = handle_hello},
    {.method = "GET", .path = "/smuggled", .handle = handle_smuggled},
    {.method = "GET", .path = "/empty", .handle = handle_empty},
    {.method = "GET", .path = "/problem", .handle = handle_problem},
    {.method = "POST", .path = "/bare", .handle = handle_upload},
    {.method = "POST",
     .path = "/packed",
     .handle = handle_upload,
     .body_bytes_max = 3000000,
     .takes_codings = true},
    {.method = "POST", .path = "/later", .handle = handle_later, .body_bytes_max = 100000},
};

static struct tide_http_server *start(struct tide_http_server_options options)
{
    options.port = 0;
    options.routes = routes;
    options.route_count = sizeof(routes) / sizeof(routes[0]);
    options.observe = observe;
    struct tide_http_server *server = NULL;
    struct tide_error error = {0};
    assert_int_equal(tide_http_server_start(&options, &server, &error), TIDE_OK);
    assert_true(tide_http_server_port(server) != 0);
    return server;
}

/* ---- the corpus ---- */

static unsigned check_case(const struct tide_http_server *server, const struct request_case *row)
{
    unsigned failures = 0;
    static struct reply reply;
    const int fd = dial(server);
    send_all(fd, row->raw);
    read_reply(fd, &reply, tide_view_starts_with(row->raw, TIDE_VIEW("HEAD")));
    if (reply.status != row->status ||
        (row->contains != NULL && strstr(reply.text, row->contains) == NULL)) {
        (void)fprintf(stderr,
                      "%s: status %u, want %u: %s\n",
                      row->name,
                      reply.status,
                      row->status,
                      reply.text);
        failures++;
    }
    if (row->after == CLOSED) {
        if (!is_closed(fd)) {
            (void)fprintf(stderr, "%s: the connection is still open\n", row->name);
            failures++;
        }
    } else {
        send_all(fd, TIDE_VIEW("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
        read_reply(fd, &reply, false);
        if (reply.status != 200) {
            (void)fprintf(stderr, "%s: the connection cannot be used again\n", row->name);
            failures++;
        }
    }
    (void)close(fd);
    return failures;
}

static void test_corpus(void **state)
{
    (void)state;
    struct tide_http_server *server = start(tide_http_server_options_default());
    atomic_store(&smuggled_count, 0);
    unsigned failures = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        failures += check_case(server, &cases[i]);
    }
    tide_http_server_stop(server);
    assert_int_equal(atomic_load(&smuggled_count), 0);
    assert_int_equal(failures, 0);
}

/* The same bytes, one at a time: no judgement may depend on how they arrive. */
static void test_split_request(void **state)
{
    (void)state;
    static struct reply reply;
    struct tide_http_server_options options = tide_http_server_options_default();
    options.thread_count = 1;
    struct tide_http_server *server = start(options);
    const struct tide_view raw =
        TIDE_VIEW("POST /upload?a=b HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    const int fd = dial(server);
    for (size_t i = 0; i < raw.size; i++) {
        send_all(fd, tide_view_slice(raw, i, 1));
    }
    read_reply(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "got 3");
    (void)close(fd);
    tide_http_server_stop(server);
}

static void test_many_headers(void **state)
{
    (void)state;
    static struct reply reply;
    struct tide_http_server *server = start(tide_http_server_options_default());
    for (unsigned count = 90; count <= 110; count += 10) {
        struct tide_bytes raw = {0};
        tide_bytes_append_text(&raw, "GET /hello HTTP/1.1\r\nHost: a\r\n");
        for (unsigned i = 1; i < count; i++) {
            tide_bytes_append_format(&raw, "X-%u: %u\r\n", i, i);
        }
        tide_bytes_append_text(&raw, "\r\n");
        const int fd = dial(server);
        send_all(fd, tide_bytes_view(&raw));
        read_reply(fd, &reply, false);
        assert_int_equal(reply.status, count <= 100 ? 200 : 431);
        tide_bytes_release(&raw);
        (void)close(fd);
    }
    tide_http_server_stop(server);
}

/* Headers that fill most of the library's memory are still where they were received. */
static void test_large_headers(void **state)
{
    (void)state;
    static struct reply reply;
    struct tide_http_server *server = start(tide_http_server_options_default());
    for (size_t size = 1000; size <= 19000; size += 3000) {
        struct tide_bytes raw = {0};
        tide_bytes_append_text(&raw, "GET /hello HTTP/1.1\r\nHost: a\r\nCookie: a=");
        for (size_t i = 0; i < size; i++) {
            tide_bytes_append_byte(&raw, 'x');
        }
        tide_bytes_append_text(&raw, "\r\nX: y\r\n\r\n");
        const int fd = dial(server);
        const struct tide_view text = tide_bytes_view(&raw);
        send_all(fd, tide_view_slice(text, 0, size / 2));
        send_all(fd, tide_view_slice(text, size / 2, text.size - size / 2));
        read_reply(fd, &reply, false);
        assert_int_equal(reply.status, size <= 16000 ? 200 : 431);
        tide_bytes_release(&raw);
        (void)close(fd);
    }
    tide_http_server_stop(server);
}

/* ---- replies from another thread ---- */

static void *run_client(void *context)
{
    struct tide_http_server *server = context;
    struct reply *reply = calloc(1, sizeof(*reply));
    assert_non_null(reply);
    const int fd = dial(server);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct tide_bytes raw = {0};
        struct tide_bytes body = {0};
        const unsigned size = (i * 37) % 9000;
        for (unsigned j = 0; j < size; j++) {
            tide_bytes_append_byte(&body, (char)('a' + (i + j) % 26));
        }
        tide_bytes_append_format(
            &raw, "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n", size);
        tide_bytes_append_view(&raw, tide_bytes_view(&body));
        send_all(fd, tide_bytes_view(&raw));
        read_reply(fd, reply, false);
        assert_int_equal(reply->status, 200);
        assert_int_equal(reply->size - (size_t)(reply->body - reply->text), size);
        assert_memory_equal(reply->body, body.data == NULL ? "" : body.data, size);
        tide_bytes_release(&raw);
        tide_bytes_release(&body);
    }
    (void)close(fd);
    free(reply);
    return NULL;
}

static void test_deferred(void **state)
{
    (void)state;
    struct tide_http_server *server = start(tide_http_server_options_default());
    parking.is_stopping = false;
    atomic_store(&observed_count, 0);
    pthread_t repliers[2];
    pthread_t clients[CLIENTS];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&repliers[i], NULL, run_replier, NULL), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&clients[i], NULL, run_client, server), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(clients[i], NULL), 0);
    }
    (void)pthread_mutex_lock(&parking.mutex);
    parking.is_stopping = true;
    (void)pthread_cond_broadcast(&parking.changed);
    (void)pthread_mutex_unlock(&parking.mutex);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(repliers[i], NULL), 0);
    }
    tide_http_server_stop(server);
    assert_int_equal(atomic_load(&observed_count), CLIENTS * REQUESTS);
}

static struct tide_http_exchange *take_parked(void)
{
    struct tide_http_exchange *exchange = NULL;
    const struct tide_clock clock = tide_clock_os();
    const struct tide_monotonic start_time = tide_clock_monotonic(clock);
    while (exchange == NULL &&
           tide_monotonic_since(tide_clock_monotonic(clock), start_time).us < 60000000) {
        (void)pthread_mutex_lock(&parking.mutex);
        if (parking.count > 0) {
            exchange = parking.waiting[--parking.count];
        }
        (void)pthread_mutex_unlock(&parking.mutex);
    }
    assert_non_null(exchange);
    return exchange;
}

/* The client goes away, or its deadline passes, while its exchange is parked: the reply is lost,
 * and nothing else is. */
static void test_parked_client_gone(void **state)
{
    (void)state;
    struct tide_http_server_options options = tide_http_server_options_default();
    options.reply_deadline = (struct tide_duration){50000};
    struct tide_http_server *server = start(options);
    for (int i = 0; i < 2; i++) {
        const int fd = dial(server);
        send_all(fd, TIDE_VIEW("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"));
        struct tide_http_exchange *exchange = take_parked();
        if (i == 0) {
            (void)close(fd);
            reply_echo(exchange);
        } else {
            assert_true(is_closed(fd)); /* by the deadline */
            reply_echo(exchange);
            (void)close(fd);
        }
    }
    tide_http_server_stop(server);
}

/* Who asks first is told to go on, or is refused without having sent the body. */
static void test_expect(void **state)
{
    (void)state;
    static const struct {
        const char *length;
        const char *first; /* of what is answered before the body */
    } rows[] = {{"1000", "HTTP/1.1 100 Continue\r\n\r\n"}, {"1001", "HTTP/1.1 413 "}};
    struct tide_http_server *server = start(tide_http_server_options_default());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_bytes raw = {0};
        tide_bytes_append_format(&raw,
                                 "POST /upload HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                                 "Content-Type: text/plain\r\nContent-Length: %s\r\n\r\n",
                                 rows[i].length);
        const int fd = dial(server);
        send_all(fd, tide_bytes_view(&raw));
        static struct reply reply;
        reply = (struct reply){0};
        while (reply.size < strlen(rows[i].first)) {
            assert_true(read_more(fd, &reply));
        }
        assert_int_equal(strncmp(reply.text, rows[i].first, strlen(rows[i].first)), 0);
        if (i == 0) {
            char body[1000];
            memset(body, 'x', sizeof(body));
            send_all(fd, (struct tide_view){body, sizeof(body)});
            read_reply(fd, &reply, false);
            assert_int_equal(reply.status, 200);
            assert_string_equal(reply.body, "got 1000");
        }
        (void)close(fd);
        tide_bytes_release(&raw);
    }
    tide_http_server_stop(server);
}

/* ---- deadlines and limits ---- */

static void test_deadlines(void **state)
{
    (void)state;
    static const struct {
        const char *sent;
    } rows[] = {
        {""},
        {"GET /hel"},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nX: "},
        {"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: "
         "9\r\n\r\nabc"},
        {"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
         "Transfer-Encoding: chunked\r\n\r\n3\r\nab"},
    };
    struct tide_http_server_options options = tide_http_server_options_default();
    options.header_deadline = (struct tide_duration){60000};
    options.body_deadline = (struct tide_duration){60000};
    struct tide_http_server *server = start(options);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int fd = dial(server);
        send_all(fd, tide_view_of(rows[i].sent));
        assert_true(is_closed(fd)); /* or the socket's own patience ends the test */
        (void)close(fd);
    }
    /* Headers of a second request on a kept connection have their deadline too. */
    static struct reply reply;
    const int fd = dial(server);
    send_all(fd, TIDE_VIEW("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    read_reply(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    send_all(fd, TIDE_VIEW("GET /hello HTTP/1.1\r\nHost: "));
    assert_true(is_closed(fd));
    (void)close(fd);
    tide_http_server_stop(server);
}

static void test_bodies_held(void **state)
{
    (void)state;
    static struct reply reply;
    struct tide_http_server_options options = tide_http_server_options_default();
    options.body_bytes_held_max = 100;
    struct tide_http_server *server = start(options);
    static const struct {
        const char *raw;
        unsigned status;
    } rows[] = {
        {"POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", 503},
        {"POST /loose HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 200},
        {"POST /later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "66\r\n"
         "012345678901234567890123456789012345678901234567890"
         "012345678901234567890123456789012345678901234567890\r\n",
         503},
        {"POST /loose HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 200},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int fd = dial(server);
        send_all(fd, tide_view_of(rows[i].raw));
        read_reply(fd, &reply, false);
        assert_int_equal(reply.status, rows[i].status);
        if (reply.status == 503) {
            assert_non_null(strstr(reply.text, "Retry-After: 1\r\n"));
            assert_true(is_closed(fd));
        }
        (void)close(fd);
    }
    tide_http_server_stop(server);
}

/* A refused body that is under way must not make the kernel reset the connection. */
static void test_refusal_arrives(void **state)
{
    (void)state;
    static struct reply reply;
    struct tide_http_server *server = start(tide_http_server_options_default());
    struct tide_bytes raw = {0};
    tide_bytes_append_text(&raw,
                           "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
                           "Content-Length: 500000\r\n\r\n");
    for (unsigned i = 0; i < 500000; i++) {
        tide_bytes_append_byte(&raw, 'x');
    }
    const int fd = dial(server);
    send_all(fd, tide_bytes_view(&raw));
    read_reply(fd, &reply, false);
    assert_int_equal(reply.status, 413);
    assert_non_null(strstr(reply.text, "X-Content-Type-Options: nosniff\r\n"));
    (void)close(fd);
    tide_bytes_release(&raw);
    tide_http_server_stop(server);
}

static void test_drain(void **state)
{
    (void)state;
    static struct reply reply;
    struct tide_http_server *server = start(tide_http_server_options_default());
    const int kept = dial(server);
    const int idle = dial(server);
    send_all(idle, TIDE_VIEW("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    read_reply(idle, &reply, false);
    send_all(kept, TIDE_VIEW("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"));
    struct tide_http_exchange *exchange = take_parked();
    tide_http_server_drain(server);
    reply_echo(exchange);
    read_reply(kept, &reply, false);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.text, "Connection: close"));
    assert_true(is_closed(kept));
    tide_http_server_stop(server);
    assert_true(is_closed(idle));
    (void)close(kept);
    (void)close(idle);
}

static void test_start_failures(void **state)
{
    (void)state;
    struct tide_http_server_options options = tide_http_server_options_default();
    struct tide_http_server *server = start(options);
    struct tide_http_server *second = NULL;
    struct tide_error error = {0};
    options.port = tide_http_server_port(server);
    assert_int_equal(tide_http_server_start(&options, &second, &error), TIDE_RETRY);
    assert_non_null(strstr(error.text, "cannot listen on 127.0.0.1"));
    options.address = "localhost.example";
    assert_int_equal(tide_http_server_start(&options, &second, &error), TIDE_REJECT);
    assert_null(second);
    tide_http_server_stop(server);
    tide_http_server_stop(NULL);
}

static void test_connections_per_address(void **state)
{
    (void)state;
    struct tide_http_server_options options = tide_http_server_options_default();
    options.connections_per_address_max = 3;
    struct tide_http_server *server = start(options);
    static struct reply reply;
    int fds[4];
    for (size_t i = 0; i < 4; i++) {
        fds[i] = dial(server);
        send_all(fds[i], TIDE_VIEW("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
        read_reply(fds[i], &reply, false);
        assert_int_equal(reply.status, i < 3 ? 200 : 0);
    }
    for (size_t i = 0; i < 4; i++) {
        (void)close(fds[i]);
    }
    tide_http_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus),
        cmocka_unit_test(test_split_request),
        cmocka_unit_test(test_many_headers),
        cmocka_unit_test(test_large_headers),
        cmocka_unit_test(test_deferred),
        cmocka_unit_test(test_expect),
        cmocka_unit_test(test_parked_client_gone),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_bodies_held),
        cmocka_unit_test(test_refusal_arrives),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_start_failures),
        cmocka_unit_test(test_connections_per_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
