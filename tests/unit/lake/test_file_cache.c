/* Goal: the cache never holds more than it may, never gives a copy that is not whole or not of the
 * version asked for, and never drops one in use. Method: the simulated disk with faults at every
 * operation; threads on the real disk. */
#include "lake/file_cache.h"

#include "base/io_sim.h"
#include "support/remove_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX = 100,
    THREADS = 6
};

struct world {
    struct tide_io_sim *sim;
    struct tide_io io;
    struct tide_file_cache *cache;
    struct tide_error error;
};

struct loader {
    struct tide_io io;
    const char *text;
    enum tide_status status; /* of the copying itself */
    _Atomic int copy_count;
};

static enum tide_status copy(void *context, struct tide_file file, struct tide_error *error)
{
    struct loader *loader = context;
    atomic_fetch_add(&loader->copy_count, 1);
    if (loader->status != TIDE_OK) {
        return tide_error_set(error, loader->status, "the source fails");
    }
    return loader->io.operations->write(
        loader->io.self, file, 0, loader->text, strlen(loader->text), error);
}

static void open_world(struct world *world, uint64_t seed)
{
    *world = (struct world){.sim = tide_io_sim_create(seed)};
    world->io = tide_io_sim_io(world->sim);
    assert_int_equal(tide_file_cache_open(world->io, "data/cache", MAX, &world->cache, NULL),
                     TIDE_OK);
}

static void close_world(struct world *world)
{
    tide_file_cache_close(world->cache);
    tide_io_sim_destroy(world->sim);
}

static void reopen(struct world *world, uint64_t bytes_max)
{
    tide_file_cache_close(world->cache);
    assert_int_equal(tide_file_cache_open(world->io, "data/cache", bytes_max, &world->cache, NULL),
                     TIDE_OK);
}

/* Pins on OK, and checks what is there; size -1: the text's. */
static enum tide_status load(struct world *world, const char *name, const char *text, int64_t time)
{
    struct loader loader = {.io = world->io, .text = text};
    const struct tide_file_cache_source source = {copy, &loader};
    const struct tide_file_cache_version version = {strlen(text), {time}};
    struct tide_bytes path = {0};
    struct tide_bytes found = {0};
    world->error = (struct tide_error){0};
    const enum tide_status status = tide_file_cache_load(
        world->cache, tide_view_of(name), version, &source, &path, &world->error);
    assert_int_equal(status == TIDE_OK, world->error.text[0] == '\0');
    if (status == TIDE_OK) {
        assert_int_equal(
            tide_io_read_file(world->io, tide_bytes_terminated(&path), &found, MAX, NULL), TIDE_OK);
        assert_true(tide_view_equal(tide_bytes_view(&found), tide_view_of(text)));
    }
    assert_true(tide_file_cache_bytes(world->cache) <= MAX);
    tide_bytes_release(&path);
    tide_bytes_release(&found);
    return status;
}

static void unpin(struct world *world, const char *name)
{
    tide_file_cache_unpin(world->cache, tide_view_of(name));
}

/* Whether a copy is known; it is not left pinned. */
static bool is_kept(struct world *world, const char *name)
{
    struct tide_bytes path = {0};
    const bool is_there = tide_file_cache_pin(world->cache, tide_view_of(name), &path);
    if (is_there) {
        unpin(world, name);
    }
    tide_bytes_release(&path);
    return is_there;
}

static void count_file(void *context, const char *name, bool is_directory)
{
    (void)name;
    *(int *)context += !is_directory;
}

static int files_on_disk(struct world *world)
{
    int count = 0;
    assert_int_equal(
        world->io.operations->list(world->io.self, "data/cache", count_file, &count, NULL),
        TIDE_OK);
    return count;
}

static const char forty[] = "0123456789012345678901234567890123456789";

static void the_longest_unused_makes_room(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, 1);
    assert_int_equal(load(&world, "lake/a.parquet", forty, 1), TIDE_OK);
    assert_int_equal(load(&world, "lake/b.parquet", forty, 1), TIDE_OK);
    unpin(&world, "lake/a.parquet");
    unpin(&world, "lake/b.parquet");
    assert_true(is_kept(&world, "lake/a.parquet")); /* used last */
    assert_int_equal(load(&world, "lake/c.parquet", forty, 1), TIDE_OK);
    assert_true(is_kept(&world, "lake/a.parquet"));
    assert_false(is_kept(&world, "lake/b.parquet"));
    assert_int_equal(files_on_disk(&world), 2);
    assert_int_equal(tide_file_cache_bytes(world.cache), 80);
    close_world(&world);
}

