/* Goal: what Spark says when it fails becomes what a person can do. Method: lines as Spark 4.2
 * printed them. */
#include "cli/spark_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void finds_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *sentence; /* begins with; NULL: none */
        enum tide_exit exit;
        bool is_of_snapshot;
    } rows[] = {
        {"JAVA_HOME is not set", "there is no Java", TIDE_EXIT_CONFIGURATION, false},
        {"Exception in thread \"main\" org.apache.spark.SparkException: Master must either be yarn "
         "or start with spark, k8s, or local",
         "batch.spark.master is neither",
         TIDE_EXIT_CONFIGURATION,
         false},
        {"26/11/26 02:17:05 ERROR StandaloneSchedulerBackend: Application has been killed. Reason: "
         "All masters are unresponsive! Giving up.",
         "the master of batch.spark.master",
         TIDE_EXIT_CONNECT,
         false},
        {"java.lang.OutOfMemoryError: Java heap space",
         "out of memory",
         TIDE_EXIT_TEMPORARY,
         false},
        {"[INVALID_DRIVER_MEMORY] System memory 104857600 must be at least 471859200.",
         "out of memory",
         TIDE_EXIT_TEMPORARY,
         false},
        {"[PATH_NOT_FOUND] Path does not exist: file:/lake/a.parquet. SQLSTATE: 42K03",
         "a file of the lake is gone",
         TIDE_EXIT_TEMPORARY,
         true},
        {"java.io.IOException: No space left on device",
         "the disk is full",
         TIDE_EXIT_TEMPORARY,
         false},
        {"26/11/26 02:17:05 INFO SparkContext: Running Spark version 4.2.0",
         NULL,
         TIDE_EXIT_OK,
         false},
        {"", NULL, TIDE_EXIT_OK, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tide_spark_fault *fault = tide_spark_fault_find(tide_view_of(rows[i].line));
        assert_int_equal(fault == NULL, rows[i].sentence == NULL);
        if (fault != NULL) {
            assert_memory_equal(fault->sentence, rows[i].sentence, strlen(rows[i].sentence));
            assert_int_equal(fault->exit, rows[i].exit);
            assert_int_equal(fault->is_of_snapshot, rows[i].is_of_snapshot);
        }
    }
}

static void tells_why_it_waits(void **state)
{
    (void)state;
    const char *notice = tide_spark_notice_find(
        TIDE_VIEW("WARN TaskSchedulerImpl: Initial job has not accepted any resources; check "));
    assert_string_equal(notice, "waiting: no worker of the cluster has room");
    assert_null(tide_spark_notice_find(TIDE_VIEW("INFO TaskSchedulerImpl: all is well")));
    assert_true(tide_spark_complains(TIDE_VIEW("Exception in thread \"main\" x")));
    assert_true(tide_spark_complains(TIDE_VIEW("find-spark-home: p: No such file or directory")));
    assert_false(tide_spark_complains(TIDE_VIEW("WARN NativeCodeLoader: Unable to load")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_reason),
        cmocka_unit_test(tells_why_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
