/* A turn: the rows become samples, ordered by group and window; then window after window, group
 * after group, a binary search gives the sample of the window and those of the baseline. */
#include "serve/alert_judge.h"

#include "base/assert.h"
#include "base/civil.h"
#include "operator/dictionary.h"
#include "serve/alert_value.h"

#include <stdlib.h>

#include "base/banned.h"

#define NONE UINT32_MAX

struct sample {
    uint32_t group;
    int64_t start_us;
    int64_t end_us;
    struct tide_alert_number value;
    uint64_t events;
};

struct judge {
    struct tide_alert_watch *watch;
    const struct tide_alert_turn *turn;
    struct tide_alert_teller teller;
    struct tide_dictionary *groups;
    struct sample *samples; /* by group, then end */
    uint32_t sample_count;
    uint32_t *firsts; /* by group: its first sample; one more at the end */
    uint32_t group_count;
    struct tide_alert_number nothing;
};

/* ------- windows */

static struct tide_window previous_pane(struct tide_window_spec every, struct tide_window pane)
{
    return tide_window_of(every, (struct tide_instant){pane.start.us - 1});
}

/* The start of the count-th window before the one that starts there. */
static struct tide_instant step_back(struct tide_window_spec every,
                                     struct tide_instant start,
                                     uint32_t count)
{
    if (every.unit == TIDE_WINDOW_FIXED) {
        return (struct tide_instant){start.us - (int64_t)count * every.size};
    }
    struct tide_window pane = tide_window_of(every, start);
    for (uint32_t i = 0; i < count; i++) {
        pane = previous_pane(every, pane);
    }
    return pane.start;
}

/* The sliding window that ends with the pane; the pane itself where nothing slides. */
static struct tide_window window_of(const struct tide_alert_watch *watch, struct tide_window pane)
{
    return tide_window_slide(watch->timed->every, watch->timed->pane_count, pane.start, 0);
}

/* The windows of the baseline: the first begins at `from` and ends at `first_end`, the last ends
 * where the window that is looked at begins. Without a baseline there are none. */
struct reach {
    struct tide_instant from;
    struct tide_instant first_end;
};

static struct reach reach_of(const struct tide_alert_watch *watch, struct tide_window window)
{
    const struct tide_window_spec every = watch->timed->every;
    const uint32_t pane_count = watch->timed->pane_count;
    const uint32_t count = watch->alert->baseline_windows;
    const uint32_t panes = count == 0 ? 0 : count + pane_count - 1;
    const struct tide_instant from = step_back(every, window.start, panes);
    return (struct reach){from, tide_window_slide(every, pane_count, from, pane_count - 1).end};
}

/* How long after a window's end it is complete. */
static int64_t timeout_of(const struct tide_metric *metric)
{
    const struct tide_window window = {{0}, {0}};
    return tide_metric_settled_at(metric, window).us;
}

/* ------- the plan */

static uint64_t windows_between(struct tide_window_spec every,
                                struct tide_instant from,
                                struct tide_instant to)
{
    if (every.unit == TIDE_WINDOW_FIXED) {
        return (uint64_t)((to.us - from.us) / every.size);
    }
    uint64_t count = 0;
    while (from.us < to.us) {
        from = tide_window_of(every, from).end;
        count++;
    }
    return count;
}

static bool plan_absent(const struct tide_alert_watch *watch,
                        struct tide_instant closing,
                        struct tide_alert_turn *turn)
{
    const struct tide_metric *timed = watch->timed;
    struct tide_instant from = closing;
    if (tide_instant_known(watch->judged_until) && watch->judged_until.us < from.us) {
        from = watch->judged_until;
    }
    const uint32_t panes = timed->pane_count + 1;
    from = step_back(timed->every, tide_window_of(timed->every, from).start, panes);
    if (!watch->is_primed) {
        from.us -= watch->alert->memory.us;
    }
    turn->span = (struct tide_cell_span){from, TIDE_INSTANT_UNKNOWN, closing};
    turn->is_whole = true;
    return true;
}

