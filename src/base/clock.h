/* Kinds of time that must not be mixed, and the one door to the machine's clocks. */
#ifndef TIDE_BASE_CLOCK_H
#define TIDE_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* A point of UTC time: device, sent, received and event time. Microseconds since 1970. */
struct tide_instant {
    int64_t us;
};

/* A length of time in microseconds; may be negative. */
struct tide_duration {
    int64_t us;
};

/* A reading of a clock that only goes forward; meaningful only as a difference. */
struct tide_monotonic {
    int64_t ns;
};

/* "Not known", for sent and received time. Never a valid instant: it is before the year 1. */
#define TIDE_INSTANT_UNKNOWN ((struct tide_instant){INT64_MIN})

static inline bool tide_instant_known(struct tide_instant t)
{
    return t.us != INT64_MIN;
}

struct tide_clock_operations {
    struct tide_instant (*now)(void *self);         /* wall clock; may jump */
    struct tide_monotonic (*monotonic)(void *self); /* never jumps */
    void (*sleep)(void *self, struct tide_duration duration);
};

struct tide_clock {
    const struct tide_clock_operations *operations;
    void *self;
};

struct tide_clock tide_clock_os(void);

/* A clock that moves only when told; monotonic starts at 0. Sleeping advances it. One thread. */
struct tide_clock_simulated {
    struct tide_instant now;
    struct tide_monotonic monotonic;
};
struct tide_clock tide_clock_simulated(struct tide_clock_simulated *state);
void tide_clock_simulated_advance(struct tide_clock_simulated *state, struct tide_duration by);

static inline struct tide_instant tide_clock_now(struct tide_clock clock)
{
    return clock.operations->now(clock.self);
}
static inline struct tide_monotonic tide_clock_monotonic(struct tide_clock clock)
{
    return clock.operations->monotonic(clock.self);
}
static inline void tide_clock_sleep(struct tide_clock clock, struct tide_duration duration)
{
    clock.operations->sleep(clock.self, duration);
}
static inline struct tide_duration tide_monotonic_since(struct tide_monotonic now,
                                                        struct tide_monotonic then)
{
    return (struct tide_duration){(now.ns - then.ns) / 1000};
}

#endif
