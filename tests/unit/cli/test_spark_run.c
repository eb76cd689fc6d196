/* Goal: spark-submit is called with what is configured, its end is read right, and a signal ends
 * it. Method: a shell script in its place. */
#include "cli/spark_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "base/io.h"
#include "support/remove_tree.h"

static char place[64];
static char submit[96];

static int open_world(void **state)
{
    (void)state;
    (void)snprintf(place, sizeof(place), "/tmp/tidemark spark-XXXXXX");
    assert_non_null(mkdtemp(place));
    (void)snprintf(submit, sizeof(submit), "%s/submit", place);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    assert_int_equal(remove_tree(place), 0);
    return 0;
}

static enum tide_exit run_script(const char *script, struct tide_spark_run *run)
{
    struct tide_bytes text = {0};
    const struct tide_spark_config config = {.submit = tide_view_of(submit),
                                             .python = TIDE_VIEW("my/python"),
                                             .master = TIDE_VIEW("local[2]"),
                                             .properties = TIDE_VIEW("spark.a=1 2\nspark.b=x=y")};
    tide_bytes_append_format(&text, "#!/bin/sh\n%s\n", script);
    assert_int_equal(tide_io_replace_file(tide_io_os(), submit, tide_bytes_view(&text), NULL),
                     TIDE_OK);
    assert_int_equal(chmod(submit, 0755), 0);
    tide_bytes_release(&text);
    *run = (struct tide_spark_run){.config = &config,
                                   .application = "tidemark batch",
                                   .directory = place,
                                   .unit_count = 3,
                                   .done_count = 1};
    return tide_spark_run(run);
}

static char *read_log(void)
{
    struct tide_bytes text = {0};
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/spark.log", place);
    assert_int_equal(tide_io_read_file(tide_io_os(), path, &text, 1 << 20, NULL), TIDE_OK);
    char *copy = strdup(tide_bytes_terminated(&text));
    tide_bytes_release(&text);
    return copy;
}

static void is_given_what_is_configured(void **state)
{
    (void)state;
    struct tide_spark_run run;
    char wanted[1024];
    assert_int_equal(
        run_script("for a in \"$@\"; do echo \"<$a>\"; done; echo $PYSPARK_PYTHON; pwd\n"
                   "echo '@tidemark {\"engine\": \"spark/9.9\"}'\n"
                   "echo '@tidemark {\"begins\": \"a\"}'\n"
                   "echo '@tidemark {\"tasks\": [1, 2]}'\n"
                   "echo '@tidemark {\"ends\": \"a\", \"rows\": 5}'\n"
                   "echo '@tidemark nonsense'\n"
                   "echo '@tidemark {\"finished\": true}'",
                   &run),
        TIDE_EXIT_OK);
    assert_int_equal(run.done_count, 2);
    assert_string_equal(tide_bytes_terminated(&run.engine), "spark/9.9");
    char *here = realpath(".", NULL);
    assert_non_null(here);
    (void)snprintf(wanted,
                   sizeof(wanted),
                   "<--master>\n<local[2]>\n<--deploy-mode>\n<client>\n<--name>\n<tidemark batch>\n"
                   "<--conf>\n<spark.ui.enabled=false>\n"
                   "<--conf>\n<spark.ui.showConsoleProgress=false>\n"
                   "<--conf>\n<spark.a=1 2>\n<--conf>\n<spark.b=x=y>\n"
                   "<%s/program.py>\n<%s/job.json>\n%s/my/python\n%s\n",
                   place,
                   place,
                   here,
                   place);
    char *log = read_log();
    assert_memory_equal(log, wanted, strlen(wanted));
    free(log);
    free(here);
    tide_bytes_release(&run.engine);
}

static void tells_how_it_ended(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        enum tide_exit exit;
        bool is_snapshot_lost;
    } rows[] = {
        {"echo well", TIDE_EXIT_FAILURE, false}, /* never said that it has finished */
        {"echo '@tidemark {\"finished\": true}'; exit 3", TIDE_EXIT_FAILURE, false},
        {"echo 'JAVA_HOME is not set'; exit 1", TIDE_EXIT_CONFIGURATION, false},
        {"echo 'All masters are unresponsive'; exit 1", TIDE_EXIT_CONNECT, false},
        {"echo 'x PATH_NOT_FOUND y'; echo z; exit 1", TIDE_EXIT_TEMPORARY, true},
        {"echo '@tidemark {\"error\": \"[FILE_NOT_EXIST] a\"}'; exit 1", TIDE_EXIT_TEMPORARY, true},
        {"echo '@tidemark {\"error\": \"division by zero\"}'; exit 1", TIDE_EXIT_FAILURE, false},
        {"kill -9 $$", TIDE_EXIT_TEMPORARY, false},
        {"kill -TERM $PPID; exec sleep 1000", TIDE_EXIT_TEMPORARY, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_spark_run run;
        assert_int_equal(run_script(rows[i].script, &run), rows[i].exit);
        assert_int_equal(run.is_snapshot_lost, rows[i].is_snapshot_lost);
        assert_int_equal(run.done_count, 1);
        tide_bytes_release(&run.engine);
    }
}

static void says_that_there_is_no_such_program(void **state)
{
    (void)state;
    const struct tide_spark_config config = {.submit = TIDE_VIEW("/nowhere/spark-submit"),
                                             .master = TIDE_VIEW("local[2]")};
    struct tide_spark_run run = {
        .config = &config, .application = "x", .directory = place, .unit_count = 1};
    assert_int_equal(tide_spark_run(&run), TIDE_EXIT_CONFIGURATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_given_what_is_configured),
        cmocka_unit_test(tells_how_it_ended),
        cmocka_unit_test(says_that_there_is_no_such_program),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