bool tide_alert_plan(const struct tide_alert_watch *watch,
                     struct tide_instant closing,
                     struct tide_alert_turn *turn)
{
    const struct tide_window_spec every = watch->timed->every;
    tide_assert(tide_instant_known(closing));
    *turn = (struct tide_alert_turn){.skipped = 0};
    if (watch->alert->when == NULL) {
        return plan_absent(watch, closing, turn);
    }
    const struct tide_instant settled = {closing.us - timeout_of(watch->timed)};
    turn->last = previous_pane(every, tide_window_of(every, settled));
    turn->first = turn->last;
    if (tide_instant_known(watch->judged_until)) {
        if (turn->last.end.us <= watch->judged_until.us) {
            return false;
        }
        struct tide_instant from = watch->judged_until;
        uint64_t count = windows_between(every, from, turn->last.end);
        if (count > TIDE_ALERT_BEHIND_WINDOWS) {
            turn->skipped = count - TIDE_ALERT_BEHIND_WINDOWS;
            from = step_back(every, turn->last.start, TIDE_ALERT_BEHIND_WINDOWS - 1);
            count = TIDE_ALERT_BEHIND_WINDOWS;
        }
        turn->first = tide_window_of(every, from);
        struct tide_window last = turn->first;
        for (uint64_t i = 1; i < count && i < TIDE_ALERT_TURN_WINDOWS; i++) {
            last = tide_window_next(every, last);
        }
        turn->is_whole = last.end.us >= turn->last.end.us;
        turn->last = last;
    } else {
        turn->is_whole = true;
    }
    turn->span.from = reach_of(watch, window_of(watch, turn->first)).from;
    if (!watch->is_primed) {
        turn->span.from.us -= watch->alert->memory.us;
    }
    turn->span.to = turn->last.end;
    turn->span.closing = closing;
    return true;
}

/* ------- samples */

static int compare_samples(const void *left, const void *right)
{
    const struct sample *a = left;
    const struct sample *b = right;
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    if (a->end_us != b->end_us) {
        return a->end_us < b->end_us ? -1 : 1;
    }
    return (a->start_us > b->start_us) - (a->start_us < b->start_us);
}

static bool read_rows(struct judge *judge, const struct tide_result *rows)
{
    const uint64_t count = tide_result_count(rows);
    judge->samples = count < NONE ? calloc(count + 1, sizeof(*judge->samples)) : NULL;
    if (judge->samples == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        const struct tide_result_row row = tide_result_at(rows, i);
        const uint32_t group = tide_dictionary_intern(judge->groups, row.group);
        if (group == TIDE_DICTIONARY_NONE) {
            return false;
        }
        judge->samples[judge->sample_count++] = (struct sample){
            .group = group,
            .start_us = row.window.start.us,
            .end_us = row.window.end.us,
            .value =
                tide_alert_value_of(judge->watch->definitions, judge->watch->alert, rows, &row),
            .events = tide_result_revision(&row),
        };
    }
    if (judge->sample_count > 1) {
        qsort(judge->samples, judge->sample_count, sizeof(*judge->samples), compare_samples);
    }
    return true;
}

/* Instances are judged too when nothing came for them; an ungrouped metric is one. */
static bool read_instances(struct judge *judge)
{
    struct tide_alert_book *book = judge->watch->book;
    for (uint32_t i = 0; i < tide_alert_book_count(book); i++) {
        if (tide_dictionary_intern(judge->groups, tide_alert_book_at(book, i)->group) ==
            TIDE_DICTIONARY_NONE) {
            return false;
        }
    }
    return judge->watch->metric->by_count > 0 ||
           tide_dictionary_intern(judge->groups, TIDE_VIEW("")) != TIDE_DICTIONARY_NONE;
}

static bool index_groups(struct judge *judge)
{
    judge->group_count = tide_dictionary_count(judge->groups);
    judge->firsts = calloc((size_t)judge->group_count + 1, sizeof(*judge->firsts));
    if (judge->firsts == NULL) {
        return false;
    }
    uint32_t at = 0;
    for (uint32_t group = 0; group <= judge->group_count; group++) {
        while (at < judge->sample_count && judge->samples[at].group < group) {
            at++;
        }
        judge->firsts[group] = at;
    }
    return true;
}

