/* Goal: the list of metrics, one metric's cells with their extra members, and every refusal of a
 * question. Method: a few events whose cells are worked out by hand, asked over HTTP. */
#include "fixture.h"

static struct fixture *fixture;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open(3);
    fixture_event(fixture, "ann", 0, ",\"region\":\"north\",\"amount\":1.5,\"ok\":true");
    fixture_event(fixture, "bob", 60, ",\"region\":\"north\",\"amount\":2");
    fixture_event(fixture, "ann", 120, ",\"region\":\"it's \\\"\\u00e9\\\"\",\"ok\":false");
    fixture_event(fixture, "cid", 3600, "");
    fixture_settle(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

/* Cuts `, "definition": ".."` out: hashes are not worked out by hand. */
static const char *body_without_definitions(void)
{
    static char text[1 << 16];
    static const char mark[] = ", \"definition\": \"";
    const char *from = fixture_body(fixture);
    size_t size = 0;
    while (*from != '\0') {
        assert_true(size + 1 < sizeof(text));
        if (strncmp(from, mark, strlen(mark)) == 0) {
            from += strlen(mark) + 33;
        } else {
            text[size++] = *from++;
        }
    }
    text[size] = '\0';
    return text;
}

#define EXTRA(revision)                                                                            \
    "\"revision\": " #revision ", \"generation\": \"speed\", \"exact\": true, "                    \
    "\"complete\": null}\n"

static void tells_cells(void **state)
{
    (void)state;
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/metrics/by_region?format=ndjson"), 200);
    assert_string_equal(
        body_without_definitions(),
        "{\"metric\": \"by_region\", \"start\": \"2026-03-08T10:00:00Z\", "
        "\"end\": \"2026-03-08T11:00:00Z\", "
        "\"group\": {\"region\": \"it's \\\"\xc3\xa9\\\"\"}, \"value\": 1, " EXTRA(
            1) "{\"metric\": \"by_region\", \"start\": \"2026-03-08T10:00:00Z\", "
               "\"end\": \"2026-03-08T11:00:00Z\", "
               "\"group\": {\"region\": \"north\"}, \"value\": 2, " EXTRA(
                   2) "{\"metric\": \"by_region\", \"start\": \"2026-03-08T11:00:00Z\", "
                      "\"end\": \"2026-03-08T12:00:00Z\", "
                      "\"group\": {\"region\": null}, \"value\": 1, " EXTRA(1));
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/metrics/paid?format=ndjson"), 200);
    assert_string_equal(body_without_definitions(),
                        "{\"metric\": \"paid\", \"start\": \"2026-03-08T00:00:00Z\", "
                        "\"end\": \"2026-03-09T00:00:00Z\", \"group\": {}, \"value\": 1.75, "
                        "\"count\": 2, \"sum\": 3.5, " EXTRA(4));
}

static uint32_t cell_count(const char *path)
{
    const unsigned status = fixture_ask(fixture, "GET", path);
    if (status != 200) {
        fail_msg("%s: %u %s", path, status, fixture_body(fixture));
    }
    const struct tide_json *json = fixture_json(fixture, tide_bytes_view(&fixture->response.body));
    const struct tide_json *cells = tide_json_get(json, "cells");
    assert_non_null(cells);
    return cells->count;
}

static void narrows(void **state)
{
    static const struct {
        const char *path;
        uint32_t count;
    } cases[] = {
        {"/api/v1/metrics/by_region", 3},
        {"/api/v1/metrics/by_region?format=json", 3},
        {"/api/v1/metrics/by_region?from=2026-03-08", 3},
        {"/api/v1/metrics/by_region?from=2026-03-09", 0},
        {"/api/v1/metrics/by_region?from=2026-03-08T10:00:00Z", 3},
        {"/api/v1/metrics/by_region?from=2026-03-08T10:00:01Z", 1}, /* windows' starts count */
        {"/api/v1/metrics/by_region?to=2026-03-08T11:00:00Z", 2},
        {"/api/v1/metrics/by_region?to=2026-03-08T12:00:00%2B01:00", 2},
        {"/api/v1/metrics/by_region?from=2026-03-08T11:00:00Z&to=2026-03-08T11:00:00Z", 0},
        {"/api/v1/metrics/by_region?filter=region%20==%20%22north%22", 1},
        {"/api/v1/metrics/by_region?filter=region%20is%20null", 1},
        {"/api/v1/metrics/by_region?filter=not%20region%20==%20%22north%22", 2},
        {"/api/v1/metrics/by_region?filter=region%20==%20%22north%22&from=2026-03-08T11:00:00Z", 0},
        {"/api/v1/metrics/spent", 4},
        {"/api/v1/metrics/spent?filter=ok", 1},
        {"/api/v1/metrics/spent?filter=ok%20is%20null", 2},
        {"/api/v1/metrics/best", 1},
        {"/api/v1/metrics/best?filter=region%20is%20null", 1}, /* the filter, then the top */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint32_t count = cell_count(cases[i].path);
        if (count != cases[i].count) {
            fail_msg("%s: %u cells, wanted %u", cases[i].path, count, cases[i].count);
        }
    }
}

static void refuses(void **state)
{
    static const struct {
        const char *path;
        unsigned status;
        const char *part;
    } cases[] = {
        {"/api/v1/metrics/by_regoin",
         404,
         "there is no metric 'by_regoin'; did you mean "
         "'by_region'?"},
        {"/api/v1/metrics/zzzzzzzz", 404, "there is no metric 'zzzzzzzz'\""},
        {"/api/v1/metrics/users?form=2026-03-08",
         400,
         "unknown parameter 'form'; did you mean "
         "'from'?"},
        {"/api/v1/metrics/users?from=2026-03-08&from=2026-03-09", 400, "'from' stands twice"},
        {"/api/v1/metrics/users?from=yesterday", 400, "from 'yesterday' is neither a date"},
        {"/api/v1/metrics/users?from=", 400, "from '' is neither a date"},
        {"/api/v1/metrics/users?to=2026-02-30", 400, "to '2026-02-30' is neither a date"},
        {"/api/v1/metrics/users?from=2026-03-09&to=2026-03-08", 400, "to is before from"},
        {"/api/v1/metrics/users?format=csv", 400, "format 'csv' is none of: json, ndjson"},
        {"/api/v1/metrics/by_region?filter=regoin%20is%20null", 400, "filter:1: "},
        {"/api/v1/metrics/by_region?filter=", 400, "filter:"},
        {"/api/v1/metrics/by_region?filter=kind%20==%20%22pay%22",
         400,
         "'kind' is not a group of "
         "metric 'by_region'"},
        {"/api/v1/metrics?x=1", 400, "unknown parameter 'x'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture_expect(fixture, cases[i].path, cases[i].status, cases[i].part);
        fixture_expect(fixture, cases[i].path, cases[i].status, "\"type\":\"about:blank\"");
    }
}

static void lists_metrics(void **state)
{
    (void)state;
    char definition[64];
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/metrics"), 200);
    const struct tide_json *json = fixture_json(fixture, tide_bytes_view(&fixture->response.body));
    const struct tide_json *metrics = tide_json_get(json, "metrics");
    assert_int_equal(metrics->count, 5);
    struct tide_view hash;
    assert_true(tide_json_get_text(metrics->first, "definition", &hash));
    assert_int_equal(hash.size, 32);
    (void)snprintf(definition, sizeof(definition), "%.*s", TIDE_VIEW_ARGUMENTS(hash));
    assert_non_null(strstr(fixture_body(fixture),
                           "{\"name\":\"best\",\"kind\":\"count\",\"column\":null,\"by\":["
                           "\"region\"],\"every\":\"1d\",\"top\":1,\"definition\":\""));
    assert_non_null(strstr(fixture_body(fixture),
                           "{\"name\":\"paid\",\"kind\":\"mean\",\"column\":\"amount\",\"by\":[],"
                           "\"every\":\"1d\",\"where_sql\":\""));
    /* The same hash travels with the numbers. */
    fixture_expect(fixture, "/api/v1/metrics/by_region?format=ndjson", 200, definition);
}

static void knows_what_is_complete(void **state)
{
    (void)state;
    struct fixture *own = fixture_open(1);
    fixture_event(own, "ann", 0, "");
    fixture_settle(own);
    fixture_expect(own, "/api/v1/metrics/by_region", 200, "\"complete\": false}");
    fixture_expect(own, "/api/v1/metrics/by_region", 200, "\"closing\":\"2026-03-08T09:59:50Z\"");
    fixture_event(own, "ann", 3609, ""); /* a second too early: out_of_orderness is 10 s */
    fixture_settle(own);
    fixture_expect(own, "/api/v1/metrics/by_region?to=2026-03-08T11:00:00Z", 200, "false}");
    fixture_event(own, "ann", 3610, "");
    fixture_settle(own);
    fixture_expect(own, "/api/v1/metrics/by_region?to=2026-03-08T11:00:00Z", 200, "true}");
    fixture_expect(own, "/api/v1/metrics/by_region?from=2026-03-08T11:00:00Z", 200, "false}");
    fixture_close(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_cells),
        cmocka_unit_test(narrows),
        cmocka_unit_test(refuses),
        cmocka_unit_test(lists_metrics),
        cmocka_unit_test(knows_what_is_complete),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
