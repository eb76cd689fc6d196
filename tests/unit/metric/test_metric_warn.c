/* Goal: what cannot be meant is told at its place, and nothing else is; a metric that is not
 * selected, or a preset's column, is nobody's business.
 * Method: definitions and the whole text of their warnings. */
#include "metric/definition.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The fixture's schema has a derived column, which these use. */
#define USED "  u: {count: events, by: [g], every: 1d}\n"

static void check(const char *metrics, const char *const *only, const char *expected)
{
    struct fixture fixture;
    struct tide_bytes text = {0};
    fixture_init(&fixture);
    tide_bytes_append_format(&text, "%smetrics:\n%s", FIXTURE_SCHEMA, metrics);
    fixture.source = (struct tide_source){TIDE_VIEW("m"), tide_bytes_view(&text)};
    const struct tide_view name = tide_view_of(only == NULL ? NULL : *only);
    const struct tide_definitions_input input = {
        .file = &fixture.source, .only = &name, .only_count = only != NULL};
    assert_non_null(tide_definitions_load(&fixture.arena, &input, &fixture.diagnostics));
    assert_string_equal(fixture_errors_and_warnings(&fixture), expected);
    assert_int_equal(fixture.diagnostics.error_count, 0);
    tide_bytes_release(&text);
    fixture_release(&fixture);
}

