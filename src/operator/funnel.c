/* A key is the entity and the values of the other columns of `per`; it keeps its step events
 * ordered by (time, step, group). An event changes only the runs between the cuts around its place:
 * what the cells hold of them is taken out, the event put in, and what the new runs give is put in.
 * So events may come in any order, and an event at the end costs its own run.
 *
 * Different entities of a step are a set that only grows; when a run leaves a cell, or reaches less
 * than before, the cell's sets are out of date, and are made anew from all keys when somebody asks.
 * In a stream that is in order that does not happen: a run keeps its cell and only reaches more.
 *
 * A key with more than limits.key_events_max events is left to batch: its runs are taken out, and
 * the cells it would have touched say so (is_pending).
 *
 * A key with one event takes 38 bytes: 16 of it, 6 of slots, 16 of the event; up to 60 just after
 * the tables have doubled. Its runs are read again whenever they change. So that a bot's key with a
 * million events does not take a million steps for each of them, a long key's block ends with how
 * far its last run was read: to some events before its end, so that those which come a little late
 * find it still true. */
#include "operator/funnel_keys.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    WAVE = 32,  /* keys looked up at once */
    AHEAD = 16, /* keys whose events are asked for before they are read */
    NO_STEP = 255,
    LONG_KEY = 64,   /* events; from here on its block has a tail */
    TAIL_SLACK = 16, /* events before the end that the tail has not read, up to twice as many */
};

static enum tide_status funnel_create(struct tide_operator *base)
{
    struct funnel *funnel = (struct funnel *)base;
    const struct tide_funnel_plan *plan = base->metric->funnel;
    funnel->events.item_size = sizeof(struct funnel_event);
    for (uint32_t i = 0; i < plan->per_count; i++) {
        if (plan->per[i] != base->schema->entity) {
            funnel->rest_columns[funnel->rest_column_count++] = plan->per[i];
        }
    }
    return tide_dictionary_create(UINT32_MAX - 1, &funnel->rests, NULL) == TIDE_OK ? TIDE_OK
                                                                                   : TIDE_FATAL;
}

static void funnel_destroy(struct tide_operator *base)
{
    struct funnel *funnel = (struct funnel *)base;
    const uint32_t step_count = base->metric->funnel->step_count;
    for (size_t i = 0; i < (size_t)funnel->set_capacity * step_count; i++) {
        tide_entity_set_release(&funnel->sets[i]);
    }
    tide_dictionary_destroy(funnel->rests);
    row_keys_release(&funnel->rest_keys);
    tide_block_pool_release(&funnel->events);
    funnel_tracker_release(&funnel->tracker);
    free(funnel->keys);
    free(funnel->slots);
    free(funnel->sets);
    free(funnel->is_stale);
    free(funnel->steps);
    free(funnel->matching);
    free(funnel->row_rests);
}

/* ------- the events of a key */

/* The class of a block for so many events, and the tail of a long key. */
static uint32_t class_of(uint32_t count)
{
    return tide_block_class_of(count < LONG_KEY ? count : count + 1);
}

/* Of a long key: its last run, read to some event; not beyond `first`: unknown. */
static struct funnel_scan *tail_of(const struct funnel *funnel, const struct funnel_key *key)
{
    _Static_assert(sizeof(struct funnel_scan) <= sizeof(struct funnel_event), "it is an item");
    tide_assert(key->count >= LONG_KEY);
    const size_t last = ((size_t)1 << class_of(key->count)) - 1;
    return (struct funnel_scan *)(void *)(funnel_key_events(funnel, key) + last);
}

/* ------- what cells hold of a run */

static struct tide_window window_of(struct tide_operator *base, const struct funnel_event *head)
{
    return operator_window(base, (struct tide_instant){head->time_us});
}

/* Of a run that is complete: it ends with the event of its last step. */
static int64_t conversion_us(const struct funnel_event *events, const struct funnel_scan *run)
{
    return events[run->next - 1].time_us - events[run->head].time_us;
}

