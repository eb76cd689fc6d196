/* The newest windows of one metric, and which of them have changed since they were last looked at.
 *
 * A window goes by its end: of a ratio the two parts' windows meet there, whatever their lengths.
 * Bounded by the number that is kept. One thread. */
#ifndef TIDE_SERVE_LIVE_WINDOWS_H
#define TIDE_SERVE_LIVE_WINDOWS_H

#include "metric/window.h"

struct live_window {
    struct tide_instant end;
    struct tide_instant first_start; /* of all windows that end there */
    struct tide_instant last_start;
    bool is_touched;
    bool is_own; /* once settled, always */
};

/* All zero is empty and keeps none. */
struct live_windows {
    struct live_window *items; /* the newest first, once settled */
    uint32_t count;
    uint32_t capacity;
    uint32_t kept_max;
    bool is_whole; /* the kept_max newest are in it, or all that there are */
};

void live_windows_release(struct live_windows *windows);
/* How many are kept from now on. If it is more than before, those that are older have to be added
 * again. */
void live_windows_keep(struct live_windows *windows, uint32_t kept_max);
/* is_own: the metric has cells in it; else it only says of one that ends where it does that it was
 * touched, and where its other side starts. false: no memory. Settle when all are added. */
bool live_windows_add(struct live_windows *windows,
                      struct tide_window window,
                      bool is_touched,
                      bool is_own);
/* Each once, the newest first, and no more than are kept. */
void live_windows_settle(struct live_windows *windows);
/* Its place, 0 being the newest; UINT32_MAX: it is not kept. Settled. */
uint32_t live_windows_find(const struct live_windows *windows, struct tide_instant end);

struct live_span { /* of window starts, [from, to) */
    struct tide_instant from;
    struct tide_instant to;
};
/* Where windows start that are kept, or may come to be: UNKNOWN while there is room for older. */
struct tide_instant live_windows_from(const struct live_windows *windows);
/* Where those that are touched start. false: none is. */
bool live_windows_touched(const struct live_windows *windows, struct live_span *span);
void live_windows_touch_all(struct live_windows *windows);
/* Nothing is touched any more. */
void live_windows_seen(struct live_windows *windows);

#endif
