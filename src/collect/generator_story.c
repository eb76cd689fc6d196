/* Story seconds are of a cycle of 150; a shorter or longer cycle stretches them, but not the rate.
 *
 * Who acts sits in one of some seats until a session is over. Whether a device is there at all, in
 * which week, which version it has taken up and whether it is prone to crash follow from its number
 * (tide_generator_trait), so that shares stay what they are however long the story goes on. */
#include "collect/generator_story.h"

#include "base/assert.h"
#include "base/civil.h"
#include "collect/generator_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)
enum {
    CYCLE_S = 150,
    RATE_MAX = 100000,
    HISTORY_DAYS_MAX = 90,

    DEVICES = 1400,
    USERS = 900,
    REGIONS = 6,
    FIRST_QUIET_REGION = 3,
    DRAWS_MAX = 64,
    OWN_SEAT = TIDE_GENERATOR_SEATS - 1, /* of the device whose clock is ahead */
    LIVE_SEATS = OWN_SEAT,
    HOUR_SEATS = 24,   /* in the last hour of history */
    HISTORY_SEATS = 5, /* few, so that sessions are not torn apart by the gaps */

    DEVICE_EVENTS_PER_DAY = 900,
    USER_EVENTS_PER_DAY = 1500, /* their sessions are longer */
    LAST_HOUR_EVENTS = 6000,
    JITTER_US = 800000,

    PERMYRIAD = 10000,
    BAD_ADOPTION = 6000, /* of 10,000 actors take up the release */
    FIX_ADOPTION = 8500, /* the others never update */
    PRONE = 300,         /* of 10,000 crash now and then, whatever they run */
    ACCIDENT_PERCENT = 10,
    REGRESSION_PERCENT = 25,

    BURST_S = 5,
    BURST_FACTOR = 10,
    CLOCK_S = 14,
    CLOCK_ONE_IN = 25,
    RETRY_S = 12,
    RETRY_ONE_IN = 3,
    RETRY_LINES = 16,
    BROKEN_S = 12,
    BROKEN_ONE_IN = 15,
    LONG_AWAY_ONE_IN = 4, /* of what a region kept is from phones that had been away for longer */
    LONG_AWAY_S_MIN = 1200,
    LONG_AWAY_S_SPAN = 1200,
};

/* Far from the presets' own, which count from 1. */
enum trait {
    TRAIT_JOINED = 100,
    TRAIT_IS_OLD,
    TRAIT_PRONE,
    TRAIT_BAD,
    TRAIT_FIX,
    TRAIT_LOYAL /* and more: one for each period */
};

static const struct {
    int64_t at_s;
    const char *name;
} beats[TIDE_STORY_BEATS] = {
    [TIDE_STORY_HISTORY] = {0, "history"},
    [TIDE_STORY_LIVE] = {0, "live"},
    [TIDE_STORY_RELEASE] = {8, "release"},
    [TIDE_STORY_BURST] = {32, "burst"},
    [TIDE_STORY_CLOCK] = {44, "clock"},
    [TIDE_STORY_QUIET] = {60, "quiet"},
    [TIDE_STORY_BACK] = {85, "back"},
    [TIDE_STORY_FIX] = {96, "fix"},
    [TIDE_STORY_RETRY] = {114, "retry"},
    [TIDE_STORY_BROKEN] = {128, "broken"},
};

/* Of those who came in their first period, how many of 100 come in the ones after; the last goes
 * on. Periods are those of the preset's retention: weeks, days. */
static const uint32_t weeks_loyal[] = {100, 72, 61, 54, 50};
static const uint32_t days_loyal[] = {100, 64, 56, 51, 48, 46, 45, 48, 44, 42};
/* Events at each hour of a UTC day, 100 on average. */
static const uint32_t hours[24] = {52,  44,  40,  42,  52,  70,  92,  112, 124, 126, 122, 118,
                                   122, 124, 118, 114, 116, 124, 138, 146, 142, 122, 90,  50};

