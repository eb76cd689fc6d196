/* A map of cells whose only group is 0 and whose values stay empty. */
#include "operator/window_changes.h"

#include "base/assert.h"
#include "operator/operator_internal.h"

#include <stdlib.h>

#include "base/banned.h"

struct tide_window_changes {
    struct tide_cell_map map;
};

enum tide_status tide_window_changes_create(struct tide_window_changes **changes)
{
    struct tide_window_changes *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return TIDE_FATAL;
    }
    *changes = made;
    return TIDE_OK;
}

void tide_window_changes_destroy(struct tide_window_changes *changes)
{
    if (changes != NULL) {
        tide_cell_map_release(&changes->map);
        free(changes);
    }
}

static bool add(struct tide_window_changes *changes,
                struct tide_window window,
                struct tide_cell_span span,
                uint64_t changed)
{
    if (!tide_cell_span_has(span, window)) {
        return true;
    }
    const uint32_t index = tide_cell_map_place(&changes->map, window, 0);
    if (index == TIDE_CELL_NONE) {
        return false;
    }
    struct tide_cell_record *record = &changes->map.records[index];
    record->value.changed = changed > record->value.changed ? changed : record->value.changed;
    return true;
}

static uint64_t changed_of(const struct tide_operator *operator,
                           const struct tide_cell_record * record)
{
    return record->value.is_pending && operator->pending_changed> record->value.changed
        ?
        operator->pending_changed : record->value.changed;
}

enum tide_status tide_window_changes_read(struct tide_window_changes *changes,
                                          const struct tide_operator *
                                          operator,
                                          struct tide_cell_span span)
{
    const struct tide_metric *metric = operator->metric;
    const uint32_t window_count = operator->kind->keeps_panes ? metric->pane_count : 1;
    for (uint32_t i = 0; i < operator->map.count; i++) {
        const struct tide_cell_record *record = &operator->map.records[i];
        for (uint32_t k = 0; k < window_count; k++) {
            const struct tide_window window =
                window_count == 1 ? tide_cell_record_window(record)
                                  : tide_window_slide(metric->every,
                                                      metric->pane_count,
                                                      (struct tide_instant){record->start_us},
                                                      k);
            if (!add(changes, window, span, changed_of(operator, record))) {
                return TIDE_FATAL;
            }
        }
    }
    return TIDE_OK;
}

uint32_t tide_window_changes_count(const struct tide_window_changes *changes)
{
    return changes->map.count;
}

struct tide_window tide_window_changes_window(const struct tide_window_changes *changes,
                                              uint32_t index)
{
    tide_assert(index < changes->map.count);
    return tide_cell_record_window(&changes->map.records[index]);
}

uint64_t tide_window_changes_at(const struct tide_window_changes *changes,
                                struct tide_window window)
{
    const uint32_t index = tide_cell_map_find(&changes->map, window, 0);
    return index == TIDE_CELL_NONE ? 0 : changes->map.records[index].value.changed;
}
