/* Whose pages may ask (the CORS protocol of the Fetch standard, 3.3): a list of origins, each
 * compared byte by byte with what the browser says. No credentials, no patterns; "*" only if it is
 * written. This is a promise to browsers, and no protection of ours: who is no browser asks anyway.
 * Read-only once it is filled; any thread. */
#ifndef TIDE_HTTP_CORS_H
#define TIDE_HTTP_CORS_H

#include "base/bytes.h"

enum {
    TIDE_CORS_ORIGINS_MAX = 64,
};

/* What a preflight is told besides origin and methods. */
#define TIDE_CORS_HEADERS                                                                          \
    "authorization, content-encoding, content-type, idempotency-key, last-event-id, x-api-key"
#define TIDE_CORS_EXPOSED                                                                          \
    "accept-encoding, ratelimit, ratelimit-policy, retry-after, www-authenticate"
#define TIDE_CORS_MAX_AGE_S "600" /* so long a browser may go on with an old list */

struct tide_cors { /* all zero allows nobody */
    struct tide_view origins[TIDE_CORS_ORIGINS_MAX];
    size_t origin_count;
    bool allows_any;
};

/* Adds scheme://host[:port] as browsers write it (lower case, no default port, nothing behind), or
 * "*". The text must outlive cors. REJECT: it is none, or there are too many. */
enum tide_status tide_cors_add(struct tide_cors *cors,
                               struct tide_view origin,
                               struct tide_error *error);
/* What Access-Control-Allow-Origin says to a request from origin; empty: nothing. */
struct tide_view tide_cors_answer(const struct tide_cors *cors, struct tide_view origin);

#endif