struct seat {
    uint32_t actor; /* number of a device or user */
    uint32_t left;  /* events of the session */
    bool is_fresh;  /* none was written */
};

struct tide_story {
    struct tide_story_options options;
    struct tide_generator_random dice;
    struct tide_generator_sunbird *sunbird; /* one of the two */
    struct tide_generator_device *device;
    uint32_t actor_count;
    struct seat seats[TIDE_GENERATOR_SEATS]; /* device */
    struct tide_instant history_at;          /* of its next event */
    struct tide_instant history_from;
    bool has_begun;
    int64_t due_us;
    uint64_t cycle;
    int64_t position_us;   /* in the cycle, in story time */
    unsigned next_beat;    /* of this cycle */
    int64_t quiet_from_us; /* due times */
    int64_t quiet_to_us;
    uint64_t kept_count; /* events that the region kept, */
    uint64_t kept_sent;  /* and those of them that were sent */
    struct tide_bytes retried[RETRY_LINES];
    uint32_t retried_count;
    uint32_t retry_actor;
    char version[24];
};

/* ---- options ---- */

struct tide_story_options tide_story_options_default(enum tide_generator_preset preset)
{
    return (struct tide_story_options){
        .preset = preset,
        .seed = 1,
        .start = tide_generator_options_default(preset).start,
        .rate = 200,
        .cycle = {CYCLE_S * SECOND_US},
        .history_days = preset == TIDE_GENERATOR_SUNBIRD ? 21 : 28,
    };
}

static enum tide_status check(const struct tide_story_options *options, struct tide_error *error)
{
    if (options->rate == 0 || options->rate > RATE_MAX) {
        return tide_error_set(
            error, TIDE_REJECT, "a rate of %u is outside 1..%d", options->rate, RATE_MAX);
    }
    if (options->history_days > HISTORY_DAYS_MAX) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "%u days of history is outside 0..%d",
                              options->history_days,
                              HISTORY_DAYS_MAX);
    }
    if (options->cycle.us < 5 * SECOND_US || options->cycle.us > HOUR_US) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "a cycle of %" PRId64 " s is outside 5..3600",
                              options->cycle.us / SECOND_US);
    }
    return TIDE_OK;
}

enum tide_status tide_story_create(const struct tide_story_options *options,
                                   struct tide_story **story,
                                   struct tide_error *error)
{
    const uint32_t actor_count = options->preset == TIDE_GENERATOR_SUNBIRD ? USERS : DEVICES;
    struct tide_generator_options base = tide_generator_options_default(options->preset);
    enum tide_status status = check(options, error);
    if (status != TIDE_OK) {
        return status;
    }
    struct tide_story *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for the story");
    }
    base.device_count = actor_count + 1; /* the last one's clock is ahead */
    base.region_count = REGIONS;
    made->actor_count = actor_count;
    made->options = *options;
    made->dice.state = options->seed;
    made->history_from.us = options->start.us - (int64_t)options->history_days * TIDE_US_PER_DAY;
    made->history_at = made->history_from;
    made->next_beat = TIDE_STORY_LIVE;
    status = options->preset == TIDE_GENERATOR_SUNBIRD
                 ? tide_generator_sunbird_create(&base, &made->sunbird, error)
                 : tide_generator_device_create(&base, &made->device, error);
    if (status != TIDE_OK) {
        tide_story_destroy(made);
        return status;
    }
    *story = made;
    return TIDE_OK;
}

void tide_story_destroy(struct tide_story *story)
{
    if (story == NULL) {
        return;
    }
    tide_generator_sunbird_destroy(story->sunbird);
    tide_generator_device_destroy(story->device);
    for (size_t i = 0; i < RETRY_LINES; i++) {
        tide_bytes_release(&story->retried[i]);
    }
    free(story);
}

/* ---- who ---- */

