/* Goal: what a question is answered with: rows in order, one number for each, its flags, its line;
 * of a ratio the join of its parts, whichever sides are there. Method: cells by hand and small
 * streams, compared as text with what the oracle prints. */
#include "operator/result.h"

#include "unit/operator/stream.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HOUR_US INT64_C(3600000000)

/* ------- tables of a ratio's parts, by hand */

struct ratio {
    struct room room;
    struct tide_cell_table *above;
    struct tide_cell_table *below;
    struct tide_result *result;
    struct tide_bytes text;
};

static const struct tide_metric *part_of(const struct ratio *ratio, int index)
{
    return &ratio->room.definitions->metrics[ratio->room.metric->parts[index]];
}

static void ratio_open(struct ratio *ratio, const char *metrics)
{
    *ratio = (struct ratio){0};
    room_open(&ratio->room, metrics);
    ratio->above = room_empty_table(&ratio->room, part_of(ratio, 0));
    ratio->below = room_empty_table(&ratio->room, part_of(ratio, 1));
}

static void ratio_close(struct ratio *ratio)
{
    tide_result_destroy(ratio->result);
    tide_bytes_release(&ratio->text);
    room_close(&ratio->room);
}

/* group: "x 5" are a string column of "x" and a number column of 5, "-" is null, "*" is (other). */
static void add_window(struct tide_cell_table *table,
                       struct tide_window window,
                       const char *group,
                       struct tide_cell_value value)
{
    struct tide_bytes bytes = {0};
    const struct tide_metric *metric = tide_cell_table_metric(table);
    const bool is_other = group[0] == '*';
    for (uint32_t i = 0; i < metric->by_count; i++) {
        const size_t size = strcspn(group, " ");
        const bool is_number = group[0] >= '0' && group[0] <= '9';
        const struct tide_value column = {
            .present = group[0] != '-',
            .type = is_number ? TIDE_TYPE_INT : TIDE_TYPE_STRING,
            .number = is_number ? strtoll(group, NULL, 10) : 0,
            .string = {group, is_number ? 0 : size},
        };
        tide_value_encode(column, &bytes);
        group += size + (group[size] == ' ');
    }
    const struct tide_view view = is_other ? TIDE_GROUP_OTHER : tide_bytes_view(&bytes);
    assert_int_equal(tide_cell_table_add(table, window, view, &value), TIDE_OK);
    tide_bytes_release(&bytes);
}

static void add(struct tide_cell_table *table, int64_t hour, const char *group, uint64_t count)
{
    const bool is_other = group[0] == '*';
    add_window(table,
               (struct tide_window){{hour * HOUR_US}, {(hour + 1) * HOUR_US}},
               group,
               (struct tide_cell_value){
                   .events = count + 1, .count = count, .distinct = count, .is_folded = is_other});
}

/* "start group numerator/denominator flag" of all rows; F: folded. */
static const char *ratio_rows(struct ratio *ratio)
{
    assert_int_equal(tide_result_create(ratio->room.definitions,
                                        ratio->room.metric,
                                        ratio->above,
                                        ratio->below,
                                        &ratio->result),
                     TIDE_OK);
    for (uint64_t i = 0; i < tide_result_count(ratio->result); i++) {
        const struct tide_result_row row = tide_result_at(ratio->result, i);
        size_t at = 0;
        tide_bytes_append_format(
            &ratio->text, "%s%d ", i == 0 ? "" : "; ", (int)(row.window.start.us / HOUR_US));
        if (tide_group_is_other(row.group)) {
            tide_bytes_append_text(&ratio->text, "\"(other)\" ");
        }
        while (!tide_group_is_other(row.group) && at < row.group.size) {
            tide_value_write_json(tide_value_decode(row.group, &at), &ratio->text);
            tide_bytes_append_byte(&ratio->text, ' ');
        }
        tide_bytes_append_format(&ratio->text,
                                 "%d/%d%s",
                                 row.value == NULL ? -1 : (int)row.value->count,
                                 row.below == NULL ? -1 : (int)row.below->count,
                                 tide_result_is_folded(&row) ? "F" : "");
    }
    return tide_bytes_terminated(&ratio->text);
}

#define COUNT "{count: events, every: 1h"

