#include "process/quality.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

const int32_t tide_lateness_bounds[TIDE_LATENESS_BOUNDS] = {
    0, 1, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 604800};
const int32_t tide_skew_bounds[TIDE_SKEW_BOUNDS] = {-86400,
                                                    -21600,
                                                    -3600,
                                                    -900,
                                                    -300,
                                                    -60,
                                                    -10,
                                                    -1,
                                                    1,
                                                    10,
                                                    60,
                                                    300,
                                                    900,
                                                    3600,
                                                    21600,
                                                    86400,
                                                    604800};

enum {
    SKEW_MIDDLE = 7 /* most clocks are about right: from here the search goes either way */
};
#define US_PER_SECOND INT64_C(1000000)

void tide_quality_release(struct tide_quality *quality)
{
    for (int i = 0; i < TIDE_REASON_COUNT; i++) {
        free(quality->samples[i]);
    }
    *quality = (struct tide_quality){0};
}

void tide_quality_note_lateness(struct tide_quality *quality, struct tide_duration lateness)
{
    int bucket = 0;
    while (bucket < TIDE_LATENESS_BOUNDS &&
           lateness.us > tide_lateness_bounds[bucket] * US_PER_SECOND) {
        bucket++;
    }
    quality->lateness[bucket]++;
}

void tide_quality_note_skew(struct tide_quality *quality, struct tide_duration skew)
{
    int bucket = SKEW_MIDDLE;
    while (bucket > 0 && skew.us <= tide_skew_bounds[bucket - 1] * US_PER_SECOND) {
        bucket--;
    }
    while (bucket < TIDE_SKEW_BOUNDS && skew.us > tide_skew_bounds[bucket] * US_PER_SECOND) {
        bucket++;
    }
    quality->skew[bucket]++;
}

static uint16_t copy_text(char *to, size_t size_max, struct tide_view text)
{
    const size_t size = text.size < size_max ? text.size : size_max;
    if (size > 0) {
        memcpy(to, text.data, size);
    }
    return (uint16_t)size;
}

enum tide_status tide_quality_keep_sample(struct tide_quality *quality,
                                          const struct tide_verdict *verdict,
                                          struct tide_view bytes,
                                          struct tide_instant received,
                                          uint64_t offset)
{
    tide_assert(verdict->reason > TIDE_REASON_ACCEPTED && verdict->reason < TIDE_REASON_COUNT);
    struct tide_samples **samples = &quality->samples[verdict->reason];
    if (*samples == NULL) {
        *samples = calloc(1, sizeof(**samples));
        if (*samples == NULL) {
            return TIDE_FATAL;
        }
    }
    struct tide_sample *sample = &(*samples)->items[(*samples)->count++ % TIDE_SAMPLES_MAX];
    sample->received = received;
    sample->offset = offset;
    sample->pointer_size = copy_text(sample->pointer, sizeof(sample->pointer), verdict->pointer);
    sample->detail_size = copy_text(sample->detail, sizeof(sample->detail), verdict->detail);
    sample->bytes_size = copy_text(sample->bytes, sizeof(sample->bytes), bytes);
    return TIDE_OK;
}

enum tide_status tide_quality_copy(const struct tide_quality *quality, struct tide_quality *into)
{
    memcpy(into->lateness, quality->lateness, sizeof(into->lateness));
    memcpy(into->skew, quality->skew, sizeof(into->skew));
    for (int i = 0; i < TIDE_REASON_COUNT; i++) {
        if (quality->samples[i] == NULL) {
            continue;
        }
        if (into->samples[i] == NULL) {
            into->samples[i] = malloc(sizeof(*into->samples[i]));
        }
        if (into->samples[i] == NULL) {
            return TIDE_FATAL;
        }
        *into->samples[i] = *quality->samples[i];
    }
    return TIDE_OK;
}