static uint32_t region_of(const struct tide_story *story, uint32_t actor)
{
    return story->sunbird != NULL ? tide_generator_sunbird_region(actor, REGIONS)
                                  : tide_generator_device_region(actor, REGIONS);
}

static bool is_fragile(const struct tide_story *story, uint32_t actor)
{
    return story->sunbird != NULL ? tide_generator_sunbird_is_fragile(actor)
                                  : tide_generator_device_is_fragile(actor);
}

/* Has joined, and comes in this week or day. */
static bool is_around(const struct tide_story *story, uint32_t actor, struct tide_instant time)
{
    const bool is_device = story->device != NULL;
    const uint32_t *loyal = is_device ? weeks_loyal : days_loyal;
    const uint32_t last = is_device ? sizeof(weeks_loyal) / sizeof(weeks_loyal[0]) - 1
                                    : sizeof(days_loyal) / sizeof(days_loyal[0]) - 1;
    const uint32_t span_s = (story->options.history_days + 1) * (uint32_t)86400;
    struct tide_instant joined = story->history_from;
    if (tide_generator_trait(actor, TRAIT_IS_OLD, 100) >= 45) {
        joined.us += tide_generator_trait(actor, TRAIT_JOINED, span_s) * SECOND_US;
    }
    if (time.us < joined.us) {
        return false;
    }
    const int64_t period_us = (is_device ? 7 : 1) * TIDE_US_PER_DAY;
    const uint32_t period = (uint32_t)((time.us - joined.us) / period_us);
    return tide_generator_trait(actor, TRAIT_LOYAL + period, 100) <
           loyal[period < last ? period : last];
}

/* Which regions an event may come from. */
struct origin {
    bool is_bound;
    bool is_only; /* from this region; else from any but this */
    uint32_t region;
};

static bool fits(const struct tide_story *story, struct origin origin, uint32_t actor)
{
    return !origin.is_bound || (region_of(story, actor) == origin.region) == origin.is_only;
}

/* Bounded: after many draws the first one of the right region will do. */
static uint32_t draw_actor(struct tide_story *story, struct origin origin, struct tide_instant time)
{
    uint32_t chosen = 0;
    bool is_chosen = false;
    for (int i = 0; i < DRAWS_MAX; i++) {
        const uint32_t actor = tide_generator_below(&story->dice, story->actor_count);
        const bool is_fit = fits(story, origin, actor);
        if (is_fit && is_around(story, actor, time)) {
            return actor;
        }
        chosen = is_fit && !is_chosen ? actor : chosen;
        is_chosen = is_chosen || is_fit;
    }
    return chosen;
}

static bool is_taken(const struct tide_story *story, uint32_t seat, uint32_t *actor)
{
    if (story->sunbird != NULL) {
        return tide_generator_sunbird_seated(story->sunbird, seat, actor);
    }
    *actor = story->seats[seat].actor;
    return story->seats[seat].left > 0;
}

static void take(struct tide_story *story, uint32_t seat, uint32_t actor)
{
    if (story->sunbird != NULL) {
        tide_generator_sunbird_take_seat(story->sunbird, &story->dice, seat, actor);
    } else {
        const uint32_t length = 2 + tide_generator_below(&story->dice, 7);
        story->seats[seat] = (struct seat){.actor = actor, .left = length, .is_fresh = true};
    }
}

static uint32_t choose_seat(struct tide_story *story,
                            uint32_t seats,
                            struct origin origin,
                            struct tide_instant time)
{
    uint32_t actor = 0;
    uint32_t seat = 0;
    for (int i = 0; i < DRAWS_MAX; i++) {
        seat = tide_generator_below(&story->dice, seats);
        if (!is_taken(story, seat, &actor)) {
            break;
        }
        if (fits(story, origin, actor)) {
            return seat;
        }
    }
    take(story, seat, draw_actor(story, origin, time));
    return seat;
}

/* ---- which version, and what goes wrong ---- */