static void what_is_pinned_stays(void **state)
{
    (void)state;
    struct world world;
    char large[MAX + 2];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    open_world(&world, 1);
    assert_int_equal(load(&world, "a", forty, 1), TIDE_OK);
    assert_int_equal(load(&world, "a", forty, 1), TIDE_OK); /* twice */
    assert_int_equal(load(&world, "b", forty, 1), TIDE_OK);
    assert_int_equal(load(&world, "c", forty, 1), TIDE_RETRY);
    assert_non_null(strstr(world.error.text, "lake.cache_bytes = 100"));
    assert_int_equal(load(&world, "a", "changed", 2), TIDE_RETRY); /* while it is read */
    unpin(&world, "a");
    assert_int_equal(load(&world, "c", forty, 1), TIDE_RETRY);
    unpin(&world, "a");
    assert_int_equal(load(&world, "c", forty, 1), TIDE_OK);
    assert_int_equal(load(&world, "d", large, 1), TIDE_RETRY);
    assert_true(is_kept(&world, "b") && is_kept(&world, "c"));
    close_world(&world);
}

static void versions_are_told_apart(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, 1);
    assert_int_equal(load(&world, "a", "one", 1), TIDE_OK);
    unpin(&world, "a");
    assert_int_equal(load(&world, "a", "two", 2), TIDE_OK); /* of the same size */
    unpin(&world, "a");
    assert_int_equal(files_on_disk(&world), 1);
    assert_int_equal(load(&world, "a", "three", 2), TIDE_OK);
    unpin(&world, "a");
    assert_int_equal(tide_file_cache_bytes(world.cache), 5);
    close_world(&world);
}

static void the_next_process_finds_them(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, 1);
    assert_int_equal(load(&world, "a.parquet", forty, 1), TIDE_OK);
    assert_int_equal(load(&world, "b.parquet", "b", -5), TIDE_OK);
    assert_int_equal(tide_io_create_file(world.io, "data/cache/rubbish", TIDE_VIEW("x"), NULL),
                     TIDE_OK);
    reopen(&world, MAX);
    assert_int_equal(files_on_disk(&world), 2);
    assert_int_equal(tide_file_cache_bytes(world.cache), 41);
    assert_false(is_kept(&world, "a.parquet")); /* nobody has asked for its version yet */
    struct loader loader = {.io = world.io, .status = TIDE_FATAL};
    const struct tide_file_cache_source source = {copy, &loader};
    struct tide_bytes path = {0};
    assert_int_equal(tide_file_cache_load(world.cache,
                                          TIDE_VIEW("a.parquet"),
                                          (struct tide_file_cache_version){40, {1}},
                                          &source,
                                          &path,
                                          NULL),
                     TIDE_OK);
    assert_int_equal(loader.copy_count, 0);
    unpin(&world, "a.parquet");
    assert_true(is_kept(&world, "a.parquet"));
    tide_bytes_release(&path);
    reopen(&world, 40); /* a smaller bound */
    assert_true(tide_file_cache_bytes(world.cache) <= 40);
    close_world(&world);
}

static void sources_that_fail(void **state)
{
    (void)state;
    struct world world;
    static const enum tide_status statuses[] = {TIDE_RETRY, TIDE_REJECT, TIDE_FATAL};
    open_world(&world, 1);
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct loader loader = {.io = world.io, .status = statuses[i]};
        const struct tide_file_cache_source source = {copy, &loader};
        struct tide_bytes path = {0};
        assert_int_equal(tide_file_cache_load(world.cache,
                                              TIDE_VIEW("a"),
                                              (struct tide_file_cache_version){40, {1}},
                                              &source,
                                              &path,
                                              NULL),
                         statuses[i]);
        /* A copy that is shorter than it must be is none. */
        loader = (struct loader){.io = world.io, .text = "short"};
        assert_int_equal(tide_file_cache_load(world.cache,
                                              TIDE_VIEW("a"),
                                              (struct tide_file_cache_version){40, {1}},
                                              &source,
                                              &path,
                                              NULL),
                         TIDE_RETRY);
        tide_bytes_release(&path);
        assert_int_equal(files_on_disk(&world), 0);
        assert_int_equal(tide_file_cache_bytes(world.cache), 0);
    }
    assert_int_equal(load(&world, "a", forty, 1), TIDE_OK);
    close_world(&world);
}

