/* Goal: a URL opens the store that its author meant, or says what is wrong. Method: tables. HDFS
 * has tests of its own (test_store_webhdfs.c). */
#include "lake/store.h"
#include "lake/store_remote.h"

#include "support/remove_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static void what_is_remote(void **state)
{
    (void)state;
    assert_true(tide_store_is_remote(TIDE_VIEW("hdfs://a:1/b")));
    assert_true(tide_store_is_remote(TIDE_VIEW("webhdfs://a:1/b")));
    assert_true(tide_store_is_remote(TIDE_VIEW("swebhdfs://a:1/b")));
    assert_false(tide_store_is_remote(TIDE_VIEW("file:///a")));
    assert_false(tide_store_is_remote(TIDE_VIEW("hdfs")));
    assert_false(tide_store_is_remote(TIDE_VIEW("./hdfs://a:1/b")));
    assert_false(tide_store_is_remote(TIDE_VIEW("")));
}

static void local_directories(void **state)
{
    (void)state;
    char directory[] = "/tmp/tidemark-test-open-XXXXXX";
    char url[96];
    struct tide_store_options options = tide_store_options_default();
    struct tide_store store = {0};
    struct tide_error error = {0};
    assert_non_null(mkdtemp(directory));
    options.must_exist = true;
    (void)snprintf(url, sizeof(url), "file:%s/lake", directory);
    assert_int_equal(tide_store_open(tide_view_of(url), &options, &store, &error), TIDE_REJECT);
    assert_true(error.text[0] != '\0');
    options.must_exist = false;
    assert_int_equal(tide_store_open(tide_view_of(url), &options, &store, NULL), TIDE_OK);
    assert_int_equal(store.operations->put_if_absent(store.self, "a", TIDE_VIEW("x"), NULL),
                     TIDE_OK);
    store.operations->close(store.self);
    options.must_exist = true; /* it was made */
    assert_int_equal(
        tide_store_open(tide_view_of(url + sizeof("file:") - 1), &options, &store, NULL), TIDE_OK);
    store.operations->close(store.self);
    (void)snprintf(url, sizeof(url), "%s/lake/a", directory);
    assert_int_equal(tide_store_open(tide_view_of(url), &options, &store, NULL), TIDE_REJECT);
    remove_tree(directory);
}

static void bad_urls(void **state)
{
    (void)state;
    static const char *const urls[] = {"gopher://a/b",
                                       "hdfs:///lake",
                                       "hdfs://namenode/lake",
                                       "hdfs://a:b/lake",
                                       "",
                                       "hdfs:/lake"};
    const struct tide_store_options options = tide_store_options_default();
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct tide_store store = {0};
        struct tide_error error = {0};
        assert_int_equal(tide_store_open(tide_view_of(urls[i]), &options, &store, &error),
                         TIDE_REJECT);
        assert_true(error.text[0] != '\0');
    }
}

static void parts(void **state)
{
    (void)state;
    struct tide_store_url url = {0};
    assert_int_equal(tide_store_url_parse(TIDE_VIEW("hdfs://a:1,b:2/the%20lake/x"), &url, NULL),
                     TIDE_OK);
    assert_true(tide_view_equal(url.scheme, TIDE_VIEW("hdfs")));
    assert_true(tide_view_equal(url.authority, TIDE_VIEW("a:1,b:2")));
    assert_string_equal(tide_bytes_terminated(&url.path), "/the lake/x");
    assert_int_equal(tide_store_url_parse(TIDE_VIEW("hdfs://a:1"), &url, NULL), TIDE_OK);
    assert_int_equal(url.path.size, 0);
    assert_int_equal(tide_store_url_parse(TIDE_VIEW("/a/b"), &url, NULL), TIDE_REJECT);
    tide_bytes_release(&url.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_remote),
        cmocka_unit_test(local_directories),
        cmocka_unit_test(bad_urls),
        cmocka_unit_test(parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
