/* Sunbird telemetry v3: some sessions are open at a time, of users who walk through contents.
 *
 *     BROWSE --IMPRESSION--> OPENED --START--> PLAYING --INTERACT ..--> PLAYING --END--> BROWSE
 *       |  ^                   |                                                           |
 *       |  +--SEARCH, LOG------+--(turns away)--> BROWSE          (session over) --> a new user
 *
 * IMPRESSION, START, INTERACT and END of one content carry its object, and the page it is on, so
 * that funnels exist per content and per page. A user has one device, one in five has a second one.
 * */
#include "collect/generator_internal.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    CONTENTS = 200,
    END_OF_SESSION = 25, /* of 100, after each content */
};

enum step {
    STEP_BROWSE,
    STEP_OPENED,
    STEP_PLAYING
};

struct session {
    uint32_t user;
    bool on_second_device;
    uint64_t id;
    enum step step;
    uint32_t content;
    uint32_t page;
    struct tide_instant play_start;
};

struct tide_generator_sunbird {
    uint32_t user_count;
    uint32_t region_count;
    uint32_t session_count;
    struct session sessions[TIDE_GENERATOR_SEATS];
};

enum trait {
    TRAIT_PLATFORM = 11,
    TRAIT_VERSION,
    TRAIT_REGION,
    TRAIT_SECOND_DEVICE
};

static const struct {
    const char *id;
    const char *pid;
    const char *env;
} platforms[] = {
    {"prod.tide.app", "sunbird.app", "home"},
    {"prod.tide.portal", "sunbird.portal", "library"},
    {"prod.tide.desktop", "sunbird.desktop", "library"},
};
static const char *const versions[] = {"3.1.0", "3.2.0", "3.2.5", "3.3.1"};
static const char *const pages[] = {
    "home", "library", "search", "content-detail", "course", "textbook", "profile", "quiz"};
static const char *const content_types[] = {"Resource", "TextBook", "Course", "Collection"};
static const char *const targets[] = {
    "play", "pause", "next", "previous", "download", "share", "rate"};
static const char *const words[] = {"algebra", "history", "r\xc3\xa9sum\xc3\xa9", "water cycle"};

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

enum tide_status tide_generator_sunbird_create(const struct tide_generator_options *options,
                                               struct tide_generator_sunbird **sunbird,
                                               struct tide_error *error)
{
    struct tide_generator_sunbird *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for the generator");
    }
    made->user_count = options->device_count;
    made->region_count = options->region_count;
    made->session_count =
        options->device_count < TIDE_GENERATOR_SEATS ? options->device_count : TIDE_GENERATOR_SEATS;
    *sunbird = made;
    return TIDE_OK;
}

void tide_generator_sunbird_destroy(struct tide_generator_sunbird *sunbird)
{
    free(sunbird);
}

/* An event in the making: what the writers below put into the line. */
struct event {
    const char *eid;
    bool has_object;
    struct tide_instant time;
    enum tide_generator_defect defect;
    const char *version; /* NULL: the user's own */
};

static void start_session(struct tide_generator_random *dice,
                          uint32_t user,
                          struct session *session)
{
    const bool has_second = tide_generator_trait(user, TRAIT_SECOND_DEVICE, 5) == 0;
    const bool takes_second = tide_generator_below(dice, 2) == 0;
    *session = (struct session){
        .user = user,
        .on_second_device = has_second && takes_second,
        .id = tide_generator_draw(dice) | 1,
    };
}

static uint32_t platform_of(uint32_t user)
{
    return tide_generator_trait(user, TRAIT_PLATFORM, COUNT(platforms));
}

uint32_t tide_generator_sunbird_region(uint32_t user, uint32_t region_count)
{
    return tide_generator_trait(user, TRAIT_REGION, region_count);
}

bool tide_generator_sunbird_is_fragile(uint32_t user)
{
    return platform_of(user) == 0;
}

/* ---- the parts of a line ---- */

static void write_type_and_time(const struct event *event, struct tide_bytes *line)
{
    if (event->defect == TIDE_GENERATOR_MISTYPED) {
        tide_bytes_append_text(line, "{\"eid\":null");
    } else {
        tide_bytes_append_format(line, "{\"eid\":\"%s\"", event->eid);
    }
    if (event->defect == TIDE_GENERATOR_BAD_TIME) {
        tide_bytes_append_text(line, ",\"ets\":1566242911079.5");
    } else {
        tide_bytes_append_format(line, ",\"ets\":%" PRId64, event->time.us / 1000);
    }
}

static void write_actor(const struct session *session,
                        enum tide_generator_defect defect,
                        struct tide_bytes *line)
{
    if (defect == TIDE_GENERATOR_MISSING) {
        tide_bytes_append_text(line, ",\"actor\":{\"type\":\"User\"}");
        return;
    }
    tide_bytes_append_format(
        line, ",\"actor\":{\"id\":\"user-%05u\",\"type\":\"User\"", session->user + 1);
    if (defect == TIDE_GENERATOR_TWICE) {
        tide_bytes_append_format(line, ",\"id\":\"user-%05u\"", session->user + 1);
    }
    tide_bytes_append_byte(line, '}');
}

