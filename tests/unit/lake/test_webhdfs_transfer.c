/* Goal: a file is written whole or not at all, read whole or not at all, whatever DataNodes do; one
 * that fails is left alone. Method: a fake cluster with scripted faults, a simulated clock. */
#include "lake/webhdfs.h"

#include "unit/lake/webhdfs_fixture.h"

enum {
    SIZE = 300000
};

static char content[SIZE];

static enum tide_status read_content(void *context,
                                     uint64_t offset,
                                     void *buffer,
                                     size_t size,
                                     size_t *read_size,
                                     struct tide_error *error)
{
    const enum tide_status *status = context;
    memcpy(buffer, content + offset, size);
    *read_size = *status == TIDE_OK ? size : 0;
    return *status == TIDE_OK ? TIDE_OK : tide_error_set(error, *status, "the source fails");
}

static enum tide_status write(struct rig *rig)
{
    enum tide_status fine = TIDE_OK;
    const struct tide_http_source source = {read_content, &fine, SIZE};
    struct tide_bytes temporary = {0};
    rig->error = (struct tide_error){0};
    const enum tide_status status = tide_webhdfs_write(
        rig->webhdfs, TIDE_VIEW("/lake/a file"), &source, &temporary, &rig->error);
    assert_int_equal(status == TIDE_OK, rig->error.text[0] == '\0');
    if (status == TIDE_OK) {
        struct tide_webhdfs_facts facts = {0};
        const struct tide_view path = tide_bytes_view(&temporary);
        assert_true(tide_view_starts_with(path, TIDE_VIEW("/lake/.a file.tmp-")));
        assert_int_equal(tide_webhdfs_look(rig->webhdfs, path, &facts, NULL), TIDE_OK);
        assert_int_equal(facts.size, SIZE);
    }
    tide_bytes_release(&temporary);
    return status;
}

static enum tide_status append(void *context,
                               const void *data,
                               size_t size,
                               struct tide_error *error)
{
    (void)error;
    tide_bytes_append(context, data, size);
    return TIDE_OK;
}

static enum tide_status read_up_to(struct rig *rig, uint64_t size_max)
{
    struct tide_bytes found = {0};
    const struct tide_http_sink sink = {append, &found};
    rig->error = (struct tide_error){0};
    const enum tide_status status =
        tide_webhdfs_read(rig->webhdfs, TIDE_VIEW("/lake/b"), &sink, size_max, &rig->error);
    assert_int_equal(status == TIDE_OK, rig->error.text[0] == '\0');
    assert_true(status != TIDE_OK ||
                tide_view_equal(tide_bytes_view(&found), tide_view_of(content)));
    tide_bytes_release(&found);
    return status;
}

static void open_rig(struct rig *rig)
{
    for (size_t i = 0; i < SIZE - 1; i++) {
        content[i] = (char)('a' + i % 23);
    }
    rig_open(rig, (struct tide_view){0});
    fake_webhdfs_put(rig->fake, "/lake/b", content);
}

/* One is there from the start, one is new; nothing else may be. */
static void assert_files(struct rig *rig, int count)
{
    assert_int_equal(fake_webhdfs_file_count(rig->fake), count);
}

static void without_faults(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig);
    assert_int_equal(write(&rig), TIDE_OK);
    assert_files(&rig, 2);
    assert_int_equal(read_up_to(&rig, SIZE), TIDE_OK);
    assert_int_equal(read_up_to(&rig, SIZE - 2), TIDE_REJECT);
    assert_true(rig_waited_s(&rig) == 0);
    rig_close(&rig);
}

/* fault_H1, fault_H2: it dies in the middle, or says that all is well. */
static void broken_uploads(void **state)
{
    (void)state;
    for (int is_short = 0; is_short < 2; is_short++) {
        struct rig rig;
        open_rig(&rig);
        *(is_short ? &rig.script.short_uploads : &rig.script.cut_uploads) = 2;
        rig_script(&rig);
        assert_int_equal(write(&rig), TIDE_OK);
        assert_files(&rig, 2); /* the halves are gone */
        rig.script.short_uploads = 1000000;
        rig_script(&rig);
        assert_int_equal(write(&rig), TIDE_RETRY);
        assert_non_null(strstr(rig.error.text, "of 300000 bytes"));
        assert_true(rig_waited_s(&rig) < 20.5);
        assert_files(&rig, 2);
        rig_close(&rig);
    }
}

static void broken_downloads(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig);
    rig.script.cut_downloads = 3;
    rig_script(&rig);
    assert_int_equal(read_up_to(&rig, SIZE), TIDE_OK); /* a half, a quarter, an eighth, the rest */
    assert_int_equal(fake_webhdfs_seen(rig.fake).transfers, 4);
    rig.script.unmeasured_downloads = 1;
    rig_script(&rig);
    assert_int_equal(read_up_to(&rig, SIZE), TIDE_RETRY);
    rig_close(&rig);
}

