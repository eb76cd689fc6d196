/* Goal: a pipeline keeps its name through every crash, and nothing starts on files that do not
 * belong together.
 * Method: each mistake with directories that a person can make; then a crash at every operation of
 * the first opening, followed by a kill and a power cut. */
#include "process/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/io_sim.h"

static struct tide_io_sim *sim;
static struct tide_io io;
static const struct tide_identity wanted = {.configuration = {5, 6}, .partition_count = 3};

static enum tide_status open_as(const char *data,
                                const char *lake,
                                const struct tide_identity *as,
                                struct tide_identity *identity,
                                struct tide_error *error)
{
    struct tide_store store = {0};
    enum tide_status status = io.operations->make_directory(io.self, data, error);
    if (status == TIDE_OK) {
        status = tide_store_local_open(io, lake, &store, error);
    }
    if (status == TIDE_OK) {
        status = tide_identity_open(io, data, store, as, identity, error);
        store.operations->close(store.self);
    }
    return status;
}

static int setup(void **state)
{
    (void)state;
    sim = tide_io_sim_create(1);
    io = tide_io_sim_io(sim);
    return sim == NULL;
}

static int teardown(void **state)
{
    (void)state;
    tide_io_sim_destroy(sim);
    return 0;
}

static void test_text(void **state)
{
    (void)state;
    char text[TIDE_IDENTITY_TEXT_SIZE];
    struct tide_u128 id = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)};
    struct tide_u128 back;
    tide_identity_format(id, text);
    assert_string_equal(text, "0123456789abcdeffedcba9876543210");
    assert_true(tide_identity_parse(tide_view_of(text), &back));
    assert_true(tide_u128_equal(id, back));
    static const char *const wrong[] = {"",
                                        "0123456789abcdeffedcba987654321",
                                        "0123456789abcdeffedcba98765432100",
                                        "0123456789abcdeffedcba987654321g",
                                        "0123456789ABCDEFfedcba9876543210",
                                        " 123456789abcdeffedcba9876543210"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(tide_identity_parse(tide_view_of(wrong[i]), &back));
    }
}

static void test_same_at_every_start(void **state)
{
    (void)state;
    struct tide_identity first;
    struct tide_identity again;
    struct tide_identity other;
    assert_int_equal(open_as("data", "lake", &wanted, &first, NULL), TIDE_OK);
    assert_false(tide_u128_equal(first.pipeline, (struct tide_u128){0}));
    assert_int_equal(first.partition_count, 3);
    assert_int_equal(open_as("data", "lake", &wanted, &again, NULL), TIDE_OK);
    assert_true(tide_u128_equal(first.pipeline, again.pipeline));
    assert_true(tide_u128_equal(first.configuration, again.configuration));
    assert_true(tide_identity_seed(&first) == tide_identity_seed(&again));
    assert_int_equal(open_as("data2", "lake2", &wanted, &other, NULL), TIDE_OK);
    assert_false(tide_u128_equal(first.pipeline, other.pipeline));
}

static void test_read(void **state)
{
    (void)state;
    struct tide_identity made;
    struct tide_identity read = {0};
    struct tide_store store = {0};
    struct tide_error error = {0};
    assert_int_equal(tide_store_local_open(io, "read-lake", &store, NULL), TIDE_OK);
    assert_int_equal(tide_identity_read(store, &read, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "there is no lake"));
    assert_int_equal(open_as("read-data", "read-lake", &wanted, &made, NULL), TIDE_OK);
    assert_int_equal(tide_identity_read(store, &read, NULL), TIDE_OK);
    assert_true(tide_u128_equal(read.pipeline, made.pipeline));
    assert_true(tide_u128_equal(read.configuration, made.configuration));
    assert_int_equal(read.partition_count, made.partition_count);
    store.operations->close(store.self);
}

