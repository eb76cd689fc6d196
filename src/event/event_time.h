/* From a device's clock to event time: the received time that holds, the repair, the bounds.
 * Semantics section 1; used by the collector (to answer) and by the partition (to count). */
#ifndef TIDE_EVENT_EVENT_TIME_H
#define TIDE_EVENT_EVENT_TIME_H

#include "event/schema.h"
#include "event/verdict.h"

/* Where received_time comes from. */
enum tide_arrival {
    TIDE_ARRIVAL_FILE,    /* replay, import: the schema's received column, else unknown */
    TIDE_ARRIVAL_LIVE,    /* the collector's stamp */
    TIDE_ARRIVAL_TRUSTED, /* the received column; the stamp where it is null */
};

struct tide_event_times {
    struct tide_instant event;    /* valid only if ACCEPTED is returned */
    struct tide_instant received; /* that holds for this event; maybe unknown */
    struct tide_instant sent;     /* likewise */
};

/* What is known of one event's clocks. */
struct tide_event_clocks {
    struct tide_instant device; /* the time column; known */
    struct tide_instant column; /* the received column, or unknown */
    struct tide_instant stamp;  /* of the frame or body, or unknown */
    struct tide_instant sent;   /* likewise */
};

/* Live, sent is ignored for an event whose received time came from the trusted column. Returns
 * ACCEPTED, TIME_INVALID, CLOCK_AHEAD or TOO_OLD. */
enum tide_reason tide_event_times_resolve(const struct tide_schema_clock *clock,
                                          enum tide_arrival arrival,
                                          const struct tide_event_clocks *clocks,
                                          struct tide_event_times *times);

#endif
