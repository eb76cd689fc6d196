/* Goal: files are exchanged in one commit or not at all, never when one of them is gone, and an
 * answer that was lost does not exchange them twice.
 * Method: a change against other writers' commits, put just before ours; lost answers; a fault at
 * every operation, after which the table has the files of before or those of after. */
#include "unit/lake/delta_fixture.h"

static struct tide_clock_simulated now = {.now = {INT64_C(1772962800000000)}};
static const struct tide_view old_paths[] = {FIXTURE_NAME("event_date=2026-03-08/a"),
                                             FIXTURE_NAME("event_date=2026-03-08/b c")};
static const struct tide_delta_file merged = {.path = FIXTURE_NAME("event_date=2026-03-08/m"),
                                              .date_days = 20520,
                                              .size = 30,
                                              .row_count = 3,
                                              .stats = FIXTURE_NAME("{\"numRecords\":3}")};
static const struct tide_delta_change compaction = {.operation = "OPTIMIZE",
                                                    .removes = old_paths,
                                                    .remove_count = 2,
                                                    .adds = &merged,
                                                    .add_count = 1};
static const struct tide_delta_change expiry = {.operation = "DELETE",
                                                .is_data_change = true,
                                                .removes = old_paths,
                                                .remove_count = 2,
                                                .app_id = FIXTURE_NAME("p/expired"),
                                                .expected = TIDE_DELTA_NEVER,
                                                .version = 5};

static struct tide_delta *open_table(struct tide_store store)
{
    const struct tide_delta_options options = {
        .store = store,
        .clock = tide_clock_simulated(&now),
        .layout = &fixture_layout,
        .table_id = TIDE_VIEW("0123456789abcdef0123456789abcdef"),
        .engine = TIDE_VIEW("tidemark/test"),
        .keeps_files = true,
    };
    struct tide_delta *delta = NULL;
    assert_int_equal(tide_delta_open(&options, &delta, NULL), TIDE_OK);
    return delta;
}

static void put_table(const struct lake *lake)
{
    struct tide_bytes text = {0};
    lake_write_table(&text, "id", 2);
    tide_bytes_append_text(&text,
                           "{\"txn\":{\"appId\":\"p/0\",\"version\":3}}\n"
                           "{\"add\":{\"path\":\"event_date=2026-03-08/a\",\"size\":10,"
                           "\"partitionValues\":{\"event_date\":\"2026-03-08\"}}}\n"
                           "{\"add\":{\"path\":\"event_date=2026-03-08/b%20c\",\"size\":20,"
                           "\"partitionValues\":{\"event_date\":\"2026-03-08\"}}}\n"
                           "{\"add\":{\"path\":\"event_date=2026-03-09/z\",\"size\":40}}\n");
    lake_put(lake, 0, tide_bytes_terminated(&text));
    tide_bytes_release(&text);
}

static enum tide_status add_size(void *context, const struct tide_delta_entry *entry)
{
    *(uint64_t *)context += entry->size;
    return TIDE_OK;
}

static uint64_t size_of(const struct tide_delta *delta)
{
    uint64_t size = 0;
    assert_int_equal(tide_delta_entries(delta, (struct tide_delta_visitor){add_size, &size}, NULL),
                     TIDE_OK);
    return size;
}

static void test_compaction(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_bytes text = {0};
    bool is_done = false;
    put_table(&lake);
    struct tide_delta *delta = open_table(lake.store);
    assert_int_equal(tide_delta_change(delta, &compaction, &is_done, NULL), TIDE_OK);
    assert_true(is_done);
    assert_false(tide_delta_is_live(delta, old_paths[1]));
    assert_true(tide_delta_is_live(delta, merged.path));
    assert_int_equal(size_of(delta), 70);
    assert_int_equal(tide_delta_transaction_version(delta, TIDE_VIEW("p/0")), 3);
    const char *commit = lake_read(&lake, 1, &text);
    assert_non_null(strstr(commit, "\"operation\":\"OPTIMIZE\""));
    assert_non_null(strstr(commit,
                           "{\"remove\":{\"path\":\"event_date=2026-03-08/b%20c\","
                           "\"deletionTimestamp\":1772962800000,\"dataChange\":false,"
                           "\"extendedFileMetadata\":true,\"partitionValues\":{\"event_date\":"
                           "\"2026-03-08\"},\"size\":20}}"));
    assert_non_null(strstr(commit, "\"dataChange\":false,\"stats\":\"{\\\"numRecords\\\":3}\"}}"));
    assert_null(strstr(commit, "\"dataChange\":true"));
    assert_null(strstr(commit, "\"txn\""));
    assert_null(strstr(commit, "metaData"));
    /* Once more: it is there. */
    assert_int_equal(tide_delta_change(delta, &compaction, &is_done, NULL), TIDE_OK);
    assert_true(is_done);
    assert_int_equal(tide_delta_version(delta), 1);
    tide_delta_close(delta);
    tide_bytes_release(&text);
    lake_destroy(&lake);
}

