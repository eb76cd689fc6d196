/* The one door to libcurl: a blocking client with limits on everything a server may send. */
#ifndef TIDE_HTTP_CLIENT_H
#define TIDE_HTTP_CLIENT_H

#include "base/bytes.h"
#include "base/clock.h"

struct tide_http_client; /* keeps connections; one thread */

/* A body that is read as it is sent. read gives up to size bytes from offset, fewer only at the
 * end; it may be asked for an offset again, where a kept connection turned out to be dead. */
struct tide_http_source {
    enum tide_status (*read)(void *context,
                             uint64_t offset,
                             void *buffer,
                             size_t size,
                             size_t *read_size,
                             struct tide_error *error);
    void *context;
    uint64_t size;
};

/* Where the body of a 2xx goes instead of into memory. */
struct tide_http_sink {
    enum tide_status (*write)(void *context,
                              const void *data,
                              size_t size,
                              struct tide_error *error);
    void *context;
};

struct tide_http_request {
    const char *method;       /* "GET" */
    const char *url;          /* http:// or https:// */
    const char *content_type; /* NULL without body */
    struct tide_view body;
    const struct tide_http_source *source; /* in place of body; NULL: none */
    const struct tide_http_sink *sink;     /* NULL: the response's body */
    const char *const *headers;            /* more of them: "Name: value" */
    uint32_t header_count;
    size_t reply_bytes_max;               /* of a body in memory; a sink has its own limit */
    struct tide_duration timeout;         /* of it all; 0: none (then with a stall_timeout) */
    struct tide_duration connect_timeout; /* 0: timeout alone */
    struct tide_duration stall_timeout;   /* without a byte either way, whole seconds; 0: none */
};

struct tide_http_response {
    unsigned status;        /* 0: the exchange broke before there was one */
    struct tide_bytes body; /* caller inits (zero is fine) and releases */
    uint32_t retry_after_s;
    struct tide_bytes location; /* of a redirect, as sent; like body */
    int64_t content_length;     /* of the body as announced; -1: it was not */
};

enum tide_status tide_http_client_create(struct tide_http_client **client,
                                         struct tide_error *error);
void tide_http_client_destroy(struct tide_http_client *client);
/* OK: there is a response, whatever its status. RETRY: no connection, or it broke. REJECT: the
 * reply is larger than allowed, the URL is bad, or
 * whoever answers does not speak HTTP. A source's or sink's failure ends the exchange
 * with its status and error. A body that is shorter than announced is a broken connection.
 * Redirects are not followed. */
enum tide_status tide_http_client_send(struct tide_http_client *client,
                                       const struct tide_http_request *request,
                                       struct tide_http_response *response,
                                       struct tide_error *error);
/* Whether anything accepts connections at the URL's host and port; nothing is said to it. OK;
 * RETRY: it does not; REJECT: the URL is bad. */
enum tide_status tide_http_client_reach(struct tide_http_client *client,
                                        const char *url,
                                        struct tide_duration timeout,
                                        struct tide_error *error);
/* Frees body and location; the numbers stay. */
void tide_http_response_release(struct tide_http_response *response);
/* Appends text percent-encoded for a query. */
void tide_http_encode(struct tide_view text, struct tide_bytes *into);

#endif
