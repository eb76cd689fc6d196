/* Goal: an object is there whole or not at all, what was answered OK survives a power cut, one of
 * two creators wins. Method: the contract on the simulated disk; a crash, a kill or a full disk at
 * every operation of each write, then the world after it; the suite of all stores on the real
 * disk. */
#include "lake/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io_sim.h"
#include "support/remove_tree.h"
#include "support/store_suite.h"

enum {
    SEEDS = 8,
    OPERATIONS_MAX = 60
};
static const char key[] = "events/_delta_log/0.json";
static const char scratch[] = "scratch/file";

struct world {
    struct tide_io_sim *sim;
    struct tide_io io;
    struct tide_store store;
};

static struct world world_create(uint64_t seed)
{
    struct world world = {.sim = tide_io_sim_create(seed)};
    assert_non_null(world.sim);
    world.io = tide_io_sim_io(world.sim);
    assert_int_equal(tide_store_local_open(world.io, "lake/", &world.store, NULL), TIDE_OK);
    assert_int_equal(world.io.operations->make_directory(world.io.self, "scratch", NULL), TIDE_OK);
    return world;
}

static void world_destroy(struct world *world)
{
    world->store.operations->close(world->store.self);
    tide_io_sim_destroy(world->sim);
}

/* What is under a key: the text, or "" where there is nothing. */
static void read_object(const struct world *world, const char *name, char *text, size_t size)
{
    struct tide_bytes bytes = {0};
    enum tide_status status =
        world->store.operations->get(world->store.self, name, &bytes, size - 1, NULL);
    assert_true(status == TIDE_OK || status == TIDE_REJECT);
    memset(text, 0, size);
    if (status == TIDE_OK && bytes.size > 0) {
        memcpy(text, bytes.data, bytes.size);
    }
    tide_bytes_release(&bytes);
}

static void assert_object(const struct world *world, const char *name, const char *wanted)
{
    char text[64];
    read_object(world, name, text, sizeof(text));
    assert_string_equal(text, wanted);
}

static enum tide_status put(const struct world *world, const char *text)
{
    return world->store.operations->put_if_absent(world->store.self, key, tide_view_of(text), NULL);
}

static void write_scratch(const struct world *world, const char *text)
{
    struct tide_file file = {0};
    const struct tide_io_operations *io = world->io.operations;
    (void)io->remove(world->io.self, scratch, NULL);
    assert_int_equal(io->open(world->io.self, scratch, TIDE_IO_CREATE, &file, NULL), TIDE_OK);
    assert_int_equal(io->write(world->io.self, file, 0, text, strlen(text), NULL), TIDE_OK);
    io->close(world->io.self, &file);
}

static bool scratch_exists(const struct world *world)
{
    struct tide_file file = {0};
    enum tide_status status =
        world->io.operations->open(world->io.self, scratch, TIDE_IO_READ, &file, NULL);
    world->io.operations->close(world->io.self, &file);
    return status == TIDE_OK;
}

struct seen {
    int object_count;
    int folder_count;
    struct tide_store_entry entry; /* the last; its name is gone */
};

static void see_entry(void *context, const struct tide_store_entry *entry)
{
    struct seen *seen = context;
    assert_string_equal(entry->name, entry->is_folder ? "_delta_log" : "0.json");
    seen->object_count += !entry->is_folder;
    seen->folder_count += entry->is_folder;
    seen->entry = *entry;
}

static void test_contract(void **state)
{
    (void)state;
    struct world world = world_create(1);
    const struct tide_store_operations *store = world.store.operations;
    struct tide_bytes bytes = {0};
    struct seen seen = {0};
    assert_object(&world, key, "");
    assert_int_equal(store->list(world.store.self, "events/", see_entry, &seen, NULL), TIDE_OK);
    assert_int_equal(put(&world, "one"), TIDE_OK);
    assert_int_equal(put(&world, "two"), TIDE_REJECT);
    assert_object(&world, key, "one");
    assert_int_equal(store->get(world.store.self, key, &bytes, 2, NULL), TIDE_REJECT);
    tide_bytes_release(&bytes);
    assert_int_equal(store->list(world.store.self, "events/", see_entry, &seen, NULL), TIDE_OK);
    assert_int_equal(seen.object_count, 0);
    assert_int_equal(seen.folder_count, 1);
    assert_int_equal(store->list(world.store.self, "events/_delta_log/", see_entry, &seen, NULL),
                     TIDE_OK);
    assert_int_equal(seen.object_count, 1);
    assert_int_equal(seen.entry.size, 3);
    write_scratch(&world, "three");
    assert_int_equal(store->put_file(world.store.self, key, scratch, NULL), TIDE_OK);
    assert_false(scratch_exists(&world));
    assert_object(&world, key, "three"); /* replaced */
    assert_int_equal(store->put_file(world.store.self, key, scratch, NULL), TIDE_OK);
    assert_int_equal(store->put_file(world.store.self, "a/b", scratch, NULL), TIDE_FATAL);
    assert_int_equal(store->remove(world.store.self, key, NULL), TIDE_OK);
    assert_int_equal(store->remove(world.store.self, key, NULL), TIDE_REJECT);
    assert_object(&world, key, "");
    world_destroy(&world);
}

