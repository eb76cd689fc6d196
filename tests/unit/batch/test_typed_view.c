/* Goal: a metric's view has the columns of its kind in their types, in every dialect, and a name of
 * its own. Method: the views of all kinds of the fixture over a table metrics_now made of cells
 * whose numbers need more digits than a double has; texts of other dialects by what is in them. */
#include "batch/typed_view.h"
#include "fixture.h"
#include "support/duckdb_text.h"

static const struct tide_metric *find(const struct fixture *fixture, const char *name)
{
    const struct tide_metric *metric =
        tide_definitions_find(fixture->definitions, tide_view_of(name));
    assert_non_null(metric);
    return metric;
}

struct asked {
    struct fixture *fixture;
    struct tide_duckdb_connection *connection;
};

static void run(const struct asked *asked, struct tide_bytes *sql, struct tide_bytes *text)
{
    struct tide_error error = {0};
    assert_false(sql->failed);
    const enum tide_status status = tide_duckdb_query(asked->connection,
                                                      tide_bytes_view(sql),
                                                      text == NULL ? NULL : duckdb_text_add,
                                                      text,
                                                      &error);
    if (status != TIDE_OK) {
        fail_msg("%s: %s", tide_bytes_terminated(sql), error.text);
    }
    tide_bytes_reset(sql);
}

static void assert_view(const struct asked *asked,
                        const char *name,
                        const char *dimensions,
                        const char *result,
                        const char *wanted)
{
    const struct tide_metric *metric = find(asked->fixture, name);
    struct tide_bytes sql = {0};
    struct tide_bytes text = {0};
    tide_bytes_append_format(&sql,
                             "CREATE OR REPLACE TEMP TABLE metrics_now AS SELECT "
                             "TIMESTAMPTZ '2026-03-08 00:00:00+00' AS window_start, "
                             "TIMESTAMPTZ '2026-03-09 00:00:00+00' AS window_end, 7 AS run, "
                             "TIMESTAMPTZ '2026-03-10 00:00:00+00' AS computed_time, "
                             "'%s' AS metric, '%016llx%016llx' AS definition, "
                             "'%s' AS dimensions, '%s' AS result",
                             name,
                             (unsigned long long)metric->hash.high,
                             (unsigned long long)metric->hash.low,
                             dimensions,
                             result);
    run(asked, &sql, NULL);
    tide_bytes_append_text(&sql,
                           "SELECT CAST(COLUMNS(* EXCLUDE (window_start, window_end, run, "
                           "computed_time)) AS VARCHAR) FROM (");
    tide_typed_view_write(asked->fixture->definitions, metric, TIDE_DIALECT_DUCKDB, &sql);
    tide_bytes_append_text(&sql, ")");
    run(asked, &sql, &text);
    assert_string_equal(tide_bytes_terminated(&text), wanted);
    tide_bytes_release(&sql);
    tide_bytes_release(&text);
}

static void reads_every_kind(void **state)
{
    static const struct {
        const char *name;
        const char *dimensions;
        const char *result;
        const char *wanted;
    } cases[] = {
        {"events_", "{\"kind\": \"a\\\"b\", \"ok\": true}", "{\"value\": 3}", "a\"b|true|3;"},
        {"events_", "{\"kind\": null, \"ok\": null}", "{\"value\": 0}", "NULL|NULL|0;"},
        {"events_", "{\"kind\": \"\", \"ok\": false}", "{\"value\": 1}", "|false|1;"},
        {"people", "{}", "{\"value\": 9007199254740993}", "9007199254740993;"},
        {"total",
         "{}",
         "{\"value\": 12345678901234567890123456789012.123456}",
         "12345678901234567890123456789012.123456;"},
        {"total", "{}", "{\"value\": null}", "NULL;"},
        {"ints", "{}", "{\"value\": -12345678901234567890}", "-12345678901234567890;"},
        {"average", "{}", "{\"value\": 0.1, \"count\": 3, \"sum\": 0.3}", "0.1|3|0.300000;"},
        {"average", "{}", "{\"value\": null, \"count\": 0, \"sum\": 0}", "NULL|0|0.000000;"},
        {"least",
         "{\"kind\": \"a\"}",
         "{\"value\": 123456789012.345678}",
         "a|123456789012.345678;"},
        {"most",
         "{\"device_time\": \"2026-03-08T10:00:00.5Z\"}",
         "{\"value\": 9007199254740993}",
         "2026-03-08 10:00:00.5+00|9007199254740993;"},
        {"ranks",
         "{\"kind\": \"x\"}",
         "{\"count\": 2, \"quantiles\": {\"0\": 1, \"0.5\": 123456789012.345678, \"1\": null}}",
         "x|2|1.000000|123456789012.345678|NULL;"},
        {"visits",
         "{}",
         "{\"sessions\": 2, \"events\": 5, \"bounced\": 1, \"mean_duration\": 1.5, "
         "\"median_duration\": null}",
         "2|5|1|1.5|NULL;"},
        {"way",
         "{}",
         "{\"entered\": 4, \"completed\": 1, \"open\": 1, \"unmatched\": 2, \"steps\": "
         "[{\"name\": \"one\", \"reached\": 4, \"entities\": 3, \"abandoned\": 2}, "
         "{\"name\": \"two\", \"reached\": 1, \"entities\": 1, \"abandoned\": 0}], "
         "\"mean_time\": 2.5, \"median_time\": null}",
         "4|1|1|2|0.25|4|3|2|1|1|0|2.5|NULL;"},
        {"way",
         "{}",
         "{\"entered\": 0, \"completed\": 0, \"open\": 0, \"unmatched\": 0, \"steps\": [], "
         "\"mean_time\": null, \"median_time\": null}",
         "0|0|0|0|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL;"},
        {"back",
         "{}",
         "{\"cohort\": \"2026-03-08\", \"size\": 5, \"retained\": [5, 3, 0]}",
         "2026-03-08|5|5|3|0;"},
        {"share",
         "{\"kind\": \"a\"}",
         "{\"value\": 0.5, \"numerator\": 1, \"denominator\": 2}",
         "a|0.5|1|2;"},
    };
    struct tide_error error = {0};
    (void)state;
    struct asked asked = {.fixture = fixture_open()};
    fixture_check(tide_duckdb_connect(asked.fixture->duckdb, &asked.connection, &error), &error);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_view(&asked, cases[i].name, cases[i].dimensions, cases[i].result, cases[i].wanted);
    }
    tide_duckdb_disconnect(asked.connection);
    fixture_close(asked.fixture);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("no '%s' in: %s", part, text);
    }
}

