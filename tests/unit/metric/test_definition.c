/* Goal: a file, a preset or both become one list of metrics; what is selected, computed for a ratio
 * only, or refused is as the header says. Method: tables of files and selections; the result as a
 * line of names, or the whole message. */
#include "metric/definition.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct load {
    const char *file; /* NULL: none */
    const char *preset;
    const char *only; /* one name, or NULL */
};

static const struct tide_definitions *run(struct fixture *fixture, const struct load *load)
{
    const struct tide_view only = tide_view_of(load->only);
    fixture->source = (struct tide_source){TIDE_VIEW("m.yaml"), tide_view_of(load->file)};
    const struct tide_definitions_input input = {
        .file = load->file == NULL ? NULL : &fixture->source,
        .preset = tide_view_of(load->preset),
        .only = &only,
        .only_count = load->only != NULL,
    };
    return tide_definitions_load(&fixture->arena, &input, &fixture->diagnostics);
}

/* "one two (hidden) ratio=two/one" */
static void put_names(const struct tide_definitions *definitions, struct tide_bytes *names)
{
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        tide_bytes_append_text(names, i == 0 ? "" : " ");
        tide_bytes_append_format(
            names, metric->is_hidden ? "(%.*s)" : "%.*s", TIDE_VIEW_ARGUMENTS(metric->name));
        for (int k = 0; metric->kind == TIDE_METRIC_RATIO && k < 2; k++) {
            assert_true(metric->parts[k] < definitions->metric_count);
            tide_bytes_append_text(names, k == 0 ? "=" : "/");
            tide_bytes_append_view(names, definitions->metrics[metric->parts[k]].name);
        }
    }
}

#define METRICS FIXTURE_SCHEMA "metrics:\n"
#define THREE                                                                                      \
    METRICS "  one: {count: events, every: 1h}\n"                                                  \
            "  two: {count: events, every: 1h, over: 2h}\n"                                        \
            "  three: {sum: n, every: 1h}\n"
#define RATIOS                                                                                     \
    METRICS "  rate: {ratio: [up, down]}\n"                                                        \
            "  up: {count: events, every: 1h}\n"                                                   \
            "  alone: {max: n, every: 1h}\n"                                                       \
            "  down: {sum: n, every: 1h}\n"                                                        \
            "  reverse: {ratio: [down, up]}\n"                                                     \
            "  same: {ratio: [up, up]}\n"

