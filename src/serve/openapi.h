/* The OpenAPI 3.1 document of a table of routes, from their contracts. */
#ifndef TIDE_SERVE_OPENAPI_H
#define TIDE_SERVE_OPENAPI_H

#include "http/server.h"

struct tide_openapi_options {
    const struct tide_http_route *routes; /* those without contract are left out */
    size_t route_count;
    const char *version;      /* of the program */
    struct tide_view schemas; /* a JSON object by name; contracts name its members */
};

/* Appends the document. Beside each contract's own outcomes stand those with which the server
 * refuses any request. */
void tide_openapi_write(const struct tide_openapi_options *options, struct tide_bytes *json);

#endif
