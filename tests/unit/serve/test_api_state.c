/* Goal: what a metric costs is told, by partition and in all, for every kind of state; a ratio
 * tells its parts'. Method: events with known cells and keys in two partitions, read back over HTTP. */
#include "fixture.h"

static const char state_text[] = FIXTURE_SCHEMA
    "  all: {count: events, by: [region], every: 1h}\n"
    "  people: {distinct: user_id, every: 1d}\n"
    "  hidden: {count: events, every: 1d}\n"
    "  share: {ratio: [people, hidden]}\n"
    "  visits: {sessions: {per: user_id, timeout: 30m}, every: 1d}\n"
    "  regulars: {distinct: user_id, having: 'count() > 1', every: 1d}\n"
    "  way: {funnel: {per: [user_id], timeout: 30m, steps: [{p: 'kind == \"pay\"'}]}, "
    "every: 1d}\n";

enum {
    HOUR = 3600,
    PARTITIONS = 2
};

static struct fixture *fixture;

static int open_world(void **state)
{
    static const char *const users[] = {"ann", "bob", "cid", "dan", "eve"};
    (void)state;
    fixture = fixture_open_definitions(state_text, NULL, PARTITIONS);
    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        fixture_event(fixture, users[i], 0, ",\"region\":\"north\"");
        fixture_event(fixture, users[i], HOUR, ",\"region\":\"south\"");
    }
    fixture_settle(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

static uint64_t number(const struct tide_json *json, const char *key)
{
    uint64_t value = 0;
    assert_true(tide_json_get_u64(json, key, &value));
    return value;
}

static const struct tide_json *ask(const char *metric)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "/api/v1/metrics/%s/state", metric);
    assert_int_equal(fixture_ask(fixture, "GET", path), 200);
    return fixture_json(fixture, tide_bytes_view(&fixture->response.body));
}

/* The whole is the sum of the partitions. */
static void check(const struct tide_json *json, const char *metric, uint64_t cells, uint64_t keys)
{
    static const char *const members[] = {
        "cells", "keys", "bytes", "folded_events", "pending_keys"};
    struct tide_view name = {0};
    struct tide_view definition = {0};
    assert_true(tide_json_get_text(json, "metric", &name));
    assert_true(tide_view_equal(name, tide_view_of(metric)));
    assert_true(tide_json_get_text(json, "definition", &definition));
    assert_int_equal(definition.size, 32);
    const struct tide_json *partitions = tide_json_get(json, "partitions");
    assert_int_equal(partitions->count, PARTITIONS);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        uint64_t sum = 0;
        uint64_t index = 0;
        for (const struct tide_json *p = partitions->first; p != NULL; p = p->next) {
            assert_int_equal(number(p, "partition"), index++);
            sum += number(p, members[i]);
        }
        assert_int_equal(number(json, members[i]), sum);
    }
    assert_int_equal(number(json, "cells"), cells);
    assert_int_equal(number(json, "keys"), keys);
    assert_true(number(json, "bytes") > 0);
    assert_int_equal(number(json, "folded_events"), 0);
    assert_int_equal(number(json, "pending_keys"), 0);
}

static void tells_cells_and_keys(void **state)
{
    (void)state;
    check(ask("all"), "all", (uint64_t)2 * PARTITIONS, 0);
    check(ask("people"), "people", PARTITIONS, 0);
    check(ask("visits"), "visits", PARTITIONS, 5);
    check(ask("regulars"), "regulars", PARTITIONS, 5);
    check(ask("way"), "way", PARTITIONS, 5);
}

static void tells_the_parts_of_a_ratio(void **state)
{
    (void)state;
    const struct tide_json *json = ask("share");
    assert_null(tide_json_get(json, "cells"));
    const struct tide_json *parts = tide_json_get(json, "parts");
    assert_int_equal(parts->count, 2);
    check(parts->first, "people", PARTITIONS, 0);
    check(parts->first->next, "hidden", PARTITIONS, 0);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/metrics/peopel/state"), 404);
    const struct tide_view body = tide_bytes_view(&fixture->response.body);
    assert_non_null(memmem(body.data, body.size, "did you mean 'people'?", 22));
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/metrics/people/state?from=1"), 400);
    assert_int_equal(fixture_ask(fixture, "POST", "/api/v1/metrics/people/state"), 405);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_cells_and_keys),
        cmocka_unit_test(tells_the_parts_of_a_ratio),
        cmocka_unit_test(refuses_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
