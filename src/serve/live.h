/* The live feed: GET /api/v1/live. What changes, as it changes, as server-sent events.
 *
 * One thread looks for all listeners (live_cells.h) while there are some, at most every TICK_MS and
 * only if something was processed; once a second it tells how the service does, which is the
 * heartbeat, and what time alone has changed. Without listeners it sleeps.
 *
 * A listener is a position: up to which look it has been told each metric. A stream takes what it
 * has room for; what it has not been told yet waits in the engine, not in a queue, so a slow reader
 * gets fewer and newer states, and misses none that lasts. One that reads nothing for STALL_MS is
 * cut off. Where Last-Event-ID names a position of this process, the stream goes on from there. */
#ifndef TIDE_SERVE_LIVE_H
#define TIDE_SERVE_LIVE_H

#include "serve/api_internal.h"

enum {
    TIDE_LIVE_TICK_MS = 40,
    TIDE_LIVE_BEAT_MS = 1000,
    TIDE_LIVE_STALL_MS = 10000,
    TIDE_LIVE_LISTENERS_MAX = 4096,
    TIDE_LIVE_WAITING_BYTES_MAX = 64 << 20, /* that wait, of all listeners */
    TIDE_LIVE_MESSAGE_BYTES_MAX = 32 << 20,
};

struct tide_live;

/* api outlives it, and may be asked from now on. RETRY: no memory or thread. */
enum tide_status tide_live_start(const struct tide_api *api,
                                 struct tide_live **live,
                                 struct tide_error *error);
/* Takes no more listeners, says goodbye, ends the thread. Blocks. NULL is fine. */
void tide_live_hang_up(struct tide_live *live);
/* Hangs up if need be. No server may hand it exchanges any more. NULL is fine. */
void tide_live_destroy(struct tide_live *live);
/* An exchange that wants to listen: replies with a stream, or a problem. Any thread; does not
 * block. */
void tide_live_join(struct tide_live *live, struct tide_http_exchange *exchange);
/* A glimpse. */
uint32_t tide_live_listeners(const struct tide_live *live);

#endif