static void write_context(const struct tide_generator_sunbird *sunbird,
                          const struct session *session,
                          const char *version,
                          struct tide_bytes *line)
{
    uint32_t platform = platform_of(session->user);
    if (session->on_second_device) {
        platform = (platform + 1) % COUNT(platforms);
    }
    const uint32_t region = tide_generator_sunbird_region(session->user, sunbird->region_count);
    tide_bytes_append_format(
        line,
        ",\"context\":{\"channel\":\"%s\",\"pdata\":{\"id\":\"%s\",\"pid\":\"%s\",\"ver\":\"%s\"}"
        ",\"env\":\"%s\",\"sid\":\"%016" PRIx64 "\",\"did\":\"device-%05u%s\",\"cdata\":[]}",
        tide_generator_regions[region],
        platforms[platform].id,
        platforms[platform].pid,
        version != NULL
            ? version
            : versions[tide_generator_trait(session->user, TRAIT_VERSION, COUNT(versions))],
        platforms[platform].env,
        session->id,
        session->user + 1,
        session->on_second_device ? "-b" : "");
}

static void write_head(const struct tide_generator_sunbird *sunbird,
                       struct tide_generator_random *dice,
                       const struct session *session,
                       const struct event *event,
                       struct tide_bytes *line)
{
    write_type_and_time(event, line);
    const uint64_t high = tide_generator_draw(dice);
    const uint64_t low = tide_generator_draw(dice);
    tide_bytes_append_format(line,
                             ",\"ver\":\"3.0\",\"mid\":\"%s:%016" PRIx64 "%016" PRIx64 "\"",
                             event->eid,
                             high,
                             low);
    write_actor(session, event->defect, line);
    write_context(sunbird, session, event->version, line);
    if (event->has_object) {
        tide_bytes_append_format(
            line,
            ",\"object\":{\"id\":\"do_%06u\",\"type\":\"%s\",\"ver\":\"1\"}",
            session->content + 1,
            content_types[tide_generator_trait(session->content, 1, COUNT(content_types))]);
    }
    tide_bytes_append_text(line, ",\"tags\":[],\"edata\":");
}

/* ---- what happens next ---- */

struct making {
    const struct tide_generator_sunbird *sunbird;
    struct tide_generator_random *dice;
    struct session *session;
    struct event event;
    struct tide_bytes *line;
};

static void begin(struct making *making, const char *eid, bool has_object)
{
    making->event.eid = eid;
    making->event.has_object = has_object;
    write_head(making->sunbird, making->dice, making->session, &making->event, making->line);
}

static const char *page_of(const struct session *session)
{
    return pages[session->page];
}

static void write_impression(struct making *making)
{
    struct session *session = making->session;
    const uint32_t content = tide_generator_below(making->dice, CONTENTS);
    session->content = tide_generator_below(making->dice, content + 1); /* some are popular */
    session->page = tide_generator_trait(session->content, 2, COUNT(pages));
    session->step = STEP_OPENED;
    begin(making, "IMPRESSION", true);
    tide_bytes_append_format(making->line,
                             "{\"type\":\"view\",\"pageid\":\"%s\",\"uri\":\"/%s/do_%06u\"}",
                             page_of(session),
                             page_of(session),
                             session->content + 1);
}

static void write_search(struct making *making)
{
    begin(making, "SEARCH", false);
    const char *query = words[tide_generator_below(making->dice, COUNT(words))];
    const uint32_t found = tide_generator_below(making->dice, 300);
    tide_bytes_append_format(making->line,
                             "{\"type\":\"content\",\"query\":\"%s\",\"filters\":{},\"sort\":{},"
                             "\"size\":%u,\"topn\":[]}",
                             query,
                             found);
}

static void write_log(struct making *making)
{
    begin(making, "LOG", false);
    tide_bytes_append_format(making->line,
                             "{\"type\":\"api_call\",\"level\":\"INFO\",\"message\":\"read\","
                             "\"params\":[{\"duration\":%u}]}",
                             tide_generator_below(making->dice, 900));
}

static void write_start(struct making *making)
{
    making->session->step = STEP_PLAYING;
    making->session->play_start = making->event.time;
    begin(making, "START", true);
    tide_bytes_append_format(
        making->line,
        "{\"type\":\"content\",\"mode\":\"play\",\"pageid\":\"%s\",\"duration\":%u}",
        page_of(making->session),
        tide_generator_below(making->dice, 5));
}

