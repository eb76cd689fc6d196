/* Which keys of a funnel have changed since their journeys were told, and what they were then.
 * Private to the room. */
#ifndef TIDE_OPERATOR_FUNNEL_TRACKER_H
#define TIDE_OPERATOR_FUNNEL_TRACKER_H

#include "operator/funnel.h"
#include "operator/pair_set.h"

struct funnel_change {
    uint32_t key;
    uint32_t count; /* of events that it had */
    uint32_t block; /* of a copy of them */
};

struct funnel_timeout {
    int64_t time_us;
    uint32_t key;
};

/* All zero: not tracking. */
struct funnel_tracker {
    bool is_on;
    int64_t told_us; /* the closing clock of the last telling */
    struct funnel_change *changes;
    uint32_t count;
    uint32_t capacity;
    struct tide_pair_set changed; /* (0, key) */
    struct tide_block_pool events;
    /* Found when a telling is bounded, for the telling that follows: of the keys that did not
     * change, by their order, up to timeouts_until_us. NULL: not known, or no longer. */
    struct funnel_timeout *timeouts;
    uint32_t timeout_count;
    int64_t timeouts_until_us;
};

void funnel_tracker_release(struct funnel_tracker *tracker);
/* Before a key changes: keeps its events, the first time. false: out of memory. */
bool funnel_tracker_note(struct funnel_tracker *tracker,
                         uint32_t key,
                         const struct funnel_event *events,
                         uint32_t count);
/* Forgets all changes. */
void funnel_tracker_reset(struct funnel_tracker *tracker);
void funnel_tracker_forget_timeouts(struct funnel_tracker *tracker);
size_t funnel_tracker_bytes(const struct funnel_tracker *tracker); /* memory held */

#endif
