/* Goal: every epoch is in the table exactly once, whatever happens between. Method: the commit
 * loop against other writers (by a store that lets them in at the worst moment), against lost
 * answers, and against a crash at every operation of the disk; then the log is read and each file
 * counted. */
#include "unit/lake/delta_fixture.h"

enum {
    PARTITIONS = 2,
    SEEDS = 8,
    OPERATIONS_MAX = 80
};

static struct tide_delta_file files[PARTITIONS][3];
static char paths[PARTITIONS][3][64];
static const struct tide_view app_ids[PARTITIONS] = {FIXTURE_NAME("p/0"), FIXTURE_NAME("p/1")};

static int make_files(void **state)
{
    (void)state;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        for (int epoch = 0; epoch < 3; epoch++) {
            char *path = paths[partition][epoch];
            (void)snprintf(path,
                           sizeof(paths[0][0]),
                           "event_date=2026-03-08/w-%d-%d.parquet",
                           partition,
                           epoch);
            files[partition][epoch] = (struct tide_delta_file){
                .path = tide_view_of(path), .date_days = 20520, .size = 10, .row_count = 1};
        }
    }
    return 0;
}

static struct tide_delta_transaction epoch_of(int partition, int epoch)
{
    return (struct tide_delta_transaction){
        .app_id = app_ids[partition],
        .version = epoch,
        .expected = epoch == 0 ? TIDE_DELTA_NEVER : epoch - 1,
        .files = &files[partition][epoch],
        .file_count = 1,
    };
}

static enum tide_status try_open(struct tide_store store, struct tide_delta **delta)
{
    const struct tide_delta_options options = {
        .store = store,
        .layout = &fixture_layout,
        .table_id = TIDE_VIEW("0123456789abcdef0123456789abcdef"),
        .engine = TIDE_VIEW("tidemark/test"),
    };
    *delta = NULL;
    return tide_delta_open(&options, delta, NULL);
}

static struct tide_delta *open_table(struct tide_store store)
{
    struct tide_delta *delta = NULL;
    assert_int_equal(try_open(store, &delta), TIDE_OK);
    return delta;
}

static enum tide_status commit_epoch(struct tide_delta *delta, int epoch)
{
    const struct tide_delta_transaction both[] = {epoch_of(0, epoch), epoch_of(1, epoch)};
    return tide_delta_commit(delta, both, PARTITIONS, NULL);
}

/* Adds of a path in the whole log: what "exactly once" means. */
static int add_count(const struct lake *lake, const char *path)
{
    int count = 0;
    for (int64_t version = 0;; version++) {
        struct tide_bytes text = {0};
        const char *at = lake_read(lake, version, &text);
        bool is_end = at[0] == '\0';
        while ((at = strstr(at, path)) != NULL) {
            count++;
            at += strlen(path);
        }
        tide_bytes_release(&text);
        if (is_end) {
            return count;
        }
    }
}

static void count_file(void *context, struct tide_view path, uint64_t size)
{
    assert_true(path.size > 0);
    *(uint64_t *)context += size;
}

static void assert_table(const struct lake *lake, struct tide_delta *delta, int epoch_count)
{
    uint64_t bytes = 0;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        assert_int_equal(tide_delta_transaction_version(delta, app_ids[partition]),
                         epoch_count - 1);
        for (int epoch = 0; epoch < 3; epoch++) {
            assert_int_equal(add_count(lake, paths[partition][epoch]), epoch < epoch_count);
        }
    }
    assert_int_equal(tide_delta_files(delta, count_file, &bytes, NULL), TIDE_OK);
    assert_int_equal(bytes, 10 * PARTITIONS * epoch_count);
}