static void test_expiry(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_bytes text = {0};
    bool is_done = false;
    put_table(&lake);
    struct tide_delta *delta = open_table(lake.store);
    assert_int_equal(tide_delta_change(delta, &expiry, &is_done, NULL), TIDE_OK);
    assert_true(is_done);
    assert_int_equal(size_of(delta), 40);
    assert_int_equal(tide_delta_transaction_version(delta, expiry.app_id), 5);
    assert_non_null(strstr(lake_read(&lake, 1, &text), "\"dataChange\":true"));
    assert_int_equal(tide_delta_change(delta, &expiry, &is_done, NULL), TIDE_OK);
    assert_true(is_done);
    struct tide_delta_change older = expiry; /* the txn is another */
    older.version = 4;
    assert_int_equal(tide_delta_change(delta, &older, &is_done, NULL), TIDE_OK);
    assert_false(is_done);
    assert_int_equal(tide_delta_version(delta), 1);
    tide_delta_close(delta);
    tide_bytes_release(&text);
    lake_destroy(&lake);
}

/* An archive's first commit makes the table. */
static void test_a_new_table(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    bool is_done = false;
    const struct tide_delta_change first = {
        .operation = "WRITE", .is_data_change = true, .adds = &merged, .add_count = 1};
    struct tide_delta *delta = open_table(lake.store);
    assert_int_equal(tide_delta_change(delta, &first, &is_done, NULL), TIDE_OK);
    assert_true(is_done);
    tide_delta_close(delta);
    delta = open_table(lake.store);
    assert_int_equal(size_of(delta), 30);
    tide_delta_close(delta);
    lake_destroy(&lake);
}

/* ---- other writers */

struct meddler {
    struct tide_store inner;
    struct tide_store_operations operations;
    const struct lake *lake;
    const char *const *commits; /* put by another writer before each of our next puts */
    int64_t next_version;
    int lost_answers;
    int put_count;
};

static enum tide_status meddler_put(void *self,
                                    const char *key,
                                    struct tide_view content,
                                    struct tide_error *error)
{
    struct meddler *meddler = self;
    meddler->put_count++;
    if (meddler->commits != NULL && *meddler->commits != NULL) {
        lake_put(meddler->lake, meddler->next_version++, *meddler->commits++);
    }
    const enum tide_status status =
        meddler->inner.operations->put_if_absent(meddler->inner.self, key, content, error);
    if (meddler->lost_answers > 0) {
        meddler->lost_answers--;
        return tide_error_set(error, TIDE_RETRY, "the connection was lost");
    }
    return status;
}

static enum tide_status meddler_get(
    void *self, const char *key, struct tide_bytes *into, size_t size_max, struct tide_error *error)
{
    const struct meddler *meddler = self;
    return meddler->inner.operations->get(meddler->inner.self, key, into, size_max, error);
}

static enum tide_status meddler_list(void *self,
                                     const char *prefix,
                                     void (*visit)(void *context,
                                                   const struct tide_store_entry *entry),
                                     void *context,
                                     struct tide_error *error)
{
    const struct meddler *meddler = self;
    return meddler->inner.operations->list(meddler->inner.self, prefix, visit, context, error);
}

static struct tide_store meddler_store(struct meddler *meddler, const struct lake *lake)
{
    meddler->lake = lake;
    meddler->inner = lake->store;
    meddler->next_version = 1;
    meddler->operations = (struct tide_store_operations){
        .get = meddler_get, .put_if_absent = meddler_put, .list = meddler_list};
    return (struct tide_store){&meddler->operations, meddler};
}

static const struct {
    const char *what;
    const char *commits[3];
    int lost_answers;
    enum tide_status status;
    bool is_done;
    int put_count;
    uint64_t size;
} races[] = {
    {"nobody", {NULL}, 0, TIDE_OK, true, 1, 70},
    {"an append is rebased over",
     {"{\"add\":{\"path\":\"theirs\",\"size\":100}}"},
     0,
     TIDE_OK,
     true,
     2,
     170},
    {"an epoch of ours, and an append",
     {"{\"txn\":{\"appId\":\"p/0\",\"version\":4}}\n{\"add\":{\"path\":\"x\",\"size\":100}}",
      "{\"add\":{\"path\":\"y\",\"size\":200}}"},
     0,
     TIDE_OK,
     true,
     3,
     370},
    {"another compaction had one of them",
     {"{\"remove\":{\"path\":\"event_date=2026-03-08/b%20c\"}}\n"
      "{\"add\":{\"path\":\"n\",\"size\":20}}"},
     0,
     TIDE_OK,
     false,
     1,
     70},
    {"another file was removed",
     {"{\"remove\":{\"path\":\"event_date=2026-03-09/z\"}}"},
     0,
     TIDE_OK,
     true,
     2,
     30},
    {"removed and added again",
     {"{\"remove\":{\"path\":\"event_date=2026-03-08/a\"}}",
      "{\"add\":{\"path\":\"event_date=2026-03-08/a\",\"size\":10}}"},
     0,
     TIDE_OK,
     false,
     1,
     60}, /* of what was seen then */
    {"a higher protocol",
     {"{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7}}"},
     0,
     TIDE_REJECT,
     false,
     1,
     70},
    {"another schema",
     {"{\"metaData\":{\"id\":\"id\",\"schemaString\":\"{}\"}}"},
     0,
     TIDE_REJECT,
     false,
     1,
     70},
    {"an answer is lost", {NULL}, 1, TIDE_OK, true, 1, 70},
    {"an answer is lost behind an append",
     {"{\"add\":{\"path\":\"theirs\",\"size\":100}}"},
     2,
     TIDE_OK,
     true,
     2,
     170},
};

