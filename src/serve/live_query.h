/* What a listener of /api/v1/live asks for, and the ids of messages.
 *
 * An id is INSTANCE-LOOK-QUERY: of the process (16 hex digits), up to which look (live_cells.h) the
 * listener has everything, and of the question (8 hex digits). It comes back as Last-Event-ID; of
 * another instance, or another question, it is worth nothing. */
#ifndef TIDE_SERVE_LIVE_QUERY_H
#define TIDE_SERVE_LIVE_QUERY_H

#include "base/bytes.h"
#include "metric/definition.h"

#define LIVE_WINDOWS_DEFAULT "60"
#define LIVE_GROUPS_DEFAULT "20"

struct tide_http_exchange;

/* All zero is empty. */
struct live_query {
    bool *follows; /* by metric */
    uint32_t windows;
    uint32_t groups;
    uint32_t fingerprint; /* of what is above */
    uint64_t position;    /* the listener has all up to this look; 0: nothing */
};

/* false after a problem was replied. instance: of this process. */
bool live_query_read(const struct tide_definitions *definitions,
                     uint64_t instance,
                     struct tide_http_exchange *exchange,
                     struct live_query *query);
void live_query_release(struct live_query *query);
void live_query_write_id(uint64_t instance,
                         const struct live_query *query,
                         uint64_t position,
                         struct tide_bytes *text);
/* The position in an id; 0 if it is not of this instance and question. */
uint64_t live_query_read_id(uint64_t instance, const struct live_query *query, struct tide_view id);

#endif
