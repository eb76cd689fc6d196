#include "process/watermark.h"

static struct tide_instant later(struct tide_instant a, struct tide_instant b)
{
    return a.us > b.us ? a : b; /* unknown is the smallest */
}

void tide_watermark_init(struct tide_watermark *watermark, struct tide_duration out_of_orderness)
{
    *watermark = (struct tide_watermark){.out_of_orderness = out_of_orderness,
                                         .highest = TIDE_INSTANT_UNKNOWN,
                                         .closing = TIDE_INSTANT_UNKNOWN};
}

struct tide_instant tide_watermark_data(const struct tide_watermark *watermark)
{
    if (!tide_instant_known(watermark->highest)) {
        return TIDE_INSTANT_UNKNOWN;
    }
    return (struct tide_instant){watermark->highest.us - watermark->out_of_orderness.us};
}

enum tide_lateness tide_watermark_observe(struct tide_watermark *watermark,
                                          const struct tide_event_times *times)
{
    struct tide_instant before = tide_watermark_data(watermark);
    struct tide_instant reached = times->event;
    if (tide_instant_known(times->received) && times->received.us < reached.us) {
        reached = times->received;
    }
    watermark->highest = later(watermark->highest, reached);
    bool late = tide_instant_known(before) && times->event.us < before.us;
    return late ? TIDE_LATENESS_HOT : TIDE_LATENESS_ON_TIME;
}

struct tide_instant tide_watermark_closing(struct tide_watermark *watermark,
                                           bool idle,
                                           struct tide_instant now,
                                           struct tide_duration idle_after)
{
    struct tide_instant reached = tide_watermark_data(watermark);
    if (idle) {
        struct tide_instant quiet = {now.us - watermark->out_of_orderness.us - idle_after.us};
        reached = later(reached, quiet);
    }
    watermark->closing = later(watermark->closing, reached);
    return watermark->closing;
}