/* Every cell of either side; a missing one is 0. */
static void test_equal_columns(void **state)
{
    (void)state;
    struct ratio ratio;
    ratio_open(&ratio,
               "  up: " COUNT ", by: [a]}\n  down: " COUNT
               ", by: [a]}\n  m: {ratio: [up, down]}\n");
    add(ratio.above, 1, "x", 3);
    add(ratio.above, 1, "-", 1);
    add(ratio.above, 0, "y", 5);
    add(ratio.below, 1, "x", 6);
    add(ratio.below, 1, "w", 7);
    add(ratio.below, 2, "x", 8);
    assert_string_equal(ratio_rows(&ratio),
                        "0 \"y\" 5/-1; 1 null 1/-1; 1 \"w\" -1/7; 1 \"x\" 3/6; 2 \"x\" -1/8");
    static const char *const lines[] = {
        "\"group\": {\"a\": \"y\"}, \"value\": null, \"numerator\": 5, \"denominator\": 0}",
        "\"group\": {\"a\": null}, \"value\": null, \"numerator\": 1, \"denominator\": 0}",
        "\"group\": {\"a\": \"w\"}, \"value\": 0, \"numerator\": 0, \"denominator\": 7}",
        "\"group\": {\"a\": \"x\"}, \"value\": 0.5, \"numerator\": 3, \"denominator\": 6}",
        "\"group\": {\"a\": \"x\"}, \"value\": 0, \"numerator\": 0, \"denominator\": 8}",
    };
    static const uint64_t revisions[] = {6, 2, 8, 11, 9};
    for (uint64_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        const struct tide_result_row row = tide_result_at(ratio.result, i);
        double number = -1;
        tide_bytes_reset(&ratio.text);
        tide_result_write_json(ratio.result, &row, (struct tide_view){0}, &ratio.text);
        assert_non_null(strstr(tide_bytes_terminated(&ratio.text), lines[i]));
        assert_int_equal(tide_result_revision(&row), revisions[i]);
        assert_int_equal(tide_result_number(ratio.result, &row, &number), i >= 2);
        assert_true(number == (i < 2 ? -1 : i == 3 ? 0.5 : 0));
        assert_true(tide_result_is_exact(ratio.result, &row));
        assert_false(tide_result_is_pending(&row));
    }
    ratio_close(&ratio);
}

static void test_equal_columns_in_another_order(void **state)
{
    (void)state;
    struct ratio ratio;
    ratio_open(&ratio,
               "  up: " COUNT ", by: [a, n]}\n  down: " COUNT
               ", by: [n, a]}\n  m: {ratio: [up, down]}\n");
    add(ratio.above, 0, "x 5", 3);
    add(ratio.above, 0, "x 4", 1);
    add(ratio.below, 0, "5 x", 6);
    add(ratio.below, 0, "7 -", 2);
    assert_string_equal(ratio_rows(&ratio), "0 null 7 -1/2; 0 \"x\" 4 1/-1; 0 \"x\" 5 3/6");
    ratio_close(&ratio);
}

/* Every cell above, and no others. */
static void test_fewer_columns_below(void **state)
{
    (void)state;
    struct ratio ratio;
    ratio_open(&ratio,
               "  up: " COUNT ", by: [a, n]}\n  down: " COUNT
               ", by: [n]}\n  m: {ratio: [up, down]}\n");
    add(ratio.above, 0, "x 5", 3);
    add(ratio.above, 0, "y 5", 1);
    add(ratio.above, 0, "y 6", 9);
    add(ratio.above, 1, "y 5", 9);
    add(ratio.below, 0, "5", 4);
    add(ratio.below, 0, "8", 7);
    assert_string_equal(ratio_rows(&ratio),
                        "0 \"x\" 5 3/4; 0 \"y\" 5 1/4; 0 \"y\" 6 9/-1; 1 \"y\" 5 9/-1");
    ratio_close(&ratio);
}

/* The ends are what is joined; the start is the denominator's. */
static void test_windows_of_different_length(void **state)
{
    (void)state;
    struct ratio ratio;
    ratio_open(&ratio,
               "  up: " COUNT "}\n  down: {count: events, every: 1h, over: 3h}\n"
               "  m: {ratio: [up, down]}\n");
    const struct tide_cell_value eight = {.events = 8, .count = 8};
    add(ratio.above, 9, "", 2);
    add(ratio.above, 20, "", 3);
    add_window(ratio.below, (struct tide_window){{7 * HOUR_US}, {10 * HOUR_US}}, "", eight);
    add_window(ratio.below, (struct tide_window){{8 * HOUR_US}, {11 * HOUR_US}}, "", eight);
    assert_string_equal(ratio_rows(&ratio), "7 2/8; 8 -1/8; 20 3/-1");
    ratio_close(&ratio);
}

