/* Goal: a run is in the table whole and once, or not at all; its rows are as documented.
 * Method: runs over a small lake, read back with SQL; two at once; a store that loses answers, has
 * no space, or is left before the commit. */
#include "generation_fixture.h"
#include "support/duckdb_text.h"

#include <ftw.h>

static struct fixture *fixture;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open_definitions(KINDS_TEXT, NULL, 2);
    kinds_send(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

static void assert_rows(const char *sql, const char *wanted)
{
    struct tide_lake_view *view = NULL;
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    const struct tide_lake_view_options options = {.clock = tide_clock_os(),
                                                   .store = fixture->store,
                                                   .schema = fixture->definitions->schema,
                                                   .thread_count = 1,
                                                   .is_of_metrics = true};
    fixture_check(tide_lake_view_open(&options, &view, &error), &error);
    fixture_check(
        tide_duckdb_query(
            tide_lake_view_connection(view), tide_view_of(sql), duckdb_text_add, &text, &error),
        &error);
    assert_string_equal(tide_bytes_terminated(&text), wanted);
    tide_bytes_release(&text);
    tide_lake_view_close(view);
}

static int file_count;

static int count_file(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)walk;
    const size_t size = strlen(path);
    file_count += kind == FTW_F && size > 8 && strcmp(path + size - 8, ".parquet") == 0;
    return 0;
}

/* Data files below the table, named by a commit or not. */
static int files_on_disk(void)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/metrics", fixture->lake);
    file_count = 0;
    (void)nftw(path, count_file, 16, FTW_PHYS);
    return file_count;
}

static void is_nothing_before_its_commit(void **state)
{
    (void)state;
    struct batch_run run;
    batch_open(&run, fixture);
    assert_int_equal(tide_generation_writer_run(run.writer), 1);
    const struct tide_generation_count count = batch_add(&run, "events_", BATCH_ALL);
    assert_int_equal(count.cells, 5);
    assert_int_equal(count.windows, 3);
    batch_close(&run);
    assert_rows("SELECT COUNT(*) FROM metrics", "0;");
    batch_open(&run, fixture);
    assert_int_equal(tide_generation_writer_run(run.writer), 1);
    batch_close(&run);
}

static void has_cells_and_coverage(void **state)
{
    (void)state;
    struct batch_run run;
    struct tide_error error = {0};
    batch_open(&run, fixture);
    const struct tide_window span = hours_of(0, 2);
    assert_int_equal(batch_add(&run, "events_", span).cells, 3); /* not the third hour */
    assert_int_equal(batch_add(&run, "share", BATCH_ALL).cells, 5);
    assert_int_equal(batch_add(&run, "back", BATCH_ALL).cells, 2);
    assert_int_equal(batch_add(&run, "people", hours_of(0, 2)).cells, 0);
    fixture_check(tide_generation_writer_commit(run.writer, &error), &error);
    batch_close(&run);
    assert_rows(
        "SELECT metric, window_start, window_end, dimensions, value IS NULL, result, state, "
        "run FROM metrics WHERE generation = 'coverage' ORDER BY metric",
        "back|NULL|NULL|NULL|1|NULL|NULL|1;"
        "events_|1772964000000000|1772971200000000|NULL|1|NULL|NULL|1;"
        "people|1772964000000000|1772971200000000|NULL|1|NULL|NULL|1;"
        "share|NULL|NULL|NULL|1|NULL|NULL|1;");
    assert_rows("SELECT window_start, window_end, dimensions, value::VARCHAR, result, state FROM "
                "metrics WHERE generation = 'batch' AND metric = 'events_' ORDER BY dimensions",
                "1772964000000000|1772967600000000|{\"region\": \"\"}|1.0|{\"value\": 1}|"
                "{\"group\":[\"\"],\"events\":1,\"count\":1};"
                "1772964000000000|1772967600000000|{\"region\": \"north\"}|2.0|{\"value\": 2}|"
                "{\"group\":[\"north\"],\"events\":2,\"count\":2};"
                "1772964000000000|1772967600000000|{\"region\": \"south \\\"x\\\"\"}|1.0|"
                "{\"value\": 1}|{\"group\":[\"south \\\"x\\\"\"],\"events\":1,\"count\":1};");
    assert_rows("SELECT result, state FROM metrics WHERE metric = 'share' AND value > 0.4 AND "
                "value < 0.6",
                "{\"value\": 0.5, \"numerator\": 2, \"denominator\": 4}|NULL;");
    assert_rows("SELECT dimensions, value::VARCHAR, result FROM metrics WHERE metric = 'back' AND "
                "generation = 'batch' ORDER BY window_start",
                "{}|3.0|{\"cohort\": \"2026-03-08\", \"size\": 3, \"retained\": [3, 0]};"
                "{}|1.0|{\"cohort\": \"2026-03-09\", \"size\": 1, \"retained\": [1, 0]};");
    assert_rows("SELECT DISTINCT epochs, length(definition), computed_time > 1700000000000000 FROM "
                "metrics",
                "[0,0]|32|1;");
    assert_rows("SELECT DISTINCT list_sum(offsets::BIGINT[])::BIGINT FROM metrics", "6;");
}

