/* Goal: a file, a preset or both become one list of metrics; what is selected, skipped or refused
 * is as the header says. Method: tables of files and selections; the result as a line of names, or
 * the whole message. */
#include "metric/definition.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct load {
    const char *file; /* NULL: none */
    const char *preset;
    const char *only; /* one name, or NULL */
    bool skip_unsupported;
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
        .skip_unsupported = load->skip_unsupported,
    };
    return tide_definitions_load(&fixture->arena, &input, &fixture->diagnostics);
}

#define THREE                                                                                      \
    FIXTURE_SCHEMA "metrics:\n"                                                                    \
                   "  one: {count: events, every: 1h}\n"                                           \
                   "  two: {count: events, every: 1h, over: 2h}\n"                                 \
                   "  three: {sum: n, every: 1h}\n"

static void test_selection(void **state)
{
    static const struct {
        struct load load;
        const char *names; /* "usable|skipped", or the message */
    } cases[] = {
        {{THREE, NULL, NULL, true}, "one three | two "},
        {{THREE, NULL, "three", false}, "three | "},
        {{THREE, NULL, "two", true}, " | two "},
        {{THREE, NULL, NULL, false},
         "m.yaml:19:3: error: metric 'two': over is not supported yet\n"
         "  two: {count: events, every: 1h, over: 2h}\n"
         "  ^~~\n"},
        {{THREE, NULL, "two", false},
         "m.yaml:19:3: error: metric 'two': over is not supported yet\n"
         "  two: {count: events, every: 1h, over: 2h}\n"
         "  ^~~\n"},
        {{THREE, NULL, "thre", true}, "error: unknown metric 'thre'; did you mean 'three'?\n"},
        {{THREE, NULL, "nothing", true}, "error: unknown metric 'nothing'\n"},
        {{FIXTURE_SCHEMA "metrics:\n", NULL, NULL, false}, " | "},
        {{FIXTURE_SCHEMA "metrics: {}\nlake: [what, ever]\n", NULL, NULL, false}, " | "},
        {{FIXTURE_SCHEMA, NULL, NULL, false}, " | "},
        {{NULL, "sunbird", "daily_active_users", false}, "daily_active_users | "},
        {{NULL, "sunbird", "session", false},
         "error: unknown metric 'session'; did you mean 'sessions'?\n"},
        {{"preset: sunbird\n", NULL, "events_per_type", false}, "events_per_type | "},
        {{"preset: device\n", "sunbird", "events_per_type", false}, "events_per_type | "},
        /* A metric of the file takes the place of the preset's. */
        {{"preset: sunbird\nmetrics:\n  sessions: {count: events, every: 1d}\n"
          "  mine: {count: events, every: 1d}\n",
          NULL,
          NULL,
          false},
         "daily_active_users active_users version_users events_per_type completion_time sessions "
         "mine | weekly_active_users monthly_active_users stickiness client_users top_pages "
         "multi_device_users repeated_clicks learning_funnel page_funnel daily_retention "},
        {{"preset: sunbird\nmetrics:\n  active_users: {funnel: {}, every: 1d}\n",
          NULL,
          NULL,
          false},
         "m.yaml:3:3: error: metric 'active_users': funnel is not supported yet\n"
         "  active_users: {funnel: {}, every: 1d}\n"
         "  ^~~~~~~~~~~~\n"},
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
            for (uint32_t k = 0; k < definitions->metric_count; k++) {
                tide_bytes_append_view(&names, definitions->metrics[k].name);
                tide_bytes_append_text(&names, " ");
            }
            tide_bytes_append_text(&names, definitions->metric_count == 0 ? " | " : "| ");
            for (uint32_t k = 0; k < definitions->skipped_count; k++) {
                tide_bytes_append_view(&names, definitions->skipped[k].name);
                tide_bytes_append_text(&names, " ");
            }
        }
        assert_string_equal(tide_bytes_terminated(&names), cases[i].names);
        tide_bytes_release(&names);
        fixture_release(&fixture);
    }
}

