/* Goal: a data file holds the rows in their order, with the types that readers expect and no date
 * column; failure leaves no file. Method: written, then read back by DuckDB's read_parquet and its
 * parquet_schema; paths that cannot be written. */
#include "support/duckdb_text.h"
#include "unit/lake/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "lake/duckdb.h"
#include "lake/table_writer.h"

enum {
    ROWS = 5000
};

struct world {
    struct tide_duckdb *duckdb;
    struct tide_duckdb_connection *connection;
    struct tide_table_writer writer;
    char directory[64];
    char path[96];
};

static int open_world(void **state)
{
    static struct world world;
    struct tide_error error = {0};
    (void)snprintf(world.directory, sizeof(world.directory), "/tmp/tidemark-test-it's-XXXXXX");
    if (mkdtemp(world.directory) == NULL ||
        tide_duckdb_open(1, 0, &world.duckdb, &error) != TIDE_OK ||
        tide_duckdb_connect(world.duckdb, &world.connection, &error) != TIDE_OK ||
        tide_parquet_writer_open(world.duckdb, &world.writer, &error) != TIDE_OK) {
        print_error("%s\n", error.text);
        return -1;
    }
    (void)snprintf(world.path, sizeof(world.path), "%s/x.parquet", world.directory);
    *state = &world;
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    world->writer.operations->close(world->writer.self);
    tide_duckdb_disconnect(world->connection);
    tide_duckdb_close(world->duckdb);
    (void)unlink(world->path);
    return rmdir(world->directory);
}

/* {} in the SQL is the file's path, quoted. */
static void assert_query(const struct world *world, const char *sql, const char *wanted)
{
    struct tide_bytes query = {0};
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    const char *hole = strstr(sql, "{}");
    assert_non_null(hole);
    tide_bytes_append(&query, sql, (size_t)(hole - sql));
    tide_bytes_append_byte(&query, '\'');
    for (const char *p = world->path; *p != '\0'; p++) {
        tide_bytes_append_text(&query, *p == '\'' ? "'" : "");
        tide_bytes_append_byte(&query, *p);
    }
    tide_bytes_append_byte(&query, '\'');
    tide_bytes_append_text(&query, hole + 2);
    if (tide_duckdb_query(
            world->connection, tide_bytes_view(&query), duckdb_text_add, &text, &error) !=
        TIDE_OK) {
        fail_msg("%s", error.text);
    }
    assert_string_equal(tide_bytes_terminated(&text), wanted);
    tide_bytes_release(&query);
    tide_bytes_release(&text);
}

static struct tide_rows *make_rows(void)
{
    struct tide_rows *rows = fixture_rows();
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_int_equal(tide_rows_begin(rows, 20520), TIDE_OK);
        tide_rows_set_number(rows, FIXTURE_LONG, i);
        fixture_text(rows, FIXTURE_TEXT, "6f1d2c3a-0b6c-4a5e-9c80-0f3f1c2b4d5e");
        tide_rows_set_number(rows, FIXTURE_DECIMAL, (int64_t)i * 500000);
        tide_rows_set_number(rows, FIXTURE_TIME, 1772928000123456);
        fixture_text(rows, FIXTURE_BYTES, "\xff");
        if (i % 2 == 0) {
            tide_rows_set_number(rows, FIXTURE_BOOLEAN, 1);
        }
    }
    return rows;
}

