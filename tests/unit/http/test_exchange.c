/* Goal: targets are split and decoded strictly, routes match exactly. Method: tables, without a
 * socket. */
#include "http/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void handle(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

static const struct tide_http_route routes[] = {
    {.method = "GET", .path = "/a", .handle = handle},
    {.method = "POST", .path = "/a", .handle = handle},
    {.method = "GET", .path = "/m/{name}", .handle = handle},
    {.method = "DELETE", .path = "/m/{name}", .handle = handle},
    {.method = "GET", .path = "/m/{name}/more", .handle = handle},
};

static void test_decode(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool plus;
        const char *decoded; /* NULL: refused */
    } rows[] = {
        {"", false, ""},
        {"a+b", false, "a+b"},
        {"a+b", true, "a b"},
        {"%2b%2B%25", true, "++%"},
        {"%c3%A9", false, "\xc3\xa9"},
        {"%", false, NULL},
        {"%4", false, NULL},
        {"%4g", false, NULL},
        {"%00", false, NULL},
        {"%%41", false, NULL},
    };
    struct tide_arena arena = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_view decoded = {0};
        const bool is_good =
            tide_exchange_decode(&arena, tide_view_of(rows[i].text), rows[i].plus, &decoded);
        assert_int_equal(is_good, rows[i].decoded != NULL);
        if (is_good) {
            assert_true(tide_view_equal(decoded, tide_view_of(rows[i].decoded)));
        }
    }
    tide_arena_release(&arena);
}

static void test_routes(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *target;
        unsigned status;
        size_t route;
        const char *parameter;
        const char *allow;
    } rows[] = {
        {"GET", "/a", 0, 0, "", NULL},
        {"HEAD", "/a?x", 0, 0, "", NULL},
        {"POST", "/a", 0, 1, "", NULL},
        {"GET", "/m/x%20y", 0, 2, "x y", NULL},
        {"DELETE", "/m/x", 0, 3, "x", NULL},
        {"PUT", "/a", 405, 0, NULL, "GET, HEAD, POST, OPTIONS"},
        {"POST", "/m/x", 405, 0, NULL, "GET, HEAD, DELETE, OPTIONS"},
        {"OPTIONS", "/m/x", 204, 0, NULL, "GET, HEAD, DELETE, OPTIONS"},
        {"OPTIONS", "/n", 404, 0, NULL, NULL},
        {"GET", "/m/%xx", 400, 0, NULL, NULL},
        {"GET", "/m/", 404, 0, NULL, NULL},
        {"GET", "/m", 404, 0, NULL, NULL},
        {"GET", "/m/x/y", 404, 0, NULL, NULL},
        {"GET", "/m/x/more", 0, 4, "x", NULL},
        {"GET", "/m/x%2Fy/more", 0, 4, "x/y", NULL},
        {"POST", "/m/x/more", 405, 0, NULL, "GET, HEAD, OPTIONS"},
        {"GET", "/m//more", 404, 0, NULL, NULL},
        {"GET", "/m/more", 0, 2, "more", NULL},
        {"GET", "/m/x/y/more", 404, 0, NULL, NULL},
        {"GET", "/m/x/more/", 404, 0, NULL, NULL},
        {"GET", "/%61", 404, 0, NULL, NULL},
        {"GET", "/", 404, 0, NULL, NULL},
        {"GET", "/a/", 404, 0, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_http_exchange *exchange =
            tide_exchange_create(NULL, tide_view_of(rows[i].target));
        assert_non_null(exchange);
        exchange->request.method = tide_view_of(rows[i].method);
        const char *why = NULL;
        assert_int_equal(tide_exchange_split_target(exchange, &why), 0);
        const unsigned status =
            tide_exchange_find_route(exchange, routes, sizeof(routes) / sizeof(routes[0]), &why);
        if (status != rows[i].status) {
            fail_msg("row %zu: %u", i, status);
        }
        if (status == 0) {
            assert_ptr_equal(exchange->route, &routes[rows[i].route]);
            assert_true(tide_view_equal(tide_http_path_parameter(exchange),
                                        tide_view_of(rows[i].parameter)));
            assert_true(tide_view_equal(tide_http_method(exchange), tide_view_of(rows[i].method)));
        } else if (rows[i].allow != NULL) {
            assert_string_equal(exchange->reply.allow, rows[i].allow);
        } else {
            assert_null(exchange->reply.allow);
        }
        tide_exchange_destroy(exchange);
    }
}

static void count_parameter(void *context, struct tide_view name, struct tide_view value)
{
    unsigned *sizes = context;
    *sizes += (unsigned)(100 * name.size + value.size);
}

static void test_query(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        unsigned status;
        size_t count;
        unsigned sizes;
    } rows[] = {
        {"/a", 0, 0, 0},
        {"/a?", 0, 0, 0},
        {"/a?x", 0, 1, 100},
        {"/a?x=1&yy=22", 0, 2, 303},
        {"/a?x=1=2", 0, 1, 103},
        {"/a?x=a?b", 0, 1, 103},
        {"/a?x=%e2%82%ac", 0, 1, 103},
        {"/a?%=1", 400, 0, 0},
        {"/a?x=1&y=%f", 400, 1, 101},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_http_exchange *exchange =
            tide_exchange_create(NULL, tide_view_of(rows[i].target));
        const char *why = NULL;
        unsigned sizes = 0;
        bool present = true;
        assert_int_equal(tide_exchange_split_target(exchange, &why), rows[i].status);
        assert_int_equal(exchange->parameter_count, rows[i].count);
        tide_http_query_visit(exchange, count_parameter, &sizes);
        assert_int_equal(sizes, rows[i].sizes);
        assert_true(tide_view_equal(tide_http_path(exchange), TIDE_VIEW("/a")));
        (void)tide_http_query(exchange, "none", &present);
        assert_false(present);
        tide_exchange_destroy(exchange);
    }
}

static void test_query_limit(void **state)
{
    (void)state;
    for (unsigned count = 64; count <= 65; count++) {
        struct tide_bytes target = {0};
        tide_bytes_append_text(&target, "/a?");
        for (unsigned i = 0; i < count; i++) {
            tide_bytes_append_format(&target, "%sx=%u", i > 0 ? "&" : "", i);
        }
        struct tide_http_exchange *exchange = tide_exchange_create(NULL, tide_bytes_view(&target));
        const char *why = NULL;
        assert_int_equal(tide_exchange_split_target(exchange, &why), count == 64 ? 0 : 414);
        assert_true(tide_http_query(exchange, "x", NULL).size == (count == 64 ? 1 : 0));
        tide_exchange_destroy(exchange);
        tide_bytes_release(&target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_query_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