static void test_epochs(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_delta *delta = open_table(lake.store);
    assert_int_equal(tide_delta_version(delta), -1);
    assert_table(&lake, delta, 0);
    for (int epoch = 0; epoch < 3; epoch++) {
        for (int again = 0; again < 2; again++) { /* the second makes no commit */
            assert_int_equal(commit_epoch(delta, epoch), TIDE_OK);
            assert_int_equal(tide_delta_version(delta), epoch);
        }
        assert_table(&lake, delta, epoch + 1);
    }
    tide_delta_close(delta);
    delta = open_table(lake.store);
    assert_int_equal(tide_delta_version(delta), 2);
    assert_int_equal(commit_epoch(delta, 2), TIDE_OK); /* redone after a restart */
    assert_int_equal(tide_delta_version(delta), 2);
    assert_table(&lake, delta, 3);
    tide_delta_close(delta);
    tide_delta_close(NULL);
    lake_destroy(&lake);
}

static void test_refresh(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_delta *reader = open_table(lake.store);
    struct tide_delta *writer = open_table(lake.store);
    assert_int_equal(tide_delta_refresh(reader, NULL), TIDE_OK);
    assert_int_equal(tide_delta_version(reader), -1);
    assert_int_equal(commit_epoch(writer, 0), TIDE_OK);
    assert_int_equal(commit_epoch(writer, 1), TIDE_OK);
    assert_int_equal(tide_delta_version(reader), -1);
    assert_int_equal(tide_delta_refresh(reader, NULL), TIDE_OK);
    assert_int_equal(tide_delta_version(reader), 1);
    assert_table(&lake, reader, 2);
    lake_put(&lake, 2, "no action\n");
    assert_int_equal(tide_delta_refresh(reader, NULL), TIDE_FATAL);
    assert_int_equal(tide_delta_version(reader), 1);
    tide_delta_close(reader);
    tide_delta_close(writer);
    lake_destroy(&lake);
}

static void test_partial_redo(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_delta *delta = open_table(lake.store);
    const struct tide_delta_transaction one = epoch_of(1, 0);
    assert_int_equal(tide_delta_commit(delta, &one, 1, NULL), TIDE_OK);
    assert_int_equal(commit_epoch(delta, 0), TIDE_OK); /* only the other one is missing */
    assert_int_equal(tide_delta_version(delta), 1);
    assert_table(&lake, delta, 1);
    tide_delta_close(delta);
    lake_destroy(&lake);
}

static void test_other_history(void **state)
{
    (void)state;
    static const struct {
        int64_t version;
        int64_t expected;
    } cases[] = {
        {2, 1},                /* a gap: the table holds 0 */
        {7, TIDE_DELTA_NEVER}, /* it must hold nothing */
        {5, 4},
    };
    struct lake lake = lake_create(1);
    struct tide_delta *delta = open_table(lake.store);
    assert_int_equal(commit_epoch(delta, 0), TIDE_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_error error = {0};
        struct tide_delta_transaction pair[] = {epoch_of(0, 1), epoch_of(1, 2)};
        pair[1].version = cases[i].version;
        pair[1].expected = cases[i].expected;
        assert_int_equal(tide_delta_commit(delta, pair, 2, &error), TIDE_FATAL);
        assert_non_null(strstr(error.text, "not of one history"));
        assert_int_equal(tide_delta_version(delta), 0);
    }
    assert_table(&lake, delta, 1);
    tide_delta_close(delta);
    lake_destroy(&lake);
}

/* ---- a store in which something happens just before, or after, a put */

struct meddler {
    struct tide_store inner;
    struct tide_store_operations operations;
    const struct lake *lake;
    const char *const *commits; /* put by another writer before each of our next puts */
    int64_t next_version;       /* of the other writer's next commit */
    int lost_answers;           /* puts that happen, but are answered RETRY */
    int failures;               /* puts that do not happen, and are answered RETRY */
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
    if (meddler->failures > 0) {
        meddler->failures--;
        return tide_error_set(error, TIDE_RETRY, "no connection");
    }
    enum tide_status status =
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
    meddler->operations = (struct tide_store_operations){
        .get = meddler_get, .put_if_absent = meddler_put, .list = meddler_list};
    return (struct tide_store){&meddler->operations, meddler};
}

