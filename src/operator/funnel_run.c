/* One pass over a key's events, from one cut to the next. */
#include "operator/funnel.h"

#include "base/assert.h"

#include "base/banned.h"

static bool is_cut(const struct tide_metric *metric,
                   const struct funnel_event *before,
                   const struct funnel_event *after)
{
    const struct tide_funnel_plan *plan = metric->funnel;
    return after->time_us - before->time_us >= plan->timeout.us ||
           before->step == plan->step_count - 1;
}

void funnel_scan_on(const struct tide_metric *metric,
                    const struct funnel_event *events,
                    uint32_t limit,
                    struct funnel_scan *scan)
{
    uint32_t i = scan->next;
    while (i < limit && (i == scan->first || !is_cut(metric, &events[i - 1], &events[i]))) {
        if (events[i].step == scan->reached) {
            scan->head = scan->reached == 0 ? i : scan->head;
            scan->reached++;
        }
        i++;
    }
    scan->next = i;
    tide_assert(scan->reached <= metric->funnel->step_count);
}

void funnel_run_at(const struct tide_metric *metric,
                   const struct funnel_event *events,
                   uint32_t first,
                   uint32_t count,
                   struct funnel_run *run)
{
    struct funnel_scan scan = {first, first, 0, first};
    tide_assert(first < count);
    funnel_scan_on(metric, events, count, &scan);
    run->first = first;
    run->end = scan.next;
    run->reached = scan.reached;
    run->head = scan.head;
    uint32_t step = 0;
    for (uint32_t i = scan.head; step < scan.reached; i++) {
        if (events[i].step == step) {
            run->times_us[step++] = events[i].time_us;
        }
    }
}