static void test_file(void **state)
{
    const struct world *world = *state;
    struct tide_rows *rows = make_rows();
    uint32_t indices[ROWS];
    uint64_t size = 0;
    uint64_t size_on_disk = 0;
    struct tide_error error = {0};
    struct tide_file file = {0};
    struct tide_io io = tide_io_os();
    for (uint32_t i = 0; i < ROWS; i++) {
        indices[i] = ROWS - 1 - i; /* not the order of the rows */
    }
    assert_string_equal(world->writer.extension, "parquet");
    for (int again = 0; again < 2; again++) { /* over an old scratch file, too */
        if (world->writer.operations->write(
                world->writer.self, rows, indices, ROWS, world->path, &size, &error) != TIDE_OK) {
            fail_msg("%s", error.text);
        }
    }
    assert_int_equal(io.operations->open(io.self, world->path, TIDE_IO_READ, &file, NULL), TIDE_OK);
    assert_int_equal(io.operations->size(io.self, file, &size_on_disk, NULL), TIDE_OK);
    io.operations->close(io.self, &file);
    assert_int_equal(size, size_on_disk);
    assert_query(world,
                 "SELECT count(*), sum(long)::BIGINT, sum(decimal)::DECIMAL(18,6), "
                 "count(boolean), count(received_time), epoch_us(min(time)), hex(min(bytes)), "
                 "min(text) FROM read_parquet({})",
                 "5000|12497500|6248750000000|2500|0|1772928000123456|FF|"
                 "6f1d2c3a-0b6c-4a5e-9c80-0f3f1c2b4d5e;");
    assert_query(world,
                 "SELECT bool_and(long = 4999 - file_row_number) FROM "
                 "read_parquet({}, file_row_number = true)",
                 "1;");
    assert_query(world,
                 "SELECT name, type, coalesce(converted_type, '') FROM parquet_schema({}) WHERE "
                 "type IS NOT NULL",
                 "text|BYTE_ARRAY|UTF8;long|INT64|INT_64;decimal|INT64|DECIMAL;"
                 "boolean|BOOLEAN|;time|INT64|TIMESTAMP_MICROS;bytes|BYTE_ARRAY|;"
                 "received_time|INT64|TIMESTAMP_MICROS;");
    assert_query(world,
                 "SELECT logical_type FROM parquet_schema({}) WHERE name = 'time'",
                 "TimestampType(isAdjustedToUTC=1, unit=TimeUnit(MILLIS=<null>, "
                 "MICROS=MicroSeconds(), NANOS=<null>));");
    assert_query(world, "SELECT DISTINCT compression FROM parquet_metadata({})", "ZSTD;");
    tide_rows_destroy(rows);
}

static void test_doubles(void **state)
{
    const struct world *world = *state;
    static const double numbers[] = {0.1, 1e300, -2.5};
    static const uint32_t indices[] = {0, 1, 2, 3};
    struct tide_rows *rows = fixture_doubles(numbers, 3);
    struct tide_error error = {0};
    uint64_t size = 0;
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    assert_int_equal(world->writer.operations->write(
                         world->writer.self, rows, indices, 4, world->path, &size, &error),
                     TIDE_OK);
    assert_query(world,
                 "SELECT \"double\"::VARCHAR, typeof(\"double\") FROM read_parquet({})",
                 "0.1|DOUBLE;1e+300|DOUBLE;-2.5|DOUBLE;NULL|DOUBLE;");
    tide_rows_destroy(rows);
}

static void test_failure_leaves_nothing(void **state)
{
    const struct world *world = *state;
    static const uint32_t index = 0;
    struct tide_rows *rows = fixture_rows();
    struct tide_error error = {0};
    uint64_t size = 0;
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    enum tide_status status = world->writer.operations->write(
        world->writer.self, rows, &index, 1, "/nonexistent/x.parquet", &size, &error);
    assert_int_equal(status, TIDE_RETRY);
    assert_non_null(strstr(error.text, "/nonexistent/x.parquet"));
    assert_int_not_equal(access("/nonexistent/x.parquet", F_OK), 0);
    /* The writer is as good as new. */
    assert_int_equal(world->writer.operations->write(
                         world->writer.self, rows, &index, 1, world->path, &size, &error),
                     TIDE_OK);
    assert_query(world, "SELECT count(*) FROM read_parquet({})", "1;");
    tide_rows_destroy(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_failure_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
