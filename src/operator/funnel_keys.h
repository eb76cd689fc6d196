/* The keys of a funnel: found by entity and the number of the other values, in the order of their
 * making. Private to the files funnel*.c. */
#ifndef TIDE_OPERATOR_FUNNEL_KEYS_H
#define TIDE_OPERATOR_FUNNEL_KEYS_H

#include "operator/funnel_state.h"

struct funnel_key_name {
    uint32_t entity;
    uint32_t rest;
};

/* The numbers of the values of the columns of `per` but the entity, of base.rows[0..count); none of
 * them is null. Into row_rests. false: out of memory. */
bool funnel_find_rests(struct funnel *funnel, const struct tide_batch *batch, uint32_t count);
/* Made empty if it was not there; keys may move. NULL: out of memory. */
struct funnel_key *funnel_find_key(struct funnel *funnel, struct funnel_key_name name);
/* Asks for the memory that finding those keys, and adding an event to each, is about to need. */
void funnel_prefetch_keys(const struct funnel *funnel,
                          const struct funnel_key_name *names,
                          uint32_t count);

#endif
