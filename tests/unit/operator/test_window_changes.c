/* Goal: of every kind of metric, a window is said to have changed with an event exactly if one of
 * its cells has, also when the event took all that was in it to another window. (A funnel takes out
 * and puts back a neighbouring run, and then says more than is true.)
 * Method: random events one at a time, in any order of time; all cells before and after each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "operator/window_changes.h"
#include "unit/metric/fixture.h"

enum {
    EVENTS = 250,
    FIRST_OFFSET = 7,
    OFFSET_STEP = 3, /* offsets have gaps: other records are rejected, or duplicates */
    ENTITIES = 4
};

static const char *const metrics[] = {
    "{count: events, by: [a], every: 1h}",
    "{count: events, where: 'n > 1', every: 1h, over: 3h}",
    "{mean: x, by: [b], every: 1h}",
    "{quantiles: [0.5], of: x, every: 1d}",
    "{distinct: user_id, by: [a], every: 1h, over: 4h}",
    "{distinct: a, every: 1h}",
    "{distinct: user_id, having: 'count() > 1', every: 1h, over: 2h}",
    "{sessions: {per: user_id, timeout: 90m}, by: [a], every: 1h}",
    "{funnel: {per: [user_id], timeout: 2h, steps: [{s: 'n == 1'}, {t: 'n == 2'}]}, by: [a], "
    "every: "
    "1h}",
    "{retention: {per: user_id, period: 1d, periods: 2}}",
};

struct cell {
    struct tide_window window;
    char text[512];
};

struct cells {
    struct cell cells[4096];
    uint32_t count;
};

/* What people see, and what a revision is. */
static void list_cells(const struct tide_definitions *definitions,
                       struct tide_operator *
                       operator,
                       struct cells * cells)
{
    struct tide_cell_table *table = NULL;
    const struct tide_schema *schema = definitions->schema;
    const struct tide_metric *metric = &definitions->metrics[0];
    assert_int_equal(tide_cell_table_create(schema, metric, &table, NULL), TIDE_OK);
    assert_int_equal(tide_cell_table_add_operator(table, operator, TIDE_CELL_SPAN_ALL), TIDE_OK);
    tide_cell_table_finish(table);
    cells->count = 0;
    for (uint64_t i = 0; i < tide_cell_table_count(table); i++) {
        const struct tide_cell cell = tide_cell_table_at(table, i);
        const struct tide_cell_value *value = cell.value;
        assert_true(cells->count < sizeof(cells->cells) / sizeof(cells->cells[0]));
        struct cell *into = &cells->cells[cells->count++];
        struct tide_bytes text = {0};
        into->window = cell.window;
        tide_bytes_append_view(&text, cell.group);
        tide_bytes_append_format(&text,
                                 "|%llu,%llu,%llu",
                                 (unsigned long long)value->events,
                                 (unsigned long long)value->count,
                                 (unsigned long long)value->distinct);
        for (uint32_t k = 0; k < tide_metric_step_count(metric); k++) {
            tide_bytes_append_format(
                &text, ",%llu", (unsigned long long)value->parts->steps[k].reached);
        }
        assert_true(text.size < sizeof(into->text));
        memset(into->text, 0, sizeof(into->text));
        memcpy(into->text, text.data, text.size);
        tide_bytes_release(&text);
    }
    tide_cell_table_destroy(table);
}

static bool is_same(struct tide_window a, struct tide_window b)
{
    return a.start.us == b.start.us && a.end.us == b.end.us;
}

/* Cells come by window and group: a window's are a run in both lists. */
static bool has_changed(const struct cells *before,
                        const struct cells *after,
                        struct tide_window window)
{
    uint32_t i = 0;
    uint32_t k = 0;
    for (;;) {
        while (i < before->count && !is_same(before->cells[i].window, window)) {
            i++;
        }
        while (k < after->count && !is_same(after->cells[k].window, window)) {
            k++;
        }
        if (i == before->count || k == after->count) {
            return i != before->count || k != after->count;
        }
        if (memcmp(before->cells[i].text, after->cells[k].text, sizeof(after->cells[k].text)) !=
            0) {
            return true;
        }
        i++;
        k++;
    }
}

