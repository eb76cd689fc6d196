/* Goal: a value of each type is the text that duckdb_value.h promises, alone and inside of others;
 * types that it does not know are refused. Method: a table of SQL expressions with both forms. */
#include "stream_fixture.h"

static const struct {
    const char *sql;
    const char *text;
    const char *json; /* NULL: the text in quotes */
} values[] = {
    {"true", "true", "true"},
    {"CAST(-128 AS TINYINT)", "-128", "-128"},
    {"CAST(-32768 AS SMALLINT)", "-32768", "-32768"},
    {"CAST(-2147483648 AS INTEGER)", "-2147483648", "-2147483648"},
    {"CAST(-9223372036854775808 AS BIGINT)", "-9223372036854775808", "-9223372036854775808"},
    {"CAST(255 AS UTINYINT)", "255", "255"},
    {"CAST(65535 AS USMALLINT)", "65535", "65535"},
    {"CAST(4294967295 AS UINTEGER)", "4294967295", "4294967295"},
    {"CAST(18446744073709551615 AS UBIGINT)", "18446744073709551615", "18446744073709551615"},
    {"CAST('-170141183460469231731687303715884105728' AS HUGEINT)",
     "-170141183460469231731687303715884105728",
     "-170141183460469231731687303715884105728"},
    {"CAST('340282366920938463463374607431768211455' AS UHUGEINT)",
     "340282366920938463463374607431768211455",
     "340282366920938463463374607431768211455"},
    {"CAST(0 AS UHUGEINT)", "0", "0"},
    {"CAST(-1.5 AS DECIMAL(4, 1))", "-1.5", "-1.5"},
    {"CAST(-1.05 AS DECIMAL(9, 2))", "-1.05", "-1.05"},
    {"CAST(1.5 AS DECIMAL(18, 6))", "1.5", "1.5"},
    {"CAST('12345678901234567890123456789012.123456' AS DECIMAL(38, 6))",
     "12345678901234567890123456789012.123456",
     "12345678901234567890123456789012.123456"},
    {"CAST(0.1 AS FLOAT)", "0.1", "0.1"},
    {"CAST(16777216 AS FLOAT)", "16777216", "16777216"},
    {"CAST(0.1 AS DOUBLE)", "0.1", "0.1"},
    {"CAST('NaN' AS DOUBLE)", "NaN", NULL},
    {"CAST('-Infinity' AS FLOAT)", "-Infinity", NULL},
    {"CAST('Infinity' AS DOUBLE)", "Infinity", NULL},
    {"'it''s \"x\"'", "it's \"x\"", "\"it's \\\"x\\\"\""},
    {"''", "", NULL},
    {"'longer than twelve bytes'", "longer than twelve bytes", NULL},
    {"CAST('\\x00a\\x5C\\xFF' AS BLOB)", "\\x00a\\x5C\\xFF", "\"\\\\x00a\\\\x5C\\\\xFF\""},
    {"DATE '2026-03-08'", "2026-03-08", NULL},
    {"CAST('infinity' AS DATE)", "infinity", NULL},
    {"CAST('-infinity' AS DATE)", "-infinity", NULL},
    {"TIME '10:00:00'", "10:00:00", NULL},
    {"TIME '23:59:59.000001'", "23:59:59.000001", NULL},
    {"TIMESTAMP '2026-03-08 10:00:00.5'", "2026-03-08T10:00:00.5", NULL},
    {"TIMESTAMP '1969-12-31 23:59:59.75'", "1969-12-31T23:59:59.75", NULL},
    {"TIMESTAMPTZ '2026-03-08 10:00:00+02'", "2026-03-08T08:00:00Z", NULL},
    {"CAST('infinity' AS TIMESTAMPTZ)", "infinity", NULL},
    {"CAST('2026-03-08 10:00:00' AS TIMESTAMP_S)", "2026-03-08T10:00:00", NULL},
    {"CAST('2026-03-08 10:00:00.123' AS TIMESTAMP_MS)", "2026-03-08T10:00:00.123", NULL},
    {"CAST('1969-12-31 23:59:59.999999999' AS TIMESTAMP_NS)",
     "1969-12-31T23:59:59.999999999",
     NULL},
    {"INTERVAL '14 months 3 days 1.5 seconds'", "P14M3DT1.5S", NULL},
    {"INTERVAL '0 seconds'", "PT0S", NULL},
    {"CAST('6f1d2c3a-0b6c-4a5e-9c80-0f3f1c2b4d5e' AS UUID)",
     "6f1d2c3a-0b6c-4a5e-9c80-0f3f1c2b4d5e",
     NULL},
    {"CAST('b' AS ENUM('a', 'b'))", "b", NULL},
    {"[1, NULL, 3]", "[1, null, 3]", "[1, null, 3]"},
    {"CAST([] AS VARCHAR[])", "[]", "[]"},
    {"[['a'], []]", "[[\"a\"], []]", "[[\"a\"], []]"},
    {"array_value(DATE '2026-03-08', NULL)", "[\"2026-03-08\", null]", "[\"2026-03-08\", null]"},
    {"{'a': 1, 'b\"': {'c': NULL}}",
     "{\"a\": 1, \"b\\\"\": {\"c\": null}}",
     "{\"a\": 1, \"b\\\"\": {\"c\": null}}"},
    {"MAP {1: 1.5, 2: NULL}", "{\"1\": 1.5, \"2\": null}", "{\"1\": 1.5, \"2\": null}"},
    {"CAST('{\"a\": [1,\n2]}' AS JSON)", "{\"a\": [1,\n2]}", "{\"a\": [1, 2]}"},
    {"NULL", "NULL", "null"},
    {"CAST(NULL AS INTEGER[])", "NULL", "null"},
};