static void test_fetch_gives_the_object_itself(void **state)
{
    (void)state;
    struct world world = world_create(1);
    const struct tide_store_operations *store = world.store.operations;
    struct tide_bytes path = {0};
    assert_int_equal(store->fetch(world.store.self, key, &path, NULL), TIDE_REJECT);
    assert_int_equal(put(&world, "one"), TIDE_OK);
    assert_int_equal(store->fetch(world.store.self, key, &path, NULL), TIDE_OK);
    assert_string_equal(tide_bytes_terminated(&path), "lake/events/_delta_log/0.json");
    store->unpin(world.store.self, key);
    assert_int_equal(store->fetch(world.store.self, "events", &path, NULL), TIDE_REJECT);
    assert_int_equal(store->fetch(world.store.self, "../a", &path, NULL), TIDE_FATAL);
    tide_bytes_release(&path);
    world_destroy(&world);
}

/* A listing stops at the first entry that cannot be looked at, and says so. */
static void test_a_listing_is_whole_or_fails(void **state)
{
    (void)state;
    for (uint64_t at = 1; at < 4; at++) {
        struct world world = world_create(at);
        struct seen seen = {0};
        assert_int_equal(put(&world, "one"), TIDE_OK);
        tide_io_sim_arm(world.sim, TIDE_IO_SIM_FAULT_CRASH, at);
        enum tide_status status = world.store.operations->list(
            world.store.self, "events/_delta_log/", see_entry, &seen, NULL);
        assert_int_equal(status, at < 3 ? TIDE_FATAL : TIDE_OK);
        assert_int_equal(seen.object_count, at < 3 ? 0 : 1);
        world_destroy(&world);
    }
}

static void test_keys_are_checked(void **state)
{
    (void)state;
    struct world world = world_create(1);
    const struct tide_store_operations *store = world.store.operations;
    struct tide_bytes bytes = {0};
    static const char bad[] = "../scratch/file";
    write_scratch(&world, "secret");
    assert_int_equal(store->get(world.store.self, bad, &bytes, 100, NULL), TIDE_FATAL);
    assert_int_equal(store->put_if_absent(world.store.self, bad, TIDE_VIEW("x"), NULL), TIDE_FATAL);
    assert_int_equal(store->put_file(world.store.self, bad, scratch, NULL), TIDE_FATAL);
    assert_int_equal(store->remove(world.store.self, bad, NULL), TIDE_FATAL);
    assert_int_equal(store->list(world.store.self, "../", NULL, NULL, NULL), TIDE_FATAL);
    assert_true(scratch_exists(&world));
    world_destroy(&world);
}

enum attempt {
    PUT_IF_ABSENT,
    PUT_FILE,
    ATTEMPTS,
};

static enum tide_status attempt_write(const struct world *world, enum attempt attempt)
{
    return attempt == PUT_IF_ABSENT
               ? put(world, "content")
               : world->store.operations->put_file(world->store.self, key, scratch, NULL);
}

static void restart(struct world *world, bool is_power_cut)
{
    if (is_power_cut) {
        tide_io_sim_restart(world->sim);
    } else {
        tide_io_sim_kill(world->sim);
    }
    world->store.operations->close(world->store.self);
    assert_int_equal(tide_store_local_open(world->io, "lake", &world->store, NULL), TIDE_OK);
}

/* The object after the fault: absent or whole, and there if OK was said. What was seen then is
 * still there after a power cut, since recovery builds on what it sees. */
static void check_after(struct world *world, enum attempt attempt, enum tide_status said)
{
    char text[64];
    read_object(world, key, text, sizeof(text));
    assert_true(text[0] == '\0' || strcmp(text, "content") == 0);
    assert_true(said != TIDE_OK || text[0] != '\0');
    bool was_there = text[0] != '\0';
    restart(world, true);
    read_object(world, key, text, sizeof(text));
    assert_true(!was_there || strcmp(text, "content") == 0);
    if (attempt == PUT_FILE && (text[0] == '\0' || scratch_exists(world))) {
        write_scratch(world, "content"); /* it was never durable: its owner writes it anew */
    }
    enum tide_status again = attempt_write(world, attempt);
    assert_true(again == TIDE_OK || (again == TIDE_REJECT && attempt == PUT_IF_ABSENT));
    restart(world, true);
    assert_object(world, key, "content");
}

