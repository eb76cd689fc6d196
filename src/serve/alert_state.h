/* One instance of an alert as a state machine over the closing clock: no engine, no wall time.
 *
 *            holds, for: 0 ------------------------------+
 *           /                                            v
 *     OK --+- holds --> PENDING -- held for `for` --> FIRING -- does not hold --> RESOLVED
 *      ^                   |                             ^                           |
 *      +-- does not hold --+                             +-- holds (by PENDING, if --+
 *      +-- does not hold --------------------------------    there is a `for`)       |
 *      +-----------------------------------------------------------------------------+
 *
 * A judgement is of one instant: the end of a window. Between two judgements the condition counts
 * as it was judged last, and time passes: an instance that is pending fires at the instant at which
 * `for` is over, whenever somebody looks. So the steps do not depend on how often that is. */
#ifndef TIDE_SERVE_ALERT_STATE_H
#define TIDE_SERVE_ALERT_STATE_H

#include "base/bytes.h"
#include "base/clock.h"

enum tide_alert_phase {
    TIDE_ALERT_OK,
    TIDE_ALERT_PENDING,
    TIDE_ALERT_FIRING,
    TIDE_ALERT_RESOLVED, /* until the next judgement */
};

/* All zero is OK since ever. */
struct tide_alert_state {
    enum tide_alert_phase phase;
    struct tide_instant since; /* of the phase */
    struct tide_instant held;  /* PENDING, FIRING, RESOLVED: when the condition began to hold */
};

struct tide_alert_step {
    enum tide_alert_phase from;
    enum tide_alert_phase to;
    struct tide_instant at;
    struct tide_instant held;
};

enum {
    TIDE_ALERT_STEPS_MAX = 2
};

struct tide_alert_steps { /* what one call made happen, in order */
    struct tide_alert_step items[TIDE_ALERT_STEPS_MAX];
    uint32_t count;
};

/* Time before `at` passes, then the condition is judged at that instant. `at` never goes back
 * (asserted against since). */
struct tide_alert_steps tide_alert_state_judge(struct tide_alert_state *state,
                                               struct tide_duration hold_for,
                                               struct tide_instant at,
                                               bool holds);
/* Time up to and with `until` passes without a judgement. */
struct tide_alert_steps tide_alert_state_pass(struct tide_alert_state *state,
                                              struct tide_duration hold_for,
                                              struct tide_instant until);
/* Whether people are told: all but the end of RESOLVED, which says nothing new. */
bool tide_alert_step_is_told(const struct tide_alert_step *step);
const char *tide_alert_phase_name(enum tide_alert_phase phase); /* "firing" */
bool tide_alert_phase_parse(struct tide_view name, enum tide_alert_phase *phase);

#endif
