/* Goal: the files of a table are those that its log names, in order, each with its date; what is no
 * table has none, and what is read by its path must have a path that can be read. Method: a lake
 * written by hand, an orphan beside its files, a commit with a file elsewhere. */
#include "batch/lake_files.h"
#include "fixture.h"

static enum tide_status list(struct fixture *fixture,
                             enum tide_table table,
                             struct tide_lake_files *files,
                             struct tide_error *error)
{
    return tide_lake_files_list(
        fixture->store, tide_clock_os(), fixture->layouts[table], &fixture->arena, files, error);
}

static void names_live_files(void **state)
{
    struct tide_lake_files files = {0};
    struct tide_error error = {0};
    (void)state;
    struct fixture *fixture = fixture_open();
    fixture_check(list(fixture, TIDE_TABLE_EVENTS, &files, &error), &error);
    assert_false(files.is_table);
    assert_int_equal(files.count, 0);
    for (int i = 0; i < 3; i++) { /* two days, the second of them twice */
        const struct fixture_event event = {
            .seconds = i == 0 ? 86400 : 0, .kind = "a", .uid_high = i, .offset = i, .epoch = i};
        fixture_add_event(fixture, &event);
        fixture_add_rejected(fixture, "type", 0, 10 + i, i);
        fixture_commit(fixture);
    }
    fixture_check(fixture->store.operations->put_if_absent(fixture->store.self,
                                                           "events/event_date=2026-03-08/x.parquet",
                                                           TIDE_VIEW("rest"),
                                                           &error),
                  &error);
    fixture_check(list(fixture, TIDE_TABLE_EVENTS, &files, &error), &error);
    assert_true(files.is_table);
    assert_int_equal(files.count, 3);
    const char *const dates[] = {"2026-03-08", "2026-03-08", "2026-03-09"};
    for (uint32_t i = 0; i < files.count; i++) {
        assert_true(tide_view_equal(files.files[i].date, tide_view_of(dates[i])));
        assert_true(i == 0 || tide_view_compare(files.files[i - 1].path, files.files[i].path) < 0);
    }
    fixture_check(list(fixture, TIDE_TABLE_REJECTED, &files, &error), &error);
    assert_int_equal(files.count, 3);
    assert_int_equal(files.files[0].date.size, 0);
    fixture_close(fixture);
}

static void reading_makes_no_table(void **state)
{
    struct tide_error error = {0};
    struct tide_delta *delta = NULL;
    (void)state;
    struct fixture *fixture = fixture_open();
    const struct tide_layout *layout = fixture->layouts[TIDE_TABLE_EVENTS];
    struct tide_delta_options options = tide_lake_files_reading(
        fixture->store, tide_clock_os(), layout, (struct tide_checkpoint_codec){0});
    assert_ptr_equal(options.layout, layout);
    assert_false(options.keeps_files);
    fixture_check(tide_delta_open(&options, &delta, &error), &error);
    assert_int_equal(tide_delta_version(delta), -1);
    tide_delta_close(delta);
    fixture_close(fixture);
}

static void refuses_a_file_elsewhere(void **state)
{
    static const char *const paths[] = {"x.parquet",
                                        "aB/x.parquet",
                                        "event_date=/x.parquet",
                                        "event_date=2026/x.parquet",
                                        "event_dat_=2026-03-08/x.parquet"};
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct tide_lake_files files = {0};
        struct tide_error error = {0};
        struct tide_bytes line = {0};
        struct fixture *fixture = fixture_open();
        const struct fixture_event event = {.kind = "a"};
        fixture_add_event(fixture, &event);
        fixture_commit(fixture);
        tide_bytes_append_format(&line,
                                 "{\"add\":{\"path\":\"%s\",\"partitionValues\":"
                                 "{\"event_date\":\"2026-03-08\"},\"size\":1,"
                                 "\"modificationTime\":0,\"dataChange\":true}}\n",
                                 paths[i]);
        fixture_check(
            fixture->store.operations->put_if_absent(fixture->store.self,
                                                     "events/_delta_log/00000000000000000001.json",
                                                     tide_bytes_view(&line),
                                                     &error),
            &error);
        assert_int_equal(list(fixture, TIDE_TABLE_EVENTS, &files, &error), TIDE_REJECT);
        assert_non_null(strstr(error.text, "event_date="));
        tide_bytes_release(&line);
        fixture_close(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_live_files),
        cmocka_unit_test(reading_makes_no_table),
        cmocka_unit_test(refuses_a_file_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
