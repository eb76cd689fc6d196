#include "operator/funnel_tracker.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    CHANGES_MIN = 64
};

void funnel_tracker_release(struct funnel_tracker *tracker)
{
    tide_pair_set_release(&tracker->changed);
    tide_block_pool_release(&tracker->events);
    funnel_tracker_forget_timeouts(tracker);
    free(tracker->changes);
    *tracker = (struct funnel_tracker){0};
}

void funnel_tracker_reset(struct funnel_tracker *tracker)
{
    tide_pair_set_release(&tracker->changed);
    tide_block_pool_release(&tracker->events);
    funnel_tracker_forget_timeouts(tracker);
    tracker->count = 0;
}

void funnel_tracker_forget_timeouts(struct funnel_tracker *tracker)
{
    free(tracker->timeouts);
    tracker->timeouts = NULL;
    tracker->timeout_count = 0;
}

size_t funnel_tracker_bytes(const struct funnel_tracker *tracker)
{
    return tide_pair_set_bytes(&tracker->changed) + tracker->events.bytes +
           tracker->capacity * sizeof(*tracker->changes) +
           tracker->timeout_count * sizeof(*tracker->timeouts);
}

static bool reserve(struct funnel_tracker *tracker)
{
    if (tracker->count < tracker->capacity) {
        return true;
    }
    const uint64_t wanted = tracker->capacity == 0 ? CHANGES_MIN : (uint64_t)tracker->capacity * 2;
    struct funnel_change *changes =
        wanted > UINT32_MAX ? NULL : realloc(tracker->changes, wanted * sizeof(*changes));
    if (changes == NULL) {
        return false;
    }
    tracker->changes = changes;
    tracker->capacity = (uint32_t)wanted;
    return true;
}

bool funnel_tracker_note(struct funnel_tracker *tracker,
                         uint32_t key,
                         const struct funnel_event *events,
                         uint32_t count)
{
    if (!tracker->is_on) {
        return true;
    }
    const enum tide_status status = tide_pair_set_add(&tracker->changed, 0, key);
    if (status == TIDE_REJECT) {
        return true;
    }
    funnel_tracker_forget_timeouts(tracker);
    if (status != TIDE_OK || !reserve(tracker)) {
        return false;
    }
    struct funnel_change change = {key, count, TIDE_BLOCK_NONE};
    if (count > 0) {
        tracker->events.item_size = sizeof(*events);
        change.block = tide_block_pool_take(&tracker->events, tide_block_class_of(count));
        if (change.block == TIDE_BLOCK_NONE) {
            return false;
        }
        memcpy(tide_block_pool_at(&tracker->events, change.block), events, count * sizeof(*events));
    }
    tracker->changes[tracker->count++] = change;
    return true;
}
