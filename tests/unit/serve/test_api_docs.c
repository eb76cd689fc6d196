/* Goal: the document and the reader are answered, with the right types and a policy that lets no
 * other host in. Method: over HTTP; what the document says is test_openapi.c's. */
#include "fixture.h"

static void answers(void **state)
{
    static const struct {
        const char *path;
        const char *part;
    } rows[] = {
        {"/openapi.json",
         "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Tidemark\",\"version\":\"1.2.3\""},
        {"/openapi.json", "\"/api/v1/metrics/{name}/state\":{\"get\":{\"operationId\":"},
        {"/docs", "<script src=\"docs/reader.js\" defer></script>"},
        {"/docs/reader.js", "\"use strict\";"},
        {"/docs/reader.css", "prefers-color-scheme: dark"},
    };
    (void)state;
    struct fixture *fixture = fixture_open(1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fixture_expect(fixture, rows[i].path, 200, rows[i].part);
        if (strstr(rows[i].path, "json") != NULL) {
            (void)fixture_json(fixture, tide_bytes_view(&fixture->response.body));
        }
    }
    for (size_t i = 0; i < TIDE_API_ROUTES; i++) {
        const struct tide_http_route *route = &fixture->routes[i];
        const bool is_page = strcmp(route->path, "/docs") == 0 || strcmp(route->path, "/") == 0;
        assert_int_equal(is_page, route->content_security_policy != NULL);
    }
    fixture_close(fixture);
}

static void publishes_once_more(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(1);
    tide_api_publish(fixture->api, fixture->routes, 1);
    fixture_expect(fixture, "/openapi.json", 200, "\"/api/v1/metrics\":");
    assert_null(strstr(fixture_body(fixture), "\"/health\":"));
    tide_api_publish(fixture->api, fixture->routes, TIDE_API_ROUTES);
    fixture_expect(fixture, "/openapi.json", 200, "\"/health\":");
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(publishes_once_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