const char *tide_story_bad_version(enum tide_generator_preset preset)
{
    return preset == TIDE_GENERATOR_SUNBIRD ? "3.4.0" : "2.5.0";
}

const char *tide_story_fixed_version(enum tide_generator_preset preset)
{
    return preset == TIDE_GENERATOR_SUNBIRD ? "3.4.1" : "2.5.1";
}

static const char *version_of_cycle(struct tide_story *story, uint64_t cycle, bool is_fix)
{
    const bool is_sunbird = story->sunbird != NULL;
    (void)snprintf(story->version,
                   sizeof(story->version),
                   "%d.%" PRIu64 ".%d",
                   is_sunbird ? 3 : 2,
                   (is_sunbird ? 4 : 5) + cycle,
                   is_fix ? 1 : 0);
    return story->version;
}

/* Of 10,000: how far something is that began at beat and takes so many seconds. */
static int64_t progress(const struct tide_story *story, enum tide_story_beat beat, int64_t seconds)
{
    const int64_t since_us = story->position_us - beats[beat].at_s * SECOND_US;
    const int64_t part = since_us * PERMYRIAD / (seconds * SECOND_US);
    return part < 0 ? 0 : part > PERMYRIAD ? PERMYRIAD : part;
}

/* NULL: the actor's own. *is_bad: it is the release that crashes. */
static const char *version_of(struct tide_story *story, uint32_t actor, bool *is_bad)
{
    const int64_t bad = tide_generator_trait(actor, TRAIT_BAD, FIX_ADOPTION);
    const int64_t fix = tide_generator_trait(actor, TRAIT_FIX, PERMYRIAD);
    const bool updates = fix < FIX_ADOPTION;
    *is_bad = false;
    if (story->history_at.us < story->options.start.us || !updates) {
        return NULL;
    }
    if (fix < progress(story, TIDE_STORY_FIX, 40) * FIX_ADOPTION / PERMYRIAD) {
        return version_of_cycle(story, story->cycle, true);
    }
    *is_bad = bad < progress(story, TIDE_STORY_RELEASE, 50) * BAD_ADOPTION / PERMYRIAD;
    if (*is_bad) {
        return version_of_cycle(story, story->cycle, false);
    }
    return story->cycle > 0 ? version_of_cycle(story, story->cycle - 1, true) : NULL;
}

static enum tide_generator_mishap draw_mishap(struct tide_story *story, uint32_t actor, bool is_bad)
{
    const uint32_t roll = tide_generator_below(&story->dice, 100);
    if (is_bad && is_fragile(story, actor)) {
        return roll < REGRESSION_PERCENT ? TIDE_GENERATOR_REGRESSION : TIDE_GENERATOR_NO_MISHAP;
    }
    const bool is_prone = tide_generator_trait(actor, TRAIT_PRONE, PERMYRIAD) < PRONE;
    return is_prone && roll < ACCIDENT_PERCENT ? TIDE_GENERATOR_ACCIDENT : TIDE_GENERATOR_NO_MISHAP;
}

/* ---- one event ---- */

static void write_seat(struct tide_story *story,
                       uint32_t seat,
                       struct tide_instant time,
                       enum tide_generator_defect defect,
                       struct tide_bytes *line)
{
    struct tide_generator_role role = {0};
    uint32_t actor = 0;
    bool is_bad = false;
    const bool is_taken_seat = is_taken(story, seat, &actor);
    tide_assert(is_taken_seat);
    role.version = version_of(story, actor, &is_bad);
    role.mishap = draw_mishap(story, actor, is_bad);
    if (story->sunbird != NULL) {
        role.actor = seat;
        tide_generator_sunbird_write_as(story->sunbird, &story->dice, &role, time, defect, line);
        return;
    }
    struct seat *own = &story->seats[seat];
    role.actor = actor;
    role.opens = own->is_fresh;
    own->is_fresh = false;
    own->left--;
    tide_generator_device_write_as(story->device, &story->dice, &role, time, defect, line);
}

