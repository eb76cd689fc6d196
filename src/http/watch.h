/* Absolute deadlines of connections, and sockets that linger.
 *
 * libmicrohttpd has an idle timer only, which a client that sends a byte now and then keeps from
 * going off. Here one thread shuts a connection's socket down when its deadline has passed; the
 * connection's own thread then sees the end and cleans up. A socket on which a refusal was sent
 * before the body was read lingers: it is read and the bytes are thrown away for a moment, because
 * closing it at once would make the kernel reset the connection, and the client might never see
 * why. */
#ifndef TIDE_HTTP_WATCH_H
#define TIDE_HTTP_WATCH_H

#include "base/clock.h"
#include "base/status.h"

struct tide_watch;

/* A connection's; the caller's memory, between add and remove. */
struct tide_watched {
    int fd;
    struct tide_monotonic deadline;
    struct tide_watched *previous;
    struct tide_watched *next;
};

enum {
    TIDE_WATCH_LINGERING_MAX = 64
};

/* tick: how exact deadlines are. RETRY: no thread or descriptor. */
enum tide_status tide_watch_start(struct tide_duration tick,
                                  struct tide_watch **watch,
                                  struct tide_error *error);
/* Nothing may be watched any more. Lingering sockets are closed. */
void tide_watch_stop(struct tide_watch *watch);

/* Any thread. fd must stay open until remove returns. */
void tide_watch_add(struct tide_watch *watch, struct tide_watched *watched);
void tide_watch_remove(struct tide_watch *watch, struct tide_watched *watched);
/* after: from now on. Replaces the deadline that was. */
void tide_watch_set(struct tide_watch *watch,
                    struct tide_watched *watched,
                    struct tide_duration after);
/* Takes fd: it is read until its end or for `after`, then closed. Closed at once if there are too
 * many. */
void tide_watch_linger(struct tide_watch *watch, int fd, struct tide_duration after);

#endif
