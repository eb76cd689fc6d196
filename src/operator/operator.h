/* One metric in one partition: fed with batches, asked for its cells.
 *
 * What differs between kinds is behind this: windowed aggregates (cells.h), entities by what they
 * did (having_cells.h), sessions, funnels, retention. A ratio has no state; it is divided when
 * asked (result.h). State is a function of the events that were fed, in any order. One thread. */
#ifndef TIDE_OPERATOR_OPERATOR_H
#define TIDE_OPERATOR_OPERATOR_H

#include "operator/cell_value.h"

struct tide_operator;

/* What a stream may make of a metric's state. */
struct tide_operator_limits {
    uint32_t cells_max;      /* and as many groups; beyond it groups fold into (other) */
    uint32_t key_events_max; /* of a funnel's key; beyond it the key is left to batch */
    uint32_t journeys_max;   /* that time out in one telling (journey.h) */
    bool is_exact;           /* distinct values of a column without limit, not 4,096 in a cell */
};                           /* none is 0 */

struct tide_operator_limits tide_operator_limits_default(void); /* of a service */
struct tide_operator_limits tide_operator_limits_none(void);    /* of a bounded replay */

/* Memory of a cell and its place in the index, without sketches, sets and its group's text; and of
 * one event of a funnel's key. */
size_t tide_operator_cell_bytes(void);
size_t tide_operator_event_bytes(void);

enum tide_status tide_operator_create(const struct tide_schema *schema,
                                      const struct tide_metric *metric,
                                      struct tide_operator_limits limits,
                                      struct tide_operator **out,
                                      struct tide_error *error);
void tide_operator_destroy(struct tide_operator *operator);

struct tide_operator_input {
    const struct tide_batch *batch;
    const uint32_t *rows; /* unique, valid events of the batch */
    uint32_t row_count;
    const struct tide_instant *event_times; /* by row of the batch */
    const uint32_t *entities; /* by row of the batch: dictionary numbers; NONE: nobody */
    /* By row of the batch: places in the log, ascending; NULL: nobody asks what changed when. */
    const uint64_t *offsets;
};
/* FATAL: out of memory; the partition must be thrown away. */
enum tide_status tide_operator_update(struct tide_operator *operator,
                                      const struct tide_operator_input * input,
                                      struct tide_error *error);

/* closing: the closing clock, by which a funnel's runs are open or abandoned; UNKNOWN: none is
 * open. visit is called for each cell, in no order; group is the canonical encoding
 * (tide_value_encode) of the by-columns, or TIDE_GROUP_OTHER; a sliding window's cell may come in
 * several parts, which merge. A retention's cell is a cohort: the window is its period. Everything
 * is valid during the call. An answer other than OK ends the visit. */
struct tide_cell_visitor {
    struct tide_instant closing;
    enum tide_status (*visit)(void *context,
                              struct tide_window window,
                              struct tide_view group,
                              const struct tide_cell_value *value);
    void *context;
};

/* The group that takes in the events of groups beyond the budget. */
#define TIDE_GROUP_OTHER TIDE_VIEW("\xff")
static inline bool tide_group_is_other(struct tide_view group)
{
    return group.size == 1 && group.data[0] == '\xff';
}
/* Null first, then ascending, column by column; (other) last. */
int tide_group_compare(const struct tide_metric *metric, struct tide_view a, struct tide_view b);

/* FATAL: out of memory; or what a visit answered. */
enum tide_status tide_operator_visit(struct tide_operator *operator,
                                     struct tide_cell_visitor visitor);

struct tide_operator_facts {
    uint64_t cell_count;
    uint64_t key_count;     /* sessions: entities; funnel: keys */
    uint64_t folded_events; /* booked in (other), in each window that they are in */
    uint64_t pending_keys;  /* of a funnel: left to batch */
    size_t bytes;           /* memory held, about */
};
struct tide_operator_facts tide_operator_facts(const struct tide_operator *operator);

#endif