static void write_someone(struct tide_story *story,
                          struct origin origin,
                          struct tide_instant time,
                          struct tide_bytes *line)
{
    write_seat(
        story, choose_seat(story, LIVE_SEATS, origin, time), time, TIDE_GENERATOR_SOUND, line);
}

/* ---- history ---- */

static void write_history(struct tide_story *story, struct tide_bytes *line)
{
    const struct origin anywhere = {0};
    const struct tide_instant time = story->history_at;
    const bool is_last_hour = time.us >= story->options.start.us - HOUR_US;
    const int64_t hour = time.us / HOUR_US % 24;
    const int64_t per_day = story->sunbird != NULL ? USER_EVENTS_PER_DAY : DEVICE_EVENTS_PER_DAY;
    const int64_t mean_us =
        is_last_hour ? HOUR_US / LAST_HOUR_EVENTS : TIDE_US_PER_DAY / per_day * 100 / hours[hour];
    const uint32_t seat =
        choose_seat(story, is_last_hour ? HOUR_SEATS : HISTORY_SEATS, anywhere, time);
    write_seat(story, seat, time, TIDE_GENERATOR_SOUND, line);
    story->history_at.us += mean_us * tide_generator_below(&story->dice, 200) / 100 + 1;
}

/* ---- the live flow ---- */

static bool is_in(const struct tide_story *story, enum tide_story_beat beat, int64_t seconds)
{
    const int64_t since_us = story->position_us - beats[beat].at_s * SECOND_US;
    return since_us >= 0 && since_us < seconds * SECOND_US;
}

static struct tide_instant now_of(struct tide_story *story)
{
    return (struct tide_instant){story->options.start.us + story->due_us -
                                 tide_generator_below(&story->dice, JITTER_US)};
}

static bool is_catching_up(const struct tide_story *story)
{
    return story->kept_sent < story->kept_count;
}

static uint32_t quiet_region(const struct tide_story *story)
{
    return (uint32_t)((FIRST_QUIET_REGION + story->cycle) % REGIONS);
}

/* Moves the time on. At most one beat begins, so none is left out. */
static void move_on(struct tide_story *story, struct tide_story_event *event)
{
    const int64_t cycle_us = story->options.cycle.us;
    const int64_t factor = is_in(story, TIDE_STORY_BURST, BURST_S) ? BURST_FACTOR
                           : is_catching_up(story)                 ? 2
                                                                   : 1;
    const int64_t gap_us = SECOND_US / (story->options.rate * factor);
    story->due_us += story->has_begun ? (gap_us > 0 ? gap_us : 1) : 0;
    story->has_begun = true;
    const uint64_t cycle = (uint64_t)(story->due_us / cycle_us);
    if (cycle > story->cycle && story->next_beat == TIDE_STORY_BEATS) {
        story->cycle = cycle;
        story->next_beat = TIDE_STORY_LIVE;
    }
    story->position_us = cycle > story->cycle
                             ? CYCLE_S * SECOND_US - 1
                             : story->due_us % cycle_us * (CYCLE_S * SECOND_US) / cycle_us;
    if (story->next_beat < TIDE_STORY_BEATS &&
        story->position_us >= beats[story->next_beat].at_s * SECOND_US) {
        event->begins = true;
        event->beat = (enum tide_story_beat)story->next_beat++;
    }
    event->due.us = story->due_us;
}

static void begin_beat(struct tide_story *story, enum tide_story_beat beat)
{
    if (beat == TIDE_STORY_QUIET) {
        story->quiet_from_us = story->due_us;
    } else if (beat == TIDE_STORY_BACK) {
        story->quiet_to_us = story->due_us;
        story->kept_sent = 0;
        story->kept_count = (uint64_t)(story->quiet_to_us - story->quiet_from_us) *
                            story->options.rate / SECOND_US / REGIONS;
    } else if (beat == TIDE_STORY_RETRY) {
        const struct origin anywhere = {0};
        story->retried_count = 0;
        story->retry_actor = draw_actor(story, anywhere, now_of(story));
    }
}

