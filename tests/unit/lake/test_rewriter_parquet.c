/* Goal: merged files have every row once, in the order of the log, with the types and statistics
 * that the writer of an epoch gives; of metrics what newer runs cover is left out, and nothing
 * else; counts are those of the rows.
 * Method: files written by the Parquet writer, merged in the wrong order, read back by DuckDB; the
 * statistics are compared with those of the same rows in one piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "lake/duckdb.h"
#include "lake/rewriter.h"
#include "lake/table_writer.h"
#include "support/duckdb_text.h"
#include "support/remove_tree.h"
#include "support/rows_column.h"

static char directory[64];
static struct tide_arena arena;
static struct tide_duckdb *duckdb;
static struct tide_table_writer writer;
static struct tide_rewriter rewriter;
static struct tide_column schema_columns[] = {
    {.name = {"name", 4}, .type = TIDE_TYPE_STRING},
    {.name = {"number", 6}, .type = TIDE_TYPE_INT},
    {.name = {"price", 5}, .type = TIDE_TYPE_DECIMAL},
    {.name = {"is_on", 5}, .type = TIDE_TYPE_BOOL},
    {.name = {"seen", 4}, .type = TIDE_TYPE_TIME_ISO},
};
static const struct tide_schema schema = {
    .columns = schema_columns, .column_count = 5, .path_column_count = 5};

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/tidemark-it's-[a]*-XXXXXX");
    return mkdtemp(directory) != NULL && tide_duckdb_open(1, 0, &duckdb, NULL) == TIDE_OK &&
                   tide_parquet_writer_open(duckdb, &writer, NULL) == TIDE_OK &&
                   tide_rewriter_parquet_open(duckdb, directory, &rewriter, NULL) == TIDE_OK
               ? 0
               : 1;
}

static int teardown(void **state)
{
    (void)state;
    tide_rewriter_close(&rewriter);
    writer.operations->close(writer.self);
    tide_duckdb_close(duckdb);
    tide_arena_release(&arena);
    return remove_tree(directory);
}

static const char *path_of(const char *name)
{
    char path[128];
    const int size = snprintf(path, sizeof(path), "%s/%s.parquet", directory, name);
    return tide_arena_copy(&arena, (struct tide_view){path, (size_t)size}).data;
}

/* Appends "a|b|;" rows of a query to text. */
static void ask(const char *sql, struct tide_bytes *text)
{
    struct tide_duckdb_connection *connection = NULL;
    struct tide_error error = {0};
    assert_int_equal(tide_duckdb_connect(duckdb, &connection, NULL), TIDE_OK);
    if (tide_duckdb_query(connection, tide_view_of(sql), duckdb_text_add, text, &error) !=
        TIDE_OK) {
        fail_msg("%s", error.text);
    }
    tide_duckdb_disconnect(connection);
}

/* The merged file under a name without meaning for DuckDB. */
static void expect_rows(const char *columns, const char *path, const char *rows)
{
    struct tide_bytes sql = {0};
    struct tide_bytes text = {0};
    const struct tide_io io = tide_io_os();
    assert_int_equal(io.operations->rename(io.self, path, "/tmp/tidemark-merged.parquet", NULL),
                     TIDE_OK);
    tide_bytes_append_format(&sql, "SELECT %s FROM '/tmp/tidemark-merged.parquet' AS f", columns);
    ask(tide_bytes_terminated(&sql), &text);
    assert_string_equal(tide_bytes_terminated(&text), rows);
    assert_int_equal(io.operations->remove(io.self, "/tmp/tidemark-merged.parquet", NULL), TIDE_OK);
    tide_bytes_release(&sql);
    tide_bytes_release(&text);
}

static void set_number(struct tide_rows *rows, const char *name, int64_t number)
{
    tide_rows_set_number(rows, rows_column(rows, name), number);
}

static void set_text(struct tide_rows *rows, const char *name, const char *text)
{
    assert_int_equal(tide_rows_set_text(rows, rows_column(rows, name), tide_view_of(text)),
                     TIDE_OK);
}

static void append_event(struct tide_rows *rows, int64_t partition, int64_t offset)
{
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    set_text(rows,
             "name",
             offset == 3 ? "7d7cc1ee-4ed6-4f2c-9e4f-0c5ff1b4e8d2 and more than thirty-two" : "n");
    if (offset != 2) {
        set_number(rows, "number", offset - 2);
        set_number(rows, "price", offset * 1234567);
        set_number(rows, "is_on", offset % 2);
        set_number(rows, "seen", offset * 1000001);
    }
    set_number(rows, "event_time", 5000000 + offset * 1001);
    set_number(rows, "uid_high", -offset);
    set_number(rows, "uid_low", INT64_MAX - offset);
    set_number(rows, "_partition", partition);
    set_number(rows, "_offset", offset);
    set_number(rows, "_index", 0);
    set_number(rows, "_epoch", offset / 3);
}

