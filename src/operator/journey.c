/* Telling is a difference: for each key that changed, what had ended then by the clock of then,
 * against what has ended now by the clock of now; for the others, those whose last run timed out
 * between the two clocks. */
#include "operator/journey.h"

#include "base/assert.h"
#include "operator/funnel_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    TIMEOUTS_MIN = 1024
};

const char *tide_journey_outcome_name(enum tide_journey_outcome outcome)
{
    switch (outcome) {
    case TIDE_JOURNEY_COMPLETED:
        return "completed";
    case TIDE_JOURNEY_ABANDONED:
        return "abandoned";
    case TIDE_JOURNEY_UNMATCHED:
        return "unmatched";
    case TIDE_JOURNEY_WITHDRAWN:
        return "withdrawn";
    }
    return "";
}

/* A key's events at one time, and the closing clock then. */
struct past {
    const struct funnel_event *events;
    uint32_t count;
    int64_t closing_us;
};

/* A cursor over the runs that have ended. */
struct ended {
    const struct tide_metric *metric;
    struct past past;
    uint32_t next; /* event */
    struct funnel_run run;
    int64_t start_us;
    uint32_t ordinal;
};

static bool has_ended(const struct tide_metric *metric,
                      struct past past,
                      const struct funnel_run *run)
{
    const struct tide_funnel_plan *plan = metric->funnel;
    const struct funnel_event *last = &past.events[run->end - 1];
    return run->end < past.count || last->step == plan->step_count - 1 ||
           (past.closing_us != INT64_MIN && last->time_us <= past.closing_us - plan->timeout.us);
}

/* Only the last run can be one that has not. */
static bool next_ended(struct ended *ended)
{
    const struct past past = ended->past;
    if (ended->next >= past.count) {
        return false;
    }
    const bool is_first = ended->next == 0;
    funnel_run_at(ended->metric, past.events, ended->next, past.count, &ended->run);
    const int64_t start_us = past.events[ended->run.head].time_us;
    ended->ordinal = !is_first && start_us == ended->start_us ? ended->ordinal + 1 : 0;
    ended->start_us = start_us;
    ended->next = ended->run.end;
    return has_ended(ended->metric, past, &ended->run);
}

struct teller {
    struct funnel *funnel;
    struct tide_journey_visitor visitor;
};

static enum tide_status tell(const struct teller *teller,
                             const struct funnel_key *key,
                             const struct ended *ended,
                             bool is_withdrawn)
{
    const struct funnel *funnel = teller->funnel;
    const struct funnel_run *run = &ended->run;
    const struct funnel_event *events = ended->past.events;
    struct tide_journey journey = {
        .entity = key->entity,
        .rest = tide_dictionary_text(funnel->rests, key->rest),
        .group = tide_dictionary_text(funnel->base.groups, events[run->head].group),
        .outcome = TIDE_JOURNEY_ABANDONED,
        .reached = run->reached,
        .step_times_us = run->times_us,
        .start_us = ended->start_us,
        .end_us = events[run->end - 1].time_us,
        .ordinal = ended->ordinal,
    };
    if (is_withdrawn) {
        journey.outcome = TIDE_JOURNEY_WITHDRAWN;
    } else if (run->reached == 0) {
        journey.outcome = TIDE_JOURNEY_UNMATCHED;
    } else if (run->reached == funnel->base.metric->funnel->step_count) {
        journey.outcome = TIDE_JOURNEY_COMPLETED;
    }
    return teller->visitor.visit(teller->visitor.context, &journey);
}

static bool is_same_run(const struct ended *a, const struct ended *b)
{
    const struct funnel_event *a_events = a->past.events;
    const struct funnel_event *b_events = b->past.events;
    return a->run.reached == b->run.reached &&
           memcmp(a->run.times_us, b->run.times_us, a->run.reached * sizeof(int64_t)) == 0 &&
           a_events[a->run.end - 1].time_us == b_events[b->run.end - 1].time_us &&
           a_events[a->run.head].group == b_events[b->run.head].group;
}

