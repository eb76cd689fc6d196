/* Bodies of requests while a server holds them: booked in one budget, and made plain.
 *
 * A body is collected as it comes and inflated when it is whole. So a slow sender costs no more
 * than the bytes it has sent, and workspaces for inflating are needed only by threads that are at
 * it: as many as the server has. What is inflated is booked before there is memory for it. */
#ifndef TIDE_HTTP_BODY_H
#define TIDE_HTTP_BODY_H

#include "http/coding.h"

struct tide_body_budget; /* any thread */

struct tide_body { /* all zero is an empty one */
    struct tide_bytes bytes;
    size_t held; /* what is booked for it */
};

/* inflates_max: threads that may inflate at the same time. RETRY: out of memory. */
enum tide_status tide_body_budget_create(size_t bytes_max,
                                         uint32_t inflates_max,
                                         struct tide_body_budget **budget,
                                         struct tide_error *error);
/* All bodies were released. */
void tide_body_budget_destroy(struct tide_body_budget *budget);
/* A glimpse: whether so many more bytes would fit. */
bool tide_body_budget_fits(const struct tide_body_budget *budget, uint64_t bytes);

/* Another piece of a body of at most bytes_max. 0; or the status to refuse it with, and *why
 * (static): 413, or 503: the budget or memory is used up. */
unsigned tide_body_take(struct tide_body_budget *budget,
                        struct tide_body *body,
                        struct tide_view piece,
                        size_t bytes_max,
                        const char **why);
/* Replaces a whole body by what it says in plain, of at most bytes_max. 0; or a status, as
 * tide_inflate_step and tide_body_take have them; the body is then as it was. Linear in what is
 * made. */
unsigned tide_body_inflate(struct tide_body_budget *budget,
                           struct tide_body *body,
                           enum tide_coding coding,
                           size_t bytes_max,
                           const char **why);
/* Back to empty. */
void tide_body_release(struct tide_body_budget *budget, struct tide_body *body);

#endif