/* The cell it was in. */
static uint32_t take_out(struct funnel *funnel,
                         const struct funnel_event *events,
                         const struct funnel_scan *run)
{
    struct tide_operator *base = &funnel->base;
    const struct funnel_event *head = &events[run->head];
    const uint32_t cell = operator_find(base, window_of(base, head), head->group);
    struct tide_cell_value *value = &base->map.records[cell].value;
    tide_assert(value->events >= run->next - run->first);
    tide_assert((run->reached > 0 ? value->count : value->distinct) > 0);
    base->map.records[cell].value.changed = base->changed;
    value->events -= run->next - run->first;
    value->count -= run->reached > 0;
    value->distinct -= run->reached == 0;
    for (uint32_t k = 0; k < run->reached; k++) {
        tide_assert(value->parts->steps[k].reached > 0);
        value->parts->steps[k].reached--;
    }
    if (run->reached == base->metric->funnel->step_count) {
        const int64_t time_us = conversion_us(events, run);
        value->sum -= time_us;
        tide_quantile_sketch_remove(&value->parts->sketch, time_us);
    }
    return cell;
}

static bool reserve_sets(struct funnel *funnel)
{
    const size_t step_count = funnel->base.metric->funnel->step_count;
    const uint32_t wanted = funnel->base.map.capacity;
    if (wanted <= funnel->set_capacity) {
        return true;
    }
    struct tide_entity_set *sets = realloc(funnel->sets, wanted * step_count * sizeof(*sets));
    funnel->sets = sets == NULL ? funnel->sets : sets;
    bool *is_stale = realloc(funnel->is_stale, wanted * sizeof(*is_stale));
    funnel->is_stale = is_stale == NULL ? funnel->is_stale : is_stale;
    if (sets == NULL || is_stale == NULL) {
        return false;
    }
    const uint32_t added = wanted - funnel->set_capacity;
    memset(sets + funnel->set_capacity * step_count, 0, added * step_count * sizeof(*sets));
    memset(is_stale + funnel->set_capacity, 0, added * sizeof(*is_stale));
    funnel->set_capacity = wanted;
    return true;
}

/* Into the sets of steps [first, end). */
static bool add_entities(
    struct funnel *funnel, uint32_t cell, uint32_t first, uint32_t end, uint32_t entity)
{
    struct tide_entity_set *sets =
        &funnel->sets[(size_t)cell * funnel->base.metric->funnel->step_count];
    struct tide_step_count *steps = funnel->base.map.records[cell].value.parts->steps;
    for (uint32_t k = first; k < end; k++) {
        bool is_new = false;
        if (tide_entity_set_add(&sets[k], entity, &is_new) != TIDE_OK) {
            return false;
        }
        steps[k].entities += is_new;
    }
    return true;
}

/* The cell; NONE: out of memory. */
static uint32_t put_in(struct funnel *funnel,
                       uint32_t entity,
                       const struct funnel_event *events,
                       const struct funnel_scan *run)
{
    struct tide_operator *base = &funnel->base;
    const struct funnel_event *head = &events[run->head];
    const uint32_t cell = operator_place(base, window_of(base, head), head->group);
    if (cell == TIDE_CELL_NONE || !reserve_sets(funnel)) {
        return TIDE_CELL_NONE;
    }
    struct tide_cell_value *value = &base->map.records[cell].value;
    if (!tide_cell_value_open(base->metric, value)) {
        return TIDE_CELL_NONE;
    }
    base->map.records[cell].value.changed = base->changed;
    value->events += run->next - run->first;
    value->count += run->reached > 0;
    value->distinct += run->reached == 0;
    for (uint32_t k = 0; k < run->reached; k++) {
        value->parts->steps[k].reached++;
    }
    if (run->reached == base->metric->funnel->step_count) {
        const int64_t time_us = conversion_us(events, run);
        value->sum += time_us;
        if (tide_quantile_sketch_add(&value->parts->sketch, time_us) != TIDE_OK) {
            return TIDE_CELL_NONE;
        }
    }
    return add_entities(funnel, cell, 0, run->reached, entity) ? cell : TIDE_CELL_NONE;
}

/* A run goes on with one more event, in the same cell. */
static bool extend(struct funnel *funnel,
                   uint32_t entity,
                   const struct funnel_event *events,
                   const struct funnel_scan *before,
                   const struct funnel_scan *after)
{
    struct tide_operator *base = &funnel->base;
    const struct funnel_event *head = &events[after->head];
    const uint32_t cell = operator_find(base, window_of(base, head), head->group);
    struct tide_cell_value *value = &base->map.records[cell].value;
    value->changed = base->changed;
    value->events++;
    for (uint32_t k = before->reached; k < after->reached; k++) {
        value->parts->steps[k].reached++;
    }
    if (after->reached == base->metric->funnel->step_count) {
        const int64_t time_us = conversion_us(events, after);
        value->sum += time_us;
        if (tide_quantile_sketch_add(&value->parts->sketch, time_us) != TIDE_OK) {
            return false;
        }
    }
    return add_entities(funnel, cell, before->reached, after->reached, entity);
}

