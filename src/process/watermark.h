/* The two clocks of a partition (semantics section 2).
 *
 * The data watermark is a function of the log prefix alone: the highest min(event time, received
 * time) of accepted events, minus the schema's out_of_orderness. It decides lateness. The closing
 * clock also follows the wall clock while the partition is caught up and idle, so that the last
 * window closes without another event; it decides completeness and never a count. */
#ifndef TIDE_PROCESS_WATERMARK_H
#define TIDE_PROCESS_WATERMARK_H

#include "event/event_time.h"

enum tide_lateness {
    TIDE_LATENESS_ON_TIME,
    TIDE_LATENESS_HOT,
    TIDE_LATENESS_COLD, /* not reached while the hot horizon is unlimited */
};

struct tide_watermark {
    struct tide_duration out_of_orderness;
    struct tide_instant highest; /* unknown before the first event */
    struct tide_instant closing; /* the highest closing clock told so far; unknown at first */
};

void tide_watermark_init(struct tide_watermark *watermark, struct tide_duration out_of_orderness);
/* The data watermark; unknown before the first accepted event. */
struct tide_instant tide_watermark_data(const struct tide_watermark *watermark);
/* How late an accepted event is, by the watermark before it; then moves the watermark. */
enum tide_lateness tide_watermark_observe(struct tide_watermark *watermark,
                                          const struct tide_event_times *times);
/* The closing clock now: monotonic, at least the data watermark. idle: the partition is caught up
 * and nothing came for idle_after. Unknown as long as nothing is known at all. */
struct tide_instant tide_watermark_closing(struct tide_watermark *watermark,
                                           bool idle,
                                           struct tide_instant now,
                                           struct tide_duration idle_after);

#endif