/* The group's first sample that ends at the instant or after it, or its end. */
static uint32_t first_from(const struct judge *judge, uint32_t group, struct tide_instant end)
{
    uint32_t low = judge->firsts[group];
    uint32_t high = judge->firsts[group + 1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (judge->samples[middle].end_us >= end.us) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* ------- one group in one window */

struct finding {
    const struct sample *sample; /* of the window; or NULL */
    struct tide_alert_number baseline;
};

/* Windows go by their ends: a ratio's begin where those of its lower part do. */
static struct finding look(const struct judge *judge,
                           uint32_t group,
                           struct tide_window window,
                           struct reach reach)
{
    const struct tide_alert_watch *watch = judge->watch;
    const uint32_t windows = watch->alert->baseline_windows;
    const uint32_t end = judge->firsts[group + 1];
    struct finding finding = {0};
    double sum = 0;
    uint32_t i = first_from(judge, group, reach.first_end);
    for (; i < end && judge->samples[i].end_us <= window.start.us; i++) {
        const struct sample *sample = &judge->samples[i];
        sum += sample->value.known ? sample->value.number : 0;
    }
    i = first_from(judge, group, window.end);
    if (i < end && judge->samples[i].end_us == window.end.us) {
        finding.sample = &judge->samples[i];
    }
    finding.baseline.known = windows > 0 && tide_instant_known(watch->seen_since) &&
                             watch->seen_since.us <= reach.from.us;
    if (finding.baseline.known) {
        finding.baseline.number = sum / windows;
    }
    return finding;
}

static void tell_steps(struct judge *judge,
                       const struct tide_alert_instance *instance,
                       const struct tide_alert_steps *steps)
{
    for (uint32_t i = 0; i < steps->count; i++) {
        judge->teller.tell(judge->teller.context, judge->watch, instance, &steps->items[i]);
    }
}

/* The window is in the instance already. */
static void judge_instance(struct judge *judge,
                           struct tide_alert_instance *instance,
                           struct tide_instant at,
                           bool holds)
{
    const struct tide_alert_watch *watch = judge->watch;
    const bool is_grouped = watch->metric->by_count > 0;
    instance->is_forgotten = is_grouped && tide_instant_known(instance->seen) &&
                             instance->seen.us + watch->alert->memory.us < at.us;
    const struct tide_alert_steps steps = tide_alert_state_judge(
        &instance->state, watch->alert->hold_for, at, holds && !instance->is_forgotten);
    tell_steps(judge, instance, &steps);
}

static void judge_group(struct judge *judge,
                        uint32_t group,
                        struct tide_window window,
                        struct reach reach)
{
    struct tide_alert_watch *watch = judge->watch;
    const struct tide_alert *alert = watch->alert;
    const struct tide_view name = tide_dictionary_text(judge->groups, group);
    const struct finding finding = look(judge, group, window, reach);
    struct tide_alert_instance *instance = tide_alert_book_find(watch->book, name);
    const bool is_seen_whole = watch->metric->by_count == 0 &&
                               tide_instant_known(watch->seen_since) &&
                               watch->seen_since.us <= window.start.us;
    if (instance == NULL && finding.sample == NULL && !is_seen_whole) {
        return;
    }
    const struct tide_alert_number value =
        finding.sample == NULL ? judge->nothing : finding.sample->value;
    const uint64_t events = finding.sample == NULL ? 0 : finding.sample->events;
    const bool holds = events >= alert->events_min &&
                       tide_alert_condition_holds(alert->when, value, finding.baseline);
    if (instance == NULL) {
        instance = tide_alert_book_add(watch->book, name, holds);
    }
    if (instance == NULL) {
        watch->groups_beyond++;
        return;
    }
    instance->window = window;
    instance->value = value;
    instance->baseline = finding.baseline;
    instance->events = events;
    if (finding.sample != NULL) {
        instance->seen = window.end;
    }
    judge_instance(judge, instance, tide_metric_settled_at(watch->timed, window), holds);
}

static void judge_windows(struct judge *judge)
{
    struct tide_alert_watch *watch = judge->watch;
    struct tide_window pane = judge->turn->first;
    for (;;) {
        const struct tide_window window = window_of(watch, pane);
        const struct reach reach = reach_of(watch, window);
        for (uint32_t group = 0; group < judge->group_count; group++) {
            judge_group(judge, group, window, reach);
        }
        watch->judged_until = pane.end;
        if (pane.end.us >= judge->turn->last.end.us) {
            break;
        }
        pane = tide_window_next(watch->timed->every, pane);
    }
    watch->windows_skipped += judge->turn->skipped;
}

/* At the start of the process: groups that were there lately are instances, silent or not. */
static void prime(struct judge *judge)
{
    struct tide_alert_watch *watch = judge->watch;
    const struct tide_instant behind = {window_of(watch, judge->turn->first).start.us + 1};
    for (uint32_t group = 0; group < judge->group_count; group++) {
        const uint32_t next = first_from(judge, group, behind);
        const struct tide_view name = tide_dictionary_text(judge->groups, group);
        struct tide_alert_instance *instance = tide_alert_book_find(watch->book, name);
        if (next == judge->firsts[group]) {
            continue; /* it had no events before */
        }
        if (instance == NULL) {
            instance = tide_alert_book_add(watch->book, name, false);
        }
        const int64_t end_us = judge->samples[next - 1].end_us;
        if (instance != NULL && instance->seen.us < end_us) {
            instance->seen.us = end_us;
        }
    }
}

/* ------- absence */

static void judge_absent(struct judge *judge)
{
    struct tide_alert_watch *watch = judge->watch;
    const struct tide_window_spec every = watch->timed->every;
    const struct tide_instant closing = judge->turn->span.closing;
    const struct tide_instant pane = tide_window_of(every, closing).start;
    struct tide_alert_instance *instance = tide_alert_book_find(watch->book, TIDE_VIEW(""));
    struct tide_instant seen = instance == NULL ? TIDE_INSTANT_UNKNOWN : instance->seen;
    for (uint32_t i = 0; i < judge->sample_count; i++) {
        const struct sample *sample = &judge->samples[i];
        const struct tide_instant end =
            tide_window_of(every, (struct tide_instant){sample->start_us}).end;
        if (sample->events > 0 && end.us > seen.us) {
            seen = end;
        }
    }
    if (instance == NULL && tide_instant_known(seen)) {
        instance = tide_alert_book_add(watch->book, TIDE_VIEW(""), true);
    }
    if (instance == NULL) {
        return; /* never seen: no silence */
    }
    const struct tide_instant quiet = {seen.us + watch->alert->absent.us};
    const bool holds = quiet.us <= closing.us;
    const bool held =
        instance->state.phase == TIDE_ALERT_PENDING || instance->state.phase == TIDE_ALERT_FIRING;
    const bool is_new_window =
        !tide_instant_known(watch->judged_until) || pane.us > watch->judged_until.us;
    instance->seen = seen;
    if (holds == held && !is_new_window) {
        return;
    }
    const bool begins = holds && !held && quiet.us >= instance->state.since.us;
    const struct tide_alert_steps steps = tide_alert_state_judge(
        &instance->state, watch->alert->hold_for, begins ? quiet : closing, holds);
    tell_steps(judge, instance, &steps);
    watch->judged_until = pane;
}

/* ------- a turn */

/* The metric is there from the window of `every` on with which its first window ends. */
static void note_seen(struct tide_alert_watch *watch, const struct tide_result *all)
{
    const uint64_t count = tide_result_count(all);
    int64_t first_end_us = INT64_MAX;
    for (uint64_t i = 0; i < count; i++) {
        const int64_t end_us = tide_result_at(all, i).window.end.us;
        first_end_us = end_us < first_end_us ? end_us : first_end_us;
    }
    if (count > 0) {
        const struct tide_instant last = {first_end_us - 1};
        const struct tide_instant start = tide_window_of(watch->timed->every, last).start;
        if (!tide_instant_known(watch->seen_since) || start.us < watch->seen_since.us) {
            watch->seen_since = start;
        }
    }
}

enum tide_status tide_alert_judge(struct tide_alert_watch *watch,
                                  const struct tide_alert_turn *turn,
                                  const struct tide_result *all,
                                  const struct tide_result *rows,
                                  struct tide_alert_teller teller)
{
    struct judge judge = {.watch = watch, .turn = turn, .teller = teller};
    const bool has_memory = tide_dictionary_create(NONE - 1, &judge.groups, NULL) == TIDE_OK &&
                            read_rows(&judge, rows) && read_instances(&judge) &&
                            index_groups(&judge);
    if (has_memory) {
        judge.nothing = tide_alert_value_of_nothing(watch->definitions, watch->alert);
        note_seen(watch, all);
        if (watch->alert->when == NULL) {
            judge_absent(&judge);
        } else {
            if (!watch->is_primed) {
                prime(&judge);
            }
            judge_windows(&judge);
            tide_alert_book_sweep(watch->book);
        }
        watch->is_primed = true;
    }
    tide_dictionary_destroy(judge.groups);
    free(judge.samples);
    free(judge.firsts);
    return has_memory ? TIDE_OK : TIDE_RETRY;
}

void tide_alert_pass(struct tide_alert_watch *watch,
                     struct tide_instant closing,
                     struct tide_alert_teller teller)
{
    struct judge judge = {.watch = watch, .teller = teller};
    for (uint32_t i = 0; i < tide_alert_book_count(watch->book); i++) {
        struct tide_alert_instance *instance = tide_alert_book_at(watch->book, i);
        const struct tide_alert_steps steps =
            tide_alert_state_pass(&instance->state, watch->alert->hold_for, closing);
        tell_steps(&judge, instance, &steps);
    }
}

bool tide_alert_watch_init(struct tide_alert_watch *watch,
                           const struct tide_definitions *definitions,
                           const struct tide_alert *alert)
{
    *watch = (struct tide_alert_watch){
        .definitions = definitions,
        .alert = alert,
        .metric = &definitions->metrics[alert->metric],
        .timed = tide_alert_timed(definitions, alert),
        .judged_until = TIDE_INSTANT_UNKNOWN,
        .seen_since = TIDE_INSTANT_UNKNOWN,
    };
    const bool is_grouped = alert->when != NULL && watch->metric->by_count > 0;
    watch->book = tide_alert_book_create(is_grouped ? TIDE_ALERT_INSTANCES_MAX : 1);
    return watch->book != NULL;
}

void tide_alert_watch_release(struct tide_alert_watch *watch)
{
    tide_alert_book_destroy(watch->book);
    *watch = (struct tide_alert_watch){0};
}