static void write_file(const struct tide_rows *rows, const char *path)
{
    uint32_t indices[64];
    uint64_t size = 0;
    struct tide_error error = {0};
    const uint32_t count = tide_rows_count(rows);
    assert_true(count <= 64);
    for (uint32_t i = 0; i < count; i++) {
        indices[i] = i;
    }
    if (writer.operations->write(writer.self, rows, indices, count, path, &size, &error) !=
        TIDE_OK) {
        fail_msg("%s", error.text);
    }
}

static void stats_of(const struct tide_rows *rows, struct tide_bytes *json)
{
    uint32_t indices[64];
    for (uint32_t i = 0; i < tide_rows_count(rows); i++) {
        indices[i] = i;
    }
    tide_rows_stats(rows, indices, tide_rows_count(rows), json);
}

static void must_merge(const struct tide_merge *merge,
                       struct tide_merged *merged,
                       struct tide_bytes *stats)
{
    struct tide_error error = {0};
    if (rewriter.operations->merge(rewriter.self, merge, merged, stats, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
}

static void test_events(void **state)
{
    (void)state;
    const struct tide_layout *layout = tide_layout_create(&arena, &schema, TIDE_TABLE_EVENTS);
    const char *paths[3] = {path_of("third"), path_of("first"), path_of("second")};
    struct tide_rows *parts[3];
    struct tide_rows *all = NULL;
    struct tide_bytes stats = {0};
    struct tide_bytes expected = {0};
    struct tide_merged merged = {0};
    assert_int_equal(tide_rows_create(layout, &all, NULL), TIDE_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tide_rows_create(layout, &parts[i], NULL), TIDE_OK);
    }
    for (int64_t i = 0; i < 9; i++) {
        const int64_t partition = i % 2;
        append_event(parts[i < 3 ? 1 : i < 6 ? 2 : 0], partition, i);
        append_event(all, partition, i);
    }
    for (int i = 0; i < 3; i++) {
        write_file(parts[i], paths[i]);
        tide_rows_destroy(parts[i]);
    }
    const struct tide_merge merge = {
        .layout = layout, .paths = paths, .path_count = 3, .scratch_path = path_of("merged")};
    must_merge(&merge, &merged, &stats);
    assert_int_equal(merged.input_rows, 9);
    assert_int_equal(merged.row_count, 9);
    assert_true(merged.size > 0);
    stats_of(all, &expected);
    assert_string_equal(tide_bytes_terminated(&stats), tide_bytes_terminated(&expected));
    expect_rows("_partition, _offset, price, number, epoch_us(seen), uid_low = 9223372036854775807 "
                "- _offset",
                merge.scratch_path,
                "0|0|0|-2|0|1;0|2|NULL|NULL|NULL|1;0|4|4938268|2|4000004|1;"
                "0|6|7407402|4|6000006|1;0|8|9876536|6|8000008|1;1|1|1234567|-1|1000001|1;"
                "1|3|3703701|1|3000003|1;1|5|6172835|3|5000005|1;1|7|8641969|5|7000007|1;");
    tide_bytes_release(&stats);
    tide_bytes_release(&expected);
    tide_rows_destroy(all);
}

/* A file of somebody else: other types, another order of columns, one of them missing. */
static void test_a_file_of_another_writer(void **state)
{
    (void)state;
    struct tide_bytes none = {0};
    struct tide_bytes stats = {0};
    struct tide_merged merged = {0};
    const struct tide_layout *layout = tide_layout_create(&arena, &schema, TIDE_TABLE_RAW);
    struct tide_rows *rows = NULL;
    assert_int_equal(tide_rows_create(layout, &rows, NULL), TIDE_OK);
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    set_text(rows, "bytes", "ours");
    set_number(rows, "partition", 0);
    set_number(rows, "offset", 5);
    set_number(rows, "received_time", 1);
    write_file(rows, path_of("ours"));
    ask("COPY (SELECT 2::SMALLINT AS \"offset\", 0::INTEGER AS \"partition\", 'theirs'::BLOB AS "
        "bytes, TIMESTAMPTZ '1970-01-01 00:00:03+00' AS received_time, 'x' AS \"source\") TO "
        "'/tmp/tidemark-theirs.parquet' (FORMAT parquet)",
        &none);
    const char *paths[2] = {path_of("ours"), "/tmp/tidemark-theirs.parquet"};
    const struct tide_merge merge = {
        .layout = layout, .paths = paths, .path_count = 2, .scratch_path = path_of("merged")};
    must_merge(&merge, &merged, &stats);
    expect_rows("bytes, typeof(\"offset\"), epoch_us(received_time), sent_time IS NULL",
                merge.scratch_path,
                "theirs|BIGINT|3000000|1;ours|BIGINT|1|1;");
    (void)tide_io_os().operations->remove(NULL, "/tmp/tidemark-theirs.parquet", NULL);
    tide_rows_destroy(rows);
    tide_bytes_release(&none);
    tide_bytes_release(&stats);
}

/* Journeys have no offset: what an epoch told stays as it was told. */
static void test_journeys_keep_their_order(void **state)
{
    (void)state;
    struct tide_bytes stats = {0};
    struct tide_merged merged = {0};
    const struct tide_layout *layout = tide_layout_create(&arena, &schema, TIDE_TABLE_JOURNEYS);
    const char *paths[2] = {path_of("j1"), path_of("j0")};
    for (int file = 0; file < 2; file++) {
        struct tide_rows *rows = NULL;
        assert_int_equal(tide_rows_create(layout, &rows, NULL), TIDE_OK);
        for (int64_t i = 0; i < 4; i++) {
            assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
            set_number(rows, "reached", i * 7 % 4); /* in no order of its own */
            set_number(rows, "_partition", 0);
            set_number(rows, "_epoch", 1 - file);
        }
        write_file(rows, paths[file]);
        tide_rows_destroy(rows);
    }
    const struct tide_merge merge = {
        .layout = layout, .paths = paths, .path_count = 2, .scratch_path = path_of("merged")};
    must_merge(&merge, &merged, &stats);
    expect_rows("_epoch, reached", merge.scratch_path, "0|0;0|3;0|2;0|1;1|0;1|3;1|2;1|1;");
    tide_bytes_release(&stats);
}

/* ---- metrics */

struct run_row {
    const char *metric;
    const char *definition;
    int64_t run;
    int64_t start; /* -1: null */
    int64_t end;
    bool is_coverage;
};

static void append_metrics(struct tide_rows *rows, const struct run_row *row)
{
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    set_text(rows, "metric", row->metric);
    set_text(rows, "definition", row->definition);
    set_text(rows, "generation", row->is_coverage ? "coverage" : "batch");
    set_number(rows, "run", row->run);
    if (row->start >= 0) {
        set_number(rows, "window_start", row->start);
    }
    if (row->end >= 0) {
        set_number(rows, "window_end", row->end);
    }
}

static const struct run_row coverage[] = {
    {"a", "x", 1, -1, -1, true}, /* all of it */
    {"a", "x", 2, 10, 30, true}, /* some of it again */
    {"a", "y", 3, -1, -1, true}, /* another definition */
    {"b", "x", 2, -1, 20, true},
    {"b", "x", 4, -1, 30, true},
};

static const struct run_row cells[] = {
    {"a", "x", 1, 0, 10, false},  /* before what run 2 covers: stays */
    {"a", "x", 1, 10, 20, false}, /* goes */
    {"a", "x", 1, 20, 30, false}, /* goes */
    {"a", "x", 1, 25, 35, false}, /* not whole in it: stays */
    {"a", "x", 2, 10, 20, false}, /* the newest */
    {"a", "y", 2, 10, 20, false}, /* goes: of definition y run 3 */
    {"b", "x", 2, 0, 10, false},  /* goes */
    {"b", "x", 4, 0, 10, false},
    {"c", "x", 1, 0, 10, false}, /* nobody covers it */
};

static void write_metrics(const struct tide_layout *layout,
                          const struct run_row *all,
                          size_t count,
                          const char *path)
{
    struct tide_rows *rows = NULL;
    assert_int_equal(tide_rows_create(layout, &rows, NULL), TIDE_OK);
    for (size_t i = 0; i < count; i++) {
        append_metrics(rows, &all[i]);
    }
    write_file(rows, path);
    tide_rows_destroy(rows);
}

static void test_superseded_runs(void **state)
{
    (void)state;
    struct tide_bytes stats = {0};
    struct tide_merged merged = {0};
    const struct tide_layout *layout = tide_layout_create(&arena, &schema, TIDE_TABLE_METRICS);
    const char *cover = path_of("coverage");
    const char *paths[2] = {path_of("cells1"), path_of("cells2")};
    write_metrics(layout, coverage, sizeof(coverage) / sizeof(coverage[0]), cover);
    write_metrics(layout, cells, 4, paths[0]);
    write_metrics(layout, cells + 4, sizeof(cells) / sizeof(cells[0]) - 4, paths[1]);
    struct tide_merge merge = {.layout = layout,
                               .paths = paths,
                               .path_count = 2,
                               .coverage_paths = &cover,
                               .coverage_count = 1,
                               .scratch_path = path_of("merged")};
    must_merge(&merge, &merged, &stats);
    assert_int_equal(merged.input_rows, 9);
    assert_int_equal(merged.row_count, 5);
    expect_rows("metric, run, epoch_us(window_start)",
                merge.scratch_path,
                "a|1|0;a|1|25;c|1|0;a|2|10;b|4|0;");
    /* Coverage itself: what is in a newer one of the same definition. */
    merge.paths = &cover;
    merge.path_count = 1;
    must_merge(&merge, &merged, &stats);
    expect_rows("metric, definition, run", merge.scratch_path, "a|x|1;a|x|2;a|y|3;b|x|4;");
    /* A folder in which nothing counts any more has no file. */
    write_metrics(layout, cells + 1, 2, paths[0]);
    merge.paths = paths;
    must_merge(&merge, &merged, &stats);
    assert_int_equal(merged.row_count, 0);
    assert_int_equal(merged.input_rows, 2);
    assert_int_equal(tide_io_read_file(tide_io_os(), merge.scratch_path, &stats, 100, NULL),
                     TIDE_REJECT);
    tide_bytes_release(&stats);
}

/* ---- counts */

static struct tide_tally seen[4];
static uint32_t seen_count;

static void see(void *context, const struct tide_tally *tally)
{
    (void)context;
    assert_true(seen_count < 4);
    seen[seen_count++] = *tally;
}

static void tally_one(const struct tide_layout *layout, const char *path)
{
    struct tide_error error = {0};
    const struct tide_merge merge = {.layout = layout, .paths = &path, .path_count = 1};
    seen_count = 0;
    if (rewriter.operations->tally(rewriter.self, &merge, see, NULL, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
}

static void test_tallies(void **state)
{
    (void)state;
    const struct tide_layout *events = tide_layout_create(&arena, &schema, TIDE_TABLE_EVENTS);
    const struct tide_layout *rejected = tide_layout_create(&arena, &schema, TIDE_TABLE_REJECTED);
    const char *path = path_of("tally");
    struct tide_rows *rows = NULL;
    assert_int_equal(tide_rows_create(events, &rows, NULL), TIDE_OK);
    for (int64_t i = 0; i < 7; i++) {
        append_event(rows, i < 5 ? 3 : 8, i);
    }
    write_file(rows, path);
    tide_rows_destroy(rows);
    tally_one(events, path);
    assert_int_equal(seen_count, 2);
    assert_int_equal(seen[0].partition, 3);
    assert_int_equal(seen[0].rows, 5);
    assert_true(seen[0].uids.high == (uint64_t)-10);
    assert_true(seen[0].uids.low == (uint64_t)INT64_MAX * 5 - 10);
    assert_int_equal(seen[1].partition, 8);
    assert_int_equal(seen[1].rows, 2);

    static const char *const reasons[] = {"json_invalid", "type", "json_invalid", "too_old"};
    assert_int_equal(tide_rows_create(rejected, &rows, NULL), TIDE_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
        set_text(rows, "reason", reasons[i]);
        set_number(rows, "partition", i < 3 ? 0 : 1);
    }
    write_file(rows, path);
    tide_rows_destroy(rows);
    tally_one(rejected, path);
    assert_int_equal(seen_count, 2);
    assert_int_equal(seen[0].rows, 3);
    assert_int_equal(seen[0].rejected[TIDE_REASON_JSON_INVALID], 2);
    assert_int_equal(seen[0].rejected[TIDE_REASON_TYPE], 1);
    assert_int_equal(seen[1].rejected[TIDE_REASON_TOO_OLD], 1);
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    struct tide_bytes stats = {0};
    struct tide_merged merged = {0};
    struct tide_error error = {0};
    const struct tide_layout *layout = tide_layout_create(&arena, &schema, TIDE_TABLE_RAW);
    const char *path = path_of("broken");
    (void)tide_io_os().operations->remove(NULL, path, NULL);
    assert_int_equal(
        tide_io_create_file(tide_io_os(), path, TIDE_VIEW("PAR1 and no more PAR1"), NULL), TIDE_OK);
    const struct tide_merge merge = {
        .layout = layout, .paths = &path, .path_count = 1, .scratch_path = path_of("merged")};
    assert_int_equal(rewriter.operations->merge(rewriter.self, &merge, &merged, &stats, &error),
                     TIDE_FATAL);
    assert_null(strchr(error.text, '\n'));
    assert_int_equal(rewriter.operations->tally(rewriter.self, &merge, see, NULL, &error),
                     TIDE_FATAL);
    tide_bytes_release(&stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_a_file_of_another_writer),
        cmocka_unit_test(test_journeys_keep_their_order),
        cmocka_unit_test(test_superseded_runs),
        cmocka_unit_test(test_tallies),
        cmocka_unit_test(test_files_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
