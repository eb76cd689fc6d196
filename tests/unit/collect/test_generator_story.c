/* Goal: the story is the same for the same seed, its beats come in order and do what they say, and
 * between them nothing is late, wrong or twice. Method: some cycles of both presets, decoded with
 * the preset's schema, and tallied by beat. */
#include "collect/generator_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/hash.h"
#include "decode/decode.h"
#include "support/preset_schema.h"

#define START_US INT64_C(1774000000000000)
#define SECOND_US INT64_C(1000000)

static const struct {
    enum tide_generator_preset preset;
    const char *name;
    const char *mishap; /* what stands in a line that tells of one */
    const char *region; /* the key before it */
} presets[] = {
    {TIDE_GENERATOR_SUNBIRD, "sunbird", "{\"eid\":\"ERROR\"", "\"channel\":\""},
    {TIDE_GENERATOR_DEVICE, "device", "\"event_type\":\"crash_event\"", "\"region\":\""},
};

static struct tide_story_options options_of(enum tide_generator_preset preset)
{
    struct tide_story_options options = tide_story_options_default(preset);
    options.start.us = START_US;
    return options;
}

static struct tide_story *create(const struct tide_story_options *options)
{
    struct tide_story *story = NULL;
    assert_int_equal(tide_story_create(options, &story, NULL), TIDE_OK);
    return story;
}

static uint64_t hash_of_first(const struct tide_story_options *options, int count)
{
    struct tide_story *story = create(options);
    struct tide_bytes text = {0};
    for (int i = 0; i < count; i++) {
        struct tide_story_event event;
        tide_story_next(story, &text, &event);
        tide_bytes_append_format(&text, "%lld\n", (long long)event.due.us);
    }
    assert_false(text.failed);
    const uint64_t hash = tide_hash64(tide_bytes_view(&text), 0);
    tide_bytes_release(&text);
    tide_story_destroy(story);
    return hash;
}

static void is_the_same_for_the_same_seed(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tide_story_options options = options_of(presets[i].preset);
        options.history_days = 1;
        const uint64_t hash = hash_of_first(&options, 40000);
        assert_true(hash == hash_of_first(&options, 40000));
        options.seed = 2;
        assert_true(hash != hash_of_first(&options, 40000));
    }
}

/* Everything of one beat of the first cycle, to the next beat. */
struct tally {
    unsigned events;
    unsigned accepted;
    unsigned late;  /* more than ten seconds before the newest, as the service would see it */
    unsigned ahead; /* of their time of sending by more than five minutes */
    unsigned twice;
    unsigned rejected;
    unsigned not_json;
    unsigned of_quiet_region;
    unsigned of_version[2]; /* the release, its fix */
    unsigned mishaps[3];    /* with the release, its fix, any other */
    int64_t due_from_us;
    int64_t due_to_us;
};

struct reader {
    struct preset_schema preset;
    struct tide_decoder *decoder;
    struct tide_batch *batch;
    int64_t newest_us;
    char seen[1 << 22];
};

static struct reader *open_reader(const char *name)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    assert_non_null(reader);
    assert_non_null(preset_schema_load(&reader->preset, name));
    assert_int_equal(tide_decoder_create(reader->preset.schema, 1, &reader->decoder, NULL),
                     TIDE_OK);
    assert_int_equal(tide_batch_create(reader->preset.schema, 4, &reader->batch, NULL), TIDE_OK);
    return reader;
}

static void close_reader(struct reader *reader)
{
    tide_batch_destroy(reader->batch);
    tide_decoder_destroy(reader->decoder);
    preset_schema_release(&reader->preset);
    free(reader);
}

static bool has(struct tide_bytes *line, const char *text)
{
    return memmem(line->data, line->size, text, strlen(text)) != NULL;
}

static void count_versions(size_t preset, struct tide_bytes *line, struct tally *tally)
{
    char text[64];
    const char *const versions[] = {tide_story_bad_version(presets[preset].preset),
                                    tide_story_fixed_version(presets[preset].preset)};
    size_t which = 2;
    for (size_t v = 0; v < 2; v++) {
        (void)snprintf(text, sizeof(text), "\"%s\"", versions[v]);
        if (has(line, text)) {
            tally->of_version[v]++;
            which = v;
        }
    }
    tally->mishaps[which] += has(line, presets[preset].mishap);
}

