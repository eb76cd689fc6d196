/* The strict gate: what a request must look like before anything else sees it.
 *
 * libmicrohttpd is lax where proxies and servers can be made to disagree about where a request
 * ends. So the raw request line and headers are judged here, by plain functions over views; the
 * caller closes the connection after a refusal, because what follows on it cannot be trusted.
 * Nothing here allocates or keeps state: any thread. */
#ifndef TIDE_HTTP_GATE_H
#define TIDE_HTTP_GATE_H

#include "http/coding.h"

enum {
    TIDE_GATE_HEADERS_MAX = 100,
    TIDE_GATE_HEADER_BYTES_MAX = 16 << 10, /* all names and values */
    TIDE_GATE_TARGET_BYTES_MAX = 8 << 10,
};

struct tide_gate_header {
    struct tide_view name; /* as received */
    struct tide_view value;
};

struct tide_gate_request {
    struct tide_view method;
    struct tide_view target; /* as received: path, maybe '?' and a query */
    struct tide_view version;
    const struct tide_gate_header *headers;
    size_t header_count;
};

/* What the headers say about the body. */
struct tide_gate_facts {
    bool has_length;
    uint64_t length;
    bool is_chunked;
    bool has_content_type;
    struct tide_view content_type;
    enum tide_coding coding; /* of Content-Encoding */
};

/* What a route wants of a body. */
struct tide_gate_body {
    size_t bytes_max;          /* 0: none */
    const char *content_types; /* see tide_gate_content_type_accepted; NULL: any */
    bool takes_codings;        /* it may be compressed */
};

/* 0: the request is well formed, and *facts is filled. Else the status to refuse it with (400, 414,
 * 417, 431), and *why says why (static). */
unsigned tide_gate_check(const struct tide_gate_request *request,
                         struct tide_gate_facts *facts,
                         const char **why);
/* 0, or 411, 413, 415: by its type, or else tide_gate_coding_accepted is false. */
unsigned tide_gate_check_body(const struct tide_gate_request *request,
                              const struct tide_gate_facts *facts,
                              struct tide_gate_body wanted,
                              const char **why);
bool tide_gate_coding_accepted(const struct tide_gate_facts *facts, struct tide_gate_body wanted);
/* accepted: comma-separated types; an empty item accepts a request without Content-Type. Parameters
 * of the type do not matter, nor does case. */
bool tide_gate_content_type_accepted(const char *accepted, struct tide_view type);
/* Without spaces and tabs around it. */
struct tide_view tide_gate_trim(struct tide_view text);
/* The type alone, without parameters and white space. */
struct tide_view tide_gate_content_type_essence(struct tide_view value);
/* ASCII case does not matter. */
bool tide_gate_name_equal(struct tide_view name, const char *other);

#endif