static void assert_value(const char *expression, bool is_json, const char *wanted)
{
    char sql[512];
    (void)snprintf(sql, sizeof(sql), "SELECT %s", expression);
    struct seen seen = stream_fixture_run(sql, is_json, false);
    if (seen.status != TIDE_OK) {
        fail_msg("%s: %s", sql, seen.error.text);
    }
    assert_string_equal(seen.rows, wanted);
    seen_release(&seen);
}

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char wanted[512];
        (void)snprintf(wanted, sizeof(wanted), "%s;", values[i].text);
        assert_value(values[i].sql, false, wanted);
        const char *json = values[i].json;
        (void)snprintf(wanted,
                       sizeof(wanted),
                       json == NULL ? "\"%s\";" : "%s;",
                       json == NULL ? values[i].text : json);
        assert_value(values[i].sql, true, wanted);
    }
}

static void test_vectors(void **state)
{
    (void)state;
    /* Lists and arrays whose elements lie in several vectors; the last row of many. */
    struct seen seen = stream_fixture_run(
        "SELECT [i, i + 1], array_value(i, NULL), {'i': i} FROM range(5000) t(i) "
        "ORDER BY i DESC LIMIT 1 OFFSET 1",
        true,
        false);
    assert_string_equal(seen.rows, "[4998, 4999]|[4998, null]|{\"i\": 4998};");
    seen_release(&seen);
}

static void test_refusals(void **state)
{
    static const char *const expressions[] = {
        "CAST('101' AS BIT)",
        "union_value(a := 1)",
        "[CAST('101' AS BIT)]",
        "CAST('10:00:00+01' AS TIMETZ)",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
        char sql[128];
        (void)snprintf(sql, sizeof(sql), "SELECT %s AS named", expressions[i]);
        struct seen seen = stream_fixture_run(sql, true, false);
        assert_int_equal(seen.status, TIDE_REJECT);
        assert_non_null(strstr(seen.error.text, "column 'named'"));
        assert_non_null(strstr(seen.error.text, "cast"));
        seen_release(&seen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, stream_fixture_open, stream_fixture_close);
}