static void test_selection(void **state)
{
    static const struct {
        struct load load;
        const char *names; /* or the message */
    } cases[] = {
        {{THREE, NULL, NULL}, "one two three"},
        {{THREE, NULL, "three"}, "three"},
        {{THREE, NULL, "thre"}, "error: unknown metric 'thre'; did you mean 'three'?\n"},
        {{THREE, NULL, "nothing"}, "error: unknown metric 'nothing'\n"},
        {{METRICS, NULL, NULL}, ""},
        {{METRICS, NULL, "one"}, "error: unknown metric 'one'\n"},
        {{FIXTURE_SCHEMA "metrics: {}\nlake: [what, ever]\n", NULL, NULL}, ""},
        {{FIXTURE_SCHEMA, NULL, NULL}, ""},
        /* Parts stand behind the ratio and before it; what is not asked for is hidden. */
        {{RATIOS, NULL, NULL}, "rate=up/down up alone down reverse=down/up same=up/up"},
        {{RATIOS, NULL, "rate"}, "rate=up/down (up) (down)"},
        {{RATIOS, NULL, "reverse"}, "(up) (down) reverse=down/up"},
        {{RATIOS, NULL, "same"}, "(up) same=up/up"},
        {{RATIOS, NULL, "down"}, "down"},
        {{NULL, "sunbird", "stickiness"},
         "(daily_active_users) (monthly_active_users) "
         "stickiness=daily_active_users/monthly_active_users"},
        {{NULL, "sunbird", "session"},
         "error: unknown metric 'session'; did you mean 'sessions'?\n"},
        {{"preset: sunbird\n", NULL, "events_per_type"}, "events_per_type"},
        {{"preset: device\n", "sunbird", "events_per_type"}, "events_per_type"},
        /* A metric of the file takes the place of the preset's, also as a part of a ratio, and may
         * be a ratio of the preset's. */
        {{"preset: sunbird\nmetrics:\n"
          "  sessions: {count: events, every: 1d}\n"
          "  weekly_active_users: {ratio: [daily_active_users, mine]}\n"
          "  daily_active_users: {approx_distinct: device_id, every: 1d}\n"
          "  mine: {count: events, every: 1d}\n",
          NULL,
          NULL},
         "daily_active_users weekly_active_users=daily_active_users/mine monthly_active_users "
         "stickiness=daily_active_users/monthly_active_users active_users client_users "
         "version_users events_per_type top_pages completion_time multi_device_users "
         "repeated_clicks learning_funnel page_funnel sessions daily_retention mine"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        struct tide_bytes names = {0};
        fixture_init(&fixture);
        const struct tide_definitions *definitions = run(&fixture, &cases[i].load);
        if (definitions == NULL) {
            tide_bytes_append_text(&names, fixture_errors(&fixture));
        } else {
            assert_string_equal(fixture_errors(&fixture), "");
            put_names(definitions, &names);
        }
        assert_string_equal(tide_bytes_terminated(&names), cases[i].names);
        tide_bytes_release(&names);
        fixture_release(&fixture);
    }
}

/* Several are selected; a part that is selected too is shown. */
static void test_selection_of_several(void **state)
{
    static const struct tide_view only[] = {{"alone", 5}, {"rate", 4}, {"down", 4}, {"rate", 4}};
    (void)state;
    struct fixture fixture;
    struct tide_bytes names = {0};
    fixture_init(&fixture);
    fixture.source = (struct tide_source){TIDE_VIEW("m.yaml"), TIDE_VIEW(RATIOS)};
    const struct tide_definitions_input input = {
        .file = &fixture.source, .only = only, .only_count = 4};
    const struct tide_definitions *definitions =
        tide_definitions_load(&fixture.arena, &input, &fixture.diagnostics);
    assert_non_null(definitions);
    put_names(definitions, &names);
    assert_string_equal(tide_bytes_terminated(&names), "rate=up/down (up) alone down");
    tide_bytes_release(&names);
    fixture_release(&fixture);
}

static const struct {
    struct load load;
    const char *message;
} mistakes[] = {
    {{NULL, NULL, NULL}, "error: there is no schema; write 'schema:' or 'preset:'\n"},
    {{"metrics: {}\n", NULL, NULL},
     "m.yaml:1:1: error: there is no schema; write 'schema:' or 'preset:'\n"
     "metrics: {}\n"
     "^\n"},
    {{"- a\n", NULL, NULL},
     "m.yaml:1:1: error: a definitions file is a mapping with 'schema' or 'preset', and "
     "'metrics'\n"
     "- a\n"
     "^\n"},
    {{"preset: sunbrid\n", NULL, NULL},
     "m.yaml:1:9: error: unknown preset 'sunbrid'; did you mean 'sunbird'?\n"
     "preset: sunbrid\n"
     "        ^~~~~~~\n"},
    {{"preset: [sunbird]\n", NULL, NULL},
     "m.yaml:1:9: error: 'preset' must be a name\n"
     "preset: [sunbird]\n"
     "        ^\n"},
    {{NULL, "zzz", NULL}, "error: unknown preset 'zzz'\n"},
    {{"preset: device\nschema: {}\n", NULL, NULL},
     "m.yaml:2:1: error: the preset 'device' has a schema already; remove 'schema' or the "
     "preset\n"
     "schema: {}\n"
     "^~~~~~\n"},
    {{"preset: device\nmetrics: [a]\n", NULL, NULL},
     "m.yaml:2:10: error: 'metrics' must be a mapping of names to metrics\n"
     "metrics: [a]\n"
     "         ^\n"},
    {{"preset: device\nmetrics:\n  a: {sum: os, every: 1h}\n  b: {count: event, every: 7}\n",
      NULL,
      "daily_events"},
     "m.yaml:3:12: error: sum needs an int or decimal column, but 'os' is string\n"
     "  a: {sum: os, every: 1h}\n"
     "           ^~\n"
     "m.yaml:4:14: error: count takes only 'events'\n"
     "  b: {count: event, every: 7}\n"
     "             ^~~~~\n"
     "m.yaml:4:28: error: '7' is not a window; write a unit: 7m\n"
     "  b: {count: event, every: 7}\n"
     "                           ^\n"},
    /* Ratios: their parts do not go together, are unknown, or broken themselves. */
    {{METRICS "  m: {ratio: [p, q]}\n  p: {mean: n, every: 1h}\n  q: {quantiles: [0.5], "
              "of: n, every: 1h}\n",
      NULL,
      NULL},
     "m.yaml:18:15: error: 'p' is mean, and a ratio is of count, distinct, sum, min, max or "
     "approx_distinct\n"
     "  m: {ratio: [p, q]}\n"
     "              ^\n"
     "m.yaml:18:18: error: 'q' is quantiles, and a ratio is of count, distinct, sum, min, "
     "max or approx_distinct\n"
     "  m: {ratio: [p, q]}\n"
     "                 ^\n"},
    {{METRICS "  m: {ratio: [p, q]}\n  p: {sessions: {per: user_id, timeout: 1h}, every: "
              "1d}\n  q: {ratio: [r, r]}\n  r: {count: events, every: 1d}\n",
      NULL,
      NULL},
     "m.yaml:18:15: error: 'p' is sessions, and a ratio is of count, distinct, sum, min, max "
     "or approx_distinct\n"
     "  m: {ratio: [p, q]}\n"
     "              ^\n"
     "m.yaml:18:18: error: 'q' is ratio, and a ratio is of count, distinct, sum, min, max or "
     "approx_distinct\n"
     "  m: {ratio: [p, q]}\n"
     "                 ^\n"},
    {{METRICS "  m: {ratio: [p, q]}\n  p: {retention: {per: user_id, period: 1d, periods: "
              "3}}\n  q: {funnel: {per: [user_id], timeout: 1h, steps: [{s: b}]}, by: [a], "
              "every: 1d}\n",
      NULL,
      NULL},
     "m.yaml:18:15: error: 'p' is retention, and a ratio is of count, distinct, sum, min, "
     "max or approx_distinct\n"
     "  m: {ratio: [p, q]}\n"
     "              ^\n"
     "m.yaml:18:18: error: 'q' is funnel, and a ratio is of count, distinct, sum, min, max "
     "or approx_distinct\n"
     "  m: {ratio: [p, q]}\n"
     "                 ^\n"},
    {{METRICS "  m: {ratio: [p, q]}\n  p: {count: events, by: [a], every: 1h}\n  q: "
              "{count: events, by: [b, a, g], every: 1h}\n",
      NULL,
      NULL},
     "m.yaml:18:18: error: 'q' is by 'b', but 'p' is not\n"
     "  m: {ratio: [p, q]}\n"
     "                 ^\n"
     "m.yaml:18:18: error: 'q' is by 'g', but 'p' is not\n"
     "  m: {ratio: [p, q]}\n"
     "                 ^\n"},
    {{METRICS "  m: {ratio: [p, pp]}\n  p: {count: events, every: 1}\n", NULL, NULL},
     "m.yaml:18:18: error: unknown metric 'pp'\n"
     "  m: {ratio: [p, pp]}\n"
     "                 ^~\n"
     "m.yaml:19:29: error: '1' is not a window; write a unit: 1m\n"
     "  p: {count: events, every: 1}\n"
     "                            ^\n"},
    {{METRICS "  m: {ratio: [p, p], top: 1}\n  p: {count: events, every: 1}\n", NULL, NULL},
     "m.yaml:18:22: error: 'top' does not go with ratio; remove it\n"
     "  m: {ratio: [p, p], top: 1}\n"
     "                     ^~~\n"
     "m.yaml:19:29: error: '1' is not a window; write a unit: 1m\n"
     "  p: {count: events, every: 1}\n"
     "                            ^\n"},
    {{METRICS "  m: {ratio: [mm, cuont]}\n  count: {count: events, every: 1h}\n", NULL, NULL},
     "m.yaml:18:15: error: unknown metric 'mm'\n"
     "  m: {ratio: [mm, cuont]}\n"
     "              ^~\n"
     "m.yaml:18:19: error: unknown metric 'cuont'; did you mean 'count'?\n"
     "  m: {ratio: [mm, cuont]}\n"
     "                  ^~~~~\n"},
    {{METRICS "  m: {ratio: [p, q], top: 1}\n  p: {mean: n, every: 1h}\n", NULL, NULL},
     "m.yaml:18:15: error: 'p' is mean, and a ratio is of count, distinct, sum, min, max or "
     "approx_distinct\n"
     "  m: {ratio: [p, q], top: 1}\n"
     "              ^\n"
     "m.yaml:18:18: error: unknown metric 'q'\n"
     "  m: {ratio: [p, q], top: 1}\n"
     "                 ^\n"
     "m.yaml:18:22: error: 'top' does not go with ratio; remove it\n"
     "  m: {ratio: [p, q], top: 1}\n"
     "                     ^~~\n"},
    /* What is wrong with a metric that is not asked for is told all the same. */
    {{METRICS "  m: {count: events, every: 1h}\n  r: {ratio: [m, x]}\n", NULL, "m"},
     "m.yaml:19:18: error: unknown metric 'x'\n"
     "  r: {ratio: [m, x]}\n"
     "                 ^\n"},
    /* A preset's ratio over a metric that was replaced. */
    {{"preset: sunbird\nmetrics:\n"
      "  monthly_active_users: {mean: duration, by: [page], every: 1d}\n",
      NULL,
      NULL},
     "sunbird:41:34: error: 'monthly_active_users' is mean, and a ratio is of count, distinct, "
     "sum, min, max or approx_distinct\n"
     "    {ratio: [daily_active_users, monthly_active_users]}\n"
     "                                 ^~~~~~~~~~~~~~~~~~~~\n"},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_null(run(&fixture, &mistakes[i].load));
        assert_string_equal(fixture_errors(&fixture), mistakes[i].message);
        fixture_release(&fixture);
    }
}

