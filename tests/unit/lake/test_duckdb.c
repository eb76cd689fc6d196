/* Goal: what goes into DuckDB comes out, value by value, and its refusals are told apart. Method:
 * all types with nulls and extremes through several vectors; queries of each result type; the
 * library looked for where it is not. */
#include "support/duckdb_text.h"
#include "unit/lake/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "lake/duckdb.h"

enum {
    ROWS = 5000
};

static struct tide_duckdb *duckdb;
static struct tide_duckdb_connection *connection;

static int open_all(void **state)
{
    (void)state;
    struct tide_error error = {0};
    if (tide_duckdb_open(2, (uint64_t)1 << 30, &duckdb, &error) != TIDE_OK) {
        print_error("%s\n", error.text);
        return -1;
    }
    return tide_duckdb_connect(duckdb, &connection, &error) == TIDE_OK ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    tide_duckdb_disconnect(connection);
    tide_duckdb_close(duckdb);
    return 0;
}

static void assert_query(const char *sql, const char *wanted)
{
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    if (tide_duckdb_query(connection, tide_view_of(sql), duckdb_text_add, &text, &error) !=
        TIDE_OK) {
        fail_msg("%s", error.text);
    }
    assert_string_equal(tide_bytes_terminated(&text), wanted);
    tide_bytes_release(&text);
}

static void test_results(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *wanted;
    } cases[] = {
        {"SELECT 1::TINYINT, -2::SMALLINT, 3::INTEGER, -4::BIGINT", "1|-2|3|-4;"},
        {"SELECT 255::UTINYINT, 65535::USMALLINT, 4294967295::UINTEGER, 7::UBIGINT",
         "255|65535|4294967295|7;"},
        {"SELECT true, false, NULL::BOOLEAN", "1|0|NULL;"},
        {"SELECT 1.5::DECIMAL(4,1), 1.5::DECIMAL(9,2), -1.5::DECIMAL(18,6)", "15|150|-1500000;"},
        {"SELECT 'short', 'longer than twelve bytes', '', NULL::VARCHAR",
         "short|longer than twelve bytes||NULL;"},
        {"SELECT '\\x01\\xFF'::BLOB", "\x01\xff;"},
        {"SELECT NULL", "NULL;"},
        {"SELECT 1 WHERE false", ""},
        {"CREATE OR REPLACE TEMP TABLE t AS SELECT 1 AS i; SELECT i + 1 FROM t", "2;"},
        {"SELECT count(*) FROM range(5000)", "5000;"},
        {"SELECT CAST(TIMESTAMPTZ '2026-03-08 12:00:00+02' AS VARCHAR)",
         "2026-03-08 10:00:00+00;"}, /* in UTC */
        {"SELECT current_setting('autoinstall_known_extensions'), "
         "current_setting('autoload_known_extensions')",
         "0|0;"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_query(cases[i].sql, cases[i].wanted);
    }
}

static enum tide_status stop_at_third(void *context,
                                      const struct tide_duckdb_value *row,
                                      uint32_t column_count)
{
    (void)row;
    assert_int_equal(column_count, 1);
    return ++*(int *)context == 3 ? TIDE_AGAIN : TIDE_OK;
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum tide_status status;
    } cases[] = {
        {"SELEC 1", TIDE_REJECT},
        {"SELECT * FROM no_such_table", TIDE_REJECT},
        {"SELECT 1::HUGEINT", TIDE_REJECT},
        {"SELECT 1.5::DOUBLE", TIDE_REJECT},
        {"SELECT 1::DECIMAL(19,0)", TIDE_REJECT},
        {"SELECT DATE '2026-03-08'", TIDE_REJECT},
        {"SELECT uuid()", TIDE_REJECT},
        {"SELECT 18446744073709551615::UBIGINT", TIDE_REJECT},
        {"SELECT * FROM read_parquet('/nonexistent/x.parquet')", TIDE_RETRY},
        {"SELECT * FROM read_parquet('s3://bucket/x.parquet')", TIDE_REJECT}, /* not fetched */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes text = {0};
        struct tide_error error = {0};
        enum tide_status status = tide_duckdb_query(
            connection, tide_view_of(cases[i].sql), duckdb_text_add, &text, &error);
        if (status != cases[i].status) {
            fail_msg("%s: %s, %s", cases[i].sql, tide_status_name(status), error.text);
        }
        assert_true(error.text[0] != '\0');
        tide_bytes_release(&text);
    }
    int count = 0;
    assert_int_equal(
        tide_duckdb_query(
            connection, TIDE_VIEW("SELECT * FROM range(9999)"), stop_at_third, &count, NULL),
        TIDE_AGAIN);
    assert_int_equal(count, 3);
    assert_int_equal(tide_duckdb_query(connection, TIDE_VIEW("SELECT 1"), NULL, NULL, NULL),
                     TIDE_OK);
}

static const char *const texts[] = {"",
                                    "twelve bytes",
                                    "thirteen byte",
                                    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 and more",
                                    "6f1d2c3a-0b6c-4a5e-9c80-0f3f1c2b4d5e"};
static const int64_t numbers[] = {0, INT64_MIN, INT64_MAX, -1, 1};
static const int64_t decimals[] = {
    0, -INT64_C(999999999999999999), INT64_C(999999999999999999), -1, 1};
static const int64_t times[] = {
    0, INT64_C(-1000000000000000000), INT64_C(1000000000000000000), -1, 1772928000123456};

