/* The one door to libcurl: a blocking client with limits on everything a server may send. */
#ifndef TIDE_HTTP_CLIENT_H
#define TIDE_HTTP_CLIENT_H

#include "base/bytes.h"
#include "base/clock.h"

struct tide_http_client; /* keeps connections; one thread */

struct tide_http_request {
    const char *method;       /* "GET" */
    const char *url;          /* http:// or https:// */
    const char *content_type; /* NULL without body */
    struct tide_view body;
    const char *const *headers; /* more of them: "Name: value" */
    uint32_t header_count;
    size_t reply_bytes_max;
    struct tide_duration timeout;
};

struct tide_http_response {
    unsigned status;
    struct tide_bytes body; /* caller inits (zero is fine) and releases */
    uint32_t retry_after_s;
};

enum tide_status tide_http_client_create(struct tide_http_client **client,
                                         struct tide_error *error);
void tide_http_client_destroy(struct tide_http_client *client);
/* OK: there is a response, whatever its status. RETRY: no connection, or it broke. REJECT: the
 * reply is larger than allowed, or the URL is bad. Redirects are not followed. */
enum tide_status tide_http_client_send(struct tide_http_client *client,
                                       const struct tide_http_request *request,
                                       struct tide_http_response *response,
                                       struct tide_error *error);
/* Appends text percent-encoded for a query. */
void tide_http_encode(struct tide_view text, struct tide_bytes *into);

#endif
