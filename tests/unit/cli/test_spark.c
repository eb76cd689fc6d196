/* Goal: a run that ends early goes on where it was, with the lake as it was then; a finished one is
 * forgotten; there is one at a time. Method: a lake written by hand, and in spark-submit's place a
 * shell script that answers some of what the job asks. */
#include "../batch/fixture.h"

#include <sys/stat.h>

#include "batch/compute.h"
#include "cli/spark.h"

/* Answers every piece of the job, or as many as the file `limit` says, with no rows. */
static const char submit_text[] =
    "#!/bin/sh\n"
    "limit=$(cat ../../../limit 2> /dev/null || echo 999)\n"
    "echo '@tidemark {\"engine\": \"spark/9.9\"}'\n"
    "for result in $(grep -o '\"result\":\"[^\"]*\"' job.json | cut -d'\"' -f4); do\n"
    "    [ $limit -gt 0 ] || exit 1\n"
    "    limit=$((limit - 1))\n"
    "    echo '{\"rows\":0}' > results/$result\n"
    "    echo \"@tidemark {\\\"ends\\\": \\\"$result\\\", \\\"rows\\\": 0}\"\n"
    "done\n"
    "echo '@tidemark {\"finished\": true}'\n";

static struct fixture *fixture;
static char place[64];
static char submit[96];
static struct tide_config config;
static struct tide_spark_options options;

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", place, name);
    assert_int_equal(tide_io_replace_file(tide_io_os(), path, tide_view_of(text), NULL), TIDE_OK);
}

static void add_event(int64_t seconds)
{
    const struct fixture_event event = {seconds, "a", "x", NULL, -1, 0, false, 1, 2, 0, 0, 0};
    fixture_add_event(fixture, &event);
    fixture_commit(fixture);
}

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open();
    add_event(0);
    (void)snprintf(place, sizeof(place), "/tmp/tidemark-spark-XXXXXX");
    assert_non_null(mkdtemp(place));
    (void)snprintf(submit, sizeof(submit), "%s/submit", place);
    write_file("submit", submit_text);
    assert_int_equal(chmod(submit, 0755), 0);
    config = (struct tide_config){
        .data = tide_view_of(place),
        .spark = {.submit = tide_view_of(submit), .master = TIDE_VIEW("local[1]")}};
    options = (struct tide_spark_options){
        .config = &config,
        .definitions = fixture->definitions,
        .purpose = "batch",
        .store = fixture->store,
        .lake_url = tide_view_of(fixture->directory),
        .pipeline = TIDE_VIEW("p"),
        .partition_count = 1,
        .span = {{FIXTURE_DAY * TIDE_US_PER_DAY}, {(FIXTURE_DAY + 2) * TIDE_US_PER_DAY}},
        .has_reads = true,
        .is_kept = true};
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    assert_int_equal(remove_tree(place), 0);
    return 0;
}

static bool has_run(const struct tide_spark *spark, const char *name)
{
    struct tide_bytes path = {0};
    struct tide_bytes text = {0};
    tide_bytes_append_view(&path, tide_bytes_view(&spark->directory));
    tide_bytes_append_format(&path, "/%s", name);
    const bool is_there =
        tide_io_read_file(tide_io_os(), tide_bytes_terminated(&path), &text, 1 << 20, NULL) ==
        TIDE_OK;
    tide_bytes_release(&path);
    tide_bytes_release(&text);
    return is_there;
}