static void numbers_runs(void **state)
{
    (void)state;
    assert_int_equal(batch_commit(fixture, "hourly", BATCH_ALL), 2);
    assert_int_equal(batch_commit(fixture, "hourly", BATCH_ALL), 3);
    assert_rows(
        "SELECT run, COUNT(*) FROM metrics WHERE metric = 'hourly' GROUP BY run ORDER BY run",
        "2|4;3|4;");
}

static void tells_who_came_second(void **state)
{
    (void)state;
    struct batch_run first;
    struct batch_run second;
    struct tide_error error = {0};
    batch_open(&first, fixture);
    batch_open(&second, fixture);
    (void)batch_add(&first, "hourly", BATCH_ALL);
    (void)batch_add(&second, "people", BATCH_ALL);
    (void)batch_add(&second, "hourly", BATCH_ALL);
    assert_int_equal(tide_generation_writer_run(first.writer), 4);
    assert_int_equal(tide_generation_writer_run(second.writer), 4);
    fixture_check(tide_generation_writer_commit(first.writer, &error), &error);
    const int files = files_on_disk();
    assert_int_equal(tide_generation_writer_commit(second.writer, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "another batch was committed as run 4"));
    assert_int_equal(files_on_disk(), files);
    batch_close(&first);
    batch_close(&second);
    assert_rows("SELECT metric, COUNT(*) FROM metrics WHERE run = 4 GROUP BY metric", "hourly|4;");
    /* One that slept while two others were committed has not even its number. */
    batch_open(&second, fixture);
    (void)batch_add(&second, "people", BATCH_ALL);
    assert_int_equal(batch_commit(fixture, "hourly", BATCH_ALL), 5);
    assert_int_equal(batch_commit(fixture, "hourly", BATCH_ALL), 6);
    assert_int_equal(tide_generation_writer_commit(second.writer, &error), TIDE_REJECT);
    batch_close(&second);
    assert_rows("SELECT COUNT(*) FROM metrics WHERE run > 4 AND metric = 'people'", "0;");
}

/* ---- a store that is not to be trusted */

struct gate {
    const struct tide_store_operations *inner;
    void *self;
    bool forwards;    /* it happens, but nobody hears of it */
    int refuse_count; /* of the calls that answer RETRY */
};

static struct gate gate;

static enum tide_status gate_get(
    void *self, const char *key, struct tide_bytes *into, size_t size_max, struct tide_error *error)
{
    (void)self;
    return gate.inner->get(gate.self, key, into, size_max, error);
}

static enum tide_status gate_put_if_absent(void *self,
                                           const char *key,
                                           struct tide_view content,
                                           struct tide_error *error)
{
    (void)self;
    if (gate.refuse_count == 0) {
        return gate.inner->put_if_absent(gate.self, key, content, error);
    }
    gate.refuse_count--;
    if (gate.forwards) {
        fixture_check(gate.inner->put_if_absent(gate.self, key, content, error), error);
    }
    return tide_error_set(error, TIDE_RETRY, "no answer");
}

