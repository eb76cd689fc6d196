/* Device events: each device opens its app now and then, which starts a session; in between it uses
 * features, measures itself, and sometimes crashes. What a device is (type, system, version,
 * region) follows from its number alone, so it stays the same for every seed. */
#include "collect/generator_internal.h"

#include "base/assert.h"
#include "base/civil.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct tide_generator_device {
    uint32_t device_count;
    uint32_t region_count;
    uint32_t *sessions; /* of each device; 0: it has not opened the app yet */
};

enum {
    CRASH_STEPS = 40 /* where an app may crash; a regression does at one more */
};

enum trait {
    TRAIT_TYPE = 1,
    TRAIT_SYSTEM,
    TRAIT_VERSION,
    TRAIT_REGION
};

static const char *const types[] = {"mobile", "tablet", "desktop"};
static const char *const systems[3][3] = {
    {"Android 14", "iOS 17", "Android 13"},
    {"iOS 17", "Android 14", "iOS 16"},
    {"Windows 11", "macOS 14", "Linux"},
};
static const char *const versions[] = {"2.2.0", "2.3.0", "2.4.0", "2.4.1"};
static const char *const features[] = {
    "search", "share", "export", "camera", "offline_mode", "dark_mode", "sync", "voice_input"};
static const char *const crash_types[] = {
    "null_pointer", "out_of_memory", "timeout", "assertion", "network"};
static const char *const screens[] = {"home", "details", "settings", "checkout", "profile"};
static const struct {
    const char *name;
    const char *unit;
    uint32_t base; /* thousandths */
    uint32_t span;
} measures[] = {
    {"network_latency", "ms", 5000, 400000},
    {"frame_time", "ms", 4000, 40000},
    {"cpu_usage", "percent", 1000, 99000},
    {"memory_usage", "mb", 80000, 900000},
    {"battery_drain", "percent_per_hour", 200, 20000},
};

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

enum tide_status tide_generator_device_create(const struct tide_generator_options *options,
                                              struct tide_generator_device **device,
                                              struct tide_error *error)
{
    struct tide_generator_device *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->device_count = options->device_count;
        made->region_count = options->region_count;
        made->sessions = calloc(options->device_count, sizeof(*made->sessions));
    }
    if (made == NULL || made->sessions == NULL) {
        free(made);
        return tide_error_set(error, TIDE_RETRY, "out of memory for the generator");
    }
    *device = made;
    return TIDE_OK;
}

void tide_generator_device_destroy(struct tide_generator_device *device)
{
    if (device == NULL) {
        return;
    }
    free(device->sessions);
    free(device);
}

static void append_id(struct tide_generator_random *dice, struct tide_bytes *line)
{
    const uint64_t high = tide_generator_draw(dice);
    const uint64_t low = tide_generator_draw(dice);
    tide_bytes_append_format(line,
                             "%08" PRIx32 "-%04x-4%03x-%04x-%012" PRIx64,
                             (uint32_t)(high >> 32),
                             (unsigned)(high >> 16 & 0xffff),
                             (unsigned)(high & 0xfff),
                             (unsigned)(0x8000 | (low >> 48 & 0x3fff)),
                             low & UINT64_C(0xffffffffffff));
}

static void append_thousandths(struct tide_bytes *line, uint32_t value)
{
    tide_bytes_append_format(line, "%u.%03u", value / 1000, value % 1000);
}

static void write_feature(struct tide_generator_random *dice, struct tide_bytes *line)
{
    tide_bytes_append_format(line,
                             ",\"feature_name\":\"%s\",\"duration_ms\":",
                             features[tide_generator_below(dice, COUNT(features))]);
    append_thousandths(line, 100000 + tide_generator_below(dice, 60000000));
    tide_bytes_append_format(
        line, ",\"interaction_count\":%u}", 1 + tide_generator_below(dice, 20));
}

static void write_crash_of(struct tide_generator_random *dice,
                           uint32_t type,
                           uint32_t step,
                           struct tide_bytes *line)
{
    const bool is_fatal = tide_generator_below(dice, 3) == 0;
    tide_bytes_append_format(line,
                             ",\"crash_type\":\"%s\",\"stack_trace\":\"at step_%u()\\n at main()\""
                             ",\"is_fatal\":%s,\"memory_usage_mb\":",
                             crash_types[type],
                             step,
                             is_fatal ? "true" : "false");
    append_thousandths(line, 100000 + tide_generator_below(dice, 1500000));
    tide_bytes_append_byte(line, '}');
}

static void write_crash(struct tide_generator_random *dice, struct tide_bytes *line)
{
    const uint32_t type = tide_generator_below(dice, COUNT(crash_types));
    const uint32_t step = tide_generator_below(dice, CRASH_STEPS);
    write_crash_of(dice, type, step, line);
}

static void write_regression(struct tide_generator_random *dice, struct tide_bytes *line)
{
    write_crash_of(dice, 0, CRASH_STEPS, line);
}

static void write_measure(struct tide_generator_random *dice, struct tide_bytes *line)
{
    const uint32_t kind = tide_generator_below(dice, COUNT(measures));
    tide_bytes_append_format(line, ",\"metric_name\":\"%s\",\"value\":", measures[kind].name);
    append_thousandths(line, measures[kind].base + tide_generator_below(dice, measures[kind].span));
    tide_bytes_append_format(line,
                             ",\"unit\":\"%s\",\"screen_name\":\"%s\"}",
                             measures[kind].unit,
                             screens[tide_generator_below(dice, COUNT(screens))]);
}

