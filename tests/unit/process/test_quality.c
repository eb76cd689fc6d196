/* Goal: each event is in one bucket, the right one, and the newest samples are kept, cut to size.
 * Method: every bound and its neighbours; more samples than there is room for; copies. */
#include "process/quality.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define US INT64_C(1000000)

static void test_buckets(void **state)
{
    (void)state;
    for (int i = 0; i <= TIDE_LATENESS_BOUNDS; i++) {
        struct tide_quality quality = {0};
        const int64_t low = i == 0 ? -5 * US : tide_lateness_bounds[i - 1] * US + 1;
        const int64_t high =
            i == TIDE_LATENESS_BOUNDS ? INT64_C(1) << 60 : tide_lateness_bounds[i] * US;
        tide_quality_note_lateness(&quality, (struct tide_duration){low});
        tide_quality_note_lateness(&quality, (struct tide_duration){high});
        assert_int_equal(quality.lateness[i], 2);
    }
    for (int i = 0; i <= TIDE_SKEW_BOUNDS; i++) {
        struct tide_quality quality = {0};
        const int64_t low = i == 0 ? -(INT64_C(1) << 60) : tide_skew_bounds[i - 1] * US + 1;
        const int64_t high = i == TIDE_SKEW_BOUNDS ? INT64_C(1) << 60 : tide_skew_bounds[i] * US;
        tide_quality_note_skew(&quality, (struct tide_duration){low});
        tide_quality_note_skew(&quality, (struct tide_duration){high});
        assert_int_equal(quality.skew[i], 2);
    }
    for (int i = 1; i < TIDE_SKEW_BOUNDS; i++) {
        assert_true(tide_skew_bounds[i - 1] < tide_skew_bounds[i]);
    }
    for (int i = 1; i < TIDE_LATENESS_BOUNDS; i++) {
        assert_true(tide_lateness_bounds[i - 1] < tide_lateness_bounds[i]);
    }
}

static void keep(struct tide_quality *quality, enum tide_reason reason, unsigned number)
{
    char text[16];
    const int size = snprintf(text, sizeof(text), "record %u", number);
    const struct tide_verdict verdict = {reason, TIDE_VIEW("/a"), TIDE_VIEW("why")};
    assert_int_equal(tide_quality_keep_sample(quality,
                                              &verdict,
                                              (struct tide_view){text, (size_t)size},
                                              (struct tide_instant){number},
                                              number),
                     TIDE_OK);
}

static void test_samples(void **state)
{
    (void)state;
    struct tide_quality quality = {0};
    for (unsigned i = 0; i < 12; i++) {
        keep(&quality, TIDE_REASON_TYPE, i);
    }
    keep(&quality, TIDE_REASON_MISSING, 99);
    const struct tide_samples *samples = quality.samples[TIDE_REASON_TYPE];
    assert_int_equal(samples->count, 12);
    for (unsigned i = 0; i < TIDE_SAMPLES_MAX; i++) { /* 7 to 11 are left */
        const struct tide_sample *sample = &samples->items[(11 - i) % TIDE_SAMPLES_MAX];
        assert_int_equal(sample->offset, 11 - i);
        assert_int_equal(sample->received.us, 11 - i);
        assert_int_equal(sample->pointer_size, 2);
        assert_memory_equal(sample->detail, "why", 3);
    }
    assert_null(quality.samples[TIDE_REASON_TOO_OLD]);

    struct tide_quality copy = {0};
    tide_quality_note_lateness(&quality, (struct tide_duration){0});
    assert_int_equal(tide_quality_copy(&quality, &copy), TIDE_OK);
    keep(&quality, TIDE_REASON_TYPE, 12);
    assert_int_equal(copy.lateness[0], 1);
    assert_int_equal(copy.samples[TIDE_REASON_TYPE]->count, 12); /* its own */
    assert_int_equal(tide_quality_copy(&quality, &copy), TIDE_OK);
    assert_int_equal(copy.samples[TIDE_REASON_TYPE]->count, 13);
    assert_int_equal(copy.lateness[0], 1);
    assert_int_equal(copy.samples[TIDE_REASON_MISSING]->items[0].offset, 99);
    tide_quality_release(&quality);
    tide_quality_release(&copy);
    assert_null(copy.samples[TIDE_REASON_MISSING]);
}

static void test_long_texts_are_cut(void **state)
{
    (void)state;
    struct tide_quality quality = {0};
    static char long_text[5000];
    memset(long_text, 'x', sizeof(long_text));
    const struct tide_view text = {long_text, sizeof(long_text)};
    const struct tide_verdict verdict = {TIDE_REASON_TOO_LARGE, text, text};
    assert_int_equal(tide_quality_keep_sample(&quality, &verdict, text, TIDE_INSTANT_UNKNOWN, 0),
                     TIDE_OK);
    const struct tide_sample *sample = &quality.samples[TIDE_REASON_TOO_LARGE]->items[0];
    assert_int_equal(sample->bytes_size, TIDE_SAMPLE_BYTES_MAX);
    assert_int_equal(sample->pointer_size, TIDE_SAMPLE_TEXT_MAX);
    assert_int_equal(sample->detail_size, TIDE_SAMPLE_TEXT_MAX);
    const struct tide_verdict bare = {TIDE_REASON_TOO_LARGE, {0}, {0}};
    assert_int_equal(
        tide_quality_keep_sample(&quality, &bare, (struct tide_view){0}, TIDE_INSTANT_UNKNOWN, 1),
        TIDE_OK);
    assert_int_equal(quality.samples[TIDE_REASON_TOO_LARGE]->items[1].bytes_size, 0);
    tide_quality_release(&quality);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
