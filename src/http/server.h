/* The one door to libmicrohttpd: a strict gate, a table of routes, replies now or later.
 *
 * The gate answers 400 and closes before any handler: Transfer-Encoding with Content-Length,
 * repeated or malformed Content-Length, a coding other than exactly "chunked", header names that
 * are not tokens, control bytes in values, anything but one Host. Limits: connections, connections
 * per address, header bytes, body bytes per route (413 before reading what Content-Length
 * announces, or when more arrives), absolute deadlines for header, body and reply. A body without
 * length on POST/PUT is 411 unless chunked. A body may be gzip, deflate or zstd where the route
 * takes that: it is inflated within the same limits before the handler sees it; any other coding is
 * 415 with Accept-Encoding. Unknown path 404,
 * known path with another method 405 with Allow, OPTIONS 204 with Allow; a query that the route's
 * contract does not want is 400. Errors are RFC 9457 problem+json (but for what the library itself
 * refuses, such as a request line that is none). Bare LF, folded headers and NUL
 * bytes are refused with 400 as far as the library lets us see them, which depends on its release:
 * put a strict proxy in front on an untrusted network. */
#ifndef TIDE_HTTP_SERVER_H
#define TIDE_HTTP_SERVER_H

#include "base/bytes.h"
#include "base/clock.h"
#include "http/contract.h"
#include "http/cors.h"

struct tide_http_server;
struct tide_http_exchange; /* one request and its one reply */

struct tide_http_route {
    const char *method; /* "GET" (HEAD is answered too), "POST" */
    const char *path;   /* "/v1/events"; a segment may be a "{name}": "/api/items/{name}" */
    /* Called by a server thread once the body is complete. It replies now, or keeps the exchange
     * and another thread replies later. It must not block for long. */
    void (*handle)(void *context, struct tide_http_exchange *exchange);
    void *context;
    /* Whether this request may come in, before its body is read; NULL: it may. By a server thread,
     * with the route's context. 0, or the status to refuse it with, and *why (static). It may add
     * headers and set a caller. It must not block, nor reply. */
    unsigned (*admit)(void *context, struct tide_http_exchange *exchange, const char **why);
    size_t body_bytes_max; /* 0: no body wanted; also once it is inflated */
    bool takes_codings;    /* gzip, deflate, zstd; else a coding is 415 */
    /* Accepted for a body, comma-separated; NULL: any; else 415. An empty item
     * (",application/json") accepts a request without Content-Type. */
    const char *content_types;
    const struct tide_http_contract *contract; /* NULL: nothing is checked, nor described */
    const char *content_security_policy;       /* a header of its replies, or NULL */
    const struct tide_cors *cors;              /* whose pages may ask; NULL: nobody else's */
};

struct tide_http_server_options {
    const char *address; /* "127.0.0.1"; 0.0.0.0 only if asked for */
    uint16_t port;       /* 0: any free one */
    uint32_t thread_count;
    uint32_t connections_max;
    uint32_t connections_per_address_max;
    size_t body_bytes_held_max;           /* all bodies together, as sent and inflated; beyond it
                                           * 503 + Retry-After */
    struct tide_duration header_deadline; /* 5 s */
    struct tide_duration body_deadline;   /* 30 s */
    struct tide_duration reply_deadline;  /* 30 s */
    const struct tide_http_route *routes; /* must outlive the server */
    size_t route_count;
    /* After every reply, for counters; of a streamed one when it begins. May be NULL. route_index
     * SIZE_MAX: no route. */
    void (*observe)(void *context,
                    size_t route_index,
                    unsigned status,
                    struct tide_duration elapsed);
    void *observe_context;
};
struct tide_http_server_options tide_http_server_options_default(void);

/* RETRY: address in use or not available. */
enum tide_status tide_http_server_start(const struct tide_http_server_options *options,
                                        struct tide_http_server **server,
                                        struct tide_error *error);
uint16_t tide_http_server_port(const struct tide_http_server *server);
/* Stops accepting; exchanges that are under way are finished, streams (http/stream.h) ended. */
void tide_http_server_drain(struct tide_http_server *server);
/* After drain and after the last kept exchange was replied to; waits for replies to be sent, at
 * most the reply deadline; frees. */
void tide_http_server_stop(struct tide_http_server *server);

/* Views live until the reply. */
struct tide_view tide_http_method(const struct tide_http_exchange *exchange);
struct tide_view tide_http_path(const struct tide_http_exchange *exchange);
struct tide_view tide_http_path_parameter(const struct tide_http_exchange *exchange); /* decoded */
/* Empty view if absent; present (may be NULL) tells. Name in lower case. */
struct tide_view tide_http_header(const struct tide_http_exchange *exchange, const char *name);
/* Decoded query parameter; *present (may be NULL) tells an empty one from none. */
struct tide_view tide_http_query(const struct tide_http_exchange *exchange,
                                 const char *name,
                                 bool *present);
/* Visits all query parameters, decoded, in order. */
void tide_http_query_visit(const struct tide_http_exchange *exchange,
                           void (*visit)(void *context,
                                         struct tide_view name,
                                         struct tide_view value),
                           void *context);
struct tide_view tide_http_body(const struct tide_http_exchange *exchange); /* inflated */

/* Who has sent it: an IPv4 address as ::ffff:a.b.c.d. What headers say of others behind a proxy
 * (Forwarded, X-Forwarded-For) is not looked at: anybody can write them. */
struct tide_http_address {
    uint8_t bytes[16];
};
struct tide_http_address tide_http_client_address(const struct tide_http_exchange *exchange);

/* Of the route that was found. */
void *tide_http_route_context(const struct tide_http_exchange *exchange);
/* What admit knows of who asks, for the handler. */
void tide_http_set_caller(struct tide_http_exchange *exchange, const void *caller);
const void *tide_http_caller(const struct tide_http_exchange *exchange);
/* Another header of the reply, before it is made; name static, value copied. One for which there is
 * no room is left out. */
void tide_http_add_header(struct tide_http_exchange *exchange, const char *name, const char *value);

/* Replies exactly once, from any thread; the exchange is gone afterwards. body's memory is taken
 * (it is empty afterwards). content_type static. retry_after_s > 0 adds Retry-After. */
void tide_http_reply(struct tide_http_exchange *exchange,
                     unsigned status,
                     const char *content_type,
                     struct tide_bytes *body,
                     uint32_t retry_after_s);
/* An RFC 9457 problem: {"type":"about:blank","title":..,"status":..,"detail":..}. */
__attribute__((format(printf, 4, 5))) void tide_http_reply_problem(
    struct tide_http_exchange *exchange,
    unsigned status,
    uint32_t retry_after_s,
    const char *format,
    ...);

#endif