/* What happened while the region was silent, in that order; some of it longer ago. */
static void write_kept(struct tide_story *story, struct tide_bytes *line)
{
    const struct origin origin = {.is_bound = true, .is_only = true, .region = quiet_region(story)};
    const int64_t span_us = story->quiet_to_us - story->quiet_from_us;
    struct tide_instant time = {story->options.start.us + story->quiet_from_us};
    time.us += (int64_t)((uint64_t)span_us * story->kept_sent / story->kept_count);
    story->kept_sent++;
    if (tide_generator_below(&story->dice, LONG_AWAY_ONE_IN) == 0) {
        time.us -=
            (LONG_AWAY_S_MIN + (int64_t)tide_generator_below(&story->dice, LONG_AWAY_S_SPAN)) *
            SECOND_US;
    }
    write_someone(story, origin, time, line);
}

/* On the seat that is kept for one whom the beat is about. */
static void sit_down(struct tide_story *story, uint32_t wanted)
{
    uint32_t actor = 0;
    if (!is_taken(story, OWN_SEAT, &actor) || actor != wanted) {
        take(story, OWN_SEAT, wanted);
    }
}

/* A device apart from all others. */
static void write_ahead(struct tide_story *story,
                        struct tide_bytes *line,
                        struct tide_story_event *event)
{
    struct tide_instant time = now_of(story);
    event->clock_ahead.us = TIDE_US_PER_DAY;
    time.us += event->clock_ahead.us;
    sit_down(story, story->actor_count);
    write_seat(story, OWN_SEAT, time, TIDE_GENERATOR_SOUND, line);
}

/* One phone's events: it has some of its own first, then all of them again and again. */
static void write_retry(struct tide_story *story, struct tide_bytes *line)
{
    if (story->retried_count < RETRY_LINES) {
        struct tide_bytes *kept = &story->retried[story->retried_count++];
        const size_t from = line->size;
        sit_down(story, story->retry_actor);
        write_seat(story, OWN_SEAT, now_of(story), TIDE_GENERATOR_SOUND, line);
        tide_bytes_reset(kept);
        tide_bytes_append(kept, line->data + from, line->failed ? 0 : line->size - from);
    } else {
        const uint32_t again = tide_generator_below(&story->dice, RETRY_LINES);
        tide_bytes_append_view(line, tide_bytes_view(&story->retried[again]));
    }
}

static void write_broken(struct tide_story *story,
                         struct origin origin,
                         struct tide_bytes *line,
                         struct tide_story_event *event)
{
    const size_t from = line->size;
    const enum tide_generator_defect defect = (enum tide_generator_defect)(
        1 + tide_generator_below(&story->dice, TIDE_GENERATOR_DEFECTS - 1));
    const struct tide_instant time = now_of(story);
    write_seat(story, choose_seat(story, LIVE_SEATS, origin, time), time, defect, line);
    if (!line->failed) {
        tide_generator_damage(&story->dice, defect, line, from);
    }
    event->is_json = defect != TIDE_GENERATOR_CUT && defect != TIDE_GENERATOR_NOT_UTF8;
}

static bool one_in(struct tide_story *story, uint32_t count)
{
    return tide_generator_below(&story->dice, count) == 0;
}

static void write_live(struct tide_story *story,
                       struct tide_bytes *line,
                       struct tide_story_event *event)
{
    const bool is_quiet = story->position_us >= beats[TIDE_STORY_QUIET].at_s * SECOND_US &&
                          story->next_beat == TIDE_STORY_BACK;
    const struct origin origin = {.is_bound = is_quiet, .region = quiet_region(story)};
    if (is_catching_up(story) && one_in(story, 2)) {
        write_kept(story, line);
    } else if (is_in(story, TIDE_STORY_CLOCK, CLOCK_S) && one_in(story, CLOCK_ONE_IN)) {
        write_ahead(story, line, event);
    } else if (is_in(story, TIDE_STORY_RETRY, RETRY_S) && one_in(story, RETRY_ONE_IN)) {
        write_retry(story, line);
    } else if (is_in(story, TIDE_STORY_BROKEN, BROKEN_S) && one_in(story, BROKEN_ONE_IN)) {
        write_broken(story, origin, line, event);
    } else {
        write_someone(story, origin, now_of(story), line);
    }
}

