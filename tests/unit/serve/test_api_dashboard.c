/* Goal: the dashboard's files are answered with their types, whole, and its page with a policy that
 * lets no other host in. Method: over HTTP; what the page does is tested in tests/web. */
#include "fixture.h"

#include "serve/assets.h"

static void answers(void **state)
{
    static const struct {
        const char *path;
        const char *file;
        const char *part;
    } rows[] = {
        {"/", "index.html", "<script src=\"app.js\"></script>"},
        {"/app.js", "app.js", "api/v1/live"},
        {"/app.css", "app.css", "[data-theme="},
        {"/icon.svg", "icon.svg", "<svg "},
    };
    (void)state;
    struct fixture *fixture = fixture_open(1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fixture_expect(fixture, rows[i].path, 200, rows[i].part);
        const struct tide_embedded_file *file = tide_dashboard_files;
        while (strcmp(file->name, rows[i].file) != 0) {
            file++;
        }
        assert_int_equal(fixture->response.body.size, file->size);
    }
    fixture_close(fixture);
}

static void lets_no_other_host_in(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(1);
    const char *policy = NULL;
    for (size_t i = 0; i < TIDE_API_ROUTES; i++) {
        if (strcmp(fixture->routes[i].path, "/") == 0) {
            policy = fixture->routes[i].content_security_policy;
        }
    }
    assert_non_null(policy);
    assert_non_null(strstr(policy, "default-src 'none'"));
    assert_null(strstr(policy, "unsafe"));
    assert_null(strstr(policy, "http"));
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(lets_no_other_host_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