/* What top cut off in a part is missing there, and 0. */
static void test_top_in_a_part(void **state)
{
    (void)state;
    struct ratio ratio;
    ratio_open(&ratio,
               "  up: " COUNT ", by: [a], top: 1}\n  down: " COUNT
               ", by: [a]}\n  m: {ratio: [up, down]}\n");
    add(ratio.above, 0, "x", 3);
    add(ratio.above, 0, "y", 2);
    add(ratio.below, 0, "x", 4);
    add(ratio.below, 0, "y", 4);
    assert_string_equal(ratio_rows(&ratio), "0 \"x\" 3/4; 0 \"y\" -1/4");
    ratio_close(&ratio);
}

/* Null above or below, 0 below: null. */
static void test_null_and_zero(void **state)
{
    (void)state;
    struct ratio ratio;
    ratio_open(&ratio,
               "  up: {sum: x, every: 1h, by: [a]}\n  down: {min: n, every: 1h, by: [a]}\n"
               "  m: {ratio: [up, down]}\n");
    const struct tide_window hour = {{0}, {HOUR_US}};
    const struct tide_cell_value null = {.events = 1};
    const struct tide_cell_value zero = {.events = 1, .count = 1};
    const struct tide_cell_value three = {
        .events = 1, .count = 1, .sum = 3000000, .min = 3, .max = 3};
    const struct tide_cell_value minus_two = {
        .events = 1, .count = 1, .sum = -2000000, .min = -2, .max = -2};
    add_window(ratio.above, hour, "a", three);
    add_window(ratio.below, hour, "a", null);
    add_window(ratio.above, hour, "b", null);
    add_window(ratio.below, hour, "b", three);
    add_window(ratio.above, hour, "c", three);
    add_window(ratio.below, hour, "c", zero);
    add_window(ratio.above, hour, "d", three);
    add_window(ratio.below, hour, "d", minus_two);
    add_window(ratio.above, hour, "e", zero);
    add_window(ratio.below, hour, "e", three);
    (void)ratio_rows(&ratio);
    static const char *const values[] = {
        "\"value\": null, \"numerator\": 3, \"denominator\": null}",
        "\"value\": null, \"numerator\": null, \"denominator\": 3}",
        "\"value\": null, \"numerator\": 3, \"denominator\": 0}",
        "\"value\": -1.5, \"numerator\": 3, \"denominator\": -2}",
        "\"value\": 0, \"numerator\": 0, \"denominator\": 3}",
    };
    assert_int_equal(tide_result_count(ratio.result), 5);
    for (uint64_t i = 0; i < 5; i++) {
        const struct tide_result_row row = tide_result_at(ratio.result, i);
        tide_bytes_reset(&ratio.text);
        tide_result_write_json(ratio.result, &row, (struct tide_view){0}, &ratio.text);
        assert_non_null(strstr(tide_bytes_terminated(&ratio.text), values[i]));
    }
    ratio_close(&ratio);
}

/* (other) is joined with (other), and with what has no columns; a group that is missing where there
 * is (other) may be in there, and the row says so. */
static void test_folded_groups(void **state)
{
    (void)state;
    struct ratio ratio;
    ratio_open(&ratio,
               "  up: " COUNT ", by: [a]}\n  down: " COUNT
               ", by: [a]}\n  m: {ratio: [up, down]}\n");
    add(ratio.above, 0, "x", 3);
    add(ratio.above, 0, "y", 2);
    add(ratio.above, 1, "*", 1);
    add(ratio.below, 0, "x", 4);
    add(ratio.below, 0, "*", 4);
    add(ratio.below, 1, "x", 9);
    add(ratio.below, 1, "*", 2);
    add(ratio.below, 2, "x", 9);
    assert_string_equal(ratio_rows(&ratio),
                        "0 \"x\" 3/4; 0 \"y\" 2/-1F; 0 \"(other)\" -1/4F; 1 \"x\" -1/9F; "
                        "1 \"(other)\" 1/2F; 2 \"x\" -1/9");
    ratio_close(&ratio);

    ratio_open(&ratio, "  up: " COUNT ", by: [a]}\n  down: " COUNT "}\n  m: {ratio: [up, down]}\n");
    add(ratio.above, 0, "x", 3);
    add(ratio.above, 0, "*", 5);
    add(ratio.below, 0, "", 8);
    assert_string_equal(ratio_rows(&ratio), "0 \"x\" 3/8; 0 \"(other)\" 5/8F");
    ratio_close(&ratio);
}