void tide_story_next(struct tide_story *story,
                     struct tide_bytes *line,
                     struct tide_story_event *event)
{
    *event = (struct tide_story_event){.is_json = true};
    if (story->history_at.us < story->options.start.us) {
        event->begins = story->history_at.us == story->history_from.us;
        event->beat = TIDE_STORY_HISTORY;
        write_history(story, line);
        return;
    }
    move_on(story, event);
    if (event->begins) {
        begin_beat(story, event->beat);
    }
    write_live(story, line, event);
}

/* ---- what is told ---- */

const char *tide_story_beat_name(enum tide_story_beat beat)
{
    tide_assert(beat < TIDE_STORY_BEATS);
    return beats[beat].name;
}

static void tell_release(const struct tide_story *story, bool is_fix, struct tide_bytes *text)
{
    const bool is_sunbird = story->sunbird != NULL;
    const uint64_t minor = (is_sunbird ? 4 : 5) + story->cycle;
    if (is_fix) {
        tide_bytes_append_format(text,
                                 "Release %d.%" PRIu64 ".1 mends it, and spreads quickly.",
                                 is_sunbird ? 3 : 2,
                                 minor);
    } else {
        tide_bytes_append_format(text,
                                 "Release %d.%" PRIu64 ".0 goes out. %s",
                                 is_sunbird ? 3 : 2,
                                 minor,
                                 is_sunbird ? "Its player fails in the mobile app."
                                            : "It crashes on Android 14.");
    }
}

void tide_story_tell(const struct tide_story *story,
                     enum tide_story_beat beat,
                     struct tide_bytes *text)
{
    const bool is_sunbird = story->sunbird != NULL;
    const char *region = tide_generator_regions[quiet_region(story)];
    switch (beat) {
    case TIDE_STORY_HISTORY:
        tide_bytes_append_format(
            text, "The last %u days, all at once.", story->options.history_days);
        return;
    case TIDE_STORY_LIVE:
        tide_bytes_append_format(text,
                                 story->cycle == 0 ? "Now live: %u events a second."
                                                   : "Calm again: %u events a second.",
                                 story->options.rate);
        return;
    case TIDE_STORY_RELEASE:
    case TIDE_STORY_FIX:
        tell_release(story, beat == TIDE_STORY_FIX, text);
        return;
    case TIDE_STORY_BURST:
        tide_bytes_append_text(text, "A burst: ten times as many events.");
        return;
    case TIDE_STORY_CLOCK:
        tide_bytes_append_format(text,
                                 "The clock of %s is a day ahead. %s",
                                 is_sunbird ? "user-00901" : "device-1401",
                                 is_sunbird ? "The envelope shows it, so its times are put right."
                                            : "Its events are refused; nobody else waits.");
        return;
    case TIDE_STORY_QUIET:
        tide_bytes_append_format(text, "%s falls silent. The other regions go on.", region);
        return;
    case TIDE_STORY_BACK:
        tide_bytes_append_format(
            text, "%s is back with all it kept: late, and counted where it belongs.", region);
        return;
    case TIDE_STORY_RETRY:
        tide_bytes_append_text(text, "A phone sends everything several times. It counts once.");
        return;
    case TIDE_STORY_BROKEN:
        tide_bytes_append_text(text, "Some records are broken. Each is kept, with the reason.");
        return;
    case TIDE_STORY_BEATS:
        break;
    }
    tide_assert(false);
}
