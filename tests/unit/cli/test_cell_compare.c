/* Goal: what must be equal is equal to the last digit; an estimate may be off by what its kind
 * states and by no more; nothing that one side lacks goes unnoticed, unless the service says that
 * it left it to batch. Method: a table of two texts and what is found. */
#include "cli/cell_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char definitions_text[] = "schema:\n"
                                       "  name: t\n"
                                       "  entity: who\n"
                                       "  id: id\n"
                                       "  time: at_\n"
                                       "  columns:\n"
                                       "    id: {path: id}\n"
                                       "    at_: {path: at, type: time_ms, required: true}\n"
                                       "    who: {path: who}\n"
                                       "    a: {path: a}\n"
                                       "    x: {path: x, type: decimal}\n"
                                       "metrics:\n"
                                       "  c: {count: events, by: [a], every: 1h}\n"
                                       "  d: {distinct: a, every: 1h}\n"
                                       "  q: {quantiles: [0.5], of: x, every: 1h}\n"
                                       "  s: {sessions: {per: who, timeout: 1m}, every: 1h}\n"
                                       "  r: {retention: {per: who, period: 1d, periods: 1}}\n"
                                       "  dc: {ratio: [d, each]}\n"
                                       "  each: {count: events, every: 1h}\n";

static struct tide_arena arena;
static const struct tide_definitions *definitions;

static int open_world(void **state)
{
    static const struct tide_source source = {{"t.yaml", 6},
                                              {definitions_text, sizeof(definitions_text) - 1}};
    const struct tide_definitions_input input = {.file = &source};
    struct tide_diagnostics diagnostics;
    (void)state;
    tide_diagnostics_init(&diagnostics, &arena);
    definitions = tide_definitions_load(&arena, &input, &diagnostics);
    return definitions == NULL ? -1 : 0;
}

static int close_world(void **state)
{
    (void)state;
    tide_arena_release(&arena);
    return 0;
}

static void write_difference(void *context, const char *what, struct tide_view line)
{
    (void)line;
    tide_bytes_append_format(context, "%s;", what);
}

/* A cell of the metric in the n-th hour. */
#define CELL(metric, hour, group, values)                                                          \
    "{\"metric\": \"" metric "\", \"start\": \"" hour "\", \"end\": \"" hour                       \
    "+1\", \"group\": {" group "}, " values "}\n"
#define C(group, values) CELL("c", "0", "\"a\": " group, values)
#define C1(group, values) CELL("c", "1", "\"a\": " group, values)
#define D(values) CELL("d", "0", "", values)
#define Q(values) CELL("q", "0", "", values)
#define S(values) CELL("s", "0", "", values)
#define DC(values) CELL("dc", "0", "", values)
#define R(cohort, values)                                                                          \
    "{\"metric\": \"r\", \"cohort\": \"" cohort "\", \"size\": 1, \"retained\": " values "}\n"

