/* Sessions: for each entity the disjoint intervals of its activity, in order. An event extends one,
 * bridges two, or starts one; what the cells hold of the old intervals is taken out before, and
 * what the new one gives is put in after, so events may come in any order.
 *
 * A session belongs to the window and the group of its first event: the earliest, and of several at
 * that instant the one of the least group. An interval keeps that group; it takes 24 bytes. */
#include "base/assert.h"
#include "operator/block_pool.h"
#include "operator/operator_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    ENTITIES_MIN = 64
};

struct interval {
    int64_t start_us;
    int64_t end_us; /* of the last event */
    uint32_t events;
    uint32_t group;
};

struct entity {
    uint32_t block; /* of intervals, ascending; its class is that of count */
    uint32_t count;
};

struct sessions {
    struct tide_operator base;
    struct entity *entities; /* by number */
    uint32_t entity_capacity;
    uint32_t entity_count; /* with a session */
    struct tide_block_pool intervals;
    uint64_t session_count; /* of all entities, and their events: what the cells must sum up to */
    uint64_t event_count;
};

static enum tide_status sessions_create(struct tide_operator *base)
{
    ((struct sessions *)base)->intervals.item_size = sizeof(struct interval);
    return TIDE_OK;
}

static void sessions_destroy(struct tide_operator *base)
{
    struct sessions *sessions = (struct sessions *)base;
    tide_block_pool_release(&sessions->intervals);
    free(sessions->entities);
}

static bool reserve_entity(struct sessions *sessions, uint32_t number)
{
    uint64_t wanted = sessions->entity_capacity == 0 ? ENTITIES_MIN : sessions->entity_capacity;
    while (wanted <= number) {
        wanted *= 2;
    }
    if (wanted == sessions->entity_capacity) {
        return true;
    }
    struct entity *entities = realloc(sessions->entities, wanted * sizeof(*entities));
    if (entities == NULL || wanted > UINT32_MAX) {
        sessions->entities = entities == NULL ? sessions->entities : entities;
        return false;
    }
    memset(entities + sessions->entity_capacity,
           0,
           (wanted - sessions->entity_capacity) * sizeof(*entities));
    sessions->entities = entities;
    sessions->entity_capacity = (uint32_t)wanted;
    return true;
}

/* ------- what cells hold of an interval */

static struct tide_window window_of(const struct tide_operator *base,
                                    const struct interval *interval)
{
    return tide_window_of(base->metric->every, (struct tide_instant){interval->start_us});
}

static void take_out(struct tide_operator *base, const struct interval *interval)
{
    const uint32_t cell = operator_find(base, window_of(base, interval), interval->group);
    struct tide_cell_value *value = &base->map.records[cell].value;
    const int64_t duration_us = interval->end_us - interval->start_us;
    tide_assert(value->count > 0 && value->events >= interval->events);
    base->map.records[cell].value.changed = base->changed;
    tide_assert(value->sum >= duration_us && value->distinct >= (interval->events == 1));
    value->count--;
    value->events -= interval->events;
    value->distinct -= interval->events == 1;
    value->sum -= duration_us;
    tide_quantile_sketch_remove(&value->parts->sketch, duration_us);
}

static bool put_in(struct tide_operator *base, const struct interval *interval)
{
    const uint32_t cell = operator_place(base, window_of(base, interval), interval->group);
    if (cell == TIDE_CELL_NONE) {
        return false;
    }
    struct tide_cell_value *value = &base->map.records[cell].value;
    const int64_t duration_us = interval->end_us - interval->start_us;
    if (!tide_cell_value_open(base->metric, value) ||
        tide_quantile_sketch_add(&value->parts->sketch, duration_us) != TIDE_OK) {
        return false;
    }
    base->map.records[cell].value.changed = base->changed;
    value->count++;
    value->events += interval->events;
    value->distinct += interval->events == 1;
    value->sum += duration_us;
    return true;
}

/* ------- intervals of an entity */

static struct interval *intervals_of(const struct sessions *sessions, const struct entity *entity)
{
    return entity->count == 0 ? NULL : tide_block_pool_at(&sessions->intervals, entity->block);
}

/* Moves the intervals to a block that fits count; those before `at` and from `from` on are kept,
 * with room for one at `at`. NULL: out of memory. */