/* A killed DataNode refuses, and is not asked again for a while, by whatever operation. */
static void a_dead_node_is_left_alone(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig);
    fake_webhdfs_kill_node(rig.fake, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(write(&rig), TIDE_OK);
        assert_int_equal(read_up_to(&rig, SIZE), TIDE_OK);
    }
    assert_string_equal(fake_webhdfs_seen(rig.fake).excluded,
                        fake_webhdfs_node_data_address(rig.fake, 0));
    assert_int_equal(fake_webhdfs_seen(rig.fake).transfers, 8); /* all by the other */
    assert_true(rig_waited_s(&rig) < 0.1);                      /* one failure */
    assert_files(&rig, 5);
    tide_clock_simulated_advance(&rig.clock, (struct tide_duration){31 * 1000000});
    assert_int_equal(read_up_to(&rig, SIZE), TIDE_OK);
    assert_int_equal(read_up_to(&rig, SIZE), TIDE_OK);
    rig_close(&rig);
}

/* With all of them left alone none would remain: then they are tried again. */
static void all_nodes_fail_for_a_while(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig);
    rig.script.is_mute[0] = true;
    rig.script.is_mute[1] = true;
    rig_script(&rig);
    assert_int_equal(write(&rig), TIDE_RETRY);
    assert_int_equal(read_up_to(&rig, SIZE), TIDE_RETRY);
    rig.script.is_mute[1] = false;
    rig_script(&rig);
    assert_int_equal(write(&rig), TIDE_OK);
    assert_int_equal(read_up_to(&rig, SIZE), TIDE_OK);
    assert_files(&rig, 2);
    rig_close(&rig);
}

static void what_a_node_says(void **state)
{
    (void)state;
    static const struct {
        const char *exception;
        enum tide_status status;
    } rows[] = {
        {"FileNotFoundException", TIDE_REJECT},
        {"AccessControlException", TIDE_RETRY},
        {"DSQuotaExceededException", TIDE_RETRY},
        {"IOException", TIDE_OK}, /* another one has it */
        {"SafeModeException", TIDE_OK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig rig;
        open_rig(&rig);
        rig.script.exception = rows[i].exception;
        rig.script.refuse_downloads = 1;
        rig_script(&rig);
        assert_int_equal(read_up_to(&rig, SIZE), rows[i].status);
        assert_true(rows[i].status == TIDE_OK || strstr(rig.error.text, rows[i].exception) != NULL);
        rig_close(&rig);
    }
}

static enum tide_status fail_to_write(void *context,
                                      const void *data,
                                      size_t size,
                                      struct tide_error *error)
{
    const enum tide_status *status = context;
    (void)data;
    (void)size;
    return tide_error_set(error, *status, "the sink fails");
}

/* Our own disk is no DataNode's fault. */
static void our_own_failures(void **state)
{
    (void)state;
    struct rig rig;
    struct tide_bytes temporary = {0};
    enum tide_status statuses[] = {TIDE_RETRY, TIDE_FATAL};
    open_rig(&rig);
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        const struct tide_http_sink sink = {fail_to_write, &statuses[i]};
        assert_int_equal(
            tide_webhdfs_read(rig.webhdfs, TIDE_VIEW("/lake/b"), &sink, SIZE, &rig.error),
            statuses[i]);
        assert_non_null(strstr(rig.error.text, "the sink fails"));
    }
    const struct tide_http_source source = {read_content, &statuses[1], SIZE};
    assert_int_equal(
        tide_webhdfs_write(rig.webhdfs, TIDE_VIEW("/lake/c"), &source, &temporary, &rig.error),
        TIDE_FATAL);
    assert_non_null(strstr(rig.error.text, "the source fails"));
    assert_true(rig_waited_s(&rig) == 0);
    assert_string_equal(fake_webhdfs_seen(rig.fake).excluded, "");
    tide_bytes_release(&temporary);
    rig_close(&rig);
}

static void facts(void **state)
{
    (void)state;
    struct rig rig;
    struct tide_webhdfs_facts found = {0};
    open_rig(&rig);
    assert_int_equal(tide_webhdfs_look(rig.webhdfs, TIDE_VIEW("/lake"), &found, NULL), TIDE_OK);
    assert_true(found.is_folder);
    assert_int_equal(tide_webhdfs_look(rig.webhdfs, TIDE_VIEW("/lake/b"), &found, NULL), TIDE_OK);
    assert_true(!found.is_folder && found.size == SIZE - 1 && found.modified.us > 0);
    assert_int_equal(tide_webhdfs_look(rig.webhdfs, TIDE_VIEW("/lake/none"), &found, NULL),
                     TIDE_REJECT);
    rig.script.is_gibberish = true;
    rig_script(&rig);
    assert_int_equal(tide_webhdfs_look(rig.webhdfs, TIDE_VIEW("/lake/b"), &found, NULL),
                     TIDE_RETRY);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults),
        cmocka_unit_test(broken_uploads),
        cmocka_unit_test(broken_downloads),
        cmocka_unit_test(a_dead_node_is_left_alone),
        cmocka_unit_test(all_nodes_fail_for_a_while),
        cmocka_unit_test(what_a_node_says),
        cmocka_unit_test(our_own_failures),
        cmocka_unit_test(facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
