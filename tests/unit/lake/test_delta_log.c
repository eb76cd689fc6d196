/* Goal: the log of any writer is folded as Delta's protocol says, and what cannot be read or
 * written is refused. Method: tables of commits; a set of paths against a model; logs with parts
 * missing. */
#include "unit/lake/delta_fixture.h"

enum {
    MANY = 3000
};

static struct tide_delta_snapshot open_snapshot(const struct lake *lake, bool keeps_files)
{
    struct tide_delta_snapshot snapshot;
    struct tide_bytes text = {0};
    tide_delta_snapshot_init(&snapshot, lake->store, &fixture_layout, keeps_files);
    lake_write_table(&text, "id", 2);
    assert_int_equal(tide_delta_snapshot_fold(&snapshot, tide_bytes_view(&text), NULL), TIDE_OK);
    assert_int_equal(snapshot.version, 0);
    tide_bytes_release(&text);
    return snapshot;
}

static const struct {
    const char *text;
    enum tide_status status;
} commits[] = {
    {"", TIDE_OK},
    {"\n\r\n{\"commitInfo\":{}}\r\n", TIDE_OK},
    {"{\"cdc\":{\"path\":\"x\"}}\n{\"somethingNew\":[1,2]}\n{}", TIDE_OK},
    {"{\"txn\":{\"appId\":\"a\",\"version\":1,\"lastUpdated\":5}}", TIDE_OK},
    {"{\"add\":{\"path\":\"p\",\"size\":1}}\n{\"remove\":{\"path\":\"p\"}}", TIDE_OK},
    {"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":1}}", TIDE_OK},
    {"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":3}}", TIDE_REJECT},
    {"{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[]}}",
     TIDE_REJECT},
    {"{\"metaData\":{\"id\":\"id\"}}", TIDE_REJECT},
    {"not JSON", TIDE_FATAL},
    {"[]", TIDE_FATAL},
    {"{\"add\":{\"path\":\"p\"", TIDE_FATAL},
    {"{\"txn\":{\"appId\":\"a\"}}", TIDE_FATAL},
    {"{\"txn\":{\"version\":1}}", TIDE_FATAL},
    {"{\"add\":{\"size\":1}}", TIDE_FATAL},
    {"{\"remove\":{}}", TIDE_FATAL},
    {"{\"protocol\":{}}", TIDE_FATAL},
};

static void test_commits(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    for (size_t i = 0; i < sizeof(commits) / sizeof(commits[0]); i++) {
        struct tide_error error = {0};
        struct tide_delta_snapshot snapshot = open_snapshot(&lake, true);
        enum tide_status status =
            tide_delta_snapshot_fold(&snapshot, tide_view_of(commits[i].text), &error);
        if (status != commits[i].status) {
            fail_msg("%s: %s, %s", commits[i].text, tide_status_name(status), error.text);
        }
        assert_int_equal(snapshot.version, status == TIDE_OK ? 1 : 0);
        assert_int_equal(strncmp(error.text, "events, commit 1: ", 18) == 0, status != TIDE_OK);
        tide_delta_snapshot_release(&snapshot);
    }
    lake_destroy(&lake);
}

static void test_first_commit(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_delta_snapshot snapshot;
    struct tide_bytes text = {0};
    tide_delta_snapshot_init(&snapshot, lake.store, &fixture_layout, false);
    assert_int_equal(tide_delta_snapshot_fold(&snapshot, TIDE_VIEW("{}"), NULL), TIDE_FATAL);
    assert_int_equal(snapshot.version, -1);
    tide_delta_snapshot_release(&snapshot);
    snapshot = open_snapshot(&lake, false);
    lake_write_table(&text, "other", 2); /* a table in the place of the table */
    struct tide_error error = {0};
    assert_int_equal(tide_delta_snapshot_fold(&snapshot, tide_bytes_view(&text), &error),
                     TIDE_REJECT);
    assert_non_null(strstr(error.text, "replaced"));
    tide_bytes_release(&text);
    tide_delta_snapshot_release(&snapshot);
    lake_destroy(&lake);
}