static void test_metrics(void **state)
{
    static const struct {
        const char *metric;
        const char *warning; /* behind "m.yaml:19:" and before the line that it is in */
    } cases[] = {
        {"  m: {count: events, where: 'a == \"x\"', every: 1d}\n", NULL},
        {"  m: {count: events, where: 'a == \"x\" and a == \"y\"', every: 1d}\n",
         "29: warning: this can never hold: no event is counted"},
        {"  m: {count: events, where: 'kind is not null', every: 1d}\n",
         "29: warning: this holds for every event; remove 'where'"},
        {"  m: {distinct: user_id, having: 'count() >= 1', every: 1d}\n",
         "34: warning: this holds for everybody; remove 'having'"},
        {"  m: {distinct: user_id, having: 'count() < 1', every: 1d}\n",
         "34: warning: this can never hold: nobody is counted"},
        {"  m: {count: events, every: 1d, top: 3}\n",
         "33: warning: 'top' does nothing without 'by': there is one group"},
        {"  m: {count: events, by: [a], every: 1d, top: 3}\n", NULL},
        {"  m: {count: events, every: 1h, over: 60m}\n",
         "33: warning: 'over' is as long as 'every', so windows do not slide; remove it"},
        {"  m: {count: events, every: 1h, over: 120m}\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        struct tide_bytes text = {0};
        struct tide_bytes expected = {0};
        fixture_init(&fixture);
        tide_bytes_append_format(&text, "%smetrics:\n" USED "%s", FIXTURE_SCHEMA, cases[i].metric);
        assert_non_null(fixture_load(&fixture, tide_bytes_terminated(&text)));
        if (cases[i].warning != NULL) {
            tide_bytes_append_format(&expected, "m.yaml:19:%s\n", cases[i].warning);
        }
        const char *said = fixture_errors_and_warnings(&fixture);
        assert_memory_equal(said, tide_bytes_terminated(&expected), expected.size);
        assert_int_equal(fixture.diagnostics.warning_count, cases[i].warning != NULL);
        tide_bytes_release(&text);
        tide_bytes_release(&expected);
        fixture_release(&fixture);
    }
}

#define FUNNEL(steps)                                                                              \
    USED "  f: {funnel: {per: [user_id], timeout: 30m, steps: [" steps "]}, every: 1d}\n"

static void test_steps(void **state)
{
    static const struct {
        const char *metrics;
        const char *word; /* in the one warning; NULL: there is none */
    } cases[] = {
        {FUNNEL("{s: 'a == \"x\"'}, {t: 'a == \"y\"'}"), NULL},
        {FUNNEL("{s: 'a == \"x\"'}, {t: 'a == \"x\"'}"),
         "step 't' is never reached: 's' comes first and takes every event for which this holds"},
        {FUNNEL("{s: 'a == \"x\"'}, {t: 'a == \"x\" and b'}"), "'s' comes first"},
        {FUNNEL("{s: 'a == \"x\" and b'}, {t: 'a == \"x\"'}"), NULL},
        {FUNNEL("{s: 'b'}, {t: 'a == \"x\" and not b'}, {v: 'a == \"x\"'}"),
         "step 'v' is never reached: earlier steps take every event for which this holds"},
        {FUNNEL("{s: 'b'}, {t: 'b and not b'}"), "this can never hold: the step is never reached"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        struct tide_bytes text = {0};
        fixture_init(&fixture);
        tide_bytes_append_format(&text, "%smetrics:\n%s", FIXTURE_SCHEMA, cases[i].metrics);
        assert_non_null(fixture_load(&fixture, tide_bytes_terminated(&text)));
        assert_int_equal(fixture.diagnostics.warning_count, cases[i].word != NULL);
        if (cases[i].word != NULL) {
            assert_non_null(strstr(fixture_errors_and_warnings(&fixture), cases[i].word));
        }
        tide_bytes_release(&text);
        fixture_release(&fixture);
    }
}

static void test_windows_of_a_ratio(void **state)
{
    static const struct {
        const char *first;
        const char *second;
        bool together;
    } cases[] = {
        {"every: 1h", "every: 1h", true},
        {"every: 1h", "every: 7h", true},
        {"every: 1h", "every: 1d", true},
        {"every: 1d", "every: 1d, over: 28d", true},
        {"every: 1w", "every: 1mo", true},
        {"every: 1h", "every: 1d, timezone: Asia/Kolkata", false},
        {"every: 30m", "every: 1d, timezone: Asia/Kolkata", true},
        {"every: 1d", "every: 1d, timezone: America/New_York", false},
        {"every: 1d, timezone: America/New_York", "every: 1w, timezone: America/New_York", true},
        {"every: 2d", "every: 2w", false}, /* weeks begin on days of an odd number */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tide_bytes text = {0};
        tide_bytes_append_format(&text,
                                 USED "  a: {count: events, %s}\n  b: {count: events, %s}\n"
                                      "  r: {ratio: [b, a]}\n",
                                 cases[i].first,
                                 cases[i].second);
        struct fixture fixture;
        struct tide_bytes whole = {0};
        fixture_init(&fixture);
        tide_bytes_append_format(
            &whole, "%smetrics:\n%s", FIXTURE_SCHEMA, tide_bytes_terminated(&text));
        assert_non_null(fixture_load(&fixture, tide_bytes_terminated(&whole)));
        if (fixture.diagnostics.warning_count != !cases[i].together) {
            fail_msg("%s, %s: %s",
                     cases[i].first,
                     cases[i].second,
                     fixture_errors_and_warnings(&fixture));
        }
        tide_bytes_release(&whole);
        tide_bytes_release(&text);
        fixture_release(&fixture);
    }
    check(USED "  a: {count: events, every: 1h}\n"
               "  b: {count: events, every: 1d, timezone: Asia/Kolkata}\n  r: {ratio: [a, b]}\n",
          NULL,
          "m:21:15: warning: windows of 'a' (1h) and of 'b' (1d in Asia/Kolkata) do not end "
          "together: there is nothing to divide\n"
          "  r: {ratio: [a, b]}\n"
          "              ^\n");
}

static void test_derived_columns(void **state)
{
    static const char *const used[] = {
        "  m: {count: events, by: [g], every: 1d}\n",
        "  m: {distinct: g, every: 1d}\n",
        "  m: {count: events, where: 'g == \"X\"', every: 1d}\n",
        "  m: {distinct: user_id, having: 'distinct(g) > 1', every: 1d}\n",
        "  m: {funnel: {per: [user_id, g], timeout: 1m, steps: [{s: 'b'}]}, every: 1d}\n",
        "  m: {funnel: {per: [user_id], timeout: 1m, steps: [{s: 'g == \"X\"'}]}, every: 1d}\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(used); i++) {
        check(used[i], NULL, "");
    }
    check("  m: {count: events, every: 1d}\n",
          NULL,
          "m:16:5: warning: no metric uses the derived column 'g'\n"
          "    g: {from: a, map: [{'x*': X}], default: Z}\n"
          "    ^\n");
}

static void test_what_is_not_selected_is_not_told(void **state)
{
    static const char *const only[] = {"u"};
    (void)state;
    check(USED "  m: {count: events, every: 1d, top: 3}\n", only, "");
    /* The parts of a ratio are computed, so they matter. */
    static const char *const ratio[] = {"r"};
    check(USED "  m: {count: events, every: 1d, top: 3}\n  r: {ratio: [m, m]}\n",
          ratio,
          "m:19:33: warning: 'top' does nothing without 'by': there is one group\n"
          "  m: {count: events, every: 1d, top: 3}\n"
          "                                ^~~\n");
}

static void test_presets_have_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < tide_preset_count(); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        const struct tide_definitions_input input = {.preset = tide_preset_at(i)->name};
        assert_non_null(tide_definitions_load(&fixture.arena, &input, &fixture.diagnostics));
        assert_string_equal(fixture_errors_and_warnings(&fixture), "");
        fixture_release(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_windows_of_a_ratio),
        cmocka_unit_test(test_derived_columns),
        cmocka_unit_test(test_what_is_not_selected_is_not_told),
        cmocka_unit_test(test_presets_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
