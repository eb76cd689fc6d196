/* What is still to be told, oldest first, each to one or more sinks. Bounded: when it is full the
 * oldest goes, and is counted. Not locked: its owner does that. */
#ifndef TIDE_SERVE_ALERT_OUTBOX_H
#define TIDE_SERVE_ALERT_OUTBOX_H

#include "base/hash.h"

enum {
    TIDE_ALERT_NOTES_MAX = 1000
};

struct tide_alert_note {
    uint64_t sequence;      /* from 1, in the order of adding; of this process */
    struct tide_u128 id;    /* of the transition; the same after a restart */
    unsigned sinks;         /* that still have to be told: bits of enum tide_alert_sink */
    struct tide_bytes line; /* for the log; empty: it was logged */
    struct tide_bytes body; /* for a webhook: JSON */
};

struct tide_alert_outbox;

struct tide_alert_outbox *tide_alert_outbox_create(void); /* NULL: out of memory */
void tide_alert_outbox_destroy(struct tide_alert_outbox *outbox);
/* Takes line and body over, also on failure. false: out of memory, it is lost and counted. */
bool tide_alert_outbox_add(struct tide_alert_outbox *outbox,
                           struct tide_u128 id,
                           unsigned sinks,
                           struct tide_bytes *line,
                           struct tide_bytes *body);
uint32_t tide_alert_outbox_count(const struct tide_alert_outbox *outbox);
/* index < count, oldest first. Valid until the next change. */
const struct tide_alert_note *tide_alert_outbox_at(const struct tide_alert_outbox *outbox,
                                                   uint32_t index);
/* The oldest that the sink has to be told, with a sequence of at most this; or NULL. */
const struct tide_alert_note *tide_alert_outbox_next(const struct tide_alert_outbox *outbox,
                                                     unsigned sink,
                                                     uint64_t sequence_max);
/* That sink was told, or gave up; a note that every sink has is gone. false: there was no such
 * note (any more). */
bool tide_alert_outbox_done(struct tide_alert_outbox *outbox, struct tide_u128 id, unsigned sink);
uint64_t tide_alert_outbox_sequence(const struct tide_alert_outbox *outbox); /* of the newest */
uint64_t tide_alert_outbox_dropped(const struct tide_alert_outbox *outbox);

#endif
