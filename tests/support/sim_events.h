/* Small events for the simulated pipeline, and what must become of each.
 *
 * Every text that is ever sent is registered with what its bytes alone decide, so that a model
 * which knows nothing of decoder, identity or partition can say what the ledger must be. Two texts
 * that differ only where the identity does not look have the same identity number. One thread;
 * memory failure is asserted: this is a test instrument. */
#ifndef TIDE_SUPPORT_SIM_EVENTS_H
#define TIDE_SUPPORT_SIM_EVENTS_H

#include "base/arena.h"
#include "metric/definition.h"

enum {
    SIM_EVENTS_MAX = 4096,
    SIM_EVENT_SLOTS = 4 * SIM_EVENTS_MAX,
    SIM_PEOPLE = 7,
    SIM_KINDS = 3,
};

#define SIM_EVENT_NONE UINT32_MAX

struct sim_event {
    struct tide_view text;
    enum tide_reason reason; /* ACCEPTED: the times decide */
    struct tide_instant device;
    uint32_t identity; /* index of the first text with the same columns and payload */
    bool is_json;      /* may stand in an array or envelope */
    uint32_t person;   /* of a valid one: its who is "p<person>"; SIM_PEOPLE: nobody */
    uint32_t kind;     /* "k<kind>" */
};

struct sim_events {
    struct tide_arena arena;
    struct sim_event items[SIM_EVENTS_MAX];
    uint32_t count;
    uint32_t slots[SIM_EVENT_SLOTS]; /* index plus one, by hash of the text */
};

void sim_events_release(struct sim_events *events);
/* A new event, or a new text of an old identity, or an old text again. device_now: what the
 * sender's clock shows. Returns its index. */
uint32_t sim_events_next(struct sim_events *events, uint64_t *dice, struct tide_instant device_now);
/* A whole body that cannot be split: it becomes one rejected record. */
uint32_t sim_events_add_broken(struct sim_events *events, struct tide_view body);
/* The index of a text, or NONE. */
uint32_t sim_events_find(const struct sim_events *events, struct tide_view text);
/* [0, limit) */
uint64_t sim_below(uint64_t *dice, uint64_t limit);

/* The schema of these events with metrics of several kinds; lives in arena. */
const struct tide_definitions *sim_definitions(struct tide_arena *arena);

#endif