static void expect_refusal(const char *data,
                           const char *lake,
                           const struct tide_identity *as,
                           const char *word)
{
    struct tide_identity identity;
    struct tide_error error = {0};
    assert_int_equal(open_as(data, lake, as, &identity, &error), TIDE_REJECT);
    if (strstr(error.text, word) == NULL) {
        fail_msg("'%s' does not mention '%s'", error.text, word);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    struct tide_identity identity;
    struct tide_identity other = wanted;
    assert_int_equal(open_as("data", "lake", &wanted, &identity, NULL), TIDE_OK);
    assert_int_equal(open_as("data2", "lake2", &wanted, &identity, NULL), TIDE_OK);
    expect_refusal("data", "lake2", &wanted, "another pipeline");
    expect_refusal("data3", "lake", &wanted, "whose log is not in");
    other.partition_count = 4;
    expect_refusal("data", "lake", &other, "partitions");
    other = wanted;
    other.configuration.low++;
    expect_refusal("data", "lake", &other, "another schema");
    assert_int_equal(io.operations->make_directory(io.self, "data/log", NULL), TIDE_OK);
    assert_int_equal(io.operations->remove(io.self, "data/identity", NULL), TIDE_OK);
    expect_refusal("data", "lake", &wanted, "identity file is lost");
    expect_refusal("data", "lake4", &wanted, "identity file is lost");
    assert_int_equal(io.operations->make_directory(io.self, "lake2/events/_delta_log", NULL),
                     TIDE_OK);
    assert_int_equal(
        tide_io_create_file(io, "lake2/events/_delta_log/0.json", TIDE_VIEW("{}"), NULL), TIDE_OK);
    assert_int_equal(io.operations->remove(io.self, "lake2/_tidemark/identity", NULL), TIDE_OK);
    expect_refusal("data2", "lake2", &wanted, "holds tables");
}

static void test_damage(void **state)
{
    (void)state;
    static const char *const names[] = {"data/identity", "lake/_tidemark/identity"};
    static const char *const contents[] = {"", "{", "{\"pipeline\": 5}", "{\"format\": 1}"};
    struct tide_identity identity;
    for (size_t n = 0; n < 2; n++) {
        assert_int_equal(open_as("data", "lake", &wanted, &identity, NULL), TIDE_OK);
        struct tide_bytes good = {0};
        assert_int_equal(tide_io_read_file(io, names[n], &good, 4096, NULL), TIDE_OK);
        for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
            assert_int_equal(io.operations->remove(io.self, names[n], NULL), TIDE_OK);
            assert_int_equal(tide_io_create_file(io, names[n], tide_view_of(contents[i]), NULL),
                             TIDE_OK);
            assert_int_equal(open_as("data", "lake", &wanted, &identity, NULL), TIDE_FATAL);
        }
        assert_int_equal(io.operations->remove(io.self, names[n], NULL), TIDE_OK);
        assert_int_equal(tide_io_create_file(io, names[n], tide_bytes_view(&good), NULL), TIDE_OK);
        tide_bytes_release(&good);
    }
}

/* Crash at operation n, kill or power cut, open, power cut, open: one name all along. */
static bool crash_at(uint64_t n, uint64_t seed, bool is_kill)
{
    struct tide_identity identity;
    struct tide_identity again;
    struct tide_error error = {0};
    sim = tide_io_sim_create(seed);
    io = tide_io_sim_io(sim);
    tide_io_sim_arm(sim, TIDE_IO_SIM_FAULT_CRASH, n);
    enum tide_status status = open_as("data", "lake", &wanted, &identity, &error);
    bool is_crashed = tide_io_sim_crashed(sim);
    assert_true(status == TIDE_OK || is_crashed);
    if (is_kill) {
        tide_io_sim_kill(sim);
    } else {
        tide_io_sim_restart(sim);
    }
    if (open_as("data", "lake", &wanted, &identity, &error) != TIDE_OK) {
        fail_msg("after a crash at operation %d: %s", (int)n, error.text);
    }
    tide_io_sim_restart(sim);
    if (open_as("data", "lake", &wanted, &again, &error) != TIDE_OK) {
        fail_msg("after a crash at operation %d and another: %s", (int)n, error.text);
    }
    assert_true(tide_u128_equal(identity.pipeline, again.pipeline));
    tide_io_sim_destroy(sim);
    return is_crashed;
}

static void test_crash_at_every_operation(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t n = 1;
        while (crash_at(n, seed, seed % 2 == 0)) {
            n++;
        }
        assert_true(n > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test_setup_teardown(test_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_at_every_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
        cmocka_unit_test(test_crash_at_every_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