static void check_windows(const struct tide_operator *operator,
                          const struct cells * before,
                          const struct cells *after,
                          uint64_t offset,
                          bool is_funnel)
{
    struct tide_window_changes *changes = NULL;
    assert_int_equal(tide_window_changes_create(&changes), TIDE_OK);
    assert_int_equal(tide_window_changes_read(changes, operator, TIDE_CELL_SPAN_ALL), TIDE_OK);
    for (uint32_t i = 0; i < tide_window_changes_count(changes); i++) {
        const struct tide_window window = tide_window_changes_window(changes, i);
        const uint64_t changed = tide_window_changes_at(changes, window);
        if (has_changed(before, after, window)) {
            assert_int_equal(changed, offset + 1);
        } else if (!is_funnel) {
            assert_true(changed <= offset);
        }
        assert_true(changed > 0 && changed <= offset + 1);
    }
    for (uint32_t i = 0; i < after->count; i++) { /* and no window is missing */
        assert_true(tide_window_changes_at(changes, after->cells[i].window) > 0);
    }
    tide_window_changes_destroy(changes);
}

static void set_event(struct tide_batch *batch,
                      struct tide_instant *time,
                      uint32_t *entity,
                      uint64_t *seed)
{
    static const char *const texts[] = {"x", "y"};
    *time = (struct tide_instant){(int64_t)fixture_below(seed, 5 * 24 * 60) * 60000000};
    *entity = fixture_below(seed, ENTITIES + 1);
    *entity = *entity == ENTITIES ? UINT32_MAX : *entity;
    fixture_set_text(batch, 0, "a", tide_view_of(texts[fixture_below(seed, 2)]));
    fixture_set_number(batch, 0, "b", fixture_below(seed, 2));
    fixture_set_number(batch, 0, "n", fixture_below(seed, 4));
    fixture_set_number(batch, 0, "x", fixture_below(seed, 9) * 250000);
    fixture_set_text(batch, 0, "user_id", TIDE_VIEW("u"));
}

static void check_metric(const char *text)
{
    static struct cells lists[2];
    struct fixture fixture;
    uint64_t seed = 11;
    uint32_t moved = 0;
    fixture_init(&fixture);
    const struct tide_definitions *definitions = fixture_load_metric(&fixture, "m", text);
    if (definitions == NULL) {
        fail_msg("%s", fixture_errors(&fixture));
    }
    struct tide_operator *operator= NULL;
    struct tide_batch *batch = fixture_batch(definitions->schema, 1);
    assert_int_equal(tide_operator_create(definitions->schema,
                                          &definitions->metrics[0],
                                          tide_operator_limits_default(),
                                          &operator,
                                          NULL),
                     TIDE_OK);
    lists[0].count = 0;
    for (uint32_t i = 0; i < EVENTS; i++) {
        const uint64_t offset = FIRST_OFFSET + i * OFFSET_STEP;
        const uint32_t row = 0;
        struct tide_instant time;
        uint32_t entity;
        set_event(batch, &time, &entity, &seed);
        const struct tide_operator_input input = {.batch = batch,
                                                  .rows = &row,
                                                  .row_count = 1,
                                                  .event_times = &time,
                                                  .entities = &entity,
                                                  .offsets = &offset};
        assert_int_equal(tide_operator_update(operator, & input, NULL), TIDE_OK);
        struct cells *before = &lists[i % 2];
        struct cells *after = &lists[(i + 1) % 2];
        list_cells(definitions, operator, after);
        const bool is_funnel = definitions->metrics[0].kind == TIDE_METRIC_FUNNEL;
        check_windows(operator, before, after, offset, is_funnel);
        moved += after->count > before->count;
    }
    assert_true(moved > 0);
    tide_operator_destroy(operator);
    tide_batch_destroy(batch);
    fixture_release(&fixture);
}

static void knows_every_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        print_message("%s\n", metrics[i]);
        check_metric(metrics[i]);
    }
}

/* A key with too many events keeps none: its new event may change a run that began in any window
 * where the key is missing. */
