/* Goal: an answer that came as a file is the answer that DuckDB gives; one that is not whole, or
 * not of the form, is refused. Method: DuckDB's own rows are written as files of answers and read
 * again; then files that are broken in every way. */
#include "fixture.h"

#include "base/json.h"
#include "batch/lake_engine.h"
#include "batch/spark_results.h"

static struct fixture *fixture;
static struct tide_lake_view *view;
static char directory[64];
static struct tide_spark_unit units[64];
static struct tide_snapshot snapshot; /* of which answers need nothing */
static struct tide_spark_plan plan;
static struct tide_spark_results results;

static void add_unit(const struct tide_batch_question *question)
{
    assert_true(plan.unit_count < sizeof(units) / sizeof(units[0]));
    units[plan.unit_count++] = (struct tide_spark_unit){.question = *question};
}

static int open_world(void **state)
{
    (void)state;
    static const struct fixture_event events[] = {
        {0, "a\"\n\xc3\xa9", "ann", "1500000", 1, 7, true, -1, 2, 0, 0, 0},
        {60, "a", "bob", "2000000", -1, INT64_MAX, true, 3, -4, 0, 4, 1},
        {3600, "b", "ann", NULL, 0, INT64_MAX, true, 5, 6, 1, 9, 0},
        {7200, "a", NULL, "-999999999999999999", 1, 0, false, INT64_MIN, 8, 1, 10, 2},
    };
    fixture = fixture_open();
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        fixture_add_event(fixture, &events[i]);
    }
    fixture_add_rejected(fixture, "type", 0, 2, 0);
    fixture_commit(fixture);
    view = fixture_view(fixture, NULL, 0);
    (void)snprintf(directory, sizeof(directory), "/tmp/tidemark-results-XXXXXX");
    assert_non_null(mkdtemp(directory));
    plan.units = units;
    plan.snapshot = &snapshot;
    results = (struct tide_spark_results){tide_io_os(), &plan, directory};
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    tide_lake_view_close(view);
    fixture_close(fixture);
    assert_int_equal(remove_tree(directory), 0);
    return 0;
}

static void write_file(uint32_t unit, struct tide_view text)
{
    char name[TIDE_SPARK_RESULT_SIZE];
    char path[128];
    struct tide_error error = {0};
    tide_spark_result_name(unit, name);
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    fixture_check(tide_io_replace_file(tide_io_os(), path, text, &error), &error);
}

/* ---- rows as text */

struct rows {
    struct tide_bytes text;
    uint64_t count;
};

static enum tide_status add_row(void *context,
                                const struct tide_duckdb_value *row,
                                uint32_t column_count)
{
    struct rows *rows = context;
    for (uint32_t i = 0; i < column_count; i++) {
        tide_bytes_append_byte(&rows->text, i == 0 ? '[' : ',');
        if (!row[i].present) {
            tide_bytes_append_text(&rows->text, "null");
        } else if (row[i].is_text) {
            tide_json_write_string(&rows->text, row[i].text);
        } else {
            tide_bytes_append_format(&rows->text, "%lld", (long long)row[i].number);
        }
    }
    tide_bytes_append_text(&rows->text, "]\n");
    rows->count++;
    return TIDE_OK;
}

static struct rows ask(struct tide_batch_engine engine, const struct tide_batch_question *question)
{
    struct rows rows = {0};
    struct tide_error error = {0};
    fixture_check(
        engine.ask(engine.self, question, (struct tide_batch_visitor){add_row, &rows}, &error),
        &error);
    return rows;
}

static void check_question(const struct tide_batch_question *question)
{
    const uint32_t unit = plan.unit_count;
    struct rows wanted = ask(tide_lake_engine(view), question);
    struct tide_bytes file = {0};
    assert_true(wanted.count > 0);
    tide_bytes_append_view(&file, tide_bytes_view(&wanted.text));
    tide_bytes_append_format(&file, "{\"rows\":%llu}\n", (unsigned long long)wanted.count);
    add_unit(question);
    write_file(unit, tide_bytes_view(&file));
    struct rows found = ask(tide_spark_engine(&results), question);
    assert_string_equal(tide_bytes_terminated(&found.text), tide_bytes_terminated(&wanted.text));
    tide_bytes_release(&file);
    tide_bytes_release(&wanted.text);
    tide_bytes_release(&found.text);
}

static void answers_are_those_of_duckdb(void **state)
{
    (void)state;
    const struct tide_definitions *definitions = fixture->definitions;
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        if (definitions->metrics[i].kind != TIDE_METRIC_RATIO) {
            check_question(&(struct tide_batch_question){
                TIDE_BATCH_CELLS, definitions, &definitions->metrics[i]});
        }
    }
    check_question(&(struct tide_batch_question){.kind = TIDE_BATCH_READS});
    check_question(&(struct tide_batch_question){.kind = TIDE_BATCH_EVENTS_AUDIT});
    check_question(&(struct tide_batch_question){.kind = TIDE_BATCH_REJECTED_AUDIT});
}

/* ---- broken ones */

