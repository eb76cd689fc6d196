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

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    SESSIONS_MAX = 64,
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
    struct session sessions[SESSIONS_MAX];
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
        options->device_count < SESSIONS_MAX ? options->device_count : SESSIONS_MAX;
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
};

static void start_session(struct tide_generator_sunbird *sunbird,
                          struct tide_generator_random *dice,
                          struct session *session)
{
    const uint32_t user = tide_generator_below(dice, sunbird->user_count);
    const bool has_second = tide_generator_trait(user, TRAIT_SECOND_DEVICE, 5) == 0;
    const bool takes_second = tide_generator_below(dice, 2) == 0;
    *session = (struct session){
        .user = user,
        .on_second_device = has_second && takes_second,
        .id = tide_generator_draw(dice) | 1,
    };
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
                          struct tide_bytes *line)
{
    uint32_t platform = tide_generator_trait(session->user, TRAIT_PLATFORM, COUNT(platforms));
    if (session->on_second_device) {
        platform = (platform + 1) % COUNT(platforms);
    }
    const uint32_t region =
        tide_generator_trait(session->user, TRAIT_REGION, sunbird->region_count);
    tide_bytes_append_format(
        line,
        ",\"context\":{\"channel\":\"%s\",\"pdata\":{\"id\":\"%s\",\"pid\":\"%s\",\"ver\":\"%s\"}"
        ",\"env\":\"%s\",\"sid\":\"%016" PRIx64 "\",\"did\":\"device-%05u%s\",\"cdata\":[]}",
        tide_generator_regions[region],
        platforms[platform].id,
        platforms[platform].pid,
        versions[tide_generator_trait(session->user, TRAIT_VERSION, COUNT(versions))],
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
    write_context(sunbird, session, line);
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

void tide_generator_sunbird_write(struct tide_generator_sunbird *sunbird,
                                  struct tide_generator_random *dice,
                                  struct tide_instant time,
                                  enum tide_generator_defect defect,
                                  struct tide_bytes *line)
{
    struct session *session =
        &sunbird->sessions[tide_generator_below(dice, sunbird->session_count)];
    if (session->id == 0) {
        start_session(sunbird, dice, session);
    }
    struct making making = {
        .sunbird = sunbird,
        .dice = dice,
        .session = session,
        .event = {.time = time, .defect = defect},
        .line = line,
    };
    write_next(&making);
    tide_bytes_append_byte(line, '}');
}
