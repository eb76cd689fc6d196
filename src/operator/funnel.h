/* Funnels: for each key the events that match a step, in order; cut into runs, and each run booked
 * in the cell of its first step. See funnel.c. Private to the room, but for the runs themselves,
 * which become journeys. */
#ifndef TIDE_OPERATOR_FUNNEL_H
#define TIDE_OPERATOR_FUNNEL_H

#include "operator/block_pool.h"
#include "operator/operator_internal.h"

struct funnel_event {
    int64_t time_us;
    uint32_t group;
    uint32_t step; /* from 0 */
};

/* A run, read up to some event of it. */
struct funnel_scan {
    uint32_t first;   /* event of the key */
    uint32_t next;    /* event that was not looked at yet; at the run's end: where it ends */
    uint32_t reached; /* steps, in order; 0: unmatched */
    uint32_t head;    /* the event that gives window and group: the first step's, or the first */
};

/* Reads on to the cut where the run ends, but not to event `limit`, of which the key may have
 * fewer. A new scan is {first, first, 0, first}. */
void funnel_scan_on(const struct tide_metric *metric,
                    const struct funnel_event *events,
                    uint32_t limit,
                    struct funnel_scan *scan);

/* All events of a key between two cuts. */
struct funnel_run {
    uint32_t first; /* event of the key */
    uint32_t end;
    uint32_t reached; /* steps, in order; 0: unmatched */
    uint32_t head;    /* the event that gives window and group: the first step's, or the first */
    int64_t times_us[TIDE_FUNNEL_STEPS_MAX]; /* of the steps that were reached */
};

/* The run that starts at event `first` of count events in order. */
void funnel_run_at(const struct tide_metric *metric,
                   const struct funnel_event *events,
                   uint32_t first,
                   uint32_t count,
                   struct funnel_run *run);

#endif