static int compare_identity(const struct ended *a, const struct ended *b)
{
    if (a->start_us != b->start_us) {
        return a->start_us < b->start_us ? -1 : 1;
    }
    return (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

/* A walk through both, side by side: runs come in the order of their identity. */
static enum tide_status tell_change(const struct teller *teller,
                                    const struct funnel_key *key,
                                    struct past before,
                                    struct past now)
{
    const struct tide_metric *metric = teller->funnel->base.metric;
    struct ended old = {.metric = metric, .past = before};
    struct ended new = {.metric = metric, .past = now};
    bool has_old = next_ended(&old);
    bool has_new = next_ended(&new);
    enum tide_status status = TIDE_OK;
    while (status == TIDE_OK && (has_old || has_new)) {
        const int order = !has_old ? 1 : !has_new ? -1 : compare_identity(&old, &new);
        if (order < 0) {
            status = tell(teller, key, &old, true);
        } else if (order > 0 || !is_same_run(&old, &new)) {
            status = tell(teller, key, &new, false);
        }
        has_old = order <= 0 ? next_ended(&old) : has_old;
        has_new = order >= 0 ? next_ended(&new) : has_new;
    }
    return status;
}

static enum tide_status tell_changes(const struct teller *teller, int64_t closing_us)
{
    struct funnel *funnel = teller->funnel;
    struct funnel_tracker *tracker = &funnel->tracker;
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < tracker->count; i++) {
        const struct funnel_change *change = &tracker->changes[i];
        const struct funnel_key *key = &funnel->keys[change->key];
        if (key->count == FUNNEL_KEY_OVERFULL) {
            continue; /* left to batch: what was told stays */
        }
        const struct past before = {
            change->count == 0 ? NULL : tide_block_pool_at(&tracker->events, change->block),
            change->count,
            tracker->told_us};
        const struct past now = {funnel_key_events(funnel, key), key->count, closing_us};
        status = tell_change(teller, key, before, now);
    }
    return status;
}

/* ------- timeouts */

static int compare_timeouts(const void *left, const void *right)
{
    const struct funnel_timeout *a = left;
    const struct funnel_timeout *b = right;
    if (a->time_us != b->time_us) {
        return a->time_us < b->time_us ? -1 : 1;
    }
    return (a->key > b->key) - (a->key < b->key);
}

/* When the key's last run times out; INT64_MAX: its last step has ended it, or there is none. */
static int64_t timeout_of(const struct funnel *funnel, const struct funnel_key *key)
{
    const struct tide_metric *metric = funnel->base.metric;
    if (key->count == 0 || key->count == FUNNEL_KEY_OVERFULL) {
        return INT64_MAX;
    }
    const struct funnel_event *last = &funnel_key_events(funnel, key)[key->count - 1];
    return last->step == metric->funnel->step_count - 1
               ? INT64_MAX
               : last->time_us + metric->funnel->timeout.us;
}

/* The keys, among those that did not change, whose last run ends in (told, closing], in the order
 * of their timeouts. false: out of memory. */
static bool find_timeouts(struct funnel *funnel, int64_t closing_us)
{
    struct funnel_tracker *tracker = &funnel->tracker;
    uint32_t capacity = TIMEOUTS_MIN;
    funnel_tracker_forget_timeouts(tracker);
    tracker->timeouts = malloc(capacity * sizeof(*tracker->timeouts));
    tracker->timeouts_until_us = closing_us;
    for (uint32_t i = 0; tracker->timeouts != NULL && i < funnel->key_count; i++) {
        const int64_t time_us = timeout_of(funnel, &funnel->keys[i]);
        if (time_us <= tracker->told_us || time_us > closing_us ||
            tide_pair_set_has(&tracker->changed, 0, i)) {
            continue;
        }
        if (tracker->timeout_count == capacity) {
            capacity *= 2;
            struct funnel_timeout *larger =
                realloc(tracker->timeouts, capacity * sizeof(*tracker->timeouts));
            if (larger == NULL) {
                funnel_tracker_forget_timeouts(tracker);
                return false;
            }
            tracker->timeouts = larger;
        }
        tracker->timeouts[tracker->timeout_count++] = (struct funnel_timeout){time_us, i};
    }
    if (tracker->timeout_count > 1) {
        qsort(tracker->timeouts,
              tracker->timeout_count,
              sizeof(*tracker->timeouts),
              compare_timeouts);
    }
    return tracker->timeouts != NULL;
}

/* Those behind a clock are for another time; until then nobody holds them. */
static void cut_timeouts(struct funnel_tracker *tracker, int64_t until_us)
{
    while (tracker->timeouts[tracker->timeout_count - 1].time_us > until_us) {
        tracker->timeout_count--; /* the first is not: it is how the clock was chosen */
    }
    tracker->timeouts_until_us = until_us;
    struct funnel_timeout *smaller =
        realloc(tracker->timeouts, tracker->timeout_count * sizeof(*smaller));
    tracker->timeouts = smaller != NULL ? smaller : tracker->timeouts;
}

static enum tide_status tell_timeout(const struct teller *teller,
                                     const struct funnel_key *key,
                                     int64_t closing_us)
{
    const struct funnel *funnel = teller->funnel;
    const struct past now = {funnel_key_events(funnel, key), key->count, closing_us};
    struct past before = now;
    before.closing_us = funnel->tracker.told_us;
    return tell_change(teller, key, before, now);
}

/* ------- */

void tide_operator_track(struct tide_operator *operator, struct tide_instant closing)
{
    if (operator->metric->kind == TIDE_METRIC_FUNNEL) {
        struct funnel_tracker *tracker = &((struct funnel *)operator)->tracker;
        funnel_tracker_reset(tracker);
        tracker->is_on = true;
        tracker->told_us = closing.us;
    }
}

/* NULL: it has no journeys, or nobody wants them. */
static struct funnel *tracked(struct tide_operator *operator)
{
    struct funnel *funnel = (struct funnel *)operator;
    return operator->metric->kind == TIDE_METRIC_FUNNEL && funnel->tracker.is_on ? funnel : NULL;
}

enum tide_status tide_operator_bound_telling(struct tide_operator *operator,
                                             struct tide_instant * closing)
{
    struct funnel *funnel = tracked(operator);
    const uint32_t count_max = operator->limits.journeys_max;
    if (funnel == NULL) {
        return TIDE_OK;
    }
    tide_assert(count_max > 0);
    if (!find_timeouts(funnel, closing->us)) {
        return TIDE_FATAL;
    }
    if (funnel->tracker.timeout_count > count_max) {
        closing->us = funnel->tracker.timeouts[count_max - 1].time_us;
        cut_timeouts(&funnel->tracker, closing->us);
    }
    return TIDE_OK;
}

enum tide_status tide_operator_tell(struct tide_operator *operator,
                                    struct tide_instant closing,
                                    struct tide_journey_visitor visitor)
{
    struct funnel *funnel = tracked(operator);
    if (funnel == NULL) {
        return TIDE_OK;
    }
    const struct funnel_tracker *tracker = &funnel->tracker;
    const struct teller teller = {funnel, visitor};
    tide_assert(closing.us >= tracker->told_us);
    const bool is_known = tracker->timeouts != NULL && closing.us <= tracker->timeouts_until_us;
    enum tide_status status = is_known || find_timeouts(funnel, closing.us) ? TIDE_OK : TIDE_FATAL;
    if (status == TIDE_OK) {
        status = tell_changes(&teller, closing.us);
    }
    for (uint32_t i = 0; status == TIDE_OK && i < tracker->timeout_count; i++) {
        const struct funnel_timeout *timeout = &tracker->timeouts[i];
        if (timeout->time_us > closing.us) {
            break;
        }
        status = tell_timeout(&teller, &funnel->keys[timeout->key], closing.us);
    }
    if (status == TIDE_OK) {
        funnel_tracker_reset(&funnel->tracker);
        funnel->tracker.told_us = closing.us;
    }
    return status;
}
