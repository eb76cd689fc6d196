/* Goal: a commit is, byte for byte, what the protocol and docs/formats/lake.md say, and nothing
 * but its transactions decides it. Method: the exact text of small commits, which our own reader
 * folds. */
#include "unit/lake/delta_fixture.h"

static const struct tide_delta_file files[] = {
    {.path = FIXTURE_NAME("event_date=2026-03-08/w-0-7 %.parquet"),
     .date_days = 20520,
     .size = 1234,
     .row_count = 2,
     .stats = FIXTURE_NAME("{\"numRecords\":2,\"maxValues\":{\"received_time\":"
                           "\"2026-03-08T00:00:01.500Z\"}}")},
    {.path = FIXTURE_NAME("event_date=__HIVE_DEFAULT_PARTITION__/w-1-9.parquet"),
     .date_days = TIDE_DATE_UNKNOWN,
     .size = 5,
     .row_count = 3},
};
static const struct tide_delta_transaction transactions[] = {
    {.app_id = FIXTURE_NAME("p/0"), .version = 7, .files = &files[0], .file_count = 1},
    {.app_id = FIXTURE_NAME("p/1"), .version = 9, .files = &files[1], .file_count = 1},
};
static const struct tide_delta_transaction *const both[] = {&transactions[0], &transactions[1]};
static const struct tide_delta_options options = {
    .layout = &fixture_layout,
    .table_id = FIXTURE_NAME("0123456789abcdef0123456789abcdef"),
    .engine = FIXTURE_NAME("tidemark/test"),
};

#define TXN_0                                                                                      \
    "{\"txn\":{\"appId\":\"p/0\",\"version\":7}}\n"                                                \
    "{\"add\":{\"path\":\"event_date=2026-03-08/w-0-7%20%25.parquet\","                            \
    "\"partitionValues\":{\"event_date\":\"2026-03-08\"},\"size\":1234,"                           \
    "\"modificationTime\":1772928001500,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":2,"    \
    "\\\"maxValues\\\":{\\\"received_time\\\":\\\"2026-03-08T00:00:01.500Z\\\"}}\"}}\n"
#define TXN_1                                                                                      \
    "{\"txn\":{\"appId\":\"p/1\",\"version\":9}}\n"                                                \
    "{\"add\":{\"path\":\"event_date=__HIVE_DEFAULT_PARTITION__/w-1-9.parquet\","                  \
    "\"partitionValues\":{\"event_date\":null},\"size\":5,"                                        \
    "\"modificationTime\":0,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":3}\"}}\n"

/* The commitInfo's line without its txnId, which is checked to be the hash of the actions. */
static void assert_info(struct tide_view text, const char *actions, const char *timestamp)
{
    struct tide_bytes wanted = {0};
    struct tide_u128 id = tide_hash128(tide_view_of(actions), 0);
    tide_bytes_append_format(
        &wanted,
        "{\"commitInfo\":{\"timestamp\":%s,\"operation\":\"WRITE\",\"operationParameters\":"
        "{\"mode\":\"Append\",\"partitionBy\":\"[\\\"event_date\\\"]\"},\"isBlindAppend\":true,"
        "\"engineInfo\":\"tidemark/test\",\"txnId\":\"%016llx%016llx\"}}\n",
        timestamp,
        (unsigned long long)id.high,
        (unsigned long long)id.low);
    assert_true(tide_view_starts_with(text, tide_bytes_view(&wanted)));
    tide_bytes_release(&wanted);
}

static const char *after_line(const char *text)
{
    const char *end = strchr(text, '\n');
    assert_non_null(end);
    return end + 1;
}

static void test_later_commit(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    tide_delta_commit_write(&options, both, 2, false, &text);
    assert_string_equal(after_line(tide_bytes_terminated(&text)), TXN_0 TXN_1);
    assert_info(tide_bytes_view(&text), TXN_0 TXN_1, "1772928001500");
    tide_bytes_reset(&text);
    tide_delta_commit_write(&options, both + 1, 1, false, &text);
    assert_string_equal(after_line(tide_bytes_terminated(&text)), TXN_1);
    assert_info(tide_bytes_view(&text), TXN_1, "0");
    tide_bytes_release(&text);
}

static void test_first_commit(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    struct tide_delta_snapshot snapshot;
    tide_delta_commit_write(&options, both, 2, true, &text);
    const char *line = after_line(tide_bytes_terminated(&text));
    static const char protocol[] =
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n";
    assert_memory_equal(line, protocol, sizeof(protocol) - 1);
    line = after_line(line);
    static const char metadata[] =
        "{\"metaData\":{\"id\":\"01234567-89ab-cdef-0123-456789abcdef\",\"name\":\"events\","
        "\"format\":{\"provider\":\"parquet\",\"options\":{}},\"schemaString\":\"{\\\"type\\\":";
    assert_memory_equal(line, metadata, sizeof(metadata) - 1);
    assert_non_null(
        strstr(line, "\",\"partitionColumns\":[\"event_date\"],\"configuration\":{}}}\n"));
    assert_string_equal(after_line(line), TXN_0 TXN_1);
    tide_delta_snapshot_init(&snapshot,
                             (struct tide_store){0},
                             &fixture_layout,
                             (struct tide_checkpoint_codec){0},
                             true);
    assert_int_equal(tide_delta_snapshot_fold(&snapshot, tide_bytes_view(&text), NULL), TIDE_OK);
    assert_int_equal(tide_delta_snapshot_txn(&snapshot, TIDE_VIEW("p/1")), 9);
    assert_int_equal(snapshot.file_count, 2);
    assert_true(tide_view_equal(snapshot.files[0].path, files[0].path)); /* escaped and back */
    tide_delta_snapshot_release(&snapshot);
    tide_bytes_release(&text);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *stats;
        const char *time;
    } cases[] = {
        {"{\"maxValues\":{\"received_time\":\"1970-01-01T00:00:00.002Z\"}}", "2"},
        {"{\"maxValues\":{\"end_time\":\"1970-01-01T00:00:00.003Z\"}}", "3"},
        {"{\"maxValues\":{\"computed_time\":\"1970-01-01T00:00:00.004Z\"}}", "4"},
        {"{\"maxValues\":{\"received_time\":\"yesterday\"}}", "0"},
        {"{\"maxValues\":{}}", "0"},
        {"{\"numRecords\":1}", "0"},
        {"not JSON", "0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes text = {0};
        struct tide_bytes wanted = {0};
        struct tide_delta_file file = files[0];
        struct tide_delta_transaction transaction = transactions[0];
        const struct tide_delta_transaction *one = &transaction;
        file.stats = tide_view_of(cases[i].stats);
        transaction.files = &file;
        tide_delta_commit_write(&options, &one, 1, false, &text);
        tide_bytes_append_format(&wanted, "\"modificationTime\":%s,", cases[i].time);
        assert_non_null(strstr(tide_bytes_terminated(&text), tide_bytes_terminated(&wanted)));
        tide_bytes_release(&text);
        tide_bytes_release(&wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later_commit),
        cmocka_unit_test(test_first_commit),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
