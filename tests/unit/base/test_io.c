/* Goal: whole small files are created once, whole or not at all, whatever stops the world; one that
 * is replaced is the old or the new.
 * Method: the helpers run on the simulated disk; a count of operations in peace, then one run per
 * operation and seed with a crash, a kill, no space or a failing sync at that operation. */
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/io_sim.h"

enum {
    SEED_COUNT = 24,
    OPERATION_COUNT_MAX = 12
};

static const struct tide_view whole = {"{\"epoch\":7}", 11};

struct world {
    struct tide_io_sim *sim;
    struct tide_io io;
};

static struct world open_world(uint64_t seed)
{
    struct world world = {.sim = tide_io_sim_create(seed)};
    assert_non_null(world.sim);
    world.io = tide_io_sim_io(world.sim);
    assert_int_equal(world.io.operations->make_directory(world.io.self, "lake/t", NULL), TIDE_OK);
    return world;
}

/* -1: absent, 1: there and whole. Anything else fails the test. */
static int look(struct tide_io io)
{
    struct tide_bytes bytes = {0};
    enum tide_status status = tide_io_read_file(io, "lake/t/manifest", &bytes, 100, NULL);
    int seen = status == TIDE_OK ? 1 : -1;
    if (status == TIDE_OK) {
        assert_true(tide_view_equal(tide_bytes_view(&bytes), whole));
    } else {
        assert_int_equal(status, TIDE_REJECT);
    }
    tide_bytes_release(&bytes);
    return seen;
}

struct count {
    int files;
};

static void count_file(void *context, const char *name, bool is_directory)
{
    struct count *count = context;
    assert_false(is_directory);
    assert_non_null(name);
    count->files++;
}

static void create_reads_back(void **state)
{
    (void)state;
    struct world world = open_world(1);
    struct tide_error error = {0};
    assert_int_equal(tide_io_create_file(world.io, "lake/t/manifest", whole, &error), TIDE_OK);
    assert_int_equal(look(world.io), 1);
    struct count count = {0};
    assert_int_equal(world.io.operations->list(world.io.self, "lake/t", count_file, &count, NULL),
                     TIDE_OK);
    assert_int_equal(count.files, 1); /* no temporary name stays */

    struct tide_view other = TIDE_VIEW("other");
    assert_int_equal(tide_io_create_file(world.io, "lake/t/manifest", other, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "lake/t/manifest exists already"));
    assert_int_equal(look(world.io), 1);
    count.files = 0;
    assert_int_equal(world.io.operations->list(world.io.self, "lake/t", count_file, &count, NULL),
                     TIDE_OK);
    assert_int_equal(count.files, 1);
    assert_int_equal(tide_io_create_file(world.io, "lake/none/x", whole, &error), TIDE_FATAL);
    tide_io_sim_destroy(world.sim);
}

static void read_is_bounded(void **state)
{
    (void)state;
    struct world world = open_world(2);
    struct tide_error error = {0};
    struct tide_bytes bytes = {0};
    assert_int_equal(tide_io_create_file(world.io, "m", whole, &error), TIDE_OK);
    assert_int_equal(tide_io_create_file(world.io, "empty", TIDE_VIEW(""), &error), TIDE_OK);
    tide_bytes_append_text(&bytes, "what was there");
    assert_int_equal(tide_io_read_file(world.io, "m", &bytes, whole.size, &error), TIDE_OK);
    assert_true(tide_view_equal(tide_bytes_view(&bytes), whole));
    assert_int_equal(tide_io_read_file(world.io, "m", &bytes, whole.size - 1, &error), TIDE_REJECT);
    assert_string_equal(error.text, "m has 11 bytes, more than 10");
    assert_int_equal(tide_io_read_file(world.io, "empty", &bytes, 0, &error), TIDE_OK);
    assert_int_equal(bytes.size, 0);
    assert_int_equal(tide_io_read_file(world.io, "none", &bytes, 9, &error), TIDE_REJECT);
    tide_bytes_release(&bytes);

    tide_bytes_init(&bytes, 4); /* the buffer's own maximum counts too */
    assert_int_equal(tide_io_read_file(world.io, "m", &bytes, 100, &error), TIDE_REJECT);
    tide_bytes_release(&bytes);
    tide_io_sim_destroy(world.sim);
}

struct tally {
    int absent;
    int present;
};

/* One run with a fault at one operation. */
static void run_fault(
    enum tide_io_sim_fault fault, uint64_t at, uint64_t seed, bool is_kill, struct tally *tally)
{
    struct world world = open_world(seed);
    struct tide_error error = {0};
    tide_io_sim_arm(world.sim, fault, at);
    enum tide_status status = tide_io_create_file(world.io, "lake/t/manifest", whole, &error);
    if (fault == TIDE_IO_SIM_FAULT_NO_SPACE && status != TIDE_OK) {
        assert_int_equal(status, TIDE_RETRY);
        assert_int_equal(look(world.io), -1);
        status = tide_io_create_file(world.io, "lake/t/manifest", whole, &error);
        assert_int_equal(status, TIDE_OK);
    }
    if (status != TIDE_OK) {
        assert_int_equal(status, TIDE_FATAL);
        assert_int_not_equal(error.text[0], '\0');
    }
    if (is_kill) {
        tide_io_sim_kill(world.sim);
    } else {
        tide_io_sim_restart(world.sim);
    }
    int seen = look(world.io);
    if (status == TIDE_OK) {
        assert_int_equal(seen, 1);
    }
    tally->absent += seen < 0 ? 1 : 0;
    tally->present += seen > 0 ? 1 : 0;
    tide_io_sim_destroy(world.sim);
}