/* After a fault at each operation, and a power cut, the cache opens and gives whole copies. */
static void faults_at_every_operation(void **state)
{
    (void)state;
    static const enum tide_io_sim_fault faults[] = {
        TIDE_IO_SIM_FAULT_CRASH, TIDE_IO_SIM_FAULT_NO_SPACE, TIDE_IO_SIM_FAULT_SYNC_FAILS};
    int failure_count = 0;
    for (uint64_t seed = 0; seed < 24; seed++) {
        for (uint64_t at = 1; at < 16; at++) {
            struct world world;
            struct loader loader = {.text = forty};
            const struct tide_file_cache_source source = {copy, &loader};
            struct tide_bytes path = {0};
            open_world(&world, seed);
            loader.io = world.io;
            tide_io_sim_arm(world.sim, faults[seed % 3], at);
            failure_count += tide_file_cache_load(world.cache,
                                                  TIDE_VIEW("a"),
                                                  (struct tide_file_cache_version){40, {1}},
                                                  &source,
                                                  &path,
                                                  NULL) != TIDE_OK;
            tide_io_sim_restart(world.sim);
            reopen(&world, MAX);
            assert_int_equal(load(&world, "a", forty, 1), TIDE_OK);
            tide_bytes_release(&path);
            close_world(&world);
        }
    }
    assert_true(failure_count > 24);
}

/* ---- threads */

struct shared {
    struct tide_file_cache *cache;
    pthread_barrier_t barrier;
    struct loader loader;
};

static void *load_shared(void *argument)
{
    struct shared *shared = argument;
    const struct tide_file_cache_source source = {copy, &shared->loader};
    int ok_count = 0;
    for (int round = 0; round < 20; round++) {
        char name[32];
        struct tide_bytes path = {0};
        (void)snprintf(name, sizeof(name), "%d", round);
        (void)pthread_barrier_wait(&shared->barrier);
        const enum tide_status status =
            tide_file_cache_load(shared->cache,
                                 tide_view_of(name),
                                 (struct tide_file_cache_version){40, {1}},
                                 &source,
                                 &path,
                                 NULL);
        ok_count += status == TIDE_OK;
        (void)pthread_barrier_wait(&shared->barrier);
        if (status == TIDE_OK) {
            tide_file_cache_unpin(shared->cache, tide_view_of(name));
        }
        tide_bytes_release(&path);
    }
    return (void *)(intptr_t)ok_count;
}

/* Those that want the same object wait for the one that copies it. */
static void many_want_the_same(void **state)
{
    (void)state;
    char directory[] = "/tmp/tidemark-test-cache-XXXXXX";
    struct shared shared = {.loader = {.io = tide_io_os(), .text = forty}};
    pthread_t threads[THREADS];
    assert_non_null(mkdtemp(directory));
    assert_int_equal(tide_file_cache_open(tide_io_os(), directory, MAX, &shared.cache, NULL),
                     TIDE_OK);
    assert_int_equal(pthread_barrier_init(&shared.barrier, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, load_shared, &shared), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *ok_count = NULL;
        assert_int_equal(pthread_join(threads[i], &ok_count), 0);
        assert_int_equal((intptr_t)ok_count, 20);
    }
    assert_int_equal(shared.loader.copy_count, 20);
    (void)pthread_barrier_destroy(&shared.barrier);
    tide_file_cache_close(shared.cache);
    remove_tree(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_unused_makes_room),
        cmocka_unit_test(what_is_pinned_stays),
        cmocka_unit_test(versions_are_told_apart),
        cmocka_unit_test(the_next_process_finds_them),
        cmocka_unit_test(sources_that_fail),
        cmocka_unit_test(faults_at_every_operation),
        cmocka_unit_test(many_want_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