static void goes_on_where_it_was(void **state)
{
    (void)state;
    struct tide_spark spark = {0};
    struct tide_error error = {0};
    uint64_t reads = 7;
    write_file("limit", "5\n");
    assert_int_equal(tide_spark_open(&options, &spark), TIDE_EXIT_FAILURE);
    assert_int_equal(spark.snapshot.events.file_count, 1);
    assert_true(has_run(&spark, "spark.log") && has_run(&spark, "program.py"));
    assert_true(has_run(&spark, "results/00004.ndjson"));
    assert_false(has_run(&spark, "results/00005.ndjson"));
    tide_spark_close(&spark);

    add_event(86400); /* not of the run that goes on */
    write_file("limit", "999\n");
    assert_int_equal(tide_spark_open(&options, &spark), TIDE_EXIT_OK);
    assert_int_equal(spark.snapshot.events.file_count, 1);
    assert_string_equal(tide_bytes_terminated(&spark.version), "spark/9.9");
    fixture_check(tide_batch_reads(spark.engine, &reads, 1, &error), &error);
    assert_int_equal(reads, 0);
    tide_spark_close(&spark);

    write_file("limit", "0\n"); /* nothing is left to ask */
    assert_int_equal(tide_spark_open(&options, &spark), TIDE_EXIT_OK);
    assert_string_equal(tide_bytes_terminated(&spark.version), "spark/9.9");
    tide_spark_forget(&spark);
    assert_false(has_run(&spark, "snapshot.json"));
    tide_spark_close(&spark);

    write_file("limit", "999\n");
    assert_int_equal(tide_spark_open(&options, &spark), TIDE_EXIT_OK);
    assert_int_equal(spark.snapshot.events.file_count, 2);
    tide_spark_forget(&spark);
    tide_spark_close(&spark);
}

static void another_question_is_another_run(void **state)
{
    (void)state;
    struct tide_spark spark = {0};
    struct tide_spark_options other = options;
    write_file("limit", "5\n");
    assert_int_equal(tide_spark_open(&options, &spark), TIDE_EXIT_FAILURE);
    tide_spark_close(&spark);
    other.last_run++;
    assert_int_equal(tide_spark_open(&other, &spark), TIDE_EXIT_FAILURE);
    assert_false(has_run(&spark, "results/00005.ndjson"));
    tide_spark_close(&spark);
    other.span.end.us += TIDE_US_PER_DAY;
    assert_int_equal(tide_spark_open(&other, &spark), TIDE_EXIT_FAILURE);
    assert_true(has_run(&spark, "results/00004.ndjson"));
    assert_false(has_run(&spark, "results/00005.ndjson"));
    tide_spark_close(&spark);
    assert_int_equal(tide_spark_open(&options, &spark), TIDE_EXIT_FAILURE);
    assert_true(has_run(&spark, "results/00009.ndjson")); /* the other one left it alone */
    tide_spark_close(&spark);
    other.is_kept = false;
    assert_int_equal(tide_spark_open(&other, &spark), TIDE_EXIT_FAILURE);
    assert_false(has_run(&spark, "results/00005.ndjson")); /* from the start */
    tide_spark_forget(&spark);
    tide_spark_close(&spark);
}

static void there_is_one_at_a_time(void **state)
{
    (void)state;
    struct tide_spark first = {0};
    struct tide_spark second = {0};
    write_file("limit", "999\n");
    assert_int_equal(tide_spark_open(&options, &first), TIDE_EXIT_OK);
    assert_int_equal(tide_spark_open(&options, &second), TIDE_EXIT_TEMPORARY);
    tide_spark_close(&second);
    struct tide_spark_options verify = options;
    verify.purpose = "verify";
    assert_int_equal(tide_spark_open(&verify, &second), TIDE_EXIT_OK);
    tide_spark_close(&second);
    tide_spark_forget(&first);
    tide_spark_close(&first);
}

static void a_lost_file_is_no_file_of_the_next_run(void **state)
{
    (void)state;
    struct tide_spark spark = {0};
    write_file("submit",
               "#!/bin/sh\necho '@tidemark {\"error\": \"[PATH_NOT_FOUND] x\"}'\nexit 1\n");
    assert_int_equal(chmod(submit, 0755), 0);
    assert_int_equal(tide_spark_open(&options, &spark), TIDE_EXIT_TEMPORARY);
    assert_false(has_run(&spark, "snapshot.json"));
    assert_true(has_run(&spark, "spark.log"));
    tide_spark_close(&spark);
}

static void refuses_a_place_that_spark_cannot_name(void **state)
{
    (void)state;
    struct tide_spark spark = {0};
    struct tide_spark_options other = options;
    other.lake_url = TIDE_VIEW("s3://bucket/lake");
    assert_int_equal(tide_spark_open(&other, &spark), TIDE_EXIT_CONFIGURATION);
    tide_spark_close(&spark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_where_it_was),
        cmocka_unit_test(another_question_is_another_run),
        cmocka_unit_test(there_is_one_at_a_time),
        cmocka_unit_test(a_lost_file_is_no_file_of_the_next_run),
        cmocka_unit_test(refuses_a_place_that_spark_cannot_name),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
