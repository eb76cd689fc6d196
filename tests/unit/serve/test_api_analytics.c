/* Goal: an endpoint answers from the metrics that have the columns that are filtered by, page by
 * page, and says which; each endpoint's metrics are of the device preset. Method: over HTTP, on a
 * pipeline with some of those metrics. */
#include "analytics_fixture.h"

#include "serve/api_analytics.h"

static void names_metrics_of_the_preset(void **state)
{
    static const char *const paths[] = {
        "/metrics/usage", "/metrics/crashes", "/metrics/adoption", "/metrics/performance"};
    struct tide_arena arena = {0};
    struct tide_diagnostics diagnostics;
    const struct tide_definitions_input input = {.preset = TIDE_VIEW("device")};
    (void)state;
    tide_diagnostics_init(&diagnostics, &arena);
    const struct tide_definitions *preset = tide_definitions_load(&arena, &input, &diagnostics);
    assert_non_null(preset);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const struct api_endpoint *endpoint = api_endpoint_find(tide_view_of(paths[i]));
        assert_non_null(endpoint);
        assert_string_equal(endpoint->path, paths[i]);
        assert_non_null(endpoint->metrics[0]);
        for (size_t k = 0; k < API_ANALYTICS_METRICS_MAX; k++) {
            const char *const names[] = {endpoint->metrics[k], endpoint->spares[k]};
            for (int j = 0; j < 2; j++) {
                assert_true(names[j] == NULL ||
                            tide_definitions_find(preset, tide_view_of(names[j])) != NULL);
            }
        }
        assert_null(endpoint->metrics[API_ANALYTICS_METRICS_MAX - 1]);
        assert_null(endpoint->spares[API_ANALYTICS_METRICS_MAX - 1]);
    }
    assert_null(api_endpoint_find(TIDE_VIEW("/metrics/")));
    tide_arena_release(&arena);
}

static void chooses_metrics(void **state)
{
    static const struct {
        const char *path;
        const char *part;
    } rows[] = {
        {"/metrics/usage",
         "\"metrics\":[\"regional_trends\",\"daily_active_devices\",\"monthly_active_devices\","
         "\"stickiness\"]"},
        {"/metrics/usage?region=eu", "\"metrics\":[\"regional_trends\"]"},
        {"/metrics/usage?app_version=1", "\"metrics\":[\"active_devices\"]"},
        {"/metrics/usage?region=eu&app_version=1", "\"metrics\":[\"active_devices\"]"},
        {"/metrics/usage?metric=active_devices", "\"metrics\":[\"active_devices\"]"},
        {"/metrics/crashes", "\"metrics\":[\"memory_at_crash\"]"},
        {"/metrics/crashes?app_version=1", "\"metrics\":[\"error_spikes\"]"},
        {"/metrics/adoption", "\"metrics\":[\"feature_usage\"]"},
        {"/metrics/adoption?feature=map", "\"filters\":{\"feature\":\"map\"}"},
    };
    (void)state;
    struct fixture *fixture = analytics_open();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fixture_expect(fixture, rows[i].path, 200, rows[i].part);
    }
    fixture_close(fixture);
}

static void filters_cells(void **state)
{
    (void)state;
    struct fixture *fixture = analytics_open();
    fixture_expect(fixture, "/metrics/usage?region=us%20%22x%22", 200, "\"total\":1,");
    assert_int_equal(analytics_count(fixture, "\"value\": 1,"), 1);
    fixture_expect(fixture, "/metrics/usage?region=", 200, "\"cells\":[],\"total\":0,");
    fixture_expect(fixture, "/metrics/adoption?feature=map", 200, "\"total\":2,");
    fixture_expect(fixture, "/metrics/crashes?app_version=1", 200, "\"total\":2,");
    assert_int_equal(analytics_count(fixture, "\"generation\": \"speed\""), 2);
    fixture_close(fixture);
}

/* The three days that end with the 9th are of the 9th. */
static void takes_a_sliding_window_by_its_last_step(void **state)
{
    (void)state;
    struct fixture *fixture = analytics_open();
    fixture_expect(fixture,
                   "/metrics/usage?start_date=2026-03-09&end_date=2026-03-09",
                   200,
                   "\"from\":\"2026-03-09T00:00:00Z\",\"to\":\"2026-03-10T00:00:00Z\"");
    assert_int_equal(analytics_count(fixture, "\"end\": \"2026-03-10T00:00:00Z\""), 4);
    assert_int_equal(analytics_count(fixture, "\"end\": "), 4);
    assert_int_equal(analytics_count(fixture, "\"start\": \"2026-03-07T00:00:00Z\""), 2);
    fixture_expect(fixture, "/metrics/usage?from=2026-03-08T00:00:01Z&to=2026-03-09", 200, "[],");
    fixture_expect(fixture, "/metrics/usage?from=2026-03-09&to=2026-03-09", 200, "[],");
    fixture_close(fixture);
}

static void turns_pages(void **state)
{
    (void)state;
    struct fixture *fixture = analytics_open();
    fixture_expect(
        fixture, "/metrics/usage?limit=2", 200, "\"limit\":2,\"offset\":0,\"next_offset\":2}");
    assert_int_equal(analytics_count(fixture, "\"definition\""), 2);
    fixture_expect(fixture, "/metrics/usage?limit=2&offset=2", 200, "\"next_offset\":4}");
    assert_int_equal(analytics_count(fixture, "regional_trends"), 2 + 1);
    fixture_expect(fixture, "/metrics/usage?limit=9&offset=9", 200, "\"next_offset\":null}");
    fixture_expect(fixture, "/metrics/usage?offset=1000000000", 200, "\"cells\":[],\"total\":");
    fixture_close(fixture);
}

static void refuses(void **state)
{
    static const struct {
        const char *path;
        unsigned status;
        const char *part;
    } rows[] = {
        {"/metrics/performance", 404, "defines none of the metrics of /metrics/performance"},
        {"/metrics/usage?metric=mine", 400, "'mine' is no metric of /metrics/usage"},
        {"/metrics/usage?metric=stickines", 400, "did you mean 'stickiness'?"},
        {"/metrics/usage?metric=stickiness&region=x", 400, "is grouped by region; these are: "},
        {"/metrics/crashes?region=a&app_version=b",
         400,
         "no metric of /metrics/crashes is grouped by region and app_version; these are: "
         "active_devices, mine"},
        {"/metrics/usage?device_type=x", 400, "is grouped by device_type; no other is"},
        {"/metrics/crashes?os=7", 400, "filters: "},
        {"/metrics/usage?start_date=2026-03-09&end_date=2026-03-08", 400, "before the start"},
        {"/metrics/usage?from=2026-03-09&to=2026-03-08", 400, "the end is before the start"},
        {"/metrics/usage?limit=0", 400, "limit '0' is no whole number from 1 to 10000"},
    };
    (void)state;
    struct fixture *fixture = analytics_open();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fixture_expect(fixture, rows[i].path, rows[i].status, rows[i].part);
    }
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_metrics_of_the_preset),
        cmocka_unit_test(chooses_metrics),
        cmocka_unit_test(filters_cells),
        cmocka_unit_test(takes_a_sliding_window_by_its_last_step),
        cmocka_unit_test(turns_pages),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
