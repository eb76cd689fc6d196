/* Goal: filters are read by their parameters' names, fit a metric if all their columns are its
 * groups, and are told when none fits. Method: over HTTP, where a request can be had; the rest is
 * test_api_analytics.c's. */
#include "analytics_fixture.h"

#include "serve/api_filters.h"

static void tells_what_was_asked(void **state)
{
    (void)state;
    struct fixture *fixture = analytics_open();
    fixture_expect(fixture,
                   "/metrics/usage?app_version=a%22%5C&region=b%0A",
                   200,
                   "\"filters\":{\"region\":\"b\\n\",\"app_version\":\"a\\\"\\\\\"}");
    fixture_expect(fixture, "/metrics/usage?region=%FF", 200, "{\"region\":\"\xef\xbf\xbd\"}");
    fixture_close(fixture);
}

static void fits(void **state)
{
    (void)state;
    struct tide_metric metric = {.by = {3, 5}, .by_count = 2};
    struct api_filters filters = {0};
    assert_true(api_filters_fit(&filters, &metric));
    filters.count = 1;
    filters.indices[0] = 5;
    assert_true(api_filters_fit(&filters, &metric));
    filters.count = 2;
    filters.indices[1] = 4;
    assert_false(api_filters_fit(&filters, &metric));
    filters.indices[1] = TIDE_COLUMN_NONE;
    assert_false(api_filters_fit(&filters, &metric));
    api_filters_release(&filters);
}

/* A list that is too long for a message is cut after a name. */
static void cuts_long_lists(void **state)
{
    char text[8192] = "";
    size_t size = (size_t)snprintf(
        text, sizeof(text), "%s", FIXTURE_SCHEMA "  usage_trends: {count: events, every: 1d}\n");
    (void)state;
    for (int i = 0; i < 40; i++) {
        size += (size_t)snprintf(text + size,
                                 sizeof(text) - size,
                                 "  regional_metric_%d: {count: events, by: [region], every: 1d}\n",
                                 i);
    }
    assert_true(size < sizeof(text));
    struct fixture *fixture = fixture_open_definitions(text, NULL, 1);
    fixture_expect(fixture, "/metrics/usage?region=x", 400, "regional_metric_0, regional_metric_1");
    assert_int_equal(fixture->response.status, 400);
    assert_true(fixture->response.body.size < 500);
    assert_non_null(strstr(fixture_body(fixture), "\"}"));
    assert_null(strstr(fixture_body(fixture), ", \"}"));
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_was_asked),
        cmocka_unit_test(fits),
        cmocka_unit_test(cuts_long_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
