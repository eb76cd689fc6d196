/* Goal: the views hold exactly the rows of the live files up to each partition's epoch, with times
 * as microseconds, whatever the directory is called; a lake without tables has empty views of the
 * same types. Method: lakes written by hand, read with SQL; a table that is not ours. */
#include "fixture.h"
#include "support/duckdb_text.h"

static void assert_query(struct tide_lake_view *view, const char *sql, const char *wanted)
{
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    fixture_check(
        tide_duckdb_query(
            tide_lake_view_connection(view), tide_view_of(sql), duckdb_text_add, &text, &error),
        &error);
    assert_string_equal(tide_bytes_terminated(&text), wanted);
    tide_bytes_release(&text);
}

static const char types_sql[] =
    "SELECT string_agg(column_name || ' ' || data_type, ',' ORDER BY column_index) "
    "FROM duckdb_columns() WHERE table_name = ";
static const char events_types[] =
    "id VARCHAR,kind VARCHAR,device_time BIGINT,who VARCHAR,ok BOOLEAN,n BIGINT,"
    "amount DECIMAL(18,6),event_time BIGINT,received_time BIGINT,sent_time BIGINT,"
    "uid_high BIGINT,uid_low BIGINT,payload VARCHAR,_partition BIGINT,_offset BIGINT,"
    "_index BIGINT,_epoch BIGINT,sort VARCHAR;";
static const char rejected_types[] =
    "reason VARCHAR,pointer VARCHAR,detail VARCHAR,bytes BLOB,received_time BIGINT,"
    "source VARCHAR,partition BIGINT,offset BIGINT,index BIGINT,_epoch BIGINT;";

static void assert_types(struct tide_lake_view *view)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "%s'events'", types_sql);
    assert_query(view, sql, events_types);
    (void)snprintf(sql, sizeof(sql), "%s'rejected'", types_sql);
    assert_query(view, sql, rejected_types);
}

static void is_empty_without_tables(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open();
    const int64_t epochs[] = {-1};
    struct tide_lake_view *view = fixture_view(fixture, epochs, 1);
    assert_types(view);
    assert_query(view, "SELECT COUNT(*) FROM events", "0;");
    assert_query(view, "SELECT COUNT(*) FROM rejected", "0;");
    assert_int_equal(tide_lake_view_file_count(view, TIDE_TABLE_EVENTS), 0);
    tide_lake_view_close(view);
    fixture_close(fixture);
}

static void add_rows(struct fixture *fixture)
{
    /* Two partitions, epochs 0 to 2, two days. */
    static const struct fixture_event events[] = {
        {0, "a", "ann", "1500000", 1, 7, true, 1, 2, 0, 0, 0},
        {1, "a", NULL, NULL, -1, 0, false, 3, 4, 0, 1, 1},
        {86400, "b", "bob", "-1", 0, -7, true, 5, 6, 1, 0, 0},
        {86401, "b", "it's", "0", 0, 0, true, 7, 8, 1, 1, 2},
    };
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        fixture_add_event(fixture, &events[i]);
    }
    fixture_add_rejected(fixture, "type", 0, 2, 0);
    fixture_add_rejected(fixture, "missing", 1, 2, 1);
    fixture_commit(fixture);
}

static void reads_every_file(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open();
    add_rows(fixture);
    struct tide_lake_view *view = fixture_view(fixture, NULL, 0);
    assert_types(view);
    assert_int_equal(tide_lake_view_file_count(view, TIDE_TABLE_EVENTS), 2);
    assert_int_equal(tide_lake_view_file_count(view, TIDE_TABLE_REJECTED), 1);
    assert_query(view,
                 "SELECT kind, who, CAST(amount AS VARCHAR), ok, n, event_time, received_time, "
                 "_partition, _epoch, sort FROM events ORDER BY uid_high",
                 "a|ann|1.500000|1|7|1772964000000000|NULL|0|0|A;"
                 "a|NULL|NULL|NULL|NULL|1772964001000000|NULL|0|1|A;"
                 "b|bob|-0.000001|0|-7|1773050400000000|NULL|1|0|other;"
                 "b|it's|0.000000|0|0|1773050401000000|NULL|1|2|other;");
    assert_query(view,
                 "SELECT reason, pointer, bytes, \"partition\", \"offset\" FROM rejected "
                 "ORDER BY \"partition\"",
                 "type|/a|\xff{]|0|2;missing|/a|\xff{]|1|2;");
    tide_lake_view_close(view);
    fixture_close(fixture);
}

