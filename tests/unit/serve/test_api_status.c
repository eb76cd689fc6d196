/* Goal: the status says what the engine does, with rates from what was read before, and who is
 * active by the metric that counts entities in the shortest windows. Method: a few events, asked
 * over HTTP, beside the ledger. */
#include "fixture.h"

static const char grouped[] =
    FIXTURE_SCHEMA "  users: {distinct: user_id, every: 1d}\n"
                   "  busy: {distinct: user_id, having: 'count() > 1', every: 1m}\n"
                   "  paying: {distinct: user_id, where: 'kind == \"pay\"', every: 1m}\n"
                   "  regions: {distinct: region, every: 1m}\n"
                   "  now: {distinct: user_id, by: [region], every: 1m}\n";
static const char without[] = FIXTURE_SCHEMA "  events: {count: events, every: 1h}\n";

static const struct tide_json *ask(struct fixture *fixture)
{
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/status"), 200);
    return fixture_json(fixture, tide_bytes_view(&fixture->response.body));
}

static uint64_t number(const struct tide_json *json, const char *section, const char *key)
{
    uint64_t value = UINT64_MAX;
    assert_true(tide_json_get_u64(tide_json_get(json, section), key, &value));
    return value;
}

static void tells_the_state(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(3);
    fixture_expect(fixture,
                   "/api/v1/status",
                   200,
                   "\"instance\":\"fedcba9876543210\",\"pipeline\":\"a \\\"pipeline\\\"\","
                   "\"preset\":null,\"version\":\"1.2.3\",\"started\":\"2026-03-08T10:00:00Z\","
                   "\"events_per_second\":null,\"received_per_second\":null,\"active\":null,"
                   "\"ledger\":{\"received\":0,\"processed\":0,\"duplicate\":0,\"rejected\":0,"
                   "\"late\":0},\"freshness\":{\"watermark\":null,");
    fixture_event(fixture, "ann", 0, "");
    fixture_event(fixture, "ann", 3600, "");
    fixture_event(fixture, "ann", 0, "");           /* late */
    fixture_event(fixture, "bob", 60, ",\"ok\":7"); /* a wrong type where it may be */
    fixture_append(fixture, 0, TIDE_INSTANT_UNKNOWN, TIDE_VIEW("no json\n"));
    fixture_settle(fixture);
    const struct tide_json *json = ask(fixture);
    assert_int_equal(number(json, "ledger", "received"), 5);
    assert_int_equal(number(json, "ledger", "processed"), 4);
    assert_int_equal(number(json, "ledger", "rejected"), 1);
    assert_int_equal(number(json, "ledger", "late"), 1);
    assert_int_equal(number(json, "active", "value"), 2); /* users, of the day */
    struct tide_view text = {0};
    assert_true(tide_json_get_text(tide_json_get(json, "active"), "metric", &text));
    assert_true(tide_view_equal(text, TIDE_VIEW("users")));
    assert_non_null(strstr(fixture_body(fixture), "\"summed\":false"));
    assert_non_null(strstr(fixture_body(fixture), "\"watermark\":\"2026-03-08T10:59:50Z\""));
    assert_int_equal(number(json, "freshness", "records_behind"), 0);
    assert_non_null(strstr(fixture_body(fixture), "\"caught_up\":true"));
    fixture_close(fixture);
}

static void sums_the_groups_of_the_shortest_windows(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_definitions(grouped, NULL, 3);
    fixture_event(fixture, "ann", 0, ",\"region\":\"north\"");
    fixture_event(fixture, "ann", 120, ",\"region\":\"north\"");
    fixture_event(fixture, "ann", 121, ",\"region\":\"south\"");
    fixture_event(fixture, "bob", 122, ",\"region\":\"south\"");
    fixture_settle(fixture);
    fixture_expect(fixture,
                   "/api/v1/status",
                   200,
                   "\"active\":{\"metric\":\"now\",\"start\":\"2026-03-08T10:02:00Z\","
                   "\"end\":\"2026-03-08T10:03:00Z\",\"value\":3,\"summed\":true}");
    fixture_close(fixture);
}

static void may_have_nobody_to_count(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_definitions(without, NULL, 1);
    fixture_event(fixture, "ann", 0, "");
    fixture_settle(fixture);
    fixture_expect(fixture, "/api/v1/status", 200, "\"active\":null");
    fixture_close(fixture);
}

/* Half a second after a reading there is a rate. */
static void tells_rates(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(1);
    (void)ask(fixture);
    for (int i = 0; i < 50; i++) {
        fixture_event(fixture, "ann", i, "");
    }
    fixture_settle(fixture);
    tide_clock_sleep(tide_clock_os(), (struct tide_duration){510000});
    const struct tide_json *json = ask(fixture);
    const struct tide_json *rate = tide_json_get(json, "events_per_second");
    assert_int_equal(rate->kind, TIDE_JSON_NUMBER);
    char text[32];
    (void)snprintf(text, sizeof(text), "%.*s", TIDE_VIEW_ARGUMENTS(rate->text));
    const double per_second = strtod(text, NULL);
    assert_true(per_second > 0.5 && per_second <= 100); /* 50 in half a second, or in a minute */
    assert_int_equal(tide_json_get(json, "received_per_second")->kind, TIDE_JSON_NUMBER);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_state),
        cmocka_unit_test(sums_the_groups_of_the_shortest_windows),
        cmocka_unit_test(may_have_nobody_to_count),
        cmocka_unit_test(tells_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
