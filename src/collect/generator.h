/* Events for demos, tests and load: Sunbird or device, seeded, with stated rates of trouble. The
 * same options give the same bytes, but for the times, which count from `start`. One thread. */
#ifndef TIDE_COLLECT_GENERATOR_H
#define TIDE_COLLECT_GENERATOR_H

#include "base/bytes.h"
#include "base/clock.h"

enum tide_generator_preset {
    TIDE_GENERATOR_SUNBIRD,
    TIDE_GENERATOR_DEVICE,
};

struct tide_generator_options {
    enum tide_generator_preset preset;
    uint64_t seed;
    struct tide_instant start; /* event time of the first event; 2026-01-01 */
    struct tide_duration step; /* between events */
    uint32_t device_count;     /* 500; for sunbird: users */
    uint32_t region_count;     /* 6, at most 6 */
    /* Parts per 10,000 events: */
    uint32_t late;        /* minutes to hours behind */
    uint32_t duplicate;   /* one of the last 1,000 again, byte for byte */
    uint32_t defective;   /* broken JSON, a missing or mistyped required column, ... */
    uint32_t wrong_clock; /* the device's clock is hours or days off */
};
struct tide_generator_options tide_generator_options_default(enum tide_generator_preset preset);

struct tide_generator;
enum tide_status tide_generator_create(const struct tide_generator_options *options,
                                       struct tide_generator **generator,
                                       struct tide_error *error);
void tide_generator_destroy(struct tide_generator *generator);
/* Appends one event without '\n'. */
void tide_generator_next(struct tide_generator *generator, struct tide_bytes *line);
/* Wraps lines (whole, valid or not) of an envelope's worth as the preset's endpoint wants them is
 * the sender's work: sunbird
 * {"id":"api.sunbird.telemetry","ver":"3.0","ets":..,"params":{"msgid":..}, "events":[..]}.
 * Defective lines that are not JSON cannot stand in an envelope: is_json tells. */
bool tide_generator_last_is_json(const struct tide_generator *generator);

#endif
