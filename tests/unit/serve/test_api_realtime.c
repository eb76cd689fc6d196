/* Goal: the last minutes are those asked for, sums are over the right windows, and the engine's
 * numbers say how far to trust them. Method: over HTTP, at an instant of the fixture's events. */
#include "analytics_fixture.h"

#define AT "/metrics/realtime?at=2026-03-08T10:01:30Z"

static void sums_the_last_minutes(void **state)
{
    (void)state;
    struct fixture *fixture = analytics_open();
    fixture_expect(fixture,
                   AT,
                   200,
                   "\"at\":\"2026-03-08T10:01:30Z\",\"from\":\"2026-03-08T09:56:30Z\","
                   "\"minutes\":5,\"filters\":{},\"engine\":{\"caught_up\":true,"
                   "\"records_behind\":0,\"watermark\":\"");
    /* of 10:01 only, and of both halves of 10:00 */
    assert_non_null(strstr(fixture_body(fixture),
                           "\"active\":{\"metric\":\"active_devices\","
                           "\"start\":\"2026-03-08T10:01:00Z\",\"end\":\"2026-03-08T10:02:00Z\","
                           "\"groups\":1,\"value\":1,\"complete\":"));
    assert_non_null(
        strstr(fixture_body(fixture), "\"crashes\":{\"metric\":\"error_spikes\",\"value\":2,"));
    assert_non_null(strstr(fixture_body(fixture), "\"processed\":6,"));
    fixture_expect(fixture, AT "&minutes=1", 200, "\"value\":1,");
    assert_non_null(
        strstr(fixture_body(fixture), "\"crashes\":{\"metric\":\"error_spikes\",\"value\":1,"));
    fixture_close(fixture);
}

static void filters(void **state)
{
    (void)state;
    struct fixture *fixture = analytics_open();
    fixture_expect(fixture, AT "&region=eu", 200, "\"groups\":1,\"value\":1,");
    assert_non_null(
        strstr(fixture_body(fixture), "\"crashes\":null,\"feature_uses\":null,\"cells\":["));
    fixture_expect(fixture, AT "&feature=map", 200, "\"active\":null,\"crashes\":null,");
    fixture_expect(fixture, AT "&region=xx", 200, "\"active\":null,");
    fixture_expect(fixture, AT "&region=eu&feature=map", 400, "no metric of /metrics/realtime");
    fixture_close(fixture);
}

static void is_about_now_by_itself(void **state)
{
    (void)state;
    struct fixture *fixture = analytics_open();
    fixture_expect(fixture, "/metrics/realtime", 200, "\"recent\":null");
    assert_non_null(strstr(fixture_body(fixture), "\"active\":null,"));
    assert_non_null(strstr(fixture_body(fixture), "\"cells\":[]"));
    fixture_event(fixture, "dan", 0, "");
    fixture_settle(fixture);
    fixture_expect(fixture, "/metrics/realtime", 200, "\"processed\":7,\"recent\":{\"since\":\"");
    assert_non_null(strstr(fixture_body(fixture), "\"events\":1}"));
    fixture_expect(fixture, "/metrics/realtime?at=0001-01-01", 200, "\"from\":null,");
    fixture_close(fixture);
}

static void needs_its_metrics(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(1);
    fixture_expect(fixture, "/metrics/realtime", 404, "defines none of the metrics");
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_the_last_minutes),
        cmocka_unit_test(filters),
        cmocka_unit_test(is_about_now_by_itself),
        cmocka_unit_test(needs_its_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
