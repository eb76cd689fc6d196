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

static bool add(struct tide_cell_map *map, struct tide_window window, uint64_t changed)
{
    const uint32_t index = tide_cell_map_place(map, window, 0);
    if (index == TIDE_CELL_NONE) {
        return false;
    }
    struct tide_cell_record *record = &map->records[index];
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

/* The windows that the panes are in. */
static bool slide(struct tide_window_changes *changes,
                  const struct tide_metric *metric,
                  const struct tide_cell_map *panes,
                  struct tide_cell_span span)
{
    for (uint32_t i = 0; i < panes->count; i++) {
        const struct tide_cell_record *pane = &panes->records[i];
        for (uint32_t k = 0; k < metric->pane_count; k++) {
            const struct tide_window window = tide_window_slide(
                metric->every, metric->pane_count, (struct tide_instant){pane->start_us}, k);
            if (tide_cell_span_has(span, window) &&
                !add(&changes->map, window, pane->value.changed)) {
                return false;
            }
        }
    }
    return true;
}

enum tide_status tide_window_changes_read(struct tide_window_changes *changes,
                                          const struct tide_operator *
                                          operator,
                                          struct tide_cell_span span)
{
    const bool has_panes = operator->kind->keeps_panes && operator->metric->pane_count> 1;
    struct tide_cell_map panes = {0}; /* each once, however many groups it has */
    bool has_memory = true;
    for (uint32_t i = 0; has_memory && i < operator->map.count; i++) {
        const struct tide_cell_record *record = &operator->map.records[i];
        const struct tide_window window = tide_cell_record_window(record);
        if (tide_instant_known(span.from) && record->start_us < span.from.us) {
            continue; /* as do all windows that a pane is in */
        }
        if (has_panes || tide_cell_span_has(span, window)) {
            has_memory =
                add(has_panes ? &panes : &changes->map, window, changed_of(operator, record));
        }
    }
    has_memory = has_memory && slide(changes, operator->metric, &panes, span);
    tide_cell_map_release(&panes);
    return has_memory ? TIDE_OK : TIDE_FATAL;
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
