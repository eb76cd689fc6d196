/* Goal: whole days leave in one commit, and what left is known exactly, whatever happens at any
 * operation; nothing is removed that was not counted, or not copied where it should be.
 * Method: days of rows, removed in steps and with an archive; a fault at every operation, after
 * which rows that are there and rows that left add up; records that are damaged or in the way. */
#include "unit/lake/house_fixture.h"

#include "base/logline.h"

enum {
    ROWS = 12 /* three days of two files with two rows each */
};

static void fill(struct house *house)
{
    for (int i = 0; i < 6; i++) {
        house_add(house, HOUSE_DAY + i / 2, 2);
    }
}

static struct tide_expiry_options options_of(struct house *house, int before)
{
    return (struct tide_expiry_options){.table = house_table(house),
                                        .rewriter = sim_rewriter(&house->io),
                                        .before_days = before,
                                        .files_max = 3};
}

static struct tide_expiry_step must_expire(const struct tide_expiry_options *options)
{
    struct tide_expiry_step step;
    struct tide_error error = {0};
    if (tide_expire(options, &step, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    return step;
}

/* Rows of each partition that left. */
static struct tide_expired read_expired(struct house *house, struct tide_arena *arena)
{
    struct tide_expired expired;
    struct tide_error error = {0};
    struct tide_delta *delta = house_delta(house);
    if (tide_expired_read(house->store, house->layout, delta, arena, &expired, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    tide_delta_close(delta);
    return expired;
}

static uint64_t rows_expired(struct house *house)
{
    struct tide_arena arena = {0};
    const struct tide_expired expired = read_expired(house, &arena);
    uint64_t rows = 0;
    for (uint32_t i = 0; i < expired.partition_count; i++) {
        rows += expired.partitions[i].rows;
    }
    tide_arena_release(&arena);
    return rows;
}

static void test_days_leave(void **state)
{
    (void)state;
    struct house house;
    struct tide_arena arena = {0};
    house_open(&house, 1);
    fill(&house);
    assert_int_equal(read_expired(&house, &arena).before_days, TIDE_DATE_UNKNOWN);
    struct tide_expiry_options options = options_of(&house, HOUSE_DAY);
    assert_true(must_expire(&options).is_idle);
    options.before_days = HOUSE_DAY + 2;
    struct tide_expiry_step step = must_expire(&options);
    /* Three files are one day and a half: the day that was begun goes whole. */
    assert_int_equal(step.first_days, HOUSE_DAY);
    assert_int_equal(step.end_days, HOUSE_DAY + 2);
    assert_int_equal(step.files, 4);
    assert_int_equal(step.rows, 8);
    assert_true(must_expire(&options).is_idle);
    assert_int_equal(house_read(&house).rows, ROWS - 8);
    struct tide_expired expired = read_expired(&house, &arena);
    assert_int_equal(expired.before_days, HOUSE_DAY + 2);
    assert_int_equal(expired.partition_count, 2);
    assert_int_equal(tide_expired_of(&expired, 0).rows, 4);
    assert_int_equal(tide_expired_of(&expired, 1).rows, 4);
    assert_int_equal(tide_expired_of(&expired, 2).rows, 0);
    house_add(&house, HOUSE_DAY, 1); /* a latecomer of a day that has left */
    step = must_expire(&options);
    assert_int_equal(step.rows, 1);
    assert_int_equal(step.end_days, HOUSE_DAY + 1);
    expired = read_expired(&house, &arena);
    assert_int_equal(expired.before_days, HOUSE_DAY + 2); /* never goes back */
    assert_int_equal(tide_expired_of(&expired, 0).rows, 5);
    tide_arena_release(&arena);
    house_close(&house);
}

/* ---- records */

static const char first_record[] = "_tidemark/expired/raw/00000000000000000000.json";

static void test_a_record_in_the_way(void **state)
{
    (void)state;
    struct house house;
    house_open(&house, 1);
    fill(&house);
    house_put(&house, first_record, "of an attempt that found other files");
    const struct tide_expiry_options options = options_of(&house, HOUSE_DAY + 1);
    assert_int_equal(must_expire(&options).rows, 4);
    assert_int_equal(rows_expired(&house), 4);
    house_close(&house);
}

static void test_a_record_is_damaged(void **state)
{
    (void)state;
    for (uint64_t bit = 0; bit < 8; bit++) {
        struct house house;
        struct tide_expired expired;
        struct tide_arena arena = {0};
        struct tide_error error = {0};
        char path[128];
        house_open(&house, 1);
        fill(&house);
        const struct tide_expiry_options options = options_of(&house, HOUSE_DAY + 1);
        (void)must_expire(&options);
        (void)snprintf(path, sizeof(path), "lake/%s", first_record);
        struct tide_delta *delta = house_delta(&house);
        if (bit == 0) {
            assert_int_equal(house.store.operations->remove(house.store.self, first_record, NULL),
                             TIDE_OK);
        } else {
            assert_true(tide_io_sim_flip(house.sim, path, bit * 97));
        }
        assert_int_equal(
            tide_expired_read(house.store, house.layout, delta, &arena, &expired, &error),
            TIDE_FATAL);
        assert_non_null(strstr(error.text, bit == 0 ? "which is not there" : "is damaged"));
        struct tide_expiry_step step;
        const struct tide_expiry_options more = options_of(&house, HOUSE_DAY + 2);
        assert_int_equal(tide_expire(&more, &step, NULL),
                         TIDE_FATAL); /* on nothing it adds nothing */
        assert_int_equal(house_read(&house).rows, ROWS - 4);
        tide_delta_close(delta);
        tide_arena_release(&arena);
        house_close(&house);
    }
}

/* ---- archives */

static struct tide_delta_options archive_table(struct house *house, struct tide_store store)
{
    struct tide_delta_options options = house_table(house);
    options.store = store;
    return options;
}

static uint64_t rows_of_archive(struct house *house, struct tide_store store)
{
    struct house there = *house;
    there.store = store;
    return house_read(&there).rows;
}

static void test_archive(void **state)
{
    (void)state;
    struct house house;
    struct tide_store cold = {0};
    house_open(&house, 1);
    fill(&house);
    assert_int_equal(tide_store_local_open(house.io, "cold", &cold, NULL), TIDE_OK);
    const struct tide_delta_options target = archive_table(&house, cold);
    struct tide_expiry_options options = options_of(&house, HOUSE_DAY + 2);
    options.archive = &target;
    assert_int_equal(must_expire(&options).rows, 8);
    assert_true(must_expire(&options).is_idle);
    assert_int_equal(house_read(&house).rows, 4);
    assert_int_equal(rows_of_archive(&house, cold), 8);
    assert_int_equal(rows_expired(&house), 8);
    cold.operations->close(cold.self);
    house_close(&house);
}

/* ---- faults */

static bool fault_at(uint64_t seed, uint64_t at, bool has_archive)
{
    struct house house;
    struct tide_store cold = {0};
    struct tide_expiry_step step = {0};
    house_open(&house, seed);
    fill(&house);
    assert_int_equal(tide_store_local_open(house.io, "cold", &cold, NULL), TIDE_OK);
    const struct tide_delta_options target = archive_table(&house, cold);
    struct tide_expiry_options options = options_of(&house, HOUSE_DAY + 1);
    options.archive = has_archive ? &target : NULL;
    const uint64_t before = tide_io_sim_operation_count(house.sim);
    const enum tide_io_sim_fault fault =
        seed % 3 == 0 ? TIDE_IO_SIM_FAULT_NO_SPACE : TIDE_IO_SIM_FAULT_CRASH;
    tide_io_sim_arm(house.sim, fault, at);
    enum tide_status status = tide_expire(&options, &step, NULL);
    const bool is_hit = tide_io_sim_operation_count(house.sim) - before >= at;
    tide_io_sim_arm(house.sim, TIDE_IO_SIM_FAULT_NONE, 1);
    assert_true(status == TIDE_OK || fault == TIDE_IO_SIM_FAULT_CRASH || status == TIDE_RETRY);
    if (seed % 2 == 0) {
        tide_io_sim_kill(house.sim);
    } else {
        tide_io_sim_restart(house.sim);
    }
    const uint64_t left = rows_expired(&house);
    assert_true(left == 0 || left == 4);
    assert_int_equal(house_read(&house).rows + left, ROWS);
    step = must_expire(&options);
    assert_int_equal(step.is_idle, left == 4);
    assert_int_equal(rows_expired(&house), 4);
    assert_int_equal(house_read(&house).rows, ROWS - 4);
    assert_int_equal(rows_of_archive(&house, cold), has_archive ? 4 : 0);
    cold.operations->close(cold.self);
    house_close(&house);
    return is_hit;
}

static void test_faults_at_every_operation(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        uint64_t at = 1;
        while (fault_at(seed, at, seed > 6)) {
            at++;
        }
        assert_true(at > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_leave),
        cmocka_unit_test(test_a_record_in_the_way),
        cmocka_unit_test(test_a_record_is_damaged),
        cmocka_unit_test(test_archive),
        cmocka_unit_test(test_faults_at_every_operation),
    };
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