static enum tide_status gate_put_file(void *self,
                                      const char *key,
                                      const char *scratch_path,
                                      struct tide_error *error)
{
    (void)self;
    return gate.inner->put_file(gate.self, key, scratch_path, error);
}

static enum tide_status gate_list(void *self,
                                  const char *prefix,
                                  void (*visit)(void *context,
                                                const struct tide_store_entry *entry),
                                  void *context,
                                  struct tide_error *error)
{
    (void)self;
    return gate.inner->list(gate.self, prefix, visit, context, error);
}

static enum tide_status gate_fetch(void *self,
                                   const char *key,
                                   struct tide_bytes *path,
                                   struct tide_error *error)
{
    (void)self;
    return gate.inner->fetch(gate.self, key, path, error);
}

static void gate_unpin(void *self, const char *key)
{
    (void)self;
    gate.inner->unpin(gate.self, key);
}

static enum tide_status gate_remove(void *self, const char *key, struct tide_error *error)
{
    (void)self;
    return gate.inner->remove(gate.self, key, error);
}

static const struct tide_store_operations gate_operations = {
    .get = gate_get,
    .put_if_absent = gate_put_if_absent,
    .put_file = gate_put_file,
    .list = gate_list,
    .fetch = gate_fetch,
    .unpin = gate_unpin,
    .remove = gate_remove,
};

static void survives_lost_answers(void **state)
{
    (void)state;
    for (int forwards = 0; forwards < 2; forwards++) {
        const struct tide_store real = fixture->store;
        struct batch_run run;
        struct tide_error error = {0};
        gate = (struct gate){real.operations, real.self, forwards == 1, 1};
        fixture->store = (struct tide_store){&gate_operations, NULL};
        batch_open(&run, fixture);
        const int64_t number = tide_generation_writer_run(run.writer);
        (void)batch_add(&run, "hourly", BATCH_ALL);
        const enum tide_status status = tide_generation_writer_commit(run.writer, &error);
        batch_close(&run);
        fixture->store = real;
        assert_int_equal(status, forwards == 1 ? TIDE_OK : TIDE_RETRY);
        char sql[96];
        (void)snprintf(
            sql, sizeof(sql), "SELECT COUNT(*) FROM metrics WHERE run = %lld", (long long)number);
        assert_rows(sql, forwards == 1 ? "4;" : "0;");
    }
}

static void refuses_another_table(void **state)
{
    (void)state;
    struct fixture *own = fixture_open_definitions(KINDS_TEXT, "hourly", 1);
    struct tide_generation_writer *writer = NULL;
    struct tide_error error = {0};
    struct tide_arena arena = {0};
    const int64_t epochs[] = {-1};
    const uint64_t reads[] = {0};
    fixture_check(own->store.operations->put_if_absent(
                      own->store.self,
                      "metrics/_delta_log/00000000000000000000.json",
                      TIDE_VIEW("{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7}}\n"),
                      &error),
                  &error);
    const struct tide_generation_writer_options options = {
        .io = tide_io_os(),
        .clock = tide_clock_os(),
        .store = own->store,
        .writer = own->writer,
        .scratch_directory = own->scratch,
        .identity = own->identity,
        .definitions = own->definitions,
        .layout = tide_layout_create(&arena, own->definitions->schema, TIDE_TABLE_METRICS),
        .engine = TIDE_VIEW("tidemark/test"),
        .epochs = epochs,
        .reads = reads};
    assert_int_equal(tide_generation_writer_open(&options, &writer, &error), TIDE_REJECT);
    assert_null(writer);
    tide_arena_release(&arena);
    fixture_close(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_nothing_before_its_commit),
        cmocka_unit_test(has_cells_and_coverage),
        cmocka_unit_test(numbers_runs),
        cmocka_unit_test(tells_who_came_second),
        cmocka_unit_test(survives_lost_answers),
        cmocka_unit_test(refuses_another_table),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
