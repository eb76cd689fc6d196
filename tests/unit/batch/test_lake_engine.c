/* Goal: the span is that of the events, and each question is answered in the form that is said of
 * it. Method: a lake written by hand, and one without anything. */
#include "fixture.h"

#include "batch/compute.h"
#include "batch/lake_engine.h"

static struct fixture *fixture;

static int open_world(void **state)
{
    (void)state;
    static const struct fixture_event events[] = {
        {0, "a", "ann", "1500000", 1, 7, true, -1, 2, 0, 0, 0},
        {7200, "b", "bob", NULL, 0, 8, true, 5, 6, 1, 9, 0},
    };
    fixture = fixture_open();
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        fixture_add_event(fixture, &events[i]);
    }
    fixture_add_rejected(fixture, "type", 0, 2, 0);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

struct answer {
    uint32_t column_count;
    uint32_t row_count;
};

static enum tide_status see_row(void *context,
                                const struct tide_duckdb_value *row,
                                uint32_t column_count)
{
    struct answer *answer = context;
    (void)row;
    assert_int_equal(column_count, answer->column_count);
    answer->row_count++;
    return TIDE_OK;
}

static uint32_t ask(struct tide_lake_view *view, const struct tide_batch_question *question)
{
    struct tide_error error = {0};
    struct answer answer = {.column_count = tide_batch_column_count(question)};
    const struct tide_batch_engine engine = tide_lake_engine(view);
    fixture_check(
        engine.ask(engine.self, question, (struct tide_batch_visitor){see_row, &answer}, &error),
        &error);
    return answer.row_count;
}

static void check_answers(struct tide_lake_view *view, bool has_events)
{
    const struct tide_definitions *definitions = fixture->definitions;
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        if (metric->kind != TIDE_METRIC_RATIO) {
            const struct tide_batch_question cells = {TIDE_BATCH_CELLS, definitions, metric};
            assert_true((ask(view, &cells) > 0) == has_events);
        }
    }
    const struct tide_batch_question reads = {.kind = TIDE_BATCH_READS};
    const struct tide_batch_question events = {.kind = TIDE_BATCH_EVENTS_AUDIT};
    const struct tide_batch_question rejected = {.kind = TIDE_BATCH_REJECTED_AUDIT};
    assert_int_equal(ask(view, &reads), has_events ? 2 : 0);
    assert_int_equal(ask(view, &events), has_events ? 2 : 0);
    assert_int_equal(ask(view, &rejected), has_events ? 1 : 0);
}

static void answers_in_the_form_that_is_said(void **state)
{
    (void)state;
    struct tide_window span;
    bool has_events = true;
    struct tide_error error = {0};
    struct tide_lake_view *empty = fixture_view(fixture, NULL, 0);
    fixture_check(tide_lake_span(empty, &span, &has_events, &error), &error);
    assert_false(has_events);
    check_answers(empty, false);
    tide_lake_view_close(empty);

    fixture_commit(fixture);
    struct tide_lake_view *view = fixture_view(fixture, NULL, 0);
    fixture_check(tide_lake_span(view, &span, &has_events, &error), &error);
    assert_true(has_events);
    assert_int_equal(span.start.us, FIXTURE_START_US);
    assert_int_equal(span.end.us, FIXTURE_START_US + 7200 * TIDE_US_PER_SECOND);
    check_answers(view, true);
    tide_lake_view_close(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_in_the_form_that_is_said),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