/* ------- an event */

/* The runs that an event touches: at most two before it is there, at most three with it. */
enum {
    TOUCHED_MAX = 3
};

struct touched {
    uint32_t cells[TOUCHED_MAX];
    uint32_t reached[TOUCHED_MAX];
    uint32_t count;
    struct funnel_scan last; /* of them */
};

static int compare_events(const struct tide_operator *base,
                          const struct funnel_event *a,
                          const struct funnel_event *b)
{
    if (a->time_us != b->time_us) {
        return a->time_us < b->time_us ? -1 : 1;
    }
    if (a->step != b->step) {
        return a->step < b->step ? -1 : 1;
    }
    return operator_compare_groups(base, a->group, b->group);
}

/* Behind those that are not greater. */
static uint32_t search(const struct tide_operator *base,
                       const struct funnel_event *events,
                       uint32_t count,
                       const struct funnel_event *event)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare_events(base, &events[middle], event) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first event of the run that holds events[at]. */
static uint32_t run_start(const struct tide_metric *metric,
                          const struct funnel_event *events,
                          uint32_t at)
{
    const int64_t timeout_us = metric->funnel->timeout.us;
    const uint32_t last_step = metric->funnel->step_count - 1;
    while (at > 0 && events[at].time_us - events[at - 1].time_us < timeout_us &&
           events[at - 1].step != last_step) {
        at--;
    }
    return at;
}

/* A cell that a run left, or in which it now reaches less, has sets that know too much. */
static void mark_stale(struct funnel *funnel,
                       const struct touched *before,
                       const struct touched *after)
{
    for (uint32_t i = 0; i < before->count; i++) {
        bool is_covered = before->reached[i] == 0;
        for (uint32_t k = 0; k < after->count && !is_covered; k++) {
            is_covered =
                after->cells[k] == before->cells[i] && after->reached[k] >= before->reached[i];
        }
        if (!is_covered) {
            funnel->is_stale[before->cells[i]] = true;
            funnel->has_stale = true;
        }
    }
}

static struct funnel_scan scan_at(uint32_t first)
{
    return (struct funnel_scan){first, first, 0, first};
}

/* The run that holds the event before `at`, if there is one, read as far as is known. */
static struct funnel_scan scan_before(const struct funnel *funnel,
                                      const struct funnel_key *key,
                                      uint32_t at)
{
    if (at == 0) {
        return scan_at(0);
    }
    if (key->count >= LONG_KEY) {
        const struct funnel_event *events = funnel_key_events(funnel, key);
        const struct funnel_scan tail = *tail_of(funnel, key);
        if (tail.next > tail.first && tail.next <= at) {
            tide_assert(run_start(funnel->base.metric, events, tail.first) == tail.first);
            return tail;
        }
    }
    return scan_at(run_start(funnel->base.metric, funnel_key_events(funnel, key), at - 1));
}

/* last: of the runs that were put in; the first of them was read on from `from`. */
static void keep_tail(const struct funnel *funnel,
                      const struct funnel_key *key,
                      struct funnel_scan from,
                      const struct funnel_scan *last)
{
    if (key->count < LONG_KEY) {
        return;
    }
    struct funnel_scan *tail = tail_of(funnel, key);
    if (last->next == key->count) {
        const uint32_t limit = key->count - TAIL_SLACK;
        *tail = last->first == from.first ? from : scan_at(last->first);
        if (limit >= tail->next + TAIL_SLACK) {
            funnel_scan_on(funnel->base.metric, funnel_key_events(funnel, key), limit, tail);
        }
    } else if (tail->next > tail->first) { /* the event came before that run */
        tail->first++;
        tail->next++;
        tail->head++;
    }
}

