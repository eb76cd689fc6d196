/* What the kinds of operators share. Private to the room. */
#ifndef TIDE_OPERATOR_OPERATOR_INTERNAL_H
#define TIDE_OPERATOR_OPERATOR_INTERNAL_H

#include "operator/cell_map.h"
#include "operator/dictionary.h"
#include "operator/operator.h"
#include "operator/row_keys.h"

/* The first member of every operator. */
struct tide_operator {
    const struct operator_kind *kind;
    const struct tide_schema *schema;
    const struct tide_metric *metric;
    struct tide_operator_limits limits;
    struct tide_dictionary *groups; /* their canonical bytes; number 0 is (other) */
    uint32_t groups_max;
    struct tide_cell_map map; /* cells, or panes of cells */
    bool has_folded;          /* some cell is (other) */
    uint64_t changed;         /* what the event at hand makes of a record's `changed` */
    uint64_t pending_changed; /* and of that of every record that is pending */
    struct row_keys group_keys;
    struct tide_window near; /* the window that was asked for last */
    /* Of the batch at hand: */
    struct tide_bytes key;
    uint32_t *rows;       /* those that count */
    uint32_t *row_groups; /* the group of each of them */
    uint32_t row_capacity;
};

struct operator_kind {
    size_t size;      /* of the operator */
    bool keeps_panes; /* of sliding windows; else its records are windows */
    /* After the common part was made. FATAL: out of memory; destroy follows. */
    enum tide_status (*create)(struct tide_operator *operator);
    void (*destroy)(struct tide_operator *operator);
    /* Drops those of operator->rows[0..*count) that change nothing, before their groups are looked
     * up and remembered; NULL: all count. FATAL: out of memory. */
    enum tide_status (*select)(struct tide_operator *operator,
                               const struct tide_operator_input * input,
                               uint32_t *count);
    /* Of operator->rows[0..count), whose groups are in row_groups. */
    enum tide_status (*update)(struct tide_operator *operator,
                               const struct tide_operator_input * input,
                               uint32_t count);
    enum tide_status (*visit)(struct tide_operator *operator, struct tide_cell_visitor visitor);
    void (*facts)(const struct tide_operator *operator, struct tide_operator_facts * facts);
};

extern const struct operator_kind operator_cells;
extern const struct operator_kind operator_distinct;
extern const struct operator_kind operator_having;
extern const struct operator_kind operator_sessions;
extern const struct operator_kind operator_funnel;
extern const struct operator_kind operator_retention;

enum {
    OPERATOR_GROUP_OTHER = 0
};

/* What the event of that row makes of a record's `changed`. */
static inline uint64_t operator_change(const struct tide_operator_input *input, uint32_t row)
{
    return input->offsets == NULL ? 0 : input->offsets[row] + 1;
}

/* tide_window_of in the metric's `every`. Neighbours mostly fall into one window. */
static inline struct tide_window operator_window(struct tide_operator *operator,
                                                 struct tide_instant t)
{
    if (t.us < operator->near.start.us || t.us >= operator->near.end.us) {
        operator->near = tide_window_of(operator->metric->every, t);
    }
    return operator->near;
}

/* For kinds that are about entities: drops the rows that are nobody's. */
void operator_drop_nobody(struct tide_operator *operator,
                          const struct tide_operator_input * input,
                          uint32_t *count);
/* The cell of a window and group. Beyond the budget a new cell of a group becomes one of (other).
 * NONE: out of memory. */
uint32_t operator_place(struct tide_operator *operator, struct tide_window window, uint32_t group);
/* Where operator_place has put that window and group before. */
uint32_t operator_find(const struct tide_operator *operator,
                       struct tide_window window,
                       uint32_t group);
/* tide_group_compare of two group numbers. */
int operator_compare_groups(const struct tide_operator *operator, uint32_t a, uint32_t b);
/* Visits each record of the map as it is. */
enum tide_status operator_visit_map(struct tide_operator *operator,
                                    struct tide_cell_visitor visitor);

#endif
