/* One request and its one reply, as the http room sees it; other rooms use http/server.h.
 *
 *                 first call of the access handler
 *     HEADERS ------------------------------------> REPLIED   refused by gate, route or limits
 *        |
 *        v           body complete
 *      BODY -------> HANDLED ---- reply, any thread ----> REPLIED ---> queued, sent, released
 *                       |                                    ^
 *                       | handler returned without a reply;  |
 *                       | connection suspended               | reply: resumes the connection
 *                       +-------------> PARKED --------------+
 *
 * HEADERS, BODY: the connection's own thread alone. HANDLED: two threads may race, the one that
 * returns from the handler and the one that replies. Both move the state by one atomic step. The
 * connection is suspended *before* HANDLED becomes PARKED; if that step finds REPLIED, the
 * handler's thread itself resumes. So whoever replies resumes exactly if it finds PARKED, and
 * nobody resumes a connection that is not suspended. A suspended connection, and its exchange,
 * cannot go away: only the connection's thread releases it, after the resumption. What a reply
 * holds is written before the step to REPLIED and read after it. */
#ifndef TIDE_HTTP_EXCHANGE_H
#define TIDE_HTTP_EXCHANGE_H

#include "base/arena.h"
#include "http/body.h"
#include "http/cors.h"
#include "http/gate.h"
#include "http/stream.h"

enum tide_exchange_state {
    TIDE_EXCHANGE_HEADERS,
    TIDE_EXCHANGE_BODY,
    TIDE_EXCHANGE_HANDLED,
    TIDE_EXCHANGE_PARKED,
    TIDE_EXCHANGE_REPLIED,
};

enum {
    TIDE_EXCHANGE_PARAMETERS_MAX = 64,
    TIDE_EXCHANGE_ARENA_MAX = 128 << 10, /* target, decoded parameters, header array */
    TIDE_EXCHANGE_REPLY_HEADERS_MAX = 16,
};

struct tide_exchange_parameter {
    struct tide_view name;
    struct tide_view value;
};

struct tide_exchange_header { /* of a reply */
    const char *name;
    const char *value;
};

struct tide_exchange_reply {
    unsigned status; /* 0: none was made */
    const char *content_type;
    struct tide_bytes body;
    uint32_t retry_after_s;
    const char *allow;           /* NULL: no Allow header */
    const char *accept_encoding; /* of a 415 for its coding; else NULL */
    struct tide_exchange_header headers[TIDE_EXCHANGE_REPLY_HEADERS_MAX];
    size_t header_count;
    bool must_close;
    struct tide_http_stream *stream; /* in place of a body; or NULL */
};

struct tide_http_exchange {
    struct tide_http_server *server;
    void *connection;  /* the library's */
    void *peer;        /* the door's own record of the connection; outlives the exchange */
    _Atomic int state; /* enum tide_exchange_state */
    struct tide_arena arena;
    struct tide_monotonic start;
    struct tide_gate_request request;
    struct tide_gate_facts facts;
    struct tide_gate_header *headers; /* of request */
    struct tide_view path;            /* as received, without the query */
    struct tide_view path_parameter;  /* decoded */
    struct tide_exchange_parameter *parameters;
    size_t parameter_count;
    const struct tide_http_route *route; /* NULL: none matched */
    const struct tide_cors *cors;        /* of the path; NULL: no other origin may ask */
    const char *shared_methods;          /* of OPTIONS: the methods that other origins may use */
    const void *caller;                  /* what admit has noted */
    struct tide_body body;
    struct tide_exchange_reply reply;
};

/* A copy of target (all of the request line's) is taken. NULL: out of memory. */
struct tide_http_exchange *tide_exchange_create(struct tide_http_server *server,
                                                struct tide_view target);
void tide_exchange_destroy(struct tide_http_exchange *exchange);
/* Splits the target into path and decoded parameters. 0, or 400 or 414, and *why. */
unsigned tide_exchange_split_target(struct tide_http_exchange *exchange, const char **why);
/* Finds the route, the path parameter, and whose pages may ask. 0; 404; 405, or 204 for OPTIONS,
 * and reply.allow (in the arena); 400: an escape that is none. */
unsigned tide_exchange_find_route(struct tide_http_exchange *exchange,
                                  const struct tide_http_route *routes,
                                  size_t route_count,
                                  const char **why);
/* Percent-decodes into the arena ('+' is a space if plus_is_space). false: a malformed escape, a
 * NUL byte, or no memory. */
bool tide_exchange_decode(struct tide_arena *arena,
                          struct tide_view text,
                          bool plus_is_space,
                          struct tide_view *decoded);

#endif
