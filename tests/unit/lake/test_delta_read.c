/* Goal: a log is read from the newest checkpoint that is good, and a log with a hole, or one that
 * we cannot read the whole of, is refused. Method: tables of what the log's folder holds, with
 * files kept and without; what is read is compared with the commits themselves. */
#include "unit/lake/delta_fixture.h"

enum {
    COMMITS = 6
};

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
        tide_delta_snapshot_init(
            &snapshot, lake.store, &fixture_layout, (struct tide_checkpoint_codec){0}, false);
        assert_int_equal(tide_delta_snapshot_read(&snapshot, &error), logs[i].status);
        assert_int_equal(error.text[0] == '\0', logs[i].status == TIDE_OK);
        assert_int_equal(snapshot.version, logs[i].commit_count - 1);
        tide_delta_snapshot_release(&snapshot);
        tide_bytes_release(&table);
        lake_destroy(&lake);
    }
}

/* ---- checkpoints */

/* Commit n adds file n, removes file n - 2 and has txn a/n%2 = n. */
static void append_commit(struct tide_bytes *text, int n)
{
    tide_bytes_append_format(text, "{\"add\":{\"path\":\"f%d\",\"size\":%d}}\n", n, n + 1);
    tide_bytes_append_format(text, "{\"txn\":{\"appId\":\"a/%d\",\"version\":%d}}\n", n % 2, n);
    if (n >= 2) {
        tide_bytes_append_format(text, "{\"remove\":{\"path\":\"f%d\"}}\n", n - 2);
    }
}

/* As a writer of checkpoints states the table at version n. */
static void append_state(struct tide_bytes *text, int n)
{
    lake_write_table(text, "id", 2);
    for (int i = n < 1 ? 0 : n - 1; i <= n; i++) {
        tide_bytes_append_format(text, "{\"add\":{\"path\":\"f%d\",\"size\":%d}}\n", i, i + 1);
        tide_bytes_append_format(text, "{\"txn\":{\"appId\":\"a/%d\",\"version\":%d}}\n", i % 2, i);
    }
}

static struct lake log_of_six(void)
{
    struct lake lake = lake_create(1);
    for (int n = 0; n < COMMITS; n++) {
        struct tide_bytes text = {0};
        if (n == 0) {
            lake_write_table(&text, "id", 2);
        }
        append_commit(&text, n);
        lake_put(&lake, n, tide_bytes_terminated(&text));
        tide_bytes_release(&text);
    }
    return lake;
}

static void put_checkpoint(const struct lake *lake, const char *name, const char *from, int n)
{
    struct tide_bytes text = {0};
    if (n >= 0) {
        append_state(&text, n);
    }
    tide_bytes_append_text(&text, from);
    lake_put_object(lake, name, tide_bytes_terminated(&text));
    tide_bytes_release(&text);
}

static const struct {
    const char *what;
    struct {
        const char *name;
        const char *text; /* behind the state */
        int state;        /* -1: the text alone */
    } objects[3];
    int cleaned; /* commits 0 to here are gone; -1: none */
    bool without_codec;
    enum tide_status status;
    const char *error;
} cases[] = {
    {"nothing but commits", {{NULL, NULL, 0}}, -1, false, TIDE_OK, NULL},
    {"a checkpoint", {{"00000000000000000003.checkpoint.parquet", "", 3}}, 3, false, TIDE_OK, NULL},
    {"nothing behind it",
     {{"00000000000000000005.checkpoint.parquet", "", 5}},
     5,
     false,
     TIDE_OK,
     NULL},
    {"the newer one",
     {{"00000000000000000001.checkpoint.parquet", "", 1},
      {"00000000000000000004.checkpoint.parquet", "", 4}},
     4,
     false,
     TIDE_OK,
     NULL},
    {"a damaged one, and an older one",
     {{"00000000000000000001.checkpoint.parquet", "", 1},
      {"00000000000000000004.checkpoint.parquet", "PAR1", -1}},
     1,
     false,
     TIDE_OK,
     NULL},
    {"a torn one, and the commits",
     {{"00000000000000000004.checkpoint.parquet", "{\"txn\":{\"ap", 2}},
     -1,
     false,
     TIDE_OK,
     NULL},
    {"one without a table, and the commits",
     {{"00000000000000000004.checkpoint.parquet", "{\"add\":{\"path\":\"x\"}}", -1}},
     -1,
     false,
     TIDE_OK,
     NULL},
    {"only damage",
     {{"00000000000000000004.checkpoint.parquet", "PAR1", -1}},
     4,
     false,
     TIDE_REJECT,
     "checkpoint 4 of events cannot be read"},
    {"a hole behind it",
     {{"00000000000000000001.checkpoint.parquet", "", 1}},
     3,
     false,
     TIDE_REJECT,
     "behind checkpoint 1 commit 2 is missing"},
    {"two parts",
     {{"00000000000000000003.checkpoint.0000000001.0000000002.parquet", "", 3},
      {"00000000000000000003.checkpoint.0000000002.0000000002.parquet", "{\"commitInfo\":{}}", -1}},
     3,
     false,
     TIDE_OK,
     NULL},
    {"a part of two",
     {{"00000000000000000003.checkpoint.0000000001.0000000002.parquet", "", 3}},
     -1,
     false,
     TIDE_OK,
     NULL},
    {"a stale hint",
     {{"_last_checkpoint", "{\"version\":1,\"size\":4}", -1},
      {"00000000000000000001.checkpoint.parquet", "", 1},
      {"00000000000000000004.checkpoint.parquet", "", 4}},
     4,
     false,
     TIDE_OK,
     NULL},
    {"a hint of nothing", {{"_last_checkpoint", "{\"version\":5}", -1}}, -1, false, TIDE_OK, NULL},
    {"a broken hint",
     {{"_last_checkpoint", "{\"version\":", -1},
      {"00000000000000000004.checkpoint.parquet", "", 4}},
     4,
     false,
     TIDE_OK,
     NULL},
    {"names that are none",
     {{"00000000000000000003.checkpoint.0000000001.x.parquet", "", -1},
      {"00000000000000000003.checkpoint.80a083e8-7026.parquet", "", -1},
      {"99999999999999999999.checkpoint.parquet", "", -1}},
     -1,
     false,
     TIDE_OK,
     NULL},
    {"a higher protocol",
     {{"00000000000000000003.checkpoint.parquet",
       "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7}}",
       3}},
     3,
     false,
     TIDE_REJECT,
     "protocol is (3,7)"},
    {"no codec, commits",
     {{"00000000000000000003.checkpoint.parquet", "", 3}},
     -1,
     true,
     TIDE_OK,
     NULL},
    {"no codec, no commits",
     {{"00000000000000000003.checkpoint.parquet", "", 3}},
     3,
     true,
     TIDE_REJECT,
     "checkpoints are not read here"},
};

