/* Goal: the engine's source answers with the cells of a span, all and filtered, and with the
 * closing clock. Method: the fixture's engine with a few events. */
#include "fixture.h"

#include "serve/alert_source.h"

static uint64_t events_of(const struct tide_result *result)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        sum += tide_result_revision(&row);
    }
    return sum;
}

static void test_ask(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open(2);
    struct tide_alert_engine engine = {
        fixture->engine, fixture->definitions, fixture->partition_count};
    const struct tide_alert_source source = tide_alert_source_of(&engine);
    struct tide_source text = {TIDE_VIEW("where"), TIDE_VIEW("region == \"north\"")};
    const struct tide_position position = {&text, 1, 1, 1};
    const struct tide_expression *north = tide_expression_parse(
        &fixture->arena, fixture->definitions->schema, text.text, position, &fixture->diagnostics);
    const struct tide_metric *metric =
        tide_definitions_find(fixture->definitions, TIDE_VIEW("by_region"));
    const uint32_t index = (uint32_t)(metric - fixture->definitions->metrics);
    struct tide_result *results[2];
    struct tide_error error = {0};
    fixture_event(fixture, "ann", 0, ",\"region\":\"north\"");
    fixture_event(fixture, "bob", 10, ",\"region\":\"south\"");
    fixture_event(fixture, "cid", 3600, ",\"region\":\"north\"");
    fixture_event(fixture, "dan", 3600, ",\"region\":\"south\"");
    fixture_event(fixture, "eve", 3600, ",\"region\":\"north\"");
    fixture_settle(fixture);

    fixture_check(source.ask(source.context, index, TIDE_CELL_SPAN_ALL, NULL, results, &error),
                  &error);
    assert_ptr_equal(results[0], results[1]);
    assert_int_equal(events_of(results[0]), 5);
    tide_alert_results_destroy(results);
    assert_null(results[0]);

    const struct tide_cell_span later = {
        {FIXTURE_START_US + 3600 * TIDE_US_PER_SECOND}, TIDE_INSTANT_UNKNOWN, {0}};
    fixture_check(source.ask(source.context, index, later, north, results, &error), &error);
    assert_int_equal(events_of(results[0]), 3);
    assert_int_equal(events_of(results[1]), 2);
    tide_alert_results_destroy(results);

    const int64_t engine_us = tide_engine_closing(fixture->engine).us;
    assert_true(source.closing(source.context).us >= engine_us);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
