/* Goal: a listener is told the present, then each change, then goodbye; one that comes back is told
 * what he missed and no more; one that is slow gets the present all the same; there are no more of
 * them than wanted, and none is left behind. Method: the fixture's service, raw sockets, and
 * waiting for messages, never for time. */
#include "serve/live.h"

#include "fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ALERTS                                                                                     \
    FIXTURE_SCHEMA                                                                                 \
    "  by_region: {count: events, by: [region], every: 1h}\n"                                      \
    "alerts:\n  busy: {metric: by_region, when: 'value >= 2'}\n"

struct listener {
    int fd;
    struct tide_bytes text; /* the head as it came, and what is in the chunks */
    size_t seen;            /* what an expectation has passed */
    struct tide_bytes raw;  /* what came and is no whole chunk yet */
    bool has_head;
    bool has_ended;
};

/* headers: more lines of the request, or "". */
static struct listener listen_with(struct fixture *fixture,
                                   const char *path,
                                   const char *headers,
                                   int buffer_bytes)
{
    struct listener listener = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const struct timeval patience = {.tv_sec = 20};
    char request[512];
    assert_true(listener.fd >= 0);
    assert_int_equal(setsockopt(listener.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)),
                     0);
    assert_int_equal(
        setsockopt(listener.fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes)), 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(tide_http_server_port(fixture->server)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(listener.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    const int size =
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", path, headers);
    assert_int_equal(send(listener.fd, request, (size_t)size, MSG_NOSIGNAL), size);
    return listener;
}

static struct listener listen_to(struct fixture *fixture, const char *path)
{
    return listen_with(fixture, path, "", 1 << 16);
}

/* Takes what is whole out of raw. */
static size_t take(struct listener *listener)
{
    const char *data = tide_bytes_terminated(&listener->raw);
    const char *end = strstr(data, listener->has_head ? "\r\n" : "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    if (!listener->has_head) {
        listener->has_head = true;
        tide_bytes_append(&listener->text, data, (size_t)(end - data) + 4);
        return (size_t)(end - data) + 4;
    }
    const size_t size = strtoul(data, NULL, 16);
    const size_t head = (size_t)(end - data) + 2;
    if (head + size + 2 > listener->raw.size) {
        return 0;
    }
    tide_bytes_append(&listener->text, data + head, size);
    listener->has_ended = size == 0;
    return head + size + 2;
}

static bool read_more(struct listener *listener)
{
    char piece[8192];
    if (listener->has_ended) {
        return false; /* the connection is kept */
    }
    const ssize_t size = recv(listener->fd, piece, sizeof(piece), 0);
    if (size <= 0) {
        return false;
    }
    tide_bytes_append(&listener->raw, piece, (size_t)size);
    for (size_t taken = take(listener); taken > 0; taken = take(listener)) {
        memmove(listener->raw.data, listener->raw.data + taken, listener->raw.size - taken);
        listener->raw.size -= taken;
    }
    return true;
}

/* With a reset, so that the next heartbeat finds it. */
static void hang_up(struct listener *listener)
{
    const struct linger reset = {.l_onoff = 1};
    assert_int_equal(setsockopt(listener->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    (void)close(listener->fd);
    tide_bytes_release(&listener->text);
    tide_bytes_release(&listener->raw);
}

/* Reads until the part comes, behind what was expected before. Returns the place behind it. */
static const char *expect(struct listener *listener, const char *part)
{
    for (;;) {
        const char *text = tide_bytes_terminated(&listener->text);
        const char *found = strstr(text + listener->seen, part);
        if (found != NULL) {
            listener->seen = (size_t)(found - text) + strlen(part);
            return found + strlen(part);
        }
        if (!read_more(listener)) {
            fail_msg("no %s in: %s", part, text + listener->seen);
        }
    }
}

/* Whether the part came between the last two expectations, the first of which ended at from. */
static bool came_since(const struct listener *listener, size_t from, const char *part)
{
    const char *found = strstr(listener->text.data + from, part);
    return found != NULL && (size_t)(found - listener->text.data) < listener->seen;
}

/* The id of the last message that came whole. */
static void last_id(const struct listener *listener, char *id, size_t size)
{
    const char *last = NULL;
    for (const char *at = listener->text.data; (at = strstr(at, "\nid: ")) != NULL; at++) {
        last = at + 5;
    }
    assert_non_null(last);
    const size_t length = strcspn(last, "\n");
    assert_true(length < size);
    memcpy(id, last, length);
    id[length] = '\0';
}

static void wait_for_listeners(struct fixture *fixture, uint32_t count)
{
    const struct tide_monotonic begun = tide_clock_monotonic(tide_clock_os());
    while (tide_live_listeners(fixture->api->live) != count) {
        tide_clock_sleep(tide_clock_os(), (struct tide_duration){2000});
        assert_true(tide_monotonic_since(tide_clock_monotonic(tide_clock_os()), begun).us <
                    60000000);
    }
}

static void test_tells_changes(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(3);
    fixture_event(fixture, "ann", 0, ",\"region\":\"north\"");
    fixture_settle(fixture);
    struct listener listener = listen_to(fixture, "/api/v1/live?metrics=by_region,users");
    (void)expect(&listener, "HTTP/1.1 200");
    (void)expect(&listener, "Content-Type: text/event-stream\r\n");
    (void)expect(&listener, "retry: 1000\n\nevent: hello\nid: fedcba9876543210-0-");
    (void)expect(&listener, "\"resumed\":false}\n\n");
    (void)expect(&listener, "event: status\nid: fedcba9876543210-0-");
    (void)expect(&listener, "\"ledger\":{\"received\":1,");
    (void)expect(&listener, "event: cells\nid: fedcba9876543210-");
    (void)expect(&listener,
                 "data: {\"metric\":\"by_region\",\"cells\":[{\"metric\": \"by_region\"");
    (void)expect(&listener, "\"group\": {\"region\": \"north\"}, \"value\": 1,");
    (void)expect(&listener, "data: {\"metric\":\"users\"");
    fixture_event(fixture, "bob", 1, ",\"region\":\"south\"");
    const size_t from = listener.seen;
    (void)expect(&listener, "data: {\"metric\":\"by_region\",\"cells\":[");
    (void)expect(&listener, "\"group\": {\"region\": \"south\"}, \"value\": 1,");
    (void)expect(&listener, "\n\n");
    assert_false(came_since(&listener, from, "\"region\": \"north\"")); /* it did not change */
    (void)expect(&listener, "event: status\n");                         /* the heartbeat */
    (void)expect(&listener, "\"received\":2,");
    hang_up(&listener);
    wait_for_listeners(fixture, 0); /* noticed by the heartbeat */
    fixture_close(fixture);
}

static void test_resumes(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(3);
    char id[64];
    char header[128];
    const char *path = "/api/v1/live?metrics=by_region";
    fixture_event(fixture, "ann", 0, ",\"region\":\"north\"");
    fixture_settle(fixture);
    struct listener first = listen_to(fixture, path);
    (void)expect(&first, "\"region\": \"north\"}, \"value\": 1,");
    (void)expect(&first, "event: status\n");
    (void)expect(&first, "\n\n");
    last_id(&first, id, sizeof(id));
    hang_up(&first);
    wait_for_listeners(fixture, 0);
    fixture_event(fixture, "bob", 1, ",\"region\":\"south\""); /* while nobody listens */
    fixture_settle(fixture);

    (void)snprintf(header, sizeof(header), "Last-Event-ID: %s\r\n", id);
    struct listener second = listen_with(fixture, path, header, 1 << 16);
    (void)expect(&second, "\"resumed\":true}");
    const size_t from = second.seen;
    (void)expect(&second, "\"region\": \"south\"}, \"value\": 1,");
    (void)expect(&second, "event: status\n");
    (void)expect(&second, "\n\n");
    assert_false(came_since(&second, from, "\"region\": \"north\""));
    last_id(&second, id, sizeof(id));
    hang_up(&second);

    /* Nothing has changed since: only the state of the service is told. */
    (void)snprintf(header, sizeof(header), "Last-Event-ID: %s\r\n", id);
    struct listener third = listen_with(fixture, path, header, 1 << 16);
    (void)expect(&third, "\"resumed\":true}");
    const size_t begun = third.seen;
    for (int i = 0; i < 2; i++) {
        (void)expect(&third, "event: status\n");
    }
    assert_false(came_since(&third, begun, "event: cells"));
    hang_up(&third);

    /* Another question, another process: everything. */
    struct listener other =
        listen_with(fixture, "/api/v1/live?metrics=by_region&groups=3", header, 1 << 16);
    (void)expect(&other, "\"resumed\":false}");
    (void)expect(&other, "\"region\": \"north\"}");
    hang_up(&other);
    header[sizeof("Last-Event-ID: ") - 1] = 'a';
    struct listener foreign = listen_with(fixture, path, header, 1 << 16);
    (void)expect(&foreign, "\"resumed\":false}");
    (void)expect(&foreign, "\"region\": \"north\"}");
    hang_up(&foreign);
    fixture_close(fixture);
}

static void test_so_many_and_no_more(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(1);
    struct listener listeners[4];
    for (int i = 0; i < 4; i++) {
        listeners[i] = listen_to(fixture, "/api/v1/live");
        (void)expect(&listeners[i], "event: hello\n");
    }
    assert_int_equal(tide_live_listeners(fixture->api->live), 4);
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/live"), 503);
    assert_non_null(strstr(fixture_body(fixture), "too many listen"));
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/live?metrics=none"), 503);
    hang_up(&listeners[0]);
    wait_for_listeners(fixture, 3);
    /* A refused question takes no place. */
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/live?metrics=none"), 400);
    assert_int_equal(tide_live_listeners(fixture->api->live), 3);
    listeners[0] = listen_to(fixture, "/api/v1/live");
    (void)expect(&listeners[0], "event: hello\n");

    tide_api_hang_up(fixture->api);
    for (int i = 0; i < 4; i++) {
        (void)expect(&listeners[i], "event: bye\n");
        (void)expect(&listeners[i], "data: {}\n\n");
        while (read_more(&listeners[i])) {
        }
        assert_true(listeners[i].has_ended); /* cleanly */
        hang_up(&listeners[i]);
    }
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/live"), 503);
    assert_non_null(strstr(fixture_body(fixture), "the service is stopping"));
    assert_int_equal(tide_live_listeners(fixture->api->live), 0);
    fixture_close(fixture);
}

/* More than sockets and queue hold, while nobody reads: the last state comes all the same, and what
 * had been before it need not. */
static void test_slow_reader(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(1);
    struct listener listener =
        listen_with(fixture, "/api/v1/live?metrics=by_region&windows=100&groups=20", "", 4096);
    (void)expect(&listener, "event: hello\n");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2000; i++) { /* 2000 cells of some 250 bytes */
            char rest[64];
            (void)snprintf(rest, sizeof(rest), ",\"region\":\"r%02d\"", i % 20);
            fixture_event(fixture, "ann", i / 20 * 3600, rest);
        }
        fixture_settle(fixture);
        tide_clock_sleep(tide_clock_os(), (struct tide_duration){200000}); /* some looks */
    }
    (void)expect(&listener, "\"region\": \"r19\"}, \"value\": 3,"); /* of some window */
    unsigned found = 0;
    while (found < 2000) { /* each has the last state once; heartbeats go on meanwhile */
        found = 0;
        (void)expect(&listener, "event: ");
        for (const char *at = listener.text.data; (at = strstr(at, "\"value\": 3,")) != NULL;
             at++) {
            found++;
        }
    }
    (void)expect(&listener, "event: status\n");
    assert_int_equal(found, 2000);
    hang_up(&listener);
    fixture_close(fixture);
}

static void test_alerts(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_definitions(ALERTS, NULL, 1);
    struct listener listener = listen_to(fixture, "/api/v1/live");
    (void)expect(&listener, "event: alert\n");
    (void)expect(&listener, "\"name\":\"busy\"");
    (void)expect(&listener, "\"instance_count\":0,");
    fixture_event(fixture, "ann", 0, ",\"region\":\"north\"");
    fixture_settle(fixture);
    tide_alerts_turn(fixture->alerts); /* from here on it judges */
    fixture_event(fixture, "ann", 1, ",\"region\":\"north\"");
    fixture_event(fixture, "ann", 3660, ",\"region\":\"south\"");
    fixture_settle(fixture);
    const size_t from = listener.seen;
    (void)expect(&listener, "event: status\n");
    (void)expect(&listener, "event: status\n");
    assert_false(came_since(&listener, from, "event: alert")); /* its state is as it was */
    tide_alerts_turn(fixture->alerts);
    (void)expect(&listener, "event: alert\n");
    (void)expect(&listener, "\"state\":\"firing\"");
    hang_up(&listener);
    fixture_close(fixture);
}

static void test_head(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(1);
    assert_int_equal(fixture_ask(fixture, "HEAD", "/api/v1/live"), 200);
    wait_for_listeners(fixture, 0);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_changes),
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_so_many_and_no_more),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