static void one_fault(
    enum attempt attempt, uint64_t seed, uint64_t at, enum tide_io_sim_fault fault, bool *is_hit)
{
    struct world world = world_create(seed);
    write_scratch(&world, "content");
    uint64_t before = tide_io_sim_operation_count(world.sim);
    tide_io_sim_arm(world.sim, fault, at);
    enum tide_status said = attempt_write(&world, attempt);
    *is_hit = tide_io_sim_operation_count(world.sim) - before >= at;
    if (fault == TIDE_IO_SIM_FAULT_NO_SPACE) {
        assert_true(said == TIDE_OK || said == TIDE_RETRY);
    }
    if (fault == TIDE_IO_SIM_FAULT_CRASH && *is_hit) {
        /* Removing a temporary name comes last and changes no answer. */
        assert_true(said == TIDE_FATAL || said == TIDE_OK);
    }
    restart(&world, seed % 2 == 0 || fault == TIDE_IO_SIM_FAULT_SYNC_FAILS);
    check_after(&world, attempt, said);
    world_destroy(&world);
}

static void test_faults_at_every_operation(void **state)
{
    (void)state;
    static const enum tide_io_sim_fault faults[] = {
        TIDE_IO_SIM_FAULT_CRASH, TIDE_IO_SIM_FAULT_NO_SPACE, TIDE_IO_SIM_FAULT_SYNC_FAILS};
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        for (size_t fault = 0; fault < sizeof(faults) / sizeof(faults[0]); fault++) {
            uint64_t hit_count = 0;
            for (uint64_t seed = 0; seed < SEEDS; seed++) {
                bool is_hit = true;
                for (uint64_t at = 1; is_hit && at < OPERATIONS_MAX; at++) {
                    one_fault((enum attempt)attempt, seed, at, faults[fault], &is_hit);
                    hit_count += is_hit;
                }
                assert_false(is_hit); /* the sweep went past the end */
            }
            assert_true(hit_count >= (uint64_t)SEEDS * 4);
        }
    }
}

/* A name that a killed process left unsynced is made durable by whoever reads it. */
static void test_what_is_read_is_durable(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS * 4; seed++) {
        struct world world = world_create(seed);
        char from[] = "lake/events/x";
        struct tide_io io = world.io;
        assert_int_equal(io.operations->make_directory(io.self, "lake/events", NULL), TIDE_OK);
        assert_int_equal(tide_io_create_file(io, from, TIDE_VIEW("content"), NULL), TIDE_OK);
        assert_int_equal(io.operations->link(io.self, from, "lake/events/y", NULL), TIDE_OK);
        assert_object(&world, "events/y", "content");
        restart(&world, true);
        assert_object(&world, "events/y", "content");
        world_destroy(&world);
    }
}

/* ---- another device: renames fail, but within the lake */

static struct tide_io inner;

static enum tide_status rename_within(void *self,
                                      const char *from,
                                      const char *to,
                                      struct tide_error *error)
{
    if (strncmp(from, "scratch/", 8) == 0) {
        return tide_error_set(error, TIDE_FATAL, "another device");
    }
    return inner.operations->rename(self, from, to, error);
}

static void test_scratch_on_another_device(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < OPERATIONS_MAX; at++) {
        struct world world = world_create(at);
        inner = world.io;
        struct tide_io_operations operations = *world.io.operations;
        operations.rename = rename_within;
        struct tide_io io = {&operations, world.io.self};
        world.store.operations->close(world.store.self);
        assert_int_equal(tide_store_local_open(io, "lake", &world.store, NULL), TIDE_OK);
        write_scratch(&world, "content");
        if (at > 0) {
            tide_io_sim_arm(world.sim, TIDE_IO_SIM_FAULT_CRASH, at);
        }
        enum tide_status said = attempt_write(&world, PUT_FILE);
        assert_true(said == TIDE_OK || at > 0);
        assert_true(at > 0 || !scratch_exists(&world));
        restart(&world, true);
        check_after(&world, PUT_FILE, said);
        world_destroy(&world);
    }
}

/* ---- what every store does, on the real disk */

static int run_suite(void)
{
    char directory[] = "/tmp/tidemark-test-store-XXXXXX";
    char lake[64];
    struct store_suite suite = {.scratch_directory = directory};
    int failed = 1;
    if (mkdtemp(directory) == NULL) {
        return failed;
    }
    (void)snprintf(lake, sizeof(lake), "%s/lake", directory);
    if (tide_store_local_open(tide_io_os(), lake, &suite.store, NULL) == TIDE_OK) {
        failed = store_suite_run("local", &suite);
        suite.store.operations->close(suite.store.self);
    }
    remove_tree(directory);
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract),
        cmocka_unit_test(test_fetch_gives_the_object_itself),
        cmocka_unit_test(test_a_listing_is_whole_or_fails),
        cmocka_unit_test(test_keys_are_checked),
        cmocka_unit_test(test_faults_at_every_operation),
        cmocka_unit_test(test_what_is_read_is_durable),
        cmocka_unit_test(test_scratch_on_another_device),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + run_suite();
}
