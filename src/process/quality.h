/* How good a partition's records are: lateness and skew as counts in fixed buckets, and the newest
 * samples of what was rejected. A function of the log, as the rest of the partition's state: each
 * event counts once, also after a restart. All zero is empty. One thread. */
#ifndef TIDE_PROCESS_QUALITY_H
#define TIDE_PROCESS_QUALITY_H

#include "base/clock.h"
#include "event/verdict.h"

enum {
    TIDE_LATENESS_BOUNDS = 12,
    TIDE_SKEW_BOUNDS = 17,
    TIDE_SAMPLES_MAX = 5, /* of a reason */
    TIDE_SAMPLE_BYTES_MAX = 512,
    TIDE_SAMPLE_TEXT_MAX = 256,
};

/* In seconds, ascending: a bucket holds what is at most this and more than the one before; one more
 * holds the rest. */
extern const int32_t tide_lateness_bounds[TIDE_LATENESS_BOUNDS];
extern const int32_t tide_skew_bounds[TIDE_SKEW_BOUNDS];

struct tide_sample {              /* a rejected record; texts that are longer are cut */
    struct tide_instant received; /* or unknown */
    uint64_t offset;
    uint16_t pointer_size;
    uint16_t detail_size;
    uint16_t bytes_size;
    char pointer[TIDE_SAMPLE_TEXT_MAX];
    char detail[TIDE_SAMPLE_TEXT_MAX];
    char bytes[TIDE_SAMPLE_BYTES_MAX];
};

struct tide_samples { /* of one reason: a circle */
    uint64_t count;   /* that came; the last is at (count - 1) % MAX */
    struct tide_sample items[TIDE_SAMPLES_MAX];
};

struct tide_quality {
    uint64_t lateness[TIDE_LATENESS_BOUNDS + 1];
    uint64_t skew[TIDE_SKEW_BOUNDS + 1];
    struct tide_samples *samples[TIDE_REASON_COUNT]; /* NULL: none yet */
};

void tide_quality_release(struct tide_quality *quality);
/* How far an event is behind the newest that came before it; a negative one is not late: 0. */
void tide_quality_note_lateness(struct tide_quality *quality, struct tide_duration lateness);
/* A device's clock minus ours: positive if it is ahead. */
void tide_quality_note_skew(struct tide_quality *quality, struct tide_duration skew);
/* Keeps a copy. FATAL: no memory. */
enum tide_status tide_quality_keep_sample(struct tide_quality *quality,
                                          const struct tide_verdict *verdict,
                                          struct tide_view bytes,
                                          struct tide_instant received,
                                          uint64_t offset);
/* Into an empty one, or an older copy of the same: for who looks at it from another thread. FATAL:
 * no memory. */
enum tide_status tide_quality_copy(const struct tide_quality *quality, struct tide_quality *into);

#endif
