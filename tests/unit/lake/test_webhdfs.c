/* Goal: a question reaches whoever can answer it, waits for what passes and for nothing else, and
 * no redirect leads anywhere but to a DataNode. Method: a fake cluster with scripted faults, a
 * simulated clock. */
#include "lake/webhdfs.h"

#include "unit/lake/webhdfs_fixture.h"
#include "lake/webhdfs_internal.h"

#include <stdio.h>

static enum tide_status ask(struct rig *rig, const char *operation, const char *path)
{
    const struct tide_webhdfs_question question = {
        .method = "GET", .operation = operation, .path = tide_view_of(path)};
    struct tide_webhdfs_answer answer = {0};
    rig->error = (struct tide_error){0};
    const enum tide_status status = tide_webhdfs_ask(rig->webhdfs, &question, &answer, &rig->error);
    assert_int_equal(status == TIDE_OK, rig->error.text[0] == '\0');
    tide_webhdfs_answer_release(&answer);
    return status;
}

static void answers(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct tide_view){0});
    fake_webhdfs_put(rig.fake, "/a b/c", "text");
    assert_int_equal(ask(&rig, "GETFILESTATUS", "/a b/c"), TIDE_OK);
    assert_int_equal(ask(&rig, "GETFILESTATUS", "/a b/none"), TIDE_REJECT);
    assert_non_null(strstr(rig.error.text, "File does not exist"));
    assert_null(strstr(rig.error.text, "Secret.java")); /* the first line of a Java message only */
    assert_int_equal(ask(&rig, "UNKNOWN", "/"), TIDE_RETRY);
    assert_non_null(strstr(rig.error.text, "IllegalArgumentException"));
    assert_string_equal(fake_webhdfs_seen(rig.fake).user, "a user&x");
    assert_true(rig_waited_s(&rig) == 0);
    rig_close(&rig);
}

/* fault_H3: safe mode and a NameNode that starts. */
static void what_passes_is_waited_for(void **state)
{
    (void)state;
    static const char *const exceptions[] = {
        "SafeModeException", "RetriableException", "StandbyException"};
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        struct rig rig;
        rig_open(&rig, (struct tide_view){0});
        rig.script.refuse_count = 9; /* both NameNodes four times */
        rig.script.exception = exceptions[i];
        rig_script(&rig);
        assert_int_equal(ask(&rig, "GETFILESTATUS", "/"), TIDE_OK);
        assert_true(rig_waited_s(&rig) > 0.2 && rig_waited_s(&rig) < 10);
        rig_close(&rig);
    }
}

static void patience_ends(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct tide_view){0});
    rig.script.refuse_count = 1000000;
    rig.script.exception = "SafeModeException";
    rig_script(&rig);
    assert_int_equal(ask(&rig, "GETFILESTATUS", "/"), TIDE_RETRY);
    assert_non_null(strstr(rig.error.text, "SafeModeException: told by the script"));
    assert_true(rig_waited_s(&rig) >= 10 && rig_waited_s(&rig) < 10.1);
    assert_true(fake_webhdfs_seen(rig.fake).questions < 60); /* pauses grow */
    const struct tide_webhdfs_question question = {
        .method = "DELETE", .operation = "DELETE", .path = TIDE_VIEW("/x"), .is_impatient = true};
    struct tide_webhdfs_answer answer = {0};
    const int64_t before = rig.clock.monotonic.ns;
    assert_int_equal(tide_webhdfs_ask(rig.webhdfs, &question, &answer, NULL), TIDE_RETRY);
    assert_true(rig.clock.monotonic.ns == before);
    tide_webhdfs_answer_release(&answer);
    rig_close(&rig);
}

/* fault_H7: it would not change by waiting here. */
static void what_does_not_pass_is_told_at_once(void **state)
{
    (void)state;
    static const char *const exceptions[] = {"AccessControlException",
                                             "DSQuotaExceededException",
                                             "NSQuotaExceededException",
                                             "InvalidToken",
                                             "SomethingNewException"};
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        struct rig rig;
        rig_open(&rig, (struct tide_view){0});
        rig.script.refuse_count = 1;
        rig.script.exception = exceptions[i];
        rig_script(&rig);
        assert_int_equal(ask(&rig, "GETFILESTATUS", "/"), TIDE_RETRY);
        assert_non_null(strstr(rig.error.text, exceptions[i]));
        assert_true(rig_waited_s(&rig) == 0);
        rig_close(&rig);
    }
}

/* fault_H3: the standby is asked once, then the active one is known. */
static void the_active_namenode_is_found(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct tide_view){0});
    rig.script.is_standby[0] = true;
    rig_script(&rig);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(&rig, "GETFILESTATUS", "/"), TIDE_OK);
    }
    assert_int_equal(fake_webhdfs_seen(rig.fake).standby_asked, 1);
    assert_true(rig_waited_s(&rig) == 0);
    rig.script.is_standby[0] = false; /* a failover */
    rig.script.is_standby[1] = true;
    rig_script(&rig);
    assert_int_equal(ask(&rig, "GETFILESTATUS", "/"), TIDE_OK);
    assert_int_equal(fake_webhdfs_seen(rig.fake).standby_asked, 2);
    rig_close(&rig);
}