static void holds_for_keys_left_to_batch(void **state)
{
    static const int64_t minutes[] = {0, 70, 130, 200, 200, 10 * 60};
    static const uint32_t entities[] = {1, 1, 1, 1, 1, 2};
    struct fixture fixture;
    struct tide_operator *operator= NULL;
    struct tide_window_changes *changes = NULL;
    struct tide_operator_limits limits = tide_operator_limits_default();
    (void)state;
    limits.key_events_max = 3;
    fixture_init(&fixture);
    const struct tide_definitions *definitions =
        fixture_load_metric(&fixture,
                            "m",
                            "{funnel: {per: [user_id], timeout: 2h, steps: [{s: 'n == 1'}, {t: 'n "
                            "== 2'}]}, every: 1h}");
    assert_non_null(definitions);
    struct tide_batch *batch = fixture_batch(definitions->schema, 1);
    fixture_set_number(batch, 0, "n", 1);
    fixture_set_text(batch, 0, "user_id", TIDE_VIEW("u"));
    assert_int_equal(tide_operator_create(
                         definitions->schema, &definitions->metrics[0], limits, &operator, NULL),
                     TIDE_OK);
    for (uint64_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
        const uint32_t row = 0;
        const struct tide_instant time = {minutes[i] * 60000000};
        const struct tide_operator_input input = {.batch = batch,
                                                  .rows = &row,
                                                  .row_count = 1,
                                                  .event_times = &time,
                                                  .entities = &entities[i],
                                                  .offsets = &i};
        assert_int_equal(tide_operator_update(operator, & input, NULL), TIDE_OK);
    }
    assert_int_equal(tide_window_changes_create(&changes), TIDE_OK);
    assert_int_equal(tide_window_changes_read(changes, operator, TIDE_CELL_SPAN_ALL), TIDE_OK);
    for (int64_t hour = 0; hour < 11; hour++) {
        const struct tide_window window = {{hour * 3600000000}, {(hour + 1) * 3600000000}};
        const uint64_t wanted = hour < 4 ? 5 : hour == 10 ? 6 : 0;
        assert_int_equal(tide_window_changes_at(changes, window), wanted);
    }
    tide_window_changes_destroy(changes);
    tide_operator_destroy(operator);
    tide_batch_destroy(batch);
    fixture_release(&fixture);
}

static void has_the_span_only(void **state)
{
    struct fixture fixture;
    struct tide_operator *operator= NULL;
    struct tide_window_changes *changes = NULL;
    const uint32_t rows[] = {0, 1, 2};
    const struct tide_instant times[] = {{0}, {INT64_C(3600000000)}, {INT64_C(7200000000)}};
    const uint32_t entities[] = {1, 1, 1};
    const uint64_t offsets[] = {4, 5, 9};
    (void)state;
    fixture_init(&fixture);
    const struct tide_definitions *definitions =
        fixture_load_metric(&fixture, "m", "{count: events, every: 1h}");
    assert_non_null(definitions);
    struct tide_batch *batch = fixture_batch(definitions->schema, 3);
    struct tide_operator_input input = {.batch = batch,
                                        .rows = rows,
                                        .row_count = 3,
                                        .event_times = times,
                                        .entities = entities,
                                        .offsets = offsets};
    assert_int_equal(tide_operator_create(definitions->schema,
                                          &definitions->metrics[0],
                                          tide_operator_limits_default(),
                                          &operator,
                                          NULL),
                     TIDE_OK);
    assert_int_equal(tide_operator_update(operator, & input, NULL), TIDE_OK);
    const struct tide_cell_span span = {times[1], times[2], TIDE_INSTANT_UNKNOWN};
    assert_int_equal(tide_window_changes_create(&changes), TIDE_OK);
    assert_int_equal(tide_window_changes_read(changes, operator, span), TIDE_OK);
    assert_int_equal(tide_window_changes_count(changes), 1);
    assert_int_equal(tide_window_changes_at(changes, (struct tide_window){times[1], times[2]}), 6);
    assert_int_equal(tide_window_changes_at(changes, (struct tide_window){times[0], times[1]}), 0);
    tide_window_changes_destroy(changes);
    tide_operator_destroy(operator);
    tide_batch_destroy(batch);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_every_change),
        cmocka_unit_test(holds_for_keys_left_to_batch),
        cmocka_unit_test(has_the_span_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