static void count_event(size_t preset,
                        struct reader *reader,
                        struct tide_bytes *line,
                        const struct tide_story_event *event,
                        struct tally *tally)
{
    char text[64];
    const int64_t now_us = START_US + event->due.us;
    char *seen = &reader->seen[tide_hash64(tide_bytes_view(line), 0) % sizeof(reader->seen)];
    tally->twice += *seen != 0;
    *seen = 1;
    tally->events++;
    tally->not_json += !event->is_json;
    count_versions(preset, line, tally);
    (void)snprintf(text, sizeof(text), "%sap-south\"", presets[preset].region);
    tally->of_quiet_region += has(line, text);
    tide_batch_reset(reader->batch);
    tide_decoder_begin(reader->decoder, tide_bytes_view(line), TIDE_FRAMING_EVENT);
    assert_int_equal(tide_decoder_next(reader->decoder, reader->batch), TIDE_OK);
    if (reader->batch->verdicts[0].reason != TIDE_REASON_ACCEPTED) {
        tally->rejected++;
        return;
    }
    tally->accepted++;
    const int64_t us = reader->batch->columns[reader->preset.schema->time].numbers[0];
    assert_int_equal(event->clock_ahead.us > 0, us > now_us + 300 * SECOND_US);
    if (event->clock_ahead.us > 0) {
        tally->ahead++;
        return;
    }
    assert_true(us <= now_us);
    tally->late += us < reader->newest_us - 10 * SECOND_US;
    reader->newest_us = us > reader->newest_us ? us : reader->newest_us;
}

/* The first cycle, and the beat after it. */
static void tell(size_t preset, const struct tide_story_options *options, struct tally *tallies)
{
    struct tide_story *story = create(options);
    struct reader *reader = open_reader(presets[preset].name);
    struct tide_bytes line = {0};
    struct tide_story_event event = {0};
    int64_t due_us = 0;
    unsigned beat = TIDE_STORY_HISTORY;
    bool is_first = true;
    for (;;) {
        tide_bytes_reset(&line);
        tide_story_next(story, &line, &event);
        assert_true(line.size > 0 && memchr(line.data, '\n', line.size) == NULL);
        assert_true(event.due.us >= due_us);
        due_us = event.due.us;
        if (event.begins && event.beat == TIDE_STORY_LIVE && beat == TIDE_STORY_BROKEN) {
            break;
        }
        if (event.begins) {
            assert_int_equal(event.beat, is_first ? beat : beat + 1);
            beat = event.beat;
            tallies[beat].due_from_us = due_us;
        }
        is_first = false;
        tallies[beat].due_to_us = due_us;
        count_event(preset, reader, &line, &event, &tallies[beat]);
    }
    assert_true(due_us >= options->cycle.us && due_us < options->cycle.us + SECOND_US);
    tide_bytes_release(&line);
    close_reader(reader);
    tide_story_destroy(story);
}

static void assert_sound(const struct tally *tally)
{
    assert_int_equal(tally->accepted, tally->events);
    assert_int_equal(tally->late, 0);
    assert_int_equal(tally->ahead, 0);
    assert_true(tally->twice <= tally->events / 50 + 5); /* the tally's hash collides */
}

static void check_release(const struct tally *tallies)
{
    unsigned mishaps[3] = {0};
    unsigned events[3] = {0};
    for (unsigned b = TIDE_STORY_LIVE; b < TIDE_STORY_BEATS; b++) {
        for (size_t v = 0; v < 3; v++) {
            mishaps[v] += tallies[b].mishaps[v];
        }
        events[0] += tallies[b].of_version[0];
        events[1] += tallies[b].of_version[1];
        events[2] += tallies[b].events - tallies[b].of_version[0] - tallies[b].of_version[1];
    }
    assert_int_equal(tallies[TIDE_STORY_LIVE].of_version[0], 0);
    assert_int_equal(tallies[TIDE_STORY_BACK].of_version[1], 0);
    assert_true(events[0] > 3000 && events[1] > 3000 && events[2] > 3000);
    assert_true(tallies[TIDE_STORY_BROKEN].of_version[0] < tallies[TIDE_STORY_QUIET].of_version[0]);
    /* of a thousand */
    const unsigned bad = mishaps[0] * 1000 / events[0];
    assert_true(bad > 8 * (mishaps[1] * 1000 / events[1]) &&
                bad > 8 * (mishaps[2] * 1000 / events[2]));
    assert_true(bad >= 30 && mishaps[2] > 0);
}