static void test_sources_and_find(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct load load = {
        "preset: device\nmetrics: {mine: {count: events, every: 1h}}\n", NULL, NULL};
    const struct tide_definitions *definitions = run(&fixture, &load);
    assert_non_null(definitions);
    assert_int_equal(definitions->source_count, 2);
    assert_true(tide_view_equal(definitions->sources[0].name, TIDE_VIEW("m.yaml")));
    assert_true(tide_view_equal(definitions->sources[1].name, TIDE_VIEW("device")));
    const struct tide_metric *mine = tide_definitions_find(definitions, TIDE_VIEW("mine"));
    assert_non_null(mine);
    assert_ptr_equal(mine->position.source, &fixture.source);
    assert_non_null(tide_definitions_find(definitions, TIDE_VIEW("crashes")));
    assert_non_null(tide_definitions_find(definitions, TIDE_VIEW("stickiness")));
    assert_null(tide_definitions_find(definitions, TIDE_VIEW("session")));
    assert_null(tide_definitions_find(definitions, TIDE_VIEW("")));
    fixture_release(&fixture);
}

static void test_too_many(void **state)
{
    (void)state;
    for (int count = TIDE_METRICS_MAX; count <= TIDE_METRICS_MAX + 1; count++) {
        struct fixture fixture;
        struct tide_bytes text = {0};
        fixture_init(&fixture);
        tide_bytes_append_text(&text, FIXTURE_SCHEMA "metrics:\n");
        for (int i = 0; i < count; i++) {
            tide_bytes_append_format(&text, "  m%d: {count: events, every: 1h}\n", i);
        }
        const struct load load = {tide_bytes_terminated(&text), NULL, NULL};
        const struct tide_definitions *definitions = run(&fixture, &load);
        assert_int_equal(definitions != NULL, count == TIDE_METRICS_MAX);
        assert_int_equal(strstr(fixture_errors(&fixture), "more than 1000 metrics") != NULL,
                         count > TIDE_METRICS_MAX);
        tide_bytes_release(&text);
        fixture_release(&fixture);
    }
}

