/* Goal: the text format to the letter, escapes included. Method: small families against their text;
 * the whole exposition goes through promtool in test_api_health.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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
    tide_prometheus_counter(&text, "a_total", "Things.", UINT64_MAX);
    tide_prometheus_gauge(&text, "b", "Back\\slash \"quote\"\nline.", 0);
    assert_text(&text,
                "# HELP a_total Things.\n# TYPE a_total counter\na_total 18446744073709551615\n"
                "# HELP b Back\\\\slash \"quote\"\\nline.\n# TYPE b gauge\nb 0\n");
}

static void writes_labels(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    tide_prometheus_family(&text, "c_total", "counter", "By kind.");
    tide_prometheus_sample(&text, "c_total", "kind", "plain", 1);
    tide_prometheus_sample(&text, "c_total", "kind", "a\\b\"c\nd", 2);
    assert_text(&text,
                "# HELP c_total By kind.\n# TYPE c_total counter\n"
                "c_total{kind=\"plain\"} 1\nc_total{kind=\"a\\\\b\\\"c\\nd\"} 2\n");
}

static void writes_seconds(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "t 0.000000\n"},
        {1, "t 0.000001\n"},
        {1500000, "t 1.500000\n"},
        {-1500000, "t -1.500000\n"},
        {-1, "t -0.000001\n"},
        {INT64_C(1772964000000001), "t 1772964000.000001\n"},
        {INT64_MIN, "t -9223372036854.775808\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes text = {0};
        tide_prometheus_seconds(&text, "t", NULL, NULL, cases[i].us);
        assert_text(&text, cases[i].text);
    }
    struct tide_bytes text = {0};
    tide_prometheus_seconds(&text, "t", "partition", "3", 2000000);
    assert_text(&text, "t{partition=\"3\"} 2.000000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_families),
        cmocka_unit_test(writes_labels),
        cmocka_unit_test(writes_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
