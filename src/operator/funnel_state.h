/* The state of a funnel in one partition. Private to the files funnel*.c and journey.c. */
#ifndef TIDE_OPERATOR_FUNNEL_STATE_H
#define TIDE_OPERATOR_FUNNEL_STATE_H

#include "operator/entity_set.h"
#include "operator/funnel_tracker.h"

struct funnel_key {
    uint32_t entity;
    uint32_t rest;  /* of the other columns of `per`, in rests */
    uint32_t block; /* of events */
    uint32_t count; /* of events; OVERFULL: left to batch */
};

#define FUNNEL_KEY_OVERFULL UINT32_MAX

struct funnel {
    struct tide_operator base;
    struct funnel_key *keys;
    uint32_t key_count;
    uint32_t key_capacity;
    uint32_t *slots; /* index of a key plus one, above it bits of its hash; 0: empty */
    uint32_t slot_count;
    uint32_t number_bits; /* of a slot, for the index */
    struct tide_dictionary *rests;
    struct row_keys rest_keys;
    uint32_t rest_columns[TIDE_METRIC_BY_MAX]; /* those of `per` but the entity */
    uint32_t rest_column_count;
    struct tide_block_pool events;
    struct tide_entity_set *sets; /* step_count for each cell */
    bool *is_stale;               /* by cell: its sets are out of date */
    uint32_t set_capacity;        /* cells */
    bool has_stale;
    uint64_t pending_keys;
    uint64_t event_count; /* of all keys but those: what the cells must sum up to */
    struct funnel_tracker tracker;
    uint8_t *steps; /* of the rows at hand */
    uint32_t *matching;
    uint32_t *row_rests;
    uint32_t row_capacity;
};

/* NULL: it has none. Of a key that is not OVERFULL. */
static inline struct funnel_event *funnel_key_events(const struct funnel *funnel,
                                                     const struct funnel_key *key)
{
    return key->count == 0 ? NULL : tide_block_pool_at(&funnel->events, key->block);
}

#endif
