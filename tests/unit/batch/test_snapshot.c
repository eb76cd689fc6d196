/* Goal: a snapshot names the lake's files and how far it goes, and its text says the same again;
 * what is no such text is refused. Method: a lake written by hand, and broken texts. */
#include "fixture.h"

#include "batch/snapshot.h"

static struct tide_snapshot take(struct fixture *fixture,
                                 struct tide_arena *arena,
                                 const int64_t *epochs)
{
    struct tide_snapshot snapshot;
    struct tide_error error = {0};
    const struct tide_snapshot_options options = {.store = fixture->store,
                                                  .clock = tide_clock_os(),
                                                  .schema = fixture->definitions->schema,
                                                  .pipeline = TIDE_VIEW("p"),
                                                  .partition_count = 2,
                                                  .epochs = epochs,
                                                  .has_rejected = true};
    fixture_check(tide_snapshot_take(&options, arena, &snapshot, &error), &error);
    return snapshot;
}

static void check_equal(const struct tide_snapshot_table *a, const struct tide_snapshot_table *b)
{
    assert_int_equal(a->file_count, b->file_count);
    for (uint32_t i = 0; i < a->file_count; i++) {
        assert_true(tide_view_equal(a->files[i].path, b->files[i].path));
        assert_int_equal(a->files[i].size, b->files[i].size);
        assert_int_equal(a->files[i].date_days, b->files[i].date_days);
        assert_true(i == 0 || tide_view_compare(a->files[i - 1].path, a->files[i].path) < 0);
    }
}

static void says_the_same_again(void **state)
{
    (void)state;
    static const struct fixture_event event = {0, "a", "x", NULL, -1, 0, false, 1, 2, 0, 0, 0};
    struct fixture_event later = event;
    struct tide_arena arena = {0};
    struct tide_bytes text = {0};
    struct tide_snapshot again;
    struct tide_error error = {0};
    const int64_t epochs[2] = {7, -1};
    struct fixture *fixture = fixture_open();
    later.seconds = 3 * 86400;
    fixture_add_event(fixture, &later);
    fixture_add_event(fixture, &event);
    fixture_add_rejected(fixture, "type", 0, 2, 0);
    fixture_commit(fixture);

    struct tide_snapshot snapshot = take(fixture, &arena, NULL);
    assert_int_equal(snapshot.epochs[0], -1); /* the fixture's commits are of nobody's epochs */
    snapshot = take(fixture, &arena, epochs);
    assert_int_equal(snapshot.events.file_count, 2);
    assert_int_equal(snapshot.rejected.file_count, 1);
    assert_true(snapshot.events.files[0].size > 0);
    assert_int_equal(snapshot.events.files[0].date_days, FIXTURE_DAY);
    assert_int_equal(snapshot.events.expired.before_days, TIDE_DATE_UNKNOWN);
    tide_snapshot_write(&snapshot, &text);
    fixture_check(tide_snapshot_read(tide_bytes_view(&text), &arena, &again, &error), &error);
    assert_true(tide_view_equal(again.pipeline, TIDE_VIEW("p")));
    assert_int_equal(again.taken.us, snapshot.taken.us);
    assert_int_equal(again.partition_count, 2);
    assert_memory_equal(again.epochs, epochs, sizeof(epochs));
    check_equal(&snapshot.events, &again.events);
    check_equal(&snapshot.rejected, &again.rejected);
    tide_bytes_release(&text);
    tide_arena_release(&arena);
    fixture_close(fixture);
}

static void a_lake_without_tables_has_no_files(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct fixture *fixture = fixture_open();
    const struct tide_snapshot snapshot = take(fixture, &arena, NULL);
    assert_int_equal(snapshot.events.file_count, 0);
    assert_int_equal(snapshot.rejected.file_count, 0);
    tide_arena_release(&arena);
    fixture_close(fixture);
}

#define HEAD "{\"pipeline\":\"p\",\"taken\":1,\"epochs\":[3],\"kept_from\":null,\"events\":"

static void reads_days(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_error error = {0};
    struct tide_snapshot snapshot;
    const struct tide_view text =
        TIDE_VIEW("{\"pipeline\":\"p\",\"taken\":1,\"epochs\":[3],\"kept_from\":20515,"
                  "\"events\":[[\"a\",20520,5],[\"b\",null,5]],\"rejected\":[[\"c\",-1,1]]}");
    fixture_check(tide_snapshot_read(text, &arena, &snapshot, &error), &error);
    assert_int_equal(snapshot.events.expired.before_days, 20515);
    assert_int_equal(snapshot.rejected.expired.before_days, TIDE_DATE_UNKNOWN);
    assert_int_equal(snapshot.events.files[0].date_days, 20520);
    assert_int_equal(snapshot.events.files[1].date_days, TIDE_DATE_UNKNOWN);
    assert_int_equal(snapshot.rejected.files[0].date_days, -1);
    tide_arena_release(&arena);
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"pipeline\":\"p\",\"taken\":1,\"epochs\":[],\"kept_from\":null,\"events\":[],"
        "\"rejected\":[]}",
        "{\"pipeline\":\"p\",\"taken\":1,\"epochs\":[1.5],\"kept_from\":null,\"events\":[],"
        "\"rejected\":[]}",
        "{\"pipeline\":\"p\",\"epochs\":[1],\"kept_from\":null,\"events\":[],\"rejected\":[]}",
        "{\"pipeline\":\"p\",\"taken\":1,\"epochs\":[1],\"events\":[],\"rejected\":[]}",
        "{\"pipeline\":\"p\",\"taken\":1,\"epochs\":[1],\"kept_from\":\"x\",\"events\":[],"
        "\"rejected\":[]}",
        HEAD "[]}",
        HEAD "{},\"rejected\":[]}",
        HEAD "[[\"a\",1]],\"rejected\":[]}",
        HEAD "[[\"a\",1,-1]],\"rejected\":[]}",
        HEAD "[[7,1,1]],\"rejected\":[]}",
        HEAD "[[\"a\",1,\"1\"]],\"rejected\":[]}",
        HEAD "[[\"a\",\"2026-03-08\",1]],\"rejected\":[]}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tide_arena arena = {0};
        struct tide_snapshot snapshot;
        assert_int_equal(tide_snapshot_read(tide_view_of(texts[i]), &arena, &snapshot, NULL),
                         TIDE_REJECT);
        tide_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_the_same_again),
        cmocka_unit_test(a_lake_without_tables_has_no_files),
        cmocka_unit_test(reads_days),
        cmocka_unit_test(refuses_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
