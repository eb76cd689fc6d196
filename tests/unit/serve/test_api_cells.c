/* Goal: each row says how far it can be trusted, and the question is bounded by its span. Method:
 * asked of the API's engine directly; what rows of each kind say is test_api_kinds.c's. */
#include "fixture.h"

#include "serve/api_cells.h"

static uint32_t index_of(const struct fixture *fixture, const char *name)
{
    const struct tide_metric *metric =
        tide_definitions_find(fixture->definitions, tide_view_of(name));
    assert_non_null(metric);
    return (uint32_t)(metric - fixture->definitions->metrics);
}

static void writes_rows(void **state)
{
    static const struct fixture_event events[] = {{"pay", "ann", 0, ",\"region\":\"eu\""},
                                                  {"pay", "bob", 86400, ",\"region\":\"us\""}};
    struct tide_bytes text = {0};
    struct tide_bytes extra = {0};
    struct tide_error error = {0};
    struct api_cells cells = {0};
    (void)state;
    struct fixture *fixture = fixture_open(2);
    fixture_send(fixture, events, 2);
    const struct api_cells_question question = {
        .metric_index = index_of(fixture, "by_region"),
        .from = {FIXTURE_START_US + TIDE_US_PER_DAY},
        .to = TIDE_INSTANT_UNKNOWN,
    };
    fixture_check(api_cells_ask(fixture->api, &question, &cells, &error), &error);
    assert_int_equal(tide_result_count(cells.result), 1);
    const struct tide_result_row row = tide_result_at(cells.result, 0);
    api_cells_write_row(&cells, &row, &extra, &text);
    const char *line = tide_bytes_terminated(&text);
    assert_non_null(strstr(line,
                           "{\"metric\": \"by_region\", \"start\": \"2026-03-09T10:00:00Z\", "
                           "\"end\": \"2026-03-09T11:00:00Z\", \"group\": {\"region\": \"us\"}, "
                           "\"value\": 1, \"definition\": \""));
    assert_non_null(strstr(line, "\"revision\": 1, \"generation\": \"speed\", \"exact\": true"));
    api_cells_release(&cells);
    api_cells_release(&cells);
    tide_bytes_release(&text);
    tide_bytes_release(&extra);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