static void ends_at_each_epoch(void **state)
{
    static const struct {
        int64_t epochs[3];
        uint32_t partition_count;
        const char *events;
        const char *rejected;
    } cases[] = {
        {{-1, -1}, 2, "", ""},
        {{0, -1}, 2, "1;", "type;"},
        {{-1, 0}, 2, "5;", ""},
        {{0, 1}, 2, "1;5;", "missing;type;"},
        {{1, 2}, 2, "1;3;5;7;", "missing;type;"},
        {{100, 100, 100}, 3, "1;3;5;7;", "missing;type;"},
        {{100}, 1, "1;3;", "type;"}, /* a partition that was not named is left out */
    };
    (void)state;
    struct fixture *fixture = fixture_open();
    add_rows(fixture);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_lake_view *view =
            fixture_view(fixture, cases[i].epochs, cases[i].partition_count);
        assert_query(view, "SELECT uid_high FROM events ORDER BY 1", cases[i].events);
        assert_query(view, "SELECT reason FROM rejected ORDER BY 1", cases[i].rejected);
        tide_lake_view_close(view);
    }
    fixture_close(fixture);
}

static void tells_the_last_epochs(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open();
    const struct tide_lake_view_options lake = {.clock = tide_clock_os(),
                                                .store = fixture->store,
                                                .schema = fixture->definitions->schema,
                                                .partition_count = 2};
    struct tide_delta *delta = NULL;
    struct tide_error error = {0};
    int64_t epochs[3] = {7, 7, 7};
    fixture_check(tide_lake_epochs(&lake, "p", epochs, &error), &error);
    assert_int_equal(epochs[0], -1);
    assert_int_equal(epochs[1], -1);
    assert_int_equal(epochs[2], 7);
    const struct tide_delta_options options = {.store = fixture->store,
                                               .clock = tide_clock_os(),
                                               .layout = fixture->layouts[TIDE_TABLE_EVENTS],
                                               .table_id = TIDE_VIEW("test"),
                                               .engine = TIDE_VIEW("test")};
    const struct tide_delta_file file = {TIDE_VIEW("x.parquet"), 0, 1, 1, TIDE_VIEW("")};
    const struct tide_delta_transaction transactions[] = {
        {TIDE_VIEW("p/1"), 4, TIDE_DELTA_NEVER, &file, 1},
        {TIDE_VIEW("q/0"), 9, TIDE_DELTA_NEVER, &file, 1}};
    fixture_check(tide_delta_open(&options, &delta, &error), &error);
    fixture_check(tide_delta_commit(delta, transactions, 2, &error), &error);
    tide_delta_close(delta);
    fixture_check(tide_lake_epochs(&lake, "p", epochs, &error), &error);
    assert_int_equal(epochs[0], -1);
    assert_int_equal(epochs[1], 4);
    fixture_close(fixture);
}

static void is_of_metrics_alone(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open();
    struct tide_lake_view *view = NULL;
    struct tide_error error = {0};
    const int64_t epochs[] = {0};
    const struct tide_lake_view_options options = {.clock = tide_clock_os(),
                                                   .store = fixture->store,
                                                   .schema = fixture->definitions->schema,
                                                   .thread_count = 1,
                                                   .epochs = epochs,
                                                   .partition_count = 1,
                                                   .is_of_metrics = true};
    add_rows(fixture);
    fixture_check(tide_lake_view_open(&options, &view, &error), &error);
    assert_query(view,
                 "SELECT string_agg(column_name || ' ' || data_type, ',' ORDER BY column_index) "
                 "FROM duckdb_columns() WHERE table_name IN ('events', 'rejected', 'metrics')",
                 "metric VARCHAR,definition VARCHAR,generation VARCHAR,window_start BIGINT,"
                 "window_end BIGINT,dimensions VARCHAR,value DOUBLE,result VARCHAR,state VARCHAR,"
                 "epochs VARCHAR,offsets VARCHAR,run BIGINT,computed_time BIGINT;");
    assert_int_equal(tide_lake_view_file_count(view, TIDE_TABLE_METRICS), 0);
    tide_lake_view_close(view);
    fixture_close(fixture);
}

