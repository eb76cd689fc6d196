/* Goal: what is written arrives, in order and whole, while neither side waits for the other;
 * whoever does not read is cut off, whoever left is noticed, and nothing of a stream is left
 * behind. Method: a real server on a free port of the loopback, raw sockets, streams that are begun
 * in the handler and by another thread; short stalls; many writers at once for the thread
 * sanitizer. */
#include "http/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    TEXT_MAX = 1 << 20,
    STREAMS = 24,
    MESSAGES = 300,
    QUEUE_BYTES = 4096
};

/* Streams, or exchanges, that the handlers left for the test. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct tide_http_stream *stream;
    struct tide_http_exchange *exchange;
    int64_t stall_us;
} left = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
static atomic_uint observed;

static struct tide_http_stream *begin(struct tide_http_exchange *exchange)
{
    const struct tide_http_stream_options options = {
        "text/event-stream", QUEUE_BYTES, {left.stall_us}};
    struct tide_http_stream *stream = NULL;
    struct tide_error error = {0};
    assert_int_equal(tide_http_reply_stream(exchange, &options, &stream, &error), TIDE_OK);
    return stream;
}

static void handle_now(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    (void)pthread_mutex_lock(&left.mutex);
    assert_null(left.stream);
    left.stream = begin(exchange);
    (void)pthread_cond_signal(&left.changed);
    (void)pthread_mutex_unlock(&left.mutex);
}

static void handle_later(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    (void)pthread_mutex_lock(&left.mutex);
    left.exchange = exchange;
    (void)pthread_cond_signal(&left.changed);
    (void)pthread_mutex_unlock(&left.mutex);
}

static struct tide_http_stream *take_stream(void)
{
    (void)pthread_mutex_lock(&left.mutex);
    while (left.stream == NULL) {
        (void)pthread_cond_wait(&left.changed, &left.mutex);
    }
    struct tide_http_stream *stream = left.stream;
    left.stream = NULL;
    (void)pthread_mutex_unlock(&left.mutex);
    return stream;
}

static void observe(void *context,
                    size_t route_index,
                    unsigned status,
                    struct tide_duration elapsed)
{
    (void)context;
    (void)route_index;
    (void)elapsed;
    (void)atomic_fetch_add(&observed, status == 200);
}

static const struct tide_cors cors = {.origins = {{"https://a.example", 17}}, .origin_count = 1};
static const struct tide_http_route routes[] = {
    {.method = "GET",
     .path = "/now",
     .handle = handle_now,
     .content_security_policy = "default-src 'none'",
     .cors = &cors},
    {.method = "GET", .path = "/later", .handle = handle_later},
};

static struct tide_http_server *start(int64_t stall_us)
{
    struct tide_http_server_options options = tide_http_server_options_default();
    struct tide_http_server *server = NULL;
    struct tide_error error = {0};
    left.stall_us = stall_us;
    atomic_store(&observed, 0);
    options.port = 0;
    options.thread_count = 2;
    options.routes = routes;
    options.route_count = sizeof(routes) / sizeof(routes[0]);
    options.observe = observe;
    options.reply_deadline = (struct tide_duration){300000}; /* a stream lasts longer */
    assert_int_equal(tide_http_server_start(&options, &server, &error), TIDE_OK);
    return server;
}

static int dial(const struct tide_http_server *server, const char *method, const char *path)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = 20};
    const int small = 4096;
    char request[128];
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(tide_http_server_port(server)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    const int size = snprintf(request,
                              sizeof(request),
                              "%s %s HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n\r\n",
                              method,
                              path);
    assert_int_equal(send(fd, request, (size_t)size, MSG_NOSIGNAL), size);
    return fd;
}

/* Reads until text holds `until`, or the end. */
static char *read_until(int fd, const char *until)
{
    char *text = calloc(1, TEXT_MAX);
    size_t size = 0;
    assert_non_null(text);
    while (strstr(text, until) == NULL) {
        const ssize_t more = recv(fd, text + size, TEXT_MAX - 1 - size, 0);
        if (more <= 0) {
            break;
        }
        size += (size_t)more;
        text[size] = '\0';
    }
    return text;
}

static void expect(int fd, const char *until)
{
    char *text = read_until(fd, until);
    if (strstr(text, until) == NULL) {
        fail_msg("no %s in: %s", until, text);
    }
    free(text);
}

static void wait_ms(int64_t ms)
{
    tide_clock_sleep(tide_clock_os(), (struct tide_duration){ms * 1000});
}

/* Writes until the stream says that it is over. */
static void write_until_over(struct tide_http_stream *stream)
{
    const struct tide_monotonic begun = tide_clock_monotonic(tide_clock_os());
    enum tide_status status = TIDE_OK;
    while (status != TIDE_REJECT) {
        status = tide_http_stream_write(stream, TIDE_VIEW("0123456789abcdef0123456789abcdef"));
        assert_true(status == TIDE_OK || status == TIDE_AGAIN || status == TIDE_REJECT);
        if (status == TIDE_AGAIN) {
            wait_ms(2);
        }
        assert_true(tide_monotonic_since(tide_clock_monotonic(tide_clock_os()), begun).us <
                    60000000);
    }
}

