/* Goal: after any adds and removes the live files are those of a plain model, under their decoded
 * names, and what an add says of its file is read back. Method: a set of paths against a model; a
 * table of adds. */
#include "unit/lake/delta_fixture.h"

enum {
    MANY = 3000
};

static struct tide_delta_snapshot open_snapshot(const struct lake *lake)
{
    struct tide_delta_snapshot snapshot;
    struct tide_bytes text = {0};
    tide_delta_snapshot_init(
        &snapshot, lake->store, &fixture_layout, (struct tide_checkpoint_codec){0}, true);
    lake_write_table(&text, "id", 2);
    assert_int_equal(tide_delta_snapshot_fold(&snapshot, tide_bytes_view(&text), NULL), TIDE_OK);
    assert_int_equal(snapshot.version, 0);
    tide_bytes_release(&text);
    return snapshot;
}

static void test_files(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_delta_snapshot snapshot = open_snapshot(&lake);
    struct tide_bytes text = {0};
    static bool is_live[MANY];
    for (int i = 0; i < 3 * MANY; i++) {
        int file = (int)((unsigned)i * 7919U % MANY);
        bool is_add = i % 5 < 3;
        is_live[file] = is_add;
        tide_bytes_append_format(&text,
                                 "{\"%s\":{\"path\":\"event_date%%3D%d/a%%20b%%2525%%zz\","
                                 "\"size\":%d}}\n",
                                 is_add ? "add" : "remove",
                                 file,
                                 file + 1);
    }
    assert_int_equal(tide_delta_snapshot_fold(&snapshot, tide_bytes_view(&text), NULL), TIDE_OK);
    assert_int_equal(snapshot.file_count, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct tide_delta_live *live = &snapshot.files[i];
        int file = (int)live->size - 1;
        tide_bytes_reset(&text);
        tide_bytes_append_format(&text, "event_date=%d/a b%%25%%zz", file);
        assert_true(tide_view_equal(live->path, tide_bytes_view(&text)));
        assert_int_equal(live->is_live, is_live[file]);
    }
    tide_bytes_release(&text);
    tide_delta_snapshot_release(&snapshot);
    lake_destroy(&lake);
}

static const struct {
    const char *add;
    int32_t date_days;
    bool has_row_count;
    uint64_t row_count;
    int64_t modified_us;
} adds[] = {
    {"\"size\":7,\"partitionValues\":{\"event_date\":\"2026-03-08\"},\"modificationTime\":12,"
     "\"stats\":\"{\\\"numRecords\\\":41}\"",
     20520,
     true,
     41,
     12000},
    {"\"size\":7,\"partitionValues\":{\"event_date\":null},\"stats\":null",
     TIDE_DATE_UNKNOWN,
     false,
     0,
     INT64_MIN},
    {"\"size\":7,\"partitionValues\":{\"event_date\":\"\"},\"stats\":\"{}\"",
     TIDE_DATE_UNKNOWN,
     false,
     0,
     INT64_MIN},
    {"\"size\":7,\"partitionValues\":{\"event_date\":\"1969-12-31\"},\"stats\":\"no\"",
     -1,
     false,
     0,
     INT64_MIN},
    {"\"size\":7", TIDE_DATE_UNKNOWN, false, 0, INT64_MIN},
};

static void test_what_an_add_says(void **state)
{
    (void)state;
    struct lake lake = lake_create(1);
    struct tide_arena scratch = {0};
    for (size_t i = 0; i < sizeof(adds) / sizeof(adds[0]); i++) {
        struct tide_delta_snapshot snapshot = open_snapshot(&lake);
        struct tide_bytes text = {0};
        struct tide_delta_entry entry;
        tide_bytes_append_format(&text, "{\"add\":{\"path\":\"a%%20b\",%s}}\n", adds[i].add);
        assert_int_equal(tide_delta_snapshot_fold(&snapshot, tide_bytes_view(&text), NULL),
                         TIDE_OK);
        const struct tide_delta_live *live = tide_delta_snapshot_file(&snapshot, TIDE_VIEW("a b"));
        assert_non_null(live);
        assert_null(tide_delta_snapshot_file(&snapshot, TIDE_VIEW("a%20b")));
        assert_int_equal(tide_delta_entry_read(&fixture_layout, live, &scratch, &entry, NULL),
                         TIDE_OK);
        assert_true(tide_view_equal(entry.path, TIDE_VIEW("a b")));
        assert_int_equal(entry.date_days, adds[i].date_days);
        assert_int_equal(entry.has_row_count, adds[i].has_row_count);
        assert_int_equal(entry.row_count, adds[i].row_count);
        assert_true(entry.modified.us == adds[i].modified_us);
        assert_int_equal(entry.size, 7);
        tide_bytes_release(&text);
        tide_delta_snapshot_release(&snapshot);
    }
    tide_arena_release(&scratch);
    lake_destroy(&lake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_what_an_add_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