static void stays_what_it_was(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open();
    add_rows(fixture);
    struct tide_lake_view *before = fixture_view(fixture, NULL, 0);
    add_rows(fixture);
    struct tide_lake_view *after = fixture_view(fixture, NULL, 0);
    assert_query(before, "SELECT COUNT(*) FROM events", "4;");
    assert_query(after, "SELECT COUNT(*) FROM events", "8;");
    tide_lake_view_close(before);
    tide_lake_view_close(after);
    fixture_close(fixture);
}

/* ---- a store whose files must be fetched */

struct counting {
    struct tide_store inner;
    int pinned;
    int fetched;
    int fail_at; /* of the fetches; 0: never */
    enum tide_status failure;
};

static struct counting counting;

static enum tide_status count_get(
    void *self, const char *key, struct tide_bytes *into, size_t size_max, struct tide_error *error)
{
    (void)self;
    return counting.inner.operations->get(counting.inner.self, key, into, size_max, error);
}

static enum tide_status count_list(void *self,
                                   const char *prefix,
                                   void (*visit)(void *context,
                                                 const struct tide_store_entry *entry),
                                   void *context,
                                   struct tide_error *error)
{
    (void)self;
    return counting.inner.operations->list(counting.inner.self, prefix, visit, context, error);
}

static enum tide_status count_fetch(void *self,
                                    const char *key,
                                    struct tide_bytes *path,
                                    struct tide_error *error)
{
    (void)self;
    if (++counting.fetched == counting.fail_at) {
        return tide_error_set(error, counting.failure, "not now");
    }
    counting.pinned++;
    return counting.inner.operations->fetch(counting.inner.self, key, path, error);
}

static void count_unpin(void *self, const char *key)
{
    (void)self;
    counting.pinned--;
    counting.inner.operations->unpin(counting.inner.self, key);
}

/* What a view reads stays fetched as long as the view, and no longer, whatever happens. */
static void keeps_its_files(void **state)
{
    (void)state;
    static const struct tide_store_operations operations = {
        .get = count_get, .list = count_list, .fetch = count_fetch, .unpin = count_unpin};
    static const struct {
        enum tide_status failure;
        enum tide_status status;
    } rows[] = {{TIDE_RETRY, TIDE_RETRY}, {TIDE_REJECT, TIDE_FATAL}, {TIDE_FATAL, TIDE_FATAL}};
    struct fixture *fixture = fixture_open();
    const struct tide_store real = fixture->store;
    add_rows(fixture);
    counting = (struct counting){.inner = real};
    fixture->store = (struct tide_store){&operations, NULL};
    struct tide_lake_view *view = fixture_view(fixture, NULL, 0);
    const int file_count = counting.pinned;
    assert_true(file_count > 1);
    assert_query(view, "SELECT COUNT(*) FROM events", "4;");
    tide_lake_view_close(view);
    assert_int_equal(counting.pinned, 0);
    const struct tide_lake_view_options options = {.clock = tide_clock_os(),
                                                   .store = fixture->store,
                                                   .schema = fixture->definitions->schema,
                                                   .thread_count = 1};
    for (int n = 0; n < file_count * 3; n++) {
        struct tide_error error = {0};
        counting =
            (struct counting){.inner = real, .fail_at = n / 3 + 1, .failure = rows[n % 3].failure};
        assert_int_equal(tide_lake_view_open(&options, &view, &error), rows[n % 3].status);
        assert_true(error.text[0] != '\0');
        assert_int_equal(counting.pinned, 0);
    }
    fixture->store = real;
    fixture_close(fixture);
}

static void refuses_a_strange_table(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open();
    struct tide_lake_view *view = NULL;
    struct tide_error error = {0};
    assert_int_equal(
        fixture->store.operations->put_if_absent(
            fixture->store.self,
            "events/_delta_log/00000000000000000000.json",
            TIDE_VIEW("{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7}}\n"),
            &error),
        TIDE_OK);
    const struct tide_lake_view_options options = {.clock = tide_clock_os(),
                                                   .store = fixture->store,
                                                   .schema = fixture->definitions->schema,
                                                   .thread_count = 1};
    assert_int_equal(tide_lake_view_open(&options, &view, &error), TIDE_REJECT);
    assert_null(view);
    assert_true(strlen(error.text) > 0);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_empty_without_tables),
        cmocka_unit_test(reads_every_file),
        cmocka_unit_test(ends_at_each_epoch),
        cmocka_unit_test(tells_the_last_epochs),
        cmocka_unit_test(is_of_metrics_alone),
        cmocka_unit_test(stays_what_it_was),
        cmocka_unit_test(refuses_a_strange_table),
        cmocka_unit_test(keeps_its_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
