/* Goal: the store on HDFS does what every store must, and keeps its promises when answers are lost,
 * redirects lead astray and objects change. Method: the suite and scripted faults against a fake
 * cluster. */
#include "lake/store.h"

#include "support/fake_webhdfs.h"
#include "support/remove_tree.h"
#include "support/store_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct fake_webhdfs *fake;
    struct fake_webhdfs_script script; /* send_script sends it */
    struct tide_clock_simulated clock;
    char directory[64];
    struct tide_store store;
    struct tide_error error;
};

static enum tide_status open_store(struct world *world, const char *path, bool must_exist)
{
    char url[256];
    char cache[96];
    struct tide_store_options options = tide_store_options_default();
    (void)snprintf(url, sizeof(url), "hdfs://%s%s", fake_webhdfs_namenodes(world->fake), path);
    (void)snprintf(cache, sizeof(cache), "%s/cache", world->directory);
    options.clock = tide_clock_simulated(&world->clock);
    options.cache_directory = cache;
    options.cache_bytes_max = 1000;
    options.must_exist = must_exist;
    world->error = (struct tide_error){0};
    return tide_store_open(tide_view_of(url), &options, &world->store, &world->error);
}

static void open_world(struct world *world)
{
    *world = (struct world){.directory = "/tmp/tidemark-test-webhdfs-XXXXXX"};
    assert_non_null(mkdtemp(world->directory));
    world->fake = fake_webhdfs_start();
    assert_int_equal(open_store(world, "/the%20lake", false), TIDE_OK);
}

static void close_world(struct world *world)
{
    world->store.operations->close(world->store.self);
    fake_webhdfs_stop(world->fake);
    remove_tree(world->directory);
}

static void send_script(struct world *world)
{
    fake_webhdfs_set_script(world->fake, &world->script);
}

static enum tide_status put(struct world *world, const char *key, const char *text)
{
    world->error = (struct tide_error){0};
    return world->store.operations->put_if_absent(
        world->store.self, key, tide_view_of(text), &world->error);
}

static enum tide_status put_file(struct world *world, const char *key, const char *text)
{
    char path[96];
    const struct tide_io io = tide_io_os();
    (void)snprintf(path, sizeof(path), "%s/scratch", world->directory);
    if (text != NULL) {
        assert_int_equal(tide_io_replace_file(io, path, tide_view_of(text), NULL), TIDE_OK);
    }
    world->error = (struct tide_error){0};
    return world->store.operations->put_file(world->store.self, key, path, &world->error);
}

static void assert_content(struct world *world, const char *key, const char *wanted)
{
    struct tide_bytes found = {0};
    assert_int_equal(world->store.operations->get(world->store.self, key, &found, 1000, NULL),
                     TIDE_OK);
    assert_string_equal(tide_bytes_terminated(&found), wanted);
    tide_bytes_release(&found);
}

/* fault_H4: the rename was done, and the next try is told that it cannot be. */
static void lost_answers_to_renames(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    world.script.lose_renames = 2;
    send_script(&world);
    assert_int_equal(put(&world, "a/0.json", "ours"), TIDE_OK);
    assert_int_equal(put_file(&world, "a/1.parquet", "file"), TIDE_OK);
    assert_int_equal(fake_webhdfs_script(world.fake).lose_renames, 0);
    assert_content(&world, "a/0.json", "ours");
    assert_content(&world, "a/1.parquet", "file");
    assert_int_equal(fake_webhdfs_file_count(world.fake), 2);
    assert_int_equal(put_file(&world, "a/1.parquet", NULL), TIDE_OK); /* it was before */
    assert_int_equal(put_file(&world, "a/2.parquet", NULL), TIDE_FATAL);
    close_world(&world);
}

/* The temporary file is gone, but not because we renamed it: nothing may be claimed. */
static void renames_that_never_were(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    world.script.ignore_renames = 1;
    send_script(&world);
    assert_int_equal(put(&world, "a/0.json", "ours"), TIDE_RETRY);
    assert_non_null(strstr(world.error.text, "is gone"));
    world.script.ignore_renames = 1;
    send_script(&world);
    assert_int_equal(put_file(&world, "a/1.parquet", "file"), TIDE_RETRY);
    assert_int_equal(fake_webhdfs_file_count(world.fake), 0);
    assert_int_equal(put(&world, "a/0.json", "ours"), TIDE_OK);
    close_world(&world);
}

