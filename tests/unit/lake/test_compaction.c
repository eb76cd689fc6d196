/* Goal: compaction takes the files that are worth it, and whatever happens at any operation of it,
 * every row is in the table once, in the order of the log.
 * Method: tables of file sizes; a fault at every operation of a step; another writer just before
 * its commit; files that are not what the log says. */
#include "unit/lake/house_fixture.h"

#include "base/logline.h"
#include "lake/compaction.h"

static struct tide_compactor *open_compactor(struct house *house,
                                             uint64_t target_bytes,
                                             uint32_t files_min)
{
    struct tide_compaction_options options;
    struct tide_compactor *compactor = NULL;
    struct tide_error error = {0};
    tide_compaction_options_default(&options, TIDE_TABLE_RAW);
    options.table = house_table(house);
    options.rewriter = sim_rewriter(&house->io);
    options.target_bytes = target_bytes;
    options.files_min = files_min;
    if (tide_compactor_open(&options, &compactor, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    return compactor;
}

static struct tide_compaction_step must_step(struct tide_compactor *compactor)
{
    struct tide_compaction_step step;
    struct tide_error error = {0};
    if (tide_compactor_step(compactor, &step, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    return step;
}

static void test_defaults(void **state)
{
    (void)state;
    struct tide_compaction_options options;
    tide_compaction_options_default(&options, TIDE_TABLE_EVENTS);
    assert_int_equal(options.target_bytes, 128 << 20);
    assert_int_equal(options.files_min, 8);
    tide_compaction_options_default(&options, TIDE_TABLE_METRICS);
    assert_int_equal(options.files_min, 2);
}

static void test_a_day_with_many_files(void **state)
{
    (void)state;
    struct house house;
    house_open(&house, 1);
    for (int i = 0; i < 6; i++) {
        house_add(&house, HOUSE_DAY + (i == 5), 2);
    }
    struct tide_compactor *compactor = open_compactor(&house, 1 << 20, 3);
    struct tide_compaction_step step = must_step(compactor);
    assert_int_equal(step.date_days, HOUSE_DAY);
    assert_int_equal(step.files_before, 5);
    assert_int_equal(step.files_after, 1);
    assert_int_equal(step.rows_before, 10);
    assert_int_equal(step.rows_after, 10);
    assert_int_equal(step.bytes_after, step.bytes_before);
    assert_false(step.is_idle || step.is_lost);
    struct house_rows rows = house_read(&house);
    assert_int_equal(rows.rows, 12);
    assert_int_equal(rows.files, 2);
    assert_true(rows.is_sorted);
    assert_true(must_step(compactor).is_idle); /* one file of that day, one of the next */
    house_add(&house, HOUSE_DAY, 2);
    assert_true(must_step(compactor).is_idle);
    house_add(&house, HOUSE_DAY, 2); /* a commit of another: it looks again */
    step = must_step(compactor);
    assert_int_equal(step.files_before, 3);
    rows = house_read(&house);
    assert_int_equal(rows.rows, 16);
    assert_true(rows.is_sorted);
    tide_compactor_close(compactor);
    house_close(&house);
}

/* Which of the files of a day, by how many rows they have (about 10 bytes each). */
static const struct {
    int rows[10];
    uint64_t target;
    uint32_t files_min;
    uint32_t files; /* of the first step; 0: idle */
    uint64_t merged;
} days[] = {
    {{1, 1}, 1 << 20, 3, 0, 0},
    {{1, 1, 1}, 1 << 20, 3, 3, 3},
    {{20, 20, 20, 1, 1}, 400, 2, 2, 2},            /* from half the target on not small */
    {{9, 9, 9, 9, 9, 9}, 400, 2, 3, 27},           /* no more than the target */
    {{1, 1, 1, 1, 30}, 1 << 20, 3, 4, 4},          /* a larger one than all before waits */
    {{1, 1, 1, 1, 2, 3, 4, 8}, 1 << 20, 3, 8, 21}, /* but these grow together */
    {{12, 12, 12, 12}, 500, 3, 3, 36},
};

static void test_which_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        struct house house;
        uint64_t total = 0;
        house_open(&house, 1);
        for (size_t n = 0; n < 10 && days[i].rows[n] > 0; n++) {
            house_add(&house, HOUSE_DAY, days[i].rows[n]);
            total += (uint64_t)days[i].rows[n];
        }
        struct tide_compactor *compactor =
            open_compactor(&house, days[i].target, days[i].files_min);
        const struct tide_compaction_step step = must_step(compactor);
        if (step.is_idle != (days[i].files == 0) || step.files_before != days[i].files ||
            step.rows_after != days[i].merged) {
            fail_msg("day %zu: %u files, %llu rows",
                     i,
                     step.files_before,
                     (unsigned long long)step.rows_after);
        }
        assert_int_equal(house_read(&house).rows, total);
        tide_compactor_close(compactor);
        house_close(&house);
    }
}

/* ---- what is not as the log says */

static void test_a_file_is_gone(void **state)
{
    (void)state;
    struct house house;
    struct tide_compaction_step step;
    struct tide_error error = {0};
    house_open(&house, 1);
    house_add(&house, HOUSE_DAY, 2);
    house_add(&house, HOUSE_DAY, 2);
    assert_int_equal(house.store.operations->remove(
                         house.store.self, "raw/received_date=2026-03-08/w-0.rows", NULL),
                     TIDE_OK);
    struct tide_compactor *compactor = open_compactor(&house, 1 << 20, 2);
    assert_int_equal(tide_compactor_step(compactor, &step, &error), TIDE_FATAL);
    assert_non_null(strstr(error.text, "w-0.rows, which is not there"));
    tide_compactor_close(compactor);
    house_close(&house);
}

static void test_a_file_has_other_rows(void **state)
{
    (void)state;
    struct house house;
    struct tide_compaction_step step;
    struct tide_error error = {0};
    house_open(&house, 1);
    house_add(&house, HOUSE_DAY, 2);
    house_add_promising(&house, HOUSE_DAY, 2, 3);
    struct tide_compactor *compactor = open_compactor(&house, 1 << 20, 2);
    struct tide_delta *delta = house_delta(&house);
    const int64_t version = tide_delta_version(delta);
    assert_int_equal(tide_compactor_step(compactor, &step, &error), TIDE_FATAL);
    assert_non_null(strstr(error.text, "should have 5 rows, have 4"));
    assert_int_equal(tide_delta_refresh(delta, NULL), TIDE_OK);
    assert_int_equal(tide_delta_version(delta), version);
    tide_delta_close(delta);
    tide_compactor_close(compactor);
    house_close(&house);
}

/* ---- another compaction at the same time */

static struct house *racing;
static enum tide_status (*inner_put)(void *self,
                                     const char *key,
                                     const char *scratch_path,
                                     struct tide_error *error);

/* When our file is put, another process compacts the same day. */
static enum tide_status put_after_another(void *self,
                                          const char *key,
                                          const char *scratch_path,
                                          struct tide_error *error)
{
    if (racing != NULL) {
        struct house *house = racing;
        racing = NULL;
        struct tide_io io = house->io;
        assert_int_equal(io.operations->rename(io.self, scratch_path, "scratch/aside", NULL),
                         TIDE_OK);
        struct tide_compactor *other = open_compactor(house, 1 << 20, 2);
        assert_int_equal(must_step(other).files_before, 3);
        tide_compactor_close(other);
        assert_int_equal(io.operations->rename(io.self, "scratch/aside", scratch_path, NULL),
                         TIDE_OK);
    }
    return inner_put(self, key, scratch_path, error);
}

static void count_objects(void *context, const struct tide_store_entry *entry)
{
    *(int *)context += !entry->is_folder;
}

static void test_another_was_faster(void **state)
{
    (void)state;
    struct house house;
    house_open(&house, 1);
    for (int i = 0; i < 3; i++) {
        house_add(&house, HOUSE_DAY, 2);
    }
    struct tide_store_operations operations = *house.store.operations;
    inner_put = operations.put_file;
    operations.put_file = put_after_another;
    const struct tide_store plain = house.store;
    house.store.operations = &operations;
    struct tide_compactor *compactor = open_compactor(&house, 1 << 20, 2);
    racing = &house;
    const struct tide_compaction_step step = must_step(compactor);
    assert_true(step.is_lost);
    const struct house_rows rows = house_read(&house);
    assert_int_equal(rows.rows, 6);
    assert_int_equal(rows.files, 1);
    int objects = 0;
    assert_int_equal(
        plain.operations->list(
            plain.self, "raw/received_date=2026-03-08/", count_objects, &objects, NULL),
        TIDE_OK);
    assert_int_equal(objects, 4); /* three old ones and the winner's: ours was taken away */
    assert_true(must_step(compactor).is_idle);
    tide_compactor_close(compactor);
    house.store = plain;
    house_close(&house);
}

/* ---- faults */

static bool fault_at(uint64_t seed, uint64_t at, enum tide_io_sim_fault fault)
{
    struct house house;
    struct tide_compaction_step step = {0};
    struct tide_error error = {0};
    house_open(&house, seed);
    for (int i = 0; i < 4; i++) {
        house_add(&house, HOUSE_DAY, 1 + i % 2);
    }
    struct tide_compactor *compactor = open_compactor(&house, 1 << 20, 3);
    const uint64_t before = tide_io_sim_operation_count(house.sim);
    tide_io_sim_arm(house.sim, fault, at);
    enum tide_status status = tide_compactor_step(compactor, &step, &error);
    const bool is_hit = tide_io_sim_operation_count(house.sim) - before >= at;
    tide_io_sim_arm(house.sim, TIDE_IO_SIM_FAULT_NONE, 1);
    if (status == TIDE_RETRY) {
        status = tide_compactor_step(compactor, &step, &error);
        assert_int_equal(status, TIDE_OK);
    }
    const bool is_done =
        status == TIDE_OK && !step.is_idle && !step.is_lost && !tide_io_sim_crashed(house.sim);
    tide_compactor_close(compactor);
    if (seed % 2 == 0) {
        tide_io_sim_kill(house.sim);
    } else {
        tide_io_sim_restart(house.sim);
    }
    struct house_rows rows = house_read(&house);
    assert_int_equal(rows.rows, 6);
    assert_true(rows.files == 1 || (rows.files == 4 && !is_done));
    compactor = open_compactor(&house, 1 << 20, 3);
    assert_int_equal(must_step(compactor).is_idle, rows.files == 1);
    tide_compactor_close(compactor);
    rows = house_read(&house);
    assert_int_equal(rows.rows, 6);
    assert_int_equal(rows.files, 1);
    assert_true(rows.is_sorted);
    house_close(&house);
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
            assert_true(at > 20);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_a_day_with_many_files),
        cmocka_unit_test(test_which_files),
        cmocka_unit_test(test_a_file_is_gone),
        cmocka_unit_test(test_a_file_has_other_rows),
        cmocka_unit_test(test_another_was_faster),
        cmocka_unit_test(test_faults_at_every_operation),
    };
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
