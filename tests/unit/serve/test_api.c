/* Goal: what the handlers share: routes, methods, answers after draining, long words.
 * Method: over HTTP, on an engine without events. */
#include "fixture.h"

static void answers_methods(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        unsigned status;
    } cases[] = {
        {"GET", "/api/v1/metrics", 200},
        {"GET", "/api/v1/metrics/users", 200},
        {"GET", "/api/v1/ledger", 200},
        {"GET", "/api/v1/definitions", 200},
        {"GET", "/health", 200},
        {"GET", "/ready", 200},
        {"GET", "/metrics", 200},
        {"GET", "/api/v1/barrier", 405},
        {"POST", "/api/v1/ledger", 405},
        {"GET", "/api/v1/nothing", 404},
        {"GET", "/api/v1/metrics/users/x", 404},
    };
    (void)state;
    struct fixture *fixture = fixture_open(1);
    fixture_settle(fixture);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned status = fixture_ask(fixture, cases[i].method, cases[i].path);
        if (status != cases[i].status) {
            fail_msg("%s %s: %u", cases[i].method, cases[i].path, status);
        }
    }
    fixture_close(fixture);
}

static void answers_503_when_drained(void **state)
{
    static const char *const paths[] = {
        "/api/v1/metrics", "/api/v1/metrics/users", "/api/v1/ledger", "/health", "/metrics"};
    (void)state;
    struct fixture *fixture = fixture_open(1);
    tide_api_drain(fixture->api);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        fixture_expect(fixture, paths[i], 503, "the service is stopping");
        assert_int_equal(fixture->response.retry_after_s, 1);
    }
    assert_int_equal(fixture_ask(fixture, "POST", "/api/v1/barrier"), 503);
    fixture_close(fixture);
}

static void clips_what_people_send(void **state)
{
    (void)state;
    char path[600] = "/api/v1/metrics/";
    struct fixture *fixture = fixture_open(1);
    memset(path + strlen(path), 'x', 500);
    assert_int_equal(fixture_ask(fixture, "GET", path), 404);
    assert_true(fixture->response.body.size < 300);
    fixture_expect(fixture, "/api/v1/ledger?%C3%A9%22=1", 400, "unknown parameter '\xc3\xa9\\\"'");
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_methods),
        cmocka_unit_test(answers_503_when_drained),
        cmocka_unit_test(clips_what_people_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