/* Takes out the runs of events[run.first..end); end becomes where the last of them ends. */
static uint32_t take_out_runs(struct funnel *funnel,
                              const struct funnel_event *events,
                              uint32_t count,
                              struct funnel_scan run,
                              uint32_t end,
                              struct touched *touched)
{
    uint32_t first = run.first;
    while (first < end) {
        funnel_scan_on(funnel->base.metric, events, count, &run);
        const uint32_t cell = take_out(funnel, events, &run);
        if (touched != NULL) {
            tide_assert(touched->count < TOUCHED_MAX);
            touched->cells[touched->count] = cell;
            touched->reached[touched->count++] = run.reached;
        } else if (run.reached > 0) {
            funnel->is_stale[cell] = true;
            funnel->has_stale = true;
        }
        first = run.next;
        run = scan_at(first);
    }
    return first;
}

static bool put_in_runs(struct funnel *funnel,
                        const struct funnel_key *key,
                        struct funnel_scan run,
                        uint32_t end,
                        struct touched *touched)
{
    const struct funnel_event *events = funnel_key_events(funnel, key);
    uint32_t first = run.first;
    while (first < end) {
        funnel_scan_on(funnel->base.metric, events, key->count, &run);
        const uint32_t cell = put_in(funnel, key->entity, events, &run);
        if (cell == TIDE_CELL_NONE) {
            return false;
        }
        tide_assert(touched->count < TOUCHED_MAX);
        touched->cells[touched->count] = cell;
        touched->reached[touched->count++] = run.reached;
        touched->last = run;
        first = run.next;
        run = scan_at(first);
    }
    tide_assert(first == end); /* the cuts around what was taken out are still there */
    return true;
}

/* Makes room at `at`. NULL: out of memory. */
static struct funnel_event *insert_event(struct funnel *funnel, struct funnel_key *key, uint32_t at)
{
    struct funnel_event *old = funnel_key_events(funnel, key);
    const uint32_t class = class_of(key->count + 1);
    const bool fits = key->count > 0 && class == class_of(key->count);
    const struct funnel_scan tail =
        key->count >= LONG_KEY ? *tail_of(funnel, key) : (struct funnel_scan){0};
    const uint32_t block = fits ? key->block : tide_block_pool_take(&funnel->events, class);
    if (block == TIDE_BLOCK_NONE) {
        return NULL;
    }
    struct funnel_event *events = tide_block_pool_at(&funnel->events, block);
    if (key->count > 0) {
        memmove(events + at + 1, old + at, (key->count - at) * sizeof(*events));
    }
    if (!fits && key->count > 0) {
        memcpy(events, old, at * sizeof(*events));
        tide_block_pool_give(&funnel->events, key->block, class_of(key->count));
    }
    key->block = block;
    key->count++;
    if (key->count >= LONG_KEY) {
        *tail_of(funnel, key) = tail;
    }
    return events;
}

/* The cell of an event of a key that is left to batch. To which window its run belongs is not known
 * any more: to one of those that are pending. */
static bool mark_pending(struct funnel *funnel, const struct funnel_event *event)
{
    struct tide_operator *base = &funnel->base;
    const uint32_t cell = operator_place(base, window_of(base, event), event->group);
    if (cell == TIDE_CELL_NONE || !reserve_sets(funnel)) {
        return false;
    }
    base->pending_changed = base->changed;
    base->map.records[cell].value.is_pending = true;
    return tide_cell_value_open(base->metric, &base->map.records[cell].value);
}

static bool leave_to_batch(struct funnel *funnel, struct funnel_key *key)
{
    const struct funnel_event *events = funnel_key_events(funnel, key);
    take_out_runs(funnel, events, key->count, scan_at(0), key->count, NULL);
    for (uint32_t i = 0; i < key->count; i++) {
        if (!mark_pending(funnel, &events[i])) {
            return false;
        }
    }
    tide_block_pool_give(&funnel->events, key->block, class_of(key->count));
    funnel->event_count -= key->count;
    key->count = FUNNEL_KEY_OVERFULL;
    funnel->pending_keys++;
    return true;
}

/* An event behind all others of its key begins a run, or is one more of the last one: the runs
 * before that stay as they are. */