static const struct compare_case {
    const char *metric;
    const char *live;
    const char *lake;
    const char *found; /* "cells differences left within|what;" */
} cases[] = {
    {"c", "", "", "0 0 0 0|"},
    {"c", C("\"x\"", "\"value\": 1"), C("\"x\"", "\"value\": 1"), "1 0 0 0|"},
    {"c", /* lines of others are not looked at, nor is order */
     C("\"y\"", "\"value\": 2") D("\"value\": 1") C("\"x\"", "\"value\": 1"),
     C("\"x\"", "\"value\": 1") C("\"y\"", "\"value\": 2"),
     "2 0 0 0|"},
    {"c", C("\"x\"", "\"value\": 1"), C("\"x\"", "\"value\": 2"), "1 1 0 0|live;lake;"},
    {"c", C("\"x\"", "\"value\": 1"), "", "1 1 0 0|live only;"},
    {"c", "", C("\"x\"", "\"value\": 1"), "0 1 0 0|lake only;"},
    {"c", C("null", "\"value\": 1"), C("\"null\"", "\"value\": 1"), "1 2 0 0|lake only;live only;"},
    {"c", /* twice on one side */
     C("\"x\"", "\"value\": 1") C("\"x\"", "\"value\": 1"),
     C("\"x\"", "\"value\": 1"),
     "2 1 0 0|live only;"},
    {"c", /* an exact kind stays one, whatever the service says */
     C("\"x\"", "\"value\": 100, \"exact\": false"),
     C("\"x\"", "\"value\": 101"),
     "1 1 0 0|live;lake;"},
    {"c", C("\"x\"", "\"value\": 1, \"odd\": 1"), C("\"x\"", "\"value\": 1"), "1 1 0 0|live;lake;"},
    {"c", C("\"x\"", "\"value\": 1"), C("\"x\"", "\"value\": 1, \"odd\": 1"), "1 1 0 0|live;lake;"},
    /* Distinct values */
    {"d", D("\"value\": 5000, \"exact\": false"), D("\"value\": 5000"), "1 0 0 0|"},
    {"d", D("\"value\": 5100, \"exact\": false"), D("\"value\": 5000"), "1 0 0 3|"},
    {"d", D("\"value\": 4850, \"exact\": false"), D("\"value\": 5000"), "1 0 0 3|"},
    {"d", D("\"value\": 5200, \"exact\": false"), D("\"value\": 5000"), "1 1 0 0|live;lake;"},
    {"d", D("\"value\": 5001"), D("\"value\": 5000"), "1 1 0 0|live;lake;"},
    {"d", D("\"value\": null, \"exact\": false"), D("\"value\": 5000"), "1 1 0 0|live;lake;"},
    /* Quantiles; how many values there are is exact */
    {"q",
     Q("\"count\": 3, \"quantiles\": {\"0.5\": 1.009}, \"exact\": false"),
     Q("\"count\": 3, \"quantiles\": {\"0.5\": 1}"),
     "1 0 0 1|"},
    {"q",
     Q("\"count\": 3, \"quantiles\": {\"0.5\": -0.98}, \"exact\": false"),
     Q("\"count\": 3, \"quantiles\": {\"0.5\": -1}"),
     "1 1 0 0|live;lake;"},
    {"q",
     Q("\"count\": 3, \"quantiles\": {\"0.5\": 1}, \"exact\": false"),
     Q("\"count\": 4, \"quantiles\": {\"0.5\": 1}"),
     "1 1 0 0|live;lake;"},
    {"q",
     Q("\"count\": 3, \"quantiles\": {\"0.9\": 1}, \"exact\": false"),
     Q("\"count\": 3, \"quantiles\": {\"0.5\": 1}"),
     "1 1 0 0|live;lake;"},
    {"q",
     Q("\"count\": 3, \"quantiles\": {\"0.5\": 0}, \"exact\": false"),
     Q("\"count\": 3, \"quantiles\": {\"0.5\": 0.000001}"),
     "1 1 0 0|live;lake;"},
    /* Medians; means are exact */
    {"s",
     S("\"sessions\": 2, \"mean_duration\": 10, \"median_duration\": 10.05, \"exact\": false"),
     S("\"sessions\": 2, \"mean_duration\": 10, \"median_duration\": 10"),
     "1 0 0 1|"},
    {"s",
     S("\"sessions\": 2, \"mean_duration\": 10.05, \"median_duration\": 10, \"exact\": false"),
     S("\"sessions\": 2, \"mean_duration\": 10, \"median_duration\": 10"),
     "1 1 0 0|live;lake;"},
    {"r", R("2026-03-08", "[3, 1]"), R("2026-03-08", "[3, 1]"), "1 0 0 0|"},
    {"r", R("2026-03-08", "[3, 1]"), R("2026-03-08", "[3, 2]"), "1 1 0 0|live;lake;"},
    {"r", R("2026-03-08", "[3]"), R("2026-03-09", "[3]"), "1 2 0 0|live only;lake only;"},
    {"r", R("2026-03-08", "[3]"), R("2026-03-08", "[3, 0]"), "1 1 0 0|live;lake;"},
    /* A ratio is as good as its parts */
    {"dc",
     DC("\"value\": 102, \"numerator\": 10200, \"denominator\": 100, \"exact\": false"),
     DC("\"value\": 100, \"numerator\": 10000, \"denominator\": 100"),
     "1 0 0 3|"},
    {"dc",
     DC("\"value\": 99.0, \"numerator\": 10000, \"denominator\": 101, \"exact\": false"),
     DC("\"value\": 100, \"numerator\": 10000, \"denominator\": 100"),
     "1 1 0 0|live;lake;"},
    /* What the service left to batch */
    {"c",
     C("\"x\"", "\"value\": 1, \"exact\": false, \"pending_batch\": true"),
     C("\"x\"", "\"value\": 9") C("\"y\"", "\"value\": 9"),
     "1 1 1 0|lake only;"},
    {"c", /* all of a folded window, and nothing of another */
     C("\"(other)\"", "\"value\": 5, \"folded\": true") C1("\"x\"", "\"value\": 1"),
     C("\"x\"", "\"value\": 2") C("\"y\"", "\"value\": 3") C1("\"x\"", "\"value\": 2"),
     "2 1 3 0|live;lake;"},
    {"c", /* a group that is called so */
     C("\"\\\"folded\\\": true\"", "\"value\": 5"),
     C("\"x\"", "\"value\": 5"),
     "1 2 0 0|live only;lake only;"},
};