static const struct tide_batch_question reads = {.kind = TIDE_BATCH_READS};

static enum tide_status read_text(const char *text)
{
    struct rows rows = {0};
    struct tide_batch_engine engine = tide_spark_engine(&results);
    plan.unit_count = 0;
    add_unit(&reads);
    write_file(0, tide_view_of(text));
    const enum tide_status status =
        engine.ask(engine.self, &reads, (struct tide_batch_visitor){add_row, &rows}, NULL);
    tide_bytes_release(&rows.text);
    return status;
}

static void refuses_what_is_no_answer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum tide_status status;
    } files[] = {
        {"[1,2]\n{\"rows\":1}\n", TIDE_OK},
        {"{\"rows\":0}\n", TIDE_OK},
        {"", TIDE_REJECT},
        {"[1,2]\n", TIDE_REJECT},
        {"[1,2]\n{\"rows\":2}\n", TIDE_REJECT},
        {"[1,2]\n{\"rows\":1}", TIDE_REJECT},
        {"{\"rows\":0}\n[1,2]\n", TIDE_REJECT},
        {"[1]\n{\"rows\":1}\n", TIDE_REJECT},
        {"[1,2,3]\n{\"rows\":1}\n", TIDE_REJECT},
        {"[1,true]\n{\"rows\":1}\n", TIDE_REJECT},
        {"[1,2.5]\n{\"rows\":1}\n", TIDE_REJECT},
        {"[1,[]]\n{\"rows\":1}\n", TIDE_REJECT},
        {"[1,111111111111111111111111111]\n{\"rows\":1}\n", TIDE_REJECT},
        {"[1,\n{\"rows\":1}\n", TIDE_REJECT},
        {"{}\n", TIDE_REJECT},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(read_text(files[i].text), files[i].status);
    }
}

static void an_answer_must_be_there(void **state)
{
    (void)state;
    struct rows rows = {0};
    struct tide_batch_engine engine = tide_spark_engine(&results);
    plan.unit_count = 0;
    for (int i = 0; i < 40; i++) {
        add_unit(&reads);
    }
    assert_int_equal(
        engine.ask(engine.self, &reads, (struct tide_batch_visitor){add_row, &rows}, NULL),
        TIDE_REJECT);
    tide_bytes_release(&rows.text);
}

/* A line may be longer than what is read at once, and end anywhere in it. */
static void lines_go_on_in_the_next_block(void **state)
{
    (void)state;
    enum {
        ROWS = 200000
    };
    struct tide_bytes file = {0};
    struct tide_batch_engine engine = tide_spark_engine(&results);
    struct rows rows = {0};
    struct tide_error error = {0};
    for (int i = 0; i < ROWS; i++) {
        tide_bytes_append_format(&file, "[%d,\"%0*d\"]\n", i, i % 100, i);
    }
    struct tide_bytes wanted = {0};
    tide_bytes_append_view(&wanted, tide_bytes_view(&file));
    tide_bytes_append_format(&file, "{\"rows\":%d}\n", ROWS);
    plan.unit_count = 0;
    add_unit(&reads);
    write_file(0, tide_bytes_view(&file));
    fixture_check(
        engine.ask(engine.self, &reads, (struct tide_batch_visitor){add_row, &rows}, &error),
        &error);
    assert_int_equal(rows.count, ROWS);
    assert_true(tide_view_equal(tide_bytes_view(&rows.text), tide_bytes_view(&wanted)));
    tide_bytes_release(&wanted);
    tide_bytes_release(&rows.text);
    tide_bytes_release(&file);
}

static void finds_what_is_done(void **state)
{
    (void)state;
    static const char *const others[] = {"00001.ndjson.part", "1.ndjson", "00009.ndjson", "x"};
    bool is_done[3] = {true, true, true};
    char path[128];
    struct tide_error error = {0};
    plan.unit_count = 0;
    for (int i = 0; i < 3; i++) {
        add_unit(&reads);
    }
    const struct tide_spark_results nowhere = {tide_io_os(), &plan, "/tmp/tidemark-nowhere"};
    fixture_check(tide_spark_results_find(&nowhere, is_done, &error), &error);
    assert_false(is_done[0] || is_done[1] || is_done[2]);
    assert_int_equal(remove_tree(directory), 0);
    fixture_check(tide_io_os().operations->make_directory(tide_io_os().self, directory, &error),
                  &error);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, others[i]);
        fixture_check(tide_io_replace_file(tide_io_os(), path, TIDE_VIEW("x"), &error), &error);
    }
    write_file(2, TIDE_VIEW("{\"rows\":0}\n"));
    fixture_check(tide_spark_results_find(&results, is_done, &error), &error);
    assert_false(is_done[0] || is_done[1]);
    assert_true(is_done[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_duckdb),
        cmocka_unit_test(refuses_what_is_no_answer),
        cmocka_unit_test(an_answer_must_be_there),
        cmocka_unit_test(lines_go_on_in_the_next_block),
        cmocka_unit_test(finds_what_is_done),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
