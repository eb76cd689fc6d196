/* Goal: a deadline ends a connection, a later one does not; a lingering socket is read to its end.
 * Method: socket pairs and deadlines of milliseconds; waiting is reading the other end. */
#include "http/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void make_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    const struct timeval patience = {.tv_sec = 20};
    assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
}

static struct tide_watch *start(void)
{
    struct tide_watch *watch = NULL;
    const struct tide_duration tick = {2000};
    assert_int_equal(tide_watch_start(tick, &watch, NULL), TIDE_OK);
    return watch;
}

static void test_deadline(void **state)
{
    (void)state;
    struct tide_watch *watch = start();
    enum {
        PAIRS = 5
    };
    int fds[PAIRS][2];
    struct tide_watched watched[PAIRS] = {0};
    for (size_t i = 0; i < PAIRS; i++) {
        make_pair(fds[i]);
        watched[i].fd = fds[i][0];
        const struct tide_duration after = {i % 2 == 0 ? 20000 : 3600000000};
        tide_watch_set(watch, &watched[i], after);
        tide_watch_add(watch, &watched[i]);
    }
    char byte;
    for (size_t i = 0; i < PAIRS; i += 2) {
        assert_int_equal(recv(fds[i][1], &byte, 1, 0), 0); /* shut down */
    }
    for (size_t i = 1; i < PAIRS; i += 2) {
        assert_int_equal(recv(fds[i][1], &byte, 1, MSG_DONTWAIT), -1); /* still open */
    }
    tide_watch_set(watch, &watched[1], (struct tide_duration){1000}); /* brought forward */
    assert_int_equal(recv(fds[1][1], &byte, 1, 0), 0);
    for (size_t i = 0; i < PAIRS; i++) {
        tide_watch_remove(watch, &watched[(i + 2) % PAIRS]); /* first, middle and last ones */
        (void)close(fds[(i + 2) % PAIRS][0]);
        (void)close(fds[(i + 2) % PAIRS][1]);
    }
    tide_watch_stop(watch);
}

static void test_linger(void **state)
{
    (void)state;
    struct tide_watch *watch = start();
    static char data[200000];
    int fds[2];
    make_pair(fds);
    tide_watch_linger(watch, fds[0], (struct tide_duration){10000000});
    char byte;
    assert_int_equal(recv(fds[1], &byte, 1, 0), 0); /* we say no more ... */
    size_t sent = 0;
    while (sent < sizeof(data)) { /* ... but listen, or this would block for ever */
        const ssize_t size = send(fds[1], data + sent, sizeof(data) - sent, MSG_NOSIGNAL);
        assert_true(size > 0);
        sent += (size_t)size;
    }
    (void)close(fds[1]);
    /* Past its time it is closed, which a sender sees. */
    make_pair(fds);
    tide_watch_linger(watch, fds[0], (struct tide_duration){10000});
    while (send(fds[1], data, 1, MSG_NOSIGNAL) > 0) {
    }
    (void)close(fds[1]);
    tide_watch_stop(watch);
    tide_watch_stop(NULL);
}

static void test_linger_limit(void **state)
{
    (void)state;
    struct tide_watch *watch = start();
    int fds[TIDE_WATCH_LINGERING_MAX + 1][2];
    for (size_t i = 0; i <= TIDE_WATCH_LINGERING_MAX; i++) {
        make_pair(fds[i]);
        tide_watch_linger(watch, fds[i][0], (struct tide_duration){3600000000});
    }
    assert_int_equal(send(fds[TIDE_WATCH_LINGERING_MAX][1], "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(send(fds[0][1], "x", 1, MSG_NOSIGNAL), 1);
    tide_watch_stop(watch); /* closes them */
    for (size_t i = 0; i <= TIDE_WATCH_LINGERING_MAX; i++) {
        assert_int_equal(send(fds[i][1], "x", 1, MSG_NOSIGNAL), -1);
        (void)close(fds[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_linger),
        cmocka_unit_test(test_linger_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