static void test_other_writers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(races) / sizeof(races[0]); i++) {
        struct lake lake = lake_create(1);
        struct meddler meddler = {0};
        bool is_done = true;
        put_table(&lake);
        struct tide_delta *delta = open_table(meddler_store(&meddler, &lake));
        meddler.commits = races[i].commits;
        meddler.lost_answers = races[i].lost_answers;
        const enum tide_status status = tide_delta_change(delta, &compaction, &is_done, NULL);
        if (status != races[i].status || is_done != races[i].is_done ||
            meddler.put_count != races[i].put_count || size_of(delta) != races[i].size) {
            fail_msg("%s: %s, done %d after %d puts, %llu bytes",
                     races[i].what,
                     tide_status_name(status),
                     is_done,
                     meddler.put_count,
                     (unsigned long long)size_of(delta));
        }
        tide_delta_close(delta);
        lake_destroy(&lake);
    }
}

/* Its totals would be without what the other expiry counted. */
static void test_another_expiry_was_faster(void **state)
{
    (void)state;
    static const char *const commits[] = {"{\"txn\":{\"appId\":\"p/expired\",\"version\":2}}\n"
                                          "{\"remove\":{\"path\":\"event_date=2026-03-09/z\"}}",
                                          NULL};
    struct lake lake = lake_create(1);
    struct meddler meddler = {0};
    bool is_done = true;
    put_table(&lake);
    struct tide_delta *delta = open_table(meddler_store(&meddler, &lake));
    meddler.commits = commits;
    assert_int_equal(tide_delta_change(delta, &expiry, &is_done, NULL), TIDE_OK);
    assert_false(is_done);
    assert_int_equal(meddler.put_count, 1);
    assert_int_equal(size_of(delta), 30);
    assert_int_equal(tide_delta_transaction_version(delta, expiry.app_id), 2);
    tide_delta_close(delta);
    lake_destroy(&lake);
}

/* ---- faults */

static bool fault_at(uint64_t seed, uint64_t at, const struct tide_delta_change *change)
{
    struct lake lake = lake_create(seed);
    bool is_done = false;
    put_table(&lake);
    struct tide_delta *delta = open_table(lake.store);
    const uint64_t before = tide_io_sim_operation_count(lake.sim);
    const enum tide_io_sim_fault fault =
        seed % 3 == 0 ? TIDE_IO_SIM_FAULT_NO_SPACE : TIDE_IO_SIM_FAULT_CRASH;
    tide_io_sim_arm(lake.sim, fault, at);
    enum tide_status status = tide_delta_change(delta, change, &is_done, NULL);
    const bool is_hit = tide_io_sim_operation_count(lake.sim) - before >= at;
    if (status == TIDE_RETRY) {
        status = tide_delta_change(delta, change, &is_done, NULL);
    }
    assert_true(status == TIDE_OK || tide_io_sim_crashed(lake.sim));
    const bool was_done = status == TIDE_OK && is_done && !tide_io_sim_crashed(lake.sim);
    tide_delta_close(delta);
    if (seed % 2 == 0) {
        tide_io_sim_kill(lake.sim);
    } else {
        tide_io_sim_restart(lake.sim);
    }
    delta = open_table(lake.store);
    const bool is_old = tide_delta_is_live(delta, old_paths[0]);
    assert_int_equal(is_old, tide_delta_is_live(delta, old_paths[1]));
    assert_false(is_old && was_done);
    assert_int_equal(size_of(delta), is_old || change->add_count > 0 ? 70 : 40);
    assert_int_equal(tide_delta_change(delta, change, &is_done, NULL), TIDE_OK);
    assert_true(is_done);
    assert_int_equal(tide_delta_version(delta), 1);
    tide_delta_close(delta);
    lake_destroy(&lake);
    return is_hit;
}

static void test_faults_at_every_operation(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        const struct tide_delta_change *change = seed % 4 < 2 ? &compaction : &expiry;
        uint64_t at = 1;
        while (fault_at(seed, at, change)) {
            at++;
        }
        assert_true(at > 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compaction),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_a_new_table),
        cmocka_unit_test(test_other_writers),
        cmocka_unit_test(test_another_expiry_was_faster),
        cmocka_unit_test(test_faults_at_every_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