static void speaks_the_other_dialects(void **state)
{
    struct tide_bytes sql = {0};
    (void)state;
    struct fixture *fixture = fixture_open();
    const struct tide_definitions *definitions = fixture->definitions;
    tide_typed_view_write(definitions, find(fixture, "most"), TIDE_DIALECT_SPARK, &sql);
    assert_has(tide_bytes_terminated(&sql),
               "CAST(get_json_object(dimensions, '$.device_time') AS TIMESTAMP) AS `device_time`");
    tide_bytes_reset(&sql);
    tide_typed_view_write(definitions, find(fixture, "most"), TIDE_DIALECT_HIVE, &sql);
    assert_has(tide_bytes_terminated(&sql),
               "CAST(translate(get_json_object(dimensions, '$.device_time'), 'TZ', ' ') AS "
               "TIMESTAMP) AS `device_time`");
    tide_bytes_reset(&sql);
    tide_typed_view_write(definitions, find(fixture, "ranks"), TIDE_DIALECT_HIVE, &sql);
    assert_has(tide_bytes_terminated(&sql), "'\"0[.]5\": (-?[0-9][0-9.eE+-]*)', 1)");
    assert_has(tide_bytes_terminated(&sql), " AS `p50`");
    tide_bytes_reset(&sql);
    tide_events_derived_write(definitions->schema, TIDE_DIALECT_SPARK, &sql);
    assert_has(tide_bytes_terminated(&sql), " AS `sort`\nFROM events e");
    assert_true(tide_schema_has_derived(definitions->schema));
    tide_bytes_release(&sql);
    fixture_close(fixture);
}

static const char odd_text[] = "schema:\n"
                               "  name: odd\n"
                               "  entity: who\n"
                               "  id: id\n"
                               "  time: t\n"
                               "  columns:\n"
                               "    id: {path: id}\n"
                               "    who: {path: who}\n"
                               "    value: {path: v}\n"
                               "    n: {path: n, type: decimal}\n"
                               "    t: {path: t, type: time_ms, required: true}\n"
                               "metrics:\n"
                               "  events: {count: events, by: [value], every: 1d}\n"
                               "  tails: {quantiles: [0.999, 0.005], of: n, every: 1d}\n"
                               "  way: {funnel: {per: [who], timeout: 1h, steps: [\n"
                               "    {'Add to': 'value == \"a\"'}, {'add-to': 'value == \"b\"'}]},\n"
                               "    every: 1d}\n";

static void gives_way_to_names(void **state)
{
    struct tide_arena arena = {0};
    struct tide_diagnostics diagnostics;
    struct tide_bytes sql = {0};
    (void)state;
    const struct tide_source source = {TIDE_VIEW("odd.yaml"), TIDE_VIEW(odd_text)};
    const struct tide_definitions_input input = {.file = &source};
    tide_diagnostics_init(&diagnostics, &arena);
    const struct tide_definitions *definitions =
        tide_definitions_load(&arena, &input, &diagnostics);
    assert_non_null(definitions);
    const struct tide_metric *metrics = definitions->metrics;
    tide_typed_view_name(&metrics[0], &sql);
    assert_string_equal(tide_bytes_terminated(&sql), "metric_events");
    tide_bytes_reset(&sql);
    tide_typed_view_write(definitions, &metrics[0], TIDE_DIALECT_SPARK, &sql);
    assert_has(tide_bytes_terminated(&sql), "'$.value') AS `group_value`");
    assert_has(tide_bytes_terminated(&sql), " AS BIGINT) AS `value`");
    tide_bytes_reset(&sql);
    tide_typed_view_write(definitions, &metrics[1], TIDE_DIALECT_SPARK, &sql);
    assert_has(tide_bytes_terminated(&sql), " AS `p99_9`");
    assert_has(tide_bytes_terminated(&sql), " AS `p0_5`");
    tide_bytes_reset(&sql);
    tide_typed_view_write(definitions, &metrics[2], TIDE_DIALECT_SPARK, &sql);
    assert_has(tide_bytes_terminated(&sql), " AS `add_to_reached`");
    assert_has(tide_bytes_terminated(&sql), " AS `step2_reached`");
    tide_bytes_release(&sql);
    tide_arena_release(&arena);
}