static void nobody_answers(void **state)
{
    (void)state;
    struct tide_clock_simulated clock = {0};
    struct tide_webhdfs_options options = tide_webhdfs_options_default();
    struct tide_webhdfs *webhdfs = NULL;
    struct rig rig = {0};
    options.clock = tide_clock_simulated(&clock);
    options.namenodes = TIDE_VIEW("127.0.0.1:1");
    assert_int_equal(tide_webhdfs_open(&options, &webhdfs, NULL), TIDE_OK);
    rig.webhdfs = webhdfs;
    assert_int_equal(ask(&rig, "GETFILESTATUS", "/"), TIDE_RETRY);
    assert_true(clock.monotonic.ns >= INT64_C(10000000000));
    tide_webhdfs_close(webhdfs);
}

static void namenodes_are_named(void **state)
{
    (void)state;
    static const char *const lists[] = {"",
                                        "a",
                                        "a:",
                                        "a:0",
                                        "a:70000",
                                        "a:1,",
                                        "a:1,,b:1",
                                        "user@a:1",
                                        "a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1,i:1"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct tide_webhdfs_options options = tide_webhdfs_options_default();
        struct tide_webhdfs *webhdfs = NULL;
        struct tide_error error = {0};
        options.namenodes = tide_view_of(lists[i]);
        assert_int_equal(tide_webhdfs_open(&options, &webhdfs, &error), TIDE_REJECT);
        assert_true(error.text[0] != '\0');
    }
}

/* fault_H8 */
static void redirects_are_checked(void **state)
{
    (void)state;
    struct rig rig;
    struct tide_webhdfs_url url;
    char node[128];
    rig_open(&rig, (struct tide_view){0});
    assert_int_equal(ask(&rig, "OPEN", "/none"), TIDE_REJECT);
    static const char *const refused[] = {
        "",
        "/webhdfs/v1/x",
        "http://169.254.169.254:80/webhdfs/v1/x",
        "http://node0.example:1/webhdfs/v1/x",
        "ftp://127.0.0.1:9864/webhdfs/v1/x",
        "http://127.0.0.1:9864/other/x",
        "http://root@127.0.0.1:9864/webhdfs/v1/x",
        "http://127.0.0.1/webhdfs/v1/x",
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        rig.error = (struct tide_error){0};
        assert_int_equal(
            webhdfs_check_redirect(rig.webhdfs, tide_view_of(refused[i]), &url, &rig.error),
            TIDE_RETRY);
        assert_true(rig.error.text[0] != '\0');
    }
    struct tide_webhdfs_answer answer = {0};
    const struct tide_webhdfs_question question = {
        .method = "PUT", .operation = "CREATE", .path = TIDE_VIEW("/x")};
    assert_int_equal(tide_webhdfs_ask(rig.webhdfs, &question, &answer, NULL), TIDE_OK);
    const struct tide_view location = tide_bytes_view(&answer.location);
    assert_int_equal(webhdfs_check_redirect(rig.webhdfs, location, &url, NULL), TIDE_OK);
    (void)snprintf(node,
                   sizeof(node),
                   "http://NODE0.example:%.*s/webhdfs/v1/x",
                   TIDE_VIEW_ARGUMENTS(url.port));
    const enum tide_status by_name =
        webhdfs_check_redirect(rig.webhdfs, tide_view_of(node), &url, NULL);
    node[strlen("http://NODE")] = '1';
    const enum tide_status by_other =
        webhdfs_check_redirect(rig.webhdfs, tide_view_of(node), &url, NULL);
    assert_true((by_name == TIDE_OK) != (by_other == TIDE_OK)); /* its own port only */
    tide_webhdfs_answer_release(&answer);
    rig_close(&rig);
}

static void a_list_of_hosts_decides(void **state)
{
    (void)state;
    struct rig rig;
    struct tide_webhdfs_url url;
    rig_open(&rig, TIDE_VIEW("*.example.org, 10.0.0.1:9864"));
    static const struct {
        const char *location;
        enum tide_status status;
    } rows[] = {
        {"http://a.example.org:1/webhdfs/v1/x", TIDE_OK},
        {"https://a.example.org:1/webhdfs/v1/x", TIDE_OK},
        {"http://10.0.0.1:9864/webhdfs/v1/x", TIDE_OK},
        {"http://10.0.0.1:9865/webhdfs/v1/x", TIDE_RETRY},
        {"http://127.0.0.1:9864/webhdfs/v1/x", TIDE_RETRY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            webhdfs_check_redirect(rig.webhdfs, tide_view_of(rows[i].location), &url, NULL),
            rows[i].status);
    }
    assert_int_equal(fake_webhdfs_seen(rig.fake).lists, 0);
    rig_close(&rig);
    /* From https to http: never. */
    struct tide_webhdfs_options options = tide_webhdfs_options_default();
    struct tide_webhdfs *secure = NULL;
    options.namenodes = TIDE_VIEW("127.0.0.1:1");
    options.hosts = TIDE_VIEW("a");
    options.is_secure = true;
    assert_int_equal(tide_webhdfs_open(&options, &secure, NULL), TIDE_OK);
    assert_int_equal(
        webhdfs_check_redirect(secure, TIDE_VIEW("https://a:1/webhdfs/v1/x"), &url, NULL), TIDE_OK);
    assert_int_equal(
        webhdfs_check_redirect(secure, TIDE_VIEW("http://a:1/webhdfs/v1/x"), &url, NULL),
        TIDE_RETRY);
    tide_webhdfs_close(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(what_passes_is_waited_for),
        cmocka_unit_test(patience_ends),
        cmocka_unit_test(what_does_not_pass_is_told_at_once),
        cmocka_unit_test(the_active_namenode_is_found),
        cmocka_unit_test(nobody_answers),
        cmocka_unit_test(namenodes_are_named),
        cmocka_unit_test(redirects_are_checked),
        cmocka_unit_test(a_list_of_hosts_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