static void compares(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes found = {0};
        struct tide_bytes text = {0};
        struct tide_error error = {0};
        struct tide_cell_comparison comparison = {
            .from = TIDE_INSTANT_UNKNOWN,
            .definitions = definitions,
            .metric = tide_definitions_find(definitions, tide_view_of(cases[i].metric)),
            .live = tide_view_of(cases[i].live),
            .lake = tide_view_of(cases[i].lake),
            .differ = write_difference,
            .context = &found};
        assert_non_null(comparison.metric);
        assert_int_equal(tide_cells_compare(&comparison, &error), TIDE_OK);
        tide_bytes_append_format(&text,
                                 "%d %d %d %g|%s",
                                 (int)comparison.cell_count,
                                 (int)comparison.differences,
                                 (int)comparison.left_count,
                                 comparison.within * 100,
                                 tide_bytes_terminated(&found));
        if (strcmp(tide_bytes_terminated(&text), cases[i].found) != 0) {
            fail_msg("case %zu: %s%sfound %s, not %s",
                     i,
                     cases[i].live,
                     cases[i].lake,
                     tide_bytes_terminated(&text),
                     cases[i].found);
        }
        tide_bytes_release(&text);
        tide_bytes_release(&found);
    }
}

#define T(time, value)                                                                             \
    "{\"metric\": \"c\", \"start\": \"" time "\", \"end\": \"" time                                \
    "\", \"group\": {\"a\": \"x\"}, \"value\": " value "}\n"

/* Days whose events left the lake: neither side's cells of them count. */
static void leaves_out_what_is_before(void **state)
{
    static const struct {
        int64_t from_s;
        const char *metric;
        uint64_t cells;
        uint64_t differences;
    } bounds[] = {
        {0, "c", 3, 3},
        {1772928000, "c", 2, 1}, /* 2026-03-08T00:00:00Z, where a window starts */
        {1772928001, "c", 1, 1},
        {1773100000, "c", 0, 0},
        {1772928000, "r", 1, 0}, /* cohorts by their day */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        struct tide_bytes found = {0};
        const uint32_t metric = strcmp(bounds[i].metric, "c") == 0 ? 0 : 4;
        struct tide_cell_comparison comparison = {
            .definitions = definitions,
            .metric = &definitions->metrics[metric],
            .live = tide_view_of(T("2026-03-07T23:00:00Z", "1") T("2026-03-08T00:00:00Z", "2") T(
                "2026-03-08T01:00:00Z", "3") R("2026-03-07", "[1]") R("2026-03-08", "[1]")),
            .lake = tide_view_of(T("2026-03-07T22:00:00Z", "4") T("2026-03-08T00:00:00Z", "2")
                                     R("2026-03-08", "[1]")),
            .from = {bounds[i].from_s * 1000000},
            .differ = write_difference,
            .context = &found};
        assert_true(tide_view_equal(comparison.metric->name, tide_view_of(bounds[i].metric)));
        assert_int_equal(tide_cells_compare(&comparison, NULL), TIDE_OK);
        assert_int_equal(comparison.cell_count, bounds[i].cells);
        assert_int_equal(comparison.differences, bounds[i].differences);
        tide_bytes_release(&found);
    }
}

static void refuses_what_is_no_cell(void **state)
{
    static const char *const lines[] = {"{\"metric\": \"c\", \"value\": 1}\n",
                                        "{\"metric\": \"c\", \"start\": \"0\"\n",
                                        "{\"metric\": \"c\", \"end\": \"0\", \"value\": 1}\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct tide_bytes found = {0};
        struct tide_error error = {0};
        struct tide_cell_comparison comparison = {
            .from = TIDE_INSTANT_UNKNOWN,
            .definitions = definitions,
            .metric = tide_definitions_find(definitions, TIDE_VIEW("c")),
            .live = tide_view_of(lines[i]),
            .lake = {0},
            .differ = write_difference,
            .context = &found};
        assert_int_equal(tide_cells_compare(&comparison, &error), TIDE_REJECT);
        assert_true(strlen(error.text) > 0);
        tide_bytes_release(&found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(leaves_out_what_is_before),
        cmocka_unit_test(refuses_what_is_no_cell),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
