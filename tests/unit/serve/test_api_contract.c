/* Goal: every route has a contract, its words are declared once, and what it names is there.
 * Method: a walk over the API's table. */
#include "fixture.h"

#include "serve/assets.h"

static const struct tide_embedded_file *asset(const char *name)
{
    const struct tide_embedded_file *file = tide_serve_assets;
    while (file->name != NULL && strcmp(file->name, name) != 0) {
        file++;
    }
    assert_non_null(file->name);
    return file;
}

static void check_parameters(const struct tide_http_route *route)
{
    const struct tide_http_parameter *const *parameters = route->contract->parameters;
    bool names_path = false;
    for (size_t i = 0; parameters != NULL && parameters[i] != NULL; i++) {
        const struct tide_http_parameter *one = parameters[i];
        uint64_t number = 0;
        assert_non_null(one->about);
        assert_int_equal(one->type == TIDE_HTTP_CHOICE, one->choices != NULL);
        if (one->type == TIDE_HTTP_WHOLE && one->fallback != NULL) {
            assert_true(tide_http_parse_whole(tide_view_of(one->fallback), &number));
            assert_true(one->min <= number && number <= one->max);
        }
        if (one->place == TIDE_HTTP_PATH) {
            char braces[64];
            (void)snprintf(braces, sizeof(braces), "{%s}", one->name);
            assert_non_null(strstr(route->path, braces));
            assert_true(one->is_required);
            names_path = true;
        }
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(parameters[k]->name, one->name);
        }
    }
    assert_int_equal(names_path, strchr(route->path, '{') != NULL);
}

static void check_outcomes(const struct tide_http_contract *contract,
                           const struct tide_json *schemas)
{
    assert_non_null(contract->outcomes);
    assert_int_equal(contract->outcomes[0].status, 200);
    for (const struct tide_http_outcome *one = contract->outcomes; one->status != 0; one++) {
        assert_non_null(one->about);
        assert_true(one->status < 400 || one->schema == NULL || one->content_type != NULL);
        assert_true(one->schema == NULL || tide_json_get(schemas, one->schema) != NULL);
        assert_true(one->lines == NULL || tide_json_get(schemas, one->lines) != NULL);
    }
}

static void is_whole(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(1);
    const struct tide_embedded_file *file = asset("schemas");
    const struct tide_json *schemas =
        fixture_json(fixture, (struct tide_view){file->text, file->size});
    for (size_t i = 0; i < TIDE_API_ROUTES; i++) {
        const struct tide_http_route *route = &fixture->routes[i];
        assert_non_null(route->contract);
        assert_non_null(route->contract->id);
        assert_non_null(route->contract->tag);
        assert_non_null(route->contract->summary);
        check_parameters(route);
        check_outcomes(route->contract, schemas);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(fixture->routes[k].contract->id, route->contract->id);
        }
    }
    fixture_close(fixture);
}

static void is_kept(void **state)
{
    static const char *const paths[] = {"/api/v1/metrics",
                                        "/api/v1/metrics/users",
                                        "/api/v1/metrics/users/state",
                                        "/api/v1/alerts",
                                        "/api/v1/ledger",
                                        "/api/v1/definitions",
                                        "/metrics/usage",
                                        "/metrics/realtime",
                                        "/health",
                                        "/ready",
                                        "/metrics",
                                        "/openapi.json",
                                        "/docs"};
    char path[64];
    (void)state;
    struct fixture *fixture = fixture_open(1);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s?zebra", paths[i]);
        fixture_expect(fixture, path, 400, "unknown parameter 'zebra'");
    }
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_whole),
        cmocka_unit_test(is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