static void write_open(struct tide_generator_random *dice, struct tide_bytes *line)
{
    const bool is_cold = tide_generator_below(dice, 4) == 0;
    tide_bytes_append_text(line, ",\"launch_time_ms\":");
    append_thousandths(line, (is_cold ? 600000 : 80000) + tide_generator_below(dice, 900000));
    tide_bytes_append_format(line, ",\"is_cold_start\":%s}", is_cold ? "true" : "false");
}

static const struct {
    const char *type;
    uint32_t share; /* of 100 */
    void (*write)(struct tide_generator_random *dice, struct tide_bytes *line);
} kinds[] = {
    {"app_open", 20, write_open},
    {"feature_used", 46, write_feature},
    {"performance_metric", 30, write_measure},
    {"crash_event", 4, write_crash},
};

enum {
    KIND_CRASH = 3 /* the last one */
};

static uint32_t draw_kind(struct tide_generator_random *dice, uint32_t shares, bool must_open)
{
    uint32_t share = tide_generator_below(dice, shares);
    uint32_t kind = 0;
    while (share >= kinds[kind].share) {
        share -= kinds[kind].share;
        kind++;
    }
    return must_open ? 0 : kind;
}

static void write_head(struct tide_generator_random *dice,
                       const char *type,
                       struct tide_instant time,
                       enum tide_generator_defect defect,
                       struct tide_bytes *line)
{
    tide_bytes_append_text(line, "{\"event_id\":\"");
    append_id(dice, line);
    tide_bytes_append_byte(line, '"');
    if (defect == TIDE_GENERATOR_MISTYPED) {
        tide_bytes_append_text(line, ",\"event_type\":7");
    } else if (defect != TIDE_GENERATOR_MISSING) {
        tide_bytes_append_format(line, ",\"event_type\":\"%s\"", type);
    }
    if (defect == TIDE_GENERATOR_TWICE) {
        tide_bytes_append_format(line, ",\"event_type\":\"%s\"", type);
    }
    char text[TIDE_CIVIL_TEXT_MAX];
    (void)tide_civil_format(time, text);
    tide_bytes_append_format(
        line, ",\"timestamp\":\"%s\"", defect == TIDE_GENERATOR_BAD_TIME ? "yesterday" : text);
}

static const char *system_of(uint32_t index)
{
    const uint32_t type = tide_generator_trait(index, TRAIT_TYPE, COUNT(types));
    return systems[type][tide_generator_trait(index, TRAIT_SYSTEM, 3)];
}

uint32_t tide_generator_device_region(uint32_t device, uint32_t region_count)
{
    return tide_generator_trait(device, TRAIT_REGION, region_count);
}

bool tide_generator_device_is_fragile(uint32_t device)
{
    return strcmp(system_of(device), "Android 14") == 0;
}

/* Everything but what the kind tells. */
static void write_common(const struct tide_generator_device *device,
                         uint32_t index,
                         const char *version,
                         struct tide_bytes *line)
{
    tide_bytes_append_format(
        line,
        ",\"device_id\":\"device-%04u\",\"device_type\":\"%s\",\"os\":\"%s\""
        ",\"app_version\":\"%s\",\"region\":\"%s\",\"payload\":{\"session_id\":\"s-%u\"",
        index + 1,
        types[tide_generator_trait(index, TRAIT_TYPE, COUNT(types))],
        system_of(index),
        version != NULL ? version
                        : versions[tide_generator_trait(index, TRAIT_VERSION, COUNT(versions))],
        tide_generator_regions[tide_generator_device_region(index, device->region_count)],
        device->sessions[index]);
}

static void begin_session(struct tide_generator_device *device,
                          struct tide_generator_random *dice,
                          uint32_t index)
{
    device->sessions[index] = 100000 + tide_generator_below(dice, 900000);
}

void tide_generator_device_write(struct tide_generator_device *device,
                                 struct tide_generator_random *dice,
                                 struct tide_instant time,
                                 enum tide_generator_defect defect,
                                 struct tide_bytes *line)
{
    const struct tide_generator_role role = {.actor =
                                                 tide_generator_below(dice, device->device_count)};
    tide_generator_device_write_as(device, dice, &role, time, defect, line);
}

void tide_generator_device_write_as(struct tide_generator_device *device,
                                    struct tide_generator_random *dice,
                                    const struct tide_generator_role *role,
                                    struct tide_instant time,
                                    enum tide_generator_defect defect,
                                    struct tide_bytes *line)
{
    const bool opens = role->opens || device->sessions[role->actor] == 0;
    const bool falls = role->mishap == TIDE_GENERATOR_AS_IT_FALLS;
    uint32_t kind = KIND_CRASH;
    tide_assert(role->actor < device->device_count);
    if (falls || opens || role->mishap == TIDE_GENERATOR_NO_MISHAP) {
        kind = draw_kind(dice, falls ? 100 : 100 - kinds[KIND_CRASH].share, opens);
    }
    if (kind == 0) {
        begin_session(device, dice, role->actor);
    }
    write_head(dice, kinds[kind].type, time, defect, line);
    write_common(device, role->actor, role->version, line);
    if (kind == KIND_CRASH && role->mishap == TIDE_GENERATOR_REGRESSION) {
        write_regression(dice, line);
    } else {
        kinds[kind].write(dice, line);
    }
    tide_bytes_append_byte(line, '}');
}