static void create_survives_faults(void **state)
{
    (void)state;
    static const struct {
        enum tide_io_sim_fault fault;
        bool is_kill;
        bool may_lose;
    } cases[] = {
        {TIDE_IO_SIM_FAULT_CRASH, false, true},
        {TIDE_IO_SIM_FAULT_CRASH, true, true},
        {TIDE_IO_SIM_FAULT_NO_SPACE, false, false},
        {TIDE_IO_SIM_FAULT_SYNC_FAILS, false, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tally tally = {0};
        for (uint64_t at = 1; at <= OPERATION_COUNT_MAX; at++) {
            for (uint64_t seed = 0; seed < SEED_COUNT; seed++) {
                run_fault(cases[i].fault, at, seed, cases[i].is_kill, &tally);
            }
        }
        assert_true(tally.present > 0); /* the sweep saw both worlds */
        assert_int_equal(tally.absent > 0, cases[i].may_lose);
    }
}

static const struct tide_view newer = {"{\"epoch\":8,\"longer\":1}", 22};

/* 0: the old content, 1: the new one. Anything else fails the test. */
static int look_replaced(struct tide_io io)
{
    struct tide_bytes bytes = {0};
    assert_int_equal(tide_io_read_file(io, "lake/t/manifest", &bytes, 100, NULL), TIDE_OK);
    const bool is_new = tide_view_equal(tide_bytes_view(&bytes), newer);
    assert_true(is_new || tide_view_equal(tide_bytes_view(&bytes), whole));
    tide_bytes_release(&bytes);
    return is_new;
}

static void replace_is_whole(void **state)
{
    (void)state;
    struct world world = open_world(4);
    struct tide_error error = {0};
    struct count count = {0};
    assert_int_equal(tide_io_replace_file(world.io, "lake/t/manifest", whole, &error), TIDE_OK);
    assert_int_equal(look_replaced(world.io), 0);
    assert_int_equal(tide_io_replace_file(world.io, "lake/t/manifest", newer, &error), TIDE_OK);
    assert_int_equal(look_replaced(world.io), 1);
    assert_int_equal(world.io.operations->list(world.io.self, "lake/t", count_file, &count, NULL),
                     TIDE_OK);
    assert_int_equal(count.files, 1); /* no temporary name stays */
    assert_int_equal(tide_io_replace_file(world.io, "lake/none/x", whole, &error), TIDE_FATAL);
    tide_io_sim_destroy(world.sim);
}

/* The old or the new, at every point; the new one for good once the call said so. */
static void replace_survives_faults(void **state)
{
    (void)state;
    static const enum tide_io_sim_fault faults[] = {
        TIDE_IO_SIM_FAULT_CRASH, TIDE_IO_SIM_FAULT_NO_SPACE, TIDE_IO_SIM_FAULT_SYNC_FAILS};
    int seen[2] = {0, 0};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        for (uint64_t run = 0; run < OPERATION_COUNT_MAX * SEED_COUNT; run++) {
            struct world world = open_world(run);
            assert_int_equal(tide_io_create_file(world.io, "lake/t/manifest", whole, NULL),
                             TIDE_OK);
            tide_io_sim_arm(world.sim, faults[i], 1 + run / SEED_COUNT);
            const enum tide_status status =
                tide_io_replace_file(world.io, "lake/t/manifest", newer, NULL);
            assert_int_not_equal(status, TIDE_REJECT);
            tide_io_sim_restart(world.sim);
            const int is_new = look_replaced(world.io);
            assert_true(status != TIDE_OK || is_new);
            seen[is_new]++;
            tide_io_sim_destroy(world.sim);
        }
    }
    assert_true(seen[0] > 0 && seen[1] > 0); /* the sweep saw both worlds */
}

/* link refuses since the source is gone: nobody else won, so the answer must not be REJECT. */
static enum tide_status (*real_link)(void *, const char *, const char *, struct tide_error *);
static const struct tide_io_operations *real_operations;

static enum tide_status vanishing_link(void *self,
                                       const char *from,
                                       const char *to,
                                       struct tide_error *error)
{
    assert_int_equal(real_operations->remove(self, from, NULL), TIDE_OK);
    return real_link(self, from, to, error);
}

static void vanished_temporary_is_no_lost_race(void **state)
{
    (void)state;
    struct world world = open_world(3);
    struct tide_io_operations operations = *world.io.operations;
    real_operations = world.io.operations;
    real_link = operations.link;
    operations.link = vanishing_link;
    struct tide_io io = {&operations, world.io.self};
    struct tide_error error = {0};
    assert_int_equal(tide_io_create_file(io, "lake/t/manifest", whole, &error), TIDE_RETRY);
    assert_int_equal(look(world.io), -1);
    tide_io_sim_destroy(world.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_reads_back),
        cmocka_unit_test(read_is_bounded),
        cmocka_unit_test(create_survives_faults),
        cmocka_unit_test(vanished_temporary_is_no_lost_race),
        cmocka_unit_test(replace_is_whole),
        cmocka_unit_test(replace_survives_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
