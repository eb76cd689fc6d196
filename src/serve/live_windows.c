#include "serve/live_windows.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    CAPACITY_MIN = 64
};

void live_windows_release(struct live_windows *windows)
{
    free(windows->items);
    *windows = (struct live_windows){0};
}

void live_windows_keep(struct live_windows *windows, uint32_t kept_max)
{
    if (kept_max > windows->kept_max && windows->count >= windows->kept_max) {
        windows->is_whole = false;
    }
    windows->kept_max = kept_max;
    if (windows->count > kept_max) {
        windows->count = kept_max;
    }
}

bool live_windows_add(struct live_windows *windows,
                      struct tide_window window,
                      bool is_touched,
                      bool is_own)
{
    if (windows->count == windows->capacity) {
        const uint32_t wanted = windows->capacity == 0 ? CAPACITY_MIN : windows->capacity * 2;
        struct live_window *items =
            wanted < windows->capacity ? NULL : realloc(windows->items, wanted * sizeof(*items));
        if (items == NULL) {
            return false;
        }
        windows->items = items;
        windows->capacity = wanted;
    }
    windows->items[windows->count++] =
        (struct live_window){window.end, window.start, window.start, is_touched, is_own};
    return true;
}

static int compare(const void *left, const void *right)
{
    const struct live_window *a = left;
    const struct live_window *b = right;
    return (a->end.us < b->end.us) - (a->end.us > b->end.us);
}

static void join(struct live_window *into, const struct live_window *other)
{
    if (other->first_start.us < into->first_start.us) {
        into->first_start = other->first_start;
    }
    if (other->last_start.us > into->last_start.us) {
        into->last_start = other->last_start;
    }
    into->is_touched = into->is_touched || other->is_touched;
    into->is_own = into->is_own || other->is_own;
}

void live_windows_settle(struct live_windows *windows)
{
    uint32_t kept = 0;
    if (windows->count > 0) {
        qsort(windows->items, windows->count, sizeof(*windows->items), compare);
    }
    for (uint32_t i = 0; i < windows->count;) {
        struct live_window item = windows->items[i++];
        while (i < windows->count && windows->items[i].end.us == item.end.us) {
            join(&item, &windows->items[i++]);
        }
        if (item.is_own && kept < windows->kept_max) {
            windows->items[kept++] = item;
        }
    }
    windows->count = kept;
    windows->is_whole = true;
}

uint32_t live_windows_find(const struct live_windows *windows, struct tide_instant end)
{
    const struct live_window wanted = {.end = end};
    const struct live_window *found =
        windows->count == 0
            ? NULL
            : bsearch(&wanted, windows->items, windows->count, sizeof(*windows->items), compare);
    return found == NULL ? UINT32_MAX : (uint32_t)(found - windows->items);
}

struct tide_instant live_windows_from(const struct live_windows *windows)
{
    struct tide_instant from = {INT64_MAX};
    if (!windows->is_whole || windows->count < windows->kept_max || windows->count == 0) {
        return TIDE_INSTANT_UNKNOWN;
    }
    for (uint32_t i = 0; i < windows->count; i++) {
        const struct tide_instant start = windows->items[i].first_start;
        from = start.us < from.us ? start : from;
    }
    return from;
}

bool live_windows_touched(const struct live_windows *windows, struct live_span *span)
{
    *span = (struct live_span){{INT64_MAX}, TIDE_INSTANT_UNKNOWN};
    for (uint32_t i = 0; i < windows->count; i++) {
        const struct live_window *item = &windows->items[i];
        if (item->is_touched) {
            span->from = item->first_start.us < span->from.us ? item->first_start : span->from;
            span->to.us =
                item->last_start.us >= span->to.us ? item->last_start.us + 1 : span->to.us;
        }
    }
    return tide_instant_known(span->to);
}

void live_windows_touch_all(struct live_windows *windows)
{
    for (uint32_t i = 0; i < windows->count; i++) {
        windows->items[i].is_touched = true;
    }
}

void live_windows_seen(struct live_windows *windows)
{
    for (uint32_t i = 0; i < windows->count; i++) {
        windows->items[i].is_touched = false;
    }
}