static void test_other_writers(void **state)
{
    (void)state;
    static const char foreign[] = "{\"add\":{\"path\":\"theirs\",\"size\":0}}\n";
    static const char remove[] = "{\"remove\":{\"path\":\"theirs\"}}\n";
    static const char zombie[] =
        "{\"txn\":{\"appId\":\"p/0\",\"version\":1}}\n"
        "{\"add\":{\"path\":\"event_date=2026-03-08/w-0-1.parquet\",\"size\":10}}\n";
    static const char stranger[] = "{\"txn\":{\"appId\":\"p/0\",\"version\":9}}\n";
    static const char protocol[] =
        "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7}}\n";
    static const char metadata[] = "{\"metaData\":{\"id\":\"x\",\"schemaString\":\"{}\"}}\n";
    static const struct {
        const char *commits[4];
        enum tide_status status;
        int64_t version; /* afterwards */
        int put_count;
    } cases[] = {
        {{NULL}, TIDE_OK, 1, 1},
        {{foreign}, TIDE_OK, 2, 2},
        {{foreign, remove, "{\"commitInfo\":{}}"}, TIDE_OK, 4, 4},
        {{zombie}, TIDE_OK, 2, 2}, /* one of the two is done by now */
        {{stranger}, TIDE_FATAL, 1, 1},
        {{protocol}, TIDE_REJECT, 0, 1},
        {{foreign, metadata}, TIDE_REJECT, 1, 2},
        {{"torn"}, TIDE_FATAL, 0, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lake lake = lake_create(i);
        struct meddler meddler = {.next_version = 1};
        struct tide_delta *delta = open_table(meddler_store(&meddler, &lake));
        assert_int_equal(commit_epoch(delta, 0), TIDE_OK);
        meddler.commits = cases[i].commits;
        meddler.put_count = 0;
        assert_int_equal(commit_epoch(delta, 1), cases[i].status);
        assert_int_equal(tide_delta_version(delta), cases[i].version);
        assert_int_equal(meddler.put_count, cases[i].put_count);
        if (cases[i].status == TIDE_OK) {
            assert_int_equal(add_count(&lake, paths[0][1]), 1);
            assert_int_equal(add_count(&lake, paths[1][1]), 1);
        }
        tide_delta_close(delta);
        lake_destroy(&lake);
    }
}

static void test_race_for_the_table(void **state)
{
    (void)state;
    struct tide_bytes ours = {0};
    struct tide_bytes theirs = {0};
    lake_write_table(&ours, "id", 2);
    lake_write_table(&theirs, "id", 7);
    const char *const good[] = {tide_bytes_terminated(&ours), NULL};
    const char *const bad[] = {tide_bytes_terminated(&theirs), NULL};
    for (int is_bad = 0; is_bad < 2; is_bad++) {
        struct lake lake = lake_create(1);
        struct meddler meddler = {.commits = is_bad ? bad : good};
        struct tide_delta *delta = open_table(meddler_store(&meddler, &lake));
        assert_int_equal(commit_epoch(delta, 0), is_bad ? TIDE_REJECT : TIDE_OK);
        assert_int_equal(tide_delta_version(delta), is_bad ? -1 : 1);
        tide_delta_close(delta);
        assert_int_equal(try_open(lake.store, &delta), is_bad ? TIDE_REJECT : TIDE_OK);
        tide_delta_close(delta);
        lake_destroy(&lake);
    }
    tide_bytes_release(&ours);
    tide_bytes_release(&theirs);
}

static void test_lost_answers(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct meddler meddler = {.lost_answers = 1};
    struct tide_delta *delta = open_table(meddler_store(&meddler, &lake));
    assert_int_equal(commit_epoch(delta, 0), TIDE_OK); /* seen by reading */
    assert_int_equal(tide_delta_version(delta), 0);
    meddler.failures = 2;
    assert_int_equal(commit_epoch(delta, 1), TIDE_RETRY);
    assert_int_equal(commit_epoch(delta, 1), TIDE_RETRY);
    assert_table(&lake, delta, 1);
    assert_int_equal(commit_epoch(delta, 1), TIDE_OK);
    assert_table(&lake, delta, 2);
    tide_delta_close(delta);
    lake_destroy(&lake);
}

static void test_retry_has_the_same_bytes(void **state)
{
    (void)state;
    struct tide_bytes texts[2] = {{0}, {0}};
    for (int i = 0; i < 2; i++) {
        struct lake lake = lake_create((uint64_t)i + 5);
        struct meddler meddler = {.failures = i};
        struct tide_delta *delta = open_table(meddler_store(&meddler, &lake));
        while (commit_epoch(delta, 0) == TIDE_RETRY) {
        }
        assert_int_not_equal(lake_read(&lake, 0, &texts[i])[0], '\0');
        tide_delta_close(delta);
        lake_destroy(&lake);
    }
    assert_true(tide_view_equal(tide_bytes_view(&texts[0]), tide_bytes_view(&texts[1])));
    tide_bytes_release(&texts[0]);
    tide_bytes_release(&texts[1]);
}

/* ---- the disk fails at every operation */

static void one_fault(uint64_t seed, uint64_t at, enum tide_io_sim_fault fault, bool *is_hit)
{
    struct lake lake = lake_create(seed);
    struct tide_delta *delta = open_table(lake.store);
    assert_int_equal(commit_epoch(delta, 0), TIDE_OK);
    uint64_t before = tide_io_sim_operation_count(lake.sim);
    tide_io_sim_arm(lake.sim, fault, at);
    enum tide_status said = commit_epoch(delta, 1);
    *is_hit = tide_io_sim_operation_count(lake.sim) - before >= at;
    tide_delta_close(delta);
    /* After a failed sync the device has forgotten names that the kernel still shows. */
    if (seed % 2 == 0 || fault == TIDE_IO_SIM_FAULT_SYNC_FAILS) {
        tide_io_sim_restart(lake.sim);
    } else {
        tide_io_sim_kill(lake.sim);
    }
    delta = open_table(lake.store);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        int64_t found = tide_delta_transaction_version(delta, app_ids[partition]);
        assert_true(found == 1 || (found == 0 && said != TIDE_OK));
    }
    assert_int_equal(commit_epoch(delta, 1), TIDE_OK);
    tide_delta_close(delta);
    tide_io_sim_restart(lake.sim); /* what was said is durable */
    delta = open_table(lake.store);
    assert_table(&lake, delta, 2);
    assert_int_equal(tide_delta_version(delta), 1);
    tide_delta_close(delta);
    lake_destroy(&lake);
}

static void test_faults_at_every_operation(void **state)
{
    (void)state;
    static const enum tide_io_sim_fault faults[] = {
        TIDE_IO_SIM_FAULT_CRASH, TIDE_IO_SIM_FAULT_NO_SPACE, TIDE_IO_SIM_FAULT_SYNC_FAILS};
    for (size_t fault = 0; fault < sizeof(faults) / sizeof(faults[0]); fault++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            bool is_hit = true;
            uint64_t at = 1;
            for (; is_hit && at < OPERATIONS_MAX; at++) {
                one_fault(seed, at, faults[fault], &is_hit);
            }
            assert_true(!is_hit && at > 5);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_partial_redo),
        cmocka_unit_test(test_other_history),
        cmocka_unit_test(test_other_writers),
        cmocka_unit_test(test_race_for_the_table),
        cmocka_unit_test(test_lost_answers),
        cmocka_unit_test(test_retry_has_the_same_bytes),
        cmocka_unit_test(test_faults_at_every_operation),
    };
    return cmocka_run_group_tests(tests, make_files, NULL);
}
