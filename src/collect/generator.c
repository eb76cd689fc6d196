/* The order of draws is part of what a seed means: each event draws its fate first (duplicate,
 * defect, late, wrong clock), then its time, then what the preset needs. */
#include "collect/generator_internal.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define SECOND_US INT64_C(1000000)
enum {
    PARTS = 10000,
    JITTER_MS_MAX = 5000,
    LATE_S_MIN = 60,
    LATE_S_SPAN = 6 * 3600,
    WRONG_S_MIN = 3600,
    WRONG_S_SPAN = 3 * 86400,
    DEAD_CLOCK_S = 500 * 86400, /* a battery was taken out: older than any bound */
};

const char *const tide_generator_regions[TIDE_GENERATOR_REGIONS_MAX] = {
    "us-east", "us-west", "eu-west", "ap-south", "ap-east", "sa-east"};

struct remembered {
    struct tide_bytes line;
    bool is_json;
};

struct tide_generator {
    struct tide_generator_options options;
    struct tide_generator_random dice;
    struct tide_generator_sunbird *sunbird; /* one of the two */
    struct tide_generator_device *device;
    struct remembered history[TIDE_GENERATOR_HISTORY]; /* a ring */
    uint64_t fresh_count;                              /* lines that are no duplicates */
    uint64_t event_count;
    bool last_is_json;
};

uint64_t tide_generator_draw(struct tide_generator_random *dice)
{
    dice->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = dice->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

uint32_t tide_generator_below(struct tide_generator_random *dice, uint32_t bound)
{
    tide_assert(bound > 0);
    return (uint32_t)(((tide_generator_draw(dice) >> 32) * bound) >> 32);
}

uint32_t tide_generator_trait(uint32_t thing, uint32_t trait, uint32_t bound)
{
    struct tide_generator_random dice = {((uint64_t)trait << 32) | thing};
    return tide_generator_below(&dice, bound);
}

/* 2026-01-01T00:00:00Z: far enough from 1970 for late events and clocks that are off. */
#define DEFAULT_START_US INT64_C(1767225600000000)

struct tide_generator_options tide_generator_options_default(enum tide_generator_preset preset)
{
    return (struct tide_generator_options){
        .preset = preset,
        .seed = 1,
        .start = {DEFAULT_START_US},
        .step = {SECOND_US / 100},
        .device_count = 500,
        .region_count = TIDE_GENERATOR_REGIONS_MAX,
        .late = 200,
        .duplicate = 100,
        .defective = 100,
        .wrong_clock = 50,
    };
}

enum tide_status tide_generator_create(const struct tide_generator_options *options,
                                       struct tide_generator **generator,
                                       struct tide_error *error)
{
    if (options->device_count == 0 || options->device_count > TIDE_GENERATOR_DEVICES_MAX) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "%u devices is outside 1..%d",
                              options->device_count,
                              TIDE_GENERATOR_DEVICES_MAX);
    }
    if (options->region_count == 0 || options->region_count > TIDE_GENERATOR_REGIONS_MAX) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "%u regions is outside 1..%d",
                              options->region_count,
                              TIDE_GENERATOR_REGIONS_MAX);
    }
    struct tide_generator *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for the generator");
    }
    made->options = *options;
    made->dice.state = options->seed;
    const enum tide_status status =
        options->preset == TIDE_GENERATOR_SUNBIRD
            ? tide_generator_sunbird_create(options, &made->sunbird, error)
            : tide_generator_device_create(options, &made->device, error);
    if (status != TIDE_OK) {
        tide_generator_destroy(made);
        return status;
    }
    *generator = made;
    return TIDE_OK;
}

void tide_generator_destroy(struct tide_generator *generator)
{
    if (generator == NULL) {
        return;
    }
    tide_generator_sunbird_destroy(generator->sunbird);
    tide_generator_device_destroy(generator->device);
    for (size_t i = 0; i < TIDE_GENERATOR_HISTORY; i++) {
        tide_bytes_release(&generator->history[i].line);
    }
    free(generator);
}

