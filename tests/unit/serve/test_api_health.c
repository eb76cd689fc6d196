/* Goal: /health and /ready say what is so. Method: a world that is whole, and that is said to be
 * unready. */
#include "fixture.h"

static struct fixture *fixture;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open(2);
    fixture_event(fixture, "ann", 0, ",\"region\":\"north\",\"amount\":\"many\"");
    fixture_append(fixture, 0, (struct tide_instant){FIXTURE_START_US}, TIDE_VIEW("{]\n"));
    fixture_settle(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

static void answers_health(void **state)
{
    (void)state;
    fixture_expect(fixture, "/health", 200, "{\"status\":\"ok\"}");
}

static void answers_ready(void **state)
{
    (void)state;
    fixture_expect(
        fixture, "/ready", 200, "{\"status\":\"ready\",\"caught_up\":true,\"records_behind\":0}");
    atomic_store(&fixture->is_ready, false);
    fixture_expect(fixture, "/ready", 503, "\"status\":\"starting\"");
    assert_int_equal(fixture->response.retry_after_s, 1);
    atomic_store(&fixture->is_ready, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_health),
        cmocka_unit_test(answers_ready),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
