/* Different entities: a set of their numbers for each cell. Partitions have different entities, so
 * what is counted in one adds to what is counted in another. Sliding windows are kept as panes, and
 * are counted over the union of their panes' sets. */
#include "base/assert.h"
#include "operator/cells.h"
#include "operator/entity_set.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    AHEAD = 12 /* rows for which memory is asked before they are counted */
};

struct distinct {
    struct tide_operator base;
    struct tide_entity_set *sets; /* by cell */
    uint32_t set_capacity;
};

static bool reserve_sets(struct distinct *distinct)
{
    const uint32_t wanted = distinct->base.map.capacity;
    if (wanted <= distinct->set_capacity) {
        return true;
    }
    struct tide_entity_set *sets = realloc(distinct->sets, wanted * sizeof(*sets));
    if (sets == NULL) {
        return false;
    }
    for (uint32_t i = distinct->set_capacity; i < wanted; i++) {
        sets[i] = (struct tide_entity_set){0};
    }
    distinct->sets = sets;
    distinct->set_capacity = wanted;
    return true;
}

static enum tide_status distinct_update(struct tide_operator *base,
                                        const struct tide_operator_input *input,
                                        uint32_t count)
{
    struct distinct *distinct = (struct distinct *)base;
    if (!operator_place_rows(base, input, count) || !reserve_sets(distinct)) {
        return TIDE_FATAL;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t cell = base->row_groups[i];
        if (i + AHEAD < count) {
            tide_entity_set_prefetch(&distinct->sets[base->row_groups[i + AHEAD]],
                                     input->entities[base->rows[i + AHEAD]]);
        }
        const uint32_t entity = input->entities[base->rows[i]];
        struct tide_cell_value *value = &base->map.records[cell].value;
        bool is_new = false;
        value->events++;
        if (entity == TIDE_DICTIONARY_NONE) {
            continue;
        }
        if (tide_entity_set_add(&distinct->sets[cell], entity, &is_new) != TIDE_OK) {
            return TIDE_FATAL;
        }
        value->distinct += is_new;
    }
    return TIDE_OK;
}

/* ------- sliding windows */

struct panes {
    const struct tide_operator *base;
    uint32_t *order; /* cells by group, then start */
    const struct tide_entity_set **sets;
};

static int compare_panes(const void *left, const void *right, void *context)
{
    const struct tide_cell_record *records = context;
    const struct tide_cell_record *a = &records[*(const uint32_t *)left];
    const struct tide_cell_record *b = &records[*(const uint32_t *)right];
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    return (a->start_us > b->start_us) - (a->start_us < b->start_us);
}

/* One window over those of order[first..end) that lie in it. */
static enum tide_status visit_window(const struct panes *panes,
                                     struct tide_window window,
                                     uint32_t first,
                                     uint32_t end,
                                     struct tide_cell_visitor visitor)
{
    const struct distinct *distinct = (const struct distinct *)panes->base;
    const struct tide_cell_record *records = panes->base->map.records;
    struct tide_cell_value value = {0};
    size_t count = 0;
    for (uint32_t i = first; i < end && records[panes->order[i]].start_us < window.end.us; i++) {
        const uint32_t cell = panes->order[i];
        value.events += records[cell].value.events;
        value.is_folded = value.is_folded || records[cell].value.is_folded;
        panes->sets[count++] = &distinct->sets[cell];
    }
    if (tide_entity_set_count_union(panes->sets, count, &value.distinct) != TIDE_OK) {
        return TIDE_FATAL;
    }
    const uint32_t group = records[panes->order[first]].group;
    return visitor.visit(
        visitor.context, window, tide_dictionary_text(panes->base->groups, group), &value);
}

/* Each window that holds a pane of order[first..end), which is one group's, once: a window is that
 * of its first pane, and the windows of a pane that earlier panes had too are skipped. */
static enum tide_status visit_group(const struct panes *panes,
                                    uint32_t first,
                                    uint32_t end,
                                    struct tide_cell_visitor visitor)
{
    const struct tide_metric *metric = panes->base->metric;
    const struct tide_cell_record *records = panes->base->map.records;
    enum tide_status status = TIDE_OK;
    for (uint32_t i = first; i < end; i++) {
        const struct tide_instant start = {records[panes->order[i]].start_us};
        for (uint32_t k = 0; status == TIDE_OK && k < metric->pane_count; k++) {
            const struct tide_window window =
                tide_window_slide(metric->every, metric->pane_count, start, k);
            const bool has_earlier =
                i > first && records[panes->order[i - 1]].start_us >= window.start.us;
            if (!has_earlier) {
                status = visit_window(panes, window, i, end, visitor);
            }
        }
    }
    return status;
}

static enum tide_status distinct_visit(struct tide_operator *base, struct tide_cell_visitor visitor)
{
    const uint32_t count = base->map.count;
    if (base->metric->pane_count == 1 || count == 0) {
        return operator_visit_map(base, visitor);
    }
    struct panes panes = {
        .base = base,
        .order = calloc(count, sizeof(*panes.order)),
        .sets = calloc(base->metric->pane_count, sizeof(struct tide_entity_set *)),
    };
    enum tide_status status = panes.order == NULL || panes.sets == NULL ? TIDE_FATAL : TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < count; i++) {
        panes.order[i] = i;
    }
    if (status == TIDE_OK) {
        qsort_r(panes.order, count, sizeof(*panes.order), compare_panes, base->map.records);
    }
    for (uint32_t first = 0; status == TIDE_OK && first < count;) {
        const uint32_t group = base->map.records[panes.order[first]].group;
        uint32_t end = first + 1;
        while (end < count && base->map.records[panes.order[end]].group == group) {
            end++;
        }
        status = visit_group(&panes, first, end, visitor);
        first = end;
    }
    free(panes.order);
    free(panes.sets);
    return status;
}

/* ------- */

static void distinct_destroy(struct tide_operator *base)
{
    struct distinct *distinct = (struct distinct *)base;
    for (uint32_t i = 0; i < distinct->set_capacity; i++) {
        tide_entity_set_release(&distinct->sets[i]);
    }
    free(distinct->sets);
}

static void distinct_facts(const struct tide_operator *base, struct tide_operator_facts *facts)
{
    const struct distinct *distinct = (const struct distinct *)base;
    facts->bytes += distinct->set_capacity * sizeof(*distinct->sets);
    for (uint32_t cell = 0; cell < distinct->set_capacity; cell++) {
        facts->bytes += tide_entity_set_bytes(&distinct->sets[cell]);
    }
}

const struct operator_kind operator_distinct = {
    .size = sizeof(struct distinct),
    .keeps_panes = true,
    .destroy = distinct_destroy,
    .update = distinct_update,
    .visit = distinct_visit,
    .facts = distinct_facts,
};
