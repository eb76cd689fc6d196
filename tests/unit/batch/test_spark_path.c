/* Goal: Spark finds the lake where we have it. Method: a table. */
#include "batch/spark_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void maps_local_paths(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"/var/lake", "file:/var/lake"},
        {"/var/lake/", "file:/var/lake"},
        {"/a b/50%/[x]", "file:/a b/50%/[x]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_bytes url = {0};
        tide_spark_local_url(tide_view_of(rows[i][0]), &url);
        assert_string_equal(tide_bytes_terminated(&url), rows[i][1]);
        tide_bytes_release(&url);
    }
}

static void maps_hdfs_paths(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"hdfs://nn:9870/tide/lake", "", "hdfs://nn:9000/tide/lake"},
        {"hdfs://nn:9870/tide/lake/", "hdfs://rpc:8020", "hdfs://rpc:8020/tide/lake"},
        {"hdfs://nn:9870/lake", "hdfs://rpc:8020/", "hdfs://rpc:8020/lake"},
        {"hdfs://nn:9870/lake", "hdfs://cluster", "hdfs://cluster/lake"}, /* a nameservice */
        {"hdfs://nn:9870/lake", "hdfs://rpc:8020/other", "hdfs://rpc:8020/other"},
        {"hdfs://nn:9870", "", "hdfs://nn:9000"},
        {"hdfs://nn/lake", "", "hdfs://nn:9000/lake"},
        {"hdfs://a:9870,b:9870/lake", "hdfs://cluster", "hdfs://cluster/lake"},
        {"hdfs://a:9870,b:9870/lake", "", NULL},
        {"webhdfs://nn:9870/lake", "", "hdfs://nn:9000/lake"},
        {"swebhdfs://nn:9871/lake", "viewfs://fs", "viewfs://fs/lake"},
        {"hdfs:nn:9870/lake", "", NULL},
        {"://nn:9870/lake", "", NULL},
        {"hdfs://", "", NULL},
        {"hdfs:///lake", "", NULL},
        {"hdfs://:9870/lake", "", NULL},
        {"hdfs://nn:/lake", "", NULL},
        {"hdfs://nn:9870/lake", "nn:9000", NULL},
        {"", "", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_bytes url = {0};
        const enum tide_status status =
            tide_spark_hdfs_url(tide_view_of(rows[i][0]), tide_view_of(rows[i][1]), &url, NULL);
        assert_int_equal(status, rows[i][2] == NULL ? TIDE_REJECT : TIDE_OK);
        if (rows[i][2] != NULL) {
            assert_string_equal(tide_bytes_terminated(&url), rows[i][2]);
        }
        tide_bytes_release(&url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_local_paths),
        cmocka_unit_test(maps_hdfs_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
