#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

enum {
    BACKLOG = 1024
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* 0: it is no address. */
static socklen_t parse(const char *text, uint16_t port, union address *address)
{
    *address = (union address){0};
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        return sizeof(address->v4);
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        return sizeof(address->v6);
    }
    return 0;
}

enum tide_status tide_listen(
    const char *text, uint16_t port, int *fd, uint16_t *bound, struct tide_error *error)
{
    union address address;
    socklen_t size = parse(text, port, &address);
    if (size == 0) {
        return tide_error_set(error, TIDE_REJECT, "'%s' is no address to listen on", text);
    }
    const int on = 1;
    const int opened = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (opened < 0 || setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(opened, &address.any, size) != 0 || listen(opened, BACKLOG) != 0 ||
        getsockname(opened, &address.any, &size) != 0) {
        (void)tide_error_set(
            error, TIDE_RETRY, "cannot listen on %s:%u: %s", text, port, strerror(errno));
        if (opened >= 0) {
            (void)close(opened);
        }
        return TIDE_RETRY;
    }
    *fd = opened;
    *bound = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
    return TIDE_OK;
}
