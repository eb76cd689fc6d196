/* Goal: what a listener asks for is read right, or refused with a reason; an id is worth something
 * to the question and the process that it was made for alone. Method: a server whose handler reads
 * questions; ids made and read back, and damaged. */
#include "serve/live_query.h"

#include "fixture.h"
#include "serve/api_contract.h"

#define INSTANCE UINT64_C(0x0123456789abcdef)

static struct tide_bytes seen;

static void handle(void *context, struct tide_http_exchange *exchange)
{
    const struct fixture *fixture = context;
    struct live_query query = {0};
    tide_bytes_reset(&seen);
    if (live_query_read(fixture->definitions, INSTANCE, exchange, &query)) {
        struct tide_bytes body = {0};
        for (uint32_t i = 0; i < fixture->definitions->metric_count; i++) {
            tide_bytes_append_text(&seen, query.follows[i] ? "1" : "0");
        }
        tide_bytes_append_format(&seen,
                                 " %" PRIu32 " %" PRIu32 " %" PRIu64,
                                 query.windows,
                                 query.groups,
                                 query.position);
        live_query_write_id(INSTANCE, &query, 42, &body);
        tide_http_reply(exchange, 200, "text/plain", &body, 0);
    }
    live_query_release(&query);
}

static struct fixture fixture; /* its definitions, server and client alone */
static struct tide_http_route route = {.method = "GET",
                                       .path = "/q",
                                       .handle = handle,
                                       .context = &fixture,
                                       .contract = &api_contract_live};

static int open_world(void **state)
{
    (void)state;
    struct tide_error error = {0};
    struct tide_http_server_options options = tide_http_server_options_default();
    tide_arena_init(&fixture.arena, 16 << 20);
    fixture_load(&fixture, fixture_text, NULL);
    options.port = 0;
    options.thread_count = 1;
    options.routes = &route;
    options.route_count = 1;
    fixture_check(tide_http_server_start(&options, &fixture.server, &error), &error);
    fixture_check(tide_http_client_create(&fixture.client, &error), &error);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    tide_http_client_destroy(fixture.client);
    tide_http_server_stop(fixture.server);
    tide_bytes_release(&fixture.response.body);
    tide_bytes_release(&seen);
    tide_arena_release(&fixture.arena);
    return 0;
}

static void test_questions(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        unsigned status;
        const char *text; /* of what was read, or of the problem */
    } cases[] = {
        {"/q", 200, "11111 60 20 0"},
        {"/q?windows=3&groups=7", 200, "11111 3 7 0"},
        {"/q?metrics=users", 200, "01000 60 20 0"},
        {"/q?metrics=paid,by_region,paid", 200, "10001 60 20 0"},
        {"/q?windows=100&groups=200", 200, "11111 100 200 0"},
        {"/q?windows=101&groups=200", 400, "101 windows of 200 groups are more than 20000 cells"},
        {"/q?metrics=user", 400, "there is no metric 'user'; did you mean 'users'?"},
        {"/q?metrics=", 400, "there is no metric ''"},
        {"/q?metrics=users,", 400, "there is no metric ''"},
        {"/q?windows=0", 400, "windows '0' is no whole number from 1 to 500"},
        {"/q?groups=201", 400, "groups '201' is no whole number from 1 to 200"},
        {"/q?metric=users", 400, "did you mean 'metrics'?"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(fixture_ask(&fixture, "GET", cases[i].path), cases[i].status);
        if (cases[i].status == 200) {
            assert_string_equal(tide_bytes_terminated(&seen), cases[i].text);
        } else if (strstr(fixture_body(&fixture), cases[i].text) == NULL) {
            fail_msg("%s: %s", cases[i].path, fixture_body(&fixture));
        }
    }
}

static void test_ids(void **state)
{
    (void)state;
    const struct live_query query = {.fingerprint = 0xabcd};
    const struct live_query other = {.fingerprint = 0xabce};
    struct tide_bytes id = {0};
    live_query_write_id(INSTANCE, &query, 1234567, &id);
    assert_string_equal(tide_bytes_terminated(&id), "0123456789abcdef-1234567-0000abcd");
    const struct tide_view text = tide_bytes_view(&id);
    assert_int_equal(live_query_read_id(INSTANCE, &query, text), 1234567);
    assert_int_equal(live_query_read_id(INSTANCE + 1, &query, text), 0);
    assert_int_equal(live_query_read_id(INSTANCE, &other, text), 0);
    for (size_t size = 0; size < text.size; size++) {
        assert_int_equal(live_query_read_id(INSTANCE, &query, tide_view_slice(text, 0, size)), 0);
    }
    static const char *const bad[] = {"0123456789abcdef-x-0000abcd",
                                      "0123456789abcdef--1-0000abcd",
                                      "0123456789abcdef-99999999999999999999-0000abcd",
                                      "0123456789abcdef--0000abcd"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(live_query_read_id(INSTANCE, &query, tide_view_of(bad[i])), 0);
    }
    tide_bytes_release(&id);
}

/* The same question has the same id, in any order of words; another one another. */
static void test_fingerprints(void **state)
{
    (void)state;
    static const char *const same[] = {"/q?metrics=users,paid&windows=60",
                                       "/q?groups=20&metrics=paid,users"};
    static const char *const others[] = {"/q",
                                         "/q?metrics=users",
                                         "/q?metrics=users,paid&windows=61",
                                         "/q?metrics=users,paid&groups=19"};
    char first[64];
    assert_int_equal(fixture_ask(&fixture, "GET", same[0]), 200);
    (void)snprintf(first, sizeof(first), "%s", fixture_body(&fixture));
    assert_int_equal(fixture_ask(&fixture, "GET", same[1]), 200);
    assert_string_equal(fixture_body(&fixture), first);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(fixture_ask(&fixture, "GET", others[i]), 200);
        assert_string_not_equal(fixture_body(&fixture), first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_fingerprints),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