/* The folder of a service elsewhere is not wanted by who judges nothing. */
static void test_judged(void **state)
{
    (void)state;
    static const char text[] = "schema: {name: s, entity: e, id: e, time: t_,\n"
                               "  validate: {json_schema: gone, by: k},\n"
                               "  columns: {e: {path: e}, t_: {path: t, type: time_ms, required: "
                               "true}}}\nmetrics: {}\n";
    for (int is_judged = 0; is_judged < 2; is_judged++) {
        struct fixture fixture;
        fixture_init(&fixture);
        const struct tide_source file = {TIDE_VIEW("x.yaml"), tide_view_of(text)};
        const struct tide_definitions_input input = {.file = &file, .is_judged = is_judged};
        const struct tide_definitions *definitions =
            tide_definitions_load(&fixture.arena, &input, &fixture.diagnostics);
        assert_int_equal(definitions != NULL, is_judged);
        fixture_release(&fixture);
    }
}

/* As large as definitions may be, within the memory that the commands give them: 64 MiB. */
static void test_memory(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tide_arena arena;
    struct tide_bytes text = {0};
    fixture_init(&fixture);
    tide_arena_init(&arena, 64 << 20);
    tide_bytes_append_text(&text, METRICS);
    for (int i = 0; i < TIDE_METRICS_MAX; i++) {
        tide_bytes_append_format(
            &text,
            "  m%d: {every: 1d, timezone: Europe/Berlin, where: b, funnel: {per: [user_id], "
            "timeout: 1h, steps: [",
            i);
        for (int k = 0; k < TIDE_FUNNEL_STEPS_MAX; k++) {
            tide_bytes_append_format(&text, "{s%d: 'n > %d and a in [\"x\", \"y\"]'}, ", k, k);
        }
        tide_bytes_append_text(&text, "]}}\n");
    }
    const struct tide_source source = {TIDE_VIEW("m.yaml"), tide_bytes_view(&text)};
    const struct tide_definitions_input input = {.file = &source};
    const struct tide_definitions *definitions =
        tide_definitions_load(&arena, &input, &fixture.diagnostics);
    assert_string_equal(fixture_errors(&fixture), "");
    assert_int_equal(definitions->metric_count, TIDE_METRICS_MAX);
    tide_arena_release(&arena);
    tide_bytes_release(&text);
    fixture_release(&fixture);
}

/* Errors that were there before are nobody's here. */
static void test_errors_before(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    tide_diagnostics_error(
        &fixture.diagnostics, (struct tide_position){0}, "port 70000 is outside 1..65535");
    const struct tide_definitions *definitions = fixture_load(&fixture, RATIOS);
    assert_non_null(definitions);
    assert_int_equal(definitions->metric_count, 6);
    fixture_release(&fixture);
}

/* An arena that runs out gives an error, not a crash, wherever that happens. */
static void test_out_of_memory(void **state)
{
    (void)state;
    bool is_loaded = false;
    for (size_t budget = 4096; !is_loaded; budget += 8192) {
        struct fixture fixture;
        struct tide_arena arena;
        fixture_init(&fixture);
        tide_arena_init(&arena, budget);
        const struct tide_definitions_input input = {.preset = TIDE_VIEW("sunbird")};
        is_loaded = tide_definitions_load(&arena, &input, &fixture.diagnostics) != NULL;
        assert_int_equal(fixture.diagnostics.error_count > 0, !is_loaded);
        assert_true(budget < 1 << 24);
        tide_arena_release(&arena);
        fixture_release(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selection),
        cmocka_unit_test(test_selection_of_several),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_sources_and_find),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_judged),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_errors_before),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