static void test_arrives(void **state)
{
    (void)state;
    struct tide_http_server *server = start(10000000);
    const int fd = dial(server, "GET", "/now");
    struct tide_http_stream *stream = take_stream();
    char *head = read_until(fd, "\r\n\r\n"); /* before anything was written */
    assert_non_null(strstr(head, "HTTP/1.1 200"));
    assert_non_null(strstr(head, "Content-Type: text/event-stream"));
    assert_non_null(strstr(head, "chunked"));
    free(head);
    assert_int_equal(tide_http_stream_write(stream, TIDE_VIEW("first")), TIDE_OK);
    expect(fd, "5\r\nfirst\r\n");
    assert_int_equal(tide_http_stream_waiting(stream), 0);
    wait_ms(500); /* longer than the reply deadline */
    assert_int_equal(tide_http_stream_write(stream, TIDE_VIEW("second")), TIDE_OK);
    expect(fd, "6\r\nsecond\r\n");
    assert_int_equal(atomic_load(&observed), 1); /* it counts when it begins */
    assert_int_equal(tide_http_stream_write(stream, TIDE_VIEW("last")), TIDE_OK);
    tide_http_stream_close(stream);
    expect(fd, "4\r\nlast\r\n0\r\n\r\n");
    /* The connection can be used again. */
    assert_int_equal(send(fd, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 31, MSG_NOSIGNAL), 31);
    expect(fd, "HTTP/1.1 404");
    (void)close(fd);
    tide_http_server_stop(server);
    tide_http_stream_close(NULL);
}

/* What every reply says, a streamed one says too. */
static void test_headers(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "\r\nX-Content-Type-Options: nosniff\r\n",
        "\r\nCache-Control: no-store\r\n",
        "\r\nContent-Security-Policy: default-src 'none'\r\n",
        "\r\nVary: Origin\r\n",
        "\r\nAccess-Control-Allow-Origin: https://a.example\r\n",
    };
    static const char *const methods[] = {"GET", "HEAD"};
    struct tide_http_server *server = start(10000000);
    for (size_t i = 0; i < 2; i++) {
        const int fd = dial(server, methods[i], "/now");
        struct tide_http_stream *stream = take_stream();
        char *head = read_until(fd, "\r\n\r\n");
        for (size_t j = 0; j < sizeof(lines) / sizeof(lines[0]); j++) {
            const char *found = strstr(head, lines[j]);
            assert_non_null(found);
            assert_null(strstr(found + 1, lines[j])); /* once */
        }
        free(head);
        tide_http_stream_close(stream);
        (void)close(fd);
    }
    tide_http_server_stop(server);
}

static void test_begun_by_another_thread(void **state)
{
    (void)state;
    struct tide_http_server *server = start(10000000);
    const int fd = dial(server, "GET", "/later");
    (void)pthread_mutex_lock(&left.mutex);
    while (left.exchange == NULL) {
        (void)pthread_cond_wait(&left.changed, &left.mutex);
    }
    struct tide_http_stream *stream = begin(left.exchange);
    left.exchange = NULL;
    (void)pthread_mutex_unlock(&left.mutex);
    assert_int_equal(tide_http_stream_write(stream, TIDE_VIEW("hello")), TIDE_OK);
    tide_http_stream_close(stream);
    expect(fd, "5\r\nhello\r\n0\r\n\r\n");
    (void)close(fd);
    tide_http_server_stop(server);
}

static void test_large_message(void **state)
{
    (void)state;
    struct tide_http_server *server = start(10000000);
    const int fd = dial(server, "GET", "/now");
    struct tide_http_stream *stream = take_stream();
    struct tide_bytes large = {0};
    for (int i = 0; i < 20 * QUEUE_BYTES / 8; i++) {
        tide_bytes_append_format(&large, "%08d", i);
    }
    /* Into an empty queue; then there is no room until it was taken. */
    assert_int_equal(tide_http_stream_write(stream, tide_bytes_view(&large)), TIDE_OK);
    char *text = read_until(fd, "00010239");
    assert_non_null(strstr(text, "00010239"));
    free(text);
    tide_bytes_release(&large);
    tide_http_stream_close(stream);
    expect(fd, "0\r\n\r\n");
    (void)close(fd);
    tide_http_server_stop(server);
}