static bool append_event(struct funnel *funnel, struct funnel_key *key, struct funnel_event event)
{
    const struct tide_metric *metric = funnel->base.metric;
    const uint32_t at = key->count;
    const struct funnel_scan from = scan_before(funnel, key, at);
    struct funnel_scan before = from;
    funnel_scan_on(metric, funnel_key_events(funnel, key), at, &before);
    struct funnel_event *events = insert_event(funnel, key, at);
    if (events == NULL) {
        return false;
    }
    events[at] = event;
    funnel->event_count++;
    struct funnel_scan after = before;
    funnel_scan_on(metric, events, at + 1, &after);
    bool is_done = true;
    if (at > 0 && after.next > at && (before.reached > 0 || after.reached == 0)) {
        is_done = extend(funnel, key->entity, events, &before, &after);
    } else {
        if (at > 0 && after.next > at) { /* its head is another event now; no set knew of it */
            take_out(funnel, events, &before);
        } else {
            after = scan_at(at);
            funnel_scan_on(metric, events, at + 1, &after);
        }
        is_done = put_in(funnel, key->entity, events, &after) != TIDE_CELL_NONE;
    }
    keep_tail(funnel, key, from, &after);
    return is_done;
}

static bool add_event(struct funnel *funnel, struct funnel_key *key, struct funnel_event event)
{
    struct tide_operator *base = &funnel->base;
    if (key->count != FUNNEL_KEY_OVERFULL && !funnel_tracker_note(&funnel->tracker,
                                                                  (uint32_t)(key - funnel->keys),
                                                                  funnel_key_events(funnel, key),
                                                                  key->count)) {
        return false;
    }
    if (key->count != FUNNEL_KEY_OVERFULL && key->count >= base->limits.key_events_max &&
        !leave_to_batch(funnel, key)) {
        return false;
    }
    if (key->count == FUNNEL_KEY_OVERFULL) {
        return mark_pending(funnel, &event);
    }
    struct funnel_event *events = funnel_key_events(funnel, key);
    if (key->count == 0 || compare_events(base, &events[key->count - 1], &event) <= 0) {
        return append_event(funnel, key, event);
    }
    const uint32_t at = search(base, events, key->count, &event);
    const struct funnel_scan from = scan_before(funnel, key, at);
    struct touched before = {0};
    struct touched after = {0};
    /* Up to the end of the run that holds the event behind it, if there is one. */
    const uint32_t end =
        take_out_runs(funnel, events, key->count, from, at + (at < key->count), &before);
    events = insert_event(funnel, key, at);
    if (events == NULL) {
        return false;
    }
    events[at] = event;
    funnel->event_count++;
    if (!put_in_runs(funnel, key, from, end + 1, &after)) {
        return false;
    }
    keep_tail(funnel, key, from, &after.last);
    mark_stale(funnel, &before, &after);
    return true;
}

/* ------- a batch */

static bool reserve_rows(struct funnel *funnel, uint32_t count)
{
    if (count <= funnel->row_capacity) {
        return true;
    }
    uint8_t *steps = realloc(funnel->steps, count * sizeof(*steps));
    funnel->steps = steps == NULL ? funnel->steps : steps;
    uint32_t *matching = realloc(funnel->matching, count * sizeof(*matching));
    funnel->matching = matching == NULL ? funnel->matching : matching;
    uint32_t *row_rests = realloc(funnel->row_rests, count * sizeof(*row_rests));
    funnel->row_rests = row_rests == NULL ? funnel->row_rests : row_rests;
    if (steps == NULL || matching == NULL || row_rests == NULL) {
        return false;
    }
    funnel->row_capacity = count;
    return true;
}

/* The step of each row of the batch, by row; of several the earliest: it is written last. */
static void find_steps(struct funnel *funnel, const struct tide_batch *batch, uint32_t count)
{
    const struct tide_funnel_plan *plan = funnel->base.metric->funnel;
    for (uint32_t i = 0; i < count; i++) {
        funnel->steps[funnel->base.rows[i]] = NO_STEP;
    }
    for (uint32_t k = plan->step_count; k-- > 0;) {
        memcpy(funnel->matching, funnel->base.rows, count * sizeof(*funnel->matching));
        const uint32_t kept =
            tide_expression_select(plan->steps[k], batch, funnel->matching, count);
        for (uint32_t i = 0; i < kept; i++) {
            funnel->steps[funnel->matching[i]] = (uint8_t)k;
        }
    }
}

static enum tide_status funnel_select(struct tide_operator *base,
                                      const struct tide_operator_input *input,
                                      uint32_t *count)
{
    struct funnel *funnel = (struct funnel *)base;
    uint32_t kept = 0;
    if (!reserve_rows(funnel, input->batch->row_capacity)) {
        return TIDE_FATAL;
    }
    operator_drop_nobody(base, input, count);
    find_steps(funnel, input->batch, *count);
    for (uint32_t i = 0; i < *count; i++) {
        const uint32_t row = base->rows[i];
        base->rows[kept] = row;
        kept += funnel->steps[row] != NO_STEP;
    }
    *count = kept;
    return TIDE_OK;
}

