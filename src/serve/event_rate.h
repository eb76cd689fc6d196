/* How many events were processed lately, from readings of a counter that whoever asks for it leaves
 * behind: no thread of its own, so it knows no more than the readings say. Any thread. */
#ifndef TIDE_SERVE_EVENT_RATE_H
#define TIDE_SERVE_EVENT_RATE_H

#include "base/clock.h"

struct tide_event_rate;

enum {
    TIDE_EVENT_RATE_READINGS = 1024 /* the older ones are forgotten */
};

/* Readings are kept at least that far from each other. NULL: no memory. */
struct tide_event_rate *tide_event_rate_create(struct tide_duration spacing);
void tide_event_rate_destroy(struct tide_event_rate *rate); /* NULL is fine */
/* The counter stood at so many then. One that comes too soon after the last that was kept is not
 * kept; one that goes back in time, or counts less, starts anew. */
void tide_event_rate_note(struct tide_event_rate *rate, struct tide_instant now, uint64_t events);
/* The oldest reading that is not older than from. false: there is none. */
bool tide_event_rate_since(struct tide_event_rate *rate,
                           struct tide_instant from,
                           struct tide_instant *since,
                           uint64_t *events);

#endif