/* Samoa had no 2011-12-30: of three-day windows two end where the 31st begins. With the same
 * windows on both sides each has its own; with others, the latest start stands below. */
static void test_windows_with_one_end(void **state)
{
    (void)state;
    static const struct {
        const char *above;
        const char *expected;
    } cases[] = {
        {"over: 3d, ", "value 3 5; value 4 6; value 7 8; "},
        {"", "value 9 6; "},
    };
    const int64_t end_us = INT64_C(1325239200000000); /* 2011-12-30T10:00Z, 00:00 of the 31st */
    const int64_t day_us = INT64_C(86400000000);
    const struct tide_window early = {{end_us - 3 * day_us}, {end_us}};
    const struct tide_window late = {{end_us - 2 * day_us}, {end_us}};
    const struct tide_window last = {{end_us - day_us}, {end_us + day_us}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ratio ratio;
        struct tide_bytes metrics = {0};
        struct tide_bytes rows = {0};
        tide_bytes_append_format(&metrics,
                                 "  up: {count: events, every: 1d, %stimezone: Pacific/Apia}\n"
                                 "  down: {count: events, every: 1d, over: 3d, "
                                 "timezone: Pacific/Apia}\n  m: {ratio: [up, down]}\n",
                                 cases[i].above);
        ratio_open(&ratio, tide_bytes_terminated(&metrics));
        if (i == 0) {
            add_window(ratio.above, early, "", (struct tide_cell_value){.events = 1, .count = 3});
            add_window(ratio.above, late, "", (struct tide_cell_value){.events = 1, .count = 4});
            add_window(ratio.above, last, "", (struct tide_cell_value){.events = 1, .count = 7});
            add_window(ratio.below, last, "", (struct tide_cell_value){.events = 1, .count = 8});
        } else {
            const struct tide_window day = {{end_us - day_us}, {end_us}};
            add_window(ratio.above, day, "", (struct tide_cell_value){.events = 1, .count = 9});
        }
        add_window(ratio.below, early, "", (struct tide_cell_value){.events = 1, .count = 5});
        add_window(ratio.below, late, "", (struct tide_cell_value){.events = 1, .count = 6});
        (void)ratio_rows(&ratio);
        for (uint64_t k = 0; k < tide_result_count(ratio.result); k++) {
            const struct tide_result_row row = tide_result_at(ratio.result, k);
            tide_bytes_append_format(
                &rows, "value %d %d; ", (int)row.value->count, (int)row.below->count);
        }
        assert_string_equal(tide_bytes_terminated(&rows), cases[i].expected);
        tide_bytes_release(&rows);
        tide_bytes_release(&metrics);
        ratio_close(&ratio);
    }
}

/* An estimate on one side makes the quotient one. */
static void test_exactness_of_ratios(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct ratio ratio;
        ratio_open(&ratio,
                   side == 0 ? "  up: {approx_distinct: a, every: 1h}\n  down: " COUNT
                               "}\n  m: {ratio: [up, down]}\n"
                             : "  up: " COUNT "}\n  down: {approx_distinct: a, every: 1h}\n"
                               "  m: {ratio: [up, down]}\n");
        struct tide_cell_value estimate = {.events = 1};
        assert_true(tide_cell_value_open(part_of(&ratio, side), &estimate));
        assert_int_equal(tide_value_set_add(&estimate.parts->values, (struct tide_u128){7, 7}),
                         TIDE_OK);
        const struct tide_window hour = {{0}, {HOUR_US}};
        add_window(side == 0 ? ratio.above : ratio.below, hour, "", estimate);
        add_window(side == 0 ? ratio.below : ratio.above,
                   hour,
                   "",
                   (struct tide_cell_value){.events = 1, .count = 2, .is_pending = true});
        tide_cell_value_release(&estimate);
        assert_string_not_equal(ratio_rows(&ratio), "");
        const struct tide_result_row row = tide_result_at(ratio.result, 0);
        assert_false(tide_result_is_exact(ratio.result, &row));
        assert_true(tide_result_is_pending(&row));
        ratio_close(&ratio);
    }
}

/* ------- one metric */