/* Drops the rows without a key: a column of `per` is null. Their groups are remembered. */
static void drop_keyless(struct funnel *funnel, const struct tide_batch *batch, uint32_t *count)
{
    struct tide_operator *base = &funnel->base;
    for (uint32_t k = 0; k < funnel->rest_column_count; k++) {
        const uint8_t *present = batch->columns[funnel->rest_columns[k]].present;
        uint32_t kept = 0;
        for (uint32_t i = 0; i < *count; i++) {
            base->row_groups[kept] = base->row_groups[i];
            base->rows[kept] = base->rows[i];
            kept += present[base->rows[i]] != 0;
        }
        *count = kept;
    }
}

static bool add_wave(struct funnel *funnel,
                     const struct tide_operator_input *input,
                     uint32_t first,
                     uint32_t end)
{
    struct tide_operator *base = &funnel->base;
    struct funnel_key_name names[WAVE];
    for (uint32_t i = first; i < end; i++) {
        names[i - first] =
            (struct funnel_key_name){input->entities[base->rows[i]], funnel->row_rests[i]};
    }
    funnel_prefetch_keys(funnel, names, end - first);
    for (uint32_t i = first; i < end; i++) {
        const uint32_t row = base->rows[i];
        struct funnel_key *key = funnel_find_key(funnel, names[i - first]);
        const struct funnel_event event = {
            input->event_times[row].us, base->row_groups[i], funnel->steps[row]};
        base->changed = operator_change(input, row);
        if (key == NULL || !add_event(funnel, key, event)) {
            return false;
        }
    }
    return true;
}

static enum tide_status funnel_update(struct tide_operator *base,
                                      const struct tide_operator_input *input,
                                      uint32_t count)
{
    struct funnel *funnel = (struct funnel *)base;
    drop_keyless(funnel, input->batch, &count);
    if (!funnel_find_rests(funnel, input->batch, count)) {
        return TIDE_FATAL;
    }
    for (uint32_t first = 0; first < count; first += WAVE) {
        const uint32_t size = count - first < WAVE ? count - first : WAVE;
        if (!add_wave(funnel, input, first, first + size)) {
            return TIDE_FATAL;
        }
    }
    return TIDE_OK;
}

/* ------- asking */

static void forget_entities(struct funnel *funnel, uint32_t cell)
{
    const uint32_t step_count = funnel->base.metric->funnel->step_count;
    struct tide_step_count *steps = funnel->base.map.records[cell].value.parts->steps;
    for (uint32_t k = 0; k < step_count; k++) {
        tide_entity_set_release(&funnel->sets[(size_t)cell * step_count + k]);
        steps[k].entities = 0;
    }
}

/* Keys come one after the other, their events lie anywhere. */
static void prefetch_events(const struct funnel *funnel, uint32_t key)
{
    if (key < funnel->key_count && funnel->keys[key].count != FUNNEL_KEY_OVERFULL) {
        __builtin_prefetch(funnel_key_events(funnel, &funnel->keys[key]));
    }
}

/* Makes the sets of stale cells anew from all runs. */
static bool renew_sets(struct funnel *funnel)
{
    struct tide_operator *base = &funnel->base;
    for (uint32_t cell = 0; cell < base->map.count; cell++) {
        if (funnel->is_stale[cell]) {
            forget_entities(funnel, cell);
        }
    }
    for (uint32_t i = 0; i < funnel->key_count; i++) {
        const struct funnel_key *key = &funnel->keys[i];
        prefetch_events(funnel, i + AHEAD);
        const uint32_t count = key->count == FUNNEL_KEY_OVERFULL ? 0 : key->count;
        const struct funnel_event *events = count == 0 ? NULL : funnel_key_events(funnel, key);
        for (uint32_t first = 0; first < count;) {
            struct funnel_run run;
            funnel_run_at(base->metric, events, first, count, &run);
            const struct funnel_event *head = &events[run.head];
            const uint32_t cell = operator_find(base, window_of(base, head), head->group);
            if (funnel->is_stale[cell] &&
                !add_entities(funnel, cell, 0, run.reached, key->entity)) {
                return false;
            }
            first = run.end;
        }
    }
    memset(funnel->is_stale, 0, base->map.count * sizeof(*funnel->is_stale));
    funnel->has_stale = false;
    return true;
}