static void expect_table(const struct tide_delta_snapshot *snapshot, const char *what)
{
    assert_int_equal(snapshot->version, COMMITS - 1);
    assert_int_equal(tide_delta_snapshot_txn(snapshot, TIDE_VIEW("a/0")), COMMITS - 2);
    assert_int_equal(tide_delta_snapshot_txn(snapshot, TIDE_VIEW("a/1")), COMMITS - 1);
    uint32_t live = 0;
    for (uint32_t i = 0; i < snapshot->file_count; i++) {
        live += snapshot->files[i].is_live;
    }
    if (live != (snapshot->keeps_files ? 2 : 0)) {
        fail_msg("%s: %u live files", what, live);
    }
    if (snapshot->keeps_files) {
        assert_true(tide_delta_snapshot_file(snapshot, TIDE_VIEW("f5"))->is_live);
        assert_int_equal(tide_delta_snapshot_file(snapshot, TIDE_VIEW("f4"))->size, 5);
    }
}

static void test_checkpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        const bool keeps_files = i % 2 == 0;
        struct lake lake = log_of_six();
        struct tide_delta_snapshot snapshot;
        struct tide_error error = {0};
        lake_remove_commits(&lake, 0, cases[i / 2].cleaned);
        for (size_t n = 0; n < 3 && cases[i / 2].objects[n].name != NULL; n++) {
            put_checkpoint(&lake,
                           cases[i / 2].objects[n].name,
                           cases[i / 2].objects[n].text,
                           cases[i / 2].objects[n].state);
        }
        const struct tide_checkpoint_codec codec = cases[i / 2].without_codec
                                                       ? (struct tide_checkpoint_codec){0}
                                                       : sim_checkpoint_codec(&lake.io);
        tide_delta_snapshot_init(&snapshot, lake.store, &fixture_layout, codec, keeps_files);
        const enum tide_status status = tide_delta_snapshot_read(&snapshot, &error);
        if (status != cases[i / 2].status) {
            fail_msg("%s: %s, %s", cases[i / 2].what, tide_status_name(status), error.text);
        }
        if (status == TIDE_OK) {
            expect_table(&snapshot, cases[i / 2].what);
        } else if (strstr(error.text, cases[i / 2].error) == NULL) {
            fail_msg("%s: %s", cases[i / 2].what, error.text);
        }
        tide_delta_snapshot_release(&snapshot);
        lake_destroy(&lake);
    }
}

/* More checkpoints than are remembered: the newest of them is still found. */
static void test_many_checkpoints(void **state)
{
    (void)state;
    struct lake lake = log_of_six();
    struct tide_delta_snapshot snapshot;
    for (int n = 0; n < 12; n++) {
        char name[64];
        const int version = n * 5 % 12; /* in no order */
        (void)snprintf(name, sizeof(name), "%020d.checkpoint.parquet", version);
        put_checkpoint(&lake, name, "", version < COMMITS ? version : -1);
    }
    tide_delta_snapshot_init(
        &snapshot, lake.store, &fixture_layout, sim_checkpoint_codec(&lake.io), true);
    assert_int_equal(tide_delta_snapshot_read(&snapshot, NULL), TIDE_OK);
    expect_table(&snapshot, "many");
    assert_int_equal(snapshot.checkpoint, COMMITS - 1); /* the others are beyond the end */
    tide_delta_snapshot_release(&snapshot);
    lake_destroy(&lake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_many_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