/* Another put it there between our look and our rename; not ours, even with an answer lost. */
static void another_was_first(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    assert_int_equal(put(&world, "a/0.json", "theirs"), TIDE_OK);
    world.script.refuse_count = 1; /* the look says that nothing is there */
    world.script.refuse_operation = "GETFILESTATUS";
    world.script.exception = "FileNotFoundException";
    send_script(&world);
    assert_int_equal(put(&world, "a/0.json", "theirs"), TIDE_REJECT);
    assert_content(&world, "a/0.json", "theirs");
    assert_int_equal(fake_webhdfs_file_count(world.fake), 1); /* and nothing is left of ours */
    close_world(&world);
}

static void lost_answers_to_deletes(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    assert_int_equal(put(&world, "a", "x"), TIDE_OK);
    world.script.lose_deletes = 1;
    send_script(&world);
    assert_int_equal(world.store.operations->remove(world.store.self, "a", NULL), TIDE_OK);
    assert_int_equal(world.store.operations->remove(world.store.self, "a", NULL), TIDE_REJECT);
    close_world(&world);
}

/* fault_H8: not a byte goes to whom the NameNode names but does not list. */
static void foreign_redirects(void **state)
{
    (void)state;
    static const char *const places[] = {
        "169.254.169.254:80", "https://127.0.0.1:1", "ftp://127.0.0.1:1", "evil@127.0.0.1:1"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct world world;
        struct tide_bytes found = {0};
        open_world(&world);
        assert_int_equal(put(&world, "a", "x"), TIDE_OK);
        world.script.redirect_to = places[i];
        send_script(&world);
        assert_int_equal(put(&world, "b", "x"), TIDE_RETRY);
        assert_non_null(strstr(world.error.text, "redirects to"));
        assert_int_equal(world.store.operations->get(world.store.self, "a", &found, 10, NULL),
                         TIDE_RETRY);
        assert_int_equal(fake_webhdfs_seen(world.fake).transfers, 1);
        tide_bytes_release(&found);
        close_world(&world);
    }
}

/* Without a list, nobody is trusted. */
static void a_namenode_without_a_list(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    world.script.has_no_list = true;
    send_script(&world);
    assert_int_equal(put(&world, "b", "x"), TIDE_RETRY);
    assert_non_null(strstr(world.error.text, "lake.hdfs.hosts can allow it"));
    close_world(&world);
}

static enum tide_status fetch(struct world *world, const char *key, struct tide_bytes *path)
{
    world->error = (struct tide_error){0};
    return world->store.operations->fetch(world->store.self, key, path, &world->error);
}

static void assert_file(const struct tide_bytes *path, const char *wanted)
{
    struct tide_bytes found = {0};
    struct tide_bytes copy = {0};
    tide_bytes_append_view(&copy, tide_bytes_view(path));
    assert_int_equal(
        tide_io_read_file(tide_io_os(), tide_bytes_terminated(&copy), &found, 1000, NULL), TIDE_OK);
    assert_string_equal(tide_bytes_terminated(&found), wanted);
    tide_bytes_release(&found);
    tide_bytes_release(&copy);
}

/* A copy is used again, by the next process too, unless the object is another by then. */
static void copies_are_kept(void **state)
{
    (void)state;
    struct world world;
    struct tide_bytes path = {0};
    open_world(&world);
    assert_int_equal(put(&world, "a.parquet", "content"), TIDE_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fetch(&world, "a.parquet", &path), TIDE_OK);
        assert_file(&path, "content");
        world.store.operations->unpin(world.store.self, "a.parquet");
    }
    assert_int_equal(fake_webhdfs_seen(world.fake).transfers, 2);
    world.store.operations->close(world.store.self);
    assert_int_equal(open_store(&world, "/the%20lake", true), TIDE_OK);
    assert_int_equal(fetch(&world, "a.parquet", &path), TIDE_OK);
    world.store.operations->unpin(world.store.self, "a.parquet");
    assert_int_equal(fake_webhdfs_seen(world.fake).transfers, 2);
    /* Another life of the lake. */
    world.store.operations->close(world.store.self);
    fake_webhdfs_put(world.fake, "/the lake/a.parquet", "another");
    fake_webhdfs_put(world.fake, "/the lake/a.parquet", "another content");
    assert_int_equal(open_store(&world, "/the%20lake", true), TIDE_OK);
    assert_int_equal(fetch(&world, "a.parquet", &path), TIDE_OK);
    assert_file(&path, "another content");
    world.store.operations->unpin(world.store.self, "a.parquet");
    tide_bytes_release(&path);
    close_world(&world);
}