/* Of two runs the newer counts where it covers, and what is missing there is missing. */
static void takes_the_newest_run(void **state)
{
    static const char rows[] =
        "CREATE TEMP TABLE metrics AS SELECT 'm' AS metric, 'd' AS definition, c[1] AS generation, "
        "CAST(c[2] AS TIMESTAMPTZ) AS window_start, CAST(c[3] AS TIMESTAMPTZ) AS window_end, "
        "c[4] AS dimensions, CAST(0 AS DOUBLE) AS value, c[5] AS result, '' AS state, "
        "'' AS epochs, '' AS offsets, CAST(c[6] AS BIGINT) AS run, now() AS computed_time, "
        "DATE '2026-01-01' AS window_date FROM (SELECT unnest([\n"
        "['coverage', NULL, NULL, NULL, NULL, '1'],\n"
        "['batch', '2026-01-01', '2026-01-02', 'a', 'old', '1'],\n"
        "['batch', '2026-01-01', '2026-01-02', 'b', 'gone', '1'],\n"
        "['batch', '2026-01-02', '2026-01-03', 'a', 'kept', '1'],\n"
        "['batch', '2026-01-01', '2026-01-03', 'a', 'wide', '1'],\n"
        "['coverage', '2026-01-01', '2026-01-02', NULL, NULL, '2'],\n"
        "['batch', '2026-01-01', '2026-01-02', 'a', 'new', '2']]) AS c)";
    struct tide_bytes sql = {0};
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    (void)state;
    struct asked asked = {.fixture = fixture_open()};
    fixture_check(tide_duckdb_connect(asked.fixture->duckdb, &asked.connection, &error), &error);
    tide_bytes_append_text(&sql, rows);
    run(&asked, &sql, NULL);
    const struct tide_layout *layout = tide_layout_create(
        &asked.fixture->arena, asked.fixture->definitions->schema, TIDE_TABLE_METRICS);
    tide_bytes_append_text(&sql, "SELECT result FROM (");
    tide_metrics_now_write(layout, TIDE_DIALECT_DUCKDB, &sql);
    tide_bytes_append_text(&sql, ") ORDER BY 1");
    run(&asked, &sql, &text);
    assert_string_equal(tide_bytes_terminated(&text), "kept;new;wide;");
    tide_bytes_release(&sql);
    tide_bytes_release(&text);
    tide_duckdb_disconnect(asked.connection);
    fixture_close(asked.fixture);
}

static void tells_journeys_once(void **state)
{
    static const char rows[] =
        "CREATE TEMP TABLE journeys AS SELECT c[1] AS metric, 'd' AS definition, "
        "c[2] AS journey_key, '{}' AS journey_group, c[3] AS outcome, 1 AS reached, "
        "2 AS step_count, now() AS start_time, now() AS end_time, '[]' AS step_times, "
        "1 AS conversion_us, 0 AS ordinal, CAST(c[4] AS BIGINT) AS revision, 0 AS _partition, "
        "0 AS _epoch, DATE '2026-01-01' AS start_date FROM (SELECT unnest([\n"
        "['m', 'k', 'abandoned', '1'], ['m', 'k', 'completed', '2'],\n"
        "['m', 'l', 'completed', '1'], ['m', 'l', 'withdrawn', '3'],\n"
        "['o', 'k', 'unmatched', '1']]) AS c)";
    struct tide_bytes sql = {0};
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    (void)state;
    struct asked asked = {.fixture = fixture_open()};
    fixture_check(tide_duckdb_connect(asked.fixture->duckdb, &asked.connection, &error), &error);
    tide_bytes_append_text(&sql, rows);
    run(&asked, &sql, NULL);
    tide_bytes_append_text(&sql, "SELECT metric, journey_key, outcome FROM (");
    tide_journeys_now_write(asked.fixture->layouts[TIDE_TABLE_JOURNEYS], TIDE_DIALECT_DUCKDB, &sql);
    tide_bytes_append_text(&sql, ") ORDER BY 1, 2");
    run(&asked, &sql, &text);
    assert_string_equal(tide_bytes_terminated(&text), "m|k|completed;o|k|unmatched;");
    tide_bytes_release(&sql);
    tide_bytes_release(&text);
    tide_duckdb_disconnect(asked.connection);
    fixture_close(asked.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind),
        cmocka_unit_test(speaks_the_other_dialects),
        cmocka_unit_test(gives_way_to_names),
        cmocka_unit_test(takes_the_newest_run),
        cmocka_unit_test(tells_journeys_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
