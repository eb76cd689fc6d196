/* Goal: only files that no table names, that nobody promised, and that are older than the limit by
 * every clock there is, are deleted.
 * Method: a real directory with a clock that the test moves: a simulated disk has no times. */
#include "unit/lake/house_fixture.h"

#include "lake/vacuum.h"
#include "support/remove_tree.h"

static const struct tide_duration week = {INT64_C(7) * 86400 * 1000 * 1000};
static char directory[64];

static void begin(struct house *house)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/tidemark-vacuum-XXXXXX");
    assert_non_null(mkdtemp(directory));
    *house = (struct house){.io = tide_io_os()};
    house->clock.now = tide_clock_now(tide_clock_os());
    house->layout = house_layout(&house->arena, TIDE_TABLE_RAW);
    assert_int_equal(tide_store_local_open(house->io, directory, &house->store, NULL), TIDE_OK);
}

static void end(struct house *house)
{
    house_close(house);
    assert_int_equal(remove_tree(directory), 0);
}

static bool is_there(struct house *house, const char *key)
{
    struct tide_bytes text = {0};
    const enum tide_status status =
        house->store.operations->get(house->store.self, key, &text, 1 << 20, NULL);
    tide_bytes_release(&text);
    return status == TIDE_OK;
}

static bool is_promised(void *context, struct tide_view path)
{
    (void)context;
    return tide_view_equal(path, TIDE_VIEW("received_date=2026-03-08/promised.rows"));
}

static struct tide_vacuum_options options_of(struct house *house)
{
    struct tide_vacuum_options options = {
        .table = house_table(house), .older = week, .is_promised = is_promised};
    options.table.scratch_directory = NULL; /* a table that is only read */
    options.table.codec = (struct tide_checkpoint_codec){0};
    return options;
}

static struct tide_vacuum_report must_vacuum(const struct tide_vacuum_options *options)
{
    struct tide_vacuum_report report;
    struct tide_error error = {0};
    if (tide_vacuum(options, &report, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    return report;
}

/* Removes the file of epoch 0 by a commit; its file stays. */
static void remove_first(struct house *house)
{
    static const struct tide_view path = {"received_date=2026-03-08/w-0.rows", 33};
    struct tide_delta *delta = house_delta(house);
    bool is_done = false;
    const struct tide_delta_change change = {.operation = "DELETE",
                                             .is_data_change = true,
                                             .removes = &path,
                                             .remove_count = 1,
                                             .app_id = TIDE_VIEW("x"),
                                             .expected = TIDE_DELTA_NEVER,
                                             .version = 1};
    assert_int_equal(tide_delta_change(delta, &change, &is_done, NULL), TIDE_OK);
    assert_true(is_done);
    tide_delta_close(delta);
}

static void test_what_goes(void **state)
{
    (void)state;
    struct house house;
    begin(&house);
    house_add(&house, HOUSE_DAY, 2);
    house_add(&house, HOUSE_DAY, 2);
    house_put(&house, "raw/received_date=2026-03-08/orphan.rows", "left by a crash");
    house_put(&house, "raw/received_date=2026-03-08/promised.rows", "of a manifest");
    struct tide_vacuum_options options = options_of(&house);
    struct tide_vacuum_report report = must_vacuum(&options);
    assert_int_equal(report.files, 0);
    assert_int_equal(report.kept_young, 1);
    house.clock.now.us += 2 * week.us;
    remove_first(&house); /* just now, although the file is old */
    options.is_dry = true;
    report = must_vacuum(&options);
    assert_int_equal(report.files, 1);
    assert_int_equal(report.bytes, 15);
    assert_int_equal(report.kept_young, 1);
    assert_true(is_there(&house, "raw/received_date=2026-03-08/orphan.rows"));
    options.is_dry = false;
    assert_int_equal(must_vacuum(&options).files, 1);
    assert_false(is_there(&house, "raw/received_date=2026-03-08/orphan.rows"));
    assert_true(is_there(&house, "raw/received_date=2026-03-08/promised.rows"));
    assert_true(is_there(&house, "raw/received_date=2026-03-08/w-0.rows"));
    house.clock.now.us += 2 * week.us;
    assert_int_equal(must_vacuum(&options).files, 1);
    assert_false(is_there(&house, "raw/received_date=2026-03-08/w-0.rows"));
    assert_int_equal(must_vacuum(&options).files, 0);
    assert_int_equal(house_read(&house).rows, 2);
    end(&house);
}

static void test_a_bounded_piece(void **state)
{
    (void)state;
    struct house house;
    begin(&house);
    house_add(&house, HOUSE_DAY, 2);
    for (int i = 0; i < 5; i++) {
        char key[64];
        (void)snprintf(key, sizeof(key), "raw/received_date=2026-03-08/%d.rows", i);
        house_put(&house, key, "x");
    }
    house.clock.now.us += 2 * week.us;
    struct tide_vacuum_options options = options_of(&house);
    options.files_max = 3;
    struct tide_vacuum_report report = must_vacuum(&options);
    assert_int_equal(report.files, 3);
    assert_true(report.is_more);
    report = must_vacuum(&options);
    assert_int_equal(report.files, 2);
    assert_false(report.is_more);
    end(&house);
}

/* A folder without a log may be the beginning of a table, or another's: nothing is nobody's. */
static void test_no_table(void **state)
{
    (void)state;
    struct house house;
    begin(&house);
    house_put(&house, "raw/received_date=2026-03-08/x.rows", "x");
    house.clock.now.us += 2 * week.us;
    const struct tide_vacuum_options options = options_of(&house);
    assert_int_equal(must_vacuum(&options).files, 0);
    assert_true(is_there(&house, "raw/received_date=2026-03-08/x.rows"));
    end(&house);
}

/* Where a store tells no ages, nothing is old. */
static void test_no_ages(void **state)
{
    (void)state;
    struct house house;
    house_open(&house, 1);
    house_add(&house, HOUSE_DAY, 2);
    house_put(&house, "raw/received_date=2026-03-08/x.rows", "x");
    house.clock.now.us += 2 * week.us;
    const struct tide_vacuum_options options = options_of(&house);
    const struct tide_vacuum_report report = must_vacuum(&options);
    assert_int_equal(report.files, 0);
    assert_int_equal(report.kept_young, 1);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes),
        cmocka_unit_test(test_a_bounded_piece),
        cmocka_unit_test(test_no_table),
        cmocka_unit_test(test_no_ages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