static void the_cache_is_bounded(void **state)
{
    (void)state;
    struct world world;
    struct tide_bytes path = {0};
    char large[1002];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    open_world(&world);
    assert_int_equal(put(&world, "large", large), TIDE_OK);
    assert_int_equal(fetch(&world, "large", &path), TIDE_RETRY);
    assert_non_null(strstr(world.error.text, "lake.cache_bytes"));
    tide_bytes_release(&path);
    close_world(&world);
}

/* fault_H3 */
static void an_outage_is_told_and_passes(void **state)
{
    (void)state;
    struct world world;
    int count = 0;
    open_world(&world);
    world.script.refuse_count = 1000000;
    world.script.exception = "SafeModeException";
    send_script(&world);
    assert_int_equal(put(&world, "a", "x"), TIDE_RETRY);
    assert_int_equal(put_file(&world, "b", "x"), TIDE_RETRY);
    assert_int_equal(world.store.operations->list(world.store.self, "", NULL, &count, NULL),
                     TIDE_RETRY);
    assert_int_equal(world.store.operations->remove(world.store.self, "a", NULL), TIDE_RETRY);
    world.script.refuse_count = 0;
    send_script(&world);
    assert_int_equal(put(&world, "a", "x"), TIDE_OK);
    assert_int_equal(put_file(&world, "b", NULL), TIDE_OK); /* the scratch file waited */
    close_world(&world);
}

static void opening(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    world.store.operations->close(world.store.self);
    fake_webhdfs_put(world.fake, "/a file", "x");
    static const struct {
        const char *path;
        bool must_exist;
        enum tide_status status;
    } rows[] = {
        {"/a%20file", false, TIDE_REJECT},
        {"/none", true, TIDE_REJECT},
        {"/none", false, TIDE_OK},
        {"", false, TIDE_OK},
        {"/", true, TIDE_OK},
        {"/a/../b", false, TIDE_REJECT},
        {"/a//b", false, TIDE_REJECT},
        {"/%zz", false, TIDE_REJECT},
        {"/%00", false, TIDE_REJECT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(open_store(&world, rows[i].path, rows[i].must_exist), rows[i].status);
        assert_int_equal(world.error.text[0] == '\0', rows[i].status == TIDE_OK);
        if (rows[i].status == TIDE_OK) {
            world.store.operations->close(world.store.self);
        }
    }
    world.script.is_gibberish = true;
    send_script(&world);
    assert_int_equal(open_store(&world, "/x", false), TIDE_RETRY);
    fake_webhdfs_stop(world.fake);
    remove_tree(world.directory);
}

/* The number of checks that failed. */
static int run_suite(void)
{
    struct world world;
    struct tide_store_options options = tide_store_options_default();
    char url[256];
    char cache[96];
    open_world(&world);
    (void)snprintf(url, sizeof(url), "webhdfs://%s/suite", fake_webhdfs_namenodes(world.fake));
    (void)snprintf(cache, sizeof(cache), "%s/suite", world.directory);
    options.cache_directory = cache;
    struct store_suite suite = {.scratch_directory = world.directory};
    int failed = 1;
    if (tide_store_open(tide_view_of(url), &options, &suite.store, NULL) == TIDE_OK) {
        failed = store_suite_run("webhdfs", &suite);
        suite.store.operations->close(suite.store.self);
    }
    close_world(&world);
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_answers_to_renames),
        cmocka_unit_test(renames_that_never_were),
        cmocka_unit_test(another_was_first),
        cmocka_unit_test(lost_answers_to_deletes),
        cmocka_unit_test(foreign_redirects),
        cmocka_unit_test(a_namenode_without_a_list),
        cmocka_unit_test(copies_are_kept),
        cmocka_unit_test(the_cache_is_bounded),
        cmocka_unit_test(an_outage_is_told_and_passes),
        cmocka_unit_test(opening),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + run_suite();
}
