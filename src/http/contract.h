/* What a route promises: its parameters, bodies and outcomes, as data. One table is checked against
 * every request, and is what the OpenAPI document is written from, so that the two cannot drift.
 * Static and read-only; any thread. */
#ifndef TIDE_HTTP_CONTRACT_H
#define TIDE_HTTP_CONTRACT_H

#include "base/bytes.h"
#include "base/clock.h"

struct tide_http_exchange;

enum tide_http_place {
    TIDE_HTTP_QUERY,
    TIDE_HTTP_PATH,
    TIDE_HTTP_HEADER, /* told, not checked */
};

enum tide_http_type {
    TIDE_HTTP_TEXT,
    TIDE_HTTP_CHOICE, /* one of choices */
    TIDE_HTTP_WHOLE,  /* digits, min to max */
    TIDE_HTTP_DATE,   /* 2026-03-08 */
    TIDE_HTTP_TIME,   /* a date, meaning its first instant in UTC, or 2026-03-08T12:00:00Z */
};

struct tide_http_parameter {
    const char *name; /* of a header in lower case */
    enum tide_http_place place;
    enum tide_http_type type;
    bool is_required;
    const char *const *choices; /* ends with NULL */
    uint64_t min;
    uint64_t max;
    const char *fallback; /* what stands in for an absent one, as text; NULL: nothing does */
    const char *example;  /* or NULL */
    const char *about;    /* a sentence */
};

struct tide_http_body_form { /* of a request */
    const char *content_type;
    const char *schema; /* a name of the document's schemas */
};

struct tide_http_outcome {
    unsigned status;
    const char *content_type; /* NULL: problem+json */
    const char *schema;       /* NULL: text of that type; of a problem none is named */
    const char *lines;        /* schema of each line, where the type is NDJSON; or NULL */
    const char *about;
};

struct tide_http_contract {
    const char *id; /* unique in the program: operationId */
    const char *tag;
    const char *summary;
    const char *about;                                   /* or NULL */
    const struct tide_http_parameter *const *parameters; /* ends with NULL; NULL: there are none */
    const struct tide_http_body_form *bodies;            /* ends with one of all zero; or NULL */
    const char *body_about;
    /* Its own; what the server itself refuses any request with is not listed. Ends with one of all
     * zero. A status may stand twice, with different types. */
    const struct tide_http_outcome *outcomes;
    bool ignores_queries; /* what the query says does not matter */
};

/* Whether the query is what the contract wants: no parameter that it does not know, none twice,
 * none missing, each of its type. Else what is wrong is in why, terminated, for a person. */
bool tide_http_contract_check(const struct tide_http_contract *contract,
                              const struct tide_http_exchange *exchange,
                              char *why,
                              size_t why_size);

/* The types, read. false: it is none. */
bool tide_http_parse_time(struct tide_view text, struct tide_instant *instant);
bool tide_http_parse_date(struct tide_view text, struct tide_instant *instant); /* its start */
bool tide_http_parse_whole(struct tide_view text, uint64_t *number); /* at most 18 digits */

#endif
