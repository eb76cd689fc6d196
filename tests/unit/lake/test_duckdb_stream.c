/* Goal: statements run in turn, rows come as they are made, what is not allowed is refused before
 * it runs, and a stream can be ended from both sides. Method: texts of one and of several
 * statements with what the sink saw, DuckDB's own refusals, a sink that stops, an interrupt. */
#include "stream_fixture.h"

static void test_answers(void **state)
{
    static const struct {
        const char *sql;
        const char *heads;
        const char *rows;
    } cases[] = {
        {"SELECT 1 AS a, 'x' AS b", "[a* b].", "1|x;"},
        {"SELECT 1 AS a WHERE false;", "[a*].", ""},
        {"SELECT 1 AS a; SELECT NULL AS b -- end", "[a*].[b*].", "1;NULL;"},
        {"CREATE TEMP TABLE s AS SELECT 7 AS x; INSERT INTO s VALUES (8); FROM s; DROP TABLE s",
         "[x*].",
         "7;8;"},
        {"CREATE MACRO twice(n) AS n * 2; SELECT twice(4) AS t; DROP MACRO twice", "[t*].", "8;"},
        {"SHOW TABLES", "[name].", ""},
        {"WITH q AS (SELECT 2 AS n) SELECT n FROM q", "[n*].", "2;"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seen seen = stream_fixture_run(cases[i].sql, false, false);
        if (seen.status != TIDE_OK) {
            fail_msg("%s: %s", cases[i].sql, seen.error.text);
        }
        assert_string_equal(seen.heads, cases[i].heads);
        assert_string_equal(seen.rows, cases[i].rows);
        assert_string_equal(seen.message, "");
        seen_release(&seen);
    }
}

static void test_what_is_not_allowed(void **state)
{
    static const char *const refused[] = {
        "COPY (SELECT 1) TO '/tmp/tidemark-never.csv'",
        "ATTACH ':memory:' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "CALL pragma_version()",
        "EXPLAIN ANALYZE SELECT 1",
        "explain analyze COPY (SELECT 1) TO '/tmp/tidemark-never.csv'",
        "PREPARE p AS SELECT 1",
        "SELECT 1; SET threads = 2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct seen seen = stream_fixture_run(refused[i], false, false);
        if (seen.status != TIDE_REJECT) {
            fail_msg("%s: %s", refused[i], tide_status_name(seen.status));
        }
        assert_true(seen.error.text[0] != '\0');
        seen_release(&seen);
    }
    struct seen seen = stream_fixture_run("CALL pragma_version()", false, true);
    assert_int_equal(seen.status, TIDE_OK);
    assert_int_equal(seen.row_count, 1);
    seen_release(&seen);
    seen = stream_fixture_run("EXPLAIN SELECT 1", false, false);
    assert_int_equal(seen.status, TIDE_OK);
    assert_int_equal(seen.row_count, 1);
    seen_release(&seen);
}

static void test_refusals_of_duckdb(void **state)
{
    static const struct {
        const char *sql;
        enum tide_status status;
        const char *in_message;
        uint64_t row_count;
    } cases[] = {
        {"SELEC 1", TIDE_REJECT, "LINE 1: SELEC 1\n        ^", 0},
        {"SELECT * FROM nowhere", TIDE_REJECT, "nowhere does not exist", 0},
        {"SELECT 1;\nSELECT x", TIDE_REJECT, "\"x\"", 1},
        {"SELECT error('on the way')", TIDE_REJECT, "on the way", 0},
        {"SELECT * FROM read_parquet('/nonexistent/x.parquet')", TIDE_RETRY, "IO Error", 0},
        {"", TIDE_REJECT, "", 0},
        {" ; ", TIDE_REJECT, "", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seen seen = stream_fixture_run(cases[i].sql, false, false);
        if (seen.status != cases[i].status || strstr(seen.message, cases[i].in_message) == NULL) {
            fail_msg("%s: %s, %s", cases[i].sql, tide_status_name(seen.status), seen.message);
        }
        assert_true(seen.error.text[0] != '\0');
        assert_null(strchr(seen.error.text, '\n'));
        assert_int_equal(seen.row_count, cases[i].row_count);
        seen_release(&seen);
    }
}

/* More rows than could ever be made: the stream does not make them before it hands them on. */
static void test_ends(void **state)
{
    static const char endless[] = "FROM range(4000000000000)";
    (void)state;
    struct seen stopped = {.stop_after = 3, .status_of_stop = TIDE_RETRY};
    stream_fixture_ask(endless, false, false, &stopped);
    assert_int_equal(stopped.status, TIDE_RETRY);
    assert_int_equal(stopped.row_count, 3);
    assert_string_equal(stopped.heads, "[range*]");
    seen_release(&stopped);
    struct seen interrupted = {.is_interrupted = true};
    stream_fixture_ask(endless, false, false, &interrupted);
    assert_int_equal(interrupted.status, TIDE_AGAIN);
    assert_true(interrupted.row_count > 0);
    seen_release(&interrupted);
    struct seen after = stream_fixture_run("SELECT 1 AS a", false, false);
    assert_int_equal(after.status, TIDE_OK);
    seen_release(&after);
}

static void test_one_select(void **state)
{
    static const struct {
        const char *sql;
        enum tide_status status;
    } cases[] = {
        {"SELECT 1", TIDE_OK},
        {"FROM range(3);", TIDE_OK},
        {"SELECT 1; SELECT 2", TIDE_REJECT},
        {"CREATE TABLE never AS SELECT 1", TIDE_REJECT},
        {"COPY (SELECT 1) TO '/tmp/tidemark-never.csv'", TIDE_REJECT},
        {"SELECT 1) TO '/tmp/x' -- ", TIDE_REJECT},
        {"SELEC", TIDE_REJECT},
        {"", TIDE_REJECT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_duckdb_stream_options options = {0};
        struct tide_error error = {0};
        const enum tide_status status = tide_duckdb_check_select(
            stream_connection, tide_view_of(cases[i].sql), &options, &error);
        if (status != cases[i].status) {
            fail_msg("%s: %s, %s", cases[i].sql, tide_status_name(status), error.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_what_is_not_allowed),
        cmocka_unit_test(test_refusals_of_duckdb),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_one_select),
    };
    return cmocka_run_group_tests(tests, stream_fixture_open, stream_fixture_close);
}
