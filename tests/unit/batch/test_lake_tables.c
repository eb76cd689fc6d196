/* Goal: every table and view is there with its own types, with rows or without; the lake's files
 * are all that can be read, and nothing can be written or set. Method: lakes written by hand in a
 * folder of a difficult name, read with SQL; what must be refused, tried. */
#include "batch/lake_tables.h"
#include "fixture.h"
#include "support/duckdb_text.h"

static struct tide_lake_tables *open_tables(const struct fixture *fixture, const char *output)
{
    struct tide_lake_tables *tables = NULL;
    struct tide_error error = {0};
    const struct tide_lake_tables_options options = {.clock = tide_clock_os(),
                                                     .store = fixture->store,
                                                     .definitions = fixture->definitions,
                                                     .output_path = output};
    fixture_check(tide_lake_tables_open(&options, &tables, &error), &error);
    return tables;
}

static void assert_query(struct tide_lake_tables *tables, const char *sql, const char *wanted)
{
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    fixture_check(
        tide_duckdb_query(
            tide_lake_tables_connection(tables), tide_view_of(sql), duckdb_text_add, &text, &error),
        &error);
    assert_string_equal(tide_bytes_terminated(&text), wanted);
    tide_bytes_release(&text);
}

static void assert_types(struct tide_lake_tables *tables, const char *view, const char *wanted)
{
    char sql[256];
    (void)snprintf(sql,
                   sizeof(sql),
                   "SELECT string_agg(column_name || ' ' || data_type, ',' ORDER BY column_index) "
                   "FROM duckdb_columns() WHERE table_name = '%s'",
                   view);
    assert_query(tables, sql, wanted);
}

static const char events_types[] =
    "id VARCHAR,kind VARCHAR,device_time TIMESTAMP WITH TIME ZONE,who VARCHAR,ok BOOLEAN,"
    "n BIGINT,amount DECIMAL(18,6),event_time TIMESTAMP WITH TIME ZONE,"
    "received_time TIMESTAMP WITH TIME ZONE,sent_time TIMESTAMP WITH TIME ZONE,uid_high BIGINT,"
    "uid_low BIGINT,payload VARCHAR,_partition BIGINT,_offset BIGINT,_index BIGINT,_epoch BIGINT,"
    "event_date DATE;";

static void assert_all_types(struct tide_lake_tables *tables)
{
    char derived[sizeof(events_types) + 32];
    (void)snprintf(derived,
                   sizeof(derived),
                   "%.*s,sort VARCHAR;",
                   (int)strlen(events_types) - 1,
                   events_types);
    assert_types(tables, "events", events_types);
    assert_types(tables, "events_derived", derived);
    assert_types(tables,
                 "rejected",
                 "reason VARCHAR,pointer VARCHAR,detail VARCHAR,bytes BLOB,"
                 "received_time TIMESTAMP WITH TIME ZONE,source VARCHAR,partition BIGINT,"
                 "offset BIGINT,index BIGINT,_epoch BIGINT,received_date DATE;");
    assert_types(tables,
                 "least",
                 "window_start TIMESTAMP WITH TIME ZONE,window_end TIMESTAMP WITH TIME ZONE,"
                 "kind VARCHAR,value DECIMAL(18,6),run BIGINT,"
                 "computed_time TIMESTAMP WITH TIME ZONE;");
    assert_query(tables,
                 "SELECT COUNT(*) FROM duckdb_views() WHERE NOT internal AND view_name IN "
                 "('events', 'events_derived', 'rejected', 'journeys', 'journeys_now', 'metrics', "
                 "'metrics_now', 'events_', 'way', 'share')",
                 "10;");
}

static void has_all_views(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open();
    struct tide_lake_tables *tables = open_tables(fixture, NULL);
    assert_all_types(tables);
    assert_query(tables, "SELECT COUNT(*) FROM events", "0;");
    assert_query(tables, "SELECT COUNT(*) FROM way", "0;");
    tide_lake_tables_close(tables);
    const struct fixture_event event = {
        .kind = "a", .who = "ann", .amount_us = "1500000", .ok = 1, .n = 7, .has_n = true};
    fixture_add_event(fixture, &event);
    fixture_add_rejected(fixture, "type", 0, 1, 0);
    fixture_commit(fixture);
    tables = open_tables(fixture, NULL);
    assert_all_types(tables);
    assert_query(tables,
                 "SELECT kind, amount, n, CAST(event_time AS VARCHAR), "
                 "CAST(event_date AS VARCHAR), sort FROM events_derived",
                 "a|1500000|7|2026-03-08 10:00:00+00|2026-03-08|A;");
    assert_query(tables, "SELECT reason, received_date IS NULL FROM rejected", "type|1;");
    tide_lake_tables_close(tables);
    fixture_close(fixture);
}

static void is_locked(void **state)
{
    static const char *const refused[] = {
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/tidemark-never.csv'",
        "ATTACH '/tmp/tidemark-never.db'",
        "EXPORT DATABASE '/tmp/tidemark-never'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET threads = 1",
        "SET temp_directory = '/tmp'",
    };
    (void)state;
    struct fixture *fixture = fixture_open();
    struct tide_lake_tables *tables = open_tables(fixture, NULL);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct tide_error error = {0};
        if (tide_duckdb_query(tide_lake_tables_connection(tables),
                              tide_view_of(refused[i]),
                              NULL,
                              NULL,
                              &error) == TIDE_OK) {
            fail_msg("%s is not refused", refused[i]);
        }
    }
    tide_lake_tables_close(tables);
    fixture_close(fixture);
}

static void writes_one_file(void **state)
{
    char output[128];
    char sql[256];
    struct tide_error error = {0};
    (void)state;
    struct fixture *fixture = fixture_open();
    char folder[] = "/tmp/tidemark-out-XXXXXX";
    assert_non_null(mkdtemp(folder));
    (void)snprintf(output, sizeof(output), "%s/it's.parquet", folder);
    struct tide_lake_tables *tables = open_tables(fixture, output);
    (void)snprintf(sql, sizeof(sql), "COPY (SELECT 1 AS a) TO '%s/it''s.parquet'", folder);
    fixture_check(tide_duckdb_query(
                      tide_lake_tables_connection(tables), tide_view_of(sql), NULL, NULL, &error),
                  &error);
    (void)snprintf(sql, sizeof(sql), "COPY (SELECT 1 AS a) TO '%s/other.parquet'", folder);
    assert_int_not_equal(
        tide_duckdb_query(
            tide_lake_tables_connection(tables), tide_view_of(sql), NULL, NULL, &error),
        TIDE_OK);
    tide_lake_tables_close(tables);
    assert_int_equal(remove_tree(folder), 0);
    fixture_close(fixture);
}

static void is_open_where_wanted(void **state)
{
    struct tide_lake_tables *tables = NULL;
    struct tide_error error = {0};
    (void)state;
    struct fixture *fixture = fixture_open();
    const struct tide_lake_tables_options options = {.clock = tide_clock_os(),
                                                     .store = fixture->store,
                                                     .definitions = fixture->definitions,
                                                     .memory_max = (uint64_t)1 << 30,
                                                     .is_unlocked = true};
    fixture_check(tide_lake_tables_open(&options, &tables, &error), &error);
    assert_query(tables, "SET threads = 1; SELECT current_setting('threads')", "1;");
    assert_query(tables, "SELECT current_setting('memory_limit')", "1.0 GiB;");
    tide_lake_tables_close(tables);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_all_views),
        cmocka_unit_test(is_locked),
        cmocka_unit_test(writes_one_file),
        cmocka_unit_test(is_open_where_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
