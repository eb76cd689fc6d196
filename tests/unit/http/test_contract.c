/* Goal: a query passes if it is what the contract wants, and else a person is told why not. Method:
 * tables of queries, without a socket. */
#include "http/contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "http/exchange.h"

static const char *const colours[] = {"red", "green", NULL};
static const struct tide_http_parameter name = {.name = "name", .place = TIDE_HTTP_PATH};
static const struct tide_http_parameter key = {.name = "key", .place = TIDE_HTTP_HEADER};
static const struct tide_http_parameter who = {.name = "who", .is_required = true};
static const struct tide_http_parameter colour = {
    .name = "colour", .type = TIDE_HTTP_CHOICE, .choices = colours};
static const struct tide_http_parameter count = {
    .name = "count", .type = TIDE_HTTP_WHOLE, .min = 5, .max = 1000};
static const struct tide_http_parameter day = {.name = "day", .type = TIDE_HTTP_DATE};
static const struct tide_http_parameter at = {.name = "at", .type = TIDE_HTTP_TIME};
static const struct tide_http_parameter *const parameters[] = {
    &name, &key, &who, &colour, &count, &day, &at, NULL};
static const struct tide_http_contract contract = {.parameters = parameters};

static void check(const struct tide_http_contract *wanted, const char *target, const char *problem)
{
    char why[200] = "";
    const char *split_why = NULL;
    struct tide_http_exchange *exchange = tide_exchange_create(NULL, tide_view_of(target));
    assert_non_null(exchange);
    assert_int_equal(tide_exchange_split_target(exchange, &split_why), 0);
    const bool kept = tide_http_contract_check(wanted, exchange, why, sizeof(why));
    if (kept != (problem == NULL) || (problem != NULL && strcmp(why, problem) != 0)) {
        fail_msg("%s: %s", target, why);
    }
    tide_exchange_destroy(exchange);
}

static void takes_what_it_wants(void **state)
{
    static const char *const targets[] = {
        "/?who=",
        "/?who=me&colour=green&count=5&day=2026-03-08&at=2026-03-08",
        "/?count=1000&who=a%20b&at=2026-03-08T12:00:00.5%2B01:00",
        "/?count=0007&who=a",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        check(&contract, targets[i], NULL);
    }
}

static void tells_what_is_wrong(void **state)
{
    static const struct {
        const char *target;
        const char *problem;
    } rows[] = {
        {"/", "parameter 'who' is missing"},
        {"/?colour=red", "parameter 'who' is missing"},
        {"/?who=a&who=a", "parameter 'who' stands twice"},
        {"/?who=a&color=red", "unknown parameter 'color'; did you mean 'colour'?"},
        {"/?who=a&zebra=1", "unknown parameter 'zebra'"},
        {"/?who=a&name=1", "unknown parameter 'name'"},
        {"/?who=a&key=1", "unknown parameter 'key'"},
        {"/?who=a&=1", "unknown parameter ''"},
        {"/?colour=blue", "colour 'blue' is none of: red, green"},
        {"/?colour=", "colour '' is none of: red, green"},
        {"/?count=4", "count '4' is no whole number from 5 to 1000"},
        {"/?count=1001", "count '1001' is no whole number from 5 to 1000"},
        {"/?count=6.0", "count '6.0' is no whole number from 5 to 1000"},
        {"/?count=-6", "count '-6' is no whole number from 5 to 1000"},
        {"/?count=1000000000000000000",
         "count '1000000000000000000' is no whole number from 5 to 1000"},
        {"/?day=2026-02-29", "day '2026-02-29' is not a date (2026-03-08)"},
        {"/?day=2026-03-08T12:00:00Z", "day '2026-03-08T12:00:00Z' is not a date (2026-03-08)"},
        {"/?at=soon", "at 'soon' is neither a date (2026-03-08) nor a time (2026-03-08T12:00:00Z)"},
        {"/?bad=1&worse=2", "unknown parameter 'bad'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check(&contract, rows[i].target, rows[i].problem);
    }
}

static void knows_routes_without_parameters(void **state)
{
    static const struct tide_http_contract nothing = {.id = "nothing"};
    static const struct tide_http_contract lenient = {.ignores_queries = true};
    (void)state;
    check(&nothing, "/", NULL);
    check(&nothing, "/?a=1", "unknown parameter 'a'");
    check(&lenient, "/?a=1&a=2", NULL);
}

static void clips_what_people_send(void **state)
{
    char target[600] = "/?who=a&";
    char why[200] = "";
    const char *split_why = NULL;
    (void)state;
    memset(target + strlen(target), 'x', 500);
    struct tide_http_exchange *exchange = tide_exchange_create(NULL, tide_view_of(target));
    assert_non_null(exchange);
    assert_int_equal(tide_exchange_split_target(exchange, &split_why), 0);
    assert_false(tide_http_contract_check(&contract, exchange, why, sizeof(why)));
    assert_int_equal(strlen(why), strlen("unknown parameter ''") + 100);
    tide_exchange_destroy(exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_it_wants),
        cmocka_unit_test(tells_what_is_wrong),
        cmocka_unit_test(knows_routes_without_parameters),
        cmocka_unit_test(clips_what_people_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
