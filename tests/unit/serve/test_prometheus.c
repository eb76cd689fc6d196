/* Goal: the text format to the letter, escapes included. Method: small families against their text;
 * the whole exposition goes through promtool in test_api_exposition.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "serve/prometheus.h"

static void assert_text(struct tide_bytes *text, const char *wanted)
{
    assert_string_equal(tide_bytes_terminated(text), wanted);
    tide_bytes_release(text);
}

static void writes_families(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    tide_prometheus_single(&text, TIDE_INSTRUMENT_CHECKPOINTS, UINT64_MAX);
    tide_prometheus_single_seconds(&text, TIDE_INSTRUMENT_CHECKPOINT_LAST_DURATION, 1250000);
    assert_text(&text,
                "# HELP tidemark_checkpoints_total Checkpoints that brought rows into the lake "
                "since the start.\n# TYPE tidemark_checkpoints_total counter\n"
                "tidemark_checkpoints_total 18446744073709551615\n"
                "# HELP tidemark_checkpoint_last_duration_seconds How long the last checkpoint "
                "took.\n# TYPE tidemark_checkpoint_last_duration_seconds gauge\n"
                "tidemark_checkpoint_last_duration_seconds 1.250000\n");
}

static void writes_labels(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    tide_prometheus_sample(
        &text, TIDE_INSTRUMENT_VERDICTS, TIDE_LABELS(TIDE_VIEW("a\\b\"c\nd")), 2);
    tide_prometheus_sample(
        &text, TIDE_INSTRUMENT_HTTP_REQUESTS, TIDE_LABELS(TIDE_VIEW("/x"), TIDE_VIEW("2xx")), 3);
    tide_bytes_append_byte(&text, '{');
    tide_prometheus_label(&text, TIDE_VIEW("a"), TIDE_VIEW("1"));
    tide_prometheus_label(&text, TIDE_VIEW("b"), TIDE_VIEW(""));
    assert_text(&text,
                "tidemark_verdicts_total{outcome=\"a\\\\b\\\"c\\nd\"} 2\n"
                "tidemark_http_requests_total{path=\"/x\",code=\"2xx\"} 3\n"
                "{a=\"1\",b=\"\"");
}

static void writes_seconds(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "0.000000\n"},
        {1, "0.000001\n"},
        {1500000, "1.500000\n"},
        {-1500000, "-1.500000\n"},
        {-1, "-0.000001\n"},
        {INT64_C(1772964000000001), "1772964000.000001\n"},
        {INT64_MIN, "-9223372036854.775808\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char wanted[128];
        struct tide_bytes text = {0};
        (void)snprintf(wanted,
                       sizeof(wanted),
                       "tidemark_partition_watermark_timestamp_seconds{partition=\"3\"} %s",
                       cases[i].text);
        tide_prometheus_seconds(
            &text, TIDE_INSTRUMENT_PARTITION_WATERMARK, TIDE_LABELS(TIDE_VIEW("3")), cases[i].us);
        assert_text(&text, wanted);
    }
}

/* Buckets count all that is not above them. */
static void writes_histograms(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    struct tide_histogram histogram = {0};
    struct tide_histogram_reading reading = {0};
    tide_histogram_add(&histogram, (struct tide_duration){100}, 2);
    tide_histogram_add(&histogram, (struct tide_duration){2000}, 1);
    tide_histogram_add(&histogram, (struct tide_duration){61000000}, 1);
    tide_histogram_read(&histogram, &reading);
    tide_prometheus_histogram(
        &text, TIDE_INSTRUMENT_PRODUCE_DURATION, TIDE_LABELS(TIDE_VIEW("a")), &reading);
    const char *const all = tide_bytes_terminated(&text);
    static const char *const lines[] = {
        "tidemark_produce_duration_seconds_bucket{topic=\"a\",le=\"0.0001\"} 2\n",
        "tidemark_produce_duration_seconds_bucket{topic=\"a\",le=\"0.001\"} 2\n",
        "tidemark_produce_duration_seconds_bucket{topic=\"a\",le=\"0.0025\"} 3\n",
        "tidemark_produce_duration_seconds_bucket{topic=\"a\",le=\"60\"} 3\n",
        "tidemark_produce_duration_seconds_bucket{topic=\"a\",le=\"+Inf\"} 4\n"
        "tidemark_produce_duration_seconds_sum{topic=\"a\"} 61.002200\n"
        "tidemark_produce_duration_seconds_count{topic=\"a\"} 4\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_non_null(strstr(all, lines[i]));
    }
    tide_bytes_reset(&text);
    tide_prometheus_histogram(&text, TIDE_INSTRUMENT_CHECKPOINT_DURATION, NULL, &reading);
    assert_non_null(strstr(tide_bytes_terminated(&text), "_seconds_bucket{le=\"0.0001\"} 2\n"));
    assert_non_null(strstr(tide_bytes_terminated(&text), "_seconds_count 4\n"));
    tide_bytes_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_families),
        cmocka_unit_test(writes_labels),
        cmocka_unit_test(writes_seconds),
        cmocka_unit_test(writes_histograms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
