/* Goal: addresses are taken apart exactly or not at all; a DataNode is known by the NameNode's
 * list, left alone by its data address, and for a while only. Method: tables; the list as Hadoop
 * 3.4.2 writes it. */
#include "lake/webhdfs_nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char live[] =
    "{\"beans\":[{\"name\":\"Hadoop:service=NameNode,name=NameNodeInfo\",\"LiveNodes\":\"{"
    "\\\"dn1.example:9866\\\":{\\\"infoAddr\\\":\\\"10.0.0.1:9864\\\","
    "\\\"infoSecureAddr\\\":\\\"10.0.0.1:9865\\\",\\\"xferaddr\\\":\\\"10.0.0.1:9866\\\"},"
    "\\\"dn2.example:9866\\\":{\\\"infoAddr\\\":\\\"10.0.0.2:9864\\\","
    "\\\"infoSecureAddr\\\":\\\"10.0.0.2:0\\\",\\\"xferaddr\\\":\\\"10.0.0.2:9866\\\"}}\"}]}";

static struct tide_webhdfs_url url_of(const char *text)
{
    struct tide_webhdfs_url url;
    assert_true(tide_webhdfs_url_parse(tide_view_of(text), &url));
    return url;
}

static void urls(void **state)
{
    (void)state;
    static const char *const good[] = {
        "http://a:1/", "https://[::1]:65535/x?y", "http://a-b_c.d:9/"};
    static const char *const bad[] = {"",
                                      "http://",
                                      "http:///x",
                                      "http://a:1",
                                      "http://a/",
                                      "http://a:/",
                                      "http://:1/",
                                      "http://a:0/",
                                      "http://a:65536/",
                                      "http://a:123456/",
                                      "http://a:1x/",
                                      "HTTP//a:1/",
                                      "file://a:1/",
                                      "http://u@a:1/",
                                      "http://u:p@a:1/",
                                      "http://::1:1/",
                                      "http://[a]:1/",
                                      "http://a:1/x y",
                                      "http://a:1/x\n",
                                      "http://a\\b:1/"};
    struct tide_webhdfs_url url;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(tide_webhdfs_url_parse(tide_view_of(good[i]), &url));
        assert_true(url.host.size > 0 && url.port.size > 0 && url.rest.data[0] == '/');
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(tide_webhdfs_url_parse(tide_view_of(bad[i]), &url));
    }
    url = url_of("https://[::1]:65535/x?y");
    assert_true(url.is_secure);
    assert_true(tide_view_equal(url.host, TIDE_VIEW("::1")));
    assert_true(tide_view_equal(url.address, TIDE_VIEW("[::1]:65535")));
    assert_true(tide_view_equal(url.rest, TIDE_VIEW("/x?y")));
}

static void lists(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        bool is_allowed;
    } rows[] = {
        {"", false},
        {"dn1.example", true},
        {"DN1.Example:9864", true},
        {"dn1.example:9865", false},
        {"a,b , dn1.example", true},
        {"*.example", true},
        {"*.example:9864", true},
        {"*.example:1", false},
        {"*", false},
        {"*.", false},
        {"example", false},
        {"n1.example", false},
        {"*.dn1.example", false},
    };
    const struct tide_webhdfs_url url = url_of("http://dn1.example:9864/");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(tide_webhdfs_list_allows(tide_view_of(rows[i].list), &url),
                         rows[i].is_allowed);
    }
}

static void nodes_are_learned(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "[]",
                                      "{\"beans\":[]}",
                                      "{\"beans\":[{\"LiveNodes\":1}]}",
                                      "{\"beans\":[{\"LiveNodes\":\"x\"}]}",
                                      "{\"beans\":[{\"LiveNodes\":\"[]\"}]}"};
    struct tide_webhdfs_nodes nodes = {0};
    const struct tide_webhdfs_url known[] = {url_of("http://10.0.0.1:9864/"),
                                             url_of("http://dn1.EXAMPLE:9864/"),
                                             url_of("https://dn1.example:9865/"),
                                             url_of("http://dn2.example:9864/")};
    const struct tide_webhdfs_url unknown[] = {url_of("http://10.0.0.3:9864/"),
                                               url_of("http://10.0.0.1:9866/"),
                                               url_of("https://10.0.0.1:9864/"),
                                               url_of("https://dn2.example:9865/"),
                                               url_of("http://dn3.example:9864/")};
    assert_false(tide_webhdfs_nodes_know(&nodes, &known[0]));
    assert_int_equal(tide_webhdfs_nodes_learn(&nodes, tide_view_of(live), NULL), TIDE_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) { /* what was known stays */
        assert_int_equal(tide_webhdfs_nodes_learn(&nodes, tide_view_of(bad[i]), NULL), TIDE_REJECT);
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_true(tide_webhdfs_nodes_know(&nodes, &known[i]));
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_false(tide_webhdfs_nodes_know(&nodes, &unknown[i]));
    }
    tide_webhdfs_nodes_release(&nodes);
    assert_false(tide_webhdfs_nodes_know(&nodes, &known[0]));
}

static void assert_excluded(struct tide_webhdfs_nodes *nodes, int64_t now_s, const char *wanted)
{
    struct tide_bytes query = {0};
    tide_webhdfs_nodes_write_excluded(
        nodes, (struct tide_monotonic){now_s * INT64_C(1000000000)}, &query);
    assert_string_equal(tide_bytes_terminated(&query), wanted);
    tide_bytes_release(&query);
}

static void nodes_are_left_alone(void **state)
{
    (void)state;
    struct tide_webhdfs_nodes nodes = {0};
    const struct tide_webhdfs_url one = url_of("http://dn1.example:9864/");
    const struct tide_webhdfs_url two = url_of("http://10.0.0.2:9864/");
    const struct tide_webhdfs_url other = url_of("http://elsewhere:9864/");
    const struct tide_monotonic start = {0};
    const struct tide_monotonic later = {INT64_C(10000000000)};
    assert_int_equal(tide_webhdfs_nodes_learn(&nodes, tide_view_of(live), NULL), TIDE_OK);
    assert_excluded(&nodes, 0, "");
    tide_webhdfs_nodes_exclude(&nodes, &one, start);
    tide_webhdfs_nodes_exclude(&nodes, &one, start);
    assert_excluded(&nodes, 0, "&excludedatanodes=10.0.0.1%3A9866");
    tide_webhdfs_nodes_exclude(&nodes, &two, later);
    tide_webhdfs_nodes_exclude(&nodes, &other, later); /* nobody knows its data address */
    assert_excluded(&nodes, 29, "&excludedatanodes=10.0.0.1%3A9866,10.0.0.2%3A9866,elsewhere");
    assert_excluded(&nodes, 30, "&excludedatanodes=10.0.0.2%3A9866,elsewhere");
    tide_webhdfs_nodes_forgive(&nodes);
    assert_excluded(&nodes, 30, "");
    for (int i = 0; i < TIDE_WEBHDFS_EXCLUDED_MAX + 3; i++) { /* the oldest go */
        char text[64];
        (void)snprintf(text, sizeof(text), "http://host%d:1/", i);
        const struct tide_webhdfs_url url = url_of(text);
        tide_webhdfs_nodes_exclude(&nodes, &url, later);
    }
    assert_int_equal(nodes.excluded_count, TIDE_WEBHDFS_EXCLUDED_MAX);
    assert_string_equal(nodes.excluded[0].address, "host3");
    tide_webhdfs_nodes_release(&nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(lists),
        cmocka_unit_test(nodes_are_learned),
        cmocka_unit_test(nodes_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