static void write_interact(struct making *making)
{
    begin(making, "INTERACT", true);
    tide_bytes_append_format(making->line,
                             "{\"type\":\"TOUCH\",\"id\":\"%s\",\"pageid\":\"%s\",\"extra\":{}}",
                             targets[tide_generator_below(making->dice, COUNT(targets))],
                             page_of(making->session));
}

/* The duration is what the player measured: seconds since START, never negative. */
static void write_end(struct making *making)
{
    struct session *session = making->session;
    const int64_t played_us = making->event.time.us - session->play_start.us;
    const int64_t hundredths = played_us > 0 ? played_us / 10000 : 0;
    session->step = STEP_BROWSE;
    begin(making, "END", true);
    tide_bytes_append_format(making->line,
                             "{\"type\":\"content\",\"mode\":\"play\",\"pageid\":\"%s\","
                             "\"duration\":%" PRId64 ".%02d,\"summary\":[{\"progress\":%u}]}",
                             page_of(session),
                             hundredths / 100,
                             (int)(hundredths % 100),
                             tide_generator_below(making->dice, 101));
    if (tide_generator_below(making->dice, 100) < END_OF_SESSION) {
        session->id = 0;
    }
}

/* Whatever was played is lost, and some give up. */
static void write_error(struct making *making, bool is_regression)
{
    static const char *const errors[] = {"NETWORK_TIMEOUT", "CONTENT_MISSING", "OUT_OF_STORAGE"};
    const uint32_t which = tide_generator_below(making->dice, COUNT(errors));
    const bool has_content = making->session->step != STEP_BROWSE;
    making->session->step = STEP_BROWSE;
    begin(making, "ERROR", has_content);
    tide_bytes_append_format(making->line,
                             "{\"err\":\"%s\",\"errtype\":\"%s\",\"stacktrace\":\"at player\"}",
                             is_regression ? "PLAYER_NULL" : errors[which],
                             is_regression ? "SYSTEM" : "CONTENT");
    if (tide_generator_below(making->dice, 100) < END_OF_SESSION) {
        making->session->id = 0;
    }
}

static void write_next(struct making *making)
{
    const uint32_t roll = tide_generator_below(making->dice, 100);
    switch (making->session->step) {
    case STEP_BROWSE:
        if (roll < 70) {
            write_impression(making);
        } else if (roll < 85) {
            write_search(making);
        } else {
            write_log(making);
        }
        return;
    case STEP_OPENED:
        if (roll < 70) {
            write_start(making);
        } else {
            write_impression(making);
        }
        return;
    case STEP_PLAYING:
        if (roll < 60) {
            write_interact(making);
        } else {
            write_end(making);
        }
        return;
    }
}

static void write_one(struct making *making, enum tide_generator_mishap mishap)
{
    if (mishap == TIDE_GENERATOR_ACCIDENT || mishap == TIDE_GENERATOR_REGRESSION) {
        write_error(making, mishap == TIDE_GENERATOR_REGRESSION);
    } else {
        write_next(making);
    }
    tide_bytes_append_byte(making->line, '}');
}

void tide_generator_sunbird_write(struct tide_generator_sunbird *sunbird,
                                  struct tide_generator_random *dice,
                                  struct tide_instant time,
                                  enum tide_generator_defect defect,
                                  struct tide_bytes *line)
{
    struct tide_generator_role role = {.actor = tide_generator_below(dice, sunbird->session_count)};
    if (sunbird->sessions[role.actor].id == 0) {
        const uint32_t user = tide_generator_below(dice, sunbird->user_count);
        start_session(dice, user, &sunbird->sessions[role.actor]);
    }
    tide_generator_sunbird_write_as(sunbird, dice, &role, time, defect, line);
}

bool tide_generator_sunbird_seated(const struct tide_generator_sunbird *sunbird,
                                   uint32_t seat,
                                   uint32_t *user)
{
    tide_assert(seat < TIDE_GENERATOR_SEATS);
    *user = sunbird->sessions[seat].user;
    return sunbird->sessions[seat].id != 0;
}

void tide_generator_sunbird_take_seat(struct tide_generator_sunbird *sunbird,
                                      struct tide_generator_random *dice,
                                      uint32_t seat,
                                      uint32_t user)
{
    tide_assert(seat < TIDE_GENERATOR_SEATS);
    start_session(dice, user, &sunbird->sessions[seat]);
}

void tide_generator_sunbird_write_as(struct tide_generator_sunbird *sunbird,
                                     struct tide_generator_random *dice,
                                     const struct tide_generator_role *role,
                                     struct tide_instant time,
                                     enum tide_generator_defect defect,
                                     struct tide_bytes *line)
{
    struct making making = {
        .sunbird = sunbird,
        .dice = dice,
        .session = &sunbird->sessions[role->actor],
        .event = {.time = time, .defect = defect, .version = role->version},
        .line = line,
    };
    tide_assert(role->actor < TIDE_GENERATOR_SEATS && making.session->id != 0);
    write_one(&making, role->mishap);
}