static void test_full_queue_and_stall(void **state)
{
    (void)state;
    struct tide_http_server *server = start(300000);
    const int fd = dial(server, "GET", "/now");
    struct tide_http_stream *stream = take_stream();
    enum tide_status status = TIDE_OK;
    size_t written = 0;
    while (status == TIDE_OK) {
        status = tide_http_stream_write(stream, TIDE_VIEW("0123456789abcdef"));
        written += status == TIDE_OK ? 16 : 0;
    }
    assert_int_equal(status, TIDE_AGAIN); /* nobody reads: sockets and queue are full */
    assert_true(tide_http_stream_waiting(stream) <= QUEUE_BYTES);
    assert_true(written + 16 >= QUEUE_BYTES);
    write_until_over(stream); /* the stall ends it */
    tide_http_stream_close(stream);
    (void)close(fd);
    tide_http_server_stop(server);
}

static void test_reader_leaves(void **state)
{
    (void)state;
    struct tide_http_server *server = start(10000000);
    for (int i = 0; i < 3; i++) {
        const int fd = dial(server, "GET", "/now");
        struct tide_http_stream *stream = take_stream();
        assert_int_equal(tide_http_stream_write(stream, TIDE_VIEW("x")), TIDE_OK);
        expect(fd, "1\r\nx\r\n");
        if (i == 0) {
            const struct linger reset = {.l_onoff = 1};
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        }
        (void)close(fd);
        write_until_over(stream);
        assert_int_equal(tide_http_stream_write(stream, TIDE_VIEW("x")), TIDE_REJECT);
        tide_http_stream_close(stream);
    }
    tide_http_server_stop(server);
}

static void test_head(void **state)
{
    (void)state;
    struct tide_http_server *server = start(10000000);
    const int fd = dial(server, "HEAD", "/now");
    struct tide_http_stream *stream = take_stream();
    expect(fd, "\r\n\r\n");
    write_until_over(stream);
    tide_http_stream_close(stream);
    (void)close(fd);
    tide_http_server_stop(server);
}

static void test_drain_ends(void **state)
{
    (void)state;
    struct tide_http_server *server = start(10000000);
    const int quiet = dial(server, "GET", "/now");
    struct tide_http_stream *suspended = take_stream();
    const int busy = dial(server, "GET", "/now");
    struct tide_http_stream *waiting = take_stream();
    const int stalled = dial(server, "GET", "/now");
    struct tide_http_stream *full = take_stream();
    expect(quiet, "\r\n\r\n");
    while (tide_http_stream_write(full, TIDE_VIEW("0123456789abcdef")) == TIDE_OK) {
    }
    assert_int_equal(tide_http_stream_write(waiting, TIDE_VIEW("bye")), TIDE_OK);
    tide_http_server_drain(server);
    expect(quiet, "0\r\n\r\n");
    expect(busy, "3\r\nbye\r\n0\r\n\r\n");
    assert_int_equal(tide_http_stream_write(suspended, TIDE_VIEW("x")), TIDE_REJECT);
    tide_http_server_stop(server); /* does not wait for who does not read */
    assert_int_equal(tide_http_stream_write(full, TIDE_VIEW("x")), TIDE_REJECT);
    assert_int_equal(tide_http_stream_waiting(full), 0);
    tide_http_stream_close(suspended);
    tide_http_stream_close(waiting);
    tide_http_stream_close(full);
    (void)close(quiet);
    (void)close(busy);
    (void)close(stalled);
}

/* ---- many at once */

struct reader {
    int fd;
    pthread_t thread;
    unsigned received;
};

static void *read_all(void *context)
{
    struct reader *reader = context;
    char *text = read_until(reader->fd, "\r\n0\r\n\r\n");
    unsigned next = 0;
    for (const char *at = text; (at = strstr(at, "message ")) != NULL; at++) {
        assert_int_equal(strtoul(at + 8, NULL, 10), next); /* in order, none missing */
        next++;
    }
    reader->received = next;
    free(text);
    return NULL;
}

static void test_many(void **state)
{
    (void)state;
    struct tide_http_server *server = start(10000000);
    static struct reader readers[STREAMS];
    struct tide_http_stream *streams[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        readers[i] = (struct reader){.fd = dial(server, "GET", "/now")};
        streams[i] = take_stream();
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
    }
    for (int k = 0; k < MESSAGES; k++) {
        for (int i = 0; i < STREAMS; i++) {
            char text[32];
            const int size = snprintf(text, sizeof(text), "message %d;", k);
            const struct tide_view message = {text, (size_t)size};
            enum tide_status status = TIDE_AGAIN;
            while ((status = tide_http_stream_write(streams[i], message)) == TIDE_AGAIN) {
                wait_ms(1);
            }
            assert_int_equal(status, TIDE_OK);
        }
    }
    for (int i = 0; i < STREAMS; i++) {
        tide_http_stream_close(streams[i]);
        (void)pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].received, MESSAGES);
        (void)close(readers[i].fd);
    }
    tide_http_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrives),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_begun_by_another_thread),
        cmocka_unit_test(test_large_message),
        cmocka_unit_test(test_full_queue_and_stall),
        cmocka_unit_test(test_reader_leaves),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_drain_ends),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