/* A key's last run goes on until its timeout has passed by the closing clock. */
static void count_open(struct funnel *funnel, struct tide_instant closing)
{
    struct tide_operator *base = &funnel->base;
    const struct tide_funnel_plan *plan = base->metric->funnel;
    for (uint32_t cell = 0; cell < base->map.count; cell++) {
        for (uint32_t k = 0; k < plan->step_count; k++) {
            base->map.records[cell].value.parts->steps[k].open = 0;
        }
    }
    for (uint32_t i = 0; tide_instant_known(closing) && i < funnel->key_count; i++) {
        const struct funnel_key *key = &funnel->keys[i];
        prefetch_events(funnel, i + AHEAD);
        const struct funnel_event *events =
            key->count == FUNNEL_KEY_OVERFULL ? NULL : funnel_key_events(funnel, key);
        if (events == NULL || events[key->count - 1].time_us + plan->timeout.us <= closing.us) {
            continue;
        }
        struct funnel_run run;
        funnel_run_at(base->metric,
                      events,
                      run_start(base->metric, events, key->count - 1),
                      key->count,
                      &run);
        if (run.reached > 0 && run.reached < plan->step_count) {
            const struct funnel_event *head = &events[run.head];
            const uint32_t cell = operator_find(base, window_of(base, head), head->group);
            base->map.records[cell].value.parts->steps[run.reached - 1].open++;
        }
    }
}

/* No step is larger than the one before, and whatever was taken out and put in, each event is in
 * one cell. */
static void check_sums(const struct funnel *funnel)
{
    const struct tide_operator *base = &funnel->base;
    const uint32_t step_count = base->metric->funnel->step_count;
    uint64_t event_count = 0;
    for (uint32_t cell = 0; cell < base->map.count; cell++) {
        const struct tide_cell_value *value = &base->map.records[cell].value;
        const struct tide_step_count *steps = value->parts->steps;
        tide_assert(steps[0].reached == value->count);
        for (uint32_t k = 0; k < step_count; k++) {
            const uint64_t next = k + 1 < step_count ? steps[k + 1].reached : 0;
            tide_assert(steps[k].entities <= steps[k].reached);
            tide_assert((steps[k].entities > 0) == (steps[k].reached > 0));
            tide_assert(steps[k].reached >= next && steps[k].open <= steps[k].reached - next);
        }
        tide_assert(tide_quantile_sketch_count(&value->parts->sketch) ==
                    steps[step_count - 1].reached);
        event_count += value->events;
    }
    tide_assert(event_count == funnel->event_count);
}

static enum tide_status funnel_visit(struct tide_operator *base, struct tide_cell_visitor visitor)
{
    struct funnel *funnel = (struct funnel *)base;
    if (funnel->has_stale && !renew_sets(funnel)) {
        return TIDE_FATAL;
    }
    count_open(funnel, visitor.closing);
    check_sums(funnel);
    return operator_visit_map(base, visitor);
}

static void funnel_facts(const struct tide_operator *base, struct tide_operator_facts *facts)
{
    const struct funnel *funnel = (const struct funnel *)base;
    facts->key_count = funnel->key_count;
    facts->pending_keys = funnel->pending_keys;
    facts->bytes +=
        funnel->key_capacity * sizeof(*funnel->keys) + funnel->slot_count * sizeof(*funnel->slots) +
        funnel->events.bytes + funnel_tracker_bytes(&funnel->tracker) +
        tide_dictionary_bytes(funnel->rests) + funnel->set_capacity * sizeof(*funnel->is_stale) +
        (size_t)funnel->set_capacity * base->metric->funnel->step_count * sizeof(*funnel->sets) +
        funnel->row_capacity *
            (sizeof(*funnel->steps) + sizeof(*funnel->matching) + sizeof(*funnel->row_rests)) +
        row_keys_bytes(&funnel->rest_keys);
    for (size_t i = 0; i < (size_t)funnel->set_capacity * base->metric->funnel->step_count; i++) {
        facts->bytes += tide_entity_set_bytes(&funnel->sets[i]);
    }
}

const struct operator_kind operator_funnel = {
    .size = sizeof(struct funnel),
    .create = funnel_create,
    .destroy = funnel_destroy,
    .select = funnel_select,
    .update = funnel_update,
    .visit = funnel_visit,
    .facts = funnel_facts,
};
