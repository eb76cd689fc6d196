#include "serve/alert_state.h"

#include "base/assert.h"

#include "base/banned.h"

static void step(struct tide_alert_state *state,
                 enum tide_alert_phase to,
                 struct tide_instant at,
                 struct tide_alert_steps *steps)
{
    tide_assert(steps->count < TIDE_ALERT_STEPS_MAX);
    steps->items[steps->count++] =
        (struct tide_alert_step){.from = state->phase, .to = to, .at = at, .held = state->held};
    state->phase = to;
    state->since = at;
}

/* Fires if `for` is over at `until`. */
static void pass(struct tide_alert_state *state,
                 struct tide_duration hold_for,
                 struct tide_instant until,
                 struct tide_alert_steps *steps)
{
    if (state->phase == TIDE_ALERT_PENDING && state->held.us + hold_for.us <= until.us) {
        step(state, TIDE_ALERT_FIRING, (struct tide_instant){state->held.us + hold_for.us}, steps);
    }
}

static void begin(struct tide_alert_state *state,
                  struct tide_duration hold_for,
                  struct tide_instant at,
                  struct tide_alert_steps *steps)
{
    state->held = at;
    step(state, hold_for.us > 0 ? TIDE_ALERT_PENDING : TIDE_ALERT_FIRING, at, steps);
}

struct tide_alert_steps tide_alert_state_judge(struct tide_alert_state *state,
                                               struct tide_duration hold_for,
                                               struct tide_instant at,
                                               bool holds)
{
    struct tide_alert_steps steps = {.count = 0};
    tide_assert(state->phase == TIDE_ALERT_OK || at.us >= state->since.us);
    pass(state, hold_for, (struct tide_instant){at.us - 1}, &steps);
    switch (state->phase) {
    case TIDE_ALERT_OK:
        if (holds) {
            begin(state, hold_for, at, &steps);
        }
        break;
    case TIDE_ALERT_PENDING:
        if (holds) {
            pass(state, hold_for, at, &steps);
        } else {
            step(state, TIDE_ALERT_OK, at, &steps);
        }
        break;
    case TIDE_ALERT_FIRING:
        if (!holds) {
            step(state, TIDE_ALERT_RESOLVED, at, &steps);
        }
        break;
    case TIDE_ALERT_RESOLVED:
        if (holds) {
            begin(state, hold_for, at, &steps);
        } else {
            step(state, TIDE_ALERT_OK, at, &steps);
        }
        break;
    }
    return steps;
}

struct tide_alert_steps tide_alert_state_pass(struct tide_alert_state *state,
                                              struct tide_duration hold_for,
                                              struct tide_instant until)
{
    struct tide_alert_steps steps = {.count = 0};
    pass(state, hold_for, until, &steps);
    return steps;
}

bool tide_alert_step_is_told(const struct tide_alert_step *step)
{
    return step->from != TIDE_ALERT_RESOLVED || step->to != TIDE_ALERT_OK;
}

static const char *const names[] = {
    [TIDE_ALERT_OK] = "ok",
    [TIDE_ALERT_PENDING] = "pending",
    [TIDE_ALERT_FIRING] = "firing",
    [TIDE_ALERT_RESOLVED] = "resolved",
};

const char *tide_alert_phase_name(enum tide_alert_phase phase)
{
    return names[phase];
}

bool tide_alert_phase_parse(struct tide_view name, enum tide_alert_phase *phase)
{
    for (int i = TIDE_ALERT_OK; i <= TIDE_ALERT_RESOLVED; i++) {
        if (tide_view_equal(name, tide_view_of(names[i]))) {
            *phase = (enum tide_alert_phase)i;
            return true;
        }
    }
    return false;
}