static void test_messages(void **state)
{
    static const struct {
        struct load load;
        const char *message;
    } cases[] = {
        {{NULL, NULL, NULL, false}, "error: there is no schema; write 'schema:' or 'preset:'\n"},
        {{"metrics: {}\n", NULL, NULL, false},
         "m.yaml:1:1: error: there is no schema; write 'schema:' or 'preset:'\n"
         "metrics: {}\n"
         "^\n"},
        {{"- a\n", NULL, NULL, false},
         "m.yaml:1:1: error: a definitions file is a mapping with 'schema' or 'preset', and "
         "'metrics'\n"
         "- a\n"
         "^\n"},
        {{"preset: sunbrid\n", NULL, NULL, false},
         "m.yaml:1:9: error: unknown preset 'sunbrid'; did you mean 'sunbird'?\n"
         "preset: sunbrid\n"
         "        ^~~~~~~\n"},
        {{"preset: [sunbird]\n", NULL, NULL, false},
         "m.yaml:1:9: error: 'preset' must be a name\n"
         "preset: [sunbird]\n"
         "        ^\n"},
        {{NULL, "zzz", NULL, false}, "error: unknown preset 'zzz'\n"},
        {{"preset: device\nschema: {}\n", NULL, NULL, false},
         "m.yaml:2:1: error: the preset 'device' has a schema already; remove 'schema' or the "
         "preset\n"
         "schema: {}\n"
         "^~~~~~\n"},
        {{"preset: device\nmetrics: [a]\n", NULL, NULL, false},
         "m.yaml:2:10: error: 'metrics' must be a mapping of names to metrics\n"
         "metrics: [a]\n"
         "         ^\n"},
        {{"preset: device\nmetrics:\n  a: {sum: os, every: 1h}\n  b: {count: event, every: 7}\n",
          NULL,
          "daily_events",
          false},
         "m.yaml:3:12: error: sum needs an int or decimal column, but 'os' is string\n"
         "  a: {sum: os, every: 1h}\n"
         "           ^~\n"
         "m.yaml:4:14: error: count takes only 'events'\n"
         "  b: {count: event, every: 7}\n"
         "             ^~~~~\n"
         "m.yaml:4:28: error: '7' is not a window; write a unit: 7m\n"
         "  b: {count: event, every: 7}\n"
         "                           ^\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_null(run(&fixture, &cases[i].load));
        assert_string_equal(fixture_errors(&fixture), cases[i].message);
        fixture_release(&fixture);
    }
}

/* A preset's metric that cannot be computed is skipped, but not when it was asked for. */
static void test_named_of_preset(void **state)
{
    (void)state;
    for (int skip = 0; skip < 2; skip++) {
        struct fixture fixture;
        fixture_init(&fixture);
        const struct load load = {NULL, "sunbird", "sessions", skip == 1};
        const struct tide_definitions *definitions = run(&fixture, &load);
        assert_int_equal(definitions != NULL, skip);
        assert_int_equal(strstr(fixture_errors(&fixture),
                                "error: metric 'sessions': sessions is not supported yet") != NULL,
                         !skip);
        fixture_release(&fixture);
    }
}

static void test_sources_and_find(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct load load = {
        "preset: device\nmetrics: {mine: {count: events, every: 1h}}\n", NULL, NULL, false};
    const struct tide_definitions *definitions = run(&fixture, &load);
    assert_non_null(definitions);
    assert_int_equal(definitions->source_count, 2);
    assert_true(tide_view_equal(definitions->sources[0].name, TIDE_VIEW("m.yaml")));
    assert_true(tide_view_equal(definitions->sources[1].name, TIDE_VIEW("device")));
    const struct tide_metric *mine = tide_definitions_find(definitions, TIDE_VIEW("mine"));
    assert_non_null(mine);
    assert_ptr_equal(mine->position.source, &fixture.source);
    assert_non_null(tide_definitions_find(definitions, TIDE_VIEW("crashes")));
    assert_null(tide_definitions_find(definitions, TIDE_VIEW("sessions")));
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
        const struct load load = {tide_bytes_terminated(&text), NULL, NULL, false};
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
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_named_of_preset),
        cmocka_unit_test(test_sources_and_find),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_judged),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
