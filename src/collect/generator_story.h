/* Events with a plot, for demos: weeks of history in one go, then a live flow in which things go
 * wrong, one after the other, and again from the start with the next release's number:
 *
 *     s    0 live   8 release   32 burst   44 clock   60 quiet   85 back   96 fix   114 retry
 *        128 broken   .. 150 live again
 *
 * A release crashes on some devices (device) or loses what is played (sunbird); a fixed one
 * follows. For some seconds there are ten times as many events. One device's clock is a day ahead.
 * One region is silent, then sends what it kept. One phone sends everything several times. Some
 * records are broken. Between these nothing is late, wrong or twice.
 *
 * The same options give the same bytes; all times count from `start`. One thread. */
#ifndef TIDE_COLLECT_GENERATOR_STORY_H
#define TIDE_COLLECT_GENERATOR_STORY_H

#include "collect/generator.h"

enum tide_story_beat {
    TIDE_STORY_HISTORY, /* not again */
    TIDE_STORY_LIVE,
    TIDE_STORY_RELEASE,
    TIDE_STORY_BURST,
    TIDE_STORY_CLOCK,
    TIDE_STORY_QUIET,
    TIDE_STORY_BACK,
    TIDE_STORY_FIX,
    TIDE_STORY_RETRY,
    TIDE_STORY_BROKEN,
    TIDE_STORY_BEATS, /* their number */
};

struct tide_story_options {
    enum tide_generator_preset preset;
    uint64_t seed;
    struct tide_instant start;  /* of the live flow; what is before it is history */
    uint32_t rate;              /* events a second of the live flow, 1..100000; 200 */
    struct tide_duration cycle; /* from live to live again, 5 s to 1 h; 150 s */
    uint32_t history_days;      /* 0..90; 28, of sunbird 21 */
};
struct tide_story_options tide_story_options_default(enum tide_generator_preset preset);

struct tide_story;

/* REJECT: an option is outside its bounds. RETRY: no memory. */
enum tide_status tide_story_create(const struct tide_story_options *options,
                                   struct tide_story **story,
                                   struct tide_error *error);
void tide_story_destroy(struct tide_story *story);

struct tide_story_event {
    struct tide_duration due; /* when to send it, after start; 0 for history. Never decreases */
    /* How far ahead the clock of the sender is: an envelope of its own would say so too. */
    struct tide_duration clock_ahead;
    bool is_json; /* false: it cannot stand in an envelope */
    bool begins;  /* beat begins with this event; at most one does */
    enum tide_story_beat beat;
};
/* Appends one event without '\n'. There is always one more. */
void tide_story_next(struct tide_story *story,
                     struct tide_bytes *line,
                     struct tide_story_event *event);

/* Appends what happens in the beat as a sentence, with the names of the cycle that is under way. */
void tide_story_tell(const struct tide_story *story,
                     enum tide_story_beat beat,
                     struct tide_bytes *text);
/* "release": a word for the beat. */
const char *tide_story_beat_name(enum tide_story_beat beat);
/* Of the release that crashes, and of its fix: those of the first cycle, "2.5.0" and "2.5.1". */
const char *tide_story_bad_version(enum tide_generator_preset preset);
const char *tide_story_fixed_version(enum tide_generator_preset preset);

#endif
