/* Goal: GET /api/v1/alerts answers with the definitions and their instances, and without alerts
 * with none. Method: the fixture's service, asked over HTTP; alerts over a file that is not
 * there. */
#include "fixture.h"

#define ALERTS                                                                                     \
    FIXTURE_SCHEMA                                                                                 \
    "  by_region: {count: events, by: [region], every: 1h}\n"                                      \
    "  users: {distinct: user_id, every: 1d}\n"                                                    \
    "alerts:\n  busy: {metric: by_region, when: 'value >= 2'}\n"                                   \
    "  quiet: {metric: users, absent: 2d, notify: [log, webhook]}\n"

static const struct tide_json *ask(struct fixture *fixture, struct tide_arena *arena)
{
    struct tide_json *json = NULL;
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/alerts"), 200);
    assert_int_equal(tide_json_parse(arena, tide_bytes_view(&fixture->response.body), &json, NULL),
                     TIDE_OK);
    return json;
}

static void test_none(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct fixture *fixture = fixture_open(1);
    const struct tide_json *json = ask(fixture, &arena);
    assert_int_equal(tide_json_get(json, "alerts")->count, 0);
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/alerts?state=firing"), 400);
    tide_arena_release(&arena);
    fixture_close(fixture);
}

static void test_some(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_view word;
    struct fixture *fixture = fixture_open_definitions(ALERTS, NULL, 1);
    const struct tide_json *json = ask(fixture, &arena);
    const struct tide_json *alerts = tide_json_get(json, "alerts");
    assert_int_equal(alerts->count, 2);
    assert_true(tide_json_get_text(alerts->first, "name", &word));
    assert_true(tide_view_equal(word, TIDE_VIEW("busy")));
    assert_int_equal(tide_json_get(alerts->first, "instances")->count, 0);
    assert_int_equal(tide_json_get(tide_json_get(json, "webhook"), "configured")->kind,
                     TIDE_JSON_FALSE);
    assert_int_equal(fixture_ask(fixture, "GET", "/metrics"), 200);
    assert_non_null(strstr(tide_bytes_terminated(&fixture->response.body),
                           "\ntidemark_alerts{alert=\"quiet\",state=\"firing\"} 0\n"));
    tide_arena_release(&arena);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