static void check_number(const char *metric,
                         const struct tide_cell_value *value,
                         bool is_there,
                         double expected)
{
    struct room room;
    struct tide_result *result = NULL;
    double number = -1;
    room_open(&room, metric);
    struct tide_cell_table *table = room_empty_table(&room, room.metric);
    const struct tide_window hour = {{0}, {HOUR_US}};
    assert_int_equal(tide_cell_table_add(table, hour, (struct tide_view){"", 0}, value), TIDE_OK);
    assert_int_equal(tide_result_create(room.definitions, room.metric, table, NULL, &result),
                     TIDE_OK);
    assert_int_equal(tide_result_count(result), 1);
    const struct tide_result_row row = tide_result_at(result, 0);
    assert_int_equal(tide_result_number(result, &row, &number), is_there);
    if (is_there) {
        assert_true(number == expected);
    }
    assert_int_equal(tide_result_revision(&row), value->events);
    assert_int_equal(tide_result_is_folded(&row), value->is_folded);
    assert_int_equal(tide_result_is_pending(&row), value->is_pending);
    assert_int_equal(tide_result_is_exact(result, &row), !value->is_pending);
    tide_result_destroy(result);
    room_close(&room);
}

static void test_one_number(void **state)
{
    (void)state;
    int64_t exact[] = {2500000, 1};
    struct tide_step_count steps[] = {{9, 1, 0}, {4, 1, 0}};
    struct tide_cell_parts parts = {.steps = steps, .exact = exact};
    struct tide_cell_parts only_steps = {.steps = steps};
    const struct tide_cell_value some = {
        .events = 7, .count = 4, .distinct = 3, .sum = 6000000, .min = -1, .max = 5};
    const struct tide_cell_value with_parts = {.events = 7, .count = 9, .parts = &parts};
    const struct tide_cell_value with_steps = {.events = 7, .count = 9, .parts = &only_steps};
    const struct tide_cell_value nulls = {.events = 7, .is_folded = true};
    const struct tide_cell_value pending = {
        .events = 7, .count = 9, .is_pending = true, .parts = &only_steps};
    check_number("{count: events, every: 1h}", &some, true, 4);
    check_number("{distinct: user_id, every: 1h}", &some, true, 3);
    check_number("{sum: x, every: 1h}", &some, true, 6);
    check_number("{sum: x, every: 1h}", &nulls, false, 0);
    check_number("{mean: x, every: 1h}", &some, true, 1.5);
    check_number("{mean: x, every: 1h}", &nulls, false, 0);
    check_number("{min: n, every: 1h}", &some, true, -1);
    check_number("{max: x, every: 1h}", &some, true, 0.000005);
    check_number("{quantiles: [0.5, 0.9], of: x, every: 1h}", &with_parts, true, 2.5);
    check_number("{quantiles: [0.5, 0.9], of: n, every: 1h}", &with_parts, true, 2500000);
    check_number("{quantiles: [0.5, 0.9], of: n, every: 1h}", &nulls, false, 0);
    check_number("{sessions: {per: user_id, timeout: 1m}, every: 1h}", &with_parts, true, 9);
    static const char funnel[] =
        "{funnel: {per: [user_id], timeout: 1m, steps: [{i: b}, {s: 'n > 0'}]}, every: 1h}";
    check_number(funnel, &with_steps, true, 4);
    check_number(funnel, &pending, true, 4);
    check_number("{retention: {per: user_id, period: 1d, periods: 1}}", &with_steps, true, 9);
}

static void test_lines(void **state)
{
    (void)state;
    struct room room;
    struct tide_result *result = NULL;
    struct tide_bytes text = {0};
    room_open(&room, "{count: events, every: 1h}");
    struct tide_cell_table *table = room_empty_table(&room, room.metric);
    add(table, 0, "", 1);
    assert_int_equal(tide_result_create(room.definitions, room.metric, table, NULL, &result),
                     TIDE_OK);
    const struct tide_result_row row = tide_result_at(result, 0);
    tide_result_write_json(result, &row, TIDE_VIEW("\"revision\": 1"), &text);
    assert_string_equal(tide_bytes_terminated(&text),
                        "{\"metric\": \"m\", \"start\": \"1970-01-01T00:00:00Z\", \"end\": "
                        "\"1970-01-01T01:00:00Z\", \"group\": {}, \"value\": 1, \"revision\": 1}");
    tide_result_destroy(result);
    tide_result_destroy(NULL);
    tide_bytes_release(&text);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_columns),
        cmocka_unit_test(test_equal_columns_in_another_order),
        cmocka_unit_test(test_fewer_columns_below),
        cmocka_unit_test(test_windows_of_different_length),
        cmocka_unit_test(test_top_in_a_part),
        cmocka_unit_test(test_null_and_zero),
        cmocka_unit_test(test_folded_groups),
        cmocka_unit_test(test_windows_with_one_end),
        cmocka_unit_test(test_exactness_of_ratios),
        cmocka_unit_test(test_one_number),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
