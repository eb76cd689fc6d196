/* Goal: each word of a contract stands in the document where OpenAPI 3.1 wants it. Method: a table
 * of two routes, and parts of the text. */
#include "serve/openapi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json.h"

static const char *const sizes[] = {"small", "large", NULL};
static const struct tide_http_parameter id = {
    .name = "id", .place = TIDE_HTTP_PATH, .is_required = true, .about = "Which \"one\"."};
static const struct tide_http_parameter key = {.name = "x-key", .place = TIDE_HTTP_HEADER};
static const struct tide_http_parameter size = {
    .name = "size", .type = TIDE_HTTP_CHOICE, .choices = sizes, .fallback = "small"};
static const struct tide_http_parameter count = {
    .name = "count", .type = TIDE_HTTP_WHOLE, .min = 1, .max = 9, .fallback = "3"};
static const struct tide_http_parameter day = {
    .name = "day", .type = TIDE_HTTP_DATE, .example = "2026-03-08"};
static const struct tide_http_parameter at = {.name = "at", .type = TIDE_HTTP_TIME};
static const struct tide_http_parameter *const parameters[] = {
    &id, &key, &size, &count, &day, &at, NULL};
static const struct tide_http_outcome outcomes[] = {
    {200, "application/json", "Thing", NULL, "It."},
    {404, NULL, NULL, NULL, "None."},
    {200, "application/x-ndjson", NULL, "Thing", "Lines."},
    {0}};
static const struct tide_http_contract get_contract = {.id = "getThing",
                                                       .tag = "things",
                                                       .summary = "A thing",
                                                       .parameters = parameters,
                                                       .outcomes = outcomes};
static const struct tide_http_body_form bodies[] = {{"text/plain", "Thing"}, {0}};
static const struct tide_http_contract post_contract = {.id = "postThing",
                                                        .tag = "things",
                                                        .summary = "Another",
                                                        .about = "More.",
                                                        .bodies = bodies,
                                                        .body_about = "All of it.",
                                                        .outcomes = outcomes};
static const struct tide_http_route routes[] = {
    {.method = "GET", .path = "/things/{id}", .contract = &get_contract},
    {.method = "GET", .path = "/hidden"},
    {.method = "POST", .path = "/things/{id}", .contract = &post_contract, .body_bytes_max = 9},
};

static void writes_every_word(void **state)
{
    static const char *const parts[] = {
        "\"paths\":{\"/things/{id}\":{\"get\":{\"operationId\":\"getThing\",\"tags\":[\"things\"],"
        "\"summary\":\"A thing\",\"parameters\":[{\"name\":\"id\",\"in\":\"path\","
        "\"required\":true,\"description\":\"Which "
        "\\\"one\\\".\",\"schema\":{\"type\":\"string\"}},",
        "{\"name\":\"x-key\",\"in\":\"header\",\"schema\":{\"type\":\"string\"}}",
        "\"schema\":{\"type\":\"string\",\"enum\":[\"small\",\"large\"],\"default\":\"small\"}}",
        "{\"type\":\"integer\",\"minimum\":1,\"maximum\":9,\"default\":3}}",
        "{\"type\":\"string\",\"format\":\"date\"},\"example\":\"2026-03-08\"}",
        "{\"type\":\"string\",\"anyOf\":[{\"format\":\"date\"},{\"format\":\"date-time\"}]}",
        "\"200\":{\"description\":\"It. Or: Lines.\",\"content\":{\"application/json\":{\"schema\":"
        "{\"$ref\":\"#/components/schemas/Thing\"}},\"application/x-ndjson\":{\"schema\":"
        "{\"type\":\"string\"},\"x-line-schema\":{\"$ref\":\"#/components/schemas/Thing\"}}}}",
        "\"404\":{\"description\":\"None.\",\"content\":{\"application/problem+json\":{\"schema\":"
        "{\"$ref\":\"#/components/schemas/Problem\"}}}}",
        "\"post\":{\"operationId\":\"postThing\",\"tags\":[\"things\"],\"summary\":\"Another\","
        "\"description\":\"More.\",\"requestBody\":{\"description\":\"All of it.\","
        "\"required\":true,\"content\":{\"text/plain\":{\"schema\":"
        "{\"$ref\":\"#/components/schemas/Thing\"}}}}",
        "\"415\":{\"$ref\":\"#/components/responses/Problem415\"}",
        "\"components\":{\"schemas\":{\"Thing\":true},\"responses\":{\"Problem400\":{",
        "\"Problem503\":{\"description\":\"Too many bodies are under way.\",\"headers\":"
        "{\"Retry-After\":",
    };
    const struct tide_openapi_options options = {.routes = routes,
                                                 .route_count = 3,
                                                 .version = "1.2.3",
                                                 .schemas = TIDE_VIEW("{\"Thing\":true}")};
    struct tide_bytes json = {0};
    struct tide_arena arena = {0};
    struct tide_json *parsed = NULL;
    (void)state;
    tide_openapi_write(&options, &json);
    const char *text = tide_bytes_terminated(&json);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strstr(text, parts[i]) == NULL) {
            fail_msg("not there: %s\nin %s", parts[i], text);
        }
    }
    assert_null(strstr(text, "hidden"));
    assert_int_equal(tide_json_parse(&arena, tide_bytes_view(&json), &parsed, NULL), TIDE_OK);
    const struct tide_json *path = tide_json_get(tide_json_get(parsed, "paths"), "/things/{id}");
    assert_int_equal(path->count, 2);
    const struct tide_json *get = tide_json_get(tide_json_get(path, "get"), "responses");
    assert_null(tide_json_get(get, "415")); /* it takes no body */
    assert_non_null(tide_json_get(get, "414"));
    tide_arena_release(&arena);
    tide_bytes_release(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
