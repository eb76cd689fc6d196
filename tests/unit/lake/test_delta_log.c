/* Goal: the log of any writer is folded as Delta's protocol says, and what cannot be read or
 * written is refused. Method: tables of commits. */
#include "unit/lake/delta_fixture.h"

static struct tide_delta_snapshot open_snapshot(const struct lake *lake, bool keeps_files)
{
    struct tide_delta_snapshot snapshot;
    struct tide_bytes text = {0};
    tide_delta_snapshot_init(
        &snapshot, lake->store, &fixture_layout, (struct tide_checkpoint_codec){0}, keeps_files);
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
    tide_delta_snapshot_init(
        &snapshot, lake.store, &fixture_layout, (struct tide_checkpoint_codec){0}, false);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits),
        cmocka_unit_test(test_first_commit),
        cmocka_unit_test(test_txns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
