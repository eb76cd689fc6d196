/* What the generator and its two presets share. */
#ifndef TIDE_COLLECT_GENERATOR_INTERNAL_H
#define TIDE_COLLECT_GENERATOR_INTERNAL_H

#include "collect/generator.h"

enum {
    TIDE_GENERATOR_DEVICES_MAX = 1 << 20,
    TIDE_GENERATOR_REGIONS_MAX = 6,
    TIDE_GENERATOR_HISTORY = 1000, /* lines that a duplicate may repeat */
};

extern const char *const tide_generator_regions[TIDE_GENERATOR_REGIONS_MAX];

/* SplitMix64 (Steele, Lea, Flood 2014): small, and every seed is as good as another. */
struct tide_generator_random {
    uint64_t state;
};
uint64_t tide_generator_draw(struct tide_generator_random *random);
/* 0 .. bound - 1; bound > 0. */
uint32_t tide_generator_below(struct tide_generator_random *random, uint32_t bound);
/* The same number for the same thing, whatever was drawn before: attributes of a device. */
uint32_t tide_generator_trait(uint32_t thing, uint32_t trait, uint32_t bound);

/* What is wrong with a line. */
enum tide_generator_defect {
    TIDE_GENERATOR_SOUND,
    TIDE_GENERATOR_CUT,        /* ends early: not JSON */
    TIDE_GENERATOR_NOT_UTF8,   /* likewise */
    TIDE_GENERATOR_NOT_OBJECT, /* a number */
    TIDE_GENERATOR_MISSING,    /* a required column is not there */
    TIDE_GENERATOR_MISTYPED,   /* a required column has another type */
    TIDE_GENERATOR_BAD_TIME,   /* the time column holds no time */
    TIDE_GENERATOR_TWICE,      /* a key on a declared path stands twice */
    TIDE_GENERATOR_DEFECTS,    /* their number */
};

/* Presets see MISSING, MISTYPED, BAD_TIME and TWICE only; the others are made of a sound line. */
struct tide_generator_sunbird;
struct tide_generator_device;

enum tide_status tide_generator_sunbird_create(const struct tide_generator_options *options,
                                               struct tide_generator_sunbird **sunbird,
                                               struct tide_error *error);
void tide_generator_sunbird_destroy(struct tide_generator_sunbird *sunbird);
void tide_generator_sunbird_write(struct tide_generator_sunbird *sunbird,
                                  struct tide_generator_random *random,
                                  struct tide_instant time,
                                  enum tide_generator_defect defect,
                                  struct tide_bytes *line);

enum tide_status tide_generator_device_create(const struct tide_generator_options *options,
                                              struct tide_generator_device **device,
                                              struct tide_error *error);
void tide_generator_device_destroy(struct tide_generator_device *device);
void tide_generator_device_write(struct tide_generator_device *device,
                                 struct tide_generator_random *random,
                                 struct tide_instant time,
                                 enum tide_generator_defect defect,
                                 struct tide_bytes *line);

#endif
