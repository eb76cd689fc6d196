/* Goal: literals that both engines read alike; derived columns as the simplest test that says what
 * the glob says; the view of a lake's table. Method: whole texts; that they match what Python's
 * fnmatchcase matches is shown by tests/property/test_sql.py. */
#include "unit/metric/sql_fixture.h"

static void test_literals(void **state)
{
    static const struct {
        struct tide_view text;
        const char *sql;
    } cases[] = {
        {{"", 0}, "''"},
        {{"abc", 3}, "'abc'"},
        {{"'", 1}, "CHR(39)"},
        {{"it's", 4}, "('it' || CHR(39) || 's')"},
        {{"\\n", 2}, "(CHR(92) || 'n')"},
        {{"${x}", 4}, "(CHR(36) || '{x}')"},
        {{"\n\t", 2}, "(CHR(10) || CHR(9))"},
        {{"a\0b", 3}, "('a' || CHR(0) || 'b')"},
        {{"\"\xc3\xa9\x7f", 4}, "'\"\xc3\xa9\x7f'"},
    };
    (void)state;
    struct tide_bytes sql = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tide_bytes_reset(&sql);
        tide_bytes_append_text(&sql, "x = ");
        tide_sql_literal(cases[i].text, &sql);
        assert_memory_equal(sql.data, "x = ", 4);
        assert_string_equal(tide_bytes_terminated(&sql) + 4, cases[i].sql);
    }
    tide_bytes_release(&sql);
}

static const char globs[] = "schema:\n"
                            "  name: t\n"
                            "  entity: who\n"
                            "  id: who\n"
                            "  time: at_\n"
                            "  columns:\n"
                            "    who: {path: who}\n"
                            "    at_: {path: at, type: time_iso, required: true}\n"
                            "    t: {path: t}\n";

/* The SQL of the derived column g, with its map and default as given. */
static void column_sql(const char *map, struct tide_bytes *sql)
{
    struct fixture fixture;
    struct tide_bytes text = {0};
    fixture_init(&fixture);
    tide_bytes_append_format(&text, "%s    g: {from: t, %s}\n", globs, map);
    const struct tide_definitions *definitions =
        fixture_load(&fixture, tide_bytes_terminated(&text));
    assert_string_equal(fixture_errors(&fixture), "");
    tide_column_sql(
        definitions->schema, tide_schema_find(definitions->schema, TIDE_VIEW("g")), sql);
    tide_bytes_release(&text);
    fixture_release(&fixture);
}

static void test_derived_columns(void **state)
{
    static const struct {
        const char *map;
        const char *sql;
    } cases[] = {
        {"map: [{'a*': x}, {'b?': 'it''s'}], default: z",
         "CASE WHEN t IS NULL THEN NULL WHEN t LIKE 'a%' THEN 'x' "
         "WHEN t LIKE 'b_' THEN ('it' || CHR(39) || 's') ELSE 'z' END"},
        {"map: [{'plain[': x}]", "CASE WHEN t IS NULL THEN NULL WHEN t = 'plain[' THEN 'x' END"},
        {"map: [{'100%_!*': x}]",
         "CASE WHEN t IS NULL THEN NULL WHEN t LIKE '100!%!_!!%' ESCAPE '!' THEN 'x' END"},
        {"map: [{'a\\b*': x}]",
         "CASE WHEN t IS NULL THEN NULL WHEN t LIKE ('a' || CHR(92) || 'b%') ESCAPE '!' THEN 'x' "
         "END"},
        {"map: [{'v[0-9].?*': x}]",
         "CASE WHEN t IS NULL THEN NULL WHEN regexp_extract(t, "
         "('(?s)^v[0-9][.]..*' || CHR(92) || 'z'), 0) <> '' THEN 'x' END"},
        {"map: [{'[!a-c\xc3\xa9]': x}]",
         "CASE WHEN t IS NULL THEN NULL WHEN regexp_extract(t, "
         "('(?s)^[^a-c\xc3\xa9]' || CHR(92) || 'z'), 0) <> '' THEN 'x' END"},
        {"map: [{'[]^-]': x}]", /* the set from ^ to nothing: ], ^ and - themselves */
         "CASE WHEN t IS NULL THEN NULL WHEN regexp_extract(t, ('(?s)^[' || CHR(92) || 'x{5D}' || "
         "CHR(92) || 'x{5E}' || CHR(92) || 'x{2D}]' || CHR(92) || 'z'), 0) <> '' THEN 'x' END"},
        {"map: [{'[b-a]': x}, {'[!b-a]': y}]", /* nothing, anything */
         "CASE WHEN t IS NULL THEN NULL WHEN regexp_extract(t, ('(?s)^[^' || CHR(92) || 'x{0}-' || "
         "CHR(92) || 'x{10FFFF}]' || CHR(92) || 'z'), 0) <> '' THEN 'x' "
         "WHEN regexp_extract(t, ('(?s)^.' || CHR(92) || 'z'), 0) <> '' THEN 'y' END"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes sql = {0};
        column_sql(cases[i].map, &sql);
        assert_string_equal(tide_bytes_terminated(&sql), cases[i].sql);
        tide_bytes_release(&sql);
    }
}

static void test_events(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tide_bytes text = {0};
    struct tide_bytes sql = {0};
    fixture_init(&fixture);
    tide_bytes_append_format(&text, "%s    g: {from: t, map: [{a: x}]}\n", globs);
    const struct tide_schema *schema = fixture_load(&fixture, tide_bytes_terminated(&text))->schema;
    tide_events_sql(schema, TIDE_SQL_DUCKDB, TIDE_VIEW("lake"), &sql);
    assert_string_equal(tide_bytes_terminated(&sql),
                        "SELECT who,\n"
                        "epoch_us(at_) AS at_,\n"
                        "t,\n"
                        "CASE WHEN t IS NULL THEN NULL WHEN t = 'a' THEN 'x' END AS g,\n"
                        "epoch_us(event_time) AS event_time, "
                        "epoch_us(received_time) AS received_time, "
                        "epoch_us(sent_time) AS sent_time, uid_high, uid_low\n"
                        "FROM lake");
    tide_bytes_reset(&sql);
    tide_events_sql(schema, TIDE_SQL_SPARK, TIDE_VIEW("delta.`/lake/events`"), &sql);
    assert_non_null(strstr(tide_bytes_terminated(&sql), "unix_micros(at_) AS at_,\n"));
    assert_non_null(strstr(tide_bytes_terminated(&sql), "unix_micros(sent_time) AS sent_time, "));
    assert_non_null(strstr(tide_bytes_terminated(&sql), "\nFROM delta.`/lake/events`"));
    assert_null(strstr(tide_bytes_terminated(&sql), "epoch_us"));
    tide_bytes_release(&sql);
    tide_bytes_release(&text);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_derived_columns),
        cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
