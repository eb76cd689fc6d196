/* Goal: the same seed gives the same bytes, rates hold, and every sound line is accepted. Method:
 * both presets, some thousand lines each, decoded with the preset's schema; bounds of five standard
 * deviations around each rate. */
#include "collect/generator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "decode/decode.h"
#include "support/preset_schema.h"

enum {
    LINES = 5000
};
#define START_US INT64_C(1774000000000000)

static const struct {
    enum tide_generator_preset preset;
    const char *name;
} presets[] = {{TIDE_GENERATOR_SUNBIRD, "sunbird"}, {TIDE_GENERATOR_DEVICE, "device"}};

static struct tide_generator_options options_of(enum tide_generator_preset preset)
{
    struct tide_generator_options options = tide_generator_options_default(preset);
    options.start.us = START_US;
    return options;
}

static struct tide_generator *create(const struct tide_generator_options *options)
{
    struct tide_generator *generator = NULL;
    assert_int_equal(tide_generator_create(options, &generator, NULL), TIDE_OK);
    return generator;
}

static void test_deterministic(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tide_generator_options options = options_of(presets[i].preset);
        struct tide_generator *a = create(&options);
        struct tide_generator *b = create(&options);
        options.seed = 2;
        struct tide_generator *c = create(&options);
        struct tide_bytes texts[3] = {0};
        for (size_t j = 0; j < LINES; j++) {
            tide_generator_next(a, &texts[0]);
            tide_generator_next(b, &texts[1]);
            tide_generator_next(c, &texts[2]);
            assert_int_equal(tide_generator_last_is_json(a), tide_generator_last_is_json(b));
        }
        assert_true(tide_view_equal(tide_bytes_view(&texts[0]), tide_bytes_view(&texts[1])));
        assert_false(tide_view_equal(tide_bytes_view(&texts[0]), tide_bytes_view(&texts[2])));
        for (size_t j = 0; j < 3; j++) {
            tide_bytes_release(&texts[j]);
        }
        tide_generator_destroy(a);
        tide_generator_destroy(b);
        tide_generator_destroy(c);
    }
}

struct tally {
    unsigned accepted;
    unsigned reasons[TIDE_REASON_COUNT];
    unsigned duplicates;
    unsigned behind; /* more than a minute before their place */
    unsigned ahead;  /* after it */
    unsigned not_json;
    unsigned entities; /* at least */
};

static struct tally run(const struct tide_generator_options *options, const char *name)
{
    static char seen_hash[1 << 20];
    memset(seen_hash, 0, sizeof(seen_hash));
    struct tally tally = {0};
    struct preset_schema preset;
    assert_non_null(preset_schema_load(&preset, name));
    struct tide_decoder *decoder = NULL;
    struct tide_batch *batch = NULL;
    assert_int_equal(tide_decoder_create(preset.schema, 1, &decoder, NULL), TIDE_OK);
    assert_int_equal(tide_batch_create(preset.schema, 4, &batch, NULL), TIDE_OK);
    struct tide_generator *generator = create(options);
    struct tide_bytes line = {0};
    for (int i = 0; i < LINES; i++) {
        tide_bytes_reset(&line);
        tide_generator_next(generator, &line);
        assert_true(line.size > 0 && memchr(line.data, '\n', line.size) == NULL);
        tide_batch_reset(batch);
        tide_decoder_begin(decoder, tide_bytes_view(&line), TIDE_FRAMING_EVENT);
        assert_int_equal(tide_decoder_next(decoder, batch), TIDE_OK);
        const enum tide_reason reason = batch->verdicts[0].reason;
        tally.reasons[reason]++;
        tally.not_json += !tide_generator_last_is_json(generator);
        assert_int_equal(!tide_generator_last_is_json(generator),
                         reason == TIDE_REASON_JSON_INVALID || reason == TIDE_REASON_UTF8_INVALID);
        char *seen = &seen_hash[tide_hash64(tide_bytes_view(&line), 0) % sizeof(seen_hash)];
        tally.duplicates += *seen != 0;
        *seen = 1;
        if (reason != TIDE_REASON_ACCEPTED) {
            continue;
        }
        tally.accepted++;
        const int64_t place = options->start.us + i * options->step.us;
        const int64_t time = batch->columns[preset.schema->time].numbers[0];
        tally.behind += time < place - INT64_C(59000000);
        tally.ahead += time > place;
        assert_true(options->late > 0 || options->wrong_clock > 0 || options->duplicate > 0 ||
                    (time <= place && time >= place - INT64_C(5001000)));
    }
    tide_bytes_release(&line);
    tide_generator_destroy(generator);
    tide_batch_destroy(batch);
    tide_decoder_destroy(decoder);
    preset_schema_release(&preset);
    return tally;
}

static void test_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tide_generator_options options = options_of(presets[i].preset);
        options.late = 0;
        options.duplicate = 0;
        options.defective = 0;
        options.wrong_clock = 0;
        const struct tally tally = run(&options, presets[i].name);
        assert_int_equal(tally.accepted, LINES);
        assert_true(tally.duplicates < LINES / 50); /* hash collisions of the tally */
        assert_int_equal(tally.behind, 0);
        assert_int_equal(tally.ahead, 0);
    }
}

/* expected +- 5 * sqrt(expected), in whole numbers. */
static void assert_near(unsigned count, unsigned expected)
{
    const unsigned off = count > expected ? count - expected : expected - count;
    if (off * off > 25 * expected) {
        fail_msg("%u, expected about %u", count, expected);
    }
}

static void test_rates(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct tide_generator_options sound = {
            .preset = presets[i].preset,
            .seed = 9,
            .start = {START_US},
            .step = {10000},
            .device_count = 500,
            .region_count = 6,
        };
        struct tide_generator_options options = sound;
        options.late = 1000;
        struct tally tally = run(&options, presets[i].name);
        assert_near(tally.behind, LINES / 10);
        assert_int_equal(tally.ahead, 0);
        options = sound;
        options.wrong_clock = 1000;
        tally = run(&options, presets[i].name);
        assert_near(tally.behind, LINES / 20);
        assert_near(tally.ahead, LINES / 20);
        options = sound;
        options.duplicate = 2000;
        tally = run(&options, presets[i].name);
        assert_near(tally.duplicates, LINES / 5);
        options = sound;
        options.defective = 3000;
        tally = run(&options, presets[i].name);
        assert_near(LINES - tally.accepted, 3 * LINES / 10);
        assert_near(tally.not_json, 3 * LINES / 10 * 2 / 7);
        static const enum tide_reason reasons[] = {TIDE_REASON_JSON_INVALID,
                                                   TIDE_REASON_UTF8_INVALID,
                                                   TIDE_REASON_NOT_AN_OBJECT,
                                                   TIDE_REASON_MISSING,
                                                   TIDE_REASON_DUPLICATE_KEY};
        for (size_t j = 0; j < sizeof(reasons) / sizeof(reasons[0]); j++) {
            assert_true(tally.reasons[reasons[j]] > 50);
        }
    }
}

static void test_bounds(void **state)
{
    (void)state;
    struct tide_generator_options options = options_of(TIDE_GENERATOR_DEVICE);
    struct tide_generator *generator = NULL;
    struct tide_error error = {0};
    options.region_count = 7;
    assert_int_equal(tide_generator_create(&options, &generator, &error), TIDE_REJECT);
    assert_string_equal(error.text, "7 regions is outside 1..6");
    options.region_count = 6;
    options.device_count = 0;
    assert_int_equal(tide_generator_create(&options, &generator, &error), TIDE_REJECT);
    assert_null(generator);
    tide_generator_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
