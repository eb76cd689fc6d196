/* The peer of the decoder: simdjson takes the columns of tests/bench/job.yaml from NDJSON.
 *
 * Several ways of using it, since which is fastest depends on the data and the machine;
 * bench_decode tries them all and takes the fastest that is right. All run on the caller's thread
 * alone. */
#ifndef TIDE_BENCH_SIMDJSON_PEER_H
#define TIDE_BENCH_SIMDJSON_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PEER_ROWS = 1024,  /* the rows go round */
    PEER_PADDING = 64, /* readable bytes that the input must have behind it */
};

enum peer_column { /* the columns with a path, in the schema's order */
    PEER_EVENT_ID,
    PEER_EVENT_TYPE,
    PEER_DEVICE_TIME,
    PEER_SYNCED_TIME,
    PEER_USER_ID,
    PEER_USER_TYPE,
    PEER_DEVICE_ID,
    PEER_SESSION_ID,
    PEER_CHANNEL,
    PEER_PLATFORM,
    PEER_APP_VERSION,
    PEER_ENVIRONMENT,
    PEER_CONTENT_ID,
    PEER_CONTENT_TYPE,
    PEER_PAGE,
    PEER_ACTION,
    PEER_TARGET,
    PEER_DURATION,
    PEER_COLUMNS,
};

struct peer_text {
    const char *data;
    size_t size;
};

struct peer_batch {
    uint8_t present[PEER_COLUMNS][PEER_ROWS];
    struct peer_text texts[PEER_COLUMNS][PEER_ROWS];
    int64_t times[PEER_COLUMNS][PEER_ROWS]; /* milliseconds */
    double durations[PEER_ROWS];
};

/* Called after each event with its row, whose texts may be gone after the call. */
typedef void (*peer_use)(void *context, const struct peer_batch *batch, uint32_t row);

struct peer; /* a parser with its memory, as it is kept from one block to the next */

struct peer *peer_create(void);
void peer_destroy(struct peer *peer);
unsigned peer_way_count(void);
const char *peer_way_name(unsigned way);
bool peer_way_is_dom(unsigned way); /* parses and validates everything first */
/* What the library chose at run time, and what its header was compiled for. */
const char *peer_kernel(void);
/* Events found; 0: simdjson refused something. use: NULL to leave the columns alone. */
uint64_t peer_run(
    struct peer *peer, unsigned way, struct peer_text input, peer_use use, void *context);

#ifdef __cplusplus
}
#endif

#endif