static void test_txns(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_delta_snapshot snapshot = open_snapshot(&lake, false);
    struct tide_bytes text = {0};
    assert_int_equal(tide_delta_snapshot_txn(&snapshot, TIDE_VIEW("p/0")), TIDE_DELTA_NEVER);
    for (int i = 0; i < 100; i++) {
        tide_bytes_append_format(
            &text, "{\"txn\":{\"appId\":\"p/%d\",\"version\":%d}}\n", i % 50, i);
    }
    assert_int_equal(tide_delta_snapshot_fold(&snapshot, tide_bytes_view(&text), NULL), TIDE_OK);
    assert_int_equal(snapshot.txn_count, 50);
    for (int i = 0; i < 50; i++) {
        tide_bytes_reset(&text);
        tide_bytes_append_format(&text, "p/%d", i);
        assert_int_equal(tide_delta_snapshot_txn(&snapshot, tide_bytes_view(&text)), 50 + i);
    }
    assert_int_equal(tide_delta_snapshot_txn(&snapshot, TIDE_VIEW("p/")), TIDE_DELTA_NEVER);
    tide_bytes_release(&text);
    tide_delta_snapshot_release(&snapshot);
    lake_destroy(&lake);
}

static void test_files(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_delta_snapshot snapshot = open_snapshot(&lake, true);
    struct tide_bytes text = {0};
    static bool is_live[MANY];
    for (int i = 0; i < 3 * MANY; i++) {
        int file = (int)((unsigned)i * 7919U % MANY);
        bool is_add = i % 5 < 3;
        is_live[file] = is_add;
        tide_bytes_append_format(&text,
                                 "{\"%s\":{\"path\":\"event_date%%3D%d/a%%20b%%2525%%zz\","
                                 "\"size\":%d}}\n",
                                 is_add ? "add" : "remove",
                                 file,
                                 file + 1);
    }
    assert_int_equal(tide_delta_snapshot_fold(&snapshot, tide_bytes_view(&text), NULL), TIDE_OK);
    assert_int_equal(snapshot.file_count, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct tide_delta_live *live = &snapshot.files[i];
        int file = (int)live->size - 1;
        tide_bytes_reset(&text);
        tide_bytes_append_format(&text, "event_date=%d/a b%%25%%zz", file);
        assert_true(tide_view_equal(live->path, tide_bytes_view(&text)));
        assert_int_equal(live->is_live, is_live[file]);
    }
    tide_bytes_release(&text);
    tide_delta_snapshot_release(&snapshot);
    lake_destroy(&lake);
}

static const struct {
    const char *names[4]; /* of empty objects in the log's folder */
    int64_t commit_count; /* good ones, from 0 */
    enum tide_status status;
} logs[] = {
    {{NULL}, 0, TIDE_OK},
    {{NULL}, 3, TIDE_OK},
    {{"_last_checkpoint", "x.json", "123.json"}, 2, TIDE_OK},
    {{"00000000000000000001.checkpoint.parquet"}, 2, TIDE_OK},
    {{"00000000000000000010.checkpoint.parquet"}, 0, TIDE_REJECT}, /* cleaned away */
    {{"00000000000000000011.json"}, 0, TIDE_REJECT},
    {{"00000000000000000003.json"}, 2, TIDE_FATAL}, /* a hole */
};

static void test_logs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
        struct lake lake = lake_create(1);
        struct tide_delta_snapshot snapshot;
        struct tide_bytes table = {0};
        struct tide_error error = {0};
        lake_write_table(&table, "id", 2);
        for (int64_t version = 0; version < logs[i].commit_count; version++) {
            lake_put(&lake, version, version == 0 ? tide_bytes_terminated(&table) : "{}");
        }
        for (size_t n = 0; n < 4 && logs[i].names[n] != NULL; n++) {
            char key[TIDE_DELTA_KEY_MAX];
            (void)snprintf(key, sizeof(key), "events/_delta_log/%s", logs[i].names[n]);
            assert_int_equal(
                lake.store.operations->put_if_absent(lake.store.self, key, TIDE_VIEW("{}"), NULL),
                TIDE_OK);
        }
        tide_delta_snapshot_init(&snapshot, lake.store, &fixture_layout, false);
        assert_int_equal(tide_delta_snapshot_read(&snapshot, &error), logs[i].status);
        assert_int_equal(error.text[0] == '\0', logs[i].status == TIDE_OK);
        assert_int_equal(snapshot.version, logs[i].commit_count - 1);
        tide_delta_snapshot_release(&snapshot);
        tide_bytes_release(&table);
        lake_destroy(&lake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits),
        cmocka_unit_test(test_first_commit),
        cmocka_unit_test(test_txns),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