/* Row i has each value, or null, in turns that differ by column. */
static struct tide_rows *make_rows(void)
{
    struct tide_rows *rows = fixture_rows();
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
        if (i % 6 != 5) {
            fixture_text(rows, FIXTURE_TEXT, texts[i % 6]);
        }
        if (i % 7 < 5) {
            tide_rows_set_number(rows, FIXTURE_LONG, numbers[i % 7]);
            tide_rows_set_number(rows, FIXTURE_DECIMAL, decimals[i % 7]);
        }
        if (i % 8 < 5) {
            tide_rows_set_number(rows, FIXTURE_TIME, times[i % 8]);
        }
        if (i % 3 != 2) {
            tide_rows_set_number(rows, FIXTURE_BOOLEAN, i % 3);
        }
        if (i % 5 != 4) {
            struct tide_view bytes = {"\0\xff\xfe\x80 some more of them", i % 5 * 5};
            assert_int_equal(tide_rows_set_text(rows, FIXTURE_BYTES, bytes), TIDE_OK);
        }
    }
    return rows;
}

struct comparison {
    const struct tide_rows *rows;
    uint32_t row;
};

static enum tide_status compare_row(void *context,
                                    const struct tide_duckdb_value *row,
                                    uint32_t column_count)
{
    struct comparison *comparison = context;
    uint32_t at = ROWS - 1 - comparison->row++; /* they were given backwards */
    assert_int_equal(column_count, FIXTURE_COLUMNS);
    for (uint32_t i = 0; i < column_count; i++) {
        assert_int_equal(row[i].present, !tide_rows_is_null(comparison->rows, i, at));
        if (!row[i].present) {
            continue;
        }
        if (row[i].is_text) {
            assert_true(tide_view_equal(row[i].text, tide_rows_text(comparison->rows, i, at)));
        } else {
            assert_true(row[i].number == tide_rows_number(comparison->rows, i, at));
        }
    }
    return TIDE_OK;
}

/* A table of what DuckDB read of the rows. */
static void load(const char *table,
                 const struct tide_rows *rows,
                 const uint32_t *indices,
                 uint32_t count)
{
    struct tide_error error = {0};
    const char *function = NULL;
    struct tide_bytes sql = {0};
    assert_int_equal(tide_duckdb_give_rows(connection, rows, indices, count, &function, &error),
                     TIDE_OK);
    tide_bytes_append_format(
        &sql, "CREATE OR REPLACE TEMPORARY TABLE %s AS SELECT * FROM %s()", table, function);
    if (tide_duckdb_query(connection, tide_bytes_view(&sql), NULL, NULL, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    tide_bytes_release(&sql);
}

static void test_rows_round_trip(void **state)
{
    (void)state;
    struct tide_rows *rows = make_rows();
    uint32_t indices[ROWS];
    struct tide_error error = {0};
    for (uint32_t i = 0; i < ROWS; i++) {
        indices[i] = ROWS - 1 - i;
    }
    for (int again = 0; again < 2; again++) { /* rows may be given again */
        load("t", rows, indices, ROWS);
    }
    struct comparison comparison = {.rows = rows};
    enum tide_status status =
        tide_duckdb_query(connection,
                          TIDE_VIEW("SELECT text, long, decimal, boolean, epoch_us(time), bytes, "
                                    "epoch_us(received_time) FROM t"),
                          compare_row,
                          &comparison,
                          &error);
    if (status != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(comparison.row, ROWS);
    assert_query("SELECT DISTINCT typeof(text), typeof(long), typeof(decimal), typeof(boolean), "
                 "typeof(time), typeof(bytes) FROM t",
                 "VARCHAR|BIGINT|DECIMAL(18,6)|BOOLEAN|TIMESTAMP WITH TIME ZONE|BLOB;");
    load("t", rows, indices, 0);
    assert_query("SELECT count(*) FROM t", "0;");
    tide_rows_destroy(rows);
}

static void test_text_with_zero_byte(void **state)
{
    (void)state;
    static const uint32_t index = 0;
    struct tide_rows *rows = fixture_rows();
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    assert_int_equal(tide_rows_set_text(rows, FIXTURE_TEXT, TIDE_VIEW("a\0b")), TIDE_OK);
    load("z", rows, &index, 1);
    assert_query("SELECT hex(text), strlen(text) FROM z", "610062|3;");
    tide_rows_destroy(rows);
}

static void test_library_is_missing(void **state)
{
    (void)state;
    struct tide_duckdb *other = NULL;
    struct tide_error error = {0};
    const char *name = getenv("TIDEMARK_DUCKDB");
    char *kept = strdup(name == NULL ? "" : name);
    assert_int_equal(setenv("TIDEMARK_DUCKDB", "/nonexistent/libduckdb.so", 1), 0);
    assert_int_equal(tide_duckdb_open(0, 0, &other, &error), TIDE_RETRY);
    assert_non_null(strstr(error.text, "TIDEMARK_DUCKDB"));
    assert_non_null(strstr(error.text, "/nonexistent/libduckdb.so"));
    assert_int_equal(setenv("TIDEMARK_DUCKDB", "libdl.so.2", 1), 0); /* not DuckDB */
    assert_int_equal(tide_duckdb_open(0, 0, &other, &error), TIDE_RETRY);
    assert_null(other);
    assert_int_equal(setenv("TIDEMARK_DUCKDB", kept, 1), 0);
    free(kept);
    assert_memory_equal(tide_duckdb_version(duckdb), "v1.5.", 5);
    tide_duckdb_disconnect(NULL);
    tide_duckdb_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_rows_round_trip),
        cmocka_unit_test(test_text_with_zero_byte),
        cmocka_unit_test(test_library_is_missing),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
