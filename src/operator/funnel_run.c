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

void funnel_run_at(const struct tide_metric *metric,
                   const struct funnel_event *events,
                   uint32_t first,
                   uint32_t count,
                   struct funnel_run *run)
{
    tide_assert(first < count);
    run->first = first;
    run->head = first;
    run->reached = 0;
    uint32_t i = first;
    do {
        if (events[i].step == run->reached) {
            run->head = run->reached == 0 ? i : run->head;
            run->times_us[run->reached++] = events[i].time_us;
        }
        i++;
    } while (i < count && !is_cut(metric, &events[i - 1], &events[i]));
    run->end = i;
    tide_assert(run->reached <= metric->funnel->step_count);
}
