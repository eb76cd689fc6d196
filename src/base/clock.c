/* The machine's clocks, and one that a test moves. No other file asks the system for the time. */
#include "base/clock.h"

#include "base/assert.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "base/banned.h"

enum {
    US_PER_SECOND = 1000000,
    NS_PER_US = 1000,
    NS_PER_SECOND = 1000000000
};

static struct timespec read_clock(clockid_t id)
{
    struct timespec t = {0};
    const int status = clock_gettime(id, &t);
    tide_assert(status == 0);
    return t;
}

static struct tide_instant os_now(void *self)
{
    (void)self;
    const struct timespec t = read_clock(CLOCK_REALTIME);
    return (struct tide_instant){(int64_t)t.tv_sec * US_PER_SECOND + t.tv_nsec / NS_PER_US};
}

static struct tide_monotonic os_monotonic(void *self)
{
    (void)self;
    const struct timespec t = read_clock(CLOCK_MONOTONIC);
    return (struct tide_monotonic){(int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec};
}

/* To a point of the clock that never jumps: a signal may wake us, and then the rest is slept. */
static void os_sleep(void *self, struct tide_duration duration)
{
    (void)self;
    if (duration.us <= 0) {
        return;
    }
    struct timespec until = read_clock(CLOCK_MONOTONIC);
    until.tv_sec += duration.us / US_PER_SECOND;
    until.tv_nsec += duration.us % US_PER_SECOND * NS_PER_US;
    if (until.tv_nsec >= NS_PER_SECOND) {
        until.tv_nsec -= NS_PER_SECOND;
        until.tv_sec++;
    }
    int status = EINTR;
    while (status == EINTR) {
        status = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    tide_assert(status == 0);
}

static const struct tide_clock_operations os_operations = {
    .now = os_now,
    .monotonic = os_monotonic,
    .sleep = os_sleep,
};

struct tide_clock tide_clock_os(void)
{
    return (struct tide_clock){.operations = &os_operations};
}

static struct tide_instant simulated_now(void *self)
{
    const struct tide_clock_simulated *state = self;
    return state->now;
}

static struct tide_monotonic simulated_monotonic(void *self)
{
    const struct tide_clock_simulated *state = self;
    return state->monotonic;
}

static void simulated_sleep(void *self, struct tide_duration duration)
{
    if (duration.us > 0) {
        tide_clock_simulated_advance(self, duration);
    }
}

static const struct tide_clock_operations simulated_operations = {
    .now = simulated_now,
    .monotonic = simulated_monotonic,
    .sleep = simulated_sleep,
};

struct tide_clock tide_clock_simulated(struct tide_clock_simulated *state)
{
    tide_assert(state != NULL);
    return (struct tide_clock){.operations = &simulated_operations, .self = state};
}

void tide_clock_simulated_advance(struct tide_clock_simulated *state, struct tide_duration by)
{
    tide_assert(by.us >= 0); /* a wall clock may go back: then the test writes state->now */
    int64_t us = 0;
    int64_t ns = 0;
    const bool overflows = __builtin_add_overflow(state->now.us, by.us, &us) ||
                           __builtin_mul_overflow(by.us, NS_PER_US, &ns) ||
                           __builtin_add_overflow(state->monotonic.ns, ns, &ns);
    tide_assert(!overflows);
    state->now.us = us;
    state->monotonic.ns = ns;
}
