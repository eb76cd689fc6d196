/* A client that sends bytes as they are and reads one reply: for tests of the server. */
#ifndef TIDE_UNIT_HTTP_RAW_CLIENT_H
#define TIDE_UNIT_HTTP_RAW_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cmocka.h>

#include "http/server.h"

enum {
    REPLY_TEXT_MAX = 1 << 16,
};

static inline int dial(const struct tide_http_server *server)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    const struct timeval patience = {.tv_sec = 20};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(tide_http_server_port(server)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void send_all(int fd, struct tide_view text)
{
    while (text.size > 0) {
        const ssize_t sent = send(fd, text.data, text.size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the server closed: what it said is read next */
        }
        text = tide_view_slice(text, (size_t)sent, text.size - (size_t)sent);
    }
}

struct reply {
    unsigned status; /* 0: the connection ended without one */
    char text[REPLY_TEXT_MAX];
    size_t size;
    const char *body;
};

static inline bool read_more(int fd, struct reply *reply)
{
    assert_true(reply->size < sizeof(reply->text) - 1);
    const ssize_t size =
        recv(fd, reply->text + reply->size, sizeof(reply->text) - 1 - reply->size, 0);
    if (size <= 0) {
        return false;
    }
    reply->size += (size_t)size;
    reply->text[reply->size] = '\0';
    return true;
}

/* Reads one reply; 100 Continue is skipped. */
static inline void read_reply(int fd, struct reply *reply, bool is_head)
{
    *reply = (struct reply){0};
    for (;;) {
        char *end = strstr(reply->text, "\r\n\r\n");
        if (end == NULL) {
            if (!read_more(fd, reply)) {
                return;
            }
            continue;
        }
        if (strncmp(reply->text, "HTTP/1.1 100", 12) == 0) {
            const size_t head = (size_t)(end + 4 - reply->text);
            memmove(reply->text, end + 4, reply->size - head + 1);
            reply->size -= head;
            continue;
        }
        const char *length = strcasestr(reply->text, "\r\nContent-Length:");
        const size_t body_size =
            length == NULL || is_head ? 0 : (size_t)strtoul(length + 17, NULL, 10);
        reply->body = end + 4;
        while ((size_t)(reply->text + reply->size - reply->body) < body_size) {
            if (!read_more(fd, reply)) {
                return;
            }
        }
        assert_int_equal(strncmp(reply->text, "HTTP/1.1 ", 9), 0);
        reply->status = (unsigned)strtoul(reply->text + 9, NULL, 10);
        return;
    }
}

static inline bool is_closed(int fd)
{
    char byte;
    const ssize_t size = recv(fd, &byte, 1, 0);
    return size == 0 || (size < 0 && errno == ECONNRESET); /* not: the patience is over */
}

#endif
