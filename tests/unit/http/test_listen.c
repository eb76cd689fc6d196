/* Goal: a socket that accepts, or a reason. Method: free ports of the loopback of both families;
 * the same port twice; texts that are no addresses. */
#include "http/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_listens(void **state)
{
    (void)state;
    struct tide_error error = {0};
    int fd = -1;
    uint16_t port = 0;
    assert_int_equal(tide_listen("127.0.0.1", 0, &fd, &port, &error), TIDE_OK);
    assert_true(fd >= 0 && port > 0);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(client, (const struct sockaddr *)&address, sizeof(address)), 0);

    int other = -1;
    uint16_t same = 0;
    assert_int_equal(tide_listen("127.0.0.1", port, &other, &same, &error), TIDE_RETRY);
    assert_non_null(strstr(error.text, "cannot listen on 127.0.0.1:"));
    assert_int_equal(other, -1);
    (void)close(client);
    (void)close(fd);
}

static void test_ipv6(void **state)
{
    (void)state;
    struct tide_error error = {0};
    int fd = -1;
    uint16_t port = 0;
    const enum tide_status status = tide_listen("::1", 0, &fd, &port, &error);
    if (status == TIDE_OK) {
        assert_true(fd >= 0 && port > 0);
        (void)close(fd);
    } else { /* a machine without IPv6 */
        assert_int_equal(status, TIDE_RETRY);
        assert_non_null(strstr(error.text, "cannot listen on ::1:"));
    }
}

static void test_no_address(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "localhost", "127.0.0", "1.2.3.4.5", "::g"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tide_error error = {0};
        int fd = -1;
        uint16_t port = 0;
        assert_int_equal(tide_listen(texts[i], 0, &fd, &port, &error), TIDE_REJECT);
        assert_int_equal(fd, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listens),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
