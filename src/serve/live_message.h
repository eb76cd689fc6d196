/* Messages of the live feed as server-sent events (HTML standard, section 9.2). */
#ifndef TIDE_SERVE_LIVE_MESSAGE_H
#define TIDE_SERVE_LIVE_MESSAGE_H

#include "serve/live_cells.h"

/* How long a reader waits before it comes again. */
void live_message_retry(uint32_t ms, struct tide_bytes *text);
/* id: without line ends. json: any lines. */
void live_message_write(const char *event,
                        struct tide_view id,
                        struct tide_view json,
                        struct tide_bytes *text);

/* Which rows are a listener's. */
struct live_cut {
    uint32_t windows;
    uint32_t groups;
    uint64_t after; /* those of later looks */
};
/* A message with them. false: there are none, nothing was written. */
bool live_message_cells(struct tide_view id,
                        struct tide_view metric,
                        const struct live_row *rows,
                        uint32_t row_count,
                        struct live_cut cut,
                        struct tide_bytes *text);

#endif