static void does_what_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct tide_story_options options = options_of(presets[i].preset);
        struct tally t[TIDE_STORY_BEATS] = {0};
        tell(i, &options, t);
        assert_sound(&t[TIDE_STORY_HISTORY]);
        assert_sound(&t[TIDE_STORY_LIVE]);
        assert_sound(&t[TIDE_STORY_RELEASE]);
        assert_sound(&t[TIDE_STORY_BURST]);
        assert_sound(&t[TIDE_STORY_QUIET]);
        assert_sound(&t[TIDE_STORY_FIX]);
        assert_true(t[TIDE_STORY_HISTORY].events > 20000 && t[TIDE_STORY_HISTORY].due_to_us == 0);
        assert_true(t[TIDE_STORY_BURST].events > 9 * 5 * 200);
        assert_in_range(t[TIDE_STORY_CLOCK].ahead, 50, 200);
        assert_int_equal(t[TIDE_STORY_CLOCK].late, 0);
        assert_int_equal(t[TIDE_STORY_QUIET].of_quiet_region, 0);
        assert_true(t[TIDE_STORY_RELEASE].of_quiet_region > 300);
        assert_in_range(t[TIDE_STORY_BACK].late, 500, 900); /* a sixth of 25 s, but for its end */
        assert_true(t[TIDE_STORY_BACK].of_quiet_region > t[TIDE_STORY_BACK].late);
        assert_int_equal(t[TIDE_STORY_BACK].rejected, 0);
        assert_in_range(t[TIDE_STORY_RETRY].twice, 600, 1000);
        assert_int_equal(t[TIDE_STORY_RETRY].rejected, 0);
        assert_in_range(t[TIDE_STORY_BROKEN].rejected, 80, 250);
        assert_in_range(t[TIDE_STORY_BROKEN].not_json, 10, 100);
        check_release(t);
    }
}

static void a_quick_one_has_all_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tide_story_options options = options_of(presets[i].preset);
        struct tide_bytes line = {0};
        struct tide_story_event event;
        unsigned begun = 1;
        unsigned not_json = 0;
        unsigned ahead = 0;
        options.cycle.us = 7 * SECOND_US + 77;
        options.history_days = 0;
        options.rate = 333;
        struct tide_story *story = create(&options);
        tide_story_next(story, &line, &event);
        assert_true(event.begins && event.beat == TIDE_STORY_LIVE && event.due.us == 0);
        while (event.due.us < 3 * options.cycle.us) {
            tide_bytes_reset(&line);
            tide_story_next(story, &line, &event);
            begun += event.begins;
            ahead += event.clock_ahead.us > 0;
            not_json += !event.is_json;
        }
        assert_int_equal(begun, 3 * (TIDE_STORY_BEATS - 1) + 1);
        assert_true(not_json > 0 && ahead > 0);
        tide_bytes_release(&line);
        tide_story_destroy(story);
    }
}

static void tells_with_the_cycles_names(void **state)
{
    (void)state;
    struct tide_story_options options = options_of(TIDE_GENERATOR_DEVICE);
    options.history_days = 0;
    options.cycle.us = 6 * SECOND_US;
    struct tide_story *story = create(&options);
    struct tide_bytes line = {0};
    struct tide_bytes text = {0};
    struct tide_story_event event = {0};
    while (event.due.us < 2 * options.cycle.us) {
        tide_bytes_reset(&line);
        tide_story_next(story, &line, &event);
        if (event.begins) {
            tide_bytes_append_format(&text, "%s: ", tide_story_beat_name(event.beat));
            tide_story_tell(story, event.beat, &text);
            tide_bytes_append_byte(&text, '\n');
        }
    }
    const char *told = tide_bytes_terminated(&text);
    static const char *const wanted[] = {
        "live: Now live: 200 events a second.\n",
        "release: Release 2.5.0 goes out. It crashes on Android 14.\n",
        "quiet: ap-south falls silent. The other regions go on.\n",
        "fix: Release 2.5.1 mends it",
        "live: Calm again: 200 events a second.\n",
        "release: Release 2.6.0 goes out.",
        "quiet: ap-east falls silent.",
        "fix: Release 2.6.1 mends it",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_non_null(strstr(told, wanted[i]));
    }
    tide_bytes_release(&text);
    tide_bytes_release(&line);
    tide_story_destroy(story);
}

static void has_bounds(void **state)
{
    (void)state;
    struct tide_error error = {0};
    struct tide_story *story = NULL;
    const struct tide_story_options fine = options_of(TIDE_GENERATOR_DEVICE);
    struct tide_story_options options = fine;
    options.rate = 0;
    assert_int_equal(tide_story_create(&options, &story, &error), TIDE_REJECT);
    assert_string_equal(error.text, "a rate of 0 is outside 1..100000");
    options = fine;
    options.history_days = 91;
    assert_int_equal(tide_story_create(&options, &story, &error), TIDE_REJECT);
    assert_string_equal(error.text, "91 days of history is outside 0..90");
    options = fine;
    options.cycle.us = SECOND_US;
    assert_int_equal(tide_story_create(&options, &story, &error), TIDE_REJECT);
    assert_string_equal(error.text, "a cycle of 1 s is outside 5..3600");
    assert_null(story);
    tide_story_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_same_for_the_same_seed),
        cmocka_unit_test(does_what_it_says),
        cmocka_unit_test(a_quick_one_has_all_of_it),
        cmocka_unit_test(tells_with_the_cycles_names),
        cmocka_unit_test(has_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
