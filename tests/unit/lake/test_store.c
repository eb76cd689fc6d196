/* Goal: no key leaves the store's directory, and a URL means the directory that its author meant.
 * Method: tables of good and bad ones. */
#include "lake/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        enum tide_status status;
    } rows[] = {
        {"identity", TIDE_OK},
        {"events/_delta_log/00000000000000000000.json", TIDE_OK},
        {"events/event_date=2026-03-08/a-0-1.parquet", TIDE_OK},
        {"a/..b/c..", TIDE_OK},
        {"", TIDE_FATAL},
        {"/a", TIDE_FATAL},
        {"a/", TIDE_FATAL},
        {"a//b", TIDE_FATAL},
        {".", TIDE_FATAL},
        {"a/./b", TIDE_FATAL},
        {"../a", TIDE_FATAL},
        {"a/..", TIDE_FATAL},
        {"a\\b", TIDE_FATAL},
        {"a\nb", TIDE_FATAL},
        {"a\x7f", TIDE_FATAL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_error error = {0};
        assert_int_equal(tide_store_check_key(rows[i].key, &error), rows[i].status);
        assert_int_equal(error.text[0] != '\0', rows[i].status != TIDE_OK);
    }
    char key[TIDE_STORE_KEY_BYTES_MAX + 2];
    memset(key, 'k', sizeof(key));
    key[TIDE_STORE_KEY_BYTES_MAX] = '\0';
    assert_int_equal(tide_store_check_key(key, NULL), TIDE_OK);
    key[TIDE_STORE_KEY_BYTES_MAX] = 'k';
    key[TIDE_STORE_KEY_BYTES_MAX + 1] = '\0';
    assert_int_equal(tide_store_check_key(key, NULL), TIDE_FATAL);
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *path; /* NULL: rejected */
    } rows[] = {
        {"lake", "lake"},
        {"./lake", "./lake"},
        {"/var/lake", "/var/lake"},
        {"a%20b", "a%20b"}, /* a path is not a URL */
        {"./a:b", "./a:b"},
        {"file:lake", "lake"},
        {"file:./lake", "./lake"},
        {"file:/var/lake", "/var/lake"},
        {"file:///var/lake", "/var/lake"},
        {"file://localhost/var/lake", "/var/lake"},
        {"file:///a%20b", "/a b"},
        {"file:///%c3%A9", "/\xc3\xa9"},
        {"", NULL},
        {"file:", NULL},
        {"file://", NULL},
        {"file://host/var/lake", NULL},
        {"file:///a%2", NULL},
        {"file:///a%", NULL},
        {"file:///a%zz", NULL},
        {"file:///a%00b", NULL},
        {"s3://bucket/lake", NULL},
        {"hdfs:/lake", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_bytes path = {0};
        struct tide_error error = {0};
        enum tide_status status = tide_store_local_path(tide_view_of(rows[i].url), &path, &error);
        if (rows[i].path == NULL) {
            assert_int_equal(status, TIDE_REJECT);
            assert_true(error.text[0] != '\0');
        } else {
            assert_int_equal(status, TIDE_OK);
            assert_string_equal(tide_bytes_terminated(&path), rows[i].path);
        }
        tide_bytes_release(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
