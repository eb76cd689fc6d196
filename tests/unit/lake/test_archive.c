/* Goal: an archive has the rows of the originals, or there is none: a copy that differs in its
 * size, its rows or its identities is refused, and what is there is not copied again.
 * Method: copies between two stores on a simulated disk; a target that spoils what is put. */
#include "unit/lake/house_fixture.h"

#include "lake/archive.h"

enum {
    FILES = 2
};

static struct tide_delta_file files[FILES];
static struct tide_tally tallies[2];
static char paths[FILES][64];

static enum tide_status keep_file(void *context, const struct tide_delta_entry *entry)
{
    uint32_t *count = context;
    assert_true(*count < FILES && entry->path.size < sizeof(paths[0]));
    memcpy(paths[*count], entry->path.data, entry->path.size);
    files[*count] = (struct tide_delta_file){.path = {paths[*count], entry->path.size},
                                             .date_days = entry->date_days,
                                             .size = entry->size,
                                             .row_count = entry->row_count,
                                             .stats = TIDE_VIEW("{\"numRecords\":3}")};
    (*count)++;
    return TIDE_OK;
}

static void begin(struct house *house, struct tide_store *cold)
{
    uint32_t count = 0;
    house_open(house, 1);
    house_add(house, HOUSE_DAY, 3);
    house_add(house, HOUSE_DAY, 3);
    assert_int_equal(tide_store_local_open(house->io, "cold", cold, NULL), TIDE_OK);
    struct tide_delta *delta = house_delta(house);
    assert_int_equal(
        tide_delta_entries(delta, (struct tide_delta_visitor){keep_file, &count}, NULL), TIDE_OK);
    tide_delta_close(delta);
    assert_int_equal(count, FILES);
    tallies[0] = (struct tide_tally){.partition = 0, .rows = 3};
    tallies[1] = (struct tide_tally){.partition = 1, .rows = 3};
}

static enum tide_status copy(struct house *house, struct tide_store cold, struct tide_error *error)
{
    const struct tide_delta_options source = house_table(house);
    struct tide_delta_options target = source;
    target.store = cold;
    const struct tide_archive archive = {.source = &source,
                                         .target = &target,
                                         .rewriter = sim_rewriter(&house->io),
                                         .files = files,
                                         .file_count = FILES,
                                         .tallies = tallies,
                                         .tally_count = 2};
    return tide_archive_copy(&archive, error);
}

static void expect_there(struct house *house, struct tide_store cold, uint64_t rows)
{
    struct house there = *house;
    there.store = cold;
    assert_int_equal(house_read(&there).rows, rows);
    assert_int_equal(house_read(house).rows, 6); /* nothing is taken away here */
}

static void test_copies(void **state)
{
    (void)state;
    struct house house;
    struct tide_store cold = {0};
    struct tide_error error = {0};
    begin(&house, &cold);
    assert_int_equal(copy(&house, cold, &error), TIDE_OK);
    expect_there(&house, cold, 6);
    assert_int_equal(copy(&house, cold, &error), TIDE_OK); /* it is there */
    expect_there(&house, cold, 6);
    cold.operations->close(cold.self);
    house_close(&house);
}

static void test_rows_that_are_not_those(void **state)
{
    (void)state;
    struct house house;
    struct tide_store cold = {0};
    for (int i = 0; i < 4; i++) {
        struct tide_error error = {0};
        begin(&house, &cold);
        if (i == 0) {
            tallies[1].rows = 4;
        } else if (i == 1) {
            tallies[1].uids.low = 1;
        } else if (i == 2) {
            tallies[1].rejected[3] = 1;
        } else {
            files[1].size++;
        }
        assert_int_equal(copy(&house, cold, &error), TIDE_FATAL);
        assert_non_null(strstr(error.text, i == 3 ? "the log says" : "not the rows"));
        expect_there(&house, cold, 0);
        cold.operations->close(cold.self);
        house_close(&house);
    }
}

/* ---- a target that loses a row */

static enum tide_status (*inner_put)(void *self,
                                     const char *key,
                                     const char *scratch_path,
                                     struct tide_error *error);
static struct tide_io disk;

static enum tide_status put_less(void *self,
                                 const char *key,
                                 const char *scratch_path,
                                 struct tide_error *error)
{
    struct tide_file file = {0};
    uint64_t size = 0;
    if (strstr(key, "_delta_log") == NULL) {
        assert_int_equal(disk.operations->open(disk.self, scratch_path, TIDE_IO_WRITE, &file, NULL),
                         TIDE_OK);
        assert_int_equal(disk.operations->size(disk.self, file, &size, NULL), TIDE_OK);
        assert_int_equal(disk.operations->truncate(disk.self, file, size * 2 / 3, NULL), TIDE_OK);
        disk.operations->close(disk.self, &file);
    }
    return inner_put(self, key, scratch_path, error);
}

static void test_a_target_that_spoils(void **state)
{
    (void)state;
    struct house house;
    struct tide_store cold = {0};
    struct tide_error error = {0};
    begin(&house, &cold);
    const struct tide_store plain = cold;
    struct tide_store_operations operations = *cold.operations;
    inner_put = operations.put_file;
    operations.put_file = put_less;
    cold.operations = &operations;
    disk = house.io;
    assert_int_equal(copy(&house, cold, &error), TIDE_FATAL);
    assert_non_null(strstr(error.text, "not the rows"));
    expect_there(&house, plain, 0);
    plain.operations->close(plain.self);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_rows_that_are_not_those),
        cmocka_unit_test(test_a_target_that_spoils),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