/* true for `parts` of 10,000. */
static bool happens(struct tide_generator *generator, uint32_t parts)
{
    return tide_generator_below(&generator->dice, PARTS) < parts;
}

static struct tide_instant draw_time(struct tide_generator *generator)
{
    struct tide_generator_random *dice = &generator->dice;
    const struct tide_generator_options *options = &generator->options;
    int64_t us = options->start.us + (int64_t)generator->event_count * options->step.us;
    us -= (int64_t)tide_generator_below(dice, JITTER_MS_MAX + 1) * 1000;
    if (happens(generator, options->late)) {
        us -= (LATE_S_MIN + (int64_t)tide_generator_below(dice, LATE_S_SPAN)) * SECOND_US;
    }
    if (happens(generator, options->wrong_clock)) {
        const int64_t off =
            (WRONG_S_MIN + (int64_t)tide_generator_below(dice, WRONG_S_SPAN)) * SECOND_US;
        const uint32_t kind = tide_generator_below(dice, 10);
        us += kind == 0 ? -DEAD_CLOCK_S * SECOND_US : kind < 5 ? -off : off;
    }
    return (struct tide_instant){us};
}

static enum tide_generator_defect draw_defect(struct tide_generator *generator)
{
    if (!happens(generator, generator->options.defective)) {
        return TIDE_GENERATOR_SOUND;
    }
    return (enum tide_generator_defect)(
        1 + tide_generator_below(&generator->dice, TIDE_GENERATOR_DEFECTS - 1));
}

void tide_generator_damage(struct tide_generator_random *dice,
                           enum tide_generator_defect defect,
                           struct tide_bytes *line,
                           size_t from)
{
    const size_t size = line->size - from;
    tide_assert(size > 20);
    if (defect == TIDE_GENERATOR_CUT) {
        line->size -= 1 + tide_generator_below(dice, (uint32_t)(size / 2));
    } else if (defect == TIDE_GENERATOR_NOT_UTF8) {
        line->data[from + size / 2] = (char)0xff;
    } else if (defect == TIDE_GENERATOR_NOT_OBJECT) {
        line->size = from;
        tide_bytes_append_format(line, "%u", tide_generator_below(dice, UINT32_MAX));
    }
}

static void write_fresh(struct tide_generator *generator, struct tide_bytes *line)
{
    const size_t from = line->size;
    const enum tide_generator_defect defect = draw_defect(generator);
    const struct tide_instant time = draw_time(generator);
    if (generator->sunbird != NULL) {
        tide_generator_sunbird_write(generator->sunbird, &generator->dice, time, defect, line);
    } else {
        tide_generator_device_write(generator->device, &generator->dice, time, defect, line);
    }
    if (!line->failed) {
        tide_generator_damage(&generator->dice, defect, line, from);
    }
    generator->last_is_json = defect != TIDE_GENERATOR_CUT && defect != TIDE_GENERATOR_NOT_UTF8;
    struct remembered *slot =
        &generator->history[generator->fresh_count++ % TIDE_GENERATOR_HISTORY];
    tide_bytes_reset(&slot->line);
    if (!line->failed) {
        tide_bytes_append(&slot->line, line->data + from, line->size - from);
    }
    slot->is_json = generator->last_is_json;
}

void tide_generator_next(struct tide_generator *generator, struct tide_bytes *line)
{
    const bool is_duplicate = happens(generator, generator->options.duplicate);
    if (is_duplicate && generator->fresh_count > 0) {
        const uint32_t known = generator->fresh_count < TIDE_GENERATOR_HISTORY
                                   ? (uint32_t)generator->fresh_count
                                   : TIDE_GENERATOR_HISTORY;
        const struct remembered *again =
            &generator->history[tide_generator_below(&generator->dice, known)];
        tide_bytes_append_view(line, tide_bytes_view(&again->line));
        generator->last_is_json = again->is_json;
    } else {
        write_fresh(generator, line);
    }
    generator->event_count++;
}

bool tide_generator_last_is_json(const struct tide_generator *generator)
{
    return generator->last_is_json;
}
