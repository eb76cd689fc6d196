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

/* Presets see MISSING, MISTYPED, BAD_TIME and TWICE only; the others are made of a sound line. The
 * line starts at `from`. */
void tide_generator_damage(struct tide_generator_random *dice,
                           enum tide_generator_defect defect,
                           struct tide_bytes *line,
                           size_t from);

/* What goes wrong on the device. */
enum tide_generator_mishap {
    TIDE_GENERATOR_AS_IT_FALLS, /* the preset's own dice say */
    TIDE_GENERATOR_NO_MISHAP,
    TIDE_GENERATOR_ACCIDENT,   /* a crash (device) or an error (sunbird) of any kind */
    TIDE_GENERATOR_REGRESSION, /* one that a release has brought: always the same */
};

/* Who acts in the next event, where somebody has a say in it. */
struct tide_generator_role {
    uint32_t actor;      /* the device; of sunbird its seat, which is taken */
    const char *version; /* of the app; NULL: its own */
    enum tide_generator_mishap mishap;
    bool opens; /* device: a session begins */
};

struct tide_generator_sunbird;
struct tide_generator_device;

enum {
    TIDE_GENERATOR_SEATS = 64 /* sessions that go on at a time */
};

enum tide_status tide_generator_sunbird_create(const struct tide_generator_options *options,
                                               struct tide_generator_sunbird **sunbird,
                                               struct tide_error *error);
void tide_generator_sunbird_destroy(struct tide_generator_sunbird *sunbird);
void tide_generator_sunbird_write(struct tide_generator_sunbird *sunbird,
                                  struct tide_generator_random *random,
                                  struct tide_instant time,
                                  enum tide_generator_defect defect,
                                  struct tide_bytes *line);
/* The same for who directs it: users take seats; a session that is over leaves a free one. */
bool tide_generator_sunbird_seated(const struct tide_generator_sunbird *sunbird,
                                   uint32_t seat,
                                   uint32_t *user);
void tide_generator_sunbird_take_seat(struct tide_generator_sunbird *sunbird,
                                      struct tide_generator_random *random,
                                      uint32_t seat,
                                      uint32_t user);
void tide_generator_sunbird_write_as(struct tide_generator_sunbird *sunbird,
                                     struct tide_generator_random *random,
                                     const struct tide_generator_role *role,
                                     struct tide_instant time,
                                     enum tide_generator_defect defect,
                                     struct tide_bytes *line);
uint32_t tide_generator_sunbird_region(uint32_t user, uint32_t region_count);
/* Has what a regression is about: the mobile app. */
bool tide_generator_sunbird_is_fragile(uint32_t user);

enum tide_status tide_generator_device_create(const struct tide_generator_options *options,
                                              struct tide_generator_device **device,
                                              struct tide_error *error);
void tide_generator_device_destroy(struct tide_generator_device *device);
void tide_generator_device_write(struct tide_generator_device *device,
                                 struct tide_generator_random *random,
                                 struct tide_instant time,
                                 enum tide_generator_defect defect,
                                 struct tide_bytes *line);
void tide_generator_device_write_as(struct tide_generator_device *device,
                                    struct tide_generator_random *random,
                                    const struct tide_generator_role *role,
                                    struct tide_instant time,
                                    enum tide_generator_defect defect,
                                    struct tide_bytes *line);
uint32_t tide_generator_device_region(uint32_t device, uint32_t region_count);
/* Has what a regression is about: Android 14. */
bool tide_generator_device_is_fragile(uint32_t device);

#endif