static struct interval *replace(struct sessions *sessions,
                                struct entity *entity,
                                uint32_t at,
                                uint32_t from)
{
    struct interval *old = intervals_of(sessions, entity);
    const uint32_t count = at + 1 + (entity->count - from);
    const uint32_t class = tide_block_class_of(count);
    const bool fits = entity->count > 0 && class == tide_block_class_of(entity->count);
    const uint32_t block = fits ? entity->block : tide_block_pool_take(&sessions->intervals, class);
    if (block == TIDE_BLOCK_NONE) {
        return NULL;
    }
    struct interval *made = tide_block_pool_at(&sessions->intervals, block);
    if (entity->count > 0) {
        memmove(made + at + 1, old + from, (entity->count - from) * sizeof(*made));
    }
    if (!fits && entity->count > 0) {
        memcpy(made, old, at * sizeof(*made));
        tide_block_pool_give(
            &sessions->intervals, entity->block, tide_block_class_of(entity->count));
    }
    sessions->entity_count += entity->count == 0;
    *entity = (struct entity){block, count};
    return made;
}

/* The first interval that an event at t could belong to, or that is behind it: those before end at
 * least a timeout earlier. */
static uint32_t search(const struct interval *intervals,
                       uint32_t count,
                       int64_t t_us,
                       int64_t timeout_us)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (t_us - intervals[middle].end_us >= timeout_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Makes into the session of both. */
static void unite(const struct tide_operator *base,
                  struct interval *into,
                  const struct interval *other)
{
    const bool is_earlier = other->start_us < into->start_us ||
                            (other->start_us == into->start_us &&
                             operator_compare_groups(base, other->group, into->group) < 0);
    into->group = is_earlier ? other->group : into->group;
    into->start_us = other->start_us < into->start_us ? other->start_us : into->start_us;
    into->end_us = other->end_us > into->end_us ? other->end_us : into->end_us;
    into->events += other->events;
}

static bool add_event(struct sessions *sessions, uint32_t number, int64_t t_us, uint32_t group)
{
    struct tide_operator *base = &sessions->base;
    struct entity *entity = &sessions->entities[number];
    const int64_t timeout_us = base->metric->sessions.timeout.us;
    const struct interval *intervals = intervals_of(sessions, entity);
    const uint32_t first = search(intervals, entity->count, t_us, timeout_us);
    struct interval session = {t_us, t_us, 1, group};
    uint32_t end = first;
    while (end < entity->count && intervals[end].start_us - t_us < timeout_us) {
        take_out(base, &intervals[end]);
        unite(base, &session, &intervals[end]);
        end++;
    }
    tide_assert(end - first <= 2); /* intervals are a timeout apart */
    sessions->session_count += 1 - (uint64_t)(end - first);
    sessions->event_count++;
    struct interval *made = replace(sessions, entity, first, end);
    if (made == NULL) {
        return false;
    }
    made[first] = session;
    return put_in(base, &session);
}

static enum tide_status sessions_select(struct tide_operator *base,
                                        const struct tide_operator_input *input,
                                        uint32_t *count)
{
    operator_drop_nobody(base, input, count);
    return TIDE_OK;
}

static enum tide_status sessions_update(struct tide_operator *base,
                                        const struct tide_operator_input *input,
                                        uint32_t count)
{
    struct sessions *sessions = (struct sessions *)base;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = base->rows[i];
        const uint32_t entity = input->entities[row];
        base->changed = operator_change(input, row);
        if (!reserve_entity(sessions, entity) ||
            !add_event(sessions, entity, input->event_times[row].us, base->row_groups[i])) {
            return TIDE_FATAL;
        }
    }
    return TIDE_OK;
}

/* Whatever was taken out and put in: each session and each event is in one cell. */
static void check_sums(const struct sessions *sessions)
{
    const struct tide_cell_map *map = &sessions->base.map;
    uint64_t session_count = 0;
    uint64_t event_count = 0;
    for (uint32_t i = 0; i < map->count; i++) {
        const struct tide_cell_value *value = &map->records[i].value;
        tide_assert(value->distinct <= value->count && value->count <= value->events);
        tide_assert(tide_quantile_sketch_count(&value->parts->sketch) == value->count);
        session_count += value->count;
        event_count += value->events;
    }
    tide_assert(session_count == sessions->session_count);
    tide_assert(event_count == sessions->event_count);
}

static enum tide_status sessions_visit(struct tide_operator *base, struct tide_cell_visitor visitor)
{
    check_sums((const struct sessions *)base);
    return operator_visit_map(base, visitor);
}

static void sessions_facts(const struct tide_operator *base, struct tide_operator_facts *facts)
{
    const struct sessions *sessions = (const struct sessions *)base;
    facts->key_count = sessions->entity_count;
    facts->bytes +=
        sessions->intervals.bytes + sessions->entity_capacity * sizeof(*sessions->entities);
}

const struct operator_kind operator_sessions = {
    .size = sizeof(struct sessions),
    .create = sessions_create,
    .destroy = sessions_destroy,
    .select = sessions_select,
    .update = sessions_update,
    .visit = sessions_visit,
    .facts = sessions_facts,
};
