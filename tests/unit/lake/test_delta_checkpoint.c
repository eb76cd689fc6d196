/* Goal: a table with checkpoints is the table without them, whatever becomes of them; what is
 * behind one is cleaned away only when it is old, and only on the word of one that can be read.
 * Method: epochs committed with a checkpoint every few commits, on a simulated disk that fails at
 * every operation; logs of which parts are taken away; cleaning on a real disk with another clock.
 */
#include "unit/lake/delta_fixture.h"

#include <stdlib.h>

#include "base/logline.h"
#include "support/remove_tree.h"

enum {
    EVERY = 3,
    EPOCHS = 11
};

static struct tide_clock_simulated now = {.now = {INT64_C(1772962800000000)}};

static struct tide_delta *open_with(struct tide_store store, struct tide_io *io, bool keeps_files)
{
    const struct tide_delta_options options = {
        .store = store,
        .clock = tide_clock_simulated(&now),
        .layout = &fixture_layout,
        .table_id = TIDE_VIEW("0123456789abcdef0123456789abcdef"),
        .engine = TIDE_VIEW("tidemark/test"),
        .codec = sim_checkpoint_codec(io),
        .scratch_directory = "scratch",
        .io = *io,
        .checkpoint_commits = EVERY,
        .keeps_files = keeps_files,
    };
    struct tide_delta *delta = NULL;
    struct tide_error error = {0};
    if (tide_delta_open(&options, &delta, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    return delta;
}

static struct tide_delta *open_table(struct lake *lake)
{
    assert_int_equal(lake->io.operations->make_directory(lake->io.self, "scratch", NULL), TIDE_OK);
    return open_with(lake->store, &lake->io, true);
}

static enum tide_status commit_epoch(struct tide_delta *delta, int epoch, struct tide_error *error)
{
    char path[32];
    const int size = snprintf(path, sizeof(path), "event_date=2026-03-08/f%d", epoch);
    const struct tide_delta_file file = {.path = {path, (size_t)size},
                                         .date_days = 20520,
                                         .size = (uint64_t)epoch + 1,
                                         .row_count = 1,
                                         .stats = TIDE_VIEW("{\"numRecords\":1}")};
    const struct tide_delta_transaction transaction = {.app_id = TIDE_VIEW("p/0"),
                                                       .version = epoch,
                                                       .expected = epoch - 1,
                                                       .files = &file,
                                                       .file_count = 1};
    return tide_delta_commit(delta, &transaction, 1, error);
}

static void commit_epochs(struct tide_delta *delta, int first, int count)
{
    for (int epoch = first; epoch < first + count; epoch++) {
        assert_int_equal(commit_epoch(delta, epoch, NULL), TIDE_OK);
    }
}

static enum tide_status count_entry(void *context, const struct tide_delta_entry *entry)
{
    uint64_t *sizes = context;
    assert_int_equal(entry->date_days, 20520);
    assert_int_equal(entry->row_count, 1);
    *sizes += entry->size;
    return TIDE_OK;
}

/* The files of so many epochs. */
static void expect_table(const struct tide_delta *delta, int epochs)
{
    uint64_t sizes = 0;
    assert_int_equal(tide_delta_transaction_version(delta, TIDE_VIEW("p/0")), epochs - 1);
    assert_int_equal(
        tide_delta_entries(delta, (struct tide_delta_visitor){count_entry, &sizes}, NULL), TIDE_OK);
    assert_int_equal(sizes, (uint64_t)epochs * ((uint64_t)epochs + 1) / 2);
}

static bool has_object(const struct lake *lake, const char *name, struct tide_bytes *text)
{
    char key[TIDE_DELTA_KEY_MAX];
    (void)snprintf(key, sizeof(key), "events/_delta_log/%s", name);
    return lake->store.operations->get(lake->store.self, key, text, 1 << 20, NULL) == TIDE_OK;
}

static void test_every_few_commits(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_bytes text = {0};
    struct tide_delta *delta = open_table(&lake);
    commit_epochs(delta, 0, EPOCHS);
    for (int version = 0; version < EPOCHS; version++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%020d.checkpoint.parquet", version);
        assert_int_equal(has_object(&lake, name, &text), version > 0 && version % EVERY == 0);
    }
    assert_true(has_object(&lake, "_last_checkpoint", &text));
    /* protocol, metaData, txn and ten files */
    assert_non_null(strstr(tide_bytes_terminated(&text), "{\"version\":9,\"size\":13,"));
    assert_non_null(strstr(tide_bytes_terminated(&text), "\"numOfAddFiles\":10}"));
    tide_delta_close(delta);
    lake_remove_commits(&lake, 0, 9);
    delta = open_table(&lake);
    expect_table(delta, EPOCHS);
    commit_epochs(
        delta, EPOCHS, EVERY); /* the txn is from the checkpoint, and so is the next one */
    expect_table(delta, EPOCHS + EVERY);
    assert_true(has_object(&lake, "00000000000000000012.checkpoint.parquet", &text));
    tide_delta_close(delta);
    tide_bytes_release(&text);
    lake_destroy(&lake);
}

/* A writer that slept through everything does not commit into the hole that was cleaned. */
static void test_a_sleeper_wakes_up(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_delta *sleeper = open_table(&lake);
    commit_epochs(sleeper, 0, 2);
    struct tide_delta *delta = open_table(&lake);
    commit_epochs(delta, 2, EPOCHS - 2);
    lake_remove_commits(&lake, 0, 8);
    tide_clock_simulated_advance(&now, (struct tide_duration){INT64_C(61) * 1000 * 1000});
    struct tide_error error = {0};
    assert_int_equal(commit_epoch(sleeper, 2, &error), TIDE_FATAL); /* another has its epochs */
    assert_non_null(strstr(error.text, "not of one history"));
    assert_int_equal(tide_delta_version(sleeper), EPOCHS - 1);
    expect_table(sleeper, EPOCHS);
    tide_delta_close(sleeper);
    tide_delta_close(delta);
    lake_destroy(&lake);
}

/* Removals stay in a checkpoint for a week, foreign transactions with their time for ever. */
static void test_what_stands_in_it(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_bytes text = {0};
    struct tide_bytes commit = {0};
    struct tide_delta *delta = open_table(&lake);
    const int64_t now_ms = now.now.us / 1000;
    commit_epochs(delta, 0, 1);
    tide_bytes_append_format(&commit,
                             "{\"remove\":{\"path\":\"old\",\"deletionTimestamp\":%lld}}\n"
                             "{\"remove\":{\"path\":\"new\",\"deletionTimestamp\":%lld}}\n"
                             "{\"remove\":{\"path\":\"timeless\"}}\n"
                             "{\"txn\":{\"appId\":\"theirs\",\"version\":4,\"lastUpdated\":77}}\n",
                             (long long)(now_ms - INT64_C(8) * 86400 * 1000),
                             (long long)(now_ms - INT64_C(6) * 86400 * 1000));
    lake_put(&lake, 1, tide_bytes_terminated(&commit));
    commit_epochs(delta, 1, 2);
    assert_true(has_object(&lake, "00000000000000000003.checkpoint.parquet", &text));
    const char *written = tide_bytes_terminated(&text);
    assert_null(strstr(written, "\"path\":\"old\""));
    assert_non_null(strstr(written, "\"path\":\"new\""));
    assert_non_null(strstr(written, "\"path\":\"timeless\""));
    assert_non_null(strstr(written, "\"appId\":\"theirs\",\"version\":4,\"lastUpdated\":77}"));
    assert_non_null(strstr(written, "{\"txn\":{\"appId\":\"p/0\",\"version\":2}}"));
    assert_non_null(strstr(written, "{\"protocol\":{\"minReaderVersion\":1"));
    tide_delta_close(delta);
    tide_bytes_release(&text);
    tide_bytes_release(&commit);
    lake_destroy(&lake);
}

static void test_asked_for(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_bytes text = {0};
    struct tide_delta *delta = open_table(&lake);
    assert_int_equal(tide_delta_checkpoint(delta, NULL), TIDE_OK); /* of no table */
    assert_false(has_object(&lake, "_last_checkpoint", &text));
    commit_epochs(delta, 0, 2);
    assert_int_equal(tide_delta_checkpoint(delta, NULL), TIDE_OK);
    assert_true(has_object(&lake, "00000000000000000001.checkpoint.parquet", &text));
    assert_int_equal(tide_delta_checkpoint(delta, NULL), TIDE_OK); /* it is there */
    tide_delta_close(delta);
    tide_bytes_release(&text);
    lake_destroy(&lake);
}

/* ---- faults */

/* The commit of epoch 3 writes a checkpoint; operation `at` of it meets the fault. */
static bool fault_at(uint64_t seed, uint64_t at, enum tide_io_sim_fault fault)
{
    struct lake lake = lake_create(seed);
    struct tide_delta *delta = open_table(&lake);
    commit_epochs(delta, 0, EVERY);
    const uint64_t before = tide_io_sim_operation_count(lake.sim);
    tide_io_sim_arm(lake.sim, fault, at);
    enum tide_status status = commit_epoch(delta, EVERY, NULL);
    const bool is_hit = tide_io_sim_operation_count(lake.sim) - before >= at;
    tide_io_sim_arm(lake.sim, TIDE_IO_SIM_FAULT_NONE, 1);
    if (status == TIDE_RETRY) {
        status = commit_epoch(delta, EVERY, NULL);
    }
    const bool is_committed = status == TIDE_OK && !tide_io_sim_crashed(lake.sim);
    assert_true(is_committed || fault != TIDE_IO_SIM_FAULT_NO_SPACE);
    tide_delta_close(delta);
    if (seed % 2 == 0) {
        tide_io_sim_kill(lake.sim);
    } else {
        tide_io_sim_restart(lake.sim);
    }
    delta = open_table(&lake);
    const int64_t found = tide_delta_transaction_version(delta, TIDE_VIEW("p/0"));
    assert_true(found == EVERY || (found == EVERY - 1 && !is_committed));
    commit_epochs(delta, (int)found + 1, EPOCHS - 1 - (int)found);
    expect_table(delta, EPOCHS);
    tide_delta_close(delta);
    delta = open_table(&lake);
    expect_table(delta, EPOCHS);
    tide_delta_close(delta);
    lake_destroy(&lake);
    return is_hit;
}

static void test_faults_at_every_operation(void **state)
{
    (void)state;
    static const enum tide_io_sim_fault faults[] = {
        TIDE_IO_SIM_FAULT_NO_SPACE, TIDE_IO_SIM_FAULT_SYNC_FAILS, TIDE_IO_SIM_FAULT_CRASH};
    for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
        const uint64_t seeds = faults[f] == TIDE_IO_SIM_FAULT_CRASH ? 6 : 1;
        for (uint64_t seed = 1; seed <= seeds; seed++) {
            uint64_t at = 1;
            while (fault_at(seed, at, faults[f])) {
                at++;
            }
            assert_true(at > 30);
        }
    }
}

/* ---- cleaning */

static uint32_t file_count;

static void count_name(void *context, const char *name, bool is_directory)
{
    (void)context;
    file_count += !is_directory && strstr(name, ".json") != NULL;
}

static void test_cleaning(void **state)
{
    (void)state;
    char directory[64] = "/tmp/tidemark-clean-XXXXXX";
    char scratch[80];
    struct tide_store store = {0};
    struct tide_io io = tide_io_os();
    uint64_t removed = 0;
    const struct tide_duration keep = {INT64_C(30) * 86400 * 1000 * 1000};
    const struct tide_instant real = tide_clock_now(tide_clock_os());
    assert_non_null(mkdtemp(directory));
    (void)snprintf(scratch, sizeof(scratch), "%s/events/_delta_log", directory);
    assert_int_equal(tide_store_local_open(io, directory, &store, NULL), TIDE_OK);
    assert_int_equal(io.operations->make_directory(io.self, scratch, NULL), TIDE_OK);
    now.now = real;
    struct tide_delta_options options = {.store = store,
                                         .clock = tide_clock_simulated(&now),
                                         .layout = &fixture_layout,
                                         .table_id = TIDE_VIEW("0123456789abcdef0123456789abcdef"),
                                         .engine = TIDE_VIEW("tidemark/test"),
                                         .codec = sim_checkpoint_codec(&io),
                                         .scratch_directory = directory,
                                         .io = io,
                                         .checkpoint_commits = EVERY,
                                         .keeps_files = true};
    struct tide_delta *delta = NULL;
    assert_int_equal(tide_delta_open(&options, &delta, NULL), TIDE_OK);
    commit_epochs(delta, 0, EPOCHS);
    assert_int_equal(tide_delta_clean_log(delta, keep, 1000, &removed, NULL), TIDE_OK);
    assert_int_equal(removed, 0); /* all of it is young */
    now.now.us += keep.us + INT64_C(60) * 1000 * 1000;
    assert_int_equal(tide_delta_clean_log(delta, keep, 4, &removed, NULL), TIDE_OK);
    assert_int_equal(removed, 4); /* a bounded piece: 0, 1, 2 and one of version 3 */
    assert_int_equal(tide_delta_clean_log(delta, keep, 1000, &removed, NULL), TIDE_OK);
    assert_int_equal(removed, 9 + 2 - 4); /* commits below 9, checkpoints 3 and 6 */
    assert_int_equal(tide_delta_clean_log(delta, keep, 1000, &removed, NULL), TIDE_OK);
    assert_int_equal(removed, 0);
    file_count = 0;
    assert_int_equal(io.operations->list(io.self, scratch, count_name, NULL, NULL), TIDE_OK);
    assert_int_equal(file_count, EPOCHS - 9);
    commit_epochs(delta, EPOCHS, 1);
    tide_delta_close(delta);
    assert_int_equal(tide_delta_open(&options, &delta, NULL), TIDE_OK);
    expect_table(delta, EPOCHS + 1);
    tide_delta_close(delta);
    store.operations->close(store.self);
    assert_int_equal(remove_tree(directory), 0);
}

/* The border is a checkpoint that cannot be read: nothing goes. */
static void test_nothing_goes_for_a_damaged_one(void **state)
{
    (void)state;
    char directory[64] = "/tmp/tidemark-clean-XXXXXX";
    struct tide_store store = {0};
    struct tide_io io = tide_io_os();
    struct tide_error error = {0};
    uint64_t removed = 0;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(tide_store_local_open(io, directory, &store, NULL), TIDE_OK);
    struct lake lake = {.io = io, .store = store};
    struct tide_bytes table = {0};
    lake_write_table(&table, "id", 2);
    lake_put(&lake, 0, tide_bytes_terminated(&table));
    lake_put(&lake, 1, "{}");
    lake_put_object(&lake, "00000000000000000001.checkpoint.parquet", "PAR1");
    now.now = tide_clock_now(tide_clock_os());
    now.now.us += INT64_C(3600) * 1000 * 1000;
    struct tide_delta *delta = open_with(store, &io, true);
    assert_int_equal(tide_delta_clean_log(delta, (struct tide_duration){0}, 1000, &removed, &error),
                     TIDE_FATAL);
    assert_non_null(strstr(error.text, "checkpoint 1 of events cannot be read"));
    assert_int_equal(removed, 0);
    tide_delta_close(delta);
    tide_bytes_release(&table);
    store.operations->close(store.self);
    assert_int_equal(remove_tree(directory), 0);
}

/* _last_checkpoint says what cannot be: it is passed over, and the next checkpoint is written. */
static void test_a_hint_beyond_the_end(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_bytes text = {0};
    struct tide_delta *delta = open_table(&lake);
    commit_epochs(delta, 0, EVERY);
    tide_delta_close(delta);
    lake_put_object(&lake, "_last_checkpoint", "{\"version\":1000000,\"size\":1}");
    delta = open_table(&lake);
    commit_epochs(delta, EVERY, 1);
    assert_true(has_object(&lake, "00000000000000000003.checkpoint.parquet", &text));
    assert_true(has_object(&lake, "_last_checkpoint", &text));
    assert_non_null(strstr(tide_bytes_terminated(&text), "{\"version\":3,"));
    expect_table(delta, EVERY + 1);
    tide_delta_close(delta);
    tide_bytes_release(&text);
    lake_destroy(&lake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_few_commits),
        cmocka_unit_test(test_a_sleeper_wakes_up),
        cmocka_unit_test(test_what_stands_in_it),
        cmocka_unit_test(test_asked_for),
        cmocka_unit_test(test_faults_at_every_operation),
        cmocka_unit_test(test_cleaning),
        cmocka_unit_test(test_nothing_goes_for_a_damaged_one),
        cmocka_unit_test(test_a_hint_beyond_the_end),
    };
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
